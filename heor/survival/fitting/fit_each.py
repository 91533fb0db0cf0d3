"""`fit_each`: posteriors of every curve, from the cache, by Laplace or by NUTS, and checked.

The result for one curve depends on its data, distribution, settings and seed only: not on what
else is fitted, the order, or the number of processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.families import likelihood
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.fitting import correlation
from heor.survival.fitting.posterior import FitRequest, Key, SurvivalPosterior
from heor.survival.sampler import cache as store
from heor.survival.sampler import laplace, psis, workers

Progress = Callable[[str, int, int], None]
STAGE = "Survival fits"
IMPORTANCE_ESS_MIN = 0.1  # share of the proposals; fewer and Laplace is not trusted
#: Times at which a quick run lets NUTS integrate a density; with more, one fit takes many minutes.
QUICK_TIMES = 300
#: What arithmetic that goes wrong raises; LinAlgError is a ValueError.
NUMERICAL = (ArithmeticError, ValueError)
NONE = float("nan")  # a diagnostic the method does not have
NOT_COMPUTED_WITH = ("r_hat_max", "ess_min", "divergences_max", "accept", "screen", "priors")


@dataclass(frozen=True)
class FailedFit:
    """A fit that could not be computed, and why, in words for the analyst."""

    evidence: tuple[str, ...]
    family: str
    reason: str

    def __str__(self) -> str:
        return f"{'+'.join(self.evidence)}/{self.family}: could not be fitted. {self.reason}"


@dataclass(frozen=True)
class _Job:
    """A request with its data encoded, seeds and the place of its result on disk."""

    request: FitRequest
    pieces: tuple[Piece, ...]
    method: str
    stream: str
    seed: int
    fit_key: str
    path: Path | None

    @property
    def model(self) -> Distribution:
        return self.request.model

    def failed(self, *reasons: str) -> FailedFit:
        words = " ".join(reason for reason in reasons if reason)
        return FailedFit(self.request.evidence, self.request.key[1], words)


#: One posterior for each endpoint fitted together, or why there is none.
Fit = list[SurvivalPosterior] | FailedFit


def by_key(fits: Sequence[Fit]) -> dict[Key, SurvivalPosterior]:
    """(evidence name, distribution) → posterior, of the fits that did not fail."""
    return {
        (p.evidence, p.distribution): p
        for fit in fits
        if not isinstance(fit, FailedFit)
        for p in fit
    }


def fit_each(
    requests: Sequence[FitRequest],
    settings: FitSettings,
    streams: Streams,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> list[Fit]:
    """Posteriors of each request, unchecked, or why it failed; requests that are alike are fitted once.

    Parameters
    ----------
    settings
        `quick` means Laplace with importance sampling; a fit it cannot be trusted for (Pareto k
        above 0.7, or an effective sample below 10 % of the proposals) is then sampled by NUTS, but
        for those that would keep it busy for many minutes: those fail.
    cache
        Folder of posteriors, safe to delete; None keeps nothing.
    progress
        Called with (stage, done, total) after every fit.
    """
    jobs = [_job(r, settings, streams, cache) for r in requests]
    distinct = {job.fit_key: job for job in jobs}
    found: dict[str, Fit] = {}

    def keep(job: _Job, fit: Fit) -> None:
        found[job.fit_key] = fit
        if progress:
            progress(STAGE, len(found), len(distinct))

    missing = []
    for job in distinct.values():
        stored = _load(job)
        if stored:
            keep(job, stored)
        else:
            missing.append(job)
    by_nuts, doubts = [], {}
    for job in missing:
        fit = _laplace(job, settings, streams) if job.method == "laplace" else ""
        if not isinstance(fit, str):
            keep(job, fit)
        elif fit and _slow_by_nuts(job):
            keep(job, job.failed(fit, LEFT_TO_NUTS))
        else:
            by_nuts.append(job)
            doubts[job.fit_key] = fit
    for job, fit in _nuts(by_nuts, settings, streams):
        keep(job, job.failed(doubts[job.fit_key], fit) if isinstance(fit, str) else fit)
    return [found[job.fit_key] for job in jobs]


LEFT_TO_NUTS = (
    "NUTS, which integrates its density up to every time of the data, would take many minutes: a run without "
    "--quick samples it."
)


def _slow_by_nuts(job: _Job) -> bool:
    """Whether NUTS would integrate a density without closed form up to very many times."""
    if all(job.model.marginal(piece.endpoint).core.closed_form for piece in job.pieces):
        return False
    times = [piece.data[k] for piece in job.pieces for k in likelihood.TIMES[piece.form]]
    return len(np.unique(np.concatenate(times))) > QUICK_TIMES


def _job(request: FitRequest, settings: FitSettings, streams: Streams, cache: Path | None) -> _Job:
    model = request.model
    pieces = tuple(likelihood.encoded(model, piece) for piece in request.pieces)
    method = "laplace" if settings.quick else "nuts"
    name, family = request.key
    stream = f"survival/{name}/{family}/{method}"
    seed = streams.integer(stream)
    # limits are checked on every load, not computed with
    sampler = {k: v for k, v in asdict(settings).items() if k not in NOT_COMPUTED_WITH}
    priors = [[p.name, p.transform, repr(p.prior)] for p in model.parameters]
    fit_key = store.key(
        {
            **{f"data {i} {k}": v for i, p in enumerate(pieces) for k, v in p.data.items()},
            "evidence": [[p.name, p.endpoint, p.form, p.main] for p in pieces],
            "distribution": [family, model.compile_key, priors],
            "sampler": sampler,
            "method": method,
            "seed": seed,
        }
    )
    path = store.place(cache, f"{name}-{family}", fit_key) if cache else None
    return _Job(request, pieces, method, stream, seed, fit_key, path)


def _laplace(job: _Job, settings: FitSettings, streams: Streams) -> list[SurvivalPosterior] | str:
    """The quick posterior, or why it cannot be trusted."""
    started = time.perf_counter()
    draws = settings.chains * settings.draws
    try:
        fit = laplace.fit_laplace(job.model, job.pieces, draws, streams.generator(job.stream))
        doubt = _doubt(fit)
        if doubt:
            return doubt
        found = {
            "r_hat_max": NONE,
            "ess_bulk_min": NONE,
            "ess_tail_min": NONE,
            "divergences": 0,
            "n_distinct": fit.n_distinct,
            "pareto_k": fit.pareto_k,
            "importance_ess": fit.importance_ess,
        }
        drawn = _Drawn("laplace", fit.theta[None], fit.mean, found, started)
        return _finish(job, drawn, streams)
    except NUMERICAL as error:
        return f"Laplace approximation: {_words(error)}."


def _doubt(fit: laplace.LaplaceFit) -> str:
    """Why the importance weights cannot be trusted; empty when they can."""
    if not fit.pareto_k <= psis.PARETO_K_MAX:
        return (
            f"Laplace approximation: Pareto k of its importance weights is {fit.pareto_k:.2f}; at most "
            f"{psis.PARETO_K_MAX:g} can be trusted."
        )
    if fit.importance_ess < IMPORTANCE_ESS_MIN:
        return (
            f"Laplace approximation: its effective sample is {fit.importance_ess:.1%} of the proposals; at "
            f"least {IMPORTANCE_ESS_MIN:.0%} is needed."
        )
    return ""


def _words(error: Exception) -> str:
    """The last line of what an error says, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].removesuffix(".")


