"""Settings of a country.yaml: who decides, by which rules, in which money, on which tables.

A block may be a list of versions, each with dates or programmes; `heor.inputs.read.versions` leaves the
one in force before anything here is checked.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from heor.inputs.schema.base import FileName, Model, Money, Name, Sourced
from heor.inputs.schema.severity import Severity

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Stream = Literal["health_service", "travel", "patient_time", "productivity"]


class Agency(Sourced):
    name: str
    guideline: str | None = None
    asks: dict[str, str] = Field({}, description="what it asks of an analysis, in its own terms")


class Perspective(Sourced):
    label: str
    streams: list[Stream]


class Band(Model):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: float = Field(alias="from", ge=0)
    end: float | None = Field(None, alias="to")
    rate: float = Field(ge=0, le=0.2)

    @model_validator(mode="after")
    def rising(self) -> Band:
        if self.end is not None and self.end <= self.start:
            raise ValueError(
                f"a band from {self.start:g} to {self.end:g} is empty; 'to' must be above 'from', or null"
            )
        return self


class Discounting(Sourced):
    costs: list[Band] = Field(min_length=1)
    effects: list[Band] = Field(min_length=1)
    timing: Literal["annual_effective", "continuous"] = "annual_effective"

    @model_validator(mode="after")
    def contiguous(self) -> Discounting:
        for name in ("costs", "effects"):
            at: float | None = 0.0
            for band in getattr(self, name):
                if at is None or band.start != at:
                    expected = "nothing" if at is None else f"{at:g}"
                    raise ValueError(
                        f"{name}: a band starts at {band.start:g} where {expected} was expected; bands "
                        "must start at 0, touch, and end with 'to: null'"
                    )
                at = band.end
            if at is not None:
                raise ValueError(f"{name}: the last band ends at {at:g}; it must end with null")
        return self


class Thresholds(Sourced):
    """Money per QALY. Of a country without any: values of a donor, for orientation."""

    values: list[Money] = []
    donor: Name | None = Field(None, description="country whose thresholds are shown, converted")
    kind: Literal["official", "customary", "none", "asked"] = Field(
        "official",
        description="none: the country has no threshold and results no verdict; asked: by --threshold, "
        "in the money of the run",
    )
    currency: Currency | None = Field(None, description="of the values; null: the country's")
    ceac_maximum: Money | None = Field(
        None, gt=0, description="largest threshold of curves; null: twice the largest shown"
    )

    @model_validator(mode="after")
    def one_of(self) -> Thresholds:
        if bool(self.values) == (self.donor is not None):
            raise ValueError("give 'values', or a 'donor' whose thresholds are shown, not both")
        if self.donor is not None and self.kind == "official":
            raise ValueError("a donor's thresholds are not official here; write 'kind: none'")
        return self


class ValueSet(Sourced):
    name: str
    key: Name = Field(description="name in model/value_sets.csv, or of a set that is not shipped")


class TableFile(Sourced):
    file: FileName | None = None
    donor: Name | None = Field(None, description="country whose table stands in")

    @model_validator(mode="after")
    def one_of(self) -> TableFile:
        if (self.file is None) == (self.donor is None):
            raise ValueError("give 'file', or a 'donor' whose table stands in, not both")
        return self


class LifeTableFile(TableFile):
    closing: Literal["certain_death", "constant_hazard"] | None = Field(
        None,
        description="after the last age: everyone dies within a year, or its hazard goes on; null: "
        "the table reaches the horizon or ends with q = 1",
    )


class UtilityNorms(TableFile):
    value_set: Name | None = Field(None, description="key of the set the norms are valued with")

    @model_validator(mode="after")
    def of_a_set(self) -> UtilityNorms:
        if self.file is not None and self.value_set is None:
            raise ValueError("'value_set' is missing; norms are of one value set. Name its key")
        return self


class Prices(Sourced):
    """How money of another currency, country or year becomes this country's."""

    donor: Name | None = Field(None, description="country whose unit costs stand in")
    rate: Literal["exchange_rate", "purchasing_power"] | None = Field(
        None, description="null: nothing is converted; with a donor the run is in the donor's money"
    )
    order: Literal["index_then_rate", "rate_then_index"] = Field(
        "index_then_rate",
        description="index_then_rate: to the price year by the index of the money's own country, then "
        "the rate of that year; rate_then_index: the rate of the old year, then this country's index",
    )


class Vat(Sourced):
    included: bool


class CountryModel(Model):
    label: str
    iso2: str = Field(min_length=2, max_length=2)
    iso3: str = Field(min_length=3, max_length=3)
    currency: Currency
    price_year: int = Field(ge=1990, le=2100)
    programme: Name | None = Field(None, description="that runs are for, unless --programme says")
    programmes: dict[Name, str] = Field({}, description="name: what is decided there")
    agency: Agency
    perspective: Perspective
    discounting: Discounting
    thresholds: Thresholds
    severity: Severity
    value_set: ValueSet
    life_table: LifeTableFile
    utility_norms: UtilityNorms
    prices: Prices | None = None
    vat: Vat | None = None
    limits: list[str] = Field([], description="what this country asks for and the model lacks")

    @property
    def blocks(self) -> dict[str, Sourced]:
        """Its blocks by name."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: block for name, block in found.items() if isinstance(block, Sourced)}
