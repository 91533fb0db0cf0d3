"""The first sheet of an XLSX as text, within limits: a workbook is a zip and may unpack to anything."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from heor import limits
from heor.files import Unreadable, content
from heor.inputs.text.numerals import GROUP_OF_THREE


def first_sheet(path: Path, most: int = limits.ROWS) -> list[tuple[int, list[str]]]:
    """Rows of the first sheet that are not empty, with their number; cells as text.

    Raises
    ------
    Unreadable
        The file cannot be read, is no workbook, or too large.
    """
    data = content(path)
    _check_size(data)
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        return _rows(book.worksheets[0], most)
    except (Unreadable, KeyboardInterrupt):
        raise
    except Exception as error:  # openpyxl raises many kinds for a damaged file
        why = str(error).partition("\n")[0][: limits.NAME]
        raise Unreadable(f"cannot be read as Excel ({why}). Save it again as .xlsx.") from error


def _check_size(data: bytes) -> None:
    """What a zip says it unpacks to is the most that is ever unpacked of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise Unreadable(f"cannot be read as Excel ({error}). Save it again as .xlsx.") from error
    if size > limits.UNPACKED_BYTES:
        raise Unreadable(
            f"unpacks to {size:,} bytes; at most {limits.UNPACKED_BYTES:,} are read. Check that it is the "
            "right file, or save the sheet as CSV."
        )


def _rows(sheet: Any, most: int) -> list[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # what a file says of its size need not be true
    found: list[tuple[int, list[str]]] = []
    width = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        width = max(width, len(row))
        if number > most + 1 or width * (len(found) + 1) > limits.CELLS:
            what = f"{most:,} rows" if number > most + 1 else f"{limits.CELLS:,} cells"
            raise Unreadable(
                f"row {number}: more than {what}; no sheet may be larger. Check that it is the right file, "
                "and delete cells outside the table."
            )
        texts = [_text(value) for value in row]
        if any(texts):
            found.append((number, texts))
    return [(number, texts + [""] * (width - len(texts))) for number, texts in found]


def _text(value: Any) -> str:
    """A cell as text. A number is what it is, so it must not look like thousands: 1.5250, not 1.525."""
    text = "" if value is None else str(value)
    return f"{text}0" if isinstance(value, float) and GROUP_OF_THREE.fullmatch(text) else text
