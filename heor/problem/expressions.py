"""Arithmetic of names in the YAML files: `p_operated * cure_if_operated`, `max(0, a - b)`.

Evaluated by simpleeval (no code is executed) over whole arrays of draws at once. Nothing in an
expression can write: each function takes numbers and returns a new one.
"""

from __future__ import annotations

import ast
import math
import operator
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from simpleeval import InvalidExpression, SimpleEval

#: Longest expression, in characters, and most operations inside one another.
LONGEST, DEEPEST = 2_000, 100


@dataclass(frozen=True)
class Function:
    """A function of expressions, and how many numbers it takes (no most: any number)."""

    compute: Callable[..., Any]
    least: int = 1
    most: int | None = 1

    def __call__(self, *numbers: Any) -> Any:
        return self.compute(*numbers)

    def takes(self) -> str:
        if self.most is None:
            return f"{self.least} or more numbers"
        return "one number" if self.most == 1 else f"{self.most} numbers"

    def accepts(self, count: int) -> bool:
        return self.least <= count <= (count if self.most is None else self.most)


def _reduced(ufunc: np.ufunc) -> Callable[..., Any]:
    """A ufunc of two numbers over any number of them. Its third argument would be written to."""
    return lambda *numbers: reduce(lambda a, b: ufunc(a, b), numbers)


FUNCTIONS: dict[str, Function] = {
    "exp": Function(lambda x: np.exp(x)),
    "log": Function(lambda x: np.log(x)),
    "sqrt": Function(lambda x: np.sqrt(x)),
    "max": Function(_reduced(np.maximum), 2, None),
    "min": Function(_reduced(np.minimum), 2, None),
}


def _scalar(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Two plain numbers as NumPy has it: 1 / 0 is infinite and (-1) ** 0.5 is not a number."""

    def compute(a: Any, b: Any) -> Any:
        return operation(np.float64(a) if isinstance(a, float) else a, b)

    return compute


_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _scalar(operator.truediv),
    ast.Pow: _scalar(operator.pow),
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_ALLOWED = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.Load, *_OPERATORS)


class _Evaluators(threading.local):
    """One evaluator a thread: making one costs more than an evaluation."""

    def __init__(self) -> None:
        self.own = SimpleEval(operators=_OPERATORS, functions=FUNCTIONS)


_EVALUATORS = _Evaluators()


class _FloatConstants(ast.NodeTransformer):
    """Whole numbers as floats: 9 ** 9 ** 9 is then infinite at once, and not a number of digits."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if type(node.value) is int:
            try:
                return ast.Constant(float(node.value))
            except OverflowError:
                return ast.Constant(math.inf)
        return node


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> ast.expr:
    """The tree of an expression.

    Raises
    ------
    InvalidExpression
        It is too long, too deep or not an expression.
    """
    if len(expression) > LONGEST:
        raise InvalidExpression(
            f"has {len(expression):,} characters; at most {LONGEST:,} are allowed. Divide it into "
            "derived names (analysis.yaml)"
        )
    try:
        if "#" in expression:
            raise SyntaxError("a comment")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on odd numbers
            tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidExpression(
            "is not an expression; use names, numbers, + - * / ** and brackets"
        ) from error
    if _depth(tree) > DEEPEST:
        raise InvalidExpression(
            f"has more than {DEEPEST} operations inside one another. Divide it into derived names "
            "(analysis.yaml)"
        )
    return _FloatConstants().visit(tree)


def tree_of(expression: str) -> ast.expr:
    """The syntax tree of an expression that is known to be sound. Not to be changed."""
    return _parsed(expression)


def _depth(tree: ast.AST) -> int:
    """Most nodes inside one another; without recursion, as the tree may be deeper than Python goes."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


@lru_cache(maxsize=4096)
def names_in(expression: str) -> frozenset[str]:
    """Names an expression uses, without functions.

    >>> sorted(names_in("max(0, a - b * 2)"))
    ['a', 'b']
    """
    nodes = list(ast.walk(_parsed(expression)))
    called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in called)


def problem_with(expression: str, known: Any) -> str:
    """What is wrong with an expression given the names known, or an empty string."""
    fault = _fault_in(expression)
    unknown = [] if fault else sorted(names_in(expression) - set(known))
    if not unknown:
        return fault
    from heor.faults import nearest

    hints = "".join(nearest(u, known) for u in unknown)
    return (
        f"{_shown(expression)} uses {', '.join(map(repr, unknown))}, which is neither a parameter nor "
        f"a derived name.{hints}"
    )


def _shown(expression: str) -> str:
    return repr(expression if len(expression) <= 200 else f"{expression[:100]} …")


@lru_cache(maxsize=4096)
def _fault_in(expression: str) -> str:
    """What is wrong with an expression whatever its names are, or an empty string."""
    try:
        tree = _parsed(expression)
    except InvalidExpression as error:
        return f"{_shown(expression)} {error}."
    for node in ast.walk(tree):
        fault = _fault(node)
        if fault:
            return f"{_shown(expression)} {fault}"
    if names_in(expression):
        return ""
    value = float(evaluate(expression, {}))
    if math.isfinite(value):
        return ""
    return (
        f"{_shown(expression)} is {_words(value)}; a finite number is needed. Look for a division by zero, "
        "the root or logarithm of a number below zero, or too high a power."
    )


def _fault(node: ast.AST) -> str:
    """What is not arithmetic in a part of an expression."""
    from heor.faults import nearest

    listed = ", ".join(FUNCTIONS)
    number = not isinstance(node, ast.Constant) or (
        type(node.value) is float and math.isfinite(node.value)
    )
    if not isinstance(node, _ALLOWED) or not number:
        return f"is not arithmetic; use names, numbers, + - * / **, brackets and {listed}."
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", "?")
        if name not in FUNCTIONS:
            return f"calls '{name}'; allowed functions: {listed}.{nearest(name, FUNCTIONS)}"
        function = FUNCTIONS[name]
        count = len(node.args) + len(node.keywords)
        if not function.accepts(count) or node.keywords:
            return (
                f"gives {name} {count} number{'' if count == 1 else 's'}; it takes {function.takes()}, "
                f"as in {name}({'a' if function.most == 1 else 'a, b'})."
            )
    return ""


def fault_at(expression: str, values: Mapping[str, float]) -> str:
    """What is wrong with the value of an expression at these finite values, or an empty string.

    >>> fault_at("a / b", {"a": 1.0, "b": 0.0})
    "'a / b' is infinite"
    """
    value = float(evaluate(expression, values))
    return "" if math.isfinite(value) else f"'{expression}' is {_words(value)}"


def _words(value: float) -> str:
    return "not a number" if math.isnan(value) else "infinite"


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Value of an expression; arrays (dims: draw) where the names are arrays.

    Infinite or not a number where it divides by zero and the like; the caller refuses that.

    >>> float(evaluate("max(0, a - 3)", {"a": 5.0}))
    2.0
    """
    evaluator = _EVALUATORS.own
    evaluator.names = names
    with np.errstate(all="ignore"):
        return evaluator.eval(expression, previously_parsed=_parsed(expression))
