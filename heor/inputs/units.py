"""What a unit admits, and its factor to the internal unit (years, per year)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from heor.inputs.problem import MONTHS_PER_YEAR


@dataclass(frozen=True)
class Unit:
    """Admissible range [low, high] of the value as entered, and the factor to the internal unit."""

    low: float = 0.0
    high: float = math.inf
    factor: float = 1.0
    money: bool = False

    def allowed(self) -> str:
        if self.high < math.inf:
            return f"between {self.low:g} and {self.high:g}"
        return f"at least {self.low:g}" if self.low > -math.inf else "any number"


UNITS: dict[str, Unit] = {
    "probability": Unit(0, 1),
    "fraction": Unit(0, 1),
    "utility": Unit(-1, 1),
    "utility multiplier": Unit(0, 1),
    "utility decrement": Unit(0, 1),
    "QALY": Unit(0, 2),
    "hazard multiplier": Unit(0, 20),
    "per year": Unit(0),
    "per month": Unit(0, factor=MONTHS_PER_YEAR),
    "log hazard ratio": Unit(-5, 5),
    "years": Unit(0, 120),
    "months": Unit(0, 1440, 1 / MONTHS_PER_YEAR),
    "days": Unit(0, 366),
    "hours": Unit(0, 1000),
    "contacts/month": Unit(0, 31, MONTHS_PER_YEAR),
    "patients/year": Unit(0),
    "correlation": Unit(-1, 1),
    "{currency}": Unit(0, money=True),
    "{currency}/month": Unit(0, factor=MONTHS_PER_YEAR, money=True),
    "{currency}/year": Unit(0, money=True),
    "{currency}/hour": Unit(0, money=True),
    "{currency}/day": Unit(0, money=True),
}


def lookup(unit: str, currency: str | None) -> tuple[str, Unit] | None:
    """The generic name and Unit of `unit` as written (`NOK/month` or `{currency}/month`)."""
    generic = unit.replace(currency, "{currency}") if currency else unit
    for name in (unit, generic):
        if name in UNITS:
            return name, UNITS[name]
    return None
