"""Forest plot of relative effects, and expert opinion beside data and posterior."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from heor.report.figures.canvas import ReportFigure, canvas, styled
from heor.report.format import palette
from heor.report.survival.tables import rows
from heor.survival_analysis import SurvivalResults

RATIO_TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
LIMITS = (0.15, 6.0)
KINDS = {"study": ("s", palette.DARK), "pooled": ("D", palette.INTERVENTION)}
OTHER_KIND = ("o", palette.GREY)


@styled
def effects(results: SurvivalResults) -> ReportFigure:
    """Studies, pooled effects and other priors on the between-study SD, as hazard ratios."""
    table = results.tables["effects"]
    count = len(table) + table["synthesis"].nunique()
    figure = canvas(
        results,
        "Relative effects: hazard ratios of all patients (marginal)",
        [
            "Squares: studies. Diamonds: the pooled effects under the model's prior; the filled one is "
            "drawn by the model. Circles: other priors on the between-study standard deviation tau. "
            "Median and 95 % interval. These are hazard ratios of whole arms, cured patients included; "
            "the ratio that acts on the uncured is solved from them in every draw.",
        ],
        0.8 + 0.21 * count,
    )
    axes = figure.subplots()
    place, labels = 0.0, []
    for name in table["synthesis"].unique():
        for _, row in rows(table, synthesis=name).iterrows():
            _ratio(axes, row, place)
            labels.append((place, _label(row)))
            place -= 1.0
        place -= 0.6
    axes.axvline(1.0, color=palette.GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
    axes.set_yticks([p for p, _ in labels], [text for _, text in labels])
    axes.set_ylim(place + 0.4, 0.7)
    axes.tick_params(axis="y", length=0, labelsize=6.5)
    _ratio_axis(axes)
    return figure


def _label(row: pd.Series) -> str:
    return "\n".join(textwrap.wrap(str(row["row"]), 52))


def _ratio(axes: Axes, row: pd.Series, place: float) -> None:
    marker, colour = KINDS.get(row["kind"], OTHER_KIND)
    low, mid, high = (row[k] for k in ("hazard_ratio_low", "hazard_ratio", "hazard_ratio_high"))
    axes.plot([max(low, LIMITS[0]), min(high, LIMITS[1])], [place, place], color=colour, lw=1.0)
    for end, edge, mark in ((low, LIMITS[0], "<"), (high, LIMITS[1], ">")):
        if (end < edge) if mark == "<" else (end > edge):
            axes.plot(edge, place, marker=mark, color=colour, markersize=3, clip_on=False)
    filled = colour if row["in_model"] or row["kind"] == "study" else "white"
    axes.plot(mid, place, marker=marker, color=colour, markerfacecolor=filled, markersize=4.5)
    text = f"{mid:.2f} ({low:.2f} to {high:.2f})"
    where = {"transform": axes.get_yaxis_transform(), "ha": "left", "va": "center"}
    axes.text(1.02, place, text, fontsize=6.5, **where)


def _ratio_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*LIMITS)
    axes.xaxis.set_major_locator(FixedLocator(RATIO_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("Hazard ratio (log scale); below 1 favours the intervention")


@styled
def opinions(results: SurvivalResults) -> ReportFigure:
    """Survival at the opinion's time: experts, data alone by family, and posterior."""
    table = results.tables["opinions"]
    names = list(table["opinion"].unique())
    count = len(table)
    figure = canvas(
        results,
        "Expert opinion, data alone, and both",
        [
            "Survival of the modelled cohort (opinion's multiplier and background mortality included): "
            "mean and two standard deviations. Data alone: Laplace fits without the opinion. Bold: "
            "families with weight.",
        ],
        0.7 + 0.26 * count + 0.3 * len(names),
    )
    panels = figure.subplots(
        len(names), 1, squeeze=False, height_ratios=[len(rows(table, opinion=n)) for n in names]
    ).ravel()
    for axes, name in zip(panels, names, strict=True):
        _opinion(axes, rows(table, opinion=name))
    panels[0].legend(loc="upper right", bbox_to_anchor=(1.0, 1.0))
    return figure


def _opinion(axes: Axes, table: pd.DataFrame) -> None:
    first = table.iloc[0]
    mean, se = first["opinion_mean"], first["opinion_se"]
    axes.axvspan(
        max(mean - 2 * se, 0.0), mean + 2 * se, color="#F6D9C6", linewidth=0, label="Opinion"
    )
    axes.axvline(mean, color=palette.INTERVENTION, linewidth=1.0)
    places = -np.arange(len(table), dtype=float)
    for shift, kind, marker, colour in (
        (0.14, "data", "o", palette.DARK),
        (-0.14, "posterior", "D", palette.COMPARATOR),
    ):
        axes.errorbar(
            table[f"{kind}_mean"],
            places + shift,
            xerr=[
                np.minimum(2 * table[f"{kind}_sd"], table[f"{kind}_mean"]),
                2 * table[f"{kind}_sd"],
            ],
            fmt=marker,
            markersize=3.5,
            linewidth=0.9,
            color=colour,
            label={"data": "Data alone", "posterior": "Posterior"}[kind],
        )
    axes.set_yticks(places, table["family_label"])
    for text, weight in zip(axes.get_yticklabels(), table["weight"], strict=True):
        text.set_fontweight("bold" if weight > 0 else "normal")
    axes.tick_params(axis="y", length=0, labelsize=6.5)
    axes.set_ylim(places[-1] - 0.6, 0.6)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g} %"))
    where = textwrap.fill(f"{first['label']} ({first['month']:g} months)", 90)
    axes.set_title(where[0].upper() + where[1:])
