"""The whole method on one page: a decision problem in, results out.

parameters → draws → survival posteriors → curves → state occupancy → costs and QALYs → decision.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from heor import questions, what_if
from heor.decision import cost_effectiveness, information, sensitivity
from heor.decision.information import CURVE_POINTS, ENOUGH_DRAWS
from heor.decision.net_benefit_of_sampling import TrialFindings, value_of_trial
from heor.decision.priorities import population, source_first
from heor.decision.severity import Severity, severity_of
from heor.decision.tables import decision_tables
from heor.errors import HeorWarning, InputError
from heor.inputs.checks import SURVIVAL
from heor.inputs.problem import DecisionProblem
from heor.inputs.remarks import remarks
from heor.inputs.structures import STRUCTURES, cohort_equivalent, fault, with_structure
from heor.parameters.draws import Draws, add_derived, central_values
from heor.results import Companion, Decision, Results, Simulation, Structure
from heor.sampling import sample
from heor.simulation import simulate, simulate_together
from heor.streams import Streams
from heor.survival import joining
from heor.survival.choices import holds
from heor.survival.fitting import SurvivalFits, fit_problems
from heor.survival.joining import fitted_units
from heor.what_if import Response

Progress = Callable[[str, int, int], None]


def evaluate(
    problem: DecisionProblem,
    companions: Mapping[str, DecisionProblem] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    alternatives: Mapping[str, DecisionProblem | InputError] | None = None,
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
    alternatives
        Name → problem: scenarios under which questions of `what_if` are asked; or why one cannot be.

    Raises
    ------
    FitError
        A posterior failed its diagnostics.
    ModelError
        A law of the model broke.
    """
    companions = companions or {}
    streams = problem.streams
    started, timings = perf_counter(), {}

    def stamp(stage: str) -> None:
        timings[stage] = perf_counter() - started - sum(timings.values())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)
        # the trial's value is asked for under this run's own assumptions
        problems = {"": problem} | {k: replace(p, trial=None) for k, p in companions.items()}
        fits = fit_problems(problems, streams, cache, progress)
        others, faults = other_structures(problem)
        # a companion may bear a model's name; no scenario's name holds a slash
        others = {f"model/{model}": other for model, other in others.items()}
        for name, other in others.items():
            fits[name] = structure_fits(other, fits[""], streams, cache)
        problems |= others
        stamp("survival fits")
        draws = sample(problems, fits, streams)
        stamp("draws")
        simulations = simulate_together(
            {name: (p, draws[name]) for name, p in problems.items()}, progress
        )
        stamp("model")
        decisions = {"": decide(problem, simulations[""])}
        for name, other in problems.items():
            if name:  # one threshold for all that is shown together
                decisions[name] = decide(other, simulations[name], decisions[""].severity)
        deterministic, tornado = one_way(problem, fits[""], decisions[""])
        stamp("decision and one-way sensitivity")
        worth, by_threshold = value_of_information(
            problem, draws[""], simulations[""], decisions[""]
        )
        stamp("value of information")
        trial = trial_findings(problem, draws[""], simulations[""], decisions[""], progress)
        stamp("value of the trial")
        response = Response.of(problem, draws[""], simulations[""])
        thresholds = decisions[""].thresholds
        tipping = what_if.tipping_points(
            response, thresholds, questions.could_tip(response, tornado, decisions[""])
        )
        prices = what_if.value_based_prices(response, thresholds, problem.prices)
        maps = questions.what_if_maps(
            response, thresholds, fits[""], simulations[""], alternatives or {}, streams, cache
        )
        stamp("what if")
    return Results(
        problem=problem,
        draws=draws[""],
        fits=fits[""],
        simulation=simulations[""],
        decision=decisions[""],
        deterministic=deterministic,
        tornado=tornado,
        information=worth,
        information_curves=by_threshold,
        source_first=source_first(problem, worth, tornado, mean_benefit(decisions[""])),
        trial=trial,
        tipping=tipping,
        prices=prices,
        maps=tuple(maps),
        companions=tuple(
            Companion(name, p.scenario_label, p.scenario_why, decisions[name])
            for name, p in companions.items()
        ),
        structures=tuple(
            Structure(
                model,
                STRUCTURES[model],
                decisions[name := f"model/{model}" if f"model/{model}" in others else ""],
                simulations[name],
                dropped_weight(fits[""], fits[name]),
            )
            for model in problem.settings.structures
            if model not in faults
        ),
        structure_faults=faults,
        warnings=(
            *remarks(problem),
            *dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, HeorWarning)),
            *dict.fromkeys(line for own in fits.values() for line in own.warnings),
            *simulations[""].warnings,
        ),
        timings=timings,
    )


