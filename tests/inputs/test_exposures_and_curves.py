"""Exposures in time and kinds of curves: what may be written and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor.inputs.load import load
from heor.problem.curve_types import SeriesCurve
from tests.spoiled import ANALYSIS, FaultsOf, Spoil, expect, write_scenario

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.


PROGRESSED = "    progressed:       {state: progressed}\n"


@pytest.mark.parametrize(
    ("exposure", "parts"),
    [
        (
            '{state: progressed, until: "0.01"}',
            ("'from ... until' spans 0.12 months", "cycle of 1"),
        ),
        ('{state: progressed, from: "3", until: "2"}', ("spans -12 months", "0 or more")),
        ('{state: progressed, from: "38"}', ("starts at 38 years", "horizon of 38", "'from'")),
        ('{at: "38"}', ("the event is at 38 years", "outside the horizon of 38", "'at'")),
        ('{at: "-1"}', ("the event is at -1 years", "outside the horizon")),
        ('{flow: cancer_deaths, before: "0.01"}', ("'before' spans 0.12 months",)),
        ('{flow: cancer_deaths, before: "-1"}', ("'before' spans -12 months", "0 or more")),
        (
            '{after: cancer_deaths, lasting: "1"}',
            ("after: 'cancer_deaths'", "'flow: progressions'"),
        ),
        ('{after: terminal, lasting: "1"}', ("after: 'terminal' is not an exposure to progr",)),
        ('{after: progressed, lasting: "1"}', ("after: 'progressed' is not an exposure to prog",)),
        ('{after: recurrence, lasting: "1"}', ("unknown exposure 'recurrence'",)),
        ("{after: cancer_deaths}", ("'after' and 'lasting' belong together",)),
        ('{state: progressed, lasting: "1"}', ("'after' and 'lasting' belong together",)),
        ('{state: progressed, before: "1"}', ("'before' needs a 'flow'",)),
        ("{flow: progressions, clock: state}", ("'clock: state' needs a 'state'",)),
        ("{state: progressed, clock: stat}", ("(found 'stat')", "Did you mean 'state'?")),
        ("{state: progresed}", ("unknown state 'progresed'", "Did you mean 'progressed'?")),
        ("{flow: progression}", ("unknown flow 'progression'", "Did you mean 'progressions'?")),
        ("{state: progressed, flow: progressions}", ("exactly one of 'state', 'flow', 'at'",)),
    ],
)
def test_faulty_exposures(
    exposure: str, parts: tuple[str, ...], spoil: Spoil, faults: FaultsOf
) -> None:
    line = 1 + spoil(STRATEGIES, PROGRESSED, f"{PROGRESSED}    faulty: {exposure}\n")
    expect(faults(), f"inputs/{STRATEGIES}:{line}:", *parts)


def test_time_in_state_needs_a_model_that_knows_it(
    spoil: Spoil, faults: FaultsOf, copied_inputs: Path
) -> None:
    extra = f'{PROGRESSED}    first_year: {{state: progressed, clock: state, until: "1"}}\n'
    spoil(STRATEGIES, PROGRESSED, extra)
    for model in ("partitioned_survival", "state_transition"):
        found = faults(overrides={"analysis.model": model})
        expect(found, f"--set analysis.model={model}:", "exposure 'first_year'", "semi_markov and")
        assert "Use semi_markov or individual, or change the strategy." in found[0]
    for model in ("semi_markov", "individual"):
        load(copied_inputs, overrides={"analysis.model": model})


def test_costs_of_an_unknown_exposure(spoil: Spoil, faults: FaultsOf) -> None:
    old = "ablation:        {exposure: operations,"
    line = spoil(STRATEGIES, old, old.replace("operations", "operation"))
    expect(faults(), f"inputs/{STRATEGIES}:{line}:", "exposure 'operation'", "'operations'?")


def test_faults_in_time_come_together(spoil: Spoil, faults: FaultsOf) -> None:
    """Exposures, phases and model: one error, each with its file and line."""
    bad = (
        '    a: {state: progressed, until: "0.01"}',
        '    b: {after: cancer_deaths, lasting: "1"}',
        '    c: {at: "39"}',
        "    d: {state: progressed, clock: state}",
    )
    first = spoil(STRATEGIES, PROGRESSED, PROGRESSED + "\n".join(bad) + "\n") + 1
    phase = spoil(STRATEGIES, "    Progressed: progressed\n", "    Progressed: progresed\n")
    found = faults()
    assert len(found) == 5
    where = f"inputs/{STRATEGIES}:"
    expect(found, f"inputs/{ANALYSIS}:", "exposure 'd' counts time since entry")
    expect(found, f"{where}{first}:", "less than a cycle")
    expect(found, f"{where}{first + 1}:", "'cancer_deaths' is not an exposure to progressions")
    expect(found, f"{where}{first + 2}:", "the event is at 39 years")
    expect(found, f"{where}{phase}:", "unknown exposure 'progresed'", "Did you mean 'progressed'?")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("cycle: month ", "cycle: fortnight ", ("a cycle is a day, week", "(found 'fortnight')")),
        ("cycle: month ", "cycle: 0 months ", ("a cycle is a day, week", "(found '0 months')")),
        ("cycle: month ", "cycle: 1.5 months ", ("a cycle is a day, week", "a number of them")),
        (
            "model: partitioned_survival",
            "model: partitioned_survial",
            ("(found 'partitioned_survial')", "Did you mean 'partitioned_survival'?"),
        ),
        (
            "structures: [partitioned_survival, ",
            "structures: [semi_markow, ",
            ("analysis.structures.0", "Did you mean 'semi_markov'?"),
        ),
        ("within_cycle: trapezoid", "within_cycle: simson", ("Did you mean 'simpson'?",)),
        ("patients: 300", "patients: 3", ("greater than or equal to 10",)),
    ],
)
def test_faulty_settings_of_time_and_model(
    old: str, new: str, parts: tuple[str, ...], spoil: Spoil, faults: FaultsOf
) -> None:
    line = spoil(ANALYSIS, old, new)
    expect(faults(), f"inputs/{ANALYSIS}:{line}:", *parts)


def test_discount_timing(inputs: Path, faults: FaultsOf) -> None:
    """A setting of the country, which a scenario or `--set` may change."""
    name = "country.discounting.timing"
    assert load(inputs).country.discount_timing == "annual_effective"
    assert load(inputs, overrides={name: "continuous"}).country.discount_timing == "continuous"
    found = faults(overrides={name: "continous"})
    expect(found, f"--set {name}=continous:", "(found 'continous')", "Did you mean 'continuous'?")


OPERATED = "relative_to: null, marginal_hazard_ratio: null, window: null, cured_fraction: null, cured_mortality_ratio: null"
SERIES = f"{{{OPERATED}, evidence: resected_second_line_os, distributions: [weibull_cure], %s}}"
NULL = "{marginal_hazard_ratio: null, window: null, %s}"


@pytest.mark.parametrize(
    ("os", "parts"),
    [
        (SERIES % "starts: surgery, share: p_operated", ("needs 'rest_as'",)),
        (SERIES % "starts: surgery, rest_as: chemotherapy", ("'rest_as' needs 'share'",)),
        (
            SERIES % "share: 0.5, rest_as: chemotherapy",
            ("'0.5' is the share of no group", "operated (p_operated)"),
        ),
        (
            SERIES % "share: p_operated, rest_as: chemoterapy",
            ("unknown strategy", "'chemotherapy'?"),
        ),
        (
            SERIES % "share: p_operated, rest_as: resection",
            ("rest_as 'resection', which is itself a series",),
        ),
        (SERIES % "starts: surgry", ("curves.os.starts", "'surgry'", "'surgery'?")),
        (SERIES % "window: 3", ("'window' cannot go with 'evidence'",)),
        (
            SERIES.replace("weibull_cure", "weibul") % "starts: surgery",
            ("unknown distribution 'weibul'",),
        ),
        (
            SERIES.replace("weibull_cure", "joint_weibull_weibull") % "starts: surgery",
            ("is a joint model", "both endpoints"),
        ),
        (
            SERIES.replace("line_os", "line_dfs") % "starts: surgery",
            ("is about dfs, the curve is os",),
        ),
        ("{starts: surgery}", ("'starts' cannot go with 'relative_to'",)),
        ("{distributions: [weibull]}", ("'distributions' cannot go with 'relative_to'",)),
        ("{evidence: resected_second_line_os}", ("exactly one of 'evidence' and 'relative_to'",)),
        (
            "{marginal_hazard_ratio: null}",
            ("exactly one of 'marginal_hazard_ratio'", "'hazard_ratio_by_time'"),
        ),
        ("{window: null}", ("needs 'window'",)),
        (
            "{hazard_ratio_by_time: [{until: 1, ratio: 1}]}",
            ("exactly one of", "found marginal_hazard_ratio, hazard_ratio_by_time"),
        ),
        (
            NULL % "hazard_ratio_by_time: [{until: 1, ratio: epx(1)}]",
            ("curves.os.hazard_ratio_by_time.0.ratio", "'epx'"),
        ),
        (
            NULL % "hazard_ratio_by_time: [{untl: 1, ratio: 1}]",
            ("unknown name 'untl'", "Did you mean 'until'?"),
        ),
        (NULL % "hazard_ratio_by_time: []", ("at least 1 item",)),
        (
            NULL % "hazard_ratio_by_control_survival: [{above: 0.5, ratio: 1}], effect_ends: 3",
            ("'effect_ends' cannot go with",),
        ),
        ("{effect_wanes_from: 3}", ("'effect_wanes_from' needs 'effect_ends'",)),
        (
            "{early_failure: {from: 0, until: 1, share: 0.5, among: 0.5}}",
            ("early_failure.among '0.5' is the share of no group",),
        ),
        (
            "{early_failure: {from: 0, until: 1, share: 0.5, among: 1 - p_operated}}",
            ("group 'not_operated', the cured belong to 'operated'",),
        ),
        (
            "{early_failure: {from: 0, untill: 1, share: 0.5}}",
            ("unknown name 'untill'", "Did you mean 'until'?"),
        ),
        (
            "{early_failure: {from: surgry, until: 1, share: 0.5}}",
            ("curves.os.early_failure.start", "'surgry'"),
        ),
        (
            "{early_failure: {from: 0, until: 1, share: 0.5}, operative_mortality: 0.1}",
            ("counts operative deaths already",),
        ),
    ],
)
def test_faulty_curves(
    os: str, parts: tuple[str, ...], copied_inputs: Path, faults: FaultsOf
) -> None:
    text = f"label: A\nwhy: b\nstrategies:\n  resection:\n    curves:\n      os: {os}\n"
    write_scenario(copied_inputs, text)
    expect(faults(scenario="mine"), "inputs/scenarios/mine.yaml:6:", *parts)


def test_curves_as_their_types(inputs: Path) -> None:
    """What the settings of a series, of intervals and of early failure become."""
    os = load(inputs, scenario="s02_brouquet_bias").strategies["resection"].curves["os"]
    assert os == SeriesCurve(
        evidence="resected_second_line_os",
        distributions=("weibull_cure",),
        starts="surgery",
        share="p_operated",
        rest_as="chemotherapy",
        multiplier="selection_bias_multiplier",
        group="operated",
    )
    os = load(inputs, scenario="s04_allard").strategies["resection"].curves["os"]
    assert (os.share, os.rest_as, os.group) == ("1", None, None)
    os = load(inputs, scenario="s07_clocc_pattern").strategies["resection"].curves["os"]
    assert [b.above for b in os.hazard_ratio_by_control_survival] == ["0.55", "0.3", "0.09"]
    assert not os.has_one_ratio
    pfs = load(inputs, scenario="s09_10_14").strategies["resection"].curves["pfs"]
    assert pfs.early_failure.group == "operated" and pfs.has_one_ratio


def test_own_distributions_survive_one_family_for_all(inputs: Path) -> None:
    """S14 chooses a family for curves that name none; a series keeps its own."""
    found = load(inputs, scenario=["s02_brouquet", "s14_weibull"]).strategies
    assert found["chemotherapy"].curves["os"].distributions == ("weibull",)
    assert found["resection"].curves["os"].distributions == ("weibull_cure",)


def test_one_evidence_has_one_list_of_distributions(copied_inputs: Path, faults: FaultsOf) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nbased_on: [s02_brouquet]\nstrategies:\n  resection:\n    curves:\n"
        "      os: {evidence: second_line_folfiri_os}\n",
    )
    expect(
        faults(scenario="mine"), "inputs/scenarios/", "fitted with weibull_cure here", "elsewhere"
    )
