"""NUTS, the posterior of record: against Laplace with importance sampling, and its machine code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.evidence import evidence
from heor.survival.families import likelihood
from heor.survival.families.distributions import DISTRIBUTIONS
from heor.survival.families.likelihood import Piece, encoded
from heor.survival.fitting.posterior import FitRequest
from heor.survival.sampler import compiled, laplace, model_code, nuts
from tests.fits import fit_all

pytestmark = pytest.mark.slow

CURVES = ("second_line_folfiri_os", "second_line_folfiri_pfs")


@pytest.fixture(scope="module", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory):
    """An empty folder of machine code: the first fits compile."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("compiled")
        patch.setenv(compiled.FOLDER, str(folder))
        yield folder


@pytest.fixture(scope="module")
def requests(problem: DecisionProblem) -> list[FitRequest]:
    table = problem.country.life_table
    pieces = {c: (evidence.piece(problem.evidence[c], table),) for c in CURVES}
    return [FitRequest(d, pieces[c]) for c in CURVES for d in DISTRIBUTIONS.values()]


@pytest.fixture(scope="module")
def both(requests):
    return (
        fit_all(requests, FitSettings(), Streams(1)),
        fit_all(requests, FitSettings(quick=True), Streams(1)),
    )


@pytest.mark.parametrize("family", DISTRIBUTIONS)
@pytest.mark.parametrize("curve", CURVES)
def test_same_posterior(both, curve: str, family: str) -> None:
    sampled, quick = (posteriors[curve, family] for posteriors in both)
    assert sampled.method == "nuts"
    if quick.method == "nuts":
        pytest.skip("Laplace is not trusted here and NUTS took its place")
    distribution = DISTRIBUTIONS[family]
    a, b = (distribution.unconstrained(p.parameters) for p in (sampled, quick))
    assert a.shape == b.shape == (5000, len(distribution.parameters))
    assert np.all(np.abs(a.mean(0) - b.mean(0)) < 0.15 * a.std(0))
    np.testing.assert_allclose(b.std(0), a.std(0), rtol=0.10)
    assert sampled.loo["elpd_loo"] == pytest.approx(quick.loo["elpd_loo"], abs=0.5)


def test_draws_do_not_depend_on_what_else_is_fitted(requests, both) -> None:
    """The second time the machine code comes from disk: warm as cold."""
    chosen = [r for r in requests if r.model.name in ("weibull", "lognormal", "gamma")][::-1]
    again = fit_all(chosen, FitSettings(), Streams(1))
    for key, posterior in again.items():
        for name, values in posterior.parameters.items():
            np.testing.assert_array_equal(values, both[0][key].parameters[name])


@pytest.fixture(scope="module")
def patients() -> Piece:
    """Invented: 300 log-normal survival times from late entries, censored at 3 years."""
    generator = np.random.default_rng(7)
    entry = 0.3 * generator.random(600)
    time = np.exp(0.1 + 0.8 * generator.standard_normal(600))
    keep = np.flatnonzero(time > entry)[:300]
    event, end = time[keep] < 3, np.minimum(time[keep], 3)
    table = {"time": end, "event": event.astype(float), "entry": entry[keep]}
    own = SurvivalEvidence("people", "People", "os", "individual", table, (), "trial", Origin("t"))
    made = evidence.piece(own)
    background = {
        "background_hazard": np.full(300, 0.02),
        "background_increment": 0.02 * (end - entry[keep]),
    }
    return replace(made, data={**made.data, **background})


def test_individual_evidence(patients) -> None:
    families = ("weibull", "generalised_gamma")
    requests = [FitRequest(DISTRIBUTIONS[f], (patients,)) for f in families]
    sampled = fit_all(requests, FitSettings(), Streams(1))
    quick = fit_all(requests, FitSettings(quick=True), Streams(1))
    for key in sampled:
        a, b = (DISTRIBUTIONS[key[1]].unconstrained(p[key].parameters) for p in (sampled, quick))
        assert (sampled[key].method, quick[key].method) == ("nuts", "laplace")
        assert np.all(np.abs(a.mean(0) - b.mean(0)) < 0.15 * a.std(0))
        np.testing.assert_allclose(b.std(0), a.std(0), rtol=0.10)


# ---------------------------------------------------------------- machine code


def encoded_pieces(request: FitRequest) -> list[Piece]:
    neutral = likelihood.neutral_opinion(request.pieces[0].endpoint)
    return [encoded(request.model, piece) for piece in (*request.pieces, neutral)]


