"""Inline Markdown of the texts in blocks, parsed once for page and document."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


@functools.cache
def parser() -> MarkdownIt:
    """CommonMark; HTML in the text is shown as text."""
    return MarkdownIt("commonmark", {"html": False})


def inline_tokens(text: str) -> Sequence[Token]:
    """Emphasis, code, links and breaks of a text.

    >>> [token.type for token in inline_tokens("*a*")]
    ['em_open', 'text', 'em_close']
    """
    return parser().parseInline(text.strip())[0].children or []


def words_of(inline: Sequence[Token]) -> str:
    """The words of inline tokens, on one line."""
    return "".join(" " if t.type in ("softbreak", "hardbreak") else t.content for t in inline)


def without_markup(text: str) -> str:
    """A text without its Markdown, on one line.

    >>> without_markup("**Yes** & `no`")
    'Yes & no'
    """
    return " ".join(words_of(inline_tokens(text)).split())


def inline_html(text: str) -> Markup:
    """A text as HTML, escaped.

    >>> inline_html("**Yes** & `no`")
    Markup('<strong>Yes</strong> &amp; <code>no</code>')
    """
    found = parser()
    return Markup(found.renderer.renderInline(inline_tokens(text), found.options, {}))
