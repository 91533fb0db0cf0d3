"""Figures at a journal's width, the numbers they are drawn from, and `heor figures`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.lines import AxLine
from matplotlib.text import Text

from heor.cli import main as cli
from heor.errors import InputError
from heor.problem.what_if_targets import Axis, WhatIf
from heor.questions.crossings import WhatIfMap
from heor.report.figures.canvas import text_width, wrapped
from heor.report.figures.page import INCH, LEAST, MOST, UNITS, Page, laid_out, width_of
from heor.report.figures.registry import FIGURES, FORMATS, figure_bytes, figures_of, write_figures
from heor.runs.results import Results
from tests.reports import tick_labels

COLUMN = Page(width_of("column"), words=False)
Pairs = set[tuple[float, float]]


def made_up_map(name: str, y: Axis | None) -> WhatIfMap:
    """Net benefit over one axis under two scenarios, or over two axes."""
    x = Axis("log_hr_os", "Hazard ratio", -1.0, 1.0, 4, "log_hr_os")
    labels = {"": "Base case"} if y else {"": "Base case", "other": "Another"}
    points = [(s, a, b) for s in labels for a in x.values for b in (y.values if y else [np.nan])]
    table = pd.DataFrame(points, columns=["scenario", "x", "y"])
    table["cost"] = 1e5 + 1e4 * table["x"]
    table["qalys"] = 0.2 - 0.3 * table["x"] + table["y"].fillna(0) + 0.1 * (table["scenario"] != "")
    centre = {"log_hr_os": -0.2, "cure": 0.05} if y else {}
    return WhatIfMap(WhatIf(name, f"A {name}", x, y), table, pd.DataFrame(), labels, centre)


@pytest.fixture(scope="module")
def results(made_up_run: Results) -> Results:
    """Made-up results with a line and a map of what would have to be true."""
    maps = (made_up_map("line", None), made_up_map("map", Axis("cure", "Cured", 0, 0.1, 3, "cure")))
    return replace(made_up_run, maps=maps)


@pytest.fixture(scope="module")
def drawn(results: Results, tmp_path_factory) -> tuple[dict[str, Figure], Path]:
    """Every figure as a column of a journal has it, and the folder with their numbers."""
    folder, kept = tmp_path_factory.mktemp("figures"), {}

    def keep(name: str, draw: Callable) -> Callable:
        return lambda found: kept.setdefault(name, draw(found))

    figures = {name: keep(name, draw) for name, draw in (FIGURES | figures_of(results)).items()}
    with laid_out(COLUMN):
        write_figures(results, folder, (), figures=figures)
    return kept, folder


NAMES = [*FIGURES, "what_if_line", "what_if_map"]


# --- laid out for a column ----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_in_a_column_words_are_whole_apart_and_readable(drawn, name) -> None:
    """Inside the figure, no two over each other, none below 6 points; the width is exact."""
    figure = drawn[0][name]
    figure.draw_without_rendering()
    assert "worth its cost" not in figure.caption  # also drawn at another country's thresholds
    assert figure.get_size_inches()[0] == pytest.approx(85 / INCH)
    width, height = figure.bbox.size
    hidden = {id(t) for a in figure.axes for axis in (a.xaxis, a.yaxis) for t in tick_labels(axis)}
    boxes = []
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip() or id(text) in hidden:
            continue
        assert text.get_fontsize() >= 6, text
        box = text.get_window_extent()
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= width + 1 and box.y1 <= height + 1, text
        for other, taken in boxes:
            x = min(box.x1, taken.x1) - max(box.x0, taken.x0)
            y = min(box.y1, taken.y1) - max(box.y0, taken.y0)
            assert x <= 1 or y <= 1, (text, other)
        boxes.append((text, box))


def test_panels_stand_one_below_the_other_in_a_column(results, drawn) -> None:
    with laid_out(Page(width_of("page"))):
        wide = FIGURES["occupancy"](results).axes
    for axes, apart in ((wide, "x0"), (drawn[0]["occupancy"].axes, "y0")):
        places = {a: {round(getattr(p.get_position(), a), 3) for p in axes} for a in ("x0", "y0")}
        assert len(places[apart]) == 2 and sum(map(len, places.values())) == 3


def test_words_go_beside_a_figure_without_them(results, drawn, tmp_path) -> None:
    """The same words, and no others, as stand in a figure with them; a quick run still says so."""
    text = (drawn[1] / "costs.txt").read_text(encoding="utf-8")
    shown = " ".join(t.get_text() for t in drawn[0]["costs"].findobj(Text))
    with laid_out(Page(width_of("page"))):
        whole = FIGURES["costs"](results)
        write_figures(results, tmp_path, (), figures={"costs": FIGURES["costs"]})
    assert not list(tmp_path.glob("*.txt"))
    inside = " ".join(t.get_text() for t in whole.findobj(Text)).replace("\N{NO-BREAK SPACE}", " ")
    title, caption = text.strip().split("\n\n")
    assert title == "Where the incremental cost comes from" and title not in shown
    assert caption.startswith("Mean discounted cost") and caption in inside.replace("\n", " ")
    settings = results.problem.settings
    settings = replace(settings, fit=replace(settings.fit, quick=True))
    quick = replace(results, problem=replace(results.problem, settings=settings))
    with laid_out(COLUMN):
        words = [t.get_text() for t in FIGURES["companions"](quick).findobj(Text)]
    assert any("not for decisions" in w for w in words)


@given(st.sampled_from(sorted(UNITS)), st.integers(int(LEAST), int(MOST)))
def test_a_width_is_the_same_in_every_unit(unit: str, millimetres: int) -> None:
    number = f"{millimetres / UNITS[unit]:.9f}"
    assert width_of(f" {number} {unit.upper()}") == pytest.approx(millimetres / INCH)
    assert width_of(number.replace(".", ",") + unit) == pytest.approx(millimetres / INCH)


@pytest.mark.parametrize("text", ["", "85", "mm", "85px", "-85mm", "79mm", "1m", "20in", "columns"])
def test_other_widths_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--width"):
        width_of(text)


@given(st.lists(st.text("aWé,", min_size=1, max_size=9), min_size=1, max_size=12), st.floats(0, 3))
def test_wrapping_keeps_every_word_and_the_room(words: list[str], room: float) -> None:
    lines = wrapped(" ".join(words), room).split("\n")
    assert " ".join(lines) == " ".join(words)
    assert all(text_width(line) <= room or " " not in line for line in lines)
    for line, after in zip(lines, lines[1:], strict=False):
        assert text_width(f"{line} {after.split(' ')[0]}") > room


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_files_hold_text_and_no_trace_of_when_or_where(results, drawn, form) -> None:
    """A PDF embeds TrueType (42), an SVG keeps text; the same bytes however often it is drawn."""
    first = figure_bytes(drawn[0]["ceac"], form, 300)
    with laid_out(COLUMN):
        assert figure_bytes(FIGURES["ceac"](results), form, 300) == first
    traces = (b"CreationDate", b"Producer", b"Creator", b"dc:date", b"Software", b"matplotlib v")
    assert not [t for t in (*traces, str(Path.cwd()).encode(), b".ttf") if t in first]
    if form == "pdf":
        assert b"/FontFile2" in first and b"/Type3" not in first
    if form == "svg":
        assert b"Probability of the highest" in first and b"font-family" in first
    if form == "png":
        pixels = int.from_bytes(first[16:20], "big")
        assert pixels == pytest.approx(300 * 85 / INCH, abs=1)


# --- numbers --------------------------------------------------------------------------------------


def numbers_of(folder: Path, name: str) -> pd.DataFrame:
    """A CSV as a reader gets it, its header without units."""
    table = pd.read_csv(folder / "data" / f"{name}.csv", float_precision="round_trip")
    return table.rename(columns=lambda c: c.split(" (")[0])


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_its_numbers_with_units(drawn, name) -> None:
    """Every digit comes back, and every number but those of a parameter's own unit names one."""
    figures, folder = drawn
    own, read = figures[name].numbers, numbers_of(folder, name)
    assert list(read) == list(own.table)
    header = pd.read_csv(folder / "data" / f"{name}.csv", nrows=0).columns
    bare = {"draw", "shown", "on_frontier", "has_residual_pattern", "as_designed", "patients"}
    for column, label in zip(own.table, header, strict=True):
        if pd.api.types.is_numeric_dtype(own.table[column]) and column not in bare:
            assert label.endswith(")"), label
        if pd.api.types.is_float_dtype(own.table[column]):
            before, after = (t[column].to_numpy(float) for t in (own.table, read))
            np.testing.assert_array_equal(before, after)


