"""Cohort and individual models of the illness-death process: closed forms, laws, agreement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from heor import load
from heor.inputs.problem import DecisionProblem, FittedCurve, LifeTable, Origin
from heor.inputs.structures import STRUCTURES, with_structure
from heor.occupancy import illness_death
from heor.occupancy.models import StrategyBlock, occupancy
from heor.occupancy.state_occupancy import StateOccupancy
from heor.outcomes.values import PLAIN, Accrual, measure
from heor.parameters.draws import CurveDraws, Draws, add_derived, draw_parameters
from heor.simulation import simulate
from heor.streams import Streams
from heor.survival.curves import CurveContext
from heor.survival.joint import build

OTHERS = ("state_transition", "semi_markov", "individual")
FOLFIRI = {
    "progression_meanlog": -0.8,
    "progression_sdlog": 0.95,
    "death_share": 0.12,
    "post_shape": 1.05,
    "post_scale": 0.9,
}


def joint_draws(
    problem: DecisionProblem,
    n: int = 20,
    family: str = "joint_lognormal_weibull",
    theta: dict[str, float] = FOLFIRI,
    **replaced: float,
) -> Draws:
    """Parameters drawn as ever, with one joint process in every draw."""
    model, values = build(family), draw_parameters(problem, n, Streams(1))
    own = {name: np.full(n, float(value)) for name, value in replaced.items()}
    values = {**add_derived(problem, {**values, **own}), **own}
    table = np.tile([theta[name] for name in model.names], (n, 1))
    curves = {
        curve.evidence: CurveDraws((model.marginal(endpoint),), np.zeros(n, int), table)
        for strategy in problem.strategies.values()
        for endpoint, curve in strategy.curves.items()
        if isinstance(curve, FittedCurve)
    }
    return Draws(values, curves)


@pytest.fixture(scope="module")
def problem(inputs: Path) -> DecisionProblem:
    return load(inputs)


def found(problem: DecisionProblem, model: str, draws: Draws, name: str) -> StateOccupancy:
    problem = with_structure(problem, model)
    context = CurveContext(problem, draws)
    own = occupancy(StrategyBlock(context, problem.strategies[name], problem.time))
    own.check(name, 0)
    return own


def immortal(problem: DecisionProblem, rate: float = 0.0) -> DecisionProblem:
    """The problem with a constant background mortality."""
    age = np.arange(0.0, 111.0)
    q = np.full(len(age), -np.expm1(-rate))
    table = LifeTable(age, q, q, (), Origin("test"))
    return replace(problem, country=replace(problem.country, life_table=table))


# --------------------------------------------------------------------------- closed forms
RATES = {"progression_rate": 1.4, "death_share": 0.15, "post_rate": 0.8}
EXPONENTIAL = "joint_exponential_exponential"


def exact(problem: DecisionProblem, background: float) -> np.ndarray:
    """Free and progressed at the cycle boundaries by matrix exponential. Dims: (time, state)."""
    leave, share, post = RATES.values()
    generator = np.array(
        [
            [-leave - background, leave * (1 - share), leave * share + background],
            [0, -post - background, post + background],
            [0, 0, 0],
        ]
    )
    return np.stack([expm(generator * t)[0, :2] for t in problem.time])


@pytest.mark.parametrize("background", [0.0, 0.05])
@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_exponential_sojourns_against_the_matrix_exponential(
    model: str, background: float, problem: DecisionProblem
) -> None:
    """Progressions fall in the middle of half months: within 1e-4 of continuous time."""
    problem = immortal(problem, background)
    draws = joint_draws(problem, 1, EXPONENTIAL, RATES, transport_multiplier=1)
    own = found(problem, model, draws, "chemotherapy")
    free, progressed = exact(problem, background).T
    np.testing.assert_allclose(own.states["progression_free"][0], free, atol=1e-12)
    np.testing.assert_allclose(own.states["progressed"][0], progressed, atol=1e-4)


def test_costs_and_qalys_against_the_exact_integral(problem: DecisionProblem) -> None:
    """Discounted continuously at 4 %: the generator augmented by its own integral."""
    background, rate = 0.05, 0.04
    problem = immortal(problem, background)
    bands = tuple(replace(b, rate=rate) for b in problem.country.discount_costs)
    country = replace(problem.country, discount_costs=bands, discount_timing="continuous")
    simpson = replace(problem.settings, within_cycle="simpson")
    problem = replace(problem, country=country, settings=simpson)
    leave, share, post = RATES.values()
    # person-years in both states over the horizon: block matrix exponential
    generator = np.array(
        [[-leave - background - rate, leave * (1 - share)], [0, -post - background - rate]]
    )
    block = np.zeros((4, 4))
    block[:2, :2], block[:2, 2:] = generator, np.eye(2)
    years = expm(block * problem.horizon)[0, 2:]
    draws = joint_draws(problem, 1, EXPONENTIAL, RATES, transport_multiplier=1)
    for model in ("semi_markov", "state_transition"):
        own = found(problem, model, draws, "chemotherapy")
        m = measure(problem.strategies["chemotherapy"], own, draws, Accrual.of(problem))
        both = [m[name][0, 0] for name in ("progression_free", "progressed")]
        np.testing.assert_allclose(both, years, rtol=2e-4)


def test_one_million_patients_against_the_exact_integral(problem: DecisionProblem) -> None:
    """Within four Monte Carlo standard errors, undiscounted; the error falls as 1 / sqrt(n)."""
    problem = immortal(problem)
    draws = joint_draws(problem, 100, EXPONENTIAL, RATES, transport_multiplier=1)
    leave, share, post = RATES.values()
    truth = np.array([1 / leave, (1 - share) / post])
    spread = []
    for patients in (100, 1000, 10_000):
        size = replace(problem, settings=replace(problem.settings, patients=patients))
        own = found(size, "individual", draws, "chemotherapy")
        m = measure(problem.strategies["chemotherapy"], own, draws, Accrual.of(problem))
        both = np.stack([m[k][:, PLAIN] for k in ("progression_free", "progressed")], axis=1)
        error = both.std(axis=0, ddof=1) / 10
        assert (np.abs(both.mean(axis=0) - truth) < 4 * error + 2e-4).all()
        spread.append(both[:, 1].std(ddof=1))
    slope = np.polyfit(np.log([100, 1000, 10_000]), np.log(spread), 1)[0]
    assert -0.6 < slope < -0.4


# ------------------------------------------------------------------- structures that agree
@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_a_fitted_strategy_is_the_same_as_in_partitioned_survival(
    model: str, problem: DecisionProblem
) -> None:
    """The joint curves are the process's own; a multiplier acts on OS there, on transitions here."""
    draws = joint_draws(problem, transport_multiplier=1)
    two_curves = found(problem, "partitioned_survival", draws, "chemotherapy")
    process = found(problem, model, draws, "chemotherapy")
    for state in problem.settings.states:
        np.testing.assert_allclose(process.states[state], two_curves.states[state], atol=1e-12)
    moved = joint_draws(problem, transport_multiplier=0.7)
    gap = found(problem, model, moved, "chemotherapy").states["dead"]
    gap = gap - found(problem, "partitioned_survival", moved, "chemotherapy").states["dead"]
    assert np.abs(gap).max() > 0.01


