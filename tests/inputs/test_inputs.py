"""Bad input is refused with file, line, what was found and what is allowed, all faults at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from heor.errors import InputError
from heor.inputs.load import available, load, load_companions
from heor.inputs.text.layers import read_yaml
from heor.problem import family_names as families
from heor.problem.curve_types import SeriesCurve
from heor.problem.problem import DecisionProblem
from heor.usage.usage import used_parameters
from tests.spoiled import ANALYSIS, COUNTRY, MODEL, NORMS, NORWAY, Faults, Spoil, expect

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.
SPOILT = {
    "probability above 1": (
        MODEL,
        "share_male,share of men,0.60,",
        "share_male,share of men,1.60,",
        ("share_male", "mean 1.6 is outside", "'probability'", "between 0 and 1"),
    ),
    "probability below 0": (
        MODEL,
        "share_male,share of men,0.60,",
        "share_male,share of men,-0.1,",
        ("share_male", "mean -0.1 is outside", "between 0 and 1"),
    ),
    "utility multiplier above 1": (
        MODEL,
        "disease-free off chemotherapy to month 18,0.97,",
        "disease-free off chemotherapy to month 18,1.2,",
        ("m_disease_free_early", "mean 1.2", "'utility multiplier'", "between 0 and 1"),
    ),
    "se impossible for a beta": (
        MODEL,
        "treatment in the chemotherapy arm,0.90,0.05,",
        "treatment in the chemotherapy arm,0.90,0.4,",
        ("share_pf_on_chemo", "se 0.4 cannot be a Beta with mean 0.9", "below 0.3"),
    ),
    "gamma with mean 0": (
        MODEL,
        "contacts per month progressed,1,0.2,",
        "contacts per month progressed,0,0.2,",
        ("visits_progressed", "a Gamma needs a mean above 0, not 0"),
    ),
    "negative se": (
        MODEL,
        "contacts per month progressed,1,0.2,",
        "contacts per month progressed,1,-0.2,",
        ("visits_progressed", "se -0.2 is negative", "0 or more"),
    ),
    "beta arguments against mean": (
        MODEL,
        "0.864865,0.0554583,beta(32; 5)",
        "0.864865,0.0554583,beta(32; 15)",
        ("p_postop_chemo", "beta(32; 15) has mean 0.680851", "Make them agree"),
    ),
    "half-normal argument against mean": (
        MODEL,
        "half-normal(0.25)",
        "half-normal(0.5)",
        ("tau_hr", "half-normal(0.5) has mean 0.398942", "Make them agree"),
    ),
    "study that is not normal": (
        MODEL,
        "log hazard ratio OS ORCHESTRA,-0.1278,0.1153,normal,",
        "log hazard ratio OS ORCHESTRA,0.1278,0.1153,lognormal,",
        ("log_hr_os_orchestra", "is lognormal", "'log_hr_os'", "pooled as normal or fixed"),
    ),
    "between-study SD that is not half-normal": (
        MODEL,
        "0.199471,0.150703,half-normal(0.25)",
        "0.199471,0.150703,gamma",
        ("tau_hr: is gamma", "must be half-normal(scale), or fixed"),
    ),
    "dirichlet without size": (
        MODEL,
        "0.13,0.0430592,dirichlet(clavien; 60)",
        "0.13,0.0430592,dirichlet(clavien)",
        ("p_clavien_3", "dirichlet(group; n)"),
    ),
    "dirichlet size not a number": (
        MODEL,
        "0.13,0.0430592,dirichlet(clavien; 60)",
        "0.13,0.0430592,dirichlet(clavien; many)",
        ("p_clavien_3", "'many'", "number above 0"),
    ),
    "unknown unit": (
        MODEL,
        "10,0,fixed,years,",
        "10,0,fixed,yeers,",
        ("technology_horizon", "unknown unit 'yeers'", "Did you mean 'years'?"),
    ),
    "unknown distribution": (
        MODEL,
        "longest treatment,24,0,fixed,",
        "longest treatment,24,2,gama,",
        ("chemo_cap", "unknown distribution 'gama'", "Did you mean 'gamma'?"),
    ),
    "unknown status": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025,assumption,",
        "60000,15000,gamma,NOK,NOK,2025,asumption,",
        ("c_ablation", "status 'asumption'", "published", "Did you mean 'assumption'?"),
    ),
    "source not in sources.yaml": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025,assumption,model_judgement,",
        "60000,15000,gamma,NOK,NOK,2025,assumption,model_judgment,",
        ("c_ablation", "'model_judgment' is not in sources.yaml", "'model_judgement'?"),
    ),
    "no source": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025,assumption,model_judgement,",
        "60000,15000,gamma,NOK,NOK,2025,assumption,,",
        ("c_ablation", "no source", "Add a key of sources.yaml"),
    ),
    "cost without currency": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,NOK,,2025",
        ("c_ablation", "a cost without currency", "write NOK"),
    ),
    "cost without price year": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,NOK,NOK,",
        ("c_ablation", "a cost without price year", "2025"),
    ),
    "cost in another currency": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,NOK,EUR,2025",
        ("c_ablation", "unit 'NOK' with currency EUR", "{currency} in the unit"),
    ),
    "unit of another money than the currency": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,EUR,NOK,2025",
        ("c_ablation", "unit 'EUR' with currency NOK", "EUR in column 'currency'"),
    ),
    "money without an exchange rate": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,PLN,PLN,2025",
        ("c_ablation", "PLN 2025 in a run in NOK 2025", "no exchange rate of PLN", "it has DKK"),
    ),
    "price year without an index": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,NOK,NOK,1999",
        ("c_ablation", "no consumer prices of NOR for 1999", "it has 2000-2025", "Add the year"),
    ),
    "price year that is none": (
        NORWAY,
        "60000,15000,gamma,NOK,NOK,2025",
        "60000,15000,gamma,NOK,NOK,last",
        ("c_ablation", "price year 'last'", "a year such as 2025"),
    ),
    "decimal comma in quotes": (
        MODEL,
        "share_male,share of men,0.60,",
        'share_male,share of men,"0,60",',
        ("share_male", "'mean'", "'0,60' has a decimal comma", "Write 0.60"),
    ),
    "decimal comma without quotes": (
        MODEL,
        "share_male,share of men,0.60,",
        "share_male,share of men,0,60,",
        ("15 cells; the header has 14", "decimal point"),
    ),
    "not a number": (
        MODEL,
        "share_male,share of men,0.60,",
        "share_male,share of men,most,",
        ("share_male", "'mean'", "'most' is not a finite number"),
    ),
    "infinity": (
        MODEL,
        "share_male,share of men,0.60,",
        "share_male,share of men,inf,",
        ("share_male", "'inf' is not a finite number"),
    ),
    "empty mean": (
        MODEL,
        "share_male,share of men,0.60,",
        "share_male,share of men,,",
        ("share_male", "'mean'", "empty; a number is required"),
    ),
    "missing column": (
        MODEL,
        "name,description,mean,se,",
        "name,description,mean,standard_error,",
        ("column 'se' is missing", "found: name, description, mean, standard_error"),
    ),
    "unknown column": (
        MODEL,
        "evidence,correlation_group,transfer,note",
        "evidence,correlation_grup,transfer,note",
        ("unknown column 'correlation_grup'", "Did you mean 'correlation_group'?"),
    ),
    "country's unknown parameter": (
        NORWAY,
        "c_ablation,ablation",
        "c_ablaton,ablation",
        ("unknown parameter 'c_ablaton'", "Did you mean 'c_ablation'?", "Check the spelling"),
    ),
    "q above 1": (
        LIFE,
        "3,0.0000702163,",
        "3,70.2163,",
        ("q_male is 70.2163", "between 0 and 1", "per 1,000?"),
    ),
    "gap of ages": (LIFE, "3,0.0000702163,", "4,0.0000702163,", ("age 4 does not follow",)),
    "norm above 1": (
        NORMS,
        "40,0.853,",
        "40,1.853,",
        ("utility norm 1.853", "above 0 and at most 1"),
    ),
    "interval that ends before it starts": (
        OS,
        "1.0,1.5,535,",
        "1.0,0.9,535,",
        ("time_end 0.9 is not after time_start 1",),
    ),
    "intervals that do not touch": (
        OS,
        "1.0,1.5,535,",
        "1.1,1.5,535,",
        ("interval starts at 1.1, the one before ends at 1", "must touch"),
    ),
    "at-risk counts that do not add up": (
        OS,
        "1.0,1.5,535,",
        "1.0,1.5,536,",
        ("n_at_risk is 536, but 540 - 4 - 1 = 535 remain",),
    ),
    "more events than at risk": (
        OS,
        "1.0,1.5,535,3,",
        "1.0,1.5,535,533,",
        ("533 events and 3 censored exceed the 535 at risk", "Check the counts"),
    ),
    "negative count": (OS, "1.0,1.5,535,3,", "1.0,1.5,535,-3,", ("a count is negative",)),
    "unknown setting of the analysis": (
        ANALYSIS,
        "\ndraws: 5000",
        "\ndrawz: 5000",
        ("unknown name 'drawz'", "allowed: title, question", "Did you mean 'draws'?"),
    ),
    "setting out of range": (
        ANALYSIS,
        "\ndraws: 5000",
        "\ndraws: 10",
        ("analysis.draws", "greater than or equal to 50", "found 10"),
    ),
    "setting of the wrong kind": (
        ANALYSIS,
        "\ndraws: 5000",
        "\ndraws: many",
        ("analysis.draws", "valid integer", "found 'many'"),
    ),
    "unknown family": (
        ANALYSIS,
        "  distributions:\n    - exponential\n",
        "  distributions:\n    - exponentail\n",
        ("unknown distribution 'exponentail'", "Did you mean 'exponential'?"),
    ),
    "unknown extrapolation": (
        ANALYSIS,
        "extrapolation: stacked",
        "extrapolation: staked",
        ("unknown extrapolation 'staked'", "Did you mean 'stacked'?"),
    ),
    "unknown comparator": (
        ANALYSIS,
        "comparator: chemotherapy",
        "comparator: chemoterapy",
        ("unknown strategy 'chemoterapy'", "Did you mean 'chemotherapy'?"),
    ),
    "comparator is the intervention": (
        ANALYSIS,
        "\nintervention: resection",
        "\nintervention: chemotherapy",
        (
            "intervention: 'chemotherapy' is the comparator too",
            "a strategy compared with itself differs in nothing",
            "Name another strategy as one of the two: resection.",
        ),
    ),
    "unknown study in a synthesis": (
        ANALYSIS,
        "studies: [log_hr_os_clocc,",
        "studies: [log_hr_os_cloc,",
        ("unknown parameter 'log_hr_os_cloc'", "Did you mean 'log_hr_os_clocc'?"),
    ),
    "unknown correlation group": (
        ANALYSIS,
        "{group: unit_costs,",
        "{group: unit_cost,",
        ("no parameter has correlation_group 'unit_cost'", "Did you mean 'unit_costs'?"),
    ),
    "correlation of a derived quantity": (
        ANALYSIS,
        "{pair: [log_hr_os, log_hr_pfs_marginal]",
        "{pair: [log_hr_os, m_terminal]",
        ("unknown parameter 'm_terminal'",),
    ),
    "unknown name in a derived quantity": (
        ANALYSIS,
        "cured_fraction: cure_exists * p_operated",
        "cured_fraction: cure_exists * p_operatd",
        ("cured_fraction", "'p_operatd'", "neither a parameter nor a derived", "'p_operated'?"),
    ),
    "unknown companion": (
        ANALYSIS,
        "companions: [s17_symmetric_treatment,",
        "companions: [s17_symmetric_treatmnt,",
        ("unknown scenario 's17_symmetric_treatmnt'", "'s17_symmetric_treatment'?"),
    ),
    "state without a meaning": (
        ANALYSIS,
        "states: [progression_free, progressed, dead]",
        "states: [progression_free, progressed, gone]",
        ("the last state is 'gone'", "it must be dead"),
    ),
    "unknown setting of a strategy": (
        STRATEGIES,
        "work_up:    {at: ",
        "work_up:    {att: ",
        ("unknown name 'att'", "allowed: state, flow, at,", "Did you mean 'at'?"),
    ),
    "unknown name in a cost": (
        STRATEGIES,
        "{exposure: operations, amount: c_resection,",
        "{exposure: operations, amount: c_resecton,",
        ("costs.resection.amount", "'c_resecton'", "Did you mean 'c_resection'?"),
    ),
    "unknown function": (
        STRATEGIES,
        "marginal_hazard_ratio: exp(log_hr_os)",
        "marginal_hazard_ratio: epx(log_hr_os)",
        ("curves.os.marginal_hazard_ratio", "calls 'epx'", "allowed functions", "'exp'?"),
    ),
    "not an expression": (
        STRATEGIES,
        "marginal_hazard_ratio: exp(log_hr_os)",
        "marginal_hazard_ratio: exp(log_hr_os",
        ("curves.os.marginal_hazard_ratio", "is not an expression"),
    ),
    "code in an expression": (
        STRATEGIES,
        "marginal_hazard_ratio: exp(log_hr_os)",
        "marginal_hazard_ratio: log_hr_os.real",
        ("curves.os.marginal_hazard_ratio", "is not arithmetic"),
    ),
    "unknown exposure": (
        STRATEGIES,
        "{exposure: operations, amount: c_resection,",
        "{exposure: operation, amount: c_resection,",
        ("unknown exposure 'operation'", "Did you mean 'operations'?"),
    ),
    "unknown category": (
        STRATEGIES,
        "amount: c_resection, category: surgery}",
        "amount: c_resection, category: surgry}",
        ("unknown category 'surgry'", "Did you mean 'surgery'?"),
    ),
    "unknown stream": (
        STRATEGIES,
        "amount: c_travel, category: travel, stream: travel}\n    surgery_time",
        "amount: c_travel, category: travel, stream: travl}\n    surgery_time",
        ("stream", "found 'travl'"),
    ),
    "unknown state": (
        STRATEGIES,
        "not_operated:    {state: progression_free,",
        "not_operated:    {state: progresion_free,",
        ("unknown state 'progresion_free'", "Did you mean 'progression_free'?"),
    ),
    "unknown group": (
        STRATEGIES,
        "recurrences:     {flow: progressions, among: operated, from: surgery}",
        "recurrences:     {flow: progressions, among: operatd, from: surgery}",
        ("unknown group 'operatd'", "Did you mean 'operated'?"),
    ),
    "unknown cured group": (
        STRATEGIES,
        "cured_group: operated",
        "cured_group: operatd",
        ("unknown group 'operatd'", "Did you mean 'operated'?"),
    ),
    "unknown evidence": (
        STRATEGIES,
        "os:  {evidence: second_line_folfiri_os, ",
        "os:  {evidence: second_line_folfir_os, ",
        ("'second_line_folfir_os'", "Did you mean 'second_line_folfiri_os'?"),
    ),
    "evidence without an age": (
        STRATEGIES,
        "os:  {evidence: second_line_folfiri_os, ",
        "os:  {evidence: resected_crlm_all_os, ",
        ("'resected_crlm_all_os' has no age or share_male", "survival/index.yaml"),
    ),
    "exposure in a circle": (
        STRATEGIES,
        "not_operated:    {state: progression_free, among: not_operated}",
        "not_operated:    {state: progression_free, less: [on_chemotherapy, follow_up_early]}\n"
        "    extra: {sum_of: [extra, not_operated]}",
        ("exposure 'extra' refers to itself",),
    ),
    "country's source not in sources.yaml": (
        COUNTRY,
        "source: [garratt_2025_value_set,",
        "source: [garrat_2025_value_set,",
        ("unknown source 'garrat_2025_value_set'", "Did you mean 'garratt_2025_value_set'?"),
    ),
    "endpoint without a meaning": (
        INDEX,
        "second_line_folfiri_os.csv\n  label: 2nd-line FOLFIRI\n  endpoint: os",
        "second_line_folfiri_os.csv\n  label: 2nd-line FOLFIRI\n  endpoint: so",
        ("unknown endpoint 'so'", "available: pfs, os, dfs"),
    ),
    "gap between discount bands": (
        COUNTRY,
        "{from: 40, to: 75, rate: 0.03}",
        "{from: 45, to: 75, rate: 0.03}",
        ("a band starts at 45 where 40 was expected", "touch"),
    ),
    "discounting that ends": (
        COUNTRY,
        "{from: 75, to: null, rate: 0.02}",
        "{from: 75, to: 90, rate: 0.02}",
        ("the last band ends at 90", "must end with null"),
    ),
    "discount rate in percent": (
        COUNTRY,
        "{from: 40, to: 75, rate: 0.03}",
        "{from: 40, to: 75, rate: 3}",
        ("costs.1.rate", "less than or equal to 0.2", "found 3"),
    ),
    "bad YAML": (COUNTRY, "label: Norway", 'label: "Norway', ("not valid YAML", "quotes")),
    "duplicate YAML key": (
        COUNTRY,
        "iso3: NOR\n",
        "iso2: NOR\n",
        ("'iso2' appears twice", "Remove one"),
    ),
    "impossible date": (
        "model/sources.yaml",
        "# Every source cited in inputs/, by key.",
        "bad: {title: x, accessed: 2026-13-45} # Every source cited in inputs/, by key.",
        ("not valid YAML", "month"),
    ),
}


#: Faults placed at a neighbouring line: of the block, or of the last of several lines replaced.
ELSEWHERE = {
    "bad YAML",
    "exposure in a circle",
    "endpoint without a meaning",
    "gap between discount bands",
    "discounting that ends",
}


@pytest.mark.parametrize("case", SPOILT)
def test_every_fault_names_file_line_and_remedy(case: str, spoil: Spoil, faults: Faults) -> None:
    file, old, new, parts = SPOILT[case]
    line = spoil(file, old, new) + (1 if old.startswith("\n") else 0)
    where = f"inputs/{file}:" if case in ELSEWHERE else f"inputs/{file}:{line}:"
    expect(faults(), where, *parts)


def test_all_faults_come_in_one_error(spoil: Spoil, faults: Faults) -> None:
    share = spoil(MODEL, "share_male,share of men,0.60,", "share_male,share of men,1.60,")
    price = spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "60000,15000,gamma,NOK,NOK,")
    counts = spoil(OS, "1.0,1.5,535,", "1.0,1.5,536,")
    age = spoil(LIFE, "3,0.0000702163,", "3,70.2163,")
    cost = spoil(STRATEGIES, "amount: c_resection,", "amount: c_resecton,")
    problems = faults()
    expect(problems, f"inputs/{MODEL}:{share}: share_male", "outside")
    expect(problems, f"inputs/{NORWAY}:{price}: c_ablation", "price year")
    expect(problems, f"inputs/{OS}:{counts}:", "n_at_risk is 536")
    expect(problems, f"inputs/{LIFE}:{age}:", "q_male")
    expect(problems, f"inputs/{STRATEGIES}:{cost}:", "c_resecton")


def test_one_fault_is_reported_once(spoil: Spoil, faults: Faults) -> None:
    """What uses a faulty parameter is not a fault of its own."""
    spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "60000,15000,gamma,NOK,NOK,")
    spoil(MODEL, "share_male,share of men,0.60,", "share_male,share of men,1.60,")
    assert len(faults()) == 2


@pytest.mark.parametrize("name", ["start_age", "share_male", "chemo_cap"])
def test_a_parameter_that_the_model_needs(name: str, copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / MODEL
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if not x.startswith(f"{name},")), encoding="utf-8")
    assert all(f"'{name}'" in p for p in faults())


def test_faults_of_the_text_form_do_not_hide_each_other(spoil: Spoil, faults: Faults) -> None:
    line = spoil(ANALYSIS, "\ndraws: 5000", "\ndrawz: 5000") + 1
    share = spoil(MODEL, "share_male,share of men,0.60,", "share_male,share of men,1.60,")
    problems = faults(scenario="s11_no_cure", overrides={"cure_exist": 1})
    expect(problems, f"inputs/{ANALYSIS}:{line}:", "drawz")
    expect(problems, "--set cure_exist=1:", "cure_exists")
    # What can be judged in spite of the unknown setting is judged in the same run.
    expect(problems, f"inputs/{MODEL}:{share}: share_male", "outside")


def test_exit_code_and_message_hold_every_problem(spoil: Spoil, copied_inputs: Path) -> None:
    spoil(MODEL, "share_male,share of men,0.60,", "share_male,share of men,1.60,")
    with pytest.raises(InputError) as caught:
        load(copied_inputs)
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(caught.value.problems)


# ------------------------------------------------------------------------------ whole files
def test_semicolons(copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / MODEL
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    expect(faults(), f"inputs/{MODEL}:1:", "separated by semicolons", "comma is expected", ".xlsx")


def test_latin_1(copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / MODEL
    text = path.read_text(encoding="utf-8").replace("share of men", "andel menn, også")
    line = text[: text.index("også")].count("\n") + 1
    path.write_bytes(text.encode("latin-1"))
    expect(faults(), f"inputs/{MODEL}:{line}:", "not UTF-8", "0xe5", "CSV UTF-8")


def test_byte_order_mark_is_welcome(copied_inputs: Path) -> None:
    path = copied_inputs / MODEL
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(copied_inputs).share_male == 0.6


@pytest.mark.parametrize("file", [MODEL, NORWAY, OS, LIFE, ANALYSIS, COUNTRY, INDEX])
def test_empty_file(file: str, copied_inputs: Path, faults: Faults) -> None:
    (copied_inputs / file).write_text("\n", encoding="utf-8")
    expect(faults(), f"inputs/{file}:", "empty file", "content is required")


@pytest.mark.parametrize("file", [MODEL, NORWAY, OS, LIFE, ANALYSIS, COUNTRY, INDEX])
def test_missing_file(file: str, copied_inputs: Path, faults: Faults) -> None:
    (copied_inputs / file).unlink()
    expect(faults(), f"inputs/{file}:", "not found", "required")


@pytest.mark.parametrize("file", [MODEL, OS, LIFE])
def test_header_without_rows(file: str, copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / file
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    expect(faults(), f"inputs/{file}:", "no rows below the header")


def test_yaml_that_is_no_mapping(copied_inputs: Path, faults: Faults) -> None:
    (copied_inputs / ANALYSIS).write_text("- a\n- b\n", encoding="utf-8")
    expect(faults(), f"inputs/{ANALYSIS}:1:", "not a mapping")


def test_yaml_with_a_control_character(copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / ANALYSIS
    path.write_text("a: 1\nb: \x07\n", encoding="utf-8")
    expect(faults(), f"inputs/{ANALYSIS}:2:", "not valid YAML")


def test_yaml_with_a_list_as_name(copied_inputs: Path, faults: Faults) -> None:
    (copied_inputs / ANALYSIS).write_text("title: a\n[b, c]: 1\n", encoding="utf-8")
    expect(faults(), f"inputs/{ANALYSIS}:2:", "name")


def test_duplicate_parameter_row(copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / NORWAY
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    expect(faults(), f"inputs/{NORWAY}:{len(lines) + 1}:", "'c_resection' appears twice", "line 2")


def test_missing_required_value(copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / NORWAY
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if not x.startswith("c_resection,")), encoding="utf-8")
    model = (copied_inputs / MODEL).read_text(encoding="utf-8")
    line = model[: model.index("\nc_resection,")].count("\n") + 2
    expect(
        faults(), f"inputs/{MODEL}:{line}: c_resection", "required from the country", "Add a row"
    )


def test_line_numbers_survive_cells_of_several_lines(spoil: Spoil, faults: Faults) -> None:
    spoil(MODEL, "a mixture of two life tables", "a mixture\nof two life tables")
    line = spoil(MODEL, "longest treatment,24,", "longest treatment,-1,")
    expect(faults(), f"inputs/{MODEL}:{line}: chemo_cap", "mean -1 is outside")


def test_no_inputs_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no inputs folder here .* --inputs"):
        load(tmp_path)


def test_unknown_country_and_scenario(faults: Faults) -> None:
    expect(faults(country="norwy"), "unknown country 'norwy'", "Did you mean 'norway'?")
    expect(
        faults(scenario="s11_nocure"), "unknown scenario 's11_nocure'", "Did you mean 's11_no_cure'"
    )


def test_evidence_and_country_sources_must_resolve(copied_inputs: Path, faults: Faults) -> None:
    path = copied_inputs / INDEX
    text = path.read_text(encoding="utf-8")
    at = text.index("- peeters_2014")
    path.write_text(text[:at] + "- peters_2014" + text[at + len("- peeters_2014") :], "utf-8")
    expect(faults(), f"inputs/{INDEX}:", "unknown source 'peters_2014'", "'peeters_2014'?")


# -------------------------------------------------------------------- scenarios and --set
def write_scenario(folder: Path, text: str, name: str = "mine") -> None:
    (folder / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")


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
    text: str, line: int, parts: tuple[str, ...], copied_inputs: Path, faults: Faults
) -> None:
    write_scenario(copied_inputs, text)
    expect(faults(scenario="mine"), f"inputs/scenarios/mine.yaml:{line}:", *parts)


def test_a_scenario_needs_a_why(copied_inputs: Path, faults: Faults) -> None:
    write_scenario(copied_inputs, "label: A\n")
    expect(faults(scenario="mine"), "", "'why' is missing", "Add it")


def test_a_scenario_cannot_be_based_on_itself(copied_inputs: Path, faults: Faults) -> None:
    write_scenario(copied_inputs, "label: A\nwhy: b\nbased_on: [other]\n")
    write_scenario(copied_inputs, "label: A\nwhy: b\nbased_on: [mine]\n", "other")
    expect(faults(scenario="mine"), "inputs/scenarios/other.yaml", "based on itself")


def test_exposures_cannot_refer_to_each_other_in_a_circle(
    copied_inputs: Path, faults: Faults
) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    exposures:\n"
        "      on_chemotherapy: {less: [follow_up_early]}\n",
    )
    where = "inputs/scenarios/mine.yaml:6:"
    expect(faults(scenario="mine"), where, "refer to each other in a circle", "on_chemotherapy")


def test_a_group_correlation_has_a_lower_bound(faults: Faults) -> None:
    problems = faults(overrides={"cost_correlation": -0.3})
    expect(problems, "--set cost_correlation=-0.3", "-0.3", "between -0.0833 and 1")


def test_dirichlet_shares_must_fit_in_one(spoil: Spoil, faults: Faults) -> None:
    spoil(MODEL, "Clavien-Dindo I-II,0.15,", "Clavien-Dindo I-II,0.95,")
    expect(faults(), f"inputs/{MODEL}:", "clavien", "sum to 1.11", "at most 1")


def test_dirichlet_members_share_their_size(spoil: Spoil, faults: Faults) -> None:
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


# ------------------------------------------------------------------------------ other forms
def test_no_is_norway(tmp_path: Path) -> None:
    """YAML 1.1 reads a bare NO as false; here it stays text."""
    path = tmp_path / "a.yaml"
    path.write_text("iso2: NO\nsure: true\noff: off\n", encoding="utf-8")
    problems: list[str] = []
    assert read_yaml(path, "a.yaml", "model", problems).values == {
        "iso2": "NO",
        "sure": True,
        "off": "off",
    }
    assert problems == []


def test_norway_without_quotes_loads(spoil: Spoil, copied_inputs: Path) -> None:
    spoil(COUNTRY, 'iso2: "NO"', "iso2: NO")
    assert load(copied_inputs).country.iso2 == "NO"


def test_xlsx_equals_csv(copied_inputs: Path, problem: DecisionProblem) -> None:
    """The same table from Excel, with numbers stored as numbers."""
    for file in (MODEL, NORWAY):
        path = copied_inputs / file
        book = openpyxl.Workbook()
        for row in pd.read_csv(path, header=None, dtype=str, keep_default_na=False).to_numpy():
            book.active.append([_cell(c) for c in row])
        book.save(path.with_suffix(".xlsx"))
        path.unlink()
    found = load(copied_inputs)
    assert list(found.parameters) == list(problem.parameters)
    for name, expected in problem.parameters.items():
        for field in (
            "mean",
            "se",
            "distribution",
            "arguments",
            "unit",
            "status",
            "source",
            "note",
        ):
            assert getattr(found.parameters[name], field) == getattr(expected, field), name
    assert str(found.origin("c_resection")) == "inputs/countries/norway/parameters.xlsx:2"


def _cell(text: str) -> str | float | int | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def test_price_year_as_excel_writes_it(spoil: Spoil, copied_inputs: Path) -> None:
    spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "60000,15000,gamma,NOK,NOK,2025.0")
    assert load(copied_inputs).parameters["c_ablation"].price_year == 2025


def test_individual_data(copied_inputs: Path, faults: Faults) -> None:
    """One row a patient is another form of evidence; times are converted, faults are named."""
    index = copied_inputs / INDEX
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("form: grouped", "form: individual", 1), encoding="utf-8")
    (copied_inputs / OS).write_text("time,event\n12,1\n24,0\n", encoding="utf-8")
    evidence = load(copied_inputs).evidence["second_line_folfiri_os"]
    np.testing.assert_array_equal(evidence.table["time"], [1.0, 2.0])
    np.testing.assert_array_equal(evidence.table["weight"], [1.0, 1.0])
    assert (evidence.n, evidence.events) == (2, 1)
    (copied_inputs / OS).write_text("time,event,entry\n12,2,0\n24,0,30\n", encoding="utf-8")
    problems = faults()
    expect(problems, f"inputs/{OS}:2:", "event is 2", "1 (event) or 0 (censored)")
    expect(problems, f"inputs/{OS}:3:", "entry must be")


# ---------------------------------------------------------------------------- family names
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weibull", ("weibull", None, "", None)),
        ("generalised_f", ("generalised_f", None, "", None)),
        ("weibull_cure", ("weibull", None, "mixture", None)),
        ("gompertz_cure_nonmixture", ("gompertz", None, "nonmixture", None)),
        ("piecewise_exponential_12", ("piecewise_exponential", 12, "", None)),
        ("spline_hazard_0", ("spline_hazard", 0, "", None)),
        ("spline_normal_6_cure", ("spline_normal", 6, "mixture", None)),
        ("m_spline", ("m_spline", 10, "", None)),
        ("m_spline_7", ("m_spline", 7, "", None)),
        ("joint_lognormal_weibull", ("joint", None, "", ("lognormal", "weibull"))),
        (
            "joint_gompertz_exponential_cure",
            ("joint", None, "mixture", ("gompertz", "exponential")),
        ),
    ],
)
def test_family_names(name: str, expected: tuple) -> None:
    found = families.parse(name)
    assert (found.base, found.size, found.cure, found.joint) == expected
    assert found.text == name and families.fault(name) == ""


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("weibul", ("unknown distribution 'weibul'", "Did you mean 'weibull'?")),
        ("weibul_cure", ("unknown distribution 'weibul_cure'", "_cure", "'weibull'?")),
        ("spline_hazard_7", ("size 7", "spline_hazard_K takes 0 to 6 inner knots")),
        ("spline_hazard", ("no size", "0 to 6 inner knots")),
        ("piecewise_exponential", ("no size", "2 to 20 pieces")),
        ("piecewise_exponential_1", ("size 1", "2 to 20 pieces")),
        ("m_spline_4_cure", ("size 4", "5 to 20 basis functions")),
        ("joint_gamma_weibull", ("joint_PFS_POST", "PFS one of lognormal")),
        ("joint_weibull_gompertz", ("joint_PFS_POST", "POST one of exponential")),
        ("joint_weibull_weibull_cure_nonmixture", ("with or without _cure",)),
        ("", ("unknown distribution ''", "allowed: exponential")),
    ],
)
def test_faulty_family_names(name: str, parts: tuple[str, ...]) -> None:
    assert families.parse(name) is None
    fault = families.fault(name)
    assert all(part in fault for part in parts), fault


def test_words_beside_families() -> None:
    assert families.fault("stacked", "extrapolation", ("stacked",)) == ""
    assert "allowed: stacked, exponential" in families.fault("x", "extrapolation", ("stacked",))


# ---------------------------------------------------------------------------- forms of evidence
OTHER = "model/survival/other.csv"


@pytest.fixture
def evidence(copied_inputs: Path) -> Callable[..., None]:
    """Add evidence `other` to the index, with its table (and a risk table)."""

    def add(form: str, table: str, risk: str | None = None, **settings: object) -> None:
        lines = {
            "file": "other.csv",
            "label": "Other",
            "endpoint": "os",
            "form": form,
            "time_unit": "months",
            "age": 60,
            "share_male": 0.5,
            "source": "[model_judgement]",
            "status": "assumption",
            **settings,
        }
        index = copied_inputs / INDEX
        text = "".join(f"  {k}: {v}\n" for k, v in lines.items() if v is not None)
        index.write_text(index.read_text("utf-8") + f"\nother:\n{text}", "utf-8")
        (copied_inputs / OTHER).write_text(table, "utf-8")
        if risk is not None:
            (copied_inputs / "model/survival/risk.csv").write_text(risk, "utf-8")

    return add


def test_landmarks_with_patients_alone(evidence: Callable, copied_inputs: Path) -> None:
    evidence("landmark", "time,survival\n12,0.83\n36,0.41\n60,0.22\n", patients=60)
    found = load(copied_inputs).evidence["other"]
    np.testing.assert_allclose(found.table["start"], [0, 1, 3])
    np.testing.assert_allclose(found.table["end"], [1, 3, 5])
    np.testing.assert_allclose(found.table["n"], [60, 49.8, 24.6])
    np.testing.assert_allclose(found.table["survivors"], [49.8, 24.6, 13.2])
    np.testing.assert_allclose(found.table["survival"], [0.83, 0.41, 0.22])
    assert (found.n, found.events, found.patients) == (60, 47, 60)


@pytest.mark.parametrize("first", ["", "0,1,60\n"])
def test_landmarks_with_numbers_at_risk(
    first: str, evidence: Callable, copied_inputs: Path
) -> None:
    """n of an interval is the number at risk where it starts; a row at time 0 may say who starts."""
    table = f"time,survival,n_at_risk\n{first}12,0.8,40\n24,0.4,12\n"
    evidence("landmark", table, patients=None if first else 60)
    found = load(copied_inputs).evidence["other"]
    np.testing.assert_allclose(found.table["n"], [60, 40])
    np.testing.assert_allclose(found.table["survivors"], [48, 20])


@pytest.mark.parametrize("interval", ["log_log", "log"])
def test_landmarks_with_intervals_recover_the_numbers_at_risk(
    interval: str, evidence: Callable, copied_inputs: Path
) -> None:
    """Greenwood's variance of known numbers at risk (with censoring), turned into intervals."""
    n, p = np.array([100.0, 60.0, 20.0]), np.array([0.8, 0.7, 0.5])
    survival = np.cumprod(p)
    se = np.sqrt(np.cumsum((1 - p) / (p * n)))
    if interval == "log":
        low, high = (survival * np.exp(z * 1.959963984540054 * se) for z in (-1, 1))
    else:
        scale = 1.959963984540054 * se / np.log(survival)
        low, high = (survival ** np.exp(z * scale) for z in (-1, 1))
    rows = zip([12, 24, 36], survival, low, high, strict=True)
    table = "time,survival,low,high\n" + "".join(
        f"{','.join(map(repr, map(float, r)))}\n" for r in rows
    )
    evidence("landmark", table, interval=interval)
    found = load(copied_inputs).evidence["other"]
    np.testing.assert_allclose(found.table["n"], n, rtol=1e-9)
    np.testing.assert_allclose(found.table["survivors"], n * p, rtol=1e-9)


