"""Whether expressions that use weeks, days or hours come to what their place needs.

These units convert to years like all others. So an expression in which they do not cancel, as days x
hours x money per hour, would be wrong by hundreds in silence; it is refused. A plain number may hide a
unit, so a product with one is not judged, unless it is a constant of the calendar.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from heor.faults import Faults
from heor.inputs.text.layers import Layer
from heor.problem.curve_types import expressions
from heor.problem.expressions import names_in, problem_with
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CLOCKS, Exposure, Strategy
from heor.problem.units import lookup

SHORT = ("week", "day", "hour")
CALENDAR = (365, 365.25, 8760, 8766)
#: Times among the settings of a curve and of an exposure.
CURVE_TIMES = ("window", "effect_wanes_from", "effect_ends", "operative_time", "starts")
EXPOSURE_TIMES = ("from_time", "until", "at", "lasting", "before")


@dataclass(frozen=True)
class Dimension:
    """Powers of money and time; money per year is (1, -1).

    >>> str(Dimension(1, -1)), str(Dimension(0, 2)), str(Dimension())
    ('money per year', 'years^2', 'a plain number')
    """

    money: int = 0
    time: int = 0

    def __str__(self) -> str:
        above = [
            name + (f"^{power}" if power > 1 else "")
            for name, power in (("money", self.money), ("years", self.time))
            if power > 0
        ]
        below = [
            f"per {name}" + (f"^{-power}" if power < -1 else "")
            for name, power in (("money", self.money), ("year", self.time))
            if power < 0
        ]
        return " ".join([" x ".join(above), *below]).strip() or "a plain number"


PLAIN, TIME, RATE = Dimension(), Dimension(time=1), Dimension(time=-1)
MONEY, MONEY_PER_YEAR = Dimension(1), Dimension(1, -1)


class Mismatch(ValueError):
    """Quantities that cannot be added or compared; the message says which."""


def check(
    problem: DecisionProblem, layer: Layer, declared: Iterable[str], problems: Faults
) -> None:
    """Append every expression whose weeks, days or hours do not come to what is needed.

    `declared` are the parameters that have a row; those with a fault have no dimension.
    """
    currency = problem.country.currency
    known: dict[str, Dimension | None] = dict.fromkeys((*declared, *CLOCKS, *problem.covariates))
    for name, p in problem.parameters.items():
        unit = lookup(p.unit, currency)
        known[name] = unit and Dimension(int(unit[1].money), unit[1].time)
    known |= dict.fromkeys(problem.syntheses, PLAIN)
    derived = {}
    for name, text in problem.derived.items():
        if problem_with(text, known):  # its own check reports it
            continue
        derived[name] = text
        try:
            known[name] = dimension(text, known)
        except Mismatch:
            known[name] = None
    for strategy in problem.strategies.values():
        for path, text, needed in _wanted(strategy):
            if problem_with(text, known):
                continue
            short = _short(problem, text, derived)
            fault = _fault(text, known, needed) if short else ""
            if fault:
                problems.add(
                    layer.origin(f"strategies.{strategy.name}.{path}"),
                    f"{path}: '{text}' {fault} ("
                    f"{', '.join(f'{n} in {problem.parameters[n].unit}' for n in short)})",
                    "",
                    "Weeks, days and hours convert to years like every time: write hours per day as "
                    f"hours/day, money per day as {currency}/day, and leave out factors such as 365.",
                )


def _short(problem: DecisionProblem, text: str, derived: Mapping[str, str]) -> list[str]:
    """Parameters in weeks, days or hours that an expression uses, also through derived names."""
    found, pending, seen = [], sorted(names_in(text)), set()
    while pending:
        name = pending.pop(0)
        if name in seen:
            continue
        seen.add(name)
        pending += sorted(names_in(derived[name])) if name in derived else []
        own = problem.parameters.get(name)
        if own is not None and any(t in own.unit for t in SHORT):
            found.append(name)
    return found


def _fault(text: str, known: Mapping[str, Dimension | None], needed: Dimension) -> str:
    try:
        found = dimension(text, known)
    except Mismatch as error:
        return str(error)
    return "" if found in (None, needed) else f"is {found}; it must be {needed}"


def _wanted(strategy: Strategy) -> Iterator[tuple[str, str, Dimension]]:
    """(path, expression, what it must be) of amounts, utilities, times and rates."""
    for name, item in strategy.costs.items():
        needed = MONEY_PER_YEAR if _is_time(strategy, item.exposure) else MONEY
        yield f"costs.{name}.amount", item.amount, needed
    for name, utility in strategy.utilities.items():
        for part, needed in (
            ("multiplier", PLAIN),
            ("decrement", PLAIN),
            ("qaly_loss", TIME),
            ("norm_loss", TIME),
        ):
            if (text := getattr(utility, part)) is not None:
                yield f"utilities.{name}.{part}", text, needed
    for name, exposure in strategy.exposures.items():
        for part in EXPOSURE_TIMES:
            if (text := getattr(exposure, part)) is not None:
                yield f"exposures.{name}", text, TIME
    for endpoint, curve in strategy.curves.items():
        for part, text in expressions(curve):
            if part in CURVE_TIMES:
                yield f"curves.{endpoint}.{part}", text, TIME
    for t in strategy.transitions:
        needed = PLAIN if t.rate is None else RATE
        yield f"transitions.{t.origin}.{t.target}", t.expression, needed


def _is_time(strategy: Strategy, name: str, above: tuple[str, ...] = ()) -> bool:
    """Whether an exposure is lived through (person-years), not an event."""
    exposure: Exposure | None = strategy.exposures.get(name)
    if exposure is None or name in above:
        return True
    if exposure.sum_of:
        return _is_time(strategy, exposure.sum_of[0], (*above, name))
    return exposure.state is not None or exposure.after is not None or exposure.before != "0"


# ------------------------------------------------------------------------------- arithmetic
def dimension(text: str, known: Mapping[str, Dimension | None]) -> Dimension | None:
    """The dimension of an expression; None where a plain number or a function hides it.

    Raises
    ------
    Mismatch
        Quantities of different dimensions are added or compared, or a time is multiplied by a
        constant of the calendar.

    Examples
    --------
    >>> known = {"days": Dimension(time=1), "price": Dimension(1, -1), "share": Dimension()}
    >>> str(dimension("share * days * price", known))
    'money'
    >>> dimension("2 * price", known) is None
    True
    """
    return _walk(ast.parse(text.strip(), mode="eval").body, known)


def _walk(node: ast.AST, known: Mapping[str, Dimension | None]) -> Dimension | None:
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.UnaryOp):
        return _walk(node.operand, known)
    if isinstance(node, ast.Call):
        parts = [_walk(a, known) for a in node.args]
        return _same(parts) if getattr(node.func, "id", "") in ("min", "max") else None
    if not isinstance(node, ast.BinOp):
        return None  # a plain number
    left, right = (_walk(side, known) for side in (node.left, node.right))
    if isinstance(node.op, ast.Add | ast.Sub):
        return _same([left, right])
    if isinstance(node.op, ast.Mult | ast.Div):
        return _product(node, left, right)
    return left if left == PLAIN else None


def _same(parts: list[Dimension | None]) -> Dimension | None:
    found = list(dict.fromkeys(p for p in parts if p is not None))
    if len(found) > 1:
        raise Mismatch(f"adds or compares {found[0]} and {found[1]}")
    return found[0] if found else None


def _product(node: ast.BinOp, left: Dimension | None, right: Dimension | None) -> Dimension | None:
    for side, other in ((node.left, right), (node.right, left)):
        constant = getattr(side, "value", None)
        if constant in CALENDAR and other is not None and other.time:
            raise Mismatch(
                f"multiplies or divides {other} by {constant:g}, which converts it twice"
            )
    if left is None or right is None:
        return None
    sign = 1 if isinstance(node.op, ast.Mult) else -1
    return Dimension(left.money + sign * right.money, left.time + sign * right.time)
