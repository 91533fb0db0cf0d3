"""A run saved whole and read again: the same numbers, no code from the file."""

from __future__ import annotations

import json
from dataclasses import dataclass, is_dataclass
from datetime import date
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from heor import archive
from heor.archive import GROUP, TREE, read_archive, write_archive
from heor.decision.cost_effectiveness import increments
from heor.errors import InputError
from heor.problem.country import DiscountBand
from heor.problem.problem import DecisionProblem
from heor.runs.results import Results
from heor.survival.families.distributions import get

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


#: Names that a crafted file may put where a class belongs; none of them may be imported or called.
NAMES = [
    "os:system",
    "subprocess:Popen",
    "builtins:eval",
    "builtins:exec",
    "pickle:loads",
    "heor.archive:read_archive",  # a function
    "heor.archive:_Reader",  # a class that is no data
    "heor.archive:importlib.import_module",
    "heor.survival.sampler.workers:subprocess.Popen",  # a walk by attribute
    "heor.survival.sampler.workers:os.system",
    "heor.survival.sampler.workers:pickle.loads",
    "heor.survival.sampler.workers:Task",  # a dataclass that no results hold
    "heor.survival.sampler.workers:_Worker",
    "heor.cli.main:main",
    "heor.cli.main:click.echo",
    "heor.cli.main:sys.exit",
    "heor.runs.results:DecisionProblem",  # a class re-exported by another module
    "heor.runs.results:Results.load",
    "heor.runs.results:Results.__init__",
    "heor.runs.results:Results.__class__",
    "heor.runs.results:Path",
    "heor.runs.results:np.load",
    "heor.runs.results:__builtins__",
    "heor.runs.results:__builtins__.eval",
    "heor.runs.results:",
    "heor:load",
    "heor:evaluate",
    "heor.errors:InputError",
    "heor.errors:HeorWarning",
    "heor.problem.problem:Parameter.__subclasses__",
    "heor.problem.country.DiscountBand",
    "DiscountBand",
    ":DiscountBand",
    "",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["class", "error", "function"])
def test_a_file_cannot_name_code(name: str, kind: str, folder: Path, monkeypatch) -> None:
    def crafted(tree: dict) -> None:
        tree["objects"][0] = {
            "kind": kind,
            "class": name,
            "name": name,
            "items": ["touch " + str(folder / "called")] if kind == "error" else {},
        }

    path = _spoilt(folder, crafted)
    imported = []
    monkeypatch.setattr(archive.importlib, "import_module", imported.append)
    with pytest.raises(InputError, match=r"kept\.nc: cannot be read .*of another version"):
        read_archive(path)
    assert not imported
    assert not (folder / "called").exists()


def test_the_classes_are_plain_data() -> None:
    """Each is defined where the table says; its objects are their fields and nothing else."""
    for module, names in archive.CLASSES.items():
        for name in names:
            cls = archive._class(f"{module}:{name}")
            assert (cls.__module__, cls.__qualname__) == (module, name)
            assert is_dataclass(cls) or not hasattr(cls(), "__dict__") or not vars(cls())
            assert not issubclass(cls, BaseException)


def _links_to_another_file(file: h5py.File) -> None:
    del file[GROUP]["f8"]
    file[GROUP]["f8"] = h5py.ExternalLink("secret.nc", "/numbers")


def _links_to_another_group(file: h5py.File) -> None:
    del file[GROUP]
    file[GROUP] = h5py.ExternalLink("secret.nc", "/")


def _soft_link(file: h5py.File) -> None:
    del file[GROUP]["f8"]
    file[GROUP]["f8"] = h5py.SoftLink("/other")


def _numbers_of_another_file(file: h5py.File) -> None:
    del file[GROUP]["f8"]
    file[GROUP].create_dataset("f8", (4,), "f8", external=[("secret.bin", 0, 32)])


def _virtual(file: h5py.File) -> None:
    del file[GROUP]["f8"]
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("secret.nc", "numbers", (4,))
    file[GROUP].create_virtual_dataset("f8", layout)


def _unpacks_to_terabytes(file: h5py.File) -> None:
    del file[GROUP]["f8"]
    file[GROUP].create_dataset("f8", (2**40,), "f8", chunks=(2**20,), compression="gzip")


def _without_a_tree(file: h5py.File) -> None:
    del file[GROUP][TREE]


def _a_group_for_numbers(file: h5py.File) -> None:
    del file[GROUP]["f8"]
    file[GROUP].create_group("f8")


