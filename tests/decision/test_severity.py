"""Severity: the Norwegian, Dutch and English rules, and a country file that gets them wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from heor.decision.severity import Severity, remaining_qalys, severity, severity_of
from heor.errors import InputError
from heor.inputs.load import load
from heor.outcomes.outcomes import Outcomes
from heor.outcomes.population import population_qalys
from heor.problem.country import Country, DiscountBand
from heor.problem.problem import DecisionProblem
from heor.report.markdown import text
from heor.report.sections.severity import severity as severity_section
from heor.together import decide

COUNTRY = "countries/norway/country.yaml"
DUTCH = """
severity:
  rule: proportional_shortfall
  bands:
    - {from: 0,    to: 0.10, threshold: null}
    - {from: 0.10, to: 0.41, threshold: 20000}
    - {from: 0.41, to: 0.71, threshold: 50000}
    - {from: 0.71, to: null, threshold: 80000}
"""
ENGLISH = """
severity:
  rule: larger_of_both
  bands:
    - {absolute: 0,  proportional: 0,    weight: 1.0, threshold: 30000}
    - {absolute: 12, proportional: 0.85, weight: 1.2, threshold: 30000}
    - {absolute: 18, proportional: 0.95, weight: 1.7, threshold: 30000}
"""


def write_rule(folder: Path, text: str) -> int:
    """Norway's file with another severity block; the line the block starts at."""
    path = folder / COUNTRY
    lines = path.read_text(encoding="utf-8").split("\n")
    start = lines.index("severity:")
    end = next(i for i in range(start, len(lines)) if lines[i].startswith("# The tariff"))
    new = [*lines[:start], *text.strip("\n").split("\n"), "", *lines[end:]]
    path.write_text("\n".join(new), encoding="utf-8")
    return start + 1


@pytest.fixture
def with_rule(copied_inputs: Path) -> Callable[[str], DecisionProblem]:
    """The base case under another severity rule."""

    def made(text: str) -> DecisionProblem:
        write_rule(copied_inputs, text)
        return load(copied_inputs)

    return made


def with_norm(country: Country, remaining: float) -> Country:
    """The same remaining QALYs at every age, read from the norms."""
    norms = replace(country.norms, remaining_qalys=np.full(len(country.norms.age), remaining))
    return replace(country, norms=norms, severity_discounted=False)


def found_at(country: Country, remaining: float, comparator: float) -> Severity:
    return severity(with_norm(country, remaining), 66, 0.6, np.full(10, comparator))


def outcomes_of(problem: DecisionProblem, discounted: float, undiscounted: float) -> Outcomes:
    """The comparator's QALYs as given in both of two draws; the intervention gains 1 and 2 QALYs."""
    names = ["care", "qalys", "life_years", "qalys_undiscounted", "life_years_undiscounted"]
    comparator = np.array([1000.0, discounted, 30.0, undiscounted, 40.0])
    gain = np.array([[500.0, 1, 1, 1, 1], [700.0, 2, 2, 2, 2]])
    values = np.stack([np.tile(comparator, (2, 1)), comparator + gain], axis=1)
    roles = [problem.settings.comparator, problem.settings.intervention]
    data = xr.DataArray(
        values,
        dims=("draw", "strategy", "component"),
        coords={"strategy": roles, "component": names},
    )
    return Outcomes(data, ("care",), problem.country.currency)


# ------------------------------------------------------------------------------- three rules
@pytest.mark.parametrize(
    ("remaining", "comparator", "shortfall", "weight", "threshold"),
    [
        (17.0, 1.0, 16.00, 2.6, 715_000),
        (17.0, 1.2, 15.80, 2.2, 605_000),
        (21.6, 1.0, 20.60, 3.0, 825_000),
        (30.0, 26.01, 3.99, 1.0, 275_000),
        (30.0, 26.0, 4.0, 1.4, 385_000),
        (30.0, 22.0, 8.0, 1.8, 495_000),
        (30.0, 18.0, 12.0, 2.2, 605_000),
        (30.0, 14.0, 16.0, 2.6, 715_000),
        (30.0, 10.0, 20.0, 3.0, 825_000),
        (30.0, 14.006, 15.99, 2.2, 605_000),
        (30.0, 14.004, 16.0, 2.6, 715_000),
        (30.0, 31.0, -1.0, 1.0, 275_000),
    ],
)
def test_norway(
    remaining: float,
    comparator: float,
    shortfall: float,
    weight: float,
    threshold: float,
    problem: DecisionProblem,
) -> None:
    """Classes of absolute shortfall, lower edge inclusive, rounded to 2 decimals."""
    found = found_at(problem.country, remaining, comparator)
    assert (found.shortfall, found.weight, found.threshold) == (shortfall, weight, threshold)
    assert found.weight_on == "threshold"
    classes = found.class_probabilities
    assert classes.loc[classes.threshold == threshold, "probability"].item() == 1
    assert classes.probability.sum() == 1


