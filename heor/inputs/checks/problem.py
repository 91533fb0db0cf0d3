"""Faults that only show when the inputs are seen together."""

from __future__ import annotations

from collections.abc import Iterable

from heor.faults import Faults
from heor.inputs.checks import correlations as correlation_checks
from heor.inputs.checks import severity as severity_checks
from heor.inputs.checks import survival as survival_checks
from heor.inputs.checks import syntheses as synthesis_checks
from heor.inputs.schema import model as schema
from heor.inputs.text.layers import Layer
from heor.problem.curve_types import expressions
from heor.problem.expressions import problem_with
from heor.problem.names import BASE, SURVIVAL, named
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Exposure, Strategy
from heor.problem.units import range_fault


def check(
    problem: DecisionProblem,
    models: schema.Inputs,
    layer: Layer,
    scenarios: Iterable[str],
    declared: Iterable[str],
    problems: Faults,
) -> None:
    """Append every fault found to `problems`.

    `declared` are the parameters that have a row, also a faulty one: its own fault is enough.
    """
    declared = set(declared)
    known = _known_names(problem, declared, layer, problems)
    _check_settings(problem, layer, list(scenarios), problems)
    curves = any(s.curves for s in problem.strategies.values())
    if curves and "survival" not in models.analysis.model_fields_set:
        problems.add(
            layer.origin("analysis"),
            "'analysis.survival' is missing",
            "strategies with curves need it",
            "Name the families and the extrapolation.",
        )
    for label, names in problem.settings.information.items():
        origin = layer.origin(f"analysis.information.{label}")
        for name in names:
            named("parameter", name, [*declared, *problem.syntheses, SURVIVAL], origin, problems)
    for name in problem.prices:
        named("parameter", name, declared, layer.origin("analysis.prices"), problems)
    for what_if in problem.what_if:
        origin = layer.origin(f"analysis.what_if.{what_if.name}")
        for axis in (what_if.x, what_if.y):
            if axis is not None:
                named("parameter", axis.name, known, origin, problems)
                fault = range_fault(problem, axis.name, axis.start, axis.end)
                problems += [f"{origin}: {fault}"] if fault else []
        for name in what_if.scenarios:
            named("scenario", name, scenarios, origin, problems)
    if problem.trial is not None:
        origin = layer.origin("analysis.trial")
        for path, text in problem.trial.expressions.items():
            fault = problem_with(text, known)
            if fault:
                problems.append(f"{origin}: trial.{path}: {fault}")
    synthesis_checks.check(problem, layer, declared, problems)
    correlation_checks.check(problem, models, layer, declared, problems)
    _check_sources(problem, models, layer, problems)
    for name in ("start_age", "share_male"):
        if name not in declared:
            problems.append(
                f"model/parameters.csv: parameter '{name}' is missing; background mortality needs it. "
                "Add it."
            )
    if "start_age" in problem.parameters:
        _check_ages(problem, layer, problems)
    _check_value_sets(problem, problems)
    severity_checks.check(models.country.severity, layer, problems)
    survival_checks.check(problem, models, layer, declared, problems)
    for strategy in problem.strategies.values():
        _check_strategy(problem, strategy, layer, known, problems)


def _known_names(
    problem: DecisionProblem, declared: set[str], layer: Layer, problems: Faults
) -> set[str]:
    """Parameter, synthesis and derived names; derived ones are checked in order."""
    known = declared | set(problem.syntheses)
    for name, expression in problem.derived.items():
        if name in declared:
            problems.add(
                layer.origin(f"analysis.derived.{name}"),
                f"derived name '{name}' is also a parameter",
                "names must be unique",
                "Rename one.",
            )
        fault = problem_with(expression, known)
        if fault:
            problems.append(f"{layer.origin(f'analysis.derived.{name}')}: {name}: {fault}")
        known.add(name)
    return known


def _check_settings(
    problem: DecisionProblem, layer: Layer, scenarios: Iterable[str], problems: Faults
) -> None:
    settings = problem.settings
    for role in ("comparator", "intervention"):
        name = getattr(settings, role)
        named("strategy", name, problem.strategies, layer.origin(f"analysis.{role}"), problems)
    if settings.comparator == settings.intervention and settings.comparator in problem.strategies:
        names = list(problem.strategies)
        others = [n for n in names if n != settings.comparator]
        problems.append(
            f"{layer.origin('analysis.intervention')}: intervention: '{settings.intervention}' is the "
            f"comparator too ({layer.origin('analysis.comparator')}); a strategy compared with itself differs "
            "in nothing. "
            + (
                f"Name another strategy as one of the two: {', '.join(others)}."
                if others
                else "Add a second strategy to strategies.yaml."
            )
        )
    for name in problem.companions:
        named("scenario", name, scenarios, layer.origin("analysis.companions"), problems)
    _check_averages(problem, layer, list(scenarios), problems)
    _check_states(problem, layer, problems)


