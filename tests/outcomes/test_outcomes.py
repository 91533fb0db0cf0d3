"""Occupancy × values → costs and QALYs: exact cases, identities between scenarios, invariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heor.errors import ModelError
from heor.inputs.load import load
from heor.occupancy.partitioned import partitioned_survival
from heor.outcomes.discounting import discount_factor
from heor.outcomes.norms import norm
from heor.parameters.draws import CurveDraws, Draws
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CostItem, Exposure
from heor.simulation.accrual import Accrual
from heor.simulation.measure import measure
from heor.simulation.simulated import Simulation
from heor.survival.curves.strategy_curves import CurveContext, evidence_excess, strategy_curves
from heor.survival.evidence import background
from heor.valuation.simulate import simulate
from tests.made_up import simulate_together

Run = Callable[..., Simulation]
MakeDraws = Callable[..., Draws]
OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"


def simulated(problem: DecisionProblem, draws: Draws, workers: int = 1) -> Simulation:
    return simulate(problem, draws, workers=workers)


def component(found: Simulation, name: str, strategy: str) -> np.ndarray:
    return found.outcomes.data.sel(component=name, strategy=strategy).values


def measured(
    problem: DecisionProblem, draws: Draws, name: str, extra: dict[str, Exposure] | None = None
) -> dict[str, np.ndarray]:
    """Every exposure (and `extra` ones) of a strategy, with the five weights."""
    strategy = problem.strategies[name]
    strategy = replace(strategy, exposures={**strategy.exposures, **(extra or {})})
    context = CurveContext(problem, draws)
    curves = strategy_curves(context, strategy, problem.time)
    hazard = np.diff(context.background(problem.time).cumulative_hazard)
    occupancy = partitioned_survival(strategy, curves, problem.settings.states, draws, hazard)
    return measure(strategy, occupancy, draws, Accrual.of(problem))


@pytest.fixture(scope="module")
def base(run: Run) -> Simulation:
    return run()


@pytest.fixture(scope="module")
def base_draws(problem: DecisionProblem, made_up_draws: MakeDraws) -> Draws:
    return made_up_draws(problem, 200)


# ------------------------------------------------------------------------------- exact cases
def test_norwegian_discount_factor_at_the_band_edges(problem: DecisionProblem) -> None:
    """4 % in years 0-39, 3 % in 40-74, 2 % after; forward rates, no jump at an edge."""
    bands = problem.country.discount_costs
    assert discount_factor(bands, 0.0) == 1
    assert discount_factor(bands, 40.0) == pytest.approx(0.20828904, abs=5e-9)
    assert discount_factor(bands, 41.0) == pytest.approx(0.20828904 / 1.03, abs=5e-9)
    assert discount_factor(bands, 75.0) == pytest.approx(1.04**-40 * 1.03**-35, rel=1e-13)
    assert discount_factor(bands, 80.0) == pytest.approx(
        1.04**-40 * 1.03**-35 * 1.02**-5, rel=1e-13
    )


def test_norm_changes_on_the_birthday(problem: DecisionProblem) -> None:
    """u(age) of the whole year of age reached; the last value holds beyond the table."""
    norms = problem.country.norms
    by_age = dict(zip(norms.age, norms.utility, strict=True))
    time = np.array([0, 11 / 12, 12 * (1 / 12), 1 + 1e-3, 28, 28.5, 38])
    expected = [by_age[a] for a in (62, 62, 63, 63, 90, 90, 90)]
    np.testing.assert_array_equal(norm(problem, time), expected)
    assert by_age[90] == 0.811
    months = [by_age[min(62 + i // 12, 90)] for i in range(len(problem.time))]
    np.testing.assert_array_equal(norm(problem, problem.time), months)


def immortal(problem: DecisionProblem, draws: Draws) -> tuple[DecisionProblem, Draws]:
    """The same with no mortality at all: from cancer or in the population."""
    table = problem.country.life_table
    nobody = replace(table, q_male=0 * table.q_male, q_female=0 * table.q_female)
    theta = np.tile([1e6, 1.0], (draws.n, 1))
    curves = {k: CurveDraws(c.families, c.family, theta) for k, c in draws.curves.items()}
    return (
        replace(problem, country=replace(problem.country, life_table=nobody)),
        replace(draws, curves=curves),
    )


def test_all_alive_for_the_whole_horizon(inputs: Path, made_up_draws: MakeDraws) -> None:
    """38 years lived are 38 life years, and the discounted ones are the trapezoid's."""
    problem = load(inputs, scenario="s15_cure_only")
    problem, draws = immortal(problem, made_up_draws(problem, 20))
    found = simulated(problem, draws)
    factor = discount_factor(problem.country.discount_effects, problem.time)
    discounted = np.trapezoid(factor, problem.time)
    for strategy in problem.strategies:
        np.testing.assert_allclose(
            component(found, "life_years_undiscounted", strategy), 38, atol=1e-12
        )
        np.testing.assert_allclose(component(found, "life_years", strategy), discounted, atol=1e-12)
        assert np.allclose(component(found, "end_of_life", strategy), 0, atol=1e-6)


