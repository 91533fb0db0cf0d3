"""Priors against posteriors, and what moves when the priors are wider or narrower."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from heor.problem.problem import DecisionProblem
from heor.streams import Streams
from heor.survival.fitting.fit_each import Progress
from heor.survival.fitting.fit_problems import PRIOR_WIDTH, SurvivalFits, fit_problems
from heor.survival.fitting.posterior import SurvivalPosterior
from heor.survival_analysis.fitted import families_of, fitted_evidence
from heor.survival_analysis.landmarks import quantities

SENSITIVITY = (
    "priors", "evidence", "family", "label", "quantity", "unit", "standard", "standard_sd",
    "value", "value_sd", "change", "change_in_sd",
)  # fmt: skip


def posteriors_of(fits: SurvivalFits) -> Iterable[SurvivalPosterior]:
    """Every fit once: both endpoints of a joint model are one."""
    seen: set[tuple] = set()
    for _, name in fitted_evidence(fits):
        for family in families_of(fits, name):
            posterior = fits.posteriors[name, family]
            key = posterior.fitted_to, family
            if key not in seen:
                seen.add(key)
                yield posterior


def prior_table(fits: SurvivalFits) -> pd.DataFrame:
    """Prior and posterior of each parameter.

    Returns
    -------
    DataFrame
        `evidence` (joined by + for a joint model), `family`, `parameter`, `description`, `unit`,
        `scale` (log, logit or identity), `prior_mean`, `prior_sd`, `posterior_mean`,
        `posterior_sd` (on that scale), `learned` (1 - ratio of variances: 0 nothing, 1 all),
        `distance_in_sd` (between the means, joint standard deviations); on the natural scale
        `prior_low`, `prior_high` (central 95 % of a normal of that mean and sd) and `mean`, `low`,
        `high` of the posterior.
    """
    rows = []
    for posterior in posteriors_of(fits):
        for i, parameter in enumerate(posterior.model.parameters):
            prior, mean, sd = parameter.prior, posterior.theta_mean[i], posterior.theta_sd[i]
            values = posterior.parameters[parameter.name]
            low, high = np.quantile(values, [0.025, 0.975])
            ends = prior.mean + prior.sd * ndtri(np.array([0.025, 0.975]))
            natural = parameter.natural(ends)
            row = {
                "evidence": " + ".join(posterior.fitted_to),
                "family": posterior.distribution,
                "parameter": parameter.name,
                "description": parameter.description,
                "unit": parameter.unit,
                "scale": parameter.transform,
                "prior_mean": prior.mean,
                "prior_sd": prior.sd,
                "posterior_mean": mean,
                "posterior_sd": sd,
                "learned": 1 - (sd / prior.sd) ** 2,
                "distance_in_sd": abs(mean - prior.mean) / np.hypot(prior.sd, sd),
                "prior_low": natural[0],
                "prior_high": natural[1],
                "mean": values.mean(),
                "low": low,
                "high": high,
            }
            rows.append(row)
    return pd.DataFrame(rows)


def sensitivity(
    problem: DecisionProblem,
    fits: SurvivalFits,
    priors: str,
    streams: Streams,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """What moves under priors with twice (`wide`) or half (`narrow`) the standard deviation.

    Returns
    -------
    DataFrame
        `priors`, `evidence`, `family`, `label`, `quantity` (survival at landmarks and the
        restricted mean at 5 years, both before transport and without background mortality; stacking
        weight), `unit`, `standard` and `value` (posterior means, or weights) with `standard_sd` and
        `value_sd` (posterior, NaN for weights), `change`, `change_in_sd` (posterior standard
        deviations); biggest change first within survival and means, then weights.
    """
    if priors == "standard":
        return pd.DataFrame(columns=list(SENSITIVITY))
    # a fit that samples badly under other priors is shown all the same: see its diagnostics
    limits = {"r_hat_max": np.inf, "ess_min": 0.0, "divergences_max": 10**9}
    fit = replace(problem.settings.fit, priors=priors, **limits)
    settings = replace(problem.settings, fit=fit)
    other = fit_problems({"": replace(problem, settings=settings)}, streams, cache, progress)[""]
    about = {"priors": f"{priors}: {PRIOR_WIDTH[priors]:g} times the standard deviation"}
    rows = []
    for _, name in fitted_evidence(fits):
        shares = families_of(fits, name), families_of(other, name)
        for family, weight in shares[0].items():
            old, new = (f.posteriors.get((name, family)) for f in (fits, other))
            where = about | {"evidence": name, "family": family, "label": old.model.label}
            rows.append(where | _weights(weight, shares[1].get(family, 0.0)))
            if new is not None:
                rows += [where | row for row in _changes(problem, old, new)]
    table = pd.DataFrame(rows, columns=list(SENSITIVITY))
    size = table["change_in_sd"].abs().fillna(-1.0)
    order = pd.DataFrame({"size": -size, "change": -table["change"].abs()})
    return table.loc[order.sort_values(["size", "change"], kind="stable").index].reset_index(
        drop=True
    )


def _weights(old: float, new: float) -> dict:
    nan = float("nan")
    row = {"quantity": "stacking weight", "unit": "share", "standard": old, "standard_sd": nan}
    return row | {"value": new, "value_sd": nan, "change": new - old, "change_in_sd": nan}


def _changes(
    problem: DecisionProblem, old: SurvivalPosterior, new: SurvivalPosterior
) -> list[dict]:
    before, after = quantities(problem, old), quantities(problem, new)
    rows = []
    for quantity, values in before.items():
        change = after[quantity].mean() - values.mean()
        sd = values.std()
        row = {
            "quantity": quantity,
            "unit": "years" if quantity.startswith("restricted") else "probability",
            "standard": values.mean(),
            "standard_sd": sd,
            "value": after[quantity].mean(),
            "value_sd": after[quantity].std(),
            "change": change,
            "change_in_sd": change / sd if sd > 0 else 0.0,
        }
        rows.append(row)
    return rows
