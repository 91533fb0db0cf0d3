"""Costs and thresholds against each other, against the price level, and against their neighbours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from statistics import median

from heor.faults import Faults
from heor.findings import Finding, shown
from heor.inputs.plausibility.central import Charge, charges, parameters_of
from heor.inputs.plausibility.numbers import stated_interval
from heor.inputs.plausibility.surroundings import Surroundings, origin
from heor.inputs.read.parameter_table import Entry
from heor.inputs.read.prices import PARITY, CannotConvert, Money, conversion
from heor.inputs.text.tables import Row, number
from heor.problem.problem import DecisionProblem

#: The dearest cost of a model over the lowest threshold, and the middle one over the highest.
CHEAPEST, DEAREST = 0.005, 30.0
#: A year of one cost over the highest threshold.
YEAR = 3.0
#: Farther than this from every other cost of its kind, and near them at a thousand times.
ALONE = 25.0
#: International dollars per QALY; thresholds in use are 3,000 to 300,000.
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 1_000, 1_000_000
LADDER = 10.0
OLD = 5  # years
FAR = 5.0


def _highest(problem: DecisionProblem) -> float:
    """The highest threshold that costs are held against."""
    country = problem.country
    bands = country.severity_bands if country.severity_rule else ()
    return max([*country.thresholds, *(b.threshold for b in bands if b.threshold is not None)])


def _paid(problem: DecisionProblem) -> list[Charge]:
    """Costs of the health service that are something."""
    return [
        c
        for c in charges(problem)
        if c.item.stream == "health_service" and math.isfinite(c.amount) and c.amount > 0
    ]


def cost_level(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """All costs so far from the thresholds that one or the other is in thousands."""
    found = _paid(problem)
    if not found or max(problem.country.thresholds) <= 0:
        return
    currency, dearest = problem.country.currency, max(found, key=lambda c: c.amount)
    low, high = min(problem.country.thresholds), max(problem.country.thresholds)
    middle = median(c.amount for c in found)
    if dearest.amount < CHEAPEST * low:
        per = "" if dearest.is_event else " a year"
        yield Finding(
            "cost_level",
            str(dearest.origin),
            f"the dearest cost of the model is {shown(dearest.amount)} {currency}{per} ('{dearest.item.name}'), "
            f"{dearest.amount / low:.2%} of the lowest threshold ({shown(low)} per QALY)",
            "some cost of a model is usually more than a hundredth of what a QALY is worth",
            "Are costs in thousands, or thresholds in a smaller unit of money?",
        )
    elif middle > DEAREST * high:
        yield Finding(
            "cost_level",
            str(origin(problem, "country.thresholds")),
            f"thresholds up to {shown(high)} {currency} per QALY, and half of the costs are above "
            f"{shown(middle)}, {middle / high:,.0f} times as much",
            "the costs of a model are usually of the size of what a QALY is worth, or below it",
            f"Are thresholds in thousands ({shown(1000 * high)})?",
        )


def threshold_level(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Thresholds far from the severity ladder of the same country, or from those in use anywhere."""
    country = problem.country
    where = str(origin(problem, "country.thresholds"))
    listed = ", ".join(f"{shown(t)}" for t in country.thresholds)
    bands = [b.threshold for b in country.severity_bands if b.threshold is not None]
    if any(cost_level(problem, around)) or max(country.thresholds) <= 0:
        return  # which of the two is off is asked there
    if country.severity_rule and bands:
        ratio = max(bands) / max(country.thresholds)
        if not 1 / LADDER < ratio < LADDER:
            yield Finding(
                "threshold_level",
                where,
                f"thresholds {listed} {country.currency} per QALY",
                f"the severity classes of the same country go from {shown(min(bands))} to {shown(max(bands))}",
                "Are the thresholds in thousands?"
                if ratio > 1
                else "Are the classes in thousands?",
            )
            return
    dollars = [around.dollars(t) for t in country.thresholds]
    known = [d for d in dollars if d is not None]
    if known and not LOWEST_THRESHOLD <= max(known) <= HIGHEST_THRESHOLD:
        yield Finding(
            "threshold_level",
            where,
            f"thresholds {listed} {country.currency} per QALY, at most {max(known):,.0f} international dollars",
            "thresholds in use are about 3,000 to 300,000 international dollars",
            "Are they in thousands, or in other money?",
        )


