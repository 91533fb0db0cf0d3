"""Laws of the value of information, for any linear problem with normal parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from heor.decision.acceptability import ceac
from heor.decision.cost_effectiveness import evpi, net_benefit
from heor.decision.information import PartialInformation, evppi
from heor.outcomes.outcomes import Outcomes

N = 2000
THRESHOLDS = [0.0, 50_000.0, 500_000.0]
seeds = st.integers(0, 2**31)
PARAMETERS = ["p", "q", "r"]


def problem(seed: int, strategies: int = 3) -> tuple[Outcomes, pd.DataFrame]:
    """Costs and QALYs linear in three normal parameters, and noise."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((N, 3))
    noise = generator.standard_normal((N, strategies, 2)) * generator.uniform(0, 1)
    values = np.einsum("np,psc->nsc", x, generator.normal(0, 1, (3, strategies, 2))) + noise
    values = values * [20_000.0, 0.5] + generator.normal([100_000.0, 5.0], [20_000.0, 0.5])
    return outcomes_of(values, "abcde"[:strategies]), pd.DataFrame(x, columns=PARAMETERS)


def outcomes_of(values: np.ndarray, names: str) -> Outcomes:
    data = xr.DataArray(
        values,
        dims=("draw", "strategy", "component"),
        coords={"strategy": list(names), "component": ["care", "qalys"]},
    )
    return Outcomes(data, ("care",), "NOK")


def ask(own: Outcomes, draws: pd.DataFrame, thresholds: list[float]) -> list[PartialInformation]:
    return evppi(own, draws, {"p": ["p"], "p+q": ["p", "q"], "all": PARAMETERS}, thresholds)


@settings(max_examples=15)
@given(seed=seeds, strategies=st.integers(2, 4))
def test_partial_information_is_worth_between_nothing_and_everything(
    seed: int, strategies: int
) -> None:
    own, draws = problem(seed, strategies)
    found = ask(own, draws, THRESHOLDS)
    for i, threshold in enumerate(THRESHOLDS):
        whole, se = evpi(own, threshold)
        for x in found:
            slack = 3 * np.hypot(x.se[i], se)
            assert -1e-9 <= x.value[i] <= whole + slack + 1e-9
        # More is worth no less.
        for less, more in zip(found, found[1:], strict=False):
            assert less.value[i] <= more.value[i] + 3 * np.hypot(less.se[i], more.se[i]) + 1e-9


@settings(max_examples=15)
@given(z=st.floats(-2, 2), known=st.floats(0.2, 2), rest=st.floats(0.2, 2), seed=seeds)
def test_two_strategies_with_normal_net_benefit(
    z: float, known: float, rest: float, seed: int
) -> None:
    """Net benefit N(mean, sd): value sd × unit normal loss of |mean| / sd (Raiffa and Schlaifer)."""
    x, y = np.random.default_rng(seed).standard_normal((2, N))
    mean = z * known
    benefit = mean + known * x + rest * y
    own = outcomes_of(np.stack([[0 * x, 0 * x], [0 * x, benefit]]).transpose(2, 0, 1), "ab")
    found = evppi(own, pd.DataFrame({"x": x}), {"x": ["x"]}, [1.0])[0]
    cases = [
        (found.value[0], found.se[0], known, rest),
        (*evpi(own, 1.0), np.hypot(known, rest), 0.0),
    ]
    for value, se, sd, unknown in cases:
        u = abs(mean) / sd
        wrong, density = stats.norm.sf(u), stats.norm.pdf(u)
        exact = sd * (density - u * wrong)
        # Of the loss, and of the noise that stays in the draws where the decision changes. Draws with
        # a low loss also have a low standard error, so the exact one counts where it is larger.
        variance = sd**2 * ((1 + u**2) * wrong - u * density) - exact**2 + unknown**2 * wrong
        exact_se = np.sqrt(variance / N)
        assert abs(value - exact) < 3 * max(se, exact_se)
        if abs(z) < 1:  # else few draws change the decision, and they vary
            assert 0.5 < se / exact_se < 2


@pytest.mark.slow
@settings(max_examples=10)
@given(seed=seeds, constant=st.floats(-1e5, 1e5))
def test_a_cost_common_to_all_tells_nothing(seed: int, constant: float) -> None:
    own, draws = problem(seed)
    more = Outcomes(own.data + np.array([constant, 0.0]), own.categories, own.currency)
    for a, b in zip(ask(own, draws, THRESHOLDS), ask(more, draws, THRESHOLDS), strict=True):
        np.testing.assert_allclose(b.value, a.value, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(b.se, a.se, rtol=1e-6, atol=1e-6)


@settings(max_examples=5)
@given(seed=seeds, factor=st.floats(0.01, 100))
def test_another_currency_scales_the_value(seed: int, factor: float) -> None:
    own, draws = problem(seed)
    scaled = Outcomes(own.data * np.array([factor, 1.0]), own.categories, "EUR")
    other = [factor * t for t in THRESHOLDS]
    for a, b in zip(ask(own, draws, THRESHOLDS), ask(scaled, draws, other), strict=True):
        np.testing.assert_allclose(b.value, factor * a.value, rtol=1e-6, atol=1e-6 * factor)
    curves = [ceac(own, THRESHOLDS), ceac(scaled, other)]
    np.testing.assert_array_equal(curves[0].probability, curves[1].probability)
    np.testing.assert_allclose(factor * curves[0].evpi, curves[1].evpi, atol=1e-6 * factor)


@pytest.mark.slow
@settings(max_examples=10)
@given(seed=seeds, order=st.permutations(range(3)))
def test_order_of_strategies_tells_nothing(seed: int, order: list[int]) -> None:
    """The regression is of increments over the first, so up to the error of the ridge's choice."""
    own, draws = problem(seed)
    mixed = Outcomes(own.data.isel(strategy=order), own.categories, own.currency)
    for a, b in zip(ask(own, draws, THRESHOLDS), ask(mixed, draws, THRESHOLDS), strict=True):
        assert (np.abs(a.value - b.value) <= np.hypot(a.se, b.se) + 1e-6).all()
    by = ["threshold", "strategy"]
    curves = [ceac(o, THRESHOLDS).sort_values(by, ignore_index=True) for o in (own, mixed)]
    pd.testing.assert_frame_equal(*curves)


@given(seed=seeds, strategies=st.integers(2, 5))
def test_acceptability_adds_up(seed: int, strategies: int) -> None:
    """Whole draws that sum to all of them; loss on the frontier is EVPI, elsewhere not less."""
    own, _ = problem(seed, strategies)
    for threshold, found in ceac(own, THRESHOLDS).groupby("threshold"):
        draws = found.probability * N
        np.testing.assert_allclose(draws, draws.round(), atol=1e-9)
        assert draws.round().sum() == N
        frontier = found[found.on_frontier]
        assert len(frontier) == 1
        assert frontier.expected_loss.item() == found.expected_loss.min() == found.evpi.iloc[0]
        assert found.evpi.iloc[0] == pytest.approx(evpi(own, threshold)[0], abs=1e-6)
        best = net_benefit(own, threshold).mean(axis=0).argmax()
        assert frontier.strategy.item() == own.strategies[best]
        assert frontier.error_probability.item() == pytest.approx(1 - frontier.probability.item())
