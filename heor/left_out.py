"""What a run could not answer: it goes on without, and says why where the result would stand."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from heor.errors import HeorError, HeorWarning, InputError

T = TypeVar("T")
Name = TypeVar("Name")

#: What a question may fail with. Anything else is a fault of this program, and is not hidden.
FAILURES = (HeorError, ArithmeticError, np.linalg.LinAlgError)


def reason(error: Exception) -> str:
    """Why something failed, on one line.

    >>> reason(np.linalg.LinAlgError("Singular matrix"))
    'the computation broke down (Singular matrix).'
    """
    text = " ".join(str(error).split())
    if isinstance(error, InputError) and len(error.problems) > 1:
        return f"{error.problems[0]} ({len(error.problems) - 1} more found.)"
    if isinstance(error, HeorError):
        return text
    return f"the computation broke down ({text or type(error).__name__})."


@dataclass
class LeftOut:
    """Questions beside the answer; one that fails is left out.

    Attributes
    ----------
    reasons : dict
        What was left out → why.
    """

    reasons: dict[str, str] = field(default_factory=dict)

    def ask(self, what: str, question: Callable[[], T], otherwise: T) -> T:
        """The answer, or `otherwise` where the question fails.

        >>> left = LeftOut()
        >>> with warnings.catch_warnings(record=True):
        ...     left.ask("half of nothing", lambda: 1 // 0, -1)
        -1
        >>> left.reasons["half of nothing"]
        'the computation broke down (integer division or modulo by zero).'
        """
        try:
            return question()
        except FAILURES as error:
            self.note(what, reason(error))
            return otherwise

    def note(self, what: str, why: str) -> None:
        """Leave something out, with a warning."""
        self.reasons[what] = why
        warnings.warn(f"Left out: {what}. {why}", HeorWarning, stacklevel=2)


def all_that_can(
    names: Iterable[Name],
    together: Callable[[list[Name]], dict[Name, T]],
    faults: dict[Name, str],
    base: Name | None = None,
) -> dict[Name, T]:
    """What `together` makes of all names, or of those that do not fail.

    All at once is fastest. Only where that fails is each tried by itself; one that fails is noted in
    `faults` with its reason. `base` must not fail.

    >>> faults = {}
    >>> all_that_can("a0b", lambda names: {n: int(n, 16) // int(n, 16) for n in names}, faults)
    {'a': 1, 'b': 1}
    >>> faults
    {'0': 'the computation broke down (integer division or modulo by zero).'}
    """
    names = list(names)
    if not names:
        return {}
    try:
        return together(names)
    except FAILURES as error:
        if names == [base]:
            raise
        if len(names) == 1:
            faults[names[0]] = reason(error)
            return {}
        found = {} if base is None else together([base])
    for name in names:
        if name == base:
            continue
        try:
            found |= together([name])
        except FAILURES as error:
            faults[name] = reason(error)
    return found


#: Questions a run may leave out, as the names of `Results.left_out` begin.
ONE_WAY = "one-way sensitivity"

INFORMATION = "value of information"

TRIAL = "value of the trial"

WHAT_IF = "what would change the answer"

TIPPING = "tipping points"

PRICES = "value-based prices"

MAP = "map"

SCENARIO = "scenario"
