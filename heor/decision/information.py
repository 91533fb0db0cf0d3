"""Value of information: what it is worth to know some parameters before deciding.

EVPPI at a threshold is the mean over draws of the best strategy's conditional mean net benefit, less
that of the best strategy on average. Costs and effects are regressed once, so every threshold comes
from the same fit: by splines and polynomials (`heor.decision.regression`) where the draws carry their
interactions, by boosted trees (`heor.decision.cross_fitting`) for larger groups. EVSI is the EVPPI of
a summary of the data to come, such as the posterior mean (Strong et al. 2015,
doi:10.1177/0272989X15575286).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import check_thresholds, evpi
from heor.decision.cross_fitting import LEARNERS, cross_fitted
from heor.decision.regression import ConditionalMean, conditional_mean, polynomial_degree
from heor.decision.thresholds import Thresholds
from heor.dims import DRAW
from heor.errors import InputError
from heor.limits import counted
from heor.outcomes.monte_carlo import monte_carlo_se
from heor.outcomes.outcomes import Outcomes

PATTERN = 1e-3  # p-value below which residuals say that the regression missed something
ENOUGH_DRAWS = 500  # for a value worth showing; fewer are left out of a report
CURVE_POINTS = 41  # thresholds of the curves
SIMULATIONS = 200
DRAWS_PER_PARAMETER = 10
LEAST_DRAWS = 60  # four for each term of a spline
SPLINE_POLYNOMIAL = "spline_polynomial"
REGRESSORS = ("auto", SPLINE_POLYNOMIAL, *LEARNERS)


@dataclass(frozen=True)
class PartialInformation:
    """EVPPI of one parameter or group at several thresholds.

    Attributes
    ----------
    name : str
    thresholds, value, se : ndarray, dims (threshold,)
        Money per patient; `se` from the uncertainty of the regression and the number of draws.
        It is too small where hardly any draw changes the decision: such values are near 0.
    has_residual_pattern : bool
        The regression left a pattern in its residuals: read the value with care.
    regressor : str
        `spline_polynomial`, or a cross-fitted one: then the value is a lower bound.
    """

    name: str
    thresholds: np.ndarray
    value: np.ndarray
    se: np.ndarray
    has_residual_pattern: bool
    regressor: str = SPLINE_POLYNOMIAL


def evppi(
    outcomes: Outcomes,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Sequence[float],
    seed: int = 1,
    regressor: str = "auto",
) -> list[PartialInformation]:
    """EVPPI of named groups of parameters.

    Parameters
    ----------
    outcomes
        From any program.
    parameters : DataFrame, one row a draw
        In the order of the outcomes' draws. Where it has a column or index `draw`, it must say so.
    groups
        Name → parameters; a single parameter is a group of one.
    thresholds
        Money per QALY.
    seed
        Of the simulations behind standard errors, and of folds.
    regressor
        `auto`: a spline for one parameter, a polynomial for a group whose products of two the draws
        can carry (26 parameters with 10,000 draws), boosted trees for a larger one. By name:
        `spline_polynomial`; `boosted_trees`; `gaussian_process` (trained on at most 1,000 draws a
        fold). The last two are cross-fitted: the value is what the decision rule they learn gains in
        draws they have not seen, on actual net benefit, or 0 where it gains nothing. That is a lower
        bound in expectation, with its plain standard error.

    Raises
    ------
    InputError
        All problems: fewer than two strategies, rows that do not match the draws, unknown, repeated
        or constant parameters, too many parameters for the draws, values that are no finite number,
        a negative threshold, an unknown regressor.

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
    _check(outcomes, parameters, groups, thresholds, regressor)
    thresholds = np.asarray(thresholds, float)
    change = np.concatenate(
        [
            outcomes.qalys[:, 1:] - outcomes.qalys[:, :1],
            outcomes.cost[:, 1:] - outcomes.cost[:, :1],
        ],
        axis=1,
    )
    scale = spread(change)
    generator = np.random.default_rng(seed)
    found = []
    for name, members in groups.items():
        values = parameters[list(members)].to_numpy(float)
        chosen = _choose(regressor, len(members), outcomes.n)
        if chosen == SPLINE_POLYNOMIAL:
            fit = conditional_mean(values, change / scale, replicates=outcomes.replicates)
            value, se = plugged_in(fit, scale, thresholds, generator)
            pattern = fit.residual_p
        else:
            fitted, pattern = cross_fitted(values, change / scale, chosen, seed)
            value, se = _achieved(fitted * scale, change, thresholds, outcomes.replicates)
        found.append(PartialInformation(name, thresholds, value, se, pattern < PATTERN, chosen))
    return found


