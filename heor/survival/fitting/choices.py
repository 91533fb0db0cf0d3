"""Which families serve the endpoints of the same patients in a draw, and how a choice is written.

Where the endpoints list the same families, one family serves them all: separately chosen ones can
cross everywhere. Where the lists differ, each endpoint has a family of its own list, with its own
stacking weights. A joint family is one process of all endpoints and serves them together in either
case. So a choice is one name for all endpoints, `weibull`, or one for each in the order of the
unit, `weibull + lognormal`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

BESIDE = " + "

#: Families of each evidence of a unit, in the order of the unit.
Lists = tuple[tuple[str, ...], ...]


def alike(lists: Sequence[Sequence[str]]) -> bool:
    """Whether all endpoints list the same families.

    >>> alike((("gamma", "weibull"), ("weibull", "gamma"))), alike((("gamma",), ("weibull",)))
    (True, False)
    """
    return len({frozenset(own) for own in lists}) <= 1


def members(choice: str, size: int) -> tuple[str, ...]:
    """The family of each of `size` endpoints.

    >>> members("weibull", 2), members("weibull + lognormal", 2)
    (('weibull', 'weibull'), ('weibull', 'lognormal'))
    """
    named = tuple(choice.split(BESIDE))
    return named if len(named) > 1 else named * size


def holds(lists: Sequence[Sequence[str]], choice: str) -> bool:
    """Whether every family of a choice is in the list of its endpoint.

    >>> holds((("weibull",), ("gamma",)), "weibull + gamma"), holds((("a",), ("b",)), "a")
    (True, False)
    """
    families = members(choice, len(lists))
    return all(family in own for family, own in zip(families, lists, strict=True))


def written(families: Sequence[str], shared: Sequence[str] = ()) -> str:
    """The choice of one family for each endpoint; those `shared` are written once.

    >>> written(("weibull", "gamma")), written(("joint_a_b", "joint_a_b"), ["joint_a_b"])
    ('weibull + gamma', 'joint_a_b')
    """
    if len(families) == 1 or families[0] in shared:
        return families[0]
    return BESIDE.join(families)


def of_evidence(weights: Mapping[str, float], place: int, size: int) -> dict[str, float]:
    """Weight of each family for one of the endpoints of a unit, from the weights of choices.

    >>> of_evidence({"weibull + gamma": 0.25, "weibull + lognormal": 0.75}, 0, 2)
    {'weibull': 1.0}
    """
    found: dict[str, float] = {}
    for choice, weight in weights.items():
        family = members(choice, size)[place]
        found[family] = found.get(family, 0.0) + weight
    return found


def combined(own: Sequence[Mapping[str, float]], shared: Sequence[str]) -> dict[str, float]:
    """Weights of choices, from those of the families of each endpoint.

    A shared family serves all endpoints at once; given that none does, the endpoints choose
    independently.

    >>> found = combined([{"joint": 0.5, "a": 0.5}, {"joint": 0.5, "b": 0.2, "c": 0.3}], ["joint"])
    >>> {choice: round(weight, 12) for choice, weight in found.items()}
    {'joint': 0.5, 'a + b': 0.2, 'a + c': 0.3}
    """
    together = {f: own[0][f] for f in shared if own[0].get(f, 0.0) > 0}
    rest = 1.0 - sum(together.values())
    apart = [{f: w for f, w in weights.items() if w > 0 and f not in shared} for weights in own]
    for families in itertools.product(*apart):
        weight = np.prod([w[f] for w, f in zip(apart, families, strict=True)])
        together[written(families)] = float(weight) / rest ** (len(own) - 1)
    return together


def shown(
    lists: Sequence[Sequence[str]],
    elpd: Sequence[Mapping[str, float]],
    shared: Sequence[str],
    weighted: Sequence[str],
) -> list[str]:
    """The choices a comparison lists: every family once beside the best of the other endpoints.

    All pairs would be many and say no more. Those with weight come too.

    >>> shown((("a", "b"), ("c",)), [{"a": 1, "b": 2}, {"c": 0}], (), ["a + c"])
    ['a + c', 'b + c']
    """
    apart = [[f for f in own if f not in shared] for own in lists]
    found = [*weighted, *shared]
    if all(apart):
        best = [max(own, key=lambda f, k=k: elpd[k][f]) for k, own in enumerate(apart)]
        for k, own in enumerate(apart):
            found += [written([*best[:k], family, *best[k + 1 :]]) for family in own]
    return list(dict.fromkeys(found))
