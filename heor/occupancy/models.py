"""The models by name, and what each is given of a strategy in a block of draws."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from heor.occupancy import declared, illness_death
from heor.occupancy.declaration import Declared
from heor.occupancy.partitioned import partitioned_survival
from heor.occupancy.state_occupancy import StateOccupancy
from heor.problem.curve_types import RelativeCurve
from heor.problem.expressions import names_in
from heor.problem.strategy import Strategy
from heor.streams import Streams
from heor.survival.curves.curve import Curve
from heor.survival.curves.process import Process, strategy_process
from heor.survival.curves.strategy_curves import CurveContext, strategy_curves
from heor.survival.evidence.background import cumulative_hazard_by_sex


@dataclass(frozen=True)
class StrategyBlock:
    """A strategy in a block of draws. What no model asks for is not computed.

    Attributes
    ----------
    context : CurveContext
    strategy : Strategy
    time : ndarray, dims (time,)
        Cycle boundaries, years.
    first_draw : int
        Number of the block's first draw.
    """

    context: CurveContext
    strategy: Strategy
    time: np.ndarray
    first_draw: int = 0

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Share of each group of the strategy. Dims: draw."""
        value = self.context.draws.value
        return {name: value(share) for name, share in self.strategy.groups.items()}

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """The curves of the endpoints. Dims: (draw, time)."""
        return strategy_curves(self.context, self.strategy, self.time)

    @cached_property
    def process(self) -> Process:
        """The strategy's illness-death process."""
        return strategy_process(self.context, self.strategy, self.time)

    @cached_property
    def reference(self) -> Process:
        """The process of the fitted strategy that this one is relative to; its own otherwise."""
        curve = self.strategy.curves["pfs"]
        if not isinstance(curve, RelativeCurve):
            return self.process
        donor = self.context.problem.strategies[curve.relative_to]
        return strategy_process(self.context, donor, self.time)

    @property
    def declared(self) -> Declared:
        """The strategy's declared transitions."""
        return Declared(self.context, self.strategy, self.time)

    @property
    def used_curves(self) -> Mapping[str, Curve]:
        """The curves the model follows: all, or PFS where survival follows from the process."""
        if self.context.problem.settings.model == "partitioned_survival":
            return self.curves
        if self.strategy.transitions:
            return {}
        return {"pfs": self.process.leaving}

    @property
    def _values_of_transitions(self) -> tuple[bytes, ...]:
        """Values of all names that declared transitions and the start use."""
        values, strategy = self.context.draws.values, self.strategy
        texts = [text for t in strategy.transitions for text in (t.expression, t.hazard_ratio)]
        names = {name for text in (*texts, *strategy.start.values()) for name in names_in(text)}
        return tuple(values[name].tobytes() for name in sorted(names & values.keys()))

    @property
    def key(self) -> tuple[Hashable, ...]:
        """All that occupancy depends on: problems that agree in it share the result."""
        settings = self.context.problem.settings
        if self.strategy.transitions:
            own = settings.model, id(self.context.problem), self.strategy.name
            return (*own, *self._values_of_transitions)
        groups = [(name, share.tobytes()) for name, share in self.groups.items()]
        if settings.model == "partitioned_survival":
            return (settings.model, *map(id, self.curves.values()), *groups)
        # cycles of different lengths may share a grid, and with it the process
        process = (self.time.tobytes(), id(self.process), id(self.reference))
        return (settings.model, settings.patients, *process, *groups)


def _partitioned_survival(block: StrategyBlock) -> StateOccupancy:
    hazard = np.diff(block.context.background(block.time).cumulative_hazard)
    states, draws = block.context.problem.settings.states, block.context.draws
    return partitioned_survival(block.strategy, block.curves, states, draws, hazard)


def _state_transition(block: StrategyBlock) -> StateOccupancy:
    return illness_death.state_transition(block.process, block.reference, block.time, block.groups)


def _semi_markov(block: StrategyBlock) -> StateOccupancy:
    return illness_death.semi_markov(block.process, block.time, block.groups)


def _individual(block: StrategyBlock) -> StateOccupancy:
    from heor.occupancy.patients import Cohort, individual  # compiled: only where it is used

    problem, curve = block.context.problem, block.strategy.curves["pfs"]
    ratio = getattr(curve, "cured_mortality_ratio", "1")
    table, start_age = problem.country.life_table, problem.start_age
    grid = block.process.grid.time
    cohort = Cohort(
        problem.share_male,
        cumulative_hazard_by_sex(table, start_age, grid),
        block.context.draws.value(ratio),
    )
    return individual(
        block.process,
        cohort,
        block.time,
        block.groups,
        patients=problem.settings.patients,
        key=Streams(problem.settings.seed).key("patients"),
        first_draw=block.first_draw,
    )


def _declared_individual(block: StrategyBlock) -> StateOccupancy:
    settings = block.context.problem.settings
    return declared.individual(block.declared, settings.patients, settings.seed, block.first_draw)


def occupancy(block: StrategyBlock) -> StateOccupancy:
    """Occupancy of a strategy under the model the settings name."""
    models = DECLARED if block.strategy.transitions else MODELS
    return models[block.context.problem.settings.model](block)


MODELS: Mapping[str, Callable[[StrategyBlock], StateOccupancy]] = {
    "partitioned_survival": _partitioned_survival,
    "state_transition": _state_transition,
    "semi_markov": _semi_markov,
    "individual": _individual,
}

#: The same words, where the inputs declare states and transitions.
DECLARED: Mapping[str, Callable[[StrategyBlock], StateOccupancy]] = {
    "state_transition": lambda block: declared.state_transition(block.declared),
    "semi_markov": lambda block: declared.semi_markov(block.declared),
    "individual": _declared_individual,
}
