"""Declared transitions: rates that change within a step, probabilities of a period, incidence of zero."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import special

from heor.errors import InputError, ModelError
from heor.inputs.assemble import cycle_years
from heor.inputs.load import load
from heor.occupancy import models, step_length
from heor.occupancy.models import StrategyBlock
from heor.occupancy.state_occupancy import StateOccupancy
from heor.parameters.draws import Draws
from heor.problem.country import LifeTable
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import TransitionInput
from heor.survival.curves.strategy_curves import CurveContext
from heor.valuation.simulate import simulate
from tests.made_up import hand_made_draws

ANALYSIS = """
title: Illness and death
question: Does it give enough health for its cost?
draws: 60
seed: 1
model: {model}
structures: [{model}]
patients: 50
states: [well, ill, dead]
comparator: old
intervention: new
cycle: {cycle}
end_age: {end_age}
categories: {{care: Care}}
"""
STRATEGY = """
{name}:
  label: {name}
  transitions: {transitions}
  exposures:
    well: {{state: well}}
    ill: {{state: ill}}
    falling_ill: {{flow: well -> ill}}
  phases: {{Well: well, Ill: ill}}
  costs:
    ill: {{exposure: ill, amount: "1000", category: care}}
    falling_ill: {{exposure: falling_ill, amount: "500", category: care}}
  utilities:
    well: {{exposure: well, multiplier: "0.9"}}
    ill: {{exposure: ill, multiplier: "0.6"}}
"""
YEARLY = "{well: {ill: {probability: '0.1'}, dead: {probability: '0.02'}}, ill: {dead: {probability: '0.2'}}}"
WEIBULL = "0.75 / {scale} * ({clock} / {scale}) ** (0.75 - 1)"


def write(
    folder: Path,
    transitions: str,
    model: str = "state_transition",
    cycle: str = "month",
    end_age: float = 100,
) -> Path:
    """The inputs of a declared model, two strategies alike, in place of those in a folder."""
    text = ANALYSIS.format(model=model, cycle=cycle, end_age=end_age)
    (folder / "model/analysis.yaml").write_text(text, encoding="utf-8")
    both = [STRATEGY.format(name=n, transitions=transitions) for n in ("old", "new")]
    (folder / "model/strategies.yaml").write_text("".join(both), encoding="utf-8")
    for scenario in (folder / "scenarios").iterdir():
        scenario.unlink()
    return folder


@pytest.fixture
def written(copied_inputs: Path) -> Callable[..., Path]:
    """`written(transitions, model, cycle, end_age)`: see `write`."""
    return partial(write, copied_inputs)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> DecisionProblem:
    folder = tmp_path_factory.mktemp("declared") / "inputs"
    shutil.copytree(inputs, folder)
    return load(write(folder, YEARLY))


def period(given: dict[str, str], cycle: str) -> float | None:
    own = given.get("per", "cycle")
    return cycle_years(cycle if own == "cycle" else own) if "probability" in given else None


@pytest.fixture
def declared(read: DecisionProblem) -> Callable[..., DecisionProblem]:
    """`declared(transitions, model, cycle, end_age, ...)`: as `written` and loaded, at once."""

    def problem(
        transitions: str,
        model: str = "state_transition",
        cycle: str = "month",
        end_age: float = 100,
        patients: int = 50,
    ) -> DecisionProblem:
        moves = tuple(
            TransitionInput(origin, to, **{**given, "per": period(given, cycle)})
            for origin, targets in yaml.safe_load(transitions).items()
            for to, given in targets.items()
        )
        settings = replace(
            read.settings, model=model, cycle=cycle_years(cycle), end_age=end_age, patients=patients
        )
        strategies = {n: replace(s, transitions=moves) for n, s in read.strategies.items()}
        return replace(read, settings=settings, strategies=strategies)

    return problem


def occupancy(problem: DecisionProblem, draws: Draws | None = None) -> StateOccupancy:
    draws = draws or hand_made_draws(problem, 2)
    strategy = problem.strategies["old"]
    found = models.occupancy(StrategyBlock(CurveContext(problem, draws), strategy, problem.time))
    found.check("old", 0)
    return found


def rates(well: str, ill: str) -> str:
    return f"{{well: {{ill: {{rate: '{well}'}}}}, ill: {{dead: {{rate: '{ill}'}}}}}}"


# ------------------------------------------------------------------ rates within a step
@pytest.mark.parametrize("cycle", ["month", "quarter", "week"])
def test_a_rate_without_bound_at_zero(declared: Callable[..., DecisionProblem], cycle: str) -> None:
    """Weibull of shape 0.75 by time: those who are well, in closed form, at any cycle."""
    problem = declared(rates(WEIBULL.format(scale=3, clock="time"), "0.1"), cycle=cycle, end_age=82)
    well = np.exp(-((problem.time / 3) ** 0.75))
    np.testing.assert_allclose(occupancy(problem).states["well"][0], well, atol=5e-6)


@pytest.mark.parametrize("model", ["semi_markov", "individual"])
def test_clock_reset_of_a_weibull(declared: Callable[..., DecisionProblem], model: str) -> None:
    """Years in each state are scale times Gamma(1 + 1 / shape); most of the error is the trapezoid's."""
    text = rates(*(WEIBULL.format(scale=s, clock="time_in_state") for s in (2, 1)))
    problem = declared(text, model, end_age=120, patients=20_000)
    found = simulate(problem, hand_made_draws(problem, 2), workers=1).exposures
    years = found.set_index(["strategy", "exposure"])["mean"]["old"]
    gamma = special.gamma(1 + 1 / 0.75)
    # of 40,000 patients the mean has a standard error of 1.2 %
    within = 1e-3 if model == "semi_markov" else 0.03
    assert years["well"] == pytest.approx(2 * gamma, rel=within)
    assert years["ill"] == pytest.approx(gamma, rel=within)
    assert years["well"] + years["ill"] == pytest.approx(3 * gamma, rel=within / 2)
    assert years["falling_ill"] == pytest.approx(1, abs=1e-3)


