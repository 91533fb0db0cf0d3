"""Monte Carlo error of the base case: scrambled Sobol against pseudo-random at equal draws.

    python tests/benchmarks/bench_draws.py [repeats] [draws]

Prints the root mean square error of the mean net benefit over repeats (other seeds), for both, against
the mean of all of them, the ratio, and how well the reported standard error matches.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from heor import load
from heor.analysis import sample
from heor.decision import cost_effectiveness
from heor.simulation import simulate
from heor.survival.fitting import fit_problems

ROOT = Path(__file__).parents[2]
THRESHOLD = 715_000.0


def main(repeats: int = 20, draws: int = 1024) -> None:
    base = load(ROOT / "inputs", quick=True)
    base = replace(base, trial=None, settings=replace(base.settings, structures=(), draws=draws))
    fits = fit_problems({"": base}, base.streams, ROOT / "outputs" / "cache")[""]
    found: dict[str, list[tuple[float, float]]] = {}
    for sampling in ("pseudo_random", "sobol"):
        for seed in range(repeats):
            settings = replace(base.settings, sampling=sampling, seed=1000 + seed)
            problem = replace(base, settings=settings)
            drawn = sample({"": problem}, {"": fits}, problem.streams)[""]
            outcomes = simulate(problem, drawn).outcomes
            change = cost_effectiveness.increments(
                outcomes, settings.comparator, settings.intervention
            )
            benefit = THRESHOLD * change["qalys"] - change["cost"]
            se = float(cost_effectiveness.monte_carlo_se(benefit, outcomes.replicates))
            found.setdefault(sampling, []).append((float(benefit.mean()), se))
    truth = np.mean([b for b, _ in found["sobol"]])
    errors = {}
    for sampling, rows in found.items():
        benefit, se = np.array(rows).T
        errors[sampling] = np.sqrt(np.mean((benefit - truth) ** 2))
        print(
            f"{sampling:14} mean {benefit.mean():10,.0f}  error {errors[sampling]:8,.0f}  "
            f"reported standard error {np.sqrt(np.mean(se**2)):8,.0f}"
        )
    print(f"error ratio {errors['sobol'] / errors['pseudo_random']:.3f} at {draws:,} draws")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
