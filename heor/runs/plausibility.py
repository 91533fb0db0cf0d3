"""Results that are legal and seldom right: what only a run can know. They join what was found in the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.integrate import trapezoid

from heor.findings import Finding, shown
from heor.inputs.plausibility.surroundings import origin
from heor.problem.curve_types import RelativeCurve
from heor.problem.evidence import SurvivalEvidence
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.runs.results import Results

ALIVE = 0.02
EXTRAPOLATED = 0.6
#: Years that have a utility over years lived.
VALUED = 0.02
#: A dominant result: QALYs gained, and the share of the comparator's cost that is saved.
GAINED, SAVED = 0.05, 0.05
TIMES_THE_QALYS = 2.0


def look_at_results(results: Results) -> tuple[Finding, ...]:
    """What is worth a look in the results of a run."""
    return tuple(found for check in CHECKS.values() for found in check(results))


def joined(inputs: Sequence[Finding], results: Results) -> tuple[Finding, ...]:
    """One list: what was found in the inputs, less what the run now knows better, and in the results."""
    kept = (f for f in inputs if f.check not in CHECKS)
    return (*kept, *look_at_results(results))


def horizon(results: Results) -> Iterator[Finding]:
    """Patients who are alive where the horizon ends."""
    problem, last = results.problem, results.simulation.occupancy.isel(time=-1)
    alive = {n: 1 - float(last.sel(strategy=n, state="dead")) for n in problem.strategies}
    most = {n: share for n, share in alive.items() if share > ALIVE}
    if most:
        listed = ", ".join(
            f"{share:.0%} ({problem.strategies[n].label})" for n, share in most.items()
        )
        yield Finding(
            "horizon",
            str(origin(problem, "analysis.end_age")),
            f"at age {problem.settings.end_age:g}, where the horizon ends, {listed} are alive",
            "where treatments differ in survival, costs and effects are usually followed until nearly all have "
            "died",
            "Lengthen it (analysis.end_age), or say why it ends there.",
        )


def extrapolation(results: Results) -> Iterator[Finding]:
    """Life years that are usually lived after the last patient of the evidence."""
    problem = results.problem
    time, occupancy = problem.time, results.simulation.occupancy
    for name, strategy in problem.strategies.items():
        evidence = _evidence_of(problem, strategy)
        if evidence is None:
            continue
        last = evidence.last_time
        alive = 1 - occupancy.sel(strategy=name, state="dead").to_numpy()
        grid = np.union1d(time, [min(last, time[-1])])
        curve = np.interp(grid, time, alive)
        later = trapezoid(curve[grid >= last], grid[grid >= last]) / trapezoid(curve, grid)
        if later > EXTRAPOLATED:
            yield Finding(
                "extrapolation",
                str(evidence.origin),
                f"{later:.0%} of the life years with {strategy.label} are lived after the last time of "
                f"{evidence.name} ({12 * last:.0f} months)",
                f"the part that is extrapolated is usually below {EXTRAPOLATED:.0%}",
                "Look for longer follow-up, external data (external:) or an opinion on long-term survival.",
            )


def _evidence_of(problem: DecisionProblem, strategy: Strategy) -> SurvivalEvidence | None:
    """The evidence that survival of a strategy rests on, directly or relative to another."""
    seen: set[str] = set()
    while strategy.name not in seen:
        seen.add(strategy.name)
        curve = strategy.curves.get(problem.settings.endpoints[-1])
        if isinstance(curve, RelativeCurve):
            strategy = problem.strategies[curve.relative_to]
            continue
        return problem.evidence.get(getattr(curve, "evidence", ""))
    return None


def years_without_utility(results: Results) -> Iterator[Finding]:
    """Years of life that no utility is given for, or that two are."""
    problem, simulation = results.problem, results.simulation
    means = simulation.exposures.set_index(["strategy", "exposure"])["mean"]
    outcomes = simulation.outcomes
    lived = outcomes.component("life_years_undiscounted").mean(axis=0)
    for name, years in zip(outcomes.strategies, lived, strict=True):
        strategy = problem.strategies[name]
        items = [u for u in strategy.utilities.values() if u.multiplier is not None]
        valued = sum(float(means.loc[(name, u.exposure)]) for u in items)
        if years <= 0 or abs(valued / years - 1) <= VALUED:
            continue
        less = valued < years
        yield Finding(
            "years_without_utility",
            str(origin(problem, f"strategies.{name}.utilities")),
            f"with {strategy.label} {years:.2f} years are lived, and {valued:.2f} years have a utility",
            "each year lived has one utility; "
            + ("years without one count as dead" if less else "two add up"),
            "Compare the exposures of its utilities: is there a gap?"
            if less
            else "Do two of them overlap?",
        )


def dominance(results: Results) -> Iterator[Finding]:
    """An intervention that gains health and saves much of what the comparator costs."""
    problem = results.problem
    cost, qalys, other = _increments(results)
    if qalys > GAINED and -cost > SAVED * other["cost"] > 0:
        yield Finding(
            "dominance",
            str(origin(problem, "analysis.intervention")),
            f"{problem.strategies[problem.settings.intervention].label} gains {qalys:.2f} QALYs and saves "
            f"{shown(-cost)} {problem.country.currency}, {-cost / other['cost']:.0%} of the comparator's cost",
            "few new treatments are better and cheaper; most gain health at a cost",
            "Are all its costs charged, and in one unit and money? See `tables/costs` and `heor show`.",
        )


def large_effect(results: Results) -> Iterator[Finding]:
    """An intervention that gains more QALYs than the comparator has."""
    problem = results.problem
    _, qalys, other = _increments(results)
    if qalys > (TIMES_THE_QALYS - 1) * other["qalys"] > 0:
        yield Finding(
            "large_effect",
            str(origin(problem, "analysis.intervention")),
            f"{problem.strategies[problem.settings.intervention].label} gains {qalys:.2f} QALYs, and the "
            f"comparator has {other['qalys']:.2f}",
            "few treatments more than double the QALYs of patients",
            "Look at its hazard ratios, its cured share and the evidence behind its curves.",
        )


def _increments(results: Results) -> tuple[float, float, dict[str, float]]:
    """Mean difference of cost and QALYs, and the comparator's means."""
    outcomes, settings = results.simulation.outcomes, results.problem.settings
    own, other = (
        {"cost": float(outcomes.cost[:, i].mean()), "qalys": float(outcomes.qalys[:, i].mean())}
        for i in map(outcomes.strategies.index, (settings.intervention, settings.comparator))
    )
    return own["cost"] - other["cost"], own["qalys"] - other["qalys"], other


#: Name → check. One that bears the name of a check of the inputs replaces it.
CHECKS: dict[str, Callable[[Results], Iterator[Finding]]] = {
    "horizon": horizon,
    "extrapolation": extrapolation,
    "years_without_utility": years_without_utility,
    "dominance": dominance,
    "large_effect": large_effect,
}
