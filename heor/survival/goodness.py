"""How well curves fit: leave-one-out comparison, stacking weights, survival at landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from heor.inputs.problem import MONTHS_PER_YEAR
from heor.survival import cache as store
from heor.survival import psis
from heor.survival.distributions import survival
from heor.survival.observed import empirical_hazard as empirical_hazard
from heor.survival.observed import kaplan_meier as kaplan_meier
from heor.survival.posterior import SurvivalPosterior

LANDMARK_MONTHS = (12.0, 24.0, 36.0, 60.0, 120.0)
WEIGHT_MIN = 1e-3  # fewer than one draw in a thousand: no weight at all

Posteriors = Mapping[tuple[str, str], SurvivalPosterior]


@dataclass(frozen=True)
class ModelComparison:
    """Families compared on one data set: both endpoints together where both are fitted.

    Attributes
    ----------
    unit : tuple of str
        Evidence of OS and of PFS, or of the one curve fitted.
    table : DataFrame
        One row a family, best first: `family`, `label`, `method`, `elpd_<endpoint>`, `elpd`, `se`,
        `difference` (to the best, 0 or negative), `difference_se`, `p_loo`, `pareto_k_max`,
        `n_bad_k`, `weight`, `flag` (text where a row is unreliable or was left out).
    weights : dict
        Family → stacking weight; they sum to 1.
    """

    unit: tuple[str, ...]
    table: pd.DataFrame
    weights: dict[str, float]


def compare(
    posteriors: Posteriors,
    unit: tuple[str, ...],
    cache: Path | None = None,
    candidates: Sequence[str] | None = None,
) -> ModelComparison:
    """Compare the families fitted to every evidence of a unit, and stack them.

    A family serves OS and PFS alike, so its terms for the two endpoints are put together. Expected
    log predictive density by leave-one-out over patients; weights by stacking of predictive
    distributions (Yao, Vehtari, Simpson and Gelman 2018, doi:10.1214/17-BA1091).

    Parameters
    ----------
    posteriors
        From `fit_all`.
    unit
        Names of the OS and of the PFS evidence, or of one evidence.
    cache
        Folder that keeps the result.
    candidates
        Families that may have weight; all when None.

    Raises
    ------
    KeyError
        No family is fitted to all.
    """
    first, *rest = unit
    families = [
        f for name, f in posteriors if name == first and all((r, f) in posteriors for r in rest)
    ]
    if not families:
        raise KeyError(f"{' and '.join(unit)}: no distribution is fitted to all.")
    candidates = tuple(f for f in families if candidates is None or f in candidates)
    keys = [posteriors[name, f].fit_key for f in families for name in unit]
    key = store.key({"comparison": keys, "candidates": candidates})
    path = store.place(cache, f"comparison-{'+'.join(unit)}", key) if cache and all(keys) else None
    found = store.read(path) if path else None
    if found:
        rows = found[1]["rows"]
    else:
        rows = _compare(posteriors, unit, families, candidates)
        if path:
            weights = np.array([row["weight"] for row in rows])
            store.write(path, {"comparison": {"weight": (("family",), weights)}}, {"rows": rows})
    table = pd.DataFrame(rows)
    return ModelComparison(unit, table, dict(zip(table["family"], table["weight"], strict=True)))


def _compare(
    posteriors: Posteriors,
    unit: tuple[str, ...],
    families: Sequence[str],
    candidates: Sequence[str],
) -> list[dict[str, Any]]:
    own = {f: [posteriors[name, f] for name in unit] for f in families}
    points = {f: np.concatenate([p.loo["pointwise"] for p in ps]) for f, ps in own.items()}
    counts = np.concatenate([p.loo["counts"] for p in own[families[0]]])
    weights = stacking_weights({f: points[f] for f in candidates}, counts)
    elpd = {f: float(counts @ points[f]) for f in families}
    best = max(families, key=lambda f: elpd[f])
    rows = []
    for f in sorted(families, key=lambda f: -elpd[f]):
        loos = [p.loo for p in own[f]]
        change = points[f] - points[best]
        k, bad = max(loo["pareto_k_max"] for loo in loos), sum(loo["n_bad_k"] for loo in loos)
        flags = [f"Pareto k above 0.7 for {bad:g} patients"] if k > psis.PARETO_K_MAX else []
        if f not in candidates:
            flags.append("no weight when screened by Laplace; not sampled by NUTS")
        rows.append(
            {
                "family": f,
                "label": own[f][0].model.label,
                "method": own[f][0].method,
                **{f"elpd_{p.endpoint}": p.loo["elpd_loo"] for p in own[f]},
                "elpd": elpd[f],
                "se": _standard_error(points[f], counts),
                "difference": float(counts @ change),
                "difference_se": _standard_error(change, counts),
                "p_loo": sum(loo["p_loo"] for loo in loos),
                "pareto_k_max": k,
                "n_bad_k": bad,
                "weight": weights.get(f, 0.0),
                "flag": "; ".join(flags),
            }
        )
    return rows


def _standard_error(points: np.ndarray, counts: np.ndarray) -> float:
    """Standard error of a sum of terms, each standing for `counts` patients."""
    n = counts.sum()
    mean = counts @ points / n
    return float(np.sqrt(n * (counts @ (points - mean) ** 2 / n)))


def stacking_weights(points: Mapping[str, np.ndarray], counts: np.ndarray) -> dict[str, float]:
    """Weights that maximise the log score of the mixture of leave-one-out predictions.

    Parameters
    ----------
    points
        Family → leave-one-out term of one patient of each kind, dims (cell,).
    counts : array, dims (cell,)
        Patients of each kind; need not be whole (weights, effective numbers).

    Examples
    --------
    >>> terms = {"a": np.log([0.9, 0.1]), "b": np.log([0.1, 0.9])}
    >>> found = stacking_weights(terms, np.array([3.0, 1.0]))
    >>> {f: round(w, 4) for f, w in found.items()}
    {'a': 0.8125, 'b': 0.1875}
    """
    if len(points) == 1:
        return {f: 1.0 for f in points}
    terms = np.stack(list(points.values()), axis=1)
    density = np.exp(terms - terms.max(axis=1, keepdims=True))
    share = counts / counts.sum()

    def negative(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixture = np.maximum(density @ w, 1e-300)
        return -float(share @ np.log(mixture)), -(share / mixture) @ density

    size = len(points)
    found = optimize.minimize(
        negative,
        np.full(size, 1 / size),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * size,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(size)},
        options={"ftol": 1e-12, "maxiter": 1000},
    ).x
    found = np.where(found > WEIGHT_MIN, found, 0.0)
    return dict(zip(points, (found / found.sum()).tolist(), strict=True))


def landmark_table(
    posteriors: Iterable[SurvivalPosterior],
    months: Sequence[float] = LANDMARK_MONTHS,
    evaluate: Callable[[SurvivalPosterior, np.ndarray], np.ndarray] | None = None,
) -> pd.DataFrame:
    """Survival at landmarks: posterior mean and 95 % interval.

    Parameters
    ----------
    evaluate
        (posterior, times in years) → survival by (draw, time); that of the fitted excess hazard
        alone when None.

    Returns
    -------
    DataFrame
        `evidence`, `endpoint`, `distribution`, `month`, `mean`, `low`, `high`.
    """
    rows = []
    time = np.asarray(months, float) / MONTHS_PER_YEAR
    for p in posteriors:
        s = evaluate(p, time) if evaluate else survival(p.model, p.parameters, time)
        low, high = np.quantile(s, [0.025, 0.975], axis=0)
        where = {"evidence": p.evidence, "endpoint": p.endpoint, "distribution": p.distribution}
        rows += [
            where | {"month": month, "mean": s[:, i].mean(), "low": low[i], "high": high[i]}
            for i, month in enumerate(months)
        ]
    return pd.DataFrame(rows)
