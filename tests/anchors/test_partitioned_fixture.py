"""Weibull partitioned survival whose costs and QALYs are known by quadrature.

PFS has shape 1.2 and scale 3 years, OS 1.2 and 6; the second strategy has both scales × 1.3. A year
costs 1,000 without progression and 2,000 after it, with utilities 0.8 and 0.6. No horizon; 3 % a
year, continuous or annual-effective. The figures are those of an independent quadrature.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from heor.outcomes.outcomes import Outcomes
from heor.problem.problem import DecisionProblem
from heor.valuation.simulate import simulate
from tests.made_up import Partitioned

SHAPE, SCALES, FACTORS = 1.2, {"pfs": 3.0, "os": 6.0}, (1.0, 1.3)
COSTS, UTILITIES = np.array([1000.0, 2000.0]), np.array([0.8, 0.6])
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

    free, alive = map(years, SCALES.values())
    return np.array([free, alive - free])


def by_model(
    base: DecisionProblem, timing: str, rule: str, cycle: float = 1 / 192
) -> tuple[Outcomes, np.ndarray]:
    """Outcomes of the model over 120 years, and the years in each state. Dims: (strategy, state)."""
    model = Partitioned(
        curves={
            str(factor): {e: np.array([[SHAPE, scale * factor]]) for e, scale in SCALES.items()}
            for factor in FACTORS
        },
        states=("free", "progressed", "dead"),
        costs={"free": "1000", "progressed": "2000"},
        utilities={"free": "0.8", "progressed": "0.6"},
        rate=0.03,
        timing=timing,
        cycle=cycle,
        years=120.0,
        rule=rule,
    )
    draws = model.draws({"nothing": np.zeros(1)})
    outcomes = simulate(model.problem(base), draws, workers=1).outcomes
    years = [outcomes.component(s)[0] / cost for s, cost in zip(model.costs, COSTS, strict=True)]
    return outcomes, np.stack(years, axis=1)


def check(qalys: np.ndarray, costs: np.ndarray, timing: str) -> None:
    """Costs, QALYs and ICER to the digits shown."""
    known_qalys, known_costs = KNOWN[timing]
    assert qalys == pytest.approx(known_qalys, abs=5e-5)
    assert costs == pytest.approx(known_costs, abs=0.05)
    if timing == "continuous":
        assert (costs[1] - costs[0]) / (qalys[1] - qalys[0]) == pytest.approx(1980, abs=0.5)


@TIMINGS
def test_quadrature(timing: str) -> None:
    years = np.stack([by_quadrature(factor, timing) for factor in FACTORS])
    check(years @ UTILITIES, years @ COSTS, timing)


@TIMINGS
@pytest.mark.parametrize(("rule", "error"), [("trapezoid", 3e-7), ("simpson", 3e-8)])
def test_model(problem: DecisionProblem, rule: str, error: float, timing: str) -> None:
    """On a fine grid: 4.38055049, the exact annual-effective QALYs, round up by a hair."""
    outcomes, years = by_model(problem, timing, rule)
    check(outcomes.qalys[0], outcomes.cost[0], timing)
    for factor, own in zip(FACTORS, years, strict=True):
        np.testing.assert_allclose(own, by_quadrature(factor, timing), rtol=0, atol=error)


@TIMINGS
@pytest.mark.parametrize(("rule", "error"), [("trapezoid", 1e-4), ("simpson", 2e-5)])
def test_months_are_fine_enough(
    problem: DecisionProblem, rule: str, error: float, timing: str
) -> None:
    """Years in each state of the monthly model, against quadrature."""
    _, years = by_model(problem, timing, rule, 1 / 12)
    for factor, own in zip(FACTORS, years, strict=True):
        np.testing.assert_allclose(own, by_quadrature(factor, timing), rtol=0, atol=error)
