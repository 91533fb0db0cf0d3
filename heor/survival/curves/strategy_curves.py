"""Draws → survival curves: fitted excess hazards, series, hazard ratios, cure, waning, background.

A curve is a sum of parts of the cohort that do not mix, each with one excess hazard:

    S = sum of share_k S_bg exp(-H_k),      the cured with S_bg^SMR instead

A fitted curve is one part; a relative curve the cured and the uncured (and, with early failure,
the uncured who risk it); a series those who follow it and the rest. Parts are kept apart because
treatment rules and deaths from cancer follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from heor.parameters.draws import CurveDraws, Draws
from heor.problem.country import LifeTable
from heor.problem.curve_types import (
    CurveInput,
    FittedCurve,
    RelativeCurve,
    SeriesCurve,
    expressions,
)
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.survival.curves import effects, marginal
from heor.survival.curves.curve import Curve, Part
from heor.survival.evidence import background
from heor.survival.families.distributions import cumulative_hazard


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

    def of_rows(self, rows: np.ndarray) -> CurveContext:
        """Some draws of this block by themselves."""
        curves = {name: curve[rows] for name, curve in self.draws.curves.items()}
        return replace(self, draws=self.draws.rows(rows, curves), shared={})

    @property
    def population(self) -> tuple[str, float, float]:
        """What tells two problems' populations apart."""
        problem = self.problem
        return problem.country.name, problem.start_age, problem.share_male

    def donor(self, strategy: str, endpoint: str) -> FittedCurve:
        """The fitted curve another curve refers to."""
        curve = self.problem.strategies[strategy].curves[endpoint]
        assert isinstance(curve, FittedCurve)  # the inputs are checked
        return curve

    def cured_survival(self, time: np.ndarray, mortality_ratio: np.ndarray) -> np.ndarray:
        """Survival of the cured: population mortality times a ratio. Dims: (draw, time)."""
        key = (self.population, time.tobytes(), mortality_ratio.tobytes())
        if key not in self.shared:
            self.shared[key] = self.background(time).with_ratio(mortality_ratio)
        return self.shared[key]

    def fitted_excess(self, curve: FittedCurve | SeriesCurve, time: np.ndarray) -> np.ndarray:
        """Cumulative excess hazard of a fitted curve, times its multiplier. Dims: (draw, time)."""
        fitted = self.draws.curves[curve.evidence]
        at = self.covariates(curve)
        key = (id(fitted), time.tobytes(), *((k, v.tobytes()) for k, v in at.items()))
        if key not in self.shared:
            self.shared[key] = evidence_excess(fitted, time, at)
        return self.shared[key] * self.draws.value(curve.multiplier)[:, None]

    def fitted_excess_at(self, curve: FittedCurve, when: np.ndarray) -> np.ndarray:
        """The same at one time in every draw. Dims of `when` and the result: draw."""
        times, column = np.unique(when, return_inverse=True)
        return self.fitted_excess(curve, times)[np.arange(len(when)), column]

    def covariates(self, curve: FittedCurve | SeriesCurve) -> dict[str, np.ndarray]:
        """Covariate values of the modelled patients. Dims of each: draw."""
        return {name: self.draws.value(e) for name, e in curve.at.items()}


def strategy_curves(
    context: CurveContext, strategy: Strategy, time: np.ndarray
) -> dict[str, Curve]:
    """Curves of all endpoints of a strategy. Dims: (draw, time).

    Problems that agree in all that a curve depends on get the same object.
    """
    endpoints = context.problem.settings.endpoints
    return {e: endpoint_curve(context, strategy, e, time) for e in endpoints}


def endpoint_curve(
    context: CurveContext, strategy: Strategy, endpoint: str, time: np.ndarray
) -> Curve:
    """The curve of one endpoint of a strategy. Dims: (draw, time)."""
    ingredients = _ingredients(context, strategy.curves[endpoint], endpoint, strategy.cured_group)
    key = (time.tobytes(), *ingredients)
    if key not in context.shared:
        context.shared[key] = _curve(context, strategy, endpoint, time)
    return context.shared[key]


def _ingredients(
    context: CurveContext, curve: CurveInput, endpoint: str, cured_group: str | None = None
) -> tuple[Any, ...]:
    """All that a curve depends on in this block, as a key."""
    draws = context.draws
    values = tuple((path, draws.value(e).tobytes()) for path, e in expressions(curve))
    if isinstance(curve, FittedCurve):
        return ("fitted", context.population, id(draws.curves[curve.evidence]), values)
    if isinstance(curve, RelativeCurve):
        donor = _ingredients(context, context.donor(curve.relative_to, endpoint), endpoint)
        early = curve.early_failure and curve.early_failure.group
        return ("relative", *donor, values, cured_group, early)
    rest = ()
    if curve.rest_as is not None:
        rest = _ingredients(context, context.donor(curve.rest_as, endpoint), endpoint)
    own = id(draws.curves[curve.evidence])
    return ("series", context.population, own, values, curve.group, rest)


