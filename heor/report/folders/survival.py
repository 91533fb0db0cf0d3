"""Write the survival report's folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from heor.report.folders.tables import write_csv
from heor.report.format.provenance import record, write_json
from heor.report.survival.markdown import document
from heor.report.survival.tables import survival_tables
from heor.report.survival.text_methods import survival_command
from heor.storage.folder import write_folder
from heor.survival_analysis import SurvivalResults


def write_survival_report(
    results: SurvivalResults,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    language: str = "en",
) -> Path:
    """Tables, figures, report.md, report.html and run.json of one appraisal; see `write_folder`."""
    from heor.report.figures.registry import write_figures
    from heor.report.html.plain import write_document
    from heor.report.survival.figures import survival_figures

    def fill(place: Path) -> None:
        write_csv(survival_tables(results), place / "tables")
        figures = survival_figures(results)
        write_figures(results, place / "figures", progress=progress, figures=figures)
        write_document(document(results), place, language)
        write_json(survival_record(results), place / "run.json")

    return write_folder(folder, fill)


def survival_record(results: SurvivalResults) -> dict:
    """The content of run.json."""
    correlations = {" + ".join(unit): rho for unit, rho in results.fits.correlations.items()}
    own = {"priors": results.priors, "correlations": correlations}
    return record(results, survival_command(results), results.warnings, results.timings, own)
