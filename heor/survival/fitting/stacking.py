"""Stacking weights where some families serve all endpoints of the same patients, and others one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import optimize

WEIGHT_MIN = 1e-3  # fewer than one draw in a thousand: no weight at all


def linked_weights(
    points: Sequence[Mapping[str, np.ndarray]],
    counts: Sequence[np.ndarray],
    shared: Sequence[str],
) -> list[dict[str, float]]:
    """Stacking weights of each endpoint's families; a shared one has the same for every endpoint.

    They maximise the log score of the endpoints' mixtures together, as `stacking_weights` of
    `heor.survival.fitting.goodness` does for one list.

    Parameters
    ----------
    points
        Of each endpoint: family → leave-one-out term of one patient of each kind, dims (cell,).
    counts
        Of each endpoint: patients of each kind, dims (cell,).
    shared
        Families that every endpoint has; each endpoint has others too.

    Returns
    -------
    list of dict
        Family → weight, one an endpoint; each sums to 1.

    Examples
    --------
    Nothing tells the shared family from the others of the second endpoint; the first wants a quarter
    of it (the closed form of `stacking_weights`):

    >>> first = {"joint": np.log([0.1, 0.9]), "a": np.log([0.9, 0.1])}
    >>> second = {"joint": np.log([0.5]), "b": np.log([0.5])}
    >>> found = linked_weights([first, second], [np.array([3.0, 1.0]), np.ones(1)], ["joint"])
    >>> [{f: round(w, 3) for f, w in own.items()} for own in found]
    [{'joint': 0.188, 'a': 0.812}, {'joint': 0.188, 'b': 0.812}]
    """
    apart = [[f for f in own if f not in shared] for own in points]
    ends = len(shared) + np.cumsum([0, *map(len, apart)])
    columns = [
        np.r_[: len(shared), start:end] for start, end in zip(ends[:-1], ends[1:], strict=True)
    ]
    total = sum(number.sum() for number in counts)
    shares = [number / total for number in counts]
    densities, start = [], np.full(ends[-1], 0.5 / len(shared))
    for own, names, column in zip(points, apart, columns, strict=True):
        terms = np.stack([own[f] for f in (*shared, *names)], axis=1)
        densities.append(np.exp(terms - terms.max(axis=1, keepdims=True)))
        start[column[len(shared) :]] = 0.5 / len(names)
    sums = np.zeros((len(points), ends[-1]))  # each endpoint's weights sum to 1
    for row, column in zip(sums, columns, strict=True):
        row[column] = 1.0

    def negative(w: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = 0.0, np.zeros(len(w))
        for density, share, column in zip(densities, shares, columns, strict=True):
            mixture = np.maximum(density @ w[column], 1e-300)
            value -= float(share @ np.log(mixture))
            slope[column] -= (share / mixture) @ density
        return value, slope

    found = optimize.minimize(
        negative,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(start),
        constraints={"type": "eq", "fun": lambda w: sums @ w - 1, "jac": lambda w: sums},
        options={"ftol": 1e-12, "maxiter": 1000},
    ).x
    found = np.where(found > WEIGHT_MIN, found, 0.0)
    weights = []
    together = found[: len(shared)]
    if any(found[column[len(shared) :]].sum() == 0 for column in columns):
        together, found = together / together.sum(), np.zeros(len(found))  # nothing is left for one
    for names, column in zip(apart, columns, strict=True):
        rest = found[column[len(shared) :]]
        rest = rest * ((1 - together.sum()) / max(rest.sum(), 1e-300))
        weights.append(
            dict(zip((*shared, *names), [*together.tolist(), *rest.tolist()], strict=True))
        )
    return weights