def test_surgery_costs_to_the_last_unit(
    base: Simulation, base_draws: Draws, problem: DecisionProblem
) -> None:
    """Paid once: work-up at once, the operation one month later, discounted at that time."""
    v = base_draws.value
    at_surgery = 1.04 ** (-1 / 12)
    per_operation = v("c_resection") + v("p_ablation_adjunct") * v("c_ablation")
    expected = v("c_workup") + at_surgery * v("p_operated") * per_operation
    found = component(base, "surgery", "resection")
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert (component(base, "surgery", "chemotherapy") == 0).all()


def test_free_care_costs_nothing(problem: DecisionProblem, made_up_draws: MakeDraws) -> None:
    free = {n: 0.0 for n, p in problem.parameters.items() if p.currency}
    found = simulated(problem, made_up_draws(problem, 20, replaced=free))
    assert (found.outcomes.cost == 0).all()


def test_perfect_health_makes_qalys_life_years(
    problem: DecisionProblem, made_up_draws: MakeDraws
) -> None:
    """Every multiplier and norm 1, nothing lost: a QALY is a life year."""
    norms = problem.country.norms
    healthy = replace(norms, utility=np.ones_like(norms.utility))
    healthy_problem = replace(problem, country=replace(problem.country, norms=healthy))
    full = {n: 1.0 for n in problem.parameters if n.startswith("m_")}
    none = {n: 0.0 for n in problem.parameters if n.startswith(("du_", "qaly_loss"))}
    found = simulated(healthy_problem, made_up_draws(problem, 50, replaced={**full, **none}))
    outcomes = found.outcomes
    for qaly, life in (
        ("qalys", "life_years"),
        ("qalys_undiscounted", "life_years_undiscounted"),
    ):
        np.testing.assert_allclose(outcomes.component(qaly), outcomes.component(life), rtol=1e-11)


def test_half_the_utility_gives_half_the_qalys(
    problem: DecisionProblem, made_up_draws: MakeDraws
) -> None:
    """QALYs of the comparator are linear in the multiplier of its states."""
    whole, half = (
        simulated(
            problem,
            made_up_draws(
                problem, 20, replaced={"m_on_chemo": m, "m_progressed": m, "m_terminal": m}
            ),
        )
        for m in (0.9, 0.45)
    )
    a, b = (component(s, "qalys", "chemotherapy") for s in (whole, half))
    np.testing.assert_allclose(b, a / 2, rtol=1e-12)


def test_discounting_only_lowers(base: Simulation) -> None:
    outcomes = base.outcomes
    assert (outcomes.qalys < outcomes.component("qalys_undiscounted")).all()
    assert (outcomes.component("life_years") < outcomes.component("life_years_undiscounted")).all()


def test_no_discounting_makes_both_equal(inputs: Path, made_up_draws: MakeDraws) -> None:
    problem = load(inputs)
    flat = tuple(replace(b, rate=0.0) for b in problem.country.discount_effects)
    country = replace(problem.country, discount_costs=flat, discount_effects=flat)
    outcomes = simulated(replace(problem, country=country), made_up_draws(problem, 20)).outcomes
    np.testing.assert_allclose(outcomes.qalys, outcomes.component("qalys_undiscounted"), rtol=1e-13)


