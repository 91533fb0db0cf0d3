"""Value of a survival trial: simulated data, EVSI against a conjugate trial, power, net benefit of sampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from heor.errors import InputError
from heor.problem.country import DiscountBand
from heor.trial.data import Design, enrol, follow
from heor.trial.net_benefit_of_sampling import value_of_trial
from heor.trial.power import expected_power, needed_survival, power_of_proportions
from heor.trial.programme import Programme
from heor.trial.value import Evidence, evsi, importance_sampling, observed_ratio, scores
from tests.trials import TIME, exponential, outcomes_of


def test_times_of_death_follow_the_curve_of_their_arm() -> None:
    """A curve with three hazards, and another: Kolmogorov-Smirnov on 20,000 patients an arm."""
    hazard = np.where(TIME[1:] <= 1, 0.2, np.where(TIME[1:] <= 3, 1.0, 0.4))
    first = np.exp(-np.concatenate([[0], np.cumsum(hazard / 12)]))
    second = np.exp(-0.3 * TIME)
    found = enrol(np.stack([first, second])[None], TIME, 40_000, 0.0, np.random.default_rng(1))
    for arm, curve in enumerate((first, second)):

        def cdf(t: np.ndarray, curve: np.ndarray = curve) -> np.ndarray:
            return 1 - np.exp(np.interp(t, TIME, np.log(curve)))

        assert stats.kstest(found.death[0, arm::2], cdf).pvalue > 1e-3


def test_follow_up_is_book_kept_exactly() -> None:
    """Against a plain loop, with staggered entry and losses."""
    rng = np.random.default_rng(2)
    patients = enrol(exponential(np.full((3, 2), 0.8)), TIME, 9, 0.3, rng)
    design = Design(7, 0.5, 4.0, 0.3)
    edges = np.array([0, 0.25, 1.0, 3.0])
    deaths, years = follow(patients, design, edges)
    for i in range(3):
        expected = np.zeros((2, 2, 3))  # (deaths or years, arm, interval)
        for p in range(7):
            seen = min((6 - p) / 4.0 + 0.5, patients.loss[i, p])
            died = patients.death[i, p] <= seen
            end = min(patients.death[i, p], seen)
            for k in range(3):
                expected[1, p % 2, k] += max(0, min(end, edges[k + 1]) - edges[k])
                expected[0, p % 2, k] += died and edges[k] < end <= edges[k + 1]
        np.testing.assert_allclose(deaths[i], expected[0])
        np.testing.assert_allclose(years[i], expected[1], rtol=1e-5)


def test_censoring_and_loss_have_their_probabilities() -> None:
    """Everyone followed two years, hazards of death 0.5 and of loss 0.2."""
    n = 40_000
    patients = enrol(exponential(np.full((1, 2), 0.5)), TIME, n, 0.2, np.random.default_rng(3))
    design = Design(n, 2.0, 1e9, 0.2)
    deaths, years = follow(patients, design, np.array([0.0, 2.1]))
    share = 0.5 / 0.7 * (1 - np.exp(-1.4))
    assert deaths.sum() / n == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
    assert years.sum() / n == pytest.approx((1 - np.exp(-1.4)) / 0.7, rel=0.01)


def test_longer_follow_up_and_more_patients_hold_what_was_seen() -> None:
    patients = enrol(exponential(np.full((20, 2), 0.6)), TIME, 60, 0.05, np.random.default_rng(4))
    edges = np.array([0, 1.0, 2.0, 60.0])
    short, long = (follow(patients, Design(60, f, 20.0, 0.05), edges) for f in (0.5, 2.0))
    assert (long[0] >= short[0]).all() and (long[1] >= short[1] - 1e-5).all()
    # nothing is used after a fixed time
    fixed = follow(patients, Design(60, 2.0, 20.0, 0.05, read_until=1.0), edges)
    assert fixed[0][..., 1:].sum() == 0 and fixed[1][..., 1:].max() < 1e-6


@pytest.fixture(scope="module")
def conjugate():
    """Exponential arms with gamma priors on the hazards; the second strategy lives or costs more.

    Net benefit is linear in both mean lifetimes, so with complete follow-up the posterior mean of net
    benefit is known: the mean of 1 / hazard under a gamma with shape + deaths, rate + years.
    """
    n, shape, rate = 4000, 8.0, 8.0
    rng = np.random.default_rng(5)
    hazard = rng.gamma(shape, 1 / rate, (n, 2))
    qalys = 1 / hazard
    cost = np.stack([np.zeros(n), np.full(n, 0.1)], axis=1)
    evidence = Evidence(outcomes_of(cost, qalys), exponential(hazard), TIME)
    return evidence, shape, rate


def exact_evsi(shape: float, rate: float, arm: int) -> float:
    """Preposterior mean with `arm` deaths in each arm: 400,000 trials from the prior predictive."""
    rng = np.random.default_rng(6)
    hazard = rng.gamma(shape, 1 / rate, (400_000, 2))
    years = rng.gamma(arm, 1, hazard.shape) / hazard
    believed = (rate + years) / (shape + arm - 1)
    benefit = believed[:, 1] - believed[:, 0] - 0.1
    return float(np.maximum(benefit, 0).mean() - max(benefit.mean(), 0))


@pytest.mark.parametrize("patients", [20, pytest.param(80, marks=pytest.mark.slow)])
def test_evsi_of_a_conjugate_trial(conjugate, patients) -> None:
    """Followed until all have died: by regression and by importance sampling."""
    evidence, shape, rate = conjugate
    exact = exact_evsi(shape, rate, patients // 2)
    design = Design(patients, 50.0, 1e9)
    found = evsi(evidence, [design], [1.0], np.random.default_rng(7))[0]
    assert found.value[0] == pytest.approx(exact, abs=3 * found.se[0] + 0.002)
    assert found.value[0] == pytest.approx(exact, rel=0.12)
    checked = importance_sampling(evidence, design, [1.0], np.random.default_rng(8))
    assert checked.value[0] == pytest.approx(exact, abs=3 * checked.se[0] + 0.002)
    assert checked.effective > 100


def test_evsi_lies_between_nothing_and_evpi_and_grows(conjugate) -> None:
    evidence, _, _ = conjugate
    designs = [Design(n, f, 50.0) for n in (10, 40, 160) for f in (0.25, 1.0, 5.0)]
    found = evsi(evidence, designs, [1.0], np.random.default_rng(9))
    value = np.array([v.value[0] for v in found]).reshape(3, 3)
    error = max(v.se[0] for v in found)
    benefit = np.diff(evidence.outcomes.qalys, axis=1)[:, 0] - 0.1
    evpi = np.maximum(benefit, 0).mean() - max(benefit.mean(), 0)
    assert (value >= 0).all() and (value <= evpi + 3 * error).all()
    assert (np.diff(value, axis=0) > -3 * error).all()
    assert (np.diff(value, axis=1) > -3 * error).all()
    assert value[2, 2] > value[0, 0] + 3 * error


def test_a_trial_that_sees_nobody_die_is_worth_nothing() -> None:
    n = 600
    rng = np.random.default_rng(10)
    survival = np.ones((n, 2, len(TIME)))
    qalys = np.stack([np.zeros(n), rng.standard_normal(n)], axis=1)
    evidence = Evidence(outcomes_of(np.zeros((n, 2)), qalys), survival, TIME)
    found = evsi(evidence, [Design(40, 2.0, 20.0)], [1.0], rng)[0]
    assert found.value[0] == 0 and found.changes[0] == 0


def test_a_cost_common_to_all_changes_no_evsi(conjugate) -> None:
    evidence, _, _ = conjugate
    more = Evidence(
        outcomes_of(evidence.outcomes.cost + 1000.0, evidence.outcomes.qalys),
        evidence.survival,
        evidence.time,
    )
    design = [Design(40, 1.0, 50.0)]
    one, two = (evsi(e, design, [1.0], np.random.default_rng(11))[0] for e in (evidence, more))
    assert one.value[0] == pytest.approx(two.value[0], rel=1e-6)


def test_scores_are_centred_where_nothing_differs_between_draws() -> None:
    """Observed less expected deaths of each component have mean zero over trials."""
    rng = np.random.default_rng(12)
    hazard = rng.gamma(20, 1 / 20, (3000, 2))
    evidence = Evidence(outcomes_of(np.zeros((3000, 2)), 1 / hazard), exponential(hazard), TIME)
    design = Design(60, 1.0, 30.0)
    trial = enrol(evidence.survival, TIME, 60, 0.0, rng)
    found = scores(evidence, design, [trial], components=2)
    se = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0)) < 4 * se).all()


def test_observed_hazard_ratio_is_that_of_the_arms() -> None:
    rng = np.random.default_rng(13)
    hazard = np.broadcast_to([1.0, 0.6], (400, 2))
    qalys = np.stack([np.zeros(400), rng.standard_normal(400)], axis=1)
    evidence = Evidence(outcomes_of(np.zeros((400, 2)), qalys), exponential(hazard), TIME)
    ratio, _ = observed_ratio(evidence, Design(2000, 3.0, 1e9), [1.0], rng)
    assert np.log(ratio).mean() == pytest.approx(np.log(0.6), abs=0.02)


# ------------------------------------------------------------------------------------- power
def power_at(first: float, second: float, patients: int, trials: int = 4000, significance=0.05):
    """Expected power at fixed survival at two years, everyone followed three."""
    rates = -np.log([first, second]) / 2
    survival = np.broadcast_to(exponential(rates[None]), (trials, 2, len(TIME)))
    people = enrol(survival, TIME, patients, 0.0, np.random.default_rng(14))
    design = Design(patients, 3.0, 1e9)
    return expected_power(people, survival, TIME, design, 2.0, significance)


@pytest.mark.parametrize(("first", "second", "patients"), [(0.3, 0.5, 200), (0.4, 0.6, 120)])
def test_power_at_a_fixed_effect(first, second, patients) -> None:
    found = power_at(first, second, patients)
    exact = power_of_proportions(first, second, patients)
    assert found.better == pytest.approx(exact, abs=4 * found.se + 0.02)
    assert found.log_rank_better > 0.5 and found.worse < 0.01


def test_equal_arms_are_significant_as_often_as_they_may_be() -> None:
    found = power_at(0.4, 0.4, 300)
    se = np.sqrt(0.025 * 0.975 / 4000)
    for chance in (found.better, found.worse, found.log_rank_better, found.log_rank_worse):
        assert chance == pytest.approx(0.025, abs=4 * se + 0.003)


def test_the_design_assumption_of_excalibur_3() -> None:
    """31 an arm, 30 against 65 % at two years: about 80 % (survival dossier, EXC-08)."""
    assert 0.75 < power_of_proportions(0.30, 0.65, 62) < 0.88
    assert power_of_proportions(0.3, needed_survival(0.3, 62), 62) == pytest.approx(0.8, abs=1e-6)
    assert np.isnan(needed_survival(0.9, 4))


def test_log_rank_is_that_of_lifelines() -> None:
    lifelines = pytest.importorskip("lifelines.statistics")
    survival = exponential(np.array([[0.8, 0.5]] * 40))
    people = enrol(survival, TIME, 50, 0.1, np.random.default_rng(15))
    design = Design(50, 0.5, 25.0, 0.1)
    significant = 0
    for i in range(40):
        seen = np.minimum((49 - np.arange(50)) / 25.0 + 0.5, people.loss[i])
        died = people.death[i] <= seen
        end = np.where(died, people.death[i], seen)
        a, b = np.arange(50) % 2 == 0, np.arange(50) % 2 == 1
        found = lifelines.logrank_test(end[a], end[b], died[a], died[b])
        significant += found.p_value < 0.05
    both = expected_power(people, survival, TIME, design, 1.0, 0.05)
    assert (both.log_rank_better + both.log_rank_worse) * 40 == pytest.approx(significant)


# ------------------------------------------------------------------- net benefit of sampling
def test_programme_by_hand() -> None:
    flat = Programme(10.0, 0.0, 1.0, 1e6, 1e4, 60.0, 10.0, 0.5, ())
    assert flat.beneficiaries(4.0) == pytest.approx(60 * 0.5 * 6)
    assert flat.beneficiaries(11.0) == 0
    falling = replace(flat, discounting=(DiscountBand(0, None, 0.04),))
    exact = (1.04**-4 - 1.04**-10) / np.log(1.04)
    assert falling.beneficiaries(4.0) == pytest.approx(30 * exact, rel=1e-4)


@pytest.fixture(scope="module")
def norway_trial():
    """The repository's trial on made-up draws: hazards and a cure that differ."""
    from heor import load

    problem = load("inputs", quick=True)
    trial = replace(problem.trial, sizes=(40, 62), follow_ups=(1.0, 2.0, 5.0))
    problem = replace(problem, trial=trial)
    rng = np.random.default_rng(16)
    n = 800
    base = 0.75 * np.exp(0.15 * rng.standard_normal(n))
    ratio, cured = np.exp(-0.25 + 0.3 * rng.standard_normal(n)), rng.beta(2, 38, n)
    first = np.exp(-base[:, None] * TIME)
    second = cured[:, None] + (1 - cured)[:, None] * np.exp(-(base * ratio)[:, None] * TIME)
    survival = np.stack([first, second], axis=1)
    qalys = survival.mean(axis=2) * 20
    cost = np.stack([np.zeros(n), np.full(n, 220_000.0)], axis=1)
    outcomes = outcomes_of(cost, qalys)
    names = list(problem.strategies)
    outcomes = replace(outcomes, data=outcomes.data.assign_coords(strategy=names))
    thresholds = [("a", 275_000.0), ("b", 715_000.0)]
    found = value_of_trial(problem, outcomes, survival, TIME, thresholds, problem.streams)
    return problem, outcomes, thresholds, found