def _nuts(
    jobs: Sequence[_Job], settings: FitSettings, streams: Streams
) -> Iterator[tuple[_Job, list[SurvivalPosterior] | str]]:
    """Sample the jobs in worker processes; yield them with their posteriors, or why not, as they finish."""
    known = {job.fit_key: job for job in jobs}
    groups: dict[tuple[str, ...], list[workers.Task]] = {}
    for job in jobs:
        pieces = job.pieces
        if not any(piece.form == "opinion" for piece in pieces):
            neutral = likelihood.neutral_opinion(pieces[0].endpoint)
            pieces = (*pieces, likelihood.encoded(job.model, neutral))
        task = workers.Task(job.fit_key, job.model, pieces, settings, job.seed)
        priors = repr([p.prior for p in job.model.parameters])  # constants of the compiled model
        shape = (job.model.compile_key, priors, *(piece.form for piece in pieces))
        groups.setdefault(shape, []).append(task)
    # what takes longest to compile goes first, so that both workers end together
    order = sorted(groups, key=lambda g: (-_compile_effort(groups[g][0]), g))
    for key, sample in _samples([groups[g] for g in order]):
        job = known[key]
        if isinstance(sample, str):
            yield job, sample
            continue
        try:
            yield job, _sampled(job, sample, streams)
        except NUMERICAL as error:
            yield job, f"NUTS: {_words(error)}."


def _samples(groups: list[list[workers.Task]]) -> Iterator[tuple[str, workers.Sample | str]]:
    """Every task's sample, or why it has none: one that fails does not take the others with it."""
    left = {task.key: task for group in groups for task in group}
    try:
        for key, sample in workers.sample_all(groups) if groups else ():
            del left[key]
            yield key, sample
    except RuntimeError as error:
        if len(left) == 1:
            yield next(iter(left)), f"NUTS: {_words(error)}."
            return
        for task in left.values():
            yield from _samples([[task]])


