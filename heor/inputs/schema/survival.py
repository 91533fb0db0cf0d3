"""Settings of survival: how it is fitted, what evidence there is, what curve an endpoint has."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from heor import limits
from heor.inputs.schema.base import Expression, FileName, Model, Name, Status

PRIORS = ("standard", "wide", "narrow")


# ---------------------------------------------------------------------------- analysis.yaml
class OpinionModel(Model):
    """Expert opinion on the survival of a fitted curve at a time."""

    label: str
    evidence: str = Field(description="the evidence whose curve it is about")
    time: Expression = Field(description="years from randomisation, of parameters only")
    survival: str = Field(description="name of a parameter with distribution beta")
    multiplier: Expression = Field("1", description="acts on the excess hazard, parameters only")


class SurvivalSettings(Model):
    distributions: list[str] = Field(min_length=1, description="families fitted to each endpoint")
    extrapolation: str = Field(description="one family, or `stacked`")
    chains: int = Field(4, ge=2, le=16)
    draws_per_chain: int = Field(1250, ge=100, le=100_000)
    tune: int = Field(500, ge=100, le=20_000)
    target_accept: float = Field(0.9, gt=0.5, lt=1)
    r_hat_max: float = Field(1.01, gt=1, le=1.1)
    ess_min: float = Field(400, ge=100, le=1_000_000)
    divergences_max: int = Field(0, ge=0, le=1_000_000)
    accept: list[str] = Field(
        [], description="evidence/family of fits whose failed diagnostics are accepted"
    )
    screen: bool = Field(
        False, description="Laplace for all families, NUTS for those with stacking weight"
    )
    priors: Literal[PRIORS] = "standard"
    background: Name | None = Field(
        None,
        description="country whose mortality the patients of the evidence have, in runs of any country; "
        "null: that of the run",
    )
    opinions: dict[Name, OpinionModel | None] = Field(
        {}, description="expert opinions in the likelihood; null switches one off"
    )


# -------------------------------------------------------------------------- strategies.yaml
class RatioAboveModel(Model):
    above: Expression
    ratio: Expression


class RatioUntilModel(Model):
    until: Expression
    ratio: Expression


class EarlyFailureModel(Model):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, populate_by_name=True)

    start: Expression = Field(alias="from")
    until: Expression
    share: Expression
    among: Expression = "1"


#: The four ways to give the effect of a relative curve, and what each means.
EFFECTS = {
    "marginal_hazard_ratio": "what a trial reports",
    "uncured_hazard_ratio": "acts on the uncured",
    "hazard_ratio_by_control_survival": "by control survival",
    "hazard_ratio_by_time": "by time",
}
#: Settings of each kind of curve besides its defining one.
FITTED = ("evidence", "distributions", "multiplier", "at")
SERIES = ("starts", "share", "rest_as")
RELATIVE = (
    "relative_to",
    *EFFECTS,
    "window",
    "cured_fraction",
    "cured_mortality_ratio",
    "effect_wanes_from",
    "effect_ends",
    "early_failure",
    "operative_mortality",
    "operative_time",
)


class CurveModel(Model):
    """Survival of one endpoint.

    Fitted (`evidence`), an observational series (`evidence` with `starts`), or relative
    (`relative_to`). Settings of another kind must be absent or null.
    """

    evidence: str | None = None
    distributions: list[str] | None = Field(
        None,
        min_length=1,
        description="families of this curve; null: those of all. Where the lists of a strategy's endpoints "
        "differ, each endpoint has its own family in a draw",
    )
    multiplier: Expression | None = None
    at: dict[Name, Expression] | None = Field(None, description="covariate values")
    starts: Expression | None = Field(None, description="years; makes the curve a series")
    share: Expression | None = Field(None, description="who follows the series")
    rest_as: str | None = Field(None, description="strategy the rest follows")
    relative_to: str | None = None
    marginal_hazard_ratio: Expression | None = None
    uncured_hazard_ratio: Expression | None = None
    hazard_ratio_by_control_survival: list[RatioAboveModel] | None = Field(None, min_length=1)
    hazard_ratio_by_time: list[RatioUntilModel] | None = Field(None, min_length=1)
    window: Expression | None = None
    cured_fraction: Expression | None = None
    cured_mortality_ratio: Expression | None = None
    effect_wanes_from: Expression | None = None
    effect_ends: Expression | None = None
    early_failure: EarlyFailureModel | None = None
    operative_mortality: Expression | None = None
    operative_time: Expression | None = None

    @property
    def is_series(self) -> bool:
        return any(getattr(self, name) is not None for name in SERIES)

    @model_validator(mode="after")
    def one_kind(self) -> CurveModel:
        if (self.evidence is None) == (self.relative_to is None):
            raise ValueError(
                "give exactly one of 'evidence' and 'relative_to'; set the other to null"
            )
        kind, others = ("evidence", RELATIVE)
        if self.relative_to is not None:
            kind, others = "relative_to", (*FITTED, *SERIES)
        foreign = [name for name in others if getattr(self, name) is not None]
        if foreign:
            raise ValueError(
                f"{', '.join(map(repr, foreign))} cannot go with '{kind}'; set to null"
            )
        if self.is_series and self.share not in (None, "1") and self.rest_as is None:
            raise ValueError(
                "a series with 'share' needs 'rest_as', the strategy whose survival the rest has"
            )
        if self.is_series and self.share in (None, "1") and self.rest_as is not None:
            raise ValueError("'rest_as' needs 'share', who follows the series")
        return self

    @model_validator(mode="after")
    def one_effect(self) -> CurveModel:
        if self.relative_to is None:
            return self
        given = [name for name in EFFECTS if getattr(self, name) is not None]
        if len(given) != 1:
            ways = ", ".join(f"'{name}' ({meaning})" for name, meaning in EFFECTS.items())
            found = f"; found {', '.join(given)}" if given else ""
            raise ValueError(f"give exactly one of {ways}; set the others to null{found}")
        if self.marginal_hazard_ratio is not None and self.window is None:
            raise ValueError("'marginal_hazard_ratio' needs 'window', its censoring time")
        if self.effect_wanes_from is not None and self.effect_ends is None:
            raise ValueError("'effect_wanes_from' needs 'effect_ends', when no effect is left")
        constant = given[0] in ("marginal_hazard_ratio", "uncured_hazard_ratio")
        if self.effect_ends is not None and not constant:
            raise ValueError(
                f"'effect_ends' cannot go with '{given[0]}', which says itself when the effect ends"
            )
        if self.early_failure is not None and self.operative_mortality not in (None, "0"):
            raise ValueError(
                "'early_failure' counts operative deaths already; set 'operative_mortality' to null"
            )
        return self


# ------------------------------------------------------------------------ survival/index.yaml
class EvidenceModel(Model):
    file: FileName
    label: str
    endpoint: Name
    form: Literal["grouped", "individual", "landmark", "counts", "published_curve"]
    time_unit: Literal["years", "months", "weeks", "days"]
    age: float | None = Field(None, ge=0, le=110)
    share_male: float | None = Field(None, ge=0, le=1)
    source: list[str] = Field(min_length=1)
    status: Status
    covariates: list[Name] = Field([], description="numeric columns of individual data")
    patients: int | None = Field(
        None, gt=0, le=limits.NUMBER, description="at time 0: landmarks, published curve"
    )
    interval: Literal["log_log", "log"] = Field(
        "log_log", description="scale on which the confidence intervals of landmarks were made"
    )
    risk_table: FileName | None = Field(
        None, description="file with time, n_at_risk: published curve"
    )
    total_events: int | None = Field(
        None, ge=0, le=limits.NUMBER, description="of a published curve"
    )
    external: list[str] = Field([], description="counts or landmarks that inform the same curve")
    licence: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def fields_of_the_form(self) -> EvidenceModel:
        owners = {
            "covariates": ("individual",),
            "patients": ("landmark", "published_curve"),
            "risk_table": ("published_curve",),
            "total_events": ("published_curve",),
        }
        for name, forms in owners.items():
            if getattr(self, name) not in (None, []) and self.form not in forms:
                raise ValueError(
                    f"'{name}' goes with form {' or '.join(forms)} only; remove it or change the form"
                )
        return self
