"""Documents as Markdown."""

from __future__ import annotations

from functools import singledispatch

from heor.report.format import blocks as b
from heor.report.format import words


def markdown(document: b.Document) -> str:
    """A whole document.

    >>> from heor.report.format.blocks import Document, Paragraph, Part
    >>> markdown(Document("Two ways", "Which?", (), (Part("answer", "The answer", [Paragraph("This.")]),)))
    '# Two ways\\n\\nWhich?\\n\\n## The answer\\n\\nThis.\\n'
    """
    shown = [text(document.above), f"# {document.title}", document.question, text(document.head)]
    for part in document.parts:
        shown += [f"## {part.heading}" if part.heading else "", text(part.blocks)]
    return "\n\n".join(found for found in shown if found) + "\n"


def text(blocks: b.Blocks) -> str:
    """Blocks below each other."""
    shown = ""
    for block in blocks:
        between = "\n" if isinstance(block, b.Bullets) and block.close else "\n\n"
        shown += (between if shown else "") + _block(block)
    return shown


@singledispatch
def _block(block: b.Block) -> str:
    raise TypeError(f"no block: {block!r}")


@_block.register
def _(block: b.Paragraph) -> str:
    return block.text


@_block.register
def _(block: b.Heading) -> str:
    return f"{'#' * (block.level + 2)} {block.text}"


@_block.register
def _(block: b.Bullets) -> str:
    return "\n".join(f"- {item}" for item in block.items)


@_block.register
def _(block: b.Table) -> str:
    return words.table(block.rows, block.left)


@_block.register
def _(block: b.Figure) -> str:
    return f"![{block.label}](figures/{block.name}.{block.suffix})"


@_block.register
def _(block: b.Command) -> str:
    return f"`{block.text}`"


@_block.register
def _(block: b.Notice) -> str:
    shown = "\n>\n".join(f"> {paragraph}" for paragraph in block.paragraphs)
    return shown + ("\n>" if block.items else "") + "".join(f"\n> - {i}" for i in block.items)
