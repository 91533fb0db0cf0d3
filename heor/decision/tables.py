"""Every table of a decision that needs outcomes alone: the same for this model and for any other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heor.decision import acceptability, choice, convergence, cost_effectiveness, frontier
from heor.decision.thresholds import Threshold
from heor.outcomes.outcomes import Outcomes


def decision_tables(
    outcomes: Outcomes,
    thresholds: Sequence[Threshold],
    grid: np.ndarray,
) -> dict[str, pd.DataFrame]:
    """Tables by name; what each holds stands with the function that makes it.

    Parameters
    ----------
    thresholds
        Names and values at which net benefit is given.
    grid : ndarray, dims (threshold,)
        Of the acceptability curves.
    """
    roles = outcomes.roles
    found = {
        "strategies": cost_effectiveness.strategy_table(outcomes),
        "increments": cost_effectiveness.increment_table(outcomes, *roles),
        "icer": cost_effectiveness.icer_table(outcomes, *roles),
        "frontier": frontier.frontier_table(outcomes),
        "net_benefit": cost_effectiveness.net_benefit_table(outcomes, *roles, thresholds),
        "quadrants": cost_effectiveness.quadrant_table(outcomes, outcomes.comparator),
        "ceac": acceptability.ceac(outcomes, grid),
        "convergence": convergence.convergence_table(outcomes, *roles, thresholds),
    }
    if len(outcomes.strategies) > 2:  # what compares two no longer says which is best
        found[choice.TABLE] = choice.choice_table(outcomes, outcomes.comparator, thresholds)
    return found
