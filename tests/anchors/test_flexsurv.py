"""Likelihood and maximum likelihood against flexsurv 2.3.2 (see flexsurv/README.md)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.inputs.problem import Origin, SurvivalEvidence
from heor.survival import laplace, likelihood
from heor.survival.distributions import DISTRIBUTIONS

FOLDER = Path(__file__).parent / "flexsurv"
REFERENCE = os.environ.get("HEOR_REFERENCE")
NAMES = {
    "exp": "exponential",
    "weibull": "weibull",
    "gompertz": "gompertz",
    "gamma": "gamma",
    "llogis": "loglogistic",
    "lnorm": "lognormal",
    "gengamma": "generalised_gamma",
}
CASES = [("bc", "1"), ("bc", "group"), ("ovarian", "1")]


def individual(name: str, time: np.ndarray, event: np.ndarray) -> SurvivalEvidence:
    table = {"time": np.asarray(time, float), "event": np.asarray(event, float)}
    return SurvivalEvidence(name, name, "os", "individual", table, (), "trial", Origin("test"))


def data_of(data: str, formula: str) -> tuple[SurvivalEvidence, np.ndarray | None]:
    """Evidence and design matrix of a case; skips where the data may not be shipped."""
    if (data, formula) == ("bc", "1"):
        frame = pytest.importorskip("lifelines.datasets").load_gbsg2()
        return individual("bc", frame["time"] / 365, frame["cens"]), None
    if not REFERENCE:
        pytest.skip(f"HEOR_REFERENCE is not set: the data of {data} ~ {formula} are not shipped")
    frame = pd.read_csv(Path(REFERENCE) / "flexsurv" / f"data_{data}.csv")
    design = None
    if formula == "group":
        design = np.stack([frame["group"] == g for g in ("Medium", "Poor")], axis=1).astype(float)
    return individual(data, frame["time"], frame["status"]), design


def reference(data: str, formula: str, model: str) -> tuple[float, pd.DataFrame]:
    fits = pd.read_csv(FOLDER / "fits.csv").set_index(["data", "formula", "model"])
    rows = pd.read_csv(FOLDER / "coefficients.csv").set_index(["data", "formula", "model"])
    key = (data, formula, model)
    return float(fits.sort_index().loc[key, "loglik"]), rows.sort_index().loc[[key]]


@pytest.mark.parametrize(("data", "formula"), CASES, ids=["bc", "bc-group", "ovarian"])
@pytest.mark.parametrize("model", NAMES)
def test_maximum_likelihood_is_flexsurvs(data: str, formula: str, model: str) -> None:
    evidence, design = data_of(data, formula)
    distribution = DISTRIBUTIONS[NAMES[model]]
    log_likelihood, rows = reference(data, formula, model)
    theirs, se = rows["est_transformed"].to_numpy(), rows["se_transformed"].to_numpy()

    f = laplace.log_likelihood_function(distribution, likelihood.prepare(evidence), design)
    assert f(theirs[None])[0] == pytest.approx(log_likelihood, abs=1e-6)

    ours = laplace.fit_maximum_likelihood(distribution, evidence, design=design)
    assert ours.log_likelihood > log_likelihood - 1e-4
    assert np.abs((ours.transformed - theirs) / se).max() < 0.01
    np.testing.assert_allclose(np.sqrt(np.diag(ours.covariance)), se, rtol=2e-3)
    for (_, row), (name, value) in zip(rows.iterrows(), ours.estimates.items(), strict=True):
        assert value == pytest.approx(row["est"], rel=5e-3, abs=0.01 * row["se"]), name