@pytest.mark.parametrize(
    ("remaining", "comparator", "share", "threshold"),
    [
        (20.0, 19.0, 0.05, None),
        (20.0, 18.0, 0.10, 20_000),
        (20.0, 11.8, 0.41, 50_000),
        (20.0, 11.9, 0.405, 20_000),
        (20.0, 5.8, 0.71, 80_000),
        (17.0, 1.0, 0.941, 80_000),
        (20.0, 21.0, -0.05, None),
        (20.0, -1.0, 1.05, 80_000),
    ],
)
def test_netherlands(
    remaining: float,
    comparator: float,
    share: float,
    threshold: float | None,
    with_rule: Callable[[str], DecisionProblem],
) -> None:
    found = found_at(with_rule(DUTCH).country, remaining, comparator)
    assert found.proportional_shortfall == pytest.approx(share, abs=5e-4)
    assert found.threshold == threshold
    assert found.class_probabilities.probability.max() == 1
    assert not found.discounted


@pytest.mark.parametrize(
    ("remaining", "comparator", "weight"),
    [
        (11.73, 1.0, 1.2),  # absolute 10.73 alone gives 1.0, proportional 0.9147 gives 1.2
        (10.0, 1.51, 1.0),  # proportional 0.849, 0.85, 0.95
        (10.0, 1.5, 1.2),
        (10.0, 0.5, 1.7),
        (17.0, 2.55, 1.2),  # 0.85 but for floating point
        (40.0, 28.01, 1.0),  # absolute 11.99, 12, 18
        (40.0, 28.0, 1.2),
        (40.0, 22.0, 1.7),
        (19.0, 1.0, 1.7),  # absolute 18, proportional 0.947: the larger
    ],
)
def test_england(
    remaining: float,
    comparator: float,
    weight: float,
    with_rule: Callable[[str], DecisionProblem],
) -> None:
    """The larger class of the two; the weight is on QALYs, so the threshold is stretched by it."""
    found = found_at(with_rule(ENGLISH).country, remaining, comparator)
    assert (found.weight, found.weight_on) == (weight, "qalys")
    assert found.base_threshold == 30_000
    assert found.threshold == pytest.approx(30_000 * weight)


def test_proportional_shortfall_alone_decides(with_rule: Callable[[str], DecisionProblem]) -> None:
    country = with_rule(ENGLISH).country
    only = tuple(replace(b, proportional=None) for b in country.severity_bands)
    assert found_at(replace(country, severity_bands=only), 11.73, 1.0).weight == 1.0


@pytest.mark.parametrize("text", ["severity:\n  rule: null\n  bands: []", "bands kept"])
def test_never_weighted(text: str, with_rule: Callable[[str], DecisionProblem]) -> None:
    """As for health technologies other than medicines in England: no class, no threshold of its own."""
    kept = ENGLISH.replace("rule: larger_of_both", "rule: null")
    problem = with_rule(kept if text == "bands kept" else text)
    outcomes = outcomes_of(problem, 1.0, 1.0)
    assert severity_of(problem, outcomes) is None
    decision = decide(problem, SimpleNamespace(outcomes=outcomes))
    assert [name for name, _ in decision.thresholds] == ["275000", "825000"]


# ------------------------------------------------------------------------- the right QALYs
def test_discounted_or_not(with_rule: Callable[[str], DecisionProblem]) -> None:
    """The comparator has 3 QALYs discounted and 5 undiscounted; so has the population its own two."""
    problem = with_rule(ENGLISH)
    country, age, share = problem.country, problem.start_age, problem.share_male
    found = severity_of(problem, outcomes_of(problem, 3.0, 5.0))
    assert found is not None and found.discounted
    assert found.comparator_qalys == 3.0
    assert found.remaining_qalys == population_qalys(country, age, share)
    plain = with_rule(ENGLISH.replace("  bands", "  discounted: false\n  bands"))
    found = severity_of(plain, outcomes_of(plain, 3.0, 5.0))
    assert found is not None and not found.discounted
    assert found.comparator_qalys == 5.0
    assert found.remaining_qalys == remaining_qalys(plain.country, age, share) == 20.0


