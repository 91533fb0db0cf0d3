"""General-population mortality on the model's time axis."""

from __future__ import annotations

import numpy as np

from heor.problem.country import LifeTable


def cumulative_hazard_by_sex(
    table: LifeTable, start_age: float, time: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative hazard of men and women from `start_age`, at `time` years later. Dims: time.

    The hazard is constant within a year of age, −log(1 − q). The closing age (q = 1) and any
    later age keep the hazard of the last age below it, unless the table says that the closing age
    is certain death: then one in 10¹² lives through it.
    """
    out = []
    for q in (table.q_male, table.q_female):
        rate = -np.log1p(-np.clip(q, 0.0, 1.0 - 1e-12))
        open_ended = q >= 1.0
        if open_ended.any() and table.closing != "certain_death":
            rate = np.where(open_ended, rate[~open_ended][-1], rate)
        edges = np.append(table.age, table.age[-1] + 1.0)
        cumulative = np.concatenate([[0.0], np.cumsum(rate)])
        at = np.asarray(time, float) + start_age
        beyond = np.maximum(at - edges[-1], 0.0) - max(start_age - edges[-1], 0.0)
        out.append(
            np.interp(at, edges, cumulative)
            - np.interp(start_age, edges, cumulative)
            + beyond * rate[-1]
        )
    return out[0], out[1]


def years_lived(time: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Integral over each interval of what falls exponentially within it. Dims: (time,) to one less.

    The width times the logarithmic mean of the two ends: survival, discounted or not.
    """
    fall = np.log(value[:-1] / value[1:])
    flat = fall < 1e-12
    mean = np.where(flat, 1.0, -np.expm1(-fall) / np.where(flat, 1.0, fall))
    return np.diff(time) * value[:-1] * mean


def survival(
    table: LifeTable,
    start_age: float,
    share_male: float,
    time: np.ndarray,
    mortality_ratio: float | np.ndarray = 1.0,
) -> np.ndarray:
    """Survival of a mixture of men and women (not of a mean person). Dims: time or (draw, time).

    `mortality_ratio` (scalar or per draw) multiplies the hazard of both sexes.
    """
    male, female = cumulative_hazard_by_sex(table, start_age, time)
    ratio = np.asarray(mortality_ratio, float)
    if ratio.ndim:
        ratio = ratio[:, None]
    return share_male * np.exp(-ratio * male) + (1.0 - share_male) * np.exp(-ratio * female)


def cumulative_hazard(
    table: LifeTable, start_age: float, share_male: float, time: np.ndarray
) -> np.ndarray:
    """−log of the mixture's survival. Dims: time.

    Finite where the survival itself is too small for a number: nobody lives on after certain death,
    and one in 10¹² a year does here.
    """
    alive = survival(table, start_age, share_male, time)
    gone = alive < np.finfo(float).tiny
    if not gone.any():
        return -np.log(alive)
    male, female = cumulative_hazard_by_sex(table, start_age, time)
    with np.errstate(divide="ignore"):  # a share of 0 has no part in the mixture
        mixed = -np.logaddexp(np.log(share_male) - male, np.log1p(-share_male) - female)
    return np.where(gone, mixed, -np.log(np.where(gone, 1.0, alive)))
