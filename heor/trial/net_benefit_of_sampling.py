"""Is the trial worth its cost? Expected net benefit of sampling over patients and follow-up.

Value: EVSI a patient, for the patients who arrive between the day the result is used and the end of the
decision's horizon. Cost: the trial's own, and the net benefit forgone by those who are randomised to
the strategy that looks worse today (Willan and Pinto 2005, doi:10.1002/sim.2062). Nobody but them is
treated differently before the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from heor.decision.thresholds import Thresholds, column
from heor.outcomes.outcomes import Outcomes
from heor.problem.problem import DecisionProblem
from heor.problem.trial_design import Trial
from heor.streams import Streams
from heor.trial.data import Design, enrol
from heor.trial.findings import TrialFindings
from heor.trial.power import ExpectedPower, expected_power
from heor.trial.programme import LEAST_EFFECTIVE, RATIOS, Programme
from heor.trial.value import Evidence, TrialValue, evsi, importance_sampling, observed_ratio

Progress = Callable[[str, int, int], None]
POWER_DRAWS = 2000  # of the power by number of patients


def value_of_trial(
    problem: DecisionProblem,
    outcomes: Outcomes,
    survival: np.ndarray,
    time: np.ndarray,
    thresholds: Thresholds,
    streams: Streams,
    progress: Progress | None = None,
) -> TrialFindings:
    """Value of the problem's trial and of other designs of it.

    Parameters
    ----------
    outcomes
        Of all strategies; the comparator and the intervention are the arms.
    survival : ndarray, dims (draw, strategy, time)
        All-cause survival of every strategy.
    time : ndarray, dims (time,)
        Years from randomisation.
    thresholds
        Names and values, fixed for all of the run.
    """
    trial, programme = problem.trial, Programme.of(problem)
    assert trial is not None
    roles = problem.settings.comparator, problem.settings.intervention
    arms = [outcomes.strategies.index(r) for r in roles]
    order = [*arms, *(i for i in range(len(outcomes.strategies)) if i not in arms)]
    evidence = Evidence(
        replace(outcomes, data=outcomes.data.isel(strategy=order)),
        np.asarray(survival[:, arms], float),
        np.asarray(time, float),
    )
    money = [value for _, value in thresholds]
    follow_ups = sorted({*trial.follow_ups, trial.follow_up})
    sizes = sorted({*trial.sizes, trial.patients})
    designs = [programme.design(n, f) for n in sizes for f in follow_ups]
    first = programme.design(trial.patients, trial.endpoint, trial.endpoint)
    values = evsi(
        evidence, [*designs, first], money, streams.generator("trial/regression"), progress
    )
    grid, primary = values[:-1], values[-1]
    own = [v for v in grid if v.design.patients == trial.patients]
    likelihood = {
        v.design: importance_sampling(
            evidence, v.design, money, streams.generator("trial/importance")
        )
        for v in (*own, primary)
    }
    # Forgone by the half that gets what looks worse today: against what is best on average.
    benefit = [t * outcomes.qalys.mean(axis=0) - outcomes.cost.mean(axis=0) for t in money]
    forgone = [float(b.max() - b[arms].mean()) for b in benefit]
    return TrialFindings(
        designs=_designs(grid, programme, thresholds, forgone),
        extension=_extension(
            [_better(v, likelihood[v.design]) for v in (primary, *own)],
            trial,
            programme,
            thresholds,
        ),
        check=_check([*own, primary], likelihood, thresholds),
        **_powers(evidence, trial, programme, sizes, streams),
        observed=_observed(
            evidence, programme.design(trial.patients, trial.follow_up), thresholds, streams
        ),
        programme=programme,
    )


def _row(value: TrialValue, k: int, thresholds: Thresholds) -> dict:
    name, threshold = thresholds[k]
    return {
        "threshold_name": name,
        "threshold": threshold,
        "evsi": value.value[k],
        "se": value.se[k],
        "changes": value.changes[k],
    }


def _designs(
    values: Sequence[TrialValue],
    programme: Programme,
    thresholds: Thresholds,
    forgone: Sequence[float],
) -> pd.DataFrame:
    rows = []
    for value in values:
        design = value.design
        used = design.recruitment + design.follow_up + programme.reporting_delay
        people = programme.beneficiaries(used)
        enrolled = programme.accrual * programme.over(0.0, design.recruitment)  # discounted
        cost = programme.fixed_cost + programme.cost_per_patient * enrolled
        for k in range(len(thresholds)):
            row = {
                "patients": design.patients,
                "follow_up_months": design.follow_up * 12,
                "used_after_years": used,
                **_row(value, k, thresholds),
                "beneficiaries": people,
                "population_value": value.value[k] * people,
                "trial_cost": cost,
                "forgone": forgone[k] * enrolled,
            }
            row["net_benefit"] = row["population_value"] - cost - row["forgone"]
            rows.append(row | {"has_residual_pattern": value.has_residual_pattern})
    return pd.DataFrame(rows)


def _better(regression: TrialValue, likelihood: TrialValue) -> TrialValue:
    """Importance sampling loses nothing to a summary, as long as enough draws explain a trial."""
    return likelihood if likelihood.effective >= LEAST_EFFECTIVE else regression


def _extension(
    values: Sequence[TrialValue], trial: Trial, programme: Programme, thresholds: Thresholds
) -> pd.DataFrame:
    """The first of the values uses nothing seen after the endpoint's time."""
    primary, own = values[0], values[1:]
    planned = next(v for v in own if v.design.follow_up == trial.follow_up)
    since = trial.since_last_inclusion
    rows = []
    for value in values:
        design = value.design
        until = design.recruitment + design.follow_up if since is None else design.follow_up - since
        used = max(until, 0.0) + programme.reporting_delay
        people = programme.beneficiaries(used)
        for k in range(len(thresholds)):
            row = {
                "follow_up_months": design.follow_up * 12,
                "primary_only": value is primary,
                "used_after_years": used,
                **_row(value, k, thresholds),
                "beneficiaries": people,
                "population_value": value.value[k] * people,
                "method": "importance sampling" if np.isfinite(value.effective) else "regression",
                "value_of_extension": (value.value[k] - planned.value[k]) * people
                if value is not primary and design.follow_up >= trial.follow_up
                else np.nan,
            }
            rows.append(row | {"has_residual_pattern": value.has_residual_pattern})
    return pd.DataFrame(rows)


