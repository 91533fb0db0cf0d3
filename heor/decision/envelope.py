"""The best of many strategies at any threshold, draw by draw, without keeping all of them."""

from __future__ import annotations

import numpy as np


def upper_envelope(
    cost: np.ndarray, qalys: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cost and QALYs of the strategies that are best somewhere between two thresholds, by draw.

    Net benefit is a line in the threshold, so the best of many is a convex, piecewise linear curve: its
    pieces are the efficiency frontier of that draw. Following it from one crossing to the next takes as
    many steps as it has pieces, each over all strategies at once.

    Parameters
    ----------
    cost, qalys
        Dims (draw, strategy).
    low, high
        Thresholds, money per QALY.

    Returns
    -------
    cost, qalys : ndarray, dims (piece, draw)
        The largest `threshold * qalys - cost` over pieces is that over strategies. Draws with fewer
        pieces repeat their last one.

    Examples
    --------
    Nothing, and two programmes of which the dearer gains more; the third is dominated:

    >>> cost, qalys = np.array([[0.0, 10.0, 50.0, 60.0]]), np.array([[0.0, 1.0, 2.0, 1.5]])
    >>> upper_envelope(cost, qalys, 0.0, 100.0)[1].ravel().tolist()
    [0.0, 1.0, 2.0]
    """
    rows = np.arange(len(cost))
    benefit = low * qalys - cost
    # of equals at the start, the one that gains most is best just above it
    best = np.lexsort((qalys, benefit), axis=1)[:, -1]
    costs, gains = [cost[rows, best]], [qalys[rows, best]]
    at = np.full(len(cost), low)
    while True:
        gain, rise = qalys - gains[-1][:, None], cost - costs[-1][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.where(gain > 0, rise / gain, np.inf)
        crossing = np.maximum(crossing, at[:, None])  # rounding: never back
        nearest = crossing.min(axis=1)
        # of those that cross at one place, the steepest goes on
        steepest = np.where(crossing == nearest[:, None], gain, -np.inf).argmax(axis=1)
        further = nearest < high
        if not further.any():
            return np.array(costs), np.array(gains)
        best = np.where(further, steepest, -1)
        costs.append(np.where(further, cost[rows, best], costs[-1]))
        gains.append(np.where(further, qalys[rows, best], gains[-1]))
        at = np.where(further, nearest, at)
