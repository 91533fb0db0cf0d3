"""Cohorts by rates that change within a step: against differential and renewal equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy import special
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from heor.errors import ModelError
from heor.occupancy.continuous_time.integrals import Mesh, Spread
from heor.occupancy.continuous_time.rates import Move, cohort
from heor.occupancy.state_occupancy import StateOccupancy

STATES = ("well", "ill", "dead")
MONTH = 1 / 12
Rates = Mapping[tuple[str, str], Callable[[np.ndarray], np.ndarray]]


def weibull(shape: float, scale: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: shape / scale * (t / scale) ** (shape - 1)


def constant(rate: float, step: float) -> Spread:
    return Spread.even(np.array([[rate * step]]))


def conserved(found: StateOccupancy) -> None:
    """Shares are shares, and change by what flows."""
    found.check("cohort", 0)
    for state, share in found.states.items():
        into = sum(f for (n, _), f in found.parts.items() if n.endswith(f"-> {state}"))
        out = sum(f for (n, _), f in found.parts.items() if n.startswith(f"{state} ->"))
        np.testing.assert_allclose(into - out, np.diff(share), atol=1e-14)


# ---------------------------------------------------------------------------- clock forward
RATES = {("well", "ill"): 1.4, ("ill", "well"): 0.7, ("ill", "dead"): 0.8, ("well", "dead"): 0.1}


@pytest.mark.parametrize(("step", "within"), [(7 / 364, 1e-8), (MONTH, 1e-6), (0.25, 3e-5)])
def test_constant_rates_against_the_matrix_exponential(step: float, within: float) -> None:
    moves = [Move(i, j, constant(rate, step)) for (i, j), rate in RATES.items()]
    steps = round(10 / step)
    found = cohort(moves, {}, STATES, steps, step)
    conserved(found)
    generator = np.zeros((3, 3))
    for (i, j), rate in RATES.items():
        generator[STATES.index(i), STATES.index(j)] += rate
    generator -= np.diag(generator.sum(axis=1))
    for k in (1, 2, steps // 2, steps):
        shown = [found.states[s][0, k] for s in STATES]
        np.testing.assert_allclose(shown, expm(generator * step * k)[0], 0, within)


def test_years_in_a_chain() -> None:
    """2.589 life years; whoever comes is exposed in what is left of the month."""
    rates = {("a", "b"): 1.4, ("b", "c"): 0.8, ("c", "dead"): 1.6}
    moves = [Move(i, j, constant(rate, MONTH)) for (i, j), rate in rates.items()]
    found = cohort(moves, {}, ("a", "b", "c", "dead"), 360, MONTH)
    conserved(found)
    alive = 1 - found.states["dead"][0]
    years = np.trapezoid(alive, dx=MONTH)
    assert years == pytest.approx(sum(1 / rate for rate in rates.values()), rel=1e-5)


@pytest.mark.parametrize("fast", [20.0, 1e3, 1e6])
def test_rates_much_faster_than_a_step(fast: float) -> None:
    """The ill die at once: dying takes as long as falling ill."""
    moves = [
        Move("well", "ill", constant(0.5, MONTH)),
        Move("ill", "dead", constant(fast, MONTH)),
    ]
    found = cohort(moves, {}, STATES, 120, MONTH)
    conserved(found)
    time = MONTH * np.arange(121)
    ill = 0.5 / (fast - 0.5) * (np.exp(-0.5 * time) - np.exp(-fast * time))
    np.testing.assert_allclose(found.states["ill"][0], ill, atol=1e-5)


def by_differential_equation(rates: Rates, time: np.ndarray) -> np.ndarray:
    """Shares by state, in u = t ** (1 / 8), in which rates without bound at zero are smooth."""

    def slope(u: float, share: np.ndarray) -> np.ndarray:
        t, out = max(u**8, 1e-300), np.zeros(len(STATES))
        for (i, j), rate in rates.items():
            flow = rate(t) * share[STATES.index(i)]
            out[STATES.index(i)] -= flow
            out[STATES.index(j)] += flow
        return out * 8 * u**7

    grid = time ** (1 / 8)
    found = solve_ivp(
        slope,
        (0, grid[-1]),
        [1.0, 0, 0],
        "DOP853",
        np.minimum(grid, grid[-1]),
        rtol=1e-10,
        atol=1e-12,
    )
    return found.y


@pytest.mark.parametrize("shape", [0.3, 0.5, 0.75, 1.5, 3.0])
def test_clock_forward_against_the_differential_equation(shape: float) -> None:
    rates = {
        ("well", "ill"): weibull(shape, 1.5),
        ("well", "dead"): weibull(shape, 4.0),
        ("ill", "dead"): weibull(shape, 1.0),
        ("ill", "well"): weibull(shape, 2.0),
    }
    mesh = Mesh(MONTH, 240, divided=True)
    moves = [Move(i, j, mesh.over_steps(f(mesh.time)[None])) for (i, j), f in rates.items()]
    found = cohort(moves, {}, STATES, 240, MONTH, divided=True)
    conserved(found)
    exact = by_differential_equation(rates, MONTH * np.arange(241))
    for share, expected in zip((found.states[s][0] for s in STATES), exact, strict=True):
        np.testing.assert_allclose(share, expected, atol=5e-5)


def test_gompertz_mortality() -> None:
    """Hazards that rise with age, in closed form."""
    mesh = Mesh(MONTH, 480)
    die = mesh.over_steps(0.01 * np.exp(0.09 * mesh.time)[None])
    found = cohort([Move("well", "dead", die)], {}, ("well", "dead"), 480, MONTH)
    time = MONTH * np.arange(481)
    alive = np.exp(-0.01 / 0.09 * np.expm1(0.09 * time))
    np.testing.assert_allclose(found.states["well"][0], alive, rtol=1e-9)


# ------------------------------------------------------------------------------ clock reset
def renewal(
    leave: Mapping[str, list[tuple[str, float, float]]], step: float, steps: int
) -> dict[str, np.ndarray]:
    """Occupancy by the renewal equation, on a grid so fine that entrants of a step are even.

    `leave`: state → (target, shape, scale) of Weibull times since entry, which compete.
    """
    time = step * np.arange(steps + 1)
    alive = {s: np.exp(-sum((time / b) ** a for _, a, b in own)) for s, own in leave.items()}
    mean = {s: 0.5 * (a[1:] + a[:-1]) for s, a in alive.items()}
    share = {}
    for state, own in leave.items():
        gained = np.stack([np.diff((time / b) ** a) for _, a, b in own])
        share[state] = gained / gained.sum(axis=0)
    entered = {s: np.zeros(steps) for s in leave}
    out = {s: np.zeros(steps + 1) for s in leave}
    out["well"][0] = 1.0
    for n in range(steps):
        fall = {}
        for state in leave:
            # of those who came before, the latest first; and of those there from the start
            gone = entered[state][:n][::-1] * (mean[state][:n] - mean[state][1 : n + 1])
            fall[state] = share[state][:, 1 : n + 1] @ gone
            if state == "well":
                fall[state] += share[state][:, n] * (alive[state][n] - alive[state][n + 1])
        for _ in range(3):  # onward within the step
            onward = {s: np.zeros(len(own)) for s, own in leave.items()}
            for state, own in leave.items():
                for k, (target, _, _) in enumerate(own):
                    if target in leave:
                        entered[target][n] += fall[state][k]
                        lost = fall[state][k] * (1 - mean[target][0])
                        onward[target] += share[target][:, 0] * lost
            fall = onward
        for state in leave:
            here = entered[state][: n + 1] @ mean[state][: n + 1][::-1]
            out[state][n + 1] = here + (alive[state][n + 1] if state == "well" else 0.0)
    return out


@pytest.mark.parametrize("shape", [0.75, 1.0, 1.5, 3.0])
def test_clock_reset_against_the_renewal_equation(shape: float) -> None:
    """Illness-death with recovery, all times since entry: months against a 48th of a month."""
    leave = {
        "well": [("ill", shape, 1.5), ("dead", shape, 4.0)],
        "ill": [("dead", shape, 1.0), ("well", shape, 1.0)],
    }
    mesh = Mesh(MONTH, 72)
    sojourns = {
        state: mesh.since_entry([weibull(a, b)(mesh.time)[None] for _, a, b in own])
        for state, own in leave.items()
    }
    moves = [Move(state, target) for state, own in leave.items() for target, _, _ in own]
    found = cohort(moves, sojourns, STATES, 72, MONTH)
    conserved(found)
    exact = renewal(leave, MONTH / 48, 72 * 48)
    for state in leave:
        np.testing.assert_allclose(found.states[state][0], exact[state][::48], atol=3e-4)
    years = np.trapezoid(sum(share[::48] for share in exact.values()), dx=MONTH)
    own = np.trapezoid(1 - found.states["dead"][0], dx=MONTH)
    assert own == pytest.approx(years, rel=1e-4)


@pytest.mark.parametrize(("shape", "within"), [(0.5, 2e-3), (0.75, 3e-4), (1.0, 2e-4), (1.5, 1e-5)])
def test_life_years_in_closed_form(shape: float, within: float) -> None:
    """Each state lasts scale times Gamma(1 + 1 / shape); most of the error is the trapezoid's."""
    mesh = Mesh(MONTH, 2400 if shape < 1 else 600)
    sojourns = {
        s: mesh.since_entry([weibull(shape, scale)(mesh.time)[None]])
        for s, scale in (("well", 3.0), ("ill", 2.0))
    }
    moves = [Move("well", "ill"), Move("ill", "dead")]
    found = cohort(moves, sojourns, STATES, mesh.steps, MONTH)
    years = np.trapezoid(1 - found.states["dead"][0], dx=MONTH)
    assert years == pytest.approx(5 * special.gamma(1 + 1 / shape), rel=within)


