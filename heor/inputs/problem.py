"""The types a decision problem is made of. Frozen: made once by `load`, never mutated.

Inside, time is in years, rates are per year and money is in the country's currency at its
price year. Units are converted in `heor.inputs` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from heor.archive import ADDED
from heor.inputs.curve_types import CurveInput, Opinion
from heor.inputs.curve_types import EarlyFailure as EarlyFailure
from heor.inputs.curve_types import FittedCurve as FittedCurve
from heor.inputs.curve_types import RatioAbove as RatioAbove
from heor.inputs.curve_types import RatioUntil as RatioUntil
from heor.inputs.curve_types import RelativeCurve as RelativeCurve
from heor.inputs.curve_types import SeriesCurve as SeriesCurve
from heor.inputs.study import Study
from heor.inputs.trial import Trial
from heor.inputs.what_if import WhatIf
from heor.streams import PSEUDO_RANDOM, Streams, most_replicates

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
    are what the file says, in `unit`, money in that of the run: `conversion` shows how it became so.
    `transfer` is what it asks of another country (country, adjust, keep), `donor` the country whose
    value stands in, `value_set` the key of the set a utility was valued with.
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
    transfer: str = ""
    value_set: str | None = None
    donor: str | None = None
    conversion: tuple[str, ...] = ()

    @property
    def is_fixed(self) -> bool:
        return self.distribution == "fixed"

    @property
    def is_fixed_on_purpose(self) -> bool:
        """Fixed for this run, by a scenario or --set."""
        return self.is_fixed and self.origin.layer in ("scenario", "override")


#: Columns that hold the last time of evidence, by what its form has.
LAST_TIMES = ("end", "time", "click_time")


@dataclass(frozen=True)
class SurvivalEvidence:
    """Time-to-event evidence. Times in years.

    What `table` holds, by form:

    `grouped`: `start`, `end`, `n_at_risk`, `n_events`, `n_censored`, one row an interval
    (start, end]. `individual`: `time`, `event`, `entry`, `weight` and `x_<name>` of each
    covariate, one row a patient. `landmark`: `start`, `end`, `n`, `survivors` of each interval
    between landmarks (n need not be whole; it may be effective) with `time` and `survival` as
    published. `counts` (a registry's): the same without `time` and `survival`. `published_curve`:
    the clicks `click_time`, `click_survival` and the risk table `risk_time`, `risk_n` where there
    is one; the survival layer reconstructs the patients.

    `age` and `share_male` describe the patients, for background mortality; `external` names
    counts or landmarks that inform the same curve.
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
    external: tuple[str, ...] = ()
    patients: int | None = None
    total_events: int | None = None

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates of individual data."""
        return tuple(k.removeprefix("x_") for k in self.table if k.startswith("x_"))

    @property
    def n(self) -> int:
        """Patients; of registry counts the most that one row follows."""
        if self.form == "individual":
            return len(self.table["time"])
        if self.form == "published_curve":
            return self.patients or 0
        key = "n_at_risk" if self.form == "grouped" else "n"
        return int(round(float(np.max(self.table[key], initial=0))))

    @property
    def events(self) -> int:
        """Events; of landmarks and curves without a total, those their survival implies."""
        table = self.table
        if self.form in ("grouped", "individual"):
            return int(np.sum(table["n_events" if self.form == "grouped" else "event"]))
        if self.form == "published_curve":
            last = float(table["click_survival"].min())
            share = 1 - (last / 100 if table["click_survival"].max() > 2 else last)
            return int(round(self.n * share)) if self.total_events is None else self.total_events
        return int(round(float(np.sum(table["n"] - table["survivors"]))))

    @property
    def last_time(self) -> float:
        """Years; of landmarks and curves the last that was read."""
        return float(next(self.table[k].max() for k in LAST_TIMES if k in self.table))

    @property
    def has_events(self) -> bool:
        """Whether anybody has the event, weights and parts of a patient included."""
        table = self.table
        if self.form == "individual":
            return bool((table["event"] * table["weight"] > 0).any())
        if self.form == "grouped":
            return bool((table["n_events"] > 0).any())
        if self.form == "published_curve":
            return self.events > 0
        return bool((table["survivors"] < table["n"]).any())


@dataclass(frozen=True)
class LifeTable:
    """Probability of dying within a year, by single year of age and sex.

    `closing` is what the country says of the ages after the last: `certain_death`,
    `constant_hazard`, or nothing.
    """

    age: np.ndarray
    q_male: np.ndarray
    q_female: np.ndarray
    source: tuple[str, ...]
    origin: Origin
    closing: str | None = None


@dataclass(frozen=True)
class UtilityNorms:
    """Population utility by age, and the QALYs left where a table of them is published.

    `utility` is of both sexes together; `by_sex` holds men's and women's where they are published
    apart. `remaining_qalys` None: computed from life table and norms.
    """

    age: np.ndarray
    utility: np.ndarray
    remaining_qalys: np.ndarray | None
    source: tuple[str, ...]
    origin: Origin
    by_sex: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True)
class DiscountBand:
    start: float
    end: float | None
    rate: float


@dataclass(frozen=True)
class SeverityBand:
    """A class of severity: the lower edges it is reached at, and what it gives.

    `absolute` is in QALYs, `proportional` a share; None where the class is not reached by that
    measure. `threshold` (money per QALY) is None below the first reference value.
    """

    absolute: float | None
    proportional: float | None
    weight: float
    threshold: float | None


@dataclass(frozen=True)
class Country:
    """Who decides and by which rules, those in force on `as_of` in `programme`.

    `currency` and `price_year` are of the run; `own_currency` is the country's, which differs where
    nothing could be converted. `threshold_kind` is `official`, `customary` or `asked`; without a verdict
    `none`, or `unusable` (in money that the costs cannot be converted to).
    `per_donor_money` is the donor's money (as written) and how much of the run's money one unit of it is.
    `cautions` are to be read before any result; `borrowed` says which country each block is from that
    is not its own.
    """

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
    discount_timing: str = "annual_effective"
    severity_discounted: bool = False
    severity_weight_on: str = "threshold"
    iso3: str = ""
    own_currency: str = ""
    guideline: str = ""
    asks: Mapping[str, str] = field(default_factory=dict)
    programme: str | None = None
    programme_label: str = ""
    as_of: date | None = None
    threshold_kind: str = "official"
    value_set_key: str = ""
    ceac_maximum: float | None = None
    per_donor_money: tuple[str, float] | None = None
    borrowed: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def is_unverified(self, block: str) -> bool:
        """Whether a block of its rules, or part of it, was not verified in its source."""
        return any(name.split(" ")[0] == block for name in self.unverified)

    @property
    def has_verdict(self) -> bool:
        """Whether its own thresholds are used, so that results may be called worth their cost or not."""
        return self.threshold_kind not in ("none", "unusable")


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
    """A statement of Gaussian-copula correlation: a group of parameters, a pair, or a whole matrix.

    `correlation` names the parameter whose mean it is. `scale` says what the correlation is of: `normal`
    scores, or `rank` (Spearman). `matrix`, dims (name, name), holds the correlations of `names` from a
    covariance file. All statements together make one matrix: see `heor.inputs.correlations`.
    """

    correlation: str | None
    group: str | None = None
    pair: tuple[str, str] | None = None
    scale: str = "normal"
    names: tuple[str, ...] = ()
    matrix: np.ndarray | None = None
    name: str = field(default="", metadata=ADDED)

    def of_normal_scores(self, correlation: float) -> float:
        """Correlation of normal scores that gives the one asked for.

        >>> round(Correlation("rho", scale="rank").of_normal_scores(0.5), 3)
        0.518
        """
        return correlation if self.scale == "normal" else float(2 * np.sin(np.pi * correlation / 6))


@dataclass(frozen=True)
class Exposure:
    """Who is exposed, when and how much: person-years in a state, or persons at an event.

    Exactly one of `state`, `flow`, `at`, `sum_of` (other exposures added up) and `after` is given.
    `among` restricts to a group of the strategy. The window [`from_time`, `until`) and `share` are
    expressions; it counts from time zero, or with `clock` "state" from entry into the state. `less`
    names exposures whose part inside this one's window is left out. `after` names an exposure to
    events: the years lived in the time `lasting` after them. `before` with a flow: the years lived
    in the time before the event.
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
    clock: str = "start"
    after: str | None = None
    lasting: str = "0"
    before: str = "0"

    @property
    def expressions(self) -> tuple[str, ...]:
        """What its size and its times are read from."""
        texts = self.share, self.from_time, self.until, self.at, self.lasting, self.before
        return tuple(text for text in texts if text is not None)

    @property
    def parts(self) -> tuple[str, ...]:
        """Other exposures this one is made of."""
        return (*self.less, *self.sum_of, *((self.after,) if self.after else ()))


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
class TransitionInput:
    """How often a state is left for another: `rate` per year, or `probability` of a period.

    Expressions of parameters and of `CLOCKS`; `hazard_ratio` of parameters and covariates. `per` is
    the period of a probability in years; None is the model's cycle.
    """

    origin: str
    target: str
    rate: str | None = None
    probability: str | None = None
    hazard_ratio: str = "1"
    per: float | None = field(default=None, metadata=ADDED)

    @property
    def expression(self) -> str:
        found = self.rate if self.rate is not None else self.probability
        assert found is not None  # the inputs are checked
        return found

    @property
    def name(self) -> str:
        return f"{self.origin} -> {self.target}"


#: What a declared transition may use besides parameters: years since the start, age, years since
#: entry into the state, and the population's mortality rate at that age (per year).
CLOCKS = ("time", "age", "time_in_state", "background")


@dataclass(frozen=True)
class Strategy:
    name: str
    label: str
    curves: Mapping[str, CurveInput]
    exposures: Mapping[str, Exposure]
    costs: Mapping[str, CostItem]
    utilities: Mapping[str, UtilityItem]
    groups: Mapping[str, str] = field(default_factory=dict)
    cured_group: str | None = None
    after_progression: str = "1"
    phases: Mapping[str, str] = field(default_factory=dict)
    of_which: Mapping[str, str] = field(default_factory=dict)
    transitions: tuple[TransitionInput, ...] = ()
    start: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True)
