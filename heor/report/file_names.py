"""Names of files made of names in the inputs or in saved results."""

from __future__ import annotations

import re

from heor.errors import InputError

#: One part of a path, at most 150 characters: no separator, no drive, no leading dot.
ALLOWED = re.compile(r"[A-Za-z0-9_][\w .,()+-]{0,149}")


def in_folder(name: str) -> str:
    """`name`, when a file of that name lies in the folder it is written to.

    >>> in_folder("what_if_price")
    'what_if_price'

    Raises
    ------
    InputError
        The name would lead elsewhere, or is no name of a file on every system.
    """
    if not ALLOWED.fullmatch(name):
        raise InputError(
            f"{name[:100]!r}: a file cannot have this name; letters, digits, '_', '-' and spaces are "
            "allowed, 150 at most. Results that name their tables or figures so were changed by hand: make "
            "them again."
        )
    return name
