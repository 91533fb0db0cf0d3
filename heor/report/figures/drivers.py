"""Figures of what drives the decision: one-way sensitivity and costs by category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from heor.report.figure_data import drivers as numbers
from heor.report.figure_data.table import Numbers
from heor.report.figures.canvas import (
    LABEL,
    SIZE,
    SMALL,
    ReportFigure,
    canvas,
    money_axis,
    row_centres,
    styled,
    text_width,
    ticks,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.choice import has_partners, pairwise_note
from heor.report.format.words import as_ratio

if TYPE_CHECKING:
    from heor.problem.problem import DecisionProblem
    from heor.runs.results import Results

LOW_END, HIGH_END = "#88CCEE", "#332288"
DASHED = {"color": palette.GREY, "linewidth": 0.8, "linestyle": (0, (3, 2)), "zorder": 0}
LINE, BAR = 0.118, 0.15  # inches of a line of small print, and of a bar
MARKS = {"assumption": "†", "to_verify": "‡", "expert": "§", "placeholder": "¶"}
MARK_WORDS = {
    "assumption": "an assumption",
    "to_verify": "still to be verified in its source",
    "expert": "expert opinion",
    "placeholder": "a placeholder",
}


@styled
def tornado(results: Results) -> ReportFigure:
    """Net benefit with each parameter at the ends of its 95 % interval, widest first."""
    name, value = results.decision.headline
    currency = results.problem.country.currency
    figure = _tornado(
        results,
        numbers.tornado(results),
        "One-way sensitivity: what moves the net benefit",
        f"At {labels.threshold_label(name, value, currency)}.",
    )
    axes = figure.axes[0]
    axes.axvline(0, **DASHED)
    words = f"Incremental net benefit per patient ({labels.prices(results.problem.country)})"
    axes.set_xlabel(wrapped(words, 0.55 * page().width, LABEL))
    return figure


@styled
def tornado_icer(results: Results) -> ReportFigure:
    """ICER with each parameter at the ends of its 95 % interval, widest first.

    Only where the ICER is one at every end drawn: a ratio of a loss of QALYs means something else.
    """
    country, shown = results.problem.country, numbers.tornado_icer(results)
    figure = _tornado(
        results,
        shown,
        "One-way sensitivity: what moves the ICER",
        f"Incremental cost per QALY.{_without_icer(results)}",
    )
    axes = figure.axes[0]
    for _, value in results.decision.thresholds:
        axes.axvline(value, **DASHED)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(f"{country.currency} per QALY ({country.price_year} prices)")
    return figure


def _without_icer(results: Results) -> str:
    """The parameters that have no bar, because the intervention loses QALYs at an end of their interval."""
    lost = results.tornado[["icer_low", "icer_high"]].isna().any(axis=1)
    names = [as_ratio(d) for d in results.tornado.loc[lost, "description"]]
    if not names:
        return ""
    return f" Left out, because the intervention loses QALYs at one end: {'; '.join(names)}."


def _tornado(results: Results, shown: Numbers, title: str, what: str) -> ReportFigure:
    """Bars from the central value to both ends of each parameter, widest first."""
    table, base = shown.table[shown.table["shown"]], float(shown.table["at_centre"].iloc[0])
    labels = [_bar_label(line) for _, line in table.iterrows()]
    heights = [max(0.24, LINE * (label.count("\n") + 1) + 0.06) for label in labels]
    figure = canvas(
        results,
        title,
        [
            *_tornado_caption(table, what, len(results.tornado), has_partners(results)),
            pairwise_note(results.problem),
        ],
        0.55 + max(sum(heights), 0.7),
        numbers=shown,
    )
    axes = figure.subplots()
    rows = row_centres(heights)
    for row, (_, line) in zip(rows, table.iterrows(), strict=True):
        ends = ((line["at_low"], LOW_END), (line["at_high"], HIGH_END))
        # the longer first, in case both lie on one side
        for end, colour in sorted(ends, key=lambda bar: -abs(bar[0] - base)):
            axes.barh(row, end - base, left=base, height=BAR, color=colour)
        _end_labels(axes, row, base, line)
    axes.axvline(base, color=palette.DARK, linewidth=0.8)
    axes.set_yticks(rows, labels)
    axes.tick_params(axis="y", length=0, labelsize=SMALL)
    axes.set_ylim(-0.02, sum(heights))
    axes.spines["left"].set_visible(False)
    axes.margins(x=_margin(table))
    axes.locator_params(axis="x", nbins=ticks(page().width - _label_room() - 0.4))
    money_axis(axes.xaxis)
    axes.grid(axis="x")
    colours = {"low": LOW_END, "high": HIGH_END}
    ends = [Patch(color=colour) for colour in colours.values()]
    words = [f"Parameter at the {end} end of its interval" for end in colours]
    figure.key(ends, words, columns=2)
    return figure


def _margin(table: pd.DataFrame) -> float:
    """Room beside the bars for the values at their ends, as a share of the bars' axis."""
    ends = [(v, u) for k in ("low", "high") for v, u in zip(table[k], table["unit"], strict=True)]
    widest = max(text_width(labels.entered(*end), SMALL) for end in ends)
    room = page().width - _label_room() - 0.3
    share = (widest + 0.06) / room
    return share / (1 - 2 * share)


