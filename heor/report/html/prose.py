"""Blocks as HTML: text escaped, tables with captions and headings of rows."""

from __future__ import annotations

from functools import singledispatch

from markupsafe import Markup, escape

from heor.report.format import blocks as b
from heor.report.format.inline import inline_html

TOP = 3  # level of a page's headings below those of its sections


def prose(blocks: b.Blocks, caption: str = "", top: int = TOP) -> Markup:
    """Blocks as HTML, safe to put into a page.

    Parameters
    ----------
    caption
        What its tables are about, for those who hear them.
    top
        Level of the first headings among the blocks.

    Examples
    --------
    >>> prose([b.Paragraph("Costs **less** than <script>")])
    Markup('<p>Costs <strong>less</strong> than &lt;script&gt;</p>\\n')
    """
    shown, number = Markup(""), 0
    for block in blocks:
        if isinstance(block, b.Table):
            number += 1
            shown += _table(block, f"{caption}, {number}" if number > 1 else caption)
        elif isinstance(block, b.Heading):
            level = min(top + block.level - 1, 6)
            shown += Markup(f"<h{level}>{{}}</h{level}>\n").format(inline_html(block.text))
        else:
            shown += _block(block)
    return shown


def parts_prose(parts: tuple[b.Part, ...], caption: str, top: int = TOP) -> Markup:
    """Sections inside one of the page's, each under its heading."""
    found: list[b.Block] = []
    for part in parts:
        found += [b.Heading(part.heading, 1)] if part.heading else []
        found += [
            b.Heading(x.text, x.level + 1) if isinstance(x, b.Heading) else x for x in part.blocks
        ]
    return prose(found, caption, top)


@singledispatch
def _block(block: b.Block) -> Markup:
    raise TypeError(f"no HTML of {block!r}")


@_block.register
def _(block: b.Paragraph) -> Markup:
    return _paragraph(block.text)


def _paragraph(text: str) -> Markup:
    return Markup("<p>{}</p>\n").format(inline_html(text))


@_block.register
def _(block: b.Bullets) -> Markup:
    return _list(block.items)


def _list(items: tuple[str, ...]) -> Markup:
    rows = Markup("").join(Markup("<li>{}</li>\n").format(inline_html(item)) for item in items)
    return Markup("<ul>\n{}</ul>\n").format(rows)


@_block.register
def _(block: b.Command) -> Markup:
    return _paragraph(f"`{block.text}`")


@_block.register
def _(block: b.Notice) -> Markup:
    inside = Markup("").join(map(_paragraph, block.paragraphs))
    inside += _list(block.items) if block.items else Markup("")
    return Markup("<blockquote>\n{}</blockquote>\n").format(inside)


def _table(block: b.Table, caption: str) -> Markup:
    """In a box that scrolls where the table is wider than the page; numbers flush right, words flush left."""
    classes = [
        "words" if b.are_words(column) else "left" if i < block.left else "right"
        for i, column in enumerate(_columns(block))
    ]
    head = Markup("").join(
        Markup('<th scope="col" class="{}">{}</th>\n').format(kind, inline_html(text))
        if text
        else Markup('<td class="{}"></td>\n').format(kind)  # an empty heading is none
        for kind, text in zip(classes, block.header, strict=True)
    )
    rows = Markup("").join(_row(cells, classes) for cells in block.cells)
    body = Markup("<tbody>\n{}</tbody>\n").format(rows) if block.cells else Markup("")
    return Markup(
        '<div class="scroll" role="group" tabindex="0" aria-label="{}"><table>'
        '<caption class="hidden">{}</caption>\n<thead>\n<tr>\n{}</tr>\n</thead>\n{}</table></div>'
    ).format(escape(caption), escape(caption), head, body)


def _columns(block: b.Table) -> list[list[str]]:
    return [[row[i] for row in block.cells] for i in range(len(block.header))]


def _row(cells: list[str], classes: list[str]) -> Markup:
    """The first cell of a row heads it."""
    first, *others = (
        Markup('<{} class="{}">{}</{}>\n').format(
            Markup("td" if i else 'th scope="row"'), kind, inline_html(cell), "td" if i else "th"
        )
        for i, (kind, cell) in enumerate(zip(classes, cells, strict=True))
    )
    return Markup("<tr>\n{}</tr>\n").format(Markup("").join([first, *others]))
