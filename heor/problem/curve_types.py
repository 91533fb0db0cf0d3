"""The kinds of survival curve a strategy may have, and expert opinion about one.

Everything uncertain in a curve is an expression of parameter and derived names; `expressions`
lists them, so that checks, used parameters and cache keys see all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class FittedCurve:
    """Survival fitted to evidence; `multiplier` acts on the excess hazard only.

    `at` gives the covariate values (expressions) of the modelled patients, for evidence that has
    covariates.
    """

    evidence: str
    distributions: tuple[str, ...]
    multiplier: str = "1"
    at: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RatioAbove:
    """Hazard ratio while the control's all-cause survival is above `above`."""

    above: str
    ratio: str


@dataclass(frozen=True)
class RatioUntil:
    """Hazard ratio until a time (years from randomisation)."""

    until: str
    ratio: str


@dataclass(frozen=True)
class EarlyFailure:
    """Failures soon after an intervention, in the share `among` of the arm (group `group`).

    Of those event-free at `start`, the share `share` fails by `until`, whatever the cause; the
    cured count among those who might and do not.
    """

    start: str
    until: str
    share: str
    among: str
    group: str | None = None


@dataclass(frozen=True)
class RelativeCurve:
    """Survival relative to another strategy's uncured excess hazard.

    Exactly one of these gives the effect: `marginal_hazard_ratio` (what a trial reports: solved
    for the uncured in every draw), `uncured_hazard_ratio` (acts on the uncured directly),
    `hazard_ratio_by_control_survival` and `hazard_ratio_by_time` (1 after the last interval).
    Between `effect_wanes_from` and `effect_ends` the log hazard ratio goes linearly to 0; without
    the former the effect stops at once.
    """

    relative_to: str
    window: str = "0"
    marginal_hazard_ratio: str | None = None
    uncured_hazard_ratio: str | None = None
    hazard_ratio_by_control_survival: tuple[RatioAbove, ...] = ()
    hazard_ratio_by_time: tuple[RatioUntil, ...] = ()
    cured_fraction: str = "0"
    cured_mortality_ratio: str = "1"
    effect_wanes_from: str | None = None
    effect_ends: str | None = None
    early_failure: EarlyFailure | None = None
    operative_mortality: str = "0"
    operative_time: str = "0"

    @property
    def has_one_ratio(self) -> bool:
        """Whether one hazard ratio acts on the uncured, given or solved, and not one for each interval."""
        return self.marginal_hazard_ratio is not None or self.uncured_hazard_ratio is not None


@dataclass(frozen=True)
class SeriesCurve:
    """Survival of an observational series that starts its clock later, in part of the arm.

    The share `share` of the arm (group `group`) has the series' excess hazard from `starts` on,
    times `multiplier` (selection bias), and no excess hazard before; the rest fares as strategy
    `rest_as`.
    """

    evidence: str
    distributions: tuple[str, ...]
    starts: str = "0"
    share: str = "1"
    rest_as: str | None = None
    multiplier: str = "1"
    at: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None


CurveInput = FittedCurve | RelativeCurve | SeriesCurve

#: Fields that are names, not expressions.
_NAMES = ("evidence", "distributions", "relative_to", "rest_as", "group")


def expressions(curve: CurveInput | EarlyFailure | RatioAbove | RatioUntil) -> Iterator:
    """(path, expression) of everything in a curve that is computed from parameters.

    >>> dict(expressions(FittedCurve("trial_os", ("weibull",), "m", {"age": "start_age"})))
    {'multiplier': 'm', 'at.age': 'start_age'}
    """
    for part in fields(curve):
        value = getattr(curve, part.name)
        if part.name in _NAMES or value is None:
            continue
        if isinstance(value, str):
            yield part.name, value
        elif isinstance(value, Mapping):
            yield from ((f"{part.name}.{k}", v) for k, v in value.items())
        else:
            several = value if isinstance(value, tuple) else (value,)
            for i, item in enumerate(several):
                prefix = f"{part.name}.{i}" if isinstance(value, tuple) else part.name
                yield from ((f"{prefix}.{k}", v) for k, v in expressions(item))


@dataclass(frozen=True)
class Opinion:
    """An expert's belief about survival at a time, part of the likelihood of a fitted curve.

    All-cause survival at `time` (years) of the modelled cohort, with the evidence's excess hazard
    times `multiplier`, is Beta with `mean` and `se`. `time` and `multiplier` are expressions
    evaluated at the parameters' means: the opinion enters the likelihood at the multiplier's mean,
    and the multiplier's own draws stay independent of it. `parameter` holds mean, se, source and
    status; `expressions` are the two as written.
    """

    name: str
    label: str
    evidence: str
    time: float
    mean: float
    se: float
    multiplier: float
    parameter: str
    expressions: tuple[str, ...] = ()
