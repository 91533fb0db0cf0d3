"""Laws of severity, for any rule and any comparator."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.decision.severity import class_of, severity, shortfalls
from heor.outcomes.population import population_qalys
from heor.problem.country import DiscountBand, LifeTable, SeverityBand, UtilityNorms
from heor.problem.parameter import Origin

RULES = ("absolute_shortfall", "proportional_shortfall", "larger_of_both")
AGES = np.arange(60.0, 111.0)
NOWHERE = Origin("none")


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, tuple[SeverityBand, ...]]:
    """A rule and its classes: rising edges, weights that do not fall."""
    rule = draw(st.sampled_from(RULES))
    n = draw(st.integers(1, 5))

    def rising(limit: int) -> list[float]:
        inner = st.lists(st.integers(1, limit), min_size=n - 1, max_size=n - 1, unique=True)
        return [0.0, *(x / 100 for x in sorted(draw(inner)))]

    absolute = rising(3000) if rule != "proportional_shortfall" else [None] * n
    proportional = rising(100) if rule != "absolute_shortfall" else [None] * n
    steps = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    weights = 1 + np.cumsum(steps) / 10
    bands = zip(absolute, proportional, weights, strict=True)
    return rule, tuple(SeverityBand(a, p, float(w), 1e4) for a, p, w in bands)


@st.composite
def countries(draw: st.DrawFn) -> SimpleNamespace:
    """A country with a rule, Gompertz mortality, any utility and any rate of discount."""
    rule, bands = draw(rules())
    level, rate = draw(st.floats(0.002, 0.02)), draw(st.floats(0.0, 0.08))
    hazard = level * np.exp(0.1 * (AGES - 60))
    q = np.minimum(1 - np.exp(-hazard), 1.0)
    q[-1] = 1.0
    utility = np.full(len(AGES), draw(st.floats(0.3, 1.0)))
    discount = (DiscountBand(0, 10, rate), DiscountBand(10, None, rate / 2))
    country = SimpleNamespace(
        severity_rule=rule,
        severity_bands=bands,
        severity_discounted=draw(st.booleans()),
        severity_weight_on=draw(st.sampled_from(["qalys", "threshold"])),
        life_table=LifeTable(AGES, q, q * draw(st.floats(0.5, 1.0)), (), NOWHERE),
        discount_effects=discount,
        discount_timing=draw(st.sampled_from(["annual_effective", "continuous"])),
        norms=UtilityNorms(AGES, utility, np.linspace(25, 1, len(AGES)), (), NOWHERE),
    )
    return country


QALYS = st.lists(st.floats(-1, 30), min_size=1, max_size=20).map(np.array)
AGE, SHARE = st.floats(60, 100), st.floats(0, 1)


@given(rule=rules(), remaining=st.floats(0.1, 60), low=st.floats(-5, 60), more=st.floats(0, 60))
def test_a_better_comparator_is_never_more_severe(
    rule: tuple[str, tuple[SeverityBand, ...]], remaining: float, low: float, more: float
) -> None:
    name, bands = rule
    worse, better = shortfalls(name, remaining, low), shortfalls(name, remaining, low + more)
    assert worse[0] >= better[0] and worse[1] >= better[1]
    classes = [int(class_of(bands, *pair)) for pair in (worse, better)]
    assert classes[0] >= classes[1]
    assert bands[classes[0]].weight >= bands[classes[1]].weight


@given(rule=rules(), absolute=st.floats(-5, 60), share=st.floats(-1, 1.5))
def test_the_class_is_the_most_severe_that_is_reached(
    rule: tuple[str, tuple[SeverityBand, ...]], absolute: float, share: float
) -> None:
    """The first class, or one with an edge reached; no edge of a more severe class is reached."""
    _, bands = rule

    def reached(band: SeverityBand) -> bool:
        pairs = ((band.absolute, absolute), (band.proportional, share))
        return any(edge is not None and value >= edge for edge, value in pairs)

    found = int(class_of(bands, absolute, share))
    assert found == 0 or reached(bands[found])
    assert not any(reached(b) for b in bands[found + 1 :])


@given(rule=rules())
def test_a_class_holds_its_lower_edge(rule: tuple[str, tuple[SeverityBand, ...]]) -> None:
    _, bands = rule
    for i, band in enumerate(bands):
        for edges in ((band.absolute, -1.0), (-1.0, band.proportional)):
            if None not in edges:
                assert int(class_of(bands, *edges)) == i


@given(country=countries(), age=AGE, share=SHARE, qalys=QALYS)
def test_classes_are_a_distribution_and_the_threshold_that_of_the_mean(
    country: SimpleNamespace, age: float, share: float, qalys: np.ndarray
) -> None:
    found = severity(country, age, share, qalys)
    classes = found.class_probabilities
    assert classes.probability.sum() == pytest.approx(1)
    assert (classes.probability >= 0).all()
    stretch = found.weight if country.severity_weight_on == "qalys" else 1.0
    assert found.threshold == pytest.approx(found.base_threshold * stretch)
    alone = severity(country, age, share, np.array([qalys.mean()]))
    assert (alone.weight, alone.threshold) == (found.weight, found.threshold)


@given(country=countries(), age=AGE, share=SHARE)
def test_discounting_takes_qalys_and_age_too(
    country: SimpleNamespace, age: float, share: float
) -> None:
    """At most utility × years; discounting and a year of age with it never add any."""
    plain = population_qalys(country, age, share, discounted=False)
    assert 0 < population_qalys(country, age, share) <= plain * (1 + 1e-12)
    assert plain <= country.norms.utility[0] * (AGES[-1] + 1 - age)
    assert population_qalys(country, age + 1, share, discounted=False) < plain


@given(country=countries(), age=AGE, share=SHARE)
def test_a_mixture_lies_between_men_and_women(
    country: SimpleNamespace, age: float, share: float
) -> None:
    men, women, mixed = (population_qalys(country, age, s) for s in (1.0, 0.0, share))
    assert mixed == pytest.approx(share * men + (1 - share) * women)
