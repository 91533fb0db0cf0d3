"""Posteriors with covariates against Stan, run through survHEhmc (survhe_hmc_bc/README.md).

Two samplers, so both sides have Monte Carlo error. Theirs of a mean is stated with it; ours is
sd / sqrt(n), with n the effective number of importance draws. Restricted means and survival come
from 1,000 of their draws, thinned by four: were the chains of first order, `n_eff` says that those
are worth about 820 independent ones. A quantile is compared by its rank among our draws. For the
ends of intervals a thinned draw is worth no more than any other (`n_eff` / 4, about 280), because
`n_eff` is that of a mean and chains mix more slowly in the tails.
"""

from __future__ import annotations

import numpy as np
import pytest

from heor.survival.families import likelihood
from heor.survival.sampler import laplace
from tests.anchors.survhe import (
    MODELS,
    SIGMAS,
    compare_curves,
    compare_parameters,
    patients,
    with_their_priors,
)

FEW = 4000  # draws of ours for curves


@pytest.mark.parametrize("model", MODELS)
def test_laplace_with_importance_sampling_is_stan(model: str) -> None:
    piece, distribution = patients(), with_their_priors(model)
    encoded = [likelihood.encoded(distribution, piece)]
    fit = laplace.fit_laplace(distribution, encoded, 16_000, np.random.default_rng(1))
    size = fit.importance_ess * laplace.PROPOSALS
    assert fit.pareto_k < 0.5 and size > 5000
    parameters = distribution.natural(fit.theta)
    means = compare_parameters(model, parameters, size)
    few = {k: v[:FEW] for k, v in parameters.items()}  # the draws are in random order
    curves = compare_curves(model, distribution, few, 1 / (1 / size + 1 / FEW))
    print(f"\n{model}: k {fit.pareto_k:.2f}, effective draws {size:.0f}")
    print(means.round(4).to_string())
    print(curves.round(2).to_string())
    assert means.loc[:, "by":].abs().max(axis=None) < SIGMAS
    np.testing.assert_allclose(means["our_sd"], means["sd"], rtol=0.1)
    assert curves.abs().max(axis=None) < SIGMAS