def spread(change: np.ndarray) -> np.ndarray:
    """Standard deviation over draws, to regress outcomes of one size; of a constant one, its size.

    A difference that is the same in every draw has a spread of rounding errors only, which would be
    blown up. Dims: (outcome,).

    >>> spread(np.array([[1.0, 0.1], [3.0, 0.1]])).tolist()
    [1.0, 0.1]
    """
    size = np.abs(change).max(axis=0)
    deviation = change.std(axis=0)
    return np.where(deviation > 1e-9 * size, deviation, np.where(size > 0, size, 1.0))


def _choose(regressor: str, parameters: int, draws: int) -> str:
    if regressor != "auto":
        return regressor
    carried = parameters == 1 or polynomial_degree(parameters, draws) > 1
    return SPLINE_POLYNOMIAL if carried else "boosted_trees"


def _benefit(change: np.ndarray, threshold: float) -> np.ndarray:
    """Net benefit against the first strategy, whose own is 0. Dims: (strategy, ...).

    `change`, dims (outcome, ...), holds changes of effects, then of costs. What is reduced over comes
    first: sums and comparisons of strategies run along memory.
    """
    others = len(change) // 2
    benefit = np.zeros((others + 1, *change.shape[1:]))
    np.subtract(threshold * change[:others], change[others:], out=benefit[1:])
    return benefit


