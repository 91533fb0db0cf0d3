"""Same inputs and seed, same tables to the byte: value of information, of the trial and what if too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from heor.cli import main as cli

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("sampling", ["pseudo_random", "sobol"])
def test_every_table_of_two_runs(inputs: Path, tmp_path: Path, monkeypatch, sampling) -> None:
    shutil.copytree(inputs, tmp_path / "inputs")
    monkeypatch.chdir(tmp_path)
    words = ["run", "--quick", "--no-figures", "--draws", "640", "--set"]
    words.append(f"analysis.sampling={sampling}")
    for name in ("one", "two"):
        assert cli.main([*words, "--output", name]) == 0
    first, second = (
        {p.name: p.read_bytes() for p in (tmp_path / n / "tables").glob("*.csv")}
        for n in ("one", "two")
    )
    assert first == second
    assert {"information.csv", "trial_designs.csv", "tipping_points.csv", "what_if.csv"} <= set(
        first
    )
    assert (tmp_path / "one/trial.md").read_text() == (tmp_path / "two/trial.md").read_text()
