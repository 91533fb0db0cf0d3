"""NUTS, the posterior of record, against Laplace with importance sampling."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from heor.inputs.problem import DecisionProblem, FitSettings, Origin, SurvivalEvidence
from heor.streams import Streams
from heor.survival import background
from heor.survival.distributions import DISTRIBUTIONS
from heor.survival.posterior import FitRequest, fit_all

pytestmark = pytest.mark.slow

CURVES = ("second_line_folfiri_os", "second_line_folfiri_pfs")


@pytest.fixture(scope="module")
def requests(problem: DecisionProblem) -> list[FitRequest]:
    table = problem.country.life_table
    return [
        FitRequest(problem.evidence[c], f, background.of_evidence(table, problem.evidence[c]))
        for c in CURVES
        for f in DISTRIBUTIONS
    ]


@pytest.fixture(scope="module")
def both(requests):
    return (
        fit_all(requests, FitSettings(), Streams(1)),
        fit_all(requests, FitSettings(quick=True), Streams(1)),
    )


@pytest.mark.parametrize("family", DISTRIBUTIONS)
@pytest.mark.parametrize("curve", CURVES)
def test_same_posterior(both, curve: str, family: str) -> None:
    nuts, laplace = (posteriors[curve, family] for posteriors in both)
    assert (nuts.method, laplace.method) == ("nuts", "laplace")
    distribution = DISTRIBUTIONS[family]
    a, b = (distribution.unconstrained(p.parameters) for p in (nuts, laplace))
    assert a.shape == b.shape == (5000, len(distribution.parameters))
    assert np.all(np.abs(a.mean(0) - b.mean(0)) < 0.15 * a.std(0))
    np.testing.assert_allclose(b.std(0), a.std(0), rtol=0.10)
    assert nuts.loo["elpd_loo"] == pytest.approx(laplace.loo["elpd_loo"], abs=0.5)


def test_draws_do_not_depend_on_what_else_is_fitted(requests, both) -> None:
    chosen = [r for r in requests if r.distribution in ("weibull", "lognormal")][::-1]
    again = fit_all(chosen, FitSettings(), Streams(1))
    for key, posterior in again.items():
        for name, values in posterior.parameters.items():
            np.testing.assert_array_equal(values, both[0][key].parameters[name])


@pytest.fixture(scope="module")
def patients() -> FitRequest:
    """Invented: 300 log-normal survival times from late entries, censored at 3 years."""
    generator = np.random.default_rng(7)
    entry = 0.3 * generator.random(600)
    time = np.exp(0.1 + 0.8 * generator.standard_normal(600))
    keep = np.flatnonzero(time > entry)[:300]
    event, end = time[keep] < 3, np.minimum(time[keep], 3)
    table = {"time": end, "event": event.astype(float), "entry": entry[keep]}
    evidence = SurvivalEvidence(
        "people", "People", "os", "individual", table, (), "trial", Origin("test")
    )
    return FitRequest(evidence, "", 0.02 * np.stack([entry[keep], end, np.ones(300)]))


def test_individual_evidence(patients) -> None:
    families = ("weibull", "generalised_gamma")
    requests = [dataclasses.replace(patients, distribution=f) for f in families]
    nuts = fit_all(requests, FitSettings(), Streams(1))
    laplace = fit_all(requests, FitSettings(quick=True), Streams(1))
    for key in nuts:
        a, b = (DISTRIBUTIONS[key[1]].unconstrained(p[key].parameters) for p in (nuts, laplace))
        assert (nuts[key].method, laplace[key].method) == ("nuts", "laplace")
        assert np.all(np.abs(a.mean(0) - b.mean(0)) < 0.15 * a.std(0))
        np.testing.assert_allclose(b.std(0), a.std(0), rtol=0.10)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal and reads the process table")
def test_interrupt_leaves_no_worker_behind(tmp_path: Path) -> None:
    code = (
        "import numpy as np\n"
        "from heor.inputs.problem import FitSettings, Origin, SurvivalEvidence\n"
        "from heor.streams import Streams\n"
        "from heor.survival.posterior import FitRequest, fit_all\n"
        "table = {'time': np.arange(1.0, 30), 'event': np.ones(29)}\n"
        "e = SurvivalEvidence('a', 'A', 'os', 'individual', table, (), 'trial', Origin('x'))\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    fit_all([FitRequest(e, f) for f in ('weibull', 'gompertz')], FitSettings(), Streams(1))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    psutil = pytest.importorskip("psutil")
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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
