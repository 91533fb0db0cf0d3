"""Which parameters a run depends on: those its strategies, syntheses and derived names reach."""

from __future__ import annotations

from heor.inputs.expressions import names_in
from heor.inputs.problem import DecisionProblem

#: Read by name, not through an expression.
ALWAYS = ("start_age", "share_male")


def used_parameters(problem: DecisionProblem) -> set[str]:
    """Names of the parameters that can change the results of this run.

    Items outside the perspective's cost streams do not count.
    """
    names = {*ALWAYS}
    for strategy in problem.strategies.values():
        items = [c for c in strategy.costs.values() if c.stream in problem.country.streams]
        items += strategy.utilities.values()
        wanted = {item.exposure for item in items}
        pending = list(wanted)
        while pending:
            exposure = strategy.exposures[pending.pop()]
            new = {*exposure.less, *exposure.sum_of} - wanted
            wanted |= new
            pending += new
        parts = [*strategy.curves.values(), *items, *(strategy.exposures[w] for w in wanted)]
        texts = [*strategy.groups.values()]
        skip = ("name", "evidence", "relative_to", "exposure", "category", "stream")
        skip += ("state", "flow", "among")
        for part in parts:
            texts += [v for k, v in vars(part).items() if isinstance(v, str) and k not in skip]
        for text in texts:
            names |= names_in(text)
    names |= {c.correlation for c in problem.correlations}
    return _resolved(problem, names) & set(problem.parameters)


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
