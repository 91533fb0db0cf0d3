"""Figures of several decisions side by side: companion scenarios and model structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from heor.report.figure_data import decision as numbers
from heor.report.figure_data.table import Numbers
from heor.report.figures.canvas import (
    LABEL,
    SMALL,
    ReportFigure,
    canvas,
    money_axis,
    styled,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.choice import pairwise_note

if TYPE_CHECKING:
    from heor.runs.results import Results


@styled
def companions(results: Results) -> ReportFigure:
    """Incremental net benefit of the run and the scenarios printed beside it."""
    title = "Net benefit of this run and of its scenarios"
    return _forest(results, title, numbers.companions(results))


@styled
def structures(results: Results) -> ReportFigure:
    """Incremental net benefit under each model structure; this run's first."""
    return _forest(results, "Net benefit under each model structure", numbers.structures(results))


def _forest(results: Results, title: str, shown: Numbers) -> ReportFigure:
    """Means and intervals of several decisions, one row each; the first is this run's."""
    problem, table = results.problem, shown.table
    currency = problem.country.currency
    first = table.iloc[0]
    differs = len(table[["threshold_name", "threshold"]].drop_duplicates()) > 1
    where = labels.threshold_label(first["threshold_name"], first["threshold"], currency)
    texts = [_label(row, first, currency) for _, row in table.iterrows()]
    tallest = max(label.count("\n") + 1 for label in texts)
    figure = canvas(
        results,
        title,
        [
            f"At {where}" + (" unless a row says otherwise." if differs else "."),
            "Mean and 95 % interval over model draws, on the same random numbers, and the share of draws "
            "in which net benefit is positive.",
            pairwise_note(problem),
        ],
        0.6 + 0.42 * len(table),
        narrow=0.6 + max(0.42, 0.13 * tallest) * len(table),
        numbers=shown,
    )
    axes = figure.subplots()
    colour = palette.INTERVENTION
    rows = np.arange(len(table))[::-1]
    for row, (_, line) in zip(rows, table.iterrows(), strict=True):
        _forest_row(axes, row, line, colour if row == rows[0] else palette.GREY)
    axes.axvline(0, color=palette.DARK, linewidth=0.8)
    axes.set_yticks(rows, texts)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.margins(x=0.05)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3 if page().narrow else 5)
    money_axis(axes.xaxis)
    axes.set_xlabel(_axis_words(results))
    axes.grid(axis="x")
    return figure


def _axis_words(results: Results) -> str:
    words = f"Incremental net benefit per patient ({labels.prices(results.problem.country)})"
    return wrapped(words, 0.62 * page().width, LABEL)


def _label(row: pd.Series, first: pd.Series, currency: str) -> str:
    """A run's label; its threshold too where that is not the first's."""
    same = list(row[["threshold_name", "threshold"]]) == list(
        first[["threshold_name", "threshold"]]
    )
    words = row["label"] + ("" if same else f", at {row['threshold']:,.0f} {currency} per QALY")
    return wrapped(words, 1.0 if page().narrow else 2.0)


def _forest_row(axes: Axes, row: int, line: pd.Series, colour: str) -> None:
    """Mean and interval as a mark, with its numbers to the right or, on a narrow page, above."""
    axes.plot([line["low"], line["high"]], [row, row], color=colour, linewidth=1.4)
    axes.plot(line["net_benefit"], row, "s", color=colour, markersize=5)
    mean, low, high = (labels.amount(line[k]) for k in ("net_benefit", "low", "high"))
    chance, size = labels.percent(line["probability"]), {"fontsize": SMALL}
    where = {"transform": axes.get_yaxis_transform(), "va": "center"}
    if page().narrow:
        words = f"{mean} ({low} to {high}), {chance}"
        patch = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        axes.text(0.5, row + 0.3, words, ha="center", bbox=patch, **where, **size)
    else:
        words = f"{mean} ({low} to {high})\nabove zero in {chance} of draws"
        axes.text(1.02, row, words, **where, **size)
