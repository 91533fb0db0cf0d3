"""Survival in the report of a run; the survival layer's own report says more."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.problem.parameter import MONTHS_PER_YEAR
from heor.report import outline
from heor.report.format import frames
from heor.report.format.blocks import Block, Paragraph, bullets, paragraphs, table
from heor.runs.results import Results
from heor.survival.fitting.goodness import ModelComparison
from heor.survival.fitting.model_draws import Unit

POINTER = (
    "All families, checks against the data, external targets, expert opinion, priors and relative "
    "effects: `heor survival`."
)


def survival(results: Results) -> list[Block]:
    """Survival at landmarks, hazard ratios, and which families carry the weight."""
    problem = results.problem
    landmarks = frames.landmark_table(results)
    rows = []
    for (strategy, endpoint), group in landmarks.groupby(["strategy", "endpoint"], sort=False):
        median = _median_months(results, strategy, endpoint)
        row = {
            "Strategy": problem.strategies[strategy].label,
            "": endpoint.upper(),
            "Median, mo": median,
        }
        for _, r in group.iterrows():
            row[f"{r['month']:.0f} mo"] = f"{r['mean']:.2f} ({r['low']:.2f}-{r['high']:.2f})"
        rows.append(row)
    draws = results.simulation.curves.attrs["draws"]
    about = f"Share alive (OS) or alive without progression (PFS), mean and 95 % over the first {draws:,} draws."
    found = [*table(pd.DataFrame(rows), left=2), Paragraph(about)]
    found += bullets(
        f"Hazard ratio, {r['endpoint'].upper()}, {r['patients']}: median {r['median']:.2f} (95 % "
        f"{r['low']:.2f} to {r['high']:.2f})."
        for _, r in frames.hazard_ratio_table(results).iterrows()
    )
    for pair, comparison in results.fits.comparison.items():
        fits = f"its to {problem.evidence[pair[0]].label}"
        found += [
            Paragraph(
                f"F{fits} (leave-one-out over patients; families without weight are left out here):"
            ),
            *table(_comparison(results, pair, comparison), subject=f"f{fits}"),
            *_near(results, pair, comparison),
        ]
    if not results.fits.weights:  # declared transitions: nothing is fitted
        return found
    return [*found, *paragraphs(_fit_quality(results), POINTER)]


def _fit_quality(results: Results) -> str:
    """How the posteriors in use were computed, and the worst of their diagnostics."""
    fits = results.fits
    used = {
        fits.posteriors[name, f].fit_key: fits.posteriors[name, f]
        for unit in fits.weights
        for name, share in fits.by_evidence(unit).items()
        for f in share
    }.values()
    found = []
    nuts = [p.diagnostics for p in used if p.method == "nuts"]
    if nuts:
        found.append(
            f"NUTS ({len(nuts)} fits): largest R-hat {max(d['r_hat_max'] for d in nuts):.3f}, "
            f"smallest bulk ESS {min(d['ess_bulk_min'] for d in nuts):,.0f}, "
            f"{sum(d['divergences'] for d in nuts)} divergences."
        )
    laplace = [p.diagnostics["pareto_k"] for p in used if p.method == "laplace"]
    if laplace:
        found.append(
            f"Laplace + PSIS ({len(laplace)} fits): largest Pareto k {max(laplace):.2f} (below 0.7 "
            "is reliable)."
        )
    return " ".join(found)


def _median_months(results: Results, strategy: str, endpoint: str) -> str:
    """Median of the mean curve, in months."""
    curve = results.simulation.curves["mean"].sel(strategy=strategy, endpoint=endpoint).values
    months = np.interp(-0.5, -curve, results.problem.time * MONTHS_PER_YEAR)
    return f"{months:.1f}" if curve.min() < 0.5 else "-"


def _near(results: Results, unit: Unit, comparison: ModelComparison) -> list[Block]:
    """Families that the data cannot tell from the best, and that carry no weight all the same."""
    used, frame = results.fits.weights.get(unit, {}), comparison.table
    close = frame["difference"].abs() <= 2 * frame["difference_se"]
    rows = frame[close & ~frame["family"].isin(list(used))]
    if rows.empty:
        return []
    named = "; ".join(
        f"{r['label']} ({r['difference']:.1f}, SE {r['difference_se']:.1f})"
        for _, r in rows.iterrows()
    )
    return paragraphs(
        f"Within two standard errors of the best, and without weight because the families above predict as "
        f"well together: {named}. Their gains are among those by family under *{outline.heading('uncertainty')}*."
    )


def _comparison(results: Results, unit: Unit, comparison: ModelComparison) -> pd.DataFrame:
    used = results.fits.weights.get(unit, {})
    found = comparison.table[[f in used for f in comparison.table["family"]]]
    return pd.DataFrame(
        {
            "Family": list(found["label"]),
            "Difference in elpd": [f"{x:,.1f}" for x in found["difference"]],
            "Stacking weight": [f"{x:.2f}" for x in found["weight"]],
            "Weight used": [f"{used[f]:.2f}" for f in found["family"]],
        }
    )
