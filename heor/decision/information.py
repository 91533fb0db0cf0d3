"""Value of information: what it is worth to know some parameters before deciding.

EVPPI at a threshold is the mean over draws of the best strategy's conditional mean net benefit, less
that of the best strategy on average. Costs and effects are regressed once (`heor.decision.regression`),
so every threshold comes from the same fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.decision.regression import ConditionalMean, conditional_mean
from heor.errors import InputError
from heor.outcomes.outcomes import Outcomes

SUSPICIOUS = 1e-3  # p-value below which residuals say that the regression missed something
SIMULATIONS = 200


@dataclass(frozen=True)
class PartialInformation:
    """EVPPI of one parameter or group at several thresholds.

    Attributes
    ----------
    name : str
    thresholds, value, se : ndarray, dims (threshold,)
        Money per patient; `se` from the uncertainty of the regression.
    suspicious : bool
        The regression left a pattern in its residuals: read the value with care.
    """

    name: str
    thresholds: np.ndarray
    value: np.ndarray
    se: np.ndarray
    suspicious: bool


def evppi(
    outcomes: Outcomes,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Sequence[float],
    seed: int = 1,
) -> list[PartialInformation]:
    """EVPPI of named groups of parameters.

    Parameters
    ----------
    outcomes
        From any program.
    parameters : DataFrame, one row a draw
        In the order of the outcomes' draws.
    groups
        Name → parameters; a single parameter is a group of one.
    thresholds
        Money per QALY.
    seed
        Of the simulations behind standard errors.

    Raises
    ------
    InputError
        All problems: rows that do not match the draws, unknown or constant parameters, too many
        parameters for the draws, values that are not finite, a negative threshold.

    Examples
    --------
    Net benefit x y of two standard normals: neither tells anything alone, together all.

    >>> x, y = np.random.default_rng(1).standard_normal((2, 4000))
    >>> table = pd.DataFrame({"strategy": ["a"] * 4000 + ["b"] * 4000, "draw": [*range(4000)] * 2,
    ...                       "cost": 0.0, "qaly": np.concatenate([0 * x, x * y])})
    >>> own = Outcomes.from_table(table, "NOK")
    >>> draws = pd.DataFrame({"x": x, "y": y})
    >>> found = evppi(own, draws, {"x": ["x"], "both": ["x", "y"]}, [1.0])
    >>> [bool(abs(found[0].value[0]) < 0.04), bool(abs(found[1].value[0] - 0.318) < 0.03)]
    [True, True]
    """
    _check(outcomes, parameters, groups, thresholds)
    thresholds = np.asarray(thresholds, float)
    change = np.concatenate(
        [
            outcomes.qalys[:, 1:] - outcomes.qalys[:, :1],
            outcomes.cost[:, 1:] - outcomes.cost[:, :1],
        ],
        axis=1,
    )
    scale = np.maximum(change.std(axis=0), 1e-300)
    generator = np.random.default_rng(seed)
    found = []
    for name, members in groups.items():
        fit = conditional_mean(parameters[list(members)].to_numpy(float), change / scale)
        values = np.array([_value(fit.fitted * scale, t) for t in thresholds])
        errors = simulated_errors(fit, scale, thresholds, generator)
        found.append(
            PartialInformation(name, thresholds, values, errors, fit.suspicious < SUSPICIOUS)
        )
    return found


def _value(fitted: np.ndarray, threshold: float) -> float:
    """EVPPI from conditional means of effects and costs against the first strategy."""
    others = fitted.shape[1] // 2
    benefit = threshold * fitted[:, :others] - fitted[:, others:]
    best = np.maximum(benefit.max(axis=1), 0.0).mean()
    return float(best - max(benefit.mean(axis=0).max(), 0.0))


def simulated_errors(
    fit: ConditionalMean,
    scale: np.ndarray,
    thresholds: Sequence[float],
    generator: np.random.Generator,
    copies: int = 1,
) -> np.ndarray:
    """Standard errors: EVPPI under coefficients simulated from their sampling distribution.

    `copies`: how often each draw's outcomes stand in the regression. Dims: threshold.
    """
    n, terms = fit.basis.shape
    root = np.linalg.cholesky(fit.residual_covariance * copies / n + 1e-18 * np.eye(len(scale)))
    some = fit.basis[:: max(1, n // 1000)]  # enough draws to see how much the value moves
    centre = fit.fitted.mean(axis=0)
    values = np.empty((SIMULATIONS, len(thresholds)))
    for s in range(SIMULATIONS):
        noise = generator.standard_normal((terms, len(scale))) @ root.T
        moved = fit.coefficients + np.sqrt(fit.shrinkage) * noise
        fitted = (centre + some @ moved) * scale
        values[s] = [_value(fitted, t) for t in thresholds]
    return values.std(axis=0, ddof=1)


def _check(
    outcomes: Outcomes,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Sequence[float],
) -> None:
    problems = []
    if len(parameters) != outcomes.n:
        problems.append(
            f"parameters: {len(parameters)} rows for {outcomes.n} draws of the outcomes; one row a draw, "
            "in the same order, is needed."
        )
    for threshold in thresholds:
        if not threshold >= 0:
            problems.append(f"threshold {threshold:g}: must be at least 0.")
    wanted = dict.fromkeys(p for members in groups.values() for p in members)
    for name in wanted:
        if name not in parameters:
            problems.append(
                f"group: unknown parameter '{name}'; there are {', '.join(map(str, parameters.columns))}."
            )
            continue
        values = parameters[name].to_numpy(float)
        if not np.isfinite(values).all():
            problems.append(
                f"parameter '{name}': a value is not finite. Remove or correct the draw."
            )
        elif np.ptp(values) == 0:
            problems.append(
                f"parameter '{name}': the same in every draw; nothing can be learnt of it."
            )
    for name, members in groups.items():
        if not members:
            problems.append(f"group '{name}': names no parameter.")
        elif 10 * len(members) > outcomes.n:
            problems.append(
                f"group '{name}': {len(members)} parameters for {outcomes.n} draws; at least 10 draws a "
                "parameter are needed."
            )
    if problems:
        raise InputError(problems)
