"""Draws → survival curves: fitted excess hazards, hazard ratio, cure, waning, background.

Everything is a mixture of a cured and an uncured part:

    S = c S_bg^SMR  +  (1 - c) S_bg exp(-H_excess)

For a fitted curve c = 0. Both parts are kept apart, because treatment rules and deaths from cancer
follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from heor.errors import ModelError
from heor.inputs.problem import DecisionProblem, FittedCurve, LifeTable, RelativeCurve, Strategy
from heor.parameters.draws import CurveDraws, Draws
from heor.survival import background, marginal
from heor.survival.distributions import DISTRIBUTIONS, cumulative_hazard

ENDPOINTS = ("os", "pfs")


@dataclass(frozen=True)
class Background:
    """General-population mortality of the cohort on one time grid."""

    time: np.ndarray
    survival: np.ndarray
    cumulative_hazard: np.ndarray
    table: LifeTable
    start_age: float
    share_male: float

    @classmethod
    def of(cls, problem: DecisionProblem, time: np.ndarray) -> Background:
        table = problem.country.life_table
        s = background.survival(table, problem.start_age, problem.share_male, time)
        return cls(time, s, -np.log(s), table, problem.start_age, problem.share_male)

    def with_ratio(self, ratio: np.ndarray) -> np.ndarray:
        """Survival with mortality times `ratio`. Dims: (draw, time)."""
        return background.survival(
            self.table, self.start_age, self.share_male, self.time, ratio
        )


@dataclass(frozen=True)
class Curve:
    """One endpoint of one strategy. Dims: (draw, time); `uncured` includes its share 1 - c.

    Attributes
    ----------
    excess : ndarray, dims (draw, time)
        Cumulative excess hazard of the uncured.
    cured, uncured : ndarray, dims (draw, time)
        Parts of the cohort alive (or progression-free), cured and not.
    hazard_ratio : ndarray, dims (draw,)
        The uncured hazard ratio against the donor; 1 for a fitted curve.
    attained : ndarray of bool, dims (draw,)
        False where no uncured hazard ratio reaches the marginal one asked for.
    operative : ndarray, dims (draw, time)
        Share not dead from the operation (1 without operative mortality).
    """

    excess: np.ndarray
    cured: np.ndarray
    uncured: np.ndarray
    hazard_ratio: np.ndarray
    attained: np.ndarray
    operative: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.cured + self.uncured


def strategy_curves(
    problem: DecisionProblem,
    strategy: Strategy,
    draws: Draws,
    time: np.ndarray,
    grids: Mapping[float, Background] | None = None,
) -> dict[str, Curve]:
    """Curves of both endpoints of a strategy. Dims: (draw, time).

    `grids` is a cache of backgrounds by last time point; pass one dict over all blocks.
    """
    grids = {} if grids is None else grids
    return {
        endpoint: _curve(problem, strategy.curves[endpoint], endpoint, draws, time, grids)
        for endpoint in ENDPOINTS
    }


def fitted_excess(curve: FittedCurve, draws: Draws, time: np.ndarray) -> np.ndarray:
    """Cumulative excess hazard of a fitted curve, times its multiplier. Dims: (draw, time)."""
    return evidence_excess(draws.curves[curve.evidence], time) * draws.value(curve.multiplier)[:, None]


def evidence_excess(curve: CurveDraws, time: np.ndarray) -> np.ndarray:
    """Cumulative excess hazard of the trial's patients. Dims: (draw, time)."""
    out = np.empty((len(curve.family), len(time)))
    for i, family in enumerate(curve.families):
        rows = np.flatnonzero(curve.family == i)
        if len(rows) == 0:
            continue
        names = [p.name for p in DISTRIBUTIONS[family].parameters]
        parameters = {n: curve.theta[rows, k] for k, n in enumerate(names)}
        out[rows] = cumulative_hazard(family, parameters, time)
    return out


