"""A country pack, checked → the `Country` of a decision problem, and the life table of the evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import numpy as np

from heor.faults import Faults
from heor.inputs.country import life_tables as life_tables
from heor.inputs.country import packs as countries
from heor.inputs.country.packs import Pack
from heor.inputs.read.parameter_table import MoneyRules
from heor.inputs.schema import country as schema_country
from heor.problem.country import Country, DiscountBand, LifeTable, SeverityBand, UtilityNorms
from heor.problem.parameter import Origin, Parameter

Shown = Callable[[Path], str]


def country(
    pack: Pack,
    shown: Shown,
    parameters: Mapping[str, Parameter],
    money: MoneyRules,
    as_of: date,
    problems: Faults,
) -> Country | None:
    """The country, or None (with problems noted) when a table cannot be read."""
    model = pack.model
    assert model is not None  # the caller has looked
    mortality, norms = life_table(pack, shown, problems), _norms(pack, shown, parameters, problems)
    values, kind, note = countries.thresholds(pack, money, problems)
    if mortality is None or norms is None or not values:
        return None
    foreign = money.run.currency != model.currency
    severity, valued = model.severity, _value_set(pack)
    return Country(
        name=pack.name,
        label=model.label,
        iso2=model.iso2,
        iso3=model.iso3,
        currency=money.run.currency,
        own_currency=model.currency,
        price_year=money.run.year,
        agency=model.agency.name,
        guideline=model.agency.guideline or "",
        asks=dict(model.agency.asks),
        perspective=model.perspective.label,
        streams=tuple(model.perspective.streams),
        discount_costs=_bands(model.discounting.costs),
        discount_effects=_bands(model.discounting.effects),
        thresholds=values,
        threshold_kind=kind,
        ceac_maximum=None if foreign else model.thresholds.ceac_maximum,
        # classes in money that the run is not in give no threshold
        severity_rule=None if foreign else severity.rule,
        severity_bands=tuple(
            SeverityBand(*b.edges(severity.rule), b.weight, b.threshold) for b in severity.bands
        ),
        severity_discounted=severity.is_discounted,
        severity_weight_on=severity.weighted,
        value_set=valued.name,
        value_set_key=valued.key,
        life_table=mortality,
        norms=norms,
        source=tuple(sorted({s for block in model.blocks.values() for s in block.source})),
        unverified=_unverified(model),
        discount_timing=model.discounting.timing,
        programme=pack.programme,
        programme_label=model.programmes.get(pack.programme or "", ""),
        as_of=as_of,
        per_donor_money=countries.per_donor_money(pack, money),
        borrowed=countries.donors_of(pack.layer),
        stand_ins=tuple(name for name, block in model.blocks.items() if block.generic),
        cautions=countries.cautions(pack, parameters, money, as_of, note),
        limits=tuple(model.limits),
    )


def life_table(pack: Pack, shown: Shown, problems: Faults) -> LifeTable | None:
    """A country's own life table, or its donor's."""
    owner = _owner(pack, "life_table")
    if owner is None or owner.model is None or owner.model.life_table.file is None:
        return None  # noted where the donor was read
    model = owner.model.life_table
    path = owner.folder / model.file
    found = life_tables.read_life_table(path, shown(path), problems)
    if found is None:
        return None
    found = life_tables.closed(found, model.closing)
    columns = found["age"], found["q_male"], found["q_female"]
    return LifeTable(*columns, tuple(model.source), Origin(shown(path)), model.closing)


def _norms(
    pack: Pack, shown: Shown, parameters: Mapping[str, Parameter], problems: Faults
) -> UtilityNorms | None:
    owner = _owner(pack, "utility_norms")
    if owner is None or owner.model is None or owner.model.utility_norms.file is None:
        return None
    model = owner.model.utility_norms
    if model.value_set != owner.model.value_set.key:
        problems.append(_mixed(owner))
    path = owner.folder / model.file
    found = life_tables.read_norms(path, shown(path), problems)
    if found is None:
        return None
    by_sex = None
    if "utility_male" in found:
        share = parameters["share_male"].mean if "share_male" in parameters else 0.5
        by_sex = found["utility_male"], found["utility_female"]
        found["utility"] = share * by_sex[0] + (1 - share) * by_sex[1]
    return UtilityNorms(
        found["age"],
        found["utility"],
        # a published table holds its own country's mortality
        found.get("remaining_qalys") if owner is pack else None,
        tuple(model.source),
        Origin(shown(path)),
        by_sex,
    )


def _owner(pack: Pack, block: str) -> Pack | None:
    """The country whose table is used; None when the donor could not be read."""
    assert pack.model is not None  # the caller has looked
    donor = getattr(pack.model, block).donor
    return pack if donor is None else pack.donors.get(donor)


def _value_set(pack: Pack) -> schema_country.ValueSet:
    """The set all utilities of the run are of: that of the norms."""
    owner = _owner(pack, "utility_norms")
    model = owner.model if owner is not None and owner.model is not None else pack.model
    assert model is not None  # the caller has looked
    return model.value_set


def _mixed(pack: Pack) -> str:
    model = pack.model
    assert model is not None  # the caller has looked
    return (
        f"{pack.layer.origin('country.utility_norms.value_set')}: utility_norms are valued with "
        f"'{model.utility_norms.value_set}', the country's value set is '{model.value_set.key}'; norms, "
        "state utilities, ageing and shortfall must be of one value set, because the same health has "
        "another number on each. Use norms of that set, or take norms and value set together from a "
        "country that has both (utility_norms: {donor: ...})."
    )


def _unverified(model: schema_country.CountryModel) -> tuple[str, ...]:
    """Blocks, or parts of them, not seen in their source."""
    found = []
    for name, block in model.blocks.items():
        if not block.verified:
            found.append(name)
        elif block.to_verify:
            found.append(f"{name} ({', '.join(block.to_verify)})")
    return tuple(found)


def _bands(bands: list[schema_country.Band]) -> tuple[DiscountBand, ...]:
    return tuple(DiscountBand(b.start, b.end, b.rate) for b in bands)


def largest_threshold(found: Country) -> float:
    """Largest threshold of curves: as the country says, or about twice the largest that matters.

    Money per QALY.
    """
    if found.ceac_maximum is not None:
        return found.ceac_maximum
    weighted = [
        band.threshold * (band.weight if found.severity_weight_on == "qalys" else 1.0)
        for band in found.severity_bands
        if band.threshold is not None and found.severity_rule is not None
    ]
    twice = 2 * max([*found.thresholds, *weighted])
    step = 10 ** (np.floor(np.log10(max(twice, 1.0))) - 1)
    return float(np.ceil(twice / step) * step)
