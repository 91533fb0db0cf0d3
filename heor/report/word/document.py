"""The whole document: title page, report, and what stands beside it in a run's folder as annexes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from docx.shared import Pt

from heor.problem.problem import DecisionProblem
from heor.progress import Progress
from heor.report import outline
from heor.report.cheers.table import ABOUT, cheers_parts
from heor.report.cheers.table import PAGE as CHECKLIST
from heor.report.cheers.table import summary as checklist_summary
from heor.report.figures.page import Page, laid_out
from heor.report.format.blocks import Blocks, Paragraph, Part, Table
from heor.report.format.translations import labels
from heor.report.run_report import run_document
from heor.report.sections.answer import caveat
from heor.report.sections.parameters import parameter_rows
from heor.report.sections.trial import trial_document
from heor.report.word import styles
from heor.report.word.blocks import Writer
from heor.report.word.text import legal
from heor.runs.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 300
TALLEST = 205  # mm of a picture, so that its caption stands with it
LONGEST = 42  # characters of a file's name: the Norwegian agency's rule
TRIAL = "trial.md"
#: Name of a section → figures that stand under it, by how their names start.
PLACES = {section.name: section.figures for section in outline.RUN}


def file_name(problem: DecisionProblem) -> str:
    """Name of the document: plain letters, 42 characters at most.

    >>> from heor import load
    >>> file_name(load("inputs")), len(file_name(load("inputs", scenario="s14_generalised_gamma")))
    ('report-norway.docx', 40)
    """
    words = "-".join(["report", problem.country.name, *(problem.scenario or "").split("+")])
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", words)[: LONGEST - len(".docx")].rstrip("-_")
    return f"{stem}.docx"


def word_document(
    results: Results,
    figures: Mapping[str, Callable[[Results], Figure]],
    language: str = "en",
    progress: Progress | None = None,
) -> bytes:
    """The report as a .docx file; the same bytes for the same results.

    Parameters
    ----------
    figures
        Name → function that draws it; drawn once each, at 300 dots an inch.
    language
        `en` or `nb`: headings, captions and page numbers. Text and tables are English.

    Raises
    ------
    InputError
        A language there are no words in.
    """
    words = {**labels(language), **labels(language, __package__)}
    document = styles.new_document(language)
    own = words["word"]
    left = dict(figures)  # not yet in the document
    headings = {} if language == "en" else words["headings"]
    captions = _captions(results, words)
    draw = partial(_draw, results, left, captions, progress, len(figures))
    writer = Writer(document, own, headings)
    writer.after = lambda name: draw(writer, PLACES[name])
    _first_page(writer, results, words)
    annexes = _annexes(results, own)
    writer.places = _places(annexes, own)
    report = run_document(results)
    writer.write([Paragraph(report.question), *report.head])
    start = document.add_paragraph()  # contents stand before it, once they are known
    for part in report.parts:
        writer.section(part)
    writer.close()
    trial = tuple(name for name in left if name.startswith("trial_"))
    if set(left) - set(trial):
        writer.add_heading(own["figures"], 1)
        draw(writer, tuple(n for n in left if n not in trial))
    for letter, (title, make) in zip("ABC", annexes.values(), strict=False):
        make(writer, own["annex"].format(letter=letter, title=title))
        draw(writer, trial)
    _contents(writer, start, own)
    _footer(document, results, own)
    _properties(document, results)
    return _packed(document)


def _captions(results: Results, words: Mapping[str, Any]) -> dict[str, str]:
    """Figure → what it shows."""
    charts = {"plane": "plane", "ceac": "ceac", "expected_loss": "loss"}
    maps = {f"what_if_{m.what_if.name}": m.what_if.label for m in results.maps}
    return {**words["figures"], **{k: words["charts"][v] for k, v in charts.items()}, **maps}


def _first_page(writer: Writer, results: Results, words: Mapping[str, Any]) -> None:
    """Title, authors, and what authors say in short."""
    document, problem, study = writer.document, results.problem, results.problem.study
    title = study.title or problem.title
    document.add_paragraph(legal(title), style="Title")
    if title != problem.title:
        document.add_paragraph(legal(problem.title), style="Subtitle")
    lines = [
        "; ".join(
            ", ".join(p for p in (a.name, a.affiliation, a.orcid) if p) for a in study.authors
        ),
        study.contact,
        words["word"]["version"].format(version=study.version) if study.version else "",
        words["language_note"],
    ]
    for line in filter(None, lines):
        document.add_paragraph(legal(line))
    if study.abstract:
        writer.add_heading(words["word"]["abstract"], 1)
        writer.write(authored(study.abstract))


def _contents(writer: Writer, start: Any, words: Mapping[str, str]) -> None:
    heading = start.insert_paragraph_before(words["contents"], style="Contents")
    heading.runs[0].bold = True
    heading.paragraph_format.keep_with_next = True
    heading.paragraph_format.space_before = Pt(10)
    writer.write_contents(start)


Annex = tuple[str, Callable[[Writer, str], None]]


def _annexes(results: Results, words: Mapping[str, str]) -> dict[str, Annex]:
    """The file of the run's folder that an annex is (or none) → its title, and what writes it."""
    found: dict[str, Annex] = {}
    trial = trial_document(results)
    if trial:
        head = [Paragraph(trial.question), *trial.head]
        found[TRIAL] = (trial.title, lambda w, heading: _annex(w, heading, head, trial.parts))
    parameters = [Paragraph(caveat(results)), Table(_parameters(results), left=6)]
    found[""] = (
        words["parameters"],
        lambda w, heading: _annex(w, heading, parameters, landscape=True),
    )
    about = [Paragraph(checklist_summary(results)), Paragraph(ABOUT)]
    found[CHECKLIST] = (
        words["checklist"],
        lambda w, heading: _annex(w, heading, about, cheers_parts(results), landscape=True),
    )
    return found


