"""Sick-Sicker of the DARTH cohort tutorials: time-independent, and by state residence.

The tutorials' Simpson weights are swapped. They are used here, literally, to show that occupancy and
rewards agree to rounding; the right numbers stand beside them. 200 of the 1,000 draws are shipped;
all are compared where HEOR_REFERENCE is set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.occupancy import semi_markov, transitions
from heor.occupancy.state_occupancy import StateOccupancy
from tests.arithmetic import cycle_weights

HERE = Path(__file__).parent
REFERENCE = Path(os.environ.get("HEOR_REFERENCE", ""))
given = pytest.mark.skipif(
    not (REFERENCE / "darth_sicksicker_timeindep").is_dir(),
    reason="set HEOR_REFERENCE to the folder of references",
)
STATES = ("H", "S1", "S2", "D")
CYCLES = 75
TIME = np.arange(CYCLES + 1.0)
DISCOUNT = 1.03**-TIME
STRATEGIES = {
    "Standard of care": ("SoC", False, False),
    "Strategy A": ("strA", True, False),
    "Strategy B": ("strB", False, True),
    "Strategy AB": ("strAB", True, True),
}
#: As DARTH's gen_wcc("Simpson1/3") has them: 4/3 and 2/3 the wrong way round.
SWAPPED = np.where(np.arange(CYCLES + 1) % 2 == 1, 2 / 3, 4 / 3)
SWAPPED[[0, -1]] = 1 / 3

Parameters = Mapping[str, np.ndarray]


def time_independent(p: Parameters, effective: bool) -> StateOccupancy:
    """Constant probabilities; leaving for another state is conditional on survival."""
    n = len(p["r_HD"])
    ratio = p["hr_S1S2_trtB"] if effective else np.ones(n)
    die = {s: _chance(p["r_HD"] * h) for s, h in _hazard_ratios(p).items()}
    moves = {
        ("H", "S1"): (1 - die["H"]) * _chance(p["r_HS1"]),
        ("S1", "H"): (1 - die["S1"]) * _chance(p["r_S1H"]),
        ("S1", "S2"): (1 - die["S1"]) * _chance(p["r_S1S2"] * ratio),
        **{(s, "D"): die[s] for s in ("H", "S1", "S2")},
    }
    return transitions.cohort({k: v[:, None] for k, v in moves.items()}, STATES, CYCLES)


def state_residence(p: Parameters, effective: bool) -> StateOccupancy:
    """S1 to S2 by time in S1 (Weibull), mortality by age."""
    table = pd.read_csv(HERE / "darth_sicksicker_state_residence/mortality_rate_by_age.csv")
    rate = table["mortality_rate_per_year"].to_numpy()[None, :CYCLES]
    die = {s: _chance(rate * np.reshape(h, (-1, 1))) for s, h in _hazard_ratios(p).items()}
    u = np.arange(CYCLES + 1.0)
    scale, shape = (p[f"r_S1S2_{k}"][:, None] for k in ("scale", "shape"))
    hazard = np.diff((scale * u) ** shape, axis=1)
    if effective:
        hazard = hazard * p["hr_S1S2_trtB"][:, None]
    moves = [
        semi_markov.Transition("H", "S1", (1 - die["H"]) * _chance(p["r_HS1"])[:, None]),
        semi_markov.Transition("S1", "H", (1 - die["S1"]) * _chance(p["r_S1H"])[:, None]),
        semi_markov.Transition("S1", "S2", 1 - die["S1"], -np.expm1(-hazard)),
        *(semi_markov.Transition(s, "D", die[s]) for s in ("H", "S1", "S2")),
    ]
    return semi_markov.cohort(moves, STATES, CYCLES)


def _chance(rate: np.ndarray) -> np.ndarray:
    return -np.expm1(-rate)


def _hazard_ratios(p: Parameters) -> dict[str, np.ndarray]:
    return {"H": np.ones(len(p["hr_S1"])), "S1": p["hr_S1"], "S2": p["hr_S2"]}


def outcomes(
    p: Parameters, found: StateOccupancy, treated: tuple[bool, bool], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cost and QALYs; transition rewards fall at the end of the cycle of the move. Dims: draw."""
    better, effective = treated
    drug = better * p["c_trtA"] + effective * p["c_trtB"]
    costs = {"H": p["c_H"], "S1": p["c_S1"] + drug, "S2": p["c_S2"] + drug, "D": p["c_D"]}
    utilities = {"H": p["u_H"], "S1": p["u_trtA"] if better else p["u_S1"], "S2": p["u_S2"]}
    valued = weights * DISCOUNT
    cost = sum(found.states[s] @ valued * c for s, c in costs.items())
    qalys = sum(found.states[s] @ valued * u for s, u in utilities.items())
    if "ic_D" in p:
        dying = sum(found.parts[f"{s} -> D", None] for s in ("H", "S1", "S2"))
        ill = found.parts["H -> S1", None] @ valued[1:]
        cost = cost + dying @ valued[1:] * p["ic_D"] + ill * p["ic_HS1"]
        qalys = qalys - ill * p["du_HS1"]
    return cost, qalys


