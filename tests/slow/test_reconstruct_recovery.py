"""Two-arm trials simulated, digitised with a shaky hand and reconstructed: what comes back.

Hazard ratio by Cox and median, against the same numbers from the patients themselves.

What no reconstruction can recover: where a plateau of the curve lies within the clicks' error of
one half, the median may be either end of it (`clear` are the others: the true curve, moved up or
down by one standard error of a click, keeps its median within 2 %); without a risk table the
places of the censored; without the number of events too, even how many there are.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from heor.survival.evidence.reconstruct import reconstruct, step_curve

pytestmark = pytest.mark.slow

AXIS = 36.0  # months
HAZARD_RATIO, SHAPE = 0.7, 1.2
STYLES = ("feet", "corners", "along")


def cox(time: np.ndarray, event: np.ndarray, arm: np.ndarray) -> float:
    """Log hazard ratio by Newton's method, ties after Breslow."""
    order = np.argsort(time, kind="stable")
    time, event, arm = time[order], event[order], arm[order]
    first = np.searchsorted(time, time)  # the risk set begins with the first of the tied
    beta = 0.0
    for _ in range(25):
        weight = np.exp(beta * arm)
        total, treated = (np.cumsum(w[::-1])[::-1][first] for w in (weight, weight * arm))
        share = treated / total
        beta += (event * (arm - share)).sum() / (event * share * (1 - share)).sum()
    return beta


def patients(rng: np.random.Generator, n: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Weibull, median 12 months at ratio 1; follow-up ends at 12 to 36 months, some leave before."""
    scale = 12 * (np.log(2) * ratio) ** (-1 / SHAPE)
    death = scale * rng.weibull(SHAPE, n)
    end = np.minimum(rng.uniform(12, AXIS, n), rng.exponential(60, n))
    return np.minimum(death, end), (death <= end).astype(float)


def digitise(
    rng: np.random.Generator, time: np.ndarray, event: np.ndarray, style: str, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Clicks with a normal error (share of either axis), a tenth of them twice, in any order."""
    t, s = step_curve(time, event)
    drop = np.flatnonzero(np.diff(s) < 0) + 1
    if style == "along":
        at = np.linspace(0, t[-1], 100)
        level = s[np.searchsorted(t, at, side="right") - 1]
    elif style == "feet":
        at, level = np.r_[0, t[drop], t[-1]], np.r_[1, s[drop], s[-1]]
    else:
        both = np.stack([s[drop - 1], s[drop]], axis=1).ravel()
        at, level = np.r_[0, np.repeat(t[drop], 2), t[-1]], np.r_[1, both, s[-1]]
    again = rng.integers(0, len(at), len(at) // 10)
    pick = rng.permutation(np.r_[np.arange(len(at)), again])
    at = at[pick] + noise * AXIS * rng.standard_normal(len(pick))
    level = level[pick] + noise * rng.standard_normal(len(pick))
    return np.maximum(at, -0.01 * AXIS), np.clip(level, -0.019, 1.019)


def median(time: np.ndarray, event: np.ndarray, noise: float) -> tuple[float, bool]:
    """Median, and whether the curve moved by `noise` keeps it within 2 %."""
    t, s = step_curve(time, event)
    at, *moved = (
        t[low][0] if (low := s <= 0.5 + 1e-9 + up).any() else np.nan for up in (0, noise, -noise)
    )
    return at, all(abs(other / at - 1) < 0.02 for other in moved)


def replicate(n: int, table: bool, total: bool, noise: float, style: str, seed: int) -> dict:
    """Errors of one trial: of the hazard ratio, of both medians (relative), of the events."""
    rng = np.random.default_rng([n, seed, round(1e4 * noise)])
    true, found, medians, clear, events = [], [], [], [], []
    for ratio in (1.0, HAZARD_RATIO):
        time, event = patients(rng, n, ratio)
        rows = np.arange(0, time.max(), 6)
        got = reconstruct(
            *digitise(rng, time, event, style, noise),
            patients=n,
            at_risk=(rows, (time >= rows[:, None]).sum(axis=1)) if table else None,
            events=int(event.sum()) if total else None,
        )
        if table:
            assert (got.at_risk["published"] == got.at_risk["reconstructed"]).all()
        assert got.n == n
        at, sure = median(time, event, noise)
        true.append((time, event))
        found.append((got.table["time"], got.table["event"].astype(float)))
        medians.append(abs(got.median / at - 1) if np.isfinite(at) else np.nan)
        clear.append(sure)
        events.append(abs(got.events - event.sum()))
    arm = np.repeat([0.0, 1.0], n)
    ratios = [
        np.exp(cox(*(np.concatenate([a[i] for a in arms]) for i in (0, 1)), arm))
        for arms in (true, found)
    ]
    return {
        "hazard_ratio": [abs(ratios[1] / ratios[0] - 1)],
        "median": medians,
        "median_clear": [m for m, sure in zip(medians, clear, strict=True) if sure],
        "events": events,
    }


def study(n: int, table: bool, total: bool, noises=(0.002, 0.005), repeats: int = 4) -> dict:
    """Errors over styles of clicking, sizes of the error and repeats."""
    found: dict[str, list[float]] = {}
    for noise, style, seed in itertools.product(noises, STYLES, range(repeats)):
        for key, values in replicate(n, table, total, noise, style, seed).items():
            found.setdefault(key, []).extend(values)
    return {key: np.array(values) for key, values in found.items()}


#: n, table, events → bars: hazard ratio typically and nine times in ten.
BARS = {
    (60, True, True): (0.03, 0.06),
    (60, True, False): (0.03, 0.06),
    (60, False, True): (0.04, 0.12),
    (150, True, True): (0.015, 0.03),
    (150, True, False): (0.015, 0.03),
    (150, False, True): (0.04, 0.08),
    (600, True, True): (0.01, 0.03),
    (600, True, False): (0.01, 0.03),
    (600, False, True): (0.02, 0.04),
}


@pytest.mark.parametrize("case", BARS, ids=str)
def test_hazard_ratio_and_median_come_back(case: tuple) -> None:
    found = study(*case)
    typical, nine_in_ten = BARS[case]
    assert np.median(found["hazard_ratio"]) < typical
    assert np.quantile(found["hazard_ratio"], 0.9) < nine_in_ten
    assert np.nanmedian(found["median"]) < 0.02
    assert np.quantile(found["median_clear"], 0.8) < 0.02
    if case[2]:
        assert np.mean(found["events"] == 0) > 0.7


def test_median_needs_no_table() -> None:
    """Without anything the hazard ratio is not to be had, but the curve is."""
    found = study(150, False, False)
    assert np.nanmedian(found["median"]) < 0.02
