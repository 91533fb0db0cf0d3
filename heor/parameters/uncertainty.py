"""Uncertain numbers from a mean and a standard error: quantile functions of their distributions.

Mean and se are on the natural scale of the quantity, also for a log-normal. Every parameter is
drawn as the quantile of its own uniform stream, so scenarios share common random numbers.

A row may also give what its distribution is made of, and then leaves the se blank:
`beta(alpha; beta)` (events and others), `gamma(shape; scale)`, `lognormal(log mean; log SD)`,
`normal(mean; SD)`, `half-normal(scale)`, `bernoulli(probability)`, `dirichlet(group; n)` (n: effective
sample size). `UNCERTAINTIES` declares them; mean and se of the row must agree with them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

#: Ratios of se to mean outside which a Gamma or LogNormal is no description of a number: wider, nearly
#: every draw is next to 0 and the mean rests on a few; narrower, quantiles lose their digits.
WIDEST, NARROWEST = 10.0, 1e-6


@dataclass(frozen=True)
class Uncertainty:
    """A distribution by name: what may stand in its row, and the quantile function.

    Attributes
    ----------
    impossible
        `impossible(mean, se)`: what is wrong and what is allowed, or an empty string.
    quantile
        `quantile(u, mean, se)` maps u in (0, 1) (dims: draw) to values.
    arguments
        What may be written in brackets, in order; those in `signed` may be 0 or negative.
    moments
        Mean and se that these arguments give.
    se_of_mean
        The se where the mean alone decides it; None for distributions with an se of their own.
    """

    impossible: Callable[[float, float], str]
    quantile: Callable[[np.ndarray, float, float], np.ndarray]
    arguments: tuple[str, ...]
    moments: Callable[..., tuple[float, float]]
    signed: tuple[str, ...] = ()
    se_of_mean: Callable[[float], float] | None = None


def _beta_impossible(mean: float, se: float) -> str:
    if not 0 < mean < 1:
        return f"a Beta needs a mean strictly between 0 and 1, not {mean:.12g}"
    limit = math.sqrt(mean * (1 - mean))
    if se >= limit:
        return f"se {se:.12g} cannot be a Beta with mean {mean:.12g}; se must be below {limit:.3g}"
    return _too_narrow(mean * (1 - mean), se)


def _positive(kind: str) -> Callable[[float, float], str]:
    def impossible(mean: float, se: float) -> str:
        if mean <= 0:
            return f"a {kind} needs a mean above 0, not {mean:.12g}"
        if se > WIDEST * mean:
            return (
                f"se {se:.12g} is more than {WIDEST:.12g} times the mean {mean:.12g}; a {kind} needs an se of at "
                f"most {WIDEST * mean:.12g} (are mean and se exchanged?)"
            )
        return _too_narrow(mean, se)

    return impossible


def _too_narrow(mean: float, se: float) -> str:
    if se >= NARROWEST * mean:
        return ""
    return (
        f"se {se:.12g} is less than a millionth of the mean; it must be at least {NARROWEST * mean:.2g}. Write "
        "'fixed' with se 0 if the number is certain"
    )


def beta_arguments(mean: float, se: float) -> tuple[float, float]:
    """Shape arguments of the Beta with this mean and se.

    >>> beta_arguments(0.5, 0.1)
    (12.0, 12.0)
    """
    n = mean * (1 - mean) / se**2 - 1
    return round(mean * n, 12), round((1 - mean) * n, 12)


def _beta(u: np.ndarray, mean: float, se: float) -> np.ndarray:
    return special.betaincinv(*beta_arguments(mean, se), u)


def _gamma(u: np.ndarray, mean: float, se: float) -> np.ndarray:
    shape = (mean / se) ** 2
    return special.gammaincinv(shape, u) * mean / shape


def _lognormal(u: np.ndarray, mean: float, se: float) -> np.ndarray:
    variance = math.log1p((se / mean) ** 2)
    return np.exp(math.log(mean) - variance / 2 + math.sqrt(variance) * special.ndtri(u))


def _half_normal(u: np.ndarray, mean: float, se: float) -> np.ndarray:
    scale = mean * math.sqrt(math.pi / 2)
    return scale * special.ndtri((1 + u) / 2)


def _above_zero(kind: str) -> Callable[[float, float], str]:
    return lambda mean, se: "" if mean > 0 else f"a {kind} needs a mean above 0, not {mean:.12g}"


def _half_normal_moments(scale: float) -> tuple[float, float]:
    return scale * math.sqrt(2 / math.pi), scale * math.sqrt(1 - 2 / math.pi)


def _beta_moments(a: float, b: float) -> tuple[float, float]:
    mean = a / (a + b)
    return mean, math.sqrt(mean * (1 - mean) / (a + b + 1))


def _lognormal_moments(log_mean: float, log_sd: float) -> tuple[float, float]:
    mean = math.exp(log_mean + log_sd**2 / 2)
    return mean, mean * math.sqrt(math.expm1(log_sd**2))


def _bernoulli_se(mean: float) -> float:
    return math.sqrt(max(mean * (1 - mean), 0.0))


UNCERTAINTIES: dict[str, Uncertainty] = {
    "normal": Uncertainty(
        lambda m, s: "",
        lambda u, m, s: m + s * special.ndtri(u),
        ("mean", "SD"),
        lambda mean, sd: (mean, sd),
        signed=("mean",),
    ),
    "beta": Uncertainty(_beta_impossible, _beta, ("alpha", "beta"), _beta_moments),
    "gamma": Uncertainty(
        _positive("Gamma"),
        _gamma,
        ("shape", "scale"),
        lambda shape, scale: (shape * scale, math.sqrt(shape) * scale),
    ),
    "lognormal": Uncertainty(
        _positive("LogNormal"),
        _lognormal,
        ("log mean", "log SD"),
        _lognormal_moments,
        signed=("log mean",),
    ),
    "half-normal": Uncertainty(
        _above_zero("half-normal"),
        _half_normal,
        ("scale",),
        _half_normal_moments,
        se_of_mean=lambda mean: mean * math.sqrt(math.pi / 2 - 1),
    ),
    "bernoulli": Uncertainty(
        lambda m, s: "" if 0 <= m <= 1 else f"a Bernoulli needs a mean in [0, 1], not {m:.12g}",
        lambda u, m, s: (u > 1 - m).astype(float),
        ("probability",),
        lambda p: (p, _bernoulli_se(p)),
        signed=("probability",),
        se_of_mean=_bernoulli_se,
    ),
}
#: Known names, including those that are not a plain quantile of one uniform.
NAMES = ("fixed", *UNCERTAINTIES, "dirichlet")


def written(name: str) -> str:
    """How a distribution is written with its arguments.

    >>> written("gamma"), written("dirichlet")
    ('gamma(shape; scale)', 'dirichlet(group; n)')
    """
    if name == "dirichlet":
        return "dirichlet(group; n)"
    return f"{name}({'; '.join(UNCERTAINTIES[name].arguments)})"


def parse(text: str) -> tuple[str, tuple[str, ...]]:
    """Name and arguments of a distribution as written.

    >>> parse("beta(37; 6)")
    ('beta', ('37', '6'))
    >>> parse("gamma")
    ('gamma', ())
    """
    match = re.fullmatch(r"\s*([a-z-]+)\s*(?:\(([^)]*)\))?\s*", text)
    if match is None:
        return text.strip(), ()
    if match[2] is None:
        return match[1], ()
    return match[1], tuple(a.strip() for a in match[2].split(";"))


def interval(name: str, mean: float, se: float, level: float = 0.95) -> tuple[float, float]:
    """Central interval of the distribution; (mean, mean) where there is no uncertainty.

    >>> tuple(round(x, 2) for x in interval("normal", 0.0, 1.0))
    (-1.96, 1.96)
    """
    if name == "fixed" or (se == 0 and name != "bernoulli"):
        return mean, mean
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if name == "dirichlet":  # the margin of a Dirichlet is a Beta
        name = "beta"
    low, high = UNCERTAINTIES[name].quantile(tails, mean, se)
    return float(low), float(high)
