"""Life tables: laws that mortality keeps in every population, and the United Nations' figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heor.findings import Finding
from heor.inputs.plausibility.surroundings import Surroundings, origin
from heor.problem.country import LifeTable
from heor.problem.problem import DecisionProblem

SEXES = {"male": "men", "female": "women"}
#: Ages at which men's mortality is above women's in nearly every population.
ADULT, OLD = 20, 90
#: A year's q against both its neighbours.
SPIKE = 3.0
NOISE = 0.004  # smaller changes are chance in small populations
INFANTS, SLIGHT = 4.0, 2.0  # the first year of life against the second
FALL = 0.8  # mortality of five years of age against the five before
YEARS_OFF = 2.0  # years of life expectancy
LIFETIME = 90.0


def men_and_women(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Women who die earlier than men: the columns are exchanged."""
    table = problem.country.life_table
    adult = (table.age >= ADULT) & (table.age <= OLD)
    lower = (table.q_male < table.q_female)[adult]
    if lower.sum() > 0.5 * max(adult.sum(), 1):
        yield Finding(
            "men_and_women",
            str(table.origin),
            f"men's mortality is below women's at {lower.sum()} of {adult.sum()} ages from {ADULT} to {OLD}",
            "in nearly every population men's is above women's at all of them",
            "Are the columns exchanged?",
        )


def first_ages(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """The fall after the first year of life, at an age that is not 0."""
    table = problem.country.life_table
    q = 0.5 * (table.q_male + table.q_female)
    age = table.age
    if len(q) < 4 or age[0] > 3:
        return
    falls = q[:3] / np.maximum(q[1:4], 1e-12)
    where = int(falls.argmax())
    if falls[where] > INFANTS and age[where] != 0:
        found = f"mortality falls {falls[where]:.0f} times from age {age[where]:g} to {age[where] + 1:g}"
    elif age[0] == 0 and falls[0] < SLIGHT:
        found = f"mortality at age 0 ({q[0]:.2g}) is hardly above that at age 1 ({q[1]:.2g})"
    else:
        return
    yield Finding(
        "first_ages",
        str(table.origin),
        found,
        "this fall, usually about ten times, is that from the first year of life (age 0) to the second",
        "Are the ages shifted by a year? Age 0 is the year after birth.",
    )


def spike(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """One year of age far above or below the years before and after."""
    table = problem.country.life_table
    for sex in SEXES:
        q = getattr(table, f"q_{sex}")
        around_it = q[:-2], q[2:]
        low, high = np.minimum(*around_it), np.maximum(*around_it)
        own, age = q[1:-1], table.age[1:-1]
        above = (own > SPIKE * high) & (own - high > NOISE) & (age > 1)
        below = (own < low / SPIKE) & (low - own > NOISE)
        below[1:] &= ~above[:-1]  # the neighbour of a spike
        below[:-1] &= ~above[1:]
        found = [
            f"{own[i]:.3g} at age {age[i]:g} ({q[i]:.3g} and {q[i + 2]:.3g} at the ages before and after)"
            for i in np.flatnonzero(above | below)
        ]
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            yield Finding(
                "spike",
                str(table.origin),
                f"q_{sex} is {', '.join(found[:3])}{more}",
                "mortality changes by about a tenth from one year of age to the next",
                "Correct the number, or its decimal point.",
            )


def rises_with_age(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Mortality that falls from one five years of adult age to the next."""
    table = problem.country.life_table
    if any(spike(problem, around)):
        return
    for sex in SEXES:
        q = getattr(table, f"q_{sex}")
        for start in range(40, 95, 5):
            before, after = (q[(table.age >= a) & (table.age < a + 5)] for a in (start - 5, start))
            if len(before) == len(after) == 5 and after.mean() < FALL * before.mean():
                yield Finding(
                    "rises_with_age",
                    str(table.origin),
                    f"q_{sex} is {before.mean():.2g} at ages {start - 5} to {start - 1} and "
                    f"{after.mean():.2g} at {start} to {start + 4}",
                    "from 35 on mortality rises with age in every population",
                    "Are the rows in order, and both ages of one table?",
                )
                break


def life_expectancy(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Years that are left at the starting age, against those of the United Nations."""
    country, table = problem.country, problem.country.life_table
    if "life_table" in country.borrowed or any(men_and_women(problem, around)):
        return
    if any(spike(problem, around)):
        return
    un = around.un_life_table
    if un is None:
        return
    theirs = LifeTable(un["age"], un["q_male"], un["q_female"], (), table.origin)
    age = int(problem.start_age)
    off = {}
    for sex in SEXES:
        own, other = years_left(table, sex, age), years_left(theirs, sex, age)
        if abs(own - other) > YEARS_OFF:
            off[sex] = f"{SEXES[sex]} of {age} live {own:.1f} more years", f"{other:.1f}"
    if off:
        yield Finding(
            "life_expectancy",
            str(table.origin),
            " and ".join(found for found, _ in off.values()),
            f"by the United Nations (2020-2025) it is {' and '.join(x for _, x in off.values())} in {country.label}",
            "Check the scale (per 1,000?), the ages, the sexes and the country of the table.",
        )


def years_left(table: LifeTable, sex: str, age: float) -> float:
    """Life expectancy at a whole age; deaths in the middle of the year, a constant hazard after the last.

    Examples
    --------
    >>> from heor.problem.parameter import Origin
    >>> q = np.array([0.5, 1.0])
    >>> years_left(LifeTable(np.array([60.0, 61.0]), q, q, (), Origin("life_table.csv")), "male", 60)
    1.0
    """
    q = getattr(table, f"q_{sex}")[table.age >= age]
    alive = np.concatenate([[1.0], np.cumprod(1 - q)])
    after = alive[-1] * (1 / q[-1] - 0.5) if len(q) and q[-1] > 0 else 0.0
    return float((alive[:-1] + alive[1:]).sum() / 2 + after)


def horizon(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A horizon that ends while much of the population is alive."""
    end, start = problem.settings.end_age, problem.start_age
    table = problem.country.life_table
    if end >= LIFETIME or end >= table.age[-1] + 1:
        return
    alive = 0.0
    for sex, share in (("male", problem.share_male), ("female", 1 - problem.share_male)):
        q = getattr(table, f"q_{sex}")[(table.age >= np.floor(start)) & (table.age < end)]
        alive += share * float(np.prod(1 - q))
    yield Finding(
        "horizon",
        str(origin(problem, "analysis.end_age")),
        f"the horizon ends at age {end:g}, {end - start:g} years on, when {alive:.0%} of the population is alive",
        "where treatments differ in survival, costs and effects are usually followed to about age 100",
        "Lengthen it, or show that nobody of the patients is alive at its end.",
    )


#: Checks of the life table itself, for those that rest on it.
LIFE_TABLE = (men_and_women, first_ages, spike, rises_with_age, life_expectancy)
