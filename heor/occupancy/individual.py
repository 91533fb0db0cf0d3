"""Individual-level model: patients move between states in continuous time.

Out of a state every transition draws a latent time, and the earliest happens (competing events).
A latent time is the inverse of a cumulative hazard at a standard exponential number E: with clock
"start" it is the t with H(t) = H(entry) + E (time since the start, clock forward), with clock
"entry" entry + the u with H(u) = E (time since entry, clock reset). Both kinds may leave one state
(mixed clocks), and states may be entered again.

Random numbers are a function of the draw, the patient, the transition and the visit: results do not
depend on how draws are split into blocks, and the same patient has the same luck under every
strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numba import njit

from heor.errors import ModelError
from heor.occupancy.state_occupancy import Table


@dataclass(frozen=True)
class Transition:
    """From one state to another.

    Attributes
    ----------
    origin, target : str
    cumulative_hazard : ndarray, dims (draw | 1, stratum | 1, time)
        On the grid of `simulate`, from 0, never falling; the hazard is constant within a step, and
        the last one continues beyond the grid.
    clock : str
        `start` (time since the start) or `entry` (time since entry into the state).
    hazard_ratio : ndarray, dims (draw | 1, patient), optional
        Multiplies the hazard: what tells patients of a stratum apart.
    """

    origin: str
    target: str
    cumulative_hazard: np.ndarray
    clock: str = "start"
    hazard_ratio: np.ndarray | None = None

    @property
    def name(self) -> str:
        return f"{self.origin} -> {self.target}"


@dataclass(frozen=True)
class Histories:
    """Every stay of every patient in a state, ordered by draw, patient and visit.

    Attributes
    ----------
    states : tuple of str
    draws, patients : int
        Draws of the block, and patients of each.
    draw, patient, state, next_state : ndarray of int, dims (stay,)
        `next_state` is -1 where the horizon comes first.
    entry, exit : ndarray, dims (stay,)
        Years.
    horizon : float
    """

    states: tuple[str, ...]
    draws: int
    patients: int
    draw: np.ndarray
    patient: np.ndarray
    state: np.ndarray
    next_state: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    horizon: float

    def index(self, state: str) -> int:
        """Number of a state."""
        return self.states.index(state)

    def years(
        self, start: np.ndarray, end: np.ndarray, chosen: np.ndarray, integral: Table
    ) -> np.ndarray:
        """Weights integrated from `start` to `end`, a patient's mean. Dims: (draw, weight).

        Parameters
        ----------
        start, end : ndarray, dims (stay,)
            Years; nothing where `end` is not after `start`.
        chosen : ndarray of bool, dims (stay,)
        integral : Table
            Integral of each weight from 0.
        """
        out = np.zeros((self.draws, integral.values.shape[1]))
        _add_differences(self.draw, start, end, chosen, integral.step, integral.values, out)
        return out / self.patients

    def events(self, time: np.ndarray, chosen: np.ndarray, weight: Table) -> np.ndarray:
        """Weights at the time of an event, a patient's mean. Dims: (draw, weight).

        Parameters
        ----------
        time : ndarray, dims (stay,)
        chosen : ndarray of bool, dims (stay,)
        """
        out = np.zeros((self.draws, weight.values.shape[1]))
        _add_values(self.draw, time, chosen, weight.step, weight.values, out)
        return out / self.patients

    def occupancy(self, time: np.ndarray) -> dict[str, np.ndarray]:
        """Share of patients in each state at given times. Dims of each: (draw, time)."""
        moved = np.zeros((len(self.states), self.draws, len(time) + 1))
        # In a state from the first time not before entry to the first not before exit.
        entered = np.searchsorted(time, self.entry)
        left = np.searchsorted(time, self.exit)
        np.add.at(moved, (self.state, self.draw, entered), 1.0)
        np.add.at(moved, (self.state, self.draw, left), -1.0)
        ended = self.next_state >= 0
        dead = np.array([name.startswith("dead") for name in self.states])
        absorbed = ended & dead[self.next_state]
        at = (self.next_state[absorbed], self.draw[absorbed], left[absorbed])
        np.add.at(moved, at, 1.0)
        last = self.next_state < 0  # still there at the horizon
        np.add.at(moved, (self.state[last], self.draw[last], left[last]), 1.0)
        share = np.cumsum(moved, axis=2)[:, :, :-1] / self.patients
        return dict(zip(self.states, share, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Event histories: `draw, patient, state, entry, exit, next_state`, one row a stay."""
        names = np.array([*self.states, ""])  # -1: the last, no next state
        return pd.DataFrame(
            {
                "draw": self.draw,
                "patient": self.patient,
                "state": names[self.state],
                "entry": self.entry,
                "exit": self.exit,
                "next_state": names[self.next_state],
            }
        )


