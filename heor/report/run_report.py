"""report.md of a run: the answer first, then what it rests on. Every number comes from `Results`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heor.report import outline
from heor.report.cheers.table import checklist
from heor.report.format.blocks import Block, Document, Part, figures
from heor.report.markdown import markdown
from heor.report.sections.answer import answer_section, costs
from heor.report.sections.drivers import key_assumptions, structural_scenarios
from heor.report.sections.glossary import glossary
from heor.report.sections.information import trial_label, value_of_information, value_of_trial
from heor.report.sections.method import conventions, head, limits, reproduce, sources, warned
from heor.report.sections.severity import severity
from heor.report.sections.structures import structures
from heor.report.sections.survival import survival
from heor.report.sections.uncertainty import uncertainty
from heor.report.sections.what_if import what_if
from heor.runs.results import Results

#: What makes each section; their order is that of the outline.
SECTIONS: dict[str, Callable[[Results], list[Block]]] = {
    "answer": answer_section,
    "warnings": lambda results: warned(results.warnings),
    "costs": costs,
    "assumptions": key_assumptions,
    "tipping": what_if,
    "scenarios": structural_scenarios,
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
