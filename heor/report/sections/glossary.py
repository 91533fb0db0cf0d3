"""Words of the trade that a reader of the report may not know, each in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heor.report.format.blocks import Block, bullets

if TYPE_CHECKING:
    from heor.runs.results import Results

TERMS = {
    "QALY": "quality-adjusted life year, a year of life weighted by its quality from 0 (dead) to 1.",
    "ICER": "incremental cost-effectiveness ratio, the extra cost for each extra QALY.",
    "Net benefit": "QALYs gained, in money at the threshold, less the extra cost. Above zero, the gain is worth "
    "more than it costs there.",
    "Threshold": "what the payer is ready to give up for one QALY; severity-weighted where the rule pays more "
    "for patients who lose more of their health.",
    "Draw": "one set of values for all uncertain inputs. The spread of results over draws is the uncertainty "
    "of the answer.",
    "95 % interval": "holds the middle 95 % of the draws.",
    "SE": "Monte Carlo standard error, how much a number would vary if the draws were made again.",
    "EVPI, EVPPI, EVSI": "what it would be worth to know everything, some inputs, or a trial's result before "
    "deciding.",
    "Hazard ratio": "the rate of death (or progression) in one group divided by that in the other; below 1, it "
    "is lower.",
    "Transport multiplier": "how much faster or slower these patients die than those of the trial whose "
    "survival is used.",
    "Elpd and stacking": "how well a family of curves predicts patients left out of its fit, and the weights "
    "with which families together predict best.",
    "NUTS, R-hat, ESS": "the sampler of the survival fits, and the checks that it has converged (R-hat near 1) "
    "with enough independent samples.",
}


def glossary(results: Results) -> list[Block]:
    """The section of the report; terms of survival fits only where something was fitted."""
    fits = ("Elpd", "NUTS", "Transport")
    return bullets(
        f"**{term}**: {words}"
        for term, words in TERMS.items()
        if results.fits.weights or not term.startswith(fits)
    )
