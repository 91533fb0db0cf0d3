"""One question of the kind "what if", asked on the command line: table, figure and words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from heor.problem.problem import DecisionProblem
from heor.questions.asked import Answer
from heor.questions.crossings import WhatIfMap
from heor.report import outline
from heor.report.figure_data.what_if import Asked
from heor.report.figures.registry import write_figures
from heor.report.figures.what_if import what_if_of
from heor.report.folders.tables import write_csv
from heor.report.format import blocks
from heor.report.format.blocks import Document, Paragraph, paragraphs, strong_lines
from heor.report.format.choice import alone, pairwise_note
from heor.report.format.command_line import command_line
from heor.report.format.provenance import short_record, write_json
from heor.report.format.words import money, plain, timing
from heor.report.html.plain import write_document
from heor.report.sections.method import run_notes
from heor.storage.folder import write_folder
from heor.storage.manifest import RECORD


def answer(problem: DecisionProblem, answered: Answer) -> list[str]:
    """Where the decision turns, at each threshold, and how it was computed."""
    question = answered.found.what_if
    lines = [_at(problem, answered, name) for name, _ in answered.decision.thresholds]
    return [*lines, question.note] if question.note else lines


def _at(problem: DecisionProblem, answered: Answer, name: str) -> str:
    """Where the decision turns at one threshold."""
    found, currency = answered.found, problem.country.currency
    label = problem.strategies[problem.settings.intervention].label
    threshold = dict(answered.decision.thresholds)[name]
    table = found.at(name, threshold)
    levels, benefit = table["threshold"], table["net_benefit"]
    worth = benefit > 0
    if table.empty:
        return f"At {threshold:,.0f} {currency} per QALY there is no answer at any value."
    if levels.nunique() > 1:
        head = f"At the severity-weighted threshold ({_levels(table)} {currency} per QALY) {label}{alone(problem)}"
    else:
        head = f"At {levels.iloc[0]:,.0f} {currency} per QALY {label}{alone(problem)}"
    head += " has a mean net benefit"
    if found.what_if.y is not None:
        return f"{head} above zero in {worth.mean():.0%} of the map."
    x, what = found.what_if.x, _quantity(found.what_if.x.label)
    ends = (
        f"{money(benefit.iloc[0])} {currency} at {plain(table['x'].iloc[0])}, "
        f"{money(benefit.iloc[-1])} at {plain(table['x'].iloc[-1])}"
    )
    if np.ptp(benefit) <= 1e-9 * np.abs(benefit).max():
        return (
            f"{head} of {money(benefit.iloc[0])} {currency} whatever the {what}: from {plain(x.start)} to "
            f"{plain(x.end)} it does not move the result."
        )
    own = found.crossings[found.crossings["threshold_name"] == name]
    turns = own[own["value"].notna()]
    if worth.all() or not worth.any():
        side = "above" if worth.all() else "below"
        return (
            f"{head} {side} zero for every {what} from {plain(x.start)} to {plain(x.end)} ({ends})."
        )
    if turns.empty:  # the threshold steps between values: where is not known
        places = ", ".join(plain(v) for v in table["x"][worth])
        return f"{head} above zero with {what} at {places}, and not at the other values ({ends})."
    places = " and ".join(
        f"{'above' if r['worth_above'] else 'below'} {plain(r['value'])}"
        for _, r in turns.iterrows()
    )
    return f"{head} above zero with {what} {places} ({ends})."


def _quantity(label: str) -> str:
    """A label within a sentence; an abbreviation stays as it is."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def _levels(table: pd.DataFrame) -> str:
    """The severity-weighted threshold over the values of a question."""
    levels = table["threshold"]
    if table["y"].notna().any():
        return " or ".join(f"{level:,.0f}" for level in sorted(set(levels)))
    parts = []
    for _, own in table.groupby((levels != levels.shift()).cumsum()):
        first, last = plain(own["x"].iloc[0]), plain(own["x"].iloc[-1])
        where = f"at {first}" if first == last else f"from {first} to {last}"
        parts.append(f"{own['threshold'].iloc[0]:,.0f} {where}")
    return ", ".join(parts)


def _out_of_reach(found: WhatIfMap) -> str:
    """Where the answer rests on hazard ratios that could not be reached; empty where none does."""
    most = found.table["out_of_reach"].max()
    if not most > 0:
        return ""
    return (
        f"In up to {most:.1%} of draws at a value no hazard of the uncured gives the marginal hazard ratio; the "
        "nearest was used (`tables/what_if.csv`, column `out_of_reach`)."
    )


def write_what_if(
    problem: DecisionProblem, answered: Answer, folder: Path, language: str = "en"
) -> Path:
    """tables/what_if.csv, tables/crossings.csv, figures/what_if.*, reports, run.json; see `write_folder`."""
    found = answered.found
    asked = Asked(problem, answered.decision, found)
    table = found.table.drop(columns="scenario")
    crossings = found.crossings.drop(columns="scenario")
    if found.what_if.y is None:
        table = table.drop(columns=["y", "y_name", "y_unit"])
        crossings = crossings.drop(columns="x")
    about = (
        "Mean incremental net benefit with this value fixed and everything else as uncertain as in a run of "
        f"{problem.scenario_label.lower()}, {problem.country.label}. {found.what_if.note} "
        f"{pairwise_note(problem)}"
    )
    notes = (f"**To be read:** {note}" for note in answered.notes)
    answer = [
        strong_lines(_at(problem, answered, n) for n, _ in answered.decision.thresholds),
        *paragraphs(about.rstrip(), *notes, _out_of_reach(found)),
        *blocks.figures(["what_if"]),
        Paragraph(timing(problem)),
    ]
    parts = outline.parts(outline.WHAT_IF, {"answer": answer})
    document = Document(found.what_if.label, "", run_notes(problem), parts)

    def fill(place: Path) -> None:
        write_csv({"what_if": table, "crossings": crossings}, place / "tables")
        write_figures(asked, place / "figures", figures={"what_if": what_if_of})
        write_document(document, place, language)
        write_json(short_record(_command(problem, found), problem.input_hashes), place / RECORD)

    return write_folder(folder, fill)


def _command(problem: DecisionProblem, found: WhatIfMap) -> str:
    axes = [axis for axis in (found.what_if.x, found.what_if.y) if axis is not None]
    names = " ".join(axis.name for axis in axes)
    ranges = [f"--range {axis.start:.12g}:{axis.end:.12g}" for axis in axes]
    options = (*ranges, f"--points {axes[0].points}", f"--draws {problem.settings.draws}")
    return command_line(problem, f"what-if {names}", *options)
