"""Laws of graduation and of life expectancy, for any rates of age groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.inputs.country.graduation import METHODS, graduated
from heor.problem.country import LifeTable
from heor.problem.parameter import Origin
from heor.survival.evidence.background import cumulative_hazard_by_sex
from tests.arithmetic import group_rates, life_expectancy

START = np.array([0, 1, *range(5, 101, 5)])
#: Near the mortality of a rich country: infancy, a low childhood, then exponential.
USUAL = np.append([4e-3, 2e-4], 4e-5 * np.exp(0.095 * (START[2:] + 2.5)))


@st.composite
def rates(draw: st.DrawFn) -> np.ndarray:
    """Rates up to twice and down to half the usual ones, independently in every group."""
    factors = st.lists(st.floats(0.5, 2.0), min_size=len(START), max_size=len(START))
    return USUAL * np.array(draw(factors))


def table_of(age: np.ndarray, q: np.ndarray) -> LifeTable:
    return LifeTable(age.astype(float), q, q, (), Origin("none"))


@given(rates(), st.sampled_from(sorted(METHODS)))
def test_probabilities_at_every_single_age(m: np.ndarray, method: str) -> None:
    age, q = graduated(START, m, method=method)
    assert np.array_equal(age, np.arange(101))
    assert np.all((q > 0) & (q < 1))


@given(rates())
def test_deaths_of_every_group_are_preserved(m: np.ndarray) -> None:
    _, q = graduated(START, m)
    hazard = -np.log1p(-q)
    assert group_rates(hazard[:100], np.diff(START)) == pytest.approx(m[:-1], rel=1e-8)
    assert hazard[0] == pytest.approx(m[0])
    assert 1 / hazard[100] == pytest.approx(1 / m[-1])


@given(rates(), st.integers(0, len(START) - 1), st.floats(1.01, 1.5))
def test_life_expectancy_falls_when_a_rate_rises(m: np.ndarray, group: int, factor: float) -> None:
    more = m * np.where(np.arange(len(m)) == group, factor, 1.0)
    before, after = (life_expectancy(table_of(*graduated(START, x)), 0)[0] for x in (m, more))
    assert after < before


@given(st.floats(0.0, 99.0), rates())
def test_life_expectancy_is_the_area_under_survival(age: float, m: np.ndarray) -> None:
    """By small steps of the survival the model uses, to 150 years of age."""
    table = table_of(*graduated(START, m))
    time = np.linspace(0, 150 - age, 20_001)
    alive = np.exp(-cumulative_hazard_by_sex(table, age, time)[0])
    area = ((alive[1:] + alive[:-1]) / 2 * np.diff(time)).sum()
    assert life_expectancy(table, age)[0] == pytest.approx(area, rel=1e-4)


@given(st.floats(1e-5, 1e-2), st.floats(0.0, 0.12))
def test_exponential_rates_are_given_back(level: float, rise: float) -> None:
    """Gompertz mortality is straight on the log scale, so nothing bends less."""
    start = np.array([30, 40, 45, 60, 65, 90])
    hazard = level * np.exp(rise * np.arange(60))
    m = np.append(group_rates(hazard, np.diff(start)), 0.5)
    _, q = graduated(start, m, end=95)
    assert -np.log1p(-q[:60]) == pytest.approx(hazard, rel=1e-6)
    assert -np.log1p(-q[60:]) == pytest.approx(np.full(6, 0.5))


@pytest.mark.parametrize("age", [0.0, 0.5, 62.4, 100.0, 115.0])
@pytest.mark.parametrize("rate", [0.001, 0.1, 2.0])
def test_constant_hazard_leaves_one_over_the_rate(rate: float, age: float) -> None:
    """At any age, beyond the table too."""
    table = table_of(*graduated(START, np.full(len(START), rate)))
    assert life_expectancy(table, age) == pytest.approx((1 / rate, 1 / rate))


def test_smoothest_bends_less_than_midpoints() -> None:
    """Over adult ages; both from the same rates."""

    def bend(method: str) -> float:
        _, q = graduated(START, USUAL * (1 + 0.3 * np.sin(START / 9)), method=method)
        return float((np.diff(np.log(-np.log1p(-q[1:100])), 2) ** 2).sum())

    assert bend("smoothest") < bend("midpoints")


def test_one_group_and_a_shorter_table() -> None:
    age, q = graduated([0, 1], [0.01, 0.3], end=3)
    assert age.tolist() == [0, 1, 2, 3]
    assert -np.log1p(-q) == pytest.approx([0.01, 0.3, 0.3, 0.3])
    age, q = graduated([0, 1, 5], [0.01, 0.002, 0.3], end=3)
    assert -np.log1p(-q) == pytest.approx([0.01, 0.002, 0.002, 0.002])


@pytest.mark.parametrize(
    ("start", "m", "end", "says"),
    [
        ([0, 1], [0.1, 0.0], 100, "group from age 1 is 0; it must be above 0. Join"),
        ([0, 1], [0.1, np.nan], 100, "group from age 1 is nan"),
        ([0, 1, 1], [0.1, 0.1, 0.1], 100, "whole years and rise"),
        ([0, 2.5], [0.1, 0.1], 100, "whole years and rise"),
        ([-1, 1], [0.1, 0.1], 100, "must be 0 or more"),
        ([60, 65], [0.1, 0.1], 50, "ages run from 60 to 50"),
        ([0], [0.1], 100, "two or more groups"),
        ([0, 1], [0.1], 100, "an age and a rate for each"),
    ],
)
def test_what_is_no_abridged_table(start: list, m: list, end: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        graduated(start, m, end)


def test_unknown_method() -> None:
    with pytest.raises(ValueError, match="'cubic'; smoothest or midpoints is allowed"):
        graduated(START, USUAL, method="cubic")


def test_rates_without_a_smooth_hazard() -> None:
    """Neighbours a hundred times apart, up and down: said, not returned half done."""
    m = np.where(np.arange(len(START)) % 2, 1e-4, 1.0)
    with pytest.raises(ValueError, match="neighbours differ too much. Join groups"):
        graduated(START, m)
