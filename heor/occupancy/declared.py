"""Models whose states and transitions the inputs declare, under any structure but partitioned survival.

A transition is a rate per year or a probability per cycle, an expression of parameters and of
time, age, time_in_state and the population's mortality (`heor.inputs.problem.CLOCKS`). Rates are
taken at the middle of steps of at most a month, whatever the cycle; out of a state they compete, and
who moves may move on in the half step that is left.
With a the chance of no event from rates by time and b that from rates by time in state, those who
leave, 1 - ab, are shared as (1 - a)(1 + b) / 2 and (1 - b)(1 + a) / 2: each cause acts on those the
other has left, half of the cycle on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from heor.errors import ModelError
from heor.inputs.expressions import evaluate, names_in
from heor.inputs.problem import Strategy, TransitionInput
from heor.occupancy import transitions
from heor.occupancy.state_occupancy import Residence, StateOccupancy
from heor.parameters.draws import Draws
from heor.streams import Streams
from heor.survival.background import cumulative_hazard
from heor.survival.curves import CurveContext
from heor.survival.process import Grid

RESIDENCE = "time_in_state"
#: Longest step (years) in which rates are followed.
LONGEST_STEP = 1 / 12
GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Declared:
    """A strategy's declared transitions in a block of draws.

    Attributes
    ----------
    context : CurveContext
    strategy : Strategy
    time : ndarray, dims (time,)
        Cycle boundaries, years.
    """

    context: CurveContext
    strategy: Strategy
    time: np.ndarray

    @property
    def states(self) -> tuple[str, ...]:
        return self.context.problem.settings.states

    @property
    def draws(self) -> Draws:
        return self.context.draws

    @property
    def start(self) -> dict[str, np.ndarray]:
        """Share in each state at time zero. Dims: draw."""
        given = self.strategy.start or {self.states[0]: "1"}
        return {state: self.draws.value(share) for state, share in given.items()}

    def values(self, transition: TransitionInput, edges: np.ndarray) -> np.ndarray:
        """A rate at the middle of each step, or a probability at its start. Dims: (draw | 1, step | 1).

        `edges`, dims (step + 1,), count from the start or, for what depends on time in state, from
        entry.
        """
        at = edges[:-1] if transition.rate is None else 0.5 * (edges[1:] + edges[:-1])
        problem, used = self.context.problem, names_in(transition.expression)
        names: dict[str, np.ndarray] = {"time": at[None], RESIDENCE: at[None]}
        names["age"] = problem.start_age + at[None]
        if "background" in used:
            table, age, share = problem.country.life_table, problem.start_age, problem.share_male
            reached = cumulative_hazard(table, age, share, edges)
            names["background"] = (np.diff(reached) / np.diff(edges))[None]
        names |= {k: self.draws.values[k][:, None] for k in used if k in self.draws.values}
        found = np.atleast_2d(np.asarray(evaluate(transition.expression, names), float))
        wrong = ~(found >= 0) | ~np.isfinite(found)
        if wrong.any():
            draw, step = np.argwhere(wrong)[0]
            kind = "rate" if transition.probability is None else "probability"
            raise ModelError(
                f"{self.strategy.name}: {kind} {transition.name} is {found[draw, step]:g} in draw {draw} of "
                f"a block, {at[step if found.shape[1] > 1 else 0]:.3g} years; it must be at least 0. Check "
                f"'{transition.expression}'."
            )
        return found

    def by_origin(self) -> dict[str, list[TransitionInput]]:
        found: dict[str, list[TransitionInput]] = {}
        for transition in self.strategy.transitions:
            found.setdefault(transition.origin, []).append(transition)
        return found


def in_residence(transition: TransitionInput) -> bool:
    """Whether it depends on time in state."""
    return RESIDENCE in names_in(transition.expression)


def state_transition(model: Declared) -> StateOccupancy:
    """Clock forward."""
    own, grid = _in_steps(model)
    found = {
        (t.origin, t.target): by_time
        for members in own.by_origin().values()
        for t, by_time, _ in _probabilities(own, members)
    }
    steps = len(own.time) - 1
    return _at_cycles(
        transitions.cohort(found, own.states, steps, own.start, grid is not None), model, grid
    )


def semi_markov(model: Declared) -> StateOccupancy:
    """Clock reset where a transition depends on time in state."""
    from heor.occupancy import semi_markov as engine  # compiled: only where it is used

    own, grid = _in_steps(model)
    found = [
        engine.Transition(t.origin, t.target, by_time, by_residence)
        for members in own.by_origin().values()
        for t, by_time, by_residence in _probabilities(own, members)
    ]
    steps, step = len(own.time) - 1, float(own.time[1] - own.time[0])
    occupancy = engine.cohort(found, own.states, steps, own.start, step, grid is not None)
    return _at_cycles(occupancy, model, grid)


def _in_steps(model: Declared) -> tuple[Declared, Grid | None]:
    """The model on equal steps short enough for its rates; as it is with probabilities per cycle."""
    if any(t.rate is None for t in model.strategy.transitions):
        return model, None
    grid = Grid.of(model.time, LONGEST_STEP)
    return replace(model, time=grid.time), grid


def _at_cycles(found: StateOccupancy, model: Declared, grid: Grid | None) -> StateOccupancy:
    """Occupancy on steps at the cycle boundaries, and flows by cycle."""
    if grid is None:
        return found
    time = model.time
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
    model: Declared, own: list[TransitionInput]
) -> list[tuple[TransitionInput, np.ndarray | float, np.ndarray | None]]:
    """Probabilities per cycle out of one state: transition, by time, by time in state."""
    reset = [in_residence(t) for t in own]
    # Who comes within a step has been there for half of it at its end.
    shift = 0.5 * (model.time[1] - model.time[0]) if own[0].rate is not None else 0.0
    values = [model.values(t, model.time + shift * r) for t, r in zip(own, reset, strict=True)]
    if own[0].rate is None:
        return [
            (t, 1.0, _wide(p, model)) if r else (t, p, None)
            for t, p, r in zip(own, values, reset, strict=True)
        ]
    lengths = np.diff(model.time)[None]
    forward = sum((v * lengths for v, r in zip(values, reset, strict=True) if not r), 0.0)
    since = sum((_wide(v, model) * lengths for v, r in zip(values, reset, strict=True) if r), 0.0)
    out = []
    for t, rate, r in zip(own, values, reset, strict=True):
        total, other = (since, forward) if r else (forward, since)
        share = np.divide(rate * lengths, total, out=np.zeros(np.shape(total)), where=total > 0)
        moving = -share * np.expm1(-total)
        half = 0.5 * (1 + np.exp(-other)) if np.ndim(other) else None
        out.append((t, 1.0 if half is None else half, moving) if r else (t, moving, half))
    return out


def _wide(values: np.ndarray, model: Declared) -> np.ndarray:
    """One column a cycle."""
    return np.broadcast_to(values, (len(values), len(model.time) - 1))


def individual(model: Declared, patients: int, seed: int, first_draw: int) -> StateOccupancy:
    """Continuous time; rates only."""
    from heor.occupancy.individual import Transition, simulate
    from heor.occupancy.patients import PatientHistories

    grid = Grid.of(model.time)
    found = []
    for t in model.strategy.transitions:
        rate = np.broadcast_to(model.values(t, grid.time), (model.draws.n, grid.steps))
        hazard = np.zeros((model.draws.n, 1, grid.steps + 1))
        np.cumsum(rate * grid.step, axis=1, out=hazard[:, 0, 1:])
        clock = "entry" if in_residence(t) else "start"
        found.append(Transition(t.origin, t.target, hazard, clock, _ratio(model, t, patients)))
    histories = simulate(
        found,
        model.states,
        grid.time,
        model.time[-1],
        draws=model.draws.n,
        patients=patients,
        key=Streams(seed).key("patients"),
        first_draw=first_draw,
        start=_starting(model, patients),
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
