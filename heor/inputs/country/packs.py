"""Countries of an inputs folder: found by name or ISO code, read as rules in force, borrowing from a donor.

A country folder holds `country.yaml`, `parameters.csv`, a life table and utility norms, and may hold
`sources.yaml` and `price_indices.csv` of its own. What it lacks may come from a donor it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from heor import limits
from heor.errors import InputError
from heor.faults import Faults, nearest
from heor.inputs.read.parameter_table import Entry, MoneyRules, is_missing
from heor.inputs.read.prices import CannotConvert, Money, PriceTable, conversion
from heor.inputs.schema.country import CountryModel
from heor.inputs.text.layers import Layer, read_text, read_yaml

DEFAULT = "norway"  # where analysis.yaml names no country
NO_COUNTRIES = (
    "countries/ of the inputs folder holds no country. Copy one into it, with `_template`, from the "
    "inputs that come with heor: a new country starts from one that is there."
)
CODE = re.compile(r"^(label|iso2|iso3):\s*[\"']?([^\"'#\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Pack:
    """One country as read: its rules in force, its parameter rows, and its donors.

    Attributes
    ----------
    name : str
        Of its folder.
    layer : Layer
        Under `country`, one version of each block.
    model : CountryModel or None
        The same, checked; None when faulty.
    rows : dict
        Of its parameters.csv.
    donors : dict
        Name → pack of each country it borrows from.
    undated : tuple of str
        Blocks used although they are stated for later days only.
    """

    name: str
    folder: Path
    layer: Layer
    model: CountryModel | None
    rows: Mapping[str, Entry]
    programme: str | None
    undated: tuple[str, ...] = ()
    donors: Mapping[str, Pack] = field(default_factory=dict)


def folders(inputs: Path) -> list[str]:
    """Names of the country folders."""
    root = Path(inputs) / "countries"
    return sorted(
        p.name for p in root.glob("*/") if not p.name.startswith(("_", ".")) and p.is_dir()
    )


def known_as(inputs: Path) -> dict[str, str]:
    """Every way to name a country of the folder, in lower case → its folder."""
    found = {}
    for name in folders(inputs):
        found[name.lower()] = found[name.replace("_", " ").lower()] = name
        path = Path(inputs) / "countries" / name / "country.yaml"
        text = read_text(path, str(path), Faults(), limits.YAML_BYTES, Path(inputs))
        for _, value in CODE.findall(text or ""):
            found.setdefault(value.strip().lower(), name)
    return found


def folder_of(inputs: Path, country: Any, problems: Sequence[str] = ()) -> str:
    """The folder of a country given by folder name, English name or ISO code.

    Raises
    ------
    InputError
        With the countries there are, and how to make the one asked for.
    """
    names = folders(inputs)
    if country in names:
        return country
    known = known_as(inputs)
    if str(country).lower() in known:
        return known[str(country).lower()]
    if not names:  # nothing to start from: no advice that cannot be followed
        raise InputError([*problems, f"unknown country '{country}'; {NO_COUNTRIES}"])
    from heor.inputs.country.iso import territory

    found = territory(str(country))
    hint = (
        f" {found.name} has no folder here; `heor country new {found.iso2 or found.iso3}` makes one."
        if found
        else nearest(str(country).lower(), known)
    )
    raise InputError(
        [*problems, f"unknown country '{country}'; available: {', '.join(names)}.{hint}"]
    )


def default_of(inputs: Path) -> str:
    """The folder of the country that `analysis.yaml` names; nothing else is read.

    Raises
    ------
    InputError
        `analysis.yaml` cannot be read, or the country is not there.
    """
    path, problems = Path(inputs) / "model" / "analysis.yaml", Faults()
    found = read_yaml(path, path.as_posix(), "model", problems, Path(inputs))
    if problems:
        raise InputError(problems)
    return folder_of(inputs, found.values.get("country", DEFAULT))


def donors_of(layer: Layer) -> dict[str, str]:
    """Block → country it is borrowed from, as a country.yaml says."""
    blocks = layer.values.get("country", {})
    return {
        name: str(block["donor"])
        for name, block in blocks.items()
        if isinstance(block, Mapping) and block.get("donor")
    }


# ------------------------------------------------------------------------------------ parameters
def borrowed_rows(base: Mapping[str, Entry], pack: Pack, donor: Pack) -> dict[str, Entry]:
    """The donor's rows of what the model requires and this country does not give."""
    assert donor.model is not None  # the caller has looked
    return {
        name: replace(row, donor=donor.name, country=donor.model.iso3)
        for name, row in donor.rows.items()
        if name in base and is_missing(base[name])
        if name not in pack.rows or is_missing(pack.rows[name])
    }


