"""What is legal in the uncertainty of the inputs and must be read: it is printed with the results."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from heor.problem.correlations import blocks, drawn, stated
from heor.problem.problem import DecisionProblem

#: Below it, a name is a combination of the others up to rounding.
DETERMINED = 1e-6


def remarks(problem: DecisionProblem) -> list[str]:
    """One sentence each on uncertainty that was taken away, and on correlations that do less than they say.

    Empty for inputs as they should be.
    """
    return [*_taken_away(problem), *_lapsed(problem), *_correlations(problem)]


def _taken_away(problem: DecisionProblem) -> Iterator[str]:
    for setting, value in problem.overrides.items():
        name, _, column = setting.rpartition(".")
        own = problem.parameters.get(name)
        if column == "se" and value == 0 and own is not None and own.is_fixed:
            yield (
                f"{name} is fixed at {own.entered_mean:g} {own.unit} by --set {setting}={value}: its "
                "uncertainty is not in the results."
            )


def _lapsed(problem: DecisionProblem) -> Iterator[str]:
    """Pairs of which one was fixed for this run."""
    known = set(drawn(problem))
    for c in problem.correlations:
        fixed = [n for n in c.pair or () if n not in known]
        if fixed:
            origin = problem.parameters[fixed[0]].origin
            yield f"Correlation '{c.name}' lapses in this run: {fixed[0]} is fixed ({origin})."


def _correlations(problem: DecisionProblem) -> Iterator[str]:
    for c in problem.correlations:
        rho = problem.parameters.get(c.correlation or "")
        if rho is not None and not rho.is_fixed:
            yield (
                f"Correlation '{c.name}' is {rho.mean:g}, the mean of {rho.name}, in every draw: a correlation "
                "is not drawn."
            )
    pooled = {s: name for name, y in problem.syntheses.items() for s in y.studies}
    for block in blocks(problem):
        for name in block.names:
            if name in pooled and len(block.names) > 1:
                yield (
                    f"Correlation of {name} does not reach '{pooled[name]}', which pools the study by its mean "
                    f"and SE; correlate '{pooled[name]}' instead."
                )
        said = sum(len(list(stated(problem, c))) for c in block.statements)
        if said < comb(len(block.names), 2) and block.smallest < DETERMINED:
            listed = ", ".join(c.name for c in block.statements)
            yield (
                f"Correlations {listed}: one of {', '.join(block.names)} is determined by the others, because "
                "pairs that are not stated count as uncorrelated. State them, or lower a correlation, if that "
                "is not meant."
            )
