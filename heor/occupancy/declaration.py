"""A strategy's declared transitions in a block of draws: their expressions as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heor.errors import ModelError
from heor.occupancy.continuous_time.integrals import STEEPEST, Mesh, Spread
from heor.parameters.draws import Draws
from heor.problem.expressions import evaluate, names_in
from heor.problem.strategy import Strategy, TransitionInput
from heor.survival.curves.process import Grid
from heor.survival.curves.strategy_curves import CurveContext
from heor.survival.evidence.background import cumulative_hazard

RESIDENCE = "time_in_state"
#: What changes within a step; background mortality is taken at its mean over the step.
CHANGING = frozenset({"time", "age", RESIDENCE})
#: Longest step (years) over which rates are integrated.
LONGEST_STEP = 1 / 12


@dataclass(frozen=True)
class Declared:
    """A strategy's declared transitions in a block of draws.

    Attributes
    ----------
    context : CurveContext
    strategy : Strategy
    time : ndarray, dims (time,)
        Cycle boundaries, years.
    """

    context: CurveContext
    strategy: Strategy
    time: np.ndarray

    @property
    def states(self) -> tuple[str, ...]:
        return self.context.problem.settings.states

    @property
    def draws(self) -> Draws:
        return self.context.draws

    @property
    def start(self) -> dict[str, np.ndarray]:
        """Share in each state at time zero. Dims: draw."""
        given = self.strategy.start or {self.states[0]: "1"}
        return {state: self.draws.value(share) for state, share in given.items()}

    @property
    def has_probabilities(self) -> bool:
        return any(t.rate is None for t in self.strategy.transitions)

    @property
    def grid(self) -> Grid:
        """The steps in which the model is followed."""
        if not self.has_probabilities:
            return Grid.of(self.time, LONGEST_STEP)
        periods = [self.period(t) for t in self.strategy.transitions if t.rate is None]
        return Grid.of(self.time, min(periods))

    def period(self, transition: TransitionInput) -> float:
        """What a probability is of. Years."""
        return transition.per or float(self.time[1] - self.time[0])

    def evaluated(
        self, transition: TransitionInput, at: np.ndarray, background: np.ndarray | None = None
    ) -> np.ndarray:
        """The rate or probability at times (years) since the start or since entry. Dims: (draw | 1, time | 1).

        `background`, dims (time,), is the population's mortality rate where the expression uses it.
        """
        used = names_in(transition.expression)
        names: dict[str, np.ndarray] = {"time": at[None], RESIDENCE: at[None]}
        names["age"] = self.context.problem.start_age + at[None]
        if background is not None:
            names["background"] = background[None]
        names |= {k: self.draws.values[k][:, None] for k in used if k in self.draws.values}
        with np.errstate(all="ignore"):  # what is not a number is found below
            found = np.atleast_2d(np.asarray(evaluate(transition.expression, names), float))
        wrong = ~(found >= 0) | ~np.isfinite(found)
        if wrong.any():
            draw, step = np.argwhere(wrong)[0]
            kind = "rate" if transition.probability is None else "probability"
            raise ModelError(
                f"{self.strategy.name}: {kind} {transition.name} is {found[draw, step]:g} in draw {draw} of "
                f"a block, {at[step if found.shape[1] > 1 else 0]:.3g} years; it must be at least 0. Check "
                f"'{transition.expression}'."
            )
        return found

    def rate(self, transition: TransitionInput, mesh: Mesh) -> tuple[np.ndarray, bool]:
        """A rate at the points of a mesh, or (False) once a step where it does not change within one.

        Dims: (draw | 1, point) or (draw | 1, step | 1).

        Raises
        ------
        ModelError
            A rate that is negative, not a number, or without an integral from time zero.
        """
        used = names_in(transition.expression)
        edges = mesh.step * np.arange(mesh.steps + 1)
        background = self.mortality(edges[:-1], edges[1:]) if "background" in used else None
        if not used & CHANGING:
            return self.evaluated(transition, edges[:-1], background), False
        if background is not None:
            background = background[mesh.step_of]
        found = self.evaluated(transition, mesh.time, background)
        found = np.broadcast_to(found, (len(found), len(mesh.time)))
        power = mesh.power(found)
        if power.min() < STEEPEST:
            draw = int(power.argmin())
            clock = RESIDENCE if in_residence(transition) else "time"
            raise ModelError(
                f"{self.strategy.name}: rate {transition.name} grows like {clock} ** {power[draw]:.3g} "
                f"towards 0 in draw {draw} of a block: its integral is infinite, so that everyone would leave "
                f"at once. The power must be above -1. Check '{transition.expression}'."
            )
        return found, True

    def mortality(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The population's mortality rate, its mean from `start` to `end` (years). Dims: (time,)."""
        problem = self.context.problem
        table, age, share = problem.country.life_table, problem.start_age, problem.share_male
        reached = cumulative_hazard(table, age, share, np.concatenate([start, end]))
        return np.diff(reached.reshape(2, -1), axis=0)[0] / (end - start)

    def spread(self, transition: TransitionInput, mesh: Mesh) -> Spread:
        """A rate integrated over the steps of a mesh."""
        found, changes = self.rate(transition, mesh)
        if changes:
            return mesh.over_steps(found)
        if not mesh.divided:
            return Spread.even(found * mesh.step)
        found = np.broadcast_to(found, (len(found), mesh.steps))
        return Spread.even(found[:, mesh.step_of[2 * mesh.first_piece]] * mesh.length)

    def by_origin(self) -> dict[str, list[TransitionInput]]:
        found: dict[str, list[TransitionInput]] = {}
        for transition in self.strategy.transitions:
            found.setdefault(transition.origin, []).append(transition)
        return found


def in_residence(transition: TransitionInput) -> bool:
    """Whether it depends on time in state."""
    return RESIDENCE in names_in(transition.expression)
