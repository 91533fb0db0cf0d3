"""What a unit admits, and its factor to the internal unit: years, per year, money per year.

Every unit of time converts, whatever it stands on: an hour is 1/8766 of a year, a day 1/365.25, a week
7 days and a month 1/12. A product of a time and an amount per time is therefore right in any units:
hours x money per hour, days x hours per day x money per hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from heor.problem.parameter import MONTHS_PER_YEAR, Parameter
from heor.problem.problem import DecisionProblem

#: How many of each are in a year.
PER_YEAR = {
    "year": 1.0,
    "month": MONTHS_PER_YEAR,
    "week": 365.25 / 7,
    "day": 365.25,
    "hour": 8766.0,
}
YEARS_PER_UNIT = {f"{unit}s": 1 / PER_YEAR[unit] for unit in ("year", "month", "week", "day")}
YEARS_PER_CYCLE = {unit: 1 / PER_YEAR[unit] for unit in ("day", "week", "month", "year")} | {
    "quarter": 0.25
}
LONGEST = 120  # years
#: More than anything that is counted or paid for; it keeps products of entries finite.
MOST = 1e15


@dataclass(frozen=True)
class Unit:
    """Admissible range [low, high] of the value as entered, and the factor to the internal unit.

    `money` and `time` are its dimensions: money per year has time -1, a share of time 0.
    """

    low: float = 0.0
    high: float = MOST
    factor: float = 1.0
    money: bool = False
    time: int = 0

    def allowed(self) -> str:
        return f"between {self.low:,.10g} and {self.high:,.10g}"


def _per(time: str, most: float, *, money: bool = False) -> Unit:
    """So much for each unit of time."""
    return Unit(0, most, PER_YEAR[time], money, time=-1)


def _share(small: str, large: str) -> Unit:
    """Part of a time, as hours a day; at most all of it (31 days a month)."""
    ratio = PER_YEAR[small] / PER_YEAR[large]
    return Unit(0, math.ceil(ratio), 1 / ratio)


def _times() -> dict[str, Unit]:
    """Durations and everything per unit of time."""
    units = {f"{t}s": Unit(0, round(LONGEST * n), 1 / n, time=1) for t, n in PER_YEAR.items()}
    units |= {f"per {t}": _per(t, MOST) for t in PER_YEAR}
    contacts = {"week": 7, "month": 31, "year": 366}  # one a day
    units |= {f"contacts/{t}": _per(t, most) for t, most in contacts.items()}
    units |= {f"patients/{t}": _per(t, MOST) for t in ("week", "month", "year")}
    shares = {"hour": ("day", "week"), "day": ("week", "month", "year"), "week": ("year",)}
    return units | {
        f"{small}s/{large}": _share(small, large) for small in shares for large in shares[small]
    }


UNITS: dict[str, Unit] = {
    "probability": Unit(0, 1),
    "fraction": Unit(0, 1),
    "utility": Unit(-1, 1),
    "utility multiplier": Unit(0, 1),
    "utility decrement": Unit(0, 1),
    "QALY": Unit(0, 2, time=1),
    "hazard multiplier": Unit(0, 20),
    "log hazard ratio": Unit(-5, 5),
    "correlation": Unit(-1, 1),
    **_times(),
    "{currency}": Unit(0, MOST, money=True),
    **{f"{{currency}}/{t}": _per(t, MOST, money=True) for t in PER_YEAR},
}


def lookup(unit: str, currency: str | None) -> tuple[str, Unit] | None:
    """The generic name and Unit of `unit` as written (`NOK/month` or `{currency}/month`)."""
    generic = unit.replace(currency, "{currency}") if currency else unit
    for name in (unit, generic):
        if name in UNITS:
            return name, UNITS[name]
    return None


def unit_of(problem: DecisionProblem, name: str) -> Unit | None:
    """The unit of a parameter or pooled effect; None of a derived quantity."""
    if name in problem.syntheses:
        return UNITS[problem.syntheses[name].unit]
    if name not in problem.parameters:
        return None
    found = lookup(problem.parameters[name].unit, problem.country.currency)
    return found[1] if found else None


def range_fault(problem: DecisionProblem, name: str, low: float, high: float) -> str:
    """What is wrong with a range of values of a quantity, as entered; empty where nothing is."""
    where = f"{name} from {low:g} to {high:g}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{where}; both ends must be finite numbers."
    if not high > low:
        return f"{where}; the range must rise."
    unit, slack = unit_of(problem, name), 1e-9 * (high - low)
    if unit is not None and not unit.low - slack <= low < high <= unit.high + slack:
        written = (problem.parameters.get(name) or problem.syntheses[name]).unit
        return f"{where}; unit '{written}' must be {unit.allowed()}. Give a range inside it."
    return ""


def factor_of(parameter: Parameter, currency: str | None) -> float:
    """Factor from the unit a parameter was entered in to the internal unit, as it was applied.

    Results of earlier versions, which did not convert every unit, keep theirs.
    """
    for inside, entered in (
        (parameter.mean, parameter.entered_mean),
        (parameter.se, parameter.entered_se),
    ):
        if entered:
            return inside / entered
    found = lookup(parameter.unit, currency)
    return found[1].factor if found else 1.0


def in_months(years: float) -> str:
    """A length of time in words.

    >>> in_months(1 / 12), in_months(0.25)
    ('1 month', '3 months')
    """
    months = f"{years * MONTHS_PER_YEAR:.3g}"
    return f"{months} month" if months == "1" else f"{months} months"


def cycle_years(cycle: str) -> float:
    """Length of a cycle in years.

    >>> cycle_years("quarter"), cycle_years("2 weeks") == 14 / 365.25
    (0.25, True)
    """
    number, _, unit = cycle.rpartition(" ")
    return float(number or 1) * YEARS_PER_CYCLE[unit.rstrip("s")]
