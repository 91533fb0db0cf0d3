"""Evidence in five forms: right numbers, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heor.inputs.load import load
from tests.spoiled import FaultsOf, Spoil, expect, write_scenario

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.


OTHER = "model/survival/other.csv"


@pytest.fixture
def evidence(copied_inputs: Path) -> Callable[..., None]:
    """Add evidence `other` to the index, with its table (and a risk table)."""

    def add(form: str, table: str, risk: str | None = None, **settings: object) -> None:
        lines = {
            "file": "other.csv",
            "label": "Other",
            "endpoint": "os",
            "form": form,
            "time_unit": "months",
            "age": 60,
            "share_male": 0.5,
            "source": "[model_judgement]",
            "status": "assumption",
            **settings,
        }
        index = copied_inputs / INDEX
        text = "".join(f"  {k}: {v}\n" for k, v in lines.items() if v is not None)
        index.write_text(index.read_text("utf-8") + f"\nother:\n{text}", "utf-8")
        (copied_inputs / OTHER).write_text(table, "utf-8")
        if risk is not None:
            (copied_inputs / "model/survival/risk.csv").write_text(risk, "utf-8")

    return add


def test_landmarks_with_patients_alone(evidence: Callable, copied_inputs: Path) -> None:
    evidence("landmark", "time,survival\n12,0.83\n36,0.41\n60,0.22\n", patients=60)
    found = load(copied_inputs).evidence["other"]
    np.testing.assert_allclose(found.table["start"], [0, 1, 3])
    np.testing.assert_allclose(found.table["end"], [1, 3, 5])
    np.testing.assert_allclose(found.table["n"], [60, 49.8, 24.6])
    np.testing.assert_allclose(found.table["survivors"], [49.8, 24.6, 13.2])
    np.testing.assert_allclose(found.table["survival"], [0.83, 0.41, 0.22])
    assert (found.n, found.events, found.patients) == (60, 47, 60)


@pytest.mark.parametrize("first", ["", "0,1,60\n"])
def test_landmarks_with_numbers_at_risk(
    first: str, evidence: Callable, copied_inputs: Path
) -> None:
    """n of an interval is the number at risk where it starts; a row at time 0 may say who starts."""
    table = f"time,survival,n_at_risk\n{first}12,0.8,40\n24,0.4,12\n"
    evidence("landmark", table, patients=None if first else 60)
    found = load(copied_inputs).evidence["other"]
    np.testing.assert_allclose(found.table["n"], [60, 40])
    np.testing.assert_allclose(found.table["survivors"], [48, 20])


@pytest.mark.parametrize("interval", ["log_log", "log"])
def test_landmarks_with_intervals_recover_the_numbers_at_risk(
    interval: str, evidence: Callable, copied_inputs: Path
) -> None:
    """Greenwood's variance of known numbers at risk (with censoring), turned into intervals."""
    n, p = np.array([100.0, 60.0, 20.0]), np.array([0.8, 0.7, 0.5])
    survival = np.cumprod(p)
    se = np.sqrt(np.cumsum((1 - p) / (p * n)))
    if interval == "log":
        low, high = (survival * np.exp(z * 1.959963984540054 * se) for z in (-1, 1))
    else:
        scale = 1.959963984540054 * se / np.log(survival)
        low, high = (survival ** np.exp(z * scale) for z in (-1, 1))
    rows = zip([12, 24, 36], survival, low, high, strict=True)
    table = "time,survival,low,high\n" + "".join(
        f"{','.join(map(repr, map(float, r)))}\n" for r in rows
    )
    evidence("landmark", table, interval=interval)
    found = load(copied_inputs).evidence["other"]
    np.testing.assert_allclose(found.table["n"], n, rtol=1e-9)
    np.testing.assert_allclose(found.table["survivors"], n * p, rtol=1e-9)


