"""Cure models against flexsurvcure 1.3.3 (see flexsurvcure/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.survival.families import likelihood
from heor.survival.families.cure import MixtureCure, NonMixtureCure
from heor.survival.families.distributions import DISTRIBUTIONS
from heor.survival.families.regression import Regression
from heor.survival.sampler import laplace
from tests import fits
from tests.anchors.data import GROUPS, NAMES, data_of

FOLDER = Path(__file__).parent / "flexsurvcure"
KEY = ["formula_theta", "dist", "mixture"]
#: The likelihood has no maximum inside, or one optimiser stopped below another (the README).
NO_MAXIMUM = {
    *(("group", dist, True) for dist in ("lnorm", "llogis", "gompertz", "exp", "gengamma")),
    *(("1", "exp", mixture) for mixture in (True, False)),
    ("group", "exp", False),
    ("1", "gengamma", True),
}
#: Nearly flat: seconds to climb, and ours end above theirs.
SLOW = {("1", "gengamma", False), ("group", "gengamma", False)}


def table(name: str) -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / name)
    return frame[frame["link"] == "logistic"].rename(columns={"formula": "formula_theta"})


def cases() -> list:
    rows = table("fits.csv")[[*KEY, "loglik"]].itertuples(index=False)
    return [
        pytest.param(*row[:3], row[3], id=f"{row[1]}-{'' if row[2] else 'non'}mixture-{row[0]}")
        for row in rows
    ]


@pytest.mark.parametrize(("formula", "dist", "mixture", "log_likelihood"), cases())
def test_maximum_likelihood_is_flexsurvcures(
    formula: str, dist: str, mixture: bool, log_likelihood: float
) -> None:
    piece = data_of("bc", formula)
    rows = table("coefficients.csv").set_index(KEY).sort_index().loc[[(formula, dist, mixture)]]
    cure = (MixtureCure if mixture else NonMixtureCure)(DISTRIBUTIONS[NAMES[dist]])
    model = Regression(cure, GROUPS, on="cured") if formula == "group" else cure
    theta, *rest = rows["est_transformed"]  # theirs has the cured fraction first
    size = len(cure.base.names)
    theirs = np.array([*rest[:size], theta, *rest[size:]])

    f = laplace.log_likelihood_function(model, [likelihood.encoded(model, piece)])
    assert f(theirs[None])[0] == pytest.approx(log_likelihood, abs=1e-6)
    if (formula, dist, mixture) in NO_MAXIMUM | SLOW:
        return
    ours = fits.fit_maximum_likelihood(model, [piece])
    assert ours.log_likelihood > log_likelihood - 1e-6
    if ours.log_likelihood < log_likelihood + 1e-6:
        np.testing.assert_allclose(ours.transformed, theirs, atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("formula", ["1", "group"])
def test_generalised_gamma_ends_above_theirs(formula: str) -> None:
    piece = data_of("bc", formula)
    cure = NonMixtureCure(DISTRIBUTIONS["generalised_gamma"])
    model = Regression(cure, GROUPS, on="cured") if formula == "group" else cure
    rows = table("fits.csv").set_index(KEY)
    ours = fits.fit_maximum_likelihood(model, [piece])
    assert ours.log_likelihood > rows.loc[(formula, "gengamma", False), "loglik"] - 1e-6