# --------------------------------------------------------------------------------- exposures
def test_treatment_windows_partition_progression_free_time(
    problem: DecisionProblem, base_draws: Draws
) -> None:
    """No person-month is costed or valued twice, and none is left out."""
    extra = {
        "operated": Exposure("operated", state="progression_free", among="operated"),
        "all": Exposure("all", state="progression_free"),
        "course": Exposure(
            "course",
            flow="progressions",
            among="operated",
            share="p_postop_chemo",
            from_time="surgery + t_restart_chemo",
            until="surgery + t_restart_chemo + postop_chemo_months",
        ),
    }
    m = measured(problem, base_draws, "resection", extra)
    close = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(
        m["operated_early"] + m["operated_late"] + m["operated_on_chemotherapy"],
        m["operated"],
        **close,
    )
    np.testing.assert_allclose(m["operated"] + m["not_operated"], m["all"], **close)
    np.testing.assert_allclose(
        m["operated_on_chemotherapy"] + m["not_operated_on_chemotherapy"],
        m["on_chemotherapy"],
        **close,
    )
    np.testing.assert_allclose(
        m["recurrences_off_chemotherapy"] + m["course"], m["recurrences"], **close
    )
    assert all((values >= -1e-12).all() for values in m.values())


def test_follow_up_is_what_treatment_leaves(problem: DecisionProblem, base_draws: Draws) -> None:
    """Follow-up early + late + treatment = progression-free time of the first five years."""
    extra = {"five": Exposure("five", state="progression_free", until="t_follow_up_end")}
    for name in problem.strategies:
        m = measured(problem, base_draws, name, extra)
        total = m["follow_up_early"] + m["follow_up_late"] + m["on_chemotherapy"]
        np.testing.assert_allclose(total, m["five"], rtol=1e-12)


def test_an_exposure_by_hand(problem: DecisionProblem, base_draws: Draws) -> None:
    """Months on chemotherapy of the comparator, month by month in a plain loop."""
    few = base_draws[:3]
    found = measured(problem, few, "chemotherapy")["on_chemotherapy"]
    curves = strategy_curves(
        CurveContext(problem, few), problem.strategies["chemotherapy"], problem.time
    )
    pfs = np.minimum(curves["pfs"].total, curves["os"].total)
    for i in range(3):
        share, years, discounted = few.values["share_pf_on_chemo"][i], 0.0, 0.0
        for month in range(24):
            start, end = pfs[i, month], pfs[i, month + 1]
            years += (start + end) / 2 / 12
            discounted += (start * 1.04 ** (-month / 12) + end * 1.04 ** (-(month + 1) / 12)) / 24
        assert found[i, 3] == pytest.approx(share * years, rel=1e-12)
        assert found[i, 0] == pytest.approx(share * discounted, rel=1e-12)


def test_an_event_by_hand(problem: DecisionProblem, base_draws: Draws) -> None:
    """Cancer deaths month by month; discounted at the mean of the month's two factors."""
    few = base_draws[:2]
    found = measured(problem, few, "chemotherapy")["cancer_deaths"]
    context = CurveContext(problem, few)
    os = strategy_curves(context, problem.strategies["chemotherapy"], problem.time)["os"]
    cumulative = context.background(problem.time).cumulative_hazard
    for i in range(2):
        deaths, discounted = 0.0, 0.0
        for month in range(len(problem.time) - 1):
            excess = os.parts[0].excess[i, month + 1] - os.parts[0].excess[i, month]
            other = cumulative[month + 1] - cumulative[month]
            died = os.total[i, month] - os.total[i, month + 1]
            died *= excess / (excess + other)
            deaths += died
            discounted += died * (1.04 ** (-month / 12) + 1.04 ** (-(month + 1) / 12)) / 2
        assert found[i, 3] == pytest.approx(deaths, rel=1e-10)
        assert found[i, 0] == pytest.approx(discounted, rel=1e-10)


