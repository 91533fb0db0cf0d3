"""Checked settings and tables → the frozen types of `problem.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from heor.inputs import assemble_country, evidence_tables, landmarks, schema, tables
from heor.inputs.countries import Pack
from heor.inputs.covariance import read_covariance
from heor.inputs.expressions import evaluate, names_in, problem_with
from heor.inputs.layers import Layer
from heor.inputs.parameter_table import MoneyRules
from heor.inputs.problem import (
    Average,
    Correlation,
    CostItem,
    Country,
    CurveInput,
    DecisionProblem,
    EarlyFailure,
    Exposure,
    FitSettings,
    FittedCurve,
    Opinion,
    Parameter,
    RatioAbove,
    RatioUntil,
    RelativeCurve,
    SeriesCurve,
    Settings,
    Source,
    Strategy,
    SurvivalEvidence,
    Synthesis,
    TransitionInput,
    UtilityItem,
)
from heor.inputs.study import Study
from heor.inputs.units import PER_YEAR

YEARS_PER_UNIT = {f"{unit}s": 1 / PER_YEAR[unit] for unit in ("year", "month", "week", "day")}
YEARS_PER_CYCLE = {unit: 1 / PER_YEAR[unit] for unit in ("day", "week", "month", "year")} | {
    "quarter": 0.25
}


def problem(
    folder: Path,
    shown: Callable[[Path], str],
    models: schema.Inputs,
    parameters: Mapping[str, Parameter],
    layer: Layer,
    problems: list[str],
    *,
    declared: Collection[str],
    pack: Pack,
    money: MoneyRules,
    as_of: date,
    evidence_country: Pack,
    allow_generic: bool,
    study: Study,
    draws: int | None,
    seed: int | None,
    quick: bool,
    accept: Sequence[str],
    priors: str | None,
    scenario: str | None,
    scenario_label: str,
    scenario_why: str,
    overrides: Mapping[str, Any],
    hashes: Mapping[str, str],
) -> DecisionProblem | None:
    """The decision problem, or None (with problems noted) when a table cannot be read."""
    analysis = models.analysis
    where = assemble_country.country(pack, shown, parameters, money, as_of, problems)
    patients = where and where.life_table
    if evidence_country.name != pack.name:
        patients = assemble_country.life_table(evidence_country, shown, problems)
    strategies = {n: _strategy(n, m, analysis) for n, m in models.strategies.items()}
    evidence = {
        name: found
        for name, model in models.survival.items()
        if (found := _evidence(name, model, folder / "model" / "survival", shown, layer, problems))
    }
    if where is None:
        return None
    return DecisionProblem(
        title=analysis.title,
        question=analysis.question,
        settings=_settings(
            analysis,
            draws,
            seed,
            quick,
            accept,
            priors,
            any(s.transitions for s in strategies.values()),
            where,
        ),
        country=where,
        strategies=strategies,
        parameters=parameters,
        derived=analysis.derived,
        syntheses={
            n: Synthesis(name=n, **{**m.model_dump(), "studies": tuple(m.studies)})
            for n, m in analysis.syntheses.items()
        },
        correlations=tuple(
            _correlation(n, m, folder / "model", shown, parameters, declared, problems)
            for n, m in analysis.correlations.items()
        ),
        evidence=evidence,
        sources={n: _source(n, m) for n, m in models.sources.items()},
        origins=layer.origins,
        companions=tuple(analysis.companions),
        limits=tuple(analysis.limits),
        scenario=scenario,
        scenario_label=scenario_label,
        scenario_why=scenario_why,
        overrides=overrides,
        input_hashes=hashes,
        opinions=_opinions(analysis.survival, parameters, declared, layer, problems),
        covariates=_covariates(analysis, folder / "model", shown, problems),
        trial=analysis.trial.trial() if analysis.trial else None,
        prices=tuple(analysis.prices),
        what_if=tuple(m.what_if(n) for n, m in analysis.what_if.items()),
        evidence_life_table=patients,
        allow_generic=allow_generic,
        study=study,
    )


def _correlation(
    name: str,
    model: schema.CorrelationModel,
    folder: Path,
    shown: Callable[[Path], str],
    parameters: Mapping[str, Parameter],
    declared: Collection[str],
    problems: list[str],
) -> Correlation:
    if model.covariance is None:
        pair = tuple(model.pair) if model.pair else None
        return Correlation(model.correlation, model.group, pair, model.scale, name=name)
    path = folder / model.covariance
    found = read_covariance(path, shown(path), parameters, declared, problems)
    names, matrix = found or ((), None)
    return Correlation(None, names=names, matrix=matrix, name=name)


def _covariates(
    analysis: schema.Analysis, folder: Path, shown: Callable[[Path], str], problems: list[str]
) -> dict[str, np.ndarray]:
    """Covariates of the patients, as expressions name them: x_<column>."""
    model = analysis.covariates
    if model is None:
        return {}
    path = folder / model.file
    found = tables.read_covariates(path, shown(path), tuple(model.columns), problems)
    return {f"x_{name}": values for name, values in found.items()}


def _settings(
    analysis: schema.Analysis,
    draws: int | None,
    seed: int | None,
    quick: bool,
    accept: Sequence[str],
    priors: str | None,
    declared: bool,
    country: Country,
) -> Settings:
    survival = analysis.survival
    return Settings(
        model=analysis.model,
        states=tuple(analysis.states),
        endpoints=("os",) if declared else tuple(analysis.endpoints),
        comparator=analysis.comparator,
        intervention=analysis.intervention,
        cycle=cycle_years(analysis.cycle),
        within_cycle=analysis.within_cycle,
        sampling=analysis.sampling,
        replicates=analysis.replicates,
        structures=tuple(analysis.structures),
        patients=analysis.patients,
        histories=analysis.histories,
        end_age=analysis.end_age,
        draws=draws or analysis.draws,
        seed=analysis.seed if seed is None else seed,
        extrapolation=survival.extrapolation,
        categories=analysis.categories,
        fit=FitSettings(
            chains=survival.chains,
            draws=survival.draws_per_chain,
            tune=survival.tune,
            target_accept=survival.target_accept,
            r_hat_max=survival.r_hat_max,
            ess_min=survival.ess_min,
            divergences_max=survival.divergences_max,
            quick=quick,
            accept=tuple(dict.fromkeys((*survival.accept, *accept))),
            screen=survival.screen,
            priors=priors or survival.priors,
        ),
        ceac_thresholds=(0.0, assemble_country.largest_threshold(country), 301),
        information={label: tuple(names) for label, names in analysis.information.items()},
        averages={name: Average(name, **m.model_dump()) for name, m in analysis.averages.items()},
    )


def cycle_years(cycle: str) -> float:
    """Length of a cycle in years.

    >>> cycle_years("quarter"), cycle_years("2 weeks") == 14 / 365.25
    (0.25, True)
    """
    number, _, unit = cycle.rpartition(" ")
    return float(number or 1) * YEARS_PER_CYCLE[unit.rstrip("s")]


def _source(name: str, model: schema.SourceModel) -> Source:
    values = model.model_dump()
    accessed = values.pop("accessed")
    return Source(key=name, accessed=str(accessed) if accessed else None, **values)


def _strategy(name: str, model: schema.StrategyModel, analysis: schema.Analysis) -> Strategy:
    survival, families = analysis.survival, tuple(analysis.survival.distributions)
    if survival.extrapolation != "stacked":
        families = (survival.extrapolation,)
    return Strategy(
        name=name,
        label=model.label,
        curves={e: _curve(c, families, model.groups) for e, c in model.curves.items()},
        exposures={n: Exposure(name=n, **_dump(e)) for n, e in model.exposures.items()},
        costs={n: CostItem(name=n, **c.model_dump()) for n, c in model.costs.items()},
        utilities={n: UtilityItem(name=n, **u.model_dump()) for n, u in model.utilities.items()},
        groups=dict(model.groups),
        cured_group=model.cured_group,
        after_progression=model.after_progression,
        phases=dict(model.phases),
        of_which=dict(model.of_which),
        transitions=tuple(
            TransitionInput(origin, target, **{**m.model_dump(), "per": _period(m, analysis.cycle)})
            for origin, targets in model.transitions.items()
            for target, m in targets.items()
        ),
        start=dict(model.start),
    )


def _period(model: schema.TransitionModel, cycle: str) -> float | None:
    """What a probability is of, years: the cycle where it says nothing else."""
    if model.probability is None:
        return None
    return cycle_years(cycle if model.per in (None, "cycle") else model.per)


def _dump(exposure: schema.ExposureModel) -> dict[str, Any]:
    values = exposure.model_dump()
    return {**values, "less": tuple(values["less"]), "sum_of": tuple(values["sum_of"])}


def _curve(
    model: schema.CurveModel, families: tuple[str, ...], groups: Mapping[str, str]
) -> CurveInput:
    """A curve of any kind; settings left out or null take the defaults of its type."""
    given = {k: v for k in type(model).model_fields if (v := getattr(model, k)) is not None}
    own = tuple(given.pop("distributions", families))
    if model.is_series:
        group = _group_with(groups, model.share)
        return SeriesCurve(**given, distributions=own, group=group)
    if model.evidence is not None:
        return FittedCurve(**given, distributions=own)
    for name, kind in (
        ("hazard_ratio_by_control_survival", RatioAbove),
        ("hazard_ratio_by_time", RatioUntil),
    ):
        if name in given:
            given[name] = tuple(kind(**band.model_dump()) for band in given[name])
    if model.early_failure is not None:
        early = model.early_failure.model_dump()
        given["early_failure"] = EarlyFailure(**early, group=_group_with(groups, early["among"]))
    return RelativeCurve(**given)


def _group_with(groups: Mapping[str, str], share: str | None) -> str | None:
    """The group whose share is this expression: those who follow a series or fail early."""
    return next((name for name, expression in groups.items() if expression == share), None)


def _opinions(
    survival: schema.SurvivalSettings,
    parameters: Mapping[str, Parameter],
    declared: Collection[str],
    layer: Layer,
    problems: list[str],
) -> dict[str, Opinion]:
    """Expert opinions that are not switched off, their expressions at the parameters' means."""
    means = dict.fromkeys(declared, math.nan) | {n: p.mean for n, p in parameters.items()}
    found = {}
    for name, model in survival.opinions.items():
        if model is None:
            continue
        path = f"analysis.survival.opinions.{name}"
        values = {}
        for part in ("time", "multiplier"):
            text = getattr(model, part)
            fault = problem_with(text, means)
            values[part] = 0.0 if fault else float(evaluate(text, means))
            if fault:
                problems.append(f"{layer.origin(f'{path}.{part}')}: {part}: {fault}")
            elif not values[part] > 0 and names_in(text) <= set(parameters):
                problems.append(
                    f"{layer.origin(f'{path}.{part}')}: {part} is {values[part]:g}; it must be above 0."
                )
        belief = parameters.get(model.survival)
        found[name] = Opinion(
            name=name,
            label=model.label,
            evidence=model.evidence,
            mean=belief.mean if belief else 0.0,
            se=belief.se if belief else 0.0,
            parameter=model.survival,
            expressions=(model.time, model.multiplier),
            **values,
        )
    return found


