"""The page that figures are laid out for: how wide, and whether title and caption stand in them.

One setting for all figures, so that none of them needs a width of its own:

>>> with laid_out(Page(width_of("column"), words=False)):
...     page().narrow
True
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from heor.errors import InputError

INCH = 25.4  # mm
UNITS = {"mm": 1.0, "cm": 10.0, "in": INCH}
#: Widths with a name, mm: one column of a journal, and two.
NAMED = {"column": 85.0, "page": 174.0}
LEAST, MOST = 80.0, 400.0  # mm: below, labels of 6 points no longer fit beside what they name
NARROW = 130.0  # mm: below, panels stand one below the other
WIDTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)")


@dataclass(frozen=True)
class Page:
    """How a figure is laid out.

    Attributes
    ----------
    width : float
        Inches; the text width of an A4 page unless said otherwise.
    words : bool
        Title above and caption below. Journals set their own, beside the figure.
    """

    width: float = 6.7
    words: bool = True

    @property
    def narrow(self) -> bool:
        """Whether panels stand one below the other."""
        return self.width * INCH < NARROW


A4 = Page()
_PAGE: ContextVar[Page] = ContextVar("page", default=A4)


def page() -> Page:
    """The page figures are laid out for now."""
    return _PAGE.get()


@contextmanager
def laid_out(own: Page) -> Iterator[Page]:
    """Figures drawn inside are laid out for this page."""
    token = _PAGE.set(own)
    try:
        yield own
    finally:
        _PAGE.reset(token)


def width_of(text: str) -> float:
    """A width in words, in inches.

    Raises
    ------
    InputError
        Neither a number with a unit nor a name, or a width that labels do not fit into.

    Examples
    --------
    >>> width_of("254 mm"), width_of("25,4cm"), round(width_of("column"), 3)
    (10.0, 10.0, 3.346)
    """
    words = text.strip().lower()
    found = WIDTH.fullmatch(words)
    if words in NAMED:
        millimetres = NAMED[words]
    elif found and found[2] in UNITS:
        millimetres = float(found[1].replace(",", ".")) * UNITS[found[2]]
    else:
        raise InputError(
            f"--width {text}: no width; write a number with mm, cm or in (85mm), or "
            "column (85 mm) or page (174 mm)."
        )
    if not LEAST <= round(millimetres, 3) <= MOST:
        raise InputError(
            f"--width {text}: {millimetres:g} mm; {LEAST:g} to {MOST:g} mm are possible, so that text "
            "of 6 points fits beside what it names. Take a width in that range."
        )
    return millimetres / INCH
