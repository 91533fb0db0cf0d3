"""Whether it is worth its cost is said at the country's own thresholds only, in every form of the report."""

from __future__ import annotations

import re

import pytest

from heor.report.run_report import report
from heor.runs.results import Results
from tests.reports import SHOWN, without_threshold

VERDICT = re.compile(r"worth its cost|worth while|\bcost-effective\b", re.IGNORECASE)
#: Not of this decision: what the intervention is, the name of a method.
OTHER = re.compile(r"cost-effectiveness|probability of being cost-effective", re.IGNORECASE)


def verdict(text: str) -> str:
    """The words around the first verdict."""
    text = OTHER.sub("", text)
    found = VERDICT.search(text)
    return text[max(0, found.start() - 150) : found.end() + 50] if found else ""


@pytest.mark.parametrize(
    "form", [pytest.param(f, marks=pytest.mark.slow) if f == "figures" else f for f in SHOWN]
)
def test_no_verdict_without_a_threshold_of_the_country(made_up_run: Results, form: str) -> None:
    assert verdict(SHOWN[form](without_threshold(made_up_run, "none"))) == ""


@pytest.mark.parametrize("form", ["report.md", "journal"])
def test_a_verdict_with_one(made_up_run: Results, form: str) -> None:
    """The test above can fail."""
    assert verdict(SHOWN[form](made_up_run))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("official", "Thresholds: Norway's official ones"),
        ("customary", "customary in Norway, none is official"),
        ("asked", "as asked for in this run, not Norway's rule"),
        ("none", "another country's, for orientation"),
    ],
)
def test_whose_thresholds_stands_at_the_top(made_up_run: Results, kind: str, words: str) -> None:
    text = report(without_threshold(made_up_run, kind), [])
    assert words in text[: text.index("## The answer")]
