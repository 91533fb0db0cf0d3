"""report.html of a run: one file with its words, figures, data, style and scripts inside."""

from __future__ import annotations

from collections.abc import Mapping

from heor.report import outline
from heor.report.format.translations import labels
from heor.report.html import template
from heor.report.html.data import page_data
from heor.report.html.prose import prose
from heor.report.html.sections import SECTIONS, Page
from heor.report.sections.method import head
from heor.runs.results import Results

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
    headings = outline.headings(outline.PAGE, words.get("sections", {}))
    parts = Page(results, figures, words, headings, template.templates())
    made = {section.name: SECTIONS[section.name](parts) for section in outline.PAGE}
    return template.rendered(
        "page.html",
        language,
        words,
        title=results.problem.title,
        question=results.problem.question,
        head=prose(head(results)),
        sections={name: body for name, body in made.items() if body},
        headings=headings,
        warnings=len(results.warnings),
        without_figures=not figures,
        data=template.as_json(page_data(results, words)),
        scripts=template.scripts(SCRIPTS),
    )
