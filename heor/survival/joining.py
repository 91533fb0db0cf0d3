"""Posteriors → the model's draws: which family a draw uses, and which posterior draw.

OS and PFS of one data set share their family in a draw: separately chosen families can cross
everywhere. They also share their patients, so whoever lives longer without progression lives
longer: draws of separately fitted endpoints are paired to the correlation that the same patients
give (`heor.survival.correlation`); the curves of a joint model are the same draw by construction.
A posterior of M draws feeds N model draws by a seeded permutation, repeated when N > M; with a Sobol
sequence, by the quantiles of its restricted mean survival.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.integrate import trapezoid

from heor.inputs.problem import DecisionProblem, RelativeCurve
from heor.parameters.draws import CurveDraws
from heor.streams import SOBOL, Streams
from heor.survival.correlation import pair_order
from heor.survival.distributions import survival
from heor.survival.posterior import SurvivalPosterior

Unit = tuple[str, ...]
Posteriors = Mapping[tuple[str, str], SurvivalPosterior]
RESTRICTED = 5.0  # years: the restricted mean by which draws are paired


def fitted_units(problem: DecisionProblem) -> dict[Unit, tuple[str, ...]]:
    """Evidence fitted together → its candidate distributions.

    All endpoints, death first, where a strategy fits them all to the same patients, or follows a
    series in all; otherwise the one evidence.
    """
    units: dict[Unit, tuple[str, ...]] = {}
    endpoints = problem.settings.endpoints[::-1]
    for strategy in problem.strategies.values():
        curves = [strategy.curves[e] for e in endpoints if e in strategy.curves]
        kinds = {type(curve) for curve in curves}
        if len(kinds) == 1 and RelativeCurve not in kinds:
            units.setdefault(tuple(c.evidence for c in curves), curves[0].distributions)
            continue
        for curve in curves:
            if not isinstance(curve, RelativeCurve):
                units.setdefault((curve.evidence,), curve.distributions)
    return units


def curve_draws(
    problem: DecisionProblem,
    posteriors: Posteriors,
    weights: Mapping[Unit, Mapping[str, float]],
    correlations: Mapping[Unit, float],
    n: int,
    streams: Streams,
) -> dict[str, CurveDraws]:
    """Family and natural-scale parameters of each fitted curve in every draw.

    Parameters
    ----------
    weights
        Share of draws of each family, by unit.
    correlations
        Correlation of restricted mean OS and PFS, by unit of two.
    """
    uniform = streams.uniform("survival/family", n)
    out = {}
    for unit in fitted_units(problem):
        families = tuple(weights[unit])
        shares = np.cumsum([weights[unit][f] for f in families])
        family = np.minimum(
            np.searchsorted(shares, uniform * shares[-1], side="right"), len(families) - 1
        )
        chosen = {
            f: _chosen(unit, f, np.flatnonzero(family == i), posteriors, correlations, streams, n)
            for i, f in enumerate(families)
        }
        for k, evidence in enumerate(unit):
            own = {f: posteriors[evidence, f] for f in families}
            out[evidence] = _theta(own, family, {f: c[k] for f, c in chosen.items()})
    return out


def _chosen(
    unit: Unit,
    family: str,
    rows: np.ndarray,
    posteriors: Posteriors,
    correlations: Mapping[Unit, float],
    streams: Streams,
    n: int,
) -> list[np.ndarray]:
    """Which posterior draws the rows of a family use, for each evidence of the unit."""
    own = [posteriors[name, family] for name in unit]
    size = len(next(iter(own[0].parameters.values())))
    if streams.sampling == SOBOL:
        # Posterior draws in order of survival: a point of the sequence is a quantile of it.
        uniform = streams.uniform(f"survival/{unit[0]}/draw", n)[rows]
        order = np.argsort(restricted_mean(own[0]), kind="stable")
        first = order[(uniform * size).astype(int)]
    else:
        order = streams.generator(f"survival/{unit[0]}/{family}/order").permutation(size)
        first = order[rows % size]
    if len(unit) == 1 or own[0].joint:
        return [first] * len(unit)
    means, chosen = [restricted_mean(posterior) for posterior in own], [first]
    for name, mean in zip(unit[1:], means[1:], strict=True):
        generator = streams.generator(f"survival/{unit[0]}+{name}/{family}/pairs")
        chosen.append(pair_order(means[0], mean, correlations[unit], generator)[first])
    return chosen


def restricted_mean(posterior: SurvivalPosterior) -> np.ndarray:
    """Restricted mean survival over five years, background mortality left out. Dims: draw."""
    time = np.linspace(0.0, RESTRICTED, 121)
    return trapezoid(survival(posterior.model, posterior.parameters, time), time, axis=1)


def _theta(
    posteriors: Mapping[str, SurvivalPosterior],
    family: np.ndarray,
    chosen: Mapping[str, np.ndarray],
) -> CurveDraws:
    width = max(len(p.parameters) for p in posteriors.values())
    theta = np.full((len(family), width), np.nan)
    for i, (name, posterior) in enumerate(posteriors.items()):
        rows = np.flatnonzero(family == i)
        for k, values in enumerate(posterior.parameters.values()):
            theta[rows, k] = values[chosen[name]]
    return CurveDraws(tuple(p.model for p in posteriors.values()), family, theta)


def central_curves(
    posteriors: Posteriors, weights: Mapping[Unit, Mapping[str, float]], cases: int
) -> tuple[dict[str, CurveDraws], np.ndarray]:
    """Each family at its posterior mean, for every case, and the families' weights.

    Draw = case × family, family fastest. Units with other families than the first are at their
    heaviest family.

    Returns
    -------
    curves : dict
        By evidence.
    weight : ndarray, dims (family,)
        Of the first unit.
    """
    if not weights:  # nothing is fitted
        return {}, np.ones(1)
    first = next(iter(weights.values()))
    out = {}
    for unit, share in weights.items():
        heaviest = max(share, key=lambda f: share[f])
        names = [f if f in share else heaviest for f in first]
        family = np.tile(np.arange(len(names)), cases)
        for evidence in unit:
            own = [posteriors[evidence, f] for f in names]
            width = max(len(p.parameters) for p in own)
            table = np.full((len(own), width), np.nan)
            for i, posterior in enumerate(own):
                table[i, : len(posterior.parameters)] = posterior.central()
            out[evidence] = CurveDraws(tuple(p.model for p in own), family, table[family])
    return out, np.array(list(first.values()))
