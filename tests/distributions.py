"""One of every distribution, and parameters it may have."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from heor.survival.families.cure import MixtureCure, NonMixtureCure
from heor.survival.families.distributions import DISTRIBUTIONS, Distribution
from heor.survival.families.flexible import MSpline, PiecewiseExponential, RoystonParmar

KNOTS = (-1.5, 0.2, 0.9, 1.6)  # log years
FLEXIBLE = {
    "piecewise_exponential_1": PiecewiseExponential(()),
    "piecewise_exponential_4": PiecewiseExponential((0.4, 1.1, 3.0)),
    **{
        f"spline_{scale}_{inner}": RoystonParmar(scale, (*KNOTS[: inner + 1], KNOTS[-1]))
        for scale in ("hazard", "odds", "normal")
        for inner in (0, 1, 2)
    },
    "m_spline_5": MSpline((0.5, 1.2, 2.5, 4.0)),
    "m_spline_5_exchangeable": MSpline((0.5, 1.2, 2.5, 4.0), 2, "exchangeable", "logistic"),
}
CURED = {
    f"{name}_{kind.suffix}": kind(base)
    for kind in (MixtureCure, NonMixtureCure)
    for name, base in (
        *((name, DISTRIBUTIONS[name]) for name in ("weibull", "lognormal", "generalised_gamma")),
        *((name, FLEXIBLE[name]) for name in ("spline_odds_1", "m_spline_5")),
    )
}
MODELS: dict[str, Distribution] = {**DISTRIBUTIONS, **FLEXIBLE, **CURED}


def parameters_of(distribution: Distribution, data: st.DataObject) -> dict[str, np.ndarray]:
    """Parameters in the range each declares as typical."""
    return {
        p.name: np.array([data.draw(st.floats(*p.typical), label=p.name)])
        for p in distribution.parameters
    }