def test_outcomes_without_the_qalys_needed(problem: DecisionProblem) -> None:
    outcomes = outcomes_of(problem, 1.0, 1.0)
    data = outcomes.data.sel(component=["care", "qalys", "life_years"])
    with pytest.raises(InputError, match="no 'qalys_undiscounted'; the rule 'absolute_shortfall'"):
        severity_of(problem, Outcomes(data, ("care",), "NOK"))


def test_weighted_qalys_and_stretched_threshold_decide_alike(
    with_rule: Callable[[str], DecisionProblem],
) -> None:
    """30,000 × 1.2 × QALYs − cost by hand, against the decision's own net benefit."""
    problem = with_rule(ENGLISH)
    remaining = remaining_qalys(problem.country, problem.start_age, problem.share_male)
    outcomes = outcomes_of(problem, 0.1 * remaining, 1.0)
    decision = decide(problem, SimpleNamespace(outcomes=outcomes))
    row = decision.tables["net_benefit"].set_index("threshold_name").loc["severity"]
    assert row.net_benefit == pytest.approx(30_000 * 1.2 * 1.5 - 600)


def test_no_reference_value_gives_no_threshold(with_rule: Callable[[str], DecisionProblem]) -> None:
    problem = with_rule(DUTCH)
    outcomes = outcomes_of(problem, 19.5, 19.5)
    decision = decide(problem, SimpleNamespace(outcomes=outcomes))
    assert decision.severity is not None and decision.severity.threshold is None
    assert [name for name, _ in decision.thresholds] == ["275000", "825000"]
    assert np.isnan(decision.tables["severity_classes"].threshold[0])


# -------------------------------------------------------------------------- draws and ages
def test_severity_uses_the_mean_and_shows_the_rest(problem: DecisionProblem) -> None:
    """Half of the draws on each side of an edge: one threshold, two classes."""
    remaining = remaining_qalys(problem.country, 62, 0.6)
    found = severity(problem.country, 62, 0.6, remaining - np.tile([15.0, 17.2], 50))
    assert (found.shortfall, found.threshold) == (16.1, 715_000)
    by = found.class_probabilities.set_index("threshold").probability
    assert (by[605_000], by[715_000]) == (0.5, 0.5)


def test_class_changes_with_age(problem: DecisionProblem) -> None:
    """Comparator with 1.3 QALYs: 21.6 and 20.8 left at 60 and 61, 17.7 and 17.0 at 65 and 66."""
    found = severity(problem.country, 62, 0.6, np.full(4, 1.3))
    assert found.shortfall == 18.7
    changes = dict(zip(found.class_ages.threshold, found.class_ages.age, strict=True))
    assert (changes[825_000], changes[715_000], changes[605_000]) == (40, 61, 66)


def test_ages_hold_the_mean_of_uneven_draws(problem: DecisionProblem) -> None:
    even = severity(problem.country, 62, 0.6, np.full(4, 1.3))
    uneven = severity(problem.country, 62, 0.6, np.array([0.1, 0.1, 0.1, 4.9]))
    assert uneven.class_ages.equals(even.class_ages)


@pytest.mark.parametrize("text", [DUTCH, ENGLISH])
def test_every_age_has_the_class_of_its_row(
    text: str, with_rule: Callable[[str], DecisionProblem]
) -> None:
    """The table read at each age gives what the rule gives there, for a comparator of 3 QALYs."""
    country = with_rule(text).country
    found = severity(country, 62, 0.6, np.full(4, 3.0))
    assert len(found.class_ages) > 1
    for age in country.norms.age:
        row = found.class_ages[found.class_ages.age <= age].iloc[-1]
        here = severity(country, age, 0.6, np.full(4, 3.0))
        assert row.weight == here.weight
        assert (None if np.isnan(row.threshold) else row.threshold) == here.threshold


