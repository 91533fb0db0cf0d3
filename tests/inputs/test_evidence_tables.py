"""Tables of survival evidence: nobody leaves them without a word, and each fault is said once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.load import load
from heor.inputs.read import evidence_tables, landmarks
from tests.declared_models import declared

Read = Callable[..., tuple[dict[str, np.ndarray] | None, list[str]]]

GROUPED = "time_start,time_end,n_at_risk,n_events,n_censored\n"
#: 160 patients, of whom 90 are left after the last row.
SHORT = f"{GROUPED}0,12,160,40,4\n12,24,116,18,0\n24,36,98,8,0\n"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a table in months with one of the readers: the table, and its faults."""

    def by(reader: Callable, text: str, *arguments: object):
        path, problems = tmp_path / "t.csv", Faults()
        path.write_text(text, "utf-8")
        return reader(path, "t.csv", 1 / 12, problems, *arguments), problems

    return by


# ------------------------------------------------------------------------------ grouped counts
def test_patients_left_at_the_end_of_a_grouped_table_are_asked_for(read: Read) -> None:
    table, problems = read(evidence_tables.read_grouped, SHORT)
    assert table is None and len(problems) == 1
    assert problems[0].startswith("t.csv:4: of 98 at risk, 8 have the event and 0 are censored;")
    for part in (
        "90 of whom it says nothing",
        "add the row 36,36.12,90,0,90",
        "write 90 in n_cens",
    ):
        assert part in problems[0]


@pytest.mark.parametrize(
    "end", ["24,36,98,8,0\n36,36.12,90,0,90\n", "24,36,98,8,90\n"], ids=["alive", "left"]
)
def test_both_ways_to_say_where_they_went_are_read(read: Read, end: str) -> None:
    text = SHORT.replace("24,36,98,8,0\n", end)
    table, problems = read(evidence_tables.read_grouped, text)
    assert problems == []
    assert table["n_events"].sum() + table["n_censored"].sum() == 160


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("12,24,110,18,0", ("n_at_risk is 110", "116 remain", "6 more were censored", "line 2")),
        ("12,24,120,18,0", ("n_at_risk is 120", "116 remain", "column 'entry'")),
    ],
    ids=["fewer", "more"],
)
def test_nobody_leaves_or_joins_between_the_rows(read: Read, row: str, parts: tuple) -> None:
    _, problems = read(evidence_tables.read_grouped, SHORT.replace("12,24,116,18,0", row))
    own = [p for p in problems if p.startswith("t.csv:3:")]
    assert len(own) == 1 and all(part in own[0] for part in parts), problems


def test_counts_that_are_not_whole_add_up_within_rounding(read: Read) -> None:
    text = f"{GROUPED}0,12,10.1,3.3,0\n12,24,6.8,2.1,4.7\n"  # 10.1 - 3.3 = 6.799999999999999
    assert read(evidence_tables.read_grouped, text)[1] == []


# ----------------------------------------------------------------------------------- patients
INDIVIDUAL = {
    "an event at time 0": ("time,event\n0,1\n5,1\n0,1\n", 2, "an event at time 0", "So 1 more"),
    "censored at time 0": ("time,event\n5,1\n0,0\n", 3, "censored at time 0", "Remove the row"),
    "before time 0": ("time,event\n5,1\n-1,1\n", 3, "time -1 is before time 0", "origin"),
    "entry after the end": (
        "time,event,entry\n5,1,0\n2.5,1,3\n4,0,1\n2,0,2\n",
        3,
        "it is 3 and time 2.5",
        "where 'time' counts from entry, write their sum",
    ),
    "entry before time 0": ("time,event,entry\n5,1,-1\n", 2, "entry -1 is before time 0", ""),
    "codes 1 and 2": (
        "time,event\n5,1\n6,2\n7,2\n",
        3,
        "event is 2; it must be 1 (event) or 0 (censored)",
        "write 1 for 2 and 0 for 1. So 1 more, the last in line 4.",
    ),
    "words": ("time,event\n5,TRUE\n6,FALSE\n", 2, "is TRUE", "Write 1 for TRUE and 0 for FALSE."),
    "other words": ("time,event\n5,1\n6,dead\n", 3, "event is dead", "1 (event) or 0"),
    "an empty event": ("time,event\n5,1\n6,\n", 3, "event is empty", "1 (event) or 0"),
    "an empty entry": ("time,event,entry\n5,1,\n6,0,1\n", 2, "column 'entry': empty", ""),
    "a negative weight": ("time,event,weight\n5,1,-2\n", 2, "weight -2 is negative", ""),
}


@pytest.mark.parametrize("case", INDIVIDUAL)
def test_faults_of_patient_data_are_named_once(read: Read, case: str) -> None:
    text, line, *parts = INDIVIDUAL[case]
    table, problems = read(evidence_tables.read_individual, text)
    assert table is None and len(problems) == 1, problems
    assert problems[0].startswith(f"t.csv:{line}: ") and all(p in problems[0] for p in parts)