def in_data(axes: Axes, artist) -> bool:
    """Whether an artist's numbers are those of the axes: reference lines are not."""
    return artist.get_transform() == axes.transData and not isinstance(artist, AxLine)


def line_pairs(axes: Axes) -> Pairs:
    found = set()
    for line in axes.lines:
        if in_data(axes, line):
            xy = zip(line.get_xdata(orig=True), line.get_ydata(orig=True), strict=True)
            found |= {(float(x), float(y)) for x, y in xy if y == y}
    return found


def scatter_pairs(axes: Axes) -> Pairs:
    clouds = [c for c in axes.collections if isinstance(c, PathCollection)]
    return {tuple(map(float, xy)) for c in clouds for xy in np.asarray(c.get_offsets())}


def band_pairs(axes: Axes) -> Pairs:
    bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
    return {tuple(map(float, v)) for c in bands for p in c.get_paths() for v in p.vertices}


def bar_ends(axes: Axes) -> Pairs:
    """Where bars begin and end along x."""
    return {(float(b.get_x()), float(b.get_x() + b.get_width())) for b in axes.patches}


def of(table: pd.DataFrame, *columns: str) -> Pairs:
    """Pairs of the first column with each of the others, where both are there."""
    first, *others = columns
    pairs = (table[[first, other]].dropna().to_numpy(float) for other in others)
    return {(float(x), float(y)) for own in pairs for x, y in own}


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_survival_is_drawn_from_its_numbers(drawn, endpoint) -> None:
    name = f"survival_{endpoint}"
    axes, below = drawn[0][name].axes
    table = numbers_of(drawn[1], name)
    assert line_pairs(axes) == of(table[table["series"] != "at_risk"], "month", "survival")
    assert band_pairs(axes) == of(table, "month", "low", "high")
    at_risk = table[table["series"] == "at_risk"].set_index("month")["patients"]
    shown = {t.get_position()[0]: t.get_text() for t in below.texts if t.get_text().isdigit()}
    assert shown == {m: f"{n:.0f}" for m, n in at_risk.items() if m in shown} and shown


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_fits_are_drawn_from_their_numbers(drawn, endpoint) -> None:
    name = f"fits_{endpoint}"
    (axes,), table = drawn[0][name].axes, numbers_of(drawn[1], name)
    assert line_pairs(axes) == of(table, "month", "survival")
    assert of(table, "month", "low", "high") <= band_pairs(axes)


