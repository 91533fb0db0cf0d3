"""What every page is made of: templates, style, scripts with their hashes, libraries with licences."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

#: Library → file of its licence; both stand in the page, each file as it was published.
VENDOR = {
    "d3-7.9.0.min.js": ("LICENSE-d3.txt",),
    "plot-0.6.17.umd.min.js": ("LICENSE-plot.txt", "LICENSE-plot-parts.txt"),
}


def script_hash(script: str) -> str:
    """What a page's policy lets run: this script and no other.

    >>> script_hash("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@functools.cache
def templates() -> Environment:
    """The templates, escaping whatever is put into them."""
    found = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["script_hash"] = script_hash
    return found


def rendered(template: str, language: str, words: dict[str, Any], **values: Any) -> str:
    """A whole page: `base.html` or one that extends it.

    Parameters
    ----------
    values
        `title`; `sections`: address → body in their order, and `headings` of them; `scripts`, none
        for a page that runs nothing, and `data` for them; `english`: sections whose headings are
        English on a page of another language; what the template itself needs.
    """
    return (
        templates()
        .get_template(template)
        .render(
            language=language,
            words=words,
            style=Markup(static("page.css")),
            made_by=words["made_by"].format(version=_version()),
            **{"data": "", "scripts": (), "english": (), **values},
        )
    )


def scripts(names: Sequence[str]) -> list[Markup]:
    """The libraries with their licences, then these of the pages' own."""
    found = []
    for name, licences in VENDOR.items():
        notes = "\n".join(_vendor(licence).replace("*/", "* /") for licence in licences)
        found.append(f"/*\n{notes}*/\n{_vendor(name)}")
    return [Markup(script) for script in [*found, *(static(name) for name in names)]]


def as_json(content: object) -> Markup:
    """JSON that cannot end its element, whatever a label says."""
    return htmlsafe_json_dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def static(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text(encoding="utf-8")


def _vendor(name: str) -> str:
    return (resources.files(__package__) / "vendor" / name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return version("heor")
    except PackageNotFoundError:
        return ""
