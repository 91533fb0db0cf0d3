"""Figures: all there, the same bytes every time, words as entered, no clipped text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from heor.analysis import decide, one_way
from heor.inputs.problem import DecisionProblem
from heor.report import figure_style
from heor.report.figures import FIGURES, figure_bytes, write_figures
from heor.report.figures_survival import evidence_of, hazard_windows, number_at_risk
from heor.results import Companion, Results
from heor.simulation import simulate

DRAWS = 60


def made_up_results(problem: DecisionProblem, made_up_draws: Callable) -> Results:
    """Results on log-normal curves with no fit behind them."""
    problem = replace(problem, settings=replace(problem.settings, draws=DRAWS))
    draws = made_up_draws(problem, DRAWS)
    names = ("meanlog", "sdlog")
    posteriors = {}
    for name, curve in draws.curves.items():
        parameters = {n: curve.theta[:, k] for k, n in enumerate(names)}
        central = curve.theta.mean(axis=0).tolist()
        posteriors[name, "lognormal"] = SimpleNamespace(
            parameters=parameters, central=lambda central=central: central
        )
    weights = {tuple(draws.curves): {"lognormal": 1.0}}
    simulation = simulate(problem, draws, workers=1)
    decision = decide(problem, simulation)
    deterministic, tornado = one_way(problem, posteriors, weights, decision)
    beside = Companion("again", "The same run again", "A row below.", decision)
    return Results(
        problem=problem,
        draws=draws,
        posteriors=posteriors,
        comparison={},
        weights=weights,
        simulation=simulation,
        decision=decision,
        deterministic=deterministic,
        tornado=tornado,
        companions=(beside,),
    )


@pytest.fixture(scope="module")
def results(problem: DecisionProblem, made_up_draws: Callable) -> Results:
    return made_up_results(problem, made_up_draws)


@pytest.fixture(scope="module")
def drawn(results: Results) -> dict[str, Figure]:
    """Every figure, drawn once."""
    return {name: draw(results) for name, draw in FIGURES.items()}


def words(figure: Figure) -> str:
    """All text of a figure, in one string."""
    return "\n".join(t.get_text() for t in figure.findobj(Text))


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


def tick_labels(axis) -> list[Text]:
    """Labels outside the limits: they are not drawn."""
    low, high = sorted(axis.get_view_interval())
    ticks = axis.get_major_ticks()
    outside = [t for t in ticks if not axis.axes.axison or not low <= t.get_loc() <= high]
    return [label for t in outside for label in (t.label1, t.label2)]


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


def test_quick_runs_say_so_on_every_figure(results, drawn):
    settings = results.problem.settings
    settings = replace(settings, fit=replace(settings.fit, quick=True))
    quick = replace(results, problem=replace(results.problem, settings=settings))
    for name, draw in FIGURES.items():
        assert figure_style.QUICK_NOTE in words(draw(quick)), name
        assert figure_style.QUICK_NOTE not in words(drawn[name]), name


def test_a_strategy_keeps_its_colour(results):
    colours = figure_style.strategy_colours(results.problem)
    assert colours == {"chemotherapy": "#0072B2", "resection": "#D55E00"}


def test_numbers_at_risk_and_windows_follow_the_data(problem):
    evidence = evidence_of(problem, "os")
    assert number_at_risk(evidence, np.array([0.0, 0.5, 4.0])).tolist() == [542, 411, 0]
    windows = hazard_windows(evidence)
    assert windows[0] == 0 and windows[-1] == pytest.approx(46.5 / 12)
    assert (np.diff(windows) > 0).all()


def test_other_formats_are_refused(drawn):
    with pytest.raises(ValueError, match="svg or png"):
        figure_bytes(drawn["costs"], "pdf")
