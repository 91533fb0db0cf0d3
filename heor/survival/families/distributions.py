"""Survival distributions: each formula once, for NumPy and for PyMC.

A distribution writes its log hazard and its cumulative hazard (or, where that is the natural
definition, the log density of log time) over `ops`, a handful of functions. `NumpyOps` evaluates
curves; `heor.survival.sampler.plain_code.TensorOps` lets PyMC differentiate the very same lines.

Conventions are those of flexsurv (Jackson 2016, doi:10.18637/jss.v070.i08). Time is in years.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from heor.survival.families.ops import CUMULATIVE_HAZARD_MAX, NumpyOps, log_time
from heor.survival.families.priors import Normal, Prior


@dataclass(frozen=True)
class DistributionParameter:
    """What a parameter is, and its weakly informative prior on the unconstrained scale.

    `transform`, "log", "logit" or "identity", leads from the natural to the unconstrained scale;
    `typical` is the range met in practice, natural scale, from which test cases are drawn.
    """

    name: str
    description: str
    transform: str
    unit: str
    typical: tuple[float, float]
    prior: Prior

    def natural(self, theta: Any, ops: Any = NumpyOps) -> Any:
        if self.transform == "log":
            return ops.exp(theta)
        if self.transform == "logit":
            return 1.0 / (1.0 + ops.exp(-theta))
        return theta

    def unconstrained(self, value: Any) -> Any:
        if self.transform == "log":
            return np.log(value)
        return special.logit(value) if self.transform == "logit" else np.asarray(value, float)

    @property
    def label(self) -> str:
        """Name on the unconstrained scale."""
        return self.name if self.transform == "identity" else f"{self.transform}_{self.name}"


class Distribution:
    """Base: a subclass states the parameters and the formulas.

    `location` is the parameter covariates act on, on the unconstrained scale. `closed_form` is
    False where survival needs an incomplete gamma or beta function: PyMC then integrates the
    density. A wrapper (cure) changes the cumulative hazard of its `core`, so the formulas are
    always the core's followed by `outer`.
    """

    name: str
    label: str
    parameters: tuple[DistributionParameter, ...]
    location: str
    closed_form = True
    target_accept = 0.8  # the least step acceptance NUTS aims at; higher for funnels

    def log_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """log h(t), per year. `t` as `encode` returns it."""
        return (
            self.log_time_density(t, p, ops) - log_time(t, ops) + self.cumulative_hazard(t, p, ops)
        )

    def cumulative_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """H(t) = -log S(t). `t` as `encode` returns it."""
        raise NotImplementedError

    def log_time_density(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """Log density of log(T) at log(t); the natural definition where `log_hazard` is not."""
        raise NotImplementedError

    def encode(self, time: np.ndarray) -> np.ndarray:
        """Times (years, dims (row,)) as the formulas take them: themselves, or a spline basis.

        What depends on time alone is computed once by NumPy. Dims: (row,) or (row, column).
        """
        return time

    @property
    def core(self) -> Distribution:
        """The distribution whose hazard `outer` changes; itself where nothing is wrapped."""
        return self

    def outer(self, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """The core's cumulative hazard → this distribution's."""
        return h

    def outer_log_hazard(self, log_h: Any, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """The core's log hazard and cumulative hazard → this distribution's log hazard."""
        return log_h

    def at(self, p: Mapping[str, Any], data: Mapping[str, Any], ops: Any) -> Mapping[str, Any]:
        """Parameters of each row's patient, from covariates `x_<name>` in `data`."""
        return p

    def marginal(self, endpoint: str) -> Distribution:
        """The curve of one endpoint; a joint model has two."""
        return self

    @property
    def compile_key(self) -> str:
        """Distributions with the same key share one compiled PyMC model."""
        return self.name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)

    def natural(self, theta: Any, ops: Any = NumpyOps) -> dict[str, Any]:
        """Unconstrained parameters, last axis `parameter` → natural scale, by name."""
        return {p.name: p.natural(theta[..., i], ops) for i, p in enumerate(self.parameters)}

    def unconstrained(self, natural: Mapping[str, Any]) -> np.ndarray:
        """Natural scale, by name → unconstrained parameters, last axis `parameter`."""
        return np.stack([p.unconstrained(natural[p.name]) for p in self.parameters], axis=-1)

    def log_prior(self, theta: np.ndarray) -> np.ndarray:
        """Log density of the priors at `theta`, last axis `parameter`."""
        return sum(p.prior.log_density(theta[..., i]) for i, p in enumerate(self.parameters))

    def start(self, events: Mapping[str, float], exposure: Mapping[str, float]) -> np.ndarray:
        """A first guess, dims (parameter,), from events and person-years by endpoint.

        The location from the crude rate, the other parameters at their prior mean.
        """
        theta = np.array([p.prior.mean for p in self.parameters])
        log_rate = np.log(max(sum(events.values()), 0.5) / sum(exposure.values()))
        sign = 1.0 if self.location == "rate" else -1.0
        theta[self.names.index(self.location)] = sign * log_rate
        return theta

    def with_priors(self, factor: float) -> Distribution:
        """A copy whose priors have `factor` times the standard deviation."""
        wider = tuple(replace(p, prior=p.prior.scaled(factor)) for p in self.parameters)
        other = copy(self)
        object.__setattr__(other, "parameters", wider)
        return other


