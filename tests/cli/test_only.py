"""`heor run --only`: the answer is printed first, and what was left out says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heor.cli import main as cli
from tests.declared_models import declared

LEFT_OUT = "**Left out: {}.** `--only {}` leaves it out."


@pytest.mark.parametrize(
    ("only", "there", "absent"),
    [
        ("answer", (), ("one-way sensitivity", "what would change the answer")),
        ("decision", ("tornado",), ("what would change the answer",)),
    ],
)
def test_a_run_that_stops_early(
    only: str,
    there: tuple[str, ...],
    absent: tuple[str, ...],
    inputs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    folder = declared(inputs, tmp_path / "inputs", draws=150)
    out = tmp_path / "out"
    words = ["run", "--inputs", str(folder), "--output", str(out), "--no-figures", "--only", only]
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "QALY" in lines[1] and lines[-1].startswith("Open ")
    report = (out / "report.md").read_text(encoding="utf-8")
    for name in absent:
        assert LEFT_OUT.format(name, only) in report
    for table in there:
        assert len((out / "tables" / f"{table}.csv").read_text().splitlines()) > 1
    stages = json.loads((out / "run.json").read_text(encoding="utf-8"))["timings_seconds"]
    assert "draws and model" in stages and "what if" not in stages


def test_everything_leaves_nothing_out(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = declared(inputs, tmp_path / "inputs", draws=150)
    out = tmp_path / "out"
    assert cli.main(["run", "--inputs", str(folder), "--output", str(out), "--no-figures"]) == 0
    assert "Left out" not in (out / "report.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.count("Probability of being cost-effective") == 1
