"""Expressions of the YAML files: right values, nothing written, every bad one refused in a line."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from heor.errors import ModelError
from heor.parameters.draws import CurveDraws, Draws
from heor.problem.expressions import DEEPEST, FUNCTIONS, LONGEST, evaluate, fault_at, problem_with

KNOWN = {"a", "b", "c", "p"}


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        ("max(a, b, c)", [3.0, 7.0]),
        ("min(a, b, c)", [1.0, 4.0]),
        ("max(a, b)", [2.0, 7.0]),
        ("max(a, b, c, 5)", [5.0, 7.0]),
        ("min(a, max(b, c), 2.5)", [1.0, 2.5]),
        ("exp(log(a))", [1.0, 7.0]),
        ("sqrt(a * a)", [1.0, 7.0]),
        ("a ** 2 / b - -c", [3.5, 49 / 4 + 5]),
    ],
)
def test_values_and_what_they_are_made_of(expression: str, right: list[float]) -> None:
    names = {"a": np.array([1.0, 7.0]), "b": np.array([2.0, 4.0]), "c": np.array([3.0, 5.0])}
    before = {k: v.copy() for k, v in names.items()}
    assert problem_with(expression, names) == ""
    np.testing.assert_allclose(evaluate(expression, names), right, rtol=1e-15)
    for name in names:
        np.testing.assert_array_equal(names[name], before[name])


def generated(rng: np.random.Generator, depth: int = 0) -> str:
    """An expression of a, b, c, p and numbers, its functions with none to four arguments."""
    kind = rng.integers(0, 3 if depth == 0 else 6) if depth < 4 else 3
    if kind == 0:
        name = rng.choice(list(FUNCTIONS))
        count = rng.integers(0, 5)
        return f"{name}({', '.join(generated(rng, depth + 1) for _ in range(count))})"
    if kind == 1:
        sign = rng.choice(["+", "-", "*", "/", "**"])
        return f"({generated(rng, depth + 1)} {sign} {generated(rng, depth + 1)})"
    if kind == 2:
        return f"-{generated(rng, depth + 1)}"
    return str(rng.choice(["a", "b", "c", "p", "0", "1", "2.5"]))


def test_no_expression_changes_a_draw() -> None:
    """2,000 expressions, also those that `problem_with` refuses."""
    rng = np.random.default_rng(20261130)
    names = {name: rng.normal(size=5) for name in sorted(KNOWN)}
    before = {k: v.copy() for k, v in names.items()}
    refused = 0
    for _ in range(2_000):
        expression = generated(rng)
        refused += problem_with(expression, KNOWN) != ""
        try:
            evaluate(expression, names)
        except (TypeError, ValueError):
            assert problem_with(expression, KNOWN)
        for name, values in names.items():
            np.testing.assert_array_equal(values, before[name], err_msg=expression)
    assert 200 < refused < 1_800


def test_draws_cannot_be_written_to() -> None:
    values = np.arange(3.0)
    curves = {"os": CurveDraws((), np.zeros(3, int), np.ones((3, 2)))}
    draws = Draws({"a": values}, curves)
    for part in (draws, draws[:2]):
        for array in (
            part.values["a"],
            part.value("a"),
            part.curves["os"].theta,
            part.curves["os"].family,
        ):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 5
    values[0] = 1  # who made the array may still use it


REFUSED = {
    "0/0": "'0/0' is not a number; a finite number is needed. Look for a division by zero",
    "1/0": "'1/0' is infinite",
    "0 ** -1": "is infinite",
    "(-8) ** 0.5": "is not a number",
    "9**9**9": "is infinite; a finite number is needed. Look for .* too high a power",
    "9**9**9**9**9": "is infinite",
    "10**400": "is infinite",
    "log(0)": "is infinite",
    "9" * 400: "is not arithmetic",
    "1e999": "is not arithmetic",
    "exp(1, 2, 3)": r"gives exp 3 numbers; it takes one number, as in exp\(a\)",
    "log(a, b)": "gives log 2 numbers",
    "sqrt()": "gives sqrt 0 numbers",
    "max(a)": r"gives max 1 number; it takes 2 or more numbers, as in max\(a, b\)",
    "exp(a, out=b)": "gives exp 2 numbers",
    "max(*a)": "gives max 1 number",
    "expp(a)": "calls 'expp'; allowed functions: .* Did you mean 'exp'",
    "1(2)": r"calls '\?'",
    "+".join(["a"] * 3_000): "has 5,999 characters; at most 2,000 are allowed",
    "+".join(["a"] * 500): "has more than 100 operations inside one another",
    "-" * 5_000 + "a": "has 5,001 characters",
    "-" * 1_500 + "a": "has more than 100 operations",
    "(" * 900 + "a" + ")" * 900: "is not an expression",
    "a; b": "is not an expression",
    "a = b": "is not an expression",
    "a # b": "is not an expression",
    "a\0b": r"'a\\x00b' is not an expression",
    "": "is not an expression",
    "True": "is not arithmetic",
    "1j": "is not arithmetic",
    "'a'": "is not arithmetic",
    "a.real": "is not arithmetic",
    "a[0]": "is not arithmetic",
    "a // b": "is not arithmetic",
    "a % b": "is not arithmetic",
    "~a": "is not arithmetic",
    "a if b else c": "is not arithmetic",
    "lambda: 1": "is not arithmetic",
    "__import__('os')": "calls '__import__'",
    "exp": "uses 'exp', which is neither a parameter nor a derived name",
    "exp * exp(a)": "uses 'exp'",
    "d": "uses 'd'",
}


@pytest.mark.parametrize("expression", REFUSED, ids=lambda e: repr(e[:25]))
def test_refused_in_one_short_line(expression: str) -> None:
    started = time.perf_counter()
    fault = problem_with(expression, KNOWN)
    assert time.perf_counter() - started < 5
    assert re.search(REFUSED[expression], fault), fault
    assert "\n" not in fault and len(fault) < 400


def test_the_limits_allow_what_people_write() -> None:
    assert problem_with(" + ".join(["a"] * (DEEPEST - 1)), KNOWN) == ""
    assert len(" + ".join(["a"] * (DEEPEST - 1))) < LONGEST


def test_a_name_that_is_also_a_function_is_found() -> None:
    from heor.problem.expressions import names_in

    assert names_in("max(max, a)") == {"max", "a"}


def test_at_given_values() -> None:
    assert fault_at("(-p) ** 0.5", {"p": 0.2}) == "'(-p) ** 0.5' is not a number"
    assert fault_at("a / b", {"a": 1.0, "b": 2.0}) == ""


def test_a_draw_without_a_number_is_named() -> None:
    draws = Draws({"a": np.array([1.0, 0.0, 2.0, 0.0])})
    with pytest.raises(ModelError, match=r"'1 / a' is infinite or not a number in 2 of 4 draws"):
        draws.value("1 / a")


def test_a_division_by_zero_at_the_means(spoil, faults) -> None:
    line = spoil(
        "model/analysis.yaml",
        "cured_fraction: cure_exists * p_operated * cure_if_operated",
        "cured_fraction: p_operated / (cure_if_operated - cure_if_operated)",
    )
    (fault,) = faults()
    assert fault.startswith(f"inputs/model/analysis.yaml:{line}: 'p_operated / ")
    assert "is infinite at the parameters' means; a finite number is needed" in fault
