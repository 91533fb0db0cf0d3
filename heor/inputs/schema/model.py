"""Every setting a YAML file may hold: type, range, meaning. Also exported as JSON Schema.

Unknown names are errors with a suggestion, so a misspelt setting never passes silently.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from heor import limits
from heor.inputs.schema.base import Amount, Expression, FileName, Model, Name, Status
from heor.inputs.schema.country import CountryModel, Currency
from heor.inputs.schema.decision import TrialModel, WhatIfModel
from heor.inputs.schema.survival import CurveModel, EvidenceModel, SurvivalSettings
from heor.problem.country import UNDATED

Structure = Literal["partitioned_survival", "state_transition", "semi_markov", "individual"]
#: A cycle's length: week, 3 months, ...
CYCLE = r"^([1-9]\d{0,3} )?(day|week|month|quarter|year)s?$"


# ---------------------------------------------------------------------------- analysis.yaml
class SynthesisModel(Model):
    label: str
    studies: list[str] = Field(min_length=1)
    between_study_sd: str | None = Field(None, description="half-normal parameter, or null: common")
    use: Literal["predictive", "mean"] = "predictive"
    shift: Expression = "0"
    unit: str = "log hazard ratio"


class CorrelationModel(Model):
    """A statement about correlation. All of them together are one matrix; what is not stated is 0."""

    correlation: str | None = Field(None, description="name of a parameter with unit correlation")
    group: str | None = None
    pair: list[str] | None = Field(None, min_length=2, max_length=2)
    covariance: FileName | None = Field(
        None,
        description="CSV in model/: covariances of normal and lognormal (log scale) parameters",
    )
    scale: Literal["normal", "rank"] = Field(
        "normal", description="what the correlation is of: normal scores, or ranks (Spearman)"
    )

    @model_validator(mode="after")
    def one_of(self) -> CorrelationModel:
        given = [self.group, self.pair, self.covariance]
        if sum(g is not None for g in given) != 1:
            raise ValueError("give exactly one of 'group', 'pair' and 'covariance'")
        if (self.correlation is None) != (self.covariance is not None):
            raise ValueError("'group' and 'pair' need a 'correlation', 'covariance' has its own")
        return self


class CovariatesModel(Model):
    """Patients who differ: numeric columns of a file in `model/`, one row a patient."""

    file: FileName
    columns: list[Name] = Field(min_length=1)


class AverageModel(Model):
    """Scenarios averaged with stated weights: a belief of the analyst, not a result."""

    label: str
    why: str
    weights: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        min_length=1, description="scenario, or base for the base case: weight; together 1"
    )

    @model_validator(mode="after")
    def one_in_all(self) -> AverageModel:
        total = sum(self.weights.values())
        # one in a million, and what adding up decimals loses: three thirds of six digits are one
        if abs(total - 1) > 1e-6 + 1e-12:
            raise ValueError(f"the weights add up to {total:g}; they must add up to 1")
        return self


class Analysis(Model):
    title: str
    question: str
    country: str = "norway"
    as_of: date = Field(UNDATED, description="day of the country's rules, unless --as-of says")
    draws: int = Field(5000, ge=50, le=limits.DRAWS)
    seed: int = Field(ge=0, lt=2**63)
    sampling: Literal["pseudo_random", "sobol"] = "pseudo_random"
    replicates: int = Field(
        16, ge=2, le=1000, description="of a Sobol sequence, for its Monte Carlo error"
    )
    model: Structure = "partitioned_survival"
    structures: list[Structure] = Field(
        [], description="evaluated with the model, on the same draws"
    )
    patients: int = Field(1000, ge=10, le=1_000_000, description="of each draw, individual model")
    covariates: CovariatesModel | None = Field(
        None, description="patients who differ, individual model of declared transitions"
    )
    histories: int = Field(
        0, ge=0, le=limits.DRAWS, description="draws whose event histories the run writes"
    )
    states: list[Name] = Field(min_length=2, description="in order; the last is dead")
    endpoints: list[Name] = Field(
        ["pfs", "os"],
        description="one fewer than the states: endpoint k is the time of leaving states 1 to k",
    )
    comparator: str
    intervention: str
    cycle: str = Field(
        "month",
        description="day, week, month, quarter or year, or a number of them: 2 weeks",
        json_schema_extra={"pattern": CYCLE},
    )
    within_cycle: Literal["trapezoid", "simpson", "life_table", "start", "end"] = "trapezoid"
    end_age: float = Field(100, gt=0, le=120)
    # Read only where strategies have curves, which must then give it: see checks.
    survival: SurvivalSettings = SurvivalSettings(
        distributions=["weibull"], extrapolation="weibull"
    )
    syntheses: dict[Name, SynthesisModel] = {}
    correlations: dict[Name, CorrelationModel] = {}
    derived: dict[Name, Expression] = {}
    categories: dict[Name, str]
    companions: list[str] = []
    averages: dict[Name, AverageModel] = Field(
        {}, description="scenarios averaged with weights, shown by heor scenarios --run"
    )
    information: dict[str, list[str]] = Field(
        {}, description="label: parameters whose joint value of information is shown"
    )
    prices: list[str] = Field([], description="parameters whose value-based price is shown")
    what_if: dict[Name, WhatIfModel] = Field(
        {}, description="net benefit over one quantity or two: what would have to be true"
    )
    trial: TrialModel | None = Field(None, description="the trial whose value is asked for")
    limits: list[str] = Field([], description="what a reader must know; printed in the report")

    @field_validator("cycle")
    @classmethod
    def a_length(cls, cycle: str) -> str:
        if not re.fullmatch(CYCLE, cycle):
            raise ValueError(
                "a cycle is a day, week, month, quarter or year, or a number of them (2 weeks)"
            )
        return cycle


# -------------------------------------------------------------------------- strategies.yaml
class ExposureModel(Model):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, populate_by_name=True)

    state: str | None = None
    flow: str | None = Field(
        None, description="progressions, cancer_deaths, or a declared transition: sick -> dead"
    )
    at: Expression | None = None
    sum_of: list[str] = []
    among: str | None = None
    share: Expression = "1"
    from_time: Expression = Field("0", alias="from")
    until: Expression | None = None
    less: list[str] = []
    clock: Literal["start", "state"] = "start"
    after: str | None = None
    lasting: Expression = "0"
    before: Expression = "0"

    @model_validator(mode="after")
    def one_of(self) -> ExposureModel:
        given = [getattr(self, k) is not None for k in ("state", "flow", "at", "after")]
        if sum(given) + bool(self.sum_of) != 1:
            raise ValueError("give exactly one of 'state', 'flow', 'at', 'sum_of' and 'after'")
        if (self.after is not None) != (self.lasting != "0"):
            raise ValueError("'after' and 'lasting' belong together")
        if self.less and (self.at is not None or self.sum_of or self.after is not None):
            raise ValueError("'less' goes with 'state' or 'flow'")
        if self.among is not None and not (self.state or self.flow):
            raise ValueError("'among' goes with 'state' or 'flow'")
        if self.before != "0" and self.flow is None:
            raise ValueError("'before' needs a 'flow'")
        if self.clock == "state" and self.state is None:
            raise ValueError("'clock: state' needs a 'state'")
        return self


class CostModel(Model):
    exposure: str
    amount: Amount
    category: str
    stream: Literal["health_service", "travel", "patient_time", "productivity"] = "health_service"


class UtilityModel(Model):
    exposure: str
    multiplier: Expression | None = None
    decrement: Expression | None = None
    qaly_loss: Expression | None = None
    norm_loss: Expression | None = None

    @model_validator(mode="after")
    def one_of(self) -> UtilityModel:
        given = [self.multiplier, self.decrement, self.qaly_loss, self.norm_loss]
        if sum(g is not None for g in given) != 1:
            raise ValueError(
                "give exactly one of 'multiplier', 'decrement', 'qaly_loss' and 'norm_loss'"
            )
        return self


class TransitionModel(Model):
    """Out of one state into another: a rate per year, or a probability of a period."""

    rate: Expression | None = None
    probability: Expression | None = None
    per: str | None = Field(
        None,
        description="what a probability is of: cycle, day, week, month, quarter or year, or a number of "
        "them: 2 weeks",
        json_schema_extra={"pattern": CYCLE.replace("(day", "(cycle|day")},
    )
    hazard_ratio: Expression = Field(
        "1", description="of a patient, by covariates x_<column>; individual model only"
    )

    @field_validator("per")
    @classmethod
    def a_period(cls, per: str | None) -> str | None:
        if per not in (None, "cycle") and not re.fullmatch(CYCLE, per):
            raise ValueError(
                "a probability is per cycle, day, week, month, quarter or year, or per a number of them "
                "(2 weeks)"
            )
        return per

    @model_validator(mode="after")
    def one_of(self) -> TransitionModel:
        if (self.rate is None) == (self.probability is None):
            raise ValueError(
                "give exactly one of 'rate' (per year) and 'probability' (of a period: 'per')"
            )
        if self.rate is None and self.hazard_ratio != "1":
            raise ValueError("'hazard_ratio' goes with 'rate'")
        if self.rate is not None and self.per is not None:
            raise ValueError("'per' goes with 'probability'; rates are per year")
        return self


class StrategyModel(Model):
    label: str
    groups: dict[Name, Expression] = {}
    transitions: dict[Name, dict[Name, TransitionModel]] = Field(
        {}, description="instead of curves: from state, to state, how often"
    )
    start: dict[Name, Expression] = Field(
        {}, description="share in each state at time zero; the first state when left out"
    )
    cured_group: str | None = None
    after_progression: Expression = Field(
        "1",
        description="hazard ratio of death after progression, against the strategy the PFS curve is "
        "relative to; state-transition, semi-Markov and individual models only",
    )
    curves: dict[Name, CurveModel] = {}
    exposures: dict[Name, ExposureModel]
    phases: dict[str, str] = Field({}, description="label: exposure; together the time alive")
    of_which: dict[str, str] = Field({}, description="label: exposure; within the time alive")
    costs: dict[Name, CostModel]
    utilities: dict[Name, UtilityModel]

    @model_validator(mode="after")
    def curves_or_transitions(self) -> StrategyModel:
        if bool(self.curves) == bool(self.transitions):
            raise ValueError("give 'curves' or 'transitions', and not both")
        return self


# ------------------------------------------------------------------------------- sources.yaml
class SourceModel(Model):
    title: str
    doi: str | None = None
    url: str | None = None
    accessed: Any = None
    licence: str | None = None
    verified: bool = False
    note: str | None = None


class ParameterOverride(Model):
    """What a scenario may change of a parameter; the rest stays."""

    mean: float | None = None
    se: float | None = Field(None, ge=0)
    distribution: str | None = None
    status: Status | None = None
    source: list[str] | None = None
    note: str | None = None
    currency: Currency | None = Field(
        None, description="of a cost, with its price_year: converted like a row of a file"
    )
    price_year: int | None = Field(None, ge=1990, le=2100)

    @model_validator(mode="after")
    def whole_price(self) -> ParameterOverride:
        labels = self.currency, self.price_year
        if any(labels) and (not all(labels) or self.mean is None):
            raise ValueError(
                "'currency' and 'price_year' go together, with a 'mean' they belong to"
            )
        return self


class Scenario(Model):
    label: str
    why: str
    based_on: list[str] = []
    parameters: dict[str, ParameterOverride] = {}
    analysis: dict[str, Any] = {}
    strategies: dict[str, Any] = {}


class Inputs(Model):
    """The overlaid whole: what the JSON Schema describes."""

    analysis: Analysis
    strategies: dict[Name, StrategyModel]
    country: CountryModel
    survival: dict[Name, EvidenceModel]
    sources: dict[Name, SourceModel]
