"""Generic cohort engines: by time since the start, and by time in state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from heor.errors import ModelError
from heor.occupancy import semi_markov, transitions
from heor.occupancy.semi_markov import Transition
from tests import arithmetic
from tests.arithmetic import cycle_weights

STATES = ("well", "ill", "dead")


def chain(cycles: int = 40, draws: int = 3) -> dict[tuple[str, str], np.ndarray]:
    """Made-up probabilities of every shape. Dims: (draw | 1, cycle | 1)."""
    generator = np.random.default_rng(1)
    return {
        ("well", "ill"): 0.3 * generator.random((draws, cycles)),
        ("well", "dead"): 0.1 * generator.random((1, cycles)),
        ("ill", "well"): 0.2 * generator.random((draws, 1)),
        ("ill", "dead"): np.array([[0.15]]),
    }


def full(moves: dict[tuple[str, str], np.ndarray], draw: int, cycle: int) -> np.ndarray:
    matrix = np.eye(3)
    for (i, j), p in moves.items():
        value = p[draw % p.shape[0], cycle % p.shape[1]]
        a, b = STATES.index(i), STATES.index(j)
        matrix[a, b] += value
        matrix[a, a] -= value
    return matrix


def test_products_of_matrices() -> None:
    moves, start = chain(), {"well": 0.7, "ill": np.array([0.3, 0.3, 0.3])}
    own = transitions.cohort(moves, STATES, 40, start)
    for draw in range(3):
        share = np.array([0.7, 0.3, 0.0])
        for cycle in range(40):
            share = share @ full(moves, draw, cycle)
            shown = [own.states[s][draw, cycle + 1] for s in STATES]
            np.testing.assert_allclose(shown, share, atol=1e-14)
    own.check("cohort", 0)


def test_full_matrices_are_the_same() -> None:
    moves = chain()
    matrix = np.stack([np.stack([full(moves, d, c) for c in range(40)]) for d in range(3)])
    a = transitions.cohort(moves, STATES, 40)
    b = transitions.cohort(arithmetic.sparse(matrix, STATES), STATES, 40)
    for state in STATES:
        np.testing.assert_allclose(a.states[state], b.states[state], atol=1e-14)


def test_constant_rates_are_exact_at_any_cycle() -> None:
    """Probabilities by matrix exponential: occupancy does not depend on the cycle's length."""
    rates = np.array([[0, 0.8, 0.1], [0.3, 0, 0.5], [0, 0, 0]])
    generator = rates - np.diag(rates.sum(axis=1))
    for cycle in (1.0, 0.25, 1 / 12):
        matrix = arithmetic.probabilities_of_rates(rates, cycle)[None, None]
        own = transitions.cohort(arithmetic.sparse(matrix, STATES), STATES, round(5 / cycle))
        expected = expm(5 * generator)[0]
        np.testing.assert_allclose([own.states[s][0, -1] for s in STATES], expected, atol=1e-12)


def test_rewards_against_the_exact_integral() -> None:
    """Illness-death with costs, utilities and 4 % continuously, integrated by Van Loan's block matrix."""
    rates, r, years = np.array([[0, 0.8, 0.1], [0, 0, 0.5], [0, 0, 0]]), 0.04, 30
    generator = rates - np.diag(rates.sum(axis=1))
    block = np.zeros((6, 6))
    block[:3, :3], block[:3, 3:] = generator - r * np.eye(3), np.eye(3)
    lived = expm(block * years)[0, 3:5]  # discounted years well and ill
    for cycle, rel in ((1 / 52, 1e-9), (1 / 12, 5e-7), (0.25, 5e-5)):
        matrix = arithmetic.probabilities_of_rates(rates, cycle)[None, None]
        own = transitions.cohort(arithmetic.sparse(matrix, STATES), STATES, round(years / cycle))
        time = cycle * np.arange(round(years / cycle) + 1)
        weights = cycle_weights(time, "simpson") * np.exp(-r * time)
        found = np.array([own.states[s][0] @ weights for s in STATES[:2]])
        np.testing.assert_allclose(found @ [1000, 5000], lived @ [1000, 5000], rtol=rel)
        np.testing.assert_allclose(found @ [0.9, 0.6], lived @ [0.9, 0.6], rtol=rel)


