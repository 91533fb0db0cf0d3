"""`heor show`: every value with where it came from, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from heor.errors import InputError
from heor.faults import nearest
from heor.problem.problem import DecisionProblem

TRANSFER_WORDS = {
    "country": "take the country's own value",
    "adjust": "look whether the value fits the country",
    "keep": "usually keep",
}


def overview(problem: DecisionProblem) -> str:
    """One line a parameter and setting: value, unit, status, origin, what it replaced."""
    lines = [f"{problem.country.label}, {problem.scenario_label}", ""]
    lines += [f"Read first: {line}" for line in problem.country.cautions]
    lines += ["Parameters"]
    for name, p in problem.parameters.items():
        value = f"{p.entered_mean:g}" + (f" (se {p.entered_se:.3g})" if p.entered_se else "")
        was = f"  [was {p.origin.replaced}]" if p.origin.replaced not in (None, "required") else ""
        how = f"  [from {p.donor}]" if p.donor else ""
        how += "  [converted]" if p.conversion else ""
        lines.append(f"  {name:<30} {value:<24} {p.unit:<18} {p.status:<11} {p.origin}{was}{how}")
    lines += ["", "Derived in every draw"]
    lines += [f"  {name:<30} {expression}" for name, expression in problem.derived.items()]
    lines += ["", "Settings"]
    for path, origin in problem.origins.items():
        if path.startswith("analysis.") and path.count(".") <= 2:
            was = f"  [was {origin.replaced}]" if origin.replaced else ""
            lines.append(f"  {path:<50} {origin}{was}")
    return "\n".join(lines)


def details(problem: DecisionProblem, names: Sequence[str]) -> str:
    """Everything known about some parameters.

    Raises
    ------
    InputError
        When a name is unknown, with the nearest one.
    """
    unknown = [n for n in names if n not in problem.parameters]
    if unknown:
        raise InputError(
            [
                f"show: unknown parameter '{n}'.{nearest(n, problem.parameters)} `heor show` lists them."
                for n in unknown
            ]
        )
    return "\n\n".join(_detail(problem, name) for name in names)


def _detail(problem: DecisionProblem, name: str) -> str:
    p = problem.parameters[name]
    lines = [
        f"{name}: {p.description}",
        f"  value         {p.entered_mean:g} {p.unit}"
        + (f", se {p.entered_se:g}" if p.entered_se else "")
        + f", {p.distribution}"
        + (f"({'; '.join(p.arguments)})" if p.arguments else ""),
        f"  status        {p.status}",
        f"  origin        {p.origin} ({p.origin.layer} layer)",
    ]
    if p.origin.replaced:
        lines.append(f"  replaced      {p.origin.replaced}")
    if p.currency:
        lines.append(f"  prices        {p.currency} {p.price_year}")
    if p.donor:
        lines.append(f"  borrowed      from {p.donor}: this country gave no value")
    lines += [
        f"  {'converted' if i == 0 else '':<13} {step}" for i, step in enumerate(p.conversion)
    ]
    if p.transfer:
        lines.append(f"  in a country  {TRANSFER_WORDS[p.transfer]}")
    for key in p.source:
        source = problem.sources[key]
        address = source.doi or source.url or "no address"
        checked = "verified" if source.verified else "not verified"
        lines.append(f"  source        {key}: {source.title} ({address}; {checked})")
    if p.evidence:
        lines.append(f"  evidence      {p.evidence}")
    if p.note:
        lines.append(
            textwrap.fill(p.note, 92, initial_indent="  note          ", subsequent_indent=" " * 16)
        )
    return "\n".join(lines)
