"""Figures of one decision, of this model or of any other: plane, acceptability, expected loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Text
from scipy.ndimage import gaussian_filter

from heor.decision.thresholds import Threshold
from heor.report.figure_data import comparison as numbers
from heor.report.figures.canvas import (
    LABEL,
    SIZE,
    SMALL,
    ReportFigure,
    canvas,
    money_axis,
    percent_axis,
    styled,
    text_width,
    ticks,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.comparison import Comparison

DENSITY_BINS = 160
HIGHEST_DENSITY = (0.95, 0.80, 0.50)
LINES = ((0, (4, 2)), "-", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}
SIDES = 0.9  # inches of a figure that are not axes


def colours_of(view: Comparison) -> dict[str, str]:
    """One colour a strategy, the same in every figure."""
    return palette.colours(view.shown, view.comparator, view.intervention)


@styled
def plane(view: Comparison, ellipse: bool = False) -> ReportFigure:
    """Incremental cost against incremental QALYs of every strategy: cloud, density, mean, thresholds.

    With `ellipse`, the 95 % ellipse of a normal distribution instead of contours of density.
    """
    shown = numbers.plane(view)
    draws, means = shown.of("draw"), shown.of("mean")
    n, several = view.outcomes.n, len(means) > 1
    points = int(draws["shown"].sum()) // len(means)
    contours = (
        "ellipses would hold 95 % of a normal distribution"
        if ellipse
        else "contours (areas of highest density that hold 50, 80 and 95 % of draws)"
    )
    comparator, intervention = view.labels[view.comparator], view.labels[view.intervention]
    title = f"Against {comparator}; quadrants: {intervention}"
    figure = canvas(
        view,
        "Cost-effectiveness plane",
        [
            f"{title}." if several else f"{intervention} against {comparator}.",
            "Costs and QALYs are discounted." if page().narrow else "",
            f"{points:,} of {n:,} model draws are shown as points; {contours}, mean and quadrant shares "
            "use all of them. Points below a threshold line have a positive net benefit there. The axes "
            "leave out the outermost 0.5 % of draws at each end.",
            view.left_out,
        ],
        3.7,
        narrow=2.9,
        numbers=shown,
    )
    axes = figure.subplots()
    for name, colour in colours_of(view).items():
        if name != view.comparator:
            own = {
                k: t[t["strategy"] == view.labels[name]]
                for k, t in (("draw", draws), ("mean", means))
            }
            figure.spare += _cloud(axes, view, own, colour, ellipse, several)
    _plane_limits(axes, draws["incremental_qalys"], draws["incremental_cost"])
    _threshold_rays(axes, view, shown.of("threshold"))
    _quadrants(axes, shown.of("quadrant"))
    axes.set_xlabel("Incremental QALYs per patient" + ("" if page().narrow else ", discounted"))
    axes.set_ylabel(
        wrapped(
            f"Incremental cost per patient ({view.prices})", 2.2 if page().narrow else 3.2, LABEL
        )
    )
    money_axis(axes.yaxis)
    figure.key(*axes.get_legend_handles_labels(), columns=2)
    return figure


def _cloud(
    axes: Axes,
    view: Comparison,
    own: dict[str, pd.DataFrame],
    colour: str,
    ellipse: bool,
    several: bool,
) -> list[Text]:
    """Points, density and mean of one strategy; the names of its contours."""
    draws, mean = own["draw"], own["mean"].iloc[0]
    points = draws[draws["shown"].astype(bool)]
    axes.scatter(
        points["incremental_qalys"],
        points["incremental_cost"],
        s=4,
        color=colour,
        alpha=0.3,
        linewidths=0,
        rasterized=True,
    )
    cloud = (draws[f"incremental_{k}"].to_numpy() for k in ("qalys", "cost"))
    outline = _ellipse if ellipse else _density_contours
    names = outline(axes, *cloud, colour if several else "black")
    gain = f"{mean['incremental_qalys']:.2f}".replace("-", "−")
    label = f"{gain} QALYs, {labels.amount(mean['incremental_cost'])} {view.currency}"
    axes.plot(
        mean["incremental_qalys"],
        mean["incremental_cost"],
        "o",
        color=colour if several else "white",
        markeredgecolor="black",
        markersize=6,
        label=f"{mean['strategy']}: {label}" if several else f"Mean: {label}",
        zorder=6,
    )
    return names


def _ellipse(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> list[Text]:
    """What would hold 95 % of the draws if they were normal (radius^2: chi-square, two degrees)."""
    root = np.linalg.cholesky(np.cov(x, y) + 1e-18 * np.eye(2)) * np.sqrt(-2 * np.log(0.05))
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = root @ np.stack([np.cos(angle), np.sin(angle)])
    axes.plot(x.mean() + circle[0], y.mean() + circle[1], color=colour, linewidth=1.0)
    return []


def _density_contours(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> list[Text]:
    """Contours of highest density around 50, 80 and 95 % of the draws.

    A histogram smoothed by a normal kernel (1.5 times Scott's rule from the interquartile range:
    the cloud is skewed); a contour's level is the density that this share of draws exceeds.
    """
    quartiles = [np.subtract(*np.quantile(v, [0.75, 0.25])) for v in (x, y)]
    if min(quartiles) <= 0:
        return []
    edges = [np.linspace(*_padded(v, 0.15), DENSITY_BINS + 1) for v in (x, y)]
    counts, _, _ = np.histogram2d(x, y, bins=edges)
    widths = [1.5 * q / 1.349 * len(x) ** (-1 / 6) for q in quartiles]
    density = gaussian_filter(
        counts, [w / (e[1] - e[0]) for w, e in zip(widths, edges, strict=True)]
    )
    cell = [np.searchsorted(e, v, side="right") - 1 for v, e in zip((x, y), edges, strict=True)]
    levels = np.quantile(density[cell[0], cell[1]], [1 - p for p in HIGHEST_DENSITY])
    if (np.diff(levels) <= 0).any():
        return []
    middle = [(e[1:] + e[:-1]) / 2 for e in edges]
    lines = axes.contour(
        *middle, density.T, levels=levels, colors=[colour], linewidths=(0.6, 0.9, 1.2)
    )
    names = {v: f"{100 * p:.0f} %" for v, p in zip(levels, HIGHEST_DENSITY, strict=True)}
    return list(axes.clabel(lines, fmt=names, fontsize=SMALL, inline=True, inline_spacing=2))


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


def _threshold_rays(axes: Axes, view: Comparison, table: pd.DataFrame) -> None:
    """A line through the origin for every threshold, and the axes of the plane."""
    axes.axhline(0, color=palette.GREY, linewidth=0.6, zorder=1)
    axes.axvline(0, color=palette.GREY, linewidth=0.6, zorder=1)
    _, headline = view.decision.headline
    for i, (_, line) in enumerate(table.iterrows()):
        axes.axline(
            (0, 0),
            slope=line["threshold"],
            color=palette.COMPARATOR,
            linewidth=1.4 if line["threshold"] == headline else 0.9,
            linestyle=LINES[i % len(LINES)],
            label=line["label"],
            zorder=3,
        )


def _quadrants(axes: Axes, table: pd.DataFrame) -> None:
    """Share of draws in each quadrant, in its corner."""
    for _, line in table.iterrows():
        right, top = line["label"].startswith("more"), "higher" in line["label"]
        words = line["label"].replace(", ", ",\n") if page().narrow else line["label"]
        axes.text(
            0.99 if right else 0.01,
            0.99 if top else 0.01,
            f"{labels.percent(line['share'])}\n{words}",
            transform=axes.transAxes,
            ha="right" if right else "left",
            va="top" if top else "bottom",
            fontsize=SMALL,
            color=palette.DARK,
            bbox=PATCH | {"alpha": 0.7},
            zorder=7,
        )


@styled
def ceac(view: Comparison) -> ReportFigure:
    """Probability of being the best choice by threshold, with the frontier emphasised."""
    shown = numbers.ceac(view)
    figure = canvas(
        view,
        "Probability of being the best choice, by threshold",
        [
            "Thick where the strategy has the highest expected net benefit (the acceptability "
            "frontier). Numbers: probability at the thresholds marked.",
            view.left_out,
        ],
        3.0,
        narrow=2.5,
        numbers=shown,
    )
    axes = figure.subplots()
    curves = shown.of("curve")
    for name, colour in colours_of(view).items():
        rows = curves[curves["strategy"] == view.labels[name]]
        own = {"color": colour, "linewidth": 1.2, "label": view.labels[name]}
        axes.plot(rows["threshold"], rows["probability"], **own)
        best = rows["probability"].where(rows["on_frontier"].astype(bool))
        axes.plot(rows["threshold"], best, color=colour, linewidth=3.4, solid_capstyle="butt")
    percent_axis(axes)
    threshold_axis(axes, view, curves, SIDES)
    _mark_thresholds(axes, shown.of("marked"))
    axes.set_ylabel(
        wrapped("Probability of the highest net benefit", 1.9 if page().narrow else 2.4, LABEL)
    )
    axes.grid(axis="y")
    figure.key(*axes.get_legend_handles_labels(), columns=3)
    return figure


def threshold_axis(axes: Axes, view: Comparison, table: pd.DataFrame, sides: float) -> None:
    """Thresholds on the x axis, as far as the table goes; `sides`: inches that are not axes."""
    axes.set_xlim(table["threshold"].min(), table["threshold"].max())
    axes.locator_params(axis="x", nbins=ticks(page().width - sides))
    money_axis(axes.xaxis)
    axes.set_xlabel(f"Threshold, {view.currency} per QALY")


def _mark_thresholds(axes: Axes, table: pd.DataFrame) -> None:
    """A vertical line at each threshold with its name above and the intervention's probability."""
    low, high = axes.get_xlim()
    texts = [Threshold(n, v).label for v, n in zip(table["threshold"], table["label"], strict=True)]
    inch = (high - low) / (page().width - SIDES)
    levels = _levels(list(table["threshold"]), texts, inch)
    before, room = -np.inf, inch * text_width("100 % ")
    for (_, line), label, level in zip(table.iterrows(), texts, levels, strict=True):
        value, chance = line["threshold"], line["probability"]
        follows = (table["threshold"] - value).between(0, room, inclusive="neither").any()
        top = 1.03 + (0.085 if page().narrow else 0.065) * level
        axes.plot(
            [value, value],
            [0, top],
            transform=axes.get_xaxis_transform(),
            color=palette.GREY,
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
            # clear of the line before it
            ha="left" if value - before < inch * text_width(label, SMALL) / 2 else "center",
            fontsize=SMALL,
            bbox=PATCH | {"alpha": 1.0},
        )
        before = value
        axes.plot(value, chance, "o", mfc="white", mec="black", ms=4.5, clip_on=False, zorder=6)
        axes.annotate(
            labels.percent(chance),
            (value, chance),
            (-6 if follows else 6, 5 if chance < 0.12 or follows else -10),
            textcoords="offset points",
            ha="right" if follows else "left",
            fontsize=SIZE,
            bbox=PATCH,
            zorder=7,
        )


