"""Curves as parts of the cohort: series, interval ratios, waning, early failure, groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.errors import ModelError
from heor.inputs.load import load
from heor.occupancy.partitioned import partitioned_survival
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import CurveDraws, Draws
from heor.problem.curve_types import (
    EarlyFailure,
    FittedCurve,
    RatioAbove,
    RatioUntil,
    RelativeCurve,
    SeriesCurve,
)
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.survival.curves import effects
from heor.survival.curves import strategy_curves as curves_module
from heor.survival.curves.curve import Curve
from heor.survival.curves.strategy_curves import CurveContext, evidence_excess, strategy_curves
from heor.survival.families.distributions import get
from heor.valuation.simulate import simulate
from tests.made_up import simulate_together

MakeDraws = Callable[..., Draws]
DONOR = {"os": "second_line_folfiri_os", "pfs": "second_line_folfiri_pfs"}
LOGNORMAL = (get("lognormal"),)
RATIO = st.floats(0.1, 3.0)


def lognormal(n: int, meanlog: float | np.ndarray, sdlog: float | np.ndarray) -> CurveDraws:
    theta = np.stack([np.broadcast_to(x, (n,)).astype(float) for x in (meanlog, sdlog)], axis=1)
    return CurveDraws(LOGNORMAL, np.zeros(n, int), theta)


def with_series(problem: DecisionProblem, draws: Draws) -> Draws:
    """Invented posteriors of the series' curves beside those of the chemotherapy arm."""
    z = np.linspace(-1, 1, draws.n)
    found = dict(draws.curves)
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            if isinstance(curve, SeriesCurve):
                mean = {"os": 0.9, "pfs": -0.4}[endpoint]
                found[curve.evidence] = lognormal(draws.n, mean + 0.2 * z, 1.1 + 0.1 * z)
    return replace(draws, curves=found)


def scenario(
    inputs: Path, make: MakeDraws, name: str, n: int = 40, **replaced: object
) -> tuple[DecisionProblem, Draws]:
    problem = load(inputs, "norway", name)
    return problem, with_series(problem, make(problem, n, replaced=replaced))


def resected(problem: DecisionProblem, **curves: object) -> tuple[DecisionProblem, Strategy]:
    """The problem with other curves of the resection strategy."""
    strategy = problem.strategies["resection"]
    strategy = replace(strategy, curves={**strategy.curves, **curves})
    return replace(problem, strategies={**problem.strategies, "resection": strategy}), strategy


def curves_of(
    problem: DecisionProblem, draws: Draws, name: str = "resection", time: np.ndarray | None = None
) -> dict[str, Curve]:
    time = problem.time if time is None else time
    return strategy_curves(CurveContext(problem, draws), problem.strategies[name], time)


def occupancy_of(problem: DecisionProblem, draws: Draws, name: str = "resection") -> StateOccupancy:
    context, strategy = CurveContext(problem, draws), problem.strategies[name]
    hazard = np.diff(context.background(problem.time).cumulative_hazard)
    found = strategy_curves(context, strategy, problem.time)
    occupancy = partitioned_survival(strategy, found, problem.settings.states, draws, hazard)
    occupancy.check(name, 0)
    return occupancy


def donor_excess(draws: Draws, endpoint: str, time: np.ndarray) -> np.ndarray:
    own = evidence_excess(draws.curves[DONOR[endpoint]], time)
    return own * draws.value("transport_multiplier")[:, None]


