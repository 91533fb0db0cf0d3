"""What if: responses to given values, tipping points, prices and maps, on the base case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heor import load
from heor.decision.cost_effectiveness import increments
from heor.errors import InputError
from heor.problem.what_if_targets import Axis, WhatIf
from heor.questions.crossings import WhatIfMap
from heor.questions.maps import grid, internal, question, what_if_map
from heor.questions.response import Response
from heor.questions.tipping_points import search_range, tipping_points
from heor.questions.value_based_prices import value_based_prices
from heor.simulation.draw_inputs import sample
from heor.together import run_first, run_on
from heor.usage.usage import curve_inputs
from heor.valuation.simulate import simulate
from tests.declared_models import CURVED, declared
from tests.made_up import response_of

THRESHOLDS = [("275000", 275_000.0), ("715000", 715_000.0)]


@pytest.fixture(scope="module")
def asked(quick_cache):
    """A response on 60 of 300 draws, with its problem."""
    problem = load("inputs", draws=300, quick=True)
    problem = replace(problem, settings=replace(problem.settings, structures=()), trial=None)
    response, decision, fits = response_of(problem, quick_cache)
    return problem, response, decision, fits


@pytest.fixture(scope="module")
def quick_cache(shared_fits):
    return shared_fits


def net_benefit(response: Response, cases: list[dict], threshold: float) -> np.ndarray:
    cost, qalys = response.increments(cases)
    return threshold * qalys - cost


def mapped(response: Response, asked: WhatIf, labels: dict[str, str] | None = None) -> WhatIfMap:
    """A map of one response at the thresholds of this file."""
    labels = labels or {"": "run"}
    points = [internal(response.problem, point) for point in grid(asked)]
    answers = {name: response.estimates(points) for name in labels}
    return what_if_map(asked, response.problem, answers, THRESHOLDS, labels, {})


def test_without_given_values_it_is_the_run(asked) -> None:
    problem, response, decision, _ = asked
    cost, qalys = response.increments([{}])
    table = decision.tables["increments"].set_index("outcome")["mean"]
    assert cost[0] == pytest.approx(table["cost"], rel=1e-9)
    assert qalys[0] == pytest.approx(table["qalys"], rel=1e-9)


def test_a_given_value_is_a_fixed_parameter(asked, quick_cache) -> None:
    """The same as a run with the parameter fixed, on the same draws."""
    problem, response, _, fits = asked
    found, _ = response.outcomes([{"c_resection": 100_000.0, "p_operated": 0.5}])
    cost, qalys, _ = found[0]
    drawn = {k: v.copy() for k, v in response.draws.values.items()}
    for name, value in (("c_resection", 100_000.0), ("p_operated", 0.5)):
        drawn[name][:] = value
    drawn["cured_fraction"] = drawn["cure_exists"] * 0.5 * drawn["cure_if_operated"]
    outcomes = simulate(problem, replace(response.draws, values=drawn)).outcomes
    change = increments(outcomes, problem.settings.comparator, problem.settings.intervention)
    np.testing.assert_allclose(cost, change["cost"], rtol=1e-12)
    np.testing.assert_allclose(qalys, change["qalys"], rtol=0, atol=1e-12)


def test_a_derived_quantity_can_be_given(asked) -> None:
    """Cure given directly, whatever it is made of."""
    _, response, _, _ = asked
    _, qalys = response.increments([{"cured_fraction": c} for c in (0.0, 0.05, 0.1)])
    assert (np.diff(qalys) > 0).all()
    same = response.increments(
        [{"cured_fraction": 0.05}, {"cured_fraction": 0.05, "cure_if_operated": 0.9}]
    )
    assert same[1][0] == pytest.approx(same[1][1], rel=1e-12)


def test_an_unknown_name_is_refused(asked) -> None:
    with pytest.raises(InputError, match="unknown name 'nonsense'"):
        asked[1].increments([{"nonsense": 1.0}])


def test_net_benefit_at_a_tipping_point_is_nil(asked) -> None:
    _, response, _, _ = asked
    table = tipping_points(response, THRESHOLDS, ["c_resection", "cure_if_operated", "c_travel"])
    found = table[table["value"].notna()]
    assert {"c_resection", "cure_if_operated"} <= set(found["parameter"])
    for _, row in found.iterrows():
        value = row["value"]
        at = net_benefit(response, [{row["parameter"]: value}], row["threshold"])[0]
        assert abs(at) < 300  # NOK; the interval moves it by 100,000s
        step = (row["searched_to"] - row["searched_from"]) / 100
        above = net_benefit(response, [{row["parameter"]: value + step}], row["threshold"])[0]
        assert (above > 0) == row["worth_above"]
    none = table[table["parameter"] == "c_travel"]
    assert none["value"].isna().all() and none["worth_above"].tolist() == [False, True]


def test_every_crossing_is_found_where_net_benefit_turns(asked) -> None:
    """A threshold between the turn of net benefit along the hazard ratio and its ends: two crossings."""
    _, response, _, _ = asked
    x = np.linspace(-1.6, 1.2, 29)
    cost, qalys = response.increments([{"log_hr_os": v} for v in x])
    both = []
    for threshold in np.linspace(200_000, 400_000, 81):
        y = threshold * qalys - cost
        if (np.diff(np.sign(y)) != 0).sum() == 2:
            both.append(threshold)
    assert both, "net benefit is monotone in the hazard ratio at every threshold"
    middle = both[len(both) // 2]
    limits = {"log_hr_os": (-1.6, 1.2)}
    table = tipping_points(response, [("x", middle)], ["log_hr_os"], limits)
    assert len(table) == 2
    assert table["worth_above"].nunique() == 2


def test_value_based_price_is_where_net_benefit_is_nil(asked) -> None:
    _, response, _, _ = asked
    table = value_based_prices(response, THRESHOLDS, ["c_resection", "c_second_line_medicines"])
    for _, row in table[table["price"].notna()].iterrows():
        at = net_benefit(response, [{row["parameter"]: row["price"]}], row["threshold"])[0]
        assert at == pytest.approx(0.0, abs=1.0)
        assert row["current"] == response.problem.parameters[row["parameter"]].mean
    resection = table[table["parameter"] == "c_resection"].set_index("threshold_name")
    assert resection.loc["715000", "price"] > resection.loc["275000", "price"] > 0
    medicines = table[table["parameter"] == "c_second_line_medicines"]
    assert medicines["worth_rises"].all() and medicines["price"].isna().all()


def test_a_price_is_that_of_a_run_with_it_fixed(problem, made_up_draws, monkeypatch) -> None:
    """On all draws exactly; with the exposures of sixty of three hundred draws kept, nearly."""
    problem = replace(problem, settings=replace(problem.settings, structures=(), draws=300))
    problem = replace(problem, trial=None)
    draws, fits, names = made_up_draws(problem, 300), None, ["c_resection"]
    every = value_based_prices(Response.of(run_on(problem, fits, draws)), THRESHOLDS, names)
    monkeypatch.setattr("heor.valuation.simulate.KEPT_DRAWS", 60)
    some = value_based_prices(Response.of(run_on(problem, fits, draws)), THRESHOLDS, names)
    np.testing.assert_allclose(some["price"], every["price"], rtol=0.02)
    assert not np.allclose(some["price"], every["price"], rtol=1e-9)
    fixed = load("inputs", overrides={"c_resection": float(every["price"][0])})
    fixed = replace(fixed, settings=problem.settings, trial=None)
    again = increments(simulate(fixed, made_up_draws(fixed, 300)).outcomes, *roles_of(problem))
    assert (275_000 * again["qalys"] - again["cost"]).mean() == pytest.approx(0.0, abs=1e-6)


def roles_of(problem) -> tuple[str, str]:
    return problem.settings.comparator, problem.settings.intervention


def test_map_over_two_quantities(asked) -> None:
    _, response, _, _ = asked
    x = Axis("p_operated", "operated", 0.5, 1.0, 3, "p_operated")
    y = Axis("cured_fraction", "cured", 0.0, 0.12, 4, "cured_fraction")
    found = mapped(response, WhatIf("m", "Map", x, y))
    assert len(found.table) == 12
    assert set(found.table["x_unit"]) == {"probability"} and set(found.table["y_unit"]) == {""}
    assert set(found.table["money"]) == {"NOK 2025 a patient"}
    row = found.table[(found.table["x"] == 0.75) & (found.table["y"] == 0.08)].iloc[0]
    cost, qalys = response.increments([{"p_operated": 0.75, "cured_fraction": 0.08}])
    assert (row["cost"], row["qalys"]) == pytest.approx((cost[0], qalys[0]))
    own = found.crossings[found.crossings["threshold_name"] == "275000"]
    assert set(own["x"]) == {0.5, 0.75, 1.0}
    assert own["value"].dropna().between(0, 0.12).all()


def test_axes_are_in_the_units_of_entry(asked) -> None:
    """A duration is entered in months, and works in years inside."""
    problem, response, _, _ = asked
    name = "postop_chemo_months"
    assert problem.parameters[name].unit == "months"
    axis = Axis(name, "months", 1.0, 5.0, 3, name)
    found = mapped(response, WhatIf("m", "Map", axis))
    assert set(found.table["x_unit"]) == set(found.crossings["value_unit"]) == {"months"}
    cost, _ = response.increments([{name: 3.0 / 12}])
    at = found.table[found.table["x"] == 3.0].iloc[0]
    assert at["cost"] == pytest.approx(cost[0])
    asked_again = question(problem, [name])
    assert 0 <= asked_again.x.start < problem.parameters[name].entered_mean < asked_again.x.end < 24


def test_questions_name_what_is_wrong(asked) -> None:
    with pytest.raises(InputError) as error:
        question(asked[0], ["c_resecton", "p_operated"], {"p_operated": (0.9, 0.1)})
    text = str(error.value)
    assert "unknown name 'c_resecton'" in text and "'c_resection'" in text
    assert "p_operated from 0.9 to 0.1; the range must rise" in text


def test_search_ranges_stay_within_their_units(asked) -> None:
    problem, response, _, _ = asked

    def searched(name: str) -> tuple[float, float]:
        return search_range(problem, name, response.draws.values[name])

    for name in ("p_operated", "cure_if_operated", "share_pf_on_chemo"):
        low, high = searched(name)
        assert 0 <= low < high <= 1
    assert searched("t_follow_up_end") == (2.5, 10.0)  # fixed: half to twice
    assert searched("start_age") == (52.0, 72.0)  # ten years either side
    assert searched("correlation_os_pfs") == (0.4, 0.95)
    assert searched("tau_hr")[0] == 0.0  # no draw is negative


def test_what_acts_on_survival_is_known(asked) -> None:
    problem, _, _, _ = asked
    found = curve_inputs(problem)
    assert {"log_hr_os", "cure_if_operated", "p_operated", "transport_multiplier"} <= found
    assert not {"c_resection", "m_progressed_relative"} & found


def test_an_individual_model_is_asked_through_its_cohort(asked, quick_cache) -> None:
    problem, _, _, fits = asked
    individual = replace(
        problem, settings=replace(problem.settings, model="individual", draws=60, patients=20)
    )
    drawn = sample({"": individual}, {"": fits}, individual.streams)[""]
    run = run_on(individual, fits, drawn)
    response = Response.of(run, size=30)
    assert response.problem.settings.model == "semi_markov"
    cost, _ = response.increments([{}])
    roles = individual.settings.comparator, individual.settings.intervention
    assert cost[0] == pytest.approx(increments(run.outcomes, *roles)["cost"].mean())


@pytest.mark.slow
def test_figures_of_a_line_and_a_map(asked, tmp_path) -> None:
    from heor.questions.asked import Answer
    from heor.report.figure_data.what_if import Asked
    from heor.report.figures.registry import figure_bytes
    from heor.report.figures.what_if import what_if_of
    from heor.report.folders.what_if import answer, write_what_if

    problem, response, decision, _ = asked
    x = Axis("c_resection", "Cost of resection", 100_000.0, 400_000.0, 4, "c_resection")
    y = Axis("cured_fraction", "Share cured", 0.0, 0.1, 3, "cured_fraction")
    for one in (WhatIf("line", "A line", x), WhatIf("map", "A map", x, y)):
        shown = ["", "again"] if one.y is None else [""]
        points = [internal(problem, point) for point in grid(one)]
        answers = {n: response.estimates(points) for n in shown}
        labels = {n: f"Scenario {n}" for n in shown}
        found = what_if_map(one, problem, answers, decision.thresholds, labels, {})
        figure = what_if_of(Asked(problem, decision, found))
        figure.draw_without_rendering()
        titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
        assert sum("NOK per QALY" in t for t in titles) == 3
        first, second = (
            figure_bytes(what_if_of(Asked(problem, decision, found)), "svg") for _ in "ab"
        )
        assert first == second
        answered = Answer(decision, found, ())
        words = answer(problem, answered)
        assert len(words) == 3 and "Resection" in words[0]
    folder = write_what_if(problem, answered, tmp_path / "out")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(line in page for line in words) and page.count("<img ") == 1
    assert "<script" not in page and '<th scope="col"' in page  # numbers behind the map


def test_the_trial_of_an_individual_model_has_no_luck_of_patients(asked) -> None:
    """Its truth is that of the cohort, smooth in time, not that of twenty patients."""
    from heor.runs.analysis import trial_findings
    from heor.together import decide
    from heor.usage.structures import with_structure

    problem, _, _, fits = asked
    trial = replace(load("inputs", quick=True).trial, sizes=(62,), follow_ups=(2.0,))
    settings = replace(problem.settings, model="individual", draws=200, patients=20)
    individual = replace(problem, settings=settings, trial=trial)
    drawn = sample({"": individual}, {"": fits}, individual.streams)[""]
    found = []
    for own in (individual, with_structure(individual, "semi_markov")):
        simulation = simulate(own, drawn)
        found.append(
            trial_findings(own, drawn, simulation, decide(own, simulation), least_draws=200)
        )
    columns = ["patients", "follow_up_months", "effective_draws"]
    individual_check, cohort_check = (f.check[columns].drop_duplicates() for f in found)
    np.testing.assert_allclose(individual_check, cohort_check)


# --------------------------------------------------------------- equal to a run with the value set
def set_run(folder, name: str, value: float, draws: int) -> np.ndarray:
    """Mean increments of cost and QALYs of `heor run --set NAME=VALUE`, on all its draws."""
    _, decision, _ = response_of(load(folder, draws=draws, overrides={name: value}))
    return decision.tables["increments"].set_index("outcome")["mean"][["cost", "qalys"]].to_numpy()


VALUES = {"c_new": (0.0, 20_000.0), "c_old": (100.0, 3000.0), "m_new": (0.1, 0.9)}


@pytest.mark.parametrize("name", VALUES)
def test_a_straight_line_on_some_draws_is_the_run_on_all(name, inputs, tmp_path) -> None:
    """Forty of four hundred draws: nothing of their sampling error, and none of the quantity's."""
    folder = declared(inputs, tmp_path / "inputs")
    response, _, _ = response_of(load(folder))
    assert (response.size, response.run.shape[1]) == (40, 400)
    sampled = response.draws.values[name].mean() - response.whole[name].mean()
    assert abs(sampled) > 0.01 * response.whole[name].std()  # what once moved the whole line
    for value in VALUES[name]:
        found = np.stack(response.increments([{name: value}]))[:, 0]
        np.testing.assert_allclose(found, set_run(folder, name, value, 400), rtol=1e-9)


