"""The report of all scenarios: how many turn the decision, which, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from heor.archive import write_archive
from heor.decision.choice import choices
from heor.decision.thresholds import column
from heor.outcomes.outcomes import LEAST_DRAWS
from heor.report import outline
from heor.report.figure_data.scenarios import ordered
from heor.report.figures.scenarios import scenarios
from heor.report.folders.tables import write_csv
from heor.report.format import labels
from heor.report.format.blocks import (
    Block,
    Command,
    Document,
    Figure,
    Paragraph,
    bullets,
    paragraphs,
    strong_lines,
    table,
)
from heor.report.format.choice import alone, best_of, differences, label_of, pair
from heor.report.format.command_line import command_line
from heor.report.format.provenance import record, write_json
from heor.report.format.words import TOO_FEW, chance, money, ratio_words, timing, years
from heor.report.sections.method import accepted_notice, run_notes, warned
from heor.runs.scenario_analysis import ScenarioResults
from heor.storage.folder import write_folder

if TYPE_CHECKING:
    from heor.report.html.journal_tables import JournalTable

FIGURE = "scenarios"


def write_scenario_report(
    results: ScenarioResults,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    language: str = "en",
) -> Path:
    """Tables, the figure, report.md, report.html, results.nc and run.json; see `write_folder`."""

    def fill(place: Path) -> None:
        write_scenario_parts(results, place, progress, language=language)
        write_archive(results, place / "results.nc")
        write_json(scenario_record(results), place / "run.json")

    return write_folder(folder, fill)


def write_scenario_parts(
    results: ScenarioResults,
    place: Path,
    progress: Callable[[str, int, int], None] | None = None,
    with_figures: bool = True,
    language: str = "en",
) -> None:
    """What readers open, made from `results` alone."""
    from heor.report.figures.registry import write_figures
    from heor.report.html.journal_tables import write_journal
    from heor.report.html.plain import write_document

    tables = {"scenarios": results.table, "averages": average_table(results)}
    write_csv(tables, place / "tables")
    write_journal(_journal(results), results.problem.title, place / "tables")
    if with_figures:
        figures = {FIGURE: scenarios}
        write_figures(results, place / "figures", progress=progress, figures=figures)
    write_document(document(results, with_figures), place, language)


def document(results: ScenarioResults, with_figures: bool = True) -> Document:
    """The whole report."""
    problem = results.problem
    figure = [Figure(FIGURE, "Net benefit by scenario")] if with_figures else []
    made = {
        "answer": [
            strong_lines(answer(results)),
            *warned(faults(results), "**Not evaluated**"),
            *figure,
        ],
        "structural-averages": _averages(results),
        "all-scenarios": _table(results),
        "why-each-is-there": _whys(results),
        "warnings": bullets(results.warnings),
        "reproduce": _reproduce(results),
    }
    parts = outline.parts(outline.SCENARIOS, made)
    return Document(f"{problem.title}: scenarios", problem.question, _head(results), parts)


def answer(results: ScenarioResults) -> list[str]:
    """The answer in plain words, the threshold that matters most first, then the averages."""
    headline = results.decision.headline
    rest = [t for t in results.decision.thresholds if t != headline]
    lines = [_turning_words(results, name, value) for name, value in (headline, *rest)]
    averages = _of_kind(results, "average")
    return [*lines, *(_average_words(results, row, *headline) for _, row in averages.iterrows())]


def _turning_words(results: ScenarioResults, name: str, value: float) -> str:
    """How many scenarios turn the decision at a threshold, which, and what it is without them."""
    problem, found = results.problem, _of_kind(results, "scenario")
    turning = list(found.loc[found[column("turns", name)], "scenario"])
    unclear = int(found[f"sign_unclear_{name}"].sum())
    where = labels.threshold_label(name, value, problem.country.currency)
    return (
        f"Of {len(found)} scenario{'' if len(found) == 1 else 's'}, {len(turning) or 'none'} "
        f"{'turn' if len(turning) > 1 else 'turns'} the decision at {where}"
        + (f": {', '.join(turning)}" if turning else "")
        + (f" (the sign of {unclear} is within Monte Carlo error)" if unclear else "")
        + f". In the base case {_base_words(results, name)}."
    )


def _base_words(results: ScenarioResults, name: str) -> str:
    """What the base case says at a threshold: of two strategies a verdict, of more which is best."""
    problem, base = results.problem, results.table.iloc[0]
    found = choices(results.decision.tables).get(name)
    if found is not None:
        return f"{best_of(problem, found, problem.settings.draws)} there"
    worth = "worth" if base[column("net_benefit", name)] > 0 else "not worth"
    return f"{pair(problem)[0]} is {worth} its cost there"


def faults(results: ScenarioResults) -> list[str]:
    """What could not be evaluated and why, one line each."""
    return [f"{name} was not evaluated: {why}" for name, why in results.faults.items()]


def average_table(results: ScenarioResults) -> pd.DataFrame:
    """Weights of each average as stated, and the share of draws each scenario got.

    Returns
    -------
    DataFrame
        `average, scenario, weight, achieved`.
    """
    return pd.DataFrame(
        [
            {
                "average": name,
                "scenario": member,
                "weight": weight,
                "achieved": results.achieved[name][member],
            }
            for name, average in results.averages.items()
            for member, weight in average.weights.items()
        ],
        columns=["average", "scenario", "weight", "achieved"],
    )


def scenario_record(results: ScenarioResults) -> dict:
    """The content of run.json."""
    hashes: dict[str, str] = {}
    for problem in results.problems.values():
        hashes |= problem.input_hashes
    own = {
        "draws": results.problem.settings.draws,
        "scenarios": list(results.problems),
        "not_evaluated": dict(results.faults),
        "averages": {
            name: {"weights": dict(average.weights), "achieved": dict(results.achieved[name])}
            for name, average in results.averages.items()
        },
    }
    found = record(results, _command(results), results.warnings, results.timings, own)
    return found | {"accepted": list(results.accepted), "input_sha256": hashes}


def _of_kind(results: ScenarioResults, kind: str) -> pd.DataFrame:
    return results.table[results.table["kind"] == kind]


def _head(results: ScenarioResults) -> list[Block]:
    problem = results.problem
    what = (
        f"{problem.country.label} · {len(results.table)} rows (base case, scenarios, averages) on the "
        f"same {problem.settings.draws:,} draws · "
        f"{problem.country.currency} {problem.country.price_year} · {problem.country.perspective}"
    )
    return [Paragraph(what), *run_notes(problem), *accepted_notice(results.accepted)]


def _average_words(results: ScenarioResults, row: pd.Series, name: str, value: float) -> str:
    currency = results.problem.country.currency
    problem, turns = results.problem, "turns" if row[column("turns", name)] else "does not turn"
    best = row.get(column("best", name))
    if isinstance(best, str):
        likely = chance(row[column("best", name, "probability")], problem.settings.draws)
        return (
            f"{row['label']}: {label_of(problem, best)} is the best of all strategies at {value:,.0f} on average "
            f"(chance {likely}); it {turns} the decision. Net benefit{alone(problem)} "
            f"{money(row[f'net_benefit_{name}'])} {currency} a patient."
        )
    if problem.settings.draws < LEAST_DRAWS:
        return (
            f"{row['label']}: net benefit {money(row[f'net_benefit_{name}'])} {currency} a patient at "
            f"{value:,.0f}; it {turns} the decision. How sure: {TOO_FEW}."
        )
    return (
        f"{row['label']}: net benefit {money(row[f'net_benefit_{name}'])} {currency} a patient at "
        f"{value:,.0f} (95 % {money(row[f'net_benefit_{name}_low'])} to "
        f"{money(row[f'net_benefit_{name}_high'])}), above zero in "
        f"{labels.percent(row[f'probability_{name}'])} of draws; it {turns} the decision."
    )


def _averages(results: ScenarioResults) -> list[Block]:
    """The weights, whose judgement they are, and how near the draws came to them."""
    if not results.averages:
        return []
    words = (
        "An average is a mixture: each draw is of one scenario, chosen with its weight. The weights are "
        "a judgement of the analyst, not a result of the model; "
        "`averages` in `inputs/model/analysis.yaml` holds them."
    )
    lines = []
    for name, average in results.averages.items():
        achieved = results.achieved[name]
        weights = "; ".join(
            f"{member} {weight:.1%} (of draws: {achieved[member]:.2%})"
            for member, weight in average.weights.items()
        )
        lines.append(f"**{average.label}** ({name}): {average.why} Weights: {weights}.")
    return [Paragraph(words), *bullets(lines)]


def scenario_rows(results: ScenarioResults) -> pd.DataFrame:
    """Every row at the headline threshold, from the highest net benefit down."""
    name, _ = results.decision.headline
    currency, rows = results.problem.country.currency, []
    draws = results.problem.settings.draws
    for _, r in ordered(results.table, name).iterrows():
        benefit, difference = column("net_benefit", name), column("difference", name)
        turns = [f"{t:,.0f}" for k, t in results.decision.thresholds if r[column("turns", k)]]
        row = {
            "Scenario": f"**{r['label']}**" if r["kind"] != "scenario" else r["label"],
            f"Cost ({currency})": money(r["cost"]),
            "QALYs": years(r["qalys"]),
            f"ICER ({currency} per QALY; 95 % Monte Carlo interval)": ratio_words(
                r["icer"], r["icer_low"], r["icer_high"], r["icer_label"]
            ),
            f"Net benefit ({currency})": money(r[benefit]),
            "95 % interval": f"{money(r[f'{benefit}_low'])} to {money(r[f'{benefit}_high'])}",
            f"Difference (SE; {currency})": f"{money(r[difference])} ({money(r[f'{difference}_se'])})",
        }
        if r["kind"] == "base":
            row[f"Difference (SE; {currency})"] = "-"
        for key, threshold in results.decision.thresholds:
            likely = labels.percent(r[column("probability", key)])
            row[f"Chance at {threshold:,.0f}"] = TOO_FEW if draws < LEAST_DRAWS else likely
        row[f"EVPI ({currency})"] = money(r[column("evpi", name)])
        if isinstance(r.get(column("best", name)), str):
            row["Best of all"] = label_of(results.problem, r[column("best", name)])
        row["Turns at"] = ", ".join(turns) or "-"
        rows.append(row)
    return pd.DataFrame(rows)


def _differences(results: ScenarioResults) -> str:
    """What the columns of the table are."""
    currency = results.problem.country.currency
    name, value = results.decision.headline
    return (
        f"D{differences(results.problem)[1:]} in {currency} a patient; net benefit, its difference "
        f"from the base case (with the Monte Carlo standard error of the paired difference) and EVPI "
        f"at {labels.threshold_label(name, value, currency)}."
    )


def _journal(results: ScenarioResults) -> dict[str, JournalTable]:
    """The table of all scenarios for a manuscript."""
    from heor.report.html.journal_tables import journal

    problem = results.problem
    caption = f"Scenarios and averages of them ({problem.country.label})"
    note = f"{_differences(results)} {timing(problem)}"
    found = {FIGURE: (scenario_rows(results), caption, note)}
    return journal(found, problem.settings.fit.quick)


def _table(results: ScenarioResults) -> list[Block]:
    return [
        Paragraph(
            f"{_differences(results)} Every other number, with its Monte Carlo standard error: "
            "`tables/scenarios.csv`."
        ),
        *table(scenario_rows(results)),
        Paragraph(timing(results.problem)),
    ]


def _whys(results: ScenarioResults) -> list[Block]:
    """Why each scenario is there, in the order of their names."""
    return bullets(
        f"**{p.scenario_label}** (`{name}`): {p.scenario_why}"
        for name, p in results.problems.items()
        if p.scenario
    )


def _command(results: ScenarioResults) -> str:
    """What to type to get the same numbers; an average from a file needs its `--weights` too."""
    names = [*(n for n, p in results.problems.items() if p.scenario), *results.faults]
    own = [name for name in names if name not in results.problem.settings.averages]
    draws = f"--draws {results.problem.settings.draws}"
    return command_line(results.problem, "scenarios --run", *own, draws)


def _reproduce(results: ScenarioResults) -> list[Block]:
    where = "Versions, seed, hashes of the inputs and timings: `run.json`. Exact numbers: `tables/*.csv`."
    return [Command(_command(results)), *paragraphs(where)]