def money_rules(pack: Pack, table: PriceTable) -> MoneyRules:
    """The money of a run: the country's, or the donor's where nothing can be converted."""
    model = pack.model
    assert model is not None  # the caller has looked
    prices = model.prices
    own = Money(model.currency, model.price_year, model.iso3)
    if prices is None:
        return MoneyRules(own, None, "index_then_rate", table)
    donor = pack.donors.get(prices.donor or "")
    if prices.rate is None and donor is not None and donor.model is not None:
        own = Money(donor.model.currency, donor.model.price_year, donor.model.iso3)
    return MoneyRules(own, prices.rate, prices.order, table)


def per_donor_money(pack: Pack, rules: MoneyRules) -> tuple[str, float] | None:
    """The money results can be compared in: the donor's, or the country's own, and its worth here."""
    assert pack.model is not None  # the caller has looked
    donor = pack.donors.get((pack.model.prices.donor if pack.model.prices else None) or "")
    if donor is None or donor.model is None:
        return str(rules.run), 1.0
    of = Money(donor.model.currency, donor.model.price_year, donor.model.iso3)
    if of == rules.run:
        return str(of), 1.0
    try:
        return str(of), conversion(rules.table, of, rules.run, rules.rate, rules.order).factor
    except CannotConvert:
        return None


# ------------------------------------------------------------------------------------ thresholds
def thresholds(
    pack: Pack, rules: MoneyRules, problems: Faults
) -> tuple[tuple[float, ...], str, str]:
    """Thresholds in the money of the run, their kind, and what must be said of them.

    A donor's thresholds are shown for orientation; so are they where the country's own are in a
    money that nothing can be converted to.
    """
    model = pack.model
    assert model is not None  # the caller has looked
    own, where = model.thresholds, pack.layer.origin("country.thresholds")
    currency = own.currency or model.currency
    if currency != model.currency:
        problems.add(
            where,
            f"thresholds in {currency}",
            f"money of {model.label} is {model.currency}",
            f"Write them in {model.currency}, or correct 'currency'.",
        )
    if own.values and (own.kind == "asked" or rules.run.currency == model.currency):
        return tuple(own.values), own.kind, ""
    name = own.donor or (model.prices.donor if model.prices else None)
    donor = pack.donors.get(name or "")
    if donor is None or donor.model is None or not donor.model.thresholds.values:
        problems.add(
            where,
            f"no thresholds in {rules.run.currency}",
            "'values', or a 'donor' with thresholds of its own, are required",
            "Add one of them.",
        )
        return (), own.kind, ""
    theirs = donor.model
    given = ", ".join(f"{v:,.0f}" for v in own.values)
    what = (
        f"{model.label}'s own thresholds ({given} {model.currency}) cannot be set against costs in "
        f"{rules.run.currency}"
        if own.values
        else f"The thresholds of {model.label} are not filled in"
        if own.generic
        else f"{model.label} has no official threshold"
    )
    of = Money(theirs.currency, theirs.price_year, theirs.iso3)
    if of == rules.run:
        factor, how = 1.0, ""
    else:
        try:
            found = conversion(rules.table, of, rules.run, rules.rate, rules.order)
        except CannotConvert as error:
            problems.append(f"{where}: thresholds of {theirs.label}: {error}")
            return (), own.kind, ""
        factor, how = found.factor, f", converted ({'; '.join(found.steps)}) and rounded"
    values = [v if factor == 1 else _rounded(v * factor) for v in theirs.thresholds.values]
    listed = ", ".join(f"{v:,.0f}" for v in values)
    said = (
        f"{what}: results are shown at {theirs.label}'s ({listed} {rules.run.currency}{how}), for "
        "orientation only. They are no verdict."
    )
    return tuple(values), "unusable" if own.values else "none", said


