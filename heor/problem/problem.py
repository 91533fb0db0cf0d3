"""The types a decision problem is made of. Frozen: made once by `load`, never mutated.

Inside, time is in years, rates are per year and money is in the country's currency at its
price year. Units are converted in `heor.inputs` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heor.problem.country import Country, LifeTable
from heor.problem.curve_types import Opinion
from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Correlation, Origin, Parameter, Source, Synthesis
from heor.problem.settings import Settings
from heor.problem.strategy import Strategy
from heor.problem.study import Study
from heor.problem.trial_design import Trial
from heor.problem.what_if_targets import WhatIf
from heor.streams import PSEUDO_RANDOM, Streams, most_replicates


@dataclass(frozen=True)
class DecisionProblem:
    """Everything an analysis needs, checked. Made by `heor.load`.

    `covariates`: name → value of each patient of the individual model, dims (patient,). `trial`: the
    one whose value is asked for. `prices`: parameters whose value-based price is shown.
    `evidence_life_table`: of the patients of the evidence, None: the country's own. `allow_generic`:
    whether stand-ins for what the country must supply were allowed. `study`: what its authors state.
    """

    title: str
    question: str
    settings: Settings
    country: Country
    strategies: Mapping[str, Strategy]
    parameters: Mapping[str, Parameter]
    derived: Mapping[str, str]
    syntheses: Mapping[str, Synthesis]
    correlations: tuple[Correlation, ...]
    evidence: Mapping[str, SurvivalEvidence]
    sources: Mapping[str, Source]
    origins: Mapping[str, Origin]
    companions: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    scenario: str | None = None
    scenario_label: str = "Base case"
    scenario_why: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    input_hashes: Mapping[str, str] = field(default_factory=dict)
    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)
    trial: Trial | None = None
    prices: tuple[str, ...] = ()
    what_if: tuple[WhatIf, ...] = ()
    evidence_life_table: LifeTable | None = None
    allow_generic: bool = False
    study: Study = Study()

    @property
    def trial_life_table(self) -> LifeTable:
        """Background mortality of the evidence's patients: the same in every country's run."""
        return self.evidence_life_table or self.country.life_table

    @property
    def borrows_every_price(self) -> bool:
        """Whether all unit costs are another country's."""
        prices = [p for p in self.parameters.values() if p.price_year is not None]
        return bool(prices) and all(p.donor for p in prices)

    @property
    def replicates(self) -> int:
        """Equal blocks of draws, independent of each other: 1 for independent draws."""
        settings = self.settings
        if settings.sampling == PSEUDO_RANDOM:
            return 1
        return most_replicates(settings.draws, settings.replicates)

    @property
    def streams(self) -> Streams:
        """The random numbers of a run."""
        settings = self.settings
        return Streams(settings.seed, settings.sampling, self.replicates)

    @property
    def strategies_with_curves(self) -> list[Strategy]:
        """Those whose survival is given by curves, not by declared transitions."""
        return [s for s in self.strategies.values() if s.curves]

    @property
    def start_age(self) -> float:
        return self.parameters["start_age"].mean

    @property
    def share_male(self) -> float:
        return self.parameters["share_male"].mean

    @property
    def horizon(self) -> float:
        """Years from time zero to `end_age`."""
        return self.settings.end_age - self.start_age

    @property
    def time(self) -> np.ndarray:
        """Cycle boundaries in years, from 0 to the horizon. Dims: time.

        The last cycle is shorter where cycles do not fill the horizon.
        """
        cycles = int(self.horizon / self.settings.cycle + 1e-9)
        time = np.arange(cycles + 1) * self.settings.cycle
        return time if self.horizon - time[-1] < 1e-9 else np.append(time, self.horizon)

    def origin(self, name: str) -> Origin:
        """Where `name` (a parameter or a dotted setting) was last set."""
        if name in self.parameters:
            return self.parameters[name].origin
        return self.origins[name]
