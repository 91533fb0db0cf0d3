"""Units of time: all convert, alone and in products, and what does not come out right is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from heor.faults import Faults
from heor.inputs.checks import dimensions
from heor.inputs.checks.dimensions import Dimension, Mismatch, dimension
from heor.inputs.load import load
from heor.parameters.draws import draw_parameters
from heor.problem import units
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CostItem, Exposure
from heor.problem.units import PER_YEAR, UNITS
from heor.streams import Streams

MODEL = "model/parameters.csv"
STRATEGIES = "model/strategies.yaml"


@pytest.mark.parametrize(("one", "other"), list(product(PER_YEAR, PER_YEAR)))
def test_a_time_times_money_per_time_in_any_units(one: str, other: str) -> None:
    """Two years at 12,000 a year are 24,000, however each is entered."""
    time, rate = UNITS[f"{one}s"], UNITS[f"{{currency}}/{other}"]
    entered_time, entered_rate = 2 * PER_YEAR[one], 12_000 / PER_YEAR[other]
    assert entered_time * time.factor * entered_rate * rate.factor == pytest.approx(24_000)


def test_the_same_lengths_everywhere() -> None:
    """Parameters, evidence and cycles: a year has 12 months, 365.25 days and 8766 hours."""
    assert UNITS["days"].factor == 1 / 365.25 and UNITS["hours"].factor == 1 / 8766
    assert UNITS["weeks"].factor == pytest.approx(7 / 365.25, rel=1e-15)
    for unit, years in units.YEARS_PER_UNIT.items():
        assert UNITS[unit].factor == years
    for unit in ("day", "week", "month", "year"):
        assert units.YEARS_PER_CYCLE[unit] == UNITS[f"{unit}s"].factor


def test_time_of_patients_is_hours_times_the_price_of_an_hour(problem: DecisionProblem) -> None:
    """Norway: 6 h x 338 NOK a visit; 10 days x 7.5 h/day x 338 NOK/hour a stay."""
    drawn = draw_parameters(problem, 200, Streams(1))
    entered = {
        n: drawn[n] / problem.parameters[n].mean * problem.parameters[n].entered_mean
        for n in (
            "hours_chemo_visit",
            "inpatient_days",
            "hours_per_inpatient_day",
            "c_patient_time",
        )
    }
    assert entered["c_patient_time"].mean() == pytest.approx(338, rel=0.05)
    visit = entered["hours_chemo_visit"] * entered["c_patient_time"]
    assert drawn["time_cost_chemo_visit"] == pytest.approx(visit, rel=1e-12)
    stay = entered["inpatient_days"] * 7.5 * entered["c_patient_time"]
    names = ("inpatient_days", "hours_per_inpatient_day", "c_patient_time")
    found = drawn[names[0]] * drawn[names[1]] * drawn[names[2]]
    assert found == pytest.approx(stay, rel=1e-12)


@pytest.mark.parametrize("unit", ["years", "months", "weeks", "days", "hours"])
def test_a_window_in_any_unit(unit: str, spoil: Callable, copied_inputs: Path) -> None:
    entered = f"{2 * PER_YEAR[unit[:-1]]:.12g}"
    spoil(
        MODEL, "longest treatment,24,0,fixed,months", f"longest treatment,{entered},0,fixed,{unit}"
    )
    found = load(copied_inputs).parameters["chemo_cap"]
    assert found.mean == pytest.approx(2, rel=1e-11)
    assert (found.entered_mean, found.unit) == (float(entered), unit)


def test_an_unknown_unit_lists_the_known(spoil: Callable, faults: Callable) -> None:
    spoil(MODEL, "longest treatment,24,0,fixed,months", "longest treatment,24,0,fixed,fortnights")
    (found,) = faults()
    assert "unknown unit 'fortnights'" in found and "weeks, days, hours" in found


# ------------------------------------------------------------------ what a place needs
KNOWN = {
    "days": Dimension(time=1),
    "hours_a_day": Dimension(),
    "per_hour": Dimension(1, -1),
    "price": Dimension(1),
    "visits": Dimension(time=-1),
    "hidden": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days * hours_a_day * per_hour", "money"),
        ("days * days * per_hour", "money x years"),
        ("visits * days * per_hour", "money per year"),
        ("visits * price", "money per year"),
        ("price / days", "money per year"),
        ("days ** 2", None),
        ("hours_a_day ** 2", "a plain number"),
        ("-(price - max(0, days * per_hour))", "money"),
        ("2 * price", None),
        ("price + 100", "money"),
        ("hidden * price", None),
        ("exp(days)", None),
    ],
)
def test_dimension_of_an_expression(text: str, expected: str | None) -> None:
    found = dimension(text, KNOWN)
    assert (found and str(found)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("price + days", "adds or compares money and years"),
        ("max(price, per_hour)", "money and money per year"),
        ("per_hour * 365.25", "money per year by 365.25, which converts it twice"),
        ("days / 365", "years by 365"),
    ],
)
def test_quantities_that_do_not_go_together(text: str, says: str) -> None:
    with pytest.raises(Mismatch, match=says):
        dimension(text, KNOWN)


def _faults(problem: DecisionProblem, amount: str, exposure: Exposure) -> list[str]:
    """Faults of one cost of an exposure, in a strategy with nothing else."""
    from heor.inputs.text.layers import Layer

    strategy = replace(
        problem.strategies["chemotherapy"],
        costs={"c": CostItem("c", exposure.name, amount, "care")},
        exposures={exposure.name: exposure},
        utilities={},
    )
    found = Faults()
    own = replace(problem, strategies={"chemotherapy": strategy})
    dimensions.check(own, Layer(), problem.parameters, found)
    return found


EVENT, STATE = Exposure("e", at="0"), Exposure("e", state="progressed")


@pytest.mark.parametrize(
    ("amount", "exposure", "says"),
    [
        ("inpatient_days * c_patient_time", EVENT, ""),
        ("inpatient_days * hours_per_inpatient_day * c_patient_time", EVENT, ""),
        ("inpatient_days * c_resection", EVENT, "is money x years; it must be money"),
        ("hours_chemo_visit * inpatient_days * c_patient_time", EVENT, "is money x years"),
        ("time_cost_chemo_visit", EVENT, ""),
        ("time_cost_chemo_visit", STATE, "is money; it must be money per year"),
        ("visits_on_chemo * time_cost_chemo_visit", STATE, ""),
        ("c_patient_time * 8766", STATE, "converts it twice"),
        ("c_patient_time", STATE, ""),
        ("3 * time_cost_chemo_visit", EVENT, ""),
        ("c_resection", STATE, ""),  # no week, day or hour: not judged here
    ],
)
def test_costs_by_the_hour_and_the_day(
    problem: DecisionProblem, amount: str, exposure: Exposure, says: str
) -> None:
    found = _faults(problem, amount, exposure)
    assert len(found) == bool(says), found
    assert all(says in fault and "hours per day as hours/day" in fault for fault in found)


def test_hours_a_day_entered_as_hours(spoil: Callable, faults: Callable) -> None:
    """The old row of the shipped model: refused, with where it is used and what to write."""
    spoil(MODEL, "patient time per inpatient day,7.5,0,fixed,hours/day", "x,7.5,0,fixed,hours")
    (found,) = faults()
    assert found.startswith(f"inputs/{STRATEGIES}:") and "costs.surgery_time.amount" in found
    assert "hours_per_inpatient_day in hours" in found and "hours per day as hours/day" in found
