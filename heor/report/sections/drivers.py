"""What the answer rests on: parameters, structural scenarios, severity, uncertainty."""

from __future__ import annotations

import pandas as pd

from heor.decision.thresholds import column
from heor.left_out import ONE_WAY, SCENARIO
from heor.problem.parameter import UNCERTAIN_STATUSES
from heor.questions.one_way_cases import only_before_draws
from heor.report import outline
from heor.report.format import frames
from heor.report.format.blocks import Block, Paragraph, bullets, paragraphs, table
from heor.report.format.choice import (
    differences,
    has_partners,
    has_several,
    label_of,
    pairwise_note,
)
from heor.report.format.left_out import left_out, no_drivers
from heor.report.format.words import (
    STATUS_WORDS,
    as_ratio,
    chance,
    entered,
    money,
    parameter_label,
    ratio_words,
    years,
)
from heor.report.sections.answer import caveat
from heor.runs.results import Results
from heor.usage.usage import before_draws, used_parameters

DRIVERS = 12  # parameters shown


def key_assumptions(results: Results) -> list[Block]:
    """The parameters that move the answer most, with their status."""
    problem = results.problem
    unverified = ", ".join(problem.country.unverified) or "none"
    used = used_parameters(problem)
    fixed = [
        p.description
        for name, p in problem.parameters.items()
        if name in used and p.is_fixed and p.status in UNCERTAIN_STATUSES
    ]
    first, *more = no_drivers(results) or [_moved_most(results)]
    return [
        *paragraphs(pairwise_note(problem), f"{caveat(results)} {first}", *more),
        *([] if results.tornado.empty else table(driver_rows(results))),
        *paragraphs(
            *_beyond_the_table(results),
            f"Assumptions without an interval are not varied here (`--set` changes them): {'; '.join(fixed)}."
            if fixed
            else "",
            f"Country rules not verified in their source: {unverified}. Every parameter with its "
            "source, status and the file and line it came from: `tables/parameters.csv`.",
        ),
    ]


def _moved_most(results: Results) -> str:
    """The parameters that move net benefit most, and what they are compared with."""
    currency = results.problem.country.currency
    name, threshold = results.decision.headline
    base = results.deterministic.iloc[0]
    central = threshold * base["qalys"] - base["cost"]
    benefits = results.decision.tables["net_benefit"].set_index("threshold_name")["net_benefit"]
    return (
        "Those that move it most, each over its own 95 % interval with the "
        "rest at their central values (what turns the decision on average over draws is under "
        f"*{outline.heading('tipping')}*){'; one that is correlated with it moves along' if has_partners(results) else ''} "
        f"(threshold {threshold:,.0f} {currency} per QALY). With all at their "
        f"central values net benefit is {money(central)} {currency}; the answer above is the "
        f"mean over draws{', which rare large gains raise' if benefits[name] > central else ''}."
    )


def _beyond_the_table(results: Results) -> list[str]:
    """Parameters that one-way sensitivity does not move, or not wholly, each kind a paragraph."""
    if results.tornado.empty:
        return []
    found = left_out(results, f"{ONE_WAY} of")
    problem = results.problem
    before = only_before_draws(problem)
    if before:
        listed = "; ".join(f"{parameter_label(problem, n)} ({on})" for n, on in before.items())
        found.append(
            f"Not among them, because they act before anything is drawn: {listed}. `heor what-if NAME` makes "
            "the run again for each value."
        )
    both = [n for n in before_draws(problem) if n in set(results.tornado["parameter"])]
    if both:
        listed = ", ".join(parameter_label(problem, n) for n in both)
        found.append(
            f"Moved with the survival fits and draws as they are, though it acts on them too: {listed}."
        )
    return found


def driver_rows(results: Results) -> pd.DataFrame:
    """The parameters that move the net benefit most, at both ends of their 95 % interval."""
    name, _ = results.decision.headline
    currency = results.problem.country.currency
    rows = [
        {
            "Parameter": as_ratio(r["description"]),
            "Low": entered(r["low"], r["unit"]),
            "High": entered(r["high"], r["unit"]),
            "Unit": as_ratio(r["unit"]),
            f"Net benefit at low ({currency})": money(r[column("net_benefit", name, "low")]),
            f"Net benefit at high ({currency})": money(r[column("net_benefit", name, "high")]),
            "Status": STATUS_WORDS[r["status"]],
        }
        for _, r in results.tornado.head(DRIVERS).iterrows()
    ]
    return pd.DataFrame(rows)


def scenario_rows(results: Results) -> pd.DataFrame:
    """The run and its scenarios: increments, ICER, and the chance at each threshold."""
    currency = results.problem.country.currency
    rows = []
    for _, r in frames.companion_table(results).iterrows():
        row = {
            "Scenario": r["scenario"],
            f"Cost ({currency})": money(r["cost"]),
            "QALYs": years(r["qalys"]),
            f"ICER ({currency} per QALY; 95 % Monte Carlo interval)": ratio_words(
                r["icer"], r["icer_low"], r["icer_high"], r["icer_label"]
            ),
        }
        for name, threshold in results.decision.thresholds:
            row |= chance_cells(results, r, name, threshold)
        rows.append(row)
    return pd.DataFrame(rows)


def chance_cells(results: Results, row: pd.Series, name: str, threshold: float) -> dict[str, str]:
    """How likely the decision is right at a threshold, of a run among others.

    With two strategies the chance of the intervention; with more the best of all and its chance.
    """
    problem, draws = results.problem, results.simulation.outcomes.n
    if not has_several(problem):
        return {f"Chance at {threshold:,.0f}": chance(row[column("probability", name)], draws)}
    best = row.get(column("best", name))
    words = "-"
    if isinstance(best, str):
        likely = chance(row[column("best", name, "probability")], draws)
        words = f"{label_of(problem, best)} ({likely})"
    return {f"Best at {threshold:,.0f} (chance)": words}


def structural_scenarios(results: Results) -> list[Block]:
    """The structural scenarios of the run, and why each is there."""
    problem = results.problem
    whys = {c.label: c.why for c in results.companions}
    failed = left_out(results, SCENARIO)
    if not whys:
        return paragraphs(*failed)
    return [
        *table(scenario_rows(results)),
        Paragraph(f"D{differences(problem)[1:]}, on the same random numbers as this run."),
        *bullets(f"**{label}**: {why}" for label, why in whys.items() if why),
    ]
