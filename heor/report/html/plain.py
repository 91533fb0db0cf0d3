"""report.md and report.html of a folder: the same words, with its figures and their numbers.

For every command whose page is not that of a run (`heor.report.html.page`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from heor.report import outline
from heor.report.format.blocks import Block, Blocks, Document, Figure, Part, table
from heor.report.format.translations import labels
from heor.report.format.words import plain
from heor.report.html import template
from heor.report.html.prose import prose
from heor.report.markdown import markdown

PAGE = "report.html"
ROWS = 120  # shown below a figure; a longer table is thinned
CURVE_ROWS, MOST_ROWS = 13, 500  # of a curve in a longer table, and of all its curves


@dataclass(frozen=True)
class Explorer:
    """The section in which a reader moves the threshold, and what its scripts need."""

    body: Markup
    data: Markup
    scripts: list[Markup]


def write_document(
    document: Document,
    place: Path,
    language: str = "en",
    explorer: Explorer | None = None,
    without: tuple[str, ...] = (),
) -> None:
    """report.md and report.html of a folder, with its figures/*.svg and figures/data/*.csv.

    Parameters
    ----------
    language
        `en` or `nb`: of the page's words; the report's are English.
    explorer
        See `plain_page`.
    without
        Figures that are left out of the page, because the explorer draws them.

    Raises
    ------
    InputError
        A language the page has no words in.
    """
    (place / "report.md").write_text(markdown(document), encoding="utf-8")
    figures, numbers = folder_figures(place, without)
    made = plain_page(document, figures, numbers, language, explorer)
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
    document: Document,
    figures: Mapping[str, bytes],
    numbers: Mapping[str, pd.DataFrame],
    language: str = "en",
    explorer: Explorer | None = None,
) -> str:
    """A page that needs no other file and no network; it runs nothing, unless there is an explorer.

    Parameters
    ----------
    document
        The report; what stands above its title is the answer.
    figures, numbers
        Name → SVG file, and the table behind it. A figure that is not here is left out.
    explorer
        Becomes the section after the first.

    Examples
    --------
    >>> from heor.report.format.blocks import Paragraph
    >>> parts = (Part("answer", "The answer", [Paragraph("**Yes.**")]),)
    >>> page = plain_page(Document("Two countries", "", (), parts), {}, {})
    >>> '<section id="answer"' in page, "<script" in page
    (True, False)
    """
    words, english = labels(language), outline.headings(outline.PAGE)
    translated = outline.headings(outline.PAGE, words.get("sections", {}))
    shown = _Figures(figures, numbers, language)
    sections = _sections(document)
    bodies = {p.name: _prose(shown, p.blocks, p.heading) for p in sections}
    known = {p.name for p in sections if english.get(p.name) == p.heading}
    headings = {p.name: translated[p.name] if p.name in known else p.heading for p in sections}
    in_english = [p.name for p in sections if p.name not in known]
    if explorer:
        first, *rest = bodies.items()
        bodies = dict([first, ("threshold", explorer.body), *rest])
        headings["threshold"] = translated["threshold"]
    return template.rendered(
        "plain.html",
        language,
        words,
        title=document.title,
        question=document.question,
        head=_prose(shown, document.head, document.title),
        sections={name: body for name, body in bodies.items() if body},
        headings=headings,
        english=in_english if language != "en" else (),
        **({"data": explorer.data, "scripts": explorer.scripts} if explorer else {}),
    )


def _sections(document: Document) -> list[Part]:
    """Sections of the page: one without a heading is part of the one before it."""
    found: list[Part] = []
    if document.above:
        found.append(Part(outline.ANSWER.name, outline.ANSWER.heading, document.above))
    for part in document.parts:
        if part.heading or not found:
            found.append(part)
        else:
            found[-1] = replace(found[-1], blocks=[*found[-1].blocks, *part.blocks])
    return found


@dataclass(frozen=True)
class _Figures:
    """What a folder has of them."""

    images: Mapping[str, bytes]
    numbers: Mapping[str, pd.DataFrame]
    language: str


def _prose(shown: _Figures, blocks: Blocks, caption: str) -> Markup:
    """Words, and figures where they stand between them; empty where there are none."""
    made = Markup("")
    words: list[Block] = []
    for block in blocks:
        if isinstance(block, Figure):
            made += prose(words, caption) + _figure(shown, block)
            words = []
        else:
            words.append(block)
    body = made + prose(words, caption)
    return Markup('<div class="prose" lang="en">{}</div>').format(body) if body else body


def _figure(found: _Figures, figure: Figure) -> Markup:
    """A figure with the numbers behind it, where both are there."""
    name, label, language = figure.name, figure.label, found.language
    if name not in found.images:
        return Markup("")
    words, frame = labels(language), found.numbers.get(name)
    made = template.templates().get_template("figure.html")
    shown = made.render(
        words=words,
        label=label,
        image=base64.b64encode(found.images[name]).decode("ascii"),
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
