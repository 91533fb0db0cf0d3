"""A decision problem's curves, fitted: posteriors, their comparison, and what pairs OS with PFS.

Laplace screens every family; NUTS samples those with stacking weight, so what enters the draws is
the posterior of record. `heor survival` samples them all.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from heor.inputs.problem import DecisionProblem, FitSettings
from heor.streams import Streams
from heor.survival import cache as store
from heor.survival import correlation, diagnostics, evidence, families, goodness, posterior
from heor.survival.joining import Unit, fitted_units
from heor.survival.likelihood import Piece
from heor.survival.posterior import FitRequest, Key, Progress, SurvivalPosterior
from heor.survival.regression import Regression

SCREEN = 0.02  # stacking weight below which a screened family is not sampled
PRIOR_WIDTH = {"standard": 1.0, "wide": 2.0, "narrow": 0.5}
ASSUMED = 0.5  # where that process cannot say; about what it says of trials with patient counts
PAIRING = "joint_lognormal_weibull"  # the process that says how OS and PFS estimates correlate

Requests = dict[Unit, dict[str, list[FitRequest]]]


@dataclass(frozen=True)
class SurvivalFits:
    """The fits of one problem.

    Attributes
    ----------
    posteriors : dict
        (evidence, distribution) → posterior.
    comparison : dict
        Unit → families compared by leave-one-out.
    weights : dict
        Unit → share of draws of each family.
    correlations : dict
        Unit of two → correlation of restricted mean OS and PFS that the same patients give.
    accepted : tuple of str
        Faulty fits the analyst accepted by name: for the first page.
    cautions : tuple of str
        What must be read of the fits in use.
    """

    posteriors: Mapping[Key, SurvivalPosterior]
    comparison: Mapping[Unit, goodness.ModelComparison]
    weights: Mapping[Unit, Mapping[str, float]]
    correlations: Mapping[Unit, float]
    accepted: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Hashes of the fits in use: problems with the same ones have the same curves."""
        return tuple(
            self.posteriors[name, family].fit_key
            for unit, share in self.weights.items()
            for name in unit
            for family in share
        )


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
    wanted = {name: requests(problem) for name, problem in problems.items()}
    screened: dict[str, dict[Key, SurvivalPosterior]] = {name: {} for name in problems}
    chosen = {name: {u: tuple(f) for u, f in own.items()} for name, own in wanted.items()}
    if settings.screen and not settings.quick:
        quick = replace(settings, quick=True)
        screened = _fit(wanted, quick, streams, cache, None)
        chosen = {
            name: {unit: _survivors(screened[name], unit, own[unit], cache) for unit in own}
            for name, own in wanted.items()
        }
        wanted = {
            name: {unit: {f: own[unit][f] for f in chosen[name][unit]} for unit in own}
            for name, own in wanted.items()
        }
    fitted = _fit(wanted, settings, streams, cache, progress)
    known: dict[Hashable, Any] = {}  # scenarios share most of it
    return {
        name: _fits(
            problem, {**screened[name], **fitted[name]}, chosen[name], streams, cache, known
        )
        for name, problem in problems.items()
    }


def requests(problem: DecisionProblem) -> Requests:
    """Unit → family → the fits it needs: one of a joint model, else one an evidence."""
    width = PRIOR_WIDTH[problem.settings.fit.priors]
    out: Requests = {}
    for unit, names in fitted_units(problem).items():
        pieces = {name: evidence.pieces(problem, name) for name in unit}
        out[unit] = {
            family: [_request(family, group, width) for group in _groups(family, pieces)]
            for family in names
        }
    return out


def same_fits(one: DecisionProblem, other: DecisionProblem) -> bool:
    """Whether two problems fit the same families to the same evidence, opinions among it."""
    a, b = (list(_flatten(requests(problem))) for problem in (one, other))
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


def _groups(family: str, pieces: Mapping[str, tuple[Piece, ...]]) -> list[tuple[Piece, ...]]:
    if family.startswith("joint_"):
        return [tuple(piece for own in pieces.values() for piece in own)]
    return list(pieces.values())


def _request(family: str, pieces: tuple[Piece, ...], width: float) -> FitRequest:
    """The family, with the covariates of individual data on its location."""
    model = families.resolve(family, pieces)
    names = {k.removeprefix("x_") for piece in pieces for k in piece.data if k.startswith("x_")}
    if names:
        model = Regression(model, tuple(sorted(names)))
    return FitRequest(model if width == 1.0 else model.with_priors(width), pieces, family)


def _fit(
    wanted: Mapping[str, Requests],
    settings: FitSettings,
    streams: Streams,
    cache: Path | None,
    progress: Progress | None,
) -> dict[str, dict[Key, SurvivalPosterior]]:
    """Posteriors by problem and key; a fit that several problems need is made once."""
    flat = {name: list(_flatten(own)) for name, own in wanted.items()}
    fits = iter(
        posterior.fit_each(
            [r for own in flat.values() for r in own], settings, streams, cache, progress
        )
    )
    return {name: posterior.by_key([next(fits) for _ in own]) for name, own in flat.items()}


def _flatten(own: Requests) -> Iterable[FitRequest]:
    return (request for by_family in own.values() for r in by_family.values() for request in r)


def _survivors(
    posteriors: Mapping[Key, SurvivalPosterior],
    unit: Unit,
    own: Mapping[str, object],
    cache: Path | None,
) -> tuple[str, ...]:
    """Families with weight when all are fitted by Laplace."""
    weights = goodness.compare(posteriors, unit, cache, tuple(own)).weights
    return tuple(f for f in own if weights[f] >= SCREEN)


def _fits(
    problem: DecisionProblem,
    posteriors: dict[Key, SurvivalPosterior],
    chosen: Mapping[Unit, tuple[str, ...]],
    streams: Streams,
    cache: Path | None,
    known: dict[Hashable, Any],
) -> SurvivalFits:
    settings = problem.settings.fit
    wanted = {(name, f) for unit, names in chosen.items() for name in unit for f in names}
    diagnostics.check({k: p for k, p in posteriors.items() if k in wanted}, settings)
    comparison = {}
    for unit, candidates in chosen.items():
        own = tuple(p.fit_key for (name, _), p in posteriors.items() if name in unit)
        key = ("comparison", unit, candidates, own)
        if key not in known:
            known[key] = goodness.compare(posteriors, unit, cache, candidates)
        comparison[unit] = known[key]
    pieces = {name: evidence.pieces(problem, name) for unit in chosen for name in unit}
    weights = {
        unit: {f: w for f, w in found.weights.items() if w > 0}
        for unit, found in comparison.items()
    }
    in_use = [posteriors[n, f] for unit, share in weights.items() for n in unit for f in share]
    correlations, assumed = {}, []
    for unit in (u for u in chosen if len(u) > 1):
        pair = len(unit) == 2
        found = _correlation(unit, pieces, streams, cache, known) if pair else np.nan
        correlations[unit] = ASSUMED if np.isnan(found) else found
        if np.isnan(found) and not all(posteriors[unit[0], f].joint for f in weights[unit]):
            assumed.append(
                f"{' and '.join(unit)}: how far endpoints of the same patients correlate cannot be "
                f"told from this evidence; {ASSUMED:g} is assumed when draws are paired."
            )
    return SurvivalFits(
        posteriors,
        comparison,
        weights,
        correlations,
        diagnostics.accepted(posteriors, settings),
        (
            *(line for name in pieces for line in evidence.repairs(problem.evidence[name])),
            *assumed,
            *diagnostics.cautions(in_use, pieces),
        ),
    )


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
