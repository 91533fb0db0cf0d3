"""CSV and XLSX tables: parameters, life tables, utility norms (survival: `evidence_tables`).

CSV is strict: UTF-8, comma, decimal point. All problems are collected with file and line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heor import limits
from heor.files import Unreadable
from heor.inputs.text.delimited import STATED, Line, rows_of, twice, unix_lines
from heor.inputs.text.layers import read_text
from heor.inputs.text.numerals import GROUP_OF_THREE, POINT, plain_numbers, value_of
from heor.inputs.text.workbook import first_sheet
from heor.limits import excerpt, few
from heor.problem.names import nearest

#: The last age to which a constant hazard is written out: the oldest horizon (analysis.end_age).
OLDEST = 120


@dataclass(frozen=True)
class Row:
    line: int
    cells: dict[str, str]


def read_table(
    path: Path,
    shown: str,
    required: tuple[str, ...],
    optional: tuple[str, ...],
    problems: list[str],
    most: int = limits.ROWS,
    broken: list[Row] | None = None,
) -> list[Row]:
    """Rows of a CSV (or .xlsx) with the columns named; problems are appended.

    Parameters
    ----------
    most
        How many rows there may be.
    broken
        Takes the rows that have too few or too many cells, as far as they go.
    """
    lines = _lines(path, shown, problems, most)
    if not lines:
        return []
    header = [c.strip() for c in lines[0][1]]
    where = f"{shown}:{lines[0][0]}"
    missing = [c for c in required if c not in header]
    if missing:
        found = excerpt(", ".join(header), 10 * limits.SHOWN)
        problems.append(
            f"{where}: column {', '.join(repr(m) for m in missing)} is missing; found: {found}. "
            "Add the column (names are exact, lower case)."
        )
        return []
    known = (*required, *optional)
    unknown = [
        f"{where}: unknown column '{excerpt(name)}'; allowed: {', '.join(known)}."
        f"{nearest(name, known)}"
        for name in dict.fromkeys(header)
        if name not in known
    ]
    problems += [*few(unknown, where), *few(twice(header, where), where)]
    rows, faults = [], []
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            faults.append(
                f"{shown}:{line}: {len(cells):,} cells; the header has {len(header)}. A decimal or "
                "a text comma without quotes? Use a decimal point, and quote text with commas."
            )
            if broken is not None:
                broken.append(Row(line, dict(zip(header, map(str.strip, cells), strict=False))))
            continue
        rows.append(Row(line, {h: c.strip() for h, c in zip(header, cells, strict=True)}))
    problems += few(faults, shown)
    if not rows and len(lines) == 1:
        problems.append(f"{shown}: no rows below the header; at least one is expected.")
    return rows


def read_square(
    path: Path, shown: str, problems: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[Row]]:
    """A table with names in the header and in the first column: both, and its rows."""
    lines = _lines(path, shown, problems, limits.PARAMETERS)
    if not lines:
        return (), (), []
    header = [c.strip() for c in lines[0][1]]
    names = tuple(header[1:])
    faults = [
        f"{shown}:{line}: {len(cells):,} cells; the header has {len(header)}. Complete the row."
        for line, cells in lines[1:]
        if len(cells) != len(header)
    ]
    problems += few(faults, shown)
    labels = tuple(cells[0].strip() for _, cells in lines[1:])
    rows = [
        Row(line, dict(zip(names, map(str.strip, cells[1:]), strict=False)))
        for line, cells in lines[1:]
    ]
    return names, labels, rows


def _lines(path: Path, shown: str, problems: list[str], most: int) -> list[Line]:
    """Lines with content, the header first; none, with a problem noted, when there are none."""
    before = len(problems)
    lines = _read(path, shown, problems, most)
    if not lines and len(problems) == before:
        problems.append(f"{shown}: no content; a header and rows below it are needed. Fill it in.")
    return lines


def _read(path: Path, shown: str, problems: list[str], most: int) -> list[Line]:
    if path.suffix.lower() == ".xlsx":
        return xlsx_rows(path, shown, problems, most)
    text = read_text(path, shown, problems)
    if text is None:
        return []
    text = unix_lines(text)
    stated = STATED.fullmatch(text.partition("\n")[0])
    if not stated and _semicolons(text):
        problems.append(
            f"{shown}:1: columns are separated by semicolons; a comma is expected. In Excel "
            "save as 'CSV UTF-8' with English regional settings, or use an .xlsx file."
        )
        return []
    try:
        rows = rows_of(text, stated["separator"] if stated else ",", most)
        lines = [(line, cells) for line, cells in rows if any(c.strip() for c in cells)]
    except Unreadable as why:
        problems.append(f"{shown}: {why}")
        return []
    return lines[bool(stated) :]


def _semicolons(text: str) -> bool:
    first = text.partition("\n")[0]
    return first.count(";") > first.count(",")


def xlsx_rows(path: Path, shown: str, problems: list[str], most: int = limits.ROWS) -> list[Line]:
    """Rows of the first sheet that are not empty, with their number; cells as text."""
    try:
        return first_sheet(path, most)
    except Unreadable as why:
        problems.append(f"{shown}: {why}")
        return []


def number(
    row: Row,
    column: str,
    where: str,
    problems: list[str],
    *,
    blank: float | None = None,
    thousands: bool = False,
) -> float:
    """The number in a cell; NaN with a problem noted when it is none, or can be read two ways.

    Parameters
    ----------
    thousands
        Whether thousands belong in the column (money, counts): `260.000` may then be either.
    """
    text = row.cells.get(column, "")
    if text == "" and blank is not None:
        return blank
    found = value_of(text, thousands)
    if isinstance(found, float):
        return found
    problems.append(f"{where}: column '{column}': {found}")
    return math.nan


def columns(
    rows: list[Row],
    names: tuple[str, ...],
    shown: str,
    problems: list[str],
    counts: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Numeric columns as arrays; those of `counts` may hold thousands. Dims: row.

    A column of counts with 0.512 or 98.5 in it has decimals, so that 98.512 there is one as well.
    """
    found = {}
    for name in names:
        cells = [row.cells.get(name, "") for row in rows]
        plain = plain_numbers(cells)
        if plain is not None and (name not in counts or not any(POINT in c for c in cells)):
            found[name] = plain  # the usual case, at once
            continue
        decimals = any(POINT in c and not GROUP_OF_THREE.fullmatch(c) for c in cells)
        faults: list[str] = []
        found[name] = np.array(
            [
                number(
                    r, name, f"{shown}:{r.line}", faults, thousands=name in counts and not decimals
                )
                for r in rows
            ]
        )
        problems += few(faults, shown)
    return found


