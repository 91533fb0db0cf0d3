"""Discount factors that may step by year, and what a cycle counts between its two boundaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from heor.problem.country import DiscountBand


def log_discount_rate(rate: float, timing: str = "annual_effective") -> float:
    """Instantaneous rate of a band. Per year.

    An `annual_effective` rate of 4 % makes 100 worth 100 / 1.04 a year earlier, a `continuous` one
    100 exp(-0.04).

    Raises
    ------
    ValueError
        Another timing.
    """
    if timing not in ("annual_effective", "continuous"):
        raise ValueError(f"timing '{timing}' is neither annual_effective nor continuous.")
    return rate if timing == "continuous" else float(np.log1p(rate))


def discount_factor(
    bands: Sequence[DiscountBand], time: np.ndarray | float, timing: str = "annual_effective"
) -> np.ndarray:
    """Discount factor as a product of forward rates.

    A band's rate applies to the part of [0, time] inside it; its lower edge is inclusive. `time` in
    years; the result has its shape.

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
        log_factor -= years * log_discount_rate(band.rate, timing)
    return np.exp(log_factor)


def covered(time: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Share of each cycle inside [start, end). Dims: (draw, cycle), or (1, cycle) for one window."""
    start, end = np.atleast_1d(start)[:, None], np.atleast_1d(end)[:, None]
    overlap = np.minimum(time[1:], end) - np.maximum(time[:-1], start)
    return np.clip(overlap, 0.0, None) / np.diff(time)


# ------------------------------------------------------------------------- within-cycle rules
def quadrature(time: np.ndarray, rule: str = "trapezoid") -> csr_array:
    """How many years of each cycle count for the state at each cycle boundary.

    Row c times the values at the boundaries is their integral over cycle c, so a window that
    covers part of a cycle counts that part of its row. Every row adds up to its cycle's length.

    Parameters
    ----------
    time : ndarray, dims (time,)
        Cycle boundaries in years; only the last cycle may be shorter than the others.
    rule
        `trapezoid`; `simpson` (composite 1/3; an odd number of cycles ends with 3/8 over its last
        three; a shorter last cycle with a trapezoid); `life_table` (as the trapezoid, but valued
        at the cycle's middle: see `heor.simulation.accrual`); `start`; `end`.

    Returns
    -------
    csr_array, dims (cycle, time)

    Raises
    ------
    ValueError
        An unknown rule.

    Examples
    --------
    >>> quadrature(np.arange(3.0), "simpson").sum(axis=0).round(4).tolist()
    [0.3333, 1.3333, 0.3333]
    """
    if rule not in WITHIN_CYCLE:
        raise ValueError(f"within-cycle rule '{rule}' is none of {', '.join(WITHIN_CYCLE)}.")
    return WITHIN_CYCLE[rule](np.asarray(time, float))


def _two_ends(time: np.ndarray, before: float, after: float) -> csr_array:
    length, cycle = np.diff(time), np.arange(len(time) - 1)
    return csr_array(
        (
            np.concatenate([before * length, after * length]),
            (np.tile(cycle, 2), np.concatenate([cycle, cycle + 1])),
        ),
        shape=(len(cycle), len(time)),
    )


# The integral over each interval of the parabola (cubic) through three (four) points.
_PARABOLA = np.array([[5, 8, -1], [-1, 8, 5]]) / 12
_CUBIC = np.array([[9, 19, -5, 1], [-1, 13, 13, -1], [1, -5, 19, 9]]) / 24
_TRAPEZOID = np.array([[1, 1]]) / 2


def _simpson(time: np.ndarray) -> csr_array:
    length = np.diff(time)
    whole = len(length)
    if whole > 1 and not np.isclose(length[-1], length[0], rtol=1e-9):
        whole -= 1  # the last cycle ends early, with the horizon
    cubic = whole % 2 == 1 and whole >= 3
    pairs = (whole - 3 * cubic) // 2
    blocks = [_PARABOLA] * pairs + [_CUBIC] * cubic
    blocks += [_TRAPEZOID] * (len(length) - sum(map(len, blocks)))
    rows, columns, values, first = [], [], [], 0
    for block in blocks:
        row, column = np.indices(block.shape)
        rows.append(first + row.ravel())
        columns.append(first + column.ravel())
        values.append((block * length[first]).ravel())
        first += len(block)
    data, row, column = map(np.concatenate, (values, rows, columns))
    return csr_array((data, (row, column)), shape=(len(length), len(time)))


WITHIN_CYCLE: Mapping[str, Callable[[np.ndarray], csr_array]] = {
    "trapezoid": lambda time: _two_ends(time, 0.5, 0.5),
    "simpson": _simpson,
    "life_table": lambda time: _two_ends(time, 0.5, 0.5),
    "start": lambda time: _two_ends(time, 1.0, 0.0),
    "end": lambda time: _two_ends(time, 0.0, 1.0),
}