def test_published_intervals_give_plausible_numbers(
    evidence: Callable, copied_inputs: Path
) -> None:
    """CLOCC's systemic arm: 59 patients, rounded intervals; never more than are left."""
    rows = "36,0.552,0.416,0.669\n60,0.303,0.190,0.424\n96,0.089,0.033,0.181\n"
    evidence("landmark", "time,survival,low,high\n" + rows, patients=59)
    table = load(copied_inputs).evidence["other"].table
    assert 50 < table["n"][0] <= 59
    assert (table["n"][1:] <= table["survivors"][:-1]).all() and (table["n"] > 5).all()


LANDMARKS = {
    "rises": ("time,survival\n12,0.4\n24,0.5\n", {"patients": 9}, 3, "rises from 0.4 to 0.5"),
    "per cent": ("time,survival\n12,83\n", {"patients": 9}, 2, "Is it in per cent?"),
    "times fall": ("time,survival\n12,0.9\n6,0.8\n", {"patients": 9}, 3, "6 is not after 12"),
    "time zero": ("time,survival\n0,0.9\n6,0.8\n", {"patients": 9}, 2, "it must be 1"),
    "nobody left": ("time,survival\n6,0\n12,0\n", {"patients": 9}, 3, "nobody was alive at 6"),
    "outside": (
        "time,survival,low,high\n12,0.5,0.6,0.7\n",
        {},
        2,
        "outside its interval 0.6 to 0.7",
    ),
    "one end": ("time,survival,low\n12,0.5,0.4\n", {}, 1, "'low' and 'high' belong together"),
    "no width": ("time,survival,low,high\n12,0.5,0,0.7\n", {}, 2, "low must be above 0"),
    "narrower": ("time,survival,low,high\n12,0.8,0.6,0.9\n24,0.7,0.69,0.71\n", {}, 3, "too narrow"),
    "more than there are": (
        "time,survival,low,high\n12,0.5,0.45,0.55\n",
        {"patients": 60},
        2,
        "more than the 60",
    ),
    "both": ("time,survival,low,high,n_at_risk\n12,0.5,0.4,0.6,9\n", {}, 1, "Remove the other"),
    "at risk rises": (
        "time,survival,n_at_risk\n12,0.9,8\n24,0.8,9\n",
        {"patients": 10},
        3,
        "cannot rise",
    ),
    "at risk above patients": (
        "time,survival,n_at_risk\n12,0.9,11\n",
        {"patients": 10},
        2,
        "11 after 10",
    ),
    "at risk above survivors": (
        "time,survival,n_at_risk\n12,0.5,48\n",
        {"patients": 60},
        2,
        "more than the survivors",
    ),
    "nobody at risk": (
        "time,survival,n_at_risk\n12,0.9,0\n24,0.8,0\n",
        {"patients": 10},
        None,
        "nobody is at risk",
    ),
    "who started": ("time,survival,n_at_risk\n12,0.9,8\n", {}, None, "not who started"),
    "start twice": (
        "time,survival,n_at_risk\n0,1,9\n12,0.9,8\n",
        {"patients": 10},
        2,
        "Make them agree",
    ),
    "how many": ("time,survival\n12,0.9\n", {}, None, "how many patients there are"),
    "only time zero": ("time,survival\n0,1\n", {"patients": 9}, None, "no landmark after time 0"),
    "days as years": (
        "time,survival\n365,0.9\n",
        {"patients": 9, "time_unit": "years"},
        None,
        "'time_unit' right?",
    ),
    "years as days": (
        "time,survival\n5,0.9\n",
        {"patients": 9, "time_unit": "days"},
        None,
        "'time_unit' right?",
    ),
}


