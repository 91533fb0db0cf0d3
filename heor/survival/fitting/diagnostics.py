"""What makes a fit unfit for use, and what must be read with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from heor.errors import FitError
from heor.problem.settings import FitSettings
from heor.survival.families.distributions import survival
from heor.survival.families.likelihood import Piece
from heor.survival.families.priors import LogitBeta, Prior

if TYPE_CHECKING:
    from heor.survival.fitting.posterior import SurvivalPosterior

CONFLICT = 2.5  # distance of prior and posterior mean, in their joint standard deviations
# A cured fraction is not learned where its posterior is this wide beside its prior, or where more
# than this share of those without the event at the end are not cured: no plateau was seen.
SHARE_OF_PRIOR, NOT_CURED = 0.7, 0.1

Posteriors = Mapping[tuple[str, str], "SurvivalPosterior"]


def faults(posteriors: Posteriors, settings: FitSettings) -> dict[str, list[str]]:
    """Diagnostics out of bounds, by fit (`evidence/distribution`)."""
    found: dict[str, list[str]] = {}
    for (evidence, distribution), posterior in posteriors.items():
        if posterior.method != "nuts":
            continue
        d, name, lines = posterior.diagnostics, f"{evidence}/{distribution}", []
        ess = min(d["ess_bulk_min"], d["ess_tail_min"])
        if not d["r_hat_max"] <= settings.r_hat_max:
            lines.append(
                f"R-hat is {d['r_hat_max']:.3f}; at most {settings.r_hat_max:g} is allowed. Raise "
                "survival.tune and survival.draws_per_chain."
            )
        if not ess >= settings.ess_min:
            lines.append(
                f"effective sample size is {ess:.0f}; at least {settings.ess_min:g} is needed. "
                "Raise survival.draws_per_chain or survival.chains."
            )
        if d["divergences"] > settings.divergences_max:
            lines.append(
                f"{d['divergences']} divergent transitions; at most {settings.divergences_max} "
                "allowed. Raise survival.target_accept, or leave this distribution out: the data "
                "may not identify it."
            )
        if lines:
            found[name] = lines
    return found


def check(posteriors: Posteriors, settings: FitSettings) -> None:
    """Raise one FitError with every fault that is not accepted by name."""
    failed = {k: v for k, v in faults(posteriors, settings).items() if k not in settings.accept}
    if failed:
        lines = [f"{name}: {line}" for name, found in failed.items() for line in found]
        names = " ".join(f"--accept {name}" for name in failed)
        raise FitError(
            "\n".join([*lines, f"To go on all the same, with the report saying so: {names}"])
        )


def accepted(posteriors: Posteriors, settings: FitSettings) -> tuple[str, ...]:
    """Faulty fits the analyst accepted by name, as sentences for the first page."""
    return tuple(
        f"Accepted by the analyst although its diagnostics failed: {name}: {' '.join(lines)}"
        for name, lines in faults(posteriors, settings).items()
        if name in settings.accept
    )


def cautions(
    posteriors: Iterable[SurvivalPosterior], pieces: Mapping[str, Sequence[Piece]]
) -> tuple[str, ...]:
    """What a reader must know of the fits: unidentified cure, prior against data.

    Parameters
    ----------
    pieces
        Evidence name → pieces of its fit.
    """
    lines: list[str] = []
    for posterior in posteriors:
        where = f"{posterior.evidence}, {posterior.distribution}"
        main = next(p for p in pieces[posterior.evidence] if p.main)
        lines += _unidentified_cure(posterior, main, where)
        together = f"{' + '.join(posterior.fitted_to)}, {posterior.distribution}"
        lines += _prior_conflicts(posterior, together)
        if posterior.joint and np.isnan(posterior.diagnostics["correlation_after"]):
            lines.append(
                f"{' and '.join(posterior.fitted_to)}, {posterior.distribution}: how the same patients "
                "correlate the endpoints could not be worked out (the posterior is far from normal at its "
                "mode), so the draws are as fitted, as if other patients stood behind each endpoint. Check "
                "expert opinions against the data."
            )
        bad = posterior.loo["n_bad_k"]
        if bad > 0:
            lines.append(
                f"{where}: leave-one-out is unreliable for {bad:g} patient{'' if bad == 1 else 's'} (Pareto "
                f"k up to {posterior.loo['pareto_k_max']:.2f}; 0.7 is the limit), and the weights rest on "
                "it. Look at these patients, or weigh the families by judgement."
            )
    return tuple(dict.fromkeys(lines))


def _unidentified_cure(posterior: SurvivalPosterior, piece: Piece, where: str) -> list[str]:
    """A cured fraction is learned from follow-up past the last events of the uncured.

    Named where the posterior is nearly as wide as the prior, and where, by the fit itself, many of
    those without the event at the end are not cured: the plateau has not been seen (the idea of
    Maller and Zhou's test of sufficient follow-up).
    """
    if "cured" not in posterior.parameters:
        return []
    cured = posterior.parameters["cured"]
    prior = posterior.model.parameters[posterior.model.names.index("cured")].prior
    width = cured.std() / _natural_sd(prior)
    end = np.array([piece.last_time])
    event_free = survival(posterior.model, posterior.parameters, end)[:, 0]
    not_cured = 1.0 - np.mean(cured / event_free)
    reasons = []
    if width >= SHARE_OF_PRIOR:
        reasons.append(f"its posterior is {width:.0%} as wide as its prior")
    if not_cured > NOT_CURED and cured.mean() > 0.01:
        reasons.append(
            f"by the fit {not_cured:.0%} of those without the event at the end are not cured, so no "
            "plateau has been seen"
        )
    if not reasons:
        return []
    return [
        f"{where}: the cured fraction ({cured.mean():.1%}) is not identified by the follow-up: "
        f"{'; '.join(reasons)}. Follow-up ends at {piece.last_time:.1f} years, with "
        f"{still_at_risk(piece):.0%} of patients still at risk in its last tenth. Treat it as an "
        "assumption, or add external data."
    ]


def _natural_sd(prior: Prior) -> float:
    """Standard deviation of a probability whose logit has this prior."""
    if isinstance(prior, LogitBeta):
        n = prior.a + prior.b
        return float(np.sqrt(prior.a * prior.b / (n * n * (n + 1))))
    draws = 1 / (1 + np.exp(-(prior.mean + prior.sd * np.linspace(-3, 3, 601))))
    density = np.exp(-0.5 * np.linspace(-3, 3, 601) ** 2)
    mean = draws @ density / density.sum()
    return float(np.sqrt((draws - mean) ** 2 @ density / density.sum()))


def still_at_risk(piece: Piece) -> float:
    """Share of patients under observation nine tenths of the way to the last time."""
    time, data = 0.9 * piece.last_time, piece.data
    if piece.form == "individual":
        return float(data["weight"][data["time"] >= time].sum() / data["weight"].sum())
    if piece.form == "grouped":
        leaving = data["n_events"] + data["n_censored"]
        return float(leaving[data["end"] >= time].sum() / leaving.sum())
    return float(data["survivors"][-1] / data["n"][0])


def _prior_conflicts(posterior: SurvivalPosterior, where: str) -> list[str]:
    """Posterior far from the prior, in units of both their widths (Evans & Moshonov 2006)."""
    lines = []
    for i, parameter in enumerate(posterior.model.parameters):
        prior, mean, sd = parameter.prior, posterior.theta_mean[i], posterior.theta_sd[i]
        distance = abs(mean - prior.mean) / np.hypot(prior.sd, sd)
        if distance > CONFLICT:
            lines.append(
                f"{where}: prior and data disagree on {parameter.label}: prior "
                f"{prior.mean:.2f} (sd {prior.sd:.2f}), posterior {mean:.2f} (sd {sd:.2f}). Check "
                "the data and the prior; `heor survival --priors wide` shows what it does."
            )
    return lines
