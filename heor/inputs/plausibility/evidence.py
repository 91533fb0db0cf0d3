"""Survival evidence: against the modelled patients, its other endpoint, other data sets and opinion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import log
from statistics import median
from typing import Literal

import numpy as np

from heor.findings import Finding
from heor.inputs.plausibility.surroundings import Surroundings
from heor.problem.curve_types import FittedCurve
from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.units import YEARS_PER_UNIT

AGE_APART = 10.0
SHARE_APART = 0.15
OPINION_APART = 0.25
#: Medians of one endpoint farther apart than this, and nearer in the others' unit of time.
MEDIANS_APART = 2.0
OTHERS = 3
#: Statuses of numbers that a source is cited for.
CITED = ("published", "trial", "derived", "to_verify")
#: A word in capitals that may be a study's name: CLOCC, ORCHESTRA, KEYNOTE-177.
_STUDY = re.compile(r"\b[A-Z][A-Z-]{3,}[A-Z](?:-\d+)?\b")


def fitted(problem: DecisionProblem) -> list[SurvivalEvidence]:
    """Evidence that a curve of this run is fitted to."""
    curves = [c for s in problem.strategies.values() for c in s.curves.values()]
    names = dict.fromkeys(c.evidence for c in curves if isinstance(c, FittedCurve))
    return [problem.evidence[n] for n in names if n in problem.evidence]


def patients(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """Patients of the evidence who are not those of the model, in age or sex."""
    for evidence in fitted(problem):
        age, share = evidence.age, evidence.share_male
        if age is not None and abs(age - problem.start_age) > AGE_APART:
            yield Finding(
                "patients",
                str(evidence.origin),
                f"{evidence.name}: patients of age {age:g}, and the model starts at age {problem.start_age:g}",
                f"evidence is usually of patients within {AGE_APART:g} years of those modelled",
                "Are digits of one of the ages exchanged? If not, background mortality corrects for it.",
            )
        if share is not None and abs(share - problem.share_male) > SHARE_APART:
            cure = "If not, background mortality corrects for it."
            yield Finding(
                "patients",
                str(problem.parameters["share_male"].origin),
                f"share_male is {problem.share_male:g}, and {share:g} in {evidence.name}, to which survival is "
                "fitted",
                f"evidence is usually of patients whose share of men is within {SHARE_APART:g}",
                f"Is one of them the share of women? {cure}",
            )
            return


def endpoints_in_order(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """An earlier endpoint that comes later than the next: files or endpoints exchanged."""
    for strategy in problem.strategies.values():
        found = []
        for endpoint in problem.settings.endpoints:
            curve = strategy.curves.get(endpoint)
            evidence = problem.evidence.get(getattr(curve, "evidence", ""))
            middle = median_time(evidence) if evidence and isinstance(curve, FittedCurve) else None
            found.append((endpoint, evidence, middle))
        for (first, own, early), (second, _, late) in pairwise(found):
            if own is not None and early is not None and late is not None and early > late:
                yield Finding(
                    "endpoints_in_order",
                    str(own.origin),
                    f"the median of {first.upper()} ({12 * early:.1f} months) is after that of "
                    f"{second.upper()} ({12 * late:.1f})",
                    f"{first.upper()} ends no later than {second.upper()} in every patient",
                    "Are the two files exchanged?",
                )


def censored_first(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """More censored than events, and earlier: the two columns are exchanged."""
    for evidence in fitted(problem):
        if evidence.form not in ("grouped", "individual"):
            continue
        time, events, censored = _counts(evidence)
        if censored.sum() <= events.sum() or not events.sum():
            continue
        of_events, of_censored = _middle(time, events), _middle(time, censored)
        if of_censored < 0.9 * of_events:
            yield Finding(
                "censored_first",
                str(evidence.origin),
                f"{evidence.name}: {events.sum():g} events, half of them by {12 * of_events:.1f} months, and "
                f"{censored.sum():g} censored, half of them by {12 * of_censored:.1f}",
                "where most are censored it is usually at the end of follow-up, after the events",
                "Are events and censored exchanged?",
            )


def _counts(evidence: SurvivalEvidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, and how many have the event or are censored at each."""
    table = evidence.table
    if evidence.form == "grouped":
        return 0.5 * (table["start"] + table["end"]), table["n_events"], table["n_censored"]
    order = np.argsort(table["time"])
    event, weight = table["event"][order], table["weight"][order]
    return table["time"][order], event * weight, (1 - event) * weight


def _middle(time: np.ndarray, counts: np.ndarray) -> float:
    """The time by which half of the counts are reached."""
    return float(time[np.searchsorted(np.cumsum(counts), 0.5 * counts.sum())])


