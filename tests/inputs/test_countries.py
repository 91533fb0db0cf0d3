"""Country folders: names, rules in force, numbers of their guidelines, what is borrowed, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from heor.decision.cost_effectiveness import increments
from heor.decision.severity import class_of, effective_threshold, severity
from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.country.packs import folder_of, folders
from heor.inputs.load import available, load
from heor.inputs.utilities.value_sets import read_value_sets
from heor.outcomes.discounting import discount_factor
from heor.problem.problem import DecisionProblem
from heor.report.console.parameters import details
from heor.runs.country_comparison import HIGH, LOW, SEVERITY, country_row
from heor.together import decide
from heor.valuation.simulate import simulate

ROOT = Path(__file__).resolve().parents[2]
COUNTRIES = folders(ROOT / "inputs")
GERMANY = "countries/germany/country.yaml"
SWEDEN = "countries/sweden/country.yaml"
Spoil = Callable[[str, str, str], int]
FaultsOf = Callable[..., list[str]]


@pytest.fixture
def copied_inputs(tmp_path: Path, inputs: Path) -> Path:
    """A writable copy of the inputs with all countries."""
    return Path(shutil.copytree(inputs, tmp_path / "inputs"))


# ------------------------------------------------------------------------------------------ names
def test_the_countries_asked_for_are_there() -> None:
    asked = (
        "norway england sweden denmark finland netherlands germany united_states canada australia japan "
        "france ireland poland belgium spain italy"
    )
    assert set(asked.split()) <= set(COUNTRIES)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("norway", "norway"),
        ("Norway", "norway"),
        ("NO", "norway"),
        ("no", "norway"),
        ("NOR", "norway"),
        ("GB", "england"),
        ("England", "england"),
        ("United States", "united_states"),
        ("usa", "united_states"),
        ("JPN", "japan"),
    ],
)
def test_a_country_by_any_of_its_names(name: str, folder: str, inputs: Path) -> None:
    assert folder_of(inputs, name) == folder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("norwy", "Did you mean 'norway'?"),
        ("Iceland", "Iceland has no folder here; `heor country new IS`"),
        ("isl", "Iceland has no folder here; `heor country new IS`"),
        ("atlantis", "available: "),
    ],
)
def test_an_unknown_country(name: str, said: str, inputs: Path) -> None:
    with pytest.raises(InputError) as caught:
        folder_of(inputs, name)
    assert said in caught.value.problems[-1]
    assert f"unknown country '{name}'" in caught.value.problems[-1]


def test_no_is_norway_in_the_analysis_too(spoil: Spoil, copied_inputs: Path) -> None:
    spoil("model/analysis.yaml", "\ncountry: norway ", "\ncountry: NO ")
    assert load(copied_inputs).country.name == "norway"


# ------------------------------------------------------------------------- every folder, complete
@pytest.fixture(scope="module")
def packs(inputs: Path) -> dict[str, DecisionProblem]:
    return {name: load(inputs, name) for name in COUNTRIES}


@pytest.mark.parametrize("name", COUNTRIES)
def test_every_country_is_whole(name: str, packs: dict[str, DecisionProblem]) -> None:
    problem, country = packs[name], packs[name].country
    assert country.agency and country.iso2 and country.iso3
    assert "health_service" in country.streams
    assert country.source and set(country.source) <= set(problem.sources)
    assert country.unverified  # nobody has seen everything yet, and it is said
    if name == "norway":
        assert country.cautions == ()
    else:  # nothing borrowed silently
        borrowed = [p.name for p in problem.parameters.values() if p.donor]
        assert len(borrowed) == 16
        assert all(any(n in line for line in country.cautions) for n in borrowed)


@pytest.mark.parametrize("name", COUNTRIES)
def test_every_money_value_is_in_the_money_of_the_run(
    name: str, packs: dict[str, DecisionProblem]
) -> None:
    country = packs[name].country
    money = [p for p in packs[name].parameters.values() if p.currency]
    assert {(p.currency, p.price_year) for p in money} == {(country.currency, country.price_year)}
    assert all(p.unit.startswith(country.currency) for p in money)


def test_value_sets_named_by_a_country_are_shipped_or_known_not_to_be(
    packs: dict[str, DecisionProblem], inputs: Path
) -> None:
    shipped = read_value_sets(inputs / "model", "inputs/model", Faults())
    own = {name: _own_key(inputs, name) for name in COUNTRIES}
    missing = {name: key for name, key in own.items() if key not in shipped}
    # 3L sets, which cannot score 5L answers
    assert missing == {
        "england": "uk_3l",
        "finland": "finland_3l_vas",
        "new_zealand": "new_zealand_3l_vas",
    }


def _own_key(inputs: Path, name: str) -> str:
    import yaml

    text = (inputs / "countries" / name / "country.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["value_set"]["key"]


# ---------------------------------------------------------------- numbers of countries' guidelines
@pytest.mark.parametrize(
    ("name", "factors"),
    [
        (
            "norway",
            {
                0.5: 0.98058068,
                1: 0.96153846,
                10: 0.67556417,
                39.5: 0.21241398,
                40: 0.20828904,
                40.5: 0.20523329,
                75: 0.07402247,
                76: 0.07257105,
                80: 0.06704443,
            },
        ),
        (
            "denmark",
            {1: 0.96618357, 35: 0.29997686, 35.5: 0.29629602, 70: 0.12640157, 71: 0.12453357},
        ),
        ("france", {1: 0.97560976, 30: 0.47674269, 31: 0.46969723, 40: 0.41079355}),
    ],
)
def test_discount_factors(
    name: str, factors: dict[float, float], packs: dict[str, DecisionProblem]
) -> None:
    country = packs[name].country
    for bands in (country.discount_costs, country.discount_effects):
        found = discount_factor(bands, np.array(list(factors), float))
        np.testing.assert_allclose(found, list(factors.values()), atol=5e-9)


@pytest.mark.parametrize(
    ("name", "years", "total"),
    [
        ("norway", 60, 23.329702),
        ("denmark", 60, 25.943209),
        ("france", 60, 32.725232),
        ("norway", 30, 17.634483),
    ],
)
def test_sums_of_mid_year_factors(
    name: str, years: int, total: float, packs: dict[str, DecisionProblem]
) -> None:
    bands = packs[name].country.discount_effects
    assert discount_factor(bands, np.arange(years) + 0.5).sum() == pytest.approx(total, abs=5e-7)


def test_a_factor_falls_without_jumps(packs: dict[str, DecisionProblem]) -> None:
    time = np.linspace(0, 100, 20_001)
    for problem in packs.values():
        factor = discount_factor(problem.country.discount_effects, time)
        assert (np.diff(factor) < 0).all()
        assert np.abs(np.diff(factor)).max() < 3e-4


@pytest.mark.parametrize(
    ("remaining", "comparator", "threshold"),
    [
        (17.0, 1.0, 715_000),  # absolute shortfall 16.00: the lower edge is inclusive
        (17.0, 1.2, 605_000),  # 15.80
        (21.6, 1.0, 825_000),
        (3.99, 0.0, 275_000),
        (4.0, 0.0, 385_000),
        (8.0, 0.0, 495_000),
        (12.0, 0.0, 605_000),
        (16.0, 0.0, 715_000),
        (20.0, 0.0, 825_000),
    ],
)
def test_norwegian_severity(
    remaining: float, comparator: float, threshold: float, packs: dict[str, DecisionProblem]
) -> None:
    assert _severity_of(packs["norway"], remaining, comparator).threshold == threshold


def _severity_of(problem: DecisionProblem, remaining: float, comparator: float):
    norms = problem.country.norms
    flat = replace(norms, remaining_qalys=np.full(len(norms.age), remaining))
    return severity(replace(problem.country, norms=flat), 62.0, 0.6, np.array([comparator]))


@pytest.mark.parametrize(
    ("share", "threshold"),
    [(0.05, None), (0.10, 20_000), (0.41, 50_000), (0.71, 80_000), (1 - 1 / 17, 80_000)],
)
def test_dutch_severity(
    share: float, threshold: float | None, packs: dict[str, DecisionProblem]
) -> None:
    country = packs["netherlands"].country
    band = country.severity_bands[int(class_of(country.severity_bands, 0.0, share))]
    assert effective_threshold(country, band) == threshold
    assert country.severity_rule == "proportional_shortfall"


@pytest.mark.parametrize(
    ("absolute", "proportional", "weight"),
    [
        (10.73, 0.9147, 1.2),
        (0, 0.849, 1.0),
        (0, 0.85, 1.2),
        (0, 0.95, 1.7),
        (11.99, 0, 1.0),
        (12, 0, 1.2),
        (18, 0, 1.7),
    ],
)
def test_english_severity_of_medicines(
    absolute: float, proportional: float, weight: float, inputs: Path
) -> None:
    country = load(inputs, "england", programme="medicine").country
    found = int(class_of(country.severity_bands, absolute, proportional))
    assert country.severity_bands[found].weight == weight


# -------------------------------------------------------------------------- programmes and days
@pytest.mark.parametrize(
    ("programme", "day", "values", "rule"),
    [
        (None, "2026-11-24", (20_000, 30_000), None),
        ("guideline", "2026-11-24", (20_000, 30_000), None),
        ("health_technology", "2026-11-24", (20_000, 30_000), None),
        ("medicine", "2026-03-31", (20_000, 30_000), "larger_of_both"),
        ("medicine", "2026-04-01", (25_000, 35_000), "larger_of_both"),
        ("medicine", "2026-11-24", (25_000, 35_000), "larger_of_both"),
    ],
)
def test_english_thresholds_by_programme_and_day(
    programme: str | None, day: str, values: tuple, rule: str | None, inputs: Path
) -> None:
    country = load(inputs, "GB", as_of=date.fromisoformat(day), programme=programme).country
    assert (country.thresholds, country.severity_rule) == (values, rule)
    assert country.programme == (programme or "guideline")


def test_dutch_rate_before_and_after_the_guideline(inputs: Path) -> None:
    days = {date(2023, 12, 31): 0.04, date(2024, 1, 1): 0.03}
    for day, rate in days.items():
        assert load(inputs, "NL", as_of=day).country.discount_costs[0].rate == rate


def test_rules_without_a_date_are_used_and_said(inputs: Path) -> None:
    country = load(inputs, "SE", as_of=date(2025, 6, 1)).country
    assert any(
        "Rules of 2025-06-01 were asked for" in line and "discounting" in line
        for line in country.cautions
    )
    assert not any("were asked for" in line for line in load(inputs, "SE").country.cautions)


@pytest.mark.parametrize(
    ("country", "programme", "block"),
    [("PL", None, "thresholds"), ("NL", None, "discounting"), ("GB", "medicine", "severity")],
)
def test_a_rule_with_a_last_day_only_is_said(
    country: str, programme: str | None, block: str, inputs: Path
) -> None:
    """Poland's threshold was another in 2022, NICE's severity began in a year that is not stated."""
    found = load(inputs, country, as_of=date(2022, 6, 1), programme=programme).country.cautions
    (line,) = [line for line in found if "were asked for" in line]
    assert block in line and "programmes" not in line


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("analysis.country", "norway", "--country"),
        ("analysis.as_of", "2020-01-01", "--as-of"),
        ("country.programme", "medicine", "--programme"),
    ],
)
def test_rules_are_not_chosen_by_a_setting(
    name: str, value: str, option: str, inputs: Path
) -> None:
    """They are read before settings change, so that it would pass without effect."""
    with pytest.raises(InputError) as caught:
        load(inputs, "GB", overrides={name: value})
    (line,) = caught.value.problems
    assert line.startswith(f"--set {name}={value}: ") and f"Use {option}" in line


def test_mortality_of_the_evidence(
    inputs: Path, packs: dict[str, DecisionProblem], faults: FaultsOf
) -> None:
    """Norway's in every run, unless a setting names another country or none."""
    own = {name: str(problem.trial_life_table.origin) for name, problem in packs.items()}
    assert set(own.values()) == {"inputs/countries/norway/life_table.csv"}
    setting = "analysis.survival.background"
    for value, folder in (("japan", "japan"), (None, "sweden")):
        found = load(inputs, "SE", overrides={setting: value}).trial_life_table
        assert str(found.origin) == f"inputs/countries/{folder}/life_table.csv"
    (line,) = faults(overrides={setting: "atlantis"})
    assert f"--set {setting}=atlantis: unknown country 'atlantis'" in line


