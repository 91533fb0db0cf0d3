"""Read a country into a run: its rules in force, its rows over the model's, and those it borrows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from heor.errors import InputError
from heor.inputs.country import packs as countries
from heor.inputs.country.packs import Pack
from heor.inputs.read import parameter_table, versions
from heor.inputs.read.prices import PriceTable, read_price_table
from heor.inputs.read.reading import Reading, parameters_file, validated
from heor.inputs.schema.country import CountryModel
from heor.inputs.text.layers import overlay


def read_country(
    reading: Reading, country: Any, day: date, programme: str | None, today: date
) -> Pack:
    """The country's layer and rows over the model's, with those of its donors, as of today, between."""
    name = countries.folder_of(reading.folder, country, reading.problems)
    pack = _pack(reading, name, day, programme)
    reading.layer = overlay(reading.layer, pack.layer)
    pack = replace(pack, donors=_donors(reading, pack, today))
    donor = pack.donors.get(countries.donors_of(pack.layer).get("prices", ""))
    base, lent = dict(reading.entries), {}
    if donor is not None and donor.model is not None:
        lent = countries.borrowed_rows(base, pack, donor)
        reading.entries = parameter_table.merge(base, lent, reading.problems)
    own = {n: e for n, e in pack.rows.items() if not parameter_table.is_missing(e) or n not in base}
    still = {n: e for n, e in pack.rows.items() if n not in own and n not in lent}
    reading.entries = parameter_table.merge(reading.entries, {**own, **still}, reading.problems)
    return pack


def _pack(reading: Reading, name: str, day: date, programme: str | None) -> Pack:
    """One country folder as read, without its donors; its sources join those of the model."""
    folder = reading.folder / "countries" / name
    raw = reading.yaml(folder / "country.yaml", "country", "country")
    chosen = versions.programme_of(raw, programme, reading.problems)
    layer, undated = versions.in_force(raw, day, chosen, reading.problems)
    if (folder / "sources.yaml").exists():
        own = reading.yaml(folder / "sources.yaml", "country", "sources")
        reading.layer = overlay(reading.layer, own)
    path = parameters_file(folder)
    rows = parameter_table.read_parameters(path, reading.shown(path), "country", reading.problems)
    return Pack(name, folder, layer, None, rows, chosen, tuple(undated))


def _donors(reading: Reading, pack: Pack, day: date) -> dict[str, Pack]:
    """The countries this one borrows from, which must have what they lend."""
    found: dict[str, Pack] = {}
    for block, donor in countries.donors_of(pack.layer).items():
        origin = pack.layer.origin(f"country.{block}.donor")
        try:
            name = countries.folder_of(reading.folder, donor)
        except InputError as error:
            reading.problems += [f"{origin}: donor: {line}" for line in error.problems]
            continue
        if name != donor:
            reading.problems.add(
                origin, f"donor '{donor}'", f"write the name of its folder, '{name}'"
            )
            continue
        if name not in found:
            lent = _pack(reading, name, day, None)
            model = validated(
                CountryModel, lent.layer.values["country"], lent.layer, "country", reading
            )
            found[name] = replace(lent, model=model)
        theirs = countries.donors_of(found[name].layer)
        if name == pack.name or block in theirs:
            whose = "itself" if name == pack.name else f"{theirs[block]}, its own donor"
            reading.problems.add(
                origin,
                f"{block} is borrowed from {name}, which has it from {whose}",
                "",
                "Name a country that has its own.",
            )
    return found


def evidence_country(reading: Reading, pack: Pack, analysis: Mapping[str, Any], day: date) -> Pack:
    """The country whose mortality the evidence's patients have: of the run unless the analysis says."""
    settings = analysis.get("survival")
    name = settings.get("background") if isinstance(settings, Mapping) else None
    if name in (None, pack.name):
        return pack
    if name in pack.donors:
        return pack.donors[name]
    origin = reading.layer.origin("analysis.survival.background")
    if name not in countries.folders(reading.folder):
        listed = ", ".join(countries.folders(reading.folder))
        reading.problems.add(
            origin,
            f"unknown country '{name}'",
            f"available: {listed}",
            like=(str(name), countries.folders(reading.folder)),
        )
        return pack
    found = _pack(reading, name, day, None)
    values = found.layer.values["country"]
    return replace(found, model=validated(CountryModel, values, found.layer, "country", reading))


def price_table(reading: Reading, pack: Pack) -> PriceTable:
    """Indices and rates of the model, with those of the country on top."""
    folders = (reading.folder / "model", pack.folder)
    paths = [p for f in folders if (p := f / "price_indices.csv").exists()]
    if not paths:
        return PriceTable()
    return read_price_table([(p, reading.shown(p)) for p in paths], reading.problems)
