"""Weibull partitioned survival whose costs and QALYs are known by quadrature.

PFS has shape 1.2 and scale 3 years, OS 1.2 and 6; the second strategy has both scales × 1.3. A year
costs 1,000 without progression and 2,000 after it, with utilities 0.8 and 0.6. No horizon; 3 % a
year, continuous or annual-effective. The figures are those of an independent quadrature.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from heor.inputs.problem import DiscountBand
from heor.occupancy.partitioned import partition
from heor.outcomes.discounting import cycle_weights, discount_factor
from heor.survival.families.distributions import survival

SHAPE, SCALES, FACTORS = 1.2, (3.0, 6.0), (1.0, 1.3)
COSTS, UTILITIES = np.array([1000.0, 2000.0]), np.array([0.8, 0.6])
BANDS = (DiscountBand(0, None, 0.03),)
KNOWN = {
    "continuous": ((3.4826, 4.3709), (7222.7, 8981.9)),
    "annual_effective": ((3.4887, 4.3806), (7238.7, 9007.0)),
}
TIMINGS = pytest.mark.parametrize("timing", list(KNOWN))


def by_quadrature(factor: float, timing: str) -> np.ndarray:
    """Discounted years without progression and after it, from the closed form of the curves."""
    rate = 0.03 if timing == "continuous" else np.log(1.03)

    def years(scale: float) -> float:
        def integrand(t: float) -> float:
            return np.exp(-((t / (scale * factor)) ** SHAPE) - rate * t)

        return integrate.quad(integrand, 0, np.inf, epsabs=1e-12, epsrel=1e-12)[0]

    free, alive = map(years, SCALES)
    return np.array([free, alive - free])


def by_engine(factor: float, timing: str, rule: str, cycle: float = 1 / 192) -> np.ndarray:
    """The same from curves, states and weights of the model, on a grid of 120 years."""
    time = np.arange(round(120 / cycle) + 1) * cycle
    curves = [
        survival("weibull", {"shape": np.array([SHAPE]), "scale": np.array([s * factor])}, time)
        for s in SCALES
    ]
    weights = cycle_weights(time, rule) * discount_factor(BANDS, time, timing)
    return np.array([(state @ weights)[0] for state in partition(curves)[:-1]])


def check(years: list[np.ndarray], timing: str) -> None:
    """Costs, QALYs and ICER to the digits shown."""
    qalys, costs = ([float(y @ value) for y in years] for value in (UTILITIES, COSTS))
    known_qalys, known_costs = KNOWN[timing]
    assert qalys == pytest.approx(known_qalys, abs=5e-5)
    assert costs == pytest.approx(known_costs, abs=0.05)
    if timing == "continuous":
        assert (costs[1] - costs[0]) / (qalys[1] - qalys[0]) == pytest.approx(1980, abs=0.5)


@TIMINGS
def test_quadrature(timing: str) -> None:
    check([by_quadrature(factor, timing) for factor in FACTORS], timing)


@TIMINGS
@pytest.mark.parametrize(("rule", "error"), [("trapezoid", 3e-7), ("simpson", 3e-8)])
def test_engine(rule: str, error: float, timing: str) -> None:
    """On a fine grid: 4.38055049, the exact annual-effective QALYs, round up by a hair."""
    years = [by_engine(factor, timing, rule) for factor in FACTORS]
    check(years, timing)
    for factor, own in zip(FACTORS, years, strict=True):
        np.testing.assert_allclose(own, by_quadrature(factor, timing), rtol=0, atol=error)


@TIMINGS
@pytest.mark.parametrize(("rule", "error"), [("trapezoid", 1e-4), ("simpson", 2e-5)])
def test_months_are_fine_enough(rule: str, error: float, timing: str) -> None:
    """Years in each state of the monthly model, against quadrature."""
    for factor in FACTORS:
        own = by_engine(factor, timing, rule, 1 / 12)
        np.testing.assert_allclose(own, by_quadrature(factor, timing), rtol=0, atol=error)
