"""Conditional means by machine learning, each draw predicted by a fit that has not seen it.

For groups of parameters too large for polynomials with interactions: boosted trees (Friedman 2001,
doi:10.1214/aos/1013203451). A Gaussian process (Strong, Oakley and Brennan 2014,
doi:10.1177/0272989X13505910) is offered as another opinion. Draws are dealt to five folds and each
fold is predicted from the other four, so that a chance fit cannot look like information.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from heor.decision.regression import BLOCK
from heor.decision.residuals import normal_scores, residual_pattern

FOLDS = 5
TREES = 100
LEARNING_RATE = 0.1
MOST_TRAINING_DRAWS = 1000  # of a Gaussian process, whose time grows with their cube
MOST_TUNING_DRAWS = 300  # that its kernel is chosen on

Predict = Callable[[np.ndarray], np.ndarray]
Learn = Callable[[np.ndarray, np.ndarray, np.random.Generator], Predict]


def cross_fitted(
    parameters: np.ndarray, outcomes: np.ndarray, regressor: str, seed: int
) -> tuple[np.ndarray, float]:
    """Predict outcomes from parameters out of fold.

    A line in the normal scores of every parameter comes first, and the learner has what it leaves:
    trees and Gaussian processes need many draws for a plain trend.

    Parameters
    ----------
    parameters : ndarray, dims (draw, parameter)
        None constant over draws.
    outcomes : ndarray, dims (draw, outcome)
        Of about unit variance.
    regressor
        `boosted_trees`, or `gaussian_process` trained on at most 1,000 draws of each fold's others.
    seed
        Of the folds, and of what the learner draws.

    Returns
    -------
    fitted : ndarray, dims (draw, outcome)
    residual_p : float
        Smallest p-value of a pattern left in the residuals, corrected for how many were looked at.

    Examples
    --------
    >>> x = np.random.default_rng(1).standard_normal((1000, 2))
    >>> y = x[:, :1] * x[:, 1:]
    >>> fitted, _ = cross_fitted(x, y, "gaussian_process", seed=1)
    >>> bool(np.corrcoef(fitted[:, 0], y[:, 0])[0, 1] > 0.95)
    True
    """
    import sklearn.ensemble
    import sklearn.gaussian_process  # noqa: F401  both now: the limit below binds what is loaded

    learn = LEARNERS[regressor]
    generator = np.random.default_rng(seed)
    scores = normal_scores(parameters)
    n = len(scores)
    fold = generator.permutation(n) % FOLDS
    fitted = np.empty_like(outcomes)
    # One thread: small fits gain little from more, and lose much where others use the cores.
    with threadpool_limits(limits=1):
        for held_out in range(FOLDS):
            train = np.flatnonzero(fold != held_out)
            centre = outcomes[train].mean(axis=0)
            slope = np.linalg.lstsq(scores[train], outcomes[train] - centre, rcond=None)[0]
            rest = outcomes[train] - centre - scores[train] @ slope
            predict = learn(scores[train], rest, generator)
            test = np.flatnonzero(fold == held_out)
            for rows in np.array_split(test, -(-len(test) // BLOCK)):
                fitted[rows] = centre + scores[rows] @ slope + predict(scores[rows])
    return fitted, residual_pattern(scores, fitted, outcomes - fitted)


def _boosted_trees(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> Predict:
    from sklearn.ensemble import HistGradientBoostingRegressor

    seed = int(generator.integers(2**31))
    trees = [
        HistGradientBoostingRegressor(
            max_iter=TREES, learning_rate=LEARNING_RATE, early_stopping=False, random_state=seed
        ).fit(x, own)
        for own in y.T
    ]
    return lambda some: np.stack([t.predict(some) for t in trees], axis=1)


def _gaussian_process(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> Predict:
    """One kernel for all outcomes; a length for each parameter, and noise."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    some = generator.permutation(len(x))[:MOST_TRAINING_DRAWS]
    few = some[:MOST_TUNING_DRAWS]
    k = x.shape[1]
    kernel = ConstantKernel(0.5, (1e-6, 1e3)) * RBF(np.full(k, 2.0 * np.sqrt(k)), (0.1, 1e3))
    kernel = kernel + WhiteKernel(0.5, (1e-6, 1e2))
    with warnings.catch_warnings():
        # A length at its bound is a parameter that does not matter, which is no reason to worry.
        warnings.simplefilter("ignore", ConvergenceWarning)
        tuned = GaussianProcessRegressor(kernel).fit(x[few], y[few]).kernel_
    fit = GaussianProcessRegressor(tuned, optimizer=None).fit(x[some], y[some])
    return lambda new: fit.predict(new).reshape(len(new), -1)


LEARNERS: dict[str, Learn] = {
    "boosted_trees": _boosted_trees,
    "gaussian_process": _gaussian_process,
}
