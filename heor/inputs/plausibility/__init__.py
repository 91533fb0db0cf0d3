"""Inputs that are legal and seldom right: named with what is usual, never refused.

Each check is a function from a problem and what lies around it in its inputs folder to findings; it knows
laws and ranges of the field, not the numbers of one model. The results of a run are looked at in
`heor.runs.plausibility`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from heor.findings import Finding
from heor.inputs.plausibility import (
    evidence,
    money,
    mortality,
    numbers,
    strategies,
    units,
    utilities,
)
from heor.inputs.plausibility.surroundings import Surroundings
from heor.problem.problem import DecisionProblem

Check = Callable[[DecisionProblem, Surroundings], Iterator[Finding]]


def look(problem: DecisionProblem, folder: str | Path) -> tuple[Finding, ...]:
    """What is worth a look in the inputs of a problem.

    Parameters
    ----------
    folder
        The inputs folder it was loaded from.

    Examples
    --------
    >>> from heor.inputs.load import load
    >>> look(load("inputs", overrides={"m_disease_free_early": 0.03}), "inputs")[0].check
    'low_multiplier'
    """
    around = Surroundings(Path(folder).resolve(), problem)
    return tuple(found for check in CHECKS.values() for found in check(problem, around))


#: Name → check, in the order findings are shown.
CHECKS: dict[str, Check] = {
    "standard_error": numbers.standard_error,
    "stated_interval": numbers.stated_interval,
    "events_behind": numbers.events_behind,
    "harmful_ratio": numbers.harmful_ratio,
    "ratio_of_curve": numbers.ratio_of_curve,
    "correlation_sign": numbers.correlation_sign,
    "unit_of_row": units.unit_of_row,
    "charged_on": units.charged_on,
    "cost_level": money.cost_level,
    "threshold_level": money.threshold_level,
    "odd_currency": money.odd_currency,
    "dear_year": money.dear_year,
    "cost_alone": money.cost_alone,
    "cost_of_nothing": money.cost_of_nothing,
    "price_year": money.price_year,
    "donor_price": money.donor_price,
    "discount_rate": strategies.discount_rate,
    "roles": strategies.roles,
    "never_used": strategies.never_used,
    "event_without_cost": strategies.event_without_cost,
    "shares": strategies.shares,
    "waning": strategies.waning,
    "norm_level": utilities.norm_level,
    "norm_slope": utilities.norm_slope,
    "norms_of_another_set": utilities.norms_of_another_set,
    "remaining_qalys": utilities.remaining_qalys,
    "low_multiplier": utilities.low_multiplier,
    "impossible_multiplier": utilities.impossible_multiplier,
    "state_without_utility": utilities.state_without_utility,
    "men_and_women": mortality.men_and_women,
    "first_ages": mortality.first_ages,
    "spike": mortality.spike,
    "rises_with_age": mortality.rises_with_age,
    "life_expectancy": mortality.life_expectancy,
    "horizon": mortality.horizon,
    "patients": evidence.patients,
    "endpoints_in_order": evidence.endpoints_in_order,
    "censored_first": evidence.censored_first,
    "time_unit": evidence.time_unit,
    "opinion_against_data": evidence.opinion_against_data,
    "source_of_study": evidence.source_of_study,
}
