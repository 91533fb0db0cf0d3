"""Life expectancy and remaining QALYs of the shipped life tables against published ones.

`life_expectancy/published.csv`: the United Nations' life expectancy at birth of the same period as
their death rates, which a table graduated from them gives back to 0.005 years; and what national
statistics print at 65 (or 60, 70) of the nearest year that was found, which a table of another
period and another source only comes near: the tolerance of each row is the difference measured,
rounded up. `life_expectancy/midpoint_tables.csv`: ages of ten single-year tables that were made from
the same rates before, by a cubic through the groups' middles.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from heor.faults import Faults
from heor.inputs.country.graduation import graduated
from heor.inputs.country.life_tables import read_life_table
from heor.inputs.country.un_mortality import un_life_table
from heor.outcomes.population import population_qalys
from heor.problem.country import LifeTable
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.survival.evidence.background import survival
from tests.arithmetic import group_rates, life_expectancy

HERE = Path(__file__).parent / "life_expectancy"
COUNTRIES = Path(__file__).parents[2] / "inputs" / "countries"
UN = COUNTRIES / "_template" / "un_mortality.csv"
FOLDERS = sorted(p.parent.name for p in COUNTRIES.glob("[!_]*/life_table.csv"))

#: Folders whose table is graduated from the UN's rates, and whose rates these are.
GRADUATED = {
    "australia": "AUS",
    "belgium": "BEL",
    "canada": "CAN",
    "denmark": "DNK",
    "england": "GBR",
    "finland": "FIN",
    "france": "FRA",
    "germany": "DEU",
    "ireland": "IRL",
    "italy": "ITA",
    "japan": "JPN",
    "netherlands": "NLD",
    "new_zealand": "NZL",
    "poland": "POL",
    "portugal": "PRT",
    "south_korea": "KOR",
    "spain": "ESP",
    "sweden": "SWE",
    "united_states": "USA",
}

#: First ages of the groups and their rates, by country and sex.
Rates = dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]


def rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def rates() -> Rates:
    """The rates of the United Nations."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with UN.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["iso3"], row["sex"]
            found.setdefault(key, []).append((float(row["age_start"]), float(row["mx_2020_2025"])))
    return {k: tuple(np.array(v).T) for k, v in found.items()}


def shipped(folder: str) -> LifeTable:
    problems = Faults()
    path = COUNTRIES / folder / "life_table.csv"
    table = read_life_table(path, f"inputs/countries/{folder}/life_table.csv", problems)
    assert not problems, "\n".join(problems)
    return LifeTable(table["age"], table["q_male"], table["q_female"], (), Origin(path.name))


@pytest.mark.parametrize("folder", FOLDERS)
def test_life_expectancy_as_published(folder: str) -> None:
    table = shipped(folder)
    published = [r for r in rows("published.csv") if r["folder"] == folder]
    at_birth = {r["sex"] for r in published if r["age"] == "0"}
    assert at_birth >= {"male", "female"}, (
        f"inputs/countries/{folder}/life_table.csv: tests/anchors/life_expectancy/published.csv has no "
        "published life expectancy at birth of men and of women. Add a row for each, with its source."
    )
    for row in published:
        men, women = life_expectancy(table, float(row["age"]))
        years = {"male": men, "female": women, "both": (men + women) / 2}[row["sex"]]
        where = f"{folder}, age {row['age']}, {row['sex']}: {row['source']}, {row['period']}"
        assert abs(years - float(row["years"])) <= float(row["tolerance"]), f"{where}: {years:.3f}"


def test_published_rows_belong_to_a_folder() -> None:
    assert {r["folder"] for r in rows("published.csv")} <= set(FOLDERS)


@pytest.mark.parametrize("folder", sorted(GRADUATED))
def test_shipped_tables_have_the_rates_of_the_age_groups(folder: str, rates: Rates) -> None:
    """To the ten decimals printed, a hundred thousandth of the lowest rate; the open group too."""
    table = shipped(folder)
    for sex in ("male", "female"):
        start, m = rates[GRADUATED[folder], sex]
        hazard = -np.log1p(-getattr(table, f"q_{sex}"))
        groups = group_rates(hazard[:100], np.diff(start).astype(int))
        assert np.append(groups, hazard[100]) == pytest.approx(m, rel=1e-5)


@pytest.mark.parametrize("folder", ["england", "poland"])
def test_shipped_tables_are_the_methods(folder: str) -> None:
    """To the digits printed."""
    problems = Faults()
    made = un_life_table(UN, UN.name, GRADUATED[folder], problems)
    table = shipped(folder)
    assert not problems
    assert np.array_equal(made["age"], table.age)
    for sex in ("q_male", "q_female"):
        assert np.abs(made[sex] - getattr(table, sex)).max() < 1e-9


