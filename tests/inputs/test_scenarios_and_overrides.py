"""Scenarios and `--set`: what is laid over what, and faults of either."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor.errors import InputError
from heor.inputs.load import available, load
from heor.problem.problem import DecisionProblem
from tests.spoiled import ANALYSIS, MODEL, NORWAY, FaultsOf, Spoil, expect, write_scenario

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("label: A\nwhy: b\nparameters:\n  cure_exist: {mean: 0}\n", 4, ("'cure_exists'?",)),
        ("label: A\nwhy: b\nparameters:\n  cure_exists: {men: 0}\n", 4, ("'men'", "'mean'?")),
        ("label: A\nwhy: b\nparameters:\n  cure_exists: {mean: 2}\n", 4, ("mean 2", "between 0")),
        ("label: A\nwhy: b\nparameter:\n  cure_exists: {mean: 0}\n", 3, ("'parameters'?",)),
        ("label: A\nwhy: b\nanalysis:\n  endage: 90\n", 4, ("unknown name 'endage'", "'end_age'?")),
        ("label: A\nwhy: b\nanalysis:\n  end_age: 200\n", 4, ("analysis.end_age", "found 200")),
        ("label: A\nwhy: b\nanalysis:\n  end_age: 50\n", 4, ("50 is not above start_age 62",)),
        (
            "label: A\nwhy: b\nstrategies:\n  resection:\n    curves:\n"
            '      os: {uncured_hazard_ratio: "1"}\n',
            6,
            ("exactly one of 'marginal_hazard_ratio'", "set the others to null"),
        ),
        (
            "label: A\nwhy: b\nstrategies:\n  resection:\n    curves:\n"
            "      os: {relative_to: resection}\n",
            6,
            ("itself relative",),
        ),
        (
            "label: A\nwhy: b\nstrategies:\n  resection:\n    curves:\n"
            "      os: {relative_to: chemoterapy}\n",
            6,
            ("unknown strategy 'chemoterapy'", "'chemotherapy'?"),
        ),
    ],
)
def test_faulty_scenarios(
    text: str, line: int, parts: tuple[str, ...], copied_inputs: Path, faults: FaultsOf
) -> None:
    write_scenario(copied_inputs, text)
    expect(faults(scenario="mine"), f"inputs/scenarios/mine.yaml:{line}:", *parts)


def test_a_scenario_needs_a_why(copied_inputs: Path, faults: FaultsOf) -> None:
    write_scenario(copied_inputs, "label: A\n")
    expect(faults(scenario="mine"), "", "'why' is missing", "Add it")


def test_a_scenario_cannot_be_based_on_itself(copied_inputs: Path, faults: FaultsOf) -> None:
    write_scenario(copied_inputs, "label: A\nwhy: b\nbased_on: [other]\n")
    write_scenario(copied_inputs, "label: A\nwhy: b\nbased_on: [mine]\n", "other")
    expect(faults(scenario="mine"), "inputs/scenarios/other.yaml", "based on itself")


def test_exposures_cannot_refer_to_each_other_in_a_circle(
    copied_inputs: Path, faults: FaultsOf
) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    exposures:\n"
        "      on_chemotherapy: {less: [follow_up_early]}\n",
    )
    where = "inputs/scenarios/mine.yaml:6:"
    expect(faults(scenario="mine"), where, "refer to each other in a circle", "on_chemotherapy")


def test_a_group_correlation_has_a_lower_bound(faults: FaultsOf) -> None:
    problems = faults(overrides={"cost_correlation": -0.3})
    expect(problems, "--set cost_correlation=-0.3", "-0.3", "between -0.0833 and 1")


def test_dirichlet_shares_must_fit_in_one(spoil: Spoil, faults: FaultsOf) -> None:
    spoil(MODEL, "Clavien-Dindo I-II,0.15,", "Clavien-Dindo I-II,0.95,")
    expect(faults(), f"inputs/{MODEL}:", "clavien", "sum to 1.11", "at most 1")


def test_dirichlet_members_share_their_size(spoil: Spoil, faults: FaultsOf) -> None:
    spoil(MODEL, "0.13,0.0430592,dirichlet(clavien; 60)", "0.13,0.0430592,dirichlet(clavien; 70)")
    expect(faults(), f"inputs/{MODEL}:", "clavien", "60", "70")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ({"cure_if_operatd": 0.1}, ("unknown name", "'cure_if_operated'?", "heor show")),
        ({"analysis.endage": 90}, ("unknown name", "'analysis.end_age'?")),
        ({"analysis.end_age": 500}, ("analysis.end_age", "found 500")),
        ({"cure_if_operated": 1.5}, ("mean 1.5", "between 0 and 1")),
        ({"tau_hr": -0.1}, ("tau_hr: is -0.1", "must be 0 or more")),
        ({"c_resection.se": "much"}, ("'se'", "'much' is not a finite number")),
        ({"c_resection.men": 1}, ("unknown name 'c_resection.men'", "'c_resection")),
        ({"strategies.resection.curves.os.window": "hr_window"}, ("'hr_window'",)),
    ],
)
def test_faulty_overrides(
    overrides: dict[str, object], parts: tuple[str, ...], inputs: Path
) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, overrides=overrides)
    (name, value), *_ = overrides.items()
    expect(caught.value.problems, f"--set {name}={value}", *parts)


def test_precedence_model_country_scenario_override(copied_inputs: Path) -> None:
    """Each layer wins over the one before, and says so."""
    write_scenario(copied_inputs, "label: A\nwhy: b\nparameters:\n  c_resection: {mean: 300000}\n")

    base = load(copied_inputs).parameters["c_resection"]
    assert (base.mean, base.se, base.distribution) == (260_000, 52_000, "gamma")
    assert str(base.origin) == f"inputs/{NORWAY}:2"
    assert (base.origin.layer, base.origin.replaced) == ("country", "required")

    scenario = load(copied_inputs, scenario="mine").parameters["c_resection"]
    assert (scenario.mean, scenario.se, scenario.distribution) == (300_000, 0, "fixed")
    assert str(scenario.origin) == "inputs/scenarios/mine.yaml:4"
    assert (scenario.origin.layer, scenario.origin.replaced) == ("scenario", "260000")

    last = load(copied_inputs, scenario="mine", overrides={"c_resection": 310_000})
    found = last.parameters["c_resection"]
    assert found.mean == 310_000
    assert str(last.origin("c_resection")) == "--set c_resection=310000"
    assert (found.origin.layer, found.origin.replaced) == ("override", "300000")


def test_precedence_of_settings(copied_inputs: Path) -> None:
    write_scenario(copied_inputs, "label: A\nwhy: b\nanalysis: {end_age: 95}\n")
    line = (copied_inputs / ANALYSIS).read_text(encoding="utf-8").split("end_age:")[0].count("\n")
    base = load(copied_inputs)
    assert str(base.origin("analysis.end_age")) == f"inputs/{ANALYSIS}:{line + 1}"
    scenario = load(copied_inputs, scenario="mine")
    origin = scenario.origin("analysis.end_age")
    assert (scenario.settings.end_age, origin.replaced) == (95, "100")
    assert (str(origin), origin.layer) == ("inputs/scenarios/mine.yaml:3", "scenario")
    last = load(copied_inputs, scenario="mine", overrides={"analysis.end_age": 90})
    assert (last.settings.end_age, last.origin("analysis.end_age").replaced) == (90, "95")


def test_override_of_one_column_keeps_the_others(inputs: Path) -> None:
    found = load(inputs, overrides={"c_resection.se": 26_000}).parameters["c_resection"]
    assert (found.mean, found.se, found.distribution) == (260_000, 26_000, "gamma")


def test_overrides_are_in_the_unit_of_the_file(inputs: Path) -> None:
    """Months stay months for the user, years inside."""
    found = load(inputs, overrides={"chemo_cap": 18}).parameters["chemo_cap"]
    assert (found.entered_mean, found.mean, found.unit) == (18, 1.5, "months")


def test_scenarios_add_up_in_order(inputs: Path) -> None:
    both = load(inputs, scenario=["s11_no_cure", "window_36"])
    assert both.parameters["cure_exists"].mean == 0
    assert both.parameters["hr_calibration_window_os"].mean == 3
    assert both.scenario == "s11_no_cure+window_36"


def test_a_scenario_takes_over_what_it_is_based_on(inputs: Path) -> None:
    found = load(inputs, scenario="s19_cure_half_symmetric")
    assert found.parameters["cure_exists"].distribution == "bernoulli"
    assert found.strategies["resection"].costs["retreatment"].amount == "0"


def test_a_scenario_wins_over_what_it_is_based_on(copied_inputs: Path) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nbased_on: [s11_no_cure]\nparameters:\n  cure_exists: {mean: 0.25}\n"
        "analysis: {end_age: 95}\n",
    )
    found = load(copied_inputs, scenario="mine")
    assert found.parameters["cure_exists"].mean == 0.25
    assert found.settings.end_age == 95


@pytest.mark.parametrize("name", available(Path(__file__).parents[2] / "inputs", "scenarios"))
def test_every_scenario_loads_and_says_why(
    name: str, inputs: Path, problem: DecisionProblem
) -> None:
    found = load(inputs, scenario=name)
    assert len(found.scenario_why) > 40
    assert found.scenario_label != problem.scenario_label
    changed = (
        found.parameters != problem.parameters
        or found.strategies != problem.strategies
        or found.syntheses != problem.syntheses
        or found.derived != problem.derived
        or found.settings != problem.settings
        or found.opinions != problem.opinions
    )
    assert changed, f"{name} changes nothing"
