"""Individual data from a published Kaplan-Meier curve, its risk table and its number of events.

The problem, and the idea that the numbers at risk pin the censoring while the drops of the curve
give the deaths, are those of Guyot, Ades, Ouwens and Welton (2012, doi:10.1186/1471-2288-12-9).
What differs is how noisy clicks are met:

1. Clicks are replaced by the nearest curve that never rises (isotonic least squares), not by
   their running minimum, which every click that is too low pulls down for good.
2. With n(t) at risk and survival S(t), let G = n / S. A death leaves G as it is and a censoring
   lowers it, so G(t) is the number of patients times the share not yet censored, and the censored
   up to t are the integral of S d(-G). A risk table gives G where it has a row: so many are
   censored in an interval, with no iteration that could fail to end.
3. A death is placed where the curve passes half-way down to the next step of the reconstruction,
   so errors are given back at the next click instead of adding up. A level curve has no deaths.
4. Of the numbers of censored next to that of 2, and of the places of the censored between the
   deaths, the most probable are taken, given the error of the clicks: every death's step is S / n.
5. A published number of events chooses among curves that fit about as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.faults import Faults
from heor.survival.evidence.reconstruct_clicks import (
    Table,
    check_counts,
    check_fit,
    check_ranges,
    monotone,
    read_points,
    read_risk_rows,
    too_many,
)
from heor.survival.evidence.reconstruct_patients import (
    Line,
    deaths,
    fitted,
    make_exposure,
    uncensored,
)

CORNERS = 0.25  # share of clicks straight below another: both corners of steps were clicked


@dataclass(frozen=True)
class Reconstruction:
    """Individual data whose Kaplan-Meier curve is the published one.

    Attributes
    ----------
    table : dict
        `time` (the unit the clicks came in) and `event` (1 death, 0 censored), one row a patient,
        in order of time.
    repairs : tuple of str
        What was repaired or assumed, in words, with numbers. Empty when nothing was.
    fit : DataFrame
        One row a click as used, in order of time: `time`, `published`, `reconstructed`,
        `difference` (reconstructed minus published). At a time of death the curve is vertical;
        the published point is then compared with the nearest point of the vertical.
    at_risk : DataFrame
        One row a row of the risk table: `time`, `published`, `reconstructed`.
    """

    table: dict[str, np.ndarray]
    repairs: tuple[str, ...]
    fit: pd.DataFrame
    at_risk: pd.DataFrame

    @property
    def n(self) -> int:
        return len(self.table["time"])

    @property
    def events(self) -> int:
        return int(self.table["event"].sum())

    @property
    def max_difference(self) -> float:
        """Largest distance from a click, on the scale of survival."""
        return float(self.fit["difference"].abs().max())

    @property
    def rmse(self) -> float:
        """Root mean squared distance from the clicks, on the scale of survival."""
        return float(np.sqrt((self.fit["difference"] ** 2).mean()))

    @property
    def median(self) -> float:
        """First time at which survival is at most one half; infinite when it never is."""
        time, survival = step_curve(self.table["time"], self.table["event"])
        low = survival <= 0.5 + 1e-9
        return float(time[low][0]) if low.any() else np.inf


def reconstruct(
    time: Sequence[float],
    survival: Sequence[float],
    *,
    patients: int | None = None,
    at_risk: Table | None = None,
    events: int | None = None,
    clicks: str | None = None,
) -> Reconstruction:
    """Individual data from clicks on a published Kaplan-Meier curve.

    Parameters
    ----------
    time, survival
        The clicks, in any order; survival as a share or in percent. Dims: click.
    patients
        Patients at time 0; not needed when the risk table says it.
    at_risk
        Times and numbers at risk at them, any subset of the published ones. Dims: row.
    events
        Total number of events, where it is published.
    clicks
        `steps`: one click at the foot of every step. `between`: points along the curve, or both
        corners of every step, so a death lies between two clicks. None: inferred from the clicks.

    Returns
    -------
    Reconstruction
        Time in the unit of the clicks.

    Raises
    ------
    ValueError
        The clicks are no survival curve, or the numbers contradict each other; one line a
        problem, all of them.

    Notes
    -----
    Without a risk table, the curve tells of censoring only by the heights of its steps, and noisy
    clicks on many patients hide those. With the number of events, censoring increases towards the
    end of the curve so that they come out; with nothing, nobody is censored before the end unless
    the heights say so clearly. Either is said in `repairs`. Hazard ratios of simulated trials (60
    to 600 patients an arm, clicks off by 0.2 to 0.5 % of the axes) come back typically within
    1.5 % with a risk table, 1 to 3 % with the number of events alone, and 5 to 10 % with neither
    (tests/slow/test_reconstruct_recovery.py).

    Source: Guyot et al. 2012, doi:10.1186/1471-2288-12-9.

    Examples
    --------
    >>> found = reconstruct([0, 2, 5, 9], [1, 0.75, 0.5, 0.5], at_risk=([0, 4, 8], [4, 3, 1]))
    >>> found.table["time"].tolist(), found.table["event"].tolist()
    ([2.0, 5.0, 5.75, 9.0], [1, 1, 0, 0])
    """
    problems = Faults()
    repairs: list[str] = []
    points = read_points(time, survival, problems, repairs)
    rows = read_risk_rows(at_risk, patients, problems)
    check_counts(patients, rows, events, clicks, problems)
    if problems:
        raise ValueError("\n".join(problems))
    check_ranges(rows[0], points[0][-1], problems)
    time, clicked, smooth, error = monotone(*points, problems, repairs)
    if problems:
        raise ValueError("\n".join(problems))
    rows = _first_row(rows, patients, time, smooth, repairs)
    if events is not None and events > rows[1][0]:
        raise ValueError(too_many(events, int(rows[1][0])))
    feet = _at_feet(time, smooth, rows, events, clicks, repairs)
    line = _line(time, smooth, rows, feet, repairs)
    n = rows[1]
    table = fitted(make_exposure(line, n, events, error, repairs), n, events, error, repairs)
    found = Reconstruction(
        table, tuple(repairs), _fit(table, time, clicked), _fit_at_risk(table, at_risk)
    )
    if at_risk is not None:
        check_fit(found.fit, rows[0], found.n, problems)
    if problems:
        raise ValueError("\n".join(problems))
    return found


def step_curve(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kaplan-Meier survival after each distinct time, from (0, 1) on. Dims: time.

    >>> step_curve(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1, 1, 0, 0]))[1].tolist()
    [1.0, 0.75, 0.5, 0.5]
    """
    at, place = np.unique(time, return_inverse=True)
    died = np.bincount(place, weights=event)
    left = np.bincount(place)
    n = len(time) - np.append(0, np.cumsum(left)[:-1])
    return np.append(0.0, at), np.append(1.0, np.cumprod(1 - died / n))


