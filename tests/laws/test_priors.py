"""Laws of prior densities, all on the unconstrained scale."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from heor.survival.families.priors import LogGamma, Logistic, LogitBeta, Normal
from tests.distributions import MODELS

PRIORS = (
    Normal(-1.0, 1.5),
    LogGamma(2.0, 5.0),
    LogGamma(2.0, 1.0),
    LogGamma(0.5, 3.0),
    LogitBeta(1.0, 4.0),
    LogitBeta(4.0, 36.0),
    LogitBeta(0.5, 0.5),
    Logistic(),
    Logistic(2.0, 0.3),
)
EVERY = pytest.mark.parametrize("prior", PRIORS, ids=repr)
GRID = np.linspace(-120.0, 120.0, 400_001)
NATURAL = {Normal: lambda x: x, LogGamma: np.exp, LogitBeta: special.expit, Logistic: lambda x: x}


def moments(prior, f=lambda x: x) -> tuple[float, float, float]:
    """Integral, mean and standard deviation of f(theta), on a grid."""
    with np.errstate(over="ignore"):
        density = np.exp(prior.log_density(GRID)) * (GRID[1] - GRID[0])
        total, value = density.sum(), np.where(density > 0, f(GRID), 0.0)
    mean = density @ value
    return float(total), float(mean), float(np.sqrt(density @ (value - mean) ** 2))


@EVERY
def test_density_integrates_to_one_with_the_mean_and_sd_it_states(prior) -> None:
    total, mean, sd = moments(prior)
    assert total == pytest.approx(1.0, abs=1e-8)
    assert mean == pytest.approx(prior.mean, abs=1e-6) and sd == pytest.approx(prior.sd, rel=1e-6)


@EVERY
def test_samples_have_the_density(prior) -> None:
    theta = prior.sample(np.random.default_rng(1), 20_000)
    cumulative = np.cumsum(np.exp(prior.log_density(GRID))) * (GRID[1] - GRID[0])
    assert stats.kstest(theta, lambda x: np.interp(x, GRID, cumulative)).pvalue > 1e-3


@EVERY
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scaled_changes_the_standard_deviation_it_names(prior, factor: float) -> None:
    """Normal and logistic: of theta; gamma: of exp(theta); beta: of the logit, about."""
    scaled = prior.scaled(factor)
    total, *_ = moments(scaled)
    assert total == pytest.approx(1.0, abs=1e-6)
    if isinstance(prior, LogitBeta):
        widths = [stats.beta(p.a, p.b).std() for p in (scaled, prior)]
        # never a spike at 0 or 1 that was not there: a wide beta(1, 4) is the uniform
        assert min(scaled.a, scaled.b) >= min(1.0, prior.a, prior.b)
        assert widths[0] >= widths[1] if factor > 1 else widths[0] < 0.7 * widths[1]
        return
    f = NATURAL[type(prior)]
    assert moments(scaled, f)[2] == pytest.approx(factor * moments(prior, f)[2], rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_models_with_wider_priors_are_the_same_models(name: str) -> None:
    model = MODELS[name]
    wider = model.with_priors(2.0)
    assert wider.names == model.names and wider.compile_key == model.compile_key
    assert [p.prior for p in wider.parameters] == [p.prior.scaled(2.0) for p in model.parameters]
    theta = np.array([[p.prior.mean for p in model.parameters]])
    assert wider.log_prior(theta)[0] < model.log_prior(theta)[0]
    assert np.isfinite(model.start({"os": 10.0}, {"os": 20.0})).all()
