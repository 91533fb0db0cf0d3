"""One draw axis for parameters and curves of several problems, on common random numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from heor.parameters.draws import Draws, draw_parameters
from heor.problem.problem import DecisionProblem
from heor.streams import Streams
from heor.survival.fitting import model_draws
from heor.survival.fitting.fit_problems import SurvivalFits


def sample(
    problems: Mapping[str, DecisionProblem], fits: Mapping[str, SurvivalFits], streams: Streams
) -> dict[str, Draws]:
    """One draw axis for parameters and curves; problems on the same curves share their draws."""
    known: dict[str, dict] = {}
    quantiles: dict[tuple, np.ndarray] = {}
    out = {}
    for name, problem in problems.items():
        n, own = problem.settings.draws, fits[name]
        key = repr((n, own.weights, own.keys, own.correlations))
        if key not in known:
            known[key] = model_draws.curve_draws(
                problem, own.posteriors, own.weights, own.correlations, n, streams
            )
        out[name] = Draws(draw_parameters(problem, n, streams, quantiles), known[key])
    return out
