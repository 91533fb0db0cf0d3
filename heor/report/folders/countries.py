"""The report of a country comparison: the answer by country, the table, what each country borrows."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from heor.archive import write_archive
from heor.decision.thresholds import SEVERITY, column
from heor.outcomes.outcomes import LEAST_DRAWS
from heor.problem.country import Country
from heor.problem.problem import DecisionProblem
from heor.report import outline
from heor.report.folders.tables import write_csv
from heor.report.format.blocks import (
    Block,
    Command,
    Document,
    Figure,
    Notice,
    Paragraph,
    bullets,
    paragraphs,
    table,
)
from heor.report.format.choice import has_several, label_of, pair, pairwise_note
from heor.report.format.provenance import record, write_json
from heor.report.format.words import TOO_FEW, chance, icer_words, ratio_words, significant, years
from heor.report.sections.method import warned
from heor.runs.country_comparison import HIGH, LOW, CountryComparison
from heor.storage.folder import write_folder

if TYPE_CHECKING:
    from heor.report.html.journal_tables import JournalTable

FIGURE = "countries"
COLUMNS = (
    "Net health benefit at the lowest / severity-weighted / highest threshold: QALYs gained less the "
    "QALYs that the cost would buy there. All QALYs and costs discounted at the country's rates, "
    "per patient."
)


def write_country_report(
    results: CountryComparison,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    language: str = "en",
) -> Path:
    """Tables, the figure, report.md, report.html, results.nc and run.json; see `write_folder`."""

    def fill(place: Path) -> None:
        write_country_parts(results, place, progress, language=language)
        write_archive(results, place / "results.nc")
        write_json(_record(results), place / "run.json")

    return write_folder(folder, fill)


def write_country_parts(
    results: CountryComparison,
    place: Path,
    progress: Callable[[str, int, int], None] | None = None,
    with_figures: bool = True,
    language: str = "en",
) -> None:
    """What readers open, made from `results` alone."""
    from heor.report.figures.countries import countries
    from heor.report.figures.registry import write_figures
    from heor.report.html.journal_tables import write_journal
    from heor.report.html.plain import write_document

    write_csv({FIGURE: results.table}, place / "tables")
    write_journal(_journal(results), results.problem.title, place / "tables")
    if with_figures:
        figures = {FIGURE: countries}
        write_figures(results, place / "figures", progress=progress, figures=figures)
    write_document(document(results, with_figures), place, language)


def document(results: CountryComparison, with_figures: bool = True) -> Document:
    """The whole report."""
    problem = results.problem
    quick = [Notice(("**Quick run**: not for a decision.",))] if problem.settings.fit.quick else []
    figure = [Figure(FIGURE, "Countries side by side")] if with_figures else []
    what = (
        f"{problem.scenario_label} · {problem.settings.draws:,} draws, the same random numbers in every "
        "country · each by its own rates, perspective, thresholds, severity rule, mortality, norms and "
        "prices"
    )
    about = (
        f"{pairwise_note(problem)} {COLUMNS} {problem.settings.within_cycle.capitalize()} within the cycle. "
        "Exact numbers with standard errors and intervals: `tables/countries.csv`."
    )
    made = {
        "answer": [*paragraphs("  \n".join(answer(results)), *faults(results)), *figure],
        "by-country": [*table(_shown(results.table)), Paragraph(about.lstrip())],
        "read-before-comparing": [*bullets(_cautions(results)), *warned(results.warnings)],
        "reproduce": [Command(_command(results))],
    }
    title = f"{problem.title}: {len(results.table)} countries"
    head = [Paragraph(what), *quick, *_changed(results)]
    return Document(title, problem.question, head, outline.parts(outline.COUNTRIES, made))


def _changed(results: CountryComparison) -> list[Block]:
    """What was changed by hand, which is the same number in every country's money."""
    shown = ", ".join(f"`{k} = {v}`" for k, v in results.problem.overrides.items())
    if not shown:
        return []
    words = f"**Changed by hand** in every country (amounts in the money of each): {shown}"
    return [Notice((words,))]


