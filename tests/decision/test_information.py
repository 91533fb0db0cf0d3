"""EVPPI: regressors, what they must not lose, the check of residuals, and faulty questions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from heor.decision.cost_effectiveness import evpi
from heor.decision.information import LEARNERS, REGRESSORS, evppi
from heor.decision.regression import conditional_mean
from heor.errors import InputError
from heor.outcomes.outcomes import Outcomes

N = 5000
PRODUCT = 1 / np.pi  # mean of the positive part of x y, two standard normals


def outcomes_of(*benefit: np.ndarray) -> Outcomes:
    """Net benefit as QALYs at a threshold of 1, against a strategy that has none."""
    frames = [
        pd.DataFrame({"strategy": f"s{i}", "draw": range(len(v)), "cost": 0.0, "qaly": v})
        for i, v in enumerate([0 * benefit[0], *benefit])
    ]
    return Outcomes.from_table(pd.concat(frames), "NOK")


@pytest.fixture(scope="module")
def product() -> tuple[Outcomes, pd.DataFrame]:
    x, y = np.random.default_rng(6).standard_normal((2, N))
    return outcomes_of(x * y), pd.DataFrame({"x": x, "y": y})


@pytest.fixture(scope="module")
def many() -> tuple[Outcomes, pd.DataFrame, dict[str, list[str]]]:
    """Net benefit is a product of two of forty parameters, and noise."""
    draws = np.random.default_rng(7).standard_normal((6000, 41))
    frame = pd.DataFrame(draws[:, :40], columns=[f"p{i}" for i in range(40)])
    return outcomes_of(frame.p0 * frame.p1 + draws[:, 40]), frame, {"all": list(frame)}


# -------------------------------------------------------------------------------- regressors
@pytest.mark.parametrize(
    "regressor",
    [pytest.param(r, marks=pytest.mark.slow) if r in LEARNERS else r for r in REGRESSORS],
)
def test_a_product_is_worth_nothing_apart_and_all_together(regressor: str, product) -> None:
    own, draws = product
    groups = {"x": ["x"], "y": ["y"], "both": ["x", "y"]}
    found = {x.name: x for x in evppi(own, draws, groups, [1.0], regressor=regressor)}
    sampling = evpi(own, 1.0)[1]
    both = found["both"]
    assert abs(both.value[0] - PRODUCT) < 3 * max(both.se[0], sampling)
    for name in ("x", "y"):
        assert 0 <= found[name].value[0] < 3 * max(found[name].se[0], 1e-3)


@pytest.mark.slow
def test_one_of_forty_products_is_not_lost(many) -> None:
    """At least four fifths of its value, where a fit without products finds none and says so."""
    own, draws, groups = many
    found = evppi(own, draws, groups, [1.0])[0]
    assert found.regressor == "boosted_trees"
    assert 0.8 * PRODUCT < found.value[0] < PRODUCT + 3 * found.se[0]
    plain = evppi(own, draws, groups, [1.0], regressor="spline_polynomial")[0]
    assert plain.value[0] < 0.2 * PRODUCT
    assert plain.has_residual_pattern


def test_automatic_choice_by_size_of_the_group(many) -> None:
    own, draws, _ = many
    groups = {"1": ["p0"], "22": list(draws)[:22]}
    assert {x.regressor for x in evppi(own, draws, groups, [1.0])} == {"spline_polynomial"}


@pytest.mark.slow
def test_cross_fitted_noise_is_worth_nothing() -> None:
    """Forty parameters that tell nothing: a fit of the same draws would see 0.01 or more."""
    draws = np.random.default_rng(8).standard_normal((2000, 41))
    frame = pd.DataFrame(draws[:, :40], columns=[f"p{i}" for i in range(40)])
    found = evppi(outcomes_of(draws[:, 40]), frame, {"all": list(frame)}, [1.0])[0]
    assert found.value[0] < 3 * found.se[0]


def test_several_thresholds_come_from_one_fit(product) -> None:
    """Each is what it is alone; at a threshold of 0 nothing has value, as nothing costs."""
    own, draws = product
    for regressor in ("spline_polynomial", "boosted_trees"):
        ask = {"both": ["x", "y"]}
        found = evppi(own, draws, ask, [0.0, 1.0, 2.0], regressor=regressor)[0]
        alone = evppi(own, draws, ask, [2.0], regressor=regressor)[0]
        assert found.value[0] == 0
        assert found.value[2] == pytest.approx(2 * found.value[1], rel=1e-9)
        assert (found.value[2], found.se[2]) == pytest.approx((alone.value[0], alone.se[0]))


# ------------------------------------------------------------------------------- residuals
def test_too_simple_a_fit_is_found_out(monkeypatch: pytest.MonkeyPatch, product) -> None:
    """A plane through a square, and through a product, of which no parameter alone tells."""
    own, draws = product
    x, y = draws.x.to_numpy(), draws.y.to_numpy()
    ask = {"both": ["x", "y"]}
    cases = {"square": outcomes_of(x**2 - 1 + 0.5 * y), "product": own}
    for found in cases.values():
        assert not evppi(found, draws, ask, [1.0])[0].has_residual_pattern
    monkeypatch.setattr("heor.decision.regression.MOST_DEGREE", 1)
    for name, own in cases.items():
        found = evppi(own, draws, ask, [1.0], regressor="spline_polynomial")[0]
        assert found.has_residual_pattern, name


def test_blocks_of_draws_change_nothing(monkeypatch: pytest.MonkeyPatch, product) -> None:
    own, draws = product
    for columns in (["x"], ["x", "y"]):
        whole = conditional_mean(draws[columns].to_numpy(), own.qalys)
        with monkeypatch.context() as patched:
            patched.setattr("heor.decision.regression.BLOCK", 777)
            parts = conditional_mean(draws[columns].to_numpy(), own.qalys)
        np.testing.assert_allclose(parts.fitted, whole.fitted, atol=1e-8)


def test_few_different_values_are_their_own_means() -> None:
    """A parameter with three values: the mean net benefit at each."""
    generator = np.random.default_rng(9)
    kind = generator.integers(0, 3, N).astype(float)
    benefit = np.array([-1.0, 0.2, 2.0])[kind.astype(int)] + generator.standard_normal(N)
    fit = conditional_mean(kind[:, None], benefit[:, None])
    for k in range(3):
        np.testing.assert_allclose(fit.fitted[kind == k], benefit[kind == k].mean(), rtol=1e-6)


# -------------------------------------------------------------------------- faulty questions
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"parameters": lambda d: d.iloc[:-1]}, "4999 rows for 5000 draws"),
        ({"parameters": lambda d: d.assign(draw=range(1, N + 1))}, "row 1 is draw 1, .* draw 0"),
        ({"parameters": lambda d: d.rename_axis("draw")[::-1]}, "row 1 is draw 4999, .* draw 0"),
        ({"parameters": lambda d: d.assign(x=2.0)}, "'x': the same in every draw"),
        ({"parameters": lambda d: d.assign(x=np.nan)}, r"'x': 'nan' in row 1 \(5000 such rows\)"),
        ({"parameters": lambda d: d.assign(x="much")}, "'x': 'much' in row 1"),
        ({"parameters": lambda d: d[["x", "x", "y"]]}, "'x': 2 columns have this name"),
        ({"groups": {"g": ["z"]}}, "'z' is unknown; there are x, y"),
        ({"groups": {"g": []}}, "group 'g': names no parameter"),
        ({"groups": {"g": ["x", "x"]}}, "group 'g': names 'x' twice"),
        ({"thresholds": [-1.0]}, "threshold -1: .* at least 0"),
        ({"thresholds": []}, "thresholds: there are none"),
        ({"regressor": "kriging"}, "'kriging' is unknown; auto, spline_polynomial"),
    ],
)
def test_faulty_question(change: dict, what: str, product) -> None:
    own, draws = product
    question = {"groups": {"g": ["x", "y"]}, "thresholds": [1.0], **change}
    question["parameters"] = change.get("parameters", lambda d: d)(draws)
    with pytest.raises(InputError, match=what) as raised:
        evppi(own, **question)
    assert len(raised.value.problems) == 1


def test_all_that_is_wrong_is_said_at_once(product) -> None:
    own, draws = product
    with pytest.raises(InputError) as raised:
        evppi(own, draws[:9], {"g": ["z"], "h": []}, [-1.0, 1.0, -3.0], regressor="none")
    assert len(raised.value.problems) == 6


def test_draws_in_the_right_order_pass(product) -> None:
    own, draws = product
    ask = {"both": ["x", "y"]}
    plain = evppi(own, draws, ask, [1.0])[0].value
    assert evppi(own, draws.assign(draw=range(N)), ask, [1.0])[0].value == plain


def test_too_many_parameters_for_the_draws() -> None:
    x = np.random.default_rng(1).standard_normal((100, 11))
    frame = pd.DataFrame(x).rename(columns=str)
    with pytest.raises(InputError, match="11 parameters for 100 draws; at least 10"):
        evppi(outcomes_of(x[:, 0]), frame, {"g": list(frame)}, [1.0])
    with pytest.raises(InputError, match="59 draws; a regression needs at least 60"):
        evppi(outcomes_of(x[:59, 0]), frame[:59], {"g": ["0"]}, [1.0])
    assert evppi(outcomes_of(x[:60, 0]), frame[:60], {"g": ["0"]}, [1.0])[0].value[0] > 0
