"""Settings of a country's severity rule: which measure, which classes, what a class gives."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from heor.inputs.schema.base import Model, Money, Sourced


class SeverityBandModel(Model):
    """A class, its lower edge inclusive. A rule of one measure has `from` and `to`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    lower: float | None = Field(None, alias="from", ge=0, allow_inf_nan=False)
    upper: float | None = Field(None, alias="to", allow_inf_nan=False)
    absolute: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="lower edge in QALYs; larger_of_both only"
    )
    proportional: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="lower edge as a share; larger_of_both only"
    )
    weight: float = Field(1.0, gt=0, le=100, allow_inf_nan=False)
    threshold: Money | None = Field(
        ge=0,
        allow_inf_nan=False,
        description="money per QALY, before a weight on QALYs; null: no reference value",
    )

    def edges(self, rule: str | None) -> tuple[float | None, float | None]:
        """Lower edges of absolute (QALYs) and of proportional shortfall (share)."""
        if rule == "larger_of_both":
            return self.absolute, self.proportional
        return (None, self.lower) if rule == "proportional_shortfall" else (self.lower, None)


class Severity(Sourced):
    """`rule: null` never weights; the bands may stay in the file."""

    rule: Literal["absolute_shortfall", "proportional_shortfall", "larger_of_both"] | None = None
    discounted: bool | None = Field(
        None,
        description="QALYs of population and comparator at the rate of effects; null: as the rule "
        "has it, which is true for larger_of_both and false for the others",
    )
    weight_on: Literal["qalys", "threshold"] | None = Field(
        None,
        description="qalys: the weight multiplies QALYs at an unchanged threshold; threshold: each "
        "class has its own; null: qalys for larger_of_both, threshold for the others",
    )
    bands: list[SeverityBandModel] = []

    @property
    def is_discounted(self) -> bool:
        return self.rule == "larger_of_both" if self.discounted is None else self.discounted

    @property
    def weighted(self) -> str:
        return self.weight_on or ("qalys" if self.rule == "larger_of_both" else "threshold")
