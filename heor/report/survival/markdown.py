"""report.md of `heor survival`: the answer of this layer first, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable

from heor.report import outline
from heor.report.format.blocks import Block, Document, strong_lines
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
from heor.report.survival.text_methods import method_section, reproduce_section, source_section
from heor.report.survival.text_priors import opinion_section, prior_section
from heor.survival_analysis import SurvivalResults

#: What makes each section; their order is that of the outline.
SECTIONS: dict[str, Callable[[SurvivalResults], list[Block]]] = {
    "evidence": evidence_section,
    "fitted-families": fits_section,
    "survival-at-landmarks": landmark_section,
    "external-targets": target_section,
    "hazards-and-shape": hazard_section,
    "posterior-predictive-checks": predictive_section,
    "diagnostics-of-the-posteriors": diagnostic_section,
    "expert-opinion": opinion_section,
    "priors-and-posteriors": prior_section,
    "relative-effects": effect_section,
    "methods": method_section,
    "reproduce": reproduce_section,
    "sources-and-licences": source_section,
}


def document(results: SurvivalResults) -> Document:
    """The whole report; figures stand where they are spoken of."""
    made = {name: make(results) for name, make in SECTIONS.items()}
    return Document(
        f"Survival: {results.problem.title}",
        "",
        first_page(results),
        outline.parts(outline.SURVIVAL, made),
        above=[strong_lines([answer(results)])],
    )
