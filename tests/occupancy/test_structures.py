"""One decision problem under several model structures, and declared models of any states."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor import load
from heor.errors import InputError, ModelError
from heor.inputs.load import available
from heor.occupancy import models
from heor.report import markdown
from heor.report.format.frames import phase_table, structure_table
from heor.report.sections.method import conventions
from heor.report.sections.structures import structures
from heor.runs.analysis import evaluate
from heor.runs.results import Results
from heor.together import other_structures, structure_fits
from heor.usage.structures import STRUCTURES, fault, with_structure
from heor.usage.usage import used_parameters
from heor.valuation.simulate import simulate
from tests.made_up import joint_draws, simulate_together

FaultsOf = Callable[..., list[str]]


def section(results: Results) -> str:
    """The section as Markdown."""
    return markdown.text(structures(results))


@pytest.fixture(scope="module")
def results(inputs: Path, shared_fits: Path) -> Results:
    """With a companion that bears a model's name."""
    overrides = {"analysis.patients": 50}
    problem, no_cure = (
        load(inputs, scenario=name, overrides=overrides, draws=120, quick=True)
        for name in (None, "s11_no_cure")
    )
    return evaluate(problem, {"semi_markov": no_cure}, cache=shared_fits)


# ---------------------------------------------------------------------------- which can be
@pytest.mark.slow
def test_which_scenarios_can_be_followed_through_progression(inputs: Path) -> None:
    """Series and single families cannot; all other scenarios can."""
    cannot = {
        name
        for name in available(inputs, "scenarios")
        if fault(load(inputs, scenario=name), "semi_markov")
    }
    series = {
        f"s0{k}{bias}"
        for k in ("2_brouquet", "3_adam_progression", "4_allard")
        for bias in ("", "_bias")
    }
    assert series <= cannot
    families = {
        n for n in available(inputs, "scenarios") if n.startswith("s14") and "joint" not in n
    }
    assert cannot - series == families


@pytest.mark.parametrize(
    "model", [pytest.param(m, marks=pytest.mark.slow) for m in ("state_transition", "semi_markov")]
)
def test_every_scenario_that_can_obeys_the_laws(model: str, inputs: Path) -> None:
    """Hazard ratios by time, waning, early failure, no cure: the simulation checks its own laws."""
    gains = {}
    for name in (None, *available(inputs, "scenarios")):
        problem = load(inputs, scenario=name)
        if fault(problem, model):
            continue
        own = with_structure(problem, model)
        outcomes = simulate(own, joint_draws(own, 2), workers=1).outcomes
        assert (outcomes.qalys > 0).all() and (outcomes.cost > 0).all(), name
        gains[name] = (outcomes.qalys[:, 1] - outcomes.qalys[:, 0]).mean()
    assert gains["s06_null"] < 0 < gains["s11_no_cure"] < gains[None]
    assert gains["state_residence_upper"] > gains["state_residence"] == gains[None]
    # after_progression 1: what is left is cure, less surgery
    assert gains["s06_null"] < gains["s15_cure_only"] < gains[None]
    # early failure costs progression-free time, and with it life: here OS follows from PFS
    assert gains["s09_15_or_more"] < gains["s09_10_14"]


def test_reasons_why_a_structure_cannot(inputs: Path) -> None:
    single = fault(load(inputs, scenario="s14_weibull"), "semi_markov")
    assert "none of its families (weibull) describes survival after progression" in single
    assert "2nd-line chemotherapy" in single
    series = fault(load(inputs, scenario="s04_allard"), "individual")
    assert series.startswith("Resection") and "OS follows a series" in series
    for name in ("s14_weibull", "s04_allard"):
        assert fault(load(inputs, scenario=name), "partitioned_survival") == ""
        with pytest.raises(InputError) as caught:
            load(inputs, scenario=name, overrides={"analysis.model": "semi_markov"})
        (problem,) = caught.value.problems
        assert problem.startswith("--set analysis.model=semi_markov: model semi_markov cannot be")
        assert problem.endswith("Use partitioned_survival, or change the strategy.")


def test_only_joint_families_are_left(inputs: Path) -> None:
    own = with_structure(load(inputs), "individual")
    curves = [
        c for s in own.strategies.values() for c in s.curves.values() if hasattr(c, "evidence")
    ]
    assert all(f.startswith("joint_") for c in curves for f in c.distributions)
    same = with_structure(load(inputs), "partitioned_survival")
    assert same.strategies == load(inputs).strategies


def test_one_word_and_the_scenario_are_the_same(inputs: Path) -> None:
    word = load(inputs, overrides={"analysis.model": "semi_markov"})
    scenario = load(inputs, scenario="state_residence")
    assert word.settings == scenario.settings
    assert word.strategies == scenario.strategies


