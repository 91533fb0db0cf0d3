"""One likelihood for every form of evidence, written once for NumPy and PyMC.

The data are all-cause and the distribution is the excess over background mortality:
S = exp(-H - H_background). `prepare` turns evidence into plain arrays; `log_likelihood_terms`
gives the contribution of one patient of each kind and how many there are, so that leave-one-out
runs over patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from heor.inputs.problem import SurvivalEvidence
from heor.survival.distributions import TINY, Distribution, NumpyOps

NODES = 5  # Gauss-Legendre points a panel
PANEL = 0.25  # widest panel, in log time
GROWTH, LOWER_PANELS = 1.3, 17  # panels widen towards time zero, 70 units of log time down

Data = Mapping[str, np.ndarray]


def prepare(
    evidence: SurvivalEvidence, background: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Evidence as arrays for the likelihood.

    Parameters
    ----------
    evidence
        Grouped or individual. Grouped intervals must follow each other without gaps.
    background : array, optional
        Mortality of the general population. Grouped: cumulative hazard at the J + 1 edges of the
        intervals. Individual: rows (cumulative hazard at entry, at the end of follow-up, hazard
        per year at the end), dims (3, patient). None: no background mortality.

    Returns
    -------
    dict
        Grouped: `start`, `end`, `n_events`, `n_censored`, `background_start`, `background_end`.
        Individual: `time`, `event`, `entry`, `weight`, `background_hazard`,
        `background_increment`.

    Raises
    ------
    ValueError
        Intervals with gaps, or a wrong shape of `background`.
    """
    table = {k: np.asarray(v, float) for k, v in evidence.table.items()}
    if evidence.form == "grouped":
        return _prepare_grouped(evidence.name, table, background)
    return _prepare_individual(evidence.name, table, background)


def _prepare_grouped(name: str, table: Data, background: np.ndarray | None) -> dict:
    start, end = table["start"], table["end"]
    if not np.allclose(start[1:], end[:-1], atol=1e-9):
        raise ValueError(f"{name}: intervals have gaps; each must start where the one before ends.")
    size = len(start) + 1
    b = np.zeros(size) if background is None else np.asarray(background, float)
    if b.shape != (size,):
        raise ValueError(
            f"{name}: background has shape {b.shape}; must be ({size},), the cumulative hazard at "
            "the edges of the intervals."
        )
    return {
        "start": start,
        "end": end,
        "n_events": table["n_events"],
        "n_censored": table["n_censored"],
        "background_start": b[:-1],
        "background_end": b[1:],
    }


def _prepare_individual(name: str, table: Data, background: np.ndarray | None) -> dict:
    n = len(table["time"])
    b = np.zeros((3, n)) if background is None else np.asarray(background, float)
    if b.shape != (3, n):
        raise ValueError(
            f"{name}: background has shape {b.shape}; must be (3, {n}): cumulative hazard at entry "
            "and at the end of follow-up, and the hazard there."
        )
    return {
        "time": table["time"],
        "event": table["event"],
        "entry": table.get("entry", np.zeros(n)),
        "weight": table.get("weight", np.ones(n)),
        "background_hazard": b[2],
        "background_increment": b[1] - b[0],
    }


def is_grouped(data: Mapping[str, Any]) -> bool:
    """Whether `data` holds counts by interval, not patients."""
    return "n_events" in data


def counts(data: Data) -> np.ndarray:
    """Patients in each term of `pointwise`, zeros left out. Dims: cell."""
    keys = ("n_events", "n_censored") if is_grouped(data) else ("weight",)
    n = np.concatenate([data[k] for k in keys])
    return n[n > 0]


def log_likelihood_terms(
    distribution: Distribution, p: Mapping[str, Any], data: Mapping[str, Any], ops: Any
) -> tuple[tuple[Any, Any], ...]:
    """Pairs (patients, log-likelihood of one of them). Dims of the second: (..., cell).

    Grouped: an event in (a, b] contributes log(S(a) - S(b)); a censored patient the mean of
    log S(a) and log S(b). Individual: event log(h + h_background) - H(t) + H(entry) - background.
    """
    if is_grouped(data):
        before, after = _cumulative_hazards(distribution, ("start", "end"), p, data, ops)
        before = before + data["background_start"]
        after = after + data["background_end"]
        step = ops.maximum(after - before, TINY)
        event = -before + ops.log(-ops.expm1(-step))
        return (data["n_events"], event), (data["n_censored"], -0.5 * (before + after))
    entry, end = _cumulative_hazards(distribution, ("entry", "time"), p, data, ops)
    log_h = _log_hazard(distribution, end, p, data, ops)
    log_h = ops.log(ops.exp(log_h) + ops.maximum(data["background_hazard"], TINY))
    each = data["event"] * log_h - (end - entry) - data["background_increment"]
    return ((data["weight"], each),)


