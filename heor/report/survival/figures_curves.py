"""Fitted survival over the data, and hazards: within the data and extrapolated."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from heor.report.figures.canvas import (
    LABEL,
    ReportFigure,
    canvas,
    month_axis,
    percent_axis,
    styled,
    wrapped,
)
from heor.report.figures.fits import event_free
from heor.report.format import labels, palette
from heor.report.survival.tables import rows
from heor.survival.fitting.model_draws import Unit
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.fitted import families_of
from heor.survival_analysis.hazards import BACKGROUND, FITTED, SMOOTH, WINDOWS
from heor.survival_analysis.landmarks import AFTER, AVERAGE, BEFORE, SHOWN_MONTHS

LONG_LABEL = 34  # characters; with longer ones a legend has two columns instead of three
ROW_HEIGHT = 0.17  # inches of one line of a legend
BAND = "#BDBDBD"
TAIL_LIMITS, TAIL_TICKS = (0.0005, 1.05), (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
HAZARD_REACH = 1.6  # hazards are shown this many times as far as the data


def labelled_families(results: SurvivalResults, evidence: str) -> dict[str, tuple[str, dict]]:
    """Family → (label with weight and method, line style), in the order of the fits."""
    out = {}
    for i, (family, weight) in enumerate(families_of(results.fits, evidence).items()):
        posterior = results.fits.posteriors[evidence, family]
        words = labels.percent(weight) if weight else "0"
        label = f"{posterior.model.label} ({words}, {labels.METHODS[posterior.method]})"
        width = 1.6 if weight >= 0.005 else 0.9
        out[family] = label, palette.family_style(i) | {"linewidth": width}
    return out


def legend_rows(results: SurvivalResults, evidence: str, others: int) -> int:
    """Lines that a legend of all families and some other entries needs."""
    labels = [label for label, _ in labelled_families(results, evidence).values()]
    return -(-(len(labels) + others) // legend_columns(labels))


def legend_columns(labels: Iterable[str]) -> int:
    """Columns of a legend as wide as the page."""
    return 3 if max(len(label) for label in labels) <= LONG_LABEL else 2


def data_end(results: SurvivalResults, evidence: str) -> float:
    """Last event, months."""
    found = rows(results.tables["evidence"], evidence=evidence)
    return float(found["last_event_months"].iloc[0])


def panel_title(results: SurvivalResults, evidence: str) -> str:
    """'2nd-line FOLFIRI: overall survival'."""
    own = results.problem.evidence[evidence]
    return f"{own.label}: {labels.endpoint_label(own.endpoint)}"


@styled
def fits(results: SurvivalResults, evidence: str) -> ReportFigure:
    """Kaplan-Meier with every family: within the data, and extrapolated to ten years."""
    lines = legend_rows(results, evidence, 4)
    figure = canvas(
        results,
        panel_title(results, evidence),
        [
            "Lines: mean over the posterior with the background mortality of the patients, before "
            "transport. In brackets: the family's stacking weight (its share of draws) and how it was "
            "fitted. After transport: the modelled cohort, excess hazard times the model's multiplier. "
            "Grey: beyond the last event.",
        ],
        3.2 + ROW_HEIGHT * lines,
    )
    panels = figure.subplot_mosaic(
        [["data", "tail"], ["risk", "none"], ["legend", "legend"]],
        height_ratios=(14, 1.2, 1.1 * lines),
    )
    end = data_end(results, evidence)
    last = 6 * np.ceil(end / 6)
    for name, reach in (("data", last), ("tail", SHOWN_MONTHS)):
        axes = panels[name]
        _observed(axes, results, evidence)
        _fitted(axes, results, evidence, averages=name == "tail")
        axes.axvspan(end, max(reach, end), color=palette.LIGHT_GREY, linewidth=0, zorder=0)
        percent_axis(axes)
        month_axis(axes, reach, 6 if reach <= 60 else 12)
        axes.grid(axis="y")
    panels["data"].set_title("Within the data")
    panels["tail"].set_title("Extrapolated to ten years (log scale)")
    panels["tail"].set_yscale("log")
    panels["tail"].set_ylim(*TAIL_LIMITS)
    panels["tail"].yaxis.set_major_locator(FixedLocator(TAIL_TICKS))
    panels["tail"].yaxis.set_minor_locator(NullLocator())
    panels["tail"].yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g} %"))
    panels["data"].set_ylabel(f"Patients {event_free(results.problem.evidence[evidence].endpoint)}")
    _at_risk(panels["risk"], results, evidence, last)
    panels["none"].set_axis_off()
    legend_panel(panels["legend"], panels["tail"])
    return figure


def legend_panel(panel: Axes, source: Axes, columns: int | None = None) -> None:
    """The legend of `source`, alone in a panel; as many columns as its labels allow when None."""
    panel.set_axis_off()
    handles, labels = source.get_legend_handles_labels()
    families = [label for label in labels if "Kaplan" not in label]
    panel.legend(
        handles,
        labels,
        loc="upper left",
        ncols=columns or legend_columns(families),
        borderaxespad=0.0,
        fontsize=6.3,
        columnspacing=1.2,
        handlelength=2.8,
    )


def _observed(axes: Axes, results: SurvivalResults, evidence: str) -> None:
    table = rows(results.tables["kaplan_meier"], evidence=evidence)
    axes.fill_between(
        table["month"],
        table["low"],
        table["high"],
        step="post",
        color=BAND,
        alpha=0.6,
        linewidth=0,
        label="95 % interval",
    )
    own = rows(results.tables["evidence"], evidence=evidence).iloc[0]
    label = f"Kaplan–Meier (n = {own['n']:,}, {own['events']:,} events)"
    axes.step(
        table["month"], table["survival"], where="post", color=palette.DARK, lw=0.9, label=label
    )


def _fitted(axes: Axes, results: SurvivalResults, evidence: str, averages: bool) -> None:
    curves = rows(results.tables["curves"], evidence=evidence)
    for family, (label, line) in labelled_families(results, evidence).items():
        own = rows(curves, family=family, stage=BEFORE)
        axes.plot(own["month"], own["mean"], label=label, zorder=3, **line)
    if not averages:
        return
    stages = (
        (BEFORE, "-", "Average of families"),
        (AFTER, (0, (1, 0.8)), "Average after transport"),
    )
    for stage, dashes, label in stages:
        own = rows(curves, family=AVERAGE, stage=stage)
        if len(own):
            drawn = {"color": "black", "linestyle": dashes, "linewidth": 2.0, "zorder": 5}
            axes.plot(own["month"], own["mean"], label=label, **drawn)


def _at_risk(axes: Axes, results: SurvivalResults, evidence: str, last: float) -> None:
    """Numbers at risk every six months, under the panel of the data."""
    table = rows(results.tables["at_risk"], evidence=evidence)
    for month, number in zip(table["month"], table["n_at_risk"], strict=True):
        if month <= last:
            axes.text(month, 0.1, f"{number:,}", ha="center", va="center", fontsize=6.3)
    where = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
    axes.text(-0.06, 0.1, "At risk", fontsize=6.3, color=palette.GREY, **where)
    axes.set_xlim(0, last)
    axes.set_ylim(-0.5, 1.5)
    axes.set_axis_off()


@styled
def hazards(results: SurvivalResults, unit: Unit) -> ReportFigure:
    """Observed hazard, smoothed and in windows, against every family and the background."""
    labels = [labelled_families(results, evidence) for evidence in unit]
    one = all(own == labels[0] for own in labels)  # else each panel has a legend of its own
    lines = legend_rows(results, unit[0], 3) if one else max(map(len, labels)) + 3
    own = results.problem.evidence[unit[0]]
    figure = canvas(
        results,
        f"{own.label}: hazards, all causes",
        [
            "Smoothed: local linear kernel estimate whose half-width holds the nearest 20 % of events, "
            "with 95 % band, to the last event with 10 at risk (no bias at the ends). Points: events "
            "over patient-time in windows of at least 20 events, with 95 % interval. Families: hazard "
            "of those still alive, mean over the posterior. Dotted: background mortality of the "
            "patients. Grey: beyond the last event.",
        ],
        3.1 + ROW_HEIGHT * lines,
    )
    legends = [f"legend {unit[0] if one else evidence}" for evidence in unit]
    panels = figure.subplot_mosaic([list(unit), legends], height_ratios=(14, 1.2 * lines))
    for evidence in unit:
        _hazard_panel(panels[evidence], results, evidence)
    panels[unit[0]].set_ylabel(wrapped("Events per 100 patient-months", 1.7, LABEL))
    for evidence in unit[:1] if one else unit:
        legend_panel(panels[f"legend {evidence}"], panels[evidence], None if one else 1)
    return figure


def _hazard_panel(axes: Axes, results: SurvivalResults, evidence: str) -> None:
    scale = 100 / 12
    table = rows(results.tables["hazards"], evidence=evidence)
    smooth, window = rows(table, kind=SMOOTH), rows(table, kind=WINDOWS)
    end = data_end(results, evidence)
    reach = float(min(12 * np.ceil(HAZARD_REACH * end / 12), SHOWN_MONTHS))
    if len(smooth):
        low, high = smooth["low"] * scale, smooth["high"] * scale
        axes.fill_between(smooth["month"], low, high, color=BAND, alpha=0.6, linewidth=0)
        axes.plot(
            smooth["month"], smooth["hazard"] * scale, color="black", lw=2.0, label="Smoothed"
        )
    _window_points(axes, window, scale)
    for family, (label, line) in labelled_families(results, evidence).items():
        own = rows(table, kind=FITTED, family=family)
        own = own[own["month"] <= reach]
        axes.plot(own["month"], own["hazard"] * scale, label=label, **line)
    other = rows(table, kind=BACKGROUND)
    other = other[other["month"] <= reach]
    axes.plot(
        other["month"],
        other["hazard"] * scale,
        color=palette.GREY,
        ls=":",
        lw=1.4,
        label="Background",
    )
    axes.axvspan(end, reach, color=palette.LIGHT_GREY, linewidth=0, zorder=0)
    top = np.nanmax([window["hazard"].max(), *(smooth["hazard"].tolist() or [0.0])])
    axes.set_ylim(0, 1.5 * top * scale)
    endpoint = results.problem.evidence[evidence].endpoint
    axes.set_title(labels.endpoint_label(endpoint).capitalize())
    axes.grid(axis="y")
    month_axis(axes, reach, 12)


def _window_points(axes: Axes, window: pd.DataFrame, scale: float) -> None:
    low, high = (abs(window[k] - window["hazard"]) * scale for k in ("low", "high"))
    half = ((window["to_month"] - window["from_month"]) / 2).to_numpy()
    axes.errorbar(
        window["month"].to_numpy(),
        window["hazard"].to_numpy() * scale,
        xerr=half,
        yerr=[low.fillna(0.0).to_numpy(), high.fillna(0.0).to_numpy()],
        fmt="o",
        markersize=2.2,
        linewidth=0.6,
        color=palette.DARK,
        label="In windows",
        zorder=4,
    )
