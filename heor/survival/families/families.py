"""Names of families (`heor.problem.family_names`) → distributions."""

from __future__ import annotations

from collections.abc import Sequence

from heor.problem import family_names as names
from heor.survival.families import flexible
from heor.survival.families.cure import MixtureCure, NonMixtureCure
from heor.survival.families.distributions import DISTRIBUTIONS, Distribution
from heor.survival.families.likelihood import Piece

CURES = {"mixture": MixtureCure, "nonmixture": NonMixtureCure}
CURE_WORDS = {"": "", "mixture": MixtureCure.words, "nonmixture": NonMixtureCure.words}


def resolve(name: str, pieces: Piece | Sequence[Piece] = ()) -> Distribution:
    """The distribution called `name`; it keeps that name.

    Parameters
    ----------
    pieces
        All it will be fitted to: the events of the main pieces place the knots. Families without
        knots need none.

    Raises
    ------
    ValueError
        A name that is none, or too few events to place knots.

    Examples
    --------
    >>> resolve("weibull_cure").names
    ('shape', 'scale', 'cured')
    """
    found = names.parse(name)
    if found is None:
        raise ValueError(names.fault(name))
    pieces = (pieces,) if isinstance(pieces, Piece) else tuple(pieces)
    if found.base == "joint":
        from heor.survival.families import joint

        return joint.build(name, pieces)
    base = _base(found, pieces)
    return CURES[found.cure](base) if found.cure else base


def _base(found: names.FamilyName, pieces: tuple[Piece, ...]) -> Distribution:
    if found.base in DISTRIBUTIONS:
        return DISTRIBUTIONS[found.base]
    suffix = next((s for s, kind in names.CURES if kind == found.cure), "")
    called, size = found.text.removesuffix(suffix), found.size
    if found.base == "m_spline":
        return flexible.m_spline(pieces, size, called)
    if found.base == "piecewise_exponential":
        return flexible.piecewise_exponential(pieces, size, called)
    return flexible.royston_parmar(pieces, found.base.removeprefix("spline_"), size, called)


def label(name: str) -> str:
    """How a family is called in tables and figures.

    Examples
    --------
    >>> label("spline_odds_2_cure")
    'Spline (odds), 2 inner knots, mixture cure'
    >>> label("m_spline")
    'M-spline, 10 basis functions'
    """
    found = names.parse(name)
    if found is None:
        raise ValueError(names.fault(name))
    if found.base == "joint":
        return resolve(name).label
    base = _label(found)
    return f"{base}, {CURE_WORDS[found.cure]}" if found.cure else base


def _label(found: names.FamilyName) -> str:
    if found.base in DISTRIBUTIONS:
        return DISTRIBUTIONS[found.base].label
    size = found.size
    if found.base == "m_spline":
        return f"M-spline, {size} basis functions"
    if found.base == "piecewise_exponential":
        return f"Piecewise exponential, {size} pieces"
    scale = found.base.removeprefix("spline_")
    return f"Spline ({scale}), {size} inner knot{'' if size == 1 else 's'}"
