"""Fewer than 100 draws say how large something is, and not how likely or how sure; no file is named that is not there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.cli import main as cli
from heor.outcomes.outcomes import LEAST_DRAWS
from heor.report.cheers.table import cheers_page
from heor.report.folders import countries, scenarios
from heor.report.folders.external_draws import answer, figures
from heor.report.folders.tables import TABLES
from heor.report.html.page import page
from heor.report.run_report import report
from heor.report.sections.answer import answer as run_answer
from heor.report.sections.trial import trial_page
from heor.runs.external_draws import Analysed, analyse
from heor.runs.results import Results
from heor.together import decide
from tests.other_programs import drawn, saved
from tests.reports import external_draws_markdown as psa_report
from tests.reports import scenario_results

FILE = re.compile(r"`?\b(tables/[\w/]+\.(?:csv|tsv|html))")
CHANCE = re.compile(r"\d ?%")
#: What a percentage may be of without being a chance or an interval of these draws.
OTHER = re.compile(r"95 % Monte Carlo interval|standard error of 1 %|EVPI 5 %")


def analysed(folder: Path, draws: int, strategies: int = 3) -> Analysed:
    table = drawn(draws)
    names = list(dict.fromkeys(table["strategy"]))[:strategies]
    path = saved(folder, table[table["strategy"].isin(names)])
    return analyse(path, "EUR", [15_000.0, 30_000.0])


@pytest.mark.parametrize("strategies", [2, 3])
@pytest.mark.parametrize("draws", [1, 2, 15, 99])
def test_draws_of_another_program(draws: int, strategies: int, tmp_path: Path) -> None:
    """The means and which is best on average; then that it is too early for more."""
    found = analysed(tmp_path, draws, strategies)
    lines = answer(found)
    few = f"too few draws to say ({draws}; at least 100 are needed)"
    assert sum(few in line for line in lines) == 2
    assert sum("highest expected net benefit" in line for line in lines) == 2
    text = psa_report(found, list(figures(found)))
    assert not CHANCE.search(OTHER.sub("", " ".join(lines)))
    assert not CHANCE.search(OTHER.sub("", text)), CHANCE.search(OTHER.sub("", text))
    assert f"Monte Carlo error: {few}." in text
    assert "nan" not in text.lower() and "Monte Carlo error is small" not in text
    assert list(figures(found)) == ["plane"]
    assert ("1 draw," in text) == (draws == 1) and "1 draws" not in text


def test_enough_draws_say_it(tmp_path: Path) -> None:
    """The tests above can fail."""
    found = analysed(tmp_path, LEAST_DRAWS)
    assert any(CHANCE.search(line) for line in answer(found)) and "ceac" in figures(found)
    assert "too few" not in psa_report(found, [])


@pytest.mark.parametrize("draws", [1, 2, 40, 120])
def test_folder_holds_every_file_that_its_words_name(
    draws: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heor.report.figures.registry.write_figures", lambda *_, **__: [])
    path, out = saved(tmp_path, drawn(draws, parameters=True)), tmp_path / "out"
    assert cli.main(["analyse", str(path), "--threshold", "20000", "--output", str(out)]) == 0
    for name in ("report.md", "report.html"):
        named = set(FILE.findall((out / name).read_text(encoding="utf-8")))
        assert all((out / file).exists() for file in named), named


# --- A run of the model


def fewer(results: Results, draws: int = 60) -> Results:
    """Results on the first of their draws."""
    outcomes = results.simulation.outcomes
    problem = replace(results.problem, settings=replace(results.problem.settings, draws=draws))
    simulation = replace(results.simulation, outcomes=replace(outcomes, data=outcomes.data[:draws]))
    decision = decide(problem, simulation)
    own = {"problem": problem, "simulation": simulation, "decision": decision}
    nothing = {"information": pd.DataFrame(), "information_curves": pd.DataFrame(), "trial": None}
    return replace(results, **own, **nothing)


@pytest.mark.parametrize("strategies", [2, 3])
def test_run_of_few_draws(made_up_run, three_strategies, strategies: int) -> None:
    own = fewer(made_up_run if strategies == 2 else three_strategies)
    said = " ".join(run_answer(own))
    assert "too few draws to say" in said and not CHANCE.search(said)
    text = report(own, [])
    head = text[text.index("## The answer") : text.index("## What it costs")]
    head = re.sub(r"Discounted [^.]*\.\d% a year", "", head)
    assert not re.search(r"\d%", head) and "SE too few draws to say" in head
    assert own.decision.tables["increments"]["low"].notna().all()  # the CSV has every number
    sure = text[text.index("## How sure") :]
    sure = sure[: sure.index("\n## ")]
    assert "Monte Carlo error: too few draws to say (60; at least 100 are needed)." in sure
    assert "too few draws to say" in sure and "%" not in sure.replace("95 % interval", "")
    assert "how sure: too few draws to say" in cheers_page(own)


def test_scenarios_and_countries_of_few_draws(three_strategies: Results) -> None:
    own = replace(
        three_strategies,
        problem=replace(
            three_strategies.problem, settings=replace(three_strategies.problem.settings, draws=60)
        ),
    )
    lines = scenarios.answer(scenario_results(own))
    assert any("too few draws to say" in line for line in lines)
    assert not CHANCE.search(" ".join(lines))
    table = scenarios.scenario_rows(scenario_results(own))
    chances = table[[c for c in table if c.startswith("Chance at")]].to_numpy()
    assert (chances == "too few draws to say").all()
    row = pd.Series(
        {"label": "Norway", "qalys": 0.5, "cost": 1e5, "icer": 2e5, "icer_label": "icer"}
        | {"currency": "NOK", "has_verdict": True, "best_low": "ablation"}
        | {"best_low_probability": 0.64, "threshold_low": 275_000.0, "probability_low": 0.98}
        | {f"threshold_{t}": np.nan for t in ("severity", "high")}
    )
    line = countries._line(own.problem, row)
    assert "too few draws to say" in line and not CHANCE.search(line)


@pytest.mark.parametrize("case", ["two", "three", "few"])
def test_report_names_no_table_that_is_not_written(
    made_up_run, three_strategies, case: str
) -> None:
    """In report.md, cheers.md, trial.md and report.html."""
    results = {"two": made_up_run, "three": three_strategies, "few": fewer(made_up_run)}[case]
    written = {f"tables/{name}.csv" for name, make in TABLES.items() if not make(results).empty}
    written |= {"tables/journal.html"}
    texts = [report(results, []), cheers_page(results), trial_page(results, []), page(results, {})]
    for text in texts:
        named = {n for n in FILE.findall(text) if not n.startswith("tables/journal/")}
        assert named <= written, named - written
