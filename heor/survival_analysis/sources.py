"""The evidence behind each fitted curve, and what was repaired to read it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.survival.evidence.evidence import individual, piece, reconstruction
from heor.survival.evidence.observed import follow_up, kaplan_meier, median, number_at_risk
from heor.survival.fitting.diagnostics import still_at_risk
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival_analysis.fitted import fitted_evidence

KAPLAN_MEIER_MONTHS = 6  # spacing of the numbers at risk


def used_evidence(problem: DecisionProblem, fits: SurvivalFits) -> list[tuple[str, str]]:
    """(name, role) of what is fitted, each followed by the external evidence of its curve."""
    out: list[tuple[str, str]] = []
    for _, name in fitted_evidence(fits):
        out.append((name, "patients fitted"))
        external = problem.evidence[name].external
        out += [(other, f"external information on {name}") for other in external]
    return list(dict.fromkeys(out))


def evidence_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """Where each curve comes from.

    Returns
    -------
    DataFrame
        `evidence`, `label`, `endpoint`, `role`, `form`, `status`, `source` (keys), `n`, `events`,
        `last_event_months`, `follow_up_months`, `median_months`, `at_risk_near_end` (share under
        observation at nine tenths of the follow-up), `time_unit` (of the other columns; files may
        use another), `background` (mortality used), `covariates`, `note`.
    """
    rows = []
    for name, role in used_evidence(problem, fits):
        own = problem.evidence[name]
        patients = individual(own)  # a published curve's events are known after reconstruction
        last_event, last = follow_up(patients)
        row = {
            "evidence": name,
            "label": own.label,
            "endpoint": own.endpoint,
            "role": role,
            "form": own.form,
            "status": own.status,
            "source": "; ".join(own.source),
            "n": patients.n,
            "events": patients.events,
            "last_event_months": last_event * MONTHS_PER_YEAR,
            "follow_up_months": last * MONTHS_PER_YEAR,
            "median_months": median(patients) * MONTHS_PER_YEAR,
            "at_risk_near_end": still_at_risk(piece(patients)),
            "time_unit": "months",
            "background": background_words(problem, own),
            "covariates": "; ".join(own.covariates),
            "note": own.note,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def background_words(problem: DecisionProblem, evidence: SurvivalEvidence) -> str:
    """Whose mortality is the background."""
    table = "; ".join(problem.trial_life_table.source)
    if evidence.age is None:
        return (
            f"{problem.country.label} ({table}); age unknown, so taken from age 0: none in effect"
        )
    share = evidence.share_male or 0.0
    return f"{problem.country.label} ({table}), age {evidence.age:g}, {share:.0%} men"


def reconstruction_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """What was repaired or assumed to make patients of published curves; one row a repair.

    Returns
    -------
    DataFrame
        `evidence`, `repair`, `max_difference`, `rmse` (on the scale of survival, from the clicks).
        Empty when no published curve is fitted.
    """
    rows = []
    for name, _ in used_evidence(problem, fits):
        own = problem.evidence[name]
        if own.form != "published_curve":
            continue
        found = reconstruction(own)
        distance = {"max_difference": found.max_difference, "rmse": found.rmse}
        rows += [
            {"evidence": name, "repair": repair} | distance
            for repair in found.repairs or ("none was needed",)
        ]
    return pd.DataFrame(rows, columns=["evidence", "repair", "max_difference", "rmse"])


def kaplan_meier_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """`evidence`, `month`, `survival`, `low`, `high` (95 %), `n_at_risk`, `n_events`."""
    parts = []
    for _, name in fitted_evidence(fits):
        table = kaplan_meier(problem.evidence[name]).rename(columns={"time": "month"})
        table["month"] *= MONTHS_PER_YEAR
        table.insert(0, "evidence", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def at_risk_table(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """`evidence`, `month`, `n_at_risk`, every six months down to the end of follow-up."""
    rows = []
    for _, name in fitted_evidence(fits):
        own = problem.evidence[name]
        last = follow_up(own)[1] * MONTHS_PER_YEAR
        months = np.arange(0.0, last + KAPLAN_MEIER_MONTHS, KAPLAN_MEIER_MONTHS)
        numbers = number_at_risk(own, months / MONTHS_PER_YEAR)
        rows += [
            {"evidence": name, "month": m, "n_at_risk": int(n)}
            for m, n in zip(months, numbers, strict=True)
        ]
    return pd.DataFrame(rows)
