"""The figures of the survival report, by name: one set for each fitted unit and evidence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure

from heor.report.survival import figures_checks as checks
from heor.report.survival import figures_curves as curves
from heor.report.survival import figures_effects as effects
from heor.survival_analysis import SurvivalResults


def survival_figures(results: SurvivalResults) -> dict[str, Callable[[SurvivalResults], Figure]]:
    """File name → function of the results."""
    found: dict[str, Callable[[SurvivalResults], Figure]] = {}
    for unit in results.fits.comparison:
        for name in unit:
            found[f"fits_{name}"] = partial(curves.fits, evidence=name)
        found[f"hazards_{'+'.join(unit)}"] = partial(curves.hazards, unit=unit)
        for name in unit:
            found[f"transforms_{name}"] = partial(checks.transforms, evidence=name)
            found[f"predictive_{name}"] = partial(checks.predictive, evidence=name)
    if len(results.tables["opinions"]):
        found["opinions"] = effects.opinions
    if len(results.tables["effects"]):
        found["relative_effects"] = effects.effects
    return found
