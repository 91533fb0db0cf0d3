"""The shipped inputs hold the numbers of their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor.errors import InputError
from heor.inputs.load import load
from heor.problem.problem import DecisionProblem

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.


@pytest.mark.parametrize(
    ("name", "mean", "se", "distribution", "unit"),
    [
        ("start_age", 62, 0, "fixed", "years"),
        ("transport_multiplier", 0.858, 0.116, "lognormal", "hazard multiplier"),
        ("log_hr_os_clocc", -0.5447, 0.2142, "normal", "log hazard ratio"),
        ("log_hr_os_orchestra", -0.1278, 0.1153, "normal", "log hazard ratio"),
        ("p_operated", 0.860465, 0.0522374, "beta", "probability"),
        ("cure_if_operated", 0.05, 0.0391441, "beta", "probability"),
        ("smr_cured", 1.2, 0.12, "lognormal", "hazard multiplier"),
        ("hr_calibration_window_os", 60, 0, "fixed", "months"),
        ("m_progressed_relative", 0.853, 0.035, "beta", "utility multiplier"),
        ("c_resection", 260_000, 52_000, "gamma", "NOK"),
        ("c_second_line_medicines", 22_200, 4_440, "gamma", "NOK/month"),
        ("c_second_line_other", 15_800, 3_160, "gamma", "NOK/month"),
        ("c_progressed", 22_000, 5_500, "gamma", "NOK/month"),
        ("c_end_of_life_gross", 574_600, 115_000, "gamma", "NOK"),
        ("c_patient_time", 338, 50, "gamma", "NOK/hour"),
    ],
)
def test_base_case_numbers(
    name: str, mean: float, se: float, distribution: str, unit: str, problem: DecisionProblem
) -> None:
    """The evidence table of the Norwegian base case (NOK 2025), as entered."""
    found = problem.parameters[name]
    assert (found.entered_mean, found.entered_se) == (mean, se)
    assert (found.distribution, found.unit) == (distribution, unit)
    factor = {"NOK/month": 12, "NOK/hour": 8766, "months": 1 / 12}.get(unit, 1)
    assert found.mean == pytest.approx(mean * factor, rel=1e-15)
    if "NOK" in unit:
        assert (found.currency, found.price_year) == ("NOK", 2025)
    assert found.source and found.status


def test_base_case_evidence(problem: DecisionProblem) -> None:
    """Pooled FOLFIRI arms: 542 patients in both endpoints (Peeters 2014, reconstructed)."""
    for endpoint in ("os", "pfs"):
        evidence = problem.evidence[f"second_line_folfiri_{endpoint}"]
        assert evidence.n == 542
        assert evidence.table["end"][0] == pytest.approx(0.5 / 12)
    assert problem.horizon == 38
    assert len(problem.time) == 38 * 12 + 1


def test_every_input_file_is_hashed(problem: DecisionProblem, inputs: Path) -> None:
    files = {f"inputs/{p.relative_to(inputs).as_posix()}" for p in (inputs / "model").rglob("*.*")}
    assert files <= set(problem.input_hashes)
    assert all(len(h) == 64 for h in problem.input_hashes.values())


def test_uncertain_age_is_refused(copied_inputs: Path) -> None:
    """The cohort has one age; an se on it is an error, not silently dropped."""
    with pytest.raises(InputError, match="start_age is uncertain"):
        load(copied_inputs, overrides={"start_age.distribution": "normal", "start_age.se": 3})


def test_draws_outside_the_unit_are_refused(copied_inputs: Path) -> None:
    """A normal on a probability near 1 draws impossible values."""
    with pytest.raises(InputError, match="draws values from .* must be between 0 and 1"):
        load(
            copied_inputs,
            overrides={"p_operated.distribution": "normal", "p_operated.se": 0.1},
        )
