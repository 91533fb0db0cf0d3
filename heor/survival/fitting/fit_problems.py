"""A decision problem's curves, fitted: posteriors, their comparison, and what pairs OS with PFS.

Laplace screens every family; NUTS samples those with stacking weight, so what enters the draws is
the posterior of record. `heor survival` samples them all.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from heor.archive_classes import ADDED
from heor.problem.problem import DecisionProblem
from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.evidence import evidence
from heor.survival.families import families
from heor.survival.families.likelihood import Piece
from heor.survival.fitting import correlation, diagnostics, fit_each, goodness, plausible
from heor.survival.fitting.choices import Lists, of_evidence
from heor.survival.fitting.fit_each import FailedFit, Progress
from heor.survival.fitting.model_draws import Unit
from heor.survival.fitting.plan import PRIOR_WIDTH as PRIOR_WIDTH
from heor.survival.fitting.plan import Failures, Plan, sentence
from heor.survival.fitting.posterior import Key, SurvivalPosterior
from heor.survival.sampler import cache as store

ASSUMED = 0.5  # where that process cannot say; about what it says of trials with patient counts
PAIRING = "joint_lognormal_weibull"  # the process that says how OS and PFS estimates correlate


@dataclass(frozen=True)
class SurvivalFits:
    """The fits of one problem.

    Attributes
    ----------
    posteriors : dict
        (evidence, distribution) → posterior.
    comparison : dict
        Unit → choices of families compared by leave-one-out.
    weights : dict
        Unit → share of draws of each choice (`heor.survival.fitting.choices`).
    correlations : dict
        Unit of two → correlation of restricted mean OS and PFS that the same patients give.
    accepted : tuple of str
        Faulty fits the analyst accepted by name: for the first page.
    cautions : tuple of str
        What must be read of the fits in use; families left out come first.
    conflicts : tuple of str
        Opinions far from the data.
    """

    posteriors: Mapping[Key, SurvivalPosterior]
    comparison: Mapping[Unit, goodness.ModelComparison]
    weights: Mapping[Unit, Mapping[str, float]]
    correlations: Mapping[Unit, float]
    accepted: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = field(default=(), metadata=ADDED)

    @property
    def keys(self) -> tuple[str, ...]:
        """Hashes of the fits in use: problems with the same ones have the same curves."""
        return tuple(
            self.posteriors[name, family].fit_key
            for unit in self.weights
            for name, share in self.by_evidence(unit).items()
            for family in share
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that must be read of the fits."""
        return (*self.cautions, *self.conflicts)

    def by_evidence(self, unit: Unit) -> dict[str, dict[str, float]]:
        """Evidence of a unit → share of draws of each of its families."""
        weights = self.weights[unit]
        return {name: of_evidence(weights, k, len(unit)) for k, name in enumerate(unit)}


def fit_problems(
    problems: Mapping[str, DecisionProblem],
    streams: Streams,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, SurvivalFits]:
    """Fit every curve of every problem, each distinct fit once.

    Raises
    ------
    FitError
        Fits that failed their diagnostics and are not accepted by name.
    """
    settings = next(iter(problems.values())).settings.fit
    plans = {name: Plan.of(problem) for name, problem in problems.items()}
    screened: dict[str, dict[Key, SurvivalPosterior]] = {name: {} for name in problems}
    if settings.screen and not settings.quick:
        screened = _fit(plans, replace(settings, quick=True), streams, cache, None)
        for name, plan in plans.items():
            plan.keep_survivors(screened[name], cache)
    fitted = _fit(plans, settings, streams, cache, progress)
    if settings.quick:
        for name, plan in plans.items():
            plan.leave_out(plan.dispensable(_doubtful(fitted[name], settings)))
    known: dict[Hashable, Any] = {}  # scenarios share most of it
    return {
        name: _fits(problem, {**screened[name], **fitted[name]}, plans[name], streams, cache, known)
        for name, problem in problems.items()
    }


def same_fits(one: DecisionProblem, other: DecisionProblem) -> bool:
    """Whether two problems fit the same families to the same evidence, opinions among it."""
    a, b = (Plan.of(problem).every for problem in (one, other))
    return len(a) == len(b) and all(
        x.key == y.key
        and x.model.compile_key == y.model.compile_key
        and len(x.pieces) == len(y.pieces)
        and all(_same_piece(p, q) for p, q in zip(x.pieces, y.pieces, strict=True))
        for x, y in zip(a, b, strict=True)
    )


def _same_piece(one: Piece, other: Piece) -> bool:
    return one.data.keys() == other.data.keys() and all(
        np.array_equal(value, other.data[key]) for key, value in one.data.items()
    )


def _fit(
    plans: Mapping[str, Plan],
    settings: FitSettings,
    streams: Streams,
    cache: Path | None,
    progress: Progress | None,
) -> dict[str, dict[Key, SurvivalPosterior]]:
    """Posteriors by problem and key; a fit that several problems need is made once.

    What could not be computed is left out of the plan.
    """
    every = [request for plan in plans.values() for request in plan.every]
    fits = iter(fit_each.fit_each(every, settings, streams, cache, progress))
    found = {}
    for name, plan in plans.items():
        own = [next(fits) for _ in plan.every]
        found[name] = fit_each.by_key(own)
        failed = {
            (evidence, fit.family): sentence(fit.reason)
            for fit in own
            if isinstance(fit, FailedFit)
            for evidence in fit.evidence
        }
        plan.leave_out(failed)
    return found


