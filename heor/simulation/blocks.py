"""Draws → curves → occupancy → exposures, block by block, so memory does not grow with draws."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np
import pandas as pd

from heor import execution
from heor.occupancy import models
from heor.occupancy.models import StrategyBlock
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.problem.expressions import names_in
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.simulation.accrual import Accrual
from heor.simulation.exposures import Exposures
from heor.simulation.measure import measure
from heor.survival.curves.curve import Curve
from heor.survival.curves.strategy_curves import CurveContext

Name = TypeVar("Name")
Progress = Callable[[str, int, int], None]
Cases = Mapping[Name, tuple[DecisionProblem, Draws]]
YEARS = 10  # model years whose exposures are kept by draw: budgets need their uncertainty


@dataclass(frozen=True)
class StrategyResult:
    """One strategy in one block of draws.

    Attributes
    ----------
    measured : ndarray, dims (draw, exposure, weight)
    alive : ndarray, dims (draw, weight)
    occupancy : ndarray, dims (time, state)
        Summed over the draws.
    hazard_ratios : ndarray, dims (draw, endpoint)
        Of the uncured; NaN where an endpoint has none.
    attained : ndarray of bool, dims (draw, endpoint)
    capped : ndarray of int, dims (draw,)
        Cycle boundaries at which PFS exceeded OS.
    excess_years : ndarray, dims (draw,)
        By how much.
    survival : ndarray, dims (draw, time)
        All-cause.
    curves : ndarray or None, dims (draw, endpoint, time)
        Of the first draws only, survival first.
    histories : DataFrame or None
        Of the first draws, where patients are simulated.
    """

    measured: np.ndarray
    alive: np.ndarray
    occupancy: np.ndarray
    hazard_ratios: np.ndarray
    attained: np.ndarray
    capped: np.ndarray
    excess_years: np.ndarray
    survival: np.ndarray
    curves: np.ndarray | None
    histories: pd.DataFrame | None


Block = Mapping[str, StrategyResult]


def exposures_of(problem: DecisionProblem, block: Block) -> Exposures:
    """The exposures of one block."""
    return Exposures(
        {name: tuple(s.exposures) for name, s in problem.strategies.items()},
        {name: own.measured for name, own in block.items()},
        {name: own.alive for name, own in block.items()},
    )


def blocks_of(
    cases: Cases,
    progress: Progress | None = None,
    workers: int | None = None,
    by_year: Collection[Name] = (),
) -> Iterator[tuple[slice, dict[Name, Block]]]:
    """Several problems with equally many draws, a block of draws at a time.

    What they share (a fitted hazard, an occupancy, its exposures) is computed once a block.

    Parameters
    ----------
    by_year
        Cases of which the exposures of each of the first `YEARS` model years are measured too.

    Raises
    ------
    ModelError
        When a law of occupancy breaks.
    """
    first, drawn = next(iter(cases.values()))
    slices = execution.chunks(drawn.n, first.settings.chunk)
    accruals = {
        name: Accrual.of(problem, YEARS if name in by_year else 0)
        for name, (problem, _) in cases.items()
    }
    backgrounds: dict[Name, dict] = {name: {} for name in cases}

    def one(rows: slice) -> dict[Name, Block]:
        shared: dict[tuple, np.ndarray] = {}
        curves = {
            id(c): c[rows] for _, draws in cases.values() for c in draws.curves.values()
        }  # cases with the same curve draws get the same object, hence the same hazards
        found = {}
        for name, (problem, draws) in cases.items():
            block = draws.rows(rows, {e: curves[id(c)] for e, c in draws.curves.items()})
            context = CurveContext(problem, block, backgrounds[name], shared)
            found[name] = {
                label: _strategy(context, strategy, rows, accruals[name])
                for label, strategy in problem.strategies.items()
            }
        return found

    for done, block in enumerate(execution.map_chunks(one, slices, workers)):
        yield slices[done], block
        if progress:
            progress("Model", done + 1, len(slices))


def _strategy(
    context: CurveContext, strategy: Strategy, rows: slice, accrual: Accrual
) -> StrategyResult:
    problem, draws = context.problem, context.draws
    settings = problem.settings
    own = StrategyBlock(context, strategy, accrual.time, rows.start)
    if own.key not in context.shared:
        occupancy = models.occupancy(own)
        occupancy.check(strategy.name, rows.start)
        context.shared[own.key] = occupancy
    occupancy, followed = context.shared[own.key], own.used_curves
    measured, alive = _measured(context, own, occupancy, accrual)
    crossed = occupancy.capped is not None
    ratios, attained = _ratios(problem, followed, draws.n)
    return StrategyResult(
        measured=measured,
        alive=alive,
        occupancy=np.stack([occupancy.states[s].sum(axis=0) for s in settings.states], axis=1),
        hazard_ratios=ratios,
        attained=attained,
        capped=occupancy.capped if crossed else np.zeros(draws.n, int),
        excess_years=occupancy.excess.sum(axis=1) * settings.cycle
        if crossed
        else np.zeros(draws.n),
        survival=1 - occupancy.states["dead"],
        curves=_shown(problem, occupancy) if rows.start < settings.curve_draws else None,
        histories=_histories(settings.histories, occupancy, strategy.name, rows.start),
    )


def _measured(
    context: CurveContext, own: StrategyBlock, occupancy: StateOccupancy, accrual: Accrual
) -> tuple[np.ndarray, np.ndarray]:
    """Exposures, dims (draw, exposure, weight), and years alive, dims (draw, weight)."""
    strategy, draws = own.strategy, context.draws
    texts = [v for e in strategy.exposures.values() for v in e.expressions]
    names = sorted({name for text in texts for name in names_in(text)})
    values = [draws.values[name].tobytes() for name in names]
    key = ("exposures", own.key, *strategy.exposures.values(), *values, *accrual.key)
    if key not in context.shared:
        integrals = context.shared.setdefault(("integrals", own.key, *accrual.key), {})
        found = measure(strategy, occupancy, draws, accrual, integrals)
        none = np.empty((draws.n, 0, accrual.width))
        measured = np.stack(list(found.values()), axis=1) if found else none
        context.shared[key] = measured, accrual.alive_years(occupancy)
    return context.shared[key]


def _ratios(
    problem: DecisionProblem, curves: Mapping[str, Curve], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hazard ratios of the uncured, and whether they are reached. Dims: (draw, endpoint)."""
    none, every = np.full(n, np.nan), np.ones(n, bool)
    endpoints = endpoints_of(problem)
    ratios = [curves[e].hazard_ratio if e in curves else none for e in endpoints]
    attained = [curves[e].attained if e in curves else every for e in endpoints]
    return np.stack(ratios, axis=1), np.stack(attained, axis=1)


def _histories(
    many: int, occupancy: StateOccupancy, strategy: str, first: int
) -> pd.DataFrame | None:
    """Event histories of the first draws that are kept."""
    if occupancy.patients is None or first >= many:
        return None
    frame = occupancy.patients.to_frame()
    frame["draw"] += first
    return frame[frame["draw"] < many].assign(strategy=strategy)


def _shown(problem: DecisionProblem, occupancy: StateOccupancy) -> np.ndarray:
    """Each (capped) endpoint of the whole cohort, survival first. Dims: (draw, endpoint, time)."""
    states, found = [occupancy.states[s] for s in problem.settings.states[:-1]], []
    for k in range(1, len(problem.settings.endpoints)):
        found.insert(0, reduce(np.add, states[:k]))
    return np.stack([1 - occupancy.states["dead"], *found], axis=1)


def endpoints_of(problem: DecisionProblem) -> tuple[str, ...]:
    """In the order tables and figures show them: survival first."""
    return problem.settings.endpoints[::-1]
