"""Where the answer turns along one quantity: its tipping points.

Parameters, pooled effects and derived quantities are given values; everything else keeps its draws (see
`heor.questions.response`). What acts before the draws cannot be put into them: see `heor.questions.asked`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from heor.decision.thresholds import Thresholds
from heor.problem.problem import DecisionProblem
from heor.problem.units import UNITS, unit_of
from heor.questions.crossings import crossings, worth_after
from heor.questions.one_way_cases import labels as parameter_labels
from heor.questions.one_way_cases import uncertain_parameters
from heor.questions.response import Response
from heor.usage.usage import curve_inputs

POINTS = 9  # of a search along what acts on survival; net benefit may turn there
FEW_POINTS = 3  # along anything else: net benefit is straight, or nearly
REFINEMENTS = 2  # evaluations where net benefit seems to turn
TOLERANCE = 1e-6  # of the range: a crossing this near to an evaluated value is one
INSIDE = (0.001, 0.999)  # quantiles between which an uncertain parameter is searched
AGES = 10.0  # years to either side of the starting age
LARGEST_CORRELATION = 0.95  # searched: nearer to 1 the draws of two names are one


def search_range(problem: DecisionProblem, name: str, values: np.ndarray) -> tuple[float, float]:
    """Values (internal unit) between which a crossing is looked for.

    Of an uncertain quantity its 0.1 and 99.9 % quantiles over draws (`values`); of a fixed one half to
    twice its value (0 to 1 where that is 0), ten years either side of the starting age; within what its
    unit and its sign allow.
    """
    if np.ptp(values) > 0:
        low, high = (float(x) for x in np.quantile(values, INSIDE))
        reach = 0.1 * (high - low)  # a few hundred draws do not reach these quantiles
        low, high = low - reach, high + reach
    elif name == "start_age":
        low, high = values[0] - AGES, min(values[0] + AGES, problem.settings.end_age - 1)
    else:
        low, high = sorted((0.5 * values[0], 2.0 * values[0])) if values[0] else (0.0, 1.0)
    if values.min() >= 0:
        low = max(low, 0.0)
    unit = unit_of(problem, name)
    if unit is UNITS["correlation"]:
        low, high = max(low, -LARGEST_CORRELATION), min(high, LARGEST_CORRELATION)
    if unit is None:
        return low, high
    return max(low, unit.low * unit.factor), min(high, unit.high * unit.factor)


def tipping_points(
    response: Response,
    thresholds: Thresholds,
    names: Sequence[str] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Values at which the intervention starts or stops being worth its cost; every one of them.

    Parameters
    ----------
    thresholds
        Names and values.
    names
        Of what to search along; all uncertain parameters when None.
    limits
        Range (internal unit) of some names; `search_range` of the others.

    Returns
    -------
    DataFrame
        `parameter, description, unit, status, searched_from, searched_to, threshold_name, threshold,
        value, se, worth_above, probability`: a row for each crossing, in the units of entry. `se`: Monte
        Carlo error of net benefit there over the slope of net benefit. `worth_above`:
        whether the intervention is worth its cost just above it. `probability`: share of draws on the
        side that is not worth it. Without a crossing `value` is missing and `worth_above` says what
        holds throughout.
    """
    problem, limits = response.problem, dict(limits or {})
    names = uncertain_parameters(problem) if names is None else list(names)
    on_curves = curve_inputs(problem)
    lines: dict[str, Line] = {}
    asked = {}
    for name in names:
        given = limits.get(name) or search_range(problem, name, response.draws.values[name])
        asked[name] = np.linspace(*given, POINTS if name in on_curves else FEW_POINTS)
    for _ in range(1 + REFINEMENTS):  # all names at once: one simulation a step
        points = [(name, x) for name, xs in asked.items() for x in xs]
        if not points:
            break
        cost, qalys = response.increments([{name: x} for name, x in points])
        for (name, x), c, q in zip(points, cost, qalys, strict=True):
            lines.setdefault(name, Line()).add(x, c, q)
        asked = {name: line.unseen_crossings(thresholds) for name, line in lines.items()}
    for name, line in lines.items():
        if not response.needs_simulation([name]):
            line.exact = partial(_at, response, name)
    rows = [row for name, line in lines.items() for row in _turns(response, name, line, thresholds)]
    columns = ["parameter", "description", "unit", "status", "searched_from", "searched_to"]
    columns += ["threshold_name", "threshold", "value", "se", "worth_above", "probability"]
    return _with_errors(response, lines, pd.DataFrame(rows, columns=columns))


