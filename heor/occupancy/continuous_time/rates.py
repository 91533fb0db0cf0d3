"""Cohort model of any states in continuous time: rates by time since the start, and by time in state.

Rates come integrated over the steps of the model (`heor.occupancy.continuous_time.integrals`), so a step may be long
while they change within it. Who leaves a state in a step, and when in the step on average, follows from
the integrals; those who enter a state are exposed from the moment they enter, and may move on within
the step, as often as the rates have it. Entrants of a step are spread over it along a straight line
(how many, and how early), and everyone in a state with rates by time in state is followed by the step
of entry: sojourns are sums over those steps.

Out of a state both kinds of rates compete: they act on those the other has left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heor.errors import ModelError
from heor.occupancy.continuous_time.integrals import PARTS, Sojourn, Spread
from heor.occupancy.continuous_time.rates_compiled import MOST_MOVES, Graph, run
from heor.occupancy.continuous_time.sojourn_compiled import in_window
from heor.occupancy.stacking import stacked
from heor.occupancy.state_occupancy import StateOccupancy
from heor.occupancy.transitions import number_of_draws, start_problems

#: Share of the cohort that may still be moving when a step ends.
UNSETTLED = 1e-8
#: Nobody leaves by time in state.
FOR_EVER = Sojourn(np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1)))


@dataclass(frozen=True)
class Move:
    """From one state to another, by a rate.

    Attributes
    ----------
    origin, target : str
    by_time : Spread or None
        The rate in every step; None for a rate by time in state, which is in the state's `Sojourn`.
    """

    origin: str
    target: str
    by_time: Spread | None = None

    @property
    def name(self) -> str:
        return f"{self.origin} -> {self.target}"


def cohort(
    moves: Sequence[Move],
    sojourns: Mapping[str, Sojourn],
    states: Sequence[str],
    steps: int,
    step: float,
    start: Mapping[str, np.ndarray | float] | None = None,
    divided: bool = False,
) -> StateOccupancy:
    """Occupancy of a cohort by rates.

    Parameters
    ----------
    moves
        At most one a pair of states.
    sojourns
        State → survival in it by the rates of time in state: of the moves without `by_time`, in their
        order.
    states
        Names of all states.
    steps
    step
        Years.
    start
        State → share at time zero, a number or dims (draw,); everyone is in the first by default.
    divided
        The rates of the first step are given by its parts, which end at `integrals.PARTS`: for rates
        that are infinite at time zero. Only without sojourns.

    Returns
    -------
    StateOccupancy
        `parts` holds every state, and every move's flow by the name `origin -> target`; with
        `residence`: who is in a state by time since entry.

    Raises
    ------
    ModelError
        Shares at the start outside [0, 1] or that do not add up to 1.
    ValueError
        Dims that do not agree.

    Examples
    --------
    A tenth a year dies, half of the living are ill after log 2 / 0.5 years:

    >>> ill = Move("well", "ill", Spread(np.array([[0.5]]), np.zeros((1, 1))))
    >>> die = [Move(s, "dead", Spread(np.array([[0.1]]), np.zeros((1, 1)))) for s in ("well", "ill")]
    >>> found = cohort([ill, *die], {}, ["well", "ill", "dead"], 2, 1.0)
    >>> found.states["well"].round(4).tolist(), np.exp(-0.6 * np.arange(3)).round(4).tolist()
    ([[1.0, 0.5488, 0.3012]], [1.0, 0.5488, 0.3012])
    """
    start = {states[0]: 1.0} if start is None else start
    problems = start_problems(states, start)
    if problems:
        raise ModelError("shares at the start: " + " ".join(problems))
    moves = sorted(moves, key=lambda m: list(states).index(m.origin))
    model = _Model(tuple(moves), dict(sojourns), tuple(states), steps, step, divided)
    share, flows, starters, entered = model.run(start)
    found = {name: share[:, :, i] for i, name in enumerate(states)}
    parts = {(name, None): values for name, values in found.items()}
    parts |= {(m.name, None): flows[:, :, k] for k, m in enumerate(moves)}
    return StateOccupancy(found, parts, residence=ByEntry(model, starters, entered))


@dataclass(frozen=True)
class _Model:
    moves: tuple[Move, ...]
    sojourns: Mapping[str, Sojourn]
    states: tuple[str, ...]
    steps: int
    step: float
    divided: bool

    @property
    def columns(self) -> int:
        """Of the rates: the steps, or the parts of the first and the others."""
        return self.steps + (len(PARTS) - 2) * self.divided

    def run(self, start: Mapping[str, np.ndarray | float]) -> tuple[np.ndarray, ...]:
        """See `heor.occupancy.continuous_time.rates_compiled.run`.

        Raises
        ------
        ModelError
            Rates so fast that people go round more often in a step than is followed.
        """
        index = {name: i for i, name in enumerate(self.states)}
        begin = np.zeros((self._draws(start), len(self.states)))
        for name, share in start.items():
            begin[:, index[name]] = share
        origin = np.array([index[m.origin] for m in self.moves])
        graph = Graph(
            np.array([index[m.target] for m in self.moves]),
            np.array([m.by_time is not None for m in self.moves]),
            np.searchsorted(origin, np.arange(len(self.states))),
            np.searchsorted(origin, np.arange(len(self.states)), side="right"),
            np.array([state in self.sojourns for state in self.states]),
        )
        nobody = Spread.even(np.zeros((1, 1)))
        spreads = [m.by_time or nobody for m in self.moves]
        laws = [self.sojourns.get(state, FOR_EVER) for state in self.states]
        columns = [[s.total for s in spreads], [s.tilt for s in spreads], *self._causes()]
        columns += [[x.start for x in laws], [x.mean for x in laws], [x.early for x in laws]]
        given = tuple(stacked(a) for a in columns)
        *found, unsettled = run(begin, self.columns, graph, given)
        if unsettled > UNSETTLED:
            raise ModelError(
                f"transitions between {', '.join(self.states)}: rates so fast that some go round more than "
                f"{MOST_MOVES:,} times in a step of {self.step:.3g} years ({unsettled:.1g} of the cohort). "
                "Check the rates (they are per year), or merge the states."
            )
        return tuple(found) if not self.divided else self._undivided(*found)

    def _undivided(
        self, share: np.ndarray, flows: np.ndarray, starters: np.ndarray, entered: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """The parts of the first step as one."""
        parts, inside = len(PARTS) - 1, np.arange(1, len(PARTS) - 1)
        width, middle = np.diff(PARTS), 0.5 * (PARTS[1:] + PARTS[:-1])
        first = entered[..., :parts].copy()
        for i, state in enumerate(self.states):
            lost = self._lost(state)[:, :parts]
            first[:, :, i] *= np.exp(np.cumsum(lost, axis=1) - lost.sum(axis=1, keepdims=True))
        many, tilt = first
        tilt = many * 3 * (2 * middle - 1) + tilt * width
        merged = np.stack([many.sum(axis=2), tilt.sum(axis=2)])[..., None]
        return (
            np.delete(share, inside, axis=1),
            np.concatenate([flows[:, :parts].sum(axis=1, keepdims=True), flows[:, parts:]], axis=1),
            np.delete(starters, inside, axis=2),
            np.concatenate([merged, entered[..., parts:]], axis=3),
        )

    def _causes(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Share of each move among those of its state by time in state, of who has been there from the
        start, dims (draw | 1, step), and who leaves by it of those who entered later: in the step of
        entry as a share, then as a share of all entrants. 1 and nothing where it is the only one.
        """
        shares, leaving = [], []
        count: dict[str, int] = {}
        for move in self.moves:
            law = self.sojourns.get(move.origin)
            if move.by_time is not None or law is None or law.share is None:
                shares.append(np.ones((1, 1)))
                leaving.append(np.ones((1, 1)))
                continue
            i = count.setdefault(move.origin, 0)
            count[move.origin] += 1
            shares.append(law.share[i])
            own = law.share_entered[i].copy()
            own[:, 1:] *= -np.diff(law.mean, axis=1)
            leaving.append(own)
        return shares, leaving

    def _draws(self, start: Mapping[str, np.ndarray | float]) -> int:
        """Number of draws, all dims agreeing; the compiled loop does not look at its indices."""
        given = {m.name: m.by_time.total for m in self.moves if m.by_time is not None}
        given |= {f"tilt of {m.name}": m.by_time.tilt for m in self.moves if m.by_time is not None}
        given |= {f"sojourn in {s}": law.mean for s, law in self.sojourns.items()}
        names = [m.name for m in self.moves]
        twice = sorted({n for n in names if names.count(n) > 1})
        lost = [m.name for m in self.moves if m.by_time is None and m.origin not in self.sojourns]
        if twice or lost:
            raise ValueError(f"moves given twice: {twice}; without rate or sojourn: {lost}.")
        return number_of_draws(given, start, self.columns)

    def leaving_by_time(self, state: str) -> np.ndarray:
        """Cumulative hazard gained in each step by rates of time since the start. Dims: (draw | 1, step)."""
        found = self._lost(state)
        if not self.divided:
            return found
        parts = len(PARTS) - 1
        first = found[:, :parts].sum(axis=1, keepdims=True)
        return np.concatenate([first, found[:, parts:]], axis=1)

    def _lost(self, state: str) -> np.ndarray:
        """The same, of the parts of the first step too."""
        own = [m.by_time.total for m in self.moves if m.origin == state and m.by_time is not None]
        total = sum(own, np.zeros((1, 1)))
        return np.broadcast_to(total, (len(total), self.columns))


