"""Frontiers of dampack 1.0.2 on its own problems (read from HEOR_REFERENCE: data of a GPL package)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.decision.frontier import STATUSES, incremental_analysis

REFERENCE = Path(os.environ.get("HEOR_REFERENCE", "")) / "dampack_icers"
CASES = {
    "cdiff": ("cdiff_input_means.csv", "meanCost", "meanEffect"),
    "hiv_screening": ("hiv_screening_input.csv", "Cost", "Effect"),
    "hund_strat": ("hund_strat_input.csv", "Cost", "QALYs"),
}
LABELS = dict(zip(("ND", "ED", "D"), STATUSES, strict=False))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="set HEOR_REFERENCE to the folder of references")
@pytest.mark.parametrize("case", CASES)
def test_frontier(case: str) -> None:
    file, cost, effect = CASES[case]
    given = pd.read_csv(REFERENCE / file, dtype={"Strategy": str})
    expected = pd.read_csv(REFERENCE / f"{case}_icers.csv", dtype={"Strategy": str})
    found = incremental_analysis(list(given["Strategy"]), given[cost], given[effect])
    assert list(found["strategy"]) == list(expected["Strategy"])
    assert list(found["status"]) == list(expected["Status"].map(LABELS))
    for ours, theirs in (
        ("incremental_cost", "Inc_Cost"),
        ("incremental_effect", "Inc_Effect"),
        ("icer", "ICER"),
    ):
        np.testing.assert_allclose(found[ours], expected[theirs], rtol=1e-9, equal_nan=True)
