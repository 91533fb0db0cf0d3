"""What the outcomes mean for a decision: its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from heor.decision.severity import Severity
from heor.decision.thresholds import Threshold, headline_of


@dataclass(frozen=True)
class Decision:
    """Tables of the decision analysis, by name, and the thresholds they use."""

    tables: Mapping[str, pd.DataFrame]
    thresholds: tuple[Threshold, ...]
    severity: Severity | None

    def __post_init__(self) -> None:
        named = tuple(Threshold(*threshold) for threshold in self.thresholds)  # files hold pairs
        object.__setattr__(self, "thresholds", named)

    @property
    def headline(self) -> Threshold:
        """The threshold that tables and figures turn on: severity-weighted, or the last one."""
        return headline_of(self.thresholds)
