"""Utilities of patients' answers: the scored file, and a summary by value set and group."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heor.faults import nearest
from heor.inputs.utilities.answers import Answers, looks_like_three_levels
from heor.inputs.utilities.value_sets import ValueSet
from heor.report.format.cells import plain
from heor.report.format.words import table
from heor.storage.file import write_file

COLUMN = "utility_{}"
ALL = "(all)"
NO_GROUP = "(empty)"


def faults(answers: Answers, names: Sequence[str], by: str | None) -> list[str]:
    """What stands against scoring this file by the sets named, and grouping it by a column."""
    found = []
    if by is not None and by not in answers.header:
        found.append(
            f"--by {by}: no such column; found: {', '.join(answers.header)}.{nearest(by, answers.header)}"
        )
    for name in names:
        if COLUMN.format(name) in answers.header:
            found.append(
                f"column '{COLUMN.format(name)}': stands in the file already; the new one would have its "
                "name. Rename or remove it."
            )
    return found


def summary(
    answers: Answers, scores: Mapping[str, np.ndarray], by: str | None = None
) -> pd.DataFrame:
    """Utilities by value set and group, in the order they appear; rows are taken as independent.

    Parameters
    ----------
    scores
        Value set → utilities, NaN where there is none. Dims: patient.
    by
        Column of the file whose values are groups, shown after everyone together.

    Returns
    -------
    DataFrame
        value_set, group, n (with a utility), missing, mean, sd, low and high (95 % interval of the mean,
        by Student's t), full_health and below_0 (shares of n).

    Examples
    --------
    >>> answers = Answers(("id",), (("a",), ("b",)), np.array([[1, 1, 1, 1, 1], [1, 2, 1, 1, 1]]))
    >>> summary(answers, {"some_5l": np.array([1.0, 0.9])})[["n", "mean", "full_health"]].values.tolist()
    [[2.0, 0.95, 0.5]]
    """
    groups = {ALL: np.ones(len(answers.states), bool)}
    if by is not None:
        cells = np.array([cell.strip() or NO_GROUP for cell in answers.column(by)])
        groups |= {str(cell): cells == cell for cell in dict.fromkeys(cells)}
    full = (answers.states == 1).all(axis=1)
    rows = [
        {"value_set": name, "group": group, **_statistics(values[own], full[own])}
        for name, values in scores.items()
        for group, own in groups.items()
    ]
    return pd.DataFrame(rows)


def _statistics(values: np.ndarray, full: np.ndarray) -> dict[str, float]:
    from scipy.special import stdtrit

    known = values[~np.isnan(values)]
    n = len(known)
    mean = float(known.mean()) if n else np.nan
    sd = float(known.std(ddof=1)) if n > 1 else np.nan
    half = float(stdtrit(n - 1, 0.975)) * sd / np.sqrt(n) if n > 1 else np.nan
    return {
        "n": n,
        "missing": len(values) - n,
        "mean": mean,
        "sd": sd,
        "low": mean - half,
        "high": mean + half,
        "full_health": float(full[~np.isnan(values)].mean()) if n else np.nan,
        "below_0": float((known < 0).mean()) if n else np.nan,
    }


def words(
    answers: Answers, found: pd.DataFrame, value_sets: Sequence[ValueSet], by: str | None = None
) -> list[str]:
    """The summary as lines: counts, table, the sets used and what to mind."""
    scored = int(answers.complete.sum())
    without = len(answers.states) - scored
    lines = [
        f"Rows: {scored + without}. With a utility: {scored}. Without, as a dimension is missing: {without}.",
        "",
        *table(_shown(found, by), left=1 if by is None else 2).splitlines(),
        "",
        "The interval is by Student's t and takes rows as independent.",
    ]
    for used in value_sets:
        lines.append(f"Value set {used.name}: {used.label}. {used.citation}.")
        if used.note:
            lines.append(f"  Note: {used.note}.")
    lines.append(
        "Cite the article of the set you use. Values of different sets must not be mixed in one analysis: "
        "each rests on other people's preferences."
    )
    return lines


def warnings(answers: Answers, value_sets: Sequence[ValueSet]) -> list[str]:
    """What is legal but must be read."""
    found = []
    if looks_like_three_levels(answers):
        found.append(
            f"no answer is above level 3 ({int(answers.complete.sum())} complete rows); this may be the "
            "EQ-5D-3L, which has other words for its levels and value sets of its own. Check the "
            "questionnaire."
        )
    for used in value_sets:
        if used.status == "to_verify":
            found.append(
                f"value set {used.name} is not verified in its source ({used.origin}). Check it before use."
            )
    return found


def _shown(found: pd.DataFrame, by: str | None) -> pd.DataFrame:
    def number(x: float) -> str:
        return "-" if np.isnan(x) else f"{round(x, 3) + 0.0:.3f}"

    def share(x: float) -> str:
        return "-" if np.isnan(x) else f"{x:.1%}"

    columns = {
        "value set": found["value_set"],
        **({by: found["group"]} if by is not None else {}),
        "n": found["n"].map(str),
        "no utility": found["missing"].map(str),
        "mean": found["mean"].map(number),
        "SD": found["sd"].map(number),
        "95 % interval of mean": [
            "-" if np.isnan(a) else f"{number(a)} to {number(b)}"
            for a, b in zip(found["low"], found["high"], strict=True)
        ],
        "at 11111": found["full_health"].map(share),
        "below 0": found["below_0"].map(share),
    }
    return pd.DataFrame(columns)


def write_utilities(
    answers: Answers, scores: Mapping[str, np.ndarray], path: Path, content: Mapping[str, Any]
) -> Path:
    """The file with one column of utilities more for each value set; whole or not at all.

    CSV with UTF-8, commas and decimal points; a row without a utility has an empty cell. A record with
    `content` is written next to it; see `write_file`.

    Raises
    ------
    InputError
        When it cannot be written, or another file is there.
    """
    columns = [
        ["" if np.isnan(x) else f"{round(float(x), 10) + 0.0:.10g}" for x in values]
        for values in scores.values()
    ]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*map(plain, answers.header), *(COLUMN.format(name) for name in scores)])
    writer.writerows(
        [*map(plain, row), *own] for row, *own in zip(answers.rows, *columns, strict=True)
    )
    return write_file(path, text.getvalue().encode(), content)
