"""Fits that tests make on their own: of given requests, by maximum likelihood, of two endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heor.errors import FitError
from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.families import likelihood
from heor.survival.families.distributions import Distribution, get
from heor.survival.families.flexible import MSpline, RoystonParmar
from heor.survival.families.joint import IllnessDeath
from heor.survival.families.likelihood import Piece
from heor.survival.families.priors import LogGamma, Normal
from heor.survival.fitting import diagnostics
from heor.survival.fitting.correlation import (
    _main,
    _patients,
    _score_covariance,
    _scores,
    _slopes,
    curvature,
    restricted_mean,
)
from heor.survival.fitting.fit_each import FailedFit, Progress, by_key, fit_each
from heor.survival.fitting.posterior import FitRequest, Key, SurvivalPosterior
from heor.survival.sampler.laplace import log_likelihood_function, maximise, start


def fit_all(
    requests: Sequence[FitRequest],
    settings: FitSettings,
    streams: Streams,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> dict[Key, SurvivalPosterior]:
    """Fit every request, or read its posterior from the cache; check the diagnostics.

    Parameters
    ----------
    requests
        With different keys.
    settings, streams, cache, progress
        As in `fit_each`.

    Returns
    -------
    dict
        (evidence name, distribution) → `SurvivalPosterior`, in the order of `requests`; a joint
        model gives one for each endpoint.

    Raises
    ------
    FitError
        Fits that could not be computed, or failed their diagnostics and are not accepted by name
        (`settings.accept`), all of them: also those from the cache.
    """
    fits = fit_each(requests, settings, streams, cache, progress)
    failed = [str(fit) for fit in fits if isinstance(fit, FailedFit)]
    if failed:
        raise FitError("\n".join([*failed, "Leave these families out, or check their evidence."]))
    found = by_key(fits)
    diagnostics.check(found, settings)
    return found


def fit_maximum_likelihood(
    distribution: str | Distribution, pieces: Sequence[Piece], guess: np.ndarray | None = None
) -> MaximumLikelihood:
    """Maximum likelihood of a distribution (with covariates: a `Regression`).

    Parameters
    ----------
    guess : array, dims (parameter,), optional
        Where to start, unconstrained scale.

    Raises
    ------
    ArithmeticError
        No maximum was found.
    """
    distribution = get(distribution)
    pieces = [likelihood.encoded(distribution, piece) for piece in pieces]
    f = log_likelihood_function(distribution, pieces)
    guess = start(distribution, pieces) if guess is None else np.asarray(guess, float)
    theta, value, hessian = maximise(f, guess)
    natural = {k: float(v) for k, v in distribution.natural(theta).items()}
    return MaximumLikelihood(distribution.names, natural, theta, np.linalg.inv(-hessian), value)


def endpoint_correlation(
    joint: IllnessDeath,
    joint_mode: np.ndarray,
    pieces_os: Sequence[Piece],
    pieces_pfs: Sequence[Piece],
    distribution_os: Distribution,
    distribution_pfs: Distribution,
    mode_os: np.ndarray,
    mode_pfs: np.ndarray,
    generator: np.random.Generator,
) -> float:
    """Correlation of the restricted means of two separate fits, of any distributions.

    Patients come from the joint model at its mode; their scores, of the two distributions at
    theirs, give by one Newton step how the two estimates move together.

    Parameters
    ----------
    joint_mode, mode_os, mode_pfs : arrays, dims (parameter,)
        Posterior modes, unconstrained scale.
    """
    main = [_main(pieces_os, "os"), _main(pieces_pfs, "pfs")]
    patients = _patients(joint, joint_mode, main, generator)
    fits, models = [], (distribution_os, distribution_pfs)
    for model, pieces, mode in zip(
        models, (pieces_os, pieces_pfs), (mode_os, mode_pfs), strict=True
    ):
        fits.append(curvature(model, pieces, mode))
    scores = [
        _scores(model, fit, template)[cells]
        for model, fit, (template, cells) in zip(models, fits, patients, strict=True)
    ]
    score = _score_covariance(scores, [template for template, _ in patients])
    moved = []
    for model, fit in zip(models, fits, strict=True):
        slope = _slopes(lambda theta, model=model: restricted_mean(model, theta)[:, None], fit)
        moved.append(fit.covariance @ slope[:, 0])
    cross = moved[0] @ score[0][1] @ moved[1]
    own = [m @ (score[i][i] + fits[i].other) @ m for i, m in enumerate(moved)]
    return float(cross / np.sqrt(own[0] * own[1]))


def as_survextrap(knots: Sequence[float], sd_eta: float = 20.0) -> MSpline:
    """The default prior of survextrap 1.0.1: a weighted random walk with logistic steps, sd ~ gamma(2, 1),
    log eta ~ normal(0, 20)."""
    return MSpline(
        tuple(knots),
        smooth="weighted_random_walk",
        error="logistic",
        sd_prior=LogGamma(2.0, 1.0),
        eta_prior=Normal(0.0, sd_eta),
    )


def from_gammas(model: RoystonParmar, gammas: Sequence[float]) -> dict[str, float]:
    """Parameters of a spline with the coefficients that `gammas_of` gives.

    Raises
    ------
    ValueError
        A slope coefficient is not positive.
    """
    found = np.linalg.solve(_design(model), _powers(model) @ np.asarray(gammas, float))
    if not (found[1:] > 0).all():
        raise ValueError(f"slope coefficients {found[1:]} must be positive.")
    return dict(zip(model.names, found, strict=True))


def gammas_of(model: RoystonParmar, parameters: Mapping[str, Any]) -> np.ndarray:
    """The coefficients gamma_0, gamma_1, … of Royston and Parmar. Dims: (draw, gamma).

    s(x) = gamma_0 + gamma_1 x + sum_j gamma_j v_j(x), with v_j(x) = (x - k_j)+^3
    - l_j (x - k_min)+^3 - (1 - l_j) (x - k_max)+^3 and l_j = (k_max - k_j) / (k_max - k_min).
    """
    own = np.stack([np.atleast_1d(parameters[name]) for name in model.names], axis=-1)
    return np.linalg.solve(_powers(model), _design(model) @ own.T).T


def _design(model: RoystonParmar) -> np.ndarray:
    """s at the knots, which determine a natural spline, by the parameters of the model."""
    rise = model._basis(np.array(model.knots))[1]
    return np.column_stack([np.ones(len(model.knots)), rise])


def _powers(model: RoystonParmar) -> np.ndarray:
    """s at the knots by the gammas."""
    x = np.array(model.knots)
    low, high = x[0], x[-1]

    def cube(knot: float) -> np.ndarray:
        return np.maximum(x - knot, 0.0) ** 3

    columns = [np.ones(len(x)), x]
    for k in x[1:-1]:
        share = (high - k) / (high - low)
        columns.append(cube(k) - share * cube(low) - (1 - share) * cube(high))
    return np.column_stack(columns)


@dataclass(frozen=True)
class MaximumLikelihood:
    """Maximum-likelihood estimates.

    Attributes
    ----------
    estimates : dict
        Natural scale, by name.
    transformed : ndarray, dims (parameter,)
        Unconstrained scale, in the order of `names`.
    covariance : ndarray, dims (parameter, parameter)
        Inverse of the observed information, unconstrained scale.
    """

    names: tuple[str, ...]
    estimates: dict[str, float]
    transformed: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
