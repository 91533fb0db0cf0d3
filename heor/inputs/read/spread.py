"""How uncertain the number of a row is: its distribution, the arguments of it, its standard error.

An uncertain number never becomes certain in silence: without an se it needs arguments that give one,
and an se that the row's distribution does not use is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from heor.faults import Faults
from heor.inputs.text.numerals import value_of
from heor.inputs.text.tables import Row, number
from heor.limits import excerpt
from heor.parameters import uncertainty
from heor.parameters.uncertainty import UNCERTAINTIES, written
from heor.problem.parameter import Parameter
from heor.problem.units import Unit

#: Cells that say there is no number.
MISSING = ("", "na", "n/a", "nan", "null", "none", ".", "-")
#: What rounding explains between a row and the arguments of its distribution: a share of the se, in the
#: mean and in the se itself.
SLIP_OF_MEAN, SLIP_OF_SE = 0.05, 0.02


@dataclass(frozen=True)
class Spread:
    """Distribution, its arguments and the se, in the unit of the row."""

    kind: str
    arguments: tuple[str, ...]
    se: float


@dataclass(frozen=True)
class _Cells:
    """What a row says of its number; `cell` is that of the se, as the file has it."""

    where: str
    text: str
    kind: str
    arguments: tuple[str, ...]
    mean: float
    se: float
    cell: str
    thousands: bool


def read_spread(
    row: Row,
    where: str,
    mean: float,
    unit: Unit,
    unit_name: str,
    thousands: bool,
    exchange: float,
    problems: Faults,
) -> Spread:
    """The spread of a row whose mean is `mean`; every fault is appended to `problems`.

    `thousands`: whether its numbers may be of thousands, so that 260.000 is refused. `exchange`: what the
    se has to be multiplied by to be in the money of the mean, where --set gave one of them in other money.
    """
    text, cell = row.cells["distribution"], row.cells["se"].strip()
    missing = cell.lower() in MISSING
    se = 0.0 if missing else number(row, "se", where, problems, thousands=thousands)
    kind, arguments = uncertainty.parse(text)
    if math.isnan(mean) or math.isnan(se):
        return Spread(kind, arguments, se)
    own = _Cells(where, text, kind, arguments, mean, se, cell or "blank", thousands)
    if not unit.low <= mean <= unit.high:
        logs = "Mean and se of a lognormal are of the quantity itself, not of its logarithm. "
        problems.add(
            where,
            f"mean {mean:.12g} is outside the range of unit '{unit_name}'",
            f"it must be {unit.allowed()}",
            f"{logs if kind == 'lognormal' else ''}Check the value and its unit.",
        )
    elif se < 0:
        problems.add(where, f"se {se:.12g} is negative", "it must be 0 or more")
    else:
        found = _se(own, problems)
        if found is not None and kind in UNCERTAINTIES:
            _check_possible(own, found * exchange, unit, unit_name, problems)
        return Spread(kind, arguments, se if found is None else found)
    return Spread(kind, arguments, se)


def dirichlet_se(mean: float, arguments: tuple[str, ...]) -> float:
    """The se of one share of a Dirichlet, whose margin is a Beta.

    >>> round(dirichlet_se(0.15, ("clavien", "60")), 4)
    0.0457
    """
    return math.sqrt(max(mean * (1 - mean), 0.0) / (float(arguments[1]) + 1))


def check_dirichlets(
    parameters: Mapping[str, Parameter], entered: Mapping[str, str], problems: Faults
) -> None:
    """Shares of a group sum to at most 1, have one effective sample size, and the se of their Beta.

    `entered` is the cell of the se by name.
    """
    groups: dict[str, list[Parameter]] = {}
    for parameter in parameters.values():
        if parameter.distribution == "dirichlet":
            groups.setdefault(parameter.arguments[0], []).append(parameter)
    for group, members in groups.items():
        where = f"{members[-1].origin}: dirichlet group '{group}'"
        total = sum(m.mean for m in members)
        sizes = sorted({float(m.arguments[1]) for m in members})
        if total > 1 + 1e-6:
            problems.add(where, f"means sum to {total:.12g}", "they must sum to at most 1")
        if len(sizes) > 1:
            problems.add(
                where,
                f"effective sample sizes {', '.join(f'{s:.12g}' for s in sizes)}",
                "all members must have the same",
            )
        if total > 1 + 1e-6 or len(sizes) > 1:
            continue  # an se that no longer fits is the same fault
        for m in members:
            cell = entered[m.name].strip()
            se = 0.0 if cell.lower() in MISSING else float(cell)
            if se > 0 and abs(se - m.se) > SLIP_OF_SE * m.se:
                problems.add(
                    m.origin,
                    f"{m.name}: dirichlet({'; '.join(m.arguments)}) with mean {m.mean:.12g} has se "
                    f"{m.se:.6g}, but the row says {cell}",
                    "",
                    "Make them agree, or leave the se blank.",
                )


# ------------------------------------------------------------------------------------- the se
def _se(own: _Cells, problems: Faults) -> float | None:
    """The se as entered or as it follows from the rest of the row; None with the fault noted."""
    where, kind = own.where, own.kind
    if kind not in uncertainty.NAMES:
        problems.add(
            where,
            f"unknown distribution '{excerpt(own.text)}'",
            f"allowed: {', '.join(uncertainty.NAMES)}, with what they are made of in "
            f"brackets, as in {written('beta')}",
            like=(own.text.lower(), uncertainty.NAMES),
        )
        return None
    if kind == "fixed":
        return _fixed(own, problems)
    if kind == "dirichlet":
        return _dirichlet(own, problems)
    if own.arguments:
        found = _moments(own, problems)
        shown = f"{kind}({'; '.join(own.arguments)})"
        return None if found is None else _agreed(own, shown, found, problems)
    of_mean = UNCERTAINTIES[kind].se_of_mean
    if of_mean is not None:
        if UNCERTAINTIES[kind].impossible(own.mean, own.se):
            return own.se  # reported where all distributions are
        found = own.mean, of_mean(own.mean)
        return _agreed(own, f"{kind} with mean {own.mean:.12g}", found, problems)
    if own.se == 0:
        problems.add(
            where,
            f"{kind}, but the se is {own.cell}",
            "an uncertain number needs one",
            f"Write the se, or what it follows from as {written(kind)}; if the number is "
            "certain, write 'fixed' with se 0.",
        )
        return None
    return own.se


def _fixed(own: _Cells, problems: Faults) -> float | None:
    if own.arguments:
        problems.add(
            own.where, "'fixed' takes no arguments", "", "Write the number in column 'mean'."
        )
    if own.se > 0:
        problems.add(
            own.where,
            f"'fixed' with se {own.se:.12g}",
            "a certain number has none",
            "Name its distribution in column 'distribution', or set se to 0.",
        )
    return None if own.arguments or own.se > 0 else 0.0


def _dirichlet(own: _Cells, problems: Faults) -> float | None:
    if len(own.arguments) != 2 or not own.arguments[0]:
        problems.add(
            own.where, "write dirichlet(group", "n), the group's name and the effective sample size"
        )
        return None
    size = value_of(own.arguments[1])
    if isinstance(size, str) or size <= 0:
        problems.add(
            own.where,
            f"dirichlet({'; '.join(own.arguments)}): '{own.arguments[1]}' is the effective "
            "sample size",
            "it must be a number above 0",
        )
        return None
    return dirichlet_se(own.mean, own.arguments)


def _moments(own: _Cells, problems: Faults) -> tuple[float, float] | None:
    """Mean and se of a distribution from its arguments; None with the fault noted."""
    names, signed = UNCERTAINTIES[own.kind].arguments, UNCERTAINTIES[own.kind].signed
    where = f"{own.where}: {excerpt(own.text)}"
    values = [value_of(text, own.thousands) for text in own.arguments]
    if len(values) != len(names):
        separated = ", separated by a semicolon" if len(names) > 1 else ""
        problems.add(
            where,
            f"{own.kind} takes {len(names)} number{'s' * (len(names) > 1)}{separated}: "
            f"{written(own.kind)}",
        )
        return None
    for name, value in zip(names, values, strict=True):
        if isinstance(value, str):
            problems.append(f"{where}: {name}: {value}")
            return None
        if name not in signed and not value > 0:
            problems.append(
                f"{where}: {name} is {value:.12g}; it must be above 0.{_zero(own.kind, values)}"
            )
            return None
    try:
        mean, se = UNCERTAINTIES[own.kind].moments(*values)
    except (OverflowError, ValueError):
        mean, se = math.inf, math.inf
    if not (math.isfinite(mean) and math.isfinite(se)):
        problems.append(f"{where} has no finite mean and se. Check the arguments.")
        return None
    return mean, se


def _zero(kind: str, values: list[float | str]) -> str:
    """What to do about no events, or nothing but events."""
    if kind != "beta" or any(isinstance(v, str) or v < 0 for v in values) or not any(values):
        return ""
    a, b = (v + 0.5 for v in values)
    return (
        f" A Beta of counts needs both; add what is believed beforehand: beta({a:.12g}; {b:.12g}) with mean "
        f"{a / (a + b):.6g} (Jeffreys)."
    )


def _agreed(own: _Cells, shown: str, found: tuple[float, float], problems: Faults) -> float | None:
    """The se, if the row and what it is made of agree; the exact one where none was entered."""
    mean, se = found
    close = abs(own.mean - mean) <= SLIP_OF_MEAN * se + 1e-12 * abs(mean)
    if close and (own.se == 0 or abs(own.se - se) <= SLIP_OF_SE * se):
        return own.se or se
    said = f"{own.mean:.12g} and {own.cell}" if own.se else f"{own.mean:.12g}"
    *first, last = (
        ["Make them agree"]
        + ["leave the se blank"] * (own.se > 0)
        + (["write the distribution without arguments"] * bool(own.arguments))
    )
    problems.add(
        own.where,
        f"{shown} has mean {mean:.6g} and se {se:.6g}, but the row says {said}",
        "",
        f"{', '.join(first)}{' or ' * bool(first)}{last}.{_other_reading(own)}",
    )
    return None


def _other_reading(own: _Cells) -> str:
    """What the analyst may have meant by the arguments."""
    values = [float(text) for text in own.arguments]
    if own.kind == "gamma" and math.isclose(values[0], own.mean * values[1], rel_tol=0.01):
        scale = f"gamma({own.arguments[0]}; {1 / values[1]:.6g})"
        return f" Is {own.arguments[1]} a rate? Write its scale: {scale}."
    if own.kind == "lognormal" and math.isclose(values[0], own.mean, rel_tol=0.01):
        return " The arguments are of the logarithm: its mean and its SD."
    return ""


def _check_possible(own: _Cells, se: float, unit: Unit, unit_name: str, problems: Faults) -> None:
    """A distribution that exists, nearly all of whose draws are possible values of the unit."""
    fault = UNCERTAINTIES[own.kind].impossible(own.mean, se)
    if fault:
        problems.add(own.where, fault, "", "Check the columns 'mean' and 'se'.")
        return
    low, high = uncertainty.interval(own.kind, own.mean, se, level=0.999)
    if not (unit.low <= low <= high <= unit.high):
        problems.add(
            own.where,
            f"{own.kind} with mean {own.mean:.12g} and se {se:.12g} draws values from "
            f"{low:.3g} to {high:.3g}",
            f"unit '{unit_name}' must be {unit.allowed()}",
            "Use a distribution that stays inside (beta for a share) or a smaller se.",
        )
