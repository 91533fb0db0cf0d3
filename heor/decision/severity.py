"""Severity by absolute shortfall, proportional shortfall or the larger of both, and what it gives.

Absolute shortfall = QALYs the general population of the starting age has left, less the comparator's
mean QALYs. Proportional shortfall = absolute shortfall / QALYs left. A class's lower edge is
inclusive. Undiscounted, the QALYs left are the norm table's own; discounted, they are computed from
the life table and the norms (`heor.outcomes.population`) at the rate of effects.

Sources: Magnussen 2015 (Norway); Zorginstituut Nederland, reference values by burden of disease;
NICE manual PMG36, severity, and DSU Technical Support Document 23.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.errors import InputError
from heor.outcomes.outcomes import QALYS, UNDISCOUNTED, Outcomes
from heor.outcomes.population import population_qalys
from heor.problem.country import Country, SeverityBand
from heor.problem.problem import DecisionProblem

#: Decimals absolute shortfall is judged at. Norway rounds; elsewhere only the noise of floating
#: point goes, so that 17.0 less 2.55 is 0.85 of 17.0 and no less.
DECIMALS = {"absolute_shortfall": 2}
EXACT = 9


@dataclass(frozen=True)
class Severity:
    """Severity of the comparator, fixed for all decisions of the run.

    Attributes
    ----------
    rule : str
        `absolute_shortfall`, `proportional_shortfall` or `larger_of_both`.
    discounted : bool
        Whether all QALYs here are at the rate of effects.
    weight_on : str
        How the weight is to be labelled: on `qalys` at an unchanged threshold, or on `threshold`.
    remaining_qalys, comparator_qalys, shortfall : float
        QALYs: of the population, the comparator's mean, the difference as it was judged.
    proportional_shortfall : float
        Share of the remaining QALYs.
    weight : float
        Of the class the shortfall falls in.
    base_threshold : float or None
        Money per QALY before the weight, where it is on QALYs; otherwise `threshold`.
    threshold : float or None
        Money per unweighted QALY that gives the same net benefit: base threshold × weight where
        the weight is on QALYs. None where the class has no reference value.
    class_probabilities : DataFrame
        `absolute_from, proportional_from, weight, threshold, probability` over draws (NaN: the
        class has no such edge, or no threshold).
    class_ages : DataFrame
        `age, shortfall, proportional_shortfall, weight, threshold` at each whole age where the
        class changes, with the comparator's QALYs held at their mean.
    """

    rule: str
    discounted: bool
    weight_on: str
    remaining_qalys: float
    comparator_qalys: float
    shortfall: float
    proportional_shortfall: float
    weight: float
    base_threshold: float | None
    threshold: float | None
    class_probabilities: pd.DataFrame
    class_ages: pd.DataFrame


def severity_of(problem: DecisionProblem, outcomes: Outcomes) -> Severity | None:
    """Severity of the comparator by the country's rule; None where it has none.

    Net benefit with weighted QALYs is threshold × weight × QALYs − cost, so a weight on QALYs acts
    as the threshold `Severity.threshold` on unweighted ones, draw by draw.

    Parameters
    ----------
    problem
        Gives the country, the starting age and the share of men.
    outcomes
        `qalys` of the comparator are read where the rule discounts, else `qalys_undiscounted`.

    Raises
    ------
    InputError
        The outcomes lack the QALYs the rule needs.
    """
    country = problem.country
    if country.severity_rule is None:
        return None
    name = judged_on(country)
    if name not in outcomes.data["component"].values:
        raise InputError(
            f"severity: the outcomes have no '{name}'; the rule '{country.severity_rule}' of "
            f"{country.label} needs them. Add the component, or set country.severity.rule to null."
        )
    comparator = outcomes.strategies.index(problem.settings.comparator)
    drawn = outcomes.component(name)[:, comparator]
    return severity(country, problem.start_age, problem.share_male, drawn)


def judged_on(country: Country) -> str:
    """The component of outcomes whose mean in the comparator severity is judged on."""
    return QALYS if country.severity_discounted else UNDISCOUNTED[0]


def weighted_threshold(problem: DecisionProblem, comparator_qalys: float) -> float | None:
    """The severity-weighted threshold where the comparator has these mean QALYs; None without one."""
    country = problem.country
    if country.severity_rule is None:
        return None
    remaining = remaining_qalys(country, problem.start_age, problem.share_male)
    judged = shortfalls(country.severity_rule, remaining, comparator_qalys)
    band = country.severity_bands[int(class_of(country.severity_bands, *judged))]
    return effective_threshold(country, band)


def severity(
    country: Country, age: float, share_male: float, comparator_qalys: np.ndarray
) -> Severity:
    """Severity from the comparator's QALYs (dims: draw), discounted where the rule discounts."""
    rule, bands = country.severity_rule, country.severity_bands
    assert rule is not None  # the caller has looked
    remaining = remaining_qalys(country, age, share_male)
    mean = float(comparator_qalys.mean())
    shortfall, proportional = shortfalls(rule, remaining, mean)
    band = bands[int(class_of(bands, shortfall, proportional))]
    drawn = class_of(bands, *shortfalls(rule, remaining, comparator_qalys))
    classes = pd.DataFrame(
        {
            "absolute_from": [b.absolute for b in bands],
            "proportional_from": [b.proportional for b in bands],
            "weight": [b.weight for b in bands],
            "threshold": [effective_threshold(country, b) for b in bands],
            "probability": np.bincount(drawn, minlength=len(bands)) / len(drawn),
        }
    ).astype(float)
    return Severity(
        rule=rule,
        discounted=country.severity_discounted,
        weight_on=country.severity_weight_on,
        remaining_qalys=remaining,
        comparator_qalys=mean,
        shortfall=float(shortfall),
        proportional_shortfall=float(proportional),
        weight=band.weight,
        base_threshold=band.threshold,
        threshold=effective_threshold(country, band),
        class_probabilities=classes,
        class_ages=_ages(country, share_male, mean),
    )


