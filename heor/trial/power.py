"""What a trial can be expected to show on its primary endpoint: power over the uncertainty of the model.

Power at one assumed effect says little when the effect is what is uncertain. Expected power (assurance)
is the chance that the test is significant, over the draws of the model (O'Hagan, Stevens and Campbell
2005, doi:10.1002/pst.175).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import optimize, special

from heor.trial.data import Design, Patients


@dataclass(frozen=True)
class ExpectedPower:
    """Chances over draws and patients, for the second arm against the first.

    Attributes
    ----------
    better, worse : float
        Significant difference in survival at the endpoint's time, in either direction.
    log_rank_better, log_rank_worse : float
        Of the log-rank test on all data read.
    se : float
        Monte Carlo standard error of `better`.
    survival : tuple of float
        Mean survival of both arms at the endpoint's time.
    needed : float
        Survival of the second arm that gives 80 % power, with the first at its mean; NaN where none.
    chance_of_needed : float
        Share of draws in which the true difference is at least the one needed.
    """

    better: float
    worse: float
    log_rank_better: float
    log_rank_worse: float
    se: float
    survival: tuple[float, float]
    needed: float
    chance_of_needed: float


def expected_power(
    patients: Patients,
    survival: np.ndarray,
    time: np.ndarray,
    design: Design,
    endpoint: float,
    significance: float,
) -> ExpectedPower:
    """Expected power of two-sided tests: survival at `endpoint` (Kaplan-Meier, Greenwood), log-rank.

    Parameters
    ----------
    patients
        Simulated from `survival`, dims (draw, arm, time); one trial a draw.
    endpoint
        Years since inclusion.
    significance
        Two-sided.
    """
    loss = np.broadcast_to(patients.loss, patients.death.shape)
    z = _statistics(
        patients.death,
        loss,
        design.patients,
        design.accrual,
        design.follow_up,
        design.read_until,
        float(endpoint),
    )
    critical = special.ndtri(1 - significance / 2)
    better, worse = (z > critical).mean(axis=0), (z < -critical).mean(axis=0)
    at = np.array([[np.interp(endpoint, time, arm) for arm in draw] for draw in survival])
    mean = at.mean(axis=0)
    needed = needed_survival(float(mean[0]), design.patients, significance)
    return ExpectedPower(
        better=float(better[0]),
        worse=float(worse[0]),
        log_rank_better=float(better[1]),
        log_rank_worse=float(worse[1]),
        se=float(np.sqrt(better[0] * (1 - better[0]) / len(z))),
        survival=(float(mean[0]), float(mean[1])),
        needed=needed,
        chance_of_needed=float((at[:, 1] - at[:, 0] >= needed - mean[0]).mean()),
    )


def power_of_proportions(
    first: float, second: float, patients: int, significance: float = 0.05
) -> float:
    """Power of the two-sided comparison of two proportions, arms of equal size, normal approximation.

    >>> round(power_of_proportions(0.30, 0.65, 62), 2)
    0.84
    """
    arm = patients / 2
    se = np.sqrt((first * (1 - first) + second * (1 - second)) / arm)
    if se == 0:
        return 1.0 if first != second else significance
    critical, distance = special.ndtri(1 - significance / 2), abs(second - first) / se
    return float(special.ndtr(distance - critical) + special.ndtr(-distance - critical))


def needed_survival(
    first: float, patients: int, significance: float = 0.05, power: float = 0.8
) -> float:
    """Survival of the second arm, above the first's, that gives this power; NaN where none does.

    >>> bool(0.62 < needed_survival(0.30, 62) < 0.65)
    True
    """

    def lacking(second: float) -> float:
        return power_of_proportions(first, second, patients, significance) - power

    if first >= 1 or lacking(1.0) < 0:
        return float("nan")
    if lacking(first) >= 0:  # a level above the power
        return first
    return float(optimize.brentq(lacking, first, 1.0))


@njit(cache=True, nogil=True)
def _statistics(death, loss, patients, accrual, follow_up, read_until, endpoint):
    """Standardised differences, positive where the second arm is better. Dims: (draw, test)."""
    draws = len(death)
    out = np.zeros((draws, 2))
    end = np.empty(patients)
    died = np.empty(patients, np.bool_)
    for i in range(draws):
        for p in range(patients):
            seen = min((patients - 1 - p) / accrual + follow_up, read_until, loss[i, p])
            died[p] = death[i, p] <= seen
            end[p] = death[i, p] if died[p] else seen
        order = np.argsort(end)
        risk = np.array([(patients + 1) // 2, patients // 2])
        alive, greenwood = np.ones(2), np.zeros(2)
        excess, variance = 0.0, 0.0
        for p in order:
            arm = p % 2
            if died[p]:
                total = risk[0] + risk[1]
                share = risk[1] / total
                excess += arm - share
                variance += share * (1 - share)
                if end[p] <= endpoint:
                    alive[arm] *= 1 - 1 / risk[arm]
                    if risk[arm] > 1:
                        greenwood[arm] += 1 / (risk[arm] * (risk[arm] - 1))
            risk[arm] -= 1
        error = np.sqrt(alive[0] ** 2 * greenwood[0] + alive[1] ** 2 * greenwood[1])
        if error > 0:
            out[i, 0] = (alive[1] - alive[0]) / error
        elif alive[1] != alive[0]:  # all against none: Greenwood sees no error
            out[i, 0] = np.inf if alive[1] > alive[0] else -np.inf
        if variance > 0:
            out[i, 1] = -excess / np.sqrt(variance)
    return out
