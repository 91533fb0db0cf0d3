"""Draws of the shipped parameters: streams, correlations, shares, synthesis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from heor.inputs.load import load
from heor.parameters.draws import central_values, draw_parameters, pooled_effects
from heor.parameters.synthesis import pool
from heor.problem.problem import DecisionProblem
from heor.problem.units import UNITS, lookup
from heor.streams import Streams

CLOCC, ORCHESTRA = (-0.5447, 0.2142), (-0.1278, 0.1153)
ESTIMATES, SES = (np.array(x) for x in zip(CLOCC, ORCHESTRA, strict=True))


@pytest.fixture(scope="module")
def drawn(problem: DecisionProblem) -> dict[str, np.ndarray]:
    return draw_parameters(problem, 10_000, Streams(problem.settings.seed))


def test_every_parameter_has_the_mean_and_se_of_its_row(
    problem: DecisionProblem, drawn: dict[str, np.ndarray]
) -> None:
    """Within five Monte Carlo standard errors; the se within 6 %."""
    for name, parameter in problem.parameters.items():
        x = drawn[name]
        assert x.shape == (10_000,)
        if parameter.is_fixed:
            assert (x == parameter.mean).all(), name
            continue
        noise = 5 * parameter.se / np.sqrt(len(x))
        assert abs(x.mean() - parameter.mean) < noise, name
        assert x.std() == pytest.approx(parameter.se, rel=0.06), name


def test_draws_stay_in_the_range_of_their_unit(
    problem: DecisionProblem, drawn: dict[str, np.ndarray]
) -> None:
    for name, parameter in problem.parameters.items():
        generic, unit = lookup(parameter.unit, "NOK")
        if generic != "log hazard ratio":
            assert drawn[name].min() >= unit.low * unit.factor, name
            assert drawn[name].max() <= unit.high * unit.factor, name


def test_dirichlet_shares(problem: DecisionProblem, drawn: dict[str, np.ndarray]) -> None:
    """Complications leave a remainder, strata do not; margins are Beta(n m, n (1 - m))."""
    clavien = [drawn[f"p_clavien_{k}"] for k in ("1_2", "3", "4")]
    assert (sum(clavien) < 1).all()
    strata = [drawn[f"stratum_share_{k}"] for k in ("extrahepatic", "10_14", "15_or_more")]
    np.testing.assert_allclose(sum(strata), 1, rtol=1e-12)
    # Negative dependence: correlation -sqrt(m1 m2 / ((1 - m1) (1 - m2))).
    expected = -np.sqrt(0.15 * 0.13 / (0.85 * 0.87))
    assert np.corrcoef(clavien[0], clavien[1])[0, 1] == pytest.approx(expected, abs=0.03)
    beta = stats.beta(60 * 0.15, 60 * 0.85)
    assert stats.kstest(clavien[0], beta.cdf).pvalue > 1e-4


def test_costs_share_half_their_variance(
    problem: DecisionProblem, drawn: dict[str, np.ndarray]
) -> None:
    """Correlation 0.5 on the normal scale between any two members of the group unit_costs."""
    group = [k for k, p in problem.parameters.items() if p.correlation_group == "unit_costs"]
    assert len(group) == 13
    scores = np.array([special.ndtri(_ranks(drawn[name])) for name in group])
    off = np.corrcoef(scores)[~np.eye(len(group), dtype=bool)]
    assert off.mean() == pytest.approx(0.5, abs=0.01)
    assert np.abs(off - 0.5).max() < 0.04


def test_effects_on_death_and_progression_are_correlated(drawn: dict[str, np.ndarray]) -> None:
    """0.8 on the normal scale; costs and effects stay independent."""
    os, pfs, cost = (
        special.ndtri(_ranks(drawn[n])) for n in ("log_hr_os", "log_hr_pfs_marginal", "c_resection")
    )
    assert np.corrcoef(os, pfs)[0, 1] == pytest.approx(0.8, abs=0.01)
    assert abs(np.corrcoef(os, cost)[0, 1]) < 0.03


def _ranks(x: np.ndarray) -> np.ndarray:
    return stats.rankdata(x) / (len(x) + 1)


def test_a_new_parameter_moves_no_other_draw(problem: DecisionProblem) -> None:
    """Each name has its own stream: additions and order do not matter."""
    new = replace(problem.parameters["c_travel"], name="c_new")
    shuffled = {"c_new": new, **dict(reversed(problem.parameters.items()))}
    before = draw_parameters(problem, 50, Streams(7))
    after = draw_parameters(replace(problem, parameters=shuffled), 50, Streams(7))
    assert set(after) == set(before) | {"c_new"}
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


def test_more_draws_begin_with_the_fewer(problem: DecisionProblem) -> None:
    short, long = (draw_parameters(problem, n, Streams(7)) for n in (40, 333))
    for name in short:
        np.testing.assert_array_equal(long[name][:40], short[name], err_msg=name)


def test_scenarios_share_random_numbers(problem: DecisionProblem, inputs) -> None:
    """What a scenario does not change has the same draws."""
    base = draw_parameters(problem, 50, Streams(7))
    other = draw_parameters(load(inputs, scenario="s11_no_cure"), 50, Streams(7))
    changed = {name for name in base if (base[name] != other[name]).any()}
    assert changed == {"cure_exists", "cured_fraction"}


def test_another_seed_gives_other_draws(problem: DecisionProblem) -> None:
    a, b = (draw_parameters(problem, 10, Streams(s))["c_travel"] for s in (1, 2))
    assert not (a == b).any()


def test_derived_quantities(problem: DecisionProblem, drawn: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(
        drawn["cured_fraction"], drawn["p_operated"] * drawn["cure_if_operated"], rtol=1e-15
    )
    # Gross end of life of six months, less six months of progressed care, never below zero.
    net = drawn["c_end_of_life_gross"] - 0.5 * drawn["c_progressed"]
    np.testing.assert_allclose(drawn["end_of_life_net"], np.maximum(net, 0), rtol=1e-12)
    assert drawn["m_progressed"].mean() == pytest.approx(0.97 * 0.979 * 0.853, abs=0.002)


def test_central_values(problem: DecisionProblem) -> None:
    values = central_values(problem)
    assert values["c_resection"] == 260_000
    assert np.exp(values["log_hr_os"]) == pytest.approx(0.77, abs=0.01)


# --------------------------------------------------------------------------------- synthesis
def quantile(effect, *probabilities: float) -> np.ndarray:
    return effect.quantile(np.array(probabilities))


def test_common_effect_is_inverse_variance() -> None:
    """tau = 0: the posterior is N(sum w y / sum w, 1 / sum w), w = 1 / se^2."""
    effect = pool(ESTIMATES, SES, None, predictive=True)
    w = 1 / SES**2
    mean, sd = (w @ ESTIMATES) / w.sum(), 1 / np.sqrt(w.sum())
    p = np.array([0.001, 0.025, 0.3, 0.5, 0.975, 0.999])
    np.testing.assert_allclose(effect.quantile(p), mean + sd * special.ndtri(p), atol=1e-9)


def test_one_study_alone_is_that_study() -> None:
    """Scenario S8: ORCHESTRA only, log N(-0.128, 0.115^2)."""
    effect = pool(ESTIMATES[1:], SES[1:], None, predictive=True)
    low, mid, high = np.exp(quantile(effect, 0.025, 0.5, 0.975))
    assert (low, mid, high) == pytest.approx((0.702, 0.880, 1.103), abs=0.002)


def test_predictive_hazard_ratio_of_the_two_trials() -> None:
    """CLOCC and ORCHESTRA with tau ~ half-normal(0.25): about 0.77 (0.37 to 1.47)."""
    effect = pool(ESTIMATES, SES, 0.25, predictive=True)
    found = np.exp(quantile(effect, 0.5, 0.025, 0.975))
    np.testing.assert_allclose(found, [0.77, 0.37, 1.47], atol=0.02)


def test_synthesis_against_brute_force() -> None:
    """The same posterior by a fine two-dimensional grid over mu and tau."""
    tau = (np.arange(300) + 0.5) / 300 * 1.5
    mu = -3 + (np.arange(5000) + 0.5) / 1000
    density = stats.halfnorm(scale=0.25).pdf(tau)[:, None] * np.ones(len(mu))
    for y, s in (CLOCC, ORCHESTRA):
        density = density * stats.norm.pdf(y, mu, np.sqrt(s**2 + tau[:, None] ** 2))
    density /= density.sum()
    for predictive in (False, True):
        effect = pool(ESTIMATES, SES, 0.25, predictive=predictive)
        for x in (-0.8, -0.3, 0.0, 0.2):
            if predictive:
                inside = stats.norm.cdf(x, mu, tau[:, None])
            else:
                inside = mu < x
            expected = (density * inside).sum()
            assert float(effect.cdf(np.array(x))) == pytest.approx(expected, abs=5e-4)


def test_mean_effect_is_narrower_than_the_predictive() -> None:
    mean, predictive = (pool(ESTIMATES, SES, 0.25, predictive=p) for p in (False, True))
    a, b = (np.diff(quantile(e, 0.025, 0.975))[0] for e in (mean, predictive))
    assert 0.5 < a < b
    assert quantile(mean, 0.5)[0] == pytest.approx(quantile(predictive, 0.5)[0], abs=0.01)


def test_moment_estimate_lies_between_fixed_and_equal_weights() -> None:
    """DerSimonian-Laird of the two trials against our posterior mean effect."""
    w = 1 / SES**2
    fixed = (w @ ESTIMATES) / w.sum()
    q = w @ (ESTIMATES - fixed) ** 2
    tau2 = max(0, (q - 1) / (w.sum() - (w @ w) / w.sum()))
    v = 1 / (SES**2 + tau2)
    moment = (v @ ESTIMATES) / v.sum()
    ours = pool(ESTIMATES, SES, 0.25, predictive=False)
    centre = float(ours.weight @ ours.mean)
    assert ESTIMATES.mean() < moment < fixed
    assert ESTIMATES.mean() < centre < fixed
    assert centre == pytest.approx(moment, abs=0.06)


def test_wider_prior_widens_the_prediction(problem: DecisionProblem, inputs) -> None:
    """Scenario tau_wide: half-normal(0.5) instead of half-normal(0.25)."""
    base = pooled_effects(problem)["log_hr_os"]
    wide = pooled_effects(load(inputs, scenario="tau_wide"))["log_hr_os"]
    spread = [np.diff(quantile(e, 0.025, 0.975))[0] for e in (base, wide)]
    assert spread[1] > 1.2 * spread[0]


def test_shift_is_added_after_pooling(problem: DecisionProblem, inputs) -> None:
    """Scenario indirectness: +0.10 on the log hazard ratio in every draw."""
    base = draw_parameters(problem, 30, Streams(7))["log_hr_os"]
    moved = draw_parameters(load(inputs, scenario="indirectness"), 30, Streams(7))["log_hr_os"]
    np.testing.assert_allclose(moved - base, 0.10, atol=1e-12)


def test_every_unit_of_time_is_converted() -> None:
    """To years and per year: 12 months, 365.25 days, 8766 hours; nothing else is scaled."""
    years = {"year": 1, "month": 1 / 12, "week": 7 / 365.25, "day": 1 / 365.25, "hour": 1 / 8766}
    for name, unit in UNITS.items():
        amount, slash, time = name.partition("/")
        expected = 1.0
        if slash or name.startswith("per "):
            expected /= years[time or name.removeprefix("per ")]
        if amount.rstrip("s") in years:
            expected *= years[amount.rstrip("s")]
        assert unit.factor == pytest.approx(expected, rel=1e-14), name
        in_time = bool(slash or name.startswith("per ")) or amount.rstrip("s") in years
        assert (unit.factor != 1) <= in_time, name
    for time in years:
        assert {f"{time}s", f"per {time}", f"{{currency}}/{time}"} <= set(UNITS)


def test_studies_known_exactly() -> None:
    """Standard error 0: a common effect is that study's; two that agree leave nothing uncertain."""
    alone = pool(ESTIMATES, np.array([0.0, 0.1153]), None, predictive=True)
    np.testing.assert_array_equal(quantile(alone, 0.025, 0.5, 0.975), ESTIMATES[0])
    for scale in (None, 0.25):
        same = pool(np.zeros(2), np.zeros(2), scale, predictive=True)
        np.testing.assert_array_equal(quantile(same, 0.025, 0.5, 0.975), 0.0)
    with pytest.raises(ValueError, match="cannot be both"):
        pool(ESTIMATES, np.zeros(2), None, predictive=True)
    spread = quantile(pool(ESTIMATES, np.zeros(2), 0.25, predictive=True), 0.025, 0.5, 0.975)
    assert np.isfinite(spread).all() and spread[1] == pytest.approx(ESTIMATES.mean(), abs=1e-6)
