"""What the answer would be if a quantity had another value: tipping points, prices, maps.

Parameters, pooled effects and derived quantities can be given a value; everything else keeps its draws.
All cases share the same draws, and the mean increments are corrected by how far those draws are from all
draws of the run, so that the run's own answer lies on every curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from heor.decision import cost_effectiveness
from heor.decision.crossings import WhatIfMap, crossings
from heor.decision.sensitivity import labels as parameter_labels
from heor.decision.sensitivity import uncertain_parameters
from heor.errors import InputError
from heor.inputs.curve_types import expressions
from heor.inputs.expressions import names_in
from heor.inputs.layers import nearest
from heor.inputs.problem import DecisionProblem
from heor.inputs.structures import cohort_equivalent
from heor.inputs.units import UNITS, lookup
from heor.inputs.what_if import Axis, WhatIf
from heor.outcomes.monte_carlo import monte_carlo_se
from heor.parameters.draws import CurveDraws, Draws, add_derived
from heor.results import Simulation
from heor.simulation import simulate

DRAWS = 500  # shared by all cases, at most
LEAST_DRAWS, SHARE = 40, 10  # at least so many, or one in so many of the run's
POINTS = 9  # of a search along what acts on survival; net benefit may turn there
FEW_POINTS = 3  # along anything else: net benefit is straight, or nearly
REFINEMENTS = 2  # evaluations where net benefit seems to turn
TOLERANCE = 1e-6  # of the range: a crossing this near to an evaluated value is one
INSIDE = (0.001, 0.999)  # quantiles between which an uncertain parameter is searched
Case = Mapping[str, float]
Thresholds = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Response:
    """Mean increments of cost and QALYs as a function of given values.

    Attributes
    ----------
    problem : DecisionProblem
    draws : Draws
        Those all cases share.
    shift : tuple of float
        Added to mean incremental cost and QALYs: all draws of the run less those used here.
    whole : dict
        Name → values in all draws of the run.
    """

    problem: DecisionProblem
    draws: Draws
    shift: tuple[float, float]
    whole: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        problem: DecisionProblem,
        draws: Draws,
        simulation: Simulation,
        size: int | None = None,
    ) -> Response:
        """The response around a run, on some of its draws, evenly spaced.

        An individual-level model is replaced by its cohort equivalent where there is one.
        """
        roles = problem.settings.comparator, problem.settings.intervention
        whole = cost_effectiveness.increments(simulation.outcomes, *roles)
        size = min(DRAWS, max(LEAST_DRAWS, draws.n // SHARE)) if size is None else size
        some = thinned(draws, size)
        used = cohort_equivalent(replace(problem, trial=None))
        response = cls(used, some, (0.0, 0.0), draws.values)
        cost, qalys = response.increments([{}])
        shift = float(whole["cost"].mean() - cost[0]), float(whole["qalys"].mean() - qalys[0])
        return replace(response, shift=shift)

    def lag(self, name: str) -> float:
        """By how much the mean of a quantity over the draws used here is above that over all draws."""
        return (
            float(self.draws.values[name].mean() - self.whole[name].mean()) if self.whole else 0.0
        )

    def increments(self, cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
        """Mean incremental cost and QALYs with names fixed at values. Dims of each: case."""
        cost, qalys = (c.mean(axis=1) for c in self.changes(cases))
        return cost + self.shift[0], qalys + self.shift[1]

    def changes(self, cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
        """Incremental cost and QALYs in every draw. Dims of each: (case, draw)."""
        problem, n = self.problem, self.draws.n
        tiled = {k: np.tile(v, len(cases)) for k, v in self.draws.values.items()}
        names = dict.fromkeys(name for case in cases for name in case)
        unknown = [name for name in names if name not in tiled]
        if unknown:
            raise InputError(
                f"what if: unknown name '{unknown[0]}'; parameters, pooled effects and derived "
                "quantities can be given a value."
            )
        fixed = {name: tiled[name].copy() for name in names}
        for i, case in enumerate(cases):
            for name, value in case.items():
                fixed[name][i * n : (i + 1) * n] = value
        inputs = {k: v for k, v in tiled.items() if k not in problem.derived} | fixed
        values = add_derived(problem, inputs, given=fixed)
        index = np.tile(np.arange(n), len(cases))
        curves = {k: _taken(c, index) for k, c in self.draws.curves.items()}
        # at extreme values many a hazard ratio is out of reach; the nearest is used
        outcomes = simulate(problem, Draws(values, curves), unattained_most=1.0).outcomes
        roles = problem.settings.comparator, problem.settings.intervention
        change = cost_effectiveness.increments(outcomes, *roles)
        return change["cost"].reshape(len(cases), n), change["qalys"].reshape(len(cases), n)


def thinned(draws: Draws, size: int) -> Draws:
    """Some of the draws, evenly spaced."""
    rows = np.unique(np.linspace(0, draws.n - 1, min(size, draws.n)).round().astype(int))
    return Draws(
        {k: v[rows] for k, v in draws.values.items()},
        {k: _taken(c, rows) for k, c in draws.curves.items()},
    )


def _taken(curves: CurveDraws, rows: np.ndarray) -> CurveDraws:
    return CurveDraws(curves.families, curves.family[rows], curves.theta[rows])


def search_range(response: Response, name: str) -> tuple[float, float]:
    """Values (internal unit) between which a crossing is looked for.

    Of an uncertain quantity its 0.1 and 99.9 % quantiles over draws; of a fixed one half to twice its
    value (0 to 1 where that is 0), within what its unit allows.
    """
    draws = response.draws.values[name]
    if np.ptp(draws) > 0:
        low, high = (float(x) for x in np.quantile(draws, INSIDE))
        reach = 0.1 * (high - low)  # a few hundred draws do not reach these quantiles
        low, high = low - reach, high + reach
    else:
        low, high = sorted((0.5 * draws[0], 2.0 * draws[0])) if draws[0] else (0.0, 1.0)
    parameter = response.problem.parameters.get(name)
    unit = lookup(parameter.unit, response.problem.country.currency) if parameter else None
    if name in response.problem.syntheses:
        known = UNITS[response.problem.syntheses[name].unit]
    elif unit:
        known = unit[1]
    else:  # a derived quantity: its sign is kept
        return (max(low, 0.0), high) if draws.min() >= 0 else (low, high)
    return max(low, known.low * known.factor), min(high, known.high * known.factor)


def curve_inputs(problem: DecisionProblem) -> set[str]:
    """Names that act on survival or transitions, through whatever they enter."""
    texts = []
    for strategy in problem.strategies.values():
        texts += [strategy.after_progression, *strategy.groups.values()]
        texts += [text for curve in strategy.curves.values() for _, text in expressions(curve)]
        texts += [t.expression for t in strategy.transitions]
        texts += [t.hazard_ratio for t in strategy.transitions]
    found: set[str] = set()
    pending = [name for text in texts for name in names_in(text)]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += names_in(problem.derived.get(name, "0"))
    return found


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
        value, se, worth_above, probability`: a row for each crossing, in the units of entry. `worth_above`:
        whether the intervention is worth its cost just above it. `probability`: share of draws on the
        side that is not worth it. Without a crossing `value` is missing and `worth_above` says what
        holds throughout.
    """
    names = uncertain_parameters(response.problem) if names is None else list(names)
    limits, on_curves = dict(limits or {}), curve_inputs(response.problem)
    lines: dict[str, Line] = {}
    asked = {}
    for name in names:
        low, high = limits[name] if name in limits else search_range(response, name)
        asked[name] = np.linspace(low, high, POINTS if name in on_curves else FEW_POINTS)
    for _ in range(1 + REFINEMENTS):  # all names at once: one simulation a step
        points = [(name, x) for name, xs in asked.items() for x in xs]
        if not points:
            break
        cost, qalys = response.increments([{name: x} for name, x in points])
        for (name, x), c, q in zip(points, cost, qalys, strict=True):
            lag = 0.0 if name in on_curves else response.lag(name)
            lines.setdefault(name, Line(lag)).add(x, c, q)
        asked = {name: line.unseen_crossings(thresholds) for name, line in lines.items()}
    rows = [row for name, line in lines.items() for row in _turns(response, name, line, thresholds)]
    columns = ["parameter", "description", "unit", "status", "searched_from", "searched_to"]
    columns += ["threshold_name", "threshold", "value", "se", "worth_above", "probability"]
    return _with_errors(response, lines, pd.DataFrame(rows, columns=columns))