def answer(results: CountryComparison) -> list[str]:
    """One line each country, in the order asked for."""
    return [_line(results.problems[row["country"]], row) for _, row in results.table.iterrows()]


def _line(problem: DecisionProblem, row: pd.Series) -> str:
    gain = f"{row['label']}: {_best(problem, row)}{row['qalys']:+.2f} QALYs"
    ratio = icer_words(
        row["cost"], row["qalys"], row["icer"], row["icer_label"], f"{row['currency']} per QALY"
    )
    parts = []
    for name in (LOW, SEVERITY, HIGH):
        if row[column("threshold", name)] == row[column("threshold", name)]:
            what = " (severity-weighted)" if name == SEVERITY else ""
            parts.append(
                f"{row[f'probability_{name}']:.0%} at {row[column('threshold', name)]:,.0f}{what}"
            )
    parts = list(dict.fromkeys(parts))  # a country may have one threshold
    what = "chance of being cost-effective"
    if has_several(problem):
        what = "probability that its net benefit is positive"
    if not row["has_verdict"]:
        what = "at another country's thresholds, probability that net benefit is positive"
    if problem.settings.draws < LEAST_DRAWS:
        parts = [f"({TOO_FEW})"]
    return f"{gain}, {ratio}; {what} {', '.join(parts)}."


def _best(problem: DecisionProblem, row: pd.Series) -> str:
    """The best of more than two strategies at each threshold, and what the rest of the line compares."""
    if not has_several(problem):
        return ""
    parts = [
        f"{label_of(problem, row[column('best', name)])} at {row[column('threshold', name)]:,.0f} "
        f"({chance(row[column('best', name, 'probability')], problem.settings.draws)})"
        for name in (LOW, SEVERITY, HIGH)
        if isinstance(row.get(column("best", name)), str)
    ]
    intervention, comparator = pair(problem)
    best = f"best of all {len(problem.strategies)} strategies: {', '.join(dict.fromkeys(parts))}; "
    return f"{best}{intervention} against {comparator} alone "


def faults(results: CountryComparison) -> list[str]:
    """What could not be evaluated and why, one line each."""
    return [f"{name} was not evaluated: {why}" for name, why in results.faults.items()]


