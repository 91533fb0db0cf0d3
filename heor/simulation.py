"""Draws → curves → occupancy → outcomes, block by block, so memory does not grow with draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
import xarray as xr

from heor import execution
from heor.decision.net_benefit_of_sampling import longest_follow_up
from heor.inputs.problem import DecisionProblem, RelativeCurve
from heor.inputs.structures import PARTITIONED
from heor.occupancy import models, step_length
from heor.occupancy.models import StrategyBlock
from heor.occupancy.state_occupancy import StateOccupancy
from heor.outcomes import values
from heor.outcomes.outcomes import Outcomes, components
from heor.outcomes.values import Accrual
from heor.parameters.draws import Draws
from heor.results import Simulation
from heor.survival.attained import out_of_reach
from heor.survival.curves import CurveContext
from heor.survival.marginal import LOWEST_RATIO

Progress = Callable[[str, int, int], None]
UNATTAINED = 0.01  # share of draws whose marginal hazard ratio may be out of reach


@dataclass
class Block:
    """One chunk of draws. Dims as named, `draw` within the chunk."""

    outcomes: np.ndarray  # (draw, strategy, component)
    occupancy_sum: np.ndarray  # (strategy, time, state), summed over the chunk's draws
    capped: np.ndarray  # (draw, strategy)
    ratios: np.ndarray  # (draw, strategy, endpoint): uncured hazard ratio
    attained: np.ndarray  # (draw, strategy, endpoint)
    excess_years: np.ndarray  # (draw, strategy): years by which PFS exceeded OS
    curves: np.ndarray | None  # (draw, strategy, endpoint, time), of the first draws only
    exposures: Mapping[tuple[str, str], float]  # (strategy, exposure), summed over the draws
    histories: list[pd.DataFrame]  # of the first draws, where patients are simulated
    survival: np.ndarray  # (draw, strategy, time), of the first times only


@dataclass
class Totals:
    """What the blocks of one case add up to."""

    outcomes: np.ndarray  # (draw, strategy, component)
    ratios: np.ndarray  # (draw, strategy, endpoint)
    capped: np.ndarray  # (draw, strategy)
    excess_years: np.ndarray  # (draw, strategy)
    occupancy: np.ndarray  # (strategy, time, state)
    curves: list[np.ndarray]
    exposures: dict[tuple[str, str], float]
    histories: list[pd.DataFrame]
    survival: np.ndarray  # (draw, strategy, time)
    unattained: int = 0
    too_low: int = 0  # of these, draws whose ratio the population's mortality does not allow

    @classmethod
    def empty(cls, problem: DecisionProblem, n: int) -> Totals:
        strategies, settings = len(problem.strategies), problem.settings
        names = components(tuple(settings.categories))
        return cls(
            outcomes=np.empty((n, strategies, len(names))),
            ratios=np.empty((n, strategies, len(settings.endpoints))),
            capped=np.zeros((n, strategies), int),
            excess_years=np.zeros((n, strategies)),
            occupancy=np.zeros((strategies, len(problem.time), len(settings.states))),
            curves=[],
            exposures={(s.name, e): 0.0 for s in problem.strategies.values() for e in s.exposures},
            histories=[],
            survival=np.empty((n, strategies, kept_times(problem)), np.float32),
        )

    def add(self, rows: slice, block: Block) -> None:
        self.outcomes[rows], self.ratios[rows] = block.outcomes, block.ratios
        self.capped[rows], self.excess_years[rows] = block.capped, block.excess_years
        self.occupancy += block.occupancy_sum
        self.histories += block.histories
        self.survival[rows] = block.survival
        for key, total in block.exposures.items():
            self.exposures[key] += total
        self.unattained += int((~block.attained).any(axis=(1, 2)).sum())
        lowest = ~block.attained & (block.ratios <= LOWEST_RATIO)
        self.too_low += int(lowest.any(axis=(1, 2)).sum())
        if block.curves is not None:
            self.curves.append(block.curves)


def simulate(
    problem: DecisionProblem,
    draws: Draws,
    progress: Progress | None = None,
    workers: int | None = None,
    unattained_most: float = UNATTAINED,
) -> Simulation:
    """Evaluate every strategy in every draw.

    `unattained_most`: share of draws whose marginal hazard ratio may be out of reach.

    Raises
    ------
    ModelError
        When a law of occupancy or outcomes breaks.
    """
    return simulate_together({"": (problem, draws)}, progress, workers, unattained_most)[""]


def simulate_together(
    cases: Mapping[str, tuple[DecisionProblem, Draws]],
    progress: Progress | None = None,
    workers: int | None = None,
    unattained_most: float = UNATTAINED,
) -> dict[str, Simulation]:
    """Evaluate several problems with equally many draws; fitted hazards they share are computed once.

    Raises
    ------
    ModelError
        When a law of occupancy or outcomes breaks.
    """
    first, drawn = next(iter(cases.values()))
    slices = execution.chunks(drawn.n, first.settings.chunk)
    accruals = {name: Accrual.of(problem) for name, (problem, _) in cases.items()}
    backgrounds: dict[str, dict] = {name: {} for name in cases}
    totals = {name: Totals.empty(problem, drawn.n) for name, (problem, _) in cases.items()}

    def one(rows: slice) -> dict[str, Block]:
        shared: dict[tuple, np.ndarray] = {}
        curves = {
            id(c): c[rows] for _, draws in cases.values() for c in draws.curves.values()
        }  # cases with the same curve draws get the same object, hence the same hazards
        blocks = {}
        for name, (problem, draws) in cases.items():
            block = draws.rows(rows, {e: curves[id(c)] for e, c in draws.curves.items()})
            context = CurveContext(problem, block, backgrounds[name], shared)
            blocks[name] = _block(context, rows, accruals[name])
        return blocks

    for done, blocks in enumerate(execution.map_chunks(one, slices, workers)):
        for name, block in blocks.items():
            totals[name].add(slices[done], block)
        if progress:
            progress("Model", done + 1, len(slices))
    return {
        name: _simulation(problem, totals[name], unattained_most)
        for name, (problem, _) in cases.items()
    }


def _simulation(problem: DecisionProblem, totals: Totals, unattained_most: float) -> Simulation:
    settings = problem.settings
    strategies, names = list(problem.strategies), list(components(tuple(settings.categories)))
    data = xr.DataArray(
        totals.outcomes,
        dims=("draw", "strategy", "component"),
        coords={"strategy": strategies, "component": names},
    )
    n = len(totals.outcomes)
    capped = _capped(problem, totals.capped, totals.excess_years)
    return Simulation(
        outcomes=Outcomes(
            data,
            tuple(settings.categories),
            problem.country.currency,
            # cases of a sensitivity analysis are no replicates
            problem.replicates if n == settings.draws else 1,
        ),
        curves=_bands(problem, np.concatenate(totals.curves)),
        occupancy=xr.DataArray(
            totals.occupancy / n,
            dims=("strategy", "time", "state"),
            coords={"strategy": strategies, "state": list(settings.states)},
        ),
        hazard_ratios=_ratio_table(problem, totals.ratios),
        capped=capped,
        exposures=pd.DataFrame(
            [(*key, total / n) for key, total in totals.exposures.items()],
            columns=["strategy", "exposure", "mean"],
        ),
        unattained=totals.unattained,
        survival=totals.survival if totals.survival.shape[2] else None,
        histories=pd.concat(totals.histories, ignore_index=True)
        if totals.histories
        else pd.DataFrame(),
        warnings=_warnings(problem, capped, totals, unattained_most),
    )


def _block(context: CurveContext, rows: slice, accrual: Accrual) -> Block:
    """All strategies on one chunk of draws."""
    problem, draws, time = context.problem, context.draws, accrual.time
    settings, endpoints = problem.settings, _endpoints(problem)
    kept = [], [], [], [], [], [], [], []
    times = kept_times(problem)
    exposures, histories = {}, []
    for name, strategy in problem.strategies.items():
        own = StrategyBlock(context, strategy, time, rows.start)
        if own.key not in context.shared:
            occupancy = models.occupancy(own)
            occupancy.check(name, rows.start)
            context.shared[own.key] = occupancy
        occupancy, curves = context.shared[own.key], own.used_curves
        measured = values.measure(strategy, occupancy, draws, accrual)
        kept[0].append(_outcomes(problem, strategy, occupancy, measured, draws, accrual))
        kept[1].append(np.stack([occupancy.states[s].sum(axis=0) for s in settings.states], axis=1))
        crossed = occupancy.capped is not None
        none, every = np.full(draws.n, np.nan), np.ones(draws.n, bool)
        ratios = [curves[e].hazard_ratio if e in curves else none for e in endpoints]
        attained = [curves[e].attained if e in curves else every for e in endpoints]
        kept[2].append(occupancy.capped if crossed else np.zeros(draws.n, int))
        kept[3].append(np.stack(ratios, axis=1))
        kept[4].append(np.stack(attained, axis=1))
        kept[5].append(
            occupancy.excess.sum(axis=1) * settings.cycle if crossed else np.zeros(draws.n)
        )
        kept[7].append(1 - occupancy.states["dead"][:, :times])
        exposures |= {(name, e): m[:, values.PLAIN].sum() for e, m in measured.items()}
        if occupancy.patients is not None and rows.start < settings.histories:
            frame = occupancy.patients.to_frame()
            frame["draw"] += rows.start
            frame = frame[frame["draw"] < settings.histories]
            histories.append(frame.assign(strategy=name))
        if rows.start < settings.curve_draws:
            kept[6].append(_shown(problem, occupancy))
    outcomes, occupied, capped, ratios, attained, excess, shown, survival = kept
    return Block(
        outcomes=np.stack(outcomes, axis=1),
        occupancy_sum=np.stack(occupied),
        capped=np.stack(capped, axis=1),
        ratios=np.stack(ratios, axis=1),
        attained=np.stack(attained, axis=1),
        excess_years=np.stack(excess, axis=1),
        curves=np.stack(shown, axis=1) if shown else None,
        exposures=exposures,
        histories=histories,
        survival=np.stack(survival, axis=1),
    )


def kept_times(problem: DecisionProblem) -> int:
    """Cycle boundaries at which survival is kept in every draw: as long as the trial may follow."""
    if problem.trial is None:
        return 0
    longest = longest_follow_up(problem)
    return min(int(np.searchsorted(problem.time, longest)) + 1, len(problem.time))


def _endpoints(problem: DecisionProblem) -> tuple[str, ...]:
    """In the order tables and figures show them: survival first."""
    return problem.settings.endpoints[::-1]


def _shown(problem: DecisionProblem, occupancy: StateOccupancy) -> np.ndarray:
    """Each (capped) endpoint of the whole cohort, survival first. Dims: (draw, endpoint, time)."""
    states, found = [occupancy.states[s] for s in problem.settings.states[:-1]], []
    for k in range(1, len(problem.settings.endpoints)):
        found.insert(0, reduce(np.add, states[:k]))
    return np.stack([1 - occupancy.states["dead"], *found], axis=1)


def _outcomes(problem, strategy, occupancy, measured, draws, accrual) -> np.ndarray:
    """Components of one strategy. Dims: (draw, component)."""
    costs = values.costs(strategy, measured, draws, accrual)
    qalys = values.qalys(strategy, measured, draws, discounted=True)
    plain = values.qalys(strategy, measured, draws, discounted=False)
    life = accrual.alive_years(occupancy)
    return np.stack(
        [*costs.values(), qalys, life[:, values.EFFECT], plain, life[:, values.PLAIN]], axis=1
    )


def _bands(problem: DecisionProblem, curves: np.ndarray) -> xr.Dataset:
    """Mean and 95 % band of the curves kept. Dims: (strategy, endpoint, time)."""
    dims = ("strategy", "endpoint", "time")
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    dataset = xr.Dataset(
        {"mean": (dims, curves.mean(axis=0)), "low": (dims, low), "high": (dims, high)},
        coords={"strategy": list(problem.strategies), "endpoint": list(_endpoints(problem))},
    )
    return dataset.assign_attrs(draws=len(curves), time_unit="years")


def _ratio_table(problem: DecisionProblem, ratios: np.ndarray) -> pd.DataFrame:
    """Uncured hazard ratios by draw, of relative curves on which one ratio acts."""
    columns = {
        f"{name}_{endpoint}": ratios[:, i, k]
        for i, (name, strategy) in enumerate(problem.strategies.items())
        for k, endpoint in enumerate(_endpoints(problem))
        if isinstance(curve := strategy.curves.get(endpoint), RelativeCurve) and curve.has_one_ratio
        if np.isfinite(ratios[:, i, k]).all()  # an endpoint the model follows
    }
    return pd.DataFrame(columns)


def _capped(problem: DecisionProblem, capped: np.ndarray, excess_years: np.ndarray) -> pd.DataFrame:
    """How often, and by how much, PFS exceeded OS before it was capped."""
    frame = pd.DataFrame(
        {
            "strategy": list(problem.strategies),
            "share_of_draws": (capped > 0).mean(axis=0),
            "share_of_draw_months": capped.mean(axis=0) / len(problem.time),
            "mean_excess_life_years": excess_years.mean(axis=0),
        }
    )
    # Curves cannot cross in the other models.
    return frame if problem.settings.model == PARTITIONED else frame[:0]


def _crossing(problem: DecisionProblem) -> str:
    names = [endpoint.upper() for endpoint in problem.settings.endpoints]
    if len(names) == 2:
        return f"{names[0]} exceeded {names[1]} and was capped at {names[1]}"
    return f"one of {', '.join(names[:-1])} exceeded the next endpoint and was capped at it"


def _years(value: float) -> str:
    return f"{value:.2f}" if value >= 0.005 else "less than 0.01"


def _warnings(
    problem: DecisionProblem, capped: pd.DataFrame, totals: Totals, most: float
) -> tuple[str, ...]:
    """What is legal but must be read.

    Raises
    ------
    ModelError
        When more than this share of the marginal hazard ratios cannot be reached.
    """
    found = [
        f"{problem.strategies[row.strategy].label}: {_crossing(problem)}, by "
        f"{_years(row.mean_excess_life_years)} life years on average ({row.share_of_draw_months:.1%} of "
        f"draw-months over the whole horizon, {row.share_of_draws:.1%} of draws). Survival is unaffected; "
        "time in the earlier states is that much shorter than fitted."
        for row in capped.itertuples()
        if row.share_of_draws > 0
    ]
    n = len(totals.outcomes)
    if n == problem.settings.draws:  # not for the cases of a sensitivity analysis
        found += step_length.remarks(problem)
    return (*found, *out_of_reach(problem, n, totals.unattained, totals.too_low, most))
