"""Figures of survival: model curves, fits, hazards and state occupancy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heor.inputs.problem import (
    MONTHS_PER_YEAR,
    DecisionProblem,
    FittedCurve,
    Strategy,
    SurvivalEvidence,
)
from heor.report import figure_style as style
from heor.survival import background
from heor.survival.curves import ENDPOINTS
from heor.survival.distributions import cumulative_hazard, hazard
from heor.survival.goodness import empirical_hazard, kaplan_meier

if TYPE_CHECKING:
    from heor.results import Results

MODEL_MONTHS, FIT_MONTHS = 120, 60
POSTERIOR_DRAWS = 400  # enough for a mean curve; the decision uses all draws
EVENTS_PER_WINDOW = 20  # an empirical hazard on fewer events is mostly noise
SHORTEST_WINDOW = 1 / MONTHS_PER_YEAR  # years


def number_at_risk(evidence: SurvivalEvidence, time: np.ndarray) -> np.ndarray:
    """Patients under observation at these times (years). Dims: time."""
    data = evidence.table
    if evidence.form == "grouped":
        covered = np.searchsorted(data["start"], time + 1e-9, side="right") - 1
        after = time >= data["end"][-1] - 1e-9
        return np.where(after, 0, data["n_at_risk"][covered]).astype(int)
    entry = data.get("entry", 0.0 * data["time"])
    return ((data["time"] >= time[:, None]) & (entry <= time[:, None])).sum(axis=1)


def hazard_windows(evidence: SurvivalEvidence) -> np.ndarray:
    """Boundaries (years) of windows that hold at least `EVENTS_PER_WINDOW` events.

    What is left after the last full window joins it, up to the last event.
    """
    table = kaplan_meier(evidence)
    edges, events = [0.0], 0.0
    for time, more in zip(table["time"], table["n_events"], strict=True):
        events += more
        if events >= EVENTS_PER_WINDOW and time - edges[-1] >= SHORTEST_WINDOW - 1e-9:
            edges, events = [*edges, time], 0.0
    last = last_event(evidence) / MONTHS_PER_YEAR
    return np.array([*(edges[:-1] if len(edges) > 1 else edges), last])


def evidence_of(problem: DecisionProblem, endpoint: str) -> SurvivalEvidence:
    """The evidence the comparator's curve is fitted to."""
    curve = _fitted(problem, endpoint)
    return problem.evidence[curve.evidence]


def _fitted(problem: DecisionProblem, endpoint: str) -> FittedCurve:
    strategies = problem.strategies
    order = [strategies[problem.settings.comparator], *strategies.values()]
    return next(c for s in order if isinstance(c := s.curves[endpoint], FittedCurve))


def last_event(evidence: SurvivalEvidence) -> float:
    """Time of the last event, months."""
    table = kaplan_meier(evidence)
    return float(table["time"][table["n_events"] > 0].max()) * MONTHS_PER_YEAR


@style.styled
def survival(results: Results, endpoint: str) -> Figure:
    """Model curves of every strategy over what was observed, with numbers at risk below."""
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    figure = style.canvas(
        results,
        f"{style.ENDPOINT_LABELS[endpoint].capitalize()}: model and data",
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
    axes.set_ylabel(f"Patients {_event_free(endpoint)}")
    axes.grid(axis="y")
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.9))
    _at_risk(below, evidence)
    return figure


def _event_free(endpoint: str) -> str:
    return "alive" if endpoint == "os" else "alive without progression"


def _transport_words(strategy: Strategy, endpoint: str) -> str:
    """' after transport' for a fitted curve with a multiplier, else nothing."""
    curve = strategy.curves[endpoint]
    moved = isinstance(curve, FittedCurve) and curve.multiplier.strip() != "1"
    return " after transport" if moved else ""


