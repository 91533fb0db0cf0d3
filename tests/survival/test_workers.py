"""Sampler processes run the installed packages, whatever lies in the folder the user stands in."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from heor.cli.main import main
from heor.survival.sampler import workers

PLANTED = ("numpy", "heor", "sitecustomize", "usercustomize", "pymc", "pickle", "threading")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder whose modules leave a mark when they are imported; the mark."""
    mark = tmp_path / "mark"
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(f"open({str(mark)!r}, 'w')\n", encoding="utf-8")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return mark


@pytest.mark.parametrize("path", [None, "", os.pathsep, f".{os.pathsep}", f"..{os.pathsep}."])
def test_a_worker_imports_nothing_from_the_working_folder(
    planted: Path, path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", path)
    code = "import json, sys; print(json.dumps(sys.path))"
    found = json.loads(
        subprocess.check_output(
            workers._command(code), env=workers._environment(), cwd=workers._package_folder()
        )
    )
    assert found
    assert not {"", ".", ".."} & set(found)
    assert all(Path(p).resolve() != planted.parent for p in found)
    assert not planted.exists()


def test_a_started_worker_left_no_mark(planted: Path) -> None:
    worker = workers._Worker(1)
    try:
        worker.process.stdin.close()  # it imports all it serves with, finds no task, and ends
        assert worker.process.wait(120) == 0, worker._messages()
    finally:
        worker.close()
    assert not planted.exists()


def test_numba_settings_in_the_working_folder_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / ".numba_config.yaml").write_text("cache_dir: evil\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 2
    found = capsys.readouterr().err
    assert found.startswith(".numba_config.yaml: Numba would read its settings from this file")
    assert "Remove the file" in found


def test_a_worker_that_dies_is_tried_again_and_then_a_reason(monkeypatch) -> None:
    """Each fit alone once more; what still fails has a line, and no traceback ends the run."""
    from types import SimpleNamespace

    from heor.survival.fitting import fit_each
    from heor.survival.sampler import workers

    started = []
    popen = workers.subprocess.Popen

    def watched(*arguments, **others):
        started.append(arguments)
        return popen(*arguments, **others)

    monkeypatch.setattr(workers, "START", "import os; os._exit(9)  # {cores}")
    monkeypatch.setattr(workers.subprocess, "Popen", watched)
    tasks = [[SimpleNamespace(key="a"), SimpleNamespace(key="b")]]
    found = dict(fit_each._samples(tasks))
    why = "NUTS: its process ended before it answered (stopped by someone, or out of memory)."
    assert found == {"a": why, "b": why}
    assert len(started) >= 3  # together, then one by one