def test_times_of_patients_near_zero(declared: Callable[..., DecisionProblem]) -> None:
    """Weibull of shape 0.5: how many have left after a day, and after a week."""
    text = rates("0.5 * time_in_state ** -0.5", "0.1")
    problem = declared(text, "individual", end_age=64, patients=100_000)
    patients = occupancy(problem).patients
    frame = patients.to_frame()
    left = frame[(frame["state"] == "well") & (frame["next_state"] == "ill")]["exit"]
    for years in (1 / 365.25, 7 / 365.25, 1 / 12):
        expected = -np.expm1(-np.sqrt(years))
        error = np.sqrt(expected * (1 - expected) / 200_000)
        assert abs((left <= years).sum() / 200_000 - expected) < 4 * error


def test_models_agree_where_rates_go_by_time(declared: Callable[..., DecisionProblem]) -> None:
    text = (
        "{well: {ill: {rate: '0.1 * exp(0.05 * time)'}, dead: {rate: background}}, "
        "ill: {well: {rate: '0.3'}, dead: {rate: background * 4}}}"
    )
    forward, reset = (declared(text, m) for m in ("state_transition", "semi_markov"))
    a, b = occupancy(forward), occupancy(reset)
    assert a.residence is None
    for key, values in a.parts.items():
        np.testing.assert_allclose(b.parts[key], values, rtol=1e-12, atol=1e-15)


def test_a_longer_cycle_is_followed_in_the_same_steps(
    declared: Callable[..., DecisionProblem],
) -> None:
    text = rates(WEIBULL.format(scale=3, clock="time_in_state"), "0.4")
    month, year = (declared(text, "semi_markov", c, 82) for c in ("month", "year"))
    a, b = occupancy(month), occupancy(year)
    np.testing.assert_allclose(b.states["ill"][0], a.states["ill"][0, ::12], atol=1e-14)
    flow = a.parts["well -> ill", None][0].reshape(-1, 12).sum(axis=1)
    np.testing.assert_allclose(b.parts["well -> ill", None][0], flow, atol=1e-14)


def test_a_rate_without_an_integral(declared: Callable[..., DecisionProblem]) -> None:
    problem = declared(rates("1 / time", "0.1"))
    with pytest.raises(
        ModelError, match=r"old: rate well -> ill grows like time \*\* -1 towards 0"
    ):
        occupancy(problem)


