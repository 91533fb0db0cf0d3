"""Laws of a trial's data and value, for any hazards and designs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heor.trial.data import Design, enrol, follow
from heor.trial.value import Evidence, evsi, importance_sampling
from tests.trials import TIME, exponential, outcomes_of

hazards = st.floats(0.05, 3.0)
seeds = st.integers(0, 2**31)
ACCRUAL = 50.0


@given(
    seed=seeds,
    rates=st.tuples(hazards, hazards),
    sizes=st.lists(st.integers(2, 60), min_size=2, max_size=2).map(sorted),
    follow_up=st.floats(0.0, 5.0),
    accrual=st.floats(5.0, 100.0),
    dropout=st.sampled_from([0.0, 0.2]),
)
def test_a_larger_trial_holds_the_smaller(seed, rates, sizes, follow_up, accrual, dropout) -> None:
    """The same patients: each is followed for as long or longer."""
    generator = np.random.default_rng(seed)
    people = enrol(exponential(np.array([rates] * 3)), TIME, 60, dropout, generator)
    edges = np.array([0.0, 0.5, 2.0, 20.0])
    small, large = (follow(people, Design(n, follow_up, accrual, dropout), edges) for n in sizes)
    assert (large[0] >= small[0]).all()
    assert (large[1] >= small[1] - 1e-4).all()


@given(seed=seeds, rate=hazards, cuts=st.lists(st.floats(0.01, 9.9), max_size=8, unique=True))
def test_intervals_add_up_however_they_are_cut(seed, rate, cuts) -> None:
    generator = np.random.default_rng(seed)
    people = enrol(exponential(np.full((2, 2), rate)), TIME, 40, 0.1, generator)
    design = Design(40, 2.0, 20.0, 0.1)
    whole = follow(people, design, np.array([0.0, 10.0]))
    parts = follow(people, design, np.array([0.0, *sorted(cuts), 10.0]))
    np.testing.assert_array_equal(parts[0].sum(axis=2), whole[0][..., 0])
    np.testing.assert_allclose(parts[1].sum(axis=2), whole[1][..., 0], rtol=1e-5)


@settings(max_examples=10)
@given(
    rates=st.tuples(hazards, hazards),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    follow_up=st.floats(0.1, 4.0),
    read_until=st.sampled_from([np.inf, 1.5]),
)
def test_deaths_and_years_of_staggered_entry_have_their_means(
    rates, loss, follow_up, read_until
) -> None:
    """Patient p is seen for s: dies with chance h / (h + l) (1 - exp(-(h + l) s))."""
    draws, n = 3000, 20
    generator = np.random.default_rng(1)
    people = enrol(exponential(np.array([rates] * draws)), TIME, n, loss, generator)
    design = Design(n, follow_up, 8.0, loss, read_until)
    deaths, years = follow(people, design, np.array([0.0, 10.0]))
    seen = np.minimum((n - 1 - np.arange(n)) / 8.0 + follow_up, read_until)
    for arm, hazard in enumerate(rates):
        years_a_patient = (1 - np.exp(-(hazard + loss) * seen[arm::2])) / (hazard + loss)
        chance = hazard * years_a_patient
        se = np.sqrt((chance * (1 - chance)).sum() / draws)
        assert deaths[:, arm].mean() == pytest.approx(chance.sum(), abs=4.5 * se + 1e-4)
        spread = years[:, arm].std() / np.sqrt(draws)
        assert years[:, arm].mean() == pytest.approx(years_a_patient.sum(), abs=4.5 * spread)


# ------------------------------------------------------------------------------ conjugate trial
SHAPE, RATE, EXTRA = np.array([12.0, 8.0]), np.array([12.0, 7.0]), 0.05


def conjugate(seed: int, draws: int = 4000) -> Evidence:
    """Exponential arms, gamma priors that differ; worth mean lifetimes, the second costs EXTRA more."""
    hazard = np.random.default_rng(seed).gamma(SHAPE, 1 / RATE, (draws, 2))
    cost = np.tile([0.0, EXTRA], (draws, 1))
    return Evidence(outcomes_of(cost, 1 / hazard), exponential(hazard), TIME)


def exact_evsi(design: Design, trials: int = 200_000) -> float:
    """From gamma posteriors: deaths and years are sufficient whatever the censoring."""
    rng = np.random.default_rng(2)
    hazard = rng.gamma(SHAPE, 1 / RATE, (trials, 2))
    deaths, years = np.zeros((2, trials, 2))
    for p in range(design.patients):
        arm = p % 2
        end = (design.patients - 1 - p) / design.accrual + design.follow_up
        if design.dropout:
            end = np.minimum(end, rng.exponential(1 / design.dropout, trials))
        death = rng.exponential(1 / hazard[:, arm])
        deaths[:, arm] += death <= end
        years[:, arm] += np.minimum(death, end)
    believed = (RATE + years) / (SHAPE + deaths - 1)
    benefit = believed[:, 1] - believed[:, 0] - EXTRA
    return float(np.maximum(benefit, 0).mean() - max(benefit.mean(), 0))


CENSORED = [Design(20, 0.5, ACCRUAL, 0.1), Design(60, 1.0, ACCRUAL, 0.1)]


@pytest.mark.parametrize("design", CENSORED, ids=lambda d: str(d.patients))
def test_evsi_of_a_censored_conjugate_trial(design: Design) -> None:
    """Staggered entry, loss and an early reading: gamma posteriors all the same."""
    evidence, exact = conjugate(3), exact_evsi(design)
    assert exact > 0.05  # there is something to find
    found = evsi(evidence, [design], [1.0], np.random.default_rng(4))[0]
    assert found.value[0] == pytest.approx(exact, abs=3 * found.se[0] + 0.002)
    checked = importance_sampling(evidence, design, [1.0], np.random.default_rng(5))
    assert checked.value[0] == pytest.approx(exact, abs=3 * checked.se[0] + 0.002)


@pytest.mark.slow
def test_standard_errors_are_those_of_repetition() -> None:
    """Fresh draws each time: the spread of values is near the SE reported, and the bias is small."""
    exact = [exact_evsi(design) for design in CENSORED]
    apart, se = np.zeros((2, 40, 2, 2))  # (repetition, method, design)
    for i in range(len(apart)):
        evidence, rng = conjugate(100 + i, 2000), np.random.default_rng(200 + i)
        regressed = evsi(evidence, CENSORED, [1.0], rng)
        judged = [importance_sampling(evidence, d, [1.0], rng) for d in CENSORED]
        for m, values in enumerate((regressed, judged)):
            apart[i, m] = [v.value[0] - e for v, e in zip(values, exact, strict=True)]
            se[i, m] = [v.se[0] for v in values]
    ratio = apart.std(axis=0, ddof=1) / se.mean(axis=0)
    assert (ratio > 0.7).all() and (ratio < 1.5).all(), ratio
    bias = apart.mean(axis=0) / (apart.std(axis=0, ddof=1) / np.sqrt(len(apart)))
    assert (np.abs(bias) < 3.5).all(), bias


def test_a_very_large_trial_is_worth_perfect_information() -> None:
    """Nothing but the hazards is unknown."""
    evidence = conjugate(6, 1500)
    benefit = np.diff(evidence.outcomes.qalys, axis=1)[:, 0] - EXTRA
    evpi = np.maximum(benefit, 0).mean() - max(benefit.mean(), 0)
    found = evsi(evidence, [Design(6000, 40.0, 1e9)], [1.0], np.random.default_rng(7))[0]
    assert found.value[0] == pytest.approx(evpi, rel=0.03)
    right = ((benefit > 0) != (benefit.mean() > 0)).mean()
    assert found.changes[0] == pytest.approx(right, abs=0.03)


def test_a_trial_about_something_else_is_worth_nothing() -> None:
    """Net benefit has nothing to do with survival."""
    rng = np.random.default_rng(8)
    n = 4000
    evidence = conjugate(9, n)
    qalys = np.stack([np.zeros(n), 0.1 + rng.standard_normal(n)], axis=1)
    other = Evidence(outcomes_of(np.zeros((n, 2)), qalys), evidence.survival, TIME)
    evpi = np.maximum(qalys[:, 1], 0).mean() - qalys[:, 1].mean()
    for found in (
        evsi(other, CENSORED[1:], [1.0], rng)[0],
        importance_sampling(other, CENSORED[1], [1.0], rng),
    ):
        assert 0 <= found.value[0] < 3 * found.se[0] + 0.005 * evpi


@pytest.mark.parametrize("factor", [1e-3, 12.0, 1e6])
def test_another_currency_scales_the_value(factor: float) -> None:
    evidence = conjugate(10, 1500)
    outcomes = evidence.outcomes
    dear = Evidence(outcomes_of(outcomes.cost * factor, outcomes.qalys), evidence.survival, TIME)
    for method in (lambda e, t, g: evsi(e, CENSORED[1:], [t], g)[0], _judged):
        one = method(evidence, 1.0, np.random.default_rng(11))
        two = method(dear, factor, np.random.default_rng(11))
        assert one.value[0] > 0
        assert two.value[0] == pytest.approx(one.value[0] * factor, rel=1e-4)
        assert two.se[0] == pytest.approx(one.se[0] * factor, rel=1e-3)


def _judged(evidence, threshold, generator):
    return importance_sampling(evidence, CENSORED[1], [threshold], generator)


def test_a_hopeless_third_strategy_changes_nothing() -> None:
    evidence = conjugate(12, 1500)
    outcomes = evidence.outcomes
    cost = np.column_stack([outcomes.cost, outcomes.cost[:, 0] + 100.0])
    qalys = np.column_stack([outcomes.qalys, outcomes.qalys[:, 0] * 0.9])
    three = Evidence(outcomes_of(cost, qalys), evidence.survival, TIME)
    for method in (lambda e, t, g: evsi(e, CENSORED[1:], [t], g)[0], _judged):
        one, two = (method(e, 1.0, np.random.default_rng(13)) for e in (evidence, three))
        assert two.value[0] == pytest.approx(one.value[0], rel=1e-4)
        assert two.changes[0] == pytest.approx(one.changes[0], abs=2e-3)
