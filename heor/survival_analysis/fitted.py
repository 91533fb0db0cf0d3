"""Survival of fitted posteriors as the patients of the evidence have it, all causes of death."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from heor.parameters.draws import CurveDraws
from heor.problem.evidence import SurvivalEvidence
from heor.problem.problem import DecisionProblem
from heor.survival.curves.strategy_curves import evidence_excess
from heor.survival.evidence import background
from heor.survival.evidence.evidence import individual
from heor.survival.families.distributions import cumulative_hazard
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival.fitting.model_draws import Unit
from heor.survival.fitting.posterior import SurvivalPosterior

CURVE_DRAWS = 400  # enough for a mean curve; tables use all draws
ALL_DRAWS = 10**9
PATTERNS_MAX = 50  # distinct patients a marginal curve is averaged over


def thinned(posterior: SurvivalPosterior, draws: int) -> dict[str, np.ndarray]:
    """At most `draws` posterior draws, evenly spaced. Dims of each: draw."""
    size = len(next(iter(posterior.parameters.values())))
    rows = np.linspace(0, size - 1, min(size, draws)).round().astype(int)
    return {name: np.asarray(values)[rows] for name, values in posterior.parameters.items()}


def background_hazard(
    problem: DecisionProblem, evidence: SurvivalEvidence, time: np.ndarray
) -> np.ndarray:
    """Cumulative background hazard of the evidence's patients. Dims: time."""
    table = problem.trial_life_table
    return background.cumulative_hazard(
        table, evidence.age or 0.0, evidence.share_male or 0.0, np.asarray(time, float)
    )


def excess_survival(
    posterior: SurvivalPosterior,
    evidence: SurvivalEvidence,
    time: np.ndarray,
    draws: int = CURVE_DRAWS,
) -> np.ndarray:
    """Survival without background mortality, averaged over the patients. Dims: (draw, time).

    With covariates it is the mean over the patients' own values, which is what a Kaplan-Meier
    curve of all patients estimates.
    """
    parameters, total = thinned(posterior, draws), 0.0
    for share, values in patterns(evidence):
        hazard = cumulative_hazard(posterior.model, parameters, time, values)
        total = total + share * np.exp(-hazard)
    return np.asarray(total)


def drawn_survival(curve: CurveDraws, evidence: SurvivalEvidence, time: np.ndarray) -> np.ndarray:
    """The same for the model's draws, each of its own family. Dims: (draw, time)."""
    size, total = len(curve.family), 0.0
    for share, values in patterns(evidence):
        at = {name: np.full(size, float(v[0])) for name, v in values.items()}
        total = total + share * np.exp(-evidence_excess(curve, time, at))
    return np.asarray(total)


def all_cause(
    problem: DecisionProblem,
    posterior: SurvivalPosterior,
    evidence: SurvivalEvidence,
    time: np.ndarray,
    draws: int = CURVE_DRAWS,
) -> np.ndarray:
    """Survival of the evidence's own patients, background included. Dims: (draw, time)."""
    other = np.exp(-background_hazard(problem, evidence, time))
    return excess_survival(posterior, evidence, time, draws) * other


def patterns(evidence: SurvivalEvidence) -> list[tuple[float, Mapping[str, np.ndarray]]]:
    """Shares of patients and their covariates; one without any where there are none."""
    evidence = individual(evidence)
    if not evidence.covariates:
        return [(1.0, {})]
    names = evidence.covariates
    rows = np.stack([np.asarray(evidence.table[f"x_{k}"], float) for k in names], axis=1)
    weight = np.asarray(evidence.table.get("weight", np.ones(len(rows))), float)
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    share = np.bincount(which.ravel(), weight)
    if len(distinct) > PATTERNS_MAX:  # evenly spaced along the sorted patients
        kept = np.linspace(0, len(distinct) - 1, PATTERNS_MAX).round().astype(int)
        distinct, share = distinct[kept], share[kept]
    share = share / share.sum()
    return [
        (float(s), {k: np.array([v]) for k, v in zip(names, row, strict=True)})
        for s, row in zip(share, distinct, strict=True)
    ]


def fitted_evidence(fits: SurvivalFits) -> list[tuple[Unit, str]]:
    """(unit, evidence) of every fitted curve, in order."""
    return [(unit, name) for unit in fits.comparison for name in unit]


def families_of(fits: SurvivalFits, evidence: str) -> dict[str, float]:
    """Share of draws of each family fitted to this evidence, in the order of the fits."""
    unit = next((u for u in fits.weights if evidence in u), None)
    weights = fits.by_evidence(unit)[evidence] if unit else {}
    fitted: Iterable[str] = (f for name, f in fits.posteriors if name == evidence)
    return {f: float(weights.get(f, 0.0)) for f in fitted}


def choices_of(fits: SurvivalFits, unit: Unit) -> list[str]:
    """Choices that together hold every family fitted to the evidence of a unit."""
    names = list(families_of(fits, unit[0]))
    compared = fits.comparison[unit].weights
    return names if set(names) == set(compared) else list(compared)