@dataclass(frozen=True)
class People:
    """Whom to simulate.

    Attributes
    ----------
    draws, patients
        In the block, and of each draw.
    key
        Of the random numbers, 64 bit (see `heor.streams.Streams.key`).
    first_draw
        Number of the block's first draw.
    strata : ndarray of int, dims (draw | 1, patient), optional
        Which row of the hazards is a patient's; without it, the first.
    start : ndarray of int, dims (draw | 1, patient), or int
        Number of the state at time zero.
    """

    draws: int
    patients: int
    key: int
    first_draw: int = 0
    strata: np.ndarray | None = None
    start: np.ndarray | int = 0


def simulate(
    transitions: Sequence[Transition],
    states: Sequence[str],
    time: np.ndarray,
    horizon: float,
    people: People,
) -> Histories:
    """Simulate patients of a block of draws until they are dead or to the horizon.

    Parameters
    ----------
    transitions
        A state without any is never left.
    states
        Names of all states; those that begin with `dead` hold no life years.
    time : ndarray, dims (time,)
        Grid of the cumulative hazards, from 0. Years.
    horizon
        Years.
    people
        How many, and how they differ.

    Returns
    -------
    Histories

    Raises
    ------
    ModelError
        A state that is unknown or that nobody can enter; a cumulative hazard that falls, is not 0
        at time zero, is not finite or has no row for a draw or a stratum; a hazard ratio that is
        negative or not finite; a clock that does not exist; a time grid that does not rise from 0;
        a horizon that is not positive. All at once.

    Examples
    --------
    Half die within a year:

    >>> death = Transition("alive", "dead", np.log(2) * np.array([[[0.0, 1.0, 2.0]]]))
    >>> found = simulate([death], ["alive", "dead"], np.arange(3.0), 50.0, People(1, 100_000, key=1))
    >>> round(float((found.exit < 1).mean()), 2)
    0.5
    """
    draws, patients, start = people.draws, people.patients, np.asarray(people.start)
    whose = np.zeros((1, 1), np.int64) if people.strata is None else np.asarray(people.strata)
    _check(transitions, states, time, horizon, start, whose, (draws, patients), people.first_draw)
    starts = _Starts(
        np.ascontiguousarray(np.broadcast_to(whose, (draws, patients)), np.int64),
        np.ascontiguousarray(np.broadcast_to(start, (draws, patients)), np.int64),
    )
    moves = _moves(transitions, states, (draws, patients))
    dead = np.array([name.startswith("dead") for name in states])
    luck = np.uint64(people.key), people.first_draw
    limit = len(states)
    while True:
        found = _simulate(moves, starts, dead, _c(time), float(horizon), luck, limit)
        if found[0].max() <= limit:
            break
        limit = int(found[0].max())  # the same numbers again, with room for all visits
    count, state, entry, leaving, then = found
    kept = np.arange(limit) < count[:, None]
    who = np.repeat(np.arange(draws * patients), count)
    return Histories(
        tuple(states),
        draws,
        patients,
        who // patients,
        who % patients,
        state[kept],
        then[kept],
        entry[kept],
        leaving[kept],
        float(horizon),
    )


class _Moves(NamedTuple):
    """Transitions, for the compiled loop.

    `flat` holds all cumulative hazards; that of transition i, a draw and a stratum begins at `offset[i] +
    draw * draw_step[i] + stratum * stratum_step[i]`. `reset`: by time since entry. `ratio_of[i]`: which of
    `ratios`, dims (ratio, draw, patient).
    """

    flat: np.ndarray
    offset: np.ndarray
    draw_step: np.ndarray
    stratum_step: np.ndarray
    origin: np.ndarray
    target: np.ndarray
    reset: np.ndarray
    ratio_of: np.ndarray
    ratios: np.ndarray


class _Starts(NamedTuple):
    """Stratum and state at time zero. Dims of both: (draw, patient)."""

    strata: np.ndarray
    start: np.ndarray


