"""Intervals that the note of a parameter states: a second, independent reading of the same number."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
_TO = r"\s*(?:-|–|—|to)\s*"
_CI = r"(?:95\s*%|CI|CrI|confidence interval|credible interval|interval|[:,;(\[\s])*"
_RATIO = re.compile(
    rf"\b(?:hazard ratio|HR)\s+(?:of\s+)?{_NUMBER}{_CI}{_NUMBER}{_TO}{_NUMBER}", re.I
)
_INTERVAL = re.compile(
    r"95\s*%\s*(?:CI|CrI|confidence interval|credible interval|interval)?\s*[:(\[]?\s*"
    rf"{_NUMBER}{_TO}{_NUMBER}(?:\s*(%))?",
    re.I,
)
_RANGE = re.compile(rf"\brange:?\s+(?:of\s+)?{_NUMBER}{_TO}{_NUMBER}(?:\s*(%))?", re.I)


@dataclass(frozen=True)
class Interval:
    """What a note states: low to high, and the ratio they belong to (hazard ratios only)."""

    low: float
    high: float
    centre: float | None = None


def hazard_ratio(note: str) -> Interval | None:
    """A hazard ratio with its 95 % interval.

    >>> hazard_ratio("first line; HR 0.58 (95 % CI 0.38 to 0.88)")
    Interval(low=0.38, high=0.88, centre=0.58)
    """
    found = _RATIO.search(note)
    if found is None:
        return None
    centre, low, high = map(_number, found.groups())
    return Interval(low, high, centre) if 0 < low < centre < high else None


def interval(note: str) -> Interval | None:
    """A 95 % interval.

    >>> interval("median 0.85, 95 % 0.65-1.10")
    Interval(low=0.65, high=1.1, centre=None)
    """
    return _bounds(_INTERVAL.search(note))


def stated_range(note: str) -> Interval | None:
    """A range that the number should lie in.

    >>> stated_range("range 97,000-400,000: trials abroad")
    Interval(low=97000.0, high=400000.0, centre=None)
    """
    return _bounds(_RANGE.search(note))


def _bounds(found: re.Match[str] | None) -> Interval | None:
    if found is None:
        return None
    scale = 0.01 if found[3] else 1.0
    low, high = _number(found[1]) * scale, _number(found[2]) * scale
    return Interval(low, high) if low < high else None


def _number(text: str) -> float:
    return float(text.replace(",", ""))
