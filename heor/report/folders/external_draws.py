"""Report of another program's draws: the answer first, tables and figures of the decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from heor.decision.acceptability import ceac
from heor.decision.choice import choices
from heor.decision.cost_effectiveness import EQUAL, are_equal
from heor.decision.frontier import equal_to
from heor.report import outline
from heor.report.cheers.answer import listed
from heor.report.figures import comparison as figures_comparison
from heor.report.figures.information import information
from heor.report.folders.tables import write_csv
from heor.report.format.blocks import Block, Document, Paragraph, bullets, strong_lines, table
from heor.report.format.blocks import figures as shown_figures
from heor.report.format.comparison import Comparison
from heor.report.format.provenance import versions, write_json
from heor.report.format.words import (
    TOO_FEW,
    any_money,
    counted,
    icer_words,
    interval_of_size,
    significant,
    too_few,
)
from heor.runs.external_draws import Analysed
from heor.storage.folder import write_folder


def write_analysis(
    found: Analysed,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    ellipse: bool = False,
    language: str = "en",
) -> Path:
    """Tables, figures, report.md, report.html and run.json; whole or not at all."""
    from heor.report.figures.registry import write_figures
    from heor.report.html.explorer import REPLACED, explorer
    from heor.report.html.plain import write_document

    def fill(place: Path) -> None:
        tables = dict(found.decision.tables)
        tables["information"] = found.information
        tables["information_curves"] = found.information_curves
        write_csv(tables, place / "tables")
        write_figures(
            comparison(found), place / "figures", progress=progress, figures=figures(found, ellipse)
        )
        charts = None if found.outcomes.are_few else explorer(comparison(found), language)
        shown = document(found, list(figures(found)))
        write_document(shown, place, language, charts, REPLACED if charts else ())
        write_json(record(found), place / "run.json")

    return write_folder(folder, fill)


def comparison(found: Analysed) -> Comparison:
    """What figures need."""
    currency = found.outcomes.currency
    return Comparison(
        labels={name: name for name in found.outcomes.strategies},
        comparator=found.comparator,
        intervention=found.intervention,
        currency=currency,
        prices=currency,
        outcomes=found.outcomes,
        decision=found.decision,
        information=found.information,
        information_curves=found.information_curves,
    )


def figures(found: Analysed, ellipse: bool = False) -> dict[str, Callable]:
    """The figures these draws can have."""
    own: dict[str, Callable] = {"plane": partial(figures_comparison.plane, ellipse=ellipse)}
    if not found.outcomes.are_few:  # too few to say how likely anything is
        own["ceac"] = figures_comparison.ceac
        own["expected_loss"] = figures_comparison.expected_loss
    if not found.information.empty:
        own["information"] = information
    return own


def answer(found: Analysed) -> list[str]:
    """The answer in plain words."""
    currency, tables = found.outcomes.currency, found.decision.tables
    icer = tables["icer"].iloc[0]
    change = tables["increments"].set_index("outcome")
    cost, qalys = change.loc["cost"], change.loc["qalys"]
    gains = "gains" if qalys["mean"] >= 0 else "loses"
    costs = "costs" if cost["mean"] >= 0 else "saves"
    words = icer_words(
        icer["cost"], icer["effect"], icer["ratio"], icer["label"], f"{currency} per QALY"
    )
    interval, few = "", found.outcomes.are_few
    if icer["label"] == "icer" and np.isfinite(icer["low"]) and not few:
        interval = f" (95 % Monte Carlo interval {significant(icer['low'])} to {significant(icer['high'])})"
    spread = (
        " (95 % {} to {})".format(*map(significant, interval_of_size(qalys))),
        " (95 % {} to {})".format(*map(any_money, interval_of_size(cost))),
    )
    if few:
        spread = ("", "")
    alone = " alone" if len(found.outcomes.strategies) > 2 else ""
    pair = (
        f"{found.intervention} {gains} {significant(abs(qalys['mean']))} QALYs{spread[0]} and {costs} "
        f"{any_money(abs(cost['mean']))} {currency}{spread[1]} against {found.comparator}{alone}: "
        f"{words}{interval}."
    )
    return [*_best(found), pair] if alone else [pair, *_best(found)]


def _best(found: Analysed) -> list[str]:
    """The best of all strategies at each threshold."""
    currency, draws, lines = found.outcomes.currency, found.outcomes.n, []
    several = len(found.outcomes.strategies) > 2
    # by themselves: the curves' thresholds need not be among these, nor reach as far
    exact = ceac(found.outcomes, [value for _, value in found.decision.thresholds])
    for threshold, rows in exact.groupby("threshold", sort=False):
        row = rows[rows["on_frontier"]].iloc[0]
        equal = rows.loc[are_equal(rows["expected_loss"], row["expected_loss"]), "strategy"]
        of_all = f" of all {len(rows)} strategies" if several else ""
        first = f"At {threshold:,.10g} {currency} per QALY"
        if len(equal) == len(rows):
            lines.append(f"{first} {listed(list(equal))} have the same expected net benefit.")
            continue
        has = "have" if len(equal) > 1 else "has"
        words = f"{first} {listed(list(equal))} {has} the highest expected net benefit{of_all}"
        if found.outcomes.are_few:
            lines.append(f"{words}; how likely that is: {too_few(draws)}.")
            continue
        lines.append(
            f"{words}; the chance that {'they are' if len(equal) > 1 else 'it is'} the best is "
            f"{rows.loc[equal.index, 'probability'].sum():.0%}"
            f"{_other_chance(found, rows, equal)}, and knowing would be worth "
            f"{any_money(row['evpi'])} {currency} a patient."
        )
    return lines


def _other_chance(found: Analysed, rows: pd.DataFrame, best: pd.Series) -> str:
    """That of the strategy asked about, where it is not the best of more than two."""
    if found.intervention in set(best) or len(rows) < 3:
        return ""
    own = rows.set_index("strategy").loc[found.intervention, "probability"]
    return f", that of {found.intervention} {own:.0%}"


def document(found: Analysed, names: list[str]) -> Document:
    """The whole report, with the figures of these names."""
    tables, currency = found.decision.tables, found.outcomes.currency
    means = tables["strategies"].pivot(index="strategy", columns="outcome", values="mean")
    frontier = tables["frontier"]
    rows = pd.DataFrame(
        {
            "Strategy": frontier["strategy"],
            f"Cost ({currency})": [any_money(x) for x in frontier["cost"]],
            "QALYs": [significant(x, 4) for x in frontier["effect"]],
            "More cost": [any_money(x) if x == x else "" for x in frontier["incremental_cost"]],
            "More QALYs": [
                significant(x) if x == x else "" for x in frontier["incremental_effect"]
            ],
            f"{currency} per QALY": [significant(x) if x == x else "" for x in frontier["icer"]],
            "": [
                f"{EQUAL} to {equal_to(frontier, row)}" if row["status"] == EQUAL else row["status"]
                for _, row in frontier.iterrows()
            ],
        }
    )
    benefit, few = tables["net_benefit"], found.outcomes.are_few
    sure = pd.DataFrame(
        {
            f"{currency} per QALY": [f"{t:,.10g}" for t in benefit["threshold"]],
            "Net benefit": [
                f"{any_money(r['net_benefit'])} (SE {any_money(r['se'])})"
                for _, r in benefit.iterrows()
            ],
            "In QALYs": [significant(x) for x in benefit["net_health_benefit"]],
            "95 % interval": [
                f"{any_money(r['low'])} to {any_money(r['high'])}" for _, r in benefit.iterrows()
            ],
            "Probability cost-effective": [
                f"{r['probability']:.1%} (SE {r['probability_se']:.1%})"
                for _, r in benefit.iterrows()
            ],
            "Chance of a wrong decision": [f"{x:.1%}" for x in benefit["error_probability"]],
            "EVPI": [
                f"{any_money(r['evpi'])} (SE {any_money(r['evpi_se'])})"
                for _, r in benefit.iterrows()
            ],
        }
    )
    if few:
        sure = sure.iloc[:, :1].assign(
            **{"Net benefit": [any_money(x) for x in benefit["net_benefit"]], "How sure": TOO_FEW}
        )
    several = len(found.outcomes.strategies) > 2
    if several:  # what compares two says nothing of a decision among all
        sure = sure.drop(columns=["Chance of a wrong decision", "EVPI"], errors="ignore")
        sure = sure.rename(columns={"Probability cost-effective": "Chance above 0"})
    about = (
        f"{counted(found.outcomes.n, 'draw')}, {len(means)} strategies, as the file gives them: discounting, price "
        "year and horizon are its program's."
    )
    method = (
        "All tables: `tables/`. Frontier by convex hull; strategies that tie for the best of a draw share it; "
        "ICER interval by Fieller's theorem; EVPPI by regression over draws (splines; polynomials with "
        "interactions; boosted trees, cross-fitted, for large groups)."
    )
    made = {
        "answer": [strong_lines(answer(found)), Paragraph(about)],
        "full-incremental-analysis": table(rows),
        "best-of-all": table(_whole_set(found)) if several else [],
        "how-sure": [*table(sure), Paragraph(_enough(found))],
        "value-of-information": _information(found),
        "notes": bullets(found.notes),
        "figures": shown_figures(names),
        "method": [Paragraph(method)],
    }
    compared = f"{found.intervention} against {found.comparator}{' alone' if several else ''}"
    parts = outline.parts(outline.EXTERNAL_DRAWS, made, compared=compared)
    return Document(f"Decision analysis of {found.source.name}", "", (), parts)


def _whole_set(found: Analysed) -> pd.DataFrame:
    """The best of all strategies at each threshold, and how likely it is not."""
    rows = []
    for own in choices(found.decision.tables).values():
        row = {
            f"{found.outcomes.currency} per QALY": f"{own.threshold:,.10g}",
            "Best": own.strategy,
        }
        row["Above the next best"] = f"{any_money(own.lead)} ({own.second})"
        if found.outcomes.are_few:
            rows.append({**row, "How sure": TOO_FEW})
            continue
        row["Above the next best"] += f" (SE {any_money(own.lead_se)})"
        likely = own.chances[own.strategy], own.chances_se[own.strategy]
        row["Chance that it is the best"] = f"{likely[0]:.1%} (SE {likely[1]:.1%})"
        row["Chance of a wrong decision"] = f"{own.error_probability:.1%}"
        row["EVPI"] = f"{any_money(own.evpi)} (SE {any_money(own.evpi_se)})"
        rows.append(row)
    return pd.DataFrame(rows)


def _enough(found: Analysed) -> str:
    if found.outcomes.are_few:
        return f"Monte Carlo error: {too_few(found.outcomes.n)}."
    frame = found.decision.tables["convergence"]
    last = frame[frame["draws"] == frame["draws"].max()]
    short = last[last["draws_needed"] > last["draws"]]
    if short.empty:
        return "Monte Carlo error is small: see `tables/convergence.csv`."
    words = [
        f"{r['measure']}" + (f" at {r['threshold']:,.10g}" if r["threshold_name"] else "")
        for _, r in short.iterrows()
    ]
    return (
        f"More draws would help: {', '.join(words)} need up to {short['draws_needed'].max():,.0f} for a "
        "standard error of 1 % (EVPI 5 %); see `tables/convergence.csv`."
    )


def _information(found: Analysed) -> list[Block]:
    frame = found.information
    if frame.empty:
        return []
    currency = found.outcomes.currency
    name, threshold = found.decision.thresholds[-1]
    own = frame[(frame["threshold_name"] == name) & (frame["kind"] != "all")]
    own = own[own["value"] > 0].sort_values("value", ascending=False).head(15)
    rows = pd.DataFrame(
        {
            "What": [
                f"**{r['name']}**" if r["kind"] == "group" else r["name"] for _, r in own.iterrows()
            ],
            f"Worth a patient ({currency})": [any_money(x) for x in own["value"]],
            "SE": [any_money(x) for x in own["se"]],
            "": [
                "read with care: the regression left a pattern" if s else ""
                for s in own["has_residual_pattern"]
            ],
        }
    )
    words = f"At {threshold:,.10g} {currency} per QALY (all thresholds: `tables/information.csv`):"
    none = [Paragraph("No parameter is worth knowing by itself.")]
    return [Paragraph(words), *(table(rows) if len(rows) else none)]


def record(found: Analysed) -> dict:
    """The content of run.json."""
    return {
        "source": found.source.name,
        "sha256": found.sha256,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "currency": found.outcomes.currency,
        "draws": found.outcomes.n,
        "strategies": list(found.outcomes.strategies),
        "comparator": found.comparator,
        "intervention": found.intervention,
        "thresholds": [value for _, value in found.decision.thresholds],
        "groups": {k: list(v) for k, v in found.groups.items()},
        "notes": list(found.notes),
        "versions": versions(),
    }
