"""Speed and memory of the model structures, each beside a plain NumPy alternative in the same run.

    python tests/benchmarks/bench_structures.py              all cases, each in a process of its own
    python tests/benchmarks/bench_structures.py individual   one case in this process

All cases go from draws of parameters to discounted costs and QALYs of every draw. Best of three,
compiled code already compiled, two threads; the alternative is one thread.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from heor.execution import chunks, map_chunks
from heor.occupancy import individual, semi_markov, transitions
from heor.occupancy.state_occupancy import Table
from heor.survival.families.distributions import survival
from tests.arithmetic import cycle_weights

THREADS = 2
GENERATOR = np.random.default_rng(1)


def partition(curves: list[np.ndarray]) -> list[np.ndarray]:
    """Shares of the states, each endpoint capped at the next."""
    capped = list(np.minimum.accumulate(curves[::-1])[::-1])
    between = [after - before for before, after in zip(capped, capped[1:], strict=False)]
    return [capped[0], *between, 1 - capped[-1]]


def draws_of(n: int, mean: float, spread: float = 0.1) -> np.ndarray:
    return mean * np.exp(spread * GENERATOR.standard_normal(n))


@dataclass(frozen=True)
class Case:
    """What is measured: `ours` and `plain` take a slice of draws."""

    words: str
    bar: str
    n: int
    block: int
    ours: Callable[[slice], object]
    plain: Callable[[slice], object]
    plain_block: int


# -------------------------------------------------------------------- partitioned survival
def partitioned() -> Case:
    n, time = 10_000, np.arange(481) / 12
    weights = cycle_weights(time) * 1.03**-time
    values = [
        (draws_of(n, cost), draws_of(n, u, 0.02))
        for cost, u in ((9e3, 0.8), (2e4, 0.7), (3e4, 0.6))
    ]
    shape = [draws_of(n, s) for s in (1.0, 1.2, 1.4)]
    scale = [[draws_of(n, s * f) for s in (1.7, 3.3, 5.0)] for f in (1.0, 1.2, 1.4)]
    log_time = np.log(np.maximum(time, 1e-300))

    def value(states: list[np.ndarray], rows: slice) -> np.ndarray:
        years = [state @ weights for state in states[:-1]]
        return np.stack(
            [sum(y * v[k][rows] for y, v in zip(years, values, strict=True)) for k in (0, 1)]
        )

    def ours(rows: slice) -> list[np.ndarray]:
        out = []
        for own in scale:
            curves = [
                survival("weibull", {"shape": a[rows], "scale": b[rows]}, time)
                for a, b in zip(shape, own, strict=True)
            ]
            out.append(value(partition(curves), rows))
        return out

    def plain(rows: slice) -> list[np.ndarray]:
        out = []
        for own in scale:
            s = [
                np.exp(-np.exp(a[rows, None] * (log_time - np.log(b[rows, None]))))
                for a, b in zip(shape, own, strict=True)
            ]
            s[1] = np.minimum(s[1], s[2])
            s[0] = np.minimum(s[0], s[1])
            out.append(value([s[0], s[1] - s[0], s[2] - s[1], 1 - s[2]], rows))
        return out

    words = "partitioned survival, 10,000 draws x 3 strategies x 480 months x 4 states"
    return Case(words, "0.6 s, 250 MB", n, 250, ours, plain, 250)


# ----------------------------------------------------------------------- state transition
def markov(strategies: int, cycles: int, states: int, bar: str) -> Case:
    n, time = 10_000, np.arange(cycles + 1.0)
    names = [f"s{k}" for k in range(states)]
    weights = cycle_weights(time) * 1.03**-time
    ageing = 0.01 * 1.05 ** np.arange(cycles)
    costs = [draws_of(n, 1000.0 * k) for k in range(1, states)]
    utilities = [draws_of(n, 0.9 / k, 0.02) for k in range(1, states)]
    onward = [draws_of(n, 0.1) for _ in names[:-2]]
    back = draws_of(n, 0.2)
    effect = np.linspace(1, 0.7, strategies)

    def ours(rows: slice) -> list[np.ndarray]:
        out = []
        for ratio in effect:
            moves = {
                (a, b): (ratio * p[rows])[:, None]
                for a, b, p in zip(names, names[1:-1], onward, strict=False)
            }
            moves[names[1], names[0]] = back[rows][:, None]
            moves |= {(a, names[-1]): (k + 1) * ageing[None] / 5 for k, a in enumerate(names[:-1])}
            found = transitions.cohort(moves, names, cycles)
            years = [found.states[name] @ weights for name in names[:-1]]
            out.append(
                np.stack(
                    [
                        sum(y * v[rows] for y, v in zip(years, amounts, strict=True))
                        for amounts in (costs, utilities)
                    ]
                )
            )
        return out

    def plain(rows: slice) -> list[np.ndarray]:
        size, out = rows.stop - rows.start, []
        for ratio in effect:
            matrix = np.zeros((size, states, states))
            share = np.zeros((size, states))
            share[:, 0] = 1
            cost, qalys = 0.0, 0.0
            for cycle in range(cycles + 1):
                alive = share[:, :-1] * weights[cycle]
                cost = cost + (alive * np.stack([c[rows] for c in costs], axis=1)).sum(axis=1)
                qalys = qalys + (alive * np.stack([u[rows] for u in utilities], axis=1)).sum(axis=1)
                if cycle == cycles:
                    break
                matrix[:] = 0
                for k, p in enumerate(onward):
                    matrix[:, k, k + 1] = ratio * p[rows]
                matrix[:, 1, 0] = back[rows]
                for k in range(states - 1):
                    matrix[:, k, -1] = (k + 1) * ageing[cycle] / 5
                index = np.arange(states)
                matrix[:, index, index] = 1 - matrix.sum(axis=2)
                share = np.einsum("ni,nij->nj", share, matrix)
            out.append(np.stack([cost, qalys]))
        return out

    words = f"state transition, 10,000 draws x {strategies} strategies x {cycles} cycles x {states} states"
    return Case(words, bar, n, 2500, ours, plain, 2500)


# ---------------------------------------------------------------------------- semi-Markov
def residence() -> Case:
    n, cycles = 10_000, 360
    time = np.arange(cycles + 1) / 12
    weights = cycle_weights(time) * 1.03**-time
    background = -np.expm1(-0.01 * 1.1 ** time[:-1] / 12)[None]
    leave, scale = draws_of(n, 0.05), draws_of(n, 2.0)
    states = ("free", "progressed", "dead")

    def sojourn(rows: slice, ratio: float) -> np.ndarray:
        hazard = ratio * (time / scale[rows, None]) ** 1.2
        return -np.expm1(-np.diff(hazard, axis=1))

    def ours(rows: slice) -> list[np.ndarray]:
        out = []
        for ratio in (1.0, 0.75):
            moves = [
                semi_markov.Transition("free", "progressed", ratio * leave[rows][:, None]),
                semi_markov.Transition("free", "dead", background),
                semi_markov.Transition("progressed", "dead", 1.0, sojourn(rows, ratio)),
            ]
            found = semi_markov.cohort(moves, states, cycles, cycle=1 / 12)
            free, ill = (found.states[s] @ weights for s in states[:2])
            out.append(np.stack([1000 * free + 2000 * ill, 0.8 * free + 0.6 * ill]))
        return out

    def plain(rows: slice) -> list[np.ndarray]:
        size, out = rows.stop - rows.start, []
        for ratio in (1.0, 0.75):
            stay = 1 - sojourn(rows, ratio)
            who = np.zeros((size, cycles + 1))
            free = np.ones(size)
            years_free, years_ill = free * weights[0], 0.0
            for cycle in range(cycles):
                entering = free * ratio * leave[rows]
                free = free - entering - free * background[0, cycle]
                who[:, 1 : cycle + 2] = who[:, : cycle + 1] * stay[:, : cycle + 1]
                who[:, 0] = entering
                years_free = years_free + free * weights[cycle + 1]
                years_ill = years_ill + who[:, : cycle + 2].sum(axis=1) * weights[cycle + 1]
            out.append(
                np.stack([1000 * years_free + 2000 * years_ill, 0.8 * years_free + 0.6 * years_ill])
            )
        return out

    words = "semi-Markov, 10,000 draws x 2 strategies x 360 months, full state residence"
    return Case(words, "3 s", n, 250, ours, plain, 250)


# ------------------------------------------------------------------------- individual level
def patients() -> Case:
    n, size, horizon, r = 1000, 1000, 30.0, 0.03
    time = np.linspace(0, horizon, 721)
    scale_free, scale_after = draws_of(n, 1.2), draws_of(n, 1.0)
    states = ("free", "progressed", "dead")
    fine = np.arange(30 * 96 + 2) / 96
    discounted = Table(1 / 96, -np.expm1(-r * fine)[:, None] / r)

    def ours(rows: slice) -> list[np.ndarray]:
        draws, out = rows.stop - rows.start, []
        for ratio in (1.0, 0.8):
            moves = [
                individual.Transition(
                    "free", "progressed", ratio * ((time / scale_free[rows, None]) ** 1.1)[:, None]
                ),
                individual.Transition("free", "dead", 0.02 * time[None, None]),
                individual.Transition(
                    "progressed",
                    "dead",
                    ((time / scale_after[rows, None]) ** 0.9)[:, None],
                    "entry",
                ),
            ]
            h = individual.simulate(
                moves,
                states,
                time,
                horizon,
                individual.People(draws, size, key=7, first_draw=rows.start),
            )
            free, ill = (h.years(h.entry, h.exit, h.state == k, discounted)[:, 0] for k in (0, 1))
            out.append(np.stack([1000 * free + 2000 * ill, 0.8 * free + 0.6 * ill]))
        return out

    def plain(rows: slice) -> list[np.ndarray]:
        draws, out = rows.stop - rows.start, []
        luck = np.random.default_rng(rows.start).exponential(size=(3, draws, size))

        def lived(start: np.ndarray, end: np.ndarray) -> np.ndarray:
            return ((np.exp(-r * start) - np.exp(-r * end)) / r).mean(axis=1)

        for ratio in (1.0, 0.8):
            leaving = scale_free[rows, None] * (luck[0] / ratio) ** (1 / 1.1)
            dying = luck[1] / 0.02
            free = np.minimum(np.minimum(leaving, dying), horizon)
            after = scale_after[rows, None] * luck[2] ** (1 / 0.9)
            end = np.where(
                leaving < np.minimum(dying, horizon), np.minimum(free + after, horizon), free
            )
            a, b = lived(np.zeros_like(free), free), lived(free, end)
            out.append(np.stack([1000 * a + 2000 * b, 0.8 * a + 0.6 * b]))
        return out

    words = "individual level, 1,000 patients x 1,000 draws x 2 strategies x 3 states"
    return Case(words, "1.5 s", n, 50, ours, plain, 50)


CASES: dict[str, Callable[[], Case]] = {
    "partitioned": partitioned,
    "markov": lambda: markov(4, 75, 4, "0.15 s"),
    "markov_hips": lambda: markov(2, 60, 5, "0.2 s"),
    "semi_markov": residence,
    "individual": patients,
}


def seconds(work: Callable[[], object]) -> float:
    """Best of three, after one that compiles."""
    work()
    found = []
    for _ in range(3):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)


def measure(name: str) -> None:
    case = CASES[name]()
    ours = seconds(lambda: list(map_chunks(case.ours, chunks(case.n, case.block), THREADS)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    with threadpool_limits(limits=1):
        plain = seconds(lambda: [case.plain(rows) for rows in chunks(case.n, case.plain_block)])
    found = np.concatenate(
        [np.stack(x) for x in map(case.ours, chunks(case.n, case.block))], axis=2
    )
    other = np.concatenate(
        [np.stack(x) for x in map(case.plain, chunks(case.n, case.plain_block))], axis=2
    )
    gap = np.abs(found.mean(axis=2) / other.mean(axis=2) - 1).max()
    print(
        f"{case.words}\n  heor {ours:.3f} s (bar {case.bar}), plain NumPy on one thread {plain:.3f} s; "
        f"peak {peak:,.0f} MB; means differ by {gap:.1e}"
    )


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    for name in CASES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
