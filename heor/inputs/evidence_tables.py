"""Tables of survival evidence, one reader a form, each checked with file and line.

Every reader returns arrays with times in years, or None when the table cannot be read or is
faulty. What the keys mean is said at `SurvivalEvidence`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heor.inputs.tables import Row, columns, number, read_table

Z = 1.959963984540054  # a 95 % confidence interval
#: Last time of evidence, years: outside it the time unit is probably wrong.
SHORTEST, LONGEST = 0.02, 60.0
#: Share by which a number at risk from a rounded interval may exceed the patients there are.
ROUNDING = 0.05
Table = dict[str, np.ndarray]


def check_horizon(last: float, shown: str, problems: list[str]) -> None:
    """Note a last time (years) that no follow-up has."""
    if not SHORTEST <= last <= LONGEST:
        problems.append(
            f"{shown}: the last time is {last:.3g} years; evidence spans {SHORTEST:g} to {LONGEST:g} "
            "years. Is 'time_unit' right?"
        )


def read_grouped(
    path: Path, shown: str, factor: float, problems: list[str]
) -> dict[str, np.ndarray] | None:
    """Grouped counts, times converted to years, checked: intervals touch, at-risk adds up."""
    names = ("time_start", "time_end", "n_at_risk", "n_events", "n_censored")
    rows = read_table(path, shown, names, (), problems)
    if not rows:
        return None
    before = len(problems)
    data = columns(rows, names, shown, problems)
    if len(problems) > before:
        return None
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        start, end, at_risk, events, censored = (data[n][i] for n in names)
        if end <= start:
            problems.append(f"{where}: time_end {end:g} is not after time_start {start:g}.")
        if min(at_risk, events, censored) < 0:
            problems.append(f"{where}: a count is negative; counts must be 0 or more.")
        if events + censored > at_risk:
            problems.append(
                f"{where}: {events:g} events and {censored:g} censored exceed the {at_risk:g} at "
                "risk. Check the counts."
            )
        if i + 1 < len(rows):
            following = data["n_at_risk"][i + 1]
            expected = at_risk - events - censored
            if following != expected:
                problems.append(
                    f"{shown}:{rows[i + 1].line}: n_at_risk is {following:g}, but {at_risk:g} - "
                    f"{events:g} - {censored:g} = {expected:g} remain. At-risk counts must add up."
                )
            if data["time_start"][i + 1] != end:
                problems.append(
                    f"{shown}:{rows[i + 1].line}: interval starts at "
                    f"{data['time_start'][i + 1]:g}, the one before ends at {end:g}; they must touch."
                )
    return {
        "start": data["time_start"] * factor,
        "end": data["time_end"] * factor,
        "n_at_risk": data["n_at_risk"],
        "n_events": data["n_events"],
        "n_censored": data["n_censored"],
    }


def read_individual(
    path: Path,
    shown: str,
    factor: float,
    problems: list[str],
    covariates: Sequence[str] = (),
) -> Table | None:
    """Individual data (time, event, optional entry and weight, covariates), times in years."""
    rows = read_table(path, shown, ("time", "event", *covariates), ("entry", "weight"), problems)
    if not rows:
        return None
    data = columns(rows, ("time", "event", *covariates), shown, problems)
    for name, blank in (("entry", 0.0), ("weight", 1.0)):
        data[name] = np.array(
            [number(r, name, f"{shown}:{r.line}", problems, blank=blank) for r in rows]
        )
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        if data["event"][i] not in (0, 1):
            problems.append(f"{where}: event is {data['event'][i]:g}; 1 (event) or 0 (censored).")
        if not 0 <= data["entry"][i] < data["time"][i]:
            problems.append(f"{where}: entry must be at least 0 and before time.")
        if data["weight"][i] < 0:
            problems.append(f"{where}: weight {data['weight'][i]:g} is negative; 0 or more.")
    own = {"time", "event", "entry", "weight"}
    out = {k if k in own else f"x_{k}": v for k, v in data.items()}
    return {**out, "time": out["time"] * factor, "entry": out["entry"] * factor}


# -------------------------------------------------------------------------------- landmarks
def read_landmark(
    path: Path,
    shown: str,
    factor: float,
    problems: list[str],
    patients: int | None,
    interval: str,
) -> Table | None:
    """Survival at landmarks as conditional binomials, one an interval.

    Of n patients at the start of an interval, n S(end) / S(start) survive it. n is

    - with `n_at_risk`: the number at risk at the interval's start (`patients` at time 0). Censoring
      inside the interval is ignored, which makes it slightly too certain;
    - with `low` and `high` (95 %): the effective number that gives the increase of var(log S) over
      the interval, (1 - p) / (p n) by Greenwood. `interval` says on which scale the confidence
      interval was made: log(-log S) or log S. Never more than survived the interval before;
    - with `patients` alone: patients x S(start), as if nobody were censored.
    """
    rows = read_table(path, shown, ("time", "survival"), ("n_at_risk", "low", "high"), problems)
    if not rows:
        return None
    before = len(problems)
    given = _landmark_columns(rows, shown, problems)
    data = columns(rows, given, shown, problems)
    if len(problems) > before:
        return None
    rows, data, patients = _without_time_zero(rows, data, patients, shown, problems)
    if not rows:
        problems.append(f"{shown}: no landmark after time 0; at least one is needed.")
        return None
    _check_landmarks(rows, data, shown, problems)
    if len(problems) > before:
        return None
    start = np.concatenate([[0.0], data["time"][:-1]])
    alive = np.concatenate([[1.0], data["survival"][:-1]])
    p = data["survival"] / alive
    if "n_at_risk" in data:
        n = _at_risk(rows, data, patients, shown, problems)
    elif "low" in data:
        n = _effective(rows, data, p, patients, interval, shown, problems)
    elif patients is None:
        problems.append(
            f"{shown}: nothing says how many patients there are; give a column n_at_risk, columns "
            "low and high, or 'patients:' in survival/index.yaml."
        )
        n = alive
    else:
        n = patients * alive
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


def _landmark_columns(rows: list[Row], shown: str, problems: list[str]) -> tuple[str, ...]:
    """The columns to read; a confidence interval and numbers at risk exclude each other."""
    present = rows[0].cells
    if ("low" in present) != ("high" in present):
        problems.append(f"{shown}:1: 'low' and 'high' belong together. Add the other column.")
    if "n_at_risk" in present and "low" in present:
        problems.append(
            f"{shown}:1: both n_at_risk and low, high are given; one of them says how certain the "
            "survival is. Remove the other."
        )
    return tuple(c for c in ("time", "survival", "n_at_risk", "low", "high") if c in present)


def _without_time_zero(
    rows: list[Row], data: Table, patients: int | None, shown: str, problems: list[str]
) -> tuple[list[Row], Table, int | None]:
    """A row at time 0 says who starts; it is no landmark."""
    if data["time"][0] != 0:
        return rows, data, patients
    where = f"{shown}:{rows[0].line}"
    if data["survival"][0] != 1:
        problems.append(f"{where}: survival at time 0 is {data['survival'][0]:g}; it must be 1.")
    if "n_at_risk" in data:
        first = data["n_at_risk"][0]
        if patients is not None and first != patients:
            problems.append(
                f"{where}: {first:g} at risk at time 0, but survival/index.yaml says {patients} "
                "patients. Make them agree."
            )
        patients = int(first)
    return rows[1:], {k: v[1:] for k, v in data.items()}, patients


def _check_landmarks(rows: list[Row], data: Table, shown: str, problems: list[str]) -> None:
    """Order of times, survival and intervals, row by row."""
    time, survival = 0.0, 1.0
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        t, s = data["time"][i], data["survival"][i]
        if t <= time:
            problems.append(f"{where}: time {t:g} is not after {time:g}; times must rise.")
        if not 0 <= s <= 1:
            problems.append(
                f"{where}: survival {s:g}; a probability lies between 0 and 1. Is it in per cent?"
            )
        elif s > survival:
            problems.append(
                f"{where}: survival rises from {survival:g} to {s:g}; it cannot. Check the value."
            )
        elif survival == 0:
            problems.append(f"{where}: nobody was alive at {time:g}; remove the row.")
        if "low" in data and not data["low"][i] <= s <= data["high"][i]:
            problems.append(
                f"{where}: survival {s:g} is outside its interval {data['low'][i]:g} to "
                f"{data['high'][i]:g}; low must be below it and high above."
            )
        time, survival = t, s


def _at_risk(
    rows: list[Row], data: Table, patients: int | None, shown: str, problems: list[str]
) -> np.ndarray:
    """Numbers at risk at the start of each interval."""
    if patients is None:
        problems.append(
            f"{shown}: n_at_risk says who is left at each landmark but not who started; add "
            "'patients:' in survival/index.yaml, or a row for time 0."
        )
        return data["n_at_risk"]
    n = np.concatenate([[patients], data["n_at_risk"]])
    for i, row in enumerate(rows):
        if not 0 <= n[i + 1] <= n[i]:
            problems.append(
                f"{shown}:{row.line}: n_at_risk is {n[i + 1]:g} after {n[i]:g}; it must be at least "
                "0 and cannot rise."
            )
        if n[i + 1] > n[i] * data["survival"][i] / (data["survival"][i - 1] if i else 1.0) + 1:
            problems.append(
                f"{shown}:{row.line}: {n[i + 1]:g} at risk, more than the survivors of the {n[i]:g} "
                "before. Check n_at_risk and survival."
            )
    if (n[:-1] <= 0).any():
        problems.append(f"{shown}: nobody is at risk before the last landmark; remove its row.")
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
    problems: list[str],
) -> np.ndarray:
    """Effective number at risk in each interval, from the confidence intervals."""
    for i, row in enumerate(rows):
        low, high = data["low"][i], data["high"][i]
        if not (0 < low < high and (high < 1 or interval == "log")):
            problems.append(
                f"{shown}:{row.line}: the interval {low:g} to {high:g} has no width on the scale "
                f"'{interval}'; low must be above 0 and high below 1. Give n_at_risk instead."
            )
            return p
    variance = log_survival_variance(data["survival"], data["low"], data["high"], interval)
    gained = np.diff(variance, prepend=0.0)
    n = np.empty(len(rows))
    left = math.inf if patients is None else float(patients)
    for i, row in enumerate(rows):
        if p[i] == 1:  # no events: as many as there were, for want of better
            n[i] = left if math.isfinite(left) else 0.0
        elif gained[i] <= 0:
            problems.append(
                f"{shown}:{row.line}: the interval {data['low'][i]:g} to {data['high'][i]:g} is too "
                "narrow beside the landmark before: the variance of log survival must rise. Check "
                "low, high and 'interval'."
            )
            return p
        else:
            n[i] = (1 - p[i]) / (p[i] * gained[i])
        if i == 0 and n[i] > left * (1 + ROUNDING):
            problems.append(
                f"{shown}:{row.line}: the interval {data['low'][i]:g} to {data['high'][i]:g} implies "
                f"{n[i]:.0f} patients, more than the {left:.0f} there are. Check low, high, "
                "'interval' and 'patients'."
            )
        n[i] = min(n[i], left)
        left = n[i] * p[i]
    return n


# ------------------------------------------------------------- registry counts, published curves
def read_counts(path: Path, shown: str, factor: float, problems: list[str]) -> Table | None:
    """External counts, for example a registry's: of n alive at start, survivors at stop."""
    names = ("start", "stop", "n", "survivors")
    rows = read_table(path, shown, names, (), problems)
    if not rows:
        return None
    before = len(problems)
    data = columns(rows, names, shown, problems)
    if len(problems) > before:
        return None
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        start, stop, n, survivors = (data[k][i] for k in names)
        if not 0 <= start < stop:
            problems.append(f"{where}: stop {stop:g} is not after start {start:g} (0 or later).")
        if n <= 0:
            problems.append(f"{where}: n is {n:g}; it must be above 0.")
        if not 0 <= survivors <= n:
            problems.append(f"{where}: {survivors:g} survivors of {n:g}; from 0 to n are possible.")
    return {
        "start": data["start"] * factor,
        "end": data["stop"] * factor,
        "n": data["n"],
        "survivors": data["survivors"],
    }


