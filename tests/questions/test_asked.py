"""`heor what-if` of what acts before the draws: another run for each value, equal to `run --set`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from heor import load
from heor.cli.main import main
from heor.errors import InputError
from heor.inputs.load import with_values
from heor.problem.what_if_targets import Axis, WhatIf
from heor.questions.asked import Answer, ask
from heor.report.folders.what_if import answer
from heor.runs.analysis import evaluate
from tests.declared_models import CURVED, ROWS, declared
from tests.made_up import response_of

#: A pooled log ratio, and two prices that move together.
MORE = """
syntheses:
  log_rr: {label: pooled log relative rate, studies: [log_rr_a, log_rr_b], between_study_sd: tau, use: predictive, unit: log hazard ratio}
correlations:
  prices: {pair: [c_old, r_death], correlation: rho}
"""
STUDIES = """log_rr_a,log relative rate of trial A,-0.5,0.2,normal,log hazard ratio,,,assumption,model_judgement,,,,
log_rr_b,log relative rate of trial B,-0.1,0.1,normal,log hazard ratio,,,assumption,model_judgement,,,,
tau,between-study SD,0.199471,0.150703,half-normal(0.25),log hazard ratio,,,assumption,model_judgement,,,,
rho,correlation,0.5,0,fixed,correlation,,,assumption,model_judgement,,,,
"""
PRICED = CURVED.replace("r_death * rr", "r_death * exp(log_rr)").replace(
    "{well: {exposure: well, amount: c_new, category: care}}",
    "{well: {exposure: well, amount: c_new * r_death, category: care}, start: {exposure: start, amount: c_old, category: care}}",
)
DRAWS = 120


@pytest.fixture(scope="module")
def folder(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A declared model with a synthesis and a correlation: nothing to fit."""
    made = declared(
        inputs, tmp_path_factory.mktemp("asked") / "inputs", PRICED, DRAWS, ROWS + STUDIES
    )
    with (made / "model/analysis.yaml").open("a", encoding="utf-8") as file:
        file.write(MORE)
    return made


def asked(folder: Path, names: list[str], limits: dict, points: int = 3) -> Answer:
    problem = load(folder)
    return ask(problem, names, partial(with_values, problem, folder), limits, points)


def set_run(folder: Path, **overrides: float):
    """The decision of `heor run --set NAME=VALUE`."""
    return response_of(load(folder, overrides=overrides))[1]


CASES = {
    "start_age": (40.0, 80.0),
    "share_male": (0.0, 1.0),
    "log_rr_a": (-1.5, 0.5),
    "tau": (0.0, 0.6),
    "rho": (-0.9, 0.9),
}


@pytest.mark.parametrize("name", CASES)
def test_each_value_is_a_run_with_it_set(name: str, folder: Path) -> None:
    """Increments, net benefit and the severity-weighted threshold, to rounding."""
    found = asked(folder, [name], {name: CASES[name]})
    table = found.found.table
    assert table["cost"].nunique() == 3, "a flat line"
    for _, row in table.iterrows():
        decision = set_run(folder, **{name: row["x"]})
        means = decision.tables["increments"].set_index("outcome")["mean"]
        assert row["cost"] == pytest.approx(means["cost"], rel=1e-9)
        assert row["qalys"] == pytest.approx(means["qalys"], rel=1e-9)
        for _, at in decision.tables["net_benefit"].iterrows():
            label = at["threshold_name"]
            if f"threshold_{label}" not in table:  # of another class than the run's own
                continue
            assert row[f"threshold_{label}"] == at["threshold"]
            assert row[f"net_benefit_{label}"] == pytest.approx(at["net_benefit"], rel=1e-9)
            assert row[f"net_benefit_{label}_se"] == pytest.approx(at["se"], rel=1e-9)
    assert "before anything is drawn" in found.found.what_if.note
    assert f"all its {DRAWS} draws" in found.found.what_if.note


