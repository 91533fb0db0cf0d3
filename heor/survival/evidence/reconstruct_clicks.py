"""Clicks on a published Kaplan-Meier curve and its risk table, checked and made monotone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from heor import limits
from heor.faults import Faults
from heor.limits import counted

DIGITISING_ERROR = 0.02  # survival: what a click may be off, as read or by rising
NOISE_ERRORS = 10.0  # a rise within this many times the usual scatter of clicks is noise ...
LARGEST_NOISE = 0.04  # ... but not above this
SAME_TIME = 0.03  # share of the time axis: nearer clicks may be out of order
FLAT_Z = 3.0  # a split of the tail has to reach this z to be a drop
PERCENT = (50.0, 102.0)  # the largest survival of a curve in percent lies here
CLICKS = ("steps", "between")
WORST_FIT = (
    0.05  # survival: root mean squared distance from the clicks that is accepted, and one patient
)

LONGER = 2.0  # a risk table that goes on for more than this times the clicks is of other units
SHORTER = 1 / 3  # one that ends before this share of them may be
UNIT = 0.2  # relative difference from a ratio of two units that a table's last row explains
RATIOS = (
    (365.25 / 12, "months", "days"),
    (365.25 / 7, "years", "weeks"),
    (365.25, "years", "days"),
    (365.25 / 84, "months", "weeks"),
    (12.0, "years", "months"),
    (7.0, "weeks", "days"),
)

Table = tuple[Sequence[float], Sequence[float]]


def read_points(
    time: Sequence[float], survival: Sequence[float], problems: Faults, repairs: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Clicks as shares, in order of time (the higher first), inside the axes, without doubles."""
    t, s = np.asarray(time, float).ravel(), np.asarray(survival, float).ravel()
    if len(t) != len(s):
        problems.append(
            f"clicks: {len(t)} times and {len(s)} survivals; one survival a time is expected. "
            "Complete the pairs."
        )
        return t, s
    bad = int((~np.isfinite(t) | ~np.isfinite(s)).sum())
    if bad:
        problems.append(
            f"clicks: {bad} with a time or survival that is not a finite number; all must be. "
            "Remove them."
        )
        return t, s
    if len(np.unique(np.stack([t, s]), axis=1).T) < 2:
        problems.append(
            "clicks: fewer than 2 different points; a curve needs at least 2. Digitise its steps."
        )
        return t, s
    s = _as_shares(s, problems, repairs)
    t = _from_zero(t, problems, repairs)
    order = np.lexsort((-s, t))
    moved = int((np.diff(t) < 0).sum())
    if moved:
        repairs.append(
            f"{counted(moved, 'click')} came before the one to their left; sorted by time."
        )
    t, s = t[order], s[order]
    double = np.append(False, (np.diff(t) == 0) & (np.diff(s) == 0))
    if double.any():
        repairs.append(f"{counted(int(double.sum()), 'click')} found twice; one of each was kept.")
    return t[~double], s[~double]


def _as_shares(s: np.ndarray, problems: Faults, repairs: list[str]) -> np.ndarray:
    if PERCENT[0] < s.max() <= PERCENT[1]:
        s = s / 100
        repairs.append(f"survival goes up to {100 * s.max():.4g}: read as percent.")
    if 1 + DIGITISING_ERROR < s.min() and s.max() <= PERCENT[1]:
        problems.append(
            f"clicks: survival runs from {s.min():.4g} to {s.max():.4g}; shares cannot be above 1, and in per "
            f"cent the curve would start at {s.max():.4g} %, not at 100. Click it from the start, or check the "
            "calibration of the axis."
        )
        return s
    if s.max() > 1 + DIGITISING_ERROR or s.min() < -DIGITISING_ERROR:
        problems.append(
            f"clicks: survival runs from {s.min():.4g} to {s.max():.4g}; it must lie between 0 and "
            "1 (or 0 and 100, in percent). Check the calibration of the axis."
        )
        return s
    outside = int(((s > 1) | (s < 0)).sum())
    if outside:
        repairs.append(f"{counted(outside, 'click')} lay just outside 0 to 1; moved onto the edge.")
    return np.clip(s, 0.0, 1.0)


def _from_zero(t: np.ndarray, problems: Faults, repairs: list[str]) -> np.ndarray:
    early = t < 0
    if t.max() <= 0:
        problems.append(
            f"clicks: the latest time is {t.max():.4g}; times run from 0 upwards. Check the "
            "calibration of the axis."
        )
    elif t.min() < -DIGITISING_ERROR * t.max():
        problems.append(
            f"clicks: a time of {t.min():.4g}; time starts at 0. Check the calibration of the axis."
        )
    elif early.any():
        repairs.append(f"{counted(int(early.sum()), 'click')} lay just left of time 0; moved to 0.")
    return np.maximum(t, 0.0)


