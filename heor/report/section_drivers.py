"""What the answer rests on: parameters, structural scenarios, severity, uncertainty."""

from __future__ import annotations

import pandas as pd

from heor.decision.sensitivity import only_before_draws
from heor.decision.severity import Severity
from heor.inputs.problem import UNCERTAIN_STATUSES
from heor.inputs.usage import before_draws, used_parameters
from heor.report import outline, tables
from heor.report.blocks import Block, Paragraph, bullets, paragraphs, table
from heor.report.choice import (
    difference,
    differences,
    has_several,
    label_of,
    pairwise_note,
    run_choices,
)
from heor.report.left_out import left_out, no_drivers
from heor.report.section_answer import caveat
from heor.report.words import (
    STATUS_WORDS,
    TOO_FEW,
    as_ratio,
    chance,
    chance_words,
    entered,
    money,
    parameter_label,
    ratio_words,
    significant,
    too_few,
    years,
)
from heor.results import ONE_WAY, SCENARIO, Decision, Results

DRIVERS = 12  # parameters shown


def rests_on(results: Results) -> list[Block]:
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
    name, threshold = reference(results.decision)
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


def has_partners(results: Results) -> bool:
    """Whether some parameters are moved together, because they are correlated in pairs."""
    return any(c.pair is not None or c.matrix is not None for c in results.problem.correlations)


def driver_rows(results: Results) -> pd.DataFrame:
    """The parameters that move the net benefit most, at both ends of their 95 % interval."""
    name, _ = reference(results.decision)
    currency = results.problem.country.currency
    rows = [
        {
            "Parameter": as_ratio(r["description"]),
            "Low": entered(r["low"], r["unit"]),
            "High": entered(r["high"], r["unit"]),
            "Unit": as_ratio(r["unit"]),
            f"Net benefit at low ({currency})": money(r[f"net_benefit_{name}_low"]),
            f"Net benefit at high ({currency})": money(r[f"net_benefit_{name}_high"]),
            "Status": STATUS_WORDS[r["status"]],
        }
        for _, r in results.tornado.head(DRIVERS).iterrows()
    ]
    return pd.DataFrame(rows)


def reference(decision: Decision) -> tuple[str, float]:
    """The threshold tables and figures turn on: severity-weighted, or the last one."""
    for name, threshold in decision.thresholds:
        if name == "severity":
            return name, threshold
    return decision.thresholds[-1]


def scenario_rows(results: Results) -> pd.DataFrame:
    """The run and the scenarios beside it: increments, ICER, and the chance at each threshold."""
    currency = results.problem.country.currency
    rows = []
    for _, r in tables.companion_table(results).iterrows():
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
    """How likely the decision is right at a threshold, of a run beside others.

    With two strategies the chance of the intervention; with more the best of all and its chance.
    """
    problem, draws = results.problem, results.simulation.outcomes.n
    if not has_several(problem):
        return {f"Chance at {threshold:,.0f}": chance(row[f"probability_{name}"], draws)}
    best = row.get(f"best_{name}")
    words = "-"
    if isinstance(best, str):
        likely = chance(row[f"best_{name}_probability"], draws)
        words = f"{label_of(problem, best)} ({likely})"
    return {f"Best at {threshold:,.0f} (chance)": words}


def beside(results: Results) -> list[Block]:
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
            + (" (severity)" if r["threshold_name"] == "severity" else "")
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
            row |= {**interval, "Chance above nil": likely}
        rows.append(row)
    return pd.DataFrame(rows)


def uncertainty(results: Results) -> list[Block]:
    """Chances by threshold, whether the draws are enough, and the deterministic answer."""
    currency = results.problem.country.currency
    base = results.deterministic.iloc[0]
    families = results.deterministic.iloc[1:]
    alone = "; ".join(
        f"{r['case'].removeprefix('family ').replace('_', ' ')} {r['qalys']:+.2f} QALYs, "
        f"{significant(r['icer'])}"
        for _, r in families.iterrows()
    )
    return [
        *table(threshold_rows(results)),
        Paragraph(_enough(results)),
        Paragraph(
            (
                f"With every input at its central value: {base['qalys']:+.2f} QALYs, "
                f"{money(base['cost'])} {currency}, {significant(base['icer'])} {currency} per QALY "
                "(differs from the mean over draws because the model is not linear)."
                if base["qalys"] == base["qalys"]
                else "The answer with every input at its central value could not be computed."
            )
            + (
                f" By survival family, at central values ({currency} per QALY): {alone}."
                if alone
                else ""
            )
        ),
    ]


def _enough(results: Results) -> str:
    """Whether the draws are enough, and how many would be."""
    if results.simulation.outcomes.are_few:
        return f"Monte Carlo error: {too_few(results.simulation.outcomes.n)}."
    frame = results.decision.tables["convergence"]
    last = frame[frame["draws"] == frame["draws"].max()]
    draws = results.simulation.outcomes.n
    icer = results.decision.tables["icer"].iloc[0]
    interval = (
        f" The ICER's 95 % Monte Carlo interval is {significant(icer['low'])} to "
        f"{significant(icer['high'])}."
        if icer["low"] == icer["low"]
        else ""
    )
    worst = last.loc[last["draws_needed"].idxmax()]
    if worst["draws_needed"] <= draws:
        words = f"{draws:,} draws are enough"
    else:
        words = f"{worst['measure']} needs {worst['draws_needed']:,.0f} draws instead of {draws:,}"
    return (
        f"{words} for a standard error of 1 % of a QALY, of the threshold (net benefit), of the ICER and 1 "
        f"point of the chance (EVPI 5 %; `tables/convergence.csv`).{interval} SE: Monte Carlo, of the mean over "
        "draws. Differences are computed before rounding."
    )
