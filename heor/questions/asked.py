"""One question of the kind "what if", asked on the command line.

What acts in the draws is given values there. What acts before them (a study, an expert opinion, a
correlation, the cohort's age) is another run for each value: read, fitted, drawn and judged again, on
the same random numbers, as `heor run --set NAME=VALUE` does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from heor.decision.decision import Decision
from heor.decision.severity import weighted_threshold
from heor.decision.thresholds import SEVERITY
from heor.errors import HeorWarning, InputError
from heor.problem.problem import DecisionProblem
from heor.problem.what_if_targets import WhatIf
from heor.questions.crossings import WhatIfMap
from heor.questions.maps import POINTS, grid, internal, question, what_if_map
from heor.questions.response import COMPARATOR, Estimates, Response
from heor.together import fit_together, run_together
from heor.usage.usage import before_draws, used_opinions

AGAIN_POINTS = 7  # where each value is another run
RUN = ""  # the run itself, among those with other values
FEW = 3  # values whose faults are listed
NEAR = 1e-4  # of the distance between two values: so near a crossing is solved for
Progress = Callable[[str, int, int], None]
Point = Mapping[str, float]  # name → value as entered
Again = Callable[[Point], DecisionProblem]


@dataclass(frozen=True)
class Answer:
    """A question answered: how it was computed and what must be read are its `notes`."""

    decision: Decision
    found: WhatIfMap
    notes: tuple[str, ...]


def ask(
    problem: DecisionProblem,
    names: Sequence[str],
    again: Again,
    limits: Mapping[str, tuple[float, float]] | None = None,
    points: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Net benefit over one or two quantities.

    Parameters
    ----------
    again
        The problem with some parameters fixed, as `--set` fixes them.
    limits
        Range of some names, as entered.
    points
        Along each name; 13, or 7 where each value is another run, when None.

    Raises
    ------
    InputError
        A name or range that cannot be asked about, or values that the inputs do not allow.
    FitError, ModelError
        The run itself fails.
    """
    acts = before_draws(problem)
    acts = {name: acts[name] for name in dict.fromkeys(names) if name in acts}
    points = points or (AGAIN_POINTS if acts else POINTS)
    asked = question(problem, names, limits, points)
    beliefs = {opinion.parameter for opinion in used_opinions(problem)} & acts.keys()
    problems = {RUN: problem} | _repeated(grid(asked), tuple(acts), beliefs, again)
    problems = {name: replace(own, trial=None) for name, own in problems.items()}
    faults: dict[str, str] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)
        response, estimates, weighted = _answers(
            asked, tuple(acts), problems, faults, cache, progress
        )
    decision = response.base.decision
    judged_again = SEVERITY in dict(decision.thresholds)
    found = what_if_map(
        replace(asked, note=_how(response, acts, beliefs, names)),
        problem,
        {RUN: estimates},
        decision.thresholds,
        {RUN: problem.scenario_label},
        {},
        weighted if judged_again else None,
    )
    if not acts and asked.y is None:
        found = replace(found, crossings=_solved(found, response))
    said = (str(w.message) for w in caught if issubclass(w.category, HeorWarning))
    left = (f"Left out: {name}. {why}" for name, why in faults.items())
    return Answer(decision, found, (*left, *dict.fromkeys(said)))


def _key(point: Point, repeated: Sequence[str]) -> str:
    """What the values of a point that act before the draws make of the run, as a name.

    >>> _key({"start_age": 50.0, "c_travel": 1.0}, ["start_age"]), _key({"c_travel": 1.0}, [])
    ('start_age=50', '')
    """
    return ", ".join(f"{name}={point[name]:.12g}" for name in repeated)