@pytest.mark.parametrize("case", LANDMARKS)
def test_faulty_landmarks(case: str, evidence: Callable, faults: Faults) -> None:
    table, settings, line, part = LANDMARKS[case]
    evidence("landmark", table, **settings)
    problems = faults()
    expect(problems, f"inputs/{OTHER}:{line}:" if line else f"inputs/{OTHER}:", part)
    assert len(problems) == 1, problems


def test_registry_counts(evidence: Callable, copied_inputs: Path, faults: Faults) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n36,60,90,60.5\n")
    found = load(copied_inputs).evidence["other"]
    assert {k: v.tolist() for k, v in found.table.items()} == {
        "start": [2, 3],
        "end": [3, 5],
        "n": [200, 90],
        "survivors": [150, 60.5],
    }
    assert (found.n, found.events) == (200, 80)
    bad = "start,stop,n,survivors\n24,12,200,150\n36,60,90,91\n36,60,0,0\n"
    (copied_inputs / OTHER).write_text(bad, "utf-8")
    problems = faults()
    expect(problems, f"inputs/{OTHER}:2:", "stop 12 is not after start 24")
    expect(problems, f"inputs/{OTHER}:3:", "91 survivors of 90")
    expect(problems, f"inputs/{OTHER}:4:", "n is 0; it must be above 0")