def read_risk_rows(
    at_risk: Table | None, patients: int | None, problems: Faults
) -> tuple[np.ndarray, np.ndarray]:
    """Times and numbers at risk as given, in order of time, without doubles."""
    if at_risk is None or len(at_risk[0]) == 0:
        if patients is None:
            problems.append(
                "number of patients: not given, and no risk table; one of them is required. Give "
                "the patients at time 0."
            )
        return np.empty(0), np.empty(0, int)
    t, n = (np.asarray(column, float).ravel() for column in at_risk)
    if len(t) != len(n):
        problems.append(
            f"risk table: {len(t)} times and {len(n)} numbers; one number a time is expected."
            " Complete the pairs."
        )
        return np.empty(0), np.empty(0, int)
    if not (np.isfinite(t).all() and np.isfinite(n).all()):
        problems.append(
            "risk table: a time or number that is not a finite number; all must be. Leave out the "
            "rows that are not published."
        )
        return np.empty(0), np.empty(0, int)
    for a, b in zip(t, n, strict=True):
        if a < 0 or b < 0 or b != round(b):
            problems.append(
                f"risk table: {b:g} at risk at time {a:g}; whole numbers from 0 and times from 0 "
                "are allowed. Correct the row."
            )
    rows = np.unique(np.stack([t, n]), axis=1)
    t, n = rows[0], rows[1].astype(int)
    for i in np.flatnonzero(np.diff(t) == 0):
        problems.append(
            f"risk table: {n[i]} and {n[i + 1]} at risk at time {t[i]:g}; one number a time is "
            "allowed. Correct the row."
        )
    for i in np.flatnonzero((np.diff(n) > 0) & (np.diff(t) > 0)):
        problems.append(
            f"risk table: {n[i]} at risk at time {t[i]:g} but {n[i + 1]} at {t[i + 1]:g}; the "
            "number can only fall. Correct the row."
        )
    return t, n


def check_ranges(at_risk: np.ndarray, last_click: float, problems: Faults) -> None:
    """Risk table and clicks are on one time axis, so they end at about the same time."""
    if len(at_risk) < 2 or last_click <= 0:
        return
    ratio = float(at_risk[-1]) / last_click
    factor = max(ratio, 1 / ratio) if ratio > 0 else 1.0
    near = [(abs(np.log(factor / r)), long, short) for r, long, short in RATIOS]
    off, long, short = min(near)
    of_units = off <= np.log(1 + UNIT)
    if SHORTER <= ratio <= LONGER or (ratio < SHORTER and not of_units):
        return
    units = (short, long) if ratio > 1 else (long, short)
    hint = f", as if the table were in {units[0]} and the clicks in {units[1]}" if of_units else ""
    problems.append(
        f"risk table: ends at time {at_risk[-1]:g}, the clicks at {last_click:.4g}{hint}; both must be in one "
        "unit of time. Convert the times of one of them, or leave the table out and give the patients."
    )


def check_fit(fit: pd.DataFrame, at_risk: np.ndarray, patients: int, problems: Faults) -> None:
    """The curve of the reconstructed patients is the published one, as far as the table goes.

    Where few are left after its last row, one event more or less moves the curve far.
    """
    inside = fit["difference"][fit["time"] <= at_risk[-1]]
    off = float(np.sqrt(np.mean(inside**2))) if len(inside) else 0.0
    bound = WORST_FIT + 1 / patients
    if off > bound:
        problems.append(
            f"risk table: with it, the curve is off the clicks by {100 * off:.1f} percentage points (root mean "
            f"square); at most {100 * bound:.1f} are accepted. Check its times, their unit and its numbers: "
            "are they of this curve?"
        )


def check_counts(
    patients: int | None,
    rows: tuple[np.ndarray, np.ndarray],
    events: int | None,
    clicks: str | None,
    problems: Faults,
) -> None:
    t, n = rows
    largest = max(patients or 0, int(n.max(initial=0)))
    if largest > limits.PATIENTS:
        problems.append(
            f"number of patients: {largest:,}; at most {limits.PATIENTS:,} are reconstructed. Correct it."
        )
    elif patients is not None and (patients < 1 or patients != round(patients)):
        problems.append(f"number of patients: {patients}; a whole number from 1 is allowed.")
    elif patients is not None and len(n) and t[0] == 0 and n[0] != patients:
        problems.append(
            f"number of patients: {patients}, but the risk table has {n[0]} at time 0; they must "
            "agree. Leave out the one that is wrong."
        )
    elif patients is not None and len(n) and n[0] > patients:
        problems.append(
            f"number of patients: {patients}, but the risk table has {n[0]} at time {t[0]:g}; no "
            "more can be at risk later. Correct one of them."
        )
    if len(n) and t[0] == 0 and n[0] == 0:
        problems.append("risk table: 0 at risk at time 0; at least 1 is required. Correct the row.")
    if events is not None and (events < 0 or events != round(events)):
        problems.append(f"number of events: {events}; a whole number from 0 is allowed.")
    elif events is not None and patients is not None and events > patients:
        problems.append(too_many(events, patients))
    if clicks is not None and clicks not in CLICKS:
        problems.append(f"clicks: '{clicks}'; allowed: {', '.join(CLICKS)}.")


def too_many(events: int, patients: int) -> str:
    return (
        f"number of events: {events}, more than the {patients} patients at risk at time 0; at most "
        "one a patient is allowed. Correct one of them."
    )