def test_no_rule_in_force(inputs: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, "norway", as_of=date(2025, 6, 1))
    (line,) = caught.value.problems
    assert "country.yaml" in line and "value_set: no version is in force on 2025-06-01" in line
    assert "2025-09-01 to now" in line


def test_two_rules_in_force(spoil: Spoil, copied_inputs: Path, faults: FaultsOf) -> None:
    spoil(
        "countries/netherlands/country.yaml", "effective_to: 2023-12-31", "effective_to: 2024-12-31"
    )
    found = faults(country="NL", as_of=date(2024, 6, 1))
    assert "discounting: 2 versions are in force on 2024-06-01" in found[0]


def test_unknown_programme(inputs: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, "GB", programme="medicines")
    assert "unknown programme 'medicines' of England" in caught.value.problems[0]
    assert "Did you mean 'medicine'?" in caught.value.problems[0]
    with pytest.raises(InputError, match="the rules are the same in all"):
        load(inputs, "SE", programme="medicine")


# ------------------------------------------------------------------------------- what is borrowed
def test_unit_costs_are_converted_with_their_arithmetic(packs: dict[str, DecisionProblem]) -> None:
    english = packs["england"]
    found, original = english.parameters["c_resection"], packs["norway"].parameters["c_resection"]
    factor = 133.63 / 137.78 * 0.664153 / 9.14214
    assert found.mean == pytest.approx(original.mean * factor, rel=1e-12)
    assert found.se == pytest.approx(original.se * factor, rel=1e-12)
    assert (found.donor, found.status, found.source) == ("norway", original.status, original.source)
    shown = details(english, ["c_resection"])
    for part in (
        "260,000 NOK (2025 prices)",
        "consumer prices NOR 2025 to 2024: x 133.63 / 137.78",
        "purchasing power 2024: x 0.664153 GBP / 9.14214 NOK",
        "= 18,319.4 GBP (2024 prices)",
        "from norway",
    ):
        assert part in shown


