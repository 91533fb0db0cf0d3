"""A tree of frozen dataclasses, arrays and tables in one netCDF file, and back.

Nothing is pickled: a file holds names of classes of this package, arrays and text, so reading one from
someone else cannot run code. What the same object stood for twice is one object again.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from heor.errors import InputError
from heor.storage.manifest import RECORD

GROUP, TREE = "archive", "tree"
OTHER_VERSION = "Results made by heor"
PACKAGE = "heor"
KIND = "kind"


class _Writer:
    """Turns objects into JSON, arrays put aside."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[np.ndarray]] = {}  # by type, end to end
        self.lengths: dict[str, int] = {}
        self.objects: list[Any] = []
        self.known: dict[int, int] = {}
        self.kept: list[Any] = []  # an id belongs to an object only while it lives

    def node(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, np.generic):
            return {
                KIND: "scalar",
                "array": self._array(np.asarray(value)),
            }  # of which float64 is a float, too
        if isinstance(value, float):
            return {KIND: "float", "value": value.hex()}
        if isinstance(value, date):
            return {KIND: "date", "value": value.isoformat()}
        if isinstance(value, Path):
            return {KIND: "path", "value": value.as_posix()}
        return {KIND: "same", "object": self._object(value)}

    def _object(self, value: Any) -> int:
        if id(value) not in self.known:
            place = self.known[id(value)] = len(self.objects)
            self.kept.append(value)
            self.objects.append(None)
            self.objects[place] = self._made(value)
        return self.known[id(value)]

    def _made(self, value: Any) -> dict[str, Any]:
        if isinstance(value, np.ndarray):
            return {KIND: "array", "array": self._array(value)}
        if isinstance(value, tuple | list | set | frozenset):
            return {KIND: type(value).__name__, "items": [self.node(v) for v in value]}
        if isinstance(value, xr.Dataset | xr.DataArray):
            return self._labelled(value)  # a Dataset is a mapping, too
        if isinstance(value, Mapping):
            pairs = [[self.node(k), self.node(v)] for k, v in value.items()]
            return {KIND: "mapping", "items": pairs}
        if isinstance(value, pd.DataFrame):
            return self._frame(value)
        if isinstance(value, BaseException):
            words = [self.node(a) for a in value.args]
            return {KIND: "error", "class": _name(type(value)), "items": words}
        if isinstance(value, FunctionType) and _named(value) is value:
            return {KIND: "function", "name": _name(value)}
        if type(value).__module__.split(".")[0] != PACKAGE:
            raise TypeError(f"{value!r} ({type(value).__name__}) cannot be kept in an archive.")
        if is_dataclass(value):
            own = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        else:
            own = dict(vars(value))
        items = {k: self.node(v) for k, v in own.items()}
        return {KIND: "class", "class": _name(type(value)), "items": items}

    def _array(self, value: np.ndarray) -> Any:
        if value.dtype.kind in "OUS":
            return {"shape": value.shape, "items": [self.node(v) for v in value.ravel().tolist()]}
        flat, name = np.ascontiguousarray(value).ravel(), value.dtype.str.lstrip("<|=")
        start = self.lengths.get(name, 0)
        self.numbers.setdefault(name, []).append(flat)
        self.lengths[name] = start + len(flat)
        return [name, start, list(value.shape)]

    def _frame(self, frame: pd.DataFrame) -> dict[str, Any]:
        columns = [
            [self.node(name), str(frame[name].dtype), self._column(frame[name])]
            for name in frame.columns
        ]
        plain = isinstance(frame.index, pd.RangeIndex) and frame.index.equals(
            pd.RangeIndex(len(frame))
        )
        index = None if plain else [self.node(v) for v in frame.index.tolist()]
        return {KIND: "frame", "columns": columns, "rows": len(frame), "index": index}

    def _column(self, column: pd.Series) -> Any:
        if isinstance(column.dtype, np.dtype):
            return self._array(column.to_numpy())
        values = [None if v is pd.NA else v for v in column.tolist()]
        return {"shape": (len(values),), "items": [self.node(v) for v in values]}

    def _labelled(self, value: xr.Dataset | xr.DataArray) -> dict[str, Any]:
        is_array = isinstance(value, xr.DataArray)
        dataset = value.to_dataset(name="value") if is_array else value
        variables = {
            str(name): [list(v.dims), self._array(np.asarray(v.values)), self._plain(v.attrs)]
            for name, v in dataset.variables.items()
        }
        coordinates = [str(c) for c in dataset.coords]
        kind = "data_array" if is_array else "dataset"
        attrs = self._plain(dataset.attrs)
        return {KIND: kind, "variables": variables, "coordinates": coordinates, "attrs": attrs}

    def _plain(self, attrs: Mapping) -> list:
        return [[str(k), self.node(v)] for k, v in attrs.items()]


