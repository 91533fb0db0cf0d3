"""Files as a whole: missing, empty, as other programs save them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.load import load
from heor.inputs.text.layers import read_yaml
from heor.problem.problem import DecisionProblem
from tests.spoiled import ANALYSIS, COUNTRY, MODEL, NORWAY, FaultsOf, Spoil, expect

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.


def test_semicolons(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / MODEL
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    expect(faults(), f"inputs/{MODEL}:1:", "separated by semicolons", "comma is expected", ".xlsx")


def test_latin_1(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / MODEL
    text = path.read_text(encoding="utf-8").replace("share of men", "andel menn, også")
    line = text[: text.index("også")].count("\n") + 1
    path.write_bytes(text.encode("latin-1"))
    expect(faults(), f"inputs/{MODEL}:{line}:", "not UTF-8", "0xe5", "CSV UTF-8")


def test_byte_order_mark_is_welcome(copied_inputs: Path) -> None:
    path = copied_inputs / MODEL
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(copied_inputs).share_male == 0.6


@pytest.mark.parametrize("file", [MODEL, NORWAY, OS, LIFE, ANALYSIS, COUNTRY, INDEX])
def test_empty_file(file: str, copied_inputs: Path, faults: FaultsOf) -> None:
    (copied_inputs / file).write_text("\n", encoding="utf-8")
    expect(faults(), f"inputs/{file}:", "empty file", "content is required")


@pytest.mark.parametrize("file", [MODEL, NORWAY, OS, LIFE, ANALYSIS, COUNTRY, INDEX])
def test_missing_file(file: str, copied_inputs: Path, faults: FaultsOf) -> None:
    (copied_inputs / file).unlink()
    expect(faults(), f"inputs/{file}:", "not found", "required")


@pytest.mark.parametrize("file", [MODEL, OS, LIFE])
def test_header_without_rows(file: str, copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / file
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    expect(faults(), f"inputs/{file}:", "no rows below the header")


def test_yaml_that_is_no_mapping(copied_inputs: Path, faults: FaultsOf) -> None:
    (copied_inputs / ANALYSIS).write_text("- a\n- b\n", encoding="utf-8")
    expect(faults(), f"inputs/{ANALYSIS}:1:", "not a mapping")


def test_yaml_with_a_control_character(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / ANALYSIS
    path.write_text("a: 1\nb: \x07\n", encoding="utf-8")
    expect(faults(), f"inputs/{ANALYSIS}:2:", "not valid YAML")


def test_yaml_with_a_list_as_name(copied_inputs: Path, faults: FaultsOf) -> None:
    (copied_inputs / ANALYSIS).write_text("title: a\n[b, c]: 1\n", encoding="utf-8")
    expect(faults(), f"inputs/{ANALYSIS}:2:", "name")


def test_duplicate_parameter_row(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / NORWAY
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    expect(faults(), f"inputs/{NORWAY}:{len(lines) + 1}:", "'c_resection' appears twice", "line 2")


def test_missing_required_value(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / NORWAY
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if not x.startswith("c_resection,")), encoding="utf-8")
    model = (copied_inputs / MODEL).read_text(encoding="utf-8")
    line = model[: model.index("\nc_resection,")].count("\n") + 2
    expect(
        faults(), f"inputs/{MODEL}:{line}: c_resection", "required from the country", "Add a row"
    )


def test_line_numbers_survive_cells_of_several_lines(spoil: Spoil, faults: FaultsOf) -> None:
    spoil(MODEL, "a mixture of two life tables", "a mixture\nof two life tables")
    line = spoil(MODEL, "longest treatment,24,", "longest treatment,-1,")
    expect(faults(), f"inputs/{MODEL}:{line}: chemo_cap", "mean -1 is outside")


def test_no_inputs_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no inputs folder here .* --inputs"):
        load(tmp_path)


def test_unknown_country_and_scenario(faults: FaultsOf) -> None:
    expect(faults(country="norwy"), "unknown country 'norwy'", "Did you mean 'norway'?")
    expect(
        faults(scenario="s11_nocure"), "unknown scenario 's11_nocure'", "Did you mean 's11_no_cure'"
    )


def test_evidence_and_country_sources_must_resolve(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / INDEX
    text = path.read_text(encoding="utf-8")
    at = text.index("- peeters_2014")
    path.write_text(text[:at] + "- peters_2014" + text[at + len("- peeters_2014") :], "utf-8")
    expect(faults(), f"inputs/{INDEX}:", "unknown source 'peters_2014'", "'peeters_2014'?")


def test_no_is_norway(tmp_path: Path) -> None:
    """YAML 1.1 reads a bare NO as false; here it stays text."""
    path = tmp_path / "a.yaml"
    path.write_text("iso2: NO\nsure: true\noff: off\n", encoding="utf-8")
    problems = Faults()
    assert read_yaml(path, "a.yaml", "model", problems).values == {
        "iso2": "NO",
        "sure": True,
        "off": "off",
    }
    assert problems == []


def test_norway_without_quotes_loads(spoil: Spoil, copied_inputs: Path) -> None:
    spoil(COUNTRY, 'iso2: "NO"', "iso2: NO")
    assert load(copied_inputs).country.iso2 == "NO"


def test_xlsx_equals_csv(copied_inputs: Path, problem: DecisionProblem) -> None:
    """The same table from Excel, with numbers stored as numbers."""
    for file in (MODEL, NORWAY):
        path = copied_inputs / file
        book = openpyxl.Workbook()
        for row in pd.read_csv(path, header=None, dtype=str, keep_default_na=False).to_numpy():
            book.active.append([_cell(c) for c in row])
        book.save(path.with_suffix(".xlsx"))
        path.unlink()
    found = load(copied_inputs)
    assert list(found.parameters) == list(problem.parameters)
    for name, expected in problem.parameters.items():
        for field in (
            "mean",
            "se",
            "distribution",
            "arguments",
            "unit",
            "status",
            "source",
            "note",
        ):
            assert getattr(found.parameters[name], field) == getattr(expected, field), name
    assert str(found.origin("c_resection")) == "inputs/countries/norway/parameters.xlsx:2"


def _cell(text: str) -> str | float | int | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def test_price_year_as_excel_writes_it(spoil: Spoil, copied_inputs: Path) -> None:
    spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "60000,15000,gamma,NOK,NOK,2025.0")
    assert load(copied_inputs).parameters["c_ablation"].price_year == 2025


def test_individual_data(copied_inputs: Path, faults: FaultsOf) -> None:
    """One row a patient is another form of evidence; times are converted, faults are named."""
    index = copied_inputs / INDEX
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("form: grouped", "form: individual", 1), encoding="utf-8")
    (copied_inputs / OS).write_text("time,event\n12,1\n24,0\n", encoding="utf-8")
    evidence = load(copied_inputs).evidence["second_line_folfiri_os"]
    np.testing.assert_array_equal(evidence.table["time"], [1.0, 2.0])
    np.testing.assert_array_equal(evidence.table["weight"], [1.0, 1.0])
    assert (evidence.n, evidence.events) == (2, 1)
    (copied_inputs / OS).write_text("time,event,entry\n12,2,0\n24,0,30\n", encoding="utf-8")
    problems = faults()
    expect(problems, f"inputs/{OS}:2:", "event is 2", "1 (event) or 0 (censored)")
    expect(problems, f"inputs/{OS}:3:", "entry must be")
