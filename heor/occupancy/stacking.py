"""Arrays of different dims in one, for compiled loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Stack = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def stacked(arrays: Sequence[np.ndarray]) -> Stack:
    """Arrays, dims (draw | 1, column | 1), one after another.

    Returns
    -------
    Their numbers, where each begins, and how far it is from a draw to the next and from a column to the
    next: 0 where there is one for all.

    Examples
    --------
    >>> stacked([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])])[1:]
    (array([0, 2]), array([0, 1]), array([1, 0]))
    """
    flat = np.concatenate([np.ascontiguousarray(a, float).ravel() for a in arrays])
    begins = np.concatenate([[0], np.cumsum([a.size for a in arrays])[:-1]]).astype(np.int64)
    by_draw = np.array([0 if a.shape[0] == 1 else a.shape[1] for a in arrays], np.int64)
    by_column = np.array([0 if a.shape[1] == 1 else 1 for a in arrays], np.int64)
    return flat, begins, by_draw, by_column
