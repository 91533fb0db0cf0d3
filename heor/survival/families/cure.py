"""Cure models: some patients never have the event.

Mixture (Boag 1949, doi:10.1111/j.2517-6161.1949.tb00020.x): S = c + (1 - c) S0; a share c is cured
from the start. Non-mixture, or promotion time (Yakovlev & Tsodikov 1996; Chen et al. 1999,
doi:10.1080/01621459.1999.10474196): S = c^F0, a hazard that dies out. Both end at the survival c.
A cured fraction is identified only by follow-up beyond the last events of the uncured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heor.survival.families.distributions import Distribution, DistributionParameter
from heor.survival.families.ops import TINY
from heor.survival.families.priors import LogitBeta

# Mean 20 %, 95 % below 53 %, densest at no cure: a cured fraction has to be earned by follow-up
# that shows it, and one near 50 % still can be; beta(1, 1) would give half the weight to more.
PRIOR = LogitBeta(1.0, 4.0)


@dataclass(frozen=True, eq=False)
class Cure(Distribution):
    """Base of both: the hazards of `base`, changed by the parameter `cured`.

    Covariates act on `base`'s location unless a `Regression` names `cured`.
    """

    base: Distribution
    parameters: tuple[DistributionParameter, ...] = field(init=False, repr=False)
    suffix = ""
    words = ""

    def __post_init__(self) -> None:
        cured = DistributionParameter(
            "cured", "share that never has the event", "logit", "1", (0.03, 0.8), PRIOR
        )
        object.__setattr__(self, "parameters", (*self.base.parameters, cured))

    @property
    def name(self) -> str:
        return f"{self.base.name}_{self.suffix}"

    @property
    def label(self) -> str:
        return f"{self.base.label}, {self.words}"

    @property
    def compile_key(self) -> str:
        return f"{self.base.compile_key} {self.suffix}"

    @property
    def location(self) -> str:
        return self.base.location

    @property
    def closed_form(self) -> bool:
        return self.base.closed_form

    @property
    def target_accept(self) -> float:
        return max(self.base.target_accept, 0.99)  # a curved ridge of `cured` and the location

    @property
    def core(self) -> Distribution:
        return self.base.core

    def encode(self, time: np.ndarray) -> np.ndarray:
        return self.base.encode(time)

    def at(self, p: Mapping[str, Any], data: Mapping[str, Any], ops: Any) -> Mapping[str, Any]:
        return self.base.at(p, data, ops)

    def cumulative_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return self.outer(self.core.cumulative_hazard(t, p, ops), p, ops)

    def log_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        h = self.core.cumulative_hazard(t, p, ops)
        return self.outer_log_hazard(self.core.log_hazard(t, p, ops), h, p, ops)

    def start(self, events: Mapping[str, float], exposure: Mapping[str, float]) -> np.ndarray:
        cured = self.parameters[-1].prior.mean
        return np.append(self.base.start(events, exposure), cured)


class MixtureCure(Cure):
    """S = c + (1 - c) S0.

    Examples
    --------
    >>> from heor.survival.families.distributions import DISTRIBUTIONS, survival
    >>> model = MixtureCure(DISTRIBUTIONS["exponential"])
    >>> survival(model, {"rate": [1.0], "cured": [0.3]}, np.array([0.0, 100.0])).tolist()
    [[1.0, 0.3]]
    """

    suffix, words = "cure", "mixture cure"

    def outer(self, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """-log(c + (1 - c) exp(-h)), exact where h is small and where both terms are."""
        h = self.base.outer(h, p, ops)
        cured, log_cured, log_rest = _logs(p, ops)
        small = h < 0.5
        early = -ops.log1p((1.0 - cured) * ops.expm1(-ops.where(small, h, 0.0)))
        late = -log_cured - ops.softplus(log_rest - log_cured - ops.where(small, 0.0, h))
        return ops.where(small, early, late)

    def outer_log_hazard(self, log_h: Any, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """(1 - c) f0 / S."""
        log_h, inner = self.base.outer_log_hazard(log_h, h, p, ops), self.base.outer(h, p, ops)
        return log_h + _logs(p, ops)[2] - inner + self.outer(h, p, ops)


class NonMixtureCure(Cure):
    """S = c^F0: the cumulative hazard is -log(c) F0.

    Examples
    --------
    >>> from heor.survival.families.distributions import DISTRIBUTIONS, survival
    >>> model = NonMixtureCure(DISTRIBUTIONS["exponential"])
    >>> survival(model, {"rate": [1.0], "cured": [0.3]}, np.array([0.0, 100.0])).round(9).tolist()
    [[1.0, 0.3]]
    """

    suffix, words = "cure_nonmixture", "non-mixture cure"

    def outer(self, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        log_cured = _logs(p, ops)[1]
        return log_cured * ops.expm1(-self.base.outer(h, p, ops))

    def outer_log_hazard(self, log_h: Any, h: Any, p: Mapping[str, Any], ops: Any) -> Any:
        """-log(c) f0."""
        log_h, inner = self.base.outer_log_hazard(log_h, h, p, ops), self.base.outer(h, p, ops)
        return log_h + ops.log(ops.maximum(-_logs(p, ops)[1], TINY)) - inner


def _logs(p: Mapping[str, Any], ops: Any) -> tuple[Any, Any, Any]:
    """c, log c and log(1 - c), the logarithms finite."""
    cured = p["cured"]
    return cured, ops.log(ops.maximum(cured, TINY)), ops.log(ops.maximum(1.0 - cured, TINY))