def _repeated(
    points: Sequence[Point], repeated: Sequence[str], beliefs: Collection[str], again: Again
) -> dict[str, DecisionProblem]:
    """The problem at each combination of values that act before the draws.

    Of `beliefs` only the mean is moved: an expert opinion without a standard error is none.
    """
    found: dict[str, DecisionProblem] = {}
    faults: dict[str, InputError] = {}
    for point in points if repeated else ():
        key = _key(point, repeated)
        if key not in found and key not in faults:
            try:
                moved = {f"{n}.mean" if n in beliefs else n: float(point[n]) for n in repeated}
                found[key] = again(moved)
            except InputError as error:
                faults[key] = error
    if faults:
        lines = [line for error in list(faults.values())[:FEW] for line in error.problems]
        if len(faults) > FEW:
            lines.append(
                f"what-if: as many as {len(faults)} values cannot be; give another --range."
            )
        raise InputError(list(dict.fromkeys(lines)))
    return found


def _answers(
    asked: WhatIf,
    repeated: Sequence[str],
    problems: Mapping[str, DecisionProblem],
    faults: dict[str, str],
    cache: Path | None,
    progress: Progress | None,
) -> tuple[Response, Estimates, np.ndarray]:
    """The run; estimates at every point, missing where a run failed; severity-weighted thresholds.

    Each problem is fitted, drawn and simulated, asked, and forgotten; what fails goes to `faults`.
    """
    points = grid(asked)
    keys = [_key(point, repeated) for point in points]
    fits = fit_together(problems, faults, cache, progress)
    fitted = {name: problems[name] for name in fits}
    parts = []
    # a value may put a hazard ratio out of reach; the nearest is used, and the share of draws is told
    runs = run_together(fitted, fits, faults, progress, group=1, unattained_most=1.0, keep_all=True)
    for name, run in runs:
        response = Response.of(run)
        if name == RUN:
            first = response
        rows = [i for i, key in enumerate(keys) if key == name]
        drawn = [{n: v for n, v in points[i].items() if n not in repeated} for i in rows]
        cases = [internal(run.problem, point) for point in drawn]
        if rows:
            parts.append((rows, response.estimates(cases if cases[0] else [{}])))
    estimates = Estimates.of_parts(len(points), parts)
    levels = [
        weighted_threshold(problems[key], float(mean)) if np.isfinite(mean) else None
        for key, mean in zip(keys, estimates.mean[:, COMPARATOR], strict=True)
    ]
    return first, estimates, np.array([np.nan if level is None else level for level in levels])


def _solved(found: WhatIfMap, response: Response) -> pd.DataFrame:
    """Crossings along one quantity, solved for between the values to either side: these may be far apart."""
    axis, table = found.what_if.x, found.crossings.copy()
    points = np.asarray(axis.values)

    def benefit(x: float, threshold: float) -> float:
        case = internal(response.base.problem, {axis.name: x})
        return float(response.estimates([case]).net_benefit(threshold)[0])

    for row in table.index[table["value"].notna()]:
        value, threshold = table.loc[row, ["value", "threshold"]].astype(float)
        after = int(np.clip(np.searchsorted(points, value), 1, len(points) - 1))
        low, high = points[after - 1], points[after]
        if benefit(low, threshold) * benefit(high, threshold) < 0:  # else it is zero at one of them
            near = NEAR * (high - low)
            table.loc[row, "value"] = brentq(benefit, low, high, (threshold,), xtol=near)
    return table


def _how(
    response: Response, acts: Mapping[str, str], beliefs: Collection[str], names: Sequence[str]
) -> str:
    """On which draws, and what was made again for each value."""
    draws = len(response.run[0])
    sentences = [
        f"{name} acts on {on}, before anything is drawn: the run was made again for each value, on all its "
        f"{draws:,} draws, as by `heor run --set {name}{'.mean' if name in beliefs else ''}=VALUE`"
        + (" (the standard error of the opinion is kept)." if name in beliefs else ".")
        for name, on in acts.items()
    ]
    drawn = set(names) - set(acts)
    if drawn and not response.needs_simulation(drawn):
        many = response.kept.exposures.n
        sentences.append(
            f"The exposures of the run were valued again in {'all' if many == draws else f'{many:,} of'} its "
            f"{draws:,} draws; nothing was simulated again."
        )
    elif drawn:
        size = response.size
        sentences.append(
            f"The model was evaluated on {size:,} of the {draws:,} draws, the same for every value, and taken "
            "to all of them by regression."
            if size < draws
            else f"The model was evaluated on all {draws:,} draws."
        )
    return " ".join(sentences)
