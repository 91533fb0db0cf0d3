"""Cost-effectiveness acceptability: how often each strategy is best, by threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import net_benefit
from heor.outcomes.outcomes import Outcomes


def ceac(outcomes: Outcomes, thresholds: np.ndarray) -> pd.DataFrame:
    """Acceptability curves, the frontier and EVPI.

    Returns
    -------
    DataFrame
        One row a threshold and strategy: `threshold, strategy, probability, expected_loss,
        on_frontier, evpi`. Probabilities sum to 1 at each threshold (ties go to the first).
    """
    rows = []
    for threshold in thresholds:
        benefit = net_benefit(outcomes, threshold)
        best = benefit.argmax(axis=1)
        favoured = benefit.mean(axis=0).argmax()
        loss = (benefit.max(axis=1)[:, None] - benefit).mean(axis=0)
        for i, strategy in enumerate(outcomes.strategies):
            rows.append(
                {
                    "threshold": threshold,
                    "strategy": strategy,
                    "probability": float((best == i).mean()),
                    "expected_loss": loss[i],
                    "on_frontier": bool(i == favoured),
                    "evpi": loss[favoured],
                }
            )
    return pd.DataFrame(rows)