def _scale(name: str, description: str, unit: str, typical: tuple[float, float]):
    return DistributionParameter(name, description, "log", unit, typical, Normal(0.0, 1.5))


def _shape(name: str, description: str, typical: tuple[float, float] = (0.4, 2.5)):
    return DistributionParameter(name, description, "log", "1", typical, Normal(0.0, 1.0))


def _location(name: str, description: str) -> DistributionParameter:
    return DistributionParameter(
        name, description, "identity", "log years", (-1.0, 2.0), Normal(0.0, 1.5)
    )


class Exponential(Distribution):
    """S(t) = exp(-rate t): a constant hazard."""

    name, label, location = "exponential", "Exponential", "rate"
    parameters = (_scale("rate", "hazard", "per year", (0.05, 3.0)),)

    def log_hazard(self, t, p, ops):
        return ops.log(p["rate"]) + 0.0 * t

    def cumulative_hazard(self, t, p, ops):
        return p["rate"] * t


class Weibull(Distribution):
    """S(t) = exp(-(t / scale)^shape): hazard monotone in time."""

    name, label, location = "weibull", "Weibull", "scale"
    parameters = (
        _shape("shape", "above 1 the hazard rises, below 1 it falls"),
        _scale("scale", "time by which 63 % have had the event", "years", (0.3, 8.0)),
    )

    def log_hazard(self, t, p, ops):
        z = log_time(t, ops) - ops.log(p["scale"])
        return ops.log(p["shape"]) - ops.log(p["scale"]) + (p["shape"] - 1.0) * z

    def cumulative_hazard(self, t, p, ops):
        return ops.exp(p["shape"] * (log_time(t, ops) - ops.log(p["scale"])))


class Gompertz(Distribution):
    """h(t) = rate exp(shape t); a negative shape leaves some without the event for ever."""

    name, label, location = "gompertz", "Gompertz", "rate"
    parameters = (
        DistributionParameter(
            "shape",
            "growth of the log hazard",
            "identity",
            "per year",
            (-0.5, 0.6),
            Normal(0.0, 1.0),
        ),
        _scale("rate", "hazard at time zero", "per year", (0.05, 2.0)),
    )

    def log_hazard(self, t, p, ops):
        return ops.log(p["rate"]) + p["shape"] * t

    def cumulative_hazard(self, t, p, ops):
        u = p["shape"] * t
        near_zero = ops.abs(u) < 1e-6  # expm1(u) / u is 0 / 0 there; its series is exact enough
        safe = ops.where(near_zero, 1.0, u)
        return p["rate"] * t * ops.where(near_zero, 1.0 + 0.5 * u, ops.expm1(safe) / safe)


