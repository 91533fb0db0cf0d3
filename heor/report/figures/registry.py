"""All figures of a report, by name, and their files.

A figure is a function of its results alone. Files are the same bytes for the same results: no
dates, no random identifiers, nothing taken from the machine's own Matplotlib settings.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from heor.report.figure_data.drivers import tornado_icer
from heor.report.figure_data.fits import fitted_endpoints
from heor.report.figures import comparison, decision, drivers, fits, survival, trial, what_if
from heor.report.figures.canvas import ReportFigure, house_style
from heor.report.figures.information import information
from heor.report.figures.page import page
from heor.report.format.comparison import Comparison
from heor.storage.manifest import file_in

if TYPE_CHECKING:
    from heor.runs.results import Results

Progress = Callable[[str, int, int], None]


def _compared(figure: Callable[[Comparison], Figure]) -> Callable[[Results], Figure]:
    """A figure of any decision, of a run's."""
    return lambda results: figure(Comparison.of(results))


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "survival_os": partial(survival.survival, endpoint="os"),
    "survival_pfs": partial(survival.survival, endpoint="pfs"),
    "fits_os": partial(fits.fits, endpoint="os"),
    "fits_pfs": partial(fits.fits, endpoint="pfs"),
    "hazards": fits.hazards,
    "occupancy": survival.occupancy,
    "plane": _compared(comparison.plane),
    "ceac": _compared(comparison.ceac),
    "expected_loss": _compared(comparison.expected_loss),
    "information": _compared(information),
    "tornado": drivers.tornado,
    "tornado_icer": drivers.tornado_icer,
    "costs": drivers.costs,
    "companions": decision.companions,
    "structures": decision.structures,
    "structure_occupancy": survival.structure_occupancy,
    "trial_designs": trial.designs,
    "trial_follow_up": trial.follow_up,
    "trial_power": trial.power,
}

#: Format → metadata; None removes what would differ between days or versions.
METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(METADATA)
COMPRESSION = {"compress_level": 3}  # half the time of the default for a tenth more bytes


def figure_bytes(figure: Figure, form: str, dpi: float | None = None) -> bytes:
    """A figure as a file of this format, the same bytes for the same figure.

    Parameters
    ----------
    form
        `svg` (text stays text, in the reader's font: DejaVu Sans or the nearest), `pdf` (text stays text,
        its font inside) or `png`.
    dpi
        Dots per inch of `png`, and of the clouds of points in `svg` and `pdf`; the style's when None.

    The canvases are called directly: `Figure.savefig` draws everything twice.
    """
    if form not in FORMATS:
        raise ValueError(f"figures are written as {' or '.join(FORMATS)}, not as '{form}'.")
    stream, before, own = io.BytesIO(), figure.dpi, METADATA[form]
    with matplotlib.style.context(house_style()):
        figure.dpi = dpi or before
        if form == "svg":
            FigureCanvasSVG(figure).print_svg(stream, metadata=own)
        elif form == "pdf":
            FigureCanvasPdf(figure).print_pdf(stream, metadata=own)
        else:
            FigureCanvasAgg(figure).print_png(stream, metadata=own, pil_kwargs=COMPRESSION)
    figure.dpi = before
    return stream.getvalue()


def has_icer(results: Results) -> bool:
    """Whether the central answer is a ratio of more cost to more QALYs."""
    base = results.deterministic.set_index("case").loc["base"]
    return bool(base["cost"] > 0 and base["qalys"] > 0)


def figures_of(results: Results) -> dict[str, Callable[[Results], Figure]]:
    """The figures a run has: survival for its own endpoints, none where nothing is fitted."""
    problem = results.problem
    fitted = fitted_endpoints(problem)
    own = {f"survival_{e}": partial(survival.survival, endpoint=e) for e in fitted}
    own |= {f"fits_{e}": partial(fits.fits, endpoint=e) for e in fitted}
    if fitted:
        own["hazards"] = fits.hazards
    own |= {
        f"what_if_{m.what_if.name}": partial(what_if.what_if, index=i)
        for i, m in enumerate(results.maps)
    }
    left_out = ("survival", "fits", "hazards")
    if len(results.structures) < 2:
        left_out += ("structure",)
    if not has_icer(results):
        left_out += ("tornado_icer",)
    if results.tornado.empty:
        left_out += ("tornado",)
    elif tornado_icer(results).table.empty:
        left_out += ("tornado_icer",)
    if results.information.empty:
        left_out += ("information",)
    if results.trial is None:
        left_out += ("trial",)
    others = {k: draw for k, draw in FIGURES.items() if not k.startswith(left_out)}
    return {**own, **others}


def write_figures(
    results: Any,
    folder: Path,
    formats: Sequence[str] = ("svg", "png"),
    progress: Progress | None = None,
    figures: Mapping[str, Callable[[Any], Figure]] | None = None,
    dpi: float | None = None,
) -> list[Path]:
    """Write every figure in every format, and the numbers behind it.

    Parameters
    ----------
    folder
        Made if it is not there. Files are `<name>.<format>` and `data/<name>.csv`; on a page without
        words, title and caption go into `<name>.txt`.
    progress
        Called with (stage, done, total).
    figures
        Name → function of `results`; those of a run when None.
    dpi
        See `figure_bytes`.

    Returns
    -------
    list of Path
        The figures, in the order of `figures`.
    """
    figures = figures_of(results) if figures is None else figures
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for done, (name, draw) in enumerate(figures.items(), start=1):
        figure = draw(results)
        for form in formats:
            path = file_in(folder, f"{name}.{form}")
            path.write_bytes(figure_bytes(figure, form, dpi))
            paths.append(path)
        _write_beside(figure, folder, name)
        if progress:
            progress("figures", done, len(figures))
    return paths


def _write_beside(figure: Figure, folder: Path, name: str) -> None:
    """The numbers of a figure, and its words where they do not stand in it."""
    if not isinstance(figure, ReportFigure):
        return
    if figure.numbers is not None:
        (folder / "data").mkdir(exist_ok=True)
        figure.numbers.write(folder / "data" / f"{name}.csv")
    if not page().words:
        words = "\n\n".join(t for t in (figure.title, figure.caption) if t)
        (folder / f"{name}.txt").write_text(words + "\n", encoding="utf-8", newline="\n")
