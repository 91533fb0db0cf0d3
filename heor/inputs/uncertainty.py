"""Uncertain numbers from a mean and a standard error: quantile functions of their distributions.

Mean and se are on the natural scale of the quantity, also for a log-normal. Every parameter is
drawn as the quantile of its own uniform stream, so scenarios share common random numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class Uncertainty:
    """A distribution by name: is (mean, se) possible, and the quantile function.

    `impossible(mean, se)` returns what is wrong and what is allowed, or an empty string;
    `quantile(u, mean, se)` maps u in (0, 1) (dims: draw) to values.
    """

    impossible: Callable[[float, float], str]
    quantile: Callable[[np.ndarray, float, float], np.ndarray]


def _beta_impossible(mean: float, se: float) -> str:
    if not 0 < mean < 1:
        return f"a Beta needs a mean strictly between 0 and 1, not {mean:g}"
    limit = math.sqrt(mean * (1 - mean))
    if se >= limit:
        return f"se {se:g} cannot be a Beta with mean {mean:g}; se must be below {limit:.3g}"
    return ""


def _positive(kind: str) -> Callable[[float, float], str]:
    def impossible(mean: float, se: float) -> str:
        return "" if mean > 0 else f"a {kind} needs a mean above 0, not {mean:g}"

    return impossible


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


def _half_normal_impossible(mean: float, se: float) -> str:
    return "" if mean > 0 else "write it as half-normal(scale), with scale above 0"


UNCERTAINTIES: dict[str, Uncertainty] = {
    "normal": Uncertainty(lambda m, s: "", lambda u, m, s: m + s * special.ndtri(u)),
    "beta": Uncertainty(_beta_impossible, _beta),
    "gamma": Uncertainty(_positive("Gamma"), _gamma),
    "lognormal": Uncertainty(_positive("LogNormal"), _lognormal),
    "half-normal": Uncertainty(_half_normal_impossible, _half_normal),
    "bernoulli": Uncertainty(
        lambda m, s: "" if 0 <= m <= 1 else f"a Bernoulli needs a mean in [0, 1], not {m:g}",
        lambda u, m, s: (u > 1 - m).astype(float),
    ),
}
#: Known names, including those that are not a plain quantile of one uniform.
NAMES = ("fixed", *UNCERTAINTIES, "dirichlet")


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
    arguments = tuple(a.strip() for a in (match[2] or "").split(";") if a.strip())
    return match[1], arguments


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
