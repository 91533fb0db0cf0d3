"""One figure's numbers: a tidy table and the units of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from heor.report.format.cells import plain_table

MONTH = "months since randomisation"
SHARE = "share of patients"
PROBABILITY = "share of draws"


@dataclass(frozen=True)
class Numbers:
    """What a figure shows, a row a point.

    Attributes
    ----------
    table : DataFrame
        Where a figure shows several kinds of things, `series` says which a row is; columns a row
        has no use for are empty.
    units : dict
        Column → unit, of those that have one.
    """

    table: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)

    def of(self, series: str) -> pd.DataFrame:
        """The rows of one kind.

        >>> Numbers(pd.DataFrame({"series": ["a", "b"], "x": [1, 2]})).of("b")["x"].tolist()
        [2]
        """
        return self.table[self.table["series"] == series]

    def write(self, path: Path) -> None:
        """As CSV, units in the header, every digit of every number."""
        header = {k: f"{k} ({unit})" for k, unit in self.units.items()}
        plain_table(self.table.rename(columns=header)).to_csv(
            path, index=False, lineterminator="\n", encoding="utf-8"
        )


def money(prices: str, per: str = "a patient") -> str:
    """Money as a unit.

    >>> money("NOK, 2025 prices")
    'NOK 2025 a patient'
    """
    return f"{prices.replace(',', '').removesuffix(' prices')} {per}"


def stacked(*kinds: tuple[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several kinds below each other, `series` first; empty ones add nothing.

    >>> stacked(("a", pd.DataFrame({"x": [1.0]})), ("b", pd.DataFrame({"y": [2.0]}))).columns.tolist()
    ['series', 'x', 'y']
    """
    found = []
    for name, table in kinds:
        if len(table):
            own = table.reset_index(drop=True)
            own.insert(0, "series", name)
            found.append(own)
    return pd.concat(found, ignore_index=True)
