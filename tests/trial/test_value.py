"""Value of a survival trial: each statistic, uncertain effects, orders of strategies, plans and fallbacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heor.trial.data import Design, Patients, enrol
from heor.trial.net_benefit_of_sampling import value_of_trial
from heor.trial.power import expected_power, needed_survival, power_of_proportions
from heor.trial.programme import longest_follow_up
from tests.trials import TIME, exponential, outcomes_of

THRESHOLDS = [("a", 275_000.0), ("b", 715_000.0)]


# ------------------------------------------------------------------------------------- power
def test_both_statistics_are_those_of_lifelines() -> None:
    """Significant just above the p-value that lifelines' pieces give, and not just below it."""
    pytest.importorskip("lifelines")
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test
    from scipy.stats import norm

    n, at = 60, 1.2
    survival = exponential(np.array([[1.2, 0.3]] * 12))
    people = enrol(survival, TIME, n, 0.15, np.random.default_rng(1))
    design = Design(n, 0.4, 40.0, 0.15)
    arm = np.arange(n) % 2
    for i in range(12):
        seen = np.minimum((n - 1 - np.arange(n)) / 40.0 + 0.4, people.loss[i])
        died = people.death[i] <= seen
        end = np.where(died, people.death[i], seen)
        alive, variance = [], []
        for a in (0, 1):
            fit = KaplanMeierFitter().fit(end[arm == a], died[arm == a])
            table = fit.event_table.loc[:at]
            d, r = table["observed"], table["at_risk"]
            alive.append(float(fit.predict(at)))
            variance.append(alive[a] ** 2 * float((d / (r * (r - d)))[d > 0].sum()))
        z = (alive[1] - alive[0]) / np.sqrt(sum(variance))
        ranks = logrank_test(end[arm == 0], end[arm == 1], died[arm == 0], died[arm == 1])
        one = Patients(people.death[i : i + 1], people.loss[i : i + 1])
        p_values = {"survival": 2 * norm.sf(abs(z)), "log-rank": ranks.p_value}
        assert max(p_values.values()) < 0.5  # so that 80 % power exists
        for name, p in p_values.items():
            for factor, expected in ((1.001, 1.0), (0.999, 0.0)):
                got = expected_power(one, survival[:1], TIME, design, at, p * factor)
                both = {
                    "survival": got.better + got.worse,
                    "log-rank": got.log_rank_better + got.log_rank_worse,
                }
                assert both[name] == expected, (i, name, factor)


@pytest.mark.parametrize("better", [True, False])
def test_all_against_none_is_significant(better: bool) -> None:
    """Greenwood's error is nothing where an arm has lost all or none."""
    death = np.full((1, 40), np.inf)
    death[0, 0 if better else 1 :: 2] = np.linspace(0.1, 0.9, 20)
    people = Patients(death, np.full((1, 40), np.inf))
    survival = exponential(np.ones((1, 2)))
    found = expected_power(people, survival, TIME, Design(40, 2.0, 1e9), 1.0, 0.05)
    assert (found.better, found.worse) == ((1.0, 0.0) if better else (0.0, 1.0))
    assert found.log_rank_better == found.better
    # Nobody dead in either arm says nothing.
    nobody = replace(people, death=np.full((1, 40), np.inf))
    found = expected_power(nobody, survival, TIME, Design(40, 2.0, 1e9), 1.0, 0.05)
    assert found.better == found.worse == found.log_rank_better == 0


def test_expected_power_is_the_mean_over_effects() -> None:
    """A third of the draws have a large effect, the others none."""
    draws, n = 6000, 160
    at_two = np.where((np.arange(draws) % 3 == 0)[:, None], [0.3, 0.55], [0.3, 0.3])
    survival = exponential(-np.log(at_two) / 2)
    people = enrol(survival, TIME, n, 0.0, np.random.default_rng(2))
    found = expected_power(people, survival, TIME, Design(n, 3.0, 1e9), 2.0, 0.05)
    large = power_of_proportions(0.3, 0.55, n)
    assert found.better == pytest.approx((large + 2 * 0.025) / 3, abs=4 * found.se + 0.01)
    # Far from the power at the mean effect, which is what a usual calculation would give.
    assert abs(power_of_proportions(0.3, 0.3 + 0.25 / 3, n) - found.better) > 0.1
    assert found.survival == pytest.approx((0.3, 0.3 + 0.25 / 3), abs=1e-9)
    assert found.needed == needed_survival(found.survival[0], n)
    assert 0.3 < found.needed < 0.55
    assert found.chance_of_needed == pytest.approx(1 / 3)


@pytest.mark.parametrize("first", [0.03, 0.3, 0.6])
@pytest.mark.parametrize("patients", [62, 200])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.9])
def test_needed_survival_inverts_power(first: float, patients: int, power: float) -> None:
    needed = needed_survival(first, patients, 0.05, power)
    assert first < needed < 1
    assert power_of_proportions(first, needed, patients) == pytest.approx(power, abs=1e-8)


def test_a_level_above_the_power_needs_no_difference() -> None:
    assert needed_survival(0.3, 62, significance=0.85) == 0.3


def test_excalibur_simulated() -> None:
    """31 an arm, 30 against 65 % at 24 months: about 80 %, by patients as by formula."""
    survival = exponential(np.broadcast_to(-np.log([0.30, 0.65]) / 2, (3000, 2)))
    people = enrol(survival, TIME, 62, 0.0, np.random.default_rng(3))
    found = expected_power(people, survival, TIME, Design(62, 2.0, 15.5), 2.0, 0.05)
    assert 0.75 < found.better < 0.88
    assert found.better == pytest.approx(
        power_of_proportions(0.30, 0.65, 62), abs=4 * found.se + 0.03
    )


