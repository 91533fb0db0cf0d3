"""Rows of the page's parameter table, with the address of each source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heor.problem.parameter import UNCERTAIN_STATUSES, Source
from heor.problem.units import UNITS
from heor.report.format import frames
from heor.report.format.words import LOG_RATIO, STATUS_WORDS, plain
from heor.runs.results import Results

REQUIRED = "required"  # what a country has to give replaces nothing


@dataclass(frozen=True)
class ParameterRow:
    """One parameter as the page shows it; `sources` are (title, address or empty)."""

    name: str
    description: str
    value: str
    number: float
    interval: str
    unit: str
    distribution: str
    status: str
    uncertain: bool
    used: bool
    sources: tuple[tuple[str, str], ...]
    origin: str
    replaced: str
    note: str
    pooled: bool = False


def parameter_rows(results: Results) -> list[ParameterRow]:
    """Every parameter: those the run uses first, in the order of the inputs."""
    problem, currency = results.problem, results.problem.country.currency
    pooled = [_pooled_row(results, name) for name in problem.syntheses]
    frame = frames.parameter_table(results).sort_values("used", ascending=False, kind="stable")
    return pooled + [
        ParameterRow(
            name=r["name"],
            description=r["description"],
            value=plain(r["mean"]),
            number=float(r["mean"]),
            interval="" if r["low"] == r["high"] else f"{plain(r['low'])} to {plain(r['high'])}",
            unit=r["unit"].replace("{currency}", currency),
            distribution=r["distribution"],
            status=STATUS_WORDS[r["status"]],
            uncertain=r["status"] in UNCERTAIN_STATUSES,
            used=bool(r["used"]),
            sources=tuple(
                (problem.sources[key].title, address(problem.sources[key]))
                for key in problem.parameters[r["name"]].source
                if key in problem.sources
            ),
            origin=r["origin"],
            replaced=r["replaced"] if r["replaced"] not in (None, REQUIRED) else "",
            note=r["note"] or "",
        )
        for _, r in frame.iterrows()
    ]


def _pooled_row(results: Results, name: str) -> ParameterRow:
    """An effect pooled from studies: mean and 95 % interval over draws, and what it is made of."""
    problem, synthesis = results.problem, results.problem.syntheses[name]
    factor = UNITS[synthesis.unit].factor
    values = results.draws.values[name] / factor
    studies = [problem.parameters[s] for s in synthesis.studies]
    keys = dict.fromkeys(key for p in studies for key in p.source if key in problem.sources)
    ratio = synthesis.unit == LOG_RATIO
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    about = (
        f"As a ratio: median {np.exp(middle):.2f}, 95 % {np.exp(low):.2f} to {np.exp(high):.2f}. "
        * ratio
    )
    return ParameterRow(
        name=name,
        description=synthesis.label,
        value=plain(float(values.mean()), 3),
        number=float(values.mean()),
        interval=f"{plain(low, 3)} to {plain(high, 3)}",
        unit=synthesis.unit,
        distribution=f"pooled, {synthesis.use}",
        status=STATUS_WORDS["derived"],
        uncertain=False,
        used=True,
        sources=tuple((problem.sources[k].title, address(problem.sources[k])) for k in keys),
        origin="pooled in analysis.yaml",
        replaced="",
        note=f"{about}Pooled over draws from: {'; '.join(p.description for p in studies)}.",
        pooled=True,
    )


def address(source: Source) -> str:
    """Where a source is found: its DOI, or its page if that is on the web; else empty."""
    if source.doi:
        return f"https://doi.org/{source.doi}"
    url = source.url or ""
    return url if url.startswith(("https://", "http://")) else ""


def status_counts(rows: list[ParameterRow]) -> list[tuple[str, int, float]]:
    """Status, number of parameters the run uses with it, and their share; most frequent first."""
    used = [row.status for row in rows if row.used and not row.pooled]
    counts = {status: used.count(status) for status in STATUS_WORDS.values()}
    found = sorted(((s, n) for s, n in counts.items() if n), key=lambda item: -item[1])
    return [(s, n, n / len(used)) for s, n in found]
