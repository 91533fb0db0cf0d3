"""What the page computes with: draws, curves and words, as one JSON object."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd

from heor.decision.envelope import upper_envelope
from heor.decision.thresholds import SEVERITY
from heor.outcomes.outcomes import LEAST_DRAWS
from heor.questions.research_priorities import population
from heor.report.format.comparison import Comparison
from heor.report.format.palette import colours
from heor.report.format.selection import left_out
from heor.report.format.words import STATUS_WORDS, as_ratio, entered
from heor.runs.results import Results

CLOUD_POINTS = 2000  # shown; every number uses all draws
BARS = 12  # of the tornado


def page_data(results: Results, words: dict[str, Any]) -> dict[str, Any]:
    """Everything the charts of a run need. Money in the country's currency, effects in QALYs."""
    problem = results.problem
    low, high, _ = problem.settings.ceac_thresholds
    return {
        **decision_data(
            Comparison.of(results),
            (low, high),
            verdict=problem.country.has_verdict,
            patients=population(problem),
        ),
        "tornado": _tornado(results),
        "words": {k: words[k] for k in ("slider", "charts", "parameters")},
    }


def decision_data(
    view: Comparison,
    ends: tuple[float, float],
    verdict: bool = True,
    patients: float | None = None,
) -> dict[str, Any]:
    """What the charts that follow the threshold need, whoever made the outcomes.

    Parameters
    ----------
    ends
        Thresholds between which the curves were computed.
    verdict
        Whether the thresholds are those of who decides.
    patients
        Of the population, over the years the decision holds; None where nobody knows.
    """
    names, place = view.shown, view.outcomes.strategies.index
    others = max(len(names) - 1, 1)
    n = view.outcomes.n
    shown = np.linspace(0, n - 1, min(n, CLOUD_POINTS // others)).round().astype(int)
    colour = colours(names, view.comparator, view.intervention)
    low, high = ends
    named = [value for _, value in view.decision.thresholds]
    low, high = min(low, *named), max(high, *named)
    return {
        "currency": view.currency,
        "strategies": [{"label": view.labels[s], "colour": colour[s]} for s in names],
        "comparator": names.index(view.comparator),
        "intervention": names.index(view.intervention),
        "draws": n,
        "least": LEAST_DRAWS,
        # every bit, so that a share of draws is the same as in the tables
        "cost": [packed(view.outcomes.cost[:, place(s)]) for s in names],
        "qalys": [packed(view.outcomes.qalys[:, place(s)]) for s in names],
        "others": _others(view, low, high),
        "shown": shown.tolist(),
        "thresholds": [
            {"value": value, "severity": name == SEVERITY}
            for name, value in view.decision.thresholds
        ],
        "verdict": verdict,
        "start": view.decision.headline[1],
        "range": [low, high],
        "curves": _curves(view.decision.tables["ceac"], names),
        "population": patients,
    }


def _others(view: Comparison, low: float, high: float) -> dict[str, Any]:
    """How many strategies charts leave out, and the best of them by draw."""
    names = view.outcomes.strategies
    rest = [k for k, name in enumerate(names) if name not in view.shown]
    if not rest:
        return {"count": 0, "cost": [], "qalys": []}
    cost, qalys = upper_envelope(
        view.outcomes.cost[:, rest], view.outcomes.qalys[:, rest], low, high
    )
    words = left_out(len(view.shown), len(names))
    return {
        "count": len(rest),
        "words": words,
        "cost": [packed(x) for x in cost],
        "qalys": [packed(x) for x in qalys],
    }


def packed(values: np.ndarray) -> str:
    """Numbers as base64 of little-endian doubles.

    >>> packed(np.array([1.0]))
    'AAAAAAAA8D8='
    """
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def _curves(table: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """The table of acceptability, a list by threshold for each strategy."""
    by_name = {name: rows for name, rows in table.groupby("strategy", sort=False)}
    first = by_name[names[0]]
    best = np.argmax([by_name[s]["on_frontier"].to_numpy() for s in names], axis=0)
    return {
        "threshold": first["threshold"].tolist(),
        "probability": [by_name[s]["probability"].tolist() for s in names],
        "loss": [by_name[s]["expected_loss"].tolist() for s in names],
        "best": best.tolist(),
        "evpi": first["evpi"].tolist(),
    }


def _tornado(results: Results) -> dict[str, Any]:
    """Increments at both ends of each parameter, and at the centre."""
    base = results.deterministic.set_index("case").loc["base"]
    rows = [
        {
            "label": as_ratio(r["description"]),
            "unit": as_ratio(r["unit"]).replace("{currency}", results.problem.country.currency),
            "status": STATUS_WORDS[r["status"]],
            "ends": [
                {
                    "value": entered(r[e], r["unit"]),
                    "cost": r[f"cost_{e}"],
                    "qalys": r[f"qalys_{e}"],
                }
                for e in ("low", "high")
            ],
        }
        for _, r in results.tornado.iterrows()
    ]
    known = bool(np.isfinite(base["cost"]))  # else there are no rows either
    centre = {k: float(base[k]) if known else None for k in ("cost", "qalys")}
    return {"bars": BARS, "rows": rows, "base": centre}
