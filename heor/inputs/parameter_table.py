"""parameters.csv: rows → Parameters, merged by name over the layers, checked against their unit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heor import limits
from heor.inputs import uncertainty
from heor.inputs.layers import nearest
from heor.inputs.numerals import STRICT
from heor.inputs.prices import CannotConvert, Conversion, Money, PriceTable, conversion
from heor.inputs.problem import STATUSES, Origin, Parameter
from heor.inputs.tables import Row, number, read_table
from heor.inputs.units import UNITS, Unit, lookup
from heor.inputs.yaml_text import Grouped

#: Units of which there may be thousands, besides money.
COUNTS = ("patients/year",)
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
    (mean, se) that are in this run's money, whatever the row's currency says.
    """

    cells: Mapping[str, str]
    origin: Origin
    donor: str | None = None
    country: str | None = None
    local: frozenset[str] = frozenset()


@dataclass(frozen=True)
class MoneyRules:
    """What money values of a run are in, and how others become so."""

    run: Money
    rate: str | None
    order: str
    table: PriceTable


def read_parameters(path: Path, shown: str, layer: str, problems: list[str]) -> dict[str, Entry]:
    """Rows of one parameters file by name."""
    entries: dict[str, Entry] = {}
    for row in read_table(path, shown, REQUIRED, OPTIONAL, problems, limits.PARAMETERS):
        name = row.cells["name"]
        if name in entries:
            problems.append(
                f"{shown}:{row.line}: '{name}' appears twice (first in line "
                f"{entries[name].origin.line}); names must be unique. Remove one."
            )
        entries[name] = Entry(row.cells, Origin(shown, row.line, layer))
    return entries


def merge(
    base: Mapping[str, Entry], top: Mapping[str, Entry], problems: list[str]
) -> dict[str, Entry]:
    """Rows of `top` over `base`: a row may replace an existing name, nothing else."""
    merged = dict(base)
    for name, entry in top.items():
        if name not in base:
            problems.append(
                f"{entry.origin}: unknown parameter '{name}'; a country or scenario may only replace "
                f"parameters of the model.{nearest(name, base)} Check the spelling."
            )
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
    if changes.get("distribution") in ("fixed", "bernoulli"):
        changes = {**changes, "se": 0}
    for key, value in changes.items():
        cells[key] = "; ".join(value) if isinstance(value, list) else _text(value)
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
    problems: list[str],
) -> dict[str, Parameter]:
    """Parameters from rows; every fault is appended to `problems` with file and line."""
    known_sources = set(sources)
    parameters = {}
    for name, entry in entries.items():
        parameter = _parameter(name, entry, money, known_sources, problems)
        if parameter is not None:
            parameters[name] = parameter
    _check_dirichlets(parameters, problems)
    return parameters


