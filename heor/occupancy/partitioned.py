"""Partitioned survival: progression-free = PFS, progressed = OS - PFS, dead = 1 - OS.

PFS above OS is capped at OS, counted and reported, never rejected: dropping such draws would bias
the rest (NICE DSU TSD 19). The cap acts on each part of the cohort: on the same part at both
endpoints, or, where OS and PFS are curves of different kinds, on each group of the strategy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np

from heor.inputs.problem import Strategy
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.survival.parts import Curve, Part


def partitioned_survival(
    strategy: Strategy,
    curves: Mapping[str, Curve],
    draws: Draws,
    background_hazard: np.ndarray,
) -> StateOccupancy:
    """Occupancy of three states from OS and PFS.

    Parameters
    ----------
    curves
        `os` and `pfs`, each a sum of parts of the cohort. Dims: (draw, time).
    background_hazard : ndarray, dims (cycle,)
        Increment of the population's cumulative hazard in each cycle.

    Returns
    -------
    StateOccupancy
        With flows `progressions` (out of progression-free, less background deaths) and
        `cancer_deaths` (deaths from the excess hazard, of all who are not cured).
    """
    os, pfs = curves["os"], curves["pfs"]
    groups = {name: draws.value(share) for name, share in strategy.groups.items()}
    parts, free = _progression_free(os, pfs, groups)
    excess = _sum([p.alive - f for p, f in zip(parts, free, strict=True)])
    capped = np.count_nonzero(excess > 1e-12, axis=1)
    progressions = [
        None if p.excess is None else _progressions(f, pfs.operative, background_hazard)
        for p, f in zip(parts, free, strict=True)
    ]
    deaths = [
        _cancer_deaths(p, os.operative, background_hazard) for p in os.parts if p.excess is not None
    ]
    whole, alive = _sum(free), os.total
    states = {"progression_free": whole, "progressed": alive - whole, "dead": 1 - alive}
    found: dict[tuple[str, str | None], np.ndarray] = {
        ("progression_free", None): whole,
        ("progressed", None): states["progressed"],
        ("progressions", None): _sum([f for f in progressions if f is not None]),
        ("cancer_deaths", None): _sum(deaths),
    }
    spread = pfs.left_to_groups(groups)
    for group in groups:
        for name, amounts in (("progression_free", free), ("progressions", progressions)):
            found[name, group] = _of_group(group, parts, amounts, spread[group])
    return StateOccupancy(states, found, capped, excess)


def _progression_free(
    os: Curve, pfs: Curve, groups: Mapping[str, np.ndarray]
) -> tuple[Sequence[Part], list[np.ndarray]]:
    """Parts of PFS, and how many of each are progression-free after the cap. Dims: (draw, time).

    Where both endpoints have the same parts, each is capped at its own survival. Otherwise each
    part is capped at what its group has alive and the parts before it, the cured first, leave.
    """
    if os.names == pfs.names:
        pairs = zip(pfs.parts, os.parts, strict=True)
        return pfs.parts, [np.minimum(p.alive, o.alive) for p, o in pairs]
    left: dict[str | None, np.ndarray] = {}
    for part in os.by_group(groups):
        left[part.group] = part.alive + left.get(part.group, 0.0)
    parts, free = pfs.by_group(groups), []
    for part in parts:
        available = left.get(part.group, 0.0)
        free.append(np.minimum(part.alive, available))
        left[part.group] = available - free[-1]
    return parts, free


def _of_group(
    group: str,
    parts: Sequence[Part],
    amounts: Sequence[np.ndarray | None],
    fraction: np.ndarray,
) -> np.ndarray:
    """What belongs to a group: its own parts, and its fraction of those without a group."""
    own = [
        amount if part.group == group else amount * fraction[:, None]
        for part, amount in zip(parts, amounts, strict=True)
        if amount is not None and part.group in (group, None)
    ]
    return _sum(own)


def _sum(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Their sum; the one itself where there is only one."""
    return reduce(np.add, arrays)


def _progressions(
    free: np.ndarray, operative: np.ndarray | None, background_hazard: np.ndarray
) -> np.ndarray:
    """Progressions in each cycle: what leaves progression-free, less background deaths.

    Deaths at the operation are taken out by following those who survive it. Dims: (draw, cycle).
    """
    survivors = free if operative is None else free / operative
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
