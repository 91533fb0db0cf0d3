"""The questions of kind "what if" that a run asks, and the scenarios it asks them under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from heor.decision.decision import Decision
from heor.errors import InputError
from heor.left_out import FAILURES, MAP, PRICES, TIPPING, LeftOut, all_that_can, reason
from heor.problem.problem import DecisionProblem
from heor.problem.what_if_targets import WhatIf
from heor.questions import tipping_points as what_if
from heor.questions.crossings import WhatIfMap
from heor.questions.maps import centre_of, grid, internal, what_if_map
from heor.questions.response import Response, spaced, taken
from heor.questions.value_based_prices import value_based_prices
from heor.simulation.draw_inputs import sample
from heor.survival.fitting.fit_problems import fit_problems, same_fits
from heor.together import Run, run_on
from heor.usage.usage import before_draws, curve_inputs

MAP_DRAWS = 1000  # on which the scenarios of a map are placed


@dataclass(frozen=True)
class WhatIfFindings:
    """Tipping points, value-based prices and maps of a run."""

    tipping: pd.DataFrame = field(default_factory=pd.DataFrame)
    prices: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps: tuple[WhatIfMap, ...] = ()


def what_if_findings(
    run: Run,
    tornado: pd.DataFrame,
    alternatives: Mapping[str, DecisionProblem | InputError],
    left: LeftOut,
    cache: Path | None = None,
) -> WhatIfFindings:
    """All that a run asks; a question that fails is left out."""
    response = Response.of(run)
    thresholds = run.decision.thresholds
    names, prices = could_tip(response, tornado, run.decision), run.problem.prices
    return WhatIfFindings(
        _by_name(TIPPING, what_if.tipping_points, response, thresholds, names, left),
        _by_name(PRICES, value_based_prices, response, thresholds, prices, left),
        tuple(what_if_maps(run, response, alternatives, left, cache)),
    )


def _by_name(what, search, response, thresholds, names, left: LeftOut) -> pd.DataFrame:
    """A table with rows by parameter, of all names at once or of each that can."""

    def tables(some: Sequence[str]) -> dict[str, pd.DataFrame]:
        return {"".join(some): search(response, thresholds, some)}

    faults: dict[str, str] = {}
    found = all_that_can(names, tables, faults) if len(names) else tables(names)
    for name, why in faults.items():
        left.note(f"{what} of {name}", why)
    whole = [table for table in found.values() if not table.empty]
    return pd.concat(whole, ignore_index=True) if whole else search(response, thresholds, [])


def could_tip(response: Response, tornado: pd.DataFrame, decision: Decision) -> list[str]:
    """Parameters along which a tipping point is looked for: those that could have one.

    Whatever acts on survival, where net benefit may turn; of the rest those whose 95 % interval moves
    net benefit by a quarter of what separates it from zero, at some threshold.
    """
    benefit = decision.tables["net_benefit"].set_index("threshold_name")["net_benefit"].abs()
    wide = np.zeros(len(tornado), bool)
    for name, _ in decision.thresholds:
        wide |= tornado[f"range_{name}"].to_numpy(float) > 0.25 * benefit[name]
    on_curves = tornado["parameter"].isin(curve_inputs(response.problem)).to_numpy(bool)
    return list(tornado["parameter"][wide | on_curves])


def what_if_maps(
    run: Run,
    response: Response,
    alternatives: Mapping[str, DecisionProblem | InputError],
    left: LeftOut,
    cache: Path | None,
) -> list[WhatIfMap]:
    """The maps of the questions the analysis asks; one that cannot be asked here is left out."""
    asked = [question for question in run.problem.what_if if _can_be_asked(run, question, left)]
    others: dict[str, Response | str] = {"": response}
    loaded = {n: a for n, a in alternatives.items() if isinstance(a, DecisionProblem)}
    others |= {n: reason(a) for n, a in alternatives.items() if isinstance(a, InputError)}
    if asked:
        others |= alternative_responses(run, loaded, cache)
    found = []
    for question in asked:
        own = {n: others[n] for n in question.scenarios or ("",) if n in others}
        faults = [r for r in own.values() if isinstance(r, str)]
        if faults:
            left.note(f"{MAP}: {question.label}", faults[0])
        elif own:
            made = left.ask(
                f"{MAP}: {question.label}",
                lambda q=question, r=own: _map(run, response, q, r),
                None,
            )
            found += [made] if made is not None else []
    return found


def _can_be_asked(run: Run, question: WhatIf, left: LeftOut) -> bool:
    """Whether its quantities act in the draws; one that acts before them would give a flat line."""
    acts = before_draws(run.problem)
    for axis in (question.x, question.y):
        if axis is not None and axis.name in acts:
            left.note(
                f"{MAP}: {question.label}",
                f"{axis.name} acts on {acts[axis.name]}, before anything is drawn. `heor what-if "
                f"{axis.name}` makes the run again for each value.",
            )
            return False
    return True


def _map(
    run: Run, response: Response, question: WhatIf, responses: Mapping[str, Response]
) -> WhatIfMap:
    """One map, under the scenarios it names."""
    points = grid(question)
    answers = {
        n: r.estimates([internal(r.problem, point) for point in points])
        for n, r in responses.items()
    }
    labels = {n: r.problem.scenario_label for n, r in responses.items()}
    centre = centre_of(run.problem, response.draws, run.simulation, question)
    first = next(iter(responses.values())).problem
    return what_if_map(question, first, answers, run.decision.thresholds, labels, centre)


def alternative_responses(
    run: Run, alternatives: Mapping[str, DecisionProblem], cache: Path | None
) -> dict[str, Response | str]:
    """The scenarios that questions are asked under, on the run's fits where they have the same.

    Of one that cannot be asked, why.
    """
    streams = run.problem.streams
    problems = {n: replace(other, trial=None) for n, other in alternatives.items()}
    fits = {n: run.fits for n, other in problems.items() if same_fits(run.problem, other)}
    faults: dict[str, str] = {}
    fits |= all_that_can(
        [n for n in problems if n not in fits],
        lambda names: fit_problems({n: problems[n] for n in names}, streams, cache),
        faults,
    )
    found: dict[str, Response | str] = {**faults}
    for name, own in fits.items():
        other = problems[name]
        try:
            whole = sample({"": other}, {"": own}, streams)[""]
            found[name] = Response.of(run_on(other, own, taken(whole, spaced(whole.n, MAP_DRAWS))))
        except FAILURES as error:  # a question is left out, the answer is not lost
            found[name] = reason(error)
    return found
