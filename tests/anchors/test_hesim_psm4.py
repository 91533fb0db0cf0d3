"""Partitioned survival of hesim 0.5.6 from the same coefficients (tests/anchors/hesim_psm4)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.inputs.problem import DiscountBand
from heor.occupancy.partitioned import partition
from heor.outcomes.discounting import cycle_weights, discount_factor
from heor.survival.distributions import survival

FOLDER = Path(__file__).parent / "hesim_psm4"
TIME = np.arange(121) / 10
RATE = 0.03
WEIGHTS = cycle_weights(TIME) * discount_factor((DiscountBand(0, None, RATE),), TIME, "continuous")


def state_probabilities(strategy: int, age: float, female: int) -> np.ndarray:
    """Four states of one strategy and patient. Dims: (draw, time, state)."""
    alive = []
    for k in (1, 2, 3):
        c = pd.read_csv(FOLDER / f"coefficients_curve{k}.csv")
        log_scale = c["scale.(Intercept)"] + age * c["scale.age"] + female * c["scale.female"]
        if strategy > 1:
            log_scale = log_scale + c[f"scale.factor(strategy_id){strategy}"]
        weibull = {
            "shape": np.exp(c["shape.(Intercept)"].to_numpy()),
            "scale": np.exp(log_scale.to_numpy()),
        }
        alive.append(survival("weibull", weibull, TIME))
    return np.stack(partition(alive, "raise"), axis=2)


@pytest.fixture(scope="module")
def ours() -> dict[tuple[int, int], np.ndarray]:
    patients = pd.read_csv(FOLDER / "patients.csv")
    return {
        (strategy, p.patient_id): state_probabilities(strategy, p.age, p.female)
        for strategy in (1, 2, 3)
        for p in patients.itertuples()
    }


def test_state_probabilities(ours: dict[tuple[int, int], np.ndarray]) -> None:
    reference = pd.read_csv(FOLDER / "state_probabilities.csv")
    assert len(reference) == 3 * 9 * 4 * 15
    for r in reference.itertuples():
        point = round(r.t * 10)
        found = ours[r.strategy_id, r.patient_id][r.sample - 1, point, r.state_id - 1]
        assert found == pytest.approx(r.prob, abs=1e-8), r


def test_qalys_and_life_years(ours: dict[tuple[int, int], np.ndarray]) -> None:
    """Trapezoid with a continuous rate of 3 %, by state."""
    reference = pd.read_csv(FOLDER / "qalys.csv")
    utilities = pd.read_csv(FOLDER / "utilities.csv").set_index("sample").to_numpy()
    assert len(reference) == 20 * 9 * 3
    for r in reference.itertuples():
        occupied = ours[r.strategy_id, r.patient_id][r.sample - 1, :, r.state_id - 1]
        years = WEIGHTS @ occupied
        assert years == pytest.approx(r.lys, abs=1e-8), r
        utility = utilities[r.sample - 1, r.state_id - 1]
        assert years * utility == pytest.approx(r.qalys, abs=1e-8), r


def test_costs(ours: dict[tuple[int, int], np.ndarray]) -> None:
    """With state costs one state off, as hesim's example matches them by position."""
    reference = pd.read_csv(FOLDER / "costs.csv")
    medical = pd.read_csv(FOLDER / "medical_costs.csv").set_index("sample")
    drug = pd.read_csv(FOLDER / "drug_costs.csv").set_index("strategy_id")["drug_cost"]
    female = pd.read_csv(FOLDER / "patients.csv").set_index("patient_id")["female"]
    shifted = {1: "state_namestate2", 2: "state_namestate3"}
    assert len(reference) == 20 * 9 * 3 * 2
    for r in reference.itertuples():
        years = WEIGHTS @ ours[r.strategy_id, r.patient_id][r.sample - 1, :, r.state_id - 1]
        own = medical.loc[r.sample]
        amount = own["(Intercept)"] + own["female"] * female[r.patient_id]
        amount += own[shifted[r.state_id]] if r.state_id in shifted else 0.0
        if r.category == "drug":
            amount = drug[r.strategy_id]
        assert years * amount == pytest.approx(r.costs, rel=1e-8), r
