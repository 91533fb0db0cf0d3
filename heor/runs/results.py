"""What one run produced: everything a report needs, and nothing that has to be refitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from heor.archive import read_archive, write_archive, write_netcdf
from heor.archive_classes import ADDED
from heor.decision.decision import Decision
from heor.errors import InputError
from heor.findings import Finding
from heor.problem.problem import DecisionProblem
from heor.questions.crossings import WhatIfMap
from heor.simulation.simulated import Simulation
from heor.trial.findings import TrialFindings

if TYPE_CHECKING:
    from heor.parameters.draws import Draws
    from heor.survival.fitting.fit_problems import SurvivalFits


@dataclass(frozen=True)
class Companion:
    """A scenario printed beside the run, on the same draws."""

    name: str
    label: str
    why: str
    decision: Decision


@dataclass(frozen=True)
class Structure:
    """The run under another model structure, on the same evidence and draws.

    `dropped` is the stacking weight of families it cannot use.
    """

    model: str
    label: str
    decision: Decision
    simulation: Simulation
    dropped: float = 0.0


@dataclass(frozen=True)
class Results:
    """One run. `simulation` holds draws × outcomes; `decision` the tables made of them.

    `findings` are what is worth a look in its inputs and results; `left_out`: questions that could not be
    answered, and why.
    """

    problem: DecisionProblem
    draws: Draws
    fits: SurvivalFits
    simulation: Simulation
    decision: Decision
    deterministic: pd.DataFrame
    tornado: pd.DataFrame
    information: pd.DataFrame = field(default_factory=pd.DataFrame)
    information_curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    research_priorities: pd.DataFrame = field(default_factory=pd.DataFrame)
    trial: TrialFindings | None = None
    tipping: pd.DataFrame = field(default_factory=pd.DataFrame)
    prices: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps: tuple[WhatIfMap, ...] = ()
    companions: tuple[Companion, ...] = ()
    structures: tuple[Structure, ...] = ()
    structure_faults: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = field(default=(), metadata=ADDED)
    left_out: Mapping[str, str] = field(default_factory=dict, metadata=ADDED)

    @property
    def method(self) -> str:
        """`nuts`, or `laplace` for a quick run."""
        return "laplace" if self.problem.settings.fit.quick else "nuts"

    def save(self, path: Path) -> None:
        """Outcomes, draws, curves and occupancy as one netCDF file with units as attributes.

        In a group of its own the whole run, for `load`.
        """
        simulation, problem = self.simulation, self.problem
        time = xr.DataArray(problem.time, dims="time", attrs={"unit": "years since randomisation"})
        dataset = xr.Dataset(
            {
                "outcomes": simulation.outcomes.data.assign_attrs(
                    unit=f"{problem.country.currency} {problem.country.price_year}, QALYs, life years"
                ),
                "occupancy": simulation.occupancy,
                **{f"survival_{k}": v for k, v in simulation.curves.items()},
                "parameters": xr.DataArray(
                    pd.DataFrame(dict(self.draws.values)).to_numpy(),
                    dims=("draw", "parameter"),
                    coords={"parameter": list(self.draws.values)},
                    attrs={"unit": "internal: years, per year"},
                ),
            },
            coords={"time": time},
            attrs={
                "title": problem.title,
                "country": problem.country.name,
                "method": self.method,
                "model": problem.settings.model,
                "within_cycle": problem.settings.within_cycle,
                "discounting": problem.country.discount_timing,
            },
        )
        path.unlink(missing_ok=True)
        write_netcdf(dataset, path)
        write_archive(self, path)

    @classmethod
    def load(cls, path: Path) -> Results:
        """A saved run, whole: all that a report needs, without inputs or fits.

        Raises
        ------
        InputError
            The file is missing, damaged or half-written, or was made by another version.
        """
        found = read_archive(path)
        if not isinstance(found, cls):
            raise InputError(f"{path}: holds no run. Make it again with `heor run`.")
        return found
