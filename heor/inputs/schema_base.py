"""What all models of settings share: unknown names are errors, numbers may be expressions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from heor.inputs.problem import STATUSES

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Expression = Annotated[str, Field(description="arithmetic of parameter and derived names")]
Status = Literal[STATUSES]


class Model(BaseModel):
    # Numbers are welcome where an expression is expected: `multiplier: 1`.
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class Sourced(Model):
    """A block of a country: where it is from, since when, and whether it was seen there."""

    source: list[str] = []
    verified: bool = False
    to_verify: list[str] = Field(
        [], description="parts not seen in their source, where the rest was (verified: true)"
    )
    note: str | None = None
    effective_from: date | None = Field(
        None, description="first day in force; null: not known, counts from 2026-11-01"
    )
    effective_to: date | None = Field(None, description="last day in force; null: until now")
    programmes: list[Name] = Field([], description="that it applies to; empty: all")
    generic: bool = Field(
        False, description="a stand-in, not the country's own: a run needs --allow-generic"
    )
