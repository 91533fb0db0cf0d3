"""Text that a spreadsheet would run as a formula, made plain text in CSV and TSV files."""

from __future__ import annotations

import re

import pandas as pd

#: What Excel and LibreOffice take for a formula when they open a file: `=`, `@`, a sign before a name,
#: a sign with a call or a reference to another program behind it, and a leading tab or line end.
FORMULA = re.compile(
    r"[\t\r\n]|\s*(?:[=@＝＠]|[+-]\s*[^\W\d]|[+-].*(?:[|!]|[A-Za-z.]\())", re.DOTALL
)


def plain(text: str) -> str:
    """Text as it is, with an apostrophe in front where a spreadsheet would run it.

    >>> [plain(t) for t in ("=1+1", "@SUM(A1)", "-cost", "-2+3+cmd|' /C calc'!A0")]
    ["'=1+1", "'@SUM(A1)", "'-cost", "'-2+3+cmd|' /C calc'!A0"]
    >>> [plain(t) for t in ("-0.09 to 2.09", "-8,000", "+5 %", "2nd-line", "-")]
    ['-0.09 to 2.09', '-8,000', '+5 %', '2nd-line', '-']
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # a bare \r would break the line unquoted
    return f"'{text}" if FORMULA.match(text) else text


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table with plain text in its columns and their names; numbers stay as they are."""
    found = table.copy(deep=False)
    for name in table.columns:
        if table[name].dtype == object or isinstance(table[name].dtype, pd.StringDtype):
            found[name] = table[name].map(_plain_or_other)
    return found.rename(columns=_plain_or_other)


def _plain_or_other(value: object) -> object:
    return plain(value) if isinstance(value, str) else value
