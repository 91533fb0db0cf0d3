"""Speed and memory of the model, from draws to outcomes, beside a plain NumPy floor.

    python tests/benchmarks/bench_model.py            10,000 draws, stage by stage
    python tests/benchmarks/bench_model.py 1000000    peak memory at a million draws

The survival posteriors are made up (log-normal around the fitted values), so nothing is fitted.
"""

from __future__ import annotations

import resource
import sys
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

import heor.survival.curves.strategy_curves as curves_module
from heor import execution
from heor.inputs.load import load
from heor.occupancy.partitioned import partitioned_survival
from heor.parameters.draws import CurveDraws, Draws, draw_parameters
from heor.simulation.accrual import Accrual
from heor.simulation.exposures import Exposures
from heor.simulation.measure import measure
from heor.streams import Streams
from heor.survival.families.distributions import get
from heor.valuation.simulate import simulate
from heor.valuation.value import value


def made_up_draws(n: int):
    """The base case with log-normal curves near the fitted ones."""
    problem = load("inputs", draws=n)
    generator = np.random.default_rng(1)
    curves = {}
    for evidence, mean in (("second_line_folfiri_os", -0.02), ("second_line_folfiri_pfs", -0.85)):
        theta = np.stack(
            [
                mean + 0.04 * generator.standard_normal(n),
                0.85 + 0.03 * generator.standard_normal(n),
            ],
            axis=1,
        )
        curves[evidence] = CurveDraws((get("lognormal"),), np.zeros(n, int), theta)
    return problem, Draws(draw_parameters(problem, n, Streams(1)), curves)


def peak_megabytes() -> float:
    scale = 1e3 if sys.platform != "darwin" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def stages(problem, draws: Draws) -> dict[str, float]:
    """Seconds in curves, and from curves to outcomes, on one thread."""
    accrual = Accrual.of(problem)
    backgrounds: dict = {}
    names = {name: tuple(s.exposures) for name, s in problem.strategies.items()}
    spent = {"draws to curves": 0.0, "curves to outcomes": 0.0}
    for rows in execution.chunks(draws.n, problem.settings.chunk):
        block = draws[rows]
        context = curves_module.CurveContext(problem, block, backgrounds)
        hazard = np.diff(context.background(accrual.time).cumulative_hazard)
        measured, alive = {}, {}
        for name, strategy in problem.strategies.items():
            start = perf_counter()
            found = curves_module.strategy_curves(context, strategy, accrual.time)
            middle = perf_counter()
            occupancy = partitioned_survival(
                strategy, found, problem.settings.states, block, hazard
            )
            occupancy.check(name, rows.start)
            measured[name] = np.stack(
                list(measure(strategy, occupancy, block, accrual).values()), axis=1
            )
            alive[name] = accrual.alive_years(occupancy)
            spent["draws to curves"] += middle - start
            spent["curves to outcomes"] += perf_counter() - middle
        start = perf_counter()
        value(Exposures(names, measured, alive), block, problem)
        spent["curves to outcomes"] += perf_counter() - start
    return spent


def plain_floor(problem, n: int) -> float:
    """Two strategies, three states, one cost and one utility a state: the least NumPy can do."""
    time = problem.time
    rate = np.random.default_rng(2).uniform(0.5, 1.5, (n, 1))
    weight = np.gradient(time) * 1.04**-time
    start = perf_counter()
    for rows in execution.chunks(n, 250):
        for ratio in (1.0, 0.8):
            os = np.exp(-ratio * rate[rows] * time)
            pfs = np.minimum(os, np.exp(-2 * ratio * rate[rows] * time))
            (pfs @ weight) * 30_000 + ((os - pfs) @ weight) * 20_000
    return perf_counter() - start


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    problem, draws = made_up_draws(n)
    held = sum(v.nbytes for v in draws.values.values()) / 1e6
    held += sum(c.theta.nbytes + c.family.nbytes for c in draws.curves.values()) / 1e6
    print(f"{n:,} draws x {len(problem.strategies)} strategies x {len(problem.time) - 1} cycles")
    before = peak_megabytes()
    start = perf_counter()
    result = simulate(problem, draws)
    total = perf_counter() - start
    outcomes = result.outcomes.data.nbytes / 1e6
    print(f"  draws {held:,.0f} MB, outcomes {outcomes:,.0f} MB")
    print(f"  peak before {before:,.0f} MB, after {peak_megabytes():,.0f} MB")
    print(f"  simulate, draws to checked outcomes, all threads: {total:.2f} s")
    if n <= 100_000:
        with threadpool_limits(limits=1):
            spent = stages(problem, draws)
        for name, seconds in spent.items():
            print(f"  {name}, one thread: {seconds:.2f} s")
        print(f"  plain NumPy floor, one thread: {plain_floor(problem, n):.2f} s")


if __name__ == "__main__":
    main()
