"""What would change the answer: tipping points, value-based prices, what would have to be true."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.decision.crossings import WhatIfMap
from heor.report.section_drivers import reference
from heor.report.words import STATUS_WORDS, plain, table
from heor.results import Results


def what_if(results: Results) -> str:
    """Empty where nothing was asked."""
    parts = [_tipping(results), _prices(results), *(_map(results, m) for m in results.maps)]
    parts = [p for p in parts if p]
    return "\n\n".join(["## What would change the answer", *parts]) if parts else ""


def _tipping(results: Results) -> str:
    frame = results.tipping
    if frame.empty:
        return ""
    found = frame[frame["value"].notna()]
    searched = frame["parameter"].nunique()
    rows = tipping_rows(results)
    several = found.groupby(["parameter", "threshold_name"]).size()
    twice = sorted({str(p) for p, _ in several[several > 1].index})
    text = [
        f"Tipping points: each parameter at a fixed value, the rest uncertain as in the run; mean net benefit "
        f"over common draws (SE: Monte Carlo, of the crossing). {searched} parameters were searched over their whole range (those that act on "
        "survival, and those whose interval matters); the others cannot turn the answer by themselves."
    ]
    if len(rows):
        text.append(table(rows, left=2))
    else:
        text.append("None of them turns the answer by itself.")
    if twice:
        text.append(f"Net benefit crosses nil more than once along {', '.join(twice)}.")
    if len(rows):
        text.append(
            "A large SE means that net benefit is close to nil over a range, not at a point."
        )
    text.append("Also those that do not turn it: `tables/tipping_points.csv`.")
    return "\n\n".join(text)


def tipping_rows(results: Results) -> pd.DataFrame:
    """Where each parameter turns the answer, at every threshold; empty where none does."""
    frame, currency = results.tipping, results.problem.country.currency
    if frame.empty:
        return pd.DataFrame()
    found = frame[frame["value"].notna()]
    rows = [
        {
            "Parameter": r["description"],
            "Unit": r["unit"],
            f"{currency} per QALY": f"{r['threshold']:,.0f}",
            "Net benefit above nil": f"{'above' if r['worth_above'] else 'below'} {_value(r)}",
            "SE": plain(r["se"]) if r["se"] == r["se"] else "",
            "Chance that it is not on that side": f"{r['probability']:.0%}",
            "Status": STATUS_WORDS[r["status"]],
        }
        for _, r in found.iterrows()
    ]
    return pd.DataFrame(rows)


def _value(row: pd.Series) -> str:
    """As entered; a log hazard ratio also as a ratio."""
    if row["unit"] == "log hazard ratio":
        return f"{row['value']:.2f} (hazard ratio {np.exp(row['value']):.2f})"
    return plain(row["value"])


def _prices(results: Results) -> str:
    frame = results.prices
    if frame.empty:
        return ""
    currency = results.problem.country.currency
    rows = [
        {
            "Price": r["description"],
            "Unit": r["unit"],
            "Now": plain(r["current"]),
            f"{currency} per QALY": f"{r['threshold']:,.0f}",
            "Largest worth paying": plain(r["price"])
            if r["price"] == r["price"]
            else "no limit: a higher price makes the intervention more worth while"
            if r["worth_rises"]
            else "none: net benefit is below nil even at no price",
            "Change": f"{r['change']:+.0%}" if r["change"] == r["change"] else "",
        }
        for _, r in frame.iterrows()
    ]
    return "Value-based price: where mean net benefit is nil.\n\n" + table(
        pd.DataFrame(rows), left=2
    )


def _map(results: Results, shown: WhatIfMap) -> str:
    name, threshold = reference(results.decision)
    currency = results.problem.country.currency
    question = shown.what_if
    text = [f"### {question.label}", question.note]
    frame = shown.crossings
    rows = []
    if question.y is None:
        for _, r in frame.iterrows():
            rows.append(
                {
                    "Scenario": shown.labels[r["scenario"]],
                    f"{currency} per QALY": f"{r['threshold']:,.0f}",
                    question.x.label: _side(r),
                }
            )
    else:
        for x, own in frame.groupby("x"):
            row = {question.x.label: f"{x:.3g}"}
            for label, value in results.decision.thresholds:
                at = own[own["threshold_name"] == label]
                row[f"At {value:,.0f}"] = ", ".join(_side(r) for _, r in at.iterrows())
            rows.append(row)
        text.append(f"{question.y.label} at which net benefit is above nil:")
    text.append(table(pd.DataFrame(rows), left=2 if question.y is None else 1))
    here = [
        f"{axis.label.lower()} {shown.centre[axis.name]:.3g}"
        for axis in (question.x, question.y)
        if axis is not None and axis.name in shown.centre
    ]
    if here and question.y is not None:
        text.append(f"This run (median): {'; '.join(here)}.")
    return "\n\n".join(t for t in text if t)


def _side(row: pd.Series) -> str:
    if np.isnan(row["value"]):
        return "always" if row["worth_above"] else "never"
    return f"{'above' if row['worth_above'] else 'below'} {row['value']:.3g}"