@pytest.mark.parametrize("family", DISTRIBUTIONS)
def test_machine_code_is_what_pytensor_compiled(requests, both, family, monkeypatch) -> None:
    """`both` has filled the folder; the plain route is PyTensor's own function."""
    from heor.survival.sampler import plain_code

    monkeypatch.setattr(nuts.CompiledFit, "_compiled", lambda *_: pytest.fail("compiled again"))
    for request in (r for r in requests if r.model.name == family):
        own = encoded_pieces(request)
        kept = nuts.CompiledFit(request.model, own)
        assert kept.kept
        ours = kept.density(own)
        plain = plain_code.PlainCode(request.model, own)
        theirs = plain.bind(
            len(request.model.parameters),
            model_code.named(model_code.model_data(request.model, own)),
        )
        centre = laplace.start(request.model, own)
        for shift in (-0.2, 0.05, 0.3):
            (a, da), (b, db) = ours(centre + shift), theirs(centre + shift)
            assert a == pytest.approx(b, rel=1e-12)
            np.testing.assert_allclose(da, db, rtol=1e-10, atol=1e-9)


def test_native_and_plain_sampling_give_the_same_draws(requests, both, monkeypatch) -> None:
    request = next(r for r in requests if r.model.name == "weibull")
    own, settings = encoded_pieces(request), FitSettings(draws=200)
    one = nuts.CompiledFit(request.model, own).sample(own, settings, 5)
    two = nuts.CompiledFit(request.model, own).sample(own, settings, 5, cores=2)
    np.testing.assert_array_equal(one.theta, two.theta)
    monkeypatch.setattr(nuts, "_nutpie_library", lambda: object())
    calls = nuts.CompiledFit(request.model, own).sample(own, settings, 5)
    np.testing.assert_array_equal(one.theta, calls.theta)
    np.testing.assert_array_equal(one.steps, calls.steps)
    np.testing.assert_array_equal(one.diverging, calls.diverging)


@pytest.mark.parametrize("fault", ["damaged", "stale"])
def test_bad_machine_code_is_compiled_anew(requests, both, machine_code, fault: str) -> None:
    """Stale: sound code of another model, under this one's name."""
    by_name = {r.model.name: r for r in requests}
    weibull, other = by_name["weibull"], by_name["loglogistic"]
    own = encoded_pieces(weibull)
    key = compiled.key(weibull.model, own)
    right = compiled.load(key)
    if fault == "damaged":
        (machine_code / key).write_bytes((machine_code / key).read_bytes()[:1000])
    else:
        compiled.save(key, compiled.load(compiled.key(other.model, encoded_pieces(other))))
    assert compiled.load(key) != right
    made = nuts.CompiledFit(weibull.model, own)
    value, _ = made.density(own)(laplace.start(weibull.model, own))
    f = laplace.log_likelihood_function(weibull.model, own)
    x = laplace.start(weibull.model, own)
    assert value == pytest.approx(f(x[None])[0] + weibull.model.log_prior(x), rel=1e-10)
    assert compiled.load(key).inputs == right.inputs  # and kept in its place


@pytest.mark.skipif(os.name != "posix", reason="sends a signal and reads the process table")
def test_interrupt_leaves_no_worker_behind(tmp_path: Path) -> None:
    code = (
        "import numpy as np\n"
        "from heor.problem.evidence import SurvivalEvidence\n"
        "from heor.problem.parameter import Origin\n"
        "from heor.problem.settings import FitSettings\n"
        "from heor.streams import Streams\n"
        "from heor.survival.families.distributions import get\n"
        "from heor.survival.evidence.evidence import piece\n"
        "from heor.survival.fitting.fit_each import FitRequest, fit_each\n"
        "table = {'time': np.arange(1.0, 30), 'event': np.ones(29)}\n"
        "e = SurvivalEvidence('a', 'A', 'os', 'individual', table, (), 'trial', Origin('x'))\n"
        "requests = [FitRequest(get(f), (piece(e),)) for f in ('weibull', 'gompertz')]\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    fit_each(requests, FitSettings(), Streams(1))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    psutil = pytest.importorskip("psutil")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, compiled.FOLDER: str(tmp_path)},  # empty: the workers compile
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(4)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 2
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert out == "interrupted\n" and err == ""
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
