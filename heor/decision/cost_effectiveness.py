"""Costs, effects, incremental analysis and net benefit from `Outcomes` alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from heor.decision.thresholds import Thresholds
from heor.errors import InputError
from heor.outcomes.monte_carlo import independent, monte_carlo_se
from heor.outcomes.outcomes import LIFE_YEARS, QALYS, UNDISCOUNTED, Outcomes

EQUAL = "equal in cost and effect"
TOLERANCE = 1e-9  # relative: means that differ by less differ by rounding
Z95 = float(special.ndtri(0.975))


def strategy_table(outcomes: Outcomes) -> pd.DataFrame:
    """Mean, Monte Carlo SE and 95 % interval of every outcome by strategy.

    Returns
    -------
    DataFrame
        Columns `strategy, outcome, mean, se, low, high`; outcomes are the cost categories, `cost`,
        and the effects.
    """
    rows = []
    for i, strategy in enumerate(outcomes.strategies):
        series = {c: outcomes.component(c)[:, i] for c in outcomes.categories}
        series["cost"] = outcomes.cost[:, i]
        for name in (QALYS, LIFE_YEARS, *UNDISCOUNTED):
            if name in outcomes.data.component.values:
                series[name] = outcomes.component(name)[:, i]
        rows += [
            {"strategy": strategy, "outcome": k, **outcomes.summary(v)} for k, v in series.items()
        ]
    return pd.DataFrame(rows)


def increments(outcomes: Outcomes, comparator: str, intervention: str) -> dict[str, np.ndarray]:
    """Intervention minus comparator, every outcome. Dims of each: draw."""
    a, b = (outcomes.strategies.index(s) for s in (intervention, comparator))
    out = {
        str(name): outcomes.data.values[:, a, k] - outcomes.data.values[:, b, k]
        for k, name in enumerate(outcomes.data.component.values)
    }
    out["cost"] = outcomes.cost[:, a] - outcomes.cost[:, b]
    return out


def increment_table(outcomes: Outcomes, comparator: str, intervention: str) -> pd.DataFrame:
    """Mean, Monte Carlo SE and 95 % interval of every increment. Columns as `strategy_table`."""
    changes = increments(outcomes, comparator, intervention)
    return pd.DataFrame([{"outcome": k, **outcomes.summary(v)} for k, v in changes.items()])


def ratio_of_means(cost: np.ndarray, effect: np.ndarray, replicates: int) -> tuple[float, float]:
    """Ratio of mean cost to mean effect over draws, with its Monte Carlo SE (delta method).

    >>> ratio_of_means(np.array([100.0, 200.0]), np.array([1.0, 2.0]), replicates=1)
    (100.0, 0.0)
    """
    c, e = cost.mean(), effect.mean()
    if e == 0:
        return float("nan"), float("nan")
    ratio = c / e
    residual = cost - ratio * effect
    return float(ratio), float(monte_carlo_se(residual, replicates) / abs(e))


def fieller_interval(cost: np.ndarray, effect: np.ndarray, replicates: int) -> tuple[float, float]:
    """95 % Monte Carlo interval of a ratio of means (Fieller 1954); NaN where it has no ends.

    It has none where the mean effect cannot be distinguished from zero: any ratio is then possible.

    >>> low, high = fieller_interval(np.array([9.0, 10.0, 11.0, 10.0]), np.array([1.0, 1.1, 0.9, 1.0]), 1)
    >>> 0 < low < 10 < high
    True
    """
    own = np.stack([independent(x, replicates) for x in (cost, effect)])
    n = own.shape[1]
    if n < 3:
        return float("nan"), float("nan")
    t = Z95 if replicates == 1 else float(stats.t.ppf(0.975, n - 1))
    c, e = own.mean(axis=1)
    covariance = np.cov(own) / n * t**2
    a, b = e**2 - covariance[1, 1], c * e - covariance[0, 1]
    inside = b**2 - a * (c**2 - covariance[0, 0])
    if a <= 0 or inside < 0:
        return float("nan"), float("nan")
    return float((b - np.sqrt(inside)) / a), float((b + np.sqrt(inside)) / a)


def icer_label(cost: float, effect: float) -> str:
    """What the ICER means: an ICER, dominance, no difference, or a saving with less health."""
    if cost == 0 and effect == 0:
        return EQUAL
    if effect > 0:
        return "icer" if cost > 0 else "dominant"
    if effect == 0 and cost < 0:
        return "dominant"
    return "dominated" if cost >= 0 else "less effective and cheaper"


def are_equal(a: np.ndarray | float, b: np.ndarray | float) -> np.ndarray:
    """Whether two means differ by no more than rounding: a billionth of the larger.

    >>> bool(are_equal(0.1 + 0.2, 0.3)), bool(are_equal(0.3, 0.3001))
    (True, False)
    """
    return np.isclose(a, b, rtol=TOLERANCE, atol=0.0)


def icer_table(outcomes: Outcomes, comparator: str, intervention: str) -> pd.DataFrame:
    """ICER and cost per life year, with Monte Carlo SE and 95 % Monte Carlo interval.

    Returns
    -------
    DataFrame
        Columns `measure, cost, effect, ratio, se, low, high, label` (see `icer_label`; means that
        `are_equal` do not differ).
    """
    changes = increments(outcomes, comparator, intervention)
    a, b = (outcomes.strategies.index(s) for s in (intervention, comparator))
    rows = []
    for measure, effect in (("cost per QALY", QALYS), ("cost per life year", LIFE_YEARS)):
        if effect not in changes:
            continue
        pair = changes["cost"], changes[effect]
        ratio, se = ratio_of_means(*pair, outcomes.replicates)
        low, high = fieller_interval(*pair, outcomes.replicates)
        cost, gain = changes["cost"].mean(), changes[effect].mean()
        means = (x.mean(axis=0) for x in (outcomes.cost, outcomes.component(effect)))
        same = [are_equal(x[a], x[b]) for x in means]
        label = icer_label(*np.where(same, 0.0, [cost, gain]))
        if label in ("dominant", "dominated", EQUAL):  # a ratio would mislead
            ratio = se = low = high = np.nan
        rows.append(
            {
                "measure": measure,
                "cost": cost,
                "effect": gain,
                "ratio": ratio,
                "se": se,
                "low": low,
                "high": high,
                "label": label,
            }
        )
    return pd.DataFrame(rows)


def check_thresholds(thresholds: Sequence[float] | np.ndarray) -> np.ndarray:
    """Thresholds as numbers. Dims: (threshold,).

    Raises
    ------
    InputError
        Every threshold that is negative or not finite, and when there is none.
    """
    found = np.asarray(thresholds, float)
    wrong = [t for t in found if not 0 <= t < np.inf]
    problems = [
        f"threshold {t:g}: money per QALY must be at least 0 and finite. Correct it." for t in wrong
    ]
    if found.size == 0:
        problems = ["thresholds: there are none; at least one is needed. Name one."]
    if problems:
        raise InputError(problems)
    return found


def net_benefit(outcomes: Outcomes, threshold: float) -> np.ndarray:
    """Net monetary benefit, threshold × QALYs − cost. Dims: (draw, strategy)."""
    return threshold * outcomes.qalys - outcomes.cost


def net_benefit_table(
    outcomes: Outcomes, comparator: str, intervention: str, thresholds: Thresholds
) -> pd.DataFrame:
    """Incremental net benefit, its chance of being above 0, and EVPI at named thresholds.

    EVPI and the chance of a wrong decision are those of the choice among all strategies of `outcomes`;
    the rest compares the intervention with the comparator alone.

    Returns
    -------
    DataFrame
        Columns `threshold_name, threshold, net_benefit, se, low, high, net_health_benefit` (QALYs)`,
        probability` (of the intervention being better than the comparator; draws in which they tie
        count half)`, probability_se, error_probability` (that the strategy with the highest mean net
        benefit is not the best)`, evpi, evpi_se` (money per patient).

    Raises
    ------
    InputError
        A threshold that is negative or no number.
    """
    check_thresholds([threshold for _, threshold in thresholds])
    changes = increments(outcomes, comparator, intervention)
    rows = []
    for name, threshold in thresholds:
        benefit = threshold * changes[QALYS] - changes["cost"]
        wins = np.heaviside(benefit, 0.5)
        loss = _loss(outcomes, threshold)
        summary = outcomes.summary(benefit)
        mean = summary.pop("mean")
        rows.append(
            {
                "threshold_name": name,
                "threshold": threshold,
                "net_benefit": mean,
                **summary,
                "net_health_benefit": mean / threshold if threshold > 0 else np.nan,
                "probability": wins.mean(),
                "probability_se": float(outcomes.standard_error(wins)),
                "error_probability": float((loss > 0).mean()),
                "evpi": float(loss.mean()),
                "evpi_se": float(outcomes.standard_error(loss)),
            }
        )
    return pd.DataFrame(rows)


def evpi(outcomes: Outcomes, threshold: float) -> tuple[float, float]:
    """Expected value of perfect information per patient, with Monte Carlo SE.

    Mean over draws of the best strategy's net benefit, less that of the best on average.

    Raises
    ------
    InputError
        A threshold that is negative or no number.

    Examples
    --------
    The second strategy gains 1 or loses 3, as likely: doubt costs half of what it may gain.

    >>> table = pd.DataFrame({"strategy": ["a", "a", "b", "b"], "draw": [1, 2, 1, 2], "cost": 0.0,
    ...                       "qaly": [0, 0, 1, -3]})
    >>> evpi(Outcomes.from_table(table, "NOK"), 1.0)
    (0.5, 0.5)
    """
    check_thresholds([threshold])
    loss = _loss(outcomes, threshold)
    return float(loss.mean()), float(outcomes.standard_error(loss))


def _loss(outcomes: Outcomes, threshold: float) -> np.ndarray:
    """What the strategy with the highest mean net benefit forgoes against the best. Dims: (draw,)."""
    benefit = net_benefit(outcomes, threshold)
    forgone = benefit.max(axis=1)[:, None] - benefit
    return forgone[:, forgone.mean(axis=0).argmin()]


def quadrant_table(outcomes: Outcomes, comparator: str) -> pd.DataFrame:
    """Share of draws in each quadrant of the plane, every other strategy against the comparator.

    Returns
    -------
    DataFrame
        Columns `strategy, more_qalys, higher_cost, share`; shares of a strategy sum to 1.
    """
    rows = []
    for strategy in outcomes.strategies:
        if strategy == comparator:
            continue
        changes = increments(outcomes, comparator, strategy)
        more, dearer = changes[QALYS] > 0, changes["cost"] > 0
        rows += [
            {
                "strategy": strategy,
                "more_qalys": bool(a),
                "higher_cost": bool(b),
                "share": float(((more == a) & (dearer == b)).mean()),
            }
            for a in (True, False)
            for b in (True, False)
        ]
    return pd.DataFrame(rows)
