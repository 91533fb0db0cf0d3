"""The head of a report, its conventions and limits, and how to reproduce it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from heor.problem.country import DiscountBand
from heor.problem.problem import DecisionProblem
from heor.problem.settings import Settings
from heor.questions.response import DRAWS
from heor.report.format import frames
from heor.report.format.blocks import Block, Command, Notice, Paragraph, bullets, paragraphs
from heor.report.format.command_line import run_command
from heor.report.format.needs import HasFits
from heor.report.format.words import counted
from heor.runs.results import Results


def head(results: Results) -> list[Block]:
    """What was run, what was changed, and faulty fits that were accepted."""
    problem = results.problem
    country = problem.country
    what = (
        f"{country.label} · {problem.scenario_label} · {problem.settings.draws:,} draws · "
        f"{country.currency} {country.price_year} · {country.perspective}"
    )
    notes = [*run_notes(problem), *worth_a_look(results), *accepted(results)]
    return [*paragraphs(what, rules(problem)), *notes]


def rules(problem: DecisionProblem) -> str:
    """Whose rules the run follows, of which day and programme."""
    country = problem.country
    programme = f" · {country.programme_label}" if country.programme_label else ""
    kind = THRESHOLDS[country.threshold_kind].format(country=country.label)
    if country.severity_rule and country.is_unverified("severity"):
        kind += "; the severity classes are not verified"
    doubt = (
        f" Country rules not verified in their source: {', '.join(country.unverified)}."
        if country.unverified
        else ""
    )
    return (
        f"Rules of {country.agency}{programme}, as of {country.as_of}. Thresholds: {kind}.{doubt}"
    )


#: Whose thresholds a result is held against.
THRESHOLDS = {
    "official": "{country}'s official ones",
    "customary": "customary in {country}, none is official",
    "asked": "as asked for in this run, not {country}'s rule",
    "none": "another country's, for orientation; {country} has none",
    "unusable": "another country's, for orientation; {country}'s are in other money than the costs",
}


def run_notes(problem: DecisionProblem) -> list[Block]:
    """What must be read first: cautions of the country, quick run, scenario, changes by hand."""
    found: list[Block] = []
    if problem.country.cautions:
        found.append(Notice(("**Read first**",), tuple(problem.country.cautions)))
    if problem.settings.fit.quick:
        words = (
            "**Quick run**: survival posteriors by Laplace approximation and importance "
            "sampling (PSIS), not NUTS. Run without `--quick` for a decision."
        )
        found.append(Notice((words,)))
    if problem.scenario:
        found.append(Notice((f"**Scenario**: {problem.scenario_why}",)))
    if problem.overrides:
        shown = ", ".join(f"`{k} = {v}`" for k, v in problem.overrides.items())
        found.append(Notice((f"**Changed by hand**: {shown}",)))
    return found


def worth_a_look(results: Results) -> list[Block]:
    """Numbers and results that are legal and seldom right, each with what is usual."""
    if not results.findings:
        return []
    lead = ("**Worth a look** (legal, and seldom right)",)
    return [Notice(lead, tuple(map(str, results.findings)))]


def accepted(results: HasFits) -> list[Block]:
    """Faulty fits that the analyst accepted by name."""
    return accepted_notice(results.fits.accepted)


def accepted_notice(lines: Iterable[str]) -> list[Block]:
    """Faulty fits that were accepted, in bold."""
    found = tuple(f"**{line}**" for line in lines)
    return [Notice(found)] if found else []


def warned(warnings: Iterable[str], lead: str = "**Warnings of this run**") -> list[Block]:
    """The warnings of a run, on its first page."""
    found = bullets(warnings)
    return [Paragraph(lead), *found] if found else []


WITHIN_CYCLE = {
    "trapezoid": "trapezoid",
    "simpson": "Simpson 1/3, an odd number of cycles ending with 3/8",
    "life_table": "life table, mean of the cycle's ends valued at its middle",
    "start": "the state at its start",
    "end": "the state at its end",
}


def conventions(results: Results) -> list[Block]:
    """How time, money and health are counted."""
    problem, country = results.problem, results.problem.country

    settings = problem.settings
    return bullets(
        [
            f"Time zero is randomisation; horizon {problem.horizon:g} years (to age "
            f"{settings.end_age:g}); cycle {counted(round(settings.cycle * 12, 3), 'month')}; a month is 1/12 year.",
            _within_cycle(settings),
            f"Discounting, {country.discount_timing.replace('_', '-')}, product of forward rates: costs "
            f"{bands(country.discount_costs)}; "
            f"effects {bands(country.discount_effects)}.",
            f"Utilities: population norm by age ({country.value_set}) x state multiplier, less "
            "decrements; never above the norm.",
            *(
                [f"{country.label} asks ({country.guideline}): {_asks(country.asks)}."]
                if country.asks
                else []
            ),
            f"Model: {settings.model.replace('_', ' ')}; states {', '.join(settings.states).replace('_', ' ')}.",
            *_fitted(results),
            f"Survival curves, landmarks and medians: first {results.simulation.curves.attrs['draws']:,} draws. Tipping points and maps over what acts "
            f"on survival or time: at most {DRAWS}, taken to all draws by regression. All other numbers: all "
            f"{settings.draws:,}.",
        ]
    )


def bands(found: Iterable[DiscountBand]) -> str:
    """Discount rates by years from the decision."""
    return ", ".join(
        f"{b.rate:.1%} from year {b.start:g}" + ("" if b.end is None else f" to {b.end:g}")
        for b in found
    )


def _asks(asks: Mapping[str, str]) -> str:
    return "; ".join(f"{what[0].lower() + what[1:]}: {how}" for what, how in asks.items())


def _within_cycle(settings: Settings) -> str:
    """What counts between two cycle boundaries."""
    if settings.model == "individual":
        return "Costs and QALYs are measured on event histories in continuous time; cycles are for display."
    return (
        f"Within the cycle: {WITHIN_CYCLE[settings.within_cycle]}; events at the mean discount "
        "factor of their cycle's ends; one-off costs at the time they happen, undivided."
    )


def _fitted(results: Results) -> list[str]:
    """How survival was fitted, where it was."""
    if not results.fits.weights:
        return []
    return [
        f"Survival: {'NUTS (PyMC, nutpie)' if results.method == 'nuts' else 'Laplace + PSIS'}; "
        f"extrapolation: {results.problem.settings.extrapolation}; the excess hazard is fitted over the "
        "background mortality of the trial's patients."
    ]


def limits(results: Results) -> list[Block]:
    """What a reader must know in every run."""
    problem = results.problem
    return bullets(
        [
            *(f"{problem.country.label}: {own}" for own in problem.country.limits),
            *_not_done(problem),
            *problem.limits,
        ]
    )


def reproduce(results: Results) -> list[Block]:
    """The command, and where the exact numbers are."""
    return [
        Command(run_command(results.problem)),
        Paragraph(
            "Versions, seed, hashes of the inputs and timings: `run.json`. Draws and outcomes: "
            "`results.nc`. Exact numbers: `tables/*.csv`."
        ),
        Paragraph(
            "The same question under the rules of other countries, side by side: `heor country compare NO GB "
            "SE` (names or codes; `heor country list` shows them)."
        ),
    ]


def sources(results: Results) -> list[Block]:
    """The sources of everything the run read."""
    return source_list(frames.source_table(results))


def _not_done(problem: DecisionProblem) -> list[str]:
    """What the agency asks for and the software does not make."""
    asked = {what.lower(): how for what, how in problem.country.asks.items()}.get(
        "budget impact", ""
    )
    if not asked or asked.lower().startswith("not "):
        return []
    return [
        f"{problem.country.agency} also asks for a budget impact ({asked}); it is not part of this report."
    ]


def source_list(sources: pd.DataFrame) -> list[Block]:
    """One line a source, with address, licence and whether it was verified."""
    return bullets(f"{r['title']}" + _address(r) + _licence(r) for _, r in sources.iterrows())


def _address(source: pd.Series) -> str:
    if source["doi"]:
        return f", doi [{source['doi']}](<https://doi.org/{source['doi']}>)"
    return f", <{source['url']}>" if source["url"] else ""


def _licence(source: pd.Series) -> str:
    checked = "" if source["verified"] else " (not verified)"
    return (f", {source['licence']}" if source["licence"] else "") + checked
