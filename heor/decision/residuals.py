"""Did a regression miss something? What is left in its residuals."""

from __future__ import annotations

import numpy as np
from scipy import special, stats

CELLS = 20
SLIGHT = 5e-3  # share of its variance that a fit may leave of an outcome, with any pattern


def normal_scores(parameters: np.ndarray) -> np.ndarray:
    """Normal quantiles of the ranks of every parameter. Dims: (draw, parameter).

    >>> normal_scores(np.array([[1.0], [100.0], [2.0]])).round(2).ravel().tolist()
    [-0.97, 0.97, 0.0]
    """
    return special.ndtri((stats.rankdata(parameters, axis=0) - 0.5) / len(parameters))


def residual_pattern(scores: np.ndarray, fitted: np.ndarray, residual: np.ndarray) -> float:
    """Smallest p-value of a pattern in the residuals, corrected for how many were looked at.

    Two kinds: residuals off zero in one of 20 cells of draws, in order of each parameter and of each
    fit (F test); and residuals that go with the product of two parameters, which cells of one
    parameter cannot show (z test). Not looked at is an outcome of which the fit leaves next to
    nothing: whatever the pattern, it cannot matter.

    Parameters
    ----------
    scores : ndarray, dims (draw, parameter)
        Of `normal_scores`.
    fitted, residual : ndarray, dims (draw, outcome)

    Examples
    --------
    A product is missed by a fit of nothing, and by none of the rest:

    >>> x, e = np.random.default_rng(1).standard_normal((2, 1000, 2))
    >>> product = x[:, :1] * x[:, 1:]
    >>> residual_pattern(x, 0 * product, product + e[:, :1]) < 1e-3 < residual_pattern(x, product, e[:, :1])
    True
    """
    variance = (fitted + residual).var(axis=0)
    residual = residual[:, residual.var(axis=0) > SLIGHT * variance]
    p_values = [*_cells(scores, fitted, residual), *_products(scores, residual)]
    return min(1.0, min(p_values, default=1.0) * max(len(p_values), 1))


def _cells(scores: np.ndarray, fitted: np.ndarray, residual: np.ndarray) -> list[float]:
    n, found = len(residual), []
    for x in (*scores.T, *fitted.T):
        cell = np.minimum((stats.rankdata(x) - 0.5) / n * CELLS, CELLS - 1).astype(int)
        counts = np.bincount(cell, minlength=CELLS)
        groups = int((counts > 0).sum())
        for r in residual.T:
            between = (np.bincount(cell, r, CELLS) ** 2 / np.maximum(counts, 1)).sum()
            total = (r**2).sum()
            within = total - between
            if within > 1e-12 * max(total, 1e-300):
                f = (between / groups) / (within / (n - groups))
                found.append(float(special.fdtrc(groups, n - groups, f)))
    return found


def _products(scores: np.ndarray, residual: np.ndarray) -> list[float]:
    pairs = np.triu_indices(scores.shape[1], 1)
    found: list[float] = []
    for r in residual.T:
        moved = r[:, None] * scores
        sums = (moved.T @ scores)[pairs]
        squares = ((moved**2).T @ scores**2)[pairs]
        z = np.abs(sums[squares > 1e-300]) / np.sqrt(squares[squares > 1e-300])
        found += (2 * special.ndtr(-z)).tolist()
    return found
