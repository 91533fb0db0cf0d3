"""Where a quantity changes sign along another: every place, not only the first.

Net benefit need not be monotone in an input (a longer life with progression costs more than it is worth
at a low threshold, a cured one less), so one bisection could miss a crossing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from heor.decision.thresholds import column
from heor.problem.what_if_targets import WhatIf


@dataclass(frozen=True)
class WhatIfMap:
    """Net benefit over one or two quantities, under each scenario.

    Attributes
    ----------
    what_if : WhatIf
    table : DataFrame
        `scenario, x, y` (NaN without a second axis), their names and units, `money`; `cost, qalys`: mean
        increments, with `_se`; `out_of_reach`: share of draws in which the nearest hazard ratio was used;
        and for each threshold t `threshold_t, net_benefit_t, net_benefit_t_se`.
    crossings : DataFrame
        `scenario, x, threshold_name, threshold, value, worth_above`: along y for every x, or along x
        (`x` missing) without a second axis.
    labels : dict
        Scenario → label.
    centre : dict
        Name of an axis → median of the run's draws, where the run has such a quantity.
    """

    what_if: WhatIf
    table: pd.DataFrame
    crossings: pd.DataFrame
    labels: Mapping[str, str]
    centre: Mapping[str, float]

    def at(self, name: str, threshold: float) -> pd.DataFrame:
        """`scenario, x, y, cost, qalys, threshold, net_benefit, net_benefit_se` at one threshold.

        Points without an answer are left out. Maps of older results hold the increments only.
        """
        own = self.table[["scenario", "x", "y", "cost", "qalys"]]
        levels = self.table.get(column("threshold", name), threshold)
        own = own.assign(
            threshold=levels,
            net_benefit=levels * own["qalys"] - own["cost"],
            net_benefit_se=self.table.get(column("net_benefit", name, "se"), np.nan),
        )
        return own[own["net_benefit"].notna()]


def crossings(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Every x at which y changes sign, between points by monotone cubic interpolation.

    A point where y is exactly zero counts once. The interpolant has no extremes between points, so a
    crossing is missed only where y turns twice between two neighbours.

    Parameters
    ----------
    x, y : ndarray, dims (point,)
        x rising.

    Examples
    --------
    >>> x = np.linspace(0, 4, 41)
    >>> [round(float(c), 2) for c in crossings(x, (x - 1) * (x - 2.5))]
    [1.0, 2.5]
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    curve = PchipInterpolator(x, y)
    found = []
    for k in range(len(x) - 1):
        if y[k] == 0 and (k == 0 or y[k - 1] * y[k + 1] < 0):
            found.append(x[k])
        if y[k] * y[k + 1] < 0:
            found.append(brentq(curve, x[k], x[k + 1], xtol=1e-12))
    if y[-1] == 0 and y[-2] != 0:
        found.append(x[-1])
    return np.array(found)


def worth_after(x: np.ndarray, benefit: np.ndarray, crossing: float) -> bool:
    """Whether net benefit is above zero just after a crossing: at the next value evaluated.

    >>> worth_after(np.array([0.0, 1.0, 2.0]), np.array([-1.0, -0.5, 3.0]), 1.2)
    True
    """
    place = min(int(np.searchsorted(x, crossing, side="right")), len(x) - 1)
    return bool(benefit[place] > 0)