@pytest.mark.parametrize("model", ["state_transition", "semi_markov", "individual"])
def test_survival_follows_from_progression(model: str, inputs: Path) -> None:
    """The trials' hazard ratio of death moves nothing; the ratio after recurrence does."""
    problem = load(inputs, overrides={"analysis.model": model, "analysis.patients": 50})
    used = used_parameters(problem, fits=False)
    assert not {"log_hr_os_clocc", "log_hr_os_orchestra", "tau_hr"} & used
    base, os, after = (
        simulate(problem, joint_draws(problem, 3, **moved), workers=1).outcomes
        for moved in ({}, {"log_hr_os": -2.0}, {"hr_post_recurrence_resection": 0.3})
    )
    np.testing.assert_array_equal(os.qalys, base.qalys)
    assert (after.component("life_years")[:, 1] > base.component("life_years")[:, 1]).all()
    np.testing.assert_array_equal(after.qalys[:, 0], base.qalys[:, 0])


@pytest.mark.parametrize("model", list(STRUCTURES))
def test_scenarios_share_what_they_agree_in(
    model: str, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other prices, same occupancy: computed once for both, twice where recurrence differs."""
    overrides = {"analysis.model": model, "analysis.patients": 50}
    names = (None, "list_prices", "s11_no_cure")
    base, prices, no_cure = (load(inputs, scenario=n, overrides=overrides) for n in names)
    draws, counted = joint_draws(base, 3), []
    own = models.occupancy
    monkeypatch.setattr(
        models, "occupancy", lambda block: counted.append(block.strategy.name) or own(block)
    )
    together = simulate_together({"a": (base, draws), "b": (prices, draws)}, workers=1)
    assert counted == list(base.strategies)
    np.testing.assert_array_equal(together["a"].outcomes.qalys, together["b"].outcomes.qalys)
    counted.clear()
    other = joint_draws(no_cure, 3, cure_exists=0)
    other = replace(other, curves=draws.curves)
    together = simulate_together({"a": (base, draws), "b": (no_cure, other)}, workers=1)
    assert counted == ["chemotherapy", "resection", "resection"]
    alone = simulate(no_cure, other, workers=1).outcomes
    np.testing.assert_allclose(together["b"].outcomes.data, alone.data, rtol=1e-12)


@pytest.mark.parametrize("model", list(STRUCTURES))
def test_scenarios_with_cycles_of_their_own_run_together(model: str, inputs: Path) -> None:
    """Months and quarters are whole half months: one grid, but not one time axis."""
    month = load(inputs, overrides={"analysis.model": model, "analysis.patients": 50})
    quarter = replace(month, settings=replace(month.settings, cycle=0.25))
    draws = joint_draws(month, 3)
    together = simulate_together({"a": (month, draws), "b": (quarter, draws)}, workers=1)
    alone = simulate(quarter, draws, workers=1)
    np.testing.assert_array_equal(together["b"].outcomes.data, alone.outcomes.data)
    assert together["b"].occupancy.shape != together["a"].occupancy.shape


def test_parameters_that_a_structure_uses(inputs: Path) -> None:
    partitioned, residence = load(inputs), load(inputs, scenario="state_residence")
    assert "log_hr_os_clocc" in used_parameters(partitioned, fits=False)
    assert "hr_post_recurrence_resection" not in used_parameters(partitioned, fits=False)
    assert "hr_post_recurrence_resection" in used_parameters(partitioned)  # the table beside it
    assert "log_hr_os_clocc" not in used_parameters(residence, fits=False)
    assert "hr_post_recurrence_resection" in used_parameters(residence, fits=False)


def test_faults_are_told_and_the_others_shown(inputs: Path) -> None:
    others, faults = other_structures(load(inputs, scenario="s02_brouquet"))
    assert not others and set(faults) == set(STRUCTURES) - {"partitioned_survival"}
    assert all("follows a series" in why for why in faults.values())


# ----------------------------------------------------------------------------- side by side
def test_structures_on_common_draws(results: Results) -> None:
    frame = structure_table(results).set_index("model")
    assert list(frame.index) == list(STRUCTURES)
    assert frame.loc["partitioned_survival", "run"] and frame["run"].sum() == 1
    gain = frame["qalys"]
    assert gain["individual"] == pytest.approx(gain["semi_markov"], abs=0.08)
    assert gain["state_transition"] == pytest.approx(gain["semi_markov"], abs=0.05)
    own = results.decision.tables["icer"].iloc[0]
    assert frame.loc["partitioned_survival", "icer"] == own["ratio"]


def test_a_companion_may_bear_the_name_of_a_model(results: Results) -> None:
    (companion,) = results.companions
    assert companion.name == "semi_markov" and "cure" in companion.label
    gain = companion.decision.tables["icer"].iloc[0]["effect"]
    frame = structure_table(results).set_index("model")
    assert gain < frame.loc["partitioned_survival", "qalys"] < frame.loc["semi_markov", "qalys"]


def test_joint_families_only_and_what_they_leave_out(results: Results) -> None:
    """Stacking weights of the run on joint families, scaled to 1; `dropped` is the rest."""
    (unit,) = results.fits.weights
    weights = results.fits.weights[unit]
    lost = sum(w for family, w in weights.items() if not family.startswith("joint_"))
    for structure in results.structures:
        own = 0.0 if structure.model == "partitioned_survival" else lost
        assert structure.dropped == pytest.approx(own, abs=1e-12)
    problem = results.problem
    used = structure_fits(with_structure(problem, "semi_markov"), results.fits)
    kept = used.weights[unit]
    assert sum(kept.values()) == pytest.approx(1, abs=1e-12)
    for family, weight in kept.items():
        assert family.startswith("joint_")
        assert weight == pytest.approx(weights[family] / (1 - lost))


@pytest.mark.parametrize(
    ("rule", "timing", "words"),
    [
        ("simpson", "continuous", ("Simpson 1/3", "Discounting, continuous")),
        ("life_table", "annual_effective", ("life table", "Discounting, annual-effective")),
        ("start", "continuous", ("the state at its start", "cycle 0.23 months")),
    ],
)
def test_the_report_states_cycle_rule_and_timing(
    rule: str, timing: str, words: tuple[str, ...], results: Results
) -> None:
    problem, cycle = results.problem, 7 / 365.25 if rule == "start" else 1 / 12
    own = replace(
        problem,
        settings=replace(problem.settings, within_cycle=rule, cycle=cycle),
        country=replace(problem.country, discount_timing=timing),
    )
    text = markdown.text(conventions(replace(results, problem=own)))
    assert all(word in text for word in words)
    patients = replace(own, settings=replace(own.settings, model="individual"))
    assert "continuous time; cycles are for display" in markdown.text(
        conventions(replace(results, problem=patients))
    )


def test_phases_add_up_to_the_life_years(results: Results) -> None:
    phases = phase_table(results)
    years = phases[phases["kind"] == "phase"].groupby(["model", "strategy"])["years"].sum()
    frame = structure_table(results).set_index("model")
    for (model, strategy), total in years.items():
        assert total == pytest.approx(
            frame.loc[model, f"life_years_undiscounted_{strategy}"], rel=1e-9
        )


def test_the_section_says_what_the_table_says(results: Results) -> None:
    text, frame = section(results), structure_table(results)
    assert f"{frame['qalys'].min():.2f} to {frame['qalys'].max():.2f} QALYs" in text
    assert "0.75 (SE 0.15; assumption)" in text
    assert "50 patients a draw" in text
    for label in STRUCTURES.values():
        assert label in text
    assert section(replace(results, structures=results.structures[:1])) == ""
    country = replace(results.problem.country, threshold_kind="none")
    without = section(replace(results, problem=replace(results.problem, country=country)))
    assert "worth its cost" in text and "worth its cost" not in without
    assert "which is another country's, mean net benefit is positive under" in without
    lame = replace(
        results, structures=results.structures[:1], structure_faults={"individual": "Because."}
    )
    assert "Not shown, individual level (continuous time): Because." in section(lame)


def test_time_in_state_of_an_exposure(inputs: Path, tmp_path: Path) -> None:
    """`clock: state` counts since entry: known to models with clock reset only."""
    copied = tmp_path / "inputs"
    shutil.copytree(inputs, copied)
    path = copied / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    new = "    progressed:       {state: progressed}\n"
    extra = new + '    first_half_year: {state: progressed, clock: state, until: "0.5"}\n'
    path.write_text(text.replace(new, extra, 1), encoding="utf-8")
    with pytest.raises(InputError, match="counts time since entry into a state"):
        load(copied)
    problem = load(copied, scenario="state_residence")
    cohort = simulate(problem, draws := joint_draws(problem, 20), workers=1)
    patients = replace(
        problem, settings=replace(problem.settings, model="individual", patients=3000)
    )
    own = simulate(patients, draws, workers=1)
    years = [
        f.exposures.set_index(["strategy", "exposure"])["mean"]["chemotherapy", "first_half_year"]
        for f in (cohort, own)
    ]
    assert 0.2 < years[0] < 0.45
    assert years[1] == pytest.approx(years[0], rel=0.02)


@pytest.mark.parametrize("model", list(STRUCTURES))
def test_both_clocks_are_the_same_in_the_first_state(
    model: str, copied_inputs: Path, spoil, inputs: Path
) -> None:
    """Nobody enters it later, so every structure can measure it."""
    old = "    on_chemotherapy:  {state: progression_free, share: share_pf_on_chemo, until: chemo_cap}\n"
    spoil("model/strategies.yaml", old, old.replace("{state", "{clock: state, state"))
    overrides = {"analysis.model": model, "analysis.patients": 50}
    found = []
    for folder in (inputs, copied_inputs):
        problem = load(folder, overrides=overrides)
        found.append(simulate(problem, joint_draws(problem, 3), workers=1).outcomes.data)
    np.testing.assert_allclose(*found, rtol=1e-12)


# -------------------------------------------------------------------------- declared models
ANALYSIS = """
title: Sick-Sicker
question: Does treatment B give enough health for its cost?
draws: 60
seed: 1
model: state_transition
structures: [state_transition, semi_markov, individual]
patients: 400
states: [healthy, sick, sicker, dead]
comparator: standard
intervention: b
cycle: month
end_age: 100
categories: {care: Care, treatment: Treatment}
"""
STRATEGIES = """
standard:
  label: Standard of care
  transitions: &natural
    healthy: {sick: {rate: r_hs1}, dead: {rate: background}}
    sick: {healthy: {rate: r_s1h}, sicker: {rate: r_s1s2}, dead: {rate: background * hr_s1}}
    sicker: {dead: {rate: background * hr_s2}}
  exposures: &exposures
    healthy: {state: healthy}
    sick: {state: sick}
    sicker: {state: sicker}
    falling_ill: {flow: healthy -> sick}
  phases: {Healthy: healthy, Sick: sick, Sicker: sicker}
  costs: &costs
    sick: {exposure: sick, amount: "4000", category: care}
    sicker: {exposure: sicker, amount: "15000", category: care}
    falling_ill: {exposure: falling_ill, amount: "1000", category: care}
  utilities: &utilities
    healthy: {exposure: healthy, multiplier: "1"}
    sick: {exposure: sick, multiplier: "0.75"}
    sicker: {exposure: sicker, multiplier: "0.5"}
b:
  label: Treatment B
  transitions:
    <<: *natural
    sick: {healthy: {rate: r_s1h}, sicker: {rate: r_s1s2 * 0.6}, dead: {rate: background * hr_s1}}
  exposures: *exposures
  costs:
    <<: *costs
    treatment: {exposure: sick, amount: "13000", category: treatment}
  utilities: *utilities
"""
ROWS = """r_hs1,rate of falling ill,0.15,0.01,lognormal,per year,,,assumption,model_judgement,,,,
r_s1h,rate of recovery,0.5,0.05,lognormal,per year,,,assumption,model_judgement,,,,
r_s1s2,rate of getting worse,0.105,0.01,lognormal,per year,,,assumption,model_judgement,,,,
hr_s1,mortality when sick,3,0.1,lognormal,hazard multiplier,,,assumption,model_judgement,,,,
hr_s2,mortality when sicker,10,0.2,lognormal,hazard multiplier,,,assumption,model_judgement,,,,
"""


@pytest.fixture
def sick_sicker(inputs: Path, tmp_path: Path) -> Path:
    """An inputs folder whose model is four declared states, without any curve."""
    folder = tmp_path / "inputs"
    shutil.copytree(inputs, folder)
    for path in (folder / "scenarios").iterdir():
        path.unlink()
    (folder / "model/analysis.yaml").write_text(ANALYSIS, encoding="utf-8")
    (folder / "model/strategies.yaml").write_text(STRATEGIES, encoding="utf-8")
    with (folder / "model/parameters.csv").open("a", encoding="utf-8") as file:
        file.write(ROWS)
    return folder


@pytest.mark.slow
def test_a_declared_model_runs_and_reports(sick_sicker: Path, tmp_path: Path) -> None:
    """No Python, no curves: all three structures agree, since all rates go by the same clock."""
    from heor.report.folders.run import write_report

    results = evaluate(load(sick_sicker))
    frame = structure_table(results).set_index("model")
    for outcome in ("life_years_undiscounted_standard", "life_years_undiscounted_b", "cost_b"):
        cohort = frame.loc["state_transition", outcome]
        assert frame.loc["semi_markov", outcome] == pytest.approx(cohort, rel=1e-9)
        assert frame.loc["individual", outcome] == pytest.approx(cohort, rel=0.03)
    write_report(results, tmp_path / "out")
    text = (tmp_path / "out/report.md").read_text(encoding="utf-8")
    assert "Treatment B" in text and "## Model structures" in text
    assert not list((tmp_path / "out/figures").glob("fits*"))
    assert (tmp_path / "out/figures/occupancy.png").exists()
    occupancy = pd.read_csv(tmp_path / "out/tables/occupancy.csv")
    np.testing.assert_allclose(occupancy[["healthy", "sick", "sicker", "dead"]].sum(axis=1), 1)


@pytest.mark.slow
def test_time_in_state_of_a_declared_transition(sick_sicker: Path) -> None:
    """Recovery that waits a year, by residence and by patient; clock forward cannot know it."""
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "{rate: r_s1h}", "{rate: 'r_s1h * min(1, time_in_state)'}"
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="depends on time_in_state"):
        load(sick_sicker)
    problem = load(sick_sicker, overrides={"analysis.model": "semi_markov"})
    others, faults = other_structures(problem)
    assert set(others) == {"individual"} and set(faults) == {"state_transition"}
    frame = structure_table(evaluate(problem)).set_index("model")
    a, b = (frame.loc[m, "life_years_undiscounted_b"] for m in ("semi_markov", "individual"))
    assert a == pytest.approx(b, rel=0.01)


def test_patients_who_differ(sick_sicker: Path) -> None:
    """Half with twice the hazard of falling ill: between the two cohorts, and not at their mean rate."""
    (sick_sicker / "model/patients.csv").write_text("frail\n0\n1\n", encoding="utf-8")
    analysis = sick_sicker / "model/analysis.yaml"
    more = "covariates: {file: patients.csv, columns: [frail]}\n"
    analysis.write_text(analysis.read_text(encoding="utf-8") + more, encoding="utf-8")
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    found = {}
    for ratio in ("1", "2", "2 ** x_frail"):
        own = text.replace(
            "{sick: {rate: r_hs1}", f"{{sick: {{rate: r_hs1, hazard_ratio: '{ratio}'}}"
        )
        path.write_text(own, encoding="utf-8")
        problem = load(sick_sicker, overrides={"analysis.model": "individual"})
        assert set(other_structures(problem)[1]) == (
            set() if ratio == "1" else {"state_transition", "semi_markov"}
        )
        exposures = simulate(problem, joint_draws(problem, 60), workers=1).exposures
        found[ratio] = exposures.set_index(["strategy", "exposure"])["mean"]["standard", "healthy"]
    assert found["2"] < found["2 ** x_frail"] < found["1"]
    assert found["2 ** x_frail"] == pytest.approx((found["1"] + found["2"]) / 2, rel=0.02)
    path.write_text(own.replace("x_frail", "x_age"), encoding="utf-8")
    with pytest.raises(InputError, match="uses 'x_age'"):
        load(sick_sicker, overrides={"analysis.model": "individual"})


def test_impossible_probabilities_name_draw_and_cycle(sick_sicker: Path) -> None:
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace(
        "sicker: {dead: {rate: background * hr_s2}}", "sicker: {dead: {probability: 0.02 * age}}"
    )
    path.write_text(text, encoding="utf-8")
    overrides = {"analysis.structures": ["state_transition"]}
    with pytest.raises(ModelError, match=r"sicker -> dead: 1.24 in draw 0, cycle 0"):
        evaluate(load(sick_sicker, overrides=overrides))


def test_faults_of_a_declared_model_come_together(sick_sicker: Path) -> None:
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("{sick: {rate: r_hs1}, dead", "{sik: {rate: r_hs1}, dead"),
        (
            "sicker: {dead: {rate: background * hr_s2}}",
            "sicker: {dead: {rate: background * hr_s22}}",
        ),
        ("{flow: healthy -> sick}", "{flow: healthy -> ill}"),
        ("{state: sicker}", "{state: sikker}"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(sick_sicker)
    found = "\n".join(caught.value.problems)
    for part in (
        "unknown state 'sik'",
        "'hr_s22'",
        "unknown flow 'healthy -> ill'",
        "unknown state 'sikker'",
        "nobody can enter state 'sick'",
    ):
        assert part in found
    assert found.count("strategies.yaml:") >= 4


# ------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("share: share_pf_on_chemo, until: chemo_cap}\n    follow_up_early", None, None),
        ('    work_up:    {at: "0"}', '    work_up:    {at: "50"}', "outside the horizon of 38"),
        (
            "retreated:       {after: recurrences_off_chemotherapy",
            "retreated:       {after: cancer_deaths",
            "is not an exposure to progressions",
        ),
        ("Progressed: progressed\n", "Progressed: progresed\n", "unknown exposure 'progresed'"),
        (
            "    cancer_deaths:   {flow: cancer_deaths}",
            "    cancer_deaths:   {flow: cancer_death}",
            "unknown flow 'cancer_death'",
        ),
    ],
)
def test_faulty_exposures(
    old: str, new: str | None, expected: str | None, spoil, faults: FaultsOf
) -> None:
    if new is None:
        found = faults(overrides={"analysis.cycle": "quarter"})
        assert any("less than a cycle of 3" in f and "strategies.yaml:" in f for f in found)
        return
    line = spoil("model/strategies.yaml", old, new)
    assert any(f":{line}" in f and expected in f for f in faults())


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("analysis.model", "semimarkov", "Did you mean 'semi_markov'?"),
        ("analysis.cycle", "fortnight", "analysis.cycle: a cycle is a day, week, month"),
        ("analysis.structures", ["markov"], "analysis.structures.0"),
        ("analysis.within_cycle", "half", "'trapezoid', 'simpson', 'life_table'"),
        ("analysis.endpoints", ["os"], "1 endpoints for 3 states"),
        (
            "analysis.states",
            ["progression_free", "progressed", "progressed", "dead"],
            "named twice",
        ),
    ],
)
def test_faulty_settings(setting: str, value: object, expected: str, faults: FaultsOf) -> None:
    assert any(expected in f for f in faults(overrides={setting: value}))


# ------------------------------------------------------- partitioned survival of four states
FOUR = """
chemotherapy:
  label: Chemotherapy
  curves:
    ttd: {evidence: second_line_folfiri_ttd}
    pfs: {evidence: second_line_folfiri_pfs}
    os:  {evidence: second_line_folfiri_os}
  exposures: &exposures
    on_treatment: {state: on_treatment}
    off_treatment: {state: off_treatment}
    progressed: {state: progressed}
    stopping: {flow: progressions}
    cancer_deaths: {flow: cancer_deaths}
  phases: {On treatment: on_treatment, Off treatment: off_treatment, Progressed: progressed}
  costs: &costs
    treatment: {exposure: on_treatment, amount: c_second_line_medicines, category: second_line}
    progressed: {exposure: progressed, amount: c_progressed, category: progressed_care}
  utilities: &utilities
    on_treatment: {exposure: on_treatment, multiplier: "0.9"}
    off_treatment: {exposure: off_treatment, multiplier: "0.95"}
    progressed: {exposure: progressed, multiplier: "0.8"}
better:
  label: Better chemotherapy
  curves:
    ttd: {relative_to: chemotherapy, uncured_hazard_ratio: "0.9"}
    pfs: {relative_to: chemotherapy, uncured_hazard_ratio: "0.8"}
    os:  {relative_to: chemotherapy, uncured_hazard_ratio: "0.85"}
  exposures: *exposures
  phases: {On treatment: on_treatment, Off treatment: off_treatment, Progressed: progressed}
  costs: *costs
  utilities: *utilities
"""


@pytest.fixture
def four_states(inputs: Path, tmp_path: Path) -> Path:
    """Partitioned survival with time on treatment as a third endpoint; families fitted apart."""
    folder = tmp_path / "inputs"
    shutil.copytree(inputs, folder)
    for path in (folder / "scenarios").iterdir():
        path.unlink()
    analysis = folder / "model/analysis.yaml"
    text = analysis.read_text(encoding="utf-8")
    for old, new in (
        (
            "states: [progression_free, progressed, dead]",
            "states: [on_treatment, off_treatment, progressed, dead]",
        ),
        ("endpoints: [pfs, os]", "endpoints: [ttd, pfs, os]"),
        ("intervention: resection", "intervention: better"),
        (
            "companions: [s17_symmetric_treatment, s19_cure_half, s19_cure_half_symmetric]",
            "companions: []",
        ),
        ("extrapolation: stacked", "extrapolation: lognormal"),
    ):
        assert old in text
        text = text.replace(old, new)
    # the questions of what would have to be true name scenarios
    text = text[: text.index("what_if:")] + text[text.index("# The trial whose value") :]
    text = (
        text[: text.index("    - joint_lognormal_weibull")]
        + text[text.index("  # Laplace screens") :]
    )
    # nor averages of scenarios that are not here
    text = text[: text.index("averages:")] + text[text.index("# What a reader must know") :]
    analysis.write_text(text, encoding="utf-8")
    (folder / "model/strategies.yaml").write_text(FOUR, encoding="utf-8")
    survival = folder / "model/survival"
    shutil.copy(survival / "second_line_folfiri_pfs.csv", survival / "ttd.csv")
    index = (survival / "index.yaml").read_text(encoding="utf-8")
    start = index.index("second_line_folfiri_pfs:")
    block = index[start : index.index("\n\n", start)]
    block = block.replace("second_line_folfiri_pfs", "second_line_folfiri_ttd", 1)
    block = block.replace("second_line_folfiri_pfs.csv", "ttd.csv").replace(
        "endpoint: pfs", "endpoint: ttd"
    )
    (survival / "index.yaml").write_text(f"{index}\n{block}\n", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_partitioned_survival_of_four_states(four_states: Path, tmp_path: Path) -> None:
    from heor.report.folders.run import write_report

    results = evaluate(load(four_states, draws=60, quick=True))
    occupancy = results.simulation.occupancy
    assert list(occupancy.state.values) == ["on_treatment", "off_treatment", "progressed", "dead"]
    np.testing.assert_allclose(occupancy.sum("state"), 1, atol=1e-12)
    curves = results.simulation.curves["mean"]
    assert list(curves.endpoint.values) == ["os", "pfs", "ttd"]
    np.testing.assert_allclose(
        curves.sel(endpoint="ttd"), occupancy.sel(state="on_treatment"), atol=1e-12
    )
    assert (curves.sel(endpoint="ttd") <= curves.sel(endpoint="pfs") + 1e-12).all()
    # the same data twice: drawn apart, they cross, are capped and told
    assert any("exceeded the next endpoint and was capped" in w for w in results.warnings)
    assert {s.model for s in results.structures} == {"partitioned_survival"}
    assert all("declared transitions" in why for why in results.structure_faults.values())
    write_report(results, tmp_path / "out")
    assert (tmp_path / "out/figures/survival_ttd.png").exists()
    assert "TTD" in (tmp_path / "out/report.md").read_text(encoding="utf-8")


def test_without_effect_all_structures_agree(inputs: Path) -> None:
    """S6: hazard ratio 1 also after recurrence; what is left is surgery's harm, in every structure."""
    problem = load(inputs, scenario="s06_null")
    draws = joint_draws(problem, 20, transport_multiplier=1)
    gains = []
    for model in ("partitioned_survival", "state_transition", "semi_markov"):
        qalys = simulate(with_structure(problem, model), draws, workers=1).outcomes.qalys
        gains.append((qalys[:, 1] - qalys[:, 0]).mean())
    assert gains[0] < 0
    np.testing.assert_allclose(gains, gains[0], atol=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "after_progression: hr_post_recurrence_resection",
            "after_progression: hr_post",
            "'hr_post'",
        ),
        (
            "  label: 2nd-line chemotherapy\n",
            '  label: 2nd-line chemotherapy\n  after_progression: "0.9"\n',
            "is not relative. Remove it",
        ),
    ],
)
def test_faulty_hazard_ratio_after_progression(
    old: str, new: str, expected: str, spoil, faults: FaultsOf
) -> None:
    spoil("model/strategies.yaml", old, new)
    assert any("strategies.yaml:" in f and expected in f for f in faults())


