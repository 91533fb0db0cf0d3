"""CSV and XLSX tables: parameters, life tables, utility norms (survival: `evidence_tables`).

CSV is strict: UTF-8, comma, decimal point. All problems are collected with file and line.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heor.inputs.layers import nearest, read_text

DECIMAL_COMMA = re.compile(r"^-?\d+,\d+$")


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
) -> list[Row]:
    """Rows of a CSV (or .xlsx) with the columns named; problems are appended."""
    if path.suffix.lower() == ".xlsx":
        lines = xlsx_rows(path, shown, problems)
    else:
        text = read_text(path, shown, problems)
        if text is None:
            return []
        first = text.splitlines()[0]
        if first.count(";") > first.count(","):
            problems.append(
                f"{shown}:1: columns are separated by semicolons; a comma is expected. In Excel "
                "save as 'CSV UTF-8' with English regional settings, or use an .xlsx file."
            )
            return []
        reader = csv.reader(io.StringIO(text))
        lines = [(reader.line_num, cells) for cells in reader if any(c.strip() for c in cells)]
    if not lines:
        return []
    header = [c.strip() for c in lines[0][1]]
    missing = [c for c in required if c not in header]
    if missing:
        found = ", ".join(header)
        problems.append(
            f"{shown}:1: column {', '.join(repr(m) for m in missing)} is missing; found: {found}. "
            "Add the column (names are exact, lower case)."
        )
        return []
    for name in header:
        if name not in (*required, *optional):
            problems.append(
                f"{shown}:1: unknown column '{name}'; allowed: "
                f"{', '.join((*required, *optional))}.{nearest(name, (*required, *optional))}"
            )
    rows = []
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            problems.append(
                f"{shown}:{line}: {len(cells)} cells; the header has {len(header)}. A decimal or "
                "a text comma without quotes? Use a decimal point, and quote text with commas."
            )
            continue
        rows.append(Row(line, {h: c.strip() for h, c in zip(header, cells, strict=True)}))
    if not rows and len(lines) == 1:
        problems.append(f"{shown}: no rows below the header; at least one is expected.")
    return rows


def xlsx_rows(path: Path, shown: str, problems: list[str]) -> list[tuple[int, list[str]]]:
    """Rows of the first sheet that are not empty, with their number; cells as text."""
    import openpyxl

    try:
        sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0]
    except Exception as error:  # openpyxl raises many kinds for a damaged file
        problems.append(f"{shown}: cannot be read as Excel ({error}). Save it again as .xlsx.")
        return []
    out = []
    for i, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        texts = ["" if c is None else str(c) for c in cells]
        if any(texts):
            out.append((i, texts))
    return out


def number(
    row: Row, column: str, where: str, problems: list[str], *, blank: float | None = None
) -> float:
    """The number in a cell; NaN with a problem noted when it is none."""
    text = row.cells.get(column, "")
    if text == "" and blank is not None:
        return blank
    try:
        value = float(text)
        if math.isfinite(value):
            return value
    except ValueError:
        pass
    if DECIMAL_COMMA.match(text):
        what = f"'{text}' has a decimal comma; a decimal point is expected. Write {text.replace(',', '.')}."
    elif text == "":
        what = "empty; a number is required. Fill in the cell."
    else:
        what = f"'{text}' is not a finite number. Use digits and a decimal point."
    problems.append(f"{where}: column '{column}': {what}")
    return math.nan


def columns(
    rows: list[Row], names: tuple[str, ...], shown: str, problems: list[str]
) -> dict[str, np.ndarray]:
    """Numeric columns as arrays. Dims: row."""
    return {
        name: np.array([number(r, name, f"{shown}:{r.line}", problems) for r in rows])
        for name in names
    }


def read_life_table(path: Path, shown: str, problems: list[str]) -> dict[str, np.ndarray] | None:
    """Life table by single year of age: age, q_male, q_female."""
    names = ("age", "q_male", "q_female")
    rows = read_table(path, shown, names, (), problems)
    if not rows:
        return None
    data = columns(rows, names, shown, problems)
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        for sex in ("q_male", "q_female"):
            if not 0 <= data[sex][i] <= 1:
                problems.append(
                    f"{where}: {sex} is {data[sex][i]:g}; a probability of dying lies between 0 "
                    "and 1. Is it per 1,000?"
                )
        if i and data["age"][i] != data["age"][i - 1] + 1:
            problems.append(f"{where}: age {data['age'][i]:g} does not follow the age before by 1.")
    return data


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
            if not 0 < data[name][i] <= 1:
                problems.append(
                    f"{where}: {name.replace('utility', 'utility norm', 1)} {data[name][i]:g}; it must "
                    "be above 0 and at most 1."
                )
        if "remaining_qalys" in data and data["remaining_qalys"][i] <= 0:
            problems.append(
                f"{where}: remaining_qalys {data['remaining_qalys'][i]:g}; the living have more than 0 "
                "left. Correct it."
            )
        if i and data["age"][i] != data["age"][i - 1] + 1:
            problems.append(f"{where}: age {data['age'][i]:g} does not follow the age before by 1.")
    return data
