"""One correlation matrix of all statements: possible or refused, each statement honoured or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.load import load
from heor.inputs.read.covariance import read_covariance
from heor.inputs.remarks import remarks
from heor.parameters.draws import draw_parameters
from heor.problem.correlations import blocks, nearest_correlation, offered, root
from heor.problem.parameter import Correlation
from heor.problem.problem import DecisionProblem
from heor.streams import Streams

ANALYSIS = "model/analysis.yaml"
MODEL = "model/parameters.csv"
#: Four uncertain parameters without a correlation in the shipped inputs, of four distributions.
NAMES = ("visits_progressed", "smr_cured", "m_terminal_relative", "log_hr_pfs_clocc")
A, B, C, D = NAMES


def stated(problem: DecisionProblem, *statements: tuple, sampling: str = "") -> DecisionProblem:
    """The problem with these correlations only: (names or group, value[, scale])."""
    rho = problem.parameters["cost_correlation"]
    parameters, found = dict(problem.parameters), Faults()
    for i, (what, value, *scale) in enumerate(statements):
        parameters[f"rho_{i}"] = replace(rho, name=f"rho_{i}", mean=value)
        group, pair = (what, None) if isinstance(what, str) else (None, what)
        found.append(Correlation(f"rho_{i}", group, pair, *scale, name=f"s{i}"))
    changed = replace(problem, parameters=parameters, correlations=tuple(found))
    if sampling:
        changed = replace(changed, settings=replace(problem.settings, sampling=sampling))
    return changed


@pytest.fixture(scope="module")
def small(problem: DecisionProblem) -> DecisionProblem:
    """Only the four names, and what `stated` needs."""
    names = (*NAMES, "cost_correlation")
    return replace(
        problem,
        parameters={n: problem.parameters[n] for n in names},
        syntheses={},
        derived={},
        correlations=(),
    )


def grouped(problem: DecisionProblem, *names: str) -> DecisionProblem:
    own = {n: replace(problem.parameters[n], correlation_group="g") for n in names}
    return replace(problem, parameters={**problem.parameters, **own})


def scores(problem: DecisionProblem, n: int = 20_000) -> np.ndarray:
    """Correlations of the normal scores of `NAMES`; margins are checked on the way."""
    drawn = draw_parameters(problem, n, replace(problem.streams, replicates=1))
    for name in NAMES:
        p = problem.parameters[name]
        assert drawn[name].mean() == pytest.approx(p.mean, abs=5 * p.se / np.sqrt(n)), name
        assert drawn[name].std() == pytest.approx(p.se, rel=0.04), name
    ranks = np.array([stats.rankdata(drawn[name]) / (n + 1) for name in NAMES])
    return np.corrcoef(special.ndtri(ranks))


def matrix(**pairs: float) -> np.ndarray:
    """Of NAMES: ab=0.5 is the correlation of the first two."""
    found = np.eye(4)
    for key, value in pairs.items():
        i, j = ("abcd".index(k) for k in key)
        found[i, j] = found[j, i] = value
    return found


SPREAD = 0.03  # 4 standard errors of a correlation in 20,000 draws


@pytest.mark.parametrize("sampling", ["pseudo_random", "sobol"])
@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([((A, B), 0.5)], matrix(ab=0.5)),
        ([((A, B), 0.5), ((B, C), 0.5), ((A, C), 0.5)], matrix(ab=0.5, bc=0.5, ac=0.5)),
        ([((A, C), 0.8), ((B, C), 0.5)], matrix(ac=0.8, bc=0.5)),
        ([((A, B), 0.6), ((B, C), 0.6), ((C, D), -0.6)], matrix(ab=0.6, bc=0.6, cd=-0.6)),
        ([((A, B), 0.8), ((B, C), 0.6)], matrix(ab=0.8, bc=0.6)),  # just possible: singular
        ([((A, B), -1.0)], matrix(ab=-1)),
        ([("g", 0.5), ((C, D), 0.4)], matrix(ab=0.5, bc=0.5, ac=0.5, cd=0.4)),
        ([("g", -0.4)], matrix(ab=-0.4, bc=-0.4, ac=-0.4)),
        ([("g", 0.7)], matrix(ab=0.7, bc=0.7, ac=0.7)),
        ([((A, B), 0.5, "rank")], matrix(ab=2 * np.sin(np.pi * 0.5 / 6))),
    ],
)
def test_all_statements_hold_and_margins_stay(
    small: DecisionProblem, statements: list[tuple], expected: np.ndarray, sampling: str
) -> None:
    own = stated(grouped(small, A, B, C), *statements, sampling=sampling)
    np.testing.assert_allclose(scores(own), expected, atol=SPREAD)


def test_names_apart_keep_their_draws(small: DecisionProblem) -> None:
    """A correlation moves the draws of nobody outside it, and not of its first name."""
    before = draw_parameters(stated(small), 50, Streams(3))
    own = stated(small, ((A, B), 0.5), ((B, C), 0.3))
    after = draw_parameters(own, 50, Streams(3))
    moved = {n for n in before if n in after and (before[n] != after[n]).any()}
    assert moved == {B, C}


def test_a_pair_by_hand(small: DecisionProblem) -> None:
    """The second is rho z1 + sqrt(1 - rho^2) z2 of the two names' own streams."""
    drawn = draw_parameters(stated(small, ((A, D), 0.6)), 40, Streams(3))
    z1, z2 = (special.ndtri(Streams(3).uniform(f"parameters/{n}", 40)) for n in (A, D))
    p = small.parameters[D]
    np.testing.assert_allclose(drawn[D], p.mean + p.se * (0.6 * z1 + 0.8 * z2), rtol=1e-12)


