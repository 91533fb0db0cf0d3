"""The marginal hazard ratio of two survival curves, and the uncured hazard ratio that gives it.

A trial's hazard ratio compares whole arms. When part of an arm is cured, the ratio that acts on
the uncured is a different number. Both are linked by the limit of the Cox estimator under 1:1
randomisation with censoring at a window tau (Struthers & Kalbfleisch 1986,
doi 10.1093/biomet/73.2.363): the theta that solves

    integral_0^tau  [ S0 dN1 - theta S1 dN0 ] / (S0 + theta S1)  =  0,     dN = -dS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import elementwise

#: Intervals of the grid; the error of the recovered ratio is below 0.005 from hazard ratio 0.1 to 4.
INTERVALS = 150
#: Bounds of the log hazard ratio searched; at exp(7) the uncured die within hours.
SEARCH = (-7.0, 7.0)
LOWEST_RATIO, HIGHEST_RATIO = np.exp(SEARCH) * (1 + 1e-12, 1 - 1e-12)
#: A sum of so many fractions of at most one that differs from zero by rounding only.
EXACT = 1e-14


def window_grid(window: float) -> np.ndarray:
    """Grid from 0 to `window` years, dense at the start, where a high hazard acts. Dims: time."""
    return window * np.linspace(0.0, 1.0, INTERVALS + 1) ** 2


def score(s0: np.ndarray, s1: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The integral above, by the midpoint rule. Dims of s0, s1: (draw, time); of theta: draw.

    Where nobody is left in either arm nothing is compared.
    """
    middle0, middle1 = s0[:, 1:] + s0[:, :-1], s1[:, 1:] + s1[:, :-1]
    deaths0, deaths1 = s0[:, :-1] - s0[:, 1:], s1[:, :-1] - s1[:, 1:]
    t = theta[:, None]
    left = middle0 + t * middle1
    compared = middle0 * deaths1 - t * middle1 * deaths0
    return np.divide(compared, left, out=np.zeros_like(left), where=left > 0).sum(axis=1)


def marginal_hazard_ratio(s0: np.ndarray, s1: np.ndarray) -> np.ndarray:
    """Cox-limit hazard ratio of curve 1 against curve 0. Dims in: (draw, time); out: draw.

    Examples
    --------
    Proportional hazards give their ratio back:

    >>> t = window_grid(5.0)
    >>> s = np.exp(-0.6 * t)[None, :]
    >>> round(float(marginal_hazard_ratio(s, s**0.7)[0]), 4)
    0.7
    """
    rows = np.arange(len(s0))
    return np.exp(_root(lambda x, i: -score(s0[i], s1[i], np.exp(x)), rows, np.zeros(len(s0)))[0])


def out_of_range(hazard_ratio: np.ndarray) -> np.ndarray:
    """Whether an uncured hazard ratio is a bound of the search: none gave the marginal one."""
    return (hazard_ratio <= LOWEST_RATIO) | (hazard_ratio >= HIGHEST_RATIO)


def uncured_hazard_ratio(
    target: np.ndarray, control: np.ndarray, curve: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The uncured hazard ratio whose mixture has the marginal hazard ratio `target`.

    Parameters
    ----------
    target : ndarray, dims (draw,)
        Marginal hazard ratio.
    control : ndarray, dims (draw, time)
        Survival of the control on the grid of the window.
    curve
        (hazard ratio, row indices) → survival of the mixture for these draws, (row, time).

    Returns
    -------
    hazard_ratio : ndarray, dims (draw,)
    attained : ndarray of bool, dims (draw,)
        False where no uncured hazard ratio gives the target (the nearest bound is returned).
    """

    def difference(x: np.ndarray, i: np.ndarray) -> np.ndarray:
        return score(control[i], curve(np.exp(x), i), target[i])

    x, attained = _root(difference, np.arange(len(target)), np.log(target))
    return np.exp(x), attained


def _root(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], rows: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Root of an increasing function of the log hazard ratio, each row on its own.

    Each row stops by itself, so a row's answer does not depend on the rows beside it. The search
    starts around the guess and widens where the root lies elsewhere. A guess that is a root is kept
    to the last digit: no effect is exactly none.
    """
    tolerances = {"xatol": 1e-6, "xrtol": 0, "fatol": 1e-10}
    found = elementwise.find_root(
        function, (guess - 0.3, guess + 1.0), args=(rows,), tolerances=tolerances
    )
    kept = np.abs(function(guess, rows)) <= EXACT
    x, success = np.where(kept, guess, found.x), found.success | kept
    rest = np.flatnonzero(~success)
    if len(rest):
        low, high = np.full(len(rest), SEARCH[0]), np.full(len(rest), SEARCH[1])
        wide = elementwise.find_root(
            function, (low, high), args=(rows[rest],), tolerances=tolerances
        )
        bound = np.where(function(high, rows[rest]) < 0, high, low)
        x[rest] = np.where(wide.success, wide.x, bound)
        success[rest] = wide.success
    return x, success
