"""NUTS against Stan, run through survHEhmc: as `tests/anchors/test_survhe.py`, by another sampler.

`pytest -m slow tests/slow/test_survhe_sampled.py -s` prints the comparison.
"""

from __future__ import annotations

import numpy as np
import pytest

from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.fitting.posterior import FitRequest, SurvivalPosterior
from tests.anchors.survhe import (
    MODELS,
    SIGMAS,
    compare_curves,
    compare_parameters,
    patients,
    with_their_priors,
)
from tests.fits import fit_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def posteriors() -> dict[str, SurvivalPosterior]:
    requests = [FitRequest(with_their_priors(m), (patients(m),)) for m in MODELS]
    found = fit_all(requests, FitSettings(), Streams(1))
    return {p.evidence: p for p in found.values()}


@pytest.mark.parametrize("model", MODELS)
def test_nuts_is_stan(posteriors, model: str) -> None:
    posterior = posteriors[model]
    assert posterior.method == "nuts"
    size = posterior.diagnostics["ess_bulk_min"]
    means = compare_parameters(model, posterior.parameters, size)
    curves = compare_curves(model, posterior.model, posterior.parameters, size)
    keys = ("r_hat_max", "ess_bulk_min", "divergences", "seconds")
    print(f"\n{model}:", {k: round(posterior.diagnostics[k], 3) for k in keys})
    print(means.round(4).to_string())
    print(curves.round(2).to_string())
    assert means.loc[:, "by":].abs().max(axis=None) < SIGMAS
    np.testing.assert_allclose(means["our_sd"], means["sd"], rtol=0.1)
    assert curves.abs().max(axis=None) < SIGMAS
