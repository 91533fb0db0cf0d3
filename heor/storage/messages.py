"""What is said of files that were there, and of what the system says."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

from heor.errors import HeorWarning
from heor.storage.journal import STAGING, Journal

SHOWN = 5  # names in a warning


def tell(journal: Journal) -> None:
    """Say what happened to files that were there."""
    folder, notes = journal.folder, journal.notes
    kept = {name: to for name, to in notes.kept.items() if not journal.earlier}
    if journal.earlier and notes.kept:
        say(
            f"{folder}: an earlier version of heor wrote it and listed no files; those with the names of "
            f"new ones ({listed(list(notes.kept))}) are kept in '{journal.earlier}'."
        )
    for words, names in (
        ("changed since heor wrote it", [n for n in kept if n in journal.before]),
        ("not written by heor", [n for n in kept if n not in journal.before]),
    ):
        if names:
            moved = listed([f"{name} as '{Path(kept[name]).name}'" for name in names])
            say(f"{folder}: kept under another name, because {words}: {moved}.")
    if notes.stays:
        say(
            f"{folder}: left in place, with the earlier results, because changed since heor wrote it: "
            f"{listed(notes.stays)}."
        )
    if notes.gone:
        tops = Counter(name.split("/")[0] for name in notes.gone)
        shown = [n for n in notes.gone if tops[n.split("/")[0]] == 1]
        shown += [f"{number} files of {top}" for top, number in tops.items() if number > 1]
        say(
            f"{folder}: removed with the earlier results, unchanged since heor wrote it: {listed(shown)}."
        )


def listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def why(error: Exception) -> str:
    """What the system says, and the file it says it of."""
    words = getattr(error, "strerror", None) or str(error)
    path = getattr(error, "filename", None)
    if not isinstance(path, str):
        return words
    parts = Path(path).parts
    if STAGING in parts:
        parts = parts[parts.index(STAGING) + 2 :]
    return f"{words}: {Path(*parts[-2:])}" if parts else words


def say(text: str) -> None:
    warnings.warn(text, HeorWarning, stacklevel=3)