def test_hazards_are_drawn_from_their_numbers(drawn) -> None:
    table = numbers_of(drawn[1], "hazards")
    for axes, (_, own) in zip(
        drawn[0]["hazards"].axes, table.groupby("endpoint", sort=False), strict=True
    ):
        assert line_pairs(axes) == of(own, "month", "hazard")
        bars = [c for c in axes.collections if isinstance(c, LineCollection)]
        ends = np.concatenate([np.concatenate(c.get_segments()) for c in bars])
        for column, wanted in ((0, ("month_start", "month_end")), (1, ("low", "high"))):
            expected = own[list(wanted)].dropna().to_numpy(float).ravel()
            found = ends[:, column]
            distance = np.abs(expected[:, None] - found).min(axis=1)
            assert (distance <= 1e-12 * np.abs(expected).max()).all()


def test_the_plane_is_drawn_from_its_numbers(drawn) -> None:
    (axes,), table = drawn[0]["plane"].axes, numbers_of(drawn[1], "plane")
    shown = table[table["shown"] == True]  # noqa: E712  empty where it has no meaning
    pair = ("incremental_qalys", "incremental_cost")
    assert scatter_pairs(axes) == of(shown, *pair)
    assert line_pairs(axes) == of(table[table["series"] == "mean"], *pair)
    rays = {line.get_slope() for line in axes.lines if isinstance(line, AxLine)}
    assert rays == set(table["threshold"].dropna())
    shares = table.set_index("label")["share"].dropna()
    assert shares.sum() == pytest.approx(1.0)


