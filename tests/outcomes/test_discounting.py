"""Cycles, what counts within them, and when things are discounted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from heor import load
from heor.outcomes.discounting import WITHIN_CYCLE, covered, discount_factor, quadrature
from heor.problem.country import DiscountBand
from heor.problem.problem import DecisionProblem
from heor.problem.units import cycle_years
from heor.simulation.accrual import COST, EFFECT, PLAIN, Accrual
from heor.valuation.simulate import simulate
from tests.arithmetic import cycle_weights, state_weights

CYCLES = ("day", "week", "2 weeks", "month", "quarter", "year")


def boundaries(cycle: float, horizon: float) -> np.ndarray:
    """As `DecisionProblem.time`: the last cycle is shorter where cycles do not fill the horizon."""
    whole = np.arange(int(horizon / cycle + 1e-9) + 1) * cycle
    return whole if horizon - whole[-1] < 1e-9 else np.append(whole, horizon)


# ------------------------------------------------------------------------- within the cycle
@pytest.mark.parametrize("rule", WITHIN_CYCLE)
@pytest.mark.parametrize("cycle", CYCLES)
def test_everyone_alive_for_the_whole_time(rule: str, cycle: str) -> None:
    """T life years to 1e-12, also when the last cycle is shorter."""
    for horizon in (10.0, 7.3):
        weights = cycle_weights(boundaries(cycle_years(cycle), horizon), rule)
        assert weights.sum() == pytest.approx(horizon, abs=1e-12)


@pytest.mark.parametrize("rule", WITHIN_CYCLE)
@pytest.mark.parametrize("time", [[0, 0.4], [0, 1, 1.3], [0, 1, 2, 2.5], [0, 1, 2, 3, 3.1]])
def test_few_cycles_and_a_short_last_one(rule: str, time: list[float]) -> None:
    """A straight line is exact under the rules that know both ends."""
    boundaries = np.array(time)
    weights = cycle_weights(boundaries, rule)
    assert weights.sum() == pytest.approx(time[-1], abs=1e-12)
    if rule not in ("start", "end"):
        assert weights @ boundaries == pytest.approx(time[-1] ** 2 / 2, rel=1e-12)


@given(
    rule=st.sampled_from(sorted(WITHIN_CYCLE)),
    cycles=st.integers(1, 40),
    start=st.floats(0, 40),
    length=st.floats(0, 40),
)
@settings(max_examples=80, deadline=None)
def test_a_window_counts_its_own_length(
    rule: str, cycles: int, start: float, length: float
) -> None:
    time = np.arange(cycles + 1.0)
    share = covered(time, np.array([start]), np.array([start + length]))
    inside = max(min(start + length, cycles) - min(start, cycles), 0)
    assert state_weights(time, share, rule).sum() == pytest.approx(inside, abs=1e-9)


@pytest.mark.parametrize("cycles", [2, 3, 4, 5, 8, 9, 75])
def test_simpson_is_exact_for_cubics(cycles: int) -> None:
    """Parabolas (exact for cubics too), the last three cycles by 3/8 where their number is odd."""
    time = 0.5 * np.arange(cycles + 1)
    values = 1 - 0.3 * time + 0.2 * time**2 - 0.05 * time**3
    end = time[-1]
    exact = end - 0.15 * end**2 + 0.2 / 3 * end**3 - 0.0125 * end**4
    assert cycle_weights(time, "simpson") @ values == pytest.approx(exact, rel=1e-12)
    if cycles % 2 == 0:
        assert cycle_weights(time, "simpson") @ values**2 == pytest.approx(
            integrate.simpson(values**2, x=time), rel=1e-12
        )


@pytest.mark.parametrize(
    ("rule", "order"),
    [("start", 1), ("end", 1), ("trapezoid", 2), ("life_table", 2), ("simpson", 4)],
)
def test_errors_fall_with_the_cycle(rule: str, order: int) -> None:
    errors = []
    for cycles in (24, 48):
        time = np.linspace(0, 8, cycles + 1)
        errors.append(
            abs(cycle_weights(time, rule) @ np.exp(-0.7 * time) - (1 - np.exp(-5.6)) / 0.7)
        )
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_rows_are_the_cycles() -> None:
    """Each cycle's own integral, so that parts of a cycle can be counted."""
    time = np.arange(8.0)
    for rule in WITHIN_CYCLE:
        np.testing.assert_allclose(quadrature(time, rule).sum(axis=1), 1, atol=1e-14)
    assert quadrature(time, "start").toarray()[3].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("cycles", [1, 2, 3, 6, 7, 456])
def test_no_time_point_counts_negatively(cycles: int) -> None:
    """Over the whole horizon; so QALYs stay below life years under every rule."""
    for rule in WITHIN_CYCLE:
        assert (cycle_weights(np.arange(cycles + 1.0), rule) >= 0).all()


def test_unknown_words() -> None:
    with pytest.raises(ValueError, match="none of trapezoid"):
        quadrature(np.arange(3.0), "half")
    with pytest.raises(ValueError, match="neither annual_effective nor continuous"):
        discount_factor([DiscountBand(0, None, 0.04)], 1.0, "yearly")


