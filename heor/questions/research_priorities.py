"""Which inputs to find a better source for first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special
from scipy.integrate import trapezoid

from heor.decision.cost_effectiveness import Z95
from heor.outcomes.discounting import discount_factor
from heor.problem.parameter import UNCERTAIN_STATUSES
from heor.problem.problem import DecisionProblem

PEOPLE, YEARS = "eligible_per_year", "technology_horizon"


def population(problem: DecisionProblem) -> float | None:
    """Discounted patients for whom the decision is made, at the parameters' means; None if not given.

    `eligible_per_year` patients, evenly over `technology_horizon` years from now; discounted as costs.
    """
    people, years = (problem.parameters.get(k) for k in (PEOPLE, YEARS))
    if people is None or years is None:
        return None
    time = np.linspace(0, years.mean, 1001)
    country = problem.country
    factor = discount_factor(country.discount_costs, time, country.discount_timing)
    return people.mean * float(trapezoid(factor, time))


def own_worth(benefit: float, span: float) -> float:
    """Value of knowing what moves a net benefit over `span` (95 %), if it were normal: unit normal loss.

    >>> own_worth(0.0, 3.92) > own_worth(1.0, 3.92) > 0.08 > own_worth(3.0, 3.92)
    True
    """
    sd = span / (2 * Z95)
    if sd <= 0:
        return 0.0
    z = abs(benefit) / sd
    return float(sd * (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - z * special.ndtr(-z)))


def _correlated(problem: DecisionProblem) -> set[str]:
    """Names that share a correlation with others."""
    groups = {c.group for c in problem.correlations if c.group}
    found = {p.name for p in problem.parameters.values() if p.correlation_group in groups}
    for correlation in problem.correlations:
        found |= {*correlation.names, *(correlation.pair or ())}
    return found


def research_priorities(
    problem: DecisionProblem,
    information: pd.DataFrame,
    tornado: pd.DataFrame,
    benefit: Mapping[str, float],
) -> pd.DataFrame:
    """Inputs that are assumed or not verified, those that matter most first.

    Ranked by the value of knowing the parameter by itself, at the threshold where that is largest; then,
    among those worth nothing by themselves, by how far their interval moves net benefit. EVPPI of a
    parameter correlated with others holds what it tells of them; a better source for it alone does not.
    So it counts no more than what its own interval could be worth (unit normal loss; `own_worth`): with
    two strategies, because with more that interval is of a comparison of two of them.

    Parameters
    ----------
    benefit : dict
        Threshold name → mean incremental net benefit.

    Returns
    -------
    DataFrame
        `rank, parameter, description, status, evppi, threshold` (where it is largest)`, range` (of net
        benefit over the parameter's 95 % interval, largest over thresholds). Money per patient.
    """
    single = information[information["kind"] == "single"] if len(information) else information
    correlated = _correlated(problem)
    ranges = tornado.set_index("parameter")[[c for c in tornado if c.startswith("range_")]].max(
        axis=1
    )
    rows = []
    for _, line in tornado.iterrows():
        name = line["parameter"]
        if line["status"] not in UNCERTAIN_STATUSES or name not in problem.parameters:
            continue
        own = single[single["name"] == name] if len(single) else single
        if name in correlated and len(own) and len(problem.strategies) < 3:
            most = [own_worth(benefit[t], line[f"range_{t}"]) for t in own["threshold_name"]]
            own = own.assign(value=np.minimum(own["value"], most))
        best = own.loc[own["value"].idxmax()] if len(own) else None
        rows.append(
            {
                "parameter": name,
                "description": line["description"],
                "status": line["status"],
                "evppi": np.nan if best is None else best["value"],
                "threshold": np.nan if best is None else best["threshold"],
                "range": ranges[name],
            }
        )
    columns = ["parameter", "description", "status", "evppi", "threshold", "range"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.sort_values(["evppi", "range"], ascending=False, kind="stable", ignore_index=True)
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame
