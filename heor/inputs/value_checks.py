"""Values of the model that are impossible already at the parameters' means.

What uses uncertain effects that have no mean here (pooled ones), or the clocks of transitions, is judged
in the draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heor.inputs.curve_types import expressions
from heor.inputs.expressions import evaluate, names_in, problem_with
from heor.inputs.layers import Layer
from heor.inputs.problem import DecisionProblem, Strategy


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; `low` itself too, unless it is `open`."""

    low: float = 0.0
    high: float = math.inf
    open: bool = False

    def holds(self, value: float) -> bool:
        return (self.low < value if self.open else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"between {self.low:g} and {self.high:g}"
        return f"above {self.low:g}" if self.open else f"at least {self.low:g}"


ABOVE_ZERO, FROM_ZERO, SHARE = Range(open=True), Range(), Range(0, 1)
#: By the last part of a setting's name.
OF_CURVES = {
    "multiplier": ABOVE_ZERO,
    "window": ABOVE_ZERO,
    "marginal_hazard_ratio": ABOVE_ZERO,
    "uncured_hazard_ratio": ABOVE_ZERO,
    "ratio": ABOVE_ZERO,
    "above": SHARE,
    "cured_fraction": SHARE,
    "cured_mortality_ratio": ABOVE_ZERO,
    "effect_wanes_from": FROM_ZERO,
    "effect_ends": FROM_ZERO,
    "operative_mortality": SHARE,
    "operative_time": FROM_ZERO,
    "starts": FROM_ZERO,
    "share": SHARE,
    "among": SHARE,
    "start": FROM_ZERO,
    "until": ABOVE_ZERO,
}
OF_TRIALS = {
    "accrual": ABOVE_ZERO,
    "horizon": ABOVE_ZERO,
    "eligible": FROM_ZERO,
    "dropout": FROM_ZERO,
    "reporting_delay": FROM_ZERO,
    "fixed_cost": FROM_ZERO,
    "cost_per_patient": FROM_ZERO,
    "implementation": SHARE,
}


def check(
    problem: DecisionProblem, layer: Layer, means: Mapping[str, float], problems: list[str]
) -> None:
    """Append every value that is outside what it can be; `means` are those of all names."""
    for strategy in problem.strategies.values():
        for path, text, allowed in _values(strategy):
            place = f"strategies.{strategy.name}.{path}"
            _check(layer, place, path, text, allowed, means, problems)
    for path, text in problem.trial.expressions.items() if problem.trial else ():
        place = f"analysis.trial.{path}"
        _check(layer, place, f"trial.{path}", text, OF_TRIALS[path], means, problems)


def _values(strategy: Strategy) -> Iterator[tuple[str, str, Range]]:
    """(path, expression, what it can be) of curves and transitions."""
    for endpoint, curve in strategy.curves.items():
        for path, text in expressions(curve):
            unused = path == "window" and getattr(curve, "marginal_hazard_ratio", None) is None
            if not unused and not path.startswith("at."):
                yield f"curves.{endpoint}.{path}", text, OF_CURVES[path.rpartition(".")[2]]
    yield "after_progression", strategy.after_progression, ABOVE_ZERO
    for t in strategy.transitions:
        allowed = SHARE if t.rate is None else FROM_ZERO
        yield f"transitions.{t.origin}.{t.target}", t.expression, allowed
        yield f"transitions.{t.origin}.{t.target}.hazard_ratio", t.hazard_ratio, FROM_ZERO


def _check(
    layer: Layer,
    place: str,
    path: str,
    text: str,
    allowed: Range,
    means: Mapping[str, float],
    problems: list[str],
) -> None:
    if problem_with(text, means):  # its own check reports it
        return
    value = float(evaluate(text, means))
    of = f" at the parameters' means ('{text}')" if names_in(text) else ""
    if math.isfinite(value) and not allowed.holds(value):
        problems.append(
            f"{layer.origin(place)}: {path} is {value:g}{of}; it must be {allowed}. Correct it."
        )
