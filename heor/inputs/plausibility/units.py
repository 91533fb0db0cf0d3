"""Units against words, against what the model asks for, and against the exposure they are charged on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from heor.findings import Finding, shown
from heor.inputs.checks.dimensions import (
    MONEY,
    MONEY_PER_YEAR,
    PLAIN,
    Dimension,
    Mismatch,
    dimension,
)
from heor.inputs.plausibility.central import is_event, parameters_of
from heor.inputs.plausibility.surroundings import Surroundings, origin
from heor.problem.problem import DecisionProblem
from heor.problem.units import lookup

_PER = re.compile(r"\b(?:per|every)\s+(hour|day|week|month|quarter|year)\b", re.I)
_ADVERB = {"weekly": "week", "monthly": "month", "yearly": "year", "annual": "year"}
_UNDER = re.compile(r"(?:/|\bper )(hour|day|week|month|quarter|year)$")


def unit_of_row(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A unit that is not the one the description names, or not the one the model asks for."""
    for name, (where, found, usual) in _odd_units(problem, around).items():
        number = shown(problem.parameters[name].entered_mean)
        cure = f"Is {number} really in this unit? If not, write the one it is in."
        yield Finding("unit_of_row", where, found, usual, cure)


def _odd_units(problem: DecisionProblem, around: Surroundings) -> dict[str, tuple[str, str, str]]:
    """Parameter → where, what was found, what is usual."""
    odd = {}
    for p in problem.parameters.values():
        if p.currency is None and not _UNDER.search(p.unit):
            continue
        own, words = _time_of(p.unit), _times_in(p.description)
        asked = around.model_rows.get(p.name)
        wanted = asked.cells["unit"] if asked and p.origin.layer == "country" else p.unit
        found = f"{p.name}: unit {p.unit}"
        if p.currency and _time_of(wanted) != own:
            odd[p.name] = str(p.origin), found, f"the model asks for {wanted}"
        elif words and own not in words:
            text = f"its description says '{p.description}'"
            odd[p.name] = str(p.origin), found, text
    return odd


def _time_of(unit: str) -> str:
    found = _UNDER.search(unit)
    return found[1] if found else ""


def _times_in(description: str) -> set[str]:
    """Units of time that a description names as denominators."""
    found = {m.lower() for m in _PER.findall(description)}
    return found | {_ADVERB[w] for w in re.findall(r"[a-z]+", description.lower()) if w in _ADVERB}


def charged_on(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A price per time on an event, a price of one event on years, or a sum of both."""
    known, odd = _dimensions(problem), _odd_units(problem, around)
    seen = set()
    for strategy in problem.strategies.values():
        for item in strategy.costs.values():
            if (item.exposure, item.amount) in seen:
                continue
            seen.add((item.exposure, item.amount))
            names = parameters_of(problem, item.amount)
            if names & set(odd):
                continue  # the same fault, already asked about
            where = str(origin(problem, f"strategies.{strategy.name}.costs.{item.name}"))
            found = f"cost '{item.name}' of {strategy.label}: {_shown(problem, item.amount)}"
            event = is_event(strategy, item.exposure)
            try:
                kind = dimension(item.amount, known)
            except Mismatch as error:
                yield Finding(
                    "charged_on",
                    where,
                    f"{found}: {error}",
                    "only amounts per event, or only amounts per time, can be added",
                    "Give each an exposure, or multiply the amount per time by a duration.",
                )
                continue
            if event and kind == MONEY_PER_YEAR:
                yield Finding(
                    "charged_on",
                    where,
                    f"{found} is money per time, charged on '{item.exposure}', which counts events",
                    "an event costs an amount; an amount per time goes with years in a state",
                    "Charge it on a state, or multiply by a duration; or correct the unit of the price.",
                )
            elif not event and kind == MONEY:
                yield Finding(
                    "charged_on",
                    where,
                    f"{found} is an amount, charged on '{item.exposure}', which counts years: it is paid "
                    "every year",
                    "years in a state cost an amount per time; an amount goes with an event",
                    "Charge it on an event (at or flow), or correct the unit of the price (per month?).",
                )


def _dimensions(problem: DecisionProblem) -> dict[str, Dimension | None]:
    """Of every name an expression may use; None where it cannot be told."""
    known: dict[str, Dimension | None] = dict.fromkeys(problem.syntheses, PLAIN)
    for name, p in problem.parameters.items():
        unit = lookup(p.unit, problem.country.currency)
        known[name] = unit and Dimension(int(unit[1].money), unit[1].time)
    for name, text in problem.derived.items():
        try:
            known[name] = dimension(text, known)
        except Mismatch:
            known[name] = None
    return known


def _shown(problem: DecisionProblem, amount: str) -> str:
    """An amount and the units of the prices in it."""
    prices = [problem.parameters[n] for n in sorted(parameters_of(problem, amount))]
    units = ", ".join(f"{p.name} in {p.unit}" for p in prices if p.currency)
    return units if units.startswith(f"{amount} in ") else f"{amount} ({units})"