def _survival_caption(results: Results, endpoint: str, evidence: SurvivalEvidence) -> list[str]:
    """What the curves are, and why they are not expected to lie on the data."""
    problem, draws = results.problem, results.simulation.curves.attrs["draws"]
    caption = [f"Lines and bands of the model: mean and 95 % interval over {draws:,} draws."]
    curve = _fitted(problem, endpoint)
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
def fits(results: Results, endpoint: str) -> Figure:
    """Mean survival of each family over the Kaplan-Meier estimate it was fitted to."""
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    figure = style.canvas(
        results,
        f"Fits to {evidence.label}: {style.ENDPOINT_LABELS[endpoint]}",
        [
            "Mean over the posterior, before transport, with the background mortality of the "
            "trial's own patients (age and sex mix).",
            _weight_words(problem),
            "Shaded: no event in the data.",
        ],
        4.3,
    )
    axes = figure.subplots()
    observed = kaplan_meier(evidence)
    months = observed["time"] * MONTHS_PER_YEAR
    band = axes.fill_between(
        months,
        observed["low"],
        observed["high"],
        step="post",
        color="#BDBDBD",
        alpha=0.6,
        linewidth=0,
    )
    band.set_label("95 % confidence interval")
    label = f"Kaplan–Meier, n = {evidence.n:,}, {evidence.events:,} events"
    axes.step(months, observed["survival"], where="post", color=style.DARK, lw=1.0, label=label)
    time = np.linspace(0, FIT_MONTHS, 241) / MONTHS_PER_YEAR
    trial = _trial_hazard(problem, evidence, time)
    for i, (family, weight) in enumerate(_families(results, evidence.name).items()):
        posterior = results.fits.posteriors[evidence.name, family]
        h = cumulative_hazard(posterior.model, _thin(posterior.parameters), time)
        mean = np.exp(-h - trial).mean(axis=0)
        line = style.family_style(i) | {"linewidth": 1.7 if weight >= 0.005 else 1.0}
        label = _family_label(problem, posterior.model.label, weight)
        axes.plot(time * MONTHS_PER_YEAR, mean, label=label, zorder=4, **line)
    axes.axvspan(last_event(evidence), FIT_MONTHS, color=style.LIGHT_GREY, linewidth=0, zorder=0)
    style.percent_axis(axes)
    style.month_axis(axes, FIT_MONTHS, 6)
    axes.set_ylabel(f"Patients {_event_free(endpoint)}")
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return figure


