"""Tables as Word has them: a repeated heading row, rules instead of boxes, widths that fit the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docx.document import Document as WordDocument
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from markdown_it.token import Token

from heor.report.format.blocks import are_words
from heor.report.format.inline import words_of
from heor.report.word.styles import RULE, element, text_width
from heor.report.word.text import Inline, add_inline

TEXT = 8.5  # points
PADDING = 2.6  # mm of a cell's margins together
WIDEST = 70.0  # mm of text in a line; a longer one asks for a quarter of what is beyond
CELL = "TableText"  # identity of the style
SMALL = 7.0  # points, where even the long side of the paper is too narrow
KEPT = 14  # rows of a table that is not torn over two pages
#: Width of Arial's letters in ems: what is not here is of the last.
LETTERS = (
    (0.28, frozenset("ijl.,;:'|!/ tfI")),
    (0.36, frozenset('()[]-r"`')),
    (0.86, frozenset("mwMW%@")),
    (0.70, frozenset("ABCDEFGHKNOPQRSTUVXYZÆØÅ&+=<>")),
)
OTHERS, BOLD = 0.56, 1.08


@dataclass(frozen=True)
class Cells:
    """A table: inline tokens by row and column, the heading first."""

    rows: Sequence[Sequence[Inline]]

    @property
    def texts(self) -> list[list[str]]:
        """Their words."""
        return [[words_of(cell) for cell in row] for row in self.rows]

    @property
    def widths(self) -> list[list[str]]:
        """Texts as wide as theirs: code is set in wider letters."""
        return [["".join(map(_as_wide, cell)) for cell in row] for row in self.rows]


def _as_wide(token: Token) -> str:
    if token.type != "code_inline":
        return words_of([token])
    return " ".join("n" * round(1.1 * len(word)) for word in token.content.split(" "))


def widths(texts: Sequence[Sequence[str]], width: float) -> list[float]:
    """Width of each column, mm: as its words ask, and never less than its longest word where that fits.

    Examples
    --------
    >>> widths([["a", "b"], ["word", "word"]], 100.0)
    [50.0, 50.0]
    """
    least, asked = needed(texts)
    if sum(asked) <= width:
        return [a * width / sum(asked) for a in asked]
    if sum(least) >= width:
        return [n * width / sum(least) for n in least]
    spare = (width - sum(least)) / (sum(asked) - sum(least))
    return [n + (a - n) * spare for n, a in zip(least, asked, strict=True)]


def needed(texts: Sequence[Sequence[str]]) -> tuple[list[float], list[float]]:
    """Of each column, mm: the least its longest word needs, and what its cells ask for."""
    least, asked = [], []
    for column in zip(*texts, strict=True):
        heading, *body = ([length(word) for word in text.split() or [""]] for text in column)
        longest = max(BOLD * max(heading), *map(max, body), 0.0)
        whole = max(*map(length, column[1:]), length(column[0]) / 2)  # a heading may wrap
        beyond = max(whole - WIDEST, 0.0)
        least.append(min(longest, WIDEST) + PADDING)
        asked.append(max(min(whole, WIDEST) + beyond / 4 + PADDING, least[-1]))
    return least, asked


def length(text: str) -> float:
    """How wide a text is on one line, mm.

    >>> length("mm") > length("aa") > length("ii")
    True
    """
    ems = sum(next((w for w, letters in LETTERS if c in letters), OTHERS) for c in text)
    return ems * TEXT * 25.4 / 72


def is_wide(texts: Sequence[Sequence[str]]) -> bool:
    """Whether a table needs the long side of the paper."""
    least, _ = needed(texts)
    return sum(least) > text_width(landscape=False)


def add_table(document: WordDocument, cells: Cells, caption: str, landscape: bool) -> Any:
    """The table, for an eye and an ear: heading row and first column are marked as such."""
    texts, width = cells.texts, text_width(landscape)
    columns = widths(cells.widths, width)
    small = sum(needed(cells.widths)[0]) > width
    table = document.add_table(len(texts), len(columns))
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    _properties(table, caption, columns)
    last = len(texts) - 1 if len(texts) <= KEPT else 2  # rows that stand with the next
    left = [i == 0 or are_words([row[i] for row in texts[1:]]) for i in range(len(columns))]
    made = list(table.rows)
    for number, row in enumerate(cells.rows):
        row_cells = made[number].cells
        _row(made[number], row_cells, heading=number == 0)
        for i, (inline, cell) in enumerate(zip(row, row_cells, strict=True)):
            cell.width = Mm(columns[i])
            paragraph = cell.paragraphs[0]
            paragraph._p.style = CELL
            align = WD_ALIGN_PARAGRAPH.LEFT if left[i] else WD_ALIGN_PARAGRAPH.RIGHT
            paragraph.alignment = align
            paragraph.paragraph_format.keep_with_next = number < last
            _write(document, paragraph, inline, heading=number == 0, small=small)
            if not left[i]:
                _keep_ranges(paragraph)
    return table


def _keep_ranges(paragraph: Paragraph) -> None:
    """A range of numbers stays on one line."""
    for run in paragraph.runs:
        run.text = _ranges(run.text)


def _write(
    document: WordDocument, paragraph: Paragraph, inline: Inline, heading: bool, small: bool
) -> None:
    add_inline(document, paragraph, inline)
    for run in paragraph.runs:
        if heading:
            run.bold = True
        if small:
            run.font.size = Pt(SMALL)


def _properties(table: Any, caption: str, columns: Sequence[float]) -> None:
    """Rules, margins, fixed widths, and words for those who do not see it."""
    properties = table._tbl.tblPr
    for name in ("tblW", "tblLook", "tblLayout"):
        for found in properties.findall(qn(f"w:{name}")):
            properties.remove(found)
    twips = [round(w * 56.6929) for w in columns]
    total = element("tblW", w=str(sum(twips)), type="dxa")
    borders = element("tblBorders")
    for side in ("top", "bottom"):
        borders.append(element(side, val="single", sz="8", space="0", color="222222"))
    borders.append(element("insideH", val="single", sz="4", space="0", color=RULE))
    margins = element("tblCellMar")
    for side in ("left", "right"):
        margins.append(element(side, w=str(round(PADDING / 2 * 56.6929)), type="dxa"))
    # the order of the schema
    for part in (
        total,
        borders,
        element("tblLayout", type="fixed"),
        margins,
        element("tblLook", val="04A0", firstRow="1", firstColumn="1", noHBand="1", noVBand="1"),
        element("tblCaption", val=caption),
    ):
        properties.append(part)
    justified = properties.find(qn("w:jc"))
    if justified is not None:
        total.addnext(justified)
    for column, w in zip(table._tbl.tblGrid.findall(qn("w:gridCol")), twips, strict=True):
        column.set(qn("w:w"), str(w))


def _row(row: Any, cells: Sequence[Any], heading: bool) -> None:
    """No row is torn in two; the heading stands again on every page."""
    properties = row._tr.get_or_add_trPr()
    properties.append(element("cantSplit"))
    if heading:
        properties.append(element("tblHeader"))
        for cell in cells:
            shade = element("shd", val="clear", color="auto", fill="F0F0F0")
            cell._tc.get_or_add_tcPr().append(shade)


def _ranges(text: str) -> str:
    """Hyphens between digits as such that no line ends at."""
    around = zip(" " + text, text, text[1:] + " ", strict=False)
    return "".join(
        "\N{NON-BREAKING HYPHEN}" if sign == "-" and before.isdigit() and after.isdigit() else sign
        for before, sign, after in around
    )
