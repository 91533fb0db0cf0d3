"""A survival curve as a sum of parts of the cohort, and how the parts make up its groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np


@dataclass(frozen=True)
class Part:
    """A part of the cohort with one hazard.

    Attributes
    ----------
    name : str
        What the part is; parts of two endpoints with the same name hold the same patients.
    group : str or None
        The group of the strategy it belongs to; None: it is spread over what the parts with a
        group leave of every group, alike in all of them.
    share : ndarray, dims (draw,)
        Of the whole cohort, at time 0.
    alive : ndarray, dims (draw, time)
        Alive (or progression-free), as a share of the whole cohort.
    excess : ndarray, dims (draw, time), or None
        Cumulative excess hazard; None for the cured, who have none.
    """

    name: str
    group: str | None
    share: np.ndarray
    alive: np.ndarray
    excess: np.ndarray | None


@dataclass(frozen=True)
class Curve:
    """One endpoint of one strategy.

    Attributes
    ----------
    parts : tuple of Part
        They add up to the cohort; the cured, where there are any, come first.
    hazard_ratio : ndarray, dims (draw,)
        The uncured hazard ratio against the donor; 1 where no single one acts.
    attained : ndarray of bool, dims (draw,)
        False where no uncured hazard ratio reaches the marginal one, or the early failure, asked for.
    operative : ndarray, dims (draw, time)
        Share not dead from the operation; None without operative mortality.
    """

    parts: tuple[Part, ...]
    hazard_ratio: np.ndarray
    attained: np.ndarray
    operative: np.ndarray | None = None

    @cached_property
    def total(self) -> np.ndarray:
        """Everyone alive (or progression-free). Dims: (draw, time)."""
        return reduce(np.add, [p.alive for p in self.parts])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parts)

    def left_to_groups(self, groups: Mapping[str, np.ndarray]) -> dict[str | None, np.ndarray]:
        """How the parts without a group are spread: each group's fraction of them. Dims: draw.

        `groups` are the shares of the strategy's groups; None is who is in no group.
        """
        owned = {g: sum(p.share for p in self.parts if p.group == g) for g in groups}
        free = 1 - sum(owned.values())
        somebody = free > 0
        free = np.where(somebody, free, 1.0)
        spread: dict[str | None, np.ndarray] = {
            g: np.maximum(share - owned[g], 0.0) / free for g, share in groups.items()
        }
        rest = np.where(somebody, 1 - sum(spread.values()), 0.0)
        return spread | ({None: rest} if np.abs(rest).max(initial=0) > 1e-9 else {})

    def by_group(self, groups: Mapping[str, np.ndarray]) -> tuple[Part, ...]:
        """The parts, those without a group split into one for each group."""
        if not groups:
            return self.parts
        spread, found = self.left_to_groups(groups), []
        for part in self.parts:
            if part.group is not None:
                found.append(part)
                continue
            for group, fraction in spread.items():
                share, alive = part.share * fraction, part.alive * fraction[:, None]
                found.append(replace(part, group=group, share=share, alive=alive))
        return tuple(found)


def of_group(
    group: str,
    parts: Sequence[Part],
    amounts: Sequence[np.ndarray],
    fraction: np.ndarray,
) -> np.ndarray:
    """What belongs to a group: its own parts, and its fraction of those without a group.

    Parameters
    ----------
    amounts : sequence of ndarray, dims (draw, time)
        One for each part.
    fraction : ndarray, dims (draw,)
        Of the parts without a group: see `Curve.left_to_groups`.
    """
    own = [
        amount if part.group == group else amount * fraction[:, None]
        for part, amount in zip(parts, amounts, strict=True)
        if part.group in (group, None)
    ]
    return reduce(np.add, own) if own else np.zeros_like(amounts[0])
