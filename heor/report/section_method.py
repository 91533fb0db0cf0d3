"""The head of a report, its conventions and limits, and how to reproduce it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

import pandas as pd

from heor.inputs.problem import DecisionProblem, DiscountBand, Settings
from heor.report import tables
from heor.report.needs import HasFits
from heor.report.words import counted
from heor.response import DRAWS
from heor.results import Results


def head(results: Results) -> str:
    """Title, question, what was run, and what was changed."""
    problem = results.problem
    country = problem.country
    what = (
        f"{country.label} · {problem.scenario_label} · {problem.settings.draws:,} draws · "
        f"{country.currency} {country.price_year} · {country.perspective}"
    )
    title = [f"# {problem.title}", "", problem.question, "", what, "", rules(problem)]
    return "\n".join([*title, *run_notes(problem), *worth_a_look(results)])


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


def run_notes(problem: DecisionProblem) -> list[str]:
    """What must be read first of the country, quick run, scenario, changes by hand: quoted lines."""
    lines = []
    if problem.country.cautions:
        said = "\n> - ".join(problem.country.cautions)
        lines += ["", f"> **Read first**\n>\n> - {said}"]
    if problem.settings.fit.quick:
        lines += [
            "",
            "> **Quick run**: survival posteriors by Laplace approximation and importance "
            "sampling (PSIS), not NUTS. Run without `--quick` for a decision.",
        ]
    if problem.scenario:
        lines += ["", f"> **Scenario**: {problem.scenario_why}"]
    if problem.overrides:
        shown = ", ".join(f"`{k} = {v}`" for k, v in problem.overrides.items())
        lines += ["", f"> **Changed by hand**: {shown}"]
    return lines


def worth_a_look(results: Results) -> list[str]:
    """Numbers and results that are legal and seldom right, each with what is usual: quoted lines."""
    if not results.findings:
        return []
    listed = "\n> - ".join(map(str, results.findings))
    return ["", f"> **Worth a look** (legal, and seldom right)\n>\n> - {listed}"]


def accepted(results: HasFits) -> str:
    """Faulty fits that the analyst accepted by name: nothing stands above them but the title."""
    return "\n>\n".join(f"> **{line}**" for line in results.fits.accepted)


def warned(results: Results) -> str:
    """The warnings of the run, on its first page."""
    lines = [f"- {w}" for w in results.warnings]
    return "\n".join(["**Warnings of this run**", "", *lines]) if lines else ""


def figure_section(figures: list[str]) -> str:
    """All figures of a run."""
    if not figures:
        return ""
    shown = [f"![{name.replace('_', ' ')}](figures/{name}.svg)" for name in figures]
    return "## Figures\n\n" + "\n\n".join(shown)


WITHIN_CYCLE = {
    "trapezoid": "trapezoid",
    "simpson": "Simpson 1/3, an odd number of cycles ending with 3/8",
    "life_table": "life table, mean of the cycle's ends valued at its middle",
    "start": "the state at its start",
    "end": "the state at its end",
}


def conventions(results: Results) -> str:
    """How time, money and health are counted."""
    problem, country = results.problem, results.problem.country

    settings = problem.settings
    return "\n".join(
        [
            "## Conventions",
            "",
            f"- Time zero is randomisation; horizon {problem.horizon:g} years (to age "
            f"{settings.end_age:g}); cycle {counted(round(settings.cycle * 12, 3), 'month')}; a month is 1/12 year.",
            _within_cycle(settings),
            f"- Discounting, {country.discount_timing.replace('_', '-')}, product of forward rates: costs "
            f"{bands(country.discount_costs)}; "
            f"effects {bands(country.discount_effects)}.",
            f"- Utilities: population norm by age ({country.value_set}) x state multiplier, less "
            "decrements; never above the norm.",
            *(
                [f"- {country.label} asks ({country.guideline}): {_asks(country.asks)}."]
                if country.asks
                else []
            ),
            f"- Model: {settings.model.replace('_', ' ')}; states {', '.join(settings.states).replace('_', ' ')}.",
            *_fitted(results),
            f"- Survival curves, landmarks and medians: first {results.simulation.curves.attrs['draws']:,} draws. Tipping points and maps over what acts "
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
        return "- Costs and QALYs are measured on event histories in continuous time; cycles are for display."
    return (
        f"- Within the cycle: {WITHIN_CYCLE[settings.within_cycle]}; events at the mean discount "
        "factor of their cycle's ends; one-off costs at the time they happen, undivided."
    )


def _fitted(results: Results) -> list[str]:
    """How survival was fitted, where it was."""
    if not results.fits.weights:
        return []
    return [
        f"- Survival: {'NUTS (PyMC, nutpie)' if results.method == 'nuts' else 'Laplace + PSIS'}; "
        f"extrapolation: {results.problem.settings.extrapolation}; the excess hazard is fitted over the "
        "background mortality of the trial's patients."
    ]


def limits(results: Results) -> str:
    """What a reader must know in every run."""
    problem = results.problem
    found = [
        *(f"{problem.country.label}: {own}" for own in problem.country.limits),
        *_not_done(problem),
        *problem.limits,
    ]
    return "\n".join(["## Limits", "", *(f"- {limit}" for limit in found)]) if found else ""


def reproduce(results: Results) -> str:
    """The command, where the exact numbers are, and the sources."""
    return "\n".join(
        [
            "## Reproduce",
            "",
            f"`{run_command(results.problem)}`",
            "",
            "Versions, seed, hashes of the inputs and timings: `run.json`. Draws and outcomes: "
            "`results.nc`. Exact numbers: `tables/*.csv`.",
            "",
            "The same question under the rules of other countries, side by side: `heor country compare NO GB "
            "SE` (names or codes; `heor country list` shows them).",
            "",
            "## Sources and licences",
            "",
            *source_lines(tables.source_table(results)),
        ]
    )


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


def run_command(problem: DecisionProblem) -> str:
    """What to type to get a run again."""
    return command_line(problem, "run", f"--draws {problem.settings.draws}")


def command_line(problem: DecisionProblem, command: str, *options: str) -> str:
    """What to type to get the same numbers."""
    country = problem.country
    words = [f"heor {command}", f"--country {country.name}", f"--as-of {country.as_of}"]
    if country.programme:
        words.append(f"--programme {country.programme}")
    if problem.allow_generic:
        words.append("--allow-generic")
    if problem.scenario:
        words += [f"--scenario {s}" for s in problem.scenario.split("+")]
    words += [f"--set {shlex.quote(f'{k}={v}')}" for k, v in problem.overrides.items()]
    words += [*options, f"--seed {problem.settings.seed}"]
    words += [f"--accept {name}" for name in problem.settings.fit.accept]
    if problem.settings.fit.quick:
        words.append("--quick")
    return " ".join(words)


def source_lines(sources: pd.DataFrame) -> list[str]:
    """One line a source, with address, licence and whether it was verified."""
    return [f"- {r['title']}" + _address(r) + _licence(r) for _, r in sources.iterrows()]


def _address(source: pd.Series) -> str:
    if source["doi"]:
        return f", doi [{source['doi']}](<https://doi.org/{source['doi']}>)"
    return f", <{source['url']}>" if source["url"] else ""


def _licence(source: pd.Series) -> str:
    checked = "" if source["verified"] else " (not verified)"
    return (f", {source['licence']}" if source["licence"] else "") + checked