def test_published_curve(evidence: Callable, copied_inputs: Path) -> None:
    """Clicks stay as they are; a risk table that starts at 0 says how many patients there are."""
    risk = "time,n_at_risk\n0,100\n12,60\n"
    evidence(
        "published_curve",
        "time,survival\n1,0.99\n20,0.4\n",
        risk,
        risk_table="risk.csv",
        total_events=55,
    )
    found = load(copied_inputs).evidence["other"]
    assert {k: pytest.approx(v.tolist()) for k, v in found.table.items()} == {
        "click_time": [1 / 12, 20 / 12],
        "click_survival": [0.99, 0.4],
        "risk_time": [0, 1],
        "risk_n": [100, 60],
    }
    assert (found.n, found.patients, found.events, found.total_events) == (100, 100, 55, 55)


def test_published_curve_without_a_risk_table(evidence: Callable, copied_inputs: Path) -> None:
    evidence("published_curve", "time,survival\n1,99\n20,40\n", patients=50)
    found = load(copied_inputs).evidence["other"]
    assert "risk_time" not in found.table
    assert (found.n, found.events) == (50, 30)  # 60 per cent of 50


@pytest.mark.parametrize(
    ("table", "risk", "settings", "where", "part"),
    [
        ("1,0.9\n-1,0.8\n", None, {"patients": 9}, f"{OTHER}:3:", "0 or later"),
        ("1,130\n", None, {"patients": 9}, f"{OTHER}:2:", "in per cent"),
        ("1,0.9\n", None, {}, f"{OTHER}:", "how many patients"),
        ("1,0.9\n", None, {"patients": 9, "total_events": 10}, f"{OTHER}:", "10 events in 9"),
        ("1,0.9\n", "0,9\n5,10\n", {}, "model/survival/risk.csv:3:", "rises from 9 to 10"),
        ("1,0.9\n", "0,9\n0,8\n", {}, "model/survival/risk.csv:3:", "not after"),
        ("1,0.9\n", "0,9\n5,-1\n", {}, "model/survival/risk.csv:", "negative"),
        ("1,0.9\n", "0,9\n", {"patients": 8}, "model/survival/risk.csv:", "Make them agree"),
        ("900,0.9\n", None, {"patients": 9}, f"{OTHER}:", "'time_unit' right?"),
    ],
)
def test_faulty_published_curves(
    table: str, risk: str | None, settings: dict, where: str, part: str, evidence, faults: Faults
) -> None:
    if risk is not None:
        settings = {**settings, "risk_table": "risk.csv"}
        risk = f"time,n_at_risk\n{risk}"
    evidence("published_curve", f"time,survival\n{table}", risk, **settings)
    problems = faults()
    expect(problems, f"inputs/{where}", part)
    assert len(problems) == 1, problems