class Lognormal(Distribution):
    """log T is normal."""

    name, label, location = "lognormal", "Log-normal", "meanlog"
    parameters = (
        _location("meanlog", "mean of log time"),
        _shape("sdlog", "standard deviation of log time"),
    )

    def log_time_density(self, t, p, ops):
        w = (log_time(t, ops) - p["meanlog"]) / p["sdlog"]
        return -0.5 * w * w - ops.log(p["sdlog"]) - 0.5 * np.log(2 * np.pi)

    def cumulative_hazard(self, t, p, ops):
        # -log(erfc(x) / 2) by the scaled erfcx: exact in the far tail, one branch. Below -8 the
        # survival is 1 to double precision.
        x = ops.maximum((log_time(t, ops) - p["meanlog"]) / (p["sdlog"] * np.sqrt(2.0)), -8.0)
        return x * x - ops.log(0.5 * ops.erfcx(x))


class Loglogistic(Distribution):
    """S(t) = 1 / (1 + (t / scale)^shape)."""

    name, label, location = "loglogistic", "Log-logistic", "scale"
    parameters = (
        _shape("shape", "above 1 the hazard rises, then falls", (0.6, 4.0)),
        _scale("scale", "median", "years", (0.3, 8.0)),
    )

    def log_hazard(self, t, p, ops):
        log_t = log_time(t, ops)
        z = p["shape"] * (log_t - ops.log(p["scale"]))
        return ops.log(p["shape"]) - log_t + z - ops.softplus(z)

    def cumulative_hazard(self, t, p, ops):
        return ops.softplus(p["shape"] * (log_time(t, ops) - ops.log(p["scale"])))


class Gamma(Distribution):
    """Density proportional to t^(shape - 1) exp(-rate t)."""

    name, label, location, closed_form = "gamma", "Gamma", "rate", False
    parameters = (
        _shape("shape", "above 1 the hazard rises, below 1 it falls"),
        _scale("rate", "limit of the hazard", "per year", (0.05, 4.0)),
    )

    def log_time_density(self, t, p, ops):
        z = log_time(t, ops) + ops.log(p["rate"])
        return p["shape"] * z - ops.exp(z) - ops.gammaln(p["shape"])

    def cumulative_hazard(self, t, p, ops):
        return _minus_log(special.gammaincc(p["shape"], p["rate"] * np.asarray(t)))


class GeneralisedGamma(Distribution):
    """Prentice (1974): log T = mu + sigma W, W the log of a scaled gamma with index 1 / Q^2.

    Q = 1 is the Weibull, Q = sigma the gamma, Q = 0 the log-normal; Q may have either sign.
    """

    name, label, location, closed_form = "generalised_gamma", "Generalised gamma", "mu", False
    parameters = (
        _location("mu", "location of log time"),
        _shape("sigma", "scale of log time"),
        DistributionParameter("Q", "shape", "identity", "1", (-1.5, 1.5), Normal(0.0, 1.0)),
    )

    def log_time_density(self, t, p, ops):
        q = p["Q"]
        w = (log_time(t, ops) - p["mu"]) / p["sigma"]
        u = q * w
        near_zero = ops.abs(u) < 1e-2
        safe = ops.where(near_zero, 1.0, u)
        series = 0.5 + u * (1 / 6 + u * (1 / 24 + u * (1 / 120 + u * (1 / 720 + u / 5040))))
        curve = ops.where(near_zero, series, (ops.expm1(safe) - safe) / (safe * safe))
        return _log_gamma_constant(q * q, ops) - w * w * curve - ops.log(p["sigma"])

    def cumulative_hazard(self, t, p, ops):
        w = (log_time(t, ops) - p["mu"]) / p["sigma"]
        return _generalised_gamma_cumulative_hazard(w, np.asarray(p["Q"]))


