"""report.html of folders that are not a run's: their report.md whole, safe, and readable by all."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.cli import main as cli
from heor.decision.acceptability import ceac
from heor.errors import InputError
from heor.inputs.load import load
from heor.problem.problem import DecisionProblem
from heor.report import outline
from heor.report.folders.countries import answer, write_country_report
from heor.report.folders.external_draws import comparison, write_analysis
from heor.report.folders.rebuild import rebuild
from heor.report.format.blocks import Document, Figure, Paragraph, Part
from heor.report.format.translations import labels
from heor.report.format.words import any_money
from heor.report.html.explorer import MOST, explorer
from heor.report.html.plain import CURVE_ROWS, ROWS, plain_page, thinned
from heor.report.html.template import VENDOR
from heor.runs.country_comparison import CountryComparison, country_row
from heor.runs.external_draws import Analysed, analyse
from heor.together import decide
from heor.valuation.simulate import simulate
from tests.made_up_results import made_up_fits
from tests.other_programs import THRESHOLDS, drawn, saved
from tests.pages import NASTY, Elements, choose, serious, tiles
from tests.reports import content

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"


BAD = NASTY.replace("🏥", "|")  # figures have no such glyph


@pytest.fixture(scope="module")
def compared(inputs: Path, made_up_draws) -> CountryComparison:
    """Two countries on made-up draws, with no fit behind them."""
    problems, decisions, rows, fits = {}, {}, [], None
    for name in ("norway", "germany"):
        problem = replace(load(inputs, name), trial=None)
        problem = replace(problem, settings=replace(problem.settings, curve_draws=1))
        draws = made_up_draws(problem, 60)
        fits = fits or made_up_fits(draws.curves)
        found = simulate(problem, draws, workers=1)
        problems[name], decisions[name] = problem, decide(problem, found)
        rows.append(country_row(problem, found, decisions[name]))
    faults = {"utopia": "no such place"}
    return CountryComparison(problems, decisions, fits, pd.DataFrame(rows), faults)


@pytest.fixture(scope="module")
def folder(compared: CountryComparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `heor country compare` writes it."""
    return write_country_report(compared, tmp_path_factory.mktemp("compared") / "countries")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Analysed:
    table = drawn(300)
    table["strategy"] = table["strategy"].replace("watch", BAD)
    return analyse(saved(tmp_path_factory.mktemp("psa"), table), "EUR", THRESHOLDS)


@pytest.fixture(scope="module")
def payers(analysed: Analysed) -> Path:
    """As `heor analyse` writes it."""
    return write_analysis(analysed, analysed.source.parent / "out")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def plain_text(html: str) -> str:
    """What is read, without spaces around punctuation that elements bring."""
    return re.sub(r"\s+", "", Elements(html).text)


# --- laws


@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize("sections", outline.DOCUMENTS.values(), ids=outline.DOCUMENTS)
def test_every_section_has_its_own_address(sections, language: str) -> None:
    """One section a heading in their order, each reachable from the contents; nothing runs."""
    headings = [s.heading for s in sections if s.heading]
    made = {s.name: [Paragraph(f"Words of {s.name}.")] for s in sections}
    parts = outline.parts(sections, made, trial=BAD, compared=BAD)
    page = plain_page(Document("T", "", [Paragraph("Head.")], parts), {}, {}, language=language)
    found = Elements(page).found
    ids = Counter(a["id"] for _, a in found if "id" in a)
    assert not ids or max(ids.values()) == 1
    sections = [a["id"] for tag, a in found if tag == "section"]
    assert len(sections) == max(len(headings), 1)
    links = [a["href"][1:] for tag, a in found if tag == "a" and a["href"].startswith("#")]
    assert links == [sections[0], *sections]  # the first skips to the answer
    assert not any(tag == "script" for tag, _ in found)


@given(st.integers(0, 400), st.integers(1, 60), st.booleans(), st.integers(0, 2**32 - 1))
def test_long_tables_keep_every_curve(rows: int, curves: int, named: bool, seed: int) -> None:
    """Short tables are whole; of long ones every curve keeps both ends and few rows, in their order."""
    which = np.random.default_rng(seed).integers(0, curves, rows)
    frame = pd.DataFrame({"x": np.arange(rows, dtype=float)})
    if named:
        frame.insert(0, "curve", [f"c{k}" for k in which])
    shown = thinned(frame)
    if rows <= ROWS:
        pd.testing.assert_frame_equal(shown, frame)
        return
    assert shown["x"].is_monotonic_increasing and shown["x"].is_unique
    groups = [frame] if not named else [own for _, own in frame.groupby("curve")]
    for own in groups:
        kept = shown[shown["x"].isin(own["x"])]
        assert (kept["x"].min(), kept["x"].max()) == (own["x"].min(), own["x"].max())
        assert len(kept) <= CURVE_ROWS


