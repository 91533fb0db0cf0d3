"""Fitting: cache, diagnostics, determinism, comparison. NUTS itself is in tests/slow."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heor.errors import FitError
from heor.problem.problem import DecisionProblem
from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.evidence.evidence import piece, pieces
from heor.survival.families import likelihood
from heor.survival.families.distributions import DISTRIBUTIONS, cumulative_hazard
from heor.survival.fitting import diagnostics, goodness
from heor.survival.fitting.posterior import FitRequest, SurvivalPosterior
from heor.survival.sampler import cache, laplace, workers
from tests.fits import fit_all

OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"
QUICK = FitSettings(quick=True, chains=2, draws=500)
NUTS = FitSettings(chains=2, draws=500)


@pytest.fixture(scope="session")
def requests(problem: DecisionProblem) -> list[FitRequest]:
    problem = dataclasses.replace(problem, opinions={})
    return [
        FitRequest(DISTRIBUTIONS[family], pieces(problem, name))
        for name in (OS, PFS)
        for family in ("weibull", "lognormal")
    ]


@pytest.fixture(scope="session")
def posteriors(requests: list[FitRequest]) -> dict[tuple[str, str], SurvivalPosterior]:
    return fit_all(requests, QUICK, Streams(1))


def same(a: SurvivalPosterior, b: SurvivalPosterior) -> bool:
    return all(np.array_equal(a.parameters[k], b.parameters[k]) for k in a.parameters)


def test_shapes_and_order(requests, posteriors) -> None:
    assert list(posteriors) == [r.key for r in requests]
    for (evidence, family), p in posteriors.items():
        assert (p.evidence, p.distribution, p.method) == (evidence, family, "laplace")
        assert tuple(p.parameters) == DISTRIBUTIONS[family].names
        assert all(v.shape == (1000,) and np.isfinite(v).all() for v in p.parameters.values())
        for central, values in zip(p.central(), p.parameters.values(), strict=True):
            assert abs(central - values.mean()) < 0.2 * values.std()
        assert p.loo["counts"].sum() == 542
    assert posteriors[OS, "weibull"].endpoint == "os"


def test_prototype_leave_one_out(posteriors) -> None:
    """An independent implementation of the same likelihood, without background mortality."""
    expected = {(OS, "weibull"): -2074.2, (OS, "lognormal"): -2068.2, (PFS, "lognormal"): -1809.6}
    for key, elpd in expected.items():
        assert posteriors[key].loo["elpd_loo"] == pytest.approx(elpd, abs=1.0)


def test_a_fit_does_not_depend_on_the_others(requests, posteriors) -> None:
    alone = fit_all(requests[::-1][:1], QUICK, Streams(1))
    (key,) = alone
    assert same(alone[key], posteriors[key])
    other_seed = fit_all(requests[::-1][:1], QUICK, Streams(2))
    assert not same(other_seed[key], posteriors[key])


def test_cache_is_used_and_gives_the_same(requests, posteriors, tmp_path, monkeypatch) -> None:
    fit_all(requests, QUICK, Streams(1), tmp_path)
    assert len(list(tmp_path.glob("*.nc"))) == len(requests) == len(list(tmp_path.iterdir()))
    monkeypatch.setattr(laplace, "fit_laplace", lambda *_: pytest.fail("fitted again"))
    seen = []
    again = fit_all(requests, QUICK, Streams(1), tmp_path, lambda *step: seen.append(step))
    for key, p in posteriors.items():
        assert same(again[key], p) and again[key].method == "laplace"
        np.testing.assert_array_equal(again[key].loo["pointwise"], p.loo["pointwise"])
        assert again[key].central() == p.central()
    assert [done for _, done, _ in seen] == [1, 2, 3, 4] and seen[0][2] == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda r: with_data(r, "background_end", 1.01),
        lambda r: dataclasses.replace(r, model=DISTRIBUTIONS["loglogistic"]),
        lambda r: with_data(r, "n_events", 0.5),
        lambda r: dataclasses.replace(r, model=r.model.with_priors(2.0)),
        lambda r: dataclasses.replace(
            r, pieces=(*r.pieces, likelihood.neutral_opinion(r.pieces[0].endpoint))
        ),
    ],
    ids=["background", "distribution", "data", "priors", "opinion"],
)
def test_what_a_fit_depends_on_changes_its_key(requests, change) -> None:
    keys = [
        next(iter(fit_all([r], settings, Streams(seed)).values())).fit_key
        for r, settings, seed in [
            (requests[0], QUICK, 1),
            (change(requests[0]), QUICK, 1),
            (requests[0], dataclasses.replace(QUICK, draws=400), 1),
            (requests[0], QUICK, 2),
        ]
    ]
    assert len(set(keys)) == 4


def with_data(request: FitRequest, key: str, factor: float) -> FitRequest:
    """The request with one array of its first piece multiplied."""
    first, *rest = request.pieces
    data = {**first.data, key: first.data[key] * factor}
    return dataclasses.replace(request, pieces=(dataclasses.replace(first, data=data), *rest))


def test_versions_are_part_of_the_key(monkeypatch) -> None:
    before = cache.key({"x": 1})
    cache._versions.cache_clear()
    monkeypatch.setattr(cache, "version", lambda package: "another")
    assert cache.key({"x": 1}) != before
    cache._versions.cache_clear()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def change_a_number(path: Path) -> None:
    import h5netcdf

    with h5netcdf.File(path, "a") as file:
        file["posterior"]["shape"][0, 0] = 3.0


def change_the_text(path: Path) -> None:
    import h5netcdf

    with h5netcdf.File(path, "a") as file:
        text = file["posterior"].attrs["heor"]
        for group in file.groups.values():
            group.attrs["heor"] = text.replace('"method": "laplace"', '"method": "nuts"')


def link_elsewhere(path: Path) -> None:
    """The same numbers and checksum, but they lie in another file."""
    import h5py

    other = path.parent.with_name("elsewhere.h5")
    other.write_bytes(path.read_bytes())
    with h5py.File(path, "a") as file:
        del file["posterior"]
        file["posterior"] = h5py.ExternalLink(str(other), "/posterior")


@pytest.mark.parametrize("damage", [cut, empty, change_a_number, change_the_text, link_elsewhere])
def test_a_damaged_file_is_fitted_again(requests, posteriors, tmp_path, damage) -> None:
    fit_all(requests[:1], QUICK, Streams(1), tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    damage(path)
    assert path.read_bytes() != whole and cache.read(path) is None
    again = fit_all(requests[:1], QUICK, Streams(1), tmp_path)
    assert same(again[requests[0].key], posteriors[requests[0].key])
    assert cache.read(path) is not None


def test_arviz_opens_the_files(requests, tmp_path) -> None:
    az = pytest.importorskip("arviz")
    fit_all(requests[:1], QUICK, Streams(1), tmp_path)
    found = az.from_netcdf(next(tmp_path.iterdir()))
    assert {"posterior", "sample_stats"} <= set(found.groups())
    assert dict(found.posterior.sizes) == {"chain": 1, "draw": 1000}
    assert set(found.posterior.data_vars) == {"shape", "scale"}


def pretend_nuts(r_hat: float = 1.0, ess: float = 900.0, divergences: int = 0):
    """Stands for the worker processes: normal draws, and diagnostics as asked for."""

    def sample_all(groups) -> Iterator:
        for task in (task for group in groups for task in group):
            shape = (task.settings.chains, task.settings.draws)
            size = len(task.distribution.parameters)
            theta = 0.1 * np.random.default_rng(task.seed).standard_normal((*shape, size))
            diverging = np.arange(np.prod(shape)).reshape(shape) < divergences
            sample = workers.Sample(
                theta, diverging, np.ones(shape, int), r_hat, ess, ess, 1.0, 0.1
            )
            yield task.key, sample

    return sample_all


def test_every_failed_diagnostic_is_listed_also_from_the_cache(
    requests, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(workers, "sample_all", pretend_nuts(1.034, 77, 3))
    with pytest.raises(FitError) as first:
        fit_all(requests, NUTS, Streams(1), tmp_path)
    monkeypatch.setattr(workers, "sample_all", lambda groups: pytest.fail("sampled again"))
    with pytest.raises(FitError) as second:
        fit_all(requests, NUTS, Streams(1), tmp_path)
    lines = str(first.value).splitlines()
    assert str(second.value).splitlines() == lines and len(lines) == 3 * len(requests) + 1
    where = f"{OS}/weibull: "
    assert lines[:3] == [
        f"{where}R-hat is 1.034; at most 1.01 is allowed. Raise survival.tune and "
        "survival.draws_per_chain.",
        f"{where}effective sample size is 77; at least 400 is needed. Raise "
        "survival.draws_per_chain or survival.chains.",
        f"{where}3 divergent transitions; at most 0 allowed. Raise survival.target_accept, or leave "
        "this distribution out: the data may not identify it.",
    ]
    assert lines[-1].endswith(" ".join(f"--accept {r.key[0]}/{r.key[1]}" for r in requests))
    generous = dataclasses.replace(NUTS, r_hat_max=1.1, ess_min=50, divergences_max=5)
    assert len(fit_all(requests, generous, Streams(1), tmp_path)) == 4  # limits are not in the key
    by_name = dataclasses.replace(NUTS, accept=tuple(f"{r.key[0]}/{r.key[1]}" for r in requests))
    found = fit_all(requests, by_name, Streams(1), tmp_path)
    said = diagnostics.accepted(found, by_name)
    assert len(said) == 4 and "Accepted by the analyst" in said[0] and "1.034" in said[0]
    one = dataclasses.replace(NUTS, accept=by_name.accept[:1])
    with pytest.raises(FitError) as third:
        fit_all(requests, one, Streams(1), tmp_path)
    assert len(str(third.value).splitlines()) == 3 * 3 + 1


@pytest.mark.parametrize("change", [{"pareto_k": 0.71}, {"importance_ess": 0.09}, None])
def test_laplace_that_cannot_be_trusted_goes_to_nuts(requests, monkeypatch, change) -> None:
    def doubtful(*arguments):
        if change is None:
            raise ArithmeticError("no maximum was found")
        return dataclasses.replace(fit_laplace(*arguments), **change)

    fit_laplace = laplace.fit_laplace
    monkeypatch.setattr(laplace, "fit_laplace", doubtful)
    monkeypatch.setattr(workers, "sample_all", pretend_nuts())
    found = fit_all(requests[:1], QUICK, Streams(1))
    assert found[requests[0].key].method == "nuts"


def test_comparison_pairs_families_and_is_cached(requests, posteriors, tmp_path, monkeypatch):
    found = goodness.compare(posteriors, (OS, PFS), tmp_path)
    table = found.table
    assert list(table["family"]) == ["lognormal", "weibull"]
    assert sum(found.weights.values()) == pytest.approx(1.0)
    elpd = table["elpd_os"] + table["elpd_pfs"]
    np.testing.assert_allclose(table["elpd"], elpd)
    np.testing.assert_allclose(table["difference"], elpd - elpd.max(), atol=1e-9)
    assert found.weights["lognormal"] > 0.8 and list(table["flag"]) == ["", ""]
    points = {
        f: np.concatenate([np.repeat(p.loo["pointwise"], p.loo["counts"].astype(int)) for p in two])
        for f, two in {
            f: [posteriors[OS, f], posteriors[PFS, f]] for f in ("weibull", "lognormal")
        }.items()
    }
    grid = np.linspace(0, 1, 2001)[1:-1]
    score = [
        np.logaddexp(np.log(w) + points["lognormal"], np.log1p(-w) + points["weibull"]).sum()
        for w in grid
    ]
    assert found.weights["lognormal"] == pytest.approx(grid[np.argmax(score)], abs=2e-3)
    monkeypatch.setattr(goodness, "_compare", lambda *_: pytest.fail("compared again"))
    again = goodness.compare(posteriors, (OS, PFS), tmp_path)
    pd.testing.assert_frame_equal(again.table, table)
    with pytest.raises(KeyError, match="no distribution is fitted to all"):
        goodness.compare(posteriors, (OS, "another"))


def test_a_bad_pareto_k_is_flagged(posteriors) -> None:
    bad = dataclasses.replace(
        posteriors[OS, "weibull"],
        loo=posteriors[OS, "weibull"].loo | {"pareto_k_max": 0.9, "n_bad_k": 2},
    )
    table = goodness.compare({**posteriors, (OS, "weibull"): bad}, (OS, PFS)).table
    flags = dict(zip(table["family"], table["flag"], strict=True))
    assert flags == {"weibull": "Pareto k above 0.7 for 2 patients", "lognormal": ""}


def test_kaplan_meier_and_hazard_by_hand() -> None:
    from tests.evidence import evidence, grouped

    people = evidence("individual", time=[1, 2, 2, 3, 4], event=[1, 1, 0, 0, 1])
    km = goodness.kaplan_meier(people)
    assert list(km["time"]) == [0, 1, 2, 4]
    np.testing.assert_allclose(km["survival"], [1, 0.8, 0.6, 0.0])
    assert list(km["n_at_risk"]) == [5, 5, 4, 1]
    variance = 1 / (5 * 4) + 1 / (4 * 3)
    spread = 1.959963984540054 * np.sqrt(variance) / abs(np.log(0.6))
    assert km["low"][2] == pytest.approx(0.6 ** np.exp(spread))
    hazard = goodness.empirical_hazard(people, [0, 2, 4])
    np.testing.assert_allclose(hazard["person_years"], [1 + 2 * 4, 0 + 0 + 1 + 2])
    np.testing.assert_allclose(goodness.kaplan_meier(grouped())["survival"][1], 1 - 5 / 19.5)
    exposure = goodness.empirical_hazard(grouped(), [0, 1, 2])["person_years"]
    np.testing.assert_allclose(exposure, [0.5 * (20 - 3) + 0.5 * (14 - 3), 8 - 4])


def test_landmarks_are_the_curves(posteriors) -> None:
    table = goodness.landmark_table(posteriors.values(), [24])
    p = posteriors[OS, "weibull"]
    expected = np.exp(-cumulative_hazard("weibull", p.parameters, np.array([2.0]))).mean()
    assert table.loc[0, "mean"] == pytest.approx(expected)
    assert (table["low"] < table["mean"]).all() and (table["mean"] < table["high"]).all()


def test_a_cached_run_imports_no_sampler(requests, tmp_path) -> None:
    """In a process of its own: what is already imported here says nothing."""
    import pickle

    fit_all(requests, QUICK, Streams(1), tmp_path / "cache")
    (tmp_path / "requests").write_bytes(pickle.dumps(requests))
    code = (
        "import pickle, sys; from pathlib import Path\n"
        "from heor.streams import Streams; from heor.survival.fitting.fit_each import by_key, fit_each\n"
        "from heor.problem.settings import FitSettings\n"
        f"requests = pickle.loads(Path({str(tmp_path / 'requests')!r}).read_bytes())\n"
        "settings = FitSettings(quick=True, chains=2, draws=500)\n"
        f"fits = fit_each(requests, settings, Streams(1), Path({str(tmp_path / 'cache')!r}))\n"
        "found = by_key(fits)\n"
        "heavy = {'pymc', 'pytensor', 'nutpie', 'arviz', 'numba'} & set(sys.modules)\n"
        "assert len(found) == 4 and not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("form", ["grouped", "individual"])
def test_pymc_evaluates_the_same_likelihood(requests, name: str, form: str) -> None:
    """Without compiling: PyTensor's Python evaluation of the graph that Numba would compile."""
    pytensor = pytest.importorskip("pytensor")
    from heor.survival.sampler import plain_code
    from tests.evidence import individual

    distribution = DISTRIBUTIONS[name]
    if form == "grouped":
        (own,) = requests[0].pieces
    else:
        own = piece(individual())
        own.data["background_hazard"][:] = own.data["background_increment"][:] = 0.02
    data = [likelihood.encoded(distribution, p) for p in (own, likelihood.neutral_opinion("os"))]
    model = plain_code.build_model(distribution, data)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    function = pytensor.function(
        model.value_vars, model.logp(), mode=mode, on_unused_input="ignore"
    )
    f = laplace.log_likelihood_function(distribution, data)
    centre = laplace.start(distribution, data)
    for shift in (-0.2, 0.0, 0.25):
        theta = centre + shift * np.linspace(1.0, 0.5, len(centre))
        ours = f(theta[None])[0] + distribution.log_prior(theta)
        assert float(function(*theta)) == pytest.approx(ours, rel=1e-10, abs=1e-9)


