"""The compiled loops of sojourns by time in state: how long they last, and who is in one."""

from __future__ import annotations

import numpy as np
from numba import njit

#: Entrants are divided anew before their factor gets this small.
SMALLEST = 1e-100


@njit(cache=True, nogil=True, error_model="numpy")
def survival(at, total, width, place, step_of, to_points, steps):
    """Survival by rates that compete: see `heor.occupancy.continuous_time.integrals.Mesh.since_entry`, and `Sojourn`.

    Parameters
    ----------
    at : ndarray, dims (transition, draw, piece, 2)
        Rates at the two points of each piece.
    total : ndarray, dims (transition, draw, piece)
        Their integrals.
    width, step_of : ndarray, dims (piece,)
    place : ndarray, dims (piece, 2)
        The points as shares of their step.
    to_points : ndarray, dims (2, 2)
        Integral of a rate from the start of a piece to each point, per width.
    steps : int

    Returns
    -------
    start : ndarray, dims (draw, step + 1)
    mean, early : ndarray, dims (draw, step)
    left, left_entered : ndarray, dims (transition, draw, step)
        Who leaves by each transition between two boundaries, of those who were there from the start
        and of those who entered evenly over a step.
    """
    causes, draws, pieces = total.shape
    start, mean, early = (
        np.ones((draws, steps + 1)),
        np.zeros((draws, steps)),
        np.zeros((draws, steps)),
    )
    left, late = np.zeros((causes, draws, steps)), np.zeros((causes, draws, steps))
    length = np.zeros(steps)
    for i in range(pieces):
        length[step_of[i]] += width[i]
    for draw in range(draws):
        hazard = 0.0
        for i in range(pieces):
            s, share = step_of[i], width[i] / length[step_of[i]]
            gained, a, b = 0.0, 0.0, 0.0
            for k in range(causes):
                gained += total[k, draw, i]
                a += at[k, draw, i, 0]
                b += at[k, draw, i, 1]
            if i == 0:  # a power of time: all of it before the points
                first = second = np.exp(-gained)
            else:
                first = np.exp(-hazard - width[i] * (to_points[0, 0] * a + to_points[0, 1] * b))
                second = np.exp(-hazard - width[i] * (to_points[1, 0] * a + to_points[1, 1] * b))
            mean[draw, s] += 0.5 * share * (first + second)
            early[draw, s] += (
                0.5 * share * (first * (1 - 2 * place[i, 0]) + second * (1 - 2 * place[i, 1]))
            )
            for k in range(causes):
                if causes == 1:
                    break
                if i == 0:
                    left[k, draw, s] += total[k, draw, i]
                    late[k, draw, s] += total[k, draw, i]
                    continue
                x, y = at[k, draw, i, 0] * first, at[k, draw, i, 1] * second
                left[k, draw, s] += 0.5 * width[i] * (x + y)
                late[k, draw, s] += 0.5 * width[i] * (x * (1 - place[i, 0]) + y * (1 - place[i, 1]))
            hazard += gained
            start[draw, s + 1] = np.exp(-hazard) if i + 1 == pieces or step_of[i + 1] > s else 1.0
        for k in range(causes):
            # mean over each step of who has left by then; what it gains from one to the next
            so_far, before = 0.0, 0.0
            for s in range(steps):
                now = so_far + late[k, draw, s]
                so_far += left[k, draw, s]
                late[k, draw, s] = now - before
                before = now
    return start, mean, early, left, late


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def sums(n, d, mean, early):
    """n by mean, d by early and n by early, added up."""
    by_mean, by_early = 0.0, 0.0
    for u in range(len(n)):
        by_mean += n[u] * mean[u] + d[u] * early[u]
        by_early += n[u] * early[u]
    return by_mean, by_early


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def weighted_sum(n, other):
    found = 0.0
    for u in range(len(n)):
        found += n[u] * other[u]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def in_window(starters, many, tilt, stay, mean, early):
    """Those in a state by time since entry. Dims: (draw, time).

    Parameters
    ----------
    starters : ndarray, dims (draw, time)
    many, tilt : ndarray, dims (draw | 1, step)
        Of the entrants of each step.
    stay : ndarray, dims (draw | 1, step)
        What rates of time leave of those in the state.
    mean, early : ndarray, dims (draw | 1, step)
        Of the sojourn, inside the window.
    """
    found, steps = starters.copy(), many.shape[1]
    cells = np.zeros((2, steps))
    for draw in range(len(found)):
        who = draw if len(many) > 1 else 0
        a, b = mean[draw if len(mean) > 1 else 0], early[draw if len(early) > 1 else 0]
        kept = 1.0
        for c in range(steps):
            kept *= stay[draw if len(stay) > 1 else 0, c]
            if kept < SMALLEST:
                cells *= kept
                kept = 1.0
            latest = steps - 1 - c
            cells[0, latest], cells[1, latest] = many[who, c] / kept, tilt[who, c] / kept
            inside, _ = sums(cells[0, latest:], cells[1, latest:], a[: c + 1], b[: c + 1])
            found[draw, c + 1] += kept * inside
    return found