@pytest.mark.parametrize("shape", [0.75, 1.5])
def test_both_kinds_of_rates_compete(shape: float) -> None:
    """Everyone dies at 0.3 a year, wherever he is; falling ill and recovering go by time in state."""
    mesh, die = Mesh(MONTH, 120), constant(0.3, MONTH)
    sojourns = {
        s: mesh.since_entry([weibull(shape, b)(mesh.time)[None]])
        for s, b in (("well", 1.5), ("ill", 0.7))
    }
    moves = [
        Move("well", "ill"),
        Move("ill", "well"),
        Move("well", "dead", die),
        Move("ill", "dead", die),
    ]
    found = cohort(moves, sojourns, STATES, 120, MONTH)
    conserved(found)
    alive = np.exp(-0.3 * MONTH * np.arange(121))
    np.testing.assert_allclose(1 - found.states["dead"][0], alive, atol=5e-5)


def test_a_constant_rate_is_the_same_by_either_clock() -> None:
    mesh = Mesh(MONTH, 240)
    flat = np.full((3, len(mesh.time)), 0.7) * [[1.0], [0.5], [2.0]]
    ill = Move("well", "ill", constant(0.4, MONTH))
    reset = cohort(
        [ill, Move("ill", "dead")], {"ill": mesh.since_entry([flat])}, STATES, 240, MONTH
    )
    by_time = Spread.even(flat[:, :1] * MONTH)
    forward = cohort([ill, Move("ill", "dead", by_time)], {}, STATES, 240, MONTH)
    for state in STATES:
        np.testing.assert_allclose(reset.states[state], forward.states[state], atol=2e-7)


