"""Every document's sections: their order, headings, addresses and figures. They stand nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from heor.report.format.blocks import Blocks, Part


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes
    ----------
    name : str
        Its address on a page, and what headings in other languages are found by.
    heading : str
        In English; empty where it continues the section before it. Blanks in braces are filled in by the
        document.
    figures : tuple of str
        How the names of those figures start that the Word document shows at its end.
    """

    name: str
    heading: str = ""
    figures: tuple[str, ...] = ()


ANSWER = Section("answer", "The answer", ("plane",))
REPRODUCE = Section("reproduce", "Reproduce")
SOURCES = Section("sources", "Sources and licences")
TRIAL_OF_RUN = Section("trial", "The value of {trial}")

#: report.md of a run, and the Word document.
RUN = (
    ANSWER,
    Section("warnings"),
    Section("costs", "What it costs", ("costs",)),
    Section("assumptions", "What the answer rests on", ("tornado",)),
    Section("tipping", "What would change the answer", ("what_if_",)),
    Section("scenarios", "Structural scenarios that could change the decision", ("companions",)),
    Section("structures", "Model structures", ("structures", "structure_occupancy")),
    Section("severity", "Severity and threshold"),
    Section("uncertainty", "How sure", ("ceac", "expected_loss")),
    Section("information", "Value of information", ("information",)),
    TRIAL_OF_RUN,
    Section("survival", "Survival", ("survival_", "fits_", "hazards", "occupancy")),
    Section("figures", "Figures"),
    Section("conventions", "Conventions"),
    Section("limits", "Limits"),
    Section("terms", "Terms"),
    Section("checklist", "Reporting checklist"),
    REPRODUCE,
    SOURCES,
)

#: report.html of a run, whose sections join those of the report with charts and tables of their own.
PAGE = (
    ANSWER,
    Section("assumptions", "What the answer rests on"),
    Section("threshold", "If your threshold is different"),
    Section("survival", "Survival: model and data", ("survival_", "fits_", "hazards")),
    Section("occupancy", "Where patients are over time", ("occupancy",)),
    Section("costs", "What it costs", ("costs",)),
    Section("tornado", "What moves the answer", ("tornado_icer",)),
    Section("tipping", "What would change the answer", ("what_if_",)),
    Section("scenarios", "Structural scenarios", ("companions",)),
    Section("structures", "Model structures", ("structures", "structure_occupancy")),
    Section("information", "Value of information and of the trial", ("information", "trial_")),
    Section("parameters", "All parameters"),
    Section("methods", "Methods and limits"),
    Section("warnings", "Warnings of this run"),
    Section("reproduce", "Reproduce, and sources"),
    Section("checklist", "Reporting checklist"),
)

#: trial.md.
TRIAL = (
    Section("power", "What the trial can show"),
    Section("worth", "What {trial} is worth, by when it is read"),
    Section("designs", "Other designs, begun today"),
    Section("observed", "Which result would change the decision"),
    Section("figures"),
    Section("computation", "How it is computed"),
    Section("assumed", "What it assumes"),
)

#: cheers.md: the parts of the checklists.
CHECKLIST = (
    Section("introduction", "Title, abstract and introduction"),
    Section("methods", "Methods"),
    Section("results", "Results"),
    Section("discussion", "Discussion and other"),
    Section("information", "Value of information"),
)

#: report.md of `heor survival`.
SURVIVAL = (
    Section("evidence", "Evidence"),
    Section("fitted-families", "Fitted families"),
    Section("survival-at-landmarks", "Survival at landmarks"),
    Section("external-targets", "External targets"),
    Section("hazards-and-shape", "Hazards and shape"),
    Section("posterior-predictive-checks", "Posterior predictive checks"),
    Section("diagnostics-of-the-posteriors", "Diagnostics of the posteriors"),
    Section("expert-opinion", "Expert opinion"),
    Section("priors-and-posteriors", "Priors and posteriors"),
    Section("relative-effects", "Relative effects"),
    Section("methods", "Methods"),
    REPRODUCE,
    Section("sources-and-licences", SOURCES.heading),
)

#: report.md of `heor scenarios --run`.
SCENARIOS = (
    ANSWER,
    Section("structural-averages", "Structural averages"),
    Section("all-scenarios", "All scenarios"),
    Section("why-each-is-there", "Why each is there"),
    Section("warnings", "Warnings"),
    REPRODUCE,
)

#: report.md of `heor country compare`.
COUNTRIES = (
    ANSWER,
    Section("by-country", "By country"),
    Section("read-before-comparing", "Read before comparing"),
    REPRODUCE,
)

#: report.md of `heor analyse`.
EXTERNAL_DRAWS = (
    ANSWER,
    Section("full-incremental-analysis", "Full incremental analysis"),
    Section("best-of-all", "How sure: the best of all strategies"),
    Section("how-sure", "How sure: {compared}"),
    Section("value-of-information", "Value of information"),
    Section("notes"),
    Section("figures", "Figures"),
    Section("method", "Method"),
)

#: report.md of `heor what-if`.
WHAT_IF = (ANSWER,)

DOCUMENTS = {
    "run": RUN,
    "page": PAGE,
    "trial": TRIAL,
    "checklist": CHECKLIST,
    "survival": SURVIVAL,
    "scenarios": SCENARIOS,
    "countries": COUNTRIES,
    "external_draws": EXTERNAL_DRAWS,
    "what_if": WHAT_IF,
}


def headings(
    sections: Iterable[Section], translated: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Name → heading, in another language where it is translated.

    >>> headings(WHAT_IF), headings(WHAT_IF, {"answer": "Svaret"})
    ({'answer': 'The answer'}, {'answer': 'Svaret'})
    """
    return {s.name: translated.get(s.name, s.heading) for s in sections}


def figures_in(section: Section, names: Iterable[str], start: str = "") -> list[str]:
    """Which of the figures with these names a section shows; `start`: only those of one beginning.

    >>> figures_in(ANSWER, ["costs", "plane"])
    ['plane']
    """
    starts = (start,) if start else section.figures
    return [name for own in starts for name in names if name.startswith(own)]


def heading(name: str, sections: tuple[Section, ...] = RUN) -> str:
    """The heading of a section in English.

    >>> heading("uncertainty")
    'How sure'
    """
    return next(s.heading for s in sections if s.name == name)


def parts(
    sections: tuple[Section, ...],
    made: Mapping[str, Blocks],
    **blanks: str,
) -> tuple[Part, ...]:
    """The sections that have content, in the order of the outline.

    Parameters
    ----------
    made
        Name → blocks; none for a section that this document does not have.
    blanks
        What is filled into headings.

    Raises
    ------
    KeyError
        Blocks for a section that is not in the outline.
    """
    unknown = set(made) - {s.name for s in sections}
    if unknown:
        raise KeyError(f"not in the outline: {', '.join(sorted(unknown))}")
    return tuple(
        Part(s.name, s.heading.format_map(blanks), made[s.name])
        for s in sections
        if made.get(s.name)
    )
