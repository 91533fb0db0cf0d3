"""Results of any other program: the same decision analysis from a CSV of its draws.

Columns: strategy, draw, cost, qaly; every other numeric column is a parameter, with one value a draw.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from heor.decision import information
from heor.decision.tables import decision_tables
from heor.errors import InputError
from heor.outcomes.outcomes import Outcomes
from heor.results import Decision

COLUMNS = ("strategy", "draw", "cost", "qaly")
LEAST_DRAWS = 500  # for regressions of the value of information
CURVE_POINTS = 41


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
    comparator: str | None = None,
    intervention: str | None = None,
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
    comparator, intervention
        The first and the last strategy of the file when None.
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
    table = _read(path)
    outcomes = Outcomes.from_table(table, currency)
    notes: list[str] = []
    problems: list[str] = []
    frame = _parameters(table, outcomes, parameters, notes, problems)
    roles = _roles(outcomes, comparator, intervention, problems)
    groups = dict(groups or {})
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
                        f"{', '.join(map(str, frame.columns)) or 'none'}.{_near(name, frame.columns)}"
                    )
                )
    problems += [
        f"threshold {t:g}: must be at least 0 and finite. Correct it."
        for t in thresholds
        if not 0 <= t < np.inf
    ]
    if not thresholds:
        problems.append("thresholds: there are none; name at least one, in money per QALY.")
    if problems:
        raise InputError(problems)
    named = [(f"{t:.10g}", float(t)) for t in sorted(set(thresholds))]
    top = largest if largest is not None else 2 * max(max(thresholds), 1.0)
    tables = decision_tables(outcomes, *roles, named, np.linspace(0, top, points))
    constant = tuple(f"Parameter '{n}' is the same in every draw and left out." for n in notes)
    worth, curves, words = _information(outcomes, frame, groups, named, top)
    return Analysed(
        path,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        outcomes,
        *roles,
        Decision(tables, tuple(named), None),
        frame,
        groups,
        worth,
        curves,
        (*constant, *words),
    )


def _read(path: Path) -> pd.DataFrame:
    """The table, with columns named without regard to case or spaces around them."""
    try:
        table = pd.read_csv(path, sep=None, engine="python", encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as a CSV ({error}). Save it as CSV (UTF-8), one row a strategy and "
            "draw."
        ) from error
    known = {c: c.strip().lower() for c in map(str, table.columns)}
    return table.rename(columns={c: n for c, n in known.items() if n in COLUMNS})


def _parameters(
    table: pd.DataFrame,
    outcomes: Outcomes,
    path: Path | None,
    constant: list[str],
    problems: list[str],
) -> pd.DataFrame:
    """One row a draw, in the order of the outcomes. Names of constant ones are noted."""
    draws = outcomes.data["draw"].values
    if path is not None:
        own = _read(path)
        if "draw" not in own:
            problems.append(
                f"{path}: column 'draw' is missing; it says which draw a row belongs to."
            )
            return pd.DataFrame(index=draws)
        names = [c for c in own.columns if c != "draw"]
        rows = own
    else:
        names = [c for c in table.columns if c not in COLUMNS]
        for name in names:
            values = table.groupby("draw")[name].nunique(dropna=False)
            if (values > 1).any():
                draw = values.index[values > 1][0]
                problems.append(
                    f"parameter '{name}': differs between strategies in draw {draw}; a draw is one world, "
                    "with one value. Give a column to each strategy's own."
                )
        rows = table.drop_duplicates("draw")
    if rows["draw"].duplicated().any():
        problems.append(
            f"{path}: draw {rows['draw'][rows['draw'].duplicated()].iloc[0]} stands twice."
        )
        return pd.DataFrame(index=draws)
    rows = rows.set_index("draw")
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
            problems.append(
                f"parameter '{name}': draw {bad} is {rows.loc[bad, name]!r}; a finite number is required. "
                "Correct it, or remove the column."
            )
        elif np.ptp(values) == 0:
            constant.append(name)
        else:
            found[str(name)] = values
    return pd.DataFrame(found, index=draws)


def _roles(
    outcomes: Outcomes, comparator: str | None, intervention: str | None, problems: list[str]
) -> tuple[str, str]:
    names = outcomes.strategies
    first = comparator if comparator is not None else names[0]
    second = intervention if intervention is not None else [n for n in names if n != first][-1]
    for role, name in (("comparator", first), ("intervention", second)):
        if name not in names:
            problems.append(
                f"--{role} {name}: no such strategy; there are {', '.join(names)}.{_near(name, names)}"
            )
    if first == second:
        problems.append(f"comparator and intervention are both '{first}'; they must differ.")
    return first, second


def _near(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, list(map(str, names)), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def _information(
    outcomes: Outcomes,
    frame: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Sequence[tuple[str, float]],
    largest: float,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    if frame.empty or not len(frame.columns):
        return pd.DataFrame(), pd.DataFrame(), []
    if outcomes.n < LEAST_DRAWS:
        words = f"Value of information was left out: {outcomes.n} draws; at least {LEAST_DRAWS} are needed."
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
