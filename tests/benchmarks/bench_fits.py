"""Time of the NUTS fits: cold, warm, and beside PyMC's default sampler.

Run: python tests/benchmarks/bench_fits.py [--all]

Conditions. Eight classic families, overall and progression-free survival of the FOLFIRI arms
(grouped data, background mortality), 4 chains x 1,000 draws after 500 of warm-up, target acceptance
0.9, two worker processes. *Cold*: empty folders for machine code and for PyTensor's and Numba's
caches, so everything is compiled. *Warm*: a new process with those folders as the cold run left
them; posteriors are not cached. Every figure of a table is of this machine in this run; CPU seconds
are those of all processes, and on a busy machine say more than the wall clock. ESS/s: effective
draws of the worst parameter by second of sampling; `+ compile` counts compiling as well.

PyMC's default sampler, `pm.sample` on the very same model and data in a process of its own, has the
same number of chains and draws (its default warm-up of 1,000) and no C compiler, as users without
one have. It takes ten to twenty minutes a fit, so it comes last and for two families and overall
survival only; `--all` runs it for every fit, hours.

The M-spline is fitted to 191 colon-cancer patients of the survextrap package, which are not part of
this repository: the environment variable HEOR_REFERENCE names the folder that holds
survextrap/data_colons.csv (columns years, status). Without it that part says that it is skipped.

Nothing is asserted: a clock proves nothing about another machine.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
CURVES = ("second_line_folfiri_os", "second_line_folfiri_pfs")
FAMILIES = (
    "generalised_f",
    "generalised_gamma",
    "gamma",
    "lognormal",
    "loglogistic",
    "gompertz",
    "weibull",
    "exponential",
)
BESIDE_PYMC = ("weibull", "lognormal")
CHAINS, DRAWS, TUNE = 4, 1_000, 500
HEAD = (
    f"{'compile':>8} {'sample':>7} {'CPU':>7} {'ESS':>6} {'ESS/s':>7} {'+ compile':>10} {'div':>4}"
)


def settings(**changes):
    from heor.problem.settings import FitSettings

    return FitSettings(chains=CHAINS, draws=DRAWS, tune=TUNE, target_accept=0.9, **changes)


def requests(families):
    from heor.inputs.load import load
    from heor.survival.evidence import evidence
    from heor.survival.families.distributions import get
    from heor.survival.fitting.posterior import FitRequest

    problem = load(ROOT / "inputs", "norway")
    table = problem.country.life_table
    pieces = [(evidence.piece(problem.evidence[curve], table),) for curve in CURVES]
    return [FitRequest(get(family), own) for own in pieces for family in families]


def colons():
    """The M-spline on individual patients, with its default prior and target acceptance."""
    from heor.problem.evidence import SurvivalEvidence
    from heor.problem.parameter import Origin
    from heor.survival.evidence import evidence
    from heor.survival.families import families
    from heor.survival.fitting.posterior import FitRequest

    path = Path(os.environ["HEOR_REFERENCE"]) / "survextrap" / "data_colons.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    table = {
        "time": np.array([float(row["years"]) for row in rows]),
        "event": np.array([float(row["status"]) for row in rows]),
    }
    own = SurvivalEvidence("colons", "", "os", "individual", table, (), "", Origin("survextrap"))
    piece = evidence.piece(own)
    return [FitRequest(families.resolve("m_spline", [piece]), (piece,))]


def encoded(request):
    from heor.survival.families import likelihood

    neutral = likelihood.neutral_opinion(request.pieces[0].endpoint)
    return [likelihood.encoded(request.model, piece) for piece in (*request.pieces, neutral)]


# ---------------------------------------------------------------- in a process of its own


def chosen(name):
    return colons() if name == "m_spline" else requests([name])


def ours(name):
    """Compile or load, and sample every curve: figures by curve."""
    made, out = chosen(name), []
    from heor.survival.sampler.nuts import CompiledFit

    compiled = None
    cores = os.cpu_count() if name == "m_spline" else 1  # one fit alone has the machine
    for seed, request in enumerate(made):
        own, before = encoded(request), time.process_time()
        seconds = 0.0
        if compiled is None or not compiled.serves(request.model, own):
            compiled = CompiledFit(request.model, own)
            seconds = compiled.seconds_compile
        found = compiled.sample(own, settings(), seed, cores)
        out.append(
            {
                "compile": seconds,
                "sample": found.seconds_sample,
                "cpu": time.process_time() - before,
                "ess": min(found.ess_bulk_min, found.ess_tail_min),
                "divergences": int(found.diverging.sum()),
            }
        )
    return out


def pymc(name, curve):
    """`pm.sample` with its defaults: figures of one curve."""
    request = chosen(name)[int(curve)]
    import pymc as pm

    from heor.survival.sampler import convergence
    from heor.survival.sampler import plain_code as fit

    model = fit.build_model(request.model, encoded(request))
    before, started = time.process_time(), time.perf_counter()
    with model:
        trace = pm.sample(DRAWS, chains=CHAINS, random_seed=1, progressbar=False)
    seconds = time.perf_counter() - started
    draws = [trace.posterior[p.label].values for p in request.model.parameters]
    ess = min(min(convergence.ess_bulk(x), convergence.ess_tail(x)) for x in draws)
    # its compiling and sampling are one call; the trace knows the sampling
    sampling = float(trace.posterior.attrs.get("sampling_time", seconds))
    return [
        {
            "compile": seconds - sampling,
            "sample": sampling,
            "cpu": time.process_time() - before,
            "ess": ess,
            "divergences": int(trace.sample_stats["diverging"].values.sum()),
        }
    ]


def both_endpoints(*families):
    """`fit_each` as the model runs it: wall and CPU seconds, without starting Python."""
    import resource

    from heor.streams import Streams
    from heor.survival.fitting.fit_each import fit_each

    made = requests(families)
    started = time.perf_counter()
    fits = [p for own in fit_each(made, settings(), Streams(1)) for p in own]
    wall = time.perf_counter() - started
    usage = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, children = (u.ru_utime + u.ru_stime for u in usage)
    ess = sum(p.diagnostics["ess_bulk_min"] for p in fits)
    divergences = sum(p.diagnostics["divergences"] for p in fits)
    return {
        "fits": len(fits),
        "wall": wall,
        "own": own,
        "workers": children,
        "ess": ess,
        "divergences": divergences,
    }


TASKS = {"ours": ours, "pymc": pymc, "both_endpoints": both_endpoints}


# ---------------------------------------------------------------- tables


def run(folder, *task):
    """A task in a new process whose caches are in `folder`."""
    environment = {
        **os.environ,
        "HEOR_COMPILED": str(Path(folder) / "machine_code"),
        "PYTENSOR_FLAGS": f"cxx=,base_compiledir={folder}",
        "NUMBA_CACHE_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, __file__, "--task", *task]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def row(label, figures):
    total = figures["sample"] + figures["compile"]
    print(
        f"{label:42} {figures['compile']:8.2f} {figures['sample']:7.2f} {figures['cpu']:7.2f} "
        f"{figures['ess']:6.0f} {figures['ess'] / figures['sample']:7.0f} "
        f"{figures['ess'] / total:10.1f} {figures['divergences']:4}",
        flush=True,
    )


def whole() -> None:
    print(f"All {len(FAMILIES)} families x 2 endpoints, `fit_each` with leave-one-out, seconds")
    print(
        f"{'':12} {'wall':>7} {'CPU workers':>12} {'CPU parent':>11} {'sum of ESS':>11} {'div':>4}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for state in ("cold", "warm", "warm again"):
            f = run(folder, "both_endpoints", *FAMILIES)
            print(
                f"{state:12} {f['wall']:7.1f} {f['workers']:12.1f} {f['own']:11.1f} "
                f"{f['ess']:11.0f} {f['divergences']:4}   load {_load()}",
                flush=True,
            )


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def by_family() -> None:
    print(f"\nEach family in a new process, seconds; ESS of the worst parameter\n{'':42} {HEAD}")
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            for state in ("cold", "warm"):
                for curve, figures in zip(CURVES, run(folder, "ours", family), strict=True):
                    row(f"{family:18} {curve[-3:].strip('_'):4} {state}", figures)


def beside_pymc(everything: bool) -> None:
    print(f"\nPyMC's default sampler without a C compiler\n{'':42} {HEAD}")
    for family in FAMILIES if everything else BESIDE_PYMC:
        for i in range(2 if everything else 1):
            with tempfile.TemporaryDirectory() as folder:
                (figures,) = run(folder, "pymc", family, str(i))
                row(f"{family:18} {CURVES[i][-3:].strip('_'):4} pm.sample", figures)
    if everything and os.environ.get("HEOR_REFERENCE"):
        with tempfile.TemporaryDirectory() as folder:
            row("m_spline pm.sample", run(folder, "pymc", "m_spline", "0")[0])


def m_spline() -> None:
    print("\nM-spline, 191 colon-cancer patients, target acceptance 0.95")
    if not os.environ.get("HEOR_REFERENCE"):
        print("skipped: HEOR_REFERENCE is not set")
        return
    with tempfile.TemporaryDirectory() as folder:
        for state in ("cold", "warm"):
            row(f"m_spline {state}", run(folder, "ours", "m_spline")[0])


if __name__ == "__main__":
    if "--task" in sys.argv:
        name, *arguments = sys.argv[sys.argv.index("--task") + 1 :]
        print("\n" + json.dumps(TASKS[name](*arguments)))
    else:
        print(f"{os.cpu_count()} cores, load {_load()} at the start")
        whole()
        by_family()
        m_spline()
        beside_pymc("--all" in sys.argv)