# --------------------------------------------------------------------- effects, as mathematics
@given(
    cuts=st.lists(st.floats(0, 8), min_size=1, max_size=4),
    ratios=st.lists(RATIO, min_size=4, max_size=4),
    rate=st.floats(0.05, 2),
)
def test_piecewise_is_the_integral_of_ratio_times_hazard(
    cuts: list[float], ratios: list[float], rate: float
) -> None:
    """A constant hazard, in a plain loop; an empty stretch where the cuts do not rise."""
    time = np.linspace(0, 10, 21)
    found = effects.piecewise(
        rate * time[None, :],
        [np.array([rate * c]) for c in cuts],
        [np.array([r]) for r in ratios][: len(cuts)],
    )[0]
    for i, t in enumerate(time):
        expected, last = 0.0, 0.0
        for cut, ratio in zip(cuts, ratios, strict=False):
            cut = max(cut, last)
            expected += ratio * rate * max(0.0, min(t, cut) - last)
            last = cut
        expected += rate * max(0.0, t - last)
        assert found[i] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(
    ratio=RATIO,
    start=st.floats(0, 4),
    lasts=st.floats(0.02, 5),
    meanlog=st.floats(-1.2, 1),
    sdlog=st.floats(0.5, 1.4),
)
def test_waning_against_a_fine_grid(
    ratio: float, start: float, lasts: float, meanlog: float, sdlog: float
) -> None:
    """Survival within 1.5e-4 of a grid 60 times finer, wherever the window falls in a month."""
    months = np.arange(121) / 12
    grid, own = effects.fine_grid(months)
    fine = np.linspace(0, 10, 120 * 240 + 1)
    draws = lognormal(1, meanlog, sdlog)
    arguments = (np.array([ratio]), np.array([start]), np.array([start + lasts]))
    found = effects.waned(evidence_excess(draws, grid), grid, *arguments)[0, own]
    middle = (fine[1:] + fine[:-1]) / 2
    left = np.clip((start + lasts - middle) / lasts, 0, 1)
    steps = ratio**left * np.diff(evidence_excess(draws, fine)[0])
    expected = np.concatenate([[0], np.cumsum(steps)])[::240]
    np.testing.assert_allclose(np.exp(-found), np.exp(-expected), atol=1.5e-4)


def test_waning_over_no_time_stops_at_once() -> None:
    time = np.arange(121) / 12
    hazard, at = evidence_excess(lognormal(3, -0.5, 1.0), time), np.array([1.0, 2.0, 3.0])
    ratio = np.array([0.3, 1.0, 2.0])
    found = effects.waned(hazard, time, ratio, at, at)
    level = hazard[np.arange(3), [12, 24, 36]]
    np.testing.assert_allclose(found, effects.piecewise(hazard, [level], [ratio]), rtol=1e-12)


def test_no_effect_wanes_to_no_effect() -> None:
    time = np.arange(121) / 12
    hazard = evidence_excess(lognormal(1, -0.5, 1.0), time)
    one = np.ones(1)
    np.testing.assert_allclose(effects.waned(hazard, time, one, one, 3 * one), hazard, rtol=1e-12)


@given(target=st.floats(0.01, 1.2), rate=st.floats(0.05, 3))
def test_level_at_survival_interpolates_log_survival(target: float, rate: float) -> None:
    """An exponential is linear in log S, so any grid gives the exact level."""
    time = np.linspace(0, 5, 7)
    hazard, other = rate * time[None, :], 0.02 * time[None, :]
    found = effects.level_at_survival(hazard, -hazard - other, np.array([target]))[0]
    crossing = max(0.0, -np.log(target) / (rate + 0.02))
    if crossing > 5:
        assert found == np.inf
    else:
        assert found == pytest.approx(rate * crossing, rel=1e-9, abs=1e-12)


def test_fine_grid_keeps_a_grid_that_is_fine() -> None:
    time = np.arange(10) / 100
    grid, own = effects.fine_grid(time)
    assert grid is time and own == slice(None)


# ------------------------------------------------------------------------- interval ratios
PLAIN = {
    "relative_to": "chemotherapy",
    "cured_fraction": "cured_fraction",
    "cured_mortality_ratio": "smr_cured",
}


@pytest.fixture(scope="module")
def drawn(problem: DecisionProblem, made_up_draws: MakeDraws) -> Draws:
    return made_up_draws(problem, 40)


def os_total(problem: DecisionProblem, draws: Draws, **settings: object) -> np.ndarray:
    changed, _ = resected(problem, os=RelativeCurve(**{**PLAIN, **settings}))
    return curves_of(changed, draws)["os"].total


def test_one_ratio_for_ever_however_it_is_written(problem: DecisionProblem, drawn: Draws) -> None:
    one = os_total(problem, drawn, uncured_hazard_ratio="0.6")
    by_time = os_total(problem, drawn, hazard_ratio_by_time=(RatioUntil("1000", "0.6"),))
    by_survival = os_total(
        problem, drawn, hazard_ratio_by_control_survival=(RatioAbove("0", "0.6"),)
    )
    np.testing.assert_allclose(by_time, one, rtol=1e-12)
    np.testing.assert_allclose(by_survival, one, rtol=1e-12)