@pytest.mark.parametrize(
    "change",
    [
        _links_to_another_file,
        _links_to_another_group,
        _soft_link,
        _numbers_of_another_file,
        _virtual,
        _unpacks_to_terabytes,
        _without_a_tree,
        _a_group_for_numbers,
    ],
)
def test_a_file_reads_no_other_file_and_does_not_unpack_without_end(change, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.nc", "w") as file:
        file["numbers"] = np.arange(4.0)
    (tmp_path / "secret.bin").write_bytes(np.arange(4.0).tobytes())
    there_and_back(np.arange(4.0), tmp_path)
    with h5py.File(tmp_path / "kept.nc", "a") as file:
        for name in list(file[GROUP]):  # dimension scales hold references to what is changed
            if file[GROUP][name].is_scale:
                del file[GROUP][name]
        change(file)
    with pytest.raises(InputError, match=r"kept\.nc: cannot be read"):
        read_archive(tmp_path / "kept.nc")


def _node(node: object):
    return lambda tree: tree["objects"].__setitem__(0, node)


@pytest.mark.parametrize(
    "change",
    [
        _node({"kind": "tuple", "items": [{"kind": "same", "object": 0}]}),  # holds itself
        _node({"kind": "array", "array": ["f8", 0, [2**62, 2**62]]}),
        _node({"kind": "array", "array": {"shape": [2**40], "items": []}}),
        _node({"kind": "array", "array": ["O", 0, [1]]}),
        _node({"kind": "frame", "columns": [["x", "no such type", ["f8", 0, [1]]]], "rows": 1}),
        _node({"kind": "mapping", "items": [[{"kind": "same", "object": 0}, 1]]}),
        _node({"kind": "dataset", "variables": 1, "coordinates": [], "attrs": []}),
        _node({"kind": "no such kind"}),
        _node({}),
        _node(None),
        lambda tree: tree.update(root={"kind": "same", "object": 99}),
        lambda tree: tree.update(root={"kind": "same", "object": "0"}),
        lambda tree: tree.update(root={"kind": "float", "value": "one"}),
        lambda tree: tree.update(root={"kind": "date", "value": "never"}),
        lambda tree: tree.update(objects=None),
        lambda tree: tree.pop("root"),
    ],
)
def test_a_tree_that_makes_no_sense_is_refused(change, folder: Path) -> None:
    with pytest.raises(InputError, match=r"kept\.nc: cannot be read"):
        read_archive(_spoilt(folder, change))


def test_a_tree_too_deep_to_follow_is_refused(folder: Path) -> None:
    def deep(tree: dict) -> None:
        tree["objects"] = [
            {"kind": "tuple", "items": [{"kind": "same", "object": i + 1}]} for i in range(100_000)
        ]

    with pytest.raises(InputError, match="cannot be read"):
        read_archive(_spoilt(folder, deep))


def test_a_folder_or_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.nc").mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        read_archive(tmp_path / "results.nc")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("heor run --country norway --set 'x=[1, 2]'", "heor run --country norway"),
        ("rm -rf ~", "`heor run`"),
        ("heor run; rm -rf ~", "`heor run`"),
        ("heor run $(rm -rf ~)", "`heor run`"),
        ("heor run\nrm -rf ~", "`heor run`"),
        (["heor run"], "`heor run`"),
    ],
)
def test_only_commands_of_this_program_are_advised(told, shown: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"command": told}), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_archive(tmp_path / "results.nc")
    assert shown in str(caught.value)
    assert "rm -rf" not in str(caught.value)


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


#: Mean incremental cost and QALYs in the icer.csv that commit 8b12b42 wrote with each file.
WRITTEN_BEFORE = {
    "declared_50_draws.nc": (-3007.449176, 2.126186219),
    "liver_50_draws.nc": (188652.3133, 0.6696168052),
}


@pytest.mark.parametrize("name", WRITTEN_BEFORE)
def test_a_file_of_an_earlier_version_opens(name: str) -> None:
    """Only the archive was kept of the files; the rest of `results.nc` is not read."""
    results = Results.load(Path(__file__).parent / "archived" / name)
    settings = results.problem.settings
    roles = settings.comparator, settings.intervention
    found = increments(results.simulation.outcomes, *roles)
    right = WRITTEN_BEFORE[name]
    assert (found["cost"].mean(), found["qalys"].mean()) == pytest.approx(right, rel=1e-9)
