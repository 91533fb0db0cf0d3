"""What the blocks of one problem add up to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from heor.occupancy import step_length
from heor.outcomes.outcomes import Outcomes
from heor.problem.curve_types import RelativeCurve
from heor.problem.problem import DecisionProblem
from heor.simulation.accrual import PLAIN
from heor.simulation.blocks import Block, endpoints_of
from heor.survival.curves.attained import out_of_reach
from heor.survival.curves.marginal import LOWEST_RATIO
from heor.usage.structures import PARTITIONED

UNATTAINED = 0.01  # share of draws whose marginal hazard ratio may be out of reach


@dataclass
class Totals:
    """What the blocks of one problem add up to."""

    hazard_ratios: np.ndarray  # (draw, strategy, endpoint)
    capped: np.ndarray  # (draw, strategy)
    excess_years: np.ndarray  # (draw, strategy)
    occupancy: np.ndarray  # (strategy, time, state)
    survival: np.ndarray  # (draw, strategy, time)
    exposures: dict[tuple[str, str], float]
    curves: list[np.ndarray]
    histories: list[pd.DataFrame]
    unattained: int = 0
    too_low: int = 0  # of these, draws whose ratio the population's mortality does not allow

    @classmethod
    def empty(cls, problem: DecisionProblem, n: int, follow_up: float = 0.0) -> Totals:
        """`follow_up`: years for which survival is kept in every draw."""
        strategies, settings = len(problem.strategies), problem.settings
        boundaries = int(np.searchsorted(problem.time, follow_up)) + 1 if follow_up else 0
        return cls(
            hazard_ratios=np.empty((n, strategies, len(settings.endpoints))),
            capped=np.zeros((n, strategies), int),
            excess_years=np.zeros((n, strategies)),
            occupancy=np.zeros((strategies, len(problem.time), len(settings.states))),
            survival=np.empty((n, strategies, min(boundaries, len(problem.time))), np.float32),
            exposures={(s.name, e): 0.0 for s in problem.strategies.values() for e in s.exposures},
            curves=[],
            histories=[],
        )

    def add(self, problem: DecisionProblem, rows: slice, block: Block) -> None:
        """Add a block of draws."""
        unattained = np.zeros(rows.stop - rows.start, bool)
        too_low = unattained.copy()
        for k, (name, own) in enumerate(block.items()):
            self.hazard_ratios[rows, k], self.capped[rows, k] = own.hazard_ratios, own.capped
            self.excess_years[rows, k] = own.excess_years
            self.survival[rows, k] = own.survival[:, : self.survival.shape[2]]
            self.occupancy[k] += own.occupancy
            for i, exposure in enumerate(problem.strategies[name].exposures):
                self.exposures[name, exposure] += own.measured[:, i, PLAIN].sum()
            missed = ~own.attained
            unattained |= missed.any(axis=1)
            too_low |= (missed & (own.hazard_ratios <= LOWEST_RATIO)).any(axis=1)
            if own.histories is not None:
                self.histories.append(own.histories)
        self.unattained += int(unattained.sum())
        self.too_low += int(too_low.sum())
        shown = [own.curves for own in block.values() if own.curves is not None]
        if shown:
            self.curves.append(np.stack(shown, axis=1))

    def simulation(
        self, problem: DecisionProblem, outcomes: Outcomes, unattained_most: float
    ) -> Simulation:
        """The simulation, with the outcomes its exposures were valued at.

        Raises
        ------
        ModelError
            When more than this share of the marginal hazard ratios cannot be reached.
        """
        settings, n, strategies = problem.settings, outcomes.n, list(problem.strategies)
        capped = _capped(problem, self.capped, self.excess_years)
        return Simulation(
            outcomes=outcomes,
            curves=_bands(problem, np.concatenate(self.curves)),
            occupancy=xr.DataArray(
                self.occupancy / n,
                dims=("strategy", "time", "state"),
                coords={"strategy": strategies, "state": list(settings.states)},
            ),
            hazard_ratios=_ratio_table(problem, self.hazard_ratios),
            capped=capped,
            exposures=pd.DataFrame(
                [(*key, total / n) for key, total in self.exposures.items()],
                columns=["strategy", "exposure", "mean"],
            ),
            unattained=self.unattained,
            survival=self.survival if self.survival.shape[2] else None,
            histories=pd.concat(self.histories, ignore_index=True)
            if self.histories
            else pd.DataFrame(),
            warnings=_warnings(problem, n, capped, self, unattained_most),
        )


def _bands(problem: DecisionProblem, curves: np.ndarray) -> xr.Dataset:
    """Mean and 95 % band of the curves kept. Dims: (strategy, endpoint, time)."""
    dims = ("strategy", "endpoint", "time")
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    dataset = xr.Dataset(
        {"mean": (dims, curves.mean(axis=0)), "low": (dims, low), "high": (dims, high)},
        coords={"strategy": list(problem.strategies), "endpoint": list(endpoints_of(problem))},
    )
    return dataset.assign_attrs(draws=len(curves), time_unit="years")


def _ratio_table(problem: DecisionProblem, ratios: np.ndarray) -> pd.DataFrame:
    """Uncured hazard ratios by draw, of relative curves on which one ratio acts."""
    columns = {
        f"{name}_{endpoint}": ratios[:, i, k]
        for i, (name, strategy) in enumerate(problem.strategies.items())
        for k, endpoint in enumerate(endpoints_of(problem))
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
    problem: DecisionProblem, n: int, capped: pd.DataFrame, totals: Totals, most: float
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
    if n == problem.settings.draws:  # not for the cases of a sensitivity analysis
        found += step_length.remarks(problem)
    return (*found, *out_of_reach(problem, n, totals.unattained, totals.too_low, most))


@dataclass(frozen=True)
class Simulation:
    """Curves, occupancy and outcomes of one problem on one set of draws.

    Attributes
    ----------
    outcomes : Outcomes, dims (draw, strategy, component)
    curves : Dataset, dims (strategy, endpoint, time)
        `mean`, `low`, `high` (95 %) of OS and PFS over the first `curve_draws` draws.
    occupancy : DataArray, dims (strategy, time, state)
        Mean over all draws.
    hazard_ratios : DataFrame
        `strategy, endpoint, marginal, uncured` per draw.
    capped : DataFrame
        `strategy, share_of_draws, share_of_draw_months, mean_excess_life_years` where PFS exceeded OS;
        empty where the model's curves cannot cross.
    exposures : DataFrame
        `strategy, exposure, mean`: undiscounted years (or events) a patient, mean over draws.
    histories : DataFrame
        `draw, patient, state, entry, exit, next_state, strategy` of the first draws an individual
        model was asked to keep (times in years); empty otherwise.
    survival : ndarray or None, dims (draw, strategy, time)
        All-cause survival at the first cycle boundaries, as far as a trial needs it.
    unattained : int
        Draws in which no uncured hazard ratio gave the marginal one.
    warnings : tuple of str
        What must be read.
    """

    outcomes: Outcomes
    curves: xr.Dataset
    occupancy: xr.DataArray
    hazard_ratios: pd.DataFrame
    capped: pd.DataFrame
    exposures: pd.DataFrame
    unattained: int
    histories: pd.DataFrame = field(default_factory=pd.DataFrame)
    survival: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
