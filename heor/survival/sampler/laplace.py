"""Maximum likelihood, and the posterior by its mode and curvature.

Laplace with importance sampling: a multivariate t around the mode proposes, Pareto-smoothed
weights correct it exactly, and k says whether the correction can be trusted (Vehtari et al. 2024,
JMLR 25(72)). Everything is NumPy: no compiler, no warm-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from heor.survival.families import likelihood
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.families.ops import NumpyOps
from heor.survival.sampler import psis

PROPOSALS = 16_000
DEGREES_OF_FREEDOM = 5.0
STEP = 1e-3  # first step of the central differences, unconstrained scale
STEP_IN_SD = 0.02  # later steps, in standard deviations of the parameter
BLOCK = 2_000  # proposals evaluated at once, so that they stay in the processor's cache
HOPELESS = 1.2  # Pareto k of the first block beyond which the others cannot help

LogDensity = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class LaplaceFit:
    """Draws on the unconstrained scale, dims (draw, parameter), and how far to trust them.

    `importance_ess` is a share of the proposals, `n_distinct` the different draws among all.
    """

    theta: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    pareto_k: float
    importance_ess: float
    n_distinct: int


def log_likelihood_function(distribution: Distribution, pieces: Sequence[Piece]) -> LogDensity:
    """theta (draw, parameter) → log-likelihood (draw,)."""

    def function(theta: np.ndarray) -> np.ndarray:
        p = distribution.natural(theta[:, None, :])
        with np.errstate(all="ignore"):  # a far proposal may overflow: it then has no density
            value = likelihood.log_likelihood(distribution, p, pieces, NumpyOps)
        return np.where(np.isfinite(value), value, -np.inf)

    return function


def start(distribution: Distribution, pieces: Sequence[Piece]) -> np.ndarray:
    """A first guess from events and person-years of the main pieces. Dims: parameter."""
    events: dict[str, float] = {}
    exposure: dict[str, float] = {}
    for piece in pieces:
        if piece.main:
            events[piece.endpoint] = events.get(piece.endpoint, 0.0) + piece.events
            exposure[piece.endpoint] = exposure.get(piece.endpoint, 0.0) + piece.exposure
    return distribution.start(events, exposure)


def derivatives(
    f: LogDensity, x: np.ndarray, step: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian by central differences, in one call of `f`."""
    n = len(x)
    unit = np.diag(step)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    points = [x, *(x + unit), *(x - unit)]
    for i, j in pairs:
        points += [x + a * unit[i] + b * unit[j] for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    v = f(np.array(points))
    up, down, cross = v[1 : n + 1], v[n + 1 : 2 * n + 1], v[2 * n + 1 :].reshape(-1, 4)
    hessian = np.diag((up - 2 * v[0] + down) / step**2)
    for (i, j), c in zip(pairs, cross, strict=True):
        hessian[i, j] = hessian[j, i] = (c[0] - c[1] - c[2] + c[3]) / (4 * step[i] * step[j])
    return v[0], (up - down) / (2 * step), hessian


def maximise(
    f: LogDensity, x: np.ndarray, steps: int = 200
) -> tuple[np.ndarray, float, np.ndarray]:
    """Damped Newton: the mode, its value and the Hessian there.

    Raises
    ------
    ArithmeticError
        The curvature at the end is not that of a maximum, or the steps ran out.
    """
    shrink = 0.5 ** np.arange(12)
    width = np.full(len(x), STEP)
    for _ in range(steps):
        value, gradient, hessian = derivatives(f, x, width)
        if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            raise ArithmeticError("the log density is not finite near the mode")
        step = _uphill(gradient, hessian)
        if gradient @ step < 1e-12 and np.linalg.eigvalsh(hessian).max() < 0:
            return x, float(value), hessian
        trial = x + shrink[:, None] * step
        values = f(trial)
        best = int(np.argmax(values))
        if values[best] > value:
            x = trial[best]
        elif np.allclose(width, _width(hessian), rtol=0.1):
            break
        width = _width(hessian)
    if np.linalg.eigvalsh(hessian).max() >= 0 or gradient @ step > 1e-4:
        raise ArithmeticError("no maximum was found")
    return x, float(value), hessian


def _uphill(gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Newton's step where the surface is concave; elsewhere uphill, by the curvature's size."""
    eigenvalue, vector = np.linalg.eigh(hessian)
    curvature = np.maximum(np.abs(eigenvalue), 1e-9 * np.abs(eigenvalue).max() + 1e-12)
    step = vector @ ((vector.T @ gradient) / curvature)
    return step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))


def _width(hessian: np.ndarray) -> np.ndarray:
    """Steps of the next differences: a fixed share of each parameter's standard deviation."""
    return np.clip(STEP_IN_SD / np.sqrt(np.abs(np.diag(hessian)) + 1e-300), 1e-8, 1e-2)


def fit_laplace(
    distribution: Distribution,
    pieces: Sequence[Piece],
    draws: int,
    generator: np.random.Generator,
) -> LaplaceFit:
    """Draws from the posterior by mode, curvature and smoothed importance weights.

    `pieces` after `likelihood.encoded`.

    Raises
    ------
    ArithmeticError
        The posterior has no mode that Newton finds.
    """
    f = log_likelihood_function(distribution, pieces)

    def log_posterior(theta: np.ndarray) -> np.ndarray:
        parts = [f(theta[i : i + BLOCK]) for i in range(0, len(theta), BLOCK)]
        return np.concatenate(parts) + distribution.log_prior(theta)

    mode, _, hessian = maximise(log_posterior, start(distribution, pieces))
    size, df = len(mode), DEGREES_OF_FREEDOM
    root = np.linalg.cholesky(np.linalg.inv(-hessian))
    z = generator.standard_normal((PROPOSALS, size))
    z /= np.sqrt(generator.chisquare(df, PROPOSALS) / df)[:, None]
    proposals = mode + z @ root.T
    log_proposal = -0.5 * (df + size) * np.log1p(np.sum(z * z, axis=1) / df)
    values = log_posterior(proposals[:BLOCK])
    with np.errstate(all="ignore"):  # without any density the weights are no numbers, and k says so
        hopeful = psis.smooth(values - log_proposal[:BLOCK])[1] <= HOPELESS
        if hopeful and len(proposals) > BLOCK:
            values = np.concatenate([values, log_posterior(proposals[BLOCK:])])
        proposals, n = proposals[: len(values)], len(values)
        log_weight, pareto_k = psis.smooth(values - log_proposal[:n])
    weight = np.exp(log_weight)
    mean = weight @ proposals
    # systematic resampling keeps each proposal within one of its expected number of copies
    places = (np.arange(draws) + generator.random()) / draws
    chosen = np.searchsorted(np.cumsum(weight), places * weight.sum()).clip(max=n - 1)
    theta = generator.permutation(proposals[chosen])
    return LaplaceFit(
        theta,
        mean,
        np.sqrt(weight @ (proposals - mean) ** 2),
        pareto_k,
        float(1.0 / np.sum(weight**2) / n),
        len(np.unique(chosen)),
    )
