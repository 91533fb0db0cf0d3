"""Influenza vaccination of the R package BCEA 2.4.84, at all 501 thresholds.

Its draws belong to a GPL package and are read from HEOR_REFERENCE; `test_bcea.py` has others.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.decision.acceptability import ceac
from heor.decision.cost_effectiveness import evpi, net_benefit_table
from heor.decision.information import evppi
from heor.outcomes.outcomes import Outcomes

FOLDER = Path(os.environ.get("HEOR_REFERENCE", "")) / "bcea_vaccine"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="set HEOR_REFERENCE to the folder of references"
)
NAMES = {"1": "Status quo", "2": "Vaccination"}
CLOSE = {"rtol": 0, "atol": 1e-9}


@pytest.fixture(scope="module")
def vaccine() -> Outcomes:
    wide = pd.read_csv(FOLDER / "input_eff_cost.csv")
    frames = [
        pd.DataFrame(
            {"strategy": s, "draw": wide.sim, "cost": wide[f"c{i}"], "qaly": wide[f"e{i}"]}
        )
        for i, s in NAMES.items()
    ]
    return Outcomes.from_table(pd.concat(frames), "GBP")


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    found = pd.read_csv(FOLDER / "bcea_grid.csv").merge(pd.read_csv(FOLDER / "ceaf.csv"), on="k")
    assert len(found) == 501
    return found


def test_acceptability_frontier_and_evpi(vaccine: Outcomes, grid: pd.DataFrame) -> None:
    found = ceac(vaccine, grid.k)
    new = found[found.strategy == "Vaccination"]
    np.testing.assert_allclose(new.probability, grid.ceac_ref2_vs_1, **CLOSE)
    np.testing.assert_allclose(new.evpi, grid.evpi, **CLOSE)
    frontier = found[found.on_frontier]
    assert frontier.strategy.tolist() == [NAMES[str(b)] for b in grid.best]
    np.testing.assert_allclose(frontier.probability, grid.ceaf, **CLOSE)
    np.testing.assert_allclose(1 - frontier.error_probability, grid.ceaf, **CLOSE)


def test_incremental_net_benefit(vaccine: Outcomes, grid: pd.DataFrame) -> None:
    named = [(f"{k}", float(k)) for k in grid.k]
    found = net_benefit_table(vaccine, "Status quo", "Vaccination", named)
    np.testing.assert_allclose(found.net_benefit, grid.eib_ref2_vs_1, **CLOSE)
    np.testing.assert_allclose(found.probability, grid.ceac_ref2_vs_1, **CLOSE)
    np.testing.assert_allclose(found.evpi, grid.evpi, **CLOSE)
    np.testing.assert_allclose(found.evpi, [evpi(vaccine, t)[0] for t in grid.k], **CLOSE)


def test_partial_information_is_that_of_a_generalised_additive_model(vaccine: Outcomes) -> None:
    """Of 1,000 draws: within two of our standard errors of voi's GAM, where the decision changes."""
    reference = pd.read_csv(FOLDER / "evppi.csv")
    at = reference[(reference.k == 20_100) & (reference.method == "gam")].set_index("pars").evppi
    draws = pd.read_csv(FOLDER / "input_parameters.csv")
    groups = {name: name.split("+") for name in at.index}
    assert len(groups) == 3
    for x in evppi(vaccine, draws, groups, [20_100.0]):
        assert abs(x.value[0] - at[x.name]) < 2 * x.se[0], x.name
