"""Posterior predictive checks: would the fitted curves have produced data like these?

Each posterior draw simulates the patients again, interval by interval, under the same censoring;
the replicated Kaplan-Meier curves are laid beside the observed one (Gelman, Meng and Stern 1996;
Gabry et al. 2019, doi:10.1111/rssa.12378).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.streams import Streams
from heor.survival.evidence.evidence import individual
from heor.survival.evidence.observed import AT_RISK_MIN, BINOMIAL
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.survival_analysis.fitted import all_cause, families_of, fitted_evidence

REPLICATES = 400
CELLS = 120  # intervals that individual data are counted in
CHECK_MONTHS = (6, 12, 24, 36, 60)
DISTANCE = "largest distance from the fitted curve"
SUSPECT = 0.05  # a two-sided p-value below it is named in the report


@dataclass(frozen=True)
class Cells:
    """Evidence counted by interval. Dims of each: interval.

    Attributes
    ----------
    edges : ndarray, dims (interval + 1,)
        Years.
    at_risk, events, censored, entering : ndarray
        Entering: patients who come under observation in the interval (delayed entry).
    chained : bool
        Whoever survives an interval uncensored is at risk in the next one; False for survivors
        by interval, whose numbers at risk are given.
    """

    edges: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    entering: np.ndarray
    chained: bool

    @property
    def survival(self) -> np.ndarray:
        """Actuarial Kaplan-Meier estimate at the end of each interval."""
        return np.cumprod(_share(self.events, self.at_risk - 0.5 * self.censored))


def _share(events: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """Surviving share of an interval; 1 where nobody is left."""
    exposed = np.maximum(exposed, events)
    return 1.0 - np.divide(events, exposed, out=np.zeros_like(exposed), where=exposed > 0)


def cells(evidence: SurvivalEvidence) -> Cells:
    """Any form of evidence as counts by interval."""
    evidence = individual(evidence)
    table = {k: np.asarray(v, float) for k, v in evidence.table.items()}
    if evidence.form in BINOMIAL:
        n, none = np.round(table["n"]), np.zeros(len(table["n"]))
        edges = np.append(table["start"], table["end"][-1])
        events = n - np.minimum(np.round(table["survivors"]), n)
        return Cells(edges, n, events, none, none, False)
    if evidence.form == "grouped":
        edges = np.append(table["start"], table["end"][-1])
        entering = np.zeros(len(table["start"]))
        entering[0] = table["n_at_risk"][0]
        counts = (table[k] for k in ("n_at_risk", "n_events", "n_censored"))
        return Cells(edges, *counts, entering, True)
    return _counted(table)


def _counted(table: dict[str, np.ndarray]) -> Cells:
    """Individual data on a regular grid; weights as numbers of patients."""
    end, event = table["time"], table["event"]
    entry = table.get("entry", np.zeros(len(end)))
    weight = table.get("weight", np.ones(len(end)))
    edges = np.linspace(0.0, end.max(), CELLS + 1)
    last = np.clip(np.searchsorted(edges, end, side="left") - 1, 0, CELLS - 1)
    first = np.minimum(np.searchsorted(edges, entry, side="right") - 1, last)
    entering, events, left = (
        np.round(np.bincount(at, w, CELLS))
        for at, w in ((first, weight), (last, weight * event), (last, weight))
    )
    at_risk = np.cumsum(entering) - np.append(0.0, np.cumsum(left)[:-1])
    return Cells(edges, at_risk, events, left - events, entering, True)


def replicate(found: Cells, survival: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Replicated Kaplan-Meier curves, one a row of `survival`. Dims: (draw, interval).

    Parameters
    ----------
    survival : ndarray, dims (draw, edge)
        Fitted all-cause survival at the edges of the intervals.

    Notes
    -----
    Censoring acts in the middle of an interval, as in the likelihood, on a share of patients that
    gives the observed censorings at the observed mortality.
    """
    draws, size = len(survival), len(found.at_risk)
    before, after = survival[:, :-1], survival[:, 1:]
    stay = np.divide(after, before, out=np.zeros_like(after), where=before > 0).clip(0.0, 1.0)
    half = np.sqrt(_share(found.events, found.at_risk - 0.5 * found.censored))
    exposed = np.maximum(found.at_risk * half, 1e-12)
    to_censor = np.clip(found.censored / exposed, 0.0, 1.0)
    n, km, out = np.zeros(draws), np.ones(draws), np.empty((draws, size))
    for j in range(size):
        n = (n if found.chained else 0.0) + np.full(
            draws, found.entering[j] if found.chained else found.at_risk[j]
        )
        some = generator.binomial(n.astype(int), to_censor[j])
        early = generator.binomial(some, 1.0 - np.sqrt(stay[:, j]))
        events = early + generator.binomial(n.astype(int) - some, 1.0 - stay[:, j])
        censored = some - early
        km = km * _share(events.astype(float), n - 0.5 * censored)
        out[:, j] = km
        n = n - events - censored
    return out


