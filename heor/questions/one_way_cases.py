"""One-way sensitivity: each parameter at the ends of its own 95 % interval, the rest central."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special

from heor.decision.thresholds import Thresholds, column
from heor.parameters.draws import pooled_effects
from heor.parameters.uncertainty import UNCERTAINTIES
from heor.problem.problem import DecisionProblem
from heor.problem.units import UNITS, lookup
from heor.usage.usage import before_draws, names_in_draws

Z95 = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Case:
    """One parameter moved to `value` (internal unit) at one end; correlated ones move with it."""

    name: str
    end: str
    value: float
    also: Mapping[str, float] = field(default_factory=dict)


def uncertain_parameters(problem: DecisionProblem) -> list[str]:
    """Uncertain parameters that act in the draws; pooled effects stand for their studies.

    What acts before the draws only (an expert opinion, a study, a correlation) is not moved by giving
    it another value in a draw: see `only_before_draws`.
    """
    used = names_in_draws(problem)
    names = [n for n, p in problem.parameters.items() if not p.is_fixed and n in used]
    return [*names, *(s for s in problem.syntheses if s in used)]


def only_before_draws(problem: DecisionProblem) -> dict[str, str]:
    """Uncertain parameters that act before the draws only, and on what; the pooled are not among them.

    Studies and between-study SDs are moved through the effect they are pooled into.
    """
    used = names_in_draws(problem)
    pooled = {s for y in problem.syntheses.values() for s in (*y.studies, y.between_study_sd)}
    return {
        name: on
        for name, on in before_draws(problem).items()
        if name in problem.parameters and not problem.parameters[name].is_fixed
        if name not in used | pooled
    }


def one_way_cases(problem: DecisionProblem) -> list[Case]:
    """Both ends (2.5 and 97.5 %) of every uncertain parameter the run depends on.

    Pooled effects stand for their studies. The partner of a correlated pair moves to its value at
    the correlated quantile: the pair alone would be a combination the draws hardly contain.
    """
    effects = pooled_effects(problem)

    def quantile(name: str, z: float) -> float:
        if name in effects:
            return float(effects[name].quantile(np.array([special.ndtr(z)]))[0])
        p = problem.parameters[name]
        if p.is_fixed:
            return p.mean
        kind = "beta" if p.distribution == "dirichlet" else p.distribution
        u = np.array([special.ndtr(z)])
        return float(UNCERTAINTIES[kind].quantile(u, p.mean, p.se)[0])

    cases = []
    for name in uncertain_parameters(problem):
        bernoulli = name not in effects and problem.parameters[name].distribution == "bernoulli"
        for end, z in (("low", -Z95), ("high", Z95)):
            value = float(z > 0) if bernoulli else quantile(name, z)
            also = {n: quantile(n, rho * z) for n, rho in _partners(problem, name)}
            cases.append(Case(name, end, value, also))
    return cases


def _partners(problem: DecisionProblem, name: str) -> list[tuple[str, float]]:
    """Names paired with this one, and their correlation."""
    found = []
    for c in problem.correlations:
        if c.matrix is not None and name in c.names:
            row = c.matrix[c.names.index(name)]
            found += [(n, float(r)) for n, r in zip(c.names, row, strict=True) if n != name]
        elif c.pair is not None and name in c.pair and c.correlation is not None:
            rho = c.of_normal_scores(problem.parameters[c.correlation].mean)
            found += [(n, rho) for n in c.pair if n != name]
    return found


def tornado(
    problem: DecisionProblem,
    cases: Sequence[Case],
    cost: np.ndarray,
    qalys: np.ndarray,
    base: tuple[float, float],
    thresholds: Thresholds,
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
        row = by_name.setdefault(case.name, labels(problem, case.name))
        row[case.end] = case.value / row["factor"]
        row[f"cost_{case.end}"], row[f"qalys_{case.end}"] = cost[i], qalys[i]
        row[f"icer_{case.end}"] = cost[i] / qalys[i] if qalys[i] > 0 else np.nan
        for name, threshold in thresholds:
            row[column("net_benefit", name, case.end)] = threshold * qalys[i] - cost[i]
    names = [name for name, _ in thresholds]
    columns = ["parameter", "description", "unit", "status"]
    for end in ("low", "high"):
        columns += [end, f"cost_{end}", f"qalys_{end}", f"icer_{end}"]
        columns += [column("net_benefit", name, end) for name in names]
    table = pd.DataFrame(by_name.values(), columns=columns)
    for name, threshold in thresholds:
        ends = table[
            [column("net_benefit", name, "low"), column("net_benefit", name, "high")]
        ].to_numpy(float)
        centre = threshold * base[1] - base[0]
        low, high = np.minimum(ends.min(axis=1), centre), np.maximum(ends.max(axis=1), centre)
        table[column("range", name)] = high - low
    order = f"range_{'severity' if 'severity' in names else names[-1]}"
    return table.sort_values(order, ascending=False, kind="stable").reset_index(drop=True)


def labels(problem: DecisionProblem, name: str) -> dict:
    """Description, unit, status and factor to the internal unit, as a row of a table."""
    if name in problem.derived:
        return _row(name, name.replace("_", " "), "", "derived", 1.0)
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
