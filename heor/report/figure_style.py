"""What all figures share: palette, number formats, axes and the words for names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from heor.report import words
from heor.report.selection import shown_strategies

if TYPE_CHECKING:
    from heor.inputs.problem import Country
    from heor.results import Decision, Results

GREY, LIGHT_GREY, DARK = "#6B6B6B", "#EDEDED", "#222222"
# Okabe and Ito: blue for the comparator, vermillion for the intervention, then the others.
COMPARATOR, INTERVENTION = "#0072B2", "#D55E00"
OTHER_STRATEGIES = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5D3A9B", "#8C8C00")
# Tol, muted: safe for colour blindness, and none of them the colour of a strategy.
FAMILIES = (
    "#CC6677",
    "#332288",
    "#999933",
    "#117733",
    "#44AA99",
    "#882255",
    "#88CCEE",
    "#AA4499",
    "#6699CC",
    "#661100",
)
DASHES = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (8, 2)),
    (0, (3, 1)),
    (0, (5, 1.5, 1, 1.5, 1, 1.5)),
)
DEAD = "#D4D4D4"
ALIVE = ("#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")
STATE_LABELS = {"progression_free": "Progression-free"}
ENDPOINT_LABELS = {
    "os": "overall survival",
    "pfs": "progression-free survival",
    "dfs": "disease-free survival",
}
METHODS = {"nuts": "NUTS", "laplace": "Laplace"}
QUICK_NOTE = "Quick run: Laplace approximation, not for decisions"
SEVERITY = "severity"


def strategy_colours(results: Results) -> dict[str, str]:
    """One colour a strategy, the same in every figure."""
    settings = results.problem.settings
    return colours(shown_strategies(results), settings.comparator, settings.intervention)


def colours(names: Iterable[str], comparator: str, intervention: str) -> dict[str, str]:
    """The comparator and the intervention keep their own colour; the others take turns."""
    others = itertools.cycle(OTHER_STRATEGIES)
    fixed = {comparator: COMPARATOR, intervention: INTERVENTION}
    return {name: fixed[name] if name in fixed else next(others) for name in names}


def family_style(index: int) -> dict:
    """Colour and dashes of the survival family at this place in the list."""
    return {
        "color": FAMILIES[index % len(FAMILIES)],
        # one step further on every round, so that no two of the first 49 look alike
        "linestyle": DASHES[(index + index // len(FAMILIES)) % len(DASHES)],
    }


def endpoint_label(endpoint: str) -> str:
    """An endpoint in words."""
    return ENDPOINT_LABELS.get(endpoint, endpoint.replace("_", " "))


def state_colours(states: Sequence[str]) -> list[str]:
    """A colour for each state; the dead are grey."""
    alive = itertools.cycle(ALIVE)
    return [DEAD if state == "dead" else next(alive) for state in states]


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
    """A parameter value, with a minus sign; see `heor.report.words.entered`.

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


def headline_threshold(decision: Decision) -> tuple[str, float]:
    """The severity-weighted threshold, or the last one where there is none."""
    return next((t for t in decision.thresholds if t[0] == SEVERITY), decision.thresholds[-1])


def money_axis(axis) -> None:
    """Thousands separators on an axis (`axes.xaxis` or `axes.yaxis`)."""
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}".replace("-", "−")))


def month_axis(axes: Axes, last: float, step: int = 12) -> None:
    """Months since randomisation on the x axis."""
    axes.set_xlim(0, last)
    axes.set_xticks(np.arange(0, last + 1, step))
    axes.set_xlabel("Months since randomisation")


def percent_axis(axes: Axes) -> None:
    """Shares from 0 to 100 % on the y axis."""
    axes.set_ylim(0, 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
