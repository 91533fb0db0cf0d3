"""EVSI of a survival trial over 20 numbers of patients x 5 follow-ups, 10,000 draws.

    python tests/benchmarks/bench_trial.py [draws]

Beside it importance sampling, each trial judged by every draw: of four designs around the middle of
the grid, scaled to all.
Made-up draws (hazard, hazard ratio and cure that differ), so nothing is fitted.
"""

from __future__ import annotations

import resource
import sys
from time import perf_counter

import numpy as np
import pandas as pd

from heor.outcomes.outcomes import Outcomes
from heor.trial.data import Design
from heor.trial.value import Evidence, evsi, importance_sampling

SIZES, FOLLOW_UPS = range(20, 420, 20), (0.5, 1.0, 2.0, 3.0, 5.0)
CHECKED = [(n, f) for n in (120, 300) for f in (0.5, 5.0)]  # as long on average as the whole grid
THRESHOLDS = [275_000.0, 715_000.0, 825_000.0]


def made_up(draws: int) -> Evidence:
    rng = np.random.default_rng(1)
    time = np.arange(0, 385) / 12
    hazard = 0.75 * np.exp(0.15 * rng.standard_normal(draws))
    ratio, cured = np.exp(-0.25 + 0.3 * rng.standard_normal(draws)), rng.beta(1.5, 38, draws)
    first = np.exp(-hazard[:, None] * time)
    second = cured[:, None] + (1 - cured)[:, None] * np.exp(-(hazard * ratio)[:, None] * time)
    survival = np.stack([first, second], axis=1)
    qalys = survival.mean(axis=2) * time[-1] * 0.8
    cost = np.stack([np.full(draws, 0.0), 220_000 + 50_000 * rng.standard_normal(draws)], axis=1)
    table = pd.DataFrame(
        {
            "strategy": np.tile(["chemotherapy", "resection"], draws),
            "draw": np.repeat(np.arange(draws), 2),
            "cost": cost.ravel(),
            "qaly": qalys.ravel(),
        }
    )
    return Evidence(Outcomes.from_table(table, "NOK"), survival, time)


def main(draws: int = 10_000) -> None:
    evidence = made_up(draws)
    designs = [Design(n, f, 15.5, 0.01) for n in SIZES for f in FOLLOW_UPS]
    evsi(evidence, designs[:1], THRESHOLDS, np.random.default_rng(1))  # compile
    start = perf_counter()
    found = evsi(evidence, designs, THRESHOLDS, np.random.default_rng(1))
    ours = perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    some = [Design(n, f, 15.5, 0.01) for n, f in CHECKED]
    start = perf_counter()
    other = [importance_sampling(evidence, d, THRESHOLDS, np.random.default_rng(2)) for d in some]
    theirs = (perf_counter() - start) * len(designs) / len(some)
    print(f"{len(designs)} designs, {draws:,} draws, peak so far {memory:,.0f} MB")
    print(f"regression on scores  {ours:7.1f} s")
    print(f"importance sampling   {theirs:7.1f} s (from {len(some)} designs)")
    for value, check in zip((found[designs.index(d)] for d in some), other, strict=True):
        print(
            f"  {value.design.patients:4d} patients, {value.design.follow_up:3.1f} years: "
            f"{value.value[0]:8,.0f} (SE {value.se[0]:5,.0f}) against {check.value[0]:8,.0f} "
            f"(SE {check.se[0]:5,.0f}, {check.effective:,.0f} effective draws)"
        )


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
