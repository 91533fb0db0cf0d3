"""Structural averages: scenarios mixed with weights, so every table of a decision applies to them.

Which structure is true is uncertain like a parameter: a draw of the mixture is a draw of one
scenario, chosen with its weight (Bojke et al. 2009, Value in Health 12:739-749; Jackson et al. 2011,
Medical Decision Making 31:662-674). Means are weighted means; intervals, acceptability and the value
of information count the doubt between scenarios too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from heor.dims import COMPONENT, DRAW, STRATEGY
from heor.errors import InputError
from heor.outcomes.outcomes import Outcomes
from heor.streams import Streams

STREAM = "structural average"


def allocation(weights: Mapping[str, float], n: int, streams: Streams) -> np.ndarray:
    """Which scenario each draw belongs to.

    Systematic: a scenario gets its share of the draws, rounded up or down; only which draws they are
    is random. The order of `weights` does not matter. Where draws come in replicates each scenario gets
    its share of every replicate, or replicates would differ by how much of a scenario they hold.

    Parameters
    ----------
    weights
        Scenario → weight, above 0; together 1.
    n
        Number of draws.
    streams
        Random streams of the run.

    Returns
    -------
    array of str, dims (draw,)

    Raises
    ------
    InputError
        When a weight is not above 0, or they do not add up to 1.

    Examples
    --------
    >>> found = allocation({"base": 0.75, "no_cure": 0.25}, 8, Streams(1))
    >>> sorted(found.tolist()).count("no_cure")
    2
    """
    _check(weights)
    names = sorted(weights)
    shares = np.cumsum([weights[name] for name in names])
    # half-way points: no draw lies at the edge of two scenarios of equal weights
    middles = (np.arange(n) + 0.5) / n * shares[-1]
    index = np.minimum(np.searchsorted(shares, middles, side="right"), len(names) - 1)
    generator = streams.generator(STREAM)
    dealt = index.reshape(-1, streams.replicates).T
    return np.array(names)[np.concatenate([generator.permutation(own) for own in dealt])]


def achieved_weights(chosen: np.ndarray, weights: Mapping[str, float]) -> dict[str, float]:
    """Share of draws of each scenario in an allocation, in the order of `weights`.

    >>> achieved_weights(np.array(["a", "b", "a"]), {"a": 0.6, "b": 0.4})["b"] == 1 / 3
    True
    """
    return {name: float(np.mean(chosen == name)) for name in weights}


def mixture(
    outcomes: Mapping[str, Outcomes], weights: Mapping[str, float], streams: Streams
) -> Outcomes:
    """Outcomes of a weighted average of scenarios on common draws.

    Draw i is draw i of the scenario it is allocated to, so differences from any of them stay paired.

    Parameters
    ----------
    outcomes
        Scenario → outcomes, dims (draw, strategy, component); those without weight are left out.
    weights
        Scenario → weight, above 0; together 1.
    streams
        Random streams of the run.

    Returns
    -------
    Outcomes, dims (draw, strategy, component)

    Raises
    ------
    InputError
        When a weight is unfit, a scenario is missing, or the scenarios' outcomes do not match.

    Examples
    --------
    >>> import pandas as pd
    >>> def flat(cost):
    ...     rows = [(s, i, cost, 1.0) for s in "ab" for i in range(4)]
    ...     table = pd.DataFrame(rows, columns=["strategy", "draw", "cost", "qaly"])
    ...     return Outcomes.from_table(table, "NOK")
    >>> both = {"base": flat(100.0), "dear": flat(300.0)}
    >>> mixture(both, {"base": 0.5, "dear": 0.5}, Streams(1)).cost.mean(axis=0).tolist()
    [200.0, 200.0]
    """
    _check(weights)
    _check_alike(outcomes, weights)
    first = outcomes[next(iter(weights))]
    chosen = allocation(weights, first.n, streams)
    data = first.data.copy(deep=True)
    for name in weights:
        rows = chosen == name
        data.values[rows] = outcomes[name].data.values[rows]
    return replace(first, data=data)


def _check(weights: Mapping[str, float]) -> None:
    problems = [
        f"weights: {name}: {weight:g} found; a weight must be above 0. Leave the scenario out."
        for name, weight in weights.items()
        if not weight > 0
    ]
    total = sum(weights.values())
    if not abs(total - 1) <= 1e-6 + 1e-12:
        problems.append(f"weights: they add up to {total:g}; 1 is needed. Change them.")
    if problems:
        raise InputError(problems)


def _check_alike(outcomes: Mapping[str, Outcomes], weights: Mapping[str, float]) -> None:
    """The same draws, strategies, components, categories and currency in all that are averaged."""
    problems = [
        f"weights: {name}: no outcomes of this scenario; available: {', '.join(outcomes)}. "
        "Run it too, or leave it out."
        for name in weights
        if name not in outcomes
    ]
    known = [name for name in weights if name in outcomes]
    for name in known[1:]:
        for what, a, b in zip(
            ("draws", "strategies", "components", "cost categories", "currency", "replicates"),
            _kind(outcomes[known[0]]),
            _kind(outcomes[name]),
            strict=True,
        ):
            if a != b:
                problems.append(
                    f"weights: {name}: its {what} ({b}) are not those of {known[0]} ({a}); only like "
                    "outcomes can be averaged. Leave it out."
                )
    if problems:
        raise InputError(problems)


def _kind(found: Outcomes) -> tuple:
    coords = found.data.coords
    return (
        found.data.sizes[DRAW],
        *(", ".join(map(str, coords[dim].values)) for dim in (STRATEGY, COMPONENT)),
        ", ".join(found.categories),
        found.currency,
        found.replicates,
    )
