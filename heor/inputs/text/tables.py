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
from heor.faults import Faults, nearest
from heor.files import Unreadable
from heor.inputs.text.delimited import STATED, Line, rows_of, twice, unix_lines
from heor.inputs.text.layers import read_text
from heor.inputs.text.numerals import GROUP_OF_THREE, POINT, plain_numbers, value_of
from heor.inputs.text.workbook import first_sheet
from heor.limits import excerpt, few

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
    problems: Faults,
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
        problems.add(
            where,
            f"column {', '.join(repr(m) for m in missing)} is missing",
            f"found: {found}",
            "Add the column (names are exact, lower case).",
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
        problems.add(shown, "no rows below the header", "at least one is expected")
    return rows


def read_square(
    path: Path, shown: str, problems: Faults
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


def _lines(path: Path, shown: str, problems: Faults, most: int) -> list[Line]:
    """Lines with content, the header first; none, with a problem noted, when there are none."""
    before = len(problems)
    lines = _read(path, shown, problems, most)
    if not lines and len(problems) == before:
        problems.add(shown, "no content", "a header and rows below it are needed", "Fill it in.")
    return lines


def _read(path: Path, shown: str, problems: Faults, most: int) -> list[Line]:
    if path.suffix.lower() == ".xlsx":
        return xlsx_rows(path, shown, problems, most)
    text = read_text(path, shown, problems)
    if text is None:
        return []
    text = unix_lines(text)
    stated = STATED.fullmatch(text.partition("\n")[0])
    if not stated and _semicolons(text):
        problems.add(
            f"{shown}:1",
            "columns are separated by semicolons",
            "a comma is expected",
            "In Excel save as 'CSV UTF-8' with English regional settings, or use an .xlsx file.",
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


def xlsx_rows(path: Path, shown: str, problems: Faults, most: int = limits.ROWS) -> list[Line]:
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
    problems: Faults,
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
    problems: Faults,
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
        faults = Faults()
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


def read_covariates(
    path: Path, shown: str, names: tuple[str, ...], problems: Faults
) -> dict[str, np.ndarray]:
    """Patients who differ: a number for each covariate, one row a patient. Dims: patient."""
    return columns(read_table(path, shown, names, (), problems), names, shown, problems)
