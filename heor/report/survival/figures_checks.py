"""Figures that test the fits: straight-line scales and replicated Kaplan-Meier curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from heor.report.figures.canvas import ReportFigure, canvas, month_axis, percent_axis, styled
from heor.report.format import palette
from heor.report.survival.figures_curves import BAND, panel_title
from heor.report.survival.tables import rows
from heor.survival.evidence.observed import SCALES
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.fitted import families_of
from heor.survival_analysis.landmarks import BEFORE

#: Scale → title, y label, the family that is straight on it.
PANELS = {
    "log_cumulative_hazard": ("Log cumulative hazard", "log(−log S)", "weibull"),
    "log_odds": ("Log odds", "log((1 − S) / S)", "loglogistic"),
    "probit": ("Probit", "−Φ⁻¹(S)", "lognormal"),
    "cumulative_hazard": ("Cumulative hazard", "−log S", "exponential"),
}
STRAIGHT = {
    "weibull": "Weibull straight",
    "loglogistic": "log-logistic straight",
    "lognormal": "log-normal straight",
    "exponential": "exponential straight",
}
LOG_TICKS = (0.5, 1, 2, 3, 6, 12, 24, 48, 96)
COLUMNS = 4


@styled
def transforms(results: SurvivalResults, evidence: str) -> ReportFigure:
    """The Kaplan-Meier estimate on four scales, each a straight line for one family."""
    figure = canvas(
        results,
        f"{panel_title(results, evidence)} on scales where a family is straight",
        [
            "Black and grey: Kaplan–Meier estimate and its 95 % interval (all causes of death). Red "
            "dashes: the fitted family named in the panel, background mortality included, where it is "
            "among the families. A bent black line speaks against the family (log "
            "cumulative hazard of slope 1: exponential).",
        ],
        4.5,
    )
    panels = figure.subplots(2, 2).ravel()
    for axes, scale in zip(panels, PANELS, strict=True):
        _transform(axes, results, evidence, scale)
    return figure


def _transform(axes: Axes, results: SurvivalResults, evidence: str, scale: str) -> None:
    title, label, family = PANELS[scale]
    table = rows(results.tables["transforms"], evidence=evidence, scale=scale).dropna()
    axes.fill_between(table["month"], table["low"], table["high"], color=BAND, alpha=0.6, lw=0)
    axes.plot(table["month"], table["value"], color=palette.DARK, lw=1.2)
    curve = rows(results.tables["curves"], evidence=evidence, family=family, stage=BEFORE)
    shown = curve["month"].between(table["month"].min(), table["month"].max())
    curve = curve[shown & curve["mean"].between(1e-12, 1 - 1e-12)]
    if len(curve):
        value = SCALES[scale](curve["mean"].to_numpy())
        axes.plot(curve["month"], value, color=palette.FAMILIES[0], lw=1.2, ls=(0, (4, 2)))
    log_time = scale != "cumulative_hazard"
    if log_time:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(LOG_TICKS))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        _log_limits(axes, table["month"])
    else:
        month_axis(axes, float(table["month"].max()) if len(table) else 1.0, 6)
    axes.set_xlabel("Months since randomisation" + (" (log scale)" if log_time else ""))
    axes.set_ylabel(label)
    axes.set_title(f"{title}: {STRAIGHT[family]}")
    axes.grid(True)


def _log_limits(axes: Axes, month: pd.Series) -> None:
    """From the first to the last step; around it where there is one, and nothing without any."""
    if len(month):
        low, high = float(month.min()), float(month.max())
        axes.set_xlim((low, high) if low < high else (low / 2, 2 * high))


@styled
def predictive(results: SurvivalResults, evidence: str) -> ReportFigure:
    """Replicated Kaplan-Meier curves of each family, one panel each, under the observed one."""
    families = families_of(results.fits, evidence)
    columns = min(COLUMNS, len(families))
    lines = -(-len(families) // columns)
    figure = canvas(
        results,
        f"{panel_title(results, evidence)}: would the fit have produced these data?",
        [
            "Bands: central 95 % of Kaplan–Meier curves of patients simulated from the posterior, with "
            "the same numbers and censoring. Line: observed. p: share of replicates at least as far "
            "from their own fitted curve as the data are; small is bad (below 0.05 in red).",
        ],
        0.4 + 1.75 * lines,
    )
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.ravel()[len(families) :]:
        axes.set_axis_off()
    for i, (axes, family) in enumerate(zip(panels.ravel(), families, strict=False)):
        _replicated(axes, results, evidence, family, palette.family_style(i)["color"])
    for axes in panels[:, 0]:
        axes.set_ylabel("Patients")
    for i, axes in enumerate(panels.ravel()[: len(families)]):
        if i + columns >= len(families):
            axes.set_xlabel("Months")
            axes.tick_params(labelbottom=True)
    return figure


def _replicated(
    axes: Axes, results: SurvivalResults, evidence: str, family: str, colour: str
) -> None:
    band = rows(results.tables["predictive_curves"], evidence=evidence, family=family)
    checks = rows(results.tables["predictive_checks"], evidence=evidence, family=family)
    p = float(checks["p"].iloc[-1])
    month = np.append(0.0, band["month"])
    low, high, seen = (np.append(1.0, band[k]) for k in ("low", "high", "observed"))
    axes.fill_between(month, low, high, color=colour, alpha=0.35, linewidth=0)
    axes.step(month, seen, where="post", color=palette.DARK, linewidth=0.9)
    label = results.fits.posteriors[evidence, family].model.label
    axes.set_title(label, fontsize=7 if len(label) < 24 else 5.8)
    words = f"p = {p:.2f}" if p >= 0.005 else "p < 0.01"
    axes.text(
        0.96,
        0.92,
        words,
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=7,
        color="#B00020" if p < 0.05 else palette.DARK,
    )
    last = 6 * np.ceil(month[-1] / 6)
    percent_axis(axes)
    axes.set_xlim(0, last)
    axes.set_xticks(np.arange(0, last + 1, 12 if last <= 60 else 24))
    axes.grid(axis="y")
