"""Text tables as other programs write them: their encoding, separator and lines.

Commas, semicolons or tabs; UTF-8, UTF-16 with its mark, or Windows-1252. What was assumed is noted.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from heor import limits
from heor.files import Unreadable, content
from heor.limits import excerpt

SEPARATORS = "\t;,"
NAMES = {"\t": "tab", ";": "semicolon", ",": "comma"}
#: `sep=;` in the first line, which Excel writes and understands.
STATED = re.compile(r"sep=(?P<separator>[^\r\n])\s*", re.IGNORECASE)
SAMPLE = 100  # lines that show the separator
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
Line = tuple[int, list[str]]


def decoded(data: bytes, notes: list[str]) -> str:
    """Text in UTF-8, UTF-16 with its mark, or else Windows-1252, which is noted.

    Raises
    ------
    Unreadable
        It is no text.
    """
    if data.startswith(b"PK\x03\x04"):
        raise Unreadable("a zip or Excel file; text is expected. Save it as CSV (UTF-8).")
    try:
        if data.startswith(_UTF_16):
            return data.decode("utf-16")
        if b"\0" in data:
            raise Unreadable("holds null bytes, so it is no text. Save it as CSV (UTF-8).")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith(_UTF_16):
            raise Unreadable("damaged UTF-16 text. Save it as CSV (UTF-8).") from error
        text = data.decode("cp1252", errors="replace")
        around = re.split("[\n,;\t]", text[max(error.start - 20, 0) : error.start + 20])
        word = next((part for part in around if not part.isascii()), around[0]).strip()
        notes.append(
            f"not UTF-8: read as Windows-1252, which has '{excerpt(word)}'. Check names with accents."
        )
        return text


def unix_lines(text: str) -> str:
    """Text with the line ends of Unix; those of old Macs are line ends where there are no others."""
    text = text.replace("\r\n", "\n")
    return text.replace("\r", "\n") if "\n" not in text else text


def separator_of(text: str) -> tuple[str, int]:
    """The separator of a table, and how many lines say so and are no rows (0 or 1).

    It is stated in the first line (`sep=;`), or it is the one that gives all of the first lines the
    same number of cells; otherwise the commonest in the first line.

    >>> separator_of("a;b\\n1,5;2\\n"), separator_of("sep=;\\na;b\\n")
    ((';', 0), (';', 1))
    """
    stated = STATED.fullmatch(text[: text.find("\n")] if "\n" in text else text)
    if stated:
        return stated["separator"], 1
    sample = [line for line in islice(_lines(text), SAMPLE) if line.strip()]
    for separator in SEPARATORS:
        try:
            rows = csv.reader(sample, delimiter=separator, skipinitialspace=True)
            widths = {len(row) for row in rows}
        except csv.Error:
            continue
        if len(widths) == 1 and widths.pop() > 1:
            return separator, 0
    first = sample[0] if sample else ""
    return max(",;\t", key=first.count), 0


def _lines(text: str) -> Iterator[str]:
    return (found.group() for found in _LINE.finditer(text))


def rows_of(
    text: str, separator: str, most: int = limits.ROWS, spaces: bool = False
) -> Iterator[Line]:
    """Lines of a table, each with the number of the line it ends in; empty lines have no cells.

    Parameters
    ----------
    spaces
        Whether there may be spaces between a separator and a quote.

    Raises
    ------
    Unreadable
        A line, a cell or the table is too large, or a quote does not end.
    """
    reader = csv.reader(_checked(text), delimiter=separator, skipinitialspace=spaces)
    cells = count = 0
    try:
        for count, row in enumerate(reader, start=1):
            cells += len(row)
            if count > most + 1 or cells > limits.CELLS:
                what = f"{most:,} rows" if count > most + 1 else f"{limits.CELLS:,} cells"
                raise Unreadable(
                    f"line {reader.line_num}: more than {what}; no table may be larger. Check that it "
                    "is the right file."
                )
            yield reader.line_num, row
    except csv.Error as error:
        what = (
            f"a cell of more than {limits.CELL:,} characters. Is a quote without its end?"
            if "field larger" in str(error)
            else "a carriage return within a line. Save it with the line ends of one system."
            if "new-line" in str(error)
            else f"{error}. Save it as CSV (UTF-8)."
        )
        raise Unreadable(f"line {reader.line_num}: {what}") from error


def _checked(text: str) -> Iterator[str]:
    for number, line in enumerate(_lines(text), start=1):
        if len(line) > limits.LINE:
            raise Unreadable(
                f"line {number}: {len(line):,} characters; a line has at most {limits.LINE:,}. Check that "
                "it is the right file."
            )
        yield line


def read_delimited(path: Path, notes: list[str]) -> tuple[list[Line], str]:
    """Lines with content of a file of another program, and its separator.

    Raises
    ------
    Unreadable
        The message goes behind the file's name.
    """
    text = unix_lines(decoded(content(path), notes))
    separator, skipped = separator_of(text)
    rows = [
        (n, row) for n, row in rows_of(text, separator, spaces=True) if any(map(str.strip, row))
    ]
    return rows[skipped:], separator


def twice(header: Sequence[str], where: str) -> list[str]:
    """A fault for each name that several columns have."""
    return [
        f"{where}: {header.count(name)} columns are named '{excerpt(name)}'; one may. Rename the others."
        for name in dict.fromkeys(header)
        if name and header.count(name) > 1
    ]
