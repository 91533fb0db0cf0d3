"""Names: the nearest to one misspelt, several in a sentence, those the program reserves."""

from __future__ import annotations

from collections.abc import Iterable

from heor.faults import Faults
from heor.limits import excerpt
from heor.problem.parameter import Origin

#: More names than this are not read in a message.
LISTED = 30


def named(what: str, name: str, allowed: Iterable[str], origin: Origin, problems: Faults) -> bool:
    """Whether `name` is one of those allowed; a problem is noted when it is not."""
    allowed = list(allowed)
    if name in allowed:
        return True
    listed = ", ".join(allowed) if len(allowed) <= LISTED else f"{len(allowed)} others"
    problems.add(
        origin,
        f"unknown {what} '{excerpt(str(name))}'",
        f"available: {listed or 'none'}",
        like=(name, allowed),
    )
    return False


#: Stands for everything uncertain in the comparator's survival curves.
SURVIVAL = "survival_of_comparator"

#: The base case among scenarios.
BASE = "base"
