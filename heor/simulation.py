"""Draws → curves → occupancy → outcomes, block by block, so memory does not grow with draws."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from heor import execution
from heor.errors import HeorWarning, ModelError
from heor.inputs.problem import DecisionProblem
from heor.occupancy.partitioned import MODELS
from heor.outcomes import values
from heor.outcomes.outcomes import Outcomes, components
from heor.outcomes.values import Accrual
from heor.parameters.draws import Draws
from heor.results import Simulation
from heor.survival.curves import ENDPOINTS, Background, Curve, CurveContext, strategy_curves


@dataclass
class Block:
    """One chunk of draws. Dims as named, `draw` within the chunk."""

    outcomes: np.ndarray  # (draw, strategy, component)
    occupancy_sum: np.ndarray  # (strategy, time, state), summed over the chunk's draws
    capped: np.ndarray  # (draw, strategy)
    ratios: np.ndarray  # (draw, strategy, endpoint): uncured hazard ratio
    attained: np.ndarray  # (draw, strategy, endpoint)
    curves: np.ndarray | None  # (draw, strategy, endpoint, time), of the first draws only


def simulate(
    problem: DecisionProblem,
    draws: Draws,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int | None = None,
) -> Simulation:
    """Evaluate every strategy in every draw.

    Raises
    ------
    ModelError
        When a law of occupancy or outcomes breaks.
    """
    settings, time = problem.settings, problem.time
    accrual = Accrual.of(problem)
    backgrounds: dict[tuple[int, float], Background] = {}
    slices = execution.chunks(draws.n, settings.chunk)

    def one(rows: slice) -> Block:
        return _block(problem, draws[rows], rows, accrual, backgrounds)

    names = components(tuple(settings.categories))
    n_strategies = len(problem.strategies)
    outcomes = np.empty((draws.n, n_strategies, len(names)))
    ratios = np.empty((draws.n, n_strategies, len(ENDPOINTS)))
    occupancy = np.zeros((n_strategies, len(time), len(settings.states)))
    capped, curves, unattained = np.zeros((draws.n, n_strategies), int), [], 0
    for done, (rows, block) in enumerate(
        zip(slices, execution.map_chunks(one, slices, workers), strict=True)
    ):
        outcomes[rows], ratios[rows], capped[rows] = block.outcomes, block.ratios, block.capped
        occupancy += block.occupancy_sum
        unattained += int((~block.attained).any(axis=(1, 2)).sum())
        if block.curves is not None:
            curves.append(block.curves)
        if progress:
            progress("model", done + 1, len(slices))
    data = xr.DataArray(
        outcomes,
        dims=("draw", "strategy", "component"),
        coords={"strategy": list(problem.strategies), "component": list(names)},
    )
    return Simulation(
        outcomes=Outcomes(data, tuple(settings.categories), problem.country.currency),
        curves=_bands(problem, np.concatenate(curves)),
        occupancy=xr.DataArray(
            occupancy / draws.n,
            dims=("strategy", "time", "state"),
            coords={"strategy": list(problem.strategies), "state": list(settings.states)},
        ),
        hazard_ratios=_ratio_table(problem, ratios),
        capped=_capped(problem, capped),
        unattained=_report_unattained(unattained, draws.n),
    )


def _block(
    problem: DecisionProblem,
    draws: Draws,
    rows: slice,
    accrual: Accrual,
    backgrounds: dict,
) -> Block:
    """All strategies on one chunk of draws."""
    settings, time = problem.settings, accrual.time
    context = CurveContext(problem, draws, backgrounds)
    hazard = np.diff(context.background(time).cumulative_hazard)
    kept = [], [], [], [], [], []
    for name, strategy in problem.strategies.items():
        curves = strategy_curves(context, strategy, time)
        occupancy = MODELS[settings.model](strategy, curves, draws, hazard)
        occupancy.check(name, rows.start)
        measured = values.measure(strategy, occupancy, draws, accrual)
        kept[0].append(_outcomes(problem, strategy, occupancy, measured, draws, accrual))
        kept[1].append(np.stack([occupancy.states[s].sum(axis=0) for s in settings.states], axis=1))
        kept[2].append(occupancy.capped)
        kept[3].append(np.stack([curves[e].hazard_ratio for e in ENDPOINTS], axis=1))
        kept[4].append(np.stack([curves[e].attained for e in ENDPOINTS], axis=1))
        if rows.start < settings.curve_draws:
            kept[5].append(_totals(curves))
    outcomes, occupied, capped, ratios, attained, shown = kept
    return Block(
        outcomes=np.stack(outcomes, axis=1),
        occupancy_sum=np.stack(occupied),
        capped=np.stack(capped, axis=1),
        ratios=np.stack(ratios, axis=1),
        attained=np.stack(attained, axis=1),
        curves=np.stack(shown, axis=1) if shown else None,
    )


def _totals(curves: dict[str, Curve]) -> np.ndarray:
    """OS and (capped) PFS of the whole cohort. Dims: (draw, endpoint, time)."""
    os = curves["os"].total
    return np.stack([os, np.minimum(curves["pfs"].total, os)], axis=1)


def _outcomes(problem, strategy, occupancy, measured, draws, accrual) -> np.ndarray:
    """Components of one strategy. Dims: (draw, component)."""
    costs = values.costs(strategy, measured, draws, accrual)
    qalys = values.qalys(strategy, measured, draws, discounted=True)
    plain = values.qalys(strategy, measured, draws, discounted=False)
    whole = np.array([problem.horizon])
    alive = 1 - occupancy.states["dead"]
    weights = values.state_weights(accrual.time, values.covered(accrual.time, 0 * whole, whole))[0]
    life = alive @ (weights[:, None] * accrual.at)
    return np.stack(
        [*costs.values(), qalys, life[:, values.EFFECT], plain, life[:, values.PLAIN]], axis=1
    )


def _bands(problem: DecisionProblem, curves: np.ndarray) -> xr.Dataset:
    """Mean and 95 % band of the curves kept. Dims: (strategy, endpoint, time)."""
    dims = ("strategy", "endpoint", "time")
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    dataset = xr.Dataset(
        {"mean": (dims, curves.mean(axis=0)), "low": (dims, low), "high": (dims, high)},
        coords={"strategy": list(problem.strategies), "endpoint": list(ENDPOINTS)},
    )
    return dataset.assign_attrs(draws=len(curves), time_unit="years")


def _ratio_table(problem: DecisionProblem, ratios: np.ndarray) -> pd.DataFrame:
    """Uncured hazard ratios of relative curves, by draw."""
    columns = {
        f"{name}_{endpoint}": ratios[:, i, k]
        for i, (name, strategy) in enumerate(problem.strategies.items())
        for k, endpoint in enumerate(ENDPOINTS)
        if hasattr(strategy.curves[endpoint], "relative_to")
    }
    return pd.DataFrame(columns)


def _capped(problem: DecisionProblem, capped: np.ndarray) -> pd.DataFrame:
    """How often PFS exceeded OS; a warning for every strategy where it did."""
    points = len(problem.time)
    rows = []
    for i, (name, strategy) in enumerate(problem.strategies.items()):
        draws, months = (capped[:, i] > 0).mean(), capped[:, i].mean() / points
        rows.append({"strategy": name, "share_of_draws": draws, "share_of_draw_months": months})
        if draws > 0:
            warnings.warn(
                f"{strategy.label}: PFS exceeded OS in {months:.1%} of draw-months "
                f"({draws:.1%} of draws) and was capped at OS.",
                HeorWarning,
                stacklevel=2,
            )
    return pd.DataFrame(rows)


def _report_unattained(unattained: int, n: int) -> int:
    if unattained:
        warnings.warn(
            f"In {unattained} of {n} draws no uncured hazard ratio gives the marginal hazard ratio "
            "drawn; the nearest bound was used. Check the cured fraction and the hazard ratio.",
            HeorWarning,
            stacklevel=2,
        )
    if unattained > 0.01 * n:
        raise ModelError(
            f"the marginal hazard ratio cannot be reached in {unattained} of {n} draws (more than "
            "1 %). The cured fraction is too large for it: check cure_if_operated and the hazard "
            "ratio."
        )
    return unattained
