"""Figures of what would have to be true: net benefit over one quantity or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.contour import ContourSet
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.interpolate import PchipInterpolator

from heor.report.figure_data import what_if as numbers
from heor.report.figure_data.what_if import Asked, asked
from heor.report.figures.canvas import (
    LABEL,
    ReportFigure,
    canvas,
    money_axis,
    panels,
    styled,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.choice import pairwise_note

if TYPE_CHECKING:
    from heor.runs.results import Results

LARGE = 10_000  # from here on, numbers of an axis have separators
THOUSAND = 1000.0


def what_if(results: Results, index: int) -> ReportFigure:
    """One of the run's maps."""
    return what_if_of(asked(results, index))


@styled
def what_if_of(found: Asked) -> ReportFigure:
    """A line a scenario along one quantity, or a heat map over two."""
    return _lines(found) if found.shown.what_if.y is None else _maps(found)


def _maps(found: Asked) -> ReportFigure:
    """A heat map with its zero line, a panel a threshold."""
    question, currency = found.shown.what_if, found.problem.country.currency
    assert question.y is not None
    shown, thresholds = numbers.what_if(found), found.decision.thresholds
    figure = canvas(
        found,
        question.label,
        [
            "Mean incremental net benefit, thousand "
            f"{labels.prices(found.problem.country)}; every other input as uncertain as in the run. Black "
            "line: zero; blue: above. Circle: the run's medians on both axes; its own "
            "net benefit is a mean over draws and may differ from the map there.",
            pairwise_note(found.problem),
        ],
        2.8,
        narrow=0.9 + 1.75 * len(thresholds),
        numbers=shown,
    )
    drawn = panels(figure, len(thresholds), sharex=True, sharey=True)
    points = shown.of("point")
    top = points["net_benefit"].abs().max()
    for axes, (name, _) in zip(drawn, thresholds, strict=True):
        image, names = _map(axes, points[points["threshold_name"] == name], top)
        figure.spare += names
        for _, here in shown.of("this_run").iterrows():
            mark = {"color": "white", "markeredgecolor": "black", "markersize": 6, "zorder": 5}
            axes.plot(here["x"], here["y"], "o", **mark)
    _threshold_titles(drawn, found)
    _axis_label(drawn, question.x.label)
    middle = drawn[len(drawn) // 2] if page().narrow else drawn[0]
    middle.set_ylabel(wrapped(question.y.label, 2.2, LABEL))
    figure.colorbar(
        image,
        ax=list(drawn),
        label=f"Net benefit, thousand {currency}",
        format=FuncFormatter(_thousands),
        ticks=MaxNLocator(6),
        **({"location": "bottom", "aspect": 30} if page().narrow else {"shrink": 0.9}),
    )
    return figure


def _map(axes: Axes, own: pd.DataFrame, top: float) -> tuple[ContourSet, list[Text]]:
    """Net benefit in colours, with named lines of the same net benefit and the one at zero."""
    wide = own.pivot(index="y", columns="x", values="net_benefit")
    x, y, values = wide.columns.to_numpy(), wide.index.to_numpy(), wide.to_numpy()
    levels, norm = np.linspace(-top, top, 41), TwoSlopeNorm(0, -top, top)
    image = axes.contourf(x, y, values, levels=levels, cmap="RdBu", norm=norm)
    lines = axes.contour(x, y, values, levels=8, colors="#8C8C8C", linewidths=0.4)
    names = _named(axes, lines, top)
    if values.min() < 0 < values.max():
        axes.contour(x, y, values, levels=[0.0], colors="black", linewidths=1.6)
    return image, names


def _named(axes: Axes, lines: ContourSet, top: float) -> list[Text]:
    """The names of the lines that are not at zero."""
    levels = [float(v) for v in lines.levels if v != 0]
    # white on the dark ends of the colours, dark on their pale middle
    colours = ["white" if abs(v) > top / 2 else palette.DARK for v in levels]
    return list(axes.clabel(lines, levels, fontsize=6, fmt=_thousands, colors=colours))


def _thousands(value: float, _: object = None) -> str:
    """Money in thousands."""
    return f"{round(value / THOUSAND) + 0:d}".replace("-", "−")


def _threshold_titles(drawn: np.ndarray, found: Asked) -> None:
    currency = found.problem.country.currency
    for axes, (name, value) in zip(drawn, found.decision.thresholds, strict=True):
        levels = found.shown.at(name, value)["threshold"]
        title = labels.threshold_label(name, levels.iloc[0] if len(levels) else value, currency)
        if levels.nunique() > 1:
            title = f"{levels.min():,.0f} to {levels.max():,.0f} {currency} per QALY (severity-weighted)"
        axes.set_title(title if page().narrow else title.replace(" (", "\n("), fontsize=7)


def _axis_label(drawn: np.ndarray, label: str) -> None:
    """Under the middle panel, or under the last of panels one below the other."""
    axes = drawn[-1] if page().narrow else drawn[len(drawn) // 2]
    axes.set_xlabel(wrapped(label, 0.8 * page().width, LABEL))
    for own in drawn if max(abs(x) for x in axes.get_xlim()) >= LARGE else ():
        own.locator_params(axis="x", nbins=3)
        money_axis(own.xaxis)


def _lines(found: Asked) -> ReportFigure:
    """A line a scenario, a panel a threshold."""
    question, currency = found.shown.what_if, found.problem.country.currency
    shown, thresholds = numbers.what_if(found), found.decision.thresholds
    figure = canvas(
        found,
        question.label,
        [
            "Mean incremental net benefit; every other input as uncertain as in the run."
            + (" Curves of these series by Laplace approximation." if question.scenarios else ""),
            pairwise_note(found.problem),
        ],
        2.7,
        narrow=0.4 + 1.55 * len(thresholds),
        numbers=shown,
    )
    drawn = panels(figure, len(thresholds), sharex=True, sharey=True)
    points = shown.of("point")
    for axes, (name, _) in zip(drawn, thresholds, strict=True):
        own = points[points["threshold_name"] == name]
        for i, (label, line) in enumerate(own.groupby("scenario", sort=False)):
            x, y = line["x"].to_numpy(), line["net_benefit"].to_numpy()
            look = palette.family_style(i)
            if len(x) > 1 and line["threshold"].nunique() == 1:
                fine = np.linspace(x[0], x[-1], 200)
                axes.plot(fine, PchipInterpolator(x, y)(fine), label=label, **look)
            axes.plot(x, y, ".", color=look["color"], markersize=3)
        axes.axhline(0, color=palette.DARK, linewidth=0.8)
        axes.grid(axis="y")
        axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
    _threshold_titles(drawn, found)
    _axis_label(drawn, question.x.label)
    middle = drawn[len(drawn) // 2] if page().narrow else drawn[0]
    middle.set_ylabel(f"Net benefit a patient, thousand {currency}")
    if len(found.shown.labels) > 1:
        figure.key(*drawn[0].get_legend_handles_labels(), columns=3)
    return figure