def test_published_intervals_give_plausible_numbers(
    evidence: Callable, copied_inputs: Path
) -> None:
    """CLOCC's systemic arm: 59 patients, rounded intervals; never more than are left."""
    rows = "36,0.552,0.416,0.669\n60,0.303,0.190,0.424\n96,0.089,0.033,0.181\n"
    evidence("landmark", "time,survival,low,high\n" + rows, patients=59)
    table = load(copied_inputs).evidence["other"].table
    assert 50 < table["n"][0] <= 59
    assert (table["n"][1:] <= table["survivors"][:-1]).all() and (table["n"] > 5).all()


LANDMARKS = {
    "rises": ("time,survival\n12,0.4\n24,0.5\n", {"patients": 9}, 3, "rises from 0.4 to 0.5"),
    "per cent": ("time,survival\n12,83\n", {"patients": 9}, 2, "Is it in per cent?"),
    "times fall": ("time,survival\n12,0.9\n6,0.8\n", {"patients": 9}, 3, "6 is not after 12"),
    "time zero": ("time,survival\n0,0.9\n6,0.8\n", {"patients": 9}, 2, "it must be 1"),
    "nobody left": ("time,survival\n6,0\n12,0\n", {"patients": 9}, 3, "nobody was alive at 6"),
    "outside": (
        "time,survival,low,high\n12,0.5,0.6,0.7\n",
        {},
        2,
        "outside its interval 0.6 to 0.7",
    ),
    "one end": ("time,survival,low\n12,0.5,0.4\n", {}, 1, "'low' and 'high' belong together"),
    "no width": ("time,survival,low,high\n12,0.5,0,0.7\n", {}, 2, "low must be above 0"),
    "narrower": ("time,survival,low,high\n12,0.8,0.6,0.9\n24,0.7,0.69,0.71\n", {}, 3, "too narrow"),
    "more than there are": (
        "time,survival,low,high\n12,0.5,0.45,0.55\n",
        {"patients": 60},
        2,
        "more than the 60",
    ),
    "both": ("time,survival,low,high,n_at_risk\n12,0.5,0.4,0.6,9\n", {}, 1, "Remove the other"),
    "at risk rises": (
        "time,survival,n_at_risk\n12,0.9,8\n24,0.8,9\n",
        {"patients": 10},
        3,
        "cannot rise",
    ),
    "at risk above patients": (
        "time,survival,n_at_risk\n12,0.9,11\n",
        {"patients": 10},
        2,
        "11 after 10",
    ),
    "at risk above survivors": (
        "time,survival,n_at_risk\n12,0.5,48\n",
        {"patients": 60},
        2,
        "more than the survivors",
    ),
    "nobody at risk": (
        "time,survival,n_at_risk\n12,0.9,0\n24,0.8,0\n",
        {"patients": 10},
        None,
        "nobody is at risk",
    ),
    "who started": ("time,survival,n_at_risk\n12,0.9,8\n", {}, None, "not who started"),
    "start twice": (
        "time,survival,n_at_risk\n0,1,9\n12,0.9,8\n",
        {"patients": 10},
        2,
        "Make them agree",
    ),
    "how many": ("time,survival\n12,0.9\n", {}, None, "how many patients there are"),
    "only time zero": ("time,survival\n0,1\n", {"patients": 9}, None, "no landmark after time 0"),
    "days as years": (
        "time,survival\n365,0.9\n",
        {"patients": 9, "time_unit": "years"},
        None,
        "'time_unit' right?",
    ),
    "years as days": (
        "time,survival\n5,0.9\n",
        {"patients": 9, "time_unit": "days"},
        None,
        "'time_unit' right?",
    ),
}


@pytest.mark.parametrize("case", LANDMARKS)
def test_faulty_landmarks(case: str, evidence: Callable, faults: FaultsOf) -> None:
    table, settings, line, part = LANDMARKS[case]
    evidence("landmark", table, **settings)
    problems = faults()
    expect(problems, f"inputs/{OTHER}:{line}:" if line else f"inputs/{OTHER}:", part)
    assert len(problems) == 1, problems


