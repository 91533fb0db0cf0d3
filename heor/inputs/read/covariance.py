"""A covariance matrix of parameters, as a regression reports it: multivariate normal draws.

The scale is the one on which a parameter is normal: its own, or for a log-normal one its logarithm.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from heor.faults import Faults, nearest
from heor.inputs.text.tables import columns, read_square
from heor.problem.correlations import ROUNDING, listed
from heor.problem.parameter import Parameter

ALLOWED = ("normal", "lognormal")
DIAGONAL = 0.02  # relative difference from a parameter's own variance that rounding explains


def read_covariance(
    path: Path,
    shown: str,
    parameters: Mapping[str, Parameter],
    declared: Collection[str],
    problems: Faults,
) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Names and correlation matrix of a covariance file; None (with problems noted) if it is faulty.

    The first column holds the names, the header the same names in the same order. Parameters that a
    scenario or --set has fixed are left out; so are those whose own row has a fault (`declared` are all
    that have a row).
    """
    found = _cells(path, shown, problems)
    if found is None:
        return None
    names, matrix = found
    faults = [
        *_matrix_faults(shown, names, matrix),
        *_name_faults(shown, names, parameters, declared),
    ]
    kept = [
        i for i, n in enumerate(names) if n in parameters and parameters[n].distribution in ALLOWED
    ]
    names, matrix = tuple(names[i] for i in kept), matrix[np.ix_(kept, kept)]
    if not faults:
        faults = _variance_faults(shown, names, matrix, parameters)
    problems += faults
    if faults:
        return None
    sd = np.sqrt(np.diag(matrix))
    return names, matrix / np.outer(sd, sd)


def _cells(path: Path, shown: str, problems: Faults) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Names and numbers of the file; dims (name, name)."""
    before = len(problems)
    names, labels, rows = read_square(path, shown, problems)
    if len(problems) > before:
        return None
    if names != labels:
        problems.add(
            shown,
            f"rows are {', '.join(labels)}, columns are {', '.join(names)}",
            "they must be the same names in the same order",
            "Name them alike.",
        )
        return None
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice or len(names) < 2:
        what = f"'{twice[0]}' stands there twice" if twice else f"{len(names)} name in it"
        problems.add(shown, what, "two different names or more are needed", "Correct the file.")
    cells = columns(rows, names, shown, problems) if len(problems) == before else {}
    if len(problems) > before:
        return None
    return names, np.column_stack([cells[name] for name in names])


def _matrix_faults(shown: str, names: tuple[str, ...], matrix: np.ndarray) -> list[str]:
    if (np.diag(matrix) <= 0).any():
        name = names[int(np.argmax(np.diag(matrix) <= 0))]
        return [f"{shown}: the variance of {name} is not above 0. Correct it."]
    sd = np.sqrt(np.diag(matrix))
    lopsided = np.abs(matrix - matrix.T) > 1e-8 * np.outer(sd, sd)
    if lopsided.any():
        i, k = np.argwhere(lopsided)[0]
        return [
            f"{shown}: {names[i]}, {names[k]} is {matrix[i, k]:g} and {names[k]}, {names[i]} is "
            f"{matrix[k, i]:g}; a covariance matrix is symmetric. Correct one of them."
        ]
    with np.errstate(over="ignore"):
        correlation = matrix / np.outer(sd, sd)
    if not np.isfinite(correlation).all() or np.abs(correlation).max() > 1e6:
        return [f"{shown}: covariances far above the variances. Check for a mistyped cell."]
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    if smallest < -ROUNDING:
        found, nearest_ = listed(names, correlation)
        return [
            f"{shown}: is no covariance matrix (smallest eigenvalue of its correlations {smallest:.2g}, "
            f"which must not be negative): {found}. The nearest that are possible: {nearest_}. Check for a "
            "mistyped cell, or round less."
        ]
    return []


def _name_faults(
    shown: str,
    names: tuple[str, ...],
    parameters: Mapping[str, Parameter],
    declared: Collection[str],
) -> list[str]:
    found = []
    for name in names:
        own = parameters.get(name)
        if name not in declared:
            found.append(f"{shown}: unknown parameter '{name}'.{nearest(name, declared)}")
        elif own and own.distribution not in ALLOWED and not own.is_fixed_on_purpose:
            found.append(
                f"{shown}: parameter '{name}' is {parameters[name].distribution}; a covariance file holds "
                "normal and lognormal ones. Leave it out, or use 'pair'."
            )
    return found


def _variance_faults(
    shown: str, names: tuple[str, ...], matrix: np.ndarray, parameters: Mapping[str, Parameter]
) -> list[str]:
    found = []
    for name, variance in zip(names, np.diag(matrix), strict=True):
        p = parameters[name]
        own = p.se**2 if p.distribution == "normal" else np.log1p((p.se / p.mean) ** 2)
        if abs(variance - own) > DIAGONAL * own:
            scale = "" if p.distribution == "normal" else " (of its logarithm)"
            found.append(
                f"{shown}: the variance of '{name}' is {variance:g}, that of its mean and se {own:g}{scale}; "
                "they must agree. Correct one of them."
            )
    return found
