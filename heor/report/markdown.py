"""report.md: the answer first, then what it rests on. Every number comes from `Results`."""

from __future__ import annotations

from heor.report.cheers.table import checklist
from heor.report.glossary import glossary
from heor.report.section_answer import answer as answer
from heor.report.section_answer import answer_section, costs
from heor.report.section_answer import caveat as caveat
from heor.report.section_drivers import beside, rests_on, severity, uncertainty
from heor.report.section_information import value_of_information, value_of_trial
from heor.report.section_method import (
    accepted,
    conventions,
    figure_section,
    head,
    limits,
    reproduce,
    warned,
)
from heor.report.section_structures import structures
from heor.report.section_survival import survival
from heor.report.section_what_if import what_if
from heor.results import Results


def report(results: Results, figures: list[str]) -> str:
    """The whole report as Markdown. `figures` are file names under `figures/`."""
    sections = [
        head(results),
        accepted(results),
        answer_section(results),
        warned(results),
        costs(results),
        rests_on(results),
        what_if(results),
        beside(results),
        structures(results),
        severity(results),
        uncertainty(results),
        value_of_information(results),
        value_of_trial(results),
        survival(results),
        figure_section(figures),
        conventions(results),
        limits(results),
        glossary(results),
        checklist(results),
        reproduce(results),
    ]
    return "\n\n".join(s for s in sections if s) + "\n"