def test_registry_counts(evidence: Callable, copied_inputs: Path, faults: FaultsOf) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n36,60,90,60.5\n")
    found = load(copied_inputs).evidence["other"]
    assert {k: v.tolist() for k, v in found.table.items()} == {
        "start": [2, 3],
        "end": [3, 5],
        "n": [200, 90],
        "survivors": [150, 60.5],
    }
    assert (found.n, found.events) == (200, 80)
    bad = "start,stop,n,survivors\n24,12,200,150\n36,60,90,91\n36,60,0,0\n"
    (copied_inputs / OTHER).write_text(bad, "utf-8")
    problems = faults()
    expect(problems, f"inputs/{OTHER}:2:", "stop 12 is not after start 24")
    expect(problems, f"inputs/{OTHER}:3:", "91 survivors of 90")
    expect(problems, f"inputs/{OTHER}:4:", "n is 0; it must be above 0")


def test_published_curve(evidence: Callable, copied_inputs: Path) -> None:
    """Clicks stay as they are; a risk table that starts at 0 says how many patients there are."""
    risk = "time,n_at_risk\n0,100\n12,60\n"
    evidence(
        "published_curve",
        "time,survival\n1,0.99\n20,0.4\n",
        risk,
        risk_table="risk.csv",
        total_events=55,
    )
    found = load(copied_inputs).evidence["other"]
    assert {k: pytest.approx(v.tolist()) for k, v in found.table.items()} == {
        "click_time": [1 / 12, 20 / 12],
        "click_survival": [0.99, 0.4],
        "risk_time": [0, 1],
        "risk_n": [100, 60],
    }
    assert (found.n, found.patients, found.events, found.total_events) == (100, 100, 55, 55)


def test_published_curve_without_a_risk_table(evidence: Callable, copied_inputs: Path) -> None:
    evidence("published_curve", "time,survival\n1,99\n20,40\n", patients=50)
    found = load(copied_inputs).evidence["other"]
    assert "risk_time" not in found.table
    assert (found.n, found.events) == (50, 30)  # 60 per cent of 50


@pytest.mark.parametrize(
    ("table", "risk", "settings", "where", "part"),
    [
        ("1,0.9\n-1,0.8\n", None, {"patients": 9}, f"{OTHER}:3:", "0 or later"),
        ("1,130\n", None, {"patients": 9}, f"{OTHER}:2:", "in per cent"),
        ("1,0.9\n", None, {}, f"{OTHER}:", "how many patients"),
        ("1,0.9\n", None, {"patients": 9, "total_events": 10}, f"{OTHER}:", "10 events in 9"),
        ("1,0.9\n", "0,9\n5,10\n", {}, "model/survival/risk.csv:3:", "rises from 9 to 10"),
        ("1,0.9\n", "0,9\n0,8\n", {}, "model/survival/risk.csv:3:", "not after"),
        ("1,0.9\n", "0,9\n5,-1\n", {}, "model/survival/risk.csv:", "negative"),
        ("1,0.9\n", "0,9\n", {"patients": 8}, "model/survival/risk.csv:", "Make them agree"),
        ("900,0.9\n", None, {"patients": 9}, f"{OTHER}:", "'time_unit' right?"),
    ],
)
def test_faulty_published_curves(
    table: str, risk: str | None, settings: dict, where: str, part: str, evidence, faults: FaultsOf
) -> None:
    if risk is not None:
        settings = {**settings, "risk_table": "risk.csv"}
        risk = f"time,n_at_risk\n{risk}"
    evidence("published_curve", f"time,survival\n{table}", risk, **settings)
    problems = faults()
    expect(problems, f"inputs/{where}", part)
    assert len(problems) == 1, problems


def test_missing_risk_table(evidence: Callable, faults: FaultsOf) -> None:
    evidence("published_curve", "time,survival\n1,0.9\n", risk_table="risk.csv")
    expect(faults(), "inputs/model/survival/risk.csv:", "not found")


