"""The names of the axes, in the order they always stand in."""

from __future__ import annotations

from typing import Any

from heor.errors import ModelError

DRAW = "draw"
STRATEGY = "strategy"
ENDPOINT = "endpoint"
TIME = "time"
STATE = "state"
COMPONENT = "component"

ORDER = (DRAW, STRATEGY, ENDPOINT, TIME, STATE, COMPONENT)


def require(array: Any, dims: tuple[str, ...], what: str) -> None:
    """Raise ModelError unless the xarray object `array` has exactly `dims`, in this order."""
    if tuple(array.dims) != dims:
        found = ", ".join(map(str, array.dims))
        raise ModelError(f"{what}: axes are {found}; must be {', '.join(dims)}.")
