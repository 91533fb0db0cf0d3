"""Laws of decisions, for any outcomes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from heor.decision.acceptability import ceac
from heor.decision.cost_effectiveness import (
    evpi,
    icer_label,
    icer_table,
    increments,
    net_benefit,
    net_benefit_table,
    strategy_table,
)
from heor.outcomes.outcomes import Outcomes

MONEY = st.floats(0, 1e6).map(lambda x: round(x, 2))
QALY = st.floats(-1, 20).map(lambda x: round(x, 4))
THRESHOLD = st.sampled_from([0.0, 275_000.0, 715_000.0, 1_500_000.0])
THRESHOLDS = np.array([0.0, 275_000.0, 715_000.0])


@st.composite
def outcomes(draw: st.DrawFn, strategies: int | None = None) -> Outcomes:
    """Two cost categories and QALYs of a few strategies in a few draws."""
    k = strategies or draw(st.integers(2, 4))
    n = draw(st.integers(1, 12))
    cost = draw(arrays.arrays(float, (n, k, 2), elements=MONEY))
    qaly = draw(arrays.arrays(float, (n, k, 1), elements=QALY))
    data = xr.DataArray(
        np.concatenate([cost, qaly], axis=2),
        dims=("draw", "strategy", "component"),
        coords={"strategy": list("abcd")[:k], "component": ["drugs", "care", "qalys"]},
    )
    return Outcomes(data, ("drugs", "care"), "NOK")


def changed(found: Outcomes, **values: np.ndarray) -> Outcomes:
    data = found.data.copy()
    for name, value in values.items():
        data.loc[{"component": name}] = value
    return Outcomes(data, found.categories, found.currency)


@given(found=outcomes())
def test_ceac_sums_to_one_and_evpi_is_not_negative(found: Outcomes) -> None:
    curve = ceac(found, THRESHOLDS)
    by = curve.groupby("threshold")
    np.testing.assert_allclose(by.probability.sum(), 1, atol=1e-12)
    assert (by.on_frontier.sum() == 1).all()
    assert (curve.expected_loss >= -1e-9).all() and (curve.evpi >= -1e-9).all()
    # EVPI is the smallest expected loss, that of the strategy on the frontier.
    np.testing.assert_allclose(by.expected_loss.min(), by.evpi.first(), atol=1e-6)


@given(found=outcomes(), threshold=THRESHOLD, constant=st.floats(-1e5, 1e5))
def test_a_cost_common_to_all_changes_no_decision(
    found: Outcomes, threshold: float, constant: float
) -> None:
    more = changed(found, care=found.component("care") + constant)
    a, b = (net_benefit(o, threshold) for o in (found, more))
    np.testing.assert_allclose(b - a, -constant, atol=1e-6)
    assert evpi(more, threshold) == pytest.approx(evpi(found, threshold), abs=1e-5, nan_ok=True)
    for name in ("cost", "qalys"):
        np.testing.assert_allclose(
            increments(more, "a", "b")[name], increments(found, "a", "b")[name], atol=1e-6
        )


@given(found=outcomes(), threshold=THRESHOLD)
def test_evpi_does_not_exceed_the_spread_and_vanishes_without_doubt(
    found: Outcomes, threshold: float
) -> None:
    benefit = net_benefit(found, threshold)
    value, se = evpi(found, threshold)
    assert -1e-9 <= value <= np.ptp(benefit, axis=1).mean() + 1e-6
    best = benefit.argmax(axis=1)
    if (best == best[0]).all():
        assert value == pytest.approx(0, abs=1e-6)
        # of one draw nobody knows the error
        assert np.isnan(se) if found.n == 1 else se == pytest.approx(0, abs=1e-6)


@given(found=outcomes(), threshold=THRESHOLD)
def test_swapping_strategies_flips_the_signs(found: Outcomes, threshold: float) -> None:
    there, back = (increments(found, *pair) for pair in (("a", "b"), ("b", "a")))
    for name in there:
        np.testing.assert_array_equal(there[name], -back[name])
    rows = [
        net_benefit_table(found, *pair, [("t", threshold)]).iloc[0]
        for pair in (("a", "b"), ("b", "a"))
    ]
    assert rows[0].net_benefit == pytest.approx(-rows[1].net_benefit, abs=1e-6)
    assert rows[0].low == pytest.approx(-rows[1].high, abs=1e-6)
    assert rows[0].evpi == rows[1].evpi


@given(found=outcomes(), order=st.permutations([0, 1]), threshold=THRESHOLD)
def test_order_of_strategies_does_not_matter(
    found: Outcomes, order: list[int], threshold: float
) -> None:
    rest = list(range(2, len(found.strategies)))
    mixed = Outcomes(found.data.isel(strategy=[*order, *rest]), found.categories, found.currency)
    assert evpi(mixed, threshold) == pytest.approx(evpi(found, threshold), abs=1e-6, nan_ok=True)


@given(found=outcomes(2), threshold=THRESHOLD)
def test_icer_and_net_benefit_agree(found: Outcomes, threshold: float) -> None:
    """More health at a ratio below the threshold is a positive net benefit, and the reverse."""
    row = icer_table(found, "a", "b").iloc[0]
    benefit = net_benefit_table(found, "a", "b", [("t", threshold)]).iloc[0].net_benefit
    if row.effect > 1e-3 and abs(row.ratio - threshold) > 1e-3:
        assert (row.ratio < threshold) == (benefit > 0)
    if row.label == "dominant":
        assert benefit >= -1e-6
    if row.label == "dominated":
        assert benefit <= 1e-6


@given(cost=st.floats(-1e6, 1e6), effect=st.floats(-5, 5))
def test_labels_follow_the_quadrant(cost: float, effect: float) -> None:
    label = icer_label(cost, effect)
    if cost == 0 and effect == 0:
        assert label == "equal in cost and effect"
    elif cost > 0 and effect > 0:
        assert label == "icer"
    elif cost <= 0 and effect > 0:
        assert label == "dominant"
    elif cost >= 0:
        assert label == "dominated"
    elif effect < 0:
        assert label == "less effective and cheaper"
    else:  # the same health for less money
        assert label == "dominant"


@given(found=outcomes())
def test_categories_add_up(found: Outcomes) -> None:
    summary = strategy_table(found).set_index(["strategy", "outcome"])["mean"]
    for strategy in found.strategies:
        parts = summary[strategy, "drugs"] + summary[strategy, "care"]
        assert summary[strategy, "cost"] == pytest.approx(parts, abs=1e-6)


@given(found=outcomes(), factor=st.floats(0.01, 100), threshold=THRESHOLD)
def test_another_currency_scales_everything(
    found: Outcomes, factor: float, threshold: float
) -> None:
    scaled = changed(found, **{c: found.component(c) * factor for c in found.categories})
    expected = tuple(factor * x for x in evpi(found, threshold))
    assert evpi(scaled, threshold * factor) == pytest.approx(
        expected, rel=1e-9, abs=1e-5, nan_ok=True
    )