def _sampled(job: _Job, sample: workers.Sample, streams: Streams) -> list[SurvivalPosterior]:
    started = time.perf_counter() - sample.seconds_sample
    draws = sample.theta.reshape(-1, sample.theta.shape[-1])
    found = {
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
    mean = draws.mean(axis=0)
    drawn = _Drawn("nuts", sample.theta, mean, found, started, stats, efficiency)
    return _finish(job, drawn, streams)


def _compile_effort(task: workers.Task) -> int:
    """A rough order: parameters, and ten more where the density is integrated in the graph."""
    cores = {task.distribution.marginal(piece.endpoint).core for piece in task.pieces}
    return len(task.distribution.parameters) + 10 * any(not core.closed_form for core in cores)


@dataclass(frozen=True)
class _Drawn:
    """A posterior as its method gives it, unconstrained scale.

    `theta`: (chain, draw, parameter); `found`: diagnostics; `started`: when, on the clock of the process;
    `stats`: of the sampler, (chain, draw); `efficiency`: effective draws a draw.
    """

    method: str
    theta: np.ndarray
    mean: np.ndarray
    found: dict[str, Any]
    started: float
    stats: Mapping[str, np.ndarray] = field(default_factory=dict)
    efficiency: float = 1.0


def _finish(job: _Job, drawn: _Drawn, streams: Streams) -> list[SurvivalPosterior]:
    """Leave-one-out, natural scale, and the file in the cache.

    Leave-one-out is of the posterior as sampled; the draws of a joint model then get the spread
    and correlation that the same patients behind both endpoints give.

    Raises
    ------
    ArithmeticError, ValueError
        Numbers that are not finite, or a posterior without curvature.
    """
    theta, found = drawn.theta, drawn.found
    flat = theta.reshape(-1, theta.shape[-1])
    sd = flat.std(axis=0)
    loos = [
        psis.leave_one_out(*likelihood.pointwise(job.model, flat, [piece]), drawn.efficiency)
        for piece in job.pieces
        if piece.main
    ]
    if len(loos) > 1:
        generator = streams.generator(f"{job.stream}/correlation")
        before = after = NONE
        try:
            flat, changed = correlation.adjust(job.model, job.pieces, flat, generator)
            before, after = changed.correlation_before, changed.correlation_after
        except (ArithmeticError, np.linalg.LinAlgError):
            pass  # the draws stay as fitted; see `diagnostics.cautions`
        sd = flat.std(axis=0)
        found = found | {"correlation_before": before, "correlation_after": after}
    found = found | {"seconds": time.perf_counter() - drawn.started}
    natural = job.model.natural(flat)
    if not all(np.isfinite(v).all() for v in (*natural.values(), *(p["pointwise"] for p in loos))):
        raise ArithmeticError("its draws or their log-likelihood are not finite")
    posteriors = _posteriors(job, drawn.method, natural, (drawn.mean, sd), found, loos)
    if job.path:
        _save(job.path, posteriors, theta.shape[:2], drawn.stats)
    return posteriors


def _posteriors(
    job: _Job,
    method: str,
    natural: dict[str, np.ndarray],
    moments: tuple[np.ndarray, np.ndarray],
    found: dict[str, Any],
    loos: Sequence[dict[str, Any]],
) -> list[SurvivalPosterior]:
    """One posterior for each endpoint fitted. `moments`: mean and sd on the unconstrained scale."""
    main = [piece for piece in job.pieces if piece.main]
    return [
        SurvivalPosterior(
            piece.name,
            piece.endpoint,
            job.request.key[1],
            job.model.marginal(piece.endpoint),
            job.request.evidence,
            method,
            natural,
            *moments,
            found,
            loo,
            job.fit_key,
        )
        for piece, loo in zip(main, loos, strict=True)
    ]


def _save(
    path: Path,
    posteriors: Sequence[SurvivalPosterior],
    shape: tuple[int, int],
    stats: Mapping[str, np.ndarray],
) -> None:
    first, dims = posteriors[0], ("chain", "draw")
    stats = stats or {"diverging": np.zeros(shape, bool)}
    by_cell = {
        f"loo_{i}_{k}": ((f"cell_{i}",), v)
        for i, p in enumerate(posteriors)
        for k, v in p.loo.items()
        if np.ndim(v)
    }
    store.write(
        path,
        {
            "posterior": {k: (dims, v.reshape(shape)) for k, v in first.parameters.items()},
            "sample_stats": {k: (dims, np.asarray(v, np.int64)) for k, v in stats.items()},
            "constant_data": by_cell,
        },
        {
            "fit_key": first.fit_key,
            "method": first.method,
            "theta_mean": first.theta_mean.tolist(),
            "theta_sd": first.theta_sd.tolist(),
            "diagnostics": first.diagnostics,
            "loo": [{k: v for k, v in p.loo.items() if not np.ndim(v)} for p in posteriors],
        },
    )


def _load(job: _Job) -> list[SurvivalPosterior] | None:
    stored = store.read(job.path) if job.path else None
    if stored is None or stored[1]["fit_key"] != job.fit_key:
        return None
    groups, attributes = stored
    loos = []
    for i, scalars in enumerate(attributes["loo"]):
        prefix = f"loo_{i}_"
        cells = {k: v for k, v in groups["constant_data"].items() if k.startswith(prefix)}
        loos.append(scalars | {k.removeprefix(prefix): v for k, v in cells.items()})
    return _posteriors(
        job,
        attributes["method"],
        {name: groups["posterior"][name].reshape(-1) for name in job.model.names},
        (np.array(attributes["theta_mean"]), np.array(attributes["theta_sd"])),
        attributes["diagnostics"],
        loos,
    )