def test_windows_inside_a_month_count_in_part(problem: DecisionProblem, base_draws: Draws) -> None:
    """Windows that touch at any time add up to their union."""
    window = {
        "a": Exposure("a", state="progressed", until="0.1234"),
        "b": Exposure("b", state="progressed", from_time="0.1234", until="0.777"),
        "ab": Exposure("ab", state="progressed", until="0.777"),
        "late": Exposure("late", state="progressed", from_time="0.777"),
        "empty": Exposure("empty", state="progressed", from_time="2", until="1"),
        "beyond": Exposure("beyond", state="progressed", from_time="38", until="99"),
    }
    m = measured(problem, base_draws, "chemotherapy", window)
    np.testing.assert_allclose(m["a"] + m["b"], m["ab"], rtol=1e-11)
    np.testing.assert_allclose(m["ab"] + m["late"], m["progressed"], rtol=1e-11)
    assert (m["empty"] == 0).all() and (m["beyond"] == 0).all()


def test_everyone_leaves_progression_free_once(problem: DecisionProblem, base_draws: Draws) -> None:
    """Cancer deaths at most 1; progressions plus background deaths are about everyone."""
    for name in problem.strategies:
        extra = {"progressions": Exposure("progressions", flow="progressions")}
        m = measured(problem, base_draws, name, extra)
        for flow in ("progressions", "cancer_deaths"):
            assert (m[flow][:, 3] > 0.5).all() and (m[flow][:, 3] < 1).all()


# ------------------------------------------------------------------------------- perspective
def test_perspective_leaves_streams_out(
    problem: DecisionProblem, base: Simulation, base_draws: Draws
) -> None:
    """Without travel and patient time, those categories are 0 and nothing else moves."""
    country = replace(problem.country, streams=("health_service",))
    narrow = simulated(replace(problem, country=country), base_draws).outcomes
    for category in problem.settings.categories:
        if category in ("travel", "patient_time"):
            assert (narrow.component(category) == 0).all()
            assert (base.outcomes.component(category) > 0).all()
        else:
            np.testing.assert_array_equal(
                narrow.component(category), base.outcomes.component(category)
            )


def test_productivity_is_outside_the_norwegian_perspective(
    problem: DecisionProblem, base: Simulation, base_draws: Draws
) -> None:
    strategy = problem.strategies["chemotherapy"]
    item = CostItem("work", "progressed", "1000000", "travel", "productivity")
    costs = {**strategy.costs, "work": item}
    changed = {**problem.strategies, "chemotherapy": replace(strategy, costs=costs)}
    found = simulated(replace(problem, strategies=changed), base_draws)
    np.testing.assert_array_equal(found.outcomes.cost, base.outcomes.cost)


# --------------------------------------------------------------------------------- invariance
def test_workers_and_more_draws_change_nothing(
    problem: DecisionProblem, made_up_draws: MakeDraws
) -> None:
    """Bit for bit: any number of threads, and a run of whole chunks inside a longer one."""
    draws = made_up_draws(problem, 700)
    one = simulated(problem, draws).outcomes.data.values
    for workers in (2, 5):
        np.testing.assert_array_equal(simulated(problem, draws, workers).outcomes.data.values, one)
    for n in (250, 500):
        part = simulated(problem, draws[:n], 2).outcomes.data.values
        np.testing.assert_array_equal(part, one[:n])


TOGETHER = {
    "shipped scenarios": [("s17_symmetric_treatment", {}), ("s19_cure_half", {})],
    "another transport": [("no_transport", {})],
    "another window": [("window_36", {})],
    "another horizon": [(None, {"analysis.end_age": 90})],
    "another age": [(None, {"start_age": 72})],
    "another sex mix": [(None, {"share_male": 0.1})],
}


@pytest.mark.parametrize("case", TOGETHER)
def test_scenarios_run_together_are_what_they_are_alone(
    case: str, problem: DecisionProblem, inputs: Path, made_up_draws: MakeDraws
) -> None:
    """What cases share (fitted hazards, solved ratios) must not depend on what they do not."""
    others = [load(inputs, scenario=s, overrides=o) for s, o in TOGETHER[case]]
    first = made_up_draws(problem, 60)
    cases = {"": (problem, first)}
    for i, other in enumerate(others):  # the same curve draws, as in a run
        cases[str(i)] = (other, replace(made_up_draws(other, 60), curves=first.curves))
    together = simulate_together(cases, workers=1)
    for name, (own, draws) in cases.items():
        alone = simulate(own, draws, workers=1).outcomes.data.values
        np.testing.assert_array_equal(together[name].outcomes.data.values, alone, err_msg=name)


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000])
def test_chunk_size_changes_nothing(
    chunk: int, problem: DecisionProblem, base_draws: Draws, base: Simulation
) -> None:
    """Up to the rounding of a sum taken in another order."""
    few = base_draws[:40]
    settings = replace(problem.settings, chunk=chunk)
    found = simulated(replace(problem, settings=settings), few).outcomes.data.values
    np.testing.assert_allclose(found, base.outcomes.data.values[:40], rtol=1e-10, atol=1e-9)


