"""Laws of discounting, of windows within cycles and of occupancy, for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.errors import ModelError
from heor.occupancy.state_occupancy import StateOccupancy
from heor.outcomes.discounting import covered, discount_factor
from heor.problem.country import DiscountBand
from tests.arithmetic import state_weights

RATE = st.floats(0, 0.2)


@st.composite
def discount_bands(draw: st.DrawFn) -> tuple[DiscountBand, ...]:
    """Contiguous bands from 0, the last open-ended."""
    edges = sorted(draw(st.sets(st.floats(0.5, 90), max_size=4)))
    starts, ends = [0.0, *edges], [*edges, None]
    return tuple(DiscountBand(a, b, draw(RATE)) for a, b in zip(starts, ends, strict=True))


@given(bands=discount_bands(), time=st.lists(st.floats(0, 120), min_size=1, max_size=10))
def test_discount_factor_falls_from_one_and_never_jumps(
    bands: tuple[DiscountBand, ...], time: list[float]
) -> None:
    t = np.sort(time)
    factor = discount_factor(bands, t)
    assert discount_factor(bands, 0.0) == 1
    assert (np.diff(factor) <= 0).all() and (factor > 0).all()
    # A step of dt loses at most the largest rate.
    step = 1e-6
    later = discount_factor(bands, t + step)
    largest = max(b.rate for b in bands)
    assert (later >= factor * (1 + largest) ** -step * (1 - 1e-12)).all()


@given(bands=discount_bands(), time=st.integers(0, 110))
def test_discount_factor_is_the_product_of_forward_rates(
    bands: tuple[DiscountBand, ...], time: int
) -> None:
    """Whole years one after another, each split where a band ends."""
    product = 1.0
    for band in bands:
        end = time if band.end is None else min(time, band.end)
        product /= (1 + band.rate) ** max(0.0, end - band.start)
    assert discount_factor(bands, float(time)) == pytest.approx(product, rel=1e-12)


@given(rate=RATE, split=st.floats(0.1, 50), time=st.floats(0, 100))
def test_splitting_a_band_changes_nothing(rate: float, split: float, time: float) -> None:
    one = (DiscountBand(0, None, rate),)
    two = (DiscountBand(0, split, rate), DiscountBand(split, None, rate))
    assert discount_factor(two, time) == pytest.approx(discount_factor(one, time), rel=1e-12)
    assert discount_factor(one, time) == pytest.approx((1 + rate) ** -time, rel=1e-12)


@given(
    cycle=st.sampled_from([1 / 12, 1 / 4, 1.0]),
    cycles=st.integers(1, 60),
    cuts=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_touching_windows_cover_every_cycle_once(
    cycle: float, cycles: int, cuts: list[float]
) -> None:
    time = np.arange(cycles + 1) * cycle
    edges = np.array([0.0, *sorted(c * time[-1] for c in cuts), time[-1]])
    shares = covered(time, edges[:-1], edges[1:])
    assert shares.shape == (len(edges) - 1, cycles)
    assert (shares >= 0).all() and (shares <= 1 + 1e-9).all()
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-9)
    years = state_weights(time, shares).sum(axis=1)
    np.testing.assert_allclose(years, np.diff(edges), atol=1e-9)


@given(
    cycles=st.integers(1, 100),
    horizon=st.floats(0.5, 60),
    power=st.floats(0.5, 2),
    hazard=st.floats(0, 3),
)
def test_weights_are_the_trapezoid_rule(
    cycles: int, horizon: float, power: float, hazard: float
) -> None:
    """On any grid, also an uneven one."""
    time = horizon * (np.arange(cycles + 1) / cycles) ** power
    survival = np.exp(-hazard * time)
    weights = state_weights(time, np.ones((1, cycles)))[0]
    assert weights.sum() == pytest.approx(horizon, rel=1e-12)
    assert weights @ survival == pytest.approx(np.trapezoid(survival, time), rel=1e-12)


@given(start=st.floats(0, 10), length=st.floats(-5, 10))
def test_a_window_outside_or_reversed_covers_nothing(start: float, length: float) -> None:
    time = np.linspace(0, 3, 37)
    share = covered(time, np.array([start]), np.array([start + length]))
    expected = max(0.0, min(3.0, start + length) - min(3.0, start))
    assert (share[0] * np.diff(time)).sum() == pytest.approx(expected, abs=1e-9)


def occupancy(free: np.ndarray, progressed: np.ndarray, dead: np.ndarray) -> StateOccupancy:
    states = {"progression_free": free, "progressed": progressed, "dead": dead}
    return StateOccupancy(states, {}, np.zeros(len(free), int), np.zeros_like(free))


@given(h=st.floats(0, 5), extra=st.floats(0, 5))
def test_lawful_occupancy_passes(h: float, extra: float) -> None:
    t = np.linspace(0, 5, 30)[None, :]
    os, pfs = np.exp(-h * t), np.exp(-(h + extra) * t)
    occupancy(pfs, os - pfs, 1 - os).check("a", 0)


@given(
    size=st.floats(1e-6, 0.5),
    draw=st.integers(0, 2),
    fault=st.sampled_from(["negative", "sum", "resurrection", "nan"]),
)
def test_a_broken_law_names_strategy_and_draw(size: float, draw: int, fault: str) -> None:
    t = np.linspace(0, 5, 30)
    os = np.tile(np.exp(-0.5 * t), (3, 1))
    free, progressed, dead = 0.5 * os, 0.5 * os, 1 - os
    if fault == "negative":
        progressed[draw] += free[draw] + size
        free[draw] = -size
    elif fault == "sum":
        free[draw, 7] += size
    elif fault == "nan":
        free[draw, 7] = np.nan
    else:
        dead[draw, -1] = dead[draw, -2] - min(size, 0.5)
        free[draw, -1] = 1 - dead[draw, -1] - progressed[draw, -1]
    with pytest.raises(ModelError, match=rf"^arm: .*draw {100 + draw}"):
        occupancy(free, progressed, dead).check("arm", 100)