def test_a_ratio_until_a_time_is_an_effect_that_ends(
    problem: DecisionProblem, drawn: Draws
) -> None:
    ends = os_total(problem, drawn, uncured_hazard_ratio="0.6", effect_ends="2.34")
    bands = (RatioUntil("1.1", "0.6"), RatioUntil("2.34", "0.6"))
    np.testing.assert_allclose(
        os_total(problem, drawn, hazard_ratio_by_time=bands), ends, rtol=1e-12
    )


def test_ratios_by_time_month_by_month(problem: DecisionProblem, drawn: Draws) -> None:
    """Increments of the uncured's excess hazard against the donor's, inside each interval."""
    bands = (RatioUntil("1", "0.5"), RatioUntil("2.5", "2"))
    changed, _ = resected(problem, os=RelativeCurve(**PLAIN, hazard_ratio_by_time=bands))
    excess = curves_of(changed, drawn)["os"].parts[1].excess
    ratio = np.diff(excess, axis=1) / np.diff(donor_excess(drawn, "os", problem.time), axis=1)
    expected = np.repeat([0.5, 2.0, 1.0], [12, 18, 90])
    np.testing.assert_allclose(ratio[:, :120], np.tile(expected, (40, 1)), rtol=1e-6)


def test_clocc_pattern_follows_the_control(inputs: Path, made_up_draws: MakeDraws) -> None:
    """S7: in months wholly inside an interval of control survival, its ratio; 1 after."""
    problem, draws = scenario(inputs, made_up_draws, "s07_clocc_pattern")
    control = curves_of(problem, draws, "chemotherapy")["os"]
    excess = curves_of(problem, draws)["os"].parts[1].excess
    own = np.diff(control.parts[0].excess, axis=1)
    ratio = np.diff(excess, axis=1) / own
    start, end = control.total[:, :-1], control.total[:, 1:]
    edges = [1.01, 0.55, 0.30, 0.09, 0.0]
    names = ("0_36", "36_60", "60_96")
    expected = [np.exp(draws.value(f"log_hr_clocc_{k}")) for k in names] + [np.ones(draws.n)]
    inside = np.zeros_like(ratio, bool)
    solid = own > 1e-9
    for high, low, value in zip(edges, edges[1:], expected, strict=False):
        here = (start < high) & (end > low) & solid
        inside |= here
        np.testing.assert_allclose(
            ratio[here], np.broadcast_to(value[:, None], ratio.shape)[here], rtol=1e-5
        )
    # A month with a crossing lies between its two intervals.
    crossing = ~inside & solid
    assert 0 < crossing.sum() <= 3 * draws.n
    everyone = np.array(expected)
    low, high = everyone.min(axis=0)[:, None], everyone.max(axis=0)[:, None]
    between = (ratio >= low - 1e-9) & (ratio <= high + 1e-9)
    assert between[crossing].all()


# --------------------------------------------------------------------------------- waning
def test_effect_that_wanes_lies_between_ending_and_lasting(
    problem: DecisionProblem, drawn: Draws
) -> None:
    early, late, lasts = (
        os_total(problem, drawn, uncured_hazard_ratio="0.6", **s)
        for s in ({"effect_ends": "3"}, {"effect_ends": "5"}, {})
    )
    wanes = os_total(
        problem, drawn, uncured_hazard_ratio="0.6", effect_wanes_from="3", effect_ends="5"
    )
    assert (wanes >= early - 1e-12).all() and (wanes <= late + 1e-12).all()
    assert (late <= lasts + 1e-12).all()
    assert (wanes[:, 60] > early[:, 60] + 1e-4).any()


@pytest.mark.parametrize("cycle", [12, 3, 1])
def test_waning_does_not_depend_on_the_cycle(
    cycle: int, inputs: Path, made_up_draws: MakeDraws
) -> None:
    settings = {"uncured_hazard_ratio": "0.4", "effect_wanes_from": "0.7", "effect_ends": "2.2"}
    found = []
    for months in (cycle, 0.25):
        problem = load(inputs)
        problem = replace(problem, settings=replace(problem.settings, cycle=months / 12))
        total = os_total(problem, made_up_draws(problem, 5), **settings)
        found.append(total[:, :: round(12 / months)])
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


