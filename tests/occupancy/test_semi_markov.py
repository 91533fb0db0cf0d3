"""State-residence engine: values by time in state, transitions that compete in it, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from heor.errors import ModelError
from heor.occupancy import semi_markov
from heor.occupancy.semi_markov import Transition

STATES = ("well", "ill", "dead")


def by_hand(leave: np.ndarray, enter: float, cycles: int) -> np.ndarray:
    """Everyone ill by completed cycles there, one draw. Dims: (time, residence).

    From well a share `enter` falls ill in each cycle; the ill die by `leave`, dims (residence,).
    """
    who, well = np.zeros((cycles + 1, cycles + 1)), 1.0
    for cycle in range(cycles):
        who[cycle + 1, 1:] = who[cycle, :-1] * (1 - leave)
        who[cycle + 1, 0] = well * enter
        well *= 1 - enter
    return who


def test_values_by_time_in_state() -> None:
    generator, cycles = np.random.default_rng(1), 30
    leave, value = generator.random((3, cycles)) / 2, generator.random((1, cycles + 1))
    moves = [Transition("well", "ill", 0.2), Transition("ill", "dead", by_residence=leave)]
    found = semi_markov.cohort(moves, STATES, cycles).residence.weighted("ill", value)
    expected = [by_hand(own, 0.2, cycles) @ value[0] for own in leave]
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_values_by_draw_in_a_cohort_without_draws() -> None:
    moves = [Transition("well", "ill", 0.2), Transition("ill", "dead", 0.1)]
    own = semi_markov.cohort(moves, STATES, 5)
    found = own.residence.weighted("ill", np.array([[1.0], [2.0]]) * np.ones(6))
    np.testing.assert_allclose(found, own.states["ill"] * [[1.0], [2.0]], atol=1e-15)


def test_people_are_conserved() -> None:
    generator, cycles = np.random.default_rng(2), 25
    moves = [
        Transition("well", "ill", 0.3 * generator.random((4, cycles))),
        Transition("ill", "well", 0.5, generator.random((4, cycles))),
        Transition("ill", "dead", 0.4, generator.random((1, cycles))),
    ]
    own = semi_markov.cohort(moves, STATES, cycles)
    own.check("cohort", 0)
    for state in STATES:
        arriving = sum(f for (n, _), f in own.parts.items() if n.endswith(f"-> {state}"))
        leaving = sum(f for (n, _), f in own.parts.items() if n.startswith(f"{state} ->"))
        change = np.diff(own.states[state], axis=1)
        np.testing.assert_allclose(arriving - leaving, change, atol=1e-14)


def test_transitions_may_peak_at_different_times_in_state() -> None:
    """Each at its largest would be 1.6; together they never exceed 0.9."""
    early, late = np.array([[0.8, 0.1, 0.1]]), np.array([[0.1, 0.8, 0.1]])
    moves = [Transition("well", "ill", 1.0, early), Transition("well", "dead", 1.0, late)]
    own = semi_markov.cohort(moves, STATES, 3)
    np.testing.assert_allclose(own.states["well"][0], [1, 0.1, 0.01, 0.008], atol=1e-15)


def test_a_residence_that_is_never_reached_does_no_harm() -> None:
    by_time = np.array([[1.0, 0.5]])
    rising = np.array([[0.4, 0.9]])
    moves = [
        Transition("well", "ill", by_time, rising),
        Transition("well", "dead", by_time, rising),
    ]
    assert semi_markov.cohort(moves, STATES, 2).states["well"][0] == pytest.approx([1, 0.2, 0.02])


def test_leaving_with_more_than_certainty_names_draw_and_cycle() -> None:
    late = np.tile([0.1, 0.1, 0.6], (3, 1))
    late[:2] = 0.1
    moves = [
        Transition("well", "ill", 1.0, late),
        Transition("well", "dead", np.full((1, 3), 0.5)),
    ]
    with pytest.raises(ModelError, match=r"out of well \(to ill, dead\): 1.1 in draw 2, cycle 2"):
        semi_markov.cohort(moves, STATES, 3)


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ([Transition("well", "ill", 1.0, np.full((1, 3), 0.2))], r"by_residence has dims \(1, 3\)"),
        ([Transition("well", "ill", 1.0, np.full(5, 0.2))], r"by_residence has dims \(5,\)"),
        ([Transition("well", "ill", np.full((1, 3), 0.2))], r"by time: dims \(1, 3\)"),
        ([Transition("well", "ill", np.full(5, 0.2))], r"by time: dims \(5,\)"),
        ([Transition("well", "ill", np.full((2, 1), 0.2), np.full((3, 5), 0.2))], "2 draws"),
        ([Transition("well", "ill", 0.1), Transition("well", "ill", 0.2)], "given twice"),
    ],
)
def test_dims_that_do_not_agree(moves: list[Transition], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        semi_markov.cohort([*moves, Transition("ill", "dead", 0.1)], STATES, 5)


def test_values_of_other_dims() -> None:
    moves = [Transition("well", "ill", np.full((2, 1), 0.2)), Transition("ill", "dead", 0.1)]
    residence = semi_markov.cohort(moves, STATES, 5).residence
    for value in (np.ones(6), np.ones((1, 5)), np.ones((3, 6))):
        with pytest.raises(ValueError, match="value: dims"):
            residence.weighted("ill", value)
