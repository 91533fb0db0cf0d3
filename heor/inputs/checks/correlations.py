"""Faults of correlations: statements that contradict each other, or that nothing would come of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations

import numpy as np

from heor.faults import Faults
from heor.inputs.schema import model as schema
from heor.inputs.text.layers import Layer
from heor.problem.correlations import ROUNDING, Block, blocks, listed, members, names_of, stated
from heor.problem.names import named
from heor.problem.parameter import Correlation, Parameter
from heor.problem.problem import DecisionProblem


def check(
    problem: DecisionProblem,
    models: schema.Inputs,
    layer: Layer,
    declared: Iterable[str],
    problems: Faults,
) -> None:
    """Append every fault found to `problems`.

    `declared` are the parameters that have a row, also a faulty one: its own fault is enough.
    """
    before, declared = len(problems), list(declared)
    for correlation in problem.correlations:
        if correlation.correlation is not None:
            _check_number(problem, correlation, declared, layer, problems)
        if correlation.pair is not None:
            _check_pair(problem, correlation, declared, layer, problems)
        if correlation.group is not None:
            _check_group(problem, correlation, layer, problems)
    _check_undeclared(problem, models, layer, problems)
    _check_twice(problem, layer, problems)
    if len(problems) == before:
        for block in blocks(problem):
            if block.smallest < -ROUNDING:
                problems.append(_impossible(problem, block, layer))


def _where(layer: Layer, correlation: Correlation) -> str:
    return f"{layer.origin(f'analysis.correlations.{correlation.name}')}: {correlation.name}"


def _check_number(
    problem: DecisionProblem,
    correlation: Correlation,
    declared: list[str],
    layer: Layer,
    problems: Faults,
) -> None:
    """The correlation itself is a parameter of that unit."""
    name = correlation.correlation
    origin = layer.origin(f"analysis.correlations.{correlation.name}")
    if not named("parameter", name, declared, origin, problems) or name not in problem.parameters:
        return
    rho = problem.parameters[name]
    if rho.unit != "correlation":
        problems.add(
            rho.origin,
            f"{name} is the correlation of '{correlation.name}' in analysis.yaml, but its "
            f"unit is '{rho.unit}'",
            "it must be 'correlation', from -1 to 1",
            "Correct the unit, or name another.",
        )
    among = names_of(problem, correlation) if correlation.group is not None else []
    lowest = -1 / (len(among) - 1) if len(among) > 1 else -1.0
    if rho.mean < lowest - ROUNDING:
        problems.add(
            rho.origin,
            f"{name}: correlation {rho.mean:g} of group '{correlation.group}'",
            f"between any two of its {len(among)} members it must be between {lowest:.3g} and 1",
            "Use 'pair' for a negative one.",
        )


def _check_pair(
    problem: DecisionProblem,
    correlation: Correlation,
    declared: list[str],
    layer: Layer,
    problems: Faults,
) -> None:
    first, second = correlation.pair
    origin, where = (
        layer.origin(f"analysis.correlations.{correlation.name}"),
        _where(layer, correlation),
    )
    if first == second:
        problems.add(
            where, f"'{first}' with itself", "a pair is of two names", "Correct one or remove it."
        )
        return
    for name in correlation.pair:
        if named("parameter", name, [*declared, *problem.syntheses], origin, problems):
            parameter = problem.parameters.get(name)
            fault = _cannot(parameter) if parameter is not None else ""
            if fault:
                problems.add(where, f"'{name}' {fault} Remove the pair")


def _cannot(parameter: Parameter) -> str:
    """Why a parameter cannot be correlated; empty where it can, or was fixed for this run only."""
    if parameter.distribution == "dirichlet":
        return (
            "is a share of a Dirichlet, whose shares are correlated by being shares; it cannot be "
            "correlated otherwise."
        )
    if parameter.is_fixed and not parameter.is_fixed_on_purpose:
        return f"is fixed ({parameter.origin}); what does not vary is correlated with nothing."
    return ""


def _check_group(
    problem: DecisionProblem, correlation: Correlation, layer: Layer, problems: Faults
) -> None:
    """A group has members, all of them uncertain, and more than one."""
    where, group = _where(layer, correlation), correlation.group
    own = [problem.parameters[n] for n in members(problem, group)]
    if not own:
        groups = {p.correlation_group for p in problem.parameters.values() if p.correlation_group}
        problems.add(where, f"no parameter has correlation_group '{group}'", like=(group, groups))
        return
    for parameter in own:
        fault = _cannot(parameter)
        if fault:
            problems.add(
                parameter.origin,
                f"{parameter.name}, of correlation_group '{group}', {fault} Leave its cell of "
                "that column empty",
            )
    if len(own) == 1:
        problems.add(
            where,
            f"only {own[0].name} has correlation_group '{group}'",
            "a group has two members or more",
            "Add one, or remove the group.",
        )


def _check_undeclared(
    problem: DecisionProblem, models: schema.Inputs, layer: Layer, problems: Faults
) -> None:
    """A correlation_group that no correlation is stated for, where the run uses its members."""
    known = {c.group for c in problem.correlations if c.group}
    found: dict[str, list[Parameter]] = {}
    for parameter in problem.parameters.values():
        group = parameter.correlation_group
        if group and group not in known and not parameter.is_fixed:
            found.setdefault(group, []).append(parameter)
    if not found:
        return
    # any mention counts: what cannot be parsed is reported elsewhere
    texts = (models.strategies, problem.derived, problem.syntheses, problem.trial)
    used = set(re.findall(r"\w+", " ".join(map(repr, texts))))
    for group, own in found.items():
        names = [p.name for p in own if p.name in used]
        if names:
            problems.add(
                own[0].origin,
                f"correlation_group '{group}' of {', '.join(names)}: no correlation is stated for "
                "it, so they would be drawn independently",
                "",
                f"Add it under 'correlations' in analysis.yaml ({group}: {{group: {group}, "
                "correlation: <parameter>}), or empty the cell.",
                like=(group, known),
            )


def _check_twice(problem: DecisionProblem, layer: Layer, problems: Faults) -> None:
    """Two names have one correlation, and those of a covariance file no other at all."""
    for first, second in combinations(problem.correlations, 2):
        both = [n for n in names_of(problem, first) if n in names_of(problem, second)]
        if both and (first.names or second.names):
            problems.add(
                _where(layer, second),
                f"parameter '{both[0]}' of a covariance file is also correlated elsewhere ("
                f"{first.name}, {second.name})",
                "once is allowed",
                "Remove one.",
            )
        elif len(both) > 1:
            same = {frozenset((a, b)): r for a, b, r in stated(problem, first)}
            a, b, rho = next(row for row in stated(problem, second) if frozenset(row[:2]) in same)
            problems.add(
                _where(layer, second),
                f"{a} and {b} are correlated by '{first.name}' already ("
                f"{same[frozenset((a, b))]:.3g} there, {rho:.3g} here)",
                "two names have one correlation",
                "Remove one.",
            )


# --------------------------------------------------------------- no such correlation matrix
def _impossible(problem: DecisionProblem, block: Block, layer: Layer) -> str:
    """The fault of correlations that no numbers can have together, and the nearest they can have."""
    scales = {frozenset(row[:2]): c.scale for c in block.statements for row in stated(problem, c)}

    def of_scale(names: frozenset[str], rho: float) -> float:
        return 6 / np.pi * np.arcsin(rho / 2) if scales.get(names) == "rank" else rho

    found, nearest_ = listed(block.names, block.matrix, of_scale)
    names = ", ".join(c.name for c in block.statements)
    return (
        f"{_where(layer, block.statements[-1])}: correlations {names} contradict each other: {found} (0 where "
        f"nothing is stated) is no correlation matrix, because its smallest eigenvalue, {block.smallest:.2g}, "
        f"is negative. The nearest that is one: {nearest_}. Write those, or multiply each one stated by "
        f"{_factor(problem, block):.2f}."
    )


def _factor(problem: DecisionProblem, block: Block) -> float:
    """The largest factor, of two decimals, with which the statements are possible."""
    for factor in np.arange(99, 0, -1) / 100:
        own = next(b for b in blocks(problem, factor) if b.names == block.names)
        if own.smallest >= -ROUNDING:
            return float(factor)
    return 0.0
