"""NUTS (nutpie) on the log density of a PyMC model, without PyMC where its machine code is kept.

Data are inputs of the compiled code, so a distribution is compiled once and serves every curve.
Whatever is compiled or loaded is compared with NumPy's evaluation of the same formulas before it
is used: stale or damaged code is compiled anew, never sampled.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from heor.problem.settings import FitSettings
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.sampler import compiled, convergence, laplace
from heor.survival.sampler.compiled import Density, LoadedCode, NotAvailable
from heor.survival.sampler.model_code import Draws, Function, Sample, model_data, named

JITTER = 0.1  # standard deviation of the chains' first points, unconstrained scale


class CompiledFit:
    """A distribution compiled for one form of evidence; `sample` may be called for many curves.

    `kept`: other processes find its machine code on disk.
    """

    def __init__(self, distribution: Distribution, pieces: Sequence[Piece]) -> None:
        started = time.perf_counter()
        self.distribution = distribution
        self.key = _key(distribution, pieces)
        self._code = self._loaded(pieces)
        self.kept = self._code is not None
        self._code = self._code or self._compiled(pieces)
        self.seconds_compile = time.perf_counter() - started

    def serves(self, distribution: Distribution, pieces: Sequence[Piece]) -> bool:
        """Whether this is the compiled code of that distribution and form of evidence."""
        return self.key is not None and self.key == _key(distribution, pieces)

    def density(self, pieces: Sequence[Piece]) -> Function:
        """Log density and gradient of one curve, on the unconstrained scale."""
        return self._bind(self._code, pieces)

    def _loaded(self, pieces: Sequence[Piece]) -> LoadedCode | None:
        code = compiled.load(self.key) if self.key else None
        try:
            made = LoadedCode(code) if code else None
            right = made and agrees(self._bind(made, pieces), self.distribution, pieces)
            return made if right else None
        except (NotAvailable, KeyError, ValueError, RuntimeError):
            return None

    def _compiled(self, pieces: Sequence[Piece]) -> Any:
        """Compile, and keep the machine code for later processes where that is possible."""
        from heor.survival.sampler import plain_code

        plain = plain_code.PlainCode(self.distribution, pieces)
        if not agrees(self._bind(plain, pieces), self.distribution, pieces):
            raise RuntimeError(
                f"{self.distribution.name}: the compiled log density differs from NumPy's."
            )
        if self.key is None or compiled.folder() is None:
            return plain
        try:
            code = compiled.extract(plain.function)
            made = LoadedCode(code)
            if not agrees(self._bind(made, pieces), self.distribution, pieces):
                return plain
        except (NotAvailable, KeyError, ValueError, RuntimeError):
            return plain
        self.kept = compiled.save(self.key, code)
        return made

    def _bind(self, code: Any, pieces: Sequence[Piece]) -> Function:
        size = len(self.distribution.parameters)
        return code.bind(size, named(model_data(self.distribution, pieces)))

    def sample(
        self, pieces: Sequence[Piece], settings: FitSettings, seed: int, cores: int = 1
    ) -> Sample:
        """NUTS with warm-up; `cores` run chains side by side.

        The same seed gives the same draws, on however many cores and whatever ran before.
        """
        started = time.perf_counter()
        density = self.density(pieces)
        centre = laplace.start(self.distribution, pieces)
        accept = max(settings.target_accept, self.distribution.target_accept)
        options = {
            "num_draws": settings.draws,
            "num_tune": settings.tune,
            "num_chains": settings.chains,
            "target_accept": accept,
        }
        draws = run(density, centre, options, seed, cores)
        chains = np.moveaxis(draws.theta, -1, 0)
        return Sample(
            draws.theta,
            draws.diverging,
            draws.steps,
            max(map(convergence.r_hat, chains)),
            min(map(convergence.ess_bulk, chains)),
            min(map(convergence.ess_tail, chains)),
            self.seconds_compile,
            time.perf_counter() - started,
        )


def _key(distribution: Distribution, pieces: Sequence[Piece]) -> str | None:
    """The name of the machine code; None where nothing tells its versions apart."""
    try:
        return compiled.key(distribution, pieces)
    except (NotAvailable, ImportError):
        return None


def agrees(density: Function, distribution: Distribution, pieces: Sequence[Piece]) -> bool:
    """Whether value and gradient are those of the same formulas in NumPy, at two points.

    Not at the first guess itself: |Q| has no derivative where a prior mean puts Q at 0.
    """
    f = laplace.log_likelihood_function(distribution, pieces)
    centre = laplace.start(distribution, pieces)
    size = len(centre)
    direction = np.linspace(1.0, 0.5, size) / np.sqrt(size)
    step = 1e-4
    for shift in (0.05, 0.15):
        x = centre + shift * direction
        around = np.array([x, x + step * direction, x - step * direction])
        value, up, down = f(around) + distribution.log_prior(around)
        found, gradient = density(x)
        slope = (up - down) / (2 * step)
        scale = np.abs(gradient * direction).sum()
        if not np.isclose(found, value, rtol=1e-8, atol=1e-6):
            return False
        if not abs(gradient @ direction - slope) < 1e-4 * scale + 1e-3:
            return False
    return True


def run(
    density: Function, centre: np.ndarray, options: dict[str, Any], seed: int, cores: int
) -> Draws:
    """Sample: natively where nutpie's inner interface is as known, else through Python calls."""

    def start(chain_seed: int) -> np.ndarray:
        jitter = np.random.default_rng(chain_seed).standard_normal(len(centre))
        return centre + JITTER * jitter

    if isinstance(density, Density):
        try:
            return _native(density, start, options, seed, cores)
        except (AttributeError, TypeError, ImportError):
            pass
    from heor.survival.sampler import plain_code

    return Draws(*plain_code.sample_by_python_calls(density, start, len(centre), options, seed))


