"""Key outcomes of the base case and every scenario, by the Laplace fits, against their own past.

`pytest tests/golden --update-golden` prints the differences and writes the new values.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.inputs.load import available, load
from heor.simulation.draw_inputs import sample
from heor.streams import Streams
from heor.survival.fitting.fit_problems import fit_problems
from heor.together import decide
from tests import made_up

GOLDEN = Path(__file__).with_name("scenarios.csv")
DRAWS = 1000
COLUMNS = ["cost", "qalys", "icer", "probability_275000", "probability_severity", "evpi_severity"]
BY_NUTS = ("s14_m_spline",)  # Laplace does not serve its posterior: in no golden
#: Those that the laws below compare; the others stand with the slow tests.
CORE = (
    "list_prices",
    "s06_null",
    "s08_orchestra_only",
    "s08_orchestra_only_no_cure",
    "s11_no_cure",
    "s14_loglogistic",
    "s14_lognormal",
    "s14_weibull",
    "s16_cure_added",
    "s17_symmetric_treatment",
    "s19_cure_half",
    "s19_cure_half_symmetric",
    "state_residence",
    "state_residence_upper",
)
#: Scenarios that change the evidence, or what the expert opinion is about: fits of their own, slow.
OWN_FITS = (
    "no_expert_opinion",
    "no_transport",
    "s02_brouquet",
    "s02_brouquet_bias",
    "s03_adam_progression",
    "s03_adam_progression_bias",
    "s04_allard",
    "s04_allard_bias",
    "s05_trial_design",
    "s10_calibrated_control",
    "s12_panitumumab",
)


def evaluated(root: Path, names: list[str], cache: Path) -> pd.DataFrame:
    """Increments of the base case and scenarios on common draws, one row each."""
    problems = {
        name or "base": load(root / "inputs", scenario=name, draws=DRAWS, quick=True)
        for name in (None, *names)
    }
    streams = Streams(problems["base"].settings.seed)
    fits = fit_problems(problems, streams, cache)
    draws = sample(problems, fits, streams)
    found = made_up.simulate_together({n: (p, draws[n]) for n, p in problems.items()})
    return pd.DataFrame({n: _row(decide(problems[n], s)) for n, s in found.items()}).T


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, shared_fits: Path) -> pd.DataFrame:
    """The base case and scenarios on its fits."""
    return evaluated(request.config.rootpath, list(CORE), shared_fits)


def _row(decision) -> dict[str, float]:
    icer = decision.tables["icer"].iloc[0]
    at = decision.tables["net_benefit"].set_index("threshold_name")
    return {
        "cost": icer["cost"],
        "qalys": icer["effect"],
        "icer": icer["ratio"],
        "probability_275000": at.loc["275000", "probability"],
        "probability_severity": at.loc["severity", "probability"],
        "evpi_severity": at.loc["severity", "evpi"],
    }


def compare(outcomes: pd.DataFrame, update: bool) -> None:
    """Against the golden rows of the same names, or (`update`) into the file."""
    golden = pd.read_csv(GOLDEN, index_col=0) if GOLDEN.exists() else pd.DataFrame()
    if update:
        if len(golden):
            print((outcomes - golden).loc[outcomes.index].to_string())
        others = golden.drop(index=outcomes.index, errors="ignore")
        golden = pd.concat([outcomes[COLUMNS], others]).sort_index()
        golden.to_csv(GOLDEN, float_format="%.8g", index_label="scenario", lineterminator="\n")
    golden = golden.loc[outcomes.index]
    np.testing.assert_allclose(outcomes[COLUMNS], golden[COLUMNS], rtol=1e-3, atol=1e-3)


def test_outcomes_have_not_moved(outcomes: pd.DataFrame, request: pytest.FixtureRequest) -> None:
    compare(outcomes, request.config.getoption("--update-golden"))


@pytest.mark.slow
def test_other_outcomes_have_not_moved(request: pytest.FixtureRequest, shared_fits: Path) -> None:
    root = request.config.rootpath
    left_out = (*BY_NUTS, *OWN_FITS, *CORE)
    names = [n for n in available(root / "inputs", "scenarios") if n not in left_out]
    compare(evaluated(root, names, shared_fits), request.config.getoption("--update-golden"))


@pytest.mark.slow
def test_outcomes_of_own_fits_have_not_moved(
    request: pytest.FixtureRequest, shared_fits: Path
) -> None:
    found = evaluated(request.config.rootpath, list(OWN_FITS), shared_fits)
    compare(found, request.config.getoption("--update-golden"))
    qalys = found["qalys"]
    assert qalys["s05_trial_design"] > 1.5
    for series in ("s02_brouquet", "s03_adam_progression", "s04_allard"):
        assert qalys[f"{series}_bias"] < qalys[series]  # selection explains a part of the gain
    assert qalys["s04_allard"] > qalys["s02_brouquet"] > qalys["s03_adam_progression"]


def test_every_scenario_has_a_golden_row(request: pytest.FixtureRequest) -> None:
    names = {"base", *available(request.config.rootpath / "inputs", "scenarios")} - {*BY_NUTS}
    assert set(pd.read_csv(GOLDEN, index_col=0).index) == names


def test_base_case_lies_in_the_independent_sanity_band(outcomes: pd.DataFrame) -> None:
    """Independent arithmetic of the decision model (2,000 draws, not part of the project): about +0.8
    QALY, ICER 280,000-320,000, chance 0.34 and 0.81; families alone +0.61, 0.78, 0.86."""
    base = outcomes.loc["base"]
    assert 0.6 < base["qalys"] < 0.9
    assert 275_000 < base["icer"] < 325_000
    assert base["probability_275000"] == pytest.approx(0.34, abs=0.08)
    assert base["probability_severity"] == pytest.approx(0.81, abs=0.05)
    for family, expected in (("weibull", 0.61), ("lognormal", 0.78), ("loglogistic", 0.86)):
        assert outcomes.loc[f"s14_{family}", "qalys"] == pytest.approx(expected, abs=0.06)


def test_scenarios_move_the_way_they_must(outcomes: pd.DataFrame) -> None:
    qalys, icer = outcomes["qalys"], outcomes["icer"]
    assert qalys["s16_cure_added"] > qalys["base"] > qalys["s19_cure_half"] > qalys["s11_no_cure"]
    assert qalys["s06_null"] < 0  # harms of surgery alone
    assert icer["s19_cure_half_symmetric"] > icer["s17_symmetric_treatment"] > icer["base"]
    assert qalys["s08_orchestra_only"] > qalys["s08_orchestra_only_no_cure"]
    # S13: recurrence is survived better where half of the operated live two years from it.
    assert qalys["state_residence_upper"] > qalys["state_residence"] > qalys["s11_no_cure"]
    # The null costs only surgery and what treatment it changes; the same price list otherwise.
    assert outcomes.loc["list_prices", "qalys"] == pytest.approx(qalys["base"])