# --- from any report


def test_figures_stand_where_the_report_has_them() -> None:
    gone = Figure("gone", "gone")
    first = [Paragraph("Before."), Figure("a+b", "What it shows"), Paragraph("After."), gone]
    parts = (Part("first", "First", first), Part("empty", "Empty", [gone]))
    above = [Paragraph("**Yes.**")]
    report = Document("A title", "Is it?", [Paragraph("More.")], parts, above)
    numbers = pd.DataFrame({"net_benefit (NOK)": [123_456.7, np.nan], "turns": [True, False]})
    page = plain_page(report, {"a+b": SVG}, {"a+b": numbers})
    found = Elements(page)
    images = [a for tag, a in found.found if tag == "img"]
    assert [a["alt"] for a in images] == ["What it shows"]
    assert page.index("Before.") < page.index("<img") < page.index("After.")
    assert [a["id"] for tag, a in found.found if tag == "section"] == ["answer", "first"]
    assert page.index("<h1") < page.index("Is it?") < page.index("Yes.")
    assert "net benefit (NOK)" in found.text and "123,500" in found.text and "yes" in found.text
    assert "nan" not in found.text and page.count("<details") == 2


def test_nothing_in_a_report_can_run() -> None:
    """Whatever stands in headings, words, figures or numbers is text."""
    part = Part("bad", BAD, [Paragraph(BAD), Figure("a", BAD)])
    report = Document(BAD, "", [Paragraph(BAD)], (part,))
    page = plain_page(
        report, {"a": SVG}, {"a": pd.DataFrame({BAD: [BAD, "[x](javascript:alert(1))"]})}
    )
    assert not any(tag == "script" for tag, _ in Elements(page).found)
    assert "script-src" not in page and "default-src 'none'" in page
    assert 'href="javascript' not in page
    assert Elements(page).text.count("window.hacked = 1") >= 6


def test_words_of_the_page_in_norwegian() -> None:
    parts = (
        Part("answer", "The answer", [Paragraph("Yes.")]),
        Part("by-country", "By country", [Paragraph("No.")]),
    )
    page = plain_page(Document("T", "", (), parts), {}, {}, language="nb")
    assert '<html lang="nb">' in page and labels("nb")["language_note"] in page
    assert ">Svaret</h2>" in page and 'lang="en">By country</h2>' in page
    with pytest.raises(InputError, match="is not one of en, nb"):
        plain_page(Document("T", "", (), ()), {}, {}, language="xx")


# --- countries side by side


def test_the_page_says_what_the_report_says(compared: CountryComparison, folder: Path) -> None:
    page, report = text_of(folder / "report.html"), text_of(folder / "report.md")
    shown = plain_text(page)
    for line in (*answer(compared), "utopia was not evaluated: no such place"):
        assert line in report and re.sub(r"\s+", "", line) in shown
    elements = Elements(page).found
    headings = re.findall("^## (.*)$", report, flags=re.MULTILINE)
    assert sum(tag == "section" for tag, _ in elements) == len(headings)
    tags = Counter(tag for tag, _ in elements)
    assert tags["table"] == tags["caption"] == 2 and tags["img"] == 1 and tags["script"] == 0
    for tag, attributes in elements:  # no address is loaded
        assert attributes.get("src", "data:").startswith("data:"), tag
        assert tag not in ("link", "iframe", "object", "embed", "base")


def test_the_report_of_a_comparison_again(folder: Path, tmp_path: Path, capsys) -> None:
    """The same bytes; a page alone; no figures where none are wanted; no Word document."""
    before = content(folder)
    _, again, names = rebuild(folder, tmp_path / "again")
    assert content(again) == before and "report.html" in names
    _, alone, _ = rebuild(folder, tmp_path / "alone", ("html",), "nb", with_figures=False)
    assert set(content(alone)) == {"report.html", "run.json"}
    assert "<img" not in text_of(alone / "report.html")
    _, words, _ = rebuild(folder, tmp_path / "words", ("md",), with_figures=False)
    assert "report.html" not in content(words) and "![" not in text_of(words / "report.md")
    assert cli.main(["report", str(folder), "--format", "docx"]) == 2
    said = capsys.readouterr().err
    assert "many runs side by side" in said and "--format html or md" in said
    assert content(folder) == before


