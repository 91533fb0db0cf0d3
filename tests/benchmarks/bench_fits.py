"""Time and memory of the survival fits. Run: python tests/benchmarks/bench_fits.py [--whole]

Without an option: by family, compiling with an empty and with a filled cache, sampling, effective
draws a second, and Laplace beside it. With `--whole`: `fit_all` for six families and both
endpoints, from an empty compile cache, with the memory of all processes. Nothing is asserted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
CURVES = ("second_line_folfiri_os", "second_line_folfiri_pfs")
WHOLE = (
    "exponential",
    "weibull",
    "gompertz",
    "lognormal",
    "loglogistic",
    "generalised_gamma",
)


def requests(families):
    from heor.inputs.load import load
    from heor.survival import background
    from heor.survival.posterior import FitRequest

    problem = load(ROOT / "inputs", "norway")
    evidence = [problem.evidence[c] for c in CURVES]
    table = problem.country.life_table
    return [FitRequest(e, f, background.of_evidence(table, e)) for e in evidence for f in families]


def one_family(family: str) -> None:
    """In a process of its own: compile, sample both endpoints, print one row."""
    from heor.inputs.problem import FitSettings
    from heor.survival import likelihood

    made = requests([family])
    data = [likelihood.prepare(r.evidence, r.background) for r in made]
    started = time.perf_counter()
    from heor.survival.fit import CompiledFit

    imported = time.perf_counter() - started
    compiled = CompiledFit(family, data[0])
    samples = [compiled.sample(d, FitSettings(), seed) for seed, d in enumerate(data)]
    seconds = sum(s.seconds_sample for s in samples)
    rate = sum(s.ess_bulk_min for s in samples) / seconds
    print(f"{imported:8.1f} {compiled.seconds_compile:8.1f} {seconds:8.1f} {rate:10.0f}", end="")


def by_family() -> None:
    from heor.inputs.problem import FitSettings
    from heor.streams import Streams
    from heor.survival.distributions import DISTRIBUTIONS
    from heor.survival.posterior import fit_all

    print("Both endpoints, 4 x (500 + 1,250); seconds; ESS/s of the worst parameter")
    head = f"{'import':>8} {'compile':>8} {'sample':>8} {'ESS/s':>10}"
    print(f"{'family':20} cache {head} {'Laplace':>9} {'ESS/s':>8}")
    for family in DISTRIBUTIONS:
        with tempfile.TemporaryDirectory() as folder:
            for state in ("cold", "warm"):
                flags = f"cxx=,base_compiledir={folder}"
                environment = {**os.environ, "PYTENSOR_FLAGS": flags, "NUMBA_CACHE_DIR": folder}
                print(f"{family:20} {state:5} ", end="", flush=True)
                command = [sys.executable, __file__, "--family", family]
                subprocess.run(command, env=environment, check=True)
                started = time.perf_counter()
                found = fit_all(requests([family]), FitSettings(quick=True), Streams(1))
                ess = sum(p.diagnostics["importance_ess"] * 16_000 for p in found.values())
                fitting = sum(p.diagnostics["seconds"] for p in found.values())
                print(f" {time.perf_counter() - started:8.2f} {ess / fitting:8.0f}")


def whole() -> None:
    """`fit_all` from nothing, and again from its cache, with the memory of all processes."""
    import psutil

    from heor.inputs.problem import FitSettings
    from heor.streams import Streams
    from heor.survival.posterior import fit_all

    peak = [0]

    def watch() -> None:
        process = psutil.Process()
        while True:
            try:
                everyone = [process, *process.children(recursive=True)]
                peak[0] = max(peak[0], sum(p.memory_info().rss for p in everyone))
            except psutil.Error:  # a process ended between listing and asking
                pass
            time.sleep(0.1)

    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={folder}"
        os.environ["NUMBA_CACHE_DIR"] = folder
        for name, cache in (
            ("empty compile cache", "posteriors"),
            ("filled compile cache", "again"),
            ("posteriors cached", "again"),
        ):
            started = time.perf_counter()
            fit_all(requests(WHOLE), FitSettings(), Streams(1), Path(folder) / cache)
            print(f"{name:22} {time.perf_counter() - started:7.2f} s", flush=True)
        print(f"{'peak memory':22} {peak[0] / 1e6:7.0f} MB, all processes")


if __name__ == "__main__":
    if "--family" in sys.argv:
        one_family(sys.argv[-1])
    elif "--whole" in sys.argv:
        whole()
    else:
        by_family()
