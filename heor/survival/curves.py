"""Draws → survival curves: fitted excess hazards, hazard ratio, cure, waning, background.

Everything is a mixture of a cured and an uncured part:

    S = c S_bg^SMR  +  (1 - c) S_bg exp(-H_excess)

For a fitted curve c = 0. Both parts are kept apart, because treatment rules and deaths from cancer
follow them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heor.errors import ModelError
from heor.inputs.problem import DecisionProblem, FittedCurve, LifeTable, RelativeCurve, Strategy
from heor.parameters.draws import CurveDraws, Draws
from heor.survival import background, marginal
from heor.survival.distributions import cumulative_hazard

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
        return background.survival(self.table, self.start_age, self.share_male, self.time, ratio)


@dataclass(frozen=True)
class Curve:
    """One endpoint of one strategy. Dims: (draw, time); `uncured` includes its share 1 - c.

    Attributes
    ----------
    excess : ndarray, dims (draw, time)
        Cumulative excess hazard of the uncured.
    cured, uncured : ndarray, dims (draw, time)
        Parts of the cohort alive (or progression-free); cured is None for a fitted curve.
    hazard_ratio : ndarray, dims (draw,)
        The uncured hazard ratio against the donor; 1 for a fitted curve.
    attained : ndarray of bool, dims (draw,)
        False where no uncured hazard ratio reaches the marginal one asked for.
    operative : ndarray, dims (draw, time)
        Share not dead from the operation; None without operative mortality.
    """

    excess: np.ndarray
    cured: np.ndarray | None
    uncured: np.ndarray
    hazard_ratio: np.ndarray
    attained: np.ndarray
    operative: np.ndarray | None

    @property
    def total(self) -> np.ndarray:
        """Everyone alive (or progression-free). Dims: (draw, time)."""
        return self.uncured if self.cured is None else self.cured + self.uncured


@dataclass(frozen=True)
class CurveContext:
    """One block of draws and what its curves share.

    `backgrounds` (by grid) may be passed on from block to block; `shared` holds what several
    strategies and problems use in this block: fitted hazards, and whole curves.
    """

    problem: DecisionProblem
    draws: Draws
    backgrounds: dict[bytes, Background] = field(default_factory=dict)
    shared: dict[tuple, Any] = field(default_factory=dict)

    def background(self, time: np.ndarray) -> Background:
        key = time.tobytes()
        if key not in self.backgrounds:
            self.backgrounds[key] = Background.of(self.problem, time)
        return self.backgrounds[key]

    @property
    def population(self) -> tuple[str, float, float]:
        """What tells two problems' populations apart."""
        problem = self.problem
        return problem.country.name, problem.start_age, problem.share_male

    def cured_survival(self, time: np.ndarray, mortality_ratio: np.ndarray) -> np.ndarray:
        """Survival of the cured: population mortality times a ratio. Dims: (draw, time)."""
        key = (self.population, time.tobytes(), mortality_ratio.tobytes())
        if key not in self.shared:
            self.shared[key] = self.background(time).with_ratio(mortality_ratio)
        return self.shared[key]

    def fitted_excess(self, curve: FittedCurve, time: np.ndarray) -> np.ndarray:
        """Cumulative excess hazard of a fitted curve, times its multiplier. Dims: (draw, time)."""
        fitted = self.draws.curves[curve.evidence]
        key = (id(fitted), time.tobytes())
        if key not in self.shared:
            self.shared[key] = evidence_excess(fitted, time)
        return self.shared[key] * self.draws.value(curve.multiplier)[:, None]


def strategy_curves(
    context: CurveContext, strategy: Strategy, time: np.ndarray
) -> dict[str, Curve]:
    """Curves of both endpoints of a strategy. Dims: (draw, time).

    Problems that agree in all that a curve depends on get the same object.
    """
    found = {}
    for endpoint in ENDPOINTS:
        curve = strategy.curves[endpoint]
        key = (time.tobytes(), *_ingredients(context, curve, endpoint))
        if key not in context.shared:
            context.shared[key] = _curve(context, curve, endpoint, time)
        found[endpoint] = context.shared[key]
    return found


def _ingredients(
    context: CurveContext, curve: FittedCurve | RelativeCurve, endpoint: str
) -> tuple[Any, ...]:
    """All that a curve depends on in this block, as a key."""
    draws = context.draws
    if isinstance(curve, FittedCurve):
        multiplier = draws.value(curve.multiplier).tobytes()
        return (context.population, id(draws.curves[curve.evidence]), multiplier)
    donor = context.problem.strategies[curve.relative_to].curves[endpoint]
    expressions = (v for k, v in vars(curve).items() if k != "relative_to")
    values = (None if e is None else draws.value(e).tobytes() for e in expressions)
    return (*_ingredients(context, donor, endpoint), *values)


