"""Covariates: a distribution whose parameter differs between patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heor.survival.families.distributions import Distribution, DistributionParameter
from heor.survival.families.flexible import MSpline
from heor.survival.families.priors import Normal


@dataclass(frozen=True, eq=False)
class Regression(Distribution):
    """`base` with beta_<name> per covariate, on the unconstrained scale of the parameter `on`.

    On a rate, `eta` or a spline's `level` of the hazard scale, beta is a log hazard ratio; on the
    scale of a Weibull, log-normal, log-logistic, gamma or generalised distribution it is
    acceleration (log time ratio; of a rate its negative); on `cured` it is a log odds ratio.

    `nonproportional` covariates of an M-spline also move its weights: b_k gains x times a deviation
    of its own, with the smoothing of the base and a standard deviation of its own (Jackson 2023,
    doi:10.1186/s12874-023-02094-1), so a hazard ratio may change in time.

    Curves without data are those of a patient whose covariates are all 0; `at` gives others.

    Parameters
    ----------
    base
    covariates : tuple of str
        Individual data must have `x_<name>`; a covariate that is absent counts as 0.
    on : str, optional
        Parameter the covariates act on; the location of `base` unless given.
    prior_sd : float
        beta ~ normal(0, prior_sd); 2.5 allows hazard ratios of 0.007 to 134.
    nonproportional : tuple of str
        Some of `covariates`; `base` must be an `MSpline`.

    Examples
    --------
    >>> from heor.survival.families.distributions import DISTRIBUTIONS, survival
    >>> from heor.survival.families.ops import NumpyOps
    >>> model = Regression(DISTRIBUTIONS["exponential"], ("treated",))
    >>> p = {"rate": np.array([[0.5]]), "beta_treated": np.array([[np.log(0.5)]])}
    >>> time = np.array([2.0])
    >>> survival(model, {k: v[0] for k, v in p.items()}, time).round(3).tolist()
    [[0.368]]
    >>> treated = model.at(p, {"x_treated": np.ones(1)}, NumpyOps)
    >>> np.exp(-model.cumulative_hazard(time, treated, NumpyOps)).round(3).tolist()
    [[0.607]]
    """

    base: Distribution
    covariates: tuple[str, ...]
    on: str | None = None
    prior_sd: float = 2.5
    nonproportional: tuple[str, ...] = ()
    parameters: tuple[DistributionParameter, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.on is not None and self.on not in self.base.names:
            raise ValueError(
                f"{self.base.name} has no parameter '{self.on}'; it has "
                f"{', '.join(self.base.names)}."
            )
        if self.nonproportional and not isinstance(self.base.core, MSpline):
            raise ValueError(f"{self.base.name}: nonproportional effects need an M-spline.")
        unknown = set(self.nonproportional) - set(self.covariates)
        if unknown:
            raise ValueError(f"nonproportional {sorted(unknown)} are not among the covariates.")
        effects = [
            DistributionParameter(
                f"beta_{name}",
                f"effect of {name} on {self.location}",
                "identity",
                "1",
                (-1.0, 1.0),
                Normal(0.0, self.prior_sd),
            )
            for name in self.covariates
        ]
        later = [p for name in self.nonproportional for p in self._deviation_parameters(name)]
        object.__setattr__(self, "parameters", (*self.base.parameters, *effects, *later))

    @property
    def name(self) -> str:
        return f"{self.base.name} by {', '.join(self.covariates)}"

    @property
    def label(self) -> str:
        return f"{self.base.label} by {', '.join(self.covariates)}"

    @property
    def compile_key(self) -> str:
        return (
            f"{self.base.compile_key} by {self.covariates} on {self.location} "
            f"{self.nonproportional}"
        )

    @property
    def location(self) -> str:
        return self.on or self.base.location

    @property
    def closed_form(self) -> bool:
        return self.base.closed_form

    @property
    def target_accept(self) -> float:
        return self.base.target_accept

    @property
    def core(self) -> Distribution:
        return self.base.core

    def encode(self, time: np.ndarray) -> np.ndarray:
        return self.base.encode(time)

    def outer(self, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return self.base.outer(h, p, ops)

    def outer_log_hazard(self, log_h: Any, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return self.base.outer_log_hazard(log_h, h, p, ops)

    def cumulative_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return self.base.cumulative_hazard(t, p, ops)

    def log_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return self.base.log_hazard(t, p, ops)

    def log_time_density(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return self.base.log_time_density(t, p, ops)

    def at(self, p: Mapping[str, Any], data: Mapping[str, Any], ops: Any) -> Mapping[str, Any]:
        """Parameters of patients whose covariates are `data["x_<name>"]`, dims (row,)."""
        if not (self.closed_form or ops.exact):
            raise ValueError(
                f"{self.name}: NUTS integrates the density of this distribution once for all "
                "patients, so it takes no covariates. Fit it by maximum likelihood or Laplace, or "
                "choose another distribution."
            )
        p = self.base.at(p, data, ops)
        given = [name for name in self.covariates if f"x_{name}" in data]
        if not given:
            return p
        effect = sum(p[f"beta_{name}"] * data[f"x_{name}"] for name in given)
        transform = next(q.transform for q in self.base.parameters if q.name == self.location)
        moved = {**p, self.location: _moved(p[self.location], effect, transform, ops)}
        shifts = [
            self.base.core.deviations(p[f"sd_{name}"] * data[f"x_{name}"], p, f"z_{name}", ops)
            for name in self.nonproportional
            if name in given
        ]
        return {**moved, "shift": sum(shifts)} if shifts else moved

    def start(self, events: Mapping[str, float], exposure: Mapping[str, float]) -> np.ndarray:
        """The base's, without effects."""
        theta = np.array([p.prior.mean for p in self.parameters])
        theta[: len(self.base.parameters)] = self.base.start(events, exposure)
        return theta

    def _deviation_parameters(self, name: str) -> list[DistributionParameter]:
        spline = self.base.core
        sd = DistributionParameter(
            f"sd_{name}",
            f"departure from proportional hazards of {name}",
            "log",
            "1",
            (0.1, 1.0),
            spline.sd_prior,
        )
        z = [
            DistributionParameter(
                f"z_{name}_{k}",
                f"deviation {k} of the effect of {name}",
                "identity",
                "1",
                (-2.0, 2.0),
                spline.z_prior,
            )
            for k in range(1, spline.size)
        ]
        return [sd, *z]


def _moved(value: Any, effect: Any, transform: str, ops: Any) -> Any:
    """A natural parameter with `effect` added on its unconstrained scale."""
    if transform == "log":
        return value * ops.exp(effect)
    if transform == "logit":
        return 1.0 / (1.0 + ops.exp(-(ops.log(value) - ops.log1p(-value) + effect)))
    return value + effect