def _background(problem: DecisionProblem, time: np.ndarray, grids: dict) -> Background:
    key = (len(time), float(time[-1]))
    if key not in grids:
        grids[key] = Background.of(problem, time)
    return grids[key]


def _curve(
    problem: DecisionProblem,
    curve: FittedCurve | RelativeCurve,
    endpoint: str,
    draws: Draws,
    time: np.ndarray,
    grids: dict,
) -> Curve:
    population = _background(problem, time, grids)
    n, shape = draws.n, (draws.n, len(time))
    if isinstance(curve, FittedCurve):
        excess = fitted_excess(curve, draws, time)
        uncured = population.survival * np.exp(-excess)
        return Curve(
            excess, np.zeros(shape), uncured, np.ones(n), np.ones(n, bool), np.ones((1, len(time)))
        )
    donor = problem.strategies[curve.relative_to].curves[endpoint]
    donor_excess = fitted_excess(donor, draws, time)
    ratio, attained = _hazard_ratio(problem, curve, donor, draws, grids)
    excess = _waned(curve, donor, donor_excess, ratio, draws, time)
    cured_share = draws.value(curve.cured_fraction)[:, None]
    mortality_ratio = draws.value(curve.cured_mortality_ratio)
    operative = _operative(curve, draws, time)
    cured = cured_share * population.with_ratio(mortality_ratio) * operative
    uncured = (1 - cured_share) * population.survival * np.exp(-excess) * operative
    return Curve(excess, cured, uncured, ratio, attained, operative)


def _hazard_ratio(
    problem: DecisionProblem, curve: RelativeCurve, donor: FittedCurve, draws: Draws, grids: dict
) -> tuple[np.ndarray, np.ndarray]:
    """The uncured hazard ratio, given or solved from the marginal one. Dims: draw."""
    if curve.uncured_hazard_ratio is not None:
        return draws.value(curve.uncured_hazard_ratio).copy(), np.ones(draws.n, bool)
    windows = draws.value(curve.window)
    if np.ptp(windows) > 0:
        raise ModelError(
            f"window '{curve.window}' varies between draws; the censoring time of a marginal hazard "
            "ratio must be a fixed number."
        )
    grid = marginal.window_grid(float(windows[0]))
    population = _background(problem, grid, grids)
    excess = fitted_excess(donor, draws, grid)
    share = draws.value(curve.cured_fraction)[:, None]
    cured = share * population.with_ratio(draws.value(curve.cured_mortality_ratio))
    rest = (1 - share) * population.survival

    def mixture(ratio: np.ndarray, i: np.ndarray) -> np.ndarray:
        return cured[i] + rest[i] * np.exp(-ratio[:, None] * excess[i])

    target = draws.value(curve.marginal_hazard_ratio)
    return marginal.uncured_hazard_ratio(target, population.survival * np.exp(-excess), mixture)


def _waned(
    curve: RelativeCurve,
    donor: FittedCurve,
    donor_excess: np.ndarray,
    ratio: np.ndarray,
    draws: Draws,
    time: np.ndarray,
) -> np.ndarray:
    """Excess hazard of the uncured; the donor's own after `effect_ends`. Dims: (draw, time)."""
    if curve.effect_ends is None:
        return ratio[:, None] * donor_excess
    ends = draws.value(curve.effect_ends)
    last = np.empty(draws.n)
    for end in np.unique(ends):
        rows = ends == end
        last[rows] = fitted_excess(donor, draws, np.array([0.0, end]))[rows, 1]
    before = np.minimum(donor_excess, last[:, None])
    return ratio[:, None] * before + (donor_excess - before)


def _operative(curve: RelativeCurve, draws: Draws, time: np.ndarray) -> np.ndarray:
    """Share not dead from the operation. Dims: (draw, time), or (1, time) without such deaths."""
    mortality = draws.value(curve.operative_mortality)
    if not mortality.any():
        return np.ones((1, len(time)))
    after = time >= draws.value(curve.operative_time)[:, None] - 1e-9
    return np.where(after, 1 - mortality[:, None], 1.0)