class GeneralisedF(Distribution):
    """Prentice (1975, doi:10.1093/biomet/62.3.607): log T = mu + sigma W, W the log of an F ratio.

    As P tends to 0 it is the generalised gamma of the same mu, sigma and Q; Q = 0, P = 1 is a
    log-logistic. The larger P, the heavier the tail on the side Q leaves light.

    With delta^2 = Q^2 + 2 P the degrees of freedom halved are a = 2 / (delta (delta + |Q|)) and
    b = 2 / (delta (delta - |Q|)), and delta W is the log of an F(2a, 2b) ratio (of its inverse
    where Q is negative). All below is written in 1 / a, 1 / b and v = 1 / (delta^2 (a + b)), which
    stay finite as P or both Q and P tend to 0.
    """

    name, label, location, closed_form = "generalised_f", "Generalised F", "mu", False
    parameters = (
        _location("mu", "location of log time"),
        _shape("sigma", "scale of log time"),
        DistributionParameter("Q", "shape", "identity", "1", (-1.5, 1.5), Normal(0.0, 1.0)),
        # The data say little about P: 95 % of the prior is 0.05 to 2.7, around where the
        # generalised gamma (P = 0) and the log-logistic (Q = 0, P = 1) lie.
        DistributionParameter("P", "second shape", "log", "1", (0.05, 2.0), Normal(-1.0, 1.0)),
    )

    def log_time_density(self, t, p, ops):
        w, y, delta, q, share = self._standardised(t, p, ops)
        v = share * (1.0 - share)
        series = 0.5 + y * (
            (1.0 - 2.0 * share) / 6
            + y
            * (
                (1.0 - 6.0 * v) / 24
                + y
                * (
                    (1.0 - 2.0 * share) * (1.0 - 12.0 * v) / 120
                    + y * (1.0 - 30.0 * v + 120.0 * v * v) / 720
                )
            )
        )
        near_zero = ops.abs(y) < 3e-3
        safe = ops.where(near_zero, 1.0, y)
        exact = (_log_mean_exp(safe, share, ops) - share * safe) / (v * safe * safe)
        curve = ops.where(near_zero, series, exact)
        constant = (
            _log_gamma_constant(delta * (delta + q) / 2.0, ops)
            + _log_gamma_constant(delta * p["P"] / (delta + q), ops)
            - _log_gamma_constant(v * delta * delta, ops)
        )
        return constant - w * w * curve - ops.log(p["sigma"])

    def cumulative_hazard(self, t, p, ops):
        w, y, delta, q, share = self._standardised(t, p, ops)
        a, b = 2.0 / (delta * (delta + q)), (delta + q) / (delta * p["P"])
        y, a, b, share, sign = np.broadcast_arrays(y, a, b, share, np.sign(p["Q"]))
        # shares of the beta distribution below and above: a e^y / (b + a e^y), its complement
        low = 1.0 / (1.0 + (1.0 - share) / share * np.exp(-np.clip(y, -600.0, 600.0)))
        high = 1.0 / (1.0 + share / (1.0 - share) * np.exp(np.clip(y, -600.0, 600.0)))
        # the tail on this side is found directly, the other one where it is the smaller
        below = low < 0.5
        a, b = np.where(below, a, b), np.where(below, b, a)
        share = np.where(below, low, high)
        tail = special.betainc(a, b, share)
        more = tail > 0.5
        other = np.ones_like(tail)
        other[more] = special.betaincc(a[more], b[more], share[more])
        other = np.where(more, other, 1.0 - tail)
        survives = below == (sign < 0)  # whether that tail is survival, or what is gone
        survival, gone = np.where(survives, tail, other), np.where(survives, other, tail)
        return np.where(survival > 0.5, -np.log1p(-np.minimum(gone, 0.5)), _minus_log(survival))

    @staticmethod
    def _standardised(t: Any, p: Mapping[str, Any], ops: Any) -> tuple:
        """W, the log F ratio turned so that a <= b, delta, |Q| and a / (a + b)."""
        q = ops.abs(p["Q"])
        delta = (q * q + 2.0 * p["P"]) ** 0.5
        w = (log_time(t, ops) - p["mu"]) / p["sigma"]
        y = ops.where(p["Q"] < 0, -1.0, 1.0) * delta * w
        return w, y, delta, q, p["P"] / (delta * (delta + q))


def _log_mean_exp(y: Any, share: Any, ops: Any) -> Any:
    """log(1 - share + share e^y), without overflow and exact for a small share."""
    far = y > 200.0
    near = ops.log1p(share * ops.expm1(ops.where(far, 0.0, y)))
    return ops.where(
        far, y + ops.log(share + (1.0 - share) * ops.exp(-ops.where(far, y, 0.0))), near
    )


def _log_gamma_constant(q2: Any, ops: Any) -> Any:
    """Normalising constant of W: Stirling's series where Q^2 is small, else the definition."""
    small = q2 < 1e-2
    k = 1.0 / ops.maximum(q2, 1e-2)
    series = -0.5 * np.log(2 * np.pi) - q2 * (1 / 12 - q2 * q2 * (1 / 360 - q2 * q2 / 1260))
    exact = -0.5 * ops.log(k) + k * ops.log(k) - k - ops.gammaln(k)
    return ops.where(small, series, exact)


