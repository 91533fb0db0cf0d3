"""One question of the kind "what if", asked on the command line: table, figure and words."""

from __future__ import annotations

from pathlib import Path

from heor.decision.crossings import WhatIfMap
from heor.inputs.problem import DecisionProblem
from heor.report.choice import alone, pairwise_note
from heor.report.figures import write_figures
from heor.report.figures_what_if import what_if_of
from heor.report.html.plain import write_plain_page
from heor.report.numbers.what_if import Asked
from heor.report.provenance import short_record, write_json
from heor.report.section_method import command_line, run_notes
from heor.report.tables import write_csv
from heor.report.words import plain, timing
from heor.results import Decision
from heor.storage.folder import write_folder
from heor.storage.manifest import RECORD


def answer(problem: DecisionProblem, decision: Decision, found: WhatIfMap) -> list[str]:
    """Where the decision turns, at each threshold."""
    label = problem.strategies[problem.settings.intervention].label
    question, currency, lines = found.what_if, problem.country.currency, []
    what = question.x.label
    what = what[0].lower() + what[1:] if what[1:2].islower() else what  # not an abbreviation
    for name, threshold in decision.thresholds:
        own = found.crossings[found.crossings["threshold_name"] == name]
        turns = own[own["value"].notna()]
        head = f"At {threshold:,.0f} {currency} per QALY {label}{alone(problem)}"
        if question.y is not None:
            benefit = threshold * found.table["qalys"] - found.table["cost"]
            lines.append(
                f"{head} has a mean net benefit above nil in {(benefit > 0).mean():.0%} of the map."
            )
        elif turns.empty:
            always = bool(own["worth_above"].iloc[0])
            lines.append(
                f"{head} has a mean net benefit {'above' if always else 'below'} nil for every "
                f"{what} from {plain(question.x.start)} to {plain(question.x.end)}."
            )
        else:
            places = " and ".join(
                f"{'above' if r['worth_above'] else 'below'} {plain(r['value'])}"
                for _, r in turns.iterrows()
            )
            lines.append(f"{head} has a mean net benefit above nil with {what} {places}.")
    return lines


def write_what_if(
    problem: DecisionProblem,
    decision: Decision,
    found: WhatIfMap,
    folder: Path,
    language: str = "en",
) -> Path:
    """tables/what_if.csv, tables/crossings.csv, figures/what_if.*, reports, run.json; see `write_folder`."""
    asked = Asked(problem, decision, found)
    table = found.table.drop(columns="scenario")
    for name, threshold in decision.thresholds:
        table[f"net_benefit_{name}"] = threshold * table["qalys"] - table["cost"]
    crossings = found.crossings.drop(columns="scenario")
    if found.what_if.y is None:
        table, crossings = table.drop(columns="y"), crossings.drop(columns="x")
    lines = [
        f"# {found.what_if.label}",
        *run_notes(problem),
        "## The answer",
        "  \n".join(f"**{line}**" for line in answer(problem, decision, found)),
        "Mean incremental net benefit with this value fixed and everything else as uncertain as in a run of "
        f"{problem.scenario_label.lower()}, {problem.country.label}. {pairwise_note(problem)}".rstrip(),
        "![what if](figures/what_if.svg)",
        timing(problem),
    ]

    def fill(place: Path) -> None:
        write_csv({"what_if": table, "crossings": crossings}, place / "tables")
        write_figures(asked, place / "figures", figures={"what_if": what_if_of})
        (place / "report.md").write_text(
            "\n\n".join(line for line in lines if line) + "\n", encoding="utf-8"
        )
        write_plain_page(place, language=language)
        write_json(short_record(_command(problem, found), problem.input_hashes), place / RECORD)

    return write_folder(folder, fill)


def _command(problem: DecisionProblem, found: WhatIfMap) -> str:
    axes = [axis for axis in (found.what_if.x, found.what_if.y) if axis is not None]
    names = " ".join(axis.name for axis in axes)
    ranges = [f"--range {axis.start:.12g}:{axis.end:.12g}" for axis in axes]
    options = (*ranges, f"--points {axes[0].points}", f"--draws {problem.settings.draws}")
    return command_line(problem, f"what-if {names}", *options)