@pytest.mark.parametrize("folder", sorted(GRADUATED))
def test_life_expectancy_at_65_of_an_abridged_table(folder: str, rates: Rates) -> None:
    """Greville (1943): years lived by those who die in a group, from the rates beside it.

    No single years are needed, so this is a second way to e65 from the same rates.
    """
    for own, sex in zip(life_expectancy(shipped(folder), 65), ("male", "female"), strict=True):
        start, m = rates[GRADUATED[folder], sex]
        first = int(np.flatnonzero(start == 65)[0])
        group = m[first:-1]
        slope = np.log(m[first + 1 :] / m[first - 1 : -2]) / 10
        lived = 2.5 - 25 / 12 * (group - slope)  # years, of those who die in the group
        q = 5 * group / (1 + (5 - lived) * group)
        alive = np.concatenate([[1.0], np.cumprod(1 - q)])
        years = (alive[:-1] * (5 * (1 - q) + lived * q)).sum() + alive[-1] / m[-1]
        assert own == pytest.approx(years, abs=0.005)


def test_midpoints_give_the_earlier_tables(
    rates: Rates,
) -> None:
    """All printed digits, seven decimals, of ten countries."""
    found = rows("midpoint_tables.csv")
    for iso3 in sorted({r["iso3"] for r in found}):
        own = [r for r in found if r["iso3"] == iso3]
        for sex in ("male", "female"):
            age, q = graduated(*rates[iso3, sex], method="midpoints")
            at = np.array([int(r["age"]) for r in own])
            assert np.array_equal(age[at], at)
            assert np.abs(q[at] - [float(r[f"q_{sex}"]) for r in own]).max() < 5.1e-8


def test_smoothest_is_nearer_the_published_than_midpoints(
    rates: Rates,
) -> None:
    """At birth, all countries: 0.005 years at most against 0.011 at least."""
    published = {
        (r["folder"], r["sex"]): float(r["years"]) for r in rows("published.csv") if r["age"] == "0"
    }
    worst, best = 0.0, np.inf
    for folder, iso3 in GRADUATED.items():
        smooth = shipped(folder)
        q = [graduated(*rates[iso3, sex], method="midpoints")[1] for sex in ("male", "female")]
        cubic = LifeTable(smooth.age, *q, (), Origin("midpoints"))
        for i, sex in enumerate(("male", "female")):
            worst = max(worst, abs(life_expectancy(smooth, 0)[i] - published[folder, sex]))
            best = min(best, abs(life_expectancy(cubic, 0)[i] - published[folder, sex]))
    assert worst < 0.0055
    assert best > 0.01


def test_graduation_gives_back_a_table_by_single_year() -> None:
    """Statistics Norway's table of 2025 in five-year groups and back: e0 and e65 to 0.01 years."""
    table = shipped("norway")
    start = np.array([0, 1, *range(5, 101, 5)])
    years = {a: life_expectancy(table, float(a)) for a in (0, 65, 100)}
    for i, q in enumerate((table.q_male, table.q_female)):
        m = np.append(_rates_of(-np.log1p(-q[:100]), start), 1 / years[100][i])
        age, single = graduated(start, np.maximum(m, 1e-6))
        back = LifeTable(age.astype(float), single, single, (), Origin("back"))
        for at in (0, 65):
            assert life_expectancy(back, at)[i] == pytest.approx(years[at][i], abs=0.006)


def _rates_of(hazard: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Deaths by years lived in each group of ages, from survival in steps of a hundredth of a year."""
    step = 0.01
    fine = np.repeat(hazard, 100)
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(fine * step)]))
    lived = np.add.reduceat((alive[:-1] + alive[1:]) / 2 * step, start[:-1] * 100)
    return -np.diff(alive[start * 100]) / lived


# ----------------------------------------------------------------- remaining QALYs, DMP's table
def test_remaining_qalys_from_the_tools_own_life_years(problem: DecisionProblem) -> None:
    """DMP's remaining life years times its norms, step by step of the norms: to its rounding.

    Remaining QALYs are the norm at the age times the life years left, and at each later age at which
    the norm changes its step times the share alive there times the life years then left.
    """
    table, norms = problem.country.life_table, problem.country.norms
    life = {int(r["age"]): float(r["remaining_life_years"]) for r in _norway_norms()}
    steps = np.diff(norms.utility)
    for i, age in enumerate(norms.age):
        alive = survival(table, age, 0.5, norms.age[i + 1 :] - age)
        later = np.array([life[int(a)] for a in norms.age[i + 1 :]])
        qalys = norms.utility[i] * life[int(age)] + (steps[i:] * alive * later).sum()
        assert qalys == pytest.approx(norms.remaining_qalys[i], abs=0.1)


def test_remaining_qalys_of_the_shipped_life_table(problem: DecisionProblem) -> None:
    """The life table is of another year than the tool's: at most 0.2 QALYs and 0.24 years apart."""
    country = problem.country
    own = [population_qalys(country, a, 0.5, discounted=False) for a in country.norms.age]
    years = [np.mean(life_expectancy(country.life_table, a)) for a in country.norms.age]
    theirs = [float(r["remaining_life_years"]) for r in _norway_norms()]
    qalys_apart = np.abs(own - country.norms.remaining_qalys).max()
    assert 0.1 < qalys_apart < 0.2
    assert np.abs(np.subtract(years, theirs)).max() < 0.24


def _norway_norms() -> list[dict[str, str]]:
    with (COUNTRIES / "norway" / "utility_norms.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
