"""Utility norms and utilities of states."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heor.findings import Finding
from heor.inputs.plausibility.central import central_values, value
from heor.inputs.plausibility.mortality import LIFE_TABLE
from heor.inputs.plausibility.surroundings import Surroundings, origin
from heor.problem.country import UtilityNorms
from heor.problem.expressions import names_in
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy

#: EQ-5D norms of populations up to age 75 (Szende 2014 and national norms since).
NORM_LOW, NORM_HIGH, NORM_AGE = 0.65, 0.97, 75
#: From middle to old age norms fall; so much may they rise.
RISE = 0.02
SAME_AGES = 20
#: Remaining QALYs of a published table against life table and norms.
QALYS_OFF, QALYS_AGES = 0.03, range(40, 81, 5)
LOW_MULTIPLIER = 0.3
LARGE_LOSS = 0.5


def norm_level(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Norms outside what populations of any country have on any value set."""
    norms = problem.country.norms
    found = norms.utility[norms.age <= NORM_AGE]
    if np.all(found == 1):
        return  # states are valued by themselves
    if len(found) and not NORM_LOW <= found.min() <= found.max() <= NORM_HIGH:
        yield Finding(
            "norm_level",
            str(norms.origin),
            f"norms up to age {NORM_AGE} are {found.min():.3g} to {found.max():.3g}",
            f"EQ-5D norms of populations usually lie between 0.7 and 0.95, and hardly below {NORM_LOW:g}",
            "Are they norms of a population (not of patients), on a scale where full health is 1?",
        )


