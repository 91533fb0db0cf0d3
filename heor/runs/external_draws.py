"""Results of any other program: the same decision analysis from a CSV of its draws.

Columns: strategy, draw, cost, qaly; every other numeric column is a parameter, with one value a draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from heor.decision import information
from heor.decision.decision import Decision
from heor.decision.information import CURVE_POINTS, ENOUGH_DRAWS
from heor.decision.tables import decision_tables
from heor.decision.thresholds import Threshold, Thresholds
from heor.errors import InputError
from heor.faults import Faults, nearest
from heor.files import content
from heor.inputs.read.draws_table import COLUMNS, read_draws
from heor.limits import NUMBER
from heor.outcomes.outcomes import Outcomes

EVERYTHING = "all"  # what EVPI is called among the values of information


@dataclass(frozen=True)
class Analysed:
    """A decision analysis of another program's draws.

    Attributes
    ----------
    outcomes : Outcomes, dims (draw, strategy, component)
    parameters : DataFrame
        One row a draw, in the order of the outcomes; constant columns are left out.
    groups : dict
        Label → parameters whose joint value is given.
    information, information_curves : DataFrame
        Of `heor.decision.information`; empty without parameters or with fewer than 500 draws.
    """

    source: Path
    sha256: str
    outcomes: Outcomes
    comparator: str
    intervention: str
    decision: Decision
    parameters: pd.DataFrame
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    information: pd.DataFrame = field(default_factory=pd.DataFrame)
    information_curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()


def analyse(
    path: Path,
    currency: str,
    thresholds: Sequence[float],
    *,
    roles: tuple[str | None, str | None] = (None, None),
    groups: Mapping[str, Sequence[str]] | None = None,
    parameters: Path | None = None,
    largest: float | None = None,
    points: int = 501,
) -> Analysed:
    """Analyse draws of costs and QALYs.

    Parameters
    ----------
    path
        CSV: strategy, draw, cost, qaly, and parameters in further columns.
    currency
        Of the costs and thresholds: three letters.
    thresholds
        Money per QALY.
    roles
        Comparator and intervention; the first and the last strategy of the file where None.
    parameters
        CSV with a column `draw` and one for each parameter, where they are not in `path`.
    largest, points
        The acceptability curves' largest threshold (twice the largest threshold when None), and how
        many thresholds they have.

    Raises
    ------
    InputError
        All problems of the file, or of names that are not in it.
    """
    notes: list[str] = []
    read: list[str] = []
    problems = Faults(
        f"threshold {t:g}: must be at least 0 and finite (at most {NUMBER:g}). Correct it."
        for t in thresholds
        if not 0 <= t <= NUMBER
    )
    if largest is not None and not 0 < largest <= NUMBER:
        problems.add(
            f"--largest {largest:g}",
            f"must be above 0 and finite (at most {NUMBER:g})",
            "",
            "Correct it.",
        )
    if not (len(currency) == 3 and currency.isalpha()):
        problems.add(
            f"currency '{currency}'", "must be a code of three letters, as EUR", "", "Correct it."
        )
    if not thresholds:
        problems.append("thresholds: there are none; name at least one, in money per QALY.")
    try:
        table = read_draws(path, currency, read)
        outcomes = Outcomes.from_table(table, currency)
    except InputError as error:  # without outcomes there is nothing to hold the rest against
        raise InputError([*error.problems, *problems]) from error
    try:
        own = table if parameters is None else read_draws(parameters, currency, read)
    except InputError as error:
        raise InputError([*error.problems, *problems]) from error
    frame = _parameters(own, outcomes, parameters, notes, problems)
    roles = _roles(outcomes, *roles, problems)
    groups = dict(groups or {})
    problems += [
        f"'{EVERYTHING}': stands for all parameters, known perfectly; name the {what} otherwise."
        for what, names in (("group", groups), ("parameter", frame))
        if EVERYTHING in names
    ]
    for label, members in groups.items():
        for name in members:
            if name not in frame:
                constant = name in notes
                problems.append(
                    f"group '{label}': "
                    + (
                        f"parameter '{name}' is the same in every draw; nothing can be learnt of it. "
                        "Leave it out."
                        if constant
                        else f"unknown parameter '{name}'; there are "
                        f"{', '.join(map(str, frame.columns)) or 'none'}.{nearest(name, frame.columns)}"
                    )
                )
    if problems:
        raise InputError(problems)
    outcomes = replace(outcomes, comparator=roles[0], intervention=roles[1])
    named = [Threshold(f"{t:.10g}", float(t)) for t in sorted(set(thresholds))]
    top = largest if largest is not None else 2 * max(max(thresholds), 1.0)
    tables = decision_tables(outcomes, named, np.linspace(0, top, points))
    said = [f"Parameter '{n}' is the same in every draw and left out." for n in notes]
    unused = [c for c in table.columns if c not in COLUMNS]
    if parameters is not None and unused:
        said.append(
            f"Columns of {path.name} that were left out, parameters being those of {parameters.name}: "
            f"{', '.join(unused)}."
        )
    worth, curves, words = _information(outcomes, frame, groups, named, top)
    return Analysed(
        path,
        hashlib.sha256(content(path)).hexdigest(),
        outcomes,
        *roles,
        Decision(tables, tuple(named), None),
        frame,
        groups,
        worth,
        curves,
        (*read, *said, *words),
    )


def _parameters(
    table: pd.DataFrame,
    outcomes: Outcomes,
    path: Path | None,
    constant: list[str],
    problems: Faults,
) -> pd.DataFrame:
    """One row a draw, in the order of the outcomes. Names of constant ones are noted."""
    draws = outcomes.data["draw"].values
    if path is not None:
        if "draw" not in table:
            problems.add(path, "column 'draw' is missing", "it says which draw a row belongs to")
            return pd.DataFrame(index=draws)
        names = [c for c in table.columns if c != "draw"]
        rows = table
    else:
        names = [c for c in table.columns if c not in COLUMNS]
        for name in names:
            values = table.groupby("draw")[name].nunique(dropna=False)
            if (values > 1).any():
                draw = values.index[values > 1][0]
                problems.add(
                    f"parameter '{name}'",
                    f"differs between strategies in draw {draw}",
                    "a draw is one world, with one value",
                    "Give a column to each strategy's own.",
                )
        rows = table.drop_duplicates("draw")
    if rows["draw"].duplicated().any():
        problems.add(path, f"draw {rows['draw'][rows['draw'].duplicated()].iloc[0]} stands twice")
        return pd.DataFrame(index=draws)
    rows = rows.set_index(pd.to_numeric(rows["draw"], errors="coerce"))
    absent = sorted(set(draws) - set(rows.index))
    if absent or len(rows) != len(draws):
        problems.append(
            f"parameters: {len(rows)} draws for {len(draws)} of the outcomes"
            + (f"; draw {absent[0]} is missing" if absent else "")
            + ". One row a draw is needed."
        )
        return pd.DataFrame(index=draws)
    found = {}
    for name in names:
        values = pd.to_numeric(rows.loc[draws, name], errors="coerce").to_numpy(float)
        if not np.isfinite(values).all():
            bad = draws[~np.isfinite(values)][0]
            problems.add(
                f"parameter '{name}'",
                f"draw {bad} is '{rows.loc[bad, name]}'",
                "a finite number is required",
                "Correct it, or remove the column.",
            )
        elif np.ptp(values) == 0:
            constant.append(name)
        else:
            found[str(name)] = values
    return pd.DataFrame(found, index=draws)


def _roles(
    outcomes: Outcomes, comparator: str | None, intervention: str | None, problems: Faults
) -> tuple[str, str]:
    names = outcomes.strategies
    first = comparator if comparator is not None else names[0]
    second = intervention if intervention is not None else [n for n in names if n != first][-1]
    for role, name in (("comparator", first), ("intervention", second)):
        if name not in names:
            problems.append(
                f"--{role} {name}: no such strategy; there are {', '.join(names)}.{nearest(name, names)}"
            )
    if first == second:
        problems.append(f"comparator and intervention are both '{first}'; they must differ.")
    return first, second


def _information(
    outcomes: Outcomes,
    frame: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Thresholds,
    largest: float,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    if frame.empty or not len(frame.columns):
        return pd.DataFrame(), pd.DataFrame(), []
    if outcomes.n < ENOUGH_DRAWS:
        words = f"Value of information was left out: {outcomes.n} draws; at least {ENOUGH_DRAWS} are needed."
        return pd.DataFrame(), pd.DataFrame(), [words]
    frame = frame.reset_index(drop=True)
    table = information.information_table(outcomes, frame, groups, thresholds)
    shown = dict(groups)
    if not shown:  # the parameters worth most, by themselves
        single = table[table["kind"] == "single"].groupby("name")["value"].max()
        best = single[single > 0].sort_values(ascending=False).head(5)
        shown = {str(name): [str(name)] for name in best.index}
    grid = np.linspace(0, largest, CURVE_POINTS)
    return table, information.information_curves(outcomes, frame, shown, grid), []