@pytest.mark.parametrize(("name", "values"), [("r_death", (0.01, 0.6)), ("rr", (0.0, 2.0))])
def test_a_curve_on_all_draws_is_the_run(name, values, inputs, tmp_path) -> None:
    folder = declared(inputs, tmp_path / "inputs", CURVED)
    problem = load(folder, draws=200)
    response = Response.of(run_first(problem), size=200)
    estimates = response.estimates([{name: value} for value in values])
    for row, value in zip(estimates.mean, values, strict=True):
        np.testing.assert_allclose(row[:2], set_run(folder, name, value, 200), rtol=1e-9)


@pytest.mark.slow
def test_a_curve_on_some_draws_has_the_error_it_states(inputs, tmp_path) -> None:
    """Over 60 seeds the answers on 40 of 400 draws scatter about the truth as their errors say."""
    base, case = load(declared(inputs, tmp_path / "inputs", CURVED)), {"rr": 1.5}
    scores, gaps, naive = [], [], []
    for seed in range(60):
        problem = replace(base, settings=replace(base.settings, seed=seed))
        run = run_first(problem)
        some = Response.of(run)
        every = Response.of(run, 400).estimates([case])
        found = some.estimates([case])
        gaps.append(found.mean[0, 1] - every.mean[0, 1])
        naive.append(some.outcomes([case])[0][0, 1].mean() - every.mean[0, 1])
        scores.append((found.mean[0, 1], found.se(1)[0]))
    mean, se = np.array(scores).T
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / 60**0.5  # no shift
    assert np.std(gaps) < 0.35 * np.std(naive)
    assert np.std(mean) == pytest.approx(np.sqrt(np.mean(se**2)), rel=0.3)


