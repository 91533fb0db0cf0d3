"""Patients' answers to the EQ-5D-5L: a CSV or XLSX with one row an answer → states."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heor.faults import Faults, nearest
from heor.files import Unreadable
from heor.inputs.text.delimited import rows_of, separator_of, twice, unix_lines
from heor.inputs.text.layers import read_text
from heor.inputs.text.tables import xlsx_rows
from heor.inputs.utilities.value_sets import DIMENSIONS, LEVELS, SHORT, ValueSet, utilities
from heor.limits import excerpt, few

NAMES = {
    "mobility": ("mo",),
    "self_care": ("sc", "selfcare"),
    "usual_activities": ("ua", "usual_activity", "activities"),
    "pain_discomfort": ("pd", "pain"),
    "anxiety_depression": ("ad", "anxiety"),
}
STATE = ("state", "health_state", "profile")
PREFIX = re.compile(r"^eq_?5d_?(5l)?_")  # eq5d_mo, EQ-5D-5L mobility
NO_ANSWER = ("", ".", "na", "n/a", "nan", "null", "none")
WHOLE = re.compile(r"^(\d+)(?:\.0*)?$")  # spreadsheets write 2 as 2.0
NONE = 0  # the level of a dimension without an answer


@dataclass(frozen=True)
class Answers:
    """Answers of patients, one row each.

    Attributes
    ----------
    header, rows
        The file as written, every column of it.
    states
        Levels 1 to 5 in the order of `DIMENSIONS`, 0 where there is no answer. Dims: patient, dimension.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    states: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """Whether all five dimensions are answered. Dims: patient."""
        return (self.states != NONE).all(axis=1)

    def column(self, name: str) -> list[str]:
        """The cells of a column of the file."""
        k = self.header.index(name)
        return [row[k] for row in self.rows]


def scored(answers: Answers, value_set: ValueSet) -> np.ndarray:
    """Utilities of the answers, NaN for a row with a dimension missing. Dims: patient.

    Examples
    --------
    >>> from heor.inputs.utilities.value_sets import read_value_sets
    >>> sets = read_value_sets(Path("inputs/model"), "inputs/model", [])
    >>> rows = np.array([[1, 1, 1, 1, 1], [2, 0, 1, 1, 1]])
    >>> scored(Answers((), (), rows), sets["norway_5l"]).tolist()
    [1.0, nan]
    """
    found = np.full(len(answers.states), np.nan)
    found[answers.complete] = utilities(value_set, answers.states[answers.complete])
    return found


def looks_like_three_levels(answers: Answers) -> bool:
    """Whether no answer is above level 3, as in every EQ-5D-3L."""
    given = answers.states[answers.states != NONE]
    return bool(given.size and given.max() <= 3)


def read_answers(
    path: Path, shown: str, problems: Faults, missing: Collection[str] = ()
) -> Answers | None:
    """Answers of a CSV (comma, semicolon or tab) or XLSX; None with problems noted if it is faulty.

    Parameters
    ----------
    path, shown
        The file, and how messages name it.
    problems
        Faults are appended, with file and line.
    missing
        Codes that stand for no answer, besides empty cells and NA: `9`, for example.

    Notes
    -----
    Columns are the five dimensions, by their names, common short ones (MO, SC, UA, PD, AD; case does not
    matter) or with `eq5d_` or `eq5d5l_` in front; or else one column `state` of five digits (21345). Other
    columns are kept as they are.
    """
    lines = _lines(path, shown, problems)
    if not lines:
        return None
    header = [name.strip() for name in lines[0][1]]
    while header and not header[-1]:
        header.pop()
    where = f"{shown}:{lines[0][0]}"
    problems += twice(header, where)
    places = _places(header, where, problems)
    if len(lines) == 1:
        problems.add(shown, "no rows below the header", "at least one is expected")
    faults = Faults()
    rows = []
    for line, cells in lines[1:]:
        if len(cells) < len(header) or any(c.strip() for c in cells[len(header) :]):
            faults.append(
                f"{shown}:{line}: {len(cells)} cells; the header has {len(header)}. Quote text that holds "
                "the separator."
            )
            continue
        rows.append((line, tuple(cells[: len(header)])))
    codes = {*NO_ANSWER, *(code.strip().lower() for code in missing)}
    states = [
        _levels(cells, places, f"{shown}:{line}", codes, faults) for line, cells in rows if places
    ]
    if _coded_from_zero(rows, places, codes):
        zeros = [fault for fault in faults if "is '0'" in fault]
        faults = Faults(fault for fault in faults if fault not in zeros)
        faults[:0] = [
            f"{zeros[0]} No answer is 5, so all may be coded 0 to 4: then add 1 to each (0 is no problems, "
            "level 1)."
        ]
    problems += few(faults, shown)
    if not places:
        return None
    array = np.array(states, dtype=int).reshape(-1, len(DIMENSIONS))
    return Answers(tuple(header), tuple(cells for _, cells in rows), array)


