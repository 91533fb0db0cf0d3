"""An empty figure laid out for a page: title, body, legends and caption below each other."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter

from heor.report.figures.fonts import families, lacks, lend_letters
from heor.report.figures.page import page
from heor.report.format.labels import QUICK_NOTE
from heor.report.format.needs import HasProblem
from heor.report.format.palette import GREY

if TYPE_CHECKING:
    from heor.report.figure_data.table import Numbers
    from heor.report.format.comparison import Comparison

P = ParamSpec("P")

EDGE = 0.07  # inches around title, legends and caption
#: Points: words beside marks and captions; ticks and legends; labels of axes; title.
SMALL, SIZE, LABEL, TITLE_SIZE = 6.5, 7.0, 8.0, 9.5
SPACING = 1.35  # of lines, in their size
WIDER = 1.035  # text drawn as pixels, against its outlines
BESIDE = 4  # panels that can be read side by side
KEY = 0.4  # inches of a legend's line and its gap


def house_style() -> list:
    """Matplotlib's defaults, then the house style: whatever is set on the machine is left out."""
    return ["default", _style()]


@functools.cache
def _style() -> dict:
    """The style sheet, read once."""
    with resources.as_file(resources.files("heor.report.figures") / "heor.mplstyle") as path:
        return dict(matplotlib.rc_params_from_file(path, use_default_template=False))


class ReportFigure(Figure):
    """A figure with its words and numbers.

    Its body is as high as it was asked for; title, legends and caption come on top, each with the
    room it takes at the width of the page.

    Attributes
    ----------
    title, caption : str
        Whole, on one line; they stand in the figure where the page has them.
    numbers : Numbers or None
        What is drawn.
    """

    def __init__(self, body: float, title: str, caption: str, notes: Sequence[str]) -> None:
        own = page()
        super().__init__(figsize=(own.width, body), layout="constrained")
        self.body, self.title, self.caption = body, title, caption
        self.numbers: Numbers | None = None
        self.spare: list[Text] = []  # shown where they are clear of other words
        self.heading = wrapped(title, own.width - 2 * EDGE, TITLE_SIZE, bold=True)
        small = wrapped(
            re.sub(r"(\d) %", "\\1\N{NO-BREAK SPACE}%", caption), own.width - 2 * EDGE, SMALL
        )
        self.heading, small = (self.heading, small) if own.words else ("", "")
        self.foot = "\n".join(t for t in (*notes, small) if t)

    def settle(self) -> None:
        """Place title, body, legends and caption below each other, and fix the layout."""
        lend_letters(self.findobj(Text))
        top = _height(self.heading, TITLE_SIZE)
        foot = _height(self.foot, SMALL)
        legends = self.legends
        keys = sum(legend.get_window_extent().height / self.dpi + EDGE for legend in legends)
        height = top + self.body + keys + foot
        self.set_size_inches(page().width, height)
        for legend in legends:
            keys -= legend.get_window_extent().height / self.dpi + EDGE
            legend.set_bbox_to_anchor((EDGE, foot + keys + EDGE / 2), self.dpi_scale_trans)
        if self.heading:
            where = {"transform": self.dpi_scale_trans, "va": "top", "fontsize": TITLE_SIZE}
            self.text(EDGE, height - EDGE, self.heading, weight="bold", **where)
        if self.foot:
            where = {"transform": self.dpi_scale_trans, "va": "bottom", "fontsize": SMALL}
            self.text(EDGE, EDGE, self.foot, color=GREY, linespacing=SPACING, **where)
        lend_letters(self.findobj(Text))
        engine = self.get_layout_engine()
        engine.set(rect=(0, (height - top - self.body) / height, 1, self.body / height))
        engine.execute(self)
        self.set_layout_engine("none")
        self._hide_crowded()

    def _hide_crowded(self) -> None:
        """Leave out words that can be spared where they would lie over others."""
        if not self.spare:
            return
        spare = {id(text) for text in self.spare}
        own = [a for axes in self.axes for a in axes.texts if id(a) not in spare]
        taken = [text.get_window_extent() for text in own]
        for text in self.spare:
            box = text.get_window_extent()
            clear = not any(box.overlaps(other) for other in taken)
            text.set_visible(clear)
            taken += [box] if clear else []

    def key(self, handles: Sequence, labels: Sequence[str], columns: int, title: str = "") -> None:
        """A legend below the body, in at most so many columns, as many as fit."""
        room = page().width - 2 * EDGE
        labels = [wrapped(label, room - KEY, SIZE) for label in labels]
        for count in range(min(columns, len(labels)), 0, -1):
            legend = self.legend(
                handles,
                labels,
                loc="lower left",
                bbox_to_anchor=(EDGE, EDGE),
                bbox_transform=self.dpi_scale_trans,
                ncols=count,
                borderaxespad=0.0,
                columnspacing=1.4,
                title=title or None,
                title_fontsize=SIZE,
                alignment="left",
            )
            legend.set_in_layout(False)
            lend_letters(legend.findobj(Text))
            if count == 1 or legend.get_window_extent().width / self.dpi <= room:
                return
            legend.remove()


