"""The model at the means of its parameters: what expressions, costs and utilities come to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heor.inputs.plausibility.surroundings import origin
from heor.problem.expressions import evaluate, names_in
from heor.problem.parameter import Origin, Synthesis
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CostItem, Strategy


def central_values(problem: DecisionProblem) -> dict[str, float]:
    """Parameters at their mean, pooled effects at their inverse-variance mean, and derived names."""
    values = {name: p.mean for name, p in problem.parameters.items()}
    for name, synthesis in problem.syntheses.items():
        values[name] = _pooled(problem, synthesis) + value(synthesis.shift, values)
    for name, expression in problem.derived.items():
        values[name] = value(expression, values)
    return values


def _pooled(problem: DecisionProblem, synthesis: Synthesis) -> float:
    studies = [problem.parameters[name] for name in synthesis.studies]
    weights = [1 / max(p.se, 1e-9) ** 2 for p in studies]
    return sum(w * p.mean for w, p in zip(weights, studies, strict=True)) / sum(weights)


def value(expression: str, values: Mapping[str, float]) -> float:
    """An expression at these values; NaN where it has none there."""
    try:
        return float(evaluate(expression, values))
    except (ArithmeticError, ValueError, TypeError, KeyError):
        return math.nan


def parameters_of(problem: DecisionProblem, expression: str) -> set[str]:
    """Parameters an expression rests on, through derived names and pooled effects."""
    found, pending = set(), list(names_in(expression))
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        if name in problem.derived:
            pending += names_in(problem.derived[name])
        if name in problem.syntheses:
            pending += problem.syntheses[name].studies
    return found & set(problem.parameters)


def is_event(strategy: Strategy, name: str) -> bool:
    """Whether an exposure counts persons at an event, not years."""
    exposure = strategy.exposures[name]
    if exposure.sum_of:
        return all(is_event(strategy, other) for other in exposure.sum_of)
    return exposure.at is not None or (exposure.flow is not None and exposure.before == "0")


@dataclass(frozen=True)
class Charge:
    """A cost item at the parameters' means: money for each event, or for each year."""

    strategy: str
    item: CostItem
    amount: float
    is_event: bool
    origin: Origin


def charges(problem: DecisionProblem) -> Iterator[Charge]:
    """Every cost item of every strategy, whatever the perspective."""
    values = central_values(problem)
    for strategy in problem.strategies.values():
        for item in strategy.costs.values():
            yield Charge(
                strategy.name,
                item,
                value(item.amount, values),
                is_event(strategy, item.exposure),
                priced_at(problem, item, f"strategies.{strategy.name}.costs.{item.name}"),
            )


def priced_at(problem: DecisionProblem, item: CostItem, path: str) -> Origin:
    """The line of the one price an item rests on; without or with several, that of the item."""
    money = [
        problem.parameters[n]
        for n in parameters_of(problem, item.amount)
        if problem.parameters[n].currency
    ]
    return money[0].origin if len(money) == 1 else origin(problem, path)
