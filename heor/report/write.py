"""Write a run's folder whole or not at all: into a temporary folder, renamed when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from heor.errors import InputError
from heor.report.markdown import report
from heor.report.provenance import write_run_record
from heor.report.tables import write_tables
from heor.results import Results


def write_report(
    results: Results, folder: Path, progress: Callable[[str, int, int], None] | None = None
) -> Path:
    """Tables, figures, report.md, results.nc and run.json of one run.

    A run that is killed or fails leaves the folder's previous content untouched.

    Raises
    ------
    InputError
        When the folder cannot be written (open in another program, no permission).
    """
    from heor.report.figures import write_figures

    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        write_tables(results, temporary / "tables")
        figures = write_figures(results, temporary / "figures", progress=progress)
        names = list(dict.fromkeys(p.stem for p in figures))
        (temporary / "report.md").write_text(report(results, names), encoding="utf-8")
        results.save(temporary / "results.nc")
        write_run_record(results, temporary / "run.json")
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