def _thin(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """At most `POSTERIOR_DRAWS` draws, evenly spaced."""
    size = len(next(iter(parameters.values())))
    rows = np.linspace(0, size - 1, min(size, POSTERIOR_DRAWS)).round().astype(int)
    return {name: np.asarray(values)[rows] for name, values in parameters.items()}


def _families(results: Results, evidence: str) -> dict[str, float]:
    """Share of draws of each family fitted to this evidence, in the order of the distributions."""
    pair = next((p for p in results.fits.weights if evidence in p), None)
    weights = results.fits.weights[pair] if pair else {}
    fitted = [f for name, f in results.fits.posteriors if name == evidence]
    return {f: float(weights.get(f, 0.0)) for f in fitted}


def _family_label(problem: DecisionProblem, label: str, weight: float) -> str:
    if problem.settings.extrapolation != "stacked":
        return f"{label} (chosen)" if weight > 0 else f"{label} (not used)"
    return f"{label}, weight {style.percent(weight)}"


def _weight_words(problem: DecisionProblem) -> str:
    if problem.settings.extrapolation != "stacked":
        return "One family was chosen for all draws."
    return (
        "Weight: leave-one-out stacking, the family's share of draws (the same for both endpoints)."
    )


def _trial_hazard(
    problem: DecisionProblem, evidence: SurvivalEvidence, time: np.ndarray
) -> np.ndarray:
    """Cumulative background hazard of the trial's patients. Dims: time."""
    return background.cumulative_hazard(
        problem.country.life_table, evidence.age or 0.0, evidence.share_male or 0.0, time
    )


@style.styled
def hazards(results: Results) -> Figure:
    """Empirical hazard in windows against the mean hazard of each family, both endpoints."""
    figure = style.canvas(
        results,
        "Hazards: data and fitted families",
        [
            f"Points: events over patient-time in windows of at least {EVENTS_PER_WINDOW} events, "
            "with 95 % interval; horizontal bars show the windows.",
            "Lines: mean hazard over the posterior, background mortality of the trial's patients "
            "included, before transport.",
        ],
        4.0,
    )
    panels = figure.subplot_mosaic([[*ENDPOINTS], ["legend", "legend"]], height_ratios=(10, 1))
    for endpoint in ENDPOINTS:
        _hazard_panel(panels[endpoint], results, endpoint)
    panels["os"].set_ylabel("Events per 100 patient-months")
    panels["legend"].set_axis_off()
    panels["legend"].legend(
        *panels["os"].get_legend_handles_labels(), loc="center left", ncols=4, borderaxespad=0.0
    )
    return figure


def _hazard_panel(axes: Axes, results: Results, endpoint: str) -> None:
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    scale = 100 / MONTHS_PER_YEAR
    table = empirical_hazard(evidence, hazard_windows(evidence))
    centre = (table["start"] + table["end"]) / 2
    axes.errorbar(
        centre * MONTHS_PER_YEAR,
        table["hazard"] * scale,
        xerr=(table["end"] - table["start"]) / 2 * MONTHS_PER_YEAR,
        yerr=[(table["hazard"] - table["low"]) * scale, (table["high"] - table["hazard"]) * scale],
        fmt="o",
        markersize=2.5,
        linewidth=0.7,
        color=style.DARK,
        label="Data",
        zorder=5,
    )
    month = np.linspace(0.25, FIT_MONTHS, 240)
    time = month / MONTHS_PER_YEAR
    trial = np.gradient(_trial_hazard(problem, evidence, time), time)
    for i, (family, weight) in enumerate(_families(results, evidence.name).items()):
        posterior = results.fits.posteriors[evidence.name, family]
        h = hazard(posterior.model, _thin(posterior.parameters), time)
        mean = (h.mean(axis=0) + trial) * scale
        line = style.family_style(i) | {"linewidth": 1.7 if weight >= 0.005 else 1.0}
        axes.plot(month, mean, label=posterior.model.label, **line)
    axes.axvspan(last_event(evidence), FIT_MONTHS, color=style.LIGHT_GREY, linewidth=0, zorder=0)
    axes.set_ylim(0, 1.05 * min(table["high"].max(), 3 * table["hazard"].max()) * scale)
    axes.set_title(style.ENDPOINT_LABELS[endpoint].capitalize())
    axes.grid(axis="y")
    style.month_axis(axes, FIT_MONTHS)


@style.styled
def occupancy(results: Results) -> Figure:
    """Mean share of patients in each state over time, one panel a strategy."""
    problem = results.problem
    draws = results.simulation.outcomes.n
    figure = style.canvas(
        results, "Where patients are over time", [f"Mean over {draws:,} model draws."], 3.5
    )
    panels = figure.subplots(1, len(problem.strategies), sharey=True, squeeze=False)[0]
    months = problem.time * MONTHS_PER_YEAR
    shown = months <= MODEL_MONTHS + 1e-6
    states = problem.settings.states
    for axes, (name, strategy) in zip(panels, problem.strategies.items(), strict=True):
        mean = results.simulation.occupancy.sel(strategy=name).values[shown]
        labels = [style.state_label(s) for s in states]
        axes.stackplot(
            months[shown],
            mean.T,
            labels=labels,
            colors=style.STATES,
            edgecolor="white",
            linewidth=0.4,
        )
        axes.set_title(strategy.label, color=style.strategy_colours(problem)[name])
        style.month_axis(axes, MODEL_MONTHS, 24)
    style.percent_axis(panels[0])
    panels[0].set_ylabel("Patients")
    style.legend_below(panels[0], len(states), drop=0.2)
    return figure
