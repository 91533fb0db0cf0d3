"""Speed and memory of the decision analysis, beside plain alternatives in the same process.

    python tests/benchmarks/bench_decision.py

Four strategies, 501 thresholds, 10,000 draws; bars: 0.3 s and 300 MB for everything that needs no
regression, EVPPI of 30 single parameters 2 s, of a group of four 1 s, of a group of ten 10 s.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np
import pandas as pd
import xarray as xr

from heor.decision.acceptability import ceac
from heor.decision.cost_effectiveness import evpi
from heor.decision.frontier import incremental_analysis
from heor.decision.information import evppi
from heor.outcomes.outcomes import Outcomes

N = 10_000
THRESHOLDS = np.linspace(0, 1_000_000, 501)
NAMED = [275_000.0, 495_000.0, 825_000.0]


def made_up() -> tuple[Outcomes, pd.DataFrame]:
    """Thirty parameters that act on four strategies, some of them together, and noise."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal((N, 30))
    effect = generator.normal(0, 1, (30, 4, 2)) / np.arange(1, 31)[:, None, None]
    values = np.einsum("np,psc->nsc", x, effect)
    values[..., 1] += (x[:, 0] * x[:, 1])[:, None] * [0.0, 0.3, 0.6, 0.9]
    values += 0.5 * generator.standard_normal(values.shape)
    values = values * [50_000.0, 0.3] + [[400e3, 3.0], [500e3, 3.2], [600e3, 3.4], [700e3, 3.6]]
    data = xr.DataArray(
        values,
        dims=("draw", "strategy", "component"),
        coords={"strategy": list("abcd"), "component": ["care", "qalys"]},
    )
    names = [f"p{i}" for i in range(30)]
    return Outcomes(data, ("care",), "NOK"), pd.DataFrame(x, columns=names)


def whole_analysis(own: Outcomes) -> pd.DataFrame:
    """Acceptability, frontier, expected loss, EVPI and the incremental analysis."""
    found = ceac(own, THRESHOLDS)
    incremental_analysis(own.strategies, own.cost.mean(axis=0), own.qalys.mean(axis=0))
    for threshold in NAMED:
        evpi(own, threshold)
    return found


def plain_loop(own: Outcomes) -> pd.DataFrame:
    """The same curves, a data frame of net benefit at each threshold."""
    cost, qalys = (pd.DataFrame(v, columns=own.strategies) for v in (own.cost, own.qalys))
    rows = []
    for threshold in THRESHOLDS:
        benefit = threshold * qalys - cost
        best = benefit.idxmax(axis=1).value_counts(normalize=True)
        loss = benefit.max(axis=1).mean() - benefit.mean()
        rows += [(threshold, s, best.get(s, 0.0), loss[s]) for s in own.strategies]
    return pd.DataFrame(rows, columns=["threshold", "strategy", "probability", "expected_loss"])


def plain_boosting(own: Outcomes, draws: pd.DataFrame) -> float:
    """EVPPI at one threshold by gradient boosting on the same draws, as scikit-learn has it."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    benefit = NAMED[1] * own.qalys - own.cost
    change = benefit[:, 1:] - benefit[:, :1]
    fitted = [HistGradientBoostingRegressor().fit(draws, y).predict(draws) for y in change.T]
    best = np.maximum(np.max(fitted, axis=0), 0).mean()
    return float(best - max(np.mean(fitted, axis=1).max(), 0))


def spent(work: Callable[[], object], times: int = 1) -> tuple[float, object]:
    """Seconds, the least of several times, and what came out."""
    seconds, found = np.inf, None
    for _ in range(times):
        start = perf_counter()
        found = work()
        seconds = min(seconds, perf_counter() - start)
    return seconds, found


def peak_megabytes() -> float:
    scale = 1e3 if sys.platform != "darwin" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def main() -> None:
    own, draws = made_up()
    print(f"{len(own.strategies)} strategies x {len(THRESHOLDS)} thresholds x {N:,} draws")
    seconds, found = spent(lambda: whole_analysis(own), 3)
    print(f"  whole analysis: {seconds:.2f} s (bar 0.3), peak {peak_megabytes():.0f} MB (bar 300)")
    seconds, other = spent(lambda: plain_loop(own))
    print(f"  pandas loop, acceptability and loss only: {seconds:.2f} s")
    for column in ("probability", "expected_loss"):
        assert np.allclose(found[column], other[column], atol=1e-6), column
    groups = {
        "30 single parameters (bar 2)": {n: [n] for n in draws},
        "a group of 4 (bar 1)": {"4": list(draws)[:4]},
        "a group of 10 (bar 10)": {"10": list(draws)[:10]},
        "a group of 30 by boosted trees": {"30": list(draws)},
    }
    for label, asked in groups.items():
        seconds, _ = spent(lambda asked=asked: evppi(own, draws, asked, NAMED))
        print(f"  EVPPI of {label}: {seconds:.2f} s at {len(NAMED)} thresholds")
    for name in ("p0", list(draws)[:4], list(draws)[:10]):
        columns = [name] if isinstance(name, str) else name
        seconds, other = spent(lambda columns=columns: plain_boosting(own, draws[columns]))
        value = evppi(own, draws, {"": columns}, NAMED)[0]
        print(
            f"  plain boosting of {len(columns)}, one threshold: {seconds:.2f} s, {other:,.0f}; ours "
            f"{value.value[1]:,.0f} (SE {value.se[1]:,.0f})"
        )
    print(f"  peak of everything: {peak_megabytes():.0f} MB")


if __name__ == "__main__":
    main()
