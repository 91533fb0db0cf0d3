"""Whether it is worth its cost is said at the country's own thresholds only, in every form of the report."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from docx import Document
from docx.oxml.ns import qn

from heor.report.cheers.table import cheers_page
from heor.report.figures import figures_of
from heor.report.html.journal import journal_tables
from heor.report.html.page import page
from heor.report.page_trial import trial_page
from heor.report.run_report import report
from heor.report.tables import TABLES
from heor.report.word.document import word_document
from heor.results import Results

VERDICT = re.compile(r"worth its cost|worth while|\bcost-effective\b", re.IGNORECASE)
#: Not of this decision: what the intervention is, the name of a method.
OTHER = re.compile(r"cost-effectiveness|probability of being cost-effective", re.IGNORECASE)


def without_threshold(results: Results, kind: str) -> Results:
    country = replace(results.problem.country, threshold_kind=kind)
    return replace(results, problem=replace(results.problem, country=country))


def page_text(results: Results) -> str:
    """Without libraries and words for other runs."""
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", page(results, {}), flags=re.DOTALL)


def document_text(results: Results) -> str:
    document = Document(io.BytesIO(word_document(results, {}, "en")))
    return " ".join(t.text or "" for t in document.element.iter(qn("w:t")))


def figure_text(results: Results) -> str:
    figures = [draw(results) for draw in figures_of(results).values()]
    return " ".join(f"{f.title} {f.caption}" for f in figures)


def journal_text(results: Results) -> str:
    tables = journal_tables(results).values()
    return " ".join(
        w
        for t in tables
        for w in (t.caption, t.note, *t.header, *(c for row in t.rows for c in row))
    )


#: Everything a reader sees, by form.
SHOWN: dict[str, Callable[[Results], str]] = {
    "report.md": lambda results: report(results, []),
    "trial.md": lambda results: trial_page(results, []),
    "cheers.md": cheers_page,
    "report.html": page_text,
    "docx": document_text,
    "figures": figure_text,
    "journal": journal_text,
    "tables": lambda results: " ".join(str(c) for t in TABLES.values() for c in t(results)),
}


def verdict(text: str) -> str:
    """The words around the first verdict."""
    text = OTHER.sub("", text)
    found = VERDICT.search(text)
    return text[max(0, found.start() - 150) : found.end() + 50] if found else ""


@pytest.mark.parametrize(
    "form", [pytest.param(f, marks=pytest.mark.slow) if f == "figures" else f for f in SHOWN]
)
def test_no_verdict_without_a_threshold_of_the_country(made_up_run: Results, form: str) -> None:
    assert verdict(SHOWN[form](without_threshold(made_up_run, "none"))) == ""


@pytest.mark.parametrize("form", ["report.md", "journal"])
def test_a_verdict_with_one(made_up_run: Results, form: str) -> None:
    """The test above can fail."""
    assert verdict(SHOWN[form](made_up_run))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("official", "Thresholds: Norway's official ones"),
        ("customary", "customary in Norway, none is official"),
        ("asked", "as asked for in this run, not Norway's rule"),
        ("none", "another country's, for orientation"),
    ],
)
def test_whose_thresholds_stands_at_the_top(made_up_run: Results, kind: str, words: str) -> None:
    text = report(without_threshold(made_up_run, kind), [])
    assert words in text[: text.index("## The answer")]
