"""What was observed, without a model: Kaplan-Meier, numbers at risk, empirical hazard.

Works for every form of evidence. Times are in years. Grouped counts are actuarial: whoever is
censored in an interval is at risk for half of it. Landmarks and registry counts have survivors by
interval only. A published curve is reconstructed first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.survival.evidence.evidence import individual

NORMAL_975 = 1.959963984540054
EVENTS_PER_WINDOW = 20  # an empirical hazard on fewer events is mostly noise
SHORTEST_WINDOW = 1 / MONTHS_PER_YEAR  # years
SHARE_IN_KERNEL = 0.2  # of all events, on both sides of a time: the adaptive bandwidth
AT_RISK_MIN = 10  # a smoothed hazard on fewer patients is not shown
CELLS = 400  # of the fine grid that individual exposure is counted on
FEW_EVENTS = 2 * EVENTS_PER_WINDOW  # below it there is nothing to smooth
BINOMIAL = ("landmark", "counts")

Columns = dict[str, np.ndarray]


def _columns(evidence: SurvivalEvidence) -> tuple[str, Columns]:
    """Form and columns of the evidence as patients or counts, with entry and weight filled in."""
    evidence = individual(evidence)
    table = {k: np.asarray(v, float) for k, v in evidence.table.items()}
    if evidence.form == "individual":
        n = len(table["time"])
        table = {"entry": np.zeros(n), "weight": np.ones(n)} | table
    if evidence.form in BINOMIAL:
        table["n_events"] = table["n"] - table["survivors"]
    return evidence.form, table


def kaplan_meier(evidence: SurvivalEvidence) -> pd.DataFrame:
    """Kaplan-Meier estimate with 95 % interval (Greenwood, log-log).

    Grouped evidence: at the end of each interval, with the censored of an interval at risk for
    half of it (actuarial). Landmarks and counts: at the end of each interval. Individual: at each
    event time, entry (left truncation) respected.

    Returns
    -------
    DataFrame
        `time` (years, from 0), `survival`, `low`, `high`, `n_at_risk`, `n_events`.
    """
    time, at_risk, events, exposed = _risk_table(evidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = np.cumprod(1 - events / exposed)
        greenwood = np.cumsum(events / (exposed * (exposed - events)))
        spread = NORMAL_975 * np.sqrt(greenwood) / np.abs(np.log(s))
        low, high = s ** np.exp(spread), s ** np.exp(-spread)
    no_events = np.cumsum(events) == 0
    low, high = np.where(no_events, 1.0, low), np.where(no_events, 1.0, high)
    first = {"time": 0.0, "survival": 1.0, "low": 1.0, "high": 1.0, "n_events": 0.0}
    rest = {"time": time, "survival": s, "low": low, "high": high, "n_events": events}
    table = pd.DataFrame({k: np.append(first[k], rest[k]) for k in first})
    table.insert(4, "n_at_risk", np.append(at_risk[:1], at_risk))
    return table


def _risk_table(evidence: SurvivalEvidence) -> tuple[np.ndarray, ...]:
    """Times, numbers at risk before them, events, and the exposed the events are divided by."""
    form, table = _columns(evidence)
    if form == "individual":
        end, event, entry, weight = (table[k] for k in ("time", "event", "entry", "weight"))
        time = np.unique(end[event > 0])
        at_risk = np.array([weight[(entry < t) & (end >= t)].sum() for t in time])
        events = np.array([weight[(end == t) & (event > 0)].sum() for t in time])
        return time, at_risk, events, at_risk
    at_risk = table["n"] if form in BINOMIAL else table["n_at_risk"]
    censored = 0.0 if form in BINOMIAL else table["n_censored"]
    exposed = at_risk - 0.5 * censored
    keep = exposed > 0
    events = table["n_events"][keep]
    return table["end"][keep], at_risk[keep], events, np.maximum(exposed[keep], events)


def number_at_risk(evidence: SurvivalEvidence, time: np.ndarray) -> np.ndarray:
    """Patients under observation at these times (years); 0 after the last. Dims: time."""
    form, table = _columns(evidence)
    if form == "individual":
        at = time[:, None]
        return ((table["time"] >= at) & (table["entry"] <= at)).sum(axis=1)
    n = table["n" if form in BINOMIAL else "n_at_risk"]
    covered = np.searchsorted(table["start"], time + 1e-9, side="right") - 1
    after = (time >= table["end"][-1] - 1e-9) | (covered < 0)
    return np.where(after, 0, n[np.maximum(covered, 0)]).round().astype(int)


def follow_up(evidence: SurvivalEvidence) -> tuple[float, float]:
    """Time of the last event, and the last time under observation (years)."""
    table = kaplan_meier(evidence)
    _, data = _columns(evidence)
    last = float(np.max(data["time" if "entry" in data else "end"]))
    seen = table["time"][table["n_events"] > 0]
    return (float(seen.max()) if len(seen) else last), last


def median(evidence: SurvivalEvidence) -> float:
    """Kaplan-Meier median, years; NaN when survival stays above one half."""
    table = kaplan_meier(evidence)
    low = table["survival"].to_numpy() <= 0.5 + 1e-12
    return float(table["time"][low].iloc[0]) if low.any() else float("nan")


def empirical_hazard(evidence: SurvivalEvidence, edges: Sequence[float]) -> pd.DataFrame:
    """Events per person-year in stated windows, with an exact-scale (log) 95 % interval.

    Grouped evidence: a patient who leaves in an interval is counted for half of it, and an
    interval belongs to the window that holds its middle.

    Parameters
    ----------
    edges
        Boundaries of the windows, in years.

    Returns
    -------
    DataFrame
        `start`, `end`, `events`, `person_years`, `hazard`, `low`, `high` (per year).
    """
    edges = np.asarray(edges, float)
    form, table = _columns(evidence)
    if form == "individual":
        end, entry, weight = table["time"], table["entry"], table["weight"]
        events, _ = np.histogram(end, edges, weights=weight * table["event"])
        inside = np.minimum(end[:, None], edges[1:]) - np.maximum(entry[:, None], edges[:-1])
        person_years = (weight[:, None] * np.maximum(inside, 0.0)).sum(axis=0)
    else:
        middle = 0.5 * (table["start"] + table["end"])
        events, _ = np.histogram(middle, edges, weights=table["n_events"])
        person_years, _ = np.histogram(middle, edges, weights=_exposure(form, table))
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = events / person_years
        spread = np.exp(NORMAL_975 / np.sqrt(events))
        low, high = hazard / spread, hazard * spread
    found = {"start": edges[:-1], "end": edges[1:], "events": events}
    found |= {"person_years": person_years, "hazard": hazard, "low": low, "high": high}
    return pd.DataFrame(found)


def _exposure(form: str, table: Columns) -> np.ndarray:
    """Person-years of each interval of counts. Dims: row."""
    at_risk = table["n"] if form in BINOMIAL else table["n_at_risk"]
    left = table["n_events"] + (0.0 if form in BINOMIAL else table["n_censored"])
    return (at_risk - 0.5 * left) * (table["end"] - table["start"])


def hazard_windows(evidence: SurvivalEvidence) -> np.ndarray:
    """Boundaries (years) of windows that hold at least `EVENTS_PER_WINDOW` events.

    What is left after the last full window joins it, up to the last event.
    """
    table = kaplan_meier(evidence)
    edges, events = [0.0], 0.0
    for time, more in zip(table["time"], table["n_events"], strict=True):
        events += more
        if events >= EVENTS_PER_WINDOW and time - edges[-1] >= SHORTEST_WINDOW - 1e-9:
            edges, events = [*edges, time], 0.0
    last = follow_up(evidence)[0]
    return np.array([*(edges[:-1] if len(edges) > 1 else edges), last])


def smooth_hazard(evidence: SurvivalEvidence, points: int = 121) -> pd.DataFrame:
    """Hazard smoothed by a local linear kernel estimator, with pointwise 95 % interval.

    Events over exposure, both weighted by an Epanechnikov kernel whose half-width at each time
    holds the nearest 20 % of events (at least 20); the local linear form has no bias at time zero
    or at the end (Hiabu et al. 2015, doi:10.15446/rce.v38n2.51668). From zero to the last event
    with 10 patients at risk; empty where there is nothing to smooth (survivors by interval, or
    fewer than 40 events).

    Returns
    -------
    DataFrame
        `time` (years), `hazard`, `low`, `high` (per year), `half_width` (years).
    """
    columns = ["time", "hazard", "low", "high", "half_width"]
    form, table = _columns(evidence)
    if form in BINOMIAL:
        return pd.DataFrame(columns=columns)
    at, events, where, exposure = _events_and_exposure(form, table)
    if events.sum() < FEW_EVENTS:
        return pd.DataFrame(columns=columns)
    enough = at[number_at_risk(evidence, at) >= AT_RISK_MIN]
    time = np.linspace(0.0, enough.max() if len(enough) else at.max(), points)
    width = _half_width(time, at, events)
    near = _kernel(time, at, width)
    base = _kernel(time, where, width) * exposure
    gap, off = time[:, None] - at, time[:, None] - where
    a0, a1, a2 = (np.sum(base * off**k, axis=1) for k in (0, 1, 2))
    share = near * (a2[:, None] - a1[:, None] * gap) / (a0 * a2 - a1**2)[:, None]
    hazard = np.maximum(share @ events, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.exp(NORMAL_975 * np.sqrt(share**2 @ events) / hazard)
        found = [time, hazard, hazard / spread, hazard * spread, width]
    return pd.DataFrame(dict(zip(columns, found, strict=True)))


def _events_and_exposure(form: str, table: Columns) -> tuple[np.ndarray, ...]:
    """Times of events and their numbers; times of exposure and person-years there."""
    if form == "grouped":
        middle = 0.5 * (table["start"] + table["end"])
        some = table["n_events"] > 0
        return middle[some], table["n_events"][some], middle, _exposure(form, table)
    end, entry, weight = table["time"], table["entry"], table["weight"]
    some = table["event"] > 0
    edges = np.linspace(0.0, end.max(), CELLS + 1)
    inside = np.minimum(end[:, None], edges[1:]) - np.maximum(entry[:, None], edges[:-1])
    exposure = weight @ np.maximum(inside, 0.0)
    order = np.argsort(end[some], kind="stable")
    return end[some][order], weight[some][order], 0.5 * (edges[1:] + edges[:-1]), exposure


def _half_width(time: np.ndarray, at: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Distance from each time within which the wanted number of events lies. Dims: time."""
    wanted = max(EVENTS_PER_WINDOW, SHARE_IN_KERNEL * events.sum())
    distance = np.abs(time[:, None] - at)
    order = np.argsort(distance, axis=1, kind="stable")
    reached = np.cumsum(events[order], axis=1) >= wanted
    sorted_distance = np.take_along_axis(distance, order, axis=1)
    found = sorted_distance[np.arange(len(time)), reached.argmax(axis=1)]
    return np.maximum(found, 1.5 * SHORTEST_WINDOW)