# --------------------------------------------------------------------------------- series
def test_series_by_hand(inputs: Path, made_up_draws: MakeDraws) -> None:
    """S2 and its correction: share x series from surgery on + (1 - share) x chemotherapy."""
    for name in ("s02_brouquet", "s02_brouquet_bias"):
        problem, draws = scenario(inputs, made_up_draws, name)
        found, time = curves_of(problem, draws), problem.time
        population = CurveContext(problem, draws).background(time).survival
        share = draws.value("p_operated")[:, None]
        factor = draws.value("selection_bias_multiplier" if name.endswith("bias") else "1")
        for endpoint, suffix in (("os", "os"), ("pfs", "dfs")):
            evidence = draws.curves[f"resected_second_line_{suffix}"]
            own = evidence_excess(evidence, np.maximum(time - 1 / 12, 0)) * factor[:, None]
            donor = donor_excess(draws, endpoint, time)
            expected = population * (share * np.exp(-own) + (1 - share) * np.exp(-donor))
            np.testing.assert_allclose(found[endpoint].total, expected, rtol=1e-12)
            assert found[endpoint].names == ("series", "rest")


def test_start_of_a_series_may_differ_between_draws(inputs: Path, made_up_draws: MakeDraws) -> None:
    starts = np.tile([0.1, 0.5], 10)
    problem, draws = scenario(inputs, made_up_draws, "s02_brouquet", 20, surgery=starts)
    found = curves_of(problem, draws)["os"].total
    for start in (0.1, 0.5):
        same = Draws({**draws.values, "surgery": np.full(20, start)}, draws.curves)
        alone = curves_of(problem, same)["os"].total
        np.testing.assert_allclose(found[starts == start], alone[starts == start], rtol=1e-12)


def test_a_series_that_is_the_donor_changes_nothing(problem: DecisionProblem, drawn: Draws) -> None:
    series = {
        e: SeriesCurve(
            evidence,
            ("lognormal",),
            "0",
            "p_operated",
            "chemotherapy",
            "transport_multiplier",
            group="operated",
        )
        for e, evidence in DONOR.items()
    }
    changed, _ = resected(problem, **series)
    for endpoint, curve in curves_of(changed, drawn).items():
        expected = curves_of(problem, drawn, "chemotherapy")[endpoint].total
        np.testing.assert_allclose(curve.total, expected, rtol=1e-12)


def test_groups_of_a_series(inputs: Path, made_up_draws: MakeDraws) -> None:
    """The operated are the series, the others the chemotherapy arm: states, flows and deaths."""
    problem, draws = scenario(inputs, made_up_draws, "s02_brouquet")
    found, chemo = occupancy_of(problem, draws), occupancy_of(problem, draws, "chemotherapy")
    share = draws.value("p_operated")[:, None]
    parts, whole = found.parts, chemo.parts
    for name in ("progression_free", "progressions"):
        np.testing.assert_allclose(
            parts[name, "not_operated"], (1 - share) * whole[name, None], atol=1e-12
        )
        np.testing.assert_allclose(
            parts[name, "operated"] + parts[name, "not_operated"], parts[name, None], atol=1e-12
        )
    # Deaths of the rest as in the chemotherapy arm; those of the series from its own hazard.
    series = curves_of(problem, draws)["os"].parts[0]
    population = CurveContext(problem, draws).background(problem.time).cumulative_hazard
    excess = np.diff(series.excess, axis=1)
    own = -np.diff(series.alive, axis=1) * excess / np.maximum(excess + np.diff(population), 1e-300)
    np.testing.assert_allclose(
        parts["cancer_deaths", None], own + (1 - share) * whole["cancer_deaths", None], atol=1e-12
    )