class DecisionProblem:
    """Everything an analysis needs, checked. Made by `heor.load`.

    `covariates`: name → value of each patient of the individual model, dims (patient,). `trial`: the
    one whose value is asked for. `prices`: parameters whose value-based price is shown.
    `evidence_life_table`: of the patients of the evidence, None: the country's own. `allow_generic`:
    whether stand-ins for what the country must supply were allowed. `study`: what its authors state.
    """

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
    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)
    trial: Trial | None = None
    prices: tuple[str, ...] = ()
    what_if: tuple[WhatIf, ...] = ()
    evidence_life_table: LifeTable | None = None
    allow_generic: bool = False
    study: Study = Study()

    @property
    def trial_life_table(self) -> LifeTable:
        """Background mortality of the evidence's patients: the same in every country's run."""
        return self.evidence_life_table or self.country.life_table

    @property
    def replicates(self) -> int:
        """Equal blocks of draws, independent of each other: 1 for independent draws."""
        settings = self.settings
        if settings.sampling == PSEUDO_RANDOM:
            return 1
        return most_replicates(settings.draws, settings.replicates)

    @property
    def streams(self) -> Streams:
        """The random numbers of a run."""
        settings = self.settings
        return Streams(settings.seed, settings.sampling, self.replicates)

    @property
    def strategies_with_curves(self) -> list[Strategy]:
        """Those whose survival is given by curves, not by declared transitions."""
        return [s for s in self.strategies.values() if s.curves]

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
        """Cycle boundaries in years, from 0 to the horizon. Dims: time.

        The last cycle is shorter where cycles do not fill the horizon.
        """
        cycles = int(self.horizon / self.settings.cycle + 1e-9)
        time = np.arange(cycles + 1) * self.settings.cycle
        return time if self.horizon - time[-1] < 1e-9 else np.append(time, self.horizon)

    def origin(self, name: str) -> Origin:
        """Where `name` (a parameter or a dotted setting) was last set."""
        if name in self.parameters:
            return self.parameters[name].origin
        return self.origins[name]
