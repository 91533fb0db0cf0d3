"""Partitioned survival: state k is what the endpoint that ends it has above the one before.

With PFS and OS: progression-free = PFS, progressed = OS - PFS, dead = 1 - OS; more endpoints make
more states. An endpoint above the next is capped at it, counted and reported, never rejected:
dropping such draws would bias the rest (NICE DSU TSD 19). The cap acts on each part of the cohort:
on the same part at both endpoints, or, where they are curves of different kinds, on each group of
the strategy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.problem.strategy import Strategy
from heor.survival.curves.curve import Curve, Part, of_group


def partitioned_survival(
    strategy: Strategy,
    curves: Mapping[str, Curve],
    states: Sequence[str],
    draws: Draws,
    background_hazard: np.ndarray,
) -> StateOccupancy:
    """Occupancy of the states that endpoints end.

    Parameters
    ----------
    curves
        By endpoint, in the order of the states, each a sum of parts of the cohort. Dims: (draw,
        time).
    states
        Names, one more than endpoints; the last is dead.
    background_hazard : ndarray, dims (cycle,)
        Increment of the population's cumulative hazard in each cycle.

    Returns
    -------
    StateOccupancy
        With flows `cancer_deaths` (deaths from the excess hazard, of all who are not cured),
        `leaving <state>` for each state an earlier endpoint ends (out of it and those before it
        for good, less background deaths), and `progressions`, which is that of the first state.
    """
    *endpoints, last = curves
    groups = {name: draws.value(share) for name, share in strategy.groups.items()}
    os = first = curves[last]
    held, excess = {last: os}, []
    for endpoint in reversed(endpoints):
        first, over = _held(first, curves[endpoint], groups)
        held[endpoint] = first
        excess.append(over)
    totals = [held[endpoint].total for endpoint in curves]
    shares = [totals[0], *(b - a for a, b in zip(totals, totals[1:], strict=False)), 1 - totals[-1]]
    found: dict[tuple[str, str | None], np.ndarray] = {
        (state, None): share for state, share in zip(states[:-1], shares[:-1], strict=True)
    }
    spread, alive = first.left_to_groups(groups), [p.alive for p in first.parts]
    for group in groups:
        found[states[0], group] = of_group(group, first.parts, alive, spread[group])
    for state, endpoint in zip(states, endpoints or [last], strict=False):
        for group, events in _events(held[endpoint], groups, background_hazard).items():
            found[f"leaving {state}", group] = events
            found.setdefault(("progressions", group), events)
    found["cancer_deaths", None] = _sum(
        [
            _cancer_deaths(p, os.operative, background_hazard)
            for p in os.parts
            if p.excess is not None
        ]
    )
    crossed = reduce(
        np.logical_or, [over > 1e-12 for over in excess], np.zeros_like(os.total, bool)
    )
    capped = np.count_nonzero(crossed, axis=1)
    over = _sum(excess) if excess else np.zeros_like(os.total)
    return StateOccupancy(dict(zip(states, shares, strict=True)), found, capped, over)


def _held(
    later: Curve, earlier: Curve, groups: Mapping[str, np.ndarray]
) -> tuple[Curve, np.ndarray]:
    """The earlier endpoint capped at the later, and what was above it. Dims: (draw, time)."""
    parts, free = _capped(later, earlier, groups)
    pairs = list(zip(parts, free, strict=True))
    over = _sum([part.alive - left for part, left in pairs])
    return replace(earlier, parts=tuple(replace(p, alive=left) for p, left in pairs)), over


def _capped(
    later: Curve, earlier: Curve, groups: Mapping[str, np.ndarray]
) -> tuple[Sequence[Part], list[np.ndarray]]:
    """Parts of the earlier endpoint, and how many of each are left by the cap. Dims: (draw, time).

    Where both endpoints have the same parts, each is capped at its own survival. Otherwise each
    part is capped at what its group has alive and the parts before it, the cured first, leave.
    """
    if later.names == earlier.names:
        pairs = zip(earlier.parts, later.parts, strict=True)
        return earlier.parts, [np.minimum(p.alive, o.alive) for p, o in pairs]
    left: dict[str | None, np.ndarray] = {}
    for part in later.by_group(groups):
        left[part.group] = part.alive + left.get(part.group, 0.0)
    parts, free = earlier.by_group(groups), []
    for part in parts:
        available = left.get(part.group, 0.0)
        free.append(np.minimum(part.alive, available))
        left[part.group] = available - free[-1]
    return parts, free


def _sum(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Their sum; the one itself where there is only one."""
    return reduce(np.add, arrays)


def _events(
    curve: Curve, groups: Mapping[str, np.ndarray], background_hazard: np.ndarray
) -> dict[str | None, np.ndarray]:
    """Events of a capped endpoint, of everyone (None) and of each group. Dims: (draw, cycle)."""
    parts = [p for p in curve.parts if p.excess is not None]
    events = [_part_events(p.alive, curve.operative, background_hazard) for p in parts]
    spread = curve.left_to_groups(groups)
    own = {group: of_group(group, parts, events, spread[group]) for group in groups}
    return {None: _sum(events), **own}


def _part_events(
    alive: np.ndarray, operative: np.ndarray | None, background_hazard: np.ndarray
) -> np.ndarray:
    """Events of a part in each cycle: what leaves its endpoint, less background deaths.

    Deaths at the operation are taken out by following those who survive it. Dims: (draw, cycle).
    """
    survivors = alive if operative is None else alive / operative
    start, end = survivors[:, :-1], survivors[:, 1:]
    # left - mean x background hazard, in one expression
    events = start * (1 - 0.5 * background_hazard) - end * (1 + 0.5 * background_hazard)
    np.maximum(events, 0.0, out=events)
    return events if operative is None else events * operative[:, 1:]


def _cancer_deaths(
    part: Part, operative: np.ndarray | None, background_hazard: np.ndarray
) -> np.ndarray:
    """Deaths of a part of the cohort from its excess hazard, in each cycle. Dims: (draw, cycle).

    The excess share of deaths is the excess share of the hazard, exact when both are constant
    within the cycle.
    """
    survivors = part.alive if operative is None else part.alive / operative
    deaths = survivors[:, :-1] - survivors[:, 1:]
    excess = np.diff(part.excess, axis=1)
    deaths *= excess
    deaths /= np.maximum(excess + background_hazard, 1e-300)
    return deaths if operative is None else deaths * operative[:, 1:]
