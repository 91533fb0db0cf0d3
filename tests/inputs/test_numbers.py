"""Numbers as people and programs write them: read right, or refused with both readings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.cli import main as cli
from heor.cli.options import money
from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.load import load
from heor.inputs.read.clicks import read_at_risk, read_clicks
from heor.inputs.read.draws_table import read_draws
from heor.inputs.text.numerals import Ambiguous, mark_of, two_readings, value_of, values, written
from heor.inputs.text.tables import Row, columns
from tests.spoiled import (
    ANALYSIS,
    COUNTRY,
    MODEL,
    NORMS,
    NORWAY,
    FaultsOf,
    Spoil,
    expect,
)

COST = [52003.69, 52896.24, 51177.59, 63642.58]
QALY = [3.6260, 4.2585, 4.1482, 3.9170]


def german(x: float, digits: int = 2) -> str:
    """52.003,69"""
    return f"{x:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def spaced(x: float, digits: int = 2, space: str = "\u202f") -> str:
    """52 003,69"""
    return f"{x:,.{digits}f}".replace(",", space).replace(".", ",")


def american(x: float, digits: int = 2) -> str:
    return f"{x:,.{digits}f}"


def swiss(x: float, digits: int = 2) -> str:
    return f"{x:,.{digits}f}".replace(",", "\u2019")


# --- One number


@given(
    st.floats(-1e12, 1e12).map(lambda x: round(x, 2)),
    st.sampled_from([german, spaced, american, swiss]),
)
def test_a_number_with_two_decimals_has_one_value(x: float, write: Callable) -> None:
    text = write(x)
    found = set(written(text).values())
    assert len(found) == 1 and float(found.pop()) == pytest.approx(x, abs=1e-3)


@given(st.integers(1000, 999_999), st.booleans())
def test_a_group_of_three_has_two_values(x: int, comma: bool) -> None:
    """The thousands that were meant and a thousandth of them, both in the message, neither in doubt."""
    text = american(x, 0) if comma else german(x, 0)
    assert sorted(map(float, written(text).values())) == [x / 1000, x]
    words = two_readings(text)
    proposed = [words.split(" ")[0], words.split(" or as ")[1].split(" ")[0]]
    assert [float(p) for p in proposed] == [x, x / 1000]
    assert all(isinstance(value_of(p, thousands=True), float) for p in proposed)


@pytest.mark.parametrize(
    "text", ["0.125", "0.512", "1234.567", "3.62", "3.6260", ".125", "1.234e3", "12.34", "00.125"]
)
def test_decimals_that_cannot_be_thousands_are_decimals(text: str) -> None:
    assert value_of(text, thousands=True) == float(text)


@pytest.mark.parametrize("text", ["3.626", "-1.234", "125.000"])
def test_three_decimals_are_refused_only_where_thousands_belong(text: str) -> None:
    assert value_of(text) == float(text)
    assert "can be read as" in str(value_of(text, thousands=True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("260,000", "260000 (the comma groups thousands) or as 260 (a decimal comma)"),
        ("1,240", "1240 (the comma groups thousands) or as 1.24 (a decimal comma)"),
        ("-1,234", "-1234 (the comma groups thousands) or as -1.2340 (a decimal comma)"),
        ("0,65", "has a decimal comma; a decimal point is expected. Write 0.65."),
        ("1.234.567,5", "has a decimal comma; a decimal point is expected. Write 1234567.5."),
        ("1,234,567", "has marks between thousands; digits alone are expected. Write 1234567."),
        (
            "52\u2019003.69",
            "has marks between thousands; digits alone are expected. Write 52003.69.",
        ),
        ("260 000", "has marks between thousands; digits alone are expected. Write 260000."),
        ("£260", "has a currency sign or code; a number alone is expected. Write 260."),
        ("€ 1,234", "Without it, '1,234' can be read as 1234"),
        ("12%", "has a per cent sign"),
        ("1_000", "'1_000' is not a finite number"),
        ("nan", "is not a finite number"),
        ("infinity", "is not a finite number"),
        ("1e308", "is too large; numbers up to 1e+15"),
        ("١٢", "is not a finite number"),
        ("12 34", "is not a finite number"),
        ("", "empty; a number is required"),
        ("x" * 200, f"'{'x' * 60}… (200 characters)' is not"),
    ],
)
def test_what_is_no_number_says_what_to_write(text: str, words: str) -> None:
    assert words in str(value_of(text))


def test_a_column_of_counts_with_decimals_has_decimals() -> None:
    """98.512 beside 0.512 or 97.5 is no 98,512; alone it may be."""
    rows = [Row(i, {"n": text}) for i, text in enumerate(["100.000", "98.512", "97.5"])]
    problems = Faults()
    assert columns(rows, ("n",), "t.csv", problems, ("n",))["n"].tolist() == [100, 98.512, 97.5]
    assert not problems
    columns(rows[:2], ("n",), "t.csv", problems, ("n",))
    assert len(problems) == 2 and "98512 (the point groups thousands)" in problems[1]


def test_many_faults_of_one_kind_are_counted() -> None:
    rows = [Row(i, {"n": "x"}) for i in range(50)]
    problems = Faults()
    columns(rows, ("n",), "t.csv", problems)
    assert len(problems) == 21 and problems[-1] == "t.csv: 30 more faults like these."


# --- The mark of a file


@pytest.mark.parametrize(
    ("columns", "decimal"),
    [
        ({"cost": ["52.004"], "qaly": ["3,6260"]}, ","),
        ({"cost": ["52,004"], "qaly": ["3.6260"]}, "."),
        ({"cost": ["52.004"], "qaly": ["0,626"]}, ","),
        ({"cost": ["1.234.567"], "qaly": ["3,626"]}, ","),
        ({"cost": ["52004"], "qaly": ["3"]}, "."),
        ({"cost": ["52 004,5"], "qaly": ["3,626"]}, ","),
    ],
)
def test_a_file_has_one_decimal_mark(columns: dict, decimal: str) -> None:
    assert mark_of(columns).decimal == decimal


def test_what_nothing_settles_is_refused() -> None:
    with pytest.raises(Ambiguous, match=r"52004 \(the point .* or as 52.0040 \(a decimal point\)"):
        mark_of({"cost": ["52.004", "52.896"], "qaly": ["3.626"]})


def test_a_column_that_only_one_mark_makes_possible_settles_it() -> None:
    """Nobody has 3,626 QALYs; a number at risk is whole."""
    assert mark_of({"cost": ["52.004"], "qaly": ["3.626"]}, largest={"qaly": 200}).decimal == "."
    assert mark_of({"n": ["1,240", "900"]}, whole=["n"]).decimal == "."
    mark = mark_of({"n": ["1.240", "900"]}, whole=["n"])
    assert values(["1.240", "900"], mark).tolist() == [1240, 900]


# --- Draws of another program


def file_of(
    write: Callable[[float, int], str], separator: str = ";", digits: int = 2, quote: str = ""
) -> str:
    rows = ["strategy,draw,cost,qaly".split(",")]
    for i, (cost, qaly) in enumerate(zip(COST, QALY, strict=True)):
        name = "Standard" if i < 2 else "Neu \u2013 Ärzte"
        rows.append([name, str(1 + i % 2), write(cost, digits), write(qaly, 4)])
    return "".join(separator.join(f"{quote}{c}{quote}" for c in row) + "\r\n" for row in rows)


FORMS: dict[str, tuple[bytes, str | None]] = {
    "German cents": (file_of(german).encode(), "decimal comma, as '52.003,69' shows"),
    "German, whole costs": (file_of(german, digits=0).encode(), "'52.004' is read as 52004"),
    "German, tabs": (file_of(german, "\t").encode(), "decimal comma"),
    "French, narrow spaces": (file_of(spaced).encode(), "'52\u202f003,69' is read as 52003.69"),
    "Swiss": (file_of(swiss).encode(), "'52\u2019003.69' is read as 52003.69"),
    "American, semicolons": (file_of(american, digits=0).encode(), "'52,004' is read as 52004"),
    "American, tabs": (file_of(american, "\t", 0).encode(), "'52,004' is read as 52004"),
    "American, quoted": (file_of(american, ",", 0, '"').encode(), "'52,004' is read as 52004"),
    "sep=; and a mark of UTF-8": (("\ufeffsep=;\n" + file_of(swiss)).encode(), None),
    "Windows-1252": (
        file_of(lambda x, d: f"{x:.{d}f}", ",").encode("cp1252"),
        "read as Windows-1252, which has 'Neu \u2013 Ärzte'",
    ),
    "UTF-16": (file_of(german, "\t").encode("utf-16"), None),
    "old Mac": (file_of(german).replace("\r\n", "\r").encode(), None),
    "euro signs": (
        file_of(lambda x, d: f"€{x:.{d}f}" if d == 2 else f"{x:.{d}f}", ",").encode(),
        None,
    ),
    "codes": (file_of(lambda x, d: f"{x:.{d}f} EUR" if d == 2 else f"{x:.4f}", ",").encode(), None),
    "other names": (
        file_of(german).replace("cost;qaly", " Costs ;QALYs").encode(),
        "column 'QALYs' is read as 'qaly'",
    ),
    "commas at the end": (
        file_of(lambda x, d: f"{x:.{d}f}", ",").replace("\r\n", ",,\r\n").encode(),
        None,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_draws_in_every_form(form: str, tmp_path: Path) -> None:
    data, note = FORMS[form]
    path, notes = tmp_path / "psa.csv", []
    path.write_bytes(data)
    found = read_draws(path, "EUR", notes)
    whole = form in ("German, whole costs", *(f for f in FORMS if f.startswith("American")))
    cost = np.round(COST) if whole else COST
    assert found["cost"].tolist() == list(cost) and found["qaly"].tolist() == QALY
    assert found["draw"].tolist() == [1, 2, 1, 2]
    assert set(found["strategy"]) == {"Standard", "Neu \u2013 Ärzte"}
    assert note is None or any(note in line for line in notes), notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "strategy;draw;cost;qaly\na;1;52.004;3\nb;1;52.896;4\n",
            "psa.csv:2: column 'cost': '52.004' can be read as 52004 (the point groups thousands) or as "
            "52.0040 (a decimal point); no number of the file shows",
        ),
        (
            "strategy;draw;cost;qaly\na;1;52004;3,62\nb;1;52896;4.21\n",
            "psa.csv:3: column 'qaly': '4.21' has a decimal point, but '3,62' a decimal comma",
        ),
        (
            "strategy,draw,cost,qaly\na,1,£52004,3.62\nb,1,52896,4.21\n",
            "psa.csv:2: column 'cost': '£52004' is in GBP, the analysis in EUR",
        ),
        (
            "strategy,draw,cost,qaly\na,1,$5,3.62\nb,1,$6,4.21\n",
            "'$5' is in USD or CAD, the analysis in EUR",
        ),
    ],
)
def test_draws_that_can_be_read_two_ways_are_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "psa.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_draws(path, "EUR", [])
    assert len(caught.value.problems) == 1 and words in caught.value.problems[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "a,x1,1,2\nb,x1,2,3\n",
            "column 'draw' is 'x1' in row 1, line 2 of the file (2 such rows)",
        ),
        ("a,1.5,1,2\nb,1.5,2,3\n", "column 'draw' is '1.5' in row 1, line 2 of the file"),
        ("a,1,1,2\nb,1,2,3\nMean,,1.5,2.5\n", "'' in row 3, line 4 of the file (1 such row)"),
        (
            "a,1,1e308,2\nb,1,2,3\n",
            "'cost' of 'a' in draw 1 is '1e308' (1 such row, first in line 2",
        ),
    ],
)
def test_a_fault_of_draws_is_reported_once(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "psa.csv"
    path.write_text(f"strategy,draw,cost,qaly\n{text}", encoding="utf-8")
    assert cli.main(["analyse", str(path), "--threshold", "20000"]) == 2
    said = capsys.readouterr().err
    assert words in said and said.endswith("1 problem found; nothing was run.\n")


# --- Thresholds


@pytest.mark.parametrize(
    ("text", "value"),
    [("20000", [20000]), ("20 000", [20000]), ("£20000", [20000]), ("gbp 2e4", [20000])]
    + [("0,20000", [0, 20000]), ("15000, GBP 30000", [15000, 30000]), ("20.5", [20.5])],
)
def test_thresholds_that_are_clear(text: str, value: list[float]) -> None:
    assert money((text,), "GBP") == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "20.000",
            "--threshold 20.000: can be read as 20000 (the point groups thousands) or as 20 ",
        ),
        ("20000,30.000", "--threshold 30.000: can be read as 30000"),
        ("20,000", "--threshold 20,000: one threshold with a thousands separator, or several"),
        ("£20,000", "--threshold £20,000: one threshold with a thousands separator, or several"),
        ("20k", "--threshold 20k: is no number"),
        ("nan", "--threshold nan: is no number"),
        ("-5", "--threshold -5: must be at least 0"),
        ("1e308", "--threshold 1e308: must be at least 0 and finite (at most 1e+15)"),
        ("$20000", "--threshold $20000: is in USD, the costs are in GBP"),
    ],
)
def test_thresholds_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        money((text,), "GBP")
    assert len(caught.value.problems) == 1 and words in caught.value.problems[0]


# --- Clicks and risk tables

CLICKS = [(0.0, 1.0), (4.125, 0.85), (8.5, 0.625), (12.0, 0.5)]


def clicks_file(header: str, separator: str, write: Callable[[float], str]) -> str:
    rows = [separator.join(map(write, pair)) for pair in CLICKS]
    return "\n".join([*([header] if header else []), *rows]) + "\n"


def comma(x: float) -> str:
    return f"{x:.4f}".replace(".", ",")


CLICK_FORMS = {
    "plain": (clicks_file("time,survival", ",", str), None),
    "capitals": (clicks_file(" Time , Survival", " , ", str), None),
    "no header": (clicks_file("", ", ", str), "no header: the first column is taken as time"),
    "WebPlotDigitizer": (clicks_file("x,y", ",", str), "'x' is taken as time, 'y' as survival"),
    "Engauge": (
        clicks_file("# x, Curve1", ", ", lambda x: f'"{comma(x)}"'),
        "'Curve1' as survival",
    ),
    "quoted commas": (
        clicks_file("time,survival", ",", lambda x: f'"{comma(x)}"'),
        "decimal comma, as '0,0000' shows",
    ),
    "semicolons": (clicks_file("time;survival", ";", comma), "separated by semicolons"),
    "semicolons, no header": (clicks_file("", "; ", comma), "no header"),
    "tabs": (clicks_file("time\tsurvival", "\t", str), "separated by tabs"),
    "sep=": ("sep=;\n" + clicks_file("time;survival", ";", str), "separated by semicolons"),
    "more columns": (
        "ID," + clicks_file("time,survival", ",", str).replace("\n", "\n1,").removesuffix("1,"),
        "columns left out: ID",
    ),
    "per cent": (
        "time,survival\n" + "".join(f"{t},{100 * s:.1f}%\n" for t, s in CLICKS),
        "survival is in per cent ('100.0%')",
    ),
}


@pytest.mark.parametrize("form", CLICK_FORMS)
def test_clicks_of_every_digitiser(form: str, tmp_path: Path) -> None:
    text, note = CLICK_FORMS[form]
    path, problems, notes = tmp_path / "c.csv", Faults(), []
    path.write_text(text, encoding="utf-8")
    found = read_clicks(path, problems, notes)
    assert not problems and found is not None, problems
    expected = np.array(CLICKS)
    np.testing.assert_allclose(found["time"], expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found["survival"], expected[:, 1], rtol=1e-12)
    assert notes == [] if note is None else any(note in line for line in notes), notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "time,survival\n0,00,1,00\n4,10,0,85\n",
            "c.csv:2: 4 cells where the header has 2 (2 such lines)",
        ),
        ("0,00,1,00\n4,10,0,85\n", "c.csv:1: no header, and 4 columns of numbers"),
        ("x,Curve1,Curve2\n0,1,1\n", "Save one curve at a time"),
        ("time,survival,time\n0,1,1\n", "c.csv:1: 2 columns are named 'time'; one may"),
        ("month,survival\n0,1\n", "column 'time' is missing; found: month, survival"),
        ("time,survival\n", "no rows below the header"),
        ("time,survival\n0,one\n", "c.csv:2: column 'survival': 'one' is not a finite number"),
        ("time;survival\n0,5;1.0\n", "'1.0' has another decimal mark than '0,5'"),
    ],
)
def test_clicks_that_are_refused(text: str, words: str, tmp_path: Path) -> None:
    path, problems = tmp_path / "c.csv", Faults()
    path.write_text(text, encoding="utf-8")
    assert read_clicks(path, problems, []) is None
    assert len(problems) == 1 and words in problems[0], problems


def test_a_thousands_comma_in_a_risk_table_is_named(tmp_path: Path) -> None:
    path, problems, notes = tmp_path / "r.csv", Faults(), []
    path.write_text('time,n_at_risk\n0,"1,240"\n6,900\n', encoding="utf-8")
    found = read_at_risk(path, problems, notes)
    assert found is not None and found["n_at_risk"].tolist() == [1240, 900]
    assert notes == ["r.csv: n_at_risk '1,240' is read as 1240: the comma groups thousands."]
    path.write_text("time,n_at_risk\n0,240 (80)\n6,159 (53)\n", encoding="utf-8")
    assert read_at_risk(path, problems, []) is None
    assert "'240 (80)' holds two numbers; one is expected. Write 240." in problems[0]


# --- Inputs


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (NORWAY, ",260000,", ",260.000,", "'260.000' can be read as 260000 (the point groups"),
        (NORWAY, ",260000,", ',"260,000",', "'260,000' can be read as 260000 (the comma groups"),
        (NORWAY, ",260000,", ",260 000,", "has marks between thousands; digits alone are expected"),
        (NORWAY, ",260000,", ",1e300,", "is too large"),
        (COUNTRY, "275000", "275.000", "'275.000' can be read as 275000"),
        (ANALYSIS, "draws: 5000", "draws: 5.000", "'5.000' can be read as 5000"),
        (ANALYSIS, "draws: 5000", "draws: .inf", ".inf is too large; finite numbers"),
    ],
)
def test_inputs_that_can_be_read_two_ways(
    file: str, old: str, new: str, words: str, faults: FaultsOf, copied_inputs: Path
) -> None:
    path = copied_inputs / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    found = faults()
    expect(found, f"inputs/{file}:{line}", words)


def test_a_scenario_or_an_option_that_can_be_read_two_ways(
    faults: FaultsOf, copied_inputs: Path
) -> None:
    scenario = "label: Cheap\nwhy: Try.\nparameters:\n  c_resection: {mean: 200.000, se: 10}\n"
    (copied_inputs / "scenarios" / "cheap.yaml").write_text(scenario, encoding="utf-8")
    found = faults(scenario="cheap")
    expect(found, "inputs/scenarios/cheap.yaml:4: c_resection", "'200.000' can be read as 200000")
    assert len(found) == 1


def test_an_option_of_money_that_can_be_read_two_ways(
    inputs: Path, capsys: pytest.CaptureFixture
) -> None:
    for option, words in (
        (
            "c_resection=260.000",
            "--set c_resection=260.000: c_resection: column 'mean': '260.000' can",
        ),
        ("c_resection=260,000", "or as 260 (a decimal comma)"),
        ("country.thresholds.values=[275.000]", "'275.000' can be read as 275000"),
        ("c_resection=[1", "--set c_resection=[1: not valid YAML"),
        ("c_resection=!!python/object:os.system 1", "the tag !!python/object:os.system"),
    ):
        assert cli.main(["check", "--inputs", str(inputs), "--set", option]) == 2
        said = capsys.readouterr().err
        assert words in said and said.endswith("1 problem found; nothing was run.\n"), said


def test_a_separator_stated_in_the_first_line_is_used(
    copied_inputs: Path, faults: FaultsOf
) -> None:
    """Excel writes sep=; and reads it; the rest stays strict."""
    path = copied_inputs / NORMS
    text = path.read_text(encoding="utf-8")
    for separator in ",;":
        path.write_text(f"sep={separator}\n" + text.replace(",", separator), encoding="utf-8")
        assert load(copied_inputs).country.norms.age[0] == 40
    path.write_text(text.replace(",", ";"), encoding="utf-8")
    assert "columns are separated by semicolons; a comma is expected" in faults()[0]


def test_two_columns_of_one_name_are_a_fault(faults: FaultsOf, spoil: Spoil) -> None:
    spoil(MODEL, "name,description,mean,se,", "name,description,mean,mean,se,")
    expect(faults(), "inputs/model/parameters.csv:1", "2 columns are named 'mean'; one may")


def test_a_fault_of_a_parameter_is_not_repeated_where_it_is_used(
    faults: FaultsOf, spoil: Spoil
) -> None:
    """t_os_60_expert is the time of an opinion, os_60_expert its belief."""
    rows = [line for line in MODEL_ROWS if line.split(",")[0] in ("t_os_60_expert", "os_60_expert")]
    assert len(rows) == 2
    for row in rows:
        cells = row.split(",")
        spoil(MODEL, row, ",".join([*cells[:2], "many", *cells[3:]]))
    found = faults()
    assert len(found) == 2 and all("'many' is not a finite number" in line for line in found)


MODEL_ROWS = (Path(__file__).parents[2] / "inputs" / MODEL).read_text("utf-8").splitlines()
