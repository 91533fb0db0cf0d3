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
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from heor.report import figures_comparison as comparison
from heor.report import figures_decision as decision
from heor.report import figures_drivers as drivers
from heor.report import figures_fits as fits
from heor.report import figures_survival as survival
from heor.report import figures_trial as trial
from heor.report import figures_what_if as what_if
from heor.report.comparison import Comparison
from heor.report.figure_style import house_style

if TYPE_CHECKING:
    from heor.results import Results

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
    "information": _compared(comparison.information),
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

# None removes what would differ between days or versions.
SVG_METADATA = {"Date": None, "Creator": None}
PNG_METADATA = {"Software": None}
COMPRESSION = {"compress_level": 3}  # half the time of the default for a tenth more bytes


def figure_bytes(figure: Figure, form: str) -> bytes:
    """A figure as a file of this format (`svg` or `png`), the same bytes for the same figure.

    The canvases are called directly: `Figure.savefig` draws everything twice.
    """
    stream, dpi = io.BytesIO(), figure.dpi
    with matplotlib.style.context(house_style()):
        if form == "svg":
            FigureCanvasSVG(figure).print_svg(stream, metadata=SVG_METADATA)
        elif form == "png":
            canvas = FigureCanvasAgg(figure)
            canvas.print_png(stream, metadata=PNG_METADATA, pil_kwargs=COMPRESSION)
        else:
            raise ValueError(f"figures are written as svg or png, not as '{form}'.")
    figure.dpi = dpi
    return stream.getvalue()


def has_icer(results: Results) -> bool:
    """Whether the central answer is a ratio of more cost to more QALYs."""
    base = results.deterministic.set_index("case").loc["base"]
    return bool(base["cost"] > 0 and base["qalys"] > 0)


def figures_of(results: Results) -> dict[str, Callable[[Results], Figure]]:
    """The figures a run has: survival for its own endpoints, none where nothing is fitted."""
    problem = results.problem
    fitted = [e for e in problem.settings.endpoints[::-1] if fits.is_fitted(problem, e)]
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
) -> list[Path]:
    """Write every figure in every format.

    Parameters
    ----------
    folder
        Made if it is not there; files are `<name>.<format>`.
    progress
        Called with (stage, done, total).
    figures
        Name → function of `results`; those of a run when None.

    Returns
    -------
    list of Path
        In the order of `figures`.
    """
    figures = figures_of(results) if figures is None else figures
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for done, (name, draw) in enumerate(figures.items(), start=1):
        figure = draw(results)
        for form in formats:
            path = folder / f"{name}.{form}"
            path.write_bytes(figure_bytes(figure, form))
            paths.append(path)
        if progress:
            progress("figures", done, len(figures))
    return paths
