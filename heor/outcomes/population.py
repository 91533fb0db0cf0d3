"""QALYs the general population has left at an age, discounted or not, from mortality and norms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heor.outcomes.discounting import discount_factor
from heor.outcomes.norms import norm_at
from heor.problem.country import Country
from heor.survival.evidence.background import cumulative_hazard_by_sex, years_lived


def population_qalys(
    country: Country, age: float, share_male: float, *, discounted: bool = True
) -> float:
    """QALYs left of a population of `age`, a mixture of men and women. In QALYs.

    The convention: the share of men is that of those alive at `age`; hazards are constant within a
    year of age, as everywhere in the model; utility is the norm of the age reached in whole years,
    of each sex where norms are given so, and the last age's beyond it; the sum ends with the closing year of the life
    table. Within a year of age and a discount band survival times discount factor is exponential,
    so its integral is exact and there is no step to choose.

    Parameters
    ----------
    country
        Gives the life table, the norms and the rates of effects.
    age : years
    share_male : between 0 and 1
    discounted
        At the country's rates of effects; otherwise plain QALYs.

    References
    ----------
    Sullivan DF (1971) HSMHA Health Reports 86:347-354: life table times prevalence. Severity
    shortfall by general-population QALYs: NICE DSU Technical Support Document 23 (2022).

    Examples
    --------
    Nobody dies before the table ends at 100 and utility is 0.8: a person of 98 has 2 × 0.8 QALYs, or
    at 5 % a year 0.8 (1 − 1.05⁻²) / ln 1.05:

    >>> from heor.problem.country import DiscountBand, LifeTable, UtilityNorms
    >>> from heor.problem.parameter import Origin
    >>> from types import SimpleNamespace
    >>> q, ages = np.zeros(2), np.array([98.0, 99.0])
    >>> country = SimpleNamespace(
    ...     life_table=LifeTable(ages, q, q, (), Origin("life_table.csv")),
    ...     norms=UtilityNorms(ages, np.full(2, 0.8), np.ones(2), (), Origin("norms.csv")),
    ...     discount_effects=(DiscountBand(0, None, 0.05),),
    ...     discount_timing="annual_effective",
    ... )
    >>> for discounted in (False, True):
    ...     print(f"{population_qalys(country, 98, 0.6, discounted=discounted):.4f}")
    1.6000
    1.5244
    """
    bands = country.discount_effects if discounted else ()
    end = country.life_table.age[-1] + 1.0 - age
    birthdays = np.arange(np.floor(age) + 1.0, age + end + 0.5) - age
    steps = [x for band in bands for x in (band.start, band.end) if x is not None and 0 < x < end]
    time = np.unique(np.concatenate([[0.0], birthdays, steps]))
    factor = discount_factor(bands, time, country.discount_timing)
    norms = country.norms
    sexes = zip(
        (share_male, 1.0 - share_male),
        cumulative_hazard_by_sex(country.life_table, age, time),
        norms.by_sex or (norms.utility, norms.utility),
        strict=True,
    )
    return float(
        sum(
            share
            * years_lived(time, np.exp(-hazard) * factor)
            @ norm_at(replace(norms, utility=own), age + time[:-1])
            for share, hazard, own in sexes
        )
    )