def _with_errors(
    response: Response, lines: Mapping[str, Line], table: pd.DataFrame
) -> pd.DataFrame:
    """Monte Carlo error of each crossing: that of net benefit there, over the slope of net benefit."""
    found = table[table["value"].notna()]
    if found.empty:
        return table
    factors = [parameter_labels(response.problem, n)["factor"] for n in found["parameter"]]
    at = found["value"].to_numpy() * factors
    cases = [{}, *({n: x} for n, x in zip(found["parameter"], at, strict=True))]
    cost, qalys = response.changes(cases)
    errors = []
    for k, (name, threshold) in enumerate(zip(found["parameter"], found["threshold"], strict=True)):
        # the level is that of all draws; only what the value changes is known from these
        moved = threshold * (qalys[k + 1] - qalys[0]) - (cost[k + 1] - cost[0])
        line = lines[name]
        curve = PchipInterpolator(line.x, line.benefit(threshold))
        slope = abs(float(curve(at[k], nu=1)))
        se = float(monte_carlo_se(moved, response.problem.replicates))
        errors.append(se / slope / factors[k] if slope > 0 else np.nan)
    table.loc[found.index, "se"] = errors
    return table


@dataclass
class Line:
    """Mean increments at the values of one quantity, in rising order.

    `lag`: see `Response.lag`; of what net benefit is straight in, or nearly. The level of the increments is
    that of all draws while the quantity is at the mean of some; what that difference does is taken off.
    """

    lag: float = 0.0
    x: np.ndarray = field(default_factory=lambda: np.empty(0))
    cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    qalys: np.ndarray = field(default_factory=lambda: np.empty(0))

    def add(self, x: float, cost: float, qalys: float) -> None:
        place = int(np.searchsorted(self.x, x))
        self.x = np.insert(self.x, place, x)
        self.cost = np.insert(self.cost, place, cost)
        self.qalys = np.insert(self.qalys, place, qalys)

    def benefit(self, threshold: float) -> np.ndarray:
        """Net benefit at the values."""
        found = threshold * self.qalys - self.cost
        return found + self.lag * (found[-1] - found[0]) / (self.x[-1] - self.x[0])

    def crossings(self, threshold: float) -> np.ndarray:
        return crossings(self.x, self.benefit(threshold))

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
    own, rows = (response.whole or response.draws.values)[name], []
    for label, threshold in thresholds:
        at = {**about, "threshold_name": label, "threshold": threshold}
        benefit = line.benefit(threshold)
        found = line.crossings(threshold)
        if not len(found):
            rows.append({**at, "value": np.nan, "se": np.nan, "worth_above": bool(benefit[0] > 0)})
            continue
        for value in found:
            worth = _after(line.x, benefit, value)
            share = float((own < value).mean() if worth else (own > value).mean())
            rows.append({**at, "value": value / factor, "worth_above": worth, "probability": share})
    return rows


