"""Blocks of Markdown as paragraphs, headings, lists, notices and captioned tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from docx.document import Document as WordDocument
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from markdown_it.token import Token

from heor.report.parsing import parser
from heor.report.word import styles, tables
from heor.report.word.text import Inline, add_bookmark, add_inline, legal, link_within, plain

LEAD = re.compile(r"([A-Z][^.:(]{3,80}):\s")  # what the paragraph before a table is about


@dataclass
class Writer:
    """Writes Markdown to the end of a document, counting tables, figures and headings as it goes.

    Attributes
    ----------
    words : dict
        `table`, `figure` and other words in the language of the headings.
    headings : dict
        Heading in English → in that language.
    after : function
        Called with a heading of the first level, in English, when what stands under it is written.
    landscape : bool
        Whether all tables stand on the long side of the paper.
    """

    document: WordDocument
    words: Mapping[str, str]
    headings: Mapping[str, str]
    after: Callable[[str], None] = lambda heading: None
    landscape: bool = False
    contents: list[tuple[str, str, bool]] = field(default_factory=list)
    captions: dict[str, int] = field(default_factory=dict)
    tables: int = 0
    figures: int = 0
    bookmarks: int = 0
    _section: str = ""
    _heading: str = ""
    _lead: str = ""

    def write(self, markdown: str, deeper: int = -1) -> None:
        """Write text; headings are moved by `deeper` levels, so that `##` is the first by default."""
        tokens = parser().parse(markdown)
        place = 0
        while place < len(tokens):
            token = tokens[place]
            end = place + 1
            if token.type == "heading_open":
                self.heading(tokens[place + 1].children or [], int(token.tag[1]) + deeper)
                end = place + 3
            elif token.type == "table_open":
                end = _end(tokens, place, "table_close")
                self.table(tables.cells_of(tokens[place:end]))
            elif token.type == "bullet_list_open":
                end = _end(tokens, place, "bullet_list_close")
                self._list(tokens[place:end])
            elif token.type == "blockquote_open":
                end = _end(tokens, place, "blockquote_close")
                self._notice(tokens[place:end])
            elif token.type == "inline":
                self.paragraph(token.children or [])
            place = end
        self._close()

    def _close(self) -> None:
        """What belongs under the section now ending."""
        ended, self._section = self._section, ""
        if ended:
            self.after(ended)

    def heading(self, inline: Inline, level: int) -> Paragraph:
        """A heading of the report, in the language of the headings where there is a word for it."""
        text = plain(inline)
        if level <= 1:
            self._close()
            self._section = text
            styles.turn(self.document, self.landscape)
        self._heading, self._lead = text, ""
        shown = self.headings.get(text, text)
        return self.add_heading(shown, level, english=text not in self.headings)

    def add_heading(self, text: str, level: int, english: bool = False) -> Paragraph:
        """A real heading, with a name that the contents link to."""
        paragraph = self.document.add_paragraph(style=f"Heading {max(level, 1)}")
        self._words(paragraph, text, english)
        self.bookmarks += 1
        name = f"_Toc{self.bookmarks:06d}"
        add_bookmark(paragraph, name, self.bookmarks)
        if level <= 1:
            self.contents.append((name, legal(text), english))
        return paragraph

    def _words(self, paragraph: Paragraph, text: str, english: bool) -> None:
        """Words of a style that has the language of the headings; English is marked as such."""
        run = paragraph.add_run(legal(text))
        if english:
            self._in_english(run)

    def _in_english(self, run: Run) -> None:
        if self.words["language"] != "en":
            lang = styles.element("lang", val=styles.LANGUAGES["en"])
            run._r.get_or_add_rPr().append(lang)

    def paragraph(self, inline: Inline) -> None:
        styles.turn(self.document, self.landscape)
        add_inline(self.document, self.document.add_paragraph(), inline)
        self._lead = plain(inline)

    def _list(self, tokens: Sequence[Token]) -> None:
        styles.turn(self.document, self.landscape)
        for token in tokens:
            if token.type == "inline":
                paragraph = self.document.add_paragraph(style="List Bullet")
                add_inline(self.document, paragraph, token.children or [])
        self._lead = ""

    def _notice(self, tokens: Sequence[Token]) -> None:
        """A quotation of the report is what must be read first."""
        styles.turn(self.document, self.landscape)
        inside = 0
        for token in tokens:
            inside += {"bullet_list_open": 1, "bullet_list_close": -1}.get(token.type, 0)
            if token.type == "inline":
                paragraph = self.document.add_paragraph(style="Notice")
                if inside:
                    paragraph.add_run("– ")
                add_inline(self.document, paragraph, token.children or [])
        self._lead = ""

    def table(self, cells: tables.Cells) -> None:
        """A table under its caption, on the long side of the paper where it needs that."""
        heading, lead = self._caption_of_table()
        caption = heading + lead
        wide = self.landscape or tables.is_wide(cells.widths)
        if self._lead:  # what announces it does not stay behind
            self.document.paragraphs[-1].paragraph_format.keep_with_next = True
        styles.turn(self.document, wide)
        self.tables += 1
        paragraph = self._caption(self.words["table"], self.tables)
        known = {*self.headings, *self.words.values()}
        self._words(paragraph, heading, english=self._heading not in known)
        if lead:
            self._words(paragraph, lead, english=True)
        paragraph.paragraph_format.keep_with_next = True
        tables.add_table(self.document, cells, legal(caption), wide)
        space = self.document.add_paragraph()
        space.paragraph_format.space_after = Pt(4)
        space.paragraph_format.line_spacing = Pt(4)
        self._lead = ""

    def _caption_of_table(self) -> tuple[str, str]:
        """The heading it stands under, and what the sentence before it announces."""
        lead = ""
        if self._lead.endswith(":"):
            last = re.split(r"(?<=\.)\s", self._lead)[-1].rstrip(":")
            lead = re.sub(r"\s*\([^()]*\)$", "", last)
        elif found := LEAD.match(self._lead):
            lead = found[1]
        shown = self.headings.get(self._heading, self._heading)
        if lead[1:2].islower():  # a word, not an abbreviation
            lead = lead[0].lower() + lead[1:]
        lead = f": {lead}" if lead else ""
        again = self.captions[shown + lead] = self.captions.get(shown + lead, 0) + 1
        return shown, f"{lead} ({again})" if again > 1 else lead

    def _caption(self, word: str, number: int) -> Paragraph:
        paragraph = self.document.add_paragraph(style="Caption")
        paragraph.add_run(f"{word} ")
        styles.field(paragraph, f"SEQ {word} \\* ARABIC", str(number))
        paragraph.add_run(". ")
        return paragraph

    def figure(
        self,
        image: BinaryIO,
        size: tuple[float, float],
        label: str,
        caption: str,
        english: bool = False,
    ) -> None:
        """A picture with its label and its caption below, which are also for those who do not see it."""
        styles.turn(self.document, self.landscape)
        paragraph = self.document.add_paragraph(style="Picture")
        paragraph.paragraph_format.keep_with_next = True
        picture = paragraph.add_run().add_picture(image, *map(Mm, size))
        self.figures += 1
        properties = picture._inline.docPr
        properties.set("name", f"{self.words['figure']} {self.figures}")
        properties.set("title", legal(label))
        properties.set("descr", legal(f"{label}. {caption}".strip()))
        below = self._caption(self.words["figure"], self.figures)
        self._words(below, f"{label}.", english)
        if caption:
            run = below.add_run(f" {legal(caption)}")
            run.bold = False
            self._in_english(run)

    def write_contents(self, before: Paragraph) -> None:
        """The headings of the first level, linked, before a paragraph written earlier."""
        first = last = None
        for name, text, english in self.contents:
            paragraph = before.insert_paragraph_before(style="Contents")
            run = link_within(paragraph, text, name)
            if english:
                self._in_english(run)
            first, last = first or paragraph, paragraph
        if first is not None and last is not None:
            styles.span_field(first, last, 'TOC \\o "1-1" \\n \\h \\z')


def _end(tokens: Sequence[Token], start: int, kind: str) -> int:
    """Behind the token that closes the one at `start`."""
    level = tokens[start].level
    return next(
        i + 1
        for i in range(start, len(tokens))
        if tokens[i].type == kind and tokens[i].level == level
    )
