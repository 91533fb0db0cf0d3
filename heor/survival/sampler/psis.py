"""Pareto-smoothed importance sampling, and leave-one-out over patients.

Vehtari, Simpson, Gelman, Yao and Gabry (2024), JMLR 25(72); Vehtari, Gelman and Gabry (2017),
doi:10.1007/s11222-016-9696-4. Written here because importing ArviZ takes longer than a whole
quick run; the tests compare every number with ArviZ.
"""

from __future__ import annotations

import numpy as np

PARETO_K_MAX = 0.7  # above it the importance weights cannot be trusted


def generalised_pareto(excess: np.ndarray) -> tuple[float, float]:
    """Shape k and scale of a generalised Pareto, by Zhang and Stephens (2009).

    `excess` is sorted and positive; k is shrunk towards 0.5 as in PSIS.
    """
    n = len(excess)
    m = 30 + int(np.sqrt(n))
    b = 1.0 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))
    b = b / (3.0 * excess[int(n / 4 + 0.5) - 1]) + 1.0 / excess[-1]
    k = np.mean(np.log1p(-b[:, None] * excess), axis=1)
    profile = n * (np.log(-b / k) - k - 1.0)
    with np.errstate(over="ignore"):  # a weight of one over infinity is zero
        weight = 1.0 / np.exp(profile - profile[:, None]).sum(axis=1)
    keep = weight >= 10 * np.finfo(float).eps
    weight = weight[keep] / weight[keep].sum()
    b_mean = np.sum(b[keep] * weight)
    k_mean = np.mean(np.log1p(-b_mean * excess))
    scale = -k_mean / b_mean
    return (n * k_mean + 10 * 0.5) / (n + 10), scale


def smooth(log_ratios: np.ndarray, relative_efficiency: float = 1.0) -> tuple[np.ndarray, float]:
    """Pareto-smoothed log weights, normalised, and Pareto k. Dims: draw.

    Parameters
    ----------
    relative_efficiency
        Effective over actual number of draws; 1 for independent draws.

    Examples
    --------
    >>> log_weights, k = smooth(np.linspace(-1.0, 1.0, 1000))
    >>> bool(k < 0.7), round(float(np.exp(log_weights).sum()), 12)
    (True, 1.0)
    """
    x = log_ratios - log_ratios.max()
    n = len(x)
    n_tail = int(np.ceil(min(0.2 * n, 3 * np.sqrt(n / relative_efficiency))))
    order = np.argpartition(x, n - n_tail - 1)
    cut = max(x[order[n - n_tail - 1]], np.log(np.finfo(float).tiny))
    tail = np.flatnonzero(x > cut)
    k = np.inf
    if len(tail) > 4:
        tail = tail[np.argsort(x[tail], kind="stable")]
        excess = np.exp(x[tail]) - np.exp(cut)
        k, scale = generalised_pareto(excess)
        if np.isfinite(k):
            p = (np.arange(len(tail)) + 0.5) / len(tail)
            quantile = -scale * np.log1p(-p) if k == 0 else scale * np.expm1(-k * np.log1p(-p)) / k
            x = x.copy()
            x[tail] = np.minimum(np.log(quantile + np.exp(cut)), 0.0)
    return x - _log_sum_exp(x), float(k)


def _log_sum_exp(x: np.ndarray, axis: int = 0) -> np.ndarray:
    top = x.max(axis=axis)
    return top + np.log(np.exp(x - np.expand_dims(top, axis)).sum(axis=axis))


def leave_one_out(
    log_likelihood: np.ndarray, counts: np.ndarray, relative_efficiency: float = 1.0
) -> dict[str, float | int | np.ndarray]:
    """Expected log predictive density, leaving one patient out at a time.

    Parameters
    ----------
    log_likelihood : array, dims (draw, cell)
        Of one patient of each kind.
    counts : array, dims (cell,)
        Patients of each kind: exact, because identical patients have identical terms.

    Returns
    -------
    dict
        `elpd_loo`, `se`, `p_loo`, `pareto_k_max`, `n_bad_k` (patients above 0.7), and by cell
        `pointwise`, `pareto_k`, `counts`.
    """
    draws, cells = log_likelihood.shape
    point, k = np.empty(cells), np.empty(cells)
    for i in range(cells):
        column = log_likelihood[:, i]
        if np.ptp(column) < 1e-12:  # a term without parameters cannot be leverage
            point[i], k[i] = column[0], -np.inf
            continue
        weight, k[i] = smooth(-column, relative_efficiency)
        point[i] = _log_sum_exp(weight + column)
    lppd = np.sum(counts * (_log_sum_exp(log_likelihood) - np.log(draws)))
    n, elpd = counts.sum(), np.sum(counts * point)
    variance = np.sum(counts * (point - elpd / n) ** 2) / n
    return {
        "elpd_loo": float(elpd),
        "se": float(np.sqrt(n * variance)),
        "p_loo": float(lppd - elpd),
        "pareto_k_max": float(k.max()),
        "n_bad_k": int(counts[k > PARETO_K_MAX].sum()),
        "pointwise": point,
        "pareto_k": k,
        "counts": counts,
    }
