"""The Word document: the report's own words and tables, laid out so that a reader of any kind can use it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from docx import Document
from docx.document import Document as WordDocument
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from heor.problem.study import Author, Study
from heor.report import outline
from heor.report.cheers.table import cheers_page
from heor.report.format.blocks import Paragraph, Part, Table
from heor.report.format.translations import labels
from heor.report.run_report import report
from heor.report.sections.trial import trial_page
from heor.report.word import tables
from heor.report.word.blocks import Writer
from heor.report.word.document import LONGEST, PLACES, file_name, word_document
from heor.report.word.styles import new_document, text_width
from heor.report.word.text import typeset
from heor.runs.results import Results
from tests.reports import FIGURES

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
NASTY = "A | \"b\" & 'c' <script>window.hacked = 1</script> 🏥"
STUDY = Study(
    title=f"Cost-effectiveness of {NASTY}",
    version="7.8",
    authors=(Author("Kari Nordmann", "Oslo", "0000-0001"), Author("Ola \x07")),
    abstract="In short: *this*.",
    funding=NASTY,
)
WORDS = {language: labels(language, "heor.report.word") for language in ("en", "nb")}
A4 = {(210, 297), (297, 210)}


@pytest.fixture(scope="module")
def results(made_up_run: Results) -> Results:
    """With authors and a label that must stay text."""
    problem = made_up_run.problem
    own = problem.strategies
    strategies = {**own, "resection": replace(own["resection"], label=NASTY)}
    return replace(made_up_run, problem=replace(problem, strategies=strategies, study=STUDY))


@pytest.fixture(scope="module")
def made(results: Results) -> bytes:
    return word_document(results, FIGURES)


@pytest.fixture(scope="module")
def document(made: bytes) -> WordDocument:
    return Document(io.BytesIO(made))


def words(document: WordDocument) -> str:
    """All text of paragraphs, links and fields included."""
    return " ".join(
        " ".join("".join(t.text or " " for t in p.iter(qn("w:t"), qn("w:br"))).split())
        for p in document.element.body.iter(qn("w:p"))
    )


def of_style(document: WordDocument, start: str) -> list[str]:
    return [p.text for p in document.paragraphs if p.style.name.startswith(start)]


def grids(markdown: str) -> list[list[list[str]]]:
    """Tables of a Markdown text, as texts by row."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark", {"html": False}).enable("table").parse(markdown):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and token.level > 3:
            text = "".join(
                " " if t.type == "softbreak" else t.content for t in token.children or []
            )
            found[-1][-1].append(text)
    return found


def plain(text: str) -> str:
    """As in the Markdown: typographic signs undone."""
    return text.replace("\N{MINUS SIGN}", "-").replace("\N{NON-BREAKING HYPHEN}", "-")


# --- the same words -----------------------------------------------------------------------------


def test_every_table_of_the_report_stands_in_it(results, document):
    wanted = grids(report(results, [])) + grids(trial_page(results, []))
    found = [[[plain(c.text) for c in row.cells] for row in t.rows] for t in document.tables]
    assert len(wanted) > 15
    assert found[: len(wanted)] == wanted
    checklist = [[row[:4] for row in grid] for grid in grids(cheers_page(results))]
    annexed = [[row[:4] for row in grid] for grid in found[-len(checklist) :]]
    assert annexed == checklist
    assert len(found) == len(wanted) + 1 + len(checklist)  # and all parameters


def test_every_sentence_of_the_report_stands_in_it_in_order(results, document):
    text = plain(words(document))
    text, place = text[: text.rindex("Annex A. ")], 0
    in_table = False  # tables have a test of their own
    for token in (
        MarkdownIt("commonmark", {"html": False}).enable("table").parse(report(results, []))
    ):
        if token.type in ("table_open", "table_close"):
            in_table = token.type == "table_open"
        if token.type != "inline" or in_table or token.map[0] == 0:
            continue  # the title is the authors'
        sentence = "".join(
            " " if t.type in ("softbreak", "hardbreak") else t.content for t in token.children
        )
        sentence = sentence.replace("trial.md", "annex A").replace("cheers.md", "annex C")
        sentence = " ".join(sentence.split())
        assert sentence in text[place:], sentence
        place = text.index(sentence, place)


