"""Value of information: what CHEERS-VOI asks beyond CHEERS 2022."""

from __future__ import annotations

from heor.questions.research_priorities import PEOPLE, YEARS, population
from heor.report.cheers.answer import NOT_APPLICABLE, PARTLY, Answer, listed, with_authors
from heor.report.cheers.design import FIRST, PARAMETERS
from heor.report.cheers.findings import INFORMATION, STRUCTURE, SURE
from heor.report.format.words import STATUS_WORDS, counted, money, plain
from heor.report.sections.trial import millions
from heor.runs.results import Results

TRIAL = "trial.md"
WORDS = "value of information"
NO_TRIAL = Answer("No trial is valued in this run.", (), NOT_APPLICABLE)


def was_valued(results: Results) -> bool:
    """Whether more than the EVPI was computed."""
    return not results.information.empty or results.trial is not None


def _where(results: Results) -> tuple[str, ...]:
    return (
        *((INFORMATION,) if not results.information.empty else ()),
        *((TRIAL,) if results.trial is not None else ()),
    )


def measures(results: Results) -> Answer:
    found = ["EVPI"]
    found += ["EVPPI"] if not results.information.empty else []
    found += ["EVSI", "net benefit of sampling"] if results.trial is not None else []
    own = f"Computed: {listed(found)}."
    study = results.problem.study
    if WORDS in f"{study.title} {study.abstract}".lower():
        return Answer(f"{own} Named in the authors' title or abstract.", (FIRST, *_where(results)))
    text = f"{own} The authors' title and abstract do not name the {WORDS}."
    return Answer(text, _where(results), PARTLY)


def question(results: Results) -> Answer:
    problem = results.problem
    trial = f", and what {problem.trial.label} is worth" if results.trial and problem.trial else ""
    return Answer(
        f"What knowing more before deciding would be worth{trial}. The decision: {problem.question}",
        (FIRST, *_where(results)),
    )


def assessed(results: Results) -> Answer:
    parts, frame = [], results.information
    if not frame.empty:
        kinds = frame.drop_duplicates(["kind", "name"])["kind"].value_counts()
        parts.append(
            f"{counted(int(kinds.get('group', 0)), 'group')} of parameters and "
            f"{counted(int(kinds.get('single', 0)), 'parameter')} by themselves"
        )
    if results.trial is not None:
        designs = results.trial.designs.drop_duplicates(["patients", "follow_up_months"])
        parts.append(f"{counted(len(designs), 'trial design')} by patients and follow-up")
    return Answer(f"{'; '.join(parts)}.", _where(results))


def joint_uncertainty(results: Results) -> Answer:
    problem = results.problem
    own = (
        f"Every draw is a possible truth: {counted(len(problem.correlations), 'correlation')} between "
        f"parameters, {counted(len(problem.syntheses), 'pooled effect')}"
    )
    fitted = ", survival curves from their joint posterior" if results.fits.weights else ""
    return Answer(f"{own}{fitted}.", (PARAMETERS, "tables/survival_fits.csv"))


def structural_uncertainty(results: Results) -> Answer:
    stacked = results.problem.settings.extrapolation == "stacked" and results.fits.weights
    inside = (
        "The choice of survival family is in the draws, by stacking weight; " if stacked else ""
    )
    beside = "" if len(results.structures) < 2 else " Other structures are shown with the run."
    where = (STRUCTURE,) if beside else ()
    what = "the model's structure is not: all values are within this one structure."
    own = inside + (what if inside else what[0].upper() + what[1:])
    return Answer(own + beside, where)


def scale(results: Results) -> Answer:
    problem, currency = results.problem, results.problem.country.currency
    rows = results.decision.tables["net_benefit"]
    each = [f"{money(r['evpi'])} at {r['threshold']:,.0f}" for _, r in rows.iterrows()]
    own = f"EVPI a patient ({currency}), by threshold per QALY: {listed(each)}."
    patients = population(problem)
    if patients is not None:
        name, threshold = results.decision.headline
        evpi = rows.set_index("threshold_name").loc[name, "evpi"]
        own += f" In all {millions(evpi * patients)} million {currency} at {threshold:,.0f}."
    return Answer(own, (SURE, *_where(results)))


def method(results: Results) -> Answer:
    parts, frame = ["EVPI: from the draws"], results.information
    if not frame.empty:
        used = [str(r).replace("_", " ") for r in frame["regressor"].dropna().unique()]
        parts.append(f"EVPPI: regression of net benefit over draws ({listed(used)})")
    if results.trial is not None:
        parts.append(
            "EVSI: importance sampling on the whole likelihood, and regression on scores of the deaths"
        )
    return Answer(f"{'; '.join(parts)}.", _where(results))


def precision(results: Results) -> Answer:
    name, _ = results.decision.headline
    row = results.decision.tables["net_benefit"].set_index("threshold_name").loc[name]
    own = (
        f"{results.simulation.outcomes.n:,} draws; standard error of the EVPI {money(row['evpi_se'])} of "
        f"{money(row['evpi'])}."
    )
    if not results.information.empty:
        doubtful = int(results.information["has_residual_pattern"].fillna(False).sum())
        own += f" Residuals were checked for patterns: {counted(doubtful, 'regression')} left one."
    return Answer(own, (SURE, *_where(results)))


def people(results: Results) -> Answer:
    problem = results.problem
    if population(problem) is None:
        return Answer("Values are a patient's; the inputs give no population.", _where(results))
    number, held = problem.parameters[PEOPLE], problem.parameters[YEARS]
    return Answer(
        f"{plain(number.mean)} patients a year ({STATUS_WORDS[number.status]}) for {plain(held.mean)} years "
        f"({STATUS_WORDS[held.status]}), discounted as costs: {population(problem):,.0f} patients.",
        (PARAMETERS, *_where(results)),
    )


def data_of_trial(results: Results) -> Answer:
    trial = results.problem.trial
    if results.trial is None or trial is None:
        return NO_TRIAL
    designs = results.trial.designs
    least, most = designs["patients"].min(), designs["patients"].max()
    return Answer(
        f"{trial.label}: {trial.patients:,} patients read {12 * trial.follow_up:g} months after the last "
        f"inclusion; designs of {least:,.0f} to {most:,.0f} patients. Deaths are drawn from each draw's "
        "survival curves, with recruitment, loss to follow-up and censoring.",
        (TRIAL,),
    )


def cost_of_trial(results: Results) -> Answer:
    trial = results.problem.trial
    if results.trial is None or trial is None:
        return NO_TRIAL
    found, currency = results.trial.programme, results.problem.country.currency
    sunk = trial.since_last_inclusion is not None
    return Answer(
        f"{plain(found.fixed_cost)} {currency} and {plain(found.cost_per_patient)} {currency} a patient; "
        f"{plain(found.accrual)} patients recruited a year; {plain(found.reporting_delay)} years from the "
        "reading to the use of its result."
        + (f" What {trial.label} has cost is spent and left out." if sunk else ""),
        (TRIAL, PARAMETERS),
    )


def use_of_result(results: Results) -> Answer:
    own = "Perfect information is taken to be followed in all patients"
    if results.trial is not None:
        own = f"A trial's result is followed in {results.trial.programme.implementation:.0%} of patients"
    where = _where(results)
    stated = results.problem.study.availability
    return with_authors(f"{own}.", stated, "availability", where, "access to model and code")
