"""One seed; an independent random stream for each name.

Results depend on what is asked for, not on the order, the batch or the number of cores:
adding or reordering parameters moves no other draw. (Quasi-random uniforms are points of one sequence in
many dimensions, a dimension a name in the order first asked for; adding a parameter moves those after it.)
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field

import numpy as np

DIMENSIONS = 256  # of one Sobol sequence; names beyond begin another
PSEUDO_RANDOM, SOBOL = "pseudo_random", "sobol"


@dataclass(frozen=True)
class Streams:
    """Random streams by name, all descending from one seed.

    >>> a = Streams(1).generator("parameters/c_travel").random(3)
    >>> b = Streams(1).generator("parameters/c_travel").random(5)
    >>> bool((a == b[:3]).all())
    True
    """

    seed: int
    sampling: str = PSEUDO_RANDOM
    replicates: int = 1
    _dimensions: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    _points: dict[tuple[int, int], np.ndarray] = field(
        default_factory=dict, compare=False, repr=False
    )

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
        """`size` numbers in the open interval (0, 1). Dims: draw.

        With `sobol`, scrambled Sobol points in `replicates` equal blocks with independent scrambles
        (Owen 1997, doi:10.1137/S0036142994277468): within a block they fill the interval, and the unit
        cube of all names, more evenly than independent numbers.

        Raises
        ------
        ValueError
            `size` is not a multiple of the replicates.

        Examples
        --------
        >>> u = Streams(1, "sobol").uniform("x", 64)
        >>> sorted((u * 64).astype(int).tolist()) == list(range(64))
        True
        """
        if self.sampling == SOBOL:
            u = self._sobol(self._dimensions.setdefault(name, len(self._dimensions)), size)
        else:
            u = self.generator(name).random(size)
        return np.clip(u, 2.0**-53, 1 - 2.0**-53)

    def _sobol(self, dimension: int, size: int) -> np.ndarray:
        block, column = divmod(dimension, DIMENSIONS)
        if size % self.replicates:
            raise ValueError(f"{size} draws cannot be {self.replicates} equal replicates.")
        if (block, size) not in self._points:
            rows = []
            for replicate in range(self.replicates):
                own = self.generator(f"sobol/{block}/{replicate}")
                from scipy.stats import qmc  # takes a second to import

                engine = qmc.Sobol(DIMENSIONS, scramble=True, rng=own)
                with warnings.catch_warnings():  # any number of points is allowed
                    warnings.simplefilter("ignore", UserWarning)
                    rows.append(engine.random(size // self.replicates))
            self._points[block, size] = np.concatenate(rows)
        return self._points[block, size][:, column]


def most_replicates(draws: int, wanted: int) -> int:
    """The largest number of equal blocks up to `wanted`.

    >>> most_replicates(5000, 16), most_replicates(4096, 16)
    (10, 16)
    """
    return next(r for r in range(min(wanted, draws), 0, -1) if draws % r == 0)
