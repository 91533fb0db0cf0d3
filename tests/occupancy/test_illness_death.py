"""Cohort and individual models of the illness-death process: closed forms, laws, agreement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from scipy.linalg import expm

from heor import load
from heor.occupancy import illness_death
from heor.occupancy.models import StrategyBlock, occupancy
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.problem.country import LifeTable
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.units import cycle_years
from heor.simulation.accrual import COST, EFFECT, PLAIN, Accrual
from heor.simulation.measure import measure
from heor.survival.curves.strategy_curves import CurveContext
from heor.usage.structures import STRUCTURES, with_structure
from heor.valuation.simulate import simulate
from tests.made_up import FOLFIRI, joint_draws

OTHERS = ("state_transition", "semi_markov", "individual")


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
    cycle, at = expm(generator * problem.settings.cycle), [np.eye(3)[0]]
    for _ in problem.time[1:]:
        at.append(at[-1] @ cycle)
    return np.stack(at)[:, :2]


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


def continuous(problem: DecisionProblem, rate: float) -> DecisionProblem:
    """Costs and effects discounted continuously at one rate; Simpson within the cycle."""
    bands = tuple(replace(b, rate=rate) for b in problem.country.discount_costs)
    country = replace(
        problem.country,
        discount_costs=bands,
        discount_effects=bands,
        discount_timing="continuous",
    )
    simpson = replace(problem.settings, within_cycle="simpson")
    return replace(problem, country=country, settings=simpson)


def exact_years(problem: DecisionProblem, background: float, rate: float) -> np.ndarray:
    """Discounted person-years free and progressed over the horizon: block matrix exponential."""
    leave, share, post = RATES.values()
    generator = np.array(
        [[-leave - background - rate, leave * (1 - share)], [0, -post - background - rate]]
    )
    block = np.zeros((4, 4))
    block[:2, :2], block[:2, 2:] = generator, np.eye(2)
    return expm(block * problem.horizon)[0, 2:]


def test_costs_and_qalys_against_the_exact_integral(problem: DecisionProblem) -> None:
    """Discounted continuously at 4 %: the generator augmented by its own integral."""
    background, rate = 0.05, 0.04
    problem = continuous(immortal(problem, background), rate)
    years = exact_years(problem, background, rate)
    draws = joint_draws(problem, 1, EXPONENTIAL, RATES, transport_multiplier=1)
    for model in ("semi_markov", "state_transition"):
        own = found(problem, model, draws, "chemotherapy")
        m = measure(problem.strategies["chemotherapy"], own, draws, Accrual.of(problem))
        both = [m[name][0, 0] for name in ("progression_free", "progressed")]
        np.testing.assert_allclose(both, years, rtol=2e-4)


@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_deaths_and_progressions_against_the_exact_integral(
    model: str, problem: DecisionProblem
) -> None:
    """Discounted events: rate x discounted years in the state they leave (Van Loan 1978)."""
    background, rate = 0.05, 0.04
    problem = continuous(immortal(problem, background), rate)
    leave, share, post = RATES.values()
    free, progressed = exact_years(problem, background, rate)
    draws = joint_draws(problem, 1, EXPONENTIAL, RATES, transport_multiplier=1)
    own = found(problem, model, draws, "chemotherapy")
    mid = Accrual.of(problem).mid[:, COST]
    events = {k: own.parts[k, None][0] @ mid for k in ("progressions", "cancer_deaths")}
    assert events["progressions"] == pytest.approx((1 - share) * leave * free, rel=2e-4)
    deaths = share * leave * free + post * progressed
    assert events["cancer_deaths"] == pytest.approx(deaths, rel=2e-4)


@pytest.mark.parametrize("model", ["partitioned_survival", "state_transition", "semi_markov"])
def test_outcomes_against_the_exact_integral(model: str, problem: DecisionProblem) -> None:
    """The chemotherapy arm end to end, with one utility norm for all ages."""
    background, rate = 0.05, 0.04
    problem = continuous(immortal(problem, background), rate)
    norms = replace(problem.country.norms, utility=np.full_like(problem.country.norms.utility, 0.8))
    problem = replace(problem, country=replace(problem.country, norms=norms))
    draws = joint_draws(problem, 4, EXPONENTIAL, RATES, transport_multiplier=1)
    leave, share, post = RATES.values()
    free, progressed = exact_years(problem, background, rate)
    deaths = share * leave * free + post * progressed
    v = draws.value
    loss = deaths * v("terminal_months") * (v("m_progressed") - v("m_terminal"))
    qalys = 0.8 * (free * v("m_on_chemo") + progressed * v("m_progressed") - loss)
    own = simulate(with_structure(problem, model), draws, workers=1).outcomes
    np.testing.assert_allclose(own.qalys[:, 0], qalys, rtol=3e-4)
    care = own.component("progressed_care")[:, 0]
    np.testing.assert_allclose(care, progressed * v("c_progressed"), rtol=5e-4)
    end = own.component("end_of_life")[:, 0]
    np.testing.assert_allclose(end, deaths * v("end_of_life_net"), rtol=5e-4)


@pytest.mark.slow
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


PARAMETERS = {
    "progression_meanlog": -0.8,
    "progression_sdlog": 0.95,
    "progression_shape": 1.2,
    "progression_scale": 0.6,
    "progression_rate": 1.4,
    "death_share": 0.12,
    "cured": 0.08,
    "post_shape": 1.6,
    "post_scale": 0.9,
    "post_meanlog": -0.3,
    "post_sdlog": 0.8,
    "post_rate": 0.8,
}
FAMILIES = (
    EXPONENTIAL,
    "joint_lognormal_weibull",
    "joint_lognormal_lognormal",
    "joint_lognormal_loglogistic",
    "joint_weibull_weibull",
    "joint_loglogistic_exponential",
    "joint_lognormal_weibull_cure",
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("multiplier", [0.6, 1.0, 1.5])
def test_a_fitted_strategy_does_not_depend_on_the_clock(
    family: str, multiplier: float, problem: DecisionProblem
) -> None:
    """Clock forward takes its average hazard from the clock-reset process of the same strategy."""
    draws = joint_draws(problem, 2, family, PARAMETERS, transport_multiplier=multiplier)
    forward, reset = (
        found(problem, m, draws, "chemotherapy") for m in ("state_transition", "semi_markov")
    )
    for key, part in reset.parts.items():
        np.testing.assert_allclose(forward.parts[key], part, atol=1e-9, err_msg=str(key))
    if multiplier == 1:
        two_curves = found(problem, "partitioned_survival", draws, "chemotherapy")
        for state in problem.settings.states:
            np.testing.assert_allclose(reset.states[state], two_curves.states[state], atol=1e-9)
        deaths = [own.parts["cancer_deaths", None] for own in (two_curves, reset)]
        np.testing.assert_allclose(*deaths, atol=5e-6)


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


@given(
    meanlog=st.floats(-2, 0.5),
    share=st.floats(0, 1),
    shape=st.floats(0.4, 4),
    scale=st.floats(0.05, 5),
    multiplier=st.floats(0.3, 2),
)
@settings(max_examples=15, deadline=None)
def test_no_effect_is_the_donor_to_the_last_digit(
    problem: DecisionProblem,
    meanlog: float,
    share: float,
    shape: float,
    scale: float,
    multiplier: float,
) -> None:
    """Whatever the process, and with a multiplier on it."""
    theta = {**FOLFIRI, "progression_meanlog": meanlog, "death_share": share}
    theta |= {"post_shape": shape, "post_scale": scale}
    null = {"cure_exists": 0, "log_hr_os": 0, "log_hr_pfs_marginal": 0}
    null |= {"hr_post_recurrence_resection": 1, "transport_multiplier": multiplier}
    draws = joint_draws(problem, 1, theta=theta, **null)
    for model in ("state_transition", "semi_markov"):
        a, b = (found(problem, model, draws, s) for s in ("chemotherapy", "resection"))
        for key in (("progressed", None), ("progressions", None), ("cancer_deaths", None)):
            np.testing.assert_allclose(a.parts[key], b.parts[key], atol=1e-9, err_msg=model)


EXTREMES = {
    "nobody progresses": {"death_share": 1.0},
    "nobody dies first": {"death_share": 0.0},
    "progression is death": {"post_scale": 1e-4},
    "progression is harmless": {"post_scale": 1e4},
    "progression at once": {"progression_meanlog": -8.0},
    "hazard that falls": {"post_shape": 0.2},
    "hazard that jumps": {"post_shape": 12.0},
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", list(STRUCTURES))
@pytest.mark.parametrize("extreme", EXTREMES)
def test_extremes(extreme: str, model: str, problem: DecisionProblem) -> None:
    """Laws hold, nothing overflows, and groups may be empty."""
    few = replace(problem, settings=replace(problem.settings, patients=50))
    theta = {**FOLFIRI, **EXTREMES[extreme]}
    for operated in (0.0, 0.9, 1.0):
        draws = joint_draws(problem, 2, theta=theta, p_operated=operated)
        outcomes = simulate(with_structure(few, model), draws, workers=1).outcomes
        assert np.isfinite(outcomes.data).all()
        if operated == 0:
            assert (outcomes.component("retreatment")[:, 1] == 0).all()
    if model != "partitioned_survival" and extreme in ("nobody progresses", "progression is death"):
        own = found(few, model, draws, "resection")
        assert own.states["progressed"].max() < 0.011


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
    problem: DecisionProblem,
    meanlog: float,
    sdlog: float,
    share: float,
    shape: float,
    scale: float,
    ratio: float,
) -> None:
    """Shares in [0, 1], the dead never fewer, progressions and deaths add up, phases are life years."""
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


@pytest.mark.parametrize("strategy", ["chemotherapy", "resection"])
@pytest.mark.parametrize("model", ["partitioned_survival", *OTHERS[:2]])
def test_people_are_conserved_in_every_cycle(
    model: str, strategy: str, problem: DecisionProblem
) -> None:
    """Nobody returns; who is more progressed has progressed; who dies of the cancer is dead."""
    own = found(problem, model, joint_draws(problem, 5), strategy)
    rise = {state: np.diff(share, axis=1) for state, share in own.states.items()}
    assert (rise["progression_free"] <= 1e-12).all()
    assert (rise["progressed"] <= own.parts["progressions", None] + 1e-9).all()
    assert (own.parts["cancer_deaths", None] <= rise["dead"] + 1e-9).all()
    assert (own.parts["progressions", None] >= -1e-15).all()
    np.testing.assert_allclose(sum(rise.values()), 0, atol=1e-12)
    # what the dead did not die of the cancer, they died of the background: never more than it
    other = rise["dead"].sum(axis=1) - own.parts["cancer_deaths", None].sum(axis=1)
    assert ((other >= 0) & (other < 0.2)).all()


@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_operative_deaths(model: str, problem: DecisionProblem) -> None:
    """At surgery the share p_operated x mortality of everyone alive dies, of another cause."""
    pfs = replace(
        problem.strategies["resection"].curves["pfs"],
        operative_mortality="p_operated * p_operative_mortality",
        operative_time="surgery",
    )
    strategy = problem.strategies["resection"]
    strategy = replace(strategy, curves={**strategy.curves, "pfs": pfs})
    deadly = replace(problem, strategies={**problem.strategies, "resection": strategy})
    draws = joint_draws(problem, 3, p_operative_mortality=0.1)
    died = draws.value("p_operated") * 0.1
    base, own = (found(p, model, draws, "resection") for p in (problem, deadly))
    at = np.flatnonzero(problem.time >= draws.value("surgery")[0] - 1e-9)[0]
    for state in ("progression_free", "progressed"):
        np.testing.assert_array_equal(own.states[state][:, :at], base.states[state][:, :at])
        expected = base.states[state][:, at:] * (1 - died)[:, None]
        np.testing.assert_allclose(own.states[state][:, at:], expected, rtol=1e-12)
    cancer = ("cancer_deaths", None)
    lower = base.parts[cancer] * (1 - died)[:, None]
    assert (own.parts[cancer] >= lower - 1e-12).all()
    assert (own.parts[cancer] <= base.parts[cancer] + 1e-12).all()


@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_the_cured_are_what_is_left(model: str, problem: DecisionProblem) -> None:
    """Where the uncured die soon, the cured live on at the population's mortality times the ratio."""
    theta = {**FOLFIRI, "progression_meanlog": -2, "progression_sdlog": 0.3, "post_scale": 0.2}
    draws = joint_draws(problem, 3, theta=theta, smr_cured=1.2)
    own = found(problem, model, draws, "resection")
    time = problem.time
    cured = CurveContext(problem, draws).background(time).with_ratio(np.full(3, 1.2))
    expected = draws.value("cured_fraction")[:, None] * cured
    late = time >= 10
    np.testing.assert_allclose(1 - own.states["dead"][:, late], expected[:, late], atol=1e-9)
    # all of them were operated, and none is a progression
    left = own.parts["progression_free", "operated"][:, late]
    np.testing.assert_allclose(left, expected[:, late], atol=1e-9)
    few = own.parts["progressions", None].sum(axis=1)
    assert (few < 1 - draws.value("cured_fraction")).all()


