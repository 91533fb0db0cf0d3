"""Posteriors → the model's draws: which family a draw uses, and which posterior draw.

OS and PFS of one data set share their family in a draw: separately chosen families can cross
everywhere. A posterior of M draws feeds N model draws by a seeded permutation, repeated when N > M.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from heor.inputs.problem import DecisionProblem, FittedCurve
from heor.parameters.draws import CurveDraws
from heor.streams import Streams
from heor.survival.posterior import SurvivalPosterior

Pair = tuple[str, str]
Posteriors = Mapping[tuple[str, str], SurvivalPosterior]


def fitted_pairs(problem: DecisionProblem) -> list[Pair]:
    """(OS evidence, PFS evidence) of every strategy with fitted curves, without repeats."""
    pairs = []
    for strategy in problem.strategies.values():
        os, pfs = strategy.curves["os"], strategy.curves["pfs"]
        if isinstance(os, FittedCurve) and isinstance(pfs, FittedCurve):
            pairs.append((os.evidence, pfs.evidence))
    return list(dict.fromkeys(pairs))


def families_of(problem: DecisionProblem) -> tuple[str, ...]:
    """The distributions that may carry a draw: all of the stack, or the one chosen."""
    for strategy in problem.strategies.values():
        for curve in strategy.curves.values():
            if isinstance(curve, FittedCurve):
                return curve.distributions
    return ()


def curve_draws(
    problem: DecisionProblem,
    posteriors: Posteriors,
    weights: Mapping[Pair, Mapping[str, float]],
    n: int,
    streams: Streams,
) -> dict[str, CurveDraws]:
    """Family and natural-scale parameters of each fitted curve in every draw."""
    uniform = streams.uniform("survival/family", n)
    out = {}
    for pair in fitted_pairs(problem):
        families = tuple(weights[pair])
        shares = np.cumsum([weights[pair][f] for f in families])
        family = np.minimum(
            np.searchsorted(shares, uniform * shares[-1], side="right"), len(families) - 1
        )
        for evidence in pair:
            out[evidence] = _theta(evidence, families, family, posteriors, streams)
    return out


def _theta(
    evidence: str,
    families: tuple[str, ...],
    family: np.ndarray,
    posteriors: Posteriors,
    streams: Streams,
) -> CurveDraws:
    n = len(family)
    width = max(len(posteriors[evidence, f].parameters) for f in families)
    theta = np.full((n, width), np.nan)
    for i, name in enumerate(families):
        posterior = posteriors[evidence, name]
        size = len(next(iter(posterior.parameters.values())))
        order = streams.generator(f"survival/{evidence}/{name}/order").permutation(size)
        rows = np.flatnonzero(family == i)
        chosen = order[rows % size]
        for k, values in enumerate(posterior.parameters.values()):
            theta[rows, k] = values[chosen]
    return CurveDraws(families, family, theta)


def central_curves(
    problem: DecisionProblem, posteriors: Posteriors, families: tuple[str, ...], cases: int
) -> dict[str, CurveDraws]:
    """Each family at its posterior mean, for every case. Draw = case × family, family fastest."""
    family = np.tile(np.arange(len(families)), cases)
    out = {}
    for pair in fitted_pairs(problem):
        for evidence in pair:
            means = [posteriors[evidence, f].central() for f in families]
            width = max(len(m) for m in means)
            table = np.full((len(families), width), np.nan)
            for i, mean in enumerate(means):
                table[i, : len(mean)] = mean
            out[evidence] = CurveDraws(families, family, table[family])
    return out
