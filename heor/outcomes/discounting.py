"""Discount factors that may step by year, and weights within the cycle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heor.inputs.problem import DiscountBand


def discount_factor(bands: Sequence[DiscountBand], time: np.ndarray | float) -> np.ndarray:
    """Annual-effective discount factor as a product of forward rates.

    A band's rate applies to the part of [0, time] inside it; its lower edge is inclusive.

    Examples
    --------
    Norway, 4 % in years 0-39, 3 % in 40-74, 2 % after (at t = 40 the first band has run its course):

    >>> bands = [DiscountBand(0, 40, 0.04), DiscountBand(40, 75, 0.03), DiscountBand(75, None, 0.02)]
    >>> round(float(discount_factor(bands, 40.0)), 8)
    0.20828904
    """
    time = np.asarray(time, float)
    log_factor = np.zeros_like(time)
    for band in bands:
        end = np.inf if band.end is None else band.end
        years = np.clip(time, band.start, end) - band.start
        log_factor -= years * np.log1p(band.rate)
    return np.exp(log_factor)


def covered(time: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Share of each cycle inside [start, end). Dims: (draw, cycle), or (1, cycle) for one window."""
    start, end = np.atleast_1d(start)[:, None], np.atleast_1d(end)[:, None]
    overlap = np.minimum(time[1:], end) - np.maximum(time[:-1], start)
    return np.clip(overlap, 0.0, None) / np.diff(time)


def state_weights(time: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Trapezoid weights (years) of the time points when `share` of each cycle counts.

    Dims: (draw, cycle) in, (draw, time) out. With share 1 they add up to the whole horizon.
    """
    half = 0.5 * share * np.diff(time)
    weights = np.zeros((half.shape[0], len(time)))
    weights[:, :-1] += half
    weights[:, 1:] += half
    return weights