# --------------------------------------------------------------------------- time in state
def test_windows_since_entry() -> None:
    """They add up to the state, and hold entrants times survival over the window."""
    mesh = Mesh(MONTH, 600)
    sojourns = {"ill": mesh.since_entry([weibull(1.5, 1.0)(mesh.time)[None]])}
    moves = [
        Move("well", "ill", constant(0.5, MONTH)),
        Move("ill", "dead"),
        Move("well", "dead", constant(0.25, MONTH)),
    ]
    found = cohort(moves, sojourns, STATES, 600, MONTH)
    edges = [np.array([x]) for x in (0.0, 0.5, 3.0, 1e3)]
    for state in ("well", "ill"):
        parts = [
            found.residence.since_entry(state, None, a, b)
            for a, b in zip(edges, edges[1:], strict=False)
        ]
        np.testing.assert_allclose(sum(parts), found.states[state], atol=1e-7)
    first = found.residence.since_entry("ill", None, edges[0], edges[1])
    t = np.linspace(0, 0.5, 5001)
    half_year = np.trapezoid(np.exp(-(t**1.5)), t)
    assert np.trapezoid(first[0], dx=MONTH) == pytest.approx(2 / 3 * half_year, rel=1e-3)
    # who has been there from the start has been there as long as the clock has run
    first = found.residence.since_entry("well", None, edges[0], edges[1])
    years = (1 - np.exp(-0.75 * 0.5)) / 0.75
    assert np.trapezoid(first[0], dx=MONTH) == pytest.approx(years, rel=1e-3)


def test_a_divided_first_step_keeps_time_in_state() -> None:
    mesh = Mesh(MONTH, 60, divided=True)
    moves = [
        Move("well", "ill", mesh.over_steps(weibull(0.5, 1.0)(mesh.time)[None])),
        Move("ill", "dead", mesh.over_steps(weibull(0.5, 2.0)(mesh.time)[None])),
    ]
    found = cohort(moves, {}, STATES, 60, MONTH, divided=True)
    conserved(found)
    whole = np.zeros(1), np.full(1, 100.0)
    for state in ("well", "ill"):
        inside = found.residence.since_entry(state, None, *whole)
        np.testing.assert_allclose(inside, found.states[state], atol=1e-7)


