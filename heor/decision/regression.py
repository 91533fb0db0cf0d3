"""The mean of an outcome given some parameters, by regression over draws.

What a parameter tells about net benefit is the conditional mean of costs and effects given it. One
parameter is a cubic spline; several are polynomials of their normal scores up to a total degree, so
that interactions are in the basis and not lost. Both are shrunk by ridge, the amount by generalised
cross-validation, for every outcome by itself (Strong, Oakley and Brennan 2014,
doi:10.1177/0272989X13505910, with another basis).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy import linalg, special, stats
from scipy.interpolate import BSpline

KNOTS = 10  # quantile intervals of a spline
MOST_TERMS = 400  # of a polynomial basis
DRAWS_PER_TERM = 20
MOST_DEGREE = 6
PENALTIES = np.concatenate([[0.0], np.logspace(-6, 4, 61)])
CAUTION = 1.4  # weight of degrees of freedom, against chance fits (Kim and Gu 2004)
CELLS = 20  # of the residual check
NOTHING = 1e-10  # share of its variance below which a term adds nothing


@dataclass(frozen=True)
class ConditionalMean:
    """Fitted conditional means of several outcomes.

    Attributes
    ----------
    fitted : ndarray, dims (draw, outcome)
    basis : ndarray, dims (draw, term)
        Orthonormal over draws, without the constant, smooth terms first.
    coefficients : ndarray, dims (term, outcome)
    residual_covariance : ndarray, dims (outcome, outcome)
    shrinkage : ndarray, dims (term, outcome)
        Share of each coefficient that the ridge keeps.
    suspicious : float
        Smallest p-value of a pattern left in the residuals, corrected for how many were looked at.
    """

    fitted: np.ndarray
    basis: np.ndarray
    coefficients: np.ndarray
    residual_covariance: np.ndarray
    shrinkage: np.ndarray
    suspicious: float


def conditional_mean(
    parameters: np.ndarray, outcomes: np.ndarray, most_terms: int = MOST_TERMS
) -> ConditionalMean:
    """Regress outcomes on parameters.

    Parameters
    ----------
    parameters : ndarray, dims (draw, parameter)
        None constant over draws.
    outcomes : ndarray, dims (draw, outcome)
    most_terms
        Of a polynomial basis.

    Raises
    ------
    ValueError
        Too few draws for the number of parameters.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 500)[:, None]
    >>> found = conditional_mean(x, np.sin(3 * x))
    >>> bool(np.abs(found.fitted - np.sin(3 * x)).max() < 0.01)
    True
    """
    n = len(parameters)
    single = parameters.shape[1] == 1
    basis, roughness = _spline(parameters[:, 0]) if single else _polynomials(parameters, most_terms)
    if basis.shape[1] > n / 4:
        raise ValueError(f"{n} draws cannot tell {parameters.shape[1]} parameters apart.")
    # Orthonormal over draws, smooth terms first, so that rough ones hold only what is left for them.
    basis = _orthonormal(basis - basis.mean(axis=0))
    centre = outcomes.mean(axis=0)
    centred = outcomes - centre
    raw = basis.T @ centred / n
    keep, coefficients = np.empty_like(raw), np.empty_like(raw)
    total = (centred**2).sum(axis=0)
    shrunk = 1 / (1 + roughness[:, None] * PENALTIES)
    for k in range(raw.shape[1]):
        explained = n * (raw[:, [k]] ** 2 * shrunk * (2 - shrunk)).sum(axis=0)
        freedom = 1 + shrunk.sum(axis=0)
        best = int(np.argmin((total[k] - explained) / (1 - CAUTION * freedom / n) ** 2))
        keep[:, k] = shrunk[:, best]
        coefficients[:, k] = keep[:, k] * raw[:, k]
    fitted = centre + basis @ coefficients
    residual = outcomes - fitted
    freedom = n - 1 - keep.sum(axis=0)
    covariance = residual.T @ residual / np.sqrt(np.outer(freedom, freedom))
    return ConditionalMean(
        fitted, basis, coefficients, covariance, keep, _suspicion(parameters, fitted, residual)
    )


def _orthonormal(basis: np.ndarray) -> np.ndarray:
    """Columns with basis'basis = n, each without what those before it hold.

    By Cholesky of the Gram matrix, faster than QR; a column that adds nothing comes out as nothing.
    """
    basis = basis / np.maximum(np.sqrt((basis**2).mean(axis=0)), 1e-300)
    gram = basis.T @ basis / len(basis)
    root = linalg.cholesky(gram + NOTHING * np.eye(len(gram)))
    return linalg.solve_triangular(root, basis.T, trans="T", check_finite=False).T


def _spline(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A line, then cubic B-splines with knots at quantiles in order of their roughness.

    Few different values are their own indicators. Returns the basis and the roughness of each term,
    which grows with the fourth power of its number of waves.
    """
    different = np.unique(x)
    if len(different) <= KNOTS:
        return (x[:, None] == different[1:]).astype(float), np.zeros(len(different) - 1)
    knots = np.unique(np.quantile(x, np.linspace(0, 1, KNOTS + 1)))
    padded = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    splines = BSpline.design_matrix(x, padded, 3).toarray()
    size = splines.shape[1]
    # Cosines over the coefficients: smooth combinations first.
    waves = np.cos(np.pi * np.outer(np.arange(size) + 0.5, np.arange(1, size)) / size)
    basis = np.column_stack([x - x.mean(), splines @ waves])
    return basis, np.concatenate([[0.0], np.arange(1.0, size) ** 4])


