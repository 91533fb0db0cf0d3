"""Runs killed at random moments, two writers on one folder, and a disk that is full."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from heor.storage.folder import settle
from heor.storage.manifest import FILES, RECORD, hash_of, manifest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL and its kind need POSIX")
SMALL = (
    *("run", "--quick", "--draws", "200", "--no-figures"),
    *(
        f"--set=analysis.{name}"
        for name in ("structures=[]", "companions=[]", "trial=null", "prices=[]")
    ),
    "--set=analysis.survival.distributions=[weibull, lognormal]",
)
NOTES = "what I think of it"


def heor(place: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "heor", *SMALL, *more]
    return subprocess.Popen(
        command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def whole(folder: Path) -> bool:
    """Every file the record lists is there as it was written."""
    listed = manifest(folder)
    assert listed.content is not None and FILES in listed.content
    return all(hash_of(folder / name) == own for name, own in listed.files.items())


def hidden(place: Path) -> list[str]:
    return [p.relative_to(place).as_posix() for p in place.rglob(".*")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder with inputs, a finished run and notes of its user."""
    found = tmp_path_factory.mktemp("stopped")
    shutil.copytree(request.config.rootpath / "inputs", found / "inputs")
    assert heor(found).wait() == 0
    (found / "outputs" / "norway" / "notes.txt").write_text(NOTES, encoding="utf-8")
    return found


def times(slow: int, exhaustive: int) -> pytest.MarkDecorator:
    few = pytest.param(slow, marks=pytest.mark.slow)
    return pytest.mark.parametrize(
        "kills", [few, pytest.param(exhaustive, marks=pytest.mark.exhaustive)]
    )


@times(10, 100)
def test_killed_runs(place: Path, kills: int) -> None:
    """Whatever the moment: earlier or new results whole, the next run works, nothing is left behind."""
    started = time.perf_counter()
    assert heor(place, "--seed=1").wait() == 0
    length = time.perf_counter() - started
    folder, chance = place / "outputs" / "norway", random.Random(kills)
    for number in range(kills):
        if number % 5 == 0:  # also while fits are written
            shutil.rmtree(place / "outputs" / "cache", ignore_errors=True)
        process = heor(place, f"--seed={number}")
        try:
            process.wait(chance.uniform(0.1, 1.0) ** 0.5 * length)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        settle(folder)
        assert whole(folder), number
        assert (folder / "notes.txt").read_text(encoding="utf-8") == NOTES
    last = heor(place, "--seed=7")
    assert last.wait() == 0, last.stderr.read()
    assert whole(folder) and manifest(folder).content["seed"] == 7
    assert not hidden(place / "outputs"), "left behind"
    assert sorted(p.name for p in (place / "outputs").iterdir()) == ["cache", "norway"]


WRITER = """
import sys, warnings
from pathlib import Path
from heor.storage.folder import write_folder
warnings.simplefilter("ignore")
name, folder, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
def fill(place):
    (place / "tables").mkdir()
    for file in ("report.md", "tables/a.csv", f"tables/{name}.csv", "results.nc"):
        (place / file).write_text(f"{name} {number}")
for number in range(times):
    write_folder(folder, fill, content={"by": f"{name} {number}"})
print("done")
"""


def writer(name: str, folder: Path, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, name, str(folder), str(times)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes)


@pytest.mark.slow
def test_two_writers(tmp_path: Path) -> None:
    """A hundred writes each: none fails, the notes stay, the results are one writer's."""
    folder = tmp_path / "run"
    assert writer("first", folder, 1).wait() == 0
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    both = [writer(name, folder, 100) for name in ("one", "two")]
    for process in both:
        out, error = process.communicate()
        assert (out, error) == ("done\n", "")
    by = manifest(folder).content["by"]
    assert by.endswith(" 99") and whole(folder)
    for name in ("report.md", "tables/a.csv", f"tables/{by.split()[0]}.csv", "results.nc"):
        assert (folder / name).read_text(encoding="utf-8") == by
    assert len(list((folder / "tables").iterdir())) == 2
    assert (folder / "notes.txt").read_text(encoding="utf-8") == NOTES
    assert not hidden(tmp_path)


@times(40, 1000)
def test_killed_writers(tmp_path: Path, kills: int) -> None:
    """One writer killed again and again while it does nothing else, another beside it."""
    folder, chance = tmp_path / "run", random.Random(kills)
    assert writer("first", folder, 1).wait() == 0
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    for number in range(kills):
        beside = writer("beside", folder, 5) if number % 4 == 0 else None
        process = writer("killed", folder, 10_000)
        time.sleep(0.3 + 0.2 * chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        if beside:
            out, error = beside.communicate()
            assert (out, error) == ("done\n", ""), error
        settle(folder)
        assert whole(folder), number
        written = {(folder / n).read_text("utf-8") for n in ("report.md", "tables/a.csv")}
        assert written == {manifest(folder).content["by"]}
        assert (folder / "notes.txt").read_text(encoding="utf-8") == NOTES
    assert writer("last", folder, 1).wait() == 0
    assert {p.name for p in folder.rglob("*")} == {
        *("notes.txt", "report.md", "results.nc", "tables", "a.csv", "last.csv", RECORD)
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no disk could be mounted: {error}")
    if done.returncode:
        pytest.skip(f"no disk could be mounted: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 30_000, 400_000])
def test_a_full_disk(place: Path, small_disk: Path, left: int) -> None:
    """One clear line, no crash; earlier results and notes whole; fits that cannot be kept are a warning."""
    shutil.copytree(place / "inputs", small_disk / "inputs")
    first = heor(small_disk)
    assert first.wait() == 0, first.stderr.read()
    folder = small_disk / "outputs" / "norway"
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    shutil.rmtree(small_disk / "outputs" / "cache")
    room = shutil.disk_usage(small_disk).free
    (small_disk / "film").write_bytes(b"0" * (room - left - 20_000))
    second = heor(small_disk, "--seed=3")
    error = second.stderr.read()
    assert second.wait() == 2, error
    assert "cannot be written (No space left on device" in error and "Traceback" not in error
    assert "nothing was written, and earlier results are as they were" in error
    assert whole(folder) and (folder / "notes.txt").read_text(encoding="utf-8") == NOTES
    (small_disk / "film").unlink()
    third = heor(small_disk, "--seed=3")
    assert third.wait() == 0, third.stderr.read()
    assert whole(folder) and manifest(folder).content["seed"] == 3
    assert not hidden(small_disk / "outputs")
