"""Outcomes: what each strategy costs and gains in every draw. Everything after sees only this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from heor.archive_classes import ADDED
from heor.dims import COMPONENT, DRAW, STRATEGY, require
from heor.errors import InputError, ModelError
from heor.limits import NUMBER, counted, excerpt
from heor.outcomes.monte_carlo import monte_carlo_se

QALYS = "qalys"
LIFE_YEARS = "life_years"
LEAST_DRAWS = (
    100  # below, a chance is off by 5 points or more, and an interval is its outermost draws
)
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
    replicates : int
        Draws come in so many equal blocks that are independent of each other, while those within a
        block are not (randomised quasi-Monte Carlo); 1 for independent draws.
    comparator, intervention : str
        The two strategies compared; the first and the last when not given.
    """

    data: xr.DataArray
    categories: tuple[str, ...]
    currency: str
    replicates: int = 1
    comparator: str = field(default="", metadata=ADDED)
    intervention: str = field(default="", metadata=ADDED)

    def __post_init__(self) -> None:
        require(self.data, (DRAW, STRATEGY, COMPONENT), "outcomes")
        for role, default in (("comparator", 0), ("intervention", -1)):
            if not getattr(self, role):
                object.__setattr__(self, role, self.strategies[default])
        values = self.data.values
        if self.replicates < 1 or len(values) % self.replicates:
            raise ModelError(
                f"outcomes: {len(values)} draws in {self.replicates} replicates; each needs as many draws."
            )
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
            if {qaly, life} <= self._places.keys():
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
    def roles(self) -> tuple[str, str]:
        """Comparator and intervention."""
        return self.comparator, self.intervention

    @property
    def n(self) -> int:
        return self.data.sizes[DRAW]

    @property
    def are_few(self) -> bool:
        """Whether there are too few draws to say how likely or how sure anything is."""
        return self.n < LEAST_DRAWS

    def component(self, name: str) -> np.ndarray:
        """One component. Dims: (draw, strategy)."""
        return self.data.values[:, :, self._places[name]]

    @cached_property
    def _places(self) -> dict[str, int]:
        """Component → its place; selecting by label is slow, and questions do it thousands of times."""
        return {str(name): k for k, name in enumerate(self.data[COMPONENT].values)}

    @property
    def cost(self) -> np.ndarray:
        """Total cost. Dims: (draw, strategy)."""
        return self.data.values[:, :, [self._places[c] for c in self.categories]].sum(axis=2)

    @property
    def qalys(self) -> np.ndarray:
        """Discounted QALYs. Dims: (draw, strategy)."""
        return self.component(QALYS)

    def standard_error(self, x: np.ndarray) -> np.ndarray:
        """Monte Carlo standard error of the mean over these draws (axis 0) of what was computed from them.

        From the spread of replicates where there are any; NaN with one draw.

        >>> table = pd.DataFrame({"strategy": ["a", "a", "b", "b"], "draw": [1, 2, 1, 2],
        ...                       "cost": [10.0, 20.0, 15.0, 25.0], "qaly": 1.0})
        >>> float(Outcomes.from_table(table, "NOK").standard_error(np.array([1.0, 3.0])))
        1.0
        """
        return monte_carlo_se(x, self.replicates)

    def summary(self, x: np.ndarray) -> dict[str, float]:
        """Mean, its Monte Carlo SE and the 95 % interval of a quantity by draw. Dims of `x`: (draw,)."""
        low, high = np.quantile(x, [0.025, 0.975])
        return {"mean": x.mean(), "se": float(self.standard_error(x)), "low": low, "high": high}

    @classmethod
    def from_table(cls, table: pd.DataFrame, currency: str) -> Outcomes:
        """Outcomes of any other program: columns strategy, draw, cost, qaly.

        Draws come out in order of their number, which the axis keeps; strategies in order of
        appearance.

        Raises
        ------
        InputError
            All problems: a missing column, an empty table, fewer than two strategies, a blank name, a
            draw that is no whole number, a cost or QALY that is no finite number, and every draw that
            a strategy lacks or repeats.

        Examples
        --------
        >>> table = pd.DataFrame({"strategy": ["a", "a", "b", "b"], "draw": [2, 1, 1, 2],
        ...                       "cost": [20.0, 10.0, 15.0, 25.0], "qaly": [1.0, 2.0, 3.0, 4.0]})
        >>> own = Outcomes.from_table(table, "NOK")
        >>> own.strategies, own.cost.tolist()
        (('a', 'b'), [[10.0, 15.0], [20.0, 25.0]])
        """
        missing = {"strategy", "draw", "cost", "qaly"} - set(table.columns)
        if missing:
            raise InputError(
                f"outcomes table: columns {sorted(missing)} are missing; strategy, draw, cost and qaly "
                "are required. Rename or add them."
            )
        if table.empty:
            raise InputError("outcomes table: has no rows; one a strategy and draw is required.")
        lines = table.index if table.index.name == "line" else None
        table = table.reset_index(drop=True)
        numbers = {c: pd.to_numeric(table[c], errors="coerce") for c in ("draw", "cost", "qaly")}
        problems = _faulty_cells(table, numbers, lines)
        table = table[["strategy"]].assign(**numbers)
        named = ~_blank(table["strategy"])
        if (k := table.loc[named, "strategy"].nunique()) < 2:
            problems.append(
                f"outcomes table: {k} strategy; a decision needs at least two. Add one."
            )
        if (
            named.all() and _whole(table["draw"]).all()
        ):  # else the faulty cells would be named twice
            problems += _faulty_draws(table)
        if problems:
            raise InputError(problems)
        order = list(dict.fromkeys(table["strategy"]))
        wide = table.pivot(index="draw", columns="strategy", values=["cost", "qaly"])
        values = np.stack([wide[c][order].to_numpy() for c in ("cost", "qaly")], axis=2)
        data = xr.DataArray(
            values,
            dims=(DRAW, STRATEGY, COMPONENT),
            coords={
                DRAW: wide.index.to_numpy().astype(int),
                STRATEGY: order,
                COMPONENT: ["cost", QALYS],
            },
        )
        return cls(data, ("cost",), currency)