def _annex(
    writer: Writer,
    heading: str,
    head: Blocks,
    parts: tuple[Part, ...] = (),
    landscape: bool = False,
) -> None:
    """A heading of the first level, and sections whose headings stand below it."""
    writer.landscape = landscape
    styles.turn(writer.document, landscape)
    writer.add_heading(heading, 1).paragraph_format.page_break_before = not landscape
    writer.caption_heading(heading.partition(". ")[2])
    writer.write(head)
    for part in parts:
        writer.section(part, level=2)


def _places(annexes: Mapping[str, Annex], words: Mapping[str, str]) -> dict[str, str]:
    """Files of the run's folder, and where the document has what they hold."""
    letters = zip("ABC", annexes, strict=False)
    here = {name: words["in_annex"].format(letter=letter) for letter, name in letters if name}
    return here | {"report.md": words["document"]}


def authored(text: str) -> list[Paragraph]:
    """What authors wrote, a paragraph for each that a blank line ends."""
    return [Paragraph(part.strip()) for part in text.split("\n\n") if part.strip()]


def _parameters(results: Results) -> pd.DataFrame:
    """Every parameter as a reader of the document needs it; those in use first."""
    rows = parameter_rows(results)
    sources = [
        "; ".join(f"[{title}](<{link}>)" if link else title for title, link in row.sources)
        for row in rows
    ]
    return pd.DataFrame(
        {
            "Parameter": [f"{r.description} (`{r.name}`)" for r in rows],
            "Value (95 % interval)": [
                f"{r.value} ({r.interval})" if r.interval else r.value for r in rows
            ],
            "Unit": [r.unit for r in rows],
            "Distribution": [r.distribution for r in rows],
            "In use": ["yes" if r.used else "no" for r in rows],
            "Status": [r.status for r in rows],
            "Source": sources,
        }
    )


def _draw(
    results: Results,
    left: dict[str, Callable[[Results], Figure]],
    captions: Mapping[str, str],
    progress: Progress | None,
    total: int,
    writer: Writer,
    starts: tuple[str, ...],
) -> None:
    """The figures whose names start like one of these, drawn and taken off those left."""
    from heor.report.figures.registry import figure_bytes

    for start in starts:
        for name in [n for n in left if n.startswith(start)]:
            with laid_out(Page(words=False)):  # the document has them below
                figure = left.pop(name)(results)
            width, height = (25.4 * inches for inches in figure.get_size_inches())
            scale = min(styles.text_width(writer.landscape) / width, TALLEST / height, 1.0)
            figure.dpi = DPI
            image = io.BytesIO(figure_bytes(figure, "png"))
            label = captions.get(name, name.replace("_", " ").capitalize())
            writer.figure(
                image,
                (width * scale, height * scale),
                label,
                getattr(figure, "caption", ""),
                english=name.startswith("what_if_"),
            )
            if progress:
                progress("word", total - len(left), total)


def _footer(document: Any, results: Results, words: Mapping[str, str]) -> None:
    """Title and page number, on every page; sections that are turned have their own tab."""
    problem = results.problem
    first = document.sections[0]
    paragraph = first.footer.paragraphs[0]
    paragraph.add_run(
        legal(f"{problem.title} · {problem.country.label} · {problem.scenario_label}\t")
    )
    before, rest = words["page"].split("{page}")
    between, after = rest.split("{pages}")
    paragraph.add_run(before)
    styles.field(paragraph, "PAGE", "1")
    paragraph.add_run(between)
    styles.field(paragraph, "NUMPAGES", "1")
    paragraph.add_run(after)
    styles.footer_tabs(document)


def _properties(document: Any, results: Results) -> None:
    problem = results.problem
    values = {
        "title": problem.study.title or problem.title,
        "author": "; ".join(a.name for a in problem.study.authors),
        "subject": problem.question,
        "language": styles.LANGUAGES["en"],
    }
    styles.write_properties(document, {k: legal(v) for k, v in values.items()})


def _packed(document: Any) -> bytes:
    """The file without the clock: its parts carry the date they were packed."""
    saved, out = io.BytesIO(), io.BytesIO()
    document.save(saved)
    with zipfile.ZipFile(saved) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in parts.namelist():
            packed.writestr(zipfile.ZipInfo(name), parts.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
