"""Severity by absolute shortfall and the threshold it gives.

Absolute shortfall = remaining QALYs of the general population at the mean age, less the mean
undiscounted QALYs of the comparator, rounded to two decimals; a class's lower edge is inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.inputs.problem import Country, SeverityBand


@dataclass(frozen=True)
class Severity:
    """Severity of the comparator, fixed for all decisions of the run.

    Attributes
    ----------
    remaining_qalys, comparator_qalys, shortfall : float
        Undiscounted QALYs.
    weight, threshold : float
        Of the class the shortfall falls in (threshold in money per QALY).
    class_probabilities : DataFrame
        `from, to, weight, threshold, probability` over draws.
    class_ages : DataFrame
        `age, shortfall, weight, threshold` at each age where the class changes.
    """

    remaining_qalys: float
    comparator_qalys: float
    shortfall: float
    weight: float
    threshold: float
    class_probabilities: pd.DataFrame
    class_ages: pd.DataFrame


def remaining_qalys(country: Country, age: float) -> float:
    """Remaining QALYs of the general population, linear between whole ages."""
    return float(np.interp(age, country.norms.age, country.norms.remaining_qalys))


def band_of(bands: tuple[SeverityBand, ...], shortfall: float) -> SeverityBand:
    """The class of a shortfall; below the first class, the first."""
    found = bands[0]
    for band in bands:
        if shortfall >= band.lower:
            found = band
    return found


def severity(country: Country, age: float, comparator_qalys: np.ndarray) -> Severity | None:
    """Severity from the comparator's undiscounted QALYs (dims: draw); None without a rule."""
    if country.severity_rule is None or not country.severity_bands:
        return None
    bands = country.severity_bands
    remaining = remaining_qalys(country, age)
    mean = float(comparator_qalys.mean())
    shortfall = round(remaining - mean, 2)
    band = band_of(bands, shortfall)
    drawn = np.round(remaining - comparator_qalys, 2)
    edges = np.array([b.lower for b in bands])
    index = np.clip(np.searchsorted(edges, drawn, side="right") - 1, 0, len(bands) - 1)
    classes = pd.DataFrame(
        {
            "from": edges,
            "to": [np.inf if b.upper is None else b.upper for b in bands],
            "weight": [b.weight for b in bands],
            "threshold": [b.threshold for b in bands],
            "probability": np.bincount(index, minlength=len(bands)) / len(drawn),
        }
    )
    return Severity(
        remaining, mean, shortfall, band.weight, band.threshold, classes, _ages(country, mean)
    )


def _ages(country: Country, comparator_qalys: float) -> pd.DataFrame:
    """Whole ages at which the class changes, with the comparator's QALYs held at their mean."""
    rows: list[dict[str, float]] = []
    for age in country.norms.age:
        shortfall = round(remaining_qalys(country, age) - comparator_qalys, 2)
        band = band_of(country.severity_bands, shortfall)
        if not rows or rows[-1]["threshold"] != band.threshold:
            rows.append(
                {
                    "age": float(age),
                    "shortfall": shortfall,
                    "weight": band.weight,
                    "threshold": band.threshold,
                }
            )
    return pd.DataFrame(rows)
