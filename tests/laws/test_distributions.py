"""Laws every survival distribution obeys."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from heor.survival.families import likelihood
from heor.survival.families.distributions import (
    DISTRIBUTIONS,
    cumulative_hazard,
    hazard,
    survival,
)
from heor.survival.families.likelihood import Piece
from heor.survival.families.ops import NumpyOps
from tests.distributions import MODELS, parameters_of

TIME = np.linspace(0.0, 40.0, 481)
EVERY = pytest.mark.parametrize("distribution", MODELS.values(), ids=MODELS)
EXTREMES = {
    "log": np.exp([-4.0, 3.0]),
    "logit": special.expit([-40.0, 40.0]),  # the second is 1 to double precision
    "identity": np.array([-3.0, 3.0]),
}


@EVERY
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_survival_starts_at_one_and_never_rises(distribution, data) -> None:
    p = parameters_of(distribution, data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        s, h = survival(distribution, p, TIME)[0], hazard(distribution, p, TIME)[0]
    assert s[0] == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(s) <= 1e-12) and np.all((s >= 0) & (s <= 1))
    assert np.isfinite(h).all() and (h >= 0).all()


@EVERY
@settings(max_examples=30, deadline=None)
@given(data=st.data(), t=st.floats(0.05, 15.0))
def test_hazard_is_the_slope_of_the_cumulative_hazard(distribution, data, t: float) -> None:
    p = parameters_of(distribution, data)
    step = 1e-4 * t
    if np.min(np.abs(getattr(distribution, "cuts", (np.inf,)) - np.array(t)), initial=1.0) < step:
        return  # a step of the hazard
    around = cumulative_hazard(distribution, p, np.array([t - step, t + step]))[0]
    if around[1] > 25:  # beyond survival of 1e-11 the incomplete gamma function loses digits
        return
    slope = (around[1] - around[0]) / (2 * step)
    assert hazard(distribution, p, np.array([t]))[0, 0] == pytest.approx(slope, rel=1e-4, abs=1e-8)


@EVERY
def test_hazard_and_survival_survive_extreme_parameters(distribution) -> None:
    extremes = {p.name: EXTREMES[p.transform] for p in distribution.parameters}
    grids = np.meshgrid(*extremes.values(), indexing="ij")
    p = {name: g.ravel() for name, g in zip(extremes, grids, strict=True)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        h, slope = cumulative_hazard(distribution, p, TIME), hazard(distribution, p, TIME)
    assert h.shape == slope.shape == (2 ** len(extremes), len(TIME))
    assert (
        np.isfinite(h).all() and np.isfinite(slope).all() and np.isfinite(np.log(np.exp(-h))).all()
    )


@EVERY
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_unconstrained_and_natural_scale_are_inverse(distribution, data) -> None:
    p = {k: float(v[0]) for k, v in parameters_of(distribution, data).items()}
    back = distribution.natural(distribution.unconstrained(p))
    assert {k: float(v) for k, v in back.items()} == pytest.approx(p)


def test_scipy_agrees() -> None:
    t = np.array([0.1, 0.5, 1.0, 3.0, 10.0])
    a, b = 1.3, 0.7
    cases = {
        "exponential": (dict(rate=a), stats.expon(scale=1 / a)),
        "weibull": (dict(shape=a, scale=b), stats.weibull_min(a, scale=b)),
        "gompertz": (dict(shape=a, rate=b), stats.gompertz(b / a, scale=1 / a)),
        "gamma": (dict(shape=a, rate=b), stats.gamma(a, scale=1 / b)),
        "lognormal": (dict(meanlog=a, sdlog=b), stats.lognorm(b, scale=np.exp(a))),
        "loglogistic": (dict(shape=a, scale=b), stats.fisk(a, scale=b)),
    }
    for name, (p, theirs) in cases.items():
        keep = theirs.sf(t) > 1e-250
        np.testing.assert_allclose(
            cumulative_hazard(name, p, t[keep])[0], -theirs.logsf(t[keep]), rtol=1e-8, err_msg=name
        )


@settings(max_examples=50, deadline=None)
@given(mu=st.floats(-1, 2), sigma=st.floats(0.3, 2.0))
def test_generalised_gamma_contains_its_special_cases(mu: float, sigma: float) -> None:
    t = np.geomspace(0.01, 20, 60)

    def general(q: float) -> np.ndarray:
        return survival("generalised_gamma", {"mu": mu, "sigma": sigma, "Q": q}, t)

    weibull = survival("weibull", {"shape": 1 / sigma, "scale": np.exp(mu)}, t)
    gamma = survival("gamma", {"shape": sigma**-2, "rate": np.exp(-mu) * sigma**-2}, t)
    lognormal = survival("lognormal", {"meanlog": mu, "sdlog": sigma}, t)
    np.testing.assert_allclose(general(1.0), weibull, atol=1e-12)
    np.testing.assert_allclose(general(sigma), gamma, atol=1e-12)
    np.testing.assert_allclose(general(0.0), lognormal, atol=1e-12)
    for sign in (-1, 1):  # the switch to the log-normal limit leaves no step
        np.testing.assert_allclose(general(sign * 0.99e-4), general(sign * 1.01e-4), atol=1e-6)


def test_weibull_of_shape_one_is_exponential() -> None:
    weibull = {"shape": 1.0, "scale": 2.0}
    np.testing.assert_allclose(
        cumulative_hazard("weibull", weibull, TIME),
        cumulative_hazard("exponential", {"rate": 0.5}, TIME),
        atol=1e-12,
    )


def test_gompertz_of_shape_zero_is_exponential_and_continuous_there() -> None:
    shape = np.array([0.0, 1e-9, -1e-9])
    h = cumulative_hazard("gompertz", {"shape": shape, "rate": np.full(3, 0.5)}, TIME)
    np.testing.assert_allclose(h, np.tile(0.5 * TIME, (3, 1)), rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(mu=st.floats(-1, 2), sigma=st.floats(0.3, 2.0), q=st.floats(-2, 2))
def test_generalised_f_tends_to_the_generalised_gamma(mu: float, sigma: float, q: float) -> None:
    t = np.geomspace(0.01, 20, 60)
    for f in (survival, hazard):
        gamma = f("generalised_gamma", {"mu": mu, "sigma": sigma, "Q": q}, t)
        f_ratio = f("generalised_f", {"mu": mu, "sigma": sigma, "Q": q, "P": 1e-7}, t)
        np.testing.assert_allclose(f_ratio, gamma, rtol=1e-3, atol=1e-6)


def test_generalised_f_is_the_f_distribution() -> None:
    """By SciPy's F, with the degrees of freedom of Prentice (1975), also far in the tails."""
    t = np.geomspace(1e-6, 1e6, 200)
    for q in (-1.2, 0.0, 0.7):
        for p in (0.05, 1.0, 3.0):
            mu, sigma, delta = 0.4, 0.8, np.sqrt(q * q + 2 * p)
            a, b = (2 / (q * q + 2 * p + sign * q * delta) for sign in (1, -1))
            theirs = stats.f(2 * a, 2 * b)
            x = np.exp(delta * (np.log(t) - mu) / sigma)
            keep = theirs.sf(x) > 1e-280
            h = cumulative_hazard("generalised_f", {"mu": mu, "sigma": sigma, "Q": q, "P": p}, t)[0]
            np.testing.assert_allclose(h[keep], -theirs.logsf(x[keep]), rtol=1e-9, atol=1e-15)


