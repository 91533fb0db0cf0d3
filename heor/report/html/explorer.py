"""The section in which a reader moves the threshold, for outcomes of any other program."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from heor.report.format.blocks import table
from heor.report.format.comparison import Comparison
from heor.report.format.translations import labels
from heor.report.format.words import any_money
from heor.report.html import figure_numbers, template
from heor.report.html.data import decision_data
from heor.report.html.plain import Explorer
from heor.report.html.prose import prose

SCRIPTS = ("decision.js", "amounts.js", "charts.js", "threshold.js", "explorer.js")
REPLACED = ("plane", "ceac", "expected_loss")  # figures its charts stand for
MOST = 500_000  # draws of all strategies: beyond, the page is too large and too slow


def explorer(view: Comparison, language: str = "en") -> Explorer | None:
    """Slider, plane, acceptability, expected loss and EVPI, with the tables behind them.

    Returns
    -------
    Explorer or None
        None where there are too many draws for a page, or curves at one threshold only.
    """
    words = labels(language)
    grid = view.decision.tables["ceac"]["threshold"]
    ends = float(grid.min()), float(grid.max())
    if ends[0] == ends[1] or view.outcomes.n * len(view.outcomes.strategies) > MOST:
        return None
    charts = words["charts"]
    body = template.templates().get_template("threshold.html")
    return Explorer(
        body=Markup(
            body.render(
                words=words,
                currency=view.currency,
                verdict=True,
                plane=_table(figure_numbers.quadrants(view), charts["plane"]),
                curves=_table(figure_numbers.curve_table(view, any_money), charts["ceac"]),
            )
        ),
        data=template.as_json(_data(view, ends, words)),
        scripts=template.scripts(SCRIPTS),
    )


def _data(view: Comparison, ends: tuple[float, float], words: dict[str, Any]) -> dict[str, Any]:
    return {**decision_data(view, ends), "words": {k: words[k] for k in ("slider", "charts")}}


def _table(frame: pd.DataFrame, caption: str) -> Markup:
    return Markup('<div lang="en">{}</div>').format(prose(table(frame), caption))
