"""Figures of what drives the decision: one-way sensitivity and costs by category."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from heor.report import figure_style as style

if TYPE_CHECKING:
    from heor.inputs.problem import DecisionProblem
    from heor.results import Results

TORNADO_BARS = 15
LOW_END, HIGH_END = "#88CCEE", "#332288"
MARKS = {"assumption": "†", "to_verify": "‡", "expert": "§", "placeholder": "¶"}
MARK_WORDS = {
    "assumption": "an assumption",
    "to_verify": "still to be verified in its source",
    "expert": "expert opinion",
    "placeholder": "a placeholder",
}


def tornado(results: Results) -> Figure:
    """Net benefit with each parameter at the ends of its 95 % interval, widest first."""
    name, value = style.headline_threshold(results.decision)
    currency = results.problem.country.currency
    return _tornado(
        results,
        f"net_benefit_{name}",
        "One-way sensitivity: what moves the net benefit",
        f"At {style.threshold_label(name, value, currency)}.",
        f"Incremental net benefit per patient ({style.prices(results.problem.country)})",
        _central_benefit(results, value),
    )


def tornado_icer(results: Results) -> Figure:
    """ICER with each parameter at the ends of its 95 % interval, widest first.

    Only where the ICER is one at every end drawn: a ratio of a loss of QALYs means something else.
    """
    base = results.deterministic.set_index("case").loc["base"]
    country = results.problem.country
    return _tornado(
        results,
        "icer",
        "One-way sensitivity: what moves the ICER",
        "Incremental cost per QALY; parameters at an end of which the intervention loses QALYs are left out.",
        f"{country.currency} per QALY ({country.price_year} prices)",
        float(base["icer"]),
    )


@style.styled
def _tornado(
    results: Results, measure: str, title: str, what: str, axis: str, base: float
) -> Figure:
    """Bars from the central value to both ends of each parameter, widest first."""
    problem = results.problem
    whole = results.tornado.dropna(subset=[f"{measure}_low", f"{measure}_high"])
    ends = whole[[f"{measure}_low", f"{measure}_high"]]
    span = ends.max(axis=1).clip(lower=base) - ends.min(axis=1).clip(upper=base)
    table = whole.loc[span.sort_values(ascending=False, kind="stable").index].head(TORNADO_BARS)
    currency = problem.country.currency
    figure = style.canvas(
        results,
        title,
        _tornado_caption(table, what, len(results.tornado)),
        1.6 + 0.34 * max(len(table), 3),
    )
    axes = figure.subplots()
    low, high = table[f"{measure}_low"].to_numpy(), table[f"{measure}_high"].to_numpy()
    rows = np.arange(len(table))[::-1]
    for row, a, b, (_, line) in zip(rows, low, high, table.iterrows(), strict=True):
        bars = sorted(((a, LOW_END), (b, HIGH_END)), key=lambda bar: -abs(bar[0] - base))
        for end, colour in bars:  # the longer first, in case both lie on one side
            axes.barh(row, end - base, left=base, height=0.62, color=colour)
        _end_labels(
            axes, row, base, (a, style.entered(line["low"])), (b, style.entered(line["high"]))
        )
    axes.axvline(base, color=style.DARK, linewidth=0.8)
    if measure == "icer":
        for _, value in results.decision.thresholds:
            axes.axvline(value, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
        axes.set_xlim(left=min(0.0, low.min(), high.min()))
    else:
        axes.axvline(0, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
    axes.set_yticks(rows, [_bar_label(line, currency) for _, line in table.iterrows()])
    axes.tick_params(axis="y", length=0, labelsize=6.5)
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.16)
    axes.locator_params(axis="x", nbins=6)
    style.money_axis(axes.xaxis)
    axes.set_xlabel(axis)
    axes.grid(axis="x")
    ends = [Patch(color=LOW_END, label="low end"), Patch(color=HIGH_END, label="high end")]
    axes.legend(handles=ends, loc="lower right", title="Parameter at its", title_fontsize=7)
    return figure


def _central_benefit(results: Results, threshold: float) -> float:
    """Incremental net benefit with every parameter at its centre."""
    base = results.deterministic.set_index("case").loc["base"]
    return float(threshold * base["qalys"] - base["cost"])


def _end_labels(
    axes: Axes, row: int, base: float, low: tuple[float, str], high: tuple[float, str]
) -> None:
    """The parameter's values, left and right of its bars."""
    (left, left_text), (right, right_text) = sorted((low, high), key=lambda end: end[0])
    for x, text, side in ((min(left, base), left_text, -1), (max(right, base), right_text, 1)):
        axes.annotate(
            text,
            (x, row),
            (3 * side, 0),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=6.5,
        )