def test_a_cycle_too_long_for_its_rates(declared: Callable[..., DecisionProblem]) -> None:
    fast = rates("2", "0.4")
    (found,) = {r.partition(": ")[2] for r in step_length.remarks(declared(fast, cycle="year"))}
    assert found.startswith("a cycle of 12 months is long for its rates.")
    # by the trapezoid of exp(-2 t) over years: 0.5 / tanh(1)
    assert f"{0.5 / np.tanh(1):.4g} years in 'well', and {0.25 / np.tanh(0.5):.4g} with" in found
    assert not step_length.remarks(declared(fast))
    warnings = simulate(problem := declared(fast, cycle="year"), hand_made_draws(problem, 60))
    assert sum("is long for its rates" in w for w in warnings.warnings) == 2


def test_certain_death(declared: Callable[..., DecisionProblem]) -> None:
    """A life table that ends all lives, at a multiple of its mortality."""
    text = "{well: {ill: {rate: '0.2'}, dead: {rate: background * 20}}, ill: {dead: {rate: background}}}"
    age = np.arange(0.0, 111.0)
    q = np.where(age < 70, 0.01, 1.0)
    table = LifeTable(age, q, q, (), Origin("life_table.csv"), closing="certain_death")
    for model in ("state_transition", "semi_markov", "individual"):
        problem = declared(text, model, end_age=110)
        problem = replace(problem, country=replace(problem.country, life_table=table))
        own = occupancy(problem).states
        assert own["dead"][0, problem.time > 9].min() > 1 - 1e-9
        assert own["dead"][0, np.flatnonzero(problem.time < 7.9)[-1]] < 0.95


# -------------------------------------------------------------------- what a probability is of
def test_a_probability_of_a_year_in_months(declared: Callable[..., DecisionProblem]) -> None:
    """One chance to leave: at the year's end as many have left, and each way keeps its share."""
    text = YEARLY.replace("'}", "', per: year}").replace("'0.2'", "'0'")
    own = occupancy(declared(text, end_age=72))
    well = 0.88 ** np.arange(11)
    np.testing.assert_allclose(own.states["well"][0, ::12], well, atol=1e-13)
    np.testing.assert_allclose(own.states["ill"][0, ::12], (1 - well) * 10 / 12, atol=1e-13)
    first = 1 - 0.88 ** (1 / 12)
    assert own.parts["well -> dead", None][0, 0] == pytest.approx(first / 6, rel=1e-12)


def test_a_probability_of_a_month_in_years(declared: Callable[..., DecisionProblem]) -> None:
    """Followed month by month, told at the years."""
    text = YEARLY.replace("'}", "', per: month}")
    month, year = (occupancy(declared(text, cycle=c, end_age=72)) for c in ("month", "year"))
    for state in ("well", "ill", "dead"):
        np.testing.assert_allclose(year.states[state], month.states[state][:, ::12], atol=1e-14)
    flow = month.parts["ill -> dead", None].reshape(2, -1, 12).sum(axis=2)
    np.testing.assert_allclose(year.parts["ill -> dead", None], flow, atol=1e-14)


@pytest.mark.parametrize("per", ["", ", per: cycle", ", per: year"])
@pytest.mark.parametrize("model", ["state_transition", "semi_markov"])
def test_probabilities_of_the_cycle_are_as_they_are(
    declared: Callable[..., DecisionProblem], per: str, model: str
) -> None:
    problem = declared(YEARLY.replace("'}", f"'{per}}}"), model, "year", 66)
    matrix = np.array([[0.88, 0.1, 0.02], [0, 0.8, 0.2], [0, 0, 1]])
    share = [np.linalg.matrix_power(matrix, k)[0] for k in range(5)]
    own = occupancy(problem).states
    found = np.stack([own[s][0] for s in ("well", "ill", "dead")], axis=1)
    np.testing.assert_allclose(found, share, atol=1e-15)
    assert not step_length.remarks(problem)


