"""Whether an expression is money, money per time, a time or a plain number."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from heor.inputs.expressions import names_in
from heor.inputs.problem import DecisionProblem, Parameter

_TIME = re.compile(r"(?:hour|day|week|month|quarter|year)s?")


@dataclass(frozen=True)
class Dimension:
    """Powers of money and time: money per month is (1, -1)."""

    money: int = 0
    time: int = 0


NUMBER = Dimension()


class Mixed(ValueError):
    """A sum of different dimensions."""


def of_unit(parameter: Parameter) -> Dimension:
    """The dimension of a parameter, by its unit."""
    unit = parameter.unit
    if unit.startswith("per "):
        return Dimension(time=-1)
    over, _, under = unit.partition("/")
    time = bool(_TIME.fullmatch(over)) - bool(_TIME.fullmatch(under))
    return Dimension(int(parameter.currency is not None), time)


def dimensions(problem: DecisionProblem) -> dict[str, Dimension | None]:
    """Every name an expression may use; None where it cannot be told."""
    known: dict[str, Dimension | None] = {n: of_unit(p) for n, p in problem.parameters.items()}
    known |= dict.fromkeys(problem.syntheses, NUMBER)
    for name, expression in problem.derived.items():
        known[name] = dimension(expression, known)
    return known


def dimension(expression: str, known: Mapping[str, Dimension | None]) -> Dimension | None:
    """The dimension of an expression; None where it cannot be told, as of a bare number.

    A bare number in a sum takes the dimension of the rest; sums of different dimensions have none.

    >>> known = {"price": Dimension(1, -1), "months": Dimension(0, 1), "gross": Dimension(1)}
    >>> dimension("max(0, gross - months * price)", known)
    Dimension(money=1, time=0)
    >>> dimension("gross + price", known) is None
    True
    """
    if any(known.get(name) is None for name in names_in(expression)):
        return None
    try:
        return _of(ast.parse(expression.strip(), mode="eval").body, known)
    except Mixed:
        return None


def is_mixed(expression: str, known: Mapping[str, Dimension | None]) -> bool:
    """Whether an expression adds what cannot be added, as a price and a price per month."""
    if any(known.get(name) is None for name in names_in(expression)):
        return False
    try:
        _of(ast.parse(expression.strip(), mode="eval").body, known)
    except Mixed:
        return True
    return False


def _of(node: ast.AST, known: Mapping[str, Dimension | None]) -> Dimension | None:
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.UnaryOp):
        return _of(node.operand, known)
    if isinstance(node, ast.BinOp):
        left, right = _of(node.left, known), _of(node.right, known)
        if isinstance(node.op, ast.Add | ast.Sub):
            return _same(left, right)
        if isinstance(node.op, ast.Pow):
            return NUMBER if left == NUMBER else None
        sign = -1 if isinstance(node.op, ast.Div) else 1
        a, b = left or NUMBER, right or NUMBER
        return Dimension(a.money + sign * b.money, a.time + sign * b.time)
    if isinstance(node, ast.Call):
        inner = [_of(a, known) for a in node.args]
        if isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
            total = None
            for found in inner:
                total = _same(total, found)
            return total
        return NUMBER
    return None  # a bare number may be anything


def _same(left: Dimension | None, right: Dimension | None) -> Dimension | None:
    if left is not None and right is not None and left != right:
        raise Mixed
    return left if left is not None else right
