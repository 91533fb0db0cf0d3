"""The same question in several countries, on common random numbers.

Every country keeps its own rules: rates, perspective, thresholds, severity, mortality, norms and prices.
What can be set side by side is the health gained, the cost in one money, and net health benefit: QALYs
gained less the QALYs that the cost would buy at the country's threshold, whatever money that is in.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from heor.decision import cost_effectiveness
from heor.decision.choice import choices
from heor.decision.decision import Decision
from heor.decision.thresholds import SEVERITY, column
from heor.errors import HeorWarning
from heor.outcomes.outcomes import QALYS, Outcomes
from heor.problem.problem import DecisionProblem
from heor.simulation.simulated import Simulation
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.together import fit_together, run_together

GROUP = 4  # countries simulated together: they share fitted hazards, and memory stays small
NUMBERS = re.compile(r"\d[\d.,]*")
LOW, HIGH = "low", "high"

Problems = Mapping[str, DecisionProblem]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CountryComparison:
    """One row a country, in the order asked for.

    Attributes
    ----------
    problems, decisions : dict
        Country → its problem, and the tables of its decision.
    fits : SurvivalFits
        Of the first country.
    table : DataFrame
        See `country_row`.
    faults : dict
        Country → why it has no row.
    """

    problems: Problems
    decisions: Mapping[str, Decision]
    fits: SurvivalFits
    table: pd.DataFrame
    faults: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def problem(self) -> DecisionProblem:
        """Of the first country."""
        return next(iter(self.problems.values()))

    @property
    def decision(self) -> Decision:
        return next(iter(self.decisions.values()))


def compare_countries(
    problems: Problems,
    faults: Mapping[str, str] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> CountryComparison:
    """Evaluate the same question under the rules of several countries.

    Parameters
    ----------
    problems
        Country → problem, all with the same draws and seed.
    faults
        Countries that could not be read and why.
    cache
        Folder of fitted posteriors; None fits anew.

    Raises
    ------
    FitError, ModelError
        When the first country fails; others that fail are noted in `faults`.
    """
    started, faults = perf_counter(), dict(faults or {})
    asked = list(problems)
    # curves of each country are not shown, and the trial is valued in a run of its own
    problems = {
        name: replace(p, trial=None, settings=replace(p.settings, curve_draws=1))
        for name, p in problems.items()
    }
    decisions: dict[str, Decision] = {}
    rows: dict[str, dict] = {}
    said: dict[str, tuple[str, ...]] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeorWarning)
        fits = fit_together(problems, faults, cache, progress)
        fitted = perf_counter()
        ready = {name: problems[name] for name in fits}
        for name, run in run_together(ready, fits, faults, progress, GROUP):
            decisions[name] = run.decision
            rows[name] = country_row(run.problem, run.simulation, run.decision)
            said[name] = run.simulation.warnings
    done = [name for name in asked if name in rows]
    return CountryComparison(
        problems={name: problems[name] for name in done},
        decisions={name: decisions[name] for name in done},
        fits=fits[asked[0]],
        table=pd.DataFrame([rows[name] for name in done]),
        faults=faults,
        warnings=(
            *dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, HeorWarning)),
            *dict.fromkeys(line for own in fits.values() for line in own.warnings),
            *_once(said),
        ),
        timings={"survival fits": fitted - started, "model": perf_counter() - fitted},
    )


def _once(said: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Each warning once, with the numbers of the first country it is true of."""
    names: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for name, lines in said.items():
        for line in lines:
            kind = NUMBERS.sub("#", line)
            first.setdefault(kind, line)
            names.setdefault(kind, []).append(name)
    return [
        f"{line} (In {own[0]}" + (f"; alike in {', '.join(own[1:])}.)" if own[1:] else ".)")
        for line, own in zip(first.values(), names.values(), strict=True)
    ]


