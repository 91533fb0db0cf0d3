"""The report's Markdown, parsed once for page and document."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from markdown_it import MarkdownIt

WORD = re.compile(r"[^\W\d_]{4}|^[^\W\d_]+$")  # 'per', 'to', 'at' and 'SE' stand between numbers


@functools.cache
def parser() -> MarkdownIt:
    """CommonMark with tables; HTML in the text is shown as text."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def are_words(cells: Sequence[str]) -> bool:
    """Whether a column holds words, not numbers: most of its cells that are not empty do.

    >>> are_words(["1,200 (SE 20)", "900", ""]), are_words(["assumption", "12"])
    (False, False)
    """
    filled = [text for text in cells if text]
    return 2 * sum(bool(WORD.search(text)) for text in filled) > len(filled)
