"""Expert opinion against what the data alone say, and against the posterior that holds both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from heor.problem.problem import DecisionProblem
from heor.streams import Streams
from heor.survival.evidence.evidence import opinion_piece
from heor.survival.fitting import fit_each
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival.fitting.plan import Plan
from heor.survival.fitting.plausible import implied as implied
from heor.survival.fitting.posterior import Key, SurvivalPosterior
from heor.survival_analysis.fitted import families_of

CONFLICT = 2.0  # joint standard deviations between opinion and data
COLUMNS = (
    "opinion", "label", "evidence", "family", "family_label", "weight", "month",
    "opinion_mean", "opinion_se", "data_mean", "data_sd", "posterior_mean", "posterior_sd",
    "data_method", "distance_in_sd", "conflict",
)  # fmt: skip


def opinion_table(
    problem: DecisionProblem, fits: SurvivalFits, streams: Streams, cache: Path | None = None
) -> pd.DataFrame:
    """Each opinion and family: the opinion, the data without any opinion, and the posterior.

    All are all-cause survival of the modelled cohort at the opinion's time and multiplier. The
    data alone are fitted by Laplace with importance sampling (NUTS where that cannot be trusted).

    Returns
    -------
    DataFrame
        `opinion`, `label`, `evidence`, `family`, `family_label`, `weight`, `month`,
        `opinion_mean`, `opinion_se`, `data_mean`, `data_sd`, `posterior_mean`, `posterior_sd`,
        `data_method`, `distance_in_sd` (opinion from data, joint standard deviations),
        `conflict` (beyond 2). Empty without opinions.
    """
    if not problem.opinions:
        return pd.DataFrame(columns=list(COLUMNS))
    alone = data_alone(problem, streams, cache)
    rows = []
    for opinion in problem.opinions.values():
        endpoint = problem.evidence[opinion.evidence].endpoint
        piece = opinion_piece(problem, opinion, endpoint)
        for family, weight in families_of(fits, opinion.evidence).items():
            key = opinion.evidence, family
            if key not in alone:
                continue
            both, data = (implied(p, piece) for p in (fits.posteriors[key], alone[key]))
            distance = abs(opinion.mean - data.mean()) / np.hypot(opinion.se, data.std())
            row = {
                "opinion": opinion.name,
                "label": opinion.label,
                "evidence": opinion.evidence,
                "family": family,
                "family_label": alone[key].model.label,
                "weight": weight,
                "month": 12 * opinion.time,
                "opinion_mean": opinion.mean,
                "opinion_se": opinion.se,
                "data_mean": data.mean(),
                "data_sd": data.std(),
                "posterior_mean": both.mean(),
                "posterior_sd": both.std(),
                "data_method": alone[key].method,
                "distance_in_sd": distance,
                "conflict": bool(distance > CONFLICT),
            }
            rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def data_alone(
    problem: DecisionProblem, streams: Streams, cache: Path | None
) -> dict[Key, SurvivalPosterior]:
    """Quick posteriors of every family without the opinions."""
    bare = replace(problem, opinions={})
    quick = replace(problem.settings.fit, quick=True)
    return fit_each.by_key(fit_each.fit_each(Plan.of(bare).every, quick, streams, cache))


def conflicts(table: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each family in use whose data disagree with an opinion."""
    found = table[table["conflict"].astype(bool) & (table["weight"] > 0)]
    return tuple(
        f"{r['label']}: the opinion ({r['opinion_mean']:.1%}, se {r['opinion_se']:.1%}) and the data "
        f"under {r['family_label']} ({r['data_mean']:.1%}, sd {r['data_sd']:.1%}) at "
        f"{r['month']:.0f} months are {r['distance_in_sd']:.1f} joint standard deviations apart: the "
        "posterior is a compromise between two that disagree. Ask the experts again, or doubt the "
        "family's tail."
        for _, r in found.iterrows()
    )
