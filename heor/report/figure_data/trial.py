"""Numbers of the value of the trial: designs, longer follow-up, power."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.problem.trial_design import Trial
from heor.report.figure_data.table import Numbers, money, stacked
from heor.report.format.labels import prices
from heor.runs.results import Results

AFTER = "months from the last inclusion"


def trial_of(results: Results) -> Trial:
    """The trial of the problem."""
    assert results.problem.trial is not None
    return results.problem.trial


def designs(results: Results) -> Numbers:
    """Value of each design at each threshold.

    Returns
    -------
    Numbers
        `patients, follow_up_months, threshold_name, threshold, evsi, net_benefit, as_designed`.
    """
    trial, frame = trial_of(results), results.trial.designs
    table = frame[
        ["patients", "follow_up_months", "threshold_name", "threshold", "evsi", "net_benefit"]
    ].reset_index(drop=True)
    months = table["follow_up_months"].unique()
    nearest = months[np.argmin(np.abs(months - 12 * trial.follow_up))]
    own = (table["patients"] == trial.patients) & (table["follow_up_months"] == nearest)
    paid = prices(results.problem.country)
    units = {
        "patients": "both arms",
        "follow_up_months": AFTER,
        "threshold": f"{results.problem.country.currency} per QALY",
        "evsi": money(paid, "a later patient"),
        "net_benefit": money(paid, "for all later patients"),
    }
    return Numbers(table.assign(as_designed=own), units)


def follow_up(results: Results) -> Numbers:
    """Value of the trial as designed, by when it is read.

    Returns
    -------
    Numbers
        `series` value, check (by regression) or endpoint_only (survival to the trial's endpoint);
        `threshold_name, threshold, follow_up_months, evsi, low, high` (95 % of the method's error).
    """
    frame, check = results.trial.extension, results.trial.check
    keep = ["threshold_name", "threshold", "follow_up_months", "evsi"]
    value = frame[~frame["primary_only"]].sort_values("follow_up_months", kind="stable")
    error = 1.96 * value["se"]
    value = value[keep].assign(low=np.maximum(value["evsi"] - error, 0), high=value["evsi"] + error)
    table = stacked(
        ("value", value),
        ("check", check.loc[~check["primary_only"], keep]),
        ("endpoint_only", frame.loc[frame["primary_only"], keep]),
    )
    country = results.problem.country
    units = dict.fromkeys(("evsi", "low", "high"), money(prices(country), "a later patient"))
    units |= {"threshold": f"{country.currency} per QALY", "follow_up_months": AFTER}
    return Numbers(table, units)


def power(results: Results) -> Numbers:
    """Chance of a significant result by number of patients, and of the trial as designed.

    Returns
    -------
    Numbers
        `series` curve or as_designed; `patients, better, log_rank_better, worse`.
    """
    trial, frame = trial_of(results), results.trial.power_by_size
    own = float(np.interp(trial.patients, frame["patients"], frame["better"]))
    columns = ["patients", "better", "log_rank_better", "worse"]
    table = stacked(
        ("curve", frame[columns]),
        ("as_designed", pd.DataFrame({"patients": [trial.patients], "better": [own]})),
    )
    units = dict.fromkeys(("better", "log_rank_better", "worse"), "chance")
    return Numbers(table, {"patients": "both arms", **units})