# -------------------------------------------------------------- what reviews of it brought up
@pytest.mark.parametrize("cycle", ["month", "quarter", "year"])
def test_declared_rates_at_any_cycle(cycle: str, sick_sicker: Path) -> None:
    """Steps of a month at most, moves in their middle: cohorts agree with continuous time."""
    overrides = {"analysis.cycle": cycle, "analysis.patients": 2000}
    problem = load(sick_sicker, overrides=overrides)
    draws = joint_draws(problem, 30)
    years = [
        simulate(with_structure(problem, model), draws, workers=1)
        .outcomes.component("life_years_undiscounted")
        .mean(axis=0)
        for model in ("state_transition", "semi_markov", "individual")
    ]
    np.testing.assert_allclose(years[0], years[1], rtol=1e-9)
    np.testing.assert_allclose(years[0], years[2], rtol=0.01)


def test_a_state_that_is_never_left_keeps_its_years(sick_sicker: Path) -> None:
    """Absorbing, but not dead; and some are dead from the start."""
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("    sicker: {dead: {rate: background * hr_s2}}\n", "")
    text = text.replace(
        "  exposures: &exposures", '  start: {healthy: "0.6", dead: "0.4"}\n  exposures: &exposures'
    )
    path.write_text(text, encoding="utf-8")
    problem = load(sick_sicker, overrides={"analysis.patients": 2000})
    draws = joint_draws(problem, 20)
    found = [
        simulate(with_structure(problem, model), draws, workers=1)
        for model in ("state_transition", "individual")
    ]
    a, b = (f.exposures.set_index(["strategy", "exposure"])["mean"] for f in found)
    assert a["standard", "sicker"] > 2
    assert b["standard", "sicker"] == pytest.approx(a["standard", "sicker"], rel=0.03)
    np.testing.assert_allclose(found[1].occupancy.sum("state"), 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{rate: r_hs1}", "{rate: r_hs1 - 0.149}", "rate healthy -> sick is -0.0"),
        ("{rate: r_hs1}", "{rate: 0.3 - 0.02 * time}", "rate healthy -> sick is -0.0"),
        (
            "{rate: r_hs1}",
            "{rate: r_hs1, hazard_ratio: r_hs1 - 0.149}",
            "hazard_ratio of healthy -> sick is -",
        ),
        (
            "  exposures: &exposures",
            "  start: {healthy: 1 + (r_s1h - 0.5) ** 2, sicker: 0 - (r_s1h - 0.5) ** 2}\n  exposures: &exposures",
            "start",
        ),
    ],
)
def test_impossible_rates_ratios_and_shares(
    old: str, new: str, expected: str, sick_sicker: Path
) -> None:
    path = sick_sicker / "model/strategies.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    problem = load(sick_sicker, overrides={"analysis.model": "individual"})
    with pytest.raises(ModelError, match=expected):
        simulate(problem, joint_draws(problem, 5), workers=1)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("{rate: r_hs1 - 0.2}", "healthy.sick is -0.05 at the parameters' means ('r_hs1 - 0.2')"),
        ("{rate: -1}", "healthy.sick is -1; it must be at least 0"),
        (
            "{rate: r_hs1, hazard_ratio: r_hs1 - 1}",
            "healthy.sick.hazard_ratio is -0.85 at the parameters'",
        ),
    ],
)
def test_what_is_impossible_at_the_means_is_refused_before_any_run(
    new: str, says: str, sick_sicker: Path
) -> None:
    path = sick_sicker / "model/strategies.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("{rate: r_hs1}", new), "utf-8")
    with pytest.raises(InputError) as caught:
        load(sick_sicker, overrides={"analysis.model": "individual"})
    (found,) = caught.value.problems
    assert f"transitions.{says}" in found


