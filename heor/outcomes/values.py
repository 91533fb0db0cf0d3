"""Occupancy × exposures × values → costs and QALYs of one strategy in one block of draws.

An exposure is person-years in a state, or persons at an event. Each exposure is measured with
several weights at once (discounted for costs, for effects, times the population norm, or plain),
so every cost and utility item is one product per draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from heor.inputs.problem import DecisionProblem, Exposure, Strategy
from heor.occupancy.state_occupancy import StateOccupancy
from heor.outcomes.discounting import covered, discount_factor, state_weights
from heor.parameters.draws import Draws

#: Columns of the weight matrix.
WEIGHTS = ("cost", "effect", "effect_norm", "plain", "plain_norm")
COST, EFFECT, EFFECT_NORM, PLAIN, PLAIN_NORM = range(5)


@dataclass(frozen=True)
class Accrual:
    """Weights of time points and cycles, the same for all draws.

    Attributes
    ----------
    time : ndarray, dims (time,)
    at : ndarray, dims (time, weight)
        Discount factor (times norm) at each cycle boundary.
    mid : ndarray, dims (cycle, weight)
        Their mean over each cycle: for events, which happen at any time within it.
    streams : tuple of str
        Cost streams inside the perspective.
    """

    time: np.ndarray
    at: np.ndarray
    mid: np.ndarray
    streams: tuple[str, ...]
    problem: DecisionProblem

    @classmethod
    def of(cls, problem: DecisionProblem) -> Accrual:
        at = weights_at(problem, problem.time)
        return cls(problem.time, at, 0.5 * (at[1:] + at[:-1]), problem.country.streams, problem)


def norm(problem: DecisionProblem, time: np.ndarray) -> np.ndarray:
    """Population utility at each time; the last age's value holds beyond it. Dims: time."""
    norms = problem.country.norms
    # An age is reached a hair early by floating point: 62 + 12/12 must count as 63.
    age = np.floor(problem.start_age + np.asarray(time) + 1e-9)
    index = np.clip(age - norms.age[0], 0, len(norms.age) - 1).astype(int)
    return norms.utility[index]


def weights_at(problem: DecisionProblem, time: np.ndarray) -> np.ndarray:
    """The five weights at given times. Dims: (time, weight)."""
    country = problem.country
    cost = discount_factor(country.discount_costs, time)
    effect = discount_factor(country.discount_effects, time)
    population = norm(problem, time)
    return np.stack([cost, effect, effect * population, np.ones_like(cost), population], axis=1)


def measure(
    strategy: Strategy, occupancy: StateOccupancy, draws: Draws, accrual: Accrual
) -> dict[str, np.ndarray]:
    """Every exposure of a strategy with every weight. Dims: (draw, weight).

    State exposures are person-years, event exposures persons.
    """
    cache: dict[tuple, np.ndarray] = {}

    def value(name: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        exposure = strategy.exposures[name]
        if exposure.sum_of:
            return sum(value(other, start, end) for other in exposure.sum_of)
        if exposure.at is not None:
            when = np.broadcast_to(draws.value(exposure.at), (draws.n,))
            return draws.value(exposure.share)[:, None] * weights_at(accrual.problem, when)
        start = np.maximum(start, draws.value(exposure.from_time))
        if exposure.until is not None:
            end = np.minimum(end, draws.value(exposure.until))
        own = _integral(exposure, start, end, occupancy, accrual, cache)
        own = own * draws.value(exposure.share)[:, None]
        for other in exposure.less:
            own = own - value(other, start, end)
        return own

    whole = np.zeros(draws.n), np.full(draws.n, accrual.time[-1])
    return {name: value(name, *whole) for name in strategy.exposures}


def _integral(
    exposure: Exposure,
    start: np.ndarray,
    end: np.ndarray,
    occupancy: StateOccupancy,
    accrual: Accrual,
    cache: dict[tuple, np.ndarray],
) -> np.ndarray:
    """∫ occupancy × weights over [start, end), before the share. Dims: (draw, weight)."""
    source = exposure.state or exposure.flow
    key = (source, exposure.among, start.tobytes(), end.tobytes())
    if key not in cache:
        array = occupancy.parts[source, exposure.among]
        if (end <= start).all():
            return np.zeros((len(start), len(WEIGHTS)))
        if np.ptp(start) == 0 and np.ptp(end) == 0:  # one window for all draws
            start, end = start[:1], end[:1]
        share = covered(accrual.time, start, end)
        is_state = exposure.state is not None
        within = state_weights(accrual.time, share) if is_state else share
        weights = accrual.at if is_state else accrual.mid
        if len(within) == 1:
            cache[key] = array @ (within[0][:, None] * weights)
        else:
            cache[key] = (array * within) @ weights
    return cache[key]


def costs(
    strategy: Strategy, measured: Mapping[str, np.ndarray], draws: Draws, accrual: Accrual
) -> dict[str, np.ndarray]:
    """Discounted cost by category, inside the perspective. Dims of each: draw."""
    out = {c: np.zeros(draws.n) for c in accrual.problem.settings.categories}
    for item in strategy.costs.values():
        if item.stream in accrual.streams:
            out[item.category] += measured[item.exposure][:, COST] * draws.value(item.amount)
    return out


def qalys(
    strategy: Strategy, measured: Mapping[str, np.ndarray], draws: Draws, *, discounted: bool
) -> np.ndarray:
    """QALYs. Dims: draw. Multipliers at most 1 and losses at least 0 keep them below the norm."""
    plain, with_norm = (EFFECT, EFFECT_NORM) if discounted else (PLAIN, PLAIN_NORM)
    total = np.zeros(draws.n)
    for item in strategy.utilities.values():
        exposure = measured[item.exposure]
        if item.multiplier is not None:
            total += exposure[:, with_norm] * draws.value(item.multiplier)
        elif item.decrement is not None:
            total -= exposure[:, plain] * draws.value(item.decrement)
        elif item.qaly_loss is not None:
            total -= exposure[:, plain] * draws.value(item.qaly_loss)
        else:
            total -= exposure[:, with_norm] * draws.value(item.norm_loss)
    return total
