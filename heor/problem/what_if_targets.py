"""Questions of the kind "what would have to be true", as `analysis.yaml` asks them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """A parameter, pooled effect or derived quantity and the values it is given (as entered).

    `compare` names what of the run lies on this axis: the same name, or an uncured hazard ratio
    (`<strategy>_<endpoint>`).
    """

    name: str
    label: str
    start: float
    end: float
    points: int
    compare: str

    @property
    def values(self) -> np.ndarray:
        return np.linspace(self.start, self.end, self.points)


@dataclass(frozen=True)
class WhatIf:
    """Net benefit over one quantity or two, under the scenarios named (the run itself when none)."""

    name: str
    label: str
    x: Axis
    y: Axis | None = None
    scenarios: tuple[str, ...] = ()
    note: str = ""
