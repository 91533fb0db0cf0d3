"""Laws of crossings: every place where a quantity changes sign is found, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heor.questions.crossings import crossings

roots = st.lists(st.integers(1, 99), min_size=0, max_size=4, unique=True)


@given(roots, st.sampled_from([-1.0, 1.0]))
def test_every_root_of_a_polynomial_is_found(found, sign) -> None:
    """Roots at least one point apart on a grid of 401 points."""
    x = np.linspace(0, 100, 401)
    places = np.sort(np.array(found)) + 0.13

    def function(v: np.ndarray) -> np.ndarray:
        return sign * np.prod([v - r for r in places], axis=0) if len(places) else sign + 0 * v

    got = crossings(x, function(x))
    np.testing.assert_allclose(got, places, atol=0.02)


@given(st.lists(st.floats(-5, 5).filter(lambda v: abs(v) > 1e-3), min_size=2, max_size=20))
def test_as_many_crossings_as_sign_changes(values) -> None:
    y = np.array(values)
    found = crossings(np.arange(len(y)), y)
    assert len(found) == int((np.diff(np.sign(y)) != 0).sum())
    assert (np.diff(found) > 0).all()


@given(st.floats(-3, 3), st.floats(0.5, 50))
def test_scaling_does_not_move_a_crossing(shift, scale) -> None:
    x = np.linspace(-5, 5, 21)
    y = np.tanh(x - shift)
    np.testing.assert_allclose(crossings(x, y), crossings(x, scale * y), atol=1e-9)


def test_zero_at_a_point_counts_once_and_touching_not_at_all() -> None:
    x = np.arange(5.0)
    assert crossings(x, x - 2).tolist() == [2.0]
    assert crossings(x, (x - 2) ** 2).tolist() == []
    assert crossings(x, np.array([0.0, 1, 2, 3, 4])).tolist() == [0.0]
    assert crossings(x, np.array([4.0, 3, 2, 1, 0])).tolist() == [4.0]