def test_a_group_shares_a_factor(small: DecisionProblem) -> None:
    """sqrt(rho) f + sqrt(1 - rho) z: whoever else is in the group, or fixed, moves no member."""
    rho, own = 0.3, grouped(small, A, B, D)
    drawn = draw_parameters(stated(own, ("g", rho)), 40, Streams(3))
    shared, z = (
        special.ndtri(Streams(3).uniform(k, 40)) for k in ("correlation/g", f"parameters/{D}")
    )
    p = small.parameters[D]
    expected = p.mean + p.se * (np.sqrt(rho) * shared + np.sqrt(1 - rho) * z)
    np.testing.assert_allclose(drawn[D], expected, rtol=1e-12)
    fewer = {n: replace(own.parameters[n], distribution="fixed", se=0.0) for n in (A, B)}
    alone = replace(own, parameters={**own.parameters, **fewer})
    np.testing.assert_array_equal(
        draw_parameters(stated(alone, ("g", rho)), 40, Streams(3))[D], drawn[D]
    )


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 6), rank=st.integers(1, 6))
@settings(max_examples=20)
def test_root_of_any_correlation_matrix(seed: int, n: int, rank: int) -> None:
    """Also singular ones; its rows have length 1, so that every margin stays normal."""
    x = np.random.default_rng(seed).standard_normal((n, rank))
    x /= np.sqrt((x**2).sum(axis=1, keepdims=True))
    lower = root(x @ x.T)
    np.testing.assert_allclose(lower @ lower.T, x @ x.T, atol=1e-6)
    np.testing.assert_allclose((lower**2).sum(axis=1), 1, atol=1e-14)
    assert np.abs(np.triu(lower, 1)).max() < 1e-12


def test_nearest_correlation_matrix_of_the_article() -> None:
    """Higham 2002, section 4: 1, 1, 0 between three."""
    found = nearest_correlation(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1.0]]))
    assert found[0, 1] == pytest.approx(0.7607, abs=5e-5)
    assert found[0, 2] == pytest.approx(0.1573, abs=5e-5)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_what_is_offered_is_possible(values: list[float]) -> None:
    found = offered(matrix(**dict(zip(("ab", "ac", "ad", "bc", "bd", "cd"), values, strict=True))))
    assert np.linalg.eigvalsh(found)[0] >= -1e-8
    assert np.abs(found).max() <= 1 and (np.diag(found) == 1).all()
    np.testing.assert_array_equal(found, np.round(found, 2))


