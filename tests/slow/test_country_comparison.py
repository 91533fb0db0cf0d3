"""Several countries at once: the same numbers as each in a run of its own, and a report of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from heor.errors import ModelError
from heor.inputs.load import load
from heor.report.folders.countries import answer, write_country_report
from heor.report.folders.figure_files import saved_figures
from heor.runs.country_comparison import CountryComparison, compare_countries
from tests.made_up import response_of
from tests.reports import countries_markdown as report

pytestmark = pytest.mark.slow
NAMES = ("norway", "england", "netherlands", "canada", "germany")
SETTINGS = {"draws": 300, "quick": True}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def results(inputs: Path, cache: Path) -> CountryComparison:
    problems = {name: load(inputs, name, **SETTINGS) for name in NAMES}
    return compare_countries(problems, {"utopia": "no such place"}, cache)


@pytest.mark.parametrize("name", ["england", "canada"])
def test_as_in_a_run_of_its_own(
    name: str, results: CountryComparison, inputs: Path, cache: Path
) -> None:
    problem = load(inputs, name, **SETTINGS)
    _, decision, _ = response_of(problem, cache)
    own = decision.tables["increments"].set_index("outcome")["mean"]
    row = results.table.set_index("country").loc[name]
    assert row["cost"] == pytest.approx(own["cost"], rel=1e-12)
    assert row["qalys"] == pytest.approx(own["qalys"], rel=1e-12)
    assert list(results.table["country"]) == list(NAMES)


def test_countries_share_their_fits(results: CountryComparison, cache: Path) -> None:
    """One file of posteriors for each fit, however many countries."""
    fits = [p.name for p in cache.glob("second_line_folfiri_os-exponential-*.nc")]
    assert len(fits) == 1


def test_the_report(results: CountryComparison, tmp_path: Path) -> None:
    folder = write_country_report(results, tmp_path / "out")
    text = (folder / "report.md").read_text(encoding="utf-8")
    for line in answer(results):
        assert line in text
    assert "utopia was not evaluated: no such place" in text
    assert "Values of Norway, converted: England (GBP 2024)" in text
    assert "in its money, because nothing converts them: Canada" in text
    assert "No official threshold: Germany" in text
    assert "cannot be set against costs in another money: Canada" in text
    assert "Germany: " in text and "at another country's thresholds" in text
    table = pd.read_csv(folder / "tables/countries.csv")
    assert list(table["country"]) == list(NAMES)
    assert (folder / "figures/countries.svg").stat().st_size > 10_000
    assert (folder / "tables/journal/countries.tsv").exists()
    saved, figures = saved_figures(folder)
    pd.testing.assert_frame_equal(saved.results.table, results.table)
    assert list(figures) == ["countries"]


def test_the_report_says_what_was_changed(results: CountryComparison) -> None:
    changed = {"c_resection": 100_000, "analysis.end_age": 90}
    problems = {n: replace(p, overrides=changed) for n, p in results.problems.items()}
    text = report(replace(results, problems=problems))
    assert "**Changed by hand** in every country" in text and "`c_resection = 100000`" in text
    assert "--set c_resection=100000 --set analysis.end_age=90" in text
    assert "Changed by hand" not in report(results)


def test_a_country_that_breaks_is_left_out(
    inputs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heor import together

    simulate = together.simulate_and_keep

    def breaking(cases, *rest, **others):
        if "england" in cases:
            raise ModelError("a law broke")
        return simulate(cases, *rest, **others)

    monkeypatch.setattr(together, "simulate_and_keep", breaking)
    problems = {name: load(inputs, name, **SETTINGS) for name in ("norway", "england", "canada")}
    found = compare_countries(problems, cache=cache)
    assert list(found.table["country"]) == ["norway", "canada"]
    assert found.faults == {"england": "a law broke"}
    with pytest.raises(ModelError):
        compare_countries({"england": problems["england"]}, cache=cache)


def test_the_difference_is_what_the_rules_make(results: CountryComparison) -> None:
    """Lower rates of effects, more QALYs gained; the comparison holds for every draw together."""
    table = results.table.set_index("country")
    assert table.loc["netherlands", "qalys"] > table.loc["germany", "qalys"]
    for name, problem in results.problems.items():
        increments = results.decisions[name].tables["increments"].set_index("outcome")["mean"]
        assert table.loc[name, "qalys"] == increments["qalys"], problem.country.label
