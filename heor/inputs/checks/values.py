"""Values of the model that are impossible already at the parameters' means.

What uses uncertain effects that have no mean here (pooled ones), or the clocks of transitions, is judged
in the draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from heor.faults import Faults
from heor.inputs.text.layers import Layer
from heor.problem.curve_types import expressions
from heor.problem.expressions import evaluate, names_in, problem_with
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy


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
#: Settings of a curve that list stretches: which part orders them, and how.
ORDERED = (
    ("hazard_ratio_by_time", "until", "rise", 1),
    ("hazard_ratio_by_control_survival", "above", "fall", -1),
)
NEARLY = 1e-9
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
    problem: DecisionProblem, layer: Layer, means: Mapping[str, float], problems: Faults
) -> None:
    """Append every value that is outside what it can be; `means` are those of all names."""
    for strategy in problem.strategies.values():
        for path, text, allowed in _values(strategy):
            place = f"strategies.{strategy.name}.{path}"
            _check(layer, place, path, text, allowed, means, problems)
        _check_groups(strategy, layer, means, problems)
        _check_order(strategy, layer, means, problems)
    for path, text in problem.trial.expressions.items() if problem.trial else ():
        place = f"analysis.trial.{path}"
        _check(layer, place, f"trial.{path}", text, OF_TRIALS[path], means, problems)


def _values(strategy: Strategy) -> Iterator[tuple[str, str, Range]]:
    """(path, expression, what it can be) of curves, transitions, groups and exposures."""
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
    for kind in ("groups", "start"):
        for name, share in getattr(strategy, kind).items():
            yield f"{kind}.{name}", share, SHARE
    for name, exposure in strategy.exposures.items():
        yield f"exposures.{name}.share", exposure.share, SHARE
        yield f"exposures.{name}.from", exposure.from_time, FROM_ZERO


def _check_groups(
    strategy: Strategy, layer: Layer, means: Mapping[str, float], problems: Faults
) -> None:
    """Groups are parts of the cohort, together at most all of it; the rest is in none."""
    values = [_value(share, means) for share in strategy.groups.values()]
    if sum(values) > 1 + NEARLY and all(SHARE.holds(v) for v in values):
        problems.add(
            layer.origin(f"strategies.{strategy.name}.groups"),
            f"the shares of {', '.join(strategy.groups)} add up to {sum(values):g} at the "
            "parameters' means",
            "together they are at most the whole cohort, 1",
            "Write one as 1 less the others.",
        )


def _check_order(
    strategy: Strategy, layer: Layer, means: Mapping[str, float], problems: Faults
) -> None:
    """Stretches with a hazard ratio of their own follow one another."""
    for endpoint, curve in strategy.curves.items():
        for setting, part, word, sign in ORDERED:
            bands = getattr(curve, setting, ())
            values = [_value(getattr(band, part), means) for band in bands]
            for i, (one, next_one) in enumerate(pairwise(values), start=1):
                if sign * (next_one - one) <= 0:  # not where one is unknown
                    path = f"curves.{endpoint}.{setting}.{i}.{part}"
                    problems.add(
                        layer.origin(f"strategies.{strategy.name}.{path}"),
                        f"{path} is {next_one:g} after {one:g} at the parameters' means, so that its "
                        "stretch is empty",
                        f"the values must {word}",
                        "Put the stretches in order.",
                    )


def _value(text: str, means: Mapping[str, float]) -> float:
    """At the means; NaN where they do not tell."""
    return math.nan if problem_with(text, means) else float(evaluate(text, means))


def _check(
    layer: Layer,
    place: str,
    path: str,
    text: str,
    allowed: Range,
    means: Mapping[str, float],
    problems: Faults,
) -> None:
    if problem_with(text, means):  # its own check reports it
        return
    value = float(evaluate(text, means))
    of = f" at the parameters' means ('{text}')" if names_in(text) else ""
    if math.isfinite(value) and not allowed.holds(value):
        problems.add(
            layer.origin(place), f"{path} is {value:g}{of}", f"it must be {allowed}", "Correct it."
        )
