"""The report of a finished run, made again from its results: no inputs, no fits, no simulation."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path

from heor.errors import InputError
from heor.progress import Progress
from heor.report.write import RECORD, RESULTS, replace_folder, write_parts
from heor.results import Results

FORMATS = ("html", "md", "docx")


def rebuild(
    folder: Path,
    target: Path | None = None,
    formats: Collection[str] = FORMATS,
    language: str | None = None,
    with_figures: bool | None = None,
    progress: Progress | None = None,
) -> tuple[Results, Path, list[str]]:
    """Write the report of `folder/results.nc` again.

    Everything is made beside the target and moved in when it is complete; what is not made again stays.
    run.json, which alone knows the clock, stays as the run wrote it.

    Parameters
    ----------
    folder
        Of a run.
    target
        Where to write; the run's own folder when None.
    formats
        Of `FORMATS`; see `heor.report.write.write_parts`.
    language
        None: that of the page that is there.
    with_figures
        None: as the run has them.

    Returns
    -------
    Results
        As loaded.
    Path
        The target.
    list of str
        Names of the files and folders written there.

    Raises
    ------
    InputError
        Results that are missing, damaged or of another version; a target that cannot be written or
        that holds another run.
    """
    source = folder / RESULTS
    results = Results.load(source)
    target = folder if target is None else target
    if target.resolve() != folder.resolve():
        _same_run(source, target)
    if with_figures is None:  # as the run was asked for
        with_figures = (folder / "figures").is_dir() or not (folder / "report.md").exists()
    language = language or _language(folder)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        write_parts(results, temporary, formats, progress, with_figures, language)
        if "md" in formats and target.resolve() != folder.resolve():
            for name in (RESULTS, RECORD):
                if (folder / name).exists():
                    shutil.copy2(folder / name, temporary / name)
        names = sorted(p.name for p in temporary.iterdir())
        _move_in(temporary, target)
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror or error}). Close programs that have its "
            "files open, or choose another folder with --output."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return results, target, names


def _language(folder: Path) -> str:
    """Of the page that a run has; English without one."""
    page = folder / "report.html"
    if not page.exists():
        return "en"
    with page.open(encoding="utf-8", errors="replace") as file:
        found = re.search(r'<html lang="(\w+)"', file.read(500))
    return found[1] if found else "en"


def _same_run(source: Path, target: Path) -> None:
    """Reports of two runs do not share a folder."""
    other = target / RESULTS
    if other.exists() and not filecmp.cmp(source, other, shallow=False):
        raise InputError(
            f"{target}: holds another run ({RESULTS} differs from {source}). Choose another folder with "
            "--output."
        )


def _move_in(made: Path, target: Path) -> None:
    """What was made replaces what the target has of the same name."""
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(made.iterdir()):
        if item.is_dir():
            replace_folder(item, target / item.name)
        else:
            item.replace(target / item.name)
