"""report.html: one file with its words, figures, data, style and scripts inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.metadata import PackageNotFoundError, version

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from heor.report import markdown as report
from heor.report.html.data import page_data
from heor.report.html.labels import labels
from heor.report.html.prose import prose, without_heading
from heor.report.html.sections import SECTIONS, Page
from heor.results import Results

#: Library → file of its licence; both stand in the page, each file as it was published.
VENDOR = {
    "d3-7.9.0.min.js": ("LICENSE-d3.txt",),
    "plot-0.6.17.umd.min.js": ("LICENSE-plot.txt", "LICENSE-plot-parts.txt"),
}
SCRIPTS = ("decision.js", "charts.js", "threshold.js", "parameters.js", "page.js")


def page(results: Results, figures: Mapping[str, bytes], language: str = "en") -> str:
    """The whole page as HTML; the same text for the same results and figures.

    Parameters
    ----------
    figures
        Name → SVG file of the run's figures; none with a run without figures.
    language
        `en` or `nb`: headings, axes and controls.

    Raises
    ------
    InputError
        A language the page has no words in.
    """
    words = labels(language)
    templates = _templates()
    parts = Page(results, figures, words, templates)
    made = {name: make(parts) for name, make in SECTIONS.items()}
    scripts = _scripts()
    return templates.get_template("page.html").render(
        language=language,
        words=words,
        title=results.problem.title,
        question=results.problem.question,
        head=_head(results),
        sections={name: body for name, body in made.items() if body},
        warnings=len(results.warnings),
        without_figures=not figures,
        style=Markup(_static("page.css")),
        data=_json(page_data(results, words)),
        scripts=[Markup(script) for script in scripts],
        hashes=" ".join(_hash(script) for script in scripts),
        made_by=words["made_by"].format(version=_version()),
    )


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _head(results: Results) -> Markup:
    """What was run and what was changed, and faulty fits that were accepted."""
    text = without_heading(report.head(results)).removeprefix(results.problem.question).lstrip()
    return prose(text) + prose(report.accepted(results))


def _scripts() -> list[str]:
    """The libraries with their licences, then the page's own."""
    found = []
    for name, licences in VENDOR.items():
        notes = "\n".join(_vendor(licence).replace("*/", "* /") for licence in licences)
        found.append(f"/*\n{notes}*/\n{_vendor(name)}")
    return found + [_static(name) for name in SCRIPTS]


def _hash(script: str) -> str:
    """What the page's policy lets run: these scripts and no other."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _json(content: object) -> Markup:
    """JSON that cannot end its element, whatever a label says."""
    return htmlsafe_json_dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _static(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text(encoding="utf-8")


def _vendor(name: str) -> str:
    return (resources.files(__package__) / "vendor" / name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return version("heor")
    except PackageNotFoundError:
        return ""
