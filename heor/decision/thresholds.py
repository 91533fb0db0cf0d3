"""Thresholds: what is paid for one QALY, with the name under which tables hold it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: Name of the threshold that the severity of the disease gives.
SEVERITY = "severity"


class Threshold(NamedTuple):
    """Money per QALY, under a name.

    >>> Threshold(SEVERITY, 715_000.0).label, Threshold("275000", 275_000.0).label
    ('715,000 (severity-weighted)', '275,000')
    """

    name: str
    value: float

    @property
    def is_severity(self) -> bool:
        """Whether it is that of the severity of the disease."""
        return self.name == SEVERITY

    @property
    def label(self) -> str:
        """The amount, and whether severity gave it."""
        return f"{self.value:,.0f}" + (" (severity-weighted)" if self.is_severity else "")


Thresholds = Sequence[Threshold]


def headline_of(thresholds: Iterable[Threshold]) -> Threshold:
    """The threshold that tables and figures turn on: severity-weighted, or the last one."""
    known = tuple(thresholds)
    return next((t for t in known if t.is_severity), known[-1])


def column(what: str, threshold: str, detail: str = "") -> str:
    """Name of the column of a wide table that holds something at a threshold.

    >>> column("net_benefit", "275000", "se")
    'net_benefit_275000_se'
    """
    return "_".join(part for part in (what, threshold, detail) if part)
