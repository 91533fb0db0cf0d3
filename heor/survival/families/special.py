"""Digamma and scaled complementary error function as plain arithmetic, for Numba to compile.

PyTensor would have Numba call SciPy's through Python objects of the running process: slow, as each
evaluation enters Python, and never cached, so that such a graph is compiled in every process.
The functions use only what Numba translates; the tests compare them with SciPy.
"""

from __future__ import annotations

import math


def digamma(x: float) -> float:
    """Derivative of log gamma for x > 0: recurrence up to 10, then the asymptotic series."""
    if not x > 0.0:
        return math.nan
    out = 0.0
    while x < 10.0:
        out -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    # Bernoulli numbers B_2k / 2k
    tail = r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r * (1 / 12 - r * 3617 / 8160))))
    return out + math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - tail)))


def erfcx(x: float) -> float:
    """exp(x^2) erfc(x): the product itself up to 5, beyond it the continued fraction."""
    if x < 5.0:
        return math.exp(x * x) * math.erfc(x)
    below = x
    for k in range(24, 0, -1):
        below = x + 0.5 * k / below
    return 0.5641895835477562869 / below
