"""Trials of exponential survival, whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.outcomes.outcomes import Outcomes

TIME = np.linspace(0, 60, 721)


def exponential(rates: np.ndarray) -> np.ndarray:
    """Survival of draws and arms. Dims: (draw, arm, time)."""
    return np.exp(-rates[..., None] * TIME)


def outcomes_of(cost: np.ndarray, qalys: np.ndarray) -> Outcomes:
    n, k = cost.shape
    table = pd.DataFrame(
        {
            "strategy": np.tile([f"s{i}" for i in range(k)], n),
            "draw": np.repeat(np.arange(n), k),
            "cost": cost.ravel(),
            "qaly": qalys.ravel(),
        }
    )
    return Outcomes.from_table(table, "NOK")
