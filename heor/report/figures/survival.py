"""Figures of modelled survival: curves of every strategy, and state occupancy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from heor.problem.curve_types import FittedCurve
from heor.problem.evidence import SurvivalEvidence
from heor.problem.strategy import Strategy
from heor.report.figure_data import survival as numbers
from heor.report.figure_data.fits import evidence_of, fitted_curve
from heor.report.figure_data.survival import MODEL_MONTHS
from heor.report.figures.canvas import (
    BESIDE,
    ReportFigure,
    canvas,
    month_axis,
    panel_rows,
    panels,
    percent_axis,
    styled,
    text_width,
    wrapped,
)
from heor.report.figures.fits import event_free
from heor.report.figures.page import page
from heor.report.format import labels, palette
from heor.report.format.selection import left_out, shown_strategies

if TYPE_CHECKING:
    from heor.runs.results import Results

SIDES = 0.75  # inches of a survival figure that are not axes


@styled
def survival(results: Results, endpoint: str) -> ReportFigure:
    """Model curves of every strategy over what was observed, with numbers at risk below."""
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    shown = numbers.survival(results, endpoint)
    figure = canvas(
        results,
        f"{labels.endpoint_label(endpoint).capitalize()}: model and data",
        [*_survival_caption(results, endpoint, evidence), _left_out(results)],
        3.7,
        narrow=2.8,
        numbers=shown,
    )
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(12, 2 if page().narrow else 1))
    colours = palette.strategy_colours(results)
    model = shown.of("model")
    for name, strategy in shown_strategies(results).items():
        own = model[model["label"] == strategy.label]
        band = {"color": colours[name], "alpha": 0.18, "linewidth": 0}
        axes.fill_between(own["month"], own["low"], own["high"], **band)
        label = f"{strategy.label}: model{_transport_words(strategy, endpoint)}"
        axes.plot(own["month"], own["survival"], color=colours[name], label=label, zorder=4)
    observed = shown.of("observed")
    label = f"{evidence.label} (n = {evidence.n:,}): observed, Kaplan–Meier"
    drawn = {"where": "post", "color": palette.DARK, "linewidth": 1.0, "label": label, "zorder": 5}
    axes.step(observed["month"], observed["survival"], **drawn)
    _shade_extrapolation(axes, shown.of("last_event")["month"].iloc[0])
    percent_axis(axes)
    axes.set_ylabel(f"Patients {event_free(endpoint)}")
    axes.grid(axis="y")
    _at_risk(below, shown.of("at_risk"), evidence)
    figure.key(*axes.get_legend_handles_labels(), columns=2)
    return figure


def _left_out(results: Results) -> str:
    return left_out(len(shown_strategies(results)), len(results.problem.strategies))


def _transport_words(strategy: Strategy, endpoint: str) -> str:
    """' after transport' for a fitted curve with a multiplier, else nothing."""
    curve = strategy.curves[endpoint]
    moved = isinstance(curve, FittedCurve) and curve.multiplier.strip() != "1"
    return " after transport" if moved else ""


def _survival_caption(results: Results, endpoint: str, evidence: SurvivalEvidence) -> list[str]:
    """What the curves are, and why they are not expected to lie on the data."""
    problem, draws = results.problem, results.simulation.curves.attrs["draws"]
    caption = [f"Lines and bands of the model: mean and 95 % interval over {draws:,} draws."]
    curve = fitted_curve(problem, endpoint)
    ratio = float(results.draws.value(curve.multiplier).mean())
    if curve.multiplier.strip() != "1":
        where = "above" if ratio < 1 else "below"
        comparator = problem.strategies[problem.settings.comparator].label
        caption.append(
            f"The model curve of {comparator} carries the transport of the trial to the model's "
            f"patients (multiplier of the excess hazard, mean {ratio:.2f}) and is expected to lie {where} "
            "the data, which are shown as observed."
        )
    if (
        endpoint == "pfs"
        and (results.simulation.capped.get("share_of_draws", pd.Series()) > 0).any()
    ):
        caption.append("Progression-free survival is capped at overall survival.")
    return caption


def _shade_extrapolation(axes: Axes, start: float) -> None:
    """Grey from the last event in the data to the end of the axis, with words."""
    axes.axvspan(start, MODEL_MONTHS, color=palette.LIGHT_GREY, linewidth=0, zorder=0)
    room = (1 - start / MODEL_MONTHS) * (page().width - SIDES) - 0.1
    words = f"Extrapolation: no event in the data after {labels.months(start)} months"
    axes.text(
        start + 1,
        0.985,
        wrapped(words, room),
        transform=axes.get_xaxis_transform(),
        va="top",
        fontsize=7,
        color=palette.GREY,
    )


def _at_risk(axes: Axes, table: pd.DataFrame, evidence: SurvivalEvidence) -> None:
    """Numbers at risk every six months (where they fit), down to the first zero."""
    room = (page().width - SIDES) / len(np.arange(0, MODEL_MONTHS, numbers.AT_RISK_EVERY))
    widest = max(text_width(f"{n:,} ") for n in table["patients"])
    for month, patients in zip(table["month"], table["patients"], strict=True):
        if widest > room and month % 12:
            continue
        axes.text(month, 0.15, f"{patients:,}", ha="center", va="center", fontsize=6.5)
    axes.text(0, 1.0, f"At risk: {evidence.label}, as observed", va="center", fontsize=6.5)
    axes.set_ylim(-0.4, 1.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    month_axis(axes, MODEL_MONTHS, 24 if page().narrow else 12)


@styled
def structure_occupancy(results: Results) -> ReportFigure:
    """Mean share of patients in each state, one row of panels a structure."""
    problem, strategies = results.problem, shown_strategies(results)
    if len(strategies) > BESIDE:
        both = problem.settings.comparator, problem.settings.intervention
        strategies = {name: problem.strategies[name] for name in both}
    shown = numbers.structure_occupancy(results)
    labels = list(shown.table["structure"].unique())
    title = "Where patients are over time, by model structure"
    figure = canvas(
        results,
        title,
        ["Mean over the same model draws.", _left_out(results)],
        0.5 + 1.4 * len(labels),
        narrow=0.5 + 1.2 * len(labels),
        numbers=shown,
    )
    grid = figure.subplots(len(labels), len(strategies), sharex=True, sharey=True, squeeze=False)
    for row, label in zip(grid, labels, strict=True):
        own = shown.table[shown.table["structure"] == label]
        for axes, strategy in zip(row, strategies.values(), strict=True):
            _stack(axes, results, own[own["strategy"] == strategy.label])
        row[0].set_ylabel(wrapped(label, 1.05, 7), fontsize=7)
    _strategy_titles(grid[0], results, strategies, side_by_side=True)
    for axes in grid[:-1].ravel():
        axes.set_xlabel("")
    if page().narrow or len(strategies) > 2:
        _shorten_months(grid[-1])
    percent_axis(grid[0][0])
    figure.key(*grid[0][0].get_legend_handles_labels(), columns=6)
    return figure


def _shorten_months(panels: np.ndarray) -> None:
    """Three ticks and one word below panels that are narrow."""
    for axes in panels:
        axes.set_xticks([0, MODEL_MONTHS // 2, MODEL_MONTHS])
        if axes.get_xlabel():
            axes.set_xlabel("Months")


def _strategy_titles(
    panels: np.ndarray, results: Results, strategies: Mapping[str, Strategy], side_by_side: bool
) -> None:
    """A strategy's label above its panel, in its colour."""
    colours = palette.strategy_colours(results)
    beside = min(len(panels), BESIDE) if side_by_side else 1
    room = (page().width - SIDES) / beside - 0.1
    for axes, (name, strategy) in zip(panels, strategies.items(), strict=True):
        axes.set_title(wrapped(strategy.label, room, 8.5), color=colours[name])


