"""Cohort model of any states whose transitions may depend on time in state (clock reset).

The residence of everyone in a state is followed as a vector; the user names no tunnel states. A
transition's probability per cycle is by_time x by_residence, either of which may be left out: what
depends on time since the start or on age goes into the first, what depends on time since entry
into the second (DARTH's convention, where leaving for another state is conditional on survival).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numba import njit

from heor.occupancy.stacking import stacked
from heor.occupancy.state_occupancy import StateOccupancy
from heor.occupancy.transitions import check, number_of_draws, with_axes


@dataclass(frozen=True)
class Transition:
    """From one state to another, a probability per cycle.

    Attributes
    ----------
    origin, target : str
    by_time : ndarray, dims (draw | 1, cycle | 1), or a number
    by_residence : ndarray, dims (draw | 1, cycle), or None
        By completed cycles in the state: 0 in the cycle after entry. One for each cycle at least.
    """

    origin: str
    target: str
    by_time: np.ndarray | float = 1.0
    by_residence: np.ndarray | None = None

    @property
    def name(self) -> str:
        return f"{self.origin} -> {self.target}"


def cohort(
    transitions: Sequence[Transition],
    states: Sequence[str],
    cycles: int,
    start: Mapping[str, np.ndarray | float] | None = None,
    cycle: float = 1.0,
) -> StateOccupancy:
    """Occupancy of a cohort that moves once a cycle at most.

    Parameters
    ----------
    transitions
        At most one a pair of states. Who does not move stays.
    states, cycles, start
        As in `heor.occupancy.transitions.cohort`.
    cycle
        Years.

    Returns
    -------
    StateOccupancy
        As `heor.occupancy.transitions.cohort`, with `residence`: who is in a state by time since
        entry.

    Raises
    ------
    ModelError, ValueError
        As there; two transitions between the same states.

    Examples
    --------
    Half leave in the cycle after entry, and nobody later:

    >>> leave = Transition("ill", "well", by_residence=np.array([[0.5, 0.0, 0.0]]))
    >>> cohort([leave], ["ill", "well"], 3).states["ill"].tolist()
    [[1.0, 0.5, 0.5, 0.5]]
    """
    start = start or {states[0]: 1.0}
    model = _Model(tuple(transitions), tuple(states), cycles, start, cycle)
    model.check()
    share, flows, _ = model.run()
    found = {name: share[:, :, i] for i, name in enumerate(states)}
    parts = {(name, None): values for name, values in found.items()}
    parts |= {(t.name, None): flows[:, :, k] for k, t in enumerate(transitions)}
    return StateOccupancy(found, parts, residence=ByResidence(model))


@dataclass(frozen=True)
class ByResidence:
    """See `heor.occupancy.state_occupancy.Residence`."""

    model: _Model

    def since_entry(
        self, state: str, group: str | None, start: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        """In a state for at least `start` and less than `end` years. Dims: (draw, time)."""
        edges = self.model.cycle * np.arange(self.model.cycles + 2)
        since = edges[:-1]  # completed cycles in the state, at a cycle boundary
        inside = (since >= start[:, None] - 1e-9) & (since < end[:, None] - 1e-9)
        return self.weighted(state, inside.astype(float))

    def weighted(self, state: str, value: np.ndarray) -> np.ndarray:
        """Everyone in a state, times a value by completed cycles in it.

        Parameters
        ----------
        value : ndarray, dims (draw | 1, cycle + 1)

        Returns
        -------
        ndarray, dims (draw, time)

        Raises
        ------
        ValueError
            Other dims.
        """
        draws, times = self.model.draws, self.model.cycles + 1
        if value.ndim != 2 or value.shape[1] < times or 1 < draws != len(value) > 1:
            raise ValueError(
                f"value: dims {value.shape}; must be (draw | 1, cycle + 1) with {draws} draws and "
                f"{times} cycles and one."
            )
        return self.model.run(state, value)[2]

    def after(self, flow, group, start, end, lasting) -> np.ndarray:
        raise NotImplementedError("time after a flow is known in the illness-death process only.")


@dataclass(frozen=True)
class _Model:
    transitions: tuple[Transition, ...]
    states: tuple[str, ...]
    cycles: int
    start: Mapping[str, np.ndarray | float]
    cycle: float

    def check(self) -> None:
        """Raise ValueError or ModelError; probabilities at their largest over residence."""
        self._check_form()
        largest = {
            (t.origin, t.target): np.atleast_2d(np.asarray(t.by_time, float))
            * (1.0 if t.by_residence is None else _extreme(t.by_residence))
            for t in self.transitions
        }
        check(largest, self.states, self.start, self._leaving(largest))

    def _check_form(self) -> None:
        """Raise ValueError: the compiled loop reads what it is given without a look at its length."""
        names = [t.name for t in self.transitions]
        problems = [
            f"{n}: given twice; allowed: once." for n in sorted(set(names)) if names.count(n) > 1
        ]
        problems += [
            f"{t.name}: by_residence has dims {t.by_residence.shape}; allowed: (draw | 1, cycle) with "
            f"{self.cycles} cycles."
            for t in self.transitions
            if t.by_residence is not None
            and (t.by_residence.ndim != 2 or t.by_residence.shape[1] < self.cycles)
        ]
        if problems:
            raise ValueError(" ".join(problems))
        given = {f"{t.name} by time": with_axes(t.by_time) for t in self.transitions}
        given |= {
            f"{t.name} by residence": t.by_residence[:, :1]
            for t in self.transitions
            if t.by_residence is not None
        }
        number_of_draws(given, self.start, self.cycles)

    def _leaving(self, largest: Mapping[tuple[str, str], np.ndarray]) -> dict[str, np.ndarray]:
        """The chance to leave a state, at its largest over residence. Dims: (draw | 1, cycle | 1).

        The sum of each transition's largest is never too small, and quick. Only where it exceeds 1
        are the transitions added up at every residence.
        """
        found = {}
        for origin in dict.fromkeys(t.origin for t in self.transitions):
            own = [t for t in self.transitions if t.origin == origin]
            bound = sum(largest[origin, t.target] for t in own)
            found[origin] = bound if bound.max() <= 1 else self._at_every_residence(own)
        return found

    def _at_every_residence(self, own: Sequence[Transition]) -> np.ndarray:
        """The largest sum of these transitions over the residence reached. Dims: (draw, cycle)."""
        found = np.empty((self.draws, self.cycles))
        for cycle in range(self.cycles):
            total = np.zeros((1, 1))
            for t in own:
                by_time = np.atleast_2d(t.by_time)
                now = by_time[:, [cycle if by_time.shape[1] > 1 else 0]]
                total = total + (
                    now if t.by_residence is None else now * t.by_residence[:, : cycle + 1]
                )
            found[:, cycle] = total.max(axis=1)
        return found

    @cached_property
    def draws(self) -> int:
        sizes = [np.size(share) for share in self.start.values()]
        for t in self.transitions:
            sizes.append(np.atleast_2d(t.by_time).shape[0])
            sizes.append(1 if t.by_residence is None else t.by_residence.shape[0])
        return max(sizes)

    def run(
        self, state: str | None = None, value: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shares (draw, time, state), flows (draw, cycle, transition), weighted (draw, time)."""
        index = {name: i for i, name in enumerate(self.states)}
        value = np.zeros((1, 1)) if value is None else np.asarray(value, float)
        begin = np.zeros((max(self.draws, len(value)), len(self.states)))
        for name, share in self.start.items():
            begin[:, index[name]] = share
        followed = np.zeros(len(self.states), bool)
        for t in self.transitions:
            followed[index[t.origin]] |= t.by_residence is not None
        if state is not None:
            followed[index[state]] = True
        ones = np.ones((1, 1))
        given = [ones if t.by_residence is None else t.by_residence for t in self.transitions]
        moves = _Moves(
            np.array([index[t.origin] for t in self.transitions]),
            np.array([index[t.target] for t in self.transitions]),
            stacked([np.atleast_2d(t.by_time) for t in self.transitions]),
            stacked(given),
            np.array([t.by_residence is not None for t in self.transitions]),
        )
        weighted = -1 if state is None else index[state]
        return _run(begin, self.cycles, moves, followed, weighted, np.ascontiguousarray(value))


