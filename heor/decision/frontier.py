"""Full incremental analysis: the efficient frontier, and why each other strategy is not on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import fieller_interval, increments
from heor.outcomes.outcomes import QALYS, Outcomes

STATUSES = ("on the frontier", "extendedly dominated", "dominated")


def frontier_table(outcomes: Outcomes) -> pd.DataFrame:
    """The incremental analysis of mean cost and QALYs, with the error of each ICER.

    Returns
    -------
    DataFrame
        See `incremental_analysis`; `icer_low, icer_high`: 95 % Monte Carlo interval (Fieller).
    """
    table = incremental_analysis(
        outcomes.strategies, outcomes.cost.mean(axis=0), outcomes.qalys.mean(axis=0)
    )
    table["icer_low"] = table["icer_high"] = np.nan
    standing = table.index[table["status"] == STATUSES[0]]
    for before, own in zip(standing, standing[1:], strict=False):
        change = increments(outcomes, *table.loc[[before, own], "strategy"])
        ends = fieller_interval(change["cost"], change[QALYS], outcomes.replicates)
        table.loc[own, ["icer_low", "icer_high"]] = ends
    return table


def incremental_analysis(
    strategies: Sequence[str], cost: np.ndarray, effect: np.ndarray
) -> pd.DataFrame:
    """Strategies compared in order of effect, each with the next less effective on the frontier.

    The frontier is the lower convex hull of mean cost over mean effect, from the cheapest strategy
    (the more effective of equals) to the most effective. A strategy is dominated when another costs
    no more and gains no less, with one of them strictly; extendedly dominated when a mix of two others
    does.

    Parameters
    ----------
    strategies
        Names.
    cost, effect : ndarray, dims (strategy,)
        Means over draws.

    Returns
    -------
    DataFrame
        `strategy, cost, effect, incremental_cost, incremental_effect, icer, status`: the frontier in
        order of cost, then the extendedly dominated and the dominated, each in order of cost.

    Examples
    --------
    >>> table = incremental_analysis(["a", "b", "c"], np.array([0.0, 80.0, 100.0]),
    ...                              np.array([0.0, 1.0, 2.0]))
    >>> table[["strategy", "icer", "status"]].to_numpy().tolist()
    [['a', nan, 'on the frontier'], ['c', 50.0, 'on the frontier'], ['b', nan, 'extendedly dominated']]
    """
    cost, effect = np.asarray(cost, float), np.asarray(effect, float)
    order = np.lexsort((-effect, cost))
    standing, best = [], -np.inf
    for i in order:  # in order of cost: dominated unless it gains more than all cheaper ones
        if effect[i] > best:
            standing.append(i)
            best = effect[i]
    hull: list[int] = []
    for i in standing:
        while len(hull) > 1 and _above(cost, effect, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    extended = [i for i in standing if i not in hull]
    dominated = [i for i in order if i not in standing]
    rows = []
    for members, status in zip((hull, extended, dominated), STATUSES, strict=True):
        for k, i in enumerate(members):
            row = {"strategy": strategies[i], "cost": cost[i], "effect": effect[i]}
            if status == STATUSES[0] and k > 0:
                before = members[k - 1]
                row["incremental_cost"] = cost[i] - cost[before]
                row["incremental_effect"] = effect[i] - effect[before]
                row["icer"] = row["incremental_cost"] / row["incremental_effect"]
            rows.append({**row, "status": status})
    columns = [
        "strategy",
        "cost",
        "effect",
        "incremental_cost",
        "incremental_effect",
        "icer",
        "status",
    ]
    return pd.DataFrame(rows, columns=columns)


def _above(cost: np.ndarray, effect: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies on or above the line from a to c: a mix of them is no dearer."""
    return (cost[b] - cost[a]) * (effect[c] - effect[a]) >= (cost[c] - cost[a]) * (
        effect[b] - effect[a]
    )
