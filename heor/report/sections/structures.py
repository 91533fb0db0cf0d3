"""The run under other model structures: the same draws of the same inputs, as far as each uses them."""

from __future__ import annotations

import pandas as pd

from heor.decision import cost_effectiveness
from heor.decision.thresholds import column
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.report.format import frames
from heor.report.format.blocks import Block, Paragraph, bullets, table
from heor.report.format.choice import alone, differences, has_several, label_of
from heor.report.format.selection import shown_strategies
from heor.report.format.words import STATUS_WORDS, money, ratio_words, significant, timing, years
from heor.report.sections.drivers import chance_cells
from heor.runs.results import Results
from heor.usage.structures import PARTITIONED, STRUCTURES, TIME_IN_STATE

ASSUMES = {
    PARTITIONED: "reads survival and progression-free survival off two curves; time in the later state "
    "is what is left between them.",
    "state_transition": "follows patients through the states; hazards depend on the time since the "
    "start (clock forward).",
    "semi_markov": "follows patients through the states; the hazard after entry into a state depends on "
    "the time since that entry (clock reset).",
    "individual": "simulates single patients of either sex in continuous time, with the clocks of the "
    "semi-Markov model, and measures costs and QALYs on their event histories.",
}
AT = (24, 60)


def structures(results: Results) -> list[Block]:
    """One row a structure, time in each phase, and why they differ."""
    if len(results.structures) + len(results.structure_faults) < 2:
        return []
    frame = frames.structure_table(results)
    faults = [
        f"Not shown, {STRUCTURES[model].lower()}: {why}"
        for model, why in results.structure_faults.items()
    ]
    found: list[Block] = []
    if len(frame) > 1:
        words = (
            f"{timing(results.problem)}{individual_note(results)} The same draws of the same inputs, as far as a structure uses them; "
            f"{differences(results.problem)}. The hazard ratio of death is "
            "what the mean survival curves imply (Cox limit, 1:1, censored at 60 months): compare it with "
            "the trials'."
        )
        found = [Paragraph(f"**{_range(results, frame)}**"), *table(structure_rows(results))]
        found.append(Paragraph(words))
        phases = _phases(results)
        if len(phases):
            subject = "time in each phase, months a patient, undiscounted"
            found.append(Paragraph("Time in each phase, months a patient, undiscounted:"))
            found += table(phases, left=2, subject=subject)
    lines = [f"{s.label} {ASSUMES[s.model]}" for s in results.structures]
    return [*found, *bullets([*lines, *_why(results, frame), *faults])]


def individual_note(results: Results) -> str:
    """How time counts in the row of the individual model, where another model is the run's."""
    models = {s.model for s in results.structures}
    if "individual" not in models or results.problem.settings.model == "individual":
        return ""
    return " The individual-level model counts in continuous time."


def _range(results: Results, frame: pd.DataFrame) -> str:
    """The span of the answer over structures, and whether the verdict holds."""
    currency = results.problem.country.currency
    name, threshold = results.decision.headline
    ratios = frame.loc[frame["icer_label"] == "icer", "icer"]
    worth = frame[column("net_benefit", name)] > 0
    span = f"Over {len(frame)} model structures the gain is {years(frame['qalys'].min())} to "
    span += f"{years(frame['qalys'].max())} QALYs"
    if len(ratios) == len(frame):
        span += (
            f" and the cost per QALY {significant(ratios.min())} to {significant(ratios.max())} "
            f"{currency}"
        )
    span += alone(results.problem)
    if has_several(results.problem):
        if column("best", name) not in frame:  # results of an earlier version
            return f"{span}."
        return f"{span}; {_best_by_structure(results, frame, name)}."
    every = worth.all() or not worth.any()
    which = f"under {', '.join(frame['label'][worth])} only"
    if not results.problem.country.has_verdict:
        which = f"under {'all' if worth.all() else 'none'}" if every else which
        return (
            f"{span}; at {threshold:,.0f} {currency} per QALY, which is another country's, mean net "
            f"benefit is positive {which}."
        )
    if every:
        verdict = "worth its cost under all" if worth.all() else "not worth its cost under any"
    else:
        verdict = f"worth its cost {which}"
    label = results.problem.strategies[results.problem.settings.intervention].label
    return f"{span}; at {threshold:,.0f} {currency} per QALY {label} is {verdict}."


def _best_by_structure(results: Results, frame: pd.DataFrame, name: str) -> str:
    """Which of more than two strategies is best under which structure."""
    problem = results.problem
    threshold = dict(results.decision.thresholds)[name]
    where = f"at {threshold:,.0f} {problem.country.currency} per QALY"
    groups = frame.groupby(column("best", name), sort=False)["label"].agg(list)
    if len(groups) == 1:
        return (
            f"{where} {label_of(problem, groups.index[0])} is the best of all strategies under all"
        )
    parts = [f"{label_of(problem, best)} under {', '.join(own)}" for best, own in groups.items()]
    return f"{where} the best of all strategies is {', '.join(parts)}"