def test_labels_stay_labels(document, results):
    assert NASTY in words(document)
    assert any(NASTY in c.text for row in document.tables[0].rows for c in row.cells)
    assert "Ola \ufffd" in words(document)  # what XML cannot hold is shown as such


def test_what_points_into_the_folder_points_into_the_document(document):
    text = words(document)
    assert "annex A" in text and "annex C" in text
    for name in ("trial.md", "cheers.md", "report.md"):
        assert name not in text


# --- structure ----------------------------------------------------------------------------------


def test_first_page_says_who_and_what(document):
    assert of_style(document, "Title") == [STUDY.title]
    lines = [p.text for p in document.paragraphs[:6]]
    assert "Kari Nordmann, Oslo, 0000-0001; Ola \ufffd" in lines and "Version 7.8" in lines
    core = document.core_properties
    assert core.title == STUDY.title and core.author == "Kari Nordmann; Ola \ufffd"
    assert core.language == "en-GB" and core.comments == ""
    assert core._element.find("{http://purl.org/dc/terms/}created") is None


def test_headings_descend_without_a_gap(document):
    levels = [
        int(p.style.name[-1]) for p in document.paragraphs if p.style.name.startswith("Heading")
    ]
    assert levels[0] == 1 and set(levels) == {1, 2}
    assert of_style(document, "Heading 1")[:2] == ["Abstract", "The answer"]


def test_contents_link_to_every_first_heading(document):
    body = document.element.body
    marks = {m.get(qn("w:name")) for m in body.iter(qn("w:bookmarkStart"))}
    links = [
        (link.get(qn("w:anchor")), "".join(t.text for t in link.iter(qn("w:t"))))
        for link in body.iter(qn("w:hyperlink"))
        if link.get(qn("w:anchor"))
    ]
    assert [text for _, text in links] == of_style(document, "Heading 1")
    assert {anchor for anchor, _ in links} <= marks


def test_every_table_has_a_caption_and_a_repeated_heading(document):
    for table in document.tables:
        first, *others = table._tbl.tr_lst
        assert first.trPr.find(qn("w:tblHeader")) is not None
        assert not any(row.trPr.find(qn("w:tblHeader")) is not None for row in others)
        assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in table._tbl.tr_lst)
        assert table._tbl.tblPr.find(qn("w:tblCaption")).get(qn("w:val"))
    captions = of_style(document, "Caption")
    for word, n in (("Table", len(document.tables)), ("Figure", len(FIGURES))):
        own = [c for c in captions if c.startswith(word)]
        assert [int(re.match(r"\w+ (\d+)\. .", c)[1]) for c in own] == list(range(1, n + 1))
        assert len({c.partition(". ")[2] for c in own}) == n  # no two alike
    assert any(c.endswith(". Survival: fits to 2nd-line FOLFIRI") for c in captions)
    fields = [t.text for t in document.element.body.iter(qn("w:instrText"))]
    assert sum("SEQ Table" in f for f in fields) == len(document.tables)


def sections_of_tables(document: WordDocument) -> list[bool]:
    """Whether each table stands on a landscape page."""
    turned, found = iter(document.sections), []
    waiting = 0
    for block in document.element.body:
        if block.tag == qn("w:tbl"):
            waiting += 1
        if block.tag == qn("w:sectPr") or block.find(f"{qn('w:pPr')}/{qn('w:sectPr')}") is not None:
            landscape = next(turned).orientation == WD_ORIENT.LANDSCAPE
            found += [landscape] * waiting
            waiting = 0
    return found


