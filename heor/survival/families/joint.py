"""PFS and OS of the same patients as one process: an illness-death model with clock reset.

Patients leave progression-free by progression or by death. Of those who leave, the share pi
(`death_share`) dies; the others live on with a hazard that depends on the time since progression
only (Fleischer et al. 2009, doi:10.1002/sim.3637; Meller et al. 2019, doi:10.1002/sim.8295; Putter
et al. 2007, doi:10.1002/sim.2712). With S0 the distribution of leaving, S3 that of survival after
progression, and a grid of half months h:

    S_PFS(t_j) = S0(t_j)
    S_OS(t_j)  = S0(t_j) + sum_{i <= j} (1 - pi) (S0(t_{i-1}) - S0(t_i)) S3((j - i + 1/2) h)

A cured share c neither progresses nor dies of the cancer: S = c + (1 - c) (...) for both curves.
Background mortality acts alike in every state and factors out, so all here is the excess part.

What is assumed, and what follows:

- Within a half month the hazard of either curve is constant, so S_PFS <= S_OS at every time and in
  every draw. Progressions fall in the middle of their half month: S_OS at the FOLFIRI fit is wrong
  by at most 4e-4, its five-year restricted mean by 0.002 months, and within 5e-4 and 0.005 months
  for the hazards in tests/survival/test_joint.py (ten times that for a hazard after progression that falls
  steeply from infinity, a Weibull of shape 0.5). Refitted on finer grids no estimate moved by more
  than 0.02 of its standard deviation.
- Survival after progression does not depend on when progression came. Two marginal curves cannot
  show such a dependence. Where there is one, curves within follow-up and restricted means stay
  right, but pi and the shape of S3 absorb it and the tail shifts.
- pi and the location of S3 trade off (correlation about 0.6): pi is identified by the families'
  form alone, so its prior is informative, Beta(4, 36). Restricted means hardly depend on it. It is
  an input, not an estimate: compare with published shares and post-progression survival.
- The tail is not identified: families of S3 that fit alike differ threefold at five years. Average
  over them, or report them as structural.
- Both curves enter the likelihood as if from different patients. Each margin's uncertainty is about
  right so, the correlation of the two is not: `heor.survival.fitting.correlation` puts it right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import fft

from heor.problem import family_names as families
from heor.survival.families import cure
from heor.survival.families.distributions import (
    DISTRIBUTIONS,
    Distribution,
    DistributionParameter,
    cumulative_hazard,
    hazard,
)
from heor.survival.families.likelihood import Piece
from heor.survival.families.ops import TINY, NumpyOps
from heor.survival.families.priors import LogitBeta, Normal

STEPS_PER_YEAR = 24
STEP = 1.0 / STEPS_PER_YEAR  # years; half a month
ON_GRID = 1e-6  # share of a step within which a time is a grid point
DEAD = 1e-13  # survival below it is rounding of the convolution
ENDPOINTS = {"os": "os", "pfs": "pfs", "dfs": "pfs"}  # disease-free is what PFS is after resection

# Weakly informative: 95 % of the prior of a location within a factor of 7 of these, which are
# what advanced colorectal cancer shows; the shape after progression is hardly seen in the data.
PROGRESSION_YEARS, POST_YEARS = 0.5, 8.0 / 12.0
LOCATION_SD, POST_SHAPE_SD = 1.0, 0.5
DEATH_SHARE = DistributionParameter(
    "death_share",
    "share of PFS events that are deaths",
    "logit",
    "1",
    (0.03, 0.25),
    LogitBeta(4.0, 36.0),
)
CURED = DistributionParameter(
    "cured",
    "share that neither progresses nor dies",
    "logit",
    "1",
    (0.005, 0.3),
    cure.PRIOR,
)

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Transitions:
    """Hazards of the uncured, excess over background mortality. Dims: (draw, time), per year.

    Attributes
    ----------
    progression, death : ndarray
        Out of progression-free; `death` is pi / (1 - pi) times `progression`.
    progression_cumulative, death_cumulative : ndarray
        Their integrals from time zero.
    post, post_cumulative : ndarray
        Death after progression; time counts from progression.
    cured : ndarray, dims (draw,)
        Share to whom none of this happens.
    """

    progression: np.ndarray
    death: np.ndarray
    progression_cumulative: np.ndarray
    death_cumulative: np.ndarray
    post: np.ndarray
    post_cumulative: np.ndarray
    cured: np.ndarray


@dataclass(frozen=True, eq=False)
class IllnessDeath(Distribution):
    """A process with two curves, `marginal("os")` and `marginal("pfs")`, of the same parameters.

    Parameters are those of the two families with the prefixes `progression_` and `post_`, and
    `death_share`, and `cured` in a cure model. In years.

    Attributes
    ----------
    progression, post : Distribution
        Leaving progression-free, and survival after progression; closed forms only.
    cured : bool
        Whether a share is cured.
    steps : int
        Half months of the grid in a PyMC model, at least to the last time of its evidence
        (`build`). NumPy takes what the times ask for.

    Raises
    ------
    ValueError
        A family without a closed form.

    Examples
    --------
    >>> from heor.survival.families.distributions import survival
    >>> model = build("joint_exponential_exponential")
    >>> p = {"progression_rate": [1.2], "death_share": [0.1], "post_rate": [1.0]}
    >>> time = np.array([0.0, 0.5, 1.0])
    >>> survival(model.marginal("pfs"), p, time).round(3).tolist()
    [[1.0, 0.549, 0.301]]
    >>> survival(model.marginal("os"), p, time).round(3).tolist()
    [[1.0, 0.861, 0.661]]
    """

    progression: Distribution
    post: Distribution
    cured: bool = False
    steps: int = 0

    def __post_init__(self) -> None:
        if not (self.progression.closed_form and self.post.closed_form):
            raise ValueError("a joint model needs families whose survival has a closed form.")
        suffix = "_cure" if self.cured else ""
        own = (
            _progression_parameters(self.progression)
            + (DEATH_SHARE,)
            + _post_parameters(self.post)
            + ((CURED,) if self.cured else ())
        )
        found = {
            "name": f"joint_{self.progression.name}_{self.post.name}{suffix}",
            "label": f"Joint, {self.progression.label} then {self.post.label}"
            + (" with cure" if self.cured else ""),
            "parameters": own,
            "location": f"progression_{self.progression.location}",
        }
        for key, value in found.items():
            object.__setattr__(self, key, value)

    @property
    def compile_key(self) -> str:
        return f"{self.name}/{self.steps}"

    @property
    def target_accept(self) -> float:
        return 0.9 if self.cured else 0.8  # as other cure models

    def marginal(self, endpoint: str) -> Distribution:
        """The curve of `os` or `pfs` (`dfs` means the same).

        Raises
        ------
        KeyError
            Another endpoint.
        """
        return Marginal(self, ENDPOINTS[endpoint])

    def start(self, events: Mapping[str, float], exposure: Mapping[str, float]) -> np.ndarray:
        """From crude rates: of leaving, and of dying after progression in the years between.

        Dims: parameter. The other parameters are at their prior mean.
        """
        events = {ENDPOINTS[k]: v for k, v in events.items()}
        exposure = {ENDPOINTS[k]: v for k, v in exposure.items()}
        n, years = events.get("pfs", 0.0), exposure.get("pfs", 0.0)
        progression_rate = max(n, 0.5) / years if years else 1.0 / PROGRESSION_YEARS
        before = self.natural(np.array([p.prior.mean for p in self.parameters]))["death_share"] * n
        after = max(events.get("os", 0.0) - before, 0.5)
        # PFS may have the longer follow-up; the rate is then a guess from all the years
        between = max(exposure.get("os", 0.0) - years, 0.1 * exposure.get("os", 0.0))
        post_rate = after / between if between else 1.0 / POST_YEARS
        theta = np.array([p.prior.mean for p in self.parameters])
        for prefix, family, rate in (
            ("progression", self.progression, progression_rate),
            ("post", self.post, post_rate),
        ):
            sign = 1.0 if family.location == "rate" else -1.0
            theta[self.names.index(f"{prefix}_{family.location}")] = sign * np.log(rate)
        return theta

    def curves(self, p: Parameters, steps: int, ops: Any) -> tuple[Any, Any]:
        """Cumulative hazards of OS and PFS at the grid points 0 to `steps`.

        Natural-scale parameters shaped (draw, 1) give dims (draw, steps + 1), scalars (steps + 1,).
        """
        free = self.progression_free(p, steps, ops)
        alive = free + self.progressed(p, free, steps, ops)
        if self.cured:
            alive, free = (p["cured"] + (1.0 - p["cured"]) * s for s in (alive, free))
            pfs = -ops.log(ops.maximum(free, TINY))
        else:
            pfs = self.leaving(p, steps, ops)
        os = -ops.log(ops.maximum(alive, DEAD))
        if ops.exact:  # rounding of the convolution must not make the dead rise
            os = np.minimum(np.maximum.accumulate(os, axis=-1), pfs)
        return os, pfs

    def progression_free(self, p: Parameters, steps: int, ops: Any = NumpyOps) -> Any:
        """Share of the uncured not progressed and alive at the grid points. Dims as `curves`."""
        return ops.exp(-self.leaving(p, steps, ops))

    def progressed(self, p: Parameters, free: Any, steps: int, ops: Any = NumpyOps) -> Any:
        """Share of the uncured alive after progression at the grid points. Dims as `curves`.

        `free` from `progression_free`.
        """
        middle = STEP * (np.arange(steps) + 0.5)
        after = ops.exp(-self.post.cumulative_hazard(middle, part(p, "post"), ops))
        progressing = (1.0 - p["death_share"]) * (free[..., :-1] - free[..., 1:])
        return _survivors(progressing, after, steps, ops)

    def leaving(self, p: Parameters, steps: int, ops: Any) -> Any:
        """Cumulative hazard of leaving progression-free at the grid points."""
        time = STEP * np.arange(steps + 1)
        return self.progression.cumulative_hazard(time, part(p, "progression"), ops)

    def transitions(self, parameters: Parameters, time: np.ndarray) -> Transitions:
        """Hazards of the three transitions, for a state-transition model.

        Parameters
        ----------
        parameters : mapping of name to array, dims (draw,)
            Natural scale.
        time : array, dims (time,)
            Years, since entry or since progression.
        """
        leaving, post = part(parameters, "progression"), part(parameters, "post")
        share = np.atleast_1d(np.asarray(parameters["death_share"], float))[:, None]
        rate = hazard(self.progression, leaving, time)
        cumulative = cumulative_hazard(self.progression, leaving, time)
        cured = parameters["cured"] if self.cured else np.zeros(len(share))
        return Transitions(
            (1.0 - share) * rate,
            share * rate,
            (1.0 - share) * cumulative,
            share * cumulative,
            hazard(self.post, post, time),
            cumulative_hazard(self.post, post, time),
            np.atleast_1d(np.asarray(cured, float)),
        )

    def simulate(
        self, parameters: Parameters, n: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Times of leaving progression-free and of death of `n` patients. Dims: (patient,), years.

        Continuous time, excess mortality only, without censoring; infinite for the cured.
        `parameters` are numbers by name, natural scale.
        """
        pfs = _event_times(self.progression, part(parameters, "progression"), n, generator)
        after = _event_times(self.post, part(parameters, "post"), n, generator)
        died = generator.random(n) < parameters["death_share"]
        os = pfs + np.where(died, 0.0, after)
        if self.cured:
            cured = generator.random(n) < parameters["cured"]
            os, pfs = (np.where(cured, np.inf, t) for t in (os, pfs))
        return os, pfs