def _native(
    density: Density, start: Callable, options: dict[str, Any], seed: int, cores: int
) -> Draws:
    """nutpie's sampler calls the machine code itself; chains do not wait for the interpreter.

    The package's own imports (ArviZ, pandas) take longer than sampling, hence its inner interface.
    """
    import pyarrow

    lib = _nutpie_library()
    size = density.size
    settings = lib.PyNutsSettings.LowRank(seed)  # shape and scale are correlated
    for name, value in options.items():
        setattr(settings, name, value)
    table = density.table.ctypes.data
    sizes: dict[str, int] = {}  # filled by the next line
    variables = lib.PyVariable.new_variables(["theta"], ["float64"], [(size,)], sizes, {})
    model = lib.PyMcModel(
        lib.LogpFunc(density.address, table, density),
        lib.ExpandFunc(size, size, density.copy_address, table, density),
        variables,
        size,
        sizes,
        {},
        start,
        None,
    )
    sampler = lib.PySampler.from_pymc(
        settings, cores, model, lib.ProgressType.none(), lib.PyStorage.arrow()
    )
    sampler.wait(None)
    draws, stats = sampler.take_results().get_arrow_trace()

    def column(batches: Sequence[Any], name: str, *shape: int) -> np.ndarray:
        arrays = [pyarrow.array(batch.column(name)) for batch in batches]
        flat = [a.flatten() if hasattr(a, "flatten") else a for a in arrays]
        values = np.stack([a.to_numpy(zero_copy_only=False) for a in flat])
        kept = values.reshape(len(batches), -1, *shape)
        return np.ascontiguousarray(kept[:, -options["num_draws"] :])

    return Draws(column(draws, "theta", size), column(stats, "diverging"), column(stats, "n_steps"))


def _nutpie_library() -> Any:
    """nutpie's compiled part alone: the package in its place has no contents but its folder."""
    if "nutpie" not in sys.modules:
        spec = importlib.util.find_spec("nutpie")
        if spec is None:
            raise ImportError("nutpie is not installed")
        package = types.ModuleType("nutpie")
        package.__path__ = spec.submodule_search_locations
        sys.modules["nutpie"] = package
    return importlib.import_module("nutpie._lib")
