"""Relative effects: studies, what is pooled from them, and how much the prior on tau matters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.parameters.draws import Draws, between_study_sd, pooled_effects
from heor.parameters.synthesis import PooledEffect, pool
from heor.problem.curve_types import RelativeCurve
from heor.problem.expressions import evaluate
from heor.problem.parameter import Synthesis
from heor.problem.problem import DecisionProblem
from heor.survival.curves.strategy_curves import CurveContext, strategy_curves
from heor.survival.evidence.observed import NORMAL_975

TAU_SCALES = (0.125, 0.25, 0.5, 1.0)  # half-normal prior on the between-study SD
COLUMNS = (
    "synthesis", "label", "row", "kind", "use", "tau_scale", "median", "low", "high",
    "hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "in_model", "unit",
)  # fmt: skip
RATIO_DRAWS = 1000  # each is solved for; a median and an interval need no more
RATIO_YEARS = 10.0
QUANTILES = np.array([0.025, 0.5, 0.975])


def effect_table(problem: DecisionProblem) -> pd.DataFrame:
    """Studies, pooled effects, and pooled effects under other priors on tau.

    Returns
    -------
    DataFrame
        `synthesis`, `label`, `row` (text), `kind` (`study`, `pooled`, `sensitivity`), `use`
        (`mean`: the average effect; `predictive`: the effect in a new setting), `tau_scale`
        (scale of the half-normal prior, NaN for a study), `median`, `low`, `high` (95 %, log
        hazard ratio), the same as `hazard_ratio…`, `in_model` (the row the model draws from,
        before its `shift`), `unit`.
    """
    drawn = pooled_effects(problem)
    rows = []
    for name, synthesis in problem.syntheses.items():
        about = {"synthesis": name, "label": synthesis.label, "unit": synthesis.unit}
        rows += [about | row for row in _studies(problem, synthesis)]
        rows += [about | row for row in _pooled(problem, synthesis, drawn[name])]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _studies(problem: DecisionProblem, synthesis: Synthesis) -> list[dict]:
    rows = []
    for study in synthesis.studies:
        p = problem.parameters[study]
        ends = p.mean + p.se * NORMAL_975 * np.array([-1.0, 0.0, 1.0])
        row = {"row": p.description, "kind": "study", "use": "", "tau_scale": np.nan}
        rows.append(row | _numbers(ends) | {"in_model": False})
    return rows


def _pooled(problem: DecisionProblem, synthesis: Synthesis, drawn: PooledEffect) -> list[dict]:
    studies = [problem.parameters[s] for s in synthesis.studies]
    means, ses = (np.array([getattr(s, k) for s in studies]) for k in ("mean", "se"))
    own, tau = between_study_sd(problem, synthesis)
    own = None if own is None else round(own, 6)
    rows = []
    for scale in dict.fromkeys((own, *TAU_SCALES)):
        for use in ("mean", "predictive"):
            used = scale == own and use == synthesis.use
            other = {"predictive": use == "predictive", "tau": tau}
            effect = drawn if used else pool(means, ses, scale, **other)
            row = {
                "row": f"{USE_WORDS[use]}, {tau_words(scale, tau)}",
                "kind": "pooled" if scale == own else "sensitivity",
                "use": use,
                "tau_scale": 0.0 if scale is None else scale,
                "in_model": used,
            }
            rows.append(row | _numbers(effect.quantile(QUANTILES)))
    return rows


USE_WORDS = {"mean": "average effect", "predictive": "effect in a new setting"}


def hazard_ratio_table(problem: DecisionProblem, draws: Draws) -> pd.DataFrame:
    """Hazard ratios of relative curves: of all patients (marginal), and of the uncured.

    The first compares whole arms, as a trial reports it; the second acts on the excess hazard of
    those not cured and is solved from the first in every draw.

    Returns
    -------
    DataFrame
        `strategy`, `endpoint`, `patients` (`all (marginal)`, `not cured`), `median`, `low`, `high`
        (95 %), `draws`. Empty where no curve is relative with one ratio.
    """
    some = draws[: min(draws.n, RATIO_DRAWS)]
    context = CurveContext(problem, some)
    time = problem.time[problem.time <= RATIO_YEARS + 1e-9]
    rows = []
    for name, strategy in problem.strategies.items():
        relative = {
            endpoint: curve
            for endpoint, curve in strategy.curves.items()
            if isinstance(curve, RelativeCurve) and curve.has_one_ratio
        }
        solved = strategy_curves(context, strategy, time) if relative else {}
        for endpoint, curve in relative.items():
            found = {"not cured": solved[endpoint].hazard_ratio}
            if curve.marginal_hazard_ratio is not None:
                found = {"all (marginal)": some.value(curve.marginal_hazard_ratio)} | found
            for patients, values in found.items():
                low, median, high = np.quantile(values, QUANTILES)
                where = {"strategy": name, "endpoint": endpoint, "patients": patients}
                numbers = {"median": median, "low": low, "high": high, "draws": some.n}
                rows.append(where | numbers)
    columns = ["strategy", "endpoint", "patients", "median", "low", "high", "draws"]
    return pd.DataFrame(rows, columns=columns)


def tau_words(scale: float | None, tau: float = 0.0) -> str:
    """The prior on the between-study SD tau, or what it is known to be.

    >>> tau_words(0.25), tau_words(None, 0.1), tau_words(None)
    ('tau half-normal(0.25)', 'tau 0.1', 'common effect')
    """
    if scale is not None:
        return f"tau half-normal({scale:g})"
    return f"tau {tau:g}" if tau else "common effect"


def shift_of(problem: DecisionProblem, synthesis: Synthesis) -> float:
    """What is added to the pooled effect, at the parameters' means."""
    return float(evaluate(synthesis.shift, {k: p.mean for k, p in problem.parameters.items()}))


def _numbers(quantiles: np.ndarray) -> dict:
    low, median, high = (float(x) for x in quantiles)
    ratio = {"hazard_ratio": np.exp(median), "hazard_ratio_low": np.exp(low)}
    return (
        {"median": median, "low": low, "high": high} | ratio | {"hazard_ratio_high": np.exp(high)}
    )
