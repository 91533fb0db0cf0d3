"""Report of another program's draws: the answer first, tables and figures of the decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from heor.decision.acceptability import ceac
from heor.psa import Analysed
from heor.report import figures_comparison
from heor.report.comparison import Comparison
from heor.report.figures_information import information
from heor.report.provenance import versions, write_json
from heor.report.tables import write_csv
from heor.report.words import any_money, icer_words, significant, table
from heor.storage.folder import write_folder


def write_analysis(
    found: Analysed,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    ellipse: bool = False,
    language: str = "en",
) -> Path:
    """Tables, figures, report.md, report.html and run.json; whole or not at all."""
    from heor.report.figures import write_figures
    from heor.report.html.explorer import REPLACED, explorer
    from heor.report.html.plain import write_plain_page

    def fill(place: Path) -> None:
        tables = dict(found.decision.tables)
        tables["information"] = found.information
        tables["information_curves"] = found.information_curves
        write_csv(tables, place / "tables")
        write_figures(
            comparison(found), place / "figures", progress=progress, figures=figures(found, ellipse)
        )
        (place / "report.md").write_text(report(found, list(figures(found))), encoding="utf-8")
        charts = explorer(comparison(found), language)
        write_plain_page(
            place, language=language, explorer=charts, without=REPLACED if charts else ()
        )
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
    own: dict[str, Callable] = {
        "plane": partial(figures_comparison.plane, ellipse=ellipse),
        "ceac": figures_comparison.ceac,
        "expected_loss": figures_comparison.expected_loss,
    }
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
    interval = ""
    if icer["label"] == "icer" and np.isfinite(icer["low"]):
        interval = f" (95 % Monte Carlo interval {significant(icer['low'])} to {significant(icer['high'])})"
    lines = [
        f"{found.intervention} {gains} {significant(abs(qalys['mean']))} QALYs (95 % "
        f"{significant(qalys['low'])} to {significant(qalys['high'])}) and {costs} "
        f"{any_money(abs(cost['mean']))} {currency} (95 % {any_money(cost['low'])} to {any_money(cost['high'])}) against "
        f"{found.comparator}: {words}{interval}."
    ]
    # by themselves: the curves' thresholds need not be among these, nor reach as far
    exact = ceac(found.outcomes, [value for _, value in found.decision.thresholds])
    for _, row in exact[exact["on_frontier"]].iterrows():
        lines.append(
            f"At {row['threshold']:,.10g} {currency} per QALY {row['strategy']} has the highest expected net "
            f"benefit; the chance that it is the best is {row['probability']:.0%}, and knowing would be "
            f"worth {any_money(row['evpi'])} {currency} a patient."
        )
    return lines


def report(found: Analysed, names: list[str]) -> str:
    """report.md."""
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
            "": frontier["status"],
        }
    )
    benefit = tables["net_benefit"]
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
            "Chance cost-effective": [
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
    parts = [
        f"# Decision analysis of {found.source.name}",
        "## The answer",
        "  \n".join(f"**{line}**" for line in answer(found)),
        f"{found.outcomes.n:,} draws, {len(means)} strategies, as the file gives them: discounting, price "
        "year and horizon are its program's.",
        "## Full incremental analysis",
        table(rows),
        f"## How sure: {found.intervention} against {found.comparator}",
        table(sure),
        _enough(found),
        _information(found),
        "\n".join(f"- {note}" for note in found.notes),
        "## Figures" if names else "",
        "\n\n".join(f"![{n.replace('_', ' ')}](figures/{n}.svg)" for n in names),
        "## Method",
        "All tables: `tables/`. Frontier by convex hull; strategies that tie for the best of a draw share it; "
        "ICER interval by Fieller's theorem; EVPPI by regression over draws (splines; polynomials with "
        "interactions; boosted trees, cross-fitted, for large groups).",
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _enough(found: Analysed) -> str:
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


def _information(found: Analysed) -> str:
    frame = found.information
    if frame.empty:
        return ""
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
                for s in own["suspicious"]
            ],
        }
    )
    return "\n\n".join(
        [
            "## Value of information",
            f"At {threshold:,.10g} {currency} per QALY (all thresholds: `tables/information.csv`):",
            table(rows) if len(rows) else "No parameter is worth knowing by itself.",
        ]
    )


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
