"""Continuous-time multi-state simulation of patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.linalg import expm

from heor.errors import ModelError
from heor.execution import chunks, map_chunks
from heor.occupancy.individual import Histories, People, Transition, simulate
from heor.occupancy.state_occupancy import Table

TIME = np.linspace(0, 30, 1441)
STATES = ("well", "ill", "dead")


def hazard(rate: float = 1.0, shape: float = 1.0) -> np.ndarray:
    return ((rate * TIME) ** shape)[None, None]


def run(moves: list[Transition], patients: int = 20_000, draws: int = 1, **options) -> Histories:
    states = options.pop("states", STATES)
    own = {"key": 7, **options}
    return simulate(moves, states, TIME, 30.0, People(draws, patients, **own))


ILLNESS = [
    Transition("well", "ill", hazard(0.6)),
    Transition("well", "dead", hazard(0.1)),
    Transition("ill", "well", hazard(0.5), "entry"),
    Transition("ill", "dead", hazard(0.4)),
]


MASK = 2**64 - 1


def exponential(key: int, *coordinates: int) -> float:
    """The random number of these coordinates: splitmix64's finaliser after each of them."""
    x = key
    for coordinate in coordinates:
        x = (x + 0x9E3779B97F4A7C15 * (coordinate + 1)) & MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        x ^= x >> 31
    return -np.log(((x >> 11) + 0.5) / 2**53)


def when(move: Transition, draw: int, stratum: int, ratio: float, now: float, luck: float) -> float:
    """Time of a transition: the cumulative hazard of its clock, inverted."""
    rows = move.cumulative_hazard
    hazard = rows[min(draw, len(rows) - 1), min(stratum, rows.shape[1] - 1)]
    origin = now if move.clock == "entry" else 0.0
    level = np.interp(now - origin, TIME, hazard) + luck / ratio
    if level <= hazard[-1]:
        return origin + np.interp(level, hazard, TIME)
    slope = (hazard[-1] - hazard[-2]) / (TIME[-1] - TIME[-2])
    return origin + TIME[-1] + (level - hazard[-1]) / slope if slope > 0 else np.inf


def defined(
    moves: list[Transition], draws: int, patients: int, strata: np.ndarray, first: np.ndarray
) -> list[tuple]:
    """Event histories as the method is written, patient by patient; what the compiled loop must do."""
    stays = []
    for draw in range(draws):
        for patient in range(patients):
            now, state, visit = 0.0, STATES[first[patient]], 0
            while state not in ("dead", "") and now < 30:
                times = {"": 30.0}
                for slot, move in enumerate(moves):
                    if move.origin == state:
                        ratio = 1.0 if move.hazard_ratio is None else move.hazard_ratio[0, patient]
                        luck = exponential(7, draw, patient, slot, visit)
                        then = when(move, draw, strata[0, patient], ratio, now, luck)
                        times[move.target] = min(then, times.get(move.target, np.inf))
                following = min(times, key=times.get)
                stays.append((draw, patient, state, now, times[following], following))
                now, state, visit = times[following], following, visit + 1
    return stays


def test_the_compiled_loop_is_the_definition() -> None:
    """Both clocks, strata, covariates, draws, starting states and coming back, stay by stay."""
    patients, draws = 60, 4
    who = np.arange(patients)
    by_draw = np.concatenate([hazard(r, 1.3) for r in (0.3, 0.5, 0.7, 0.9)])
    by_stratum = np.concatenate([hazard(0.1), hazard(0.4, 0.8)], axis=1)
    ratio = (0.5 + who % 3)[None]
    late = np.minimum(np.maximum(TIME - 2, 0), 6)[None, None]  # none before year 2 or after 8
    moves = [
        Transition("well", "ill", by_draw, hazard_ratio=ratio),
        Transition("well", "dead", by_stratum),
        Transition("ill", "well", hazard(0.5, 0.7), "entry"),
        Transition("ill", "dead", late),
    ]
    strata, first = (who % 2)[None], who % 5 // 4
    found = run(moves, patients, draws, strata=strata, start=first).to_frame()
    expected = defined(moves, draws, patients, strata, first)
    assert len(found) == len(expected) > 2 * patients * draws
    for column, own in zip(found.columns, zip(*expected, strict=True), strict=True):
        if column in ("entry", "exit"):
            np.testing.assert_allclose(found[column], own, rtol=1e-10)
        else:
            assert (found[column] == np.array(own)).all()


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


