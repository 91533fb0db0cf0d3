"""report.html of a run: one file with its words, figures, data, style and scripts inside."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from heor.report import markdown as report
from heor.report.html import template
from heor.report.html.data import page_data
from heor.report.html.labels import labels
from heor.report.html.prose import prose, without_heading
from heor.report.html.sections import SECTIONS, Page
from heor.results import Results

SCRIPTS = ("decision.js", "charts.js", "threshold.js", "parameters.js", "page.js")


def page(results: Results, figures: Mapping[str, bytes], language: str = "en") -> str:
    """The whole page as HTML; the same text for the same results and figures.

    Parameters
    ----------
    figures
        Name → SVG file of the run's figures; none with a run without figures.
    language
        `en` or `nb`: headings, axes and controls.

    Raises
    ------
    InputError
        A language the page has no words in.
    """
    words = labels(language)
    parts = Page(results, figures, words, template.templates())
    made = {name: make(parts) for name, make in SECTIONS.items()}
    return template.rendered(
        "page.html",
        language,
        words,
        title=results.problem.title,
        question=results.problem.question,
        head=_head(results),
        sections={name: body for name, body in made.items() if body},
        headings=words["sections"],
        warnings=len(results.warnings),
        without_figures=not figures,
        data=template.as_json(page_data(results, words)),
        scripts=template.scripts(SCRIPTS),
    )


def _head(results: Results) -> Markup:
    """What was run and what was changed, and faulty fits that were accepted."""
    text = without_heading(report.head(results)).removeprefix(results.problem.question).lstrip()
    return prose(text) + prose(report.accepted(results))
