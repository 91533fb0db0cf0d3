"""Draws: Sobol sequences in replicates, rank correlation, covariance files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from heor import load
from heor.decision.cost_effectiveness import monte_carlo_se
from heor.errors import InputError
from heor.parameters.draws import draw_parameters
from heor.problem.parameter import Correlation
from heor.questions.one_way_cases import one_way_cases
from heor.streams import Streams, most_replicates


def test_each_replicate_of_a_sobol_sequence_fills_the_interval_evenly() -> None:
    streams = Streams(3, "sobol", 4)
    for name in ("a", "b", "c"):
        u = streams.uniform(name, 1024).reshape(4, 256)
        for row in u:
            assert sorted((row * 256).astype(int)) == list(range(256))


def test_two_dimensions_fill_the_square_evenly() -> None:
    streams = Streams(3, "sobol")
    x, y = streams.uniform("a", 256), streams.uniform("b", 256)
    cells, _, _ = np.histogram2d(x, y, bins=16, range=[[0, 1], [0, 1]])
    assert (cells == 1).all()


def test_sobol_dimensions_belong_to_names_and_seeds() -> None:
    first, again, other = (Streams(s, "sobol", 2) for s in (1, 1, 2))
    a = first.uniform("a", 128)
    first.uniform("b", 128)
    assert (first.uniform("a", 128) == a).all()
    assert (again.uniform("a", 128) == a).all()
    assert (other.uniform("a", 128) != a).any()
    replicates = a.reshape(2, 64)
    assert (replicates[0] != replicates[1]).all()


def test_many_names_begin_another_sequence() -> None:
    streams = Streams(1, "sobol")
    draws = np.stack([streams.uniform(str(i), 64) for i in range(300)])
    assert len(np.unique(draws[:, 0])) == 300


def test_sobol_needs_equal_replicates() -> None:
    with pytest.raises(ValueError, match="100 draws cannot be 16 equal replicates"):
        Streams(1, "sobol", 16).uniform("a", 100)
    assert most_replicates(100, 16) == 10


def test_sobol_estimates_a_smooth_mean_better_and_says_so() -> None:
    """The mean of exp(x1 + ... + x4) of uniforms: far closer, and the replicates know it."""
    truth = (np.e - 1) ** 4

    def values(streams: Streams) -> np.ndarray:
        return np.exp(sum(streams.uniform(n, 4096) for n in "abcd"))

    errors, ses = [], []
    for seed in range(12):
        x = values(Streams(seed, "sobol", 16))
        errors.append(x.mean() - truth)
        ses.append(monte_carlo_se(x, 16))
    plain = [values(Streams(seed)).mean() - truth for seed in range(12)]
    assert np.std(errors) < 0.1 * np.std(plain)
    # root mean square of 12 errors against the reported standard error: within 40 % either way
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) / np.sqrt(np.mean(np.square(ses))) < 1.4


def test_rank_correlation_is_spearmans(base) -> None:
    pair = ("m_disease_free_early", "m_on_chemo_relative")
    rho = replace(base.parameters["correlation_os_pfs"], mean=0.6)
    problem = replace(
        base,
        parameters={**base.parameters, "correlation_os_pfs": rho},
        correlations=(Correlation("correlation_os_pfs", pair=pair, scale="rank"),),
    )
    drawn = draw_parameters(problem, 20_000, Streams(1))
    found = stats.spearmanr(drawn[pair[0]], drawn[pair[1]]).statistic
    assert found == pytest.approx(0.6, abs=0.015)  # SE 0.006


@pytest.fixture
def base(inputs: Path):
    return load(inputs, quick=True)


NAMES = ("log_hr_os_clocc", "log_hr_os_orchestra", "transport_multiplier")


def _with_covariance(folder: Path, base, correlation: np.ndarray, **changes) -> Path:
    shutil.copytree(folder, changes["to"])
    to = changes["to"]
    sd = []
    for name in NAMES:
        p = base.parameters[name]
        sd.append(p.se if p.distribution == "normal" else np.sqrt(np.log1p((p.se / p.mean) ** 2)))
    matrix = correlation * np.outer(sd, sd)
    lines = [",".join(["", *NAMES])]
    lines += [
        ",".join([n, *(f"{x:.12g}" for x in row)]) for n, row in zip(NAMES, matrix, strict=True)
    ]
    (to / "model/effects.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    analysis = to / "model/analysis.yaml"
    text = analysis.read_text(encoding="utf-8")
    text = text.replace("correlations:\n", "correlations:\n  effects: {covariance: effects.csv}\n")
    analysis.write_text(text, encoding="utf-8")
    return to


@pytest.mark.slow
def test_covariance_file_gives_multivariate_normal_draws(inputs, base, tmp_path) -> None:
    wanted = np.array([[1, 0.5, -0.3], [0.5, 1, 0.1], [-0.3, 0.1, 1.0]])
    problem = load(_with_covariance(inputs, base, wanted, to=tmp_path / "inputs"), quick=True)
    drawn = draw_parameters(problem, 40_000, Streams(5))
    scale = np.stack([drawn[NAMES[0]], drawn[NAMES[1]], np.log(drawn[NAMES[2]])])
    assert np.corrcoef(scale) == pytest.approx(wanted, abs=0.02)  # SE 0.005
    for name in NAMES:  # margins stay those of mean and se
        p = problem.parameters[name]
        assert drawn[name].mean() == pytest.approx(p.mean, abs=4 * p.se / 200)
        assert drawn[name].std() == pytest.approx(p.se, rel=0.03)
    case = next(c for c in one_way_cases(problem) if c.name == NAMES[2] and c.end == "high")
    assert set(case.also) == set(NAMES[:2])  # one-way moves what is correlated with it


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("log_hr_os_clocc,log_hr", "log_hr_os_cloc,log_hr", "must be the same names"),
        ("0.04588164", "0.09", "the variance of 'log_hr_os_clocc' is 0.09"),
        ("0.04588164", "-0.04588164", "not above 0"),
        ("0.04588164", "x", "not a finite number"),
    ],
)
def test_faulty_covariance_files_are_named(inputs, base, tmp_path, old, new, says) -> None:
    folder = _with_covariance(inputs, base, np.eye(3), to=tmp_path / "inputs")
    path = folder / "model/effects.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load(folder, quick=True)


def test_matrix_that_is_no_covariance(inputs, base, tmp_path) -> None:
    lopsided = np.eye(3)
    lopsided[0, 1] = 0.4
    folder = _with_covariance(inputs, base, lopsided, to=tmp_path / "a")
    with pytest.raises(InputError, match="a covariance matrix is symmetric"):
        load(folder, quick=True)
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1.0]])
    folder = _with_covariance(inputs, base, impossible, to=tmp_path / "b")
    with pytest.raises(InputError, match="is no covariance matrix"):
        load(folder, quick=True)


def test_parameter_is_correlated_once(inputs, base, tmp_path) -> None:
    folder = _with_covariance(inputs, base, np.eye(3), to=tmp_path / "inputs")
    analysis = folder / "model/analysis.yaml"
    text = analysis.read_text(encoding="utf-8")
    text = text.replace(
        "correlations:\n",
        "correlations:\n  again: {pair: [log_hr_os_clocc, transport_multiplier], correlation: "
        "correlation_os_pfs}\n",
    )
    analysis.write_text(text, encoding="utf-8")
    with pytest.raises(
        InputError, match="'log_hr_os_clocc' of a covariance file is also correlated"
    ):
        load(folder, quick=True)