def test_rows_of_covariates_are_all_used(sick_sicker: Path) -> None:
    """A sorted table gives the same as a shuffled one."""
    analysis, table = sick_sicker / "model/analysis.yaml", sick_sicker / "model/patients.csv"
    more = "covariates: {file: patients.csv, columns: [frail]}\n"
    analysis.write_text(analysis.read_text(encoding="utf-8") + more, encoding="utf-8")
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("{rate: r_hs1}", "{rate: r_hs1, hazard_ratio: 4 ** x_frail}"), encoding="utf-8"
    )
    years = []
    for rows in ([0] * 500 + [1] * 500, [0, 1] * 500):
        table.write_text("frail\n" + "\n".join(map(str, rows)) + "\n", encoding="utf-8")
        problem = load(sick_sicker, overrides={"analysis.model": "individual"})
        found = simulate(problem, joint_draws(problem, 60), workers=1).exposures
        years.append(found.set_index(["strategy", "exposure"])["mean"]["standard", "healthy"])
    assert years[0] == pytest.approx(years[1], rel=0.03)


@pytest.mark.slow
def test_one_way_of_patients_who_differ(sick_sicker: Path) -> None:
    """No cohort equivalent: the tornado is made with the patients themselves."""
    (sick_sicker / "model/patients.csv").write_text("frail\n3\n3\n", encoding="utf-8")
    analysis = sick_sicker / "model/analysis.yaml"
    more = "covariates: {file: patients.csv, columns: [frail]}\n"
    analysis.write_text(analysis.read_text(encoding="utf-8") + more, encoding="utf-8")
    path = sick_sicker / "model/strategies.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("{rate: r_hs1}", "{rate: r_hs1, hazard_ratio: 2 ** x_frail}"), encoding="utf-8"
    )
    individual = {"analysis.model": "individual", "analysis.patients": 100}
    results = evaluate(load(sick_sicker, overrides=individual))
    drawn = results.decision.tables["icer"].iloc[0]["cost"]
    assert results.deterministic.iloc[0]["cost"] == pytest.approx(drawn, rel=0.1)


