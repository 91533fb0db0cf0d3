"""Inline Markdown as runs of a Word paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from markdown_it.token import Token

from heor.report.word.styles import element

Inline = Sequence[Token]
#: What XML cannot hold.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: Before a hyphen that is no minus sign, besides letters and digits.
NO_MINUS = "_)]./-"
CODE, LINKED = "Code", "Hyperlink"  # identities of styles: python-docx looks up a name for long
WEB = ("https://", "http://", "mailto:")


def legal(text: str) -> str:
    """Text that XML can hold: what it cannot is shown as such.

    >>> legal("a\\x07b")
    'a\ufffdb'
    """
    return ILLEGAL.sub("\ufffd", text)


def typeset(text: str) -> str:
    """Minus signs as such: a line does not end between one and its number.

    >>> typeset("-0.01 on 2026-11-24, 2nd-line (-5)")
    '−0.01 on 2026-11-24, 2nd-line (−5)'
    """
    around = zip(" " + text, text, text[1:] + " ", strict=False)
    return "".join(
        "\N{MINUS SIGN}"
        if sign == "-" and after.isdigit() and not (before.isalnum() or before in NO_MINUS)
        else sign
        for before, sign, after in around
    )


def add_inline(document: WordDocument, paragraph: Paragraph, inline: Inline) -> None:
    """Inline tokens as runs: bold, italic, code, links to the web, line breaks."""
    bold = italic = 0
    target: Any = None  # the link that runs go into
    for token in inline:
        kind = token.type
        if kind in ("strong_open", "strong_close"):
            bold += 1 if kind == "strong_open" else -1
        elif kind in ("em_open", "em_close"):
            italic += 1 if kind == "em_open" else -1
        elif kind == "link_open":
            target = _link(document, paragraph, str(token.attrGet("href") or ""))
        elif kind == "link_close":
            target = None
        elif kind == "hardbreak":
            paragraph.add_run().add_break()
        else:
            text = " " if kind == "softbreak" else token.content
            if kind == "text" and target is None:
                text = typeset(text)
            run = _run(paragraph, legal(text), target)
            run.bold, run.italic = bold > 0 or None, italic > 0 or None
            if kind == "code_inline":
                run._r.style = CODE
            elif target is not None:
                run._r.style = LINKED


def _run(paragraph: Paragraph, text: str, target: Any) -> Run:
    run = paragraph.add_run(text)
    if target is not None:
        target.append(run._r)
    return run


def _link(document: WordDocument, paragraph: Paragraph, address: str) -> Any:
    """A link to the web; what points into a folder is left as words."""
    if not address.startswith(WEB):
        return None
    made = OxmlElement("w:hyperlink")
    identity = document.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    made.set(qn("r:id"), identity)
    paragraph._p.append(made)
    return made


def link_within(paragraph: Paragraph, text: str, bookmark: str) -> Run:
    """A link to a heading of the document."""
    made, run = element("hyperlink", anchor=bookmark, history="1"), paragraph.add_run(text)
    made.append(run._r)
    paragraph._p.append(made)
    return run


def add_bookmark(paragraph: Paragraph, name: str, number: int) -> None:
    """A name for this paragraph that links go to."""
    start = element("bookmarkStart", id=str(number), name=name)
    paragraph._p.insert(1 if paragraph._p.pPr is not None else 0, start)
    paragraph._p.append(element("bookmarkEnd", id=str(number)))
