"""Who is in which state when, and the laws that must hold for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from heor.errors import ModelError

TOLERANCE = 1e-9


class Residence(Protocol):
    """Time in state: what a model with clock reset knows beyond `parts`. Dims: (draw, time)."""

    def since_entry(
        self, state: str, group: str | None, start: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        """In a state for at least `start` and less than `end` (years, dims (draw,))."""

    def after(
        self,
        flow: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        lasting: np.ndarray,
    ) -> np.ndarray:
        """Alive less than `lasting` after a flow that took place in [start, end)."""


@dataclass(frozen=True)
class Table:
    """Values of several functions on equal steps from time 0, linear in between.

    Attributes
    ----------
    step : float
        Years.
    values : ndarray, dims (time, function)
    """

    step: float
    values: np.ndarray


class Patients(Protocol):
    """Exposures by event histories: what an individual-level model knows. Dims: (draw, weight).

    Windows [start, end) and lengths are in years, dims (draw,); results are a patient's mean.
    """

    def alive_years(self, integral: Table) -> np.ndarray:
        """All time alive."""

    def to_frame(self) -> pd.DataFrame:
        """Event histories: `draw, patient, state, entry, exit, next_state`, one row a stay."""

    def state_years(
        self,
        state: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        clock: str,
        integral: Table,
    ) -> np.ndarray:
        """Time in a state inside a window, since the start or (clock "state") since entry."""

    def events(
        self, flow: str, group: str | None, start: np.ndarray, end: np.ndarray, weight: Table
    ) -> np.ndarray:
        """Events inside a window, weighted at their time."""

    def years_before(
        self,
        flow: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        before: np.ndarray,
        integral: Table,
    ) -> np.ndarray:
        """The last time before events inside a window."""

    def years_after(
        self,
        flow: str,
        group: str | None,
        start: np.ndarray,
        end: np.ndarray,
        lasting: np.ndarray,
        integral: Table,
    ) -> np.ndarray:
        """The time after events inside a window, for as long as the state entered lasts."""


@dataclass(frozen=True)
class StateOccupancy:
    """Occupancy of one strategy in one block of draws.

    Attributes
    ----------
    states : mapping of state name to ndarray, dims (draw, time)
        Shares of the cohort; they sum to 1.
    parts : mapping of (state or flow, group) to ndarray
        The share of a state, dims (draw, time), or of a flow, dims (draw, cycle), that belongs to
        a group of the strategy; group None is everyone.
    capped : ndarray of int, dims (draw,), or None
        Cycle boundaries at which PFS exceeded OS and was capped; None where curves cannot cross.
    excess : ndarray, dims (draw, time), or None
        By how much PFS exceeded OS.
    residence : Residence or None
        Who is alive by time since an event; None where the model does not know it.
    patients : Patients or None
        Event histories, by which exposures are measured instead of `parts`.
    """

    states: Mapping[str, np.ndarray]
    parts: Mapping[tuple[str, str | None], np.ndarray]
    capped: np.ndarray | None = None
    excess: np.ndarray | None = None
    residence: Residence | None = None
    patients: Patients | None = None

    def check(self, strategy: str, first_draw: int) -> None:
        """Raise ModelError when a law breaks: shares in [0, 1], sum 1, dead never falls."""
        for name, share in self.states.items():  # with the sum at 1, none exceeds 1
            if not share.min() >= -TOLERANCE:  # also true for NaN
                wrong = ~(share >= -TOLERANCE)
                draw, time = np.unravel_index(int(wrong.argmax()), share.shape)
                raise ModelError(
                    f"{strategy}: state '{name}' has share {share[draw, time]:g} in draw "
                    f"{first_draw + draw}, time point {time}; shares lie between 0 and 1. Check the "
                    "survival inputs of this strategy."
                )
        total = sum(self.states.values())
        if np.abs(total - 1).max() > TOLERANCE:
            draw = int(np.abs(total - 1).max(axis=1).argmax())
            raise ModelError(f"{strategy}: states do not sum to 1 in draw {first_draw + draw}.")
        if "dead" not in self.states:
            return
        falls = np.diff(self.states["dead"], axis=1).min(axis=1)
        if falls.min() < -TOLERANCE:
            draw = int(falls.argmin())
            raise ModelError(
                f"{strategy}: the dead become fewer in draw {first_draw + draw}; survival must not "
                "rise."
            )