# ---------------------------------------------------------------------------------- refusals
RHO = "\nr_%s,a correlation,%s,0,fixed,correlation,,,assumption,model_judgement,,,keep,"


@pytest.fixture
def with_pairs(copied_inputs: Path) -> Callable[..., Path]:
    """Statements added to the shipped correlations: key → (what is correlated, value)."""

    def write(scale: str = "normal", **statements: tuple[str, float]) -> Path:
        path = copied_inputs / ANALYSIS
        text = path.read_text(encoding="utf-8")
        lines = "".join(
            f"  {key}: {{{what}, correlation: r_{key}, scale: {scale}}}\n"
            for key, (what, _) in statements.items()
        )
        path.write_text(text.replace("correlations:\n", f"correlations:\n{lines}"), "utf-8")
        rows = copied_inputs / MODEL
        text = rows.read_text(encoding="utf-8").rstrip("\n")
        more = "".join(RHO % (key, value) for key, (_, value) in statements.items())
        rows.write_text(f"{text}{more}\n", encoding="utf-8")
        return copied_inputs

    return write


def pair(first: str, second: str) -> str:
    return f"pair: [{first}, {second}]"


TRIPLE = {"a": (pair(A, B), 0.8), "b": (pair(B, C), 0.8), "c": (pair(A, C), -0.8)}


def test_an_impossible_triple_offers_the_nearest(with_pairs: Callable, faults: Callable) -> None:
    with_pairs(**TRIPLE)
    (found,) = faults()
    assert "correlations a, b, c contradict each other" in found
    assert f"{A} and {B} 0.8, {A} and {C} -0.8, {B} and {C} 0.8" in found
    assert "smallest eigenvalue, -0.6, is negative" in found
    assert f"{A} and {B} 0.5, {A} and {C} -0.5, {B} and {C} 0.5. Write those" in found
    assert "multiply each one stated by 0.62" in found


@pytest.mark.parametrize("factor", [0.625, 0.62])
def test_what_a_message_offers_is_accepted(with_pairs: Callable, factor: float) -> None:
    """Obeyed, the message does not come again: the nearest values, and the common factor."""
    load(with_pairs(**{k: (what, round(r * factor, 4)) for k, (what, r) in TRIPLE.items()}))


def test_an_impossible_triple_of_ranks(with_pairs: Callable, faults: Callable) -> None:
    """Shown and offered as ranks, which the message's reader has to write."""
    with_pairs("rank", **TRIPLE)
    (found,) = faults()
    assert f"{A} and {B} 0.8, {A} and {C} -0.8" in found
    assert f"{A} and {B} 0.48, {A} and {C} -0.48" in found  # 6 / pi asin(0.25)


@pytest.mark.parametrize(
    ("statements", "parts"),
    [
        ({"a": (pair(A, A), 0.5)}, (f"a: '{A}' with itself", "Correct one or remove it")),
        (
            {"a": (pair(A, B), 0.5), "b": (pair(B, A), 0.6)},
            ("b: ", "are correlated by 'a' already (0.5 there, 0.6 here)", "Remove one"),
        ),
        (
            {"a": (pair("c_resection", "c_ablation"), 0.9)},
            ("c_ablation and c_resection are correlated by 'a' already (0.9 there, 0.5 here)",),
        ),
        (
            {"a": ("group: unit_costs", 0.4)},
            ("are correlated by 'a' already (0.4 there, 0.5 here)",),
        ),
        (
            {"a": (pair(A, "start_age"), 0.5)},
            ("'start_age' is fixed (inputs/model/parameters.csv:2)", "Remove the pair"),
        ),
        (
            {"a": (pair(A, "p_clavien_3"), 0.5)},
            ("'p_clavien_3' is a share of a Dirichlet", "Remove the pair"),
        ),
        (
            {"a": (pair("c_resection", A), 0.9), "b": (pair("c_ablation", A), -0.9)},
            ("a, b, unit_costs contradict each other", "and 83 others"),
        ),
        ({"a": (pair(A, "visit"), 0.5)}, ("unknown parameter 'visit'",)),
    ],
)
def test_statements_that_nothing_would_come_of(
    statements: dict, parts: tuple[str, ...], with_pairs: Callable, faults: Callable
) -> None:
    with_pairs(**statements)
    (found,) = faults()
    assert found.startswith(f"inputs/{ANALYSIS}:")
    for part in parts:
        assert part in found