def test_individual_data_with_covariates(
    evidence: Callable, copied_inputs: Path, faults: FaultsOf
) -> None:
    evidence("individual", "time,event,stage\n12,1,2\n24,0,3\n", covariates="[stage]")
    found = load(copied_inputs).evidence["other"]
    assert found.covariates == ("stage",)
    np.testing.assert_array_equal(found.table["x_stage"], [2, 3])
    # A curve fitted to them says for whom it is.
    curve = "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n      os: {evidence: other%s}\n"
    curve += "analysis:\n  survival: {distributions: [weibull, m_spline]}\n"
    write_scenario(copied_inputs, curve % "")
    where = "inputs/scenarios/mine.yaml:6:"
    expect(faults(scenario="mine"), where, "has covariates stage", "at: {stage: ...}")
    write_scenario(copied_inputs, curve % ", at: {stage: share_male * 2, age: 3}")
    expect(faults(scenario="mine"), where, "unknown covariate 'age'", "available: stage")
    write_scenario(copied_inputs, curve % ", at: {stage: share_mal}")
    expect(faults(scenario="mine"), where, "curves.os.at.stage", "'share_mal'")
    write_scenario(copied_inputs, curve % ", at: {stage: share_male * 2}")
    assert load(copied_inputs, scenario="mine").strategies["chemotherapy"].curves["os"].at == {
        "stage": "share_male * 2"
    }
    write_scenario(copied_inputs, (curve % ", at: {stage: 2}").replace("m_spline", "gamma"))
    expect(faults(scenario="mine"), where, "has covariates, which gamma cannot take")
    (copied_inputs / OTHER).write_text("time,event\n12,1\n", "utf-8")
    expect(faults(), f"inputs/{OTHER}:1:", "column 'stage' is missing")


def test_grouped_counts_start_at_zero(evidence: Callable, faults: FaultsOf) -> None:
    evidence("grouped", "time_start,time_end,n_at_risk,n_events,n_censored\n12,24,50,20,30\n")
    expect(faults(), f"inputs/{OTHER}:2:", "must start at 0", "form: counts")


def test_covariates_of_other_evidence(copied_inputs: Path, faults: FaultsOf) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n      os: {at: {stage: 1}}\n",
    )
    expect(faults(scenario="mine"), "inputs/scenarios/mine.yaml:6:", "has no covariates")


def test_fields_of_another_form(evidence: Callable, faults: FaultsOf) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n", patients=3)
    expect(
        faults(), f"inputs/{INDEX}:", "'patients' goes with form landmark or published_curve only"
    )


def test_evidence_without_a_time_unit(evidence: Callable, faults: FaultsOf) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n", time_unit=None)
    expect(faults(), f"inputs/{INDEX}:", "'survival.other.time_unit' is missing", "Add it")


def test_external_evidence(
    evidence: Callable, copied_inputs: Path, spoil: Spoil, faults: FaultsOf
) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n")
    at = "second_line_folfiri_os:\n"
    spoil(INDEX, at, at + "  external: [other]\n")
    assert load(copied_inputs).evidence["second_line_folfiri_os"].external == ("other",)

    def again(old: str, new: str, part: str) -> None:
        spoil(INDEX, f"external: [{old}]", f"external: [{new}]")
        expect(faults(), f"inputs/{INDEX}:", part)

    again("other", "othr", "unknown survival evidence 'othr'")
    again("othr", "second_line_folfiri_os", "external to itself")
    again(
        "second_line_folfiri_os",
        "second_line_bebyp_chemo_os",
        "has form grouped; counts or landmark",
    )
    again("second_line_bebyp_chemo_os", "resected_second_line_dfs", "is about dfs, this about os")


def test_counts_carry_no_curve_of_their_own(
    evidence: Callable, copied_inputs: Path, faults: FaultsOf
) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n")
    text = (
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n      os: {evidence: other}\n"
    )
    write_scenario(copied_inputs, text)
    expect(
        faults(scenario="mine"), "inputs/scenarios/mine.yaml:6:", "registry counts", "'external'"
    )
