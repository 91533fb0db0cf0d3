"""The compiled loop of `heor.occupancy.integrals.Mesh.since_entry`."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def survival(at, total, width, place, step_of, to_points, steps):
    """Survival by rates that compete: see `heor.occupancy.integrals.Sojourn`.

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
