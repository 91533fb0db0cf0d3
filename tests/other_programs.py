"""Draws of another program, as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

#: Mean and sd by strategy, all independent: every answer below is an integral over normals.
COST = np.array([[10_000.0, 300.0], [14_000.0, 500.0], [22_000.0, 800.0]])
DRAWS = 4000
NAMES = ("watch", "drug", "surgery")
QALY = np.array([[5.0, 0.10], [5.25, 0.15], [5.55, 0.20]])


THRESHOLDS = (15_000.0, 30_000.0)


def drawn(n: int = DRAWS, parameters: bool = False, seed: int = 11) -> pd.DataFrame:
    """Draws of the closed-form problem. Parameters are the standardised QALYs of the last two."""
    z = np.random.default_rng(seed).standard_normal((6, n))
    own = {"u_drug": z[4], "u_surgery": z[5], "noise": np.roll(z[0], 7)} if parameters else {}
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "strategy": name,
                    "draw": np.arange(1, n + 1),
                    "cost": COST[i, 0] + COST[i, 1] * z[i],
                    "qaly": QALY[i, 0] + QALY[i, 1] * z[3 + i],
                    **own,
                }
            )
            for i, name in enumerate(NAMES)
        ],
        ignore_index=True,
    )


def saved(folder: Path, table: pd.DataFrame, name: str = "psa.csv", **how: object) -> Path:
    path = folder / name
    table.to_csv(path, index=False, **how)
    return path
