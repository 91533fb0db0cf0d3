"""The likelihood, by hand; Pareto smoothing and leave-one-out, against ArviZ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heor.survival.evidence.evidence import piece
from heor.survival.families import likelihood
from heor.survival.families.distributions import DISTRIBUTIONS, Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.sampler import laplace, psis
from tests.evidence import evidence, grouped, individual

EXPONENTIAL = DISTRIBUTIONS["exponential"]
RATE = 0.8


def at(distribution: Distribution, *pieces: Piece, **p: float) -> float:
    data = [likelihood.encoded(distribution, own) for own in pieces]
    return float(likelihood.log_likelihood(distribution, p, data))


def with_background(own: Piece, rate: float) -> Piece:
    """The piece with a constant hazard of the population."""
    data = dict(own.data)
    if own.form == "individual":
        data["background_hazard"] = np.full(len(data["time"]), rate)
        data["background_increment"] = rate * (data["time"] - data["entry"])
    else:
        data |= {f"background_{k}": rate * data[k] for k in ("start", "end")}
    return replace(own, data=data)


def test_grouped_by_hand() -> None:
    s = np.exp(-RATE * np.array([0, 0.5, 1.0, 2.0]))
    mid = 0.5 * (np.log(s[:-1]) + np.log(s[1:]))
    expected = 5 * np.log(s[0] - s[1]) + 4 * np.log(s[1] - s[2]) + mid @ [1, 2, 8]
    assert at(EXPONENTIAL, piece(grouped()), rate=RATE) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("make", [grouped, individual])
def test_background_mortality_adds_to_the_hazard(make) -> None:
    own = piece(make())
    together = at(EXPONENTIAL, with_background(own, 0.3), rate=0.5)
    assert together == pytest.approx(at(EXPONENTIAL, own, rate=0.8), rel=1e-12)


def test_individual_by_hand_with_entry_and_weight() -> None:
    expected = 2 * np.log(RATE) - RATE * (0.4 + 2 * 0.5 + 2.5)
    own = piece(individual())
    assert at(EXPONENTIAL, own, rate=RATE) == pytest.approx(expected, rel=1e-12)


def test_landmarks_by_hand() -> None:
    own = piece(evidence("landmark", start=[0, 2], end=[2, 3], n=[50, 20], survivors=[30, 14]))
    s = np.exp(-RATE * np.array([2.0, 1.0]))
    expected = np.array([20, 6]) @ np.log1p(-s) + np.array([30, 14]) @ np.log(s)
    assert own.form == "binomial"
    assert at(EXPONENTIAL, own, rate=RATE) == pytest.approx(expected, rel=1e-12)


def test_opinion_by_hand() -> None:
    """Beta density of S(t), less its constant; the multiplier acts on the excess hazard."""
    data = {"time": 5.0, "multiplier": 1.5, "background": 0.2, "a": 3.0, "b": 7.0}
    own = Piece("expert", "os", "opinion", {k: np.array([v]) for k, v in data.items()}, main=False)
    s = np.exp(-(1.5 * 5 * RATE + 0.2))
    expected = 2 * np.log(s) + 6 * np.log1p(-s)
    assert at(EXPONENTIAL, own, rate=RATE) == pytest.approx(expected, rel=1e-12)
    neutral = likelihood.neutral_opinion("os")
    assert at(EXPONENTIAL, neutral, rate=RATE) == 0.0


def test_pieces_add_up() -> None:
    two = piece(grouped()), piece(individual())
    assert at(EXPONENTIAL, *two, rate=RATE) == pytest.approx(
        sum(at(EXPONENTIAL, own, rate=RATE) for own in two), rel=1e-12
    )
    assert two[1].events == 2 and two[1].exposure == pytest.approx(0.4 + 2 * 0.5 + 2.5)


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
    fine = at(distribution, piece(cells), **p) - 2 * np.log(width)
    assert fine == pytest.approx(at(distribution, piece(people), **p), abs=1e-3)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("make", [grouped, individual])
def test_terms_add_up_with_their_counts(name: str, make) -> None:
    distribution = DISTRIBUTIONS[name]
    data = [likelihood.encoded(distribution, piece(make()))]
    theta = np.full((2, len(distribution.parameters)), 0.1)
    theta[1] += 0.2
    terms, counts = likelihood.pointwise(distribution, theta, data)
    assert terms.shape == (2, len(counts))
    f = laplace.log_likelihood_function(distribution, data)
    np.testing.assert_allclose(terms @ counts, f(theta), rtol=1e-12)


def test_gaps_are_refused() -> None:
    gap = evidence("grouped", start=[0, 1], end=[0.5, 2], n_events=[1, 1], n_censored=[0, 0])
    with pytest.raises(ValueError, match="curve: intervals have gaps"):
        piece(gap)


def test_leave_one_out_runs_over_the_main_pieces_only() -> None:
    main, other = piece(grouped()), replace(piece(individual()), main=False)
    data = [likelihood.encoded(EXPONENTIAL, own) for own in (main, other)]
    _, counts = likelihood.pointwise(EXPONENTIAL, np.zeros((1, 1)), data)
    assert counts.sum() == 20


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
    distribution = DISTRIBUTIONS["weibull"]
    data = [likelihood.encoded(distribution, piece(grouped()))]
    fit = laplace.fit_laplace(distribution, data, 4000, np.random.default_rng(1))
    terms, counts = likelihood.pointwise(distribution, fit.theta, data)
    ours = psis.leave_one_out(terms, counts)
    every = np.repeat(terms, counts.astype(int), axis=1)[None]
    posterior = {"x": np.zeros(every.shape[:2])}
    idata = az.from_dict(posterior=posterior, log_likelihood={"y": every})
    theirs = az.loo(idata, pointwise=True, reff=1.0)
    assert ours["elpd_loo"] == pytest.approx(theirs.elpd_loo, abs=1e-6)
    assert ours["se"] == pytest.approx(theirs.se, abs=1e-6)
    assert ours["p_loo"] == pytest.approx(theirs.p_loo, abs=1e-6)
    np.testing.assert_allclose(
        np.repeat(ours["pointwise"], ours["counts"].astype(int)), theirs.loo_i.values, atol=1e-6
    )


def test_laplace_is_exact_where_the_posterior_is_known() -> None:
    """Exponential data make a posterior of one parameter: integrate it on a grid."""
    data = [likelihood.encoded(EXPONENTIAL, piece(individual()))]
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