def with_cure(n: int, cured: float, follow_up: float, seed: int) -> FitRequest:
    """Weibull survival (shape 1.3, scale 1 year) of patients of whom a share is cured."""
    from heor.problem.evidence import SurvivalEvidence
    from heor.problem.parameter import Origin
    from heor.survival.families.families import resolve

    generator = np.random.default_rng(seed)
    time = generator.weibull(1.3, n)
    time[generator.random(n) < cured] = np.inf
    table = {"time": np.minimum(time, follow_up), "event": (time <= follow_up).astype(float)}
    own = SurvivalEvidence("made", "Made", "os", "individual", table, (), "trial", Origin("test"))
    return FitRequest(resolve("weibull_cure"), (piece(own),))


def test_a_cure_that_follow_up_cannot_show_is_named() -> None:
    """Neither a cure that is ruled out, nor one whose plateau is seen; but one that is a guess."""
    for cured in (0.0, 0.3):
        request = with_cure(300, cured, 8.0 + 12.0 * (cured == 0), 3)
        (found,) = fit_all([request], QUICK, Streams(1)).values()
        assert not diagnostics.cautions([found], {"made": request.pieces})
    prior = np.random.default_rng(1).beta(1, 4, 1000)
    guess = dataclasses.replace(found, parameters=found.parameters | {"cured": prior})
    (line,) = diagnostics.cautions([guess], {"made": request.pieces})
    assert "not identified by the follow-up" in line and "as wide as its prior" in line
    short = dataclasses.replace(
        found,
        parameters=found.parameters | {"scale": np.full(1000, 6.0), "cured": np.full(1000, 0.2)},
    )
    (line,) = diagnostics.cautions([short], {"made": request.pieces})
    assert "no plateau has been seen" in line and "still at risk" in line


def test_fractional_patients_count_as_they_are() -> None:
    """Weights of 0.4 are neither nobody nor somebody."""
    points = {"a": np.log([0.5, 0.2, 0.3]), "b": np.log([0.2, 0.6, 0.3])}
    whole = goodness.stacking_weights(points, np.array([2.0, 1.0, 4.0]))
    part = goodness.stacking_weights(points, 0.4 * np.array([2.0, 1.0, 4.0]))
    assert part == pytest.approx(whole, abs=1e-4)
