"""HIV cohort of hesim 0.5.6 from the same counts and draws (tests/anchors/hesim_hiv_cohort).

200 of the 1,000 draws are shipped; all are compared where HEOR_REFERENCE is set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.decision.acceptability import ceac
from heor.occupancy.state_occupancy import StateOccupancy
from heor.occupancy.transitions import cohort
from heor.outcomes.discounting import discount_factor
from heor.outcomes.outcomes import Outcomes
from heor.problem.country import DiscountBand
from tests.arithmetic import cycle_weights

FOLDER = Path(__file__).parent / "hesim_hiv_cohort"
REFERENCE = Path(os.environ.get("HEOR_REFERENCE", "")) / "hesim_hiv_cohort"
given = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="set HEOR_REFERENCE to the folder of references"
)
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


def psa(case: dict, folder: Path) -> pd.DataFrame:
    """Every draw by strategy, as `strategy, draw, cost, qaly`."""
    draws = pd.read_csv(folder / "psa_draws_inputs.csv")
    p = {k.removeprefix("p_"): draws[k].to_numpy() for k in draws if k.startswith("p_")}
    inputs, rows = case["inputs"], []
    for strategy, ratio in ((1, None), (2, draws["rr_comb"].to_numpy())):
        found = occupancy(p, ratio)
        drug = inputs["c_zido"] + (strategy == 2) * inputs["c_lam"] * LAMIVUDINE
        cost = sum(found.states[s] @ (DISCOUNTED * drug) for s in "ABC")
        for state in "ABC":
            years = found.states[state] @ DISCOUNTED
            cost += years * (draws[f"c_dmed_{state}"] + draws[f"c_cmed_{state}"]).to_numpy()
        qalys = (1 - found.states["D"]) @ YEARS
        rows.append(
            pd.DataFrame(
                {"strategy": strategy, "draw": draws["sample"], "cost": cost, "qaly": qalys}
            )
        )
    return pd.concat(rows)


@pytest.mark.parametrize(
    "folder", [FOLDER, pytest.param(REFERENCE, marks=given)], ids=["shipped", "all"]
)
def test_every_draw(case: dict, folder: Path) -> None:
    found = psa(case, folder).set_index(["strategy", "draw"])
    reference = pd.read_csv(folder / "psa_outputs_per_draw.csv").set_index(
        ["strategy_id", "sample"]
    )
    assert len(found) == len(reference) == 2 * (200 if folder == FOLDER else 1000)
    expected = reference.loc[found.index]
    np.testing.assert_allclose(found["cost"], expected["costs"], rtol=1e-12)
    np.testing.assert_allclose(found["qaly"], expected["qalys"], rtol=1e-12)


@given
def test_acceptability_and_information(case: dict) -> None:
    curve = pd.read_csv(REFERENCE / "psa_ceac_pairwise.csv")
    information = pd.read_csv(REFERENCE / "psa_evpi.csv")
    data = psa(case, REFERENCE)
    data["strategy"] = data["strategy"].map({1: "zidovudine", 2: "combination"})
    found = ceac(Outcomes.from_table(data, "GBP"), curve["k"].to_numpy(float))
    own = found[found["strategy"] == "combination"]
    np.testing.assert_allclose(own["probability"], curve["prob"], atol=1e-12)
    # a difference of two net benefits near 400,000
    np.testing.assert_allclose(own["evpi"], information["evpi"], atol=1e-8)
