"""Figures of what would have to be true: net benefit over one quantity or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from scipy.interpolate import PchipInterpolator

from heor.decision.crossings import WhatIfMap
from heor.report import figure_style as style

if TYPE_CHECKING:
    from heor.inputs.problem import DecisionProblem
    from heor.results import Decision, Results

THOUSAND = 1000.0


@dataclass(frozen=True)
class Asked:
    """A map with the decision it is about."""

    problem: DecisionProblem
    decision: Decision
    shown: WhatIfMap


def what_if(results: Results, index: int) -> Figure:
    """One of the run's maps."""
    return what_if_of(Asked(results.problem, results.decision, results.maps[index]))


@style.styled
def what_if_of(asked: Asked) -> Figure:
    """A line a scenario along one quantity, or a heat map over two."""
    shown = asked.shown
    return _lines(asked, shown) if shown.what_if.y is None else _maps(asked, shown)


def _maps(results: Asked, shown: WhatIfMap) -> Figure:
    """A heat map with its zero line, a panel a threshold."""
    question, currency = shown.what_if, results.problem.country.currency
    assert question.y is not None
    scenario = next(iter(shown.labels))
    table = shown.table[shown.table["scenario"] == scenario]
    x, y = question.x.values, question.y.values
    cost, qalys = (table[k].to_numpy().reshape(len(x), len(y)).T for k in ("cost", "qalys"))
    figure = style.canvas(
        results,
        question.label,
        [
            "Mean incremental net benefit, thousand "
            f"{style.prices(results.problem.country)}; every other input as uncertain as in the run. Black "
            "line: nil; blue: worth its cost. Circle: this run (medians).",
        ],
        3.6,
    )
    thresholds = results.decision.thresholds
    panels = figure.subplots(1, len(thresholds), sharex=True, sharey=True, squeeze=False)[0]
    benefit = [(t * qalys - cost) / THOUSAND for _, t in thresholds]
    top = max(np.abs(b).max() for b in benefit)
    levels = np.linspace(-top, top, 41)
    for axes, (name, value), values in zip(panels, thresholds, benefit, strict=True):
        image = axes.contourf(
            x, y, values, levels=levels, cmap="RdBu", norm=TwoSlopeNorm(0, -top, top)
        )
        lines = axes.contour(x, y, values, levels=8, colors="white", linewidths=0.4)
        axes.clabel(lines, fontsize=5.5, fmt=lambda v: f"{v:.0f}".replace("-", "−"))
        if values.min() < 0 < values.max():
            axes.contour(x, y, values, levels=[0.0], colors="black", linewidths=1.6)
        _centre(axes, shown)
        title = style.threshold_label(name, value, currency).replace(" (", "\n(")
        axes.set_title(title, fontsize=7)
    panels[len(panels) // 2].set_xlabel(question.x.label)
    panels[0].set_ylabel(style.wrapped(question.y.label, 44))
    figure.colorbar(image, ax=list(panels), label=f"Net benefit, thousand {currency}", shrink=0.9)
    return figure


def _centre(axes: Axes, shown: WhatIfMap) -> None:
    question = shown.what_if
    assert question.y is not None
    if {question.x.name, question.y.name} <= set(shown.centre):
        axes.plot(
            shown.centre[question.x.name],
            shown.centre[question.y.name],
            "o",
            color="white",
            markeredgecolor="black",
            markersize=6,
            zorder=5,
        )


def _lines(results: Asked, shown: WhatIfMap) -> Figure:
    """A line a scenario, a panel a threshold."""
    question, currency = shown.what_if, results.problem.country.currency
    figure = style.canvas(
        results,
        question.label,
        [
            "Mean incremental net benefit; every other input as uncertain as in the run. Above nil: worth "
            "its cost."
            + (" Curves of these series by Laplace approximation." if question.scenarios else ""),
        ],
        3.8,
    )
    thresholds = results.decision.thresholds
    panels = figure.subplots(1, len(thresholds), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (name, value) in zip(panels, thresholds, strict=True):
        for i, (scenario, label) in enumerate(shown.labels.items()):
            own = shown.table[shown.table["scenario"] == scenario]
            benefit = (value * own["qalys"] - own["cost"]) / THOUSAND
            x, y = own["x"].to_numpy(), benefit.to_numpy()
            fine = np.linspace(x[0], x[-1], 200)
            look = style.family_style(i)
            axes.plot(fine, PchipInterpolator(x, y)(fine), label=label, **look)
            axes.plot(x, y, ".", color=look["color"], markersize=3)
        axes.axhline(0, color=style.DARK, linewidth=0.8)
        title = style.threshold_label(name, value, currency).replace(" (", "\n(")
        axes.set_title(title, fontsize=7)
        axes.grid(axis="y")
    middle = panels[len(panels) // 2]
    middle.set_xlabel(question.x.label)
    panels[0].set_ylabel(f"Net benefit a patient, thousand {currency}")
    if len(shown.labels) > 1:
        panels[-1].legend(loc="upper right", fontsize=6)
    return figure
