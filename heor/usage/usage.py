"""Which parameters a run depends on: those its strategies, syntheses and derived names reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from heor.problem.curve_types import Opinion, expressions
from heor.problem.expressions import names_in
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CostItem, Strategy, UtilityItem
from heor.usage.structures import PARTITIONED

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


def names_in_draws(problem: DecisionProblem, given: Collection[str] = ()) -> set[str]:
    """Parameters, pooled effects and derived quantities whose value in a draw moves that draw's outcomes.

    A pooled effect is drawn whole: its studies act before, only its `shift` acts here. What acts only
    through quantities that are `given` moves nothing.
    """
    return reached(
        problem,
        [text for s in problem.strategies.values() for text in expressions_of(problem, s)],
        given,
    )


def before_draws(problem: DecisionProblem) -> dict[str, str]:
    """Parameters that act before anything is drawn, and on what.

    Another value of one of them means other draws, fits or thresholds: it cannot be put into draws
    that are made already.
    """
    found = {
        "start_age": ["the cohort's horizon, mortality, utility norms and severity"],
        "share_male": ["the cohort's mortality, utility norms and severity"],
    }
    reached = names_in_draws(problem)
    for synthesis in problem.syntheses.values():
        for name in (*synthesis.studies, synthesis.between_study_sd):
            if name is not None and synthesis.name in reached:
                found.setdefault(name, []).append(f"what is pooled into {synthesis.name}")
    for correlation in problem.correlations:
        if correlation.correlation is not None:
            found.setdefault(correlation.correlation, []).append("how draws correlate")
    for opinion in used_opinions(problem):
        cohort = ALWAYS  # an opinion is of the modelled cohort
        own = [opinion.parameter, *(n for text in opinion.expressions for n in names_in(text))]
        for name in dict.fromkeys((*own, *cohort)):
            found.setdefault(name, []).append(
                f"the survival fits (expert opinion on {opinion.label})"
            )
    return {name: " and ".join(dict.fromkeys(on)) for name, on in found.items()}


def curve_inputs(problem: DecisionProblem) -> set[str]:
    """Names that act on survival or transitions, through whatever they enter."""
    texts = []
    for strategy in problem.strategies.values():
        texts += [strategy.after_progression, *strategy.groups.values()]
        texts += [text for curve in strategy.curves.values() for _, text in expressions(curve)]
        texts += [t.expression for t in strategy.transitions]
        texts += [t.hazard_ratio for t in strategy.transitions]
    return reached(problem, texts)


def reached(
    problem: DecisionProblem, texts: Iterable[str], given: Collection[str] = ()
) -> set[str]:
    """Names in expressions, in the derived quantities they use, and in shifts of pooled effects."""
    found: set[str] = set()
    pending = [name for text in texts for name in names_in(text)]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        if name in given:
            continue
        pending += names_in(problem.derived.get(name, "0"))
        if name in problem.syntheses:
            pending += names_in(problem.syntheses[name].shift)
    return found


def expressions_of(problem: DecisionProblem, strategy: Strategy) -> list[str]:
    """Every expression of a strategy that can reach a result."""
    wanted = {item.exposure for item in _items(problem, strategy)}
    pending = list(wanted)
    while pending:
        new = {*strategy.exposures[pending.pop()].parts} - wanted
        wanted |= new
        pending += new
    return [
        *survival_texts(problem, strategy),
        *(text for name in sorted(wanted) for text in strategy.exposures[name].expressions),
        *valuation_texts(problem, strategy),
    ]


def survival_texts(problem: DecisionProblem, strategy: Strategy) -> list[str]:
    """Expressions that who is in which state depends on."""
    texts = [*strategy.groups.values()]
    texts += [*strategy.start.values(), *(t.expression for t in strategy.transitions)]
    texts += [t.hazard_ratio for t in strategy.transitions]
    curves = strategy.curves
    if (
        curves and problem.settings.model != PARTITIONED
    ):  # survival follows from PFS and what comes after it
        texts.append(strategy.after_progression)
        curves = {"pfs": strategy.curves["pfs"]}
    return texts + [text for curve in curves.values() for _, text in expressions(curve)]


def valuation_texts(problem: DecisionProblem, strategy: Strategy) -> list[str]:
    """Prices, multipliers and decrements that count under the perspective."""
    parts = ("amount", "multiplier", "decrement", "qaly_loss", "norm_loss")
    found = (getattr(item, k, None) for item in _items(problem, strategy) for k in parts)
    return [text for text in found if text is not None]


def _items(problem: DecisionProblem, strategy: Strategy) -> list[CostItem | UtilityItem]:
    """What is charged inside the perspective, and what is gained."""
    inside = [c for c in strategy.costs.values() if c.stream in problem.country.streams]
    return [*inside, *strategy.utilities.values()]


def used_opinions(problem: DecisionProblem) -> list[Opinion]:
    """Opinions about evidence that a curve of this run is fitted to."""
    curves = (c for s in problem.strategies.values() for c in s.curves.values())
    fitted = {getattr(c, "evidence", None) for c in curves}
    return [o for o in problem.opinions.values() if o.evidence in fitted]


def _opinion_names(problem: DecisionProblem) -> set[str]:
    """Parameters of the opinions about evidence that a curve of this run is fitted to."""
    used = used_opinions(problem)
    names = {o.parameter for o in used}
    return names | {n for o in used for text in o.expressions for n in names_in(text)}


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
