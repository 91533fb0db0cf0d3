"""Occupancy × exposures × values → costs and QALYs of one strategy in one block of draws.

An exposure is person-years in a state, or persons at an event. Each exposure is measured with
several weights at once (discounted for costs, for effects, times the population norm, or plain),
so every cost and utility item is one product per draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from heor.errors import ModelError
from heor.inputs.problem import DecisionProblem, Exposure, Strategy, UtilityNorms
from heor.occupancy.state_occupancy import Patients, StateOccupancy, Table
from heor.outcomes.discounting import covered, discount_factor, quadrature
from heor.parameters.draws import Draws

#: Columns of the weight matrix.
WEIGHTS = ("cost", "effect", "effect_norm", "plain", "plain_norm")
#: Steps (years) of the tables for event histories; an eighth of a month.
FINE = 1 / 96
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
    rule : csr_array, dims (cycle, time)
        Years of each cycle that count for the state at each boundary.
    streams : tuple of str
        Cost streams inside the perspective.
    """

    time: np.ndarray
    at: np.ndarray
    mid: np.ndarray
    rule: csr_array
    streams: tuple[str, ...]
    problem: DecisionProblem

    @classmethod
    def of(cls, problem: DecisionProblem) -> Accrual:
        time, at = problem.time, weights_at(problem, problem.time)
        rule = quadrature(time, problem.settings.within_cycle)
        return cls(time, at, 0.5 * (at[1:] + at[:-1]), rule, problem.country.streams, problem)

    def person_years(self, alive: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Years in a state, with every weight. Dims: (draw, weight).

        Parameters
        ----------
        alive : ndarray, dims (draw, time)
            In the state at the cycle boundaries, as a share of the cohort.
        share : ndarray, dims (draw, cycle), or (1, cycle) for all draws
            Part of each cycle that counts.
        """
        if self.problem.settings.within_cycle == "life_table":
            if len(share) == 1:
                return alive @ (self.rule.T @ (share[0][:, None] * self.mid))
            return ((self.rule @ alive.T).T * share) @ self.mid
        within = share @ self.rule
        if len(within) == 1:
            return alive @ (within[0][:, None] * self.at)
        return (alive * within) @ self.at

    @cached_property
    def integral(self) -> Table:
        """Every weight integrated from time zero, for event histories."""
        edges = FINE * np.arange(int(np.ceil(self.time[-1] / FINE)) + 2)
        at = weights_at(self.problem, 0.5 * (edges[1:] + edges[:-1]))
        return Table(FINE, np.concatenate([0 * at[:1], np.cumsum(FINE * at, axis=0)]))

    @cached_property
    def weight(self) -> Table:
        """Every weight at a time, for event histories."""
        return Table(FINE, weights_at(self.problem, FINE * np.arange(len(self.integral.values))))

    def alive_years(self, occupancy: StateOccupancy) -> np.ndarray:
        """All time alive, with every weight. Dims: (draw, weight)."""
        if occupancy.patients is not None:
            return occupancy.patients.alive_years(self.integral)
        return self.all_years(1 - occupancy.states["dead"])

    def all_years(self, alive: np.ndarray) -> np.ndarray:
        """`person_years` over the whole horizon."""
        return self.person_years(alive, np.ones((1, len(self.time) - 1)))


def norm_at(norms: UtilityNorms, age: np.ndarray) -> np.ndarray:
    """Population utility at each age; beyond the table its first or last value. Dims: as `age`."""
    # An age is reached a hair early by floating point: 62 + 12/12 must count as 63.
    index = np.clip(np.floor(age + 1e-9) - norms.age[0], 0, len(norms.age) - 1).astype(int)
    return norms.utility[index]


def norm(problem: DecisionProblem, time: np.ndarray) -> np.ndarray:
    """Population utility at each time. Dims: time."""
    return norm_at(problem.country.norms, problem.start_age + np.asarray(time))


def weights_at(problem: DecisionProblem, time: np.ndarray) -> np.ndarray:
    """The five weights at given times. Dims: (time, weight)."""
    country = problem.country
    cost = discount_factor(country.discount_costs, time, country.discount_timing)
    effect = discount_factor(country.discount_effects, time, country.discount_timing)
    population = norm(problem, time)
    return np.stack([cost, effect, effect * population, np.ones_like(cost), population], axis=1)


def measure(
    strategy: Strategy, occupancy: StateOccupancy, draws: Draws, accrual: Accrual
) -> dict[str, np.ndarray]:
    """Every exposure of a strategy with every weight. Dims: (draw, weight).

    State exposures are person-years, event exposures persons.
    """
    cache: dict[tuple, np.ndarray] = {}

    def value(
        name: str, start: np.ndarray, end: np.ndarray, lasting: np.ndarray | None = None
    ) -> np.ndarray:
        exposure = strategy.exposures[name]
        share = draws.value(exposure.share)[:, None]
        if exposure.at is not None:
            when = np.broadcast_to(draws.value(exposure.at), (draws.n,))
            return share * weights_at(accrual.problem, when)
        start = np.maximum(start, draws.value(exposure.from_time))
        if exposure.until is not None:
            end = np.minimum(end, draws.value(exposure.until))
        if exposure.sum_of:
            return share * sum(value(other, start, end, lasting) for other in exposure.sum_of)
        if exposure.after is not None:
            return share * value(exposure.after, start, end, draws.value(exposure.lasting))
        before = draws.value(exposure.before) if exposure.before != "0" else None
        window = Window(start, end, lasting, before)
        own = share * _integral(exposure, window, occupancy, accrual, cache)
        for other in exposure.less:
            own = own - value(other, start, end, lasting)
        return own

    whole = np.zeros(draws.n), np.full(draws.n, accrual.time[-1])
    return {name: value(name, *whole) for name in strategy.exposures}


@dataclass(frozen=True)
class Window:
    """When an exposure counts: [start, end) on its clock, or how long after or before an event.

    Dims of each: draw.
    """

    start: np.ndarray
    end: np.ndarray
    lasting: np.ndarray | None = None
    before: np.ndarray | None = None

    @property
    def key(self) -> tuple[bytes | None, ...]:
        return tuple(None if a is None else a.tobytes() for a in vars(self).values())

    @property
    def is_empty(self) -> bool:
        return bool((self.end <= self.start).all())

    @property
    def is_one(self) -> bool:
        """The same window in all draws."""
        return np.ptp(self.start) == 0 and np.ptp(self.end) == 0


def _integral(
    exposure: Exposure,
    window: Window,
    occupancy: StateOccupancy,
    accrual: Accrual,
    cache: dict[tuple, np.ndarray],
) -> np.ndarray:
    """∫ occupancy × weights over a window, before the share. Dims: (draw, weight)."""
    source = exposure.state or exposure.flow
    key = (source, exposure.among, exposure.clock, window.key)
    if key not in cache:
        if window.is_empty:
            return np.zeros((len(window.start), len(WEIGHTS)))
        cache[key] = _measured(exposure, window, occupancy, accrual)
    return cache[key]


def _measured(
    exposure: Exposure, window: Window, occupancy: StateOccupancy, accrual: Accrual
) -> np.ndarray:
    source, group = exposure.state or exposure.flow, exposure.among
    if occupancy.patients is not None:
        return _of_patients(exposure, window, occupancy.patients, accrual)
    if exposure.clock == "state" and not _is_first(exposure.state, accrual.problem):
        if occupancy.residence is None:
            raise ModelError(
                f"exposure '{exposure.name}': 'clock: state' counts time since entry into a state, "
                f"which model {accrual.problem.settings.model} does not know. Use semi_markov or "
                "individual."
            )
        return accrual.all_years(
            occupancy.residence.since_entry(source, group, window.start, window.end)
        )
    if window.lasting is not None and occupancy.residence is not None:
        times = window.start, window.end, window.lasting
        return accrual.all_years(occupancy.residence.after(source, group, *times))
    start, end = (window.start[:1], window.end[:1]) if window.is_one else (window.start, window.end)
    share = covered(accrual.time, start, end)
    if (source, group) in occupancy.parts:
        array = occupancy.parts[source, group]
    else:  # a group after progression
        assert occupancy.residence is not None  # the inputs are checked
        always = np.zeros(len(window.start)), np.full(len(window.start), np.inf)
        array = occupancy.residence.since_entry(source, group, *always)
    if exposure.state is not None:
        return accrual.person_years(array, share)
    if window.before is not None:
        return accrual.all_years(_time_before(array * share, window.before, accrual.time))
    one = len(share) == 1
    events = array @ (share[0][:, None] * accrual.mid) if one else (array * share) @ accrual.mid
    # Without time since the event, all who have it count for the whole time after it.
    return events if window.lasting is None else events * window.lasting[:, None]


def _is_first(state: str | None, problem: DecisionProblem) -> bool:
    """A state nobody enters later, so that both clocks are the same."""
    return bool(problem.strategies_with_curves) and state == problem.settings.states[0]


def _of_patients(
    exposure: Exposure, window: Window, patients: Patients, accrual: Accrual
) -> np.ndarray:
    """An exposure by event histories. Dims: (draw, weight)."""
    times = window.start, window.end
    if exposure.state is not None:
        return patients.state_years(
            exposure.state, exposure.among, *times, exposure.clock, accrual.integral
        )
    event = exposure.flow, exposure.among, *times
    if window.lasting is not None:
        return patients.years_after(*event, window.lasting, accrual.integral)
    if window.before is not None:
        return patients.years_before(*event, window.before, accrual.integral)
    return patients.events(*event, accrual.weight)


def _time_before(flow: np.ndarray, lead: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Who has the event within `lead` years. Dims: (draw, cycle) and draw to (draw, time).

    Events are even within a cycle; none comes after the horizon.
    """
    so_far = np.zeros((len(flow), len(time)))
    np.cumsum(flow, axis=1, out=so_far[:, 1:])
    out = np.empty_like(so_far)
    for years in np.unique(lead):
        rows = np.flatnonzero(lead == years)
        at = np.minimum(time + years, time[-1])
        after = np.clip(np.searchsorted(time, at), 1, len(time) - 1)
        share = (at - time[after - 1]) / (time[after] - time[after - 1])
        own = so_far[rows]
        out[rows] = (1 - share) * own[:, after - 1] + share * own[:, after] - own
    return out


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
    """QALYs. Dims: draw. Multipliers are capped at 1: no state is better than the population norm."""
    plain, with_norm = (EFFECT, EFFECT_NORM) if discounted else (PLAIN, PLAIN_NORM)
    total = np.zeros(draws.n)
    for item in strategy.utilities.values():
        exposure = measured[item.exposure]
        if item.multiplier is not None:
            total += exposure[:, with_norm] * np.minimum(draws.value(item.multiplier), 1.0)
        elif item.decrement is not None:
            total -= exposure[:, plain] * draws.value(item.decrement)
        elif item.qaly_loss is not None:
            total -= exposure[:, plain] * draws.value(item.qaly_loss)
        else:
            total -= exposure[:, with_norm] * draws.value(item.norm_loss)
    return total