@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_early_failure_reaches_the_process(model: str, inputs: Path) -> None:
    """S9: 44 % of the operated leave progression-free in three months, background included."""
    early = load(inputs, scenario="s09_15_or_more")
    draws = joint_draws(early, 3)
    own = found(early, model, draws, "resection")
    base = found(load(inputs), model, draws, "resection")
    free = own.parts["progression_free", "operated"]
    start = draws.value("surgery")[0]
    until = start + draws.value("early_recurrence_months")[0]
    first, last = (np.abs(early.time - t).argmin() for t in (start, until))
    gone = 1 - free[:, last] / free[:, first]
    np.testing.assert_allclose(gone, draws.value("early_recurrence_15_or_more"), atol=1e-9)
    other = ("progression_free", "not_operated")
    np.testing.assert_allclose(own.parts[other], base.parts[other], atol=1e-12)
    groups = [own.parts["progressions", g] for g in early.strategies["resection"].groups]
    np.testing.assert_allclose(sum(groups), own.parts["progressions", None], atol=1e-12)


def test_without_background_everyone_dies_of_the_cancer(problem: DecisionProblem) -> None:
    problem = immortal(problem)
    draws = joint_draws(problem, 5, cure_exists=0)
    for model in ("state_transition", "semi_markov"):
        own = found(problem, model, draws, "resection")
        deaths = np.cumsum(own.parts["cancer_deaths", None], axis=1)
        np.testing.assert_allclose(deaths, own.states["dead"][:, 1:], atol=1e-9)