def _lines(path: Path, shown: str, problems: Faults) -> list[tuple[int, list[str]]]:
    """Rows with the line each ends in, the header first.

    Empty rows between others are kept: where nothing but the dimensions stands in the file, they are
    patients without answers. Lines with no cell at all are none, unless there is one column.
    """
    before = len(problems)
    xlsx = path.suffix.lower() == ".xlsx"
    rows = _sheet(path, shown, problems) if xlsx else _text(path, shown, problems)
    filled = [i for i, (_, row) in enumerate(rows) if any(c.strip() for c in row)]
    if not filled:
        if len(problems) == before:
            problems.add(shown, "no content", "a header and one row an answer are needed")
        return []
    rows = rows[filled[0] : filled[-1] + 1]
    alone = len(rows[0][1]) == 1
    return [(line, row or [""]) for line, row in rows if row or alone]


def _sheet(path: Path, shown: str, problems: Faults) -> list[tuple[int, list[str]]]:
    held = dict(xlsx_rows(path, shown, problems))
    width = max(map(len, held.values()), default=0)
    rows = [(line, held.get(line, [])) for line in range(1, max(held, default=0) + 1)]
    return [(line, [*cells, *[""] * (width - len(cells))]) for line, cells in rows]


def _text(path: Path, shown: str, problems: Faults) -> list[tuple[int, list[str]]]:
    text = read_text(path, shown, problems)
    if text is None:
        return []
    text = unix_lines(text)
    separator, stated = separator_of(text)
    try:
        return list(rows_of(text, separator))[stated:]
    except Unreadable as why:
        problems.append(f"{shown}: {why}")
        return []


def _places(header: Sequence[str], where: str, problems: Faults) -> dict[str, int]:
    """Column of every dimension, or of `state`; empty with problems noted when some are missing."""
    plain = [_plain(name) for name in header]
    found: dict[str, int] = {}
    before = len(problems)
    for name in DIMENSIONS:
        same = [i for i, own in enumerate(plain) if own in (name, *NAMES[name])]
        if len(same) > 1:
            problems.add(
                where,
                f"columns {', '.join(repr(header[i]) for i in same)} are all {name}",
                "one may be",
                "Give each time of answering rows of its own.",
            )
        if same:
            found[name] = same[0]
    if len(found) == len(DIMENSIONS):
        return found if len(problems) == before else {}
    states = [i for i, own in enumerate(plain) if own in STATE]
    if len(states) == 1 and not found:
        return {"state": states[0]}
    absent = [f"{n} ({s})" for n, s in zip(DIMENSIONS, SHORT, strict=True) if n not in found]
    hints = {nearest(n, header) for n in DIMENSIONS if n not in found}
    what = (
        f"columns {', '.join(header[i] for i in states)} are all states; one may be"
        if len(states) > 1 and not found
        else f"column {', '.join(absent)} missing"
    )
    problems.add(
        where,
        what,
        f"found: {', '.join(header)}",
        f"The five dimensions are needed, or one column 'state' (21345).{''.join(sorted(hints))}",
    )
    return {}


def _plain(name: str) -> str:
    """A column's name in lower case with underscores, without EQ-5D-5L in front."""
    return PREFIX.sub("", re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"))


def _coded_from_zero(
    rows: Sequence[tuple[int, Sequence[str]]], places: Mapping[str, int], codes: Collection[str]
) -> bool:
    """Whether all answers are 0 to 4, and some are 0: levels that start at 0, or a code for no answer."""
    wholes = [WHOLE.match(row[place].strip()) for _, row in rows for place in places.values()]
    digits = {
        d
        for w in wholes
        if w and w[1] not in codes
        for d in (w[1] if "state" in places else [w[1]])
    }
    return "0" in digits and digits <= set("01234") and "0" not in codes


def _levels(
    cells: Sequence[str],
    places: Mapping[str, int],
    where: str,
    codes: Collection[str],
    faults: list[str],
) -> list[int]:
    """Levels of one row; 0 where there is no answer, and for a fault."""
    if "state" not in places:
        return [_level(cells[places[n]].strip(), n, where, codes, faults) for n in DIMENSIONS]
    text = cells[places["state"]].strip()
    whole = WHOLE.match(text)
    digits = whole[1] if whole else text
    if text.lower() in codes:
        return [NONE] * len(DIMENSIONS)
    if len(digits) != len(DIMENSIONS):
        faults.append(
            f"{where}: state is '{excerpt(text)}'; five digits from 1 to 5 are expected (21345). Correct it, or leave "
            "it empty."
        )
        return [NONE] * len(DIMENSIONS)
    return [
        _level(digit, f"state '{text}': {n}", where, codes, faults)
        for n, digit in zip(DIMENSIONS, digits, strict=True)
    ]


def _level(text: str, name: str, where: str, codes: Collection[str], faults: list[str]) -> int:
    if text.lower() in codes:
        return NONE
    whole = WHOLE.match(text)
    if whole and whole[1] in codes:
        return NONE
    if whole and int(whole[1]) in LEVELS:
        return int(whole[1])
    code = f" If it stands for no answer, say --missing {text}." if whole else ""
    faults.append(
        f"{where}: {name} is '{excerpt(text)}'; a level is 1, 2, 3, 4 or 5. Correct it.{code}"
    )
    return NONE