def test_a_folder_without_results_says_what_to_do(payers: Path, capsys) -> None:
    assert cli.main(["report", str(payers)]) == 2
    said = capsys.readouterr().err
    assert "results.nc: not found" in said and "`analyse`" in said and "Traceback" not in said


def test_results_of_something_else(problem: DecisionProblem, tmp_path: Path) -> None:
    from heor.archive import write_archive

    write_archive(problem.settings, tmp_path / "results.nc")
    with pytest.raises(InputError, match="holds no results with a report"):
        rebuild(tmp_path)


# --- another program's draws


def test_only_the_charts_that_follow_the_threshold_replace_figures(payers: Path) -> None:
    found = Elements(text_of(payers / "report.html"))
    assert sum(tag == "img" for tag, _ in found.found) == 0  # no value of information here
    assert sum(tag == "script" for tag, _ in found.found) == 1 + len(VENDOR) + 5
    sections = [a["id"] for tag, a in found.found if tag == "section"]
    assert sections[:2] == ["answer", "threshold"] and "figures" not in sections
    assert (payers / "figures" / "plane.svg").exists()


def test_too_many_draws_keep_their_figures(analysed: Analysed, monkeypatch) -> None:
    assert explorer(comparison(analysed)) is not None
    monkeypatch.setattr("heor.report.html.explorer.MOST", 899)
    assert explorer(comparison(analysed)) is None and MOST > 100_000


# --- in a browser


@pytest.fixture(scope="module")
def opened(browser):
    """`opened(path)`: the page in a tab, with what it complained of and asked for."""

    def tab(path: Path, width: int = 1366):
        found = browser.new_page(viewport={"width": width, "height": 768})
        found.complaints, found.requests = [], []
        found.on("console", lambda message: found.complaints.append(message.text))
        found.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.on("request", lambda request: found.requests.append(request.url))
        found.goto(path.as_uri())
        assert [u for u in found.requests if not u.startswith(("file:", "data:"))] == []
        return found

    return tab


def test_countries_open_for_everyone(folder: Path, opened) -> None:
    """No complaint, no serious barrier, nothing wider than a phone or than A4."""
    tab = opened(folder / "report.html", 390)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tab.click("details.numbers summary")
    assert tab.is_visible("details.numbers table")
    assert serious(tab) == []
    tab.set_viewport_size({"width": 687, "height": 972})  # A4 less margins
    tab.emulate_media(media="print")
    right = tab.eval_on_selector_all(
        "img, table", "e => e.map(x => x.getBoundingClientRect().right)"
    )
    assert max(right) <= 687 and tab.is_hidden(".contents") and tab.is_hidden("details.numbers")
    assert tab.complaints == []


def test_a_payers_own_draws_at_any_threshold(analysed: Analysed, payers: Path, opened) -> None:
    """Numbers at a threshold are the table's, as the report writes them; labels stay labels."""
    tab = opened(payers / "report.html")
    tab.wait_for_selector("#chart-ceac svg")
    for _, row in analysed.decision.tables["net_benefit"].iterrows():
        choose(tab, row["threshold"])
        best = ceac(analysed.outcomes, [row["threshold"]]).query("on_frontier").iloc[0]
        assert tiles(tab) == {
            "benefit": f"{any_money(row['net_benefit'])} EUR",
            "interval": f"{any_money(row['low'])} to {any_money(row['high'])} (95 % of draws)",
            "probability": f"{best['probability']:.1%}",  # of the best of all three
            "evpi": f"{any_money(row['evpi'])} EUR",
        }
        assert best["strategy"] in tab.inner_text("#label-probability")
        described = tab.get_attribute("#chart-evpi svg", "aria-label")
        assert any_money(row["evpi"]) in described
    assert all(tab.query_selector(f"#chart-{c} svg") for c in ("plane", "ceac", "loss", "evpi"))
    assert tab.evaluate("window.hacked") is None and BAD in tab.inner_text("#by-strategy")
    amounts = [0, 0.001234, -0.5, 1.005, 9.876, 123.4, -9999.4, 9999.6, 10_000, 123_456, -2e7]
    written = tab.evaluate("all => all.map(Amounts.money)", amounts)
    assert [w.replace("−", "-") for w in written] == [any_money(x) for x in amounts]
    assert tab.complaints == []
