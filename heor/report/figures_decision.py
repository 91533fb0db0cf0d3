"""Figures of the decision: plane, acceptability and companion scenarios."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from heor.outcomes.outcomes import QALYS
from heor.report import figure_style as style

if TYPE_CHECKING:
    from heor.inputs.problem import DecisionProblem
    from heor.results import Decision, Results

CLOUD_POINTS = 2000
DENSITY_BINS = 160
HIGHEST_DENSITY = (0.95, 0.80, 0.50)
LINES = ((0, (4, 2)), "-", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}


@style.styled
def plane(results: Results) -> Figure:
    """Incremental cost against incremental QALYs: cloud, density, mean and thresholds."""
    problem = results.problem
    change = style.changes(results)
    qalys, cost = change[QALYS], change["cost"]
    shown = np.linspace(0, len(cost) - 1, min(len(cost), CLOUD_POINTS)).round().astype(int)
    figure = style.canvas(
        results,
        "Cost-effectiveness plane",
        [
            f"{len(shown):,} of {len(cost):,} model draws are shown as points; contours (areas of "
            "highest density that hold 50, 80 and 95 % of draws), mean and quadrant shares use all "
            "of them. Points below a threshold line are cost-effective at that threshold. The axes "
            "leave out the outermost 0.5 % of draws at each end.",
        ],
        5.0,
    )
    axes = figure.subplots()
    colour = style.strategy_colours(problem)[problem.settings.intervention]
    axes.scatter(
        qalys[shown], cost[shown], s=4, color=colour, alpha=0.3, linewidths=0, rasterized=True
    )
    _density_contours(axes, qalys, cost)
    mean = qalys.mean(), cost.mean()
    gain = f"{mean[0]:.2f}".replace("-", "−")
    label = f"Mean: {gain} QALYs, {style.amount(mean[1])} {problem.country.currency}"
    axes.plot(
        *mean, "o", color="white", markeredgecolor="black", markersize=6, label=label, zorder=6
    )
    _plane_limits(axes, qalys, cost)
    _threshold_rays(axes, results.decision, problem.country.currency)
    _quadrants(axes, qalys, cost)
    axes.set_title(_versus(problem))
    axes.set_xlabel("Incremental QALYs per patient, discounted")
    axes.set_ylabel(f"Incremental cost per patient ({style.prices(problem.country)})")
    style.money_axis(axes.yaxis)
    style.legend_below(axes, 2, drop=0.14)
    return figure


def _versus(problem: DecisionProblem) -> str:
    """'Intervention against comparator', by their labels."""
    settings = problem.settings
    labels = (problem.strategies[s].label for s in (settings.intervention, settings.comparator))
    return " against ".join(labels)


def _density_contours(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Contours of highest density around 50, 80 and 95 % of the draws.

    A histogram smoothed by a normal kernel (1.5 times Scott's rule from the interquartile range:
    the cloud is skewed); a contour's level is the density that this share of draws exceeds.
    """
    quartiles = [np.subtract(*np.quantile(v, [0.75, 0.25])) for v in (x, y)]
    if min(quartiles) <= 0:
        return
    edges = [np.linspace(*_padded(v, 0.15), DENSITY_BINS + 1) for v in (x, y)]
    counts, _, _ = np.histogram2d(x, y, bins=edges)
    widths = [1.5 * q / 1.349 * len(x) ** (-1 / 6) for q in quartiles]
    density = gaussian_filter(
        counts, [w / (e[1] - e[0]) for w, e in zip(widths, edges, strict=True)]
    )
    cell = [np.searchsorted(e, v, side="right") - 1 for v, e in zip((x, y), edges, strict=True)]
    levels = np.quantile(density[cell[0], cell[1]], [1 - p for p in HIGHEST_DENSITY])
    if (np.diff(levels) <= 0).any():
        return
    middle = [(e[1:] + e[:-1]) / 2 for e in edges]
    lines = axes.contour(
        *middle, density.T, levels=levels, colors="black", linewidths=(0.6, 0.9, 1.2)
    )
    names = {v: f"{100 * p:.0f} %" for v, p in zip(levels, HIGHEST_DENSITY, strict=True)}
    axes.clabel(lines, fmt=names, fontsize=6.5, inline=True, inline_spacing=2)


def _padded(values: np.ndarray, share: float) -> tuple[float, float]:
    low, high = values.min(), values.max()
    return low - share * (high - low), high + share * (high - low)


