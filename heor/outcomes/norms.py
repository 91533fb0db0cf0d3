"""Utility of the population by age."""

from __future__ import annotations

import numpy as np

from heor.problem.country import UtilityNorms
from heor.problem.problem import DecisionProblem


def norm_at(norms: UtilityNorms, age: np.ndarray) -> np.ndarray:
    """Population utility at each age; beyond the table its first or last value. Dims: as `age`."""
    # An age is reached a hair early by floating point: 62 + 12/12 must count as 63.
    index = np.clip(np.floor(age + 1e-9) - norms.age[0], 0, len(norms.age) - 1).astype(int)
    return norms.utility[index]


def norm(problem: DecisionProblem, time: np.ndarray) -> np.ndarray:
    """Population utility at each time. Dims: time."""
    return norm_at(problem.country.norms, problem.start_age + np.asarray(time))
