"""What would change the answer: tipping points, value-based prices, what would have to be true."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.left_out import MAP, PRICES, TIPPING, WHAT_IF
from heor.questions.crossings import WhatIfMap
from heor.questions.response import DRAWS
from heor.report.format.blocks import Block, Heading, Paragraph, paragraphs, table
from heor.report.format.choice import alone, pairwise_note
from heor.report.format.left_out import left_out
from heor.report.format.words import (
    LOG_RATIO,
    STATUS_WORDS,
    as_ratio,
    entered,
    parameter_label,
    plain,
)
from heor.runs.results import Results
from heor.usage.usage import before_draws, names_in_draws
from heor.valuation.simulate import KEPT_DRAWS

ABOVE, CHANCE = "Net benefit positive", "Probability of that range"
#: What these cases are evaluated on.
VALUED = f"prices and utilities over {{}}, nothing simulated again; the others on at most {DRAWS} draws, the same in every case, taken to all by regression"


def what_if(results: Results) -> list[Block]:
    """Empty where nothing was asked."""
    found = [
        *paragraphs(*left_out(results, WHAT_IF)),
        *_tipping(results),
        *paragraphs(*left_out(results, TIPPING)),
        *_prices(results),
        *paragraphs(*left_out(results, PRICES)),
        *(block for m in results.maps for block in _map(results, m)),
        *paragraphs(*left_out(results, MAP)),
    ]
    return [*paragraphs(pairwise_note(results.problem)), *found] if found else []


def _tipping(results: Results) -> list[Block]:
    frame = results.tipping
    if frame.empty:
        return []
    searched = frame["parameter"].nunique()
    rows = tipping_rows(results)
    text = (
        f"Tipping points: each parameter at a fixed value, the rest uncertain as in the run; mean net benefit "
        f"({VALUED.format(_kept(results))}; SE: Monte Carlo, of the crossing). {searched} parameters were searched over their whole range (those that act on "
        "survival, and those whose interval matters); no other uncertain parameter of the draws can turn it by "
        f"itself.{_not_searched(results)}"
    )
    found: list[Block] = [Paragraph(text)]
    if len(rows):
        words = (
            "A large SE means that net benefit is close to zero over a range, not at a point. Net benefit can "
            "fall while survival improves, where the care of the time gained costs more than the "
            "threshold pays for it."
        )
        found += [*table(rows, left=2, subject="tipping points"), Paragraph(words)]
    else:
        found.append(Paragraph(f"None of them turns the answer by itself{alone(results.problem)}."))
    return [*found, Paragraph("Also those that do not turn it: `tables/tipping_points.csv`.")]


def _kept(results: Results) -> str:
    """Draws whose exposures were kept."""
    n = results.simulation.outcomes.n
    return "all draws" if n <= KEPT_DRAWS else f"{KEPT_DRAWS:,} of the {n:,} draws"


def _not_searched(results: Results) -> str:
    """Parameters that act before the draws, and so are not moved here, or not wholly."""
    problem = results.problem
    before, drawn = before_draws(problem), names_in_draws(problem)
    used = [n for n in before if n in problem.parameters]
    words = ""
    outside = [parameter_label(problem, n) for n in used if n not in drawn]
    if outside:
        words = (
            f" Not searched, because they act before anything is drawn: {', '.join(outside)}; `heor what-if "
            "NAME` makes the run again for each value."
        )
    both = [n for n in used if n in drawn and n in set(results.tipping["parameter"])]
    if both:
        listed = ", ".join(parameter_label(problem, n) for n in both)
        words += f" Moved with the survival fits as they are: {listed}."
    return words


def tipping_rows(results: Results) -> pd.DataFrame:
    """Where each parameter turns the answer, at every threshold; empty where none does."""
    frame, currency = results.tipping, results.problem.country.currency
    if frame.empty:
        return pd.DataFrame()
    found = frame[frame["value"].notna()]
    rows = []
    for _, own in found.groupby(["parameter", "threshold_name"], sort=False):
        first = own.iloc[0]
        about = {
            "Parameter": as_ratio(first["description"]),
            "Unit": as_ratio(first["unit"]),
            f"{currency} per QALY": f"{first['threshold']:,.0f}",
        }
        rest = {"Status": STATUS_WORDS[first["status"]]}
        if _blurred(own):
            ends = (entered(v, first["unit"]) for v in (own["value"].min(), own["value"].max()))
            near = f"cannot be distinguished from zero between {' and '.join(ends)}"
            rows.append({**about, ABOVE: near, "SE": "", CHANCE: "", **rest})
            continue
        for _, r in own.iterrows():
            side = f"{'above' if r['worth_above'] else 'below'} {entered(r['value'], r['unit'])}"
            chance = f"{1 - r['probability']:.0%}"
            rows.append({**about, ABOVE: side, "SE": _error(r), CHANCE: chance, **rest})
    return pd.DataFrame(rows)


def _blurred(own: pd.DataFrame) -> bool:
    """Whether crossings of one line are nearer to each other than their Monte Carlo error tells apart."""
    at = own.sort_values("value")
    gaps, errors = np.diff(at["value"]), at["se"].fillna(np.inf).to_numpy()
    return bool((gaps < 1.96 * np.hypot(errors[1:], errors[:-1])).any())


def _error(row: pd.Series) -> str:
    """Of the crossing; of a hazard ratio by the delta method."""
    if row["se"] != row["se"]:
        return ""
    scale = np.exp(row["value"]) if row["unit"] == LOG_RATIO else 1.0
    return plain(scale * row["se"], 2)


def _prices(results: Results) -> list[Block]:
    frame = results.prices
    if frame.empty:
        return []
    currency = results.problem.country.currency
    labels = {name: s.label for name, s in results.problem.strategies.items()}
    rows = [
        {
            "Price": r["description"],
            "Unit": r["unit"],
            "Now": plain(r["current"], 3),
            f"{currency} per QALY": f"{r['threshold']:,.0f}",
            "Largest worth paying": plain(r["price"], 3)
            if r["price"] == r["price"]
            else "none: net benefit is negative even at a price of zero",
            "Change": f"{r['change']:+.0%}" if r["change"] == r["change"] else "",
            **({"Better above it": labels.get(r["against"], "")} if len(labels) > 2 else {}),
        }
        for _, r in frame[~frame["worth_rises"]].iterrows()
    ]
    rises = frame.loc[frame["worth_rises"], "description"].drop_duplicates()
    return [
        Paragraph(
            "Value-based price: the highest at which the intervention is the best strategy, by mean net benefit over "
            f"{_kept(results)}. A price that is uncertain is fixed at the value, in every draw."
        ),
        *(table(pd.DataFrame(rows), left=2, subject="value-based price") if rows else []),
        *paragraphs(
            *(
                f"{name[0].upper()}{name[1:]}: no limit, because the comparator pays more of it than the "
                "intervention."
                for name in rises
            )
        ),
    ]


def _map(results: Results, shown: WhatIfMap) -> list[Block]:
    name, threshold = results.decision.headline
    currency = results.problem.country.currency
    question = shown.what_if
    found: list[Block] = [Heading(question.label), *paragraphs(question.note)]
    subject = ""
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
        label = question.y.label
        found.append(Paragraph(f"{label} at which net benefit is positive:"))
        label = label[0].lower() + label[1:] if label[1:2].islower() else label  # no abbreviation
        subject = f"{label} at which net benefit is positive"
    found += table(pd.DataFrame(rows), left=2 if question.y is None else 1, subject=subject)
    here = [
        f"{axis.label.lower()} {shown.centre[axis.name]:.3g}"
        for axis in (question.x, question.y)
        if axis is not None and axis.name in shown.centre
    ]
    if here and question.y is not None:
        found.append(Paragraph(f"This run (median): {'; '.join(here)}."))
    return found


def _side(row: pd.Series) -> str:
    if np.isnan(row["value"]):
        return "always" if row["worth_above"] else "never"
    return f"{'above' if row['worth_above'] else 'below'} {row['value']:.3g}"
