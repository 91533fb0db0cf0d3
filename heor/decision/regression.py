"""The mean of an outcome given some parameters, by regression over draws.

What a parameter tells about net benefit is the conditional mean of costs and effects given it. One
parameter is a cubic spline; several are polynomials of their normal scores up to a total degree, so
that interactions are in the basis and not lost. Both are shrunk by ridge, the amount by generalised
cross-validation, for every outcome by itself (Strong, Oakley and Brennan 2014,
doi:10.1177/0272989X13505910, with another basis). Terms are made and used in blocks of draws, so
memory does not grow with draws × terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import comb, factorial

import numpy as np
from scipy import linalg
from scipy.interpolate import BSpline

from heor.decision.residuals import normal_scores, residual_pattern

KNOTS = 10  # quantile intervals of a spline
MOST_TERMS = 400  # of a polynomial basis
DRAWS_PER_TERM = 20
MOST_DEGREE = 6
PENALTIES = np.concatenate([[0.0], np.logspace(-6, 4, 61)])
CAUTION = 1.4  # weight of degrees of freedom, against chance fits (Kim and Gu 2004)
NOTHING = 1e-10  # share of its variance below which a term adds nothing
BLOCK = 10_000  # draws whose terms are held at once
SAMPLE = 500  # draws that show how much a value moves with the coefficients

Expand = Callable[[np.ndarray], np.ndarray]  # (draw, parameter) → (term, draw)


@dataclass(frozen=True)
class ConditionalMean:
    """Fitted conditional means of several outcomes.

    Attributes
    ----------
    fitted : ndarray, dims (draw, outcome)
    sample : ndarray, dims (some draw, term)
        A constant, then the terms, orthonormal over all draws, at evenly spaced draws.
    coefficients : ndarray, dims (term, outcome)
    residual_covariance : ndarray, dims (outcome, outcome)
    shrinkage : ndarray, dims (term, outcome)
        Share of each coefficient that the ridge keeps.
    residual_p : float
        Smallest p-value of a pattern left in the residuals, corrected for how many were looked at.
    scores : ndarray, dims (replicate, term, outcome)
        Mean product of term and residual in each replicate: how far its draws alone would move the
        coefficients. Empty where draws are independent.
    """

    fitted: np.ndarray
    sample: np.ndarray
    coefficients: np.ndarray
    residual_covariance: np.ndarray
    shrinkage: np.ndarray
    residual_p: float
    scores: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)))


def polynomial_degree(parameters: int, draws: int, most_terms: int = MOST_TERMS) -> int:
    """Highest total degree of a polynomial in so many parameters that the draws can carry.

    >>> [polynomial_degree(k, 10_000) for k in (2, 4, 10, 26, 27)]
    [6, 6, 3, 2, 1]
    """
    most, degree = min(most_terms, draws / DRAWS_PER_TERM), 1
    while degree < MOST_DEGREE and comb(parameters + degree + 1, parameters) <= most:
        degree += 1
    return degree


def conditional_mean(
    parameters: np.ndarray,
    outcomes: np.ndarray,
    most_terms: int = MOST_TERMS,
    replicates: int = 1,
    copies: int = 1,
) -> ConditionalMean:
    """Regress outcomes on parameters.

    Parameters
    ----------
    parameters : ndarray, dims (draw, parameter)
        None constant over draws.
    outcomes : ndarray, dims (draw, outcome)
    most_terms
        Of a polynomial basis.
    replicates
        Equal blocks of draws that are independent of each other; 1 for independent draws.
    copies
        How often all draws stand in the arrays, one set after the other.

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
    n, k = parameters.shape
    ranks = normal_scores(parameters)
    if k == 1:
        inputs = (parameters - parameters.mean()) / parameters.std()
        expand, roughness = _spline(inputs[:, 0])
    else:
        inputs = ranks
        expand, roughness = _polynomials(k, polynomial_degree(k, n, most_terms))
    if len(roughness) > n / 4:
        raise ValueError(f"{n} draws cannot tell {k} parameters apart.")
    centre = outcomes.mean(axis=0)
    centred = outcomes - centre
    mean, whiten, raw = _moments(inputs, expand, centred)
    keep = _shrinkage(raw, roughness, (centred**2).sum(axis=0), n)
    coefficients = keep * raw
    weights = whiten.T @ coefficients
    fitted = np.empty_like(centred)
    for rows, terms in _blocks(inputs, expand):
        fitted[rows] = centre + (terms - mean).T @ weights
    residual = outcomes - fitted
    freedom = n - 1 - keep.sum(axis=0)
    covariance = residual.T @ residual / np.sqrt(np.outer(freedom, freedom))

    orthonormal = _orthonormal(inputs, expand, mean, whiten)
    return ConditionalMean(
        fitted,
        orthonormal(slice(None, None, max(1, n // SAMPLE))),
        np.vstack([centre, coefficients]),
        covariance,
        np.vstack([np.ones_like(centre), keep]),
        residual_pattern(ranks, fitted, residual),
        _scores(orthonormal, residual, replicates, copies),
    )


def _orthonormal(
    inputs: np.ndarray, expand: Expand, mean: np.ndarray, whiten: np.ndarray
) -> Callable[[slice], np.ndarray]:
    """What makes a constant and the orthonormal terms of some draws. Dims: (some draw, term)."""

    def made(rows: slice) -> np.ndarray:
        terms = (whiten @ (expand(inputs[rows]) - mean)).T
        return np.column_stack([np.ones(len(terms)), terms])

    return made


def _scores(
    orthonormal: Callable[[slice], np.ndarray], residual: np.ndarray, replicates: int, copies: int
) -> np.ndarray:
    """See `ConditionalMean`."""
    if replicates == 1:
        return np.empty((0, 0, 0))
    size = len(residual) // (copies * replicates)
    rows = [slice(k * size, (k + 1) * size) for k in range(copies * replicates)]
    found = np.stack([orthonormal(own).T @ residual[own] for own in rows])
    return found.reshape(copies, replicates, *found.shape[1:]).sum(axis=0) / (copies * size)


def _blocks(inputs: np.ndarray, expand: Expand) -> Iterator[tuple[slice, np.ndarray]]:
    for start in range(0, len(inputs), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, expand(inputs[rows])


def _moments(
    inputs: np.ndarray, expand: Expand, centred: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of terms; what makes them orthonormal; coefficients on the orthonormal terms.

    By Cholesky of the Gram matrix, faster than QR, in the order of the terms: smooth ones first, so
    that rough ones hold only what is left for them. A term that adds nothing comes out as nothing.
    """
    mean, gram, cross = 0.0, 0.0, 0.0
    for rows, terms in _blocks(inputs, expand):
        mean = mean + terms.sum(axis=1, keepdims=True)
        gram = gram + terms @ terms.T
        cross = cross + terms @ centred[rows]
    n = len(inputs)
    mean = mean / n
    gram = gram / n - mean @ mean.T
    spread = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    correlation = gram / np.outer(spread, spread)
    root = linalg.cholesky(correlation + NOTHING * np.eye(len(gram)), lower=True)
    whiten = linalg.solve_triangular(root, np.diag(1 / spread), lower=True)
    return mean, whiten, whiten @ cross / n


def _shrinkage(raw: np.ndarray, roughness: np.ndarray, total: np.ndarray, n: int) -> np.ndarray:
    """Share of each coefficient to keep, by generalised cross-validation. Dims: (term, outcome)."""
    shrunk = 1 / (1 + roughness[:, None] * PENALTIES)
    freedom = 1 + shrunk.sum(axis=0)
    keep = np.empty_like(raw)
    for k in range(raw.shape[1]):
        explained = n * (raw[:, k] ** 2 @ (shrunk * (2 - shrunk)))
        best = int(np.argmin((total[k] - explained) / (1 - CAUTION * freedom / n) ** 2))
        keep[:, k] = shrunk[:, best]
    return keep


def _spline(x: np.ndarray) -> tuple[Expand, np.ndarray]:
    """A line, then cubic B-splines with knots at quantiles in order of their roughness.

    Few different values are their own indicators. Returns what makes the terms of some draws, and the
    roughness of each term, which grows with the fourth power of its number of waves.
    """
    different = np.unique(x)
    if len(different) <= KNOTS:
        return (
            lambda some: (some[:, 0] == different[1:, None]).astype(float),
            np.zeros(len(different) - 1),
        )
    knots = np.unique(np.quantile(x, np.linspace(0, 1, KNOTS + 1)))
    padded = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    size = len(padded) - 4
    # Cosines over the coefficients: smooth combinations first.
    waves = np.cos(np.pi * np.outer(np.arange(size) + 0.5, np.arange(1, size)) / size)
    splines = BSpline(padded, waves, 3)
    return (
        lambda some: np.vstack([some[:, 0], splines(some[:, 0]).T]),
        np.concatenate([[0.0], np.arange(1.0, size) ** 4]),
    )


def _polynomials(k: int, degree: int) -> tuple[Expand, np.ndarray]:
    """Products of Hermite polynomials of k normal scores up to a total degree, in order of degree.

    Returns what makes the terms of some draws, and the roughness of each term, which grows with the
    fourth power of its degree less one.
    """
    degrees = {(): 0}  # (parameter, degree) pairs in order of parameter → total degree
    for j in range(k):
        for key, used in list(degrees.items()):
            degrees |= {(*key, (j, d)): used + d for d in range(1, degree - used + 1)}
    del degrees[()]
    place = {key: i for i, key in enumerate(sorted(degrees, key=degrees.__getitem__))}

    def expand(scores: np.ndarray) -> np.ndarray:
        x = scores.T
        powers = [np.ones_like(x), x]
        for d in range(1, degree):
            powers.append(x * powers[-1] - d * powers[-2])
        single = [p / np.sqrt(factorial(d)) for d, p in enumerate(powers)]
        terms = np.empty((len(place), len(scores)))
        for key, i in place.items():  # a product's shorter part has a lower degree: it is there
            j, d = key[-1]
            own = single[d][j]
            terms[i] = terms[place[key[:-1]]] * own if len(key) > 1 else own
        return terms

    return expand, np.array([(degrees[key] - 1.0) ** 4 for key in place])
