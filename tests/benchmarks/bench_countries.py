"""Eleven countries side by side, with each in a run of its own as the alternative.

    python tests/benchmarks/bench_countries.py [draws]

Needs fitted posteriors in outputs/cache (made on the first call, which does not count). Both give the same
numbers: the comparison simulates countries together on fits and hazards they share; the alternative fits,
samples and simulates one country after another, as `heor what-if` would. Report and figure are in the first.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from heor.inputs.load import load
from heor.report.folders.countries import write_country_report
from heor.runs.country_comparison import compare_countries
from tests.made_up import response_of

NAMES = (
    "norway england sweden denmark finland netherlands germany united_states canada australia japan"
).split()
ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "outputs" / "cache"


def together(draws: int) -> None:
    problems = {name: load(ROOT / "inputs", name, draws=draws) for name in NAMES}
    results = compare_countries(problems, cache=CACHE)
    with tempfile.TemporaryDirectory() as folder:
        write_country_report(results, Path(folder) / "countries")


def apart(draws: int) -> None:
    for name in NAMES:
        response_of(load(ROOT / "inputs", name, draws=draws), CACHE)


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    response_of(
        load(ROOT / "inputs", "norway", draws=100), CACHE
    )  # fits and compiles what is missing
    for label, function in (("together, with report and figure", together), ("one by one", apart)):
        started = perf_counter()
        function(draws)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = perf_counter() - started
        print(
            f"{len(NAMES)} countries, {draws:,} draws, {label}: {seconds:.1f} s, peak {peak:.0f} MB"
        )


if __name__ == "__main__":
    main()