# ------------------------------------------------------------------------------- borders
def test_a_rate_of_zero_is_a_value() -> None:
    """Nobody enters: the state is empty, and nothing is lost to a division."""
    mesh = Mesh(MONTH, 24)
    never = np.zeros((1, len(mesh.time)))
    sojourns = {
        "well": mesh.since_entry([never]),
        "ill": mesh.since_entry([weibull(0.75, 1)(mesh.time)[None], never]),
    }
    moves = [Move("well", "ill"), Move("ill", "dead"), Move("ill", "well")]
    found = cohort(moves, sojourns, STATES, 24, MONTH)
    conserved(found)
    assert (found.states["well"] == 1).all()
    assert (found.residence.since_entry("ill", None, np.zeros(1), np.ones(1)) == 0).all()


def test_people_who_go_round_without_end() -> None:
    moves = [
        Move("well", "ill", constant(1e6, MONTH)),
        Move("ill", "well", constant(1e6, MONTH)),
        Move("ill", "dead", constant(0.1, MONTH)),
    ]
    with pytest.raises(
        ModelError, match=r"well, ill, dead: rates so fast .* more than 1,000 times"
    ):
        cohort(moves, {}, STATES, 12, MONTH)


@pytest.mark.parametrize(
    ("moves", "start", "words"),
    [
        ([Move("well", "ill"), Move("ill", "dead", constant(1, MONTH))], None, "without rate"),
        ([Move("well", "ill", constant(1, MONTH))] * 2, None, "given twice"),
        ([Move("well", "ill", Spread.even(np.ones((1, 7))))], None, r"well -> ill: dims \(1, 7\)"),
        (
            [Move("well", "ill", Spread.even(np.ones((2, 1))))],
            {"well": np.full(3, 0.5), "ill": 0.5},
            "2 draws; allowed: 1, or 3",
        ),
    ],
)
def test_dims_that_do_not_agree(moves: list[Move], start: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cohort(moves, {}, STATES, 12, MONTH, start)


def test_shares_at_the_start() -> None:
    moves = [Move("well", "ill", constant(1, MONTH)), Move("ill", "dead", constant(1, MONTH))]
    with pytest.raises(ModelError, match=r"share 1.5 of 'well'.* add up to 1"):
        cohort(moves, {}, STATES, 12, MONTH, {"well": 1.5, "ill": 0.5})
    own = cohort(moves, {}, STATES, 12, MONTH, {"well": np.array([1.0, 0.2]), "ill": [0.0, 0.8]})
    conserved(own)
    assert own.states["ill"][:, 0].tolist() == [0.0, 0.8]


# ------------------------------------------------------------------------------ integrals
@pytest.mark.parametrize("shape", [0.1, 0.3, 0.5, 0.75, 1.0, 1.5, 3.0])
def test_integrals_of_powers(shape: float) -> None:
    """Over each month, where in it they lie, and survival over it, in closed form."""
    mesh = Mesh(MONTH, 120)
    edges = MONTH * np.arange(121)
    rate = (shape * mesh.time ** (shape - 1))[None]
    found = mesh.over_steps(rate)
    total = np.diff(edges**shape)
    np.testing.assert_allclose(found.total[0], total, rtol=2e-4)
    moment = shape / (shape + 1) * np.diff(edges ** (shape + 1)) / MONTH
    tilt = 3 * (2 * moment - (2 * edges[:-1] / MONTH + 1) * total)
    np.testing.assert_allclose(found.tilt[0], tilt, atol=2e-4)
    sojourn = mesh.since_entry([rate])
    np.testing.assert_allclose(sojourn.start[0], np.exp(-(edges**shape)), atol=3e-5)
    gamma = special.gamma(1 / shape) / shape * special.gammainc(1 / shape, edges**shape)
    np.testing.assert_allclose(sojourn.mean[0], np.diff(gamma) / MONTH, atol=3e-5)


def test_who_leaves_by_which_transition() -> None:
    """Weibulls of different shapes, alive in the mean: by quadrature over the first months."""
    mesh = Mesh(MONTH, 12)
    rates = [weibull(0.75, 1.0)(mesh.time)[None], weibull(1.5, 1.0)(mesh.time)[None]]
    sojourn = mesh.since_entry(rates)
    t = np.linspace(0, 1, 12 * 4000 + 1) ** 4  # denser near zero
    middle = 0.5 * (t[1:] + t[:-1])
    alive = np.exp(-(middle**0.75) - middle**1.5)
    gone = np.stack([np.diff(t**0.75) * alive, np.diff(t**1.5) * alive])
    for month in range(3):
        inside = (middle >= month * MONTH) & (middle < (month + 1) * MONTH)
        expected = gone[0, inside].sum() / gone[:, inside].sum()
        assert sojourn.share[0, 0, month] == pytest.approx(expected, abs=1e-4)
