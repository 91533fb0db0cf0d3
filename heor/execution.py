"""Where blocks of draws are evaluated.

Blocks are whole chunks of a fixed number of draws, and every sum runs within a chunk first, so
results are identical for any block size, number of threads and order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

S, T = TypeVar("S"), TypeVar("T")


def chunks(n: int, size: int) -> list[slice]:
    """Consecutive slices of `size` draws; the last may be shorter.

    >>> chunks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def map_chunks(
    function: Callable[[S], T], slices: Sequence[S], workers: int | None = None
) -> Iterator[T]:
    """`function` of every slice (or other item), results in order; at most a few are held at a time."""
    workers = workers or min(os.cpu_count() or 1, 8)
    # One thread of linear algebra each: results must not depend on how a product is split.
    with threadpool_limits(limits=1):
        if workers == 1 or len(slices) == 1:
            yield from map(function, slices)
            return
        pool = ThreadPoolExecutor(workers)
        try:
            window = 2 * workers
            pending = [pool.submit(function, s) for s in slices[:window]]
            for i in range(len(slices)):
                result = pending[i].result()
                pending[i] = None
                if i + window < len(slices):
                    pending.append(pool.submit(function, slices[i + window]))
                yield result
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
