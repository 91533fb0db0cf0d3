"""report.html of a folder from its own report.md: the same words, with its figures and their numbers.

For every command whose page is not that of a run (`heor.report.html.page`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from heor.report.html import template
from heor.report.html.labels import labels
from heor.report.html.prose import prose
from heor.report.words import plain, table

PAGE = "report.html"
ROWS = 120  # shown below a figure; a longer table is thinned
CURVE_ROWS, MOST_ROWS = 13, 500  # of a curve in a longer table, and of all its curves
HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
TITLE = re.compile(r"^# +(.+)$", re.MULTILINE)
FIGURE = re.compile(r"^!\[(.*?)\]\(figures/([^)]+)\.svg\)$", re.MULTILINE)
ANSWER = "The answer"


@dataclass(frozen=True)
class Explorer:
    """The section in which a reader moves the threshold, and what its scripts need."""

    body: Markup
    data: Markup
    scripts: list[Markup]


@dataclass(frozen=True)
class PlainPage:
    """What a page is made from.

    Attributes
    ----------
    title, question, head : str
        Of the report; the head is Markdown.
    sections : tuple
        Heading and Markdown of each.
    """

    title: str
    question: str
    head: str
    sections: tuple[tuple[str, str], ...]
    figures: Mapping[str, bytes] = field(default_factory=dict)
    numbers: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def write_plain_page(
    place: Path,
    title: str = "",
    language: str = "en",
    explorer: Explorer | None = None,
    without: tuple[str, ...] = (),
) -> None:
    """report.html of a folder, from its report.md, figures/*.svg and figures/data/*.csv.

    Parameters
    ----------
    title
        When the report has no heading of its own.
    language
        `en` or `nb`: of the page's own words; the report's are English.
    explorer
        See `plain_page`.
    without
        Figures that are left out, because the explorer draws them.

    Raises
    ------
    InputError
        A language the page has no words in.
    """
    text = (place / "report.md").read_text(encoding="utf-8")
    figures, numbers = folder_figures(place, without)
    made = plain_page(text, figures, numbers, title, language, explorer)
    (place / PAGE).write_text(made, encoding="utf-8", newline="\n")


def folder_figures(
    place: Path, without: tuple[str, ...] = ()
) -> tuple[dict[str, bytes], dict[str, pd.DataFrame]]:
    """A folder's figures as SVG, and the numbers behind them, by name."""
    found = [p for p in sorted((place / "figures").glob("*.svg")) if p.stem not in without]
    data = {p.stem: place / "figures" / "data" / f"{p.stem}.csv" for p in found}
    numbers = {
        # keep_default_na: a strategy may be called None
        name: pd.read_csv(path, keep_default_na=False, na_values=[""])
        for name, path in data.items()
        if path.exists()
    }
    return {p.stem: p.read_bytes() for p in found}, numbers


def plain_page(
    markdown: str,
    figures: Mapping[str, bytes],
    numbers: Mapping[str, pd.DataFrame],
    title: str = "",
    language: str = "en",
    explorer: Explorer | None = None,
) -> str:
    """A page that needs no other file and no network; it runs nothing, unless there is an explorer.

    Parameters
    ----------
    markdown
        The report: `#` its title, `##` its sections; what stands above the title, or all of a report without
        sections, is the answer. Figures stand alone on a line, `![what it shows](figures/name.svg)`.
    figures, numbers
        Name → SVG file, and the table behind it. A figure that is not here is left out.
    explorer
        Becomes the section after the first.

    Examples
    --------
    >>> page = plain_page("# Two countries\\n\\n## The answer\\n\\n**Yes.**\\n", {}, {})
    >>> '<section id="answer"' in page, "<script" in page
    (True, False)
    """
    words = labels(language)
    parts = _parts(markdown, title, figures, numbers)
    named = dict(zip(_names(parts), parts.sections, strict=True))
    sections = {name: _prose(parts, text, head, language) for name, (head, text) in named.items()}
    known = {heading: name for name, heading in labels("en")["sections"].items()}
    headings = {
        name: words["sections"].get(known.get(head), head) for name, (head, _) in named.items()
    }
    english = [name for name, (head, _) in named.items() if head not in known]
    if explorer:
        first, *rest = sections.items()
        sections = dict([first, ("threshold", explorer.body), *rest])
        headings["threshold"] = words["sections"]["threshold"]
    return template.rendered(
        "plain.html",
        language,
        words,
        title=parts.title,
        question=parts.question,
        head=_prose(parts, parts.head, parts.title, language),
        sections={name: body for name, body in sections.items() if body},
        headings=headings,
        english=english if language != "en" else (),
        **({"data": explorer.data, "scripts": explorer.scripts} if explorer else {}),
    )


def _parts(
    markdown: str,
    title: str,
    figures: Mapping[str, bytes],
    numbers: Mapping[str, pd.DataFrame],
) -> PlainPage:
    """The report taken apart at its headings."""
    head, *rest = HEADING.split(markdown)
    sections = list(zip(rest[::2], rest[1::2], strict=True))
    found = TITLE.search(head)
    if found:
        above, head, title = head[: found.start()].strip(), head[found.end() :], found[1].strip()
        if above:
            sections.insert(0, (ANSWER, above))
    if not sections:
        sections, head = [(ANSWER, head)], ""
    first, _, rest = head.strip().partition("\n\n")
    question, head = (first, rest) if first.endswith("?") else ("", head)
    return PlainPage(title, question, head.strip(), tuple(sections), figures, numbers)


def _names(parts: PlainPage) -> list[str]:
    """An address on the page for each section; one the page has words for keeps its own."""
    known = {heading: name for name, heading in labels("en")["sections"].items()}
    names: list[str] = []
    for heading, _ in parts.sections:
        base = known.get(heading) or "-".join(re.findall(r"\w+", heading.lower())) or "section"
        if base in ("data", "print", "threshold") and heading not in known:
            base = f"{base}-section"  # the page has elements of that name
        name, again = base, 2
        while name in names:
            name, again = f"{base}-{again}", again + 1
        names.append(name)
    return names


def _prose(parts: PlainPage, markdown: str, caption: str, language: str) -> Markup:
    """Words, and figures where they stand between them; empty where there are none."""
    made, last = [], 0
    for found in FIGURE.finditer(markdown):
        made.append(prose(markdown[last : found.start()], caption))
        made.append(_figure(parts, found[2], found[1], language))
        last = found.end()
    body = Markup("").join([*made, prose(markdown[last:], caption)])
    return Markup('<div class="prose" lang="en">{}</div>').format(body) if body else body


def _figure(parts: PlainPage, name: str, label: str, language: str) -> Markup:
    """A figure with the numbers behind it, where both are there."""
    if name not in parts.figures:
        return Markup("")
    words, frame = labels(language), parts.numbers.get(name)
    made = template.templates().get_template("figure.html")
    shown = made.render(
        words=words,
        label=label,
        image=base64.b64encode(parts.figures[name]).decode("ascii"),
        numbers="" if frame is None else _numbers(frame, name, label, words),
    )
    return Markup('<div lang="{}">{}</div>').format(language, Markup(shown))


def _numbers(frame: pd.DataFrame, name: str, label: str, words: dict[str, Any]) -> Markup:
    """The numbers behind a figure, rounded; the file has every digit and row."""
    shown = thinned(frame)
    shown = shown.dropna(axis="columns", how="all")
    texts = shown.apply(lambda column: column.map(_cell)).rename(
        columns=lambda c: str(c).replace("_", " ")
    )
    made = Markup('<div lang="en">{}</div>').format(prose(table(texts), label))
    if len(shown) == len(frame):
        return made
    note = words["thinned"].format(
        shown=f"{len(shown):,}", all=f"{len(frame):,}", file=f"figures/data/{name}.csv"
    )
    return made + Markup('<p class="note">{}</p>').format(note)


def thinned(frame: pd.DataFrame) -> pd.DataFrame:
    """All rows of a short table; of a longer one every curve, evenly picked.

    Rows of a curve have the same words in their columns of words.
    """
    if len(frame) <= ROWS:
        return frame
    by = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c])]
    groups = frame.groupby(by, sort=False, dropna=False).indices.values() if by else ()
    places = [_picked(own, CURVE_ROWS) for own in groups or (np.arange(len(frame)),)]
    return frame.iloc[_picked(np.sort(np.concatenate(places)), MOST_ROWS)]


def _picked(places: np.ndarray, most: int) -> np.ndarray:
    """Both ends and what lies evenly between them."""
    wanted = np.linspace(0, len(places) - 1, min(len(places), most))
    return places[wanted.round().astype(int)]


def _cell(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else plain(value)
    return str(value)
