"""What tests read of folders and reports."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
from docx import Document
from docx.oxml.ns import qn
from matplotlib.figure import Figure
from matplotlib.text import Text

from heor.decision.cost_effectiveness import increments
from heor.report.cheers.table import cheers_page
from heor.report.figures.registry import figures_of
from heor.report.folders import countries, external_draws, scenarios
from heor.report.folders.tables import TABLES
from heor.report.html.journal_tables import journal_tables
from heor.report.html.page import page
from heor.report.markdown import markdown
from heor.report.run_report import report
from heor.report.sections.trial import trial_page
from heor.report.survival import markdown as survival
from heor.report.word.document import word_document
from heor.runs.country_comparison import CountryComparison
from heor.runs.external_draws import Analysed
from heor.runs.results import Results
from heor.runs.scenario_analysis import ScenarioResults, scenario_row, turned
from heor.survival_analysis import SurvivalResults


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def tick_labels(axis) -> list[Text]:
    """Labels outside the limits: they are not drawn."""
    low, high = sorted(axis.get_view_interval())
    ticks = axis.get_major_ticks()
    outside = [t for t in ticks if not axis.axes.axison or not low <= t.get_loc() <= high]
    return [label for t in outside for label in (t.label1, t.label2)]


def scenario_results(results: Results) -> ScenarioResults:
    """The three strategies as a base case, and a scenario in which another is the best."""
    problem, thresholds = results.problem, results.decision.thresholds
    outcomes = results.simulation.outcomes
    reference = increments(outcomes, "chemotherapy", "resection")
    rows = []
    for name, own in (("base", outcomes), ("turned", results.structures[1].simulation.outcomes)):
        row = scenario_row(own, reference, thresholds)
        kind = "base" if name == "base" else "scenario"
        rows.append({"scenario": name, "kind": kind, "label": name, **row})
    rows.append({**rows[1], "scenario": "mix", "kind": "average", "label": "Average"})
    table = turned(pd.DataFrame(rows), thresholds)
    return ScenarioResults(problem, {"base": problem}, results.fits, results.decision, table)


def without_threshold(results: Results, kind: str) -> Results:
    country = replace(results.problem.country, threshold_kind=kind)
    return replace(results, problem=replace(results.problem, country=country))


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


def page_text(results: Results) -> str:
    """Without libraries and words for other runs."""
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", page(results, {}), flags=re.DOTALL)


def drawn(title: str, height: float = 2.0):
    """A small figure with words of its own."""

    def draw(results: Results) -> Figure:
        figure = Figure(figsize=(6.7, height))
        figure.suptitle(title)
        figure.caption = f"What {title} says."
        figure.add_subplot().plot([0, 1])
        return figure

    return draw


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


def countries_markdown(results: CountryComparison, with_figures: bool = True) -> str:
    """report.md of `heor country compare`."""
    return markdown(countries.document(results, with_figures))


def external_draws_markdown(found: Analysed, names: list[str]) -> str:
    """report.md of `heor analyse`."""
    return markdown(external_draws.document(found, names))


def scenarios_markdown(results: ScenarioResults, with_figures: bool = True) -> str:
    """report.md of `heor scenarios --run`."""
    return markdown(scenarios.document(results, with_figures))


def survival_markdown(results: SurvivalResults) -> str:
    """report.md of `heor survival`."""
    return markdown(survival.document(results))


FIGURES = {
    "plane": drawn("plane"),
    "survival_os": drawn("curve", height=20.0),
    "unheard_of": drawn("new"),
    "trial_power": drawn("power"),
}
