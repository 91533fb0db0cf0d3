"""Numbers of fits: families beside what was observed, and their hazards."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.problem.curve_types import FittedCurve
from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.report.figure_data.table import MONTH, SHARE, Numbers, stacked
from heor.report.format.needs import HasFits
from heor.survival.evidence.observed import (
    empirical_hazard,
    follow_up,
    hazard_windows,
    kaplan_meier,
)
from heor.survival_analysis.fitted import all_cause, families_of
from heor.survival_analysis.hazards import fitted_hazard

FIT_MONTHS = 60
PER_100_MONTHS = 100 / MONTHS_PER_YEAR
HAZARD = "events per 100 patient-months"


def evidence_of(problem: DecisionProblem, endpoint: str) -> SurvivalEvidence:
    """The evidence the comparator's curve is fitted to."""
    curve = fitted_curve(problem, endpoint)
    return problem.evidence[curve.evidence]


def fitted_curve(problem: DecisionProblem, endpoint: str) -> FittedCurve:
    """The comparator's curve, or the first fitted one of this endpoint."""
    strategies = problem.strategies
    order = [strategies[problem.settings.comparator], *strategies.values()]
    return next(c for s in order if isinstance(c := s.curves.get(endpoint), FittedCurve))


def is_fitted(problem: DecisionProblem, endpoint: str) -> bool:
    """Whether a strategy's curve of this endpoint is fitted to evidence."""
    curves = (s.curves.get(endpoint) for s in problem.strategies.values())
    return any(isinstance(curve, FittedCurve) for curve in curves)


def fitted_endpoints(problem: DecisionProblem) -> list[str]:
    """Endpoints with a fitted curve, the last one (overall survival) first."""
    return [e for e in problem.settings.endpoints[::-1] if is_fitted(problem, e)]


def last_event(evidence: SurvivalEvidence) -> float:
    """Time of the last event, months."""
    return follow_up(evidence)[0] * MONTHS_PER_YEAR


def observed(evidence: SurvivalEvidence) -> pd.DataFrame:
    """Kaplan-Meier: `month, survival, low, high`, a row a step."""
    table = kaplan_meier(evidence)
    own = table[["survival", "low", "high"]].astype(float)
    own.insert(0, "month", table["time"] * MONTHS_PER_YEAR)
    return own


def fits(results: HasFits, endpoint: str) -> Numbers:
    """Kaplan-Meier, mean survival of each family, and the last event.

    Returns
    -------
    Numbers
        `series` observed, fitted or last_event; `family, label, weight, month, survival, low, high`.
    """
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    month = np.linspace(0, FIT_MONTHS, 4 * FIT_MONTHS + 1)
    families = []
    for family, weight in families_of(results.fits, evidence.name).items():
        posterior = results.fits.posteriors[evidence.name, family]
        mean = all_cause(problem, posterior, evidence, month / MONTHS_PER_YEAR).mean(axis=0)
        own = {"family": family, "label": posterior.model.label, "weight": weight}
        families.append(pd.DataFrame({**own, "month": month, "survival": mean}))
    table = stacked(
        ("observed", observed(evidence)),
        ("fitted", pd.concat(families, ignore_index=True)),
        ("last_event", pd.DataFrame({"month": [last_event(evidence)]})),
    )
    order = ["series", "family", "label", "weight", "month", "survival", "low", "high"]
    units = {"weight": "share of draws", "month": MONTH}
    return Numbers(table[order], {**units, **dict.fromkeys(("survival", "low", "high"), SHARE)})


def hazards(results: HasFits) -> Numbers:
    """Hazard in windows and of each family, of every fitted endpoint.

    Returns
    -------
    Numbers
        `series` observed, fitted or last_event; `endpoint, family, label, weight, month, month_start,
        month_end, hazard, low, high`.
    """
    problem = results.problem
    families, ends = [], []
    for endpoint in fitted_endpoints(problem):
        families += _families(results, endpoint)
        end = last_event(evidence_of(problem, endpoint))
        ends.append({"endpoint": endpoint, "month": end})
    table = stacked(
        ("observed", observed_hazards(problem)),
        ("fitted", pd.concat(families)),
        ("last_event", pd.DataFrame(ends)),
    )
    first = ["series", "endpoint", "family", "label", "weight"]
    order = [*first, "month", "month_start", "month_end", "hazard", "low", "high"]
    units = dict.fromkeys(("month", "month_start", "month_end"), MONTH)
    units |= dict.fromkeys(("hazard", "low", "high"), HAZARD)
    return Numbers(table[order], {"weight": "share of draws", **units})


def observed_hazards(problem: DecisionProblem) -> pd.DataFrame:
    """Events over patient-time in windows: `endpoint, month, month_start, month_end, hazard, low, high`."""
    found = []
    for endpoint in fitted_endpoints(problem):
        evidence = evidence_of(problem, endpoint)
        table = empirical_hazard(evidence, hazard_windows(evidence))
        start, end = (table[k] * MONTHS_PER_YEAR for k in ("start", "end"))
        own = pd.DataFrame({"endpoint": endpoint, "month": (start + end) / 2})
        own = own.assign(month_start=start, month_end=end)
        found.append(own.join(table[["hazard", "low", "high"]] * PER_100_MONTHS))
    return pd.concat(found, ignore_index=True)


def _families(results: HasFits, endpoint: str) -> list[pd.DataFrame]:
    """Hazard of those still alive, mean over the posterior."""
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    month = np.linspace(0.25, FIT_MONTHS, 4 * FIT_MONTHS)
    found = []
    for family, weight in families_of(results.fits, evidence.name).items():
        posterior = results.fits.posteriors[evidence.name, family]
        mean = fitted_hazard(problem, posterior, evidence, month / MONTHS_PER_YEAR)[0]
        own = {"endpoint": endpoint, "family": family, "label": posterior.model.label}
        own |= {"weight": weight, "month": month, "hazard": mean * PER_100_MONTHS}
        found.append(pd.DataFrame(own))
    return found
