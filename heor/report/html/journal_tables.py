"""Tables for a manuscript: the report's own rows as tables that Word and Excel accept by paste.

`journal.html` has them all, with captions and notes; `journal/<name>.tsv` one each, the same words.
The exact numbers stand in `tables/*.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from heor.report.format import labels
from heor.report.format.cells import plain
from heor.report.format.choice import has_several
from heor.report.format.inline import without_markup
from heor.report.format.words import chance_words, timing
from heor.report.format.words import money as amount
from heor.report.html.template import templates
from heor.report.sections import answer as section_answer
from heor.report.sections import drivers as section_drivers
from heor.report.sections import structures as section_structures
from heor.report.sections import what_if as section_what_if
from heor.report.sections.parameters import parameter_rows
from heor.report.sections.severity import threshold_rows
from heor.runs.results import Results
from heor.storage.manifest import file_in

SIGNS = ("-", "+", "<", ">")  # how a number may begin
NONE = ("", "-", "dominates", "always", "never")


@dataclass(frozen=True)
class JournalTable:
    """One table.

    Attributes
    ----------
    frame : DataFrame
        Of texts, rounded; units in its header.
    caption, note : str
        Above and below it.
    """

    frame: pd.DataFrame
    caption: str
    note: str

    @cached_property
    def header(self) -> list[str]:
        return [without_markup(str(name)) for name in self.frame.columns]

    @cached_property
    def rows(self) -> list[list[str]]:
        """Cells without Markdown."""
        return [[without_markup(str(cell)) for cell in row] for row in self.frame.to_numpy()]

    @cached_property
    def words(self) -> set[int]:
        """Columns flush left: the first, and those that hold more words than numbers."""
        columns = [[row[k] for row in self.rows] for k in range(len(self.header))]
        return {k for k, cells in enumerate(columns) if k == 0 or _is_words(cells)}


def _is_words(cells: Sequence[str]) -> bool:
    found = [cell for cell in cells if cell not in NONE]
    return sum(not _is_number(cell) for cell in found) > len(found) / 2


def _is_number(cell: str) -> bool:
    return cell[cell.startswith(SIGNS) :][:1].isdigit()


def journal_tables(results: Results) -> dict[str, JournalTable]:
    """The main tables of a run, by name; those it does not have are left out."""
    problem = results.problem
    country = problem.country
    intervention, comparator = (
        problem.strategies[s].label
        for s in (problem.settings.intervention, problem.settings.comparator)
    )
    versus = f"{intervention} against {comparator}{' alone' if has_several(problem) else ''}"
    name, value = results.decision.headline
    threshold = labels.threshold_label(name, value, country.currency)
    about = f"{country.label}, {problem.scenario_label.lower()}"
    means = f"Means over {results.simulation.outcomes.n:,} model draws."
    means += " Differences are computed before rounding."
    draws = f"{means} Interval: 95 % of draws."
    ratio = (
        "ICER: incremental cost-effectiveness ratio; its interval is Monte Carlo error (Fieller)."
    )
    money = timing(problem).replace(" (see Conventions)", "")
    chance = f"{chance_words(country).lower()} at a threshold"
    if has_several(problem):
        chance = "the best of all strategies at a threshold, with its chance"
    own = section_drivers
    along = "; one that is correlated with it moves along" if own.has_partners(results) else ""
    base = results.deterministic.iloc[0]
    benefit = value * base["qalys"] - base["cost"]
    centre = amount(benefit) if benefit == benefit else "not computed"
    found = {
        "decision": (
            section_answer.outcome_rows(results),
            f"Costs and outcomes per patient, {versus} ({about})",
            f"{draws} {money}",
        ),
        "incremental_analysis": (
            section_answer.incremental_rows(results),
            f"Incremental analysis per patient ({about})",
            f"Each strategy against the one before it on the efficiency frontier. {ratio} {money}",
        ),
        "costs": (
            section_answer.cost_rows(results),
            f"Costs by category ({about})",
            f"{means} {money}",
        ),
        "thresholds": (
            threshold_rows(results),
            f"Net benefit of {versus} and its uncertainty, by threshold ({about})"
            if not has_several(problem)
            else f"The best of all strategies and its uncertainty, and {versus}, by threshold ({about})",
            f"EVPI: expected value of perfect information. SE: Monte Carlo. {draws} {money}",
        ),
        "drivers": (
            own.driver_rows(results),
            f"Parameters that move the net benefit of {versus} most ({about})",
            f"Each parameter at the ends of its own 95 % interval, the others at their centre{along}; at "
            f"{threshold}. With all at their centre: {centre} {country.currency}. "
            f"{money}",
        ),
        "tipping_points": (
            section_what_if.tipping_rows(results),
            f"Values at which the decision turns ({about})"
            if not has_several(problem)
            else f"Values at which the net benefit of {versus} turns ({about})",
            "Each parameter at a fixed value, the others uncertain. SE: Monte Carlo, of the value. A value "
            "has the unit of its row.",
        ),
        "scenarios": (
            own.scenario_rows(results) if results.companions else pd.DataFrame(),
            f"Structural scenarios: {versus} ({country.label})",
            f"Differences per patient on the same draws; {chance}, {country.currency} per QALY. {ratio} {money}",
        ),
        "structures": (
            section_structures.structure_rows(results)
            if len(results.structures) > 1
            else pd.DataFrame(),
            f"Model structures: {versus} ({about})",
            f"Differences per patient on the same draws; {chance}, {country.currency} per QALY. Hazard ratio of "
            "death: what the mean survival curves imply, censored at 60 months. Alive: share of patients. "
            f"{ratio} {money}{section_structures.individual_note(results)}",
        ),
        "parameters": (
            used_parameter_rows(results),
            f"Parameters of the model ({about})",
            "Mean as entered, in the unit of the row; 95 % interval of its distribution. Parameters that this run "
            "does not use are left out.",
        ),
    }
    return journal(found, problem.settings.fit.quick)


def used_parameter_rows(results: Results) -> pd.DataFrame:
    """The parameters a run uses: value, interval, unit, distribution, status and source."""
    return pd.DataFrame(
        [
            {
                "Parameter": row.description,
                "Unit": row.unit,
                "Mean": row.value,
                "95 % interval": row.interval or "-",
                "Distribution": row.distribution,
                "Status": row.status,
                "Source": "; ".join(title for title, _ in row.sources) or "-",
            }
            for row in parameter_rows(results)
            if row.used
        ]
    )


def journal(
    found: Mapping[str, tuple[pd.DataFrame, str, str]], quick: bool
) -> dict[str, JournalTable]:
    """Name → (rows, caption, note) as tables; empty ones are left out, a quick run says so."""
    warned = f"{labels.QUICK_NOTE}. " if quick else ""
    return {
        name: JournalTable(rows, caption, warned + note)
        for name, (rows, caption, note) in found.items()
        if len(rows)
    }


def write_journal(tables: Mapping[str, JournalTable], title: str, folder: Path) -> None:
    """`journal.html` and `journal/<name>.tsv` (UTF-8 with the mark Excel looks for) in a folder."""
    template = templates().get_template("journal.html")
    made = template.render(title=title, tables=list(tables.values()))
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    (folder / "journal.html").write_text(made + "\n", encoding="utf-8", newline="\n")
    for name, table in tables.items():
        lines = ["\t".join(map(plain, cells)) for cells in (table.header, *table.rows)]
        path = file_in(folder / "journal", f"{name}.tsv")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig", newline="\n")