def test_clocks_agree_where_the_hazard_after_progression_is_constant(
    problem: DecisionProblem,
) -> None:
    draws = joint_draws(problem, family=EXPONENTIAL, theta=RATES)
    forward, reset = (
        found(problem, m, draws, "resection") for m in ("state_transition", "semi_markov")
    )
    np.testing.assert_allclose(forward.states["dead"], reset.states["dead"], atol=2e-5)


def test_clocks_differ_where_it_is_not(problem: DecisionProblem) -> None:
    draws = joint_draws(problem, theta={**FOLFIRI, "post_shape": 2.5})
    forward, reset = (
        found(problem, m, draws, "resection") for m in ("state_transition", "semi_markov")
    )
    assert np.abs(forward.states["dead"] - reset.states["dead"]).max() > 0.01


@pytest.mark.parametrize("strategy", ["chemotherapy", "resection"])
def test_patients_against_the_cohort(strategy: str, problem: DecisionProblem) -> None:
    """400,000 patients: every exposure within five standard errors of the semi-Markov cohort's."""
    draws = joint_draws(problem, 40)
    many = replace(problem, settings=replace(problem.settings, patients=10_000))
    own = problem.strategies[strategy]
    cohort, patients = (
        measure(own, found(many, m, draws, strategy), draws, Accrual.of(problem))
        for m in ("semi_markov", "individual")
    )
    for name in own.exposures:
        luck = patients[name][:, PLAIN] - cohort[name][:, PLAIN]
        error = luck.std(ddof=1) / np.sqrt(len(luck))
        scale = np.abs(cohort[name][:, PLAIN]).mean()
        assert abs(luck.mean()) < 5 * error + 2e-3 * scale + 1e-9, name


def test_no_effect_is_the_donor(problem: DecisionProblem) -> None:
    """Hazard ratio 1 everywhere, no cure: resection is chemotherapy in every structure."""
    null = {"cure_exists": 0, "log_hr_os": 0, "log_hr_pfs_marginal": 0}
    draws = joint_draws(problem, 5, hr_post_recurrence_resection=1, transport_multiplier=1, **null)
    for model in STRUCTURES:
        a, b = (found(problem, model, draws, s) for s in ("chemotherapy", "resection"))
        for state in problem.settings.states:
            np.testing.assert_allclose(a.states[state], b.states[state], atol=2e-3, err_msg=model)