def _minus_log(survival: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(survival, np.exp(-CUMULATIVE_HAZARD_MAX)))


def _generalised_gamma_cumulative_hazard(w: np.ndarray, q: np.ndarray) -> np.ndarray:
    """-log S of W: upper or lower incomplete gamma by the sign of Q; near Q = 0 log-normal."""
    w, q = np.broadcast_arrays(w, q)
    out = np.empty(w.shape)
    flat = np.abs(q) < 2e-3  # beyond it the incomplete gamma functions lose their tails
    if flat.any():
        z, c = w[flat], q[flat]
        log_upper = special.log_ndtr(-z)
        ratio = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_upper)
        first = -c / 6 * (z * z + 2) * ratio
        second = c * c * z * (z**4 / 72 + z * z / 36 + 1 / 12) * ratio
        # expansion of log S in Q; what is left out is of order Q^3 < 1e-8
        out[flat] = -(log_upper + first + second - 0.5 * first * first)
    for rows, function in (
        (~flat & (q > 0), special.gammaincc),
        (~flat & (q < 0), special.gammainc),
    ):
        if rows.any():
            k = 1.0 / q[rows] ** 2
            out[rows] = _minus_log(function(k, k * np.exp(np.minimum(q[rows] * w[rows], 690.0))))
    return out


def get(distribution: str | Distribution) -> Distribution:
    """The distribution of this name."""
    return DISTRIBUTIONS[distribution] if isinstance(distribution, str) else distribution


def _columns(parameters: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {k: np.atleast_1d(np.asarray(v, float))[:, None] for k, v in parameters.items()}


def cumulative_hazard(
    distribution: str | Distribution,
    parameters: Mapping[str, Any],
    time: np.ndarray,
    covariates: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Cumulative hazard, at most 690. Dims: (draw, time).

    Parameters
    ----------
    parameters : mapping of name to array, dims (draw,)
        Natural scale, time in years.
    time : array, dims (time,)
        Years, not negative.
    covariates : mapping of name to array, dims (draw,), optional
        Of a distribution with covariates; those left out are 0.

    Examples
    --------
    >>> cumulative_hazard("exponential", {"rate": [0.5, 1.0]}, np.array([0.0, 2.0])).tolist()
    [[0.0, 1.0], [0.0, 2.0]]
    """
    d = get(distribution)
    with np.errstate(over="ignore", under="ignore"):
        values = {f"x_{k}": v for k, v in (covariates or {}).items()}
        p = d.at(_columns(parameters), _columns(values), NumpyOps)
        h = d.cumulative_hazard(d.encode(np.asarray(time, float)), p, NumpyOps)
    # rounding may leave -1e-17 at time zero
    return np.clip(h, 0.0, CUMULATIVE_HAZARD_MAX, out=h)


def survival(
    distribution: str | Distribution, parameters: Mapping[str, Any], time: np.ndarray
) -> np.ndarray:
    """Share without the event, exp(-H). Dims: (draw, time); arguments as `cumulative_hazard`."""
    return np.exp(-cumulative_hazard(distribution, parameters, time))


def hazard(
    distribution: str | Distribution, parameters: Mapping[str, Any], time: np.ndarray
) -> np.ndarray:
    """Hazard per year. Dims: (draw, time); arguments as `cumulative_hazard`.

    Where it is infinite (a falling hazard at time zero) the largest finite number stands for it.
    """
    with np.errstate(over="ignore", under="ignore"):
        d = get(distribution)
        log_h = d.log_hazard(d.encode(np.asarray(time, float)), _columns(parameters), NumpyOps)
    return np.exp(np.minimum(log_h, CUMULATIVE_HAZARD_MAX))


_ALL = (
    Exponential,
    Weibull,
    Gompertz,
    Gamma,
    Lognormal,
    Loglogistic,
    GeneralisedGamma,
    GeneralisedF,
)
DISTRIBUTIONS: dict[str, Distribution] = {d.name: d() for d in _ALL}