def norm_slope(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Norms that rise into old age."""
    norms = problem.country.norms
    middle, old = (
        norms.utility[(norms.age >= a) & (norms.age < b)] for a, b in ((45, 60), (75, 90))
    )
    if len(middle) and len(old) and old.mean() > middle.mean() + RISE:
        yield Finding(
            "norm_slope",
            str(norms.origin),
            f"norms are {middle.mean():.3f} at ages 45 to 59 and {old.mean():.3f} from 75",
            "norms fall from middle to old age in every population",
            "Are the rows in order, and the ages right?",
        )


def norms_of_another_set(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Norms that are, number for number, those of another country on another value set."""
    country, norms = problem.country, problem.country.norms
    if "utility_norms" in country.borrowed:
        return
    for other in around.other_norms:
        if other.value_set == country.value_set_key:
            continue
        first, last = (f(norms.age[i], other.columns["age"][i]) for f, i in ((max, 0), (min, -1)))
        if last - first + 1 >= SAME_AGES and _same(norms, other.columns, first, last):
            yield Finding(
                "norms_of_another_set",
                str(norms.origin),
                f"the norms are those of {other.country.capitalize()}, valued with '{other.value_set}', and "
                f"are labelled '{country.value_set_key}'",
                "the same health has another number on each value set",
                "Write the value set they are of, or take norms of the country's own set.",
            )


def _same(norms: UtilityNorms, other: dict[str, np.ndarray], first: float, last: float) -> bool:
    def of(ages: np.ndarray, values: np.ndarray) -> np.ndarray:
        return values[(ages >= first) & (ages <= last)]

    if norms.by_sex is None:
        pairs = [(norms.utility, other.get("utility"))]
    else:
        male, female = norms.by_sex
        pairs = [(male, other.get("utility_male")), (female, other.get("utility_female"))]
    return all(
        theirs is not None and np.array_equal(of(norms.age, own), of(other["age"], theirs))
        for own, theirs in pairs
    )


def remaining_qalys(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """QALYs left by the published table, against life table and norms."""
    norms = problem.country.norms
    if norms.remaining_qalys is None:
        return
    if any(f for check in LIFE_TABLE for f in check(problem, around)):
        return  # it is the life table that is asked about
    worst, at = 0.0, None
    for age in QALYS_AGES:
        if not norms.age[0] <= age <= min(norms.age[-1], problem.country.life_table.age[-1]):
            continue
        stated = float(norms.remaining_qalys[norms.age == age][0])
        computed = _qalys_left(problem, age)
        if abs(stated / computed - 1) > worst:
            worst, at = abs(stated / computed - 1), (age, stated, computed)
    if at is not None and worst > QALYS_OFF:
        age, stated, computed = at
        yield Finding(
            "remaining_qalys",
            str(norms.origin),
            f"{stated:.1f} QALYs are left at age {age}",
            f"life table and norms give {computed:.1f}, and the two usually agree within 1 %",
            "Are the ages of the norms shifted, or is the life table another country's?",
        )


def _qalys_left(problem: DecisionProblem, age: int) -> float:
    """Of half men and half women; deaths in the middle of the year."""
    table, norms = problem.country.life_table, problem.country.norms
    ages = table.age[table.age >= age]
    utility = norms.utility[np.clip(ages - norms.age[0], 0, len(norms.age) - 1).astype(int)]
    total = 0.0
    for q in (table.q_male, table.q_female):
        alive = np.concatenate([[1.0], np.cumprod(1 - q[table.age >= age])])
        total += 0.5 * float((0.5 * (alive[:-1] + alive[1:]) * utility).sum())
    return total


def low_multiplier(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A utility so low that it is rather a loss, or a loss so large that it is rather a utility."""
    for p in problem.parameters.values():
        if p.unit in ("utility", "utility multiplier") and 0 < p.mean < LOW_MULTIPLIER:
            yield Finding(
                "low_multiplier",
                str(p.origin),
                f"{p.name}: {p.unit} {p.mean:g}",
                f"states that patients live in for months are usually valued {LOW_MULTIPLIER:g} to 1",
                f"If it is the loss, enter {1 - p.mean:g}.",
            )
        elif p.unit in ("utility decrement", "QALY") and p.mean > LARGE_LOSS:
            yield Finding(
                "low_multiplier",
                str(p.origin),
                f"{p.name}: {p.unit} {p.mean:g}",
                f"losses of utility are usually below {LARGE_LOSS:g}",
                f"If it is what is left, enter {1 - p.mean:g}.",
            )


def impossible_multiplier(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A multiplier below 0 or above full health, by its formula."""
    values, seen = central_values(problem), set()
    asked: set[str] = set()  # derived names: others may be made of them
    for strategy in problem.strategies.values():
        for item in strategy.utilities.values():
            if item.multiplier is None or item.multiplier in seen:
                continue
            seen.add(item.multiplier)
            found = value(item.multiplier, values)
            names = [n for n in names_in(item.multiplier) if n in problem.derived]
            made_of = {m for n in names for m in (n, *names_in(problem.derived[n]))}
            if not (found < 0 or found > 1 + 1e-9) or made_of & asked:
                continue
            asked |= set(names)
            path = f"strategies.{strategy.name}.utilities.{item.name}"
            formula = f" ({problem.derived[names[0]]})" if len(names) == 1 else ""
            yield Finding(
                "impossible_multiplier",
                str(origin(problem, f"analysis.derived.{names[0]}" if len(names) == 1 else path)),
                f"utility '{item.name}' of {strategy.label} is {found:.3g} times the norm: "
                f"{item.multiplier}{formula}",
                "it is usually between 0.3 and 1: negative is worse than dead, above 1 better than the "
                "healthy (and is cut to the norm)",
                "Check the formula; factors are multiplied, losses subtracted from 1.",
            )


def state_without_utility(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A state that patients are in and that no utility is given for: it counts as dead."""
    for strategy in problem.strategies.values():
        valued = set()
        for item in strategy.utilities.values():
            if item.multiplier is not None:
                valued |= _states(strategy, item.exposure)
        for state in problem.settings.states:
            if state == "dead" or state in valued:
                continue
            yield Finding(
                "state_without_utility",
                str(origin(problem, f"strategies.{strategy.name}.utilities")),
                f"{strategy.label} has no utility for the state '{state}'; its years count as 0 QALYs",
                "every state of the living has one",
                f"Add an item with an exposure in '{state}' and a multiplier.",
            )


def _states(strategy: Strategy, name: str) -> set[str]:
    exposure = strategy.exposures[name]
    if exposure.sum_of:
        return {state for other in exposure.sum_of for state in _states(strategy, other)}
    return {exposure.state} if exposure.state else set()
