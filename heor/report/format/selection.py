"""Which strategies charts and wide tables show, where there are more than a reader can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from heor.decision.frontier import STATUSES

if TYPE_CHECKING:
    from heor.decision.decision import Decision
    from heor.problem.strategy import Strategy
    from heor.runs.results import Results

MOST = 8  # colours, dashes and columns that are told apart


def selected(
    decision: Decision, names: Sequence[str], comparator: str, intervention: str
) -> list[str]:
    """All strategies where they are few; else those that matter to the decision, in their order.

    Returns
    -------
    list of str
        The two compared, every one on the efficiency frontier or with the highest expected net benefit
        at a threshold, and then those with the largest chance of being best, up to `MOST`.
    """
    if len(names) <= MOST:
        return list(names)
    curves, frontier = decision.tables["ceac"], decision.tables["frontier"]
    kept = {comparator, intervention, *curves.loc[curves["on_frontier"], "strategy"]}
    kept |= set(frontier.loc[frontier["status"] == STATUSES[0], "strategy"])
    chances = curves.groupby("strategy", sort=False)["probability"].max()
    for name in chances.sort_values(ascending=False, kind="stable").index:
        if len(kept) >= MOST:
            break
        kept.add(name)
    return [name for name in names if name in kept]


def shown_strategies(results: Results) -> dict[str, Strategy]:
    """The strategies of a run that charts and wide tables show."""
    problem = results.problem
    both = problem.settings.comparator, problem.settings.intervention
    names = selected(results.decision, list(problem.strategies), *both)
    return {name: problem.strategies[name] for name in names}


def left_out(shown: int, of: int) -> str:
    """A sentence for below a chart or a table; empty where nothing is left out.

    >>> left_out(8, 60)
    '8 of 60 strategies: the two compared, those on the frontier, and those most often best.'
    """
    if shown == of:
        return ""
    return f"{shown} of {of:,} strategies: the two compared, those on the frontier, and those most often best."