def test_whole_arm_may_follow_a_series(inputs: Path, made_up_draws: MakeDraws) -> None:
    """S4: everyone follows it, the groups in proportion to their share."""
    problem, draws = scenario(inputs, made_up_draws, "s04_allard")
    found = curves_of(problem, draws)["os"]
    assert found.names == ("series",)
    population = CurveContext(problem, draws).background(problem.time).survival
    own = evidence_excess(
        draws.curves["intended_resection_10_or_more_os"], np.maximum(problem.time - 1 / 12, 0)
    )
    np.testing.assert_allclose(found.total, population * np.exp(-own), rtol=1e-12)
    groups = {g: draws.value(e) for g, e in problem.strategies["resection"].groups.items()}
    for part in found.by_group(groups):
        expected = groups[part.group][:, None] * found.total
        np.testing.assert_allclose(part.alive, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["s03_adam_progression", "s03_adam_progression_bias", "s04_allard"]
)
def test_progression_of_another_kind_is_capped_in_each_group(
    name: str, inputs: Path, made_up_draws: MakeDraws
) -> None:
    """PFS of the base case over OS of a series: at most what is alive of the group."""
    problem, draws = scenario(inputs, made_up_draws, name, 40)
    worse = {**draws.curves}
    evidence = problem.strategies["resection"].curves["os"].evidence
    worse[evidence] = lognormal(draws.n, -0.9, 0.7)  # dies faster than it progresses
    draws = replace(draws, curves=worse)
    found, curves = occupancy_of(problem, draws), curves_of(problem, draws)
    groups = {g: draws.value(e) for g, e in problem.strategies["resection"].groups.items()}
    alive = {}
    for part in curves["os"].by_group(groups):
        alive[part.group] = part.alive + alive.get(part.group, 0)
    asked = {}
    for part in curves["pfs"].by_group(groups):
        asked[part.group] = part.alive + asked.get(part.group, 0)
    for group in groups:
        free = found.parts["progression_free", group]
        np.testing.assert_allclose(free, np.minimum(asked[group], alive[group]), atol=1e-12)
    assert (found.capped > 0).all() and (found.excess.max(axis=1) > 0.01).all()
    total = sum(found.parts["progression_free", g] for g in groups)
    np.testing.assert_allclose(total, found.states["progression_free"], atol=1e-12)


@given(
    share=st.floats(0, 1),
    starts=st.floats(0, 2),
    factor=st.floats(0.2, 3),
    meanlog=st.floats(-1.5, 1.5),
    cap=st.booleans(),
)
def test_laws_of_a_series(
    share: float, starts: float, factor: float, meanlog: float, cap: bool, problem, drawn
) -> None:
    """The arm lies between its parts, PFS below OS in each group, and groups make the whole."""
    few = drawn[:3]
    cured = share * few.values["cure_if_operated"]
    values = {**few.values, "p_operated": np.full(3, share), "cured_fraction": cured}
    curves = {
        **few.curves,
        "made_up_os": lognormal(3, meanlog, 0.9),
        "made_up_pfs": lognormal(3, meanlog - (0.0 if cap else 0.6), 0.9),
    }
    draws = Draws(values, curves)
    settings = (("lognormal",), repr(starts), "p_operated", "chemotherapy", repr(factor))
    own = {e: SeriesCurve(f"made_up_{e}", *settings, group="operated") for e in ("os", "pfs")}
    for chosen in (own, {"os": own["os"]}):
        changed, _ = resected(problem, **chosen)
        found, made = occupancy_of(changed, draws), curves_of(changed, draws)
        donor = curves_of(problem, draws, "chemotherapy")["os"].total
        series, rest = made["os"].parts
        population = CurveContext(changed, draws).background(problem.time).survival
        alone = population * np.exp(-series.excess)
        low, high = np.minimum(alone, donor), np.maximum(alone, donor)
        assert (made["os"].total >= low - 1e-12).all() and (made["os"].total <= high + 1e-12).all()
        for name in ("progression_free", "progressions"):
            total = found.parts[name, "operated"] + found.parts[name, "not_operated"]
            np.testing.assert_allclose(total, found.parts[name, None], atol=1e-12)
        assert (found.parts["progression_free", "operated"] <= series.alive + 1e-12).all()
        assert (found.parts["progression_free", "not_operated"] <= rest.alive + 1e-12).all()
        assert (found.parts["cancer_deaths", None] >= 0).all()


# --------------------------------------------------------------------------- early failure
STRATA = ["s09_extrahepatic", "s09_10_14", "s09_15_or_more", "s09_strata"]


def failing_share(curve: Curve, start: int, end: int) -> np.ndarray:
    """Of the operated event-free at one time point, who is not at another."""
    operated = curve.parts[0].alive + curve.parts[1].alive
    return 1 - operated[:, end] / operated[:, start]


