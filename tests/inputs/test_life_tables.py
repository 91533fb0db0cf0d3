"""Life tables as files: forms, faults with file and line, closing rules, UN rates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heor.faults import Faults
from heor.inputs.country.life_tables import closed, read_life_table
from heor.inputs.country.un_mortality import un_life_table
from heor.inputs.load import load
from heor.outcomes.population import population_qalys
from heor.problem.problem import DecisionProblem
from heor.survival.evidence.background import cumulative_hazard_by_sex
from tests.arithmetic import life_expectancy

FaultsOf = Callable[..., list[str]]
LIFE = "countries/norway/life_table.csv"
COUNTRY = "countries/norway/country.yaml"
UN = Path(__file__).parents[2] / "inputs" / "countries" / "_template" / "un_mortality.csv"


def read(tmp_path: Path, text: str) -> tuple[dict[str, np.ndarray] | None, list[str]]:
    path, problems = tmp_path / "life.csv", Faults()
    path.write_text(text, encoding="utf-8")
    return read_life_table(path, "life.csv", problems), problems


# ------------------------------------------------------------------------------- survivors
def test_survivors_of_any_radix(tmp_path: Path) -> None:
    """q is what the survivors lose; the last age only counts who outlives the age before."""
    table, problems = read(
        tmp_path, "age,l_male,l_female\n60,1000,50\n61,900,45\n62,450,36\n63,0,9\n"
    )
    assert problems == []
    assert table["age"].tolist() == [60, 61, 62]
    assert table["q_male"] == pytest.approx([0.1, 0.5, 1.0])
    assert table["q_female"] == pytest.approx([0.1, 0.2, 0.75])


def test_survivors_of_the_shipped_table_give_it_back(copied_inputs: Path) -> None:
    """Its q as survivors of 100,000, read again."""
    table = load(copied_inputs).country.life_table
    ages = np.append(table.age, table.age[-1] + 1)
    men, women = (
        100_000 * np.cumprod(np.append(1.0, 1 - q)) for q in (table.q_male, table.q_female)
    )
    lines = [f"{a:g},{m:.9g},{w:.9g}" for a, m, w in zip(ages, men, women, strict=True)]
    (copied_inputs / LIFE).write_text(
        "\n".join(["age,l_male,l_female", *lines, ""]), encoding="utf-8"
    )
    again = load(copied_inputs).country.life_table
    assert np.array_equal(again.age, table.age)
    assert again.q_male == pytest.approx(table.q_male, rel=1e-3, abs=3e-9)
    assert again.q_female == pytest.approx(table.q_female, rel=1e-3, abs=3e-9)


def test_survivors_of_whom_nobody_is_left_for_years(tmp_path: Path) -> None:
    """Men end before women: q stays 1."""
    table, problems = read(tmp_path, "age,l_male,l_female\n98,2,4\n99,0,2\n100,0,1\n101,0,0\n")
    assert problems == []
    assert table["q_male"].tolist() == [1, 1, 1]
    assert table["q_female"].tolist() == [0.5, 0.5, 1]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (
            "age,l_male,l_female\n60,100,100\n61,90,101\n62,80,80\n",
            "life.csv:3: ",
            "l_female is 101, the year before 100: survivors that rise. They stay or fall",
        ),
        (
            "age,l_male,l_female\n60,100,100\n61,-1,90\n",
            "life.csv:3: ",
            "l_male is -1; survivors cannot be fewer than 0",
        ),
        (
            "age,l_male,l_female\n60,0,100\n61,0,90\n",
            "life.csv:2: ",
            "l_male is 0 at the first age; it must be above 0",
        ),
        ("age,l_male,l_female\n60,100,100\n", "life.csv: ", "survivors of one age give no"),
        (
            "age,l_male,l_female\n60,100,100\n61,many,90\n",
            "life.csv:3: ",
            "column 'l_male': 'many' is not a finite number",
        ),
        (
            "age,l_male,q_female\n60,100,0.1\n",
            "life.csv:1: ",
            "found: age, q_female, l_male. Give one pair of columns, of both sexes",
        ),
        ("age,q_male\n60,0.1\n", "life.csv:1: ", "found: age, q_male. Give one pair"),
        ("age\n60\n", "life.csv:1: ", "found: age. Give one pair"),
        (
            "age,q_male,q_female\n60,1.2,0.1\n61,0.1,0.1\n",
            "life.csv:2: ",
            "q_male is 1.2; a probability of dying lies between 0 and 1",
        ),
        (
            "age,q_male,q_female\n60,0.1,0.1\n61,0.1,-0.1\n",
            "life.csv:3: ",
            "q_female is -0.1; a probability of dying lies between 0 and 1",
        ),
        (
            "age,q_male,q_female\n60,0.1,0.1\n61,1,0.1\n62,0.2,0.1\n",
            "life.csv:4: ",
            "q_male is 0.2, but nobody is alive: it is 1 the year before",
        ),
        (
            "age,q_male,q_female\n60,1,0.1\n",
            "life.csv:2: ",
            "q_male is 1 at the first age, which leaves nobody alive",
        ),
        (
            "age,q_male,q_female\n60,0.1,0.1\n65,0.1,0.1\n",
            "life.csv:3: ",
            "age 65 does not follow the age before by 1; a life table has every single year",
        ),
        (
            "age,l_male,l_female\n60,100,100\n65,90,90\n",
            "life.csv:3: ",
            "Add the missing ages (heor.inputs.country.graduation makes them of age groups)",
        ),
        (
            "age,q_male,q_female\n60.5,0.1,0.1\n",
            "life.csv:2: ",
            "age 60.5; an age is a whole number of years",
        ),
        (
            "age,q_male,q_female\n60,,0.1\n",
            "life.csv:2: ",
            "column 'q_male': empty; a number is required",
        ),
    ],
)
def test_one_fault_with_its_file_and_line(text: str, where: str, says: str, tmp_path: Path) -> None:
    _, problems = read(tmp_path, text)
    assert len(problems) == 1, problems
    assert problems[0].startswith(where)
    assert says in problems[0]


# --------------------------------------------------------------------------------- closing
def shorten(inputs: Path, last: int, closing: str | None = None) -> None:
    """The Norwegian table up to an age, and a closing rule in country.yaml."""
    path = inputs / LIFE
    kept = path.read_text(encoding="utf-8").splitlines()[: last + 2]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    if closing is not None:
        path = inputs / COUNTRY
        text = path.read_text(encoding="utf-8")
        line = "  file: life_table.csv\n"
        assert text.count(line) == 1
        path.write_text(text.replace(line, f"{line}  closing: {closing}\n"), encoding="utf-8")


def test_a_table_that_ends_before_the_horizon(copied_inputs: Path, faults: FaultsOf) -> None:
    shorten(copied_inputs, 89)
    (fault,) = faults()
    assert fault.startswith(f"inputs/{LIFE}: ends at age 89, before the horizon (age 100)")
    for part in ("Add the missing ages", "closing: constant_hazard", "closing: certain_death"):
        assert part in fault


def test_closing_by_a_constant_hazard(copied_inputs: Path) -> None:
    """The last age's hazard goes on: in survival, life expectancy and remaining QALYs."""
    whole = load(copied_inputs).country
    shorten(copied_inputs, 89, "constant_hazard")
    country = load(copied_inputs).country
    table = country.life_table
    assert table.age[-1] == 120
    hazard = -np.log1p(-table.q_male[89])
    men, _ = cumulative_hazard_by_sex(table, 89, np.array([0.0, 1.0, 12.5]))
    assert men == pytest.approx(hazard * np.array([0.0, 1.0, 12.5]))
    assert life_expectancy(table, 95)[0] == pytest.approx(1 / hazard)
    # Mortality no longer rises after 89, so more years are left than by the whole table.
    for age in (65, 85):
        more = population_qalys(country, age, 0.5, discounted=False)
        less = population_qalys(whole, age, 0.5, discounted=False)
        assert less < more < 1.3 * less


