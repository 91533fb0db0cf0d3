"""The types a decision problem is made of. Frozen: made once by `load`, never mutated.

Inside, time is in years, rates are per year and money is in the country's currency at its
price year. Units are converted in `heor.inputs` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MONTHS_PER_YEAR = 12.0

STATUSES = (
    "published",
    "trial",
    "derived",
    "expert",
    "assumption",
    "to_verify",
    "placeholder",
)
UNCERTAIN_STATUSES = ("expert", "assumption", "to_verify", "placeholder")


@dataclass(frozen=True)
class Origin:
    """Where a value came from, and what it replaced."""

    file: str
    line: int | None = None
    layer: str = "model"
    replaced: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Source:
    """One entry of `sources.yaml`."""

    key: str
    title: str
    doi: str | None = None
    url: str | None = None
    accessed: str | None = None
    licence: str | None = None
    verified: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Parameter:
    """One uncertain number.

    `mean` and `se` are in the internal unit (years, per year); `entered_mean` and `entered_se`
    are what the file says, in `unit`.
    """

    name: str
    description: str
    mean: float
    se: float
    distribution: str
    unit: str
    status: str
    source: tuple[str, ...]
    origin: Origin
    arguments: tuple[str, ...] = ()
    entered_mean: float = 0.0
    entered_se: float = 0.0
    currency: str | None = None
    price_year: int | None = None
    evidence: str = ""
    correlation_group: str | None = None
    note: str = ""

    @property
    def is_fixed(self) -> bool:
        return self.distribution == "fixed"


@dataclass(frozen=True)
class SurvivalEvidence:
    """Time-to-event evidence. Times in years.

    form `grouped`: `start`, `end`, `n_at_risk`, `n_events`, `n_censored`, one row an interval
    (start, end]. form `individual`: `time`, `event`, `entry`, `weight`, one row a patient.
    `age` and `share_male` describe the patients, for background mortality.
    """

    name: str
    label: str
    endpoint: str
    form: str
    table: Mapping[str, np.ndarray]
    source: tuple[str, ...]
    status: str
    origin: Origin
    age: float | None = None
    share_male: float | None = None
    note: str = ""

    @property
    def n(self) -> int:
        if self.form == "grouped":
            return int(self.table["n_at_risk"][0])
        return len(self.table["time"])

    @property
    def events(self) -> int:
        key = "n_events" if self.form == "grouped" else "event"
        return int(np.sum(self.table[key]))


@dataclass(frozen=True)
class LifeTable:
    """Probability of dying within a year, by single year of age and sex."""

    age: np.ndarray
    q_male: np.ndarray
    q_female: np.ndarray
    source: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True)
class UtilityNorms:
    """Population utility and remaining life and QALYs by age (unisex, national value set)."""

    age: np.ndarray
    utility: np.ndarray
    remaining_qalys: np.ndarray
    source: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True)
class DiscountBand:
    start: float
    end: float | None
    rate: float


@dataclass(frozen=True)
class SeverityBand:
    """Absolute shortfall in [lower, upper) gives this weight and threshold."""

    lower: float
    upper: float | None
    weight: float
    threshold: float


@dataclass(frozen=True)
class Country:
    name: str
    label: str
    iso2: str
    currency: str
    price_year: int
    agency: str
    perspective: str
    streams: tuple[str, ...]
    discount_costs: tuple[DiscountBand, ...]
    discount_effects: tuple[DiscountBand, ...]
    thresholds: tuple[float, ...]
    severity_rule: str | None
    severity_bands: tuple[SeverityBand, ...]
    value_set: str
    life_table: LifeTable
    norms: UtilityNorms
    source: tuple[str, ...]
    unverified: tuple[str, ...] = ()


@dataclass(frozen=True)
class Synthesis:
    """Random-effects pooling of study estimates into one drawn parameter.

    `studies` are parameter names (normal, on the same scale); `between_study_sd` is the name of
    the half-normal prior's parameter or None (common effect); `use` is `predictive` (a new
    setting) or `mean`; `shift` is an expression added afterwards.
    """

    name: str
    label: str
    studies: tuple[str, ...]
    between_study_sd: str | None
    use: str
    shift: str
    unit: str


@dataclass(frozen=True)
class Correlation:
    """Gaussian-copula correlation: a one-factor group of parameters, or a pair."""

    correlation: str
    group: str | None = None
    pair: tuple[str, str] | None = None


@dataclass(frozen=True)
class FittedCurve:
    """Survival fitted to evidence; `multiplier` acts on the excess hazard only."""

    evidence: str
    distributions: tuple[str, ...]
    multiplier: str = "1"


@dataclass(frozen=True)
class RelativeCurve:
    """Survival relative to another strategy's uncured excess hazard.

    Exactly one of `marginal_hazard_ratio` (what a trial reports: solved for the uncured in every
    draw) and `uncured_hazard_ratio` (acts on the uncured directly) is given.
    """

    relative_to: str
    window: str
    marginal_hazard_ratio: str | None = None
    uncured_hazard_ratio: str | None = None
    cured_fraction: str = "0"
    cured_mortality_ratio: str = "1"
    effect_ends: str | None = None
    operative_mortality: str = "0"
    operative_time: str = "0"


@dataclass(frozen=True)
class Exposure:
    """Who is exposed, when and how much: person-years in a state, or persons at an event.

    Exactly one of `state`, `flow`, `at` and `sum_of` (other exposures added up) is given. `among` restricts to a group of the
    strategy. The window [`from_time`, `until`) and `share` are expressions; `less` names
    exposures whose part inside this one's window is left out.
    """

    name: str
    state: str | None = None
    flow: str | None = None
    at: str | None = None
    among: str | None = None
    share: str = "1"
    from_time: str = "0"
    until: str | None = None
    less: tuple[str, ...] = ()
    sum_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class CostItem:
    """`amount` money for each unit of an exposure (person-year, event or person)."""

    name: str
    exposure: str
    amount: str
    category: str
    stream: str = "health_service"


@dataclass(frozen=True)
class UtilityItem:
    """Utility of an exposure: norm(age) × `multiplier`, minus `decrement`, minus `qaly_loss`.

    `multiplier` and `decrement` act per year of exposure; `qaly_loss` once per event.
    `norm_loss` is years of the norm lost per event (a multiplier difference × duration).
    """

    name: str
    exposure: str
    multiplier: str | None = None
    decrement: str | None = None
    qaly_loss: str | None = None
    norm_loss: str | None = None


@dataclass(frozen=True)
class Strategy:
    name: str
    label: str
    curves: Mapping[str, FittedCurve | RelativeCurve]
    exposures: Mapping[str, Exposure]
    costs: Mapping[str, CostItem]
    utilities: Mapping[str, UtilityItem]
    groups: Mapping[str, str] = field(default_factory=dict)
    cured_group: str | None = None


@dataclass(frozen=True)
class FitSettings:
    """How posteriors are computed. `quick` means Laplace + PSIS instead of NUTS."""

    chains: int = 4
    draws: int = 1250
    tune: int = 500
    target_accept: float = 0.9
    r_hat_max: float = 1.01
    ess_min: float = 400.0
    divergences_max: int = 0
    quick: bool = False


@dataclass(frozen=True)
class Settings:
    model: str
    states: tuple[str, ...]
    comparator: str
    intervention: str
    cycle: float
    end_age: float
    draws: int
    seed: int
    extrapolation: str
    categories: Mapping[str, str]
    fit: FitSettings
    chunk: int = 400
    curve_draws: int = 1200
    ceac_thresholds: tuple[float, float, int] = (0.0, 1_500_000.0, 301)


@dataclass(frozen=True)
class DecisionProblem:
    """Everything an analysis needs, checked. Made by `heor.load`."""

    title: str
    question: str
    settings: Settings
    country: Country
    strategies: Mapping[str, Strategy]
    parameters: Mapping[str, Parameter]
    derived: Mapping[str, str]
    syntheses: Mapping[str, Synthesis]
    correlations: tuple[Correlation, ...]
    evidence: Mapping[str, SurvivalEvidence]
    sources: Mapping[str, Source]
    origins: Mapping[str, Origin]
    companions: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    scenario: str | None = None
    scenario_label: str = "Base case"
    scenario_why: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    input_hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def start_age(self) -> float:
        return self.parameters["start_age"].mean

    @property
    def share_male(self) -> float:
        return self.parameters["share_male"].mean

    @property
    def horizon(self) -> float:
        """Years from time zero to `end_age`."""
        return self.settings.end_age - self.start_age

    @property
    def time(self) -> np.ndarray:
        """Cycle boundaries in years, from 0 to the horizon. Dims: time."""
        cycles = int(round(self.horizon / self.settings.cycle))
        return np.arange(cycles + 1) * self.settings.cycle

    def origin(self, name: str) -> Origin:
        """Where `name` (a parameter or a dotted setting) was last set."""
        if name in self.parameters:
            return self.parameters[name].origin
        return self.origins[name]