def test_the_severity_weighted_threshold_follows_the_value(folder: Path) -> None:
    found = asked(folder, ["start_age"], {"start_age": (40.0, 84.0)})
    levels = found.found.table["threshold_severity"]
    assert levels.nunique() > 1 and levels.is_monotonic_decreasing
    assert "severity" not in set(found.found.crossings["threshold_name"])  # it steps between ages
    words = answer(load(folder), found)
    (line,) = [w for w in words if w.startswith("At the severity-weighted threshold")]
    assert f"{levels.iloc[0]:,.0f} " in line and f"{levels.iloc[-1]:,.0f} " in line


def test_before_and_in_the_draws_together(folder: Path) -> None:
    """A map: each age is another run, on which the price is given."""
    limits = {"start_age": (50.0, 70.0), "c_new": (0.0, 50_000.0)}
    found = asked(folder, ["start_age", "c_new"], limits)
    table = found.found.table
    assert len(table) == 9 and set(table["x"]) == {50.0, 60.0, 70.0}
    for age in (50.0, 70.0):
        fixed = set_run(folder, start_age=age, c_new=25_000.0)
        row = table[(table["x"] == age) & (table["y"] == 25_000.0)].iloc[0]
        means = fixed.tables["increments"].set_index("outcome")["mean"]
        assert row["qalys"] == pytest.approx(means["qalys"], rel=1e-9)
        assert abs(row["cost"] - means["cost"]) < 4 * row["cost_se"]
    assert "valued again in all its 120 draws" in found.found.what_if.note


def test_a_quantity_in_the_draws_also_moves_severity(folder: Path) -> None:
    """The comparator's utility: a lower one is a larger shortfall, as `run --set` says."""
    found = asked(folder, ["m_old"], {"m_old": (0.05, 0.95)})
    levels = found.found.table["threshold_severity"]
    for at in (0, 2):
        decision = set_run(folder, m_old=found.found.table["x"].iloc[at])
        assert levels.iloc[at] == dict(decision.thresholds).get("severity", np.nan)


def test_what_moves_nothing_is_said_and_no_finding(folder: Path) -> None:
    """The price of the old is paid by both: it does not move the increments."""
    words = answer(load(folder), asked(folder, ["c_old"], {"c_old": (0.0, 5000.0)}))
    assert "does not move the result" in words[0] and "above zero for every" not in words[0]


