"""What a country brings: life table, utility norms, discounting, severity, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from heor.archive_classes import ADDED
from heor.problem.parameter import Origin


@dataclass(frozen=True)
class LifeTable:
    """Probability of dying within a year, by single year of age and sex.

    `closing` is what the country says of the ages after the last: `certain_death`,
    `constant_hazard`, or nothing.
    """

    age: np.ndarray
    q_male: np.ndarray
    q_female: np.ndarray
    source: tuple[str, ...]
    origin: Origin
    closing: str | None = None


@dataclass(frozen=True)
class UtilityNorms:
    """Population utility by age, and the QALYs left where a table of them is published.

    `utility` is of both sexes together; `by_sex` holds men's and women's where they are published
    apart. `remaining_qalys` None: computed from life table and norms.
    """

    age: np.ndarray
    utility: np.ndarray
    remaining_qalys: np.ndarray | None
    source: tuple[str, ...]
    origin: Origin
    by_sex: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True)
class DiscountBand:
    start: float
    end: float | None
    rate: float


@dataclass(frozen=True)
class SeverityBand:
    """A class of severity: the lower edges it is reached at, and what it gives.

    `absolute` is in QALYs, `proportional` a share; None where the class is not reached by that
    measure. `threshold` (money per QALY) is None below the first reference value.
    """

    absolute: float | None
    proportional: float | None
    weight: float
    threshold: float | None


@dataclass(frozen=True)
class Country:
    """Who decides and by which rules, those in force on `as_of` in `programme`.

    `currency` and `price_year` are of the run; `own_currency` is the country's, which differs where
    nothing could be converted. `threshold_kind` is `official`, `customary` or `asked`; without a verdict
    `none`, or `unusable` (in money that the costs cannot be converted to).
    `per_donor_money` is the donor's money (as written) and how much of the run's money one unit of it is.
    `cautions` are to be read before any result; `stand_ins` are blocks that are not its own rules; `borrowed` says which country each block is from that
    is not its own.
    """

    name: str
    label: str
    iso2: str
    currency: str
    price_year: int
    agency: str
    perspective: str
    streams: tuple[str, ...]
    discount_costs: tuple[DiscountBand, ...]
    discount_effects: tuple[DiscountBand, ...]
    thresholds: tuple[float, ...]
    severity_rule: str | None
    severity_bands: tuple[SeverityBand, ...]
    value_set: str
    life_table: LifeTable
    norms: UtilityNorms
    source: tuple[str, ...]
    unverified: tuple[str, ...] = ()
    discount_timing: str = "annual_effective"
    severity_discounted: bool = False
    severity_weight_on: str = "threshold"
    iso3: str = ""
    own_currency: str = ""
    guideline: str = ""
    asks: Mapping[str, str] = field(default_factory=dict)
    programme: str | None = None
    programme_label: str = ""
    as_of: date | None = None
    threshold_kind: str = "official"
    value_set_key: str = ""
    ceac_maximum: float | None = None
    per_donor_money: tuple[str, float] | None = None
    borrowed: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = field(default=(), metadata=ADDED)
    limits: tuple[str, ...] = ()

    def is_unverified(self, block: str) -> bool:
        """Whether a block of its rules, or part of it, was not verified in its source."""
        return any(name.split(" ")[0] == block for name in self.unverified)

    @property
    def has_verdict(self) -> bool:
        """Whether its own thresholds are used, so that results may be called worth their cost or not."""
        return self.threshold_kind not in ("none", "unusable")


#: Day the rules were read: what has no date of its own starts here.
UNDATED = date(2026, 11, 1)
