"""Write a run's folder whole or not at all: into a temporary folder, renamed when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from heor.archive import RECORD
from heor.errors import InputError
from heor.progress import Progress
from heor.report.cheers.table import PAGE as CHECKLIST
from heor.report.cheers.table import cheers_page, cheers_table
from heor.report.markdown import report
from heor.report.page_trial import trial_page
from heor.report.provenance import write_run_record
from heor.report.tables import write_csv, write_tables
from heor.results import Results

RESULTS, PAGE = "results.nc", "report.html"
#: What commands write into their folders: one of `MARKS` is in each, and the others replace those before.
MARKS = (RECORD, "report.md", PAGE, "repairs.txt")
OWN = (
    *MARKS,
    RESULTS,
    "report-*.docx",
    "trial.md",
    CHECKLIST,
    "tables",
    "figures",
    "figures-*",
    "individual.csv",
    "comparison.csv",
    "index.yaml",
    "reconstruction.*",
)


def write_report(
    results: Results,
    folder: Path,
    progress: Progress | None = None,
    with_figures: bool = True,
    language: str = "en",
) -> Path:
    """Tables, figures, report.md, report.html, results.nc and run.json of one run; see `write_whole`.

    `language` is that of the page's headings, axes and controls: `en` or `nb`.
    """

    def fill(place: Path) -> None:
        write_parts(results, place, ("md", "html"), progress, with_figures, language)
        results.save(place / RESULTS)
        write_run_record(results, place / RECORD)

    return write_whole(folder, fill)


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
    from heor.report.figures import figure_bytes, figures_of
    from heor.report.html.journal import journal_tables, write_journal
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
    from heor.report.figures import write_figures

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


def write_whole(folder: Path, fill: Callable[[Path], None]) -> Path:
    """`folder` with what `fill` writes into a new one, and what its reader keeps there.

    A run that is killed or fails leaves the folder's previous content untouched.

    Raises
    ------
    InputError
        When the folder cannot be written (open in another program, no permission), or is somebody's own.
    """
    check_target(folder)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        fill(temporary)
        replace_folder(temporary, folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}). Close programs that have its "
            "files open, or choose another folder with --output."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def check_target(folder: Path) -> None:
    """Results go into a new folder, an empty one or one with results; to be asked before long work.

    Raises
    ------
    InputError
        The folder has files, and none that shows a command wrote it; or it is a file.
    """
    if folder.is_file():
        raise InputError(f"{folder}: is a file; a folder is needed. Choose another with --output.")
    if not folder.is_dir():
        return
    names = sorted(p.name for p in folder.iterdir())
    if names and not set(names) & set(MARKS):
        raise InputError(
            f"{folder}: holds {names[0]!r}{' and more' if len(names) > 1 else ''}, and no results of heor; "
            "results replace what is in their folder. Choose a new or empty folder with --output."
        )


def replace_folder(new: Path, folder: Path) -> None:
    """`new` becomes `folder`, with the reader's own files; on a failure the previous one is put back."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    if old.exists() and set(MARKS) & {p.name for p in old.iterdir()}:
        for item in old.iterdir():
            if not any(item.match(own) for own in OWN) and not (folder / item.name).exists():
                item.rename(folder / item.name)
    shutil.rmtree(old, ignore_errors=True)