def test_missing_risk_table(evidence: Callable, faults: Faults) -> None:
    evidence("published_curve", "time,survival\n1,0.9\n", risk_table="risk.csv")
    expect(faults(), "inputs/model/survival/risk.csv:", "not found")


def test_individual_data_with_covariates(
    evidence: Callable, copied_inputs: Path, faults: Faults
) -> None:
    evidence("individual", "time,event,stage\n12,1,2\n24,0,3\n", covariates="[stage]")
    found = load(copied_inputs).evidence["other"]
    assert found.covariates == ("stage",)
    np.testing.assert_array_equal(found.table["x_stage"], [2, 3])
    # A curve fitted to them says for whom it is.
    curve = "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n      os: {evidence: other%s}\n"
    curve += "analysis:\n  survival: {distributions: [weibull, m_spline]}\n"
    write_scenario(copied_inputs, curve % "")
    where = "inputs/scenarios/mine.yaml:6:"
    expect(faults(scenario="mine"), where, "has covariates stage", "at: {stage: ...}")
    write_scenario(copied_inputs, curve % ", at: {stage: share_male * 2, age: 3}")
    expect(faults(scenario="mine"), where, "unknown covariate 'age'", "available: stage")
    write_scenario(copied_inputs, curve % ", at: {stage: share_mal}")
    expect(faults(scenario="mine"), where, "curves.os.at.stage", "'share_mal'")
    write_scenario(copied_inputs, curve % ", at: {stage: share_male * 2}")
    assert load(copied_inputs, scenario="mine").strategies["chemotherapy"].curves["os"].at == {
        "stage": "share_male * 2"
    }
    write_scenario(copied_inputs, (curve % ", at: {stage: 2}").replace("m_spline", "gamma"))
    expect(faults(scenario="mine"), where, "has covariates, which gamma cannot take")
    (copied_inputs / OTHER).write_text("time,event\n12,1\n", "utf-8")
    expect(faults(), f"inputs/{OTHER}:1:", "column 'stage' is missing")


