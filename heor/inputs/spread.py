"""How uncertain the number of a row is: its distribution, the arguments of it, its standard error.

An uncertain number never becomes certain in silence: without an se it needs arguments that give one,
and an se that the row's distribution does not use is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from heor import limits
from heor.inputs import uncertainty
from heor.inputs.layers import nearest
from heor.inputs.numerals import STRICT
from heor.inputs.problem import Parameter
from heor.inputs.tables import Row, number
from heor.inputs.uncertainty import UNCERTAINTIES, written
from heor.inputs.units import Unit

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


def read_spread(
    row: Row,
    where: str,
    mean: float,
    unit: Unit,
    unit_name: str,
    problems: list[str],
    thousands: bool = False,
) -> Spread:
    """The spread of a row whose mean is `mean`; every fault is appended to `problems`.

    `thousands`: the se may be thousands, so that 52.004 is refused; see `heor.inputs.tables.number`.
    """
    kind, arguments = uncertainty.parse(row.cells["distribution"])
    cell = row.cells["se"].strip()
    se = 0.0 if cell.lower() in MISSING else number(row, "se", where, problems, thousands=thousands)
    known = Spread(kind, arguments, se)
    if math.isnan(mean) or math.isnan(se):
        return known
    if not unit.low <= mean <= unit.high:
        logs = "Mean and se of a lognormal are of the quantity itself, not of its logarithm. "
        problems.append(
            f"{where}: mean {mean:g} is outside the range of unit '{unit_name}'; it must be "
            f"{unit.allowed()}. {logs if kind == 'lognormal' else ''}Check the value and its unit."
        )
    elif se < 0:
        problems.append(f"{where}: se {se:g} is negative; it must be 0 or more.")
    elif kind not in uncertainty.NAMES:
        _unknown(where, row.cells["distribution"], problems)
    elif kind == "fixed":
        _check_fixed(where, arguments, se, problems)
    elif kind == "dirichlet":
        if _check_dirichlet(where, arguments, problems):
            return Spread(kind, arguments, dirichlet_se(mean, arguments))
    else:
        found = _se(where, kind, arguments, mean, se, cell or "blank", problems)
        if found is not None:
            _check_possible(where, kind, mean, found, unit, unit_name, problems)
            return Spread(kind, arguments, found)
    return known


def dirichlet_se(mean: float, arguments: tuple[str, ...]) -> float:
    """The se of one share of a Dirichlet, whose margin is a Beta.

    >>> round(dirichlet_se(0.15, ("clavien", "60")), 4)
    0.0457
    """
    return math.sqrt(max(mean * (1 - mean), 0.0) / (float(arguments[1]) + 1))


def check_dirichlets(
    parameters: Mapping[str, Parameter], entered: Mapping[str, str], problems: list[str]
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
        if total > 1 + 1e-6:
            problems.append(f"{where}: means sum to {total:g}; they must sum to at most 1.")
            continue  # an se that no longer fits is the same fault
        sizes = sorted({float(m.arguments[1]) for m in members})
        if len(sizes) > 1:
            problems.append(
                f"{where}: effective sample sizes {', '.join(f'{s:g}' for s in sizes)}; all members "
                "must have the same."
            )
            continue
        for m in members:
            cell = entered[m.name].strip().lower()
            se = 0.0 if cell in MISSING else float(cell)
            if se > 0 and abs(se - m.se) > SLIP_OF_SE * m.se:
                problems.append(
                    f"{m.origin}: {m.name}: dirichlet({'; '.join(m.arguments)}) with mean {m.mean:g} has se "
                    f"{m.se:.6g}, but the row says {cell}. Make them agree, or leave the se blank."
                )


# ------------------------------------------------------------------------------------- faults
def _unknown(where: str, text: str, problems: list[str]) -> None:
    problems.append(
        f"{where}: unknown distribution '{text}'; allowed: {', '.join(uncertainty.NAMES)}, with what they "
        f"are made of in brackets, as in {written('beta')}.{nearest(text.lower(), uncertainty.NAMES)}"
    )


def _check_fixed(where: str, arguments: tuple[str, ...], se: float, problems: list[str]) -> None:
    if arguments:
        problems.append(f"{where}: 'fixed' takes no arguments. Write the number in column 'mean'.")
    if se > 0:
        problems.append(
            f"{where}: 'fixed' with se {se:g}; a certain number has none. Name its distribution in column "
            "'distribution', or set se to 0."
        )


def _check_dirichlet(where: str, arguments: tuple[str, ...], problems: list[str]) -> bool:
    if len(arguments) != 2 or not arguments[0]:
        problems.append(
            f"{where}: write dirichlet(group; n), the group's name and the effective sample size."
        )
        return False
    size = _finite(arguments[1])
    if size is None or size <= 0:
        problems.append(
            f"{where}: dirichlet({'; '.join(arguments)}): '{arguments[1]}' is the effective "
            "sample size; it must be a number above 0."
        )
        return False
    return True


def _se(
    where: str,
    kind: str,
    arguments: tuple[str, ...],
    mean: float,
    se: float,
    shown: str,
    problems: list[str],
) -> float | None:
    """The se as entered or as it follows from the rest of the row; None with the fault noted."""
    own = UNCERTAINTIES[kind]
    if arguments:
        found = _moments(where, kind, arguments, problems)
        if found is None:
            return None
        return _agreed(where, f"{kind}({'; '.join(arguments)})", mean, se, shown, found, problems)
    if own.se_of_mean is not None:
        fault = own.impossible(mean, se)
        if fault:
            problems.append(f"{where}: {fault}. Check the columns 'mean' and 'se'.")
            return None
        found = mean, own.se_of_mean(mean)
        return _agreed(where, f"{kind} with mean {mean:g}", mean, se, shown, found, problems)
    if se == 0:
        problems.append(
            f"{where}: {kind}, but the se is {shown}; an uncertain number needs one. Write the se, or what "
            f"it follows from as {written(kind)}; if the number is certain, write 'fixed' with se 0."
        )
        return None
    return se


def _moments(
    where: str, kind: str, arguments: tuple[str, ...], problems: list[str]
) -> tuple[float, float] | None:
    """Mean and se of a distribution from its arguments; None with the fault noted."""
    own, shown = UNCERTAINTIES[kind], f"{kind}({'; '.join(arguments)})"
    values = [_finite(text) for text in arguments]
    if len(values) != len(own.arguments) or None in values:
        count = len(own.arguments)
        separated = ", separated by a semicolon" if count > 1 else ""
        problems.append(
            f"{where}: {shown}: {kind} takes {count} number{'s' * (count > 1)}{separated}: {written(kind)}."
        )
        return None
    for name, value in zip(own.arguments, values, strict=True):
        if name not in own.signed and not value > 0:
            problems.append(
                f"{where}: {shown}: {name} is {value:g}; it must be above 0.{_zero(kind, values)}"
            )
            return None
    try:
        mean, se = own.moments(*values)
    except (OverflowError, ValueError):
        mean, se = math.inf, math.inf
    if not (math.isfinite(mean) and math.isfinite(se)):
        problems.append(f"{where}: {shown} has no finite mean and se. Check the arguments.")
        return None
    return mean, se


def _zero(kind: str, values: list[float | None]) -> str:
    """What to do about no events, or nothing but events."""
    if kind != "beta" or min(values) < 0 or max(values) == 0:
        return ""
    a, b = (v + 0.5 for v in values)
    return (
        f" A Beta of counts needs both; add what is believed beforehand: beta({a:g}; {b:g}) with mean "
        f"{a / (a + b):.6g} (Jeffreys)."
    )


def _agreed(
    where: str,
    shown: str,
    mean: float,
    se: float,
    entered: str,
    found: tuple[float, float],
    problems: list[str],
) -> float | None:
    """The se, if the row and what it is made of agree; the exact one where none was entered."""
    m, s = found
    if abs(mean - m) <= SLIP_OF_MEAN * s + 1e-12 * abs(m) and (
        se == 0 or abs(se - s) <= SLIP_OF_SE * s
    ):
        return se or s
    said = f"{mean:g} and {entered}" if se else f"{mean:g}"
    remedies = ["Make them agree"]
    remedies += ["leave the se blank"] * (se > 0)
    remedies += ["write the distribution without arguments"] * ("(" in shown)
    *first, last = remedies
    problems.append(
        f"{where}: {shown} has mean {m:.6g} and se {s:.6g}, but the row says {said}. "
        f"{', '.join(first)}{' or ' * bool(first)}{last}.{_other_reading(shown, mean)}"
    )
    return None


def _other_reading(shown: str, mean: float) -> str:
    """What the analyst may have meant by the arguments."""
    kind, arguments = uncertainty.parse(shown)
    values = [_finite(text) for text in arguments]
    if (
        kind == "gamma"
        and None not in values
        and math.isclose(values[0], mean * values[1], rel_tol=0.01)
    ):
        return f" Is {arguments[1]} a rate? Write its scale: gamma({arguments[0]}; {1 / values[1]:.6g})."
    if kind == "lognormal" and values and math.isclose(values[0], mean, rel_tol=0.01):
        return " The arguments are of the logarithm: its mean and its SD."
    return ""


def _check_possible(
    where: str,
    kind: str,
    mean: float,
    se: float,
    unit: Unit,
    unit_name: str,
    problems: list[str],
) -> None:
    """A distribution that exists, nearly all of whose draws are possible values of the unit."""
    fault = UNCERTAINTIES[kind].impossible(mean, se)
    if fault:
        problems.append(f"{where}: {fault}. Check the columns 'mean' and 'se'.")
        return
    low, high = uncertainty.interval(kind, mean, se, level=0.999)
    if not (unit.low <= low <= high <= unit.high):
        problems.append(
            f"{where}: {kind} with mean {mean:g} and se {se:g} draws values from {low:.3g} to "
            f"{high:.3g}; unit '{unit_name}' must be {unit.allowed()}. Use a distribution that stays "
            "inside (beta for a share) or a smaller se."
        )


def _finite(text: str) -> float | None:
    if not STRICT.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) <= limits.NUMBER else None
