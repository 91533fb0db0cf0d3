"""Words for states, endpoints and thresholds, and how their numbers are written on an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heor.decision.thresholds import SEVERITY
from heor.report.format import words

if TYPE_CHECKING:
    from heor.problem.country import Country


STATE_LABELS = {"progression_free": "Progression-free"}

ENDPOINT_LABELS = {
    "os": "overall survival",
    "pfs": "progression-free survival",
    "dfs": "disease-free survival",
}

METHODS = {"nuts": "NUTS", "laplace": "Laplace"}

QUICK_NOTE = "Quick run: Laplace approximation, not for decisions"


def endpoint_label(endpoint: str) -> str:
    """An endpoint in words."""
    return ENDPOINT_LABELS.get(endpoint, endpoint.replace("_", " "))


def state_label(state: str) -> str:
    """A state in words."""
    return STATE_LABELS.get(state, state.replace("_", " ").capitalize())


def amount(value: float, *, sign: bool = False) -> str:
    """Money to the nearest hundred (nearest ten below a thousand), with separators.

    >>> amount(-262449.0), amount(338.2, sign=True)
    ('−262,400', '+340')
    """
    text = words.money(value)
    plus = "+" if sign and text[0] not in "-0" else ""
    return plus + text.replace("-", "−")


def months(value: float) -> str:
    """Months to the nearest tenth: '46.5', '46'."""
    return f"{value:.1f}".removesuffix(".0")


def entered(value: float, unit: str) -> str:
    """A parameter value, with a minus sign; see `heor.report.format.words.entered`.

    >>> entered(0.04999, "probability"), entered(574600.4, "NOK"), entered(-0.5, "log odds ratio")
    ('0.05', '575,000', '−0.5')
    """
    return words.entered(value, unit).replace("-", "−")


def percent(share: float) -> str:
    """A share as a whole percentage, and never 0 or 100 % unless it is.

    >>> percent(0.344), percent(0.002), percent(0.998), percent(1.0)
    ('34 %', '<1 %', '>99 %', '100 %')
    """
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def prices(country: Country) -> str:
    """Currency and price year: 'NOK, 2025 prices'."""
    return f"{country.currency}, {country.price_year} prices"


def threshold_label(name: str, value: float, currency: str) -> str:
    """A threshold in words: '715,000 NOK per QALY (severity-weighted)'."""
    words = f"{value:,.0f} {currency} per QALY"
    return f"{words} (severity-weighted)" if name == SEVERITY else words
