"""All scenarios with one command: rows, pairing, averages, and what fails without the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.cli import main as cli
from heor.decision.cost_effectiveness import increments
from heor.errors import FitError, InputError
from heor.inputs.load import load
from heor.inputs.scenarios import load_scenarios, read_average
from heor.report.figures.scenarios import ROW, scenarios, short
from heor.report.folders.scenarios import answer
from heor.runs.scenario_analysis import ScenarioResults, evaluate_scenarios
from heor.simulation.draw_inputs import sample
from heor.streams import Streams
from heor.survival.fitting.fit_problems import fit_problems
from heor.together import decide
from tests import made_up
from tests.reports import scenarios_markdown as report

DRAWS = 200
FEW = {"analysis.survival.distributions": ["weibull", "lognormal"]}
NAMES = ["s17_symmetric_treatment", "s19_cure_half", "s19_cure_half_symmetric", "list_prices"]
AVERAGE = "cure_and_treatment_rule"


@pytest.fixture(scope="module")
def cache(shared_fits: Path) -> Path:
    return shared_fits


@pytest.fixture(scope="module")
def base(inputs: Path):
    return load(inputs, overrides=FEW, draws=DRAWS, quick=True)


@pytest.fixture(scope="module")
def results(base, inputs: Path, cache: Path) -> ScenarioResults:
    problems, unread = load_scenarios(base, inputs, NAMES)
    return evaluate_scenarios(problems, base.settings.averages, unread, cache)


def test_rows_are_those_of_each_scenario_run_beside_the_base_case(
    results: ScenarioResults, inputs: Path, cache: Path
) -> None:
    """Draws, threshold and net benefit as the long way gives them; differences paired by draw."""
    problems = dict(results.problems)
    streams = Streams(results.problem.settings.seed)
    fits = fit_problems(problems, streams, cache)
    draws = sample(problems, fits, streams)
    found = made_up.simulate_together({n: (p, draws[n]) for n, p in problems.items()})
    shortfall = decide(problems["base"], found["base"]).severity
    roles = results.problem.settings.comparator, results.problem.settings.intervention
    table = results.table.set_index("scenario")
    base = increments(found["base"].outcomes, *roles)
    for name, problem in problems.items():
        at = decide(problem, found[name], shortfall).tables["net_benefit"]
        own = increments(found[name].outcomes, *roles)
        for _, line in at.iterrows():
            key, threshold = line["threshold_name"], line["threshold"]
            row = table.loc[name]
            assert row[f"threshold_{key}"] == threshold
            for column in ("net_benefit", "probability", "evpi"):
                assert row[f"{column}_{key}"] == pytest.approx(line[column], rel=1e-9)
            change = threshold * (own["qalys"] - base["qalys"]) - (own["cost"] - base["cost"])
            assert row[f"difference_{key}"] == pytest.approx(change.mean(), rel=1e-6, abs=1e-4)
            error = change.std(ddof=1) / np.sqrt(DRAWS)
            assert row[f"difference_{key}_se"] == pytest.approx(error, rel=1e-6, abs=1e-4)


def test_differences_and_turns_agree_with_the_net_benefits(results: ScenarioResults) -> None:
    table = results.table
    assert list(table["kind"]) == ["base", *["scenario"] * len(NAMES), "average"]
    for name, _ in results.decision.thresholds:
        benefit = table[f"net_benefit_{name}"]
        np.testing.assert_allclose(
            table[f"difference_{name}"], benefit - benefit[0], rtol=1e-6, atol=1e-4
        )
        assert table.loc[0, f"difference_{name}_se"] == 0 and not table.loc[0, f"turns_{name}"]
        assert ((benefit > 0) != (benefit[0] > 0)).equals(table[f"turns_{name}"])
        # common random numbers: S17 changes little of a draw, so its difference is known better
        s17 = table.set_index("scenario").loc["s17_symmetric_treatment"]
        assert s17[f"difference_{name}_se"] < s17[f"net_benefit_{name}_se"]


def test_an_average_stands_among_its_scenarios(results: ScenarioResults) -> None:
    """Means near the weighted means; weights as stated, to one draw."""
    table, average = results.table.set_index("scenario"), results.averages[AVERAGE]
    own = table.loc[list(average.weights)]
    for column in ("cost", "qalys"):
        expected = np.average(own[column], weights=list(average.weights.values()))
        row = table.loc[AVERAGE]
        assert abs(row[column] - expected) < 4 * row[f"{column}_se"]
        assert own[column].min() < row[column] < own[column].max()
    for name, weight in average.weights.items():
        assert results.achieved[AVERAGE][name] == pytest.approx(weight, abs=1 / DRAWS)


def test_what_cannot_run_is_named_and_the_others_do(
    base, inputs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, results: ScenarioResults
) -> None:
    """A fit that fails, and a model that breaks, in a scenario: named, with the averages they spoil."""
    import heor.together as module

    def fit(problems, *arguments):
        if "s19_cure_half" in problems:
            raise FitError("second_line_os/weibull: R-hat is 2.\nGo on all the same: --accept it")
        return fit_problems(problems, *arguments)

    def valued(exposures, draws, problem):
        from heor.errors import ModelError

        if problem.scenario == "list_prices":
            raise ModelError("a law broke")
        return value(exposures, draws, problem)

    value = module.value
    monkeypatch.setattr(module, "fit_problems", fit)
    monkeypatch.setattr(module, "value", valued)
    problems, _ = load_scenarios(base, inputs, NAMES)
    found = evaluate_scenarios(problems, base.settings.averages, {"s99": "no such row"}, cache)
    assert set(found.faults) == {"s99", "s19_cure_half", "list_prices", AVERAGE}
    assert found.faults["s19_cure_half"].startswith("second_line_os/weibull: R-hat is 2. Go on")
    assert "s19_cure_half is missing" in found.faults[AVERAGE]
    assert list(found.table["scenario"]) == ["base", NAMES[0], NAMES[2]]
    whole = results.table.set_index("scenario").loc[list(found.table["scenario"])]
    pd.testing.assert_frame_equal(found.table.set_index("scenario"), whole)
    text = report(found)
    assert "list_prices was not evaluated: a law broke" in text and "Of 2 scenarios" in text


def test_a_base_case_that_fails_is_an_error(
    base, inputs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import heor.together as module

    def fit(*_: object) -> None:
        raise FitError("the base case failed")

    monkeypatch.setattr(module, "fit_problems", fit)
    with pytest.raises(FitError, match="the base case failed"):
        evaluate_scenarios({"base": base}, cache=cache)


def test_the_answer_counts_what_turns(results: ScenarioResults) -> None:
    lines = answer(results)
    name, value = "severity", dict(results.decision.thresholds)["severity"]
    table = results.table
    turning = table[(table["kind"] == "scenario") & table[f"turns_{name}"]]["scenario"]
    assert lines[0].startswith(f"Of {len(NAMES)} scenarios, {len(turning) or 'none'} turn")
    assert f"{value:,.0f} NOK per QALY" in lines[0] and all(n in lines[0] for n in turning)
    assert lines[-1].startswith("Average: cure and treatment rule: net benefit")
    assert lines[0] in report(results)


def test_figure_grows_by_row_and_labels_fit(results: ScenarioResults) -> None:
    from dataclasses import replace

    table = results.table
    own = table[table["kind"] == "scenario"]
    some = replace(results, table=pd.concat([table, own, own], ignore_index=True))
    many = pd.concat([some.table, *[own] * 9], ignore_index=True)
    small, large = scenarios(some), scenarios(replace(results, table=many))
    grown = large.get_size_inches()[1] - small.get_size_inches()[1]
    assert grown == pytest.approx(ROW * 9 * len(NAMES))
    assert large.get_size_inches()[1] < 9.7  # the text height of A4
    labels = [t.get_text() for t in large.axes[0].get_yticklabels()]
    assert len(labels) == len(many) and labels[0] == "Base case"
    assert labels[1] == short("Average: cure and treatment rule")


# ----------------------------------------------------------------------------- inputs
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("base: 0.25", "base: 0.35", "the weights add up to 1.1; they must add up to 1"),
        ("base: 0.25", "base: 0", "greater than 0"),
        ("base: 0.25", "bse: 0.25", "unknown scenario 'bse'"),
        ("  cure_and_treatment_rule:", "  s11_no_cure:", "bears the name of a scenario"),
        (
            "    why: >-\n      Whether anyone is",
            "    note: >-\n      Whether anyone is",
            ".why' is",
        ),
    ],
)
def test_faulty_averages(old: str, new: str, said: str, faults: Callable, spoil: Callable) -> None:
    spoil("model/analysis.yaml", old, new)
    found = faults()
    assert any(said in line and "inputs/model/analysis.yaml:" in line for line in found), found


def test_thirds_of_six_digits_are_one(copied_inputs: Path, spoil: Callable) -> None:
    spoil(
        "model/analysis.yaml",
        "      base: 0.25\n      s17_symmetric_treatment: 0.25\n      s19_cure_half: 0.25\n"
        "      s19_cure_half_symmetric: 0.25\n",
        "      base: 0.333333\n      s19_cure_half: 0.333333\n      s11_no_cure: 0.333333\n",
    )
    assert len(load(copied_inputs).settings.averages[AVERAGE].weights) == 3


def test_an_average_from_a_file(base, inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("label: Mine\nwhy: To see.\nweights: {base: 0.7, s11_no_cure: 0.3}\n")
    found = read_average(base, inputs, str(path))
    assert (found.name, found.label, found.weights["base"]) == ("mine", "Mine", 0.7)
    path.write_text("label: Mine\nweights: {base: 0.7, s11_no_cur: 0.2}\n")
    with pytest.raises(InputError) as caught:
        read_average(base, inputs, str(path))
    assert any("'why' is missing" in line for line in caught.value.problems)
    path.write_text("label: Mine\nwhy: To see.\nweights: {base: 0.7, s11_no_cur: 0.3}\n")
    with pytest.raises(InputError, match=r"mine.yaml:3: unknown scenario 's11_no_cur'"):
        read_average(base, inputs, str(path))
    with pytest.raises(InputError, match=r"Did you mean 'cure_and_treatment_rule'"):
        read_average(base, inputs, "cure_and_treatment_rul")


def test_a_scenario_that_does_not_load_is_a_fault(copied_inputs: Path) -> None:
    broken = "label: Broken\nwhy: To see.\nparameters: {no_such_parameter: {mean: 1}}\n"
    (copied_inputs / "scenarios/broken.yaml").write_text(broken, encoding="utf-8")
    own = load(copied_inputs, draws=DRAWS, quick=True)
    problems, unread = load_scenarios(own, copied_inputs, ["broken", "list_prices"])
    assert list(problems) == ["base", "list_prices"]
    assert "unknown parameter 'no_such_parameter'" in unread["broken"]
    with pytest.raises(InputError, match="unknown scenario 'brokn'.*'broken'"):
        load_scenarios(own, copied_inputs, ["brokn"])
    (copied_inputs / "scenarios/base.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(InputError, match="no scenario may bear its name"):
        load_scenarios(own, copied_inputs)


# --------------------------------------------------------------------------- command line
@pytest.mark.slow
def test_the_command_writes_a_folder_and_exits_1_when_one_is_missing(
    copied_inputs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    place = copied_inputs.parent
    monkeypatch.chdir(place)
    shutil.copytree(cache, place / "outputs/cache")
    text = "label: Mine\nwhy: To see.\nweights: {base: 0.5, s17_symmetric_treatment: 0.5}\n"
    (place / "mine.yaml").write_text(text, encoding="utf-8")
    families = "analysis.survival.distributions=[weibull, lognormal]"
    words = ["--run", "--quick", "--draws", str(DRAWS), "--set", families]
    assert cli.main(["scenarios", "list_prices", *words, "--weights", "mine.yaml"]) == 0
    folder = place / "outputs/norway-scenarios"
    written = {"report.md", "report.html", "run.json", "results.nc", "tables", "figures"}
    assert {p.name for p in folder.iterdir()} == written
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    (folder / "report.html").unlink()
    shutil.rmtree(folder / "tables")
    assert cli.main(["report", str(folder)]) == 0
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    table = pd.read_csv(folder / "tables/scenarios.csv")
    assert list(table["scenario"]) == ["base", "list_prices", "s17_symmetric_treatment", "mine"]
    assert (folder / "figures/scenarios.svg").exists()
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["averages"]["mine"]["achieved"] == {"base": 0.5, "s17_symmetric_treatment": 0.5}
    assert "inputs/scenarios/list_prices.yaml" in record["input_sha256"]
    assert "Of 2 scenarios" in capsys.readouterr().out
    numbers = pd.read_csv(folder / "figures/data/scenarios.csv")
    pd.testing.assert_series_equal(
        numbers["label"].sort_values(), table["label"].sort_values(), check_index=False
    )
    assert cli.main(["figures", str(folder), "--width", "column"]) == 0
    assert (folder / "figures-85mm/scenarios.pdf").exists()
    capsys.readouterr()
    broken = "label: Broken\nwhy: To see.\nparameters: {no_such_parameter: {mean: 1}}\n"
    (copied_inputs / "scenarios/broken.yaml").write_text(broken, encoding="utf-8")
    assert cli.main(["scenarios", "list_prices", "broken", *words]) == 1
    shown = capsys.readouterr()
    assert "broken was not evaluated" in shown.err and "Of 1 scenario, " in shown.out
    assert "broken was not evaluated" in (folder / "report.md").read_text(encoding="utf-8")


def test_options_of_a_run_need_run(inputs: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["scenarios", "--inputs", str(inputs), "--draws", "100", "--quick"]) == 2
    err = capsys.readouterr().err
    assert "--draws: found without --run" in err and "--quick: found without --run" in err
    assert cli.main(["scenarios", "--inputs", str(inputs), "s11_no_cure"]) == 0
    assert capsys.readouterr().out.startswith("s11_no_cure: S11")