def test_closing_by_certain_death(copied_inputs: Path) -> None:
    """Who reaches the age after the last given dies in that year: one in 10¹² lives through it."""
    shorten(copied_inputs, 89, "certain_death")
    country = load(copied_inputs).country
    table = country.life_table
    assert (table.age[-1], table.q_male[-1], table.q_female[-1]) == (90, 1, 1)
    at_90, at_91 = np.exp(-cumulative_hazard_by_sex(table, 90, np.array([0.0, 1.0]))[0])
    assert at_90 == 1
    assert at_91 < 1.1e-12
    men, _ = life_expectancy(table, 89)
    last = -np.log1p(-table.q_male[89])
    assert men == pytest.approx(table.q_male[89] / last, abs=0.04)  # and nothing beyond
    assert population_qalys(country, 89, 1.0, discounted=False) == pytest.approx(
        men * 0.811, rel=1e-3
    )


def test_without_a_rule_the_closing_age_keeps_the_hazard_below(problem: DecisionProblem) -> None:
    """As before: q = 1 at 106 is the open end of the table, not certain death."""
    table = problem.country.life_table
    assert (table.q_male[-1], table.closing) == (1.0, None)
    men, _ = cumulative_hazard_by_sex(table, 105, np.array([1.0, 2.0]))
    assert men[1] == pytest.approx(2 * men[0])


