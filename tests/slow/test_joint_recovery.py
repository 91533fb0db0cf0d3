"""The joint model on replicated trials: recovery, coverage and calibration; and under Numba.

Patients are drawn here by NumPy's own generators, in continuous time; only the fits are the
package's. `pytest -m slow tests/slow/test_joint_recovery.py -s` prints what is measured.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid
from scipy.stats import chi2

from heor.problem.problem import DecisionProblem
from heor.survival.evidence import evidence
from heor.survival.families import joint, likelihood
from heor.survival.families.distributions import DISTRIBUTIONS, survival
from heor.survival.families.likelihood import Piece
from heor.survival.fitting import correlation
from heor.survival.sampler import laplace, psis

pytestmark = pytest.mark.slow

PATIENTS, REPLICATIONS, CALIBRATIONS = 542, 300, 200
TRUTH = (-0.906, 0.897, 0.10, 0.86, 0.73)  # near the FOLFIRI fit, in years
GRID = np.arange(121) / 24  # five years, for restricted means
EDGES = np.arange(95) / 24
ENDPOINTS = ("os", "pfs")


def patients(p: tuple[float, ...], n: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Times of both events and of censoring, years."""
    pfs = generator.lognormal(p[0], p[1], n)
    dies = generator.random(n) < p[2]
    os = pfs + np.where(dies, 0.0, p[4] * generator.weibull(p[3], n))
    end = np.minimum(generator.exponential(12.0, n), generator.uniform(2.0, 4.0, n))
    return {"pfs": pfs, "os": os, "end": end}


def grouped(endpoint: str, drawn: dict[str, np.ndarray]) -> Piece:
    """Counts by half month."""
    time = np.minimum(drawn[endpoint], drawn["end"])
    event = drawn[endpoint] <= drawn["end"]
    n = len(EDGES) - 1
    rows = np.clip(np.searchsorted(EDGES, time) - 1, 0, n - 1)
    data = {
        "start": EDGES[:-1],
        "end": EDGES[1:],
        "n_events": np.bincount(rows[event], minlength=n).astype(float),
        "n_censored": np.bincount(rows[~event], minlength=n).astype(float),
        "background_start": np.zeros(n),
        "background_end": np.zeros(n),
    }
    return Piece(endpoint, endpoint, "grouped", data)


def outputs(os: np.ndarray, pfs: np.ndarray) -> pd.DataFrame:
    """What a decision model takes from the curves, months. Dims of the curves: (draw, time)."""
    months_os, months_pfs = (12 * trapezoid(s, GRID, axis=1) for s in (os, pfs))
    after = months_os - months_pfs
    return pd.DataFrame(
        {
            "S_PFS(12)": pfs[:, 24],
            "S_OS(12)": os[:, 24],
            "S_OS(24)": os[:, 48],
            "PFS": months_pfs,
            "OS": months_os,
            "PPS": after,
            "QALM": 0.75 * months_pfs + 0.65 * after,
            "cost": 3000 * months_pfs + 1000 * after,
        }
    )


def of_draws(model: joint.IllnessDeath, theta: np.ndarray) -> pd.DataFrame:
    p = model.natural(theta)
    return outputs(*(survival(model.marginal(e), p, GRID) for e in ENDPOINTS))


@pytest.fixture(scope="module")
def model() -> joint.IllnessDeath:
    return joint.build("joint_lognormal_weibull")


@pytest.fixture(scope="module")
def replicated(model) -> dict[str, pd.DataFrame]:
    """By replication.

    `mode` and `mean` of the posterior; whether 95 % intervals hold the truth, `plain` and `adjusted` by the
    sandwich; `correlation` of the draws' restricted means before and after it; `separate`,
    restricted means of log-normal fits to each endpoint.
    """
    truth = of_draws(model, model.unconstrained(dict(zip(model.names, TRUTH, strict=True)))[None])
    family = DISTRIBUTIONS["lognormal"]
    kept: dict[str, list] = {
        k: [] for k in ("mode", "mean", "plain", "adjusted", "correlation", "separate")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlation, "PATIENTS", 10_000)  # enough for one of many trials
        patch.setattr(laplace, "PROPOSALS", 3_000)
        for seed in range(REPLICATIONS):
            generator = np.random.default_rng(1_000 + seed)
            drawn = patients(TRUTH, PATIENTS, generator)
            pieces = [likelihood.encoded(model, grouped(e, drawn)) for e in ENDPOINTS]
            fit = laplace.fit_laplace(model, pieces, 1000, generator)
            theta, report = correlation.adjust(model, pieces, fit.theta, generator)
            for name, draws in (("plain", fit.theta), ("adjusted", theta)):
                found = of_draws(model, draws)
                low, high = found.quantile(0.025), found.quantile(0.975)
                kept[name].append((low <= truth.iloc[0]) & (truth.iloc[0] <= high))
                if name == "plain":
                    kept["mean"].append(found.mean())
            mode = correlation.curvature(model, pieces).mode
            kept["mode"].append(of_draws(model, mode[None]).iloc[0])
            kept["correlation"].append((report.correlation_before, report.correlation_after))
            modes = [correlation.curvature(family, [piece]).mode for piece in pieces]
            kept["separate"].append(
                [correlation.restricted_mean(family, m[None])[0] for m in modes]
            )
    columns = {"correlation": ["before", "after"], "separate": ["os", "pfs"]}
    found = {k: pd.DataFrame(v, columns=columns.get(k)) for k, v in kept.items()}
    return found | {"truth": truth}