def evidence_excess(curve: CurveDraws, time: np.ndarray) -> np.ndarray:
    """Cumulative excess hazard of the trial's patients. Dims: (draw, time)."""
    out = np.empty((len(curve.family), len(time)))
    for i, family in enumerate(curve.families):
        rows = np.flatnonzero(curve.family == i)
        if len(rows) == 0:
            continue
        parameters = {n: curve.theta[rows, k] for k, n in enumerate(family.names)}
        out[rows] = cumulative_hazard(family, parameters, time)
    return out


def _curve(
    context: CurveContext, curve: FittedCurve | RelativeCurve, endpoint: str, time: np.ndarray
) -> Curve:
    population, draws = context.background(time), context.draws
    if isinstance(curve, FittedCurve):
        excess = context.fitted_excess(curve, time)
        uncured = population.survival * np.exp(-excess)
        return Curve(excess, None, uncured, np.ones(draws.n), np.ones(draws.n, bool), None)
    donor = context.problem.strategies[curve.relative_to].curves[endpoint]
    ratio, attained = _hazard_ratio(context, curve, donor)
    excess = _waned(context, curve, donor, ratio, time)
    cured_share = draws.value(curve.cured_fraction)[:, None]
    mortality_ratio = draws.value(curve.cured_mortality_ratio)
    cured = cured_share * context.cured_survival(time, mortality_ratio)
    uncured = (1 - cured_share) * population.survival * np.exp(-excess)
    operative = _operative(curve, draws, time)
    if operative is not None:
        cured, uncured = cured * operative, uncured * operative
    return Curve(excess, cured, uncured, ratio, attained, operative)


def _hazard_ratio(
    context: CurveContext, curve: RelativeCurve, donor: FittedCurve
) -> tuple[np.ndarray, np.ndarray]:
    """The uncured hazard ratio, given or solved from the marginal one. Dims: draw."""
    draws = context.draws
    if curve.uncured_hazard_ratio is not None:
        return draws.value(curve.uncured_hazard_ratio).copy(), np.ones(draws.n, bool)
    windows = draws.value(curve.window)
    if np.ptp(windows) > 0:
        raise ModelError(
            f"window '{curve.window}' varies between draws; the censoring time of a marginal hazard "
            "ratio must be a fixed number."
        )
    target, share = draws.value(curve.marginal_hazard_ratio), draws.value(curve.cured_fraction)
    mortality = draws.value(curve.cured_mortality_ratio)
    return _solve(context, donor, float(windows[0]), target, share[:, None], mortality)


def _solve(
    context: CurveContext,
    donor: FittedCurve,
    window: float,
    target: np.ndarray,
    share: np.ndarray,
    mortality: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Uncured hazard ratios that give the marginal ones within the window. Dims: draw."""
    grid = marginal.window_grid(window)
    population = context.background(grid)
    excess = context.fitted_excess(donor, grid)
    cured = share * context.cured_survival(grid, mortality)
    rest = (1 - share) * population.survival

    def mixture(ratio: np.ndarray, i: np.ndarray) -> np.ndarray:
        return cured[i] + rest[i] * np.exp(-ratio[:, None] * excess[i])

    return marginal.uncured_hazard_ratio(target, population.survival * np.exp(-excess), mixture)


def _waned(
    context: CurveContext,
    curve: RelativeCurve,
    donor: FittedCurve,
    ratio: np.ndarray,
    time: np.ndarray,
) -> np.ndarray:
    """Excess hazard of the uncured; the donor's own after `effect_ends`. Dims: (draw, time)."""
    donor_excess = context.fitted_excess(donor, time)
    if curve.effect_ends is None:
        return ratio[:, None] * donor_excess
    ends = context.draws.value(curve.effect_ends)
    last = np.empty(len(ends))
    for end in np.unique(ends):
        rows = ends == end
        last[rows] = context.fitted_excess(donor, np.array([0.0, end]))[rows, 1]
    before = np.minimum(donor_excess, last[:, None])
    return ratio[:, None] * before + (donor_excess - before)


def _operative(curve: RelativeCurve, draws: Draws, time: np.ndarray) -> np.ndarray | None:
    """Share not dead from the operation. Dims: (draw, time); None without such deaths."""
    mortality = draws.value(curve.operative_mortality)
    if not mortality.any():
        return None
    after = time >= draws.value(curve.operative_time)[:, None] - 1e-9
    return np.where(after, 1 - mortality[:, None], 1.0)
