"""Headings, axis labels and words of the controls, by language."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from heor.errors import InputError


@functools.cache
def _all(package: str) -> dict[str, dict[str, Any]]:
    text = (resources.files(package) / "labels.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def labels(language: str, package: str = "heor.report.html") -> dict[str, Any]:
    """Words by key, and by section and key: of the page, or of what another package makes.

    Raises
    ------
    InputError
        A language the page has no words in.

    Examples
    --------
    >>> labels("nb")["sections"]["answer"]
    'Svaret'
    """
    known = _all(package)
    if language not in known:
        raise InputError(
            f"language: '{language}' is not one of {', '.join(known)}. Choose one of these."
        )
    return known[language]
