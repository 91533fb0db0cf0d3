"""Cost-effectiveness acceptability: how often each strategy is best, by threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import check_thresholds
from heor.outcomes.outcomes import Outcomes


def ceac(outcomes: Outcomes, thresholds: Sequence[float] | np.ndarray) -> pd.DataFrame:
    """Acceptability curves, the frontier, expected loss and EVPI.

    The frontier is the strategy with the smallest expected loss, which is the one with the highest
    mean net benefit; its expected loss is EVPI (Fenwick, Claxton and Sculpher 2001,
    doi:10.1002/hec.635; Alarid-Escudero et al. 2019, doi:10.1016/j.jval.2019.02.008).

    Parameters
    ----------
    outcomes
        From any program; each draw counts once.
    thresholds
        Money per QALY.

    Returns
    -------
    DataFrame
        One row a threshold and strategy: `threshold, strategy, probability, probability_se,
        expected_loss, on_frontier, evpi, error_probability`. `probability` is a share of draws, so
        it sums to 1 at each threshold: strategies that tie for the best of a draw share it equally.
        `probability_se` is its Monte Carlo standard error. `error_probability` is the chance that the strategy on the frontier is not
        the best. Losses and EVPI in money per patient.

    Raises
    ------
    InputError
        A threshold that is negative or no number.

    Examples
    --------
    A new treatment that costs 20 more and gains nothing in one draw of four, 2 QALYs in the others:

    >>> table = pd.DataFrame({"strategy": ["old"] * 4 + ["new"] * 4, "draw": [1, 2, 3, 4] * 2,
    ...                       "cost": [0] * 4 + [20] * 4, "qaly": [0] * 5 + [2] * 3})
    >>> found = ceac(Outcomes.from_table(table, "NOK"), [0, 20])
    >>> found[["threshold", "strategy", "probability", "expected_loss"]].to_numpy().tolist()[2:]
    [[20.0, 'old', 0.25, 15.0], [20.0, 'new', 0.75, 5.0]]
    >>> found["error_probability"].tolist()
    [0.0, 0.0, 0.25, 0.25]
    """
    thresholds = check_thresholds(thresholds)
    # Contiguous over draws: every sum and comparison below runs along memory.
    cost, qalys = (np.ascontiguousarray(x.T, float) for x in (outcomes.cost, outcomes.qalys))
    k, n = cost.shape
    shape = len(thresholds), k
    best, loss, not_best = np.empty(shape), np.empty(shape), np.empty(shape)
    spread, squares = np.empty(shape), np.empty(shape)
    forgone = np.empty_like(cost)
    for i, threshold in enumerate(thresholds):  # one at a time: memory stays that of the outcomes
        np.multiply(qalys, threshold, out=forgone)
        forgone -= cost
        np.subtract(forgone.max(axis=0), forgone, out=forgone)
        loss[i] = forgone.mean(axis=1)
        is_best = forgone == 0
        not_best[i] = n - np.count_nonzero(is_best, axis=1)
        best[i] = squares[i] = n - not_best[i]
        if is_best.sum() > n:  # ties
            is_best = is_best / is_best.sum(axis=0)
            best[i], squares[i] = is_best.sum(axis=1), (is_best**2).sum(axis=1)
        if outcomes.replicates > 1:
            spread[i] = outcomes.standard_error(is_best.T.astype(float))
    probability, rows = best / n, np.arange(len(thresholds))
    if outcomes.replicates == 1:  # of shares that are 0 or 1, but for ties
        variance = probability * (1 - probability) - (best - squares) / n
        spread = np.sqrt(np.maximum(variance, 0.0) / (n - 1)) if n > 1 else np.full(shape, np.nan)
    favoured = loss.argmin(axis=1)
    return pd.DataFrame(
        {
            "threshold": np.repeat(thresholds, k),
            "strategy": np.tile(outcomes.strategies, len(thresholds)),
            "probability": probability.ravel(),
            "probability_se": spread.ravel(),
            "expected_loss": loss.ravel(),
            "on_frontier": (np.arange(k) == favoured[:, None]).ravel(),
            "evpi": np.repeat(loss[rows, favoured], k),
            "error_probability": np.repeat(not_best[rows, favoured] / n, k),
        }
    )
