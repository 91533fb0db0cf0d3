"""Which prior survextrap 1.0.1 has: at the mode its optimiser found, the gradient says.

The sampled posteriors are in `tests/slow/test_survextrap_sampled.py`, basis and weights in
`test_survextrap_basis.py`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heor.survival.families import likelihood
from heor.survival.families.flexible import SMOOTH
from heor.survival.sampler import laplace
from tests.anchors.data import MODE, REFERENCE, SPECS, patients
from tests.fits import as_survextrap


@pytest.mark.parametrize("smooth", SMOOTH)
def test_gradient_at_their_mode(smooth: str) -> None:
    """It vanishes for the weighted random walk and for no other."""
    if not REFERENCE:
        pytest.skip("HEOR_REFERENCE is not set: the colons data are not shipped")
    theirs = as_survextrap(SPECS["intercept"]["knots"])
    model = replace(theirs, smooth=smooth)
    piece = likelihood.encoded(model, patients("colons"))
    f = laplace.log_likelihood_function(model, [piece])

    errors = np.array(MODE["b_err"])  # deviations of the weights, in sd
    z = errors if smooth == "exchangeable" else np.diff([0.0, *errors]) / model.step_sizes[1:]
    theta = np.array([MODE["alpha"], np.log(MODE["hsd"]), *z])
    weights = model.weights(model.natural(theta[None, None]), likelihood.NumpyOps)
    np.testing.assert_allclose(weights[0, 0], MODE["coefs"], atol=1e-12)

    def density(theta: np.ndarray) -> np.ndarray:
        """Their mode is over sd, our density of log sd: without its Jacobian."""
        return f(theta) + model.log_prior(theta) - theta[..., 1]

    _, gradient, _ = laplace.derivatives(density, theta, np.full(len(theta), 1e-4))
    largest = np.abs(gradient).max()
    assert largest < 1e-3 if smooth == "weighted_random_walk" else largest > 1.0