def _evidence(
    name: str,
    model: schema.EvidenceModel,
    folder: Path,
    shown: Callable[[Path], str],
    layer: Layer,
    problems: list[str],
) -> SurvivalEvidence | None:
    read = _evidence_table(model, folder, shown, problems)
    if read is None:
        return None
    table, patients = read
    found = SurvivalEvidence(
        name=name,
        label=model.label,
        endpoint=model.endpoint,
        form=model.form,
        table=table,
        source=tuple(model.source),
        status=model.status,
        origin=layer.origin(f"survival.{name}"),
        age=model.age,
        share_male=model.share_male,
        note=model.note or "",
        external=tuple(model.external),
        patients=patients,
        total_events=model.total_events,
    )
    evidence_tables.check_horizon(found.last_time, shown(folder / model.file), problems)
    return found


def _evidence_table(
    model: schema.EvidenceModel,
    folder: Path,
    shown: Callable[[Path], str],
    problems: list[str],
) -> tuple[dict[str, np.ndarray], int | None] | None:
    """The table of an evidence by its form, and the number of patients where it is known."""
    path = folder / model.file
    arguments = (path, shown(path), YEARS_PER_UNIT[model.time_unit], problems)
    if model.form == "published_curve":
        risk = folder / model.risk_table if model.risk_table else None
        return evidence_tables.read_published_curve(
            *arguments, risk, shown(risk) if risk else "", model.patients, model.total_events
        )
    if model.form == "individual":
        table = evidence_tables.read_individual(*arguments, model.covariates)
    elif model.form == "landmark":
        table = landmarks.read_landmark(*arguments, model.patients, model.interval)
    elif model.form == "counts":
        table = evidence_tables.read_counts(*arguments)
    else:
        table = evidence_tables.read_grouped(*arguments)
    return None if table is None else (table, model.patients)
