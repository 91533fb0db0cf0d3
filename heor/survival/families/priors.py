"""Prior densities of parameters, on the unconstrained scale, for NumPy and for PyMC.

Every prior states its mean and standard deviation there, so a first guess, a test of conflict with
the data and a wider or narrower version need not know which prior it is. Constants are NumPy
numbers: PyTensor would make single precision of a Python float.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from heor.survival.families.ops import NumpyOps


@dataclass(frozen=True)
class Normal:
    """theta ~ normal(mean, sd)."""

    mean: float
    sd: float

    def log_density(self, theta: Any, ops: Any = NumpyOps) -> Any:
        z = (theta - np.float64(self.mean)) / np.float64(self.sd)
        return -0.5 * z * z - np.log(self.sd) - 0.5 * np.log(2 * np.pi)

    def scaled(self, factor: float) -> Normal:
        """The same prior with `factor` times the standard deviation."""
        return replace(self, sd=self.sd * factor)

    def sample(self, generator: np.random.Generator, n: int) -> np.ndarray:
        """Draws of theta. Dims: draw."""
        return generator.normal(self.mean, self.sd, n)


@dataclass(frozen=True)
class LogGamma:
    """exp(theta) ~ gamma(shape, rate), for parameters on the log scale."""

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        return float(special.digamma(self.shape) - np.log(self.rate))

    @property
    def sd(self) -> float:
        return float(np.sqrt(special.polygamma(1, self.shape)))

    def log_density(self, theta: Any, ops: Any = NumpyOps) -> Any:
        constant = self.shape * np.log(self.rate) - float(special.gammaln(self.shape))
        return np.float64(self.shape) * theta - np.float64(self.rate) * ops.exp(theta) + constant

    def scaled(self, factor: float) -> LogGamma:
        """`factor` times the standard deviation of the natural parameter, its shape kept."""
        return replace(self, rate=self.rate / factor)

    def sample(self, generator: np.random.Generator, n: int) -> np.ndarray:
        return np.log(generator.gamma(self.shape, 1 / self.rate, n))


@dataclass(frozen=True)
class LogitBeta:
    """1 / (1 + exp(-theta)) ~ beta(a, b), for probabilities on the logit scale."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return float(special.digamma(self.a) - special.digamma(self.b))

    @property
    def sd(self) -> float:
        return float(np.sqrt(special.polygamma(1, self.a) + special.polygamma(1, self.b)))

    def log_density(self, theta: Any, ops: Any = NumpyOps) -> Any:
        constant = -float(special.betaln(self.a, self.b))
        a, b = np.float64(self.a), np.float64(self.b)
        return constant - a * ops.softplus(-theta) - b * ops.softplus(theta)

    def scaled(self, factor: float) -> LogitBeta:
        """Counts divided by the square of `factor`, but not below 1 (or what they were).

        That is about `factor` times the standard deviation; below 1 a wider beta would be a spike at
        0 or 1, so a wide beta(1, 4) is the uniform.
        """
        a, b = (max(count / factor**2, min(count, 1.0)) for count in (self.a, self.b))
        return LogitBeta(a, b)

    def sample(self, generator: np.random.Generator, n: int) -> np.ndarray:
        return special.logit(generator.beta(self.a, self.b, n))


@dataclass(frozen=True)
class Logistic:
    """theta ~ logistic(location, scale)."""

    location: float = 0.0
    scale: float = 1.0

    @property
    def mean(self) -> float:
        return self.location

    @property
    def sd(self) -> float:
        return float(self.scale * np.pi / np.sqrt(3))

    def log_density(self, theta: Any, ops: Any = NumpyOps) -> Any:
        z = (theta - np.float64(self.location)) / np.float64(self.scale)
        return -z - 2.0 * ops.softplus(-z) - np.log(self.scale)

    def scaled(self, factor: float) -> Logistic:
        return replace(self, scale=self.scale * factor)

    def sample(self, generator: np.random.Generator, n: int) -> np.ndarray:
        return generator.logistic(self.location, self.scale, n)


Prior = Normal | LogGamma | LogitBeta | Logistic
