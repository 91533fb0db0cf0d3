"""Draws → exposures → outcomes, block by block."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from heor.outcomes.outcomes import components
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.simulation.blocks import Cases, Name, Progress, blocks_of, exposures_of
from heor.simulation.exposures import Exposures
from heor.simulation.simulated import UNATTAINED, Simulation, Totals
from heor.valuation.value import as_outcomes, value

KEPT_DRAWS = 20_000  # whose exposures are kept: some 200 MB with two strategies of 40 exposures


@dataclass(frozen=True)
class Kept:
    """Exposures of a run, for questions that need no other.

    Attributes
    ----------
    rows : ndarray of int, dims (draw,)
        Which of the run's draws: all, or evenly spaced ones where there are too many.
    """

    exposures: Exposures
    rows: np.ndarray


def simulate(
    problem: DecisionProblem,
    draws: Draws,
    progress: Progress | None = None,
    workers: int | None = None,
    unattained_most: float = UNATTAINED,
    follow_up: float = 0.0,
) -> Simulation:
    """Evaluate every strategy in every draw.

    `unattained_most`: share of draws whose marginal hazard ratio may be out of reach. `follow_up`: years
    for which survival is kept in every draw.

    Raises
    ------
    ModelError
        When a law of occupancy or outcomes breaks.
    """
    cases, years = {"": (problem, draws)}, {"": follow_up}
    return simulate_and_keep(cases, (), (), progress, workers, unattained_most, years)[0][""]


def simulate_and_keep(
    cases: Cases,
    keep: Collection[Name],
    by_year: Collection[Name] = (),
    progress: Progress | None = None,
    workers: int | None = None,
    unattained_most: float = UNATTAINED,
    follow_up: Mapping[Name, float] = MappingProxyType({}),
) -> tuple[dict[Name, Simulation], dict[Name, Kept]]:
    """Evaluate problems with equally many draws, and keep the exposures of those to `keep`.

    What the problems share is computed once. `by_year`: whose exposures of each model year are kept too.

    `follow_up`: name → years for which survival is kept in every draw.

    Above `KEPT_DRAWS` draws blocks are valued and forgotten, and evenly spaced draws are kept.
    """
    _, drawn = next(iter(cases.values()))
    totals = {
        name: Totals.empty(problem, drawn.n, follow_up.get(name, 0.0))
        for name, (problem, _) in cases.items()
    }
    values = {name: _empty(problem, drawn.n) for name, (problem, _) in cases.items()}
    rows = np.unique(np.linspace(0, drawn.n - 1, min(drawn.n, KEPT_DRAWS)).round().astype(int))
    kept: dict[Name, list[Exposures]] = {name: [] for name in keep}
    for block_rows, blocks in blocks_of(cases, progress, workers, by_year):
        inside = rows[(rows >= block_rows.start) & (rows < block_rows.stop)] - block_rows.start
        for name, block in blocks.items():
            problem, draws = cases[name]
            exposures = exposures_of(problem, block)
            totals[name].add(problem, block_rows, block)
            values[name][block_rows] = value(exposures, draws[block_rows], problem)
            if name in kept:
                kept[name].append(exposures.taken(inside))
    simulations = {
        name: totals[name].simulation(problem, as_outcomes(problem, values[name]), unattained_most)
        for name, (problem, _) in cases.items()
    }
    return simulations, {name: Kept(_joined(parts), rows) for name, parts in kept.items()}


def _empty(problem: DecisionProblem, n: int) -> np.ndarray:
    names = components(tuple(problem.settings.categories))
    return np.empty((n, len(problem.strategies), len(names)))


def _joined(parts: list[Exposures]) -> Exposures:
    """Blocks of draws, one after another."""
    first = parts[0]

    def joined(of: str) -> Mapping[str, np.ndarray]:
        return {
            name: np.concatenate([getattr(part, of)[name] for part in parts])
            for name in first.names
        }

    return Exposures(first.names, joined("measured"), joined("alive"))
