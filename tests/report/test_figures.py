"""Figures: all there, the same bytes every time, words as entered, no clipped text."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from heor.report.figure_data.fits import evidence_of
from heor.report.figures.registry import FIGURES, figure_bytes, write_figures
from heor.report.format import labels, palette
from heor.report.run_report import report
from heor.runs.results import Results
from heor.survival.evidence.observed import hazard_windows, number_at_risk
from tests.reports import tick_labels


@pytest.fixture(scope="module")
def results(made_up_run: Results) -> Results:
    return made_up_run


@pytest.fixture(scope="module")
def drawn(results: Results) -> dict[str, Figure]:
    """Every figure, drawn once."""
    return {name: draw(results) for name, draw in FIGURES.items()}


def words(figure: Figure) -> str:
    """All text of a figure, in one string."""
    return "\n".join(t.get_text() for t in figure.findobj(Text))


@pytest.mark.slow
def test_all_figures_are_written_in_both_formats(results, tmp_path):
    told = []
    paths = write_figures(results, tmp_path / "figures", progress=lambda *a: told.append(a))
    assert [p.name for p in paths] == [f"{n}.{f}" for n in FIGURES for f in ("svg", "png")]
    assert all(p.stat().st_size > 2000 for p in paths)
    assert told[-1] == ("figures", len(FIGURES), len(FIGURES))


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_results_give_the_same_bytes(results, drawn, name):
    first, second = (figure_bytes(f, "svg") for f in (drawn[name], FIGURES[name](results)))
    assert first == second
    assert b"dc:date" not in first


ODD = "手術と化学療法 🏥 \N{LATIN SMALL LETTER N WITH TILDE} ﷺ \U0001f9ec"


@pytest.mark.parametrize("name", ["plane", "occupancy", "companions"])
def test_letters_that_the_font_lacks_are_drawn_without_a_warning(results, name: str) -> None:
    """In a legend, a panel's title, a row's label; other texts keep the one font."""
    problem = results.problem
    strategies = {k: replace(s, label=f"{ODD} {k}") for k, s in problem.strategies.items()}
    beside = replace(results.companions[0], label=f"Scenario {ODD}")
    odd = replace(results, problem=replace(problem, strategies=strategies), companions=(beside,))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of glyphs
        figure = FIGURES[name](odd)
        for form in ("png", "svg", "pdf"):
            assert len(figure_bytes(figure, form)) > 2000
    texts = [t for t in figure.findobj(Text) if "手術" in t.get_text()]
    assert texts and all("Last Resort" in t.get_fontfamily()[-1] for t in texts)
    plain = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_text().isascii()]
    assert plain and not any("Last Resort" in " ".join(t.get_fontfamily()) for t in plain)


def test_letters_of_europe_need_no_other_font(drawn) -> None:
    for figure in drawn.values():
        assert b"Last Resort" not in figure_bytes(figure, "svg")


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_clipped(drawn, name):
    figure = drawn[name]
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    ticks = {id(t) for a in figure.axes for t in (*tick_labels(a.xaxis), *tick_labels(a.yaxis))}
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text() or id(text) in ticks:
            continue
        box = text.get_window_extent()
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= width + 1 and box.y1 <= height + 1, text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("survival_os", "2nd-line chemotherapy: model after transport"),
        ("survival_os", "Extrapolation: no event in the data after 46.5 months"),
        ("survival_pfs", "2nd-line FOLFIRI (n = 542): observed, Kaplan–Meier"),
        ("fits_os", "Log-normal, weight 100 %"),
        ("hazards", "Events per 100 patient-months"),
        ("occupancy", "Progression-free"),
        ("plane", "715,000 NOK per QALY (severity-weighted)"),
        ("plane", "more QALYs, higher cost"),
        ("ceac", "Threshold, NOK per QALY"),
        ("tornado", "† the value is an assumption"),
        ("costs", "Cost per patient (NOK, 2025 prices)"),
        ("companions", "The same run again"),
    ],
)
def test_figures_say_what_they_show(drawn, name, text):
    assert text in words(drawn[name]).replace("\n", " ")


@pytest.mark.parametrize("name", ["ceac", "costs", "occupancy", "survival_os"])
def test_strategies_are_named_by_their_labels(drawn, name):
    shown = words(drawn[name]).replace("\n", " ")
    assert "Resection + 2nd-line chemotherapy" in shown
    assert "progression_free" not in shown


def test_labels_may_hold_any_character(results):
    tornado = results.tornado.copy()
    tornado.loc[0, "description"] = "price in $ if age < 70 & $x_1$ > 0"
    svg = figure_bytes(FIGURES["tornado"](replace(results, tornado=tornado)), "svg").decode()
    assert "Price in $ if age &lt; 70 &amp; $x_1$ &gt; 0" in svg


@pytest.mark.slow
def test_quick_runs_say_so_on_every_figure(results, drawn):
    settings = results.problem.settings
    settings = replace(settings, fit=replace(settings.fit, quick=True))
    quick = replace(results, problem=replace(results.problem, settings=settings))
    for name, draw in FIGURES.items():
        assert labels.QUICK_NOTE in words(draw(quick)), name
        assert labels.QUICK_NOTE not in words(drawn[name]), name


def test_a_strategy_keeps_its_colour(results):
    colours = palette.strategy_colours(results)
    assert colours == {"chemotherapy": "#0072B2", "resection": "#D55E00"}


def test_numbers_at_risk_and_windows_follow_the_data(problem):
    evidence = evidence_of(problem, "os")
    assert number_at_risk(evidence, np.array([0.0, 0.5, 4.0])).tolist() == [542, 411, 0]
    windows = hazard_windows(evidence)
    assert windows[0] == 0 and windows[-1] == pytest.approx(46.5 / 12)
    assert (np.diff(windows) > 0).all()


def test_figures_of_fits_need_the_problem_and_the_fits_only(results, drawn):
    bare = SimpleNamespace(problem=results.problem, fits=results.fits)
    for name in ("fits_os", "fits_pfs", "hazards"):
        assert figure_bytes(FIGURES[name](bare), "svg") == figure_bytes(drawn[name], "svg")


def test_no_two_families_look_alike():
    styles = [palette.family_style(i) for i in range(20)]
    assert len({(s["color"], s["linestyle"]) for s in styles}) == 20


def test_the_first_page_says_what_was_accepted_and_warned(results):
    fits = replace(results.fits, accepted=("Accepted by the analyst: x/weibull.",))
    text = report(replace(results, fits=fits), ["plane"])
    first = text.index("## What it costs")
    assert text.index("Accepted by the analyst") < text.index("## The answer")
    assert text.index("Something to read.") < first
    assert "`heor survival`" in text and "(figures/plane.svg)" in text
    assert "> **Accepted" not in report(results, [])


def test_other_formats_are_refused(drawn):
    with pytest.raises(ValueError, match="svg or png or pdf"):
        figure_bytes(drawn["costs"], "jpg")
