"""The figure of a country comparison: health gained, cost in one money, net health benefit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from heor.decision.thresholds import SEVERITY, column
from heor.report.figure_data import scenarios as numbers
from heor.report.figures.canvas import ReportFigure, canvas, styled, wrapped
from heor.report.figures.page import page
from heor.report.format import palette
from heor.report.format.choice import pairwise_note
from heor.runs.country_comparison import HIGH, LOW, CountryComparison

ROW, FRAME, LEAST_ROWS = 0.34, 0.6, 4  # inches a country, inches of an axis, rows at least
SHORT_ROW = 0.2  # where panels stand one below the other
#: Threshold → colour, marker, shift of the row, words.
SHOWN = {
    LOW: (palette.GREY, "o", 0.22, "lowest"),
    SEVERITY: (palette.DARK, "D", 0.0, "by severity"),
    HIGH: (palette.INTERVENTION, "s", -0.22, "highest"),
}


@styled
def countries(results: CountryComparison) -> ReportFigure:
    """QALYs gained, added cost in the common money, and net health benefit, a row each country."""
    shown = numbers.countries(results)
    table = shown.table
    money = next((m for m in table["common_money"] if m), "")
    no_threshold = [r["label"] for _, r in table.iterrows() if not r["has_verdict"]]
    figure = canvas(
        results,
        "The same question under the rules of several countries",
        [
            "Mean and 95 % interval over model draws, on the same random numbers, by each country's own "
            "rates, perspective, mortality, norms and prices.",
            f"Cost in {money}, where it can be converted." if money else "",
            "Net health benefit: QALYs gained less the QALYs that the cost would buy at the country's "
            "threshold, so that it does not depend on money.",
            f"Hollow: another country's threshold, for orientation ({', '.join(no_threshold)})."
            if no_threshold
            else "",
            pairwise_note(results.problem),
        ],
        FRAME + ROW * max(len(table), LEAST_ROWS),
        narrow=3 * (FRAME + SHORT_ROW * max(len(table), LEAST_ROWS)),
        numbers=shown,
    )
    shape = {"nrows": 3} if page().narrow else {"ncols": 3, "width_ratios": (1, 1, 1.5)}
    panels = figure.subplots(sharey=True, **shape)
    rows = np.arange(len(table))[::-1]
    _intervals(panels[0], rows, table, "qalys")
    _intervals(panels[1], rows, table, "cost_common")
    for name, (colour, marker, shift, _) in SHOWN.items():
        _intervals(panels[2], rows + shift, table, column("health", name), colour, marker)
    words = (
        "QALYs gained",
        f"Added cost (1,000 {money})",
        "Net health benefit (QALYs), by threshold",
    )
    for axes, label in zip(panels, words, strict=True):
        axes.axvline(0, color=palette.DARK, linewidth=0.8, zorder=1)
        axes.set_xlabel(label)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.locator_params(axis="x", nbins=4)
    thousands = FuncFormatter(lambda x, _: f"{x / 1000:,.0f}".replace("-", "−"))
    panels[1].xaxis.set_major_formatter(thousands)
    labels = [wrapped(label, 1.1) for label in table["label"]]
    panels[0].set_yticks(rows, labels)
    panels[0].set_ylim(-0.6, len(table) - 0.4)
    key = _key([name for name in SHOWN if table[column("health", name)].notna().any()])
    figure.key(key, [f"Threshold: {line.get_label()}" for line in key], columns=3)
    return figure


def _intervals(
    axes: Axes,
    rows: np.ndarray,
    table: pd.DataFrame,
    key: str,
    colour: str = palette.GREY,
    marker: str = "o",
) -> None:
    """A mean with its interval in every row that has one."""
    for row, (_, line) in zip(rows, table.iterrows(), strict=True):
        if not np.isfinite(line[key]):
            continue
        hollow = key.startswith("health") and not line["has_verdict"]
        axes.plot(
            [line[f"{key}_low"], line[f"{key}_high"]], [row, row], color=colour, linewidth=1.1
        )
        fill = {"markerfacecolor": "white"} if hollow else {}
        axes.plot(line[key], row, marker, color=colour, markersize=4, **fill)


def _key(names: Sequence[str]) -> list[Line2D]:
    return [
        Line2D([], [], color=SHOWN[n][0], marker=SHOWN[n][1], markersize=4, label=SHOWN[n][3])
        for n in names
    ]
