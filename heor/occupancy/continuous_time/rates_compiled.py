"""The compiled loops of `heor.occupancy.continuous_time.rates`.

Time runs from 0 to 1 within a step, and what flows in it is described by two numbers: how much, n, and
its tilt, d. At x flows n + d (2x - 1), so on average at 1/2 + d / (6 n). With r the hazard of a step,
phi_0 = exp(-r) and phi_m = (1 / (m - 1)! - phi_(m-1)) / r are the integrals a constant hazard gives:
phi_1 is the time spent by those who are there at the start of the step, phi_2 by those who enter evenly.

Everything that follows from an n and a d is linear in them, so a step has coefficients: `entrants`, of
each move four (how many leave by n and by d, and their tilt); `remain`, of each state four (who is left
by rates of time alone, and their tilt); `there`, of each move two (of those who are there at the start).
They are made anew only when a rate changes.

Moves are in the order of their origins: those of state s are numbers first[s] to end[s] - 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heor.occupancy.continuous_time.sojourn_compiled import SMALLEST, sums, weighted_sum

#: Who still moves on within a step, as a share of the cohort, that is not followed further.
NOBODY = 1e-9
#: Moves of a person within a step that are followed.
MOST_MOVES = 1000
#: Tilt, per person, of people who all move at the end of the step.
FURTHEST = 3.0


class Graph(NamedTuple):
    """Who may move where.

    `target`, `forward` (by time since the start) of each move; `first`, `end` of each state, and `law`:
    whether it is left by time in state.
    """

    target: np.ndarray
    forward: np.ndarray
    first: np.ndarray
    end: np.ndarray
    law: np.ndarray


class OfDraw(NamedTuple):
    """The rates of one draw by step: of each move total, tilt, share and leaving; of each state start,
    mean and early (see `heor.occupancy.continuous_time.rates`)."""

    totals: np.ndarray
    tilts: np.ndarray
    shares: np.ndarray
    leaving: np.ndarray
    starts: np.ndarray
    means: np.ndarray
    earlies: np.ndarray


class OfStep(NamedTuple):
    """What changes from step to step: rates, coefficients and people.

    `rate, tilt, flow, weight`, dims (move,); `phi` (state, 5); `entrants` (move, 4); `there` (move, 2);
    `remain` (state, 4). Of states with a law, by entrants of a step, the latest first: `cells`
    (2, state, step) and `held` (3, state), see `_leave_by_entry`. Who comes, comes then and is kept:
    how many, and how unevenly, dims (2, state).
    """

    rate: np.ndarray
    tilt: np.ndarray
    flow: np.ndarray
    weight: np.ndarray
    phi: np.ndarray
    entrants: np.ndarray
    there: np.ndarray
    remain: np.ndarray
    cells: np.ndarray
    held: np.ndarray
    come: np.ndarray
    then: np.ndarray
    kept: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def run(begin, steps, graph, given):
    """Shares (draw, time, state), flows (draw, step, move), who is there by entry (see `ByEntry`), and
    the largest share of the cohort that still moved when a step ended.

    Parameters
    ----------
    begin : ndarray, dims (draw, state)
    steps
    graph : Graph
    given : tuple
        The fields of `OfDraw`, stacked over draws. What does not depend on the step has one column.
    """
    target, first, end, law = graph.target, graph.first, graph.end, graph.law
    (draws, states), moves = begin.shape, len(target)
    share = np.zeros((draws, steps + 1, states))
    flows = np.zeros((draws, steps, moves))
    starters = np.zeros((draws, states, steps + 1))
    entered = np.zeros((2, draws, states, steps))
    own = OfDraw(
        np.zeros((moves, steps)),
        np.zeros((moves, steps)),
        np.zeros((moves, steps)),
        np.zeros((moves, steps)),
        np.zeros((states, steps + 1)),
        np.zeros((states, steps)),
        np.zeros((states, steps)),
    )
    work = OfStep(
        np.zeros(moves),
        np.zeros(moves),
        np.zeros(moves),
        np.zeros(moves),
        np.zeros((states, 5)),
        np.zeros((moves, 4)),
        np.zeros((moves, 2)),
        np.zeros((states, 4)),
        np.zeros((2, states, steps)),
        np.zeros((3, states)),
        np.zeros((2, states)),
        np.zeros((2, states)),
        np.zeros((2, states)),
    )
    now, unsettled = np.zeros(states), 0.0
    for draw in range(draws):
        _fill(given[0], draw, own.totals)
        _fill(given[1], draw, own.tilts)
        _fill(given[2], draw, own.shares)
        _fill(given[3], draw, own.leaving)
        _fill(given[4], draw, own.starts)
        _fill(given[5], draw, own.means)
        _fill(given[6], draw, own.earlies)
        work.rate[:] = np.nan
        for s in range(states):
            now[s] = starters[draw, s, 0] = share[draw, 0, s] = begin[draw, s]
            work.held[0, s], work.held[1, s], work.held[2, s] = 1.0, 0.0, 0.0
        for c in range(steps):
            for s in range(states):
                _begin_step(c, s, graph, own, work)
            for s in range(states):
                present = starters[draw, s, c]
                if law[s]:
                    starters[draw, s, c + 1] = _leave_by_entry(c, s, present, graph, own, work)
                else:
                    starters[draw, s, c + 1] = present * work.phi[s, 0]
                    _leave(s, now[s], graph, work)
            unsettled = max(unsettled, _enter(graph, work))
            for s in range(states):
                for k in range(first[s], end[s]):
                    flows[draw, c, k] = work.flow[k]
                    now[s] -= work.flow[k]
                    now[target[k]] += work.flow[k]
            for s in range(states):
                now[s] = max(now[s], 0.0)
                share[draw, c + 1, s] = now[s]
                entered[0, draw, s, c], entered[1, draw, s, c] = work.kept[0, s], work.kept[1, s]
                if law[s]:
                    _hold(c, s, own, work)
    return share, flows, starters, entered, unsettled


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _begin_step(c, s, graph, own, work):
    """The rates of a step, and its coefficients where they change; nobody has moved yet."""
    changed = c == 0
    for k in range(graph.first[s], graph.end[s]):
        changed = changed or work.rate[k] != own.totals[k, c] or work.tilt[k] != own.tilts[k, c]
        work.rate[k], work.tilt[k] = own.totals[k, c], own.tilts[k, c]
        work.flow[k] = 0.0
    if changed:
        _phis(s, graph, work)
        if graph.law[s]:
            _coefficients_by_entry(s, graph, own, work)
        else:
            _coefficients(s, graph, work)
    for i in range(2):
        work.come[i, s] = work.then[i, s] = work.kept[i, s] = 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _leave(s, present, graph, work):
    """Those in a state without a law at the start of the step leave it."""
    for k in range(graph.first[s], graph.end[s]):
        n = present * work.there[k, 0]
        work.flow[k] += n
        work.come[0, graph.target[k]] += n
        work.come[1, graph.target[k]] += _within(present * work.there[k, 1], n)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(stack, draw, found):
    """The rows of a draw, each with a column for every step."""
    flat, begins, by_draw, by_column = stack
    for i in range(len(begins)):
        begin = begins[i] + draw * by_draw[i]
        for c in range(found.shape[1]):
            found[i, c] = flat[begin + c * by_column[i]]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _within(d, n):
    """The tilt of n people, who all move within the step."""
    return min(max(d, -FURTHEST * n), FURTHEST * n)


@njit(cache=True, nogil=True, error_model="numpy")
def _phis(s, graph, work):
    """phi_0 to phi_4 of a state, and who remains."""
    rate, phi, remain = work.rate, work.phi, work.remain
    r = 0.0
    for k in range(graph.first[s], graph.end[s]):
        r += rate[k]
    if r < 1.0:  # the series from phi_4 on, where the quotients would lose digits
        term = 1.0 / 24
        p4 = term
        for j in range(5, 25):
            term *= -r / j
            p4 += term
            if abs(term) < 1e-18:
                break
        p3 = 1.0 / 6 - r * p4
        p2 = 0.5 - r * p3
        p1 = 1.0 - r * p2
        p0 = 1.0 - r * p1
    else:
        p0 = np.exp(-r)
        p1 = (1.0 - p0) / r
        p2 = (1.0 - p1) / r
        p3 = (0.5 - p2) / r
        p4 = (1.0 / 6 - p3) / r
    phi[s, 0], phi[s, 1], phi[s, 2], phi[s, 3], phi[s, 4] = p0, p1, p2, p3, p4
    remain[s, 0], remain[s, 1] = p1, 2 * p2 - p1
    remain[s, 2], remain[s, 3] = 3 * (2 * p2 - p1), 3 * (p1 - 4 * p2 + 8 * p3)


@njit(cache=True, nogil=True, error_model="numpy")
def _coefficients(s, graph, work):
    """Those of the moves out of a state by rates of time alone."""
    first, end = graph.first, graph.end
    rate, tilt, phi, there, entrants = work.rate, work.tilt, work.phi, work.there, work.entrants
    p1, p2, p3, p4 = phi[s, 1], phi[s, 2], phi[s, 3], phi[s, 4]
    lean = 0.0
    for k in range(first[s], end[s]):
        tilt[k] = min(max(tilt[k], -rate[k]), rate[k])
        lean += tilt[k]
    for k in range(first[s], end[s]):
        r, d = rate[k], tilt[k]
        there[k, 0] = max(r * (p1 + lean * (p2 - 2 * p3)) + d * (p1 - 2 * p2), 0.0)
        there[k, 1] = 3 * (r * (p1 - 2 * p2) + d * (p1 - 4 * p2 + 8 * p3))
        entrants[k, 0] = r * p2 + d * (p2 - 2 * p3)
        entrants[k, 1] = r * (2 * p3 - p2) + d * (4 * p3 - 4 * p4 - p2)
        entrants[k, 2] = 3 * (r * (p2 - 2 * p3) + d * (p2 - 4 * p3 + 8 * p4))
        entrants[k, 3] = 3 * r * (4 * p3 - 4 * p4 - p2)


@njit(cache=True, nogil=True, error_model="numpy")
def _coefficients_by_entry(s, graph, own, work):
    """Those of the moves out of a state by rates of both kinds."""
    forward, first, end, leaving = graph.forward, graph.first, graph.end, own.leaving
    rate, phi, remain, entrants = work.rate, work.phi, work.remain, work.entrants
    mean, early, total = own.means[s, 0], own.earlies[s, 0], 0.0
    for k in range(first[s], end[s]):
        total += rate[k]
    # rates of time act for as long as the entrants are there
    other, other_tilt = (mean + early) * phi[s, 2] * total, -mean / 3 * phi[s, 2] * total
    gone = 1 - remain[s, 0] * mean - remain[s, 2] * early - other
    gone_tilt = -remain[s, 1] * mean - remain[s, 3] * early - other_tilt
    for k in range(first[s], end[s]):
        entrants[k, 3] = 0.0
        if forward[k]:
            share = rate[k] / total if total > 0.0 else 0.0
            entrants[k, 0], entrants[k, 1] = share * other, share * other_tilt
            entrants[k, 2] = share * other
        else:
            share = leaving[k, 0]
            entrants[k, 0], entrants[k, 1] = share * gone, share * gone_tilt
            entrants[k, 2] = share * 3 * early


@njit(cache=True, nogil=True, error_model="numpy")
def _enter(graph, work):
    """Those who come are exposed for what is left of the step; changes `flow` and `kept`.

    Who still moves at the end is left where he is: how many.
    """
    target, first, end, law = graph.target, graph.first, graph.end, graph.law
    entrants, remain, flow = work.entrants, work.remain, work.flow
    come, then, kept = work.come, work.then, work.kept
    moving = 0.0
    for _ in range(MOST_MOVES):
        moving = 0.0
        for s in range(len(first)):
            n, d = come[0, s], _within(come[1, s], come[0, s])
            come[0, s] = come[1, s] = 0.0
            if n <= NOBODY:
                kept[0, s] += n
                continue
            stay = n
            for k in range(first[s], end[s]):
                gone = min(max(n * entrants[k, 0] + d * entrants[k, 1], 0.0), stay)
                stay -= gone
                moving += gone
                flow[k] += gone
                then[0, target[k]] += gone
                then[1, target[k]] += _within(n * entrants[k, 2] + d * entrants[k, 3], gone)
            if law[s]:
                stay = max(n * remain[s, 0] + d * remain[s, 1], 0.0)
            kept[0, s] += stay
            kept[1, s] += _within(n * remain[s, 2] + d * remain[s, 3], stay)
        for s in range(len(first)):
            for i in range(2):
                come[i, s], then[i, s] = then[i, s], 0.0
        if moving <= NOBODY:
            break
    for s in range(len(first)):
        kept[0, s] += come[0, s]
    return moving


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _leave_by_entry(c, s, present, graph, own, work):
    """Those in a state with a law at the start of the step leave it.

    `cells`, dims (2, state, step), are its entrants divided by what rates of time have left of them;
    `held`, dims (3, state), that factor, how many are there, and how unevenly they leave. How many are
    left of those present from the start.
    """
    target, forward, first, end = graph.target, graph.forward, graph.first, graph.end
    shares, leaving, starts = own.shares, own.leaving, own.starts
    means, earlies = own.means, own.earlies
    rate, tilt, phi, cells, held = work.rate, work.tilt, work.phi, work.cells, work.held
    weight, flow, come = work.weight, work.flow, work.come
    before, after, latest = starts[s, c], starts[s, c + 1], cells.shape[2] - c
    lasting, gone, lean = 0.0, 0.0, 0.0
    if present > 0.0 and before > 0.0:
        lasting = present * after / before
        gone = present - lasting
        lean = 3 * present * (2 * means[s, c] - before - after) / before
    factor, entered, uneven = held[0, s], held[1, s], held[2, s]
    left, later = 0.0, 0.0
    if c > 0:
        left, later = sums(
            cells[0, s, latest:], cells[1, s, latest:], means[s, 1 : c + 1], earlies[s, 1 : c + 1]
        )
        left, later = min(max(factor * left, 0.0), entered), factor * later
    weights, causes, total = 0.0, 0, 0.0
    for k in range(first[s], end[s]):
        total += rate[k]
        causes += not forward[k]
    for k in range(first[s], end[s]):
        if not forward[k]:
            weight[k] = 0.0
            if causes > 1 and c > 0:
                weight[k] = weighted_sum(cells[0, s, latest:], leaving[k, 1 : c + 1])
            weights += weight[k]
    p1, p2, p3, out = phi[s, 1], phi[s, 2], phi[s, 3], 0.0
    for k in range(first[s], end[s]):
        if forward[k]:
            continue
        part = weight[k] / weights if weights > 0.0 else 1.0 / causes
        n = gone * shares[k, c] + (entered - left) * part
        d = _within(lean * shares[k, c] + 3 * (later - uneven) * part, n)
        went = max(n * p1 + d * (p1 - 2 * p2), 0.0)
        flow[k] += went
        come[0, target[k]] += went
        late = 3 * (n * (p1 - 2 * p2) + d * (p1 - 4 * p2 + 8 * p3))
        come[1, target[k]] += _within(late, went)
        out += went
    old, new = present + entered, phi[s, 0] * (lasting + left)
    if total > 0.0 and old > 0.0:
        fall, others = (new - old) / (new + old), max(old - new - out, 0.0) / total
        for k in range(first[s], end[s]):
            if forward[k]:
                flow[k] += others * rate[k]
                come[0, target[k]] += others * rate[k]
                come[1, target[k]] += others * (rate[k] * fall + tilt[k])
    held[0, s], held[1, s], held[2, s] = factor * phi[s, 0], left * phi[s, 0], later * phi[s, 0]
    return lasting * phi[s, 0]


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(c, s, own, work):
    """The entrants of a step join those who are followed by entry."""
    mean, early, kept, cells, held = (
        own.means[s, 0],
        own.earlies[s, 0],
        work.kept,
        work.cells,
        work.held,
    )
    if held[0, s] < SMALLEST:
        for cell in range(cells.shape[2]):
            cells[0, s, cell] *= held[0, s]
            cells[1, s, cell] *= held[0, s]
        held[0, s] = 1.0
    last = cells.shape[2] - 1 - c
    cells[0, s, last], cells[1, s, last] = kept[0, s] / held[0, s], kept[1, s] / held[0, s]
    held[1, s] += max(kept[0, s] * mean + kept[1, s] * early, 0.0)
    held[2, s] += kept[0, s] * early
