"""What has been read of an inputs folder, and how a fault of a setting is said with file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from heor.errors import InputError
from heor.faults import Faults, nearest
from heor.files import links_out, name_fault
from heor.inputs.read import parameter_table
from heor.inputs.text.layers import Layer, read_yaml
from heor.limits import FAULTS, excerpt, few
from heor.problem.parameter import Origin

M = TypeVar("M", bound=BaseModel)


@dataclass
class Reading:
    """What has been read so far: the layers, the parameter rows, and every problem found."""

    folder: Path
    problems: Faults = field(default_factory=Faults)
    layer: Layer = field(default_factory=Layer)
    entries: dict[str, parameter_table.Entry] = field(default_factory=dict)

    def shown(self, path: Path) -> str:
        """A path as the user knows it: relative to where the inputs folder stands."""
        return path.relative_to(self.folder.parent).as_posix()

    def yaml(self, path: Path, layer: str, under: str = "") -> Layer:
        """One YAML file, its values placed under a dotted prefix."""
        found = read_yaml(path, self.shown(path), layer, self.problems)
        if not under:
            return found
        origins = {f"{under}.{k}": o for k, o in found.origins.items()}
        return Layer({under: found.values}, {under: Origin(self.shown(path), 1, layer), **origins})


#: Of an inputs folder.
PARTS = ("model", "countries", "scenarios")


def opened(folder: str | Path) -> Reading:
    """The inputs folder, if it is one, and everything in it is inside.

    Raises
    ------
    InputError
    """
    if fault := name_fault(str(folder)):
        raise InputError(f"{excerpt(str(folder)).replace(chr(0), '?')}: {fault}")
    reading = Reading(Path(folder).resolve())
    if not (reading.folder / "model").is_dir():
        raise InputError(
            f"{folder}: no inputs folder here (it must hold model/, countries/, scenarios/). Run heor "
            "where the folder 'inputs' is, or name it with --inputs."
        )
    if faults := links_out(reading.folder, PARTS):
        raise InputError(few(faults, reading.folder.name))
    return reading


def parameters_file(folder: Path) -> Path:
    """parameters.csv, or parameters.xlsx where only that exists."""
    csv, xlsx = folder / "parameters.csv", folder / "parameters.xlsx"
    return xlsx if xlsx.exists() and not csv.exists() else csv


def validated(model: type[M], values: Any, layer: Layer, prefix: str, reading: Reading) -> M | None:
    """Validate with pydantic; every error becomes one line with file and line number."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors()
        for fault in faults[: 5 * FAULTS]:
            path = ".".join([p for p in (prefix, *map(str, fault["loc"])) if p])
            reading.problems.append(_fault_line(model, fault, path, layer))
        if len(faults) > 5 * FAULTS:
            more = len(faults) - 5 * FAULTS
            reading.problems.add(layer.origin(prefix), f"{more:,} more faults")
    return None


def _fault_line(model: type[BaseModel], fault: Any, path: str, layer: Layer) -> str:
    origin, last = (
        layer.origin(path, path.split(".")[0]),
        str(fault["loc"][-1]) if fault["loc"] else "",
    )
    if fault["type"] == "extra_forbidden":
        allowed = _siblings(model, fault["loc"][:-1])
        hint = nearest(last, allowed)
        listed = f" allowed: {', '.join(allowed)}." if allowed else ""
        return f"{origin}: unknown name '{excerpt(last)}';{listed}{hint}"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{origin}: '{path}' is missing; a value is required. Add it."
    shown = "" if isinstance(fault["input"], dict | list) else excerpt(repr(fault["input"]))
    shown = f" (found {shown})" if shown and f"'{shown.strip(chr(39))}'" not in message else ""
    if isinstance(fault["input"], dict):  # a fault of several values together
        origin = layer.latest(path)
    allowed = re.findall("'([^']+)'", fault.get("ctx", {}).get("expected", ""))
    return f"{origin}: {path}: {message}{shown}.{nearest(str(fault['input']), allowed)}"


def _siblings(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names allowed beside an unknown one, found by walking the model along the error's path."""
    current: Any = model
    for part in location:
        if _is_model(current):
            info = current.model_fields.get(str(part)) or next(
                (f for f in current.model_fields.values() if f.alias == part), None
            )
            current = info.annotation if info else None
        else:  # a name of a mapping or an index of a list
            current = _model_inside(current)
    current = _model_inside(current)
    return [f.alias or n for n, f in current.model_fields.items()] if current else []


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    """The model in `dict[str, M]`, `list[M]`, `M | None` or itself."""
    if _is_model(annotation):
        return annotation
    found = (_model_inside(a) for a in getattr(annotation, "__args__", ()))
    return next((m for m in found if m), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
