"""Laws of value sets, over every set shipped: monotone, bounded, one row at a time the same as together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.faults import Faults
from heor.inputs.utilities.answers import Answers, scored
from heor.inputs.utilities.value_sets import NEEDED, STATES, ValueSet, read_value_sets, utilities

SETS = read_value_sets(Path(__file__).parents[2] / "inputs" / "model", "inputs/model", Faults())
states = st.lists(st.lists(st.integers(1, 5), min_size=5, max_size=5), min_size=1, max_size=20)


def test_all_states_are_there_once() -> None:
    assert STATES.shape == (3125, 5) and len(np.unique(STATES, axis=0)) == 3125


@pytest.mark.parametrize("name", SETS)
def test_worse_levels_are_never_worth_more(name: str) -> None:
    """In every dimension, from each of the 3,125 states; so 11111 is best and 55555 worst."""
    values = utilities(SETS[name], STATES)
    cube = values.reshape([5] * 5)
    assert max(np.diff(cube, axis=k).max() for k in range(5)) <= 1e-12
    assert values[0] == values.max() <= 1 and values[-1] == values.min() >= -2


@given(states, st.sampled_from(sorted(SETS)))
def test_rows_do_not_depend_on_each_other(rows: list[list[int]], name: str) -> None:
    together = utilities(SETS[name], np.array(rows))
    alone = [utilities(SETS[name], np.array([row]))[0] for row in rows]
    assert together.tolist() == alone


@given(st.lists(st.floats(-0.4, 0), min_size=20, max_size=20), st.floats(0.9, 1), states)
def test_main_effects_add(terms: list[float], start: float, rows: list[list[int]]) -> None:
    """Without further terms a utility is the start value and one term a dimension."""
    own = dict(zip(NEEDED, terms, strict=True))
    made = ValueSet("x", "x", {"StartValue": start, **own}, "", SETS["norway_5l"].origin)
    short = ("MO", "SC", "UA", "PD", "AD")
    expected = [
        start + sum(own.get(f"{d}{n}", 0.0) for d, n in zip(short, row, strict=True))
        for row in rows
    ]
    assert utilities(made, np.array(rows)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.lists(st.integers(0, 5), min_size=5, max_size=5), max_size=20))
def test_an_answer_has_a_utility_just_when_it_is_complete(rows: list[list[int]]) -> None:
    levels = np.array(rows, int).reshape(-1, 5)
    found = scored(Answers((), (), levels), SETS["uk_5l_2026"])
    assert np.isnan(found).tolist() == [0 in row for row in rows]