def _blank(names: pd.Series) -> pd.Series:
    return names.isna() | (names.astype(str).str.strip() == "")


def _whole(draws: pd.Series) -> pd.Series:
    return np.isfinite(draws) & (draws == np.floor(draws))


def _faulty_cells(
    table: pd.DataFrame, numbers: dict[str, pd.Series], lines: pd.Index | None
) -> list[str]:
    """Cells that are not what their column holds: for each column how many, and the first."""
    problems = []

    def place(row: int) -> str:
        return f"row {row + 1}" + ("" if lines is None else f", line {lines[row]} of the file")

    blank = _blank(table["strategy"])
    if blank.any():
        problems.append(
            f"outcomes table: column 'strategy' is blank in {blank.sum()} rows, first in "
            f"{place(blank.argmax())}; every row needs a name. Fill it in."
        )
    wrong = ~_whole(numbers["draw"])
    if wrong.any():
        first = table["draw"][wrong.argmax()]
        what = "Number the draws."
        if str(first).strip() == "":
            what = "Number the draw, or remove the row if it holds means or totals."
        problems.append(
            f"outcomes table: column 'draw' is {_cell(first)} in {place(wrong.argmax())} ({counted(wrong.sum(), 'such row')}); "
            f"a whole number is required. {what}"
        )
    for column in ("cost", "qaly"):
        wrong = ~(numbers[column].abs() <= NUMBER)
        if wrong.any():
            row = table.loc[wrong.argmax()]
            where = "" if lines is None else f", first in line {lines[wrong.argmax()]} of the file"
            draw = str(row["draw"]).removesuffix(".0")
            problems.append(
                f"outcomes table: column '{column}' of '{row['strategy']}' in draw {draw} is "
                f"{_cell(row[column])} ({counted(wrong.sum(), 'such row')}{where}); a finite number (at most "
                f"{NUMBER:g}) is required. Correct it."
            )
    return problems


def _cell(value: object) -> str:
    """A cell as it was written."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"'{excerpt(text)}'"


def _faulty_draws(table: pd.DataFrame) -> list[str]:
    """Strategies that lack or repeat a draw."""
    problems = []
    counts = table.groupby(["draw", "strategy"], sort=False).size().unstack(fill_value=0)
    for strategy, own in counts.items():
        for what, wrong in (("missing", own == 0), ("repeated", own > 1)):
            if wrong.any():
                problems.append(
                    f"outcomes table: draw {wrong.idxmax():.0f} is {what} for strategy '{strategy}' "
                    f"({counted(wrong.sum(), 'such draw')}); every strategy needs each draw once. Correct it."
                )
    return problems


def components(categories: Sequence[str]) -> tuple[str, ...]:
    """Component names in order: cost categories, then effects."""
    return (*categories, QALYS, LIFE_YEARS, *UNDISCOUNTED)
