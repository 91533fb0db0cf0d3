"""Figure of a reconstruction: the published clicks, the reconstructed curve, numbers at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from heor.report.figures.canvas import ReportFigure, canvas, percent_axis, styled
from heor.report.format import palette
from heor.survival.evidence.reconstruct import step_curve

if TYPE_CHECKING:
    from heor.survival.evidence.reconstruct import Reconstruction

STEPS = {
    "months": (1, 2, 3, 6, 12, 24, 60),
    "weeks": (4, 8, 13, 26, 52),
    "days": (30, 90, 180, 365),
}
MOST_TICKS = 12
MOST_COLUMNS = 13  # of numbers at risk that fit side by side


@styled
def reconstruction(found: Reconstruction, name: str, unit: str) -> ReportFigure:
    """Published clicks as dots, the reconstructed curve as steps, numbers at risk of both below.

    Parameters
    ----------
    name
        Of the curve, for the title.
    unit
        Of its times, in words: `months`.
    """
    rows = 2 if len(found.at_risk) else 1
    title = f"{name}: published and reconstructed curve"
    figure = canvas(None, title, [_caption(found, unit)], 3.4 + 0.1 * rows)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(12, 0.9 * rows))
    time, survival = step_curve(found.table["time"], found.table["event"])
    axes.step(
        time,
        survival,
        where="post",
        color=palette.COMPARATOR,
        linewidth=1.3,
        label=f"Reconstructed: {found.n:,} patients, {found.events:,} events",
    )
    axes.plot(
        found.fit["time"],
        found.fit["published"],
        linestyle="none",
        marker="o",
        markersize=2.6,
        markerfacecolor=palette.INTERVENTION,
        markeredgewidth=0,
        alpha=0.75,
        label=f"Published: {len(found.fit):,} clicks",
        zorder=3,
        clip_on=False,
    )
    lost = found.table["time"][found.table["event"] == 0]
    axes.plot(
        lost,
        survival[np.searchsorted(time, lost, side="right") - 1],
        linestyle="none",
        marker="|",
        markersize=4,
        markeredgewidth=0.5,
        color=palette.COMPARATOR,
        label="Censored (places reconstructed)",
        zorder=2,
        clip_on=False,
    )
    end = max(float(found.fit["time"].iloc[-1]), float(time[-1]))
    axes.set_xlim(0, 1.01 * end)
    _time_ticks(axes, end, unit)
    percent_axis(axes)
    axes.set_ylabel("Survival")
    axes.grid(axis="y")
    axes.tick_params(labelbottom=True)
    axes.set_xlabel(f"Time ({unit})")
    axes.legend(loc="upper right")
    _at_risk(below, found, end)
    return figure


def _caption(found: Reconstruction, unit: str) -> str:
    far = (
        f"Largest difference from a click {100 * found.max_difference:.1f} percentage points, "
        f"root mean square {100 * found.rmse:.1f}."
    )
    median = (
        f"Median {found.median:.3g} {unit}." if np.isfinite(found.median) else "Median not reached."
    )
    return f"{far} {median} Method: after Guyot et al. 2012."


def _time_ticks(axes: Axes, end: float, unit: str) -> None:
    """Ticks at round numbers of the unit: months by the half year, not by tens."""
    fitting = [step for step in STEPS.get(unit, ()) if end / step <= MOST_TICKS]
    if fitting and end >= 2 * fitting[0]:
        axes.set_xticks(np.arange(0, end + 1e-9, fitting[0]))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=MOST_TICKS, steps=[1, 2, 5, 10]))


def _at_risk(axes: Axes, found: Reconstruction, end: float) -> None:
    """Numbers at risk, published over reconstructed; without a risk table only the latter."""
    axes.set_ylim(0, 1)
    axes.axis("off")
    if len(found.at_risk):
        every = -(-len(found.at_risk) // MOST_COLUMNS)
        table = found.at_risk.sort_values("time").iloc[::every]
        lines = [
            ("published", table["time"], table["published"], palette.INTERVENTION),
            ("reconstructed", table["time"], table["reconstructed"], palette.COMPARATOR),
        ]
    else:
        time = np.linspace(0, end, 7)[:-1]
        at_risk = (found.table["time"] >= time[:, None]).sum(axis=1)
        lines = [("reconstructed", time, at_risk, palette.COMPARATOR)]
    axes.set_title("At risk", fontsize=7, color=palette.GREY, pad=2)
    for i, (label, times, numbers, colour) in enumerate(lines):
        height = 1 - (i + 0.5) / len(lines)
        axes.text(
            -0.035,
            height,
            label,
            transform=axes.transAxes,
            ha="right",
            va="center",
            fontsize=6,
            color=colour,
        )
        for t, number in zip(times, numbers, strict=True):
            if t <= 1.01 * end:
                axes.text(t, height, f"{number:,}", ha="center", va="center", fontsize=6.5)
