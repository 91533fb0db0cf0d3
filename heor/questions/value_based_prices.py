"""The highest price at which the intervention is still the best that can be done.

The price is fixed at the value sought in every draw, whatever its uncertainty; everything else keeps its
draws, and the exposures of the run are valued again. Nothing is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from heor.decision.thresholds import Thresholds
from heor.errors import ModelError
from heor.questions.one_way_cases import labels as parameter_labels
from heor.questions.response import Response
from heor.usage.touched import is_affine, is_price

DOUBLINGS = 20  # of the price today, to either side, where net benefit is no straight line in it
NEARLY = 1e-9
Increment = Callable[[float], tuple[float, float]]
Leads = Mapping[
    str, Callable[[float], float]
]  # other strategy → net benefit of the intervention over it


def value_based_prices(
    response: Response, thresholds: Thresholds, names: Sequence[str]
) -> pd.DataFrame:
    """The price at which the intervention stops being the best strategy.

    With two strategies that is where mean net benefit against the comparator is zero. Where net benefit
    is a straight line in the price (`heor.usage.touched.is_affine`) two values give it in closed form;
    otherwise the root is found on exposures that are valued again.

    Parameters
    ----------
    thresholds
        Names and values.
    names
        Parameters that are prices.

    Returns
    -------
    DataFrame
        `parameter, description, unit, status, current, threshold_name, threshold, price, change`
        (share of the current price)`, worth_rises, against` (the strategy that is better above the
        price)`. A price is missing where none is low enough, or (with `worth_rises`) where others pay at
        least as much of it as the intervention.

    Raises
    ------
    ModelError
        A name is not a price: it acts on survival, on time or on utility; or net benefit does not depend on
        it.
    """
    rows, problem = [], response.base.problem
    for name in names:
        if not is_price(problem, name):
            raise ModelError(
                f"{name} is not a price of this run: it acts on more than amounts of money, or on none. See its "
                "tipping points, and name only prices under 'prices' in analysis.yaml."
            )
        about = parameter_labels(problem, name)
        factor = about.pop("factor")
        known = problem.parameters.get(name)
        current = float(response.whole[name].mean()) if known is None else known.mean
        ahead = _ahead(response, name)
        find = _of_straight_lines if is_affine(problem, name) else _searched
        for label, threshold in thresholds:
            leads = {o: partial(_benefit, own, threshold) for o, own in ahead.items()}
            price, rises, against = find(name, leads, current or 1.0)
            rows.append(
                {
                    **about,
                    "current": current / factor,
                    "threshold_name": label,
                    "threshold": threshold,
                    "price": price / factor,
                    "change": price / current - 1 if current else np.nan,
                    "worth_rises": rises,
                    "against": against,
                }
            )
    columns = ["parameter", "description", "unit", "status", "current", "threshold_name"]
    columns += ["threshold", "price", "change", "worth_rises", "against"]
    return pd.DataFrame(rows, columns=columns)


def _ahead(response: Response, name: str) -> dict[str, Increment]:
    """Other strategy → mean cost and QALYs of the intervention less its, as functions of the price."""
    problem, own = response.base.problem, response.base.problem.settings.intervention
    means = cache(lambda price: response.means({name: price}))

    def increment(other: str, price: float) -> tuple[float, float]:
        (cost, qalys), (other_cost, other_qalys) = means(price)[own], means(price)[other]
        return cost - other_cost, qalys - other_qalys

    return {other: partial(increment, other) for other in problem.strategies if other != own}


def _benefit(increment: Increment, threshold: float, price: float) -> float:
    cost, qalys = increment(price)
    return threshold * qalys - cost


def _of_straight_lines(name: str, leads: Leads, step: float) -> tuple[float, bool, str]:
    """The price in closed form, whether net benefit rises with it, and who is better above it.

    Raises
    ------
    ModelError
        Net benefit does not depend on the price.
    """
    at_zero = {other: lead(0.0) for other, lead in leads.items()}
    slope = {other: (lead(step) - at_zero[other]) / step for other, lead in leads.items()}
    if not any(slope.values()):
        raise ModelError(f"{name}: net benefit does not depend on it.")
    ends = {other: -at_zero[other] / slope[other] for other in leads if slope[other] < 0}
    if not ends:
        return np.nan, True, ""
    against = min(ends, key=lambda other: ends[other])
    price = ends[against]
    worth = price >= 0 and all(
        at_zero[o] + slope[o] * price >= -NEARLY * abs(at_zero[o]) for o in leads
    )
    return (price, False, against) if worth else (np.nan, False, "")


def _searched(name: str, leads: Leads, step: float) -> tuple[float, bool, str]:
    """As `_of_straight_lines`, by root finding: the last price at which the intervention is best."""
    prices = np.array([0.0, *(step * 2.0**k for k in range(-DOUBLINGS, DOUBLINGS + 1))])
    found = {other: np.array([lead(p) for p in prices]) for other, lead in leads.items()}
    if all(np.ptp(values) == 0 for values in found.values()):
        raise ModelError(f"{name}: net benefit does not depend on it.")
    if all(values[-1] >= values[0] for values in found.values()):
        return np.nan, True, ""
    worst = np.min(list(found.values()), axis=0)
    ends = np.flatnonzero((worst[:-1] >= 0) & (worst[1:] < 0))
    if not len(ends):
        return np.nan, False, ""
    low, high = prices[ends[-1]], prices[ends[-1] + 1]
    crossed = [other for other, values in found.items() if values[ends[-1] + 1] < 0]
    roots = {other: brentq(leads[other], low, high, rtol=1e-14) for other in crossed}
    against = min(roots, key=lambda other: roots[other])
    return float(roots[against]), False, against
