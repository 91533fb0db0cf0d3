"""Monte Carlo standard errors are computed in one place, and everything that makes outcomes keeps their replicates."""

from __future__ import annotations

import ast
from pathlib import Path

import heor

PACKAGE = Path(heor.__file__).parent
SOURCES = {str(p.relative_to(PACKAGE)): p for p in sorted(PACKAGE.rglob("*.py"))}
#: Where a standard deviation over a root is no error of a mean over draws: patients who answered.
OTHER_ERRORS = {"report/utilities.py"}


def calls(tree: ast.AST, *names: str) -> list[ast.Call]:
    found = (n for n in ast.walk(tree) if isinstance(n, ast.Call))
    return [n for n in found if isinstance(n.func, ast.Name) and n.func.id in names]


def is_spread(node: ast.AST) -> bool:
    """A sample standard deviation or variance, `x.std(ddof=1)` or `np.std(x, ddof=1)`; or `sem`."""
    for own in ast.walk(node):
        if isinstance(own, ast.Call) and isinstance(own.func, ast.Attribute):
            kind = own.func.attr
            if (
                kind == "sem"
                or kind in ("std", "var")
                and any(k.arg == "ddof" for k in own.keywords)
            ):
                return True
    return False


def is_root(node: ast.AST) -> bool:
    """`np.sqrt(...)`, `math.sqrt(...)` or `... ** 0.5`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "sqrt"
    power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
    return power and getattr(node.right, "value", None) == 0.5


def own_errors(tree: ast.AST) -> list[int]:
    """Lines that divide a spread by a root."""
    found = (n for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div))
    return [n.lineno for n in found if is_spread(n.left) and is_root(n.right)]


def test_the_law_sees_what_it_forbids() -> None:
    for text in (
        "x.std(ddof=1) / np.sqrt(len(x))",
        "float(np.std(x, axis=0, ddof=1)) / n ** 0.5",
        "2 * x.std(ddof=1) / math.sqrt(5)",
    ):
        assert own_errors(ast.parse(text)), text


def test_no_module_computes_an_error_of_its_own() -> None:
    wrong = {
        name: lines
        for name, path in SOURCES.items()
        if name not in OTHER_ERRORS | {"outcomes/monte_carlo.py"}
        and (lines := own_errors(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert not wrong


def test_every_error_is_asked_for_with_its_replicates() -> None:
    """Never the number 1, which is right for independent draws only and wrong without a word."""
    for name, path in SOURCES.items():
        for call in calls(ast.parse(path.read_text(encoding="utf-8")), "monte_carlo_se", "sum_se"):
            assert len(call.args) + len(call.keywords) == 2, (name, call.lineno)
            last = call.args[1] if len(call.args) > 1 else call.keywords[0].value
            assert not isinstance(last, ast.Constant) or name == "decision/information.py"


def test_whatever_makes_outcomes_says_their_replicates() -> None:
    for name, path in SOURCES.items():
        for call in calls(ast.parse(path.read_text(encoding="utf-8")), "Outcomes"):
            named = {k.arg for k in call.keywords}
            assert len(call.args) > 3 or "replicates" in named, (name, call.lineno)