@pytest.mark.parametrize(
    ("names", "limits", "says"),
    [
        (["rr"], {}, "rr is not used in this run"),
        (["c_new", "c_new"], {}, "c_new is named twice"),
        (["m_old"], {"m_old": (0.2, 1.5)}, "unit 'utility multiplier' must be between 0 and 1"),
        (["m_old"], {"m_old": (0.5, 0.5)}, "the range must rise"),
        (["m_old"], {"m_old": (float("nan"), 0.5)}, "must be finite numbers"),
        (["c_new"], {"c_new": (0.0, float("inf"))}, "must be finite numbers"),
        (["start_age"], {"start_age": (50.0, 110.0)}, "start_age"),
        (["tau"], {"tau": (-0.2, 0.2)}, "must be 0 or more"),
    ],
)
def test_what_cannot_be_asked_is_refused(names, limits, says: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        asked(folder, names, limits)
    assert says in str(caught.value)


def test_a_value_at_which_the_model_breaks_is_left_out(folder: Path, tmp_path: Path) -> None:
    """The other values are answered; the report says which is not, and why."""
    problem = load(folder)
    broken = {"strategies.new.transitions.well.dead.rate": "background - (start_age - 50) / 10"}

    def again(values):
        changed = {**broken, **values} if values["start_age"] > 60 else values
        return load(folder, overrides=changed)

    found = ask(problem, ["start_age"], again, {"start_age": (50.0, 70.0)}, 3)
    assert found.found.table["cost"].isna().tolist() == [False, False, True]
    assert any("Left out: start_age=70" in note for note in found.notes)
    from heor.report.folders.what_if import write_what_if

    text = (write_what_if(problem, found, tmp_path / "o") / "report.md").read_text("utf-8")
    assert "Left out: start_age=70" in text


def test_the_command_says_how_it_was_computed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ["--inputs", str(folder), "--range", "50:70", "--points", "3"]
    assert main(["what-if", "start_age", *options, "--output", str(tmp_path / "o")]) == 0
    shown = capsys.readouterr().out
    assert "the run was made again for each value" in shown
    table = (tmp_path / "o/tables/what_if.csv").read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("x,x_name,x_unit,money,cost,cost_se,qalys")
    assert table[1].startswith("50,start_age,years,NOK 2025 a patient,")
    refused = ["what-if", "start_age", "--inputs", str(folder), "--range", "nan:70"]
    assert main([*refused, "--output", str(tmp_path / "p")]) == 2
    assert main(["what-if", "c_new", *options[:2], "--points", "1"]) == 2


def test_a_map_of_the_run_over_such_a_quantity_is_left_out(folder: Path) -> None:
    """Never a flat line: the run says which command asks it."""
    problem = load(folder)
    question = WhatIf("ages", "Over ages", Axis("start_age", "Age", 50.0, 70.0, 3, "start_age"))
    results = evaluate(replace(problem, what_if=(question,)))
    assert not results.maps
    why = results.left_out["map: Over ages"]
    assert "before anything is drawn" in why and "`heor what-if start_age`" in why


def test_tornado_and_tipping_leave_out_what_acts_before_the_draws(folder: Path) -> None:
    """The studies move through what they are pooled into; nothing is drawn as a flat line."""
    results = evaluate(load(folder))
    names = set(results.tornado["parameter"])
    assert "log_rr" in names and not {"log_rr_a", "log_rr_b", "tau", "rho", "start_age"} & names
    moved = results.tornado.set_index("parameter")["range_825000"]
    assert (moved[["log_rr", "r_death", "c_new", "m_old"]] > 0).all()


def test_ranges_of_maps_are_those_of_their_units(folder: Path, tmp_path: Path) -> None:
    """`what_if:` of analysis.yaml, as --range."""
    import shutil

    copy = Path(shutil.copytree(folder, tmp_path / "inputs"))
    with (copy / "model/analysis.yaml").open("a", encoding="utf-8") as file:
        file.write("what_if: {m: {label: M, x: {name: m_old, label: M, from: -1, to: 2}}}\n")
    with pytest.raises(InputError) as caught:
        load(copy)
    (text,) = caught.value.problems
    assert "analysis.yaml:" in text and "m_old from -1 to 2" in text and "between 0 and 1" in text


def test_what_acts_before_the_draws_has_no_value_of_information_of_its_own(folder: Path) -> None:
    """A study in a group would look as if it were worth nothing: it is left out with a word."""
    problem = load(folder, draws=500)
    groups = {"Effect": ("log_rr", "log_rr_a"), "Prices": ("c_new",)}
    problem = replace(problem, settings=replace(problem.settings, information=groups))
    results = evaluate(problem)
    names = set(results.information["name"])
    assert {"Effect", "Prices", "log_rr"} <= names and "log_rr_a" not in names
    (word,) = [w for w in results.warnings if "value of information: log_rr_a" in w]
    assert "pooled into log_rr" in word


@pytest.mark.slow
def test_an_opinion_is_fitted_again(shared_fits: Path) -> None:
    """The mean moves and the standard error is kept: `run --set os_60_expert.mean=VALUE`."""
    chosen = {"analysis.survival.distributions": ["lognormal"], "analysis.structures": []}
    problem = load("inputs", overrides=chosen, draws=100, quick=True)
    again = partial(with_values, problem, "inputs")
    limits = {"os_60_expert": (0.01, 0.07)}
    found = ask(problem, ["os_60_expert"], again, limits, 3, shared_fits)
    table = found.found.table
    assert table["qalys"].nunique() == 3
    for at in (0, 2):
        overrides = {**chosen, "os_60_expert.mean": table["x"].iloc[at]}
        own = load("inputs", overrides=overrides, draws=100, quick=True)
        means = response_of(own, shared_fits)[1].tables["increments"].set_index("outcome")["mean"]
        assert table["cost"].iloc[at] == pytest.approx(means["cost"], rel=1e-9)
    assert "the standard error of the opinion is kept" in found.found.what_if.note
