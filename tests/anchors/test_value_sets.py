"""EQ-5D-5L value sets against numbers others printed (tests/anchors/value_sets) and the articles' forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.faults import Faults
from heor.inputs.utilities.value_sets import STATES, ValueSet, read_value_sets, states_of, utilities

FOLDER = Path(__file__).parent / "value_sets"
SUMMARY = pd.read_csv(FOLDER / "summary.csv", dtype={"pmid": str}).set_index("value_set")
PRINTED = 0.0005 + 1e-9  # three decimals

# 55555 as listed with the rules of the countries, typed from there and not from the summary
WORST = {
    "norway_5l": -0.453,
    "uk_5l_2026": -0.567,
    "england_5l_2018": -0.285,
    "sweden_5l_2022": -0.314,
    "sweden_experience_5l_2020": 0.243,
    "denmark_5l": -0.758,
    "netherlands_5l": -0.446,
    "belgium_5l": -0.532,
    "germany_5l": -0.661,
    "france_5l": -0.525,
    "ireland_5l": -0.974,
    "spain_5l": -0.416,
    "italy_5l": -0.571,
    "portugal_5l": -0.603,
    "poland_5l": -0.590,
    "canada_5l": -0.148,
    "united_states_5l": -0.573,
    "australia_5l": -0.301,
    "new_zealand_5l": -0.830,
    "japan_5l": -0.026,
    "south_korea_5l": -0.066,
    "china_5l": -0.391,
    "india_5l": -0.923,
}


@pytest.fixture(scope="module")
def sets(inputs: Path) -> dict[str, ValueSet]:
    problems = Faults()
    found = read_value_sets(inputs / "model", "inputs/model", problems)
    assert not problems
    return found


def test_all_sets_have_an_anchor(sets: dict[str, ValueSet]) -> None:
    assert list(sets) == list(SUMMARY.index) and set(sets) == set(WORST)


@pytest.mark.parametrize("name", SUMMARY.index)
def test_ends_and_second_best(name: str, sets: dict[str, ValueSet]) -> None:
    """Full health, the best value below it, the worst state and the minimum, to the printed digits."""
    values = utilities(sets[name], STATES)
    full, worst = utilities(sets[name], states_of(["11111", "55555"]))
    found = [full, values[values < full - 1e-9].max(), worst, values.min()]
    expected = SUMMARY.loc[name, ["full_health", "second_best", "worst_state", "minimum"]]
    assert np.abs(found - expected.to_numpy(float)).max() <= PRINTED


@pytest.mark.parametrize("name", WORST)
def test_worst_state(name: str, sets: dict[str, ValueSet]) -> None:
    assert abs(utilities(sets[name], states_of(["55555"]))[0] - WORST[name]) <= PRINTED


@pytest.mark.parametrize("name", SUMMARY.index)
def test_the_article_is_cited(name: str, sets: dict[str, ValueSet]) -> None:
    assert f"doi:{SUMMARY.loc[name, 'doi']}" in sets[name].citation
    assert f"PMID {SUMMARY.loc[name, 'pmid']}" in sets[name].citation
    assert str(sets[name].year) in sets[name].citation and str(sets[name].year) in sets[name].label


def test_norway_between_the_ends(sets: dict[str, ValueSet]) -> None:
    """States of one level throughout, as tested in the R package eq5d."""
    found = utilities(sets["norway_5l"], states_of(["22222", "33333", "44444"]))
    assert np.abs(found - [0.779, 0.539, -0.126]).max() <= PRINTED


def test_canada_is_linear_in_levels_with_terms_of_levels_4_and_5(sets: dict[str, ValueSet]) -> None:
    """Xie 2016: five linear terms, five of level 4 or 5, and a square of how many beyond the first."""
    severe = STATES >= 4
    beyond = np.maximum(severe.sum(axis=1) - 1, 0)
    expected = (
        1.1351
        - STATES @ [0.0389, 0.0458, 0.0195, 0.0444, 0.0376]
        - severe @ [0.0510, 0.0584, 0.1103, 0.1409, 0.1277]
        + 0.0085 * beyond**2
    )
    assert utilities(sets["canada_5l"], STATES) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "better", "worse", "falls"),
    [
        # once, whichever dimension leaves level 1 first, and not again
        ("netherlands_5l", "11111", "21111", 0.047 + 0.035),
        ("netherlands_5l", "21111", "22111", 0.038),
        ("japan_5l", "11111", "11211", 0.0609 + 0.0504),
        ("belgium_5l", "12111", "12121", 0.067077669),
        ("south_korea_5l", "11111", "11211", 0.096 + 0.021),
        # Kim 2016: once, at the first dimension that reaches level 4
        ("south_korea_5l", "33333", "43333", 0.133 - 0.058 + 0.078),
        ("south_korea_5l", "43333", "53333", 0.251 - 0.133),
        ("south_korea_5l", "43333", "44333", 0.078 - 0.050),
        # Norman 2023: once, at the first dimension that reaches level 5
        ("australia_5l", "41111", "51111", 0.242 - 0.237 + 0.153),
        ("australia_5l", "54111", "55111", 0.221 - 0.213),
        ("sweden_experience_5l_2020", "41111", "51111", 0.0023),
        ("sweden_experience_5l_2020", "51111", "55111", 0.0824),
    ],
)
def test_terms_of_several_dimensions_count_once(
    name: str, better: str, worse: str, falls: float, sets: dict[str, ValueSet]
) -> None:
    high, low = utilities(sets[name], states_of([better, worse]))
    assert high - low == pytest.approx(falls, abs=1e-12)
