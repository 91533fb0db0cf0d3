"""Evidence of a decision problem → the pieces of its likelihood, with background mortality.

The background is that of the patients' own age and sex mix for data, of the modelled cohort for
registry counts without their own and for expert opinion.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heor.errors import InputError
from heor.problem.country import LifeTable
from heor.problem.curve_types import Opinion
from heor.problem.evidence import SurvivalEvidence
from heor.problem.problem import DecisionProblem
from heor.survival.evidence import background
from heor.survival.evidence.reconstruct import Reconstruction, reconstruct
from heor.survival.families.likelihood import Piece

HAZARD_STEP = 1e-3  # years; the population's hazard is constant within a year of age


def individual(evidence: SurvivalEvidence) -> SurvivalEvidence:
    """A published curve as individual data; other forms as they are."""
    if evidence.form != "published_curve":
        return evidence
    return replace(evidence, form="individual", table=reconstruction(evidence).table)


def reconstruction(evidence: SurvivalEvidence) -> Reconstruction:
    """The patients behind a published curve (Guyot et al. 2012), and what had to be repaired.

    Raises
    ------
    InputError
        Clicks or a risk table that no patients can have.
    """
    table = evidence.table
    at_risk = (table["risk_time"], table["risk_n"]) if "risk_time" in table else None
    where = f"{evidence.origin}: {evidence.name}"
    try:
        found = reconstruct(
            table["click_time"],
            table["click_survival"],
            patients=evidence.patients,
            at_risk=at_risk,
            events=evidence.total_events,
        )
    except ValueError as error:
        raise InputError([f"{where}: {line}" for line in str(error).splitlines()]) from error
    if found.events == 0:
        raise InputError(
            f"{where}: the curve holds no event among {found.n} patients, so that a fit to it would be the prior "
            "alone. Use evidence with events."
        )
    return found


def repairs(evidence: SurvivalEvidence) -> tuple[str, ...]:
    """What was repaired or assumed to make patients of a published curve, as sentences."""
    if evidence.form != "published_curve":
        return ()
    return tuple(f"{evidence.name}: {line}" for line in reconstruction(evidence).repairs)


def pieces(problem: DecisionProblem, name: str) -> tuple[Piece, ...]:
    """All that informs the curve of this evidence: its data, registry counts, opinions."""
    evidence, table = problem.evidence[name], problem.trial_life_table
    found = [piece(evidence, table)]
    for other in evidence.external:
        counts = problem.evidence[other]
        if counts.age is None:
            counts = replace(counts, age=problem.start_age, share_male=problem.share_male)
        found.append(replace(piece(counts, table), main=False))
    found += [
        opinion_piece(problem, opinion, evidence.endpoint)
        for opinion in problem.opinions.values()
        if opinion.evidence == name
    ]
    return tuple(found)


def piece(evidence: SurvivalEvidence, table: LifeTable | None = None) -> Piece:
    """One evidence as arrays; `table` None leaves background mortality out.

    Raises
    ------
    ValueError
        Grouped intervals with gaps.
    """
    evidence = individual(evidence)
    data = {k: np.asarray(v, float) for k, v in evidence.table.items()}
    form = {"landmark": "binomial", "counts": "binomial"}.get(evidence.form, evidence.form)

    def hazard(time: np.ndarray) -> np.ndarray:
        if table is None:
            return np.zeros(len(time))
        age, share = evidence.age or 0.0, evidence.share_male or 0.0
        return background.cumulative_hazard(table, age, share, time)

    if form == "individual":
        n = len(data["time"])
        own = {
            "time": data["time"],
            "event": data["event"],
            "entry": data.get("entry", np.zeros(n)),
            "weight": data.get("weight", np.ones(n)),
            **{k: v for k, v in data.items() if k.startswith("x_")},
        }
        end = hazard(own["time"])
        before = hazard(np.maximum(own["time"] - HAZARD_STEP, 0.0))
        own["background_hazard"] = (end - before) / HAZARD_STEP
        own["background_increment"] = end - hazard(own["entry"])
        return Piece(evidence.name, evidence.endpoint, form, own)
    if form == "grouped" and not np.allclose(data["start"][1:], data["end"][:-1], atol=1e-9):
        raise ValueError(
            f"{evidence.name}: intervals have gaps; each must start where the one before ends."
        )
    counts = ("n_events", "n_censored") if form == "grouped" else ("n", "survivors")
    own = {k: data[k] for k in ("start", "end", *counts)}
    own["background_start"], own["background_end"] = hazard(own["start"]), hazard(own["end"])
    return Piece(evidence.name, evidence.endpoint, form, own)


def opinion_piece(problem: DecisionProblem, opinion: Opinion, endpoint: str) -> Piece:
    """An expert's beta distribution of the cohort's survival at a time.

    The opinion is of the modelled cohort: it acts on the excess hazard times the opinion's
    multiplier, over the cohort's background mortality (as a loss function on S(t); Cooney & White
    2023, doi:10.1177/0272989X221150212).
    """
    time = np.array([opinion.time])
    table = problem.trial_life_table
    hazard = background.cumulative_hazard(table, problem.start_age, problem.share_male, time)
    size = opinion.mean * (1 - opinion.mean) / opinion.se**2 - 1
    data = {
        "time": time,
        "multiplier": np.array([opinion.multiplier]),
        "background": hazard,
        "a": np.array([opinion.mean * size]),
        "b": np.array([(1 - opinion.mean) * size]),
    }
    return Piece(opinion.name, endpoint, "opinion", data, main=False)
