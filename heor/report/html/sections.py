"""The sections of the page in their order: each is the report's own words, figures and tables.

A section without content is left out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from heor.decision.information import ENOUGH_DRAWS
from heor.report import markdown as report
from heor.report import words as text
from heor.report.cheers import table as cheers
from heor.report.comparison import Comparison
from heor.report.html import figure_numbers
from heor.report.html.parameters import parameter_rows, status_counts
from heor.report.html.prose import prose, without_heading
from heor.report.page_trial import trial_page
from heor.report.section_method import command_line
from heor.results import Results


@dataclass(frozen=True)
class Page:
    """What sections are made from.

    Attributes
    ----------
    figures : dict
        Name → SVG file.
    words : dict
        Labels of the page's language.
    templates : Environment
        Jinja2, escaping.
    """

    results: Results
    figures: Mapping[str, bytes]
    words: Mapping[str, Any]
    templates: Environment

    def text(self, section: str, markdown: str, deeper: int = 0, own: bool = False) -> Markup:
        """A section's words in English, without the heading the page writes itself unless it is its `own`."""
        if not markdown:
            return Markup("")
        text = markdown if own else without_heading(markdown)
        body = prose(text, self.words["sections"][section], deeper)
        return Markup('<div class="prose" lang="en">{}</div>').format(body)

    def part(self, template: str, **values: Any) -> Markup:
        """A template of its own."""
        return Markup(self.templates.get_template(template).render(words=self.words, **values))

    def figure(self, *names: str) -> Markup:
        """Figures of the run, each with the numbers behind it; those it does not have are left out."""
        shown = [
            self.part(
                "figure.html",
                label=self.label(name),
                image=base64.b64encode(self.figures[name]).decode("ascii"),
                numbers=self.numbers(name),
            )
            for name in names
            if name in self.figures
        ]
        return Markup("").join(shown)

    def numbers(self, name: str) -> Markup:
        """The table behind a figure."""
        frame = figure_numbers.numbers(self.results, name)
        return Markup("") if frame is None else self.table(frame, self.label(name))

    def table(self, frame, caption: str) -> Markup:
        return Markup('<div lang="en">{}</div>').format(prose(text.table(frame), caption))

    def label(self, name: str) -> str:
        """A figure in words."""
        maps = {f"what_if_{m.what_if.name}": m.what_if.label for m in self.results.maps}
        known = {**self.words["figures"], **maps}
        return known.get(name, name.replace("_", " "))

    def starting(self, start: str) -> list[str]:
        """Names of the run's figures that start like this, in their order."""
        return [name for name in self.figures if name.startswith(start)]


def answer(page: Page) -> Markup:
    return page.text("answer", report.answer_section(page.results))


def assumptions(page: Page) -> Markup:
    counts = status_counts(parameter_rows(page.results))
    return page.part("statuses.html", counts=counts) + page.text(
        "assumptions", report.rests_on(page.results)
    )


def threshold(page: Page) -> Markup:
    results, charts = page.results, page.words["charts"]
    view = Comparison.of(results)
    curves = page.table(figure_numbers.curve_table(view), charts["ceac"])
    plane = ""  # nothing to compare with where there is one strategy
    if len(results.problem.strategies) > 1:
        plane = page.table(figure_numbers.quadrants(view), charts["plane"])
    country = results.problem.country
    values = {"currency": country.currency, "verdict": country.has_verdict}
    return (
        page.part("threshold.html", curves=curves, plane=plane, **values)
        + page.text("threshold", report.uncertainty(results), deeper=1, own=True)
        + page.text("threshold", report.severity(results), deeper=1, own=True)
    )


def survival(page: Page) -> Markup:
    figures = page.figure(*page.starting("survival_"), *page.starting("fits_"), "hazards")
    return figures + page.text("survival", report.survival(page.results))


def occupancy(page: Page) -> Markup:
    return page.figure("occupancy") or page.numbers("occupancy")


def costs(page: Page) -> Markup:
    return page.figure("costs") + page.text("costs", report.costs(page.results))


def tornado(page: Page) -> Markup:
    if page.results.tornado.empty:
        return Markup("")
    numbers = page.table(
        figure_numbers.tornado_table(page.results), page.words["figures"]["tornado"]
    )
    return page.part("tornado.html", numbers=numbers) + page.figure("tornado_icer")


def tipping(page: Page) -> Markup:
    words = page.text("tipping", report.what_if(page.results))
    return words + page.figure(*page.starting("what_if_"))


def scenarios(page: Page) -> Markup:
    words = report.beside(page.results)
    if not words:
        return Markup("")
    return page.figure("companions") + page.text("scenarios", words)


def structures(page: Page) -> Markup:
    words = page.text("structures", report.structures(page.results))
    return page.figure("structures", "structure_occupancy") + words if words else Markup("")


def information(page: Page) -> Markup:
    results = page.results
    found = report.value_of_information(results)
    if found:  # or why there is none; where draws are too few, the page says so itself
        shown = page.text("information", found) + page.figure("information")
    else:
        missing = page.words["no_information"].format(
            least=ENOUGH_DRAWS,
            draws=results.simulation.outcomes.n,
            command=command_line(results.problem, "run", "--draws 5000"),
        )
        shown = Markup('<div class="prose">{}</div>').format(prose(missing))
    trial = report.value_of_trial(results)
    if not trial:
        return shown
    if results.trial is None:
        return shown + page.text("information", trial)
    label = results.problem.trial.label if results.problem.trial else ""
    return (
        shown
        + Markup("<h3>{}</h3>").format(label)
        + page.text("information", trial)
        + page.figure(*page.starting("trial_"))
        + page.part(
            "more.html",
            summary=page.words["trial_details"],
            body=page.text("information", _trial_body(results), deeper=2),
        )
    )


def _trial_body(results: Results) -> str:
    """The trial's own page after its answer."""
    found = trial_page(results, [])
    return "\n" + found[found.index("\n## ") :]


def parameters(page: Page) -> Markup:
    rows = parameter_rows(page.results)
    statuses = [status for status, _, _ in status_counts(rows)]
    return page.part("parameters.html", rows=rows, statuses=statuses)


def methods(page: Page) -> Markup:
    results = page.results
    parts = (report.conventions(results), report.limits(results), report.glossary(results))
    return Markup("").join(page.text("methods", part, deeper=1, own=True) for part in parts)


def warnings(page: Page) -> Markup:
    lines = "\n".join(f"- {line}" for line in page.results.warnings)
    return page.text("warnings", lines)


def checklist(page: Page) -> Markup:
    items = page.text("checklist", cheers.cheers_parts(page.results), deeper=1)
    return page.text("checklist", cheers.summary(page.results)) + page.part(
        "more.html", summary=page.words["checklist_details"], body=items
    )


def reproduce(page: Page) -> Markup:
    return page.text("reproduce", report.reproduce(page.results), deeper=1)


#: Name (also of its label and its address on the page) → what makes it.
SECTIONS: dict[str, Callable[[Page], Markup]] = {
    "answer": answer,
    "assumptions": assumptions,
    "threshold": threshold,
    "survival": survival,
    "occupancy": occupancy,
    "costs": costs,
    "tornado": tornado,
    "tipping": tipping,
    "scenarios": scenarios,
    "structures": structures,
    "information": information,
    "parameters": parameters,
    "methods": methods,
    "warnings": warnings,
    "reproduce": reproduce,
    "checklist": checklist,
}
