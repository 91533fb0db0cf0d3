"""Published survival curves and their risk tables, as evidence."""

from __future__ import annotations

from pathlib import Path

from heor.faults import Faults
from heor.inputs.read.evidence_tables import Table
from heor.inputs.text.tables import columns, read_table


def read_published_curve(
    path: Path,
    shown: str,
    factor: float,
    problems: Faults,
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
                f"{shown}:{row.line}: time {t:.12g}, survival {s:.12g}; time is 0 or later, survival a "
                "share or in per cent."
            )
    table = {"click_time": clicks["time"] * factor, "click_survival": clicks["survival"]}
    if risk_path is not None:
        risk = _risk_table(risk_path, risk_shown, problems)
        if risk is None:
            return None
        if risk["time"][0] == 0 and patients not in (None, int(risk["n_at_risk"][0])):
            problems.add(
                risk_shown,
                f"{risk['n_at_risk'][0]:.12g} at risk at time 0, but survival/index.yaml says "
                f"{patients} patients",
                "",
                "Make them agree.",
            )
        if risk["time"][0] == 0:
            patients = int(risk["n_at_risk"][0])
        table |= {"risk_time": risk["time"] * factor, "risk_n": risk["n_at_risk"]}
    if patients is None:
        problems.add(
            shown,
            "nothing says how many patients there are",
            "give 'patients:' in survival/index.yaml, or a risk table that starts at time 0",
        )
    elif total_events is not None and total_events > patients:
        problems.add(shown, f"{total_events} events in {patients} patients", f"at most {patients}")
    if len(problems) > before or patients is None:
        return None
    return table, patients


def _risk_table(path: Path, shown: str, problems: Faults) -> Table | None:
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
            problems.add(where, f"time {risk['time'][i]:.12g} is not after the row before")
        if risk["n_at_risk"][i] > risk["n_at_risk"][i - 1]:
            problems.add(
                where,
                f"n_at_risk rises from {risk['n_at_risk'][i - 1]:.12g} to "
                f"{risk['n_at_risk'][i]:.12g}",
                "it cannot",
            )
    if (risk["n_at_risk"] < 0).any():
        problems.add(shown, "a number at risk is negative", "0 or more")
    return risk if len(problems) == before else None
