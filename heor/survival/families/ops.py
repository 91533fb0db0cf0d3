"""The functions survival formulas are written in, by NumPy and SciPy.

`heor.survival.sampler.plain_code.TensorOps` offers the same names as PyTensor expressions, so PyMC differentiates
the very lines that evaluate curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

TINY = 1e-300  # stands for time zero inside a logarithm
CUMULATIVE_HAZARD_MAX = 690.0  # exp(-690) is the smallest survival kept: finite in every logarithm


class NumpyOps:
    """NumPy and SciPy."""

    exact = True  # incomplete gamma and beta functions are at hand; no quadrature needed
    exp, log, expm1, log1p, maximum, where = (
        np.exp,
        np.log,
        np.expm1,
        np.log1p,
        np.maximum,
        np.where,
    )
    abs, cumsum, dot = np.abs, np.cumsum, np.dot
    erfcx, gammaln = special.erfcx, special.gammaln

    @staticmethod
    def softplus(x: np.ndarray) -> np.ndarray:
        """log(1 + exp(x)), without overflow; several times faster than `logaddexp`."""
        return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))

    @staticmethod
    def stack(values: Sequence[Any]) -> np.ndarray:
        """Values side by side along a new last axis, broadcast against each other."""
        return np.stack(np.broadcast_arrays(*values), axis=-1)

    @staticmethod
    def blend(basis: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum of `basis` columns by weight: (row, column) and (..., row or 1, column) → (..., row).

        Weights shared by all rows, the usual case, are one matrix product.
        """
        if weights.ndim == 1:
            return basis @ weights
        if weights.shape[-2] == 1:
            return weights[..., 0, :] @ basis.T
        return np.einsum("rk,...rk->...r", basis, weights)

    @staticmethod
    def take(x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Elements along the last axis; `index` may be whole numbers held as floats."""
        return np.take(x, index.astype(int), axis=-1)


def log_time(t: Any, ops: Any) -> Any:
    """log t, with time zero as the smallest positive number."""
    return ops.log(ops.maximum(t, TINY))
