"""A fit that is asked for, and the posterior that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece

Key = tuple[str, str]


@dataclass(frozen=True)
class FitRequest:
    """One fit: a distribution, and the pieces of evidence it is fitted to.

    A joint model has main pieces of two endpoints; any other has one. `called` is the family's name
    where the model has another (with covariates).
    """

    model: Distribution
    pieces: tuple[Piece, ...]
    called: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """Names of the evidence whose patients are fitted."""
        return tuple(piece.name for piece in self.pieces if piece.main)

    @property
    def key(self) -> Key:
        return "+".join(self.evidence), self.called or self.model.name


@dataclass(frozen=True)
class SurvivalPosterior:
    """Posterior of one distribution for one curve.

    Attributes
    ----------
    evidence, endpoint, distribution : str
    model : Distribution
        The curve itself; of a joint model, the curve of this endpoint.
    fitted_to : tuple of str
        Evidence fitted together: this one, or both endpoints of a joint model.
    method : {"nuts", "laplace"}
    parameters : dict of ndarray, dims (draw,)
        Natural scale, times in years, in the order the distribution declares them. Both endpoints
        of a joint model hold the same draws.
    theta_mean, theta_sd : ndarray, dims (parameter,)
        Posterior mean and standard deviation on the unconstrained scale.
    diagnostics : dict
        `r_hat_max`, `ess_bulk_min`, `ess_tail_min`, `divergences`, `n_distinct`, `pareto_k`,
        `importance_ess` (share of the proposals), `seconds`; NaN where the method has none.
    loo : dict
        `elpd_loo`, `se`, `p_loo`, `pareto_k_max`, `n_bad_k`, and by kind of patient `pointwise`,
        `pareto_k` and `counts`.
    fit_key : str
        Hash of all the fit depends on.
    """

    evidence: str
    endpoint: str
    distribution: str
    model: Distribution
    fitted_to: tuple[str, ...]
    method: str
    parameters: dict[str, np.ndarray]
    theta_mean: np.ndarray
    theta_sd: np.ndarray
    diagnostics: dict[str, Any]
    loo: dict[str, Any]
    fit_key: str = ""

    @property
    def joint(self) -> bool:
        """Whether OS and PFS are curves of one process, with the same draws."""
        return len(self.fitted_to) > 1

    def central(self) -> list[float]:
        """Parameters at the posterior mean, natural scale, in the order of `parameters`."""
        natural = self.model.natural(self.theta_mean)
        return [float(natural[name]) for name in self.parameters]
