"""Exposures and their valuation: what is kept, what is done again, and that the answer is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from heor import load, together
from heor.decision.cost_effectiveness import increments
from heor.errors import InputError, ModelError
from heor.left_out import LeftOut
from heor.parameters.draws import Draws, with_given
from heor.problem.parameter import Correlation
from heor.questions import one_way
from heor.questions.response import Response
from heor.questions.tipping_points import tipping_points
from heor.questions.value_based_prices import value_based_prices
from heor.simulation.accrual import COST, PLAIN
from heor.together import fit_together, run_on, run_together
from heor.usage.structures import with_structure
from heor.usage.touched import (
    DISCOUNTING,
    OCCUPANCY,
    SURVIVAL,
    VALUATION,
    degree,
    is_affine,
    is_price,
    touched,
    touched_by,
)
from heor.valuation.simulate import simulate, simulate_and_keep
from heor.valuation.value import value
from tests.declared_models import CURVED, declared
from tests.made_up import joint_draws, run_first

THRESHOLD = [("x", 400_000.0)]
MODELS = ("partitioned_survival", "state_transition", "semi_markov", "individual")


@pytest.fixture(scope="module")
def small(inputs: Path):
    """The base case on few draws, without a trial."""
    found = load(inputs, overrides={"analysis.structures": []}, draws=100)
    return replace(found, trial=None)


@pytest.fixture(scope="module")
def run(small, made_up_draws):
    return run_on(small, None, made_up_draws(small, 100))


@pytest.fixture(scope="module")
def curved(inputs: Path, tmp_path_factory):
    return load(declared(inputs, tmp_path_factory.mktemp("c") / "inputs", CURVED, 100))


def simulated_benefit(run, name: str, x: float, threshold: float = 400_000.0) -> float:
    """Mean net benefit with a name at a value, simulated again on the run's draws."""
    problem, drawn = run.problem, run.draws
    given = with_given(problem, drawn.values, {name: np.full(drawn.n, x)})
    outcomes = simulate(problem, Draws(given, drawn.curves)).outcomes
    found = increments(outcomes, problem.settings.comparator, problem.settings.intervention)
    return float((threshold * found["qalys"] - found["cost"]).mean())


# ----------------------------------------------------------------------------------- what is kept
@pytest.mark.parametrize("model", MODELS)
def test_model_years_add_up_to_the_whole(model: str, small) -> None:
    """With a horizon of eight years, every undiscounted exposure is that of its first ten years."""
    settings = replace(small.settings, end_age=small.start_age + 8, patients=30, draws=20)
    problem = replace(small, settings=settings)
    if model != "partitioned_survival":
        problem = with_structure(problem, model)
    _, kept = simulate_and_keep({"": (problem, joint_draws(problem, 20))}, [""], [""])
    for strategy in problem.strategies:
        whole = kept[""].exposures.measured[strategy][:, :, PLAIN]
        years = kept[""].exposures.by_year(strategy)
        assert years.shape[2] == 10
        np.testing.assert_allclose(years.sum(axis=2), whole, rtol=1e-9, atol=1e-9)
        assert (years[:, :, 8:] == 0).all()


def test_a_year_of_a_constant_rate(inputs: Path, tmp_path: Path) -> None:
    """Exponential survival by the trapezoid: the second year is lived by exp(-r) of those of the first."""
    text = CURVED.replace("background + r_death * rr", "r_death").replace(
        "background + r_death", "r_death"
    )
    problem = load(
        declared(inputs, tmp_path / "inputs", text, 60), overrides={"analysis.cycle": "month"}
    )
    found = run_first(problem)
    years = found.kept.exposures.by_year("old")[:, 0]
    rate = found.draws.values["r_death"][:, None]
    np.testing.assert_allclose(years[:, 1:] / years[:, :-1], np.exp(-rate) + 0 * years[:, 1:])


def test_valued_blocks_are_the_whole(run) -> None:
    found = value(run.kept.exposures, run.draws, run.problem)
    np.testing.assert_array_equal(found, run.outcomes.data.values)


def test_above_a_number_of_draws_evenly_spaced_ones_are_kept(
    small, made_up_draws, run, monkeypatch
) -> None:
    monkeypatch.setattr("heor.valuation.simulate.KEPT_DRAWS", 34)
    some = run_on(small, None, made_up_draws(small, 100))
    assert some.kept.rows.tolist() == list(range(0, 100, 3))
    np.testing.assert_array_equal(some.outcomes.data, run.outcomes.data)
    whole = run.kept.exposures.measured["resection"][some.kept.rows]
    np.testing.assert_array_equal(some.kept.exposures.measured["resection"], whole)
    response = Response.of(some, size=100)
    assert not response.values_all_draws
    # without a change both are the run; a straight line is known on all draws from some
    every = Response.of(run).estimates([{}, {"c_resection": 1e5}])
    found = response.estimates([{}, {"c_resection": 1e5}])
    np.testing.assert_allclose(found.mean[0], every.mean[0], rtol=1e-12)
    assert abs(found.mean[1, 0] - every.mean[1, 0]) < 4 * found.se(0)[1]
    assert found.mean[1, 1] == pytest.approx(every.mean[1, 1], rel=1e-9)  # a cost moves no QALY


