"""Model, uncertainty and results, and what only authors can state (items 16 to 28 of CHEERS 2022)."""

from __future__ import annotations

from collections import Counter

from heor.decision.thresholds import column
from heor.problem.parameter import UNCERTAIN_STATUSES
from heor.report.cheers.answer import PARTLY, Answer, in_file, listed, with_authors
from heor.report.cheers.design import (
    ANSWER,
    CONVENTIONS,
    COSTS,
    LIMITS,
    PARAMETERS,
    RESTS,
    SOURCES,
    SURVIVAL,
)
from heor.report.format import frames
from heor.report.format.choice import alone, best_of, has_several, run_choices
from heor.report.format.words import (
    STATUS_WORDS,
    TOO_FEW,
    as_ratio,
    counted,
    money,
    significant,
    years,
)
from heor.report.outline import heading
from heor.report.sections import answer as section_answer
from heor.report.sections.method import WITHIN_CYCLE
from heor.runs.results import Results
from heor.usage.structures import STRUCTURES
from heor.usage.usage import used_parameters

SURE, TURNS, INFORMATION = map(heading, ("uncertainty", "tipping", "information"))
SEVERITY, STRUCTURE, BESIDE = map(heading, ("severity", "structures", "scenarios"))


def model(results: Results) -> Answer:
    problem, settings = results.problem, results.problem.settings
    states = listed([s.replace("_", " ") for s in settings.states])
    own = f"{STRUCTURES[settings.model]}; states {states}; cycle {counted(round(settings.cycle * 12, 3), 'month')}."
    beside = [s.label for s in results.structures if s.model != settings.model]
    if beside:
        own += f" Also, on the same draws: {listed(beside)}."
    stated = {
        "choice_of_model": (problem.study.choice_of_model, "why this structure"),
        "availability": (problem.study.availability, "where it can be had"),
    }
    own = " ".join([own, *(text for text, _ in stated.values() if text)])
    add = [f"{what} ({in_file(slot)})" for slot, (text, what) in stated.items() if not text]
    where = (CONVENTIONS, *_structures(results))
    return Answer(f"{own} To add: {listed(add)}.", where, PARTLY) if add else Answer(own, where)


def _structures(results: Results) -> tuple[str, ...]:
    return (STRUCTURE,) if len(results.structures) > 1 else ()


def analytics(results: Results) -> Answer:
    problem, settings = results.problem, results.problem.settings
    used = used_parameters(problem)
    counts = Counter(problem.parameters[name].status for name in used)
    assumed = counted(counts["assumption"], "parameter")
    parts = []
    if results.fits.weights:
        method = "NUTS" if results.method == "nuts" else "Laplace approximation with PSIS"
        fits = results.fits
        own = [share for unit in fits.weights for share in fits.by_evidence(unit).values()]
        families = {f for share in own for f, w in share.items() if w > 0}
        how = (
            f"leave-one-out stacking of {counted(len(families), 'family', 'families')} with weight"
            if settings.extrapolation == "stacked"
            else settings.extrapolation.replace("_", " ")
        )
        parts.append(
            f"Survival fitted by {method} to the excess hazard over background mortality; extrapolated by {how}"
        )
    cycle = "continuous time"
    if settings.model != "individual":
        cycle = f"within the cycle, {WITHIN_CYCLE[settings.within_cycle]}"
    parts.append(cycle)
    parts.append(
        f"assumptions: {assumed} of the {len(used):,} in use; stated: "
        f"{counted(len(problem.limits) + len(problem.country.limits), 'limit')} of the model"
    )
    if results.warnings:
        parts.append(f"{counted(len(results.warnings), 'warning')} of this run")
    own = "; ".join(parts)
    fits = (SURVIVAL,) if results.fits.weights else ()
    limits = (LIMITS,) if problem.limits or problem.country.limits else ()
    return with_authors(
        f"{own[0].upper()}{own[1:]}.",
        problem.study.validation,
        "validation",
        (CONVENTIONS, *fits, RESTS, PARAMETERS, *limits),
        "how the model was validated",
    )


