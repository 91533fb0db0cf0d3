"""What a report says where there are more than two strategies: the best of all, and what compares two alone.

Everything here is empty where there are two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from heor.decision.choice import TABLE, Choice, choice_table, choices
from heor.decision.cost_effectiveness import Z95
from heor.decision.decision import Decision
from heor.decision.thresholds import column
from heor.outcomes.outcomes import Outcomes
from heor.problem.problem import DecisionProblem
from heor.report.format.words import chance, money
from heor.runs.results import Results


def choices_of(decision: Decision, outcomes: Outcomes, comparator: str) -> dict[str, Choice]:
    """The best strategy by threshold name, also of results saved before there was a table of it."""
    found = choices(decision.tables)
    if found or len(outcomes.strategies) < 3:
        return found
    return choices({TABLE: choice_table(outcomes, comparator, decision.thresholds)})


def run_choices(results: Results) -> dict[str, Choice]:
    """Of a run."""
    comparator = results.problem.settings.comparator
    return choices_of(results.decision, results.simulation.outcomes, comparator)


def has_several(problem: DecisionProblem) -> bool:
    """Whether there are more strategies than the two compared."""
    return len(problem.strategies) > 2


def pair(problem: DecisionProblem) -> tuple[str, str]:
    """Labels of intervention and comparator."""
    own = problem.settings
    return problem.strategies[own.intervention].label, problem.strategies[own.comparator].label


def alone(problem: DecisionProblem) -> str:
    """What to add to a statement on the intervention that knows the comparator only."""
    return f" compared with {pair(problem)[1]} alone" if has_several(problem) else ""


def pairwise_note(problem: DecisionProblem) -> str:
    """A sentence for a section or a figure that compares two of more strategies."""
    if not has_several(problem):
        return ""
    intervention, comparator = pair(problem)
    others = len(problem.strategies) - 2
    rest = "the third strategy plays" if others == 1 else f"the other {others} strategies play"
    return f"Compares {intervention} with {comparator} alone: {rest} no part here."


def difference(problem: DecisionProblem) -> str:
    """Heading of a column of differences."""
    if not has_several(problem):
        return "Difference"
    intervention, comparator = pair(problem)
    return f"{intervention} less {comparator}"


def differences(problem: DecisionProblem) -> str:
    """Whose differences columns of cost and QALYs are."""
    if not has_several(problem):
        return "differences against the comparator"
    intervention, comparator = pair(problem)
    return f"differences of {intervention} against {comparator} alone"


def label_of(problem: DecisionProblem, strategy: str) -> str:
    """A strategy in words; its name where it belongs to another scenario."""
    known = problem.strategies.get(strategy)
    return strategy if known is None else known.label


def best_words(
    found: Choice,
    label: Callable[[str], str],
    draws: int,
    currency: str,
    intervention: str,
    form: Callable[[float], str] = money,
) -> str:
    """Which strategy is best at a threshold, by how much, and how likely.

    Parameters
    ----------
    label
        Of a strategy.
    form
        How money is written.
    """
    best, second = label(found.strategy), label(found.second)
    words = (
        f"{best} has the highest expected net benefit of all {len(found.chances)} strategies, "
        f"{form(found.lead)} {currency} a patient above {second}, the next best"
    )
    if not found.is_clear and draws > 1:
        words = (
            f"{best} has the highest expected net benefit of all {len(found.chances)} strategies, but "
            f"with these draws {second} cannot be distinguished from it"
        )
    return f"{words}; {chance_words_of(found, label, draws, intervention)}"


def best_of(problem: DecisionProblem, found: Choice, draws: int) -> str:
    """The best strategy and its chance, in a few words.

    Examples: `Test first is the best of all 3 strategies (chance 64%)`.
    """
    likely = chance(found.chances[found.strategy], draws)
    return (
        f"{label_of(problem, found.strategy)} is the best of all {len(found.chances)} strategies on "
        f"average (chance {likely})"
    )


def chance_words_of(
    found: Choice, label: Callable[[str], str], draws: int, intervention: str
) -> str:
    """How likely the best is the best, and the intervention where it is not the best."""
    words = f"the chance that it is the best is {chance(found.chances[found.strategy], draws)}"
    if intervention != found.strategy and intervention in found.chances:
        own = chance(found.chances[intervention], draws)
        words += f", that of {label(intervention)} {own}"
    return words


def named_thresholds(decision: Decision) -> Mapping[str, str]:
    """Threshold name → amount in words."""
    return {threshold.name: threshold.label for threshold in decision.thresholds}


def thresholds_in_words(results: Results) -> Mapping[str, str]:
    """Threshold name → how a sentence on it begins."""
    currency = results.problem.country.currency
    return {
        t.name: f"At {t.value:,.0f} {currency} per QALY"
        + (" (severity-weighted)" if t.is_severity else "")
        for t in results.decision.thresholds
    }


def best_lines(results: Results) -> list[str]:
    """The best strategy at each threshold of a run, one sentence each."""
    problem, found = results.problem, run_choices(results)
    currency, where = problem.country.currency, thresholds_in_words(results)
    lines = [
        f"{where[name]} "
        + best_words(
            own,
            lambda strategy: label_of(problem, strategy),
            results.simulation.outcomes.n,
            currency,
            problem.settings.intervention,
        )
        + "."
        for name, own in found.items()
    ]
    if lines and not problem.country.has_verdict:
        lines[0] = f"Another country's thresholds, for orientation. {lines[0]}"
    return lines


def changes_of_best(results: Results, frame: pd.DataFrame) -> list[str]:
    """Which scenarios beside the run have another best strategy than it, of more than two."""
    problem, sentences = results.problem, []
    for name, where in thresholds_in_words(results).items():
        if len(frame) < 2 or column("best", name) not in frame:
            continue
        best, lead = frame[column("best", name)], frame[column("best", name, "lead")]
        clear = lead > Z95 * frame[column("best", name, "lead_se")]
        changed = [
            f"{row['scenario']} ({label_of(problem, row[column('best', name)])})"
            for _, row in frame[(best != best.iloc[0]) & clear].iterrows()
        ]
        near = list(frame["scenario"][1:][~clear.to_numpy()[1:]])
        parts = []
        if changed:
            parts.append(f"another strategy is the best under {', '.join(changed)}")
        if near:
            parts.append(
                f"under {', '.join(near)} the two best cannot be told apart with these draws"
            )
        if not parts:
            same = label_of(problem, best.iloc[0])
            parts.append(f"{same} is the best in every structural scenario below")
        sentences.append(f"{where} {'; '.join(parts)}.")
    return sentences


def has_partners(results: Results) -> bool:
    """Whether some parameters are moved together, because they are correlated in pairs."""
    return any(c.pair is not None or c.matrix is not None for c in results.problem.correlations)