# ------------------------------------------------------------------------------ discounting
def test_two_timings() -> None:
    flat = [DiscountBand(0, None, 0.04)]
    assert discount_factor(flat, 10.0) == pytest.approx(1.04**-10, rel=1e-14)
    assert discount_factor(flat, 10.0, "continuous") == pytest.approx(np.exp(-0.4), rel=1e-14)
    bands = [DiscountBand(0, 40, 0.04), DiscountBand(40, 75, 0.03), DiscountBand(75, None, 0.02)]
    assert discount_factor(bands, 80.0, "continuous") == pytest.approx(
        np.exp(-0.04 * 40 - 0.03 * 35 - 0.02 * 5), rel=1e-14
    )


def variant(problem: DecisionProblem, **changes: object) -> DecisionProblem:
    return replace(problem, settings=replace(problem.settings, **changes))


@pytest.fixture(scope="module")
def problem(inputs: Path) -> DecisionProblem:
    return load(inputs)


BANDS = (DiscountBand(0, 10, 0.04), DiscountBand(10, None, 0.02))


@pytest.mark.parametrize(
    ("rule", "error"),
    [("start", 0.07), ("end", 0.07), ("trapezoid", 2e-3), ("life_table", 2e-3), ("simpson", 3e-5)],
)
def test_discounted_years_against_the_closed_form(
    rule: str, error: float, problem: DecisionProblem
) -> None:
    """Hazard 0.5 over 38 years in quarters; 4 % to year 10, then 2 %, continuously."""
    hazard = 0.5
    country = replace(
        problem.country, discount_costs=BANDS, discount_effects=BANDS, discount_timing="continuous"
    )
    own = replace(
        variant(problem, within_cycle=rule, cycle=cycle_years("quarter")), country=country
    )
    first, second = hazard + 0.04, hazard + 0.02
    exact = (1 - np.exp(-first * 10)) / first
    exact += np.exp(-first * 10) * (1 - np.exp(-second * 28)) / second
    found = Accrual.of(own).all_years(np.exp(-hazard * own.time)[None])
    assert found[0, [COST, EFFECT]] == pytest.approx(exact, rel=error)
    assert found[0, PLAIN] == pytest.approx(1 / hazard, rel=error)


@pytest.mark.parametrize("rule", WITHIN_CYCLE)
def test_one_window_for_all_or_one_for_each_draw(rule: str, problem: DecisionProblem) -> None:
    accrual = Accrual.of(variant(problem, within_cycle=rule))
    alive = np.exp(-np.array([[0.3], [0.9]]) * accrual.time)
    share = covered(accrual.time, np.array([0.31]), np.array([4.77]))
    np.testing.assert_allclose(
        accrual.person_years(alive, share),
        accrual.person_years(alive, np.repeat(share, 2, axis=0)),
        rtol=1e-12,
    )


def test_life_table_values_the_middle_of_the_cycle(problem: DecisionProblem) -> None:
    """The mean of both ends, discounted in between: 1 year in full, then 3/4, in years of 4 %."""
    own = variant(problem, within_cycle="life_table", cycle=1.0)
    accrual, alive = Accrual.of(own), np.zeros((1, len(own.time)))
    alive[0, :3] = 1, 1, 0.5
    found = accrual.all_years(alive)[0]
    assert found[PLAIN] == 1 + 0.75 + 0.25
    middle = [(1.04**-t + 1.04 ** -(t + 1)) / 2 for t in range(3)]
    assert found[COST] == pytest.approx(np.dot([1, 0.75, 0.25], middle), rel=1e-13)
    assert middle == pytest.approx([1.04 ** -(t + 0.5) for t in range(3)], rel=3e-4)


def test_costs_and_effects_have_rates_of_their_own(problem: DecisionProblem, made_up_draws) -> None:
    none = (DiscountBand(0, None, 0.0),)
    draws = made_up_draws(problem, 5)
    base = simulate(problem, draws, workers=1).outcomes
    free = replace(problem, country=replace(problem.country, discount_effects=none))
    found = simulate(free, draws, workers=1).outcomes
    np.testing.assert_allclose(found.cost, base.cost, rtol=1e-12)
    plain = found.component("qalys_undiscounted")
    np.testing.assert_allclose(found.qalys, plain, rtol=1e-12)
    assert (base.qalys < plain).all()


def test_timing_reaches_the_outcomes(problem: DecisionProblem, made_up_draws) -> None:
    """4 % continuously discounts more than 4 % a year."""
    draws = made_up_draws(problem, 5)
    continuous = replace(problem, country=replace(problem.country, discount_timing="continuous"))
    a, b = (simulate(p, draws, workers=1).outcomes.qalys for p in (problem, continuous))
    assert (b < a).all()
    np.testing.assert_allclose(a, b, rtol=0.01)


