"""The first page of the survival report: the answer of this layer, and what must be read with it."""

from __future__ import annotations

import math

import pandas as pd

from heor.problem.curve_types import RelativeCurve
from heor.report.format.blocks import Block, Paragraph
from heor.report.sections.method import accepted, run_notes, warned
from heor.report.survival.tables import rows
from heor.survival.fitting.model_draws import Unit
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.landmarks import AFTER, AVERAGE, BEFORE

METHODS = {
    "nuts": "NUTS",
    "laplace": "Laplace approximation with importance sampling (PSIS)",
}
ENDPOINTS = {
    "os": "overall survival",
    "pfs": "progression-free survival",
    "dfs": "disease-free survival",
}
SHOWN_FAMILIES = 4


def main_evidence(results: SurvivalResults) -> str:
    """Survival of the comparator, or the first fitted evidence."""
    problem = results.problem
    last = problem.settings.endpoints[-1]  # the time of death, whatever its name
    curve = problem.strategies[problem.settings.comparator].curves.get(last, RelativeCurve(""))
    if not isinstance(curve, RelativeCurve):
        return curve.evidence
    return next(iter(results.fits.comparison))[0]


def unit_of(results: SurvivalResults, evidence: str) -> Unit:
    """The unit an evidence was fitted in."""
    return next(u for u in results.fits.comparison if evidence in u)


def answer(results: SurvivalResults) -> str:
    """Which families carry the weight, survival before and after transport, and the tail's share."""
    evidence = main_evidence(results)
    own = results.problem.evidence[evidence]
    before, after = (_numbers(results, evidence, stage) for stage in (BEFORE, AFTER))
    text = (
        f"{_weights(results, unit_of(results, evidence))} for {own.label}. In the patients of the data "
        f"{before[0]}"
    )
    if after is not None:
        text += f"; after transport to the modelled patients {after[0]}"
    beyond = f"{before[1]:.0%} of mean survival lies beyond the last event in the data"
    if after is not None:
        beyond += f" ({after[1]:.0%} after transport)"
    return f"{text}. {beyond[0].upper() + beyond[1:]}{_tail(results, evidence)}."


def _weights(results: SurvivalResults, unit: Unit) -> str:
    """'Weibull (80 %) and gamma (20 %) carry the weight'."""
    table = results.fits.comparison[unit].table
    label = dict(zip(table["family"], table["label"], strict=True))
    share = sorted(results.fits.weights[unit].items(), key=lambda item: -item[1])
    named = [f"{label[f]} ({w:.0%})" for f, w in share[:SHOWN_FAMILIES]]
    if len(share) > SHOWN_FAMILIES:
        named.append(f"{len(share) - SHOWN_FAMILIES} more")
    words = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    verb = "carries" if len(named) == 1 else "carry"
    if results.problem.settings.extrapolation != "stacked" and len(table) == 1:
        return f"{words} was chosen by the analyst and {verb} all the weight"
    return f"{words} {verb} the weight"


def _numbers(results: SurvivalResults, evidence: str, stage: str) -> tuple[str, float] | None:
    """Median and five-year survival in words, and the share of the mean beyond the data."""
    where = {"evidence": evidence, "family": AVERAGE, "stage": stage}
    found = rows(results.tables["summary"], **where)
    if found.empty:
        return None
    s = found.iloc[0]
    at = rows(results.tables["landmarks"], **where)
    five = at[at["month"] == 60].iloc[0]
    words = (
        f"median {_endpoint(results, evidence)} is {_median(s)} and {five['mean']:.1%} "
        f"({five['low']:.1%} to {five['high']:.1%}) reach 5 years"
    )
    return words, float(s["share_beyond_data"])


def _median(found: pd.Series) -> str:
    """A median with its interval, either of which may lie beyond the horizon."""
    low, middle, high = (
        f"{found[f'median_{k}']:.1f}"
        if math.isfinite(found[f"median_{k}"])
        else "beyond the horizon"
        for k in ("low", "months", "high")
    )
    unit = " months" if math.isfinite(found["median_months"]) else ""
    return f"{middle}{unit} (95 % {low} to {high})"


def _endpoint(results: SurvivalResults, evidence: str) -> str:
    endpoint = results.problem.evidence[evidence].endpoint
    return ENDPOINTS.get(endpoint, f"time to {endpoint.replace('_', ' ')}")


def _tail(results: SurvivalResults, evidence: str) -> str:
    """The range of five-year survival over the families that have weight."""
    table = rows(results.tables["landmarks"], evidence=evidence, stage=BEFORE)
    five = table[(table["month"] == 60) & (table["weight"] > 0) & (table["family"] != AVERAGE)]
    if len(five) < 2:
        return ""
    low, high = five["mean"].min(), five["mean"].max()
    return f", and families with weight range from {low:.1%} to {high:.1%} at 5 years"


def first_page(results: SurvivalResults) -> list[Block]:
    """Accepted faults, cautions, and how the fits were made."""
    problem = results.problem
    fitted = ", ".join(f"{k} by {METHODS[m]}" for m, k in methods_used(results).items())
    return [
        Paragraph(f"{problem.country.label} · {problem.scenario_label} · {fitted}"),
        *accepted(results),
        *run_notes(problem),
        *warned(results.warnings or ["none"], "**Cautions and warnings**"),
    ]


def methods_used(results: SurvivalResults) -> dict[str, str]:
    """Method → '12 fits'."""
    found = pd.Series([p.method for p in results.fits.posteriors.values()]).value_counts()
    return {m: f"{n} curve{'s' if n > 1 else ''} fitted" for m, n in found.items()}
