"""Survival of each family and of their average, as fitted and after transport to the cohort.

Before transport: the evidence's own patients. After: the modelled cohort, whose excess hazard is
the fitted one times the model's multiplier, over the cohort's background mortality. The average
takes each family in its share of draws, the very draws the decision uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.integrate import cumulative_trapezoid, trapezoid

from heor.parameters.draws import Draws, draw_parameters
from heor.problem.curve_types import FittedCurve, RelativeCurve, SeriesCurve
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.streams import Streams
from heor.survival.curves.strategy_curves import CurveContext
from heor.survival.evidence.observed import follow_up
from heor.survival.fitting import model_draws
from heor.survival.fitting.choices import members
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival.fitting.goodness import LANDMARK_MONTHS
from heor.survival.fitting.goodness import landmark_table as posterior_landmarks
from heor.survival.fitting.model_draws import RESTRICTED
from heor.survival.fitting.posterior import SurvivalPosterior
from heor.survival_analysis.fitted import (
    ALL_DRAWS,
    all_cause,
    background_hazard,
    choices_of,
    drawn_survival,
    excess_survival,
    families_of,
    fitted_evidence,
)

AVERAGE = "average"
AVERAGE_LABEL = "Average of families"
BEFORE, AFTER = "before transport", "after transport"
FAMILY_DRAWS = 1000  # draws of one family alone; the average has all draws of the model
SHOWN_MONTHS = 120
TAIL_STEP = 0.5  # years, of the grid after the shown months: the mean needs no more


@dataclass(frozen=True)
class Landmarks:
    """Tables of fitted survival. `stage` is before or after transport; family may be `average`.

    Attributes
    ----------
    landmarks : DataFrame
        `evidence`, `endpoint`, `family`, `label`, `weight`, `stage`, `month`, `mean`, `low`,
        `high` (95 %): all-cause survival.
    summary : DataFrame
        The same first columns, `median_months` with `median_low`, `median_high`;
        `restricted_mean_years` (five years) with `restricted_low`, `restricted_high`;
        `mean_years` (to the horizon), `data_end_months` (last event) and `share_beyond_data`
        (share of the mean beyond it).
    curves : DataFrame
        `evidence`, `family`, `stage`, `month`, `mean`, `low`, `high`, monthly to ten years.
    structure : DataFrame
        `evidence`, `quantity`, `within_sd`, `between_sd`, `share_between`: how much of the
        average's variance is between families.
    """

    landmarks: pd.DataFrame
    summary: pd.DataFrame
    curves: pd.DataFrame
    structure: pd.DataFrame


def landmark_tables(problem: DecisionProblem, fits: SurvivalFits, streams: Streams) -> Landmarks:
    """All tables of fitted survival."""
    landmarks, summary, curves = [_by_family(problem, fits)], [], []
    for about, survival in _curves(problem, fits, streams):
        if about["family"] == AVERAGE or about["stage"] == AFTER:
            landmarks.append(_at_landmarks(problem, about, survival))
        summary.append(_summary(problem, about, survival))
        curves.append(_curve(problem, about, survival))
    return Landmarks(
        pd.concat(landmarks, ignore_index=True),
        pd.DataFrame(summary),
        pd.concat(curves, ignore_index=True),
        structure(problem, fits),
    )


def _by_family(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """Landmarks of every posterior, all of its draws, before transport."""

    def own_patients(posterior: SurvivalPosterior, time: np.ndarray) -> np.ndarray:
        evidence = problem.evidence[posterior.evidence]
        return all_cause(problem, posterior, evidence, time, ALL_DRAWS)

    names = [name for _, name in fitted_evidence(fits)]
    chosen = [fits.posteriors[n, f] for n in names for f in families_of(fits, n)]
    table = posterior_landmarks(chosen, evaluate=own_patients)
    table = table.rename(columns={"distribution": "family"})
    keys = list(zip(table["evidence"], table["family"], strict=True))
    table.insert(3, "label", [fits.posteriors[key].model.label for key in keys])
    weight = [families_of(fits, name)[family] for name, family in keys]
    table.insert(4, "weight", weight)
    table.insert(5, "stage", BEFORE)
    return table


def _curves(
    problem: DecisionProblem, fits: SurvivalFits, streams: Streams
) -> Iterator[tuple[dict, np.ndarray]]:
    """(what it is, survival by (draw, time)) of each family and the average, by stage."""
    known: dict[int, dict[str, np.ndarray]] = {}
    for unit in fits.comparison:
        mixes: dict[str, Mapping[str, float]] = {c: {c: 1.0} for c in choices_of(fits, unit)}
        mixes[AVERAGE] = fits.weights[unit]
        seen = set()  # a family stands beside several of another endpoint where the lists differ
        for choice, mix in mixes.items():
            few = choice != AVERAGE
            draws = draws_with_weights(problem, fits, {unit: mix}, streams, known, few)
            for name, family in zip(unit, members(choice, len(unit)), strict=True):
                if (name, family) in seen:
                    continue
                seen.add((name, family))
                about = {
                    "evidence": name,
                    "endpoint": problem.evidence[name].endpoint,
                    "family": family,
                    "label": fits.posteriors[name, family].model.label if few else AVERAGE_LABEL,
                    "weight": families_of(fits, name)[family] if few else 1.0,
                }
                yield from _stages(problem, draws, name, about)


def _stages(
    problem: DecisionProblem, draws: Draws, name: str, about: dict
) -> Iterator[tuple[dict, np.ndarray]]:
    time, evidence = grid(problem), problem.evidence[name]
    own = np.exp(-background_hazard(problem, evidence, time))
    yield about | {"stage": BEFORE}, own * drawn_survival(draws.curves[name], evidence, time)
    curve = transported(problem, name)
    if curve is not None:
        context = CurveContext(problem, draws)
        cohort = context.background(time).survival
        yield about | {"stage": AFTER}, cohort * np.exp(-context.fitted_excess(curve, time))


def transported(problem: DecisionProblem, evidence: str) -> FittedCurve | SeriesCurve | None:
    """The model's curve fitted to this evidence whose excess hazard has a multiplier, or None."""
    for strategy in problem.strategies.values():
        for curve in strategy.curves.values():
            fitted = not isinstance(curve, RelativeCurve) and curve.evidence == evidence
            if fitted and curve.multiplier.strip() != "1":
                return curve
    return None


