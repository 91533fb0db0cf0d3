"""Title to currency: what was asked, in whom, by whose rules (items 1 to 15 of CHEERS 2022)."""

from __future__ import annotations

from heor.problem.parameter import STATUSES, Parameter
from heor.problem.problem import DecisionProblem
from heor.report.cheers.answer import PARTLY, Answer, listed, with_authors
from heor.report.format.words import STATUS_WORDS, counted
from heor.report.outline import heading
from heor.report.sections import answer as section_answer
from heor.report.sections.method import bands
from heor.runs.results import Results
from heor.usage.usage import used_parameters

ANSWER, COSTS, CONVENTIONS = map(heading, ("answer", "costs", "conventions"))
RESTS, SURVIVAL, LIMITS = map(heading, ("assumptions", "survival", "limits"))
SOURCES = heading("sources")
FIRST = "first page"
PARAMETERS, STRATEGIES = "tables/parameters.csv", "inputs/model/strategies.yaml"
LIFETIME = 0.01  # alive at the end of a horizon that is a lifetime


def title(results: Results) -> Answer:
    problem = results.problem
    if problem.study.title:
        return Answer(f"{problem.study.title}. {_compared(problem)}", (FIRST,))
    own = f"{problem.title}. {_compared(problem)}"
    return with_authors(own, "", "title", (FIRST,), "a title that names the analysis")


def abstract(results: Results) -> Answer:
    stated = results.problem.study.abstract
    own = f"The answer stands first: {' '.join(section_answer.answer(results))}"
    return with_authors(own, stated, "abstract", (ANSWER,), "a structured abstract")


def background(results: Results) -> Answer:
    problem = results.problem
    own = f"The question: {problem.question}"
    stated = problem.study.background
    return with_authors(own, stated, "background", (FIRST,), "context and relevance")


def analysis_plan(results: Results) -> Answer:
    return with_authors("", results.problem.study.analysis_plan, "analysis_plan")


def population(results: Results) -> Answer:
    problem = results.problem
    age, men = problem.parameters["start_age"], problem.parameters["share_male"]
    own = (
        f"Patients start at age {problem.start_age:g} ({STATUS_WORDS[age.status]}), {problem.share_male:.0%} "
        f"of them men ({STATUS_WORDS[men.status]})."
    )
    observed = [
        f"{problem.evidence[name].label} ({counted(problem.evidence[name].n, 'patient')})"
        for name in _fitted(results)
    ]
    if observed:
        own += f" Survival was observed in: {listed(list(dict.fromkeys(observed)))}."
    where = (FIRST, PARAMETERS)
    return with_authors(
        own, problem.study.population, "population", where, "clinical characteristics"
    )


def _fitted(results: Results) -> list[str]:
    """Evidence behind the curves of the run."""
    return list(dict.fromkeys(name for unit in results.fits.weights for name in unit))


def setting(results: Results) -> Answer:
    country = results.problem.country
    programme = f", {country.programme_label}" if country.programme_label else ""
    own = f"{country.label}; rules of {country.agency}{programme}, as of {country.as_of}."
    if country.borrowed:
        lent = [f"{block.replace('_', ' ')} ({donor})" for block, donor in country.borrowed.items()]
        own += f" Borrowed from other countries: {listed(lent)}."
    what = "what of the setting may influence findings"
    stated = results.problem.study.setting
    return with_authors(own, stated, "setting", (FIRST,), what)


def comparators(results: Results) -> Answer:
    problem = results.problem
    stated = problem.study.choice_of_strategies
    where = (ANSWER, STRATEGIES)
    return with_authors(_compared(problem), stated, "choice_of_strategies", where, "why these")


def _compared(problem: DecisionProblem) -> str:
    """The strategies of the question, and how many others there are."""
    labels = {name: s.label for name, s in problem.strategies.items()}
    first, second = problem.settings.intervention, problem.settings.comparator
    others = [label for name, label in labels.items() if name not in (first, second)]
    beside = f" Also evaluated: {listed(others)}." if others else ""
    return f"{labels[first]} against {labels[second]}.{beside}"


def perspective(results: Results) -> Answer:
    country = results.problem.country
    items = [c for s in results.problem.strategies.values() for c in s.costs.values()]
    counted_streams = [s for s in country.streams if any(item.stream == s for item in items)]
    streams = listed([s.replace("_", " ") for s in counted_streams])
    return Answer(
        f"{country.perspective}. Costs counted: {streams}. {_rule(results, 'perspective')}",
        (FIRST, COSTS),
    )


def _rule(results: Results, block: str) -> str:
    """Why a rule is as it is: whose it is, and whether it was seen there."""
    country, changed = results.problem.country, results.problem.overrides
    if any(name == f"country.{block}" or name.startswith(f"country.{block}.") for name in changed):
        return "Changed by hand: not the agency's rule."
    guide = f" ({country.guideline})" if country.guideline else ""
    lent = f"; borrowed from {country.borrowed[block]}" if block in country.borrowed else ""
    seen = "; not yet verified in its source" if country.is_unverified(block) else ""
    return f"The rule of {country.agency}{guide}{lent}{seen}."


