"""Single numbers: standard errors, hazard ratios, shares and correlations that are seldom right."""

from __future__ import annotations

import math
from collections.abc import Iterator

from heor.findings import Finding, shown
from heor.inputs.plausibility import notes
from heor.inputs.plausibility.central import central_values, parameters_of, value
from heor.inputs.plausibility.surroundings import Surroundings, origin
from heor.problem.curve_types import RelativeCurve
from heor.problem.parameter import Parameter
from heor.problem.problem import DecisionProblem
from heor.usage.usage import used_parameters

LOG_HAZARD_RATIO = "log hazard ratio"
#: From so many rows of a file on, a fault is that of the column.
WHOLE_COLUMN = 4
WIDTH = 3.92  # standard errors in a 95 % interval
#: The interval of a note is rounded, and may be skewed: an SE within this factor agrees with it.
NEAR = 1.6
#: SE over mean: a mean cost is seldom known to half a per cent.
SMALLEST_SHARE = 0.005
#: Events behind a log hazard ratio, by se = 2 / sqrt(events) (Schoenfeld 1981).
FEWEST_EVENTS, MOST_EVENTS = 6, 1500
MOST_PATIENTS = 50_000
#: Hazard ratios of a whole curve that hardly any trial has found.
LOWEST_RATIO, HIGHEST_RATIO = 0.3, 2.5
#: Quantities of which two effects of one treatment, or two prices, rise and fall together.
TOGETHER = (LOG_HAZARD_RATIO, "hazard multiplier", "utility", "utility multiplier")