def _check(
    values: Sequence[TrialValue], likelihood: Mapping[Design, TrialValue], thresholds: Thresholds
) -> pd.DataFrame:
    """Regression and importance sampling of the trial's own designs, side by side."""
    rows = []
    for value in values:
        design, other = value.design, likelihood[value.design]
        rows += [
            {
                "patients": design.patients,
                "follow_up_months": design.follow_up * 12,
                "primary_only": np.isfinite(design.read_until),
                **_row(value, k, thresholds),
                "importance_sampling": other.value[k],
                "importance_se": other.se[k],
                "effective_draws": other.effective,
            }
            for k in range(len(thresholds))
        ]
    return pd.DataFrame(rows).drop(columns="changes")


def _powers(
    evidence: Evidence, trial: Trial, programme: Programme, sizes: Sequence[int], streams: Streams
) -> dict:
    """Expected power of the trial, and by number of patients on fewer draws."""

    def power(patients: int, draws: int | None) -> ExpectedPower:
        design = programme.design(patients, trial.follow_up)
        survival = evidence.survival[:draws]
        generator = streams.generator("trial/power")
        people = enrol(survival, evidence.time, patients, design.dropout, generator)
        return expected_power(
            people, survival, evidence.time, design, trial.endpoint, trial.significance
        )

    own = power(trial.patients, None)
    found = {n: own if n == trial.patients else power(n, POWER_DRAWS) for n in sizes}
    rows = [{"patients": n, **vars(p)} for n, p in found.items()]
    return {"power": own, "power_by_size": pd.DataFrame(rows).drop(columns=["survival", "se"])}


def _observed(
    evidence: Evidence, design: Design, thresholds: Thresholds, streams: Streams
) -> pd.DataFrame:
    """What would be believed of net benefit, by the hazard ratio the trial shows."""
    generator = streams.generator("trial/observed")
    ratio, benefit = observed_ratio(evidence, design, [t for _, t in thresholds], generator)
    low, high = np.quantile(ratio, [0.005, 0.995])  # beyond, too few trials say anything
    inside = RATIOS[(low <= RATIOS) & (high >= RATIOS)]
    table = pd.DataFrame({"hazard_ratio": inside})
    table["share_below"] = np.searchsorted(ratio, inside) / len(ratio)
    for k, (name, _) in enumerate(thresholds):
        table[column("net_benefit", name)] = np.interp(inside, ratio, benefit[:, k])
    return table
