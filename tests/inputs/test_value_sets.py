"""Value sets and answers: bad files named by line, the command `heor utilities`."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from scipy import stats

from heor.cli import main as cli
from heor.faults import Faults
from heor.inputs.utilities.answers import looks_like_three_levels, read_answers
from heor.inputs.utilities.value_sets import ValueSet, read_value_sets, states_of, utilities

Score = Callable[..., tuple[int, str, str]]


# --- Value sets


@pytest.fixture
def model(tmp_path: Path, inputs: Path) -> Path:
    """A model folder with nothing but the value sets."""
    folder = tmp_path / "inputs" / "model"
    folder.mkdir(parents=True)
    for name in ("value_sets.csv", "value_sets.yaml"):
        shutil.copy(inputs / "model" / name, folder / name)
    return folder


def line_of(path: Path, text: str) -> int:
    return path.read_text(encoding="utf-8").split(text)[0].count("\n") + 1


def test_shipped_sets_are_described_and_one_is_not_verified(model: Path) -> None:
    """They need nothing else of the inputs, and say where they stand."""
    problems = Faults()
    sets = read_value_sets(model, "inputs/model", problems)
    assert not problems and len(sets) == 23
    assert [s.name for s in sets.values() if s.status == "to_verify"] == ["new_zealand_5l"]
    line = line_of(model / "value_sets.yaml", "\ncanada_5l:") + 1
    assert str(sets["canada_5l"].origin) == f"inputs/model/value_sets.yaml:{line}"
    assert {s.iso2 for s in sets.values()} >= {"NO", "SE", "DK", "GB", "US", "NZ"}


CSV, YAML = "value_sets.csv", "value_sets.yaml"
#: id: file, text replaced, by what, and what the message at that line must say.
SPOILT = {
    "unknown term": (
        CSV,
        "norway_5l,MO2,",
        "norway_5l,M02,",
        ("unknown term 'M02'", "allowed: StartValue", "Did you mean 'MO2'?"),
    ),
    "level of another instrument": (
        CSV,
        "norway_5l,AD5,-0.472\n",
        "norway_5l,AD5,-0.472\nnorway_5l,AD6,-0.5\n",
        ("unknown term 'AD6'",),
    ),
    "term twice": (
        CSV,
        "norway_5l,MO3,",
        "norway_5l,MO2,",
        ("'MO2' appears twice", "first in line 3"),
    ),
    "no number": (CSV, "norway_5l,MO2,-0.03116", "norway_5l,MO2,small", ("'small'", "finite")),
    "not finite": (CSV, "norway_5l,MO2,-0.03116", "norway_5l,MO2,nan", ("'nan'", "finite")),
    "empty": (CSV, "norway_5l,MO2,-0.03116", "norway_5l,MO2,", ("empty; a number is required",)),
    "unknown set": (
        CSV,
        "norway_5l,MO2,",
        "norvay_5l,MO2,",
        ("unknown value set 'norvay_5l'", "Did you mean 'norway_5l'?"),
    ),
    "not monotone": (
        CSV,
        "norway_5l,SC3,-0.065302",
        "norway_5l,SC3,-0.0065302",
        ("SC level 3 is worth 0.02478 more than level 2", "from 12111 to 13111", "monotone: false"),
    ),
    "wrong sign": (
        CSV,
        "norway_5l,AD2,-0.071744",
        "norway_5l,AD2,0.071744",
        ("AD level 2 is worth 0.07174 more than level 1", "from 11111 to 11112"),
    ),
    "unknown name": (
        YAML,
        "  citation: Bouckaert N",
        "  citaton: Bouckaert N",
        ("unknown name 'citaton'", "Did you mean 'citation'?"),
    ),
    "unknown status": (
        YAML,
        "  pmid: 31945596\n  status: to_verify",
        "  pmid: 31945596\n  status: doubtful",
        ("new_zealand_5l", "'published' or 'to_verify'", "'doubtful'"),
    ),
    "another instrument": (
        YAML,
        "  iso2: NZ\n  instrument: EQ-5D-5L",
        "  iso2: NZ\n  instrument: EQ-5D-3L",
        ("new_zealand_5l", "EQ-5D-5L", "'EQ-5D-3L'"),
    ),
}


def spoil(path: Path, old: str, new: str) -> int:
    """Replace a text that occurs once; the line in which the two begin to differ."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    pairs = enumerate(zip(old, new, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), len(old))
    return text[: text.index(old) + same].count("\n") + 1


