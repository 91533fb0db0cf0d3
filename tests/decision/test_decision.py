"""Incremental analysis and the outcomes table of any program."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from heor.decision.acceptability import ceac
from heor.decision.cost_effectiveness import (
    evpi,
    icer_label,
    icer_table,
    increment_table,
    net_benefit_table,
    ratio_of_means,
    strategy_table,
)
from heor.decision.frontier import STATUSES, incremental_analysis
from heor.errors import InputError, ModelError
from heor.outcomes.outcomes import Outcomes
from heor.problem.problem import DecisionProblem
from heor.questions.one_way_cases import Case, one_way_cases, tornado
from heor.usage.usage import used_parameters


def table(cost: dict[str, list[float]], qaly: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"strategy": s, "draw": i, "cost": c, "qaly": qaly[s][i]}
        for s in cost
        for i, c in enumerate(cost[s])
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def two() -> Outcomes:
    """Two strategies in four draws; b costs 10, 20, 30, 40 more for 1, 1, 2, 0 QALYs."""
    return Outcomes.from_table(
        table(
            {"a": [100, 100, 100, 100], "b": [110, 120, 130, 140]},
            {"a": [1, 2, 3, 4], "b": [2, 3, 5, 4]},
        ),
        "NOK",
    )


# ------------------------------------------------------------------------------- increments
def test_icer_by_hand(two: Outcomes) -> None:
    """Mean cost 25 over mean effect 1: 25 a QALY; delta-method SE sd(c - 25 e) / sqrt(4) / 1."""
    row = icer_table(two, "a", "b").iloc[0]
    assert (row.measure, row.label) == ("cost per QALY", "icer")
    assert (row.cost, row.effect, row.ratio) == (25, 1, 25)
    residual = np.array([10 - 25, 20 - 25, 30 - 50, 40 - 0])
    assert row.se == pytest.approx(residual.std(ddof=1) / 2)


def test_increment_table_by_hand(two: Outcomes) -> None:
    found = increment_table(two, "a", "b").set_index("outcome")
    assert found.loc["cost", "mean"] == 25
    assert found.loc["cost", "se"] == pytest.approx(np.std([10, 20, 30, 40], ddof=1) / 2)
    assert found.loc["qalys", "mean"] == 1


def test_evpi_by_hand(two: Outcomes) -> None:
    """At 30: increments of net benefit 20, 10, 30, -40; b is best on average (20 / 4)."""
    value, se = evpi(two, 30)
    assert value == pytest.approx(40 / 4)
    assert se == pytest.approx(np.std([0, 0, 0, 40], ddof=1) / 2)
    row = net_benefit_table(two, "a", "b", [("t", 30)]).iloc[0]
    assert (row.net_benefit, row.probability, row.evpi) == (5, 0.75, 10)


def test_ceac_by_hand(two: Outcomes) -> None:
    found = ceac(two, np.array([0.0, 30.0])).set_index(["threshold", "strategy"])
    assert found.probability.tolist() == [1, 0, 0.25, 0.75]
    assert found.on_frontier.tolist() == [True, False, False, True]
    assert found.loc[(30.0, "a"), "expected_loss"] == pytest.approx(60 / 4)
    assert found.loc[(30.0, "b"), "expected_loss"] == pytest.approx(10)
    assert found.loc[(30.0, "a"), "evpi"] == pytest.approx(10)


@pytest.mark.parametrize(
    ("cost", "effect", "label"),
    [
        (10, 1, "icer"),
        (-10, 1, "dominant"),
        (0, 1, "dominant"),
        (10, -1, "dominated"),
        (0, -1, "dominated"),
        (10, 0, "dominated"),
        (-10, -1, "less effective and cheaper"),
        (0, 0, "equal in cost and effect"),
    ],
)
def test_four_quadrants(cost: float, effect: float, label: str) -> None:
    assert icer_label(cost, effect) == label


def test_no_effect_has_no_ratio() -> None:
    assert np.isnan(ratio_of_means(np.array([1.0, 2.0]), np.array([1.0, -1.0]), 1)).all()


def test_one_draw_does_not_tell_its_monte_carlo_error() -> None:
    """It has one, and nobody knows it: missing, not 0."""
    one = Outcomes.from_table(table({"a": [1], "b": [3]}, {"a": [1], "b": [2]}), "NOK")
    row = icer_table(one, "a", "b").iloc[0]
    assert row.ratio == 2 and np.isnan(row.se)
    assert strategy_table(one).se.isna().all()
    assert ceac(one, [0.0, 5.0]).probability_se.isna().all()


@pytest.mark.parametrize("noise", [0.0, 1e-13, -1e-13])
def test_identical_strategies_are_equal_and_not_dominated(noise: float) -> None:
    """Also where rounding makes their means differ in the last digits."""
    cost, qaly = [1000.1, 2000.2, 3000.3], [1.1, 2.2, 3.3]
    both = {"a": cost, "copy": [c * (1 + noise) for c in cost]}
    gains = {"a": qaly, "copy": [q * (1 - noise) for q in qaly]}
    row = icer_table(Outcomes.from_table(table(both, gains), "NOK"), "a", "copy").iloc[0]
    assert row.label == "equal in cost and effect" and np.isnan(row.ratio)


@pytest.mark.parametrize(
    ("cost", "effect", "label"),
    [
        ([100.0, 200.0], [1e-13, 1e-13], "dominated"),  # dearer, no more health than by rounding
        ([1e-11, 1e-11], [1.0, 2.0], "dominant"),
        ([100.0, 200.0], [1e-6, 1e-6], "icer"),  # little health is not none
    ],
)
def test_rounding_makes_no_ratio(cost: list[float], effect: list[float], label: str) -> None:
    b = {"b": [5000 + c for c in cost]}, {"b": [3 + e for e in effect]}
    frame = table({"a": [5000, 5000], **b[0]}, {"a": [3, 3], **b[1]})
    assert icer_table(Outcomes.from_table(frame, "NOK"), "a", "b").iloc[0].label == label


# ------------------------------------------------------------------------------- the frontier
def statuses(cost: list[float], effect: list[float]) -> dict[str, str]:
    names = "abcdefgh"[: len(cost)]
    found = incremental_analysis(names, np.array(cost), np.array(effect))
    return dict(zip(found["strategy"], found["status"], strict=True))


ON, EXTENDED, DOMINATED, SAME = STATUSES


def test_copies_of_a_strategy_stand_where_it_stands() -> None:
    """Of the frontier, of what a mix beats, of what one strategy beats; the first of equals counts."""
    found = statuses(
        [0.0, 0.0, 80.0, 80.0, 100.0, 120.0, 120.0], [0.0, 0.0, 1.0, 1.0, 2.0, 1.0, 1.0]
    )
    assert found == {
        **{"a": ON, "b": SAME, "e": ON},
        **{"c": EXTENDED, "d": DOMINATED, "f": DOMINATED, "g": DOMINATED},
    }


def test_points_on_a_line_are_all_on_the_frontier() -> None:
    """A mix of neighbours costs as much and gains as much: it is no better. By rounding nor by order."""
    step = np.arange(8)
    assert set(statuses(list(1000.1 + 0.1 * step), list(6.1 + 0.1 * step)).values()) == {ON}
    assert set(statuses([0.1 * k for k in step], [0.3 * k for k in step]).values()) == {ON}
    generator = np.random.default_rng(5)
    for _ in range(200):
        effect = generator.uniform(5, 6) + np.sort(generator.uniform(0, 1, 6))
        cost = generator.uniform(1e3, 1e5) + generator.uniform(10, 1e5) * effect
        assert set(statuses(list(cost), list(effect)).values()) == {ON}


def test_a_point_above_the_line_by_more_than_rounding_is_dominated_by_a_mix() -> None:
    assert statuses([0.0, 50.001, 100.0], [0.0, 1.0, 2.0])["b"] == EXTENDED
    assert statuses([0.0, 49.999, 100.0], [0.0, 1.0, 2.0])["b"] == ON
    assert statuses([9e5, 9e5 + 50.01, 9e5 + 100.0], [9.0, 9.01, 9.02])["b"] == EXTENDED


def test_equal_cost_or_effect_but_for_rounding() -> None:
    """The dearer of two that gain the same, and the worse of two that cost the same, are dominated."""
    assert statuses([0.0, 10.0, 20.0], [0.0, 0.3, 0.1 + 0.2]) == {"a": ON, "b": ON, "c": DOMINATED}
    assert statuses([0.3, 0.1 + 0.2], [1.0, 2.0]) == {"a": DOMINATED, "b": ON}
    assert statuses([0.1 + 0.2, 0.3], [1.0, 2.0]) == {"a": DOMINATED, "b": ON}


# ------------------------------------------------------------------------------ construction
def outcomes_of(values: np.ndarray) -> Outcomes:
    names = ["care", "qalys", "life_years", "qalys_undiscounted", "life_years_undiscounted"]
    data = xr.DataArray(
        values,
        dims=("draw", "strategy", "component"),
        coords={"strategy": ["a", "b"], "component": names},
    )
    return Outcomes(data, ("care",), "NOK")


LAWFUL = np.tile([100.0, 1.0, 1.5, 1.1, 1.7], (5, 2, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("k", "component"), [(0, "care"), (1, "qalys"), (4, "life_years_und")])
def test_no_infinite_outcome(bad: float, k: int, component: str) -> None:
    values = LAWFUL.copy()
    values[3, 1, k] = bad
    with pytest.raises(ModelError, match=rf"{component}.* of 'b' is not finite in draw 3"):
        outcomes_of(values)


@pytest.mark.parametrize(("k", "name"), [(1, "qalys"), (3, "qalys_undiscounted")])
def test_a_qaly_is_at_most_a_life_year(k: int, name: str) -> None:
    values = LAWFUL.copy()
    values[2, 1, k] = 1.9
    with pytest.raises(ModelError, match=rf"{name} of 'b' exceed life_years.* in draw 2"):
        outcomes_of(values)


def test_lawful_outcomes_pass() -> None:
    found = outcomes_of(LAWFUL)
    assert (found.n, found.strategies) == (5, ("a", "b"))
    assert (found.cost == 100).all()


def test_axes_are_fixed() -> None:
    data = xr.DataArray(np.zeros((2, 2, 1)), dims=("strategy", "draw", "component"))
    with pytest.raises(ModelError, match="must be draw, strategy, component"):
        Outcomes(data, (), "NOK")


def test_table_without_a_column(two: Outcomes) -> None:
    bad = pd.DataFrame({"strategy": ["a"], "draw": [1], "costs": [1.0], "qaly": [1.0]})
    with pytest.raises(InputError, match=r"\['cost'\] are missing"):
        Outcomes.from_table(bad, "NOK")


WHOLE = table({"a": [1, 2], "b": [3, 4]}, {"a": [1, 1], "b": [2, 2]}).astype(object)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([0, 1, 2], ["draw 1 is missing for strategy 'b' (1 such draw)"]),
        ([0, 1, 2, 3, 3], ["draw 1 is repeated for strategy 'b'"]),
        ([0, 3], ["draw 1 is missing for strategy 'a'", "draw 0 is missing for strategy 'b'"]),
        (
            [0, 1, 1, 2],
            ["draw 1 is repeated for strategy 'a'", "draw 1 is missing for strategy 'b'"],
        ),
        ([0, 1], ["1 strategy; a decision needs at least two"]),
        ([], ["has no rows"]),
    ],
)
def test_table_with_missing_or_repeated_rows(rows: list[int], what: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        Outcomes.from_table(WHOLE.iloc[rows], "NOK")
    assert len(raised.value.problems) == len(what)
    for problem, expected in zip(raised.value.problems, what, strict=True):
        assert expected in problem


@pytest.mark.parametrize("bad", [np.nan, "much", None, np.inf, pd.NA])
def test_table_with_a_cell_that_is_no_number(bad: object) -> None:
    whole = WHOLE.copy()
    whole.loc[3, "cost"] = bad
    with pytest.raises(InputError, match="column 'cost' of 'b' in draw 1 is .* finite number"):
        Outcomes.from_table(whole, "NOK")


@pytest.mark.parametrize("bad", [np.nan, "first", None, np.inf, 1.5, " "])
def test_table_with_a_draw_that_is_no_whole_number(bad: object) -> None:
    whole = WHOLE.copy()
    whole.loc[3, "draw"] = bad
    with pytest.raises(InputError, match="'draw' is .* in row 4 .* whole number"):
        Outcomes.from_table(whole, "NOK")


@pytest.mark.parametrize("bad", [np.nan, "", None, "  "])
def test_table_with_a_strategy_without_a_name(bad: object) -> None:
    whole = WHOLE.copy()
    whole.loc[3, "strategy"] = bad
    with pytest.raises(InputError, match="'strategy' is blank in 1 rows, first in row 4"):
        Outcomes.from_table(whole, "NOK")


def test_table_tells_all_its_problems_at_once() -> None:
    """Also with an index of its own that repeats labels, as after pd.concat."""
    whole = WHOLE.iloc[[0, 1, 2, 3, 3]].copy()
    whole.iloc[0, 2:] = ["much", np.inf]
    whole.iloc[4, :2] = ["", 0.5]
    with pytest.raises(InputError) as raised:
        Outcomes.from_table(whole, "NOK")
    columns = [next(c for c in WHOLE if f"'{c}'" in p) for p in raised.value.problems]
    assert columns == ["strategy", "draw", "cost", "qaly"]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_threshold_must_be_money(two: Outcomes, bad: float) -> None:
    for ask in (
        lambda: ceac(two, [0.0, bad, -2.0]),
        lambda: net_benefit_table(two, "a", "b", [("x", bad), ("y", -2.0)]),
    ):
        with pytest.raises(InputError) as raised:
            ask()
        assert [p.split(":")[0] for p in raised.value.problems] == [
            f"threshold {bad:g}",
            "threshold -2",
        ]
    with pytest.raises(InputError, match="at least 0"):
        evpi(two, bad)


def test_errors_of_decision_by_hand(two: Outcomes) -> None:
    """At 30 b is the best in three draws of four, and favoured: one in four is an error."""
    found = ceac(two, [30.0])
    assert found.error_probability.tolist() == [0.25, 0.25]
    assert found.probability_se.to_numpy() == pytest.approx(np.std([0, 1, 1, 1], ddof=1) / 2)


def test_a_tie_is_shared_and_is_no_error() -> None:
    same = Outcomes.from_table(
        table({s: [1, 2, 3] for s in "abc"}, {s: [1, 1, 1] for s in "abc"}), "NOK"
    )
    found = ceac(same, [0.0, 10.0])
    assert found.probability.to_numpy() == pytest.approx(np.full(6, 1 / 3), abs=1e-15)
    assert found.probability_se.to_numpy() == pytest.approx(np.zeros(6), abs=1e-15)
    assert (found.error_probability == 0).all() and (found.evpi == 0).all()


def test_ties_of_some_draws_are_shared_whatever_the_order() -> None:
    """b equals a in draws 1 and 2, is better in 3 and worse in 4; c is never best."""
    qaly = {"a": [1, 1, 1, 1], "b": [1, 1, 2, 0], "c": [0, 0, 0, 0]}
    for order in ("abc", "cba"):
        own = Outcomes.from_table(
            table({s: [0] * 4 for s in order}, {s: qaly[s] for s in order}), "NOK"
        )
        found = ceac(own, [1.0]).set_index("strategy")
        assert found.probability.to_dict() == {"a": 0.5, "b": 0.5, "c": 0.0}
        shares = [0.5, 0.5, 1, 0]
        assert found.probability_se["b"] == pytest.approx(np.std(shares, ddof=1) / 2)
        row = net_benefit_table(own, "a", "b", [("t", 1.0)]).iloc[0]
        assert (row.probability, row.error_probability) == (0.5, 0.25)
        assert row.probability_se == pytest.approx(np.std(shares, ddof=1) / 2)


def test_order_of_rows_does_not_matter() -> None:
    whole = table({"a": [1, 2], "b": [3, 4]}, {"a": [1, 1], "b": [2, 2]})
    mixed = whole.iloc[[3, 0, 2, 1]]
    found = Outcomes.from_table(mixed, "NOK")
    assert found.strategies == ("b", "a")
    np.testing.assert_array_equal(found.cost, [[3, 1], [4, 2]])


# ------------------------------------------------------------------------------- sensitivity
def test_one_way_cases_are_the_ends_of_each_interval(problem: DecisionProblem) -> None:
    cases = one_way_cases(problem)
    by = {(c.name, c.end): c.value for c in cases}
    names = {c.name for c in cases}
    assert by["transport_multiplier", "low"] == pytest.approx(0.65, abs=0.01)
    assert by["transport_multiplier", "high"] == pytest.approx(1.10, abs=0.01)
    assert np.exp(by["log_hr_os", "high"]) == pytest.approx(1.47, abs=0.02)
    # The pooled effect stands for its studies; fixed numbers have no ends.
    assert not names & {"log_hr_os_clocc", "log_hr_os_orchestra", "tau_hr", "start_age"}
    uncertain = {n for n, p in problem.parameters.items() if not p.is_fixed}
    uncertain &= used_parameters(problem, fits=False)
    assert names == uncertain - {"log_hr_os_clocc", "log_hr_os_orchestra", "tau_hr"} | {"log_hr_os"}
    # What the run does not use cannot move it.
    assert not names & {"p_operative_mortality", "eligible_per_year", "selection_bias_multiplier"}
    assert all(by[n, "low"] < by[n, "high"] for n in names)


def test_correlated_effects_move_together(problem: DecisionProblem) -> None:
    """The partner of a pair stands at its own quantile of rho times z (here 0.8 x 1.96)."""
    case = next(c for c in one_way_cases(problem) if (c.name, c.end) == ("log_hr_os", "high"))
    expected = -0.203 + 0.8 * 1.959964 * 0.352
    assert case.also == {"log_hr_pfs_marginal": pytest.approx(expected, abs=1e-6)}


def test_tornado_sorts_by_the_range_of_net_benefit(problem: DecisionProblem) -> None:
    """Widest first; values as entered (a month is a month); net benefit = t x QALYs - cost."""
    cases = [
        Case("c_resection", "low", 170_000.0),
        Case("c_resection", "high", 370_000.0),
        Case("c_progressed", "low", 12 * 12_000.0),
        Case("c_progressed", "high", 12 * 34_000.0),
    ]
    cost = np.array([190e3, 380e3, 100e3, 500e3])
    found = tornado(
        problem, cases, cost, np.full(4, 0.8), (260e3, 0.8), [("low", 275e3), ("severity", 715e3)]
    )
    assert found.parameter.tolist() == ["c_progressed", "c_resection"]
    row = found.iloc[0]
    assert (row.low, row.high, row.unit) == (12_000, 34_000, "NOK/month")
    assert row.range_severity == 400e3
    assert row.net_benefit_low_low == pytest.approx(275e3 * 0.8 - 100e3)
    assert row.icer_high == pytest.approx(625e3)
