"""One likelihood for every form of evidence, written once for NumPy and PyMC.

A fit is a distribution and *pieces* of evidence whose log-likelihoods add up:

- `grouped`: events and censorings by interval;
- `individual`: patients, with delayed entry, weights and covariates;
- `binomial`: survivors among those at risk, by interval: published landmarks, registry counts;
- `opinion`: an expert's beta distribution of survival at a time.

The data are all-cause and the distribution is the excess over background mortality:
S = exp(-H - H_background). Leave-one-out runs over the patients of the main pieces, counts being
multiplicities; registry counts and opinions are information besides the data and are not left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heor.survival.families.distributions import Distribution
from heor.survival.families.ops import TINY, NumpyOps

NODES = 5  # Gauss-Legendre points a panel
PANEL = 0.25  # widest panel, in log time
GROWTH, LOWER_PANELS = 1.3, 17  # panels widen towards time zero, 70 units of log time down

Data = Mapping[str, Any]
TIMES = {
    "grouped": ("start", "end"),
    "individual": ("entry", "time"),
    "binomial": ("start", "end"),
    "opinion": ("time",),
}


@dataclass(frozen=True)
class Piece:
    """One body of evidence as arrays, ready for the likelihood.

    Attributes
    ----------
    name : str
        Evidence or opinion.
    endpoint : str
        The curve it informs.
    form : {"grouped", "individual", "binomial", "opinion"}
    data : dict of ndarray, dims (row,)
        Times in years. All forms: `background_…`, cumulative hazards of the general population.
        Grouped: `start`, `end`, `n_events`, `n_censored`. Individual: `time`, `event`, `entry`,
        `weight`, `x_<covariate>`. Binomial: `start`, `end`, `n`, `survivors`. Opinion: `time`,
        `multiplier` of the excess hazard, and `a`, `b` of the beta distribution.
    main : bool
        Its rows are the patients of the fit, left out one at a time.
    """

    name: str
    endpoint: str
    form: str
    data: dict[str, np.ndarray]
    main: bool = True

    @property
    def counts(self) -> np.ndarray:
        """Patients behind each term, in the order of `terms`, zeros included. Dims: term."""
        data = self.data
        if self.form == "grouped":
            return np.concatenate([data["n_events"], data["n_censored"]])
        if self.form == "binomial":
            return np.concatenate([data["n"] - data["survivors"], data["survivors"]])
        return data["weight"] if self.form == "individual" else np.ones(len(data["time"]))

    @property
    def events(self) -> float:
        if self.form == "individual":
            return float(np.sum(self.data["weight"] * self.data["event"]))
        n = (
            self.data["n_events"]
            if self.form == "grouped"
            else self.data["n"] - self.data["survivors"]
        )
        return float(np.sum(n))

    @property
    def exposure(self) -> float:
        """Person-years, roughly: whoever leaves in an interval is counted for half of it."""
        data = self.data
        if self.form == "individual":
            return float(np.sum(data["weight"] * (data["time"] - data["entry"])))
        if self.form == "grouped":
            leaving = data["n_events"] + data["n_censored"]
            return float(np.sum(leaving * 0.5 * (data["start"] + data["end"])))
        return float(np.sum(0.5 * (data["n"] + data["survivors"]) * (data["end"] - data["start"])))

    @property
    def last_time(self) -> float:
        """Years."""
        return float(np.max(self.data[TIMES[self.form][-1]]))


def neutral_opinion(endpoint: str) -> Piece:
    """An opinion that says nothing, beta(1, 1): fits with and without one share a compiled model."""
    one = np.ones(1)
    data = {"time": one, "multiplier": one, "background": 0.0 * one, "a": one, "b": one}
    return Piece("none", endpoint, "opinion", data, main=False)


def encoded(distribution: Distribution, piece: Piece) -> Piece:
    """The piece with its times as the distribution's formulas take them, as `<time>_code`."""
    own = distribution.marginal(piece.endpoint)
    codes = {f"{k}_code": own.core.encode(piece.data[k]) for k in TIMES[piece.form]}
    return replace(piece, data={**piece.data, **codes})