class _Reader:
    """The same backwards."""

    def __init__(self, objects: list[Any], numbers: Mapping[str, np.ndarray]) -> None:
        self.objects, self.numbers = objects, numbers
        self.made: dict[int, Any] = {}

    def value(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        kind = node[KIND]
        if kind == "float":
            return float.fromhex(node["value"])
        if kind == "scalar":
            return self._array(node["array"])[()]
        if kind == "date":
            return date.fromisoformat(node["value"])
        if kind == "path":
            return Path(node["value"])
        place = node["object"]
        if place not in self.made:
            self.made[place] = self._object(self.objects[place])
        return self.made[place]

    def _object(self, node: dict[str, Any]) -> Any:
        kind = node[KIND]
        if kind == "array":
            return self._array(node["array"])
        if kind in ("tuple", "list", "set", "frozenset"):
            made = {"tuple": tuple, "list": list, "set": set, "frozenset": frozenset}[kind]
            return made(self.value(v) for v in node["items"])
        if kind == "mapping":
            return {self.value(k): self.value(v) for k, v in node["items"]}
        if kind == "frame":
            return self._frame(node)
        if kind in ("dataset", "data_array"):
            return self._labelled(node)
        if kind == "function":
            return _found(node["name"], FunctionType)
        cls = _found(node["class"], type)
        if kind == "error":
            return cls(*(self.value(v) for v in node["items"]))
        items = {k: self.value(v) for k, v in node["items"].items()}
        if is_dataclass(cls):
            if items.keys() != {f.name for f in fields(cls) if f.init}:
                raise LookupError(
                    f"{cls.__name__} has other fields now"
                )  # a default would be a guess
            return cls(**items)
        made = cls.__new__(cls)
        made.__dict__.update(items)
        return made

    def _array(self, node: Any) -> np.ndarray:
        if isinstance(node, list):
            name, start, shape = node
            flat = self.numbers[name][start : start + int(np.prod(shape))]
            return flat.reshape(shape).astype(name)
        out = np.empty(len(node["items"]), object)
        out[:] = [self.value(v) for v in node["items"]]
        return out.reshape(node["shape"])

    def _frame(self, node: dict[str, Any]) -> pd.DataFrame:
        data = {}
        for name, dtype, values in node["columns"]:
            column = self._array(values)
            data[self.value(name)] = pd.Series(column, dtype=dtype)
        frame = pd.DataFrame(data, index=pd.RangeIndex(node["rows"]))
        if node["index"] is not None:
            frame.index = [self.value(v) for v in node["index"]]
        return frame

    def _labelled(self, node: dict[str, Any]) -> Any:
        def attrs(pairs: list) -> dict:
            return {k: self.value(v) for k, v in pairs}

        made = {
            name: (tuple(dims), self._labels(self._array(values)), attrs(own))
            for name, (dims, values, own) in node["variables"].items()
        }
        inside = set(node["coordinates"])
        dataset = xr.Dataset(
            {k: v for k, v in made.items() if k not in inside},
            coords={k: v for k, v in made.items() if k in inside},
            attrs=attrs(node["attrs"]),
        )
        return dataset if node[KIND] == "dataset" else dataset["value"].rename(None)

    @staticmethod
    def _labels(values: np.ndarray) -> np.ndarray:
        """Labels as text again, which xarray had before."""
        if values.dtype == object and all(isinstance(v, str) for v in values.ravel()):
            return values.astype(str)
        return values


def _name(thing: type | FunctionType) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _named(function: FunctionType) -> Any:
    """What stands under a function's own name: itself, unless it is local or a lambda."""
    try:
        return _found(_name(function), FunctionType)
    except LookupError:
        return None


def _found(name: str, kind: type) -> Any:
    """A class or function of this package by its name; nothing else is ever imported."""
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module) if module.split(".")[0] == PACKAGE else None
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, kind):
        raise LookupError(name)
    return found