def structure_rows(results: Results) -> pd.DataFrame:
    """Increments, chances, hazard ratio and survival under each structure."""
    currency = results.problem.country.currency
    rows = []
    for _, r in frames.structure_table(results).iterrows():
        row = {
            "Structure": r["label"] + (" (this run)" if r["run"] else ""),
            f"Cost ({currency})": money(r["cost"]),
            "QALYs": years(r["qalys"]),
            f"ICER ({currency} per QALY; 95 % Monte Carlo interval)": ratio_words(
                r["icer"], r["icer_low"], r["icer_high"], r["icer_label"]
            ),
        }
        for name, threshold in results.decision.thresholds:
            row |= chance_cells(results, r, name, threshold)
        row["Hazard ratio of death, 60 months"] = f"{r['hazard_ratio_60']:.2f}"
        for strategy, own in shown_strategies(results).items():
            alive = " / ".join(f"{r[f'alive_{m}_{strategy}']:.2f}" for m in AT)
            row[f"Alive at {' / '.join(map(str, AT))} months, {own.label}"] = alive
        rows.append(row)
    return pd.DataFrame(rows)


def _phases(results: Results) -> pd.DataFrame:
    frame = frames.phase_table(results)
    if frame.empty:  # no strategy names phases
        return frame
    frame["value"] = [f"{v * MONTHS_PER_YEAR:.1f}" for v in frame["years"]]
    frame["Phase"] = [
        f"of which: {p}" if kind == "of_which" else p
        for p, kind in zip(frame["phase"], frame["kind"], strict=True)
    ]
    labels = {name: s.label for name, s in results.problem.strategies.items()}
    frame["Strategy"] = frame["strategy"].map(labels)
    frame["order"] = range(len(frame))
    index = ["Strategy", "Phase"]
    order = frame.groupby(index)["order"].min().sort_values().index
    wide = frame.pivot_table(index=index, columns="structure", values="value", aggfunc="first")
    columns = [s.label for s in results.structures]
    return wide.loc[order, columns].reset_index()


def _why(results: Results, frame: pd.DataFrame) -> list[str]:
    """Why structures differ here: from the inputs and the numbers."""
    problem = results.problem
    models = {s.model: s for s in results.structures}
    lines = []
    if PARTITIONED in models and len(models) > 1 and problem.strategies_with_curves:
        lines += _after_progression(problem)
        lines += _transport(results, frame)
    if set(models) & set(TIME_IN_STATE) and set(models) - set(TIME_IN_STATE):
        if any(e.after for s in problem.strategies.values() for e in s.exposures.values()):
            lines.append(
                "What lasts for a time after progression is charged in full by models without time in "
                "state, and cut short by death in the others."
            )
    if "individual" in models:
        lines.append(_noise(results))
    dropped = max((s.dropped for s in results.structures), default=0.0)
    if dropped > 0:
        lines.append(
            f"Structures other than partitioned survival use joint families of both endpoints only; "
            f"families with {dropped:.1%} of the weight were left out there. (A run of such a structure "
            "weighs the joint families anew, so its numbers may differ in the third digit.)"
        )
    return lines


def _noise(results: Results) -> str:
    """What simulating a number of patients adds: against the same process without it."""
    problem = results.problem
    words = f"The individual model simulates {problem.settings.patients:,} patients a draw"
    gains = {
        s.model: cost_effectiveness.increments(s.simulation.outcomes, *problem.settings.roles)[
            "qalys"
        ]
        for s in results.structures
    }
    if "semi_markov" not in gains:
        return f"{words}; part of the spread over its draws is patient-level (first-order) variability."
    luck = gains["individual"] - gains["semi_markov"]
    error = float(results.simulation.outcomes.standard_error(luck))
    return (
        f"{words}. Against the semi-Markov cohort, the same process without that luck, its gain differs by "
        f"{round(luck.mean(), 3) + 0.0:+.3f} QALYs on average (Monte Carlo SE {error:.3f}; "
        f"SD over draws {luck.std(ddof=1):.2f})."
    )


def _after_progression(problem: DecisionProblem) -> list[str]:
    """The strategies whose survival after progression rests on a hazard ratio of its own."""
    found = []
    for strategy in problem.strategies.values():
        parameter = problem.parameters.get(strategy.after_progression)
        if parameter is not None:
            found.append(
                f"{strategy.label}: partitioned survival takes overall survival from the trials' hazard "
                f"ratio. The others take it from progression-free survival and the {parameter.description}, "
                f"{parameter.mean:g} (SE {parameter.se:g}; {STATUS_WORDS[parameter.status]}), and do not use "
                "the hazard ratio of death: what changes only that ratio does not move them, and part of the "
                "difference between the rows is this input, not the structure."
            )
    return found


def _transport(results: Results, frame: pd.DataFrame) -> list[str]:
    """By how much the comparator's survival differs, where its curves carry a multiplier."""
    problem = results.problem
    comparator = problem.strategies[problem.settings.comparator]
    multipliers = {getattr(c, "multiplier", "1") for c in comparator.curves.values()} - {"1"}
    if not multipliers:
        return []
    lived = frame.set_index("model")[f"life_years_undiscounted_{comparator.name}"]
    other = lived.drop(PARTITIONED).iloc[0]
    agree = all(structure.dropped == 0 for structure in results.structures)
    return [
        f"{comparator.label}: the multiplier of the excess hazard ({', '.join(sorted(multipliers))}) acts "
        f"on each curve in partitioned survival and on each transition in the others: "
        f"{lived[PARTITIONED]:.2f} against {other:.2f} life years"
        + ("; without it they agree." if agree else ".")
    ]