def test_remaining_qalys_between_ages(problem: DecisionProblem) -> None:
    a, b, middle = (remaining_qalys(problem.country, x, 0.6) for x in (62, 63, 62.5))
    assert middle == pytest.approx((a + b) / 2)


# ------------------------------------------------------------------------------- population
def test_population_qalys_near_the_norms_own(problem: DecisionProblem) -> None:
    """Undiscounted, half men: as DMP's table at all its ages, to its rounding and life table's year."""
    country = problem.country
    own = [population_qalys(country, a, 0.5, discounted=False) for a in country.norms.age]
    assert np.abs(own - country.norms.remaining_qalys).max() < 0.2
    assert population_qalys(country, 65, 0.6, discounted=False) == pytest.approx(17.5, abs=0.05)


def test_population_qalys_at_the_english_rate(problem: DecisionProblem) -> None:
    """Norwegian mortality at 3.5 %, age 66, 60 % men: 11.73, computed elsewhere before."""
    flat = replace(problem.country, discount_effects=(DiscountBand(0, None, 0.035),))
    assert population_qalys(flat, 66, 0.6) == pytest.approx(11.73, abs=0.02)


def test_population_qalys_against_small_steps(problem: DecisionProblem) -> None:
    """A midpoint sum in steps of a thousandth of a year, with a discount band that ends in a year."""
    from heor.outcomes.discounting import discount_factor
    from heor.outcomes.norms import norm_at
    from heor.survival.evidence.background import survival

    bands = (DiscountBand(0, 7.3, 0.04), DiscountBand(7.3, None, 0.01))
    country = replace(problem.country, discount_effects=bands)
    time = np.arange(0.0005, 107 - 62.4, 0.001)
    alive = survival(country.life_table, 62.4, 0.6, time)
    value = alive * discount_factor(bands, time) * norm_at(country.norms, 62.4 + time)
    assert population_qalys(country, 62.4, 0.6) == pytest.approx(value.sum() * 0.001, rel=1e-5)


def test_population_qalys_by_sex(inputs: Path) -> None:
    """Each sex lives by its own mortality and has its own utility; in steps of a thousandth of a year."""
    from heor.outcomes.discounting import discount_factor
    from heor.survival.evidence.background import cumulative_hazard_by_sex

    country = load(inputs, "england").country
    time = np.arange(0.0005, 121 - 62, 0.001)
    factor = discount_factor(country.discount_effects, time)
    age = np.minimum(np.floor(62 + time), country.norms.age[-1]).astype(int)
    total = {}
    for sex, hazard, norm in zip(
        ("men", "women"),
        cumulative_hazard_by_sex(country.life_table, 62, time),
        country.norms.by_sex,
        strict=True,
    ):
        total[sex] = (np.exp(-hazard) * factor * norm[age - 16]).sum() * 0.001
    assert population_qalys(country, 62, 1.0) == pytest.approx(total["men"], rel=1e-5)
    assert population_qalys(country, 62, 0.0) == pytest.approx(total["women"], rel=1e-5)
    mixed = 0.6 * total["men"] + 0.4 * total["women"]
    assert population_qalys(country, 62, 0.6) == pytest.approx(mixed, rel=1e-5)


# ----------------------------------------------------------------------------------- report
def test_report_says_how_the_weight_is_labelled(
    with_rule: Callable[[str], DecisionProblem],
) -> None:
    said = {}
    for name, rule, qalys in (("nl", DUTCH, 5.0), ("none", DUTCH, 19.5), ("gb", ENGLISH, 1.0)):
        problem = with_rule(rule)
        decision = decide(problem, SimpleNamespace(outcomes=outcomes_of(problem, qalys, qalys)))
        said[name] = text(severity_section(SimpleNamespace(decision=decision, problem=problem)))
    assert "Proportional shortfall 0.750: threshold 80,000 NOK per QALY." in said["nl"]
    assert "undiscounted" in said["nl"]
    assert "weight" not in said["nl"]
    assert "no reference value; tables and figures use the country's thresholds" in said["none"]
    assert "(NOK per QALY): no reference value: 100%" in said["none"]
    assert (
        "weight 1.2 on QALYs. 30,000 NOK for a weighted QALY is the same as 36,000 NOK"
        in (said["gb"])
    )
    assert "(discounted, mean of the draws)" in said["gb"]
    assert "the more severe class of the two" in said["gb"]
    assert "Class of the shortfall over draws (weight on QALYs): 1.2: 100%." in said["gb"]


