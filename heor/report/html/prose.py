"""The report's Markdown as HTML: text escaped, tables with captions and headings of rows."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it.token import Token
from markupsafe import Markup, escape

from heor.report.parsing import are_words, parser

LEFT = "text-align:left"


def prose(markdown: str, caption: str = "", deeper: int = 0) -> Markup:
    """Markdown as HTML, safe to put into a page.

    Parameters
    ----------
    caption
        What its tables are about, for those who hear them.
    deeper
        Levels by which headings are moved down.

    Examples
    --------
    >>> prose("Costs **less** than <script>")
    Markup('<p>Costs <strong>less</strong> than &lt;script&gt;</p>\\n')
    """
    tokens = parser().parse(markdown)
    shown: list[Token] = []
    number = 0
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + deeper, 6)}"
        if token.type == "table_open":
            number += 1
            shown.append(_raw(_table_start(caption, number)))
        elif token.type == "table_close":
            shown.append(_raw("</table></div>"))
        else:
            shown.append(token)
    _head_cells(shown)
    _align_by_content(shown)
    return Markup(parser().renderer.render(shown, parser().options, {}))


def _raw(html: str) -> Token:
    token = Token("html_block", "", 0)
    token.content = html
    return token


def _table_start(caption: str, number: int) -> str:
    """A box that scrolls where the table is wider than the page, and the caption."""
    words = escape(f"{caption}, {number}" if number > 1 else caption)
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{words}"><table>'
        f'<caption class="hidden">{words}</caption>\n'
    )


def _head_cells(tokens: Sequence[Token]) -> None:
    """Scopes of heading cells; the first cell of a row heads it; an empty heading is none."""
    in_body, first = False, False
    for i, token in enumerate(tokens):
        if token.type in ("tbody_open", "tbody_close"):
            in_body = token.type == "tbody_open"
        elif token.type == "tr_open":
            first = True
        elif token.type == "th_open":
            if tokens[i + 1].content:
                token.attrSet("scope", "col")
            else:
                token.tag = tokens[i + 2].tag = "td"
            first = False
        elif token.type == "td_open" and in_body and first:
            token.attrSet("scope", "row")
            token.tag = tokens[i + 2].tag = "th"
            first = False


def _align_by_content(tokens: Sequence[Token]) -> None:
    """Numbers flush right, words flush left, whole columns at a time."""
    column, cells = 0, {}
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            column = 0
        elif token.type in ("th_open", "td_open"):
            cells.setdefault(column, []).append((token, tokens[i + 1].content))
            column += 1
        elif token.type == "html_block":  # a table starts or ends
            for own in cells.values():
                _align(own)
            cells = {}


def _align(cells: Sequence[tuple[Token, str]]) -> None:
    has_words = are_words([text for token, text in cells if token.type == "td_open"])
    wanted_left = cells[0][0].attrGet("style") == LEFT
    for token, _ in cells:
        token.attrs.pop("style", None)
        token.attrSet("class", "words" if has_words else "left" if wanted_left else "right")


def without_heading(markdown: str) -> str:
    """A section's text without its own heading, which the page writes.

    >>> without_heading("## The answer\\n\\nYes.")
    'Yes.'
    """
    first, _, rest = markdown.partition("\n")
    return rest.lstrip() if first.startswith("#") else markdown
