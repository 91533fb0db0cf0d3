"""A question that fails never takes the run with it; a run without uncertainty has its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heor import load, together
from heor.errors import FitError, ModelError
from heor.left_out import all_that_can
from heor.problem.what_if_targets import Axis, WhatIf
from heor.report.folders.run import write_parts
from heor.runs import analysis
from heor.runs.analysis import evaluate
from heor.runs.results import Results
from heor.runs.scenario_analysis import evaluate_scenarios
from tests.declared_models import CURVED, LINEAR, ROWS, declared

FIXED = "\n".join(
    ",".join([*row.split(",")[:3], "0", "fixed", *row.split(",")[5:]])
    for row in ROWS.split("\n")[:-1]
)


def failing(error: Exception) -> Callable:
    def fails(*_: object, **__: object) -> None:
        raise error

    return fails


def texts(results: Results, folder: Path, *more: str) -> dict[str, str]:
    """What a reader opens, by file."""
    folder.mkdir()
    write_parts(results, folder, ("md", "html", *more), with_figures=False)
    return {p.name: p.read_text("utf-8") for p in folder.iterdir() if p.suffix in (".md", ".html")}


@pytest.fixture
def problem(inputs: Path, tmp_path: Path):
    """Two structures, a map and a price to ask about."""
    found = load(declared(inputs, tmp_path / "inputs", CURVED, 60))
    settings = replace(found.settings, structures=("state_transition", "semi_markov"))
    asked = WhatIf("m", "Over the price", Axis("c_new", "Price", 0.0, 2e4, 3, "c_new"))
    return replace(found, settings=settings, prices=("c_new",), what_if=(asked,))


def test_nothing_is_left_out_of_a_run_that_works(problem, tmp_path: Path) -> None:
    results = evaluate(problem)
    assert not results.left_out and len(results.maps) == 1 and len(results.prices)
    assert not any("Left out" in text for text in texts(results, tmp_path / "o", "docx").values())


@pytest.mark.parametrize(
    ("place", "name", "error", "what", "says"),
    [
        (
            analysis,
            "one_way",
            np.linalg.LinAlgError("Singular matrix"),
            "one-way sensitivity",
            "the computation broke down (Singular matrix)",
        ),
        (
            analysis,
            "value_of_information",
            ModelError("a law broke."),
            "value of information",
            "a law broke.",
        ),
        (
            analysis,
            "trial_findings",
            FloatingPointError("overflow"),
            "value of the trial",
            "(overflow)",
        ),
        (
            analysis,
            "what_if_findings",
            ZeroDivisionError("division by zero"),
            "what would change the answer",
            "(division by zero)",
        ),
    ],
)
def test_a_question_that_fails_is_left_out_and_named_in_its_place(
    place, name, error, what, says, problem, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(place, name, failing(error))
    results = evaluate(problem)
    assert list(results.left_out) == [what] and says in results.left_out[what]
    assert any(w.startswith(f"Left out: {what}.") for w in results.warnings)
    found = texts(results, tmp_path / "o", "docx")
    place = found["report.md"].split("## What it costs")[1]  # not among the warnings only
    assert f"**Left out: {what}.**" in place and says in place
    assert f"Left out: {what}" in found["report.html"]


def test_one_parameter_that_fails_leaves_the_others(problem, monkeypatch, tmp_path) -> None:
    """Tipping points, prices, one-way cases and maps, name by name."""
    from heor.questions import one_way
    from heor.questions import tipping_points as what_if
    from heor.questions import what_if_questions as questions
    from heor.questions.value_based_prices import value_based_prices

    def breaks_at(function: Callable, broken: str, place: int) -> Callable:
        def changed(*arguments, **others):
            if broken in arguments[place]:
                raise ModelError(f"{broken} broke it.")
            return function(*arguments, **others)

        return changed

    monkeypatch.setattr(what_if, "tipping_points", breaks_at(what_if.tipping_points, "rr", 2))
    monkeypatch.setattr(questions, "value_based_prices", breaks_at(value_based_prices, "c_new", 2))
    monkeypatch.setattr(one_way, "_increments", breaks_at(one_way._increments, "m_old", 2))
    results = evaluate(problem)
    assert set(results.left_out) == {
        "one-way sensitivity of m_old",
        "tipping points of rr",
        "value-based prices of c_new",
    }
    assert "r_death" in set(results.tipping["parameter"])
    assert "rr" not in set(results.tipping["parameter"]) and results.prices.empty
    names = set(results.tornado["parameter"])
    assert "m_old" not in names and {"rr", "c_new"} <= names
    text = texts(results, tmp_path / "o")["report.md"]
    assert "**Left out: tipping points of rr.** rr broke it." in text


def test_a_scenario_or_structure_that_fails_is_left_out(problem, tmp_path: Path) -> None:
    """Each by itself, in fits as in simulation; the run stays as it is without them."""
    broken = replace(problem.strategies["new"].transitions[0], rate="background - 1")
    strategies = {
        **problem.strategies,
        "new": replace(problem.strategies["new"], transitions=(broken,)),
    }
    beside = {
        "good": replace(problem, scenario_label="As it is"),
        "bad": replace(problem, strategies=strategies, scenario_label="Negative rates"),
    }
    results, alone = evaluate(problem, beside), evaluate(problem)
    assert [c.label for c in results.companions] == ["As it is"]
    why = results.left_out["scenario: Negative rates"]
    assert "well -> dead" in why
    assert "Left out: scenario: Negative rates." in texts(results, tmp_path / "o")["report.md"]
    np.testing.assert_array_equal(results.simulation.outcomes.data, alone.simulation.outcomes.data)


def test_a_structure_that_breaks_is_told(problem, monkeypatch, tmp_path: Path) -> None:
    whole = together.simulate_and_keep

    def breaks(cases, *arguments, **others):
        if ("structure", "semi_markov") in cases:
            raise ModelError("occupancy is negative in draw 3.")
        return whole(cases, *arguments, **others)

    monkeypatch.setattr(together, "simulate_and_keep", breaks)
    results = evaluate(problem)
    assert [s.model for s in results.structures] == ["state_transition"]
    assert results.structure_faults["semi_markov"] == "occupancy is negative in draw 3."
    assert "occupancy is negative in draw 3." in texts(results, tmp_path / "o")["report.md"]


def test_the_run_itself_must_succeed(problem) -> None:
    broken = replace(problem.strategies["new"].transitions[0], rate="background - 1")
    strategies = {
        **problem.strategies,
        "new": replace(problem.strategies["new"], transitions=(broken,)),
    }
    with pytest.raises(ModelError):
        evaluate(replace(problem, strategies=strategies))


def test_a_fault_of_the_program_is_not_hidden(problem, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "one_way", failing(KeyError("factor")))
    with pytest.raises(KeyError):
        evaluate(problem)


def test_scenarios_that_break_down_numerically_are_left_out(problem, monkeypatch) -> None:
    """`heor scenarios --run`: as by an error of the model, so by one of linear algebra."""
    whole = together.simulate_and_keep

    def breaks(cases, *arguments, **others):
        if "odd" in cases:
            raise np.linalg.LinAlgError("Singular matrix")
        return whole(cases, *arguments, **others)

    monkeypatch.setattr(together, "simulate_and_keep", breaks)
    shorter = replace(problem, settings=replace(problem.settings, end_age=90.0))
    results = evaluate_scenarios({"base": problem, "odd": shorter, "even": problem})
    assert list(results.table["scenario"]) == ["base", "even"]
    assert results.faults == {"odd": "the computation broke down (Singular matrix)."}


def test_each_is_tried_where_all_together_fail() -> None:
    tried: list[list[str]] = []

    def together(names: list[str]) -> dict[str, int]:
        tried.append(names)
        if "b" in names:
            raise FitError("b did not converge.")
        return dict.fromkeys(names, 1)

    faults: dict[str, str] = {}
    assert all_that_can(["a", "b", "c"], together, faults, "a") == {"a": 1, "c": 1}
    assert faults == {"b": "b did not converge."}
    assert tried == [["a", "b", "c"], ["a"], ["b"], ["c"]]


# ------------------------------------------------------------------------- nothing is uncertain
@pytest.fixture
def certain(inputs: Path, tmp_path: Path):
    return load(declared(inputs, tmp_path / "inputs", LINEAR, 600, FIXED + "\n"))


def test_a_model_without_uncertainty_has_its_answer(certain, tmp_path: Path) -> None:
    """The closed form, one line that says why there is no tornado, and every report."""
    results = evaluate(certain)
    increments = results.decision.tables["increments"].set_index("outcome")
    assert increments.loc["cost", "mean"] == pytest.approx(9000 + 0.5 * 1000 - 1000)
    assert increments.loc["qalys", "sd" if "sd" in increments else "se"] == pytest.approx(
        0, abs=1e-12
    )
    lived = results.simulation.outcomes.component("qalys")
    assert lived[:, 1] / lived[:, 0] == pytest.approx(0.75 / 0.70)
    base = results.deterministic.set_index("case").loc["base"]
    assert set(base.index) == {"icer", *increments.index}
    assert base[increments.index].tolist() == pytest.approx(increments["mean"].tolist())
    assert results.tornado.empty and results.information.empty and not results.left_out
    assert sum("is fixed, and nothing is fitted" in w for w in results.warnings) == 1
    found = texts(results, tmp_path / "o", "docx")
    for text in (found["report.md"], found["report.html"]):
        assert "every parameter that acts in the draws of this run is fixed" in text
        assert "nothing in this run is uncertain" in text
    assert (tmp_path / "o/tables/increments.csv").exists()
    assert not (tmp_path / "o/tables/tornado.csv").exists()
    assert list((tmp_path / "o").glob("*.docx"))


@pytest.mark.slow
def test_its_figures_are_drawn(certain, tmp_path: Path) -> None:
    from heor.report.figures.registry import figure_bytes, figures_of

    results = evaluate(certain)
    drawn = figures_of(results)
    assert not {"tornado", "tornado_icer", "information"} & set(drawn)
    for draw in drawn.values():
        assert figure_bytes(draw(results), "svg")
