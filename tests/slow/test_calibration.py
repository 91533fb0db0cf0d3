"""Simulation-based calibration of the fits (Talts et al. 2018, arXiv:1804.06788; Modrák et al. 2023,
doi:10.1214/23-BA1404).

Parameters are drawn from the priors, patients from the parameters, and the posterior from the
patients: the rank of the truth among posterior draws is then uniform, for parameters and for
whatever else follows from them. Half of the replications are individual data, half are counted by
month. The fits take the route of a quick run: Laplace with importance sampling where Pareto k and
the effective sample allow it, else NUTS, with one compilation for each form of evidence.

The priors that generate are those that fit: the standard ones of the Weibull and the mixture cure.
Those of the M-spline have half their standard deviations: under the standard ones nine fits in ten
would go to NUTS. Its knots are given, not placed by the data, which would be another model each
time.

`pytest -m slow tests/slow/test_calibration.py -s` prints what is measured. Joint models:
`test_joint_recovery.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.families.distributions import Distribution, cumulative_hazard, survival
from heor.survival.families.families import resolve
from heor.survival.families.flexible import MSpline
from heor.survival.families.likelihood import Piece
from heor.survival.fitting.fit_each import fit_each
from heor.survival.fitting.posterior import FitRequest, SurvivalPosterior
from tests.likelihoods import EDGES, grouped, individual

pytestmark = pytest.mark.slow

REPLICATIONS, KEPT, BINS = 200, 100, 10
SETTINGS = FitSettings(quick=True, chains=2, draws=300, tune=400)
FINE = np.concatenate([[0.0], np.geomspace(1e-9, EDGES[-1], 4000)])  # years
CURVE = np.linspace(0.0, 5.0, 121)
LEVEL = 0.01  # of all tests of a family together


@dataclass(frozen=True)
class Family:
    model: Distribution
    patients: int


FAMILIES = {
    "weibull": Family(resolve("weibull"), 40),
    "weibull_cure": Family(resolve("weibull_cure"), 40),
    "m_spline_10": Family(MSpline(tuple(np.arange(1, 10) / 3)).with_priors(0.5), 100),
}


def simulated(model: Distribution, patients: int, seed: int) -> tuple[np.ndarray, Piece]:
    """Unconstrained parameters from the priors, and patients censored between one and three years."""
    generator = np.random.default_rng(seed)
    theta = np.array([p.prior.sample(generator, 1)[0] for p in model.parameters])
    own = {k: [v] for k, v in model.natural(theta).items()}
    h = cumulative_hazard(model, own, FINE)[0]
    time = np.interp(generator.exponential(size=patients), h, FINE, right=np.inf)
    end = generator.uniform(1.0, EDGES[-1], patients)
    form = individual if seed % 2 else grouped
    piece = form(np.maximum(np.minimum(time, end), FINE[1]), (time <= end).astype(float))
    return theta, Piece(f"replicate {seed}", piece.endpoint, piece.form, piece.data)


def quantities(model: Distribution, theta: np.ndarray) -> pd.DataFrame:
    """Parameters, and what a decision model takes from the curve. Dims: (draw, quantity)."""
    natural = model.natural(theta)
    s = survival(model, natural, CURVE)
    of_curve = {"S(2)": survival(model, natural, np.array([2.0]))[:, 0]}
    of_curve["mean to 5 years"] = trapezoid(s, CURVE, axis=1)
    return pd.DataFrame(dict(zip(model.names, theta.T, strict=True)) | of_curve)


def ranks(truth: np.ndarray, posterior: SurvivalPosterior, seed: int) -> pd.Series:
    """Share of posterior draws below the truth; uniform on (0, 1), ties and steps spread evenly."""
    model = posterior.model
    theta = model.unconstrained(posterior.parameters)
    theta = theta[:: len(theta) // KEPT]  # nearly independent also where NUTS sampled
    draws, true = quantities(model, theta), quantities(model, truth[None]).iloc[0]
    below, same = (draws < true).sum(), (draws == true).sum()
    return (below + np.random.default_rng(seed).random(len(below)) * (1 + same)) / (KEPT + 1)


def uniformity(ranks: pd.DataFrame) -> pd.DataFrame:
    """p-values by quantity: chi-square of ten bins, and the largest distance of the ECDF."""
    counts = ranks.apply(lambda u: np.histogram(u, BINS, (0.0, 1.0))[0])
    return pd.DataFrame(
        {
            "chi_square": stats.chisquare(counts).pvalue,
            "ecdf": [stats.kstest(ranks[name], "uniform").pvalue for name in ranks],
        },
        ranks.columns,
    )


def calibrate(generating: Distribution, fitted: Distribution, patients: int) -> pd.DataFrame:
    """Ranks, dims (replication, quantity), and the columns `method` and `divergences`."""
    drawn = [simulated(generating, patients, seed) for seed in range(REPLICATIONS)]
    requests = [FitRequest(fitted, (piece,)) for _, piece in drawn]
    found = fit_each(requests, SETTINGS, Streams(1))
    rows = [
        ranks(theta, posterior, seed)
        for seed, ((theta, _), (posterior,)) in enumerate(zip(drawn, found, strict=True))
    ]
    fits = [posterior for (posterior,) in found]
    return pd.DataFrame(rows).assign(
        method=[p.method for p in fits], divergences=[p.diagnostics["divergences"] for p in fits]
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_ranks_of_the_truth_are_uniform(name: str) -> None:
    family = FAMILIES[name]
    table = calibrate(family.model, family.model, family.patients)
    p_values = uniformity(table.drop(columns=["method", "divergences"]))
    by_nuts, diverged = (table["method"] == "nuts").sum(), (table["divergences"] > 0).sum()
    print(f"\n{name}: {by_nuts} of {len(table)} by NUTS, {diverged} of them with divergences")
    print(p_values.round(3).to_string())
    assert p_values.min(axis=None) > LEVEL / p_values.size


def test_a_wrong_prior_is_found() -> None:
    """Fitted with half the standard deviation that generates; few patients, so that it matters."""
    model = resolve("weibull")
    table = calibrate(model, model.with_priors(0.5), 5)
    p_values = uniformity(table.drop(columns=["method", "divergences"]))
    print("", p_values.to_string(), sep="\n")
    assert p_values.min(axis=None) < 0.01 * LEVEL / p_values.size