def other_structures(
    problem: DecisionProblem,
) -> tuple[dict[str, DecisionProblem], dict[str, str]]:
    """The problem under each other structure it names, and why it cannot be under some.

    Both by model name.
    """
    wanted = problem.settings.structures
    faults = {model: why for model in wanted if (why := fault(problem, model))}
    others = {
        model: replace(with_structure(problem, model), trial=None)
        for model in wanted
        if model != problem.settings.model and model not in faults
    }
    return others, faults


def structure_fits(
    other: DecisionProblem, fits: SurvivalFits, streams: Streams, cache: Path | None
) -> SurvivalFits:
    """The fits another structure uses: those of the run with weight on families it can use.

    Where no such family has weight, they are compared among themselves.
    """
    lists = fitted_units(other)
    weights = {
        unit: {c: w for c, w in share.items() if holds(lists[unit], c)}
        for unit, share in fits.weights.items()
    }
    if not all(weights.values()):
        return fit_problems({"": other}, streams, cache)[""]
    total = {unit: sum(share.values()) for unit, share in weights.items()}
    weights = {u: {f: w / total[u] for f, w in share.items()} for u, share in weights.items()}
    return fits if weights == fits.weights else replace(fits, weights=weights)


def dropped_weight(run: SurvivalFits, used: SurvivalFits) -> float:
    """Largest stacking weight of the run on families that were not used."""
    return max(
        (
            sum(w for f, w in share.items() if f not in used.weights[unit])
            for unit, share in run.weights.items()
        ),
        default=0.0,
    )


def decide(
    problem: DecisionProblem, simulation: Simulation, shortfall: Severity | None = None
) -> Decision:
    """Tables of the decision; the severity-weighted threshold is fixed from the mean comparator.

    `shortfall` is that of another run whose threshold is to be used.
    """
    outcomes, settings, country = simulation.outcomes, problem.settings, problem.country
    roles = settings.comparator, settings.intervention
    shortfall = shortfall or severity_of(problem, outcomes)
    thresholds = [(f"{t:.0f}", t) for t in country.thresholds]
    if shortfall is not None and shortfall.threshold is not None:
        thresholds.append(("severity", shortfall.threshold))
        thresholds.sort(key=lambda named: named[1])
    low, high, points = settings.ceac_thresholds
    grid = np.linspace(low, high, points)
    tables = decision_tables(outcomes, *roles, thresholds, grid)
    if shortfall is not None:
        tables["severity_classes"] = shortfall.class_probabilities
        tables["severity_ages"] = shortfall.class_ages
    return Decision(tables, tuple(thresholds), shortfall)


