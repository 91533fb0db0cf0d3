"""What the figures and tables of a decision need, whoever made the outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from heor.decision.decision import Decision
from heor.outcomes.outcomes import Outcomes
from heor.report.format.selection import left_out, selected
from heor.report.format.words import parameter_label
from heor.runs.results import Results


@dataclass(frozen=True)
class Comparison:
    """Outcomes and their decision tables, with words for them.

    Attributes
    ----------
    labels : dict
        Strategy → label.
    prices : str
        Currency and price year in words.
    words : function
        Name of a parameter or group → label.
    information, information_curves : DataFrame
        Of `heor.decision.information`; empty without parameters.
    """

    labels: Mapping[str, str]
    comparator: str
    intervention: str
    currency: str
    prices: str
    outcomes: Outcomes
    decision: Decision
    information: pd.DataFrame = field(default_factory=pd.DataFrame)
    information_curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    words: Callable[[str], str] = str
    quick: bool = False

    @cached_property
    def shown(self) -> list[str]:
        """Strategies that charts show."""
        return selected(self.decision, list(self.labels), self.comparator, self.intervention)

    @property
    def left_out(self) -> str:
        """What charts say of the others."""
        return left_out(len(self.shown), len(self.labels))

    @classmethod
    def of(cls, results: Results) -> Comparison:
        """Of a run of this model."""
        problem, country = results.problem, results.problem.country
        return cls(
            labels={name: s.label for name, s in problem.strategies.items()},
            comparator=problem.settings.comparator,
            intervention=problem.settings.intervention,
            currency=country.currency,
            prices=f"{country.currency}, {country.price_year} prices",
            outcomes=results.simulation.outcomes,
            decision=results.decision,
            information=results.information,
            information_curves=results.information_curves,
            words=lambda name: parameter_label(problem, name),
            quick=problem.settings.fit.quick,
        )
