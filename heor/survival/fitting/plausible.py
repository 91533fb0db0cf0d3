"""Data and opinions that cannot well be what they are taken for: what a reader must know of them.

Few events, patients who outlive the general population, and experts far from the data are legal. Each
is often a wrong unit of time or a wrong age, and each makes the answer rest on something else than
the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from heor.problem.country import LifeTable
from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.survival.evidence import background
from heor.survival.evidence.observed import AT_RISK_MIN, kaplan_meier
from heor.survival.families.distributions import cumulative_hazard
from heor.survival.families.likelihood import Piece

if TYPE_CHECKING:
    from heor.survival.fitting.posterior import SurvivalPosterior

FEW_EVENTS = 10  # with fewer the priors weigh about as much as the data
ABOVE = 0.01  # by which the interval of observed survival must exceed the population's
CONFLICT = 2.5  # distance of opinion and data, in their joint standard deviations
NORMAL_SHARE = 0.75  # of the opinion's variance that the posterior may have for that distance


def doubts(evidence: SurvivalEvidence, events: float, table: LifeTable) -> tuple[str, ...]:
    """What is doubtful in the data of one curve, as sentences.

    Parameters
    ----------
    events
        How many there are (of a published curve, in its reconstruction).
    table
        Mortality of the population that the patients come from.
    """
    lines = []
    if events < FEW_EVENTS:
        number = f"{events:.3g} event{'' if events == 1 else 's'}"
        lines.append(
            f"{evidence.name}: the curve rests on {number}, so that the priors say much of the answer "
            "and stacking weights say little. Use more data, or read it as an assumption."
        )
    return (*lines, *_outlives_population(evidence, table))


def _outlives_population(evidence: SurvivalEvidence, table: LifeTable) -> list[str]:
    """Observed survival above that of the population, by more than its confidence interval."""
    km = kaplan_meier(evidence)
    km = km[(km["survival"] < 1) & (km["n_at_risk"] >= AT_RISK_MIN)]  # no interval before the first
    time = km["time"].to_numpy()
    age, share = evidence.age or 0.0, evidence.share_male or 0.0
    above = km["low"].to_numpy() - background.survival(table, age, share, time)
    if not np.nanmax(above, initial=0.0) > ABOVE:
        return []
    at = int(np.nanargmax(above))
    row = km.iloc[at]
    expected = background.survival(table, age, share, time[at : at + 1])[0]
    return [
        f"{evidence.name}: {row['survival']:.0%} of its patients (95 % {row['low']:.0%} to {row['high']:.0%}) are "
        f"event-free at {time[at] * MONTHS_PER_YEAR:.3g} months, more than the {expected:.0%} of the general "
        f"population alive at their age and sex ({age:g} years, {share:.0%} men). Check 'time_unit', age, "
        "share_male and the life table: over such mortality the fit finds no excess hazard."
    ]


def opinion_conflicts(
    posteriors: Iterable[SurvivalPosterior], pieces: Mapping[str, Sequence[Piece]]
) -> tuple[str, ...]:
    """A sentence for each fit in use whose data disagree with an expert's opinion.

    With opinion and data near normal, the posterior mean lies between them in the ratio of their
    variances. So the distance of opinion and data, in joint standard deviations, is that of opinion and
    posterior over the square root of the difference of their variances (the data need not be fitted
    again; `heor survival` does).

    Parameters
    ----------
    pieces
        Evidence name → pieces of its fit.
    """
    lines = []
    for posterior in posteriors:
        for piece in pieces[posterior.evidence]:
            if piece.form != "opinion":
                continue
            a, b = (float(piece.data[k][0]) for k in ("a", "b"))
            mean, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
            found = implied(posterior, piece)
            share = found.var() / variance
            # a posterior as wide as the opinion is no compromise of two normals: then the least it can be
            left = variance * (1 - share if share < NORMAL_SHARE else 1)
            distance = abs(mean - found.mean()) / np.sqrt(left)
            if distance > CONFLICT:
                lines.append(
                    f"{posterior.evidence}, {posterior.distribution}: the opinion '{piece.name}' ({mean:.1%}, se "
                    f"{np.sqrt(variance):.1%}, at {piece.data['time'][0] * MONTHS_PER_YEAR:.3g} months) and the "
                    f"data are about {distance:.1f} joint standard deviations apart; with both, survival there is "
                    f"{found.mean():.1%}. Check the time and the unit of the opinion, ask the experts again, or "
                    "doubt the family's tail; `heor survival` shows the data alone."
                )
    return tuple(dict.fromkeys(lines))


def implied(fit: SurvivalPosterior, piece: Piece) -> np.ndarray:
    """Survival of the cohort at an opinion's time by a posterior. Dims: draw."""
    time = np.asarray(piece.data["time"], float)
    excess = cumulative_hazard(fit.model, fit.parameters, time)
    total = piece.data["multiplier"] * excess + piece.data["background"]
    return np.exp(-total)[:, 0]
