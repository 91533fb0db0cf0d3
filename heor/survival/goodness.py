"""How well curves fit: leave-one-out comparison, stacking weights, survival at landmarks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heor.inputs.problem import MONTHS_PER_YEAR
from heor.survival import cache as store
from heor.survival import psis
from heor.survival.distributions import survival
from heor.survival.observed import empirical_hazard as empirical_hazard
from heor.survival.observed import kaplan_meier as kaplan_meier
from heor.survival.posterior import SurvivalPosterior

LANDMARK_MONTHS = (12.0, 24.0, 36.0, 60.0, 120.0)
WEIGHT_MIN = 1e-6  # the optimiser's rounding: no weight at all

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
    distributions (Yao, Vehtari, Simpson and Gelman 2018, doi:10.1214/17-BA1091), with ArviZ.

    Parameters
    ----------
    posteriors
        From `fit_all`.
    unit
        Names of the OS and of the PFS evidence, or of one evidence.
    cache
        Folder for the result, so that a cached run need not import ArviZ.
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
    path = cache / f"comparison-{'+'.join(unit)}-{key[:16]}.nc" if cache and all(keys) else None
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
    points = {f: np.concatenate([psis.patients(p.loo) for p in ps]) for f, ps in own.items()}
    weights = stacking_weights({f: points[f] for f in candidates})
    best = max(families, key=lambda f: points[f].sum())
    rows = []
    for f in sorted(families, key=lambda f: -points[f].sum()):
        loos = [p.loo for p in own[f]]
        n, change = len(points[f]), points[f] - points[best]
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
                "elpd": float(points[f].sum()),
                "se": float(np.sqrt(n * points[f].var())),
                "difference": float(change.sum()),
                "difference_se": float(np.sqrt(n * change.var())),
                "p_loo": sum(loo["p_loo"] for loo in loos),
                "pareto_k_max": k,
                "n_bad_k": bad,
                "weight": weights.get(f, 0.0),
                "flag": "; ".join(flags),
            }
        )
    return rows


def stacking_weights(points: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Stacking weights from each family's leave-one-out terms, one a patient, by ArviZ."""
    if len(points) == 1:
        return {f: 1.0 for f in points}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz
        import xarray

        data = {f: _elpd_data(arviz, xarray, x) for f, x in points.items()}
        found = arviz.compare(data, ic="loo", method="stacking")["weight"]
    weights = {f: float(found[f]) if found[f] > WEIGHT_MIN else 0.0 for f in points}
    total = sum(weights.values())
    return {f: w / total for f, w in weights.items()}


def _elpd_data(arviz: Any, xarray: Any, points: np.ndarray) -> Any:
    """Leave-one-out terms in the form `arviz.compare` reads."""
    n = len(points)
    values = {
        "elpd_loo": points.sum(),
        "se": np.sqrt(n * points.var()),
        "p_loo": 0.0,
        "n_samples": 1,
        "n_data_points": n,
        "warning": False,
        "loo_i": xarray.DataArray(points, dims="patient"),
        "pareto_k": xarray.DataArray(np.zeros(n), dims="patient"),
        "scale": "log",
        "good_k": psis.PARETO_K_MAX,
    }
    return arviz.stats.ELPDData(data=list(values.values()), index=list(values))


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
