"""Random-effects synthesis of study estimates with a predictive distribution.

Normal-normal model: y_i ~ N(theta_i, se_i^2), theta_i ~ N(mu, tau^2), flat prior on mu and
tau ~ half-normal(scale). With two studies the prior on tau decides the width of the prediction,
so it is an explicit input (Higgins, Thompson & Spiegelhalter 2009, doi 10.1111/j.1467-985X.2008.00552.x).
tau is integrated on a grid; there is no Monte Carlo error and no sampler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

GRID = 400


@dataclass(frozen=True)
class PooledEffect:
    """Posterior of tau on a grid with the conditional normal of the effect.

    Attributes
    ----------
    weight : ndarray, dims (tau,)
        Posterior probability of each tau.
    mean, sd : ndarray, dims (tau,)
        The drawn effect given tau: the mean effect, or a new setting's (predictive).
    """

    weight: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Probability that the effect is below x. Dims: draw."""
        z = (np.asarray(x, float)[..., None] - self.mean) / self.sd
        return special.ndtr(z) @ self.weight

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Effect at probability u, by monotone interpolation of the exact CDF. Dims: draw."""
        centre = float(self.weight @ self.mean)
        spread = float(np.sqrt(self.weight @ (self.sd**2 + (self.mean - centre) ** 2)))
        if spread == 0:  # known exactly
            return np.full(np.shape(u), centre)
        x = centre + spread * np.linspace(-9.0, 9.0, 1501)
        p = np.maximum.accumulate(self.cdf(x))
        keep = np.concatenate([[True], np.diff(p) > 0])
        # Interpolated on the normal scale, where the CDF is nearly straight, also in the tails.
        z = special.ndtri(np.clip(p[keep], 1e-15, 1 - 1e-15))
        return np.interp(special.ndtri(u), z, x[keep])


def pool(
    estimates: np.ndarray,
    ses: np.ndarray,
    tau_scale: float | None,
    *,
    predictive: bool,
    tau: float = 0.0,
) -> PooledEffect:
    """Pool study estimates. A study with standard error 0 is known exactly.

    Parameters
    ----------
    estimates, ses : ndarray, dims (study,)
        For example log hazard ratios and their standard errors.
    tau_scale : float or None
        Scale of the half-normal prior on the between-study SD; None where that SD is known.
    predictive : bool
        The effect in a new setting (mu + tau z) instead of the mean effect mu.
    tau : float
        The between-study SD where it is known; 0 for a common effect.

    Raises
    ------
    ValueError
        Studies known exactly that differ, under a common effect.

    Examples
    --------
    CLOCC and ORCHESTRA, the predictive hazard ratio:

    >>> effect = pool(np.array([-0.5447, -0.1278]), np.array([0.2142, 0.1153]), 0.25,
    ...               predictive=True)
    >>> [round(float(np.exp(effect.quantile(np.array([q]))[0])), 2) for q in (0.025, 0.5, 0.975)]
    [0.37, 0.77, 1.46]
    """
    y, s = np.asarray(estimates, float), np.asarray(ses, float)
    exact = y[s == 0]
    agree = len(exact) > 0 and np.ptp(exact) == 0
    common = tau_scale is None and tau == 0
    if common and len(exact) and not agree:
        raise ValueError("studies with standard error 0 differ; a common effect cannot be both.")
    # No other study counts beside one known exactly; two that agree leave no spread between studies.
    if agree and (common or (tau_scale is not None and len(exact) > 1)):
        return PooledEffect(np.ones(1), exact[:1], np.zeros(1))
    if tau_scale is None:
        grid, prior = np.array([tau]), np.ones(1)
    else:
        probability = (np.arange(GRID) + 0.5) / GRID
        grid = tau_scale * special.ndtri((1 + probability) / 2)  # equal prior mass a point
        prior = np.full(GRID, 1 / GRID)
    precision = 1 / (s**2 + grid[:, None] ** 2)
    total = precision.sum(axis=1)
    mean = (precision @ y) / total
    # Marginal likelihood of tau with mu integrated out under its flat prior.
    log_likelihood = 0.5 * (
        np.log(precision).sum(axis=1)
        - np.log(total)
        - (precision * (y - mean[:, None]) ** 2).sum(axis=1)
    )
    weight = prior * np.exp(log_likelihood - log_likelihood.max())
    variance = 1 / total + (grid**2 if predictive else 0.0)
    return PooledEffect(weight / weight.sum(), mean, np.sqrt(variance))