def _at(response: Response, name: str, x: float) -> tuple[float, float]:
    """Mean incremental cost and QALYs with a name at a value."""
    cost, qalys = response.increments([{name: x}])
    return float(cost[0]), float(qalys[0])


def _with_errors(
    response: Response, lines: Mapping[str, Line], table: pd.DataFrame
) -> pd.DataFrame:
    """Monte Carlo error of each crossing: that of net benefit there, over the slope of net benefit."""
    found = table[table["value"].notna()]
    if found.empty:
        return table
    factors = [parameter_labels(response.problem, n)["factor"] for n in found["parameter"]]
    at = found["value"].to_numpy() * factors
    cases = [{n: x} for n, x in zip(found["parameter"], at, strict=True)]
    se = response.estimates(cases).net_benefit_se(found["threshold"].to_numpy())
    errors = []
    for k, (name, threshold) in enumerate(zip(found["parameter"], found["threshold"], strict=True)):
        curve = PchipInterpolator(lines[name].x, lines[name].benefit(threshold))
        slope = abs(float(curve(at[k], nu=1)))
        errors.append(se[k] / slope / factors[k] if slope > 0 else np.nan)
    table.loc[found.index, "se"] = errors
    return table


@dataclass
class Line:
    """Mean increments at the values of one quantity, in rising order.

    Attributes
    ----------
    exact : function or None
        Cost and QALYs at any value, where that needs no simulation: crossings are then solved for.
    """

    x: np.ndarray = field(default_factory=lambda: np.empty(0))
    cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    qalys: np.ndarray = field(default_factory=lambda: np.empty(0))
    exact: Callable[[float], tuple[float, float]] | None = None

    def add(self, x: float, cost: float, qalys: float) -> None:
        place = int(np.searchsorted(self.x, x))
        self.x = np.insert(self.x, place, x)
        self.cost = np.insert(self.cost, place, cost)
        self.qalys = np.insert(self.qalys, place, qalys)

    def benefit(self, threshold: float) -> np.ndarray:
        """Net benefit at the values."""
        return threshold * self.qalys - self.cost

    def crossings(self, threshold: float) -> np.ndarray:
        """Values at which net benefit is zero."""
        found = crossings(self.x, self.benefit(threshold))
        if self.exact is None:
            return found
        return np.array([self._solved(x, threshold) for x in found])

    def _solved(self, x: float, threshold: float) -> float:
        """The crossing between the evaluated values to either side of where one seems to be."""
        assert self.exact is not None
        benefit = self.benefit(threshold)
        after = int(np.clip(np.searchsorted(self.x, x), 1, len(self.x) - 1))
        ends = [k for k in (after - 1, after, after + 1) if k < len(self.x)]
        for low, high in pairwise(ends):
            if benefit[low] * benefit[high] < 0:
                return float(brentq(partial(self._benefit, threshold), self.x[low], self.x[high]))
        return x  # an evaluated value where net benefit is exactly zero

    def _benefit(self, threshold: float, x: float) -> float:
        assert self.exact is not None
        cost, qalys = self.exact(x)
        return threshold * qalys - cost

    def unseen_crossings(self, thresholds: Thresholds) -> list[float]:
        """Where net benefit seems to turn, and was not evaluated yet."""
        near = TOLERANCE * (self.x[-1] - self.x[0])
        found = [x for _, t in thresholds for x in self.crossings(t)]
        return sorted({x for x in found if np.abs(self.x - x).min() > near})


def _turns(response: Response, name: str, line: Line, thresholds: Thresholds) -> list[dict]:
    """Rows of one name: its crossings at each threshold, or what holds throughout."""
    about = parameter_labels(response.problem, name)
    factor = about.pop("factor")
    about |= {"searched_from": line.x[0] / factor, "searched_to": line.x[-1] / factor}
    own, rows = response.whole[name], []
    for label, threshold in thresholds:
        at = {**about, "threshold_name": label, "threshold": threshold}
        benefit = line.benefit(threshold)
        found = line.crossings(threshold)
        if not len(found):
            rows.append({**at, "value": np.nan, "se": np.nan, "worth_above": bool(benefit[0] > 0)})
            continue
        for value in found:
            worth = worth_after(line.x, benefit, value)
            share = float((own < value).mean() if worth else (own > value).mean())
            rows.append({**at, "value": value / factor, "worth_above": worth, "probability": share})
    return rows
