"""Figures of a saved folder, chosen by name and laid out for a page, as a journal asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from heor.errors import InputError
from heor.inputs.layers import nearest
from heor.report.figure_page import Page, laid_out
from heor.report.figures import FORMATS, Progress, figures_of, write_figures
from heor.report.figures_countries import countries
from heor.report.figures_scenarios import scenarios
from heor.report.rebuild import saved
from heor.report.write import RESULTS
from heor.results import Results
from heor.scenario_analysis import ScenarioResults

Figures = Mapping[str, Callable[[Any], Figure]]


def saved_figures(folder: Path) -> tuple[Any, Figures]:
    """What a folder holds, and the figures of it by name.

    Raises
    ------
    InputError
        No saved results, or results that cannot be read.
    """
    found = saved(folder / RESULTS)
    if isinstance(found, Results):
        return found, figures_of(found)
    if isinstance(found, ScenarioResults):
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
    results: Any,
    figures: Figures,
    folder: Path,
    page: Page,
    formats: Sequence[str],
    dpi: float,
    progress: Progress | None = None,
) -> list[Path]:
    """Write figures, their numbers and (on a page without words) their words; other files stay.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    try:
        with laid_out(page):
            return write_figures(results, folder, formats, progress, figures, dpi)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}). Close programs that have its "
            "files open, or choose another folder with --output."
        ) from error