def heterogeneity(results: Results) -> Answer:
    problem = results.problem
    parts, where = [], []
    if problem.covariates:
        patients = len(next(iter(problem.covariates.values())))
        names = listed([name.removeprefix("x_") for name in problem.covariates])
        parts.append(f"Patients differ in {names} ({counted(patients, 'patient')}).")
    found = results.decision.severity
    if found is not None:
        ages = counted(len(found.class_ages), "class", "classes")
        parts.append(f"The threshold by age at treatment is shown ({ages}); outcomes are not.")
        where.append(SEVERITY)
    what = "results for subgroups"
    stated = problem.study.subgroups
    return with_authors(" ".join(parts), stated, "subgroups", tuple(where), what)


def distribution(results: Results) -> Answer:
    found, problem = results.decision.severity, results.problem
    own, where = "", ()
    if found is not None and found.threshold is not None:
        what = found.rule.replace("_", " ")
        own = (
            f"Severity counts by {what}: weight {found.weight:g}, {found.threshold:,.0f} "
            f"{problem.country.currency} per QALY."
        )
        where = (SEVERITY,)
    stated = problem.study.distributional_effects
    what = "how effects fall on different people"
    return with_authors(own, stated, "distributional_effects", where, what)


def uncertainty(results: Results) -> Answer:
    problem, settings = results.problem, results.problem.settings
    curves = ", and survival curves from their posterior" if results.fits.weights else ""
    moved = 0 if results.tornado.empty else results.tornado["parameter"].nunique()
    varied = counted(moved, "parameter") if moved else "none"
    own = (
        f"Probabilistic analysis of {results.simulation.outcomes.n:,} draws (seed {settings.seed}, "
        f"{settings.sampling.replace('_', '-')}) with every parameter that has an interval"
        f"{curves}; {varied} one at a time over their 95 % intervals"
    )
    more, where = [], [SURE, RESTS]
    if len(results.structures) > 1:
        more.append(counted(len(results.structures), "model structure"))
        where += _structures(results)
    if results.companions:
        more.append(f"{counted(len(results.companions), 'scenario')} of this run")
        where.append(BESIDE)
    if not results.tipping.empty:
        more.append(f"tipping points of {results.tipping['parameter'].nunique()} parameters")
    if results.maps:
        more.append(f"{counted(len(results.maps), 'map')} of what would have to be true")
    if more and (not results.tipping.empty or results.maps):
        where.append(TURNS)
    if not results.information.empty:
        more.append("value of information")
        where.append(INFORMATION)
    own += f"; {listed(more)}." if more else "."
    if problem.correlations:
        own += f" {counted(len(problem.correlations), 'correlation')} between parameters."
    return Answer(own, tuple(where))


def parameters(results: Results) -> Answer:
    problem = results.problem
    used = used_parameters(problem)
    counts = Counter(problem.parameters[name].status for name in used)
    shares = [f"{words} {counts[s]}" for s, words in STATUS_WORDS.items() if counts[s]]
    sources = frames.source_table(results)
    own = (
        f"{counted(len(problem.parameters), 'parameter')} with mean, interval, distribution, status, source, "
        f"file and line; {len(used):,} in use: {listed(shares)}. {counted(len(sources), 'source')}, "
        f"{int(sources['verified'].sum()):,} of them verified."
    )
    return Answer(own, (PARAMETERS, RESTS, SOURCES))


def main_results(results: Results) -> Answer:
    problem = results.problem
    means = results.decision.tables["strategies"].set_index(["strategy", "outcome"])["mean"]
    by_strategy = [
        f"{s.label}: {money(means[name, 'cost'])} {problem.country.currency}, "
        f"{years(means[name, 'qalys'])} QALYs, {years(means[name, 'life_years'])} life years"
        for name, s in problem.strategies.items()
    ]
    said = section_answer.answer(results)
    own = f"{'; '.join(by_strategy)}. {' '.join(said if has_several(problem) else said[:1])}"
    return Answer(own, (ANSWER, COSTS))


