"""Laws of the joint model of PFS and OS, and of the pairing of draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heor.problem.family_names import JOINT_PFS, JOINT_POST
from heor.survival.families import joint
from heor.survival.families.distributions import cumulative_hazard, hazard, survival
from heor.survival.fitting import correlation

GRID = np.arange(481) / 24  # 240 months
BETWEEN = np.arange(0.0, 20.0, 0.0137)
NAMES = [f"joint_{a}_{b}{c}" for a in JOINT_PFS for b in JOINT_POST for c in ("", "_cure")]


def drawn(model: joint.IllnessDeath, data: st.DataObject) -> dict[str, np.ndarray]:
    """Parameters well beyond what data show: the typical range, three times as wide."""
    found = {}
    for p in model.parameters:
        low, high = (float(p.unconstrained(x)) for x in p.typical)
        reach = data.draw(st.floats(-1.0, 2.0), label=p.name)
        found[p.name] = np.array([p.natural(low + reach * (high - low))])
    return found


@settings(max_examples=200)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_nobody_is_progression_free_and_dead(name: str, data: st.DataObject) -> None:
    model = joint.build(name)
    p = drawn(model, data)
    for time in (GRID, BETWEEN):
        os, pfs = (cumulative_hazard(model.marginal(e), p, time)[0] for e in ("os", "pfs"))
        assert np.all(os <= pfs)
        for h in (os, pfs):
            assert h[0] == pytest.approx(0.0, abs=1e-12) and np.all(np.diff(h) >= -1e-15 * h[1:])
            assert np.isfinite(h).all()


@pytest.mark.parametrize("name", ["joint_lognormal_weibull", "joint_gompertz_loglogistic_cure"])
@pytest.mark.parametrize("endpoint", ["os", "pfs"])
@given(data=st.data())
def test_the_hazard_is_constant_within_a_half_month(name, endpoint, data: st.DataObject) -> None:
    model = joint.build(name).marginal(endpoint)
    p = drawn(model, data)
    h = cumulative_hazard(model, p, GRID)[0]
    inside = GRID[:-1] + data.draw(st.floats(0.01, 0.99)) / 24
    np.testing.assert_allclose(hazard(model, p, inside)[0], np.diff(h) * 24, rtol=1e-6, atol=1e-10)
    assert np.all(cumulative_hazard(model, p, inside)[0] >= h[:-1] - 1e-12)


@given(data=st.data())
def test_more_deaths_at_progression_and_fewer_cures_shorten_life(data: st.DataObject) -> None:
    model = joint.build("joint_weibull_lognormal_cure")
    p = drawn(model, data)
    s = survival(model.marginal("os"), p, GRID)
    worse = {**p, "death_share": p["death_share"] + 0.5 * (1 - p["death_share"])}
    assert np.all(survival(model.marginal("os"), worse, GRID) <= s + 1e-12)
    np.testing.assert_array_equal(
        survival(model.marginal("pfs"), worse, GRID), survival(model.marginal("pfs"), p, GRID)
    )
    better = {**p, "cured": p["cured"] + 0.5 * (1 - p["cured"])}
    for endpoint in ("os", "pfs"):
        curve = model.marginal(endpoint)
        assert np.all(survival(curve, better, GRID) >= survival(curve, p, GRID) - 1e-12)
        assert np.all(survival(curve, better, GRID) >= better["cured"] - 1e-12)


@given(
    values=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40),
    rho=st.floats(-1.0, 1.0),
)
def test_pairing_uses_every_draw_once(values: list[tuple[int, int]], rho: float) -> None:
    os, pfs = np.array(values, float).T
    orders = [correlation.pair_order(os, pfs, rho, np.random.default_rng(1)) for _ in range(2)]
    np.testing.assert_array_equal(np.sort(orders[0]), np.arange(len(os)))
    np.testing.assert_array_equal(*orders)
    extreme = correlation.pair_order(os, pfs, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(
        pfs[extreme][np.argsort(os, kind="stable")].cumsum()[-1:], pfs.sum()
    )
    ranks = np.argsort(os, kind="stable")
    if len(set(os)) == len(os):
        assert np.all(np.diff(pfs[extreme][ranks]) >= 0)
