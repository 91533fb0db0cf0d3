"""Inputs with their sources: parameters, pooled effects and correlations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from heor.archive_classes import ADDED

MONTHS_PER_YEAR = 12.0

STATUSES = (
    "published",
    "trial",
    "derived",
    "expert",
    "assumption",
    "to_verify",
    "placeholder",
)

UNCERTAIN_STATUSES = ("expert", "assumption", "to_verify", "placeholder")


@dataclass(frozen=True)
class Origin:
    """Where a value came from, and what it replaced."""

    file: str
    line: int | None = None
    layer: str = "model"
    replaced: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Source:
    """One entry of `sources.yaml`."""

    key: str
    title: str
    doi: str | None = None
    url: str | None = None
    accessed: str | None = None
    licence: str | None = None
    verified: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Parameter:
    """One uncertain number.

    `mean` and `se` are in the internal unit (years, per year); `entered_mean` and `entered_se`
    are what the file says, in `unit`, money in that of the run: `conversion` shows how it became so.
    `transfer` is what it asks of another country (country, adjust, keep), `donor` the country whose
    value stands in, `value_set` the key of the set a utility was valued with.
    """

    name: str
    description: str
    mean: float
    se: float
    distribution: str
    unit: str
    status: str
    source: tuple[str, ...]
    origin: Origin
    arguments: tuple[str, ...] = ()
    entered_mean: float = 0.0
    entered_se: float = 0.0
    currency: str | None = None
    price_year: int | None = None
    evidence: str = ""
    correlation_group: str | None = None
    note: str = ""
    transfer: str = ""
    value_set: str | None = None
    donor: str | None = None
    conversion: tuple[str, ...] = ()

    @property
    def is_fixed(self) -> bool:
        return self.distribution == "fixed"

    @property
    def is_fixed_on_purpose(self) -> bool:
        """Fixed for this run, by a scenario or --set."""
        return self.is_fixed and self.origin.layer in ("scenario", "override")


@dataclass(frozen=True)
class Synthesis:
    """Random-effects pooling of study estimates into one drawn parameter.

    `studies` are parameter names (normal, on the same scale); `between_study_sd` is the name of
    the half-normal prior's parameter or None (common effect); `use` is `predictive` (a new
    setting) or `mean`; `shift` is an expression added afterwards.
    """

    name: str
    label: str
    studies: tuple[str, ...]
    between_study_sd: str | None
    use: str
    shift: str
    unit: str


@dataclass(frozen=True)
class Correlation:
    """A statement of Gaussian-copula correlation: a group of parameters, a pair, or a whole matrix.

    `correlation` names the parameter whose mean it is. `scale` says what the correlation is of: `normal`
    scores, or `rank` (Spearman). `matrix`, dims (name, name), holds the correlations of `names` from a
    covariance file. All statements together make one matrix: see `heor.problem.correlations`.
    """

    correlation: str | None
    group: str | None = None
    pair: tuple[str, str] | None = None
    scale: str = "normal"
    names: tuple[str, ...] = ()
    matrix: np.ndarray | None = None
    name: str = field(default="", metadata=ADDED)

    def of_normal_scores(self, correlation: float) -> float:
        """Correlation of normal scores that gives the one asked for.

        >>> round(Correlation("rho", scale="rank").of_normal_scores(0.5), 3)
        0.518
        """
        return correlation if self.scale == "normal" else float(2 * np.sin(np.pi * correlation / 6))
