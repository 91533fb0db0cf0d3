"""The same decision problem under another model structure, on the same evidence.

Partitioned survival reads two curves. The others follow patients through progression, which only a
joint family of both endpoints describes, so they use the joint families alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from heor.problem.curve_types import FittedCurve, RelativeCurve, SeriesCurve
from heor.problem.expressions import names_in
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy

PARTITIONED = "partitioned_survival"
STRUCTURES = {
    PARTITIONED: "Partitioned survival",
    "state_transition": "State transition (clock forward)",
    "semi_markov": "Semi-Markov (state residence, clock reset)",
    "individual": "Individual level (continuous time)",
}
TIME_IN_STATE = ("semi_markov", "individual")
STATES, ENDPOINTS = ("progression_free", "progressed", "dead"), ("pfs", "os")


def joint(families: Iterable[str]) -> tuple[str, ...]:
    """Those that are joint models of progression and death.

    >>> joint(["weibull", "joint_lognormal_weibull"])
    ('joint_lognormal_weibull',)
    """
    return tuple(f for f in families if f.startswith("joint_"))


def fault(problem: DecisionProblem, model: str) -> str:
    """Why a structure cannot be evaluated on these inputs; empty when it can."""
    for strategy in problem.strategies.values():
        unknown = _unknown_exposure(strategy, model, problem.settings.states[0])
        if unknown:
            return f"{strategy.label}: {unknown}"
        if strategy.transitions:
            timed = [
                t.name for t in strategy.transitions if "time_in_state" in names_in(t.expression)
            ]
            if model == PARTITIONED:
                return f"{strategy.label}: it has transitions and no curves."
            if timed and model not in TIME_IN_STATE:
                return (
                    f"{strategy.label}: {', '.join(timed)} depends on time_in_state, which "
                    f"{' and '.join(TIME_IN_STATE)} know."
                )
            ratios = [t.name for t in strategy.transitions if t.hazard_ratio != "1"]
            if ratios and model != "individual":
                return (
                    f"{strategy.label}: {', '.join(ratios)} differs between patients (hazard_ratio), which "
                    "the individual model knows."
                )
            chances = [t.name for t in strategy.transitions if t.rate is None]
            if chances and model == "individual":
                return (
                    f"{strategy.label}: {', '.join(chances)} are probabilities; continuous time "
                    "needs rates."
                )
            continue
        if model == PARTITIONED:
            continue
        if problem.settings.states != STATES or set(strategy.curves) != set(ENDPOINTS):
            return (
                f"it follows the states {', '.join(STATES)} with curves {', '.join(ENDPOINTS)}; other "
                "states need declared transitions."
            )
        for endpoint, curve in strategy.curves.items():
            if isinstance(curve, SeriesCurve):
                return (
                    f"{strategy.label}: its {endpoint.upper()} follows a series, which says nothing of "
                    "survival after progression."
                )
            if isinstance(curve, FittedCurve) and not joint(curve.distributions):
                return (
                    f"{strategy.label}: none of its families ({', '.join(curve.distributions)}) "
                    "describes survival after progression; a joint family "
                    "(joint_<progression>_<after it>) does."
                )
        pfs, os = strategy.curves["pfs"], strategy.curves["os"]
        if isinstance(pfs, RelativeCurve) != isinstance(os, RelativeCurve):
            return f"{strategy.label}: one of its curves is fitted and the other relative."
    return ""


def _unknown_exposure(strategy: Strategy, model: str, first: str) -> str:
    """An exposure that only a model with time in state can measure; empty when there is none."""
    for exposure in strategy.exposures.values():
        grouped = exposure.flow == "cancer_deaths" and exposure.among is not None
        if grouped and model != "individual":
            return f"exposure '{exposure.name}' follows the deaths of a group, which the individual model does."
    if model in TIME_IN_STATE:
        return ""
    for exposure in strategy.exposures.values():
        # Nobody enters the first state of curves later: there both clocks are the same.
        known = exposure.state is None or (exposure.state == first and not strategy.transitions)
        if not known and exposure.clock == "state":
            return (
                f"exposure '{exposure.name}' counts time since entry into a state ('clock: state'), "
                f"which {' and '.join(TIME_IN_STATE)} know."
            )
        if not known and exposure.among is not None:
            return (
                f"exposure '{exposure.name}' follows a group after progression, which "
                f"{' and '.join(TIME_IN_STATE)} do."
            )
    return ""


def with_structure(problem: DecisionProblem, model: str) -> DecisionProblem:
    """The problem under another structure; all but partitioned survival with joint families only.

    See `fault` for what must hold.
    """
    settings = replace(problem.settings, model=model)
    if model == PARTITIONED:
        return replace(problem, settings=settings)
    strategies = {}
    for name, strategy in problem.strategies.items():
        curves = {
            endpoint: replace(curve, distributions=joint(curve.distributions))
            if isinstance(curve, FittedCurve)
            else curve
            for endpoint, curve in strategy.curves.items()
        }
        strategies[name] = replace(strategy, curves=curves)
    return replace(problem, settings=settings, strategies=strategies)


def cohort_equivalent(problem: DecisionProblem) -> DecisionProblem:
    """The same process without patient-level (first-order) variability, where a cohort can follow it."""
    if problem.settings.model == "individual" and not fault(problem, "semi_markov"):
        return with_structure(problem, "semi_markov")
    return problem
