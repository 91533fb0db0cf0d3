"""Is the trial worth its cost? Expected net benefit of sampling over patients and follow-up.

Value: EVSI a patient, for the patients who arrive between the day the result is used and the end of the
decision's horizon. Cost: the trial's own, and the net benefit forgone by those who are randomised to
the strategy that looks worse today (Willan and Pinto 2005, doi:10.1002/sim.2062). Nobody but them is
treated differently before the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from heor.decision.trial_data import Design, enrol
from heor.decision.trial_power import ExpectedPower, expected_power
from heor.decision.trial_value import (
    Evidence,
    TrialValue,
    evsi,
    importance_sampling,
    observed_ratio,
)
from heor.errors import InputError
from heor.inputs.expressions import evaluate
from heor.inputs.problem import DecisionProblem, DiscountBand
from heor.inputs.trial import Trial
from heor.outcomes.discounting import discount_factor
from heor.outcomes.outcomes import Outcomes
from heor.parameters.draws import add_derived, central_values
from heor.streams import Streams

Thresholds = Sequence[tuple[str, float]]
Progress = Callable[[str, int, int], None]
LEAST_EFFECTIVE = 300  # draws for importance sampling to be relied on
POWER_DRAWS = 2000  # of the power by number of patients
RATIOS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0])


@dataclass(frozen=True)
class Programme:
    """What surrounds the trial, at the parameters' means. Times in years, money per patient or in all.

    `discounting` holds the rates of money, in bands, and `timing` how they compound.
    """

    accrual: float
    dropout: float
    reporting_delay: float
    fixed_cost: float
    cost_per_patient: float
    eligible: float
    horizon: float
    implementation: float
    discounting: tuple[DiscountBand, ...]
    timing: str = "annual_effective"

    @classmethod
    def of(cls, problem: DecisionProblem) -> Programme:
        assert problem.trial is not None
        values = {k: np.array([v]) for k, v in central_values(problem).items()}
        values = add_derived(problem, values)
        numbers = {
            name: float(np.asarray(evaluate(text, values)).ravel()[0])
            for name, text in problem.trial.expressions.items()
        }
        _refuse_impossible(problem.trial, numbers)
        country = problem.country
        return cls(**numbers, discounting=country.discount_costs, timing=country.discount_timing)

    def over(self, start: float, end: float) -> float:
        """Discounted years between two times from now; none where the end comes first.

        Exact enough for rates that change slowly: 201 points of the discount factor.
        """
        if end <= start:
            return 0.0
        time = np.linspace(start, end, 201)
        return float(trapezoid(discount_factor(self.discounting, time, self.timing), time))

    def beneficiaries(self, start: float) -> float:
        """Discounted patients treated after a result that is used from `start` on."""
        return self.eligible * self.implementation * self.over(start, self.horizon)

    def design(self, patients: int, follow_up: float, read_until: float = np.inf) -> Design:
        return Design(patients, follow_up, self.accrual, self.dropout, read_until)


def _refuse_impossible(trial: Trial, numbers: Mapping[str, float]) -> None:
    """Numbers no trial can have.

    Raises
    ------
    InputError
        All of them.
    """
    most = {"implementation": 1.0}
    wrong = []
    for name, value in numbers.items():
        least_words = "above 0" if name == "accrual" else "at least 0"
        if value < 0 or (name == "accrual" and value == 0) or value > most.get(name, np.inf):
            words = "between 0 and 1" if name in most else least_words
            wrong.append(
                f"trial.{name} ({trial.expressions[name]}) is {value:g}; must be {words}. Correct it."
            )
    if wrong:
        raise InputError(wrong)


@dataclass(frozen=True)
class TrialFindings:
    """Value of the trial.

    Attributes
    ----------
    designs : DataFrame
        A trial begun today, by patients and follow-up: `patients, follow_up_months, used_after_years,
        threshold_name, threshold, evsi, se, changes` (chance that it changes the decision)`,
        beneficiaries, population_value, trial_cost, forgone, net_benefit, suspicious`. Money per
        patient (evsi, se), otherwise in all and discounted.
    extension : DataFrame
        The trial itself at each follow-up, its cost sunk where it has recruited: `follow_up_months,
        used_after_years, threshold_name, threshold, evsi, se, changes, beneficiaries,
        population_value, method` (importance sampling, or regression where its effective draws are too
        few)`, value_of_extension` (over its planned reading, whose result is used until
        then) and `primary_only` (nothing is used after the endpoint's time).
    check : DataFrame
        Regression beside importance sampling: `patients, follow_up_months, primary_only,
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


def longest_follow_up(problem: DecisionProblem) -> float:
    """Years of survival that the designs of the problem's trial can see."""
    trial, programme = problem.trial, Programme.of(problem)
    assert trial is not None
    designs = [
        programme.design(n, f)
        for n in (*trial.sizes, trial.patients)
        for f in (*trial.follow_ups, trial.follow_up, trial.endpoint)
    ]
    return max(d.longest for d in designs)


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
            rows.append(row | {"suspicious": value.is_suspicious})
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
            rows.append(row | {"suspicious": value.is_suspicious})
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
        table[f"net_benefit_{name}"] = np.interp(inside, ratio, benefit[:, k])
    return table
