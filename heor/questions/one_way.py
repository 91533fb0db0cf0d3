"""The deterministic answer, and one-way sensitivity around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from heor.decision import cost_effectiveness
from heor.decision.decision import Decision
from heor.left_out import LeftOut, all_that_can
from heor.outcomes.outcomes import Outcomes
from heor.parameters.draws import Draws, central_values, with_given
from heor.problem.problem import DecisionProblem
from heor.questions import one_way_cases as sensitivity
from heor.questions.one_way_cases import Case
from heor.survival.fitting import model_draws
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.together import Run, run_on
from heor.usage.structures import cohort_equivalent
from heor.usage.touched import VALUATION, touched
from heor.valuation.value import as_outcomes, value

BASE = ""  # everything central, among the names of parameters
Increments = dict[str, np.ndarray]  # every outcome, dims of each: (case, family)


def one_way(
    problem: DecisionProblem, fits: SurvivalFits, decision: Decision, left: LeftOut
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deterministic answer, and one-way sensitivity around it.

    Every parameter at its mean, pooled effects at their median, each survival family at its
    posterior mean; outcomes are averaged over families with their weights. One more row moves the
    family itself. An individual-level model is replaced by its cohort equivalent: the same process
    without Monte Carlo error, where it can be. A parameter at whose ends the model breaks is left out.
    """
    problem = replace(cohort_equivalent(problem), trial=None)
    by_name: dict[str, list[Case]] = {BASE: [Case(BASE, "", np.nan)]}
    for case in sensitivity.one_way_cases(problem):
        by_name.setdefault(case.name, []).append(case)
    faults: dict[str, str] = {}
    found = all_that_can(
        by_name,
        lambda names: _increments(problem, fits, {n: by_name[n] for n in names}),
        faults,
        BASE,
    )
    for name, why in faults.items():
        left.note(f"one-way sensitivity of {name}", why)
    _, weight = model_draws.central_curves(fits.posteriors, fits.weights, 1)
    families = tuple(next(iter(fits.weights.values()), ()))
    central = found[BASE]
    base = {outcome: float((change @ weight)[0]) for outcome, change in central.items()}
    names = [name for name in found if name != BASE]
    cost, qalys = (
        np.concatenate([found[n][outcome] @ weight for n in names] or [[]])
        for outcome in ("cost", "qalys")
    )
    cases = [case for name in names for case in by_name[name]]
    at_base = base["cost"], base["qalys"]
    tornado = sensitivity.tornado(problem, cases, cost, qalys, at_base, decision.thresholds)
    rows = [{"case": "base", **base}]
    rows += [
        {"case": f"family {f}", **{outcome: change[0, i] for outcome, change in central.items()}}
        for i, f in enumerate(families)
    ]
    return deterministic(rows), tornado


def not_done(problem: DecisionProblem, decision: Decision) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `one_way` gives where nothing could be computed: a missing answer and no parameter."""
    tornado = sensitivity.tornado(
        problem, [], np.empty(0), np.empty(0), (np.nan, np.nan), decision.thresholds
    )
    return deterministic([{"case": "base", "cost": np.nan, "qalys": np.nan}]), tornado


def deterministic(rows: list[dict[str, str | float]]) -> pd.DataFrame:
    """`case, icer` and every outcome's increment; no ICER without a gain."""
    table = pd.DataFrame(rows)
    ratio = np.where(table["qalys"] > 0, table["cost"] / table["qalys"], np.nan)
    table.insert(1, "icer", ratio)
    return table


def _increments(
    problem: DecisionProblem, fits: SurvivalFits, by_name: Mapping[str, list[Case]]
) -> dict[str, Increments]:
    """Increments of all cases, by name; those at other prices or utilities value the central exposures."""
    again = [
        n for n in by_name if n == BASE or not touched(problem, _moved(by_name[n])) <= {VALUATION}
    ]
    valued = [n for n in by_name if n not in again]
    found = {}
    if again:
        cases = [case for name in again for case in by_name[name]]
        found |= _by_name(problem, again, by_name, _simulated(problem, fits, cases).outcomes)
    if valued:
        central = _simulated(problem, fits, [Case(BASE, "", np.nan)])
        cases = [case for name in valued for case in by_name[name]]
        draws = _draws(problem, fits, cases)
        assert central.kept is not None
        rows = np.tile(np.arange(central.kept.exposures.n), len(cases))
        values = value(central.kept.exposures.taken(rows), draws, problem)
        found |= _by_name(problem, valued, by_name, as_outcomes(problem, values))
    return {name: found[name] for name in by_name}


def _moved(cases: Sequence[Case]) -> set[str]:
    return {name for case in cases for name in (case.name, *case.also)}


def _draws(problem: DecisionProblem, fits: SurvivalFits, cases: Sequence[Case]) -> Draws:
    """A draw for each case and survival family, families fastest."""
    curves, weight = model_draws.central_curves(fits.posteriors, fits.weights, len(cases))
    central = {k: np.array([v]) for k, v in central_values(problem).items()}
    at = [with_given(problem, central, _given(case)) for case in cases]
    values = {k: np.repeat(np.concatenate([a[k] for a in at]), len(weight)) for k in at[0]}
    return Draws(values, curves)


def _simulated(problem: DecisionProblem, fits: SurvivalFits, cases: Sequence[Case]) -> Run:
    # at the end of an interval a hazard ratio may be out of reach; the nearest is used
    return run_on(problem, fits, _draws(problem, fits, cases), unattained_most=1.0)


def _by_name(
    problem: DecisionProblem,
    names: Sequence[str],
    by_name: Mapping[str, list[Case]],
    outcomes: Outcomes,
) -> dict[str, Increments]:
    """Increments in draws of cases and families, put to the names they are of."""
    changes = cost_effectiveness.increments(
        outcomes, problem.settings.comparator, problem.settings.intervention
    )
    many = sum(len(by_name[name]) for name in names)
    by_case = {k: change.reshape(many, -1) for k, change in changes.items()}
    ends = np.cumsum([len(by_name[name]) for name in names])
    return {
        name: {k: change[end - len(by_name[name]) : end] for k, change in by_case.items()}
        for name, end in zip(names, ends, strict=True)
    }


def _given(case: Case) -> dict[str, np.ndarray]:
    if case.name == BASE:
        return {}
    return {k: np.array([v]) for k, v in {case.name: case.value, **case.also}.items()}
