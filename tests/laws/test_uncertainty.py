"""Laws of the quantile functions: mean and se are what was asked, values stay in the support."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate

from heor.parameters.synthesis import pool
from heor.parameters.uncertainty import NAMES, UNCERTAINTIES, beta_arguments, interval, parse
from heor.streams import Streams

CONTINUOUS = [n for n in UNCERTAINTIES if n != "bernoulli"]


def moments(name: str, mean: float, se: float) -> tuple[float, float]:
    """Mean and standard deviation by quadrature of the quantile function, u = sigmoid(z)."""

    def integral(power: int) -> float:
        def integrand(z: float) -> float:
            u = 1 / (1 + np.exp(-z))
            return UNCERTAINTIES[name].quantile(u, mean, se) ** power * u * (1 - u)

        parts = [integrate.quad(integrand, a, b, limit=200)[0] for a, b in ((-36, 0), (0, 36))]
        return sum(parts)

    first = integral(1)
    return first, np.sqrt(max(integral(2) - first**2, 0))


@pytest.mark.parametrize(
    ("name", "mean", "se"),
    [
        ("normal", -0.5447, 0.2142),
        ("normal", 3.0, 0.1),
        ("beta", 0.05, 0.0391441),
        ("beta", 0.9, 0.05),
        ("beta", 0.5, 0.3),
        ("gamma", 260_000, 52_000),
        ("gamma", 1.0, 1.5),
        ("lognormal", 0.858, 0.116),
        ("lognormal", 1.97, 0.71),
        ("half-normal", 0.199471, 0.150703),
        ("half-normal", 0.398942, 0.301405),
    ],
)
def test_mean_and_se_by_quadrature(name: str, mean: float, se: float) -> None:
    found = moments(name, mean, se)
    assert found == pytest.approx((mean, se), rel=2e-5)


def test_every_distribution_is_covered() -> None:
    """A new entry of the registry needs a row above."""
    assert set(CONTINUOUS) == {"normal", "beta", "gamma", "lognormal", "half-normal"}


@given(mean=st.floats(0.001, 0.999), relative=st.floats(0.05, 0.9))
def test_beta_arguments_give_mean_and_se(mean: float, relative: float) -> None:
    se = relative * np.sqrt(mean * (1 - mean))
    assert UNCERTAINTIES["beta"].impossible(mean, se) == ""
    a, b = beta_arguments(mean, se)
    assert a / (a + b) == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert np.sqrt(a * b / (a + b + 1)) / (a + b) == pytest.approx(se, rel=1e-6)


@given(mean=st.floats(0.001, 0.999), excess=st.floats(1.0001, 3))
def test_impossible_beta_is_refused(mean: float, excess: float) -> None:
    fault = UNCERTAINTIES["beta"].impossible(mean, excess * np.sqrt(mean * (1 - mean)))
    assert "must be below" in fault


@pytest.mark.parametrize("name", CONTINUOUS)
@given(mean=st.floats(0.01, 0.99), relative=st.floats(0.05, 0.8), data=st.data())
def test_quantiles_rise_and_stay_in_the_support(
    name: str, mean: float, relative: float, data: st.DataObject
) -> None:
    se = relative * (np.sqrt(mean * (1 - mean)) if name == "beta" else mean)
    u = np.sort(data.draw(st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2, max_size=8)))
    x = UNCERTAINTIES[name].quantile(np.array(u), mean, se)
    assert np.isfinite(x).all()
    assert (np.diff(x) >= 0).all()
    if name != "normal":
        assert (x >= 0).all()
    if name == "beta":
        assert (x <= 1).all()


@pytest.mark.parametrize("name", CONTINUOUS)
@given(mean=st.floats(0.05, 0.95), relative=st.floats(0.05, 0.4))
def test_interval_holds_ninety_five_percent(name: str, mean: float, relative: float) -> None:
    se = relative * (np.sqrt(mean * (1 - mean)) if name == "beta" else mean)
    low, high = interval(name, mean, se)
    u = (np.arange(4000) + 0.5) / 4000
    x = UNCERTAINTIES[name].quantile(u, mean, se)
    assert ((x >= low) & (x <= high)).mean() == pytest.approx(0.95, abs=0.002)


@given(p=st.floats(0, 1))
def test_bernoulli_is_zero_or_one(p: float) -> None:
    u = (np.arange(1000) + 0.5) / 1000
    x = UNCERTAINTIES["bernoulli"].quantile(u, p, 0.0)
    assert set(x) <= {0.0, 1.0}
    assert x.mean() == pytest.approx(p, abs=0.001)


@given(
    name=st.sampled_from(NAMES),
    arguments=st.lists(st.floats(0, 100).map(lambda x: f"{x:g}"), max_size=3),
)
def test_written_distributions_parse(name: str, arguments: list[str]) -> None:
    text = f" {name}( {' ; '.join(arguments)} )" if arguments else name
    assert parse(text) == (name, tuple(arguments))


@given(
    y=st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=5),
    scale=st.one_of(st.none(), st.floats(0.05, 1.0)),
    predictive=st.booleans(),
    shift=st.floats(-1, 1),
    data=st.data(),
)
@settings(max_examples=8)
def test_laws_of_pooling(
    y: list[float], scale: float | None, predictive: bool, shift: float, data: st.DataObject
) -> None:
    """Quantiles rise, invert the CDF, move with the data and mirror with its sign."""
    s = np.array(data.draw(st.lists(st.floats(0.05, 0.5), min_size=len(y), max_size=len(y))))
    p = np.array([0.005, 0.1, 0.5, 0.9, 0.995])
    effect = pool(np.array(y), s, scale, predictive=predictive)
    x = effect.quantile(p)
    assert effect.weight.sum() == pytest.approx(1)
    assert (np.diff(x) > 0).all()
    np.testing.assert_allclose(effect.cdf(x), p, atol=2e-5)
    moved = pool(np.array(y) + shift, s, scale, predictive=predictive).quantile(p)
    np.testing.assert_allclose(moved, x + shift, atol=1e-6)
    mirrored = pool(-np.array(y), s, scale, predictive=predictive).quantile(p)
    np.testing.assert_allclose(mirrored, -x[::-1], atol=1e-4)


@given(seed=st.integers(0, 2**40), name=st.text(min_size=1, max_size=20), n=st.integers(1, 50))
def test_streams_are_prefix_stable_and_open(seed: int, name: str, n: int) -> None:
    u, more = Streams(seed).uniform(name, n), Streams(seed).uniform(name, n + 17)
    np.testing.assert_array_equal(more[:n], u)
    assert (u > 0).all() and (u < 1).all()


@given(seed=st.integers(0, 2**40), first=st.text(max_size=9), second=st.text(max_size=9))
def test_different_names_have_different_streams(seed: int, first: str, second: str) -> None:
    assume(first != second)
    assert (Streams(seed).uniform(first, 4) != Streams(seed).uniform(second, 4)).any()
