"""Clicks on a published curve and its risk table, as digitisers and their users write them.

Engauge writes `x,Curve1`, WebPlotDigitizer `x,y` or no header; either may have decimal commas, tabs or
semicolons. What was assumed is noted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heor.faults import Faults
from heor.files import Unreadable
from heor.inputs.text.delimited import NAMES as SEPARATORS
from heor.inputs.text.delimited import Line, read_delimited, twice
from heor.inputs.text.numerals import COMMA, POINT, Ambiguous, Mark, mark_of, values, written
from heor.limits import excerpt, few

#: Headers of digitisers for the two columns: Engauge, WebPlotDigitizer.
DIGITISED = ("x", "y")
#: Two numbers in one cell: at risk, and in brackets the censored or a per cent.
WITH_BRACKETS = re.compile(r"([0-9]+)\s*[(\[].*[)\]]")
Table = dict[str, np.ndarray]


@dataclass
class _File:
    """A file as it is read: its name in messages, what is wrong with it, what was assumed."""

    shown: str
    problems: Faults
    notes: list[str]

    def note(self, words: str) -> None:
        self.notes.append(f"{Path(self.shown).name}: {words}")


def read_clicks(path: Path, problems: Faults, notes: list[str]) -> Table | None:
    """Times and survival of the clicks, as written or (of per cent signs) as shares. Dims: click."""
    return _read(path, ("time", "survival"), (), problems, notes)


def read_at_risk(path: Path, problems: Faults, notes: list[str]) -> Table | None:
    """Times and numbers at risk. Dims: row."""
    return _read(path, ("time", "n_at_risk"), ("n_at_risk",), problems, notes)


def _read(
    path: Path,
    names: tuple[str, str],
    whole: tuple[str, ...],
    problems: Faults,
    notes: list[str],
) -> Table | None:
    file, said = _File(str(path), problems, notes), []
    try:
        lines, separator = read_delimited(path, said)
    except Unreadable as why:
        problems.append(f"{path}: {why}")
        return None
    if not lines:
        problems.add(path, "empty file", "content is required", "Restore it or remove it.")
        return None
    for words in said:
        file.note(words)
    if separator != ",":
        file.note(f"columns are separated by {SEPARATORS.get(separator, separator)}s.")
    width = len(lines[0][1])
    places, lines = _places(lines, names, file)
    if places is None or not _as_wide(lines, width, file):
        return None
    cells = {n: [row[k].strip() for _, row in lines] for n, k in zip(names, places, strict=True)}
    return _numbers(cells, [n for n, _ in lines], whole, file)


def _places(
    lines: list[Line], names: tuple[str, str], file: _File
) -> tuple[tuple[int, int] | None, list[Line]]:
    """The two columns' places, and the lines below the header."""
    line, first = lines[0]
    header = [name.strip().lstrip("#").strip() for name in first]
    where = f"{file.shown}:{line}"
    filled = [k for k, name in enumerate(header) if name]
    if all(written(name.rstrip("%")) for name in header if name):
        if len(filled) == 2:
            file.note(
                f"no header: the first column is taken as {names[0]}, the second as {names[1]}."
            )
            return (filled[0], filled[1]), lines
        file.problems.add(
            where,
            f"no header, and {len(filled)} columns of numbers",
            f"{names[0]} and {names[1]} are needed",
            "Are decimal commas taken for separators? Write a header, decimal points and two "
            "columns.",
        )
        return None, []
    if fault := twice([name.lower() for name in header], where):
        file.problems += fault
        return None, []
    plain = [name.lower() for name in header]
    if all(name in plain for name in names):
        others = [header[k] for k in filled if plain[k] not in names]
        if others:
            file.note(f"columns left out: {', '.join(map(excerpt, others))}.")
        return (plain.index(names[0]), plain.index(names[1])), lines[1:]
    if len(filled) == 2 and plain[filled[0]] == DIGITISED[0]:
        first, second = (header[k] for k in filled)
        file.note(f"'{first}' is taken as {names[0]}, '{excerpt(second)}' as {names[1]}.")
        return (filled[0], filled[1]), lines[1:]
    several = " Save one curve at a time." if plain[0] == DIGITISED[0] or "" in plain else ""
    file.problems.add(
        where,
        f"column {', '.join(repr(n) for n in names if n not in plain)} is missing",
        f"found: {excerpt(', '.join(header), 200)}",
        f"Name the two columns {names[0]} and {names[1]}.{several}",
    )
    return None, []


def _as_wide(lines: Sequence[Line], width: int, file: _File) -> bool:
    """Whether there are rows, all as wide as the header; a fault is noted when not."""
    if not lines:
        file.problems.add(file.shown, "no rows below the header", "at least one is expected")
        return False
    other = [(n, len(row)) for n, row in lines if len(row) < width or any(row[width:])]
    if other:
        line, cells = other[0]
        file.problems.append(
            f"{file.shown}:{line}: {cells} cells where the header has {width} ({len(other):,} such lines). "
            "Are decimal commas taken for separators? Write decimal points, or semicolons between columns."
        )
    return not other


def _numbers(
    cells: dict[str, Sequence[str]], lines: Sequence[int], whole: tuple[str, ...], file: _File
) -> Table | None:
    try:
        mark = mark_of({n: [c.rstrip("% ") for c in found] for n, found in cells.items()}, whole)
    except Ambiguous as error:
        file.problems.add(
            file.shown,
            error,
            "no number of the file shows which mark is the decimal one",
            "Write a decimal point, and no marks between thousands.",
        )
        return None
    if mark.decimal == COMMA:
        file.note(f"numbers have a decimal comma, as '{mark.shown_by}' shows.")
    table, before = {}, len(file.problems)
    for name, found in cells.items():
        share = 1.0
        if found and all(c.endswith("%") for c in found):
            share = 0.01
            file.note(f"{name} is in per cent ('{found[0]}'); read as shares.")
            found = [c.rstrip("% ") for c in found]
        _note_groups(name, found, mark, file)
        table[name] = share * values(found, mark)
        bad = np.flatnonzero(np.isnan(table[name]))
        faults = [
            f"{file.shown}:{lines[k]}: column '{name}': {_fault(found[k], mark)}" for k in bad
        ]
        file.problems += few(faults, file.shown)
    return table if len(file.problems) == before else None


def _note_groups(name: str, cells: Sequence[str], mark: Mark, file: _File) -> None:
    other = POINT if mark.decimal == COMMA else COMMA
    for cell in cells:
        if other in cell and mark.decimal in written(cell):
            own = written(cell)[mark.decimal]
            which = "comma" if other == COMMA else "point"
            file.note(f"{name} '{cell}' is read as {own}: the {which} groups thousands.")
            return


def _fault(text: str, mark: Mark) -> str:
    if text == "":
        return "empty; a number is required. Fill in the cell, or remove the row."
    brackets = WITH_BRACKETS.fullmatch(text)
    if brackets:
        return f"'{excerpt(text)}' holds two numbers; one is expected. Write {brackets[1]}."
    if written(text):
        return f"'{excerpt(text)}' has another decimal mark than '{mark.shown_by}'; a file has one. Correct it."
    return f"'{excerpt(text)}' is not a finite number. Use digits and a decimal point."