def value_based_prices(
    response: Response, thresholds: Thresholds, names: Sequence[str]
) -> pd.DataFrame:
    """The price at which net benefit is nil, for parameters that are prices.

    Net benefit is a straight line in a price, so two values give it; a third checks that it is.

    Returns
    -------
    DataFrame
        `parameter, description, unit, status, current, threshold_name, threshold, price, change`
        (share of the current price)`, worth_rises`. A price is missing where none is low enough, or (with
        `worth_rises`) where the comparator pays more of it than the intervention.
    """
    rows = []
    for name in names:
        about = parameter_labels(response.problem, name)
        factor = about.pop("factor")
        known = response.problem.parameters.get(name)
        current = float(response.draws.values[name].mean()) if known is None else known.mean
        x = np.array([0.0, current, 2 * current])
        cost, qalys = response.increments([{name: v} for v in x])
        for label, threshold in thresholds:
            y = threshold * qalys - cost
            y += (y[2] - y[0]) / (x[2] - x[0]) * response.lag(name) if current else 0.0
            slope = (y[2] - y[0]) / (x[2] - x[0]) if current else 0.0
            bent = abs(y[1] - (y[0] + y[2]) / 2) > 1e-6 * np.abs(y).max()
            price = y[0] / -slope if slope < 0 and not bent else np.nan
            price = price if price >= 0 else np.nan
            rows.append(
                {
                    **about,
                    "current": current / factor,
                    "threshold_name": label,
                    "threshold": threshold,
                    "price": price / factor,
                    "change": price / current - 1 if current else np.nan,
                    "worth_rises": bool(slope > 0),
                }
            )
    columns = ["parameter", "description", "unit", "status", "current", "threshold_name"]
    return pd.DataFrame(rows, columns=[*columns, "threshold", "price", "change", "worth_rises"])


