"""Partitioned survival of hesim 0.5.6 from the same coefficients (tests/anchors/hesim_psm4).

Twenty of its draws are shipped; all 100, and its survival curves, are compared where HEOR_REFERENCE
is set.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.inputs.problem import DiscountBand
from heor.occupancy.partitioned import partition
from heor.outcomes.discounting import cycle_weights, discount_factor
from heor.survival.families.distributions import survival

SHIPPED = Path(__file__).parent / "hesim_psm4"
REFERENCE = Path(os.environ.get("HEOR_REFERENCE", "")) / "hesim_psm4"
#: Names of the shipped files in the folder of references.
WHOLE = {
    "coefficients_curve1": "psa_coefs_curve1",
    "coefficients_curve2": "psa_coefs_curve2",
    "coefficients_curve3": "psa_coefs_curve3",
    "utilities": "psa_utility_draws",
    "medical_costs": "psa_medcost_lm_coefs",
    "state_probabilities": "psa_stateprobs_first3draws",
    "qalys": "psa_qalys_by_state",
    "costs": "psa_costs_by_state",
}
TIME = np.arange(121) / 10
RATE = 0.03
WEIGHTS = cycle_weights(TIME) * discount_factor((DiscountBand(0, None, RATE),), TIME, "continuous")
WHO = ["strategy_id", "patient_id", "sample"]


class Case:
    """hesim's inputs and results, shipped or whole, and our curves of the same coefficients."""

    def __init__(self, whole: bool) -> None:
        self.folder, self.names = (REFERENCE, WHOLE) if whole else (SHIPPED, {})
        self.patients = self.read("patients").set_index("patient_id")
        self.draws = len(self.read("utilities"))
        #: Dims: (strategy, patient, draw, time, curve), and state for curve.
        self.survival = np.stack([self._curve(k) for k in (1, 2, 3)], axis=-1)
        self.states = np.stack(partition(np.moveaxis(self.survival, -1, 0), "raise"), axis=-1)

    def read(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{self.names.get(name, name)}.csv")

    def _curve(self, k: int) -> np.ndarray:
        c = self.read(f"coefficients_curve{k}")
        shape = np.exp(c["shape.(Intercept)"].to_numpy())
        found = np.empty((3, len(self.patients), self.draws, len(TIME)))
        for i, j in np.ndindex(found.shape[:2]):
            age, female = self.patients.iloc[j][["age", "female"]]
            log_scale = c["scale.(Intercept)"] + age * c["scale.age"] + female * c["scale.female"]
            if i > 0:
                log_scale = log_scale + c[f"scale.factor(strategy_id){i + 1}"]
            scale = np.exp(log_scale.to_numpy())
            found[i, j] = survival("weibull", {"shape": shape, "scale": scale}, TIME)
        return found

    def at(self, array: np.ndarray, rows: pd.DataFrame, *last: np.ndarray) -> np.ndarray:
        """`array` for the strategy, patient and draw of each row, and by more indices. Dims: row."""
        return array[(*(rows[name].to_numpy() - 1 for name in WHO), *last)]

    def years(self, rows: pd.DataFrame) -> np.ndarray:
        """Discounted years in the state of each row. Dims: row."""
        years = np.einsum("t,ijdtk->ijdk", WEIGHTS, self.states)
        return self.at(years, rows, rows["state_id"].to_numpy() - 1)


@pytest.fixture(scope="module", params=["shipped", "whole"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "whole" and not REFERENCE.is_dir():
        pytest.skip("HEOR_REFERENCE is not set: 80 of the 100 draws are not shipped")
    return Case(request.param == "whole")


def test_survival(case: Case) -> None:
    """Each curve in three draws, whole only."""
    if case.folder != REFERENCE:
        pytest.skip("curves are not shipped: the states say the same")
    reference = case.read("psa_survival_first3draws")
    point = (reference["t"] * 10).round().astype(int)
    found = case.at(case.survival, reference, point, reference["curve"] - 1)
    assert len(reference) == 3 * 9 * 3 * 121
    np.testing.assert_allclose(found, reference["survival"], rtol=0, atol=1e-8)


def test_state_probabilities(case: Case) -> None:
    """Three draws of four states: at 15 times, or on the whole grid."""
    reference = case.read("state_probabilities")
    assert len(reference) == 3 * 9 * 4 * (121 if case.folder == REFERENCE else 15)
    point = (reference["t"] * 10).round().astype(int)
    found = case.at(case.states, reference, point, reference["state_id"] - 1)
    np.testing.assert_allclose(found, reference["prob"], rtol=0, atol=1e-8)


def test_qalys_and_life_years(case: Case) -> None:
    """Trapezoid with a continuous rate of 3 %, by state."""
    reference = case.read("qalys")
    assert len(reference) == case.draws * 9 * 3
    years = case.years(reference)
    np.testing.assert_allclose(years, reference["lys"], rtol=0, atol=1e-8)
    utilities = case.read("utilities").set_index("sample").to_numpy()
    utility = utilities[reference["sample"] - 1, reference["state_id"] - 1]
    np.testing.assert_allclose(years * utility, reference["qalys"], rtol=0, atol=1e-8)


def test_costs(case: Case) -> None:
    """With state costs one state off: hesim's example matches them by position.

    State 1 is costed with state 2's coefficient, state 2 with state 3's, and state 3 with none.
    """
    reference = case.read("costs")
    assert len(reference) == case.draws * 9 * 3 * 2
    own = case.read("medical_costs").set_index("sample").loc[reference["sample"]]
    female = case.patients["female"].loc[reference["patient_id"]].to_numpy()
    shifted = np.stack(
        [own["state_namestate2"], own["state_namestate3"], np.zeros(len(own))], axis=1
    )
    medical = own["(Intercept)"].to_numpy() + own["female"].to_numpy() * female
    medical = medical + shifted[np.arange(len(own)), reference["state_id"] - 1]
    drugs = case.read("drug_costs").set_index("strategy_id")["drug_cost"]
    drug = drugs.loc[reference["strategy_id"]].to_numpy()
    amount = np.where(reference["category"] == "drug", drug, medical)
    np.testing.assert_allclose(case.years(reference) * amount, reference["costs"], rtol=1e-8)
