"""Headings, axis labels and words of the controls, by language."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from heor.errors import InputError


@functools.cache
def _all() -> dict[str, dict[str, Any]]:
    text = (resources.files(__package__) / "labels.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def labels(language: str) -> dict[str, Any]:
    """Words by key, and by section and key.

    Raises
    ------
    InputError
        A language the page has no words in.

    Examples
    --------
    >>> labels("nb")["sections"]["answer"]
    'Svaret'
    """
    if language not in _all():
        raise InputError(
            f"language: '{language}' is not one of {', '.join(_all())}. Choose one of these."
        )
    return _all()[language]