def _height(words: str, size: float) -> float:
    """Of lines of text with the room around them, inches."""
    return (words.count("\n") + 1) * size * SPACING / 72 + 1.5 * EDGE if words else 0.0


def row_centres(heights: Sequence[float]) -> np.ndarray:
    """Where rows of these heights lie, the first on top and the last above zero.

    >>> row_centres([2.0, 1.0]).tolist()
    [2.0, 0.5]
    """
    own = np.asarray(heights, float)
    return np.cumsum(own[::-1])[::-1] - own / 2


def ticks(room: float, widest: str = "1,000,000") -> int:
    """How many labels as wide as this fit beside each other into so many inches.

    >>> ticks(3.0), ticks(1.0)
    (4, 2)
    """
    return max(2, int(room / (text_width(widest) + 0.1)))


def styled(function: Callable[P, ReportFigure]) -> Callable[P, ReportFigure]:
    """Draw a figure in the house style, and settle its layout once."""

    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> ReportFigure:
        with matplotlib.style.context(house_style()):
            figure = function(*args, **kwargs)
            figure.settle()
        return figure

    return draw


def canvas(
    results: HasProblem | Comparison | None,
    title: str,
    caption: Iterable[str],
    body: float,
    narrow: float | None = None,
    numbers: Numbers | None = None,
) -> ReportFigure:
    """An empty figure with its title above and its caption below, as wide as the page.

    Parameters
    ----------
    results
        Of a quick run: the figure says so, with or without a caption.
    caption
        Sentences; empty ones are left out.
    body, narrow
        Height of axes and labels in inches, without title, legends below and caption; on a narrow
        page the second, where it is given.
    numbers
        What is drawn.
    """
    problem = getattr(results, "problem", None)
    quick = getattr(results, "quick", False) if problem is None else problem.settings.fit.quick
    height = narrow if narrow is not None and page().narrow else body
    sentences = " ".join(s for s in caption if s)
    figure = ReportFigure(height, title, sentences, [QUICK_NOTE + "."] if quick else [])
    figure.numbers = numbers
    return figure


def panels(figure: Figure, count: int, **options: Any) -> np.ndarray:
    """Panels side by side, as many as fit; on a narrow page one below the other. Dims: panel."""
    columns = 1 if page().narrow else min(count, BESIDE)
    found = figure.subplots(panel_rows(count), columns, squeeze=False, **options).ravel()
    for axes in found[count:]:
        axes.remove()
    return found[:count]


def panel_rows(count: int) -> int:
    """Rows that so many panels take on this page."""
    return count if page().narrow else -(-count // BESIDE)


@functools.lru_cache(maxsize=4096)
def text_width(words: str, size: float = SIZE, bold: bool = False) -> float:
    """Width of one line of text in inches, in the font of the figures.

    >>> 0.2 < text_width("six of") < 0.4
    True
    """
    family = families() if lacks(words) else families()[:1]
    font = FontProperties(family=family, weight="bold" if bold else "normal", size=size)
    return WIDER * text_to_path.get_text_width_height_descent(words, font, ismath=False)[0] / 72


def wrapped(
    words: str, room: float, size: float = SIZE, most: int | None = None, bold: bool = False
) -> str:
    """Words on lines that fit into this many inches; what is over the last line is left out.

    >>> wrapped("Care after progression", 0.8)
    'Care after\\nprogression'
    >>> wrapped("Care after progression", 0.8, most=1)
    'Care after …'
    """
    lines: list[str] = []
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], _cut(lines[most - 1], room, size)]
    return "\n".join(lines)


def _cut(line: str, room: float, size: float) -> str:
    """As many words of a line as fit before an ellipsis."""
    words = line.split(" ")
    while len(words) > 1 and text_width(" ".join([*words, "…"]), size) > room:
        words.pop()
    return " ".join([*words, "…"])


def money_axis(axis) -> None:
    """Thousands separators on an axis (`axes.xaxis` or `axes.yaxis`)."""
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}".replace("-", "−")))


def month_axis(axes: Axes, last: float, step: int = 12) -> None:
    """Months since randomisation on the x axis."""
    axes.set_xlim(0, last)
    axes.set_xticks(np.arange(0, last + 1, step))
    axes.set_xlabel("Months since randomisation")


def percent_axis(axes: Axes) -> None:
    """Shares from 0 to 100 % on the y axis."""
    axes.set_ylim(0, 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