def read_published_curve(
    path: Path,
    shown: str,
    factor: float,
    problems: list[str],
    risk_path: Path | None,
    risk_shown: str,
    patients: int | None,
    total_events: int | None,
) -> tuple[Table, int] | None:
    """Clicks on a published curve and its risk table, with the number of patients.

    The clicks are kept as they were made (in any order, as a share or in per cent); the survival
    layer repairs and reconstructs.
    """
    rows = read_table(path, shown, ("time", "survival"), (), problems)
    if not rows:
        return None
    before = len(problems)
    clicks = columns(rows, ("time", "survival"), shown, problems)
    for i, row in enumerate(rows):
        t, s = clicks["time"][i], clicks["survival"][i]
        if t < 0 or not -3 <= s <= 103:
            problems.append(
                f"{shown}:{row.line}: time {t:g}, survival {s:g}; time is 0 or later, survival a "
                "share or in per cent."
            )
    table = {"click_time": clicks["time"] * factor, "click_survival": clicks["survival"]}
    if risk_path is not None:
        risk = _risk_table(risk_path, risk_shown, problems)
        if risk is None:
            return None
        if risk["time"][0] == 0 and patients not in (None, int(risk["n_at_risk"][0])):
            problems.append(
                f"{risk_shown}: {risk['n_at_risk'][0]:g} at risk at time 0, but survival/index.yaml "
                f"says {patients} patients. Make them agree."
            )
        if risk["time"][0] == 0:
            patients = int(risk["n_at_risk"][0])
        table |= {"risk_time": risk["time"] * factor, "risk_n": risk["n_at_risk"]}
    if patients is None:
        problems.append(
            f"{shown}: nothing says how many patients there are; give 'patients:' in "
            "survival/index.yaml, or a risk table that starts at time 0."
        )
    elif total_events is not None and total_events > patients:
        problems.append(
            f"{shown}: {total_events} events in {patients} patients; at most {patients}."
        )
    if len(problems) > before or patients is None:
        return None
    return table, patients


def _risk_table(path: Path, shown: str, problems: list[str]) -> Table | None:
    """Numbers at risk of a published curve."""
    rows = read_table(path, shown, ("time", "n_at_risk"), (), problems)
    if not rows:
        return None
    before = len(problems)
    risk = columns(rows, ("time", "n_at_risk"), shown, problems)
    for i, row in enumerate(rows[1:], start=1):
        where = f"{shown}:{row.line}"
        if risk["time"][i] <= risk["time"][i - 1]:
            problems.append(f"{where}: time {risk['time'][i]:g} is not after the row before.")
        if risk["n_at_risk"][i] > risk["n_at_risk"][i - 1]:
            problems.append(
                f"{where}: n_at_risk rises from {risk['n_at_risk'][i - 1]:g} to "
                f"{risk['n_at_risk'][i]:g}; it cannot."
            )
    if (risk["n_at_risk"] < 0).any():
        problems.append(f"{shown}: a number at risk is negative; 0 or more.")
    return risk if len(problems) == before else None
