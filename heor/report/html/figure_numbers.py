"""The numbers behind each figure, as tables of texts a reader can reach under it.

They are those of `heor.report.numbers`, rounded and thinned.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from heor.report.figure_data import comparison, drivers, fits, survival, what_if
from heor.report.figure_data.table import Numbers
from heor.report.format.comparison import Comparison
from heor.report.format.labels import endpoint_label, state_label
from heor.report.format.words import as_ratio, entered, money, parameter_label, significant
from heor.runs.results import Results

CURVE_MONTHS = np.arange(0, survival.MODEL_MONTHS + 1, 6)
FIT_MONTHS = np.arange(0, fits.FIT_MONTHS + 1, 6)
CURVE_ROWS = 31  # of the acceptability curve


def numbers(results: Results, name: str) -> pd.DataFrame | None:
    """The table of one figure; None where it stands beside the figure already."""
    if name.startswith("what_if_"):
        return _what_if(results, name.removeprefix("what_if_"))
    for start in ("survival", "fits"):
        if name.startswith(f"{start}_"):
            return BY_ENDPOINT[start](results, name.removeprefix(f"{start}_"))
    return BY_FIGURE[name](results) if name in BY_FIGURE else None


def _survival(results: Results, endpoint: str) -> pd.DataFrame:
    """Model curves with intervals, what was observed, and numbers at risk."""
    own = survival.survival(results, endpoint)
    frame = {"Months": [f"{m}" for m in CURVE_MONTHS]}
    for label, curve in own.of("model").groupby("label", sort=False):
        mean, low, high = (
            np.interp(CURVE_MONTHS, curve["month"], curve[k]) for k in ("survival", "low", "high")
        )
        rows = zip(mean, low, high, strict=True)
        frame[str(label)] = [f"{m:.3f} ({a:.3f} to {b:.3f})" for m, a, b in rows]
    at_risk = own.of("at_risk").set_index("month")["patients"]
    frame[f"{own.of('observed')['label'].iloc[0]}, observed"] = _observed(own, CURVE_MONTHS)
    frame["At risk"] = [f"{at_risk.get(m, 0):,}" for m in CURVE_MONTHS]
    return pd.DataFrame(frame)


def _observed(own: Numbers, months: np.ndarray) -> list[str]:
    """Kaplan-Meier at these months; empty after the last event."""
    table, last = own.of("observed"), own.of("last_event")["month"].iloc[0]
    row = np.searchsorted(table["month"], months, side="right") - 1
    values = table["survival"].to_numpy()[row]
    return [f"{v:.3f}" if m <= last else "" for v, m in zip(values, months, strict=True)]


def _fits(results: Results, endpoint: str) -> pd.DataFrame:
    """Every family's mean survival beside the observed."""
    own = fits.fits(results, endpoint)
    frame = {"Months": [f"{m}" for m in FIT_MONTHS], "Observed": _observed(own, FIT_MONTHS)}
    for _, curve in own.of("fitted").groupby("family", sort=False):
        values = np.interp(FIT_MONTHS, curve["month"], curve["survival"])
        frame[curve["label"].iloc[0]] = [f"{v:.3f}" for v in values]
    return pd.DataFrame(frame)


def _hazards(results: Results) -> pd.DataFrame:
    """Events per 100 patient-months in the windows of the figure."""
    return pd.DataFrame(
        [
            {
                "Endpoint": endpoint_label(r["endpoint"]),
                "Months": f"{r['month_start']:.1f} to {r['month_end']:.1f}",
                "Observed events per 100 patient-months": f"{r['hazard']:.2f}",
                "95 % interval": f"{r['low']:.2f} to {r['high']:.2f}",
            }
            for _, r in fits.observed_hazards(results.problem).iterrows()
        ]
    )


def _occupancy(results: Results) -> pd.DataFrame:
    return _states(results, survival.occupancy(results).table)


def _structure_occupancy(results: Results) -> pd.DataFrame:
    found = []
    table = survival.structure_occupancy(results).table
    for label, shares in table.groupby("structure", sort=False):
        own = _states(results, shares, step=12)
        own.insert(0, "Structure", label)
        found.append(own)
    return pd.concat(found, ignore_index=True)


def _states(results: Results, table: pd.DataFrame, step: int = 6) -> pd.DataFrame:
    """Share of patients in each state, every so many months."""
    months = np.arange(0, survival.MODEL_MONTHS + 1, step)
    found = []
    for label, own in table.groupby("strategy", sort=False):
        frame = {"Strategy": label, "Months": [f"{m}" for m in months]}
        for state in results.problem.settings.states:
            share = own[own["state"] == state]
            at = np.interp(months, share["month"], share["share"])
            frame[state_label(state)] = [f"{x:.1%}" for x in at]
        found.append(pd.DataFrame(frame))
    return pd.concat(found, ignore_index=True)