@pytest.mark.parametrize("name", STRATA)
def test_early_failure_is_hit_in_every_draw(
    name: str, inputs: Path, made_up_draws: MakeDraws
) -> None:
    problem, draws = scenario(inputs, made_up_draws, name, 100)
    early = problem.strategies["resection"].curves["pfs"].early_failure
    found = curves_of(problem, draws)["pfs"]
    assert found.names == ("cured", "early", "uncured") and found.attained.all()
    np.testing.assert_allclose(failing_share(found, 1, 4), draws.value(early.share), atol=1e-6)
    # The whole is the operated and the rest; the rest is as without early failure.
    p = draws.value("p_operated")
    np.testing.assert_allclose(found.parts[0].share + found.parts[1].share, p, rtol=1e-12)
    base = load(inputs)
    ordinary = curves_of(base, draws)["pfs"].parts[1]
    rest = ordinary.alive * ((1 - p) / ordinary.share)[:, None]
    np.testing.assert_allclose(found.parts[2].alive, rest, rtol=1e-9, atol=1e-15)
    # Outside the window the operated have the ordinary hazard.
    difference = np.diff(found.parts[1].excess - ordinary.excess, axis=1)
    assert np.abs(difference[:, [0, *range(4, 100)]]).max() < 1e-12


def test_early_failure_between_cycles_and_under_waning(
    problem: DecisionProblem, drawn: Draws
) -> None:
    """Edges that differ between draws and lie inside a cycle; an effect that wanes meanwhile."""
    few = drawn[:6]
    n = few.n
    edges = np.linspace(0.03, 0.31, n), np.linspace(0.4, 1.7, n)
    values = {**few.values, "surgery": edges[0], "chemo_cap": edges[1]}
    draws = Draws(values, few.curves)
    early = EarlyFailure("surgery", "chemo_cap", "0.7", "p_operated", "operated")
    settings = {"effect_wanes_from": "0.2", "effect_ends": "1", "early_failure": early}
    changed, _ = resected(
        problem, pfs=RelativeCurve(**PLAIN, uncured_hazard_ratio="0.8", **settings)
    )
    for i in range(n):
        time = np.unique([0.0, edges[0][i], edges[1][i], *np.linspace(0, 2, 97)])
        own = curves_of(changed, draws[i : i + 1], time=time)["pfs"]
        at = [int(np.searchsorted(time, e[i])) for e in edges]
        assert failing_share(own, *at)[0] == pytest.approx(0.7, abs=1e-6)


def test_early_failure_that_cannot_be_is_said(problem: DecisionProblem, drawn: Draws) -> None:
    """Nine in ten cured cannot fail; fewer failures than background deaths cannot be either."""
    early = EarlyFailure("surgery", "surgery + 3 / 12", "0.5", "p_operated", "operated")
    curve = RelativeCurve(**PLAIN, uncured_hazard_ratio="0.8", early_failure=early)
    changed, _ = resected(problem, pfs=curve)
    values = {**drawn.values, "cured_fraction": 0.9 * drawn.values["p_operated"]}
    found = curves_of(changed, Draws(values, drawn.curves))["pfs"]
    assert not found.attained.any() and np.isfinite(found.total).all()
    assert (np.diff(found.total, axis=1) <= 1e-12).all()
    none = replace(curve, early_failure=replace(early, share="0"))
    changed, _ = resected(problem, pfs=none)
    found = curves_of(changed, drawn)["pfs"]
    assert not found.attained.any()
    # At ratio 0 only the population's mortality is left within the window.
    assert np.abs(np.diff(found.parts[1].excess[:, 1:5], axis=1)).max() < 1e-12


def test_unattained_early_failures_are_reported(inputs: Path, made_up_draws: MakeDraws) -> None:
    """One in two hundred is a warning, more than one in a hundred an error."""
    for failing, raises in ((1, False), (40, True)):
        share = np.where(np.arange(200) < failing, 0.0, 0.4)
        problem, draws = scenario(
            inputs, made_up_draws, "s09_15_or_more", 200, early_recurrence_15_or_more=share
        )
        if raises:
            with pytest.raises(
                ModelError, match="or the share of early failures, cannot be reached"
            ):
                simulate(problem, draws, workers=1)
        else:
            warnings = simulate(problem, draws, workers=1).warnings
            assert any("no hazard gives the early failures" in w for w in warnings)


