"""What samplers and their processes share; nothing here imports PyMC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from heor.survival.families import likelihood
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece

SHARED = ("node", "node_weight")  # the same in every piece: one input, evaluated once

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Draws(NamedTuple):
    """What a sampler returns, dims (chain, draw) and for `theta` (chain, draw, parameter)."""

    theta: np.ndarray
    diverging: np.ndarray
    steps: np.ndarray


def model_data(distribution: Distribution, pieces: Sequence[Piece]) -> list[dict[str, np.ndarray]]:
    """The arrays the PyMC model takes as inputs, by piece."""
    cores = {distribution.marginal(piece.endpoint).core for piece in pieces}
    if not all(core.closed_form for core in cores):
        pieces = likelihood.with_quadrature(pieces)
    return [piece.data for piece in pieces]


def input_name(key: str, piece: int) -> str:
    """Name of an input: a piece's own, or one for all pieces."""
    return key if key in SHARED else f"{key}_{piece}"


def named(data: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays of all pieces under one name each."""
    return {input_name(k, i): v for i, own in enumerate(data) for k, v in own.items()}


@dataclass(frozen=True)
class Sample:
    """What NUTS returned. `theta`: unconstrained scale, dims (chain, draw, parameter).

    It is defined here and not beside the sampler: whoever unpickles it must not import PyMC.
    """

    theta: np.ndarray
    diverging: np.ndarray
    steps: np.ndarray
    r_hat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    seconds_compile: float
    seconds_sample: float
