"""R-hat and effective sample sizes of Markov chains.

Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), doi:10.1214/20-BA1221. Written here because
a worker would import ArviZ, seconds of work, for these numbers alone; the tests compare with it.
All take the draws of one quantity, dims (chain, draw).
"""

from __future__ import annotations

import numpy as np
from scipy import special


def r_hat(draws: np.ndarray) -> float:
    """Rank-normalised split R-hat, the larger of bulk and tail."""
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves))
    return max(_r_hat(_normal_scores(halves)), _r_hat(_normal_scores(folded)))


def ess_bulk(draws: np.ndarray) -> float:
    """Effective number of draws for the centre."""
    return _ess(_normal_scores(_split(draws)))


def ess_tail(draws: np.ndarray) -> float:
    """Effective number of draws for the 5 and 95 % quantiles, the smaller of both."""
    limits = np.quantile(draws, (0.05, 0.95))
    return min(_ess(_split((draws <= limit).astype(float))) for limit in limits)


def _split(draws: np.ndarray) -> np.ndarray:
    """Every chain as two: a chain that drifts disagrees with itself."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _normal_scores(draws: np.ndarray) -> np.ndarray:
    """Normal quantiles of the ranks; equal draws share their mean rank."""
    _, place, count = np.unique(draws, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - 0.5 * (count - 1))[place.reshape(draws.shape)]
    return special.ndtri((rank - 0.375) / (draws.size + 0.25))


def _r_hat(chains: np.ndarray) -> float:
    if not np.ptp(chains, axis=1).any():  # every chain stands still: here, or each elsewhere
        return np.inf if np.ptp(chains) else np.nan
    n = chains.shape[1]
    between = n * np.var(chains.mean(axis=1), ddof=1)
    within = np.mean(np.var(chains, axis=1, ddof=1))
    return float(np.sqrt((between / within + n - 1) / n))


def _ess(chains: np.ndarray) -> float:
    """Draws over autocorrelation time, by Geyer's initial monotone sequence of pairs of lags."""
    number, n = chains.shape
    if np.ptp(chains) < np.finfo(float).resolution:
        return float(chains.size)
    covariance = _autocovariance(chains).mean(axis=0)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (np.var(chains.mean(axis=1), ddof=1) if number > 1 else 0.0)
    rho = 1.0 - (within - covariance) / total
    rho[0] = 1.0
    last = (n - 2) // 2  # pairs of lags looked at: the noisy end is left out
    pairs = rho[0 : 2 * last : 2] + rho[1 : 2 * last : 2]
    stop = np.flatnonzero(pairs <= 0)
    end = int(stop[0]) if len(stop) else last - 1
    # the even lag of the pair that ends the sequence still counts where it is positive
    rest = max(rho[2 * end], 0.0) if end else 0.0
    time = -1.0 + 2.0 * np.minimum.accumulate(pairs[:end]).sum() + rest
    return float(chains.size / max(time, 1.0 / np.log10(chains.size)))


def _autocovariance(chains: np.ndarray) -> np.ndarray:
    """By lag, dims (chain, lag)."""
    n = chains.shape[1]
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(chains - chains.mean(axis=1, keepdims=True), size)
    return np.fft.irfft(spectrum * spectrum.conj(), size)[:, :n] / n
