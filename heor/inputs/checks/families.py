"""Faults of the families that curves are fitted with: known names, and lists that go together."""

from __future__ import annotations

from collections.abc import Container

from heor.faults import Faults
from heor.inputs.schema import model as schema
from heor.inputs.text.layers import Layer
from heor.problem import family_names as families
from heor.problem.curve_types import FittedCurve, RelativeCurve, SeriesCurve
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy


def check_lists(
    problem: DecisionProblem, models: schema.Inputs, layer: Layer, problems: Faults
) -> None:
    """Lists of families, and pairs of evidence, that contradict each other."""
    _check_extrapolation(models, layer, problems)
    _check_one_list_an_evidence(problem, layer, problems)
    _check_one_pair_an_evidence(problem, layer, problems)


def check_families(
    strategy: Strategy,
    endpoint: str,
    curve: FittedCurve | SeriesCurve,
    origin: Origin,
    general: Container[str],
    problems: Faults,
) -> None:
    """Families that exist; a joint family stands in the lists of both endpoints."""
    for family in curve.distributions:
        fault = families.fault(family)
        if fault and family not in general:  # those are reported once, at the general list
            problems.append(f"{origin}: {fault}")
        if (name := families.parse(family)) is None or not name.joint:
            continue
        kinds = {type(own) for own in strategy.curves.values()}
        if set(strategy.curves) != {"os", "pfs"} or kinds != {type(curve)}:
            problems.add(
                origin,
                f"distribution '{family}' is a joint model of pfs and os: both endpoints must be "
                "fitted, or both follow a series",
                f"the curves here are {_curves(strategy)}",
                "Leave the family out, or change the curves.",
            )
            continue
        other = next(e for e in strategy.curves if e != endpoint)
        if family not in strategy.curves[other].distributions:
            problems.add(
                origin,
                f"distribution '{family}' is a joint model of PFS and OS, but the distributions "
                f"of {other} do not hold it: {', '.join(strategy.curves[other].distributions)}",
                "",
                "Name it for both endpoints or for none.",
            )
        elif _apart(strategy, other) and not _apart(strategy, endpoint):
            problems.add(
                origin,
                f"the distributions of {endpoint} are joint models only, so {endpoint} has no "
                f"family of its own besides {', '.join(_apart(strategy, other))} of {other}, "
                "which could never be used",
                "",
                "Name such a family, or joint models alone for both.",
            )
            return


def _apart(strategy: Strategy, endpoint: str) -> list[str]:
    """The families of an endpoint that are no joint models."""
    found = strategy.curves[endpoint].distributions
    return [f for f in found if (name := families.parse(f)) is None or not name.joint]


def _check_extrapolation(models: schema.Inputs, layer: Layer, problems: Faults) -> None:
    """A chosen family that no curve takes, because each names distributions of its own."""
    chosen = models.analysis.survival.extrapolation
    own = [
        curve.distributions
        for strategy in models.strategies.values()
        for curve in strategy.curves.values()
        if curve.evidence is not None
    ]
    if chosen == "stacked" or not own or None in own or any(d == [chosen] for d in own):
        return
    problems.add(
        layer.origin("analysis.survival.extrapolation"),
        f"extrapolation '{chosen}' acts on no curve: each names distributions of its own "
        "in strategies.yaml",
        "",
        "Write stacked, or take those distributions away (null).",
    )


def _curves(strategy: Strategy) -> str:
    """'pfs (fitted) and os (relative)'."""
    kinds = {FittedCurve: "fitted", SeriesCurve: "a series", RelativeCurve: "relative"}
    return " and ".join(f"{e} ({kinds[type(c)]})" for e, c in strategy.curves.items())


def _check_one_list_an_evidence(problem: DecisionProblem, layer: Layer, problems: Faults) -> None:
    """A draw has one curve of an evidence, so one list of candidate distributions."""
    lists: dict[str, tuple[str, ...]] = {}
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            if isinstance(curve, RelativeCurve):
                continue
            first = lists.setdefault(curve.evidence, curve.distributions)
            if first != curve.distributions:
                origin = layer.latest(f"strategies.{strategy.name}.curves.{endpoint}")
                problems.add(
                    origin,
                    f"evidence '{curve.evidence}' is fitted with {', '.join(curve.distributions)} "
                    f"here and {', '.join(first)} elsewhere",
                    "one evidence has one list of distributions",
                )


def _check_one_pair_an_evidence(problem: DecisionProblem, layer: Layer, problems: Faults) -> None:
    """Evidence fitted to the same patients as another stands beside that one everywhere."""
    beside: dict[str, tuple[str, ...]] = {}
    for strategy in problem.strategies.values():
        fitted = [c for c in strategy.curves.values() if not isinstance(c, RelativeCurve)]
        if len(fitted) < 2 or len({type(c) for c in strategy.curves.values()}) > 1:
            continue
        unit = tuple(curve.evidence for curve in fitted)
        for name in unit:
            first = beside.setdefault(name, unit)
            if first != unit:
                origin = layer.latest(f"strategies.{strategy.name}.curves")
                problems.add(
                    origin,
                    f"evidence '{name}' stands with {_others(unit, name)} here and with "
                    f"{_others(first, name)} elsewhere",
                    "the endpoints of a strategy are of the same patients",
                    "Name the same evidence, or enter the table a second time under another name.",
                )


def _others(unit: tuple[str, ...], name: str) -> str:
    return ", ".join(other for other in unit if other != name)
