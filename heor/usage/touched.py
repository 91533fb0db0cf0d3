"""What a change touches: the stages of a run that have to be done again for it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from heor.problem.expressions import names_in, tree_of
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.usage.usage import before_draws, reached, survival_texts, valuation_texts

#: Fits, curves and transitions; who is exposed to what, and how long; what a year weighs; prices and
#: utilities. Each needs those after it too.
STAGES = SURVIVAL, OCCUPANCY, DISCOUNTING, VALUATION = (
    "survival",
    "occupancy",
    "discounting",
    "valuation",
)
#: Parts of a problem that a stage reads, and no other before it. What is not here touches survival.
PARTS = {
    "settings.within_cycle": DISCOUNTING,
    "settings.categories": VALUATION,
    "country.norms": DISCOUNTING,
    "country.discount_costs": DISCOUNTING,
    "country.discount_effects": DISCOUNTING,
    "country.discount_timing": DISCOUNTING,
    "country.streams": VALUATION,
    "country.perspective": VALUATION,
    "country.currency": VALUATION,
    "country.price_year": VALUATION,
    "strategies.exposures": OCCUPANCY,
    "strategies.costs": VALUATION,
    "strategies.utilities": VALUATION,
}
#: Read by the decision or by reports only.
AFTERWARDS = {
    *("title", "question", "sources", "origins", "companions", "limits", "scenario", "study"),
    *("scenario_label", "scenario_why", "overrides", "input_hashes", "trial", "prices", "what_if"),
    *("allow_generic", "parameters", "derived", "syntheses"),
    *(f"settings.{name}" for name in ("comparator", "intervention", "structures", "averages")),
    *(f"settings.{name}" for name in ("ceac_thresholds", "information", "chunk", "curve_draws")),
    *(f"strategies.{name}" for name in ("label", "phases", "of_which")),
    *(f"country.{name}" for name in ("label", "agency", "thresholds", "severity_rule", "source")),
    *(f"country.{name}" for name in ("severity_bands", "unverified", "severity_discounted")),
    *(f"country.{name}" for name in ("severity_weight_on", "guideline", "asks", "programme")),
    *(
        f"country.{name}"
        for name in ("programme_label", "as_of", "threshold_kind", "cautions", "stand_ins")
    ),
    *(f"country.{name}" for name in ("ceac_maximum", "limits", "value_set", "value_set_key")),
}


def touched(problem: DecisionProblem, names: Collection[str]) -> set[str]:
    """Stages that another value of these parameters, pooled effects or derived quantities changes.

    A name that acts before anything is drawn touches survival: the draws or the fits are others.
    """
    by_stage = {SURVIVAL: survival_texts, OCCUPANCY: _exposure_texts, VALUATION: valuation_texts}
    found = set()
    for stage, texts in by_stage.items():
        every = [text for s in problem.strategies.values() for text in texts(problem, s)]
        if reached(problem, every) & set(names):
            found.add(stage)
    return found | ({SURVIVAL} if before_draws(problem).keys() & set(names) else set())


def _exposure_texts(problem: DecisionProblem, strategy: Strategy) -> list[str]:
    return [text for e in strategy.exposures.values() for text in e.expressions]


def touched_by(one: DecisionProblem, other: DecisionProblem) -> set[str]:
    """Stages in which another problem differs from one on the same random numbers."""
    found = set()
    for path in _differences(one, other):
        if path not in AFTERWARDS:
            found.add(PARTS.get(path, SURVIVAL))
    names = {
        name
        for part in ("parameters", "derived", "syntheses")
        for name in {**getattr(one, part), **getattr(other, part)}
        if not _alike(getattr(one, part).get(name), getattr(other, part).get(name))
    }
    return found | touched(one, _drawn_with(one, names)) | touched(other, _drawn_with(other, names))


def _drawn_with(problem: DecisionProblem, names: set[str]) -> set[str]:
    """Names, and those whose draws move with theirs: the rest of a Dirichlet, what correlates."""
    together: dict[str, set[str]] = {}
    for parameter in problem.parameters.values():
        if parameter.distribution == "dirichlet":
            together.setdefault(parameter.arguments[0], set()).add(parameter.name)
    correlated = {n for c in problem.correlations for n in (*c.names, *(c.pair or ()))}
    groups = [*together.values(), correlated]
    return names.union(*(group for group in groups if group & names))


def _differences(one: DecisionProblem, other: DecisionProblem) -> set[str]:
    """Parts that differ, as `settings.cycle`."""
    found = {
        f.name for f in fields(one) if not _alike(getattr(one, f.name), getattr(other, f.name))
    }
    for group in found & {"settings", "country"}:
        a, b = getattr(one, group), getattr(other, group)
        found |= {
            f"{group}.{f.name}"
            for f in fields(a)
            if not _alike(getattr(a, f.name), getattr(b, f.name))
        }
    if "strategies" in found and list(one.strategies) == list(other.strategies):
        found |= {
            f"strategies.{f.name}"
            for name, a in one.strategies.items()
            for f in fields(a)
            if not _alike(getattr(a, f.name), getattr(other.strategies[name], f.name))
        }
        found.discard("strategies")
    return found - {"settings", "country"}


def _alike(one: Any, other: Any) -> bool:
    """Equal all the way down, arrays and tables too."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    import pandas as pd  # here: commands that compare nothing do not need it

    if isinstance(one, pd.DataFrame | pd.Series):
        return one.equals(other)
    if is_dataclass(one):
        return all(_alike(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)


def is_price(problem: DecisionProblem, name: str) -> bool:
    """Whether a name is a price of this run: amounts of money depend on it, and nothing else."""
    return VALUATION in touched(problem, [name]) and not acts_beyond_money(problem, name)


def acts_beyond_money(problem: DecisionProblem, name: str) -> bool:
    """Whether survival, time or utility depends on a name."""
    utilities = [
        text
        for s in problem.strategies.values()
        for item in s.utilities.values()
        for text in (item.multiplier, item.decrement, item.qaly_loss, item.norm_loss)
        if text is not None
    ]
    beyond = bool(touched(problem, [name]) - {VALUATION})
    return beyond or name in reached(problem, utilities)


def is_affine(problem: DecisionProblem, name: str) -> bool:
    """Whether costs are a straight line in a price, whatever its value.

    >>> degree("2 * a + b / 3", {"a": 1}), degree("a * a", {"a": 1}), degree("max(a, 0)", {"a": 1})
    (1, 2, 2)
    """
    degrees = {name: 1}
    for effect, synthesis in problem.syntheses.items():
        degrees.setdefault(effect, degree(synthesis.shift, degrees))
    for derived, expression in problem.derived.items():
        degrees.setdefault(derived, degree(expression, degrees))
    amounts = [
        item.amount
        for s in problem.strategies.values()
        for item in s.costs.values()
        if item.stream in problem.country.streams
    ]
    return is_price(problem, name) and all(degree(text, degrees) <= 1 for text in amounts)


def degree(expression: str, degrees: Mapping[str, int]) -> int:
    """0 where an expression does not depend on the names, 1 where it is a straight line, else 2.

    `degrees` are those of the names; of others 0.
    """
    if not any(degrees.get(name) for name in names_in(expression)):
        return 0
    return min(_degree(tree_of(expression), degrees), 2)


def _degree(node: ast.expr, degrees: Mapping[str, int]) -> int:
    if isinstance(node, ast.Name):
        return degrees.get(node.id, 0)
    if isinstance(node, ast.UnaryOp):
        return _degree(node.operand, degrees)
    if isinstance(node, ast.Call):
        return 2 if any(_degree(a, degrees) for a in node.args) else 0
    if isinstance(node, ast.BinOp):
        left, right = _degree(node.left, degrees), _degree(node.right, degrees)
        if isinstance(node.op, ast.Add | ast.Sub):
            return max(left, right)
        if isinstance(node.op, ast.Mult):
            return left + right
        return left if isinstance(node.op, ast.Div) and not right else 2 * max(left, right)
    return 0
