"""External targets (inputs/model/targets.csv) beside fitted survival: which are met, and which not.

Only independent targets are validation; a dependent one was used to make the inputs, so agreement
says that the arithmetic is right, no more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.text.tables import number, read_table
from heor.problem.curve_types import FittedCurve
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.survival_analysis.landmarks import AFTER, AVERAGE, BEFORE, Landmarks

COLUMNS = ("target", "quantity", "value", "low", "high", "unit", "source", "dependence", "status")
NAME = re.compile(r"_(os|pfs|dfs)_(\d+|median)(_before_transport|_after_transport)?$")
OTHER_PATIENTS = ("resect", "operat")  # a target of operated patients is not one of the comparator
EMPTY = (
    "target", "quantity", "evidence", "stage", "source", "dependence", "validation", "value",
    "target_low", "target_high", "unit", "model", "low", "high", "rule", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One row about survival: `month` None means the median, in months."""

    name: str
    quantity: str
    endpoint: str
    month: float | None
    stage: str | None
    value: float
    low: float
    high: float
    unit: str
    source: str
    dependence: str
    note: str

    @property
    def independent(self) -> bool:
        return self.dependence == "independent"

    @property
    def upper_bound(self) -> bool:
        return "upper bound" in self.note

    @property
    def operated(self) -> bool:
        return any(word in f"{self.quantity} {self.note}".lower() for word in OTHER_PATIENTS)


def read_targets(inputs: str | Path) -> tuple[Target, ...]:
    """Survival targets in `model/targets.csv`; none where there is no such file.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    path = Path(inputs) / "model" / "targets.csv"
    if not path.exists():
        return ()
    problems = Faults()
    shown = "inputs/model/targets.csv"
    rows = read_table(path, shown, COLUMNS, ("note",), problems)
    found = []
    for row in rows:
        match = NAME.search(row.cells["target"])
        if match is None:
            continue
        where, nan = f"{shown}:{row.line}", float("nan")
        value, low, high = (
            number(row, k, where, problems, blank=nan) for k in ("value", "low", "high")
        )
        endpoint, month, stage = match.groups()
        text = {k: row.cells[k] for k in ("quantity", "unit", "source", "dependence")}
        found.append(
            Target(
                name=row.cells["target"],
                endpoint=endpoint,
                month=None if month == "median" else float(month),
                stage=stage[1:].replace("_", " ") if stage else None,
                value=value,
                low=low,
                high=high,
                note=row.cells.get("note", ""),
                **text,
            )
        )
    if problems:
        raise InputError(problems)
    return tuple(found)


def compare(
    problem: DecisionProblem, tables: Landmarks, targets: tuple[Target, ...]
) -> pd.DataFrame:
    """Targets of the comparator's curves against the average of families.

    A target that does not say before or after transport is compared with both. Inside: an upper
    bound is not exceeded by the model's mean; else the target (its interval, where it has one)
    meets the model's 95 % interval.

    Returns
    -------
    DataFrame
        `target`, `quantity`, `evidence`, `stage`, `source`, `dependence`, `validation` (whether
        independent), `value`, `target_low`, `target_high`, `unit`, `model`, `low`, `high`,
        `rule`, `verdict`; independent targets first.
    """
    comparator = problem.strategies[problem.settings.comparator].curves
    rows = []
    for target in targets:
        curve = comparator.get(target.endpoint)
        if target.operated or not isinstance(curve, FittedCurve):
            continue
        for stage in (target.stage,) if target.stage else (BEFORE, AFTER):
            model = _model(tables, curve.evidence, stage, target.month)
            if model is not None:
                rows.append(_row(target, curve.evidence, stage, model))
    table = pd.DataFrame(rows, columns=list(EMPTY))
    return table.sort_values("validation", ascending=False, kind="stable", ignore_index=True)


def _model(
    tables: Landmarks, evidence: str, stage: str, month: float | None
) -> tuple[float, float, float] | None:
    """Mean (or median), low and high of the average."""
    frame, columns = tables.landmarks, ("mean", "low", "high")
    if month is None:
        frame, columns = tables.summary, ("median_months", "median_low", "median_high")
    chosen = (frame["evidence"] == evidence) & (frame["stage"] == stage)
    chosen &= frame["family"] == AVERAGE
    if month is not None:
        chosen &= frame["month"] == month
    found = frame[chosen]
    if found.empty and month is not None:
        return _from_curve(tables, evidence, stage, month)
    return tuple(float(found[c].iloc[0]) for c in columns) if len(found) else None


def _from_curve(
    tables: Landmarks, evidence: str, stage: str, month: float
) -> tuple[float, float, float] | None:
    """Another month than a landmark, from the monthly curve."""
    frame = tables.curves
    chosen = frame[
        (frame["evidence"] == evidence) & (frame["stage"] == stage) & (frame["family"] == AVERAGE)
    ]
    if chosen.empty or month > chosen["month"].max():
        return None
    return tuple(
        float(np.interp(month, chosen["month"], chosen[k])) for k in ("mean", "low", "high")
    )


def _row(target: Target, evidence: str, stage: str, model: tuple[float, float, float]) -> dict:
    mean, low, high = model
    factor = MONTHS_PER_YEAR if target.month is None and target.unit == "years" else 1.0
    value, t_low, t_high = (x * factor for x in (target.value, target.low, target.high))
    if target.upper_bound:
        rule, inside = "upper bound on the mean", mean <= value
    elif np.isfinite(t_low) and np.isfinite(t_high):
        rule, inside = "intervals overlap", t_low <= high and low <= t_high
    else:
        rule, inside = "value in the model's 95 % interval", low <= value <= high
    return {
        "target": target.name,
        "quantity": target.quantity,
        "evidence": evidence,
        "stage": stage,
        "source": target.source,
        "dependence": target.dependence,
        "validation": target.independent,
        "value": value,
        "target_low": t_low,
        "target_high": t_high,
        "unit": "months" if target.month is None else target.unit,
        "model": mean,
        "low": low,
        "high": high,
        "rule": rule,
        "verdict": "inside" if inside else "outside",
    }