def test_generalised_f_contains_the_log_logistic() -> None:
    p = {"mu": 0.7, "sigma": 0.5, "Q": 0.0, "P": 1.0}
    theirs = {"shape": np.sqrt(2) / 0.5, "scale": np.exp(0.7)}
    np.testing.assert_allclose(
        survival("generalised_f", p, TIME), survival("loglogistic", theirs, TIME), atol=1e-12
    )


class WithoutIncompleteGamma(NumpyOps):
    """NumPy made to integrate the density, as PyMC has to."""

    exact = False


@pytest.mark.parametrize("name", ["gamma", "generalised_gamma", "generalised_f"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_integrated_density_gives_the_closed_form(name: str, data) -> None:
    distribution = DISTRIBUTIONS[name]
    p = {k: v[0] for k, v in parameters_of(distribution, data).items()}
    edges = np.arange(94) / 24
    grouped = Piece("curve", "os", "grouped", {"start": edges[:-1], "end": edges[1:]})
    (piece,) = likelihood.with_quadrature([likelihood.encoded(distribution, grouped)])
    keys = ("start", "end")
    for rough, exact in zip(
        likelihood._cumulative_hazards(distribution, keys, p, piece.data, WithoutIncompleteGamma),
        likelihood._cumulative_hazards(distribution, keys, p, piece.data, NumpyOps),
        strict=True,
    ):
        np.testing.assert_allclose(np.exp(-rough), np.exp(-exact), atol=2e-9)