def test_threads_and_order_do_not_matter() -> None:
    def block(rows: slice) -> np.ndarray:
        size = rows.stop - rows.start
        return run(ILLNESS, 200, size, first_draw=rows.start).exit

    one = list(map_chunks(block, chunks(8, 2), 1))
    two = list(map_chunks(block, chunks(8, 2), 2))
    back = list(map_chunks(block, chunks(8, 2)[::-1], 2))[::-1]
    for a, b, c in zip(one, two, back, strict=True):
        assert (a == b).all() and (a == c).all()


@pytest.mark.slow
def test_the_error_falls_as_one_over_the_root_of_patients() -> None:
    """And its size is that of independent patients."""
    sizes, spread = (20, 200, 2000), []
    for patients in sizes:
        alive = 1 - run(ILLNESS, patients, 200).occupancy(np.array([2.0]))["dead"][:, 0]
        spread.append(alive.std())
    assert -0.6 < np.polyfit(np.log(sizes), np.log(spread), 1)[0] < -0.4
    share = alive.mean()
    assert spread[-1] == pytest.approx(np.sqrt(share * (1 - share) / sizes[-1]), rel=0.2)


@pytest.mark.slow
def test_a_million_patients_are_the_cohort() -> None:
    """Discounted years in each state against the integral of the matrix exponential."""
    r, generator = 0.03, np.array([[-0.7, 0.6, 0.1], [0.5, -0.9, 0.4], [0, 0, 0]])
    own = run(ILLNESS, 1_000_000)
    fine = np.arange(30 * 96 + 2) / 96
    integral = Table(1 / 96, -np.expm1(-r * fine)[:, None] / r)
    living = generator[:2, :2] - r * np.eye(2)
    expected = (np.linalg.inv(living) @ (expm(living * 30) - np.eye(2)))[0]
    for state, value in enumerate(expected):
        stays = own.state == state
        each = np.bincount(own.patient[stays], (own.exit - own.entry)[stays], 1_000_000)
        found = own.years(own.entry, own.exit, stays, integral)[0, 0]
        assert abs(found - value) < 4 * each.std() / 1000 + 1e-5


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
    assert "in draw 0 falls" in text
    for part in ("unknown state 'il'", "falls", "clock 'reset'", "state 'ill': nobody can enter"):
        assert part in text


def test_what_the_compiled_loop_would_not_notice() -> None:
    """Rows too few, ratios that are no numbers, states and grids that are not there."""
    death = ("well", "dead")
    options = {"states": death, "patients": 4, "draws": 3, "first_draw": 20}
    two = np.repeat(hazard(), 2, axis=1)
    bad = np.ones((3, 4))
    bad[1, 2] = np.nan
    cases = [
        (Transition(*death, np.repeat(hazard(), 2, axis=0)), {}, "(1 or 3 draws, strata, 1441"),
        (Transition(*death, two), {"strata": np.array([[0, 1, 2, 1]])}, "run from 0 to 2"),
        (Transition(*death, hazard(), hazard_ratio=bad), {}, "patient 2 in draw 21 is nan"),
        (Transition(*death, hazard(), hazard_ratio=-bad[:1]), {}, "patient 0 in draw 20 is -1"),
        (Transition(*death, hazard(), hazard_ratio=bad[:2]), {}, "hazard ratio has dims (2, 4)"),
        (Transition(*death, hazard()), {"start": 2}, "numbers of states lie in 0 to 1"),
    ]
    for move, own, words in cases:
        with pytest.raises(ModelError) as caught:
            run([move], **options, **own)
        assert words in str(caught.value)
    with pytest.raises(ModelError) as caught:
        simulate([], death, TIME[1:], np.nan, People(1, 1, key=1))
    assert all(w in str(caught.value) for w in ("time: the grid", "horizon: nan", "'dead': nobody"))
