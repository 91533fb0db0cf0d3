"""The illness-death process, patient by patient, and what its event histories say of exposures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.errors import ModelError
from heor.occupancy.individual import Histories, People, Transition, simulate
from heor.occupancy.state_occupancy import StateOccupancy, Table
from heor.survival.curves.process import Process

STATES = ("progression_free", "progressed", "dead_of_cancer", "dead_otherwise")
#: From (any state: None) and to.
FLOWS = {
    "progressions": ("progression_free", "progressed"),
    "cancer_deaths": (None, "dead_of_cancer"),
}
GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Cohort:
    """Who the patients of a draw are.

    Attributes
    ----------
    share_male : float
    background : tuple of ndarray, dims (step + 1,)
        Cumulative hazard of men and of women, on the process's grid.
    cured_ratio : ndarray, dims (draw,)
        Mortality of the cured relative to the population.
    """

    share_male: float
    background: tuple[np.ndarray, np.ndarray]
    cured_ratio: np.ndarray


def individual(
    process: Process,
    cohort: Cohort,
    time: np.ndarray,
    groups: Mapping[str, np.ndarray],
    *,
    patients: int,
    key: int,
    first_draw: int,
) -> StateOccupancy:
    """Simulate the process for patients who differ in sex, cure and group.

    The patients of a draw are spread evenly over parts and groups by their shares, and over the
    sexes, so that only the times of events are random.

    Parameters
    ----------
    time : ndarray, dims (time,)
        Cycle boundaries (years): occupancy is reported there. Exposures are measured exactly.
    groups : mapping of name to ndarray, dims (draw,)
    patients
        Of each draw.
    key, first_draw
        See `heor.occupancy.individual.simulate`.
    """
    parts = process.leaving.by_group(groups)
    draws = len(process.death_share)
    part = spread(np.stack([p.share for p in parts], axis=1), patients)
    women = (np.arange(1, patients + 1) * GOLDEN) % 1 >= cohort.share_male
    cured = np.array([p.excess is None for p in parts])[part]
    leaving = np.stack(
        [np.zeros_like(p.alive) if p.excess is None else p.excess for p in parts], axis=1
    ).repeat(2, axis=1)  # strata: part, then sex
    others = np.stack(cohort.background)[None, np.tile([0, 1], len(parts))]
    others = others - others[..., :1]
    dying = process.death_share[:, None, None]
    ratio = np.where(cured, cohort.cured_ratio[:, None], 1.0)
    after = process.hazard_after(process.grid.time)[:, None]
    free, progressed, cancer, otherwise = STATES
    transitions = [
        Transition(free, progressed, (1 - dying) * leaving),
        Transition(free, cancer, dying * leaving),
        Transition(free, otherwise, others, hazard_ratio=ratio),
        Transition(progressed, cancer, after, "entry"),
        Transition(progressed, otherwise, others, hazard_ratio=ratio),
    ]
    if process.leaving.operative is not None:
        operation = -np.log(process.leaving.operative)[:, None]
        transitions += [Transition(s, otherwise, operation) for s in (free, progressed)]
    found = simulate(
        transitions,
        STATES,
        process.grid.time,
        time[-1],
        People(draws, patients, key, first_draw, strata=2 * part + women),
    )
    members = {
        group: np.array([p.group == group for p in parts])[part][found.draw, found.patient]
        for group in groups
    }
    shares = found.occupancy(time)
    dead = shares[cancer] + shares[otherwise]
    states = {free: shares[free], progressed: shares[progressed], "dead": dead}
    return StateOccupancy(states, {}, patients=PatientHistories(found, members, FLOWS))


def spread(shares: np.ndarray, patients: int) -> np.ndarray:
    """Patients spread evenly over categories by their shares. Dims: (draw, category) to (draw, patient).

    >>> spread(np.array([[0.25, 0.75]]), 4).tolist()
    [[0, 1, 1, 1]]
    """
    quantile = (np.arange(patients) + 0.5) / patients
    edges = np.cumsum(shares, axis=1)[:, :-1]
    return (quantile[None, :, None] >= edges[:, None, :]).sum(axis=2)


@dataclass(frozen=True)
class PatientHistories:
    """Exposures measured on event histories, exactly: no cycle, no within-cycle rule.

    See `heor.occupancy.state_occupancy.Patients`.
    """

    histories: Histories
    members: Mapping[str, np.ndarray]  # (stay,)
    flows: Mapping[str, tuple[str | None, str]]

    def to_frame(self) -> pd.DataFrame:
        return self.histories.to_frame()

    def _chosen(self, state: str, group: str | None) -> np.ndarray:
        chosen = self.histories.state == self.histories.index(state)
        return chosen if group is None else chosen & self.members[group]

    def alive_years(self, integral: Table) -> np.ndarray:
        h = self.histories
        return h.years(h.entry, h.exit, np.ones(len(h.entry), bool), integral)

    def state_years(
        self,
        state: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        clock: str,
        integral: Table,
    ) -> np.ndarray:
        h = self.histories
        origin = h.entry if clock == "state" else 0.0
        first = np.maximum(h.entry, origin + start[h.draw])
        last = np.minimum(h.exit, origin + end[h.draw])
        return h.years(first, last, self._chosen(state, group), integral)

    def events(
        self, flow: str, group: str | None, start: np.ndarray, end: np.ndarray, weight: Table
    ) -> np.ndarray:
        h = self.histories
        return h.events(h.exit, self._flow(flow, group, start, end), weight)

    def years_before(
        self,
        flow: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        before: np.ndarray,
        integral: Table,
    ) -> np.ndarray:
        h = self.histories
        first = np.maximum(h.exit - before[h.draw], 0.0)
        return h.years(first, h.exit, self._flow(flow, group, start, end), integral)

    def years_after(
        self,
        flow: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        lasting: np.ndarray,
        integral: Table,
    ) -> np.ndarray:
        if flow != "progressions":
            raise ModelError(
                f"flow '{flow}': time after an event is known for 'progressions' only. Use another."
            )
        h = self.histories
        inside = (h.entry >= start[h.draw]) & (h.entry < end[h.draw])
        last = np.minimum(h.exit, h.entry + lasting[h.draw])
        return h.years(h.entry, last, inside & self._chosen("progressed", group), integral)

    def _flow(self, flow: str, group: str | None, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Stays that end with the event inside [start, end). Dims: stay."""
        h, (origin, target) = self.histories, self.flows[flow]
        chosen = h.next_state == h.index(target)
        if origin is not None:
            chosen &= h.state == h.index(origin)
        chosen &= (h.exit >= start[h.draw]) & (h.exit < end[h.draw])
        return chosen if group is None else chosen & self.members[group]
