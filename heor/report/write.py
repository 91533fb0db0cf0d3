"""Write a run's folder whole or not at all: into a temporary folder, renamed when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from heor.errors import InputError
from heor.report.markdown import report
from heor.report.page_trial import trial_page
from heor.report.provenance import write_run_record
from heor.report.tables import write_tables
from heor.results import Results


def write_report(
    results: Results,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    with_figures: bool = True,
    language: str = "en",
) -> Path:
    """Tables, figures, report.md, report.html, results.nc and run.json of one run; see `write_whole`.

    `language` is that of the page's headings, axes and controls: `en` or `nb`.
    """
    from heor.report.figures import write_figures
    from heor.report.html.journal import journal_tables, write_journal
    from heor.report.html.page import write_page

    def fill(place: Path) -> None:
        write_tables(results, place / "tables")
        tables = journal_tables(results)
        write_journal(tables, results.problem.title, place / "tables")
        figures = (
            write_figures(results, place / "figures", progress=progress) if with_figures else []
        )
        names = list(dict.fromkeys(p.stem for p in figures))
        (place / "report.md").write_text(report(results, names), encoding="utf-8")
        page = trial_page(results, names)
        if page:
            (place / "trial.md").write_text(page, encoding="utf-8")
        drawn = {p.stem: p for p in figures if p.suffix == ".svg"}
        write_page(results, place / "report.html", drawn, language)
        results.save(place / "results.nc")
        write_run_record(results, place / "run.json")

    return write_whole(folder, fill)


def write_whole(folder: Path, fill: Callable[[Path], None]) -> Path:
    """`folder` with what `fill` writes into a new one.

    A run that is killed or fails leaves the folder's previous content untouched.

    Raises
    ------
    InputError
        When the folder cannot be written (open in another program, no permission).
    """
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


def replace_folder(new: Path, folder: Path) -> None:
    """`new` becomes `folder`; the previous one is put back when the rename fails."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