def test_people_are_conserved() -> None:
    own = transitions.cohort(chain(), STATES, 40)
    for state in STATES:
        arriving = sum(f for (n, _), f in own.parts.items() if n.endswith(f"-> {state}"))
        leaving = sum(f for (n, _), f in own.parts.items() if n.startswith(f"{state} ->"))
        change = np.diff(own.states[state], axis=1)
        np.testing.assert_allclose(arriving - leaving, change, atol=1e-14)


def test_everyone_alive_for_the_whole_time() -> None:
    own = transitions.cohort(
        {("well", "dead"): 0.0}, ["well", "dead"], 60, {"well": 0.5, "dead": 0.5}
    )
    for rule in ("trapezoid", "simpson", "life_table", "start", "end"):
        assert own.states["well"][0] @ cycle_weights(np.arange(61.0), rule) == pytest.approx(
            30, abs=1e-12
        )


# -------------------------------------------------------------------------- time in state
def test_constant_residence_is_clock_forward() -> None:
    moves = {k: v for k, v in chain().items() if v.shape[1] == 1}
    moves[("well", "ill")] = np.array([[0.2]])
    forward = transitions.cohort(moves, STATES, 40)
    reset = semi_markov.cohort(
        [Transition(i, j, 1.0, np.broadcast_to(p, (len(p), 40))) for (i, j), p in moves.items()],
        STATES,
        40,
    )
    for key, values in forward.parts.items():
        np.testing.assert_allclose(reset.parts[key], values, atol=1e-13)


def by_hand(moves: list[Transition], cycles: int) -> np.ndarray:
    """The definition: a cohort by state and completed cycles in it. Dims: (draw, time, state)."""
    draws = max(1 if t.by_residence is None else len(t.by_residence) for t in moves)
    out = np.zeros((draws, cycles + 1, len(STATES)))
    for draw in range(draws):
        who = np.zeros((len(STATES), cycles + 2))
        who[0, 0] = 1
        for cycle in range(cycles + 1):
            out[draw, cycle] = who.sum(axis=1)
            if cycle == cycles:
                break
            then, entering = np.zeros_like(who), np.zeros(len(STATES))
            for u in range(cycle + 1):
                left = who[:, u].copy()
                for t in moves:
                    a, b = STATES.index(t.origin), STATES.index(t.target)
                    time = np.atleast_2d(t.by_time)
                    p = time[draw % len(time), cycle % time.shape[1]]
                    if t.by_residence is not None:
                        p = p * t.by_residence[draw % len(t.by_residence), u]
                    left[a] -= who[a, u] * p
                    entering[b] += who[a, u] * p
                then[:, u + 1] = left
            then[:, 0] = entering
            who = then
    return out


@given(seed=st.integers(0, 1000), draws=st.sampled_from([1, 3]))
@settings(max_examples=15, deadline=None)
def test_the_compiled_engine_is_its_definition(seed: int, draws: int) -> None:
    generator, cycles = np.random.default_rng(seed), 25
    moves = [
        Transition("well", "ill", 0.4 * generator.random((1, cycles))),
        Transition("well", "dead", 0.05, generator.random((draws, cycles))),
        Transition("ill", "well", 0.5, generator.random((draws, cycles))),
        Transition(
            "ill", "dead", 0.4 * generator.random((draws, cycles)), generator.random((1, cycles))
        ),
    ]
    own = semi_markov.cohort(moves, STATES, cycles)
    own.check("cohort", 0)
    expected = by_hand(moves, cycles)
    for i, state in enumerate(STATES):
        found = np.broadcast_to(own.states[state], expected[..., i].shape)
        np.testing.assert_allclose(found, expected[..., i], atol=1e-13)


