"""More than two strategies: every part speaks of all of them, and says what compares two alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from heor.cli import main as cli
from heor.decision.choice import best_columns, choices
from heor.report.folders import countries, scenarios
from heor.report.folders.external_draws import answer
from heor.report.folders.tables import TABLES
from heor.report.run_report import report
from heor.report.sections.answer import answer as run_answer
from heor.report.sections.answer import incremental_rows
from heor.runs.country_comparison import CountryComparison, country_row
from heor.runs.external_draws import Analysed, analyse
from heor.runs.results import Results
from tests.reports import SHOWN, scenario_results, without_threshold
from tests.reports import external_draws_markdown as psa_report

DRAWS = 1000
NAMES = ("Usual care", "Test first", "Treat everyone")


def three(n: int = DRAWS) -> pd.DataFrame:
    """The last strategy beats the first in 98 % of draws and loses to the second in 64 %."""
    draw = np.arange(n)
    gain = np.where(draw % 50 < 49, 1.0, -0.5)
    more = np.where(draw % 25 < 16, 0.3, -0.2)
    qaly = {"Usual care": 2.0 + 0 * gain, "Test first": 2 + gain + more, "Treat everyone": 2 + gain}
    cost = {"Usual care": 0.0, "Test first": 5000.0, "Treat everyone": 5000.0}
    frames = [
        pd.DataFrame({"strategy": s, "draw": draw, "cost": cost[s], "qaly": qaly[s]}) for s in NAMES
    ]
    return pd.concat(frames)


@pytest.fixture
def analysed(tmp_path: Path) -> Analysed:
    path = tmp_path / "psa.csv"
    three().to_csv(path, index=False)
    return analyse(path, "EUR", [20_000.0], roles=(None, "Treat everyone"))


def test_the_answer_is_the_best_of_all_and_not_the_better_of_two(analysed: Analysed) -> None:
    best, pair = answer(analysed)
    assert best == (
        "At 20,000 EUR per QALY Test first has the highest expected net benefit of all 3 strategies; the "
        "chance that it is the best is 64%, that of Treat everyone 34%, and knowing would be worth "
        f"{round(evpi(), -1):,.0f} EUR a patient."
    )
    assert pair.startswith("Treat everyone gains 0.970 QALYs")
    assert "against Usual care alone: " in pair


def evpi() -> float:
    """Of the draws themselves: the best of three, less the second strategy's mean."""
    wide = three().pivot(index="draw", columns="strategy", values=["cost", "qaly"])
    benefit = 20_000 * wide["qaly"] - wide["cost"]
    return float((benefit.max(axis=1) - benefit["Test first"]).mean())


def test_chance_of_a_wrong_decision_is_over_all(analysed: Analysed) -> None:
    """36 %, not the 2 % of a decision between two of them; in the table, the curves and the report."""
    row = analysed.decision.tables["net_benefit"].iloc[0]
    assert row["probability"] == 0.98
    wide = three().pivot(index="draw", columns="strategy", values=["cost", "qaly"])
    benefit = 20_000 * wide["qaly"] - wide["cost"]
    wrong = (benefit["Test first"] < benefit.max(axis=1)).mean()
    assert row["error_probability"] == pytest.approx(wrong)
    own = choices(analysed.decision.tables)["20000"]
    assert (own.strategy, own.second) == ("Test first", "Treat everyone")
    assert own.error_probability == pytest.approx(wrong) and own.evpi == pytest.approx(evpi())
    gaps = benefit["Test first"] - benefit["Treat everyone"]
    assert own.lead == pytest.approx(gaps.mean())
    assert own.lead_se == pytest.approx(gaps.std(ddof=1) / np.sqrt(DRAWS))
    assert sum(own.chances.values()) == pytest.approx(1)
    text = psa_report(analysed, [])
    whole, pair = text.split("## How sure: Treat everyone against Usual care alone")
    assert f"{wrong:.1%}" in whole and "2.0%" not in text
    assert "wrong decision" not in pair and "98.0%" in pair and "98.0%" not in whole


