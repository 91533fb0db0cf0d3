"""Names: the nearest to one misspelt, several in a sentence, those the program reserves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from heor import limits
from heor.limits import excerpt
from heor.problem.parameter import Origin


def nearest(name: str, allowed: Any) -> str:
    """' Did you mean …?' for the closest allowed name, or an empty string."""
    import difflib

    if len(str(name)) > limits.NAME:  # nobody misspells so much, and comparing takes long
        return ""
    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


#: More names than this are not read in a message.
LISTED = 30


def named(
    what: str, name: str, allowed: Iterable[str], origin: Origin, problems: list[str]
) -> bool:
    """Whether `name` is one of those allowed; a problem is noted when it is not."""
    allowed = list(allowed)
    if name in allowed:
        return True
    listed = ", ".join(allowed) if len(allowed) <= LISTED else f"{len(allowed)} others"
    problems.append(
        f"{origin}: unknown {what} '{excerpt(str(name))}'; available: {listed or 'none'}.{nearest(name, allowed)}"
    )
    return False


#: Stands for everything uncertain in the comparator's survival curves.
SURVIVAL = "survival_of_comparator"

#: The base case among scenarios.
BASE = "base"
