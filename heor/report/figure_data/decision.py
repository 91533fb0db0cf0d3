"""Numbers of several decisions side by side: companion scenarios and model structures."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from heor.decision.decision import Decision
from heor.report.figure_data.table import PROBABILITY, Numbers, money
from heor.report.format.labels import prices
from heor.runs.results import Results


def companions(results: Results) -> Numbers:
    """Net benefit of the run and the scenarios printed beside it; see `_rows`."""
    runs = [(results.problem.scenario_label, results.decision)]
    return _rows(results, [*runs, *((c.label, c.decision) for c in results.companions)])


def structures(results: Results) -> Numbers:
    """Net benefit under each model structure, this run's first; see `_rows`."""
    model = results.problem.settings.model
    order = sorted(results.structures, key=lambda s: s.model != model)
    return _rows(results, [(s.label, s.decision) for s in order])


def _rows(results: Results, runs: Sequence[tuple[str, Decision]]) -> Numbers:
    """Each decision at its own headline threshold.

    Returns
    -------
    Numbers
        `label, threshold_name, threshold, net_benefit, low, high` (95 % of draws), `probability`.
    """
    columns = ["threshold_name", "threshold", "net_benefit", "low", "high", "probability"]
    rows = []
    for label, decision in runs:
        name, _ = decision.headline
        table = decision.tables["net_benefit"].set_index("threshold_name", drop=False)
        rows.append({"label": label, **table.loc[name, columns].to_dict()})
    country = results.problem.country
    units = dict.fromkeys(("net_benefit", "low", "high"), money(prices(country)))
    units |= {"threshold": f"{country.currency} per QALY", "probability": PROBABILITY}
    return Numbers(pd.DataFrame(rows), units)
