"""The figure of all scenarios: net benefit, one line each, those that turn the decision coloured."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from heor.report import figure_style as style
from heor.scenario_analysis import ScenarioResults

ROW = 0.158  # inches a row: 55 rows with their frame fill an A4 page
FRAME = 1.7  # inches: title, axis, key and caption
LEAST_ROWS = 6  # with fewer, a row is higher
NUMBERS_END = 44, 72  # points to the right of the axes at which mean and share end
LABEL_WIDTH = 46  # characters
TURNS, KEEPS = style.INTERVENTION, style.GREY
MARKERS = {"base": "D", "scenario": "s", "average": "o"}


@style.styled
def scenarios(results: ScenarioResults) -> Figure:
    """Mean and 95 % interval of the net benefit: base case, averages, then scenarios by mean."""
    problem = results.problem
    name, value = style.headline_threshold(results.decision)
    table = ordered(results.table, name)
    figure = style.canvas(
        results,
        "Net benefit in the base case, averages and every scenario",
        [
            f"At {style.threshold_label(name, value, problem.country.currency)}. Mean and 95 % "
            "interval over model draws, on the same random numbers; to the right, the mean and the "
            "share of draws in which the intervention is worth its cost. Dashed line: the base case."
        ],
        FRAME + ROW * max(len(table), LEAST_ROWS),
    )
    axes = figure.subplots()
    rows = np.arange(len(table))[::-1]
    for row, (_, line) in zip(rows, table.iterrows(), strict=True):
        _row(axes, row, line, name)
    axes.axvline(0, color=style.DARK, linewidth=0.8, zorder=1)
    base = table[f"net_benefit_{name}"].iloc[0]
    axes.axvline(base, color=style.GREY, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0)
    apart = rows[(table["kind"] != "scenario").to_numpy()].min() - 0.5
    axes.axhline(apart, color=style.GREY, linewidth=0.5)
    axes.set_yticks(rows, [short(label) for label in table["label"]], fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.margins(x=0.03)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    style.money_axis(axes.xaxis)
    axes.set_xlabel(f"Incremental net benefit per patient ({style.prices(problem.country)})")
    axes.grid(axis="x")
    axes.legend(
        handles=_key(set(table["kind"])),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=4,
        fontsize=6.5,
        columnspacing=1.2,
        handletextpad=0.4,
        borderaxespad=0.2,
    )
    return figure


def ordered(table: pd.DataFrame, threshold: str) -> pd.DataFrame:
    """The base case, the averages, then the scenarios from the highest net benefit down."""
    rank = table["kind"].map({"base": 0, "average": 1, "scenario": 2})
    by = table.assign(rank=rank, down=-table[f"net_benefit_{threshold}"])
    return by.sort_values(["rank", "down"], kind="stable").drop(columns=["rank", "down"])


def short(label: str) -> str:
    """A label that fits on one line.

    >>> short("S1 A label of a scenario that would need two lines in the figure")
    'S1 A label of a scenario that would need two …'
    """
    return textwrap.shorten(label, LABEL_WIDTH, placeholder=" …")


def _row(axes: Axes, row: int, line: pd.Series, threshold: str) -> None:
    """The interval and its mean, with numbers to the right."""
    key = f"net_benefit_{threshold}"
    turns = line[f"turns_{threshold}"]
    colour = TURNS if turns else KEEPS
    weight = 1.6 if line["kind"] != "scenario" else 1.0
    axes.plot([line[f"{key}_low"], line[f"{key}_high"]], [row, row], color=colour, linewidth=weight)
    axes.plot(line[key], row, MARKERS[line["kind"]], color=colour, markersize=3.6)
    numbers = style.amount(line[key]), style.percent(line[f"probability_{threshold}"])
    for words, points in zip(numbers, NUMBERS_END, strict=True):
        axes.annotate(
            words,
            (1.0, row),
            (points, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            ha="right",
            fontsize=6.5,
            color=colour if turns else style.DARK,
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