@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
@pytest.mark.parametrize("cycle", ["day", "week", "2 weeks", "quarter", "year"])
def test_the_cycle_does_not_matter(cycle: str, model: str, problem: DecisionProblem) -> None:
    """At full years, which are boundaries of months, quarters and years; between them by spline."""
    other = replace(problem, settings=replace(problem.settings, cycle=cycle_years(cycle)))
    base, own = (found(p, model, joint_draws(p, 3), "resection") for p in (problem, other))
    years = np.arange(0, 38.0)
    for state in problem.settings.states:
        a, b = (
            CubicSpline(p.time, o.states[state], axis=1)(years)
            for p, o in ((problem, base), (other, own))
        )
        np.testing.assert_allclose(a, b, atol=2e-4, err_msg=state)
    for key in (("progressions", "operated"), ("cancer_deaths", None)):
        np.testing.assert_allclose(
            own.parts[key].sum(axis=1), base.parts[key].sum(axis=1), atol=2e-4
        )


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


def test_time_after_a_progression_by_its_length(problem: DecisionProblem) -> None:
    """None for no time; one day each at first; more for longer; the whole sojourn in the end."""
    n, day = 3, 1 / 365.25
    strategy, draws = problem.strategies["resection"], joint_draws(problem, n)
    own, accrual = found(problem, "semi_markov", draws, "resection"), Accrual.of(problem)
    event = ("progressions", "operated")

    def years(lasting: float) -> np.ndarray:
        times = np.zeros(n), np.full(n, 1e3), np.full(n, lasting)
        return accrual.all_years(own.residence.after(*event, *times))[:, PLAIN]

    assert (years(0.0) == 0).all()
    progressed = own.parts[event].sum(axis=1)
    np.testing.assert_allclose(years(day) / day, progressed, rtol=0.02)
    found_years = [years(lasting) for lasting in (0.1, 0.5, 1.0, 5.0, 40.0)]
    assert (np.diff(np.stack(found_years), axis=0) > 0).all()
    others = own.residence.after(
        "progressions", "not_operated", np.zeros(n), np.full(n, 1e3), np.full(n, 1e3)
    )
    whole = measure(strategy, own, draws, accrual)["progressed"][:, PLAIN]
    rest = accrual.all_years(others)[:, PLAIN]
    np.testing.assert_allclose(found_years[-1] + rest, whole, rtol=1e-9)