def read_life_table(path: Path, shown: str, problems: list[str]) -> dict[str, np.ndarray] | None:
    """Life table by single year of age: age, q_male, q_female.

    The file has these columns, or survivors of any number born: age, l_male, l_female. Their last
    age gives no q: it only counts those who outlive the age before.
    """
    deaths, survivors = (("q_male", "q_female"), ("l_male", "l_female"))
    rows = read_table(path, shown, ("age",), (*deaths, *survivors), problems)
    if not rows:
        return None
    given = [n for n in (*deaths, *survivors) if n in rows[0].cells]
    if given not in (list(deaths), list(survivors)):
        problems.append(
            f"{shown}:1: a life table has 'age' and either 'q_male' and 'q_female' (probabilities of "
            "dying) or 'l_male' and 'l_female' (survivors); found: age"
            f"{''.join(f', {n}' for n in given)}. Give one pair of columns, of both sexes."
        )
        return None
    data = columns(rows, ("age", *given), shown, problems, survivors)
    _check_ages_follow(data["age"], rows, shown, problems)
    if given == list(survivors):
        return _from_survivors(data, rows, shown, problems)
    for name in deaths:
        _check_deaths(name, data, rows, shown, problems)
    return data


def _check_ages_follow(age: np.ndarray, rows: list[Row], shown: str, problems: list[str]) -> None:
    """Every single year of age, in order."""
    for row, before, own in zip(rows, np.append(np.nan, age), age, strict=False):
        where = f"{shown}:{row.line}"
        if own < 0 or own % 1 > 0:
            problems.append(
                f"{where}: age {own:.12g}; an age is a whole number of years. Correct it."
            )
        elif own != before + 1 and np.isfinite(own - before):
            problems.append(
                f"{where}: age {own:.12g} does not follow the age before by 1; a life table has every "
                "single year. Add the missing ages (heor.inputs.country.graduation makes them of age groups)."
            )


def _check_deaths(
    name: str, data: dict[str, np.ndarray], rows: list[Row], shown: str, problems: list[str]
) -> None:
    """Probabilities of dying between 0 and 1, and 1 only where the table ends."""
    q = data[name]
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        if not 0 <= q[i] <= 1 and np.isfinite(q[i]):
            problems.append(
                f"{where}: {name} is {q[i]:.12g}; a probability of dying lies between 0 and 1. Is it per "
                "1,000?"
            )
        elif i and q[i] < 1 == q[i - 1]:
            problems.append(
                f"{where}: {name} is {q[i]:.12g}, but nobody is alive: it is 1 the year before. "
                "Only the ages that end the table may have 1."
            )
    if q[0] == 1:
        problems.append(
            f"{shown}:{rows[0].line}: {name} is 1 at the first age, which leaves nobody alive. Correct it."
        )


