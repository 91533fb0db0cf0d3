"""The spread of a row: an uncertain number keeps its uncertainty, whatever the columns leave out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.load import load
from heor.inputs.read.spread import MISSING, Spread, read_spread
from heor.inputs.remarks import remarks
from heor.inputs.text.tables import Row
from heor.parameters.uncertainty import UNCERTAINTIES, interval, written
from heor.problem.units import UNITS

MODEL = "model/parameters.csv"
NORWAY = "countries/norway/parameters.csv"


def read(
    distribution: str, mean: float, se: str, unit: str = "{currency}"
) -> tuple[Spread, list[str]]:
    """The spread of a row of these cells, and its faults."""
    problems = Faults()
    row = Row(2, {"distribution": distribution, "se": se})
    money = UNITS[unit].money
    return read_spread(row, "a.csv:2: x", mean, UNITS[unit], unit, money, 1.0, problems), problems


#: Distribution as written, the unit, and SciPy's of the same arguments.
OF_ARGUMENTS = [
    ("beta(4; 36)", "probability", stats.beta(4, 36)),
    ("beta(0.5; 0.5)", "probability", stats.beta(0.5, 0.5)),
    ("gamma(25; 16)", "{currency}", stats.gamma(25, scale=16)),
    ("lognormal(-0.7; 0.3)", "hazard multiplier", stats.lognorm(0.3, scale=math.exp(-0.7))),
    ("normal(-0.5; 0.2)", "log hazard ratio", stats.norm(-0.5, 0.2)),
    ("half-normal(0.25)", "log hazard ratio", stats.halfnorm(scale=0.25)),
    ("bernoulli(0.3)", "probability", stats.bernoulli(0.3)),
]


@pytest.mark.parametrize("se", ["", "0", "NA", "0.0", " n/a "])
@pytest.mark.parametrize(("distribution", "unit", "expected"), OF_ARGUMENTS)
def test_se_follows_from_the_arguments(distribution: str, unit: str, expected, se: str) -> None:
    found, problems = read(distribution, float(expected.mean()), se, unit)
    assert problems == []
    assert found.se == pytest.approx(expected.std(), rel=1e-12)
    if "bernoulli" not in distribution:
        kind = UNCERTAINTIES[found.kind]
        u = np.array([0.01, 0.3, 0.5, 0.9])
        quantiles = kind.quantile(u, float(expected.mean()), found.se)
        np.testing.assert_allclose(quantiles, expected.ppf(u), rtol=1e-9)


def test_four_of_forty() -> None:
    found, problems = read("beta(4; 36)", 0.1, "", "probability")
    assert (problems, round(found.se, 4)) == ([], 0.0469)


def test_se_of_a_dirichlet_share_is_that_of_its_beta() -> None:
    found, problems = read("dirichlet(stage; 60)", 0.15, "", "probability")
    assert problems == []
    assert found.se == pytest.approx(stats.beta(9, 51).std(), rel=1e-12)


@pytest.mark.parametrize("kind", [k for k, u in UNCERTAINTIES.items() if u.se_of_mean is None])
@pytest.mark.parametrize("se", [*MISSING, "0", "0.00", "NA", "NaN"])
def test_an_uncertain_number_without_spread_is_refused(kind: str, se: str) -> None:
    _, (problem,) = read(kind, 0.4, se, "probability")
    assert problem.startswith(f"a.csv:2: x: {kind}, but the se is {se or 'blank'};")
    assert "Write the se" in problem and written(kind) in problem and "'fixed'" in problem


def test_mean_alone_decides_a_half_normal_and_a_bernoulli() -> None:
    half, problems = read("half-normal", 0.2, "", "log hazard ratio")
    assert problems == [] and half.se == pytest.approx(0.2 * math.sqrt(math.pi / 2 - 1))
    switch, problems = read("bernoulli", 0.5, "0", "probability")
    assert (problems, switch.se) == ([], 0.5)
    _, (problem,) = read("half-normal", 0.2, "0.3", "log hazard ratio")
    assert "has mean 0.2 and se 0.151102, but the row says 0.2 and 0.3" in problem


#: distribution, mean, se, unit, what the one message says
FAULTY = [
    ("beta(4; 36)", 0.3, "0", "probability", ("has mean 0.1 and se 0.0468521", "says 0.3.")),
    ("beta(4; 36)", 0.1, "0.02", "probability", ("says 0.1 and 0.02", "leave the se blank")),
    ("beta(4; 36)", 0.1, "0.05", "probability", ("says 0.1 and 0.05",)),
    ("beta(0; 40)", 0.0, "0", "probability", ("alpha is 0", "beta(0.5; 40.5) with mean 0.0121951")),
    ("beta(40; 0)", 1.0, "", "probability", ("beta is 0", "beta(40.5; 0.5) with mean 0.987805")),
    ("beta(-4; 36)", 0.1, "", "probability", ("alpha is -4", "above 0")),
    ("beta(4)", 0.1, "", "probability", ("takes 2 numbers", "beta(alpha; beta)")),
    ("beta(4, 36)", 0.1, "", "probability", ("separated by a semicolon",)),
    ("beta()", 0.1, "0.05", "probability", ("takes 2 numbers",)),
    ("beta(4; many)", 0.1, "", "probability", ("'many' is not a finite number",)),
    ("beta(4; inf)", 0.1, "", "probability", ("'inf'",)),
    ("gamma(25; 0.0625)", 400, "", "{currency}", ("Is 0.0625 a rate?", "gamma(25; 16)")),
    ("gamma(25; 10.400)", 400, "", "{currency}", ("'10.400' can be read as 10400",)),
    ("lognormal(0.5; 0.25)", 0.5, "", "hazard multiplier", ("are of the logarithm",)),
    ("lognormal(0; 40)", 1, "", "hazard multiplier", ("no finite mean and se",)),
    ("half-normal(0)", 0.2, "", "log hazard ratio", ("scale is 0", "above 0")),
    ("fixed", 0.4, "0.1", "probability", ("'fixed' with se 0.1", "or set se to 0")),
    ("fixed(0.4)", 0.4, "", "probability", ("takes no arguments",)),
    ("gamma", 400, "1e14", "{currency}", ("more than 10 times the mean", "exchanged?")),
    ("lognormal", 0.5, "200", "hazard multiplier", ("an se of at most 5",)),
    ("gamma", 400, "1e-9", "{currency}", ("less than a millionth", "'fixed'")),
    ("gamma", -400, "120", "{currency}", ("mean -400 is outside", "between 0 and")),
    ("lognormal", -0.693, "0.25", "hazard multiplier", ("not of its logarithm",)),
    ("Gamma", 400, "120", "{currency}", ("unknown distribution 'Gamma'", "'gamma'?")),
    ("triangular(300; 500)", 400, "", "{currency}", ("unknown distribution", "beta(alpha; beta)")),
    ("gamma(25; 16", 400, "", "{currency}", ("unknown distribution 'gamma(25; 16'",)),
    ("gamma", 400, "20%", "{currency}", ("'20%' has a per cent sign",)),
    ("gamma", 400, "1e20", "{currency}", ("too large",)),
]


@pytest.mark.parametrize(("distribution", "mean", "se", "unit", "parts"), FAULTY)
def test_impossible_rows_have_one_fault(
    distribution: str, mean: float, se: str, unit: str, parts: tuple[str, ...]
) -> None:
    _, problems = read(distribution, mean, se, unit)
    assert len(problems) == 1, problems
    assert problems[0].startswith("a.csv:2: x: ")
    for part in parts:
        assert part in problems[0]


def test_rounding_of_a_row_is_no_contradiction() -> None:
    for mean, se in ((0.860465, "0.0522374"), (0.86, "0.052"), (0.861, "")):
        assert read("beta(37; 6)", mean, se, "probability")[1] == []


@given(
    kind=st.sampled_from(["beta", "gamma", "lognormal"]),
    mean=st.floats(1e-6, 0.999),
    log_cv=st.floats(-5.9, 0.99),
)
def test_what_is_accepted_can_be_drawn(kind: str, mean: float, log_cv: float) -> None:
    """Finite values of the right order, at the edges of what is accepted too."""
    se = 10**log_cv * mean
    if UNCERTAINTIES[kind].impossible(mean, se):
        return
    low, high = interval(kind, mean, se, level=0.999)
    assert 0 <= low <= high < math.inf
    x = UNCERTAINTIES[kind].quantile(np.array([1e-6, 0.5, 1 - 1e-6]), mean, se)
    assert np.isfinite(x).all() and (np.diff(x) >= 0).all()


# ------------------------------------------------------------------------ files and overrides
def test_counts_of_a_cost_are_converted_with_it(spoil: Callable, copied_inputs: Path) -> None:
    """Mean and se by one factor: their ratio is that of gamma(16; ...)."""
    spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "5000,,gamma(16; 312.5),NOK,NOK,2015")
    found = load(copied_inputs).parameters["c_ablation"]
    assert found.distribution == "gamma" and found.conversion
    assert found.entered_mean > 1.2 * 5000
    assert found.se / found.mean == pytest.approx(0.25, rel=1e-12)


def test_one_faulty_row_is_one_fault(spoil: Callable, faults: Callable) -> None:
    """What uses it, in strategies, opinions and derived names, has none of its own."""
    line = spoil(MODEL, "0.858,0.116,lognormal", "0.858,,lognormal")
    found = faults()
    assert len(found) == 1, found
    assert found[0].startswith(
        f"inputs/{MODEL}:{line}: transport_multiplier: lognormal, but the se"
    )


def test_dirichlet_se_against_its_size(spoil: Callable, faults: Callable) -> None:
    line = spoil(MODEL, "0.13,0.0430592,dirichlet(clavien; 60)", "0.13,0.2,dirichlet(clavien; 60)")
    (problem,) = faults()
    assert problem.startswith(f"inputs/{MODEL}:{line}: p_clavien_3: dirichlet(clavien; 60)")
    assert "has se 0.0430592, but the row says 0.2" in problem


def test_overrides_of_the_spread(inputs: Path) -> None:
    """--set keeps what it does not name, fixes on request and says so, and refuses contradictions."""

    def changed(**columns: object):
        return load(inputs, overrides={f"p_operated.{k}": v for k, v in columns.items()})

    found = changed(distribution="beta(74; 12)").parameters["p_operated"]
    assert found.se == pytest.approx(stats.beta(74, 12).std(), rel=1e-12)
    found = changed(mean=0.75, distribution="beta(30; 10)").parameters["p_operated"]
    assert (found.mean, found.distribution) == (0.75, "beta")
    problem = changed(se=0)
    assert problem.parameters["p_operated"].is_fixed
    assert remarks(problem) == [
        "p_operated is fixed at 0.860465 probability by --set p_operated.se=0: its uncertainty is not in "
        "the results."
    ]
    for columns, says in (
        ({"mean": 0.7}, "has mean 0.860465 and se 0.0522374, but the row says 0.7 and 0.0522374"),
        ({"se": 0.1}, "but the row says 0.860465 and 0.1"),
        ({"distribution": "beta(30; 10)"}, "has mean 0.75 and se 0.0676"),
        ({"se": 1e-20}, "but the row says"),
    ):
        with pytest.raises(InputError, match="p_operated: beta") as caught:
            changed(**columns)
        assert len(caught.value.problems) == 1 and says in caught.value.problems[0]
    with pytest.raises(InputError, match="'fixed' with se 3"):
        load(inputs, overrides={"c_resection": 200, "c_resection.se": 3})


def test_shipped_inputs_have_nothing_to_remark(inputs: Path) -> None:
    assert remarks(load(inputs)) == []


def test_se_of_this_run_beside_a_mean_of_old_prices(spoil: Callable, copied_inputs: Path) -> None:
    """--set gives the se in this run's money: it is judged against the mean in the same money."""
    spoil(NORWAY, "60000,15000,gamma,NOK,NOK,2025", "5000,1250,gamma,NOK,NOK,2015")
    found = load(copied_inputs, overrides={"c_ablation.se": 60_000}).parameters["c_ablation"]
    assert found.se == 60_000 and 10 * 5000 < found.se < 10 * found.mean
    with pytest.raises(InputError, match="more than 10 times"):
        load(copied_inputs, overrides={"c_ablation.se": 80_000})
