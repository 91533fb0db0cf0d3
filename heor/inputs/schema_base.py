"""What all models of settings share: unknown names are errors, numbers may be expressions."""

from __future__ import annotations

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
    source: list[str] = []
    verified: bool = False
    note: str | None = None