def test_a_price_of_a_scenario_keeps_its_money(
    inputs: Path, packs: dict[str, DecisionProblem]
) -> None:
    """Scenarios serve all countries: what is NOK in one of them is no amount of pounds."""
    name = "c_second_line_medicines"
    norway, england = (load(inputs, x, "s12_panitumumab").parameters[name] for x in ("NO", "GB"))
    factor = 133.63 / 137.78 * 0.664153 / 9.14214
    assert (norway.mean, norway.conversion) == (55_900 * 12, ())
    assert england.mean == pytest.approx(norway.mean * factor, rel=1e-12)
    assert england.se == pytest.approx(norway.se * factor, rel=1e-12)
    assert england.donor is None and england.conversion[0] == "55,900 NOK (2025 prices)"
    assert packs["england"].parameters[name].donor == "norway"


def test_a_price_of_a_scenario_in_a_third_money(copied_inputs: Path, faults: FaultsOf) -> None:
    path = copied_inputs / "scenarios/mine.yaml"
    text = "label: A\nwhy: b\nparameters:\n  c_resection: {mean: 1000, se: 100, "
    path.write_text(f"{text}currency: USD, price_year: 2024}}\n", encoding="utf-8")
    english = load(copied_inputs, "GB", "mine").parameters["c_resection"]
    assert (english.mean, english.se) == pytest.approx((664.153, 66.4153))
    path.write_text(f"{text}currency: USD}}\n", encoding="utf-8")
    assert "'currency' and 'price_year' go together" in faults(scenario="mine")[0]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        # 275,000 and 825,000 NOK: 2024 by the index, then purchasing power; or the rate of 2025
        ("germany", (275_000 * 133.63 / 137.78 * 0.700862 / 9.14214, 3)),
        ("denmark", (275_000 * 133.63 / 137.78 * 6.05021 / 9.14214, 3)),
        ("france", (275_000 / 11.7173, 3)),
    ],
)
def test_thresholds_of_a_donor_are_converted_and_rounded(
    name: str, values: tuple[float, float], packs: dict[str, DecisionProblem]
) -> None:
    country, (low, times) = packs[name].country, values
    assert country.thresholds == tuple(float(f"{x:.1e}") for x in (low, low * times))
    assert (country.threshold_kind, country.has_verdict) == ("none", False)


