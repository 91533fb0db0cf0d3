"""Faults of the model structure, and of exposures against cycle and horizon."""

from __future__ import annotations

import math
from collections.abc import Iterable

from heor.faults import Faults
from heor.inputs.checks import transitions as transition_checks
from heor.inputs.checks import values as value_checks
from heor.inputs.text.layers import Layer
from heor.problem.curve_types import FittedCurve
from heor.problem.expressions import evaluate, fault_at, names_in, problem_with
from heor.problem.names import named
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Exposure, Strategy
from heor.usage import structures
from heor.usage.touched import acts_beyond_money
from heor.usage.usage import expressions_of

FLOWS = ("progressions", "cancer_deaths")
NEARLY = 1e-9  # years; below it two times are the same


def check(
    problem: DecisionProblem, layer: Layer, declared: Iterable[str], problems: Faults
) -> None:
    """Append every fault found to `problems`.

    `declared` are the parameters that have a row, also a faulty one: its own fault is enough.
    """
    model = problem.settings.model
    fault = structures.fault(problem, model)
    if fault:
        others = [m for m in structures.STRUCTURES if not structures.fault(problem, m)]
        advice = f"Use {' or '.join(others)}, or change" if others else "Change"
        problems.add(
            layer.origin("analysis.model"),
            f"model {model} cannot be evaluated: {fault} {advice} the strategy",
        )
    endpoints = dict.fromkeys((*problem.settings.endpoints, "os", "pfs", "dfs"))
    for name, evidence in problem.evidence.items():
        origin = layer.origin(f"survival.{name}.endpoint")
        named("endpoint", evidence.endpoint, endpoints, origin, problems)
    if len({bool(s.transitions) for s in problem.strategies.values()}) > 1:
        problems.add(
            layer.origin("analysis.model"),
            "some strategies have curves and others transitions",
            "",
            "All must be of one kind.",
        )
    means = means_of(problem, declared)
    value_checks.check(problem, layer, means, problems)
    if not problems:  # faulty names cannot be followed
        _check_finite(problem, means, layer, problems)
    for strategy in problem.strategies.values():
        for exposure in strategy.exposures.values():
            origin = layer.origin(f"strategies.{strategy.name}.exposures.{exposure.name}")
            if "start_age" in problem.parameters:  # its absence is said elsewhere
                _check_times(problem, exposure, means, origin, problems)
            _check_followed(strategy, exposure, origin, problems)
            if exposure.flow is not None:
                flows = [t.name for t in strategy.transitions] or FLOWS
                named("flow", exposure.flow, flows, origin, problems)
        pfs = strategy.curves.get("pfs")
        if strategy.after_progression != "1" and isinstance(pfs, FittedCurve):
            problems.add(
                layer.origin(f"strategies.{strategy.name}.after_progression"),
                "after_progression is a hazard ratio against the strategy the PFS curve is "
                f"relative to, and that of '{strategy.name}' is not relative",
                "",
                "Remove it.",
            )
        if strategy.transitions:
            transition_checks.check(problem, strategy, means, layer, problems)
        for part in ("phases", "of_which"):
            for label, name in getattr(strategy, part).items():
                origin = layer.origin(f"strategies.{strategy.name}.{part}.{label}")
                named("exposure", name, strategy.exposures, origin, problems)
    if not problems:
        _check_prices(problem, layer, problems)


def _check_prices(problem: DecisionProblem, layer: Layer, problems: Faults) -> None:
    """Parameters whose value-based price is asked for are prices."""
    for name in problem.prices:
        if acts_beyond_money(problem, name):
            problems.add(
                layer.origin("analysis.prices"),
                f"'{name}' is not a price",
                "survival, time or utility depends on it",
                "Name only amounts of money here; tipping points are found for every parameter "
                "that matters.",
            )


def means_of(problem: DecisionProblem, declared: Iterable[str]) -> dict[str, float]:
    """Parameters and derived names at the mean; NaN where that cannot be told."""
    known = dict.fromkeys(declared, math.nan)
    known |= {name: p.mean for name, p in problem.parameters.items()}
    known |= dict.fromkeys(problem.syntheses, math.nan)
    for name, expression in problem.derived.items():
        known[name] = _value(expression, known)
    return known


def _check_finite(
    problem: DecisionProblem, means: dict[str, float], layer: Layer, problems: Faults
) -> None:
    """Every expression is a number at the parameters' means, as far as those tell."""
    texts = [(f"analysis.derived.{name}", text) for name, text in problem.derived.items()]
    for name, strategy in problem.strategies.items():
        found = dict.fromkeys(expressions_of(problem, strategy))
        texts += [(f"strategies.{name}", text) for text in found]
    for path, text in texts:
        if problem_with(text, means) or not all(map(math.isfinite, map(means.get, names_in(text)))):
            continue  # its own check says so, or only a draw can tell
        fault = fault_at(text, means)
        if fault:
            problems.add(
                layer.origin(path),
                f"{fault} at the parameters' means",
                "a finite number is needed",
                "Look for a division by zero, or the root or logarithm of a number below zero.",
            )


def _value(expression: str, known: dict[str, float]) -> float:
    if problem_with(expression, known):  # its own check says so
        return math.nan
    return float(evaluate(expression, known))


def _check_times(
    problem: DecisionProblem,
    exposure: Exposure,
    means: dict[str, float],
    origin: Origin,
    problems: Faults,
) -> None:
    """Windows of at least a cycle, events and windows inside the horizon."""
    start = _value(exposure.from_time, means)
    ends = [exposure.until, exposure.at]
    until, at = (math.nan if text is None else _value(text, means) for text in ends)
    horizon, cycle = problem.horizon, problem.settings.cycle
    if at < 0 or 0 < horizon <= at:
        problems.add(
            origin,
            f"the event is at {at:g} years, outside the horizon of {horizon:g}",
            "",
            "Change 'at'.",
        )
    if start >= horizon > 0:
        problems.add(
            origin,
            f"starts at {start:g} years, outside the horizon of {horizon:g}",
            "",
            "Change 'from'.",
        )
    lengths = {"from ... until": until - start}
    lengths |= {
        name: _value(text, means)
        for name, text in (("lasting", exposure.lasting), ("before", exposure.before))
        if text != "0"
    }
    for name, length in lengths.items():
        if length < -NEARLY:
            problems.add(
                origin,
                f"'{name}' spans {length * 12:.3g} months",
                "it must be 0 or more",
                "Correct it.",
            )
        if 0 < length < cycle - NEARLY:
            problems.add(
                origin,
                f"'{name}' spans {length * 12:.3g} months, less than a cycle of {cycle * 12:.3g}",
                "a cycle may not be longer than the shortest window",
                "Shorten analysis.cycle, or widen the window.",
            )


def _check_followed(
    strategy: Strategy, exposure: Exposure, origin: Origin, problems: Faults
) -> None:
    """`after` follows progressions, and nothing else."""
    if exposure.after is None:
        return
    pending, seen = [exposure.after], set()
    while pending:
        name = pending.pop()
        found = strategy.exposures.get(name)
        if found is None or name in seen:
            continue
        seen.add(name)
        pending += found.sum_of
        if not found.sum_of and (found.flow != "progressions" or found.before != "0"):
            problems.add(
                origin,
                f"after: '{name}' is not an exposure to progressions",
                "only time after a progression is known",
                "Name one with 'flow: progressions'.",
            )