def _check_averages(
    problem: DecisionProblem, layer: Layer, scenarios: list[str], problems: Faults
) -> None:
    """Averages of scenarios that exist, under names of their own."""
    for name, average in problem.settings.averages.items():
        path = f"analysis.averages.{name}"
        if name in (BASE, *scenarios):
            problems.add(
                layer.origin(path),
                f"average '{name}' bears the name of a scenario",
                "names must be unique",
                "Rename one.",
            )
        for member in average.weights:
            origin = layer.origin(f"{path}.weights.{member}")
            named("scenario", member, [BASE, *scenarios], origin, problems)


def _check_states(problem: DecisionProblem, layer: Layer, problems: Faults) -> None:
    """Distinct states that end with death, and an endpoint that ends each of the others."""
    states, endpoints = problem.settings.states, problem.settings.endpoints
    origin = layer.origin("analysis.states")
    if states[-1] != "dead":
        problems.add(
            origin,
            f"the last state is '{states[-1]}'",
            "it must be dead",
            "List states in the order patients leave them.",
        )
    for name in states[:-1]:
        if name.startswith("dead"):  # cohorts count everyone outside the last state as alive
            problems.add(
                origin,
                f"state '{name}' comes before the last",
                "only the last state is death, and whoever is in another lives",
                "Use one state of death.",
            )
    for what, names in (("state", states), ("endpoint", endpoints)):
        for name in sorted({n for n in names if names.count(n) > 1}):
            problems.add(
                layer.origin(f"analysis.{what}s"),
                f"{what} '{name}' is named twice",
                "nobody can enter the second",
                "Remove one.",
            )
    if any(s.transitions for s in problem.strategies.values()):
        return
    if len(endpoints) != len(states) - 1:
        problems.add(
            layer.origin("analysis.endpoints"),
            f"{len(endpoints)} endpoints for {len(states)} states",
            f"{len(states) - 1} are needed, one for each state but dead",
        )


def _check_sources(
    problem: DecisionProblem, models: schema.Inputs, layer: Layer, problems: Faults
) -> None:
    for key in problem.trial.source if problem.trial else ():
        named("source", key, problem.sources, layer.origin("analysis.trial"), problems)
    for name, evidence in problem.evidence.items():
        for key in evidence.source:
            named("source", key, problem.sources, layer.origin(f"survival.{name}.source"), problems)
    for block, part in models.country.blocks.items():
        for key in part.source:
            origin = layer.origin(f"country.{block}.source")
            named("source", key, problem.sources, origin, problems)


def _check_value_sets(problem: DecisionProblem, problems: Faults) -> None:
    """Utilities that are not multipliers are of the value set of the norms."""
    own = problem.country.value_set_key
    for p in problem.parameters.values():
        if p.unit == "utility" and p.value_set is None:
            problems.add(
                p.origin,
                f"{p.name}: a utility without value set",
                "write the key of the set it was valued with in column 'value_set', or give a "
                "multiplier of the norm (unit 'utility multiplier')",
            )
        elif p.value_set not in (None, own):
            problems.add(
                p.origin,
                f"{p.name} is valued with '{p.value_set}', the norms of this run with '{own}'",
                "state utilities, norms, ageing and shortfall must be of one value set, because "
                "the same health has another number on each",
                "Value the answers again (`heor utilities`), or give a multiplier of the norm.",
            )


