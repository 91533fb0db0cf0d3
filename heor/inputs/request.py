"""What is asked for: which country, scenarios, values and draws a decision problem is read with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """What `heor.load` reads, and what replaces it.

    Attributes
    ----------
    folder
        The inputs folder (`model/`, `countries/`, `scenarios/`).
    country, scenario
        Name or ISO code of a country and names of one or several scenario files (later over
        earlier); the country of `analysis.yaml` and the base case when None.
    overrides
        Name → value: a parameter (`cure_if_operated`, fixed at the value), one of its columns
        (`c_resection.se`) or a dotted setting (`analysis.end_age`).
    draws, seed, quick
        Replace the number of draws and the seed; quick means Laplace + PSIS instead of NUTS.
    accept
        Further `evidence/family` whose failed diagnostics are accepted.
    priors
        Replaces the priors of the fits: `standard`, `wide` or `narrow`.
    as_of, programme
        The country's rules in force on a day, in a programme; those of `analysis.yaml` and the
        country's default when None.
    allow_generic
        Go on where the country must supply something and has only a stand-in.
    """

    folder: str | Path = "inputs"
    country: str | None = None
    scenario: str | Sequence[str] | None = None
    overrides: Mapping[str, Any] | None = field(default_factory=dict)
    draws: int | None = None
    seed: int | None = None
    quick: bool = False
    accept: Sequence[str] = ()
    priors: str | None = None
    as_of: date | None = None
    programme: str | None = None
    allow_generic: bool = False

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the scenario files, in the order in which they are laid over the model."""
        return (self.scenario,) if isinstance(self.scenario, str) else tuple(self.scenario or ())

    @property
    def changes(self) -> dict[str, Any]:
        """Name → value of what is overridden."""
        return dict(self.overrides or {})
