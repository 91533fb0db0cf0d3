"""Expert opinion, priors against posteriors, and what other priors move, as text."""

from __future__ import annotations

import pandas as pd

from heor.report.format.blocks import Block, Figure, Paragraph, table
from heor.report.format.words import significant
from heor.report.survival.text_fits import named
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.fitted import families_of
from heor.survival_analysis.opinions import CONFLICT

SHOWN = 12  # changes in the text; all are in the table


def opinion_section(results: SurvivalResults) -> list[Block]:
    """The experts, the data without them, and both."""
    found = results.tables["opinions"]
    if found.empty:
        return []
    shown = [
        {
            "Opinion": r["label"],
            "Family": r["family_label"],
            "Weight": f"{r['weight']:.2f}",
            "Month": f"{r['month']:g}",
            "Experts, mean (se)": f"{r['opinion_mean']:.1%} ({r['opinion_se']:.1%})",
            "Data alone, mean (sd)": f"{r['data_mean']:.1%} ({r['data_sd']:.1%})",
            "Posterior, mean (sd)": f"{r['posterior_mean']:.1%} ({r['posterior_sd']:.1%})",
            "Distance, joint sd": f"{r['distance_in_sd']:.1f}",
            "Conflict": "**yes**" if r["conflict"] else "no",
        }
        for _, r in found.iterrows()
    ]
    words = (
        "Opinions are of the modelled cohort and act on the survival each family implies for it, as a "
        "factor of the likelihood, at the mean of the multiplier. The draws of the decision take the "
        "multiplier from its own distribution, so there survival at that time varies more (see the "
        "average after transport). Data alone: the same fits without opinions (Laplace). A conflict is a "
        f"distance of more than {CONFLICT:g} joint standard deviations between experts and data."
    )
    picture = Figure("opinions", "Expert opinion, data and posterior")
    return [Paragraph(words), picture, *table(pd.DataFrame(shown), 2)]


def prior_section(results: SurvivalResults) -> list[Block]:
    """What the data taught about each parameter."""
    shown = [
        {
            "Fit": r["evidence"].replace("_", " "),
            "Family": r["family"].replace("_", " "),
            "Parameter": f"{r['parameter']} ({r['unit']})",
            "Prior, 95 %": f"{significant(r['prior_low'])} to {significant(r['prior_high'])}",
            "Posterior mean (95 %)": f"{significant(r['mean'])} ({significant(r['low'])} to "
            f"{significant(r['high'])})",
            "Learned": f"{max(r['learned'], 0.0):.0%}",
            "Distance, joint sd": f"{r['distance_in_sd']:.1f}",
        }
        for _, r in results.tables["priors"].iterrows()
    ]
    words = (
        "Learned: how much of the prior variance the data removed, on the scale of the prior (0 %: the "
        "posterior is the prior). Distance: prior to posterior mean; above 2.5 is a caution on the first "
        "page. Prior ranges are those of a normal with the prior's mean and standard deviation."
    )
    return [Paragraph(words), *table(pd.DataFrame(shown), 3), *_moved(results)]


def _moved(results: SurvivalResults) -> list[Block]:
    found = results.tables["prior_sensitivity"]
    if found.empty:
        words = (
            "Other priors were not tried: `heor survival --priors wide` (twice the standard deviation) "
            "and `--priors narrow` (half) show what moves."
        )
        return [Paragraph(words)]
    weights = found["quantity"] == "stacking weight"
    shown = [_change(results, r) for _, r in found[~weights].head(SHOWN).iterrows()]
    moved = found[weights & (found["change"].abs() > 5e-4)]
    moved = moved[moved["evidence"].isin(_once(results))]
    lead = (
        f"**What moves under {results.priors} priors** ({found['priors'].iloc[0]}), biggest first "
        "(background mortality left out; all: `tables/prior_sensitivity.csv`):"
    )
    words = "; ".join(
        f"{r['label']} {r['standard']:.3f} to {r['value']:.3f} "
        f"({results.problem.evidence[r['evidence']].label})"
        for _, r in moved.iterrows()
    )
    subject = f"what moves under {results.priors} priors"
    after = Paragraph(f"Weights that move: {words or 'none'}.")
    return [Paragraph(lead), *table(pd.DataFrame(shown), 3, subject), after]


def _once(results: SurvivalResults) -> list[str]:
    """Evidence of which weights are told: the first of a unit, and those that have others."""
    fits = results.fits
    return [
        name
        for unit in fits.comparison
        for name in unit
        if name == unit[0] or families_of(fits, name) != families_of(fits, unit[0])
    ]


def _change(results: SurvivalResults, r: pd.Series) -> dict[str, str]:
    form = "{:.3f} y" if r["unit"] == "years" else "{:.2%}"
    return {
        "Fit": named(results, r["evidence"]),
        "Family": r["label"],
        "Quantity": r["quantity"],
        "Standard": form.format(r["standard"]),
        results.priors.capitalize(): form.format(r["value"]),
        "Change": form.format(r["change"]).replace("-", "−"),
        "In posterior sd": f"{r['change_in_sd']:+.2f}",
    }
