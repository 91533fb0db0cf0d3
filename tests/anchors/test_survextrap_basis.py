"""M-splines and the prior of their weights against survextrap 1.0.1 (survextrap/README.md)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.survival.families import likelihood
from heor.survival.families.flexible import MSpline, m_splines
from heor.survival.sampler import laplace
from tests.anchors.data import FOLDER, MODE, SPECS, individual
from tests.fits import as_survextrap

REFERENCE = os.environ.get("HEOR_REFERENCE")


def mode(model: MSpline) -> np.ndarray:
    """Their posterior mode on our unconstrained scale."""
    sizes = model.step_sizes[1:]
    z = np.diff([0.0, *MODE["b_err"]]) / sizes
    return np.array([MODE["alpha"], np.log(MODE["hsd"]), *z])


def test_basis_and_integral() -> None:
    grid = pd.read_csv(FOLDER / "basis_grid.csv")
    basis, integral = m_splines(SPECS["intercept"]["knots"], grid["t"].to_numpy())
    later = grid["t"] > 0  # at time 0 theirs is 0, ours the limit from the right
    theirs = grid.filter(like="B.").to_numpy()
    np.testing.assert_allclose(basis[later], theirs[later], atol=1e-12)
    np.testing.assert_allclose(integral, grid.filter(like="I.").to_numpy(), atol=1e-12)
    knots = SPECS["intercept"]["knots"]
    assert basis[0] == pytest.approx([4 / knots[0], *np.zeros(9)])


@pytest.mark.parametrize("case", SPECS)
def test_weights_of_a_constant_hazard(case: str) -> None:
    spec = SPECS[case]
    model = MSpline(tuple(spec["knots"]), degree=spec["degree"])
    assert model.size == spec["df"]
    np.testing.assert_allclose(model.flat_weights, spec["coefs_mean"], atol=1e-12)


def test_weights_of_their_mode() -> None:
    model = as_survextrap(SPECS["intercept"]["knots"])
    p = model.natural(mode(model)[None, None, :])
    weights = model.weights(p, likelihood.NumpyOps)
    np.testing.assert_allclose(weights[0, 0], MODE["coefs"], atol=1e-12)


def test_their_mode_is_the_mode_here() -> None:
    """Likelihood and prior together: the gradient vanishes where their optimiser ended."""
    if not REFERENCE:
        pytest.skip("HEOR_REFERENCE is not set: the colons data are not shipped")
    frame = pd.read_csv(Path(REFERENCE) / "survextrap" / "data_colons.csv")
    piece = individual("colons", frame["years"], frame["status"])
    model = as_survextrap(SPECS["intercept"]["knots"])
    f = laplace.log_likelihood_function(model, [likelihood.encoded(model, piece)])

    def density(theta: np.ndarray) -> np.ndarray:
        """Theirs is the mode over sd, ours is a density of log sd: without its Jacobian."""
        return f(theta) + model.log_prior(theta) - theta[..., 1]

    theirs = mode(model)
    found, value, _ = laplace.maximise(density, theirs)
    assert value == pytest.approx(float(density(theirs[None])[0]), abs=1e-6)
    np.testing.assert_allclose(found, theirs, atol=1e-3)
