"""Figures of the value of the trial: patients and follow-up, longer follow-up, power."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from heor.report.figure_data import trial as numbers
from heor.report.figure_data.trial import trial_of
from heor.report.figures.canvas import (
    LABEL,
    SIZE,
    ReportFigure,
    canvas,
    money_axis,
    percent_axis,
    styled,
    wrapped,
)
from heor.report.figures.page import page
from heor.report.format import labels, palette

if TYPE_CHECKING:
    from heor.runs.results import Results

#: Column → money of one unit of the colours, what that is called, colours, words.
SHOWN = {
    "evsi": (1e3, "thousand", "YlGn", "Value a patient"),
    "net_benefit": (1e6, "million", "RdBu", "Net value"),
}


@styled
def designs(results: Results) -> ReportFigure:
    """EVSI and expected net benefit of sampling over patients and follow-up, a row a threshold."""
    trial, shown = trial_of(results), numbers.designs(results)
    thresholds, currency = results.decision.thresholds, results.problem.country.currency
    first, second = ("Above", "Below") if page().narrow else ("Left", "Right")
    times = shown.table["follow_up_months"].nunique()
    row = 0.16 * times + 0.3  # inches of a panel with its title
    count = len(thresholds) * (len(SHOWN) if page().narrow else 1)
    figure = canvas(
        results,
        "What a trial is worth, by patients and follow-up",
        [
            f"{first}: expected value of sample information for each later patient, in thousands. {second}: for "
            "all later patients, less the trial's cost and the net benefit forgone in it, in millions, for "
            f"a trial begun today. Framed: {trial.label} as designed. Each row of follow-up has its own "
            "regression, so neighbouring values differ by chance.",
        ],
        1.2 + row * count + (0.5 if page().narrow else 0),
        numbers=shown,
    )
    room = (page().width - 0.6) / (1 if page().narrow else len(SHOWN)) - 0.2
    shape = (count, 1) if page().narrow else (count, len(SHOWN))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    parts = grid.reshape(len(SHOWN), -1) if page().narrow else grid.T
    for panels, (column, (unit, scale, _, words)) in zip(parts, SHOWN.items(), strict=True):
        for axes, (name, value) in zip(panels, thresholds, strict=True):
            own = shown.table[shown.table["threshold_name"] == name]
            image = _map(axes, own, column, shown.table[column].abs().max() or 1.0)
            title = wrapped(labels.threshold_label(name, value, currency), room)
            axes.set_title(title, fontsize=SIZE)
        figure.colorbar(
            image,
            ax=list(panels),
            location="bottom",
            aspect=35,
            label=f"{words}, {scale} {currency}",
            format=FuncFormatter(lambda x, _, unit=unit: f"{x / unit:g}".replace("-", "−")),
        )
        panels[-1].set_xlabel("Patients, both arms")
        panels[-1].tick_params(labelbottom=True)
    for axes in (
        panels[len(thresholds) // 2] for panels in (parts if page().narrow else parts[:1])
    ):
        axes.set_ylabel("Months from the last\ninclusion to the reading")
    return figure


def _map(axes: Axes, own: pd.DataFrame, column: str, top: float):
    """A cell a design with its value; cells are evenly spaced. A frame around the design chosen."""
    unit, _, colours, _ = SHOWN[column]
    wide = own.pivot(index="follow_up_months", columns="patients", values=column)
    low = 0.0 if column == "evsi" else -top
    look = {"cmap": colours, "vmin": low, "vmax": top, "origin": "lower", "aspect": "auto"}
    image = axes.imshow(wide.to_numpy(), **look)
    chosen = own.pivot(index="follow_up_months", columns="patients", values="as_designed")
    for (i, k), value in np.ndenumerate(wide.to_numpy()):
        dark = abs(value) > 0.6 * top
        text = f"{round(value / unit) + 0:d}".replace("-", "−")
        axes.text(
            k,
            i,
            text,
            ha="center",
            va="center",
            fontsize=6,
            color="white" if dark else palette.DARK,
        )
    for i, k in np.argwhere(chosen.to_numpy(bool)):
        frame = {"fill": False, "edgecolor": "black", "linewidth": 1.4, "zorder": 5}
        axes.add_patch(Rectangle((k - 0.5, i - 0.5), 1, 1, clip_on=False, **frame))
    axes.set_xticks(range(wide.shape[1]), [f"{n}" for n in wide.columns], fontsize=6)
    axes.set_yticks(range(wide.shape[0]), [f"{f:g}" for f in wide.index], fontsize=6)
    return image


@styled
def follow_up(results: Results) -> ReportFigure:
    """EVSI of the trial by follow-up at each threshold, with importance sampling beside it."""
    trial, shown = trial_of(results), numbers.follow_up(results)
    currency = results.problem.country.currency
    method = " and ".join(results.trial.extension["method"].unique())
    figure = canvas(
        results,
        f"{trial.label}: what it is worth, by when it is read",
        [
            f"{trial.patients} patients. Lines: {method}, with 95 % interval of its error. Open marks: "
            "regression, as a check. Crosses: only survival to "
            f"{12 * trial.endpoint:g} months is used, however long patients are followed. Dashed: as "
            "designed.",
        ],
        3.0,
        narrow=2.3,
        numbers=shown,
    )
    axes = figure.subplots()
    headline, _ = results.decision.headline
    dashes = itertools.cycle(("-", (0, (5, 1.5)), (0, (1, 1))))
    looks = zip(results.decision.thresholds, palette.FAMILIES, dashes, strict=False)
    # the headline last: others may lie on it
    for (name, value), colour, dash in sorted(looks, key=lambda look: look[0][0] == headline):
        of = {k: t[t["threshold_name"] == name] for k, t in shown.table.groupby("series")}
        own, label = of["value"], labels.threshold_label(name, value, currency)
        months = own["follow_up_months"]
        axes.fill_between(months, own["low"], own["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(months, own["evsi"], linestyle=dash, color=colour, label=label)
        for series, mark in (("check", "o"), ("endpoint_only", "x")):
            if series in of:
                points = of[series]
                drawn = {"color": colour, "mfc": "none", "markersize": 5, "clip_on": False}
                axes.plot(points["follow_up_months"], points["evsi"], mark, **drawn)
    axes.axvline(12 * trial.follow_up, color=palette.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted(shown.table["follow_up_months"].unique()))
    axes.set_xlabel(
        wrapped("Months from the last inclusion to the reading", 0.7 * page().width, LABEL)
    )
    axes.set_ylabel(f"Value a later patient, {currency}")
    money_axis(axes.yaxis)
    axes.grid(axis="y")
    figure.key(*axes.get_legend_handles_labels(), columns=3)
    return figure


@styled
def power(results: Results) -> ReportFigure:
    """Chance of a significant result, averaged over the model's draws, by number of patients."""
    trial, shown = trial_of(results), numbers.power(results)
    figure = canvas(
        results,
        "What a trial can be expected to show",
        [
            f"Two-sided tests at {trial.significance:g}, averaged over what is believed today. Read "
            f"{12 * trial.follow_up:g} months after the last inclusion. Dotted: a chance of 80 %.",
        ],
        2.7,
        narrow=2.3,
        numbers=shown,
    )
    axes = figure.subplots()
    month, curve = f"{12 * trial.endpoint:g}", shown.of("curve")
    lines = {
        "better": (palette.INTERVENTION, "-", f"Significant gain in survival at {month} months"),
        "log_rank_better": (palette.INTERVENTION, (0, (4, 2)), "Significant gain, log-rank test"),
        "worse": (palette.COMPARATOR, "-", f"Significant loss at {month} months"),
    }
    for column, (colour, dashes, label) in lines.items():
        axes.plot(curve["patients"], curve[column], color=colour, linestyle=dashes, label=label)
    axes.axhline(0.8, color=palette.GREY, linewidth=0.8, linestyle=(0, (1, 1.5)))
    own = shown.of("as_designed").iloc[0]
    star = {"color": "white", "markeredgecolor": "black", "markersize": 10}
    axes.plot(own["patients"], own["better"], "*", **star)
    axes.annotate(
        f"{trial.label}: {labels.percent(results.trial.power.better)}",
        (own["patients"], own["better"]),
        (8, -12),
        textcoords="offset points",
        fontsize=7,
    )
    percent_axis(axes)
    axes.set_xlim(0, curve["patients"].max())
    axes.set_xlabel("Patients, both arms")
    axes.set_ylabel("Chance")
    axes.grid(axis="y")
    figure.key(*axes.get_legend_handles_labels(), columns=2)
    return figure
