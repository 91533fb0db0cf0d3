"""Are there enough draws: results at growing numbers of draws, plain and replicated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heor.decision.convergence import convergence_table
from heor.outcomes.outcomes import Outcomes

THRESHOLDS = [("low", 100.0), ("high", 200.0)]


def made(n: int, replicates: int = 1, cost: np.ndarray | None = None) -> Outcomes:
    """Strategy b gains 1 QALY (SD 0.5) for 120 (SD 30)."""
    generator = np.random.default_rng(7)
    gain = generator.normal(1.0, 0.5, n)
    cost = generator.normal(120.0, 30.0, n) if cost is None else cost
    draw = np.arange(n)
    rows = [
        pd.DataFrame({"strategy": "a", "draw": draw, "cost": 0.0, "qaly": 0.0}),
        pd.DataFrame({"strategy": "b", "draw": draw, "cost": cost, "qaly": gain}),
    ]
    return replace(Outcomes.from_table(pd.concat(rows), "NOK"), replicates=replicates)


def at(frame: pd.DataFrame, measure: str, name: str = "") -> pd.DataFrame:
    rows = frame[(frame["measure"] == measure) & (frame["threshold_name"] == name)]
    return rows.set_index("draws")


def test_rows_grow_to_all_draws() -> None:
    outcomes = made(4096)
    frame = convergence_table(outcomes, "a", "b", THRESHOLDS)
    found = at(frame, "net benefit", "high")
    assert list(found.index) == [256, 512, 1024, 2048, 4096]
    for used, value in found["value"].items():
        benefit = 200 * outcomes.qalys[:used, 1] - outcomes.cost[:used, 1]
        assert value == pytest.approx(benefit.mean(), rel=1e-12)


def test_draws_needed_reach_the_precision_they_promise() -> None:
    """Of independent draws: with as many as it asks for, the standard error is the target."""
    row = at(convergence_table(made(2048), "a", "b", THRESHOLDS), "net benefit", "high").loc[2048]
    needed = int(row["draws_needed"])
    assert needed > 2048  # SD about 104, target 2: 2,700
    again = at(convergence_table(made(needed), "a", "b", THRESHOLDS), "net benefit", "high")
    assert again.loc[needed, "se"] == pytest.approx(row["target"], rel=0.05)  # SD of the SE: 2 %
    assert row["target"] == 2.0


def test_targets_are_relative_to_their_measure() -> None:
    frame = convergence_table(made(1024), "a", "b", THRESHOLDS)
    last = frame[frame["draws"] == 1024].set_index(["measure", "threshold_name"])
    for key, share in ((("ICER", ""), 0.01), (("EVPI", "low"), 0.05)):
        assert last.loc[key, "target"] == pytest.approx(share * last.loc[key, "value"])
    assert last.loc[("probability", "low"), "target"] == 0.01


def test_replicates_are_taken_whole() -> None:
    outcomes = made(1600, replicates=16)
    found = at(convergence_table(outcomes, "a", "b", THRESHOLDS), "incremental cost")
    assert list(found.index) == [200, 400, 800, 1600]  # one replicate alone has no error
    for used, row in found.iterrows():
        means = outcomes.cost[:used, 1].reshape(-1, 100).mean(axis=1)
        assert row["se"] == pytest.approx(means.std(ddof=1) / np.sqrt(len(means)))


def test_even_replicates_need_fewer_draws_than_their_spread_suggests() -> None:
    """The same costs in every replicate: the draws differ, the means do not."""
    cost = np.tile(np.linspace(60.0, 180.0, 100), 16)
    plain, even = (
        at(convergence_table(made(1600, r, cost), "a", "b", THRESHOLDS), "incremental cost")
        for r in (1, 16)
    )
    assert plain.loc[1600, "draws_needed"] > 100
    assert even.loc[1600, "se"] == pytest.approx(0.0, abs=1e-12)
    assert even.loc[1600, "draws_needed"] <= 1


def test_too_few_draws_have_no_row() -> None:
    frame = convergence_table(made(40), "a", "b", THRESHOLDS)
    assert set(frame["draws"]) == {20, 40}