def test_a_group_after_progression(inputs: Path) -> None:
    """Known to models with time in state; the others say so."""
    from heor.problem.strategy import Exposure

    problem = load(inputs, scenario="state_residence")
    own = problem.strategies["resection"]
    extra = {g: Exposure(g, state="progressed", among=g) for g in ("operated", "not_operated")}
    strategies = {
        **problem.strategies,
        "resection": replace(own, exposures={**own.exposures, **extra}),
    }
    problem = replace(problem, strategies=strategies)
    assert "follows a group after progression" in fault(problem, "state_transition")
    found = simulate(problem, joint_draws(problem, 5), workers=1).exposures
    years = found.set_index(["strategy", "exposure"])["mean"]["resection"]
    assert years["operated"] + years["not_operated"] == pytest.approx(years["progressed"])


@pytest.mark.parametrize("scenario", ["s17_symmetric_treatment", "s06_null", "s09_strata"])
def test_phases_add_up_in_scenarios(scenario: str, inputs: Path) -> None:
    problem = load(inputs, scenario=scenario)
    draws = joint_draws(problem, 5)
    for model in STRUCTURES:
        own = with_structure(problem, model)
        found = simulate(own, draws, workers=1)
        years = found.exposures.set_index(["strategy", "exposure"])["mean"]
        lived = found.outcomes.component("life_years_undiscounted").mean(axis=0)
        for k, (name, strategy) in enumerate(own.strategies.items()):
            total = sum(years[name, e] for e in strategy.phases.values())
            assert total == pytest.approx(lived[k], rel=1e-6), (model, name)
