"""How well curves fit: leave-one-out comparison, stacking weights, survival at landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from heor.problem.parameter import MONTHS_PER_YEAR
from heor.survival.evidence.observed import empirical_hazard as empirical_hazard
from heor.survival.evidence.observed import kaplan_meier as kaplan_meier
from heor.survival.families import families
from heor.survival.families.distributions import survival
from heor.survival.fitting import choices
from heor.survival.fitting.choices import Lists
from heor.survival.fitting.posterior import SurvivalPosterior
from heor.survival.fitting.stacking import WEIGHT_MIN, linked_weights
from heor.survival.sampler import cache as store
from heor.survival.sampler import psis

LANDMARK_MONTHS = (12.0, 24.0, 36.0, 60.0, 120.0)

Posteriors = Mapping[tuple[str, str], SurvivalPosterior]


@dataclass(frozen=True)
class ModelComparison:
    """Choices of families compared on one data set: both endpoints together where both are fitted.

    A choice is one family for all endpoints, or one for each (see `heor.survival.fitting.choices`).

    Attributes
    ----------
    unit : tuple of str
        Evidence of OS and of PFS, or of the one curve fitted.
    table : DataFrame
        One row a choice, best first: `family`, `label`, `method`, `elpd_<endpoint>`, `elpd`, `se`,
        `difference` (to the best, 0 or negative), `difference_se`, `p_loo`, `pareto_k_max`,
        `n_bad_k`, `weight`, `flag` (text where a row is unreliable or was left out).
    weights : dict
        Choice → stacking weight; they sum to 1.
    """

    unit: tuple[str, ...]
    table: pd.DataFrame
    weights: dict[str, float]


def compare(
    posteriors: Posteriors,
    unit: tuple[str, ...],
    cache: Path | None = None,
    candidates: Lists | None = None,
    lists: Lists | None = None,
    together: bool | None = None,
) -> ModelComparison:
    """Compare the families fitted to every evidence of a unit, and stack them.

    Where the endpoints have the same list, a family serves them together and its terms are added;
    where the lists differ, each endpoint's families are stacked by themselves, joint ones for all.
    Expected log predictive density by leave-one-out over patients; weights by stacking of predictive
    distributions (Yao, Vehtari, Simpson and Gelman 2018, doi:10.1214/17-BA1091).

    Parameters
    ----------
    posteriors
        From `fit_each`.
    unit
        Names of the OS and of the PFS evidence, or of one evidence.
    cache
        Folder that keeps the result.
    candidates
        Families of each evidence that may have weight; all when None.
    lists
        Families of each evidence; those fitted to all of them when None.
    together
        Whether one family serves all endpoints; when None, if their lists are the same.

    Raises
    ------
    KeyError
        No family is fitted to all.
    """
    if lists is None:
        first, *rest = unit
        own = (f for name, f in posteriors if name == first)
        lists = (tuple(f for f in own if all((r, f) in posteriors for r in rest)),) * len(unit)
    if not all(lists):
        raise KeyError(f"{' and '.join(unit)}: no distribution is fitted to all.")
    candidates = lists if candidates is None else candidates
    keys = [[posteriors[n, f].fit_key for f in own] for n, own in zip(unit, lists, strict=True)]
    together = choices.alike(lists) if together is None else together
    key = store.key(
        {"comparison": keys, "families": lists, "candidates": candidates, "together": together}
    )
    known = all(k for own in keys for k in own)
    path = store.place(cache, f"comparison-{'+'.join(unit)}", key) if cache and known else None
    found = store.read(path) if path else None
    if found:
        rows = found[1]["rows"]
    else:
        rows = _compare(posteriors, unit, lists, candidates, together)
        if path:
            weights = np.array([row["weight"] for row in rows])
            store.write(path, {"comparison": {"weight": (("family",), weights)}}, {"rows": rows})
    table = pd.DataFrame(rows)
    return ModelComparison(unit, table, dict(zip(table["family"], table["weight"], strict=True)))


def _compare(
    posteriors: Posteriors,
    unit: tuple[str, ...],
    lists: Lists,
    candidates: Lists,
    together: bool,
) -> list[dict[str, Any]]:
    own = [{f: posteriors[name, f] for f in names} for name, names in zip(unit, lists, strict=True)]
    points = [{f: p.loo["pointwise"] for f, p in fits.items()} for fits in own]
    counts = [next(iter(fits.values())).loo["counts"] for fits in own]
    if together:
        names = list(lists[0])
        terms = {f: np.concatenate([p[f] for p in points]) for f in candidates[0]}
        weights = stacking_weights(terms, np.concatenate(counts))
    else:
        shared = [f for f, p in own[0].items() if p.joint]
        weights = _apart(points, counts, candidates, [f for f in shared if f in candidates[0]])
        elpd = [
            {f: float(n @ term) for f, term in p.items()}
            for p, n in zip(points, counts, strict=True)
        ]
        names = choices.shown(lists, elpd, shared, list(weights))
    return _rows(own, names, weights, candidates)


def _apart(
    points: Sequence[Mapping[str, np.ndarray]],
    counts: Sequence[np.ndarray],
    candidates: Lists,
    shared: Sequence[str],
) -> dict[str, float]:
    """Weights of choices where each endpoint has families of its own, besides those shared."""
    given = [{f: p[f] for f in own} for p, own in zip(points, candidates, strict=True)]
    if not shared:
        own = [stacking_weights(p, n) for p, n in zip(given, counts, strict=True)]
        return choices.combined(own, ())
    if any(set(p) <= set(shared) for p in given):  # one endpoint has no family by itself
        terms = {f: np.concatenate([p[f] for p in given]) for f in shared}
        return stacking_weights(terms, np.concatenate(counts))
    return choices.combined(linked_weights(given, counts, shared), shared)


def _rows(
    own: Sequence[Mapping[str, SurvivalPosterior]],
    names: Sequence[str],
    weights: Mapping[str, float],
    candidates: Lists,
) -> list[dict[str, Any]]:
    """A row of the table for each choice, best first."""
    size = len(own)
    fits = {
        name: [p[f] for p, f in zip(own, choices.members(name, size), strict=True)]
        for name in names
    }
    points = {name: np.concatenate([p.loo["pointwise"] for p in fits[name]]) for name in names}
    counts = np.concatenate([p.loo["counts"] for p in fits[names[0]]])
    elpd = {name: float(counts @ points[name]) for name in names}
    best = max(names, key=lambda name: elpd[name])
    rows = []
    for name in sorted(names, key=lambda name: -elpd[name]):
        loos = [p.loo for p in fits[name]]
        change = points[name] - points[best]
        k, bad = max(loo["pareto_k_max"] for loo in loos), sum(loo["n_bad_k"] for loo in loos)
        flags = [f"Pareto k above 0.7 for {bad:g} patients"] if k > psis.PARETO_K_MAX else []
        if any(f not in c for f, c in zip(choices.members(name, size), candidates, strict=True)):
            flags.append("no weight when screened by Laplace; not sampled by NUTS")
        rows.append(
            {
                "family": name,
                "label": label(fits[name]),
                "method": " and ".join(dict.fromkeys(p.method for p in fits[name])),
                **{f"elpd_{p.endpoint}": p.loo["elpd_loo"] for p in fits[name]},
                "elpd": elpd[name],
                "se": _standard_error(points[name], counts),
                "difference": float(counts @ change),
                "difference_se": _standard_error(change, counts),
                "p_loo": sum(loo["p_loo"] for loo in loos),
                "pareto_k_max": k,
                "n_bad_k": bad,
                "weight": weights.get(name, 0.0),
                "flag": "; ".join(flags),
            }
        )
    return rows


def with_left_out(found: ModelComparison, left_out: Mapping[str, str]) -> ModelComparison:
    """The comparison with a row for each family that could not be fitted: its weight is unknown.

    `left_out`: family → why.
    """
    rows = [
        {"family": f, "label": families.label(f), "weight": np.nan, "flag": f"left out: {why}"}
        for f, why in left_out.items()
    ]
    if not rows:
        return found
    table = pd.concat([found.table, pd.DataFrame(rows)], ignore_index=True)
    return replace(found, table=table)


def label(fits: Sequence[SurvivalPosterior]) -> str:
    """A choice in words: 'Weibull', or 'Weibull (OS) and Gompertz (PFS)'."""
    if len({p.distribution for p in fits}) == 1:
        return fits[0].model.label
    return " and ".join(f"{p.model.label} ({p.endpoint.upper()})" for p in fits)


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