def draws_with_weights(
    problem: DecisionProblem,
    fits: SurvivalFits,
    weights: Mapping[tuple[str, ...], Mapping[str, float]],
    streams: Streams,
    known: dict[int, dict[str, np.ndarray]],
    few: bool = False,
) -> Draws:
    """Parameters and curves in every draw, as the decision uses them, with these weights.

    `known` keeps the parameters by number of draws.
    """
    n = min(problem.settings.draws, FAMILY_DRAWS) if few else problem.settings.draws
    all_weights = {**fits.weights, **weights}
    curves = model_draws.curve_draws(
        problem, fits.posteriors, all_weights, fits.correlations, n, streams
    )
    if n not in known:
        known[n] = draw_parameters(problem, n, streams)
    return Draws(known[n], curves)


def grid(problem: DecisionProblem) -> np.ndarray:
    """Every cycle to ten years, then half years to the horizon (years). Dims: time."""
    shown = problem.time[problem.time * MONTHS_PER_YEAR <= SHOWN_MONTHS + 1e-6]
    tail = np.arange(shown[-1] + TAIL_STEP, problem.horizon - 1e-9, TAIL_STEP)
    return np.concatenate([shown, tail, [problem.horizon][: int(problem.horizon > shown[-1])]])


def _at_landmarks(problem: DecisionProblem, about: dict, survival: np.ndarray) -> pd.DataFrame:
    rows = []
    for month in LANDMARK_MONTHS:
        at = int(np.argmin(np.abs(grid(problem) * MONTHS_PER_YEAR - month)))
        low, high = np.quantile(survival[:, at], [0.025, 0.975])
        mean = survival[:, at].mean()
        rows.append(about | {"month": month, "mean": mean, "low": low, "high": high})
    return pd.DataFrame(rows)