def country_row(
    problem: DecisionProblem, simulation: Simulation, decision: Decision
) -> dict[str, object]:
    """What one country's rules make of the question.

    Returns
    -------
    dict
        Who and how: `country, label, agency, programme, as_of, currency, price_year, streams,
        rate_costs, rate_effects` (of the first year), `threshold_kind, has_verdict, borrowed` (values of a donor),
        `converted`, `unverified` (blocks). What: `comparator_qalys` (discounted), `qalys` and `cost`
        (increments) with `_se` (Monte Carlo), `_low`, `_high` (95 %); `icer`,
        `icer_low`, `icer_high` (95 % Monte Carlo), `icer_label`; `cost_common`
        with `_low`, `_high` in `common_money` (missing where nothing converts); `severity` (the rule's
        measure in words), `weight` and `severity_threshold`. And for each t of low, high and severity: `threshold_t`,
        `probability_t` and net health benefit `health_t` in QALYs with `_se`, `_low`, `_high`. With more
        than two strategies these compare the intervention with the comparator alone, and `best_t` with
        `_probability` says which of all is best. Money per patient, in the country's own.
    """
    country, settings = problem.country, problem.settings
    outcomes = simulation.outcomes
    both = outcomes.roles
    increments = cost_effectiveness.increment_table(outcomes, *both).set_index("outcome")
    changes = cost_effectiveness.increments(outcomes, *both)
    row: dict[str, object] = {
        "country": country.name,
        "label": country.label,
        "agency": country.agency,
        "programme": country.programme_label,
        "as_of": str(country.as_of),
        "currency": country.currency,
        "price_year": country.price_year,
        "streams": " ".join(country.streams),
        "rate_costs": country.discount_costs[0].rate,
        "rate_effects": country.discount_effects[0].rate,
        "threshold_kind": country.threshold_kind,
        "has_verdict": country.has_verdict,
        "borrowed": sum(p.donor is not None for p in problem.parameters.values()),
        "converted": sum(bool(p.conversion) for p in problem.parameters.values()),
        "unverified": len(country.unverified),
        "comparator_qalys": outcomes.component(QALYS)[
            :, outcomes.strategies.index(settings.comparator)
        ].mean(),
    }
    for outcome in (QALYS, "cost"):
        line = increments.loc[outcome]
        row[outcome] = line["mean"]
        row |= {f"{outcome}_{k}": line[k] for k in ("se", "low", "high")}
    icer = cost_effectiveness.icer_table(outcomes, *both).iloc[0]
    row["icer"] = icer["ratio"]
    row |= {f"icer_{k}": icer[k] for k in ("low", "high", "label")}
    money, worth = country.per_donor_money or ("", np.nan)
    row["common_money"] = money
    row["cost_common"] = row["cost"] / worth
    row |= {f"cost_common_{k}": row[f"cost_{k}"] / worth for k in ("low", "high")}
    row |= _severity(decision)
    return row | _net_health(decision, outcomes, changes)


def _severity(decision: Decision) -> dict[str, object]:
    """The measure that the rule judged by, in words, and the weight."""
    found = decision.severity
    if found is None:
        return {"severity": "", "weight": np.nan, "severity_threshold": np.nan}
    parts = {
        "absolute_shortfall": f"{found.shortfall:.1f} QALYs",
        "proportional_shortfall": f"{found.proportional_shortfall:.2f} of the QALYs left",
    }
    both = f"{found.shortfall:.1f} QALYs, {found.proportional_shortfall:.2f} of those left"
    return {
        "severity": parts.get(found.rule, both),
        "weight": found.weight,
        "severity_threshold": found.threshold,
    }


def _net_health(
    decision: Decision, outcomes: Outcomes, changes: Mapping[str, np.ndarray]
) -> dict[str, object]:
    """Net health benefit at the lowest, the highest and the severity-weighted threshold."""
    plain = [value for name, value in decision.thresholds if name != SEVERITY]
    named = {LOW: min(plain), HIGH: max(plain)} | dict(
        t for t in decision.thresholds if t[0] == SEVERITY
    )
    row: dict[str, object] = {}
    for name in (LOW, HIGH, SEVERITY):
        threshold = named.get(name, np.nan)
        health = changes[QALYS] - changes["cost"] / threshold if threshold > 0 else None
        row[column("threshold", name)] = threshold
        if health is None:
            row[column("probability", name)] = np.nan
            row |= {column("health", name, k): np.nan for k in ("", "se", "low", "high")}
            continue
        summary = outcomes.summary(health)
        row |= {column("probability", name): (health > 0).mean()}
        row |= {column("health", name): summary.pop("mean")}
        row |= {column("health", name, k): amount for k, amount in summary.items()}
    return row | _best(decision, named)


def _best(decision: Decision, named: Mapping[str, float]) -> dict[str, object]:
    """The best of more than two strategies, where there are."""
    row: dict[str, object] = {}
    by_value = {found.threshold: found for found in choices(decision.tables).values()}
    for name, threshold in named.items():
        if threshold in by_value:
            found = by_value[threshold]
            row[column("best", name)] = found.strategy
            row[column("best", name, "probability")] = found.chances[found.strategy]
    return row
