"""Hazards, straight-line scales, posterior predictive checks and sampler diagnostics, as text."""

from __future__ import annotations

import pandas as pd

from heor.report.format.blocks import Block, Figure, Paragraph, table
from heor.report.survival.tables import rows
from heor.report.survival.text_fits import named
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.fitted import families_of, fitted_evidence
from heor.survival_analysis.predictive import REPLICATES, SUSPECT


def hazard_section(results: SurvivalResults) -> list[Block]:
    """Observed hazards beside the fitted, and scales on which a family is straight."""
    parts: list[Block] = []
    for unit in results.fits.comparison:
        parts.append(Figure(f"hazards_{'+'.join(unit)}", "Hazards"))
        parts += [Figure(f"transforms_{n}", f"Scales: {named(results, n)}") for n in unit]
    words = (
        "One arm is fitted; the intervention's curve is made from it by a hazard ratio of published "
        "trials. Proportional hazards between the arms can therefore not be tested on these data."
    )
    return [*parts, Paragraph(words)]


def predictive_section(results: SurvivalResults) -> list[Block]:
    """Would the fits have produced such data?"""
    words = (
        f"{REPLICATES} replicated data sets a fit, one a posterior draw, under the observed censoring. "
        "p of survival and the median: share of replicates above the observed (near 0 or 1 is bad). p "
        "of the distance: share of replicates at least as far from their own fitted curve as the data "
        f"(small is bad). Bold: two-sided p below {SUSPECT:g}. The data are used twice, so these p-values are "
        "conservative: they find families that cannot be right, and do not rank those that can."
    )
    parts: list[Block] = [Paragraph(words)]
    for _, name in fitted_evidence(results.fits):
        parts.append(Figure(f"predictive_{name}", f"Replicated curves: {named(results, name)}"))
        parts.append(Paragraph(f"**{named(results, name)}**:"))
        parts += table(_checks(results, name), subject=named(results, name))
    return parts


def _checks(results: SurvivalResults, name: str) -> pd.DataFrame:
    found = rows(results.tables["predictive_checks"], evidence=name)
    shown = []
    for family in families_of(results.fits, name):
        own = rows(found, family=family)
        row = {"Family": own["label"].iloc[0]}
        for _, r in own.iterrows():
            p = f"{r['p']:.2f}"
            column = (
                r["statistic"].replace("survival at ", "").replace(" from the fitted curve", "")
            )
            row[column] = f"**{p}**" if r["p_two_sided"] < SUSPECT else p
        shown.append(row)
    return pd.DataFrame(shown).fillna("")


def diagnostic_section(results: SurvivalResults) -> list[Block]:
    """How well each posterior was computed."""
    shown, seen = [], set()
    for _, name in fitted_evidence(results.fits):
        for family in families_of(results.fits, name):
            p = results.fits.posteriors[name, family]
            if (p.fitted_to, family) in seen:
                continue
            seen.add((p.fitted_to, family))
            shown.append(_diagnostics(p, " + ".join(named(results, n) for n in p.fitted_to)))
    limits = results.problem.settings.fit
    words = (
        f"Required of NUTS: R-hat at most {limits.r_hat_max:g}, effective sample size at least "
        f"{limits.ess_min:g}, at most {limits.divergences_max} divergences; of Laplace: Pareto k of the "
        "importance weights at most 0.7 and an effective sample of 10 % of the proposals, else NUTS is "
        "used. k (patients) is the largest of leave-one-out."
    )
    return [Paragraph(words), *table(pd.DataFrame(shown), 3)]


def _diagnostics(p, where: str) -> dict[str, str]:
    d = p.diagnostics

    def shown(key: str, form: str) -> str:
        return "-" if pd.isna(d[key]) else format(d[key], form)

    return {
        "Fit": where,
        "Family": p.model.label,
        "Method": p.method,
        "R-hat": shown("r_hat_max", ".3f"),
        "ESS bulk": shown("ess_bulk_min", ",.0f"),
        "ESS tail": shown("ess_tail_min", ",.0f"),
        "Divergences": shown("divergences", ".0f") if p.method == "nuts" else "-",
        "k (importance)": shown("pareto_k", ".2f"),
        "k (patients)": f"{p.loo['pareto_k_max']:.2f}",
    }