# ---------------------------------------------------------------------------------- bad YAML
#: id: block, lines below its first line, what the message must say.
BAD = {
    "gap": (
        DUTCH.replace("from: 0.41, to: 0.71", "from: 0.42, to: 0.71"),
        5,
        ("starts at 0.42 where 0.41 was expected", "Move the edge"),
    ),
    "not from 0": (
        DUTCH.replace("from: 0,   ", "from: 0.05,"),
        3,
        ("starts at 0.05 where 0 was expected", "must start at 0"),
    ),
    "closed": (DUTCH.replace("to: null, t", "to: 1, t"), 6, ("ends at 1;", "'to: null'")),
    "per cent": (
        DUTCH.replace("to: 0.71", "to: 71").replace("from: 0.71", "from: 71"),
        6,
        ("proportional shortfall 71", "between 0 and 1", "Divide by 100"),
    ),
    "names of the other rule": (
        DUTCH.replace("from: 0.10,", "proportional: 0.10, from: 0.10,"),
        4,
        ("'proportional' with rule 'proportional_shortfall'", "'from' and 'to'"),
    ),
    "from with both": (
        ENGLISH.replace("absolute: 12,", "from: 12,"),
        4,
        ("'from' with rule 'larger_of_both'", "'absolute' and 'proportional'", "Rename it"),
    ),
    "no edge": (
        ENGLISH.replace("absolute: 12, proportional: 0.85, ", ""),
        4,
        ("a band without a lower edge", "Add one"),
    ),
    "not ordered": (
        ENGLISH.replace("proportional: 0.95", "proportional: 0.80"),
        5,
        ("'proportional' 0.8 is not above 0.85", "edges must rise"),
    ),
    "first edge missing": (
        ENGLISH.replace("absolute: 0,  ", ""),
        3,
        ("the first band has none by 'absolute'", "Write 'absolute: 0'"),
    ),
    "weight falls": (
        ENGLISH.replace("weight: 1.7", "weight: 1.1"),
        5,
        ("weight 1.1 after 1.2", "may not fall"),
    ),
    "threshold falls to none": (
        DUTCH.replace("threshold: 80000", "threshold: null"),
        6,
        ("threshold null after 50000", "may not fall"),
    ),
    "weight on QALYs at several thresholds": (
        ENGLISH.replace("weight: 1.7, threshold: 30000", "weight: 1.7, threshold: 50000"),
        3,
        ("thresholds 30000, 30000, 50000", "at one threshold"),
    ),
    "no threshold at all": (
        "severity:\n  rule: absolute_shortfall\n  bands:\n    - {from: 0, to: null, threshold: null}",
        3,
        ("no band has a threshold", "'rule: null'"),
    ),
    "no bands": (
        "severity:\n  rule: proportional_shortfall\n  bands: []",
        1,
        ("rule 'proportional_shortfall' has no bands", "'rule: null'"),
    ),
    "unknown rule": (
        DUTCH.replace("proportional_shortfall", "proportional"),
        1,
        ("country.severity.rule", "'proportional'", "Did you mean 'proportional_shortfall'"),
    ),
    "no threshold key": (
        DUTCH.replace(", threshold: 50000", ""),
        5,
        ("country.severity.bands.2.threshold' is missing",),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rule(case: str, copied_inputs: Path, faults: Callable[..., list[str]]) -> None:
    """File and line, what was found, what is allowed; one fault makes one message."""
    text, below, parts = BAD[case]
    line = write_rule(copied_inputs, text) + below
    problems = faults()
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"inputs/{COUNTRY}:{line}:"), problems
    assert all(part in problems[0] for part in parts), problems


def test_all_faults_at_once(copied_inputs: Path, faults: Callable[..., list[str]]) -> None:
    text = DUTCH.replace("from: 0.10,", "from: 0.20,").replace("80000", "10000")
    write_rule(copied_inputs, text)
    assert len(faults()) == 2


def test_norms_without_qalys_left(
    spoil: Callable[[str, str, str], int], faults: Callable[..., list[str]]
) -> None:
    name = "countries/norway/utility_norms.csv"
    line = spoil(name, "90,0.811,4.4,3.6", "90,0.811,4.4,0")
    assert [p for p in faults() if p.startswith(f"inputs/{name}:{line}: remaining_qalys 0;")]
