"""Checked settings and tables → the frozen types of `problem.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from heor.faults import Faults
from heor.inputs.country import assemble as assemble_country
from heor.inputs.country.packs import Pack
from heor.inputs.read import curve_tables, evidence_tables, landmarks
from heor.inputs.read.covariance import read_covariance
from heor.inputs.read.parameter_table import MoneyRules
from heor.inputs.read.reading import Reading
from heor.inputs.request import Request
from heor.inputs.schema import model as schema
from heor.inputs.text import tables
from heor.inputs.text.layers import Layer
from heor.problem.country import Country
from heor.problem.curve_types import (
    CurveInput,
    EarlyFailure,
    FittedCurve,
    Opinion,
    RatioAbove,
    RatioUntil,
    RelativeCurve,
    SeriesCurve,
)
from heor.problem.evidence import SurvivalEvidence
from heor.problem.expressions import evaluate, names_in, problem_with
from heor.problem.parameter import Correlation, Parameter, Source, Synthesis
from heor.problem.problem import DecisionProblem
from heor.problem.settings import Average, FitSettings, Settings
from heor.problem.strategy import CostItem, Exposure, Strategy, TransitionInput, UtilityItem
from heor.problem.study import Study
from heor.problem.units import YEARS_PER_UNIT, cycle_years


@dataclass(frozen=True)
class Parts:
    """What was read and checked by itself, to be put together.

    Attributes
    ----------
    models
        The settings, by file.
    pack, evidence_country
        The country, and that whose mortality lies behind the survival evidence.
    money
        How costs are brought to the country's money.
    as_of
        Day of the rules.
    hashes
        File → sha256.
    """

    models: schema.Inputs
    parameters: Mapping[str, Parameter]
    pack: Pack
    money: MoneyRules
    evidence_country: Pack
    as_of: date
    study: Study
    scenarios: tuple[schema.Scenario, ...]
    hashes: Mapping[str, str]


def problem(request: Request, reading: Reading, parts: Parts) -> DecisionProblem | None:
    """The decision problem, or None (with problems noted) when a table cannot be read."""
    models, parameters = parts.models, parts.parameters
    folder, shown, layer = reading.folder, reading.shown, reading.layer
    declared, problems, analysis = reading.entries, reading.problems, models.analysis
    where = assemble_country.country(
        parts.pack, shown, parameters, parts.money, parts.as_of, problems
    )
    patients = where and where.life_table
    if parts.evidence_country.name != parts.pack.name:
        patients = assemble_country.life_table(parts.evidence_country, shown, problems)
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
            analysis, request, any(s.transitions for s in strategies.values()), where
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
        scenario="+".join(request.scenarios) or None,
        scenario_label=" + ".join(m.label for m in parts.scenarios) or "Base case",
        scenario_why=" ".join(m.why for m in parts.scenarios),
        overrides=request.changes,
        input_hashes=parts.hashes,
        opinions=_opinions(analysis.survival, parameters, declared, layer, problems),
        covariates=_covariates(analysis, folder / "model", shown, problems),
        trial=analysis.trial.trial() if analysis.trial else None,
        prices=tuple(analysis.prices),
        what_if=tuple(m.what_if(n) for n, m in analysis.what_if.items()),
        evidence_life_table=patients,
        allow_generic=request.allow_generic,
        study=parts.study,
    )


def _correlation(
    name: str,
    model: schema.CorrelationModel,
    folder: Path,
    shown: Callable[[Path], str],
    parameters: Mapping[str, Parameter],
    declared: Collection[str],
    problems: Faults,
) -> Correlation:
    if model.covariance is None:
        pair = tuple(model.pair) if model.pair else None
        return Correlation(model.correlation, model.group, pair, model.scale, name=name)
    path = folder / model.covariance
    found = read_covariance(path, shown(path), parameters, declared, problems)
    names, matrix = found or ((), None)
    return Correlation(None, names=names, matrix=matrix, name=name)


def _covariates(
    analysis: schema.Analysis, folder: Path, shown: Callable[[Path], str], problems: Faults
) -> dict[str, np.ndarray]:
    """Covariates of the patients, as expressions name them: x_<column>."""
    model = analysis.covariates
    if model is None:
        return {}
    path = folder / model.file
    found = tables.read_covariates(path, shown(path), tuple(model.columns), problems)
    return {f"x_{name}": values for name, values in found.items()}


def _settings(
    analysis: schema.Analysis, request: Request, declared: bool, country: Country
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
        draws=request.draws or analysis.draws,
        seed=analysis.seed if request.seed is None else request.seed,
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
            quick=request.quick,
            accept=tuple(dict.fromkeys((*survival.accept, *request.accept))),
            screen=survival.screen,
            priors=request.priors or survival.priors,
        ),
        ceac_thresholds=(0.0, assemble_country.largest_threshold(country), 301),
        information={label: tuple(names) for label, names in analysis.information.items()},
        averages={name: Average(name, **m.model_dump()) for name, m in analysis.averages.items()},
    )


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
    problems: Faults,
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
                problems.add(
                    layer.origin(f"{path}.{part}"),
                    f"{part} is {values[part]:g}",
                    "it must be above 0",
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
    problems: Faults,
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
    problems: Faults,
) -> tuple[dict[str, np.ndarray], int | None] | None:
    """The table of an evidence by its form, and the number of patients where it is known."""
    path = folder / model.file
    arguments = (path, shown(path), YEARS_PER_UNIT[model.time_unit], problems)
    if model.form == "published_curve":
        risk = folder / model.risk_table if model.risk_table else None
        return curve_tables.read_published_curve(
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
