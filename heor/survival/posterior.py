"""`fit_all`: posteriors of every curve, from the cache, by Laplace or by NUTS, and checked.

The result for one curve depends on its data, distribution, settings and seed only: not on what
else is fitted, the order, or the number of processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heor.errors import FitError
from heor.inputs.problem import FitSettings, SurvivalEvidence
from heor.streams import Streams
from heor.survival import cache as store
from heor.survival import laplace, likelihood, psis, workers
from heor.survival.distributions import DISTRIBUTIONS

Key = tuple[str, str]
Progress = Callable[[str, int, int], None]
STAGE = "Survival fits"
IMPORTANCE_ESS_MIN = 0.1  # share of the proposals; fewer and Laplace is not trusted
NONE = float("nan")  # a diagnostic the method does not have


@dataclass(frozen=True)
class FitRequest:
    """One curve to fit. `background` as in `heor.survival.likelihood.prepare`."""

    evidence: SurvivalEvidence
    distribution: str
    background: np.ndarray | None = None

    @property
    def key(self) -> Key:
        return self.evidence.name, self.distribution


@dataclass(frozen=True)
class SurvivalPosterior:
    """Posterior of one distribution for one curve.

    Attributes
    ----------
    evidence, endpoint, distribution : str
    method : {"nuts", "laplace"}
    parameters : dict of ndarray, dims (draw,)
        Natural scale, times in years, in the order the distribution declares them.
    theta_mean : ndarray, dims (parameter,)
        Posterior mean on the unconstrained scale.
    diagnostics : dict
        `r_hat_max`, `ess_bulk_min`, `ess_tail_min`, `divergences`, `n_distinct`, `pareto_k`,
        `importance_ess` (share of the proposals), `seconds`; NaN where the method has none.
    loo : dict
        `elpd_loo`, `se`, `p_loo`, `pareto_k_max`, `n_bad_k`, and by kind of patient `pointwise`,
        `pareto_k` and `counts`.
    fit_key : str
        Hash of all the fit depends on.
    """

    evidence: str
    endpoint: str
    distribution: str
    method: str
    parameters: dict[str, np.ndarray]
    theta_mean: np.ndarray
    diagnostics: dict[str, Any]
    loo: dict[str, Any]
    fit_key: str = ""

    def central(self) -> list[float]:
        """Parameters at the posterior mean, natural scale, in the order of `parameters`."""
        natural = DISTRIBUTIONS[self.distribution].natural(self.theta_mean)
        return [float(natural[name]) for name in self.parameters]


@dataclass(frozen=True)
class _Job:
    """A request with its data, seeds and the place of its result on disk."""

    request: FitRequest
    data: dict[str, np.ndarray]
    method: str
    stream: str
    seed: int
    fit_key: str
    path: Path | None


def fit_all(
    requests: Sequence[FitRequest],
    settings: FitSettings,
    streams: Streams,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> dict[Key, SurvivalPosterior]:
    """Fit every request, or read its posterior from the cache.

    Parameters
    ----------
    settings
        `quick` means Laplace with importance sampling; a fit it cannot be trusted for (Pareto k
        above 0.7, or an effective sample below 10 % of the proposals) is then sampled by NUTS.
    cache
        Folder of posteriors, safe to delete; None keeps nothing.
    progress
        Called with (stage, done, total) after every fit.

    Returns
    -------
    dict
        (evidence name, distribution) → `SurvivalPosterior`, in the order of `requests`.

    Raises
    ------
    FitError
        Fits that failed their diagnostics, all of them: also those from the cache.
    """
    jobs = [_job(r, settings, streams, cache) for r in {r.key: r for r in requests}.values()]
    found: dict[Key, SurvivalPosterior] = {}

    def keep(job: _Job, posterior: SurvivalPosterior) -> None:
        found[job.request.key] = posterior
        if progress:
            progress(STAGE, len(found), len(jobs))

    missing = []
    for job in jobs:
        stored = _load(job)
        if stored:
            keep(job, stored)
        else:
            missing.append(job)
    by_nuts = []
    for job in missing:
        posterior = _laplace(job, settings, streams) if job.method == "laplace" else None
        if posterior:
            keep(job, posterior)
        else:
            by_nuts.append(job)
    for job, posterior in _nuts(by_nuts, settings):
        keep(job, posterior)
    out = {job.request.key: found[job.request.key] for job in jobs}
    check(out, settings)
    return out


def check(posteriors: Mapping[Key, SurvivalPosterior], settings: FitSettings) -> None:
    """Raise one FitError with every diagnostic that is out of bounds."""
    problems = []
    for (evidence, distribution), posterior in posteriors.items():
        if posterior.method != "nuts":
            continue
        d, where = posterior.diagnostics, f"{evidence}, {distribution}"
        ess = min(d["ess_bulk_min"], d["ess_tail_min"])
        if not d["r_hat_max"] <= settings.r_hat_max:
            problems.append(
                f"{where}: R-hat is {d['r_hat_max']:.3f}; at most {settings.r_hat_max:g} is allowed. "
                "Raise fit.tune and fit.draws."
            )
        if not ess >= settings.ess_min:
            problems.append(
                f"{where}: effective sample size is {ess:.0f}; at least {settings.ess_min:g} is "
                "needed. Raise fit.draws or fit.chains."
            )
        if d["divergences"] > settings.divergences_max:
            problems.append(
                f"{where}: {d['divergences']} divergent transitions; at most "
                f"{settings.divergences_max} allowed. Raise fit.target_accept, or leave this "
                "distribution out: the data may not identify it."
            )
    if problems:
        raise FitError("\n".join(problems))


def _job(request: FitRequest, settings: FitSettings, streams: Streams, cache: Path | None) -> _Job:
    distribution = DISTRIBUTIONS[request.distribution]
    data = likelihood.prepare(request.evidence, request.background)
    method = "laplace" if settings.quick else "nuts"
    stream = f"survival/{request.evidence.name}/{request.distribution}/{method}"
    seed = streams.integer(stream)
    limits = ("r_hat_max", "ess_min", "divergences_max")  # checked on every load, not computed with
    sampler = {k: v for k, v in asdict(settings).items() if k not in limits}
    priors = [[p.name, p.transform, p.prior_mean, p.prior_sd] for p in distribution.parameters]
    fit_key = store.key(
        {
            **{f"data {k}": v for k, v in data.items()},
            "evidence": [request.evidence.name, request.evidence.endpoint],
            "distribution": [request.distribution, priors],
            "sampler": sampler,
            "method": method,
            "seed": seed,
        }
    )
    path = (
        cache / f"{request.evidence.name}-{request.distribution}-{fit_key[:16]}.nc"
        if cache
        else None
    )
    return _Job(request, data, method, stream, seed, fit_key, path)


def _laplace(job: _Job, settings: FitSettings, streams: Streams) -> SurvivalPosterior | None:
    """The quick posterior, or None where it cannot be trusted."""
    started = time.perf_counter()
    distribution = DISTRIBUTIONS[job.request.distribution]
    draws = settings.chains * settings.draws
    try:
        fit = laplace.fit_laplace(distribution, job.data, draws, streams.generator(job.stream))
    except (ArithmeticError, np.linalg.LinAlgError):
        return None
    if not fit.pareto_k <= psis.PARETO_K_MAX or fit.importance_ess < IMPORTANCE_ESS_MIN:
        return None
    diagnostics = {
        "r_hat_max": NONE,
        "ess_bulk_min": NONE,
        "ess_tail_min": NONE,
        "divergences": 0,
        "n_distinct": fit.n_distinct,
        "pareto_k": fit.pareto_k,
        "importance_ess": fit.importance_ess,
    }
    return _finish(job, "laplace", fit.theta[None], fit.mean, diagnostics, started, {}, 1.0)


def _nuts(jobs: Sequence[_Job], settings: FitSettings):
    """Sample the jobs in worker processes; yield (job, posterior) as they finish."""
    by_key = {job.request.key: job for job in jobs}
    groups: dict[tuple[str, str], list[workers.Task]] = {}
    for job in jobs:
        request = job.request
        task = workers.Task(request.key, request.distribution, job.data, settings, job.seed)
        groups.setdefault((request.distribution, request.evidence.form), []).append(task)
    # what takes longest to compile goes first, so that both workers end together
    order = sorted(groups, key=lambda g: (DISTRIBUTIONS[g[0]].closed_form, g))
    for key, sample in workers.sample_all([groups[g] for g in order]) if groups else ():
        started = time.perf_counter() - sample.seconds_sample
        draws = sample.theta.reshape(-1, sample.theta.shape[-1])
        diagnostics = {
            "r_hat_max": sample.r_hat_max,
            "ess_bulk_min": sample.ess_bulk_min,
            "ess_tail_min": sample.ess_tail_min,
            "divergences": int(sample.diverging.sum()),
            "n_distinct": len(np.unique(draws, axis=0)),
            "pareto_k": NONE,
            "importance_ess": NONE,
        }
        stats = {"diverging": sample.diverging, "n_steps": sample.steps}
        efficiency = min(1.0, sample.ess_bulk_min / len(draws))
        yield (
            by_key[key],
            _finish(
                by_key[key],
                "nuts",
                sample.theta,
                draws.mean(axis=0),
                diagnostics,
                started,
                stats,
                efficiency,
            ),
        )


def _finish(
    job: _Job,
    method: str,
    theta: np.ndarray,
    mean: np.ndarray,
    diagnostics: dict[str, Any],
    started: float,
    stats: Mapping[str, np.ndarray],
    efficiency: float,
) -> SurvivalPosterior:
    """Leave-one-out, natural scale, and the file in the cache. `theta`: (chain, draw, parameter)."""
    distribution = DISTRIBUTIONS[job.request.distribution]
    flat = theta.reshape(-1, theta.shape[-1])
    terms = likelihood.pointwise(distribution, flat, job.data)
    loo = psis.leave_one_out(terms, likelihood.counts(job.data), efficiency)
    posterior = SurvivalPosterior(
        job.request.evidence.name,
        job.request.evidence.endpoint,
        job.request.distribution,
        method,
        distribution.natural(flat),
        mean,
        {**diagnostics, "seconds": time.perf_counter() - started},
        loo,
        job.fit_key,
    )
    if job.path:
        _save(job.path, posterior, theta, stats)
    return posterior


def _save(
    path: Path, posterior: SurvivalPosterior, theta: np.ndarray, stats: Mapping[str, np.ndarray]
) -> None:
    shape, dims = theta.shape[:2], ("chain", "draw")
    by_cell = {k: v for k, v in posterior.loo.items() if np.ndim(v)}
    stats = stats or {"diverging": np.zeros(shape, bool)}
    store.write(
        path,
        {
            "posterior": {k: (dims, v.reshape(shape)) for k, v in posterior.parameters.items()},
            "sample_stats": {k: (dims, np.asarray(v, np.int64)) for k, v in stats.items()},
            "constant_data": {f"loo_{k}": (("cell",), v) for k, v in by_cell.items()},
        },
        {
            "fit_key": posterior.fit_key,
            "method": posterior.method,
            "theta_mean": posterior.theta_mean.tolist(),
            "diagnostics": posterior.diagnostics,
            "loo": {k: v for k, v in posterior.loo.items() if not np.ndim(v)},
        },
    )


def _load(job: _Job) -> SurvivalPosterior | None:
    found = store.read(job.path) if job.path else None
    if found is None or found[1]["fit_key"] != job.fit_key:
        return None
    groups, attributes = found
    by_cell = {k.removeprefix("loo_"): v for k, v in groups["constant_data"].items()}
    names = DISTRIBUTIONS[job.request.distribution].names
    return SurvivalPosterior(
        job.request.evidence.name,
        job.request.evidence.endpoint,
        job.request.distribution,
        attributes["method"],
        {name: groups["posterior"][name].reshape(-1) for name in names},
        np.array(attributes["theta_mean"]),
        attributes["diagnostics"],
        attributes["loo"] | by_cell,
        job.fit_key,
    )