def standard_error(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A standard error above the mean, or smaller than a mean is ever known."""
    above = [
        p
        for p in problem.parameters.values()
        if p.distribution in ("gamma", "lognormal") and p.se > p.mean > 0
    ]
    usual = "the SE of a positive mean is usually a tenth to a half of it"
    cure = "Are mean and SE exchanged, or is it the SD of patients instead of the SE of their mean?"
    for file in dict.fromkeys(p.origin.file for p in above):
        rows = [p for p in above if p.origin.file == file]
        if len(rows) >= WHOLE_COLUMN:
            found = (
                f"the SE is above the mean in {len(rows)} rows ({', '.join(p.name for p in rows)})"
            )
            yield Finding("standard_error", file, found, usual, cure)
            continue
        for p in rows:
            found = (
                f"{p.name}: the SE {shown(p.entered_se)} is {p.se / p.mean:.1f} times the mean "
                f"{shown(p.entered_mean)}"
            )
            yield Finding("standard_error", str(p.origin), found, usual, cure)
    for p in problem.parameters.values():
        if p.currency and 0 < p.se < SMALLEST_SHARE * p.mean:
            yield Finding(
                "standard_error",
                str(p.origin),
                f"{p.name}: the SE {shown(p.entered_se)} is {p.se / p.mean:.2%} of the mean "
                f"{shown(p.entered_mean)}",
                "the SE of a mean cost is usually a tenth to a half of it",
                "Are mean and SE in the same unit (one of them in thousands, or the SE in per cent)?",
            )
        elif p.unit == "probability" and p.distribution == "beta" and p.se > 0:
            patients = p.mean * (1 - p.mean) / p.se**2
            if patients > MOST_PATIENTS:
                yield Finding(
                    "standard_error",
                    str(p.origin),
                    f"{p.name}: share {p.mean:g} with SE {p.se:g}, which would take {patients:,.0f} patients",
                    "a share rests on tens to thousands of them; se = sqrt(p (1 - p) / n)",
                    "Is it the variance, or the SE of another number?",
                )


def stated_interval(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Mean or SE of a row that its note's own interval contradicts."""
    asked = {f.where for f in standard_error(problem, around)}
    for p in problem.parameters.values():
        # the note of a changed or converted value is of the value before
        if p.origin.layer in ("scenario", "override") or p.conversion or not p.note:
            continue
        if {str(p.origin), p.origin.file} & asked:
            continue
        ratio = notes.hazard_ratio(p.note)
        if p.unit == LOG_HAZARD_RATIO:
            found = ratio and _contradicts_ratio(p, ratio)
        else:
            found = _outside(p, notes.interval(p.note) or notes.stated_range(p.note))
            found = found or _other_width(p, notes.interval(p.note))
        if found:
            yield found


def _contradicts_ratio(p: Parameter, stated: notes.Interval) -> Finding | None:
    """A log hazard ratio against the ratio and interval of its note."""
    assert stated.centre is not None  # hazard ratios have one
    mean = math.log(stated.centre)
    se = math.log(stated.high / stated.low) / WIDTH
    says = (
        f"its note says hazard ratio {stated.centre:g} ({stated.low:g} to {stated.high:g}), which is "
        f"{mean:.3f} with SE {se:.3f}"
    )
    if abs(p.mean - mean) > max(0.25 * se, 0.03):
        guess = {
            stated.centre: "Is it the hazard ratio? Enter its logarithm.",
            -mean: "Is the sign wrong, or the ratio inverted?",
            mean / math.log(10): "Is it the logarithm to base 10? Enter the natural one.",
        }
        near = [text for x, text in guess.items() if abs(p.mean - x) < 0.02]
        cure = near[0] if near else "Correct the mean, or the note."
        return Finding("stated_interval", str(p.origin), f"{p.name}: mean {p.mean:g}", says, cure)
    if not p.is_fixed and not 1 / 1.3 < p.se / se < 1.3:
        found = f"{p.name}: SE {p.se:g}"
        return Finding("stated_interval", str(p.origin), found, says, _guessed_se(p.se, se))
    return None


def _guessed_se(found: float, se: float) -> str:
    guess = {
        se**2: "Is it the variance? Enter its square root.",
        WIDTH * se: "Is it the width of the interval? Divide by 3.92.",
        WIDTH / 2 * se: "Is it half the width of the interval? Divide by 1.96.",
        1 / se**2: "Is it the precision? Enter 1 / sqrt of it.",
    }
    near = [text for x, text in guess.items() if abs(found / x - 1) < 0.1]
    return near[0] if near else "Correct the SE, or the note."


def _outside(p: Parameter, stated: notes.Interval | None) -> Finding | None:
    if stated is None or stated.low <= p.entered_mean <= stated.high:
        return None
    low, high = shown(stated.low), shown(stated.high)
    cure = "Correct the mean, or the note."
    for factor in (1000, 12, 1 / 12, 100, 1 / 100, 1 / 1000):
        if stated.low <= p.entered_mean * factor <= stated.high:
            inside = shown(p.entered_mean * factor)
            cure = f"Is it {factor:,.4g} times too small? {inside} would lie inside."
            if factor < 1:
                cure = f"Is it {1 / factor:,.4g} times too large? {inside} would lie inside."
            break
    if (
        p.mean > 0
        and stated.low <= 1 / p.entered_mean <= stated.high
        and p.unit.startswith("hazard")
    ):
        cure = f"Is the ratio inverted? 1/{p.entered_mean:g} would lie inside."
    found = f"{p.name}: mean {shown(p.entered_mean)}"
    return Finding("stated_interval", str(p.origin), found, f"its note says {low} to {high}", cure)


def _other_width(p: Parameter, stated: notes.Interval | None) -> Finding | None:
    if stated is None or p.is_fixed:
        return None
    se = (stated.high - stated.low) / WIDTH
    if 1 / NEAR < p.entered_se / se < NEAR:
        return None
    return Finding(
        "stated_interval",
        str(p.origin),
        f"{p.name}: SE {p.entered_se:,.4g}",
        f"its note says 95 % {shown(stated.low)} to {shown(stated.high)}, an SE of about {se:,.3g}",
        _guessed_se(p.entered_se, se),
    )


def _contradicted(problem: DecisionProblem, around: Surroundings) -> set[str]:
    """Rows that `stated_interval` asks about."""
    return {f.where for f in stated_interval(problem, around)}


def events_behind(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """The SE of a log hazard ratio against the number of events that give it."""
    asked = _contradicted(problem, around)
    for p in problem.parameters.values():
        if p.unit != LOG_HAZARD_RATIO or p.distribution != "normal" or str(p.origin) in asked:
            continue
        if p.se <= 0:
            continue
        events = 4 / p.se**2
        if not FEWEST_EVENTS <= events <= MOST_EVENTS:
            cure = "Is it the variance (the SE squared)?" if events > MOST_EVENTS else ""
            yield Finding(
                "events_behind",
                str(p.origin),
                f"{p.name}: SE {p.se:g}, which about {events:,.0f} events would give (se = 2 / sqrt(events))",
                f"trials have {FEWEST_EVENTS} to {MOST_EVENTS:,} events",
                cure or "Is it the width of the 95 % interval (3.92 SE)?",
            )


def harmful_ratio(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """An effect that raises the hazard: a ratio entered for its logarithm, or inverted."""
    asked, used = _contradicted(problem, around), used_parameters(problem)
    for p in problem.parameters.values():
        if p.unit != LOG_HAZARD_RATIO or p.distribution not in ("normal", "fixed"):
            continue
        if p.name not in used or str(p.origin) in asked or p.mean <= max(0.1, 1.64 * p.se):
            continue
        if any(p.name in s.shift for s in problem.syntheses.values()):
            continue  # it shifts an effect and is not one
        yield Finding(
            "harmful_ratio",
            str(p.origin),
            f"{p.name}: {p.mean:g}, a hazard ratio of {math.exp(p.mean):.2f}: the event comes sooner",
            "the log hazard ratio of a treatment that works is below 0",
            f"If {p.mean:g} is the hazard ratio, enter its logarithm {math.log(p.mean):.3f}; if the ratio "
            "is that of the comparator, change the sign.",
        )


def ratio_of_curve(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A hazard ratio of a whole curve that hardly any trial has found."""
    values = central_values(problem)
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            if not isinstance(curve, RelativeCurve):
                continue
            text = curve.marginal_hazard_ratio or curve.uncured_hazard_ratio
            ratio = value(text, values) if text else math.nan
            if not (ratio < LOWEST_RATIO or ratio > HIGHEST_RATIO):
                continue
            names = sorted(parameters_of(problem, text or ""))
            path = f"strategies.{strategy.name}.curves.{endpoint}"
            where = problem.parameters[names[0]].origin if names else origin(problem, path)
            made_of = f" (from {', '.join(names)})" if names else ""
            yield Finding(
                "ratio_of_curve",
                str(where),
                f"the hazard ratio of {endpoint.upper()} with {strategy.label} is {ratio:.2f}{made_of}",
                f"in randomised trials it usually lies between 0.4 and 1, and hardly ever below "
                f"{LOWEST_RATIO:g} or above {HIGHEST_RATIO:g}",
                "Check the decimal point, the sign, and that it is the natural logarithm.",
            )


def correlation_sign(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Two quantities of one kind with a negative correlation."""
    units = {n: p.unit for n, p in problem.parameters.items()}
    units |= {n: s.unit for n, s in problem.syntheses.items()}
    for correlation in problem.correlations:
        pair, strength = correlation.pair, problem.parameters.get(correlation.correlation or "")
        if pair is None or strength is None or strength.mean >= 0:
            continue
        unit = units.get(pair[0], "")
        money = all(n in problem.parameters and problem.parameters[n].currency for n in pair)
        if unit == units.get(pair[1]) and (unit in TOGETHER or money):
            yield Finding(
                "correlation_sign",
                str(strength.origin),
                f"{strength.name}: {strength.mean:g} between {pair[0]} and {pair[1]}, both {unit}",
                "effects of one treatment on two endpoints, and two prices, usually rise and fall together",
                "Check the sign.",
            )
