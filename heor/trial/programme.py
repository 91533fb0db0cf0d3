"""What surrounds a trial: recruitment, dropout, its cost, and whom its result reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid

from heor.errors import InputError
from heor.outcomes.discounting import discount_factor
from heor.parameters.draws import add_derived, central_values
from heor.problem.country import DiscountBand
from heor.problem.expressions import evaluate
from heor.problem.problem import DecisionProblem
from heor.problem.trial_design import Trial
from heor.trial.data import Design

RATIOS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0])

LEAST_EFFECTIVE = 300  # draws for importance sampling to be relied on


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
