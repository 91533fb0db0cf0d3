"""What the answer rests on: parameters, structural scenarios, severity, uncertainty."""

from __future__ import annotations

import pandas as pd

from heor.inputs.problem import UNCERTAIN_STATUSES
from heor.inputs.usage import used_parameters
from heor.report import tables
from heor.report.section_answer import caveat
from heor.report.words import STATUS_WORDS, icer_words, money, plain, significant, table, years
from heor.results import Decision, Results


def rests_on(results: Results) -> str:
    """The parameters that move the answer most, with their status."""
    problem = results.problem
    name, threshold = reference(results.decision)
    top, base = results.tornado.head(12), results.deterministic.iloc[0]
    rows = [
        {
            "Parameter": r["description"],
            "Low": plain(r["low"]),
            "High": plain(r["high"]),
            "Unit": r["unit"],
            f"Net benefit at low ({problem.country.currency})": money(r[f"net_benefit_{name}_low"]),
            "at high": money(r[f"net_benefit_{name}_high"]),
            "Status": STATUS_WORDS[r["status"]],
        }
        for _, r in top.iterrows()
    ]
    unverified = ", ".join(problem.country.unverified) or "none"
    used = used_parameters(problem)
    fixed = [
        p.description
        for name, p in problem.parameters.items()
        if name in used and p.is_fixed and p.status in UNCERTAIN_STATUSES
    ]
    return "\n".join(
        [
            "## What the answer rests on",
            "",
            caveat(results) + " Those that move it most, each over its own 95 % interval with the "
            "rest at their central values; correlated hazard ratios move together, unit costs one at a "
            f"time (threshold {threshold:,.0f} {problem.country.currency} per QALY). With all at their "
            f"central values net benefit is {money(threshold * base['qalys'] - base['cost'])} "
            f"{problem.country.currency}; the answer above is the mean over draws, which rare large gains "
            "raise.",
            "",
            table(pd.DataFrame(rows)),
            "",
            f"Assumptions without an interval are not varied here (`--set` changes them): "
            f"{'; '.join(fixed)}.",
            "",
            f"Country rules not verified in their source: {unverified}. Every parameter with its "
            "source, status and the file and line it came from: `tables/parameters.csv`.",
        ]
    )


def reference(decision: Decision) -> tuple[str, float]:
    """The threshold tables and figures turn on: severity-weighted, or the last one."""
    for name, threshold in decision.thresholds:
        if name == "severity":
            return name, threshold
    return decision.thresholds[-1]


def beside(results: Results) -> str:
    frame = tables.companion_table(results)
    whys = {c.label: c.why for c in results.companions}
    if len(frame) < 2:
        return ""
    currency = results.problem.country.currency
    rows = []
    for _, r in frame.iterrows():
        row = {
            "Scenario": r["scenario"],
            f"Cost ({currency})": money(r["cost"]),
            "QALYs": years(r["qalys"]),
            f"ICER ({currency} per QALY)": icer_words(
                r["cost"], r["qalys"], r["icer"], r["icer_label"], ""
            ).strip(),
        }
        for name, threshold in results.decision.thresholds:
            row[f"Chance at {threshold:,.0f}"] = f"{r[f'probability_{name}']:.0%}"
        rows.append(row)
    text = [f"- **{label}**: {why}" for label, why in whys.items() if why]
    return "\n".join(
        [
            "## Structural scenarios that could change the decision",
            "",
            table(pd.DataFrame(rows)),
            "",
            "Differences against the comparator, on the same random numbers as this run.",
            "",
            *text,
        ]
    )


def severity(results: Results) -> str:
    found, problem = results.decision.severity, results.problem
    if found is None:
        return ""
    currency = problem.country.currency
    classes = found.class_probabilities
    likely = "; ".join(
        f"{r['threshold']:,.0f}: {r['probability']:.0%}"
        for _, r in classes.iterrows()
        if r["probability"] >= 0.005
    )
    ages = "; ".join(
        f"from {r['age']:.0f}: {r['threshold']:,.0f}" for _, r in found.class_ages.iterrows()
    )
    return "\n".join(
        [
            "## Severity and threshold",
            "",
            f"Remaining QALYs of the population at {problem.start_age:g}: {found.remaining_qalys:.2f}; "
            f"with the comparator: {found.comparator_qalys:.2f} (undiscounted mean). Absolute shortfall "
            f"{found.shortfall:.2f}: weight {found.weight:g}, threshold {found.threshold:,.0f} "
            f"{currency} per QALY. All tables and figures here use this one threshold.",
            "",
            f"Class of the shortfall over draws ({currency} per QALY): {likely}.",
            "",
            f"The starting age is one value. By age at treatment, with the comparator's QALYs unchanged "
            f"({currency} per QALY): {ages}.",
        ]
    )


def uncertainty(results: Results) -> str:
    currency = results.problem.country.currency
    rows = [
        {
            f"Threshold ({currency} per QALY)": f"{r['threshold']:,.0f}"
            + (" (severity)" if r["threshold_name"] == "severity" else ""),
            "Net benefit": money(r["net_benefit"]),
            "95 % interval": f"{money(r['low'])} to {money(r['high'])}",
            "Chance cost-effective": f"{r['probability']:.1%} (SE {r['probability_se']:.1%})",
            "EVPI a patient": f"{money(r['evpi'])} (SE {money(r['evpi_se'])})",
        }
        for _, r in results.decision.tables["net_benefit"].iterrows()
    ]
    base = results.deterministic.iloc[0]
    families = results.deterministic.iloc[1:]
    alone = "; ".join(
        f"{r['case'].removeprefix('family ').replace('_', ' ')} {r['qalys']:+.2f} QALYs, "
        f"{significant(r['icer'])}"
        for _, r in families.iterrows()
    )
    return "\n".join(
        [
            "## How sure",
            "",
            table(pd.DataFrame(rows)),
            "",
            f"With every input at its central value: {base['qalys']:+.2f} QALYs, "
            f"{money(base['cost'])} {currency}, {significant(base['icer'])} {currency} per QALY "
            "(differs from the mean over draws because the model is not linear)."
            + (
                f" By survival family, at central values ({currency} per QALY): {alone}."
                if alone
                else ""
            ),
        ]
    )
