"""A disk without room, and folders that cannot be written: clear lines, earlier results whole."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from heor.cli import main as cli
from heor.errors import HeorWarning, InputError, OutputError
from heor.runs.results import Results
from heor.storage.folder import check_folder, write_folder
from heor.storage.manifest import hash_of
from heor.survival.sampler import cache

resource = pytest.importorskip("resource", reason="limits of a process need POSIX")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file can grow beyond this many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def content(folder: Path) -> dict[str, str | None]:
    return {str(p.relative_to(folder)): hash_of(p) for p in folder.rglob("*") if p.is_file()}


def filled(results: Results) -> Callable[[Path], None]:
    """A small folder with the results of a whole run."""

    def fill(place: Path) -> None:
        (place / "report.md").write_text("the answer", encoding="utf-8")
        results.save(place / "results.nc")

    return fill


@pytest.mark.parametrize("size", [0, 5_000, 300_000])
def test_results_that_do_not_fit(size: int, made_up_run: Results, tmp_path: Path) -> None:
    """HDF5 would end the process where `results.nc` grows too large; Python says so."""
    folder = write_folder(tmp_path / "norway", filled(made_up_run))
    assert (folder / "results.nc").stat().st_size > 300_000
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    before = content(tmp_path)
    with (
        files_of_at_most(size),
        pytest.raises(OutputError, match="cannot be written .File too large"),
    ):
        write_folder(folder, filled(made_up_run))
    assert content(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["norway"]


def test_results_that_do_not_fit_into_a_new_folder(made_up_run: Results, tmp_path: Path) -> None:
    """What was made for them goes again."""
    with files_of_at_most(5_000), pytest.raises(OutputError):
        write_folder(tmp_path / "outputs" / "norway", filled(made_up_run))
    assert not list(tmp_path.iterdir())


GROUPS = {"posterior": {"shape": (("draw",), np.linspace(0.0, 1.0, 5_000))}}


def kept(path: Path, groups: dict = GROUPS) -> list[str]:
    """What is said when a posterior is kept."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache.write(path, groups, {"method": "nuts"})
    return [f"{w.category.__name__}: {w.message}" for w in caught]


def test_fits_that_cannot_be_kept_are_a_warning(tmp_path: Path) -> None:
    """One that is the same for every fit, so that it is shown once; fits kept before stay."""
    first, second = tmp_path / "cache" / "a.nc", tmp_path / "cache" / "b.nc"
    assert kept(first) == []
    before = content(tmp_path)
    with files_of_at_most(10_000):
        said = kept(first, {"posterior": {"shape": (("draw",), np.zeros(5_000))}}) + kept(second)
    assert content(tmp_path) == before and cache.read(first) is not None
    assert (
        len(set(said)) == 1 and said[0].startswith("HeorWarning: ") and "File too large" in said[0]
    )
    assert "the next run will fit again" in said[0]
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (said,) = kept(tmp_path / "file" / "a.nc")
    assert "survival fits cannot be kept" in said and cache.read(tmp_path / "file" / "a.nc") is None
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_places_that_cannot_be_written_are_refused_before_any_work(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "nowhere").symlink_to(tmp_path / "unplugged")
    os.mkfifo(tmp_path / "pipe")  # as a device: neither folder nor file
    for name, words in (
        ("pipe", "is a device or pipe; a folder is needed"),
        ("file", "is a file; a folder is needed"),
        ("file/x", "is a file"),
        ("n" * 300, "File name too long"),
        ("a\0b", "null byte"),
        ("nowhere", "is a link to .*unplugged, which is not there"),
    ):
        with pytest.raises(InputError, match=f"{words}.* --output"):
            check_folder(tmp_path / name)
    monkeypatch.setattr("heor.runs.analysis.evaluate", None)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert cli.main(["run", "--inputs", str(inputs), "--output", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert "no permission" in said and said.endswith("1 problem found; nothing was run.\n")
    assert {p.name for p in tmp_path.iterdir()} == {"file", "nowhere", "pipe"}


def test_a_link_stays_a_link(made_up_run: Results, tmp_path: Path) -> None:
    """What it leads to is written by the rules of any folder."""
    (tmp_path / "disk").mkdir()
    link = tmp_path / "norway"
    link.symlink_to(tmp_path / "disk")
    write_folder(link, filled(made_up_run))
    (link / "notes.txt").write_text("mine", encoding="utf-8")
    write_folder(link, filled(made_up_run))
    assert link.is_symlink() and (tmp_path / "disk" / "notes.txt").exists()
    assert (tmp_path / "disk" / "run.json").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"disk", "norway"}


def test_any_other_error_of_the_disk_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/x")

    monkeypatch.setattr("heor.inputs.load.load", fail)
    assert cli.main(["check"]) == 1
    assert capsys.readouterr().err == "/tmp/x: No space left on device.\n"


def test_warnings_are_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def warn(*_: object, **__: object) -> None:
        warnings.warn("read this", HeorWarning, stacklevel=2)
        raise OutputError("enough")

    monkeypatch.setattr("heor.inputs.load.load", warn)
    assert cli.main(["check"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["warning: read this", "enough"] and "nothing was written" in said[2]
