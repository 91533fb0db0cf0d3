"""Write the folder of a run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from heor.progress import Progress
from heor.report.cheers.table import PAGE as CHECKLIST
from heor.report.cheers.table import cheers_page, cheers_table
from heor.report.folders.tables import write_csv, write_tables
from heor.report.format.provenance import write_run_record
from heor.report.run_report import report
from heor.report.sections.trial import trial_page
from heor.runs.results import Results
from heor.storage.folder import write_folder
from heor.storage.manifest import RECORD

RESULTS, PAGE = "results.nc", "report.html"


def write_report(
    results: Results,
    folder: Path,
    progress: Progress | None = None,
    with_figures: bool = True,
    language: str = "en",
) -> Path:
    """Tables, figures, report.md, report.html, results.nc and run.json of one run; see `write_folder`.

    `language` is that of the page's headings, axes and controls: `en` or `nb`.
    """

    def fill(place: Path) -> None:
        write_parts(results, place, ("md", "html"), progress, with_figures, language)
        results.save(place / RESULTS)
        write_run_record(results, place / RECORD)

    return write_folder(folder, fill)


def write_parts(
    results: Results,
    place: Path,
    formats: Collection[str],
    progress: Progress | None = None,
    with_figures: bool = True,
    language: str = "en",
) -> None:
    """What readers open: all of it made from `results` alone, the same bytes every time.

    Parameters
    ----------
    formats
        `md`: report.md, trial.md and cheers.md with tables and figures; `html`: report.html; `docx`:
        the Word document.
    language
        `en` or `nb`: of headings, axes and controls of the page, and of headings of the document.

    Raises
    ------
    InputError
        A language there are no words in.
    """
    from heor.report.figures.registry import figure_bytes, figures_of
    from heor.report.html.journal_tables import journal_tables, write_journal
    from heor.report.html.page import page

    figures = figures_of(results) if with_figures else {}
    drawn = {}
    if "md" in formats:
        write_tables(results, place / "tables")
        write_csv({"cheers": cheers_table(results)}, place / "tables")
        write_journal(journal_tables(results), results.problem.title, place / "tables")
        drawn = _written_figures(results, place / "figures", progress) if with_figures else {}
        _write_texts(results, place, list(figures))
    if "html" in formats:
        if not drawn:
            drawn = {name: figure_bytes(draw(results), "svg") for name, draw in figures.items()}
        (place / PAGE).write_text(page(results, drawn, language), encoding="utf-8")
    if "docx" in formats:
        from heor.report.word.document import file_name, word_document

        document = word_document(results, figures, language, progress)
        (place / file_name(results.problem)).write_bytes(document)


def _written_figures(results: Results, folder: Path, progress: Progress | None) -> dict[str, bytes]:
    """Figures as files; those of the page by name."""
    from heor.report.figures.registry import write_figures

    paths = write_figures(results, folder, progress=progress)
    return {p.stem: p.read_bytes() for p in paths if p.suffix == ".svg"}


def _write_texts(results: Results, place: Path, figures: list[str]) -> None:
    texts = {
        "report.md": report(results, figures),
        "trial.md": trial_page(results, figures),
        CHECKLIST: cheers_page(results),
    }
    for name, text in texts.items():
        if text:
            (place / name).write_text(text, encoding="utf-8")