def _icer_tornado(results: Results) -> pd.DataFrame:
    return _ends(drivers.tornado_icer(results), "Cost per QALY", significant)


def tornado_table(results: Results) -> pd.DataFrame:
    """Every parameter's ends, at the headline threshold."""
    return _ends(drivers.tornado(results), "Net benefit", money)


def _ends(own: Numbers, label: str, form: Callable) -> pd.DataFrame:
    frame = own.table
    return pd.DataFrame(
        {
            "Parameter": [as_ratio(d) for d in frame["description"]],
            "Unit": [as_ratio(u) for u in frame["unit"]],
            **{
                k.capitalize(): [
                    entered(x, u) for x, u in zip(frame[k], frame["unit"], strict=True)
                ]
                for k in ("low", "high")
            },
            f"{label} at low": [form(x) for x in frame["at_low"]],
            f"{label} at high": [form(x) for x in frame["at_high"]],
        }
    )


def _information(results: Results) -> pd.DataFrame:
    """Worth of knowing each group, by threshold."""
    curves = comparison.information(Comparison.of(results)).of("curve")
    wide = curves.pivot(index="threshold", columns="name", values="value")
    names = list(dict.fromkeys(curves["name"]))
    labels = {n: "Everything" if n == "all" else parameter_label(results.problem, n) for n in names}
    frame = pd.DataFrame({labels[n]: [money(x) for x in wide[n]] for n in names})
    frame.insert(0, "Threshold", [f"{t:,.0f}" for t in wide.index])
    return frame


def _what_if(results: Results, name: str) -> pd.DataFrame:
    """Net benefit over the map, at every threshold."""
    index = next(i for i, m in enumerate(results.maps) if m.what_if.name == name)
    question = results.maps[index].what_if
    points = what_if.what_if(what_if.asked(results, index)).of("point")
    first = points[points["threshold_name"] == points["threshold_name"].iloc[0]]
    frame = {"Scenario": list(first["scenario"])}
    frame[question.x.label] = [f"{x:.3g}" for x in first["x"]]
    if question.y is not None:
        frame[question.y.label] = [f"{y:.3g}" for y in first["y"]]
    for value, own in points.groupby("threshold", sort=False):
        frame[f"Net benefit at {value:,.0f}"] = [money(b) for b in own["net_benefit"]]
    return pd.DataFrame(frame)


def curve_table(view: Comparison, form: Callable[[float], str] = money) -> pd.DataFrame:
    """Probability of being best, expected loss and EVPI at thresholds of the curves' own grid.

    `form` writes money.
    """
    table, labels = view.decision.tables["ceac"], view.labels
    grid = table["threshold"].unique()
    step = max(1, round((len(grid) - 1) / (CURVE_ROWS - 1)))
    table = table[table["threshold"].isin(grid[::step])]
    once = table.drop_duplicates("threshold")
    frame = {"Threshold": [f"{t:,.0f}" for t in once["threshold"]]}
    shown = table[table["strategy"].isin(view.shown)]
    for name, rows in shown.groupby("strategy", sort=False):
        frame[f"{labels[name]}: probability"] = [f"{p:.1%}" for p in rows["probability"]]
        frame[f"{labels[name]}: expected loss"] = [form(x) for x in rows["expected_loss"]]
    frame["Choice"] = [labels[s] for s in table[table["on_frontier"]]["strategy"]]
    frame["EVPI"] = [form(x) for x in once["evpi"]]
    return pd.DataFrame(frame)


def quadrants(view: Comparison) -> pd.DataFrame:
    """Share of draws in each quadrant of the plane."""
    table = view.decision.tables["quadrants"]
    table = table[table["strategy"].isin(view.shown)]
    return pd.DataFrame(
        {
            "Strategy": [view.labels[s] for s in table["strategy"]],
            "QALYs": ["more" if x else "not more" for x in table["more_qalys"]],
            "Cost": ["higher" if x else "not higher" for x in table["higher_cost"]],
            "Share of draws": [f"{x:.1%}" for x in table["share"]],
        }
    )


BY_ENDPOINT = {"survival": _survival, "fits": _fits}
BY_FIGURE: dict[str, Callable[[Results], pd.DataFrame]] = {
    "hazards": _hazards,
    "occupancy": _occupancy,
    "structure_occupancy": _structure_occupancy,
    "tornado_icer": _icer_tornado,
    "information": _information,
}
