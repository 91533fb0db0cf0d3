"""How a problem is fitted, simulated and averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FitSettings:
    """How posteriors are computed. `quick` means Laplace + PSIS instead of NUTS.

    `accept` holds `evidence/family` of fits whose failed diagnostics the analyst accepts by name;
    `screen`: Laplace for all families, NUTS for those with stacking weight; `priors` is
    `standard`, `wide` or `narrow`.
    """

    chains: int = 4
    draws: int = 1250
    tune: int = 500
    target_accept: float = 0.9
    r_hat_max: float = 1.01
    ess_min: float = 400.0
    divergences_max: int = 0
    quick: bool = False
    accept: tuple[str, ...] = ()
    screen: bool = False
    priors: str = "standard"


@dataclass(frozen=True)
class Average:
    """Scenarios averaged with weights that add up to 1; `base` is the base case."""

    name: str
    label: str
    why: str
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Settings:
    """How the problem is evaluated.

    `endpoints` stand in the order of the states they end: the last is death. Models whose inputs
    declare transitions have no other.
    """

    model: str
    states: tuple[str, ...]
    endpoints: tuple[str, ...]
    comparator: str
    intervention: str
    cycle: float
    end_age: float
    draws: int
    seed: int
    extrapolation: str
    categories: Mapping[str, str]
    fit: FitSettings
    within_cycle: str = "trapezoid"
    sampling: str = "pseudo_random"
    replicates: int = 16
    structures: tuple[str, ...] = ()
    patients: int = 1000
    histories: int = 0
    chunk: int = 400
    curve_draws: int = 1200
    ceac_thresholds: tuple[float, float, int] = (0.0, 1_500_000.0, 301)
    information: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    averages: Mapping[str, Average] = field(default_factory=dict)

    @property
    def roles(self) -> tuple[str, str]:
        """Comparator and intervention."""
        return self.comparator, self.intervention
