"""Strategies: who is compared with whom, what is charged, shares, and the rules of discounting."""

from __future__ import annotations

import math
from collections.abc import Iterator

from heor.findings import Finding
from heor.inputs.plausibility.central import central_values, parameters_of, value
from heor.inputs.plausibility.surroundings import Surroundings, origin
from heor.problem.curve_types import RelativeCurve, SeriesCurve, expressions
from heor.problem.problem import DecisionProblem

LOWEST_RATE, HIGHEST_RATE = 0.01, 0.06
#: So many rows of one file are one fault.
MANY = 4
UTILITY_UNITS = ("utility", "utility multiplier", "utility decrement", "QALY")


def roles(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A comparator whose survival is that of the intervention with an effect on it."""
    settings = problem.settings
    comparator = problem.strategies.get(settings.comparator)
    for endpoint, curve in comparator.curves.items() if comparator else ():
        of = getattr(curve, "relative_to", None) if isinstance(curve, RelativeCurve) else None
        of = curve.rest_as if isinstance(curve, SeriesCurve) else of
        if of == settings.intervention:
            yield Finding(
                "roles",
                str(origin(problem, "analysis.comparator")),
                f"the comparator '{settings.comparator}' has the {endpoint.upper()} curve of the intervention "
                f"'{settings.intervention}' with an effect on it",
                "the comparator is usually the arm that data are fitted to, and the intervention has the "
                "effect",
                "Are comparator and intervention exchanged? All differences are intervention less comparator.",
            )
            return


def never_used(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A price or utility that is declared, and that no strategy or scenario uses."""
    used = {n for text in _all_texts(problem) for n in parameters_of(problem, text)}
    used |= around.names_elsewhere
    unused = [
        p
        for p in problem.parameters.values()
        if p.name not in used and (p.currency or p.unit in UTILITY_UNITS)
    ]
    usual = "every price and utility of the model is in some strategy or scenario"
    for file in dict.fromkeys(p.origin.file for p in unused):
        rows = [p for p in unused if p.origin.file == file]
        if len(rows) >= MANY:
            names = ", ".join(p.name for p in rows)
            found = f"{len(rows)} prices and utilities are declared and used nowhere ({names})"
            yield Finding(
                "never_used", file, found, usual, "Are they of another model? Remove them."
            )
            continue
        for p in rows:
            verb = "charged" if p.currency else "used"
            yield Finding(
                "never_used",
                str(p.origin),
                f"{p.name} is declared and {verb} nowhere{_listed(problem, p.name)}",
                usual,
                "Is its item missing in strategies.yaml, or another name in its place? If not, remove the "
                "row.",
            )


def _listed(problem: DecisionProblem, name: str) -> str:
    """Where analysis.yaml counts on a parameter."""
    groups = {n for g in problem.settings.information.values() for n in g}
    places = {"prices": problem.prices, "information": groups}
    found = [f"'{place}'" for place, names in places.items() if name in names]
    return f" (though analysis.yaml lists it under {' and '.join(found)})" if found else ""


def _all_texts(problem: DecisionProblem) -> Iterator[str]:
    """Every expression that can reach a result, in any perspective."""
    for strategy in problem.strategies.values():
        for part in (*strategy.costs.values(), *strategy.utilities.values()):
            for name in ("amount", "multiplier", "decrement", "qaly_loss", "norm_loss"):
                if text := getattr(part, name, None):
                    yield text
        for curve in strategy.curves.values():
            yield from (text for _, text in expressions(curve))
        for exposure in strategy.exposures.values():
            yield exposure.share
        for transition in strategy.transitions:
            yield transition.expression
            yield transition.hazard_ratio
        yield from strategy.groups.values()
        yield from strategy.start.values()
    if problem.trial is not None:
        yield from problem.trial.expressions.values()


def event_without_cost(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """An event that a strategy plans, and that costs the health service nothing."""
    for strategy in problem.strategies.values():
        items = (*strategy.costs.values(), *strategy.utilities.values())
        used = {i.exposure for i in items}
        charged = {c.exposure for c in strategy.costs.values() if c.stream == "health_service"}
        sums = {o for e in strategy.exposures.values() if e.name in charged for o in e.sum_of}
        for exposure in strategy.exposures.values():
            if exposure.at is None or exposure.name not in used - charged - sums:
                continue
            yield Finding(
                "event_without_cost",
                str(origin(problem, f"strategies.{strategy.name}.exposures.{exposure.name}")),
                f"'{exposure.name}' of {strategy.label} has effects or other costs, and costs the health "
                "service nothing",
                "what is done to patients usually has a cost",
                "Is its cost item missing?",
            )


def shares(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Shares that do not add up, or leave 0 to 1, at the parameters' means."""
    values = central_values(problem)
    for strategy in problem.strategies.values():
        root = f"strategies.{strategy.name}"
        total = sum(value(text, values) for text in strategy.groups.values())
        if strategy.groups and abs(total - 1) > 1e-6:
            listed = " + ".join(f"({text})" for text in strategy.groups.values())
            yield Finding(
                "shares",
                str(origin(problem, f"{root}.groups")),
                f"the groups of {strategy.label} add up to {total:.3g}: {listed}",
                "they are parts of one cohort, and add up to 1",
                "Write one as 1 less the others.",
            )
        for exposure in strategy.exposures.values():
            found = value(exposure.share, values)
            if found < -1e-9 or found > 1 + 1e-9:
                yield Finding(
                    "shares",
                    str(origin(problem, f"{root}.exposures.{exposure.name}")),
                    f"share of '{exposure.name}' of {strategy.label} ({exposure.share}) is {found:.3g}",
                    "a share is between 0 and 1",
                    "Check the formula and the scale (per cent?).",
                )


def waning(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """An effect that has ended before it starts to wane."""
    values, seen = central_values(problem), set()
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            times = (getattr(curve, n, None) for n in ("effect_wanes_from", "effect_ends"))
            start, end = (value(t, values) if t else math.nan for t in times)
            if not start > end or (start, end) in seen:
                continue
            seen.add((start, end))
            yield Finding(
                "waning",
                str(origin(problem, f"strategies.{strategy.name}.curves.{endpoint}.effect_ends")),
                f"the effect of {strategy.label} ends at {12 * end:.3g} months and wanes from {12 * start:.3g}",
                "an effect wanes before it ends; here it stops at once, at its end",
                "Are the two times exchanged?",
            )


def discount_rate(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A rate of the first years that no agency asks for."""
    country = problem.country
    found: dict[float, list[str]] = {}
    for what, bands in (("costs", country.discount_costs), ("effects", country.discount_effects)):
        rate = bands[0].rate if bands else 0.0
        if rate != 0 and not LOWEST_RATE <= rate <= HIGHEST_RATE:
            found.setdefault(rate, []).append(what)
    for rate, what in found.items():
        factor = 10 if rate < LOWEST_RATE else 0.1
        yield Finding(
            "discount_rate",
            str(origin(problem, f"country.discounting.{what[0]}")),
            f"{' and '.join(what)} are discounted at {rate:.4g} ({100 * rate:.3g} % a year)",
            f"agencies ask for 0, or {100 * LOWEST_RATE:g} to {100 * HIGHEST_RATE:g} % a year in the first decades",
            f"Check the decimal point ({rate * factor:.3g} is {100 * rate * factor:.3g} % a year).",
        )
