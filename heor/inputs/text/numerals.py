"""Numbers as files write them: decimal marks, groups of three, currency signs.

Inputs are strict: a decimal point and no groups. Files of other programs have the marks of their
language. There a file has one decimal mark, which its numbers show; where none of them does, what can
be read two ways is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heor.limits import NUMBER, excerpt

POINT, COMMA = ".", ","
MARKS = (POINT, COMMA)
NAMES = {POINT: "point", COMMA: "comma"}
SPACES = " \u00a0\u2009\u202f"
APOSTROPHES = "'\u2019"
MINUS = "\u2212"
STRICT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ALL_STRICT = re.compile(rf"(?:{STRICT.pattern}\n)*{STRICT.pattern}")
#: One to three digits, a mark and exactly three: a decimal number, or thousands.
GROUP_OF_THREE = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
#: Currencies that a sign may stand for.
SIGNS = {
    "€": ("EUR",),
    "£": ("GBP",),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN"),
    "¥": ("JPY", "CNY"),
    "kr": ("NOK", "SEK", "DKK", "ISK"),
}
_SIGN = r"(?P<{}>[€£$¥]|[kK][rR]\.?|[A-Z]{{3}})"
_WITH_SIGN = re.compile(
    rf"(?P<minus>-?)(?:{_SIGN.format('before')}\s*)?(?P<number>[-+.0-9].*?)(?:\s*{_SIGN.format('after')})?"
)


def _form(decimal: str, other: str) -> re.Pattern[str]:
    d, o = re.escape(decimal), re.escape(other)
    plain = rf"(?:[0-9]+(?:{d}[0-9]*)?|{d}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    groups = (
        rf"[1-9][0-9]{{0,2}}(?P<group>[{o}{APOSTROPHES}{SPACES}])[0-9]{{3}}"
        rf"(?:(?P=group)[0-9]{{3}})*(?:{d}[0-9]+)?"
    )
    return re.compile(rf"[+-]?(?:{plain}|{groups})")


_FORMS = {POINT: _form(POINT, COMMA), COMMA: _form(COMMA, POINT)}


def written(text: str) -> dict[str, str]:
    """The number in a text with digits and a decimal point only, for each decimal mark it may have.

    >>> written("52.004"), written("3,6260"), written("52'003")
    ({'.': '52.004', ',': '52004'}, {',': '3.6260'}, {'.': '52003', ',': '52003'})
    """
    text = text.strip().replace(MINUS, "-")
    found = {}
    for mark, form in _FORMS.items():
        match = form.fullmatch(text)
        if match:
            group = match["group"]
            own = text.replace(group, "") if group else text
            found[mark] = own.replace(COMMA, POINT) if mark == COMMA else own
    return found


def unsigned(text: str) -> tuple[str, str]:
    """A number without the currency sign or code at one of its ends, and that sign.

    >>> unsigned("€52003.69"), unsigned("20 000 kr"), unsigned("-GBP 5")
    (('52003.69', '€'), ('20 000', 'kr'), ('-5', 'GBP'))
    """
    match = _WITH_SIGN.fullmatch(text.strip())
    if match is None or not (match["before"] or match["after"]):
        return text, ""
    return match["minus"] + match["number"], match["before"] or match["after"]


def currencies_of(sign: str) -> tuple[str, ...]:
    """The codes a currency's sign or code may stand for; none where there is no sign.

    >>> currencies_of("€"), currencies_of("NOK"), currencies_of("")
    (('EUR',), ('NOK',), ())
    """
    return SIGNS.get(sign.lower().rstrip("."), (sign,) if sign else ())


# ------------------------------------------------------------------------------ strict: cell by cell
def plain_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """The numbers in cells that can be read in one way only; None where a cell is anything else.

    >>> plain_numbers(["1", "2.5"]).tolist(), plain_numbers(["1", "2,5"])
    ([1.0, 2.5], None)
    """
    together = "\n".join(cells)
    if together.count("\n") != len(cells) - 1 or not _ALL_STRICT.fullmatch(together):
        return None
    found = np.array(cells, float)
    return found if np.abs(found).max(initial=0.0) <= NUMBER else None


def value_of(text: str, thousands: bool = False) -> float | str:
    """The number in a cell of an input file; or what is wrong with it, and what to write.

    Parameters
    ----------
    thousands
        Whether numbers of thousands belong there (money, counts): 260.000 may then be 260 thousand,
        and is refused.

    Examples
    --------
    >>> value_of("0.65"), value_of("260.0", thousands=True)
    (0.65, 260.0)
    >>> print(value_of("260,000"))
    '260,000' can be read as 260000 (the comma groups thousands) or as 260 (a decimal comma). Write one of them.
    """
    if STRICT.fullmatch(text):
        value = float(text)
        if abs(value) > NUMBER:
            return f"'{excerpt(text)}' is too large; numbers up to {NUMBER:g} are read. Correct it."
        if not (thousands and GROUP_OF_THREE.fullmatch(text)):
            return value
    return _fault(text, thousands)


def _fault(text: str, thousands: bool) -> str:
    if text == "":
        return "empty; a number is required. Fill in the cell."
    cell, found = f"'{excerpt(text)}'", written(text)
    if len(set(found.values())) == 2:
        return f"{cell} can be read as {two_readings(text)}. Write one of them."
    if found:
        (only,) = set(found.values())
        if COMMA in found and COMMA in text and only.count(POINT):
            return f"{cell} has a decimal comma; a decimal point is expected. Write {only}."
        return f"{cell} has marks between thousands; digits alone are expected. Write {only}."
    bare, sign = unsigned(text)
    if sign and written(bare):
        inside = value_of(bare, thousands)
        if isinstance(inside, float):
            return f"{cell} has a currency sign or code; a number alone is expected. Write {bare}."
        return (
            f"{cell} has a currency sign or code; a number alone is expected. Without it, {inside}"
        )
    if text.endswith("%") and written(text[:-1]):
        return f"{cell} has a per cent sign; a number is expected. Write 0.12 for 12 %."
    return f"{cell} is not a finite number. Use digits and a decimal point."


def two_readings(text: str) -> str:
    """Both numbers that a text may mean, as they can be written without doubt.

    >>> two_readings("1.234")
    '1234 (the point groups thousands) or as 1.2340 (a decimal point)'
    """
    mark = COMMA if COMMA in text else POINT
    other = POINT if mark == COMMA else COMMA
    found = written(text)
    name = NAMES[mark]
    return f"{found[other]} (the {name} groups thousands) or as {_plain(found[mark])} (a decimal {name})"


def _plain(text: str) -> str:
    """A decimal number with another number of decimals than three."""
    short = text.rstrip("0").rstrip(POINT) if POINT in text else text
    return f"{short}0" if GROUP_OF_THREE.fullmatch(short) else short


# ------------------------------------------------------------ files of other programs: all cells
@dataclass(frozen=True)
class Mark:
    """The decimal mark of a file, and a number that shows it (none: every number is whole)."""

    decimal: str
    shown_by: str = ""


class Ambiguous(ValueError):
    """No number of a file shows its decimal mark, and this one could be read two ways."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"'{text}' can be read as {two_readings(text)}")