def _doubtful(posteriors: Mapping[Key, SurvivalPosterior], settings: FitSettings) -> Failures:
    """Fits whose diagnostics failed, and that are not accepted by name."""
    found = {}
    for name, lines in diagnostics.faults(posteriors, settings).items():
        if name not in settings.accept:
            evidence, _, family = name.partition("/")
            found[evidence, family] = " ".join(lines)
    return found


def _fits(
    problem: DecisionProblem,
    posteriors: dict[Key, SurvivalPosterior],
    plan: Plan,
    streams: Streams,
    cache: Path | None,
    known: dict[Hashable, Any],
) -> SurvivalFits:
    settings = problem.settings.fit
    posteriors = {key: p for key, p in posteriors.items() if key in _keys(plan.lists)}
    wanted = _keys(plan.candidates)
    diagnostics.check({k: p for k, p in posteriors.items() if k in wanted}, settings)
    comparison, weights = {}, {}
    for unit, lists in plan.lists.items():
        candidates = plan.candidates[unit]
        own = tuple(p.fit_key for (name, _), p in posteriors.items() if name in unit)
        key = ("comparison", unit, lists, candidates, own)
        if key not in known:
            known[key] = goodness.compare(
                posteriors, unit, cache, candidates, lists, plan.together[unit]
            )
        weights[unit] = {choice: w for choice, w in known[key].weights.items() if w > 0}
        comparison[unit] = goodness.with_left_out(known[key], plan.left_out(unit))
    pieces = {name: evidence.pieces(problem, name) for unit in weights for name in unit}
    correlations, assumed = _correlations(weights, posteriors, pieces, streams, cache, known)
    in_use = [
        posteriors[name, family]
        for unit, share in weights.items()
        for k, name in enumerate(unit)
        for family in of_evidence(share, k, len(unit))
    ]
    return SurvivalFits(
        posteriors,
        comparison,
        weights,
        correlations,
        diagnostics.accepted(posteriors, settings),
        (
            *(_left_out_words(problem, plan, unit) for unit in weights if plan.left_out(unit)),
            *(line for name in pieces for line in evidence.repairs(problem.evidence[name])),
            *(line for name in pieces for line in _doubts(problem, name, pieces[name])),
            *assumed,
            *diagnostics.cautions(in_use, pieces),
        ),
        plausible.opinion_conflicts(in_use, pieces),
    )


def _doubts(problem: DecisionProblem, name: str, pieces: Sequence[Piece]) -> tuple[str, ...]:
    events = sum(piece.events for piece in pieces if piece.main)
    return plausible.doubts(problem.evidence[name], events, problem.trial_life_table)


def _keys(lists: Mapping[Unit, Lists]) -> set[Key]:
    return {
        (name, family)
        for unit, own in lists.items()
        for name, families in zip(unit, own, strict=True)
        for family in families
    }


def _left_out_words(problem: DecisionProblem, plan: Plan, unit: Unit) -> str:
    lines = [f"{families.label(f)}: {why}" for f, why in plan.left_out(unit).items()]
    return (
        f"Left out of {problem.evidence[unit[0]].label}, because their fits failed, so that their weight is "
        f"unknown and the others share all of it: {' '.join(lines)}"
    )


def _correlations(
    weights: Mapping[Unit, Mapping[str, float]],
    posteriors: Mapping[Key, SurvivalPosterior],
    pieces: Mapping[str, tuple[Piece, ...]],
    streams: Streams,
    cache: Path | None,
    known: dict[Hashable, Any],
) -> tuple[dict[Unit, float], list[str]]:
    """How the endpoints of each unit correlate, and what is assumed where the evidence cannot say."""
    correlations, assumed = {}, []
    for unit, share in weights.items():
        if len(unit) == 1:
            continue
        pair = len(unit) == 2
        found = _correlation(unit, pieces, streams, cache, known) if pair else np.nan
        correlations[unit] = ASSUMED if np.isnan(found) else found
        used = of_evidence(share, 0, len(unit))
        if np.isnan(found) and not all(posteriors[unit[0], f].joint for f in used):
            assumed.append(
                f"{' and '.join(unit)}: how far endpoints of the same patients correlate cannot be "
                f"told from this evidence; {ASSUMED:g} is assumed when draws are paired."
            )
    return correlations, assumed


def _correlation(
    unit: Unit,
    pieces: Mapping[str, tuple[Piece, ...]],
    streams: Streams,
    cache: Path | None,
    known: dict[Hashable, Any],
) -> float:
    """Correlation of the two endpoints' restricted means, from a joint model of the same data.

    NaN where the evidence holds no counts of patients, or the joint model no mode. `known` and the
    cache keep it: scenarios share their evidence.
    """
    own = tuple(piece for name in unit for piece in pieces[name])
    stream = f"survival/{'+'.join(unit)}/correlation"
    arrays = {f"{i} {k}": v for i, p in enumerate(own) for k, v in p.data.items()}
    key = store.key({"correlation": PAIRING, "seed": streams.integer(stream), **arrays})
    path = store.place(cache, f"correlation-{'+'.join(unit)}", key) if cache else None
    if key not in known:
        found = store.read(path) if path else None
        if found:
            known[key] = found[1]["value"]
        else:
            model = families.resolve(PAIRING, own)
            try:
                known[key] = correlation.of_endpoints(model, own, streams.generator(stream))
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                known[key] = float("nan")
            if path:
                value = np.array([known[key]])
                store.write(
                    path, {"correlation": {"value": (("one",), value)}}, {"value": known[key]}
                )
    return known[key]