def test_a_group_that_nobody_declares(spoil: Callable, faults: Callable) -> None:
    """A misspelt cell takes a cost out of its group; unused parameters are left alone."""
    line = spoil(
        "countries/norway/parameters.csv",
        "60000,15000,gamma,NOK,NOK,2025,assumption,model_judgement,c_ablation,unit_costs",
        "60000,15000,gamma,NOK,NOK,2025,assumption,model_judgement,c_ablation,unit_cost",
    )
    (found,) = faults()
    assert found.startswith(f"inputs/countries/norway/parameters.csv:{line}: correlation_group")
    assert "'unit_cost' of c_ablation" in found and "Did you mean 'unit_costs'?" in found
    assert "unit_cost: {group: unit_cost, correlation: <parameter>}" in found


def test_members_of_a_group_are_uncertain(spoil: Callable, faults: Callable) -> None:
    old = "60000,15000,gamma,NOK,NOK,2025"
    line = spoil("countries/norway/parameters.csv", old, "60000,0,fixed,NOK,NOK,2025")
    (found,) = faults()
    assert found.startswith(f"inputs/countries/norway/parameters.csv:{line}: c_ablation, of")
    assert "is fixed" in found and "Leave its cell of that column empty" in found


def test_a_correlation_has_the_unit_of_one(spoil: Callable, faults: Callable) -> None:
    spoil(MODEL, "0.5,0,fixed,correlation,", "0.5,0,fixed,months,")
    (found,) = faults()
    assert "cost_correlation is the correlation of 'unit_costs'" in found
    assert "its unit is 'months'; it must be 'correlation'" in found


# ----------------------------------------------------------------- legal, and said
def test_fixing_a_number_for_a_run_lapses_its_pair(inputs: Path) -> None:
    """--set and scenarios may fix any member; of a pair it is said."""
    own = load(inputs, overrides={"log_hr_pfs_marginal": 0.1, "c_resection": 1e5})
    assert remarks(own) == [
        "Correlation 'os_and_pfs_effect' lapses in this run: log_hr_pfs_marginal is fixed (--set "
        "log_hr_pfs_marginal=0.1)."
    ]
    before, after = (draw_parameters(p, 30, Streams(1)) for p in (load(inputs), own))
    moved = {n for n in before if (before[n] != after[n]).any()}
    assert moved == {"log_hr_pfs_marginal", "c_resection"}


def test_remarks_on_correlations(problem: DecisionProblem) -> None:
    own = stated(problem, ((A, B), 0.8), ((B, C), 0.6))
    (found,) = remarks(own)
    assert found.startswith(
        f"Correlations s0, s1: one of {A}, {B}, {C} is determined by the others"
    )
    own = stated(problem, (("log_hr_os_clocc", A), 0.5))
    (found,) = remarks(own)
    assert "log_hr_os_clocc does not reach 'log_hr_os'" in found
    rho = replace(problem.parameters["cost_correlation"], distribution="beta", se=0.1)
    own = replace(problem, parameters={**problem.parameters, "cost_correlation": rho})
    (found,) = remarks(own)
    assert "is 0.5, the mean of cost_correlation, in every draw" in found
    assert remarks(stated(problem, ((A, B), 1.0))) == []


def test_blocks_are_the_parts(small: DecisionProblem) -> None:
    own = stated(grouped(small, A, B), ("g", 0.5), ((C, D), 0.3), ((B, C), 0.1))
    (block,) = blocks(own)
    assert block.names == (B, A, C, D) or set(block.names) == set(NAMES)
    assert block.group is None and len(block.statements) == 3
    own = stated(grouped(small, A, B), ("g", 0.5), ((C, D), 0.3))
    assert [(b.group, set(b.names)) for b in blocks(own)] == [("g", {A, B}), (None, {C, D})]


