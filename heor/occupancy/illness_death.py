"""Cohort models of the illness-death process: clock forward and clock reset.

Patients are progression-free, progressed or dead. Background mortality acts alike in every state,
so with B the population's survival every share is B times its excess part, and only the excess
part is followed. With n the number who progress in a step (the share `death_share` of those who
leave dies instead) and G survival since progression,

    clock reset (semi-Markov)     progressed(t) = B(t) sum_s n(s) G(t - s)
    clock forward (Markov)        progressed(t + h) = progressed(t) r^2 + n r

where entrants of a step are exposed to half of it. A sojourn needs no tunnel states: the sum is a
convolution. The hazard of the clock-forward model depends on time since the start only: r is what
the clock-reset process of the fitted strategy shows on average, so for that strategy both give the
same occupancy, and they differ in how a strategy relative to it fares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import fft

from heor.errors import ModelError
from heor.occupancy.state_occupancy import StateOccupancy
from heor.survival.curves.curve import of_group
from heor.survival.curves.process import Grid, Process

#: Share of the cohort below which a hazard after progression is rounding; the last one is kept.
NOBODY = 1e-10


def semi_markov(
    process: Process, time: np.ndarray, groups: Mapping[str, np.ndarray]
) -> StateOccupancy:
    """Occupancy with clock reset after progression.

    Parameters
    ----------
    process
    time : ndarray, dims (time,)
        Cycle boundaries (years), on the process's grid.
    groups : mapping of name to ndarray, dims (draw,)
        Shares of the strategy's groups.

    Returns
    -------
    StateOccupancy
        With flows `progressions` and `cancer_deaths` and, by time since progression, `residence`.
    """
    entering = _Entering.of(process, groups)
    progressed = sojourn(entering.by_group[None], process.after)
    residence = ClockReset(process, entering.by_group, time)
    return _occupancy(process, entering, progressed, time, groups, residence)


def state_transition(
    process: Process, reference: Process, time: np.ndarray, groups: Mapping[str, np.ndarray]
) -> StateOccupancy:
    """Occupancy with the hazard after progression by time since the start (clock forward).

    Parameters
    ----------
    reference
        The process of the fitted strategy whose patients' average hazard is used; the process
        itself for that strategy.

    Other parameters and the result are as in `semi_markov`, without residence.
    """
    entering = _Entering.of(process, groups)
    own = _Entering.of(reference, {}).by_group[None]
    half = _half_step_survival(own, sojourn(own, reference.after))
    relative = process.ratio / reference.ratio
    progressed = _followed(entering.by_group[None], half ** relative[:, None])
    return _occupancy(process, entering, progressed, time, groups)


def sojourn(entering: np.ndarray, survival: np.ndarray) -> np.ndarray:
    """In a state at each boundary: those who entered before, times survival since.

    Parameters
    ----------
    entering : ndarray, dims (draw, step)
        Who enters in each step, on average in its middle.
    survival : ndarray, dims (draw, step)
        Survival at the middle of each step since entry.

    Returns
    -------
    ndarray, dims (draw, step + 1)

    Examples
    --------
    All enter in the first step, and half are left after each:

    >>> sojourn(np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 0.5, 0.25]])).round(12).tolist()
    [[0.0, 1.0, 0.5, 0.25]]
    """
    steps = entering.shape[1]
    size = fft.next_fast_len(2 * steps, real=True)
    product = fft.rfft(entering, size) * fft.rfft(survival, size)
    found = np.zeros((len(product), steps + 1))
    # rounding of the convolution must not give a negative share
    np.maximum(fft.irfft(product, size)[:, :steps], 0.0, out=found[:, 1:])
    return found


@dataclass(frozen=True)
class ClockReset:
    """Who is alive by time since progression. See `heor.occupancy.state_occupancy.Residence`."""

    process: Process
    entering: Mapping[str | None, np.ndarray]
    time: np.ndarray

    def since_entry(
        self, state: str, group: str | None, start: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        """Progressed for at least `start` and less than `end`. Dims: (draw, time)."""
        if state != "progressed":
            raise ModelError(
                f"state '{state}': time since entry is known for 'progressed' only. Use 'clock: start'."
            )
        inside = _inside(self.process.grid, start, end)
        return self._alive(self.entering[group], self.process.after * inside)

    def after(
        self,
        flow: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        lasting: np.ndarray,
    ) -> np.ndarray:
        """Alive less than `lasting` after a progression in [start, end). Dims: (draw, time)."""
        if flow != "progressions":
            raise ModelError(
                f"flow '{flow}': time after an event is known for 'progressions' only. Use another."
            )
        grid = self.process.grid
        entering = self.entering[group] * _inside(grid, start, end)
        return self._alive(entering, self.process.after * _inside(grid, 0 * lasting, lasting))

    def _alive(self, entering: np.ndarray, survival: np.ndarray) -> np.ndarray:
        excess = sojourn(entering, survival)
        return self.process.grid.at(excess * _common(self.process), self.time)


def _inside(grid: Grid, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Share of each step inside [start, end). Dims: (draw, step)."""
    overlap = np.minimum(grid.time[1:], end[:, None]) - np.maximum(grid.time[:-1], start[:, None])
    return np.clip(overlap, 0.0, None) / grid.step


