"""Observed hazard, in windows and smoothed, and the hazards of the fitted families beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.survival.evidence.evidence import individual
from heor.survival.evidence.observed import (
    empirical_hazard,
    hazard_windows,
    smooth_hazard,
    transforms,
)
from heor.survival.families.ops import TINY
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival.fitting.posterior import SurvivalPosterior
from heor.survival_analysis.fitted import all_cause, background_hazard, families_of, fitted_evidence

WINDOWS, SMOOTH, BACKGROUND, FITTED = "windows", "smoothed", "background", "fitted"
STEP = 1e-4  # years, of the numerical derivative
SHOWN = 10.0  # years


def hazard_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """Hazards of every kind, per year, all causes.

    Fitted: as `fitted_hazard`.

    Returns
    -------
    DataFrame
        `evidence`, `kind` (windows, smoothed, background, fitted), `family`, `month` (middle of a
        window), `from_month`, `to_month` (of a window), `hazard`, `low`, `high` (95 %; NaN for
        background).
    """
    parts = []
    for _, name in fitted_evidence(fits):
        evidence = individual(problem.evidence[name])
        parts += [_windows(evidence), _smooth(evidence), *_fitted(problem, fits, name)]
        for part in parts:
            if "evidence" not in part:
                part.insert(0, "evidence", name)
    columns = ["evidence", "kind", "family", "month", "from_month", "to_month"]
    table = pd.concat([p for p in parts if len(p)], ignore_index=True)
    return table.reindex(columns=[*columns, "hazard", "low", "high"])


def _windows(evidence: SurvivalEvidence) -> pd.DataFrame:
    found = empirical_hazard(evidence, hazard_windows(evidence))
    table = pd.DataFrame({"kind": WINDOWS, "family": "", "hazard": found["hazard"]})
    table["low"], table["high"] = found["low"], found["high"]
    table["from_month"] = found["start"] * MONTHS_PER_YEAR
    table["to_month"] = found["end"] * MONTHS_PER_YEAR
    table["month"] = (table["from_month"] + table["to_month"]) / 2
    return table


def _smooth(evidence: SurvivalEvidence) -> pd.DataFrame:
    found = smooth_hazard(evidence)
    table = found[["hazard", "low", "high"]].assign(kind=SMOOTH, family="")
    table["month"] = found["time"] * MONTHS_PER_YEAR
    return table


def _fitted(problem: DecisionProblem, fits: SurvivalFits, name: str) -> list[pd.DataFrame]:
    evidence = individual(problem.evidence[name])
    month = np.arange(1, int(2 * SHOWN * MONTHS_PER_YEAR) + 1) / 2.0
    time = month / MONTHS_PER_YEAR
    ends = background_hazard(problem, evidence, np.stack([time - STEP, time]).ravel())
    reference = np.diff(ends.reshape(2, -1), axis=0)[0] / STEP
    out = [pd.DataFrame({"kind": BACKGROUND, "family": "", "month": month, "hazard": reference})]
    for family in families_of(fits, name):
        mean, low, high = fitted_hazard(problem, fits.posteriors[name, family], evidence, time)
        table = pd.DataFrame({"kind": FITTED, "family": family, "month": month, "hazard": mean})
        out.append(table.assign(low=low, high=high))
    return out


def fitted_hazard(
    problem: DecisionProblem,
    posterior: SurvivalPosterior,
    evidence: SurvivalEvidence,
    time: np.ndarray,
) -> np.ndarray:
    """All-cause hazard per year: mean, low, high (95 %). Dims: (3, time).

    The mean is that of the patients still alive (draws weighted by survival): what a hazard
    estimate of patients of all draws would show. `time` is in years, at least 1e-4.
    """
    time = np.asarray(time, float)
    ends = np.stack([time - STEP, time]).ravel()
    survival = all_cause(problem, posterior, evidence, ends).reshape(-1, 2, len(time))
    before, after = survival[:, 0], survival[:, 1]
    each = -np.log(np.maximum(after, TINY) / np.maximum(before, TINY)) / STEP
    mean = (before - after).sum(axis=0) / np.maximum(before.sum(axis=0), TINY) / STEP
    return np.stack([mean, *np.quantile(each, [0.025, 0.975], axis=0)])


def transform_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """`evidence` and the columns of `observed.transforms`, with `month` for `time`."""
    parts = []
    for _, name in fitted_evidence(fits):
        table = transforms(problem.evidence[name]).rename(columns={"time": "month"})
        table["month"] *= MONTHS_PER_YEAR
        table.insert(0, "evidence", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