# ------------------------------------------------------------------------- covariance files
def _covariance(folder: Path, text: str) -> None:
    (folder / "model/effects.csv").write_text(text, encoding="utf-8")
    path = folder / ANALYSIS
    own = path.read_text(encoding="utf-8")
    own = own.replace("correlations:\n", "correlations:\n  file: {covariance: effects.csv}\n")
    path.write_text(own, encoding="utf-8")


SOUND = (
    ",log_hr_pfs_clocc,smr_cured\nlog_hr_pfs_clocc,0.04334724,0.004\nsmr_cured,0.004,0.00995033\n"
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty file; content is required"),
        ("x\n", "0 name in it; two different names"),
        (",smr_cured\nsmr_cured,0.00995033\n", "1 name in it"),
        (",a,a\na,1,0\na,0,1\n", "'a' stands there twice"),
        (",a,b\nb,1,0\na,0,1\n", "the same names in the same order"),
        (",a,b\na,1,0\nb,0\n", "2 cells; the header has 3"),
        (",a,b\na,1,0,4\nb,0,1\n", "4 cells; the header has 3"),
        (SOUND.replace("0.04334724", "0,043"), "4 cells; the header has 3"),
        (
            SOUND.replace("0.004", '"0,004"', 1),
            "'0,004' has a decimal comma; a decimal point is expected. Write 0.004",
        ),
        (SOUND.replace("0.004", "1e308"), "'1e308' is too large; numbers up to 1e+15"),
        (SOUND.replace("0.004", "1e14"), "covariances far above the variances"),
        (SOUND.replace("0.004", "1e10", 1), "a covariance matrix is symmetric"),
        (SOUND.replace("0.004", "0.03"), "is no covariance matrix (smallest eigenvalue"),
        (
            SOUND.replace("0.004", "0.03"),
            "The nearest that are possible: log_hr_pfs_clocc and smr_cured 1",
        ),
        (SOUND.replace("smr_cured", "smr_curd"), "unknown parameter 'smr_curd'. Did you mean"),
        (SOUND.replace("smr_cured", "m_terminal_relative"), "is beta; a covariance file holds"),
        (SOUND.replace("0.00995033", "1e-300"), "covariances far above"),
    ],
)
def test_covariance_files_that_are_none(
    text: str, says: str, problem: DecisionProblem, tmp_path: Path
) -> None:
    path, found = tmp_path / "effects.csv", Faults()
    path.write_text(text, encoding="utf-8")
    known = problem.parameters
    assert read_covariance(path, "effects.csv", known, known, found) is None
    assert any(says in fault for fault in found), found
    assert all(fault.startswith("effects.csv:") for fault in found), found


def test_a_parameter_of_a_covariance_file_can_be_fixed(copied_inputs: Path) -> None:
    _covariance(copied_inputs, SOUND)
    both = load(copied_inputs)
    assert [b.names for b in blocks(both) if len(b.names) == 2][0] == (
        "log_hr_pfs_clocc",
        "smr_cured",
    )
    one = load(copied_inputs, overrides={"smr_cured": 1.0})
    assert one.parameters["smr_cured"].is_fixed
    drawn = draw_parameters(one, 20_000, Streams(1))["log_hr_pfs_clocc"]
    assert drawn.std() == pytest.approx(one.parameters["log_hr_pfs_clocc"].se, rel=0.03)


def test_both_trials_fixed_and_no_correlation_left(inputs: Path) -> None:
    """No difference in survival, as a reviewer asks: every statement lapses, none is a fault."""
    names = ("log_hr_os_clocc", "log_hr_os_orchestra", "tau_hr", "log_hr_pfs_marginal")
    problem = load(inputs, overrides=dict.fromkeys(names, 0))
    assert all(problem.parameters[n].is_fixed for n in names)


def test_group_below_its_bound(inputs: Path) -> None:
    """Between n members at least -1 / (n - 1)."""
    load(inputs, overrides={"cost_correlation": -0.083})
    with pytest.raises(InputError, match="13 members it must be between -0.0833 and 1"):
        load(inputs, overrides={"cost_correlation": -0.0834})
