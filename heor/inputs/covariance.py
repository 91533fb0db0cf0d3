"""A covariance matrix of parameters, as a regression reports it: multivariate normal draws.

The scale is the one on which a parameter is normal: its own, or for a log-normal one its logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from heor.inputs.layers import nearest
from heor.inputs.problem import Parameter

ALLOWED = ("normal", "lognormal")
DIAGONAL = 0.02  # relative difference from a parameter's own variance that rounding explains


def read_covariance(
    path: Path, shown: str, parameters: Mapping[str, Parameter], problems: list[str]
) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Names and correlation matrix of a covariance file; None (with problems noted) if it is faulty.

    The first column holds the names, the header the same names in the same order.
    """
    try:
        table = pd.read_csv(path, index_col=0, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        problems.append(
            f"{shown}: cannot be read ({error}). Give a CSV: names in the header and the first column."
        )
        return None
    names = tuple(str(c).strip() for c in table.columns)
    rows = tuple(str(c).strip() for c in table.index)
    if names != rows:
        problems.append(
            f"{shown}: rows are {', '.join(rows)}, columns are {', '.join(names)}; they must be the same "
            "names in the same order."
        )
        return None
    matrix = table.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    found = [*_matrix_faults(shown, names, matrix), *_name_faults(shown, names, parameters)]
    if not found:
        found = _variance_faults(shown, names, matrix, parameters)
    problems += found
    if found:
        return None
    sd = np.sqrt(np.diag(matrix))
    return names, matrix / np.outer(sd, sd)


def _matrix_faults(shown: str, names: tuple[str, ...], matrix: np.ndarray) -> list[str]:
    if not np.isfinite(matrix).all():
        i, k = np.argwhere(~np.isfinite(matrix))[0]
        return [f"{shown}: {names[i]}, {names[k]}: no finite number; every cell needs one."]
    if (np.diag(matrix) <= 0).any():
        name = names[int(np.argmax(np.diag(matrix) <= 0))]
        return [f"{shown}: the variance of {name} is not above 0. Correct it."]
    lopsided = np.abs(matrix - matrix.T) > 1e-8 * np.sqrt(
        np.outer(np.diag(matrix), np.diag(matrix))
    )
    if lopsided.any():
        i, k = np.argwhere(lopsided)[0]
        return [
            f"{shown}: {names[i]}, {names[k]} is {matrix[i, k]:g} and {names[k]}, {names[i]} is "
            f"{matrix[k, i]:g}; a covariance matrix is symmetric. Correct one of them."
        ]
    sd = np.sqrt(np.diag(matrix))
    smallest = float(np.linalg.eigvalsh(matrix / np.outer(sd, sd))[0])
    if smallest < -1e-8:
        return [
            f"{shown}: is no covariance matrix (smallest eigenvalue of its correlations {smallest:.2g}, "
            "which must not be negative). Check for a mistyped cell, or round less."
        ]
    return []


def _name_faults(
    shown: str, names: tuple[str, ...], parameters: Mapping[str, Parameter]
) -> list[str]:
    found = []
    for name in names:
        if name not in parameters:
            found.append(f"{shown}: unknown parameter '{name}'.{nearest(name, parameters)}")
        elif parameters[name].distribution not in ALLOWED:
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
