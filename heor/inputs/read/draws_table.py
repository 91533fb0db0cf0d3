"""Draws of another program: a text table of strategy, draw, cost, qaly and parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from heor.errors import InputError
from heor.files import Unreadable
from heor.inputs.text.delimited import read_delimited, twice
from heor.inputs.text.numerals import (
    APOSTROPHES,
    COMMA,
    MARKS,
    NAMES,
    SPACES,
    Ambiguous,
    Mark,
    currencies_of,
    mark_of,
    unsigned,
    values,
    written,
)
from heor.limits import excerpt, few

COLUMNS = ("strategy", "draw", "cost", "qaly")
#: Other names that programs give them.
ALSO = {"qalys": "qaly", "costs": "cost", "strategies": "strategy", "draws": "draw"}
#: Nobody lives for so many years in full health: a QALY above is thousandths with a lost mark.
MOST_QALYS = 200.0


def read_draws(path: Path, currency: str, notes: list[str]) -> pd.DataFrame:
    """The table by line of the file; what is no number stays as it is written, for messages to show.

    Columns are named without regard to case or spaces around them. The separator is that which the
    lines agree on. The decimal mark is that of the whole file. Columns without a name are row numbers
    and are left out. What was assumed is added to `notes`.

    Raises
    ------
    InputError
        It cannot be read, lines or names do not fit, or numbers can be read two ways.
    """
    said: list[str] = []
    try:
        lines, _ = read_delimited(path, said)
    except Unreadable as why:
        raise InputError(f"{path}: cannot be read as a CSV: {why}") from why
    if not lines:
        raise InputError(f"{path}: is empty; a header and one row a strategy and draw are needed.")
    header = _header(lines[0][1], said)
    problems = [*twice(header, str(path)), *_widths(path, lines, len(header))]
    if problems:
        raise InputError(problems)
    index = pd.Index([line for line, _ in lines[1:]], name="line")
    cells = {
        name: [row[i].strip() for _, row in lines[1:]] for i, name in enumerate(header) if name
    }
    numeric = {name: found for name, found in cells.items() if name != "strategy"}
    mark = _mark(path, numeric, index, said)
    found = {name: values(own, mark) for name, own in numeric.items()}
    problems = _other_marks(path, numeric, found, index, mark)
    problems += _other_money(path, numeric.get("cost", []), index, currency)
    if problems:
        raise InputError(problems)
    notes += [f"{path.name}: {line}" for line in said]
    table = {n: _column(cells[n], found[n]) if n in found else cells[n] for n in cells}
    return pd.DataFrame(table, index=index)


def _header(names: Sequence[str], said: list[str]) -> list[str]:
    found = []
    for name in map(str.strip, names):
        own = ALSO.get(name.lower(), name.lower())
        if own in COLUMNS and own != name.lower():
            said.append(f"column '{name}' is read as '{own}'.")
        found.append(own if own in COLUMNS else name)
    return found


def _widths(path: Path, lines: Sequence[tuple[int, list[str]]], width: int) -> list[str]:
    fewer = [n for n, row in lines if len(row) < width]
    more = [n for n, row in lines if any(row[width:])]  # empty ones do no harm
    return [
        f"{path}: line {found[0]} has {what} cells than the header ({len(found)} such lines). Correct it."
        for what, found in (("fewer", fewer), ("more", more))
        if found
    ]


def _mark(
    path: Path, columns: Mapping[str, Sequence[str]], index: pd.Index, said: list[str]
) -> Mark:
    """The decimal mark of the file, noted where it is a comma or thousands are grouped."""
    try:
        mark = mark_of(columns, largest={"qaly": MOST_QALYS})
    except Ambiguous as error:
        place = _place(columns, error.text, index)
        raise InputError(
            f"{path}{place}: {error}; no number of the file shows which mark is the decimal one. Save it "
            "without marks between thousands, or give one number other than three decimals."
        ) from error
    if mark.decimal == COMMA:
        said.append(f"numbers have a decimal comma, as '{mark.shown_by}' shows.")
    other = next(m for m in MARKS if m != mark.decimal)
    marks = re.compile(f"[{re.escape(other)}{APOSTROPHES}{SPACES}]")
    for cells in columns.values():
        found = (c for c in cells if marks.search(c) and _grouped(c, mark.decimal, marks))
        grouped = next(found, None)
        if grouped is not None:
            own = written(unsigned(grouped)[0])[mark.decimal]
            said.append(f"'{grouped}' is read as {own}: its marks or spaces group thousands.")
            break
    return mark


def _grouped(text: str, decimal: str, marks: re.Pattern[str]) -> bool:
    """Whether thousands are grouped in a number, and not only its sign apart."""
    bare = unsigned(text)[0].strip()
    return bool(marks.search(bare)) and decimal in written(bare)


def _place(columns: Mapping[str, Sequence[str]], text: str, index: pd.Index) -> str:
    for name, cells in columns.items():
        for line, cell in zip(index, cells, strict=True):
            if unsigned(cell)[0] == text:
                return f":{line}: column '{name}'"
    return ""


def _other_marks(
    path: Path,
    columns: Mapping[str, Sequence[str]],
    numbers: Mapping[str, np.ndarray],
    index: pd.Index,
    mark: Mark,
) -> list[str]:
    """A fault for each number that has the other decimal mark."""
    faults = []
    for name, cells in columns.items():
        for k in np.flatnonzero(np.isnan(numbers[name])):
            forms = written(unsigned(cells[k])[0])
            other = [m for m in forms if mark.decimal not in forms]
            if other:
                faults.append(
                    f"{path}:{index[k]}: column '{name}': '{excerpt(cells[k])}' has a decimal "
                    f"{NAMES[other[0]]}, but '{mark.shown_by}' a decimal {NAMES[mark.decimal]}; a file has "
                    "one. Correct it."
                )
    return few(faults, str(path))


def _other_money(path: Path, cells: Sequence[str], index: pd.Index, currency: str) -> list[str]:
    """A fault for the first cost whose sign is that of another currency than the analysis."""
    for line, cell in zip(index, cells, strict=False):
        own = () if cell[-1:].isdigit() and cell[0].isdigit() else currencies_of(unsigned(cell)[1])
        if own and currency.upper() not in own:
            return [
                f"{path}:{line}: column 'cost': '{excerpt(cell)}' is in {' or '.join(own[:2])}, the analysis "
                f"in {currency}; they must be in one currency. Say --currency {own[0]}, or convert the costs."
            ]
    return []


def _column(cells: Sequence[str], numbers: np.ndarray) -> Sequence:
    """Numbers, whole ones as such; where some cells are none, those as text among the others."""
    if np.isfinite(numbers).all():
        whole = (numbers == np.floor(numbers)).all()
        return numbers.astype(int) if whole else numbers
    return [cell if np.isnan(v) else v for cell, v in zip(cells, numbers, strict=True)]
