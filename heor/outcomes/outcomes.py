"""Outcomes: what each strategy costs and gains in every draw. Everything after sees only this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from heor.dims import COMPONENT, DRAW, STRATEGY, require
from heor.errors import InputError, ModelError

QALYS = "qalys"
LIFE_YEARS = "life_years"
UNDISCOUNTED = ("qalys_undiscounted", "life_years_undiscounted")


@dataclass(frozen=True)
class Outcomes:
    """Outcomes by draw, strategy and component.

    Attributes
    ----------
    data : DataArray, dims (draw, strategy, component)
        Components: cost categories, then `qalys`, `life_years` and both undiscounted.
    categories : tuple of str
        The components that are costs; they add up to the cost.
    currency : str
    """

    data: xr.DataArray
    categories: tuple[str, ...]
    currency: str

    def __post_init__(self) -> None:
        require(self.data, (DRAW, STRATEGY, COMPONENT), "outcomes")
        values = self.data.values
        if not np.isfinite(values).all():
            draw, strategy, component = np.argwhere(~np.isfinite(values))[0]
            names = self.data.coords
            raise ModelError(
                f"outcomes: {names[COMPONENT].values[component]} of "
                f"'{names[STRATEGY].values[strategy]}' is not finite in draw {draw}. Check the inputs "
                "it is computed from."
            )
        self._check_qalys()

    def _check_qalys(self) -> None:
        for qaly, life in ((QALYS, LIFE_YEARS), UNDISCOUNTED):
            if {qaly, life} <= set(self.data[COMPONENT].values):
                excess = self.component(qaly) - self.component(life)
                draw, strategy = np.unravel_index(excess.argmax(), excess.shape)
                if excess[draw, strategy] > 1e-9:
                    raise ModelError(
                        f"outcomes: {qaly} of '{self.strategies[strategy]}' exceed {life} by "
                        f"{excess[draw, strategy]:g} in draw {draw}; a QALY is at most a life year. "
                        "Check the utilities."
                    )

    @property
    def strategies(self) -> tuple[str, ...]:
        return tuple(str(s) for s in self.data[STRATEGY].values)

    @property
    def n(self) -> int:
        return self.data.sizes[DRAW]

    def component(self, name: str) -> np.ndarray:
        """One component. Dims: (draw, strategy)."""
        return self.data.sel(component=name).values

    @property
    def cost(self) -> np.ndarray:
        """Total cost. Dims: (draw, strategy)."""
        return self.data.sel(component=list(self.categories)).values.sum(axis=2)

    @property
    def qalys(self) -> np.ndarray:
        """Discounted QALYs. Dims: (draw, strategy)."""
        return self.component(QALYS)

    @classmethod
    def from_table(cls, table: pd.DataFrame, currency: str) -> Outcomes:
        """Outcomes of any other program: columns strategy, draw, cost, qaly.

        Raises
        ------
        InputError
            When a column is missing, a cell is no number, or a strategy lacks or repeats a draw.
        """
        missing = {"strategy", "draw", "cost", "qaly"} - set(table.columns)
        if missing:
            raise InputError(f"outcomes table: columns {sorted(missing)} are missing.")
        for column in ("cost", "qaly"):
            numbers = pd.to_numeric(table[column], errors="coerce")
            wrong = ~np.isfinite(numbers.to_numpy(float))
            if wrong.any():
                row = table.loc[wrong].iloc[0]
                raise InputError(
                    f"outcomes table: column '{column}' of '{row['strategy']}' in draw {row['draw']} is "
                    f"{row[column]!r}; a finite number is required."
                )
            table = table.assign(**{column: numbers})
        counts = table.groupby(["draw", "strategy"], sort=False).size().unstack(fill_value=0)
        if (counts != 1).any().any():
            draw = counts.index[(counts != 1).any(axis=1)][0]
            raise InputError(
                f"outcomes table: draw {draw} is missing or repeated for a strategy; every strategy "
                "needs each draw once."
            )
        order = list(dict.fromkeys(table["strategy"]))
        wide = {
            c: table.pivot(index="draw", columns="strategy", values=c)[order]
            for c in ("cost", "qaly")
        }
        values = np.stack([wide["cost"].to_numpy(), wide["qaly"].to_numpy()], axis=2)
        data = xr.DataArray(
            values,
            dims=(DRAW, STRATEGY, COMPONENT),
            coords={STRATEGY: order, COMPONENT: ["cost", QALYS]},
        )
        return cls(data, ("cost",), currency)


def components(categories: Sequence[str]) -> tuple[str, ...]:
    """Component names in order: cost categories, then effects."""
    return (*categories, QALYS, LIFE_YEARS, *UNDISCOUNTED)