def test_the_order_a_country_states_is_used(spoil: Spoil, copied_inputs: Path) -> None:
    """The rate of 2025, then Swedish prices back to 2024."""
    spoil(SWEDEN, "order: index_then_rate", "order: rate_then_index")
    spoil(SWEDEN, "rate: purchasing_power", "rate: exchange_rate")
    (copied_inputs / "countries/sweden/price_indices.csv").write_text(
        "series,code,year,value,unit,source,status\n"
        "consumer_prices,SWE,2025,135,2015 = 100,model_judgement,assumption\n",
        encoding="utf-8",
    )
    found = load(copied_inputs, "SE").parameters["c_resection"]
    assert found.mean == pytest.approx(260_000 / 1.0590 * 132.49 / 135)


def test_money_that_nothing_converts_stays_the_donors(packs: dict[str, DecisionProblem]) -> None:
    country = packs["canada"].country
    assert (country.currency, country.own_currency) == ("NOK", "CAD")
    assert (country.threshold_kind, country.has_verdict) == ("unusable", False)
    assert country.thresholds == packs["norway"].country.thresholds
    assert any("(50,000 CAD) cannot be set against costs in NOK" in x for x in country.cautions)
    assert packs["canada"].parameters["c_resection"].conversion == ()


def test_a_country_with_rates_of_its_own(copied_inputs: Path, spoil: Spoil) -> None:
    """What the evidence lacks, a researcher adds without touching the model."""
    spoil("countries/canada/country.yaml", "rate: null", "rate: exchange_rate")
    spoil("countries/canada/country.yaml", "price_year: 2024", "price_year: 2025")
    (copied_inputs / "countries/canada/price_indices.csv").write_text(
        "series,code,year,value,unit,source,status\n"
        "exchange_rate,CAD,2025,8,NOK per CAD,model_judgement,assumption\n",
        encoding="utf-8",
    )
    problem = load(copied_inputs, "CA")
    assert (problem.country.currency, problem.country.thresholds) == ("CAD", (50_000,))
    assert problem.parameters["c_resection"].mean == 260_000 / 8


