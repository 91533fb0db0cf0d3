"""Relative effects and the two kinds of hazard ratio, as text."""

from __future__ import annotations

import pandas as pd

from heor.report.format.blocks import Block, Figure, Paragraph, table
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.effects import shift_of


def effect_section(results: SurvivalResults) -> list[Block]:
    """Studies, pooled effects, the prior on tau, and marginal against uncured hazard ratios."""
    found, ratios = results.tables["effects"], results.tables["hazard_ratios"]
    if found.empty and ratios.empty:
        return []
    parts: list[Block] = []
    if len(found):
        parts += [Paragraph(_words(results)), Figure("relative_effects", "Relative effects")]
        parts += table(_pooled(found))
    if len(ratios):
        parts += [Paragraph(RATIO_WORDS), *table(_ratios(results, ratios), 3)]
    return parts


RATIO_WORDS = (
    "Two hazard ratios that must not be confused. **Marginal** (all patients): what a trial reports and "
    "what is pooled here; it compares whole arms, with whoever is cured inside. **Not cured**: acts on "
    "the excess hazard of the patients who are not cured. Where a part of the arm is cured, the second "
    "is solved in every draw so that both arms together have the first within the trial's follow-up; it "
    "lies nearer to (or above) 1."
)


def _words(results: SurvivalResults) -> str:
    sentences = []
    for name, synthesis in results.problem.syntheses.items():
        shift = shift_of(results.problem, synthesis)
        use = "the effect in a new setting (predictive)"
        if synthesis.use == "mean":
            use = "the average effect"
        sentences.append(
            f"`{name}` ({synthesis.label}): {len(synthesis.studies)} studies, normal-normal random "
            f"effects; the model draws {use}, plus {shift:g} for indirectness (`{synthesis.shift}`, at its "
            "mean; log scale)."
        )
    return " ".join(
        [
            *sentences,
            "The average effect is the mean over settings like those of the studies; the effect in a new "
            "setting adds how settings differ. With few studies the prior on the between-study standard "
            "deviation tau decides the width, so both are shown under four half-normal scales.",
        ]
    )


def _pooled(found: pd.DataFrame) -> pd.DataFrame:
    shown = [
        {
            "Effect": r["row"] + (" **(drawn by the model)**" if r["in_model"] else ""),
            "Hazard ratio, marginal": f"{r['hazard_ratio']:.2f}",
            "95 %": f"{r['hazard_ratio_low']:.2f} to {r['hazard_ratio_high']:.2f}",
            "Log scale": f"{r['median']:.3f} ({r['low']:.3f} to {r['high']:.3f})",
        }
        for _, r in found.iterrows()
    ]
    return pd.DataFrame(shown)


def _ratios(results: SurvivalResults, ratios: pd.DataFrame) -> pd.DataFrame:
    shown = [
        {
            "Strategy": results.problem.strategies[r["strategy"]].label,
            "Endpoint": r["endpoint"].upper(),
            "Patients": r["patients"],
            "Median": f"{r['median']:.2f}",
            "95 %": f"{r['low']:.2f} to {r['high']:.2f}",
        }
        for _, r in ratios.iterrows()
    ]
    return pd.DataFrame(shown)