def _journal(results: CountryComparison) -> dict[str, JournalTable]:
    """The table of all countries for a manuscript."""
    from heor.report.html.journal_tables import journal

    caption = f"The same question in {len(results.table)} countries ({results.problem.scenario_label.lower()})"
    note = f"Cost and ICER in the money of each country's row, unless a column says otherwise. {COLUMNS}"
    return journal(
        {FIGURE: (_shown(results.table), caption, note)}, results.problem.settings.fit.quick
    )


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read."""

    def benefits(row: pd.Series) -> str:
        found = [row[column("health", name)] for name in (LOW, SEVERITY, HIGH)]
        return " / ".join(years(x) for x in found if x == x)

    def weighted(row: pd.Series) -> str:
        if not row["severity"]:
            return "none"
        return f"{row['severity']} → {row['severity_threshold']:,.0f}"

    money = next((m for m in frame["common_money"] if m), "")
    return pd.DataFrame(
        {
            "Country": frame["label"],
            "Prices": [f"{r['currency']} {r['price_year']}" for _, r in frame.iterrows()],
            "Rates": [_rates(r) for _, r in frame.iterrows()],
            "QALYs gained": [years(x) for x in frame["qalys"]],
            "Added cost": [significant(x) for x in frame["cost"]],
            f"in {money}": [significant(x) for x in frame["cost_common"]],
            "ICER (95 % Monte Carlo interval)": [
                ratio_words(r["icer"], r["icer_low"], r["icer_high"], r["icer_label"])
                for _, r in frame.iterrows()
            ],
            "Severity → threshold": [weighted(r) for _, r in frame.iterrows()],
            "Net health benefit": [benefits(r) for _, r in frame.iterrows()],
            "Borrowed": [f"{n} values" if n else "none" for n in frame["borrowed"]],
        }
    )


def _rates(row: pd.Series) -> str:
    costs, effects = f"{row['rate_costs']:.1%}", f"{row['rate_effects']:.1%}"
    return costs if costs == effects else f"{costs}, {effects}"


def _cautions(results: CountryComparison) -> list[str]:
    """What the countries borrow and lack, each said once; their own reports say it in full."""
    countries = [p.country for p in results.problems.values()]
    lines = _borrowed_values(results)
    for block, what in (("utility_norms", "Utility norms"), ("life_table", "Life table")):
        for donor, names in _by_donor(countries, block).items():
            lines.append(
                f"{what} of {country_name(donor)}, with its value set: {', '.join(names)}."
            )
    none = [c.label for c in countries if c.threshold_kind == "none"]
    unusable = [c.label for c in countries if c.threshold_kind == "unusable"]
    if none:
        lines.append(
            f"No official threshold: {', '.join(none)}. Another country's, converted and rounded, are shown "
            "for orientation."
        )
    if unusable:
        lines.append(
            "Thresholds of their own that cannot be set against costs in another money: "
            f"{', '.join(unusable)}. Another country's are shown."
        )
    lent = [p.country.label for p in results.problems.values() if p.borrows_every_price]
    if lent:
        lines.append(f"Every price is another country's, so not for a decision: {', '.join(lent)}.")
    generic = [c.label for c in countries if c.stand_ins]
    if generic:
        lines.append(f"Stand-ins instead of rules of their own: {', '.join(generic)}.")
    lines += [
        f"{c.label}, not verified in their source: {', '.join(c.unverified)}."
        for c in countries
        if c.unverified
    ]
    lines += [f"{c.label}: {limit.rstrip('.')}." for c in countries for limit in c.limits]
    lines.append(
        "The evidence on survival is the same in every country, fitted once over the mortality of the "
        "trials' patients; each country's own mortality acts on its cohort."
    )
    return lines


def _borrowed_values(results: CountryComparison) -> list[str]:
    """Whose unit costs are whose: in which money, and the names once."""
    groups: dict[tuple[str, tuple[str, ...], bool], list[str]] = {}
    for problem in results.problems.values():
        lent: dict[str, list[str]] = {}
        for p in problem.parameters.values():
            if p.donor:
                lent.setdefault(p.donor, []).append(p.name)
        country = problem.country
        converted = country.currency == country.own_currency
        for donor, names in lent.items():
            money = f" ({country.currency} {country.price_year})" if converted else ""
            groups.setdefault((donor, tuple(names), converted), []).append(country.label + money)
    return [
        f"Values of {country_name(donor)}, "
        + ("converted" if converted else "in its money, because nothing converts them")
        + f": {', '.join(labels)}. They are: {', '.join(names)}. The arithmetic: `heor show --country "
        "<country> <name>`."
        for (donor, names, converted), labels in groups.items()
    ]


def country_name(folder: str) -> str:
    """A country's folder as a name: `united_states` → 'United States'."""
    return folder.replace("_", " ").title()


def _by_donor(countries: list[Country], block: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for country in countries:
        if block in country.borrowed:
            found.setdefault(country.borrowed[block], []).append(country.label)
    return found


def _command(results: CountryComparison) -> str:
    problem = results.problem
    words = ["heor country compare", *results.problems, f"--as-of {problem.country.as_of}"]
    words += [f"--scenario {s}" for s in (problem.scenario or "").split("+") if s]
    words += [f"--set {shlex.quote(f'{k}={v}')}" for k, v in problem.overrides.items()]
    words += [f"--draws {problem.settings.draws}", f"--seed {problem.settings.seed}"]
    if problem.allow_generic:
        words.append("--allow-generic")
    if problem.settings.fit.quick:
        words.append("--quick")
    words += [f"--accept {name}" for name in problem.settings.fit.accept]
    return " ".join(words)


def _record(results: CountryComparison) -> dict:
    hashes: dict[str, str] = {}
    for problem in results.problems.values():
        hashes |= problem.input_hashes
    own = {
        "draws": results.problem.settings.draws,
        "countries": list(results.problems),
        "not_evaluated": dict(results.faults),
    }
    return {
        **record(results, _command(results), results.warnings, results.timings, own),
        "input_sha256": hashes,
    }