@pytest.mark.parametrize("rule", WITHIN_CYCLE)
@pytest.mark.parametrize("cycle", ["week", "month", "year"])
def test_one_off_costs_to_the_last_unit(
    rule: str, cycle: str, problem: DecisionProblem, made_up_draws
) -> None:
    """Surgery costs what it costs, discounted at its time, whatever the cycle or rule."""
    own = variant(problem, within_cycle=rule, cycle=cycle_years(cycle))
    draws = made_up_draws(own, 5)
    found = simulate(own, draws, workers=1).outcomes.component("surgery")[:, 1]
    value = draws.value
    operation = value("c_resection") + value("p_ablation_adjunct") * value("c_ablation")
    at = discount_factor(own.country.discount_costs, value("surgery"))
    expected = value("p_operated") * operation * at + value("c_workup")
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("cycle", ["week", "month", "quarter"])
def test_events_do_not_go_by_the_rule(cycle: str, problem: DecisionProblem, made_up_draws) -> None:
    """Deaths and recurrences are counted, not integrated: all rules charge each once."""
    none = (DiscountBand(0, None, 0.0),)
    free = replace(problem, country=replace(problem.country, discount_costs=none))
    draws = made_up_draws(free, 5)
    cost = {}
    for rule in WITHIN_CYCLE:
        own = variant(free, within_cycle=rule, cycle=cycle_years(cycle))
        cost[rule] = simulate(own, draws, workers=1).outcomes.component("end_of_life")
    for rule in WITHIN_CYCLE:
        np.testing.assert_allclose(cost[rule], cost["trapezoid"], rtol=1e-13)
    # on chemotherapy nearly all die of the cancer, each once
    dead = cost["trapezoid"][:, 0] / draws.value("end_of_life_net")
    assert (dead > 0.95).all() and (dead < 1).all()


def test_simpson_agrees_from_week_to_month(problem: DecisionProblem, made_up_draws) -> None:
    draws = made_up_draws(problem, 20)
    month, week = (
        simulate(variant(problem, within_cycle="simpson", cycle=c), draws, workers=1).outcomes
        for c in (cycle_years("month"), cycle_years("week"))
    )
    np.testing.assert_allclose(month.qalys.mean(axis=0), week.qalys.mean(axis=0), rtol=1e-3)


@pytest.mark.parametrize("rule", ["simpson", "life_table"])
def test_rules_agree_on_norway(rule: str, problem: DecisionProblem, made_up_draws) -> None:
    draws = made_up_draws(problem, 20)
    base = simulate(problem, draws, workers=1).outcomes
    own = simulate(variant(problem, within_cycle=rule), draws, workers=1).outcomes
    np.testing.assert_allclose(own.qalys.mean(axis=0), base.qalys.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(own.cost.mean(axis=0), base.cost.mean(axis=0), rtol=3e-3)


def test_tables_for_event_histories(problem: DecisionProblem) -> None:
    """Integrals of the weights against Simpson on a fine grid; a year of plain time is a year."""
    accrual = Accrual.of(problem)
    integral, step = accrual.integral.values, accrual.integral.step
    year = round(1 / step)
    np.testing.assert_allclose(
        integral[::year, PLAIN], np.arange(len(integral[::year])), rtol=1e-12
    )
    factor = np.log(1.04)
    assert integral[10 * year, COST] == pytest.approx((1 - 1.04**-10) / factor, rel=1e-8)


# --------------------------------------------------------------------------------- cycles
def test_lengths_of_cycles() -> None:
    assert cycle_years("month") == pytest.approx(1 / 12)
    assert cycle_years("2 weeks") == pytest.approx(14 / 365.25)
    assert cycle_years("6 months") == pytest.approx(0.5)
    assert cycle_years("year") == 1


@pytest.mark.parametrize("cycle", ["week", "10 days", "quarter"])
def test_the_last_cycle_ends_with_the_horizon(cycle: str, problem: DecisionProblem) -> None:
    time = variant(problem, cycle=cycle_years(cycle)).time
    assert time[-1] == problem.horizon
    steps = np.diff(time)
    assert (steps[-1] <= steps[0] + 1e-12) and steps[-1] > 0
    np.testing.assert_allclose(steps[:-1], steps[0])


def test_what_the_report_says_of_time(problem: DecisionProblem) -> None:
    from heor.report.sections.method import WITHIN_CYCLE as WORDS

    assert set(WORDS) == set(WITHIN_CYCLE)


def test_no_state_is_better_than_the_norm(problem: DecisionProblem, made_up_draws) -> None:
    """A multiplier above 1 counts as 1."""
    found = []
    for multiplier in ("1", "1.3"):
        strategies = {
            name: replace(
                s,
                utilities={
                    k: replace(u, multiplier=multiplier) if u.multiplier else u
                    for k, u in s.utilities.items()
                },
            )
            for name, s in problem.strategies.items()
        }
        own = replace(problem, strategies=strategies)
        found.append(simulate(own, made_up_draws(own, 5), workers=1).outcomes.qalys)
    np.testing.assert_allclose(*found)