def effect_of_uncertainty(results: Results) -> Answer:
    """Partly: discount rate and horizon are not varied within a run."""
    currency = results.problem.country.currency
    name, threshold = results.decision.headline
    row = results.decision.tables["net_benefit"].set_index("threshold_name").loc[name]
    sure = (
        f" (95 % {money(row['low'])} to {money(row['high'])}), above zero in "
        f"{row['probability']:.0%} of draws; EVPI {money(row['evpi'])}"
    )
    if results.simulation.outcomes.are_few:
        sure = f"; how sure: {TOO_FEW}"
    best = run_choices(results).get(name)
    said = f"{best_of(results.problem, best, results.simulation.outcomes.n)}; " if best else ""
    parts = [
        f"At {threshold:,.0f} {currency} per QALY: {said}net benefit{alone(results.problem)} "
        f"{money(row['net_benefit'])} {currency} a patient{sure}."
    ]
    if not results.tornado.empty:
        top = results.tornado.iloc[0]
        parts.append(f"What moves it most: {as_ratio(top['description'])}.")
    if len(results.structures) > 1:
        gains = frames.structure_table(results)["qalys"]
        parts.append(
            f"Gain over {len(gains)} model structures: {years(gains.min())} to {years(gains.max())} QALYs."
        )
    parts += [_by_family(results), _by_scenario(results)]
    own = " ".join(p for p in parts if p)
    where = (SURE, RESTS, *_structures(results))
    missing = (
        "Discount rate and horizon are not varied in one run (`heor run --set`, `heor scenarios`)."
    )
    return Answer(f"{own} {missing}", where, PARTLY)


def _by_scenario(results: Results) -> str:
    """The span of the answer over the scenarios beside it."""
    if not results.companions:
        return ""
    name, threshold = results.decision.headline
    benefits = frames.companion_table(results)[column("net_benefit", name)]
    return (
        f"Net benefit{alone(results.problem)} at {threshold:,.0f} over the base case and {counted(len(results.companions), 'scenario')}: "
        f"{money(benefits.min())} to {money(benefits.max())}."
    )


def _by_family(results: Results) -> str:
    """The range over survival families, at central values."""
    frame = results.deterministic
    ratios = frame.loc[frame["case"].str.startswith("family "), "icer"].dropna()
    if len(ratios) < 2:
        return ""
    return (
        f"By survival family, at central values: {significant(ratios.min())} to "
        f"{significant(ratios.max())} {results.problem.country.currency} per QALY."
    )


def conclusions(results: Results) -> Answer:
    problem = results.problem
    found = [*problem.limits, *problem.country.limits]
    weak = sum(problem.parameters[n].status in UNCERTAIN_STATUSES for n in used_parameters(problem))
    own = (
        f"{counted(len(found), 'limit')} stated; {counted(weak, 'parameter')} in use assumed or not "
        "verified in their source."
    )
    where = (ANSWER, *((LIMITS,) if found else ()))
    stated = problem.study.generalisability
    what = "to whom and where findings apply, and how they fit what is known"
    return with_authors(own, stated, "generalisability", where, what)


def engagement(results: Results) -> Answer:
    return with_authors("", results.problem.study.engagement, "engagement")


def effect_of_engagement(results: Results) -> Answer:
    return with_authors("", results.problem.study.effect_of_engagement, "effect_of_engagement")


def funding(results: Results) -> Answer:
    return with_authors("", results.problem.study.funding, "funding")


def conflicts(results: Results) -> Answer:
    return with_authors("", results.problem.study.conflicts_of_interest, "conflicts_of_interest")
