"""Which parameters a run depends on: those its strategies, syntheses and derived names reach."""

from __future__ import annotations

from heor.inputs.curve_types import expressions
from heor.inputs.expressions import names_in
from heor.inputs.problem import DecisionProblem, Strategy
from heor.inputs.structures import PARTITIONED

#: Read by name, not through an expression.
ALWAYS = ("start_age", "share_male")


def used_parameters(problem: DecisionProblem, *, fits: bool = True) -> set[str]:
    """Names of the parameters that can change the results of this run.

    Items outside the perspective's cost streams do not count. With `fits`, parameters of expert
    opinions about fitted evidence count too: they change the posterior. Without, only what acts
    on a given posterior, which one-way sensitivity can move.
    """
    names = {*ALWAYS}
    others = [m for m in problem.settings.structures if m != problem.settings.model]
    for strategy in problem.strategies.values():
        for text in expressions_of(problem, strategy):
            names |= names_in(text)
        if fits and others:  # tables of other structures
            names |= names_in(strategy.after_progression)
    names |= {c.correlation for c in problem.correlations if c.correlation}
    if fits:
        names |= _opinion_names(problem)
    return _resolved(problem, names) & set(problem.parameters)


def expressions_of(problem: DecisionProblem, strategy: Strategy) -> list[str]:
    """Every expression of a strategy that can reach a result."""
    items = [c for c in strategy.costs.values() if c.stream in problem.country.streams]
    items += strategy.utilities.values()
    wanted = {item.exposure for item in items}
    pending = list(wanted)
    while pending:
        exposure = strategy.exposures[pending.pop()]
        new = {*exposure.parts} - wanted
        wanted |= new
        pending += new
    texts = [*strategy.groups.values()]
    texts += [*strategy.start.values(), *(t.expression for t in strategy.transitions)]
    texts += [t.hazard_ratio for t in strategy.transitions]
    curves = strategy.curves
    if (
        curves and problem.settings.model != PARTITIONED
    ):  # survival follows from PFS and what comes after it
        texts.append(strategy.after_progression)
        curves = {"pfs": strategy.curves["pfs"]}
    texts += [text for curve in curves.values() for _, text in expressions(curve)]
    skip = ("name", "exposure", "category", "stream", "state", "flow", "among", "after", "clock")
    for part in (*items, *(strategy.exposures[w] for w in wanted)):
        texts += [v for k, v in vars(part).items() if isinstance(v, str) and k not in skip]
    return texts


def _opinion_names(problem: DecisionProblem) -> set[str]:
    """Parameters of the opinions about evidence that a curve of this run is fitted to."""
    curves = (c for s in problem.strategies.values() for c in s.curves.values())
    fitted = {getattr(c, "evidence", None) for c in curves}
    used = {o.name: o for o in problem.opinions.values() if o.evidence in fitted}
    names = {o.parameter for o in used.values()}
    return names | {n for o in used.values() for text in o.expressions for n in names_in(text)}


def _resolved(problem: DecisionProblem, names: set[str]) -> set[str]:
    """Derived names and syntheses replaced by what they are made of, all the way down."""
    found, pending = set(), list(names)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        if name in problem.derived:
            pending += names_in(problem.derived[name])
        if name in problem.syntheses:
            synthesis = problem.syntheses[name]
            pending += [*synthesis.studies, *names_in(synthesis.shift)]
            if synthesis.between_study_sd:
                pending.append(synthesis.between_study_sd)
    return found
