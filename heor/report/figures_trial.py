"""Figures of the value of the trial: patients and follow-up, longer follow-up, power."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heor.report import figure_style as style

if TYPE_CHECKING:
    from heor.inputs.trial import Trial
    from heor.results import Results

MILLION = 1e6


def _trial(results: Results) -> Trial:
    assert results.problem.trial is not None
    return results.problem.trial


@style.styled
def designs(results: Results) -> Figure:
    """EVSI and expected net benefit of sampling over patients and follow-up, a column a threshold."""
    trial, frame = _trial(results), results.trial.designs
    thresholds, currency = results.decision.thresholds, results.problem.country.currency
    figure = style.canvas(
        results,
        "What a trial is worth, by patients and follow-up",
        [
            "Above: expected value of sample information for each later patient, in thousands. Below: for "
            "all later patients, less the trial's cost and the net benefit forgone in it, in millions, for "
            f"a trial begun today. Star: {trial.label} as designed. Each row of follow-up has its own "
            "regression, so neighbouring values differ by chance.",
        ],
        5.4,
    )
    panels = figure.subplots(2, len(thresholds), sharex=True, sharey=True, squeeze=False)
    rows = (
        ("evsi", 1000.0, "YlGn", "Value a patient"),
        ("net_benefit", MILLION, "RdBu", "Net value"),
    )
    for line, (column, unit, colours, words) in zip(panels, rows, strict=True):
        whole = frame[column].to_numpy() / unit
        top = np.abs(whole).max() or 1.0
        low = 0.0 if column == "evsi" else -top
        for axes, (name, value) in zip(line, thresholds, strict=True):
            own = frame[frame["threshold_name"] == name]
            image = _map(axes, own, column, unit, colours, (low, top))
            _star(axes, own, trial)
            title = style.threshold_label(name, value, currency).replace(" (", "\n(")
            axes.set_title(title, fontsize=7)
        scale = "thousand" if unit == 1000.0 else "million"
        figure.colorbar(image, ax=list(line), label=f"{words}, {scale} {currency}", shrink=0.9)
        line[0].set_ylabel("Months from the last\ninclusion to the reading")
    for axes in panels[-1]:
        axes.set_xlabel("Patients, both arms")
    return figure


def _map(axes: Axes, own: pd.DataFrame, column: str, unit: float, colours: str, limits: tuple):
    """A cell a design with its value; cells are evenly spaced."""
    wide = own.pivot(index="follow_up_months", columns="patients", values=column) / unit
    image = axes.imshow(
        wide.to_numpy(), cmap=colours, vmin=limits[0], vmax=limits[1], origin="lower", aspect="auto"
    )
    for (i, k), value in np.ndenumerate(wide.to_numpy()):
        dark = abs(value) > 0.6 * limits[1]
        text = f"{value:.0f}".replace("-0", "0").replace("-", "−")
        axes.text(
            k,
            i,
            text,
            ha="center",
            va="center",
            fontsize=4.6,
            color="white" if dark else style.DARK,
        )
    axes.set_xticks(range(wide.shape[1]), [f"{n}" for n in wide.columns], rotation=90, fontsize=6)
    axes.set_yticks(range(wide.shape[0]), [f"{f:g}" for f in wide.index])
    return image


def _star(axes: Axes, own: pd.DataFrame, trial: Trial) -> None:
    sizes, times = sorted(own["patients"].unique()), sorted(own["follow_up_months"].unique())
    place = (
        sizes.index(trial.patients),
        int(np.argmin(np.abs(np.array(times) - 12 * trial.follow_up))),
    )
    axes.plot(
        place[0],
        place[1] + 0.32,
        "*",
        color="white",
        markeredgecolor="black",
        markersize=9,
        zorder=5,
    )


@style.styled
def follow_up(results: Results) -> Figure:
    """EVSI of the trial by follow-up at each threshold, with importance sampling beside it."""
    trial, frame, check = _trial(results), results.trial.extension, results.trial.check
    currency = results.problem.country.currency
    method = " and ".join(frame["method"].unique())
    figure = style.canvas(
        results,
        f"{trial.label}: what it is worth, by when it is read",
        [
            f"{trial.patients} patients. Lines: {method}, with 95 % interval of its error. Open marks: "
            "regression, as a check. Crosses: only survival to "
            f"{12 * trial.endpoint:g} months is used, however long patients are followed.",
        ],
        3.9,
    )
    axes = figure.subplots()
    for (name, value), colour in zip(results.decision.thresholds, style.FAMILIES, strict=False):
        own = frame[(frame["threshold_name"] == name) & ~frame["primary_only"]]
        own = own.sort_values("follow_up_months")
        months, error = own["follow_up_months"], 1.96 * own["se"]
        axes.fill_between(
            months,
            np.maximum(own["evsi"] - error, 0),
            own["evsi"] + error,
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
        label = style.threshold_label(name, value, currency)
        axes.plot(months, own["evsi"], "-", color=colour, label=label)
        other = check[(check["threshold_name"] == name) & ~check["primary_only"]]
        axes.plot(
            other["follow_up_months"],
            other["evsi"],
            "o",
            mfc="none",
            color=colour,
            markersize=5,
        )
        only = frame[(frame["threshold_name"] == name) & frame["primary_only"]]
        axes.plot(only["follow_up_months"], only["evsi"], "x", color=colour, markersize=6)
    axes.axvline(12 * trial.follow_up, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted(frame["follow_up_months"].unique()))
    axes.set_xlabel("Months from the last inclusion to the reading (dashed: as designed)")
    axes.set_ylabel(f"Value a later patient, {currency}")
    style.money_axis(axes.yaxis)
    axes.grid(axis="y")
    style.legend_below(axes, 2, drop=0.18)
    return figure


@style.styled
def power(results: Results) -> Figure:
    """Chance of a significant result, averaged over the model's draws, by number of patients."""
    trial, frame = _trial(results), results.trial.power_by_size
    figure = style.canvas(
        results,
        "What a trial can be expected to show",
        [
            f"Two-sided tests at {trial.significance:g}, averaged over what is believed today. Read "
            f"{12 * trial.follow_up:g} months after the last inclusion.",
        ],
        3.6,
    )
    axes = figure.subplots()
    month = f"{12 * trial.endpoint:g}"
    axes.plot(
        frame["patients"],
        frame["better"],
        color=style.INTERVENTION,
        label=f"Significant gain in survival at {month} months",
    )
    axes.plot(
        frame["patients"],
        frame["log_rank_better"],
        color=style.INTERVENTION,
        linestyle=(0, (4, 2)),
        label="Significant gain, log-rank test",
    )
    axes.plot(
        frame["patients"],
        frame["worse"],
        color=style.COMPARATOR,
        label=f"Significant loss at {month} months",
    )
    axes.axhline(0.8, color=style.GREY, linewidth=0.8, linestyle=(0, (1, 1.5)))
    own = float(np.interp(trial.patients, frame["patients"], frame["better"]))
    axes.plot(trial.patients, own, "*", color="white", markeredgecolor="black", markersize=10)
    axes.annotate(
        f"{trial.label}: {style.percent(results.trial.power.better)}",
        (trial.patients, own),
        (8, -12),
        textcoords="offset points",
        fontsize=7,
    )
    style.percent_axis(axes)
    axes.set_xlim(0, frame["patients"].max())
    axes.set_xlabel("Patients, both arms")
    axes.set_ylabel("Chance")
    axes.grid(axis="y")
    style.legend_below(axes, 2, drop=0.2)
    return figure
