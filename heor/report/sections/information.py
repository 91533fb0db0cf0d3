"""What it would be worth to know more: EVPI, groups of parameters and single ones."""

from __future__ import annotations

import pandas as pd

from heor.left_out import TRIAL
from heor.problem.problem import DecisionProblem
from heor.questions.research_priorities import PEOPLE, YEARS, population
from heor.report.format.blocks import Block, Paragraph, bullets, paragraphs, table
from heor.report.format.left_out import left_out, no_information
from heor.report.format.words import STATUS_WORDS, money, parameter_label
from heor.report.sections import trial as page_trial
from heor.runs.results import Results

SINGLE = 8  # parameters shown by themselves
FIRST = 8  # inputs to find a better source for


def value_of_information(results: Results) -> list[Block]:
    """A row for each group and the parameters worth most; empty without the analysis."""
    frame = results.information
    if frame.empty:
        return paragraphs(*no_information(results))
    problem, currency = results.problem, results.problem.country.currency
    name, threshold = results.decision.headline
    own = frame[frame["threshold_name"] == name].set_index("name")
    whole = own.loc["all"]
    groups = own[own["kind"] == "group"].sort_values("value", ascending=False)
    single = own[(own["kind"] == "single") & (own["value"] > 0)]
    single = single.sort_values("value", ascending=False).head(SINGLE)
    rows = [_row(problem, n, r, whole["value"]) for n, r in pd.concat([groups, single]).iterrows()]
    care = ""
    if own["has_residual_pattern"].any():
        flagged = ", ".join(own.index[own["has_residual_pattern"]])
        care = f"**The regression left a pattern in its residuals for {flagged}: read with care.**"
    return [
        Paragraph(
            f"Knowing everything before deciding would be worth {money(whole['value'])} {currency} (SE "
            f"{money(whole['se'])}) a patient at {threshold:,.0f} {currency} per QALY"
            + _population(problem, whole["value"])
            + ". Knowing only some parameters:"
        ),
        *table(pd.DataFrame(rows), subject="knowing only some parameters"),
        *paragraphs(
            "Conditional mean net benefit by regression over draws (splines; polynomials with interactions for "
            "groups; boosted trees, cross-fitted, for large ones); SE of regression and draws. Parameters may be worth much together and nothing apart; those not "
            "shown are worth nothing by themselves. All parameters and thresholds: `tables/information.csv`.",
            care,
        ),
        *_research_priorities(results),
    ]


def value_of_trial(results: Results) -> list[Block]:
    """The answer of the trial's own page."""
    if results.trial is None or results.problem.trial is None:
        return paragraphs(*left_out(results, TRIAL))
    return [
        *bullets(page_trial.answer(results)),
        Paragraph("Power, follow-up, other designs and method: `trial.md`."),
    ]


def trial_label(results: Results) -> str:
    """What the trial is called in headings."""
    if results.trial is None or results.problem.trial is None:
        return "the trial"
    return results.problem.trial.label


def _row(problem: DecisionProblem, name: str, found: pd.Series, whole: float) -> dict[str, str]:
    parameter = problem.parameters.get(name)
    status = STATUS_WORDS[parameter.status] if parameter else ""
    if found["kind"] == "group":
        status = f"{len(problem.settings.information[name])} parameters together"
    return {
        "What": f"**{name}**" if found["kind"] == "group" else parameter_label(problem, name),
        f"Worth a patient ({problem.country.currency})": money(found["value"]),
        "SE": money(found["se"]),
        **_in_all(problem, found["value"]),
        "Share of all": f"{found['value'] / whole:.0%}" if whole > 0 else "-",
        "Status": status + (" (check)" if found["has_residual_pattern"] else ""),
    }


def _in_all(problem: DecisionProblem, value: float) -> dict[str, str]:
    patients = population(problem)
    return {} if patients is None else {"In all, million": f"{value * patients / 1e6:,.1f}"}


def _population(problem: DecisionProblem, value: float) -> str:
    """The value over the patients of the years a decision holds, where the inputs say how many."""
    patients = population(problem)
    if patients is None:
        return ""
    people, years = problem.parameters[PEOPLE], problem.parameters[YEARS]
    return (
        f", and {value * patients / 1e6:,.1f} million {problem.country.currency} over the "
        f"{people.mean:,.0f} patients a year for {years.mean:g} years (discounted; "
        f"{STATUS_WORDS[people.status]})"
    )


def _research_priorities(results: Results) -> list[Block]:
    """Assumed or unverified inputs, those worth most to find a better source for first."""
    frame = results.research_priorities.head(FIRST)
    if frame.empty:
        return []
    currency = results.problem.country.currency
    rows = pd.DataFrame(
        {
            "First": [f"{r}" for r in frame["rank"]],
            "Input": frame["description"],
            "Status": [STATUS_WORDS[s] for s in frame["status"]],
            f"Worth a patient ({currency})": [
                f"{money(r['evppi'])} at {r['threshold']:,.0f}" if r["evppi"] >= 50 else "0"
                for _, r in frame.iterrows()
            ],
            "Its interval moves net benefit by": [money(x) for x in frame["range"]],
        }
    )
    words = (
        "Which inputs to find a better source for first: those assumed or not verified, at the threshold "
        "where knowing them is worth most. All of them: `tables/research_priorities.csv`."
    )
    subject = "which inputs to find a better source for first"
    return [Paragraph(words), *table(rows, left=3, subject=subject)]