@dataclass(frozen=True)
class _Entering:
    """Who leaves progression-free in each step, as excess parts. Dims: (draw, step)."""

    dying: np.ndarray
    by_group: Mapping[str | None, np.ndarray]  # of those who progress; None is everyone

    @classmethod
    def of(cls, process: Process, groups: Mapping[str, np.ndarray]) -> _Entering:
        parts = [part for part in process.leaving.parts if part.excess is not None]
        gone = [-np.diff(p.share[:, None] * np.exp(-p.excess), axis=1) for p in parts]
        spread = process.leaving.left_to_groups(groups)
        progressing = (1 - process.death_share)[:, None]
        whole = sum(gone)
        by_group = {g: progressing * of_group(g, parts, gone, spread[g]) for g in groups}
        return cls((1 - progressing) * whole, {None: progressing * whole, **by_group})


def _half_step_survival(entering: np.ndarray, progressed: np.ndarray) -> np.ndarray:
    """Survival over half a step, r, such that progressed r^2 + entering r is the next progressed.

    Dims: (draw, step). Where nobody is left the last hazard continues.
    """
    before, after = progressed[:, :-1], progressed[:, 1:]
    root = np.sqrt(entering**2 + 4 * before * after)
    known = before + entering > NOBODY
    half = np.where(known, 2 * after / np.maximum(entering + root, 1e-300), 1.0)
    last = np.maximum.accumulate(np.where(known, np.arange(known.shape[1]), 0), axis=1)
    return np.clip(np.take_along_axis(half, last, axis=1), 1e-12, 1.0)


def _followed(entering: np.ndarray, half: np.ndarray) -> np.ndarray:
    """progressed(t + h) = progressed(t) r^2 + entering r. Dims: (draw, step + 1)."""
    stay, enter = np.ascontiguousarray((half**2).T), np.ascontiguousarray((entering * half).T)
    found = np.zeros((len(stay) + 1, len(entering)))
    for step in range(len(stay)):
        np.multiply(found[step], stay[step], out=found[step + 1])
        found[step + 1] += enter[step]
    return found.T


def _common(process: Process) -> np.ndarray:
    """What acts in every state: background survival, and the operation's. Dims: (draw | 1, step + 1)."""
    operative = process.leaving.operative
    return process.background[None] if operative is None else process.background * operative


def _occupancy(
    process: Process,
    entering: _Entering,
    progressed: np.ndarray,
    time: np.ndarray,
    groups: Mapping[str, np.ndarray],
    residence: ClockReset | None = None,
) -> StateOccupancy:
    """Excess parts → shares and flows of the whole cohort at the cycle boundaries."""
    grid, leaving, common = process.grid, process.leaving, _common(process)
    middle = np.sqrt(common[:, 1:] * common[:, :-1])
    dying = entering.dying + progressed[:, :-1] + entering.by_group[None] - progressed[:, 1:]
    free, after = grid.at(leaving.total, time), grid.at(progressed * common, time)
    parts = {
        ("progression_free", None): free,
        ("progressed", None): after,
        ("cancer_deaths", None): grid.by_cycle(np.maximum(dying, 0.0) * middle, time),
    }
    for group, own in entering.by_group.items():
        parts["progressions", group] = grid.by_cycle(own * middle, time)
    spread, alive = leaving.left_to_groups(groups), [part.alive for part in leaving.parts]
    for group in groups:
        own = of_group(group, leaving.parts, alive, spread[group])
        parts["progression_free", group] = grid.at(own, time)
    states = {"progression_free": free, "progressed": after, "dead": 1 - free - after}
    return StateOccupancy(states, parts, residence=residence)
