"""Figures of a saved folder, chosen by name and laid out for a page, as a journal asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from heor.errors import InputError
from heor.faults import nearest
from heor.report.figures.countries import countries
from heor.report.figures.page import Page, laid_out
from heor.report.figures.registry import FORMATS, Progress, figures_of, write_figures
from heor.report.figures.scenarios import scenarios
from heor.report.folders.rebuild import Saved, saved
from heor.runs.results import Results
from heor.runs.scenario_analysis import ScenarioResults
from heor.storage.folder import write_folder

Figures = Mapping[str, Callable[[Any], Figure]]


def saved_figures(folder: Path) -> tuple[Saved, Figures]:
    """What a folder holds, and the figures of it by name.

    Raises
    ------
    InputError
        No saved results, or results that cannot be read.
    """
    found = saved(folder)
    if isinstance(found.results, Results):
        return found, figures_of(found.results)
    if isinstance(found.results, ScenarioResults):
        return found, {"scenarios": scenarios}
    return found, {"countries": countries}


def chosen(figures: Figures, names: Sequence[str]) -> Figures:
    """The figures of these names, in the order of the names; all when there are none.

    Raises
    ------
    InputError
        Every name there is no figure of.
    """
    problems = [
        f"--only {name}: no such figure here; there are: {', '.join(figures)}.{nearest(name, figures)}"
        for name in names
        if name not in figures
    ]
    if problems:
        raise InputError(problems)
    return {name: figures[name] for name in names} if names else figures


def known_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Formats as asked for, each once.

    Raises
    ------
    InputError
        Every one that figures are not written in.
    """
    problems = [
        f"--format {name}: unknown format; allowed: {', '.join(FORMATS)}.{nearest(name, FORMATS)}"
        for name in names
        if name not in FORMATS
    ]
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(names))


def write_chosen(
    found: Saved,
    figures: Figures,
    place: Path,
    page: Page,
    formats: Sequence[str],
    dpi: float,
    progress: Progress | None = None,
) -> Path:
    """Write figures, their numbers and (on a page without words) their words; see `write_folder`.

    In a folder of the run's (`figures-85mm`), the run's record lists them.

    Raises
    ------
    InputError
        The place belongs to another run, or has files of the user's where new ones would be.
    OutputError
        It cannot be written.
    """
    inside = place.resolve().parent == found.folder.resolve()
    target = found.folder if inside else place

    def fill(made: Path) -> None:
        found.check(target)
        with laid_out(page):
            own = made / place.name if inside else made
            write_figures(found.results, own, formats, progress, figures, dpi)

    write_folder(target, fill, renew=(), content=found.content(target))
    return place