def test_a_probability_holds_for_its_period(declared: Callable[..., DecisionProblem]) -> None:
    """By age, and by time in state: the year's own, in all of its months."""
    text = (
        "{well: {ill: {probability: '0.002 * age', per: year}}, "
        "ill: {dead: {probability: '0.1 + 0.1 * time_in_state', per: year}}}"
    )
    problem = declared(text, "semi_markov", end_age=66)
    own = occupancy(problem)
    expected = np.cumprod(1 - 0.002 * (62 + np.arange(4)))
    np.testing.assert_allclose(own.states["well"][0, 12::12], expected, atol=1e-13)
    # who fell ill in the first month: 11 months at 0.1 a year, then at 0.2
    first = own.parts["well -> ill", None][0, 0]
    window = np.array([11 / 12]), np.array([1.0])
    there = own.residence.since_entry("ill", None, *window)[0]
    assert there[12] == pytest.approx(first * 0.9 ** (11 / 12), rel=1e-12)


def test_what_rescaling_does_is_told(declared: Callable[..., DecisionProblem]) -> None:
    problem = declared(YEARLY.replace("'}", "', per: year}"), end_age=72)
    (text,) = {r.partition(": ")[2] for r in step_length.remarks(problem)}
    assert text.startswith("probabilities per 12 months are followed in steps of 1 month")
    own = occupancy(problem).states
    months = np.trapezoid(1 - own["dead"][0], problem.time)
    yearly = declared(YEARLY, cycle="year", end_age=72)
    years = np.trapezoid(1 - occupancy(yearly).states["dead"][0])
    assert f"gives {months:.4g} life years" in text and f"12 months give {years:.4g}." in text


def faults(folder: Path, **arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, **arguments)
    return "\n".join(caught.value.problems)


def test_a_probability_of_what(written: Callable[..., Path]) -> None:
    """Without `per`, where the cycle is not the one the file was written for: both readings."""
    folder = written(YEARLY, cycle="year")
    load(folder, overrides={"analysis.cycle": "year"})
    found = faults(folder, overrides={"analysis.cycle": "month"})
    assert "well -> ill, well -> dead, ill -> dead: probabilities of what?" in found
    assert "written for ('year') is changed (--set analysis.cycle=month)" in found
    assert "Add per: year, and they are rescaled; or per: cycle" in found
    assert found.count("probabilities of what?") == 2  # once a strategy
    scenario = "label: Months\nwhy: finer\nanalysis: {cycle: month}\n"
    (folder / "scenarios/months.yaml").write_text(scenario, encoding="utf-8")
    assert "months.yaml:3" in faults(folder, scenario="months")
    own = (
        scenario
        + f"strategies: {{old: {{transitions: {YEARLY}}}, new: {{transitions: {YEARLY}}}}}\n"
    )
    (folder / "scenarios/own.yaml").write_text(own, encoding="utf-8")
    load(folder, scenario="own")  # both stated in one file
    path = folder / "model/analysis.yaml"
    path.write_text(path.read_text("utf-8").replace("cycle: year\n", ""), encoding="utf-8")
    assert "analysis.yaml has no 'cycle' (a month then). Add per: month" in faults(folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("'0.2'", "'1'", "everyone leaves 'ill' within 12 months, which no probability of a step"),
        ("'0.1'", "'0.99'", "the probabilities out of 'well' add up to 1.01"),
        ("'0.1', per: year", "'0.1', per: month", "of different periods (1 month, 12 months)"),
        ("'0.1', per: year", "'0.1', per: fortnight", "a probability is per cycle, day, week"),
        ("probability: '0.2'", "rate: '0.2'", "'per' goes with 'probability'; rates are per year"),
    ],
)
def test_what_cannot_be_rescaled(
    written: Callable[..., Path], old: str, new: str, words: str
) -> None:
    text = YEARLY.replace("'}", "', per: year}")
    assert old in text
    assert words in faults(written(text.replace(old, new)))


def test_both_clocks_cannot_be_rescaled_together(written: Callable[..., Path]) -> None:
    text = YEARLY.replace("'}", "', per: year}")
    text = text.replace("'0.1'", "'0.1 * time_in_state'").replace("'0.02'", "'0.001 * age'")
    found = faults(written(text, "semi_markov"))
    assert "together they cannot be rescaled from 12 months to 1 month" in found
    load(written(text, "semi_markov", "year"))


