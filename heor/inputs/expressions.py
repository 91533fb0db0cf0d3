"""Arithmetic of names in the YAML files: `p_operated * cure_if_operated`, `max(0, a - b)`.

Evaluated by simpleeval (no code is executed) over whole arrays of draws at once.
"""

from __future__ import annotations

import ast
import operator
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from simpleeval import InvalidExpression, SimpleEval

FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "max": np.maximum,
    "min": np.minimum,
}
_ALLOWED = (
    ast.Expr,
    ast.BinOp,
    ast.UnaryOp,
    ast.Call,
    ast.Name,
    ast.Constant,
    ast.operator,
    ast.unaryop,
    ast.expr_context,
)
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class _Evaluators(threading.local):
    """One evaluator a thread: making one costs more than an evaluation."""

    def __init__(self) -> None:
        self.own = SimpleEval(operators=_OPERATORS, functions=FUNCTIONS)


_EVALUATORS = _Evaluators()


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> ast.AST:
    return SimpleEval.parse(expression)


@lru_cache(maxsize=4096)
def names_in(expression: str) -> frozenset[str]:
    """Names an expression uses, without functions.

    >>> sorted(names_in("max(0, a - b * 2)"))
    ['a', 'b']
    """
    tree = _parsed(expression)
    nodes = list(ast.walk(tree))
    calls = {n.func.id for n in nodes if isinstance(n, ast.Call) and hasattr(n.func, "id")}
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name)) - calls


def problem_with(expression: str, known: Any) -> str:
    """What is wrong with an expression given the names known, or an empty string."""
    from heor.inputs.layers import nearest

    try:
        tree = _parsed(expression)
    except (InvalidExpression, SyntaxError):
        return f"'{expression}' is not an expression; use names, numbers, + - * / ** and brackets."
    for node in ast.walk(tree):
        number = isinstance(getattr(node, "value", 0), int | float | ast.AST)
        if not isinstance(node, _ALLOWED) or not number:
            return (
                f"'{expression}' is not arithmetic; use names, numbers, + - * / **, brackets and "
                f"{', '.join(FUNCTIONS)}."
            )
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "?")
            if name not in FUNCTIONS:
                return (
                    f"'{expression}' calls '{name}'; allowed functions: {', '.join(FUNCTIONS)}."
                    f"{nearest(name, FUNCTIONS)}"
                )
    unknown = sorted(names_in(expression) - set(known))
    if unknown:
        hints = "".join(nearest(u, known) for u in unknown)
        return (
            f"'{expression}' uses {', '.join(map(repr, unknown))}, which is neither a parameter nor "
            f"a derived name.{hints}"
        )
    try:
        evaluate(expression, {n: 1.0 for n in names_in(expression)})
    except InvalidExpression as error:
        return f"'{expression}': {error}."
    except (ArithmeticError, TypeError, ValueError):
        pass  # fine for other values
    return ""


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Value of an expression; arrays (dims: draw) where the names are arrays.

    >>> float(evaluate("max(0, a - 3)", {"a": 5.0}))
    2.0
    """
    evaluator = _EVALUATORS.own
    evaluator.names = names
    return evaluator.eval(expression, previously_parsed=_parsed(expression))
