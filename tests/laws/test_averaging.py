"""Laws of structural averages, for any outcomes and weights."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from heor.decision.acceptability import ceac
from heor.decision.averaging import achieved_weights, allocation, mixture
from heor.decision.cost_effectiveness import evpi, net_benefit
from heor.errors import InputError
from heor.outcomes.outcomes import Outcomes
from heor.streams import Streams

THRESHOLD = 500_000.0
SEEDS = st.integers(0, 10_000)


@st.composite
def weights(draw: st.DrawFn) -> dict[str, float]:
    parts = draw(st.lists(st.integers(1, 20), min_size=1, max_size=5))
    return {name: k / sum(parts) for name, k in zip("abcde", parts, strict=False)}


def outcomes(seed: int, n: int, shift: float = 0.0) -> Outcomes:
    """Two strategies, one cost category, QALYs; `shift` moves the QALYs of the second."""
    rng = np.random.default_rng(seed)
    cost = rng.gamma(4.0, 25_000.0, (n, 2, 1))
    qalys = rng.normal(2.0, 0.5, (n, 2, 1)) + np.array([0.0, shift])[:, None]
    data = xr.DataArray(
        np.concatenate([cost, qalys], axis=2),
        dims=("draw", "strategy", "component"),
        coords={"strategy": ["x", "y"], "component": ["care", "qalys"]},
    )
    return Outcomes(data, ("care",), "NOK")


@given(own=weights(), n=st.integers(1, 400), seed=SEEDS)
def test_each_scenario_gets_its_share_of_draws_to_one_draw(
    own: dict[str, float], n: int, seed: int
) -> None:
    achieved = achieved_weights(allocation(own, n, Streams(seed)), own)
    assert sum(achieved.values()) == pytest.approx(1, abs=1e-12)
    for name, weight in own.items():
        assert abs(achieved[name] - weight) <= 1 / n + 1e-9


@given(own=weights(), n=st.integers(2, 200), seed=SEEDS)
def test_mean_is_the_weighted_mean_of_what_differs_between_scenarios(
    own: dict[str, float], n: int, seed: int
) -> None:
    """Scenarios that differ by a constant in every draw: exact, with the weights achieved."""
    base = outcomes(seed, n)
    found = {name: shifted(base, 1000.0 * i) for i, name in enumerate(own)}
    mixed = mixture(found, own, Streams(seed))
    achieved = achieved_weights(allocation(own, n, Streams(seed)), own)
    expected = sum(achieved[name] * o.cost.mean(axis=0) for name, o in found.items())
    np.testing.assert_allclose(mixed.cost.mean(axis=0), expected, rtol=1e-12)


def shifted(found: Outcomes, cost: float) -> Outcomes:
    data = found.data.copy()
    data.loc[{"component": "care"}] += cost
    return Outcomes(data, found.categories, found.currency)


@given(own=weights(), seed=SEEDS)
def test_mean_of_any_scenarios_is_the_weighted_mean_within_monte_carlo_error(
    own: dict[str, float], seed: int
) -> None:
    n = 4000
    found = {name: outcomes(seed + i, n, 0.1 * i) for i, name in enumerate(own)}
    benefit = net_benefit(mixture(found, own, Streams(seed)), THRESHOLD)
    expected = sum(w * net_benefit(found[k], THRESHOLD).mean(axis=0) for k, w in own.items())
    error = benefit.std(axis=0, ddof=1) / np.sqrt(n)
    assert (np.abs(benefit.mean(axis=0) - expected) < 5 * error).all()


@given(seed=SEEDS, n=st.integers(1, 50))
def test_all_weight_on_one_scenario_is_that_scenario(seed: int, n: int) -> None:
    found = {"a": outcomes(seed, n), "b": outcomes(seed + 1, n)}
    xr.testing.assert_identical(mixture(found, {"b": 1.0}, Streams(seed)).data, found["b"].data)


@given(own=weights(), seed=SEEDS, data=st.data())
def test_order_of_names_does_not_matter(
    own: dict[str, float], seed: int, data: st.DataObject
) -> None:
    found = {name: outcomes(seed + i, 60) for i, name in enumerate(own)}
    order = data.draw(st.permutations(list(own)))
    again = mixture({k: found[k] for k in order}, {k: own[k] for k in order}, Streams(seed))
    xr.testing.assert_identical(mixture(found, own, Streams(seed)).data, again.data)


@given(own=weights(), n=st.integers(1, 80), seed=SEEDS)
def test_every_draw_is_that_draw_of_its_scenario(own: dict[str, float], n: int, seed: int) -> None:
    found = {name: outcomes(seed + i, n) for i, name in enumerate(own)}
    mixed, chosen = mixture(found, own, Streams(seed)), allocation(own, n, Streams(seed))
    for i, name in enumerate(chosen):
        np.testing.assert_array_equal(mixed.data.values[i], found[name].data.values[i])


def test_doubt_between_scenarios_is_worth_resolving() -> None:
    """No doubt inside two opposite scenarios, all of it between them: EVPI is half the stake."""
    flat = outcomes(1, 1000).data.copy()
    flat.values[:] = [[0.0, 2.0], [0.0, 2.0]]
    made = {}
    for name, gain in (("better", 1.0), ("worse", -1.0)):
        data = flat.copy(deep=True)
        data.loc[{"strategy": "y", "component": "qalys"}] += gain
        made[name] = Outcomes(data, ("care",), "NOK")
    mixed = mixture(made, {"better": 0.5, "worse": 0.5}, Streams(1))
    assert all(evpi(o, THRESHOLD)[0] == 0 for o in made.values())
    assert evpi(mixed, THRESHOLD)[0] == pytest.approx(0.5 * THRESHOLD)
    table = ceac(mixed, np.array([THRESHOLD])).set_index("strategy")
    assert table.loc["y", "probability"] == 0.5


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"a": 0.5, "b": 0.4}, "they add up to 0.9; 1 is needed"),
        ({"a": 1.5, "b": -0.5}, "weights: b: -0.5 found; a weight must be above 0"),
        ({"a": 1.0, "b": 0.0}, "weights: b: 0 found"),
        ({"a": 0.5, "c": 0.5}, "weights: c: no outcomes of this scenario; available: a, b, few"),
        ({"a": 0.5, "few": 0.5}, "its draws (5) are not those of a (10)"),
        ({"a": float("nan")}, "a weight must be above 0"),
    ],
)
def test_what_cannot_be_averaged(own: dict[str, float], said: str) -> None:
    found = {"a": outcomes(1, 10), "b": outcomes(2, 10), "few": outcomes(3, 5)}
    with pytest.raises(InputError) as caught:
        mixture(found, own, Streams(1))
    assert any(said in line for line in caught.value.problems), caught.value.problems


def test_all_faults_of_weights_at_once() -> None:
    with pytest.raises(InputError) as caught:
        allocation({"a": -1.0, "b": 0.0}, 10, Streams(1))
    assert len(caught.value.problems) == 3