CASES = {"timeindep": time_independent, "state_residence": state_residence}


def inputs(case: str) -> dict[str, np.ndarray]:
    folder = HERE / f"darth_sicksicker_{case}"
    scalars = json.loads((folder / "scalars.json").read_text())
    return {k: np.array([v], float) for k, v in scalars.items() if not isinstance(v, dict)}


def table(case: str, weights: np.ndarray) -> pd.DataFrame:
    p, rows = inputs(case), {}
    for name, (_, *treated) in STRATEGIES.items():
        cost, qalys = outcomes(p, CASES[case](p, treated[1]), tuple(treated), weights)
        rows[name] = {"Cost": cost[0], "Effect": qalys[0]}
    return pd.DataFrame(rows).T


def ratios(found: pd.DataFrame) -> list[float]:
    """ICER of B against standard of care, and of AB against B."""
    order = found.loc[["Standard of care", "Strategy B", "Strategy AB"]].diff().dropna()
    return list(order["Cost"] / order["Effect"])


@pytest.mark.parametrize("case", CASES)
def test_traces(case: str) -> None:
    p = inputs(case)
    for short, _, effective in STRATEGIES.values():
        found = CASES[case](p, effective)
        reference = pd.read_csv(HERE / f"darth_sicksicker_{case}/trace_{short}.csv")
        for state in STATES:
            np.testing.assert_allclose(found.states[state][0], reference[state], atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_published_table_with_the_swapped_weights(case: str) -> None:
    reference = pd.read_csv(HERE / f"darth_sicksicker_{case}/df_cea.csv").set_index("Strategy")
    found = table(case, SWAPPED)
    rel = 1e-9
    for column in ("Cost", "Effect"):
        expected = reference.loc[found.index, column]
        np.testing.assert_allclose(found[column], expected, rtol=rel)


@pytest.mark.parametrize(
    "root", [HERE, pytest.param(REFERENCE, marks=given)], ids=["shipped", "all"]
)
@pytest.mark.parametrize("case", CASES)
def test_every_draw_with_the_swapped_weights(case: str, root: Path) -> None:
    folder = root / f"darth_sicksicker_{case}"
    p = {k: v.to_numpy() for k, v in pd.read_csv(folder / "psa_parameters.csv").items()}
    assert len(p["hr_S1"]) == (200 if root == HERE else 1000)
    rel = 1e-9
    for outcome, which in (("cost", 0), ("effect", 1)):
        reference = pd.read_csv(folder / f"psa_{outcome}.csv")
        for name, (_, *treated) in STRATEGIES.items():
            found = outcomes(p, CASES[case](p, treated[1]), tuple(treated), SWAPPED)[which]
            np.testing.assert_allclose(found, reference[name], rtol=rel)


def test_right_weights() -> None:
    """Trapezoid 152,262 and 21.038, ICERs 73,134 and 125,532; Simpson 152,282, 21.032, 73,279, 125,302."""
    trapezoid = table("timeindep", cycle_weights(TIME, "trapezoid"))
    assert round(trapezoid.loc["Standard of care", "Cost"]) == 152_262
    assert round(trapezoid.loc["Standard of care", "Effect"], 3) == 21.038
    assert [round(r) for r in ratios(trapezoid)] == [73_134, 125_532]
    simpson = table("timeindep", cycle_weights(TIME, "simpson"))
    assert round(simpson.loc["Standard of care", "Effect"], 3) == 21.032
    assert simpson.loc["Standard of care", "Cost"] == pytest.approx(152_282, abs=1)
    assert ratios(simpson) == pytest.approx([73_279, 125_302], abs=5)
