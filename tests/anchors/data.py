"""Data of other programs' examples."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Origin
from heor.survival.evidence import evidence
from heor.survival.families.likelihood import Piece

FOLDER = Path(__file__).parent / "survextrap"
MODE = json.loads((FOLDER / "mode.json").read_text())
SPECS = json.loads((FOLDER / "specs.json").read_text())
ARMS = ("Lev", "Lev+5FU")  # against observation alone

#: Folder of the data that may not be shipped.
REFERENCE = os.environ.get("HEOR_REFERENCE")
GROUPS = ("Medium", "Poor")

NAMES = {
    "exp": "exponential",
    "weibull": "weibull",
    "weibullPH": "weibull",
    "gompertz": "gompertz",
    "gamma": "gamma",
    "llogis": "loglogistic",
    "lnorm": "lognormal",
    "gengamma": "generalised_gamma",
    "genf": "generalised_f",
}


def data_of(data: str, formula: str) -> Piece:
    """Evidence of a case; skips where the data may not be shipped."""
    if (data, formula) == ("bc", "1"):
        frame = pytest.importorskip("lifelines.datasets").load_gbsg2()
        return individual("bc", frame["time"] / 365, frame["cens"])
    if not REFERENCE:
        pytest.skip(f"HEOR_REFERENCE is not set: the data of {data} ~ {formula} are not shipped")
    frame = pd.read_csv(Path(REFERENCE) / "flexsurv" / f"data_{data}.csv")
    groups = {f"x_{g}": (frame["group"] == g).to_numpy(float) for g in GROUPS if formula != "1"}
    return individual(data, frame["time"], frame["status"], **groups)


def individual(name: str, time: np.ndarray, event: np.ndarray, **covariates: np.ndarray) -> Piece:
    table = {"time": np.asarray(time, float), "event": np.asarray(event, float), **covariates}
    return evidence.piece(
        SurvivalEvidence(name, name, "os", "individual", table, (), "trial", Origin("test"))
    )


def patients(name: str) -> Piece:
    frame = pd.read_csv(Path(REFERENCE) / "survextrap" / "data_colons.csv")
    arms = {f"x_{arm}": frame["rx"] == arm for arm in ARMS}
    return piece_of(name, "individual", {"time": frame["years"], "event": frame["status"], **arms})


def piece_of(name: str, form: str, table: dict[str, np.ndarray]) -> Piece:
    arrays = {k: np.asarray(v, float) for k, v in table.items()}
    return evidence.piece(
        SurvivalEvidence(name, name, "os", form, arrays, (), "trial", Origin("test"))
    )