def test_early_failure_costs_progression_free_time_only(
    inputs: Path, made_up_draws: MakeDraws
) -> None:
    problem, draws = scenario(inputs, made_up_draws, "s09_15_or_more")
    base, found = (occupancy_of(p, draws) for p in (load(inputs), problem))
    np.testing.assert_allclose(found.states["dead"], base.states["dead"], atol=1e-12)
    groups = ("operated", "not_operated")
    a, b = ({g: o.parts["progression_free", g].sum(axis=1) for g in groups} for o in (base, found))
    # Most draws of the base case lose fewer in these months; there time is lost.
    ordinary = curves_of(load(inputs), draws)["pfs"]
    operated = (
        ordinary.parts[0].alive
        + ordinary.parts[1].alive
        * ((draws.value("p_operated") - ordinary.parts[0].share) / ordinary.parts[1].share)[:, None]
    )
    fewer = 1 - operated[:, 4] / operated[:, 1] < draws.value("early_recurrence_15_or_more")
    assert fewer.mean() > 0.5
    assert (b["operated"] < a["operated"])[fewer].all()
    np.testing.assert_allclose(b["not_operated"], a["not_operated"], rtol=1e-9)


# ------------------------------------------------------------------------ the whole model
NEW = [
    "s02_brouquet",
    "s02_brouquet_bias",
    "s03_adam_progression",
    "s03_adam_progression_bias",
    "s04_allard",
    "s04_allard_bias",
    "s07_clocc_pattern",
    *STRATA,
    "s18_wanes_36_60",
]


@pytest.mark.slow
def test_new_scenarios_together_are_what_they_are_alone(
    inputs: Path, made_up_draws: MakeDraws
) -> None:
    """Hazards, curves and occupancy are shared between problems only where they are the same."""
    cases, curves = {}, {}
    for name in (None, *NEW):
        problem = load(inputs, "norway", name)
        draws = with_series(problem, made_up_draws(problem, 12))
        curves = {**draws.curves, **curves}
        cases[name or "base"] = (problem, draws)
    cases = {k: (p, replace(d, curves=curves)) for k, (p, d) in cases.items()}
    together = simulate_together(cases, workers=1)
    values = {}
    for name, (problem, draws) in cases.items():
        values[name] = simulate(problem, draws, workers=1).outcomes.data.values
        np.testing.assert_array_equal(
            together[name].outcomes.data.values, values[name], err_msg=name
        )
    flat = [v.tobytes() for v in values.values()]
    assert len(set(flat)) == len(flat)
    for name, found in together.items():  # one ratio only where one acts
        expected = {
            f"resection_{e}"
            for e, c in cases[name][0].strategies["resection"].curves.items()
            if isinstance(c, RelativeCurve) and c.has_one_ratio
        }
        assert set(found.hazard_ratios) == expected, name


def test_selection_costs_life_years(inputs: Path, made_up_draws: MakeDraws) -> None:
    """Where the multiplier is above 1, the corrected series lives shorter."""
    for name in ("s02_brouquet", "s04_allard"):
        life = []
        for suffix in ("", "_bias"):
            problem, draws = scenario(inputs, made_up_draws, name + suffix)
            life.append(simulate(problem, draws, workers=1).outcomes.component("life_years")[:, 1])
        worse = draws.value("selection_bias_multiplier") > 1
        assert (life[1][worse] < life[0][worse]).all()
        assert (life[1][~worse] >= life[0][~worse]).all()


def test_capped_series_are_reported(inputs: Path, made_up_draws: MakeDraws) -> None:
    problem, draws = scenario(inputs, made_up_draws, "s03_adam_progression")
    evidence = {"resected_progression_os": lognormal(draws.n, -0.9, 0.7)}
    draws = replace(draws, curves={**draws.curves, **evidence})
    found = simulate(problem, draws, workers=1)
    assert any("PFS exceeded OS" in w and "100.0% of draws" in w for w in found.warnings)
    np.testing.assert_allclose(found.occupancy.sum("state"), 1, atol=1e-12)


def test_covariates_reach_the_fitted_curve(
    problem: DecisionProblem, drawn: Draws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`at` is evaluated in every draw, and other values give another curve in the same block."""

    def fake(curve: CurveDraws, time: np.ndarray, at: dict | None = None) -> np.ndarray:
        return (at["age"] if at else np.ones(len(curve.family)))[:, None] * time

    monkeypatch.setattr(curves_module, "evidence_excess", fake)
    context, time = CurveContext(problem, drawn), np.linspace(0, 2, 5)
    curve = FittedCurve(DONOR["os"], ("lognormal",), at={"age": "p_operated * 2"})
    expected = 2 * drawn.value("p_operated")[:, None] * time
    np.testing.assert_allclose(context.fitted_excess(curve, time), expected)
    np.testing.assert_allclose(
        context.fitted_excess(replace(curve, at={}), time), np.tile(time, (drawn.n, 1))
    )
