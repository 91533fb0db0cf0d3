"""A tree of frozen dataclasses, arrays and tables in one netCDF file, and back.

A file holds arrays, text and the names of the classes listed here. Any other name is refused, nothing is
pickled, and no other file is opened, so reading a file from someone else cannot run code. An object that
was stored twice is one object again.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from heor import limits
from heor.archive_classes import ADDED, CLASSES, home_of, renamed
from heor.errors import InputError
from heor.files import Unreadable, content
from heor.storage.manifest import RECORD

GROUP, TREE = "archive", "tree"
OTHER_VERSION = "Results made by heor"
PACKAGE = "heor"
KIND = "kind"
#: A command of this program alone, fit to be shown as advice: run.json may come from someone else.
COMMAND = re.compile(r"heor [^;&|<>$`\\!\x00-\x1f\x7f]{1,500}")
#: Bytes that the arrays of one archive may take in memory: a small file can unpack to any size.
MOST_BYTES = 4 * 2**30


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
        if isinstance(value, tuple):  # a named one, too: who holds it names it again
            return {KIND: "tuple", "items": [self.node(v) for v in value]}
        if isinstance(value, list | set | frozenset):
            return {KIND: type(value).__name__, "items": [self.node(v) for v in value]}
        if isinstance(value, xr.Dataset | xr.DataArray):
            return self._labelled(value)  # a Dataset is a mapping, too
        if isinstance(value, Mapping):
            pairs = [[self.node(k), self.node(v)] for k, v in value.items()]
            return {KIND: "mapping", "items": pairs}
        if isinstance(value, pd.DataFrame):
            return self._frame(value)
        if not _may_stand_in_a_file(type(value)):
            raise TypeError(f"{value!r} ({type(value).__name__}) cannot be kept in an archive.")
        items = {name: self.node(getattr(value, name)) for name in _fields(type(value))}
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
        self.begun: set[int] = set()

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
            if place in self.begun:
                raise LookupError(f"object {place} holds itself")
            self.begun.add(place)
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
        if kind != "class":
            raise LookupError(f"'{kind}' is no kind of object")
        cls = _class(node["class"])
        items = {renamed(k): self.value(v) for k, v in node["items"].items()}
        known = _fields(cls)
        missing = [name for name in known if name not in items]
        if not items.keys() <= set(known) or not set(missing) <= _added(cls):
            raise LookupError(f"{cls.__name__} has other fields now")  # a default would be a guess
        return cls(**items)

    def _array(self, node: Any) -> np.ndarray:
        if isinstance(node, list):
            name, start, shape = node
            flat = self.numbers[name][start : start + math.prod(shape)]
            return flat.reshape(shape).astype(name)
        out = np.empty(len(node["items"]), object)
        out[:] = [self.value(v) for v in node["items"]]
        return out.reshape(node["shape"])

    def _frame(self, node: dict[str, Any]) -> pd.DataFrame:
        data = {}
        for name, dtype, values in node["columns"]:
            column = self._array(values)
            data[renamed(self.value(name))] = pd.Series(column, dtype=dtype)
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


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _may_stand_in_a_file(cls: type) -> bool:
    return cls.__qualname__ in CLASSES.get(cls.__module__, ())


def _class(name: str) -> type:
    """The class that a file names.

    Raises
    ------
    LookupError
        It is not one of `CLASSES`. Nothing is imported then.
    """
    module, _, own = name.partition(":")
    home = home_of(module, own)
    if home is None:
        raise LookupError(f"'{name}' is not a part of results")
    return getattr(importlib.import_module(home), own)


def _fields(cls: type) -> tuple[str, ...]:
    """What an object is made of; a class without fields is the same in every object."""
    return tuple(f.name for f in fields(cls) if f.init) if is_dataclass(cls) else ()


def _added(cls: type) -> set[str]:
    """Fields that older files lack."""
    return {f.name for f in fields(cls) if f.metadata == ADDED} if is_dataclass(cls) else set()


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
        made = str(tree["version"])
        found = _Reader(tree["objects"], numbers).value(tree["root"])
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RuntimeError,  # also of HDF5, and of a tree too deep to follow
        ArithmeticError,
        MemoryError,
    ) as error:
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
    """The tree as JSON, and its arrays.

    Raises
    ------
    LookupError
        A part of the file lies in another file, or is larger than `MOST_BYTES` allows.
    """
    if not path.is_file():
        raise LookupError("not a regular file")
    with h5py.File(path, "r", locking=False) as file:
        check_links(file)
        stored = datasets_of(file[GROUP])
        tree = json.loads(stored.pop(TREE)[()].tobytes())
        return tree, {name: data[()] for name, data in stored.items()}


def datasets_of(group: h5py.Group) -> dict[str, h5py.Dataset]:
    """The arrays of a group, without the scales of its dimensions.

    Raises
    ------
    LookupError
        One of them lies in another file, or they are larger than `MOST_BYTES` allows.
    """
    check_links(group)
    stored = {name: group[name] for name in group}
    for name, data in stored.items():
        if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual:
            raise LookupError(f"'{name}' holds no numbers of this file")
    stored = {name: data for name, data in stored.items() if not data.is_scale}
    if sum(data.nbytes for data in stored.values()) > MOST_BYTES:
        raise LookupError(f"its arrays take more than {MOST_BYTES // 2**30} GiB")
    return stored


def check_links(group: h5py.Group) -> None:
    """HDF5 can link to other files; ours have no such links.

    Raises
    ------
    LookupError
        A part of the group is a link.
    """
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise LookupError(f"'{name}' is a link")


def command_of(path: Path) -> str:
    """What made a file, where run.json beside it tells."""
    try:
        record = content(path.parent / RECORD, limits.RECORD_BYTES, path.parent)
        told = json.loads(record.decode("utf-8"))["command"]
    except (Unreadable, ValueError, KeyError, TypeError, RecursionError):
        told = ""
    plain = isinstance(told, str) and COMMAND.fullmatch(told)
    return f"`{told}`" if plain else "`heor run`"