def what_if_map(
    what_if: WhatIf,
    responses: Mapping[str, Response],
    thresholds: Thresholds,
    labels: Mapping[str, str],
    centre: Mapping[str, float],
) -> WhatIfMap:
    """Evaluate a map; `responses` by scenario."""
    axes = [what_if.x, *([what_if.y] if what_if.y else [])]
    grid = [dict(zip((a.name for a in axes), v, strict=True)) for v in _product(axes)]
    tables, found = [], []
    for scenario, response in responses.items():
        unit = {a.name: parameter_labels(response.problem, a.name)["factor"] for a in axes}
        cost, qalys = response.increments([{k: v * unit[k] for k, v in g.items()} for g in grid])
        own = pd.DataFrame(
            {
                "scenario": scenario,
                "x": [g[what_if.x.name] for g in grid],
                "y": [g[what_if.y.name] if what_if.y else np.nan for g in grid],
                "cost": cost,
                "qalys": qalys,
            }
        )
        tables.append(own)
        for name, threshold in thresholds:
            at = {"scenario": scenario, "threshold_name": name, "threshold": threshold}
            benefit = threshold * own["qalys"] - own["cost"]
            if what_if.y is None:
                found += [at | r for r in _along(own["x"], benefit, np.nan)]
                continue
            for x, rows in own.groupby("x"):
                found += [at | r for r in _along(rows["y"], benefit[rows.index], float(x))]
    columns = ["scenario", "threshold_name", "threshold", "x", "value", "worth_above"]
    table = pd.concat(tables, ignore_index=True)
    return WhatIfMap(what_if, table, pd.DataFrame(found, columns=columns), labels, centre)


def _product(axes: Sequence[Axis]) -> list[tuple[float, ...]]:
    grids = np.meshgrid(*(a.values for a in axes), indexing="ij")
    return list(zip(*(g.ravel() for g in grids), strict=True))


def _after(x: np.ndarray, benefit: np.ndarray, value: float) -> bool:
    """Whether net benefit is above nil just after a crossing: at the next value evaluated."""
    place = min(int(np.searchsorted(x, value, side="right")), len(x) - 1)
    return bool(benefit[place] > 0)


def _along(at: pd.Series, benefit: pd.Series, x: float) -> list[dict]:
    """Crossings along an axis; a row without a value where there is none."""
    points, values = at.to_numpy(), benefit.to_numpy()
    found = crossings(points, values)
    if not len(found):
        return [{"x": x, "value": np.nan, "worth_above": bool(values[0] > 0)}]
    return [
        {"x": x, "value": value, "worth_above": _after(points, values, value)} for value in found
    ]


def centre_of(
    problem: DecisionProblem, draws: Draws, simulation: Simulation, what_if: WhatIf
) -> dict[str, float]:
    """Where the run itself lies on the axes: the median of the quantity over draws, as entered."""
    ratios = {k: simulation.hazard_ratios[k].to_numpy() for k in simulation.hazard_ratios}
    known = {
        name: values / parameter_labels(problem, name)["factor"]
        for name, values in draws.values.items()
        if name in (what_if.x.compare, what_if.y.compare if what_if.y else "")
    } | ratios
    axes = [what_if.x, *([what_if.y] if what_if.y else [])]
    return {
        axis.name: float(np.median(known[axis.compare])) for axis in axes if axis.compare in known
    }


def question(
    response: Response,
    names: Sequence[str],
    limits: Mapping[str, tuple[float, float]] | None = None,
    points: int = POINTS,
) -> WhatIf:
    """A question about one or two names over their range (as entered), asked on the command line.

    Raises
    ------
    InputError
        Every name that cannot be given a value, and a range that does not rise.
    """
    problem, problems, axes = response.problem, [], []
    for name in names:
        if name not in response.draws.values:
            problems.append(
                f"what-if: unknown name '{name}'; parameters, pooled effects and derived quantities can be "
                f"given a value.{nearest(name, response.draws.values)}"
            )
            continue
        about = parameter_labels(problem, name)
        low, high = (x / about["factor"] for x in search_range(response, name))
        low, high = (limits or {}).get(name, (low, high))
        if high <= low:
            problems.append(f"what-if: {name} from {low:g} to {high:g}; the range must rise.")
            continue
        label = about["description"] + (f" ({about['unit']})" if about["unit"] else "")
        axes.append(Axis(name, label[:1].upper() + label[1:], low, high, points, name))
    if problems:
        raise InputError(problems)
    words = " and ".join(axis.label for axis in axes)
    return WhatIf("_".join(names), f"What if: {words}", axes[0], axes[1] if len(axes) > 1 else None)
