"""parameters.csv: rows → Parameters, merged by name over the layers, checked against their unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heor import limits
from heor.faults import Faults
from heor.inputs.read.prices import CannotConvert, Conversion, Money, PriceTable, conversion
from heor.inputs.read.spread import check_dirichlets, read_spread
from heor.inputs.text.tables import Row, number, read_table
from heor.inputs.text.yaml_text import Grouped
from heor.limits import excerpt, few
from heor.problem.parameter import STATUSES, Origin, Parameter
from heor.problem.units import UNITS, lookup

#: Units of which there may be thousands, besides money.
COUNTS = ("patients/week", "patients/month", "patients/year")
#: Instead of a mean: the country must supply it.
REQUIRED_MARK = "required"
REQUIRED = ("name", "description", "mean", "se", "distribution", "unit", "status", "source")
OPTIONAL = (
    "currency",
    "price_year",
    "price_country",
    "evidence",
    "correlation_group",
    "transfer",
    "value_set",
    "note",
)
#: What a parameter asks of a country that adapts the model: its own value (prices, mortality, norms),
#: a look at whether the value fits (patients, practice), or nothing (relative effects).
#: After Welte et al. 2004 (Pharmacoeconomics 22:857-76).
TRANSFER = ("country", "adjust", "keep")


@dataclass(frozen=True)
class Entry:
    """One row as written, with its origin.

    `donor` is the country a row was borrowed from, `country` its ISO code; `local` names the cells
    (mean, se) that are in this run's money, whatever the row's currency says; `faulty` is a row that
    could not be read, whose own fault is enough.
    """

    cells: Mapping[str, str]
    origin: Origin
    donor: str | None = None
    country: str | None = None
    local: frozenset[str] = frozenset()
    faulty: bool = False


@dataclass(frozen=True)
class MoneyRules:
    """What money values of a run are in, and how others become so."""

    run: Money
    rate: str | None
    order: str
    table: PriceTable


def read_parameters(path: Path, shown: str, layer: str, problems: Faults) -> dict[str, Entry]:
    """Rows of one parameters file by name."""
    entries: dict[str, Entry] = {}
    broken: list[Row] = []
    twice = []
    for row in read_table(path, shown, REQUIRED, OPTIONAL, problems, limits.PARAMETERS, broken):
        name = row.cells["name"]
        if name in entries:
            twice.append(
                f"{shown}:{row.line}: '{excerpt(name)}' appears twice (first in line "
                f"{entries[name].origin.line}); names must be unique. Remove one."
            )
        entries[name] = Entry(row.cells, Origin(shown, row.line, layer))
    problems += few(twice, shown)
    for row in broken:
        cells = {**dict.fromkeys(REQUIRED, ""), **row.cells}
        origin = Origin(shown, row.line, layer)
        entries.setdefault(cells["name"], Entry(cells, origin, faulty=True))
    return entries


def merge(
    base: Mapping[str, Entry], top: Mapping[str, Entry], problems: Faults
) -> dict[str, Entry]:
    """Rows of `top` over `base`: a row may replace an existing name, nothing else."""
    merged = dict(base)
    unknown = [entry for name, entry in top.items() if name not in base and not entry.faulty]
    for entry in unknown[: limits.FAULTS]:
        name = entry.cells["name"]
        problems.add(
            entry.origin,
            f"unknown parameter '{excerpt(name)}'",
            "a country or scenario may only replace parameters of the model",
            "Check the spelling.",
            like=(name, base),
        )
    if len(unknown) > limits.FAULTS:
        more = len(unknown) - limits.FAULTS
        problems.add(unknown[-1].origin.file, f"{more:,} more unknown parameters")
    for name, entry in top.items():
        if name not in base:
            continue
        before = base[name].cells.get("mean", "")
        # a row that leaves the class open keeps the model's
        cells = {**entry.cells, "transfer": entry.cells.get("transfer") or _transfer(base[name])}
        merged[name] = replace(
            entry, cells=cells, origin=replace(entry.origin, replaced=before or None)
        )
    return merged


def _transfer(entry: Entry) -> str:
    return entry.cells.get("transfer", "")


def is_missing(entry: Entry) -> bool:
    """Whether a value is required from the country and none was given."""
    return entry.cells["mean"] == REQUIRED_MARK


def override(
    entries: Mapping[str, Entry],
    name: str,
    changes: Mapping[str, Any],
    origin: Origin,
    local: Iterable[str] = ("mean", "se"),
) -> Entry:
    """The row `name` with some cells changed; a mean without an se fixes the number.

    Of the changes, those in `local` are in this run's money, unless they name their own: then the
    whole row is, and it is nobody's loan.
    """
    if changes.get("currency") is not None:
        entries = {**entries, name: _priced_anew(entries[name])}
        local = ()
    cells = dict(entries[name].cells)
    before = cells["mean"]
    changes = {k: v for k, v in changes.items() if v is not None}
    own = entries[name].local | {k for k in local if k in changes}
    if "mean" in changes and "se" not in changes and "distribution" not in changes:
        changes = {**changes, "distribution": "fixed"}
    if changes.get("se") == 0 and "distribution" not in changes:
        changes = {**changes, "distribution": "fixed"}
    kind = str(changes.get("distribution", ""))
    if kind in ("fixed", "bernoulli"):
        changes = {**changes, "se": 0}
    elif "(" in kind and "se" not in changes:  # the arguments say it
        changes = {**changes, "se": ""}
    for key, value in changes.items():
        cells[key] = "; ".join(map(str, value)) if isinstance(value, list) else _text(value)
    return replace(entries[name], cells=cells, origin=replace(origin, replaced=before), local=own)


def _priced_anew(entry: Entry) -> Entry:
    """The row before it is given an amount of another currency and year."""
    unit = re.sub(r"^[A-Z]{3}\b", "{currency}", entry.cells["unit"])
    cells = {**entry.cells, "unit": unit, "price_country": ""}
    return replace(entry, cells=cells, donor=None, country=None, local=frozenset())


def _text(value: Any) -> str:
    """A value as a file would have it: 300000, not 300000.0."""
    if isinstance(value, Grouped):  # may be thousands
        return value.text
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def build(
    entries: Mapping[str, Entry],
    money: MoneyRules,
    sources: Iterable[str],
    problems: Faults,
) -> dict[str, Parameter]:
    """Parameters from rows; every fault is appended to `problems` with file and line."""
    known_sources = set(sources)
    parameters = {}
    for name, entry in entries.items():
        if entry.faulty:
            continue
        parameter = _parameter(name, entry, money, known_sources, problems)
        if parameter is not None:
            parameters[name] = parameter
    check_dirichlets(parameters, {n: e.cells["se"] for n, e in entries.items()}, problems)
    return parameters


def _parameter(
    name: str,
    entry: Entry,
    money: MoneyRules,
    known_sources: set[str],
    problems: Faults,
) -> Parameter | None:
    cells, where = entry.cells, f"{entry.origin}: {name}"
    if is_missing(entry):
        problems.add(
            where,
            "a value is required from the country, none was given",
            "",
            f"Add a row '{name}' to the country's parameters.csv, or name a donor of unit "
            "costs (prices: donor) in its country.yaml.",
        )
        return None
    before = len(problems)
    currency = cells.get("currency") or money.run.currency
    found = lookup(cells["unit"], currency)
    written = re.match(r"[A-Z]{3}\b", cells["unit"])
    if found is None and written and written[0] != currency:
        problems.add(
            where,
            f"unit '{cells['unit']}' with currency {currency}",
            "both must be of the money the value is in",
            f"Write {{currency}} in the unit, or {written[0]} in column 'currency'.",
        )
        return None
    if found is None:
        problems.add(
            where,
            f"unknown unit '{cells['unit']}'",
            f"allowed: {', '.join(UNITS)} (with {currency} for {{currency}})",
            like=(cells["unit"], UNITS),
        )
        return None
    unit_name, unit = found
    row = Row(entry.origin.line or 0, dict(cells))
    thousands = unit.money or unit_name in COUNTS
    mean = number(row, "mean", where, problems, thousands=thousands)
    _check_provenance(cells, where, known_sources, problems)
    converted = _converted(entry, money, where, problems) if unit.money else NOT_CONVERTED
    factors = {k: 1.0 if k in entry.local else converted.factor for k in ("mean", "se")}
    exchange = factors["se"] / factors["mean"]
    spread = read_spread(row, where, mean, unit, unit_name, thousands, exchange, problems)
    if len(problems) > before:
        return None
    steps = converted.steps if "mean" not in entry.local else ()
    own_mean, own_se = mean * factors["mean"], spread.se * factors["se"]
    generic = cells["unit"].replace(currency, "{currency}") if unit.money else cells["unit"]
    return Parameter(
        name=name,
        description=cells["description"],
        mean=own_mean * unit.factor,
        se=own_se * unit.factor,
        distribution=spread.kind,
        arguments=spread.arguments,
        unit=generic.replace("{currency}", money.run.currency),
        status=cells["status"],
        source=tuple(s.strip() for s in cells["source"].split(";") if s.strip()),
        origin=entry.origin,
        entered_mean=own_mean,
        entered_se=own_se,
        currency=money.run.currency if unit.money else None,
        price_year=money.run.year if unit.money else None,
        evidence=cells.get("evidence", ""),
        correlation_group=cells.get("correlation_group") or None,
        note=cells.get("note", ""),
        transfer=cells.get("transfer", ""),
        value_set=cells.get("value_set") or None,
        donor=entry.donor if "mean" not in entry.local else None,
        conversion=_arithmetic(cells, mean, own_mean, money, steps),
    )


NOT_CONVERTED = Conversion(1.0, ())


def _arithmetic(
    cells: Mapping[str, str], mean: float, own: float, money: MoneyRules, steps: tuple[str, ...]
) -> tuple[str, ...]:
    """A conversion line by line: what it was, each step, what it is."""
    if not steps:
        return ()
    year = int(float(cells["price_year"]))
    first = f"{mean:,.6g} {cells['currency']} ({year} prices)"
    return (first, *steps, f"= {own:,.6g} {money.run.currency} ({money.run.year} prices)")


def _converted(entry: Entry, money: MoneyRules, where: str, problems: Faults) -> Conversion:
    """From a row's money to that of the run; 1 where they are the same or a fault was noted."""
    cells, run = entry.cells, money.run
    if "mean" in entry.local and ("se" in entry.local or cells["se"] in ("", "0")):
        return NOT_CONVERTED  # nothing of the row is left
    before = len(problems)
    if not cells.get("currency"):
        problems.add(where, "a cost without currency", f"write {run.currency} in column 'currency'")
    year = cells.get("price_year", "")
    if not year:
        problems.add(
            where,
            "a cost without price year",
            f"write the year of its prices ({run.year} for this country)",
        )
    elif not re.fullmatch(r"(19|20|21)\d\d(\.0)?", year):
        problems.add(where, f"price year '{year}'", f"a year such as {run.year} is expected")
    if len(problems) > before:
        return NOT_CONVERTED
    country = cells.get("price_country") or entry.country
    if country is None and cells["currency"] == run.currency:
        country = run.country
    own = Money(cells["currency"], int(float(year)), country)
    if own == run:
        return NOT_CONVERTED
    try:
        return conversion(money.table, own, run, money.rate, money.order)
    except CannotConvert as error:
        problems.append(f"{where}: {own} in a run in {run}: {error}")
    return NOT_CONVERTED


def _check_provenance(
    cells: Mapping[str, str], where: str, known_sources: set[str], problems: Faults
) -> None:
    if cells["status"] not in STATUSES:
        problems.add(
            where,
            f"status '{cells['status']}'",
            f"allowed: {', '.join(STATUSES)}",
            like=(cells["status"], STATUSES),
        )
    transfer = cells.get("transfer")
    if transfer and transfer not in TRANSFER:
        problems.add(
            where,
            f"transfer '{transfer}'",
            f"allowed: {', '.join(TRANSFER)}",
            like=(transfer, TRANSFER),
        )
    keys = [s.strip() for s in cells["source"].split(";") if s.strip()]
    if not keys:
        problems.add(where, "no source", "every number needs one", "Add a key of sources.yaml.")
    for key in keys:
        if key not in known_sources:
            problems.add(
                where,
                f"source '{key}' is not in sources.yaml",
                "",
                "Add it there.",
                like=(key, known_sources),
            )