def terms(
    distribution: Distribution, p: Mapping[str, Any], form: str, data: Data, ops: Any
) -> tuple[tuple[Any, Any], ...]:
    """Pairs (patients, log-likelihood of one of them). Dims of the second: (..., row).

    Grouped: an event in (a, b] contributes log(S(a) - S(b)); a censored patient the mean of
    log S(a) and log S(b). Individual: event log(h + h_background) - H(t) + H(entry) - background.
    Binomial: those alive at a survive to b with probability S(b) / S(a). Opinion: log density of
    the beta distribution at S(t), less its constant.

    Parameters
    ----------
    distribution
        The curve of the piece's endpoint.
    p
        Natural scale, shaped (draw, 1) or scalar.
    data
        Arrays of a piece after `encoded` (and `with_quadrature`, for PyMC).
    """
    return _TERMS[form](distribution, p, data, ops)


def _grouped(d: Distribution, p: Mapping, data: Data, ops: Any) -> tuple:
    before, after = _cumulative_hazards(d, ("start", "end"), p, data, ops)
    before = before + data["background_start"]
    after = after + data["background_end"]
    step = ops.maximum(after - before, TINY)
    event = -before + ops.log(-ops.expm1(-step))
    return (data["n_events"], event), (data["n_censored"], -0.5 * (before + after))


def _binomial(d: Distribution, p: Mapping, data: Data, ops: Any) -> tuple:
    before, after = _cumulative_hazards(d, ("start", "end"), p, data, ops)
    step = after - before + data["background_end"] - data["background_start"]
    step = ops.maximum(step, TINY)
    died = data["n"] - data["survivors"]
    return (died, ops.log(-ops.expm1(-step))), (data["survivors"], -step)


def _individual(d: Distribution, p: Mapping, data: Data, ops: Any) -> tuple:
    p = d.at(p, data, ops)
    core = d.core
    entry, end = _core_hazards(core, ("entry", "time"), p, data, ops)
    if core.closed_form:
        log_h = core.log_hazard(data["time_code"], p, ops)
    else:
        log_t = ops.log(ops.maximum(data["time"], TINY))
        log_h = core.log_time_density(data["time_code"], p, ops) - log_t + end
    log_h = d.outer_log_hazard(log_h, end, p, ops)
    entry, end = d.outer(entry, p, ops), d.outer(end, p, ops)
    log_h = ops.log(ops.exp(log_h) + ops.maximum(data["background_hazard"], TINY))
    each = data["event"] * log_h - (end - entry) - data["background_increment"]
    return ((data["weight"], each),)


def _opinion(d: Distribution, p: Mapping, data: Data, ops: Any) -> tuple:
    (h,) = _cumulative_hazards(d, ("time",), p, data, ops)
    total = ops.maximum(data["multiplier"] * h + data["background"], TINY)
    each = -(data["a"] - 1.0) * total + (data["b"] - 1.0) * ops.log(-ops.expm1(-total))
    return ((1.0, each),)


_TERMS = {
    "grouped": _grouped,
    "individual": _individual,
    "binomial": _binomial,
    "opinion": _opinion,
}


def _cumulative_hazards(
    d: Distribution, keys: Sequence[str], p: Mapping, data: Data, ops: Any
) -> list[Any]:
    return [d.outer(h, p, ops) for h in _core_hazards(d.core, keys, p, data, ops)]


def _core_hazards(
    core: Distribution, keys: Sequence[str], p: Mapping, data: Data, ops: Any
) -> list[Any]:
    """H at sets of times. PyMC has no incomplete gamma function: it integrates the density."""
    if not (core.closed_form or ops.exact):
        return _integrated_hazards(core, keys, p, data, ops)
    codes = [data[f"{k}_code"] for k in keys]
    if ops.exact and keys == ("start", "end") and np.array_equal(codes[0][1:], codes[1][:-1]):
        # every edge once, not as an end and again as a start
        h = core.cumulative_hazard(np.concatenate([codes[0], codes[1][-1:]]), p, ops)
        return [h[..., :-1], h[..., 1:]]
    return [core.cumulative_hazard(code, p, ops) for code in codes]