def test_a_value_by_hand_is_in_the_money_of_the_run(inputs: Path) -> None:
    problem = load(inputs, "GB", overrides={"c_resection": 20_000, "c_ablation.se": 50})
    assert problem.parameters["c_resection"].mean == 20_000
    assert problem.parameters["c_resection"].conversion == ()
    assert problem.parameters["c_ablation"].se == 50
    plain = load(inputs, "GB").parameters["c_ablation"].mean
    assert problem.parameters["c_ablation"].mean == pytest.approx(plain)


def test_thresholds_by_hand(inputs: Path) -> None:
    for name in ("germany", "canada", "norway"):
        country = load(inputs, name, overrides={"country.thresholds.values": [50_000]}).country
        assert (country.thresholds, country.has_verdict) == ((50_000,), True)


def test_norms_of_a_donor_bring_its_value_set(packs: dict[str, DecisionProblem]) -> None:
    country = packs["sweden"].country
    assert country.value_set_key == "norway_5l"
    assert country.norms.remaining_qalys is None  # those of Norway's life table would be another's
    assert any("as are all utilities of this run" in line for line in country.cautions)


def test_english_norms_by_sex(packs: dict[str, DecisionProblem]) -> None:
    norms = packs["england"].country.norms
    at = np.flatnonzero(norms.age == 62)[0]
    assert (norms.by_sex[0][at], norms.by_sex[1][at]) == (0.809, 0.784)
    assert norms.utility[at] == pytest.approx(0.6 * 0.809 + 0.4 * 0.784)


