"""A run saved whole and read again: the same numbers, no code from the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from heor.archive import GROUP, TREE, read_archive, write_archive
from heor.errors import InputError
from heor.inputs.problem import DecisionProblem, DiscountBand
from heor.results import Results
from heor.survival.distributions import get

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.dates()
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


def there_and_back(value: object, folder: Path) -> object:
    path = folder / "kept.nc"
    path.unlink(missing_ok=True)
    xr.Dataset({"other": ("x", [1.0])}).to_netcdf(path, engine="h5netcdf")
    write_archive(value, path)
    with xr.open_dataset(path, engine="h5netcdf") as beside:
        assert beside["other"].item() == 1.0
    return read_archive(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@given(value=trees)
def test_any_tree_comes_back(value: object, folder: Path) -> None:
    found = there_and_back(value, folder)
    assert found == value
    assert repr(found) == repr(value)  # also -0.0, and True is not 1


def test_arrays_and_tables_to_the_last_bit(folder: Path) -> None:
    value = {
        "f": np.array([[np.pi, np.nan], [-0.0, np.inf]]),
        "f4": np.float32([1 / 3]),
        "b": np.array([True, False]),
        "i": np.arange(3),
        "text": np.array(["a", "ø"]),
        "empty": np.zeros((0, 2)),
        "scalar": np.float64(0.1),
        "table": pd.DataFrame(
            {
                "x": [1.5, np.nan],
                "n": pd.array([1, None], "Int64"),
                "s": ["a", None],
                "b": [True, False],
            }
        ),
        "indexed": pd.DataFrame({"x": [1, 2]}, index=["p", "q"]),
        "none": pd.DataFrame(),
        "labelled": xr.DataArray(
            [[1.0, 2.0]], dims=("a", "b"), coords={"b": ["x", "y"]}, attrs={"unit": "years"}
        ),
    }
    found = there_and_back(value, folder)
    for name in ("f", "f4", "b", "i", "empty"):
        np.testing.assert_array_equal(found[name], value[name])
        assert found[name].dtype == value[name].dtype
    assert list(found["text"]) == ["a", "ø"]
    assert type(found["scalar"]) is np.float64 and found["scalar"] == 0.1
    for name in ("table", "indexed", "none"):
        pd.testing.assert_frame_equal(found[name], value[name])
    xr.testing.assert_identical(found["labelled"], value["labelled"])


def test_classes_of_the_package(problem: DecisionProblem, folder: Path) -> None:
    found = there_and_back({"problem": problem, "family": get("weibull")}, folder)
    assert type(found["family"]) is type(get("weibull"))
    again = found["problem"]
    assert again.country.discount_costs == (
        DiscountBand(0, 40, 0.04),
        DiscountBand(40, 75, 0.03),
        DiscountBand(75, None, 0.02),
    )
    assert again.parameters.keys() == problem.parameters.keys()
    assert again.country.as_of == date(2026, 11, 24)
    np.testing.assert_array_equal(again.time, problem.time)


def test_what_was_one_object_is_one_again(folder: Path) -> None:
    shared = np.arange(4.0)
    found = there_and_back({"a": shared, "b": (shared,), "c": shared.copy()}, folder)
    assert found["a"] is found["b"][0]
    assert found["c"] is not found["a"]


@dataclass(frozen=True)
class Foreign:
    x: int


def test_what_cannot_be_kept(folder: Path) -> None:
    for value in (Foreign(1), lambda: None, object()):
        with pytest.raises(TypeError, match="cannot be kept"):
            there_and_back(value, folder)


def _spoilt(folder: Path, change) -> Path:
    """An archive whose tree was changed by hand."""
    path = folder / "kept.nc"
    there_and_back(DiscountBand(0, None, 0.03), folder)
    with h5py.File(path, "a") as file:
        group = file[GROUP]
        tree = json.loads(group[TREE][:].tobytes())
        change(tree)
        del group[TREE]
        group[TREE] = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    return path


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "heor.archive:read_archive"])
def test_a_file_cannot_name_code(name: str, folder: Path) -> None:
    path = _spoilt(folder, lambda tree: tree["objects"][0].update({"class": name}))
    with pytest.raises(InputError, match="damaged, half-written, or of another version"):
        read_archive(path)


def test_another_version_is_named(folder: Path) -> None:
    def older(tree: dict) -> None:
        tree["version"] = "0.0.1"
        tree["objects"][0]["items"]["gone"] = 1

    with pytest.raises(InputError, match=r"made by heor 0\.0\.1, this is .*heor run"):
        read_archive(_spoilt(folder, older))


def test_missing_damaged_or_half_written(folder: Path) -> None:
    with pytest.raises(InputError, match="not found; `heor run` writes it"):
        read_archive(folder / "nothing.nc")
    path = folder / "kept.nc"
    there_and_back((1, 2), folder)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match=r"Make it again with `heor run`"):
        read_archive(path)
    path.write_text("not netCDF", encoding="utf-8")
    with pytest.raises(InputError, match=r"Make it again with `heor run`"):
        read_archive(path)
    there_and_back((1, 2), folder)
    with pytest.raises(InputError, match="holds no run"):
        Results.load(path)
