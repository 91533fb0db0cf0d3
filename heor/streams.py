"""One seed; an independent random stream for each name.

Results depend on what is asked for, not on the order, the batch or the number of cores:
adding or reordering parameters moves no other draw.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """Random streams by name, all descending from one seed.

    >>> a = Streams(1).generator("parameters/c_travel").random(3)
    >>> b = Streams(1).generator("parameters/c_travel").random(5)
    >>> bool((a == b[:3]).all())
    True
    """

    seed: int

    def _sequence(self, name: str) -> np.random.SeedSequence:
        digest = hashlib.sha256(name.encode("utf-8")).digest()
        words = np.frombuffer(digest[:16], dtype="<u4")
        return np.random.SeedSequence([self.seed, *(int(w) for w in words)])

    def generator(self, name: str) -> np.random.Generator:
        """The generator that belongs to `name`; the same name gives the same numbers."""
        return np.random.Generator(np.random.PCG64(self._sequence(name)))

    def key(self, name: str) -> int:
        """A key of 64 bits for numbers that are a function of their coordinates.

        >>> Streams(1).key("patients") == Streams(1).key("patients")
        True
        """
        return int(self._sequence(name).generate_state(1, np.uint64)[0])

    def integer(self, name: str) -> int:
        """A seed below 2**31 for a library that wants its own."""
        return int(self._sequence(name).generate_state(1)[0] % 2**31)

    def uniform(self, name: str, size: int) -> np.ndarray:
        """`size` numbers in the open interval (0, 1). Dims: draw."""
        u = self.generator(name).random(size)
        return np.clip(u, 2.0**-53, 1 - 2.0**-53)
