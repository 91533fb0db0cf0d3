"""The version of each block of a country.yaml that is in force on a day, in a programme.

A block is a mapping, or a list of versions of it. A version counts from `effective_from` to the end of
`effective_to`; without a first day, from 2026-11-01, the day the rules were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from heor.faults import Faults
from heor.inputs.text.layers import Layer, within
from heor.limits import excerpt
from heor.problem.country import UNDATED
from heor.problem.parameter import Origin

ROOT = "country"


def programme_of(layer: Layer, asked: str | None, problems: Faults) -> str | None:
    """The programme a run is for: the one asked for, or the country's default."""
    values = layer.values.get(ROOT, {})
    known = values.get("programmes") or {}
    known = list(known) if isinstance(known, Mapping) else []
    default = values.get("programme")
    for name, origin in (
        (asked, Origin("--programme")),
        (default, layer.origin("country.programme")),
    ):
        if name is None or name in known:
            continue
        allowed = ", ".join(known) or "none, the rules are the same in all"
        problems.add(
            origin,
            f"unknown programme '{excerpt(str(name))}' of {values.get('label')}",
            f"available: {allowed}",
            like=(str(name), known),
        )
        return None
    return asked or default


def in_force(
    layer: Layer, as_of: date, programme: str | None, problems: Faults
) -> tuple[Layer, list[str]]:
    """The layer with one version of each block, and blocks taken although nobody knows since when they
    are in force: without any date, and of an earlier day, or with a last day only.

    Problems: no version in force, or several.
    """
    country, chosen = dict(layer.values.get(ROOT, {})), {}
    undated = []
    for name, block in country.items():
        path = f"{ROOT}.{name}"
        versions = block if isinstance(block, list) else [block]
        if (
            name == "programmes"
            or not versions
            or not all(isinstance(v, Mapping) for v in versions)
        ):
            continue
        # by programme first: dates of another programme's rules say nothing here
        ours = [i for i, v in enumerate(versions) if _of_programme(v, programme)]
        found = [i for i in ours if _start(versions[i]) <= as_of <= _end(versions[i])]
        if not found:
            early = [i for i in ours if _is_undated(versions[i]) and as_of < UNDATED]
            if early:  # nobody knows since when: taken, and said
                undated.append(name)
                found = early[:1]
        if len(found) != 1:
            problems.append(_fault(name, layer, versions, ours, found, as_of, programme))
            found = ours[:1] or [0]
        elif as_of < UNDATED and "effective_from" not in versions[found[0]] and name not in undated:
            undated.append(name)  # its end is known, not its beginning
        if isinstance(block, list):
            country[name] = versions[found[0]]
            chosen[path] = found[0]
    return Layer({**layer.values, ROOT: country}, _moved(layer.origins, chosen)), undated


def _of_programme(version: Mapping[str, Any], programme: str | None) -> bool:
    named = version.get("programmes")
    return not isinstance(named, list) or not named or programme in named


def _start(version: Mapping[str, Any]) -> date:
    found = version.get("effective_from")
    if isinstance(found, date):
        return found
    return date.min if version.get("effective_to") else UNDATED


def _is_undated(version: Mapping[str, Any]) -> bool:
    return not version.get("effective_from") and not version.get("effective_to")


def _end(version: Mapping[str, Any]) -> date:
    found = version.get("effective_to")
    return found if isinstance(found, date) else date.max


def _moved(origins: Mapping[str, Origin], chosen: Mapping[str, int]) -> dict[str, Origin]:
    """Origins of lists of versions as those of the chosen ones alone."""
    kept: dict[str, Origin] = {}
    moved: dict[str, dict[str, Origin]] = {path: {} for path in chosen}
    for name, origin in origins.items():
        path = within(name, chosen)
        if path is None:
            kept[name] = origin
            continue
        own = f"{path}.{chosen[path]}"
        if name == own or name.startswith(f"{own}."):
            moved[path][path + name.removeprefix(own)] = origin
    return kept | {name: o for found in moved.values() for name, o in found.items()}


def _fault(
    name: str,
    layer: Layer,
    versions: list[Mapping[str, Any]],
    ours: list[int],
    found: list[int],
    as_of: date,
    programme: str | None,
) -> str:
    where = layer.origin(f"{ROOT}.{name}")
    if not ours:
        given = sorted({p for v in versions for p in v.get("programmes", [])})
        return (
            f"{where}: {name}: no version for programme '{programme}'; there is one for "
            f"{', '.join(given)}. Add the programme to a version, or a version without 'programmes'."
        )
    listed = "; ".join(_shown(versions[i]) for i in ours)
    if len(found) > 1:
        return (
            f"{where}: {name}: {len(found)} versions are in force on {as_of} (of {listed}); exactly one "
            "must be. End the older one with 'effective_to', the day before."
        )
    return (
        f"{where}: {name}: no version is in force on {as_of}; there is {listed}. Add the version of that "
        "day, or choose another day (--as-of)."
    )


def _shown(version: Mapping[str, Any]) -> str:
    start, end = _start(version), version.get("effective_to")
    return f"{'the past' if start == date.min else start} to {end or 'now'}"
