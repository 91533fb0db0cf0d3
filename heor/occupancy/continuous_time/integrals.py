"""Rates that change with time, integrated over the steps of a model.

A rate may be infinite at time zero and still have an integral: `t ** (shape - 1)` with a shape below
1. So the first steps are divided geometrically towards zero, with a power of time in the piece that
is left; every piece is integrated by two Gauss-Legendre points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: The two Gauss-Legendre points of a piece, as shares of its width, and the integral of the line
#: through them from its start to each point (rows), per width.
POINTS = 0.5 + np.array([-1, 1]) / np.sqrt(12)
TO_POINTS = np.array([[3, 3 - 2 * np.sqrt(3)], [3 + 2 * np.sqrt(3), 3]]) / 12
#: Up to the end of the first step each piece ends at this many times the end of the one before.
PIECES, RATIO = 40, np.sqrt(2)
#: Where a divided first step is divided, as shares of it.
PARTS = np.concatenate([[0.0], 0.5 ** np.arange(8.0, -1.0, -1.0)])
#: A rate that falls faster than this power of time, near zero, has no integral.
STEEPEST = -0.98


@dataclass(frozen=True)
class Mesh:
    """Where rates are evaluated: two points in every piece of time.

    Attributes
    ----------
    step : float
        Length of a step, years.
    steps : int
    divided : bool
        Whether the first step counts as several, which end at `PARTS`.

    Examples
    --------
    The integral of 0.75 t ** -0.25 over the first year, the second, and how they are spread:

    >>> mesh = Mesh(1.0, 2)
    >>> found = mesh.over_steps(0.75 * mesh.time[None] ** -0.25)
    >>> found.total.round(4).tolist(), [1.0, round(2**0.75 - 1, 4)]
    ([[1.0, 0.6818]], [1.0, 0.6818])
    """

    step: float
    steps: int
    divided: bool = False

    @cached_property
    def edges(self) -> np.ndarray:
        """Of the pieces, years. Dims: (piece + 1,)."""
        divided = RATIO ** np.arange(-PIECES, 2.0)  # to the middle of the second step
        found = np.concatenate([[0.0], divided, np.arange(2, self.steps + 1)])
        return self.step * (found if self.steps > 1 else found[:-1])

    @cached_property
    def width(self) -> np.ndarray:
        """Of the pieces, years. Dims: (piece,)."""
        return np.diff(self.edges)

    @cached_property
    def time(self) -> np.ndarray:
        """The points, two a piece. Dims: (point,)."""
        return (self.edges[:-1, None] + self.width[:, None] * POINTS).ravel()

    @cached_property
    def first_piece(self) -> np.ndarray:
        """Of each step. Dims: (step,)."""
        after = np.arange(PIECES + 3, len(self.width))
        inside = PIECES + 1 - 2 * np.arange(len(PARTS) - 2, 0, -1) if self.divided else []
        found = np.concatenate([[0], inside, [PIECES + 1], after]).astype(int)
        return found if self.steps > 1 else found[:-1]

    @cached_property
    def length(self) -> np.ndarray:
        """Of each step, years. Dims: (step,)."""
        return np.add.reduceat(self.width, self.first_piece)

    @cached_property
    def step_of(self) -> np.ndarray:
        """The step, undivided, in which each point lies. Dims: (point,)."""
        return np.minimum((self.time / self.step).astype(int), self.steps - 1)

    @cached_property
    def _place(self) -> np.ndarray:
        """Each point as a share of its step. Dims: (piece, 2)."""
        pieces = np.diff(np.append(self.first_piece, len(self.width)))
        begins, length = (np.repeat(x, pieces) for x in (self.edges[self.first_piece], self.length))
        return (self.time.reshape(-1, 2) - begins[:, None]) / length[:, None]

    def _pieces(self, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rates by piece, dims (draw, piece, 2), and their integral over each, dims (draw, piece)."""
        at = rate.reshape(len(rate), -1, 2)
        total = 0.5 * self.width * at.sum(axis=2)
        total[:, 0] = self.width[0] * at[:, 0, 1] * POINTS[1] ** -(power := self.power(rate))
        total[:, 0] /= 1 + np.maximum(power, STEEPEST)
        return at, total

    def power(self, rate: np.ndarray) -> np.ndarray:
        """The power of time by which a rate falls or rises near zero. Dims: (draw, point) to draw."""
        near, far = rate[:, 0], rate[:, 1]
        known = (near > 0) & (far > 0)
        ratio = np.divide(far, near, out=np.ones(len(rate)), where=known)
        return np.log(ratio) / np.log(POINTS[1] / POINTS[0])

    def over_pieces(self, rate: np.ndarray) -> np.ndarray:
        """A rate at the points integrated over each piece. Dims: (draw, point) to (draw, piece)."""
        return self._pieces(rate)[1]

    def over_steps(self, rate: np.ndarray) -> Spread:
        """A rate at the points, dims (draw, point), integrated over each step."""
        at, total = self._pieces(rate)
        late = 0.5 * self.width * (at * (2 * self._place - 1)).sum(axis=2)
        late[:, 0] = -total[:, 0]
        return Spread(self._by_step(total), 3 * self._by_step(late))

    def _by_step(self, pieces: np.ndarray) -> np.ndarray:
        return np.add.reduceat(pieces, self.first_piece, axis=1)

    def since_entry(self, rates: Sequence[np.ndarray]) -> Sojourn:
        """How long a state lasts from which these rates lead away, by time since entry.

        Parameters
        ----------
        rates : sequence of ndarray, dims (draw | 1, point)
            Of the transitions, which compete.
        """
        from heor.occupancy.continuous_time.sojourn_compiled import (
            survival,  # compiled: only where it is used
        )

        found = [self._pieces(rate) for rate in np.broadcast_arrays(*rates)]
        start, mean, early, left, left_entered = survival(
            np.stack([at for at, _ in found]),
            np.stack([total for _, total in found]),
            self.width,
            self._place,
            np.repeat(np.arange(self.steps), np.diff(np.append(self.first_piece, len(self.width)))),
            TO_POINTS,
            self.steps,
        )
        if len(rates) == 1:
            return Sojourn(start, mean, early)
        return Sojourn(start, mean, early, _shares(left), _shares(left_entered))


