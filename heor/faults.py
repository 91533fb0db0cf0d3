"""Faults of what the user gave: each in one line, all of them together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from heor import limits


def nearest(name: str, allowed: Iterable[object]) -> str:
    """' Did you mean …?' for the closest allowed name, or an empty string.

    >>> nearest("weibul", ["gamma", "weibull"])
    " Did you mean 'weibull'?"
    """
    if len(str(name)) > limits.NAME:  # nobody misspells so much, and comparing takes long
        return ""
    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


class Faults(list[str]):
    """Lines of the form *where: what was found; what is needed. What to do.*

    >>> faults = Faults()
    >>> faults.add("rates.csv, line 3", "rate -0.1", "it must be at least 0", "Correct it.")
    >>> faults.add("analysis.yaml", "unknown model 'markow'", like=("markow", ["markov"]))
    >>> for line in faults:
    ...     print(line)
    rates.csv, line 3: rate -0.1; it must be at least 0. Correct it.
    analysis.yaml: unknown model 'markow'. Did you mean 'markov'?
    """

    def add(
        self,
        where: object,
        found: str,
        needed: str = "",
        cure: str = "",
        like: tuple[str, Iterable[object]] | None = None,
    ) -> None:
        """Note a fault.

        Parameters
        ----------
        where
            An `Origin`, or the file, row or option in words.
        found, needed
            Without a full stop.
        cure
            A sentence or several.
        like
            A name that is not allowed, and those that are: the nearest of them is suggested.
        """
        stated = f"{where}: {found}" + (f"; {needed}" if needed else "")
        hint = nearest(*like) if like else ""
        self.append(f"{stated}.{hint}" + (f" {cure}" if cure else ""))