def test_grouped_counts_start_at_zero(evidence: Callable, faults: Faults) -> None:
    evidence("grouped", "time_start,time_end,n_at_risk,n_events,n_censored\n12,24,50,20,30\n")
    expect(faults(), f"inputs/{OTHER}:2:", "must start at 0", "form: counts")


def test_covariates_of_other_evidence(copied_inputs: Path, faults: Faults) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n      os: {at: {stage: 1}}\n",
    )
    expect(faults(scenario="mine"), "inputs/scenarios/mine.yaml:6:", "has no covariates")


def test_fields_of_another_form(evidence: Callable, faults: Faults) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n", patients=3)
    expect(
        faults(), f"inputs/{INDEX}:", "'patients' goes with form landmark or published_curve only"
    )


def test_evidence_without_a_time_unit(evidence: Callable, faults: Faults) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n", time_unit=None)
    expect(faults(), f"inputs/{INDEX}:", "'survival.other.time_unit' is missing", "Add it")


def test_external_evidence(
    evidence: Callable, copied_inputs: Path, spoil: Spoil, faults: Faults
) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n")
    at = "second_line_folfiri_os:\n"
    spoil(INDEX, at, at + "  external: [other]\n")
    assert load(copied_inputs).evidence["second_line_folfiri_os"].external == ("other",)

    def again(old: str, new: str, part: str) -> None:
        spoil(INDEX, f"external: [{old}]", f"external: [{new}]")
        expect(faults(), f"inputs/{INDEX}:", part)

    again("other", "othr", "unknown survival evidence 'othr'")
    again("othr", "second_line_folfiri_os", "external to itself")
    again(
        "second_line_folfiri_os",
        "second_line_bebyp_chemo_os",
        "has form grouped; counts or landmark",
    )
    again("second_line_bebyp_chemo_os", "resected_second_line_dfs", "is about dfs, this about os")