def _shares(parts: np.ndarray) -> np.ndarray:
    """Parts of their sum; equal ones where it is 0. Dims: (transition, draw, step)."""
    total = parts.sum(axis=0)
    return np.divide(parts, total, out=np.full(parts.shape, 1 / len(parts)), where=total > 0)


@dataclass(frozen=True)
class Spread:
    """A rate in the steps of a model: its integral, and where in the step it lies.

    Attributes
    ----------
    total : ndarray, dims (draw | 1, step | 1)
        Cumulative hazard gained in a step.
    tilt : ndarray, dims (draw | 1, step | 1)
        With x from 0 to 1 through the step, the rate is total + tilt (2x - 1), per step: positive
        where it rises.
    """

    total: np.ndarray
    tilt: np.ndarray

    @classmethod
    def even(cls, total: np.ndarray) -> Spread:
        """Of a rate that does not change within a step."""
        return cls(total, np.zeros((1, 1)))


@dataclass(frozen=True)
class Sojourn:
    """Survival in a state by time since entry, left by rates of time in state alone.

    Attributes
    ----------
    start : ndarray, dims (draw | 1, step + 1)
        At the boundaries of the steps.
    mean : ndarray, dims (draw | 1, step)
        Mean over each step.
    early : ndarray, dims (draw | 1, step)
        Mean over each step of survival times 1 - 2x, x from 0 to 1: how much it falls within it.
    share : ndarray, dims (transition, draw | 1, step), or None
        Of each transition among those who leave between two boundaries. None where there is one.
    share_entered : ndarray, dims (transition, draw | 1, step), or None
        The same of those whose time in state is spread evenly over a step: first those who leave in the
        step in which they enter, then those who were there for up to a step before, and so on.
    """

    start: np.ndarray
    mean: np.ndarray
    early: np.ndarray
    share: np.ndarray | None = None
    share_entered: np.ndarray | None = None
