"""Posterior of the M-spline by NUTS against survextrap 1.0.1, sampled by Stan.

Same knots, basis and priors (`tests/anchors/test_survextrap_basis.py` shows that the modes are the
same), two samplers. Both have Monte Carlo error: with about n independent draws a median has
1.25 / sqrt(n) and a 95 % limit 2.7 / sqrt(n) posterior standard deviations. Theirs are 4 x 1,000
draws, ours 4 x 2,000, so medians are expected to differ by 0.02 to 0.03, limits by 0.05 to 0.06
standard deviations. `pytest -m slow tests/slow/test_survextrap_sampled.py -s` prints the table.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.families.distributions import Distribution, cumulative_hazard
from heor.survival.families.likelihood import Piece
from heor.survival.families.regression import Regression
from heor.survival.fitting.posterior import FitRequest, SurvivalPosterior
from tests.anchors.data import ARMS, FOLDER, REFERENCE, SPECS, patients, piece_of
from tests.fits import as_survextrap, fit_all

pytestmark = pytest.mark.slow

LOOIC = {"colons_intercept": 424.25, "colons_rx_ph": 422.01, "colons_external": 424.42}
# a handful of divergences among thousands, as survextrap has: its prior of sd makes a funnel
SETTINGS = FitSettings(chains=4, draws=2000, tune=1000, target_accept=0.99, divergences_max=8)


def counts() -> Piece:
    """Survivors by interval of another population, given survival to its start."""
    frame = pd.read_csv(Path(REFERENCE) / "survextrap" / "data_colons_external.csv")
    table = {"start": frame["start"], "end": frame["stop"], "n": frame["n"]}
    return piece_of("external", "counts", {**table, "survivors": frame["r"]})


def requests() -> dict[str, FitRequest]:
    """Case → the fit, under the priors of its specification."""
    inside = as_survextrap(SPECS["intercept"]["knots"])
    beyond = as_survextrap(SPECS["external"]["knots"])
    external = replace(counts(), main=False)
    models: dict[str, tuple[Distribution, tuple[Piece, ...]]] = {
        "colons_intercept": (inside, ()),
        "colons_rx_ph": (Regression(inside, ARMS, prior_sd=2.5), ()),
        "colons_external": (beyond, (external,)),
    }
    return {
        case: FitRequest(model, (patients(case), *more)) for case, (model, more) in models.items()
    }


@pytest.fixture(scope="module")
def posteriors() -> dict[str, SurvivalPosterior]:
    if not REFERENCE:
        pytest.skip("HEOR_REFERENCE is not set: the colons data are not shipped")
    found = fit_all(list(requests().values()), SETTINGS, Streams(1))
    return {p.evidence: p for p in found.values()}


def restricted_mean(posterior: SurvivalPosterior, until: float, arm: str) -> np.ndarray:
    """Restricted mean survival, years. Dims: draw."""
    draws = len(posterior.parameters["eta"])
    time = np.linspace(0.0, until, 501)
    covariates = {a: np.full(draws, float(a == arm)) for a in ARMS} if arm else None
    h = cumulative_hazard(posterior.model, posterior.parameters, time, covariates)
    return trapezoid(np.exp(-h), time, axis=1)


@pytest.mark.parametrize("case", ["colons_intercept", "colons_rx_ph", "colons_external"])
def test_restricted_means_are_survextraps(posteriors, case: str) -> None:
    posterior = posteriors[case]
    rows = pd.read_csv(FOLDER / "rmst.csv").query("model == @case").fillna({"rx": ""})
    ours = [restricted_mean(posterior, t, rx) for t, rx in zip(rows["t"], rows["rx"], strict=True)]
    low, median, high = np.quantile(ours, [0.025, 0.5, 0.975], axis=1)
    table = rows[["rx", "t"]].assign(
        median=median,
        by=(median - rows["median"]) / rows["sd"],
        sd=np.std(ours, axis=1) / rows["sd"] - 1.0,
        low=low / rows["low"] - 1.0,
        high=high / rows["high"] - 1.0,
    )
    d = posterior.diagnostics
    keys = ("r_hat_max", "ess_bulk_min", "divergences", "seconds", "looic")
    d = d | {"looic": -2 * posterior.loo["elpd_loo"]}
    print(f"\n{case}:", {k: round(d[k], 3) for k in keys}, "", table.round(4).to_string(), sep="\n")
    assert posterior.method == "nuts" and table["by"].abs().max() < 0.1
    assert table[["low", "high"]].abs().max(axis=None) < 0.03
    assert d["looic"] == pytest.approx(LOOIC[case], abs=1.0)