def _label_room() -> float:
    """Inches for the names of parameters or categories."""
    return min(2.6, 0.4 * page().width)


def _end_labels(axes: Axes, row: float, base: float, line: pd.Series) -> None:
    """The parameter's values, left and right of its bars."""
    ends = ((line["at_low"], line["low"]), (line["at_high"], line["high"]))
    (left, low), (right, high) = sorted(ends, key=lambda end: end[0])
    for x, value, side in ((min(left, base), low, -1), (max(right, base), high, 1)):
        axes.annotate(
            labels.entered(value, line["unit"]),
            (x, row),
            (3 * side, 0),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )


def _bar_label(line: pd.Series) -> str:
    """Description, unit and the mark of an uncertain status."""
    mark = MARKS.get(line["status"], "")
    tail = f"({as_ratio(line['unit'])})" + (f" {mark}" if mark else "")
    words = f"{as_ratio(line['description'])} " + tail.replace(" ", "\N{NO-BREAK SPACE}")
    words = words[:1].upper() + words[1:]
    return wrapped(words, _label_room(), SMALL, most=4 if page().narrow else 2)


def _tornado_caption(table: pd.DataFrame, what: str, total: int, partners: bool) -> list[str]:
    used = [s for s in MARKS if s in set(table["status"])]
    marks = "; ".join(f"{MARKS[s]} the value is {MARK_WORDS[s]}" for s in used)
    return [
        f"{what} The {len(table)} widest of {total} parameters, each at the ends of its "
        "own 95 % interval (numbers at the bars, as entered) with the others at their centre"
        + ("; one that is correlated with it moves along." if partners else "."),
        "Solid line: all at their centre; dashed: where the decision turns.",
        f"{marks}." if marks else "",
    ]


@styled
def costs(results: Results) -> ReportFigure:
    """From the comparator's cost to the intervention's, category by category."""
    country, shown = results.problem.country, numbers.costs(results)
    table = shown.table
    change = table.loc[table["series"] == "step", "amount"].sum()
    texts = [wrapped(label, _label_room(), SIZE, most=3) for label in table["label"]]
    figure = canvas(
        results,
        "Where the incremental cost comes from",
        [
            f"Mean discounted cost over {results.simulation.outcomes.n:,} model draws. Incremental cost: "
            f"{labels.amount(change, sign=True)} {country.currency}; dark bars "
            "add to it, light bars save. Parts may not add up because of rounding.",
        ],
        0.6 + sum(max(0.28, 0.13 * (label.count("\n") + 1) + 0.04) for label in texts),
        numbers=shown,
    )
    axes = figure.subplots()
    _waterfall(axes, results.problem, table, texts)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    room = page().width - _label_room() - 0.3
    share = text_width("+1,000,000", SIZE) / room
    axes.set_xlim(min(0.0, axes.get_xlim()[0]), axes.get_xlim()[1] / (1 - share))
    axes.locator_params(axis="x", nbins=ticks(room))
    money_axis(axes.xaxis)
    axes.set_xlabel(wrapped(f"Cost per patient ({labels.prices(country)})", 0.9 * room, LABEL))
    axes.grid(axis="x")
    return figure


def _waterfall(
    axes: Axes, problem: DecisionProblem, table: pd.DataFrame, texts: Sequence[str]
) -> None:
    """Total, steps and total as horizontal bars with their amounts."""
    totals = iter((palette.COMPARATOR, palette.INTERVENTION))
    position = np.arange(len(table))[::-1]
    for y, (_, line) in zip(position, table.iterrows(), strict=True):
        is_total, amount = line["series"] == "total", line["amount"]
        colour = next(totals) if is_total else "#4D4D4D" if amount >= 0 else "#A6A6A6"
        bar = {"color": colour, "edgecolor": colour, "linewidth": 0.6, "height": 0.62}
        axes.barh(y, amount, left=line["start"], **bar)
        axes.annotate(
            labels.amount(amount, sign=not is_total),
            (max(line["start"], line["end"]), y),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=SIZE,
        )
    for y, x in zip(position[:-1], table["end"][:-1], strict=True):
        axes.plot([x, x], [y - 0.69, y - 0.31], color=palette.GREY, linewidth=0.6)
    axes.set_yticks(position, texts)
