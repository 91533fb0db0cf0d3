"""Partitioned survival: progression-free = PFS, progressed = OS - PFS, dead = 1 - OS.

PFS above OS is capped at OS, counted and reported, never rejected: dropping such draws would bias
the rest (NICE DSU TSD 19).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from heor.inputs.problem import Strategy
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.survival.curves import Curve


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
        `os` and `pfs`, each split into cured and uncured. Dims: (draw, time).
    background_hazard : ndarray, dims (cycle,)
        Increment of the population's cumulative hazard in each cycle.

    Returns
    -------
    StateOccupancy
        With flows `progressions` (out of progression-free, less background deaths) and
        `cancer_deaths` (deaths of the uncured from the excess hazard).
    """
    os, pfs = curves["os"], curves["pfs"]
    uncured_free = np.minimum(pfs.uncured, os.uncured)
    excess = pfs.uncured - uncured_free
    capped = np.count_nonzero(excess > 1e-12, axis=1)
    cured_free = None if os.cured is None else np.minimum(pfs.cured, os.cured)
    free = uncured_free if cured_free is None else cured_free + uncured_free
    alive = os.total
    states = {"progression_free": free, "progressed": alive - free, "dead": 1 - alive}
    progressions = _progressions(uncured_free, pfs.operative, background_hazard)
    deaths = _cancer_deaths(os, background_hazard)
    parts: dict[tuple[str, str | None], np.ndarray] = {
        ("progression_free", None): free,
        ("progressed", None): states["progressed"],
        ("progressions", None): progressions,
        ("cancer_deaths", None): deaths,
    }
    if strategy.groups:
        cured_share = draws.value(getattr(strategy.curves["os"], "cured_fraction", "0"))
        for group, expression in strategy.groups.items():
            share = draws.value(expression)
            holds_cured = group == strategy.cured_group
            # The cured belong to one group; the uncured of all groups fare alike.
            of_uncured = ((share - cured_share * holds_cured) / (1 - cured_share))[:, None]
            group_free = of_uncured * uncured_free
            if holds_cured and cured_free is not None:
                group_free += cured_free
            parts["progression_free", group] = group_free
            parts["progressions", group] = of_uncured * progressions
    return StateOccupancy(states, parts, capped, excess)


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


def _cancer_deaths(os: Curve, background_hazard: np.ndarray) -> np.ndarray:
    """Deaths of the uncured from the excess hazard, in each cycle. Dims: (draw, cycle).

    The excess share of deaths is the excess share of the hazard, exact when both are constant
    within the cycle.
    """
    survivors = os.uncured if os.operative is None else os.uncured / os.operative
    deaths = survivors[:, :-1] - survivors[:, 1:]
    excess = np.diff(os.excess, axis=1)
    deaths *= excess
    deaths /= np.maximum(excess + background_hazard, 1e-300)
    return deaths if os.operative is None else deaths * os.operative[:, 1:]


MODELS = {"partitioned_survival": partitioned_survival}
