"""Time-dependent cohort model of any states (clock forward): probabilities per cycle.

Only transitions that can happen are given, each as a vector over draws, so a cycle costs a few
vector operations however many states there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heor.errors import ModelError
from heor.occupancy.state_occupancy import StateOccupancy

Transitions = Mapping[tuple[str, str], "np.ndarray | float"]
TOLERANCE = 1e-9
SHOWN = 12  # faults named one by one; the rest are counted


def cohort(
    transitions: Transitions,
    states: Sequence[str],
    cycles: int,
    start: Mapping[str, np.ndarray | float] | None = None,
) -> StateOccupancy:
    """Occupancy of a cohort that moves once a cycle at most.

    Who enters a state is first exposed in the next cycle, as models of probabilities per cycle have it;
    `heor.occupancy.continuous_time.rates` follows rates within a step.

    Parameters
    ----------
    transitions
        (origin, target) → probability per cycle, a number or dims (draw | 1, cycle | 1). Who does
        not move stays.
    states
        Names of all states.
    cycles
    start
        State → share at time zero, a number or dims (draw,); everyone is in the first by default.

    Returns
    -------
    StateOccupancy
        `parts` holds every state, and every transition's flow by the name `origin -> target`.

    Raises
    ------
    ModelError
        Probabilities outside [0, 1], or that add up to more than 1 out of a state; a state that
        is unknown or that nobody can enter; shares at the start that do not add up to 1. All at
        once, with the draw and the cycle.
    ValueError
        Dims that do not agree with each other or with the number of cycles.

    Examples
    --------
    A tenth dies in each cycle:

    >>> found = cohort({("alive", "dead"): 0.1}, ["alive", "dead"], 2)
    >>> found.states["alive"].round(12).tolist()
    [[1.0, 0.9, 0.81]]
    """
    start = {states[0]: 1.0} if start is None else start
    wide = {k: with_axes(p) for k, p in transitions.items()}
    draws = number_of_draws({f"{i} -> {j}": p for (i, j), p in wide.items()}, start, cycles)
    check(wide, states, start)
    index = {name: i for i, name in enumerate(states)}
    share = np.zeros((cycles + 1, len(states), draws))
    for name, value in start.items():
        share[0, index[name]] = value
    # Draws last: a cycle's numbers lie side by side.
    steps = [(index[i], index[j], np.ascontiguousarray(p.T)) for (i, j), p in wide.items()]
    flows = np.empty((len(steps), cycles, draws))
    for cycle in range(cycles):
        now, then = share[cycle], share[cycle + 1]
        then[:] = now
        for k, (origin, target, p) in enumerate(steps):
            moving = np.multiply(now[origin], p[cycle if len(p) > 1 else 0], out=flows[k, cycle])
            then[origin] -= moving
            then[target] += moving
    found = {name: share[:, i].T for name, i in index.items()}
    parts = {(name, None): values for name, values in found.items()}
    parts |= {(f"{i} -> {j}", None): flows[k].T for k, (i, j) in enumerate(wide)}
    return StateOccupancy(found, parts)


def with_axes(probability: np.ndarray | float) -> np.ndarray:
    """A number with dims (1, 1); an array as it is."""
    found = np.asarray(probability, float)
    return found[None, None] if found.ndim == 0 else found


def number_of_draws(
    given: Mapping[str, np.ndarray], start: Mapping[str, np.ndarray | float], cycles: int
) -> int:
    """The number of draws that all of `given`, dims (draw | 1, cycle | 1), and `start` share.

    One axis is refused: it would be draws or cycles by the accident of its length.

    Raises
    ------
    ValueError
        Other dims, or numbers of draws that differ; all at once.
    """
    problems = [
        f"{name}: dims {p.shape}; allowed: a number or (draw | 1, cycle | 1), with {cycles} cycles."
        for name, p in given.items()
        if p.ndim != 2 or p.shape[1] not in (1, cycles)
    ]
    sizes = {name: len(p) for name, p in given.items()}
    sizes |= {f"start in {state}": np.size(share) for state, share in start.items()}
    draws = max(sizes.values(), default=1)
    problems += [
        f"{name}: {n} draws; allowed: 1, or {draws} as elsewhere."
        for name, n in sizes.items()
        if n not in (1, draws)
    ]
    if problems:
        raise ValueError(" ".join(problems))
    return draws


def check(
    transitions: Mapping[tuple[str, str], np.ndarray],
    states: Sequence[str],
    start: Mapping[str, np.ndarray | float],
    leaving: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Raise ModelError, with every fault found: see `cohort`.

    `leaving`, by origin, dims (draw | 1, cycle | 1), is the chance to leave it where that is not the
    sum of its transitions.
    """
    problems = []
    for origin, target in transitions:
        problems += [
            f"{origin} -> {target}: unknown state '{s}'; allowed: {', '.join(states)}."
            for s in (origin, target)
            if s not in states
        ]
    entered = {*(target for _, target in transitions), *start}
    problems += [
        f"state '{s}': nobody can enter it; nobody starts there and no transition leads to it."
        for s in states
        if s not in entered
    ]
    problems += start_problems(states, start)
    for origin in dict.fromkeys(o for o, _ in transitions):
        own = {t: p for (o, t), p in transitions.items() if o == origin}
        for target, p in own.items():
            problems += _places(p, f"{origin} -> {target}", (p < 0) | (p > 1) | np.isnan(p))
        total = sum(own.values()) if leaving is None else leaving[origin]
        name = f"out of {origin} (to {', '.join(own)})"
        problems += _places(total, name, total > 1 + TOLERANCE)
    if problems:
        more = f" And {len(problems) - SHOWN} more." if len(problems) > SHOWN else ""
        raise ModelError("transition probabilities: " + " ".join(problems[:SHOWN]) + more)


def start_problems(states: Sequence[str], start: Mapping[str, np.ndarray | float]) -> list[str]:
    """What is wrong with the shares at time zero; empty when nothing is."""
    problems = [f"start: unknown state '{s}'." for s in start if s not in states]
    for state, share in start.items():
        found = np.ravel(np.asarray(share, float))
        wrong = found[~(np.abs(found - 0.5) <= 0.5 + TOLERANCE)]  # also true for NaN
        if wrong.size:
            problems.append(f"start: share {wrong[0]:g} of '{state}'; must lie in [0, 1].")
    total = sum(np.asarray(share, float) for share in start.values())
    if np.abs(total - 1).max() > TOLERANCE:
        problems.append("start: shares do not add up to 1 in some draw.")
    return problems


def _places(probability: np.ndarray, name: str, wrong: np.ndarray) -> list[str]:
    """Where a probability is impossible: the first place, and in how many draws."""
    if not wrong.any():
        return []
    draw, cycle = np.argwhere(wrong)[0]
    return [
        f"{name}: {probability[draw, cycle]:g} in draw {draw}, cycle {cycle} "
        f"({int(wrong.any(axis=1).sum())} draws); must lie in [0, 1]. Check its parameters."
    ]
