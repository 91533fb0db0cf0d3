"""Partitioned survival of any number of states: shares, crossing curves, flows, faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.occupancy.partitioned import partitioned_survival
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Exposure, Strategy
from heor.simulation.accrual import PLAIN, Accrual
from heor.simulation.measure import measure
from heor.survival.curves.curve import Curve, Part

TIME = np.arange(0, 10.5, 0.5)
DRAWS = Draws({"operated": np.array([0.2, 0.5, 0.9])})
ENDPOINTS = ("ttd", "pfs", "os")
STATES = ("on_treatment", "off_treatment", "progressed", "dead")
BACKGROUND = np.full(len(TIME) - 1, 0.01)
RATES = st.lists(st.floats(0.01, 3), min_size=1, max_size=5)

FaultsOf, Spoil = Callable[..., list[str]], Callable[[str, str, str], int]


def exponential(rate: float, share: float | np.ndarray = 1.0, group: str | None = None) -> Part:
    """A part with a constant excess hazard over the background; rates differ by draw."""
    share = np.broadcast_to(np.asarray(share, float), (DRAWS.n,))
    excess = rate * np.array([1.0, 1.1, 1.2])[:, None] * TIME
    population = np.exp(-np.concatenate([[0.0], np.cumsum(BACKGROUND)]))
    alive = share[:, None] * population * np.exp(-excess)
    return Part(group or "all", group, share, alive, excess)


def curve(*parts: Part) -> Curve:
    return Curve(parts, np.ones(DRAWS.n), np.ones(DRAWS.n, bool))


def strategy(**groups: str) -> Strategy:
    return Strategy("made_up", "Made up", {}, {}, {}, {}, groups)


def occupancy(curves: list[Curve], **groups: str) -> StateOccupancy:
    names = [f"endpoint_{k}" for k in range(len(curves))]
    states = [*(f"state_{k}" for k in range(len(curves))), "dead"]
    found = partitioned_survival(
        strategy(**groups), dict(zip(names, curves, strict=True)), states, DRAWS, BACKGROUND
    )
    found.check("made_up", 0)
    return found


# ------------------------------------------------------------------------- shares and crossings
@given(rates=RATES)
def test_shares_add_up_whatever_crosses(rates: list[float]) -> None:
    """Overall survival is kept, and each earlier endpoint is the lowest of those from it on."""
    curves = [curve(exponential(rate)) for rate in rates]
    shares = list(occupancy(curves).states.values())
    assert len(shares) == len(curves) + 1
    np.testing.assert_allclose(sum(shares), 1, atol=1e-12)
    assert min(share.min() for share in shares) >= 0
    np.testing.assert_allclose(1 - shares[-1], curves[-1].total, atol=1e-15)
    assert (np.diff(shares[-1]) >= -1e-15).all()
    totals = np.stack([c.total for c in curves])
    lowest = np.minimum.accumulate(totals[::-1], axis=0)[::-1]
    np.testing.assert_allclose(np.cumsum(shares[:-1], axis=0), lowest, atol=1e-12)


def test_the_cap_works_from_the_last_endpoint_backwards() -> None:
    """The first endpoint is above the third only, and the third is below all."""
    curves = [curve(exponential(rate)) for rate in (0.6, 0.4, 0.8)]
    before = curves[0].total.copy()
    free, second, third, dead = occupancy(curves).states.values()
    np.testing.assert_allclose(free, curves[2].total, atol=1e-15)
    np.testing.assert_array_equal(second, 0.0)
    np.testing.assert_array_equal(third, 0.0)
    np.testing.assert_allclose(dead, 1 - curves[2].total, atol=1e-15)
    np.testing.assert_array_equal(curves[0].total, before)  # what is given stays as it is


# ----------------------------------------------------------------------------------- the model
@given(rates=RATES)
def test_what_is_capped_is_counted(rates: list[float]) -> None:
    """Boundaries at which any endpoint is above the next, and by how much all of them are."""
    curves = [curve(exponential(rate)) for rate in rates]
    found = occupancy(curves)
    limit, over = curves[-1].total, np.zeros_like(curves[-1].total)
    crossed = np.zeros(over.shape, bool)
    for earlier in curves[-2::-1]:
        above = np.maximum(earlier.total - limit, 0)
        crossed |= above > 1e-12
        over, limit = over + above, np.minimum(earlier.total, limit)
    np.testing.assert_array_equal(found.capped, crossed.sum(axis=1))
    np.testing.assert_allclose(found.excess, over, atol=1e-14)
    if rates == sorted(rates, reverse=True):
        assert not found.capped.any() and not found.excess.any()


def test_what_leaves_each_state() -> None:
    """Events of an endpoint are the excess share of what leaves it; the first are progressions."""
    rates = (1.5, 0.8, 0.3)
    found = occupancy([curve(exponential(rate)) for rate in rates])
    for k, rate in enumerate(rates[:2]):
        alive = exponential(rate).alive
        left, middle = alive[:, :-1] - alive[:, 1:], (alive[:, :-1] + alive[:, 1:]) / 2
        expected = left - middle * BACKGROUND
        np.testing.assert_allclose(found.parts[f"leaving state_{k}", None], expected, atol=1e-15)
    np.testing.assert_array_equal(
        found.parts["progressions", None], found.parts["leaving state_0", None]
    )
    assert ("leaving state_2", None) not in found.parts  # that is death: see cancer_deaths
    hazard = np.diff(exponential(0.3).excess, axis=1)
    deaths = -np.diff(exponential(0.3).alive, axis=1) * hazard / (hazard + BACKGROUND)
    np.testing.assert_allclose(found.parts["cancer_deaths", None], deaths, rtol=1e-12)


def test_a_state_may_bear_the_name_of_an_endpoint() -> None:
    curves = {e: curve(exponential(r)) for e, r in zip(ENDPOINTS, (1.5, 0.8, 0.3), strict=True)}
    found = partitioned_survival(strategy(), curves, (*ENDPOINTS, "dead"), DRAWS, BACKGROUND)
    np.testing.assert_array_equal(found.parts["pfs", None], found.states["pfs"])


@given(rates=st.lists(st.floats(0.05, 3), min_size=6, max_size=6), apart=st.booleans())
def test_groups_make_the_whole(rates: list[float], apart: bool) -> None:
    """With the same parts at every endpoint, and where one endpoint does not know the groups."""
    groups = {"operated": "operated", "others": "1 - operated"}
    operated = DRAWS.value("operated")
    curves = [
        curve(exponential(a, operated, "operated"), exponential(b, 1 - operated, "others"))
        for a, b in zip(rates[::2], rates[1::2], strict=True)
    ]
    if apart:
        curves[1] = curve(exponential(rates[2]))
    found = occupancy(curves, **groups)
    for name in ("state_0", "progressions", "leaving state_0", "leaving state_1"):
        total = sum(found.parts[name, group] for group in groups)
        np.testing.assert_allclose(total, found.parts[name, None], atol=1e-12)
        assert all((found.parts[name, group] >= 0).all() for group in groups)
    first = found.parts["state_0", "operated"]
    assert (first <= curves[2].parts[0].alive + 1e-12).all()  # of those operated and alive


def test_an_exposure_to_the_end_of_any_state(problem: DecisionProblem) -> None:
    """Without background deaths all leave the state by an event of its endpoint."""
    time, draws = problem.time, Draws({"one": np.ones(3)})
    curves = {}
    for endpoint, rate in zip(ENDPOINTS, (2.0, 1.0, 0.2), strict=True):
        excess = np.tile(rate * time, (3, 1))
        part = Part("all", None, np.ones(3), np.exp(-excess), excess)
        curves[endpoint] = Curve((part,), np.ones(3), np.ones(3, bool))
    exposures = {"progressing": Exposure("progressing", flow="leaving off_treatment")}
    own = replace(strategy(), exposures=exposures)
    found = partitioned_survival(own, curves, STATES, draws, np.zeros(len(time) - 1))
    settings = replace(problem.settings, states=STATES, endpoints=ENDPOINTS)
    accrual = Accrual.of(replace(problem, settings=settings))
    measured = measure(own, found, draws, accrual)["progressing"]
    assert measured[:, PLAIN] == pytest.approx(1, abs=1e-9)


# ----------------------------------------------------------------------------------- bad input
ANALYSIS, STRATEGIES = "model/analysis.yaml", "model/strategies.yaml"


def test_faults_of_states_and_endpoints_come_together(spoil: Spoil, faults: FaultsOf) -> None:
    """One endpoint too many, which no strategy has; a state that is misspelt; each in its place."""
    endpoints = spoil(ANALYSIS, "endpoints: [pfs, os]", "endpoints: [ttd, pfs, os]")
    line = "    progression_free: {state: progression_free}\n"
    state = spoil(STRATEGIES, line, line.replace("{state: p", "{state: pp"))
    found = faults()
    for where, words in (
        (f"{ANALYSIS}:{endpoints}:", ("3 endpoints for 3 states; 2 are needed",)),
        (f"{STRATEGIES}:{state}:", ("unknown state 'pprogression_free'", "Did you mean")),
    ):
        assert any(where in f and all(w in f for w in words) for f in found), found
    assert sum("endpoint 'ttd' is missing" in f for f in found) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "endpoints: [pfs, os]",
            "endpoints: [os, os]",
            "endpoint 'os' is named twice; nobody can enter the second",
        ),
        (
            "states: [progression_free, progressed, dead]",
            "states: [progression_free, dead, progressed]",
            "the last state is 'progressed'; it must be dead",
        ),
        ("endpoints: [pfs, os]", "endpoints: [pfs, so]", "endpoint 'so' is missing"),
    ],
)
def test_faulty_states_and_endpoints(
    old: str, new: str, expected: str, spoil: Spoil, faults: FaultsOf
) -> None:
    spoil(ANALYSIS, old, new)
    assert any(expected in f for f in faults())


def test_an_unknown_endpoint_of_a_strategy(spoil: Spoil, faults: FaultsOf) -> None:
    old = "    pfs: {evidence: second_line_folfiri_pfs,"
    line = spoil(STRATEGIES, old, old.replace("pfs:", "pfss:"))
    found = faults()
    assert any(f":{line}:" in f and "unknown endpoint 'pfss'" in f for f in found), found
    assert any("endpoint 'pfs' is missing" in f for f in found)


def test_evidence_on_survival_ends_the_last_state_only(spoil: Spoil, faults: FaultsOf) -> None:
    spoil(
        STRATEGIES,
        "pfs: {evidence: second_line_folfiri_pfs,",
        "pfs: {evidence: second_line_folfiri_os,",
    )
    assert any("is about os, the curve is pfs" in f for f in faults())