@pytest.mark.parametrize("model", list(STRUCTURES))
def test_time_before_a_cancer_death(model: str, problem: DecisionProblem) -> None:
    """Deaths x lead, when none comes sooner than the lead; never more than the years lived."""
    late = {**FOLFIRI, "progression_meanlog": 1.0, "progression_sdlog": 0.2, "post_shape": 3.0}
    few = replace(problem, settings=replace(problem.settings, patients=200))
    for name, strategy in problem.strategies.items():
        draws = joint_draws(problem, 3, theta={**late, "death_share": 0.0}, transport_multiplier=1)
        own, accrual = found(few, model, draws, name), Accrual.of(few)
        m = measure(strategy, own, draws, accrual)
        deaths = m["cancer_deaths"][:, PLAIN]
        expected = deaths * draws.value("terminal_months")
        np.testing.assert_allclose(m["terminal"][:, PLAIN], expected, rtol=1e-3)
        assert (m["terminal"][:, EFFECT] < m["terminal"][:, PLAIN]).all()
        early = joint_draws(problem, 3, theta={**FOLFIRI, "progression_meanlog": -4.0})
        own = found(few, model, early, name)
        m, lived = measure(strategy, own, early, accrual), accrual.alive_years(own)
        assert (m["terminal"] <= lived + 1e-12).all()
        all_of_it = m["cancer_deaths"][:, PLAIN] * early.value("terminal_months")
        assert (m["terminal"][:, PLAIN] <= all_of_it + 1e-12).all()


