"""parameters.csv: rows → Parameters, merged by name over the layers, checked against their unit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heor.inputs import uncertainty
from heor.inputs.layers import nearest
from heor.inputs.problem import STATUSES, Origin, Parameter
from heor.inputs.tables import Row, number, read_table
from heor.inputs.units import UNITS, Unit, lookup

REQUIRED = ("name", "description", "mean", "se", "distribution", "unit", "status", "source")
OPTIONAL = ("currency", "price_year", "evidence", "correlation_group", "note")


@dataclass(frozen=True)
class Entry:
    """One row as written, with its origin."""

    cells: Mapping[str, str]
    origin: Origin


def read_parameters(path: Path, shown: str, layer: str, problems: list[str]) -> dict[str, Entry]:
    """Rows of one parameters file by name."""
    entries: dict[str, Entry] = {}
    for row in read_table(path, shown, REQUIRED, OPTIONAL, problems):
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
        merged[name] = Entry(entry.cells, replace(entry.origin, replaced=before or None))
    return merged


def override(
    entries: Mapping[str, Entry], name: str, changes: Mapping[str, Any], origin: Origin
) -> Entry:
    """The row `name` with some cells changed; a mean without an se fixes the number."""
    cells = dict(entries[name].cells)
    before = cells["mean"]
    changes = {k: v for k, v in changes.items() if v is not None}
    if "mean" in changes and "se" not in changes and "distribution" not in changes:
        changes = {**changes, "distribution": "fixed"}
    if changes.get("se") == 0 and "distribution" not in changes:
        changes = {**changes, "distribution": "fixed"}
    if changes.get("distribution") in ("fixed", "bernoulli"):
        changes = {**changes, "se": 0}
    for key, value in changes.items():
        cells[key] = "; ".join(value) if isinstance(value, list) else _text(value)
    return Entry(cells, replace(origin, replaced=before))


def _text(value: Any) -> str:
    """A value as a file would have it: 300000, not 300000.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def build(
    entries: Mapping[str, Entry],
    currency: str,
    price_year: int,
    sources: Iterable[str],
    problems: list[str],
) -> dict[str, Parameter]:
    """Parameters from rows; every fault is appended to `problems` with file and line."""
    known_sources = set(sources)
    parameters = {}
    for name, entry in entries.items():
        parameter = _parameter(name, entry, currency, price_year, known_sources, problems)
        if parameter is not None:
            parameters[name] = parameter
    _check_dirichlets(parameters, problems)
    return parameters


def _parameter(
    name: str,
    entry: Entry,
    currency: str,
    price_year: int,
    known_sources: set[str],
    problems: list[str],
) -> Parameter | None:
    cells, where = entry.cells, f"{entry.origin}: {name}"
    if cells["mean"] == "required":
        problems.append(
            f"{where}: a value is required from the country, none was given. Add a row '{name}' to "
            "the country's parameters.csv."
        )
        return None
    before = len(problems)
    found = lookup(cells["unit"], currency)
    if found is None:
        problems.append(
            f"{where}: unknown unit '{cells['unit']}'; allowed: {', '.join(UNITS)} (with {currency} "
            f"for {{currency}}).{nearest(cells['unit'], UNITS)}"
        )
        return None
    unit_name, unit = found
    row = Row(entry.origin.line or 0, dict(cells))
    mean = number(row, "mean", where, problems)
    se = number(row, "se", where, problems, blank=0.0)
    kind, arguments = uncertainty.parse(cells["distribution"])
    _check_provenance(cells, where, unit, currency, price_year, known_sources, problems)
    if len(problems) == before:
        if se == 0 and kind not in ("bernoulli", "fixed"):
            kind = "fixed"
        _check_range(where, kind, arguments, mean, se, unit, unit_name, problems)
    if len(problems) > before:
        return None
    return Parameter(
        name=name,
        description=cells["description"],
        mean=mean * unit.factor,
        se=se * unit.factor,
        distribution=kind,
        arguments=arguments,
        unit=cells["unit"].replace("{currency}", currency),
        status=cells["status"],
        source=tuple(s.strip() for s in cells["source"].split(";") if s.strip()),
        origin=entry.origin,
        entered_mean=mean,
        entered_se=se,
        currency=currency if unit.money else None,
        price_year=int(float(cells["price_year"])) if unit.money else None,
        evidence=cells.get("evidence", ""),
        correlation_group=cells.get("correlation_group") or None,
        note=cells.get("note", ""),
    )


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
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


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
    cells: Mapping[str, str],
    where: str,
    unit: Unit,
    currency: str,
    price_year: int,
    known_sources: set[str],
    problems: list[str],
) -> None:
    if cells["status"] not in STATUSES:
        problems.append(
            f"{where}: status '{cells['status']}'; allowed: {', '.join(STATUSES)}."
            f"{nearest(cells['status'], STATUSES)}"
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
    if unit.money:
        _check_money(cells, where, currency, price_year, problems)


def _check_money(
    cells: Mapping[str, str], where: str, currency: str, price_year: int, problems: list[str]
) -> None:
    if not cells.get("currency"):
        problems.append(f"{where}: a cost without currency; write {currency} in column 'currency'.")
    elif cells["currency"] != currency:
        problems.append(
            f"{where}: currency {cells['currency']}; the country's is {currency}. Convert the value."
        )
    year = cells.get("price_year", "")
    if not year:
        problems.append(
            f"{where}: a cost without price year; write the year of its prices ({price_year} for "
            "this country)."
        )
    elif year.removesuffix(".0") != str(price_year):
        problems.append(
            f"{where}: price year {year}; the country's is {price_year}. Index the value to "
            f"{price_year} and say so in 'note'."
        )
