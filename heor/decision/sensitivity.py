"""One-way sensitivity: each parameter at the ends of its own 95 % interval, the rest central."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.inputs.problem import DecisionProblem
from heor.inputs.uncertainty import interval
from heor.inputs.units import UNITS, lookup
from heor.parameters.draws import pooled_effects


@dataclass(frozen=True)
class Case:
    """One parameter moved: its name, which end, and the value there (internal unit)."""

    name: str
    end: str
    value: float


def one_way_cases(problem: DecisionProblem) -> list[Case]:
    """Both ends of every uncertain parameter; pooled effects stand for their studies."""
    effects = pooled_effects(problem)
    consumed = {s for y in problem.syntheses.values() for s in (*y.studies, y.between_study_sd)}
    cases = []
    for name, parameter in problem.parameters.items():
        if parameter.is_fixed or name in consumed:
            continue
        if parameter.distribution == "bernoulli":
            ends = (0.0, 1.0)
        else:
            ends = interval(parameter.distribution, parameter.mean, parameter.se)
        cases += [Case(name, end, x) for end, x in zip(("low", "high"), ends, strict=True)]
    for name, effect in effects.items():
        ends = effect.quantile(np.array([0.025, 0.975]))
        cases += [Case(name, end, float(x)) for end, x in zip(("low", "high"), ends, strict=True)]
    return cases


def tornado(
    problem: DecisionProblem,
    cases: Sequence[Case],
    cost: np.ndarray,
    qalys: np.ndarray,
    base: tuple[float, float],
    thresholds: Sequence[tuple[str, float]],
) -> pd.DataFrame:
    """One row a parameter, widest first at the last threshold named `severity` or else the last.

    Parameters
    ----------
    cost, qalys : ndarray, dims (case,)
        Incremental cost and QALYs of each case.
    base : tuple
        Incremental cost and QALYs with everything central.
    thresholds
        Names and values; a net-benefit column for each end and threshold.

    Returns
    -------
    DataFrame
        `parameter, description, unit, low, high` (values as entered), `cost_*`, `qalys_*`,
        `icer_*`, `net_benefit_*` at both ends, and `range_<threshold name>`.
    """
    by_name: dict[str, dict] = {}
    for i, case in enumerate(cases):
        row = by_name.setdefault(case.name, _labels(problem, case.name))
        row[case.end] = case.value / row["factor"]
        row[f"cost_{case.end}"], row[f"qalys_{case.end}"] = cost[i], qalys[i]
        row[f"icer_{case.end}"] = cost[i] / qalys[i] if qalys[i] > 0 else np.nan
        for name, threshold in thresholds:
            row[f"net_benefit_{name}_{case.end}"] = threshold * qalys[i] - cost[i]
    table = pd.DataFrame(by_name.values()).drop(columns="factor")
    for name, threshold in thresholds:
        ends = table[[f"net_benefit_{name}_low", f"net_benefit_{name}_high"]].to_numpy()
        centre = threshold * base[1] - base[0]
        low, high = np.minimum(ends.min(axis=1), centre), np.maximum(ends.max(axis=1), centre)
        table[f"range_{name}"] = high - low
    names = [name for name, _ in thresholds]
    order = f"range_{'severity' if 'severity' in names else names[-1]}"
    return table.sort_values(order, ascending=False, kind="stable").reset_index(drop=True)


def _labels(problem: DecisionProblem, name: str) -> dict:
    if name in problem.syntheses:
        synthesis = problem.syntheses[name]
        return _row(name, synthesis.label, synthesis.unit, "derived", UNITS[synthesis.unit].factor)
    parameter = problem.parameters[name]
    unit = lookup(parameter.unit, problem.country.currency)
    factor = unit[1].factor if unit else 1.0
    return _row(name, parameter.description, parameter.unit, parameter.status, factor)


def _row(name: str, description: str, unit: str, status: str, factor: float) -> dict:
    return {
        "parameter": name,
        "description": description,
        "unit": unit,
        "status": status,
        "factor": factor,
    }