def test_counts_carry_no_curve_of_their_own(
    evidence: Callable, copied_inputs: Path, faults: Faults
) -> None:
    evidence("counts", "start,stop,n,survivors\n24,36,200,150\n")
    text = (
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n      os: {evidence: other}\n"
    )
    write_scenario(copied_inputs, text)
    expect(
        faults(scenario="mine"), "inputs/scenarios/mine.yaml:6:", "registry counts", "'external'"
    )


# ------------------------------------------------------------------------- exposures in time
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
    exposure: str, parts: tuple[str, ...], spoil: Spoil, faults: Faults
) -> None:
    line = 1 + spoil(STRATEGIES, PROGRESSED, f"{PROGRESSED}    faulty: {exposure}\n")
    expect(faults(), f"inputs/{STRATEGIES}:{line}:", *parts)


def test_time_in_state_needs_a_model_that_knows_it(
    spoil: Spoil, faults: Faults, copied_inputs: Path
) -> None:
    extra = f'{PROGRESSED}    first_year: {{state: progressed, clock: state, until: "1"}}\n'
    spoil(STRATEGIES, PROGRESSED, extra)
    for model in ("partitioned_survival", "state_transition"):
        found = faults(overrides={"analysis.model": model})
        expect(found, f"--set analysis.model={model}:", "exposure 'first_year'", "semi_markov and")
        assert "Use semi_markov or individual, or change the strategy." in found[0]
    for model in ("semi_markov", "individual"):
        load(copied_inputs, overrides={"analysis.model": model})


def test_costs_of_an_unknown_exposure(spoil: Spoil, faults: Faults) -> None:
    old = "ablation:        {exposure: operations,"
    line = spoil(STRATEGIES, old, old.replace("operations", "operation"))
    expect(faults(), f"inputs/{STRATEGIES}:{line}:", "exposure 'operation'", "'operations'?")


def test_faults_in_time_come_together(spoil: Spoil, faults: Faults) -> None:
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
    old: str, new: str, parts: tuple[str, ...], spoil: Spoil, faults: Faults
) -> None:
    line = spoil(ANALYSIS, old, new)
    expect(faults(), f"inputs/{ANALYSIS}:{line}:", *parts)


def test_discount_timing(inputs: Path, faults: Faults) -> None:
    """A setting of the country, which a scenario or `--set` may change."""
    name = "country.discounting.timing"
    assert load(inputs).country.discount_timing == "annual_effective"
    assert load(inputs, overrides={name: "continuous"}).country.discount_timing == "continuous"
    found = faults(overrides={name: "continous"})
    expect(found, f"--set {name}=continous:", "(found 'continous')", "Did you mean 'continuous'?")


# ------------------------------------------------------------------------ fits and opinions
def test_accepted_fits_and_priors(copied_inputs: Path, spoil: Spoil) -> None:
    fit = load(copied_inputs).settings.fit
    assert (fit.accept, fit.screen, fit.priors) == ((), True, "standard")
    own = "second_line_folfiri_os/gompertz"
    spoil(ANALYSIS, "accept: []", f"accept: [{own}]")
    spoil(ANALYSIS, "priors: standard", "priors: narrow")
    fit = load(copied_inputs).settings.fit
    assert (fit.accept, fit.screen, fit.priors) == ((own,), True, "narrow")
    other = "second_line_folfiri_pfs/weibull_cure"
    found = load(copied_inputs, accept=[own, other], priors="wide")
    assert (found.settings.fit.accept, found.settings.fit.priors) == ((own, other), "wide")
    for companion in load_companions(found, copied_inputs).values():
        assert companion.settings.fit == found.settings.fit


@pytest.mark.parametrize(
    ("fit", "parts"),
    [
        (
            "second_line_folfiri_o/weibull",
            ("unknown survival evidence", "'second_line_folfiri_os'?"),
        ),
        ("second_line_folfiri_os/weibul", ("unknown distribution 'weibul'", "'weibull'?")),
        ("second_line_folfiri_os", ("does not name a fit", "write evidence/family")),
    ],
)
def test_faulty_accepted_fits(
    fit: str, parts: tuple[str, ...], spoil: Spoil, faults: Faults, inputs: Path
) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, accept=[fit])
    expect(caught.value.problems, f"--accept {fit}:", *parts)
    line = spoil(ANALYSIS, "accept: []", f"accept: [{fit}]")
    expect(faults(), f"inputs/{ANALYSIS}:{line}:", *parts)