# ------------------------------------------------------------------------------------ laws
@given(
    meanlog=st.floats(-2, 0.5),
    sdlog=st.floats(0.4, 1.5),
    share=st.floats(0.0, 0.5),
    shape=st.floats(0.6, 2.5),
    scale=st.floats(0.2, 3),
    ratio=st.floats(0.3, 2),
)
@settings(max_examples=25, deadline=None)
def test_laws(
    inputs: Path,
    meanlog: float,
    sdlog: float,
    share: float,
    shape: float,
    scale: float,
    ratio: float,
) -> None:
    """Shares in [0, 1], the dead never fewer, progressions and deaths add up, phases are life years."""
    problem = load(inputs)
    theta = dict(zip(FOLFIRI, (meanlog, sdlog, share, shape, scale), strict=True))
    draws = joint_draws(problem, 3, theta=theta, hr_post_recurrence_resection=ratio)
    accrual, strategy = Accrual.of(problem), problem.strategies["resection"]
    for model in ("state_transition", "semi_markov"):
        own = found(problem, model, draws, "resection")  # checks its laws
        groups = [own.parts["progressions", g] for g in strategy.groups]
        np.testing.assert_allclose(sum(groups), own.parts["progressions", None], atol=1e-12)
        dead = own.states["dead"][:, -1]
        assert (own.parts["cancer_deaths", None].sum(axis=1) <= dead + 1e-6).all()
        m = measure(strategy, own, draws, accrual)
        phases = sum(m[name][:, PLAIN] for name in strategy.phases.values())
        np.testing.assert_allclose(phases, accrual.alive_years(own)[:, PLAIN], rtol=1e-9)


def test_a_higher_hazard_after_progression_never_helps(problem: DecisionProblem) -> None:
    alive = [
        1 - found(problem, "semi_markov", draws, "resection").states["dead"]
        for ratio in (0.5, 1.0, 1.5)
        if (draws := joint_draws(problem, 5, hr_post_recurrence_resection=ratio))
    ]
    assert (np.diff(np.stack(alive), axis=0) <= 1e-12).all()


def test_without_background_everyone_dies_of_the_cancer(problem: DecisionProblem) -> None:
    problem = immortal(problem)
    draws = joint_draws(problem, 5, cure_exists=0)
    for model in ("state_transition", "semi_markov"):
        own = found(problem, model, draws, "resection")
        deaths = np.cumsum(own.parts["cancer_deaths", None], axis=1)
        np.testing.assert_allclose(deaths, own.states["dead"][:, 1:], atol=1e-9)


@pytest.mark.parametrize("cycle", ["week", "quarter"])
def test_the_cycle_does_not_matter(cycle: str, problem: DecisionProblem) -> None:
    lengths = {"week": 7 / 365.25, "quarter": 0.25}
    other = replace(problem, settings=replace(problem.settings, cycle=lengths[cycle]))
    for model in ("state_transition", "semi_markov"):
        base, own = (
            found(p, model, joint_draws(p, 3), "resection").states["dead"] for p in (problem, other)
        )
        at = np.arange(0, 38, 0.5)
        a = np.stack([np.interp(at, problem.time, row) for row in base])
        b = np.stack([np.interp(at, other.time, row) for row in own])
        np.testing.assert_allclose(a, b, atol=5e-4)


# --------------------------------------------------------------------------- time in state
def test_residence_windows_add_up(problem: DecisionProblem) -> None:
    draws = joint_draws(problem, 4)
    own = found(problem, "semi_markov", draws, "resection")
    none, far, edges = np.zeros(4), np.full(4, 1e3), [0.0, 0.3, 1.1, 1e3]
    whole = own.states["progressed"]
    always = own.residence.since_entry("progressed", None, none, far)
    np.testing.assert_allclose(always, whole, atol=1e-12)
    parts = [
        own.residence.since_entry("progressed", None, np.full(4, a), np.full(4, b))
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    np.testing.assert_allclose(sum(parts), whole, atol=1e-12)
    after = own.residence.after("progressions", None, none, far, far)
    np.testing.assert_allclose(after, whole, atol=1e-12)
    groups = [
        own.residence.after("progressions", g, none, far, far)
        for g in problem.strategies["resection"].groups
    ]
    np.testing.assert_allclose(sum(groups), whole, atol=1e-12)


def test_sojourn_is_the_sum_over_entries() -> None:
    generator = np.random.default_rng(1)
    entering, survival = generator.random((2, 30)), np.sort(generator.random((2, 30)))[:, ::-1]
    direct = np.zeros((2, 31))
    for t in range(1, 31):
        for s in range(t):
            direct[:, t] += entering[:, s] * survival[:, t - 1 - s]
    np.testing.assert_allclose(illness_death.sojourn(entering, survival), direct, atol=1e-12)


# ------------------------------------------------------------------------------ end to end
@pytest.mark.parametrize("model", OTHERS)
def test_blocks_and_threads_change_nothing(model: str, problem: DecisionProblem) -> None:
    few = replace(problem.settings, patients=50)
    own = with_structure(replace(problem, settings=few), model)
    draws = joint_draws(own, 60)
    base = simulate(own, draws, workers=1).outcomes.data.values
    for chunk, workers in ((7, 1), (20, 2)):
        other = replace(own, settings=replace(own.settings, chunk=chunk))
        again = simulate(other, draws, workers=workers).outcomes.data.values
        np.testing.assert_allclose(again, base, rtol=1e-10, atol=1e-9)