def monotone(
    t: np.ndarray, s: np.ndarray, problems: Faults, repairs: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Times, clicks, the nearest curve (least squares) that starts at 1 and never rises, and error.

    The error is the root mean squared distance of the two, after clicks that lie off their time
    were exchanged.
    """
    if t[0] > 0:
        repairs.append(f"the first click is at time {t[0]:.4g}; the point (0, 1) was added.")
        t, s = np.append(0.0, t), np.append(1.0, s)
    elif s[0] < 1 - DIGITISING_ERROR:
        repairs.append(f"the curve starts at {s[0]:.4g} at time 0; its deaths are just after 0.")
        t, s = np.append(0.0, t), np.append(1.0, s)
    elif s[0] < 1:
        repairs.append(f"the curve starts at {s[0]:.4g} at time 0; taken as 1.")
        s = np.append(1.0, s[1:])
    smooth = isotonic_regression(s, increasing=False).x
    if s[0] == 1 and len(s) > 2 and s[1] < 0.5 and _rising(s[1:]):
        problems.append(
            f"clicks: survival rises from {s[1]:.3f} to {s[-1]:.3f}; this is the share who had the event. "
            "Enter 1 minus it."
        )
        return t, s, smooth, 0.0
    scatter = NOISE_ERRORS * float(np.quantile(np.abs(s - smooth), 0.8))  # not by one stray click
    rise = _first_rise(t, s, max(DIGITISING_ERROR, min(scatter, LARGEST_NOISE)))
    if rise:
        problems.append(
            f"clicks: survival rises from {rise[1]:.3f} to {rise[2]:.3f} at time {rise[0]:.4g}; a "
            "survival curve never rises. Remove the stray click, or clicks of another curve."
        )
        return t, s, smooth, 0.0
    clicked, s = s, _untangled(t, s, repairs)
    smooth = isotonic_regression(s, increasing=False).x
    error = float(np.sqrt(np.mean((s - smooth) ** 2)))
    rises = np.diff(s)
    if (rises > 0).any():
        repairs.append(
            f"{counted(int((rises > 0).sum()), 'click')} above the one before (by at most "
            f"{100 * rises.max():.2g} percentage points); the nearest curve that never rises was "
            f"used, at most {100 * np.abs(s - smooth).max():.2g} points away."
        )
    return t, clicked, _flat_tail(s, smooth, error, repairs), error


def _untangled(t: np.ndarray, s: np.ndarray, repairs: list[str]) -> np.ndarray:
    """Neighbours at nearly the same time whose survival is clearly in the wrong order, exchanged."""
    s, near = s.copy(), np.diff(t) < SAME_TIME * t[-1]
    count = 0
    for _ in range(len(s)):
        wrong = np.flatnonzero(near & (np.diff(s) > DIGITISING_ERROR / 2))
        if not len(wrong):
            break
        for i in wrong:
            if s[i + 1] > s[i]:
                s[i], s[i + 1] = s[i + 1], s[i]
                count += 1
    if count:
        repairs.append(
            f"{counted(count, 'time')} a higher click was just right of a lower one; taken as clicked slightly "
            "off its time, and exchanged."
        )
    return s


def _rising(s: np.ndarray) -> bool:
    """Whether values rise rather than fall."""
    up, down = (isotonic_regression(s, increasing=i).x for i in (True, False))
    return bool(s[-1] > s[0] and ((s - up) ** 2).sum() < 0.25 * ((s - down) ** 2).sum())


def _first_rise(t: np.ndarray, s: np.ndarray, allowed: float) -> tuple[float, float, float] | None:
    """Time, lower and higher survival of the first rise above the lowest click clearly before."""
    lowest = np.minimum.accumulate(s)
    before = np.searchsorted(t, t - SAME_TIME * t[-1], side="left") - 1
    low = np.where(before >= 0, lowest[before], np.inf)
    found = np.flatnonzero(s - low > allowed)
    return (float(t[found[0]]), float(low[found[0]]), float(s[found[0]])) if len(found) else None


def _flat_tail(s: np.ndarray, smooth: np.ndarray, error: float, repairs: list[str]) -> np.ndarray:
    """The end of the curve made level where its clicks only scatter about one value.

    Scatter is known from clicks that rise; a curve without any is taken as exact.
    """
    if error == 0:
        return smooth
    first = len(s)
    for start in range(len(s) - 3, 0, -1):
        tail = s[start:]
        size = np.arange(1, len(tail))
        before = np.cumsum(tail)[:-1]
        gap = before / size - (tail.sum() - before) / (len(tail) - size)
        z = gap / (error * np.sqrt(1 / size + 1 / (len(tail) - size)))
        if z.max() > FLAT_Z:
            break
        first = start
    level = s[first:].mean() if first < len(s) else 0.0
    if first == len(s) or np.ptp(smooth[first:]) == 0:
        return smooth
    repairs.append(
        f"the last {len(s) - first} clicks scatter about {level:.3f} without a drop; no death there."
    )
    return np.append(np.maximum(smooth[:first], level), np.full(len(s) - first, level))
