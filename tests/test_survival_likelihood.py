"""The likelihood, by hand; Pareto smoothing and leave-one-out, against ArviZ."""

from __future__ import annotations

import numpy as np
import pytest

from heor.inputs.problem import Origin, SurvivalEvidence
from heor.survival import laplace, likelihood, psis
from heor.survival.distributions import DISTRIBUTIONS

EXPONENTIAL = DISTRIBUTIONS["exponential"]
RATE = 0.8


def evidence(form: str, **table: list[float]) -> SurvivalEvidence:
    arrays = {k: np.array(v, float) for k, v in table.items()}
    return SurvivalEvidence("curve", "Curve", "os", form, arrays, (), "trial", Origin("test"))


def grouped() -> SurvivalEvidence:
    return evidence(
        "grouped",
        start=[0, 0.5, 1.0],
        end=[0.5, 1.0, 2.0],
        n_at_risk=[20, 14, 8],
        n_events=[5, 4, 0],
        n_censored=[1, 2, 8],
    )


def individual() -> SurvivalEvidence:
    return evidence(
        "individual", time=[0.4, 1.0, 2.5], event=[1, 0, 1], entry=[0, 0.5, 0], weight=[1, 2, 1]
    )


def at(distribution, data, **p: float) -> float:
    return float(likelihood.log_likelihood(distribution, p, data))


def test_grouped_by_hand() -> None:
    data = likelihood.prepare(grouped())
    s = np.exp(-RATE * np.array([0, 0.5, 1.0, 2.0]))
    mid = 0.5 * (np.log(s[:-1]) + np.log(s[1:]))
    expected = 5 * np.log(s[0] - s[1]) + 4 * np.log(s[1] - s[2]) + mid @ [1, 2, 8]
    assert at(EXPONENTIAL, data, rate=RATE) == pytest.approx(expected, rel=1e-12)


def test_background_mortality_adds_to_the_hazard() -> None:
    edges = np.array([0, 0.5, 1.0, 2.0])
    with_background = likelihood.prepare(grouped(), 0.3 * edges)
    assert at(EXPONENTIAL, with_background, rate=0.5) == pytest.approx(
        at(EXPONENTIAL, likelihood.prepare(grouped()), rate=0.8), rel=1e-12
    )
    patients = individual()
    t, entry = patients.table["time"], patients.table["entry"]
    background = np.stack([0.3 * entry, 0.3 * t, np.full(3, 0.3)])
    assert at(EXPONENTIAL, likelihood.prepare(patients, background), rate=0.5) == pytest.approx(
        at(EXPONENTIAL, likelihood.prepare(patients), rate=0.8), rel=1e-12
    )


def test_individual_by_hand_with_entry_and_weight() -> None:
    data = likelihood.prepare(individual())
    expected = 2 * np.log(RATE) - RATE * (0.4 + 2 * 0.5 + 2.5)
    assert at(EXPONENTIAL, data, rate=RATE) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_narrow_intervals_tend_to_individual_data(name: str) -> None:
    """log(S(a) - S(b)) is log density + log width, and censoring falls in the middle."""
    distribution = DISTRIBUTIONS[name]
    p = {q.name: float(np.mean(q.typical)) for q in distribution.parameters}
    width = 1e-5
    start = np.arange(0, 3) * width + 1.0
    cells = evidence(
        "grouped",
        start=[0, *start],
        end=[1.0, *(start + width)],
        n_at_risk=[3] * 4,
        n_events=[0, 1, 0, 1],
        n_censored=[0, 0, 1, 0],
    )
    people = evidence("individual", time=[1.0, 1.0, 1.0], event=[1, 0, 1])
    fine = at(distribution, likelihood.prepare(cells), **p) - 2 * np.log(width)
    assert fine == pytest.approx(at(distribution, likelihood.prepare(people), **p), abs=1e-3)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("make", [grouped, individual])
def test_terms_add_up_with_their_counts(name: str, make) -> None:
    distribution, data = DISTRIBUTIONS[name], likelihood.prepare(make())
    theta = np.full((2, len(distribution.parameters)), 0.1)
    theta[1] += 0.2
    terms, counts = likelihood.pointwise(distribution, theta, data), likelihood.counts(data)
    assert terms.shape == (2, len(counts))
    f = laplace.log_likelihood_function(distribution, data)
    np.testing.assert_allclose(terms @ counts, f(theta), rtol=1e-12)


def test_gaps_and_wrong_background_are_refused() -> None:
    gap = evidence("grouped", start=[0, 1], end=[0.5, 2], n_events=[1, 1], n_censored=[0, 0])
    with pytest.raises(ValueError, match="curve: intervals have gaps"):
        likelihood.prepare(gap)
    with pytest.raises(ValueError, match=r"shape \(3,\); must be \(4,\)"):
        likelihood.prepare(grouped(), np.zeros(3))
    with pytest.raises(ValueError, match=r"must be \(3, 3\): cumulative hazard at entry"):
        likelihood.prepare(individual(), np.zeros(3))


def test_smoothing_is_arvizs() -> None:
    az = pytest.importorskip("arviz")
    generator = np.random.default_rng(3)
    for ratios in (generator.standard_normal(4000), 2 * generator.standard_t(4, 4000)):
        ours, k = psis.smooth(ratios)
        theirs, their_k = az.psislw(ratios.copy())
        assert k == pytest.approx(float(their_k), abs=1e-10)
        np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_leave_one_out_is_arvizs_with_every_patient_written_out() -> None:
    az = pytest.importorskip("arviz")
    distribution, data = DISTRIBUTIONS["weibull"], likelihood.prepare(grouped())
    fit = laplace.fit_laplace(distribution, data, 4000, np.random.default_rng(1))
    terms, counts = likelihood.pointwise(distribution, fit.theta, data), likelihood.counts(data)
    ours = psis.leave_one_out(terms, counts)
    every = np.repeat(terms, counts.astype(int), axis=1)[None]
    posterior = {"x": np.zeros(every.shape[:2])}
    idata = az.from_dict(posterior=posterior, log_likelihood={"y": every})
    theirs = az.loo(idata, pointwise=True, reff=1.0)
    assert ours["elpd_loo"] == pytest.approx(theirs.elpd_loo, abs=1e-6)
    assert ours["se"] == pytest.approx(theirs.se, abs=1e-6)
    assert ours["p_loo"] == pytest.approx(theirs.p_loo, abs=1e-6)
    np.testing.assert_allclose(psis.patients(ours), theirs.loo_i.values, atol=1e-6)


def test_laplace_is_exact_where_the_posterior_is_known() -> None:
    """Exponential data make a posterior of one parameter: integrate it on a grid."""
    data = likelihood.prepare(individual())
    fit = laplace.fit_laplace(EXPONENTIAL, data, 4000, np.random.default_rng(1))
    grid = np.linspace(-6, 5, 20001)[:, None]
    f = laplace.log_likelihood_function(EXPONENTIAL, data)
    density = np.exp(f(grid) + EXPONENTIAL.log_prior(grid))
    density /= density.sum()
    mean = float(density @ grid[:, 0])
    sd = float(np.sqrt(density @ (grid[:, 0] - mean) ** 2))
    assert fit.mean[0] == pytest.approx(mean, abs=0.03 * sd)
    assert fit.sd[0] == pytest.approx(sd, rel=0.03)
    assert fit.theta.std() == pytest.approx(sd, rel=0.04)
