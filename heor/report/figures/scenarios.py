"""The figure of all scenarios: net benefit, one line each, those that turn the decision coloured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from heor.report.figure_data import scenarios as numbers
from heor.report.figures.canvas import LABEL as AXIS
from heor.report.figures.canvas import (
    SMALL,
    ReportFigure,
    canvas,
    money_axis,
    row_centres,
    styled,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.choice import pairwise_note
from heor.runs.scenario_analysis import ScenarioResults

ROW = 0.158  # inches a row: 55 rows with their frame fill an A4 page
FRAME = 0.6  # inches: axis with its label
LEAST_ROWS = 6  # with fewer, a row is higher
NUMBERS_END = 44, 72  # points to the right of the axes at which mean and share end
LINE = 0.1  # inches of another line of a label
LABEL = 0.37  # of the page's width
TURNS, KEEPS = palette.INTERVENTION, palette.GREY
MARKERS = {"base": "D", "scenario": "s", "average": "o"}


@styled
def scenarios(results: ScenarioResults) -> ReportFigure:
    """Mean and 95 % interval of the net benefit: base case, averages, then scenarios by mean."""
    problem, shown = results.problem, numbers.scenarios(results)
    name, value = results.decision.headline
    table = shown.table
    texts = [short(label) for label in table["label"]]
    heights = np.array([ROW + LINE * label.count("\n") for label in texts])
    figure = canvas(
        results,
        "Net benefit in the base case, averages and every scenario",
        [
            f"At {labels.threshold_label(name, value, problem.country.currency)}. Mean and 95 % "
            "interval over model draws, on the same random numbers; to the right, the mean and the "
            "share of draws in which it is positive. Dashed line: the base case.",
            pairwise_note(problem),
        ],
        FRAME + max(heights.sum(), ROW * LEAST_ROWS),
        numbers=shown,
    )
    axes = figure.subplots()
    rows = row_centres(heights)
    for row, (_, line) in zip(rows, table.iterrows(), strict=True):
        _row(axes, row, line)
    axes.axvline(0, color=palette.DARK, linewidth=0.8, zorder=1)
    base = table["net_benefit"].iloc[0]
    axes.axvline(base, color=palette.GREY, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0)
    first = (table["kind"] != "scenario").to_numpy()
    apart = (rows[first] - heights[first] / 2).min()
    axes.axhline(apart, color=palette.GREY, linewidth=0.5)
    axes.set_yticks(rows, texts, fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.03, heights.sum() + 0.03)
    axes.margins(x=0.03)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=2 if page().narrow else 5)
    money_axis(axes.xaxis)
    words = f"Incremental net benefit per patient ({labels.prices(problem.country)})"
    axes.set_xlabel(wrapped(words, 0.55 * page().width, AXIS))
    axes.grid(axis="x")
    key = _key(set(table["kind"]))
    figure.key(key, [line.get_label() for line in key], columns=4)
    return figure


def short(label: str) -> str:
    """A label that fits on one line, on a narrow page on two.

    >>> short("S1 A label of a scenario that would need two lines in the figure of an A4 page")
    'S1 A label of a scenario that would need two lines …'
    """
    return wrapped(label, LABEL * page().width, SMALL, most=2 if page().narrow else 1)


def _row(axes: Axes, row: float, line: pd.Series) -> None:
    """The interval and its mean, with numbers to the right."""
    turns = line["turns"]
    colour = TURNS if turns else KEEPS
    weight = 1.6 if line["kind"] != "scenario" else 1.0
    axes.plot([line["low"], line["high"]], [row, row], color=colour, linewidth=weight)
    axes.plot(line["net_benefit"], row, MARKERS[line["kind"]], color=colour, markersize=3.6)
    beside = labels.amount(line["net_benefit"]), labels.percent(line["probability"])
    for words, points in zip(beside, NUMBERS_END, strict=True):
        axes.annotate(
            words,
            (1.0, row),
            (points, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            ha="right",
            fontsize=SMALL,
            color=colour if turns else palette.DARK,
        )


def _key(kinds: set[str]) -> list[Line2D]:
    """What marks and colours mean."""
    words = {
        "base": "base case",
        "average": "weighted average",
        "scenario": "scenario",
    }
    shown = [
        Line2D([], [], marker=MARKERS[k], linestyle="", color=KEEPS, markersize=4, label=words[k])
        for k in words
        if k in kinds
    ]
    return [*shown, Line2D([], [], color=TURNS, linewidth=1.6, label="turns the decision")]
