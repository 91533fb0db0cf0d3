"""Numbers of what would have to be true: net benefit over one quantity or two."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from heor.decision.decision import Decision
from heor.problem.problem import DecisionProblem
from heor.questions.crossings import WhatIfMap
from heor.report.figure_data.table import Numbers, money, stacked
from heor.report.format.labels import prices
from heor.runs.results import Results


@dataclass(frozen=True)
class Asked:
    """A map with the decision it is about."""

    problem: DecisionProblem
    decision: Decision
    shown: WhatIfMap


def asked(results: Results, index: int) -> Asked:
    """One of the run's maps."""
    return Asked(results.problem, results.decision, results.maps[index])


def what_if(found: Asked) -> Numbers:
    """Mean increments and net benefit at each point and threshold.

    Returns
    -------
    Numbers
        `series` point or this_run (median); `scenario, x, y, cost, qalys, threshold_name, threshold,
        net_benefit, net_benefit_se`; no `y` along one quantity. A map shows its first scenario only.
    """
    shown, question = found.shown, found.shown.what_if
    points = [
        shown.at(name, value).assign(threshold_name=name)
        for name, value in found.decision.thresholds
    ]
    whole = pd.concat(points)
    if question.y is not None:
        whole = whole[whole["scenario"] == next(iter(shown.labels))]
    whole["scenario"] = whole["scenario"].map(dict(shown.labels))
    here = _centre(shown)
    whole = stacked(("point", whole), ("this_run", here))
    country = found.problem.country
    units = {"x": question.x.label, "cost": money(prices(country)), "qalys": "a patient"}
    if question.y is None:
        whole = whole.drop(columns="y", errors="ignore")
    else:
        units["y"] = question.y.label
    units |= {"threshold": f"{country.currency} per QALY", "net_benefit": units["cost"]}
    units["net_benefit_se"] = units["cost"]
    return Numbers(whole, units)


def _centre(shown: WhatIfMap) -> pd.DataFrame:
    """Where this run's medians lie on a map; empty along one quantity."""
    x, y = shown.what_if.x, shown.what_if.y
    if y is None or not {x.name, y.name} <= set(shown.centre):
        return pd.DataFrame()
    return pd.DataFrame({"x": [shown.centre[x.name]], "y": [shown.centre[y.name]]})
