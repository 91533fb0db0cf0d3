"""Reconstruction of individual data from published curves: laws, repairs, faults, command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from heor.cli.main import main
from heor.survival.evidence.reconstruct import Reconstruction, reconstruct, step_curve

ROWS = np.arange(0.0, 36.0, 6.0)


def trial(n: int = 120, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Times and events of invented patients: median 12, followed up for 12 to 36 months."""
    rng = np.random.default_rng(seed)
    death, end = 14.7 * rng.weibull(1.2, n), rng.uniform(12, 36, n)
    return np.minimum(death, end), (death <= end).astype(int)


def at_risk(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = ROWS[time.max() > ROWS]
    return rows, (time >= rows[:, None]).sum(axis=1)


def corners(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both corners of every step, and the end of the curve."""
    t, s = step_curve(time, event)
    drop = np.flatnonzero(np.diff(s) < 0) + 1
    both = np.stack([s[drop - 1], s[drop]], axis=1).ravel()
    return np.r_[0, np.repeat(t[drop], 2), t[-1]], np.r_[1, both, s[-1]]


def along(time: np.ndarray, event: np.ndarray, points: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Points along the curve, evenly in time."""
    t, s = step_curve(time, event)
    at = np.linspace(0, t[-1], points)
    return at, s[np.searchsorted(t, at, side="right") - 1]


def said(found: Reconstruction, words: str) -> bool:
    return any(words in line for line in found.repairs)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("digitised", [corners, along])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clean_clicks_give_the_curve_and_the_numbers_at_risk(digitised, seed: int) -> None:
    time, event = trial(seed=seed)
    found = reconstruct(*digitised(time, event), at_risk=at_risk(time))
    assert found.n == len(time)
    assert (found.at_risk["published"] == found.at_risk["reconstructed"]).all()
    early = found.fit["time"] < ROWS[4]  # where more than a few are at risk
    assert found.fit.loc[early, "difference"].abs().max() < 1.5 / len(time)
    assert abs(found.events - event.sum()) <= 4
    assert found.max_difference == found.fit["difference"].abs().max() >= found.rmse > 0


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(20, 120), st.sampled_from([0.0, 0.002, 0.004]))
def test_noisy_clicks_give_a_curve_within_their_error(seed: int, n: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    time, event = trial(n, seed)
    t, s = along(time, event, 60)
    s = np.clip(s + noise * rng.standard_normal(len(s)), 0, 1)
    found = reconstruct(t, s, at_risk=at_risk(time))
    assert (found.at_risk["published"] == found.at_risk["reconstructed"]).all()
    assert found.n == n
    assert (found.table["time"] > 0).all() and set(found.table["event"]) <= {0, 1}
    # two steps of the survivors (where the censored stand is not visible), and the clicks' own error
    left = (found.table["time"] >= found.fit["time"].to_numpy()[:, None]).sum(axis=1)
    allowed = 5 * noise + 2.5 * found.fit["published"] / np.maximum(left, 1)
    busy = left >= 10
    assert (found.fit["difference"].abs() <= allowed)[busy].all()


@settings(max_examples=8)
@given(st.randoms(use_true_random=False), st.booleans())
def test_order_and_doubles_of_the_clicks_do_not_matter(random, doubled: bool) -> None:
    time, event = trial(60, 4)
    points = list(zip(*corners(time, event), strict=True))
    shuffled = points + random.sample(points, 10 if doubled else 0)
    random.shuffle(shuffled)
    one = reconstruct(*zip(*points, strict=True), at_risk=at_risk(time))
    other = reconstruct(*zip(*shuffled, strict=True), at_risk=at_risk(time))
    for column in ("time", "event"):
        np.testing.assert_array_equal(one.table[column], other.table[column])


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_published_events_are_reproduced(table: bool, seed: int) -> None:
    time, event = trial(seed=seed)
    rows = at_risk(time) if table else None
    total = int(event.sum())
    found = reconstruct(*along(time, event), patients=len(time), at_risk=rows, events=total)
    assert found.events == total


@pytest.mark.parametrize("events", [None, 25, 40])
@pytest.mark.parametrize("noise", [0.0, 0.004])
@pytest.mark.parametrize("rows", [None, ([0, 12, 24, 36], [60, 40, 25, 8])])
def test_no_death_on_a_flat_tail(events, noise: float, rows) -> None:
    t = np.linspace(0, 40, 81)
    s = np.where(t < 20, 1 - 0.025 * np.floor(t), 0.5)
    s = s + noise * np.random.default_rng(3).standard_normal(len(s))
    found = reconstruct(t, np.clip(s, 0, 1), patients=60, at_risk=rows, events=events)
    died = found.table["time"][found.table["event"] == 1]
    assert died.max() <= 20.5


def test_last_drop_to_zero_is_a_death() -> None:
    t, s = [0, 3, 3, 6, 6, 9, 9], [1, 1, 0.6, 0.6, 0.3, 0.3, 0]
    for rows in (None, ([0, 6], [10, 6]), ([0, 6, 12], [10, 6, 0])):
        for events in (None, 10):
            found = reconstruct(t, s, patients=10, at_risk=rows, events=events)
            assert found.table["event"][-1] == 1
            assert step_curve(found.table["time"], found.table["event"])[1][-1] == 0


def test_curve_without_a_death() -> None:
    found = reconstruct([0, 10], [1, 1], patients=12)
    assert found.n == 12 and found.events == 0
    assert found.table["time"].tolist() == [10.0] * 12
    assert np.isinf(found.median)


def test_clicks_at_the_feet_put_the_deaths_at_the_clicks() -> None:
    time, event = trial(60, 2)
    t, s = step_curve(time, event)
    feet = np.append(True, np.diff(s) < 0)
    found = reconstruct(t[feet], s[feet], at_risk=at_risk(time))
    assert said(found, "feet of the steps")
    died = found.table["time"][found.table["event"] == 1]
    assert np.isin(died, t[feet]).all()
    between = reconstruct(t[feet], s[feet], at_risk=at_risk(time), clicks="between")
    assert not said(between, "feet")
    assert found.median == pytest.approx(t[s <= 0.5][0])


# --- repairs, each said ---------------------------------------------------------------------------

PLAIN = ([0.0, 4.0, 4.0, 8.0, 8.0, 12.0], [1.0, 1.0, 0.8, 0.8, 0.5, 0.5])


def test_nothing_repaired_nothing_said() -> None:
    found = reconstruct(*PLAIN, at_risk=([0, 12], [10, 5]))
    assert found.repairs == ()
    assert found.table["event"].sum() == 5


@pytest.mark.parametrize(
    "time, survival, words",
    [
        ([0, 8, 4, 4, 8, 12], [1, 0.5, 1, 0.8, 0.8, 0.5], "sorted by time"),
        ([0, 4, 4, 4, 8, 8, 12], [1, 1, 0.8, 0.8, 0.8, 0.5, 0.5], "1 click found twice"),
        ([0, 4, 4, 8, 8, 12], [100, 100, 80, 80, 50, 50], "up to 100: read as percent"),
        ([0, 4, 4, 8, 8, 12], [1.01, 1, 0.8, 0.8, 0.5, 0.5], "just outside 0 to 1"),
        ([-0.1, 4, 4, 8, 8, 12], [1, 1, 0.8, 0.8, 0.5, 0.5], "just left of time 0"),
        ([4, 4, 8, 8, 12], [1, 0.8, 0.8, 0.5, 0.5], "(0, 1) was added"),
        ([0, 4, 4, 8, 8, 12], [0.99, 0.99, 0.8, 0.8, 0.5, 0.5], "0.99 at time 0; taken as 1"),
        ([0, 4, 4, 8, 8, 12], [0.9, 0.9, 0.8, 0.8, 0.5, 0.5], "deaths are just after 0"),
        ([0, 4, 4, 8, 8, 12], [1, 1, 0.8, 0.81, 0.5, 0.5], "never rises was used"),
        ([0, 4, 4.1, 8, 8, 12], [1, 0.8, 1, 0.8, 0.5, 0.5], "and exchanged"),
    ],
)
def test_repairs_are_said(time, survival, words: str) -> None:
    found = reconstruct(time, survival, at_risk=([0, 12], [10, 5]))
    assert said(found, words), found.repairs
    assert found.n == 10 and 4 <= found.events <= 5


def test_flat_tail_with_scatter_is_said() -> None:
    t = np.linspace(0, 40, 81)
    s = np.where(t < 20, 1 - 0.025 * t, 0.5) + 0.004 * np.sin(40 * t)
    found = reconstruct(t, np.clip(s, 0, 1), patients=200)
    assert said(found, "without a drop; no death there")


def test_risk_table_repairs_are_said() -> None:
    late = reconstruct(*PLAIN, at_risk=([0, 12, 18, 24], [10, 5, 3, 0]))
    assert said(late, "goes to time 24, the last click is at 12") and late.events == 5
    assert late.at_risk["reconstructed"].tolist() == [10, 5, 3, 0]
    no_start = reconstruct(*PLAIN, at_risk=([6, 12], [8, 5]))
    assert said(no_start, "starts at time 6 with 8; 10 patients") and no_start.n == 10
    short = reconstruct(*PLAIN, at_risk=([0, 6], [10, 8]))
    assert said(short, "ends at time 6, before the last drop")
    more = reconstruct(*PLAIN, at_risk=([0, 6, 12], [10, 10, 5]))
    assert said(more, "10 at risk at time 6 are 2 more than the curve leaves alive")
    assert more.at_risk["reconstructed"].tolist() == [10, 10, 5]


def test_intervals_without_clicks_and_missing_rows() -> None:
    time, event = trial()
    t, s = corners(time, event)
    keep = (t < 7) | (t > 19)
    found = reconstruct(t[keep], s[keep], at_risk=at_risk(time))
    assert (found.at_risk["published"] == found.at_risk["reconstructed"]).all()
    rows, n = at_risk(time)
    some = reconstruct(t, s, at_risk=(rows[[0, 3]], n[[0, 3]]))
    assert some.at_risk["reconstructed"].tolist() == n[[0, 3]].tolist()


def test_missing_censoring_is_said() -> None:
    time, event = trial()
    clicks, n = along(time, event), len(time)
    nothing = reconstruct(*clicks, patients=n)
    assert said(nothing, "neither a risk table nor the number of events")
    total = reconstruct(*clicks, patients=n, events=int(event.sum()))
    assert said(total, "no risk table")
    exact = reconstruct(*corners(time, event), patients=n)
    assert said(exact, "heights of the steps") or said(exact, "does not tell")


def test_events_that_cannot_be_are_said() -> None:
    found = reconstruct(*PLAIN, at_risk=([0, 12], [10, 5]), events=5)
    assert found.repairs == ()
    wrong = reconstruct(*PLAIN, at_risk=([0, 12], [10, 5]), events=9)
    assert wrong.events <= 5 and said(wrong, "9 are published")
    assert said(wrong, "Check the number of events")
    other = reconstruct(*PLAIN, patients=10, events=0)
    assert said(other, "0 events") or said(other, "0 are published")


# --- hard faults ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, words",
    [
        ({"survival": [1, 1, 0.8, 0.8, 0.5, -0.2]}, ["-0.2 to 1", "between 0 and 1"]),
        ({"survival": [1.4, 1, 0.8, 0.8, 0.5, 0.5]}, ["0.5 to 1.4", "calibration"]),
        ({"survival": [1, 1, 0.6, 0.6, 0.5, 0.7]}, ["rises from 0.500 to 0.700 at time 12"]),
        ({"survival": [1, 1, 0.8, np.nan, 0.5, 0.5]}, ["1 with a time or survival", "finite"]),
        ({"survival": [1, 1]}, ["6 times and 2 survivals"]),
        ({"survival": [0, 0.05, 0.1, 0.2, 0.4, 0.5]}, ["share who had the event", "1 minus it"]),
        ({"survival": [33, 32, 30, 20, 15, 10]}, ["shares cannot be above 1", "start at 33 %"]),
        ({"at_risk": ([0, 0.5, 1], [10, 8, 5])}, ["table were in years and the clicks in months"]),
        ({"at_risk": ([0, 180, 365], [10, 8, 5])}, ["table were in days and the clicks in months"]),
        ({"at_risk": ([0, 17, 52], [10, 8, 5])}, ["table were in weeks and the clicks in months"]),
        ({"at_risk": ([0, 15, 30], [10, 8, 5])}, ["risk table: ends at time 30, the clicks at 12"]),
        (
            {"at_risk": ([0, 6, 11], [100, 100, 99])},
            ["off the clicks by", "at most 6.0 are accepted"],
        ),
        ({"patients": 10**9, "at_risk": None}, ["1,000,000,000; at most 100,000"]),
        ({"at_risk": ([0, 12], [10**9, 5])}, ["1,000,000,000; at most 100,000"]),
        ({"time": [-3, 4, 4, 8, 8, 12]}, ["a time of -3", "starts at 0"]),
        ({"time": [0] * 6}, ["the latest time is 0"]),
        ({"time": [3, 3], "survival": [1, 1]}, ["fewer than 2 different points"]),
        ({"at_risk": None}, ["not given, and no risk table"]),
        ({"at_risk": ([0, 6, 12], [10, 5, 8])}, ["5 at risk at time 6 but 8 at 12", "only fall"]),
        ({"at_risk": ([0, 6, 6], [10, 8, 7])}, ["7 and 8 at risk at time 6"]),
        ({"at_risk": ([0, 6], [10, 7.5])}, ["7.5 at risk at time 6", "whole numbers"]),
        ({"at_risk": ([0, np.inf], [10, 7])}, ["risk table", "finite"]),
        ({"at_risk": ([0, 6], [10])}, ["2 times and 1 numbers"]),
        ({"at_risk": ([0, 6], [0, 0])}, ["0 at risk at time 0"]),
        ({"patients": 12}, ["12, but the risk table has 10 at time 0"]),
        ({"patients": 5, "at_risk": ([6], [8])}, ["5, but the risk table has 8 at time 6"]),
        ({"patients": 0, "at_risk": None}, ["number of patients: 0"]),
        ({"events": 11}, ["number of events: 11, more than the 10 patients"]),
        ({"events": 11, "patients": 10, "at_risk": None}, ["more than the 10 patients"]),
        ({"events": -1}, ["number of events: -1"]),
        ({"clicks": "all"}, ["'all'; allowed: steps, between"]),
    ],
)
def test_hard_faults(change: dict, words: list[str]) -> None:
    given = {"time": PLAIN[0], "survival": PLAIN[1], "at_risk": ([0, 12], [10, 5]), **change}
    with pytest.raises(ValueError) as caught:
        reconstruct(**given)
    for word in words:
        assert word in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        reconstruct([0, 5], [1, -0.5], at_risk=([0, 6], [10, 12]), events=-3)
    assert len(str(caught.value).splitlines()) == 3


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    time, event = trial()
    monkeypatch.chdir(tmp_path)
    t, s = along(time, event)
    pd.DataFrame({"time": t, "survival": s}).to_csv("arm a.csv", index=False)
    rows, n = at_risk(time)
    pd.DataFrame({"time": rows, "n_at_risk": n}).to_csv("risk.csv", index=False)
    return tmp_path


COMMAND = ["km", "reconstruct", "arm a.csv", "--time-unit", "months", "--at-risk", "risk.csv"]


def test_command_writes_everything(files: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(COMMAND) == 0
    out = capsys.readouterr().out
    assert "120 patients" in out and "months" in out and "percentage points" in out
    folder = files / "outputs" / "km-arm a"
    names = {"individual.csv", "comparison.csv", "repairs.txt", "index.yaml", "run.json"}
    assert {p.name for p in folder.iterdir()} == names | {
        "reconstruction.svg",
        "reconstruction.png",
    }
    table = pd.read_csv(folder / "individual.csv")
    assert list(table.columns) == ["time", "event"] and len(table) == 120
    entry = yaml.safe_load((folder / "index.yaml").read_text(encoding="utf-8"))["arm_a"]
    assert (entry["form"], entry["time_unit"]) == ("individual", "months")
    rows, n = at_risk(trial()[0])
    assert [(table["time"] >= row).sum() for row in rows] == n.tolist()
    first = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "run.json"}
    assert main(COMMAND) == 0  # written anew, the same bytes
    assert first == {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "run.json"}


def test_command_without_risk_table_to_another_folder(files: Path) -> None:
    given = ["km", "reconstruct", "arm a.csv", "--time-unit", "weeks", "--patients", "120"]
    assert main([*given, "--events", "70", "--output", "here"]) == 0
    assert pd.read_csv(files / "here" / "individual.csv")["event"].sum() == 70


def test_what_was_assumed_of_a_digitiser_is_written_and_said(files: Path, capsys) -> None:
    """The curve of x and y, with decimal commas, is that of time and survival."""
    plain = pd.read_csv("arm a.csv")
    rows = "".join(f"{t:.12f};{s:.12f}\n".replace(".", ",") for t, s in plain.to_numpy())
    Path("engauge.csv").write_text(f"x;Curve1\n{rows}", encoding="utf-8")
    assert main([*COMMAND[:2], "engauge.csv", *COMMAND[3:], "--output", "here"]) == 0
    out = capsys.readouterr().out
    repairs = Path("here/repairs.txt").read_text(encoding="utf-8")
    for words in ("separated by semicolons", "'Curve1' as survival", "have a decimal comma"):
        assert words in out and words in repairs
    assert main([*COMMAND, "--output", "there"]) == 0
    found = [pd.read_csv(f"{folder}/individual.csv") for folder in ("here", "there")]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_a_risk_table_in_another_unit_is_refused(files: Path, capsys) -> None:
    rows = pd.read_csv("risk.csv")
    rows.assign(time=rows["time"] / 12).to_csv("risk.csv", index=False)
    assert main(COMMAND) == 2
    said = capsys.readouterr().err
    assert said.startswith("risk.csv: risk table: ends at time ")
    assert "as if the table were in years and the clicks in months" in said
    assert not (files / "outputs").exists()


@pytest.mark.parametrize(
    "text, words",
    [
        ("time,survival\n0,1\n5,0.5\n9,0.9\n", "bad.csv: clicks: survival rises"),
        ("month,survival\n0,1\n", "column 'time' is missing"),
    ],
)
def test_command_reports_a_bad_file(files: Path, capsys, text: str, words: str) -> None:
    (files / "bad.csv").write_text(text, encoding="utf-8")
    assert main([*COMMAND[:2], "bad.csv", *COMMAND[3:]]) == 2
    err = capsys.readouterr().err
    assert words in err and "Traceback" not in err
    assert not (files / "outputs").exists()


def test_time_unit_is_never_guessed(files: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["km", "reconstruct", "arm a.csv", "--patients", "120"]) == 2
    assert "--time-unit" in capsys.readouterr().err
