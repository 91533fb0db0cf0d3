"""Arithmetic that anchors and laws are held against: plain, and apart from the model's own loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import expm

from heor.errors import ModelError
from heor.inputs.country.graduation import _log_rates
from heor.occupancy.transitions import TOLERANCE
from heor.outcomes.discounting import quadrature
from heor.problem.country import LifeTable
from heor.survival.evidence.background import cumulative_hazard_by_sex, years_lived


def sparse(matrix: np.ndarray, states: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """Full matrices → the transitions that `cohort` takes.

    Parameters
    ----------
    matrix : ndarray, dims (draw | 1, cycle | 1, state, state)
        Rows are origins and add up to 1.

    Raises
    ------
    ModelError
        A row that does not, with draw, cycle and state.
    ValueError
        Other dims.
    """
    if matrix.ndim != 4 or matrix.shape[2:] != (len(states), len(states)):
        raise ValueError(
            f"matrix: dims {matrix.shape}; must be (draw | 1, cycle | 1, state, state) with "
            f"{len(states)} states."
        )
    total = matrix.sum(axis=-1)
    if not np.abs(total - 1).max() <= TOLERANCE:  # also true for NaN
        draw, cycle, state = np.unravel_index(int(np.abs(total - 1).argmax()), total.shape)
        raise ModelError(
            f"transition probabilities: out of '{states[state]}' they add up to "
            f"{total[draw, cycle, state]:g} in draw {draw}, cycle {cycle}; they must add up to 1."
        )
    return {
        (i, j): matrix[:, :, a, b]
        for a, i in enumerate(states)
        for b, j in enumerate(states)
        if i != j and matrix[:, :, a, b].any()
    }


def probabilities_of_rates(rates: np.ndarray, cycle: float) -> np.ndarray:
    """Exact probabilities per cycle of constant rates: the matrix exponential.

    Parameters
    ----------
    rates : ndarray, dims (..., state, state)
        Per year, rows are origins; the diagonal is ignored.
    cycle
        Years.

    Examples
    --------
    >>> probabilities_of_rates(np.array([[0.0, 0.5], [0.0, 0.0]]), 1.0).round(4).tolist()
    [[0.6065, 0.3935], [0.0, 1.0]]
    """
    generator = np.array(rates, float)
    diagonal = np.arange(generator.shape[-1])
    generator[..., diagonal, diagonal] = 0.0
    generator[..., diagonal, diagonal] = -generator.sum(axis=-1)
    return expm(generator * cycle)


def state_weights(time: np.ndarray, share: np.ndarray, rule: str = "trapezoid") -> np.ndarray:
    """Weights (years) of the time points when `share` of each cycle counts.

    Dims: (draw, cycle) in, (draw, time) out. With share 1 they add up to the whole horizon.
    """
    return share @ quadrature(time, rule)


def cycle_weights(time: np.ndarray, rule: str = "trapezoid") -> np.ndarray:
    """Weights (years) of the time points over the whole horizon. Dims: time.

    >>> cycle_weights(np.arange(4.0), "simpson").tolist()
    [0.375, 1.125, 1.125, 0.375]
    """
    return quadrature(time, rule).sum(axis=0)


def group_rates(hazard: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Deaths by years lived of groups of ages, in a table with constant hazard within a year.

    Parameters
    ----------
    hazard : per year
        Of single years of age. Dims: age.
    width : years
        Ages in each group, together all of them. Dims: group.

    Returns
    -------
    Central death rate of each group, per year. Dims: group.

    Examples
    --------
    >>> group_rates(np.array([0.2, 0.2, 0.2]), np.array([1, 2])).round(12)
    array([0.2, 0.2])
    """
    return np.exp(_log_rates(hazard, width)[0])


def life_expectancy(table: LifeTable, age: float) -> tuple[float, float]:
    """Years that men and women of `age` still live, at the mortality of the life table. In years.

    Hazards are those of the model: constant within a year of age, and after the table's last age
    that age's. Where the table says that its closing age is certain death, nobody outlives it.

    Parameters
    ----------
    table
        Covers `age`.
    age : years

    Returns
    -------
    Of men, of women. Infinite where nobody dies at the last age.

    Examples
    --------
    One in ten dies each year, at every age: the hazard is −log 0.9 for ever, so that one over the
    hazard is left, 9.49 years. Of women half as many die.

    >>> from heor.problem.country import LifeTable
    >>> from heor.problem.parameter import Origin
    >>> age = np.arange(90.0, 101.0)
    >>> table = LifeTable(age, 0 * age + 0.1, 0 * age + 0.05, (), Origin("life_table.csv"))
    >>> men, women = life_expectancy(table, 95.5)
    >>> f"{men:.2f} {-1 / np.log(0.9):.2f}", f"{women:.2f} {-1 / np.log(0.95):.2f}"
    ('9.49 9.49', '19.50 19.50')
    """
    end = table.age[-1] + 1.0 - age
    birthdays = np.arange(np.floor(age) + 1.0, age + end + 0.5) - age
    time = np.unique(np.concatenate([[0.0], birthdays]))
    years = []
    for hazard in cumulative_hazard_by_sex(table, age, np.append(time, time[-1] + 1.0)):
        alive, last = np.exp(-hazard[:-1]), hazard[-1] - hazard[-2]
        with np.errstate(divide="ignore"):
            years.append(float(years_lived(time, alive).sum() + alive[-1] / last))
    return years[0], years[1]
