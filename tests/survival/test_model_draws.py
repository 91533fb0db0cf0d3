"""Which posterior draw a model draw uses, with pseudo-random and with Sobol streams."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import spearmanr

from heor.parameters.draws import CurveDraws
from heor.streams import Streams
from heor.survival.families.distributions import get, survival
from heor.survival.fitting import model_draws
from heor.survival.fitting.posterior import SurvivalPosterior

M = 500  # posterior draws
WEIGHTS = {"lognormal": 0.7, "weibull": 0.3}
CORRELATION = 0.6
SAMPLINGS = ("pseudo_random", "sobol")
OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"


def posterior(evidence: str, family: str) -> SurvivalPosterior:
    """Posterior draws of an invented fit, in no order; PFS is shorter."""
    seed = int(evidence.endswith("pfs")) + 2 * int(family == "weibull")
    z = np.random.default_rng(seed).standard_normal((2, M))
    location = (np.log(0.5) if evidence.endswith("pfs") else 0.0) + 0.1 * z[0]
    spread = np.exp(0.05 * z[1])
    natural = (
        {"meanlog": location, "sdlog": spread}
        if family == "lognormal"
        else {"shape": spread, "scale": np.exp(location)}
    )
    return SurvivalPosterior(
        evidence=evidence,
        endpoint=evidence[-3:],
        distribution=family,
        model=get(family),
        fitted_to=(evidence,),
        method="laplace",
        parameters=natural,
        theta_mean=np.zeros(2),
        theta_sd=np.ones(2),
        diagnostics={},
        loo={},
    )


@pytest.fixture(scope="module")
def fitted(problem):
    """`fitted(n, streams)`: curve draws of the base case from the invented posteriors."""
    units = model_draws.fitted_units(problem)
    assert (OS, PFS) in units
    posteriors = {(e, f): posterior(e, f) for unit in units for e in unit for f in WEIGHTS}

    def drawn(n: int, streams: Streams) -> dict[str, CurveDraws]:
        weights = dict.fromkeys(units, WEIGHTS)
        pairs = {unit: CORRELATION for unit in units if len(unit) == 2}
        return model_draws.curve_draws(problem, posteriors, weights, pairs, n, streams)

    return drawn


def restricted(curves: CurveDraws) -> np.ndarray:
    """Restricted mean of every draw, from its own parameters. Dims: draw."""
    time = np.linspace(0.0, model_draws.RESTRICTED, 121)
    out = np.empty(len(curves.family))
    for i, model in enumerate(curves.families):
        rows = curves.family == i
        columns = {p.name: curves.theta[rows, k] for k, p in enumerate(model.parameters)}
        out[rows] = trapezoid(survival(model, columns, time), time, axis=1)
    return out


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_pairing_of_endpoints_is_kept(fitted, sampling: str) -> None:
    curves = fitted(4096, Streams(2, sampling))
    assert (curves[OS].family == curves[PFS].family).all()
    wanted = 6 / np.pi * np.arcsin(CORRELATION / 2)  # Spearman of the copula
    for i in range(2):
        rows = curves[OS].family == i
        found = spearmanr(restricted(curves[OS])[rows], restricted(curves[PFS])[rows]).statistic
        assert found == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("replicates, most", [(1, 0.2), (4, 0.5)])
def test_sobol_uses_every_posterior_draw_evenly(fitted, replicates: int, most: float) -> None:
    """Less so in replicates: each rounds to whole uses by itself, 0 or 1 if it has few points."""
    n = 8192
    for evidence, curves in fitted(n, Streams(2, "sobol", replicates)).items():
        for i, share in enumerate(WEIGHTS.values()):
            rows = curves.theta[curves.family == i, 0]
            assert len(rows) == pytest.approx(share * n, abs=replicates)
            used = np.unique(rows, return_counts=True)[1]
            # picked at random, the variance of the counts would be their mean, give or take 6 %
            assert len(used) == M, evidence
            assert used.var() < most * used.mean()


def test_a_point_is_a_quantile_of_restricted_survival(fitted) -> None:
    streams = Streams(2, "sobol", 4)
    curves = fitted(1024, streams)[OS]
    uniform, mean = streams.uniform(f"survival/{OS}/draw", 1024), restricted(curves)
    for i in range(2):
        rows = np.flatnonzero(curves.family == i)
        in_order = mean[rows[np.argsort(uniform[rows])]]
        assert (np.diff(in_order) >= 0).all()


@pytest.mark.parametrize(
    "evidence, most", [(OS, 0.4), pytest.param(PFS, 0.9, marks=pytest.mark.slow)]
)
def test_mean_survival_is_closer_with_sobol(fitted, evidence: str, most: float) -> None:
    """PFS gains less: of its spread only the part that goes with OS is stratified."""
    expected = sum(
        w * model_draws.restricted_mean(posterior(evidence, f)).mean() for f, w in WEIGHTS.items()
    )
    error = {}
    for sampling, replicates in zip(SAMPLINGS, (1, 4), strict=True):
        means = [
            restricted(fitted(128, Streams(s, sampling, replicates))[evidence]).mean()
            for s in range(40)
        ]
        error[sampling] = np.sqrt(np.mean((np.array(means) - expected) ** 2))
    assert error["sobol"] < most * error["pseudo_random"], error
