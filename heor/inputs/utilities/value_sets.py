"""EQ-5D-5L value sets: terms of a country's model of preferences → the utility of a health state.

`value_sets.yaml` describes each set, `value_sets.csv` holds its terms. Nothing here needs the rest of the
inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from heor import limits
from heor.faults import Faults, nearest
from heor.inputs.schema.base import Model
from heor.inputs.text.layers import Layer, read_yaml
from heor.inputs.text.tables import Row, number, read_table
from heor.problem.names import named
from heor.problem.parameter import Origin

DIMENSIONS = (
    "mobility",
    "self_care",
    "usual_activities",
    "pain_discomfort",
    "anxiety_depression",
)
SHORT = ("MO", "SC", "UA", "PD", "AD")
LEVELS = (1, 2, 3, 4, 5)
NEEDED = tuple(f"{d}{level}" for d in SHORT for level in LEVELS[1:])
TERMS = (
    "StartValue",
    "Intercept",
    *(f"{d}{level}" for d in SHORT for level in LEVELS),
    *(f"{d}45" for d in SHORT),
    "N4",
    "N5",
    "Num45sq",
)
#: Every health state, dims (state, dimension); the last dimension turns fastest.
STATES = np.stack(np.meshgrid(*[LEVELS] * len(SHORT), indexing="ij"), axis=-1).reshape(-1, 5)
STATES.flags.writeable = False
LOWEST, HIGHEST = -2.0, 1.0  # what a utility may be
ROUNDING = 1e-9


@dataclass(frozen=True)
class ValueSet:
    """One value set.

    Attributes
    ----------
    name
        Its key: `norway_5l`.
    terms
        Term → utility, as added; see `utilities`.
    citation
        The article its values belong to, with DOI and PMID.
    origin
        The block that describes it.
    status
        `published`, or `to_verify` where its values are in doubt.
    """

    name: str
    label: str
    terms: Mapping[str, float]
    citation: str
    origin: Origin
    iso2: str = ""
    year: int | None = None
    status: str = "published"
    note: str | None = None


class ValueSetModel(Model):
    """One block of value_sets.yaml."""

    label: str
    iso2: str = Field(pattern=r"^[A-Z]{2}$")
    instrument: Literal["EQ-5D-5L"]
    year: int = Field(ge=1990, le=2100)
    citation: str
    doi: str | None = None
    pmid: str | None = None
    status: Literal["published", "to_verify"]
    note: str | None = None
    monotone: bool = True


def utilities(value_set: ValueSet, states: np.ndarray) -> np.ndarray:
    """Utilities of health states.

    The terms of a set are added; those it does not have are 0.

    - `StartValue` for every state: 1, but 0.9755 where people valued their own state (Burström 2020), and
      1.1351 in the Canadian form (Xie 2016), whose level 1 has terms too: 11111 is worth 0.949 there.
    - `MO2` … `AD5`, the level of each dimension (`MO1` … `AD1` in the Canadian form only).
    - `Intercept` once when any dimension is above level 1 (Versteegh 2016, Bouckaert 2022, Shiroiwa 2016,
      Kim 2016).
    - `N4` once when any dimension is at level 4 or 5 (Kim 2016).
    - `N5` once when any dimension is at level 5 (Burström 2020, Norman 2023).
    - `MO45` … `AD45` when that dimension is at level 4 or 5 (Xie 2016).
    - `Num45sq` times the square of the number of dimensions at level 4 or 5 beyond the first (Xie 2016).

    Parameters
    ----------
    value_set
        From `read_value_sets`.
    states
        Levels 1 to 5 in the order of `DIMENSIONS`, whole numbers. Dims: patient, dimension.

    Returns
    -------
    ndarray
        Utilities, where 1 is full health and 0 is dead. Dims: patient.

    Raises
    ------
    ValueError
        When there are not five dimensions, or a level is none of 1 to 5.

    Examples
    --------
    >>> sets = read_value_sets(Path("inputs/model"), "inputs/model", [])
    >>> utilities(sets["norway_5l"], [[1, 1, 1, 1, 1], [5, 5, 5, 5, 5]]).round(3).tolist()
    [1.0, -0.453]
    """
    levels = np.asarray(states)
    if levels.ndim != 2 or levels.shape[1] != len(SHORT):
        raise ValueError(f"states have the shape {levels.shape}; (patient, 5) is required")
    if not np.isin(levels, LEVELS).all():
        raise ValueError("a level is none of 1, 2, 3, 4, 5")
    levels = levels.astype(int)
    terms = value_set.terms
    of_level = np.array([[terms.get(f"{d}{level}", 0.0) for level in LEVELS] for d in SHORT])
    of_level[:, 3:] += np.array([[terms.get(f"{d}45", 0.0)] for d in SHORT])
    severe = (levels >= 4).sum(axis=1)
    return (
        terms["StartValue"]
        + of_level[np.arange(len(SHORT)), levels - 1].sum(axis=1)
        + terms.get("Intercept", 0.0) * (levels > 1).any(axis=1)
        + terms.get("N4", 0.0) * (severe > 0)
        + terms.get("N5", 0.0) * (levels == 5).any(axis=1)
        + terms.get("Num45sq", 0.0) * np.maximum(severe - 1, 0) ** 2
    )


def states_of(labels: Sequence[str | int]) -> np.ndarray:
    """Levels of states written as five digits. Dims: patient, dimension.

    Raises
    ------
    ValueError
        When a label is not five digits from 1 to 5.

    Examples
    --------
    >>> states_of(["21345", 11111]).tolist()
    [[2, 1, 3, 4, 5], [1, 1, 1, 1, 1]]
    """
    found = []
    for label in map(str, labels):
        if len(label) != len(SHORT) or not set(label) <= set("12345"):
            raise ValueError(f"'{label}' is no state; five digits from 1 to 5 are required")
        found.append([int(digit) for digit in label])
    return np.array(found, dtype=int).reshape(-1, len(SHORT))


def read_value_sets(folder: Path, shown: str, problems: Faults) -> dict[str, ValueSet]:
    """The value sets of a model folder by name; faults are appended with file and line.

    Parameters
    ----------
    folder
        Holds `value_sets.yaml` and `value_sets.csv`.
    shown
        The folder as the user knows it, for messages.
    problems
        Every fault found is added; a set with a fault is left out.

    Examples
    --------
    >>> found = read_value_sets(Path("inputs/model"), "inputs/model", [])
    >>> len(found), found["canada_5l"].label
    (23, 'Canada, EQ-5D-5L (Xie 2016)')
    """
    table = f"{shown}/value_sets.csv"
    layer = read_yaml(folder / "value_sets.yaml", f"{shown}/value_sets.yaml", "model", problems)
    columns = ("value_set", "term", "value")
    rows: dict[str, list[Row]] = {}
    for row in read_table(folder / "value_sets.csv", table, columns, (), problems, limits.TERMS):
        rows.setdefault(row.cells["value_set"], []).append(row)
    if not (layer.values and rows):
        return {}
    for name in rows:
        named("value set", name, layer.values, Origin(table, rows[name][0].line), problems)
    found = {}
    for name, block in layer.values.items():
        before = len(problems)
        origin = layer.origin(name)
        described = _described(name, block, layer, problems)
        if name not in rows:
            problems.add(
                origin,
                f"value set '{name}' has no terms in {table}",
                "",
                "Add them, or remove the block.",
            )
        terms, lines = _terms(name, rows.get(name, []), table, problems)
        if len(problems) > before or described is None:
            continue
        value_set = ValueSet(
            name,
            described.label,
            terms,
            _citation(described),
            origin,
            described.iso2,
            described.year,
            described.status,
            described.note,
        )
        problems += _impossible(value_set, Origin(table, min(lines.values())))
        if described.monotone:
            problems += _rises(value_set, lines, table)
        if len(problems) == before:
            found[name] = value_set
    return found


def _described(name: str, block: object, layer: Layer, problems: Faults) -> ValueSetModel | None:
    """One block, validated; every error becomes one line with file and line number."""
    try:
        return ValueSetModel.model_validate(block)
    except ValidationError as error:
        for fault in error.errors():
            field = ".".join(map(str, fault["loc"]))
            origin = layer.origin(f"{name}.{field}" if field else name)
            allowed = list(ValueSetModel.model_fields)
            what = f"value set '{name}': {field}: {fault['msg']} (found {fault['input']!r})."
            if fault["type"] == "missing":
                what = f"value set '{name}': '{field}' is missing; a value is required. Add it."
            elif fault["type"] == "extra_forbidden":
                what = (
                    f"value set '{name}': unknown name '{field}'; allowed: {', '.join(allowed)}."
                    f"{nearest(field, allowed)}"
                )
            elif not field:
                what = f"value set '{name}' is no mapping; 'name: value' lines are expected."
            problems.append(f"{origin}: {what}")
    return None


def _citation(block: ValueSetModel) -> str:
    addresses = [
        f"doi:{block.doi}" if block.doi else "",
        f"PMID {block.pmid}" if block.pmid else "",
    ]
    return ". ".join([block.citation, ", ".join(a for a in addresses if a)]).rstrip(". ")


def _terms(
    name: str, rows: Sequence[Row], table: str, problems: Faults
) -> tuple[dict[str, float], dict[str, int]]:
    """Terms of one set and the line each stands in."""
    terms: dict[str, float] = {}
    lines: dict[str, int] = {}
    for row in rows:
        term, where = row.cells["term"], f"{table}:{row.line}"
        value = number(row, "value", where, problems)
        if term not in TERMS:
            problems.add(
                where,
                f"value set '{name}': unknown term '{term}'",
                "allowed: StartValue, Intercept, MO1 to MO5 (also SC, UA, PD, AD), MO45 "
                "(likewise), N4, N5, Num45sq",
                like=(term, TERMS),
            )
        elif term in terms:
            problems.add(
                where,
                f"value set '{name}': term '{term}' appears twice (first in line {lines[term]})",
                "a term has one value",
                "Remove one.",
            )
        else:
            terms[term], lines[term] = value, row.line
    if rows:
        problems += _missing(name, terms, f"{table}:{rows[0].line}")
    return terms, lines


def _missing(name: str, terms: Mapping[str, float], where: str) -> list[str]:
    found = []
    if "StartValue" not in terms:
        found.append(
            f"{where}: value set '{name}' has no StartValue; it is what all other terms are added to. Add "
            "it (1 in most sets)."
        )
    absent = [term for term in NEEDED if term not in terms]
    if absent:
        held = [
            f"{d} {', '.join(str(n) for n in LEVELS[1:] if f'{d}{n}' in terms) or 'none'}"
            for d in SHORT
        ]
        found.append(
            f"{where}: value set '{name}' has levels {'; '.join(held)}; an EQ-5D-5L value set needs the "
            f"levels 2, 3, 4, 5 of the five dimensions {', '.join(SHORT)}. Add {', '.join(absent)}."
        )
    return found


def _impossible(value_set: ValueSet, where: Origin) -> list[str]:
    """Full health and the worst state must be utilities."""
    ends = utilities(value_set, states_of(["11111", "55555"]))
    return [
        f"{where}: value set '{value_set.name}': state {label} is worth {value:.4g}; utilities lie between "
        f"{LOWEST:g} and {HIGHEST:g}. Check signs (terms are added) and decimal points."
        for label, value in zip(("11111", "55555"), ends, strict=True)
        if not LOWEST - ROUNDING <= value <= HIGHEST + ROUNDING
    ]


def _rises(value_set: ValueSet, lines: Mapping[str, int], table: str) -> list[str]:
    """Steps to a worse level that are worth more in any of the 3,125 states."""
    values = utilities(value_set, STATES).reshape([len(LEVELS)] * len(SHORT))
    found = []
    for k, dimension in enumerate(SHORT):
        steps = np.diff(np.moveaxis(values, k, 0), axis=0)
        for level, step in zip(LEVELS[1:], steps, strict=True):
            if step.max() <= ROUNDING:
                continue
            worst = step >= step.max() - ROUNDING  # the mildest state of those that rise most
            state = [int(i) + 1 for i in np.unravel_index(int(worst.argmax()), step.shape)]
            before, after = (
                "".join(map(str, [*state[:k], n, *state[k:]])) for n in (level - 1, level)
            )
            found.append(
                f"{table}:{lines[f'{dimension}{level}']}: value set '{value_set.name}': {dimension} level "
                f"{level} is worth {step.max():.4g} more than level {level - 1} (from {before} to {after}); a "
                "worse level may not be worth more. Correct the term, or say 'monotone: false' in "
                "value_sets.yaml if the article's own values rise."
            )
    return found
