"""The best of many strategies at any threshold, from the pieces that are kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heor.decision.envelope import upper_envelope

SMALL = arrays(float, (4, 6), elements=st.integers(-5, 5).map(float))  # many ties
ANY = arrays(float, (4, 6), elements=st.floats(-1e6, 1e6, allow_subnormal=False))


@given(cost=SMALL | ANY, qalys=SMALL, threshold=st.floats(0, 100))
def test_the_best_is_the_best_of_all(cost, qalys, threshold):
    kept_cost, kept_qalys = upper_envelope(cost, qalys, 0.0, 100.0)
    best = (threshold * qalys - cost).max(axis=1)
    kept = (threshold * kept_qalys - kept_cost).max(axis=0)
    np.testing.assert_allclose(kept, best, rtol=1e-9, atol=1e-6)


@given(cost=ANY, qalys=SMALL)
def test_pieces_gain_more_for_more(cost, qalys):
    """The frontier of each draw: cost and QALYs rise along it."""
    kept_cost, kept_qalys = upper_envelope(cost, qalys, 0.0, 100.0)
    assert (np.diff(kept_qalys, axis=0) >= 0).all() and (np.diff(kept_cost, axis=0) >= 0).all()
    assert len(kept_cost) <= qalys.shape[1]


def test_one_strategy_is_its_own_envelope():
    cost, qalys = upper_envelope(np.array([[3.0], [4.0]]), np.array([[1.0], [2.0]]), 0.0, 10.0)
    assert cost.tolist() == [[3.0, 4.0]] and qalys.tolist() == [[1.0, 2.0]]
