"""Decisions of the R package BCEA at all 501 thresholds, on draws made up here.

`bcea/draws.csv`: 250 draws of three strategies (gamma costs, normal QALYs, NumPy's generator with seed
2024). `bcea/bcea.csv`: what BCEA 2.4.82 (`bcea`, `multi.ce`; R 4.2.2) says of them: the best strategy,
EVPI, the chance of each being the best and that of the frontier among all three; and the expected
incremental benefit, acceptability and EVPI of the last against the first alone. At 15,000 the strategy
with the highest expected net benefit is not the one most often the best.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.decision.acceptability import ceac
from heor.decision.choice import choice_table, choices
from heor.decision.cost_effectiveness import evpi, net_benefit_table
from heor.outcomes.outcomes import Outcomes

FOLDER = Path(__file__).parent / "bcea"
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def outcomes_of(strategies: str) -> Outcomes:
    wide = pd.read_csv(FOLDER / "draws.csv")
    frames = [
        pd.DataFrame(
            {"strategy": s, "draw": wide.sim, "cost": wide[f"c_{s}"], "qaly": wide[f"e_{s}"]}
        )
        for s in strategies
    ]
    return Outcomes.from_table(pd.concat(frames), "GBP")


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    found = pd.read_csv(FOLDER / "bcea.csv")
    assert len(found) == 501 and set(found.best) == set("abc")
    return found


def test_acceptability_frontier_and_evpi_of_all_three(grid: pd.DataFrame) -> None:
    found = ceac(outcomes_of("abc"), grid.k)
    for name, own in found.groupby("strategy"):
        np.testing.assert_allclose(own.probability, grid[f"p_{name}"], **CLOSE)
    frontier = found[found.on_frontier]
    assert frontier.strategy.tolist() == grid.best.tolist()
    np.testing.assert_allclose(frontier.probability, grid.ceaf, **CLOSE)
    np.testing.assert_allclose(1 - frontier.error_probability, grid.ceaf, **CLOSE)
    np.testing.assert_allclose(frontier.evpi, grid.evpi, **CLOSE)
    np.testing.assert_allclose(frontier.expected_loss, grid.evpi, **CLOSE)


def test_best_of_all_three(grid: pd.DataFrame) -> None:
    """The table behind the answer, at each of the thresholds."""
    named = [(f"{k:g}", float(k)) for k in grid.k[::25]]
    found = choices({"choice": choice_table(outcomes_of("abc"), "a", named)})
    own, expected = list(found.values()), grid[::25]
    assert [c.strategy for c in own] == expected.best.tolist()
    np.testing.assert_allclose([c.chances[c.strategy] for c in own], expected.ceaf, **CLOSE)
    np.testing.assert_allclose([c.evpi for c in own], expected.evpi, **CLOSE)
    np.testing.assert_allclose([1 - c.error_probability for c in own], expected.ceaf, **CLOSE)


def test_incremental_net_benefit_of_two_alone(grid: pd.DataFrame) -> None:
    two, named = outcomes_of("ac"), [(f"{k}", float(k)) for k in grid.k]
    found = net_benefit_table(two, "a", "c", named)
    np.testing.assert_allclose(found.net_benefit, grid.eib_c_vs_a, **CLOSE)
    np.testing.assert_allclose(found.probability, grid.ceac_c_vs_a, **CLOSE)
    np.testing.assert_allclose(found.evpi, grid.evpi_c_vs_a, **CLOSE)
    np.testing.assert_allclose(found.evpi, [evpi(two, t)[0] for t in grid.k], **CLOSE)
