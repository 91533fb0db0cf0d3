"""Posteriors → the model's draws: which family a draw uses, and which posterior draw.

OS and PFS of one data set share their family in a draw where they list the same ones: separately
chosen families can cross everywhere. Where the analyst lists others for each, each has its own
(`heor.survival.fitting.choices`). They also share their patients, so whoever lives longer without progression lives
longer: draws of separately fitted endpoints are paired to the correlation that the same patients
give (`heor.survival.fitting.correlation`); the curves of a joint model are the same draw by construction.
A posterior of M draws feeds N model draws by a seeded permutation, repeated when N > M; with a Sobol
sequence, by the quantiles of its restricted mean survival.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.integrate import trapezoid

from heor.parameters.draws import CurveDraws
from heor.problem.curve_types import RelativeCurve
from heor.problem.problem import DecisionProblem
from heor.streams import SOBOL, Streams
from heor.survival.families.distributions import survival
from heor.survival.fitting.choices import Lists, members
from heor.survival.fitting.correlation import pair_order
from heor.survival.fitting.posterior import SurvivalPosterior

Unit = tuple[str, ...]
Posteriors = Mapping[tuple[str, str], SurvivalPosterior]
RESTRICTED = 5.0  # years: the restricted mean by which draws are paired


def fitted_units(problem: DecisionProblem) -> dict[Unit, Lists]:
    """Evidence fitted together → the candidate distributions of each.

    All endpoints, death first, where a strategy fits them all to the same patients, or follows a
    series in all; otherwise the one evidence, unless it is in such a unit of another strategy.
    """
    units: dict[Unit, Lists] = {}
    endpoints = problem.settings.endpoints[::-1]
    for strategy in problem.strategies.values():
        curves = [strategy.curves[e] for e in endpoints if e in strategy.curves]
        fitted = [curve for curve in curves if not isinstance(curve, RelativeCurve)]
        alone = len({type(curve) for curve in curves}) > 1
        for group in ([curve] for curve in fitted) if alone else [fitted] if fitted else []:
            names = tuple(curve.evidence for curve in group)
            units.setdefault(names, tuple(curve.distributions for curve in group))
    paired = {name for unit in units if len(unit) > 1 for name in unit}
    return {unit: own for unit, own in units.items() if len(unit) > 1 or unit[0] not in paired}


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
        Share of draws of each choice of families, by unit.
    correlations
        Correlation of restricted mean OS and PFS, by unit of two.
    """
    uniform = streams.uniform("survival/family", n)
    out = {}
    for unit in fitted_units(problem):
        names = tuple(weights[unit])
        shares = np.cumsum([weights[unit][choice] for choice in names])
        chosen = np.minimum(
            np.searchsorted(shares, uniform * shares[-1], side="right"), len(names) - 1
        )
        rows = {choice: np.flatnonzero(chosen == i) for i, choice in enumerate(names)}
        draws = {
            choice: _chosen(unit, choice, own, posteriors, correlations, streams, n)
            for choice, own in rows.items()
        }
        for k, evidence in enumerate(unit):
            families = {choice: members(choice, len(unit))[k] for choice in names}
            own = {f: posteriors[evidence, f] for f in families.values()}
            used = {choice: (families[choice], rows[choice], draws[choice][k]) for choice in names}
            out[evidence] = _theta(own, used.values(), n)
    return out


def _chosen(
    unit: Unit,
    choice: str,
    rows: np.ndarray,
    posteriors: Posteriors,
    correlations: Mapping[Unit, float],
    streams: Streams,
    n: int,
) -> list[np.ndarray]:
    """Which posterior draws the rows of a choice use, for each evidence of the unit."""
    families = members(choice, len(unit))
    own = [posteriors[key] for key in zip(unit, families, strict=True)]
    size = len(next(iter(own[0].parameters.values())))
    if streams.sampling == SOBOL:
        # Posterior draws in order of survival: a point of the sequence is a quantile of it.
        uniform = streams.uniform(f"survival/{unit[0]}/draw", n)[rows]
        order = np.argsort(restricted_mean(own[0]), kind="stable")
        first = order[(uniform * size).astype(int)]
    else:
        order = streams.generator(f"survival/{unit[0]}/{families[0]}/order").permutation(size)
        first = order[rows % size]
    if len(unit) == 1 or own[0].joint:
        return [first] * len(unit)
    means, chosen = [restricted_mean(posterior) for posterior in own], [first]
    for name, mean in zip(unit[1:], means[1:], strict=True):
        generator = streams.generator(f"survival/{unit[0]}+{name}/{choice}/pairs")
        chosen.append(pair_order(means[0], mean, correlations[unit], generator)[first])
    return chosen


def restricted_mean(posterior: SurvivalPosterior) -> np.ndarray:
    """Restricted mean survival over five years, background mortality left out. Dims: draw."""
    time = np.linspace(0.0, RESTRICTED, 121)
    return trapezoid(survival(posterior.model, posterior.parameters, time), time, axis=1)


def _theta(
    posteriors: Mapping[str, SurvivalPosterior],
    used: Iterable[tuple[str, np.ndarray, np.ndarray]],
    n: int,
) -> CurveDraws:
    """Draws of one evidence: of each choice its family, its rows and their posterior draws."""
    places = {family: i for i, family in enumerate(posteriors)}
    family = np.zeros(n, int)
    theta = np.full((n, max(len(p.parameters) for p in posteriors.values())), np.nan)
    for name, rows, draws in used:
        family[rows] = places[name]
        for k, values in enumerate(posteriors[name].parameters.values()):
            theta[rows, k] = values[draws]
    return CurveDraws(tuple(p.model for p in posteriors.values()), family, theta)


def central_curves(
    posteriors: Posteriors, weights: Mapping[Unit, Mapping[str, float]], cases: int
) -> tuple[dict[str, CurveDraws], np.ndarray]:
    """Each choice of families at its posterior mean, for every case, and the choices' weights.

    Draw = case × choice, choice fastest. Units with other choices than the first are at their
    heaviest.

    Returns
    -------
    curves : dict
        By evidence.
    weight : ndarray, dims (choice,)
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
        for k, evidence in enumerate(unit):
            own = [posteriors[evidence, members(choice, len(unit))[k]] for choice in names]
            width = max(len(p.parameters) for p in own)
            table = np.full((len(own), width), np.nan)
            for i, posterior in enumerate(own):
                table[i, : len(posterior.parameters)] = posterior.central()
            out[evidence] = CurveDraws(tuple(p.model for p in own), family, table[family])
    return out, np.array(list(first.values()))
