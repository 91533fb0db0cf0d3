"""Single-year life tables from the death rates of age groups."""

from __future__ import annotations

import numpy as np

#: Steps of the iteration; 4 to 8 are usual.
STEPS = 100


def graduated(
    age_start: np.ndarray, m: np.ndarray, end: int = 100, method: str = "smoothest"
) -> tuple[np.ndarray, np.ndarray]:
    """Probability of dying within the year, by single year of age, from rates of age groups.

    `smoothest` (the default) takes, of all hazards constant within a year of age, the one whose
    logarithm bends least: the sum of squared second differences is smallest, under the condition
    that the life table made of it has exactly the given rate, deaths by years lived, in every
    group. So the deaths of each group are kept, and rates that rise exponentially (Gompertz) are
    given back exactly. The year after birth, where it is a group of its own, keeps its rate and
    is left out of the smoothing. Within ages 1 to 4 the fall after infancy is understated; the
    rate of the group is exact.

    `midpoints` is simpler and keeps no group's deaths: a monotone cubic through the logarithms of
    the rates at the middles of the groups (102 for an open group from 100, whose first year is on
    the cubic too), q = m / (1 + m / 2), and m / (1 + 0.9 m) in the year after birth.

    The closing rule: the hazard of the last, open group is constant from its start to `end`, which
    gives that group's rate exactly when the last age's hazard goes on for ever.

    Parameters
    ----------
    age_start : years
        First age of each group, in whole years; the last group is open. Dims: group.
    m : per year
        Deaths by years lived of each group (central death rates), above 0. Dims: group.
    end
        Last age of the table, in years.
    method
        `smoothest` or `midpoints`.

    Returns
    -------
    age, q
        Single years from the first group's start to `end`, and the probability of dying within
        each. Dims: age.

    Raises
    ------
    ValueError
        For ages or rates that are no abridged table, and when no smooth hazard has its rates.

    References
    ----------
    Whittaker ET (1923) Proc Edinb Math Soc 41:63-75, squared differences as the measure of
    smoothness. Rizzi S, Gampe J, Eilers PHC (2015) Am J Epidemiol 182:138-147, smooth rates from
    counts of age groups. Here the groups are met exactly instead of likely.

    Examples
    --------
    A rate of 0.2 at every age stays what it is:

    >>> age, q = graduated(np.arange(60, 101, 5), np.full(9, 0.2))
    >>> age[[0, -1]], bool(np.allclose(q[:-1], -np.expm1(-0.2)))
    (array([ 60, 100]), True)
    """
    age_start, m = np.asarray(age_start, float), np.asarray(m, float)
    _check(age_start, m, end)
    if method not in METHODS:
        raise ValueError(f"method '{method}'; {' or '.join(METHODS)} is allowed")
    start = age_start.astype(int)
    open_q = -np.expm1(-m[-1])
    q, age = METHODS[method](start, m), np.arange(start[0], end + 1)
    return age, np.append(q, np.full(max(len(age) - len(q), 0), open_q))[: len(age)]


def _check(age_start: np.ndarray, m: np.ndarray, end: int) -> None:
    if age_start.ndim != 1 or age_start.shape != m.shape or len(m) < 2:
        raise ValueError("give an age and a rate for each of two or more groups")
    if not (np.all(age_start == np.round(age_start)) and np.all(np.diff(age_start) > 0)):
        raise ValueError("the first ages of the groups must be whole years and rise")
    if age_start[0] < 0 or end < age_start[0]:
        raise ValueError(
            f"ages run from {age_start[0]:g} to {end:g}; they must be 0 or more, and rise"
        )
    bad = ~(np.isfinite(m) & (m > 0))
    if bad.any():
        raise ValueError(
            f"the rate of the group from age {age_start[bad][0]:g} is {m[bad][0]:g}; it must be above "
            "0. Join a group in which nobody died with its neighbour"
        )


def _smoothest(start: np.ndarray, m: np.ndarray) -> np.ndarray:
    """q of the closed groups' ages: the least bent log hazard with the groups' rates. Dims: age."""
    width, target = np.diff(start), np.log(m[:-1])
    groups, ages = len(width), int(width.sum())
    infant = int(start[0] == 0 and width[0] == 1)
    bend = _differences(ages, infant, groups)
    roughness = bend.T @ bend
    log_hazard = np.repeat(target, width)  # every group's own rate: exact, but in steps
    zero = np.zeros((groups, groups))
    for _ in range(STEPS):
        rates, slope = _log_rates(np.exp(log_hazard), width)
        # Newton's step for the least roughness under the groups' rates, these made linear.
        system = np.block([[roughness, slope.T], [slope, zero]])
        right = np.concatenate([-roughness @ log_hazard, target - rates])
        step = np.linalg.solve(system, right)[:ages]
        log_hazard = log_hazard + step * min(1.0, 1.0 / np.abs(step).max(initial=1e-300))
        if np.abs(step).max() < 1e-10:
            return -np.expm1(-np.exp(log_hazard))
    raise ValueError(
        "no smooth hazard was found that has the rates of all groups; neighbours differ too much. "
        "Join groups with few deaths, or use the method 'midpoints'"
    )


def _differences(ages: int, infant: int, groups: int) -> np.ndarray:
    """Matrix of second differences over ages, without the first `infant`. Dims: (row, age).

    First differences where a single group is smoothed, which cannot have a slope.
    """
    inner = np.diff(np.eye(ages - infant), min(2, groups - infant), axis=0)
    return np.hstack([np.zeros((len(inner), infant)), inner])


def _log_rates(hazard: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log of the groups' rates, and its slope in the log hazard. Dims: group; (group, age)."""
    rates, slope = np.empty(len(width)), np.zeros((len(width), len(hazard)))
    at = 0
    for i, n in enumerate(width):
        h = hazard[at : at + n]
        alive = np.exp(-np.concatenate([[0.0], np.cumsum(h)]))
        mean = -np.expm1(-h) / h  # of the survival within the year, 1 at its start
        lived = alive[:-1] * mean
        years, deaths = lived.sum(), -np.expm1(-h.sum())
        later = np.append(np.cumsum(lived[::-1])[::-1][1:], 0.0)
        # d mean / dh = (exp(−h)(1 + h) − 1) / h²; its series where h is small
        fall = np.where(h < 1e-4, h / 3 - 0.5, (np.exp(-h) - mean) / h)
        rates[i] = np.log(deaths / years)
        slope[i, at : at + n] = h * (alive[-1] / deaths - (alive[:-1] * fall - later) / years)
        at += n
    return rates, slope


def _midpoints(start: np.ndarray, m: np.ndarray) -> np.ndarray:
    """q by a monotone cubic through the groups' middles, the open group's first year too. Dims: age."""
    from scipy.interpolate import PchipInterpolator

    middle = np.append((start[:-1] + start[1:]) / 2, start[-1] + 2)
    rate = np.exp(PchipInterpolator(middle, np.log(m))(np.arange(start[0], start[-1] + 1) + 0.5))
    q = rate / (1 + rate / 2)
    if start[0] == 0 and start[1] == 1:
        q[0] = m[0] / (1 + 0.9 * m[0])
    return q


METHODS = {"smoothest": _smoothest, "midpoints": _midpoints}