def _summary(problem: DecisionProblem, about: dict, survival: np.ndarray) -> dict:
    time = grid(problem)
    end = follow_up(problem.evidence[about["evidence"]])[0]
    medians = _medians(time, survival) * MONTHS_PER_YEAR
    shown = time <= RESTRICTED + 1e-9
    restricted = trapezoid(survival[:, shown], time[shown], axis=1)
    lived = cumulative_trapezoid(survival.mean(axis=0), time, initial=0.0)
    r_low, r_high = np.quantile(restricted, [0.025, 0.975])
    m_low, m_high = np.quantile(medians, [0.025, 0.975], method="nearest")
    return about | {
        "median_months": float(np.quantile(medians, 0.5, method="nearest")),
        "median_low": float(m_low),
        "median_high": float(m_high),
        "restricted_mean_years": float(restricted.mean()),
        "restricted_low": float(r_low),
        "restricted_high": float(r_high),
        "mean_years": float(lived[-1]),
        "data_end_months": end * MONTHS_PER_YEAR,
        "share_beyond_data": float(1.0 - np.interp(end, time, lived) / lived[-1]),
    }


def _medians(time: np.ndarray, survival: np.ndarray) -> np.ndarray:
    """Median survival, linear within a cycle; infinite where half outlive the horizon. Dims: draw."""
    low = survival <= 0.5
    j = np.maximum(low.argmax(axis=1), 1)
    rows = np.arange(len(survival))
    before, after = survival[rows, j - 1], survival[rows, j]
    share = (before - 0.5) / np.maximum(before - after, 1e-300)
    return np.where(low.any(axis=1), time[j - 1] + share * (time[j] - time[j - 1]), np.inf)


def _curve(problem: DecisionProblem, about: dict, survival: np.ndarray) -> pd.DataFrame:
    time = grid(problem) * MONTHS_PER_YEAR
    shown = time <= SHOWN_MONTHS + 1e-6
    low, high = np.quantile(survival[:, shown], [0.025, 0.975], axis=0)
    table = pd.DataFrame({"month": time[shown]})
    table["mean"], table["low"], table["high"] = survival[:, shown].mean(axis=0), low, high
    for i, key in enumerate(("evidence", "family", "stage")):
        table.insert(i, key, about[key])
    return table


def structure(problem: DecisionProblem, fits: SurvivalFits) -> pd.DataFrame:
    """Variance of the average within and between families, before transport."""
    rows = []
    for unit, name in fitted_evidence(fits):
        share = fits.by_evidence(unit)[name]
        weight = np.array(list(share.values()))
        values = {f: quantities(problem, fits.posteriors[name, f]) for f in share}
        for quantity in next(iter(values.values())):
            mean = np.array([v[quantity].mean() for v in values.values()])
            within = weight @ np.array([v[quantity].var() for v in values.values()])
            between = weight @ (mean - weight @ mean) ** 2
            rows.append(
                {
                    "evidence": name,
                    "quantity": quantity,
                    "within_sd": np.sqrt(within),
                    "between_sd": np.sqrt(between),
                    "share_between": between / (between + within),
                }
            )
    return pd.DataFrame(rows)


def quantities(problem: DecisionProblem, posterior: SurvivalPosterior) -> dict[str, np.ndarray]:
    """What fits are compared by, background left out. Dims of each: draw."""
    evidence = problem.evidence[posterior.evidence]
    time = np.asarray(LANDMARK_MONTHS) / MONTHS_PER_YEAR
    grid = np.linspace(0.0, RESTRICTED, 121)
    both = excess_survival(posterior, evidence, np.concatenate([time, grid]), ALL_DRAWS)
    found = {f"survival at {m:.0f} months": both[:, i] for i, m in enumerate(LANDMARK_MONTHS)}
    return found | {"restricted mean at 5 years": trapezoid(both[:, len(time) :], grid, axis=1)}