def evidence_excess(
    curve: CurveDraws, time: np.ndarray, at: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """Cumulative excess hazard of the trial's patients, or of those with the covariates `at`.

    Dims: (draw, time); of each covariate: draw.
    """
    out = np.empty((len(curve.family), len(time)))
    for i, family in enumerate(curve.families):
        rows = np.flatnonzero(curve.family == i)
        if len(rows) == 0:
            continue
        parameters = {n: curve.theta[rows, k] for k, n in enumerate(family.names)}
        own = {name: value[rows] for name, value in (at or {}).items()}
        out[rows] = cumulative_hazard(family, parameters, time, own)
    return out


# ------------------------------------------------------------------------- a curve of each kind
def _curve(context: CurveContext, strategy: Strategy, endpoint: str, time: np.ndarray) -> Curve:
    curve = strategy.curves[endpoint]
    if isinstance(curve, FittedCurve):
        parts = (_part(context, "all", None, 1.0, context.fitted_excess(curve, time), time),)
    elif isinstance(curve, SeriesCurve):
        parts = _series(context, curve, endpoint, time)
    else:
        return _relative(context, curve, endpoint, strategy.cured_group, time)
    n = context.draws.n
    return Curve(parts, np.ones(n), np.ones(n, bool))


def _part(
    context: CurveContext,
    name: str,
    group: str | None,
    share: np.ndarray | float,
    excess: np.ndarray,
    time: np.ndarray,
) -> Part:
    """A share of the cohort with an excess hazard over the population's."""
    share = np.broadcast_to(np.asarray(share, float), (context.draws.n,))
    alive = context.background(time).survival * np.exp(-excess)
    if (share != 1).any():
        alive *= share[:, None]
    return Part(name, group, share, alive, excess)


def _series(
    context: CurveContext, curve: SeriesCurve, endpoint: str, time: np.ndarray
) -> tuple[Part, ...]:
    """Those who follow an observational series, and the rest as the strategy named."""
    share = context.draws.value(curve.share)
    excess = _excess_from(context, curve, time)
    own = _part(context, "series", curve.group, share, excess, time)
    if curve.rest_as is None:
        return (own,)
    donor = context.fitted_excess(context.donor(curve.rest_as, endpoint), time)
    return own, _part(context, "rest", None, 1 - share, donor, time)


def _excess_from(context: CurveContext, curve: SeriesCurve, time: np.ndarray) -> np.ndarray:
    """Excess hazard of a series on the model's clock: 0 until it starts. Dims: (draw, time)."""
    draws = context.draws
    starts = draws.value(curve.starts)
    if np.ptp(starts) == 0:
        return context.fitted_excess(curve, np.maximum(time - starts[0], 0.0))
    fitted, at = draws.curves[curve.evidence], context.covariates(curve)
    out = np.empty((draws.n, len(time)))
    for start in np.unique(starts):
        rows = np.flatnonzero(starts == start)
        grid = np.maximum(time - start, 0.0)
        out[rows] = evidence_excess(fitted[rows], grid, {k: v[rows] for k, v in at.items()})
    return out * draws.value(curve.multiplier)[:, None]


def _relative(
    context: CurveContext,
    curve: RelativeCurve,
    endpoint: str,
    cured_group: str | None,
    time: np.ndarray,
) -> Curve:
    """The cured, and the uncured relative to the donor's excess hazard."""
    draws, donor = context.draws, context.donor(curve.relative_to, endpoint)
    ratio, attained = _hazard_ratio(context, curve, donor)
    excess = _treated_excess(context, curve, donor, ratio, time)
    share = draws.value(curve.cured_fraction)
    survival = context.cured_survival(time, draws.value(curve.cured_mortality_ratio))
    parts = [Part("cured", cured_group, share, share[:, None] * survival, None)]
    uncured = 1 - share
    if curve.early_failure is not None:
        early, reached = _early(context, curve, donor, ratio, excess, share, time)
        parts.append(early)
        uncured, attained = uncured - early.share, attained & reached
    parts.append(_part(context, "uncured", None, uncured, excess, time))
    operative = _operative(curve, draws, time)
    if operative is not None:
        parts = [replace(p, alive=p.alive * operative) for p in parts]
    return Curve(tuple(parts), ratio, attained, operative)


# ------------------------------------------------------------------------------ the effect
def _hazard_ratio(
    context: CurveContext, curve: RelativeCurve, donor: FittedCurve
) -> tuple[np.ndarray, np.ndarray]:
    """The uncured hazard ratio, given or solved from the marginal one. Dims: draw."""
    draws = context.draws
    if not curve.has_one_ratio:
        return np.ones(draws.n), np.ones(draws.n, bool)
    if curve.uncured_hazard_ratio is not None:
        return draws.value(curve.uncured_hazard_ratio).copy(), np.ones(draws.n, bool)
    windows = draws.value(curve.window)
    target, share = draws.value(curve.marginal_hazard_ratio), draws.value(curve.cured_fraction)
    mortality = draws.value(curve.cured_mortality_ratio)
    ratio, attained = np.empty(draws.n), np.empty(draws.n, bool)
    for window in np.unique(windows):
        rows = np.flatnonzero(windows == window)
        own = context if len(rows) == draws.n else context.of_rows(rows)
        given = target[rows], share[rows][:, None], mortality[rows]
        ratio[rows], attained[rows] = _solve(own, donor, float(window), *given)
    return ratio, attained


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


def _treated_excess(
    context: CurveContext,
    curve: RelativeCurve,
    donor: FittedCurve,
    ratio: np.ndarray,
    time: np.ndarray,
) -> np.ndarray:
    """Excess hazard of the uncured; the donor's own where no effect is left. Dims: (draw, time)."""
    value = context.draws.value
    if curve.hazard_ratio_by_control_survival:
        hazard = context.fitted_excess(donor, time)
        log_survival = -context.background(time).cumulative_hazard - hazard
        bands = curve.hazard_ratio_by_control_survival
        levels = [
            effects.level_at_survival(hazard, log_survival, value(band.above)) for band in bands
        ]
        return effects.piecewise(hazard, levels, [value(band.ratio) for band in bands])
    if curve.hazard_ratio_by_time:
        ends = curve.hazard_ratio_by_time
        levels = [context.fitted_excess_at(donor, value(band.until)) for band in ends]
        ratios = [value(band.ratio) for band in ends]
        return effects.piecewise(context.fitted_excess(donor, time), levels, ratios)
    if curve.effect_ends is None:
        return ratio[:, None] * context.fitted_excess(donor, time)
    ends = value(curve.effect_ends)
    if curve.effect_wanes_from is None:
        last = context.fitted_excess_at(donor, ends)
        return effects.piecewise(context.fitted_excess(donor, time), [last], [ratio])
    grid, own = effects.fine_grid(time)
    hazard = context.fitted_excess(donor, grid)
    return effects.waned(hazard, grid, ratio, value(curve.effect_wanes_from), ends)[:, own]


def _early(
    context: CurveContext,
    curve: RelativeCurve,
    donor: FittedCurve,
    ratio: np.ndarray,
    excess: np.ndarray,
    cured_share: np.ndarray,
    time: np.ndarray,
) -> tuple[Part, np.ndarray]:
    """The uncured who risk early failure, and where the share asked for is attained.

    Inside the window the share asked for replaces the ordinary hazard; outside it theirs is that
    of the other uncured. The marginal hazard ratio is not solved again.
    """
    draws, early = context.draws, curve.early_failure
    edges = draws.value(early.start), draws.value(early.until)
    share = np.maximum(draws.value(early.among) - cured_share, 0.0)
    grid = np.unique(np.concatenate([[0.0], *edges]))
    columns = [np.searchsorted(grid, edge) for edge in edges]
    rows = np.arange(draws.n)
    treated = _treated_excess(context, curve, donor, ratio, grid)
    control = context.fitted_excess(donor, grid)
    survival = context.background(grid).survival
    cured = context.cured_survival(grid, draws.value(curve.cured_mortality_ratio))
    before, ordinary = (treated[rows, c] for c in columns)
    start, end = (control[rows, c] for c in columns)
    found, attained = effects.early_ratio(
        draws.value(early.share),
        tuple(cured_share * cured[rows, c] for c in columns),
        share * survival[columns[0]] * np.exp(-before),
        survival[columns[1]] / survival[columns[0]],
        end - start,
    )
    within = np.clip(context.fitted_excess(donor, time), start[:, None], end[:, None])
    stopped = np.clip(excess, before[:, None], ordinary[:, None])
    own = excess - (stopped - before[:, None]) + found[:, None] * (within - start[:, None])
    return _part(context, "early", early.group, share, own, time), attained


def _operative(curve: RelativeCurve, draws: Draws, time: np.ndarray) -> np.ndarray | None:
    """Share not dead from the operation. Dims: (draw, time); None without such deaths."""
    mortality = draws.value(curve.operative_mortality)
    if not mortality.any():
        return None
    after = time >= draws.value(curve.operative_time)[:, None] - 1e-9
    return np.where(after, 1 - mortality[:, None], 1.0)
