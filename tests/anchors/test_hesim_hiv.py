"""HIV cohort of hesim 0.5.6 from the same counts and draws (tests/anchors/hesim_hiv_cohort)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.inputs.problem import DiscountBand
from heor.occupancy.state_occupancy import StateOccupancy
from heor.occupancy.transitions import cohort
from heor.outcomes.discounting import cycle_weights, discount_factor

FOLDER = Path(__file__).parent / "hesim_hiv_cohort"
STATES = ("A", "B", "C", "D")
CYCLES = 20
TIME = np.arange(CYCLES + 1.0)
YEARS = cycle_weights(TIME, "end")  # hesim's riemann_right
DISCOUNTED = YEARS * discount_factor((DiscountBand(0, None, 0.06),), TIME, "continuous")
ON_TREATMENT = np.arange(CYCLES) < 2  # the relative risk acts in the first two cycles
LAMIVUDINE = TIME <= 2


def occupancy(p: Mapping[str, np.ndarray], ratio: np.ndarray | None) -> StateOccupancy:
    """Off-diagonal probabilities, times the relative risk while on treatment. Dims of each: draw."""
    factor = 1.0 if ratio is None else np.where(ON_TREATMENT, ratio[:, None], 1.0)
    moves = {(k[0], k[1]): v[:, None] * factor for k, v in p.items() if k[0] != k[1]}
    return cohort(moves, STATES, CYCLES)


@pytest.fixture(scope="module")
def case() -> dict:
    return json.loads((FOLDER / "case.json").read_text())


@pytest.fixture(scope="module")
def deterministic(case: dict) -> list[StateOccupancy]:
    counts = np.array(case["inputs"]["alpha_mono"], float)
    mean = counts / counts.sum(axis=1, keepdims=True)
    p = {
        f"{i}{j}": mean[[a], b]
        for a, i in enumerate(STATES)
        for b, j in enumerate(STATES)
        if mean[a, b] > 0
    }
    return [occupancy(p, None), occupancy(p, np.array([case["rr_comb_point"]]))]


def test_state_probabilities(deterministic: list[StateOccupancy]) -> None:
    reference = pd.read_csv(FOLDER / "det_stateprobs.csv")
    assert len(reference) == 2 * 4 * 21
    found = [
        deterministic[r.strategy_id - 1].states[STATES[r.state_id - 1]][0, int(r.t)]
        for r in reference.itertuples()
    ]
    np.testing.assert_allclose(found, reference["prob"], atol=1e-12)


def test_costs_and_life_years(case: dict, deterministic: list[StateOccupancy]) -> None:
    inputs = case["inputs"]
    for r in pd.read_csv(FOLDER / "det_costs_by_state_category.csv").itertuples():
        alive = deterministic[r.strategy_id - 1].states[STATES[r.state_id - 1]][0]
        drug = inputs["c_zido"] + (r.strategy_id == 2) * inputs["c_lam"] * LAMIVUDINE
        cost = {
            "drug": drug,
            "direct_medical": inputs["c_dmed_mean"][r.state_id - 1],
            "community_medical": inputs["c_cmed_mean"][r.state_id - 1],
        }[r.category]
        assert alive @ (DISCOUNTED * cost) == pytest.approx(r.costs, rel=1e-10), r
    for r in pd.read_csv(FOLDER / "det_qalys_by_state.csv").itertuples():
        alive = deterministic[r.strategy_id - 1].states[STATES[r.state_id - 1]][0]
        assert alive @ YEARS == pytest.approx(r.lys, rel=1e-12), r


def test_every_draw(case: dict) -> None:
    draws = pd.read_csv(FOLDER / "psa_draws_inputs.csv")
    p = {k.removeprefix("p_"): draws[k].to_numpy() for k in draws if k.startswith("p_")}
    reference = pd.read_csv(FOLDER / "psa_outputs_per_draw.csv").set_index(
        ["strategy_id", "sample"]
    )
    inputs = case["inputs"]
    for strategy, ratio in ((1, None), (2, draws["rr_comb"].to_numpy())):
        found = occupancy(p, ratio)
        drug = inputs["c_zido"] + (strategy == 2) * inputs["c_lam"] * LAMIVUDINE
        cost = sum(found.states[s] @ (DISCOUNTED * drug) for s in "ABC")
        for state in "ABC":
            years = found.states[state] @ DISCOUNTED
            cost += years * (draws[f"c_dmed_{state}"] + draws[f"c_cmed_{state}"]).to_numpy()
        qalys = (1 - found.states["D"]) @ YEARS
        expected = reference.loc[strategy]
        np.testing.assert_allclose(cost, expected["costs"], rtol=1e-8)
        np.testing.assert_allclose(qalys, expected["qalys"], rtol=1e-8)
