"""Faults of syntheses: studies and between-study SDs that the pooling cannot take."""

from __future__ import annotations

from collections.abc import Iterable

from heor.faults import Faults
from heor.inputs.text.layers import Layer
from heor.problem.expressions import problem_with
from heor.problem.names import named
from heor.problem.parameter import Origin, Synthesis
from heor.problem.problem import DecisionProblem
from heor.problem.units import UNITS

STUDIES = ("normal", "fixed")
BETWEEN = ("half-normal", "fixed")


def check(
    problem: DecisionProblem, layer: Layer, declared: Iterable[str], problems: Faults
) -> None:
    """Append every fault found to `problems`; `declared` are the parameters that have a row."""
    declared = set(declared)
    for name, synthesis in problem.syntheses.items():
        path = f"analysis.syntheses.{name}"
        for study in synthesis.studies:
            named("parameter", study, declared, layer.origin(f"{path}.studies"), problems)
        if synthesis.between_study_sd:
            origin = layer.origin(f"{path}.between_study_sd")
            named("parameter", synthesis.between_study_sd, declared, origin, problems)
        fault = problem_with(synthesis.shift, declared)
        if fault:
            problems.append(f"{layer.origin(f'{path}.shift')}: shift: {fault}")
        _check_units(problem, synthesis, layer.origin(f"{path}.unit"), problems)
        _check_distributions(problem, synthesis, problems)
        _check_exact(problem, synthesis, layer, problems)


def _check_units(
    problem: DecisionProblem, synthesis: Synthesis, origin: Origin, problems: Faults
) -> None:
    """A unit that there is, and the same for all studies."""
    unit = synthesis.unit
    if unit not in UNITS:
        problems.add(
            origin, f"unknown unit '{unit}'", f"allowed: {', '.join(UNITS)}", like=(unit, UNITS)
        )
        return
    for study in (problem.parameters.get(s) for s in synthesis.studies):
        if study is not None and study.unit != unit:
            problems.add(
                study.origin,
                f"{study.name}: is in '{study.unit}', synthesis '{synthesis.name}' in '{unit}'",
                "studies are pooled in one unit",
                "Correct the unit of one.",
            )


def _check_distributions(problem: DecisionProblem, synthesis: Synthesis, problems: Faults) -> None:
    """The pooling is normal-normal with a half-normal prior: no other distribution is read."""
    known = problem.parameters
    for study in (known[s] for s in synthesis.studies if s in known):
        if study.distribution not in STUDIES:
            problems.add(
                study.origin,
                f"{study.name}: is {study.distribution}, and a study of synthesis '"
                f"{synthesis.name}'",
                f"studies are pooled as {' or '.join(STUDIES)}",
                "Enter it on the scale on which it is normal (a hazard ratio as its logarithm).",
            )
    tau = known.get(synthesis.between_study_sd or "")
    if tau is None:
        return
    if tau.distribution not in BETWEEN:
        problems.add(
            tau.origin,
            f"{tau.name}: is {tau.distribution}, and the between-study SD of synthesis '"
            f"{synthesis.name}'",
            "it must be half-normal(scale), or fixed where it is known",
        )
    elif tau.mean < 0:
        problems.add(
            tau.origin,
            f"{tau.name}: is {tau.mean:g}, and the between-study SD of synthesis '"
            f"{synthesis.name}'",
            "it must be 0 or more",
        )


def _check_exact(
    problem: DecisionProblem, synthesis: Synthesis, layer: Layer, problems: Faults
) -> None:
    """Studies known exactly cannot differ where no spread between studies is allowed."""
    known = problem.parameters
    tau = known.get(synthesis.between_study_sd or "")
    if synthesis.between_study_sd and (tau is None or not tau.is_fixed or tau.mean != 0):
        return
    exact = [known[s] for s in synthesis.studies if s in known and known[s].se == 0]
    if len({p.mean for p in exact}) > 1:
        values = ", ".join(f"{p.name} {p.mean:g}" for p in exact)
        problems.add(
            layer.origin(f"analysis.syntheses.{synthesis.name}"),
            f"{values}: standard error 0 and different, and synthesis '{synthesis.name}' has "
            "a common effect (no between-study SD), which cannot be both",
            "",
            "Give the studies their standard errors, or the synthesis a between-study SD above 0.",
        )
