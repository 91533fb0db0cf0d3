"""Blocks as paragraphs, headings, lists, notices and captioned tables of a Word document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from docx.document import Document as WordDocument
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from heor.report.format import blocks as b
from heor.report.format.inline import inline_tokens, words_of
from heor.report.word import styles, tables
from heor.report.word.text import Inline, add_bookmark, add_inline, legal, link_within


@dataclass
class Writer:
    """Writes blocks to the end of a document, counting tables, figures and headings as it goes.

    Attributes
    ----------
    words : dict
        `table`, `figure` and other words in the language of the headings.
    headings : dict
        Name of a section → its heading in that language.
    after : function
        Called with the name of a section of the first level when what stands under it is written.
    places : dict
        File of the run's folder → where the document has what it holds.
    landscape : bool
        Whether all tables stand on the long side of the paper.
    """

    document: WordDocument
    words: Mapping[str, str]
    headings: Mapping[str, str]
    after: Callable[[str], None] = lambda name: None
    places: Mapping[str, str] = field(default_factory=dict)
    landscape: bool = False
    contents: list[tuple[str, str, bool]] = field(default_factory=list)
    captions: dict[str, int] = field(default_factory=dict)
    tables: int = 0
    figures: int = 0
    bookmarks: int = 0
    _section: str = ""
    _heading: str = ""
    _english_heading: bool = False
    _announced: bool = False

    def section(self, part: b.Part, level: int = 1) -> None:
        """A section under its heading; one without continues the section before it."""
        if part.heading:
            self.heading(part.name, part.heading, level)
        self.write(part.blocks, level)

    def write(self, blocks: b.Blocks, level: int = 1) -> None:
        """Blocks of a section whose heading is of this level."""
        for block in blocks:
            if isinstance(block, b.Heading):
                self.heading("", block.text, level + block.level)
            elif isinstance(block, b.Table):
                self.table(block)
            elif isinstance(block, b.Bullets):
                self._list(block.items)
            elif isinstance(block, b.Notice):
                self._notice(block)
            elif isinstance(block, b.Command):
                self.paragraph(f"`{block.text}`")
            elif isinstance(block, b.Paragraph):
                self.paragraph(block.text)

    def close(self) -> None:
        """What belongs under the section now ending."""
        ended, self._section = self._section, ""
        if ended:
            self.after(ended)

    def heading(self, name: str, text: str, level: int = 1) -> Paragraph:
        """A heading of the report, in the language of the headings where there is a word for it."""
        if level <= 1:
            self.close()
            self._section = name
            styles.turn(self.document, self.landscape)
        shown = self.headings.get(name, words_of(inline_tokens(text)))
        self._heading, self._announced = shown, False
        self._english_heading = name not in self.headings
        return self.add_heading(shown, level, english=name not in self.headings)

    def caption_heading(self, text: str) -> None:
        """What captions of tables start with, where the heading above them has more."""
        self._heading, self._english_heading = text, text not in self.words.values()

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

    def _inline(self, text: str) -> Inline:
        """A text's tokens; what points into the run's folder points into the document."""
        for file, here in self.places.items():
            for written in (f"[`{file}`]({file})", f"`{file}`", file):
                text = text.replace(written, here)
        return inline_tokens(text)

    def paragraph(self, text: str) -> None:
        styles.turn(self.document, self.landscape)
        add_inline(self.document, self.document.add_paragraph(), self._inline(text))
        self._announced = True

    def _list(self, items: Sequence[str]) -> None:
        styles.turn(self.document, self.landscape)
        for item in items:
            paragraph = self.document.add_paragraph(style="List Bullet")
            add_inline(self.document, paragraph, self._inline(item))
        self._announced = False

    def _notice(self, block: b.Notice) -> None:
        """What must be read first."""
        styles.turn(self.document, self.landscape)
        for text in (*block.paragraphs, *block.items):
            paragraph = self.document.add_paragraph(style="Notice")
            if text in block.items:
                paragraph.add_run("– ")
            add_inline(self.document, paragraph, self._inline(text))
        self._announced = False

    def table(self, block: b.Table) -> None:
        """A table under its caption, on the long side of the paper where it needs that."""
        cells = tables.Cells(
            [[self._inline(t) for t in row] for row in (block.header, *block.cells)]
        )
        heading, subject = self._heading, self._subject(block)
        wide = self.landscape or tables.is_wide(cells.widths)
        if self._announced:  # what announces it does not stay behind
            self.document.paragraphs[-1].paragraph_format.keep_with_next = True
        styles.turn(self.document, wide)
        self.tables += 1
        paragraph = self._caption(self.words["table"], self.tables)
        self._words(paragraph, heading, english=self._english_heading)
        if subject:
            self._words(paragraph, subject, english=True)
        paragraph.paragraph_format.keep_with_next = True
        tables.add_table(self.document, cells, legal(heading + subject), wide)
        space = self.document.add_paragraph()
        space.paragraph_format.space_after = Pt(4)
        space.paragraph_format.line_spacing = Pt(4)
        self._announced = False

    def _subject(self, block: b.Table) -> str:
        """What follows the heading in a caption, so that no two are alike."""
        subject = f": {block.subject}" if block.subject else ""
        whole = self._heading + subject
        again = self.captions[whole] = self.captions.get(whole, 0) + 1
        return f"{subject} ({again})" if again > 1 else subject

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
