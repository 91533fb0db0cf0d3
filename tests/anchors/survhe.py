"""The example of survHE: its data, models and results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

from heor.survival.families.distributions import DISTRIBUTIONS, Distribution, cumulative_hazard
from heor.survival.families.likelihood import Piece
from heor.survival.families.ops import NumpyOps
from heor.survival.families.priors import LogGamma, Normal, Prior
from heor.survival.families.regression import Regression
from tests.anchors.data import individual

FOLDER = Path(__file__).parent / "survhe_hmc_bc"
GROUPS = ("Good", "Medium", "Poor")  # the first is the intercept
KEPT, THINNED, THIN = 4000, 1000, 4
REFERENCE = os.environ.get("HEOR_REFERENCE")

MODELS = {"WeibullAF": "weibull", "logNormal": "lognormal", "logLogistic": "loglogistic"}

SIGMAS = 4.0


def compare_curves(
    model: str, distribution: Distribution, parameters: Mapping[str, np.ndarray], size: float
) -> pd.DataFrame:
    """Restricted means and survival, each in combined standard errors. Dims: (group, time)."""
    rows = pd.read_csv(FOLDER / "rmst_survival.csv").query("model == @model")
    chains = pd.read_csv(FOLDER / "posterior_parameters.csv").query("model == @model")
    least = float(chains["n_eff"].min())
    centre = 1 / thinned_size(least) + 1 / size
    tail = KEPT / THINNED / least + 1 / size
    draws = len(next(iter(parameters.values())))
    found = []
    for _, row in rows.iterrows():
        time = np.linspace(0.0, row["t"], 401)
        covariates = {g: np.full(draws, float(g == row["group"])) for g in GROUPS[1:]}
        s = np.exp(-cumulative_hazard(distribution, parameters, time, covariates))
        rmst = trapezoid(s, time, axis=1)
        by = (rmst.mean() - row["rmst_mean"]) / (rmst.std() * np.sqrt(centre))
        line = {"group": row["group"], "t": row["t"], "rmst": by}
        for name, values in (("rmst", rmst), ("surv", s[:, -1])):
            for p, end, variance in (
                (0.025, "lo", tail),
                (0.5, "median", centre),
                (0.975, "hi", tail),
            ):
                key = f"{name}_{end}"
                line[key] = by_rank(values, row[key], p, variance)
        found.append(line)
    return pd.DataFrame(found).set_index(["group", "t"])


def compare_parameters(
    model: str, parameters: Mapping[str, np.ndarray], size: float
) -> pd.DataFrame:
    """Means and quantiles against theirs, in combined standard errors (column `by` and after).

    `size` is our effective sample.
    """
    rows = pd.read_csv(FOLDER / "posterior_parameters.csv").query("model == @model")
    found = []
    for _, row in rows.iterrows():
        values = as_theirs(model, parameters)[row["par"]]
        by = (values.mean() - row["mean"]) / np.hypot(row["se_mean"], values.std() / np.sqrt(size))
        line = {"mean": row["mean"], "sd": row["sd"], "ours": values.mean(), "our_sd": values.std()}
        ranks = {f"{p:.1%}": by_rank(values, row[f"{100 * p:g}%"], p, 1 / row["n_eff"] + 1 / size)
                 for p in (0.025, 0.25, 0.5, 0.75, 0.975)}  # fmt: skip
        found.append(line | {"by": by} | ranks)
    return pd.DataFrame(found, rows["par"])


def patients(name: str = "bc") -> Piece:
    if not REFERENCE:
        pytest.skip("HEOR_REFERENCE is not set: the data with prognostic groups are not shipped")
    frame = pd.read_csv(Path(REFERENCE) / "survhe_hmc_bc" / "data_bc.csv")
    groups = {f"x_{g}": (frame["group"] == g).to_numpy(float) for g in GROUPS[1:]}
    return individual(name, frame["time"], frame["status"], **groups)


def with_their_priors(model: str) -> Distribution:
    """Our regression with the priors of survHE."""
    normal = model == "logNormal"
    base = Regression(DISTRIBUTIONS[MODELS[model]], GROUPS[1:])
    beta = Normal(0.0, 100.0 if normal else 5.0)
    alpha: Prior | LogUniform = LogUniform(5.0) if normal else LogGamma(0.1, 0.1)
    changed = tuple(
        replace(p, prior=alpha if p.name in ("shape", "sdlog") else beta) for p in base.parameters
    )
    other = copy(base)
    object.__setattr__(other, "parameters", changed)
    return other


@dataclass(frozen=True)
class LogUniform:
    """exp(theta) ~ uniform(0, upper)."""

    upper: float

    @property
    def mean(self) -> float:
        return float(np.log(self.upper) - 1.0)

    sd = 1.0

    def log_density(self, theta: Any, ops: Any = NumpyOps) -> Any:
        top = np.float64(np.log(self.upper))
        return theta - top + ops.where(theta < top, np.float64(0.0), np.float64(-np.inf))


def as_theirs(model: str, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our draws under the names of their parameters."""
    normal = model == "logNormal"
    return {
        "beta[1]": parameters["meanlog"] if normal else np.log(parameters["scale"]),
        "beta[2]": parameters["beta_Medium"],
        "beta[3]": parameters["beta_Poor"],
        "alpha": parameters["sdlog" if normal else "shape"],
    }


def by_rank(values: np.ndarray, quantile: float, p: float, variance: float) -> float:
    """How far the share of our draws below their quantile is from p, in standard errors."""
    return float(((values < quantile).mean() - p) / np.sqrt(p * (1 - p) * variance))


def thinned_size(effective: float) -> float:
    """Independent draws the thinned ones are worth, of chains of first order."""
    correlation = (KEPT / effective - 1) / (KEPT / effective + 1)
    thin = correlation**THIN
    return THINNED * (1 - thin) / (1 + thin)
