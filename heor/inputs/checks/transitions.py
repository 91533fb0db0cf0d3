"""Faults of declared transitions: states, expressions, and what their probabilities are of."""

from __future__ import annotations

import math
from ast import literal_eval
from collections.abc import Mapping, Sequence

from heor.faults import Faults
from heor.inputs.text.layers import LAYERS, Layer
from heor.problem.expressions import evaluate, names_in, problem_with
from heor.problem.names import named
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CLOCKS, Strategy, TransitionInput
from heor.problem.units import cycle_years, in_months

SINCE_START = frozenset({"time", "age", "background"})
NEARLY = 1e-9


def check(
    problem: DecisionProblem,
    strategy: Strategy,
    means: Mapping[str, float],
    layer: Layer,
    problems: Faults,
) -> None:
    """Append every fault found to `problems`."""
    root, states = f"strategies.{strategy.name}", problem.settings.states
    by_origin: dict[str, list[TransitionInput]] = {}
    for transition in strategy.transitions:
        origin = layer.origin(f"{root}.transitions.{transition.origin}.{transition.target}")
        for state in (transition.origin, transition.target):
            named("state", state, states, origin, problems)
        if transition.origin == transition.target:
            problems.add(
                origin,
                f"state '{transition.origin}' to itself",
                "staying is what is left",
                "Remove it.",
            )
        if transition.origin == "dead":
            problems.add(origin, "the dead stay dead", "", "Remove the transition.")
        fault = _faulty(transition, problem, means)
        if fault:
            problems.append(f"{origin}: {transition.name}{fault}")
        by_origin.setdefault(transition.origin, []).append(transition)
    _check_periods(problem, strategy, layer, problems)
    if strategy.groups:
        problems.add(
            layer.origin(f"{root}.groups"), "groups go with curves", "make a state of each instead"
        )
    for state, own in by_origin.items():
        origin = layer.origin(f"{root}.transitions.{state}")
        if len({t.rate is None for t in own}) > 1:
            problems.add(
                origin,
                f"out of '{state}' some transitions are rates and others probabilities",
                "what is left to stay is then not defined",
                "Use one.",
            )
        elif own[0].rate is None and not any(_faulty(t, problem, means) for t in own):
            _check_together(problem, strategy, state, own, means, origin, problems)
    _check_start(strategy, states, means, layer, problems)


def _faulty(
    transition: TransitionInput, problem: DecisionProblem, means: Mapping[str, float]
) -> str:
    """What is wrong with the expressions of a transition; empty when nothing is."""
    fault = problem_with(transition.expression, {*means, *CLOCKS})
    if fault:
        return f": {fault}"
    ratio = problem_with(transition.hazard_ratio, {*means, *problem.covariates})
    if ratio:
        return f": hazard_ratio: {ratio}"
    used = names_in(transition.expression)
    if "time_in_state" in used and used & SINCE_START:
        return (
            " depends on time_in_state and on time since the start (time, age, background) at once; use "
            "one of them."
        )
    return ""


def _check_periods(
    problem: DecisionProblem, strategy: Strategy, layer: Layer, problems: Faults
) -> None:
    """Probabilities say what they are of, where the cycle is not that of the inputs that state them."""
    root, stated = f"strategies.{strategy.name}.transitions", layer.origins.get("analysis.cycle")
    unknown = []
    for t in strategy.transitions:
        path = f"{root}.{t.origin}.{t.target}"
        if t.rate is not None or f"{path}.per" in layer.origins:
            continue
        own = LAYERS.index(layer.origin(f"{path}.probability").layer)
        if stated is None or (LAYERS.index(stated.layer) > own and not _unchanged(stated, problem)):
            unknown.append(t.name)
    if not unknown:
        return
    place = f"{layer.origin(root)}: {', '.join(unknown)}: probabilities of what? They have no 'per', and"
    if stated is None:
        problems.append(
            f"{place} analysis.yaml has no 'cycle' (a month then). Add per: month, per: year or whatever they "
            "are of, or state the cycle."
        )
        return
    before = literal_eval(stated.replaced) if stated.replaced else "month"
    problems.append(
        f"{place} the cycle they were written for ('{before}') is changed ({stated}). Add per: {before}, "
        "and they are rescaled; or per: cycle, and they are of every cycle, however long."
    )