def test_curves_by_threshold_are_drawn_from_their_numbers(drawn) -> None:
    axes, table = drawn[0]["ceac"].axes[0], numbers_of(drawn[1], "ceac")
    assert line_pairs(axes) == of(table, "threshold", "probability")
    (axes, right), table = drawn[0]["expected_loss"].axes, numbers_of(drawn[1], "expected_loss")
    assert line_pairs(axes) == of(table, "threshold", "expected_loss", "evpi")
    assert line_pairs(right) == of(table, "threshold", "error_probability")
    (above, below), table = drawn[0]["information"].axes, numbers_of(drawn[1], "information")
    assert line_pairs(below) == of(table[table["series"] == "curve"], "threshold", "value")
    bars = table[table["series"] == "bar"]
    assert {end for _, end in bar_ends(above)} == set(bars["value"])


@pytest.mark.parametrize("name", ["tornado", "tornado_icer"])
def test_a_tornado_is_drawn_from_its_numbers(drawn, name) -> None:
    (axes,), table = drawn[0][name].axes, numbers_of(drawn[1], name)
    shown = table[table["shown"]]
    ends = np.sort([end for _, end in bar_ends(axes)])
    wanted = np.unique(shown[["at_low", "at_high"]].to_numpy())
    assert np.abs(wanted[:, None] - ends).min(axis=1) == pytest.approx(0, abs=1e-6)
    assert {start for start, _ in bar_ends(axes)} == set(table["at_centre"])
    assert len(axes.patches) == 2 * len(shown)


def test_costs_are_drawn_from_their_numbers(drawn) -> None:
    (axes,), table = drawn[0]["costs"].axes, numbers_of(drawn[1], "costs")
    bars = np.array([(b.get_x(), b.get_x() + b.get_width()) for b in axes.patches])
    assert bars == pytest.approx(table[["start", "end"]].to_numpy())
    assert table["end"].iloc[-2] == pytest.approx(table["amount"].iloc[-1])


@pytest.mark.parametrize("name", ["companions", "structures"])
def test_a_forest_is_drawn_from_its_numbers(drawn, name) -> None:
    (axes,), table = drawn[0][name].axes, numbers_of(drawn[1], name)
    found = {x for x, _ in line_pairs(axes)}
    assert found == set(table[["low", "net_benefit", "high"]].to_numpy().ravel())


@pytest.mark.parametrize("name", ["occupancy", "structure_occupancy"])
def test_states_are_stacked_from_their_numbers(drawn, name) -> None:
    """The height of each band is the share of its state."""
    keys = [k for k in ("structure", "strategy") if k in numbers_of(drawn[1], name)]
    panels = numbers_of(drawn[1], name).groupby(keys, sort=False)
    for axes, (_, own) in zip(drawn[0][name].axes, panels, strict=True):
        for band, (_, state) in zip(
            axes.collections, own.groupby("state", sort=False), strict=True
        ):
            at = pd.DataFrame(band.get_paths()[0].vertices).groupby(0)[1]
            height = at.max() - at.min()
            assert height.index.to_numpy() == pytest.approx(state["month"].to_numpy())
            assert height.to_numpy() == pytest.approx(state["share"].to_numpy(), abs=1e-12)


