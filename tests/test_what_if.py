"""What if: responses to given values, tipping points, prices and maps, on the base case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heor import load
from heor.analysis import response_of, sample
from heor.decision.cost_effectiveness import increments
from heor.errors import InputError
from heor.inputs.what_if import Axis, WhatIf
from heor.simulation import simulate
from heor.what_if import (
    Response,
    curve_inputs,
    question,
    search_range,
    tipping_points,
    value_based_prices,
    what_if_map,
)

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


def test_without_given_values_it_is_the_run(asked) -> None:
    problem, response, decision, _ = asked
    cost, qalys = response.increments([{}])
    table = decision.tables["increments"].set_index("outcome")["mean"]
    assert cost[0] == pytest.approx(table["cost"], rel=1e-9)
    assert qalys[0] == pytest.approx(table["qalys"], rel=1e-9)


def test_a_given_value_is_a_fixed_parameter(asked, quick_cache) -> None:
    """The same as a run with the parameter fixed, on the same draws."""
    problem, response, _, fits = asked
    every = replace(response, shift=(0.0, 0.0))
    cost, qalys = every.increments([{"c_resection": 100_000.0, "p_operated": 0.5}])
    drawn = {k: v.copy() for k, v in response.draws.values.items()}
    for name, value in (("c_resection", 100_000.0), ("p_operated", 0.5)):
        drawn[name][:] = value
    drawn["cured_fraction"] = drawn["cure_exists"] * 0.5 * drawn["cure_if_operated"]
    outcomes = simulate(problem, replace(response.draws, values=drawn)).outcomes
    change = increments(outcomes, problem.settings.comparator, problem.settings.intervention)
    assert cost[0] == pytest.approx(change["cost"].mean(), rel=1e-12)
    assert qalys[0] == pytest.approx(change["qalys"].mean(), rel=1e-12)


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
        # of a price the level is that of all draws: see Response.lag
        value = row["value"] + response.lag("c_resection") * (row["parameter"] == "c_resection")
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
        value = row["price"] + response.lag(row["parameter"])
        at = net_benefit(response, [{row["parameter"]: value}], row["threshold"])[0]
        assert at == pytest.approx(0.0, abs=1.0)
        assert row["current"] == response.problem.parameters[row["parameter"]].mean
    resection = table[table["parameter"] == "c_resection"].set_index("threshold_name")
    assert resection.loc["715000", "price"] > resection.loc["275000", "price"] > 0
    medicines = table[table["parameter"] == "c_second_line_medicines"]
    assert medicines["worth_rises"].all() and medicines["price"].isna().all()


def test_a_price_on_some_draws_is_nearly_that_on_all(problem, made_up_draws) -> None:
    """Sixty draws know the price of three hundred to a thousandth: only what it is multiplied by differs."""
    problem = replace(problem, settings=replace(problem.settings, structures=()), trial=None)
    draws = made_up_draws(problem, 300)
    run = simulate(problem, draws)
    prices = {
        size: value_based_prices(
            Response.of(problem, draws, run, size), THRESHOLDS, ["c_resection"]
        )
        for size in (60, 300)
    }
    some, every = (prices[size]["price"].to_numpy() for size in (60, 300))
    np.testing.assert_allclose(some, every, rtol=0.02)
    lag = Response.of(problem, draws, run, 60).lag("c_resection")
    assert abs(lag) > 0.02 * every.min()  # more than that without the correction


def test_map_over_two_quantities(asked) -> None:
    _, response, _, _ = asked
    x = Axis("p_operated", "operated", 0.5, 1.0, 3, "p_operated")
    y = Axis("cured_fraction", "cured", 0.0, 0.12, 4, "cured_fraction")
    found = what_if_map(WhatIf("m", "Map", x, y), {"": response}, THRESHOLDS, {"": "run"}, {})
    assert len(found.table) == 12
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
    found = what_if_map(WhatIf("m", "Map", axis), {"": response}, THRESHOLDS, {"": "run"}, {})
    cost, _ = response.increments([{name: 3.0 / 12}])
    at = found.table[found.table["x"] == 3.0].iloc[0]
    assert at["cost"] == pytest.approx(cost[0])
    asked_again = question(response, [name])
    assert 0 <= asked_again.x.start < problem.parameters[name].entered_mean < asked_again.x.end < 24


def test_questions_name_what_is_wrong(asked) -> None:
    with pytest.raises(InputError) as error:
        question(asked[1], ["c_resecton", "p_operated"], {"p_operated": (0.9, 0.1)})
    text = str(error.value)
    assert "unknown name 'c_resecton'" in text and "'c_resection'" in text
    assert "p_operated from 0.9 to 0.1; the range must rise" in text


def test_search_ranges_stay_within_their_units(asked) -> None:
    _, response, _, _ = asked
    for name in ("p_operated", "cure_if_operated", "share_pf_on_chemo"):
        low, high = search_range(response, name)
        assert 0 <= low < high <= 1
    low, high = search_range(response, "start_age")  # fixed: half to twice
    assert (low, high) == (31.0, 120.0)


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
    simulation = simulate(individual, drawn)
    response = Response.of(individual, drawn, simulation, size=30)
    assert response.problem.settings.model == "semi_markov"
    cost, _ = response.increments([{}])
    roles = individual.settings.comparator, individual.settings.intervention
    assert cost[0] == pytest.approx(increments(simulation.outcomes, *roles)["cost"].mean())


@pytest.mark.slow
def test_figures_of_a_line_and_a_map(asked, tmp_path) -> None:
    from heor.report.figures import figure_bytes
    from heor.report.figures_what_if import what_if_of
    from heor.report.numbers.what_if import Asked
    from heor.report.what_if import answer, write_what_if

    problem, response, decision, _ = asked
    x = Axis("c_resection", "Cost of resection", 100_000.0, 400_000.0, 4, "c_resection")
    y = Axis("cured_fraction", "Share cured", 0.0, 0.1, 3, "cured_fraction")
    for one in (WhatIf("line", "A line", x), WhatIf("map", "A map", x, y)):
        shown = {"": response, "again": response} if one.y is None else {"": response}
        labels = {n: f"Scenario {n}" for n in shown}
        found = what_if_map(one, shown, decision.thresholds, labels, {})
        figure = what_if_of(Asked(problem, decision, found))
        figure.draw_without_rendering()
        titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
        assert sum("NOK per QALY" in t for t in titles) == 3
        first, second = (
            figure_bytes(what_if_of(Asked(problem, decision, found)), "svg") for _ in "ab"
        )
        assert first == second
        words = answer(problem, decision, found)
        assert len(words) == 3 and "Resection" in words[0]
    folder = write_what_if(problem, decision, found, tmp_path / "out")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(line in page for line in words) and page.count("<img ") == 1
    assert "<script" not in page and '<th scope="col"' in page  # numbers behind the map


def test_the_trial_of_an_individual_model_has_no_luck_of_patients(asked) -> None:
    """Its truth is that of the cohort, smooth in time, not that of twenty patients."""
    from heor.analysis import decide, trial_findings
    from heor.inputs.structures import with_structure

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
