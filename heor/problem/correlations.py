"""One correlation matrix of everything that the inputs say about correlation.

Groups, pairs and covariance files are statements about correlations of normal scores (or of ranks,
which are converted). Together they are one matrix over the names they mention; what nobody states is 0.
Names that no chain of statements connects are apart: `blocks` are the parts, each with its matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from heor.problem.parameter import Correlation
from heor.problem.problem import DecisionProblem

#: An eigenvalue as far below 0 is rounding of the correlations as written.
ROUNDING = 1e-8
SHOWN = 8  # pairs that a message writes out


@dataclass(frozen=True)
class Block:
    """Names that are correlated with each other and with no other.

    Attributes
    ----------
    names : tuple of str
    matrix : ndarray, dims (name, name)
        Correlations of their normal scores.
    statements : tuple of Correlation
        What is said of them.
    group, rho : str or None, float
        Where one group with a correlation from 0 up is all that is said: its name and correlation. Its
        members then share one factor, so that no member's draws depend on who else is in it.
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    statements: tuple[Correlation, ...]
    group: str | None = None
    rho: float = 0.0

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue, which may not be below 0."""
        return float(np.linalg.eigvalsh(self.matrix)[0])


def drawn(problem: DecisionProblem) -> list[str]:
    """Names with a uniform of their own: uncertain parameters that are no share of a Dirichlet, and
    pooled effects."""
    own = problem.parameters.items()
    return [n for n, p in own if p.distribution not in ("fixed", "dirichlet")] + list(
        problem.syntheses
    )


def members(problem: DecisionProblem, group: str) -> list[str]:
    """Parameters of a correlation group, in the order of their names."""
    return sorted(n for n, p in problem.parameters.items() if p.correlation_group == group)


def names_of(problem: DecisionProblem, correlation: Correlation) -> list[str]:
    """Drawn names that a statement is about, in the order it gives them."""
    known = set(drawn(problem))
    names = correlation.names or correlation.pair or ()
    if correlation.group is not None:
        names = members(problem, correlation.group)
    return [n for n in dict.fromkeys(names) if n in known]


def stated(
    problem: DecisionProblem, correlation: Correlation, scale: float = 1.0
) -> Iterator[tuple[str, str, float]]:
    """(name, name, correlation of normal scores) of one statement, for each two of its drawn names.

    `scale` multiplies the correlation of a group or a pair as it is written.
    """
    names, matrix = names_of(problem, correlation), correlation.matrix
    if matrix is not None:
        at = correlation.names.index
        yield from ((a, b, float(matrix[at(a), at(b)])) for a, b in combinations(names, 2))
    else:
        rho = _of_scores(problem, correlation, scale)
        yield from ((a, b, rho) for a, b in combinations(names, 2))


def _of_scores(problem: DecisionProblem, correlation: Correlation, scale: float) -> float:
    """The correlation of normal scores in a group or a pair; 0 where its parameter has a fault."""
    parameter = problem.parameters.get(correlation.correlation or "")
    return correlation.of_normal_scores(scale * parameter.mean) if parameter else 0.0


def blocks(problem: DecisionProblem, scale: float = 1.0) -> list[Block]:
    """The correlated names in parts that are independent of each other.

    Within a block, names stand in the order in which they are first stated.
    """
    statements = [(c, names_of(problem, c)) for c in problem.correlations]
    names = list(dict.fromkeys(n for _, own in statements for n in own))
    if not names:
        return []
    at = {name: i for i, name in enumerate(names)}
    matrix, linked = np.eye(len(names)), np.eye(len(names))
    for correlation, _ in statements:
        for a, b, rho in stated(problem, correlation, scale):
            matrix[at[a], at[b]] = matrix[at[b], at[a]] = rho
            linked[at[a], at[b]] = 1
    from scipy.sparse.csgraph import connected_components  # slow to import

    part = connected_components(linked, directed=False)[1]
    out = []
    for label in dict.fromkeys(part):
        here = np.flatnonzero(part == label)
        own = tuple(names[i] for i in here)
        about = tuple(c for c, mentioned in statements if set(mentioned) & set(own))
        group = about[0].group if len(about) == 1 else None
        rho = _of_scores(problem, about[0], scale) if group is not None else 0.0
        block = matrix[np.ix_(here, here)]
        out.append(Block(own, block, about, group if rho >= 0 else None, rho))
    return out


def root(correlation: np.ndarray) -> np.ndarray:
    """Lower triangular L with L L' the correlation matrix, which may be singular. Dims: (name, name).

    Its rows have length 1, so that margins stay as they are, whatever the correlation.

    >>> root(np.array([[1.0, 0.6], [0.6, 1.0]])).round(12).tolist()
    [[1.0, 0.0], [0.6, 0.8]]
    """
    try:
        lower = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:  # one name a combination of others, up to rounding
        values, vectors = np.linalg.eigh(correlation)
        upper = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T, mode="r")
        lower = (upper * np.where(np.diag(upper) < 0, -1.0, 1.0)[:, None]).T
    return lower / np.sqrt((lower**2).sum(axis=1, keepdims=True))


def nearest_correlation(matrix: np.ndarray, steps: int = 1000) -> np.ndarray:
    """The correlation matrix nearest to a symmetric one, in the Frobenius norm.

    Alternating projections with Dykstra's correction (Higham 2002, IMA J Numer Anal 22:329-43,
    doi:10.1093/imanum/22.3.329). Dims: (name, name).

    >>> nearest_correlation(np.array([[2.0, -1, 0, 0], [-1, 2, -1, 0], [0, -1, 2, -1], [0, 0, -1, 2]]))[0].round(4).tolist()
    [1.0, -0.8084, 0.1916, 0.1068]
    """
    found, correction = matrix.astype(float), np.zeros_like(matrix, dtype=float)
    for _ in range(steps):
        shifted = found - correction
        values, vectors = np.linalg.eigh(shifted)
        positive = (vectors * np.maximum(values, 0.0)) @ vectors.T
        correction, before = positive - shifted, found
        found = positive.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - before).max() < 1e-10:
            break
    return found


def offered(matrix: np.ndarray) -> np.ndarray:
    """The nearest correlation matrix in two decimals, which are still possible. Dims: (name, name)."""
    nearest = nearest_correlation(matrix)
    for towards in (
        np.arange(100) / 100
    ):  # rounding may leave the possible; a little of nothing mends it
        found = np.round((1 - towards) * nearest + towards * np.eye(len(matrix)), 2)
        if np.linalg.eigvalsh(found)[0] >= -ROUNDING:
            return found
    return np.eye(len(matrix))


def listed(
    names: tuple[str, ...],
    matrix: np.ndarray,
    of_scale: Callable[[frozenset[str], float], float] = lambda _, rho: rho,
) -> tuple[str, str]:
    """Correlations that are impossible together, and the nearest possible, each as text by pair.

    Where there are many, those that would change most. `of_scale` turns a pair's correlation of normal
    scores into the scale it is shown in.

    >>> listed(("a", "b", "c"), np.array([[1, 0.8, -0.8], [0.8, 1, 0.8], [-0.8, 0.8, 1.0]]))
    ('a and b 0.8, a and c -0.8, b and c 0.8', 'a and b 0.5, a and c -0.5, b and c 0.5')
    """
    better = offered(matrix)
    pairs = list(combinations(range(len(names)), 2))
    most = pairs
    if len(pairs) > SHOWN:
        most = sorted(pairs, key=lambda at: -abs(better[at] - matrix[at]))[:SHOWN]
    more = f", and {len(pairs) - SHOWN} others" if len(pairs) > SHOWN else ""

    def text(values: np.ndarray) -> str:
        parts = []
        for i, j in most:
            rho = of_scale(frozenset((names[i], names[j])), float(values[i, j]))
            parts.append(f"{names[i]} and {names[j]} {rho:.2g}")
        return ", ".join(parts) + more

    return text(matrix), text(better)