def _plane_limits(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """All but the outermost 0.5 % of draws at each end, and room in all four quadrants."""
    for values, limit in ((x, axes.set_xlim), (y, axes.set_ylim)):
        low, high = np.quantile(values, [0.005, 0.995])
        low, high = min(low, 0.0), max(high, 0.0)
        span = (high - low) or 1.0
        limit(min(low - 0.06 * span, -0.22 * span), max(high + 0.14 * span, 0.18 * span))


def _threshold_rays(axes: Axes, decision: Decision, currency: str) -> None:
    """A line through the origin for every threshold, and the axes of the plane."""
    axes.axhline(0, color=style.GREY, linewidth=0.6, zorder=1)
    axes.axvline(0, color=style.GREY, linewidth=0.6, zorder=1)
    headline, _ = style.headline_threshold(decision)
    for i, (name, value) in enumerate(decision.thresholds):
        axes.axline(
            (0, 0),
            slope=value,
            color=style.COMPARATOR,
            linewidth=1.4 if name == headline else 0.9,
            linestyle=LINES[i % len(LINES)],
            label=style.threshold_label(name, value, currency),
            zorder=3,
        )


def _quadrants(axes: Axes, qalys: np.ndarray, cost: np.ndarray) -> None:
    """Share of draws in each quadrant, in its corner."""
    more, dearer = qalys > 0, cost > 0
    corners = (
        (0.99, 0.99, more & dearer, "more QALYs, higher cost"),
        (0.01, 0.99, ~more & dearer, "fewer QALYs, higher cost"),
        (0.99, 0.01, more & ~dearer, "more QALYs, lower cost"),
        (0.01, 0.01, ~more & ~dearer, "fewer QALYs, lower cost"),
    )
    for x, y, inside, words in corners:
        axes.text(
            x,
            y,
            f"{style.percent(inside.mean())}\n{words}",
            transform=axes.transAxes,
            ha="right" if x > 0.5 else "left",
            va="top" if y > 0.5 else "bottom",
            fontsize=6.5,
            color=style.DARK,
            bbox=PATCH | {"alpha": 0.6},
            zorder=7,
        )


@style.styled
def ceac(results: Results) -> Figure:
    """Probability of being the best choice by threshold, with the frontier emphasised."""
    problem, table = results.problem, results.decision.tables["ceac"]
    figure = style.canvas(
        results,
        "Probability of being the best choice, by threshold",
        [
            "Thick where the strategy has the highest expected net benefit (the acceptability "
            "frontier). Numbers: probability at the thresholds marked."
        ],
        3.9,
    )
    axes = figure.subplots()
    colours = style.strategy_colours(problem)
    for name, rows in table.groupby("strategy", sort=False):
        label, colour = problem.strategies[name].label, colours[name]
        axes.plot(rows["threshold"], rows["probability"], color=colour, linewidth=1.2, label=label)
        best = rows["probability"].where(rows["on_frontier"])
        axes.plot(rows["threshold"], best, color=colour, linewidth=3.4, solid_capstyle="butt")
    axes.set_xlim(table["threshold"].min(), table["threshold"].max())
    style.percent_axis(axes)
    _mark_thresholds(axes, results, table)
    style.money_axis(axes.xaxis)
    axes.set_xlabel(f"Threshold, {problem.country.currency} per QALY")
    axes.set_ylabel("Probability of the highest net benefit")
    axes.grid(axis="y")
    style.legend_below(axes, 2, drop=0.2)
    return figure


def _mark_thresholds(axes: Axes, results: Results, table: pd.DataFrame) -> None:
    """A vertical line at each threshold with its name above and the intervention's probability."""
    name = results.problem.settings.intervention
    rows = table[table["strategy"] == name]
    low, high = axes.get_xlim()
    shown = [(n, v) for n, v in results.decision.thresholds if low <= v <= high]
    labels = [
        f"{v:,.0f}" + (" (severity-weighted)" if n == style.SEVERITY else "") for n, v in shown
    ]
    positions = [v for _, v in shown]
    for value, label, level in zip(
        positions, labels, _levels(positions, labels, high - low), strict=True
    ):
        top = 1.03 + 0.055 * level
        axes.plot(
            [value, value],
            [0, top],
            transform=axes.get_xaxis_transform(),
            color=style.GREY,
            linewidth=0.8,
            linestyle=(0, (3, 2)),
            clip_on=False,
            zorder=1,
        )
        axes.text(
            value,
            top + 0.01,
            label,
            transform=axes.get_xaxis_transform(),
            # the long label ends at its line, clear of the next threshold
            ha="right" if "severity" in label else "center",
            fontsize=6.5,
            bbox=PATCH | {"alpha": 1.0},
        )
        chance = float(np.interp(value, rows["threshold"], rows["probability"]))
        axes.plot(value, chance, "o", mfc="white", mec="black", ms=4.5, clip_on=False, zorder=6)
        axes.annotate(
            style.percent(chance),
            (value, chance),
            (6, 5 if chance < 0.12 else -10),
            textcoords="offset points",
            fontsize=7,
            bbox=PATCH,
            zorder=7,
        )


def _levels(positions: Sequence[float], labels: Sequence[str], span: float) -> list[int]:
    """The lowest row on which each centred label overlaps no earlier one."""
    character = span / 105  # width of a character of the label, as wide as the axes hold 105
    ends: list[float] = []
    levels = []
    for x, label in zip(positions, labels, strict=True):
        half = character * (len(label) + 2) / 2
        level = next((i for i, end in enumerate(ends) if x - half > end), len(ends))
        ends[level:] = [x + half, *ends[level + 1 :]]
        levels.append(level)
    return levels


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