@dataclass(frozen=True, eq=False)
class Marginal(Distribution):
    """The curve of one endpoint of a process: hazard constant within each half month.

    PFS is exact at the grid points; between them it too is interpolated, because the exact curve
    could cross the interpolated OS where few have progressed yet.
    """

    process: IllnessDeath
    endpoint: str

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def label(self) -> str:
        return self.process.label

    @property
    def parameters(self) -> tuple[DistributionParameter, ...]:
        return self.process.parameters

    @property
    def location(self) -> str:
        return self.process.location

    @property
    def compile_key(self) -> str:
        return f"{self.process.compile_key}/{self.endpoint}"

    def encode(self, time: np.ndarray) -> np.ndarray:
        """The half month each time falls in, and the share of it gone by. Dims: (row, 2).

        A grid point is the end of the half month before it, as in grouped evidence.
        """
        steps = np.asarray(time, float) * STEPS_PER_YEAR
        nearest = np.round(steps)
        steps = np.where(np.abs(steps - nearest) < ON_GRID, nearest, steps)
        index = np.maximum(np.ceil(steps) - 1.0, 0.0)
        return np.stack([index, steps - index], axis=-1)

    def cumulative_hazard(self, t: Any, p: Parameters, ops: Any) -> Any:
        before, after = self._around(t, p, ops)
        return (1.0 - t[:, 1]) * before + t[:, 1] * after

    def log_hazard(self, t: Any, p: Parameters, ops: Any) -> Any:
        before, after = self._around(t, p, ops)
        return ops.log(ops.maximum((after - before) * np.float64(STEPS_PER_YEAR), TINY))

    def _around(self, t: Any, p: Parameters, ops: Any) -> tuple[Any, Any]:
        """Cumulative hazard at the grid points before and after each time."""
        steps = int(t[:, 0].max(initial=0)) + 1 if ops.exact else self.process.steps
        if self.endpoint == "pfs" and not self.process.cured:
            h = self.process.leaving(p, steps, ops)  # no need of the convolution
        else:
            h = self.process.curves(p, steps, ops)[0 if self.endpoint == "os" else 1]
        return ops.take(h, t[:, 0]), ops.take(h, t[:, 0] + 1.0)


