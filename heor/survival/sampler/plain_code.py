"""The PyMC model of a survival distribution, and its log density compiled by Numba.

The only module that imports PyMC. Workers (`heor.survival.sampler.workers`) import it where the machine
code of a model is not yet on disk (`heor.survival.sampler.compiled`). No C compiler is needed.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

from heor.survival.families import likelihood, special
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.families.priors import Normal, Prior
from heor.survival.sampler import model_code


def _teach_numba() -> None:
    """Have Numba compile our own digamma and erfcx instead of calling SciPy's through Python."""
    try:
        from pytensor.link.numba.dispatch import basic
        from pytensor.link.numba.dispatch.scalar import scalar_op_cache_key
        from pytensor.scalar.math import Erfcx, Psi

        register = basic.register_funcify_and_cache_key
    except (ImportError, AttributeError):  # another PyTensor: slower, with the same numbers
        return
    # what Numba keeps names the module too: after a move it cannot be loaded
    source = special.__name__.encode() + Path(special.__file__).read_bytes()
    edition = hashlib.sha256(source).hexdigest()
    for operation, function in ((Psi, special.digamma), (Erfcx, special.erfcx)):

        def translate(op: Any, node: Any, function: Any = function, **_: Any) -> tuple[Any, Any]:
            return basic.numba_njit(function), scalar_op_cache_key(op, cache_version=edition)

        register(operation)(translate)


_teach_numba()


@contextmanager
def _large_loops() -> Iterator[None]:
    """Let PyTensor fuse loops of more than 32 arrays: the limit is NumPy's, not Numba's.

    Without a C compiler it would leave such loops in pieces, each compiled and run on its own.
    """
    from pytensor.tensor.rewriting import elemwise

    limit = getattr(elemwise, "elemwise_max_operands_fct", None)
    if limit is None:  # another PyTensor
        yield
        return
    elemwise.elemwise_max_operands_fct = lambda node: 1024
    try:
        yield
    finally:
        elemwise.elemwise_max_operands_fct = limit


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


def build_model(distribution: Distribution, pieces: Sequence[Piece]) -> pm.Model:
    """PyMC model: priors on the unconstrained scale and the shared likelihood.

    Free variables are named `log_<name>`, `logit_<name>` or `<name>`, in the order of the
    parameters. `pieces` after `likelihood.encoded`.
    """
    data = model_code.model_data(distribution, pieces)
    with pm.Model() as model:
        inputs = {k: pm.Data(k, v) for k, v in model_code.named(data).items()}
        own = [
            {k: inputs[model_code.input_name(k, i)] for k in piece} for i, piece in enumerate(data)
        ]
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


class PlainCode:
    """The model's log density and gradient as PyTensor compiles them for Numba."""

    def __init__(self, distribution: Distribution, pieces: Sequence[Piece]) -> None:
        self.model = build_model(distribution, pieces)
        inputs = self.model.value_vars
        (density,), joined = pm.pytensorf.join_nonshared_inputs(
            point=self.model.initial_point(), outputs=[self.model.logp()], inputs=inputs
        )
        gradient = pytensor.grad(density, joined)
        with warnings.catch_warnings(), _large_loops():
            warnings.simplefilter("ignore")
            self.function = pytensor.function([joined], [density, gradient], mode="NUMBA")
            self.function.trust_input = True
            self.function(np.zeros(len(inputs)))

    def bind(self, size: int, data: Mapping[str, np.ndarray]) -> model_code.Function:
        """The log density of one curve, until the next is bound; `size` parameters."""
        with self.model:
            pm.set_data(dict(data))

        def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self.function(np.ascontiguousarray(x))
            return float(value), np.asarray(slope)

        return evaluate


def sample_by_python_calls(
    density: model_code.Function,
    start: Callable[[int], np.ndarray],
    size: int,
    options: Mapping[str, Any],
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """NUTS by nutpie's public interface: draws, divergences and steps of each."""
    from nutpie.compiled_pyfunc import from_pyfunc
    from nutpie.sample import sample

    model = from_pyfunc(
        size,
        lambda: density,
        lambda *_: lambda x: {"theta": np.asarray(x)},
        [np.dtype("float64")],
        [(size,)],
        ["theta"],
        make_initial_point_fn=start,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = sample(
            model,
            draws=options["num_draws"],
            tune=options["num_tune"],
            chains=options["num_chains"],
            cores=1,  # chains would only wait for each other's interpreter lock
            seed=seed,
            low_rank_modified_mass_matrix=True,
            target_accept=options["target_accept"],
            save_warmup=False,
            progress_bar=False,
        )
    stats = trace.sample_stats
    return trace.posterior["theta"].values, stats["diverging"].values, stats["n_steps"].values
