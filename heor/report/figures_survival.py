"""Figures of modelled survival: curves of every strategy, and state occupancy."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heor.inputs.problem import MONTHS_PER_YEAR, FittedCurve, Strategy, SurvivalEvidence
from heor.report import figure_style as style
from heor.report.figures_fits import event_free, evidence_of, fitted_curve, last_event
from heor.survival.observed import kaplan_meier, number_at_risk

if TYPE_CHECKING:
    from heor.results import Results

MODEL_MONTHS = 120


@style.styled
def survival(results: Results, endpoint: str) -> Figure:
    """Model curves of every strategy over what was observed, with numbers at risk below."""
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    figure = style.canvas(
        results,
        f"{style.endpoint_label(endpoint).capitalize()}: model and data",
        _survival_caption(results, endpoint, evidence),
        4.6,
    )
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(12, 1))
    colours = style.strategy_colours(problem)
    months = problem.time * MONTHS_PER_YEAR
    shown = months <= MODEL_MONTHS + 1e-6
    curves = results.simulation.curves.sel(endpoint=endpoint)
    for name, strategy in problem.strategies.items():
        low, mean, high = (
            curves[k].sel(strategy=name).values[shown] for k in ("low", "mean", "high")
        )
        axes.fill_between(months[shown], low, high, color=colours[name], alpha=0.18, linewidth=0)
        label = f"{strategy.label}: model{_transport_words(strategy, endpoint)}"
        axes.plot(months[shown], mean, color=colours[name], label=label, zorder=4)
    observed = kaplan_meier(evidence)
    label = f"{evidence.label} (n = {evidence.n:,}): observed, Kaplan–Meier"
    axes.step(
        observed["time"] * MONTHS_PER_YEAR,
        observed["survival"],
        where="post",
        color=style.DARK,
        linewidth=1.0,
        label=label,
        zorder=5,
    )
    _shade_extrapolation(axes, last_event(evidence), MODEL_MONTHS)
    style.percent_axis(axes)
    axes.set_ylabel(f"Patients {event_free(endpoint)}")
    axes.grid(axis="y")
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.9))
    _at_risk(below, evidence)
    return figure


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
    if endpoint == "pfs":
        caption.append("Progression-free survival is capped at overall survival.")
    return caption


def _shade_extrapolation(axes: Axes, start: float, last: float) -> None:
    """Grey from the last event in the data to the end of the axis, with words."""
    axes.axvspan(start, last, color=style.LIGHT_GREY, linewidth=0, zorder=0)
    axes.text(
        start + 1,
        0.985,
        f"Extrapolation: no event in the data after {style.months(start)} months",
        transform=axes.get_xaxis_transform(),
        va="top",
        fontsize=7,
        color=style.GREY,
    )


def _at_risk(axes: Axes, evidence: SurvivalEvidence) -> None:
    """Numbers at risk every six months, down to the first zero."""
    ticks = np.arange(0, MODEL_MONTHS + 1, 6)
    numbers = number_at_risk(evidence, ticks / MONTHS_PER_YEAR)
    shown = int(np.argmax(numbers == 0)) + 1 if (numbers == 0).any() else len(ticks)
    for tick, number in zip(ticks[:shown], numbers[:shown], strict=True):
        axes.text(
            tick, 0.15, f"{number:,}", ha="center", va="center", fontsize=6.5, color=style.DARK
        )
    axes.text(0, 1.0, f"At risk: {evidence.label}, as observed", va="center", fontsize=6.5)
    axes.set_ylim(-0.4, 1.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    style.month_axis(axes, MODEL_MONTHS)


@style.styled
def structure_occupancy(results: Results) -> Figure:
    """Mean share of patients in each state, one row of panels a structure."""
    problem, found = results.problem, results.structures
    title = "Where patients are over time, by model structure"
    height = 1.2 + 1.5 * len(found)
    figure = style.canvas(results, title, ["Mean over the same model draws."], height)
    panels = figure.subplots(
        len(found), len(problem.strategies), sharex=True, sharey=True, squeeze=False
    )
    for row, structure in zip(panels, found, strict=True):
        for axes, name in zip(row, problem.strategies, strict=True):
            _stack(axes, results, structure.simulation.occupancy.sel(strategy=name).values)
        row[0].set_ylabel("\n".join(textwrap.wrap(structure.label, 18)), fontsize=7)
    for axes, (name, strategy) in zip(panels[0], problem.strategies.items(), strict=True):
        axes.set_title(strategy.label, color=style.strategy_colours(problem)[name])
    for axes in panels[:-1].ravel():
        axes.set_xlabel("")
    style.percent_axis(panels[0][0])
    style.legend_below(panels[-1][0], len(problem.settings.states), drop=0.45)
    return figure


def _stack(axes: Axes, results: Results, mean: np.ndarray) -> None:
    """Shares of the states over ten years, stacked. Dims: (time, state)."""
    states, months = results.problem.settings.states, results.problem.time * MONTHS_PER_YEAR
    shown = months <= MODEL_MONTHS + 1e-6
    axes.stackplot(
        months[shown],
        mean[shown].T,
        labels=[style.state_label(s) for s in states],
        colors=style.state_colours(states),
        edgecolor="white",
        linewidth=0.4,
    )
    style.month_axis(axes, MODEL_MONTHS, 24)


@style.styled
def occupancy(results: Results) -> Figure:
    """Mean share of patients in each state over time, one panel a strategy."""
    problem = results.problem
    draws = results.simulation.outcomes.n
    figure = style.canvas(
        results, "Where patients are over time", [f"Mean over {draws:,} model draws."], 3.5
    )
    panels = figure.subplots(1, len(problem.strategies), sharey=True, squeeze=False)[0]
    for axes, (name, strategy) in zip(panels, problem.strategies.items(), strict=True):
        _stack(axes, results, results.simulation.occupancy.sel(strategy=name).values)
        axes.set_title(strategy.label, color=style.strategy_colours(problem)[name])
    style.percent_axis(panels[0])
    panels[0].set_ylabel("Patients")
    style.legend_below(panels[0], len(problem.settings.states), drop=0.2)
    return figure