def test_no_table_is_wider_than_its_page(document):
    landscape = sections_of_tables(document)
    assert len(landscape) == len(document.tables) and set(landscape) == {True, False}
    for table, wide in zip(document.tables, landscape, strict=True):
        grid = [int(c.get(qn("w:w"))) for c in table._tbl.tblGrid]
        assert sum(grid) / 56.6929 <= text_width(wide) + 0.2
        for row in table.rows:
            assert [c.width.twips for c in row.cells] == pytest.approx(grid, abs=1)
    for section in document.sections:
        assert (round(section.page_width.mm), round(section.page_height.mm)) in A4


def test_every_page_has_its_number(document):
    for section in document.sections:
        footer = section.footer.paragraphs[0]._p
        fields = [t.text.strip() for t in footer.iter(qn("w:instrText"))]
        assert fields == ["PAGE", "NUMPAGES"]
        assert len(footer.findall(qn("w:pPr"))) == 1


def test_pictures_have_words_size_and_place(document):
    pictures = list(document.element.body.iter(qn("wp:docPr")))
    assert [p.get("descr") for p in pictures] == [
        "Cost-effectiveness plane. What plane says.",
        "Overall survival of every strategy over the data, extrapolation shaded. What curve says.",
        "Unheard of. What new says.",
        "Power of the trial. What power says.",
    ]
    for shape in document.inline_shapes:
        assert shape.width.mm <= text_width(False) + 0.3 and shape.height.mm < 210
    shown = ("Heading 1", "Caption")
    order = [p.text for p in document.paragraphs if p.style.name in shown]
    order = [text for text in order if not text.startswith("Table ")]
    assert order[order.index("The answer") + 1].startswith("Figure 1.")
    assert order[order.index("Survival") + 1].startswith("Figure 2.")
    assert order[order.index("Figures") + 1].startswith("Figure 3.")  # known to no heading
    assert order[-3].startswith("Figure 4.") and order[-4].startswith("Annex A.")


def test_places_of_figures_are_headings(made_up_run):
    text = report(made_up_run, [])
    optional = {"tipping"}  # nothing was asked in this run
    placed = {name for name, figures in PLACES.items() if figures}
    assert len(placed) > 8
    for name in placed - optional:
        assert f"\n## {outline.heading(name)}\n" in text


def test_pictures_have_300_dots_an_inch(made):
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        images = [parts.read(n) for n in parts.namelist() if n.startswith("word/media/")]
    assert len(images) == len(FIGURES)
    for image in images:
        assert int.from_bytes(image[16:20], "big") == round(6.7 * 300)  # PNG header: width


@pytest.mark.slow
def test_same_results_same_bytes(results, made):
    assert word_document(results, FIGURES) == made


def test_no_clock(made):
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        assert {info.date_time for info in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.slow
def test_norwegian_headings_say_their_language(results, document):
    found = Document(io.BytesIO(word_document(results, {"plane": FIGURES["plane"]}, "nb")))
    headings = of_style(found, "Heading 1")
    assert "Svaret" in headings and "The answer" not in headings
    assert len(headings) == len(of_style(document, "Heading 1")) - 1  # no figure without a place
    captions = of_style(found, "Caption")
    assert any(c.startswith("Figur 1. Kostnadseffektivitetsplan") for c in captions)
    for name, wanted in (("Heading 1", "nb-NO"), ("Caption", "nb-NO")):
        assert found.styles[name].element.rPr.find(qn("w:lang")).get(qn("w:val")) == wanted
    english = next(
        p
        for p in found.paragraphs
        if p.text.startswith("The value of") and p.style.name == "Heading 1"
    )
    assert english.runs[0]._r.rPr.find(qn("w:lang")).get(qn("w:val")) == "en-GB"


def test_both_languages_have_the_same_words_and_blanks():
    """And each is used."""
    english, norwegian = (WORDS[language]["word"] for language in ("en", "nb"))
    assert english.keys() == norwegian.keys()
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) <= set(re.findall(r"{\w+}", norwegian[key]))
    code = "".join(p.read_text(encoding="utf-8") for p in Path(tables.__file__).parent.glob("*.py"))
    assert all(f'"{key}"' in code for key in WORDS["en"]["word"])
    assert set(WORDS["nb"]["headings"]) <= {section.name for section in outline.RUN}


