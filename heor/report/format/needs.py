"""What parts of a report need: the same part serves a run and the survival layer alone."""

from __future__ import annotations

from typing import Protocol

from heor.problem.problem import DecisionProblem
from heor.survival.fitting.fit_problems import SurvivalFits


class HasProblem(Protocol):
    """Results of a decision problem."""

    @property
    def problem(self) -> DecisionProblem: ...


class HasFits(HasProblem, Protocol):
    """Results with fits: of a whole run, or of the survival layer alone."""

    @property
    def fits(self) -> SurvivalFits: ...
