"""Numbers of modelled survival: curves of every strategy, and state occupancy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.report.figure_data.fits import evidence_of, last_event, observed
from heor.report.figure_data.table import MONTH, SHARE, Numbers, stacked
from heor.report.format.selection import shown_strategies
from heor.runs.results import Results
from heor.survival.evidence.observed import number_at_risk

MODEL_MONTHS = 120
AT_RISK_EVERY = 6  # months


def survival(results: Results, endpoint: str) -> Numbers:
    """Model curves of every strategy, Kaplan-Meier, numbers at risk, and the last event.

    Returns
    -------
    Numbers
        `series` model, observed, at_risk or last_event; `label, month, survival, low, high, patients`.
    """
    problem = results.problem
    evidence = evidence_of(problem, endpoint)
    month, shown = shown_months(problem)
    curves = results.simulation.curves.sel(endpoint=endpoint)
    models = []
    for name, strategy in shown_strategies(results).items():
        own = {k: curves[k].sel(strategy=name).values[shown] for k in ("mean", "low", "high")}
        own = {"survival": own.pop("mean"), **own}
        models.append(pd.DataFrame({"label": strategy.label, "month": month, **own}))
    ticks = np.arange(0, MODEL_MONTHS + 1, AT_RISK_EVERY)
    patients = number_at_risk(evidence, ticks / MONTHS_PER_YEAR)
    reached = int(np.argmax(patients == 0)) + 1 if (patients == 0).any() else len(ticks)
    table = stacked(
        ("model", pd.concat(models)),
        ("observed", observed(evidence)[["month", "survival"]].assign(label=evidence.label)),
        (
            "at_risk",
            pd.DataFrame(
                {"label": evidence.label, "month": ticks[:reached], "patients": patients[:reached]}
            ),
        ),
        ("last_event", pd.DataFrame({"label": [evidence.label], "month": [last_event(evidence)]})),
    ).astype({"patients": "Int64", "month": float})
    return Numbers(table, {"month": MONTH, **dict.fromkeys(("survival", "low", "high"), SHARE)})


def shown_months(problem: DecisionProblem) -> tuple[np.ndarray, np.ndarray]:
    """Months of the cycle boundaries shown, and which of all boundaries they are."""
    month = problem.time * MONTHS_PER_YEAR
    shown = month <= MODEL_MONTHS + 1e-6
    return month[shown], shown


def occupancy(results: Results) -> Numbers:
    """Mean share of patients in each state: `strategy, state, month, share`."""
    table = _shares(results, results.simulation.occupancy)
    return Numbers(table, {"month": MONTH, "share": SHARE})


def structure_occupancy(results: Results) -> Numbers:
    """The same of every model structure: `structure, strategy, state, month, share`."""
    found = []
    for structure in results.structures:
        own = _shares(results, structure.simulation.occupancy)
        own.insert(0, "structure", structure.label)
        found.append(own)
    return Numbers(pd.concat(found, ignore_index=True), {"month": MONTH, "share": SHARE})


def _shares(results: Results, occupancy: xr.DataArray) -> pd.DataFrame:
    problem = results.problem
    month, shown = shown_months(problem)
    found = [
        pd.DataFrame(
            {
                "strategy": strategy.label,
                "state": state,
                "month": month,
                "share": occupancy.sel(strategy=name, state=state).values[shown],
            }
        )
        for name, strategy in shown_strategies(results).items()
        for state in problem.settings.states
    ]
    return pd.concat(found, ignore_index=True)