def build(name: str, pieces: Sequence[Piece] = ()) -> IllnessDeath:
    """The model called joint_<pfs>_<post>[_cure], its grid long enough for the evidence.

    The grid ends with a whole year, so evidence of similar length shares one compiled model.

    Parameters
    ----------
    pieces
        All that the model will be fitted to. May be empty where PyMC is not used.

    Raises
    ------
    ValueError
        A name that is none of a joint model.

    Examples
    --------
    >>> build("joint_lognormal_weibull").names
    ('progression_meanlog', 'progression_sdlog', 'death_share', 'post_shape', 'post_scale')
    """
    found = families.parse(name)
    if found is None or found.joint is None:
        raise ValueError(families.fault(name) or f"'{name}' is not a joint model.")
    progression, post = (DISTRIBUTIONS[family] for family in found.joint)
    # one year at least: the neutral opinion of a model that is compiled without one
    years = np.ceil(max([1.0, *(piece.last_time for piece in pieces)]) - ON_GRID)
    return IllnessDeath(progression, post, found.cure != "", int(years) * STEPS_PER_YEAR)


def part(p: Parameters, prefix: str) -> dict[str, Any]:
    """The parameters of one transition, under the names its family gives them."""
    start = f"{prefix}_"
    return {k.removeprefix(start): v for k, v in p.items() if k.startswith(start)}


