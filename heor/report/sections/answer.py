"""The answer in words, its table, and what it costs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from heor.decision.cost_effectiveness import EQUAL
from heor.decision.frontier import STATUSES, equal_to
from heor.decision.thresholds import column
from heor.outcomes.outcomes import LEAST_DRAWS
from heor.problem.parameter import UNCERTAIN_STATUSES
from heor.report import outline
from heor.report.format import frames
from heor.report.format.blocks import Block, Paragraph, bullets, paragraphs, strong_lines, table
from heor.report.format.choice import (
    alone,
    best_lines,
    changes_of_best,
    difference,
    has_several,
    label_of,
    named_thresholds,
    pair,
)
from heor.report.format.selection import left_out, shown_strategies
from heor.report.format.words import (
    TOO_FEW,
    chance,
    chance_words,
    icer_words,
    interval_of_size,
    interval_words,
    money,
    significant,
    timing,
    too_few,
    years,
)
from heor.runs.results import Results
from heor.usage.usage import used_parameters


def answer(results: Results) -> list[str]:
    """The answer in plain words, for the top of the report and the end of the run."""
    problem, decision = results.problem, results.decision
    currency = problem.country.currency
    icer = decision.tables["icer"].iloc[0]
    change = decision.tables["increments"].set_index("outcome")
    cost, qalys = change.loc["cost"], change.loc["qalys"]
    intervention, comparator = pair(problem)
    draws = results.simulation.outcomes.n
    verb = "gains" if qalys["mean"] >= 0 else "loses"
    costs = "costs" if cost["mean"] >= 0 else "saves"
    words = icer_words(
        icer["cost"], icer["effect"], icer["ratio"], icer["label"], f"{currency} per QALY"
    )
    middle = float(np.median(frames.changes(results)["qalys"]))
    middle = middle if qalys["mean"] >= 0 else -middle  # of the loss, as its interval
    spread = (
        " (median {}, 95 % {} to {})".format(*map(years, (middle, *interval_of_size(qalys)))),
        " (95 % {} to {})".format(*map(money, interval_of_size(cost))),
    )
    if results.simulation.outcomes.are_few:
        spread = ("", "")
    gain = (
        f"{intervention} {verb} {abs(qalys['mean']):.2f} QALYs on average{spread[0]} and {costs} "
        f"{money(abs(cost['mean']))} {currency}{spread[1]} a patient"
    )
    chances = _chances(results, draws)
    if not has_several(problem):
        return [f"{gain}, against {comparator}: {words}.", chances]
    return [*best_lines(results), f"Against {comparator} alone, {gain}: {words}. {chances}"]


def _chances(results: Results, draws: int) -> str:
    """How likely the intervention is better than the comparator, at each threshold."""
    problem, decision = results.problem, results.decision
    benefits = decision.tables["net_benefit"].set_index("threshold_name")
    parts = [
        f"{benefits.loc[name, 'probability']:.0%} at {amount}"
        for name, amount in named_thresholds(decision).items()
    ]
    what = (
        "Probability of being cost-effective"
        if problem.country.has_verdict
        else "Another country's thresholds, for orientation. Probability that net benefit is positive"
    )
    if has_several(problem):
        what = f"Chance that it is better than {pair(problem)[1]}"
    if results.simulation.outcomes.are_few:
        return f"{what}: {too_few(draws)}."
    return f"{what}: {', '.join(parts)} {problem.country.currency} per QALY."


def caveat(results: Results) -> str:
    """One sentence on what the answer rests on."""
    problem = results.problem
    used = used_parameters(problem)
    counts = Counter(problem.parameters[name].status for name in used)
    weak = sum(counts[s] for s in UNCERTAIN_STATUSES)
    lent = sum(problem.parameters[name].donor is not None for name in used)
    borrowed = f" {lent} are another country's." if lent else ""
    return (
        f"{weak} of the {len(used)} parameters this run uses are assumptions or not verified in their "
        f"source ({counts['assumption']} assumptions, {counts['expert']} expert opinion, "
        f"{counts['to_verify']} to verify, {counts['placeholder']} placeholders).{borrowed}"
    )


def outcome_rows(results: Results) -> pd.DataFrame:
    """Cost, QALYs and life years of each strategy, and their differences with 95 % interval."""
    problem, decision = results.problem, results.decision
    currency = problem.country.currency
    rows = []
    frame = decision.tables["strategies"]
    changes = decision.tables["increments"].set_index("outcome")
    strategies = {s: frame[frame["strategy"] == s].set_index("outcome") for s in problem.strategies}
    names = {
        "cost": (f"Cost ({currency})", money),
        "qalys": ("QALYs", years),
        "life_years": ("Life years", years),
        "qalys_undiscounted": ("QALYs, undiscounted", years),
        "life_years_undiscounted": ("Life years, undiscounted", years),
    }
    shown = shown_strategies(results)
    for outcome, (label, form) in names.items():
        row = {"Per patient": label}
        for name, strategy in shown.items():
            row[strategy.label] = form(strategies[name].loc[outcome, "mean"])
        change = changes.loc[outcome]
        row[difference(problem)] = form(change["mean"])
        interval = f"{form(change['low'])} to {form(change['high'])}"
        row["95 % interval"] = TOO_FEW if results.simulation.outcomes.are_few else interval
        rows.append(row)
    return pd.DataFrame(rows)


def answer_section(results: Results) -> list[Block]:
    """The answer, whether scenarios turn it, what to read with it, and the numbers."""
    problem, decision = results.problem, results.decision
    currency = problem.country.currency
    few = results.simulation.outcomes.are_few
    ratios = [
        f"{r['measure'][0].upper() + r['measure'][1:]}: "
        f"{icer_words(r['cost'], r['effect'], r['ratio'], r['label'], currency)} "
        f"(Monte Carlo SE {TOO_FEW if few else significant(r['se'], 2)})"
        for _, r in decision.tables["icer"].iterrows()
    ]
    frame = frames.companion_table(results)
    if has_several(problem):
        ratios = [f"{ratios[0]}{alone(problem)}", *ratios[1:]] if ratios else []
    return [
        strong_lines(answer(results)),
        *_turned(results, frame),
        Paragraph(caveat(results)),
        *_foremost(results),
        *table(outcome_rows(results)),
        Paragraph(timing(problem)),
        *bullets(ratios),
        *_frontier(results),
    ]


def _turned(results: Results, frame: pd.DataFrame) -> list[Block]:
    """The verdict, and each structural scenario of the run."""
    companions = _companions(results, frame)
    if not has_several(results.problem) and not results.problem.country.has_verdict:
        return [Paragraph(_no_verdict(results, frame)), *bullets(companions, close=True)]
    return bullets([*_reversals(results, frame), *companions])


def _companions(results: Results, frame: pd.DataFrame) -> list[str]:
    """Each structural scenario beside the run in one line."""
    country = results.problem.country
    lines = []
    for _, row in frame.iloc[1:].iterrows():
        words = icer_words(
            row["cost"],
            row["qalys"],
            row["icer"],
            row["icer_label"],
            f"{country.currency} per QALY",
        )
        lines.append(f"{row['scenario']}: {words}{_companion_chances(results, row)}.")
    return lines


def _companion_chances(results: Results, row: pd.Series) -> str:
    """How likely the decision is right in a scenario; with more strategies than two, which is best."""
    problem, draws = results.problem, results.simulation.outcomes.n
    if not has_several(problem):
        chances = ", ".join(
            f"{row[f'probability_{name}']:.0%} at {row[column('threshold', name)]:,.0f}"
            for name, _ in results.decision.thresholds
        )
        what = chance_words(problem.country).lower()
        return f"; {what} {chances}" if draws >= LEAST_DRAWS else f"; {what}: {TOO_FEW}"
    parts = [
        f"{label_of(problem, row[column('best', name)])} at {row[column('threshold', name)]:,.0f} "
        f"({chance(row[column('best', name, 'probability')], draws)})"
        for name, _ in results.decision.thresholds
        if isinstance(row.get(column("best", name)), str)
    ]
    return f"{alone(problem)}; best of all strategies: {', '.join(parts)}"


def _foremost(results: Results) -> list[Block]:
    """What a reader must know before using the answer: the first limits, and whose severity it is."""
    problem, found = results.problem, results.decision.severity
    lines = [*problem.limits[:1], *problem.country.limits[:1]]
    if found is not None and found.threshold is not None:
        rule = " The rule is not verified in its source." * problem.country.is_unverified(
            "severity"
        )
        weight = "weight" if found.weight_on == "qalys" else "threshold"
        lines.append(
            f"The severity-weighted threshold of {found.threshold:,.0f} {problem.country.currency} per QALY "
            f"follows from patients of {problem.start_age:g} years; another age can change the {weight} (see "
            f"*{outline.heading('severity')}*).{rule}"
        )
    return [Paragraph("Caveats:"), *bullets(lines)] if lines else []


def _frontier(results: Results) -> list[Block]:
    """Full incremental analysis, where there are more strategies than the two of the question."""
    if len(results.decision.tables["frontier"]) < 3:
        return []
    subject = "full incremental analysis of all strategies"
    return [
        Paragraph("Full incremental analysis of all strategies:"),
        *table(incremental_rows(results), subject=subject),
        *paragraphs(_dominated(results)),
    ]


def _dominated(results: Results) -> str:
    """How many strategies the tables above leave out."""
    count, shown = len(results.problem.strategies), len(shown_strategies(results))
    if shown == count:
        return ""
    return f"Shown here: {left_out(shown, count)} The others are in `tables/frontier.csv`."


def incremental_rows(results: Results) -> pd.DataFrame:
    """Every strategy against the one before it on the frontier, or why it is not on it.

    Where they are very many, those that charts show.
    """
    problem, frame = results.problem, results.decision.tables["frontier"]
    currency = problem.country.currency
    standing = frame["status"] == STATUSES[0]
    alone = standing.sum() == 1 and (frame["status"][~standing] == STATUSES[2]).all()
    whole, frame = frame, frame[frame["strategy"].isin(shown_strategies(results))]

    def ratio(row: pd.Series) -> str:
        if row["status"] == EQUAL:
            return f"is {EQUAL} to {label_of(problem, equal_to(whole, row))}"
        if row["status"] != STATUSES[0]:
            return f"is {row['status']}"
        if np.isnan(row["icer"]):
            return "dominates" if alone and len(frame) > 1 else "-"
        return interval_words(row["icer"], row["icer_low"], row["icer_high"], significant)

    return pd.DataFrame(
        {
            "Strategy": [problem.strategies[s].label for s in frame["strategy"]],
            f"Cost ({currency})": [money(x) for x in frame["cost"]],
            "QALYs": [years(x) for x in frame["effect"]],
            f"Incremental cost ({currency})": [
                money(x) if x == x else "-" for x in frame["incremental_cost"]
            ],
            "Incremental QALYs": [years(x) if x == x else "-" for x in frame["incremental_effect"]],
            f"ICER ({currency} per QALY; 95 % Monte Carlo interval)": [
                ratio(row) for _, row in frame.iterrows()
            ],
        }
    )


def _reversals(results: Results, frame: pd.DataFrame) -> list[str]:
    """The verdict at each threshold, and which structural scenarios turn it."""
    problem, currency = results.problem, results.problem.country.currency
    label = problem.strategies[problem.settings.intervention].label
    if has_several(problem):
        return changes_of_best(results, frame)
    sentences = []
    for name, threshold in results.decision.thresholds:
        benefit, error = (
            frame[column("net_benefit", name)],
            frame[column("net_benefit", name, "se")],
        )
        worth, clear = benefit > 0, benefit.abs() > 1.96 * error
        other = (worth != worth.iloc[0]).to_numpy()
        changed = list(frame["scenario"][other & clear.to_numpy()])
        near = list(frame["scenario"][1:][~clear.to_numpy()[1:]])
        turned = f"; this turns under {', '.join(changed)}" if changed else ""
        if near:
            turned += (
                f"; under {', '.join(near)} it cannot be distinguished from zero with these draws"
            )
        if not turned and len(frame) > 1:
            turned = ", here and in every structural scenario below"
        sentences.append(
            f"At {threshold:,.0f} {currency} per QALY {label} is "
            f"{'worth' if worth.iloc[0] else 'not worth'} its cost on average (net benefit "
            f"{money(benefit.iloc[0])} {currency} a patient){turned}."
        )
    return sentences


def _no_verdict(results: Results, frame: pd.DataFrame) -> str:
    """Net benefit where a country has no threshold: numbers, and no word on whether it is worth it."""
    currency = results.problem.country.currency
    parts = [
        f"{money(frame[f'net_benefit_{name}'].iloc[0])} {currency} a patient at {threshold:,.0f}"
        for name, threshold in results.decision.thresholds
    ]
    return (
        f"Mean net benefit is {', '.join(parts)} {currency} per QALY. "
        "These thresholds are not the country's own and give no verdict; the curves show all thresholds."
    )


def costs(results: Results) -> list[Block]:
    """Mean costs by category."""
    return [*table(cost_rows(results)), Paragraph(timing(results.problem))]


def cost_rows(results: Results) -> pd.DataFrame:
    """Mean cost by category and strategy, and the differences."""
    problem = results.problem
    changes = results.decision.tables["increments"].set_index("outcome")
    frame = results.decision.tables["strategies"]
    rows = []
    for category, label in {**problem.settings.categories, "cost": "**Total**"}.items():
        row = {f"{problem.country.currency} {problem.country.price_year} a patient": label}
        for name, strategy in shown_strategies(results).items():
            found = frame[(frame["strategy"] == name) & (frame["outcome"] == category)]
            row[strategy.label] = money(found["mean"].iloc[0])
        row[difference(problem)] = money(changes.loc[category, "mean"])
        rows.append(row)
    return pd.DataFrame(rows)
