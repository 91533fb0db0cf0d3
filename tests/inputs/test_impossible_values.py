"""Settings and values that cannot be are refused when the inputs are read, with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from heor.errors import InputError
from heor.inputs.load import load
from heor.inputs.schema import country as schema_country
from heor.inputs.schema import model as schema

RESECTION = "strategies.resection"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"hr_calibration_window_os": 0}, "curves.os.window is 0 at the parameters' means"),
        ({f"{RESECTION}.curves.os.marginal_hazard_ratio": -1}, "is -1; it must be above 0"),
        ({f"{RESECTION}.curves.os.marginal_hazard_ratio": 0}, "is 0; it must be above 0"),
        (
            {f"{RESECTION}.curves.os.cured_fraction": "cured_fraction * 30"},
            "cured_fraction is 1.2907 at the parameters' means ('cured_fraction * 30'); it must be between 0 "
            "and 1",
        ),
        ({"smr_cured": 0}, "cured_mortality_ratio is 0 at the parameters' means"),
        ({f"{RESECTION}.after_progression": -0.5}, "after_progression is -0.5; it must be above 0"),
        ({"transport_multiplier": 0}, "curves.os.multiplier is 0 at the parameters' means"),
        ({"trial_accrual": 0}, "trial.accrual is 0 at the parameters' means"),
        ({"technology_horizon": 0}, "trial.horizon is 0 at the parameters' means"),
        (
            {"analysis.syntheses.log_hr_os.unit": "log odds"},
            "unknown unit 'log odds'; allowed: prob",
        ),
        ({"analysis.syntheses.log_hr_os.unit": "correlation"}, "studies are pooled in one unit"),
    ],
)
def test_values_that_are_impossible_at_the_means(
    overrides: dict[str, object], says: str, inputs: Path
) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, overrides=overrides)
    assert any(says in p for p in caught.value.problems), caught.value.problems


def numbers(model, **values: object) -> str:
    """The message of a model that is given these values."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return "\n".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in caught.value.errors())


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_no_setting_is_infinite_or_not_a_number(value: float) -> None:
    survival = {"distributions": ["weibull"], "extrapolation": "weibull", "ess_min": value}
    found = numbers(schema.SurvivalSettings, **survival)
    assert "ess_min: Input should be a finite number" in found
    found = numbers(schema_country.Band, **{"from": 0, "to": value, "rate": 0.04})
    assert "to: Input should be a finite number" in found
    assert "mean: Input should be a finite" in numbers(schema.ParameterOverride, mean=value)


@pytest.mark.parametrize(("start", "end"), [(40, 30), (40, 40), (0, -5)])
def test_discount_bands_rise(start: float, end: float) -> None:
    found = numbers(schema_country.Band, **{"from": start, "to": end, "rate": 0.04})
    assert f"a band from {start} to {end} is empty; 'to' must be above 'from', or null" in found


@pytest.mark.parametrize("cycle", ["0 months", "10000 years", "99999999999 days", "-1 month"])
def test_a_cycle_has_at_most_four_digits(cycle: str, inputs: Path) -> None:
    with pytest.raises(InputError, match="a cycle is a day, week, month"):
        load(inputs, overrides={"analysis.cycle": cycle})