# ------------------------------------------------------------------------- landmarks, registry
def test_landmarks_before_the_first_event_keep_their_patients(read: Read) -> None:
    """Known numbers at risk, turned into intervals on the scale of log S, come back."""
    n, p = np.array([90.0, 90.0, 60.0]), np.array([1.0, 0.8, 0.7])
    s, se = np.cumprod(p), np.sqrt(np.cumsum((1 - p) / (p * n)))
    half = 1.959963984540054 * np.maximum(
        se, [0.01, 0, 0]
    )  # an interval of survival 1 has some width
    rows = zip([6, 12, 24], s, s * np.exp(-half), s * np.exp(half), strict=True)
    lines = "".join(",".join(f"{v:.15g}" for v in row) + "\n" for row in rows)
    # what the first landmark's width adds to the variance is not the second interval's
    found, problems = read(landmarks.read_landmark, f"time,survival,low,high\n{lines}", None, "log")
    assert problems == []
    assert found["n"][0] == found["n"][1] and found["n"][0] == pytest.approx(90, rel=0.1)
    assert found["n"][2] == pytest.approx(60, rel=1e-9)
    assert found["survivors"][0] == found["n"][0]


def test_landmarks_without_events_must_say_how_many_patients(read: Read) -> None:
    text = "time,survival,low,high\n6,1,0.95,1\n12,1,0.9,1\n"
    _, problems = read(landmarks.read_landmark, text, None, "log")
    assert len(problems) == 1 and "how many patients" in problems[0]
    found, problems = read(landmarks.read_landmark, text, 40, "log")
    assert problems == [] and found["n"].tolist() == found["survivors"].tolist() == [40, 40]


def test_registry_rows_that_overlap_would_count_patients_twice(read: Read) -> None:
    text = "start,stop,n,survivors\n0,12,100,80\n0,24,100,60\n"
    _, problems = read(evidence_tables.read_counts, text)
    assert len(problems) == 1
    assert problems[0].startswith("t.csv:3: 0 to 24 begins before the row above ends, at 12")


# --------------------------------------------------------------------------- the whole inputs
def spoilt(inputs: Path, table: str, form: str = "individual") -> list[str]:
    """Faults when the comparator's OS is this table, in months."""
    folder = inputs / "model" / "survival"
    index = (folder / "index.yaml").read_text("utf-8")
    (folder / "index.yaml").write_text(index.replace("form: grouped", f"form: {form}", 1), "utf-8")
    (folder / "second_line_folfiri_os.csv").write_text(table, "utf-8")
    with pytest.raises(InputError) as error:
        load(inputs)
    return error.value.problems


@pytest.mark.parametrize(
    ("form", "table", "n"),
    [
        ("individual", "time,event\n12,0\n24,0\n", 2),
        ("individual", "time,event,weight\n12,1,0\n24,0,1\n", 2),
        ("grouped", f"{GROUPED}0,12,100,0,10\n12,24,90,0,90\n", 100),
    ],
    ids=["patients", "weights of 0", "counts"],
)
def test_a_curve_without_an_event_is_refused(
    copied_inputs: Path, form: str, table: str, n: int
) -> None:
    problems = spoilt(copied_inputs, table, form)
    assert len(problems) == 1, problems
    assert problems[0].startswith("inputs/model/survival/index.yaml:")
    for part in (f"no event among its {n} patients", "the prior alone", "strategies.yaml:"):
        assert part in problems[0]


def test_evidence_that_cannot_be_read_is_not_also_unknown(copied_inputs: Path) -> None:
    problems = spoilt(copied_inputs, "time,event\n12,2\n24,2\n")
    assert len(problems) == 1 and "event is 2" in problems[0], problems


def test_patients_do_not_grow_older_than_people_do(copied_inputs: Path) -> None:
    problems = spoilt(copied_inputs, "time,event\n12,1\n620,1\n")  # 61 years and 51.7
    assert len(problems) == 1
    assert "patients of age 61 in second_line_folfiri_os would be 113" in problems[0]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            "survival/index.yaml",
            "unknown survival evidence 'second_line_folfiri_os'; available: none.",
        ),
        ("sources.yaml", "sources.yaml:1: holds nothing; sources must be stated."),
        ("strategies.yaml", "strategies.yaml:1: holds nothing; strategies must be stated."),
    ],
)
def test_an_empty_mapping_is_a_fault_with_a_name(copied_inputs: Path, file: str, said: str) -> None:
    (copied_inputs / "model" / file).write_text("{}\n", "utf-8")
    with pytest.raises(InputError) as error:
        load(copied_inputs)
    assert any(said in problem for problem in error.value.problems), error.value.problems


def test_a_model_without_curves_needs_no_evidence(inputs: Path, tmp_path: Path) -> None:
    folder = declared(inputs, tmp_path / "inputs")
    (folder / "model" / "survival" / "index.yaml").write_text("{}\n", "utf-8")
    assert load(folder).evidence == {}
