"""Severity: the shortfall of health, and the threshold it gives."""

from __future__ import annotations

import pandas as pd

from heor.decision.severity import Severity
from heor.decision.thresholds import SEVERITY
from heor.report.format.blocks import Block, paragraphs
from heor.report.format.choice import difference, label_of, run_choices
from heor.report.format.words import TOO_FEW, chance_words, money
from heor.runs.results import Results


def severity(results: Results) -> list[Block]:
    """The shortfall, its class, and the threshold that follows."""
    found, problem = results.decision.severity, results.problem
    if found is None:
        return []
    currency = problem.country.currency
    classes = found.class_probabilities
    likely = "; ".join(
        f"{_class_words(found, r)}: {r['probability']:.0%}"
        for _, r in classes.iterrows()
        if r["probability"] >= 0.005
    )
    ages = "; ".join(
        f"from {r['age']:.0f}: {_class_words(found, r)}" for _, r in found.class_ages.iterrows()
    )
    unit = "weight on QALYs" if found.weight_on == "qalys" else f"{currency} per QALY"
    kind = "discounted" if found.discounted else "undiscounted"
    return paragraphs(
        f"Remaining QALYs of the population at {problem.start_age:g}: {found.remaining_qalys:.2f}; "
        f"with the comparator: {found.comparator_qalys:.2f} ({kind}, mean of the draws). "
        f"{_shortfall_words(found)}: {_threshold_words(found, currency)}",
        f"Class of the shortfall over draws ({unit}): {likely}.",
        f"The starting age is one value. By age at treatment, with the comparator's QALYs unchanged "
        f"({unit}): {ages}.",
    )


def _shortfall_words(found: Severity) -> str:
    absolute = f"bsolute shortfall {found.shortfall:.2f}"
    proportional = f"roportional shortfall {found.proportional_shortfall:.3f}"
    if found.rule == "absolute_shortfall":
        return f"A{absolute}"
    if found.rule == "proportional_shortfall":
        return f"P{proportional}"
    return f"A{absolute}, p{proportional}, the more severe class of the two"


def _class_words(found: Severity, row: pd.Series) -> str:
    """A class by what it is called: its weight on QALYs, or its threshold."""
    if found.weight_on == "qalys":
        return f"{row['weight']:g}"
    return "no reference value" if pd.isna(row["threshold"]) else f"{row['threshold']:,.0f}"


def _threshold_words(found: Severity, currency: str) -> str:
    if found.threshold is None:
        return "no reference value; tables and figures use the country's thresholds."
    one = "Tables and figures use this one threshold, unless they say otherwise."
    if found.weight_on == "qalys":
        return (
            f"weight {found.weight:g} on QALYs. {found.base_threshold:,.0f} {currency} for a weighted "
            f"QALY is the same as {found.threshold:,.0f} {currency} for an unweighted one; QALYs are "
            f"shown unweighted. {one}"
        )
    weighs = found.class_probabilities["weight"].nunique() > 1
    weight = f"weight {found.weight:g}, " if weighs else ""
    return f"{weight}threshold {found.threshold:,.0f} {currency} per QALY. {one}"


def threshold_rows(results: Results) -> pd.DataFrame:
    """Net benefit, chances and EVPI at each threshold; of more than two strategies the best first."""
    problem, currency = results.problem, results.problem.country.currency
    found, few = run_choices(results), results.simulation.outcomes.are_few

    def sure(value: str) -> str:
        return TOO_FEW if few else value

    rows = []
    for _, r in results.decision.tables["net_benefit"].iterrows():
        own = found.get(r["threshold_name"])
        likely = sure(f"{r['probability']:.1%} (SE {r['probability_se']:.1%})")
        wrong = {"Chance of a wrong decision": sure(f"{r['error_probability']:.1%}")}
        evpi = f"{money(r['evpi'])} (SE {money(r['evpi_se'])})"
        evpi = {f"EVPI a patient ({currency})": sure(evpi)}
        interval = {"95 % interval": sure(f"{money(r['low'])} to {money(r['high'])}")}
        row = {
            f"Threshold ({currency} per QALY)": f"{r['threshold']:,.0f}"
            + (" (severity)" if r["threshold_name"] == SEVERITY else "")
        }
        if own is None:
            row |= {f"Net benefit ({currency})": money(r["net_benefit"]), **interval}
            row |= {chance_words(problem.country): likely, **wrong, **evpi}
        else:
            best = own.chances[own.strategy], own.chances_se[own.strategy]
            row["Best of all on average"] = label_of(problem, own.strategy)
            row["Chance that it is the best"] = sure(f"{best[0]:.1%} (SE {best[1]:.1%})")
            row |= {**wrong, **evpi}
            row[f"Net benefit of {difference(problem)} ({currency})"] = money(r["net_benefit"])
            row |= {**interval, "Probability above zero": likely}
        rows.append(row)
    return pd.DataFrame(rows)
