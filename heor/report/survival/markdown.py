"""report.md of `heor survival`: the answer of this layer first, then what it rests on."""

from __future__ import annotations

from heor.report.survival.text_answer import answer as answer
from heor.report.survival.text_answer import first_page
from heor.report.survival.text_checks import diagnostic_section, hazard_section, predictive_section
from heor.report.survival.text_effects import effect_section
from heor.report.survival.text_fits import (
    evidence_section,
    fits_section,
    landmark_section,
    target_section,
)
from heor.report.survival.text_methods import method_section, reproduce_section
from heor.report.survival.text_priors import opinion_section, prior_section
from heor.survival_analysis import SurvivalResults

SECTIONS = (
    first_page,
    evidence_section,
    fits_section,
    landmark_section,
    target_section,
    hazard_section,
    predictive_section,
    diagnostic_section,
    opinion_section,
    prior_section,
    effect_section,
    method_section,
    reproduce_section,
)


def report(results: SurvivalResults) -> str:
    """The whole report as Markdown; figures stand where they are spoken of."""
    sections = (section(results) for section in SECTIONS)
    return "\n\n".join(s for s in sections if s) + "\n"