def _from_survivors(
    data: dict[str, np.ndarray], rows: list[Row], shown: str, problems: list[str]
) -> dict[str, np.ndarray] | None:
    """q of all ages but the last, from survivors."""
    before = len(problems)
    if len(rows) < 2:
        problems.append(f"{shown}: survivors of one age give no probability of dying. Add ages.")
    for name in ("l_male", "l_female"):
        alive = data[name]
        for i, row in enumerate(rows):
            where = f"{shown}:{row.line}: {name} is {alive[i]:.12g}"
            if alive[i] < 0:
                problems.append(f"{where}; survivors cannot be fewer than 0. Correct it.")
            elif i and alive[i] > alive[i - 1]:
                problems.append(
                    f"{where}, the year before {alive[i - 1]:.12g}: survivors that rise. They stay or fall "
                    "from age to age; correct the number or the order of the rows."
                )
        if alive[0] == 0:
            problems.append(
                f"{shown}:{rows[0].line}: {name} is 0 at the first age; it must be above 0. Correct it."
            )
    if len(problems) > before or not all(np.isfinite(v).all() for v in data.values()):
        return None
    out = {"age": data["age"][:-1]}
    for sex in ("male", "female"):
        alive = data[f"l_{sex}"]
        fewer = alive[:-1] > 0
        out[f"q_{sex}"] = np.where(fewer, 1 - alive[1:] / np.where(fewer, alive[:-1], 1), 1.0)
    return out


def closed(table: dict[str, np.ndarray], closing: str | None) -> dict[str, np.ndarray]:
    """The life table with the ages that its stated closing rule adds.

    `certain_death` adds one age with q = 1, unless the table ends so; `constant_hazard` repeats the
    last q below 1 up to age 120, past every horizon; None adds nothing.

    Examples
    --------
    >>> table = {"age": np.array([89.0]), "q_male": np.array([0.2]), "q_female": np.array([0.1])}
    >>> {k: v.tolist() for k, v in closed(table, "certain_death").items()}
    {'age': [89.0, 90.0], 'q_male': [0.2, 1.0], 'q_female': [0.1, 1.0]}
    >>> on = closed(table, "constant_hazard")
    >>> on["age"][-1].item(), on["q_male"][-1].item(), on["q_female"][-1].item()
    (120.0, 0.2, 0.1)
    """
    if closing is None:
        return table
    sexes, last = ("q_male", "q_female"), table["age"][-1]
    if closing == "certain_death":
        if all(table[name][-1] >= 1 for name in sexes):
            return table
        extra, after = np.array([last + 1]), {name: 1.0 for name in sexes}
        kept = {name: table[name] for name in sexes}
    else:
        extra = np.arange(last + 1, OLDEST + 1)
        # the 1 to start from is of a faulty table, whose fault is noted: all of it is 1
        after = {name: np.append(1.0, table[name][table[name] < 1])[-1] for name in sexes}
        kept = {name: np.where(table[name] < 1, table[name], after[name]) for name in sexes}
    out = {name: np.append(kept[name], np.full(len(extra), after[name])) for name in sexes}
    return {"age": np.append(table["age"], extra), **out}


def read_covariates(
    path: Path, shown: str, names: tuple[str, ...], problems: list[str]
) -> dict[str, np.ndarray]:
    """Patients who differ: a number for each covariate, one row a patient. Dims: patient."""
    return columns(read_table(path, shown, names, (), problems), names, shown, problems)


def read_norms(path: Path, shown: str, problems: list[str]) -> dict[str, np.ndarray] | None:
    """Population utility norms by single year of age, of both sexes or each, and remaining QALYs.

    Columns `age` and `utility`, or `utility_male` and `utility_female`; `remaining_qalys` where a table
    of them is published.
    """
    known = ("utility", "utility_male", "utility_female", "remaining_qalys", "remaining_life_years")
    rows = read_table(path, shown, ("age",), known, problems)
    if not rows:
        return None
    given = [name for name in known[:4] if name in rows[0].cells]
    utilities = [name for name in given if name.startswith("utility")]
    if utilities not in (["utility"], ["utility_male", "utility_female"]):
        found = ", ".join(rows[0].cells)
        problems.append(
            f"{shown}:1: columns {found}; 'utility' of both sexes together, or 'utility_male' and "
            "'utility_female', are required. Add them."
        )
        return None
    data = columns(rows, ("age", *given), shown, problems)
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        for name in utilities:
            if data[name][i] <= 0 or data[name][i] > 1:
                problems.append(
                    f"{where}: {name.replace('utility', 'utility norm', 1)} {data[name][i]:.12g}; it must "
                    "be above 0 and at most 1."
                )
        if "remaining_qalys" in data and data["remaining_qalys"][i] <= 0:
            problems.append(
                f"{where}: remaining_qalys {data['remaining_qalys'][i]:.12g}; the living have more than 0 "
                "left. Correct it."
            )
        if i and abs(data["age"][i] - data["age"][i - 1] - 1) > 0:
            problems.append(
                f"{where}: age {data['age'][i]:.12g} does not follow the age before by 1."
            )
    return data
