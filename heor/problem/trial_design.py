"""The trial whose value is asked for, as `analysis.yaml` describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """A two-arm trial of the comparator against the intervention, with death as its endpoint.

    Times are in years; expressions are evaluated at the parameters' means.

    Attributes
    ----------
    patients : int
        Both arms together.
    follow_up : float
        From the last inclusion to the reading.
    endpoint, significance : float
        The primary endpoint is survival at `endpoint`, tested two-sided.
    since_last_inclusion : float or None
        Of a trial that has recruited; None for one that is planned.
    sizes, follow_ups : tuple
        The grid of designs.
    """

    label: str
    patients: int
    follow_up: float
    endpoint: float
    significance: float
    accrual: str
    dropout: str
    reporting_delay: str
    fixed_cost: str
    cost_per_patient: str
    eligible: str
    horizon: str
    implementation: str
    since_last_inclusion: float | None
    sizes: tuple[int, ...]
    follow_ups: tuple[float, ...]
    source: tuple[str, ...] = ()

    @property
    def expressions(self) -> dict[str, str]:
        """Setting → expression."""
        names = ("accrual", "dropout", "reporting_delay", "fixed_cost", "cost_per_patient")
        names = (*names, "eligible", "horizon", "implementation")
        return {name: getattr(self, name) for name in names}