def _kernel(time: np.ndarray, at: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Epanechnikov weights. Dims: (time, at)."""
    u = (time[:, None] - at) / width[:, None]
    return np.maximum(1.0 - u * u, 0.0) / width[:, None]


def transforms(evidence: SurvivalEvidence) -> pd.DataFrame:
    """Scales on which a family's survival is a straight line, with the Kaplan-Meier interval.

    Returns
    -------
    DataFrame
        `scale` (`log_cumulative_hazard`: Weibull, against log time; `log_odds`: log-logistic;
        `probit`: log-normal; `cumulative_hazard`: exponential, against time), `time` (years),
        `value`, `low`, `high`.
    """
    table = kaplan_meier(evidence)
    table = table[(table["survival"] < 1) & (table["survival"] > 0)]
    parts = []
    for scale, function in SCALES.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {k: function(table[k].to_numpy()) for k in ("survival", "high", "low")}
        part = pd.DataFrame({"scale": scale, "time": table["time"].to_numpy()})
        part["value"], part["low"], part["high"] = found["survival"], found["high"], found["low"]
        parts.append(part)
    return pd.concat(parts, ignore_index=True).replace([np.inf, -np.inf], np.nan)


def _probit(survival: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    return -ndtri(survival)


#: Functions of survival that rise from zero survival lost.
SCALES = {
    "log_cumulative_hazard": lambda s: np.log(-np.log(s)),
    "log_odds": lambda s: np.log((1 - s) / s),
    "probit": _probit,
    "cumulative_hazard": lambda s: -np.log(s),
}