def _log_hazard(
    distribution: Distribution, end: Any, p: Mapping[str, Any], data: Mapping[str, Any], ops: Any
) -> Any:
    """log h at the end of follow-up, where the cumulative hazard `end` is already known."""
    time = data["time"]
    if distribution.closed_form:
        return distribution.log_hazard(time, p, ops)
    return distribution.log_time_density(time, p, ops) - ops.log(ops.maximum(time, TINY)) + end


def _cumulative_hazards(
    distribution: Distribution, keys: tuple[str, str], p: Mapping, data: Mapping, ops: Any
) -> tuple[Any, Any]:
    """H at two sets of times. PyMC has no incomplete gamma function: it integrates the density."""
    if not (distribution.closed_form or ops.exact):
        return _integrated_hazards(distribution, keys, p, data, ops)
    if ops.exact and is_grouped(data):  # every edge once, not as an end and again as a start
        edges = np.append(data["start"], data["end"][-1])
        h = distribution.cumulative_hazard(edges, p, ops)
        return h[..., :-1], h[..., 1:]
    first, second = keys
    return (
        distribution.cumulative_hazard(data[first], p, ops),
        distribution.cumulative_hazard(data[second], p, ops),
    )


def _integrated_hazards(
    distribution: Distribution, keys: tuple[str, str], p: Mapping, data: Mapping, ops: Any
) -> tuple[Any, Any]:
    """-log(1 - F), with F the density integrated by the rule of `with_quadrature`."""
    density = ops.exp(distribution.log_time_density(data["node"], p, ops)) * data["node_weight"]
    reached = ops.cumsum(density)
    first, second = (
        -ops.log(ops.maximum(1.0 - reached[data[f"{k}_node"]] * data[f"{k}_positive"], TINY))
        for k in keys
    )
    return first, second


def log_likelihood(
    distribution: Distribution, p: Mapping[str, Any], data: Mapping[str, Any], ops: Any = NumpyOps
) -> Any:
    """Log-likelihood of all patients; `p` on the natural scale, shaped (draw, 1) or scalar."""
    terms = log_likelihood_terms(distribution, p, data, ops)
    total = 0.0
    for n, each in terms:
        total = total + n * each
    return total.sum(axis=-1)


def pointwise(distribution: Distribution, theta: np.ndarray, data: Data) -> np.ndarray:
    """Log-likelihood of one patient of each kind present. Dims: (draw, cell).

    `theta` is on the unconstrained scale, dims (draw, parameter); cells are those of `counts`.
    """
    p = distribution.natural(np.asarray(theta)[:, None, :])
    with np.errstate(over="ignore", under="ignore"):
        terms = log_likelihood_terms(distribution, p, data, NumpyOps)
    return np.concatenate([each[:, n > 0] for n, each in terms], axis=1)


def with_quadrature(data: Data) -> dict[str, np.ndarray]:
    """`data` with a Gauss-Legendre rule for the density of log time, as PyMC needs it.

    Panels end at every distinct positive time and are no wider than PANEL, so survival is right
    to about 1e-10 for the distributions here (checked in the tests against closed forms).

    Returns
    -------
    dict
        `data` and: `node` (time in years) and `node_weight`, dims (node,); for each set of times
        `<key>_node`, the last node at or before it, and `<key>_positive`, 0 at time zero.
    """
    keys = ("start", "end") if is_grouped(data) else ("entry", "time")
    times = np.concatenate([data[k] for k in keys])
    distinct = np.unique(times[times > 0])
    corners = np.log(distinct)
    # towards time zero the density is a power of time: smooth on ever wider panels
    below = corners[0] - np.cumsum(PANEL * GROWTH ** np.arange(LOWER_PANELS))[::-1]
    pieces = [np.append(below[1:], corners[0])] + [
        np.linspace(a, b, int(np.ceil((b - a) / PANEL)) + 1)[1:]
        for a, b in zip(corners[:-1], corners[1:], strict=True)
    ]
    cuts = np.concatenate([below[:1], *pieces])
    x, w = np.polynomial.legendre.leggauss(NODES)
    half, middle = np.diff(cuts) / 2, (cuts[1:] + cuts[:-1]) / 2
    out = dict(data)
    out["node"] = np.exp(middle[:, None] + half[:, None] * x).ravel()
    out["node_weight"] = (half[:, None] * w).ravel()
    last = NODES * np.cumsum([len(piece) for piece in pieces]) - 1
    for k in keys:
        out[f"{k}_node"] = last[np.minimum(np.searchsorted(distinct, data[k]), len(last) - 1)]
        out[f"{k}_positive"] = (data[k] > 0).astype(float)
    return out