def test_a_rule_changes_nothing_where_the_table_is_closed(copied_inputs: Path) -> None:
    """Certain death at 106 adds no age; a constant hazard takes the place of q = 1."""
    table = load(copied_inputs).country.life_table
    columns = {"age": table.age, "q_male": table.q_male, "q_female": table.q_female}
    assert closed(columns, None) is columns
    assert closed(columns, "certain_death") is columns
    on = closed(columns, "constant_hazard")
    assert on["age"].tolist() == list(range(121))
    assert set(on["q_male"][105:]) == {table.q_male[105]}


def test_unknown_closing_rule(copied_inputs: Path, faults: FaultsOf) -> None:
    shorten(copied_inputs, 106, "constant")
    (fault,) = faults()
    assert fault.startswith(f"inputs/{COUNTRY}:")
    assert "'certain_death'" in fault
    assert "'constant_hazard'" in fault


def test_a_fault_of_the_table_and_a_closing_rule(copied_inputs: Path, faults: FaultsOf) -> None:
    """The fault is named; the rule does not stumble over it."""
    for closing in ("constant_hazard", "certain_death"):
        (copied_inputs / LIFE).write_text("age,q_male,q_female\n0,1,0.1\n", encoding="utf-8")
        text = (copied_inputs / COUNTRY).read_text(encoding="utf-8")
        rule = f"  file: life_table.csv\n  closing: {closing}\n"
        spoilt = text.replace("  file: life_table.csv\n", rule)
        (copied_inputs / COUNTRY).write_text(spoilt, encoding="utf-8")
        assert any(f.startswith(f"inputs/{LIFE}:2: q_male is 1 at the first") for f in faults())
        (copied_inputs / COUNTRY).write_text(text, encoding="utf-8")


# -------------------------------------------------------------------------------- UN rates
def test_a_life_table_of_any_area() -> None:
    problems = Faults()
    table = un_life_table(UN, UN.name, "isl", problems)
    assert problems == []
    assert table["age"].tolist() == list(range(101))
    assert np.all(np.diff(table["q_male"][40:]) > 0)


def test_an_area_that_is_not_there() -> None:
    problems = Faults()
    assert un_life_table(UN, UN.name, "ENG", problems) is None
    (fault,) = problems
    assert fault.startswith("un_mortality.csv: no country or area 'ENG'; 235 are there")


def test_rates_that_are_no_abridged_table(tmp_path: Path) -> None:
    path, problems = tmp_path / "un.csv", Faults()
    path.write_text(
        "iso3,country,sex,age_start,mx_2020_2025\nAAA,A,male,0,0.1\nAAA,A,male,1,0\n",
        encoding="utf-8",
    )
    assert un_life_table(path, "un.csv", "AAA", problems) is None
    assert problems[0].startswith("un.csv: AAA, male: the rate of the group from age 1 is 0")
