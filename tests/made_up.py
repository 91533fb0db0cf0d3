"""What tests are made of: draws, curves and results that nothing was fitted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from heor.decision.decision import Decision
from heor.parameters.draws import CurveDraws, Draws, add_derived, draw_parameters
from heor.problem.country import DiscountBand
from heor.problem.curve_types import FittedCurve
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CostItem, Exposure, Strategy, UtilityItem
from heor.questions.response import Response
from heor.runs.analysis import Progress
from heor.simulation.blocks import Cases, Name
from heor.simulation.simulated import UNATTAINED, Simulation
from heor.streams import Streams
from heor.survival.families.distributions import get
from heor.survival.families.joint import build
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.together import run_first
from heor.valuation.simulate import simulate_and_keep

#: (mean, sd) of meanlog and of log sdlog: near the pooled FOLFIRI arms, with no fit behind them.
LOGNORMAL = {
    "os": ((-0.05, 0.03), (-0.12, 0.025)),
    "pfs": ((-0.90, 0.04), (-0.12, 0.03)),
}

#: Near the pooled FOLFIRI arms.
FOLFIRI = {
    "progression_meanlog": -0.8,
    "progression_sdlog": 0.95,
    "death_share": 0.12,
    "post_shape": 1.05,
    "post_scale": 0.9,
}


def joint_draws(
    problem: DecisionProblem,
    n: int = 20,
    family: str = "joint_lognormal_weibull",
    theta: dict[str, float] = FOLFIRI,
    **replaced: float,
) -> Draws:
    """Parameters drawn as ever, with one joint process in every draw."""
    model, values = build(family), draw_parameters(problem, n, Streams(1))
    own = {name: np.full(n, float(value)) for name, value in replaced.items()}
    values = {**add_derived(problem, {**values, **own}), **own}
    table = np.tile([theta[name] for name in model.names], (n, 1))
    curves = {
        curve.evidence: CurveDraws((model.marginal(endpoint),), np.zeros(n, int), table)
        for strategy in problem.strategies.values()
        for endpoint, curve in strategy.curves.items()
        if isinstance(curve, FittedCurve)
    }
    return Draws(values, curves)


def response_of(
    problem: DecisionProblem, cache: Path | None = None, progress: Progress | None = None
) -> tuple[Response, Decision, SurvivalFits]:
    """What questions of the kind "what if" are asked of: the run without its other analyses."""
    run = run_first(replace(problem, trial=None), cache, progress)
    return (
        Response.of(run),
        run.decision,
        run.fits,
    )


def simulate_together(
    cases: Cases,
    progress: Progress | None = None,
    workers: int | None = None,
    unattained_most: float = UNATTAINED,
) -> dict[Name, Simulation]:
    """Evaluate several problems with equally many draws; what they share is computed once.

    Raises
    ------
    ModelError
        When a law of occupancy or outcomes breaks.
    """
    return simulate_and_keep(cases, (), (), progress, workers, unattained_most)[0]


def hand_made_draws(
    problem: DecisionProblem,
    n: int,
    seed: int = 1,
    replaced: Mapping[str, float | np.ndarray] | None = None,
) -> Draws:
    """Draws of every parameter, with log-normal curves of invented posteriors for each evidence.

    `replaced` sets parameters (what derives from them follows) or derived quantities.
    """
    streams = Streams(seed)
    curves = {}
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            if isinstance(curve, FittedCurve):
                (mean, sd), (log_mean, log_sd) = LOGNORMAL[endpoint]
                z = streams.generator(f"made up/{endpoint}").standard_normal((n, 2))
                theta = np.stack([mean + sd * z[:, 0], np.exp(log_mean + log_sd * z[:, 1])], axis=1)
                family = np.zeros(n, int)
                curves[curve.evidence] = CurveDraws((get("lognormal"),), family, theta)
    own = {
        name: np.broadcast_to(np.asarray(value, float), (n,)).copy()
        for name, value in (replaced or {}).items()
    }
    values = draw_parameters(problem, n, streams)
    assert set(own) <= set(values), set(own) - set(values)
    values = add_derived(problem, {**values, **own})
    return Draws({**values, **own}, curves)


@dataclass(frozen=True)
class Partitioned:
    """A partitioned survival model of another program: nobody dies but of its curves.

    Attributes
    ----------
    curves
        Strategy → endpoint → parameters of a distribution in every draw, in the order it declares them.
    states
        Names, one more than endpoints; the last is dead.
    costs, utilities
        State → expression: money and utility of a year in it.
    """

    curves: Mapping[str, Mapping[str, np.ndarray]]
    states: tuple[str, ...]
    costs: Mapping[str, str]
    utilities: Mapping[str, str]
    rate: float
    timing: str
    cycle: float
    years: float
    rule: str = "trapezoid"

    def problem(self, base: DecisionProblem) -> DecisionProblem:
        """Put into a decision problem, whose own rules are kept where these do not name them."""
        endpoints = tuple(next(iter(self.curves.values())))
        country = replace(
            base.country,
            life_table=replace(
                base.country.life_table,
                q_male=np.zeros_like(base.country.life_table.q_male),
                q_female=np.zeros_like(base.country.life_table.q_female),
                closing="constant_hazard",
            ),
            norms=replace(
                base.country.norms, utility=np.ones_like(base.country.norms.utility), by_sex=None
            ),
            discount_costs=(DiscountBand(0, None, self.rate),),
            discount_effects=(DiscountBand(0, None, self.rate),),
            discount_timing=self.timing,
        )
        names = list(self.curves)
        settings = replace(
            base.settings,
            model="partitioned_survival",
            states=self.states,
            endpoints=endpoints,
            comparator=names[0],
            intervention=names[-1],
            cycle=self.cycle,
            end_age=base.start_age + self.years,
            within_cycle=self.rule,
            categories={state: state for state in self.costs},
            structures=(),
        )
        strategies = {name: self._strategy(name, endpoints) for name in names}
        return replace(
            base,
            country=country,
            settings=settings,
            strategies=strategies,
            evidence_life_table=country.life_table,
            trial=None,
        )

    def _strategy(self, name: str, endpoints: Sequence[str]) -> Strategy:
        alive = self.states[:-1]
        stream = "health_service"
        return Strategy(
            name,
            name,
            {e: FittedCurve(f"{name} {e}", ("weibull",)) for e in endpoints},
            {state: Exposure(state, state=state) for state in alive},
            {s: CostItem(s, s, self.costs[s], s, stream) for s in self.costs},
            {s: UtilityItem(s, s, multiplier=self.utilities[s]) for s in self.utilities},
        )

    def draws(self, values: Mapping[str, np.ndarray]) -> Draws:
        """Draws of the curves and of what prices and utilities are made of."""
        found = {
            f"{name} {endpoint}": CurveDraws((get("weibull"),), np.zeros(len(theta), int), theta)
            for name, curves in self.curves.items()
            for endpoint, theta in curves.items()
        }
        return Draws(values, found)
