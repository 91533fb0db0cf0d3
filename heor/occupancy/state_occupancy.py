"""Who is in which state when, and the laws that must hold for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from heor.errors import ModelError

TOLERANCE = 1e-9


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
    capped : ndarray of int, dims (draw,)
        Cycle boundaries at which PFS exceeded OS and was capped.
    excess : ndarray, dims (draw, time)
        By how much PFS exceeded OS.
    """

    states: Mapping[str, np.ndarray]
    parts: Mapping[tuple[str, str | None], np.ndarray]
    capped: np.ndarray
    excess: np.ndarray

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
        falls = np.diff(self.states["dead"], axis=1).min()
        if falls < -TOLERANCE:
            draw = int(np.diff(self.states["dead"], axis=1).min(axis=1).argmin())
            raise ModelError(
                f"{strategy}: the dead become fewer in draw {first_draw + draw}; survival must not "
                "rise."
            )