def test_net_benefit_of_sampling_adds_up(norway_trial) -> None:
    problem, outcomes, thresholds, found = norway_trial
    programme, frame = found.programme, found.designs
    assert len(frame) == 2 * 3 * 2
    row = frame[(frame["patients"] == 62) & (frame["follow_up_months"] == 24)].iloc[0]
    assert row["used_after_years"] == pytest.approx(62 / 15.5 + 2 + 1)
    assert row["beneficiaries"] == pytest.approx(programme.beneficiaries(7.0))
    enrolled = 15.5 * programme.over(0, 4.0)
    assert 55 < enrolled < 62  # discounted patients
    assert row["trial_cost"] == pytest.approx(6e6 + 60_000 * enrolled)
    benefit = row["threshold"] * outcomes.qalys.mean(axis=0) - outcomes.cost.mean(axis=0)
    assert row["forgone"] == pytest.approx(abs(np.diff(benefit)[0]) / 2 * enrolled)
    np.testing.assert_allclose(
        frame["net_benefit"], frame["population_value"] - frame["trial_cost"] - frame["forgone"]
    )


def test_a_trial_that_has_recruited_waits_only_for_its_reading(norway_trial) -> None:
    problem, _, _, found = norway_trial
    own = found.extension[found.extension["threshold_name"] == "a"].set_index("follow_up_months")
    own = own[~own["primary_only"]]
    assert own.loc[12.0, "used_after_years"] == pytest.approx(1.0)  # read already; the delay
    assert own.loc[24.0, "used_after_years"] == pytest.approx(1.5)
    assert own.loc[60.0, "used_after_years"] == pytest.approx(4.5)
    later = own.loc[60.0]
    assert later["value_of_extension"] == pytest.approx(
        (later["evsi"] - own.loc[24.0, "evsi"]) * later["beneficiaries"]
    )
    primary = found.extension[found.extension["primary_only"]]
    assert (primary["follow_up_months"] == 24.0).all()


