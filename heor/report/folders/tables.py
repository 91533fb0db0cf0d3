"""Tables as CSV: exact, tidy, 10 significant digits, the same bytes for the same inputs and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from heor.report.format.cells import plain_table
from heor.report.format.frames import (
    companion_table,
    comparison_table,
    curve_table,
    fit_table,
    hazard_ratio_table,
    landmark_table,
    occupancy_table,
    parameter_table,
    phase_table,
    source_table,
    structure_table,
    what_if_crossings,
    what_if_table,
)
from heor.runs.results import Results
from heor.storage.manifest import file_in


def _decision(name: str) -> Callable[[Results], pd.DataFrame]:
    return lambda results: results.decision.tables.get(name, pd.DataFrame())


def _trial(name: str) -> Callable[[Results], pd.DataFrame]:
    return lambda results: pd.DataFrame() if results.trial is None else getattr(results.trial, name)


TABLES: dict[str, Callable[[Results], pd.DataFrame]] = {
    "icer": _decision("icer"),
    "strategies": _decision("strategies"),
    "increments": _decision("increments"),
    "net_benefit": _decision("net_benefit"),
    "ceac": _decision("ceac"),
    "severity_classes": _decision("severity_classes"),
    "severity_ages": _decision("severity_ages"),
    "deterministic": lambda results: results.deterministic,
    "tornado": lambda results: results.tornado,
    "frontier": _decision("frontier"),
    "choice": _decision("choice"),
    "quadrants": _decision("quadrants"),
    "convergence": _decision("convergence"),
    "research_priorities": lambda results: results.research_priorities,
    "information_curves": lambda results: results.information_curves,
    "information": lambda results: results.information,
    "tipping_points": lambda results: results.tipping,
    "value_based_prices": lambda results: results.prices,
    "what_if": what_if_table,
    "what_if_crossings": what_if_crossings,
    "trial_designs": _trial("designs"),
    "trial_extension": _trial("extension"),
    "trial_check": _trial("check"),
    "trial_power": _trial("power_by_size"),
    "trial_observed": _trial("observed"),
    "companions": companion_table,
    "structures": structure_table,
    "phases": phase_table,
    "exposures": lambda results: results.simulation.exposures,
    "histories": lambda results: results.simulation.histories,
    "landmarks": landmark_table,
    "hazard_ratios": hazard_ratio_table,
    "capped": lambda results: results.simulation.capped,
    "survival_fits": fit_table,
    "survival_comparison": comparison_table,
    "curves": curve_table,
    "occupancy": occupancy_table,
    "parameters": parameter_table,
    "sources": source_table,
}


def write_tables(results: Results, folder: Path) -> list[Path]:
    """Every table of a run as CSV."""
    return write_csv({name: make(results) for name, make in TABLES.items()}, folder)


def write_csv(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Tables as CSV (UTF-8, comma, decimal point, LF), one file each; empty ones are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, table in tables.items():
        if table.empty:
            continue
        path = file_in(folder, f"{name}.csv")
        plain_table(table).to_csv(
            path, index=False, float_format="%.10g", lineterminator="\n", encoding="utf-8"
        )
        paths.append(path)
    return paths
