"""Survival evidence as the inputs hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from heor.problem.parameter import Origin

#: Columns that hold the last time of evidence, by what its form has.
LAST_TIMES = ("end", "time", "click_time")


@dataclass(frozen=True)
class SurvivalEvidence:
    """Time-to-event evidence. Times in years.

    What `table` holds, by form:

    `grouped`: `start`, `end`, `n_at_risk`, `n_events`, `n_censored`, one row an interval
    (start, end]. `individual`: `time`, `event`, `entry`, `weight` and `x_<name>` of each
    covariate, one row a patient. `landmark`: `start`, `end`, `n`, `survivors` of each interval
    between landmarks (n need not be whole; it may be effective) with `time` and `survival` as
    published. `counts` (a registry's): the same without `time` and `survival`. `published_curve`:
    the clicks `click_time`, `click_survival` and the risk table `risk_time`, `risk_n` where there
    is one; the survival layer reconstructs the patients.

    `age` and `share_male` describe the patients, for background mortality; `external` names
    counts or landmarks that inform the same curve.
    """

    name: str
    label: str
    endpoint: str
    form: str
    table: Mapping[str, np.ndarray]
    source: tuple[str, ...]
    status: str
    origin: Origin
    age: float | None = None
    share_male: float | None = None
    note: str = ""
    external: tuple[str, ...] = ()
    patients: int | None = None
    total_events: int | None = None

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates of individual data."""
        return tuple(k.removeprefix("x_") for k in self.table if k.startswith("x_"))

    @property
    def n(self) -> int:
        """Patients; of registry counts the most that one row follows."""
        if self.form == "individual":
            return len(self.table["time"])
        if self.form == "published_curve":
            return self.patients or 0
        key = "n_at_risk" if self.form == "grouped" else "n"
        return int(round(float(np.max(self.table[key], initial=0))))

    @property
    def events(self) -> int:
        """Events; of landmarks and curves without a total, those their survival implies."""
        table = self.table
        if self.form in ("grouped", "individual"):
            return int(np.sum(table["n_events" if self.form == "grouped" else "event"]))
        if self.form == "published_curve":
            last = float(table["click_survival"].min())
            share = 1 - (last / 100 if table["click_survival"].max() > 2 else last)
            return int(round(self.n * share)) if self.total_events is None else self.total_events
        return int(round(float(np.sum(table["n"] - table["survivors"]))))

    @property
    def last_time(self) -> float:
        """Years; of landmarks and curves the last that was read."""
        return float(next(self.table[k].max() for k in LAST_TIMES if k in self.table))

    @property
    def has_events(self) -> bool:
        """Whether anybody has the event, weights and parts of a patient included."""
        table = self.table
        if self.form == "individual":
            return bool((table["event"] * table["weight"] > 0).any())
        if self.form == "grouped":
            return bool((table["n_events"] > 0).any())
        if self.form == "published_curve":
            return self.events > 0
        return bool((table["survivors"] < table["n"]).any())
