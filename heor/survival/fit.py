"""The PyMC model of a survival distribution, sampled by NUTS (nutpie).

The only module that imports PyMC; it runs in processes of its own (`heor.survival.workers`).
Data are inputs of the model, so a distribution is compiled once and serves every curve. Numba
compiles it: no C compiler is needed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import arviz
    import nutpie
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt
    from nutpie.compiled_pyfunc import from_pyfunc

from heor.inputs.problem import FitSettings
from heor.survival import laplace, likelihood
from heor.survival.distributions import Distribution, get
from heor.survival.likelihood import Piece
from heor.survival.priors import Normal, Prior
from heor.survival.workers import Sample

JITTER = 0.1  # standard deviation of the chains' first points, unconstrained scale


class TensorOps:
    """The functions the formulas are written in, as PyTensor expressions."""

    exact = False  # no incomplete gamma function with usable gradients: integrate the density
    exp, log, expm1, log1p, maximum, where = (
        pt.exp,
        pt.log,
        pt.expm1,
        pt.log1p,
        pt.maximum,
        pt.switch,
    )
    abs, erfcx, gammaln, softplus, cumsum = pt.abs, pt.erfcx, pt.gammaln, pt.softplus, pt.cumsum
    dot = pt.dot
    take = staticmethod(lambda x, index: x[pt.cast(index, "int64")])
    stack = staticmethod(lambda values: pt.stack(values, axis=-1))
    blend = staticmethod(lambda basis, weights: (basis * weights).sum(axis=-1))


def model_data(distribution: Distribution, pieces: Sequence[Piece]) -> list[dict[str, np.ndarray]]:
    """The arrays the PyMC model takes as inputs, by piece."""
    cores = {distribution.marginal(piece.endpoint).core for piece in pieces}
    if not all(core.closed_form for core in cores):
        pieces = likelihood.with_quadrature(pieces)
    return [piece.data for piece in pieces]


def named(data: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays of all pieces under one name each."""
    return {f"{k}_{i}": v for i, own in enumerate(data) for k, v in own.items()}


def build_model(distribution: Distribution, pieces: Sequence[Piece]) -> pm.Model:
    """PyMC model: priors on the unconstrained scale and the shared likelihood.

    Free variables are named `log_<name>`, `logit_<name>` or `<name>`, in the order of the
    parameters. `pieces` after `likelihood.encoded`.
    """
    data = model_data(distribution, pieces)
    with pm.Model() as model:
        inputs = {k: pm.Data(k, v) for k, v in named(data).items()}
        own = [{k: inputs[f"{k}_{i}"] for k in piece} for i, piece in enumerate(data)]
        natural = {}
        for p in distribution.parameters:
            theta = _variable(p.label, p.prior)
            natural[p.name] = p.natural(theta, TensorOps)
        value = likelihood.log_likelihood(distribution, natural, pieces, TensorOps, own)
        pm.Potential("log_likelihood", value)
    return model


def _variable(label: str, prior: Prior) -> Any:
    """A free variable with this prior."""
    if isinstance(prior, Normal):
        # a Python float would become a float32 constant in the graph
        return pm.Normal(label, np.float64(prior.mean), np.float64(prior.sd))
    theta = pm.Flat(label)
    pm.Potential(f"prior_{label}", prior.log_density(theta, TensorOps))
    return theta


def compile_log_density(model: pm.Model) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """The model's log density and gradient, by Numba, as a function of one vector."""
    inputs = model.value_vars
    (density,), joined = pm.pytensorf.join_nonshared_inputs(
        point=model.initial_point(), outputs=[model.logp()], inputs=inputs
    )
    gradient = pytensor.grad(density, joined)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = pytensor.function([joined], [density, gradient], mode="NUMBA")
        function.trust_input = True
        function(np.zeros(len(inputs)))

    def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = function(np.ascontiguousarray(x))
        return float(value), np.asarray(slope)

    return evaluate


class CompiledFit:
    """A distribution compiled for one form of evidence; `sample` may be called for many curves."""

    def __init__(self, distribution: str | Distribution, pieces: Sequence[Piece]) -> None:
        started = time.perf_counter()
        self.distribution = get(distribution)
        self.model = build_model(self.distribution, pieces)
        self.log_density = compile_log_density(self.model)
        self.seconds_compile = time.perf_counter() - started

    def set_data(self, pieces: Sequence[Piece]) -> None:
        """Point the compiled model at another curve."""
        with self.model:
            pm.set_data(named(model_data(self.distribution, pieces)))

    def sample(self, pieces: Sequence[Piece], settings: FitSettings, seed: int) -> Sample:
        """NUTS with warm-up. The same seed gives the same draws, whatever ran before."""
        started = time.perf_counter()
        self.set_data(pieces)
        size = len(self.distribution.parameters)
        centre = laplace.start(self.distribution, pieces)

        def initial_point(chain_seed: int) -> np.ndarray:
            return centre + JITTER * np.random.default_rng(chain_seed).standard_normal(size)

        compiled = from_pyfunc(
            size,
            lambda: self.log_density,
            lambda *_: lambda x: {"theta": np.asarray(x)},
            [np.dtype("float64")],
            [(size,)],
            ["theta"],
            make_initial_point_fn=initial_point,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trace = nutpie.sample(
                compiled,
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                cores=1,  # chains would only wait for each other's interpreter lock
                seed=seed,
                target_accept=max(settings.target_accept, self.distribution.target_accept),
                save_warmup=False,
                progress_bar=False,
            )
            return self._summarise(trace, time.perf_counter() - started)

    def _summarise(self, trace: Any, seconds: float) -> Sample:
        theta = trace.posterior["theta"]
        stats: Mapping[str, Any] = trace.sample_stats
        return Sample(
            theta.values,
            stats["diverging"].values,
            stats["n_steps"].values,
            float(arviz.rhat(theta)["theta"].max()),
            float(arviz.ess(theta, method="bulk")["theta"].min()),
            float(arviz.ess(theta, method="tail")["theta"].min()),
            self.seconds_compile,
            seconds,
        )
