"""How numbers, tables and statuses are written in a report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.inputs.checks import SURVIVAL
from heor.inputs.problem import DecisionProblem

STATUS_WORDS = {
    "published": "published",
    "trial": "from a trial",
    "derived": "derived from published numbers",
    "expert": "expert opinion",
    "assumption": "assumption",
    "to_verify": "not yet verified in its source",
    "placeholder": "placeholder",
}


def significant(x: float, digits: int = 3) -> str:
    """A number to some significant digits, with thousands separators.

    >>> significant(312345.6)
    '312,000'
    """
    if not np.isfinite(x):
        return "-"
    if x == 0:
        return "0"
    places = digits - 1 - int(np.floor(np.log10(abs(x))))
    rounded = round(x, places)
    return f"{rounded:,.{max(places, 0)}f}"


def money(x: float) -> str:
    """Money to the nearest hundred.

    >>> money(-123456.0)
    '-123,500'
    """
    return f"{round(x, -2) + 0.0:,.0f}"


def years(x: float) -> str:
    """Years or QALYs to two decimals, never -0.00.

    >>> years(-0.001)
    '0.00'
    """
    return f"{round(x, 2) + 0.0:.2f}"


def plain(x: float) -> str:
    """A value of any size without exponents, to four significant digits.

    >>> plain(168312.4), plain(0.003746), plain(62.0)
    ('168,300', '0.003746', '62')
    """
    text = significant(x, 4)
    return text.rstrip("0").rstrip(".") if "." in text else text


def icer_words(cost: float, effect: float, ratio: float, label: str, unit: str) -> str:
    """The ICER, or what replaces it."""
    return f"{significant(ratio)} {unit}" if label == "icer" else label


def parameter_label(problem: DecisionProblem, name: str) -> str:
    """A parameter, pooled effect, group or the comparator's survival in words."""
    if name == SURVIVAL:
        return f"survival on {problem.strategies[problem.settings.comparator].label}"
    if name in problem.syntheses:
        return problem.syntheses[name].label
    return problem.parameters[name].description if name in problem.parameters else name


def timing(problem: DecisionProblem) -> str:
    """Discounting and within-cycle rule, short enough to stand under a table."""
    country, settings = problem.country, problem.settings
    rates = [f"{bands[0].rate:.1%}" for bands in (country.discount_costs, country.discount_effects)]
    rate = rates[0] if rates[0] == rates[1] else f"{rates[0]} (costs) and {rates[1]} (effects)"
    falling = len(country.discount_costs) > 1 or len(country.discount_effects) > 1
    within = f"{settings.within_cycle.replace('_', ' ')} within the cycle"
    if settings.model == "individual":
        within = "continuous time"
    return (
        f"Discounted {country.discount_timing.replace('_', '-')} at {rate} a year"
        f"{', less later (see Conventions)' if falling else ''}; {within}; {country.currency} "
        f"{country.price_year}."
    )


def table(frame: pd.DataFrame, left: int = 1) -> str:
    """A table of texts; the first `left` columns flush left. A bar inside a text stays text."""
    frame = frame.map(_cell).rename(columns=_cell)
    align = ["left"] * left + ["right"] * (frame.shape[1] - left)
    return frame.to_markdown(index=False, disable_numparse=True, colalign=align)


def _cell(text: object) -> object:
    return text.replace("|", "\\|") if isinstance(text, str) else text
