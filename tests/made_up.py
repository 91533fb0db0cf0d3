"""What tests are made of: draws, curves and results that nothing was fitted for."""

from __future__ import annotations

import numpy as np

from heor.inputs.problem import DecisionProblem, FittedCurve
from heor.parameters.draws import CurveDraws, Draws, add_derived, draw_parameters
from heor.streams import Streams
from heor.survival.families.joint import build

#: Near the pooled FOLFIRI arms.
FOLFIRI = {
    "progression_meanlog": -0.8,
    "progression_sdlog": 0.95,
    "death_share": 0.12,
    "post_shape": 1.05,
    "post_scale": 0.9,
}


def joint_draws(
    problem: DecisionProblem,
    n: int = 20,
    family: str = "joint_lognormal_weibull",
    theta: dict[str, float] = FOLFIRI,
    **replaced: float,
) -> Draws:
    """Parameters drawn as ever, with one joint process in every draw."""
    model, values = build(family), draw_parameters(problem, n, Streams(1))
    own = {name: np.full(n, float(value)) for name, value in replaced.items()}
    values = {**add_derived(problem, {**values, **own}), **own}
    table = np.tile([theta[name] for name in model.names], (n, 1))
    curves = {
        curve.evidence: CurveDraws((model.marginal(endpoint),), np.zeros(n, int), table)
        for strategy in problem.strategies.values()
        for endpoint, curve in strategy.curves.items()
        if isinstance(curve, FittedCurve)
    }
    return Draws(values, curves)