def test_unknown_priors(inputs: Path, spoil: Spoil, faults: Faults) -> None:
    with pytest.raises(InputError, match="unknown priors 'wid'.*Did you mean 'wide'"):
        load(inputs, priors="wid")
    spoil(ANALYSIS, "priors: standard", "priors: wid")
    expect(faults(), f"inputs/{ANALYSIS}:", "analysis.survival.priors", "found 'wid'")


def test_the_opinion_of_the_base_case(problem: DecisionProblem, inputs: Path) -> None:
    """About 3 % at 60 months, at the mean transport multiplier; off in a scenario."""
    opinion = problem.opinions["os_60"]
    assert (opinion.time, opinion.mean, opinion.se) == (5, 0.03, 0.01)
    assert opinion.multiplier == problem.parameters["transport_multiplier"].mean
    assert (opinion.evidence, opinion.parameter) == ("second_line_folfiri_os", "os_60_expert")
    assert problem.parameters["os_60_expert"].status == "expert"
    assert load(inputs, scenario="no_expert_opinion").opinions == {}
    moved = load(inputs, scenario="no_transport").opinions["os_60"]
    assert moved.multiplier == 1


def test_opinions_count_as_used_by_the_fit_only(problem: DecisionProblem, inputs: Path) -> None:
    own = {"os_60_expert", "t_os_60_expert"}
    assert own <= used_parameters(problem)
    assert not own & used_parameters(problem, fits=False)
    assert "transport_multiplier" in used_parameters(problem, fits=False)
    for other in ("no_expert_opinion", "s12_panitumumab"):  # off; about other evidence
        assert not own & used_parameters(load(inputs, scenario=other))


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("survival: os_60_expert", "survival: os_60_expet", ("'os_60_expet'", "'os_60_expert'?")),
        ("time: t_os_60_expert", "time: t_os_60_expet", ("time:", "'t_os_60_expert'?")),
        ("time: t_os_60_expert", "time: 0", ("time is 0; it must be above 0",)),
        (
            "      multiplier: transport_multiplier",
            "      multiplier: medicines",
            ("multiplier:", "'medicines'"),
        ),
        (
            "      evidence: second_line_folfiri_os",
            "      evidence: folfiri",
            ("unknown survival evidence",),
        ),
        (
            "      label: survival at 60",
            "      lable: survival at 60",
            ("'lable'", "Did you mean 'label'?"),
        ),
    ],
)
def test_faulty_opinions(
    old: str, new: str, parts: tuple[str, ...], spoil: Spoil, faults: Faults
) -> None:
    line = spoil(ANALYSIS, old, new)
    expect(faults(), f"inputs/{ANALYSIS}:{line}:", *parts)


def test_an_opinion_is_a_beta(faults: Faults) -> None:
    problems = faults(overrides={"os_60_expert": 0.03})
    expect(problems, "--set os_60_expert=0.03:", "needs a beta with an se above 0", "null")


# -------------------------------------------------------------------------- kinds of curves
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
    os: str, parts: tuple[str, ...], copied_inputs: Path, faults: Faults
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


def test_one_evidence_has_one_list_of_distributions(copied_inputs: Path, faults: Faults) -> None:
    write_scenario(
        copied_inputs,
        "label: A\nwhy: b\nbased_on: [s02_brouquet]\nstrategies:\n  resection:\n    curves:\n"
        "      os: {evidence: second_line_folfiri_os}\n",
    )
    expect(
        faults(scenario="mine"), "inputs/scenarios/", "fitted with weibull_cure here", "elsewhere"
    )


# ----------------------------------------------------------------------- the shipped numbers
@pytest.mark.parametrize(
    ("name", "mean", "se", "distribution", "unit"),
    [
        ("start_age", 62, 0, "fixed", "years"),
        ("transport_multiplier", 0.858, 0.116, "lognormal", "hazard multiplier"),
        ("log_hr_os_clocc", -0.5447, 0.2142, "normal", "log hazard ratio"),
        ("log_hr_os_orchestra", -0.1278, 0.1153, "normal", "log hazard ratio"),
        ("p_operated", 0.860465, 0.0522374, "beta", "probability"),
        ("cure_if_operated", 0.05, 0.0391441, "beta", "probability"),
        ("smr_cured", 1.2, 0.12, "lognormal", "hazard multiplier"),
        ("hr_calibration_window_os", 60, 0, "fixed", "months"),
        ("m_progressed_relative", 0.853, 0.035, "beta", "utility multiplier"),
        ("c_resection", 260_000, 52_000, "gamma", "NOK"),
        ("c_second_line_medicines", 22_200, 4_440, "gamma", "NOK/month"),
        ("c_second_line_other", 15_800, 3_160, "gamma", "NOK/month"),
        ("c_progressed", 22_000, 5_500, "gamma", "NOK/month"),
        ("c_end_of_life_gross", 574_600, 115_000, "gamma", "NOK"),
        ("c_patient_time", 338, 50, "gamma", "NOK/hour"),
    ],
)
def test_base_case_numbers(
    name: str, mean: float, se: float, distribution: str, unit: str, problem: DecisionProblem
) -> None:
    """The evidence table of the Norwegian base case (NOK 2025), as entered."""
    found = problem.parameters[name]
    assert (found.entered_mean, found.entered_se) == (mean, se)
    assert (found.distribution, found.unit) == (distribution, unit)
    factor = {"NOK/month": 12, "NOK/hour": 8766, "months": 1 / 12}.get(unit, 1)
    assert found.mean == pytest.approx(mean * factor, rel=1e-15)
    if "NOK" in unit:
        assert (found.currency, found.price_year) == ("NOK", 2025)
    assert found.source and found.status


def test_base_case_evidence(problem: DecisionProblem) -> None:
    """Pooled FOLFIRI arms: 542 patients in both endpoints (Peeters 2014, reconstructed)."""
    for endpoint in ("os", "pfs"):
        evidence = problem.evidence[f"second_line_folfiri_{endpoint}"]
        assert evidence.n == 542
        assert evidence.table["end"][0] == pytest.approx(0.5 / 12)
    assert problem.horizon == 38
    assert len(problem.time) == 38 * 12 + 1


def test_every_input_file_is_hashed(problem: DecisionProblem, inputs: Path) -> None:
    files = {f"inputs/{p.relative_to(inputs).as_posix()}" for p in (inputs / "model").rglob("*.*")}
    assert files <= set(problem.input_hashes)
    assert all(len(h) == 64 for h in problem.input_hashes.values())


def test_uncertain_age_is_refused(copied_inputs: Path) -> None:
    """The cohort has one age; an se on it is an error, not silently dropped."""
    with pytest.raises(InputError, match="start_age is uncertain"):
        load(copied_inputs, overrides={"start_age.distribution": "normal", "start_age.se": 3})


def test_draws_outside_the_unit_are_refused(copied_inputs: Path) -> None:
    """A normal on a probability near 1 draws impossible values."""
    with pytest.raises(InputError, match="draws values from .* must be between 0 and 1"):
        load(
            copied_inputs,
            overrides={"p_operated.distribution": "normal", "p_operated.se": 0.1},
        )
