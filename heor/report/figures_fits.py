"""Figures of fits: families over the data, and their hazards. Need only the problem and the fits."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heor.inputs.problem import MONTHS_PER_YEAR, DecisionProblem, FittedCurve, SurvivalEvidence
from heor.report import figure_style as style
from heor.report.needs import HasFits
from heor.survival.observed import (
    EVENTS_PER_WINDOW,
    empirical_hazard,
    follow_up,
    hazard_windows,
    kaplan_meier,
)
from heor.survival_analysis.fitted import all_cause, families_of
from heor.survival_analysis.hazards import fitted_hazard

FIT_MONTHS = 60


def evidence_of(problem: DecisionProblem, endpoint: str) -> SurvivalEvidence:
    """The evidence the comparator's curve is fitted to."""
    curve = fitted_curve(problem, endpoint)
    return problem.evidence[curve.evidence]


def fitted_curve(problem: DecisionProblem, endpoint: str) -> FittedCurve:
    """The comparator's curve, or the first fitted one of this endpoint."""
    strategies = problem.strategies
    order = [strategies[problem.settings.comparator], *strategies.values()]
    return next(c for s in order if isinstance(c := s.curves.get(endpoint), FittedCurve))


def is_fitted(problem: DecisionProblem, endpoint: str) -> bool:
    """Whether a strategy's curve of this endpoint is fitted to evidence."""
    curves = (s.curves.get(endpoint) for s in problem.strategies.values())
    return any(isinstance(curve, FittedCurve) for curve in curves)


def last_event(evidence: SurvivalEvidence) -> float:
    """Time of the last event, months."""
    return follow_up(evidence)[0] * MONTHS_PER_YEAR


def event_free(endpoint: str) -> str:
    """What patients above the curve are."""
    return {"os": "alive", "pfs": "alive without progression"}.get(endpoint, "without the event")


@style.styled
def fits(results: HasFits, endpoint: str) -> Figure:
    """Mean survival of each family over the Kaplan-Meier estimate it was fitted to."""
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    figure = style.canvas(
        results,
        f"Fits to {evidence.label}: {style.endpoint_label(endpoint)}",
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
    for i, (family, weight) in enumerate(families_of(results.fits, evidence.name).items()):
        posterior = results.fits.posteriors[evidence.name, family]
        mean = all_cause(problem, posterior, evidence, time).mean(axis=0)
        line = style.family_style(i) | {"linewidth": 1.7 if weight >= 0.005 else 1.0}
        label = _family_label(problem, posterior.model.label, weight)
        axes.plot(time * MONTHS_PER_YEAR, mean, label=label, zorder=4, **line)
    axes.axvspan(last_event(evidence), FIT_MONTHS, color=style.LIGHT_GREY, linewidth=0, zorder=0)
    style.percent_axis(axes)
    style.month_axis(axes, FIT_MONTHS, 6)
    axes.set_ylabel(f"Patients {event_free(endpoint)}")
    axes.grid(axis="y")
    axes.legend(loc="upper right", fontsize=7 if len(axes.lines) < 10 else 6)
    return figure


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


@style.styled
def hazards(results: HasFits) -> Figure:
    """Empirical hazard in windows against the mean hazard of each family, both endpoints."""
    figure = style.canvas(
        results,
        "Hazards: data and fitted families",
        [
            f"Points: events over patient-time in windows of at least {EVENTS_PER_WINDOW} events, "
            "with 95 % interval; horizontal bars show the windows.",
            "Lines: hazard of those still alive, mean over the posterior, background mortality of the "
            "trial's patients included, before transport.",
        ],
        4.0,
    )
    problem = results.problem
    endpoints = [e for e in problem.settings.endpoints[::-1] if is_fitted(problem, e)]
    rows = [[*endpoints], ["legend"] * len(endpoints)]
    panels = figure.subplot_mosaic(rows, height_ratios=(10, 1))
    for endpoint in endpoints:
        _hazard_panel(panels[endpoint], results, endpoint)
    panels[endpoints[0]].set_ylabel("Events per 100 patient-months")
    panels["legend"].set_axis_off()
    panels["legend"].legend(
        *panels[endpoints[0]].get_legend_handles_labels(),
        loc="center left",
        ncols=4,
        borderaxespad=0.0,
    )
    return figure


def _hazard_panel(axes: Axes, results: HasFits, endpoint: str) -> None:
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
    for i, (family, weight) in enumerate(families_of(results.fits, evidence.name).items()):
        posterior = results.fits.posteriors[evidence.name, family]
        mean = fitted_hazard(problem, posterior, evidence, time)[0] * scale
        line = style.family_style(i) | {"linewidth": 1.7 if weight >= 0.005 else 1.0}
        axes.plot(month, mean, label=posterior.model.label, **line)
    axes.axvspan(last_event(evidence), FIT_MONTHS, color=style.LIGHT_GREY, linewidth=0, zorder=0)
    axes.set_ylim(0, 1.05 * min(table["high"].max(), 3 * table["hazard"].max()) * scale)
    axes.set_title(style.endpoint_label(endpoint).capitalize())
    axes.grid(axis="y")
    style.month_axis(axes, FIT_MONTHS)
