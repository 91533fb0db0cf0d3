"""Bad input is refused with file, line, what was found and what is allowed, all faults at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor.errors import InputError
from heor.inputs.load import load
from tests.spoiled import ANALYSIS, COUNTRY, MODEL, NORMS, NORWAY, FaultsOf, Spoil, expect

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
def test_every_fault_names_file_line_and_remedy(case: str, spoil: Spoil, faults: FaultsOf) -> None:
    file, old, new, parts = SPOILT[case]
    line = spoil(file, old, new) + (1 if old.startswith("\n") else 0)
    where = f"inputs/{file}:" if case in ELSEWHERE else f"inputs/{file}:{line}:"
    expect(faults(), where, *parts)


def test_all_faults_come_in_one_error(spoil: Spoil, faults: FaultsOf) -> None:
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


def test_one_fault_is_reported_once(spoil: Spoil, faults: FaultsOf) -> None:
    """What uses a faulty parameter is not a fault of its own."""
    spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "60000,15000,gamma,NOK,NOK,")
    spoil(MODEL, "share_male,share of men,0.60,", "share_male,share of men,1.60,")
    assert len(faults()) == 2


@pytest.mark.parametrize("name", ["start_age", "share_male", "chemo_cap"])
def test_a_parameter_that_the_model_needs(name: str, copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / MODEL
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if not x.startswith(f"{name},")), encoding="utf-8")
    assert all(f"'{name}'" in p for p in faults())


def test_faults_of_the_text_form_do_not_hide_each_other(spoil: Spoil, faults: FaultsOf) -> None:
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