def _progression_parameters(family: Distribution) -> tuple[DistributionParameter, ...]:
    return tuple(
        replace(
            p,
            name=f"progression_{p.name}",
            description=f"leaving progression-free: {p.description}",
            prior=_located(family, PROGRESSION_YEARS) if p.name == family.location else p.prior,
        )
        for p in family.parameters
    )


def _post_parameters(family: Distribution) -> tuple[DistributionParameter, ...]:
    shape = Normal(0.0, POST_SHAPE_SD)
    return tuple(
        replace(
            p,
            name=f"post_{p.name}",
            description=f"survival after progression: {p.description}",
            prior=_located(family, POST_YEARS) if p.name == family.location else shape,
        )
        for p in family.parameters
    )


def _located(family: Distribution, years: float) -> Normal:
    sign = -1.0 if family.location == "rate" else 1.0
    return Normal(sign * float(np.log(years)), LOCATION_SD)


def _survivors(progressing: Any, after: Any, steps: int, ops: Any) -> Any:
    """Alive after progression at each grid point: those progressing earlier, times survival since.

    `progressing` and `after` by half month, last axis; the result has one more, 0 at time zero.
    NumPy convolves all draws by FFT; PyTensor multiplies by a Toeplitz matrix, which compiles
    fastest.
    """
    if ops.exact:
        progressing, after = np.broadcast_arrays(progressing, after)
        size = fft.next_fast_len(2 * steps, real=True)
        product = fft.rfft(progressing, size) * fft.rfft(after, size)
        found = np.zeros((*product.shape[:-1], steps + 1))
        found[..., 1:] = np.maximum(fft.irfft(product, size)[..., :steps], 0.0)
        return found
    lag = np.subtract.outer(np.arange(steps + 1), np.arange(steps)) - 1
    kernel = ops.take(after, np.maximum(lag, 0)) * (lag >= 0).astype(float)
    return ops.dot(kernel, progressing)


def _event_times(
    family: Distribution, p: Parameters, n: int, generator: np.random.Generator
) -> np.ndarray:
    """Times at which the cumulative hazard reaches standard exponential numbers. Dims: patient."""
    log_time = np.linspace(np.log(1e-6), np.log(1e3), 20_001)
    reached = cumulative_hazard(family, p, np.exp(log_time))[0]
    return np.exp(np.interp(generator.exponential(size=n), reached, log_time, right=np.inf))
