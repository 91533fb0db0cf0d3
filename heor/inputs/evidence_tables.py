"""Tables of survival evidence, one reader a form (landmarks: `landmarks`), checked line by line.

Every reader returns arrays with times in years, or None when the table cannot be read or is
faulty. What the keys mean is said at `SurvivalEvidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heor.inputs.tables import columns, number, read_table

#: Last time of evidence, years: outside it the time unit is probably wrong.
SHORTEST, LONGEST = 0.02, 60.0
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
    data = columns(rows, names, shown, problems, names[2:])
    if len(problems) > before:
        return None
    if data["time_start"][0] != 0:
        problems.append(
            f"{shown}:{rows[0].line}: the first interval starts at {data['time_start'][0]:g}; counts "
            "must start at 0. Give counts from later on as form: counts (start, stop, n, survivors)."
        )
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
        if data["event"][i] not in (0, 1) and np.isfinite(data["event"][i]):
            problems.append(f"{where}: event is {data['event'][i]:g}; 1 (event) or 0 (censored).")
        if data["entry"][i] < 0 or data["entry"][i] >= data["time"][i]:
            problems.append(f"{where}: entry must be at least 0 and before time.")
        if data["weight"][i] < 0:
            problems.append(f"{where}: weight {data['weight'][i]:g} is negative; 0 or more.")
    own = {"time", "event", "entry", "weight"}
    out = {k if k in own else f"x_{k}": v for k, v in data.items()}
    return {**out, "time": out["time"] * factor, "entry": out["entry"] * factor}


# ------------------------------------------------------------- registry counts, published curves
def read_counts(path: Path, shown: str, factor: float, problems: list[str]) -> Table | None:
    """External counts, for example a registry's: of n alive at start, survivors at stop."""
    names = ("start", "stop", "n", "survivors")
    rows = read_table(path, shown, names, (), problems)
    if not rows:
        return None
    before = len(problems)
    data = columns(rows, names, shown, problems, names[2:])
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
        if t < 0 or s < -3 or s > 103:
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
    risk = columns(rows, ("time", "n_at_risk"), shown, problems, ("n_at_risk",))
    if len(problems) > before:
        return None
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
