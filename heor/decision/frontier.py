"""Full incremental analysis: the efficient frontier, and why each other strategy is not on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import (
    EQUAL,
    TOLERANCE,
    are_equal,
    fieller_interval,
    increments,
)
from heor.outcomes.outcomes import QALYS, Outcomes

STATUSES = ("on the frontier", "extendedly dominated", "dominated", EQUAL)


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
    does. One that is the same mix of two others, on the line between them, is on the frontier. Of
    strategies that are equal in cost and effect the first is on the frontier, the others say so.

    Costs and effects count as equal when they differ by less than a billionth (`TOLERANCE`), and a point
    is on a line when such differences could have moved it there.

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
        order of cost, then the extendedly dominated, the dominated and those equal to one on the
        frontier, each in order of cost.

    Examples
    --------
    >>> table = incremental_analysis(["a", "b", "c"], np.array([0.0, 80.0, 100.0]),
    ...                              np.array([0.0, 1.0, 2.0]))
    >>> table[["strategy", "icer", "status"]].to_numpy().tolist()
    [['a', nan, 'on the frontier'], ['c', 50.0, 'on the frontier'], ['b', nan, 'extendedly dominated']]
    """
    cost, effect = np.asarray(cost, float), np.asarray(effect, float)
    alike = _without_rounding(cost), _without_rounding(effect)
    order = np.lexsort((-alike[1], alike[0]))
    standing, best = [], -np.inf
    for i in order:  # in order of cost: dominated unless it gains more than all cheaper ones
        if alike[1][i] > best:
            standing.append(i)
            best = alike[1][i]
    hull: list[int] = []
    for i in standing:
        while len(hull) > 1 and _above(*alike, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    extended = [i for i in standing if i not in hull]
    points = {(alike[0][i], alike[1][i]) for i in hull}
    rest = [i for i in order if i not in standing]
    equal = [i for i in rest if (alike[0][i], alike[1][i]) in points]
    dominated = [i for i in rest if i not in equal]
    rows = []
    for members, status in zip((hull, extended, dominated, equal), STATUSES, strict=True):
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


def equal_to(table: pd.DataFrame, row: pd.Series) -> str:
    """The strategy on the frontier that costs and gains what a strategy of `EQUAL` status does.

    >>> found = incremental_analysis(["a", "b"], np.array([5.0, 5.0]), np.array([1.0, 1.0]))
    >>> equal_to(found, found.iloc[1])
    'a'
    """
    standing = table[table["status"] == STATUSES[0]]
    same = are_equal(standing["cost"], row["cost"]) & are_equal(standing["effect"], row["effect"])
    return str(standing.loc[same, "strategy"].iloc[0])


def _without_rounding(x: np.ndarray) -> np.ndarray:
    """Values of which those that differ by rounding are the same: the smallest of them."""
    found, order = x.copy(), np.argsort(x, kind="stable")
    for before, own in zip(order, order[1:], strict=False):
        if are_equal(x[before], x[own]):
            found[own] = found[before]
    return found


def _above(cost: np.ndarray, effect: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies above the line from a to c, by more than rounding: a mix of them is cheaper."""
    cost_b, cost_c = cost[b] - cost[a], cost[c] - cost[a]
    effect_b, effect_c = effect[b] - effect[a], effect[c] - effect[a]
    members = [a, b, c]
    money, health = (TOLERANCE * np.abs(x[members]).max() for x in (cost, effect))
    rounding = money * (effect_b + effect_c) + health * (cost_b + cost_c)
    return bool(cost_b * effect_c - cost_c * effect_b > rounding)
