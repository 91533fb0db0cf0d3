"""The survival layer on its own: fit every family, and say how far the fits can be trusted.

evidence → posteriors of all families → checks against the data → survival before and after
transport → external targets, opinions, priors, relative effects.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import pandas as pd

from heor.errors import HeorWarning
from heor.problem.problem import DecisionProblem
from heor.streams import Streams
from heor.survival.fitting.fit_each import Progress
from heor.survival.fitting.fit_problems import SurvivalFits, fit_problems
from heor.survival_analysis import (
    effects,
    hazards,
    landmarks,
    opinions,
    predictive,
    priors,
    sources,
    targets,
)
from heor.survival_analysis.targets import Target
from heor.survival_analysis.targets import read_targets as read_targets


@dataclass(frozen=True)
class SurvivalResults:
    """One appraisal of the survival layer: the fits, and every table of its report by name.

    Attributes
    ----------
    problem : DecisionProblem
        With all families fitted alike (no screening).
    fits : SurvivalFits
    tables : dict
        Name → DataFrame, each described where it is made: `evidence`, `reconstruction`,
        `kaplan_meier`, `at_risk`, `hazards`, `transforms`, `landmarks`, `summary`, `curves`,
        `structure`, `targets`, `predictive_checks`, `predictive_curves`, `priors`,
        `prior_sensitivity`, `opinions`, `effects`, `hazard_ratios`. Tables that do not apply are empty.
    priors : {"standard", "wide", "narrow"}
        The other priors tried besides the standard ones.
    warnings : tuple of str
        What must be read.
    timings : dict
        Seconds by stage.
    """

    problem: DecisionProblem
    fits: SurvivalFits
    tables: Mapping[str, pd.DataFrame]
    priors: str = "standard"
    warnings: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """`nuts`, or `laplace` for a quick appraisal; single fits may differ and say so."""
        return "laplace" if self.problem.settings.fit.quick else "nuts"


def appraise(
    problem: DecisionProblem,
    other_priors: str = "standard",
    external: tuple[Target, ...] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
) -> SurvivalResults:
    """Fit every family of every curve, and make the tables of the survival report.

    Parameters
    ----------
    problem
        From `heor.load`; screening of families is switched off, and the priors are the standard
        ones.
    other_priors
        `wide` or `narrow`: fit again under these priors, and show what moves.
    external
        From `read_targets`.
    cache
        Folder of fitted posteriors; None fits anew.
    progress
        Called with (stage, done, total).

    Raises
    ------
    FitError
        A posterior failed its diagnostics and is not accepted by name.
    """
    problem = unscreened(problem)
    streams = problem.streams
    started, timings = perf_counter(), {}

    def stamp(stage: str) -> None:
        timings[stage] = perf_counter() - started - sum(timings.values())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)
        fits = fit_problems({"": problem}, streams, cache, progress)[""]
        stamp("survival fits")
        sensitivity = priors.sensitivity(problem, fits, other_priors, streams, cache, progress)
        opinion = opinions.opinion_table(problem, fits, streams, cache)
        stamp("other priors and data alone")
        tables = _tables(problem, fits, streams, external)
        stamp("tables")
    tables |= {"prior_sensitivity": sensitivity, "opinions": opinion}
    raised = dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, HeorWarning))
    found = (
        *raised,
        *fits.cautions,
        *opinions.conflicts(opinion),
        *predictive.misfits(problem, fits, tables["predictive_checks"]),
    )
    return SurvivalResults(problem, fits, tables, other_priors, found, timings)


def unscreened(problem: DecisionProblem) -> DecisionProblem:
    """The problem with all families fitted by the same method, under the standard priors."""
    fit = replace(problem.settings.fit, screen=False, priors="standard")
    return replace(problem, settings=replace(problem.settings, fit=fit))


def _tables(
    problem: DecisionProblem, fits: SurvivalFits, streams: Streams, external: tuple[Target, ...]
) -> dict[str, pd.DataFrame]:
    fitted = landmarks.landmark_tables(problem, fits, streams)
    draws = landmarks.draws_with_weights(problem, fits, fits.weights, streams, {})
    checks, replicated = predictive.check(problem, fits, streams)
    return {
        "evidence": sources.evidence_table(problem, fits),
        "reconstruction": sources.reconstruction_table(problem, fits),
        "kaplan_meier": sources.kaplan_meier_table(problem, fits),
        "at_risk": sources.at_risk_table(problem, fits),
        "hazards": hazards.hazard_table(problem, fits),
        "transforms": hazards.transform_table(problem, fits),
        "landmarks": fitted.landmarks,
        "summary": fitted.summary,
        "curves": fitted.curves,
        "structure": fitted.structure,
        "targets": targets.compare(problem, fitted, external),
        "predictive_checks": checks,
        "predictive_curves": replicated,
        "priors": priors.prior_table(fits),
        "effects": effects.effect_table(problem),
        "hazard_ratios": effects.hazard_ratio_table(problem, draws),
    }
