"""Figures of several decisions side by side: companion scenarios and model structures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heor.report import figure_style as style

if TYPE_CHECKING:
    from heor.results import Decision, Results


@style.styled
def companions(results: Results) -> Figure:
    """Incremental net benefit of the run and the scenarios printed beside it."""
    runs = [(results.problem.scenario_label, results.decision)]
    runs += [(c.label, c.decision) for c in results.companions]
    return _forest(results, "Net benefit of this run and of the scenarios beside it", runs)


@style.styled
def structures(results: Results) -> Figure:
    """Incremental net benefit under each model structure; this run's first."""
    model = results.problem.settings.model
    order = sorted(results.structures, key=lambda s: s.model != model)
    runs = [(s.label, s.decision) for s in order]
    return _forest(results, "Net benefit under each model structure", runs)


def _forest(results: Results, title: str, runs: Sequence[tuple[str, Decision]]) -> Figure:
    """Means and intervals of several decisions, one row each; the first is this run's."""
    problem = results.problem
    currency = problem.country.currency
    threshold = style.headline_threshold(results.decision)
    differs = len({style.headline_threshold(d) for _, d in runs}) > 1
    figure = style.canvas(
        results,
        title,
        [
            f"At {style.threshold_label(*threshold, currency)}"
            + (" unless a row says otherwise." if differs else "."),
            "Mean and 95 % interval over model draws, on the same random numbers. To the right of "
            "zero, the intervention is worth its cost.",
        ],
        1.5 + 0.42 * len(runs),
    )
    axes = figure.subplots()
    colours = style.strategy_colours(problem)
    rows = np.arange(len(runs))[::-1]
    labels = []
    for row, (label, decision) in zip(rows, runs, strict=True):
        own = style.headline_threshold(decision)
        words = label + (f", at {own[1]:,.0f} {currency} per QALY" if own != threshold else "")
        labels.append("\n".join(textwrap.wrap(words, 40)))
        colour = colours[problem.settings.intervention] if row == rows[0] else style.GREY
        _forest_row(axes, row, decision, own[0], colour)
    axes.axvline(0, color=style.DARK, linewidth=0.8)
    axes.set_yticks(rows, labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(runs) - 0.4)
    axes.margins(x=0.05)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    style.money_axis(axes.xaxis)
    axes.set_xlabel(f"Incremental net benefit per patient ({style.prices(problem.country)})")
    axes.grid(axis="x")
    return figure


def _forest_row(axes: Axes, row: int, decision: Decision, threshold: str, colour: str) -> None:
    """Mean and interval as a mark with its numbers, and the probability, to the right."""
    table = decision.tables["net_benefit"].set_index("threshold_name")
    line = table.loc[threshold]
    axes.plot([line["low"], line["high"]], [row, row], color=colour, linewidth=1.4)
    axes.plot(line["net_benefit"], row, "s", color=colour, markersize=5)
    mean, low, high = (style.amount(line[k]) for k in ("net_benefit", "low", "high"))
    chance = style.percent(line["probability"])
    axes.text(
        1.02,
        row,
        f"{mean} ({low} to {high})\ncost-effective in {chance} of draws",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=6.5,
    )