def dear_year(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A year of one cost that not even full health would be worth."""
    if any(cost_level(problem, around)) or any(threshold_level(problem, around)):
        return
    high = _highest(problem)
    converted = {f.where for f in odd_currency(problem, around)}
    asked: set[str] = set()  # prices: one may be in several costs
    for charge in _paid(problem):
        prices = _prices(problem, charge)
        if charge.is_event or not 0 < YEAR * high < charge.amount or prices & asked:
            continue
        if str(charge.origin) in converted:
            continue
        asked |= prices or {charge.item.name}
        yield Finding(
            "dear_year",
            str(charge.origin),
            f"'{charge.item.name}' costs {shown(charge.amount)} {problem.country.currency} a year, "
            f"{charge.amount / high:.1f} times the highest threshold",
            f"a year in full health is worth at most {shown(high)}, so that no gain in survival at this cost "
            "can be worth it",
            f"Is it the cost of a year in a row per month (then {shown(charge.amount / 12)} a year), or in "
            "other money?",
        )


def _prices(problem: DecisionProblem, charge: Charge) -> set[str]:
    """Names of the money parameters in a cost."""
    names = parameters_of(problem, charge.item.amount)
    return {n for n in names if problem.parameters[n].currency}


def cost_alone(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A cost far below or above every other of its kind, that a factor of a thousand brings among them."""
    if any(cost_level(problem, around)):
        return
    before = (stated_interval, odd_currency, dear_year)
    asked = {f.where for check in before for f in check(problem, around)}
    for is_event in (True, False):
        kind = [c for c in _paid(problem) if c.is_event == is_event]
        seen = set()
        for charge in kind:
            priced = {c.item.amount: c.amount for c in kind if c.item.amount != charge.item.amount}
            others = list(priced.values())
            if len(others) < 3 or charge.origin in seen or str(charge.origin) in asked:
                continue
            seen.add(charge.origin)
            if charge.amount * ALONE < min(others) and 1000 * charge.amount > min(others) / ALONE:
                guess = f"Is it in thousands (then {shown(1000 * charge.amount)}), or a decimal point for a comma?"
                yield _alone(problem, charge, others, guess)
            elif charge.amount > ALONE * max(others) and charge.amount / 1000 < ALONE * max(others):
                guess = (
                    f"Are there three zeros too many (without them {shown(charge.amount / 1000)})?"
                )
                yield _alone(problem, charge, others, guess)


def _alone(problem: DecisionProblem, charge: Charge, others: list[float], guess: str) -> Finding:
    kind = "an event" if charge.is_event else "a year"
    return Finding(
        "cost_alone",
        str(charge.origin),
        f"'{charge.item.name}' costs {shown(charge.amount)} {problem.country.currency} {kind}",
        f"the other costs of {kind} in the model are {shown(min(others))} to {shown(max(others))}",
        guess,
    )


def cost_of_nothing(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A cost that its own formula cuts to 0, or makes negative."""
    seen = set()
    for charge in charges(problem):
        text = charge.item.amount
        if text in seen or not any(c.isalpha() for c in text) or not charge.amount <= 0:
            continue
        seen.add(text)
        less = "below 0: it saves money" if charge.amount < 0 else "0 at the parameters' means"
        yield Finding(
            "cost_of_nothing",
            str(charge.origin),
            f"cost '{charge.item.name}' ({text}) is {less}",
            "a cost that is charged is usually above 0",
            "Look at what is subtracted, and whether all of it is in the same unit and money.",
        )


def _own_money(problem: DecisionProblem, around: Surroundings) -> Mapping[str, Entry]:
    """Rows of the country's file that are money, as written."""
    return {
        name: row
        for name, row in around.country_rows.items()
        if row.cells.get("currency") not in (None, "", "{currency}")
        and name in problem.parameters
        and problem.parameters[name].origin.line == row.origin.line
        and problem.parameters[name].origin.file == row.origin.file
        and _year(row) is not None
        and math.isfinite(_written(row))
    }


def _written(row: Entry) -> float:
    """The mean of a row before it is converted; NaN where it has none."""
    return number(Row(row.origin.line or 0, dict(row.cells)), "mean", "", Faults())


def _year(row: Entry) -> int | None:
    """The price year of a row (2025.0 in a workbook)."""
    found = re.fullmatch(r"(\d{4})(\.0)?", row.cells.get("price_year", ""))
    return int(found[1]) if found else None


def odd_currency(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """One cost in other money than its neighbours, which would fit them better unconverted."""
    rows, run = _own_money(problem, around), problem.country.currency
    for name, row in rows.items():
        p = problem.parameters[name]
        currency, written = row.cells["currency"], _written(row)
        others = [
            q.entered_mean
            for other, r in rows.items()
            if (q := problem.parameters[other]).unit == p.unit
            and r.cells["currency"] == run
            and q.mean > 0
        ]
        if currency == run or len(others) < 3 or written <= 0:
            continue
        middle = math.log(median(others))
        if abs(math.log(written) - middle) < abs(math.log(p.entered_mean) - middle):
            yield Finding(
                "odd_currency",
                str(p.origin),
                f"{name}: {shown(written)} {currency}, converted {shown(p.entered_mean)} {run}",
                f"the other {len(others)} costs in {p.unit} of this file have a median of {shown(median(others))}, "
                "nearer to the amount before it was converted",
                f"If the amount is in {run}, write so in the columns 'currency' and 'unit'.",
            )


def price_year(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A price year far from that of the other costs, or a run in prices of the past."""
    rows, run = _own_money(problem, around), problem.country.price_year
    if not rows:
        return
    years = {name: year for name, row in rows.items() if (year := _year(row)) is not None}
    usual = median(years.values())
    if usual - run >= OLD:
        yield Finding(
            "price_year",
            str(origin(problem, "country.price_year")),
            f"results are in prices of {run}",
            f"the costs of this country are mostly in prices of {usual:g}, and are taken back to {run}",
            "Check price_year in country.yaml; results are usually in prices of the last years.",
        )
        return
    for name, year in years.items():
        if usual - year >= OLD:
            p = problem.parameters[name]
            yield Finding(
                "price_year",
                str(p.origin),
                f"{name}: prices of {year}, converted from {shown(_written(rows[name]))} to "
                f"{shown(p.entered_mean)} {problem.country.currency}",
                f"most costs of this file are in prices of {usual:g}",
                "Is the year right? If it is, look for a newer cost: practice changes, not only prices.",
            )


def donor_price(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A country's own cost that is far from its donor's."""
    country = problem.country
    donor = country.borrowed.get("prices")
    if donor is None:
        return
    theirs = around.rows_of(donor)
    run = Money(country.currency, country.price_year, country.iso3)
    for name in _own_money(problem, around):
        lent = theirs.get(name)
        year = _year(lent) if lent else None
        if lent is None or year is None:
            continue
        p = problem.parameters[name]
        of = Money(lent.cells["currency"], year, around.iso3_of(donor))
        try:
            factor = conversion(around.prices, of, run, PARITY, "index_then_rate").factor
        except CannotConvert:
            continue
        expected = _written(lent) * factor
        if expected > 0 and p.entered_mean > 0 and not 1 / FAR < p.entered_mean / expected < FAR:
            yield Finding(
                "donor_price",
                str(p.origin),
                f"{name}: {shown(p.entered_mean)} {p.unit}",
                f"{donor.capitalize()}'s is {shown(expected)} at purchasing power, and prices of one service "
                f"mostly differ by less than {FAR:g} times",
                "Check the unit (thousands, per month or per year) and the money.",
            )