@pytest.mark.parametrize("case", SPOILT)
def test_faults_are_named_by_file_and_line(case: str, model: Path) -> None:
    name, old, new, parts = SPOILT[case]
    line = spoil(model / name, old, new)
    problems = Faults()
    sets = read_value_sets(model, "inputs/model", problems)
    here = [p for p in problems if p.startswith(f"inputs/model/{name}:{line}: ")]
    assert [p for p in here if all(part in p for part in parts)], "\n".join(problems)
    assert 22 <= len(sets) <= 23 and "sweden_5l_2022" in sets


def without(path: Path, *starts: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(starts)]
    assert len(kept) < len(lines)
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("starts", "parts"),
    [
        (("norway_5l,PD4,",), ("PD 2, 3, 5;", "needs the levels 2, 3, 4, 5", "Add PD4.")),
        (  # a set of the 3-level version
            [f"norway_5l,{d}{n}," for d in ("MO", "SC", "UA", "PD", "AD") for n in "45"],
            ("MO 2, 3; SC 2, 3; UA 2, 3; PD 2, 3; AD 2, 3;", "Add MO4, MO5, SC4"),
        ),
        (("norway_5l,AD",), ("AD none;", "Add AD2, AD3, AD4, AD5.")),
        (("norway_5l,StartValue",), ("has no StartValue", "1 in most sets")),
    ],
)
def test_incomplete_sets_say_what_they_have_and_need(
    starts: tuple[str, ...], parts: tuple[str, ...], model: Path
) -> None:
    without(model / CSV, *starts)
    problems = Faults()
    assert "norway_5l" not in read_value_sets(model, "inputs/model", problems)
    assert len(problems) == 1 and problems[0].startswith("inputs/model/value_sets.csv:2: ")
    assert all(part in problems[0] for part in parts), problems


def test_sets_without_terms_or_description(model: Path) -> None:
    without(model / CSV, "india_5l")
    spoil(model / YAML, "\nchina_5l:", "\nchina:")
    problems = Faults()
    sets = read_value_sets(model, "inputs/model", problems)
    assert len(sets) == 21
    assert sum("has no terms in inputs/model/value_sets.csv" in p for p in problems) == 2
    assert sum("unknown value set 'china_5l'" in p for p in problems) == 1


@pytest.mark.parametrize(
    ("old", "new", "state", "value"),
    [
        ("norway_5l,StartValue,1.0", "norway_5l,StartValue,1.1", "11111", "1.1"),
        ("norway_5l,AD5,-0.472", "norway_5l,AD5,-4.72", "55555", "-4.701"),
    ],
)
def test_ends_that_are_no_utilities(
    old: str, new: str, state: str, value: str, model: Path
) -> None:
    spoil(model / CSV, old, new)
    problems = Faults()
    read_value_sets(model, "inputs/model", problems)
    assert len(problems) == 1
    assert f"state {state} is worth {value}" in problems[0] and "between -2 and 1" in problems[0]


def test_a_published_set_may_rise_where_it_is_said(model: Path) -> None:
    """Rising levels are mistyped more often than published; the author must say which."""
    spoil(model / CSV, "norway_5l,SC3,-0.065302", "norway_5l,SC3,-0.0065302")
    spoil(model / YAML, "  pmid: 39565555\n", "  pmid: 39565555\n  monotone: false\n")
    problems = Faults()
    sets = read_value_sets(model, "inputs/model", problems)
    assert not problems
    better, worse = utilities(sets["norway_5l"], states_of(["12111", "13111"]))
    assert worse > better