def test_mixed_value_sets(spoil: Spoil, copied_inputs: Path, faults: FaultsOf) -> None:
    """Swedish experience-based values with Norwegian norms."""
    source = copied_inputs / "countries/norway/utility_norms.csv"
    target = copied_inputs / "countries/sweden/utility_norms.csv"
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    line = spoil(
        SWEDEN,
        "  donor: norway\n  source: [dmp_norms_tool]",
        "  file: utility_norms.csv\n  value_set: norway_5l\n  source: [dmp_norms_tool]",
    )
    (found,) = faults(country="sweden")
    assert found.startswith(
        f"inputs/{SWEDEN}:{line + 1}: utility_norms are valued with 'norway_5l'"
    )
    assert "'sweden_experience_5l_2020'" in found and "of one value set" in found


def test_a_utility_of_another_value_set(copied_inputs: Path, faults: FaultsOf) -> None:
    _absolute_utility(copied_inputs, "denmark_5l")
    (found,) = faults()
    assert "m_disease_free_early is valued with 'denmark_5l'" in found and "'norway_5l'" in found
    _absolute_utility(copied_inputs, "")
    assert "a utility without value set" in faults()[0]


def _absolute_utility(inputs: Path, value_set: str) -> None:
    path = inputs / "countries/norway/parameters.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [x for x in lines if not x.startswith("m_disease_free_early")]
    if not lines[0].endswith(",value_set"):
        lines = [lines[0] + ",value_set", *(f"{x}," for x in lines[1:])]
    columns = lines[0].split(",")
    row = dict.fromkeys(columns, "") | {
        "name": "m_disease_free_early",
        "description": "disease-free",
        "mean": "0.8",
        "se": "0.02",
        "distribution": "beta",
        "unit": "utility",
        "status": "assumption",
        "source": "model_judgement",
        "value_set": value_set,
    }
    path.write_text("\n".join([*lines, ",".join(row[c] for c in columns)]) + "\n", encoding="utf-8")


