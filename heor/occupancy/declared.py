"""Models whose states and transitions the inputs declare, under any structure but partitioned survival.

A transition is a rate per year or a probability of a period, an expression of parameters and of
time, age, time_in_state and the population's mortality (`heor.problem.strategy.CLOCKS`). Rates are
integrated over steps of at most a month, whatever the cycle; out of a state they compete, and who
moves may move on in what is left of the step (`heor.occupancy.continuous_time.rates`).

Where some transition is a probability, everyone moves once a step at most and is first exposed in the
next, and a step is the shortest period of a probability. A probability of a longer period becomes one
of the step as if the hazards out of the state were constant through the period and competed: those
who leave it are as many at the period's end, and each transition keeps its share of them. Who has
moved may then move on within the period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heor.errors import ModelError
from heor.occupancy import transitions
from heor.occupancy.continuous_time.integrals import Mesh
from heor.occupancy.declaration import CHANGING, Declared, in_residence
from heor.occupancy.state_occupancy import Residence, StateOccupancy
from heor.problem.expressions import evaluate, names_in
from heor.problem.strategy import TransitionInput
from heor.streams import Streams
from heor.survival.curves.process import Grid

GOLDEN = (np.sqrt(5) - 1) / 2


def state_transition(model: Declared) -> StateOccupancy:
    """Clock forward."""
    if not model.has_probabilities:
        return replace(_by_rates(model), residence=None)
    grid = model.grid
    found = {
        (t.origin, t.target): by_time
        for members in model.by_origin().values()
        for t, by_time, _ in _probabilities(model, members, grid)
    }
    occupancy = transitions.cohort(found, model.states, grid.steps, model.start)
    return _at_cycles(occupancy, model, grid)


def semi_markov(model: Declared) -> StateOccupancy:
    """Clock reset where a transition depends on time in state."""
    from heor.occupancy import semi_markov as engine  # compiled: only where it is used

    if not model.has_probabilities:
        return _by_rates(model)
    grid = model.grid
    found = [
        engine.Transition(t.origin, t.target, by_time, by_residence)
        for members in model.by_origin().values()
        for t, by_time, by_residence in _probabilities(model, members, grid)
    ]
    occupancy = engine.cohort(found, model.states, grid.steps, model.start, grid.step)
    return _at_cycles(occupancy, model, grid)


def _by_rates(model: Declared) -> StateOccupancy:
    """In continuous time, rates integrated over steps."""
    from heor.occupancy.continuous_time import rates  # compiled: only where it is used

    grid = model.grid
    mesh = Mesh(grid.step, grid.steps)
    reset = {
        origin: [model.rate(t, mesh)[0] for t in members if in_residence(t)]
        for origin, members in model.by_origin().items()
    }
    sojourns = {origin: mesh.since_entry(found) for origin, found in reset.items() if found}
    changing = any(names_in(t.expression) & CHANGING for t in model.strategy.transitions)
    if changing and not sojourns:
        mesh = Mesh(grid.step, grid.steps, divided=True)
    moves = [
        rates.Move(t.origin, t.target, None if in_residence(t) else model.spread(t, mesh))
        for t in model.strategy.transitions
    ]
    size, start = (grid.steps, grid.step), model.start
    found = rates.cohort(moves, sojourns, model.states, *size, start, mesh.divided)
    return _at_cycles(found, model, grid)


def _at_cycles(found: StateOccupancy, model: Declared, grid: Grid) -> StateOccupancy:
    """Occupancy on steps at the cycle boundaries, and flows by cycle."""
    time = model.time
    if len(time) == grid.steps + 1 and abs(time[-1] - grid.time[-1]) < 1e-9:
        return found
    states = {name: grid.at(share, time) for name, share in found.states.items()}
    parts = {
        key: grid.at(a, time) if key[0] in states else grid.by_cycle(a, time)
        for key, a in found.parts.items()
    }
    residence = found.residence and AtCycles(found.residence, grid, time)
    return StateOccupancy(states, parts, residence=residence)


@dataclass(frozen=True)
class AtCycles:
    """Time in state followed in steps, told at the cycle boundaries."""

    residence: Residence
    grid: Grid
    time: np.ndarray

    def since_entry(
        self, state: str, group: str | None, start: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        return self.grid.at(self.residence.since_entry(state, group, start, end), self.time)

    def after(self, flow, group, start, end, lasting) -> np.ndarray:
        return self.grid.at(self.residence.after(flow, group, start, end, lasting), self.time)


def _probabilities(
    model: Declared, own: Sequence[TransitionInput], grid: Grid
) -> list[tuple[TransitionInput, np.ndarray | float, np.ndarray | None]]:
    """Probabilities per step out of one state: transition, by time, by time in state."""
    reset = [in_residence(t) for t in own]
    if own[0].rate is None:
        found, rescaled = _of_steps(model, own, grid)
        if rescaled and any(reset):  # together, by time in state: the others are constant
            reset = [True] * len(own)
        return [
            (t, 1.0, np.broadcast_to(p, (len(p), grid.steps))) if r else (t, p, None)
            for t, p, r in zip(own, found, reset, strict=True)
        ]
    mesh = Mesh(grid.step, grid.steps)
    hazards = [model.spread(t, mesh).total for t in own]
    forward = sum((v for v, r in zip(hazards, reset, strict=True) if not r), 0.0)
    since = sum((v for v, r in zip(hazards, reset, strict=True) if r), 0.0)
    out = []
    for t, hazard, r in zip(own, hazards, reset, strict=True):
        total, other = (since, forward) if r else (forward, since)
        share = np.divide(hazard, total, out=np.zeros(np.shape(total)), where=total > 0)
        moving = -share * np.expm1(-total)
        # each kind acts on those the other has left, half of the step on average
        half = 0.5 * (1 + np.exp(-other)) if np.ndim(other) else None
        out.append((t, 1.0 if half is None else half, moving) if r else (t, moving, half))
    return out


def _of_steps(
    model: Declared, own: Sequence[TransitionInput], grid: Grid
) -> tuple[list[np.ndarray], bool]:
    """Probabilities of a step, dims of each (draw | 1, step | 1), and whether they were rescaled."""
    period, edges = model.period(own[0]), grid.time[:-1]
    same = abs(period - grid.step) < 1e-9
    # a probability holds from the start of its period to the end
    begins = edges if same else np.floor(edges / period + 1e-9) * period
    found = [
        model.evaluated(t, begins, model.mortality(begins, begins + period))
        if "background" in names_in(t.expression)
        else model.evaluated(t, begins)
        for t in own
    ]
    total = sum(found)
    if same:
        return found, False
    if period > grid.step and (total >= 1).any():
        draw = int(np.argwhere(total >= 1)[0][0])
        raise ModelError(
            f"{model.strategy.name}: in draw {draw} of a block everyone leaves '{own[0].origin}' within "
            f"{period:.4g} years (its probabilities add up to {total.max():g}), which no probability of a step "
            f"of {grid.step:.3g} years gives. Set analysis.cycle to that period, or write rates."
        )
    leaving = -np.expm1(np.log1p(-np.minimum(total, 1.0)) * grid.step / period)
    each = np.divide(leaving, total, out=np.zeros(np.shape(total)), where=total > 0)
    return [p * each for p in found], True


def individual(model: Declared, patients: int, seed: int, first_draw: int) -> StateOccupancy:
    """Continuous time; rates only."""
    from heor.occupancy.individual import People, Transition, simulate
    from heor.occupancy.patients import PatientHistories

    grid = Grid.of(model.time)
    mesh = Mesh(grid.step, grid.steps)
    found = []
    for t in model.strategy.transitions:
        rate, changes = model.rate(t, mesh)
        if not changes:
            rate = np.broadcast_to(rate, (len(rate), grid.steps))[:, mesh.step_of]
        hazard = np.zeros((model.draws.n, 1, len(mesh.edges)))
        np.cumsum(mesh.over_pieces(rate), axis=1, out=hazard[:, 0, 1:])
        clock = "entry" if in_residence(t) else "start"
        found.append(Transition(t.origin, t.target, hazard, clock, _ratio(model, t, patients)))
    histories = simulate(
        found,
        model.states,
        mesh.edges,
        model.time[-1],
        People(
            model.draws.n,
            patients,
            Streams(seed).key("patients"),
            first_draw,
            start=_starting(model, patients),
        ),
    )
    flows = {t.name: (t.origin, t.target) for t in model.strategy.transitions}
    states = histories.occupancy(model.time)
    return StateOccupancy(states, {}, patients=PatientHistories(histories, {}, flows))


def _ratio(model: Declared, transition: TransitionInput, patients: int) -> np.ndarray | None:
    """Hazard ratio of each patient, spread over the rows of the covariates. Dims: (draw | 1, patient)."""
    if transition.hazard_ratio == "1":
        return None
    used, covariates = names_in(transition.hazard_ratio), model.context.problem.covariates
    # Spread over the rows in an order of their own: neither sorted rows nor starting states matter.
    spread_over = (np.arange(1, patients + 1) * GOLDEN) % 1
    names = {
        k: covariates[k][(spread_over * len(covariates[k])).astype(int)][None]
        for k in used
        if k in covariates
    }
    names |= {k: model.draws.values[k][:, None] for k in used if k in model.draws.values}
    found = np.atleast_2d(np.asarray(evaluate(transition.hazard_ratio, names), float))
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ModelError(
            f"{model.strategy.name}: hazard_ratio of {transition.name} is {found.min():g} for a patient; it "
            f"must be finite and at least 0. Check '{transition.hazard_ratio}' and the covariates."
        )
    return found


def _starting(model: Declared, patients: int) -> np.ndarray:
    """State of each patient at time zero, spread by the shares. Dims: (draw, patient)."""
    from heor.occupancy.patients import spread

    shares: Mapping[str, np.ndarray] = model.start
    wrong = [s for s, share in shares.items() if (share < 0).any() or (share > 1).any()]
    if wrong or np.abs(sum(shares.values()) - 1).max() > 1e-9:
        raise ModelError(
            f"{model.strategy.name}: start: shares leave [0, 1] or do not add up to 1 in some draw "
            f"({', '.join(wrong) or 'their sum'}). Check their expressions."
        )
    none = np.zeros(model.draws.n)
    return spread(np.stack([shares.get(s, none) for s in model.states], axis=1), patients)