def _moves(
    transitions: Sequence[Transition], states: Sequence[str], size: tuple[int, int]
) -> _Moves:
    sizes = [t.cumulative_hazard.size for t in transitions]
    ratios = [np.ones(size)]
    ratio_of = np.zeros(len(transitions), np.int64)
    for i, t in enumerate(transitions):
        if t.hazard_ratio is not None:
            ratio_of[i] = len(ratios)
            ratios.append(np.broadcast_to(t.hazard_ratio, size))
    index = {name: i for i, name in enumerate(states)}
    return _Moves(
        flat=np.concatenate([_c(t.cumulative_hazard).ravel() for t in transitions]),
        offset=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        draw_step=np.array([_step(t.cumulative_hazard, 0) for t in transitions], np.int64),
        stratum_step=np.array([_step(t.cumulative_hazard, 1) for t in transitions], np.int64),
        origin=np.array([index[t.origin] for t in transitions], np.int64),
        target=np.array([index[t.target] for t in transitions], np.int64),
        reset=np.array([t.clock == "entry" for t in transitions]),
        ratio_of=ratio_of,
        ratios=np.ascontiguousarray(ratios),
    )


def _c(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float64)


def _step(array: np.ndarray, axis: int) -> int:
    """Numbers from one row to the next along an axis; 0 where one row serves all."""
    if array.shape[axis] == 1:
        return 0
    return int(np.prod(array.shape[axis + 1 :]))


def _check(
    transitions: Sequence[Transition],
    states: Sequence[str],
    time: np.ndarray,
    horizon: float,
    start: np.ndarray,
    strata: np.ndarray,
    size: tuple[int, int],
    first_draw: int,
) -> None:
    problems = []
    if len(time) < 2 or time[0] != 0 or not (np.diff(time) > 0).all():
        problems.append("time: the grid must rise from 0 and have 2 points or more. Correct it.")
    if not 0 < horizon < np.inf:
        problems.append(f"horizon: {horizon:g}; it must be a positive number of years. Correct it.")
    for t in transitions:
        unknown = [s for s in (t.origin, t.target) if s not in states]
        if unknown:
            problems.append(
                f"{t.name}: unknown state '{unknown[0]}'; allowed: {', '.join(states)}. Correct it."
            )
        if t.clock not in ("start", "entry"):
            problems.append(f"{t.name}: clock '{t.clock}'; allowed: start, entry. Correct it.")
        problems += _hazard_problems(t, len(time), strata, size[0], first_draw)
        problems += _ratio_problems(t, size, first_draw)
    if start.min() < 0 or start.max() >= len(states):
        problems.append(f"start: numbers of states lie in 0 to {len(states) - 1}. Correct them.")
    else:
        entered = {t.target for t in transitions} | {states[i] for i in np.unique(start)}
        problems += [
            f"state '{s}': nobody can enter it; a transition must lead to it. Add one or remove the "
            "state."
            for s in states
            if s not in entered
        ]
    if problems:
        raise ModelError("individual model: " + " ".join(problems))


def _hazard_problems(
    transition: Transition, points: int, strata: np.ndarray, draws: int, first_draw: int
) -> list[str]:
    hazard = transition.cumulative_hazard
    # The compiled loop does not check its indices: a row too few would be read as any number.
    if hazard.ndim != 3 or hazard.shape[0] not in (1, draws) or hazard.shape[2] != points:
        return [
            f"{transition.name}: cumulative hazard has dims {hazard.shape}; (1 or {draws} draws, "
            f"strata, {points} times) is needed. Reshape it."
        ]
    if hazard.shape[1] > 1 and not 0 <= strata.min() <= strata.max() < hazard.shape[1]:
        return [
            f"{transition.name}: strata of patients run from {strata.min()} to {strata.max()}; the "
            f"cumulative hazard has 0 to {hazard.shape[1] - 1}. Add rows or correct the strata."
        ]
    wrong = ~np.isfinite(hazard).all(axis=2) | (np.diff(hazard, axis=2) < -1e-12).any(axis=2)
    wrong |= np.abs(hazard[:, :, 0]) > 1e-12
    if not wrong.any():
        return []
    draw, stratum = np.argwhere(wrong)[0]
    return [
        f"{transition.name}: the cumulative hazard of stratum {stratum} in draw {first_draw + draw} "
        "falls, is not finite or is not 0 at time zero. Check the curve."
    ]


def _ratio_problems(transition: Transition, size: tuple[int, int], first_draw: int) -> list[str]:
    ratio = transition.hazard_ratio
    if ratio is None:
        return []
    if ratio.ndim != 2 or ratio.shape[0] not in (1, size[0]) or ratio.shape[1] not in (1, size[1]):
        return [
            f"{transition.name}: hazard ratio has dims {ratio.shape}; (1 or {size[0]} draws, "
            f"{size[1]} patients) is needed. Reshape it."
        ]
    wrong = ~(np.isfinite(ratio) & (ratio >= 0))
    if not wrong.any():
        return []
    draw, patient = np.argwhere(wrong)[0]
    return [
        f"{transition.name}: the hazard ratio of patient {patient} in draw {first_draw + draw} is "
        f"{ratio[draw, patient]:g}; it must be finite and at least 0. Check the covariates."
    ]


