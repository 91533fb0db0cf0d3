"""Exposures × prices and utilities → costs and QALYs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from heor.outcomes.outcomes import Outcomes, components
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.simulation.accrual import COST, EFFECT, EFFECT_NORM, PLAIN, PLAIN_NORM
from heor.simulation.exposures import Exposures


def value(exposures: Exposures, draws: Draws, problem: DecisionProblem) -> np.ndarray:
    """Outcomes of every strategy. Dims: (draw, strategy, component), as `Outcomes.data`.

    Parameters
    ----------
    exposures
        In these draws.
    draws
        What prices, utilities and decrements are read from; survival is not.
    """
    return np.stack(
        [_components(problem, s, exposures, draws) for s in problem.strategies.values()], axis=1
    )


def as_outcomes(problem: DecisionProblem, values: np.ndarray) -> Outcomes:
    """What `value` gives, with names. Draws that are not those of the run are no replicates."""
    settings = problem.settings
    data = xr.DataArray(
        values,
        dims=("draw", "strategy", "component"),
        coords={
            "strategy": list(problem.strategies),
            "component": list(components(tuple(settings.categories))),
        },
    )
    replicates = problem.replicates if len(values) == settings.draws else 1
    return Outcomes(
        data, tuple(settings.categories), problem.country.currency, replicates, *settings.roles
    )


def _components(
    problem: DecisionProblem, strategy: Strategy, exposures: Exposures, draws: Draws
) -> np.ndarray:
    """Components of one strategy. Dims: (draw, component)."""
    measured, alive = exposures.of(strategy.name), exposures.alive[strategy.name]
    spent = costs(problem, strategy, measured, draws)
    gained = qalys(strategy, measured, draws, discounted=True)
    plain = qalys(strategy, measured, draws, discounted=False)
    return np.stack([*spent.values(), gained, alive[:, EFFECT], plain, alive[:, PLAIN]], axis=1)


def costs(
    problem: DecisionProblem,
    strategy: Strategy,
    measured: Mapping[str, np.ndarray],
    draws: Draws,
) -> dict[str, np.ndarray]:
    """Discounted cost by category, inside the perspective. Dims of each: draw."""
    out = {c: np.zeros(draws.n) for c in problem.settings.categories}
    for item in strategy.costs.values():
        if item.stream in problem.country.streams:
            out[item.category] += measured[item.exposure][:, COST] * draws.value(item.amount)
    return out


def qalys(
    strategy: Strategy, measured: Mapping[str, np.ndarray], draws: Draws, *, discounted: bool
) -> np.ndarray:
    """QALYs. Dims: draw. Multipliers are capped at 1: no state is better than the population norm."""
    plain, with_norm = (EFFECT, EFFECT_NORM) if discounted else (PLAIN, PLAIN_NORM)
    total = np.zeros(draws.n)
    for item in strategy.utilities.values():
        exposure = measured[item.exposure]
        if item.multiplier is not None:
            total += exposure[:, with_norm] * np.minimum(draws.value(item.multiplier), 1.0)
        elif item.decrement is not None:
            total -= exposure[:, plain] * draws.value(item.decrement)
        elif item.qaly_loss is not None:
            total -= exposure[:, plain] * draws.value(item.qaly_loss)
        else:
            total -= exposure[:, with_norm] * draws.value(item.norm_loss)
    return total
