"""Evidence, comparison of families, survival at landmarks and external targets, as text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.report.format.blocks import Block, Figure, Paragraph, bullets, table
from heor.report.survival.tables import rows
from heor.survival.fitting.choices import BESIDE
from heor.survival.sampler.psis import PARETO_K_MAX
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.landmarks import AVERAGE, BEFORE


def named(results: SurvivalResults, evidence: str) -> str:
    """'2nd-line FOLFIRI, OS'."""
    own = results.problem.evidence[evidence]
    return f"{own.label}, {own.endpoint.upper()}"


def evidence_section(results: SurvivalResults) -> list[Block]:
    """What was observed, and what was done to read it."""
    shown = [
        {
            "Evidence": f"{r['label']}, {r['endpoint'].upper()}",
            "Role": r["role"],
            "Form": r["form"].replace("_", " "),
            "Status": r["status"].replace("_", " "),
            "Source": r["source"],
            "n": f"{r['n']:,}",
            "Events": f"{r['events']:,}",
            "Median, mo": "-" if pd.isna(r["median_months"]) else f"{r['median_months']:.1f}",
            "Last event, mo": f"{r['last_event_months']:.1f}",
            "Follow-up, mo": f"{r['follow_up_months']:.1f}",
            "Still at risk near its end": f"{r['at_risk_near_end']:.1%}",
            "Background mortality": r["background"],
        }
        for _, r in results.tables["evidence"].iterrows()
    ]
    notes = [
        f"{r['label']}, {r['endpoint'].upper()}: {r['note']}"
        for _, r in results.tables["evidence"].iterrows()
        if r["note"]
    ]
    repairs = [
        f"{named(results, r['evidence'])}, reconstructed from the published curve: {r['repair']} "
        f"(largest distance from the clicks {r['max_difference']:.3f})"
        for _, r in results.tables["reconstruction"].iterrows()
    ]
    return [*table(pd.DataFrame(shown), 5), *bullets([*notes, *repairs])]


def fits_section(results: SurvivalResults) -> list[Block]:
    """Curves over the data, leave-one-out comparison and weights."""
    parts: list[Block] = []
    for unit in results.fits.comparison:
        parts += [Figure(f"fits_{n}", f"Fits: {named(results, n)}") for n in unit]
        parts += _comparison(results, unit)
    parts.append(Paragraph(_structure(results)))
    parts += [
        Paragraph(_correlation(results, unit, rho))
        for unit, rho in results.fits.correlations.items()
    ]
    return parts


def _comparison(results: SurvivalResults, unit: tuple[str, ...]) -> list[Block]:
    found = results.fits.comparison[unit].table
    used = results.fits.weights[unit]
    shown = [
        {
            "Family": r["label"],
            "Method": "-" if pd.isna(r["method"]) else r["method"],
            "elpd": _shown(r["elpd"], ",.1f"),
            "SE": _shown(r["se"], ".1f"),
            "Difference": _shown(r["difference"], ".1f"),
            "SE of it": _shown(r["difference_se"], ".1f"),
            "Effective parameters": _shown(r["p_loo"], ".1f"),
            "Largest Pareto k": _shown(r["pareto_k_max"], ".2f"),
            "Stacking weight": _shown(r["weight"], ".2f", "unknown"),
            "Share of draws": f"{used.get(r['family'], 0.0):.2f}",
            "Note": r["flag"],
        }
        for _, r in found.iterrows()
    ]
    bad = found[found["pareto_k_max"] > PARETO_K_MAX]
    k = (
        "No Pareto k is above 0.7: leave-one-out is reliable for every patient."
        if bad.empty
        else f"**Pareto k is above 0.7 for {', '.join(bad['label'])}: their leave-one-out figures and "
        "weights cannot be trusted for the patients counted in the note.**"
    )
    names = " and ".join(named(results, n) for n in unit)
    apart = APART if any(BESIDE in choice for choice in used) else ""
    return [
        Paragraph(
            f"Leave-one-out over patients, {names} together (expected log predictive density, higher is "
            f"better; a difference below twice its SE is no difference){apart}:"
        ),
        *table(pd.DataFrame(shown), 2, f"leave-one-out over patients, {names} together"),
        Paragraph(k),
    ]


APART = (
    ". The endpoints list different families, so each has its own in a draw, with its own stacking weights; the "
    "weight of a pair is their product (a joint family serves both). Every family stands at least once beside "
    "the best of the other endpoint"
)


def _shown(value: float, form: str, missing: str = "-") -> str:
    return missing if pd.isna(value) else format(value, form)


def _structure(results: SurvivalResults) -> str:
    """What the weights do to the draws."""
    found = results.tables["structure"]
    words = [
        f"{named(results, r['evidence'])}: {r['share_between']:.0%} of the variance of "
        f"{r['quantity']}"
        for _, r in found[found["quantity"] == "survival at 60 months"].iterrows()
    ]
    return (
        "Every model draw uses one family, chosen with its weight, and one posterior draw of it, so "
        "the draws hold both what the data leave open within a family and which family is right. "
        f"Between families lies {'; '.join(words)} (`tables/structure.csv`). Weights say how well "
        "families predict patients like those observed; they cannot judge what lies beyond the data, "
        "where families with weight may still disagree."
    )


def _correlation(results: SurvivalResults, unit: tuple[str, ...], rho: float) -> str:
    label = results.problem.evidence[unit[0]].label
    return (
        f"OS and PFS of {label} come from the same patients, so their posteriors are not independent: "
        f"draws are paired so that five-year restricted means correlate by {rho:.2f}, which is what an "
        "illness-death model of the same data gives (curves of a joint model are one draw and need no "
        "pairing)."
    )


def landmark_section(results: SurvivalResults) -> list[Block]:
    """Survival at 1, 2, 3, 5 and 10 years of each family and their average, by stage."""
    parts: list[Block] = [Paragraph(LANDMARK_WORDS)]
    summary = results.tables["summary"]
    for (name, stage), group in results.tables["landmarks"].groupby(
        ["evidence", "stage"], sort=False
    ):
        shown = []
        for family, own in group.groupby("family", sort=False):
            found = rows(summary, evidence=name, stage=stage, family=family).iloc[0]
            row = {"Family": own["label"].iloc[0]}
            row["Weight"] = "" if family == AVERAGE else f"{own['weight'].iloc[0]:.2f}"
            median = found["median_months"]
            row["Median, mo"] = f"{median:.1f}" if np.isfinite(median) else "not reached"
            for _, r in own.iterrows():
                row[f"{r['month'] / 12:.0f} y"] = (
                    f"{r['mean']:.1%} ({r['low']:.1%}-{r['high']:.1%})"
                )
            row["Mean, y"] = f"{found['mean_years']:.2f}"
            row["Beyond data"] = f"{found['share_beyond_data']:.0%}"
            shown.append(row)
        whose = "patients of the data" if stage == BEFORE else "modelled cohort"
        subject = f"{named(results, name)}, {stage}"
        parts.append(Paragraph(f"**{subject}** ({whose}):"))
        parts += table(pd.DataFrame(shown), subject=subject)
    return parts


LANDMARK_WORDS = (
    "All causes of death; posterior mean and 95 % interval. Mean: to the horizon. Beyond data: share "
    "of that mean after the last event observed. The average takes every family in its share of draws."
)


def target_section(results: SurvivalResults) -> list[Block]:
    """External targets: validation where independent."""
    found = results.tables["targets"]
    if found.empty:
        return []
    parts: list[Block] = []
    for independent, words in ((True, INDEPENDENT), (False, DEPENDENT)):
        own = found[found["validation"] == independent]
        if len(own):
            inside = int((own["verdict"] == "inside").sum())
            parts.append(Paragraph(f"{words} {inside} of {len(own)} inside."))
            parts += table(_targets(own), 3)
    return parts


INDEPENDENT = (
    "**Validation**: targets that no input was made from. Against the average of families, before and "
    "after transport where the target does not say which."
)
DEPENDENT = (
    "**Not validation**: targets that share data with the inputs; agreement shows that the arithmetic "
    "is right, no more."
)


def _targets(found: pd.DataFrame) -> pd.DataFrame:
    shown = []
    for _, r in found.iterrows():
        form = "{:.1f}" if r["unit"] == "months" else "{:.1%}"
        interval = ""
        if pd.notna(r["target_low"]) and pd.notna(r["target_high"]):
            interval = f" ({form.format(r['target_low'])}-{form.format(r['target_high'])})"
        row = {
            "Target": r["quantity"],
            "Stage": r["stage"],
            "Source": r["source"],
            "Value": form.format(r["value"]) + interval,
            "Model": f"{form.format(r['model'])} ({form.format(r['low'])}-{form.format(r['high'])})",
            "Rule": r["rule"],
            "Verdict": r["verdict"] if r["verdict"] == "inside" else f"**{r['verdict']}**",
        }
        shown.append(row)
    return pd.DataFrame(shown)
