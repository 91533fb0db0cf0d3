"""Uncertain numbers → draws. Draw *i* is one uncertain world.

Every parameter is the quantile of its own named uniform stream, so adding or reordering parameters
moves no other draw, and scenarios and countries share common random numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from heor.errors import ModelError
from heor.parameters.synthesis import PooledEffect, pool
from heor.parameters.uncertainty import UNCERTAINTIES
from heor.problem.correlations import blocks, drawn, root
from heor.problem.expressions import evaluate, names_in
from heor.problem.parameter import Parameter, Synthesis
from heor.problem.problem import DecisionProblem
from heor.streams import Streams


@dataclass(frozen=True)
class CurveDraws:
    """Parameters of one fitted curve in every draw.

    Attributes
    ----------
    families : tuple of Distribution
        The fitted curves a draw may use (see `heor.survival.families.distributions`).
    family : ndarray of int, dims (draw,)
        Which of them a draw uses.
    theta : ndarray, dims (draw, parameter)
        Natural-scale parameters in the order the distribution declares them, NaN-padded.
    """

    families: tuple[Any, ...]
    family: np.ndarray
    theta: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", read_only(self.family))
        object.__setattr__(self, "theta", read_only(self.theta))

    def __getitem__(self, rows: slice) -> CurveDraws:
        return CurveDraws(self.families, self.family[rows], self.theta[rows])


@dataclass(frozen=True)
class Draws:
    """One `draw` axis for everything: parameters, derived quantities and curves by evidence.

    The arrays cannot be written to: what a draw is stays the same for all who use it.
    """

    values: Mapping[str, np.ndarray]
    curves: Mapping[str, CurveDraws] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {k: read_only(v) for k, v in self.values.items()})

    @property
    def n(self) -> int:
        return len(next(iter(self.values.values())))

    def __getitem__(self, rows: slice) -> Draws:
        return self.rows(rows, {k: c[rows] for k, c in self.curves.items()})

    def rows(self, rows: slice, curves: Mapping[str, CurveDraws]) -> Draws:
        """Some draws, with their curve draws already taken out."""
        return Draws({k: v[rows] for k, v in self.values.items()}, curves)

    def value(self, expression: str) -> np.ndarray:
        """An expression in every draw. Dims: draw.

        Raises
        ------
        ModelError
            It is infinite or not a number in some draw.
        """
        known = self.values.get(expression)  # most are a name, or a number
        found = np.asarray(evaluate(expression, self.values) if known is None else known, float)
        _refuse_infinite(found, expression, expression)
        return found if found.ndim else np.full(self.n, float(found))


def read_only(values: np.ndarray) -> np.ndarray:
    """The same numbers, which nobody can change through what is returned."""
    found = np.asarray(values).view()
    found.flags.writeable = False
    return found


def _refuse_infinite(found: np.ndarray, name: str, expression: str) -> None:
    finite = np.isfinite(found)
    if not finite.all():
        where = "every draw" if not found.ndim else f"{(~finite).sum():,} of {found.size:,} draws"
        raise ModelError(
            f"'{name}' is infinite or not a number in {where}; a finite number is needed. Look for a division "
            f"by zero, or the root or logarithm of a number below zero, in '{expression}'."
        )


def pooled_effects(problem: DecisionProblem) -> dict[str, PooledEffect]:
    """The syntheses of the problem, each from its studies' means and standard errors."""
    effects = {}
    for name, synthesis in problem.syntheses.items():
        studies = [problem.parameters[s] for s in synthesis.studies]
        scale, known = between_study_sd(problem, synthesis)
        effects[name] = pool(
            np.array([s.mean for s in studies]),
            np.array([s.se for s in studies]),
            scale,
            predictive=synthesis.use == "predictive",
            tau=known,
        )
    return effects


def between_study_sd(problem: DecisionProblem, synthesis: Synthesis) -> tuple[float | None, float]:
    """Scale of the half-normal prior (None where the SD is known), and the SD where it is known.

    A parameter without uncertainty is the SD itself; a synthesis without one has a common effect.
    """
    if synthesis.between_study_sd is None:
        return None, 0.0
    tau = problem.parameters[synthesis.between_study_sd]
    if tau.is_fixed:
        return None, tau.mean
    # a half-normal is entered by its mean, scale x sqrt(2 / pi)
    return float(tau.mean * np.sqrt(np.pi / 2)), 0.0


