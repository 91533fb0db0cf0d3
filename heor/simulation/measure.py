"""Occupancy × exposures → person-years and events of one strategy in one block of draws.

An exposure is person-years in a state, or persons at an event. Each is measured with several weights at
once (see `heor.simulation.accrual`), so every cost and utility item is one product per draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heor.errors import ModelError
from heor.occupancy.state_occupancy import Patients, StateOccupancy
from heor.outcomes.discounting import covered
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Exposure, Strategy
from heor.simulation.accrual import Accrual


def measure(
    strategy: Strategy,
    occupancy: StateOccupancy,
    draws: Draws,
    accrual: Accrual,
    cache: dict[tuple, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Every exposure of a strategy with every weight. Dims: (draw, weight).

    State exposures are person-years, event exposures persons. `cache` holds integrals of this occupancy,
    which other problems and values may share.
    """
    cache = {} if cache is None else cache

    def value(
        name: str, start: np.ndarray, end: np.ndarray, lasting: np.ndarray | None = None
    ) -> np.ndarray:
        exposure = strategy.exposures[name]
        share = draws.value(exposure.share)[:, None]
        if exposure.at is not None:
            when = np.broadcast_to(draws.value(exposure.at), (draws.n,))
            return share * accrual.weights(when)
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
            return np.zeros((len(window.start), accrual.width))
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
    events = accrual.events(array, share)
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
