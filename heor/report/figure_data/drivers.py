"""Numbers of what drives the decision: one-way sensitivity and costs by category."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.decision.thresholds import column
from heor.report.figure_data.table import Numbers, money
from heor.report.format.frames import changes
from heor.report.format.labels import prices
from heor.runs.results import Results

TORNADO_BARS = 15


def tornado(results: Results) -> Numbers:
    """Net benefit at both ends of each parameter, at the headline threshold; see `_ends`."""
    name, value = results.decision.headline
    base = results.deterministic.set_index("case").loc["base"]
    centre = float(value * base["qalys"] - base["cost"])
    unit = money(prices(results.problem.country))
    return _ends(results, column("net_benefit", name), centre, unit)


def tornado_icer(results: Results) -> Numbers:
    """ICER at both ends of each parameter that has one there; see `_ends`."""
    base = results.deterministic.set_index("case").loc["base"]
    country = results.problem.country
    unit = money(prices(country), "per QALY")
    return _ends(results, "icer", float(base["icer"]), unit)


def _ends(results: Results, measure: str, centre: float, unit: str) -> Numbers:
    """Every parameter, the one that moves the answer most first.

    Returns
    -------
    Numbers
        `parameter, description, unit, status, low, high` (as entered, 95 % interval), `at_low, at_high,
        at_centre` (the outcome there), `shown` (drawn as a bar).
    """
    whole = results.tornado.dropna(subset=[f"{measure}_low", f"{measure}_high"])
    ends = whole[[f"{measure}_low", f"{measure}_high"]]
    span = ends.max(axis=1).clip(lower=centre) - ends.min(axis=1).clip(upper=centre)
    order = span.sort_values(ascending=False, kind="stable").index
    currency = results.problem.country.currency
    table = whole.loc[order, ["parameter", "description", "unit", "status", "low", "high"]]
    table["unit"] = [str(u).replace("{currency}", currency) for u in table["unit"]]
    table["at_low"], table["at_high"] = (ends.loc[order, f"{measure}_{k}"] for k in ("low", "high"))
    table["at_centre"] = centre
    table["shown"] = np.arange(len(table)) < TORNADO_BARS
    units = dict.fromkeys(("at_low", "at_high", "at_centre"), unit)
    return Numbers(table.reset_index(drop=True), {**units, "low": "in unit", "high": "in unit"})


def costs(results: Results) -> Numbers:
    """From the comparator's mean cost to the intervention's, category by category.

    Returns
    -------
    Numbers
        `series` total or step; `label, start, amount, end`.
    """
    problem = results.problem
    settings, outcomes, change = problem.settings, results.simulation.outcomes, changes(results)
    total = dict(zip(outcomes.strategies, outcomes.cost.mean(axis=0), strict=True))
    first, last = settings.comparator, settings.intervention
    rows = [("total", f"Total: {problem.strategies[first].label}", 0.0, float(total[first]))]
    before = float(total[first])
    for category in outcomes.categories:
        step = float(change[category].mean())
        rows.append(("step", settings.categories[category], before, step))
        before += step
    rows.append(("total", f"Total: {problem.strategies[last].label}", 0.0, float(total[last])))
    table = pd.DataFrame(rows, columns=["series", "label", "start", "amount"])
    table["end"] = table["start"] + table["amount"]
    unit = money(prices(problem.country))
    return Numbers(table, dict.fromkeys(("start", "amount", "end"), unit))
