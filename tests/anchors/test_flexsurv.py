"""Likelihood and maximum likelihood against flexsurv 2.3.2 (see flexsurv/README.md)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.survival.families import flexible, likelihood
from heor.survival.families.distributions import DISTRIBUTIONS, Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.families.regression import Regression
from heor.survival.sampler import laplace
from tests import fits
from tests.anchors.data import GROUPS, NAMES, data_of
from tests.fits import from_gammas, gammas_of

FOLDER = Path(__file__).parent / "flexsurv"
REFERENCE = os.environ.get("HEOR_REFERENCE")
SPLINES = [f"spline_{scale}_k{k}" for scale in flexible.SCALES for k in range(4)]
CASES = [
    (data, formula, model)
    for data, formula in (("bc", "1"), ("bc", "group"), ("ovarian", "1"))
    for model in [*NAMES, *SPLINES]
    if model != "genf" or (data, formula) == ("bc", "1")
]


def reference(data: str, formula: str, model: str) -> tuple[float, pd.DataFrame]:
    key = ["data", "formula", "model"]
    fits = pd.read_csv(FOLDER / "fits.csv").set_index(key).sort_index()
    rows = pd.read_csv(FOLDER / "coefficients.csv").set_index(key).sort_index()
    return float(fits.loc[(data, formula, model), "loglik"]), rows.loc[[(data, formula, model)]]


def distribution_of(
    model: str, formula: str, piece: Piece, rows: pd.DataFrame
) -> tuple[Distribution, np.ndarray]:
    """Our distribution and their estimates as its unconstrained parameters."""
    theirs = rows["est_transformed"].to_numpy()
    if model.startswith("spline"):
        scale, inner = model.split("_")[1:]
        base = flexible.royston_parmar([piece], scale, int(inner[1:]))
        knots, gamma = (rows["par"].str.startswith(start) for start in ("knot", "gamma"))
        np.testing.assert_allclose(base.knots, rows.loc[knots, "est"], atol=1e-9)
        own = base.unconstrained(from_gammas(base, rows.loc[gamma, "est"]))
        theirs = np.concatenate([own, rows.loc[~(knots | gamma), "est"]])
    else:
        base = DISTRIBUTIONS[NAMES[model]]
    if model == "weibullPH":  # their scale is a hazard: ours to the power of minus the shape
        theirs = np.append(theirs[0], -theirs[1:] / np.exp(theirs[0]))
    return (Regression(base, GROUPS) if formula == "group" else base), theirs


@pytest.mark.parametrize(("data", "formula", "model"), CASES, ids=["-".join(c) for c in CASES])
def test_maximum_likelihood_is_flexsurvs(data: str, formula: str, model: str) -> None:
    piece = data_of(data, formula)
    log_likelihood, rows = reference(data, formula, model)
    distribution, theirs = distribution_of(model, formula, piece, rows)

    f = laplace.log_likelihood_function(distribution, [likelihood.encoded(distribution, piece)])
    assert f(theirs[None])[0] == pytest.approx(log_likelihood, abs=1e-6)

    guess = theirs if model == "genf" else None  # P is hardly identified: seconds without it
    ours = fits.fit_maximum_likelihood(distribution, [piece], guess)
    assert ours.log_likelihood > log_likelihood - 1e-6
    if ours.log_likelihood > log_likelihood + 1e-6:
        return  # their optimiser stopped early
    if model in ("gompertz", "weibullPH", "genf") or model.startswith("spline"):
        assert np.abs(ours.transformed - theirs).max() < 2e-3
        return
    se = rows["se_transformed"].to_numpy()
    assert np.abs((ours.transformed - theirs) / se).max() < 0.01
    np.testing.assert_allclose(np.sqrt(np.diag(ours.covariance)), se, rtol=2e-3)
    for (_, row), (name, value) in zip(rows.iterrows(), ours.estimates.items(), strict=True):
        assert value == pytest.approx(row["est"], rel=5e-3, abs=0.01 * row["se"]), name


def test_spline_survival_is_flexsurvs_where_the_curve_is_asked_for() -> None:
    """Coefficients there and back, and a curve by the formula of Royston and Parmar."""
    _, rows = reference("bc", "1", "spline_odds_k3")
    value = rows.set_index("par")["est"]
    model = flexible.RoystonParmar("odds", tuple(value.filter(like="knot")))
    gammas = value.filter(like="gamma").to_numpy()
    p = from_gammas(model, gammas)
    np.testing.assert_allclose(gammas_of(model, p)[0], gammas, rtol=1e-9)
    low, *inner, high = model.knots
    t = np.geomspace(0.01, 30, 50)
    x = np.log(t)
    s = gammas[0] + gammas[1] * x
    for gamma, k in zip(gammas[2:], inner, strict=True):
        share = (high - k) / (high - low)
        parts = [np.maximum(x - at, 0) ** 3 for at in (k, low, high)]
        s = s + gamma * (parts[0] - share * parts[1] - (1 - share) * parts[2])
    h = model.cumulative_hazard(model.encode(t), p, likelihood.NumpyOps)
    np.testing.assert_allclose(np.exp(-h), 1 / (1 + np.exp(s)), rtol=1e-9)
