"""Each check of plausibility names a made-up fault, with numbers worked out by hand; right inputs have none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from math import exp, log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from heor.cli.main import cli
from heor.findings import Finding
from heor.inputs.load import available, load
from heor.inputs.plausibility import CHECKS, look, notes
from heor.inputs.plausibility.surroundings import Surroundings
from heor.problem.country import DiscountBand, LifeTable, UtilityNorms
from heor.problem.curve_types import Opinion
from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Origin, Parameter
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import CostItem, Exposure, UtilityItem
from heor.report.format.provenance import run_record
from heor.report.run_report import report
from heor.runs import plausibility
from heor.runs.results import Results
from tests.seeded_errors import PARAMETERS, PRICES, Mutate, cells, column, times_in
from tests.seeded_errors import _norms_of_england as norms_of_england

Change = Callable[[DecisionProblem], DecisionProblem]
HERE = Origin("inputs/made_up.csv", 7, "model")
AGES = np.arange(0.0, 106.0)


# ------------------------------------------------------------------------------------ made-up inputs
def number(
    name: str, mean: float, se: float, distribution: str, unit: str, **more: Any
) -> Parameter:
    known = {"entered_mean": mean, "entered_se": se, "origin": HERE, "status": "published"}
    text = {"description": "made up", "source": ("ruers_2017_clocc",)}
    return Parameter(
        name, mean=mean, se=se, distribution=distribution, unit=unit, **{**text, **known, **more}
    )


def price(name: str, mean: float, unit: str, per_year: float = 1.0, **more: Any) -> Parameter:
    """A price as entered; inside it is per year."""
    found = number(name, mean, 0.2 * mean, "gamma", unit, currency="NOK", price_year=2025, **more)
    return replace(found, mean=found.mean * per_year, se=found.se * per_year)


def plus(*parameters: Parameter) -> Change:
    return lambda p: replace(p, parameters={**p.parameters, **{q.name: q for q in parameters}})


def altered(name: str, **values: Any) -> Change:
    """A parameter of the model with other values."""
    return lambda p: plus(replace(p.parameters[name], **values))(p)


def country(**values: Any) -> Change:
    return lambda p: replace(p, country=replace(p.country, **values))


def strategy(name: str, **parts: Any) -> Change:
    """Parts of a strategy by name: mappings are added to, other values replaced."""

    def change(problem: DecisionProblem) -> DecisionProblem:
        own = problem.strategies[name]
        new = {k: {**getattr(own, k), **v} if isinstance(v, dict) else v for k, v in parts.items()}
        return replace(problem, strategies={**problem.strategies, name: replace(own, **new)})

    return change


def then(*changes: Change) -> Change:
    def change(problem: DecisionProblem) -> DecisionProblem:
        for one in changes:
            problem = one(problem)
        return problem

    return change


def mortality(male: float = 1.5, female: float = 1.0, **at: float) -> LifeTable:
    """A Gompertz table with infants; `male_70=0.9` writes one number over."""
    hazard = 3e-5 * np.exp(0.095 * AGES)
    hazard[0] += 0.003
    q = {sex: -np.expm1(-times * hazard) for sex, times in (("male", male), ("female", female))}
    for name, value in at.items():
        sex, _, age = name.partition("_")
        q[sex][int(age)] = value
    return LifeTable(AGES, q["male"], q["female"], (), Origin("life_table.csv"))


def norms(middle: float, old: float) -> UtilityNorms:
    ages = np.arange(40.0, 91.0)
    return UtilityNorms(ages, np.where(ages < 75, middle, old), None, (), Origin("norms.csv"))


def deaths(time: list[float], event: list[int], **more: Any) -> SurvivalEvidence:
    """Individual patients; times in years."""
    table = {"time": np.array(time), "event": np.array(event)}
    table |= {"entry": np.zeros(len(time)), "weight": np.ones(len(time))}
    known = {"label": "made up", "endpoint": "os", "source": ("kmdata",), "status": "published"}
    name = more.pop("name", "second_line_folfiri_os")
    return SurvivalEvidence(name, form="individual", table=table, origin=HERE, **{**known, **more})


def with_evidence(*found: SurvivalEvidence) -> Change:
    return lambda p: replace(p, evidence={**p.evidence, **{e.name: e for e in found}})


def opinion(mean: float, time: float) -> Change:
    def change(problem: DecisionProblem) -> DecisionProblem:
        name = next(iter(problem.opinions))
        own = replace(problem.opinions[name], mean=mean, time=time, multiplier=1.0)
        assert isinstance(own, Opinion)
        return replace(problem, opinions={name: own})

    return change


def theatre(amount: str, exposure: str = "operations") -> Change:
    item = CostItem("theatre", exposure, amount, "surgery")
    return strategy("resection", costs={"theatre": item})


def without_prices(problem: DecisionProblem) -> DecisionProblem:
    """Operations that cost patients their time, and the health service nothing."""
    own = problem.strategies["resection"]
    kept = {
        n: c
        for n, c in own.costs.items()
        if c.exposure != "operations" or c.stream != "health_service"
    }
    return replace(
        problem, strategies={**problem.strategies, "resection": replace(own, costs=kept)}
    )


def resection_curve(**values: Any) -> Change:
    def change(problem: DecisionProblem) -> DecisionProblem:
        own = problem.strategies["resection"].curves["os"]
        return strategy("resection", curves={"os": replace(own, **values)})(problem)

    return change


def exchanged_roles(problem: DecisionProblem) -> DecisionProblem:
    roles = {"comparator": "resection", "intervention": "chemotherapy"}
    return replace(problem, settings=replace(problem.settings, **roles))


RATIO = "log hazard ratio"
TRIAL = "hazard ratio 0.70 (0.50-0.98)"  # log 0.70 = -0.357, SE log(0.98 / 0.50) / 3.92 = 0.172
#: Check → a change of the shipped problem, and what its finding says. One or several.
CASES: dict[str, list[tuple[Change, str]]] = {
    "standard_error": [
        (plus(number("stay", 10, 25, "gamma", "days")), "the SE 25 is 2.5 times the mean 10"),
        (
            plus(replace(price("visit", 5000, "NOK"), se=5.0, entered_se=5.0)),
            "0.10% of the mean 5,000",
        ),
        # 0.2 x 0.8 / 0.001^2 = 160,000 patients
        (plus(number("share", 0.2, 0.001, "beta", "probability")), "would take 160,000 patients"),
        (
            plus(*(number(f"cost_{i}", 1, 2, "gamma", "days") for i in range(4))),
            "the SE is above the mean in 4 rows (cost_0, cost_1, cost_2, cost_3)",
        ),
    ],
    "stated_interval": [
        (
            plus(number("effect", log(0.7), 0.0295, "normal", RATIO, note=TRIAL)),
            "Is it the variance?",
        ),
        (plus(number("effect", log(0.7), 0.673, "normal", RATIO, note=TRIAL)), "Divide by 3.92"),
        (plus(number("effect", log(0.7), 0.337, "normal", RATIO, note=TRIAL)), "Divide by 1.96"),
        (plus(number("effect", 0.7, 0.172, "normal", RATIO, note=TRIAL)), "Enter its logarithm"),
        (
            plus(number("effect", -log(0.7), 0.172, "normal", RATIO, note=TRIAL)),
            "Is the sign wrong",
        ),
        (
            plus(price("visit", 1.2, "NOK", note="range 900-1500")),
            "Is it 1,000 times too small? 1,200",
        ),
        (plus(number("stay", 5, 9, "normal", "days", note="95 % 4-6")), "an SE of about 0.51"),
    ],
    "events_behind": [
        (plus(number("effect", -0.2, 0.02, "normal", RATIO)), "about 10,000 events"),
        (plus(number("effect", -0.2, 1.0, "normal", RATIO)), "about 4 events"),
    ],
    "harmful_ratio": [
        (altered("log_hr_pfs_marginal", mean=0.7, se=0.1, note=""), "a hazard ratio of 2.01"),
    ],
    "ratio_of_curve": [
        (altered("log_hr_pfs_marginal", mean=-2.0), "is 0.14 (from log_hr_pfs_marginal)"),
    ],
    "correlation_sign": [(altered("correlation_os_pfs", mean=-0.5), "-0.5 between log_hr_os and")],
    "unit_of_row": [
        (
            plus(price("nurse", 900, "NOK/month", 12, description="home nursing per week")),
            "nurse: unit NOK/month; its description says 'home nursing per week'",
        ),
        (
            plus(price("nurse", 900, "NOK", description="monthly home nursing")),
            "nurse: unit NOK; its description says 'monthly home nursing'",
        ),
    ],
    "charged_on": [
        (then(plus(price("nurse", 900, "NOK/month", 12)), theatre("nurse")), "which counts events"),
        (then(plus(price("kit", 900, "NOK")), theatre("kit", "progressed")), "paid every year"),
        (
            then(
                plus(price("kit", 900, "NOK"), price("nurse", 900, "NOK/month", 12)),
                theatre("kit + nurse"),
            ),
            "kit + nurse (kit in NOK, nurse in NOK/month): adds or compares",
        ),
    ],
    "cost_level": [
        (country(thresholds=(1e9, 2e9)), "Are costs in thousands"),
        (country(thresholds=(275.0, 825.0)), "Are thresholds in thousands (825,000)?"),
    ],
    "threshold_level": [
        (
            country(thresholds=(27_500.0, 27_500.0)),
            "the severity classes of the same country go from 275,000",
        ),
        (country(thresholds=(7_000.0,), severity_rule=None), "international dollars"),
    ],
    "odd_currency": [],
    "dear_year": [
        # 12 x 300,000 = 3,600,000 a year; 825,000 a QALY at most
        (altered("c_progressed", mean=3_600_000.0), "3,600,000 NOK a year, 4.4 times"),
    ],
    "cost_alone": [(altered("c_workup", mean=18.0), "Is it in thousands (then 18,000)")],
    "cost_of_nothing": [
        (theatre("max(0, c_travel - c_resection)"), "is 0 at the parameters' means")
    ],
    "price_year": [],
    "donor_price": [],
    "discount_rate": [
        (
            country(discount_costs=(DiscountBand(0, None, 0.003),)),
            "costs are discounted at 0.003 (0.3 % a year)",
        ),
    ],
    "roles": [(exchanged_roles, "has the OS curve of the intervention 'chemotherapy'")],
    "never_used": [
        (plus(price("visit", 900, "NOK")), "visit is declared and charged nowhere"),
        (
            plus(number("relapsed", 0.7, 0.1, "beta", "utility multiplier")),
            "relapsed is declared and used",
        ),
        (plus(*(price(f"visit_{i}", 900, "NOK") for i in range(4))), "4 prices and utilities"),
    ],
    "event_without_cost": [
        (without_prices, "'operations' of Resection + 2nd-line chemotherapy has")
    ],
    "shares": [
        (strategy("resection", groups={"operated": "0.5", "not_operated": "0.6"}), "add up to 1.1"),
        (
            strategy(
                "resection",
                exposures={"recur": Exposure("recur", state="progressed", share="0.4 * 3")},
            ),
            "share of 'recur' of Resection + 2nd-line chemotherapy (0.4 * 3) is 1.2",
        ),
    ],
    "waning": [
        (
            resection_curve(effect_wanes_from="3", effect_ends="2"),
            "ends at 24 months and wanes from 36",
        ),
    ],
    "norm_level": [(country(norms=norms(0.5, 0.45)), "norms up to age 75 are 0.45 to 0.5")],
    "norm_slope": [(country(norms=norms(0.8, 0.9)), "0.800 at ages 45 to 59 and 0.900 from 75")],
    "norms_of_another_set": [],
    "remaining_qalys": [],
    "low_multiplier": [
        (plus(number("relapsed", 0.1, 0.02, "beta", "utility multiplier")), "enter 0.9."),
        (plus(number("relapse", 0.8, 0.02, "beta", "utility decrement")), "enter 0.2."),
    ],
    "impossible_multiplier": [
        (
            strategy(
                "resection", utilities={"well": UtilityItem("well", "not_operated", "0.6 + 0.9")}
            ),
            "is 1.5 times the norm",
        ),
        (
            strategy(
                "resection", utilities={"ill": UtilityItem("ill", "not_operated", "0.6 - 0.9")}
            ),
            "is -0.3 times the norm",
        ),
    ],
    "state_without_utility": [
        (
            lambda p: replace(
                p, settings=replace(p.settings, states=("progression_free", "relapsed", "dead"))
            ),
            "no utility for the state 'relapsed'",
        ),
    ],
    "men_and_women": [(country(life_table=mortality(1.0, 1.5)), "at 71 of 71 ages from 20 to 90")],
    "first_ages": [
        (
            country(life_table=replace(mortality(), age=AGES + 1)),
            "from age 1 to 2",
        ),
        (country(life_table=mortality(male_0=4e-5, female_0=4e-5)), "mortality at age 0 (4e-05)"),
    ],
    "spike": [
        (country(life_table=mortality(male_50=0.9)), "q_male is 0.9 at age 50"),
        (country(life_table=mortality(female_80=0.002)), "q_female is 0.002 at age 80"),
    ],
    "rises_with_age": [
        (
            country(life_table=mortality(**{f"female_{a}": 0.003 for a in range(60, 106)})),
            "at ages 55 to 59 and 0.003 at 60 to 64",
        ),
    ],
    "life_expectancy": [(country(life_table=mortality(6.0, 4.0)), "men of 62 live")],
    "horizon": [
        (
            lambda p: replace(p, settings=replace(p.settings, end_age=72.0)),
            "the horizon ends at age 72, 10 years on",
        ),
    ],
    "patients": [
        (with_evidence(deaths([1, 2], [1, 1], age=26.0, share_male=0.6)), "patients of age 26"),
        (with_evidence(deaths([1, 2], [1, 1], age=61.0, share_male=0.4)), "and 0.4 in second_line"),
    ],
    "endpoints_in_order": [
        # half have died by one year, and half have progressed by two
        (
            with_evidence(
                deaths([1, 1, 3, 3], [1, 1, 1, 1]),
                deaths([2, 2, 3, 3], [1, 1, 1, 1], name="second_line_folfiri_pfs", endpoint="pfs"),
            ),
            "the median of PFS (24.0 months) is after that of OS (12.0)",
        ),
    ],
    "censored_first": [
        (
            with_evidence(deaths([1, 1, 1, 1, 2, 3], [0, 0, 0, 0, 1, 1])),
            "2 events, half of them by 24.0 months, and 4 censored, half of them by 12.0",
        ),
    ],
    "time_unit": [],
    "opinion_against_data": [
        # three of four alive at a year
        (
            then(with_evidence(deaths([1, 2, 3, 4], [1, 1, 1, 1])), opinion(0.1, 1.0)),
            "0.1 at 12 months; in the data 0.75 are alive then",
        ),
        (
            then(with_evidence(deaths([1, 2, 3, 4], [1, 1, 1, 1])), opinion(0.4, 10.0)),
            "in the data 0.00 are alive at the end of follow-up",
        ),
    ],
    "source_of_study": [
        (
            plus(
                number(
                    "effect",
                    -0.2,
                    0.1,
                    "normal",
                    RATIO,
                    description="ratio of ORCHESTRA",
                    source=("kmdata",),
                )
            ),
            "of ORCHESTRA",
        ),
    ],
}
ONE_BY_ONE = [(name, *case) for name, cases in CASES.items() for case in cases]


def around(problem: DecisionProblem, inputs: Path) -> Surroundings:
    return Surroundings(inputs.resolve(), problem)


@pytest.mark.parametrize(("name", "change", "said"), ONE_BY_ONE, ids=[c[0] for c in ONE_BY_ONE])
def test_check_names_the_fault(
    problem: DecisionProblem, inputs: Path, name: str, change: Change, said: str
) -> None:
    changed = change(problem)
    found = list(CHECKS[name](changed, around(changed, inputs)))
    assert any(said in str(f) for f in found), [str(f) for f in found]
    assert {f.check for f in found} == {name}
    for f in found:
        assert all((f.where, f.found, f.usual, f.cure))


IN_FILES: list[tuple[str, Mutate, str]] = [
    (
        "odd_currency",
        cells(PRICES, "c_ablation", currency="EUR", unit="EUR"),
        "c_ablation: 60,000 EUR",
    ),
    # 93.93 to 137.78 on the index of 2015
    ("price_year", cells(PRICES, "c_ablation", price_year="2012"), "from 60,000 to 88,010 NOK"),
    ("unit_of_row", cells(PRICES, "c_ablation", unit="NOK/month"), "the model asks for {currency}"),
    ("norms_of_another_set", norms_of_england, "valued with 'uk_3l'"),
    (
        "remaining_qalys",
        column("countries/norway/utility_norms.csv", "utility", lambda u: u * 0.9),
        "QALYs are left",
    ),
    ("time_unit", times_in("weeks"), "In months its median would be 12.5 months."),
    ("stated_interval", cells(PARAMETERS, "log_hr_os_clocc", se="0.0459"), "Is it the variance?"),
]


@pytest.mark.parametrize(("name", "mutate", "said"), IN_FILES, ids=[c[0] for c in IN_FILES])
def test_check_of_files_names_the_fault(
    copied_inputs: Path, inputs: Path, name: str, mutate: Mutate, said: str
) -> None:
    shutil.copytree(inputs / "countries/england", copied_inputs / "countries/england")
    mutate(copied_inputs)
    found = look(load(copied_inputs), copied_inputs)
    assert [f.check for f in found][:1] == [name], [str(f) for f in found]
    assert said in str(found[0])
    assert found[0].where.startswith("inputs/")


def test_a_countrys_price_is_compared_with_its_donors(copied_inputs: Path, inputs: Path) -> None:
    shutil.copytree(inputs / "countries/sweden", copied_inputs / "countries/sweden")
    own = {
        "mean": "5000000",
        "se": "1000000",
        "currency": "SEK",
        "unit": "SEK",
        "price_year": "2024",
    }
    cells(
        "countries/sweden/parameters.csv",
        "c_workup",
        source="model_judgement",
        status="assumption",
        **own,
    )(copied_inputs)
    found = [
        f for f in look(load(copied_inputs, "sweden"), copied_inputs) if f.check == "donor_price"
    ]
    assert len(found) == 1 and "c_workup: 5,000,000 SEK" in found[0].found


def test_every_check_has_a_case() -> None:
    assert set(CHECKS) == set(CASES)
    tested = (
        {name for name, cases in CASES.items() if cases}
        | {c[0] for c in IN_FILES}
        | {"donor_price"}
    )
    assert tested == set(CHECKS)


@pytest.mark.parametrize("name", available(Path("inputs"), "countries"))
def test_shipped_countries_have_nothing_to_ask_about(inputs: Path, name: str) -> None:
    found = look(load(inputs, name), inputs)
    assert not found, [str(f) for f in found]


@pytest.mark.slow
def test_shipped_scenarios_have_nothing_to_ask_about(inputs: Path) -> None:
    found = {
        name: [str(f) for f in found]
        for name in available(inputs, "scenarios")
        if (found := look(load(inputs, "norway", name), inputs))
    }
    assert found == {}


def test_a_made_up_life_table_is_plausible(problem: DecisionProblem, inputs: Path) -> None:
    changed = country(life_table=mortality())(problem)
    for name in ("men_and_women", "first_ages", "spike", "rises_with_age"):
        assert not list(CHECKS[name](changed, around(changed, inputs)))


# ------------------------------------------------------------------------------------ small parts
@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("HR 0.58 (95% CI 0.38 to 0.88)", (0.38, 0.88)),
        ("hazard ratio 0.58 (0.38–0.88); first line", (0.38, 0.88)),
        ("hazard ratio 0.88 in months 0-36", None),
        ("hazard ratio near 1", None),
        ("hazard ratio 0.58 (0.60-0.88)", None),  # the ratio is outside: read as no interval
    ],
)
def test_hazard_ratio_in_a_note(note: str, expected: tuple[float, float] | None) -> None:
    found = notes.hazard_ratio(note)
    assert (found and (found.low, found.high)) == expected


def test_percentages_in_a_note_are_shares() -> None:
    assert notes.interval("95 % 1-4 %") == notes.Interval(0.01, 0.04)
    assert notes.interval("var(log S) from the 95 % intervals (0.433-0.685)") is None


# ------------------------------------------------------------------------------------ results
def test_results_are_looked_at(made_up_run: Results) -> None:
    assert plausibility.look_at_results(made_up_run) == ()


def of_results(run: Results, **changed: Any) -> Any:
    simulation = replace(run.simulation, **changed)
    return SimpleNamespace(problem=run.problem, simulation=simulation)


def test_patients_alive_at_the_horizon(made_up_run: Results) -> None:
    occupancy = made_up_run.simulation.occupancy.copy(deep=True)
    occupancy[dict(time=-1)] = 0.0
    occupancy[dict(time=-1, state=0)], occupancy[dict(time=-1, state=-1)] = 0.12, 0.88
    found = list(plausibility.horizon(of_results(made_up_run, occupancy=occupancy)))
    assert len(found) == 1 and "12% (2nd-line chemotherapy)" in found[0].found


def test_life_years_after_the_evidence(made_up_run: Results) -> None:
    problem = made_up_run.problem
    alive = np.exp(-0.05 * problem.time)  # mean survival 20 years, the evidence ends before year 4
    occupancy = made_up_run.simulation.occupancy.copy(deep=True)
    occupancy[:] = 0.0
    occupancy[dict(state=0)], occupancy[dict(state=-1)] = alive, 1 - alive
    found = list(plausibility.extrapolation(of_results(made_up_run, occupancy=occupancy)))
    last = problem.evidence["second_line_folfiri_os"].table["end"][-1]
    share = (exp(-0.05 * last) - exp(-0.05 * problem.horizon)) / (1 - exp(-0.05 * problem.horizon))
    assert [f.check for f in found] == ["extrapolation"] * 2
    assert found[0].found.startswith(f"{share:.0%} of the life years")


def test_years_without_a_utility(made_up_run: Results) -> None:
    exposures = made_up_run.simulation.exposures.copy()
    cut = (exposures["strategy"] == "chemotherapy") & (exposures["exposure"] == "progressed")
    assert cut.sum() == 1
    exposures.loc[cut, "mean"] = 0.0
    found = list(plausibility.years_without_utility(of_results(made_up_run, exposures=exposures)))
    assert len(found) == 1 and "is there a gap?" in found[0].cure


@pytest.mark.parametrize(
    ("check", "cost", "qalys", "asked"),
    [
        ("dominance", (100.0, 90.0), (1.0, 1.2), True),
        ("dominance", (100.0, 97.0), (1.0, 1.2), False),  # saves 3 %
        ("dominance", (100.0, 90.0), (1.0, 0.9), False),
        ("large_effect", (100.0, 120.0), (1.0, 2.1), True),
        ("large_effect", (100.0, 120.0), (1.0, 1.9), False),
    ],
)
def test_results_too_good(made_up_run: Results, check: str, cost, qalys, asked: bool) -> None:
    settings = made_up_run.problem.settings
    outcomes = SimpleNamespace(
        strategies=(settings.comparator, settings.intervention),
        cost=np.array([cost]),
        qalys=np.array([qalys]),
    )
    run = SimpleNamespace(
        problem=made_up_run.problem, simulation=SimpleNamespace(outcomes=outcomes)
    )
    assert bool(list(plausibility.CHECKS[check](run))) == asked  # type: ignore[arg-type]


def test_what_a_run_knows_better_replaces_what_was_found_before(made_up_run: Results) -> None:
    before = (Finding("horizon", "a", "b", "c", "d"), Finding("spike", "a", "b", "c", "d"))
    assert [f.check for f in plausibility.joined(before, made_up_run)] == ["spike"]


# ------------------------------------------------------------------------------------ where it is shown
def test_findings_are_on_the_first_page_and_in_the_record(made_up_run: Results) -> None:
    finding = Finding("spike", "life_table.csv", "q is 0.9", "0.003 is usual", "Correct it.")
    run = replace(made_up_run, findings=(finding,))
    text = report(run, [])
    assert text.index(str(finding)) < text.index("## The answer")
    assert "Worth a look" not in report(made_up_run, [])
    record = json.loads(json.dumps(run_record(run), default=str))
    assert record["worth_a_look"] == [
        {
            "check": "spike",
            "where": "life_table.csv",
            "found": "q is 0.9",
            "usual": "0.003 is usual",
            "cure": "Correct it.",
        }
    ]


def test_check_prints_what_is_worth_a_look(copied_inputs: Path) -> None:
    cells(PARAMETERS, "share_male", mean="0.40")(copied_inputs)
    found = CliRunner().invoke(
        cli, ["check", "--inputs", str(copied_inputs), "--scenario", "s11_no_cure"]
    )
    assert found.exit_code == 0
    assert "inputs are sound" in found.output
    assert (
        "Worth a look" in found.output
        and "share_male is 0.4, and 0.6 in second_line" in found.output
    )