def test_longer_follow_up_tells_cure_from_hazard(norway_trial) -> None:
    """More is learnt at 60 months than at 24, and least from survival to 24 months alone."""
    found = norway_trial[3].extension
    at = found[found["threshold_name"] == "a"]
    primary = at[at["primary_only"]]["evsi"].iloc[0]
    own = at[~at["primary_only"]].set_index("follow_up_months")["evsi"]
    assert primary < own[24.0] < own[60.0]


def test_regression_and_importance_sampling_agree(norway_trial) -> None:
    check = norway_trial[3].check
    apart = (check["evsi"] - check["importance_sampling"]).abs()
    assert (apart <= 3 * np.hypot(check["se"], check["importance_se"])).all()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  patients: 62 ", "  patients: 1 ", "trial.patients"),
        ("  follow_up: 24 ", "  follow_up: -1 ", "trial.follow_up"),
        ("  sizes: [20,", "  sizes: [1,", "from 2 to 5000"),
        ("source: [excalibur_3_registration,", "source: [excalibur_3,", "unknown source"),
        ("  label: EXCALIBUR-3", "  label: E\n  accrual: trial_acrual", "trial_acrual"),
        ("prices: [c_resection,", "prices: [c_resecton,", "c_resecton"),
        ("to: 0.12, points", "to: -1, points", "'to' must be larger than 'from'"),
        ("x: {name: given_hazard_ratio", "x: {name: given_hazard", "given_hazard"),
    ],
)
def test_faulty_settings_are_named(copied_inputs, old, new, says) -> None:
    from heor import load

    path = copied_inputs / "model/analysis.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load(copied_inputs, quick=True)
    assert says in str(error.value)
