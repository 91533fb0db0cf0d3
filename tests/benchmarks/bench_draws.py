"""Monte Carlo error of the base case: scrambled Sobol against pseudo-random at equal draws.

    python tests/benchmarks/bench_draws.py [repeats] [draws]

Prints the root mean square error of the mean net benefit over repeats (other seeds), for both, against
a long run (other seeds again, so that neither is measured against itself), the ratio, and how well the
reported standard error matches.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from heor import load
from heor.decision import cost_effectiveness
from heor.problem.problem import DecisionProblem
from heor.simulation.draw_inputs import sample
from heor.survival.fitting.fit_problems import SurvivalFits, fit_problems
from heor.valuation.simulate import simulate

ROOT = Path(__file__).parents[2]
THRESHOLD = 715_000.0


LONG = 16, 4096  # seeds and draws of the long run


def net_benefit(
    base: DecisionProblem, fits: SurvivalFits, sampling: str, seed: int, draws: int
) -> tuple[float, float]:
    """Mean incremental net benefit of one seed, and the standard error it reports."""
    settings = replace(base.settings, sampling=sampling, seed=seed, draws=draws)
    problem = replace(base, settings=settings)
    drawn = sample({"": problem}, {"": fits}, problem.streams)[""]
    outcomes = simulate(problem, drawn).outcomes
    change = cost_effectiveness.increments(outcomes, settings.comparator, settings.intervention)
    benefit = THRESHOLD * change["qalys"] - change["cost"]
    return benefit.mean(), float(cost_effectiveness.monte_carlo_se(benefit, outcomes.replicates))


def main(repeats: int = 20, draws: int = 1024) -> None:
    base = load(ROOT / "inputs", quick=True)
    base = replace(base, trial=None, settings=replace(base.settings, structures=()))
    fits = fit_problems({"": base}, base.streams, ROOT / "outputs" / "cache")[""]
    seeds, n = LONG
    long = [net_benefit(base, fits, "sobol", 5000 + s, n)[0] for s in range(seeds)]
    truth = np.mean(long)
    print(f"long run       mean {truth:10,.0f}  se {np.std(long, ddof=1) / np.sqrt(seeds):,.0f}")
    errors = {}
    for sampling in ("pseudo_random", "sobol"):
        found = [net_benefit(base, fits, sampling, 1000 + s, draws) for s in range(repeats)]
        benefit, se = np.array(found).T
        errors[sampling] = np.sqrt(np.mean((benefit - truth) ** 2))
        reported = np.sqrt(np.mean(se**2))
        print(
            f"{sampling:14} mean {benefit.mean():10,.0f}  error {errors[sampling]:8,.0f}  "
            f"reported standard error {reported:8,.0f}  error : reported "
            f"{errors[sampling] / reported:.2f}"
        )
    print(f"error ratio {errors['sobol'] / errors['pseudo_random']:.3f} at {draws:,} draws")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
