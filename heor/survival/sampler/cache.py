"""Posteriors on disk: netCDF files that ArviZ opens, found by a hash of all they depend on.

Written and read with h5netcdf alone: a run whose fits are all cached imports no sampler. A file
that is damaged, truncated or changed by hand does not match its checksum and is fitted anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from heor.archive import check_links, datasets_of
from heor.errors import HeorWarning, OutputError
from heor.storage.file import write_bytes
from heor.storage.folder import settle

FORMAT = 1  # raise it when the meaning of a stored number changes
PACKAGES = ("heor", "pymc", "pytensor", "nutpie", "numba", "numpy", "scipy")

Groups = Mapping[str, Mapping[str, tuple[tuple[str, ...], np.ndarray]]]


def key(parts: Mapping[str, Any]) -> str:
    """sha256 of named strings, numbers and arrays, of the versions and of the formulas themselves."""
    digest = hashlib.sha256()
    for name, value in sorted(
        {**parts, **_versions(), "formulas": _formulas(), "format": FORMAT}.items()
    ):
        digest.update(name.encode() + b"\0")
        if isinstance(value, np.ndarray):
            digest.update(str((value.dtype.str, value.shape)).encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        else:
            digest.update(json.dumps(value, sort_keys=True, default=str).encode())
        digest.update(b"\0")
    return digest.hexdigest()


@cache
def _formulas() -> str:
    """sha256 of the modules that compute: a changed formula must not find an old posterior."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _versions() -> dict[str, str]:
    out = {}
    for package in PACKAGES:
        try:
            out[f"version {package}"] = version(package)
        except PackageNotFoundError:
            out[f"version {package}"] = "not installed"
    return out


def place(folder: Path, words: str, key: str) -> Path:
    """The file of a key. `words` come from the inputs: plain letters stay of them, the first 150.

    >>> place(Path("cache"), "../arm a+arm b-weibull", "0" * 64).as_posix()
    'cache/_arm_a+arm_b-weibull-0000000000000000.nc'
    """
    return folder / f"{re.sub(r'[^A-Za-z0-9_+-]+', '_', words)[:150]}-{key[:16]}.nc"


def write(path: Path, groups: Groups, attributes: Mapping[str, Any]) -> None:
    """Write groups of (dims, array) and the attributes, at once or not at all.

    What cannot be written is a `HeorWarning`: the results do not need it. HDF5 writes to memory and
    Python to the disk: on a full one HDF5 would end the process.
    """
    import h5netcdf

    made, text = io.BytesIO(), json.dumps(attributes)
    with h5netcdf.File(made, "w") as file:
        for group_name, variables in groups.items():
            group = file.create_group(group_name)
            for name, (dims, array) in variables.items():
                for dim, size in zip(dims, array.shape, strict=True):
                    if dim not in group.dimensions:
                        group.dimensions[dim] = size
                        group.create_variable(dim, (dim,), data=np.arange(size))
                group.create_variable(name, dims, data=array)
            group.attrs["heor"] = text
        arrays = {g: {k: a for k, (_, a) in own.items()} for g, own in groups.items()}
        file.attrs["checksum"] = _checksum(arrays, text)
    try:
        write_bytes(path, made.getbuffer())
    except OutputError as error:
        why = getattr(error.__cause__, "strerror", None) or error.__cause__
        warnings.warn(
            f"{path.parent}: survival fits cannot be kept here ({why}), so the next run will fit again. The "
            "results are the same.",
            HeorWarning,
            stacklevel=2,
        )


def read(path: Path) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]] | None:
    """Arrays by group, and the attributes; None where there is no trustworthy file."""
    import h5py  # ten times as fast as netCDF's view of the same file

    groups: dict[str, dict[str, np.ndarray]] = {}
    with suppress(OutputError):
        settle(path.parent, quiet=True)
    try:
        with h5py.File(io.BytesIO(path.read_bytes()), "r") as file:
            check_links(file)  # a folder of results may come from someone else
            for group_name, group in file.items():
                text = group.attrs["heor"]
                stored = datasets_of(group)
                groups[group_name] = {name: data[...] for name, data in stored.items()}
            if file.attrs["checksum"] != _checksum(groups, text):
                return None
    except Exception:  # no file, or whatever a damaged one makes the reader say
        return None
    return groups, json.loads(text)


def _checksum(groups: Mapping[str, Mapping[str, np.ndarray]], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for group_name in sorted(groups):
        for name, array in sorted(groups[group_name].items()):
            digest.update(f"{group_name}/{name}{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
