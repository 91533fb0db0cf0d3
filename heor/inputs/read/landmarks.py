"""Survival at landmarks (12, 36, 60 months ...) → how many of how many survived each interval.

A published point of a survival curve says less than patient data but more than nothing: with the
numbers at risk, a confidence interval or only the number of patients it becomes a binomial count
of each interval, which any curve can be fitted to.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from heor.faults import Faults
from heor.inputs.read.evidence_tables import Table
from heor.inputs.text.tables import Row, columns, read_table

Z = 1.959963984540054  # a 95 % confidence interval
#: Share by which a number at risk from a rounded interval may exceed the patients there are.
ROUNDING = 0.05


def read_landmark(
    path: Path,
    shown: str,
    factor: float,
    problems: Faults,
    patients: int | None,
    interval: str,
) -> Table | None:
    """Survival at landmarks as conditional binomials, one an interval.

    Of n patients at the start of an interval, n S(end) / S(start) survive it. n is

    - with `n_at_risk`: the number at risk at the interval's start (`patients` at time 0). Censoring
      inside the interval is ignored, which makes it slightly too certain;
    - with `low` and `high` (95 %): the effective number that gives the increase of var(log S) over
      the interval, (1 - p) / (p n) by Greenwood. `interval` says on which scale the confidence
      interval was made: log(-log S) or log S. Never more than survived the interval before. Where
      nobody dies in an interval, as many as survived the one before, else as start the next;
    - with `patients` alone: patients x S(start), as if nobody were censored.
    """
    rows = read_table(path, shown, ("time", "survival"), ("n_at_risk", "low", "high"), problems)
    if not rows:
        return None
    before = len(problems)
    given = _landmark_columns(rows, shown, problems)
    data = columns(rows, given, shown, problems, ("n_at_risk",))
    if len(problems) > before:
        return None
    rows, data, patients = _without_time_zero(rows, data, patients, shown, problems)
    if not rows:
        problems.add(shown, "no landmark after time 0", "at least one is needed")
        return None
    _check_landmarks(rows, data, shown, problems)
    if len(problems) > before:
        return None
    start = np.concatenate([[0.0], data["time"][:-1]])
    alive = np.concatenate([[1.0], data["survival"][:-1]])
    p = data["survival"] / alive
    n = _numbers(rows, data, alive, patients, interval, shown, problems)
    if len(problems) > before:
        return None
    extra = {k: data[k] for k in ("low", "high") if k in data}
    return {
        "start": start * factor,
        "end": data["time"] * factor,
        "n": n,
        "survivors": n * p,
        "time": data["time"] * factor,
        "survival": data["survival"],
        **extra,
    }


def _numbers(
    rows: list[Row],
    data: Table,
    alive: np.ndarray,
    patients: int | None,
    interval: str,
    shown: str,
    problems: Faults,
) -> np.ndarray:
    """Patients at the start of each interval, by what the table says about them."""
    if "n_at_risk" in data:
        return _at_risk(rows, data, patients, shown, problems)
    if "low" in data:
        return _effective(rows, data, data["survival"] / alive, patients, interval, shown, problems)
    if patients is None:
        problems.add(
            shown,
            "nothing says how many patients there are",
            "give a column n_at_risk, columns low and high, or 'patients:' in survival/index.yaml",
        )
        return alive
    return patients * alive


def _landmark_columns(rows: list[Row], shown: str, problems: Faults) -> tuple[str, ...]:
    """The columns to read; a confidence interval and numbers at risk exclude each other."""
    present = rows[0].cells
    if ("low" in present) != ("high" in present):
        problems.add(f"{shown}:1", "'low' and 'high' belong together", "", "Add the other column.")
    if "n_at_risk" in present and "low" in present:
        problems.add(
            f"{shown}:1",
            "both n_at_risk and low, high are given",
            "one of them says how certain the survival is",
            "Remove the other.",
        )
    return tuple(c for c in ("time", "survival", "n_at_risk", "low", "high") if c in present)


def _without_time_zero(
    rows: list[Row], data: Table, patients: int | None, shown: str, problems: Faults
) -> tuple[list[Row], Table, int | None]:
    """A row at time 0 says who starts; it is no landmark."""
    if data["time"][0] != 0:
        return rows, data, patients
    where = f"{shown}:{rows[0].line}"
    if data["survival"][0] != 1:
        problems.add(where, f"survival at time 0 is {data['survival'][0]:.12g}", "it must be 1")
    if "n_at_risk" in data:
        first = data["n_at_risk"][0]
        if patients is not None and first != patients:
            problems.add(
                where,
                f"{first:.12g} at risk at time 0, but survival/index.yaml says {patients} patients",
                "",
                "Make them agree.",
            )
        patients = int(first)
    return rows[1:], {k: v[1:] for k, v in data.items()}, patients


def _check_landmarks(rows: list[Row], data: Table, shown: str, problems: Faults) -> None:
    """Order of times, survival and intervals, row by row."""
    time, survival = 0.0, 1.0
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        t, s = data["time"][i], data["survival"][i]
        if t <= time:
            problems.add(where, f"time {t:.12g} is not after {time:.12g}", "times must rise")
        if not 0 <= s <= 1:
            problems.add(
                where,
                f"survival {s:.12g}",
                "a probability lies between 0 and 1",
                "Is it in per cent?",
            )
        elif s > survival:
            problems.add(
                where,
                f"survival rises from {survival:.12g} to {s:.12g}",
                "it cannot",
                "Check the value.",
            )
        elif survival == 0:
            problems.add(where, f"nobody was alive at {time:.12g}", "remove the row")
        if "low" in data and not data["low"][i] <= s <= data["high"][i]:
            problems.add(
                where,
                f"survival {s:.12g} is outside its interval {data['low'][i]:.12g} to "
                f"{data['high'][i]:.12g}",
                "low must be below it and high above",
            )
        time, survival = t, s


def _at_risk(
    rows: list[Row], data: Table, patients: int | None, shown: str, problems: Faults
) -> np.ndarray:
    """Numbers at risk at the start of each interval."""
    if patients is None:
        problems.add(
            shown,
            "n_at_risk says who is left at each landmark but not who started",
            "add 'patients:' in survival/index.yaml, or a row for time 0",
        )
        return data["n_at_risk"]
    n = np.concatenate([[patients], data["n_at_risk"]])
    for i, row in enumerate(rows):
        if not 0 <= n[i + 1] <= n[i]:
            problems.append(
                f"{shown}:{row.line}: n_at_risk is {n[i + 1]:.12g} after {n[i]:.12g}; it must be at least "
                "0 and cannot rise."
            )
        elif n[i + 1] > n[i] * data["survival"][i] / (data["survival"][i - 1] if i else 1.0) + 1:
            problems.append(
                f"{shown}:{row.line}: {n[i + 1]:.12g} at risk, more than the survivors of the {n[i]:.12g} "
                "before. Check n_at_risk and survival."
            )
    if (n[:-1] <= 0).any():
        problems.add(shown, "nobody is at risk before the last landmark", "remove its row")
    return n[:-1]


def log_survival_variance(
    survival: np.ndarray, low: np.ndarray, high: np.ndarray, interval: str
) -> np.ndarray:
    """Variance of log S from its 95 % confidence interval. Dims: landmark.

    On the scale log(-log S) (`log_log`) the interval's width is 2 x 1.96 x se(log S) / |log S|;
    on log S itself (`log`) it is 2 x 1.96 x se(log S).

    >>> s, se = 0.5, 0.2
    >>> low, high = (s ** np.exp(-x * Z * se / np.log(s)) for x in (1, -1))
    >>> bool(np.isclose(log_survival_variance(s, low, high, "log_log"), se**2))
    True
    """
    if interval == "log":
        return ((np.log(high) - np.log(low)) / (2 * Z)) ** 2
    width = np.log(-np.log(low)) - np.log(-np.log(high))
    return (np.abs(np.log(survival)) * width / (2 * Z)) ** 2


def _effective(
    rows: list[Row],
    data: Table,
    p: np.ndarray,
    patients: int | None,
    interval: str,
    shown: str,
    problems: Faults,
) -> np.ndarray:
    """Effective number at risk in each interval, from the confidence intervals."""
    for i, row in enumerate(rows):
        low, high = data["low"][i], data["high"][i]
        if not (0 < low < high and (high < 1 or interval == "log")):
            problems.append(
                f"{shown}:{row.line}: the interval {low:.12g} to {high:.12g} has no width on the scale "
                f"'{interval}'; low must be above 0 and high below 1. Give n_at_risk instead."
            )
            return p
    variance = log_survival_variance(data["survival"], data["low"], data["high"], interval)
    gained = np.diff(variance, prepend=0.0)
    n = np.empty(len(rows))
    left = math.inf if patients is None else float(patients)
    for i, row in enumerate(rows):
        if p[i] == 1:  # no events: as many as there were, or as start the next interval with events
            n[i] = left if math.isfinite(left) else math.nan
            continue
        if gained[i] <= 0:
            problems.append(
                f"{shown}:{row.line}: the interval {data['low'][i]:.12g} to {data['high'][i]:.12g} is too "
                "narrow next to the landmark before: the variance of log survival must rise. Check "
                "low, high and 'interval'."
            )
            return p
        n[i] = (1 - p[i]) / (p[i] * gained[i])
        if i == 0 and n[i] > left * (1 + ROUNDING):
            problems.append(
                f"{shown}:{row.line}: the interval {data['low'][i]:.12g} to {data['high'][i]:.12g} implies "
                f"{n[i]:.0f} patients, more than the {left:.0f} there are. Check low, high, "
                "'interval' and 'patients'."
            )
        n[i] = min(n[i], left)
        left = n[i] * p[i]
    for i in reversed(range(len(n) - 1)):
        n[i] = n[i + 1] if math.isnan(n[i]) else n[i]
    if math.isnan(n[0]):
        problems.add(
            shown,
            "survival is 1 at every landmark, so that the intervals do not say how many "
            "patients there are",
            "give 'patients:' in survival/index.yaml",
        )
    return n