def test_every_heading_of_the_report_has_a_norwegian_word(made_up_run):
    headings = set(re.findall(r"^## (.+)$", report(made_up_run, []), flags=re.MULTILINE))
    label = made_up_run.problem.trial.label
    own = {outline.heading(name) for name in WORDS["nb"]["headings"]}
    assert headings - own == {f"The value of {label}"}


# --- laws ---------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60)


@given(texts)
def test_names_are_short_and_plain(problem, text):
    name = file_name(replace(problem, scenario=text))
    assert len(name) <= LONGEST and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*\.docx", name)


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(st.lists(texts, min_size=n, max_size=n), min_size=2, max_size=6)
    )
)
def test_columns_fill_the_width_and_hold_their_words(grid):
    for width in (170.0, 257.0):
        found = tables.widths(grid, width)
        assert sum(found) == pytest.approx(width) and min(found) > 0
        least, asked = tables.needed(grid)
        assert all(a >= n for n, a in zip(least, asked, strict=True))
        if sum(least) <= width:
            assert all(w >= n - 1e-6 for w, n in zip(found, least, strict=True))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_minus_signs_change_no_number(values):
    text = " to ".join(f"{v:,.2f}" for v in values)
    assert plain(typeset(text)) == text and "-" not in typeset(text)


@pytest.mark.parametrize("text", ["2026-11-24", "10.1007/s13-02-1", "2nd-line", "S2-S4", "[1]-2"])
def test_other_hyphens_stay(text):
    assert typeset(text) == text


def test_a_wide_table_turns_the_page_and_the_text_turns_back():
    document = new_document("en")
    writer = Writer(document, WORDS["en"]["word"], {})
    columns = [f"Heading{i:02d}withoutspace" for i in range(9)]
    wide = Table(pd.DataFrame([columns], columns=columns))
    narrow = Table(pd.DataFrame({"a": ["b"]}))
    writer.section(Part("one", "One", [Paragraph("Before."), wide, Paragraph("After."), narrow]))
    turned = [s.orientation == WD_ORIENT.LANDSCAPE for s in document.sections]
    assert turned == [False, True, False]
    assert sections_of_tables(document) == [True, False]


@pytest.mark.slow
@pytest.mark.skipif(not OFFICE, reason="no LibreOffice: the document was not laid out")
@pytest.mark.parametrize("language", ["en", "nb"])
def test_an_office_lays_it_out(results, tmp_path, language):
    """Every caption is printed, pages are A4, and each has its number."""
    (tmp_path / "report.docx").write_bytes(word_document(results, FIGURES, language))
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    command = [OFFICE, profile, "--headless", "--convert-to", "pdf", "report.docx"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    pdf = tmp_path / "report.pdf"
    assert pdf.stat().st_size > 50_000
    if not shutil.which("pdftotext"):
        pytest.skip("no poppler: the pages were not read")
    pages = pdf_pages(pdf)
    assert len(pages) > 10
    page_word = WORDS[language]["word"]["page"]
    for number, text in enumerate(pages, start=1):
        assert page_word.format(page=number, pages=len(pages)) in text
    whole = " ".join(" ".join(pages).split())
    document = Document(tmp_path / "report.docx")
    for caption in of_style(document, "Caption"):
        assert " ".join(caption.replace("🏥", "").split())[:40] in whole


def pdf_pages(pdf: Path) -> list[str]:
    done = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True
    )
    return done.stdout.split("\f")[:-1]
