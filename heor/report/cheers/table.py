"""The checklist of a run as a table, a page and one line. Every number comes from `Results`."""

from __future__ import annotations

import pandas as pd

from heor.report import outline
from heor.report.cheers.answer import MISSING, PARTLY, REPORTED, SLOTS
from heor.report.cheers.information import was_valued
from heor.report.cheers.items import CHEERS, CHEERS_VOI, ITEMS, VALUE, VOI_ITEMS
from heor.report.format.blocks import Block, Document, Paragraph, Part, table
from heor.report.format.words import counted
from heor.report.markdown import markdown
from heor.runs.results import Results

PAGE = "cheers.md"
COLUMNS = {
    "item": "Item",
    "topic": "Topic",
    "asks": "What is asked",
    "reports": "What this run reports",
    "where": "Where",
    "status": "Status",
}


def cheers_table(results: Results) -> pd.DataFrame:
    """Each item of CHEERS 2022, and of value of information where it was computed.

    Returns
    -------
    DataFrame
        `item, part, topic, asks, reports, where, status`; `where` names headings of report.md and
        files of the run; status is `reported`, `partly`, `Not reported` or `Not applicable`.
    """
    items = (*ITEMS, *(VOI_ITEMS if was_valued(results) else ()))
    rows = []
    for item in items:
        found = item.answer(results)
        rows.append(
            {
                "item": item.number,
                "part": outline.heading(item.part, outline.CHECKLIST),
                "topic": item.topic,
                "asks": item.asks,
                "reports": " ".join(found.text.split()),
                "where": "; ".join(found.where),
                "status": found.status,
            }
        )
    return pd.DataFrame(rows)


def checklist(results: Results) -> list[Block]:
    """The section of the report: how many items are reported, and where the table is."""
    return [Paragraph(f"{summary(results)} The whole table: [`{PAGE}`]({PAGE}).")]


def summary(results: Results) -> str:
    """How many of the 28 items are reported, and which only authors can fill in."""
    frame = cheers_table(results)
    frame = frame[frame["part"] != outline.heading(VALUE, outline.CHECKLIST)]
    number = frame["status"].value_counts()
    missing = frame.loc[frame["status"] == MISSING, "topic"].str.lower()
    words = (
        f"CHEERS 2022 ({CHEERS}): of {counted(len(frame), 'item')}, {number.get(REPORTED, 0)} are "
        f"reported and {number.get(PARTLY, 0)} in part"
    )
    if missing.empty:
        return f"{words}."
    return f"{words}; for the authors to state in `{SLOTS}`: {', '.join(missing)}."


def cheers_document(results: Results) -> Document:
    """cheers.md: the checklist, part by part."""
    title = f"{outline.heading('checklist')}: {results.problem.title}"
    return Document(
        title, "", [Paragraph(summary(results)), Paragraph(ABOUT)], cheers_parts(results)
    )


def cheers_page(results: Results) -> str:
    """cheers.md as Markdown."""
    return markdown(cheers_document(results))


ABOUT = (
    "What is asked is said in short here; the article has the words of the checklist. Places are "
    "headings of `report.md` and files of the run. An item is reported in part where the run speaks to it "
    "and its authors have something to add."
)


def cheers_parts(results: Results) -> tuple[Part, ...]:
    """One table for each part of the checklist."""
    frame = cheers_table(results)
    made: dict[str, list[Block]] = {}
    for section in outline.CHECKLIST:
        rows = frame[frame["part"] == section.heading]
        if len(rows):
            made[section.name] = table(rows[list(COLUMNS)].rename(columns=COLUMNS), len(COLUMNS))
    if VALUE in made:
        themes = f"The themes of CHEERS-VOI ({CHEERS_VOI}), numbered here."
        made[VALUE] = [Paragraph(themes), *made[VALUE]]
    return outline.parts(outline.CHECKLIST, made)