def write_archive(value: Any, path: Path) -> None:
    """Add a tree of objects to a netCDF file, in a group of its own; see `write_netcdf`.

    Raises
    ------
    TypeError
        For an object that is no dataclass of this package, array, table, text or number.
    OSError
        The file cannot be written.
    """
    writer = _Writer()
    root = writer.node(value)
    text = json.dumps({"root": root, "objects": writer.objects, "version": version(PACKAGE)})
    tree = np.frombuffer(text.encode(), np.uint8)
    data = {TREE: (("byte",), tree)}
    for name, parts in writer.numbers.items():
        flat = np.concatenate(parts)
        data[name] = ((f"{name}_n",), flat.view(np.uint8) if flat.dtype == bool else flat)
    dataset = xr.Dataset(data)
    encoding = {name: {"zlib": True, "complevel": 1} for name in dataset}
    write_netcdf(dataset, path, group=GROUP, encoding=encoding)


def write_netcdf(dataset: xr.Dataset, path: Path, **how: Any) -> None:
    """Add a dataset to a netCDF file, which is made when missing.

    HDF5 writes to memory and Python to the disk: on a full one HDF5 would end the process.

    Parameters
    ----------
    how
        Options of `Dataset.to_netcdf`.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    there = path.read_bytes() if path.exists() else b""
    file = io.BytesIO(there)
    dataset.to_netcdf(file, mode="a" if there else "w", engine="h5netcdf", **how)
    path.write_bytes(file.getbuffer())


def read_archive(path: Path) -> Any:
    """The tree of objects that `write_archive` put into a file.

    What another version made and this one still understands says so among its warnings.

    Raises
    ------
    InputError
        The file is missing, damaged or half-written, or this version does not understand it.
    """
    if not path.exists():
        raise InputError(
            f"{path}: not found; {command_of(path)} writes it. Run it, or name its folder."
        )
    made = own = version(PACKAGE)
    try:
        tree, numbers = _content(path)
        made = tree["version"]
        found = _Reader(tree["objects"], numbers).value(tree["root"])
    except (OSError, KeyError, ValueError, TypeError, LookupError, AttributeError) as error:
        why = (
            f"made by heor {made}, this is {own}"
            if made != own
            else f"{type(error).__name__}: {error}"
        )
        raise InputError(
            f"{path}: cannot be read ({why}). It is damaged, half-written, or of another "
            f"version of heor. Make it again with {command_of(path)}."
        ) from error
    if made != own and is_dataclass(found) and hasattr(found, "warnings"):
        found = replace(
            found,
            warnings=(
                *found.warnings,
                f"{OTHER_VERSION} {made}, report by heor {own}: methods may differ. Make both with one version: "
                f"{command_of(path)}.",
            ),
        )
    return found


def _content(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The tree as JSON, and its arrays."""
    with xr.open_dataset(
        path, group=GROUP, engine="h5netcdf", decode_cf=False, phony_dims="access"
    ) as dataset:
        tree = json.loads(dataset[TREE].to_numpy().tobytes())
        return tree, {str(n): dataset[n].to_numpy() for n in dataset.data_vars if n != TREE}


def command_of(path: Path) -> str:
    """What made a file, where run.json beside it tells."""
    try:
        told = json.loads((path.parent / RECORD).read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        told = "heor run"
    return f"`{told}`"
