"""Paper, type and language of the document, and the fields Word counts with."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.section import Section
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

PAPER = (210, 297)  # A4, mm
MARGIN = 20  # mm
FONT, CODE_FONT = "Arial", "Courier New"  # on every machine, or a font of the same widths
INK, LINK = RGBColor(0x22, 0x22, 0x22), RGBColor(0x00, 0x4C, 0x8C)
RULE = "BFBFBF"
LANGUAGES = {"en": "en-GB", "nb": "nb-NO"}
BODY = 9.5  # points
#: Style → size in points, space before and after, bold.
STYLES = {
    "Title": (18, 0, 4, True),
    "Subtitle": (11, 0, 6, False),
    "Heading 1": (14, 18, 4, True),
    "Heading 2": (11.5, 12, 3, True),
    "Heading 3": (10.5, 10, 2, True),
    "Caption": (9, 8, 3, True),
    "List Bullet": (BODY, 0, 2, False),
    "Footer": (8, 0, 0, False),
}
OWN_STYLES = {
    "Table Text": (8.5, 1, 1, False),
    "Contents": (9, 0, 1, False),
    "Notice": (BODY, 2, 2, False),
    "Picture": (BODY, 8, 2, False),
}
IN_OTHER_LANGUAGE = ("Heading 1", "Heading 2", "Heading 3", "Caption", "Contents", "Footer")


def element(name: str, /, **attributes: str) -> Any:
    """One element of Word's XML, `w:` before its name and attributes."""
    made = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), value)
    return made


def new_document(language: str) -> WordDocument:
    """An empty A4 document in the house style, its headings in the page's language.

    What is written is English; styles of headings and captions carry the language of their words, so
    that a screen reader speaks each in its own.
    """
    document = Document()
    _modern(document)
    normal = document.styles["Normal"]
    _plain_font(normal, FONT)
    normal.font.size = Pt(BODY)
    normal.paragraph_format.space_after = Pt(6)
    normal.paragraph_format.line_spacing = 1.1
    for name in OWN_STYLES:
        style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = normal
    for name, (size, before, after, bold) in {**STYLES, **OWN_STYLES}.items():
        _paragraph_style(document.styles[name], size, before, after, bold)
    _character_styles(document)
    _notice(document.styles["Notice"])
    for name in ("Caption", "Picture"):
        document.styles[name].paragraph_format.keep_together = True
    _language(document, language)
    _paper(document.sections[0], landscape=False)
    return document


def _modern(document: WordDocument) -> None:
    """As today's Word lays out, not in compatibility mode."""
    settings = document.settings.element
    for found in settings.iter(qn("w:compatSetting")):
        if found.get(qn("w:name")) == "compatibilityMode":
            found.set(qn("w:val"), "15")
    zoom = settings.find(qn("w:zoom"))
    zoom.set(qn("w:percent"), "100")  # required; the template lacks it


def _plain_font(style: Any, name: str) -> None:
    """A font by its name, whatever the theme says."""
    style.font.name = name
    fonts = style.element.rPr.rFonts
    for key in [k for k in fonts.attrib if "Theme" in k or "theme" in k]:
        del fonts.attrib[key]
    for script in ("cs", "eastAsia"):
        fonts.set(qn(f"w:{script}"), name)


def _paragraph_style(style: Any, size: float, before: float, after: float, bold: bool) -> None:
    _plain_font(style, FONT)
    style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
    style.font.color.rgb = INK
    form = style.paragraph_format
    form.space_before, form.space_after = Pt(before), Pt(after)
    form.line_spacing = 1.0 if style.name != "List Bullet" else 1.1
    for path in ("pPr/pBdr", "rPr/spacing", "rPr/kern"):  # rules and wide letters of the template
        for found in style.element.findall("/".join(qn(f"w:{part}") for part in path.split("/"))):
            found.getparent().remove(found)


def _character_styles(document: WordDocument) -> None:
    link = document.styles.add_style("Hyperlink", WD_STYLE_TYPE.CHARACTER, builtin=True)
    link.font.color.rgb, link.font.underline = LINK, True
    code = document.styles.add_style("Code", WD_STYLE_TYPE.CHARACTER)
    _plain_font(code, CODE_FONT)
    code.font.size = None
    code.element.rPr.append(element("noProof"))