def test_draws_that_the_chance_of_the_best_needs(analysed: Analysed) -> None:
    """64 % to a point: 0.64 x 0.36 / 0.01^2 draws; with two strategies there is no such row."""
    table = analysed.decision.tables["convergence"].query("draws == 1000").set_index("measure")
    row = table.loc["probability of the best"]
    assert row["value"] == pytest.approx(0.64)
    assert row["draws_needed"] == pytest.approx(0.64 * 0.36 / 0.01**2, rel=0.01)


def test_command_and_folder(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch) -> None:
    """The sentences printed are those above; the table of the choice is written."""
    monkeypatch.setattr("heor.report.figures.registry.write_figures", lambda *_, **__: [])
    path = tmp_path / "psa.csv"
    three().to_csv(path, index=False)
    out = tmp_path / "out"
    assert cli.main(["analyse", str(path), "--threshold", "20000", "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "Test first has the highest expected net benefit of all 3 strategies" in printed
    assert "98" not in printed.split("against Usual care alone")[0]
    table = pd.read_csv(out / "tables" / "choice.csv").set_index("strategy")
    assert table["best"].tolist() == [False, True, False]
    ceac = pd.read_csv(out / "tables" / "ceac.csv").query("threshold == 20000")
    assert table["probability"].tolist() == ceac["probability"].tolist()
    assert table["expected_loss"].to_numpy() == pytest.approx(ceac["expected_loss"].to_numpy())
    two = three().query("strategy != 'Test first'")
    two.to_csv(path, index=False)
    assert cli.main(["analyse", str(path), "--threshold", "20000", "--output", str(out)]) == 0
    assert not (out / "tables" / "choice.csv").exists()


# --- A run of the model


def test_run_names_the_best_at_each_threshold(three_strategies: Results) -> None:
    *best, pair = run_answer(three_strategies)
    thresholds = three_strategies.decision.thresholds
    assert len(best) == len(thresholds)
    for line, (_, threshold) in zip(best, thresholds, strict=True):
        assert line.startswith(f"At {threshold:,.0f}")
        assert "Ablation first has the highest expected net benefit of all 3 strategies" in line
        assert "the chance that it is the best is 64%, that of " in line
    assert pair.startswith("Against 2nd-line chemotherapy") or " alone, " in pair
    assert "Chance that it is better than" in pair and "98% at" in pair


VERDICT = re.compile(r"(not )?worth its cost|cost-effective\b", re.IGNORECASE)
OTHER = re.compile(r"cost-effectiveness|probability of being cost-effective", re.IGNORECASE)


@pytest.mark.parametrize(
    "form", [pytest.param(f, marks=pytest.mark.slow) if f == "figures" else f for f in SHOWN]
)
def test_no_form_calls_the_better_of_two_worth_its_cost(three_strategies, form: str) -> None:
    text = OTHER.sub("", SHOWN[form](three_strategies))
    found = VERDICT.search(text)
    # the page has a label of its tile for two strategies, which its script replaces
    if form == "report.html":
        text = text.replace("Probability cost-effective", "")
        found = VERDICT.search(text)
    assert not found, text[max(0, found.start() - 200) : found.end() + 50]


@pytest.mark.parametrize("form", ["report.md", "report.html", "docx", "cheers.md", "journal"])
def test_forms_name_the_best_and_its_chance(three_strategies: Results, form: str) -> None:
    text = SHOWN[form](three_strategies)
    assert "Ablation first" in text and "64" in text
    assert "alone" in text


def test_sections_say_that_they_compare_two(three_strategies: Results) -> None:
    """Each with net benefit of the intervention; none with two strategies."""
    note = "Compares {} with {} alone: the third strategy plays no part here."
    labels = [three_strategies.problem.strategies[s].label for s in ("resection", "chemotherapy")]
    text = report(three_strategies, [])
    assert note.format(*labels) in text
    section = text[text.index("## How sure") :]
    assert "Best of all on average" in section[: section.index("\n\n|") + 800]
    wrong = three_strategies.decision.tables["net_benefit"]["error_probability"]
    assert wrong.tolist() == [0.36] * len(wrong) and "36.0%" in section


def test_scenarios_and_structures_that_have_another_best(three_strategies: Results) -> None:
    """Under the smaller lead the intervention is the best of all; the pair's sign stays the same."""
    text = report(three_strategies, [])
    label = three_strategies.problem.strategies["resection"].label
    assert f"another strategy is the best under A smaller lead ({label})" in text
    assert f"Ablation first under Partitioned survival, {label} under Semi-Markov" in text
    table = TABLES["companions"](three_strategies)
    assert table["best_275000"].tolist() == ["ablation", "ablation", "resection"]


def test_without_thresholds_of_the_country_there_is_no_verdict(three_strategies: Results) -> None:
    lines = run_answer(without_threshold(three_strategies, "none"))
    assert lines[0].startswith("Another country's thresholds, for orientation. At ")


def test_two_strategies_keep_their_words_and_tables(made_up_run: Results) -> None:
    text = report(made_up_run, [])
    assert "worth its cost" in text and "Probability of being cost-effective: " in text
    for words in ("therapy alone,", "of all 2", "plays no part", "Compares "):
        assert words not in text
    assert TABLES["choice"](made_up_run).empty
    assert not [c for c in TABLES["companions"](made_up_run) if c.startswith("best_")]


# --- Scenarios and countries


def test_scenarios_turn_where_another_strategy_is_best(three_strategies: Results) -> None:
    found = scenario_results(three_strategies)
    for name, _ in found.decision.thresholds:
        assert found.table[f"turns_{name}"].tolist() == [False, True, True]
        assert (found.table[f"net_benefit_{name}"] > 0).all()
    first, *rest = scenarios.answer(found)
    assert "1 turns the decision" in first
    assert (
        "In the base case Ablation first is the best of all 3 strategies on average (chance 64%)"
        in first
    )
    assert "is the best of all strategies at" in rest[-1] and "it turns the decision" in rest[-1]
    assert not any("worth its cost" in line for line in (first, *rest))
    rows = scenarios.scenario_rows(found)
    assert "Ablation first" in rows["Best of all"].tolist()


def test_countries_name_the_best_of_all(three_strategies: Results) -> None:
    problem, decision = three_strategies.problem, three_strategies.decision
    row = country_row(problem, three_strategies.simulation, decision)
    assert row["best_low"] == row["best_high"] == "ablation"
    assert row["best_low_probability"] == pytest.approx(0.64)
    found = CountryComparison(
        {problem.country.name: problem},
        {problem.country.name: decision},
        three_strategies.fits,
        pd.DataFrame([row]),
    )
    (line,) = countries.answer(found)
    assert "best of all 3 strategies: Ablation first at 275,000 (64%)" in line
    assert " alone " in line and "cost-effective" not in line


def test_old_results_without_the_table_still_name_the_best(three_strategies: Results) -> None:
    """Saved before there was a table of the choice: it is made from the draws."""
    tables = {k: t for k, t in three_strategies.decision.tables.items() if k != "choice"}
    old = replace(three_strategies, decision=replace(three_strategies.decision, tables=tables))
    assert run_answer(old) == run_answer(three_strategies)


def test_equal_strategies_name_each_other(three_strategies: Results) -> None:
    outcomes = three_strategies.simulation.outcomes
    data = outcomes.data.copy(deep=True)
    data.loc[{"strategy": "ablation"}] = data.sel(strategy="resection")
    from heor.together import decide

    simulation = replace(three_strategies.simulation, outcomes=replace(outcomes, data=data))
    own = replace(
        three_strategies,
        simulation=simulation,
        decision=decide(three_strategies.problem, simulation),
    )
    rows = incremental_rows(own).set_index("Strategy")
    label = own.problem.strategies["resection"].label
    assert rows.loc["Ablation first"].iloc[-1] == f"is equal in cost and effect to {label}"


def test_best_columns_of_two_strategies_are_none() -> None:
    assert best_columns({}) == {} and choices(SimpleNamespace(get=lambda _: None)) == {}
