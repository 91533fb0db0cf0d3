"""Survival evidence of a few patients, whose likelihood is worked out by hand."""

from __future__ import annotations

import numpy as np

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Origin


def evidence(form: str, **table: list[float]) -> SurvivalEvidence:
    arrays = {k: np.array(v, float) for k, v in table.items()}
    return SurvivalEvidence("curve", "Curve", "os", form, arrays, (), "trial", Origin("test"))


def grouped() -> SurvivalEvidence:
    return evidence(
        "grouped",
        start=[0, 0.5, 1.0],
        end=[0.5, 1.0, 2.0],
        n_at_risk=[20, 14, 8],
        n_events=[5, 4, 0],
        n_censored=[1, 2, 8],
    )


def individual() -> SurvivalEvidence:
    return evidence(
        "individual", time=[0.4, 1.0, 2.5], event=[1, 0, 1], entry=[0, 0.5, 0], weight=[1, 2, 1]
    )
