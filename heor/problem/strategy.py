"""A strategy: its states, curves, transitions, exposures, costs and utilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heor.archive_classes import ADDED
from heor.problem.curve_types import CurveInput


@dataclass(frozen=True)
class Exposure:
    """Who is exposed, when and how much: person-years in a state, or persons at an event.

    Exactly one of `state`, `flow`, `at`, `sum_of` (other exposures added up) and `after` is given.
    `among` restricts to a group of the strategy. The window [`from_time`, `until`) and `share` are
    expressions; it counts from time zero, or with `clock` "state" from entry into the state. `less`
    names exposures whose part inside this one's window is left out. `after` names an exposure to
    events: the years lived in the time `lasting` after them. `before` with a flow: the years lived
    in the time before the event.
    """

    name: str
    state: str | None = None
    flow: str | None = None
    at: str | None = None
    among: str | None = None
    share: str = "1"
    from_time: str = "0"
    until: str | None = None
    less: tuple[str, ...] = ()
    sum_of: tuple[str, ...] = ()
    clock: str = "start"
    after: str | None = None
    lasting: str = "0"
    before: str = "0"

    @property
    def expressions(self) -> tuple[str, ...]:
        """What its size and its times are read from."""
        texts = self.share, self.from_time, self.until, self.at, self.lasting, self.before
        return tuple(text for text in texts if text is not None)

    @property
    def parts(self) -> tuple[str, ...]:
        """Other exposures this one is made of."""
        return (*self.less, *self.sum_of, *((self.after,) if self.after else ()))


@dataclass(frozen=True)
class CostItem:
    """`amount` money for each unit of an exposure (person-year, event or person)."""

    name: str
    exposure: str
    amount: str
    category: str
    stream: str = "health_service"


@dataclass(frozen=True)
class UtilityItem:
    """Utility of an exposure: norm(age) × `multiplier`, minus `decrement`, minus `qaly_loss`.

    `multiplier` and `decrement` act per year of exposure; `qaly_loss` once per event.
    `norm_loss` is years of the norm lost per event (a multiplier difference × duration).
    """

    name: str
    exposure: str
    multiplier: str | None = None
    decrement: str | None = None
    qaly_loss: str | None = None
    norm_loss: str | None = None


@dataclass(frozen=True)
class TransitionInput:
    """How often a state is left for another: `rate` per year, or `probability` of a period.

    Expressions of parameters and of `CLOCKS`; `hazard_ratio` of parameters and covariates. `per` is
    the period of a probability in years; None is the model's cycle.
    """

    origin: str
    target: str
    rate: str | None = None
    probability: str | None = None
    hazard_ratio: str = "1"
    per: float | None = field(default=None, metadata=ADDED)

    @property
    def expression(self) -> str:
        found = self.rate if self.rate is not None else self.probability
        assert found is not None  # the inputs are checked
        return found

    @property
    def name(self) -> str:
        return f"{self.origin} -> {self.target}"


#: What a declared transition may use besides parameters: years since the start, age, years since
#: entry into the state, and the population's mortality rate at that age (per year).
CLOCKS = ("time", "age", "time_in_state", "background")


@dataclass(frozen=True)
class Strategy:
    name: str
    label: str
    curves: Mapping[str, CurveInput]
    exposures: Mapping[str, Exposure]
    costs: Mapping[str, CostItem]
    utilities: Mapping[str, UtilityItem]
    groups: Mapping[str, str] = field(default_factory=dict)
    cured_group: str | None = None
    after_progression: str = "1"
    phases: Mapping[str, str] = field(default_factory=dict)
    of_which: Mapping[str, str] = field(default_factory=dict)
    transitions: tuple[TransitionInput, ...] = ()
    start: Mapping[str, str] = field(default_factory=dict)