def test_windows_since_entry_add_up() -> None:
    moves = [
        Transition("well", "ill", 0.3),
        Transition("ill", "well", 0.4, np.linspace(0.1, 1, 30)[None]),
        Transition("ill", "dead", 0.1),
    ]
    own = semi_markov.cohort(moves, STATES, 30, cycle=0.5)
    edges = [np.array([x]) for x in (0.0, 0.5, 3.0, 1e3)]
    parts = [
        own.residence.since_entry("ill", None, a, b) for a, b in zip(edges, edges[1:], strict=False)
    ]
    np.testing.assert_allclose(sum(parts), own.states["ill"], atol=1e-14)
    # in the first half year of a stay: who entered in the cycle just gone
    np.testing.assert_allclose(parts[0][:, 1:], own.parts["well -> ill", None], atol=1e-14)


# ------------------------------------------------------------------------------- bad input
def test_every_impossible_probability_is_named_at_once() -> None:
    wrong = np.full((4, 3), 0.2)
    wrong[2, 1] = 1.3
    negative = np.full((4, 1), 0.1)
    negative[1] = -0.1
    with pytest.raises(ModelError) as caught:
        transitions.cohort(
            {("well", "ill"): wrong, ("ill", "dead"): negative, ("well", "gone"): 0.1},
            (*STATES, "limbo"),
            3,
            {"well": 0.9},
        )
    text = str(caught.value)
    for part in (
        "well -> ill: 1.3 in draw 2, cycle 1",
        "ill -> dead: -0.1 in draw 1",
        "unknown state 'gone'",
        "state 'limbo': nobody can enter it",
        "do not add up to 1",
    ):
        assert part in text


def test_leaving_with_more_than_certainty() -> None:
    with pytest.raises(ModelError, match=r"out of well \(to ill, dead\): 1.2 in draw 0, cycle 0"):
        transitions.cohort({("well", "ill"): 0.7, ("well", "dead"): 0.5}, STATES, 3)


def test_rows_that_do_not_add_up() -> None:
    matrix = np.broadcast_to(np.eye(3), (2, 4, 3, 3)).copy()
    matrix[1, 2, 0] = [0.5, 0.4, 0.0]
    with pytest.raises(ModelError, match="out of 'well' they add up to 0.9 in draw 1, cycle 2"):
        arithmetic.sparse(matrix, STATES)


def test_residence_that_leaves_the_unit_interval() -> None:
    with pytest.raises(ModelError, match="well -> dead: 1.5"):
        semi_markov.cohort(
            [Transition("well", "dead", 1.0, np.array([[0.1, 1.5]]))], ["well", "dead"], 2
        )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.full(3, 0.2), r"well -> ill: dims \(3,\)"),
        (np.full((1, 7), 0.2), r"well -> ill: dims \(1, 7\)"),
        (np.full((4, 1), 0.2), "ill -> dead: 2 draws; allowed: 1, or 4"),
    ],
)
def test_dims_that_do_not_agree(wrong: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        transitions.cohort(
            {("well", "ill"): wrong, ("ill", "dead"): np.full((2, 1), 0.1)}, STATES, 3
        )


def test_shares_at_the_start_outside_the_unit_interval() -> None:
    moves = {("well", "ill"): 0.1, ("ill", "dead"): 0.1}
    with pytest.raises(ModelError, match=r"share 1.5 of 'well'.* share -0.5 of 'ill'"):
        transitions.cohort(moves, STATES, 3, {"well": 1.5, "ill": -0.5})


def test_matrices_of_other_dims_or_not_numbers() -> None:
    with pytest.raises(ValueError, match=r"matrix: dims \(3, 3\)"):
        arithmetic.sparse(np.eye(3), STATES)
    matrix = np.eye(3)[None, None].copy()
    matrix[0, 0, 1, 1] = np.nan
    with pytest.raises(ModelError, match="out of 'ill' they add up to nan"):
        arithmetic.sparse(matrix, STATES)
