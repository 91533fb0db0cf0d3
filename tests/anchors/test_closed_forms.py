"""Cases whose answer is known by quadrature or in closed form, through our own weights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from heor.outcomes.discounting import discount_factor
from heor.problem.country import DiscountBand
from heor.survival.curves.marginal import marginal_hazard_ratio, window_grid
from heor.survival.families.distributions import survival
from tests.arithmetic import state_weights

#: 3 % a year as annual-effective forward rates, and the same percentage continuously.
ANNUAL = (DiscountBand(0, None, 0.03),)
CONTINUOUS = (DiscountBand(0, None, np.expm1(0.03)),)
TIME = np.linspace(0, 150, 60_001)


def weibull_case(factor: float, bands: tuple[DiscountBand, ...]) -> tuple[float, float]:
    """QALYs and cost: PFS Weibull (1.2, 3 years), OS (1.2, 6), scales × factor, no horizon."""
    pfs, os = (
        survival("weibull", {"shape": [1.2], "scale": [s * factor]}, TIME)[0] for s in (3, 6)
    )
    weights = state_weights(TIME, np.ones((1, len(TIME) - 1)))[0] * discount_factor(bands, TIME)
    free, progressed = weights @ pfs, weights @ (os - pfs)
    return 0.8 * free + 0.6 * progressed, 1000 * free + 2000 * progressed


@pytest.mark.parametrize(
    ("bands", "factor", "qalys", "cost"),
    [
        (CONTINUOUS, 1.0, 3.4826, 7222.7),
        (CONTINUOUS, 1.3, 4.3709, 8981.9),
        (ANNUAL, 1.0, 3.4887, 7238.7),
        (ANNUAL, 1.3, 4.3806, 9007.0),
    ],
    ids=["continuous a", "continuous b", "annual a", "annual b"],
)
def test_weibull_partitioned_survival(
    bands: tuple[DiscountBand, ...], factor: float, qalys: float, cost: float
) -> None:
    """Figures of an independent quadrature; the two conventions differ in the third digit."""
    found = weibull_case(factor, bands)
    assert found == (pytest.approx(qalys, abs=5e-5), pytest.approx(cost, abs=0.05))


def test_weibull_icer() -> None:
    """1,980 a QALY with the continuous rate."""
    (q0, c0), (q1, c1) = weibull_case(1.0, CONTINUOUS), weibull_case(1.3, CONTINUOUS)
    assert (c1 - c0) / (q1 - q0) == pytest.approx(1980, abs=1)


@pytest.mark.parametrize("rate", [0.1, 0.6, 2.0])
@pytest.mark.parametrize("discount", [0.0, 0.03, 0.1])
def test_exponential_survival(rate: float, discount: float) -> None:
    """Discounted life years are 1 / (rate + log(1 + r))."""
    weights = state_weights(TIME, np.ones((1, len(TIME) - 1)))[0]
    weights = weights * discount_factor((DiscountBand(0, None, discount),), TIME)
    found = weights @ survival("exponential", {"rate": [rate]}, TIME)[0]
    assert found == pytest.approx(1 / (rate + np.log1p(discount)), rel=3e-6)


def test_norwegian_bands_of_a_life_annuity() -> None:
    """One a year for ever at 4 / 3 / 2 %: three annuities, each deferred by the one before."""
    bands = (DiscountBand(0, 40, 0.04), DiscountBand(40, 75, 0.03), DiscountBand(75, None, 0.02))
    grid = np.linspace(0, 300, 120_001)
    weights = state_weights(grid, np.ones((1, len(grid) - 1)))[0]
    d4, d3, d2 = np.log([1.04, 1.03, 1.02])
    expected = (
        (1 - 1.04**-40) / d4
        + 1.04**-40 * (1 - 1.03**-35) / d3
        + 1.04**-40 * 1.03**-35 * (1 - 1.02**-225) / d2
    )
    assert weights @ discount_factor(bands, grid) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("cure", [0.05, 0.15, 0.35])
@pytest.mark.parametrize("hr", [0.6, 1.0, 1.7])
def test_marginal_hazard_ratio_of_a_cure_mixture(cure: float, hr: float) -> None:
    """Exponential control against a mixture with cure: our grid against adaptive quadrature."""
    window, h = 5.0, 0.7

    def score(theta: float) -> float:
        def integrand(t: float) -> float:
            s0, rest = np.exp(-h * t), (1 - cure) * np.exp(-h * hr * t)
            s1 = cure + rest
            return (s0 * h * hr * rest - theta * s1 * h * s0) / (s0 + theta * s1)

        return integrate.quad(integrand, 0, window, epsabs=1e-12)[0]

    low, high = 0.01, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
    t = window_grid(window)
    s0 = np.exp(-h * t)[None, :]
    s1 = cure + (1 - cure) * np.exp(-h * hr * t)[None, :]
    assert marginal_hazard_ratio(s0, s1)[0] == pytest.approx(low, abs=2e-4)