def _unchanged(stated: Origin, problem: DecisionProblem) -> bool:
    """Whether the cycle is set again to what the model's file has."""
    if stated.replaced is None or (stated.layer == "override" and problem.scenario):
        return False
    return abs(cycle_years(literal_eval(stated.replaced)) - problem.settings.cycle) < NEARLY


def _check_together(
    problem: DecisionProblem,
    strategy: Strategy,
    state: str,
    own: Sequence[TransitionInput],
    means: Mapping[str, float],
    origin: Origin,
    problems: Faults,
) -> None:
    """Probabilities out of one state are of one period, and can be those of a step."""
    periods = {t.per for t in own}
    if len(periods) > 1:
        problems.add(
            origin,
            f"out of '{state}' the probabilities are of different periods ("
            f"{', '.join(in_months(p) for p in sorted(filter(None, periods)))})",
            "they compete, so they must be of one",
            "Write them per the same, or write rates.",
        )
        return
    period, cycle = own[0].per, problem.settings.cycle
    shortest = min(t.per for t in strategy.transitions if t.per is not None)
    step = cycle / max(1, math.ceil(cycle / shortest - NEARLY))
    used = [names_in(t.expression) for t in own]
    constant = [t for t, names in zip(own, used, strict=True) if not names & set(CLOCKS)]
    total = sum(float(evaluate(t.expression, means)) for t in constant)
    if total > 1 + NEARLY:
        problems.add(
            origin,
            f"the probabilities out of '{state}' add up to {total:g} at the parameters' means",
            "at most 1 can leave",
            "Correct them.",
        )
    if period is None or abs(period - step) < NEARLY:
        return
    if abs(total - 1) <= NEARLY and period > step:
        problems.add(
            origin,
            f"everyone leaves '{state}' within {in_months(period)}, which no probability of a "
            f"step of {in_months(step)} gives",
            "",
            "Set analysis.cycle to that period, or write rates.",
        )
    if any("time_in_state" in names for names in used) and any(n & SINCE_START for n in used):
        problems.add(
            origin,
            f"out of '{state}' some probabilities depend on time_in_state and others on time "
            "since the start",
            f"together they cannot be rescaled from {in_months(period)} to {in_months(step)}",
            "Set analysis.cycle to that period, or write rates.",
        )


def _check_start(
    strategy: Strategy,
    states: Sequence[str],
    means: Mapping[str, float],
    layer: Layer,
    problems: Faults,
) -> None:
    """Shares at time zero, and that every state can be entered."""
    root = f"strategies.{strategy.name}"
    total = 0.0
    for state, share in strategy.start.items():
        origin = layer.origin(f"{root}.start.{state}")
        named("state", state, states, origin, problems)
        fault = problem_with(share, means)
        if fault:
            problems.append(f"{origin}: start: {fault}")
        total += math.nan if fault else float(evaluate(share, means))
    if strategy.start and abs(total - 1) > NEARLY:
        problems.add(
            layer.origin(f"{root}.start"),
            f"shares add up to {total:g} at the parameters' means",
            "they must add up to 1",
            "Write one as 1 less the others.",
        )
    entered = {*(strategy.start or states[:1]), *(t.target for t in strategy.transitions)}
    for state in states:
        if state not in entered:
            problems.add(
                layer.origin(f"{root}.transitions"),
                f"nobody can enter state '{state}'",
                "no transition leads to it and nobody starts there",
                "Add one, or remove the state.",
            )
