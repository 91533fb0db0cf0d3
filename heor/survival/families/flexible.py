"""Flexible hazards: piecewise constant, Royston-Parmar splines, M-splines.

Each has knots, placed by the data (`piecewise_exponential`, `royston_parmar`, `m_spline`) or given.
What depends on time alone, the basis, is computed once by NumPy in `encode`; the formulas are sums
of its columns. Time is in years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special
from scipy.interpolate import BSpline

from heor.survival.families.distributions import Distribution, DistributionParameter
from heor.survival.families.likelihood import TIMES, Piece
from heor.survival.families.ops import TINY
from heor.survival.families.priors import LogGamma, Logistic, Normal, Prior

EXTERNAL_KNOTS = 3  # at most so many beyond the last event, where other evidence speaks
SMOOTH = ("random_walk", "weighted_random_walk", "exchangeable")
SCALES = {"hazard": "log cumulative hazard", "odds": "log odds", "normal": "probit"}


# ---------------------------------------------------------------- piecewise exponential


@dataclass(frozen=True, eq=False)
class PiecewiseExponential(Distribution):
    """A constant hazard between cuts; the last one holds for ever.

    The first rate has the prior of an exponential distribution. Each later rate is a ratio to the
    one before, log ratio ~ normal(0, 1): hazards of neighbours are alike a priori, and a piece with
    few events borrows from the one before instead of from an absolute guess. Covariates act on
    `rate` and so on every piece: proportional hazards.

    Parameters
    ----------
    cuts : tuple of float
        Years, increasing, all above 0. A cut belongs to the piece it ends.
    called : str
        The family name it was asked for by; tied event times may leave it fewer pieces.

    Examples
    --------
    >>> from heor.survival.families.distributions import survival
    >>> model = PiecewiseExponential((1.0,))
    >>> survival(model, {"rate": [0.5], "ratio_2": [2.0]}, np.array([1.0, 2.0])).round(3).tolist()
    [[0.607, 0.223]]
    """

    cuts: tuple[float, ...]
    called: str = ""
    parameters: tuple[DistributionParameter, ...] = field(init=False, repr=False)
    location = "rate"

    def __post_init__(self) -> None:
        object.__setattr__(self, "cuts", _increasing(self.cuts, "cuts", above=0.0))
        rate = DistributionParameter(
            "rate", "hazard of the first piece", "log", "per year", (0.05, 3.0), Normal(0.0, 1.5)
        )
        ratios = [
            DistributionParameter(
                f"ratio_{k}",
                f"hazard of piece {k} relative to the one before",
                "log",
                "1",
                (0.3, 3.0),
                Normal(0.0, 1.0),
            )
            for k in range(2, self.pieces + 1)
        ]
        object.__setattr__(self, "parameters", (rate, *ratios))

    @property
    def pieces(self) -> int:
        return len(self.cuts) + 1

    @property
    def name(self) -> str:
        return self.called or self.compile_key

    @property
    def compile_key(self) -> str:
        return f"piecewise_exponential_{self.pieces}"

    @property
    def label(self) -> str:
        return f"Piecewise exponential, {self.pieces} pieces"

    def encode(self, time: np.ndarray) -> np.ndarray:
        """Time spent in each piece, then which piece it is. Dims: (row, 2 pieces)."""
        time = np.asarray(time, float)
        edges = np.array([0.0, *self.cuts, np.inf])
        spent = np.clip(time[:, None] - edges[:-1], 0.0, np.diff(edges))
        here = np.searchsorted(self.cuts, time, side="left")
        return np.concatenate([spent, np.eye(self.pieces)[here]], axis=1)

    def cumulative_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return ops.blend(t[:, : self.pieces], ops.exp(self._log_rates(p, ops)))

    def log_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return ops.blend(t[:, self.pieces :], self._log_rates(p, ops))

    def _log_rates(self, p: Mapping[str, Any], ops: Any) -> Any:
        return ops.cumsum(ops.log(ops.stack([p[name] for name in self.names])), axis=-1)


# ---------------------------------------------------------------- Royston-Parmar


@dataclass(frozen=True, eq=False)
class RoystonParmar(Distribution):
    """A natural cubic spline in log time on the scale of a log cumulative hazard, odds or probit.

    Royston and Parmar (2002, doi:10.1002/sim.1203): s(log t) is log H (`hazard`), the log odds of
    the event (`odds`) or the probit of its probability (`normal`), linear beyond the boundary
    knots. Without inner knots it is the Weibull, the log-logistic or the log-normal. Covariates act
    on `level`: proportional hazards, proportional odds or an additive probit.

    The parameters are not the coefficients gamma of the paper but the slope s' as a quadratic
    B-spline with positive coefficients `slope_1` … `slope_{k+1}`: the same splines, apart from those
    that fall somewhere (no survival curve) or dip so sharply that a coefficient is negative while
    s' is not (possible from two inner knots on). So every draw is a survival curve, no rule has to
    repair one, and the coefficients are far less correlated than the gammas. The first and the last
    are the slopes in the tails, and all have the prior of a Weibull shape, which is what they are
    with one of them. `level` is s at the middle knot, where the data are; that prior says only that
    the cumulative hazard there lies between 0.007 and 130.

    Parameters
    ----------
    scale : {"hazard", "odds", "normal"}
    knots : tuple of float
        Log years, increasing; the first and the last are the boundary.
    called : str
        The family name it was asked for by.

    Examples
    --------
    >>> from heor.survival.families.distributions import survival
    >>> model = RoystonParmar("hazard", (-1.0, 0.0, 1.0))
    >>> p = {"level": -0.55, "slope_1": 1.5, "slope_2": 1.2}
    >>> survival(model, p, np.array([1.0])).round(3).tolist()  # exp(-exp(-0.55))
    [[0.562]]
    """

    scale: str
    knots: tuple[float, ...]
    called: str = ""
    parameters: tuple[DistributionParameter, ...] = field(init=False, repr=False)
    location = "level"

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"unknown scale '{self.scale}'; allowed: {', '.join(SCALES)}.")
        object.__setattr__(self, "knots", _increasing(self.knots, "knots", least=2))
        level = DistributionParameter(
            "level",
            f"{SCALES[self.scale]} at the middle knot",
            "identity",
            "1",
            (-2.0, 1.0),
            Normal(0.0, 2.5),
        )
        slopes = [
            DistributionParameter(
                f"slope_{k}",
                f"slope of the {SCALES[self.scale]} in log time, part {k}",
                "log",
                "1",
                (0.4, 2.5),
                Normal(0.0, 1.0),
            )
            for k in range(1, self.slopes + 1)
        ]
        object.__setattr__(self, "parameters", (level, *slopes))

    @property
    def slopes(self) -> int:
        return len(self.knots) - 1

    @property
    def name(self) -> str:
        return self.called or self.compile_key

    @property
    def compile_key(self) -> str:
        return f"spline_{self.scale}_{self.slopes - 1}"

    @property
    def label(self) -> str:
        n = self.slopes - 1
        return f"Spline ({self.scale}), {n} inner knot{'' if n == 1 else 's'}"

    @property
    def middle(self) -> float:
        """The knot at which `level` is, log years."""
        return self.knots[len(self.knots) // 2]

    def encode(self, time: np.ndarray) -> np.ndarray:
        """Integrals of the slope's basis from the middle knot, the basis, log t.

        Dims: (row, 2 slopes + 1).
        """
        log_t = np.log(np.maximum(np.asarray(time, float), TINY))
        slope, rise = self._basis(log_t)
        return np.concatenate([rise, slope, log_t[:, None]], axis=1)

    def cumulative_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        s, _ = self._spline(t, p, ops)
        if self.scale == "hazard":
            return ops.exp(s)
        if self.scale == "odds":
            return ops.softplus(s)
        return _probit_cumulative_hazard(s, ops)

    def log_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        s, log_slope = self._spline(t, p, ops)
        rate = log_slope - t[:, 2 * self.slopes]  # log of ds / dt
        if self.scale == "hazard":
            return s + rate
        if self.scale == "odds":
            return rate - ops.softplus(-s)
        normal = -0.5 * s * s - 0.5 * np.log(2 * np.pi)
        return normal + _probit_cumulative_hazard(s, ops) + rate

    def _spline(self, t: Any, p: Mapping[str, Any], ops: Any) -> tuple[Any, Any]:
        """s and log s'."""
        n = self.slopes
        slopes = ops.stack([p[name] for name in self.names[1:]])
        s = p["level"] + ops.blend(t[:, :n], slopes)
        return s, ops.log(ops.maximum(ops.blend(t[:, n : 2 * n], slopes), TINY))

    def _basis(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Quadratic B-splines, level beyond the boundary, and their integrals. Dims: (row, slope).

        The slope of a natural spline is level at both ends: the first two and the last two
        B-splines share a coefficient.
        """
        inside = np.clip(x, self.knots[0], self.knots[-1])
        splines = _b_splines(self.knots, 2)
        merge = _merged_at_the_ends(splines.c.shape[0])
        integral = splines.antiderivative()
        rise = integral(inside) - integral(self.middle)
        slope = splines(inside)
        return slope @ merge, (rise + (x - inside)[:, None] * slope) @ merge

    def start(self, events: Mapping[str, float], exposure: Mapping[str, float]) -> np.ndarray:
        """A constant hazard, as far as slopes of 1 can say it."""
        theta = np.array([p.prior.mean for p in self.parameters])
        rate = max(sum(events.values()), 0.5) / sum(exposure.values())
        h = rate * np.exp(self.middle)
        at = {
            "hazard": np.log(h),
            "odds": np.log(np.expm1(min(h, 30.0))),
            "normal": -special.ndtri_exp(-h),
        }
        theta[0] = at[self.scale]
        return theta


def _probit_cumulative_hazard(s: Any, ops: Any) -> Any:
    """-log(1 - Phi(s)) by the scaled erfcx, exact in the far tail; below -8 sqrt(2) it is 0."""
    x = ops.maximum(s / np.sqrt(2.0), -8.0)
    return x * x - ops.log(0.5 * ops.erfcx(x))


def _merged_at_the_ends(n: int) -> np.ndarray:
    """Sums the first two and the last two of `n` columns. Dims: (n, n - 2)."""
    column = np.clip(np.arange(n) - 1, 0, n - 3)
    if n == 3:
        column[:] = 0
    return np.eye(n - 2)[column]


# ---------------------------------------------------------------- M-spline


@dataclass(frozen=True, eq=False)
class MSpline(Distribution):
    """h(t) = eta sum_k w_k M_k(t): a weighted sum of M-splines, constant beyond the last knot.

    M_k are the M-splines of Ramsay (1988, doi:10.1214/ss/1177012761), integrals 1, with the last
    few joined so that the hazard runs level into the last knot and stays there (Jackson 2023,
    doi:10.1186/s12874-023-02094-1); the joined one, 1 at the last knot, has no integral.
    The weights are w = softmax(b), b_k = m_k + deviation, where m makes the hazard constant.
    `smooth` states the deviations: "random_walk", sd * cumsum(z), lets weights far apart differ more
    than neighbours, with equal steps from knot to knot, so by events rather than by time;
    "weighted_random_walk" gives a step the variance sd^2 times its share of the time axis (the
    distance of the basis functions; Li & Cao 2022, arXiv:2201.06808); "exchangeable" is sd * z.
    Covariates act on `eta`: proportional hazards.

    The prior of sd, gamma(2, 5), has mean 0.4 a step and vanishes at 0: with gamma(2, 1) and the
    random walk NUTS diverges, and curves agree to 0.001 where there are data. `eta` is the hazard,
    if constant, times the sum of weights that a hazard of 1 takes (`total`); the prior of the log
    hazard is normal(0, 2).

    Parameters
    ----------
    knots : tuple of float
        Years, increasing, above 0; the last is where the hazard becomes constant. One more basis
        function than knots.
    degree : int
        Of the pieces; 3 for cubic.
    smooth : {"random_walk", "weighted_random_walk", "exchangeable"}
    error : {"normal", "logistic"}
        Distribution of z.
    sd_prior, eta_prior : prior of log sd and of log eta; eta's None for the one above.
    called : str
        The family name it was asked for by.

    Examples
    --------
    >>> from heor.survival.families.distributions import hazard
    >>> model = MSpline((0.5, 1.0, 2.0, 3.0))
    >>> flat = {"eta": [0.7 * model.total], "sd": [1.0], **{f"z_{k}": [0.0] for k in range(1, 5)}}
    >>> hazard(model, flat, np.array([0.0, 1.0, 2.5, 9.0])).round(6).tolist()
    [[0.7, 0.7, 0.7, 0.7]]
    """

    knots: tuple[float, ...]
    degree: int = 3
    smooth: str = "random_walk"
    error: str = "normal"
    sd_prior: Prior = LogGamma(2.0, 5.0)
    eta_prior: Prior | None = None
    called: str = ""
    parameters: tuple[DistributionParameter, ...] = field(init=False, repr=False)
    location = "eta"
    target_accept = 0.95  # the funnel of sd and z: no divergences then

    def __post_init__(self) -> None:
        if self.smooth not in SMOOTH:
            raise ValueError(f"unknown smooth '{self.smooth}'; allowed: {', '.join(SMOOTH)}.")
        if self.error not in ("normal", "logistic"):
            raise ValueError(f"unknown error '{self.error}'; allowed: normal, logistic.")
        object.__setattr__(self, "knots", _increasing(self.knots, "knots", above=0.0, least=2))
        eta = DistributionParameter(
            "eta",
            "level of the hazard",
            "log",
            "per year",
            (0.1 * self.total, 3.0 * self.total),
            self.eta_prior or Normal(float(np.log(self.total)), 2.0),
        )
        sd = DistributionParameter(
            "sd", "departure from a constant hazard", "log", "1", (0.1, 1.5), self.sd_prior
        )
        z = [
            DistributionParameter(
                f"z_{k}",
                f"deviation {k} of the weights",
                "identity",
                "1",
                (-2.0, 2.0),
                self.z_prior,
            )
            for k in range(1, self.size)
        ]
        object.__setattr__(self, "parameters", (eta, sd, *z))

    @property
    def size(self) -> int:
        """Number of basis functions."""
        return len(self.knots) + 1

    @property
    def name(self) -> str:
        return self.called or f"m_spline_{self.size}"

    @property
    def label(self) -> str:
        return f"M-spline, {self.size} basis functions"

    @property
    def z_prior(self) -> Prior:
        return Normal(0.0, 1.0) if self.error == "normal" else Logistic()

    @property
    def compile_key(self) -> str:
        """The centre of the weights, and so the knots, are in the compiled graph."""
        return f"m_spline {self.knots} {self.degree} {self.smooth} {self.error}"

    @property
    def total(self) -> float:
        """C: the sum of coefficients that makes the hazard 1."""
        return float(_flat(self.knots, self.degree).sum())

    @property
    def flat_weights(self) -> np.ndarray:
        """Weights of a constant hazard. Dims: basis function."""
        return _flat(self.knots, self.degree) / self.total

    def encode(self, time: np.ndarray) -> np.ndarray:
        """The basis, then its integral from 0. Dims: (row, 2 size)."""
        return np.concatenate(m_splines(self.knots, time, self.degree), axis=1)

    def cumulative_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        return p["eta"] * ops.blend(t[:, self.size :], self.weights(p, ops))

    def log_hazard(self, t: Any, p: Mapping[str, Any], ops: Any) -> Any:
        height = ops.blend(t[:, : self.size], self.weights(p, ops))
        return ops.log(p["eta"]) + ops.log(ops.maximum(height, TINY))

    def weights(self, p: Mapping[str, Any], ops: Any) -> Any:
        """w, adding up to 1; last axis basis function. `p["shift"]` moves b (see `Regression`)."""
        flat = self.flat_weights
        b = np.log(flat / flat[0]) + self.deviations(p["sd"], p, "z", ops)
        if "shift" in p:
            b = b + p["shift"]
        e = ops.exp(b - b.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def deviations(self, sd: Any, p: Mapping[str, Any], prefix: str, ops: Any) -> Any:
        """sd z, or its running sum; 0 for the first basis function. Last axis: basis function."""
        steps = [sd * p[f"{prefix}_{k}"] for k in range(1, self.size)]
        found = ops.stack([0.0 * steps[0], *steps]) * self.step_sizes
        return found if self.smooth == "exchangeable" else ops.cumsum(found, axis=-1)

    @property
    def step_sizes(self) -> np.ndarray:
        """Standard deviation of each step, in sd. Dims: basis function."""
        if self.smooth != "weighted_random_walk":
            return np.ones(self.size)
        # B-splines peak near the means of their inner knots; the distances of those
        t = np.r_[np.zeros(self.degree), self.knots[:-1], np.full(self.degree, self.knots[-1])]
        distance = (t[self.degree :] - t[: -self.degree])[: self.size - 1]
        return np.append(0.0, np.sqrt(distance / distance.sum()))

    def start(self, events: Mapping[str, float], exposure: Mapping[str, float]) -> np.ndarray:
        """The crude rate, constant."""
        theta = np.array([p.prior.mean for p in self.parameters])
        rate = max(sum(events.values()), 0.5) / sum(exposure.values())
        theta[0] = np.log(rate * self.total)
        return theta


def m_splines(
    knots: Sequence[float], time: np.ndarray, degree: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """M-splines on [0, last knot] that run level into the last knot, and their integrals from 0.

    The derivatives of a B-spline at the last knot vanish up to order degree - 1 for all but the
    last `degree` of them, and for their sum: these become one, scaled to 1 there and for ever.

    Parameters
    ----------
    knots
        Years, above 0; the last is the upper boundary.
    time : array, dims (row,)
        Years. At time 0 the basis is its limit from the right.

    Returns
    -------
    basis, integral : ndarray, dims (row, basis function)

    Examples
    --------
    >>> basis, integral = m_splines((1.0, 2.0), np.array([2.0, 5.0]))
    >>> basis.round(6).tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    >>> integral.round(6).tolist()
    [[1.0, 1.0, 1.25], [1.0, 1.0, 4.25]]
    """
    time = np.asarray(time, float)
    inside = np.minimum(time, knots[-1])
    splines = _b_splines((0.0, *knots), degree)
    scale = 1.0 / _flat(knots, degree)
    join = _joined_at_the_end(splines.c.shape[0], degree)
    basis = splines(inside) @ join * scale
    integral = splines.antiderivative()(inside) @ join * scale
    integral[:, -1] += time - inside
    return basis, integral


def _flat(knots: Sequence[float], degree: int) -> np.ndarray:
    """Coefficients of a hazard of 1: the integrals of the B-splines, which add up to 1; last 1."""
    t = np.r_[np.zeros(degree + 1), knots[:-1], np.full(degree + 1, knots[-1])]
    spans = (t[degree + 1 :] - t[: -degree - 1]) / (degree + 1)
    return np.append(spans[:-degree], 1.0)


def _joined_at_the_end(n: int, degree: int) -> np.ndarray:
    """Sums the last `degree` of `n` columns. Dims: (n, n - degree + 1)."""
    size = n - degree + 1
    return np.eye(size)[np.minimum(np.arange(n), size - 1)]


def _b_splines(knots: Sequence[float], degree: int) -> BSpline:
    """All B-splines on `knots`, boundary included, as one vector-valued spline."""
    t = np.r_[np.full(degree, knots[0]), knots, np.full(degree, knots[-1])]
    return BSpline(t, np.eye(len(t) - degree - 1), degree)


# ---------------------------------------------------------------- knots from the data


def piecewise_exponential(
    pieces: Sequence[Piece], size: int, called: str = ""
) -> PiecewiseExponential:
    """`size` pieces with about the same number of events each; fewer where event times are tied."""
    time, weight = event_times(pieces)
    size = min(size, len(np.unique(time)))
    cuts = weighted_quantiles(time, weight, np.arange(1, size) / size)
    return PiecewiseExponential(tuple(c for c in np.unique(cuts) if c < time.max()), called)


def royston_parmar(
    pieces: Sequence[Piece], scale: str, inner: int, called: str = ""
) -> RoystonParmar:
    """Boundary knots at the first and last event, inner ones at quantiles of log event times.

    No more knots than there are event times; quantiles that coincide are one knot.
    """
    time, weight = event_times(pieces)
    intervals = min(inner + 1, len(np.unique(time)) - 1)
    shares = np.arange(intervals + 1) / intervals
    knots = np.unique(weighted_quantiles(np.log(time), weight, shares))
    return RoystonParmar(scale, tuple(knots), called)


def m_spline(pieces: Sequence[Piece], size: int = 10, called: str = "") -> MSpline:
    """Knots at quantiles of event times, at most as many as those; the last at the last event.

    Where registry counts or opinions (pieces that are not main) speak of later times, the hazard
    must be free to turn there: up to three knots more at their times, and as many basis functions.
    """
    time, weight = event_times(pieces)
    count = min(size - 1, len(np.unique(time)))
    knots = np.unique(weighted_quantiles(time, weight, np.arange(1, count + 1) / count))
    return MSpline((*knots, *_later_knots(pieces, knots[-1])), called=called)


def event_times(pieces: Sequence[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """Times of events of the main pieces (years; of an interval its middle) and their weights."""
    times, weights = [np.zeros(0)], [np.zeros(0)]
    for piece in pieces:
        data = piece.data
        if not piece.main:
            continue
        if piece.form == "individual":
            time, weight = data["time"], data["weight"] * data["event"]
        else:
            grouped = piece.form == "grouped"
            time = 0.5 * (data["start"] + data["end"])
            weight = data["n_events"] if grouped else data["n"] - data["survivors"]
        keep = (weight > 0) & (time > 0)
        times.append(time[keep])
        weights.append(weight[keep])
    time, weight = np.concatenate(times), np.concatenate(weights)
    if len(np.unique(time)) < 2:
        names = ", ".join(piece.name for piece in pieces if piece.main) or "no evidence"
        raise ValueError(
            f"{names}: events at {len(np.unique(time))} distinct times; knots need at least 2. "
            "Choose a distribution without knots."
        )
    return time, weight


def weighted_quantiles(
    value: np.ndarray, weight: np.ndarray, shares: Sequence[float]
) -> np.ndarray:
    """Quantiles by linear interpolation of the ordered values (type 7 of Hyndman & Fan 1996).

    Whole weights count as that many equal values.

    >>> weighted_quantiles(np.array([1.0, 2.0]), np.array([1.0, 3.0]), [0.0, 0.25, 1.0]).tolist()
    [1.0, 1.75, 2.0]
    """
    order = np.argsort(value, kind="stable")
    value, reached = value[order], np.cumsum(weight[order])
    place = np.asarray(shares) * max(reached[-1] - 1.0, 0.0)
    below = np.floor(place + 1e-9)

    def at(index: np.ndarray) -> np.ndarray:
        found = np.searchsorted(reached, index + 1e-9, side="right")
        return value[np.minimum(found, len(value) - 1)]

    return at(below) + np.maximum(place - below, 0.0) * (at(below + 1.0) - at(below))


def _later_knots(pieces: Sequence[Piece], last: float) -> list[float]:
    times = [p.data[key] for p in pieces if not p.main for key in TIMES[p.form]]
    later = np.unique(np.concatenate([*times, np.zeros(0)]))
    later = later[later > 1.05 * last]  # a knot on top of another would make a spike
    if len(later) > EXTERNAL_KNOTS:
        later = later[np.linspace(0, len(later) - 1, EXTERNAL_KNOTS).round().astype(int)]
    return [float(t) for t in later]


def _increasing(
    values: Sequence[float], what: str, above: float = -np.inf, least: int = 0
) -> tuple[float, ...]:
    """The values as floats.

    Raises
    ------
    ValueError
        They do not increase, are too few or lie at or below `above`.
    """
    found = tuple(float(v) for v in values)
    if len(found) < least or any(b <= a for a, b in zip((above, *found), found, strict=False)):
        raise ValueError(f"{what} {found} must be at least {least}, increase and exceed {above}.")
    return found