# ------------------------------------------------------------------- net benefit of sampling
@pytest.fixture(scope="module")
def case():
    """The repository's trial, small, with made-up draws: curves, costs and QALYs by strategy."""
    from heor import load

    problem = load("inputs", quick=True)
    trial = replace(problem.trial, sizes=(40,), follow_ups=(1.0, 5.0))
    rng = np.random.default_rng(4)
    n = 1200
    base = 0.75 * np.exp(0.15 * rng.standard_normal(n))
    rates = np.stack([base, base * np.exp(-0.25 + 0.3 * rng.standard_normal(n))], axis=1)
    survival = exponential(rates)
    cost = np.stack([np.zeros(n), 220_000.0 + 30_000 * rng.standard_normal(n)], axis=1)
    return replace(problem, trial=trial), survival, cost, 0.7 / rates


def run(problem, survival, cost, qalys, names):
    outcomes = outcomes_of(cost, qalys)
    outcomes = replace(outcomes, data=outcomes.data.assign_coords(strategy=list(names)))
    return value_of_trial(problem, outcomes, survival, TIME, THRESHOLDS, problem.streams)


@pytest.fixture(scope="module")
def found(case):
    problem, survival, cost, qalys = case
    roles = problem.settings.comparator, problem.settings.intervention
    return run(problem, survival, cost, qalys, roles)


def test_order_of_strategies_does_not_matter(case, found) -> None:
    """The arms go by their roles."""
    problem, survival, cost, qalys = case
    roles = problem.settings.intervention, problem.settings.comparator
    other = run(problem, survival[:, ::-1], cost[:, ::-1], qalys[:, ::-1], roles)
    for name in ("designs", "extension", "check", "power_by_size", "observed"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(other, name))
    assert other.power == found.power


def test_a_third_strategy_that_is_best_today_costs_the_randomised(case, found) -> None:
    """They forgo it in both arms; here by 100,000 a patient against the mean of the arms."""
    problem, survival, cost, qalys = case
    roles = problem.settings.comparator, problem.settings.intervention
    best = 100_000.0 + max(
        abs(np.diff((t * qalys - cost).mean(axis=0))[0]) / 2 for _, t in THRESHOLDS
    )
    third_qalys = qalys.mean(axis=1)
    third_cost = cost.mean(axis=1) - best
    three = run(
        problem,
        np.concatenate([survival[:, :1] * 0, survival], axis=1),  # its own curve is no arm
        np.column_stack([third_cost, cost]),
        np.column_stack([third_qalys, qalys]),
        ("another", *roles),
    )
    enrolled = three.programme.accrual * three.programme.over(0.0, 40 / three.programme.accrual)
    rows = three.designs[three.designs["patients"] == 40]
    assert rows["forgone"].to_numpy() == pytest.approx(best * enrolled)
    assert three.power == found.power


def test_discounted_years_have_their_closed_form(found) -> None:
    """Norway's 4 % a year; the horizon ends before the band does."""
    programme = found.programme
    start, end = 2.0, programme.horizon
    assert start < end < 40
    exact = (1.04**-start - 1.04**-end) / np.log(1.04)
    assert programme.beneficiaries(start) == pytest.approx(
        programme.eligible * programme.implementation * exact, rel=1e-5
    )
    assert programme.over(3.0, 3.0) == programme.over(4.0, 3.0) == 0


def test_a_planned_trial_waits_for_its_recruitment(case, found) -> None:
    """Read as a trial begun today, as the grid of designs has it; a trial that has recruited, before."""
    problem, survival, cost, qalys = case
    assert problem.trial.since_last_inclusion is not None
    planned = replace(problem, trial=replace(problem.trial, since_last_inclusion=None))
    roles = problem.settings.comparator, problem.settings.intervention
    later = run(planned, survival, cost, qalys, roles)
    grid = later.designs[later.designs["patients"] == problem.trial.patients]
    keys = ["follow_up_months", "threshold_name"]
    waits = later.extension[~later.extension["primary_only"]].set_index(keys)
    for name in ("used_after_years", "beneficiaries"):
        pd.testing.assert_series_equal(
            waits[name].sort_index(), grid.set_index(keys)[name].sort_index()
        )
    sunk = found.extension[~found.extension["primary_only"]].set_index(keys)
    assert (sunk["used_after_years"] < waits["used_after_years"]).all()
    assert (sunk["population_value"] >= waits["population_value"]).all()
    pd.testing.assert_series_equal(sunk["evsi"], waits["evsi"])  # what is learnt is the same


def test_regression_where_too_few_draws_explain_a_trial(case, found) -> None:
    """Of 1200 draws few explain 500 patients: the regression's value stands."""
    assert (found.extension["method"] == "importance sampling").all()
    problem, survival, cost, qalys = case
    large = replace(problem, trial=replace(problem.trial, patients=500))
    roles = problem.settings.comparator, problem.settings.intervention
    few = run(large, survival, cost, qalys, roles)
    assert (few.check["effective_draws"] < 300).all()
    assert (few.extension["method"] == "regression").all()
    keys = ["follow_up_months", "threshold_name"]
    grid = few.designs[few.designs["patients"] == 500].set_index(keys)["evsi"]
    own = few.extension[~few.extension["primary_only"]].set_index(keys)["evsi"]
    pd.testing.assert_series_equal(own.sort_index(), grid.sort_index())


def test_longest_follow_up_covers_every_design(case) -> None:
    """62 patients at their accrual, then five years; a longer endpoint asks for more."""
    problem = case[0]
    recruitment = problem.trial.patients / 15.5
    assert longest_follow_up(problem) == pytest.approx(recruitment + 5.0)
    longer = replace(problem, trial=replace(problem.trial, endpoint=6.0))
    assert longest_follow_up(longer) == pytest.approx(recruitment + 6.0)