def _integrated_hazards(
    core: Distribution, keys: Sequence[str], p: Mapping, data: Data, ops: Any
) -> list[Any]:
    """-log(1 - F), with F the density integrated by the rule of `with_quadrature`."""
    density = ops.exp(core.log_time_density(data["node"], p, ops)) * data["node_weight"]
    reached = ops.cumsum(density)
    return [
        -ops.log(ops.maximum(1.0 - reached[data[f"{k}_node"]] * data[f"{k}_positive"], TINY))
        for k in keys
    ]


def log_likelihood(
    distribution: Distribution,
    p: Mapping[str, Any],
    pieces: Sequence[Piece],
    ops: Any = NumpyOps,
    data: Sequence[Data] | None = None,
) -> Any:
    """Log-likelihood of all pieces; `p` on the natural scale, shaped (draw, 1) or scalar.

    `data` replaces the pieces' own arrays (PyMC gives its inputs).
    """
    total = 0.0
    for piece, own in zip(pieces, data or [piece.data for piece in pieces], strict=True):
        for n, each in terms(distribution.marginal(piece.endpoint), p, piece.form, own, ops):
            total = total + (n * each).sum(axis=-1)
    return total


def pointwise(
    distribution: Distribution, theta: np.ndarray, pieces: Sequence[Piece]
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of one patient of each kind present in the main pieces, and their numbers.

    Parameters
    ----------
    theta
        Unconstrained scale, dims (draw, parameter).

    Returns
    -------
    terms : ndarray, dims (draw, cell)
    counts : ndarray, dims (cell,)
    """
    p = distribution.natural(np.asarray(theta)[:, None, :])
    found, counts = [], []
    with np.errstate(over="ignore", under="ignore"):
        for piece in pieces:
            if not piece.main:
                continue
            own = distribution.marginal(piece.endpoint)
            for n, each in terms(own, p, piece.form, piece.data, NumpyOps):
                found.append(each[:, n > 0])
                counts.append(n[n > 0])
    return np.concatenate(found, axis=1), np.concatenate(counts)


def with_quadrature(pieces: Sequence[Piece]) -> list[Piece]:
    """`pieces` with one Gauss-Legendre rule for the density of log time, as PyMC needs it.

    Panels end at every distinct positive time and are no wider than PANEL, so survival is right
    to about 1e-10 for the distributions here (checked in the tests against closed forms).

    Returns
    -------
    list of Piece
        Data also hold: `node` (time in years) and `node_weight`, dims (node,), the same in every
        piece; for each set of times `<key>_node`, the last node at or before it, and
        `<key>_positive`, 0 at time zero.
    """
    times = np.concatenate([piece.data[k] for piece in pieces for k in TIMES[piece.form]])
    distinct = np.unique(times[times > 0])
    corners = np.log(distinct)
    # towards time zero the density is a power of time: smooth on ever wider panels
    below = corners[0] - np.cumsum(PANEL * GROWTH ** np.arange(LOWER_PANELS))[::-1]
    cuts = [np.append(below[1:], corners[0])] + [
        np.linspace(a, b, int(np.ceil((b - a) / PANEL)) + 1)[1:]
        for a, b in zip(corners[:-1], corners[1:], strict=True)
    ]
    edges = np.concatenate([below[:1], *cuts])
    x, w = np.polynomial.legendre.leggauss(NODES)
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    rule = {
        "node": np.exp(middle[:, None] + half[:, None] * x).ravel(),
        "node_weight": (half[:, None] * w).ravel(),
    }
    last = NODES * np.cumsum([len(piece) for piece in cuts]) - 1
    out = []
    for piece in pieces:
        places: dict[str, np.ndarray] = {}
        for k in TIMES[piece.form]:
            at = np.minimum(np.searchsorted(distinct, piece.data[k]), len(last) - 1)
            places[f"{k}_node"] = last[at]
            places[f"{k}_positive"] = (piece.data[k] > 0).astype(float)
        out.append(replace(piece, data={**piece.data, **rule, **places}))
    return out