def draw_parameters(
    problem: DecisionProblem,
    n: int,
    streams: Streams,
    known: dict[tuple, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Parameters, syntheses and derived quantities. Dims of each: draw.

    `known` keeps quantiles by distribution and uniforms: scenarios share most of them.
    """
    known = {} if known is None else known
    uniforms = _uniforms(problem, n, streams)
    values: dict[str, np.ndarray] = {}
    for name, parameter in problem.parameters.items():
        if parameter.distribution == "fixed":
            values[name] = np.full(n, parameter.mean)
        elif parameter.distribution != "dirichlet":
            kind, mean, se = parameter.distribution, parameter.mean, parameter.se
            key = (kind, mean, se, uniforms[name].tobytes())
            if key not in known:
                known[key] = UNCERTAINTIES[kind].quantile(uniforms[name], mean, se)
            values[name] = known[key]
    values |= _dirichlets(problem.parameters, n, streams)
    for name, effect in pooled_effects(problem).items():
        shift = problem.syntheses[name].shift
        values[name] = effect.quantile(uniforms[name]) + evaluate(shift, values)
    return add_derived(problem, values)


def central_values(problem: DecisionProblem) -> dict[str, float]:
    """Every parameter at its mean, every synthesis at its median effect. Scalars, no derived."""
    values = {name: p.mean for name, p in problem.parameters.items()}
    for name, effect in pooled_effects(problem).items():
        median = float(effect.quantile(np.array([0.5]))[0])
        values[name] = median + float(evaluate(problem.syntheses[name].shift, values))
    return values


def add_derived(
    problem: DecisionProblem,
    values: Mapping[str, np.ndarray],
    given: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """`values` with the derived quantities of analysis.yaml, in their order. Dims: draw.

    Those `given` keep the value they have.
    """
    values = dict(values)
    n = len(next(iter(values.values())))
    for name, expression in problem.derived.items():
        if name in given:
            continue
        found = np.asarray(evaluate(expression, values), float)
        _refuse_infinite(found, name, expression)
        values[name] = np.broadcast_to(found, (n,)).copy()
    return values


def with_given(
    problem: DecisionProblem,
    drawn: Mapping[str, np.ndarray],
    given: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Draws with some names given; pooled effects follow through their shift, derived quantities too.

    Parameters
    ----------
    drawn
        Parameters, syntheses and derived quantities. Dims of each: draw.
    given
        Those of them that have other values, which nothing overrules.
    """
    values = {**drawn, **given}
    for name, synthesis in problem.syntheses.items():
        if name not in given and names_in(synthesis.shift) & given.keys():
            moved = evaluate(synthesis.shift, values) - evaluate(synthesis.shift, drawn)
            values[name] = drawn[name] + moved
    return add_derived(problem, values, given=given)


def _uniforms(problem: DecisionProblem, n: int, streams: Streams) -> dict[str, np.ndarray]:
    """A uniform for every uncertain name, correlated by Gaussian copula where asked."""
    uniforms = {name: streams.uniform(f"parameters/{name}", n) for name in drawn(problem)}
    for block in blocks(problem):
        own = [special.ndtri(uniforms[name]) for name in block.names]
        if block.group is not None:
            shared = special.ndtri(streams.uniform(f"correlation/{block.group}", n))
            near, apart = np.sqrt(block.rho), np.sqrt(1 - block.rho)
            uniforms |= {
                name: special.ndtr(near * shared + apart * z)
                for name, z in zip(block.names, own, strict=True)
            }
            continue
        for i, (name, row) in enumerate(zip(block.names, root(block.matrix), strict=True)):
            if row[i] < 1:  # name by name: a matrix product rounds by the number of draws
                score = sum(row[k] * own[k] for k in np.flatnonzero(row))
                uniforms[name] = special.ndtr(score)
    return uniforms


def _dirichlets(
    parameters: Mapping[str, Parameter], n: int, streams: Streams
) -> dict[str, np.ndarray]:
    """Dirichlet shares as normalised gammas; the rest of the probability is its own category."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in parameters.values():
        if parameter.distribution == "dirichlet":
            groups.setdefault(parameter.arguments[0], []).append(parameter)
    values = {}
    for group, members in groups.items():
        size = float(members[0].arguments[1])
        shares = {m.name: m.mean for m in members}
        rest = 1.0 - sum(shares.values())
        if rest > 1e-9:
            shares[f"{group}/rest"] = rest
        gammas = {
            name: special.gammaincinv(size * share, streams.uniform(f"parameters/{name}", n))
            for name, share in shares.items()
        }
        total = sum(gammas[name] for name in sorted(gammas))  # the same in any order of the rows
        values |= {m.name: gammas[m.name] / total for m in members}
    return values