def _notice(style: Any) -> None:
    """What must be read first: a rule beside it, a shade behind it."""
    properties = style.element.get_or_add_pPr()
    borders = element("pBdr")
    borders.append(element("left", val="single", sz="18", space="8", color="D55E00"))
    shade = element("shd", val="clear", color="auto", fill="F5F5F5")
    for part in (borders, shade):  # the order of the schema
        properties.insert_element_before(part, "w:tabs", "w:spacing", "w:ind", "w:jc")
    style.paragraph_format.left_indent = Mm(4)


def _language(document: WordDocument, language: str) -> None:
    defaults = document.styles.element.find(qn("w:docDefaults"))
    words = defaults.find(f".//{qn('w:lang')}")
    words.set(qn("w:val"), LANGUAGES["en"])
    document.settings.element.find(qn("w:themeFontLang")).set(qn("w:val"), LANGUAGES["en"])
    if language != "en":
        for name in IN_OTHER_LANGUAGE:
            rpr = document.styles[name].element.get_or_add_rPr()
            rpr.append(element("lang", val=LANGUAGES[language]))


def _paper(section: Section, landscape: bool) -> None:
    width, height = PAPER[::-1] if landscape else PAPER
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(width), Mm(height)
    section.left_margin = section.right_margin = section.top_margin = Mm(MARGIN)
    section.bottom_margin, section.footer_distance = Mm(MARGIN), Mm(10)


def text_width(landscape: bool) -> float:
    """Width between the margins, mm."""
    return PAPER[1 if landscape else 0] - 2 * MARGIN


def turn(document: WordDocument, landscape: bool) -> None:
    """Go on on a new page of this orientation, where the present one is another."""
    now = document.sections[-1]
    if (now.orientation == WD_ORIENT.LANDSCAPE) != landscape:
        section = document.add_section(WD_SECTION.NEW_PAGE)
        _paper(section, landscape)


def footer_tabs(document: WordDocument) -> None:
    """Every section has the first one's footer, the page number flush right on its own paper."""
    first = document.sections[0].footer.paragraphs[0]
    words = [part for part in first._p if part.tag != qn("w:pPr")]
    for number, section in enumerate(document.sections):
        if number:
            section.footer.is_linked_to_previous = False
        paragraph = section.footer.paragraphs[0]
        paragraph.style = document.styles["Footer"]
        if number:
            for part in words:
                paragraph._p.append(deepcopy(part))
        stops = paragraph.paragraph_format.tab_stops
        for stop in list(document.styles["Footer"].paragraph_format.tab_stops):
            stops.add_tab_stop(stop.position, WD_TAB_ALIGNMENT.CLEAR)
        landscape = section.orientation == WD_ORIENT.LANDSCAPE
        stops.add_tab_stop(Mm(text_width(landscape)), WD_TAB_ALIGNMENT.RIGHT)


def _field_part(kind: str, instruction: str = "") -> Any:
    """A run that begins, separates or ends a field, or holds what it computes."""
    run = element("r")
    if not instruction:
        run.append(element("fldChar", fldCharType=kind))
        return run
    words = element("instrText")
    words.set(qn("xml:space"), "preserve")
    words.text = f" {instruction} "
    run.append(words)
    return run


def field(paragraph: Paragraph, instruction: str, shown: str) -> None:
    """A field that Word computes, with what it shows until then."""
    for part in (("begin",), ("", instruction), ("separate",)):
        paragraph._p.append(_field_part(*part))
    paragraph.add_run(shown)
    paragraph._p.append(_field_part("end"))


def span_field(first: Paragraph, last: Paragraph, instruction: str) -> None:
    """A field that shows the paragraphs from one to another until Word computes it."""
    place = 1 if first._p.pPr is not None else 0
    for i, part in enumerate((("begin",), ("", instruction), ("separate",))):
        first._p.insert(place + i, _field_part(*part))
    last._p.append(_field_part("end"))


def write_properties(document: WordDocument, values: Mapping[str, str]) -> None:
    """Title, author, subject, language; nothing of a clock or a program."""
    core = document.core_properties
    for name in ("author", "comments", "keywords", "last_modified_by", "category"):
        setattr(core, name, "")
    for name, value in values.items():
        setattr(core, name, value[:255])  # Word takes no more
    for name in ("created", "modified"):
        for found in core._element.findall(f"{{http://purl.org/dc/terms/}}{name}"):
            core._element.remove(found)