def check(
    problem: DecisionProblem, fits: SurvivalFits, streams: Streams
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Checks and curves of every family and evidence.

    Returns
    -------
    checks : DataFrame
        `evidence`, `endpoint`, `family`, `label`, `method`, `statistic` (`survival at 12 months`,
        `median, months`, `largest distance from the fitted curve`), `observed`, `replicated`
        (mean), `low`, `high` (95 %), `p` (share of replicates above the observed, ties half; of
        the distance: share at least as far, so only small values are bad), `p_two_sided`.
    curves : DataFrame
        `evidence`, `family`, `month`, `observed`, `low`, `median`, `high`: survival.
    """
    checks, curves = [], []
    for _, name in fitted_evidence(fits):
        evidence = individual(problem.evidence[name])
        found = cells(evidence)
        for family in families_of(fits, name):
            posterior = fits.posteriors[name, family]
            generator = streams.generator(f"survival/{name}/{family}/replicates")
            fitted = all_cause(problem, posterior, evidence, found.edges, REPLICATES)
            replicated = replicate(found, fitted, generator)
            where = {"evidence": name, "endpoint": posterior.endpoint, "family": family}
            about = where | {"label": posterior.model.label, "method": posterior.method}
            checks += [about | row for row in statistics(found, fitted, replicated)]
            curves.append(_band(where, found, replicated))
    return pd.DataFrame(checks), pd.concat(curves, ignore_index=True)


def statistics(found: Cells, fitted: np.ndarray, replicated: np.ndarray) -> list[dict]:
    """The test quantities of one posterior: landmarks within follow-up, median, distance."""
    rows = []
    enough = found.edges[1:][found.at_risk >= AT_RISK_MIN]
    reach = float(enough.max()) if len(enough) else 0.0
    for month in CHECK_MONTHS:
        at = month / MONTHS_PER_YEAR
        if at <= reach + 1e-9:
            observed = float(_at(found, found.survival[None], at)[0])
            row = _row(f"survival at {month} months", observed, _at(found, replicated, at))
            rows.append(row)
    observed = float(_medians(found, found.survival[None])[0])
    if np.isfinite(observed):
        rows.append(_row("median, months", observed, _medians(found, replicated)))
    some = found.at_risk >= AT_RISK_MIN
    own, new = (
        np.abs(curve[:, some] - fitted[:, 1:][:, some]).max(axis=1)
        for curve in (np.broadcast_to(found.survival, replicated.shape), replicated)
    )
    p = float(np.mean(new >= own))
    row = _row(DISTANCE, float(own.mean()), new)
    return [*rows, row | {"p": p, "p_two_sided": p}]


def misfits(problem: DecisionProblem, fits: SurvivalFits, checks: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each evidence whose families in use would rarely have given such data."""
    lines = []
    distance = checks[checks["statistic"] == DISTANCE]
    for _, name in fitted_evidence(fits):
        share = families_of(fits, name)
        own = distance[(distance["evidence"] == name) & (distance["p"] < SUSPECT)]
        found = [(r["label"], r["p"]) for _, r in own.iterrows() if share[r["family"]] > 0]
        if found:
            words = ", ".join(f"{label} (p {max(p, 1 / REPLICATES):.2g})" for label, p in found)
            evidence = problem.evidence[name]
            lines.append(
                f"{evidence.label}, {evidence.endpoint.upper()}: data simulated from families with weight "
                f"rarely lie as far from the fitted curve as those observed: {words}. See the posterior "
                "predictive checks: where the curve is missed decides whether it matters."
            )
    return tuple(lines)


def _at(found: Cells, curves: np.ndarray, time: float) -> np.ndarray:
    """Survival at a time, linear within the interval. Dims: draw."""
    full = np.concatenate([np.ones((len(curves), 1)), curves], axis=1)
    j = int(np.clip(np.searchsorted(found.edges, time) - 1, 0, len(found.edges) - 2))
    share = (time - found.edges[j]) / (found.edges[j + 1] - found.edges[j])
    return (1 - share) * full[:, j] + share * full[:, j + 1]


def _medians(found: Cells, curves: np.ndarray) -> np.ndarray:
    """First interval's end with survival at most one half, months; infinite without. Dims: draw."""
    low = curves <= 0.5 + 1e-12
    months = found.edges[1:][low.argmax(axis=1)] * MONTHS_PER_YEAR
    return np.where(low.any(axis=1), months, np.inf)


def _row(statistic: str, observed: float, replicated: np.ndarray) -> dict:
    above = np.mean(replicated > observed + 1e-12)
    p = float(above + 0.5 * np.mean(np.abs(replicated - observed) <= 1e-12))
    finite = replicated[np.isfinite(replicated)]
    low, high = np.quantile(finite, [0.025, 0.975]) if len(finite) else (np.nan, np.nan)
    return {
        "statistic": statistic,
        "observed": observed,
        "replicated": float(finite.mean()) if len(finite) else np.nan,
        "low": float(low),
        "high": float(high),
        "p": p,
        "p_two_sided": min(1.0, 2 * min(p, 1 - p)),
    }


def _band(where: dict, found: Cells, replicated: np.ndarray) -> pd.DataFrame:
    low, middle, high = np.quantile(replicated, [0.025, 0.5, 0.975], axis=0)
    band = pd.DataFrame({"month": found.edges[1:] * MONTHS_PER_YEAR, "observed": found.survival})
    band["low"], band["median"], band["high"] = low, middle, high
    for i, key in enumerate(("evidence", "family")):
        band.insert(i, key, where[key])
    return band
