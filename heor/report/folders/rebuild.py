"""The report of a saved folder, made again from its results: no inputs, no fits, no simulation.

A folder of `heor run`, `heor scenarios --run` or `heor country compare`; other commands save no results.
"""

from __future__ import annotations

import filecmp
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heor.archive import command_of, read_archive
from heor.errors import InputError, OutputError
from heor.progress import Progress
from heor.report.folders.countries import write_country_parts
from heor.report.folders.run import PAGE, RESULTS, write_parts
from heor.report.folders.scenarios import write_scenario_parts
from heor.runs.country_comparison import CountryComparison
from heor.runs.results import Results
from heor.runs.scenario_analysis import ScenarioResults
from heor.storage.folder import settle, write_folder
from heor.storage.manifest import RECORD, manifest

FORMATS = ("html", "md", "docx")
#: Results of many runs → what writes their report; there is no Word document of them.
OTHERS: dict[type, Callable[..., None]] = {
    CountryComparison: write_country_parts,
    ScenarioResults: write_scenario_parts,
}


def rebuild(
    folder: Path,
    target: Path | None = None,
    formats: Collection[str] | None = None,
    language: str | None = None,
    with_figures: bool | None = None,
    progress: Progress | None = None,
) -> tuple[Any, Path, list[str]]:
    """Write the report of `folder/results.nc` again.

    What is not made again stays, and so does what the user changed: see `write_folder`. run.json, which
    alone knows the clock, stays as the run wrote it but for its list of files.

    Parameters
    ----------
    folder
        Of a run, of all scenarios or of a country comparison.
    target
        Where to write; the folder itself when None.
    formats
        Of `FORMATS`, all that these results have when None; see `heor.report.folders.run.write_parts`.
    language
        None: that of the page that is there.
    with_figures
        None: as the folder has them.

    Returns
    -------
    Results, ScenarioResults or CountryComparison
        As loaded.
    Path
        The target.
    list of str
        Names of the files and folders written there.

    Raises
    ------
    InputError
        Results that are missing, damaged or of another version; a format they do not have; a target
        that holds another run, or files of the user's in the place of new ones.
    OutputError
        A target that cannot be written.
    """
    found = saved(folder)
    results = found.results
    formats = possible(results, formats, folder)
    target = folder if target is None else target
    if with_figures is None:  # as the run was asked for
        with_figures = (folder / "figures").is_dir() or not (folder / "report.md").exists()
    language = language or _language(folder)
    names: list[str] = []

    def fill(place: Path) -> None:
        found.check(target)
        _write(results, place, formats, progress, with_figures, language)
        if "md" in formats and not found.is_in(target):
            for name in (RESULTS, RECORD):
                if (folder / name).exists():
                    shutil.copy2(folder / name, place / name)
        names.extend(sorted(p.name for p in place.iterdir()))

    write_folder(target, fill, renew=("tables", "figures"), content=found.content(target))
    return results, target, names


def _language(folder: Path) -> str:
    """Of the page that a run has; English without one."""
    page = folder / PAGE
    if not page.exists():
        return "en"
    with page.open(encoding="utf-8", errors="replace") as file:
        found = re.search(r'<html lang="(\w+)"', file.read(500))
    return found[1] if found else "en"


@dataclass(frozen=True)
class Saved:
    """Results read from a folder, and which file of theirs it was."""

    folder: Path
    results: Any
    stamp: tuple[int, ...]

    def check(self, target: Path) -> None:
        """Reports of two runs do not share a folder.

        Raises
        ------
        InputError
            The target holds another run.
        OutputError
            Other results were written into the folder since.
        """
        source, other = self.folder / RESULTS, target / RESULTS
        if _stamp(source) != self.stamp:
            raise OutputError(
                f"{source}: new results were written meanwhile. Run this command again."
            )
        if not self.is_in(target) and other.exists():
            if not filecmp.cmp(source, other, shallow=False):
                raise InputError(
                    f"{target}: holds another run ({RESULTS} differs from {source}). Choose another folder "
                    "with --output."
                )

    def is_in(self, target: Path) -> bool:
        """Whether the target is the folder itself."""
        return self.folder.resolve() == target.resolve()

    def content(self, target: Path) -> dict[str, Any] | None:
        """Of the target's record: that of the run without its list of files; None in its own folder."""
        if self.is_in(target):
            return None
        return manifest(self.folder).own


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def saved(folder: Path) -> Saved:
    """Results that a report can be made of.

    Raises
    ------
    InputError
        The file is missing, cannot be read, or holds something else.
    """
    settle(folder)
    source = folder / RESULTS
    if not source.exists():
        raise InputError(
            f"{source}: not found; {command_of(source)} writes it, and so do `heor scenarios --run` and `heor country "
            "compare`. Run one of them, or name its folder. `heor survival`, `what-if` and `analyse` save "
            "no results: run the command itself again for a new report."
        )
    stamp = _stamp(source)
    found = read_archive(source)
    if not isinstance(found, (Results, *OTHERS)):
        raise InputError(
            f"{source}: holds no results with a report. Make it again with `heor run`."
        )
    return Saved(folder, found, stamp)


def possible(results: Any, formats: Collection[str] | None, folder: Path) -> Collection[str]:
    """The formats asked for.

    Raises
    ------
    InputError
        A Word document of results that have none.
    """
    if isinstance(results, Results):
        return FORMATS if formats is None else formats
    if "docx" in (formats or ()):
        raise InputError(
            f"{folder}: holds many runs side by side; the Word document is that of one run. Use --format "
            "html or md, open tables/journal.html in Word, or name the folder of a `heor run`."
        )
    return ("html", "md") if formats is None else formats


def _write(
    results: Any,
    place: Path,
    formats: Collection[str],
    progress: Progress | None,
    with_figures: bool,
    language: str,
) -> None:
    if isinstance(results, Results):
        write_parts(results, place, formats, progress, with_figures, language)
        return
    OTHERS[type(results)](results, place, progress, with_figures, language)
    for item in list(place.iterdir()):  # the page is made of all the others
        if ("html" if item.name == PAGE else "md") in formats:
            continue
        if item.is_dir():
            shutil.rmtree(item)
        else:
            item.unlink()
