"""Names of survival families: what may stand under `distributions`, `extrapolation` and `accept`.

    name     = base [cure] | "joint_" pfs "_" post ["_cure"]
    base     = exponential | weibull | gompertz | gamma | lognormal | loglogistic
             | generalised_gamma | generalised_f
             | piecewise_exponential_K (K pieces) | m_spline[_K] (K basis functions)
             | spline_hazard_K | spline_odds_K | spline_normal_K (K inner knots)
    cure     = _cure (mixture) | _cure_nonmixture

A joint name fits PFS and OS of the same patients together, as an illness-death process: `pfs` is
the family of leaving progression-free, `post` that of survival after progression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from heor.faults import nearest

PLAIN = (
    "exponential",
    "weibull",
    "gompertz",
    "gamma",
    "lognormal",
    "loglogistic",
    "generalised_gamma",
    "generalised_f",
)
#: Families with a size: smallest, largest, the one meant when none is written, what it counts.
SIZED: dict[str, tuple[int, int, int | None, str]] = {
    "piecewise_exponential": (2, 20, None, "pieces"),
    "spline_hazard": (0, 6, None, "inner knots"),
    "spline_odds": (0, 6, None, "inner knots"),
    "spline_normal": (0, 6, None, "inner knots"),
    "m_spline": (5, 20, 10, "basis functions"),
}
#: Suffix of a cure model and its kind; the longer suffix first.
CURES = (("_cure_nonmixture", "nonmixture"), ("_cure", "mixture"))
JOINT_PFS = ("lognormal", "weibull", "loglogistic", "exponential", "gompertz")
JOINT_POST = ("exponential", "weibull", "lognormal", "loglogistic")


@dataclass(frozen=True)
class FamilyName:
    """A family name taken apart.

    Attributes
    ----------
    base : str
        Without size and cure; `joint` for a joint model.
    size : int or None
        Pieces, inner knots or basis functions of a sized family.
    cure : str
        '', 'mixture' or 'nonmixture'.
    joint : tuple of str or None
        Families of PFS and of survival after progression.
    text : str
        The name as written.
    """

    base: str
    size: int | None
    cure: str
    joint: tuple[str, str] | None
    text: str


def parse(name: str) -> FamilyName | None:
    """A family name taken apart, or None when it is none (see `fault`).

    >>> parse("spline_odds_2_cure")
    FamilyName(base='spline_odds', size=2, cure='mixture', joint=None, text='spline_odds_2_cure')
    >>> parse("m_spline").size
    10
    >>> parse("joint_lognormal_weibull").joint
    ('lognormal', 'weibull')
    >>> parse("spline_odds_9") is None
    True
    """
    base, cure = name, ""
    for suffix, kind in CURES:
        if name.endswith(suffix):
            base, cure = name.removesuffix(suffix), kind
            break
    joint = re.fullmatch(r"joint_([a-z]+)_([a-z]+)", base)
    if joint:
        pair = joint[1], joint[2]
        known = pair[0] in JOINT_PFS and pair[1] in JOINT_POST and cure != "nonmixture"
        return FamilyName("joint", None, cure, pair, name) if known else None
    if base in PLAIN:
        return FamilyName(base, None, cure, None, name)
    root, size = _sized(base)
    if root is None:
        return None
    low, high, default, _ = SIZED[root]
    size = default if size is None else size
    if size is None or not low <= size <= high:
        return None
    return FamilyName(root, size, cure, None, name)


def _sized(base: str) -> tuple[str | None, int | None]:
    """Root and written size of a sized family; (None, None) when it is none."""
    found = re.fullmatch(rf"({'|'.join(SIZED)})(?:_(\d+))?", base)
    if found is None:
        return None, None
    return found[1], int(found[2]) if found[2] else None


def fault(name: str, what: str = "distribution", also: tuple[str, ...] = ()) -> str:
    """What is wrong with a family name and what is allowed; an empty string when nothing is.

    `what` names the setting; `also` are words allowed besides families (`stacked`).

    >>> fault("weibull_cure")
    ''
    >>> fault("spline_odds_9")
    "distribution 'spline_odds_9' has size 9; spline_odds_K takes 0 to 6 inner knots."
    """
    if name in also or parse(name):
        return ""
    base = name
    for suffix, _ in CURES:
        base = base.removesuffix(suffix)
    root, size = _sized(base)
    if root is not None:
        low, high, _, counted = SIZED[root]
        has = "no size" if size is None else f"size {size}"
        return f"{what} '{name}' has {has}; {root}_K takes {low} to {high} {counted}."
    if base.startswith("joint"):
        return (
            f"unknown {what} '{name}'; a joint model is joint_PFS_POST with PFS one of "
            f"{', '.join(JOINT_PFS)} and POST one of {', '.join(JOINT_POST)}, with or without _cure."
        )
    sized = [f"{r}_K ({c} {a} to {b})" for r, (a, b, _, c) in SIZED.items()]
    known = [*also, *PLAIN, *SIZED]
    return (
        f"unknown {what} '{name}'; allowed: {', '.join([*also, *PLAIN, *sized])}, each family also "
        f"with _cure or _cure_nonmixture; joint_PFS_POST.{nearest(base, known)}"
    )