def test_everyone_leaves_in_some_draw(declared: Callable[..., DecisionProblem]) -> None:
    problem = declared(YEARLY.replace("'0.2'", "'p_operated'").replace("'}", "', per: year}"))
    draws = hand_made_draws(problem, 3, replaced={"p_operated": np.array([0.5, 1.0, 0.7])})
    with pytest.raises(
        ModelError, match="in draw 1 of a block everyone leaves 'ill' within 1 years"
    ):
        occupancy(problem, draws)


# ----------------------------------------------------------------------- incidence of zero
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("state_transition", "probability"),
        ("state_transition", "rate"),
        ("semi_markov", "probability"),
        ("semi_markov", "rate"),
        ("individual", "rate"),
    ],
)
def test_a_state_nobody_enters_is_empty(
    declared: Callable[..., DecisionProblem], model: str, kind: str
) -> None:
    problem = declared(YEARLY.replace("probability", kind).replace("'0.1'", "cure_exists"), model)
    draws = hand_made_draws(problem, 60, replaced={"cure_exists": 0})
    found = simulate(problem, draws, workers=1)
    years = found.exposures.set_index(["strategy", "exposure"])["mean"]["old"]
    assert years["ill"] == years["falling_ill"] == 0 < years["well"]
    assert np.isfinite(found.outcomes.data).all()
    assert float(found.occupancy.sel(state="ill").max()) == 0


# -------------------------------------------------------------------------------- faults
def test_a_declared_model_is_not_sent_to_partitioned_survival(written: Callable[..., Path]) -> None:
    text = rates("0.1 * time_in_state", "0.2")
    found = faults(written(text))
    assert "Use semi_markov or individual, or change the strategy." in found
    found = faults(written(YEARLY, "partitioned_survival"))
    assert "it has transitions and no curves. Use state_transition or semi_markov, or" in found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "ill: {state: ill}",
            "ill: {state: ill, share: '2'}",
            "exposures.ill.share is 2; it must be",
        ),
        (
            "ill: {state: ill}",
            "ill: {state: ill, share: '-1'}",
            "exposures.ill.share is -1; it must",
        ),
        ("ill: {state: ill}", "ill: {state: ill, from: '-5'}", "exposures.ill.from is -5; it must"),
        (
            "  exposures:",
            "  start: {well: '2', ill: '-1'}\n  exposures:",
            "start.well is 2; it must be between 0 and 1",
        ),
    ],
)
def test_shares_and_times_that_cannot_be(
    written: Callable[..., Path], old: str, new: str, words: str
) -> None:
    path = written(YEARLY) / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 2
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = faults(path.parents[1])
    assert words in found and "strategies.yaml:" in found


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ("{operated: p_operated, not_operated: p_operated}", "add up to 1.72093"),
        ("{operated: '2', not_operated: '-1'}", "groups.operated is 2; it must be between 0 and 1"),
    ],
)
def test_groups_are_parts_of_the_cohort(
    copied_inputs: Path, spoil: Callable[[str, str, str], int], groups: str, words: str
) -> None:
    old = "{operated: p_operated, not_operated: 1 - p_operated}"
    line = spoil("model/strategies.yaml", f"groups: {old}", f"groups: {groups}")
    found = faults(copied_inputs)
    assert words in found and f"strategies.yaml:{line}" in found


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        (
            "hazard_ratio_by_time: [{until: '2', ratio: '0.5'}, {until: '1', ratio: '0.8'}]",
            "hazard_ratio_by_time.1.until is 1 after 2",
        ),
        (
            "hazard_ratio_by_control_survival: [{above: '0.3', ratio: '0.5'}, {above: '0.6', ratio: '1'}]",
            "hazard_ratio_by_control_survival.1.above is 0.6 after 0.3",
        ),
    ],
)
def test_stretches_out_of_order(
    copied_inputs: Path, spoil: Callable[[str, str, str], int], bands: str, words: str
) -> None:
    """The second would be empty, and was ignored."""
    old = (
        "      marginal_hazard_ratio: exp(log_hr_os)\n      window: hr_calibration_window_os\n"
        "      cured_fraction: cured_fraction\n      cured_mortality_ratio: smr_cured\n    pfs:"
    )
    spoil("model/strategies.yaml", old, f"      {bands}\n    pfs:")
    assert words in faults(copied_inputs)
