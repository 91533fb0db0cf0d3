"""The figure of what it is worth to know more: groups and parameters, and by threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from heor.report.figure_data import comparison as numbers
from heor.report.figures.canvas import (
    SMALL,
    ReportFigure,
    canvas,
    money_axis,
    styled,
    ticks,
    wrapped,
)
from heor.report.figures.comparison import threshold_axis
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.comparison import Comparison


@styled
def information(view: Comparison) -> ReportFigure:
    """EVPPI of groups by threshold, and of groups and parameters at the headline threshold."""
    name, threshold = view.decision.headline
    shown = numbers.information(view)
    bars, curves = shown.of("bar"), shown.of("curve")
    texts = [
        wrapped(
            line["label"] + (" ?" if line["has_residual_pattern"] else ""),
            _name_room(),
            SMALL,
            most=3,
        )
        for _, line in bars.iterrows()
    ]
    lines = sum(max(label.count("\n") + 1, 1.6) for label in texts)
    above_height, below_height = 0.6 + 0.12 * lines, 1.4
    figure = canvas(
        view,
        "What it is worth to know more",
        [
            f"Above: at {labels.threshold_label(name, threshold, view.currency)}, with 95 % interval of the "
            "regression; dark bars are groups known together. Below: by threshold. Parameters may be worth "
            "much together and nothing apart."
            + (
                " ? The regression left a pattern: read with care."
                if bars["has_residual_pattern"].any()
                else ""
            )
        ],
        above_height + below_height + 0.7,
        numbers=shown,
    )
    above, below = figure.subplots(2, 1, height_ratios=(above_height, below_height))
    _information_bars(above, bars, texts, float(shown.of("everything")["value"].iloc[0]))
    above.set_xlabel(f"Worth a patient, {view.currency}")
    for i, (own, line) in enumerate(curves.groupby("name", sort=False)):
        everything = own == numbers.EVERYTHING
        look = {"color": "black", "linewidth": 1.6} if everything else palette.family_style(i)
        label = "everything (EVPI)" if everything else line["label"].iloc[0]
        below.plot(line["threshold"], line["value"], label=label, **look)
    money_axis(below.yaxis)
    below.set_ylim(bottom=0)
    threshold_axis(below, view, curves, _name_room() + 0.4)
    below.set_ylabel(f"Worth a patient, {view.currency}")
    figure.key(*below.get_legend_handles_labels(), columns=3)
    return figure


def _name_room() -> float:
    """Inches for the names of rows."""
    return min(2.6, 0.4 * page().width)


def _information_bars(
    axes: Axes, bars: pd.DataFrame, texts: Sequence[str], everything: float
) -> None:
    """A bar a group or parameter with its interval, and a line where everything would be known."""
    rows = np.arange(len(bars))[::-1]
    colours = [palette.DARK if k == "group" else "#A6A6A6" for k in bars["kind"]]
    values = bars["value"].to_numpy()
    axes.barh(rows, values, color=colours, height=0.62)
    axes.errorbar(
        values,
        rows,
        xerr=np.abs(bars[["low", "high"]].to_numpy(float).T - values),
        fmt="none",
        ecolor="#7F7F7F",
        elinewidth=0.9,
    )
    axes.set_yticks(rows, texts, fontsize=SMALL)
    axes.set_xlim(0, 1.06 * max(everything, bars["high"].max(), 1e-9))
    axes.locator_params(axis="x", nbins=ticks(page().width - _name_room() - 0.4))
    axes.axvline(everything, color=palette.INTERVENTION, linewidth=1.0)
    axes.annotate(
        "everything",
        (everything, 1.0),
        (-3, 2),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        ha="right",
        fontsize=SMALL,
        color=palette.INTERVENTION,
    )
    money_axis(axes.xaxis)