def _polynomials(x: np.ndarray, most_terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Products of Hermite polynomials of normal scores up to a total degree, in order of degree.

    Returns the basis, dims (draw, term), and the roughness of each term, which grows with the fourth
    power of its degree less one.
    """
    n, k = x.shape
    degree = 1
    while degree < MOST_DEGREE and comb(k + degree + 1, k) <= min(most_terms, n / DRAWS_PER_TERM):
        degree += 1
    scores = special.ndtri((stats.rankdata(x, axis=0) - 0.5) / n)
    powers = [np.ones_like(scores), scores]
    for d in range(1, degree):
        powers.append(scores * powers[-1] - d * powers[-2])
    single = [p / np.sqrt(special.factorial(d)) for d, p in enumerate(powers)]
    terms = {(): np.ones(n)}  # (parameter, degree) pairs in order of parameter
    for j in range(k):
        for key, value in list(terms.items()):
            used = sum(d for _, d in key)
            for d in range(1, degree - used + 1):
                terms[*key, (j, d)] = value * single[d][:, j]
    del terms[()]
    degrees = {key: sum(d for _, d in key) for key in terms}
    order = sorted(terms, key=lambda key: degrees[key])
    basis = np.stack([terms[key] for key in order], axis=1)
    return basis, np.array([(degrees[key] - 1.0) ** 4 for key in order])


def _suspicion(parameters: np.ndarray, fitted: np.ndarray, residual: np.ndarray) -> float:
    """Are residuals of some cell of draws off zero? F test in cells of each parameter and of the fit."""
    n, smallest, tests = len(residual), 1.0, 0
    for x in (*parameters.T, *fitted.T):
        cell = np.minimum((stats.rankdata(x) - 0.5) / n * CELLS, CELLS - 1).astype(int)
        counts = np.bincount(cell, minlength=CELLS)
        for r in residual.T:
            sums = np.bincount(cell, r, CELLS)
            between = (sums**2 / np.maximum(counts, 1)).sum()
            within = (r**2).sum() - between
            if within <= 1e-12 * max((r**2).sum(), 1e-300):
                continue
            groups = int((counts > 0).sum())
            f = (between / groups) / (within / (n - groups))
            smallest = min(smallest, float(stats.f.sf(f, groups, n - groups)))
            tests += 1
    return min(1.0, smallest * max(tests, 1))
