"""What the length of the cycle does to models of declared transitions, at the parameters' means."""

from __future__ import annotations

import numpy as np

from heor.errors import ModelError
from heor.occupancy.declaration import Declared
from heor.occupancy.declared import semi_markov, state_transition
from heor.parameters.draws import Draws, add_derived, central_values
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy
from heor.problem.units import in_months
from heor.survival.curves.strategy_curves import CurveContext

MODELS = {"state_transition": state_transition, "semi_markov": semi_markov}
#: Share of the life years by which time in a state may move when the cycle is halved.
MOST = 1e-3


def remarks(problem: DecisionProblem) -> list[str]:
    """Where a cycle is too long for the rates, and what became of probabilities of another period."""
    if problem.settings.model not in MODELS:
        return []
    values = {name: np.array([value]) for name, value in central_values(problem).items()}
    context = CurveContext(problem, Draws(add_derived(problem, values)), {}, {})
    found = []
    for strategy in problem.strategies.values():
        if strategy.transitions:
            try:
                found += _of_strategy(context, strategy)
            except ModelError:  # the draws tell
                continue
    return found


def _of_strategy(context: CurveContext, strategy: Strategy) -> list[str]:
    cycle = context.problem.settings.cycle
    model = Declared(context, strategy, context.problem.time)
    now = _years(model, cycle)
    if not model.has_probabilities:
        return _too_long(strategy, cycle, now, _years(model, cycle / 2))
    periods = {model.period(t) for t in strategy.transitions if t.rate is None}
    others = sorted(p for p in periods if abs(p - model.grid.step) > 1e-9)
    if not others:
        return []
    alive, then = (sum(y.values()) for y in (now, _years(model, others[-1])))
    return [
        f"{strategy.label}: probabilities per {' and '.join(map(in_months, others))} are followed in steps of "
        f"{in_months(model.grid.step)}, as constant hazards that compete; whoever has moved may move on within "
        f"the period. At the parameters' means that gives {alive:.4g} life years (undiscounted), and cycles "
        f"of {in_months(others[-1])} give {then:.4g}."
    ]


def _too_long(
    strategy: Strategy, cycle: float, now: dict[str, float], half: dict[str, float]
) -> list[str]:
    """The state whose time moves most when the cycle is halved, where that is too much."""
    alive = sum(half.values())
    state = max(now, key=lambda s: abs(now[s] - half[s]))
    moved = abs(now[state] - half[state])
    if moved <= MOST * alive:
        return []
    return [
        f"{strategy.label}: a cycle of {in_months(cycle)} is long for its rates. At the parameters' means "
        f"patients are {now[state]:.4g} years in '{state}', and {half[state]:.4g} with cycles half as long "
        f"(life years {sum(now.values()):.4g} and {alive:.4g}, undiscounted, by the trapezoid). Shorten "
        "analysis.cycle."
    ]


def _years(model: Declared, cycle: float) -> dict[str, float]:
    """Undiscounted years in each state but death, by the trapezoid over cycles of this length."""
    horizon = float(model.time[-1])
    time = np.append(cycle * np.arange(int(np.ceil(horizon / cycle - 1e-9))), horizon)
    other = Declared(model.context, model.strategy, time)
    states = MODELS[model.context.problem.settings.model](other).states
    return {s: float(np.trapezoid(a[0], time)) for s, a in states.items() if s != "dead"}