def _stack(axes: Axes, results: Results, table: pd.DataFrame) -> None:
    """Shares of the states over ten years, stacked."""
    states = results.problem.settings.states
    wide = table.pivot(index="month", columns="state", values="share")[list(states)]
    axes.stackplot(
        wide.index,
        wide.to_numpy().T,
        labels=[labels.state_label(s) for s in states],
        colors=palette.state_colours(states),
        edgecolor="white",
        linewidth=0.4,
    )
    month_axis(axes, MODEL_MONTHS, 24)


@styled
def occupancy(results: Results) -> ReportFigure:
    """Mean share of patients in each state over time, one panel a strategy."""
    strategies, shown = shown_strategies(results), numbers.occupancy(results)
    draws, count = results.simulation.outcomes.n, len(strategies)
    figure = canvas(
        results,
        "Where patients are over time",
        [f"Mean over {draws:,} model draws.", _left_out(results)],
        2.6 * panel_rows(count) ** 0.8,
        narrow=0.35 + 1.6 * count,
        numbers=shown,
    )
    drawn = panels(figure, count, sharex=True, sharey=True)
    for axes, strategy in zip(drawn, strategies.values(), strict=True):
        _stack(axes, results, shown.table[shown.table["strategy"] == strategy.label])
    _strategy_titles(drawn, results, strategies, side_by_side=not page().narrow)
    percent_axis(drawn[0])
    beside = 1 if page().narrow else BESIDE
    for axes in drawn[::beside]:
        axes.set_ylabel("Patients")
    for axes in drawn[: -min(beside, count)]:
        axes.set_xlabel("")
    if min(beside, count) > 2:
        _shorten_months(drawn)
    figure.key(*drawn[0].get_legend_handles_labels(), columns=6)
    return figure
