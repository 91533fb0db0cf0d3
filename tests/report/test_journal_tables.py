"""Tables for a manuscript: rounded as journals do, whole, escaped, and those of the report."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.decision.cost_effectiveness import icer_table
from heor.decision.frontier import frontier_table, incremental_analysis
from heor.outcomes.outcomes import Outcomes
from heor.report.folders.tables import TABLES
from heor.report.html.journal_tables import journal_tables, write_journal
from heor.report.run_report import report
from heor.runs.results import Results

NASTY = "<b>A</b> & 'B'\t\"C\" | **D**"


@pytest.fixture(scope="module")
def results(made_up_run: Results) -> Results:
    """With a parameter that turns the answer."""
    row = {"parameter": "cure", "description": "cured share", "unit": "probability"}
    row |= {"status": "assumption", "searched_from": 0.0, "searched_to": 0.3, "threshold": 715000.0}
    row |= {"threshold_name": "severity", "value": 0.0563, "se": 0.005, "worth_above": True}
    return replace(made_up_run, tipping=pd.DataFrame([{**row, "probability": 0.7}]))


class Tables(HTMLParser):
    """Cells of every table, and the paragraphs between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.paragraphs: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta",):
            self.inside.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "p":
            self.paragraphs.append("")

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if self.inside and self.inside[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif "p" in self.inside:
            self.paragraphs[-1] += data


def written(results: Results, folder: Path) -> tuple[Tables, dict[str, list[list[str]]]]:
    """The page's tables, and each file's cells."""
    tables = journal_tables(results)
    write_journal(tables, results.problem.title, folder)
    files = {}
    for name in tables:
        text = (folder / f"journal/{name}.tsv").read_text(encoding="utf-8-sig")
        files[name] = [line.split("\t") for line in text.splitlines()]
    return Tables((folder / "journal.html").read_text(encoding="utf-8")), files


def test_page_and_files_have_the_same_cells_and_every_table_its_words(results, tmp_path) -> None:
    page, files = written(results, tmp_path)
    assert list(files) == [
        "decision",
        "incremental_analysis",
        "costs",
        "thresholds",
        "drivers",
        "tipping_points",
        "scenarios",
        "structures",
        "parameters",
    ]
    assert page.tables == list(files.values())
    captions, notes = page.paragraphs[::2], page.paragraphs[1::2]
    assert [c.split(".")[0] for c in captions] == [f"Table {k + 1}" for k in range(len(files))]
    assert all("Norway" in c for c in captions) and all(notes)
    for rows in files.values():
        assert len({len(cells) for cells in rows}) == 1 and len(rows) > 1
        assert "**" not in str(rows) and "nan" not in str(rows)
    bare = replace(results, tipping=pd.DataFrame(), companions=(), structures=())
    assert {"tipping_points", "scenarios", "structures"} == set(files) - set(journal_tables(bare))


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_rounding_is_that_of_journals_and_units_stand_in_headers(results) -> None:
    """Money to the nearest hundred, QALYs to two decimals, the ICER to three significant digits."""
    tables = {name: table.frame for name, table in journal_tables(results).items()}
    exact = TABLES["frontier"](results)
    frame = tables["incremental_analysis"]
    last, true = frame.iloc[-1], exact.iloc[-1]
    assert number(last["Incremental cost (NOK)"]) == round(true["incremental_cost"], -2)
    assert number(last["Incremental QALYs"]) == round(true["incremental_effect"], 2)
    header = "ICER (NOK per QALY; 95 % Monte Carlo interval)"
    shown = [number(x) for x in re.findall(r"[\d,]+", last[header])]
    for x, y in zip(shown, true[["icer", "icer_low", "icer_high"]], strict=True):
        assert x == pytest.approx(y, rel=0.005) and len(f"{x:.0f}".rstrip("0")) <= 3
    assert tables["decision"]["Per patient"].tolist()[:2] == ["Cost (NOK)", "QALYs"]
    assert list(tables["scenarios"])[1] == "Cost (NOK)" and header in tables["scenarios"]


def test_tables_are_those_of_the_report(results) -> None:
    """Every cell stands in report.md, but those of the tables it does not have."""
    text = re.sub(r"[*|\\]", " ", report(results, []))
    text = " ".join(text.split())
    for name, table in journal_tables(results).items():
        if name in ("incremental_analysis", "parameters"):
            continue
        missing = [c for row in table.rows for c in row if " ".join(c.split()) not in text]
        assert not missing, (name, missing)


@pytest.mark.parametrize(
    ("cost", "effect", "wanted"),
    [
        ((100_000.0, 200_000.0), (1.0, 2.0), {"chemotherapy": "-", "resection": "100,000"}),
        (
            (200_000.0, 100_000.0),
            (1.0, 2.0),
            {"resection": "dominates", "chemotherapy": "is dominated"},
        ),
        (
            (100_000.0, 200_000.0),
            (2.0, 1.0),
            {"chemotherapy": "dominates", "resection": "is dominated"},
        ),
    ],
)
def test_a_dominated_strategy_has_words_for_a_ratio(results, cost, effect, wanted) -> None:
    frontier = incremental_analysis(list(results.problem.strategies), cost, effect)
    frontier = frontier.assign(icer_low=np.nan, icer_high=np.nan)
    decision = replace(results.decision, tables={**results.decision.tables, "frontier": frontier})
    rows = journal_tables(replace(results, decision=decision))["incremental_analysis"].rows
    labels = {s.label: name for name, s in results.problem.strategies.items()}
    assert {labels[row[0]]: row[-1] for row in rows} == wanted


def test_labels_are_text_and_stay_on_their_line(results, tmp_path) -> None:
    strategies = dict(results.problem.strategies)
    strategies["resection"] = replace(strategies["resection"], label=NASTY)
    nasty = replace(results, problem=replace(results.problem, strategies=strategies))
    page, files = written(nasty, tmp_path)
    plain = "<b>A</b> & 'B' \"C\" | D"
    assert plain in files["decision"][0] and plain in page.tables[0][0]
    assert "<b>" not in (tmp_path / "journal.html").read_text(encoding="utf-8")


def test_a_quick_run_says_so_under_every_table(results) -> None:
    settings = results.problem.settings
    settings = replace(settings, fit=replace(settings.fit, quick=True))
    quick = replace(results, problem=replace(results.problem, settings=settings))
    assert all("not for decisions" in t.note for t in journal_tables(quick).values())
    assert not any("not for decisions" in t.note for t in journal_tables(results).values())


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 2.0), st.floats(100.0, 1e5))
def test_the_frontier_of_two_has_the_interval_of_their_icer(seed, gain, dearer) -> None:
    noise = np.random.default_rng(seed).standard_normal((200, 2, 2)) * [[[0.2, 5e3]]]
    rows = [
        {
            "strategy": s,
            "draw": d,
            "qaly": k * gain + noise[d, k, 0],
            "cost": k * dearer + noise[d, k, 1],
        }
        for d in range(200)
        for k, s in enumerate("ab")
    ]
    outcomes = Outcomes.from_table(pd.DataFrame(rows), currency="EUR")
    ratio = icer_table(outcomes, "a", "b").iloc[0]
    table = frontier_table(outcomes)
    if ratio["label"] == "icer":
        found = table.iloc[-1][["icer", "icer_low", "icer_high"]].to_numpy(float)
        np.testing.assert_allclose(found, ratio[["ratio", "low", "high"]].to_numpy(float))
    assert table[["icer_low", "icer_high"]].iloc[0].isna().all()