def test_missing_files_and_broken_yaml(model: Path) -> None:
    problems = Faults()
    (model / CSV).unlink()
    assert read_value_sets(model, "inputs/model", problems) == {}
    (model / YAML).write_text("norway_5l: [", encoding="utf-8")
    assert read_value_sets(model, "inputs/model", problems) == {}
    (model / YAML).write_text("norway_5l: 1\n", encoding="utf-8")
    shutil.copy(Path(__file__).parents[2] / "inputs" / "model" / CSV, model / CSV)
    assert read_value_sets(model, "inputs/model", problems) == {}
    text = "\n".join(problems)
    assert "value_sets.csv: not found" in text and "not valid YAML" in text
    assert "value_sets.yaml:1: value set 'norway_5l' is no mapping" in text


@pytest.mark.parametrize(
    "states", [[[1, 1, 1, 1]], [1, 1, 1, 1, 1], [[1, 1, 1, 1, 6]], [[0, 1, 1, 1, 1]], [[1.5] * 5]]
)
def test_impossible_states_are_refused(states: list, norway: ValueSet) -> None:
    with pytest.raises(ValueError, match="required|none of"):
        utilities(norway, np.array(states))


@pytest.mark.parametrize("label", ["1111", "111111", "11161", "1111x", "", "١١١١١"])
def test_impossible_labels_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="five digits"):
        states_of([label])


# --- Answers


@pytest.fixture(scope="module")
def norway(inputs: Path) -> ValueSet:
    return read_value_sets(inputs / "model", "inputs/model", Faults())["norway_5l"]


