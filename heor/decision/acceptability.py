"""Cost-effectiveness acceptability: how often each strategy is best, by threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.outcomes.outcomes import Outcomes


def ceac(outcomes: Outcomes, thresholds: np.ndarray) -> pd.DataFrame:
    """Acceptability curves, the frontier and EVPI.

    Returns
    -------
    DataFrame
        One row a threshold and strategy: `threshold, strategy, probability, expected_loss,
        on_frontier, evpi`. Probabilities sum to 1 at each threshold (ties go to the first).
    """
    cost, qalys = outcomes.cost, outcomes.qalys
    n_thresholds, n_strategies = len(thresholds), len(outcomes.strategies)
    probability, loss = np.empty((2, n_thresholds, n_strategies))
    favoured = np.empty(n_thresholds, int)
    for i, threshold in enumerate(
        thresholds
    ):  # one at a time, so memory stays that of the outcomes
        benefit = threshold * qalys - cost
        best = benefit.argmax(axis=1)
        favoured[i] = benefit.mean(axis=0).argmax()
        loss[i] = benefit[np.arange(len(best)), best].mean() - benefit.mean(axis=0)
        probability[i] = np.bincount(best, minlength=n_strategies) / len(best)
    return pd.DataFrame(
        {
            "threshold": np.repeat(thresholds, n_strategies),
            "strategy": np.tile(outcomes.strategies, n_thresholds),
            "probability": probability.ravel(),
            "expected_loss": loss.ravel(),
            "on_frontier": (np.arange(n_strategies) == favoured[:, None]).ravel(),
            "evpi": np.repeat(loss[np.arange(n_thresholds), favoured], n_strategies),
        }
    )
