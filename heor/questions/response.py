"""Mean outcomes as a function of given values.

A case fixes names (parameters, pooled effects, derived quantities) at values and keeps every other draw.
What is asked for is the mean over all draws of the run.

A case that touches valuation only (prices, utilities, decrements) is valued from the exposures of the run,
in every draw they were kept of. For any other the model is evaluated on some of the draws, and
known of all are the run's own outcomes and the values the names have there. So the change that a case
makes is regressed on these, and the regression is taken to its mean over all draws (the regression
estimator of survey sampling; Cochran 1977, Sampling Techniques, chapter 7). It has no part of the
sampling error of the quantity that is given: a model that is a straight line in its inputs is answered
as on all draws, to rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heor.decision.severity import judged_on
from heor.errors import InputError
from heor.outcomes.monte_carlo import independent
from heor.outcomes.outcomes import QALYS, Outcomes
from heor.parameters.draws import CurveDraws, Draws, with_given
from heor.problem.problem import DecisionProblem
from heor.simulation.simulated import Simulation
from heor.survival.curves.marginal import out_of_range
from heor.together import Run
from heor.usage.structures import cohort_equivalent
from heor.usage.touched import VALUATION, touched
from heor.usage.usage import names_in_draws
from heor.valuation.simulate import Kept, simulate, simulate_and_keep
from heor.valuation.value import as_outcomes, value

DRAWS = 500  # shared by all cases, at most
LEAST_DRAWS, SHARE = 40, 10  # at least so many, or one in so many of the run's
COST, GAIN, COMPARATOR = range(3)  # incremental cost and QALYs; the comparator's QALYs for severity
Case = Mapping[str, float]
TOGETHER = 12  # cases whose curves are held at once
BLOCKS = 2  # of the shared draws, where cases share what they can
FEW = 250  # draws: with fewer, cases are evaluated end to end


@dataclass(frozen=True)
class Estimates:
    """Means over the draws of the run, and their Monte Carlo error.

    Attributes
    ----------
    mean : ndarray, dims (case, outcome)
        Incremental cost and QALYs, and the QALYs of the comparator that severity is judged on.
    covariance : ndarray, dims (case, outcome, outcome)
        Of the Monte Carlo errors of these means.
    out_of_reach : ndarray, dims (case,)
        Share of draws in which no hazard of the uncured gives the marginal hazard ratio: the nearest
        was used.
    """

    mean: np.ndarray
    covariance: np.ndarray
    out_of_reach: np.ndarray

    @classmethod
    def of_run(cls, run: np.ndarray, replicates: int, out_of_reach: float) -> Estimates:
        """One case: the run itself, with its outcomes in every draw. Dims of `run`: (outcome, draw)."""
        covariance = _of_means(run, replicates)
        return cls(run.mean(axis=1)[None], covariance[None], np.array([out_of_reach]))

    @classmethod
    def of_parts(cls, cases: int, parts: Sequence[tuple[Sequence[int], Estimates]]) -> Estimates:
        """Answers to so many cases, put together; a case that no part holds has none.

        A part is which cases it answers, and the answers, or one that is that of all of them.
        """
        shape = (cases, COMPARATOR + 1)
        mean, covariance = np.full(shape, np.nan), np.full((*shape, shape[1]), np.nan)
        out_of_reach = np.full(cases, np.nan)
        for rows, part in parts:
            mean[rows], covariance[rows] = part.mean, part.covariance
            out_of_reach[rows] = part.out_of_reach
        return cls(mean, covariance, out_of_reach)

    def net_benefit(self, threshold: float | np.ndarray) -> np.ndarray:
        """Incremental net benefit. Dims: case."""
        return threshold * self.mean[:, GAIN] - self.mean[:, COST]

    def net_benefit_se(self, threshold: float | np.ndarray) -> np.ndarray:
        """Its Monte Carlo standard error. Dims: case."""
        v, t = self.covariance, threshold
        variance = v[:, COST, COST] + t * t * v[:, GAIN, GAIN] - 2 * t * v[:, COST, GAIN]
        return np.sqrt(np.maximum(variance, 0.0))

    def se(self, outcome: int) -> np.ndarray:
        """Monte Carlo standard error of one outcome. Dims: case."""
        return np.sqrt(self.covariance[:, outcome, outcome])


@dataclass(frozen=True)
class Response:
    """Mean outcomes as a function of given values.

    Attributes
    ----------
    base : Run
        Without its exposures every case is simulated.
    problem : DecisionProblem
        As it is simulated again: an individual-level model as its cohort equivalent.
    draws : Draws
        Those that all simulated cases share.
    own : ndarray, dims (outcome, draw)
        Outcomes in these draws with nothing given.
    rows : ndarray of int, dims (draw,)
        Which of the run's draws they are.
    run : ndarray, dims (outcome, draw of the run)
        Outcomes of the run.
    """

    base: Run
    problem: DecisionProblem
    draws: Draws
    own: np.ndarray
    rows: np.ndarray
    run: np.ndarray

    @classmethod
    def of(cls, run: Run, size: int | None = None) -> Response:
        """The response around a run.

        `size`: how many of its draws, evenly spaced, the model is evaluated on again.
        """
        draws, problem = run.draws, run.problem
        size = min(DRAWS, max(LEAST_DRAWS, draws.n // SHARE)) if size is None else size
        rows = spaced(draws.n, size)
        used = cohort_equivalent(replace(problem, trial=None))
        outcomes = measured(problem, run.outcomes)
        some, own = taken(draws, rows), outcomes[:, rows]
        response = cls(run, used, some, own, rows, outcomes)
        if used.settings.model != problem.settings.model:
            response = replace(response, own=response.outcomes([{}])[0][0])
        return response

    @property
    def kept(self) -> Kept:
        """The exposures of the run."""
        assert self.base.kept is not None  # what needs them asks `needs_simulation` first
        return self.base.kept

    @property
    def whole(self) -> Mapping[str, np.ndarray]:
        """Values in all draws of the run, by name."""
        return self.base.draws.values

    @property
    def size(self) -> int:
        """Draws that cases are evaluated on."""
        return len(self.rows)

    def needs_simulation(self, names: Collection[str]) -> bool:
        """Whether giving these names values changes more than what exposures are valued at."""
        kept = self.base.kept is not None
        return not (kept and touched(self.base.problem, names) <= {VALUATION})

    def estimates(self, cases: Sequence[Case]) -> Estimates:
        """Mean outcomes over all draws of the run with names fixed at values."""
        self._refuse_unknown(cases)
        needs = {names: self.needs_simulation(names) for names in {tuple(case) for case in cases}}
        again = [i for i, case in enumerate(cases) if needs[tuple(case)]]
        valued = [i for i, case in enumerate(cases) if not needs[tuple(case)]]
        parts: list[tuple[list[int], Estimates]] = []
        if again:
            parts.append((again, self._simulated([cases[i] for i in again])))
        parts += [([i], self._valued(cases[i])) for i in valued]
        return Estimates.of_parts(len(cases), parts)

    def _simulated(self, cases: Sequence[Case]) -> Estimates:
        """The model evaluated on some draws, and taken to all of them by regression."""
        found, unreached = self.outcomes(cases)
        means, covariances = [], []
        for case, outcomes in zip(cases, found, strict=True):
            mean, covariance = self._over_all_draws(
                self.run, outcomes - self.own, self._acting(case), self.rows
            )
            means.append(mean)
            covariances.append(covariance)
        return Estimates(np.stack(means), np.stack(covariances), unreached.mean(axis=1))

    def _valued(self, case: Case) -> Estimates:
        """The exposures of the run at other prices, multipliers or decrements."""
        rows, base = self.kept.rows, self.base
        unreached = base.simulation.unattained / base.draws.n
        found = measured(base.problem, self.valued(case))
        if self.values_all_draws:
            return Estimates.of_run(found, base.problem.replicates, unreached)
        change = found - self.run[:, rows]
        mean, covariance = self._over_all_draws(self.run, change, self._acting(case), rows)
        return Estimates(mean[None], covariance[None], np.array([unreached]))

    @property
    def values_all_draws(self) -> bool:
        """Whether the exposures of all draws were kept."""
        return len(self.kept.rows) == self.base.draws.n

    def valued(self, case: Case) -> Outcomes:
        """Outcomes in the draws whose exposures were kept, with nothing simulated again."""
        rows, problem = self.kept.rows, self.base.problem
        drawn = {name: values[rows] for name, values in self.whole.items()}
        given = {name: np.full(len(rows), value) for name, value in case.items()}
        draws = Draws(with_given(problem, drawn, given))
        return as_outcomes(problem, value(self.kept.exposures, draws, problem))

    def means(self, case: Case) -> dict[str, tuple[float, float]]:
        """Strategy → mean cost and QALYs over all draws, for a case that needs no simulation.

        Where the exposures of some draws were kept, it is taken to all of them by regression.
        """
        before, after = (
            np.concatenate([o.cost.T, o.qalys.T]) for o in (self.base.outcomes, self.valued(case))
        )
        if self.values_all_draws:
            means = after.mean(axis=1)
        else:
            rows = self.kept.rows
            means, _ = self._over_all_draws(
                before, after - before[:, rows], self._acting(case), rows
            )
        cost, qalys = means.reshape(2, -1).tolist()
        return dict(zip(self.base.outcomes.strategies, zip(cost, qalys, strict=True), strict=True))

    def _acting(self, case: Case) -> tuple[str, ...]:
        """Names of a case that move its outcomes, given the others."""
        acts = names_in_draws(self.problem, tuple(case))
        return tuple(name for name in case if name in acts)

    def _refuse_unknown(self, cases: Sequence[Case]) -> None:
        unknown = [name for case in cases for name in case if name not in self.draws.values]
        if unknown:
            raise InputError(
                f"what if: unknown name '{unknown[0]}'; parameters, pooled effects and derived "
                "quantities can be given a value."
            )

    def increments(self, cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
        """Mean incremental cost and QALYs. Dims of each: case."""
        mean = self.estimates(cases).mean
        return mean[:, COST], mean[:, GAIN]

    def outcomes(self, cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes in the draws used here, dims (case, outcome, draw); and where a ratio is out of reach.

        Raises
        ------
        InputError
            A name that cannot be given a value.
        """
        self._refuse_unknown(cases)
        if self.draws.n < FEW:
            return self._end_to_end(cases)
        parts = [self._together(cases[i : i + TOGETHER]) for i in range(0, len(cases), TOGETHER)]
        outcomes, unreached = zip(*parts, strict=True)
        return np.concatenate(outcomes), np.concatenate(unreached)

    def _together(self, cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes of a few cases, which share what their values do not change; see `outcomes`."""
        settings = replace(self.problem.settings, chunk=-(-self.draws.n // BLOCKS), curve_draws=1)
        problem = replace(self.problem, settings=settings)
        runs = {
            i: (problem, Draws(self._given(case), self.draws.curves))
            for i, case in enumerate(cases)
        }
        # at extreme values many a hazard ratio is out of reach; the nearest is used
        made, _ = simulate_and_keep(runs, (), unattained_most=1.0)
        found = [measured(problem, made[i].outcomes) for i in runs]
        return np.stack(found), np.stack([_unreached(made[i]) for i in runs])

    def _end_to_end(self, cases: Sequence[Case]) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes of cases of few draws, as one long sample: beginning a case takes longer than its draws."""
        n, each = self.draws.n, [self._given(case) for case in cases]
        values = {name: np.concatenate([own[name] for own in each]) for name in each[0]}
        again = np.tile(np.arange(n), len(cases))
        curves = {name: _rows(curve, again) for name, curve in self.draws.curves.items()}
        made = simulate(self.problem, Draws(values, curves), unattained_most=1.0)
        found = measured(self.problem, made.outcomes).reshape(3, len(cases), n)
        return found.transpose(1, 0, 2), _unreached(made).reshape(len(cases), n)

    def _given(self, case: Case) -> dict[str, np.ndarray]:
        """Values of all names with those of a case fixed; what does not change keeps its array."""
        fixed = {name: np.full(self.draws.n, value) for name, value in case.items()}
        return with_given(self.problem, self.draws.values, fixed)

    def _over_all_draws(
        self, run: np.ndarray, change: np.ndarray, names: tuple[str, ...], rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean over all draws of the run's outcomes plus a change known in some, and its covariance.

        `run`: dims (outcome, draw of the run); `change`: (outcome, draw), in the draws `rows`.
        """
        known = self._known(run, names)
        some, n = known[:, rows], len(rows)
        distance = known.mean(axis=1) - some.mean(axis=1)
        centred = some - some.mean(axis=1, keepdims=True)
        moved = change - change.mean(axis=1, keepdims=True)
        slopes = moved @ np.linalg.pinv(centred, rcond=1e-9)
        mean = run.mean(axis=1) + change.mean(axis=1) + slopes @ distance
        # error of the part that follows what is known of all draws, and of the rest
        whole, rest = run + slopes @ known, moved - slopes @ centred
        free = max(n - 1 - len(known), 1)
        covariance = _of_means(whole, self.problem.replicates) + rest @ rest.T / (free * n)
        return mean, covariance

    def _known(self, run: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        """What is known of all draws: outcomes, and the names' values and squares. Dims: (what, draw).

        In units of their own spread; what does not vary is left out.
        """
        values = [self.whole[name] for name in names]
        found = np.stack([*run, *values])
        spread = found.std(axis=1)
        kept = spread > 1e-12 * np.abs(found).max(axis=1)
        found = (found[kept] - found[kept].mean(axis=1, keepdims=True)) / spread[kept][:, None]
        squares = found[int(kept[: len(run)].sum()) :] ** 2
        return np.concatenate([found, squares - squares.mean(axis=1, keepdims=True)])


def _unreached(made: Simulation) -> np.ndarray:
    """In which draws a hazard ratio is out of reach. Dims: (draw,)."""
    found = np.zeros(made.outcomes.n, bool)
    for ratio in made.hazard_ratios:
        found |= out_of_range(made.hazard_ratios[ratio].to_numpy())
    return found


def _of_means(outcomes: np.ndarray, replicates: int) -> np.ndarray:
    """Covariance of the means of outcomes over draws. Dims: (outcome, draw) → (outcome, outcome)."""
    own = independent(outcomes.T, replicates)
    return np.cov(own.T) / len(own)


def measured(problem: DecisionProblem, outcomes: Outcomes) -> np.ndarray:
    """Incremental cost and QALYs, and the comparator's QALYs for severity. Dims: (outcome, draw)."""
    old, new = (
        outcomes.strategies.index(name)
        for name in (problem.settings.comparator, problem.settings.intervention)
    )
    cost, qalys = outcomes.cost, outcomes.component(QALYS)
    own = outcomes.component(judged_on(problem.country))[:, old]
    return np.stack([cost[:, new] - cost[:, old], qalys[:, new] - qalys[:, old], own])


def spaced(n: int, size: int) -> np.ndarray:
    """Rows of `size` of n draws, evenly spaced.

    >>> spaced(9, 3).tolist()
    [0, 4, 8]
    """
    return np.unique(np.linspace(0, n - 1, min(size, n)).round().astype(int))


def taken(draws: Draws, rows: np.ndarray) -> Draws:
    """Some of the draws."""
    curves = {name: _rows(curve, rows) for name, curve in draws.curves.items()}
    return Draws({name: values[rows] for name, values in draws.values.items()}, curves)


def _rows(curves: CurveDraws, rows: np.ndarray) -> CurveDraws:
    return CurveDraws(curves.families, curves.family[rows], curves.theta[rows])
