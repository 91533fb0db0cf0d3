"""Faults of a severity rule's classes: gaps, order, edges out of range, weights that fall."""

from __future__ import annotations

from collections.abc import Sequence

from heor.faults import Faults
from heor.inputs.schema.severity import Severity, SeverityBandModel
from heor.inputs.text.layers import Layer

#: The names a rule's classes give their edges by.
EDGES = {
    "absolute_shortfall": ("from", "to"),
    "proportional_shortfall": ("from", "to"),
    "larger_of_both": ("absolute", "proportional"),
}
FIELDS = {
    "from": "lower",
    "to": "upper",
    "absolute": "absolute",
    "proportional": "proportional",
}


def check(model: Severity, layer: Layer, problems: Faults) -> None:
    """Append every fault found to `problems`; a rule that is null has none."""
    if model.rule is None:
        return
    path = "country.severity.bands"
    if not model.bands:
        problems.add(
            layer.origin("country.severity.rule"),
            f"severity: rule '{model.rule}' has no bands",
            "it needs at least one",
            "Add them, or write 'rule: null' for a country that never weights.",
        )
        return
    where = [f"{layer.origin(f'{path}.{i}')}: severity" for i in range(len(model.bands))]
    before = len(problems)
    _check_names(model, where, problems)
    if len(problems) == before:  # edges under wrong names cannot be judged
        if model.rule == "larger_of_both":
            for name in EDGES[model.rule]:
                _check_order(model.bands, name, where, problems)
        else:
            _check_contiguous(model.bands, where, problems)
        _check_shares(model, where, problems)
    _check_values(model, where, problems)


def _check_names(model: Severity, where: Sequence[str], problems: Faults) -> None:
    assert model.rule is not None
    allowed = EDGES[model.rule]
    for at, band in zip(where, model.bands, strict=True):
        for name in FIELDS:
            if name not in allowed and getattr(band, FIELDS[name]) is not None:
                problems.add(
                    at,
                    f"'{name}' with rule '{model.rule}'",
                    f"its bands have '{allowed[0]}' and '{allowed[1]}'",
                    "Rename it.",
                )
        if model.rule == "larger_of_both":
            if band.absolute is None and band.proportional is None:
                problems.add(
                    at,
                    "a band without a lower edge",
                    "'absolute' (QALYs), 'proportional' (a share) or both are required",
                    "Add one.",
                )
        elif band.lower is None:
            problems.add(at, "'from' is missing", "a lower edge is required", "Add it.")


def _check_order(
    bands: Sequence[SeverityBandModel], name: str, where: Sequence[str], problems: Faults
) -> None:
    """From 0 upwards by one measure; a class may lack an edge, but not the first one."""
    last = getattr(bands[0], name)
    if last != 0:
        found = "has none" if last is None else f"starts at {last:g}"
        problems.add(
            where[0],
            f"the first band {found} by '{name}'",
            "it must start at 0",
            f"Write '{name}: 0'.",
        )
    for at, band in zip(where[1:], bands[1:], strict=True):
        edge = getattr(band, name)
        if edge is None:
            continue
        if last is not None and edge <= last:
            problems.add(
                at,
                f"'{name}' {edge:g} is not above {last:g} of the band before",
                "edges must rise",
                "Put the bands in order of severity.",
            )
        last = edge


def _check_contiguous(
    bands: Sequence[SeverityBandModel], where: Sequence[str], problems: Faults
) -> None:
    """As discount bands: from 0, each starting where the one before ends, the last open."""
    at: float | None = 0.0
    for place, band in zip(where, bands, strict=True):
        assert band.lower is not None
        if at is None or band.lower != at:
            expected = "nothing (the band before is open)" if at is None else f"{at:g}"
            problems.add(
                place,
                f"a band starts at {band.lower:g} where {expected} was expected",
                "bands must start at 0, touch, and end with 'to: null'",
                "Move the edge.",
            )
        if band.upper is not None and band.upper <= band.lower:
            problems.add(
                place,
                f"a band from {band.lower:g} to {band.upper:g} is empty",
                "'to' must be above 'from'",
                "Move the edge.",
            )
        at = band.upper
    if at is not None:
        problems.add(
            where[-1],
            f"the last band ends at {at:g}",
            "it must be open, because a comparator with QALYs below 0 has more than the "
            "whole shortfall",
            "Write 'to: null'.",
        )


def _check_shares(model: Severity, where: Sequence[str], problems: Faults) -> None:
    for at, band in zip(where, model.bands, strict=True):
        edge = band.edges(model.rule)[1]
        if edge is not None and edge > 1:
            problems.add(
                at,
                f"proportional shortfall {edge:g}",
                "a share lies between 0 and 1",
                "Is it per cent? Divide by 100.",
            )


def _check_values(model: Severity, where: Sequence[str], problems: Faults) -> None:
    """More severe never counts less, and QALYs are weighted at one threshold."""
    for name in ("weight", "threshold"):
        last: float | None = None
        for at, band in zip(where, model.bands, strict=True):
            value = getattr(band, name)
            if last is not None and (value is None or value < last):
                found = "null" if value is None else f"{value:g}"
                problems.add(
                    at,
                    f"{name} {found} after {last:g} of a less severe band",
                    "it may not fall",
                    "Check the order of the bands.",
                )
            last = value if value is not None else last
    given = [b.threshold for b in model.bands]
    if model.weighted == "qalys":
        if None in given or len(set(given)) > 1:
            listed = ", ".join("null" if t is None else f"{t:g}" for t in given)
            problems.add(
                where[0],
                f"thresholds {listed} with 'weight_on: qalys'",
                "the weight multiplies QALYs at one threshold",
                "Give every band the unweighted threshold, or write 'weight_on: threshold'.",
            )
    elif set(given) == {None}:
        problems.add(
            where[0],
            "no band has a threshold",
            "at least the most severe needs one",
            "Add it, or write 'rule: null'.",
        )