def survival(evidence: SurvivalEvidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Times (years) and the share alive or event-free at each, by product limit; None where not known."""
    table = evidence.table
    if evidence.form == "landmark":
        return table["time"], table["survival"]
    if evidence.form == "published_curve":
        shown = table["click_survival"]
        return table["click_time"], shown / 100 if shown.max() > 2 else shown
    if evidence.form == "grouped":
        at_risk = np.maximum(table["n_at_risk"], 1)
        return table["end"], np.cumprod(1 - table["n_events"] / at_risk)
    if evidence.form == "individual":
        time = np.unique(table["time"])
        events = _weight_up_to(table["time"], table["weight"] * table["event"], time, "right")
        entered = _weight_up_to(table["entry"], table["weight"], time, "left")
        left = _weight_up_to(table["time"], table["weight"], time, "left")
        at_risk = np.maximum(entered - left, 1e-9)
        return time, np.cumprod(1 - np.diff(events, prepend=0.0) / at_risk)
    return None


def _weight_up_to(
    when: np.ndarray, weight: np.ndarray, time: np.ndarray, side: Literal["left", "right"]
) -> np.ndarray:
    """Weights of all that is before each time (`left`), or up to it (`right`). Dims: time."""
    order = np.argsort(when)
    total = np.append(0.0, np.cumsum(weight[order]))
    return total[np.searchsorted(when[order], time, side=side)]


def median_time(evidence: SurvivalEvidence) -> float | None:
    """Years until half have had the event; None where half never have."""
    found = survival(evidence)
    if found is None or not (found[1] <= 0.5 + 1e-9).any():
        return None
    return float(found[0][np.argmax(found[1] <= 0.5 + 1e-9)])


def time_unit(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """One unit of time among others, in which a median is far from those of the same endpoint."""
    units = {n: u for n, u in around.time_units.items() if n in problem.evidence}
    if not units:
        return
    usual, times = Counter(units.values()).most_common(1)[0]
    for evidence in fitted(problem):
        own = units.get(evidence.name, usual)
        others = [
            m
            for name, unit in units.items()
            if unit == usual and problem.evidence[name].endpoint == evidence.endpoint
            if (m := median_time(problem.evidence[name])) is not None
        ]
        middle = median_time(evidence)
        if own == usual or times < OTHERS or len(others) < OTHERS or middle is None:
            continue
        read_anew = middle * YEARS_PER_UNIT[usual] / YEARS_PER_UNIT[own]
        typical = median(others)
        off, nearer = abs(log(middle / typical)), abs(log(read_anew / typical))
        if off > log(MEDIANS_APART) and nearer < off:
            yield Finding(
                "time_unit",
                str(evidence.origin),
                f"{evidence.name}: times in {own}, with a median of {12 * middle:.1f} months",
                f"the other data sets of {evidence.endpoint.upper()} are in {usual}, with medians of "
                f"{12 * min(others):.0f} to {12 * max(others):.0f} months",
                f"In {usual} its median would be {12 * read_anew:.1f} months.",
            )


def opinion_against_data(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """An opinion on survival that the data it is about contradict."""
    for opinion in problem.opinions.values():
        evidence = problem.evidence.get(opinion.evidence)
        found = survival(evidence) if evidence else None
        if found is None or evidence not in fitted(problem):
            continue
        time, alive = found
        inside = opinion.time <= time[-1]
        seen = float(np.interp(opinion.time, np.append(0, time), np.append(1, alive)))
        seen = seen**opinion.multiplier
        above = opinion.mean - seen
        if above > OPINION_APART or (inside and above < -OPINION_APART):
            yield Finding(
                "opinion_against_data",
                str(problem.parameters[opinion.parameter].origin),
                f"{opinion.label}: {opinion.mean:.3g} at {12 * opinion.time:.3g} months",
                f"in the data {seen:.2f} are alive {'then' if inside else 'at the end of follow-up'}",
                "Check the time of the opinion (in months?) and its scale.",
            )


def source_of_study(problem: DecisionProblem, around: Surroundings) -> Iterator[Finding]:
    """A number that is named after one study and cites another."""
    rows: list[tuple[str, str, tuple[str, ...], Origin]] = [
        (p.name, p.description, p.source, p.origin)
        for p in problem.parameters.values()
        if p.status in CITED
    ]
    rows += [(e.name, e.label, e.source, e.origin) for e in problem.evidence.values()]
    for name, words, cited, where in rows:
        for study in _STUDY.findall(words):
            of_it = [k for k in problem.sources if _is_of(problem, k, study)]
            if not of_it or set(of_it) & set(cited):
                continue
            yield Finding(
                "source_of_study",
                str(where),
                f"{name}: '{words}' cites {', '.join(cited)}",
                f"sources.yaml has {', '.join(of_it)} of {study}",
                "Is the number of the study that is cited?",
            )


def _is_of(problem: DecisionProblem, key: str, study: str) -> bool:
    source = problem.sources[key]
    return study.lower() in f"{key} {source.title}".lower()