def mark_of(
    columns: Mapping[str, Sequence[str]],
    whole: Collection[str] = (),
    largest: Mapping[str, float] | None = None,
) -> Mark:
    """The decimal mark of a file: one mark for all its numbers.

    A number shows it by its form: 3,6260 and 0.626 can be read in one way only. When none does, what
    a column holds may: `whole` numbers, or none above its `largest`.

    Raises
    ------
    Ambiguous
        When numbers remain that could be read with either mark.

    Examples
    --------
    >>> mark_of({"cost": ["52.004", "52.896"], "qaly": ["3,6260", "4,2585"]})
    Mark(decimal=',', shown_by='3,6260')
    >>> mark_of({"cost": ["52004"], "qaly": ["3.626"]}, largest={"qaly": 200})
    Mark(decimal='.', shown_by='3.626')
    """
    doubtful: dict[str, list[str]] = {}
    for name, cells in columns.items():
        for text in cells:
            if text.isdigit():
                continue
            found = written(unsigned(text)[0])
            if len(found) == 1:
                return Mark(*found, text)
            if len(set(found.values())) == 2:
                doubtful.setdefault(name, []).append(text)
    for name, cells in doubtful.items():
        for text in cells:
            found = {m: float(t) for m, t in written(unsigned(text)[0]).items()}
            most = (largest or {}).get(name, math.inf)
            possible = [m for m, v in found.items() if abs(v) <= most]
            if name in whole:
                possible = [m for m in possible if found[m].is_integer()]
            if len(possible) == 1:
                return Mark(*possible, text)
    for cells in doubtful.values():
        raise Ambiguous(unsigned(cells[0])[0])
    return Mark(POINT)


def values(cells: Sequence[str], mark: Mark) -> np.ndarray:
    """Numbers in cells, NaN for what is none with this decimal mark. Dims: cell.

    >>> values(["52.004", "3,6260", "€1", "x"], Mark(",")).tolist()
    [52004.0, 3.626, 1.0, nan]
    """
    plain = [c.translate(_SWAPPED) for c in cells] if mark.decimal == COMMA else list(cells)
    import pandas as pd  # only where there is a column of numbers

    found = pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(
        float, copy=True
    )
    for i in np.flatnonzero(~np.isfinite(found)):
        text = written(unsigned(cells[i])[0]).get(mark.decimal)
        found[i] = math.nan if text is None else float(text)
    found[~(np.abs(found) <= NUMBER)] = math.nan
    return found


_SWAPPED = str.maketrans({POINT: COMMA, COMMA: POINT})
