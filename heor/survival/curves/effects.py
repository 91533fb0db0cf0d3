"""How a treatment effect changes a control's cumulative excess hazard over time.

All functions take the control's cumulative excess hazard H, dims (draw, time), and return the
treated one. A ratio that changes at a time t_k is applied between the levels H(t_k): H never
falls, so min(H, level) is H stopped at t_k.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Longest step (years) within which the control's hazard is taken as constant under waning.
WANING_STEP = 1 / 48


def piecewise(
    hazard: np.ndarray, levels: Sequence[np.ndarray], ratios: Sequence[np.ndarray]
) -> np.ndarray:
    """A ratio for each stretch up to a level of H, and 1 after the last. Dims: (draw, time).

    Parameters
    ----------
    hazard : ndarray, dims (draw, time)
    levels, ratios : sequences of ndarray, dims (draw,)
        A level below the one before makes an empty stretch.

    Examples
    --------
    Hazard 1 a year, halved from year 1 to 2:

    >>> levels, ratios = [np.array([1.0]), np.array([2.0])], [np.array([1.0]), np.array([0.5])]
    >>> piecewise(np.array([[0.0, 1.0, 2.0, 3.0]]), levels, ratios).tolist()
    [[0.0, 1.0, 1.5, 2.5]]
    """
    out, lower = hazard.copy(), np.zeros(len(hazard))
    for level, ratio in zip(levels, ratios, strict=True):
        level = np.maximum(level, lower)
        within = np.minimum(hazard, level[:, None]) - np.minimum(hazard, lower[:, None])
        out += (ratio - 1)[:, None] * within
        lower = level
    return out


def level_at_survival(
    hazard: np.ndarray, log_survival: np.ndarray, survival: np.ndarray
) -> np.ndarray:
    """H at the moment the control's all-cause survival falls to a value. Dims: draw.

    Within a cycle log S (dims (draw, time)) and H are taken as linear; infinite where survival
    (dims (draw,)) stays above the value.

    >>> h = np.array([[0.0, 1.0, 2.0]])
    >>> round(float(level_at_survival(h, -h, np.array([np.exp(-1.25)]))[0]), 12)
    1.25
    """
    target = np.log(np.maximum(survival, 1e-300))[:, None]
    reached = log_survival <= target
    after = reached.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(hazard))
    start, end = log_survival[rows, before], log_survival[rows, after]
    fall = np.where(start > end, start - end, 1.0)
    share = np.clip((start - target[:, 0]) / fall, 0.0, 1.0)
    level = hazard[rows, before] + share * (hazard[rows, after] - hazard[rows, before])
    return np.where(reached.any(axis=1), level, np.inf)


def waned(
    hazard: np.ndarray, time: np.ndarray, ratio: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """H with a ratio whose logarithm goes linearly from log(ratio) at `start` to 0 at `end`.

    Within a step the control's hazard is constant and the ratio is integrated exactly; steps of
    `WANING_STEP` (see `fine_grid`) keep survival within 1e-4. Where `end` is not after `start` the
    effect stops at once. `time` starts at 0. Dims: hazard (draw, time), the others (draw,).
    """
    mean = np.diff(_integral_of_ratio(time, ratio, start, end), axis=1) / np.diff(time)
    out = np.zeros_like(hazard)
    np.cumsum(mean * np.diff(hazard, axis=1), axis=1, out=out[:, 1:])
    return out


def _integral_of_ratio(
    time: np.ndarray, ratio: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """The ratio integrated from 0 to each time. Dims: (draw, time)."""
    ratio, end = np.maximum(ratio, 1e-12)[:, None], end[:, None]
    start = np.minimum(start[:, None], end)
    width = end - start
    passed = np.clip(time - start, 0.0, width)
    z = np.log(ratio) * passed / np.where(width > 0, width, 1.0)
    # (1 - exp(-z)) / z, which is 1 at z = 0
    mean = np.where(np.abs(z) < 1e-12, 1.0, -np.expm1(-z) / np.where(z == 0, 1.0, z))
    return ratio * (np.minimum(time, start) + passed * mean) + np.maximum(time - end, 0.0)


def fine_grid(time: np.ndarray, longest: float = WANING_STEP) -> tuple[np.ndarray, slice]:
    """A grid with steps of at most `longest` years, and which of its points are `time`'s.

    >>> grid, own = fine_grid(np.array([0.0, 0.5, 1.0]), 0.25)
    >>> grid.tolist(), grid[own].tolist()
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0])
    """
    parts = int(np.ceil(np.diff(time).max() / longest - 1e-9)) if len(time) > 1 else 1
    if parts <= 1:
        return time, slice(None)
    index = np.arange((len(time) - 1) * parts + 1) / parts
    grid = np.interp(index, np.arange(len(time)), time)
    grid[::parts] = time  # exactly, without the rounding of the interpolation
    return grid, slice(None, None, parts)


def early_ratio(
    share: np.ndarray,
    cured: tuple[np.ndarray, np.ndarray],
    uncured: np.ndarray,
    background: np.ndarray,
    hazard: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The uncured hazard ratio within a window in which a given share fails. Dims of all: draw.

    Solves  cured_end + uncured b exp(-ratio h) = (1 - share) (cured_start + uncured)  for the
    ratio, not below 0.

    Parameters
    ----------
    share
        Of those event-free at the window's start, who fail by its end, whatever the cause.
    cured
        Cured and event-free at start and end.
    uncured
        Uncured and event-free at the start.
    background, hazard
        The population's survival b, and the control's excess hazard h, over the window.

    Returns
    -------
    ratio, attained
        `attained` is False where even ratio 0 loses more, or the cured alone are more than may
        be left (the ratio is then very large).
    """
    left = (1 - share) * (cured[0] + uncured) - cured[1]
    possible = uncured * background
    nearly_none = 1e-12 * np.maximum(possible, 1e-300)
    needed = -np.log(np.maximum(left, nearly_none) / np.maximum(possible, 1e-300))
    ratio = needed / np.maximum(hazard, 1e-300)
    attained = (left > nearly_none) & (ratio >= 0)
    return np.maximum(ratio, 0.0), attained
