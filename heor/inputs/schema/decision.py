"""Settings of what is asked of a decision: what would have to be true, and the value of a trial."""

from __future__ import annotations

from pydantic import ConfigDict, Field, field_validator, model_validator

from heor.inputs.schema.base import Amount, Expression, Model
from heor.problem.trial_design import Trial
from heor.problem.what_if_targets import Axis, WhatIf


class PrimaryEndpoint(Model):
    months: float = Field(gt=0, le=1440, description="survival at this time since inclusion")
    significance: float = Field(0.05, gt=0, lt=1, description="two-sided")


class TrialModel(Model):
    label: str
    patients: int = Field(ge=2, le=5000, description="both arms together")
    follow_up: float = Field(ge=0, le=240, description="months from last inclusion to reading")
    primary: PrimaryEndpoint
    accrual: Expression = Field("trial_accrual", description="patients a year")
    dropout: Expression = Field("trial_dropout", description="rate of loss to follow-up, per year")
    reporting_delay: Expression = Field("trial_reporting_delay", description="reading to use")
    fixed_cost: Amount = "trial_cost_fixed"
    cost_per_patient: Amount = "trial_cost_per_patient"
    eligible: Expression = Field("eligible_per_year", description="patients a year who benefit")
    horizon: Expression = Field("technology_horizon", description="years the decision matters")
    implementation: Expression = Field(
        "trial_implementation", description="share of patients for whom the result is followed"
    )
    months_since_last_inclusion: float | None = Field(
        None,
        ge=0,
        le=1440,
        description="of a trial that has recruited: its costs are sunk; null if planned",
    )
    sizes: list[int] = Field(min_length=1, description="numbers of patients compared")
    follow_ups: list[float] = Field(min_length=1, description="months from last inclusion compared")
    source: list[str] = []

    @field_validator("sizes")
    @classmethod
    def two_arms(cls, sizes: list[int]) -> list[int]:
        if min(sizes) < 2 or max(sizes) > 5000:
            raise ValueError("sizes are numbers of patients in both arms, from 2 to 5000")
        return sorted(set(sizes))

    @field_validator("follow_ups")
    @classmethod
    def months(cls, months: list[float]) -> list[float]:
        if min(months) < 0 or max(months) > 240:
            raise ValueError("follow_ups are months from 0 to 240")
        return sorted(set(months))

    def trial(self) -> Trial:
        """Months become years."""
        since = self.months_since_last_inclusion
        same = self.model_dump(
            exclude={"primary", "months_since_last_inclusion", "follow_up", "follow_ups", "sizes"}
        )
        return Trial(
            **{**same, "source": tuple(self.source)},
            follow_up=self.follow_up / 12,
            endpoint=self.primary.months / 12,
            significance=self.primary.significance,
            since_last_inclusion=None if since is None else since / 12,
            sizes=tuple(self.sizes),
            follow_ups=tuple(f / 12 for f in self.follow_ups),
        )


class AxisModel(Model):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(description="parameter, synthesis or derived quantity")
    label: str
    start: float = Field(alias="from")
    end: float = Field(alias="to")
    points: int = Field(15, ge=3, le=101)
    compare: str | None = Field(
        None, description="what of the run lies on the axis: a name, or <strategy>_<endpoint>"
    )

    @model_validator(mode="after")
    def rising(self) -> AxisModel:
        if self.end <= self.start:
            raise ValueError("'to' must be larger than 'from'")
        return self

    def axis(self) -> Axis:
        return Axis(
            self.name, self.label, self.start, self.end, self.points, self.compare or self.name
        )


class WhatIfModel(Model):
    label: str
    x: AxisModel
    y: AxisModel | None = None
    scenarios: list[str] = Field([], description="scenarios to evaluate; the run itself when empty")
    note: str = ""

    def what_if(self, name: str) -> WhatIf:
        y = self.y.axis() if self.y else None
        return WhatIf(name, self.label, self.x.axis(), y, tuple(self.scenarios), self.note)
