"""Marginal hazard ratios, and early failures, that no hazard of the uncured gives."""

from __future__ import annotations

from heor.errors import ModelError
from heor.problem.curve_types import RelativeCurve
from heor.problem.problem import DecisionProblem


def out_of_reach(
    problem: DecisionProblem, draws: int, unattained: int, too_low: int, most: float
) -> list[str]:
    """What to read where they are few; an error where they are many.

    Parameters
    ----------
    draws, unattained
        Draws in all, and those in which a ratio (or early failures) could not be reached.
    too_low
        Of these, draws whose ratio is lower than the population's mortality allows.
    most
        Share of draws above which it is an error.

    Raises
    ------
    ModelError
        More than this share.
    """
    if not unattained:
        return []
    curves = [c for s in problem.strategies.values() for c in s.curves.values()]
    relative = [c for c in curves if isinstance(c, RelativeCurve)]
    early, nor_early = "", ""
    if any(c.early_failure for c in relative):
        early = ", or the share of early failures,"
        nor_early = " (or no hazard gives the early failures)"
    too_high = unattained - too_low
    if unattained > most * draws:
        reasons = []
        if too_high:
            reasons.append(f"In {too_high} the cured fraction is too large for it{nor_early}.")
        if too_low:
            reasons.append(
                f"In {too_low} it is so low that the population's mortality alone causes more deaths."
            )
        texts = [c.cured_fraction for c in relative if c.cured_fraction != "0"]
        texts += [c.marginal_hazard_ratio for c in relative if c.marginal_hazard_ratio]
        raise ModelError(
            f"the marginal hazard ratio{early} cannot be reached in {unattained} of {draws} draws (more "
            f"than {100 * most:g} %). {' '.join(reasons)} Check the parameters behind "
            f"{', '.join(dict.fromkeys(texts))}."
        )
    found = []
    if too_high:
        found.append(
            f"In {too_high:,} of {draws:,} draws the cured fraction is too large for the marginal hazard "
            f"ratio drawn: none of the uncured reach it{nor_early}, and the nearest was used."
        )
    if too_low:
        found.append(
            f"In {too_low:,} of {draws:,} draws the marginal hazard ratio drawn is lower than the "
            "population's mortality allows; the nearest possible was used."
        )
    return found
