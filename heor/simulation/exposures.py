"""What was done and lived through: person-years and events, by draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from heor.simulation.accrual import WEIGHTS


@dataclass(frozen=True)
class Exposures:
    """Person-years in states and persons at events, of every strategy in every draw.

    Costs and QALYs are linear in prices, multipliers and decrements once these are known.

    Attributes
    ----------
    names : dict
        Strategy → its exposures.
    measured : dict
        Strategy → years or events a patient. Dims: (draw, exposure, weight); the weights are `WEIGHTS`
        and, undiscounted, what falls into each model year that was asked for.
    alive : dict
        Strategy → years alive. Dims: (draw, weight).
    """

    names: Mapping[str, tuple[str, ...]]
    measured: Mapping[str, np.ndarray]
    alive: Mapping[str, np.ndarray]

    @property
    def n(self) -> int:
        """Number of draws."""
        return len(next(iter(self.alive.values())))

    def of(self, strategy: str) -> dict[str, np.ndarray]:
        """Exposures of a strategy by name. Dims of each: (draw, weight)."""
        measured = self.measured[strategy]
        return {name: measured[:, k] for k, name in enumerate(self.names[strategy])}

    def by_year(self, strategy: str) -> np.ndarray:
        """Undiscounted exposures of each model year. Dims: (draw, exposure, year)."""
        return self.measured[strategy][:, :, len(WEIGHTS) :]

    def taken(self, rows: np.ndarray | slice) -> Exposures:
        """Some draws, in this order; a draw may come several times."""
        return Exposures(
            self.names,
            {name: own[rows] for name, own in self.measured.items()},
            {name: own[rows] for name, own in self.alive.items()},
        )
