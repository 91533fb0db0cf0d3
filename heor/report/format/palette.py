"""Colours and dashes, the same in every figure, page and workbook. Data: nothing here draws."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from heor.report.format.selection import shown_strategies

if TYPE_CHECKING:
    from heor.runs.results import Results


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


def state_colours(states: Sequence[str]) -> list[str]:
    """A colour for each state; the dead are grey."""
    alive = itertools.cycle(ALIVE)
    return [DEAD if state == "dead" else next(alive) for state in states]
