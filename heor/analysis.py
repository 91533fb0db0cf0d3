"""The whole method on one page: a decision problem in, results out.

parameters → draws → survival posteriors → curves → state occupancy → costs and QALYs → decision.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from heor.decision import acceptability, cost_effectiveness, sensitivity
from heor.decision.severity import severity
from heor.errors import HeorWarning
from heor.inputs.problem import DecisionProblem
from heor.parameters.draws import Draws, add_derived, central_values, draw_parameters
from heor.results import Companion, Decision, Results, Simulation
from heor.simulation import simulate, simulate_together
from heor.streams import Streams
from heor.survival import background, goodness, joining
from heor.survival.posterior import FitRequest, SurvivalPosterior, fit_all

Progress = Callable[[str, int, int], None]
Posteriors = Mapping[tuple[str, str], SurvivalPosterior]
Weights = Mapping[joining.Pair, Mapping[str, float]]


def evaluate(
    problem: DecisionProblem,
    companions: Mapping[str, DecisionProblem] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Evaluate a decision problem, and its companion scenarios on the same random numbers.

    Parameters
    ----------
    problem
        From `heor.load`.
    companions
        Name → problem: scenarios reported beside this one.
    cache
        Folder of fitted posteriors; None fits anew.
    progress
        Called with (stage, done, total).

    Raises
    ------
    FitError
        A posterior failed its diagnostics.
    ModelError
        A law of the model broke.
    """
    companions = companions or {}
    streams = Streams(problem.settings.seed)
    started, timings = perf_counter(), {}

    def stamp(stage: str) -> None:
        timings[stage] = perf_counter() - started - sum(timings.values())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)
        posteriors = fit([problem, *companions.values()], streams, cache, progress)
        stamp("survival fits")
        comparison = {
            pair: goodness.compare(posteriors, pair, cache)
            for pair in _pairs([problem, *companions.values()])
        }
        stamp("comparison of fits")
        problems = {"": problem, **companions}
        weights = {name: family_weights(p, comparison) for name, p in problems.items()}
        draws = sample(problems, posteriors, weights, streams)
        stamp("draws")
        simulations = simulate_together(
            {name: (p, draws[name]) for name, p in problems.items()}, progress
        )
        stamp("model")
        decisions = {name: decide(p, simulations[name]) for name, p in problems.items()}
        deterministic, tornado = one_way(problem, posteriors, weights[""], decisions[""])
        stamp("decision and one-way sensitivity")
    return Results(
        problem=problem,
        draws=draws[""],
        posteriors=posteriors,
        comparison=comparison,
        weights=weights[""],
        simulation=simulations[""],
        decision=decisions[""],
        deterministic=deterministic,
        tornado=tornado,
        companions=tuple(
            Companion(name, p.scenario_label, p.scenario_why, decisions[name])
            for name, p in companions.items()
        ),
        warnings=(
            *dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, HeorWarning)),
            *simulations[""].warnings,
        ),
        timings=timings,
    )


def _pairs(problems: Iterable[DecisionProblem]) -> list[joining.Pair]:
    return list(dict.fromkeys(pair for p in problems for pair in joining.fitted_pairs(p)))


def fit(
    problems: Iterable[DecisionProblem],
    streams: Streams,
    cache: Path | None,
    progress: Progress | None,
) -> Posteriors:
    """Posteriors of every curve the problems use, each fitted once.

    The data are all-cause: the excess hazard is fitted over the background mortality of the
    patients' own age and sex mix.
    """
    requests: dict[tuple[str, str], FitRequest] = {}
    settings = None
    for problem in problems:
        settings = settings or problem.settings.fit
        for pair in joining.fitted_pairs(problem):
            for name in pair:
                evidence = problem.evidence[name]
                hazard = background.of_evidence(problem.country.life_table, evidence)
                for family in joining.families_of(problem):
                    requests[name, family] = FitRequest(evidence, family, hazard)
    return fit_all(list(requests.values()), settings, streams, cache, progress)