def _check_ages(problem: DecisionProblem, layer: Layer, problems: Faults) -> None:
    for name in ("start_age", "share_male"):
        parameter = problem.parameters.get(name)
        if parameter is not None and not parameter.is_fixed:
            problems.add(
                parameter.origin,
                f"{name} is uncertain ({parameter.distribution})",
                "the cohort needs one value",
                "Set se to 0 and run other values as scenarios.",
            )
    if problem.start_age >= problem.settings.end_age:
        problems.add(
            layer.origin("analysis.end_age"),
            f"end_age {problem.settings.end_age:g} is not above start_age {problem.start_age:g}",
            "",
            "The horizon must be positive.",
        )
    table, norms = problem.country.life_table, problem.country.norms
    last = table.age[-1]
    closed = max(table.q_male[-1], table.q_female[-1]) >= 1
    if problem.settings.end_age > last + 1 and not closed:
        problems.add(
            table.origin,
            f"ends at age {last:g}, before the horizon (age {problem.settings.end_age:g}), "
            "and is not closed with q = 1",
            "",
            "Add the missing ages, or say in country.yaml what follows the last: under "
            "life_table, 'closing: constant_hazard' or 'closing: certain_death'.",
        )
    if problem.start_age < table.age[0]:
        problems.add(table.origin, f"starts at age {table.age[0]:g}, after start_age")
    if not norms.age[0] <= problem.start_age <= norms.age[-1]:
        problems.add(
            norms.origin,
            f"norms cover ages {norms.age[0]:g} to {norms.age[-1]:g}",
            f"start_age {problem.start_age:g} is outside",
            "Add the missing ages.",
        )


def _check_strategy(
    problem: DecisionProblem, strategy: Strategy, layer: Layer, known: set[str], problems: Faults
) -> None:
    root = f"strategies.{strategy.name}"

    def expression(path: str, text: str | None) -> None:
        fault = problem_with(text, known) if text is not None else ""
        if fault:
            problems.append(f"{layer.origin(f'{root}.{path}')}: {path}: {fault}")

    for group, share in strategy.groups.items():
        expression(f"groups.{group}", share)
    expression("after_progression", strategy.after_progression)
    if strategy.cured_group is not None:
        origin = layer.origin(f"{root}.cured_group")
        named("group", strategy.cured_group, strategy.groups, origin, problems)
    for endpoint in problem.settings.endpoints:
        if strategy.curves and endpoint not in strategy.curves:
            problems.add(layer.origin(f"{root}.curves"), f"endpoint '{endpoint}' is missing")
    for endpoint, curve in strategy.curves.items():
        origin = layer.latest(f"{root}.curves.{endpoint}")
        named("endpoint", endpoint, problem.settings.endpoints, origin, problems)
        for path, value in expressions(curve):
            expression(f"curves.{endpoint}.{path}", value)
    for name, exposure in strategy.exposures.items():
        _check_exposure(
            problem, strategy, exposure, layer.origin(f"{root}.exposures.{name}"), problems
        )
        for part in ("share", "from_time", "until", "at", "lasting", "before"):
            expression(f"exposures.{name}", getattr(exposure, part))
    circle = _in_circle(strategy)
    if circle:
        problems.add(
            layer.latest(f"{root}.exposures.{circle[0]}"),
            f"exposures {', '.join(circle)} refer to each other in a circle",
            "",
            "Break it in 'less', 'sum_of' or 'after'.",
        )
    for kind in ("costs", "utilities"):
        for name, item in getattr(strategy, kind).items():
            origin = layer.origin(f"{root}.{kind}.{name}")
            named("exposure", item.exposure, strategy.exposures, origin, problems)
            for part in ("amount", "multiplier", "decrement", "qaly_loss", "norm_loss"):
                expression(f"{kind}.{name}.{part}", getattr(item, part, None))
            if kind == "costs":
                named("category", item.category, problem.settings.categories, origin, problems)


def _check_exposure(
    problem: DecisionProblem,
    strategy: Strategy,
    exposure: Exposure,
    origin: Origin,
    problems: Faults,
) -> None:
    if exposure.state is not None:
        alive = [s for s in problem.settings.states if s != "dead"]
        named("state", exposure.state, alive, origin, problems)
    if exposure.among is not None:
        named("group", exposure.among, strategy.groups, origin, problems)
    for other in exposure.parts:
        if (
            named("exposure", other, strategy.exposures, origin, problems)
            and other == exposure.name
        ):
            problems.add(origin, f"exposure '{other}' refers to itself")


def _in_circle(strategy: Strategy) -> list[str]:
    """Exposures that reach themselves through `less` and `sum_of` of others."""

    def reached(name: str, seen: set[str]) -> set[str]:
        exposure = strategy.exposures.get(name)
        for other in exposure.parts if exposure else ():
            if other not in seen:
                seen.add(other)
                reached(other, seen)
        return seen

    itself = {n for n, e in strategy.exposures.items() if n in e.parts}
    return [n for n in strategy.exposures if n not in itself and n in reached(n, set())]
