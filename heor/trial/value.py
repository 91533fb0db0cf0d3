"""Expected value of sample information (EVSI) of a two-arm survival trial.

Every draw is one true world: its survival curves give the data the trial would show, its outcomes the
net benefit a decision would bring. Net benefit is regressed on what the trial shows; the fitted value is
what would be believed after the trial (Strong et al. 2015, doi:10.1177/0272989X15575286).

What the trial shows is summarised by a few scores. The log hazards of the draws, by arm and time since
inclusion, vary mostly along a few principal components. A component's score is the deaths observed less
those expected, weighted by the component: the score statistic of moving the hazard along it, so little
is lost for the directions in which the draws disagree. `importance_sampling` uses the whole likelihood
instead of scores, and checks them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from heor import execution
from heor.decision.information import PATTERN, plugged_in, spread
from heor.decision.regression import conditional_mean
from heor.outcomes.monte_carlo import sum_se
from heor.outcomes.outcomes import Outcomes
from heor.trial.data import ARMS, Design, Patients, enrol, follow

EDGES = np.array([0, 3, 6, 9, 12, 18, 24, 30, 36, 48, 60, 72, 84, 102, 120, 144, 180, 240]) / 12
COMPONENTS = 5
MOST_TERMS = 150  # of the regression: polynomials of five scores to the fourth degree
PATIENTS_A_DRAW = 240  # small trials are run several times in a draw, to this many patients
MOST_TRIALS = 4
LEAST_HAZARD = 1e-6  # per year: a curve that has ended lets nobody die
BLOCK = 500  # trials whose likelihoods are held at once


@dataclass(frozen=True)
class Evidence:
    """What a trial could be about: true curves by draw, and what each strategy is then worth.

    Attributes
    ----------
    outcomes : Outcomes
    survival : ndarray, dims (draw, arm, time)
        All-cause survival; first the comparator's arm.
    time : ndarray, dims (time,)
        Years from inclusion.
    """

    outcomes: Outcomes
    survival: np.ndarray
    time: np.ndarray

    def hazards(self, edges: np.ndarray) -> np.ndarray:
        """Mean hazard within intervals, per year. Dims: (draw, arm x interval)."""
        log_survival = np.log(np.maximum(self.survival, 1e-12))
        place = np.clip(np.searchsorted(self.time, edges, side="right") - 1, 0, len(self.time) - 2)
        share = (edges - self.time[place]) / (self.time[place + 1] - self.time[place])
        at = log_survival[..., place] * (1 - share) + log_survival[..., place + 1] * share
        hazards = -np.diff(at, axis=2) / np.diff(edges)
        return np.maximum(hazards, LEAST_HAZARD).reshape(len(at), -1)

    def increments(self) -> np.ndarray:
        """Effects, then costs, of every strategy but the first against it. Dims: (draw, 2 x other)."""
        qalys, cost = self.outcomes.qalys, self.outcomes.cost
        return np.concatenate([qalys[:, 1:] - qalys[:, :1], cost[:, 1:] - cost[:, :1]], axis=1)


@dataclass(frozen=True)
class TrialValue:
    """EVSI of one design at several thresholds.

    Attributes
    ----------
    design : Design
    value, se : ndarray, dims (threshold,)
        Money per patient of the decision.
    changes : ndarray, dims (threshold,)
        Chance that the trial changes the decision.
    residual_p : float
        p-value of a pattern left in the residuals of the regression; 1 without one.
    effective : float
        Median effective number of draws of importance sampling; infinite without it.
    """

    design: Design
    value: np.ndarray
    se: np.ndarray
    changes: np.ndarray
    residual_p: float = 1.0
    effective: float = np.inf

    @property
    def has_residual_pattern(self) -> bool:
        """Whether the regression missed something: read the value with care."""
        return self.residual_p < PATTERN


def evsi(
    evidence: Evidence,
    designs: Sequence[Design],
    thresholds: Sequence[float],
    generator: np.random.Generator,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[TrialValue]:
    """EVSI of each design, all on the same simulated patients.

    Parameters
    ----------
    designs
        With the same accrual and loss to follow-up.
    thresholds
        Money per QALY.
    progress
        Called with (stage, done, total).
    """
    most = max(design.patients for design in designs)
    trials = [
        enrol(evidence.survival, evidence.time, size, designs[0].dropout, generator)
        for size in (most, *(min(most, PATIENTS_A_DRAW) for _ in range(MOST_TRIALS - 1)))
    ]

    def one(design: Design, own: np.random.Generator) -> TrialValue:
        return _value(evidence, design, trials[: _repeats(design)], thresholds, own)

    found = []
    cases = list(zip(designs, generator.spawn(len(designs)), strict=True))
    for done, value in enumerate(execution.map_chunks(lambda case: one(*case), cases), start=1):
        found.append(value)
        if progress:
            progress("Value of the trial", done, len(designs))
    return found


def _repeats(design: Design) -> int:
    """Trials a draw: patient-level variability is averaged over several."""
    return int(np.clip(PATIENTS_A_DRAW // design.patients, 1, MOST_TRIALS))


def interval_edges(design: Design) -> np.ndarray:
    """Intervals since inclusion in which deaths are counted, to the end of the longest follow-up."""
    inside = EDGES[design.longest * (1 - 1e-9) > EDGES]
    return np.append(inside, design.longest * (1 + 1e-9))


def scores(
    evidence: Evidence, design: Design, trials: Sequence[Patients], components: int = COMPONENTS
) -> np.ndarray:
    """What the trial shows, in a few numbers. Dims: (trial x draw, component)."""
    edges = interval_edges(design)
    log_hazards = np.log(evidence.hazards(edges))
    seen = [follow(patients, design, edges) for patients in trials]
    deaths, years = (np.stack(s).reshape(-1, log_hazards.shape[1]) for s in zip(*seen, strict=True))
    weight = np.maximum(deaths.mean(axis=0), 1e-12)  # information on each log hazard
    expected = years * (deaths.sum(axis=0) / np.maximum(years.sum(axis=0), 1e-12))
    centred = (log_hazards - log_hazards.mean(axis=0)) * np.sqrt(weight)
    variance, directions = linalg.eigh(centred.T @ centred)  # in rising order
    used = np.flatnonzero(variance > 1e-12 * max(variance[-1], 1e-300))[::-1][:components]
    return (deaths - expected) @ (directions[:, used] / np.sqrt(weight)[:, None])


def _value(
    evidence: Evidence,
    design: Design,
    trials: Sequence[Patients],
    thresholds: Sequence[float],
    generator: np.random.Generator,
) -> TrialValue:
    shown = scores(evidence, design, trials)
    change = evidence.increments()
    scale = spread(change)
    none = np.zeros(len(thresholds))
    if shown.shape[1] == 0 or np.ptp(shown, axis=0).max() == 0:
        return TrialValue(design, none, none, none, 1.0)
    fit = conditional_mean(
        shown,
        np.tile(change / scale, (len(trials), 1)),
        MOST_TERMS,
        evidence.outcomes.replicates,
        copies=len(trials),
    )
    value, errors = plugged_in(fit, scale, thresholds, generator, copies=len(trials))
    changes = none.copy()
    for k, threshold in enumerate(thresholds):
        benefit = _benefit(fit.fitted * scale, threshold)
        changes[k] = (benefit.argmax(axis=1) != benefit.mean(axis=0).argmax()).mean()
    return TrialValue(design, value, errors, changes, fit.residual_p)


def _benefit(increments: np.ndarray, threshold: float) -> np.ndarray:
    """Net benefit of every strategy against the first. Dims: (draw, strategy)."""
    others = increments.shape[1] // 2
    benefit = threshold * increments[:, :others] - increments[:, others:]
    return np.concatenate([np.zeros((len(benefit), 1)), benefit], axis=1)


def importance_sampling(
    evidence: Evidence,
    design: Design,
    thresholds: Sequence[float],
    generator: np.random.Generator,
    trials: int | None = None,
) -> TrialValue:
    """EVSI from the whole likelihood: each draw weighted by how well it explains the trial.

    Every trial is judged by all draws but the one that made it (Menzies 2016,
    doi:10.1177/0272989X15583495). With fewer than about 100 draws of effective size a trial, the value
    is biased upwards.

    Parameters
    ----------
    trials
        How many to simulate: the first draws; all when None.

    Returns
    -------
    TrialValue
        `se` for the draws both as trials and as judges, to first order: all trials have the same judges.
    """
    n = len(evidence.survival)
    trials = n if trials is None else min(trials, n)
    edges = _months(design)
    hazards = evidence.hazards(edges)
    terms = np.concatenate([np.log(hazards), -hazards], axis=1).astype(np.float32).T
    patients = enrol(
        evidence.survival[:trials], evidence.time, design.patients, design.dropout, generator
    )
    change = evidence.increments()
    own = np.stack([_benefit(change, threshold) for threshold in thresholds])
    believed = np.empty((len(thresholds), trials, own.shape[2]))
    effective = np.empty(trials)
    # How far each judge moves the best choices of the trials, and every strategy, from what they are.
    moves_best = np.zeros(own.shape[:2])
    moves_each = np.zeros(own.shape)
    for start in range(0, trials, BLOCK):
        rows = np.arange(start, min(start + BLOCK, trials))
        seen = follow(patients, design, edges, slice(rows[0], rows[-1] + 1))
        seen = np.concatenate([s.reshape(len(rows), -1) for s in seen], axis=1)
        weight = seen @ terms
        weight[np.arange(len(rows)), rows] = -np.inf
        weight -= weight.max(axis=1, keepdims=True)
        np.exp(weight, out=weight)
        weight /= weight.sum(axis=1, keepdims=True)
        effective[rows] = 1 / np.einsum("ij,ij->i", weight, weight)
        mean = weight @ change.astype(np.float32)
        benefit = np.stack([_benefit(mean, threshold) for threshold in thresholds])
        believed[:, rows] = benefit
        best = benefit.argmax(axis=2)[..., None] == np.arange(own.shape[2])
        # In one product: a judge's weight in the trials where a strategy is best, and what these believe.
        parts = np.concatenate([best, benefit * best, benefit, np.ones_like(benefit)], axis=2)
        parts = np.concatenate(parts, axis=1).astype(np.float32)
        parts = (weight.T @ parts).reshape(n, len(thresholds), 4, -1).transpose(2, 1, 0, 3)
        moves_best += (own * parts[0] - parts[1]).sum(axis=2)
        moves_each += own * parts[3] - parts[2]
    value, se, changes = np.zeros((3, len(thresholds)))
    for k, benefit in enumerate(believed):
        # Against the best on average over these trials: what both have in common cancels.
        today = benefit.mean(axis=0).argmax()
        gain = benefit.max(axis=1) - benefit[:, today]
        value[k] = gain.mean()
        share = moves_best[k] - moves_each[k, :, today]
        share[:trials] += gain - value[k]
        se[k] = sum_se(share, evidence.outcomes.replicates) / trials
        changes[k] = (benefit.argmax(axis=1) != today).mean()
    return TrialValue(design, value, se, changes, effective=float(np.median(effective)))


def _months(design: Design) -> np.ndarray:
    """Months since inclusion, to the end of the longest follow-up."""
    return np.arange(int(np.ceil(design.longest * 12 - 1e-9)) + 1) / 12


def observed_ratio(
    evidence: Evidence, design: Design, thresholds: Sequence[float], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Incremental net benefit that would be believed, by the hazard ratio of death the trial shows.

    The ratio is Peto's, exp((observed - expected) / variance) over intervals since inclusion.

    Returns
    -------
    ratio : ndarray, dims (trial,)
    benefit : ndarray, dims (trial, threshold)
        Expected increment of the second strategy given the ratio alone.
    """
    edges = _months(design)
    repeats = _repeats(design)
    logs = []
    for _ in range(repeats):
        patients = enrol(
            evidence.survival, evidence.time, design.patients, design.dropout, generator
        )
        deaths, years = follow(patients, design, edges)
        total = deaths.sum(axis=1)
        share = years[:, ARMS - 1] / np.maximum(years.sum(axis=1), 1e-12)
        excess = (deaths[:, ARMS - 1] - total * share).sum(axis=1)
        variance = (total * share * (1 - share)).sum(axis=1)
        logs.append(excess / np.maximum(variance, 0.25))
    shown = np.concatenate(logs)
    change = np.tile(evidence.increments(), (repeats, 1))
    others = change.shape[1] // 2
    benefit = np.stack([t * change[:, 0] - change[:, others] for t in thresholds], axis=1)
    scale = spread(benefit)
    fit = conditional_mean(shown[:, None], benefit / scale)
    order = np.argsort(shown)
    return np.exp(shown[order]), (fit.fitted * scale)[order]