# ------------------------------------------------------------------------------------- bad input
BAD = {
    "threshold in another currency": (
        "countries/united_states/country.yaml",
        "  values: [100000, 150000]",
        "  values: [100000, 150000]\n  currency: EUR",
        "thresholds in EUR; money of United States is USD",
        "united_states",
    ),
    "values and a donor of thresholds": (
        "countries/united_states/country.yaml",
        "  values: [100000, 150000]",
        "  values: [100000, 150000]\n  donor: norway",
        "give 'values', or a 'donor'",
        "united_states",
    ),
    "donor's thresholds called official": (
        GERMANY,
        "  kind: none",
        "  kind: official",
        "a donor's thresholds are not official here",
        "germany",
    ),
    "overlapping bands": (
        "countries/denmark/country.yaml",
        "  costs: [{from: 0, to: 35, rate: 0.035}, {from: 35,",
        "  costs: [{from: 0, to: 35, rate: 0.035}, {from: 30,",
        "a band starts at 30 where 35 was expected",
        "denmark",
    ),
    "bands with a gap": (
        "countries/denmark/country.yaml",
        "  costs: [{from: 0, to: 35, rate: 0.035}, {from: 35,",
        "  costs: [{from: 0, to: 35, rate: 0.035}, {from: 36,",
        "a band starts at 36 where 35 was expected",
        "denmark",
    ),
    "unknown donor": (
        GERMANY,
        "prices:\n  donor: norway",
        "prices:\n  donor: norwya",
        "Did you mean 'norway'?",
        "germany",
    ),
    "donor that borrows itself": (
        GERMANY,
        "utility_norms:\n  donor: norway",
        "utility_norms:\n  donor: sweden",
        "utility_norms is borrowed from sweden, which has it from norway",
        "germany",
    ),
    "donor by its code": (
        GERMANY,
        "utility_norms:\n  donor: norway",
        "utility_norms:\n  donor: no",
        "write the name of its folder, 'norway'",
        "germany",
    ),
    "index missing for the price year": (
        GERMANY,
        "price_year: 2024",
        "price_year: 2026",
        "no consumer prices of NOR for 2026; it has 2000-2025",
        "germany",
    ),
    "rate missing for the price year": (
        GERMANY,
        "price_year: 2024",
        "price_year: 2025",
        "no purchasing power of NOR for 2025; it has 2000-2024",
        "germany",
    ),
    "norms above 1": (
        "countries/england/utility_norms.csv",
        "\n62,0.809,0.784",
        "\n62,1.809,0.784",
        "utility norm_male 1.809; it must be above 0 and at most 1",
        "england",
    ),
    "norms with a missing age": (
        "countries/england/utility_norms.csv",
        "\n62,0.809,0.784",
        "",
        "age 63 does not follow the age before by 1",
        "england",
    ),
    "norms of one sex": (
        "countries/england/utility_norms.csv",
        "age,utility_male,utility_female",
        "age,utility_male,utility_femal",
        "Did you mean 'utility_female'?",
        "england",
    ),
    "q above 1": (
        "countries/england/life_table.csv",
        "\n62,0.0",
        "\n62,9.0",
        "a probability of dying lies between 0 and 1",
        "england",
    ),
    "unknown block": (
        GERMANY,
        "\nvat:",
        "\nvatt:",
        "unknown name 'vatt'",
        "germany",
    ),
    "unknown stream": (
        GERMANY,
        "streams: [health_service]",
        "streams: [health_servic]",
        "streams",
        "germany",
    ),
    "unknown transfer class": (
        "model/parameters.csv",
        "trial_cost_fixed,EXCALIBUR-3 fixed cost,required,,gamma,{currency},,,placeholder,supplied_by_country,,,country",
        "trial_cost_fixed,EXCALIBUR-3 fixed cost,required,,gamma,{currency},,,placeholder,supplied_by_country,,,contry",
        "transfer 'contry'; allowed: country, adjust, keep",
        "norway",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_file_and_line(case: str, spoil: Spoil, faults: FaultsOf) -> None:
    file, old, new, said, country = BAD[case]
    spoil(file, old, new)
    found = faults(country=country)
    assert any(said in line for line in found), found
    assert all(line.startswith("inputs/") for line in found), found


def test_start_age_outside_the_norms(inputs: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, "england", overrides={"start_age": 15})
    assert any(
        "norms cover ages 16 to 110; start_age 15 is outside" in x for x in caught.value.problems
    )


def test_a_stand_in_stops_the_run_unless_allowed(
    spoil: Spoil, copied_inputs: Path, faults: FaultsOf
) -> None:
    line = spoil(GERMANY, "discounting:\n  costs:", "discounting:\n  generic: true\n  costs:")
    (found,) = faults(country="DE")
    assert found.startswith(f"inputs/{GERMANY}:{line}: 'discounting' is a stand-in")
    assert "--allow-generic" in found
    allowed = load(copied_inputs, "DE", allow_generic=True)
    assert "Stand-ins, not rules of Germany: discounting." in allowed.country.cautions[0]


def test_values_missing_without_a_donor(
    spoil: Spoil, copied_inputs: Path, faults: FaultsOf
) -> None:
    spoil(GERMANY, "prices:\n  donor: norway\n", "prices:\n")
    found = faults(country="DE", allow_generic=True)
    line = "inputs/countries/germany/parameters.csv:2: c_resection: a value is required"
    assert any(x.startswith(line) for x in found)
    assert len([x for x in found if "a value is required" in x]) == 16


# ------------------------------------------------------------------------------------ comparison
@pytest.fixture(scope="module")
def rows(packs: dict[str, DecisionProblem], made_up_draws) -> dict[str, dict]:
    found = {}
    for name in ("norway", "england", "canada", "netherlands"):
        problem = replace(packs[name], trial=None)
        simulation = simulate(problem, made_up_draws(problem, 300), workers=1)
        found[name] = country_row(problem, simulation, decide(problem, simulation))
    return found


def test_net_health_is_what_the_cost_would_buy(rows: dict[str, dict]) -> None:
    for row in rows.values():
        for name in (LOW, HIGH, SEVERITY):
            threshold = row[f"threshold_{name}"]
            if threshold == threshold:
                assert row[f"health_{name}"] == pytest.approx(
                    row["qalys"] - row["cost"] / threshold
                )
        assert row["health_low"] <= row["health_high"]
        assert row["health_low_low"] <= row["health_low"] <= row["health_low_high"]


def test_chance_and_interval_of_net_health(
    packs: dict[str, DecisionProblem], made_up_draws
) -> None:
    """By hand, from the draws of both strategies; the interval holds 95 % of them."""
    problem = replace(packs["england"], trial=None)
    simulation = simulate(problem, made_up_draws(problem, 300), workers=1)
    row = country_row(problem, simulation, decide(problem, simulation))
    gain, cost = (
        increments(simulation.outcomes, "chemotherapy", "resection")[x] for x in ("qalys", "cost")
    )
    health = gain - cost / 20_000
    assert row["probability_low"] == pytest.approx((health > 0).mean())
    assert 0 < row["probability_low"] < 1 and row["probability_low"] != 0.5
    inside = (health >= row["health_low_low"]) & (health <= row["health_low_high"])
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    worth = row["cost_common"] / row["cost"]
    assert row["cost_common_low"] == pytest.approx(row["cost_low"] * worth)


def test_costs_in_one_money(rows: dict[str, dict]) -> None:
    assert {row["common_money"] for row in rows.values()} == {"NOK 2025"}
    assert rows["norway"]["cost_common"] == rows["norway"]["cost"]
    assert rows["canada"]["cost_common"] == rows["canada"]["cost"]
    factor = 133.63 / 137.78 * 0.664153 / 9.14214
    assert rows["england"]["cost_common"] == pytest.approx(rows["england"]["cost"] / factor)


def test_only_rules_tell_countries_apart(
    rows: dict[str, dict], made_up_draws, inputs: Path
) -> None:
    """Canada with Norway's rules, mortality and streams is Norway, to the last digit."""
    norway, canada = load(inputs, "norway"), load(inputs, "canada")
    same = replace(norway.country, name="canada", label="Canada", severity_rule=None)
    problem = replace(canada, country=same, trial=None)
    simulation = simulate(problem, made_up_draws(problem, 300), workers=1)
    row = country_row(problem, simulation, decide(problem, simulation))
    for name in ("qalys", "cost", "icer", "health_low", "health_high"):
        assert row[name] == rows["norway"][name]


def test_available_lists_no_template() -> None:
    assert available(ROOT / "inputs", "countries") == COUNTRIES
    assert not any(name.startswith("_") for name in COUNTRIES)


def test_prices_and_counts_of_a_donor_are_told_apart(inputs: Path) -> None:
    """A country whose every price is another's says that it is not for a decision; a count is not converted."""
    england = " ".join(load(inputs, "england").country.cautions)
    assert "Every price is Norway's: not for a decision in England. 15 prices of England" in england
    assert "As in Norway: eligible_per_year. Value for the population and of the trial" in england
    norway = load(inputs, "norway").country.cautions
    assert not any("not for a decision" in line for line in norway)