def test_what_enters_a_shift_moves_the_pooled_effect(asked) -> None:
    """`indirectness_shift` is added to the pooled effect in every draw: not a flat line."""
    _, response, _, _ = asked
    found, _ = response.outcomes([{"indirectness_shift": 0.3}, {}])
    moved = {**response.draws.values, "log_hr_os": response.draws.values["log_hr_os"] + 0.3}
    outcomes = simulate(response.problem, replace(response.draws, values=moved)).outcomes
    qalys = increments(outcomes, *roles_of(response.problem))["qalys"]
    np.testing.assert_allclose(found[0, 1], qalys, rtol=0, atol=1e-12)
    assert (found[0, 1] < found[1, 1]).mean() > 0.9


def test_crossings_between_far_values_are_solved_for(inputs, tmp_path) -> None:
    """Five values from 0 to 12 times the mortality: equal treatments are told apart at 1, not at 1.7."""
    from heor.questions.asked import ask

    text = CURVED.replace("{well: {exposure: well, amount: c_new, category: care}}", "{}")
    problem = load(declared(inputs, tmp_path / "inputs", text, 200))
    found = ask(problem, ["rr"], lambda values: problem, {"rr": (0.0, 12.0)}, 5).found
    np.testing.assert_allclose(found.crossings["value"], 1.0, atol=0.01)
    assert not found.crossings["worth_above"].any()