def _rounded(value: float) -> float:
    """Two significant digits: what is only for orientation should not look exact."""
    return float(f"{value:.1e}")


# -------------------------------------------------------------------------------------- cautions
def cautions(
    pack: Pack, parameters: Mapping[str, Any], rules: MoneyRules, as_of: date, threshold_note: str
) -> tuple[str, ...]:
    """What must be read before any result of this country."""
    model = pack.model
    assert model is not None  # the caller has looked
    found = []
    generic = [name for name, block in model.blocks.items() if block.generic]
    if generic:
        found.append(
            f"Stand-ins, not rules of {model.label}: {_listed(generic)}. Not for a decision."
        )
    found += _lent(pack, model.label, model.currency, parameters, rules)
    own = [p.name for p in parameters.values() if p.conversion and not p.donor]
    if own:
        found.append(
            f"Converted to {rules.run}: {', '.join(own)} (the arithmetic: `heor show NAME`)."
        )
    for name in ("life_table", "utility_norms"):
        donor = getattr(model, name).donor
        if donor:
            label = pack.donors[donor].model.label
            also = (
                f", valued with {pack.donors[donor].model.value_set.name}, as are all utilities of this run"
                + ("" if model.value_set.generic else f" (not {model.value_set.name})")
                if name == "utility_norms"
                else ""
            )
            what = name.replace("_", " ")
            found.append(f"The {what} of {model.label} {_are(name)} {label}'s{also}.")
    if threshold_note:
        found.append(threshold_note)
    if pack.undated:
        found.append(
            f"Rules of {as_of} were asked for. Of {_listed(list(pack.undated))} it is not known since when "
            "they are in force; they are used as they were read."
        )
    return tuple(found)


def _lent(
    pack: Pack, label: str, currency: str, parameters: Mapping[str, Any], rules: MoneyRules
) -> list[str]:
    """Whose prices and counts a run uses, and what that leaves of its results."""
    lent: dict[str, list[Any]] = {}
    for p in parameters.values():
        if p.donor:
            lent.setdefault(p.donor, []).append(p)
    own_prices = [p for p in parameters.values() if _is_price(p) and not p.donor]
    found = []
    for donor, values in lent.items():
        theirs = pack.donors[donor].model.label
        prices = [p.name for p in values if _is_price(p)]
        counts = [p.name for p in values if not _is_price(p)]
        money = (
            f" and converted to {rules.run} (the arithmetic: `heor show --country {pack.name} NAME`)"
            if any(p.conversion for p in values)
            else f", in {rules.run}: nothing converts them to {currency}"
            if rules.run.currency != currency
            else ""
        )
        if prices:
            every = (
                "" if own_prices else f"Every price is {theirs}'s: not for a decision in {label}. "
            )
            found.append(
                f"{every}{len(prices)} prices of {label} are {theirs}'s{money}: {', '.join(prices)}."
            )
        if counts:
            found.append(
                f"As in {theirs}: {', '.join(counts)}. Value for the population and of the trial rests on it."
            )
    return found


def _is_price(parameter: Any) -> bool:
    return parameter.price_year is not None  # money has one, counts have none


def _are(name: str) -> str:
    return "are" if name.endswith("s") else "is"


def _listed(names: list[str]) -> str:
    return ", ".join(n.replace("_", " ") for n in names)


def stand_ins(pack: Pack) -> list[str]:
    """Blocks that are not the country's own rules, each with where: a run needs --allow-generic."""
    model = pack.model
    assert model is not None  # the caller has looked
    return [
        f"{pack.layer.origin(f'country.{name}')}: '{name}' is a stand-in (generic: true), not a rule of "
        f"{model.label}; its own is required. Fill it in and remove 'generic', or run with "
        "--allow-generic."
        for name, block in model.blocks.items()
        if block.generic
    ]
