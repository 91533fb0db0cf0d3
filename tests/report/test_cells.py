"""What leaves the program as CSV, TSV or JSON is read by other programs as data only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.cli.main import main
from heor.errors import InputError
from heor.report.figure_data.table import Numbers
from heor.report.figures.registry import write_figures
from heor.report.folders.tables import write_csv
from heor.report.format.provenance import write_json
from heor.report.html.journal_tables import JournalTable, write_journal

FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "-HYPERLINK(1)",
    "+1+HYPERLINK(1)",
    "- a",
    "＝1+1",
]
PLAIN = ["-1.5", "-8,000", "+5 %", "-0.09 to 2.09", "-0.1 (-0.3 to 0.2)", "-", "a=b", "c@d", ""]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_table_is_a_formula(text: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"name": [text], text: [-1.5]})
    (path,) = write_csv({"t": table}, tmp_path)
    Numbers(table).write(tmp_path / "numbers.csv")
    write_journal({"j": JournalTable(table[["name"]], text, "")}, "title", tmp_path)
    for written in (path, tmp_path / "numbers.csv"):
        found = pd.read_csv(written)
        kept = "'" + text.replace("\r", "\n")
        assert found.columns.tolist() == ["name", kept]
        assert found["name"].tolist() == [kept]
        assert found.iloc[0, 1] == -1.5
    assert f"'{text.strip()}" in (tmp_path / "journal" / "j.tsv").read_bytes().decode("utf-8-sig")


@pytest.mark.parametrize("text", PLAIN)
def test_other_cells_stay_as_they_are(text: str, tmp_path: Path) -> None:
    (path,) = write_csv({"t": pd.DataFrame({"name": [text, "x"], "n": [-1, 2]})}, tmp_path)
    assert pd.read_csv(path, dtype=str, keep_default_na=False)["name"].tolist() == [text, "x"]


def test_scored_answers_hold_no_formula(tmp_path: Path, inputs: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("patient,state\n=1+1,11111\n-2,21111\n", encoding="utf-8")
    out = tmp_path / "scored.csv"
    given = ["--value-set", "norway_5l", "--inputs", str(inputs), "--output", str(out)]
    assert main(["utilities", str(answers), *given]) == 0
    assert pd.read_csv(out, dtype=str)["patient"].tolist() == ["'=1+1", "-2"]


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/evil", "a\\\\b", "C:evil", ".hidden", "x" * 300, "a\nb"],
)
def test_no_file_is_written_elsewhere(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="cannot be the name of a file"):
        write_csv({name: pd.DataFrame({"x": [1]})}, tmp_path / "a" / "b")
    with pytest.raises(InputError, match="cannot be the name of a file"):
        write_figures(None, tmp_path / "a" / "b", figures={name: lambda results: None})
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b"]


def test_run_json_is_json(tmp_path: Path) -> None:
    content = {"a": np.nan, "b": [1.5, float("inf")], "c": {"d": np.float64("nan"), "e": True}}
    write_json(content, tmp_path / "run.json")

    def refuse(text: str) -> None:
        raise AssertionError(text)

    found = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert found == {"a": None, "b": [1.5, None], "c": {"d": None, "e": True}}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["--set", "c_resection="], "--set c_resection=: nothing after the '='"),
        (["--set", "c_resection= "], "--set c_resection=: nothing after the '='"),
        (["--set", "=5"], "--set =5: nothing before the '='"),
        (["--set", "a=1", "--set", "a=2"], "--set a: given 2 times; a name has one value."),
    ],
)
def test_a_setting_without_a_value_is_refused(given: list[str], found: str, capsys) -> None:
    assert main(["check", *given]) == 2
    assert found in capsys.readouterr().err
