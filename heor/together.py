"""A run with the scenarios and structures shown beside it: fitted, drawn and simulated together.

What shares hazards is computed once. The run itself must succeed; a scenario or a structure that fails
is left out with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from heor.inputs.problem import DecisionProblem
from heor.inputs.structures import fault, with_structure
from heor.left_out import all_that_can
from heor.parameters.draws import Draws
from heor.results import Simulation
from heor.sampling import sample
from heor.simulation import simulate_together
from heor.streams import Streams
from heor.survival.choices import holds
from heor.survival.fitting import SurvivalFits, fit_problems
from heor.survival.joining import fitted_units

RUN = ""  # the run itself
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Together:
    """The run (`RUN`), its companions by name, and other structures as `model/<name>`.

    Attributes
    ----------
    faults : dict
        Companion → why it has no simulation.
    structure_faults : dict
        Model → why the problem was not evaluated under it.
    """

    problems: Mapping[str, DecisionProblem]
    fits: Mapping[str, SurvivalFits]
    draws: Mapping[str, Draws]
    simulations: Mapping[str, Simulation]
    faults: Mapping[str, str]
    structure_faults: Mapping[str, str]

    def of_model(self, model: str) -> str:
        """The name of the problem under a structure: the run's own is the run."""
        return name if (name := _structure(model)) in self.problems else RUN


def _structure(model: str) -> str:
    """A companion may bear a model's name; no scenario's name holds a slash."""
    return f"model/{model}"


def run_together(
    problem: DecisionProblem,
    companions: Mapping[str, DecisionProblem],
    streams: Streams,
    cache: Path | None = None,
    progress: Progress | None = None,
    stamp: Callable[[str], None] = lambda stage: None,
) -> Together:
    """Evaluate a problem, its companions and its other structures on the same random numbers.

    `stamp` is called with each stage that is done.

    Raises
    ------
    FitError, ModelError
        The run itself fails.
    """
    faults: dict[str, str] = {}
    # the trial's value is asked for under this run's own assumptions
    problems = {RUN: problem} | {k: replace(p, trial=None) for k, p in companions.items()}
    fits = all_that_can(
        problems,
        lambda names: fit_problems({n: problems[n] for n in names}, streams, cache, progress),
        faults,
        RUN,
    )
    others, structure_faults = other_structures(problem)
    problems |= {_structure(model): other for model, other in others.items()}
    fits |= all_that_can(
        [_structure(model) for model in others],
        lambda names: {n: structure_fits(problems[n], fits[RUN], streams, cache) for n in names},
        faults,
    )
    stamp("survival fits")
    draws = all_that_can(
        fits, lambda names: sample({n: problems[n] for n in names}, fits, streams), faults, RUN
    )
    stamp("draws")
    simulations = all_that_can(
        draws,
        lambda names: simulate_together({n: (problems[n], draws[n]) for n in names}, progress),
        faults,
        RUN,
    )
    stamp("model")
    structure_faults |= {m: faults.pop(_structure(m)) for m in others if _structure(m) in faults}
    return Together(problems, fits, draws, simulations, faults, structure_faults)


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
