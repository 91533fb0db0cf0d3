"""The same patients one by one, and counted in intervals."""

from __future__ import annotations

import numpy as np

from heor.survival.families.likelihood import Piece

EDGES = np.linspace(0.0, 3.0, 37)


def grouped(time: np.ndarray, event: np.ndarray, background: float = 0.0) -> Piece:
    n = len(EDGES) - 1
    row = np.clip(np.searchsorted(EDGES, time) - 1, 0, n - 1)
    data = {
        "start": EDGES[:-1],
        "end": EDGES[1:],
        "n_events": np.bincount(row, event, n),
        "n_censored": np.bincount(row, 1.0 - event, n),
        "background_start": background * EDGES[:-1],
        "background_end": background * EDGES[1:],
    }
    return Piece("trial", "os", "grouped", data)


def individual(
    time: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray | float = 0.0,
    weight: np.ndarray | float = 1.0,
    background: float = 0.0,
) -> Piece:
    """Patients; `background` is a constant hazard of the population."""
    arrays = (np.asarray(a, float) for a in (time, event, entry, weight))
    time, event, entry, weight = np.broadcast_arrays(*arrays)
    data = {
        "time": time,
        "event": event,
        "entry": entry,
        "weight": weight,
        "background_hazard": np.full(len(time), background),
        "background_increment": background * (time - entry),
    }
    return Piece("trial", "os", "individual", data)
