"""How numbers, tables and statuses are written in a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import EQUAL
from heor.outcomes.outcomes import LEAST_DRAWS
from heor.problem.country import Country
from heor.problem.names import SURVIVAL
from heor.problem.problem import DecisionProblem

TOO_FEW = "too few draws to say"
SMALL = 10_000.0  # money: from here on a hundred is three significant digits or finer
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
    """Money to the nearest hundred, below a thousand to the nearest ten.

    >>> money(-123456.0), money(-492.0)
    ('-123,500', '-490')
    """
    return f"{round(x, -2 if abs(x) >= 1000 else -1) + 0.0:,.0f}"


def any_money(x: float) -> str:
    """Money of any size: to the nearest hundred, or three significant digits where that says little.

    >>> any_money(-123456.0), any_money(9.87654)
    ('-123,500', '9.88')
    """
    return money(x) if abs(x) >= SMALL else significant(x)


def interval_of_size(change: Mapping[str, float]) -> tuple[float, float]:
    """The 95 % interval of what is written without its sign ("saves 10"): of a decrease, the signs change.

    >>> interval_of_size({"mean": -10.0, "low": -25.0, "high": 4.0})
    (-4.0, 25.0)
    """
    low, high = float(change["low"]), float(change["high"])
    return (low, high) if change["mean"] >= 0 else (-high, -low)


def years(x: float) -> str:
    """Years or QALYs to two decimals, never -0.00.

    >>> years(-0.001)
    '0.00'
    """
    return f"{round(x, 2) + 0.0:.2f}"


def plain(x: float, digits: int = 4) -> str:
    """A value of any size without exponents, to some significant digits.

    >>> plain(168312.4), plain(0.003746), plain(62.0)
    ('168,300', '0.003746', '62')
    """
    text = significant(x, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(n: float, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "draw"), counted(2000, "draw")
    ('1 draw', '2,000 draws')
    """
    return f"{n:,.10g} {one if n == 1 else many or one + 's'}"


def chance(share: float, draws: int, digits: int = 0) -> str:
    """A chance as a percentage; with few draws, that nobody can say.

    >>> chance(0.6449, 1000), chance(0.6449, 1000, 1), chance(1.0, 2)
    ('64%', '64.5%', 'too few draws to say')
    """
    return f"{share:.{digits}%}" if draws >= LEAST_DRAWS else TOO_FEW


def too_few(draws: int) -> str:
    """Why a chance or an interval is not given.

    >>> too_few(1)
    'too few draws to say (1; at least 100 are needed)'
    """
    return f"{TOO_FEW} ({draws:,}; at least {LEAST_DRAWS} are needed)"


def interval_words(x: float, low: float, high: float, form: Callable[[float], str]) -> str:
    """A number with its interval, where it has one.

    >>> interval_words(312345.6, 301000.0, 320000.0, significant), interval_words(2.0, np.nan, np.nan, years)
    ('312,000 (301,000 to 320,000)', '2.00')
    """
    return f"{form(x)} ({form(low)} to {form(high)})" if low == low else form(x)


def icer_words(cost: float, effect: float, ratio: float, label: str, unit: str) -> str:
    """The ICER, or what replaces it."""
    return f"{significant(ratio)} {unit}" if label == "icer" else label


def ratio_words(ratio: float, low: float, high: float, label: str) -> str:
    """The ICER of a row of a table with its Monte Carlo interval, or what replaces it.

    >>> ratio_words(308764.0, 292417.0, 326168.0, "icer"), ratio_words(np.nan, np.nan, np.nan, "dominant")
    ('309,000 (292,000 to 326,000)', 'dominates')
    """
    words = {"dominant": "dominates", "dominated": "is dominated", EQUAL: f"is {EQUAL}"}
    return (
        interval_words(ratio, low, high, significant)
        if label == "icer"
        else words.get(label, label)
    )


LOG_RATIO = "log hazard ratio"


def entered(value: float, unit: str) -> str:
    """A parameter's value to three significant digits; a log hazard ratio as the ratio.

    >>> entered(-0.5, LOG_RATIO), entered(168312.4, "NOK"), entered(0.003746, "probability")
    ('0.61', '168,000', '0.00375')
    """
    return f"{np.exp(value):.2f}" if unit == LOG_RATIO else plain(value, 3)


def as_ratio(text: str) -> str:
    """What is entered as a log hazard ratio and shown as a ratio, in words.

    >>> as_ratio("marginal log hazard ratio of death")
    'marginal hazard ratio of death'
    """
    return text.replace(LOG_RATIO, "hazard ratio")


def parameter_label(problem: DecisionProblem, name: str) -> str:
    """A parameter, pooled effect, group or the comparator's survival in words."""
    if name == SURVIVAL:
        return f"survival on {problem.strategies[problem.settings.comparator].label}"
    if name in problem.syntheses:
        return as_ratio(problem.syntheses[name].label)
    return problem.parameters[name].description if name in problem.parameters else name


def chance_words(country: Country) -> str:
    """The probability of a positive net benefit; at another country's thresholds it is no more than that."""
    return (
        "Probability cost-effective"
        if country.has_verdict
        else "Probability net benefit is positive"
    )


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
