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
from heor.report import outline, run_report
from heor.report.cheers import table as cheers
from heor.report.format.blocks import Blocks, Paragraph, Part, bullets, table
from heor.report.format.command_line import command_line
from heor.report.format.comparison import Comparison
from heor.report.html import figure_numbers
from heor.report.html.prose import parts_prose, prose
from heor.report.sections.parameters import parameter_rows, status_counts
from heor.report.sections.trial import trial_document
from heor.runs.results import Results


@dataclass(frozen=True)
class Page:
    """What sections are made from.

    Attributes
    ----------
    figures : dict
        Name → SVG file.
    words : dict
        Labels of the page's language.
    headings : dict
        Section → heading in that language.
    templates : Environment
        Jinja2, escaping.
    """

    results: Results
    figures: Mapping[str, bytes]
    words: Mapping[str, Any]
    headings: Mapping[str, str]
    templates: Environment

    def text(self, section: str, blocks: Blocks) -> Markup:
        """Words of the page's section in English."""
        return _english(prose(blocks, self.headings[section])) if blocks else Markup("")

    def made(self, section: str, *names: str) -> Markup:
        """The report's sections of these names, without the heading the page writes itself."""
        parts = run_report.sections(self.results, *names)
        return self.text(section, [block for part in parts for block in part.blocks])

    def under_headings(self, section: str, parts: tuple[Part, ...], top: int = 3) -> Markup:
        """Sections of the report inside one of the page's, each under its heading."""
        return _english(parts_prose(parts, self.headings[section], top))

    def each(self, section: str, *names: str) -> Markup:
        """Sections of the report inside one of the page's, in this order."""
        found = [run_report.sections(self.results, name) for name in names]
        return Markup("").join(self.under_headings(section, parts) for parts in found if parts)

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
        return Markup('<div lang="en">{}</div>').format(prose(table(frame), caption))

    def label(self, name: str) -> str:
        """A figure in words."""
        maps = {f"what_if_{m.what_if.name}": m.what_if.label for m in self.results.maps}
        known = {**self.words["figures"], **maps}
        return known.get(name, name.replace("_", " "))

    def figures_of(self, section: str, start: str = "") -> Markup:
        """The figures that the outline gives a section; `start`: only those of one beginning."""
        own = next(s for s in outline.PAGE if s.name == section)
        return self.figure(*outline.figures_in(own, self.figures, start))


def _english(body: Markup) -> Markup:
    return Markup('<div class="prose" lang="en">{}</div>').format(body)


def answer(page: Page) -> Markup:
    return page.made("answer", "answer")


def assumptions(page: Page) -> Markup:
    counts = status_counts(parameter_rows(page.results))
    return page.part("statuses.html", counts=counts) + page.made("assumptions", "assumptions")


def threshold(page: Page) -> Markup:
    results, charts = page.results, page.words["charts"]
    view = Comparison.of(results)
    curves = page.table(figure_numbers.curve_table(view), charts["ceac"])
    plane = ""  # nothing to compare with where there is one strategy
    if len(results.problem.strategies) > 1:
        plane = page.table(figure_numbers.quadrants(view), charts["plane"])
    country = results.problem.country
    values = {"currency": country.currency, "verdict": country.has_verdict}
    return page.part("threshold.html", curves=curves, plane=plane, **values) + page.each(
        "threshold", "uncertainty", "severity"
    )


def survival(page: Page) -> Markup:
    figures = page.figures_of("survival")
    return figures + page.made("survival", "survival")


def occupancy(page: Page) -> Markup:
    return page.figures_of("occupancy") or page.numbers("occupancy")


def costs(page: Page) -> Markup:
    return page.figures_of("costs") + page.made("costs", "costs")


def tornado(page: Page) -> Markup:
    if page.results.tornado.empty:
        return Markup("")
    numbers = page.table(
        figure_numbers.tornado_table(page.results), page.words["figures"]["tornado"]
    )
    return page.part("tornado.html", numbers=numbers) + page.figures_of("tornado")


def tipping(page: Page) -> Markup:
    words = page.made("tipping", "tipping")
    return words + page.figures_of("tipping")


def scenarios(page: Page) -> Markup:
    words = page.made("scenarios", "scenarios")
    return page.figures_of("scenarios") + words if words else Markup("")


def structures(page: Page) -> Markup:
    words = page.made("structures", "structures")
    return page.figures_of("structures") + words if words else Markup("")


def information(page: Page) -> Markup:
    results = page.results
    found = page.made("information", "information")
    if found:  # or why there is none; where draws are too few, the page says so itself
        shown = found + page.figures_of("information", "information")
    else:
        missing = page.words["no_information"].format(
            least=ENOUGH_DRAWS,
            draws=results.simulation.outcomes.n,
            command=command_line(results.problem, "run", "--draws 5000"),
        )
        shown = Markup('<div class="prose">{}</div>').format(prose([Paragraph(missing)]))
    trial = page.made("information", "trial")
    if not trial:
        return shown
    if results.trial is None:
        return shown + trial
    label = results.problem.trial.label if results.problem.trial else ""
    return (
        shown
        + Markup("<h3>{}</h3>").format(label)
        + trial
        + page.figures_of("information", "trial_")
        + page.part(
            "more.html",
            summary=page.words["trial_details"],
            body=_trial_details(page),
        )
    )


def _trial_details(page: Page) -> Markup:
    """The trial's page after its answer."""
    found = trial_document(page.results)
    return page.under_headings("information", found.parts, top=4) if found else Markup("")


def parameters(page: Page) -> Markup:
    rows = parameter_rows(page.results)
    statuses = [status for status, _, _ in status_counts(rows)]
    return page.part(
        "parameters.html", rows=rows, statuses=statuses, heading=page.headings["parameters"]
    )


def methods(page: Page) -> Markup:
    return page.each("methods", "conventions", "limits", "terms")


def warnings(page: Page) -> Markup:
    return page.text("warnings", bullets(page.results.warnings))


def checklist(page: Page) -> Markup:
    about, parts = [Paragraph(cheers.ABOUT)], cheers.cheers_parts(page.results)
    items = page.under_headings("checklist", (Part("", "", about), *parts))
    return page.text("checklist", [Paragraph(cheers.summary(page.results))]) + page.part(
        "more.html", summary=page.words["checklist_details"], body=items
    )


def reproduce(page: Page) -> Markup:
    command, *others = run_report.sections(page.results, "reproduce", "sources")
    return page.under_headings("reproduce", (Part(command.name, "", command.blocks), *others))


#: What makes each section of the page; their order is that of the outline.
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
