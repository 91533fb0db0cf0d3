"""What a run says on one item of the checklist."""

from __future__ import annotations

from dataclasses import dataclass

REPORTED, PARTLY, MISSING = "reported", "partly", "Not reported"
NOT_APPLICABLE = "Not applicable"
STATUSES = (REPORTED, PARTLY, MISSING, NOT_APPLICABLE)
SLOTS = "inputs/model/study.yaml"


@dataclass(frozen=True)
class Answer:
    """Words, where they stand (headings of report.md, or files of the run), and a status."""

    text: str
    where: tuple[str, ...] = ()
    status: str = REPORTED


def with_authors(
    own: str, stated: str, slot: str, where: tuple[str, ...] = (), missing: str = ""
) -> Answer:
    """What the run says, and what its authors state in a slot of study.yaml.

    Without their statement an item the run speaks to is partly reported; one that only authors can
    know is not reported, unless they say that it does not apply.

    Parameters
    ----------
    own
        What the run says; empty where only authors can know.
    stated, slot
        The authors' statement and its name in study.yaml.
    missing
        What is missing without it, where `own` does not make that plain.

    Examples
    --------
    >>> with_authors("", "", "funding").status
    'Not reported'
    >>> with_authors("", "Not applicable: no one paid.", "funding").status
    'Not applicable'
    """
    if stated.lower().startswith(NOT_APPLICABLE.lower()):
        return Answer(f"{own} {stated}".strip(), where, NOT_APPLICABLE if not own else REPORTED)
    if stated:
        return Answer(f"{own} {stated}".strip(), where)
    if not own:
        return Answer(f"For the authors to state: {in_file(slot)}.", (), MISSING)
    return Answer(f"{own} To add: {missing} ({in_file(slot)}).", where, PARTLY)


def in_file(slot: str) -> str:
    """Where authors write a statement."""
    return f"`{slot}` in `{SLOTS}`"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
