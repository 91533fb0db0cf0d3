"""Problems evaluated on the same random numbers: fitted, drawn, simulated and judged together.

What they share (a fit, a hazard, an occupancy) is computed once. The first of them must succeed; another
that fails is left out with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from heor.decision.decision import Decision
from heor.decision.severity import Severity, severity_of
from heor.decision.tables import decision_tables
from heor.decision.thresholds import SEVERITY, Threshold
from heor.left_out import all_that_can
from heor.outcomes.outcomes import Outcomes
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.simulation.draw_inputs import sample
from heor.simulation.simulated import UNATTAINED, Simulation
from heor.survival.fitting.choices import holds
from heor.survival.fitting.fit_problems import SurvivalFits, fit_problems
from heor.survival.fitting.model_draws import fitted_units
from heor.trial.programme import longest_follow_up
from heor.usage.structures import fault, with_structure
from heor.usage.touched import VALUATION, touched_by
from heor.valuation.simulate import KEPT_DRAWS, Kept, simulate_and_keep
from heor.valuation.value import as_outcomes, value

Progress = Callable[[str, int, int], None]
Name = TypeVar("Name")


@dataclass(frozen=True)
class Run:
    """One problem evaluated.

    Attributes
    ----------
    kept : Kept or None
        Its exposures, where they were kept.
    shortfall : Severity or None
        Of another run, at whose severity-weighted threshold this one is judged too.
    """

    problem: DecisionProblem
    fits: SurvivalFits
    draws: Draws
    simulation: Simulation
    kept: Kept | None = None
    shortfall: Severity | None = None

    @property
    def outcomes(self) -> Outcomes:
        """Costs, QALYs and life years. Dims: (draw, strategy, component)."""
        return self.simulation.outcomes

    @cached_property
    def decision(self) -> Decision:
        """Tables of the decision."""
        return decide(self.problem, self.simulation, self.shortfall)


def decide(
    problem: DecisionProblem, simulation: Simulation, shortfall: Severity | None = None
) -> Decision:
    """Tables of the decision; the severity-weighted threshold is fixed from the mean comparator.

    `shortfall` is that of another run whose threshold is to be used.
    """
    outcomes, settings, country = simulation.outcomes, problem.settings, problem.country
    shortfall = shortfall or severity_of(problem, outcomes)
    thresholds = [Threshold(f"{t:.0f}", t) for t in country.thresholds]
    if shortfall is not None and shortfall.threshold is not None:
        thresholds.append(Threshold(SEVERITY, shortfall.threshold))
        thresholds.sort(key=lambda threshold: threshold.value)
    low, high, points = settings.ceac_thresholds
    grid = np.linspace(low, high, points)
    tables = decision_tables(outcomes, thresholds, grid)
    if shortfall is not None:
        tables["severity_classes"] = shortfall.class_probabilities
        tables["severity_ages"] = shortfall.class_ages
    return Decision(tables, tuple(thresholds), shortfall)


def fit_together(
    problems: Mapping[Name, DecisionProblem],
    faults: dict[Name, str],
    cache: Path | None = None,
    progress: Progress | None = None,
) -> dict[Name, SurvivalFits]:
    """Fits of every problem, each distinct one made once; a problem that fails is noted in `faults`.

    Only where that fails is each problem tried by itself, from the posteriors just stored in the cache.

    Raises
    ------
    FitError
        When the first problem fails.
    """
    first = next(iter(problems))
    streams = problems[first].streams
    return all_that_can(
        problems,
        lambda names: fit_problems({n: problems[n] for n in names}, streams, cache, progress),
        faults,
        first,
    )


def run_together(
    problems: Mapping[Name, DecisionProblem],
    fits: Mapping[Name, SurvivalFits],
    faults: dict[Name, str],
    progress: Progress | None = None,
    group: int | None = None,
    unattained_most: float = UNATTAINED,
    keep_all: bool = False,
    first_alone: bool = False,
) -> Iterator[tuple[Name, Run]]:
    """Draw and simulate problems that were fitted; one that breaks is noted in `faults`.

    The first keeps its exposures; those that only value them otherwise are not simulated.

    Parameters
    ----------
    group
        So many are simulated at once: memory grows with them, and what they share is computed once
        a group. All when None.
    unattained_most
        Share of draws whose marginal hazard ratio may be out of reach.
    keep_all
        All keep their exposures, and each is simulated.
    first_alone
        The first is evaluated by itself, so that it is there before the others.

    Raises
    ------
    ModelError
        When the first problem breaks.
    """
    first, streams = next(iter(problems)), next(iter(problems.values())).streams

    def together(names: Sequence[Name], report: Progress) -> dict[Name, Run]:
        own = {name: problems[name] for name in names}
        draws = sample(own, fits, streams)
        cases = {n: (p, draws[n]) for n, p in own.items()}
        years = {first} & own.keys()
        keep = own.keys() if keep_all else years
        found, kept = simulate_and_keep(
            cases,
            keep,
            years,
            report,
            unattained_most=unattained_most,
            follow_up={n: longest_follow_up(p) for n, p in own.items() if p.trial},
        )
        return {n: Run(p, fits[n], draws[n], found[n], kept.get(n)) for n, p in own.items()}

    names = [
        n for n in problems if n == first or keep_all or not _is_valuation(problems, fits, first, n)
    ]
    group = group or len(names)
    ahead, rest = (names[:1], names[1:]) if first_alone else ([], names)
    groups = [rest[i : i + group] for i in range(0, len(rest), group)]
    groups = [ahead, *groups] if ahead else groups
    for done, some in enumerate(groups):

        def report(stage: str, block: int, blocks: int, done: int = done) -> None:
            if progress:
                progress(stage, done * blocks + block, len(groups) * blocks)

        required = first if done == 0 else None
        found = all_that_can(some, partial(together, report=report), faults, required)
        yield from found.items()
        if done == 0:
            others = [name for name in problems if name not in names]
            revalued = partial(_revalued, problems, found[first])
            yield from all_that_can(others, revalued, faults).items()


def _is_valuation(
    problems: Mapping[Name, DecisionProblem],
    fits: Mapping[Name, SurvivalFits],
    first: Name,
    name: Name,
) -> bool:
    """Whether a problem is the first one at other prices or utilities."""
    own, other = fits[first], fits[name]
    same = own.keys == other.keys and own.weights == other.weights
    few = problems[first].settings.draws <= KEPT_DRAWS  # then all exposures are kept
    return few and same and touched_by(problems[first], problems[name]) <= {VALUATION}


def _revalued(
    problems: Mapping[Name, DecisionProblem], base: Run, names: Sequence[Name]
) -> dict[Name, Run]:
    """The exposures of a run at the prices and utilities of other problems."""
    assert base.kept is not None
    own = {name: problems[name] for name in names}
    draws = sample(own, {name: base.fits for name in names}, base.problem.streams)
    found = {}
    for name, problem in own.items():
        outcomes = as_outcomes(problem, value(base.kept.exposures, draws[name], problem))
        simulation = replace(base.simulation, outcomes=outcomes, survival=None)
        found[name] = Run(problem, base.fits, draws[name], simulation)
    return found


def run_on(
    problem: DecisionProblem,
    fits: SurvivalFits,
    draws: Draws,
    unattained_most: float = UNATTAINED,
) -> Run:
    """One problem on given draws.

    Raises
    ------
    ModelError
        It breaks.
    """
    found, kept = simulate_and_keep({"": (problem, draws)}, [""], unattained_most=unattained_most)
    return Run(problem, fits, draws, found[""], kept[""])


def run_first(
    problem: DecisionProblem,
    cache: Path | None = None,
    progress: Progress | None = None,
    stamp: Callable[[str], None] = lambda stage: None,
) -> Run:
    """One problem by itself; `stamp` is called with each stage that is done.

    Raises
    ------
    FitError, ModelError
        It fails.
    """
    fits = fit_together({"": problem}, {}, cache, progress)
    stamp("survival fits")
    run = dict(run_together({"": problem}, fits, {}, progress))[""]
    stamp("draws and model")
    return run


@dataclass(frozen=True)
class WithVariants:
    """A run, and what is shown with it on the same random numbers.

    Attributes
    ----------
    scenarios, structures : dict
        Name of a scenario, or of a model structure (the run's own among them) → its run, judged at the
        thresholds of the run.
    scenario_faults, structure_faults : dict
        Name → why it could not be evaluated.
    """

    run: Run
    scenarios: Mapping[str, Run]
    structures: Mapping[str, Run]
    scenario_faults: Mapping[str, str]
    structure_faults: Mapping[str, str]


RUN = ("run", "")
SCENARIO, STRUCTURE = "scenario", "structure"


def run_with_variants(
    problem: DecisionProblem,
    scenarios: Mapping[str, DecisionProblem],
    cache: Path | None = None,
    progress: Progress | None = None,
    stamp: Callable[[str], None] = lambda stage: None,
    told: Callable[[Run], None] = lambda run: None,
) -> WithVariants:
    """Evaluate a problem, scenarios and its other structures on the same random numbers.

    `stamp` is called with each stage that is done, `told` with the run itself before the others.

    Raises
    ------
    FitError, ModelError
        The run itself fails.
    """
    faults: dict[tuple[str, str], str] = {}
    # the trial's value is asked for under this run's own assumptions
    problems = {RUN: problem}
    problems |= {(SCENARIO, name): replace(p, trial=None) for name, p in scenarios.items()}
    fits = fit_together(problems, faults, cache, progress)
    others, impossible = other_structures(problem)
    problems |= {(STRUCTURE, model): other for model, other in others.items()}
    fits |= all_that_can(
        [(STRUCTURE, model) for model in others],
        lambda names: {n: structure_fits(problems[n], fits[RUN], cache) for n in names},
        faults,
    )
    stamp("survival fits")
    fitted = {name: problems[name] for name in fits}
    runs: dict[tuple[str, str], Run] = {}
    for name, found in run_together(fitted, fits, faults, progress, first_alone=True):
        runs[name] = found
        if name == RUN:
            stamp("draws and model")
            told(found)
    stamp("scenarios and structures")
    run = runs[RUN]
    shown = {n: replace(r, shortfall=run.decision.severity) for n, r in runs.items()}
    structures = {model: shown.get((STRUCTURE, model)) for model in problem.settings.structures}
    if problem.settings.model in structures:
        structures[problem.settings.model] = run
    return WithVariants(
        run,
        {name: shown[SCENARIO, name] for name in scenarios if (SCENARIO, name) in shown},
        {model: found for model, found in structures.items() if found is not None},
        {name: why for (kind, name), why in faults.items() if kind == SCENARIO},
        impossible | {model: why for (kind, model), why in faults.items() if kind == STRUCTURE},
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
    other: DecisionProblem, fits: SurvivalFits, cache: Path | None = None
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
        return fit_together({"": other}, {}, cache)[""]
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
