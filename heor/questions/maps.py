"""Maps of net benefit over one quantity or two: the question, its points, and the table of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from heor.decision.thresholds import SEVERITY, Thresholds, column
from heor.errors import InputError
from heor.faults import nearest
from heor.parameters.draws import Draws, draw_parameters
from heor.problem.problem import DecisionProblem
from heor.problem.units import range_fault
from heor.problem.what_if_targets import Axis, WhatIf
from heor.questions.crossings import WhatIfMap, crossings, worth_after
from heor.questions.one_way_cases import labels as parameter_labels
from heor.questions.response import Estimates
from heor.questions.tipping_points import search_range
from heor.simulation.simulated import Simulation
from heor.usage.usage import before_draws, names_in_draws

POINTS = 13  # of a question on the command line


def grid(what_if: WhatIf) -> list[dict[str, float]]:
    """The points of a map: name → value as entered, the second name fastest."""
    axes = [what_if.x, *([what_if.y] if what_if.y else [])]
    each = np.meshgrid(*(a.values for a in axes), indexing="ij")
    names = [a.name for a in axes]
    return [dict(zip(names, v, strict=True)) for v in zip(*(g.ravel() for g in each), strict=True)]


def internal(problem: DecisionProblem, point: Mapping[str, float]) -> dict[str, float]:
    """A point in internal units."""
    return {name: v * parameter_labels(problem, name)["factor"] for name, v in point.items()}


def what_if_map(
    what_if: WhatIf,
    problem: DecisionProblem,
    answers: Mapping[str, Estimates],
    thresholds: Thresholds,
    labels: Mapping[str, str],
    centre: Mapping[str, float],
    weighted: np.ndarray | None = None,
) -> WhatIfMap:
    """A map of net benefit.

    Parameters
    ----------
    answers
        Scenario → estimates at the points of `grid`, in their order.
    weighted
        The severity-weighted threshold at each point; that of `thresholds` at all when None.
    """
    tables, found = [], []
    for scenario, estimates in answers.items():
        own = _points(what_if, problem, scenario, estimates, thresholds, weighted)
        tables.append(own)
        for name, _ in thresholds:
            levels = own[column("threshold", name)]
            if levels.nunique() != 1:  # it steps between points: where is not known
                continue
            at = {"scenario": scenario, "threshold_name": name, "threshold": levels.iloc[0]}
            benefit = own[column("net_benefit", name)]
            if what_if.y is None:
                found += [at | r for r in _along(own["x"], benefit, np.nan)]
                continue
            for x, rows in own.groupby("x"):
                found += [at | r for r in _along(rows["y"], benefit[rows.index], float(x))]
    columns = ["scenario", "threshold_name", "threshold", "x", "value", "worth_above"]
    table = pd.concat(tables, ignore_index=True)
    crossed = pd.DataFrame(found, columns=columns)
    axes = {"x": what_if.x, "value": what_if.y or what_if.x}
    if what_if.y is None:
        axes.pop("x")
    for side, axis in axes.items():
        crossed[f"{side}_name"] = axis.name
        crossed[f"{side}_unit"] = parameter_labels(problem, axis.name)["unit"]
    return WhatIfMap(what_if, table, crossed, labels, centre)


def _points(
    what_if: WhatIf,
    problem: DecisionProblem,
    scenario: str,
    estimates: Estimates,
    thresholds: Thresholds,
    weighted: np.ndarray | None,
) -> pd.DataFrame:
    """One scenario's rows of a map: values, increments and net benefit, with units and errors."""
    points = grid(what_if)
    columns: dict[str, object] = {"scenario": scenario}
    for axis, place in ((what_if.x, "x"), (what_if.y, "y")):
        columns[place] = [p[axis.name] for p in points] if axis else np.nan
        columns[f"{place}_name"] = axis.name if axis else ""
        columns[f"{place}_unit"] = parameter_labels(problem, axis.name)["unit"] if axis else ""
    country = problem.country
    columns["money"] = f"{country.currency} {country.price_year} a patient"
    for k, name in enumerate(("cost", "qalys")):
        columns |= {name: estimates.mean[:, k], f"{name}_se": estimates.se(k)}
    columns["out_of_reach"] = estimates.out_of_reach
    for name, threshold in thresholds:
        again = name == SEVERITY and weighted is not None
        level = weighted if again else np.full(len(points), threshold)
        columns |= {
            column("threshold", name): level,
            column("net_benefit", name): estimates.net_benefit(level),
            column("net_benefit", name, "se"): estimates.net_benefit_se(level),
        }
    return pd.DataFrame(columns)


def _along(at: pd.Series, benefit: pd.Series, x: float) -> list[dict]:
    """Crossings along an axis; a row without a value where there is none."""
    answered = benefit.notna().to_numpy()
    points, values = at.to_numpy()[answered], benefit.to_numpy()[answered]
    found = crossings(points, values) if len(points) > 1 else []
    if not len(points):
        return []
    if not len(found):
        return [{"x": x, "value": np.nan, "worth_above": bool(values[0] > 0)}]
    return [
        {"x": x, "value": value, "worth_above": worth_after(points, values, value)}
        for value in found
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
    problem: DecisionProblem,
    names: Sequence[str],
    limits: Mapping[str, tuple[float, float]] | None = None,
    points: int = POINTS,
) -> WhatIf:
    """A question about one or two names over their range (as entered), asked on the command line.

    Raises
    ------
    InputError
        Every name that cannot be given a value or that this run does not use, and every range that does
        not rise or leaves what the unit allows.
    """
    drawn = draw_parameters(problem, problem.settings.draws, problem.streams)
    used = names_in_draws(problem) | set(before_draws(problem))
    problems, axes = [], []
    if len(set(names)) < len(names):
        problems.append(f"what-if: {names[0]} is named twice; name two different quantities.")
    for name in dict.fromkeys(names):
        if name not in drawn:
            problems.append(
                f"what-if: unknown name '{name}'; parameters, pooled effects and derived quantities can be "
                f"given a value.{nearest(name, drawn)}"
            )
            continue
        if name not in used:
            problems.append(
                f"what-if: {name} is not used in this run, so every value of it gives the same answer. Name "
                "a quantity that the run uses (`heor show`), or the scenario that uses this one."
            )
            continue
        about = parameter_labels(problem, name)
        low, high = (x / about["factor"] for x in search_range(problem, name, drawn[name]))
        low, high = (limits or {}).get(name, (low, high))
        fault = range_fault(problem, name, low, high)
        if fault:
            problems.append(f"what-if: {fault}")
            continue
        label = about["description"] + (f" ({about['unit']})" if about["unit"] else "")
        axes.append(Axis(name, label[:1].upper() + label[1:], low, high, points, name))
    if problems:
        raise InputError(problems)
    words = " and ".join(axis.label for axis in axes)
    return WhatIf("_".join(names), f"What if: {words}", axes[0], axes[1] if len(axes) > 1 else None)
