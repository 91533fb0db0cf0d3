"""The joint model of PFS and OS, and the correlation that the same patients give.

Replications (recovery, coverage, calibration) are in tests/slow.
"""

from __future__ import annotations

import copy
import pickle
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import spearmanr

from heor.problem.problem import DecisionProblem
from heor.survival.evidence import evidence
from heor.survival.families import joint, likelihood
from heor.survival.families.distributions import DISTRIBUTIONS, cumulative_hazard, survival
from heor.survival.families.likelihood import Piece
from heor.survival.fitting import correlation
from heor.survival.sampler import laplace, psis
from tests import fits

OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"
GRID = np.arange(121) / 24  # five years
FITTED = {  # near the mode of the FOLFIRI fit
    "progression_meanlog": -0.906,
    "progression_sdlog": 0.897,
    "death_share": 0.10,
    "post_shape": 0.86,
    "post_scale": 0.73,
}


def columns(p: dict[str, float]) -> dict[str, list[float]]:
    return {k: [v] for k, v in p.items()}


def curves(name: str, p: dict[str, float], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    model = joint.build(name)
    return tuple(survival(model.marginal(e), columns(p), at)[0] for e in ("os", "pfs"))


@pytest.fixture(scope="module")
def model() -> joint.IllnessDeath:
    return joint.build("joint_lognormal_weibull")


@pytest.fixture(scope="module")
def pieces(problem: DecisionProblem, model) -> list[Piece]:
    """As the prototype: without background mortality."""
    return [likelihood.encoded(model, evidence.piece(problem.evidence[k])) for k in (OS, PFS)]


@pytest.fixture(scope="module")
def fit(model, pieces) -> laplace.LaplaceFit:
    return laplace.fit_laplace(model, pieces, 4000, np.random.default_rng(1))


# ---------------------------------------------------------------- the curves


def test_a_million_patients() -> None:
    """Drawn here by NumPy's own generators: nothing shared with the package."""
    n, generator = 1_000_000, np.random.default_rng(1)
    p = FITTED
    leaving = generator.lognormal(p["progression_meanlog"], p["progression_sdlog"], n)
    dies = generator.random(n) < p["death_share"]
    death = leaving + np.where(dies, 0.0, p["post_scale"] * generator.weibull(p["post_shape"], n))
    os, pfs = curves("joint_lognormal_weibull", p, GRID)
    for found, times, error in ((os, death, 5e-4), (pfs, leaving, 0.0)):
        counted = 1.0 - np.searchsorted(np.sort(times), GRID, side="right") / n
        noise = np.sqrt(counted * (1 - counted) / n)
        assert np.all(np.abs(found - counted) <= error + 4.5 * noise + 1e-6)


@pytest.mark.parametrize(
    "leave, share, after", [(1.5, 0.1, 1.0), (2.5, 0.05, 1.5), (0.8, 0.3, 2.0)]
)
def test_constant_hazards_have_a_closed_form(leave: float, share: float, after: float) -> None:
    p = {"progression_rate": leave, "death_share": share, "post_rate": after}
    os, pfs = curves("joint_exponential_exponential", p, GRID)
    a, b = np.exp(-leave * GRID), np.exp(-after * GRID)
    exact = a + (1 - share) * leave / (after - leave) * (a - b)
    np.testing.assert_allclose(pfs, a, rtol=1e-12)
    # the midpoint rule: an error of the second order in the step
    assert np.abs(os - exact).max() < 5e-4
    assert 12 * abs(trapezoid(os - exact, GRID)) < 0.005  # months of the restricted mean


@pytest.mark.parametrize(
    "name",
    [
        "joint_lognormal_weibull",
        "joint_weibull_lognormal",
        "joint_loglogistic_loglogistic",
        "joint_gompertz_exponential",
    ],
)
def test_the_half_month_grid_is_fine_enough(name: str) -> None:
    """The discretisation error the module states, against a grid of 1/128 month."""
    model = joint.build(name)
    family, after = model.progression, model.post
    first = {"lognormal": (-0.9, 0.9), "weibull": (1.2, 0.6), "loglogistic": (1.9, 0.4),
             "gompertz": (0.1, 1.6)}[family.name]  # fmt: skip
    second = {"weibull": (0.86, 0.73), "lognormal": (-0.6, 1.0), "loglogistic": (1.5, 0.6),
              "exponential": (1.2,)}[after.name]  # fmt: skip
    fine = 64
    at = np.arange(120 * fine + 1) / (24 * fine)
    s0 = survival(family, columns(dict(zip(family.names, first, strict=True))), at)[0]
    middle = (at[:-1] + at[1:]) / 2
    s3 = survival(after, columns(dict(zip(after.names, second, strict=True))), middle)[0]
    progressing = 0.9 * -np.diff(s0)
    exact = s0.copy()
    exact[1:] += np.convolve(progressing, s3)[: len(s3)]
    p = {f"progression_{k}": v for k, v in zip(family.names, first, strict=True)}
    p |= {f"post_{k}": v for k, v in zip(after.names, second, strict=True)} | {"death_share": 0.1}
    os, _ = curves(name, p, GRID)
    assert np.abs(os - exact[::fine]).max() < 5e-4
    assert 12 * abs(trapezoid(os, GRID) - trapezoid(exact, at)) < 0.005


def test_fft_is_the_sum(model) -> None:
    generator = np.random.default_rng(1)
    progressing, after = generator.random((2, 5, 96)) / 96
    found = joint._survivors(progressing, after, 96, joint.NumpyOps)
    lag = np.subtract.outer(np.arange(97), np.arange(96)) - 1
    direct = np.where(lag >= 0, after[:, np.maximum(lag, 0)], 0.0) @ progressing[:, :, None]
    np.testing.assert_allclose(found, direct[..., 0], atol=1e-16, rtol=1e-12)


def test_between_grid_points_survival_is_log_linear(model) -> None:
    p, at = columns(FITTED), np.array([0.0, 1 / 24, 1.3 / 24, 2 / 24])
    for endpoint in ("os", "pfs"):
        h = cumulative_hazard(model.marginal(endpoint), p, at)[0]
        assert h[2] == pytest.approx(0.7 * h[1] + 0.3 * h[3], rel=1e-12)
    months = np.array([0.0, 0.5, 1.0, 46.5]) / 12  # not exact in binary
    np.testing.assert_array_equal(
        model.marginal("os").encode(months), [[0, 0], [0, 1], [1, 1], [92, 1]]
    )


def test_a_curve_does_not_depend_on_where_the_grid_ends(model) -> None:
    curve, p = model.marginal("os"), columns(FITTED)
    long = survival(curve, p, np.arange(961) / 24)[0]
    np.testing.assert_allclose(survival(curve, p, GRID)[0], long[:121], rtol=1e-10)
    assert survival(curve, p, np.array([3.7]))[0, 0] == pytest.approx(
        np.interp(3.7, GRID, long[:121]), rel=1e-3
    )


def test_forty_years_of_400_draws_are_quick(model) -> None:
    spread = np.random.default_rng(1).normal(0, 0.05, (400, 5))
    p = model.natural(model.unconstrained(FITTED) + spread)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        s = survival(model.marginal("os"), p, np.arange(961) / 24)
        seconds.append(time.perf_counter() - started)
    assert s.shape == (400, 961) and min(seconds) < 0.3  # 0.06 s on an idle core


def test_the_cured_neither_progress_nor_die() -> None:
    p = {**FITTED, "cured": 0.07}
    with_cure = curves("joint_lognormal_weibull_cure", p, GRID)
    for found, plain in zip(
        with_cure, curves("joint_lognormal_weibull", FITTED, GRID), strict=True
    ):
        np.testing.assert_allclose(found, 0.07 + 0.93 * plain, rtol=1e-12)


def test_transitions_make_up_the_curves(model) -> None:
    found = model.transitions(columns(FITTED), GRID)
    _, pfs = curves(model.name, FITTED, GRID)
    leaving = found.progression_cumulative + found.death_cumulative
    np.testing.assert_allclose(np.exp(-leaving[0]), pfs, rtol=1e-12)
    np.testing.assert_allclose(found.death[0, 1:], found.progression[0, 1:] / 9)
    assert found.cured.tolist() == [0.0] and found.post.shape == (1, 121)
    # Occupancy by Euler steps of the state equations, at the fine grid of the hazards.
    at = np.arange(0, 40_001) / 8000
    h = model.transitions(columns(FITTED), at)
    entered = -np.diff(np.exp(-h.progression_cumulative[0] - h.death_cumulative[0])) * 0.9
    alive = np.sum(entered[:16_000] * np.exp(-h.post_cumulative[0][16_000 - np.arange(16_000)]))
    os, _ = curves(model.name, FITTED, np.array([2.0]))
    assert os[0] - pfs[48] == pytest.approx(alive, abs=5e-4)


def test_simulated_patients_follow_the_curves() -> None:
    model = joint.build("joint_gompertz_loglogistic_cure")
    p = {"progression_shape": -0.3, "progression_rate": 1.4, "death_share": 0.15,
         "post_shape": 1.6, "post_scale": 0.8, "cured": 0.05}  # fmt: skip
    n = 400_000
    os, pfs = model.simulate(p, n, np.random.default_rng(1))
    assert np.all(os >= pfs) and np.isinf(os).mean() > 0.05
    at = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
    for endpoint, times in (("os", os), ("pfs", pfs)):
        counted = (times[:, None] > at).mean(axis=0)
        expected = survival(model.marginal(endpoint), columns(p), at)[0]
        assert np.all(np.abs(counted - expected) < 5e-4 + 4.5 * np.sqrt(0.25 / n))


# ---------------------------------------------------------------- the model as a distribution


def test_names_labels_and_priors(model) -> None:
    assert [p.label for p in model.parameters] == [
        "progression_meanlog",
        "log_progression_sdlog",
        "logit_death_share",
        "log_post_shape",
        "log_post_scale",
    ]
    priors = {p.name: p.prior for p in model.parameters}
    assert (priors["death_share"].a, priors["death_share"].b) == (4.0, 36.0)
    assert np.exp(priors["progression_meanlog"].mean) == pytest.approx(0.5)
    assert np.exp(priors["post_scale"].mean) == pytest.approx(8 / 12)
    rate = joint.build("joint_exponential_exponential").parameters[0].prior
    assert np.exp(-rate.mean) == pytest.approx(0.5)
    wide = model.with_priors(2.0)
    assert wide.marginal("os").parameters is wide.parameters
    assert wide.parameters[0].prior.sd == 2 * model.parameters[0].prior.sd
    assert copy.copy(wide).parameters == pickle.loads(pickle.dumps(wide)).parameters


def test_build_takes_the_grid_from_the_evidence(problem: DecisionProblem) -> None:
    own = [evidence.piece(problem.evidence[k]) for k in (OS, PFS)]
    built = joint.build("joint_lognormal_weibull_cure", own)
    assert (built.steps, built.name) == (96, "joint_lognormal_weibull_cure")
    assert built.names[-1] == "cured" and built.compile_key == "joint_lognormal_weibull_cure/96"
    assert joint.build("joint_lognormal_weibull").steps == 24
    assert "Joint, Log-normal then Weibull" in built.marginal("dfs").label


@pytest.mark.parametrize("name", ["joint_gamma_weibull", "weibull", "joint_weibull"])
def test_a_name_of_no_joint_model(name: str) -> None:
    with pytest.raises(ValueError, match="joint"):
        joint.build(name)


def test_families_without_a_closed_form_and_other_endpoints(model) -> None:
    with pytest.raises(ValueError, match="closed form"):
        joint.IllnessDeath(DISTRIBUTIONS["gamma"], DISTRIBUTIONS["weibull"])
    with pytest.raises(KeyError):
        model.marginal("ttp")


@pytest.mark.parametrize("name", ["joint_lognormal_weibull", "joint_exponential_loglogistic_cure"])
def test_the_first_guess_is_near(name: str, pieces) -> None:
    built = joint.build(name)
    guess = dict(zip(built.names, laplace.start(built, pieces), strict=True))
    assert np.isfinite(list(guess.values())).all()
    if "post_scale" in guess and "weibull" in name:
        assert guess["progression_meanlog"] == pytest.approx(-0.9, abs=0.6)
        assert guess["post_scale"] == pytest.approx(-0.32, abs=0.6)
    for events, years in (
        ({"os": 0.0, "pfs": 5.0}, {"os": 3.0, "pfs": 4.0}),
        ({"os": 9.0}, {"os": 5.0}),
    ):
        assert np.isfinite(built.start(events, years)).all()


# ---------------------------------------------------------------- fitting


def test_prototype_leave_one_out(model, pieces, fit) -> None:
    """An independent implementation: -3873.7 with the same likelihood."""
    assert fit.pareto_k < 0.7 and fit.importance_ess > 0.5
    loo = psis.leave_one_out(*likelihood.pointwise(model, fit.theta, pieces))
    assert loo["elpd_loo"] == pytest.approx(-3873.7, abs=0.5)
    assert loo["pareto_k_max"] < 0.7 and loo["counts"].sum() == 2 * 542
    expected = {"progression_meanlog": -0.906, "post_scale": -0.32}
    for name, value in expected.items():
        assert fit.mean[model.names.index(name)] == pytest.approx(value, abs=0.02)
    assert 1 / (1 + np.exp(-fit.mean[2])) == pytest.approx(0.105, abs=0.02)


@pytest.mark.parametrize("name, expected", [
    ("joint_lognormal_exponential", -3873.8),
    ("joint_lognormal_lognormal", -3874.5),
    ("joint_loglogistic_weibull", -3881.0),
    ("joint_lognormal_weibull_cure", -3874.5),
])  # fmt: skip
def test_prototype_leave_one_out_of_other_families(name: str, expected: float, pieces) -> None:
    built = joint.build(name)
    found = laplace.fit_laplace(built, pieces, 2000, np.random.default_rng(1))
    loo = psis.leave_one_out(*likelihood.pointwise(built, found.theta, pieces))
    assert loo["elpd_loo"] == pytest.approx(expected, abs=0.7)
    assert found.pareto_k < 0.7


@pytest.fixture(scope="module")
def individual() -> list[Piece]:
    generator = np.random.default_rng(1)
    os, pfs = joint.build("joint_lognormal_weibull").simulate(FITTED, 40, generator)
    end = generator.uniform(0.5, 3.5, 40)
    return [
        Piece(e, e, "individual", {
            "time": np.minimum(t, end),
            "event": (t <= end).astype(float),
            "entry": np.zeros(40),
            "weight": np.ones(40),
            "background_hazard": np.full(40, 0.01),
            "background_increment": 0.01 * np.minimum(t, end),
        })
        for e, t in (("os", os), ("pfs", pfs))
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["joint_lognormal_weibull", "joint_gompertz_lognormal_cure"])
@pytest.mark.parametrize("form", ["grouped", "individual"])
def test_pymc_evaluates_the_same_likelihood(problem, individual, name: str, form: str) -> None:
    """Without compiling: PyTensor's Python evaluation of the graph that Numba would compile."""
    pytensor = pytest.importorskip("pytensor")
    from heor.survival.sampler import plain_code as fit

    table = problem.country.life_table
    own = [evidence.piece(problem.evidence[k], table) for k in (OS, PFS)]
    own = individual if form == "individual" else own
    built = joint.build(name, own)
    own = [likelihood.encoded(built, piece) for piece in own]
    pymc_model = fit.build_model(built, own)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    function = pytensor.function(
        pymc_model.value_vars, pymc_model.logp(), mode=mode, on_unused_input="ignore"
    )
    f = laplace.log_likelihood_function(built, own)
    centre = laplace.start(built, own)
    for shift in (-0.2, 0.0, 0.25):
        theta = centre + shift * np.linspace(1.0, 0.5, len(centre))
        ours = f(theta[None])[0] + built.log_prior(theta)
        assert float(function(*theta)) == pytest.approx(ours, rel=1e-11, abs=1e-9)


# ---------------------------------------------------------------- the same patients


def test_sandwich_on_the_folfiri_data(model, pieces, fit) -> None:
    """Replicated trials refitted give 0.55 to 0.59 (tests/slow); draws of the fit 0.04."""
    theta, found = correlation.adjust(model, pieces, fit.theta, np.random.default_rng(1))
    assert theta.shape == fit.theta.shape
    assert abs(found.correlation_before) < 0.08
    assert found.correlation_after == pytest.approx(0.54, abs=0.03)
    after, before = (np.array(list(sd.values())) for sd in (found.sd_after, found.sd_before))
    assert list(found.sd_after) == [p.label for p in model.parameters]
    assert after[-1] / before[-1] == pytest.approx(0.90, abs=0.03)  # survival after progression
    np.testing.assert_allclose(after[:-1] / before[:-1], 1.0, atol=0.07)
    assert np.all(np.abs(theta.mean(0) - fit.theta.mean(0)) < 0.1 * before)
    again, _ = correlation.adjust(model, pieces, fit.theta, np.random.default_rng(1))
    np.testing.assert_array_equal(again, theta)
    other, _ = correlation.adjust(model, pieces, fit.theta, np.random.default_rng(2))
    assert np.all(np.abs(other - theta).max(0) < 0.1 * before)


def test_other_evidence_and_opinions_keep_their_own_information(model, pieces, fit) -> None:
    """A strong opinion is no patients' score: its part of the precision stays."""
    opinion = Piece("x", "os", "opinion", {
        "time": np.array([2.0]), "multiplier": np.ones(1), "background": np.zeros(1),
        "a": np.array([300.0]), "b": np.array([1200.0]),
    }, main=False)  # fmt: skip
    alone = correlation.curvature(model, pieces)
    both = correlation.curvature(model, [*pieces, opinion])
    assert np.linalg.det(both.covariance) < np.linalg.det(alone.covariance)
    assert np.trace(both.other) > np.trace(alone.other) + 10
    prior = np.diag([1 / p.prior.sd**2 for p in model.parameters])
    np.testing.assert_allclose(
        alone.other[[0, 1, 3, 4], [0, 1, 3, 4]],
        prior[[0, 1, 3, 4], [0, 1, 3, 4]],
        rtol=0.2,
        atol=0.2,
    )
    rho = correlation.of_endpoints(model, [*pieces, opinion], np.random.default_rng(1))
    assert 0.2 < rho < correlation.of_endpoints(model, pieces, np.random.default_rng(1)) + 0.1


def test_separate_fits_of_any_family(model, pieces) -> None:
    mode = correlation.curvature(model, pieces).mode
    for name in ("lognormal", "weibull", "generalised_gamma"):
        d = DISTRIBUTIONS[name]
        modes = [correlation.curvature(d, [piece]).mode for piece in pieces]
        found = fits.endpoint_correlation(
            model, mode, pieces[:1], pieces[1:], d, d, *modes, np.random.default_rng(1)
        )
        assert found == pytest.approx(0.55, abs=0.03)
    same = correlation.of_endpoints(model, pieces, np.random.default_rng(1))
    assert same == pytest.approx(0.54, abs=0.02)


def test_background_mortality_ends_both(problem, model) -> None:
    table = problem.country.life_table
    own = [evidence.piece(problem.evidence[k], table) for k in (OS, PFS)]
    assert correlation.of_endpoints(model, own, np.random.default_rng(1)) == pytest.approx(
        0.54, abs=0.03
    )


def as_patients(piece: Piece) -> Piece:
    """A patient at the end of the interval for each one counted."""
    d = piece.data
    n = np.concatenate([d["n_events"], d["n_censored"]]).astype(int)
    time = np.repeat(np.concatenate([d["end"], d["end"]]), n)
    event = np.repeat(np.repeat([1.0, 0.0], len(d["end"])), n)
    own = {"time": time, "event": event, "entry": 0 * time, "weight": 0 * time + 1}
    own |= {"background_hazard": 0 * time + 0.01, "background_increment": 0.01 * time}
    return Piece(piece.name, piece.endpoint, "individual", own)


def test_individual_evidence_is_counted_by_half_month(model, pieces) -> None:
    patients = [as_patients(piece) for piece in pieces]
    counted = correlation.grouped(patients[0])
    np.testing.assert_array_equal(counted.data["n_events"], pieces[0].data["n_events"])
    np.testing.assert_array_equal(counted.data["n_censored"], pieces[0].data["n_censored"])
    np.testing.assert_allclose(
        counted.data["background_end"], 0.01 * counted.data["end"], rtol=1e-9
    )
    found = correlation.of_endpoints(model, patients, np.random.default_rng(1))
    assert found == pytest.approx(0.54, abs=0.04)


def test_patients_are_censored_as_in_the_evidence(model, pieces, fit) -> None:
    mode = correlation.curvature(model, pieces).mode
    generator = np.random.default_rng(1)
    for template, cells in correlation._patients(model, mode, pieces, generator):
        share = np.bincount(cells, minlength=len(template.counts)) / len(cells)
        observed = template.counts / template.counts.sum()
        n = len(template.data["end"])
        assert share[n:].sum() == pytest.approx(observed[n:].sum(), abs=0.02)
        # no smooth curve follows the steps of PFS at planned assessments
        assert np.abs(np.cumsum(share[:n]) - np.cumsum(observed[:n])).max() < 0.08


def test_pairing_keeps_the_margins_and_gives_the_correlation() -> None:
    generator = np.random.default_rng(1)
    os, pfs = generator.normal(size=(2, 4000))
    os[::7] = os[1::7][: len(os[::7])]  # ties, as resampled draws have
    for rho in (-0.4, 0.0, 0.54, 0.95):
        order = correlation.pair_order(os, pfs, rho, np.random.default_rng(2))
        assert np.corrcoef(os, pfs[order])[0, 1] == pytest.approx(rho, abs=0.01)
        assert spearmanr(os, pfs[order]).statistic == pytest.approx(
            6 / np.pi * np.arcsin(rho / 2), abs=0.01
        )
    with pytest.raises(ValueError, match="cannot be paired"):
        correlation.pair_order(os, pfs[:-1], 0.5, generator)
    with pytest.raises(ValueError, match="outside"):
        correlation.pair_order(os, pfs, 1.5, generator)


def test_what_cannot_be_paired(model, pieces) -> None:
    generator = np.random.default_rng(1)
    with pytest.raises(ValueError, match="0 pieces of main evidence on pfs"):
        correlation.of_endpoints(model, pieces[:1], generator)
    with pytest.raises(ValueError, match="has no patients"):
        correlation.grouped(replace(pieces[0], form="binomial"))