def horizon(results: Results) -> Answer:
    problem = results.problem
    last = results.simulation.occupancy.sel(state=problem.settings.states[-1]).isel(time=-1)
    alive = {name: 1 - float(last.sel(strategy=name)) for name in problem.strategies}
    left = [f"{alive[name]:.1%} ({s.label})" for name, s in problem.strategies.items()]
    own = (
        f"{problem.horizon:g} years, from age {problem.start_age:g} to age {problem.settings.end_age:g}. "
        f"Still alive at its end: {listed(left)}."
    )
    where = (CONVENTIONS, "tables/occupancy.csv")
    if max(alive.values()) < LIFETIME:
        return Answer(f"{own} A lifetime: no difference worth mention lies beyond it.", where)
    return Answer(f"{own} What comes after is left out.", where, PARTLY)


def discounting(results: Results) -> Answer:
    country = results.problem.country
    timing = country.discount_timing.replace("_", "-")
    own = (
        f"A year, {timing}: costs {bands(country.discount_costs)}; effects "
        f"{bands(country.discount_effects)}. {_rule(results, 'discounting')}"
    )
    return Answer(own, (CONVENTIONS,))


def outcomes(results: Results) -> Answer:
    problem = results.problem
    items = [u for s in problem.strategies.values() for u in s.utilities.values()]
    harms = [u.name.replace("_", " ") for u in items if u.qaly_loss or u.decrement]
    own = "QALYs and life years, discounted and not."
    if harms:
        own += f" Harm as loss of QALYs: {listed(list(dict.fromkeys(harms)))}."
    return Answer(own, (ANSWER,))


def measurement(results: Results) -> Answer:
    problem = results.problem
    parts = []
    for name in _fitted(results):
        e = problem.evidence[name]
        parts.append(
            f"{e.endpoint.upper()}: {e.label}, {e.form.replace('_', ' ')} data of {e.n:,} patients, "
            f"{counted(e.events, 'event')}"
        )
    for synthesis in problem.syntheses.values():
        n = counted(len(synthesis.studies), "study", "studies")
        parts.append(f"{synthesis.label}: {n} pooled")
    moves = {t.name for s in problem.strategies.values() for t in s.transitions}
    if moves:
        parts.append(f"{counted(len(moves), 'declared transition')} between states")
    parts += [f"expert opinion: {o.label}" for o in problem.opinions.values()]
    parts.append(f"utilities: {_by_status(problem, _utilities(problem))}")
    own = "; ".join(parts)
    where = (SURVIVAL,) if _fitted(results) else ()
    return Answer(f"{own[0].upper()}{own[1:]}.", (*where, PARAMETERS, SOURCES))


def valuation(results: Results) -> Answer:
    problem, country = results.problem, results.problem.country
    own = (
        f"Population utility by age ({country.value_set}) times multipliers of the health states, less "
        f"decrements and losses; {_by_status(problem, _utilities(problem))}."
    )
    return Answer(own, (CONVENTIONS, PARAMETERS))


def resources(results: Results) -> Answer:
    problem = results.problem
    counted_in = [
        c
        for s in problem.strategies.values()
        for c in s.costs.values()
        if c.stream in problem.country.streams
    ]
    known = problem.settings.categories
    used = [label for key, label in known.items() if key in {c.category for c in counted_in}]
    items = len({c.name for c in counted_in})
    own = (
        f"Resource use follows from time in states and from events, each with a unit cost: "
        f"{counted(items, 'cost item')} in {counted(len(used), 'category', 'categories')} "
        f"({listed(used).lower()}); {_by_status(problem, _money(problem))}."
    )
    return Answer(own, (COSTS, PARAMETERS))


def currency(results: Results) -> Answer:
    problem, country = results.problem, results.problem.country
    used = _money(problem)
    converted = [p for p in used if p.conversion]
    lent = [p for p in used if p.donor]
    own = f"{country.currency}, prices of {country.price_year}."
    if converted:
        own += (
            f" {counted(len(converted), 'value')} of another currency or year, converted step by step as "
            "the column `conversion` shows."
        )
    else:
        own += " Every amount is entered in these prices; where it was indexed or converted before that, its note says so."
    if lent:
        own += f" {counted(len(lent), 'value')} of another country."
    if country.own_currency not in ("", country.currency):
        own += f" {country.label}'s own money is {country.own_currency}; there was no rate to it."
    return Answer(own, (COSTS, PARAMETERS))


def _used(problem: DecisionProblem) -> list[Parameter]:
    names = used_parameters(problem)
    return [p for name, p in problem.parameters.items() if name in names]


def _utilities(problem: DecisionProblem) -> list[Parameter]:
    return [p for p in _used(problem) if p.unit.startswith(("utility", "QALY"))]


def _money(problem: DecisionProblem) -> list[Parameter]:
    return [p for p in _used(problem) if p.currency]


def _by_status(problem: DecisionProblem, found: list[Parameter]) -> str:
    """How many parameters of each status."""
    if not found:
        return f"no parameter: values stand in `{STRATEGIES}`"
    statuses = [p.status for p in found]
    shares = [f"{STATUS_WORDS[s]} {statuses.count(s)}" for s in STATUSES if s in statuses]
    return f"{counted(len(found), 'parameter')} ({', '.join(shares)})"
