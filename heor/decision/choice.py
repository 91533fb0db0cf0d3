"""Which of all strategies is best at each threshold, and how sure that is.

With two strategies the comparison of one with the other says it. With more it does not: the better of
two may lose to a third.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.decision.acceptability import ceac
from heor.decision.cost_effectiveness import Z95, net_benefit
from heor.decision.thresholds import Thresholds, column
from heor.outcomes.outcomes import Outcomes

TABLE = "choice"


@dataclass(frozen=True)
class Choice:
    """The best strategy at one threshold.

    Attributes
    ----------
    name, threshold
        Of the threshold.
    strategy, second : str
        With the highest, and the next highest, mean net benefit.
    lead, lead_se : float
        Mean net benefit of the best over the second, with its Monte Carlo standard error.
    chances, chances_se : dict
        Strategy → probability of being the best of all, with its standard error.
    error_probability : float
        That the best on average is not the best.
    evpi, evpi_se : float
        Money per patient.
    """

    name: str
    threshold: float
    strategy: str
    second: str
    lead: float
    lead_se: float
    chances: Mapping[str, float]
    chances_se: Mapping[str, float]
    error_probability: float
    evpi: float
    evpi_se: float

    @property
    def is_clear(self) -> bool:
        """Whether the lead is more than Monte Carlo error."""
        return bool(self.lead > Z95 * self.lead_se)


def choice_table(outcomes: Outcomes, comparator: str, thresholds: Thresholds) -> pd.DataFrame:
    """Every strategy at every threshold, compared with all others.

    Returns
    -------
    DataFrame
        One row a threshold and strategy: `threshold_name, threshold, strategy, best` (whether its mean net
        benefit is the highest; of equals the first)`, net_benefit` (mean, over the comparator's)`,
        net_benefit_se, behind` (mean, below that of the best; negative never)`, behind_se, probability`
        (of being the best of all; those that tie in a draw share it)`, probability_se, expected_loss,
        expected_loss_se, error_probability` (of the threshold). Money per patient.

    Raises
    ------
    InputError
        A threshold that is negative or no number.

    Examples
    --------
    b is better than a in both draws, and loses to c:

    >>> table = pd.DataFrame({"strategy": list("aabbcc"), "draw": [1, 2] * 3, "cost": 0.0,
    ...                       "qaly": [0, 0, 1, 2, 4, 3]})
    >>> found = choice_table(Outcomes.from_table(table, "NOK"), "a", [("one", 1.0)])
    >>> found[["strategy", "best", "behind", "probability"]].to_numpy().tolist()
    [['a', False, 3.5, 0.0], ['b', False, 2.0, 0.0], ['c', True, 0.0, 1.0]]
    """
    curves = ceac(outcomes, [value for _, value in thresholds])
    base, rows = outcomes.strategies.index(comparator), []
    for (name, threshold), (_, own) in zip(
        thresholds, curves.groupby(np.arange(len(curves)) // len(outcomes.strategies)), strict=True
    ):
        benefit = net_benefit(outcomes, threshold)
        best = int(own["on_frontier"].to_numpy().argmax())
        loss = benefit.max(axis=1)[:, None] - benefit
        for k, (_, curve) in enumerate(own.iterrows()):
            against, behind = benefit[:, k] - benefit[:, base], benefit[:, best] - benefit[:, k]
            rows.append(
                {
                    "threshold_name": name,
                    "threshold": threshold,
                    "strategy": outcomes.strategies[k],
                    "best": k == best,
                    "net_benefit": against.mean(),
                    "net_benefit_se": float(outcomes.standard_error(against)),
                    "behind": behind.mean(),
                    "behind_se": float(outcomes.standard_error(behind)),
                    "probability": curve["probability"],
                    "probability_se": curve["probability_se"],
                    "expected_loss": curve["expected_loss"],
                    "expected_loss_se": float(outcomes.standard_error(loss[:, k])),
                    "error_probability": curve["error_probability"],
                }
            )
    return pd.DataFrame(rows)


def choices(tables: Mapping[str, pd.DataFrame]) -> dict[str, Choice]:
    """The best strategy at each threshold by the threshold's name; none where there are two strategies.

    Parameters
    ----------
    tables
        Of a decision (`heor.decision.tables`).
    """
    table = tables.get(TABLE)
    if table is None:
        return {}
    return {str(name): _choice(own) for name, own in table.groupby("threshold_name", sort=False)}


def _choice(own: pd.DataFrame) -> Choice:
    best = own[own["best"]].iloc[0]
    second = own[~own["best"]].sort_values("behind", kind="stable").iloc[0]
    by_name = own.set_index("strategy")
    return Choice(
        name=str(best["threshold_name"]),
        threshold=float(best["threshold"]),
        strategy=best["strategy"],
        second=second["strategy"],
        lead=float(second["behind"]),
        lead_se=float(second["behind_se"]),
        chances=by_name["probability"].to_dict(),
        chances_se=by_name["probability_se"].to_dict(),
        error_probability=float(best["error_probability"]),
        evpi=float(best["expected_loss"]),
        evpi_se=float(best["expected_loss_se"]),
    )


def best_columns(tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """The best of more than two strategies at each threshold t, as columns of a row.

    `best_t` (name), `best_t_probability`, `best_t_lead` over the next best with `_se`; money per patient.
    """
    row: dict[str, object] = {}
    for name, found in choices(tables).items():
        row |= {column("best", name): found.strategy}
        row |= {column("best", name, "probability"): found.chances[found.strategy]}
        row |= {
            column("best", name, "lead"): found.lead,
            column("best", name, "lead_se"): found.lead_se,
        }
    return row
