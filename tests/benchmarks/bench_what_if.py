"""Questions about prices and utilities: exposures valued again, beside the same cases simulated again.

    python tests/benchmarks/bench_what_if.py          5,000 draws

The base case with Laplace fits, kept in `outputs/cache`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from heor.inputs.load import load
from heor.parameters.draws import Draws, with_given
from heor.questions.one_way_cases import uncertain_parameters
from heor.questions.response import Response
from heor.questions.tipping_points import tipping_points
from heor.questions.value_based_prices import value_based_prices
from heor.valuation.simulate import simulate
from tests.made_up import run_first

CASES = 20


def seconds(work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    problem = load("inputs", draws=draws, quick=True)
    run = run_first(problem, Path("outputs/cache"))
    response, thresholds = Response.of(run), run.decision.thresholds
    names = uncertain_parameters(problem)
    valued = [name for name in names if not response.needs_simulation([name])]
    print(f"{draws:,} draws; {len(valued)} of {len(names)} uncertain parameters need no simulation")
    tips = seconds(lambda: tipping_points(response, thresholds, valued))
    print(f"  tipping points of these at {len(thresholds)} thresholds: {tips:.2f} s")
    prices = seconds(lambda: value_based_prices(response, thresholds, problem.prices))
    print(f"  value-based prices: {prices:.2f} s")
    cases = [{"c_resection": float(x)} for x in np.linspace(1e5, 4e5, CASES)]
    again = seconds(lambda: response.estimates(cases))

    def simulated() -> None:
        for case in cases[:3]:
            given = {name: np.full(draws, x) for name, x in case.items()}
            values = with_given(problem, run.draws.values, given)
            simulate(problem, Draws(values, run.draws.curves))

    beside = seconds(simulated) / 3
    each = again / CASES
    print(f"  one case: valued {1000 * each:.0f} ms, simulated {1000 * beside:.0f} ms", end=" ")
    print(f"({beside / each:.0f} times)")


if __name__ == "__main__":
    main()
