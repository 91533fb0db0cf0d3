"""The questions of kind "what if" that a run asks, and the scenarios it asks them under."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from heor import what_if
from heor.decision.crossings import WhatIfMap
from heor.errors import HeorError, HeorWarning, InputError
from heor.inputs.problem import DecisionProblem
from heor.results import Decision, Simulation
from heor.sampling import sample
from heor.simulation import simulate
from heor.streams import Streams
from heor.survival.fitting import SurvivalFits, fit_problems
from heor.survival.joining import fitted_units
from heor.what_if import Response

MAP_DRAWS = 1000  # on which the scenarios of a map are placed


def could_tip(response: Response, tornado: pd.DataFrame, decision: Decision) -> list[str]:
    """Parameters along which a tipping point is looked for: those that could have one.

    Whatever acts on survival, where net benefit may turn; of the rest those whose 95 % interval moves
    net benefit by a quarter of what separates it from nil, at some threshold.
    """
    benefit = decision.tables["net_benefit"].set_index("threshold_name")["net_benefit"].abs()
    wide = np.zeros(len(tornado), bool)
    for name, _ in decision.thresholds:
        wide |= tornado[f"range_{name}"].to_numpy() > 0.25 * benefit[name]
    on_curves = tornado["parameter"].isin(what_if.curve_inputs(response.problem))
    return list(tornado["parameter"][wide | on_curves])


def what_if_maps(
    response: Response,
    thresholds: Sequence[tuple[str, float]],
    fits: SurvivalFits,
    simulation: Simulation,
    alternatives: Mapping[str, DecisionProblem | InputError],
    streams: Streams,
    cache: Path | None,
) -> list[WhatIfMap]:
    """The maps of the questions the analysis asks; one that cannot be asked here is a warning."""
    problem, made = response.problem, []
    others: dict[str, Response | HeorError] = {"": response}
    loaded = {n: a for n, a in alternatives.items() if isinstance(a, DecisionProblem)}
    others |= {n: a for n, a in alternatives.items() if isinstance(a, InputError)}
    others |= alternative_responses(problem, fits, loaded, streams, cache)
    for question in problem.what_if:
        own = {n: others[n] for n in question.scenarios or ("",) if n in others}
        faults = [r for r in own.values() if isinstance(r, HeorError)]
        if faults:
            why = str(faults[0]).splitlines()[0]
            warnings.warn(f"Left out: {question.label}. {why}", HeorWarning, stacklevel=2)
        elif own:
            asked = {n: r for n, r in own.items() if isinstance(r, Response)}
            labels = {n: r.problem.scenario_label for n, r in asked.items()}
            centre = what_if.centre_of(problem, response.draws, simulation, question)
            made.append(what_if.what_if_map(question, asked, thresholds, labels, centre))
    return made


def alternative_responses(
    problem: DecisionProblem,
    fits: SurvivalFits,
    alternatives: Mapping[str, DecisionProblem],
    streams: Streams,
    cache: Path | None,
) -> dict[str, Response | HeorError]:
    """The scenarios that questions are asked under, on the run's fits where they have the same."""
    problems = {n: replace(other, trial=None) for n, other in alternatives.items()}
    units = fitted_units(problem)
    refitted = {n: p for n, p in problems.items() if fitted_units(p) != units}
    try:
        own = fit_problems(refitted, streams, cache) if refitted else {}
    except HeorError as error:  # a question is left out, the answer is not lost
        own = dict.fromkeys(refitted, error)
    found: dict[str, Response | HeorError] = {}
    for name, other in problems.items():
        fitted = own.get(name, fits)
        if isinstance(fitted, HeorError):
            found[name] = fitted
            continue
        drawn = what_if.thinned(sample({"": other}, {"": fitted}, streams)[""], MAP_DRAWS)
        found[name] = Response.of(other, drawn, simulate(other, drawn))
    return found