def test_the_trial_is_drawn_from_its_numbers(drawn) -> None:
    table = numbers_of(drawn[1], "trial_designs")
    panels = [a for a in drawn[0]["trial_designs"].axes if a.images]
    images = [np.asarray(a.images[0].get_array(), float).ravel() for a in panels]
    wanted = np.sort(table[["evsi", "net_benefit"]].to_numpy(float).ravel())
    np.testing.assert_array_equal(np.sort(np.concatenate(images)), wanted)
    (axes,), table = drawn[0]["trial_follow_up"].axes, numbers_of(drawn[1], "trial_follow_up")
    assert line_pairs(axes) == of(table, "follow_up_months", "evsi")
    assert band_pairs(axes) == of(table, "follow_up_months", "low", "high")
    (axes,), table = drawn[0]["trial_power"].axes, numbers_of(drawn[1], "trial_power")
    assert line_pairs(axes) == of(table, "patients", "better", "log_rank_better", "worse")


def test_maps_are_drawn_from_their_numbers(drawn) -> None:
    table = numbers_of(drawn[1], "what_if_line")
    for axes, (_, own) in zip(
        drawn[0]["what_if_line"].axes, table.groupby("threshold", sort=False), strict=True
    ):
        points = [line for line in axes.lines if line.get_marker() == "."]
        found = {tuple(map(float, p)) for line in points for p in line.get_xydata()}
        assert found == of(own, "x", "net_benefit")
    table = numbers_of(drawn[1], "what_if_map")
    points, here = (table[table["series"] == s] for s in ("point", "this_run"))
    maps = [a for a in drawn[0]["what_if_map"].axes if a.lines]
    for axes, (_, own) in zip(maps, points.groupby("threshold", sort=False), strict=True):
        filled = next(c for c in axes.collections if isinstance(c, QuadContourSet) and c.filled)
        assert (filled.zmin, filled.zmax) == (own["net_benefit"].min(), own["net_benefit"].max())
        assert line_pairs(axes) == of(here, "x", "y")


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(results: Results, inputs: Path, tmp_path_factory) -> Path:
    """A folder with inputs and the saved run of their country."""
    place = tmp_path_factory.mktemp("place")
    for name in ("model/analysis.yaml", "countries/norway/country.yaml"):
        (place / "inputs" / name).parent.mkdir(parents=True)
        shutil.copy(inputs / name, place / "inputs" / name)
    (place / "outputs/norway").mkdir(parents=True)
    results.save(place / "outputs/norway/results.nc")
    return place


def test_the_command_draws_what_was_asked_for(saved, monkeypatch, capsys) -> None:
    monkeypatch.chdir(saved)
    words = ["--only", "plane,costs", "--only", "ceac", "--format", "svg", "--width", "85mm"]
    assert cli.main(["figures", *words, "--no-caption"]) == 0
    folder = saved / "outputs/norway/figures-85mm"
    names = {"plane", "costs", "ceac"}
    assert {p.name for p in folder.glob("*.*")} == {
        f"{n}.{k}" for n in names for k in ("svg", "txt")
    }
    assert {p.stem for p in (folder / "data").iterdir()} == names
    assert 'width="240.94' in (folder / "plane.svg").read_text(encoding="utf-8")  # points
    assert "3 figures (svg; 85 mm wide): outputs/norway/figures-85mm" in capsys.readouterr().out
    words = ["outputs/norway", "--only", "ceac", "--output", "mine"]
    assert cli.main(["figures", *words]) == 0
    assert {p.name for p in (saved / "mine").glob("*.*")} == {"ceac.pdf", "run.json"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "plan"], "--only plan: no such figure here; there are: survival_os, "),
        (["--only", "plan"], "Did you mean 'plane'?"),
        (["--format", "pgn"], "--format pgn: unknown format; allowed: svg, png, pdf. Did you mean"),
        (["--width", "85"], "--width 85: no width; write a number with mm, cm or in (85mm)"),
        (["--width", "40mm"], "80 to 400 mm are possible"),
        (["nowhere"], "results.nc: not found; `heor run` writes it, and so do"),
    ],
)
def test_mistakes_say_what_is_allowed(saved, monkeypatch, capsys, words, said) -> None:
    monkeypatch.chdir(saved)
    assert cli.main(["figures", *words]) == 2
    assert said in capsys.readouterr().err