# ------------------------------------------------------------------------------- compiled
@njit(cache=True, nogil=True, inline="always")
def _mixed(x):
    """The finaliser of splitmix64: every bit of the input moves every bit of the output."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _exponential(key, draw, patient, transition, visit):
    """A standard exponential number of these coordinates."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    x = key
    for coordinate in (draw, patient, transition, visit):
        x = _mixed(x + golden * (np.uint64(coordinate) + np.uint64(1)))
    uniform = (np.float64(x >> np.uint64(11)) + 0.5) * 2.0**-53
    return -np.log(min(uniform, 1 - 2.0**-53))  # the largest would round to 1


@njit(cache=True, nogil=True)
def _at(time, hazard, t):
    """Cumulative hazard at t."""
    last = len(time) - 1
    i = min(np.searchsorted(time, t, side="right"), last)
    slope = (hazard[i] - hazard[i - 1]) / (time[i] - time[i - 1])
    return hazard[i - 1] + slope * (t - time[i - 1])


@njit(cache=True, nogil=True)
def _inverse(time, hazard, level):
    """First time at which the cumulative hazard reaches a level; infinite when never."""
    last = len(time) - 1
    i = min(max(np.searchsorted(hazard, level, side="left"), 1), last)
    rise = hazard[i] - hazard[i - 1]
    if rise <= 0.0:
        return np.inf
    return time[i - 1] + (level - hazard[i - 1]) / rise * (time[i] - time[i - 1])


@njit(cache=True, nogil=True)
def _simulate(moves, starts, dead, time, horizon, luck, limit):
    strata, start = starts.strata, starts.start
    offset, draw_step, stratum_step = moves.offset, moves.draw_step, moves.stratum_step
    flat, origin, target, reset = moves.flat, moves.origin, moves.target, moves.reset
    ratio_of, ratios = moves.ratio_of, moves.ratios
    key, first_draw = luck
    draws, patients = strata.shape
    points = len(time)
    count = np.zeros(draws * patients, np.int64)
    state = np.zeros((draws * patients, limit), np.int64)
    then = np.zeros((draws * patients, limit), np.int64)
    entry = np.zeros((draws * patients, limit))
    leaving = np.zeros((draws * patients, limit))
    for draw in range(draws):
        for patient in range(patients):
            row = draw * patients + patient
            now, where, visit = 0.0, start[draw, patient], 0
            while now < horizon:
                best, to, absorbing = horizon, -1, True
                for i in range(len(origin)):
                    if origin[i] != where:
                        continue
                    absorbing = False
                    ratio = ratios[ratio_of[i], draw, patient]
                    if ratio <= 0.0:
                        continue
                    first = (
                        offset[i] + draw * draw_step[i] + strata[draw, patient] * stratum_step[i]
                    )
                    hazard = flat[first : first + points]
                    level = _exponential(key, first_draw + draw, patient, i, visit) / ratio
                    if reset[i]:
                        when = now + _inverse(time, hazard, level)
                    else:
                        # Not before now where a small level is lost to rounding.
                        when = max(now, _inverse(time, hazard, level + _at(time, hazard, now)))
                    if when < best:
                        best, to = when, target[i]
                if absorbing and dead[where] and visit > 0:
                    break
                if absorbing and dead[where]:
                    best = now  # dead from the start: a stay of no length
                if visit < limit:
                    state[row, visit] = where
                    then[row, visit] = to
                    entry[row, visit] = now
                    leaving[row, visit] = best
                visit += 1
                now, where = best, to
                if to < 0:
                    break
            count[row] = visit
    return count, state, entry, leaving, then


@njit(cache=True, nogil=True)
def _add_differences(draw, start, end, chosen, step, table, out):
    last = len(table) - 2
    for i in range(len(draw)):
        if not chosen[i] or not end[i] > start[i]:
            continue
        a, b = start[i] / step, end[i] / step
        ka, kb = min(int(a), last), min(int(b), last)
        for k in range(table.shape[1]):
            upper = table[kb, k] + (b - kb) * (table[kb + 1, k] - table[kb, k])
            lower = table[ka, k] + (a - ka) * (table[ka + 1, k] - table[ka, k])
            out[draw[i], k] += upper - lower


@njit(cache=True, nogil=True)
def _add_values(draw, time, chosen, step, table, out):
    last = len(table) - 2
    for i in range(len(draw)):
        if not chosen[i]:
            continue
        a = time[i] / step
        ka = min(int(a), last)
        for k in range(table.shape[1]):
            out[draw[i], k] += table[ka, k] + (a - ka) * (table[ka + 1, k] - table[ka, k])