# ---------------------------------------------------------------------------- what a change touches
@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("c_resection", {VALUATION}),
        ("m_progressed_relative", {VALUATION}),
        ("log_hr_os", {SURVIVAL}),
        ("postop_chemo_months", {OCCUPANCY}),
        ("cure_if_operated", {SURVIVAL}),
        ("start_age", {SURVIVAL}),
        ("correlation_os_pfs", {SURVIVAL}),
    ],
)
def test_what_a_parameter_touches(small, name: str, stages: set[str]) -> None:
    assert touched(small, [name]) == stages


def test_what_a_problem_touches(small) -> None:
    def changed(**of_country) -> set[str]:
        return touched_by(small, replace(small, country=replace(small.country, **of_country)))

    assert touched_by(small, small) == set()
    assert changed(streams=("health_service",)) == {VALUATION}
    assert changed(thresholds=(1.0,)) == set()
    free = tuple(replace(band, rate=0.0) for band in small.country.discount_costs)
    assert changed(discount_costs=free) == {DISCOUNTING}
    table = small.country.life_table
    assert SURVIVAL in changed(life_table=replace(table, q_male=table.q_male * 0.99))
    for what, stage in (("cycle", SURVIVAL), ("within_cycle", DISCOUNTING), ("seed", SURVIVAL)):
        other = {"cycle": 0.25, "within_cycle": "life_table", "seed": 5}[what]
        settings = replace(small.settings, **{what: other})
        assert touched_by(small, replace(small, settings=settings)) == {stage}
    parameter = replace(small.parameters["c_resection"], mean=1.0)
    again = replace(small, parameters={**small.parameters, "c_resection": parameter})
    assert touched_by(small, again) == {VALUATION}


def test_another_price_simulates_nothing_and_gives_the_same(curved, monkeypatch) -> None:
    """Three problems together, one of which is the first at another price and perspective."""
    dear = replace(curved.parameters["c_new"], mean=20_000.0)
    problems = {
        "base": curved,
        "dear": replace(curved, parameters={**curved.parameters, "c_new": dear}),
        "short": replace(curved, settings=replace(curved.settings, end_age=80.0)),
    }
    simulated: list[str] = []
    whole = together.simulate_and_keep

    def watched(cases, *arguments, **others):
        simulated.extend(cases)
        return whole(cases, *arguments, **others)

    monkeypatch.setattr(together, "simulate_and_keep", watched)
    fits = fit_together(problems, {})
    found = dict(run_together(problems, fits, {}))
    assert simulated == ["base", "short"] and set(found) == set(problems)
    every = dict(run_together(problems, fits, {}, keep_all=True))
    assert simulated[2:] == ["base", "dear", "short"]
    for name in problems:
        np.testing.assert_allclose(
            found[name].outcomes.data, every[name].outcomes.data, rtol=1e-12, atol=1e-12
        )
    assert not np.allclose(found["dear"].outcomes.cost, found["base"].outcomes.cost)


def test_names_drawn_together_move_together(small) -> None:
    """Of a correlated pair, and of a Dirichlet, another distribution of one is another draw of the other."""
    price = replace(small.parameters["c_resection"], mean=1.0)
    changed = {**small.parameters, "c_resection": price}

    def stages(**parts) -> set[str]:
        one = replace(small, **parts)
        own = {**one.parameters, "c_resection": price}
        return touched_by(one, replace(one, parameters=own))

    assert touched_by(small, replace(small, parameters=changed)) == {VALUATION}
    pair = Correlation("rho", pair=("c_resection", "log_hr_os_clocc"))
    assert SURVIVAL in stages(correlations=(*small.correlations, pair))
    shares = {
        name: replace(small.parameters[name], distribution="dirichlet", arguments=("g", "10"))
        for name in ("c_resection", "p_operated")
    }
    assert SURVIVAL in stages(parameters={**small.parameters, **shares})


