"""A strategy's illness-death process: what state-transition models need beyond two curves.

Two curves say how many have left progression-free and how many are alive. They do not say who of
those who left has died, nor how long the others live: a joint model of both endpoints does (see
`heor.survival.families.joint`). Its hazard after progression is used as it is for the fitted strategy; for
a strategy relative to it, leaving progression-free follows that strategy's own PFS curve, and the
hazard after progression is multiplied by `after_progression`.

All hazards here are in excess of background mortality, which acts alike in every state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from heor.errors import ModelError
from heor.parameters.draws import CurveDraws
from heor.problem.curve_types import FittedCurve, RelativeCurve
from heor.problem.strategy import Strategy
from heor.survival.curves.curve import Curve
from heor.survival.curves.strategy_curves import CurveContext, endpoint_curve
from heor.survival.families.distributions import cumulative_hazard
from heor.survival.families.joint import Marginal, part

#: Longest step (years) of the grid on which sojourns after progression are added up.
LONGEST_STEP = 1 / 24


@dataclass(frozen=True)
class Grid:
    """Equal steps on which cycles are whole numbers of steps.

    Attributes
    ----------
    step : float
        Years.
    steps : int
        To the end of the horizon at least.
    per_cycle : int

    Examples
    --------
    >>> Grid.of(np.arange(0, 25) / 12).per_cycle
    2
    """

    step: float
    steps: int
    per_cycle: int

    @classmethod
    def of(cls, time: np.ndarray, longest: float = LONGEST_STEP) -> Grid:
        """The grid of a model's cycle boundaries (years), with steps of at most `longest`."""
        cycle = time[1] - time[0]
        per_cycle = max(1, int(np.ceil(cycle / longest - 1e-9)))
        step = cycle / per_cycle
        return cls(step, int(np.ceil(time[-1] / step - 1e-9)), per_cycle)

    @cached_property
    def time(self) -> np.ndarray:
        """Boundaries of the steps. Dims: (step + 1,)."""
        return self.step * np.arange(self.steps + 1)

    @cached_property
    def middle(self) -> np.ndarray:
        """Middles of the steps. Dims: (step,)."""
        return self.step * (np.arange(self.steps) + 0.5)

    def at(self, values: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Values on the grid at the cycle boundaries. Dims: (draw, step + 1) to (draw, time)."""
        index = time / self.step
        before = (index + 1e-9).astype(int)
        found, share = values[:, before], np.maximum(index - before, 0.0)
        if share.max() > 1e-9:  # the horizon ends within a step
            found += share * (values[:, np.minimum(before + 1, self.steps)] - found)
        return found

    def by_cycle(self, flow: np.ndarray, time: np.ndarray) -> np.ndarray:
        """A flow by step added up to cycles. Dims: (draw, step) to (draw, cycle)."""
        total = np.zeros((len(flow), self.steps + 1))
        np.cumsum(flow, axis=1, out=total[:, 1:])
        return np.diff(self.at(total, time), axis=1)


@dataclass(frozen=True)
class Process:
    """How patients of one strategy leave progression-free, and die after it.

    Attributes
    ----------
    grid : Grid
    leaving : Curve
        Progression-free on the grid, background mortality included, as a sum of parts.
    background : ndarray, dims (step + 1,)
        Survival of the general population.
    death_share : ndarray, dims (draw,)
        Of those who leave for another reason than background mortality, who die.
    after : ndarray, dims (draw, step)
        Survival since progression at the middle of each step, background mortality left out.
    ratio : ndarray, dims (draw,)
        The hazard ratio inside `after`, against the strategy the curves are relative to.
    hazard_after : callable
        Cumulative hazard at times since progression, dims (time,) to (draw, time).
    """

    grid: Grid
    leaving: Curve
    background: np.ndarray
    death_share: np.ndarray
    after: np.ndarray
    ratio: np.ndarray
    hazard_after: Callable[[np.ndarray], np.ndarray]


def strategy_process(context: CurveContext, strategy: Strategy, time: np.ndarray) -> Process:
    """The process of a strategy in a block of draws; problems that agree in it get the same object.

    Parameters
    ----------
    time : ndarray, dims (time,)
        The model's cycle boundaries (years).

    Raises
    ------
    ModelError
        Draws of a family that is not joint.
    """
    grid, draws = Grid.of(time), context.draws
    leaving = endpoint_curve(context, strategy, "pfs", grid.time)
    donor, ratio = _donor(context, strategy), draws.value(strategy.after_progression)
    key = ("process", id(leaving), id(draws.curves[donor.evidence]), ratio.tobytes())
    if key not in context.shared:
        fitted = draws.curves[donor.evidence]
        factor = (ratio * draws.value(donor.multiplier))[:, None]

        def hazard_after(since: np.ndarray) -> np.ndarray:
            return factor * _after_progression(fitted, since)[1]

        context.shared[key] = Process(
            grid,
            leaving,
            context.background(grid.time).survival,
            _after_progression(fitted, grid.middle[:0])[0],
            np.exp(-hazard_after(grid.middle)),
            ratio,
            hazard_after,
        )
    return context.shared[key]


def _donor(context: CurveContext, strategy: Strategy) -> FittedCurve:
    """The fitted PFS whose patients say what follows progression."""
    curve = strategy.curves["pfs"]
    if isinstance(curve, RelativeCurve):
        return context.donor(curve.relative_to, "pfs")
    assert isinstance(curve, FittedCurve)  # the inputs are checked
    return curve


def _after_progression(curve: CurveDraws, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of deaths among those who leave, and the cumulative excess hazard since progression.

    Dims: draw; (draw, time).
    """
    share, hazard = np.empty(len(curve.family)), np.empty((len(curve.family), len(time)))
    for i, family in enumerate(curve.families):
        rows = np.flatnonzero(curve.family == i)
        if len(rows) == 0:
            continue
        if not isinstance(family, Marginal):
            raise ModelError(
                f"'{family.name}' says nothing of survival after progression; a joint family "
                "(joint_<progression>_<after it>) is needed. Put one in analysis.survival.distributions."
            )
        parameters = {n: curve.theta[rows, k] for k, n in enumerate(family.names)}
        share[rows] = parameters["death_share"]
        post = part(parameters, "post")
        hazard[rows] = cumulative_hazard(family.process.post, post, time)
    return share, hazard
