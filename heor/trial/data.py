"""Data of a two-arm survival trial, simulated from the model's own survival curves.

Patients enter one after another at the accrual rate, alternately in each arm. Patient p of draw i has
the same luck in every design, so a larger trial holds the smaller one and a longer follow-up the shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

ARMS = 2


@dataclass(frozen=True)
class Design:
    """A trial with two equal arms.

    Attributes
    ----------
    patients : int
        Both arms together.
    follow_up : float
        Years from the last inclusion to the day the data are read.
    accrual : float
        Patients a year.
    dropout : float
        Rate of loss to follow-up, per year.
    read_until : float
        Years from its inclusion after which nothing of a patient is used (a fixed endpoint).
    """

    patients: int
    follow_up: float
    accrual: float
    dropout: float = 0.0
    read_until: float = np.inf

    @property
    def recruitment(self) -> float:
        """Years from the first inclusion to the last."""
        return self.patients / self.accrual

    @property
    def longest(self) -> float:
        """Years for which the first patient is followed."""
        return min(self.recruitment + self.follow_up, self.read_until)


@dataclass(frozen=True)
class Patients:
    """Times of death and of loss to follow-up, years from each patient's inclusion.

    Attributes
    ----------
    death, loss : ndarray, dims (draw, patient)
        Infinite where the patient outlives the curve. Even patients are in the first arm.
    """

    death: np.ndarray
    loss: np.ndarray


def enrol(
    survival: np.ndarray,
    time: np.ndarray,
    patients: int,
    dropout: float,
    generator: np.random.Generator,
) -> Patients:
    """One trial a draw, with as many patients as the largest design needs.

    Times of death invert the draw's own survival curve at a uniform number; the hazard is constant
    between the times of the curve.

    Parameters
    ----------
    survival : ndarray, dims (draw, arm, time)
        All-cause survival of both arms.
    time : ndarray, dims (time,)
        Years from inclusion, from 0.
    patients
        Of both arms.
    dropout
        Rate per year.

    Examples
    --------
    >>> years = np.linspace(0, 40, 481)
    >>> curves = np.broadcast_to(np.exp(-0.5 * years), (1, 2, 481))
    >>> found = enrol(curves, years, 20000, 0.0, np.random.default_rng(1))
    >>> bool(abs(found.death[0].mean() - 2.0) < 0.05)
    True
    """
    draws = len(survival)
    hazard = -np.log(np.maximum(np.minimum.accumulate(survival, axis=2), 1e-300))
    waiting = generator.standard_exponential((draws, patients), dtype=np.float32)
    death = _inverse(hazard, np.asarray(time, float), waiting)
    if dropout > 0:
        loss = generator.standard_exponential((draws, patients), dtype=np.float32) / dropout
    else:
        loss = np.full((1, patients), np.inf, np.float32)
    return Patients(death, loss)


@njit(cache=True, nogil=True)
def _inverse(hazard, time, waiting):
    """Time at which the cumulative hazard of the patient's arm reaches his waiting time."""
    draws, patients = waiting.shape
    last = len(time) - 1
    out = np.empty((draws, patients), np.float32)
    for i in range(draws):
        for p in range(patients):
            own, level = hazard[i, p % 2], waiting[i, p]
            k = np.searchsorted(own, level)
            if k > last:
                out[i, p] = np.inf
            elif k == 0:
                out[i, p] = 0.0
            else:
                share = (level - own[k - 1]) / (own[k] - own[k - 1])
                out[i, p] = time[k - 1] + share * (time[k] - time[k - 1])
    return out


def follow(
    patients: Patients, design: Design, edges: np.ndarray, rows: slice = slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Deaths and years of follow-up of a design, by arm and time since inclusion.

    Parameters
    ----------
    edges : ndarray, dims (interval + 1,)
        Years since inclusion, from 0; the last is at least `design.longest`.

    Returns
    -------
    deaths, years : ndarray, dims (draw, arm, interval)
    """
    death = patients.death[rows]
    loss = patients.loss[rows] if len(patients.loss) > 1 else patients.loss
    return _follow(
        death,
        loss,
        design.patients,
        design.accrual,
        design.follow_up,
        design.read_until,
        np.asarray(edges, float),
    )


@njit(cache=True, nogil=True)
def _follow(death, loss, patients, accrual, follow_up, read_until, edges):
    draws, intervals = len(death), len(edges) - 1
    deaths = np.zeros((draws, ARMS, intervals), np.float32)
    years = np.zeros((draws, ARMS, intervals), np.float32)
    for i in range(draws):
        lost = loss[i if len(loss) > 1 else 0]
        for p in range(patients):
            # The last patient enters at patients / accrual, and is followed for follow_up.
            seen = min((patients - 1 - p) / accrual + follow_up, read_until, lost[p])
            died = death[i, p] <= seen
            end = death[i, p] if died else seen
            for k in range(intervals):
                if end <= edges[k]:
                    break
                years[i, p % 2, k] += min(end, edges[k + 1]) - edges[k]
                if died and end <= edges[k + 1]:
                    deaths[i, p % 2, k] += 1
    return deaths, years