class _Moves(NamedTuple):
    """Origin and target of each transition, its chances by time and by residence, stacked over draws,
    and whether it has any by residence."""

    origin: np.ndarray
    target: np.ndarray
    by_time: tuple[np.ndarray, ...]
    by_residence: tuple[np.ndarray, ...]
    has_residence: np.ndarray


def _extreme(by_residence: np.ndarray) -> np.ndarray:
    """The value furthest outside [0, 1], or the largest. Dims: (draw | 1, 1)."""
    low, high = by_residence.min(axis=1, keepdims=True), by_residence.max(axis=1, keepdims=True)
    return np.where(low < 0, low, high)


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _run(begin, cycles, moves, followed, weighted_state, value):
    origin, target, has_residence = moves.origin, moves.target, moves.has_residence
    by_time, time_begin, time_draw, time_cycle = moves.by_time
    by_residence, residence_begin, residence_draw, _ = moves.by_residence
    draws, states = begin.shape
    share = np.zeros((draws, cycles + 1, states))
    flows = np.zeros((draws, cycles, len(origin)))
    weighted = np.zeros((draws, cycles + 1))
    who = np.zeros((states, cycles + 2))  # by completed cycles in the state
    keep = np.zeros(cycles + 1)
    entering = np.zeros(states)
    for draw in range(draws):
        own = value[draw if len(value) > 1 else 0]
        share[draw, 0] = begin[draw]
        for s in range(states):
            who[s, 0] = begin[draw, s]
        if weighted_state >= 0:
            weighted[draw, 0] = begin[draw, weighted_state] * own[0]
        for cycle in range(cycles):
            entering[:] = 0.0
            for s in range(states):
                total = share[draw, cycle, s]
                leaving = 0.0  # by what does not depend on residence
                if followed[s]:
                    keep[: cycle + 1] = 1.0
                for k in range(len(origin)):
                    if origin[k] != s:
                        continue
                    p = by_time[time_begin[k] + draw * time_draw[k] + cycle * time_cycle[k]]
                    if has_residence[k]:
                        first = residence_begin[k] + draw * residence_draw[k]
                        b = by_residence[first : first + cycle + 1]
                        moving = 0.0
                        for u in range(cycle + 1):
                            moving += who[s, u] * b[u]
                        moving *= p
                        for u in range(cycle + 1):
                            keep[u] -= p * b[u]
                    else:
                        moving = p * total
                        leaving += p
                    flows[draw, cycle, k] = moving
                    entering[target[k]] += moving
                if followed[s]:
                    for u in range(cycle, -1, -1):
                        who[s, u + 1] = who[s, u] * (keep[u] - leaving)
            for s in range(states):
                change = 0.0
                for k in range(len(origin)):
                    if origin[k] == s:
                        change -= flows[draw, cycle, k]
                    if target[k] == s:
                        change += flows[draw, cycle, k]
                share[draw, cycle + 1, s] = share[draw, cycle, s] + change
                who[s, 0] = entering[s]
            if weighted_state >= 0:
                sum_ = 0.0
                for u in range(cycle + 2):
                    sum_ += who[weighted_state, u] * own[u]
                weighted[draw, cycle + 1] = sum_
    return share, flows, weighted