def _parameter(
    name: str,
    entry: Entry,
    money: MoneyRules,
    known_sources: set[str],
    problems: list[str],
) -> Parameter | None:
    cells, where = entry.cells, f"{entry.origin}: {name}"
    if is_missing(entry):
        problems.append(
            f"{where}: a value is required from the country, none was given. Add a row '{name}' to "
            "the country's parameters.csv, or name a donor of unit costs (prices: donor) in its "
            "country.yaml."
        )
        return None
    before = len(problems)
    currency = cells.get("currency") or money.run.currency
    found = lookup(cells["unit"], currency)
    written = re.match(r"[A-Z]{3}\b", cells["unit"])
    if found is None and written and written[0] != currency:
        problems.append(
            f"{where}: unit '{cells['unit']}' with currency {currency}; both must be of the money the value "
            f"is in. Write {{currency}} in the unit, or {written[0]} in column 'currency'."
        )
        return None
    if found is None:
        problems.append(
            f"{where}: unknown unit '{cells['unit']}'; allowed: {', '.join(UNITS)} (with {currency} "
            f"for {{currency}}).{nearest(cells['unit'], UNITS)}"
        )
        return None
    unit_name, unit = found
    row = Row(entry.origin.line or 0, dict(cells))
    thousands = unit.money or unit_name in COUNTS
    mean = number(row, "mean", where, problems, thousands=thousands)
    se = number(row, "se", where, problems, blank=0.0, thousands=thousands)
    kind, arguments = uncertainty.parse(cells["distribution"])
    _check_provenance(cells, where, known_sources, problems)
    converted = _converted(entry, money, where, problems) if unit.money else NOT_CONVERTED
    factors = {k: 1.0 if k in entry.local else converted.factor for k in ("mean", "se")}
    if len(problems) == before:
        if se == 0 and kind not in ("bernoulli", "fixed"):
            kind = "fixed"
        _check_range(where, kind, arguments, mean, se, unit, unit_name, problems)
    if len(problems) > before:
        return None
    steps = converted.steps if "mean" not in entry.local else ()
    own_mean, own_se = mean * factors["mean"], se * factors["se"]
    generic = cells["unit"].replace(currency, "{currency}") if unit.money else cells["unit"]
    return Parameter(
        name=name,
        description=cells["description"],
        mean=own_mean * unit.factor,
        se=own_se * unit.factor,
        distribution=kind,
        arguments=arguments,
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


def _converted(entry: Entry, money: MoneyRules, where: str, problems: list[str]) -> Conversion:
    """From a row's money to that of the run; 1 where they are the same or a fault was noted."""
    cells, run = entry.cells, money.run
    if "mean" in entry.local and ("se" in entry.local or cells["se"] in ("", "0")):
        return NOT_CONVERTED  # nothing of the row is left
    before = len(problems)
    if not cells.get("currency"):
        problems.append(
            f"{where}: a cost without currency; write {run.currency} in column 'currency'."
        )
    year = cells.get("price_year", "")
    if not year:
        problems.append(
            f"{where}: a cost without price year; write the year of its prices ({run.year} for "
            "this country)."
        )
    elif not re.fullmatch(r"(19|20|21)\d\d(\.0)?", year):
        problems.append(f"{where}: price year '{year}'; a year such as {run.year} is expected.")
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


def _check_range(
    where: str,
    kind: str,
    arguments: tuple[str, ...],
    mean: float,
    se: float,
    unit: Unit,
    unit_name: str,
    problems: list[str],
) -> None:
    if not unit.low <= mean <= unit.high:
        problems.append(
            f"{where}: mean {mean:g} is outside the range of unit '{unit_name}'; it must be "
            f"{unit.allowed()}. Check the value and its unit."
        )
    if se < 0:
        problems.append(f"{where}: se {se:g} is negative; it must be 0 or more.")
    if kind not in uncertainty.NAMES:
        problems.append(
            f"{where}: unknown distribution '{kind}'; allowed: {', '.join(uncertainty.NAMES)}."
            f"{nearest(kind, uncertainty.NAMES)}"
        )
    elif kind in uncertainty.UNCERTAINTIES and (se > 0 or kind == "bernoulli"):
        fault = uncertainty.UNCERTAINTIES[kind].impossible(mean, se)
        if fault:
            problems.append(f"{where}: {fault}. Check the columns 'mean' and 'se'.")
        elif arguments:
            _check_arguments(where, kind, arguments, mean, se, problems)
        if not fault:
            _check_draws_stay_inside(where, kind, mean, se, unit, unit_name, problems)
    if kind == "dirichlet":
        if len(arguments) != 2:
            problems.append(
                f"{where}: write dirichlet(group; n), the group's name and the effective sample size."
            )
        elif not _positive_number(arguments[1]):
            problems.append(
                f"{where}: dirichlet({'; '.join(arguments)}): '{arguments[1]}' is the effective "
                "sample size; it must be a number above 0."
            )


def _check_draws_stay_inside(
    where: str,
    kind: str,
    mean: float,
    se: float,
    unit: Unit,
    unit_name: str,
    problems: list[str],
) -> None:
    """Nearly all draws must be possible values of the unit."""
    low, high = uncertainty.interval(kind, mean, se, level=0.999)
    if low < unit.low or high > unit.high:
        problems.append(
            f"{where}: {kind} with mean {mean:g} and se {se:g} draws values from {low:.3g} to "
            f"{high:.3g}; unit '{unit_name}' must be {unit.allowed()}. Use a distribution that stays "
            "inside (beta for a share) or a smaller se."
        )


def _positive_number(text: str) -> bool:
    return bool(STRICT.fullmatch(text)) and 0 < float(text) <= limits.NUMBER


def _check_arguments(
    where: str,
    kind: str,
    arguments: tuple[str, ...],
    mean: float,
    se: float,
    problems: list[str],
) -> None:
    """beta(a; b) and half-normal(scale) must have the mean and se of their row."""
    written = f"{kind}({'; '.join(arguments)})"
    needed = {"beta": 2, "half-normal": 1}.get(kind, 0)
    if len(arguments) != needed or not all(map(_positive_number, arguments)):
        takes = f"{needed} number{'s' * (needed > 1)} above 0" if needed else "no arguments"
        problems.append(f"{where}: {written}: {kind} takes {takes}.")
        return
    if kind == "beta":
        a, b = (float(x) for x in arguments)
        m = a / (a + b)
        s = math.sqrt(m * (1 - m) / (a + b + 1))
    else:
        scale = float(arguments[0])
        m, s = scale * math.sqrt(2 / math.pi), scale * math.sqrt(1 - 2 / math.pi)
    if abs(mean - m) > 0.001 or abs(se - s) > 0.001:
        problems.append(
            f"{where}: {written} has mean {m:.6g} and se {s:.6g}, but the row says {mean:g} and "
            f"{se:g}. Make them agree."
        )


def _check_dirichlets(parameters: Mapping[str, Parameter], problems: list[str]) -> None:
    """The shares of a Dirichlet group sum to at most 1 and have one effective sample size."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in parameters.values():
        if parameter.distribution == "dirichlet":
            groups.setdefault(parameter.arguments[0], []).append(parameter)
    for group, members in groups.items():
        where = f"{members[-1].origin}: dirichlet group '{group}'"
        total = sum(m.mean for m in members)
        if total > 1 + 1e-6:
            problems.append(f"{where}: means sum to {total:g}; they must sum to at most 1.")
        sizes = sorted({float(m.arguments[1]) for m in members})
        if len(sizes) > 1:
            problems.append(
                f"{where}: effective sample sizes {', '.join(f'{s:g}' for s in sizes)}; all members "
                "must have the same."
            )


def _check_provenance(
    cells: Mapping[str, str], where: str, known_sources: set[str], problems: list[str]
) -> None:
    if cells["status"] not in STATUSES:
        problems.append(
            f"{where}: status '{cells['status']}'; allowed: {', '.join(STATUSES)}."
            f"{nearest(cells['status'], STATUSES)}"
        )
    transfer = cells.get("transfer")
    if transfer and transfer not in TRANSFER:
        problems.append(
            f"{where}: transfer '{transfer}'; allowed: {', '.join(TRANSFER)}."
            f"{nearest(transfer, TRANSFER)}"
        )
    keys = [s.strip() for s in cells["source"].split(";") if s.strip()]
    if not keys:
        problems.append(f"{where}: no source; every number needs one. Add a key of sources.yaml.")
    for key in keys:
        if key not in known_sources:
            problems.append(
                f"{where}: source '{key}' is not in sources.yaml.{nearest(key, known_sources)} Add "
                "it there."
            )
