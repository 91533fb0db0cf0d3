"""Monte Carlo standard errors: the one place where they are computed.

Draws of randomised quasi-Monte Carlo are independent between replicates only, so an error that takes
them for independent draws is many times too large. Every function therefore asks for the number of
replicates, and `Outcomes.standard_error` knows it.
"""

from __future__ import annotations

import numpy as np


def independent(x: np.ndarray, replicates: int) -> np.ndarray:
    """Independent numbers with the mean of x: the draws (axis 0), or means of replicates.

    Some of the draws, evenly picked, make replicates of nearly the same size.

    >>> independent(np.array([1.0, 3.0, 2.0, 2.0]), 2).tolist()
    [2.0, 2.0]
    """
    if replicates == 1:
        return x
    if len(x) % replicates:
        return np.stack([part.mean(axis=0) for part in np.array_split(x, replicates)])
    return x.reshape(replicates, -1, *x.shape[1:]).mean(axis=1)


def monte_carlo_se(x: np.ndarray, replicates: int) -> np.ndarray:
    """Standard error of a mean over draws (axis 0), from the spread of replicates where there are any.

    NaN where there is one independent number only: its error is not known.

    Parameters
    ----------
    x : ndarray, dims (draw, ...)
    replicates
        Equal blocks of draws that are independent of each other; 1 for independent draws.

    Examples
    --------
    >>> float(monte_carlo_se(np.array([1.0, 3.0, 2.0, 2.0]), replicates=2))
    0.0
    """
    own = independent(x, replicates)
    if len(own) < 2:
        return np.full(x.shape[1:], np.nan)
    return np.std(own, axis=0, ddof=1) / np.sqrt(len(own))


def sum_se(parts: np.ndarray, replicates: int) -> float:
    """Standard error of a sum of what each draw adds to it, with mean 0. Dims of `parts`: (draw,).

    >>> sum_se(np.array([3.0, -4.0]), 1), sum_se(np.array([3.0, -3.0, -4.0, 4.0]), 2)
    (5.0, 0.0)
    """
    if replicates == 1:
        return float(np.linalg.norm(parts))
    return float(len(parts) * monte_carlo_se(parts, replicates))
