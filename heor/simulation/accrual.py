"""What a unit of time or an event weighs: discounted for costs, for effects, times the norm, or plain."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from heor.occupancy.state_occupancy import StateOccupancy, Table
from heor.outcomes.discounting import covered, discount_factor, quadrature
from heor.outcomes.norms import norm
from heor.problem.problem import DecisionProblem

#: Columns of the weight matrix; the model years that are asked for follow them, undiscounted.
WEIGHTS = ("cost", "effect", "effect_norm", "plain", "plain_norm")
COST, EFFECT, EFFECT_NORM, PLAIN, PLAIN_NORM = range(5)
#: Steps (years) of the tables for event histories; an eighth of a month.
FINE = 1 / 96


@dataclass(frozen=True)
class Accrual:
    """Weights of time points and cycles, the same for all draws.

    Attributes
    ----------
    time : ndarray, dims (time,)
    at : ndarray, dims (time, weight)
        Discount factor (times norm) at each cycle boundary.
    mid : ndarray, dims (cycle, weight)
        Their mean over each cycle: for events, which happen at any time within it.
    rule : csr_array, dims (cycle, time)
        Years of each cycle that count for the state at each boundary.
    years : ndarray, dims (cycle, model year)
        Share of each cycle inside each model year asked for.
    """

    time: np.ndarray
    at: np.ndarray
    mid: np.ndarray
    rule: csr_array
    years: np.ndarray
    problem: DecisionProblem

    @classmethod
    def of(cls, problem: DecisionProblem, years: int = 0) -> Accrual:
        """Weights of a problem; with `years`, also what falls into each of the first model years."""
        time, at = problem.time, weights_at(problem, problem.time)
        rule = quadrature(time, problem.settings.within_cycle)
        start = np.arange(years, dtype=float)
        inside = covered(time, start, start + 1).T
        return cls(time, at, 0.5 * (at[1:] + at[:-1]), rule, inside, problem)

    @property
    def width(self) -> int:
        """Number of weights, years among them."""
        return len(WEIGHTS) + self.years.shape[1]

    @cached_property
    def key(self) -> tuple[Hashable, ...]:
        """All that weights depend on: problems that agree in it weigh alike."""
        country, settings = self.problem.country, self.problem.settings
        norms = country.norms.age.tobytes(), country.norms.utility.tobytes()
        rates = *country.discount_costs, None, *country.discount_effects, country.discount_timing
        at = self.time.tobytes(), settings.within_cycle, self.problem.start_age
        return *at, *norms, *rates, self.years.shape

    def person_years(self, alive: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Years in a state, with every weight. Dims: (draw, weight).

        Parameters
        ----------
        alive : ndarray, dims (draw, time)
            In the state at the cycle boundaries, as a share of the cohort.
        share : ndarray, dims (draw, cycle), or (1, cycle) for all draws
            Part of each cycle that counts.
        """
        if self.problem.settings.within_cycle == "life_table":
            found = self._of_cycles(alive, share, self.mid)
        else:
            within = share @ self.rule
            if len(within) == 1:
                found = alive @ (within[0][:, None] * self.at)
            else:
                found = (alive * within) @ self.at
        if not self.years.size:
            return found
        return np.concatenate([found, self._of_cycles(alive, share, self.years)], axis=1)

    def _of_cycles(self, alive: np.ndarray, share: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Years in a state by a weight of cycles. Dims: (draw, weight)."""
        if len(share) == 1:
            return alive @ (self.rule.T @ (share[0][:, None] * weight))
        return ((self.rule @ alive.T).T * share) @ weight

    def events(self, flow: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Events, with every weight. Dims: (draw, cycle) of both to (draw, weight)."""
        found = [
            flow @ (share[0][:, None] * weight) if len(share) == 1 else (flow * share) @ weight
            for weight in (self.mid, self.years)
            if weight.size
        ]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def weights(self, time: np.ndarray) -> np.ndarray:
        """Every weight at given times. Dims: (time, weight)."""
        start = np.arange(self.years.shape[1])
        at = np.asarray(time)[:, None]
        inside = (at >= start) & (at < start + 1)
        return np.concatenate([weights_at(self.problem, time), inside], axis=1)

    @cached_property
    def integral(self) -> Table:
        """Every weight integrated from time zero, for event histories."""
        edges = FINE * np.arange(int(np.ceil(self.time[-1] / FINE)) + 2)
        at = self.weights(0.5 * (edges[1:] + edges[:-1]))
        return Table(FINE, np.concatenate([0 * at[:1], np.cumsum(FINE * at, axis=0)]))

    @cached_property
    def weight(self) -> Table:
        """Every weight at a time, for event histories."""
        return Table(FINE, self.weights(FINE * np.arange(len(self.integral.values))))

    def alive_years(self, occupancy: StateOccupancy) -> np.ndarray:
        """All time alive, with every weight. Dims: (draw, weight)."""
        if occupancy.patients is not None:
            return occupancy.patients.alive_years(self.integral)
        return self.all_years(1 - occupancy.states["dead"])

    def all_years(self, alive: np.ndarray) -> np.ndarray:
        """`person_years` over the whole horizon."""
        return self.person_years(alive, np.ones((1, len(self.time) - 1)))


def weights_at(problem: DecisionProblem, time: np.ndarray) -> np.ndarray:
    """The five weights at given times. Dims: (time, weight)."""
    country = problem.country
    cost = discount_factor(country.discount_costs, time, country.discount_timing)
    effect = discount_factor(country.discount_effects, time, country.discount_timing)
    population = norm(problem, time)
    return np.stack([cost, effect, effect * population, np.ones_like(cost), population], axis=1)
