"""report.md of a run: the answer first, then what it rests on. Every number comes from `Results`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heor.report import outline
from heor.report.blocks import Block, Document, Part, figures
from heor.report.cheers.table import checklist
from heor.report.glossary import glossary
from heor.report.markdown import markdown
from heor.report.section_answer import answer_section, costs
from heor.report.section_drivers import beside, rests_on, severity, uncertainty
from heor.report.section_information import trial_label, value_of_information, value_of_trial
from heor.report.section_method import (
    conventions,
    head,
    limits,
    reproduce,
    sources,
    warned,
)
from heor.report.section_structures import structures
from heor.report.section_survival import survival
from heor.report.section_what_if import what_if
from heor.results import Results

#: What makes each section; their order is that of the outline.
SECTIONS: dict[str, Callable[[Results], list[Block]]] = {
    "answer": answer_section,
    "warnings": lambda results: warned(results.warnings),
    "costs": costs,
    "assumptions": rests_on,
    "tipping": what_if,
    "scenarios": beside,
    "structures": structures,
    "severity": severity,
    "uncertainty": uncertainty,
    "information": value_of_information,
    "trial": value_of_trial,
    "survival": survival,
    "conventions": conventions,
    "limits": limits,
    "terms": glossary,
    "checklist": checklist,
    "reproduce": reproduce,
    "sources": sources,
}


def run_document(results: Results, names: Sequence[str] = ()) -> Document:
    """The whole report, with the figures of these names in `figures/`."""
    made = {name: make(results) for name, make in SECTIONS.items()}
    parts = outline.parts(
        outline.RUN, made | {"figures": figures(names)}, trial=trial_label(results)
    )
    return Document(results.problem.title, results.problem.question, head(results), parts)


def sections(results: Results, *names: str) -> tuple[Part, ...]:
    """Some sections of the report, in the order of the outline; those without content are left out."""
    made = {name: SECTIONS[name](results) for name in names}
    return outline.parts(outline.RUN, made, trial=trial_label(results))


def report(results: Results, names: Sequence[str]) -> str:
    """The whole report as Markdown."""
    return markdown(run_document(results, names))