def plugged_in(
    fit: ConditionalMean,
    scale: np.ndarray,
    thresholds: Sequence[float],
    generator: np.random.Generator,
    copies: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """EVPPI from fitted means, and its SE. Dims of each: (threshold,).

    `copies`: how often the outcomes of each draw stand in the regression.

    The SE has two parts: coefficients simulated from their sampling distribution, at some draws; and
    the number of draws that the mean is taken over. Of draws in replicates both come from how far the
    replicates differ.
    """
    n, k = fit.fitted.shape
    replicates = max(len(fit.scores), 1)
    if replicates > 1:
        moves = (fit.scores - fit.scores.mean(axis=0)) / np.sqrt(replicates * (replicates - 1))
        noise = moves.T @ generator.standard_normal((replicates, SIMULATIONS))
    else:
        root = np.linalg.cholesky(fit.residual_covariance * copies / n + 1e-18 * np.eye(k))
        noise = root @ generator.standard_normal((k, len(fit.coefficients) * SIMULATIONS))
        noise = noise.reshape(k, -1, SIMULATIONS)
    moved = fit.coefficients.T[..., None] + np.sqrt(fit.shrinkage.T)[..., None] * noise
    moved = (fit.sample @ moved) * scale[:, None, None]
    fitted = np.ascontiguousarray((fit.fitted * scale).T)
    value, se = np.empty((2, len(thresholds)))
    for i, threshold in enumerate(thresholds):
        benefit = _benefit(fitted, threshold)
        best = benefit.mean(axis=1).argmax()
        gain = benefit.max(axis=0) - benefit[best]
        own = _benefit(moved, threshold)
        simulated = (own.max(axis=0) - own[best]).mean(axis=0)
        value[i] = gain.mean()
        se[i] = np.hypot(simulated.std(ddof=1), _se_of_gain(gain, copies, replicates))
    return value, se


def _se_of_gain(gain: np.ndarray, copies: int, replicates: int) -> np.ndarray:
    """Of the mean over draws; copies of a draw are not independent of each other."""
    if replicates == 1:
        return monte_carlo_se(gain, 1) * np.sqrt(copies)
    return monte_carlo_se(gain.reshape(copies, -1).mean(axis=0), replicates)


def _achieved(
    fitted: np.ndarray, change: np.ndarray, thresholds: np.ndarray, replicates: int
) -> tuple[np.ndarray, np.ndarray]:
    """What deciding by fitted means gains in actual net benefit, and its SE. Dims: (threshold,)."""
    value, se = np.empty((2, len(thresholds)))
    draws = np.arange(len(change))
    for i, threshold in enumerate(thresholds):
        benefit = _benefit(change.T, threshold)
        choice = _benefit(fitted.T, threshold).argmax(axis=0)
        gain = benefit[choice, draws] - benefit[benefit.mean(axis=1).argmax()]
        value[i] = max(gain.mean(), 0.0)
        se[i] = monte_carlo_se(gain, replicates)
    return value, se


def _check(
    outcomes: Outcomes,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Sequence[float],
    regressor: str,
) -> None:
    """All that is wrong with a question, at once."""
    problems = []
    if len(outcomes.strategies) < 2:
        problems.append("outcomes: one strategy; a decision needs at least two. Add one.")
    if regressor not in REGRESSORS:
        problems.append(
            f"regressor: '{regressor}' is unknown; {', '.join(REGRESSORS)} are allowed. Choose one."
        )
    try:
        check_thresholds(thresholds)
    except InputError as error:
        problems += error.problems
    if outcomes.n < LEAST_DRAWS:
        problems.append(
            f"outcomes: {outcomes.n} draws; a regression needs at least {LEAST_DRAWS}. Draw more."
        )
    problems += _misaligned(outcomes, parameters)
    for name in dict.fromkeys(p for members in groups.values() for p in members):
        problems += _faulty_parameter(parameters, name)
    for name, members in groups.items():
        if not members:
            problems.append(f"group '{name}': names no parameter; at least one is needed. Add it.")
        for member in dict.fromkeys(m for m in members if list(members).count(m) > 1):
            problems.append(f"group '{name}': names '{member}' twice; once is enough. Remove one.")
        if DRAWS_PER_PARAMETER * len(members) > outcomes.n:
            problems.append(
                f"group '{name}': {len(members)} parameters for {outcomes.n} draws; at least "
                f"{DRAWS_PER_PARAMETER} draws a parameter are needed. Draw more or group fewer."
            )
    if problems:
        raise InputError(problems)


def _misaligned(outcomes: Outcomes, parameters: pd.DataFrame) -> list[str]:
    """Rows that are not the outcomes' draws, as far as both tell."""
    if len(parameters) != outcomes.n:
        return [
            f"parameters: {len(parameters)} rows for {outcomes.n} draws of the outcomes; one row a "
            "draw, in the same order, is needed. Remove or add rows."
        ]
    labels = parameters.get(DRAW, parameters.index if parameters.index.name == DRAW else None)
    if labels is None or DRAW not in outcomes.data.coords:
        return []
    wrong = np.asarray(labels) != outcomes.data[DRAW].values
    if not wrong.any():
        return []
    row = int(wrong.argmax())
    return [
        f"parameters: row {row + 1} is draw {np.asarray(labels)[row]}, of the outcomes it is draw "
        f"{outcomes.data[DRAW].values[row]}; the order must be the same. Sort them by draw."
    ]


def _faulty_parameter(parameters: pd.DataFrame, name: str) -> list[str]:
    if name not in parameters:
        known = ", ".join(map(str, parameters.columns))
        return [f"group: parameter '{name}' is unknown; there are {known}. Correct the name."]
    if (times := list(parameters.columns).count(name)) > 1:
        return [f"parameter '{name}': {times} columns have this name; one may. Rename the others."]
    values = pd.to_numeric(parameters[name], errors="coerce").to_numpy(float)
    if (wrong := ~np.isfinite(values)).any():
        found = parameters[name].iloc[int(wrong.argmax())]
        return [
            f"parameter '{name}': '{found}' in row {wrong.argmax() + 1} ({counted(wrong.sum(), 'such row')}); a "
            "finite number is required. Correct or remove the draw."
        ]
    if np.ptp(values) == 0:
        return [
            f"parameter '{name}': the same in every draw; nothing can be learnt of it. Leave it out."
        ]
    return []


def information_table(
    outcomes: Outcomes,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    thresholds: Thresholds,
) -> pd.DataFrame:
    """EVPI, and EVPPI of each group and of each parameter by itself.

    Returns
    -------
    DataFrame
        `name, kind` (all, group, single)`, threshold_name, threshold, value, se, has_residual_pattern, regressor`:
        money per patient; kind `all` is EVPI.
    """
    values = [value for _, value in thresholds]
    singles = {name: [name] for name in parameters}
    found = [
        *(("group", x) for x in evppi(outcomes, parameters, groups, values)),
        *(("single", x) for x in evppi(outcomes, parameters, singles, values)),
    ]
    rows = []
    for i, (label, threshold) in enumerate(thresholds):
        at = {"threshold_name": label, "threshold": threshold}
        value, se = evpi(outcomes, threshold)
        rows.append({"name": "all", "kind": "all", **at, "value": value, "se": se})
        rows += [
            {
                "name": x.name,
                "kind": kind,
                **at,
                "value": x.value[i],
                "se": x.se[i],
                "has_residual_pattern": x.has_residual_pattern,
                "regressor": x.regressor,
            }
            for kind, x in found
        ]
    columns = [
        "name",
        "kind",
        "threshold_name",
        "threshold",
        "value",
        "se",
        "has_residual_pattern",
        "regressor",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(has_residual_pattern=frame["has_residual_pattern"].eq(True))


def information_curves(
    outcomes: Outcomes,
    parameters: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    grid: np.ndarray,
) -> pd.DataFrame:
    """EVPI and EVPPI of groups by threshold: `name, threshold, value`, money per patient."""
    found = {x.name: x.value for x in evppi(outcomes, parameters, groups, grid)}
    whole = np.array([evpi(outcomes, t)[0] for t in grid])
    return pd.concat(
        [
            pd.DataFrame({"name": name, "threshold": grid, "value": value})
            for name, value in {"all": whole, **found}.items()
        ],
        ignore_index=True,
    )