def value_of_information(
    problem: DecisionProblem, draws: Draws, simulation: Simulation, decision: Decision
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What it is worth to know each uncertain parameter, and each group the analysis names.

    Returns
    -------
    table, curves : DataFrame
        As `information_table` and `information_curves` of `heor.decision.information`; empty with fewer
        than 500 draws, too few to regress on.
    """
    if draws.n < ENOUGH_DRAWS:
        return pd.DataFrame(), pd.DataFrame()
    outcomes, names = simulation.outcomes, sensitivity.uncertain_parameters(problem)
    comparator = outcomes.strategies.index(problem.settings.comparator)
    values = {name: draws.values[name] for name in names}
    values |= {
        name: draws.values[name]
        for g in problem.settings.information.values()
        for name in g
        if name != SURVIVAL
    }
    if draws.curves:
        values[SURVIVAL] = outcomes.component("life_years_undiscounted")[:, comparator]
    frame = pd.DataFrame({k: v for k, v in values.items() if np.ptp(v) > 0})
    groups = {
        label: own
        for label, members in problem.settings.information.items()
        if (own := [m for m in members if m in frame])
    }
    low, high, _ = problem.settings.ceac_thresholds
    icer = decision.tables["icer"]["ratio"].iloc[0]  # where information is worth most
    marked = [t for _, t in decision.thresholds] + [icer] * bool(low < icer < high)
    grid = np.unique(
        [*np.linspace(low, high, CURVE_POINTS), *(t for t in marked if low <= t <= high)]
    )
    table = information.information_table(outcomes, frame, groups, decision.thresholds)
    patients = population(problem)
    if patients is not None:
        table["population_value"] = table["value"] * patients
    return (
        table,
        information.information_curves(outcomes, frame, groups, grid),
    )


def mean_benefit(decision: Decision) -> dict[str, float]:
    """Mean incremental net benefit by threshold name."""
    table = decision.tables["net_benefit"]
    return dict(zip(table["threshold_name"], table["net_benefit"], strict=True))


def trial_findings(
    problem: DecisionProblem,
    draws: Draws,
    simulation: Simulation,
    decision: Decision,
    progress: Progress | None = None,
    least_draws: int = ENOUGH_DRAWS,
) -> TrialFindings | None:
    """Value of the trial the analysis names; None without one, or with too few draws to regress on.

    The truth of a draw must not hold the luck of simulated patients: see `cohort_equivalent`.
    """
    if problem.trial is None or simulation.outcomes.n < least_draws:
        return None
    cohort = cohort_equivalent(problem)
    if cohort is not problem:
        simulation = simulate(cohort, draws)
    survival = simulation.survival
    assert survival is not None  # kept where there is a trial
    return value_of_trial(
        problem,
        simulation.outcomes,
        survival,
        problem.time[: survival.shape[2]],
        decision.thresholds,
        problem.streams,
        progress,
    )


def response_of(
    problem: DecisionProblem, cache: Path | None = None, progress: Progress | None = None
) -> tuple[Response, Decision, SurvivalFits]:
    """What questions of the kind "what if" are asked of: the run without its other analyses."""
    problem = replace(problem, trial=None)
    streams = problem.streams
    fits = fit_problems({"": problem}, streams, cache, progress)[""]
    draws = sample({"": problem}, {"": fits}, streams)[""]
    simulation = simulate(problem, draws, progress)
    return Response.of(problem, draws, simulation), decide(problem, simulation), fits


def one_way(
    problem: DecisionProblem, fits: SurvivalFits, decision: Decision
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deterministic answer, and one-way sensitivity around it.

    Every parameter at its mean, pooled effects at their median, each survival family at its
    posterior mean; outcomes are averaged over families with their weights. One more row moves the
    family itself. An individual-level model is replaced by its cohort equivalent: the same process
    without Monte Carlo error, where it can be.
    """
    problem = cohort_equivalent(problem)
    cases = sensitivity.one_way_cases(problem)
    n_cases = len(cases) + 1
    curves, weight = joining.central_curves(fits.posteriors, fits.weights, n_cases)
    families = tuple(next(iter(fits.weights.values()), ()))
    n_families = len(weight)
    values = {k: np.full((n_cases, n_families), v) for k, v in central_values(problem).items()}
    for i, case in enumerate(cases, start=1):
        for name, value in {case.name: case.value, **case.also}.items():
            values[name][i] = value
    flat = add_derived(problem, {k: v.ravel() for k, v in values.items()})
    draws = Draws(flat, curves)
    outcomes = simulate(replace(problem, trial=None), draws).outcomes
    changes = cost_effectiveness.increments(
        outcomes, problem.settings.comparator, problem.settings.intervention
    )
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