def family_weights(
    problem: DecisionProblem, comparison: Mapping[joining.Pair, goodness.ModelComparison]
) -> Weights:
    """Share of draws of each family: all to the analyst's choice, or the stacking weights."""
    choice = problem.settings.extrapolation
    pairs = joining.fitted_pairs(problem)
    if choice != "stacked":
        return {pair: {choice: 1.0} for pair in pairs}
    return {pair: {f: w for f, w in comparison[pair].weights.items() if w > 0} for pair in pairs}


def sample(
    problems: Mapping[str, DecisionProblem],
    posteriors: Posteriors,
    weights: Mapping[str, Weights],
    streams: Streams,
) -> dict[str, Draws]:
    """One draw axis for parameters and curves; problems on the same curves share their draws."""
    known: dict[str, dict] = {}
    quantiles: dict[tuple, np.ndarray] = {}
    out = {}
    for name, problem in problems.items():
        n = problem.settings.draws
        key = repr((n, weights[name]))
        if key not in known:
            known[key] = joining.curve_draws(problem, posteriors, weights[name], n, streams)
        out[name] = Draws(draw_parameters(problem, n, streams, quantiles), known[key])
    return out


def decide(problem: DecisionProblem, simulation: Simulation) -> Decision:
    """Tables of the decision; the severity-weighted threshold is fixed from the mean comparator."""
    outcomes, settings, country = simulation.outcomes, problem.settings, problem.country
    roles = settings.comparator, settings.intervention
    comparator = outcomes.strategies.index(settings.comparator)
    shortfall = severity(
        country, problem.start_age, outcomes.component("qalys_undiscounted")[:, comparator]
    )
    thresholds = [(f"{t:.0f}", t) for t in country.thresholds]
    if shortfall is not None:
        thresholds.insert(1, ("severity", shortfall.threshold))
    tables = {
        "strategies": cost_effectiveness.strategy_table(outcomes),
        "increments": cost_effectiveness.increment_table(outcomes, *roles),
        "icer": cost_effectiveness.icer_table(outcomes, *roles),
        "net_benefit": cost_effectiveness.net_benefit_table(outcomes, *roles, thresholds),
    }
    low, high, points = settings.ceac_thresholds
    tables["ceac"] = acceptability.ceac(outcomes, np.linspace(low, high, points))
    if shortfall is not None:
        tables["severity_classes"] = shortfall.class_probabilities
        tables["severity_ages"] = shortfall.class_ages
    return Decision(tables, tuple(thresholds), shortfall)


def one_way(
    problem: DecisionProblem, posteriors: Posteriors, weights: Weights, decision: Decision
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deterministic answer, and one-way sensitivity around it.

    Every parameter at its mean, pooled effects at their median, each survival family at its
    posterior mean; outcomes are averaged over families with their weights. One more row moves the
    family itself.
    """
    cases = sensitivity.one_way_cases(problem)
    (share,) = list(weights.values())[:1]
    families = tuple(share)
    n_cases, n_families = len(cases) + 1, len(families)
    values = {k: np.full((n_cases, n_families), v) for k, v in central_values(problem).items()}
    for i, case in enumerate(cases, start=1):
        for name, value in {case.name: case.value, **case.also}.items():
            values[name][i] = value
    flat = add_derived(problem, {k: v.ravel() for k, v in values.items()})
    draws = Draws(flat, joining.central_curves(problem, posteriors, families, n_cases))
    outcomes = simulate(problem, draws).outcomes
    changes = cost_effectiveness.increments(
        outcomes, problem.settings.comparator, problem.settings.intervention
    )
    weight = np.array([share[f] for f in families])
    by_case = {k: v.reshape(n_cases, n_families) @ weight for k, v in changes.items()}
    by_family = {k: v[:n_families] for k, v in changes.items()}
    base = {k: v[0] for k, v in by_case.items()}
    tornado = sensitivity.tornado(
        problem,
        cases,
        by_case["cost"][1:],
        by_case["qalys"][1:],
        (base["cost"], base["qalys"]),
        decision.thresholds,
    )
    rows = [{"case": "base", **base}]
    rows += [
        {"case": f"family {f}", **{k: v[i] for k, v in by_family.items()}}
        for i, f in enumerate(families)
    ]
    table = pd.DataFrame(rows)
    table.insert(1, "icer", np.where(table["qalys"] > 0, table["cost"] / table["qalys"], np.nan))
    return table, tornado
