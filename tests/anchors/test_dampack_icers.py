"""Frontiers of dampack 1.0.2.

`dampack/` holds what its `calculate_icers` (1.0.2.1000, R 4.2.2) says of problems made up here: seven
screening intensities, sixty programmes, a saving with a gain, points on one line. Its own problems are
data of a GPL package and are read from HEOR_REFERENCE.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.decision.frontier import STATUSES, incremental_analysis

REFERENCE = Path(os.environ.get("HEOR_REFERENCE", "")) / "dampack_icers"
FOLDER = Path(__file__).parent / "dampack"
OWN = ("screening", "sixty", "savings", "line")
CASES = {
    "cdiff": ("cdiff_input_means.csv", "meanCost", "meanEffect"),
    "hiv_screening": ("hiv_screening_input.csv", "Cost", "Effect"),
    "hund_strat": ("hund_strat_input.csv", "Cost", "QALYs"),
}
LABELS = dict(zip(("ND", "ED", "D"), STATUSES, strict=False))


@pytest.mark.parametrize("case", OWN)
def test_frontier(case: str) -> None:
    """In whatever order the strategies are given."""
    expected = pd.read_csv(FOLDER / f"{case}_icers.csv")
    for seed in range(3):
        given = expected.sample(frac=1, random_state=seed)
        found = incremental_analysis(list(given["Strategy"]), given["Cost"], given["Effect"])
        _is_dampacks(found, expected)


def test_frontiers_have_every_status() -> None:
    """What is checked above is not only strategies that stand."""
    statuses = pd.concat([pd.read_csv(FOLDER / f"{case}_icers.csv") for case in OWN])["Status"]
    assert statuses.value_counts().to_dict() == {"D": 40, "ED": 15, "ND": 20}


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="set HEOR_REFERENCE to the folder of references")
@pytest.mark.parametrize("case", CASES)
def test_frontier_of_its_own_problems(case: str) -> None:
    file, cost, effect = CASES[case]
    given = pd.read_csv(REFERENCE / file, dtype={"Strategy": str})
    expected = pd.read_csv(REFERENCE / f"{case}_icers.csv", dtype={"Strategy": str})
    _is_dampacks(
        incremental_analysis(list(given["Strategy"]), given[cost], given[effect]), expected
    )


def _is_dampacks(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found["strategy"]) == list(expected["Strategy"])
    assert list(found["status"]) == list(expected["Status"].map(LABELS))
    for ours, theirs in (
        ("incremental_cost", "Inc_Cost"),
        ("incremental_effect", "Inc_Effect"),
        ("icer", "ICER"),
    ):
        np.testing.assert_allclose(found[ours], expected[theirs], rtol=1e-9, equal_nan=True)
