"""Figures of fits: families over the data, and their hazards. Need only the problem and the fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from heor.report.figure_data import fits as numbers
from heor.report.figure_data.fits import FIT_MONTHS
from heor.report.figures.canvas import (
    LABEL,
    ReportFigure,
    canvas,
    month_axis,
    panels,
    percent_axis,
    styled,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.needs import HasFits
from heor.survival.evidence.observed import EVENTS_PER_WINDOW
from heor.survival_analysis.fitted import families_of

USED = 0.005  # a family with less of the weight is drawn thin


def event_free(endpoint: str) -> str:
    """What patients above the curve are."""
    return {"os": "alive", "pfs": "alive without progression"}.get(endpoint, "without the event")


@styled
def fits(results: HasFits, endpoint: str) -> ReportFigure:
    """Mean survival of each family over the Kaplan-Meier estimate it was fitted to."""
    problem = results.problem
    evidence = numbers.evidence_of(problem, endpoint)
    shown = numbers.fits(results, endpoint)
    figure = canvas(
        results,
        f"Fits to {evidence.label}: {labels.endpoint_label(endpoint)}",
        [
            "Mean over the posterior, before transport, with the background mortality of the "
            "trial's own patients (age and sex mix).",
            _weight_words(results, evidence.name),
            "Shaded: no event in the data.",
        ],
        3.1,
        narrow=2.4,
        numbers=shown,
    )
    axes = figure.subplots()
    observed = shown.of("observed")
    band = {"step": "post", "color": "#BDBDBD", "alpha": 0.6, "linewidth": 0}
    months = observed["month"]
    axes.fill_between(
        months, observed["low"], observed["high"], label="95 % confidence interval", **band
    )
    label = f"Kaplan–Meier, n = {evidence.n:,}, {evidence.events:,} events"
    axes.step(months, observed["survival"], where="post", color=palette.DARK, lw=1.0, label=label)
    for own, line in _lines(shown.of("fitted")):
        label = _family_label(results, evidence.name, own)
        axes.plot(own["month"], own["survival"], label=label, zorder=4, **line)
    _shade(axes, shown.of("last_event")["month"].iloc[0])
    percent_axis(axes)
    month_axis(axes, FIT_MONTHS, 12 if page().narrow else 6)
    axes.set_ylabel(f"Patients {event_free(endpoint)}")
    axes.grid(axis="y")
    figure.key(*axes.get_legend_handles_labels(), columns=3)
    return figure


def _lines(
    table: pd.DataFrame, families: Sequence[str] = ()
) -> Iterator[tuple[pd.DataFrame, dict]]:
    """Rows of each family, and how its line looks: thick where it has weight.

    Its colour is its place among `families`, or in the table.
    """
    places = list(families or table["family"].unique())
    for family, own in table.groupby("family", sort=False):
        width = 1.7 if own["weight"].iloc[0] >= USED else 1.0
        yield own, palette.family_style(places.index(family)) | {"linewidth": width}


def _shade(axes: Axes, start: float) -> None:
    """Grey after the last event."""
    axes.axvspan(start, FIT_MONTHS, color=palette.LIGHT_GREY, linewidth=0, zorder=0)


def _family_label(results: HasFits, evidence: str, own: pd.DataFrame) -> str:
    label, weight = own["label"].iloc[0], own["weight"].iloc[0]
    if _chosen(results, evidence):
        return f"{label} (chosen)"
    return f"{label}, weight {labels.percent(weight)}"


def _weight_words(results: HasFits, evidence: str) -> str:
    if _chosen(results, evidence):
        return "One family was chosen for all draws."
    unit = next(u for u in results.fits.weights if evidence in u)
    one = len({tuple(share.items()) for share in results.fits.by_evidence(unit).values()}) == 1
    whose = "the same for both endpoints" if one else "each endpoint has its own"
    return f"Weight: leave-one-out stacking, the family's share of draws ({whose})."


def _chosen(results: HasFits, evidence: str) -> bool:
    """Whether the analyst named one family for this evidence."""
    stacked = results.problem.settings.extrapolation == "stacked"
    return not stacked and len(families_of(results.fits, evidence)) == 1


@styled
def hazards(results: HasFits) -> ReportFigure:
    """Empirical hazard in windows against the mean hazard of each family, every endpoint."""
    shown = numbers.hazards(results)
    endpoints = list(shown.table["endpoint"].unique())
    figure = canvas(
        results,
        "Hazards: data and fitted families",
        [
            f"Points: events over patient-time in windows of at least {EVENTS_PER_WINDOW} events, "
            "with 95 % interval; horizontal bars show the windows.",
            "Lines: hazard of those still alive, mean over the posterior, background mortality of the "
            "trial's patients included, before transport.",
        ],
        2.6,
        narrow=2.1 * len(endpoints),
        numbers=shown,
    )
    drawn = panels(figure, len(endpoints))
    families = list(shown.of("fitted")["family"].unique())
    key: dict[str, Any] = {}  # endpoints may have families of their own
    for axes, endpoint in zip(drawn, endpoints, strict=True):
        own = {k: t[t["endpoint"] == endpoint] for k, t in shown.table.groupby("series")}
        _hazard_panel(axes, own, families)
        handles, texts = axes.get_legend_handles_labels()
        key = dict(zip(texts, handles, strict=True)) | key
        axes.set_title(labels.endpoint_label(endpoint).capitalize())
    for axes in drawn if page().narrow else drawn[:1]:
        axes.set_ylabel(
            wrapped("Events per 100 patient-months", 1.5 if page().narrow else 2.0, LABEL)
        )
    figure.key(list(key.values()), list(key), columns=4)
    return figure


def _hazard_panel(axes: Axes, own: dict[str, pd.DataFrame], families: Sequence[str]) -> None:
    table = own["observed"]
    month, hazard = table["month"].to_numpy(), table["hazard"].to_numpy()
    axes.errorbar(
        month,
        hazard,
        xerr=np.abs(table[["month_start", "month_end"]].to_numpy().T - month),
        yerr=np.abs(table[["low", "high"]].to_numpy().T - hazard),
        fmt="o",
        markersize=2.5,
        linewidth=0.7,
        color=palette.DARK,
        label="Data",
        zorder=5,
    )
    for family, line in _lines(own["fitted"], families):
        axes.plot(family["month"], family["hazard"], label=family["label"].iloc[0], **line)
    _shade(axes, own["last_event"]["month"].iloc[0])
    axes.set_ylim(0, 1.05 * min(table["high"].max(), 3 * table["hazard"].max()))
    axes.grid(axis="y")
    month_axis(axes, FIT_MONTHS)
