"""All scenarios beside the base case, and structural averages of them, on the same draws.

Scenarios are simulated a few at a time: together they share hazards, but a block of draws of all of
them at once would need several gigabytes. Of each only the rows of the table are kept, and the
outcomes of those that an average needs.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from heor.decision import cost_effectiveness
from heor.decision.averaging import achieved_weights, allocation, mixture
from heor.decision.choice import TABLE, best_columns, choice_table
from heor.decision.decision import Decision
from heor.decision.thresholds import Thresholds, column
from heor.errors import HeorWarning
from heor.left_out import FAILURES, reason
from heor.outcomes.outcomes import QALYS, Outcomes
from heor.problem.names import BASE
from heor.problem.problem import DecisionProblem
from heor.problem.settings import Average
from heor.streams import Streams
from heor.survival.fitting.fit_problems import SurvivalFits
from heor.together import fit_together, run_together

GROUP = 8  # scenarios simulated together: as fast as all at once in a quarter of the memory
CLEAR = 1.96  # Monte Carlo standard errors from zero at which a sign is clear

Problems = Mapping[str, DecisionProblem]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ScenarioResults:
    """The base case, scenarios and averages of them, on common draws.

    Attributes
    ----------
    problem : DecisionProblem
        The base case.
    problems : dict
        Name → problem of each that ran; `base` first.
    fits : SurvivalFits
        Of the base case.
    decision : Decision
        Of the base case; its thresholds are those of every row.
    table : DataFrame
        One row each: base case, scenarios, averages. See `scenario_row`.
    averages : dict
        Name → average that was computed.
    achieved : dict
        Name of an average → share of draws each of its scenarios got.
    faults : dict
        Name of a scenario or average → why it has no row.
    """

    problem: DecisionProblem
    problems: Problems
    fits: SurvivalFits
    decision: Decision
    table: pd.DataFrame
    averages: Mapping[str, Average] = field(default_factory=dict)
    achieved: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)


def evaluate_scenarios(
    problems: Problems,
    averages: Mapping[str, Average] | None = None,
    faults: Mapping[str, str] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> ScenarioResults:
    """Evaluate the base case, scenarios and averages of them on the same random numbers.

    Parameters
    ----------
    problems
        Name → problem with the draws and seed of the base case, which is called `base`; see
        `heor.inputs.scenarios.load_scenarios`.
    averages
        Name → average of scenarios.
    faults
        Scenarios that could not be read and why; others that fail are added to them.
    cache
        Folder of fitted posteriors; None keeps none.
    progress
        Called with (stage, done, total).

    Raises
    ------
    FitError, ModelError
        When the base case itself fails.
    """
    base, averages, faults = problems[BASE], dict(averages or {}), dict(faults or {})
    started = perf_counter()
    needed = {BASE, *(name for a in averages.values() for name in a.weights)}
    rows: dict[str, dict] = {}
    kept: dict[str, Outcomes] = {}
    said: dict[str, tuple[str, ...]] = {}
    with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as own:
        warnings.simplefilter("always", HeorWarning)
        fits = fit_together(problems, faults, cache or Path(own), progress)
        fitted = perf_counter()
        # those on the same fits stand together; curves of scenarios are not shown, and take much memory
        order = sorted(
            fits, key=lambda n: (n != BASE, fits[n].keys != fits[BASE].keys, fits[n].keys)
        )
        ready = {name: _without_curves(problems[name]) for name in order}
        for name, run in run_together(ready, fits, faults, progress, GROUP):
            if name == BASE:  # comes first
                decision = run.decision
                reference = cost_effectiveness.increments(run.outcomes, *run.outcomes.roles)
            if name in needed:
                kept[name] = run.outcomes
            said[name] = run.simulation.warnings
            rows[name] = scenario_row(run.outcomes, reference, decision.thresholds)
    mixed = averaged(averages, kept, faults, base.streams)
    for name, (outcomes, _) in mixed.items():
        rows[name] = scenario_row(outcomes, reference, decision.thresholds)
    ran = {name: p for name, p in problems.items() if name in rows}
    shown = {name: averages[name] for name in mixed}
    return ScenarioResults(
        problem=base,
        problems=ran,
        fits=fits[BASE],
        decision=decision,
        table=turned(_table(ran, shown, rows), decision.thresholds),
        averages=shown,
        achieved={name: achieved for name, (_, achieved) in mixed.items()},
        faults=faults,
        accepted=tuple(dict.fromkeys(line for own in fits.values() for line in own.accepted)),
        warnings=(
            *dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, HeorWarning)),
            *dict.fromkeys(line for own in fits.values() for line in own.warnings),
            *_said_of({name: said[name] for name in ran}),
        ),
        timings={
            "survival fits": fitted - started,
            "model and tables": perf_counter() - fitted,
        },
    )


def averaged(
    averages: Mapping[str, Average],
    outcomes: Mapping[str, Outcomes],
    faults: dict[str, str],
    streams: Streams,
) -> dict[str, tuple[Outcomes, dict[str, float]]]:
    """Outcomes of each average and the weights achieved; one that cannot be goes to `faults`."""
    found = {}
    for name, average in averages.items():
        missing = [member for member in average.weights if member not in outcomes]
        if missing:
            faults[name] = (
                f"average of scenarios that did not all run: {', '.join(missing)} is missing. Run or "
                "mend it, or leave it out of the weights."
            )
            continue
        try:
            mixed = mixture(outcomes, average.weights, streams)
        except FAILURES as error:  # scenarios with other strategies or cost categories
            faults[name] = reason(error)
            continue
        chosen = allocation(average.weights, mixed.n, streams)
        found[name] = mixed, achieved_weights(chosen, average.weights)
    return found


def _table(
    problems: Problems, averages: Mapping[str, Average], rows: Mapping[str, dict]
) -> pd.DataFrame:
    """Base case, scenarios and averages, one row each."""
    heads = [(n, BASE if n == BASE else "scenario", p.scenario_label) for n, p in problems.items()]
    heads += [(name, "average", average.label) for name, average in averages.items()]
    return pd.DataFrame(
        [
            {"scenario": name, "kind": kind, "label": label, **rows[name]}
            for name, kind, label in heads
        ]
    )


def _said_of(said: Mapping[str, Sequence[str]]) -> list[str]:
    """Each warning once, after the names of the scenarios it is true of."""
    names: dict[str, list[str]] = {}
    for name, lines in said.items():
        for line in lines:
            names.setdefault(line, []).append(name)
    return [f"{', '.join(own)}: {line}" for line, own in names.items()]


def _without_curves(problem: DecisionProblem) -> DecisionProblem:
    return replace(problem, settings=replace(problem.settings, curve_draws=1))


def scenario_row(
    outcomes: Outcomes,
    reference: Mapping[str, np.ndarray],
    thresholds: Thresholds,
) -> dict[str, object]:
    """What one scenario says, and how far it is from the base case.

    Parameters
    ----------
    reference
        Increments of the base case, dims of each (draw,).
    thresholds
        Name and money per QALY.

    Returns
    -------
    dict
        `cost` and `qalys` (increments), each with `_se` (Monte Carlo), `_low`, `_high` (95 %); `icer`,
        `icer_se`, `icer_low`, `icer_high` (95 % Monte Carlo), `icer_label`; and for each threshold t:
        `threshold_t`, `net_benefit_t` with `_se`, `_low`, `_high`, `probability_t`, `evpi_t` with `_se`, `difference_t` (of the net
        benefit from that of the base case) with `_se`, paired by draw. With more than two strategies
        these compare the intervention with the comparator alone, and `best_t` with `_probability`,
        `_lead` (over the next best) and `_lead_se` says which of all is best. Money per patient.
    """
    both = outcomes.roles
    increments = cost_effectiveness.increment_table(outcomes, *both).set_index("outcome")
    row: dict[str, object] = {}
    for outcome in ("cost", QALYS):
        line = increments.loc[outcome]
        row[outcome] = line["mean"]
        row |= {f"{outcome}_{k}": line[k] for k in ("se", "low", "high")}
    icer = cost_effectiveness.icer_table(outcomes, *both).iloc[0]
    row["icer"] = icer["ratio"]
    row |= {f"icer_{k}": icer[k] for k in ("se", "low", "high", "label")}
    table = cost_effectiveness.net_benefit_table(outcomes, *both, thresholds)
    own = cost_effectiveness.increments(outcomes, *both)
    for (name, threshold), (_, at) in zip(thresholds, table.iterrows(), strict=True):
        change = threshold * (own[QALYS] - reference[QALYS]) - (own["cost"] - reference["cost"])
        row |= {
            column("threshold", name): threshold,
            column("net_benefit", name): at["net_benefit"],
        }
        row |= {column("net_benefit", name, k): at[k] for k in ("se", "low", "high")}
        row |= {column("probability", name): at["probability"]}
        row |= {column("probability", name, "se"): at["probability_se"]}
        row |= {column("evpi", name): at["evpi"], column("evpi", name, "se"): at["evpi_se"]}
        row |= {column("difference", name): change.mean()}
        row |= {column("difference", name, "se"): float(outcomes.standard_error(change))}
    if len(outcomes.strategies) > 2:
        row |= best_columns({TABLE: choice_table(outcomes, both[0], thresholds)})
    return row


def turned(table: pd.DataFrame, thresholds: Thresholds) -> pd.DataFrame:
    """The table with, for each threshold t, `turns_t` and `sign_unclear_t`.

    A row turns the decision where its mean net benefit calls for another strategy than that of the
    base case, the first row; its sign is unclear within 1.96 Monte Carlo standard errors of zero. With
    more than two strategies that is the sign of the lead of the best of all over the next best.

    >>> rows = pd.DataFrame({"net_benefit_x": [5.0, -9.0], "net_benefit_x_se": [1.0, 6.0]})
    >>> turned(rows, [("x", 1.0)])[["turns_x", "sign_unclear_x"]].to_numpy().tolist()
    [[False, False], [True, True]]
    """
    added = {}
    for name, _ in thresholds:
        benefit, error = (
            table[column("net_benefit", name)],
            table[column("net_benefit", name, "se")],
        )
        choice = benefit > 0
        if column("best", name) in table:
            choice = table[column("best", name)].fillna("")
            benefit, error = (table[column("best", name, k)] for k in ("lead", "lead_se"))
        added[column("turns", name)] = choice != choice.iloc[0]
        added[f"sign_unclear_{name}"] = np.abs(benefit) < CLEAR * error
    return table.assign(**added)
