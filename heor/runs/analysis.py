"""The analyses of a run, in order: a decision problem in, results out.

inputs → survival posteriors → parameter draws → curves → state occupancy → exposures → costs and QALYs →
decision. The model itself is in `heor.together`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

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
from heor.together import Run, WithVariants, dropped_weight, run_first, run_with_variants
from heor.trial.findings import TrialFindings
from heor.trial.net_benefit_of_sampling import value_of_trial
from heor.trial.programme import longest_follow_up
from heor.usage.structures import STRUCTURES, cohort_equivalent
from heor.usage.usage import before_draws, names_in_draws
from heor.valuation.simulate import simulate

Progress = Callable[[str, int, int], None]
T = TypeVar("T")
#: How far `heor run --only` goes: the base case; scenarios, structures and one-way sensitivity too; all.
EXTENT = ANSWER, DECISION, ALL = "answer", "decision", "all"
STOPPED = "The run was stopped before it."
NOTHING_UNCERTAIN = (
    "Every parameter that this run uses is fixed, and nothing is fitted: all draws are identical. So there "
    "is no one-way sensitivity analysis and no value of information. Give standard errors in parameters.csv."
)


def evaluate(
    problem: DecisionProblem,
    companions: Mapping[str, DecisionProblem] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    alternatives: Mapping[str, DecisionProblem | InputError] | None = None,
    findings: Sequence[Finding] = (),
    only: str = ALL,
    on_partial_results: Callable[[Results], None] = lambda results: None,
) -> Results:
    """Evaluate a decision problem, and its companion scenarios on the same random numbers.

    Parameters
    ----------
    problem
        From `heor.load`.
    companions
        Name → problem: scenarios reported with this one, on the same draws.
    cache
        Folder of fitted posteriors; None fits anew.
    progress
        Called with (stage, done, total).
    alternatives
        Name → problem: scenarios under which the questions of `what_if` are asked; or the error that prevented it.
    findings
        Plausibility findings on the inputs (`heor.inputs.plausibility.look`); those on the results are added.
    only
        One of `EXTENT`: how far to go. What is left out says so in the report.
    on_partial_results
        Called with the results so far after each stage, first with the base case alone. What is not done
        yet stands in their `left_out`.

    Raises
    ------
    FitError
        A posterior failed its diagnostics.
    ModelError
        A validity check of the model failed (occupancy that does not add up to 1, for example).
    """
    companions, omitted, timings = companions or {}, LeftOut(), {}
    started, chosen = perf_counter(), f"`--only {only}` leaves it out."
    reason = chosen if only == ANSWER else STOPPED  # of what `--only decision` still does
    not_yet_run = {ONE_WAY: reason}
    not_yet_run |= dict.fromkeys((INFORMATION, TRIAL, WHAT_IF), STOPPED if only == ALL else chosen)
    not_yet_run |= {f"{SCENARIO}: {p.scenario_label}": reason for p in companions.values()}
    others = [m for m in problem.settings.structures if m != problem.settings.model]
    base_case_only = {"structure_faults": dict.fromkeys(others, reason)}

    def stamp(stage: str) -> None:
        timings[stage] = perf_counter() - started - sum(timings.values())

    def ask(what: str, stage: str, question: Callable[[], T], otherwise: T) -> T:
        not_yet_run.pop(what, None)
        found = omitted.ask(what, question, otherwise)
        stamp(stage)
        return found

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)

        def so_far(run: Run, runs: Sequence[Run] = (), **fields: Any) -> Results:
            lines = dict.fromkeys(
                str(w.message) for w in caught if issubclass(w.category, HeorWarning)
            )
            if "tornado" not in fields:
                fields["deterministic"], fields["tornado"] = not_done(problem, run.decision)
            results = Results(
                problem=problem,
                draws=run.draws,
                fits=run.fits,
                simulation=run.simulation,
                decision=run.decision,
                left_out=omitted.reasons | not_yet_run,
                warnings=(
                    *remarks(problem),
                    *lines,
                    *dict.fromkeys(line for own in (run, *runs) for line in own.fits.warnings),
                    *run.simulation.warnings,
                ),
                timings=dict(timings),
                **fields,
            )
            return replace(results, findings=joined(findings, results))

        def first(run: Run) -> None:
            on_partial_results(so_far(run, **base_case_only))

        if only == ANSWER:
            return so_far(run_first(problem, cache, progress, stamp), **base_case_only)
        together = run_with_variants(problem, companions, cache, progress, stamp, first)
        run = together.run
        for name in companions:
            not_yet_run.pop(f"{SCENARIO}: {companions[name].scenario_label}")
        for name, fault in together.scenario_faults.items():
            omitted.note(f"{SCENARIO}: {companions[name].scenario_label}", fault)
        if nothing_uncertain(problem):
            warnings.warn(NOTHING_UNCERTAIN, HeorWarning, stacklevel=1)
        runs = (*together.scenarios.values(), *together.structures.values())
        fields: dict[str, Any] = _variants(together)
        fields["deterministic"], fields["tornado"] = ask(
            ONE_WAY,
            "one-way sensitivity",
            lambda: one_way(problem, run.fits, run.decision, omitted),
            not_done(problem, run.decision),
        )
        on_partial_results(so_far(run, runs, **fields))
        if only == DECISION:
            return so_far(run, runs, **fields)
        parts = problem, run.draws, run.simulation, run.decision
        nothing = pd.DataFrame(), pd.DataFrame()
        fields["information"], fields["information_curves"] = ask(
            INFORMATION, "value of information", lambda: value_of_information(*parts), nothing
        )
        fields["research_priorities"] = research_priorities(
            problem,
            fields["information"],
            fields["tornado"],
            mean_incremental_benefit(run.decision),
        )
        on_partial_results(so_far(run, runs, **fields))
        fields["trial"] = ask(
            TRIAL, "value of the trial", lambda: trial_findings(*parts, progress), None
        )
        on_partial_results(so_far(run, runs, **fields))
        found = ask(
            WHAT_IF,
            "what if",
            lambda: what_if_findings(run, fields["tornado"], alternatives or {}, omitted, cache),
            WhatIfFindings(),
        )
        fields |= {"tipping": found.tipping, "prices": found.prices, "maps": found.maps}
    return so_far(run, runs, **fields)


def _variants(together: WithVariants) -> dict[str, Any]:
    """Scenarios and structures of a run, as its results hold them."""
    return {
        "companions": tuple(
            Companion(name, own.problem.scenario_label, own.problem.scenario_why, own.decision)
            for name, own in together.scenarios.items()
        ),
        "structures": tuple(
            Structure(
                model,
                STRUCTURES[model],
                own.decision,
                own.simulation,
                dropped_weight(together.run.fits, own.fits),
            )
            for model, own in together.structures.items()
        ),
        "structure_faults": together.structure_faults,
    }


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
    # EVPI of two strategies peaks near their ICER, so the curves have a point there
    icer = decision.tables["icer"]["ratio"].iloc[0]
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
    """Warn of inputs used only in fitting: their draws do not move outcomes, so EVPPI would wrongly be zero."""
    before = before_draws(problem)
    for name in sorted(set(names) & before.keys() - names_in_draws(problem)):
        warnings.warn(
            f"Left out of value of information: {name}. It acts on {before[name]}, and its own draws move "
            "nothing. List the fitted quantity instead (the pooled effect, "
            f"{SURVIVAL}).",
            HeorWarning,
            stacklevel=3,
        )


def mean_incremental_benefit(decision: Decision) -> dict[str, float]:
    """Mean incremental net monetary benefit by threshold name."""
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

    The true values of a draw must exclude patient-level (first-order) variability, so an individual-level model is
    run as its cohort equivalent: see `cohort_equivalent`.
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
