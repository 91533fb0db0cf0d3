"""All figures of a report, by name, and their files.

A figure is a function of `Results` alone. Files are the same bytes for the same results: no
dates, no random identifiers, nothing taken from the machine's own Matplotlib settings.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.style
from matplotlib.figure import Figure

from heor.report import figures_decision as decision
from heor.report import figures_survival as survival
from heor.report.figure_style import house_style

if TYPE_CHECKING:
    from heor.results import Results

Progress = Callable[[str, int, int], None]

FIGURES: dict[str, Callable[[Results], Figure]] = {
    "survival_os": partial(survival.survival, endpoint="os"),
    "survival_pfs": partial(survival.survival, endpoint="pfs"),
    "fits_os": partial(survival.fits, endpoint="os"),
    "fits_pfs": partial(survival.fits, endpoint="pfs"),
    "hazards": survival.hazards,
    "occupancy": survival.occupancy,
    "plane": decision.plane,
    "ceac": decision.ceac,
    "tornado": decision.tornado,
    "costs": decision.costs,
    "companions": decision.companions,
}

# None removes what would differ between days or versions.
METADATA = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


def figure_bytes(figure: Figure, form: str) -> bytes:
    """A figure as a file of this format (`svg`, `png`), the same bytes for the same figure."""
    stream = io.BytesIO()
    with matplotlib.style.context(house_style()):
        figure.savefig(stream, format=form, metadata=METADATA.get(form))
    return stream.getvalue()


def write_figures(
    results: Results,
    folder: Path,
    formats: Sequence[str] = ("svg", "png"),
    progress: Progress | None = None,
) -> list[Path]:
    """Write every figure in every format.

    Parameters
    ----------
    folder
        Made if it is not there; files are `<name>.<format>`.
    progress
        Called with (stage, done, total).

    Returns
    -------
    list of Path
        In the order of `FIGURES`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for done, (name, draw) in enumerate(FIGURES.items(), start=1):
        figure = draw(results)
        for form in formats:
            path = folder / f"{name}.{form}"
            path.write_bytes(figure_bytes(figure, form))
            paths.append(path)
        if progress:
            progress("figures", done, len(FIGURES))
    return paths
