"""Continuous-time multi-state simulation of patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.linalg import expm

from heor.errors import ModelError
from heor.occupancy.individual import Histories, Transition, simulate
from heor.occupancy.state_occupancy import Table

TIME = np.linspace(0, 30, 1441)
STATES = ("well", "ill", "dead")


def hazard(rate: float = 1.0, shape: float = 1.0) -> np.ndarray:
    return ((rate * TIME) ** shape)[None, None]


def run(moves: list[Transition], patients: int = 20_000, draws: int = 1, **options) -> Histories:
    states = options.pop("states", STATES)
    own = {"key": 7, **options}
    return simulate(moves, states, TIME, 30.0, draws=draws, patients=patients, **own)


ILLNESS = [
    Transition("well", "ill", hazard(0.6)),
    Transition("well", "dead", hazard(0.1)),
    Transition("ill", "well", hazard(0.5), "entry"),
    Transition("ill", "dead", hazard(0.4)),
]


def test_exponential_sojourns_against_the_matrix_exponential() -> None:
    """Both clocks, competing events and coming back: shares within four standard errors."""
    own = run(ILLNESS, 200_000).occupancy(np.array([0.0, 0.5, 2.0, 7.0]))
    generator = np.array([[-0.7, 0.6, 0.1], [0.5, -0.9, 0.4], [0, 0, 0]])
    for k, t in enumerate((0.0, 0.5, 2.0, 7.0)):
        expected = expm(generator * t)[0]
        error = np.sqrt(expected * (1 - expected) / 200_000)
        for i, state in enumerate(STATES):
            assert abs(own[state][0, k] - expected[i]) <= 4 * error[i] + 1e-12


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_a_weibull_sojourn_discounted(shape: float) -> None:
    """Discounted years against quadrature, by clock reset after an exponential wait."""
    wait, rate, r = 0.8, 0.5, 0.04
    moves = [
        Transition("well", "ill", hazard(wait)),
        Transition("ill", "dead", hazard(rate, shape), "entry"),
    ]
    own = run(moves, 400_000)
    fine = np.arange(30 * 96 + 2) / 96
    integral = Table(1 / 96, -np.expm1(-r * fine)[:, None] / r)
    found = own.years(own.entry, own.exit, own.state == 1, integral)[0, 0]

    def stay(u: float) -> float:
        return np.exp(-r * u - (rate * u) ** shape)

    # entry at s (density wait e^{-wait s}), truncated at the horizon
    inner = np.array(
        [integrate.quad(stay, 0, 30 - s, limit=200)[0] for s in np.linspace(0, 30, 601)]
    )
    s = np.linspace(0, 30, 601)
    expected = integrate.simpson(wait * np.exp(-(wait + r) * s) * inner, x=s)
    spread = 2.5 / np.sqrt(400_000)
    assert found == pytest.approx(expected, abs=4 * spread + 2e-3 * expected)


def test_clock_forward_waits_for_the_time_of_the_start() -> None:
    """Nobody dies before year 5 whatever the time of falling ill, and after it as from year 5."""
    late = np.maximum(TIME - 5, 0)[None, None]
    own = run([Transition("well", "ill", hazard(2.0)), Transition("ill", "dead", late)])
    ill = own.state == 1
    assert (own.exit[ill] >= 5).all()
    after = own.exit[ill] - np.maximum(own.entry[ill], 5)
    assert after.mean() == pytest.approx(1, abs=0.04)


def test_blocks_and_the_number_of_patients_do_not_matter() -> None:
    """A number belongs to its draw, patient, transition and visit, bit for bit."""
    whole = run(ILLNESS, 50, 8).to_frame()
    parts = [run(ILLNESS, 50, 4, first_draw=k).to_frame() for k in (0, 4)]
    parts[1]["draw"] += 4
    for column in ("entry", "exit", "state", "next_state"):
        joined = np.concatenate([p[column].to_numpy() for p in parts])
        assert (whole[column].to_numpy() == joined).all()
    fewer = run(ILLNESS, 20, 8).to_frame()
    kept = whole[whole["patient"] < 20].reset_index(drop=True)
    assert (fewer["exit"] == kept["exit"]).all()


def test_the_same_luck_under_every_strategy() -> None:
    """Halving a hazard never brings an event forward."""
    a = run([Transition("well", "dead", hazard(1.0))], states=("well", "dead"))
    b = run([Transition("well", "dead", hazard(0.5))], states=("well", "dead"))
    assert (b.exit >= a.exit).all()
    assert np.corrcoef(a.exit, b.exit)[0, 1] > 0.99


def test_patients_and_strata_that_differ() -> None:
    """A hazard ratio of each patient; a row of the hazards for each stratum."""
    patients = 40_000
    ratio = np.where(np.arange(patients) % 2, 2.0, 0.5)[None]
    two = np.concatenate([hazard(0.2), hazard(0.8)], axis=1)
    strata = (np.arange(patients) // 2 % 2)[None]
    move = Transition("well", "dead", two, hazard_ratio=ratio)
    own = run([move], patients, states=("well", "dead"), strata=strata)
    for stratum, rate in enumerate((0.2, 0.8)):
        for odd, factor in enumerate((0.5, 2.0)):
            chosen = (own.patient // 2 % 2 == stratum) & (own.patient % 2 == odd)
            at_one = (own.exit[chosen] > 1).mean()
            assert at_one == pytest.approx(np.exp(-rate * factor), abs=0.02)


def test_histories_are_contiguous() -> None:
    frame = run(ILLNESS, 500, 3).to_frame()
    for _, own in frame.groupby(["draw", "patient"]):
        assert own["entry"].iloc[0] == 0
        assert (own["entry"].to_numpy()[1:] == own["exit"].to_numpy()[:-1]).all()
        assert (own["state"].to_numpy()[1:] == own["next_state"].to_numpy()[:-1]).all()
        assert own["next_state"].iloc[-1] in ("dead", "")
        assert own["exit"].iloc[-1] <= 30
    assert len(frame) > 3 * 3 * 500  # they come back more often than there are states


def test_occupancy_is_the_frame_counted() -> None:
    own, at = run(ILLNESS, 300, 2), np.array([0.1, 1.7, 12.0, 29.9])
    frame, shares = own.to_frame(), own.occupancy(at)
    for state in ("well", "ill"):
        stays = frame[frame["state"] == state]
        for k, t in enumerate(at):
            inside = stays[(stays["entry"] <= t) & (stays["exit"] > t)]
            counted = inside.groupby("draw").size().reindex([0, 1], fill_value=0) / 300
            np.testing.assert_allclose(shares[state][:, k], counted)
    np.testing.assert_allclose(sum(shares.values()), 1)


def test_uniforms_are_uniform() -> None:
    """The exponential numbers behind events: mean, variance, and no correlation of neighbours."""
    own = run([Transition("well", "dead", hazard(1.0))], 100_000, 2, states=("well", "dead"))
    x = own.exit.reshape(2, -1)
    assert x.mean() == pytest.approx(1, abs=0.01)
    assert x.var() == pytest.approx(1, abs=0.03)
    for a, b in ((x[0], x[1]), (x[0, :-1], x[0, 1:])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.015


def test_faults_come_together() -> None:
    falling = hazard(1.0).copy()
    falling[0, 0, 10] = 0
    with pytest.raises(ModelError) as caught:
        run(
            [
                Transition("well", "il", hazard()),
                Transition("well", "dead", falling),
                Transition("ill", "dead", hazard(), "reset"),
            ]
        )
    text = str(caught.value)
    for part in ("unknown state 'il'", "falls", "clock 'reset'", "state 'ill': nobody can enter"):
        assert part in text