@pytest.mark.parametrize("model", list(STRUCTURES))
def test_phases_are_the_time_alive_in_every_draw(model: str, problem: DecisionProblem) -> None:
    few = replace(problem, settings=replace(problem.settings, patients=200))
    draws, accrual = joint_draws(problem, 20), Accrual.of(few)
    for name, strategy in problem.strategies.items():
        own = found(few, model, draws, name)
        m = measure(strategy, own, draws, accrual)
        phases = sum(m[exposure] for exposure in strategy.phases.values())
        np.testing.assert_allclose(phases, accrual.alive_years(own), rtol=1e-9)
        assert all((m[exposure] >= -1e-12).all() for exposure in strategy.phases.values())


def test_sojourn_is_the_sum_over_entries() -> None:
    generator = np.random.default_rng(1)
    entering, survival = generator.random((2, 30)), np.sort(generator.random((2, 30)))[:, ::-1]
    direct = np.zeros((2, 31))
    for t in range(1, 31):
        for s in range(t):
            direct[:, t] += entering[:, s] * survival[:, t - 1 - s]
    np.testing.assert_allclose(illness_death.sojourn(entering, survival), direct, atol=1e-12)


# ------------------------------------------------------------------------------ end to end
@pytest.mark.parametrize(
    ("setting", "value", "error"),
    [("within_cycle", "simpson", 0), ("within_cycle", "end", 0), ("cycle", 0.25, 1e-12)]
    + [("cycle", 7 / 365.25, 1e-3)],
)
def test_patients_know_no_cycle(
    setting: str, value: object, error: float, problem: DecisionProblem
) -> None:
    """The same luck whatever the cycle or rule; weeks move the grid of hazards by a little."""
    few = with_structure(
        replace(problem, settings=replace(problem.settings, patients=50)), "individual"
    )
    other = replace(few, settings=replace(few.settings, **{setting: value}))
    draws = joint_draws(few, 5)
    base, own = (simulate(p, draws, workers=1).outcomes.data for p in (few, other))
    np.testing.assert_allclose(own.mean("draw"), base.mean("draw"), rtol=error, atol=1e-9)


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
