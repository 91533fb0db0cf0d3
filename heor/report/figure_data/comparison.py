"""Numbers of one decision, of this model or of any other: plane, acceptability, loss, information."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import increments
from heor.outcomes.outcomes import QALYS
from heor.report.figure_data.table import PROBABILITY, Numbers, money, stacked
from heor.report.format.comparison import Comparison
from heor.report.format.labels import threshold_label

CLOUD_POINTS = 2000
BARS = 12  # of the information figure
EVERYTHING = "all"


def plane(view: Comparison) -> Numbers:
    """Every draw's increments, their means, thresholds, and shares of draws by quadrant.

    Returns
    -------
    Numbers
        `series` draw, mean, threshold or quadrant; `strategy, draw, shown, incremental_qalys,
        incremental_cost, label, threshold, share`. `shown`: drawn as a point.
    """
    others = [s for s in view.shown if s != view.comparator]
    changes = {s: increments(view.outcomes, view.comparator, s) for s in others}
    n = view.outcomes.n
    points = min(n, CLOUD_POINTS // max(len(others), 1))
    shown = np.isin(np.arange(n), np.linspace(0, n - 1, points).round().astype(int))
    draws = [
        pd.DataFrame(
            {
                "strategy": view.labels[s],
                "draw": np.arange(n),
                "shown": shown,
                "incremental_qalys": change[QALYS],
                "incremental_cost": change["cost"],
            }
        )
        for s, change in changes.items()
    ]
    means = [
        {
            "strategy": view.labels[s],
            "incremental_qalys": change[QALYS].mean(),
            "incremental_cost": change["cost"].mean(),
        }
        for s, change in changes.items()
    ]
    lines = [
        {"label": threshold_label(name, value, view.currency), "threshold": value}
        for name, value in view.decision.thresholds
    ]
    table = stacked(
        ("draw", pd.concat(draws)),
        ("mean", pd.DataFrame(means)),
        ("threshold", pd.DataFrame(lines)),
        ("quadrant", _quadrants(view, changes[view.intervention])),
    ).astype({"draw": "Int64", "shown": "boolean"})
    units = {
        "incremental_qalys": "QALYs a patient",
        "incremental_cost": money(view.prices),
        "threshold": f"{view.currency} per QALY",
        "share": PROBABILITY,
    }
    return Numbers(table, units)


def _quadrants(view: Comparison, change: dict[str, np.ndarray]) -> pd.DataFrame:
    """Share of draws in each quadrant, of the intervention."""
    more, dearer = change[QALYS] > 0, change["cost"] > 0
    rows = [
        {
            "strategy": view.labels[view.intervention],
            "label": f"{'more' if gain else 'fewer'} QALYs, {'higher' if rise else 'lower'} cost",
            "share": ((more == gain) & (dearer == rise)).mean(),
        }
        for gain in (True, False)
        for rise in (True, False)
    ]
    return pd.DataFrame(rows)


def ceac(view: Comparison) -> Numbers:
    """Probability of being the best choice, by threshold and at the thresholds marked.

    Returns
    -------
    Numbers
        `series` curve or marked; `strategy, threshold, probability, on_frontier, label`.
    """
    table = view.decision.tables["ceac"]
    curves = _shown(view, table)[["strategy", "threshold", "probability", "on_frontier"]]
    own = table[table["strategy"] == view.intervention]
    low, high = own["threshold"].min(), own["threshold"].max()
    marked = [
        {
            "strategy": view.labels[view.intervention],
            "threshold": value,
            "probability": np.interp(value, own["threshold"], own["probability"]),
            "label": name,
        }
        for name, value in view.decision.thresholds
        if low <= value <= high
    ]
    found = stacked(
        ("curve", curves.assign(strategy=curves["strategy"].map(dict(view.labels)))),
        ("marked", pd.DataFrame(marked)),
    ).astype({"on_frontier": "boolean"})
    return Numbers(found, {"threshold": f"{view.currency} per QALY", "probability": PROBABILITY})


def _shown(view: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of strategies that charts show."""
    return table[table["strategy"].isin(view.shown)]


def expected_loss(view: Comparison) -> Numbers:
    """Expected loss of each choice, EVPI and the chance of a wrong choice, by threshold.

    Returns
    -------
    Numbers
        `strategy, threshold, expected_loss, evpi, error_probability`; the last two are those of the
        threshold, the same for every strategy.
    """
    table = _shown(view, view.decision.tables["ceac"])
    order = ["strategy", "threshold", "expected_loss", "evpi", "error_probability"]
    own = table[order].assign(strategy=table["strategy"].map(dict(view.labels)))
    units = dict.fromkeys(("expected_loss", "evpi"), money(view.prices))
    units |= {"threshold": f"{view.currency} per QALY", "error_probability": PROBABILITY}
    return Numbers(own.reset_index(drop=True), units)


def information(view: Comparison) -> Numbers:
    """EVPPI of groups and parameters at the headline threshold, and of groups by threshold.

    Returns
    -------
    Numbers
        `series` bar, everything or curve; `name, label, kind, threshold, value, low, high, has_residual_pattern`,
        with the 95 % interval of the regression.
    """
    name, threshold = view.decision.headline
    frame = view.information[view.information["threshold_name"] == name]
    frame = frame.assign(
        low=(frame["value"] - 1.96 * frame["se"]).clip(lower=np.minimum(frame["value"], 0.0)),
        high=frame["value"] + 1.96 * frame["se"],
    )
    order = ["name", "label", "kind", "threshold", "value", "low", "high", "has_residual_pattern"]
    frame = frame.assign(label=[_named(view, n) for n in frame["name"]])[order]
    bars = frame[frame["kind"] != EVERYTHING].sort_values("value", ascending=False)
    curves = view.information_curves
    table = stacked(
        ("bar", bars[bars["value"] > 0].head(BARS)),
        ("everything", frame[frame["kind"] == EVERYTHING]),
        ("curve", curves.assign(label=[_named(view, n) for n in curves["name"]])),
    ).astype({"has_residual_pattern": "boolean"})
    units = dict.fromkeys(("value", "low", "high"), money(view.prices))
    return Numbers(table, {"threshold": f"{view.currency} per QALY", **units})


def _named(view: Comparison, name: str) -> str:
    return "everything" if name == EVERYTHING else view.words(str(name))
