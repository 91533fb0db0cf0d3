"""Figures of one decision, of this model or of any other: plane, acceptability, loss, information."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from heor.decision.cost_effectiveness import increments
from heor.outcomes.outcomes import QALYS
from heor.report import figure_style as style
from heor.report.comparison import Comparison
from heor.results import Decision

CLOUD_POINTS = 2000
DENSITY_BINS = 160
HIGHEST_DENSITY = (0.95, 0.80, 0.50)
LINES = ((0, (4, 2)), "-", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}
BARS = 12  # parameters of the information figure


def colours_of(view: Comparison) -> dict[str, str]:
    """One colour a strategy, the same in every figure."""
    return style.colours(view.labels, view.comparator, view.intervention)


@style.styled
def plane(view: Comparison, ellipse: bool = False) -> Figure:
    """Incremental cost against incremental QALYs of every strategy: cloud, density, mean, thresholds.

    With `ellipse`, the 95 % ellipse of a normal distribution instead of contours of density.
    """
    others = [s for s in view.outcomes.strategies if s != view.comparator]
    changes = {s: increments(view.outcomes, view.comparator, s) for s in others}
    n = view.outcomes.n
    shown = np.linspace(0, n - 1, min(n, CLOUD_POINTS // len(others))).round().astype(int)
    contours = (
        "ellipses would hold 95 % of a normal distribution"
        if ellipse
        else "contours (areas of highest density that hold 50, 80 and 95 % of draws)"
    )
    figure = style.canvas(
        view,
        "Cost-effectiveness plane",
        [
            f"{len(shown):,} of {n:,} model draws are shown as points; {contours}, mean and quadrant shares "
            "use all of them. Points below a threshold line are cost-effective at that threshold. The axes "
            "leave out the outermost 0.5 % of draws at each end.",
        ],
        5.0,
    )
    axes = figure.subplots()
    colours = colours_of(view)
    for name, change in changes.items():
        _cloud(axes, view, name, change, colours[name], shown, ellipse, len(others) > 1)
    qalys, cost = (np.concatenate([c[k] for c in changes.values()]) for k in (QALYS, "cost"))
    _plane_limits(axes, qalys, cost)
    _threshold_rays(axes, view.decision, view.currency)
    _quadrants(axes, *(changes[view.intervention][k] for k in (QALYS, "cost")))
    if len(others) == 1:
        axes.set_title(f"{view.labels[view.intervention]} against {view.labels[view.comparator]}")
    else:
        axes.set_title(
            f"Against {view.labels[view.comparator]}; quadrants: {view.labels[view.intervention]}"
        )
    axes.set_xlabel("Incremental QALYs per patient, discounted")
    axes.set_ylabel(f"Incremental cost per patient ({view.prices})")
    style.money_axis(axes.yaxis)
    style.legend_below(axes, 2, drop=0.14)
    return figure


def _cloud(
    axes: Axes,
    view: Comparison,
    name: str,
    change: dict[str, np.ndarray],
    colour: str,
    shown: np.ndarray,
    ellipse: bool,
    several: bool,
) -> None:
    """Points, density and mean of one strategy."""
    qalys, cost = change[QALYS], change["cost"]
    axes.scatter(
        qalys[shown], cost[shown], s=4, color=colour, alpha=0.3, linewidths=0, rasterized=True
    )
    if ellipse:
        _ellipse(axes, qalys, cost, colour if several else "black")
    else:
        _density_contours(axes, qalys, cost, colour if several else "black")
    gain = f"{qalys.mean():.2f}".replace("-", "−")
    label = f"{gain} QALYs, {style.amount(cost.mean())} {view.currency}"
    axes.plot(
        qalys.mean(),
        cost.mean(),
        "o",
        color=colour if several else "white",
        markeredgecolor="black",
        markersize=6,
        label=f"{view.labels[name]}: {label}" if several else f"Mean: {label}",
        zorder=6,
    )


def _ellipse(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """What would hold 95 % of the draws if they were normal (radius^2: chi-square, two degrees)."""
    root = np.linalg.cholesky(np.cov(x, y) + 1e-18 * np.eye(2)) * np.sqrt(-2 * np.log(0.05))
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = root @ np.stack([np.cos(angle), np.sin(angle)])
    axes.plot(x.mean() + circle[0], y.mean() + circle[1], color=colour, linewidth=1.0)


def _density_contours(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
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
        *middle, density.T, levels=levels, colors=[colour], linewidths=(0.6, 0.9, 1.2)
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
def ceac(view: Comparison) -> Figure:
    """Probability of being the best choice by threshold, with the frontier emphasised."""
    table = view.decision.tables["ceac"]
    figure = style.canvas(
        view,
        "Probability of being the best choice, by threshold",
        [
            "Thick where the strategy has the highest expected net benefit (the acceptability "
            "frontier). Numbers: probability at the thresholds marked."
        ],
        3.9,
    )
    axes = figure.subplots()
    colours = colours_of(view)
    for name, rows in table.groupby("strategy", sort=False):
        label, colour = view.labels[name], colours[name]
        axes.plot(rows["threshold"], rows["probability"], color=colour, linewidth=1.2, label=label)
        best = rows["probability"].where(rows["on_frontier"])
        axes.plot(rows["threshold"], best, color=colour, linewidth=3.4, solid_capstyle="butt")
    axes.set_xlim(table["threshold"].min(), table["threshold"].max())
    style.percent_axis(axes)
    _mark_thresholds(axes, view, table)
    style.money_axis(axes.xaxis)
    axes.set_xlabel(f"Threshold, {view.currency} per QALY")
    axes.set_ylabel("Probability of the highest net benefit")
    axes.grid(axis="y")
    style.legend_below(axes, 2, drop=0.2)
    return figure


def _mark_thresholds(axes: Axes, view: Comparison, table: pd.DataFrame) -> None:
    """A vertical line at each threshold with its name above and the intervention's probability."""
    name = view.intervention
    rows = table[table["strategy"] == name]
    low, high = axes.get_xlim()
    shown = [(n, v) for n, v in view.decision.thresholds if low <= v <= high]
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
def expected_loss(view: Comparison) -> Figure:
    """Expected loss of each choice by threshold; the lowest is EVPI."""
    table = view.decision.tables["ceac"]
    figure = style.canvas(
        view,
        "Expected loss of each choice, by threshold",
        [
            "What is forgone on average, against always knowing the best choice. The lowest line at a "
            "threshold is the choice with the highest expected net benefit; its loss is the expected value "
            "of perfect information (EVPI, dashed). Dotted: chance that this choice is not the best."
        ],
        3.9,
    )
    axes = figure.subplots()
    colours = colours_of(view)
    for name, rows in table.groupby("strategy", sort=False):
        axes.plot(
            rows["threshold"], rows["expected_loss"], color=colours[name], label=view.labels[name]
        )
    once = table.drop_duplicates("threshold")
    axes.plot(
        once["threshold"],
        once["evpi"],
        color="black",
        linestyle=(0, (4, 2)),
        linewidth=1.6,
        label="EVPI",
    )
    axes.set_xlim(table["threshold"].min(), table["threshold"].max())
    # the loss of a choice that is far from the best would flatten everything else
    axes.set_ylim(0, 4 * once["evpi"].max() or None)
    for _, value in view.decision.thresholds:
        axes.axvline(value, color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
    style.money_axis(axes.xaxis)
    style.money_axis(axes.yaxis)
    axes.set_xlabel(f"Threshold, {view.currency} per QALY")
    axes.set_ylabel(f"Expected loss a patient, {view.currency}")
    right = axes.twinx()
    right.plot(
        once["threshold"],
        once["error_probability"],
        color=style.GREY,
        linestyle=(0, (1, 1.5)),
        linewidth=1.0,
    )
    style.percent_axis(right)
    right.set_ylabel("Chance of a wrong choice", color=style.GREY)
    style.legend_below(axes, 3, drop=0.2)
    return figure


@style.styled
def information(view: Comparison) -> Figure:
    """EVPPI of groups by threshold, and of groups and parameters at the headline threshold."""
    name, threshold = style.headline_threshold(view.decision)
    frame = view.information[view.information["threshold_name"] == name].set_index("name")
    bars = frame[frame["kind"] != "all"].sort_values("value", ascending=False)
    bars = bars[bars["value"] > 0].head(BARS)
    figure = style.canvas(
        view,
        "What it is worth to know more",
        [
            f"Above: at {style.threshold_label(name, threshold, view.currency)}, with 95 % interval of the "
            "regression; dark bars are groups known together. Below: by threshold. Parameters may be worth "
            "much together and nothing apart."
            + (
                " ? The regression left a pattern: read with care."
                if bars["suspicious"].any()
                else ""
            )
        ],
        2.9 + 0.24 * len(bars) + 0.5,
    )
    above, below = figure.subplots(2, 1, height_ratios=(0.6 + 0.24 * len(bars), 2.2))
    rows = np.arange(len(bars))[::-1]
    colours = [style.DARK if k == "group" else "#A6A6A6" for k in bars["kind"]]
    values, error = bars["value"].to_numpy(), 1.96 * bars["se"].to_numpy()
    above.barh(rows, values, color=colours, height=0.62)
    above.errorbar(
        values,
        rows,
        xerr=[np.minimum(error, values), error],
        fmt="none",
        ecolor="black",
        elinewidth=0.7,
    )
    words = [
        style.wrapped(view.words(n), 46) + (" ?" if doubt else "")
        for n, doubt in zip(bars.index, bars["suspicious"], strict=True)
    ]
    above.set_yticks(rows, words, fontsize=6.5)
    above.axvline(frame.loc["all", "value"], color=style.INTERVENTION, linewidth=1.0)
    above.annotate(
        "everything",
        (frame.loc["all", "value"], 1.0),
        (-3, 2),
        xycoords=above.get_xaxis_transform(),
        textcoords="offset points",
        ha="right",
        fontsize=6.5,
        color=style.INTERVENTION,
    )
    style.money_axis(above.xaxis)
    above.set_xlabel(f"Worth a patient, {view.currency}")
    for i, (own, line) in enumerate(view.information_curves.groupby("name", sort=False)):
        look = {"color": "black", "linewidth": 1.6} if own == "all" else style.family_style(i)
        label = "everything (EVPI)" if own == "all" else view.words(str(own))
        below.plot(line["threshold"], line["value"], label=label, **look)
    style.money_axis(below.xaxis)
    style.money_axis(below.yaxis)
    below.set_ylim(bottom=0)
    below.set_xlabel(f"Threshold, {view.currency} per QALY")
    below.set_ylabel(f"Worth a patient, {view.currency}")
    style.legend_below(below, 3, drop=0.36)
    return figure
