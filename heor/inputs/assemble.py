"""Checked settings and tables → the frozen types of `problem.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from heor.inputs import schema, tables
from heor.inputs.layers import Layer
from heor.inputs.problem import (
    MONTHS_PER_YEAR,
    Correlation,
    CostItem,
    Country,
    DecisionProblem,
    DiscountBand,
    Exposure,
    FitSettings,
    FittedCurve,
    LifeTable,
    Origin,
    Parameter,
    RelativeCurve,
    Settings,
    SeverityBand,
    Source,
    Strategy,
    SurvivalEvidence,
    Synthesis,
    UtilityItem,
    UtilityNorms,
)

YEARS_PER_UNIT = {
    "years": 1.0,
    "months": 1 / MONTHS_PER_YEAR,
    "weeks": 7 / 365.25,
    "days": 1 / 365.25,
}


def problem(
    folder: Path,
    shown: Callable[[Path], str],
    models: schema.Inputs,
    parameters: Mapping[str, Parameter],
    layer: Layer,
    problems: list[str],
    *,
    country: str,
    draws: int | None,
    seed: int | None,
    quick: bool,
    scenario: str | None,
    scenario_label: str,
    scenario_why: str,
    overrides: Mapping[str, Any],
    hashes: Mapping[str, str],
) -> DecisionProblem | None:
    """The decision problem, or None (with problems noted) when a table cannot be read."""
    analysis = models.analysis
    where = _country(
        folder / "countries" / country, shown, models.country, country, layer, problems
    )
    strategies = {n: _strategy(n, m, analysis.survival) for n, m in models.strategies.items()}
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
        settings=_settings(analysis, draws, seed, quick),
        country=where,
        strategies=strategies,
        parameters=parameters,
        derived=analysis.derived,
        syntheses={
            n: Synthesis(name=n, **{**m.model_dump(), "studies": tuple(m.studies)})
            for n, m in analysis.syntheses.items()
        },
        correlations=tuple(
            Correlation(m.correlation, m.group, tuple(m.pair) if m.pair else None)
            for m in analysis.correlations.values()
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
    )


def _settings(
    analysis: schema.Analysis, draws: int | None, seed: int | None, quick: bool
) -> Settings:
    survival = analysis.survival
    return Settings(
        model=analysis.model,
        states=tuple(analysis.states),
        comparator=analysis.comparator,
        intervention=analysis.intervention,
        cycle=analysis.cycle_months / MONTHS_PER_YEAR,
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
        ),
        ceac_thresholds=(0.0, analysis.ceac_maximum, 301),
    )


def _source(name: str, model: schema.SourceModel) -> Source:
    values = model.model_dump()
    accessed = values.pop("accessed")
    return Source(key=name, accessed=str(accessed) if accessed else None, **values)


def _strategy(
    name: str, model: schema.StrategyModel, survival: schema.SurvivalSettings
) -> Strategy:
    families = tuple(survival.distributions)
    if survival.extrapolation != "stacked":
        families = (survival.extrapolation,)
    return Strategy(
        name=name,
        label=model.label,
        curves={e: _curve(c, families) for e, c in model.curves.items()},
        exposures={n: Exposure(name=n, **_dump(e)) for n, e in model.exposures.items()},
        costs={n: CostItem(name=n, **c.model_dump()) for n, c in model.costs.items()},
        utilities={n: UtilityItem(name=n, **u.model_dump()) for n, u in model.utilities.items()},
        groups=dict(model.groups),
        cured_group=model.cured_group,
    )


def _dump(exposure: schema.ExposureModel) -> dict[str, Any]:
    values = exposure.model_dump()
    return {**values, "less": tuple(values["less"]), "sum_of": tuple(values["sum_of"])}


def _curve(model: schema.CurveModel, families: tuple[str, ...]) -> FittedCurve | RelativeCurve:
    values = model.model_dump()
    if model.evidence is not None:
        return FittedCurve(model.evidence, families, model.multiplier)
    values["window"] = values["window"] or "0"
    return RelativeCurve(**{f.name: values[f.name] for f in fields(RelativeCurve)})


def _evidence(
    name: str,
    model: schema.EvidenceModel,
    folder: Path,
    shown: Callable[[Path], str],
    layer: Layer,
    problems: list[str],
) -> SurvivalEvidence | None:
    path = folder / model.file
    read = tables.read_grouped if model.form == "grouped" else tables.read_individual
    table = read(path, shown(path), YEARS_PER_UNIT[model.time_unit], problems)
    if table is None:
        return None
    return SurvivalEvidence(
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
    )


def _country(
    folder: Path,
    shown: Callable[[Path], str],
    model: schema.CountryModel,
    name: str,
    layer: Layer,
    problems: list[str],
) -> Country | None:
    life_path, norm_path = folder / model.life_table.file, folder / model.utility_norms.file
    life = tables.read_life_table(life_path, shown(life_path), problems)
    norms = tables.read_norms(norm_path, shown(norm_path), problems)
    if life is None or norms is None:
        return None
    parts = {
        k: v for k in type(model).model_fields if isinstance(v := getattr(model, k), schema.Sourced)
    }
    return Country(
        name=name,
        label=model.label,
        iso2=model.iso2,
        currency=model.currency,
        price_year=model.price_year,
        agency=model.agency,
        perspective=model.perspective.label,
        streams=tuple(model.perspective.streams),
        discount_costs=_bands(model.discounting.costs),
        discount_effects=_bands(model.discounting.effects),
        thresholds=tuple(model.thresholds.values),
        severity_rule=model.severity.rule,
        severity_bands=tuple(
            SeverityBand(b.lower, b.upper, b.weight, b.threshold) for b in model.severity.bands
        ),
        value_set=model.value_set.name,
        life_table=LifeTable(
            life["age"],
            life["q_male"],
            life["q_female"],
            tuple(model.life_table.source),
            Origin(shown(life_path)),
        ),
        norms=UtilityNorms(
            norms["age"],
            norms["utility"],
            norms["remaining_qalys"],
            tuple(model.utility_norms.source),
            Origin(shown(norm_path)),
        ),
        source=tuple(sorted({s for p in parts.values() for s in p.source})),
        unverified=tuple(k for k, p in parts.items() if not p.verified),
    )


def _bands(bands: list[schema.Band]) -> tuple[DiscountBand, ...]:
    return tuple(DiscountBand(b.start, b.end, b.rate) for b in bands)