def test_finer_cycles_agree(inputs: Path, made_up_draws: MakeDraws) -> None:
    """Monthly cycles are fine enough: weekly ones move QALYs by less than 0.1 %."""
    month, week = (load(inputs, overrides={"analysis.cycle": c}) for c in ("month", "week"))
    a, b = (simulated(p, made_up_draws(p, 50)).outcomes for p in (month, week))
    np.testing.assert_allclose(a.qalys.mean(axis=0), b.qalys.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(a.cost.mean(axis=0), b.cost.mean(axis=0), rtol=3e-3)


# ----------------------------------------------------------------------------- the PFS cap
def test_progression_free_above_alive_is_capped_and_counted(
    problem: DecisionProblem, base_draws: Draws
) -> None:
    """PFS of draws 0-4 is made longer than OS: capped at OS, never rejected, and said."""
    pfs = base_draws.curves[PFS]
    theta = pfs.theta.copy()
    theta[:5, 0] = 1.0
    curves = {**base_draws.curves, PFS: CurveDraws(pfs.families, pfs.family, theta)}
    draws = Draws(base_draws.values, curves)[:10]
    found = simulate(problem, draws, workers=1)
    assert any("PFS exceeded OS" in w and "50.0% of draws" in w for w in found.warnings)
    row = found.capped.set_index("strategy").loc["chemotherapy"]
    assert row.share_of_draws == 0.5
    assert 0.4 < row.share_of_draw_months <= 0.5
    m = measured(problem, draws, "chemotherapy")
    np.testing.assert_allclose(m["progressed"][:5, 3], 0, atol=1e-3)
    assert (m["progressed"][5:, 3] > 0.5).all()
    life = component(found, "life_years_undiscounted", "chemotherapy")
    np.testing.assert_allclose(
        m["progression_free"][:, 3] + m["progressed"][:, 3], life, rtol=1e-12
    )


def test_states_sum_to_one(base: Simulation) -> None:
    np.testing.assert_allclose(base.occupancy.sum("state"), 1, atol=1e-12)
    dead = base.occupancy.sel(state="dead").values
    assert (np.diff(dead, axis=1) >= -1e-12).all()
    assert (dead[:, 0] == 0).all() and (dead[:, -1] > 0.99).all()


# ------------------------------------------------------------------- marginal hazard ratio
@pytest.mark.parametrize(("endpoint", "evidence"), [("os", OS), ("pfs", PFS)])
def test_marginal_hazard_ratio_is_recovered(
    endpoint: str,
    evidence: str,
    problem: DecisionProblem,
    base: Simulation,
    base_draws: Draws,
) -> None:
    """Within 0.005 in every draw, on an independent grid of 3,000 points and by bisection."""
    curve = problem.strategies["resection"].curves[endpoint]
    v = base_draws.value
    window = float(v(curve.window)[0])
    t = window * np.linspace(0, 1, 3000) ** 3
    population = background.survival(problem.country.life_table, 62, 0.6, t)
    excess = evidence_excess(base_draws.curves[evidence], t) * v("transport_multiplier")[:, None]
    ratio = base.hazard_ratios[f"resection_{endpoint}"].to_numpy()[:, None]
    control = population * np.exp(-excess)
    share = v("cured_fraction")[:, None]
    cured = background.survival(problem.country.life_table, 62, 0.6, t, v("smr_cured"))
    treated = share * cured + (1 - share) * population * np.exp(-ratio * excess)
    found = cox_limit(control, treated)
    np.testing.assert_allclose(found, np.exp(v(f"log_hr_{_effect(endpoint)}")), atol=0.005)


def _effect(endpoint: str) -> str:
    return {"os": "os", "pfs": "pfs_marginal"}[endpoint]


def cox_limit(s0: np.ndarray, s1: np.ndarray) -> np.ndarray:
    """theta with  integral [S0 f1 - theta S1 f0] / (S0 + theta S1) = 0, by bisection."""
    low, high = np.full(len(s0), 1e-3), np.full(len(s0), 50.0)
    a, b = (s0[:, 1:] + s0[:, :-1]) / 2, (s1[:, 1:] + s1[:, :-1]) / 2
    f0, f1 = -np.diff(s0, axis=1), -np.diff(s1, axis=1)
    for _ in range(50):
        theta = np.sqrt(low * high)
        t = theta[:, None]
        too_low = ((a * f1 - t * b * f0) / (a + t * b)).sum(axis=1) > 0
        low, high = np.where(too_low, theta, low), np.where(too_low, high, theta)
    return theta


def test_cure_is_inside_the_hazard_ratio(run: Run, base: Simulation) -> None:
    """What the cured gain the uncured lose: their hazard ratio is higher than without cure."""
    none = run("s11_no_cure").hazard_ratios
    for column in none:
        assert (base.hazard_ratios[column] > none[column]).all()


def test_unreachable_hazard_ratio_is_reported(
    problem: DecisionProblem, made_up_draws: MakeDraws
) -> None:
    """Nine in ten cured cannot go with a marginal hazard ratio of 0.9."""
    effect = {"log_hr_os": np.log(0.9), "log_hr_pfs_marginal": np.log(0.8)}

    def found(impossible: int) -> Simulation:
        cured = np.where(np.arange(200) < impossible, 0.9, 0.05)
        draws = made_up_draws(problem, 200, replaced={"cured_fraction": cured, **effect})
        return simulate(problem, draws, workers=1)

    few = found(2)
    assert few.unattained == 2
    assert any("In 2 of 200 draws the cured fraction is too large" in w for w in few.warnings)
    with pytest.raises(ModelError, match="cannot be reached in 40 of 200 draws .* 1 %"):
        found(40)


# ----------------------------------------------------------------- identities of scenarios
def test_nothing_gained_when_resection_does_nothing(run: Run) -> None:
    """S6 without operative deaths and with equal utilities: the same life, in every draw."""
    equal = {
        "p_operative_mortality": 0,
        "m_on_chemo_relative": 1,
        "m_disease_free_early": 0.97,
        "m_disease_free_late": 0.97,
        "du_surgery_month_1": 0,
        "du_surgery_months_2_4": 0,
        "qaly_loss_clavien_1_2": 0,
        "qaly_loss_clavien_3": 0,
        "qaly_loss_clavien_4": 0,
    }
    outcomes = run("s06_null", overrides=equal).outcomes
    for name in ("qalys", "life_years", "qalys_undiscounted", "life_years_undiscounted"):
        values = outcomes.component(name)
        np.testing.assert_allclose(values[:, 1], values[:, 0], rtol=1e-12)


def test_only_the_harms_of_surgery_are_lost(inputs: Path, made_up_draws: MakeDraws) -> None:
    """S6 with the harms: QALYs fall by complications and the decrements after surgery."""
    equal = {
        "p_operative_mortality": 0,
        "m_on_chemo_relative": 1,
        "m_disease_free_early": 0.97,
        "m_disease_free_late": 0.97,
    }
    problem = load(inputs, scenario="s06_null", overrides=equal)
    draws = made_up_draws(problem, 100)
    outcomes = simulated(problem, draws).outcomes
    v, m = draws.value, measured(problem, draws, "resection")
    clavien = sum(v(f"p_clavien_{k} * qaly_loss_clavien_{k}") for k in ("1_2", "3", "4"))
    harm = v("p_operated") * clavien * 1.04 ** (-1 / 12)
    harm = harm + m["after_surgery_month_1"][:, 1] * v("du_surgery_month_1")
    harm = harm + m["after_surgery_months_2_4"][:, 1] * v("du_surgery_months_2_4")
    np.testing.assert_allclose(outcomes.qalys[:, 0] - outcomes.qalys[:, 1], harm, rtol=1e-9)
    assert (harm > 0).all() and harm.mean() < 0.05


def test_operative_deaths_cost_their_share_of_life(run: Run) -> None:
    """S6: exactly those who die at the operation lose the life after it."""
    none = run("s06_null", overrides={"p_operative_mortality": 0, "p_operated": 1})
    some = run("s06_null", overrides={"p_operative_mortality": 0.1, "p_operated": 1})
    a, b = (component(s, "life_years_undiscounted", "resection") for s in (none, some))
    # Life after month 1, with the half month before it by the trapezoid shared by all.
    first = 1 / 12
    np.testing.assert_allclose((a - b) / (0.1 * a), 1 - first / a, atol=first / 2 / a.min())
    assert (b < a).all()
    np.testing.assert_array_equal(
        component(none, "life_years", "chemotherapy"), component(some, "life_years", "chemotherapy")
    )


def test_cure_added_beats_base_beats_no_cure(run: Run, base: Simulation) -> None:
    """S16 counts the cured twice; S11 has none. Comparator untouched."""
    added, none = run("s16_cure_added").outcomes, run("s11_no_cure").outcomes
    assert added.qalys[:, 1].mean() > base.outcomes.qalys[:, 1].mean() + 0.05
    assert base.outcomes.qalys[:, 1].mean() > none.qalys[:, 1].mean() + 0.1
    for other in (added, none):
        np.testing.assert_array_equal(other.data.values[:, 0], base.outcomes.data.values[:, 0])


def test_without_cure_and_background_the_trial_ratio_acts_on_everyone(
    inputs: Path, made_up_draws: MakeDraws
) -> None:
    """Background deaths dilute a trial's hazard ratio; without them and without cure it is ours."""
    problem = load(inputs, scenario="s11_no_cure")
    draws = made_up_draws(problem, 200)
    target = np.exp(draws.value("log_hr_os"))
    diluted = simulated(problem, draws).hazard_ratios["resection_os"].to_numpy()
    nobody_else_dies, _ = immortal(problem, draws)
    found = simulated(nobody_else_dies, draws).hazard_ratios["resection_os"].to_numpy()
    np.testing.assert_allclose(found, target, atol=0.005)
    assert (np.abs(np.log(diluted)) > np.abs(np.log(target)) - 0.005).all()


def test_effect_that_ends_is_worth_less_where_it_helps(run: Run, base: Simulation) -> None:
    """S18: no effect after 36 or 60 months; the order holds where the hazard ratio is below 1."""
    helps = base.hazard_ratios["resection_os"].to_numpy() < 1
    life = [
        s.outcomes.component("life_years")[helps, 1]
        for s in (run("s18_effect_ends_36"), run("s18_effect_ends_60"), base)
    ]
    assert (life[0] < life[1]).all() and (life[1] < life[2]).all()


def test_symmetric_treatment_changes_costs_only_slightly_health(run: Run, base: Simulation) -> None:
    """S17: the same life years; resection costs more without displaced chemotherapy."""
    found = run("s17_symmetric_treatment").outcomes
    np.testing.assert_array_equal(
        found.component("life_years"), base.outcomes.component("life_years")
    )
    assert found.cost[:, 1].mean() > base.outcomes.cost[:, 1].mean() + 50_000
    assert (found.component("retreatment")[:, 1] >= 0).all()


def test_mortality_of_the_cured(run: Run, base: Simulation) -> None:
    """Population mortality instead of 1.2 times it: the cured live longer, in every draw."""
    found = run("smr_one").outcomes.component("life_years_undiscounted")[:, 1].mean()
    assert found > base.outcomes.component("life_years_undiscounted")[:, 1].mean()


def test_sanity_band(base: Simulation) -> None:
    """Independent arithmetic on the same inputs: about +0.8 QALY and +260,000 NOK."""
    outcomes = base.outcomes
    qalys = (outcomes.qalys[:, 1] - outcomes.qalys[:, 0]).mean()
    cost = (outcomes.cost[:, 1] - outcomes.cost[:, 0]).mean()
    assert 0.6 < qalys < 1.0
    assert 180_000 < cost < 320_000
    assert outcomes.cost[:, 0].mean() == pytest.approx(970_000, rel=0.05)
