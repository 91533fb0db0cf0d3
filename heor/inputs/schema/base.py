"""What all models of settings share: unknown names are errors, numbers may be expressions."""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from heor.files import name_fault
from heor.inputs.text.numerals import GROUP_OF_THREE, two_readings
from heor.inputs.text.yaml_text import Grouped
from heor.limits import NUMBER, excerpt
from heor.problem.parameter import STATUSES

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Expression = Annotated[str, Field(description="arithmetic of parameter and derived names")]
Status = Literal[STATUSES]


def _one_reading(value: Any) -> Any:
    """Money as 260.000 may be 260 or 260 thousand."""
    text = value.text if isinstance(value, Grouped) else value
    if isinstance(text, str) and GROUP_OF_THREE.fullmatch(text.strip()):
        raise ValueError(
            f"'{text.strip()}' can be read as {two_readings(text.strip())}. Write one of them"
        )
    return value


def _inside(name: str) -> str:
    """A file of the inputs is named from the folder it is in, downwards."""
    fault = name_fault(name)
    if fault:
        raise ValueError(f"'{excerpt(name.replace(chr(0), '?'))}': {fault.rstrip('.')}")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in name.split("/"):
        raise ValueError(
            "a file outside the folder of the inputs; nothing outside is read. Copy it there and write its "
            "name alone"
        )
    return name


Money = Annotated[float, BeforeValidator(_one_reading), Field(ge=0, le=NUMBER)]
Amount = Annotated[Expression, BeforeValidator(_one_reading)]
FileName = Annotated[str, AfterValidator(_inside)]


class Model(BaseModel):
    # Numbers are welcome where an expression is expected: `multiplier: 1`.
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def whole_numbers_have_no_groups(cls, value: Any, info: ValidationInfo) -> Any:
        """Where a whole number belongs, 1.000 is one or a thousand."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if any(k is int or int in get_args(k) for k in (kind, *get_args(kind))):
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, Grouped):
                    _one_reading(number)
        return value


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