def answers_of(tmp_path: Path, text: str, missing: tuple[str, ...] = (), name: str = "a.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    problems = Faults()
    return read_answers(path, name, problems, missing), problems


@pytest.mark.parametrize(
    "header",
    [
        "mobility,self_care,usual_activities,pain_discomfort,anxiety_depression",
        "MO,SC,UA,PD,AD",
        "mo,sc,ua,pd,ad",
        "Mobility,Self-care,Usual activities,Pain/Discomfort,Anxiety / depression",
        "EQ5D_MO,EQ5D_SC,EQ5D_UA,EQ5D_PD,EQ5D_AD",
        "eq5d5l_mobility,eq5d5l_self_care,eq5d5l_activities,eq5d5l_pain,eq5d5l_anxiety",
        "EQ-5D-5L MO,EQ-5D-5L SC,EQ-5D-5L UA,EQ-5D-5L PD,EQ-5D-5L AD",
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_by_their_names(header: str, separator: str, tmp_path: Path) -> None:
    text = f"{header},id\n2,1,3,4,5,a\n".replace(",", separator)
    found, problems = answers_of(tmp_path, text)
    assert not problems and found.states.tolist() == [[2, 1, 3, 4, 5]]
    assert found.column("id") == ["a"]


def test_columns_in_any_order_and_a_state_of_the_union(tmp_path: Path) -> None:
    """The order of the columns does not matter; with all five, `state` is a column like others."""
    found, problems = answers_of(tmp_path, "AD,state,PD,UA,SC,MO\n5,Ohio,4,3,1,2\n")
    assert not problems and found.states.tolist() == [[2, 1, 3, 4, 5]]
    assert found.column("state") == ["Ohio"]


@pytest.mark.parametrize("name", ["state", "State", "profile", "EQ-5D-5L profile"])
def test_one_column_of_digits(name: str, tmp_path: Path) -> None:
    found, problems = answers_of(tmp_path, f"{name}\n21345\n\n11111.0\nNA\n55555\n")
    assert not problems
    assert found.states.tolist() == [[2, 1, 3, 4, 5], [0] * 5, [1] * 5, [0] * 5, [5] * 5]
    assert found.complete.tolist() == [True, False, True, False, True]


def test_missing_answers_are_kept_as_rows(tmp_path: Path) -> None:
    """Empty, NA or a code that was named; empty rows between others, not those at the end."""
    text = "MO,SC,UA,PD,AD\n1,,1,1,1\nNA,n/a,.,nan,NULL\n,,,,\n1.0,2.0,3.,4,9\n9.0,1,1,1,1\n,,,,\n"
    found, problems = answers_of(tmp_path, text, missing=("9",))
    assert not problems
    expected = [[1, 0, 1, 1, 1], [0] * 5, [0] * 5, [1, 2, 3, 4, 0], [0, 1, 1, 1, 1]]
    assert found.states.tolist() == expected
    found, problems = answers_of(tmp_path, "state\n21945\n", missing=("9",))
    assert not problems and found.states.tolist() == [[2, 1, 0, 4, 5]]


@pytest.mark.parametrize(
    ("text", "where", "parts"),
    [
        ("MO,SC,UA,PD,AD\n1,1,1,1,1\n1,6,1,1,1\n", 3, ("self_care is '6'", "1, 2, 3, 4 or 5")),
        ("MO,SC,UA,PD,AD\n1,1,9,1,1\n", 2, ("usual_activities is '9'", "--missing 9")),
        ("MO,SC,UA,PD,AD\n1,1,1,0,1\n", 2, ("pain_discomfort is '0'",)),
        ("MO,SC,UA,PD,AD\n0,0,1,4,2\n0,3,0,0,0\n", 2, ("coded 0 to 4", "add 1 to each")),
        ("id,state\n1,00142\n2,03000\n", 2, ("coded 0 to 4", "add 1 to each")),
        ("id,id,MO,SC,UA,PD,AD\n1,2,1,1,1,1,1\n", 1, ("2 columns are named 'id'; one may",)),
        ("MO,SC,UA,PD,AD\n1,1,1,1,2.5\n", 2, ("anxiety_depression is '2.5'",)),
        ("MO,SC,UA,PD,AD\n1,1,1,1,-1\n", 2, ("anxiety_depression is '-1'",)),
        ("MO,SC,UA,PD,AD\nslight,1,1,1,1\n", 2, ("mobility is 'slight'",)),
        ("MO,SC,UA,PD,AD\n1,1,1,1\n", 2, ("4 cells; the header has 5",)),
        ("MO,SC,UA,PD,AD\n1,1,1,1,1,1\n", 2, ("6 cells; the header has 5",)),
        ("MO,SC,UA,PD\n1,1,1,1\n", 1, ("anxiety_depression (AD) missing", "found: MO, SC, UA, PD")),
        ("id,score\n1,1\n", 1, ("mobility (MO), self_care (SC)", "'state'")),
        ("mobilty,SC,UA,PD,AD\n1,1,1,1,1\n", 1, ("mobility (MO)", "Did you mean 'mobilty'?")),
        ("MO,mobility,SC,UA,PD,AD\n1,1,1,1,1,1\n", 1, ("'MO', 'mobility' are all mobility",)),
        ("state,profile\n11111,11112\n", 1, ("state, profile are all states",)),
        ("state,MO\n11111,1\n", 1, ("self_care (SC)",)),
        ("state\n1111\n", 2, ("state is '1111'", "five digits")),
        ("id,state\n1,11161\n", 2, ("state '11161': pain_discomfort is '6'",)),
        ("MO,SC,UA,PD,AD\n", None, ("no rows below the header",)),
        (",,\n,,\n", None, ("no content",)),
        ("", None, ("empty file",)),
    ],
)
def test_faulty_answers_are_named_by_file_and_line(
    text: str, where: int | None, parts: tuple[str, ...], tmp_path: Path
) -> None:
    _, problems = answers_of(tmp_path, text)
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"a.csv:{where}: " if where else "a.csv: ")
    assert all(part in problems[0] for part in parts), problems


def test_many_faults_are_counted(tmp_path: Path) -> None:
    _, problems = answers_of(tmp_path, "MO,SC,UA,PD,AD\n" + "7,1,1,1,8\n" * 30)
    assert len(problems) == 21 and problems[-1] == "a.csv: 40 more faults like these."
    _, problems = answers_of(tmp_path, "id\n" + "7,1\n" * 30)
    assert len(problems) == 22 and problems[-1] == "a.csv: 10 more faults like these."


@pytest.mark.parametrize(("rows", "three"), [(["33333", "11111"], True), (["11141"], False)])
def test_three_levels_are_seen(rows: list[str], three: bool, tmp_path: Path) -> None:
    found, _ = answers_of(tmp_path, "\n".join(["id,state", *(f"1,{r}" for r in rows), "1,"]))
    assert looks_like_three_levels(found) is three


# --- The command


@pytest.fixture
def score(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Score:
    """Run `heor utilities answers.csv` on a text, in a folder with the value sets only."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inputs" / "model").mkdir(parents=True)
    for name in (CSV, YAML):
        shutil.copy(inputs / "model" / name, tmp_path / "inputs" / "model")

    def run(text: str, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "answers.csv").write_text(text, encoding="utf-8")
        code = cli.main(["utilities", "answers.csv", *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


ROWS = 'id,arm,MO,SC,UA,PD,AD,said\n1,a,1,1,1,1,1,"fine, thanks"\n2,a,5,5,5,5,5,é\n3,b,2,2,2,2,2,\n'
ROWS += "4,b,4,,1,1,1,\n5,b,4,4,4,4,4,\n"


def cells(line: str) -> list[str]:
    return [c.strip() for c in line.strip().strip("|").split("|")]


def row_of(printed: str, *starts: str) -> dict[str, str]:
    lines = [cells(line) for line in printed.splitlines() if line.startswith("|")]
    (found,) = [line for line in lines if line[: len(starts)] == list(starts)]
    return dict(zip(lines[0], found, strict=True))


def test_utilities_scores_every_row_and_keeps_the_rest(score: Score, tmp_path: Path) -> None:
    code, printed, warned = score(ROWS, "--value-set", "norway_5l", "--value-set", "germany_5l")
    assert code == 0 and not warned
    path = tmp_path / "outputs" / "utilities-answers.csv"
    raw = path.read_bytes()
    assert b"\r" not in raw
    written = list(csv.reader(io.StringIO(raw.decode("utf-8"))))
    assert written[0] == [
        *ROWS.splitlines()[0].split(","),
        "utility_norway_5l",
        "utility_germany_5l",
    ]
    assert [row[:8] for row in written] == list(csv.reader(io.StringIO(ROWS)))
    assert [row[8] for row in written[1:]] == ["1", "-0.453", "0.779144", "", "-0.126075"]
    assert [row[9] for row in written[1:]] == ["1", "-0.661", "0.801", "", "-0.085"]
    assert "Rows: 5. With a utility: 4. Without, as a dimension is missing: 1." in printed
    for part in ("Garratt AM", "10.1007/s11136-024-03837-3", "Ludwig K", "must not be mixed"):
        assert part in printed
    assert printed.splitlines()[-1] == "Scored answers: outputs/utilities-answers.csv"


def test_utilities_summary_is_right(score: Score) -> None:
    """Mean, SD and interval against scipy; shares over the rows that have a utility."""
    _, printed, _ = score(ROWS, "--value-set", "norway_5l", "--by", "arm")
    values = np.array([1, -0.453, 0.779144, -0.126075])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    found = row_of(printed, "norway_5l", "(all)")
    assert found["n"] == "4" and found["no utility"] == "1"
    assert found["mean"] == f"{values.mean():.3f}" and found["SD"] == f"{values.std(ddof=1):.3f}"
    assert found["95 % interval of mean"] == f"{low:.3f} to {high:.3f}"
    assert found["at 11111"] == "25.0%" and found["below 0"] == "50.0%"
    first, second = row_of(printed, "norway_5l", "a"), row_of(printed, "norway_5l", "b")
    assert (first["n"], first["no utility"], first["at 11111"]) == ("2", "0", "50.0%")
    assert (second["n"], second["no utility"], second["mean"]) == ("2", "1", "0.327")


def test_utilities_of_one_row_or_none(score: Score) -> None:
    """No spread of a single row, no mean of none; neither stops the others."""
    rows = "arm,state\na,11114\nb,\n,55555\n"
    code, printed, _ = score(rows, "--value-set", "norway_5l", "--by", "arm")
    assert code == 0
    one, none = row_of(printed, "norway_5l", "a"), row_of(printed, "norway_5l", "b")
    assert one["mean"] == "0.634" and one["SD"] == one["95 % interval of mean"] == "-"
    assert none["n"] == "0" and none["mean"] == none["at 11111"] == none["below 0"] == "-"
    assert row_of(printed, "norway_5l", "(empty)")["mean"] == "-0.453"


def test_utilities_warns(score: Score) -> None:
    code, printed, warned = score("state\n33333\n12111\n", "--value-set", "new_zealand_5l")
    assert code == 0 and "EQ-5D-3L" in warned and "(2 complete rows)" in warned
    assert "new_zealand_5l is not verified" in warned and "-1.012" in printed
    _, printed, _ = score("state\n44444\n", "--value-set", "england_5l_2018")
    assert "not for use in submissions to NICE" in printed


def test_utilities_of_a_spreadsheet(score: Score, tmp_path: Path) -> None:
    """Numbers in cells, an empty row between and a short one; the same as of a CSV."""
    book = openpyxl.Workbook()
    for row in (["MO", "SC", "UA", "PD", "AD", "id"], [2, 1, 3, 4, 5, "x"], [], [1, 1, 1, 1]):
        book.active.append(row)
    book.save(tmp_path / "book.xlsx")
    assert (
        cli.main(["utilities", "book.xlsx", "--value-set", "norway_5l", "--output", "o.csv"]) == 0
    )
    written = (tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()
    assert written[1:] == ["2,1,3,4,5,x,0.137072", ",,,,,,", "1,1,1,1,,,"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--value-set", "norway"], ("unknown value set 'norway'", "Did you mean 'norway_5l'?")),
        ([], ("--value-set: none given", "norway_5l, uk_5l_2026")),
        (["--value-set", "norway_5l", "--by", "arms"], ("--by arms", "Did you mean 'arm'?")),
        (["--value-set", "norway_5l", "--output", "answers.csv"], ("is FILE itself",)),
        (["--value-set", "norway_5l", "--inputs", "nowhere"], ("--inputs nowhere", "model/")),
        (["--value-set", "norway_5l", "--output", "inputs/model"], ("inputs/model",)),
    ],
)
def test_user_mistakes_exit_2_and_write_nothing(
    arguments: list[str], parts: tuple[str, ...], score: Score, tmp_path: Path
) -> None:
    code, _, said = score(ROWS, *arguments)
    assert code == 2 and all(part in said for part in parts), said
    assert not (tmp_path / "outputs").exists()
    assert (tmp_path / "answers.csv").read_text(encoding="utf-8") == ROWS


def test_all_mistakes_at_once(score: Score, tmp_path: Path) -> None:
    spoil(tmp_path / "inputs" / "model" / CSV, "norway_5l,MO2,", "norway_5l,MO7,")
    rows = "arm,state,utility_norway_5l\na,11116,0.5\n"
    code, _, said = score(rows, "--value-set", "norway_5l", "--by", "group")
    assert code == 2
    for part in ("unknown term 'MO7'", "answers.csv:2: state '11116'", "--by group", "stands in"):
        assert part in said
    assert "nothing was run" in said


def test_a_failed_write_keeps_the_earlier_file(
    score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    assert score(ROWS, "--value-set", "norway_5l", "--output", "out.csv")[0] == 0
    earlier = (tmp_path / "out.csv").read_bytes()
    monkeypatch.setattr("os.replace", fail)
    code, _, said = score(ROWS, "--value-set", "uk_5l_2026", "--output", "out.csv")
    assert code == 2 and "cannot be written (No space left on device)" in said
    assert (tmp_path / "out.csv").read_bytes() == earlier
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("there", ["file", "folder", "link", "hard link", "pipe"])
def test_what_is_there_already_is_not_written_over(
    there: str, score: Score, tmp_path: Path
) -> None:
    """A file heor did not write, and what is no plain file, whatever it leads to."""
    path, mine = tmp_path / "out.csv", tmp_path / "mine.csv"
    mine.write_text("mine", encoding="utf-8")
    make = {
        "file": lambda: path.write_text("mine", encoding="utf-8"),
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(mine),
        "hard link": lambda: path.hardlink_to(mine),
        "pipe": lambda: os.mkfifo(path),
    }
    make[there]()
    code, _, said = score(ROWS, "--value-set", "norway_5l", "--output", "out.csv")
    words = "is a directory" if there == "folder" else "there already"  # click's, or ours
    assert code == 2 and "out.csv" in said and words in said
    assert "--output" in said and mine.read_text(encoding="utf-8") == "mine"
    assert path.lstat().st_mode and not list(tmp_path.glob("*.run.json"))
