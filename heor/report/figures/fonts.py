"""Fonts for letters that the font of the figures lacks: labels may be in any script.

A text of ordinary letters keeps the one font that comes with Matplotlib, so that figures are the same
wherever they are drawn. Another borrows from what is installed; a letter nobody has is a box.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from matplotlib import font_manager
from matplotlib.text import Text

FONT = "DejaVu Sans"  # comes with Matplotlib
#: Of many scripts, by what systems come with; the last is Matplotlib's own and has a box for everything.
LENDERS = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans Symbols",
    "Noto Sans Symbols 2",
    "Noto Emoji",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Segoe UI Symbol",
    "Segoe UI Emoji",
    "PingFang SC",
    "Hiragino Sans",
    "Apple Symbols",
    "WenQuanYi Zen Hei",
    "Symbola",
    "FreeSans",
    "Last Resort High-Efficiency",
)


@functools.cache
def families() -> tuple[str, ...]:
    """The font of the figures, then those installed that may lend it letters."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return (FONT, *(name for name in LENDERS if name in installed))


@functools.cache
def _letters() -> frozenset[int]:
    return frozenset(font_manager.get_font(font_manager.findfont(FONT)).get_charmap())


def lacks(words: str) -> bool:
    """Whether the font of the figures lacks a letter of these words.

    >>> lacks("Vård före år 2030, ≥ 70 %"), lacks("手術")
    (False, True)
    """
    return any(ord(letter) not in _letters() for letter in words if letter.isprintable())


def lend_letters(texts: Iterable[Text]) -> None:
    """Give the texts that need it the fonts that have their letters."""
    for text in texts:
        if lacks(text.get_text()):
            text.set_fontfamily(list(families()))