def test_one_way_cases_valued_again_are_those_simulated(curved, monkeypatch) -> None:
    run = run_first(curved)
    valued = one_way.one_way(curved, run.fits, run.decision, LeftOut())
    monkeypatch.setattr(one_way, "touched", lambda *_: {SURVIVAL})
    simulated = one_way.one_way(curved, run.fits, run.decision, LeftOut())
    for one, other in zip(valued, simulated, strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


# ------------------------------------------------------------------------ tipping points and prices
@pytest.mark.parametrize("name", ["c_resection", "m_progressed_relative", "du_surgery_month_1"])
def test_a_tipping_point_is_that_of_brute_force(run, name: str) -> None:
    """Prices and utilities: the root of net benefit simulated again on the same draws."""
    response = Response.of(run)
    assert not response.needs_simulation([name])
    ends = np.array([0.0, 3 * run.draws.values[name].mean()])
    (cost0, cost1), (gain0, gain1) = (
        [-simulated_benefit(run, name, x, 0.0) for x in ends],
        [simulated_benefit(run, name, x, 1.0) - simulated_benefit(run, name, x, 0.0) for x in ends],
    )
    threshold = (cost0 + cost1) / (gain0 + gain1)  # net benefit turns halfway
    low, high = (simulated_benefit(run, name, x, threshold) for x in ends)
    assert low * high < 0
    root = brentq(lambda x: simulated_benefit(run, name, x, threshold), *ends, rtol=1e-14)
    limits = {name: (float(ends[0]), float(ends[1]))}
    table = tipping_points(response, [("x", threshold)], [name], limits)
    factor = (table["searched_to"] / ends[1]).iloc[0]
    assert table["value"].iloc[0] == pytest.approx(root * factor, rel=1e-9)


def test_a_price_is_the_root_by_simulation(run) -> None:
    table = value_based_prices(Response.of(run), THRESHOLD, ["c_resection"])
    root = brentq(lambda x: simulated_benefit(run, "c_resection", x), 0, 1e7, rtol=1e-14)
    assert table["price"].iloc[0] == pytest.approx(root, rel=1e-9)
    assert table["against"].iloc[0] == run.problem.settings.comparator


def with_amount(problem, amount: str):
    """The new treatment charged this much a year."""
    new = problem.strategies["new"]
    item = replace(new.costs["well"], amount=amount)
    return replace(
        problem, strategies={**problem.strategies, "new": replace(new, costs={"well": item})}
    )


def test_a_price_that_is_no_straight_line_is_searched(curved) -> None:
    """A rebate of half of what is above 5,000: the closed form of both parts."""
    assert is_affine(curved, "c_new")
    straight = value_based_prices(Response.of(run_first(curved)), THRESHOLD, ["c_new"])
    bent = with_amount(curved, "min(c_new, 5000) + 0.5 * max(0, c_new - 5000)")
    assert is_price(bent, "c_new") and not is_affine(bent, "c_new")
    found = value_based_prices(Response.of(run_first(bent)), THRESHOLD, ["c_new"])
    price = straight["price"].iloc[0]
    assert price > 5000
    assert found["price"].iloc[0] == pytest.approx(5000 + 2 * (price - 5000), rel=1e-9)


def test_of_three_strategies_it_is_where_the_intervention_stops_being_the_best(curved) -> None:
    """A third one, as good as the new and for a fixed yearly 7,000: the price is 7,000."""
    third = replace(with_amount(curved, "7000").strategies["new"], name="third", label="Third")
    problem = replace(curved, strategies={**curved.strategies, "third": third})
    found = value_based_prices(Response.of(run_first(problem)), [("x", 1e6)], ["c_new"])
    assert found["price"].iloc[0] == pytest.approx(7000.0, rel=1e-9)
    assert found["against"].iloc[0] == "third"
    two = value_based_prices(Response.of(run_first(curved)), [("x", 1e6)], ["c_new"])
    assert two["price"].iloc[0] > 7000 and two["against"].iloc[0] == "old"
    # with a QALY worth nothing, a year may cost what the old costs once, divided by the years
    run = run_first(problem)
    free = value_based_prices(Response.of(run), [("x", 0.0)], ["c_new"])
    exposures, at = run.kept.exposures, problem.strategies["new"].exposures
    years = exposures.measured["new"][:, list(at).index("well"), COST].mean()
    old = run.draws.values["c_old"].mean()
    assert free["price"].iloc[0] == pytest.approx(old / years, rel=1e-9)
    assert free["against"].iloc[0] == "old"


@pytest.mark.parametrize("name", ["rr", "m_old", "start_age"])
def test_what_is_no_price_is_refused(curved, name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} is not a price"):
        value_based_prices(Response.of(run_first(curved)), THRESHOLD, [name])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2 * a + b", 1),
        ("a / b - 3", 1),
        ("-(a + a) * 0.5", 1),
        ("b ** 2", 0),
        ("a ** 1", 2),
        ("1 / a", 2),
        ("a * c", 2),
        ("min(a, b)", 2),
        ("min(b, 1) * a", 1),
        ("exp(b)", 0),
    ],
)
def test_degree_of_an_expression(expression: str, expected: int) -> None:
    assert degree(expression, {"a": 1, "c": 1}) == expected


def test_a_price_that_is_none_is_a_fault_of_the_inputs(inputs: Path, tmp_path: Path) -> None:
    folder = declared(inputs, tmp_path / "inputs", CURVED, 60)
    analysis = folder / "model/analysis.yaml"
    analysis.write_text(analysis.read_text("utf-8") + "prices: [c_new, rr, m_old]\n", "utf-8")
    with pytest.raises(InputError) as caught:
        load(folder)
    rates, utilities = caught.value.problems
    assert "'rr' is not a price" in rates and "'m_old' is not a price" in utilities
    assert "analysis.yaml:" in rates and "amounts of money" in rates
