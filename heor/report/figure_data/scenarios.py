"""Numbers of many runs side by side: all scenarios, several countries."""

from __future__ import annotations

import pandas as pd

from heor.decision.thresholds import column
from heor.report.figure_data.table import PROBABILITY, Numbers, money
from heor.report.format.labels import prices
from heor.runs.country_comparison import CountryComparison
from heor.runs.scenario_analysis import ScenarioResults


def scenarios(results: ScenarioResults) -> Numbers:
    """Every row at the headline threshold, in the figure's order.

    Returns
    -------
    Numbers
        `scenario, label, kind, threshold, net_benefit, low, high` (95 % of draws), `probability, turns`.
    """
    name, value = results.decision.headline
    table = ordered(results.table, name)
    key = column("net_benefit", name)
    own = pd.DataFrame(
        {
            **{k: table[k] for k in ("scenario", "label", "kind")},
            "threshold": value,
            "net_benefit": table[key],
            "low": table[f"{key}_low"],
            "high": table[f"{key}_high"],
            "probability": table[column("probability", name)],
            "turns": table[column("turns", name)],
        }
    )
    country = results.problem.country
    units = dict.fromkeys(("net_benefit", "low", "high"), money(prices(country)))
    units |= {"threshold": f"{country.currency} per QALY", "probability": PROBABILITY}
    return Numbers(own.reset_index(drop=True), units)


def ordered(table: pd.DataFrame, threshold: str) -> pd.DataFrame:
    """The base case, the averages, then the scenarios from the highest net benefit down."""
    rank = table["kind"].map({"base": 0, "average": 1, "scenario": 2})
    by = table.assign(rank=rank, down=-table[column("net_benefit", threshold)])
    return by.sort_values(["rank", "down"], kind="stable").drop(columns=["rank", "down"])


def countries(results: CountryComparison) -> Numbers:
    """The table of the comparison: health, cost in one money and net health benefit, by country."""
    table = results.table
    common = next((m for m in table["common_money"] if m), "")
    units = {k: "QALYs a patient" for k in table if k.startswith(("qalys", "health_"))}
    units |= {k: money(common) for k in table if k.startswith("cost_common")}
    return Numbers(table, units)