def remaining_qalys(country: Country, age: float, share_male: float) -> float:
    """QALYs the population of an age has left, as the country's rule counts them.

    Undiscounted from the published table, linear between whole ages; without one, and discounted,
    from life table and norms.
    """
    if country.severity_discounted or country.norms.remaining_qalys is None:
        discounted = country.severity_discounted
        return population_qalys(country, age, share_male, discounted=discounted)
    return float(np.interp(age, country.norms.age, country.norms.remaining_qalys))


def shortfalls(
    rule: str, remaining: float, comparator: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Absolute (QALYs) and proportional shortfall (a share), as the rule judges them.

    Dims: as `comparator`.

    >>> [float(x) for x in shortfalls("proportional_shortfall", 17.0, 2.55)]
    [14.45, 0.85]
    """
    difference = remaining - np.asarray(comparator, float)
    absolute = np.round(difference, DECIMALS.get(rule, EXACT))
    return absolute, np.round(difference / remaining, EXACT)


def class_of(
    bands: tuple[SeverityBand, ...], absolute: np.ndarray | float, proportional: np.ndarray | float
) -> np.ndarray:
    """The most severe class either shortfall reaches, counted from 0. Dims: as the shortfalls.

    Edges a class does not have are not reached; below every edge, the first class.

    >>> nice = (SeverityBand(0, 0, 1.0, 30e3), SeverityBand(12, 0.85, 1.2, 30e3))
    >>> class_of(nice, np.array([10.73, 12.0, 11.99]), np.array([0.9147, 0.7, 0.849])).tolist()
    [1, 1, 0]
    """
    found = np.zeros(np.shape(absolute), int)
    for i, band in enumerate(bands):
        reached = np.zeros(np.shape(absolute), bool)
        for edge, value in ((band.absolute, absolute), (band.proportional, proportional)):
            if edge is not None:
                reached |= np.asarray(value) >= edge
        found = np.where(reached, i, found)
    return found


def effective_threshold(country: Country, band: SeverityBand) -> float | None:
    """What a class's threshold comes to for unweighted QALYs. Money per QALY; None without one."""
    if band.threshold is None or country.severity_weight_on == "threshold":
        return band.threshold
    return band.threshold * band.weight


def _ages(country: Country, share_male: float, comparator_qalys: float) -> pd.DataFrame:
    """Whole ages at which the class changes, with the comparator's QALYs held at their mean."""
    bands, rule = country.severity_bands, country.severity_rule
    assert rule is not None
    rows: list[dict[str, float | None]] = []
    last = -1
    # A norm may be given for ages the life table has closed before.
    for age in country.norms.age[country.norms.age <= country.life_table.age[-1]]:
        remaining = remaining_qalys(country, age, share_male)
        absolute, proportional = shortfalls(rule, remaining, comparator_qalys)
        index = int(class_of(bands, absolute, proportional))
        if index != last:
            rows.append(
                {
                    "age": age,
                    "shortfall": absolute,
                    "proportional_shortfall": proportional,
                    "weight": bands[index].weight,
                    "threshold": effective_threshold(country, bands[index]),
                }
            )
        last = index
    return pd.DataFrame(rows).astype(float)
