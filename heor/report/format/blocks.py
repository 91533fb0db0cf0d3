"""What reports are made of: blocks that Markdown, the page and the Word document each render.

Texts may hold inline Markdown: emphasis, code, links and hard line breaks. Nothing else of a block is Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

WORD = 4  # letters in a row; 'per', 'to', 'at' and 'SE' stand between numbers


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section.

    Attributes
    ----------
    level : int
        1 for the first level below the section's.
    """

    text: str
    level: int = 1


@dataclass(frozen=True)
class Bullets:
    """A list.

    Attributes
    ----------
    close : bool
        It continues the paragraph before it, with no space between them.
    """

    items: tuple[str, ...]
    close: bool = False


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    rows : DataFrame
        Of texts; its columns are the heading.
    left : int
        The first columns, which are flush left.
    subject : str
        What it shows, where the heading of its section does not say that; as within a sentence.
    """

    rows: pd.DataFrame
    left: int = 1
    subject: str = ""

    @property
    def header(self) -> list[str]:
        return [str(name) for name in self.rows.columns]

    @property
    def cells(self) -> list[list[str]]:
        return [[str(cell) for cell in row] for row in self.rows.to_numpy()]


@dataclass(frozen=True)
class Figure:
    """A figure of the folder.

    Attributes
    ----------
    name : str
        Of its file in `figures/`, without the suffix.
    label : str
        What it shows, for those who do not see it.
    """

    name: str
    label: str
    suffix: str = "svg"


@dataclass(frozen=True)
class Command:
    """What to type."""

    text: str


@dataclass(frozen=True)
class Notice:
    """What must be read first: paragraphs, then a list."""

    paragraphs: tuple[str, ...]
    items: tuple[str, ...] = ()


Block = Paragraph | Heading | Bullets | Table | Figure | Command | Notice
Blocks = Sequence[Block]


@dataclass(frozen=True)
class Part:
    """A section as it is in one document.

    Attributes
    ----------
    name : str
        Of the section in the outline.
    heading : str
        Empty where it continues the section before it.
    """

    name: str
    heading: str
    blocks: Blocks


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes
    ----------
    title, question : str
        The question may be empty.
    head : Blocks
        Between the question and the first section.
    above : Blocks
        The answer, where the document has it above its title.
    """

    title: str
    question: str
    head: Blocks
    parts: tuple[Part, ...]
    above: Blocks = ()


def paragraphs(*texts: str) -> list[Block]:
    """A paragraph for each text that is not empty.

    >>> paragraphs("Yes.", "")
    [Paragraph(text='Yes.')]
    """
    return [Paragraph(text) for text in texts if text]


def bullets(items: Iterable[str], close: bool = False) -> list[Block]:
    """A list, where there is anything to list.

    >>> bullets([])
    []
    """
    found = tuple(items)
    return [Bullets(found, close)] if found else []


def table(rows: pd.DataFrame, left: int = 1, subject: str = "") -> list[Block]:
    """A table; also an empty one is shown, with its heading."""
    return [Table(rows, left, subject)]


def strong_lines(lines: Iterable[str]) -> Paragraph:
    """Lines below each other, in bold.

    >>> strong_lines(["One.", "Two."]).text
    '**One.**  \\n**Two.**'
    """
    return Paragraph("  \n".join(f"**{line}**" for line in lines))


def figures(names: Iterable[str], suffix: str = "svg") -> list[Block]:
    """Figures that are called what they show."""
    return [Figure(name, name.replace("_", " "), suffix) for name in names]


def are_words(cells: Sequence[str]) -> bool:
    """Whether a column holds words, not numbers: most of its cells that are not empty do.

    >>> are_words(["1,200 (SE 20)", "900", ""]), are_words(["assumption", "12"])
    (False, False)
    """
    filled = [text for text in cells if text]
    return 2 * sum(map(_is_word, filled)) > len(filled)


def _is_word(text: str) -> bool:
    """Letters only, or enough of them in a row."""
    if text.isalpha():
        return True
    return any(letters and len(list(run)) >= WORD for letters, run in groupby(text, str.isalpha))