@dataclass(frozen=True)
class ByEntry:
    """Who is in a state by time since entry. See `heor.occupancy.state_occupancy.Residence`.

    Attributes
    ----------
    starters : ndarray, dims (draw, state, time)
        Those who have been there from the start.
    entered : ndarray, dims (2, draw, state, step)
        Those who entered in a step and were not lost by its end to rates by time since the start: how
        many, and how much later than evenly.
    """

    model: _Model
    starters: np.ndarray
    entered: np.ndarray

    def since_entry(
        self, state: str, group: str | None, start: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        """In a state for at least `start` and less than `end` years. Dims: (draw, time)."""
        step, steps, i = self.model.step, self.model.steps, self.model.states.index(state)
        edges = step * np.arange(steps + 1)
        law = self.model.sojourns.get(state, FOR_EVER)
        inside = _covered(edges, start, end)
        # Who has been there from the start: the mean of both sides where the window begins or ends.
        around = np.concatenate([[0.0], edges[:-1] + step / 2, [edges[-1] + step / 2]])
        return in_window(
            self.starters[:, i] * _covered(around, start, end),
            self.entered[0, :, i],
            self.entered[1, :, i],
            np.exp(-self.model.leaving_by_time(state)),
            law.mean * inside,
            law.early * inside,
        )

    def after(self, flow, group, start, end, lasting) -> np.ndarray:
        raise NotImplementedError("time after a flow is known in the illness-death process only.")


def _covered(edges: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Share of each interval inside [start, end). Dims: (draw, interval)."""
    overlap = np.minimum(edges[1:], end[:, None]) - np.maximum(edges[:-1], start[:, None])
    return np.clip(overlap, 0.0, None) / np.diff(edges)