def _bar_label(line: pd.Series, currency: str) -> str:
    """Description, unit and the mark of an uncertain status, on two lines at most."""
    unit = str(line["unit"]).replace("{currency}", currency)
    mark = MARKS.get(line["status"], "")
    tail = f"({unit})" + (f" {mark}" if mark else "")
    words = f"{line['description']} " + tail.replace(" ", "\N{NO-BREAK SPACE}")
    words = words[:1].upper() + words[1:]
    return "\n".join(textwrap.wrap(words, 52, max_lines=2, placeholder=" …"))


def _tornado_caption(table: pd.DataFrame, what: str, total: int) -> list[str]:
    used = [s for s in MARKS if s in set(table["status"])]
    marks = "; ".join(f"{MARKS[s]} the value is {MARK_WORDS[s]}" for s in used)
    return [
        f"{what} The {len(table)} widest of {total} parameters, each at the ends of its "
        "own 95 % interval (numbers at the bars, as entered) with the others at their centre.",
        "Solid line: all at their centre; dashed: where the decision turns.",
        f"{marks}." if marks else "",
    ]


@style.styled
def costs(results: Results) -> Figure:
    """From the comparator's cost to the intervention's, category by category."""
    problem = results.problem
    settings, country = problem.settings, problem.country
    outcomes, change = results.simulation.outcomes, style.changes(results)
    figure = style.canvas(
        results,
        "Where the incremental cost comes from",
        [
            f"Mean discounted cost over {outcomes.n:,} model draws. Incremental cost: "
            f"{style.amount(change['cost'].mean(), sign=True)} {country.currency}; dark bars "
            "add to it, light bars save. Parts may not add up because of rounding.",
        ],
        1.4 + 0.3 * (len(outcomes.categories) + 2),
    )
    axes = figure.subplots()
    total = dict(zip(outcomes.strategies, outcomes.cost.mean(axis=0), strict=True))
    start, end = total[settings.comparator], total[settings.intervention]
    steps = [(settings.categories[c], float(change[c].mean())) for c in outcomes.categories]
    _waterfall(axes, problem, start, steps, end)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(min(0.0, axes.get_xlim()[0]), axes.get_xlim()[1] * 1.12)
    style.money_axis(axes.xaxis)
    axes.set_xlabel(f"Cost per patient ({style.prices(country)})")
    axes.grid(axis="x")
    return figure


def _waterfall(
    axes: Axes,
    problem: DecisionProblem,
    start: float,
    steps: Sequence[tuple[str, float]],
    end: float,
) -> None:
    """Total, steps and total as horizontal bars with their amounts."""
    settings, colours = problem.settings, style.strategy_colours(problem)
    before = start + np.concatenate([[0.0], np.cumsum([s for _, s in steps])])
    rows = [
        (
            f"Total: {problem.strategies[settings.comparator].label}",
            0.0,
            start,
            colours[settings.comparator],
        )
    ]
    rows += [
        (label, left, step, "#4D4D4D" if step >= 0 else "#A6A6A6")
        for (label, step), left in zip(steps, before[:-1], strict=True)
    ]
    intervention = f"Total: {problem.strategies[settings.intervention].label}"
    rows.append((intervention, 0.0, end, colours[settings.intervention]))
    position = np.arange(len(rows))[::-1]
    for y, (_, left, width, colour) in zip(position, rows, strict=True):
        is_total = y in (position[0], position[-1])
        axes.barh(y, width, left=left, height=0.62, color=colour, edgecolor=colour, linewidth=0.6)
        axes.annotate(
            style.amount(width, sign=not is_total),
            (max(left, left + width), y),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    for y, x in zip(position[:-1], before, strict=True):
        axes.plot([x, x], [y - 0.69, y - 0.31], color=style.GREY, linewidth=0.6)
    axes.set_yticks(position, [textwrap.fill(label, 34) for label, *_ in rows])