def test_recovery(replicated) -> None:
    """The mode is unbiased; the posterior is skewed, its mean 0.15 standard deviations higher."""
    truth = replicated["truth"].iloc[0]
    for name in ("mode", "mean"):
        found = replicated[name]
        bias, sd = found.mean() - truth, found.std()
        z = bias / (sd / np.sqrt(len(found)))
        print(
            f"\nbias of the {name}",
            bias.round(4).to_dict(),
            "in standard errors",
            z.round(2).to_dict(),
        )
        if name == "mode":
            assert np.all(np.abs(z[["PFS", "OS", "QALM"]]) < 2.0)
        assert np.all(np.abs(bias) < 0.25 * sd)


def test_coverage(replicated) -> None:
    """Curves and restricted means are covered as they should be with and without adjustment."""
    for name in ("plain", "adjusted"):
        found = replicated[name].mean()
        print("\ncoverage", name, found.round(3).to_dict())
        assert found[["S_PFS(12)", "S_OS(12)", "S_OS(24)", "PFS", "OS"]].between(0.90, 0.98).all()


def test_what_uses_both_curves_is_covered_after_the_adjustment_only(replicated) -> None:
    plain, adjusted = replicated["plain"].mean(), replicated["adjusted"].mean()
    assert adjusted[["PPS", "QALM", "cost"]].between(0.91, 0.98).all()
    assert plain["cost"] < 0.92 < adjusted["cost"]
    assert plain["PPS"] > 0.97  # too wide: months that the model thinks it may move by themselves


def test_the_correlation_is_that_of_replicated_trials(replicated) -> None:
    """Against estimates of the joint model and of separate log-normal fits."""
    joint_fits = replicated["mean"][["OS", "PFS"]].corr().iloc[0, 1]
    separate = replicated["separate"].corr().iloc[0, 1]
    before, after = replicated["correlation"].mean()
    print(f"\ncorrelation: replicated {joint_fits:.3f}, separate {separate:.3f}, "
          f"draws {before:.3f}, adjusted {after:.3f}")  # fmt: skip
    noise = 3 * (1 - after**2) / np.sqrt(REPLICATIONS)
    assert abs(joint_fits - after) < noise and abs(separate - after) < noise and before < 0.1


def test_calibration(model, monkeypatch) -> None:
    """Ranks of parameters drawn from the prior (Talts et al. 2018, arXiv:1804.06788).

    The two endpoints come from different patients, as the likelihood has it. The priors have half
    their standard deviations: then most draws resemble trials that are run.
    """
    monkeypatch.setattr(laplace, "PROPOSALS", 6_000)
    narrow, n_ranks, n_bins = model.with_priors(0.5), 99, 10
    ranks, k = [], []
    for seed in range(CALIBRATIONS):
        generator = np.random.default_rng(10_000 + seed)
        theta = np.array([p.prior.sample(generator, 1)[0] for p in narrow.parameters])
        p = tuple(float(v) for v in narrow.natural(theta).values())
        pieces = [
            likelihood.encoded(narrow, grouped(e, patients(p, PATIENTS, generator)))
            for e in ENDPOINTS
        ]
        fit = laplace.fit_laplace(narrow, pieces, n_ranks, generator)
        k.append(fit.pareto_k)
        if fit.pareto_k <= psis.PARETO_K_MAX:
            ranks.append((fit.theta < theta).sum(axis=0))
    bins = np.array(ranks) * n_bins // (n_ranks + 1)
    counts = np.array([np.bincount(column, minlength=n_bins) for column in bins.T])
    statistic = ((counts - len(ranks) / n_bins) ** 2 / (len(ranks) / n_bins)).sum(axis=1)
    p_values = dict(zip(narrow.names, chi2.sf(statistic, n_bins - 1), strict=True))
    bad = int(np.sum(np.array(k) > psis.PARETO_K_MAX))
    print(
        f"\nPareto k above 0.7 in {bad} of {CALIBRATIONS}; p-values",
        {a: round(b, 3) for a, b in p_values.items()},
    )
    assert bad <= 0.1 * CALIBRATIONS  # these go to NUTS
    assert min(p_values.values()) > 0.01 / len(p_values)


def test_numba_gives_value_and_gradient(problem: DecisionProblem) -> None:
    """The compiled graph that NUTS samples, against NumPy and its differences."""
    pytest.importorskip("pymc")
    from heor.survival.sampler import plain_code as fit

    table = problem.country.life_table
    own = [evidence.piece(problem.evidence[f"second_line_folfiri_{e}"], table) for e in ENDPOINTS]
    model = joint.build("joint_lognormal_weibull", own)
    own = [likelihood.encoded(model, piece) for piece in own]
    compiled = fit.build_model(model, own).logp_dlogp_function(mode="NUMBA", ravel_inputs=True)
    compiled.set_extra_values({})
    f = laplace.log_likelihood_function(model, own)
    theta = laplace.start(model, own)
    value, gradient = compiled(theta)
    ours, slope, _ = laplace.derivatives(
        lambda x: f(x) + model.log_prior(x), theta, np.full(len(theta), 1e-5)
    )
    assert float(value) == pytest.approx(ours, rel=1e-11)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-3)
