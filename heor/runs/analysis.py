"""The whole method on one page: a decision problem in, results out.

parameters → draws → survival posteriors → curves → state occupancy → costs and QALYs → decision.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from heor.decision import information
from heor.decision.decision import Decision
from heor.decision.information import CURVE_POINTS, ENOUGH_DRAWS
from heor.errors import HeorWarning, InputError
from heor.findings import Finding
from heor.inputs.remarks import remarks
from heor.left_out import INFORMATION, ONE_WAY, SCENARIO, TRIAL, WHAT_IF, LeftOut
from heor.parameters.draws import Draws
from heor.problem.names import SURVIVAL
from heor.problem.problem import DecisionProblem
from heor.questions import one_way_cases as sensitivity
from heor.questions.one_way import not_done, one_way
from heor.questions.research_priorities import population, research_priorities
from heor.questions.what_if_questions import WhatIfFindings, what_if_findings
from heor.runs.plausibility import joined
from heor.runs.results import Companion, Results, Structure
from heor.simulation.simulated import Simulation
from heor.survival.fitting.model_draws import fitted_units
from heor.together import dropped_weight, run_with_variants
from heor.trial.findings import TrialFindings
from heor.trial.net_benefit_of_sampling import value_of_trial
from heor.trial.programme import longest_follow_up
from heor.usage.structures import STRUCTURES, cohort_equivalent
from heor.usage.usage import before_draws, names_in_draws
from heor.valuation.simulate import simulate

Progress = Callable[[str, int, int], None]
NOTHING_UNCERTAIN = (
    "Every parameter that this run uses is fixed, and nothing is fitted: all draws are of one world. So there "
    "is no one-way sensitivity analysis and no value of information. Give standard errors in parameters.csv."
)


def evaluate(
    problem: DecisionProblem,
    companions: Mapping[str, DecisionProblem] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    alternatives: Mapping[str, DecisionProblem | InputError] | None = None,
    findings: Sequence[Finding] = (),
) -> Results:
    """Evaluate a decision problem, and its companion scenarios on the same random numbers.

    Parameters
    ----------
    problem
        From `heor.load`.
    companions
        Name → problem: scenarios reported with this one.
    cache
        Folder of fitted posteriors; None fits anew.
    progress
        Called with (stage, done, total).
    alternatives
        Name → problem: scenarios under which questions of `what_if` are asked; or why one cannot be.
    findings
        What is worth a look in the inputs (`heor.inputs.plausibility.look`); that of the results is added.

    Raises
    ------
    FitError
        A posterior failed its diagnostics.
    ModelError
        A law of the model broke.
    """
    companions = companions or {}
    started, timings = perf_counter(), {}

    def stamp(stage: str) -> None:
        timings[stage] = perf_counter() - started - sum(timings.values())

    left = LeftOut()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)
        together = run_with_variants(problem, companions, cache, progress, stamp)
        run, decision = together.run, together.run.decision
        for name, why in together.scenario_faults.items():
            left.note(f"{SCENARIO}: {companions[name].scenario_label}", why)
        if nothing_uncertain(problem):
            warnings.warn(NOTHING_UNCERTAIN, HeorWarning, stacklevel=1)
        parts = problem, run.draws, run.simulation, decision
        deterministic, tornado = left.ask(
            ONE_WAY,
            lambda: one_way(problem, run.fits, decision, left),
            not_done(problem, decision),
        )
        stamp("decision and one-way sensitivity")
        nothing = pd.DataFrame(), pd.DataFrame()
        worth, by_threshold = left.ask(INFORMATION, lambda: value_of_information(*parts), nothing)
        stamp("value of information")
        trial = left.ask(TRIAL, lambda: trial_findings(*parts, progress), None)
        stamp("value of the trial")
        found = left.ask(
            WHAT_IF,
            lambda: what_if_findings(run, tornado, alternatives or {}, left, cache),
            WhatIfFindings(),
        )
        stamp("what if")
    every = [run, *together.scenarios.values(), *together.structures.values()]
    results = Results(
        problem=problem,
        draws=run.draws,
        fits=run.fits,
        simulation=run.simulation,
        decision=decision,
        deterministic=deterministic,
        tornado=tornado,
        information=worth,
        information_curves=by_threshold,
        research_priorities=research_priorities(problem, worth, tornado, mean_benefit(decision)),
        trial=trial,
        tipping=found.tipping,
        prices=found.prices,
        maps=found.maps,
        companions=tuple(
            Companion(name, own.problem.scenario_label, own.problem.scenario_why, own.decision)
            for name, own in together.scenarios.items()
        ),
        structures=tuple(
            Structure(
                model,
                STRUCTURES[model],
                own.decision,
                own.simulation,
                dropped_weight(run.fits, own.fits),
            )
            for model, own in together.structures.items()
        ),
        structure_faults=together.structure_faults,
        left_out=left.reasons,
        warnings=(
            *remarks(problem),
            *dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, HeorWarning)),
            *dict.fromkeys(line for own in every for line in own.fits.warnings),
            *run.simulation.warnings,
        ),
        timings=timings,
    )
    return replace(results, findings=joined(findings, results))


def nothing_uncertain(problem: DecisionProblem) -> bool:
    """Whether every draw is the same: all parameters in use are fixed, and nothing is fitted."""
    return not sensitivity.uncertain_parameters(problem) and not fitted_units(problem)


def value_of_information(
    problem: DecisionProblem, draws: Draws, simulation: Simulation, decision: Decision
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What it is worth to know each uncertain parameter, and each group the analysis names.

    Returns
    -------
    table, curves : DataFrame
        As `information_table` and `information_curves` of `heor.decision.information`; empty with fewer
        than 500 draws, too few to regress on, and where nothing is uncertain.
    """
    if draws.n < ENOUGH_DRAWS:
        return pd.DataFrame(), pd.DataFrame()
    outcomes, names = simulation.outcomes, sensitivity.uncertain_parameters(problem)
    comparator = outcomes.strategies.index(problem.settings.comparator)
    grouped = {n for g in problem.settings.information.values() for n in g} - {SURVIVAL}
    _say_before_draws(problem, grouped)
    acting = grouped & names_in_draws(problem)
    values = {n: draws.values[n] for n in dict.fromkeys([*names, *sorted(acting)])}
    if draws.curves:
        values[SURVIVAL] = outcomes.component("life_years_undiscounted")[:, comparator]
    frame = pd.DataFrame({k: v for k, v in values.items() if np.ptp(v) > 0})
    if frame.empty:
        return pd.DataFrame(), pd.DataFrame()
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


def _say_before_draws(problem: DecisionProblem, names: Collection[str]) -> None:
    """Parameters of groups whose draws move nothing, because they act before: as if worth nothing."""
    before = before_draws(problem)
    for name in sorted(set(names) & before.keys() - names_in_draws(problem)):
        warnings.warn(
            f"Left out of value of information: {name}. It acts on {before[name]}, and its own draws move "
            "nothing. Name in its place what the draws hold (the pooled effect, "
            f"{SURVIVAL}).",
            HeorWarning,
            stacklevel=3,
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

    The truth of a draw must not hold patient-level (first-order) variability: see `cohort_equivalent`.
    """
    if problem.trial is None or simulation.outcomes.n < least_draws:
        return None
    cohort = cohort_equivalent(problem)
    if cohort is not problem or simulation.survival is None:
        simulation = simulate(cohort, draws, follow_up=longest_follow_up(problem))
    survival = simulation.survival
    assert survival is not None
    return value_of_trial(
        problem,
        simulation.outcomes,
        survival,
        problem.time[: survival.shape[2]],
        decision.thresholds,
        problem.streams,
        progress,
    )