def _first_row(
    rows: tuple[np.ndarray, np.ndarray],
    patients: int | None,
    time: np.ndarray,
    survival: np.ndarray,
    repairs: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """The risk table with a row at time 0."""
    t, n = rows
    if len(n) and t[0] == 0:
        return rows
    if patients is None:
        level = float(np.interp(t[0], time, survival))
        patients = max(int(round(n[0] / level)), int(n[0])) if level > 0 else int(n[0])
        repairs.append(
            f"the risk table starts at time {t[0]:g} with {n[0]}; {patients} patients at time 0 "
            "follow from the curve if none was censored before."
        )
    return np.append(0.0, t), np.append(int(patients), n)


def _at_feet(
    t: np.ndarray,
    s: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray],
    events: int | None,
    clicks: str | None,
    repairs: list[str],
) -> bool:
    """Whether the clicks are at the foot of every step, so that a death is at a click.

    Feet are as dense as the deaths, and about one a death; points along the curve are as dense as
    the one who clicked chose.
    """
    if clicks is not None:
        return clicks == "steps"
    g = np.interp(t, rows[0], uncensored(rows[1], np.interp(rows[0], t, s)))
    died = deaths(s, g)
    count = int(np.argmin(s))  # clicks after (0, 1) up to the last drop
    if died[-1] < 1 or (np.diff(t[: count + 1]) == 0).mean() > CORNERS:
        return False
    share = np.arange(count + 1) / count
    as_deaths = np.abs(died[: count + 1] / died[-1] - share).mean()
    even = np.abs(t[: count + 1] / t[count] - share).mean() if t[count] > 0 else 0.0
    total = died[-1] if events is None else max(events, 1)
    feet = bool(as_deaths < even and 0.5 < count / total < 1.5)
    if feet:
        repairs.append(
            f"{count} clicks as dense as the deaths: taken as the feet of the steps, so that deaths "
            "are at the clicks, not between them."
        )
    return feet


def _line(
    t: np.ndarray,
    s: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray],
    feet: bool,
    repairs: list[str],
) -> Line:
    if rows[0][-1] > t[-1]:
        repairs.append(
            f"the risk table goes to time {rows[0][-1]:g}, the last click is at {t[-1]:.4g}; the "
            "curve was taken as level in between, without deaths."
        )
        t, s = np.append(t, rows[0][-1]), np.append(s, s[-1])
    if feet:  # level up to a click, then straight down
        t, s = np.repeat(t, 2)[1:], np.repeat(s, 2)[:-1]
    places = []
    for row in rows[0]:
        place = int(np.searchsorted(t, row, side="left"))
        if t[place] != row:
            level = np.interp(row, t[place - 1 : place + 1], s[place - 1 : place + 1])
            t, s = np.insert(t, place, row), np.insert(s, place, level)
        places.append(place)
    return Line(t, s, np.array(places))


def _fit(table: dict[str, np.ndarray], t: np.ndarray, s: np.ndarray) -> pd.DataFrame:
    at, level = step_curve(table["time"], table["event"])
    margin = 1e-9 * t[-1]
    after = level[np.searchsorted(at, t + margin, side="right") - 1]
    before = level[np.maximum(np.searchsorted(at, t - margin, side="left") - 1, 0)]
    found = np.clip(s, after, before)
    return pd.DataFrame(
        {"time": t, "published": s, "reconstructed": found, "difference": found - s}
    )


def _fit_at_risk(table: dict[str, np.ndarray], at_risk: Table | None) -> pd.DataFrame:
    t, n = at_risk if at_risk is not None else ((), ())
    t = np.asarray(t, float)
    found = (table["time"] >= t[:, None]).sum(axis=1)
    return pd.DataFrame({"time": t, "published": np.asarray(n, int), "reconstructed": found})
