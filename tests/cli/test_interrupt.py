"""Ctrl-C at any moment: exit code 130, one line, earlier results whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from heor.cli import main as cli
from heor.errors import INTERRUPTED
from heor.storage import folder as storage
from tests.declared_models import declared

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a signal to one process needs POSIX")
UNTOUCHED = "Interrupted; earlier results are untouched."

#: Ctrl-C when a module is imported, or a function called; then the command line as it starts.
START = """
import importlib.abc, os, signal, sys
def stop(times=1):
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)
class Stopper(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            sys.meta_path.remove(self)
            stop()
MODULE = {module!r}
sys.meta_path.insert(0, Stopper())
from heor.__main__ import entry
{patch}
sys.argv = ["heor", *{arguments!r}]
entry()
"""


def interrupted(place: Path, module: str = "", patch: str = "", *arguments: str) -> list[str]:
    code = START.format(module=module, patch=patch, arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == INTERRUPTED, done.stderr
    return [line for line in done.stderr.splitlines() if line]  # click ends the line of ^C


@pytest.mark.parametrize("module", ["click", "heor.cli.options", "yaml"])
def test_while_it_starts(module: str, inputs: Path, tmp_path: Path) -> None:
    """The libraries are still being imported."""
    assert interrupted(tmp_path, module, "", "check", "--inputs", str(inputs)) == [UNTOUCHED]


CLICKS = "time,survival\n0,1\n5,0.8\n10,0.6\n20,0.3\n30,0.1\n"
COMMAND = ("km", "reconstruct", "arm.csv", "--patients", "100", "--time-unit", "months")
FILLING = "import heor.report.folders.reconstruction as r\nr._text = lambda *_: stop()\n"
CLEARING = (
    FILLING
    + """
import heor.storage.folder as f
clear = f.clear
f.clear = lambda staging: (stop(), clear(staging))
"""
)
INSTALLING = """
import heor.storage.journal as j
put = j.Journal._put
j.Journal._put = lambda self, name: (put(self, name), stop())
"""


@pytest.mark.slow
@pytest.mark.parametrize("patch", [FILLING, INSTALLING, CLEARING])
def test_while_it_writes(patch: str, tmp_path: Path) -> None:
    """Also a second time, in clearing up: then the next command clears up."""
    (tmp_path / "arm.csv").write_text(CLICKS, encoding="utf-8")
    line = [sys.executable, "-m", "heor", *COMMAND]
    assert subprocess.run(line, cwd=tmp_path, capture_output=True).returncode == 0
    folder = tmp_path / "outputs" / "km-arm"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert interrupted(tmp_path, "", patch, *COMMAND) == [UNTOUCHED]
    if patch != CLEARING:
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert all((folder / name).read_bytes() == text for name, text in before.items())
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and ("was stopped" in done.stderr) == (patch == CLEARING)
    assert {p.name for p in folder.iterdir()} == before.keys()


def test_what_is_said_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    (tmp_path / "arm.csv").write_text(CLICKS, encoding="utf-8")
    monkeypatch.setattr(storage, "WRITTEN", [])
    monkeypatch.setattr("heor.report.folders.reconstruction.summary", stop)
    monkeypatch.setattr("heor.report.folders.reconstruction.read_curve", stop)
    assert cli.main(list(COMMAND)) == INTERRUPTED
    assert capsys.readouterr().err.strip() == UNTOUCHED
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(storage, "WRITTEN", [])
    monkeypatch.setattr("heor.report.folders.reconstruction.summary", stop)
    assert cli.main(list(COMMAND)) == INTERRUPTED
    said = f"Interrupted; {Path('outputs') / 'km-arm'} is complete."
    assert capsys.readouterr().err.strip() == said


STOPS = """
import heor.runs.analysis as a
a.one_way = lambda *_: stop()
"""


def test_after_the_answer_a_smaller_report_is_kept(inputs: Path, tmp_path: Path) -> None:
    """The base case is valued; what was not done stands in its place."""
    folder = declared(inputs, tmp_path / "inputs", draws=100)
    words = ("run", "--inputs", str(folder), "--output", "kept", "--only", "decision")
    lines = interrupted(tmp_path, "", STOPS, *words)
    assert lines[-1] == "Interrupted; kept is complete."
    text = (tmp_path / "kept" / "report.md").read_text(encoding="utf-8")
    assert "QALYs" in text.split("## The answer")[1]
    assert "**Left out: one-way sensitivity.** The run was stopped before it." in text
    assert "would change the answer.** `--only decision` leaves it out." in text
    assert (tmp_path / "kept" / "results.nc").exists()
