"""The tables of the survival report as CSV files; each is described where it is made."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from heor.report.format.frames import comparison_table, fit_table
from heor.survival_analysis import SurvivalResults
from heor.survival_analysis.sources import used_evidence


def survival_tables(results: SurvivalResults) -> Mapping[str, pd.DataFrame]:
    """File name → table: those of the appraisal, and diagnostics, comparison and sources."""
    return {
        **results.tables,
        "diagnostics": fit_table(results),
        "comparison": comparison_table(results),
        "correlations": correlation_table(results),
        "sources": source_table(results),
    }


def correlation_table(results: SurvivalResults) -> pd.DataFrame:
    """`os`, `pfs` (evidence) and `correlation` of their five-year restricted means."""
    rows = [
        {"os": unit[0], "pfs": unit[1], "correlation": rho}
        for unit, rho in results.fits.correlations.items()
    ]
    return pd.DataFrame(rows, columns=["os", "pfs", "correlation"])


def source_table(results: SurvivalResults) -> pd.DataFrame:
    """Sources of the evidence, life table, studies and opinions behind this report."""
    problem = results.problem
    keys = {k for n, _ in used_evidence(problem, results.fits) for k in problem.evidence[n].source}
    keys |= set(problem.country.life_table.source)
    names = [s for synthesis in problem.syntheses.values() for s in synthesis.studies]
    names += [opinion.parameter for opinion in problem.opinions.values()]
    keys |= {k for name in names for k in problem.parameters[name].source}
    return pd.DataFrame([vars(problem.sources[k]) for k in sorted(keys)])


def rows(frame: pd.DataFrame, **values: str) -> pd.DataFrame:
    """The rows of a table with these values."""
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame
