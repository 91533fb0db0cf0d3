"""What a trial is worth, as the report reads it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from heor.trial.power import ExpectedPower
from heor.trial.programme import Programme


@dataclass(frozen=True)
class TrialFindings:
    """Value of the trial.

    Attributes
    ----------
    designs : DataFrame
        A trial begun today, by patients and follow-up: `patients, follow_up_months, used_after_years,
        threshold_name, threshold, evsi, se, changes` (chance that it changes the decision)`,
        beneficiaries, population_value, trial_cost, forgone, net_benefit, has_residual_pattern`. Money per
        patient (evsi, se), otherwise in all and discounted.
    extension : DataFrame
        The trial itself at each follow-up, its cost sunk where it has recruited: `follow_up_months,
        used_after_years, threshold_name, threshold, evsi, se, changes, beneficiaries,
        population_value, method` (importance sampling, or regression where its effective draws are too
        few)`, value_of_extension` (over its planned reading, whose result is used until
        then) and `primary_only` (nothing is used after the endpoint's time).
    check : DataFrame
        Regression next to importance sampling: `patients, follow_up_months, primary_only,
        threshold_name, threshold, evsi, se, importance_sampling, importance_se, effective_draws`.
    power : ExpectedPower
        Of the trial as designed.
    power_by_size : DataFrame
        `patients, better, worse, log_rank_better, needed, chance_of_needed`.
    observed : DataFrame
        `hazard_ratio, share_below` and `net_benefit_<threshold name>`: what would be believed of the
        intervention if the trial showed this hazard ratio.
    programme : Programme
    """

    designs: pd.DataFrame
    extension: pd.DataFrame
    check: pd.DataFrame
    power: ExpectedPower
    power_by_size: pd.DataFrame
    observed: pd.DataFrame
    programme: Programme
