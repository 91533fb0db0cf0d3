"""Observed hazard, in windows and smoothed, and the hazards of the fitted families beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.inputs.problem import MONTHS_PER_YEAR, DecisionProblem
from heor.survival.evidence import individual
from heor.survival.fitting import SurvivalFits
from heor.survival.observed import empirical_hazard, hazard_windows, smooth_hazard, transforms
from heor.survival_analysis.fitted import (
    background_hazard,
    excess_survival,
    families_of,
    fitted_evidence,
)

WINDOWS, SMOOTH, BACKGROUND, FITTED = "windows", "smoothed", "background", "fitted"
STEP = 1e-4  # years, of the numerical derivative
SHOWN = 10.0  # years


def hazard_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """Hazards of every kind, per year, all causes.

    Fitted: the mean over draws of the hazard among those still alive, density over survival (what
    a hazard estimate of replicated patients shows), background included.

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


def _windows(evidence) -> pd.DataFrame:
    found = empirical_hazard(evidence, hazard_windows(evidence))
    table = pd.DataFrame({"kind": WINDOWS, "family": "", "hazard": found["hazard"]})
    table["low"], table["high"] = found["low"], found["high"]
    table["from_month"] = found["start"] * MONTHS_PER_YEAR
    table["to_month"] = found["end"] * MONTHS_PER_YEAR
    table["month"] = (table["from_month"] + table["to_month"]) / 2
    return table


def _smooth(evidence) -> pd.DataFrame:
    found = smooth_hazard(evidence)
    table = found[["hazard", "low", "high"]].assign(kind=SMOOTH, family="")
    table["month"] = found["time"] * MONTHS_PER_YEAR
    return table


def _fitted(problem: DecisionProblem, fits: SurvivalFits, name: str) -> list[pd.DataFrame]:
    evidence = individual(problem.evidence[name])
    time = np.arange(1, int(SHOWN * MONTHS_PER_YEAR) * 2 + 1) / (2 * MONTHS_PER_YEAR) - 0.02
    # every second point a little later, for the derivative
    both = np.stack([time, time + STEP], axis=1).ravel()
    other = background_hazard(problem, evidence, both)
    reference = np.diff(other.reshape(-1, 2), axis=1)[:, 0] / STEP
    month = time * MONTHS_PER_YEAR
    out = [pd.DataFrame({"kind": BACKGROUND, "family": "", "month": month, "hazard": reference})]
    for family in families_of(fits, name):
        excess = -np.log(excess_survival(fits.posteriors[name, family], evidence, both))
        s = excess.reshape(len(excess), -1, 2)
        each = (s[:, :, 1] - s[:, :, 0]) / STEP + reference
        alive = np.exp(-s[:, :, 0])
        mean = (each * alive).sum(axis=0) / np.maximum(alive.sum(axis=0), 1e-300)
        low, high = np.quantile(each, [0.025, 0.975], axis=0)
        table = pd.DataFrame({"kind": FITTED, "family": family, "month": month, "hazard": mean})
        out.append(table.assign(low=low, high=high))
    return out


def transform_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """`evidence` and the columns of `observed.transforms`, with `month` for `time`."""
    parts = []
    for _, name in fitted_evidence(fits):
        table = transforms(problem.evidence[name]).rename(columns={"time": "month"})
        table["month"] *= MONTHS_PER_YEAR
        table.insert(0, "evidence", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
