"""Are there enough draws? Results at growing numbers of draws, and how many a precision needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from heor.decision import cost_effectiveness
from heor.decision.acceptability import ceac
from heor.decision.thresholds import Thresholds
from heor.outcomes.outcomes import QALYS, Outcomes

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
LEAST = 16  # draws of the shortest row
#: What standard error is small enough: of a chance 1 point, of everything else relative to `scale`.
PRECISION = {
    "incremental QALYs": 0.01,  # of one QALY
    "incremental cost": 0.01,  # of the threshold: one hundredth of a QALY's worth
    "ICER": 0.01,  # of the ICER
    "net benefit": 0.01,  # of the threshold
    "probability": 0.01,
    "probability of the best": 0.01,
    "EVPI": 0.05,  # of EVPI
}


def convergence_table(
    outcomes: Outcomes,
    comparator: str,
    intervention: str,
    thresholds: Thresholds,
) -> pd.DataFrame:
    """Each result at a growing number of draws, with its Monte Carlo standard error.

    Replicates are taken whole. With more than two strategies the chance that the best on average is the
    best of all has rows of its own; net benefit and its probability compare two of them.

    Returns
    -------
    DataFrame
        `measure, threshold_name, threshold, draws, value, se, target, draws_needed`: `target` is the
        standard error that is small enough (`PRECISION`); `draws_needed` assumes that it falls with
        the square root of the number of draws (quasi-random draws need fewer).
    """
    replicates, n = outcomes.replicates, outcomes.n
    size = n // replicates
    rows = []
    for share in SHARES:
        blocks = max(int(replicates * share), 1)
        used = blocks * size if replicates > 1 else int(n * share)
        if used < LEAST or (replicates > 1 and blocks < 2):
            continue
        own = replace(outcomes, data=outcomes.data[:used], replicates=blocks if size < n else 1)
        rows += _at(own, comparator, intervention, thresholds)
    columns = ["measure", "threshold_name", "threshold", "draws", "value", "se", "target"]
    frame = pd.DataFrame(rows, columns=columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = frame["draws"] * (frame["se"] / frame["target"]) ** 2
    return frame.assign(draws_needed=np.ceil(needed))


def _at(
    outcomes: Outcomes,
    comparator: str,
    intervention: str,
    thresholds: Thresholds,
) -> list[dict]:
    changes = cost_effectiveness.increments(outcomes, comparator, intervention)
    cost, qalys, replicates = changes["cost"], changes[QALYS], outcomes.replicates
    headline = thresholds[-1][1]
    ratio, ratio_se = cost_effectiveness.ratio_of_means(cost, qalys, replicates)
    found = [
        ("incremental cost", cost.mean(), outcomes.standard_error(cost), headline),
        ("incremental QALYs", qalys.mean(), outcomes.standard_error(qalys), 1.0),
        ("ICER", ratio, ratio_se, abs(ratio)),
    ]
    rows = [_row(m, "", np.nan, outcomes.n, v, se, scale) for m, v, se, scale in found]
    table = cost_effectiveness.net_benefit_table(outcomes, comparator, intervention, thresholds)
    for _, r in table.iterrows():
        at = r["threshold_name"], r["threshold"], outcomes.n
        rows += [
            _row("net benefit", *at, r["net_benefit"], r["se"], r["threshold"]),
            _row("probability", *at, r["probability"], r["probability_se"], 1.0),
            _row("EVPI", *at, r["evpi"], r["evpi_se"], r["evpi"]),
        ]
    if len(outcomes.strategies) > 2:
        curves = ceac(outcomes, [value for _, value in thresholds])
        best = curves[curves["on_frontier"]]
        for (name, threshold), (_, r) in zip(thresholds, best.iterrows(), strict=True):
            at = name, threshold, outcomes.n
            chance = r["probability"], r["probability_se"]
            rows.append(_row("probability of the best", *at, *chance, 1.0))
    return rows


def _row(measure, name, threshold, draws, value, se, scale) -> dict:
    return {
        "measure": measure,
        "threshold_name": name,
        "threshold": threshold,
        "draws": draws,
        "value": value,
        "se": float(se),
        "target": PRECISION[measure] * scale,
    }