def _levels(positions: Sequence[float], labels: Sequence[str], inch: float) -> list[int]:
    """The lowest row on which each centred label overlaps no earlier one; `inch`: of the axis."""
    ends: list[float] = []
    levels = []
    for x, label in zip(positions, labels, strict=True):
        half = inch * (text_width(label, SMALL) / 2 + 0.05)
        level = next((i for i, end in enumerate(ends) if x - half > end), len(ends))
        ends[level:] = [x + half, *ends[level + 1 :]]
        levels.append(level)
    return levels


@styled
def expected_loss(view: Comparison) -> ReportFigure:
    """Expected loss of each choice by threshold; the lowest is EVPI."""
    shown = numbers.expected_loss(view)
    table = shown.table
    figure = canvas(
        view,
        "Expected loss of each choice, by threshold",
        [
            "What is forgone on average, against always knowing the best choice. The lowest line at a "
            "threshold is the choice with the highest expected net benefit; its loss is the expected value "
            "of perfect information (EVPI, dashed). Losses above four times the largest EVPI are cut off; vertical: "
            "the thresholds. Dotted: chance that this choice is not the best.",
            view.left_out,
        ],
        3.0,
        narrow=2.4,
        numbers=shown,
    )
    axes = figure.subplots()
    for name, colour in colours_of(view).items():
        rows = table[table["strategy"] == view.labels[name]]
        axes.plot(rows["threshold"], rows["expected_loss"], color=colour, label=view.labels[name])
    once = table.drop_duplicates("threshold")
    dashed = {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.6, "label": "EVPI"}
    axes.plot(once["threshold"], once["evpi"], **dashed)
    threshold_axis(axes, view, table, 2 * SIDES)
    # the loss of a choice that is far from the best would flatten everything else
    axes.set_ylim(0, 4 * once["evpi"].max() or None)
    for _, value in view.decision.thresholds:
        axes.axvline(value, color=palette.GREY, linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
    money_axis(axes.yaxis)
    axes.set_ylabel(f"Expected loss a patient, {view.currency}")
    right = axes.twinx()
    dotted = {"color": palette.GREY, "linestyle": (0, (1, 1.5)), "linewidth": 1.0}
    dotted["label"] = "Chance of a wrong choice (right axis)"
    right.plot(once["threshold"], once["error_probability"], **dotted)
    percent_axis(right)
    right.set_ylabel("Chance of a wrong choice", color=palette.GREY)
    both = [a.get_legend_handles_labels() for a in (axes, right)]
    figure.key(*(sum(parts, []) for parts in zip(*both, strict=True)), columns=2)
    return figure
