"""Results of a run, made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from heor.decision import information
from heor.left_out import LeftOut
from heor.parameters.draws import CurveDraws
from heor.problem.problem import DecisionProblem
from heor.questions.one_way import one_way
from heor.runs.analysis import trial_findings
from heor.runs.results import Companion, Results, Structure
from heor.survival.families.distributions import DISTRIBUTIONS
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival.fitting.goodness import ModelComparison
from heor.survival.fitting.posterior import SurvivalPosterior
from heor.together import decide
from heor.usage.structures import STRUCTURES
from heor.valuation.simulate import simulate

DRAWS = 100  # fewer are too few to say how likely anything is


def made_up_fits(curves: dict[str, CurveDraws]) -> SurvivalFits:
    """One log-normal a curve, compared with nothing."""
    model = DISTRIBUTIONS["lognormal"]
    nan = float("nan")
    found = {"r_hat_max": nan, "ess_bulk_min": nan, "divergences": 0, "pareto_k": 0.1}
    posteriors = {}
    for name, curve in curves.items():
        own = {n: curve.theta[:, k] for k, n in enumerate(model.names)}
        theta = model.unconstrained(own)
        mean, sd = theta.mean(axis=0), theta.std(axis=0)
        endpoint = name.rsplit("_", 1)[1]
        posteriors[name, "lognormal"] = SurvivalPosterior(
            name, endpoint, "lognormal", model, (name,), "laplace", own, mean, sd, found, {}
        )
    unit = tuple(curves)
    row = {"family": "lognormal", "label": model.label, "difference": 0.0, "weight": 1.0}
    row |= {"difference_se": 0.0}
    comparison = ModelComparison(unit, pd.DataFrame([row]), {"lognormal": 1.0})
    weights = {unit: {"lognormal": 1.0}}
    return SurvivalFits(posteriors, {unit: comparison}, weights, {unit: 0.4})


def made_up_results(problem: DecisionProblem, made_up_draws: Callable) -> Results:
    """Results on log-normal curves with no fit behind them."""
    trial = replace(problem.trial, sizes=(40, 62), follow_ups=(1.0, 2.0))
    problem = replace(problem, settings=replace(problem.settings, draws=DRAWS), trial=trial)
    draws = made_up_draws(problem, DRAWS)
    model = DISTRIBUTIONS["lognormal"]
    curves = {k: replace(curve, families=(model,)) for k, curve in draws.curves.items()}
    draws = replace(draws, curves=curves)
    fits = made_up_fits(curves)
    simulation = simulate(problem, draws, workers=1)
    decision = decide(problem, simulation)
    deterministic, tornado = one_way(problem, fits, decision, LeftOut())
    known = pd.DataFrame({n: draws.values[n] for n in ("cure_if_operated", "log_hr_os")})
    groups = {"Treatment effect and cure": list(known)}
    grid = np.linspace(0, 1_000_000, 5)
    outcomes = simulation.outcomes
    beside = Companion("again", "The same run again", "A row below.", decision)
    return Results(
        problem=problem,
        draws=draws,
        fits=fits,
        simulation=simulation,
        decision=decision,
        deterministic=deterministic,
        tornado=tornado,
        information=information.information_table(outcomes, known, groups, decision.thresholds),
        information_curves=information.information_curves(outcomes, known, groups, grid),
        trial=trial_findings(problem, draws, simulation, decision, least_draws=DRAWS),
        companions=(beside,),
        structures=tuple(
            Structure(model, STRUCTURES[model], decision, simulation)
            for model in ("partitioned_survival", "semi_markov")
        ),
        warnings=("Something to read.",),
    )
